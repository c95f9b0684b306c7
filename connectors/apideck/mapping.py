"""Between Apideck's words and ours, for all types: ids, markers, dates, amounts, states; pure."""

import datetime as dt
import re
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from connectors.apideck.services import Resource
from connectors.apideck.wire import Linked
from models.canonical import AnyRecord, BillingDocument, Contact, Item, JournalEntry, Payment
from models.canonical.money import CURRENCY_DIGITS, ZERO
from models.canonical.record import ObjectType

_MARKER = re.compile(r"\bLB-[0-9A-F]{16}\b")
_CENTS, _PRICE, _RATE = Decimal("0.0001"), Decimal("1e-12"), Decimal("1e-10")

_PREFIXES = {
    Resource.CUSTOMERS: "customer",
    Resource.SUPPLIERS: "supplier",
    Resource.PAYMENTS: "payment",
    Resource.BILL_PAYMENTS: "bill-payment",
}
"""Two lists, one type of ours: equal ids in them are different objects."""
CODE = "code:"
"""Before the id of a tax rate that has only a code."""

BaseCurrency = Callable[[], str | None]
"""Asked for only where an object names no currency."""


def platform_id(resource: Resource, row_id: str) -> str:
    """The id under which we keep an object."""
    prefix = _PREFIXES.get(resource)
    return f"{prefix}:{row_id}" if prefix else row_id


def place_of(kept: str, *resources: Resource) -> tuple[Resource, str]:
    """The list and the id behind an id that we keep."""
    for resource in resources:
        prefix = f"{_PREFIXES.get(resource)}:"
        if resource in _PREFIXES and kept.startswith(prefix):
            return resource, kept.removeprefix(prefix)
    return resources[0], kept


def marker_in(*texts: str | None) -> str | None:
    """Our marker, where one of the texts carries it."""
    for text in texts:
        if text and (found := _MARKER.search(text)):
            return found.group()
    return None


def without_marker(text: str | None) -> str | None:
    """A text as people wrote it."""
    return _MARKER.sub("", text).strip() or None if text else None


def with_marker(text: str | None, marker: str) -> str:
    """A text with our marker behind it."""
    return f"{text} {marker}".strip() if text else marker


def label(record: AnyRecord) -> str:
    """A record as people call it."""
    kind = ObjectType(record.type).words
    match record:
        case Contact() | Item():
            return f"{kind} {record.name}"
        case BillingDocument() | JournalEntry():
            return f"{kind} {record.number or record.id}"
        case Payment():
            return f"{kind} {record.reference or record.number or record.id}"
    return f"{kind} {record.id}"


def present(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is not given: on some ledgers null clears a field."""
    return {name: value for name, value in values.items() if value is not None}


# Values.


def day(text: str | None, what: str) -> dt.date:
    """A day, from a date or from a moment: the first ten characters, moved by no time zone.

    Raises:
        ValueError: There is none.
    """
    if not text:
        raise ValueError(f"it has no {what}")
    try:
        return dt.date.fromisoformat(text[:10])
    except ValueError:
        raise ValueError(f"its {what} is no date") from None


def day_or_none(text: str | None) -> dt.date | None:
    """The same where there need be none."""
    return day(text, "date") if text else None


def moment(when: dt.date) -> str:
    """A day as the moment that Apideck wants: noon, so that no time zone moves it."""
    return f"{when.isoformat()}T12:00:00.000Z"


def amount(number: Decimal | None) -> Decimal | None:
    """An amount; beyond four digits there is only what floats leave behind."""
    return None if number is None else _cut(number, _CENTS)


def price(number: Decimal) -> Decimal:
    """A unit price."""
    return _cut(number, _PRICE)


def rate(number: Decimal | None) -> Decimal | None:
    """A percentage or an exchange rate."""
    return None if number is None else _cut(number, _RATE)


def _cut(number: Decimal, digits: Decimal) -> Decimal:
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and exponent < digits.as_tuple().exponent:  # type: ignore[operator]  # our own
        return number.quantize(digits, rounding=ROUND_HALF_UP).normalize()
    return number


def currency(text: str | None, base: BaseCurrency) -> str:
    """A currency; the books' own where none is named.

    Raises:
        ValueError: It is unknown: `XXX`, `BTC` ...
    """
    found = text or base()
    if found not in CURRENCY_DIGITS:
        raise ValueError(f"its currency is {found}" if found else "it has no currency")
    return found


def known_currency(text: str | None) -> str | None:
    """A currency where none need be known."""
    return text if text in CURRENCY_DIGITS else None


# References.


def tax_id(tax: Linked | None) -> str | None:
    """The id of a line's tax rate; ledgers that have none know it by its code."""
    if tax is None:
        return None
    return tax.id or (f"{CODE}{tax.code}" if tax.code else None)


def linked(row_id: str | None) -> dict[str, str] | None:
    """A reference as it is written."""
    return {"id": row_id} if row_id else None


def party_id(resource: Resource, party: Linked | None) -> str | None:
    """The contact that a customer or supplier is."""
    return platform_id(resource, party.id) if party and party.id else None


# States.

DELETED = "deleted"
_VOID = frozenset({"void", "voided", "rejected"})
_DRAFT = frozenset({"draft", "pending_approval"})
_OPEN = frozenset({"submitted", "authorised", "approved", "posted", "unpaid"})
_PAID = {"paid": "paid", "partially_paid": "partially_paid"}


def document_status(
    status: str | None, balance: Decimal | None, total: Decimal, *, credit: bool = False
) -> str:
    """A document's state: what is open of it says more than the ledger's word does.

    Some ledgers give the state of payment only through balance and total.
    """
    if status in _VOID:
        return "void"
    if status in _DRAFT:
        return "draft"
    if balance is None or (total == ZERO and not credit):
        return _PAID.get(status or "", "open" if status in _OPEN or not status else status)
    if balance == ZERO:
        return "paid"
    return "partially_paid" if abs(balance) < abs(total) else "open"


def simple_status(status: str | None) -> str:
    """The state of a payment or journal entry."""
    if status in _VOID:
        return "void"
    if status in _DRAFT:
        return "draft"
    return "open" if not status or status in _OPEN or status == "paid" else status
