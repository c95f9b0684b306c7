"""The HTTP side of a plain ledger: who may come in, batches, idempotency keys, look-ups, pages.

README.md describes the wire format. What is not described there is refused.
"""

import datetime as dt
import hashlib
import hmac
import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, ClassVar

import pydantic

from connectors.faults import Answer, Fault, Refusal, Request
from connectors.memory import amounts
from connectors.memory.books import Books
from connectors.memory.entry import DATED, POSTED, Entry
from connectors.memory.oauth import AUTHORIZE as OAUTH_AUTHORIZE
from connectors.memory.oauth import PATHS as OAUTH_PATHS
from connectors.memory.oauth import SIGN_IN, Tokens
from connectors.memory.oauth import TOKEN as OAUTH_TOKEN
from connectors.memory.rules import LedgerRules, Refused
from connectors.simulator import Simulator, route
from models.canonical import AnyRecord, BillingDocument, ObjectType, record_adapter
from models.canonical.money import plain


def _any_of(kinds: tuple[ObjectType, ...]) -> str:
    return f"/(?P<plural>{'|'.join(kind.plural for kind in kinds)})"


WRITABLE = tuple(
    kind for kind in ObjectType if kind not in {ObjectType.TAX_RATE, ObjectType.LEDGER_ACCOUNT}
)
CHANGEABLE = tuple(kind for kind in WRITABLE if kind is not ObjectType.PAYMENT)

_ANY, _WRITABLE, _CHANGEABLE = _any_of(tuple(ObjectType)), _any_of(WRITABLE), _any_of(CHANGEABLE)
_DATED, _POSTED = _any_of(DATED), _any_of(POSTED)

Result = dict[str, Any]


@dataclass(frozen=True)
class _Remembered:
    """What was answered to an idempotency key."""

    digest: str
    result: Result
    at: dt.datetime


def _said(status: int, code: str, message: str, **words: str) -> Answer:
    return Answer(status, {"code": code, "message": message, "words": words})


class LedgerService(Simulator):
    """Routes over the books."""

    fault_answers: ClassVar[Mapping[Fault, Answer]] = {
        Fault.ERROR_BEFORE: _said(500, "crashed", "internal error"),
        Fault.ERROR_AFTER: _said(500, "crashed", "internal error"),
        Fault.THROTTLE: _said(429, "throttled", "too many requests"),
        Fault.AWAY: _said(503, "away", "down for maintenance, nothing was processed"),
        Fault.EXPIRED: _said(401, "unauthorized", "the key has expired"),
        Fault.STALE: _said(409, "stale_version", "the version is not the current one"),
    }

    def __init__(self, rules: LedgerRules) -> None:
        super().__init__()
        self._passed = timedelta(0)
        self.books = Books(rules, self.now)
        self.tokens = Tokens(lambda: self.rules, self.now)
        self._keys: dict[tuple[str, str], _Remembered] = {}
        self._look_ups: dict[tuple[ObjectType, str], int] = {}
        self._calls: deque[dt.datetime] = deque()
        self._served = 0

    @property
    def rules(self) -> LedgerRules:
        """How it behaves at present."""
        return self.books.rules

    def now(self) -> dt.datetime:
        """The ledger's own clock."""
        return dt.datetime.now(dt.UTC) + self._passed + self.rules.clock_skew

    def handle(self, request: Request) -> Answer:
        """Answer a request, with a number that support would ask for."""
        with self.lock:
            self._served += 1
            answer = super().handle(request)
            headers = {**answer.headers, "x-request-id": f"plain-{self._served:06d}"}
            return replace(answer, headers=headers)

    def admit(self, request: Request) -> None:
        """Refuse wrong keys, too many calls, and writes into other books."""
        if self.rules.oauth and request.path in OAUTH_PATHS:
            return
        if self.rules.sign_in and request.path == SIGN_IN:
            return
        given = request.headers.get("authorization", "")
        known = f"Bearer {self.rules.api_key}"
        if self.rules.oauth or self.rules.sign_in:
            if not self.tokens.accepts(given.removeprefix("Bearer ")):
                raise _refusal(401, "unauthorized", "the token is not known or has ended")
        elif not hmac.compare_digest(given.encode(), known.encode()):
            raise _refusal(401, "unauthorized", "the key is not known")
        self._throttle()
        reads, ours = request.method == "GET", self.rules.organisation_id
        if not reads and not self.rules.may_write:
            raise _refusal(403, "read_only", "this key may only read")
        if reads and not self.rules.names_books:
            return
        meant = request.headers.get("x-organisation", "" if self.rules.names_books else ours)
        if meant != ours:
            theirs = f"{self.rules.organisation_name} ({ours})"
            message = f"these are the books of {theirs}"
            raise _refusal(403, "wrong_organisation", message, theirs=theirs, ours=meant)

    def _throttle(self) -> None:
        if self.rules.calls_per_minute is None:
            return
        now = self.now()
        while self._calls and self._calls[0] <= now - timedelta(minutes=1):
            self._calls.popleft()
        if len(self._calls) >= self.rules.calls_per_minute:
            seconds = 60 - (now - self._calls[0]).total_seconds()
            answer = self.fault_answers[Fault.THROTTLE]
            raise Refusal(429, answer.body, {"Retry-After": str(int(seconds) + 1)})
        self._calls.append(now)

    @route("GET", OAUTH_AUTHORIZE)
    def authorize(self, request: Request) -> Answer:
        """Ask whoever sits there for consent; they answer at once."""
        return self.tokens.authorize(request)

    @route("POST", OAUTH_TOKEN)
    def token(self, request: Request) -> Answer:
        """Give tokens for a code or for a refresh token."""
        return self.tokens.token(request)

    @route("POST", SIGN_IN)
    def sign_in(self, request: Request) -> Answer:
        """Sell a token for a client's id and secret."""
        return self.tokens.sign_in(request)

    @route("GET", "/organisation")
    def organisation(self, request: Request) -> Answer:
        """Whose books these are."""
        _only(request.query, set())
        return Answer(
            body={
                "id": self.rules.organisation_id,
                "name": self.rules.organisation_name,
                "base_currency": self.rules.base_currency,
            }
        )

    @route("GET", _ANY)
    def read(self, request: Request, plural: str) -> Answer:
        """A page of what changed, or the objects with given markers and ids."""
        kind = ObjectType.named(plural)
        if {"markers", "ids"} & request.query.keys():
            return self._looked_up(kind, request.query)
        return self._page(kind, request.query)

    def _page(self, kind: ObjectType, query: Mapping[str, str]) -> Answer:
        _only(query, {"changed_after", "limit", "from", "to"})
        try:
            after = dt.datetime.fromisoformat(query["changed_after"])
        except KeyError:
            after = None
        except ValueError:
            raise _refusal(400, "bad_query", "changed_after is no moment") from None
        dated = {"from", "to"} & query.keys()
        if dated and kind not in DATED:
            raise _refusal(400, "bad_query", f"{kind.plural} have no date")
        wanted = query.get("limit", "")
        limit = min(
            int(wanted) if wanted.isdecimal() else self.rules.page_size, self.rules.page_size
        )
        page: list[Entry] = []
        more = False
        for entry in self.books.store.changes(kind, after):
            if entry.deleted and (after is None or dated):
                continue
            if dated and not _within(entry.record, query):
                continue
            if more := len(page) >= limit:
                break
            page.append(entry)
        items = [_stored(entry) for entry in page]
        if self.rules.repeats_across_pages and after is not None:
            before = [
                entry
                for entry in self.books.store.changes(kind, None)
                if entry.changed_at is not None and entry.changed_at <= after
            ]
            items = [_stored(entry) for entry in before[-1:]] + items
        position = self.books.store.position.isoformat()
        return Answer(body={"items": items, "more": more, "position": position})

    def _looked_up(self, kind: ObjectType, query: Mapping[str, str]) -> Answer:
        _only(query, {"markers", "ids"})
        ids, markers = _listed(query, "ids"), _listed(query, "markers")
        if markers and not self.rules.searchable:
            raise _refusal(400, "not_searchable", "this ledger cannot be searched by marker")
        by_id = [self.books.store.find(kind, one) for one in ids]
        found = [entry for entry in by_id if entry is not None]
        for marker in markers:
            found += [one for one in self.books.store.marked(kind, marker) if self._visible(one)]
        return Answer(body={"items": [_stored(entry) for entry in found]})

    def _visible(self, entry: Entry) -> bool:
        """Whether a look-up finds an object yet; each one that does not counts."""
        if entry.created_at is not None and self.now() < entry.created_at + self.rules.hidden_for:
            return False
        seen = self._look_ups.get((entry.kind, entry.id), 0)
        self._look_ups[entry.kind, entry.id] = seen + 1
        return seen >= self.rules.hidden_look_ups

    @route("GET", f"{_ANY}/(?P<entry_id>[^/]+)")
    def one(self, request: Request, plural: str, entry_id: str) -> Answer:
        """One object, as a link leads to it."""
        _only(request.query, set())
        try:
            return Answer(body=_stored(self.books.store.get(ObjectType.named(plural), entry_id)))
        except Refused as refused:
            raise Refusal(refused.status, _refused(refused)) from None

    @route("POST", _WRITABLE)
    def create(self, request: Request, plural: str) -> Answer:
        """Enter new objects."""
        kind = ObjectType.named(plural)

        def enter(item: Mapping[str, Any]) -> Entry:
            _fields(item, {"key", "record"}, {"marker"})
            record = _read(kind, item["record"])
            return self.books.create(
                record, marker=item.get("marker"), draft=self.rules.two_steps and kind in POSTED
            )

        return self._written(request, enter)

    @route("POST", f"{_CHANGEABLE}/update")
    def update(self, request: Request, plural: str) -> Answer:
        """Replace the content of objects."""
        kind = ObjectType.named(plural)

        def change(item: Mapping[str, Any]) -> Entry:
            _fields(item, {"key", "id", "record"}, {"version"})
            record = _read(kind, item["record"])
            return self.books.update(record, item["id"], version=item.get("version"))

        return self._written(request, change)

    @route("POST", f"{_POSTED}/post")
    def post(self, request: Request, plural: str) -> Answer:
        """Put drafts into the books."""
        kind = ObjectType.named(plural)

        def put(item: Mapping[str, Any]) -> Entry:
            _fields(item, {"key", "id"})
            return self.books.post(kind, item["id"])

        return self._written(request, put)

    @route("POST", f"{_DATED}/void")
    def void_some(self, request: Request, plural: str) -> Answer:
        """Void documents, entries and payments."""
        kind = ObjectType.named(plural)

        def cancel(item: Mapping[str, Any]) -> Entry:
            _fields(item, {"key", "id"}, {"version"})
            return self.books.void(kind, item["id"], version=item.get("version"))

        return self._written(request, cancel)

    @route("POST", f"{_POSTED}/delete")
    def delete_drafts(self, request: Request, plural: str) -> Answer:
        """Remove drafts."""
        kind = ObjectType.named(plural)

        def remove(item: Mapping[str, Any]) -> Entry:
            _fields(item, {"key", "id"})
            return self.books.delete(kind, item["id"], draft_only=True)

        return self._written(request, remove)

    def _written(self, request: Request, write: Callable[[Mapping[str, Any]], Entry]) -> Answer:
        """Write each item of a batch, or all or none."""
        body = request.json()
        if not isinstance(body, dict) or not isinstance(body.get("items"), list):
            raise _refusal(400, "bad_body", "the body needs a list of items")
        items = body["items"]
        if not 1 <= len(items) <= self.rules.batch_size:
            raise _refusal(413, "bad_batch", f"1 to {self.rules.batch_size} items are taken")
        if not all(isinstance(item, dict) and isinstance(item.get("key"), str) for item in items):
            raise _refusal(400, "bad_body", "every item needs a key")
        before, keys = self.books.store.state, dict(self._keys)
        if self.rules.atomic_batches:
            self.books.store.state = before.copy()
        results = [self._answered(request.path, item, write) for item in items]
        refused = [result for result in results if "code" in result]
        if self.rules.atomic_batches and refused:
            self.books.store.state = before
            self._keys = keys
            said = [result if "code" in result else None for result in results]
            message = f"nothing was written: {refused[0]['message']}"
            raise Refusal(422, {"code": "batch_refused", "message": message, "results": said})
        return Answer(body={"results": results})

    def _answered(
        self, path: str, item: Mapping[str, Any], write: Callable[[Mapping[str, Any]], Entry]
    ) -> Result:
        """The result of one item; the first one again when its key is known."""
        digest = hashlib.sha256(json.dumps(item, sort_keys=True, default=str).encode()).hexdigest()
        known = self._keys.get((path, item["key"]))
        life = self.rules.remembers_keys
        if life is not None and known is not None and self.now() < known.at + life:
            if known.digest == digest:
                return known.result
            return _refused(Refused("key_reused", "the key was used for something else"))
        try:
            result = _summary(write(item))
        except Refused as refused:
            result = _refused(refused)
            if not self.rules.replays_errors:
                return result
        self._keys[path, item["key"]] = _Remembered(digest, result, self.now())
        return result


def _refusal(status: int, code: str, message: str, **words: str) -> Refusal:
    return Refusal(status, {"code": code, "message": message, "words": words})


def _refused(refused: Refused) -> Result:
    return {
        "status": refused.status,
        "code": refused.code,
        "message": refused.message,
        "words": refused.words,
    }


def _only(query: Mapping[str, str], known: set[str]) -> None:
    if unknown := sorted(query.keys() - known):
        raise _refusal(400, "bad_query", f"{unknown[0]} is no parameter here")


def _fields(item: Mapping[str, Any], needed: set[str], optional: set[str] | None = None) -> None:
    if needed - item.keys() or item.keys() - needed - (optional or set()):
        raise Refused("bad_item", f"an item here has the fields {', '.join(sorted(needed))}")


def _listed(query: Mapping[str, str], name: str) -> list[str]:
    return [one for one in query.get(name, "").split(",") if one]


def _read(kind: ObjectType, content: Any) -> AnyRecord:
    try:
        record = record_adapter.validate_python(content)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise Refused("invalid", f"{where}: {first['msg']}") from None
    if record.type != kind:
        raise Refused("invalid", f"a {record.type} is no {kind.words}")
    return record


def _within(record: AnyRecord, query: Mapping[str, str]) -> bool:
    day = str(amounts.day_of(record))
    return query.get("from", day) <= day <= query.get("to", day)


def _summary(entry: Entry) -> Result:
    totals = {}
    if isinstance(entry.record, BillingDocument):
        totals = {"net": plain(entry.record.net_total), "tax": plain(entry.record.tax_total)}
    if entry.total is not None:
        totals["total"] = plain(entry.total)
    return {
        "id": entry.id,
        "marker": entry.marker,
        "version": str(entry.version),
        "number": entry.number,
        "draft": entry.draft,
        "totals": totals,
    }


def _stored(entry: Entry) -> Result:
    return {
        **_summary(entry),
        "changed_at": entry.changed_at.isoformat() if entry.changed_at else None,
        "deleted": entry.deleted,
        "record": {**entry.record.model_dump(mode="json"), **entry.overlay},
    }
