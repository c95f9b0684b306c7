"""Going through a list that people edit meanwhile, without missing a row.

Lists are ordered by `UpdatedDateUTC`, and a page is no snapshot: a row that is edited between two
pages moves to the end, and all behind it move up by one, so that the next page misses one. That is
why each question is for page 1, from the highest time seen on. The filter counts whole seconds:
where a full page lies inside one, its pages are asked for until a pass finds nothing new.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from connectors.xero.client import Client, Rows, Values
from connectors.xero.values import moment

_SECOND = timedelta(seconds=1)
_MOST_PASSES = 10


@dataclass(frozen=True)
class Step:
    """Some rows of a walk."""

    values: Sequence[Values]
    clock: datetime | None
    """Xero's."""
    since: datetime | None
    """Where to go on once these rows are stored; None: it cannot be said yet."""
    last: bool = False


def walk(
    client: Client,
    endpoint: str,
    query: Mapping[str, str],
    *,
    since: datetime | None = None,
    paged: bool = True,
) -> Iterator[Step]:
    """All rows that a question fits; some come more than once.

    Args:
        client: Whom to ask.
        endpoint: The list.
        query: Filters.
        since: Only what changed from here on, give or take a second.
        paged: Whether the list has pages at all.
    """
    while True:
        rows = client.page(endpoint, query, number=1 if paged else None, since=since)
        if not rows.more:
            yield Step(rows.values, rows.moment, None, last=True)
            return
        further = _beyond(rows)
        if further is not None:
            yield Step(rows.values, rows.moment, further)
        else:
            further = yield from _inside(client, endpoint, query, since, rows)
            yield Step((), rows.moment, further, last=further is None)
            if further is None:
                return
        since = further


def _inside(
    client: Client, endpoint: str, query: Mapping[str, str], since: datetime | None, rows: Rows
) -> Generator[Step, None, datetime | None]:
    """The pages of one question, until the next one can begin later; None where none is left."""
    seen: set[str] = set()
    further: datetime | None = None
    for _ in range(_MOST_PASSES):
        number, known = 1, len(seen)
        while True:
            seen |= {_name(one) for one in rows.values}
            further = _beyond(rows)
            yield Step(rows.values, rows.moment, None)
            if not rows.more or further is not None:
                break
            number += 1
            rows = client.page(endpoint, query, number=number, since=since)
        if len(seen) == known:
            break
        rows = client.page(endpoint, query, number=1, since=since)
    return further


def _beyond(rows: Rows) -> datetime | None:
    """From when on to ask next: so late that rows of this page are left behind; None: nowhere.

    Whether the second itself is included is not documented, so that the one before it is named.
    """
    times = [time for one in rows.values if (time := time_of(one)) is not None]
    if len(times) < len(rows.values) or not times:
        return None
    further = max(times).replace(microsecond=0) - _SECOND
    return further if min(times) < further else None


def time_of(values: Values) -> datetime | None:
    """When a row was changed."""
    try:
        return moment(values["UpdatedDateUTC"])
    except (KeyError, ValueError):
        return None


def _name(values: Values) -> str:
    """What tells a row from others."""
    ids = (str(value) for name, value in values.items() if name.endswith("ID"))
    return " ".join(ids)
