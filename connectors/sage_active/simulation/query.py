"""Lists as the API gives them: filtered, sorted, cut into pages with cursors that are positions."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from graphql import GraphQLError

from connectors.sage_active.simulation.refusals import Row
from connectors.sage_active.simulation.rules import ServerRules
from connectors.sage_active.simulation.schema import is_row, target_of
from connectors.sage_active.simulation.store import Books

_LIST_WORDS = {"all", "any", "none", "some"}


def _text(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


def _compared(how: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda have, want: have is not None and want is not None and how(have, want)


_TESTS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": lambda have, want: _text(have) == _text(want),
    "in": lambda have, want: _text(have) in [_text(one) for one in want or ()],
    "gt": _compared(lambda have, want: have > want),
    "gte": _compared(lambda have, want: have >= want),
    "lt": _compared(lambda have, want: have < want),
    "lte": _compared(lambda have, want: have <= want),
    "contains": _compared(lambda have, want: _text(want) in _text(have)),
    "startsWith": _compared(lambda have, want: _text(have).startswith(_text(want))),
    "endsWith": _compared(lambda have, want: _text(have).endswith(_text(want))),
}
_NEGATED = {
    "neq": "eq",
    "nin": "in",
    **{f"n{name}": name for name in _TESTS if name not in {"eq", "in"}},
}


def _scalar_fits(value: Any, wanted: Mapping[str, Any]) -> bool:
    for name, want in wanted.items():
        if name == "and":
            fits = all(_scalar_fits(value, one) for one in want)
        elif name == "or":
            fits = any(_scalar_fits(value, one) for one in want)
        elif name in _NEGATED:
            fits = not _TESTS[_NEGATED[name]](value, want)
        else:
            fits = _TESTS[name](value, want)
        if not fits:
            return False
    return True


class Listing:
    """Reads lists of one company's books."""

    def __init__(self, books: Books, rules: ServerRules) -> None:
        self._books = books
        self._rules = rules

    def page(self, type_name: str, rows: Sequence[Row], given: Mapping[str, Any]) -> dict[str, Any]:
        """One page of rows as a connection.

        Raises:
            GraphQLError: The arguments for paging are not possible.
        """
        where, order = given.get("where"), given.get("order") or []
        if where:
            rows = [row for row in rows if self._fits(type_name, row, where)]
        if order:
            rows = self._sorted(type_name, rows, order)
        start, stop = self._range(len(rows), given)
        return {
            "totalCount": len(rows),
            "nodes": rows[start:stop],
            "edges": [
                {"cursor": _cursor(place), "node": rows[place]} for place in range(start, stop)
            ],
            "pageInfo": {
                "hasNextPage": stop < len(rows),
                "hasPreviousPage": start > 0,
                "startCursor": _cursor(start) if stop > start else None,
                "endCursor": _cursor(stop - 1) if stop > start else None,
            },
        }

    def _range(self, total: int, given: Mapping[str, Any]) -> tuple[int, int]:
        first, last = given.get("first"), given.get("last")
        if first is not None and last is not None:
            raise GraphQLError("`first` and `last` do not go together")
        size = last if last is not None else first
        if size is None:
            size = self._rules.default_page
        if size < 0:
            raise GraphQLError("a page cannot have less than no rows")
        if size > self._rules.largest_page:
            raise GraphQLError(
                f"The maximum allowed items per page were exceeded: {self._rules.largest_page}.",
                extensions={"code": "HC0051"},
            )
        start = 0 if given.get("after") is None else _place(given["after"]) + 1
        stop = total if given.get("before") is None else min(total, _place(given["before"]))
        if last is not None:
            return max(start, stop - size), stop
        return min(start, total), max(min(start, total), min(stop, start + size))

    def _fits(self, type_name: str, row: Row, where: Mapping[str, Any]) -> bool:
        for name, wanted in where.items():
            if wanted is None:
                continue
            if name == "and":
                fits = all(self._fits(type_name, row, one) for one in wanted)
            elif name == "or":
                fits = any(self._fits(type_name, row, one) for one in wanted)
            else:
                fits = self._field_fits(type_name, row, name, wanted)
            if not fits:
                return False
        return True

    def _field_fits(self, type_name: str, row: Row, name: str, wanted: Mapping[str, Any]) -> bool:
        target = target_of(type_name, name)
        value = self._books.value(type_name, row, name, target)
        rows = is_row(target)
        if wanted.keys() & _LIST_WORDS and (rows or isinstance(value, list)):
            return self._list_fits(target if rows else None, value or [], wanted)
        if not rows:
            return _scalar_fits(value, wanted)
        return value is not None and self._fits(target, value, wanted)

    def _list_fits(
        self, kind: str | None, values: Sequence[Any], wanted: Mapping[str, Any]
    ) -> bool:
        def one(value: Any, how: Mapping[str, Any]) -> bool:
            return self._fits(kind, value, how) if kind else _scalar_fits(value, how)

        for word, how in wanted.items():
            if word == "any":
                fits = bool(values) == how
            else:
                hits = [one(value, how) for value in values]
                fits = {"some": any(hits), "all": all(hits), "none": not any(hits)}[word]
            if not fits:
                return False
        return True

    def _sorted(
        self, type_name: str, rows: Sequence[Row], order: Sequence[Mapping[str, Any]]
    ) -> list[Row]:
        found = list(rows)
        steps = [step for one in order for step in self._steps(type_name, one)]
        for path, direction in reversed(steps):
            found.sort(
                key=lambda row, path=path: self._key(type_name, row, path),  # type: ignore[misc]  # bound now
                reverse=direction == "DESC",
            )
        return found

    def _steps(
        self, type_name: str, order: Mapping[str, Any], path: tuple[str, ...] = ()
    ) -> list[tuple[tuple[str, ...], str]]:
        steps = []
        for name, how in order.items():
            if isinstance(how, Mapping):
                steps += self._steps(target_of(type_name, name), how, (*path, name))
            elif how is not None:
                steps.append(((*path, name), str(how)))
        return steps

    def _key(self, type_name: str, row: Row | None, path: tuple[str, ...]) -> tuple[bool, Any]:
        """Rows without a value come first, as in the database behind the API."""
        value: Any = row
        for name in path:
            if value is None:
                break
            target = target_of(type_name, name)
            value = self._books.value(type_name, value, name, target)
            type_name = target
        if isinstance(value, str):
            value = value.casefold()
        if value is None:
            return False, Decimal(0)
        return True, value


def _cursor(place: int) -> str:
    return base64.b64encode(str(place).encode()).decode()


def _place(cursor: str) -> int:
    try:
        return int(base64.b64decode(cursor, validate=True))
    except (binascii.Error, ValueError):
        raise GraphQLError("the cursor is not valid", extensions={"code": "HC0067"}) from None
