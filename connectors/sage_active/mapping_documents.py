"""Sales invoices, credit notes and bills of Sage's own modules to canonical records; pure."""

from decimal import Decimal
from typing import Any

from connectors.sage_active.mapping_entries import NotReadable
from connectors.sage_active.values import without_marker
from connectors.sage_active.wire import OpenItem, PurchaseInvoice, SalesInvoice, SalesLine
from models.canonical import (
    AllowanceCharge,
    Bill,
    CreditNote,
    Invoice,
    Line,
    ObjectType,
    Side,
    TaxSubtotal,
)
from models.canonical.money import ZERO

PENDING, CLOSED, POSTED = "Pending", "Closed", "Posted"
_SALES_STATUS = {
    PENDING: "draft",
    CLOSED: "open",
    POSTED: "open",
    "PartiallyCollected": "partially_paid",
    "Collected": "paid",
}
_BILL_STATUS = {
    PENDING: "draft",
    CLOSED: "open",
    POSTED: "open",
    "PartiallyPaid": "partially_paid",
    "Paid": "paid",
    "Uploading": "draft",
    "SbdRejected": "draft",
}
IN_THE_LEDGER = frozenset({POSTED, "PartiallyCollected", "Collected", "PartiallyPaid", "Paid"})
CREDIT_NOTE = "CREDIT_NOTE"


def sales_kind(row: SalesInvoice) -> ObjectType:
    """Invoices and credit notes are one list in Sage Active."""
    return ObjectType.CREDIT_NOTE if row.type == CREDIT_NOTE else ObjectType.INVOICE


def sales_sums(row: SalesInvoice) -> tuple[Decimal, Decimal, Decimal]:
    """Net, tax and total of a sales document, positive for credit notes too.

    Their sign there is not documented. The total has the tax and the surcharge in it, and nothing
    withheld: what is withheld changes what is to be paid.
    """
    net, tax = row.total_net, row.total_vat + row.total_fee_surcharge
    sign = -1 if row.type == CREDIT_NOTE and net + tax < ZERO else 1
    return sign * net, sign * tax, sign * (net + tax)


def sales_document(row: SalesInvoice) -> Invoice | CreditNote:
    """A sales invoice or credit note."""
    if row.document_date is None or row.customer_id is None:
        raise NotReadable("it has no date or no customer")
    net, tax, total = sales_sums(row)
    sign = -1 if row.type == CREDIT_NOTE and row.total_net + row.total_vat < ZERO else 1
    due = total - sign * row.total_withholding
    common: dict[str, Any] = {
        "id": row.id,
        "number": row.operational_number or None,
        "order_number": row.sales_order_number or None,
        "issue_date": row.document_date,
        "due_date": row.first_due_date,
        "tax_point_date": row.operation_date,
        "currency": "EUR",
        "contact_id": row.customer_id,
        "status": _SALES_STATUS.get(row.status or "", row.status or "open"),
        "note": row.comments or None,
        "lines": tuple(
            _line(line, sign) for line in sorted(row.lines, key=lambda one: one.order or 0)
        ),
        "net_total": net,
        "tax_total": tax,
        "total": total,
        "payable_amount": due if due != total else None,
        "balance": _balance(row.open_items),
    }
    if sales_kind(row) is ObjectType.INVOICE:
        return Invoice.model_validate(common)
    corrected = row.source_sales_invoice_id
    return CreditNote.model_validate(
        common | {"side": Side.CUSTOMER, "corrects": (corrected,) if corrected else ()}
    )


def _line(line: SalesLine, sign: int) -> Line:
    allowances: tuple[AllowanceCharge, ...] = ()
    gross = sign * line.total_quantity * line.unit_price
    net = sign * line.total_net
    if line.first_discount and gross > net:
        allowances = (
            AllowanceCharge(
                kind="allowance",
                amount=(gross - net).quantize(Decimal("0.01")),
                percent=line.first_discount,
            ),
        )
    return Line(
        id=line.id,
        description=line.product_name or line.product_code or "",
        quantity=line.total_quantity,
        unit_price=line.unit_price,
        allowances_charges=allowances,
        net_amount=net,
        tax_rate=line.vat_percentage,
        tax_rate_id=line.tax_id,
        tax_amount=sign * line.total_vat,
        item_id=line.product_id,
    )


def bill_sums(row: PurchaseInvoice) -> tuple[Decimal, Decimal, Decimal]:
    """Net, tax and total of a bill, from its tax lines."""
    net = sum((line.total_vat_base for line in row.vat_lines), ZERO)
    tax = sum((line.total_vat for line in row.vat_lines), ZERO)
    return net, tax, net + tax


def bill(row: PurchaseInvoice) -> Bill:
    """A bill; it has a line for each tax rate, and no texts."""
    if row.invoice_date is None or row.supplier_id is None:
        raise NotReadable("it has no date or no supplier")
    net, tax, total = bill_sums(row)
    return Bill(
        id=row.id,
        number=without_marker(row.invoice_number),
        issue_date=row.invoice_date,
        due_date=row.first_due_date,
        tax_point_date=row.operation_date,
        currency="EUR",
        contact_id=row.supplier_id,
        status=_BILL_STATUS.get(row.status or "", row.status or "open"),
        lines=tuple(
            Line(
                id=line.id,
                description="",
                unit_price=line.total_vat_base,
                net_amount=line.total_vat_base,
                tax_rate=line.tax.percentage if line.tax else None,
                tax_rate_id=line.tax.id if line.tax else None,
                tax_amount=line.total_vat,
                account_id=line.purchase_accounting_account_id,
            )
            for line in row.vat_lines
        ),
        tax_breakdown=tuple(
            TaxSubtotal(
                taxable_amount=line.total_vat_base,
                tax_amount=line.total_vat,
                rate=(line.tax.percentage if line.tax else None) or ZERO,
                tax_rate_id=line.tax.id if line.tax else None,
            )
            for line in row.vat_lines
        ),
        net_total=net,
        tax_total=tax,
        total=total,
        payable_amount=row.total_liquid if row.total_liquid not in {total, ZERO} else None,
        balance=row.pending_amount if row.pending_amount is not None else _balance(row.open_items),
    )


def _balance(items: tuple[OpenItem, ...]) -> Decimal | None:
    """What is still open; None before there are open items."""
    return sum((one.open for one in items), ZERO) if items else None
