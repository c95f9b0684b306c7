"""Values as they go over the wire: Microsoft's JSON dates, numbers, GUIDs.

Dates are read as `YYYY-MM-DD`, with a time, or as `/Date(1552262400000+0000)/`, whose milliseconds
are UTC whatever the offset says.
"""

import datetime as dt
import re
import uuid
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

Row = dict[str, Any]

NIL = "00000000-0000-0000-0000-000000000000"
ZERO = Decimal(0)
CENT = Decimal("0.01")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSOFT = re.compile(r"/Date\((-?\d+)(?:[+-]\d{4})?\)/")


class Malformed(Exception):  # noqa: N818  # an answer: PostDataInvalidException
    """What was sent is not of the documented type; the whole request is refused."""


def day_of(value: Any, name: str) -> dt.date:
    """A date that was sent."""
    if isinstance(value, str):
        if found := _MICROSOFT.fullmatch(value):
            return (_EPOCH + dt.timedelta(milliseconds=int(found[1]))).date()
        try:
            return dt.datetime.fromisoformat(value).date()
        except ValueError:
            pass
    raise Malformed(f"{name} is not a date: {value!r}")


def number_of(value: Any, name: str) -> Decimal:
    """A number that was sent, as a number or as text."""
    if isinstance(value, Decimal | int | str) and not isinstance(value, bool):
        try:
            found = Decimal(value)
        except InvalidOperation:
            found = Decimal("NaN")
        if found.is_finite():
            return found
    raise Malformed(f"{name} is not a number: {value!r}")


def text_of(value: Any, name: str) -> str:
    """Text that was sent."""
    if not isinstance(value, str):
        raise Malformed(f"{name} is not text: {value!r}")
    return value


def guid_of(value: Any, name: str) -> str:
    """A GUID that was sent, in lower case with hyphens."""
    if isinstance(value, str):
        try:
            return str(uuid.UUID(value))
        except ValueError:
            pass
    raise Malformed(f"{name} is not a GUID: {value!r}")


def is_guid(text: str) -> bool:
    """Whether a text is a GUID."""
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def object_of(value: Any, name: str) -> Row:
    """An object that was sent."""
    if not isinstance(value, dict):
        raise Malformed(f"{name} is not an object: {value!r}")
    return value


def list_of(value: Any, name: str) -> list[Row]:
    """A list of objects that was sent; one bare object stands for a list of one."""
    if isinstance(value, dict):
        return [value]
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise Malformed(f"{name} is not a list of objects")
    return value


def cents(amount: Decimal) -> Decimal:
    """Rounded to two places, half up."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def rounded(amount: Decimal, digits: int) -> Decimal:
    """Rounded to so many places, half up."""
    return amount.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def microsoft(moment: dt.date | dt.datetime) -> str:
    """A day (midnight UTC) or a moment as it goes out."""
    if not isinstance(moment, dt.datetime):
        moment = dt.datetime(moment.year, moment.month, moment.day, tzinfo=dt.UTC)
    return f"/Date({(moment - _EPOCH) // dt.timedelta(milliseconds=1)}+0000)/"


def shown(value: Any) -> Any:
    """A value of the books as JSON has it; what begins with `_` stays inside."""
    match value:
        case dict():
            return {
                name: shown(one)
                for name, one in value.items()
                if one is not None and not name.startswith("_")
            }
        case list() | tuple():
            return [shown(one) for one in value]
        case Decimal():
            return float(value)
        case dt.date():
            return microsoft(value)
    return value
