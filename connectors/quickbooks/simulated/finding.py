"""What a query finds: filtered, ordered, a page of it."""

import datetime as dt
import re
from decimal import Decimal
from typing import Any

from connectors.quickbooks.simulated.answers import Json
from connectors.quickbooks.simulated.books import Books, Row
from connectors.quickbooks.simulated.entities import DAY, NUMBER, TEXT
from connectors.quickbooks.simulated.query import COMPARE, Condition, Query
from connectors.quickbooks.simulated.render import shown


def run(books: Books, query: Query) -> Json:
    """What a statement finds: the inside of `QueryResponse`."""
    found = [row for row in books.rows(query.entity.name) if _listed(query, row)]
    values = [(row, _values(books, query, row)) for row in found]
    values = [(row, known) for row, known in values if _fits(query, known)]
    if query.counts:
        return {"totalCount": len(values)}
    values.sort(key=lambda one: (one[0].updated, int_or_text(one[0].id)), reverse=True)
    for member, down in reversed(query.order):
        values.sort(key=lambda one: _sortable(one[1][member], query, member), reverse=down)
    page = [row for row, _ in values[query.start - 1 : query.start - 1 + query.most]]
    if not page:
        return {}
    return {
        query.entity.name: [shown(books, row) for row in page],
        "startPosition": query.start,
        "maxResults": len(page),
    }


def int_or_text(row_id: str) -> tuple[int, str]:
    """Ids in the order of their numbers."""
    return (int(row_id), "") if row_id.isdecimal() else (0, row_id)


def _listed(query: Query, row: Row) -> bool:
    """Inactive entries of lists are left out unless they are asked for."""
    asked = any(one.member == "Active" for one in query.conditions)
    return asked or not query.entity.listed or row.body.get("Active") is not False


def _values(books: Books, query: Query, row: Row) -> dict[str, Any]:
    members = {one.member for one in query.conditions} | {name for name, _ in query.order}
    if not members:
        return {}
    computed = shown(books, row) if members & {"Balance"} else row.body
    return {name: _one(computed, row, name, query.entity.filters[name]) for name in members}


def _one(body: Json, row: Row, name: str, typed: str) -> Any:
    match name:
        case "Id":
            return row.id.casefold()
        case "MetaData.CreateTime":
            return row.created
        case "MetaData.LastUpdatedTime":
            return row.updated
        case "PrimaryEmailAddr":
            return ((body.get(name) or {}).get("Address") or "").casefold()
    value = body.get(name)
    if value is None:
        return None
    match typed:
        case "day":
            return dt.date.fromisoformat(value)
        case "ref":
            return value["value"].casefold()
        case "text":
            return value.casefold()
    return value


def _fits(query: Query, known: dict[str, Any]) -> bool:
    return all(_meets(one, known[one.member]) for one in query.conditions)


def _meets(condition: Condition, value: Any) -> bool:
    if value is None:
        return False
    if condition.sign == "in":
        return value in condition.values
    if condition.sign == "like":
        pattern = ".*".join(re.escape(part) for part in condition.values[0].split("%"))
        return re.fullmatch(pattern, value, re.DOTALL) is not None
    return COMPARE[condition.sign](value, condition.values[0])


def _sortable(value: Any, query: Query, member: str) -> tuple[bool, Any]:
    if member == "Id":
        return True, int_or_text(value)
    lowest = {NUMBER: Decimal(0), DAY: dt.date.min, TEXT: ""}
    if value is None:
        return False, lowest.get(query.entity.filters[member], "")
    return True, value
