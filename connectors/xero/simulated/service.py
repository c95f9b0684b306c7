"""The HTTP side: tokens, tenants, scopes, limits, keys, and the addresses of the API."""

import datetime as dt
import json
import random
import re
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import ClassVar

from connectors.faults import Answer, Fault, Refusal, Request
from connectors.simulator import Simulator, route
from connectors.xero.simulated import answers, desk, sample, xml
from connectors.xero.simulated.identity import Identity
from connectors.xero.simulated.keys import KeyRing
from connectors.xero.simulated.limits import Limiter
from connectors.xero.simulated.organisation import Organisation
from connectors.xero.simulated.rules import XeroRules
from connectors.xero.simulated.store import Books, Clock

API = "/api.xro/2.0"
_PATH = rf"{API}/(?P<endpoint>\w+)(?:/(?P<name>[^/]+))?(?:/(?P<part>\w+)(?:/(?P<part_id>[^/]+))?)?"
_AREAS = {
    "Invoices": ("accounting.invoices",),
    "CreditNotes": ("accounting.invoices",),
    "Items": ("accounting.invoices", "accounting.settings"),
    "Payments": ("accounting.payments",),
    "BatchPayments": ("accounting.payments",),
    "Overpayments": ("accounting.payments",),
    "Prepayments": ("accounting.payments",),
    "Contacts": ("accounting.contacts",),
    "Accounts": ("accounting.settings",),
    "TaxRates": ("accounting.settings",),
    "Currencies": ("accounting.settings",),
    "Organisation": ("accounting.settings",),
    "TrackingCategories": ("accounting.settings",),
    "ManualJournals": ("accounting.manualjournals",),
}
_NOT_MODELLED = frozenset(
    {"BankTransactions", "BankTransfers", "BrandingThemes", "ContactGroups", "Journals"}
    | {"LinkedTransactions", "PurchaseOrders", "Quotes", "Receipts", "RepeatingInvoices"}
    | {"Reports", "Users", "ExpenseClaims", "Budgets", "InvoiceReminders", "PaymentServices"}
)
_CREDITS = frozenset({"CreditNotes", "Overpayments", "Prepayments"})
_READ_ONLY = frozenset({"Overpayments", "Prepayments", "Organisation", "TrackingCategories"})
_OWNERS = ("alice", "alice", "bob")


@dataclass(frozen=True)
class _Place:
    """What a path names."""

    endpoint: str
    name: str | None
    part: str | None
    part_id: str | None

    @property
    def shown(self) -> str:
        """Without ids."""
        part = self.part or (self.name if self.endpoint == "Organisation" else None)
        return f"{self.endpoint}/{part}" if part else self.endpoint


@dataclass
class _InternalError:
    method: str
    path: re.Pattern[str]
    committed: bool
    times: int


class XeroService(Simulator):
    """The server: several organisations behind two users' consents."""

    fault_answers: ClassVar[Mapping[Fault, Answer]] = answers.FAULTS

    def __init__(self, rules: XeroRules, *, seed: int) -> None:
        super().__init__()
        self.rules = rules
        self.clock = Clock()
        self.calls: Counter[str] = Counter()
        self.internal_errors: list[_InternalError] = []
        chance, sequence = random.Random(seed), count(1)  # noqa: S311  # sample data
        self.organisations: tuple[Organisation, ...] = tuple(
            Organisation(
                sample.books(country, self.clock, chance, lambda: self.rules, sequence), self.lock
            )
            for country in sample.COUNTRIES
        )
        tenants: dict[str, list[tuple[str, str]]] = {owner: [] for owner in _OWNERS}
        for owner, one in zip(_OWNERS, self.organisations, strict=True):
            tenants[owner].append((one.id, one.name))
        self.identity = Identity(lambda: self.rules, self.now, tenants, chance)
        self.limiter = Limiter(lambda: self.rules, lambda: self.now().timestamp())
        self.keys = KeyRing(self.now, lambda: self.rules.key_life)

    def now(self) -> dt.datetime:
        """Xero's clock."""
        return self.clock.now()

    def user_of(self, organisation: Organisation) -> str:
        """Who connected an organisation."""
        return _OWNERS[self.organisations.index(organisation)]

    @property
    def keys_seen(self) -> Counter[str]:
        """Every Idempotency-Key that came in, and how often."""
        return self.keys.seen

    @property
    def token_calls(self) -> Counter[str]:
        """Grants at the token endpoint, and errors that it answered."""
        return self.identity.token_calls

    @property
    def peak_in_flight(self) -> Counter[str]:
        """By tenant id, the most calls that were under way at the same time."""
        return self.limiter.peak

    @property
    def limit_breaches(self) -> Counter[str]:
        """How often 429 was answered, by problem."""
        return self.limiter.breaches

    def handle(self, request: Request) -> Answer:
        """Answer a request; the accounting API has a gateway in front of it."""
        if not request.path.startswith(f"{API}/"):
            return _sent(super().handle(request))
        try:
            with self.lock:
                tenant = self._tenant(request)
                limits = self.limiter.enter(tenant)
        except Refusal as refusal:
            return _sent(refusal.answer)
        try:
            if self.rules.answer_takes:
                threading.Event().wait(self.rules.answer_takes)
            answer = super().handle(request)
        finally:
            with self.lock:
                self.limiter.leave(tenant)
        if "application/json" not in request.headers.get("accept", ""):
            answer = _as_xml(answer)
        return _sent(replace(answer, headers={**limits, **answer.headers}))

    def _tenant(self, request: Request) -> str:
        """Whose books a request is for, if it may come in."""
        consent = self.identity.caller(request)
        tenant = self.identity.tenant(request, consent)
        endpoint = request.path.removeprefix(f"{API}/").partition("/")[0]
        if areas := _AREAS.get(endpoint):
            self.identity.require(consent, areas, reads=request.method == "GET")
        return tenant

    @route("GET", "/identity/connect/authorize")
    def authorize(self, request: Request) -> Answer:
        """Ask whoever sits there for consent; they answer at once."""
        return self.identity.authorize(request)

    @route("POST", "/connect/token")
    def token(self, request: Request) -> Answer:
        """Give tokens for a code or for a refresh token."""
        return self.identity.token(request)

    @route("POST", "/connect/revocation")
    def revocation(self, request: Request) -> Answer:
        """End a consent."""
        return self.identity.revoke(request)

    @route("GET", "/connections")
    def list_connections(self, request: Request) -> Answer:
        """Which tenants the token's user has connected."""
        self.calls["GET connections"] += 1
        return Answer(200, self.identity.listed(request))

    @route("DELETE", "/connections/(?P<connection_id>[^/]+)")
    def remove_connection(self, request: Request, connection_id: str) -> Answer:
        """Disconnect one tenant."""
        self.calls["DELETE connections"] += 1
        return self.identity.remove(request, connection_id)

    @route("GET", _PATH)
    def read(self, request: Request, **where: str | None) -> Answer:
        """Anything that is read."""
        return self._accounting(request, **where)

    @route("PUT", _PATH)
    def create(self, request: Request, **where: str | None) -> Answer:
        """Anything that is created."""
        return self._accounting(request, **where)

    @route("POST", _PATH)
    def update(self, request: Request, **where: str | None) -> Answer:
        """Anything that is changed or created."""
        return self._accounting(request, **where)

    @route("DELETE", _PATH)
    def delete(self, request: Request, **where: str | None) -> Answer:
        """Allocations that are taken back."""
        return self._accounting(request, **where)

    def _accounting(self, request: Request, **where: str | None) -> Answer:
        place = _Place(str(where["endpoint"]), where["name"], where["part"], where["part_id"])
        wanted = request.headers["xero-tenant-id"].lower()
        one = next(one for one in self.organisations if one.id == wanted)
        self.calls[f"{request.method} {place.shown}"] += 1
        if one.books.offline:
            raise answers.words(503, "The Organisation is offline")
        if len(request.body) > self.rules.largest_body:
            raise answers.words(413, "The request is too large")
        if (repeated := self.keys.repeated(request)) is not None:
            return repeated
        try:
            answer = self._answered(request, one.books, place)
        except Refusal as refusal:
            answer = refusal.answer
        self.keys.keep(request, answer)
        if request.method == "GET" and place.name is None and answer.status == 200:  # noqa: PLR2004
            one.after_page(place.endpoint)
        return answer

    def _answered(self, request: Request, books: Books, place: _Place) -> Answer:
        broken = self._internal_error(request)
        if broken is not None and not broken.committed:
            return answers.INTERNAL
        answer = _dispatched(request, books, place)
        return answer if broken is None else answers.INTERNAL

    def fail_next(self, method: str, path: str, *, committed: bool, times: int) -> None:
        """Plan errors inside Xero itself."""
        self.internal_errors.append(_InternalError(method, re.compile(path), committed, times))

    def _internal_error(self, request: Request) -> _InternalError | None:
        for one in self.internal_errors:
            if one.method in {"*", request.method} and one.path.fullmatch(request.path):
                one.times -= 1
                if one.times <= 0:
                    self.internal_errors.remove(one)
                return one
        return None


def _dispatched(request: Request, books: Books, place: _Place) -> Answer:
    method, endpoint, name = request.method, place.endpoint, place.name
    if endpoint in _NOT_MODELLED:
        raise answers.not_modelled(endpoint)
    if endpoint not in _AREAS:
        raise answers.not_found()
    if place.part is not None:
        return _allocations(request, books, place)
    if endpoint == "Organisation" and method == "GET":
        return _organisation(books, name)
    if method == "GET":
        if name is None:
            return desk.many(books, endpoint, request)
        return desk.one(books, endpoint, name, request)
    if method == "PUT" and name is not None:
        raise answers.not_modelled(f"PUT {endpoint} of one record")
    if method in {"PUT", "POST"} and endpoint not in _READ_ONLY:
        return desk.write(books, endpoint, name, request)
    raise answers.words(501, f"{method} {endpoint} is not offered")


def _organisation(books: Books, name: str | None) -> Answer:
    if name is None:
        return desk.organisation(books)
    if name == "Actions":
        return desk.actions(books)
    raise answers.not_found()


def _allocations(request: Request, books: Books, place: _Place) -> Answer:
    method, name = request.method, place.name
    if place.part == "Allocations" and place.endpoint in _CREDITS and name is not None:
        if method == "PUT" and place.part_id is None:
            return desk.allocate(books, place.endpoint, name, request)
        if method == "DELETE" and place.part_id is not None:
            return desk.take_back(books, place.endpoint, name, place.part_id)
    raise answers.not_modelled(f"{method} {place.endpoint}/{place.part}")


def _as_xml(answer: Answer) -> Answer:
    """What the API itself says, for a client that does not ask for JSON."""
    if isinstance(answer.body, bytes) or answer.body is None or "Title" in answer.body:
        return answer
    headers = {**answer.headers, "content-type": "text/xml; charset=utf-8"}
    return Answer(answer.status, xml.written(answer.body), headers, answer.seconds)


def _sent(answer: Answer) -> Answer:
    """With its body as bytes: numbers are JSON numbers."""
    if isinstance(answer.body, bytes) or answer.status == 204:  # noqa: PLR2004  # no content
        return answer
    return replace(answer, body=json.dumps(answer.body).encode())
