"""Reading a collection from where the last pull ended, page by page.

Rows are asked for in the order in which they were made, filtered by when they were changed: that
order never changes, so what is changed while we read can come twice but cannot slip through
between two pages, as it would in the order of changes. Should rows vanish, we step back as many.
The cursor is the platform's clock at the first page, less an overlap.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta

from connectors.http import server_time
from connectors.softwareone import rql
from connectors.softwareone.client import PAGE_SIZE
from connectors.softwareone.rows import Rows
from connectors.softwareone.wire import Owned, Thing

OVERLAP = timedelta(minutes=5)
"""Clocks of the platform's servers differ, and what is committed late has an earlier time."""
ORDER = ("audit.created.at", "id")


@dataclass(frozen=True)
class Cursor:
    """Where a pull stands."""

    since: str | None = None
    """Changes from then on are wanted; None: everything."""
    started: str | None = None
    """The platform's clock when this pull began: where the next one will."""
    offset: int = 0

    @classmethod
    def read(cls, text: str | None) -> "Cursor":
        """The cursor as it was kept; one that cannot be read starts over."""
        try:
            kept = json.loads(text or "{}")
            cursor = cls(kept.get("since"), kept.get("started"), int(kept.get("offset") or 0))
            for moment in (cursor.since, cursor.started):
                _ = datetime.fromisoformat(moment) if moment else None
        except (ValueError, TypeError, AttributeError):
            return cls()
        return cursor

    def text(self) -> str:
        """How it is kept."""
        return json.dumps({name: one for name, one in asdict(self).items() if one})

    @property
    def bound(self) -> datetime | None:
        """What was changed before need not come."""
        return datetime.fromisoformat(self.since) - OVERLAP if self.since else None

    @property
    def next_pull(self) -> "Cursor":
        """Where the next pull begins once this one is over."""
        return Cursor(since=self.started)


@dataclass(frozen=True)
class Batch:
    """The rows of a page that are new to this pull."""

    things: Sequence[Thing]
    cursor: Cursor


def batches(
    rows: Rows, conditions: Sequence[str], *, select: Sequence[str], cursor: str | None
) -> Iterator[Batch]:
    """Read what changed; there is always a batch at the end, with the next pull's cursor."""
    at = Cursor.read(cursor)
    where = list(conditions)
    if at.bound is not None:
        where.append(rql.ge("audit.updated.at", at.bound))
    seen: dict[str, object] = {}
    total: int | None = None
    while True:
        page, headers = rows.page(
            rql.both(where), select=select, order=ORDER, limit=PAGE_SIZE, offset=at.offset
        )
        at = replace(at, started=at.started or _clock(headers))
        if total is not None and page.total is not None and page.total < total:
            at = replace(at, offset=max(0, at.offset - (total - page.total)))
            total = page.total
            continue
        total = page.total
        at = replace(at, offset=at.offset + len(page.data))
        limit = page.meta.pagination.limit or PAGE_SIZE
        over = len(page.data) < limit if total is None else at.offset >= total
        over = over or not page.data
        fresh = list(_fresh(page.data, seen, at.bound))
        yield Batch(fresh, at.next_pull if over else at)
        if over:
            return


def _fresh(
    data: Sequence[Thing], seen: dict[str, object], bound: datetime | None
) -> Iterator[Thing]:
    """Rows that have not come yet, and were really changed since the bound.

    A filter on times may be ignored where they are not selected (the pages on RQL say so); what
    cannot be read passes, to be set aside with its reason.
    """
    for thing in data:
        key, revision = str(thing.get("id") or ""), thing.get("revision")
        if key and key in seen and seen[key] == revision:
            continue
        seen[key] = revision
        if bound is None or not _is_older(thing, bound):
            yield thing


def _is_older(thing: Thing, bound: datetime) -> bool:
    try:
        updated_at = Owned.model_validate(thing).updated_at
    except ValueError:
        return False
    return updated_at is not None and updated_at < bound


def _clock(headers: Mapping[str, str]) -> str:
    return (server_time(headers) or datetime.now(UTC)).isoformat()
