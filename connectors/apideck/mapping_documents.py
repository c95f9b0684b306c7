"""Invoices, bills and credit notes: Apideck's rows to ours, and ours to request bodies; pure."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from connectors.apideck.mapping import (
    BaseCurrency,
    amount,
    currency,
    day,
    day_or_none,
    document_status,
    linked,
    moment,
    party_id,
    present,
    price,
    rate,
    tax_id,
    with_marker,
    without_marker,
)
from connectors.apideck.services import Resource, Service
from connectors.apideck.settings import ApideckSettings
from connectors.apideck.wire import BillRow, CreditNoteRow, DocumentLine, DocumentRow, InvoiceRow
from connectors.base import PushItem
from models.canonical import (
    AllowanceCharge,
    AnyDocument,
    Bill,
    CreditNote,
    Invoice,
    Line,
    Side,
)
from models.canonical.money import ZERO, equal_to_the_cent, rounded, total_of

TaxOf = Callable[[str], dict[str, str]]
"""A tax rate's id → how a line names it for this ledger."""

_TEXT = 10_000
_SHORT = 255


def invoice(row: InvoiceRow, base: BaseCurrency) -> Invoice:
    """An invoice as the ledger has it."""
    return Invoice(
        number=row.number,
        issue_date=day(row.invoice_date, "invoice date"),
        due_date=day_or_none(row.due_date),
        contact_id=_party(Resource.CUSTOMERS, row.customer),
        note=_note(row.customer_memo),
        **_shared(row, row.total, row.balance, base),
    )


def bill(row: BillRow, base: BaseCurrency) -> Bill:
    """A bill as the ledger has it."""
    return Bill(
        number=row.bill_number,
        issue_date=day(row.bill_date, "bill date"),
        due_date=day_or_none(row.due_date),
        contact_id=_party(Resource.SUPPLIERS, row.supplier),
        note=_note(row.notes),
        **_shared(row, row.total, row.balance, base),
    )


def credit_note(row: CreditNoteRow, base: BaseCurrency) -> CreditNote:
    """A credit note as the ledger has it."""
    total = row.total_amount if row.total_amount is not None else row.total
    left = row.remaining_credit if row.remaining_credit is not None else row.balance
    bought = row.type == "accounts_payable_credit"
    party = Resource.SUPPLIERS if bought else Resource.CUSTOMERS
    return CreditNote(
        number=row.number,
        side=Side.SUPPLIER if bought else Side.CUSTOMER,
        issue_date=day(row.date_issued, "date of issue"),
        contact_id=_party(party, row.customer),
        note=_note(row.note),
        **_shared(row, total, left, base),
    )


def _party(resource: Resource, party: Any) -> str:
    found = party_id(resource, party)
    if found is None:
        raise ValueError(f"it names no {resource.value.removesuffix('s')}")
    return found


def _note(text: str | None) -> str | None:
    return (without_marker(text) or "")[:_TEXT] or None


def _shared(
    row: DocumentRow, total: Decimal | None, balance: Decimal | None, base: BaseCurrency
) -> dict[str, Any]:
    total, tax = amount(total), amount(row.total_tax)
    if tax is None:
        tax = ZERO if total is None or row.sub_total is None else total - row.sub_total
    if total is None:
        if row.sub_total is None:
            raise ValueError("it has no total")
        total = (amount(row.sub_total) or ZERO) + tax
    net, left, money = total - tax, amount(balance), currency(row.currency, base)
    return {
        "id": row.id or "",
        "reference": without_marker(row.reference),
        "order_number": row.po_number,
        "currency": money,
        "currency_rate": rate(row.currency_rate),
        "status": document_status(row.status, left, total),
        "lines": _lines(row, net, total, money),
        "net_total": net,
        "tax_total": tax,
        "total": total,
        "balance": left,
    }


def _lines(row: DocumentRow, net: Decimal, total: Decimal, money: str) -> tuple[Line, ...]:
    """The lines; whether their totals have tax in them shows in what they add up to."""
    worded = [line for line in row.line_items if line.type not in {"info", "sub_total"}]
    stated = total_of(line.total_amount or ZERO for line in worded)
    with_tax = bool(row.tax_inclusive)
    if net != total:
        if equal_to_the_cent(stated, net, money):
            with_tax = False
        elif equal_to_the_cent(stated, total, money):
            with_tax = True
    return tuple(_line(line, with_tax=with_tax) for line in worded)


def _line(line: DocumentLine, *, with_tax: bool) -> Line:
    quantity = Decimal(1) if line.quantity is None else price(line.quantity)
    stated, tax = amount(line.total_amount), amount(line.tax_amount)
    if stated is None:
        net = amount(quantity * (line.unit_price or ZERO) - (line.discount_amount or ZERO)) or ZERO
    else:
        net = stated - (tax or ZERO) if with_tax else stated
    each = line.unit_price
    if each is None or (with_tax and tax):
        each = net / quantity if quantity else net
    return Line(
        id=line.id,
        description=(line.description or (line.item.name if line.item else "") or "")[:_TEXT],
        quantity=quantity,
        unit=line.unit_of_measure,
        unit_price=price(each),
        net_amount=net,
        tax_rate=rate(line.tax_rate.rate) if line.tax_rate else None,
        tax_rate_id=tax_id(line.tax_rate),
        tax_amount=tax,
        account_id=line.ledger_account.id if line.ledger_account else None,
        item_id=line.item.id if line.item else None,
    )


# Writing.


def document_body(
    item: PushItem,
    record: AnyDocument,
    service: Service,
    settings: ApideckSettings,
    *,
    party: str,
    tax: TaxOf,
) -> dict[str, Any]:
    """What a document is created or updated with; `party` is the customer's or supplier's id."""
    body: dict[str, Any] = {
        "reference": _reference(record.reference, item.marker),
        "currency": record.currency,
        "currency_rate": record.currency_rate,
        "tax_inclusive": False,
        "sub_total": record.net_total,
        "total_tax": record.tax_total,
        "line_items": lines_body(record, tax),
        "company_id": settings.company_id,
    }
    match record:
        case Invoice():
            body |= {
                "type": "standard",
                "number": record.number,
                "customer": linked(party),
                "invoice_date": record.issue_date.isoformat(),
                "due_date": record.due_date and record.due_date.isoformat(),
                "po_number": record.order_number,
                "customer_memo": record.note,
                "total": record.total,
            }
        case Bill():
            body |= {
                "bill_number": record.number,
                "supplier": linked(party),
                "bill_date": record.issue_date.isoformat(),
                "due_date": record.due_date and record.due_date.isoformat(),
                "po_number": record.order_number,
                "notes": record.note,
                "total": record.total,
            }
        case CreditNote():
            body |= {
                "type": "accounts_receivable_credit",
                "number": record.number,
                "customer": linked(party),
                "date_issued": moment(record.issue_date),
                "note": record.note,
                "total_amount": record.total,
            }
    body["status"] = _status(record, service)
    return present(body)


def _status(record: AnyDocument, service: Service) -> str | None:
    """With which state a document begins; that it is paid is never written."""
    if record.status == "draft" and service.status is not None:
        return "draft"
    if isinstance(record, CreditNote) and service.status == "submitted":
        return None
    return service.status


def _reference(reference: str | None, marker: str) -> str:
    """The buyer's reference with our marker behind it; cut where both are too long."""
    return with_marker((reference or "")[: _SHORT - len(marker) - 1].rstrip(), marker)


def lines_body(record: AnyDocument, tax: TaxOf) -> list[dict[str, Any]]:
    """The lines; allowances and charges of the whole document are lines of their own."""
    bought = isinstance(record, Bill)
    lines = [
        present(
            {
                "description": line.description or None,
                "type": "expense_account" if bought and not line.item_id else _TYPES[bought],
                "quantity": line.quantity if priced(line, record.currency) else Decimal(1),
                "unit_price": _each(line, record.currency),
                "unit_of_measure": line.unit,
                "total_amount": line.net_amount,
                "tax_amount": line.tax_amount,
                "item": linked(line.item_id),
                "tax_rate": tax(line.tax_rate_id) if line.tax_rate_id else None,
                "ledger_account": linked(line.account_id),
                "line_number": place,
            }
        )
        for place, line in enumerate(record.lines, 1)
    ]
    return lines + [
        _part(part, len(lines) + place, tax, bought=bought)
        for place, part in enumerate(record.allowances_charges, 1)
    ]


_TYPES = {True: "expense_item", False: "sales_item"}


def _part(part: AllowanceCharge, place: int, tax: TaxOf, *, bought: bool) -> dict[str, Any]:
    signed = part.amount if part.kind == "charge" else -part.amount
    return present(
        {
            "description": part.reason or part.kind.capitalize(),
            "type": "expense_account" if bought else "sales_item",
            "quantity": Decimal(1),
            "unit_price": signed,
            "total_amount": signed,
            "tax_rate": tax(part.tax_rate_id) if part.tax_rate_id else None,
            "ledger_account": linked(part.account_id),
            "line_number": place,
        }
    )


def priced(line: Line, money: str) -> bool:
    """Whether quantity × price is the line's net amount; otherwise it goes as 1 × net."""
    each = line.unit_price / line.price_base_quantity
    return rounded(line.quantity * each, money) == line.net_amount


def _each(line: Line, money: str) -> Decimal:
    if not priced(line, money):
        return line.net_amount
    return price(line.unit_price / line.price_base_quantity)


def notes_on(record: AnyDocument) -> tuple[str, ...]:
    """What a person should know about how a document was written."""
    return tuple(
        f"line {place} is booked as 1 x {line.net_amount}"
        for place, line in enumerate(record.lines, 1)
        if not priced(line, record.currency)
    )


def with_line_ids(
    body: Mapping[str, Any], there: Sequence[DocumentLine], *, writable: bool
) -> dict[str, Any]:
    """An update's lines with the ids of those that they replace, place by place."""
    lines = [dict(line) for line in body.get("line_items", ())]
    for line, known in zip(lines, there, strict=False):
        if known.id and writable:
            line["id"] = known.id
    return {**body, "line_items": lines}
