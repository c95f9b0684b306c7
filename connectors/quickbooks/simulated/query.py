"""The query language: a small real parser, and what it is let to find.

    select * | count(*) from Entity
        [where a op v [and b in (v, w)] ...] [orderby a [asc|desc], ...]
        [startposition n] [maxresults n]

Page "Data queries" and the entity pages (read 2026-11-20). There are no joins, no OR, no GROUP BY,
no projections; only filterable members filter; `Id` knows `=` and `in`; texts compare without
case. Ours: what no order is asked for comes newest change first, and more than 1000 results a
page are refused.
"""

import datetime as dt
import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from connectors.quickbooks.simulated.answers import Refused
from connectors.quickbooks.simulated.books import Books
from connectors.quickbooks.simulated.entities import (
    DAY,
    ENTITIES,
    FLAG,
    ID,
    MOMENT,
    REF,
    TEXT,
    Entity,
)
from connectors.quickbooks.simulated.values import moment

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>'(?:\\.|[^'\\])*')
    | (?P<number>-?\d+(?:\.\d+)?)
    | (?P<word>[A-Za-z_][A-Za-z0-9_.]*)
    | (?P<sign>>=|<=|!=|<>|=|<|>|\(|\)|,|\*)
    )""",
    re.VERBOSE,
)
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
_KNOWN_NOT_HAD = frozenset({"or", "group", "join", "having", "union", "not", "between", "is"})


@dataclass(frozen=True)
class Condition:
    """One comparison."""

    member: str
    kind: str
    sign: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Query:
    """A statement, read and checked."""

    entity: Entity
    counts: bool
    conditions: tuple[Condition, ...]
    order: tuple[tuple[str, bool], ...]
    """Members, and whether they go down."""
    start: int
    most: int


def parse_error(at: str) -> Refused:
    """The statement is none of this language."""
    text = f'QueryParserError: Encountered " {at} " at line 1.'
    return Refused("4000", "Error parsing query", text)


def invalid(text: str) -> Refused:
    """It is one, but asks for what cannot be asked."""
    return Refused("4001", "Invalid query", f"QueryValidationError: {text}")


class _Tokens:
    """The words of a statement, one after the other."""

    def __init__(self, statement: str) -> None:
        self._all = list(self._split(statement.strip()))
        self._at = 0

    def _split(self, statement: str) -> Iterator[tuple[str, str]]:
        at = 0
        while at < len(statement):
            match = _TOKEN.match(statement, at)
            if match is None:
                raise parse_error(statement[at : at + 20].strip())
            kind = str(match.lastgroup)
            yield kind, match.group(kind)
            at = match.end()

    def next(self) -> tuple[str, str]:
        kind, said = self.peek()
        self._at += 1
        return kind, said

    def peek(self) -> tuple[str, str]:
        return self._all[self._at] if self._at < len(self._all) else ("end", "<EOF>")

    def take(self, *words: str) -> bool:
        """Whether these words come next, which are then gone."""
        for ahead, word in enumerate(words):
            place = self._at + ahead
            if place >= len(self._all) or self._all[place][1].lower() != word:
                return False
        self._at += len(words)
        return True

    def must(self, *words: str) -> None:
        if not self.take(*words):
            raise parse_error(self.peek()[1])

    def whole(self) -> int:
        kind, said = self.next()
        if kind != "number" or not said.isdecimal():
            raise parse_error(said)
        return int(said)


def parse(statement: str, books: Books) -> Query:
    """Read a statement.

    Raises:
        Refused: It cannot be read, or asks for what cannot be asked.
    """
    tokens = _Tokens(statement)
    tokens.must("select")
    counts = tokens.take("count", "(", "*", ")")
    if not counts and not tokens.take("*"):
        kind, said = tokens.peek()
        raise (
            invalid(f"projections are not modelled: {said}")
            if kind == "word"
            else parse_error(said)
        )
    tokens.must("from")
    named = tokens.next()[1]
    entity = next((one for one in ENTITIES.values() if one.name.lower() == named.lower()), None)
    if entity is None:
        raise invalid(f"{named} is not a queryable entity, or is not modelled")
    conditions = list(_conditions(tokens, entity, books)) if tokens.take("where") else []
    order = tuple(_order(tokens, entity))
    start = tokens.whole() if tokens.take("startposition") else 1
    most = tokens.whole() if tokens.take("maxresults") else books.rules.default_page
    kind, said = tokens.peek()
    if kind != "end":
        if said.lower() in _KNOWN_NOT_HAD or said == ",":
            raise parse_error(f"{said} (not supported)")
        raise parse_error(said)
    if start < 1 or not 1 <= most <= books.rules.largest_answer:
        raise invalid(f"startposition {start}, maxresults {most} are out of range")
    return Query(entity, counts, tuple(conditions), order, start, most)


def _conditions(tokens: _Tokens, entity: Entity, books: Books) -> Iterator[Condition]:
    while True:
        kind, said = tokens.next()
        if kind != "word":
            raise parse_error(said)
        member, typed = _member(entity, said)
        if tokens.take("in"):
            yield Condition(member, typed, "in", tuple(_several(tokens, typed, books)))
        elif tokens.take("like"):
            if typed != TEXT:
                raise invalid(f"like cannot be used with {member}")
            yield Condition(member, typed, "like", (_value(tokens, typed, books),))
        else:
            sign = tokens.next()[1]
            if sign not in COMPARE:
                raise parse_error(sign)
            if typed in {ID, REF, FLAG} and sign != "=":
                raise invalid(f"{sign} cannot be used with {member}")
            yield Condition(member, typed, sign, (_value(tokens, typed, books),))
        if not tokens.take("and"):
            return


def _member(entity: Entity, said: str) -> tuple[str, str]:
    for name, typed in entity.filters.items():
        if name.lower() == said.lower():
            return name, typed
    if any(name.lower() == said.partition(".")[0].lower() for name in entity.writable):
        raise invalid(f"property '{said}' is not queryable")
    raise invalid(f"Property {said} not found for Entity {entity.name}")


def _several(tokens: _Tokens, typed: str, books: Books) -> Iterator[Any]:
    tokens.must("(")
    while True:
        yield _value(tokens, typed, books)
        if tokens.take(")"):
            return
        tokens.must(",")


def _value(tokens: _Tokens, typed: str, books: Books) -> Any:
    kind, said = tokens.next()
    bare = re.sub(r"\\(.)", r"\1", said[1:-1]) if kind == "text" else said
    if kind == "word" and said.upper() == "CURRENT_DATE" and typed in {DAY, MOMENT}:
        today = books.now()
        return today.date() if typed == DAY else today.replace(hour=0, minute=0, second=0)
    if kind not in {"text", "number"} and (kind, typed) != ("word", FLAG):
        raise parse_error(said)
    try:
        return _read(bare, typed, books, quoted=kind == "text")
    except (ValueError, InvalidOperation):
        raise invalid(f"value {bare} is not valid for a property of this type") from None


def _read(bare: str, typed: str, books: Books, *, quoted: bool) -> Any:
    match typed:
        case "number":
            return Decimal(bare)
        case "flag":
            if bare.lower() not in {"true", "false"}:
                raise ValueError(bare)
            return bare.lower() == "true"
        case "day" if quoted:
            return dt.date.fromisoformat(bare[:10]) if len(bare) >= 10 else _no(bare)  # noqa: PLR2004  # YYYY-MM-DD
        case "moment" if quoted:
            return moment(bare, books.zone)
        case "text" | "id" | "ref" if quoted:
            return bare.casefold()
    raise ValueError(bare)


def _no(bare: str) -> Any:
    raise ValueError(bare)


def _order(tokens: _Tokens, entity: Entity) -> Iterator[tuple[str, bool]]:
    if not tokens.take("orderby") and not tokens.take("order", "by"):
        return
    while True:
        kind, said = tokens.next()
        if kind != "word":
            raise parse_error(said)
        member, typed = _member(entity, said)
        if typed in {REF, FLAG}:
            raise invalid(f"property '{said}' is not sortable")
        down = tokens.take("desc")
        if not down:
            tokens.take("asc")
        yield member, down
        if not tokens.take(","):
            return
