"""Invoices, bills and credit notes as Xero wants them written; pure, given the books.

Stated amounts are what counts: a line goes out with its net amount, and with its tax where ours is
not what Xero would compute (it rounds each line to two places and then adds).
"""

from collections import defaultdict
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from connectors.base import PushItem
from connectors.xero.books import Books
from connectors.xero.mapping_documents import BOUGHT, SOLD
from connectors.xero.settings import XeroSettings
from connectors.xero.values import inverse, present, with_marker
from models.canonical import AllowanceCharge, AnyDocument, Bill, CreditNote, Line, Side
from models.canonical.money import ZERO, total_of

NO_TAX = "NONE"
"""The tax type of lines without tax: with none named, the account's own would be taken."""
_CENT, _PRICE, _RATE = Decimal("0.01"), Decimal("0.0001"), Decimal("0.000001")
_LONGEST_QUANTITY = 13


def document_body(
    item: PushItem, record: AnyDocument, books: Books, settings: XeroSettings
) -> dict[str, Any]:
    """What a document is created or replaced with."""
    base = books.base_currency()
    rate = None if record.currency == base else inverse(record.currency_rate, _RATE)
    body = {
        "Contact": {"ContactID": record.contact_id},
        "Date": record.issue_date.isoformat(),
        "CurrencyCode": record.currency,
        "CurrencyRate": rate,
        "LineAmountTypes": "Exclusive",
        "LineItems": lines_body(record, books),
        "Status": "AUTHORISED",
    }
    if isinstance(record, CreditNote):
        bought = record.side is Side.SUPPLIER
        body |= {
            "Type": f"{BOUGHT if bought else SOLD}CREDIT",
            "CreditNoteNumber": record.number or (item.marker if bought else None),
            "Reference": with_marker(record.reference, item.marker),
        }
        return present(body)
    sold = not isinstance(record, Bill)
    body |= {
        "Type": SOLD if sold else BOUGHT,
        "InvoiceNumber": record.number,
        "Reference": record.reference if sold else None,
        "DueDate": (record.due_date or record.issue_date).isoformat(),
        "Url": settings.source_url.replace("{marker}", item.marker),
    }
    return present(body)


def lines_body(record: AnyDocument, books: Books) -> list[dict[str, Any]]:
    """The lines; allowances and charges of the whole document are lines of their own."""
    taxes = _taxes(record)
    lines = [_line_body(line, tax, books) for line, tax in zip(record.lines, taxes, strict=True)]
    return [*lines, *(_surcharge(one, books) for one in record.allowances_charges)]


def _line_body(line: Line, tax: Decimal | None, books: Books) -> dict[str, Any]:
    quantity, each = quantity_and_price(line)
    return present(
        {
            "Description": line.description or None,
            "Quantity": quantity,
            "UnitAmount": each,
            "LineAmount": line.net_amount,
            "TaxType": line.tax_rate_id or NO_TAX,
            "TaxAmount": tax,
            "ItemCode": books.item_code(line.item_id) if line.item_id else None,
            **books.account_on_line(line.account_id),
        }
    )


def _surcharge(part: AllowanceCharge, books: Books) -> dict[str, Any]:
    amount = -part.amount if part.kind == "allowance" else part.amount
    return {
        "Description": part.reason or ("Discount" if part.kind == "allowance" else "Surcharge"),
        "Quantity": Decimal(1),
        "UnitAmount": amount,
        "LineAmount": amount,
        "TaxType": part.tax_rate_id or NO_TAX,
        **books.account_on_line(part.account_id),
    }


def quantity_and_price(line: Line) -> tuple[Decimal, Decimal]:
    """How a line is explained: Xero insists that quantity x price is its amount."""
    each = (line.unit_price / line.price_base_quantity).quantize(_PRICE, ROUND_HALF_UP)
    if fits(line):
        return line.quantity, each
    return Decimal(1), line.net_amount


def fits(line: Line) -> bool:
    """Whether quantity x price, with four decimals of the price, is the net amount."""
    if not line.price_base_quantity or len(str(line.quantity)) > _LONGEST_QUANTITY:
        return False
    each = (line.unit_price / line.price_base_quantity).quantize(_PRICE, ROUND_HALF_UP)
    return bool(_cents(each * line.quantity) == line.net_amount)


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, rounding=ROUND_HALF_UP)


def _computed(line: Line) -> Decimal | None:
    """What Xero makes of a line's tax, where we know the percentage."""
    return None if line.tax_rate is None else _cents(line.net_amount * line.tax_rate / 100)


def _taxes(record: AnyDocument) -> Sequence[Decimal | None]:
    """For each line, its tax where Xero would make another amount of it; None elsewhere."""
    taxes: list[Decimal | None] = []
    for line in record.lines:
        differs = line.tax_amount is not None and line.tax_amount != _computed(line)
        taxes.append(line.tax_amount if differs and line.tax_rate_id else None)
    by_rate: defaultdict[str, list[int]] = defaultdict(list)
    for place, line in enumerate(record.lines):
        if line.tax_rate_id:
            by_rate[line.tax_rate_id].append(place)
    surcharged = {part.tax_rate_id for part in record.allowances_charges}
    for rate_id, places in by_rate.items():
        stated = [one.tax_amount for one in record.tax_breakdown if one.tax_rate_id == rate_id]
        lines = [record.lines[place] for place in places]
        if not stated or rate_id in surcharged or any(line.tax_amount for line in lines):
            continue
        computed = [_computed(line) for line in lines]
        known = [one for one in computed if one is not None]
        if len(known) < len(computed):
            continue
        difference = total_of(stated) - total_of(known)
        if difference != ZERO:
            largest = max(range(len(lines)), key=lambda one: abs(lines[one].net_amount))
            taxes[places[largest]] = known[largest] + difference
    return taxes


def notes_on(record: AnyDocument) -> tuple[str, ...]:
    """What a person should know about how a document went out."""
    notes = [
        f"line {place} is booked as 1 x {line.net_amount}"
        for place, line in enumerate(record.lines, 1)
        if not fits(line)
    ]
    if record.due_date is None and not isinstance(record, CreditNote):
        notes.append("it states no due date: it is due on the day of issue")
    if record.prepaid_amount:
        notes.append("what was prepaid is not taken off: hand it in as a payment")
    if record.rounding_amount:
        notes.append("its rounding amount is not written")
    if record.note:
        notes.append("its note is not written: Xero has no field for it")
    return tuple(notes)
