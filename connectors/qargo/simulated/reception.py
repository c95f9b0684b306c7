"""The reception of the simulated Qargo: tenants, who has signed in, and how often they may call.

Paths and limits are Qargo's (public API description 1.2.0, read 2026-11-20). That a request with
a wrong secret uses up a token request of its tenant, and that one without a good token uses up no
call, is ours.
"""

import base64
import binascii
import datetime as dt
import hmac
import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from connectors.faults import Answer, Fault, Refusal, Request
from connectors.qargo.simulated import bodies
from connectors.qargo.simulated.access import Caller
from connectors.qargo.simulated.limiter import Limiter
from connectors.qargo.simulated.store import (
    BillingEntity,
    Document,
    Event,
    Task,
    TaskStatus,
    Tenant,
)
from connectors.simulator import Simulator, route

FIRST_TENANT = "Brightwater Haulage"
_TOKEN = "/v1/auth/token"  # noqa: S105  # a path


@dataclass(frozen=True)
class _Token:
    client_id: str
    ends_at: dt.datetime


class Reception(Simulator):
    """Tenants, and the way in to them."""

    fault_answers: ClassVar[Mapping[Fault, Answer]] = {
        Fault.ERROR_BEFORE: Answer(500, {"message": "Internal Server Error"}),
        Fault.ERROR_AFTER: Answer(500, {"message": "Internal Server Error"}),
        Fault.THROTTLE: Answer(429, {"error": "Rate limit exceeded"}),
        Fault.AWAY: Answer(503, {"message": "Service Unavailable"}),
        Fault.EXPIRED: Answer(401, {"code": "unauthorized", "message": "the token has ended"}),
    }

    def __init__(
        self,
        *,
        limited: bool = True,
        time_scale: float = 1.0,
        seed: int = 0,
        page_size: int = 50,
        token_life: dt.timedelta = dt.timedelta(hours=1),
    ) -> None:
        """Make an empty Qargo.

        Args:
            limited: Whether rate limits apply: 5 tokens an hour, 2 calls a second, 3 at once;
                each per tenant.
            time_scale: How much faster than ours the clock of the limits runs: with 100, a
                second of ours makes room for 200 calls. `Retry-After` is in our seconds, and
                never 0.
            seed: Where ids and secrets come from: equal seeds, equal ids.
            page_size: Rows in a page of tax rates or accounts.
            token_life: How long a token is good for.
        """
        super().__init__()
        self.seed = seed
        self.limited = limited
        self.ignores_filter = False
        self.passed = dt.timedelta(0)
        self.tenants = {FIRST_TENANT: Tenant(FIRST_TENANT, seed)}
        self.tokens: dict[str, _Token] = {}
        self.token_requests: Counter[str] = Counter()
        self.audit: list[Event] = []
        self.page_size = page_size
        self._token_life = token_life

        def seconds() -> float:
            return time.monotonic() * time_scale + self.passed.total_seconds()

        self._limiter = Limiter(seconds, time_scale)

    def now(self) -> dt.datetime:
        """Qargo's clock."""
        return dt.datetime.now(dt.UTC) + self.passed

    @property
    def throttled(self) -> Counter[str]:
        """How many 429 the limits gave: `token`, `api`."""
        return self._limiter.refused

    @property
    def calls(self) -> Counter[str]:
        """How often each kind of call came in, those that met a fault included."""
        counted: Counter[str] = Counter()
        for asked, times in dict(self.requests).items():
            method, _, path = asked.partition(" ")
            names = (
                name
                for verb, pattern, name in self.routes
                if verb == method and pattern.fullmatch(path)
            )
            counted[next(names, "other")] += times
        return counted

    def tenant(self, name: str | None = None) -> Tenant:
        """A tenant by name; None is the first."""
        return self.tenants[name or FIRST_TENANT]

    def entity(self, code: str, tenant: str | None = None) -> BillingEntity:
        """A billing entity that is there."""
        found = self.tenant(tenant).entity(code)
        if found is None:
            raise LookupError(f"there is no billing entity {code}; add_entity() makes it")
        return found

    def issue(self, at: Tenant, document: Document) -> Task:
        """Keep a new document, and the task that asks for it to be posted."""
        task = Task(at.new_id(), document.id, document.subject_type.task_type)
        at.documents[document.id] = document
        at.tasks[task.id] = task
        return task

    def settle(self, at: Tenant, task: Task, status: TaskStatus, by: str | None = None) -> Task:
        """Write down what became of a task; a completed one makes its document posted."""
        at.tasks[task.id] = replace(task, status=status, reported_by=by)
        document = at.documents[task.document_id]
        if status is TaskStatus.COMPLETED:
            posted = replace(document, status=document.subject_type.posted)
            at.documents[document.id] = posted
        return at.tasks[task.id]

    def admit(self, request: Request) -> None:
        """Refuse whoever has not signed in, and who calls too often."""
        if request.path != _TOKEN:
            caller = self.caller(request)
            self._make_room(self.limited and self._limiter.call(caller.tenant.id))

    @staticmethod
    def _make_room(wait: int | bool | None) -> None:
        if wait:
            error = {"error": "Rate limit exceeded"}
            raise Refusal(429, error, {"Retry-After": str(int(wait))})

    def caller(self, request: Request) -> Caller:
        """Who has signed in, with the rights of now: links count, not when the token was made."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        token = self.tokens.get(given) if scheme == "Bearer" else None
        if token is None or token.ends_at <= self.now():
            raise _unauthorized("the token is missing, not known, or has ended")
        at = self._tenant_with(token.client_id)
        client = at.clients[token.client_id] if at else None
        if at is None or client is None or client.revoked:
            raise _unauthorized("the API client was removed")
        return Caller(at, client, at.integrations.get(client.integration_id or ""))

    def _tenant_with(self, client_id: str) -> Tenant | None:
        return next((at for at in self.tenants.values() if client_id in at.clients), None)

    @route("POST", _TOKEN)
    def token(self, request: Request) -> Answer:
        """Give a token to an API client; what it asks for in vain counts as well."""
        bodies.only(request)
        client_id, secret = _basic(request)
        at = self._tenant_with(client_id)
        if at is None:
            raise _unauthorized("the API client is not known")
        self.token_requests[client_id] += 1
        self._make_room(self.limited and self._limiter.token(at.id))
        client = at.clients[client_id]
        if client.revoked or not hmac.compare_digest(client.secret_id.encode(), secret.encode()):
            raise _unauthorized("the API client was removed, or its secret is another one")
        if request.body:
            bodies.read(bodies.Nothing, request)
        ends_at = self.now() + self._token_life
        value = _jwt(at, client_id, ends_at)
        self.tokens[value] = _Token(client_id, ends_at)
        seconds = int(self._token_life.total_seconds())
        return Answer(body={"access_token": value, "expires_in": seconds})


def _basic(request: Request) -> tuple[str, str]:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    try:
        client_id, _, secret = base64.b64decode(given, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        client_id = secret = ""
    if scheme != "Basic" or not client_id or not secret:
        raise _unauthorized("sign in with client id and secret id, as HTTP Basic")
    return client_id, secret


def _jwt(at: Tenant, client_id: str, ends_at: dt.datetime) -> str:
    """A token that looks like Qargo's; what is signed is not looked at."""

    def part(value: Mapping[str, object]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    claims = {"sub": client_id, "tenant": at.id, "exp": int(ends_at.timestamp())}
    return f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(claims)}.{at.new_id().replace('-', '')}"


def _unauthorized(message: str) -> Refusal:
    return Refusal(401, {"code": "unauthorized", "message": message})
