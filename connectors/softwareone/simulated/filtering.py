"""Which rows a filter keeps: paths against the schema, values against the kind of their property.

Names of properties are compared without regard to case, texts with it; an unquoted word that is
the name of a property stands for that property (the platform's documentation of its filters,
read 2026-11-20). Documented as "may go wrong" and therefore made to go wrong here: unquoted ids
and times in other forms than `2026-01-31T23:00:00.000Z` match nothing.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from connectors.softwareone.simulated import rql
from connectors.softwareone.simulated.answers import Problem
from connectors.softwareone.simulated.rql import Comparison, Expression, Logic, Nested
from connectors.softwareone.simulated.schemas import FLAG, NUMBER, TEXT, TIME, Schema

Row = Mapping[str, Any]
Test = Callable[[Row], bool]

_EXACT_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_ANY_TIME = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?)?(Z|[+-]\d\d:?\d\d)?")
_NOTHING = object()
"""A value that equals nothing and is in no order."""


def located(schema: Schema, path: str) -> tuple[tuple[str, ...], Any]:
    """The exact names of a path and what is there.

    Raises:
        Problem: 400: there is no such property, or not for this role.
    """
    names: list[str] = []
    found: Any = schema
    for part in path.split("."):
        if not isinstance(found, Mapping):
            raise rql.bad_query("Invalid property path.")
        name = next((one for one in found if one.lower() == part.lower()), None)
        if name is None:
            raise rql.bad_query("Invalid property path.")
        names.append(name)
        found = found[name]
    return tuple(names), found


def at(row: Row, names: tuple[str, ...]) -> Any:
    """The value at a path; None when there is none."""
    found: Any = row
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def test_of(expression: Expression, schema: Schema) -> Test:
    """Whether a row fits an expression.

    Raises:
        Problem: 400.
    """
    if isinstance(expression, Logic):
        return _logic(expression, schema)
    if isinstance(expression, Nested):
        return _nested(expression, schema)
    return _compared(expression, schema)


def _logic(expression: Logic, schema: Schema) -> Test:
    tests = [test_of(part, schema) for part in expression.parts]
    match expression.function:
        case "and":
            return lambda row: all(test(row) for test in tests)
        case "or":
            return lambda row: any(test(row) for test in tests)
    return lambda row: not tests[0](row)


def _nested(expression: Nested, schema: Schema) -> Test:
    names, found = located(schema, expression.path)
    if not isinstance(found, list) or not isinstance(found[0], Mapping):
        raise rql.bad_query("Invalid property path.")
    test = test_of(expression.condition, found[0])
    many = any if expression.function == "any" else all
    return lambda row: many(test(one) for one in at(row, names) or ())


def _compared(expression: Comparison, schema: Schema) -> Test:
    names, kind = located(schema, expression.path)
    if not isinstance(kind, str):
        if [type(value) for value in expression.values] == [rql.Nothing]:
            return _presence(expression, names)
        raise rql.bad_query("Invalid property path.")
    function = expression.function
    if function in rql.PATTERNS:
        return _like(expression, names, kind)
    if function in rql.MEMBERSHIPS:
        values = [_given(value, kind, schema) for value in expression.values]
        wanted = function == "in"
        return lambda row: (
            any(_equal(_read(at(row, names), kind), value(row)) for value in values) is wanted
        )
    (value,) = expression.values
    if isinstance(value, rql.Nothing):
        return _presence(expression, names)
    given = _given(value, kind, schema)
    order = _ORDERS[function]
    return lambda row: order(_read(at(row, names), kind), given(row))


def _presence(expression: Comparison, names: tuple[str, ...]) -> Test:
    (value,) = expression.values
    if expression.function not in {"eq", "ne"} or not isinstance(value, rql.Nothing):
        raise rql.bad_query("Cannot convert value")
    absent: tuple[object, ...] = (None, [], {}, *([""] if value.empty else []))
    wanted = expression.function == "eq"
    return lambda row: (at(row, names) in absent) is wanted


def _like(expression: Comparison, names: tuple[str, ...], kind: str) -> Test:
    (value,) = expression.values
    if kind != TEXT or isinstance(value, rql.Nothing):
        raise rql.bad_query("Cannot convert value")
    flags = re.IGNORECASE if expression.function == "ilike" else 0
    pattern = re.compile(_pattern(value.text), flags | re.DOTALL)
    return lambda row: pattern.fullmatch(str(at(row, names) or "")) is not None


def _pattern(text: str) -> str:
    starts, ends = text.startswith("*"), text.endswith("*") and not text.endswith("\\*")
    inner = text[1 if starts else 0 : -1 if ends and len(text) > 1 else None]
    if re.search(r"(?<!\\)\*", inner):
        raise rql.bad_query("A '*' stands only at the start or at the end.")
    literal = re.escape(inner.replace("\\*", "*"))
    return f"{'.*' if starts else ''}{literal}{'.*' if ends else ''}"


def _given(value: rql.Value, kind: str, schema: Schema) -> Callable[[Row], Any]:
    if isinstance(value, rql.Nothing):
        return lambda _row: None
    if isinstance(value, rql.Word):
        try:
            names, other = located(schema, value.text)
        except Problem:
            pass
        else:
            return lambda row: _read(at(row, names), other)
    fixed = _converted(value, kind)
    return lambda _row: fixed


def _converted(value: rql.Quoted | rql.Word, kind: str) -> Any:
    text = value.text
    if kind == NUMBER:
        try:
            return Decimal(text)
        except InvalidOperation:
            raise rql.bad_query("Cannot convert value") from None
    if kind == TIME:
        if not _ANY_TIME.fullmatch(text):
            raise rql.bad_query("Cannot convert value")
        return text if _EXACT_TIME.fullmatch(text) else _NOTHING
    if kind == FLAG:
        if text not in {"true", "false"}:
            raise rql.bad_query("Cannot convert value")
        return text == "true"
    return _NOTHING if isinstance(value, rql.Word) and "-" in text else text


def _read(value: Any, kind: str) -> Any:
    """A row's value, comparable: times are texts of one form, dates get their midnight."""
    if kind == TIME and isinstance(value, str) and "T" not in value:
        return f"{value}T00:00:00.000Z"
    if kind == NUMBER:
        return Decimal(value) if isinstance(value, Decimal | int) else None
    return value


def _equal(left: Any, right: Any) -> bool:
    return bool(left == right and right is not _NOTHING)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def test(left: Any, right: Any) -> bool:
        return (
            left is not None
            and right is not None
            and type(left) is type(right)
            and compare(left, right)
        )

    return test


_ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": _equal,
    "ne": lambda left, right: right is not _NOTHING and left != right,
    "gt": _ordered(lambda left, right: left > right),
    "ge": _ordered(lambda left, right: left >= right),
    "lt": _ordered(lambda left, right: left < right),
    "le": _ordered(lambda left, right: left <= right),
}
