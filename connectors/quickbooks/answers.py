"""QuickBooks' answers taken apart, and what goes out written down: pure."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx

from connectors.errors import Unavailable
from connectors.http import server_time
from connectors.quickbooks.entities import Entity
from connectors.quickbooks.values import moment
from models.canonical.money import plain

Values = Mapping[str, Any]


def query_of(entity: Entity | str, conditions: str = "", more: str = "") -> str:
    """A query in QuickBooks' language."""
    where = f" where {conditions}" if conditions else ""
    return f"select * from {entity}{where}{f' {more}' if more else ''}"  # noqa: S608  # no SQL; texts are quoted


def stamp(when: datetime) -> str:
    """A time with its offset: the zone of those without is not documented."""
    return when.astimezone(UTC).isoformat(timespec="seconds")


def items_in(body: Any) -> dict[str, Values] | None:
    """The items of a batch by their ids; None when there are none to be seen."""
    listed = body.get("BatchItemResponse") if isinstance(body, Mapping) else None
    if not isinstance(listed, list):
        return None
    return {str(one.get("bId")): one for one in listed if isinstance(one, Mapping)}


def found_in(body: Any, entity: Entity | str) -> list[Values]:
    """The objects in an answer; their member is missing when there are none."""
    answer = body.get("QueryResponse") if isinstance(body, Mapping) else None
    if not isinstance(answer, Mapping):
        raise odd(f"the list of {entity}")
    return rows_in(answer.get(str(entity)), entity)


def changes_in(body: Any) -> list[Values]:
    """The answers about changes, one for each entity."""
    listed = body.get("CDCResponse") if isinstance(body, Mapping) else None
    if not isinstance(listed, list) or not listed:
        raise odd("the list of changes")
    parts: list[Values] = []
    for one in listed:
        answers = one.get("QueryResponse") if isinstance(one, Mapping) else None
        if not isinstance(answers, list) or not all(isinstance(part, Mapping) for part in answers):
            raise odd("the list of changes")
        parts += answers
    return parts


def rows_in(value: Any, entity: Entity | str) -> list[Values]:
    """A list of objects; a missing one is empty."""
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value):
        raise odd(f"the list of {entity}")
    return list(value)


def moment_of(body: Any, response: httpx.Response) -> datetime | None:
    """QuickBooks' clock: in the body or in the header, whichever is earlier."""
    said = moment(body.get("time")) if isinstance(body, Mapping) else None
    known = server_time(response.headers)
    times = [one for one in (said, known) if one is not None]
    return min(times).astimezone(UTC) if times else None


def odd(what: str) -> Unavailable:
    """An answer that lacks what it should have."""
    return Unavailable(f"{what} is missing in QuickBooks' answer", code="unreadable_answer")


def as_json(body: Values) -> bytes:
    """A body with exact numbers: amounts are JSON numbers, and no float comes near them."""
    return _json(body).encode()


def _json(value: Any) -> str:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, Mapping):
        parts = (f"{json.dumps(str(name))}:{_json(part)}" for name, part in value.items())
        return f"{{{','.join(parts)}}}"
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_json, value))}]"
    return json.dumps(value, ensure_ascii=False)
