"""Reading what a body says: amounts, days, moments, texts."""

import datetime as dt
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from connectors.quickbooks.simulated import answers
from connectors.quickbooks.simulated.answers import Json

ZERO, CENT = Decimal(0), Decimal("0.01")
_LARGEST = Decimal(99_999_999_999)


def cents(amount: Decimal) -> Decimal:
    """Rounded as QuickBooks does: half up, two decimals in every currency modelled."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def number(body: Json, name: str) -> Decimal | None:
    """A number, exactly as it was sent; None where there is none.

    Raises:
        Refused: It is none, or larger than QuickBooks takes.
    """
    given = body.get(name)
    if given is None:
        return None
    if isinstance(given, bool):
        raise answers.invalid(name, given)
    try:
        found = Decimal(str(given))
    except InvalidOperation:
        raise answers.invalid(name, given) from None
    if not found.is_finite() or abs(found) > _LARGEST:
        raise answers.invalid(name, given)
    return found


def amount(body: Json, name: str) -> Decimal | None:
    """A number in cents."""
    found = number(body, name)
    return None if found is None else cents(found)


def day(body: Json, name: str) -> dt.date | None:
    """A day, YYYY-MM-DD and nothing more."""
    given = body.get(name)
    if given is None:
        return None
    if not isinstance(given, str) or len(given) != 10:  # noqa: PLR2004  # YYYY-MM-DD
        raise answers.invalid(name, given)
    try:
        return dt.date.fromisoformat(given)
    except ValueError:
        raise answers.invalid(name, given) from None


def moment(given: str, zone: dt.tzinfo) -> dt.datetime:
    """A moment, or the beginning of a day; without an offset in the zone of the company.

    Raises:
        ValueError: It is neither.
    """
    found = dt.datetime.fromisoformat(given)
    return found if found.tzinfo else found.replace(tzinfo=zone)


def text(body: Json, name: str, most: int) -> str | None:
    """A text that is not too long."""
    given = body.get(name)
    if given is None:
        return None
    if not isinstance(given, str):
        raise answers.invalid(name, given)
    if len(given) > most:
        raise answers.too_long(name, len(given), most)
    return given


def flag(body: Json, name: str, default: bool) -> bool:
    """True or false."""
    given = body.get(name)
    if given is None:
        return default
    if not isinstance(given, bool):
        raise answers.invalid(name, given)
    return given


def mapping(body: Json, name: str) -> Json:
    """An object, empty where there is none."""
    given = body.get(name)
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise answers.invalid(name, given)
    return given


def objects(body: Json, name: str) -> list[Json]:
    """A list of objects, empty where there is none."""
    given = body.get(name)
    if given is None:
        return []
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise answers.invalid(name, given)
    return given


def id_in(body: Json, name: str) -> str | None:
    """What a reference names: `{"value": ...}`."""
    given = mapping(body, name).get("value")
    if given is None or given == "":
        return None
    if not isinstance(given, str):
        raise answers.invalid(name, given)
    return given


def latin(value: Any) -> Any:
    """What a company file of the US keeps: characters outside Latin-1 become `?`."""
    if isinstance(value, str):
        return value.encode("latin-1", "replace").decode("latin-1")
    if isinstance(value, dict):
        return {name: latin(part) for name, part in value.items()}
    if isinstance(value, list):
        return [latin(part) for part in value]
    return value
