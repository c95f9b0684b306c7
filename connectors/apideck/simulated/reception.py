"""The way in to the simulated Apideck: application, consumers, connections, limits.

Headers and their meaning are those of the public OpenAPI document 10.34.0 (read 2026-11-20). Ours,
because no source decides: that an application id or a consumer which is not known is a 401 and a
missing service id, where there are several connections, a 400.
"""

import datetime as dt
import hmac
import random
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import ClassVar

from connectors.apideck.simulated import answers, sample, vault, webhooks
from connectors.apideck.simulated.books import Books
from connectors.apideck.simulated.profiles import Profile
from connectors.apideck.simulated.vault import Connection
from connectors.apideck.simulated.webhooks import Event
from connectors.faults import Answer, Fault, Request
from connectors.simulator import Simulator

_MINUTE = 60.0


class Reception(Simulator):
    """An application, and the connections of its consumers."""

    fault_answers: ClassVar[Mapping[Fault, Answer]] = {
        Fault.ERROR_BEFORE: answers.ledger(500),
        Fault.ERROR_AFTER: answers.ledger(500),
        Fault.THROTTLE: answers.limited(None),
        Fault.AWAY: answers.ledger(503),
        Fault.EXPIRED: Answer(
            401, answers.error_body(401, "UnauthorizedError", "Unauthorized", "Unknown API key")
        ),
        Fault.STALE: Answer(
            400,
            answers.declined("Another user has just changed it", code="5010").answer.body,
        ),
    }

    def __init__(self, *, seed: int = 0) -> None:
        super().__init__()
        self.seed = seed
        # Only ids and secrets of make-believe come from it; equal seeds make equal books.
        self.chance = random.Random(seed)  # noqa: S311  # nothing to protect
        self.passed = dt.timedelta(0)
        self.api_key = self.new_key()
        self.app_id = f"app-{self.chance.getrandbits(48):012x}"
        self.consumer_id = f"consumer-{self.chance.getrandbits(32):08x}"
        self.connections: dict[tuple[str, str], Connection] = {}
        """(consumer, service) → connection."""
        self.events: list[Event] = []
        self.written: Counter[str] = Counter()
        self.quota_used = False
        self.page_actions: dict[str, list[Callable[[], object]]] = {}
        self.stalls: Counter[str] = Counter()

    def now(self) -> dt.datetime:
        """The clock of Apideck and of all its ledgers, which goes in milliseconds."""
        at = dt.datetime.now(dt.UTC) + self.passed
        return at.replace(microsecond=at.microsecond // 1000 * 1000)

    def new_key(self) -> str:
        """An API key that looks like one."""
        return f"sk_test_{self.chance.getrandbits(128):032x}"

    @property
    def calls(self) -> Counter[str]:
        """How often each kind of call came in, those that met a fault included."""
        counted: Counter[str] = Counter()
        for asked, times in dict(self.requests).items():
            method, _, path = asked.partition(" ")
            counted[_kind(method, path)] += times
        return counted

    def reset_figures(self) -> None:
        """Forget what setting up has caused: events and what was written."""
        self.events.clear()
        self.written.clear()

    def add_connection(self, profile: Profile, consumer_id: str) -> Connection:
        """Connect a ledger with books of its own, sample data in it."""
        made = Connection(
            id=f"accounting+{profile.service_id}",
            consumer_id=consumer_id,
            books=self._books(profile),
            created_at=self.now(),
        )
        self.connections[consumer_id, profile.service_id] = made
        self._tell("vault.connection.created", made, made.id)
        return made

    def _books(self, profile: Profile) -> Books:
        companies = [self._company_id()]
        if profile.several_companies:
            companies.append(self._company_id())

        def note(resource: str, record_id: str, verb: str) -> None:
            word = webhooks.ENTITIES.get(resource)
            at = next((one for one in self.connections.values() if one.books is books), None)
            if word and at:
                self._tell(f"accounting.{word}.{verb}", at, record_id)

        books = Books(profile, tuple(companies), self.now, self.chance, note)
        sample.furnish(books)
        return books

    def _company_id(self) -> str:
        return str(uuid.UUID(int=self.chance.getrandbits(128), version=4))

    def _tell(self, event: str, at: Connection, entity_id: str) -> None:
        vaults = event.startswith("vault.")
        self.events.append(
            Event(
                id=str(uuid.UUID(int=self.chance.getrandbits(128), version=4)),
                type=event,
                service_id=at.service_id,
                consumer_id=at.consumer_id,
                entity_id=entity_id,
                occurred_at=self.now(),
                entity=vault.described(at) if vaults else None,
            )
        )

    def move(
        self,
        at: Connection,
        *,
        state: str | None = None,
        health: str | None = None,
        enabled: bool | None = None,
    ) -> None:
        """A connection's state changes, and an event tells so."""
        at.state = state or at.state
        at.health = health or at.health
        at.enabled = at.enabled if enabled is None else enabled
        kind = "updated"
        if not at.enabled:
            kind = "disabled"
        elif at.health == "revoked":
            kind = "revoked"
        elif at.health == "pending_refresh":
            kind = "token_refresh.pending"
        elif at.state == "callable":
            kind = "callable"
        self._tell(f"vault.connection.{kind}", at, at.id)

    def other_company(self, at: Connection) -> str:
        """Other books come to be connected, empty but for their chart."""
        at.books = self._books(at.profile)
        self._tell("vault.connection.updated", at, at.id)
        return at.company_id

    def migrated(self, at: Connection, profile: Profile) -> Connection:
        """The same books under another service."""
        del self.connections[at.consumer_id, at.service_id]
        moved = replace(at, id=f"accounting+{profile.service_id}")
        moved.books.profile = profile
        self.connections[moved.consumer_id, moved.service_id] = moved
        self._tell("vault.connection.migrated", moved, moved.id)
        return moved

    def admit(self, request: Request) -> None:
        """Refuse whoever is not the application, or has used its plan up."""
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not hmac.compare_digest(key.encode(), self.api_key.encode()):
            raise answers.refusal(401, "UnauthorizedError", "Unauthorized", "Unknown API key")
        if request.headers.get("x-apideck-app-id") != self.app_id:
            text = "x-apideck-app-id is missing or not of this API key"
            raise answers.refusal(401, "UnauthorizedError", "Unauthorized", text)
        if self.quota_used:
            text = "The requests of the plan are used up"
            raise answers.refusal(402, "RequestLimitError", "Request limit reached", text)

    def consumer(self, request: Request) -> str:
        """Whose connections a request is about."""
        given = request.headers.get("x-apideck-consumer-id")
        if not given:
            raise answers.bad_headers("x-apideck-consumer-id is required")
        if all(consumer != given for consumer, _ in self.connections):
            text = f"There is no consumer {given}"
            raise answers.refusal(401, "UnauthorizedError", "Unauthorized", text)
        return given

    def connected(self, request: Request) -> Connection:
        """The connection that a request goes through, ready or not."""
        consumer = self.consumer(request)
        service = request.headers.get("x-apideck-service-id")
        mine = [at for (whose, _), at in self.connections.items() if whose == consumer]
        if service is None:
            if len(mine) > 1:
                raise answers.bad_headers("x-apideck-service-id is required")
            return mine[0]
        found = next((at for at in mine if at.service_id == service), None)
        if found is None:
            text = f"The consumer has no connection to {service}"
            raise answers.refusal(401, "ConnectionNotFoundError", "Connection not found", text)
        return found

    def ready(self, request: Request) -> Connection:
        """The same, which the ledger lets in and has room for."""
        at = self.connected(request)
        if no := vault.refused(at, self.now()):
            raise no
        limit = at.profile.ledger_calls_per_minute
        if limit is not None:
            now = self.now().timestamp()
            at.ledger_calls[:] = [one for one in at.ledger_calls if one > now - _MINUTE]
            if len(at.ledger_calls) >= limit:
                reset = int(at.ledger_calls[0] + _MINUTE) + 1 if at.profile.tells_reset else None
                full = answers.limited(reset, limit=limit)
                raise answers.refusal_of(full)
            at.ledger_calls.append(now)
        return at

    def limit_headers(self, at: Connection) -> dict[str, str]:
        """What is left of the ledger's limit, as far as it says so."""
        limit = at.profile.ledger_calls_per_minute
        if limit is None or not at.ledger_calls:
            return {}
        said = {
            "x-downstream-ratelimit-limit": str(limit),
            "x-downstream-ratelimit-remaining": str(limit - len(at.ledger_calls)),
        }
        if at.profile.tells_reset:
            said["x-downstream-ratelimit-reset"] = str(int(at.ledger_calls[0] + _MINUTE) + 1)
        return said


_WORDS = {"POST": "create", "PATCH": "update", "DELETE": "delete"}


def _kind(method: str, path: str) -> str:
    """`list invoices`, `update payments`, `get coverage` ..."""
    _, api, *rest = path.split("/")
    if api == "accounting" and 0 < len(rest) < 3:  # noqa: PLR2004  # a resource, or one record
        single = len(rest) == 2 or rest[0] == "company-info"  # noqa: PLR2004  # one record
        return f"{_WORDS.get(method) or ('get' if single else 'list')} {rest[0]}"
    if api == "vault" and rest and rest[0] == "connections":
        return f"{_WORDS.get(method) or ('list' if len(rest) == 1 else 'get')} connections"
    if api == "connector":
        return "get coverage"
    return "other"
