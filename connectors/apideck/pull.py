"""Reading what changed: one or two lists for each type, each followed to its last cursor.

Cursors may be plain page numbers, so that rows move while the books change: lists are read in the
order of changes, each object counts once, and the next pull reaches back over an overlap. A page
that is degraded is stored, but no cursor goes past it.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import ValidationError

from connectors.apideck import errors
from connectors.apideck.client import Client, Rows, Values
from connectors.apideck.mapping import platform_id
from connectors.apideck.reading import Books
from connectors.apideck.services import RESOURCES, Resource
from connectors.base import BadRecord, Page, Period, PulledRecord
from connectors.errors import ProtocolError, Unsupported
from models.canonical import BillingDocument, JournalEntry, ObjectType, Payment

OVERLAP = timedelta(minutes=10)
"""How far the next pull reaches back: what commits late carries an earlier time."""
_MOST_RESTARTS = 3
_UNDATED = frozenset(
    {ObjectType.TAX_RATE, ObjectType.LEDGER_ACCOUNT, ObjectType.CONTACT, ObjectType.ITEM}
)


@dataclass(frozen=True)
class Cursor:
    """How far a pull got."""

    since: datetime | None = None
    """What changed from here on is read; None: everything."""
    started: datetime | None = None
    """When this pull began, by Apideck's clock."""
    latest: datetime | None = None
    """The latest change that it has met, by the ledger's clock."""
    feed: int = 0
    at: str | None = None
    """Apideck's cursor in that feed."""

    @classmethod
    def parse(cls, text: str | None) -> "Cursor":
        """Read what an earlier pull left.

        Raises:
            ProtocolError: It is not ours.
        """
        if text is None:
            return cls()
        try:
            values = json.loads(text)
            return cls(
                since=_moment(values.get("since")),
                started=_moment(values.get("started")),
                latest=_moment(values.get("latest")),
                feed=int(values.get("feed", 0)),
                at=values.get("at"),
            )
        except (ValueError, TypeError, AttributeError):
            raise ProtocolError(f"{text!r} is no cursor of this connector", code="cursor") from None

    def __str__(self) -> str:
        values: dict[str, Any] = {
            "since": self.since and self.since.isoformat(),
            "started": self.started and self.started.isoformat(),
            "latest": self.latest and self.latest.isoformat(),
            "feed": self.feed,
            "at": self.at,
        }
        return json.dumps({name: value for name, value in values.items() if value})

    def next_pull(self) -> "Cursor":
        """Where the next pull begins: at the older of our start and the last change, overlapped."""
        marks = [mark for mark in (self.started, self.latest) if mark is not None]
        return Cursor(since=min(marks) - OVERLAP)


def _moment(text: str | None) -> datetime | None:
    if not text:
        return None
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Feed:
    """One list of a type."""

    resource: Resource
    filters: Mapping[str, str] = field(default_factory=dict)


@dataclass
class _Run:
    """One pull under way."""

    at: Cursor
    period: Period | None
    whole: bool
    """Whether it is a list that is read whole every time: it has no cursor."""
    seen: set[str] = field(default_factory=set)
    degraded: str = ""


class Puller:
    """Reads one connection's objects."""

    def __init__(self, client: Client, books: Books) -> None:
        self._client = client
        self._books = books

    def pages(self, kind: ObjectType, cursor: str | None, period: Period | None) -> Iterator[Page]:
        """Read page by page; with a period, what is dated in it, whatever the cursor says."""
        feeds = self._feeds(kind)
        if not feeds:
            raise Unsupported(f"this ledger has no {kind.plural_words} for Apideck to read")
        bounded = period is not None and (period.start is not None or period.end is not None)
        if bounded and kind in _UNDATED:
            return
        whole = any(feed.resource in self._client.service.whole for feed in feeds)
        at = Cursor() if period or whole else Cursor.parse(cursor)
        if at.since is not None and at.latest is None:
            # Where nothing has changed, the next pull reaches back just as far: it is the ledger's
            # clock that counts, and it may be behind ours.
            at = replace(at, latest=at.since + OVERLAP)
        run = _Run(at, period, whole)
        for place, feed in enumerate(feeds):
            if place >= run.at.feed:
                last = place == len(feeds) - 1
                yield from self._read(feed, place, run, last=last)
        if run.degraded:
            raise errors.incomplete(kind.plural_words, run.degraded)

    def _feeds(self, kind: ObjectType) -> list[Feed]:
        service = self._client.service
        found = []
        for resource in RESOURCES[kind]:
            if resource in service.missing:
                continue
            if resource is Resource.BILLS and service.bill_states:
                found += [Feed(resource, {"status": state}) for state in service.bill_states]
            else:
                found.append(Feed(resource))
        return found

    def _read(self, feed: Feed, place: int, run: _Run, *, last: bool) -> Iterator[Page]:
        at = run.at.at if place == run.at.feed else None
        known, restarts = {at}, 0
        while True:
            try:
                rows = self._client.page(feed.resource, self._filters(feed, run), cursor=at)
            except errors.BadCursor as error:
                restarts += 1
                if at is None or restarts > _MOST_RESTARTS:
                    raise errors.incomplete(feed.resource.value, error.message) from None
                at, known = None, {None}
                continue
            started = run.at.started or rows.moment or datetime.now(UTC)
            run.at = replace(run.at, started=started, latest=_latest(run.at.latest, rows))
            page = self._page(feed.resource, rows, run)
            more = rows.next
            if more is not None and more in known:
                if page.records:
                    raise errors.loops(feed.resource.value)
                more = None
            run.degraded = run.degraded or next(iter(rows.warnings), "")
            yield replace(page, cursor=self._cursor(run, place, more, last=last))
            if more is None:
                return
            known.add(more)
            at = more

    def _filters(self, feed: Feed, run: _Run) -> dict[str, str]:
        filters = dict(feed.filters)
        if run.at.since is not None:
            since = run.at.since.astimezone(UTC)
            filters["updated_since"] = since.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        if feed.resource is Resource.BILLS and run.period and run.period.start:
            filters["billed_since"] = run.period.start.isoformat()
        return filters

    def _cursor(self, run: _Run, place: int, more: str | None, *, last: bool) -> str | None:
        """What the next pull begins with once this page is stored."""
        if run.whole or run.period is not None or run.degraded:
            return None
        if more is not None:
            return str(replace(run.at, feed=place, at=more))
        if last:
            return str(run.at.next_pull())
        return str(replace(run.at, feed=place + 1, at=None))

    def _page(self, resource: Resource, rows: Rows, run: _Run) -> Page:
        """The records of a page, each object once in a pull."""
        records: list[PulledRecord] = []
        bad: list[BadRecord] = []
        for values in rows.values:
            name = platform_id(resource, str(values.get("id") or values.get("code") or "?"))
            if name in run.seen or self._elsewhere(resource, values):
                continue
            run.seen.add(name)
            try:
                found = self._books.read(resource, values)
            except (ValueError, ArithmeticError) as error:
                bad.append(BadRecord(name, _in_words(error)))
                continue
            if _is_within(found, run.period):
                records.append(found)
        return Page(records, bad)

    def _elsewhere(self, resource: Resource, values: Values) -> bool:
        """Whether a row belongs to another list: some ledgers give it in both.

        Bill payments among the payments, credit documents among invoices and bills.
        """
        missing = self._client.service.missing
        if resource is Resource.PAYMENTS and Resource.BILL_PAYMENTS not in missing:
            return str(values.get("type") or "").startswith("accounts_payable")
        if resource in {Resource.INVOICES, Resource.BILLS}:
            return "credit" in {values.get("type"), values.get("status")}
        return False


def _latest(so_far: datetime | None, rows: Rows) -> datetime | None:
    moments = [so_far] if so_far else []
    for values in rows.values:
        try:
            text = values.get("updated_at")
            if isinstance(text, str) and (found := _moment(text)):
                moments.append(found)
        except ValueError:
            continue
    return max(moments, default=None)


def _is_within(found: PulledRecord, period: Period | None) -> bool:
    record = found.record
    if period is None:
        return True
    if isinstance(record, BillingDocument):
        return period.holds(record.issue_date)
    return not isinstance(record, Payment | JournalEntry) or period.holds(record.date)


def _in_words(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        return f"{where}: {first['msg']}" if where else str(first["msg"])
    return str(error)
