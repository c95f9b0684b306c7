"""Whether a body fits its description; see `schemas` for the descriptions."""

import datetime as dt
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from connectors.apideck.simulated.schemas import SCHEMAS
from models.canonical.money import CURRENCY_DIGITS

_CURRENCIES = {*CURRENCY_DIGITS, "UNKNOWN_CURRENCY", "XXX", "XTS", "BTC", "ETH"}
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def problems(
    value: Any, schema: str, path: str = "body", *, partial: bool = False
) -> Iterator[str]:
    """What is wrong with an object; `partial` leaves out what the top level demands."""
    if not isinstance(value, dict):
        yield f"{path} must be object"
        return
    members = SCHEMAS[schema]
    for name in value.keys() - members.keys():
        yield f"{path} must NOT have additional properties: {name}"
    for name, kind in members.items():
        if name in value:
            yield from _of(value[name], kind.rstrip("!"), f"{path}.{name}")
        elif kind.endswith("!") and not partial:
            yield f"{path} must have required property '{name}'"


def _of(value: Any, kind: str, path: str) -> Iterator[str]:
    if kind.endswith("?"):
        if value is None:
            return
        kind = kind.removesuffix("?")
    if kind.startswith("["):
        if not isinstance(value, list):
            yield f"{path} must be array"
            return
        for place, one in enumerate(value):
            yield from _of(one, kind[1:-1], f"{path}[{place}]")
    elif kind.startswith("="):
        if value not in kind[1:].split("|"):
            yield f"{path} must be equal to one of the allowed values"
    elif kind in SCHEMAS:
        yield from problems(value, kind, path)
    elif not _FITS[kind](value):
        yield f"{path} must be {kind}"


def is_day(value: Any) -> bool:
    """`2026-11-21`."""
    try:
        return isinstance(value, str) and bool(dt.date.fromisoformat(value)) and len(value) == 10  # noqa: PLR2004  # YYYY-MM-DD
    except ValueError:
        return False


def is_moment(value: Any) -> bool:
    """`2026-11-21T09:30:00.000Z`: a date alone is none (whether one is accepted is not known)."""
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        return False
    try:
        return bool(dt.datetime.fromisoformat(value))
    except ValueError:
        return False


def _is_number(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


_FITS: dict[str, Callable[[Any], bool]] = {
    "any": lambda _: True,
    "object": lambda value: isinstance(value, dict),
    "text": lambda value: isinstance(value, str),
    "number": _is_number,
    "whole": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "bool": lambda value: isinstance(value, bool),
    "day": is_day,
    "moment": is_moment,
    "currency": lambda value: isinstance(value, str) and value in _CURRENCIES,
}
