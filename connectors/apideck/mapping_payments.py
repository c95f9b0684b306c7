"""Payments and bill payments: Apideck's rows to ours, and ours to request bodies; pure.

The bodies are those of the guide "mark invoices as paid" (read 2026-11-20), without the fields
that the document calls deprecated.
"""

from decimal import Decimal
from typing import Any

from connectors.apideck.mapping import (
    BaseCurrency,
    amount,
    currency,
    day,
    linked,
    marker_in,
    moment,
    party_id,
    platform_id,
    present,
    rate,
    simple_status,
    with_marker,
    without_marker,
)
from connectors.apideck.services import Marker, Resource, Service
from connectors.apideck.settings import ApideckSettings
from connectors.apideck.wire import PaymentRow
from connectors.base import PushItem
from models.canonical import Allocation, ObjectType, Payment, Side
from models.canonical.money import ZERO

_SHORT = 255
_KINDS = {
    "invoice": ObjectType.INVOICE,
    "bill": ObjectType.BILL,
    "credit_memo": ObjectType.CREDIT_NOTE,
}
_PARTIES = {Side.CUSTOMER: Resource.CUSTOMERS, Side.SUPPLIER: Resource.SUPPLIERS}
PAYMENTS = {Side.CUSTOMER: Resource.PAYMENTS, Side.SUPPLIER: Resource.BILL_PAYMENTS}


def side_of(resource: Resource, row: PaymentRow) -> Side:
    """Whether money came in or went out."""
    bought = resource is Resource.BILL_PAYMENTS or (row.type or "").startswith("accounts_payable")
    return Side.SUPPLIER if bought else Side.CUSTOMER


def payment(resource: Resource, row: PaymentRow, base: BaseCurrency) -> Payment:
    """A payment as the ledger has it."""
    total = amount(row.total_amount)
    if total is None:
        raise ValueError("it has no amount")
    side = side_of(resource, row)
    party = row.supplier if side is Side.SUPPLIER else row.customer
    return Payment(
        id=platform_id(resource, row.id or ""),
        side=side,
        number=without_marker(row.number) or row.display_id,
        date=day(row.transaction_date, "date"),
        amount=total,
        currency=currency(row.currency, base),
        currency_rate=rate(row.currency_rate),
        contact_id=party_id(_PARTIES[side], party),
        account_id=row.account.id if row.account else None,
        method=row.payment_method,
        reference=without_marker(row.reference),
        note=without_marker(row.note),
        reconciled=bool(row.reconciled),
        status=simple_status(row.status),
        allocations=_allocations(row, total),
    )


def _allocations(row: PaymentRow, total: Decimal) -> tuple[Allocation, ...]:
    """What it is for: one part for each document; null is the whole payment."""
    found: dict[tuple[ObjectType, str], Decimal] = {}
    for part in row.allocations:
        kind = _KINDS.get(part.type or "")
        given = amount(part.amount)
        share = abs(total if given is None else given)
        if kind and part.id and share > ZERO:
            found[kind, part.id] = found.get((kind, part.id), ZERO) + share
    return tuple(
        Allocation.model_validate({"document_type": kind, "document_id": one, "amount": share})
        for (kind, one), share in found.items()
    )


def marker_of(row: PaymentRow) -> str | None:
    """Our marker, wherever the ledger kept it."""
    return marker_in(row.reference, row.number, row.note)


def method_of(record: Payment, settings: ApideckSettings) -> str | None:
    """The method as the ledger calls it."""
    ours = record.method or settings.payment_method
    return settings.payment_methods.get(ours, ours) if ours else None


def payment_body(
    item: PushItem,
    record: Payment,
    service: Service,
    settings: ApideckSettings,
    party: str | None,
) -> dict[str, Any]:
    """What a payment is created with; `party` is the customer's or supplier's own id."""
    bought = record.side is Side.SUPPLIER
    method = method_of(record, settings)
    body: dict[str, Any] = {
        "currency": record.currency,
        "currency_rate": record.currency_rate,
        "total_amount": record.amount,
        "reference": record.reference,
        "payment_method": method,
        "payment_method_id": settings.payment_method_ids.get(method) if method else None,
        "account": linked(record.account_id),
        "transaction_date": moment(record.date),
        "supplier" if bought else "customer": linked(party),
        "company_id": settings.company_id,
        "reconciled": record.reconciled,
        "status": "draft" if record.status == "draft" else "authorised",
        "type": "accounts_payable" if bought else "accounts_receivable",
        "allocations": [
            {
                "id": part.document_id,
                "type": "bill" if bought else "invoice",
                "amount": part.amount,
            }
            for part in record.allocations
        ],
        "note": record.note,
        "number": record.number,
    }
    _mark(body, item.marker, service.marker)
    if service.needs_note and not body["note"]:
        body["note"] = record.reference or item.marker
    return present(body)


def _mark(body: dict[str, Any], marker: str, where: Marker) -> None:
    """Write our marker behind what stands in its field; in the note where that is too long."""
    text = with_marker(body[where.value], marker)
    if len(text) > _SHORT and where is not Marker.NOTE:
        where, text = Marker.NOTE, with_marker(body[Marker.NOTE.value], marker)
    body[where.value] = text
