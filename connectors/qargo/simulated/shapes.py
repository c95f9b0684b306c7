"""The JSON that goes out: Qargo's names, amounts as strings, percentages and rates as numbers.

Source: the public API description 1.2.0 (SalesInvoiceOutput, PurchaseInvoice, the two credit
notes, CompanySummaryOutput, LineItem, TaskDetail, TaxRateOutput, AccountOutput, Document), read
2026-11-21. A purchase document has `supplier` where the others have `customer`, and
`external_name`. That the items of a split line carry their parts of the amount is our reading of
`fraction`; that the amounts of a credit note are positive is our reading of its examples.
"""

from decimal import Decimal
from typing import Any

from connectors.qargo.simulated.lines import totals
from connectors.qargo.simulated.store import (
    Account,
    BillingEntity,
    Company,
    Document,
    LineItem,
    Task,
    TaskStatus,
    TaxRate,
    Tenant,
)

Json = dict[str, Any]


def document(tenant: Tenant, one: Document) -> Json:
    """A whole billing document."""
    net, tax = totals(tenant, one)
    entity = tenant.entity_of(one)
    body: Json = {
        "id": one.id,
        "name": one.number,
        "date": one.date.isoformat(),
        "booking_date": None,
        "currency": one.currency,
        "exchange_rate": _exchange_rate(one),
        "total_excl_tax": _amount(net),
        "total_tax": _amount(tax),
        "total_incl_tax": _amount(net + tax),
        "supplier" if one.subject_type.purchase else "customer": _company(
            tenant.companies[one.company_id]
        ),
        "customer_reference_numbers": list(one.references),
        "line_items": [_item(tenant, one, item) for item in one.items],
        "billing_entity": entity and billing_entity(entity),
        "custom_fields": one.custom_fields,
    }
    if not one.subject_type.credit:
        body["due_date"] = one.due_date.isoformat()
    if one.subject_type.purchase:
        body["external_name"] = one.external_name
    else:
        body["e_invoicing"] = None
    return body


def billing_entity(one: BillingEntity) -> Json:
    """A billing entity, as every document and every rate names it."""
    return {
        "id": one.id,
        "code": one.code,
        "legal_name": one.legal_name,
        "vat_number": one.vat_number,
        "company_registration_number": one.company_registration_number,
        "is_default": one.is_default,
    }


def row(one: Task) -> Json:
    """A task in the waiting list: nothing says whose it is."""
    return {
        "id": one.id,
        "invoice_id": one.document_id,
        "task_type": one.task_type,
        "status": one.status,
    }


def task(tenant: Tenant, one: Task, *, postable: bool) -> Json:
    """A task with its document; `postable` is our own member (decision table, row 6)."""
    subject = tenant.documents[one.document_id]
    return {
        **row(one),
        "payload": {
            "subject_id": subject.id,
            "subject_type": subject.subject_type,
            "documents": files(subject),
            "instance": document(tenant, subject),
        },
        "execution_metadata": {
            "external_execution": {"completed": one.status is TaskStatus.COMPLETED}
        },
        "postable": postable,
    }


def files(one: Document) -> list[Json]:
    """The files of a document: its PDF, which cannot be fetched here."""
    return [
        {
            "id": one.file_id,
            "name": f"{one.number}.pdf",
            "type": "CREDIT_NOTE" if one.subject_type.credit else "INVOICE",
            "download_url": f"/v1/documents/{one.file_id}/download",
            "subject_type": one.subject_type,
            "content_type": "application/pdf",
        }
    ]


def tax_rate(tenant: Tenant, one: TaxRate) -> Json:
    """A tax rate in a list."""
    return {
        "id": one.id,
        "archived": one.archived,
        "name": one.name,
        "billing_entity": billing_entity(tenant.entities[one.entity_id]),
        "percentage": float(one.percentage),
        "base_percentage": float(one.percentage),
        "code": one.code,
        "tax_type": one.tax_type,
        "invoice_type": one.invoice_type,
        "description": "",
    }


def account(tenant: Tenant, one: Account) -> Json:
    """A ledger account in a list."""
    return {
        "id": one.id,
        "archived": one.archived,
        "code": one.code,
        "name": one.name,
        "billing_entity": billing_entity(tenant.entities[one.entity_id]),
    }


def _company(one: Company) -> Json:
    return {
        "id": one.id,
        "code": one.code,
        "currency": one.currency,
        "custom_fields": {},
        "is_customer": not one.is_subcontractor,
        "is_subcontractor": one.is_subcontractor,
        "is_buyer_or_seller": False,
        "name": one.name,
        "legal_name": f"{one.name} B.V.",
        "vat_number": one.vat_number,
        "note": None,
        "tax_type": "VAT",
        "status": "APPROVED",
        "accounting_code": one.accounting_code,
        "billing_location": {
            "id": None,
            "code": None,
            "name": one.name,
            "address": "Havenweg 12",
            "address_second_line": None,
            "postal_code": one.postal_code,
            "city": one.city,
            "state": None,
            "country": one.country,
        },
        "payment_term": {"code": "NET_30"},
        "is_blocked": False,
    }


def _item(tenant: Tenant, one: Document, item: LineItem) -> Json:
    rate = None if item.tax is None else tenant.rate(item.tax, one)
    source = None if one.credit_of is None else tenant.documents[one.credit_of].number
    return {
        "id": item.id,
        "invoice_line_id": item.invoice_line_id,
        "name": item.name,
        "description": item.description,
        "amount": _amount(item.amount),
        "currency": one.currency,
        "code": item.code,
        "account": item.account and {"code": item.account},
        "tax_rate": rate
        and {
            "id": rate.id,
            "name": rate.name,
            "percentage": float(rate.percentage),
            "code": rate.code,
            "tax_type": rate.tax_type,
        },
        "base_tax_rate": rate and {"percentage": float(rate.percentage)},
        "order_id": None,
        "order_name": item.order_name,
        "trip_id": None,
        "is_credit_charge": item.is_credit_charge,
        "invoice_name": source,
        "fraction": _amount(item.fraction),
        "dimension_1": item.dimension,
        **{f"dimension_{place}": None for place in range(2, 7)},
    }


def _exchange_rate(one: Document) -> Json | None:
    if one.exchange_rate is None:
        return None
    inverse = (1 / one.exchange_rate).quantize(Decimal("0.000001"))
    return {
        "rate": float(one.exchange_rate),
        "inverse_rate": float(inverse),
        "rate_date": one.date.isoformat(),
    }


def _amount(value: Decimal) -> str:
    return f"{value:f}"
