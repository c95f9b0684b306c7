"""The HTTP side: keys, tokens, headers, limits, and one address for all of GraphQL."""

import datetime as dt
import json
import math
import random
import re
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

from connectors.sage_active.simulation import seed as seeding
from connectors.sage_active.simulation.company import Company
from connectors.sage_active.simulation.execute import Access, Call, run
from connectors.sage_active.simulation.oauth import Tokens
from connectors.sage_active.simulation.refusals import Row
from connectors.sage_active.simulation.rules import ServerRules
from connectors.sage_active.simulation.schema import schema
from connectors.sage_active.simulation.store import Clock
from connectors.simulator import Answer, Fault, Refusal, Request, Simulator, route

GRAPHQL = "/graphql"
_MUTATION = re.compile(rb"mutation(?:\\[nrt]|[\s({])")
_ZERO_ID = "00000000-0000-0000-0000-000000000000"


def _gateway(status: int, message: str) -> Answer:
    """How the gateway in front of the service words things."""
    return Answer(status, {"statusCode": status, "message": message})


_BAD_KEY = (
    "Access denied due to invalid subscription key."
    " Make sure to provide a valid key for an active subscription."
)
_NO_KEY = (
    "Access denied due to missing subscription key."
    " Make sure to include subscription key when making requests to an API."
)


class SageActiveService(Simulator):
    """The server: several companies behind one sign-in."""

    fault_answers: ClassVar[Mapping[Fault, Answer]] = {
        Fault.ERROR_BEFORE: _gateway(500, "Internal server error"),
        Fault.ERROR_AFTER: _gateway(500, "Internal server error"),
        Fault.THROTTLE: _gateway(429, "Rate limit is exceeded. Try again later."),
        Fault.AWAY: _gateway(503, "Service unavailable"),
        Fault.EXPIRED: _gateway(401, "JWT not present."),
    }

    def __init__(self, rules: ServerRules, *, seed: int) -> None:
        super().__init__()
        schema()  # once per process, so that no request has to wait for it
        self.rules = rules
        self.clock = Clock()
        self.tokens = Tokens(lambda: self.rules, self.now)
        self.calls: Counter[str] = Counter()
        self.costs: dict[str, int] = {}
        self.revoked_keys: set[str] = set()
        self.user_locked_out = False
        self.page_actions: dict[str, list[Callable[[], object]]] = {}
        self.peak_mutations = 0
        self._under_way = 0
        self._gate = threading.Lock()
        self._window: deque[dt.datetime] = deque()
        chance = random.Random(seed)  # noqa: S311  # sample data, not secrets
        self.profile = seeding.profile(chance)
        self.companies: dict[str, Company] = {}
        for legislation in seeding.LEGISLATIONS:
            books = seeding.books(legislation, self.clock, chance, lambda: self.rules)
            self.companies[legislation] = Company(books, Access(), self.lock)

    def now(self) -> dt.datetime:
        """The ledger's own clock."""
        return self.clock.now()

    def handle(self, request: Request) -> Answer:
        """Answer a request; too many mutations at the same time are turned away at the door."""
        writes = request.path == GRAPHQL and _MUTATION.search(request.body) is not None
        if not writes:
            return super().handle(request)
        with self._gate:
            self._under_way += 1
            self.peak_mutations = max(self.peak_mutations, self._under_way)
            crowded = self._under_way > self.rules.parallel_mutations
        try:
            if crowded:
                answer = _gateway(429, "Too many mutations at the same time.")
                return replace(answer, headers={"Retry-After": "1"})
            return super().handle(request)
        finally:
            with self._gate:
                self._under_way -= 1

    @route("GET", "/connect/authorize")
    def authorize(self, request: Request) -> Answer:
        """Ask whoever sits there for consent; they answer at once."""
        return self.tokens.authorize(request)

    @route("POST", "/connect/token")
    def token(self, request: Request) -> Answer:
        """Give tokens for a code or for a refresh token."""
        return self.tokens.token(request)

    @route("POST", "/connect/revocation")
    def revocation(self, request: Request) -> Answer:
        """End a token."""
        return self.tokens.revoke(request)

    @route("POST", GRAPHQL)
    def graphql(self, request: Request) -> Answer:
        """Execute a query or mutation."""
        self._require_key(request)
        self._throttle()
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        consent = self.tokens.consent_of(token) if scheme.lower() == "bearer" else None
        if consent is None:
            raise Refusal(401, {"statusCode": 401, "message": "JWT not present."})
        if self.user_locked_out:
            raise Refusal(403, {"statusCode": 403, "message": "Forbidden"})
        if not request.headers.get("content-type", "").startswith("application/json"):
            raise Refusal(400, {"Message": "Bad Request", "Code": None, "Path": None})
        call = self._call(request, may_write="WDSA" in consent.scope)
        try:
            body = request.json()
        except Refusal:
            raise Refusal(400, {"errors": [{"message": "The request is not JSON."}]}) from None
        (status, answer), lists = run(call, body, costs=self.costs)
        for name in lists:
            if actions := self.page_actions.get(name):
                actions.pop(0)()
        return Answer(status, json.dumps(answer).encode())

    def _call(self, request: Request, *, may_write: bool) -> Call:
        wanted = request.headers.get("x-organizationid", "")
        company = next((one for one in self.companies.values() if one.id == wanted.lower()), None)
        organisations = [
            one.books.organisation for one in self.companies.values() if one.access.allowed
        ]
        return Call(
            rules=self.rules,
            profile=self.profile,
            organisations=[*organisations, self._unfinished()],
            books=company.books if company else None,
            access=company.access if company else None,
            header_given=bool(wanted),
            may_write=may_write,
            calls=self.calls,
        )

    def _unfinished(self) -> Row:
        """An organisation that nobody has set up to the end: it cannot be used."""
        return {
            "id": _ZERO_ID,
            "creationDate": None,
            "modificationDate": None,
            "onboardingCompleted": False,
            "onboardingDateCompleted": None,
            "legislationCode": "FR",
            "socialName": "Nouvelle Entreprise",
        }

    def _require_key(self, request: Request) -> None:
        given = request.headers.get("x-api-key")
        if given is None:
            raise Refusal(401, {"statusCode": 401, "message": _NO_KEY})
        known = {"primary": self.rules.primary_key, "secondary": self.rules.secondary_key}
        valid = [key for name, key in known.items() if name not in self.revoked_keys]
        if given not in valid:
            raise Refusal(401, {"statusCode": 401, "message": _BAD_KEY})

    def _throttle(self) -> None:
        if self.rules.requests_per_minute is None:
            return
        now = self.now()
        while self._window and self._window[0] <= now - timedelta(minutes=1):
            self._window.popleft()
        if len(self._window) >= self.rules.requests_per_minute:
            seconds = math.ceil(60 - (now - self._window[0]).total_seconds())
            message = f"Rate limit is exceeded. Try again in {seconds} seconds."
            headers = {"Retry-After": str(seconds)}
            raise Refusal(429, {"statusCode": 429, "message": message}, headers)
        self._window.append(now)


def with_errors(
    message: str = "Unexpected Execution Error", code: str | None = "EXEC_INTERNAL_ERROR"
) -> Callable[[Answer], Answer]:
    """A change for `Fault.CHANGED`: the answer keeps its data and has errors beside it."""

    def change(answer: Answer) -> Answer:
        body = json.loads(answer.content())
        error: dict[str, Any] = {"message": message}
        if code is not None:
            error["extensions"] = {"code": code}
        body["errors"] = [*body.get("errors", []), error]
        return replace(answer, body=body)

    return change
