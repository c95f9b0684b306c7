"""Invoices, bills and credit notes: Xero's rows to ours; pure, given the books."""

from decimal import Decimal
from typing import Any

from connectors.xero.books import Books
from connectors.xero.values import (
    amount,
    currency,
    day_of,
    inverse,
    marker_in,
    price,
    without_marker,
)
from connectors.xero.wire import CreditNoteRow, DocumentRow, InvoiceRow, LineRow
from models.canonical import Bill, CreditNote, Invoice, Line, Side
from models.canonical.money import ZERO

SOLD, BOUGHT = "ACCREC", "ACCPAY"
_DRAFTS = frozenset({"DRAFT", "SUBMITTED"})
_TEXT = 10_000


def invoice_or_bill(row: InvoiceRow, books: Books) -> Invoice | Bill:
    """A sales invoice or a bill as Xero has it."""
    touched = (row.amount_paid or ZERO) + (row.amount_credited or ZERO)
    given: dict[str, Any] = {
        "id": row.invoice_id,
        "number": row.invoice_number,
        "due_date": row.due_date and row.due_date.date(),
        "status": status_of(row.status, touched=touched > ZERO),
        "balance": amount(row.amount_due),
        **_shared(row, books),
    }
    if row.type == BOUGHT:
        return Bill(**given)
    if row.type != SOLD:
        raise ValueError(f"its type is {row.type or 'missing'}")
    return Invoice(**given)


def credit_note(row: CreditNoteRow, books: Books) -> CreditNote:
    """A credit note as Xero has it."""
    left, total = amount(row.remaining_credit), amount(row.total)
    touched = left is not None and total is not None and left < total
    if row.type not in {f"{SOLD}CREDIT", f"{BOUGHT}CREDIT"}:
        raise ValueError(f"its type is {row.type or 'missing'}")
    return CreditNote(
        id=row.credit_note_id,
        number=without_marker(row.credit_note_number),
        side=Side.SUPPLIER if row.type.startswith(BOUGHT) else Side.CUSTOMER,
        due_date=row.due_date and row.due_date.date(),
        status=status_of(row.status, touched=touched),
        balance=left,
        **_shared(row, books),
    )


def status_of(status: str | None, *, touched: bool) -> str:
    """A document's state; that something is paid or credited shows in its amounts."""
    if status in _DRAFTS:
        return "draft"
    if status == "AUTHORISED":
        return "partially_paid" if touched else "open"
    known = {"PAID": "paid", "VOIDED": "void", "DELETED": "void"}
    return known.get(status or "", (status or "open").lower())


def marker_of(row: DocumentRow) -> str | None:
    """Our marker."""
    if isinstance(row, InvoiceRow):
        return marker_in(row.url)
    number = row.credit_note_number if isinstance(row, CreditNoteRow) else None
    return marker_in(row.reference, number)


def _shared(row: DocumentRow, books: Books) -> dict[str, Any]:
    if not row.contact.contact_id:
        raise ValueError("it names no contact")
    total, tax, net = amount(row.total), amount(row.total_tax), amount(row.sub_total)
    if total is None and net is None:
        raise ValueError("it has no total")
    tax = tax if tax is not None else (total or ZERO) - (net or ZERO) if net is not None else ZERO
    net = net if net is not None else (total or ZERO) - tax
    # A rounding of the whole document is part of `Total` only.
    rounding = ZERO if total is None else total - net - tax
    with_tax = row.line_amount_types == "Inclusive"
    return {
        "reference": without_marker(row.reference),
        "issue_date": day_of(row.date, "date"),
        "currency": currency(row.currency_code),
        "currency_rate": inverse(row.currency_rate),
        "contact_id": row.contact.contact_id,
        "lines": tuple(_line(one, books, with_tax=with_tax) for one in row.line_items),
        "net_total": net,
        "tax_total": tax,
        "total": net + tax,
        "rounding_amount": rounding,
    }


def _line(line: LineRow, books: Books, *, with_tax: bool) -> Line:
    quantity = Decimal(1) if line.quantity is None else price(line.quantity)
    tax = amount(line.tax_amount)
    stated = amount(line.line_amount)
    if stated is None:
        stated = amount(quantity * (line.unit_amount or ZERO)) or ZERO
    net = stated - (tax or ZERO) if with_tax else stated
    each = line.unit_amount
    if each is None or (with_tax and tax):
        each = net / quantity if quantity else net
    return Line(
        id=line.line_item_id,
        description=(line.description or "")[:_TEXT],
        quantity=quantity,
        unit_price=price(each),
        net_amount=net,
        tax_rate_id=line.tax_type,
        tax_amount=tax,
        account_id=books.account_id(line.account_id, line.account_code),
        item_id=books.item_of(line),
    )
