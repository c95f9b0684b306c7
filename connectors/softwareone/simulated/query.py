"""What a query string asks for, and the page of a list that answers it.

`limit`, `offset`, `order` and `select` are parameters; everything else in the query string is the
filter. A limit over 100 is cut silently, `limit=0` gives the total alone, and `?rql=` is refused
(the platform's developer documentation, read 2026-11-20). Documented as not guaranteed, and
therefore made to go wrong here: rows with equal keys, and all rows when no order is asked for,
come in another order every time.
"""

import itertools
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from connectors.faults import Request
from connectors.softwareone.simulated import rql, schemas
from connectors.softwareone.simulated.filtering import Test, at, located, test_of
from connectors.softwareone.simulated.generated import Generated
from connectors.softwareone.simulated.rql import Comparison, Expression, Logic
from connectors.softwareone.simulated.shapes import Json, Selection, View
from connectors.softwareone.simulated.traits import Traits

LARGEST_PAGE = 100
_PARAMETERS = frozenset({"limit", "offset", "order", "select"})


@dataclass(frozen=True)
class Query:
    """A query string, read."""

    filters: tuple[Expression, ...]
    order: tuple[tuple[str, bool], ...]
    """Path and whether it descends."""
    select: str | None
    limit: int | None
    offset: int

    @classmethod
    def read(cls, request: Request) -> "Query":
        """Read the query string of a request.

        Raises:
            Problem: 400.
        """
        text = unquote(request.target.partition("?")[2])
        given: dict[str, str] = {}
        filters: list[Expression] = []
        for part in rql.parts_of(text):
            name, sign, value = part.partition("=")
            if sign and name == "rql":
                raise rql.bad_query("The filter is the query string itself, without 'rql='.")
            if sign and name in _PARAMETERS:
                if name in given:
                    raise rql.bad_query(f"'{name}' was given twice.")
                given[name] = value
            else:
                filters.append(rql.parsed(part))
        return cls(
            tuple(filters),
            tuple(_orders(given.get("order", ""))),
            given.get("select"),
            _count(given.get("limit"), "limit"),
            _count(given.get("offset"), "offset") or 0,
        )

    def only_select(self) -> None:
        """Refuse what makes no sense for a single record."""
        if self.filters or self.order or self.limit is not None or self.offset:
            raise rql.bad_query("A single record takes 'select' alone.")


def _orders(text: str) -> Iterator[tuple[str, bool]]:
    for part in filter(None, text.split(",")):
        yield part.lstrip("+-"), part.startswith("-")


def _count(text: str | None, name: str) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()):
        raise rql.bad_query(f"'{name}' is a number from 0.")
    return int(text)


@dataclass(frozen=True)
class Listing:
    """A list as one caller asked for it."""

    kind: str
    view: View
    query: Query
    traits: Traits
    turn: int
    """A number that is another with every request."""

    def selection(self) -> Selection:
        """What of each row goes out."""
        omitted = schemas.omitted(
            self.kind, audit=self.traits.omits_audit, lines=self.traits.omits_lines
        )
        return Selection.read(self.view.schema, omitted, self.query.select)

    def envelope(self, rows: Sequence[Any]) -> Json:
        """A page with its `$meta`."""
        limit = self.query.limit if self.query.limit is not None else self.traits.default_limit
        limit = min(limit, LARGEST_PAGE)
        found = self._found(rows)
        total, page = len(found), found[self.query.offset : self.query.offset + limit]
        selection = self.selection()
        meta: Json = {"pagination": {"offset": self.query.offset, "limit": limit, "total": total}}
        if left_out := selection.left_out():
            meta["omitted"] = left_out
        return {"$meta": meta, "data": [selection.of(self.view.see(row)) for row in page]}

    def all_rows(self, rows: Sequence[Any]) -> "Generated | list[Json]":
        """All rows that fit, for a file: as they are made, or with what the caller may see.

        `limit` and `offset` count; the cut at 100 does not.
        """
        found = self._found(rows)
        if isinstance(found, Generated) and self.query.limit is None and not self.query.offset:
            return found
        end = None if self.query.limit is None else self.query.offset + self.query.limit
        selection = self.selection()
        kept = itertools.islice(found, self.query.offset, end)
        return [selection.of(self.view.see(row)) for row in kept]

    def _found(self, rows: Sequence[Any]) -> "Generated | list[Json]":
        """Rows that fit, in order; generated ones as they are when all are wanted in theirs.

        They are whole: filters and orders on what the caller may not see are refused before.
        """
        tests = [self._test(one) for one in self._checked()]
        order = self._order()
        if isinstance(rows, Generated) and not tests and order in ([], [(("id",), False)]):
            return rows
        kept = [row for row in rows if all(test(row) for test in tests)]
        if self.traits.unstable_order and not isinstance(rows, Generated):
            kept.sort(key=lambda row: zlib.crc32(f"{row.get('id')}/{self.turn}".encode()))
        for names, descends in reversed(order):
            kept.sort(key=lambda row: _key(at(row, names)), reverse=descends)
        return kept

    def _checked(self) -> list[Expression]:
        """The filters, without those on `audit` where they are ignored."""
        filters = list(self.query.filters)
        looked_at = {*rql.names_in(filters), *(path for path, _ in self.query.order)}
        if self._loose_audit() and any(_on_audit(path) for path in looked_at):
            if self.traits.audit_filters == "refused":
                raise rql.bad_query("Select 'audit' to filter or order by it.")
            return [kept for one in filters if (kept := _without_audit(one)) is not None]
        return filters

    def _loose_audit(self) -> bool:
        return self.traits.audit_filters != "kept" and not self.selection().names("audit")

    def _test(self, expression: Expression) -> Test:
        return test_of(expression, self.view.schema)

    def _order(self) -> list[tuple[tuple[str, ...], bool]]:
        order = []
        for path, descends in self.query.order:
            if _on_audit(path) and self._loose_audit():
                continue
            names, kind = located(self.view.schema, path)
            if not isinstance(kind, str):
                raise rql.bad_query("Invalid property path.")
            order.append((names, descends))
        return order


def _key(value: Any) -> tuple[int, Any]:
    """Nothing comes first, then numbers, then texts."""
    if value is None:
        return (0, 0)
    return (2, value) if isinstance(value, str) else (1, value)


def _on_audit(path: str) -> bool:
    return path.lower().partition(".")[0] == "audit"


def _without_audit(expression: Expression) -> Expression | None:
    if isinstance(expression, Comparison):
        return None if _on_audit(expression.path) else expression
    if isinstance(expression, Logic):
        parts = [kept for one in expression.parts if (kept := _without_audit(one)) is not None]
        return Logic(expression.function, tuple(parts)) if parts else None
    return expression
