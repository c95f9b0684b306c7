"""People: who may sign in to the console, and what each may do there.

A password that was given out is good for a week and for one thing: choosing another one. What a
browser holds is random; here are only hashes. Rights are read anew for every request.
"""

import hashlib
import hmac
import secrets
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from models.repositories import SignedIn
from models.tables import UserRole, UserRow
from models.unit_of_work import Begin, UnitOfWork
from sync.errors import (
    AccessDeniedError,
    InvalidInputError,
    NotAllowedError,
    NotFoundError,
    UnauthenticatedError,
)

SESSION_LIFE = timedelta(days=7)
IDLE = timedelta(hours=12)
"""A session that nobody used for so long has ended."""
ONE_TIME_LIFE = timedelta(days=7)
SHORTEST, LONGEST = 12, 200
"""Letters of a password."""
LONGEST_NAME = 80

# OWASP "Password Storage Cheat Sheet", Argon2id: 19 MiB, two passes, one lane.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_AT_ONCE = threading.BoundedSemaphore(4)
"""A crowd of sign-ins must not take all memory and both cores."""
_NOBODY = _HASHER.hash(secrets.token_urlsafe(16))
"""What a password is compared with where the name is unknown: it takes as long."""
_RANKS = {role: rank for rank, role in enumerate(UserRole)}


@dataclass(frozen=True)
class Person:
    """Somebody who is signed in, with the rights of this moment."""

    user_id: UUID
    name: str
    role: UserRole
    organisation_id: UUID
    organisation: str
    must_choose: bool
    """The password is a one-time one: nothing else is possible before it is replaced."""

    @property
    def actor(self) -> str:
        """Who it is in the audit log."""
        return f"user:{self.name}"

    def may(self, role: UserRole) -> bool:
        """Whether the person may do what that role may."""
        return _RANKS[self.role] >= _RANKS[role]

    def require(self, role: UserRole) -> None:
        """Refuse what takes more rights.

        Raises:
            AccessDeniedError: The person's role does not go that far.
        """
        if not self.may(role):
            raise AccessDeniedError(
                "role",
                f"your role is {self.role.value}: this takes a{'n' * (role.value[0] in 'aeiou')} "
                f"{role.value}. Ask whoever runs Ledgerbridge for the role",
            )


@dataclass(frozen=True)
class NewUser:
    """A person who may sign in; the password is shown once."""

    row: UserRow
    password: str


def add(
    work: UnitOfWork, *, organisation_id: UUID, name: str, role: UserRole, actor: str
) -> NewUser:
    """Let a person sign in with a one-time password.

    Raises:
        InvalidInputError: The name cannot be used.
        NotAllowedError: Somebody has it already.
    """
    name = name.strip()
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise InvalidInputError(f"a name has 1 to {LONGEST_NAME} letters that can be printed")
    password = _one_time()
    row = work.people.add(
        organisation_id=organisation_id,
        name=name,
        role=role,
        password_hash=_hashed(password),
        life=ONE_TIME_LIFE,
        by=actor,
    )
    if row is None:
        raise NotAllowedError(f"there is a user {name!r} already, or was one")
    work.audit.add(actor, "user.add", name, role=role.value)
    return NewUser(row, password)


def named(work: UnitOfWork, name: str) -> UserRow:
    """A person who may sign in.

    Raises:
        NotFoundError: There is none of that name.
    """
    row = work.people.named(name)
    if row is None or row.removed_at is not None:
        raise NotFoundError(f"there is no user {name!r}: see `ledgerbridge users list`")
    return row


def reset(work: UnitOfWork, name: str, *, actor: str) -> str:
    """A new one-time password for somebody who forgot theirs; signed out everywhere."""
    row = named(work, name)
    password = _one_time()
    work.people.set_password(row.id, _hashed(password), life=ONE_TIME_LIFE)
    work.audit.add(actor, "user.reset", row.name)
    return password


def set_role(work: UnitOfWork, name: str, role: UserRole, *, actor: str) -> None:
    """Give a person other rights, from the next request on."""
    row = named(work, name)
    work.people.set_role(row.id, role)
    work.audit.add(actor, "user.role", row.name, role=role.value)


def remove(work: UnitOfWork, name: str, *, actor: str) -> None:
    """Let a person in no more, and out at once; the name is not given to anybody else."""
    row = named(work, name)
    work.people.remove(row.id)
    work.audit.add(actor, "user.remove", row.name)


def sign_in(begin: Begin, name: str, password: str) -> str:
    """Begin a session; gives what the browser is to keep.

    Raises:
        UnauthenticatedError: Name and password do not go together, or the password has ended.
    """
    refused = UnauthenticatedError("name and password do not go together")
    if "\0" in name or len(name) > LONGEST_NAME or len(password) > LONGEST:
        raise refused
    with begin() as work:
        row = work.people.named(name)
    known = row is not None and row.removed_at is None
    right = _fits(row.password_hash if row is not None and known else _NOBODY, password)
    if row is None or not known or not right:
        if row is not None:
            with begin() as work:
                work.audit.add("console", "user.sign_in_refused", row.name)
        raise refused
    if row.one_time_until is not None and row.one_time_until <= datetime.now(UTC):
        raise UnauthenticatedError(
            "the one-time password has ended: ask for a new one (`ledgerbridge users reset NAME`)"
        )
    token = secrets.token_urlsafe(32)
    anew = _hashed(password) if _HASHER.check_needs_rehash(row.password_hash) else None
    with begin() as work:
        if anew is not None:
            work.people.set_hash(row.id, anew)
        work.people.enter(row.id, _digest(token), SESSION_LIFE)
        work.audit.add(f"user:{row.name}", "user.sign_in", row.name)
    return token


def person_of(begin: Begin, token: str) -> Person | None:
    """Who is behind a browser's token, if it is still good."""
    with begin() as work:
        found: SignedIn | None = work.people.signed_in(_digest(token), IDLE)
    if found is None:
        return None
    return Person(
        found.user_id,
        found.name,
        found.role,
        found.organisation_id,
        found.organisation,
        found.one_time,
    )


def sign_out(begin: Begin, person: Person, token: str) -> None:
    """End a session."""
    with begin() as work:
        work.people.leave(_digest(token))
        work.audit.add(person.actor, "user.sign_out", person.name)


def choose_password(begin: Begin, person: Person, old: str, new: str) -> str:
    """Replace one's own password; all sessions end and a new one begins, whose token is given.

    Raises:
        InvalidInputError: The old one is wrong, or the new one will not do.
    """
    with begin() as work:
        row = work.people.get(person.user_id)
    if row is None or len(old) > LONGEST or not _fits(row.password_hash, old):
        raise InvalidInputError("the present password is not right")
    if not SHORTEST <= len(new) <= LONGEST:
        raise InvalidInputError(f"the new password must have {SHORTEST} to {LONGEST} letters")
    if len(set(new)) < SHORTEST // 2 or person.name.casefold() in new.casefold():
        raise InvalidInputError("the new password is too easy to guess: take a few unusual words")
    if hmac.compare_digest(old.encode(), new.encode()):
        raise InvalidInputError("the new password is the present one")
    hashed, token = _hashed(new), secrets.token_urlsafe(32)
    with begin() as work:
        work.people.set_password(row.id, hashed, life=None)
        work.people.enter(row.id, _digest(token), SESSION_LIFE)
        work.audit.add(person.actor, "user.password", person.name)
    return token


def form_token(secret: str) -> str:
    """What a form must bring along that belongs to a browser's secret: nobody else can tell it."""
    return hashlib.sha256(f"form:{secret}".encode()).hexdigest()


def _digest(token: str) -> str:
    # A token of 256 random bits needs no slow hash.
    return hashlib.sha256(token.encode()).hexdigest()


def _one_time() -> str:
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(5)) for _ in range(4))


def _hashed(password: str) -> str:
    with _AT_ONCE:
        return _HASHER.hash(password)


def _fits(known: str, password: str) -> bool:
    try:
        with _AT_ONCE:
            return _HASHER.verify(known, password)
    except (VerificationError, InvalidHashError, UnicodeError):
        return False
