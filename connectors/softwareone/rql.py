"""The marketplace's query language: filters that are part of the query string itself.

Every text is quoted, since an unquoted word that equals a field's name is read as that field, and
there is no escape inside quotes: what cannot be quoted is refused here and must be compared by
the caller. Names of fields never come from data.

Source: the platform's developer pages on RQL and its .NET implementation, read 2026-11-20.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import quote as percent

from models.canonical.money import plain

_PATH = re.compile(r"[A-Za-z][A-Za-z0-9]*(\.[A-Za-z][A-Za-z0-9]*)*")

Operand = str | int | bool | Decimal | datetime


class NotExpressibleError(ValueError):
    """A value that the language has no way to write: ask for more, and compare here."""


def path(name: str) -> str:
    """A field's path, as it is.

    Raises:
        NotExpressibleError: It is none.
    """
    if not _PATH.fullmatch(name):
        raise NotExpressibleError(f"{name!r} is no path of fields")
    return name


def value(operand: Operand) -> str:
    """A value as it stands in a query string.

    Raises:
        NotExpressibleError: A text has both kinds of quotes, or control characters.
    """
    if isinstance(operand, bool):
        return "true" if operand else "false"
    if isinstance(operand, datetime):
        return value(instant(operand))
    if isinstance(operand, Decimal):
        return plain(operand)
    if isinstance(operand, int):
        return str(operand)
    mark = '"' if '"' not in operand else "'"
    if mark in operand or not operand.isprintable():
        raise NotExpressibleError("a text with both kinds of quotes cannot be written as a filter")
    return percent(f"{mark}{operand}{mark}", safe="")


def instant(moment: datetime) -> str:
    """A moment as the platform wants it: UTC, three decimals; other forms may filter wrongly."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + (
        f"{moment.microsecond // 1000:03d}Z"
    )


def eq(field: str, operand: Operand) -> str:
    """The field equals a value."""
    return f"eq({path(field)},{value(operand)})"


def ne(field: str, operand: Operand) -> str:
    """It does not."""
    return f"ne({path(field)},{value(operand)})"


def ge(field: str, operand: Operand) -> str:
    """It is at least a value."""
    return f"ge({path(field)},{value(operand)})"


def is_in(field: str, operands: Iterable[Operand]) -> str:
    """It is one of some values, of which there must be one."""
    written = ",".join(map(value, operands))
    if not written:
        raise NotExpressibleError(f"{field} in nothing")
    return f"in({path(field)},({written}))"


def both(conditions: Sequence[str]) -> str:
    """All of some conditions; nothing for none."""
    given = [one for one in conditions if one]
    return given[0] if len(given) == 1 else f"and({','.join(given)})" if given else ""


def query(
    where: str = "",
    *,
    select: Sequence[str] = (),
    order: Sequence[str] = (),
    limit: int | None = None,
    offset: int | None = None,
) -> str:
    """A query string, without its question mark.

    Args:
        where: A filter made by the functions above.
        select: Members to be included besides those that come by themselves.
        order: Fields, with `-` in front for the largest first.
        limit: Most rows; 0 asks for their number only.
        offset: Rows to leave out.
    """
    parts = [where] if where else []
    if select:
        parts.append("select=" + ",".join(map(path, select)))
    if order:
        parts.append("order=" + ",".join(_ordered(one) for one in order))
    if limit is not None:
        parts.append(f"limit={limit}")
    if offset:
        parts.append(f"offset={offset}")
    return "&".join(parts)


def _ordered(field: str) -> str:
    down = field.startswith("-")
    return ("-" if down else "") + path(field.removeprefix("-"))
