"""Payments of all sorts: Xero's rows to ours, and ours to bodies; pure, given the books.

Xero pays one document at a time; a batch payment is one line of the bank for many, and is one
payment of ours. Over- and prepayments are payments of which something is not allocated.
"""

from decimal import Decimal
from typing import Any

from connectors.xero.books import Books
from connectors.xero.values import (
    amount,
    currency,
    day_of,
    inverse,
    marker_in,
    present,
    with_marker,
    without_marker,
)
from connectors.xero.wire import BatchPaymentRow, CreditRow, PaidRef, PaymentRow
from models.canonical import Allocation, ObjectType, Payment, Side
from models.canonical.money import total_of

PAYMENTS, BATCHES = "Payments", "BatchPayments"
OVERPAYMENTS, PREPAYMENTS = "Overpayments", "Prepayments"
PREFIXES = {BATCHES: "batch:", OVERPAYMENTS: "overpayment:", PREPAYMENTS: "prepayment:"}
"""Four lists, one type of ours."""
_MOST = 255
_RATE = Decimal("0.000001")
DELETED = "DELETED"
_VOID = frozenset({DELETED, "VOIDED"})


def platform_id(endpoint: str, row_id: str) -> str:
    """The id under which we keep a payment."""
    return f"{PREFIXES.get(endpoint, '')}{row_id}"


def place_of(kept: str) -> tuple[str, str]:
    """The list and the id behind an id that we keep."""
    for endpoint, prefix in PREFIXES.items():
        if kept.startswith(prefix):
            return endpoint, kept.removeprefix(prefix)
    return PAYMENTS, kept


def is_batched(row: PaymentRow) -> bool:
    """Whether it is a part of a batch payment, which is read as a whole."""
    return bool(row.batch_payment_id or (row.batch_payment or {}).get("BatchPaymentID"))


def payment(row: PaymentRow, books: Books) -> Payment:
    """A payment of one document, or a refund of one credit."""
    credit = row.overpayment or row.prepayment
    paid = row.invoice or row.credit_note or credit or PaidRef()
    number = _amount(row.amount)
    side = _side(row.payment_type, paid.type)
    parts: tuple[Allocation, ...] = ()
    if row.invoice and row.invoice.invoice_id:
        parts = (_for(side, row.invoice.invoice_id, number),)
    elif row.credit_note and row.credit_note.credit_note_id:
        kind = ObjectType.CREDIT_NOTE
        note_id = row.credit_note.credit_note_id
        parts = (Allocation(document_type=kind, document_id=note_id, amount=number),)
    return Payment(
        id=row.payment_id,
        side=side,
        date=day_of(row.date, "date"),
        amount=number,
        currency=currency(paid.currency_code or books.base_currency()),
        currency_rate=inverse(row.currency_rate),
        contact_id=paid.contact.contact_id,
        account_id=books.account_id(row.account.account_id, row.account.code),
        reference=without_marker(row.reference),
        refund=row.invoice is None,
        reconciled=row.is_reconciled,
        status=status_of(row.status),
        allocations=parts,
    )


def batch(row: BatchPaymentRow, books: Books) -> Payment:
    """A batch payment; it is in the base currency always."""
    side = Side.SUPPLIER if row.type == "PAYBATCH" else Side.CUSTOMER
    parts = tuple(
        _for(side, one.invoice.invoice_id, _amount(one.amount))
        for one in row.payments
        if one.invoice
        and one.invoice.invoice_id
        and (one.status not in _VOID or row.status in _VOID)
    )
    allocated = total_of(part.amount for part in parts)
    contacts = {one.invoice.contact.contact_id for one in row.payments if one.invoice}
    return Payment(
        id=platform_id(BATCHES, row.batch_payment_id),
        side=side,
        date=day_of(row.date, "date"),
        amount=max(amount(row.total_amount) or allocated, allocated),
        currency=books.base_currency(),
        contact_id=contacts.pop() if len(contacts) == 1 else None,
        account_id=books.account_id(row.account.account_id, row.account.code),
        reference=without_marker(row.reference or row.narrative or row.details),
        reconciled=row.is_reconciled,
        status=status_of(row.status),
        allocations=parts,
    )


def credit(row: CreditRow, books: Books) -> Payment:
    """An over- or prepayment, with what of it has been used."""
    endpoint, row_id = (
        (OVERPAYMENTS, row.overpayment_id)
        if row.overpayment_id
        else (PREPAYMENTS, row.prepayment_id)
    )
    if not row_id:
        raise ValueError("it has no id")
    sold = row.type.startswith(("RECEIVE", "AR"))
    if not sold and not row.type.startswith(("SPEND", "AP")):
        raise ValueError(f"its type is {row.type or 'missing'}")
    side = Side.CUSTOMER if sold else Side.SUPPLIER
    return Payment(
        id=platform_id(endpoint, row_id),
        side=side,
        date=day_of(row.date, "date"),
        amount=_amount(row.total),
        currency=currency(row.currency_code or books.base_currency()),
        currency_rate=inverse(row.currency_rate),
        contact_id=row.contact.contact_id,
        reference=without_marker(row.reference),
        status=status_of(row.status),
        allocations=tuple(
            _for(side, one.invoice.invoice_id, _amount(one.amount))
            for one in row.allocations
            if one.invoice.invoice_id and not one.is_deleted
        ),
    )


def marker_of(row: PaymentRow | BatchPaymentRow | CreditRow) -> str | None:
    """Our marker."""
    if isinstance(row, BatchPaymentRow):
        return marker_in(row.reference, row.narrative, row.details)
    return marker_in(row.reference)


def status_of(status: str | None) -> str:
    """A payment's state; one that was deleted stays readable."""
    if status in _VOID:
        return "void"
    return "open" if status in {None, "AUTHORISED", "PAID"} else str(status).lower()


def _side(payment_type: str, document_type: str | None) -> Side:
    """Whose it is, by its own type, else by that of its document."""
    if payment_type.startswith(("ACCREC", "AR")):
        return Side.CUSTOMER
    if payment_type.startswith(("ACCPAY", "AP")):
        return Side.SUPPLIER
    if document_type:
        return (
            Side.SUPPLIER if document_type.startswith(("ACCPAY", "AP", "SPEND")) else Side.CUSTOMER
        )
    raise ValueError(f"its type is {payment_type or 'missing'}")


def _for(side: Side, document_id: str, number: Decimal) -> Allocation:
    kind = ObjectType.INVOICE if side is Side.CUSTOMER else ObjectType.BILL
    return Allocation(document_type=kind, document_id=document_id, amount=number)


def _amount(number: Decimal | None) -> Decimal:
    found = amount(number)
    if found is None:
        raise ValueError("it has no amount")
    return found


# Writing.


def payment_body(marker: str, record: Payment, books: Books) -> dict[str, Any]:
    """A payment of one document; a refund of one credit note."""
    (part,) = record.allocations
    credited = part.document_type is ObjectType.CREDIT_NOTE
    paid = {"CreditNoteID" if credited else "InvoiceID": part.document_id}
    rate = (
        None if record.currency == books.base_currency() else inverse(record.currency_rate, _RATE)
    )
    return present(
        {
            "CreditNote" if credited else "Invoice": paid,
            "Account": {"AccountID": record.account_id},
            "Date": record.date.isoformat(),
            "Amount": part.amount,
            "CurrencyRate": rate,
            "Reference": with_marker(record.reference, marker, _MOST),
            "IsReconciled": True if record.reconciled else None,
        }
    )


def batch_body(marker: str, record: Payment) -> dict[str, Any]:
    """A payment of several documents: one line of the bank."""
    return {
        "Account": {"AccountID": record.account_id},
        "Date": record.date.isoformat(),
        "Reference": with_marker(record.reference, marker, _MOST),
        "Payments": [
            {"Invoice": {"InvoiceID": part.document_id}, "Amount": part.amount}
            for part in record.allocations
        ],
    }
