"""Xero's dates, numbers, filters and markers; pure.

Dates come as `/Date(1552262400000+0000)/`: milliseconds in UTC, whatever the offset says. Business
dates are midnight in UTC. From the Accounting API's page "requests and responses" (2026).
"""

import datetime as dt
import functools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, TypeVar

from models.canonical import AnyRecord, BillingDocument, Contact, Item, JournalEntry, Payment
from models.canonical.money import CURRENCY_DIGITS, plain
from models.canonical.record import ObjectType

_MS = re.compile(r"/Date\((-?[0-9]{1,17})(?:[+-][0-9]{4})?\)/")
_MARKER = re.compile(r"\bLB-[0-9A-F]{16}\b")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_AMOUNT, _PRICE, _RATE = Decimal("0.0001"), Decimal("1e-12"), Decimal("1e-10")
_LARGE = Decimal("1e15")
_Item = TypeVar("_Item")

NIL = "00000000-0000-0000-0000-000000000000"
"""The id of what was not saved."""


# Times.


def moment(value: object) -> dt.datetime:
    """A time that Xero gives, in UTC.

    Raises:
        ValueError: It is none.
    """
    return _moment(str(value))


@functools.lru_cache(maxsize=4096)
def _moment(text: str) -> dt.datetime:
    """Business dates repeat themselves, a page full of them."""
    if match := _MS.fullmatch(text):
        try:
            return _EPOCH + dt.timedelta(milliseconds=int(match[1]))
        except OverflowError:
            raise ValueError(f"{text} is no date") from None
    found = dt.datetime.fromisoformat(text)
    return found.replace(tzinfo=dt.UTC) if found.tzinfo is None else found.astimezone(dt.UTC)


def since_header(when: dt.datetime) -> str:
    """`If-Modified-Since` as Xero wants it: ISO, in UTC, whole seconds."""
    return when.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S")


def day_of(when: dt.datetime | None, what: str) -> dt.date:
    """A business date.

    Raises:
        ValueError: There is none.
    """
    if when is None:
        raise ValueError(f"it has no {what}")
    return when.date()


# Numbers.


def amount(number: Decimal | None) -> Decimal | None:
    """An amount; beyond four digits there is only what floats leave behind."""
    return None if number is None else _cut(number, _AMOUNT)


def price(number: Decimal) -> Decimal:
    """A unit price or a quantity."""
    return _cut(number, _PRICE)


def rate(number: Decimal) -> Decimal:
    """A percentage or an exchange rate."""
    return _cut(number, _RATE)


def inverse(number: Decimal | None, digits: Decimal = _RATE) -> Decimal | None:
    """Xero counts foreign units for one of the base currency, we the other way round."""
    if not number or number == 1:
        return None
    return (1 / number).quantize(digits, rounding=ROUND_HALF_UP).normalize()


def _cut(number: Decimal, digits: Decimal) -> Decimal:
    # Far quicker than a look at the exponent; what is too large for it is too large for us.
    if number.copy_abs() < _LARGE and not number % digits:
        return number
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and exponent < digits.as_tuple().exponent:  # type: ignore[operator]  # our own
        return number.quantize(digits, rounding=ROUND_HALF_UP).normalize()
    return number


def currency(code: str | None) -> str:
    """A currency that we know.

    Raises:
        ValueError: It is another one.
    """
    if code not in CURRENCY_DIGITS:
        raise ValueError(f"its currency is {code}" if code else "it has no currency")
    return code


# Bodies.


def as_json(value: Any) -> str:
    """A body with exact numbers: amounts are JSON numbers, and no float comes near them."""
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, Mapping):
        parts = (f"{json.dumps(str(name))}:{as_json(part)}" for name, part in value.items())
        return f"{{{','.join(parts)}}}"
    if isinstance(value, list | tuple):
        return f"[{','.join(map(as_json, value))}]"
    return json.dumps(value, ensure_ascii=False)


def present(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is not given."""
    return {name: value for name, value in values.items() if value is not None}


# Markers and names.


def marker_in(*texts: str | None) -> str | None:
    """Our marker, where one of the texts carries it."""
    for text in texts:
        if text and (found := _MARKER.search(text)):
            return found.group()
    return None


def without_marker(text: str | None) -> str | None:
    """A text as people wrote it."""
    return _MARKER.sub("", text).strip() or None if text else None


def with_marker(text: str | None, marker: str, most: int = 255) -> str:
    """A text with our marker behind it; cut where both are too long."""
    kept = (text or "")[: most - len(marker) - 1].rstrip()
    return f"{kept} {marker}".strip()


def label(record: AnyRecord) -> str:
    """A record as people call it."""
    kind = ObjectType(record.type).words
    match record:
        case Contact() | Item():
            return f"{kind} {record.name}"
        case BillingDocument() | JournalEntry():
            return f"{kind} {record.number or record.id}"
        case Payment():
            return f"{kind} {record.number or record.reference or record.id}"
    return f"{kind} {record.id}"


# Filters.


def both(*conditions: str) -> str:
    """Conditions that must all hold; empty ones do not count."""
    return " AND ".join(one for one in conditions if one)


def any_guid(field: str, ids: Iterable[str]) -> str:
    """One of several ids."""
    return " OR ".join(f'{field}==guid("{one}")' for one in ids)


def dated(start: dt.date | None, end: dt.date | None) -> str:
    """Documents of some days, both included; these filters are optimised by Xero."""
    parts = [
        f"Date{sign}DateTime({day:%Y,%m,%d})"
        for sign, day in ((">=", start), ("<=", end))
        if day is not None
    ]
    return both(*parts)


def spans(days: Iterable[dt.date], *, gap: int = 7) -> Iterator[tuple[dt.date, dt.date]]:
    """Few ranges that hold all days: one call for each, without reading whole years."""
    start = end = None
    for day in sorted(set(days)):
        if start is None or end is None:
            start = end = day
        elif (day - end).days <= gap:
            end = day
        else:
            yield start, end
            start = end = day
    if start is not None and end is not None:
        yield start, end


def chunks(values: Sequence[_Item], size: int) -> Iterator[Sequence[_Item]]:
    """Pieces of at most a size."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def by_length(values: Iterable[str], most: int = 1200) -> Iterator[list[str]]:
    """Pieces that fit into an address together."""
    piece: list[str] = []
    length = 0
    for value in values:
        if piece and length + len(value) > most:
            yield piece
            piece, length = [], 0
        piece.append(value)
        length += len(value) + 1
    if piece:
        yield piece
