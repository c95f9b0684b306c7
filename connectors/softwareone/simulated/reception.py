"""The way in: whose token it is, whether it may, and how refusals are worded.

A token is good for one account; what it may do is the account's kind cut by the modules granted
to it. What a role may not do is 403, what belongs to somebody else is 404 (the platform's object
descriptions and API overview, read 2026-11-20).
"""

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from connectors.faults import Answer, Fault, Request
from connectors.simulator import Simulator
from connectors.softwareone.simulated import answers, rights
from connectors.softwareone.simulated.answers import Problem
from connectors.softwareone.simulated.files import Link
from connectors.softwareone.simulated.parties import Account, Parties, settled
from connectors.softwareone.simulated.platform import Platform
from connectors.softwareone.simulated.schemas import OPERATIONS
from connectors.softwareone.simulated.steps import WrongState
from connectors.softwareone.simulated.store import Books, Record
from connectors.softwareone.simulated.traits import Traits

BILLING = "Billing"


@dataclass(frozen=True)
class Token:
    """An API token of an account."""

    value: str
    account: Account
    works_from: dt.datetime
    modules: frozenset[str] = field(default_factory=lambda: frozenset({BILLING}))


class Reception(Simulator):
    """The platform's books, and the way in to them."""

    fault_answers: ClassVar[Mapping[Fault, Answer]] = {
        Fault.ERROR_BEFORE: answers.problem(500, "Internal error"),
        Fault.ERROR_AFTER: answers.problem(500, "Internal error"),
        Fault.THROTTLE: answers.problem(429, "Too many requests"),
        Fault.AWAY: answers.problem(503, "The service is unavailable"),
        Fault.EXPIRED: answers.problem(401, "The token is not known"),
        Fault.STALE: answers.problem(409, "The record was changed by somebody else"),
    }

    def __init__(self, *, seed: int, traits: Traits) -> None:
        super().__init__()
        self.passed = dt.timedelta(0)
        self.traits = traits
        self.books = Books(seed, self.now)
        self.parties = Parties(self.books)
        self.known = settled(self.parties)
        self.platform = Platform(self.books, self.parties, lambda: self.traits)
        self.tokens: dict[str, Token] = {}
        """By account id."""
        self.links: dict[str, Link] = {}
        self.leaked: list[str] = []
        self.written: Counter[str] = Counter()
        self._turn = 0
        for account in self.parties.accounts.values():
            self.give_token(account)

    def now(self) -> dt.datetime:
        """The platform's clock."""
        return dt.datetime.now(dt.UTC) + self.passed

    @property
    def turn(self) -> int:
        """Another number with every request."""
        return self._turn

    @property
    def calls(self) -> Counter[str]:
        """How often each kind of call came in, refused ones and those with a fault included."""
        counted: Counter[str] = Counter()
        for asked, times in dict(self.requests).items():
            method, _, path = asked.partition(" ")
            counted[rights.name_of(method, path)] += times
        return counted

    def give_token(self, account: Account, works_after: dt.timedelta = dt.timedelta(0)) -> str:
        """Make an account's token, in place of the one it has."""
        secret = f"{self.books.chance.getrandbits(160):040x}"
        value = f"idt:{self.books.new_id('TKN')}:{secret}"
        self.tokens[account.id] = Token(value, account, self.now() + works_after)
        return value

    def change_token(self, account: Account, **changes: Any) -> None:
        """Change what an account's token is good for."""
        self.tokens[account.id] = replace(self.tokens[account.id], **changes)

    def _routed(self, request: Request) -> Answer:
        self._turn += 1
        try:
            answer = super()._routed(request)
        except Problem as refusal:
            return self._worded(refusal)
        except WrongState as refusal:
            return self._worded(Problem(self.traits.wrong_state, str(refusal)))
        return answer

    def _worded(self, refusal: Problem) -> Answer:
        said = answers.problem(
            refusal.status,
            refusal.detail,
            errors=refusal.errors,
            listed=self.traits.error_list,
            trace=f"00-{self._turn:032x}-00",
        )
        return Answer(said.status, said.body, {**said.headers, **refusal.answer.headers})

    def admit(self, request: Request) -> None:
        """Let happen what is due; refuse paths that are not modelled, and who may not come in."""
        self.books.take_due()
        name = rights.name_of(request.method, request.path)
        if name == "download":
            return
        account = self.account_of(request)
        if name == "other" or not self._modelled(request, name):
            raise self._unknown(request)
        allowed = rights.RIGHTS[name]
        if name == "upload journals" and self.traits.operations_upload:
            allowed |= {OPERATIONS}
        if account.role not in allowed:
            raise Problem(403, f"A token of the kind {account.role} may not {name}")

    def _modelled(self, request: Request, name: str) -> bool:
        """Whether this generation of the API has a path."""
        if name.endswith("manual-overrides"):
            return f"/{self.traits.overrides_at}" in request.path
        if "/lines" in name:
            return self.traits.line_paths
        return name != "update invoices" or self.traits.updates_invoices

    def _unknown(self, request: Request) -> Problem:
        known = rights.other_methods(request.path)
        others = [one for one in known if one != request.method]
        if others and "/lines" not in request.path and "overrides" not in request.path:
            return Problem(
                405, f"{request.method} is not allowed here", headers={"allow": ", ".join(others)}
            )
        return answers.missing(f"{request.method} {request.path}")

    def account_of(self, request: Request) -> Account:
        """Whose token a request carries.

        Raises:
            Problem: 401, or 403 when the token has not been given the billing module.
        """
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        token = next((one for one in self.tokens.values() if one.value == given), None)
        if scheme != "Bearer" or token is None or token.works_from > self.now():
            raise Problem(401, "The token is missing, or not known")
        if BILLING not in token.modules:
            raise Problem(403, "The token has not been given the module Billing")
        return token.account

    def found(self, account: Account, kind: str, record_id: str) -> Record:
        """A record that an account sees.

        Raises:
            Problem: 404.
        """
        record = self.books.records.get(record_id)
        if record is None or record.kind != kind or not self.sees(account, record):
            raise answers.missing(record_id)
        return record

    @staticmethod
    def sees(account: Account, record: Record) -> bool:
        """Whether a record is there for an account."""
        return not record.deleted and record.owned_by(account.role, account.id)
