"""What a sales invoice is written with: header, terms and lines, by the country's rules.

Lines take no tax rate: the tax follows from the product's tax group and the customer's country, so
a product is chosen that gives the wanted rate. The unit price must be sent, Sage never takes it
from the product (page "SalesInvoices", as of June 2026).
"""

from typing import Any

from connectors.base import PushItem
from connectors.sage_active.books import Books
from connectors.sage_active.settings import Numbers
from connectors.sage_active.values import Notes, fits, label, present, priced
from models.canonical import AnyDocument
from models.canonical.money import ZERO

_COMMENTS = 1000
_LINE_TEXT = 2500
_HEADER_NAME = 50
_HEADER_TAX_NUMBER = 20


def invoice_values(item: PushItem, record: AnyDocument, books: Books) -> dict[str, Any]:
    """The input of `createSalesInvoice`.

    Raises:
        Rejected: A text is longer than its field.
        MappingMissing: No product gives a line's rate, or the contact is no customer.
    """
    name = label(record)
    ours = books.settings.invoice_numbers is Numbers.OURS
    operated = record.tax_point_date
    known = f"Number: {record.number}" if record.number else name
    values: dict[str, Any] = {
        "documentDate": record.issue_date.isoformat(),
        # Not after the invoice's own date.
        "operationDate": operated.isoformat()
        if operated is not None and operated <= record.issue_date
        else None,
        "externalReference": item.marker,
        "operationalNumber": fits(record.number, 50, "number", name) if ours else None,
        "salesOrderNumber": fits(record.order_number, 250, "order number", name),
        "comments": fits(record.note, _COMMENTS, "note", name),
        "remarks": None if ours else known[:_COMMENTS],
        "paymentTermLines": _terms(record),
        "lines": _lines(record, books),
    }
    return present(values | _customer(record, books))


def _customer(record: AnyDocument, books: Books) -> dict[str, Any]:
    """Who it is made out to, and what the country wants stated of them in the document itself."""
    customer = books.customer_for(record.contact_id)
    if books.legislation == "FR":
        return {
            "customerId": customer.id,
            "socialName": (customer.social_name or "")[:_HEADER_NAME].strip() or None,
            "vatNumber": _tax_number(customer.vat_number),
        }
    if books.legislation == "ES":
        return {"customerId": customer.id, "documentId": _tax_number(customer.document_id)}
    return {"customerId": customer.id}


def _tax_number(text: str | None) -> str | None:
    return (text or "")[:_HEADER_TAX_NUMBER].strip() or None


def _terms(record: AnyDocument) -> list[dict[str, Any]] | None:
    """One instalment on the due date; the customer's own terms where none is stated."""
    if record.due_date is None or record.due_date < record.issue_date:
        return None
    return [
        {
            "order": 9999,
            "type": "REMAINING_AMOUNT",
            "value": 0,
            "condition": "DAY_OF_PAYMENT",
            "day": (record.due_date - record.issue_date).days,
        }
    ]


def _lines(record: AnyDocument, books: Books) -> list[dict[str, Any]]:
    name, notes = label(record), Notes()
    item_ids = [line.item_id for line in record.lines if line.item_id]
    books.products_by_id(item_ids)
    lines = []
    for place, line in enumerate(record.lines):
        product = books.product_for(
            item_id=line.item_id, tax_id=line.tax_rate_id, account_id=line.account_id
        )
        as_priced = priced(record, place, notes)
        lines.append(
            {
                "productId": product.id,
                "productName": fits(line.description, _LINE_TEXT, "line text", name)
                or product.name
                or product.code,
                "totalQuantity": as_priced.quantity,
                "unitPrice": as_priced.price,
            }
        )
    for part in record.allowances_charges:
        product = books.product_for(
            item_id=None, tax_id=part.tax_rate_id, account_id=part.account_id
        )
        amount = part.amount if part.kind == "charge" else ZERO - part.amount
        lines.append(
            {
                "productId": product.id,
                "productName": part.reason or part.kind.capitalize(),
                "totalQuantity": 1,
                "unitPrice": amount,
            }
        )
    return lines
