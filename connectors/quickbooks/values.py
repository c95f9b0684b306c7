"""Between QuickBooks' words and ours, for all types: markers, dates, amounts, states; pure."""

import datetime as dt
import re
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from connectors.quickbooks import errors
from connectors.quickbooks.wire import Ref, TransactionRow
from models.canonical import AnyRecord, BillingDocument, Contact, Item, JournalEntry, Payment
from models.canonical.money import CURRENCY_DIGITS, ZERO
from models.canonical.record import ObjectType

NUMBER, NOTE, TEXT, NAME, MEMO = 21, 4000, 4000, 100, 1000
"""Most characters of `DocNumber`, `PrivateNote`, a line's `Description`, names, `CustomerMemo`."""
SHORT = 255
_MARKER = re.compile(r"\bLB-[0-9A-F]{16}\b")
_CENTS, _PRICE, _RATE = Decimal("0.0001"), Decimal("1e-12"), Decimal("1e-10")

HomeCurrency = Callable[[], str | None]
"""Asked for only where an object names no currency."""


# Our marker.


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
    return f"{text}\n{marker}" if text else marker


# Texts.


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


def fits(text: str | None, limit: int, field: str, record: AnyRecord) -> str | None:
    """A text that is short enough.

    Raises:
        Rejected: It is not; cutting it would make it another.
    """
    text = (text or "").strip()
    if len(text) > limit:
        raise errors.too_long(label(record), field, len(text), limit)
    return text or None


def one_line(text: str, record: AnyRecord) -> str:
    """A name as lists take it: without what QuickBooks keeps for itself.

    Raises:
        Rejected: It has a colon, which would make it part of another entry.
    """
    if ":" in text:
        raise errors.inexpressible(
            f"{label(record)}: QuickBooks takes no colon in a name", "name_with_colon"
        )
    return re.sub(r"\s+", " ", text).strip()


def present(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is not given: in a sparse update that leaves it as it is."""
    return {name: value for name, value in values.items() if value is not None}


def linked(row_id: str | None) -> dict[str, str] | None:
    """A reference as it is written."""
    return {"value": row_id} if row_id else None


def quoted(text: str) -> str:
    """A text as a query takes it."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def any_of(field: str, values: "list[str]") -> str:
    """The condition that a field is one of some values."""
    return f"{field} in ({', '.join(map(quoted, values))})"


# Dates and numbers.


def day(text: str | None, what: str = "date") -> dt.date:
    """A day.

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
    return day(text) if text else None


def moment(text: Any) -> dt.datetime | None:
    """A time with its offset; what has none is not to be relied on (their zone is not documented)."""
    if not isinstance(text, str):
        return None
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None


def amount(number: Decimal | None) -> Decimal | None:
    """An amount."""
    return None if number is None else _cut(number, _CENTS)


def price(number: Decimal) -> Decimal:
    """A unit price or a quantity."""
    return _cut(number, _PRICE)


def rate(number: Decimal | None) -> Decimal | None:
    """A percentage or an exchange rate."""
    return None if number is None else _cut(number, _RATE)


def _cut(number: Decimal, digits: Decimal) -> Decimal:
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and exponent < digits.as_tuple().exponent:  # type: ignore[operator]  # our own
        return number.quantize(digits, rounding=ROUND_HALF_UP).normalize()
    return number


def currency(ref: Ref | None, home: HomeCurrency) -> str:
    """A currency; the company's own where none is named.

    Raises:
        ValueError: It is unknown.
    """
    found = (ref.value if ref else None) or home()
    if found not in CURRENCY_DIGITS:
        raise ValueError(f"its currency is {found}" if found else "it has no currency")
    return found


def known_currency(ref: Ref | None) -> str | None:
    """A currency where none need be known."""
    found = ref.value if ref else None
    return found if found in CURRENCY_DIGITS else None


# States: nobody can set them (pages of the entities, read 2026-11-20).

DELETED = "Deleted"
_VOIDED = "voided"


def is_void(row: TransactionRow) -> bool:
    """All amounts are 0 and `Voided` stands in front of the note."""
    note = (row.private_note or "").lstrip().lower()
    return (row.total_amt or ZERO) == ZERO and note.startswith(_VOIDED)


def document_status(row: TransactionRow, total: Decimal, balance: Decimal | None) -> str:
    """A document's state, from what is open of it."""
    if is_void(row):
        return "void"
    if balance is None:
        return "open"
    if balance == ZERO:
        return "paid"
    return "partially_paid" if abs(balance) < abs(total) else "open"


def note_of(row: TransactionRow) -> str | None:
    """A note as people wrote it: without our marker, and without the word of a void one."""
    text = without_marker(row.private_note)
    if text and is_void(row):
        text = re.sub(r"^\s*voided\s*[-:]?\s*", "", text, flags=re.IGNORECASE).strip()
    return (text or "")[:10_000] or None
