"""The filter language in query strings: read into a tree, with the platform's own refusals.

A filter *is* the query string, not the value of a parameter. Operators, quoting and refusals are
from the platform's developer documentation ("Resource Query Language", read 2026-11-20) and its
published .NET implementation: strings are quoted with either quote and have no escapes; an
unknown function answers 400 `Unknown expression group.`. Ours: `and` and `or` signs side by side
without brackets are refused.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from connectors.softwareone.simulated.answers import Problem

COMPARISONS = frozenset({"eq", "ne", "gt", "ge", "lt", "le"})
PATTERNS = frozenset({"like", "ilike"})
MEMBERSHIPS = frozenset({"in", "out"})
_LOGIC = frozenset({"and", "or", "not"})
_NESTED = frozenset({"any", "all"})
_TOKEN = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([(),&|;=])|([^"'(),&|;=]+))""")
_AND, _OR = frozenset("&,"), frozenset(";|")


@dataclass(frozen=True)
class Quoted:
    """A string in quotes."""

    text: str


@dataclass(frozen=True)
class Word:
    """Something without quotes: a property, a number, a word."""

    text: str


@dataclass(frozen=True)
class Nothing:
    """`null()` or `empty()`."""

    empty: bool = False


Value = Quoted | Word | Nothing


@dataclass(frozen=True)
class Comparison:
    """`eq(path,value)`, `like(path,pattern)`, `in(path,(a,b))`."""

    function: str
    path: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Logic:
    """`and`, `or`, `not` of others."""

    function: str
    parts: "tuple[Expression, ...]"


@dataclass(frozen=True)
class Nested:
    """`any(collection,condition)`, `all(...)`."""

    function: str
    path: str
    condition: "Expression"


Expression = Comparison | Logic | Nested


def bad_query(detail: str) -> Problem:
    """400: a mistake in the program that asked."""
    return Problem(400, detail)


def parts_of(query: str) -> list[str]:
    """A decoded query string, cut at `&` outside of quotes and brackets."""
    parts, depth, quote, start = [], 0, "", 0
    for place, sign in enumerate(query):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "\"'":
            quote = sign
        elif sign in "()":
            depth += 1 if sign == "(" else -1
        elif sign == "&" and depth == 0:
            parts.append(query[start:place])
            start = place + 1
    return [part for part in (*parts, query[start:]) if part]


def parsed(text: str) -> Expression:
    """The tree of an expression.

    Raises:
        Problem: 400.
    """
    reader = _Reader(text)
    found = reader.expression()
    if reader.sign is not None:
        raise bad_query(f"Unexpected input in the query: {reader.sign!r}")
    return found


class _Reader:
    """A reader by recursive descent, one token ahead."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        place, text = 0, text.strip()
        while place < len(text):
            match = _TOKEN.match(text, place)
            if match is None:
                raise bad_query("A quoted value does not end.")
            kind = ("quoted", "quoted", "sign", "word")[(match.lastindex or 1) - 1]
            self._tokens.append((kind, match.group(match.lastindex or 0).strip(" ")))
            if kind == "quoted":
                self._tokens[-1] = (kind, match.group(match.lastindex or 0))
            place = match.end()
        self._place = 0

    @property
    def sign(self) -> str | None:
        """The text of the next token; None at the end."""
        return self._tokens[self._place][1] if self._place < len(self._tokens) else None

    def _next_is(self, *signs: str) -> bool:
        if self._place >= len(self._tokens):
            return False
        kind, text = self._tokens[self._place]
        return kind == "sign" and text in signs

    def _take(self) -> tuple[str, str]:
        if self._place >= len(self._tokens):
            raise bad_query("The query ends too early.")
        self._place += 1
        return self._tokens[self._place - 1]

    def _expect(self, sign: str) -> None:
        if self._take() != ("sign", sign):
            raise bad_query(f"Expected {sign!r} in the query.")

    def expression(self) -> Expression:
        """Expressions side by side."""
        parts, used = [self._single()], set[str]()
        while self._next_is(*_AND, *_OR):
            used.add("and" if self._take()[1] in _AND else "or")
            parts.append(self._single())
        if len(used) > 1:
            raise bad_query("'and' and 'or' signs side by side need brackets.")
        return Logic(used.pop(), tuple(parts)) if used else parts[0]

    def _single(self) -> Expression:
        if self._next_is("("):
            self._take()
            found = self.expression()
            self._expect(")")
            return found
        kind, name = self._take()
        if kind != "word":
            raise bad_query(f"Expected an expression in the query, not {name!r}.")
        if self._next_is("="):
            self._take()
            return Comparison("eq", name, (self._value(),))
        self._expect("(")
        found = self._function(name)
        self._expect(")")
        return found

    def _function(self, name: str) -> Expression:
        if name in _LOGIC:
            return self._logic(name)
        if name in _NESTED:
            path = self._path()
            self._expect(",")
            return Nested(name, path, self._single())
        if name not in COMPARISONS | PATTERNS | MEMBERSHIPS:
            raise bad_query("Unknown expression group.")
        path = self._path()
        self._expect(",")
        if name in MEMBERSHIPS:
            return Comparison(name, path, self._values())
        return Comparison(name, path, (self._value(),))

    def _logic(self, name: str) -> Logic:
        parts = [self._single()]
        while self._next_is(","):
            self._take()
            parts.append(self._single())
        if name == "not" and len(parts) > 1:
            raise bad_query("'not' takes one expression.")
        return Logic(name, tuple(parts))

    def _path(self) -> str:
        kind, text = self._take()
        if kind != "word":
            raise bad_query("Invalid property path.")
        return text

    def _values(self) -> tuple[Value, ...]:
        self._expect("(")
        if self._next_is(")"):
            raise bad_query("The list of values is empty.")
        values = [self._value()]
        while self._next_is(","):
            self._take()
            values.append(self._value())
        self._expect(")")
        return tuple(values)

    def _value(self) -> Value:
        kind, text = self._take()
        if kind == "quoted":
            return Quoted(text)
        if kind != "word":
            raise bad_query("Expected a value in the query.")
        if self._next_is("("):
            if text not in {"null", "empty"}:
                raise bad_query("Unknown expression group.")
            self._take()
            self._expect(")")
            return Nothing(empty=text == "empty")
        return Word(text)


def names_in(found: Sequence[Expression]) -> set[str]:
    """All paths that expressions look at, those inside of collections with their collection's."""
    names: set[str] = set()
    for one in found:
        if isinstance(one, Logic):
            names |= names_in(one.parts)
        elif isinstance(one, Nested):
            names.add(one.path)
        else:
            names.add(one.path)
            names |= {value.text for value in one.values if isinstance(value, Word)}
    return names
