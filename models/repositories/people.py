"""People who sign in to the console, and their sessions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select

from models.ids import new_id
from models.repositories.statement import Repository
from models.tables import OrganisationRow, UserRole, UserRow


@dataclass(frozen=True)
class SignedIn:
    """A person behind a session, with the rights of this moment."""

    user_id: UUID
    name: str
    role: UserRole
    organisation_id: UUID
    organisation: str
    one_time: bool
    """The password was given out and is to be replaced before anything else."""


class People(Repository):
    """Who may sign in, and where they are signed in."""

    def add(
        self,
        *,
        organisation_id: UUID,
        name: str,
        role: UserRole,
        password_hash: str,
        life: timedelta,
        by: str,
    ) -> UserRow | None:
        """Store a person with a one-time password; None when the name is taken."""
        made: UUID | None = self._execute(
            """
            INSERT INTO users (id, organisation_id, name, role, password_hash, one_time_until,
                               created_by)
            VALUES (:id, :organisation, :name, :role, :hash, now() + :life, :by)
            ON CONFLICT DO NOTHING RETURNING id
            """,
            id=new_id(),
            organisation=organisation_id,
            name=name,
            role=role.value,
            hash=password_hash,
            life=life,
            by=by,
        ).scalar_one_or_none()
        return self._session.get(UserRow, made) if made else None

    def named(self, name: str) -> UserRow | None:
        """A person by name, in capitals or not; removed or not."""
        return self._session.execute(
            select(UserRow).where(func.lower(UserRow.name) == func.lower(name))
        ).scalar_one_or_none()

    def get(self, user_id: UUID) -> UserRow | None:
        """One person."""
        return self._session.get(UserRow, user_id)

    def listing(self) -> Sequence[tuple[UserRow, str]]:
        """Everybody who may sign in, with the names of their organisations."""
        found = self._session.execute(
            select(UserRow, OrganisationRow.name)
            .join(OrganisationRow, OrganisationRow.id == UserRow.organisation_id)
            .where(UserRow.removed_at.is_(None))
            .order_by(OrganisationRow.name, UserRow.name)
        )
        return [(row, organisation) for row, organisation in found]

    def set_password(self, user_id: UUID, password_hash: str, *, life: timedelta | None) -> None:
        """Replace a password, with a life where it is a one-time one; ends all sessions."""
        self._execute(
            "UPDATE users SET password_hash = :hash, one_time_until = now() + :life WHERE id = :id",
            id=user_id,
            hash=password_hash,
            life=life,
        )
        self.leave_everywhere(user_id)

    def set_hash(self, user_id: UUID, password_hash: str) -> None:
        """Keep the same password, hashed as it is done now."""
        self._execute(
            "UPDATE users SET password_hash = :hash WHERE id = :id", id=user_id, hash=password_hash
        )

    def set_role(self, user_id: UUID, role: UserRole) -> None:
        """Give a person other rights, from the next request on."""
        self._execute("UPDATE users SET role = :role WHERE id = :id", id=user_id, role=role.value)

    def remove(self, user_id: UUID) -> None:
        """Let a person in no more, and out at once."""
        self._execute("UPDATE users SET removed_at = now() WHERE id = :id", id=user_id)
        self.leave_everywhere(user_id)

    def enter(self, user_id: UUID, token_hash: str, life: timedelta) -> None:
        """Begin a session; takes out what has ended."""
        self._execute("DELETE FROM sessions WHERE expires_at <= now()")
        self._execute(
            """
            WITH entered AS (UPDATE users SET signed_in_at = now() WHERE id = :user)
            INSERT INTO sessions (id, user_id, token_hash, seen_at, expires_at)
            VALUES (:id, :user, :hash, now(), now() + :life)
            """,
            id=new_id(),
            user=user_id,
            hash=token_hash,
            life=life,
        )

    def signed_in(self, token_hash: str, idle: timedelta) -> SignedIn | None:
        """The person behind a session, unless it has ended or was not used for too long."""
        row = self._execute(
            """
            SELECT s.id, u.id AS user_id, u.name, u.role, u.organisation_id, o.name AS organisation,
                   u.one_time_until IS NOT NULL AS one_time,
                   s.seen_at < now() - interval '1 minute' AS stale
              FROM sessions s JOIN users u ON u.id = s.user_id
              JOIN organisations o ON o.id = u.organisation_id
             WHERE s.token_hash = :hash AND s.expires_at > now() AND s.seen_at > now() - :idle
               AND u.removed_at IS NULL
               AND (u.one_time_until IS NULL OR u.one_time_until > now())
            """,
            hash=token_hash,
            idle=idle,
        ).one_or_none()
        if row is None:
            return None
        if row.stale:
            self._execute("UPDATE sessions SET seen_at = now() WHERE id = :id", id=row.id)
        return SignedIn(
            row.user_id,
            row.name,
            UserRole(row.role),
            row.organisation_id,
            row.organisation,
            row.one_time,
        )

    def leave(self, token_hash: str) -> None:
        """End a session."""
        self._execute("DELETE FROM sessions WHERE token_hash = :hash", hash=token_hash)

    def leave_everywhere(self, user_id: UUID) -> None:
        """End all sessions of a person."""
        self._execute("DELETE FROM sessions WHERE user_id = :user", user=user_id)
