"""Apideck's objects, field by field under its own names; only what is used.

From the accounting document 10.34.0 (August 2026). Lenient: unknown fields and new words pass,
almost everything may be null, lists that are null are empty. Amounts are JSON numbers.
"""

from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict

_Item = TypeVar("_Item")

Listed = Annotated[tuple[_Item, ...], BeforeValidator(lambda value: () if value is None else value)]
Number = Decimal | None


class Wire(BaseModel):
    """The base of all."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)


class Linked(Wire):
    """A reference to an account, item, customer, supplier or tax rate."""

    id: str | None = None
    code: str | None = None
    name: str | None = None
    rate: Number = None


class Row(Wire):
    """What every object has."""

    id: str | None = None
    status: str | None = None
    row_version: str | None = None
    updated_at: str | None = None
    created_at: str | None = None


# Documents.


class DocumentLine(Wire):
    """A line of an invoice, bill or credit note."""

    id: str | None = None
    type: str | None = None
    description: str | None = None
    quantity: Number = None
    unit_price: Number = None
    unit_of_measure: str | None = None
    tax_amount: Number = None
    total_amount: Number = None
    discount_amount: Number = None
    item: Linked | None = None
    tax_rate: Linked | None = None
    ledger_account: Linked | None = None


class DocumentRow(Row):
    """What invoices, bills and credit notes share."""

    type: str | None = None
    company_id: str | None = None
    reference: str | None = None
    po_number: str | None = None
    currency: str | None = None
    currency_rate: Number = None
    tax_inclusive: bool | None = None
    sub_total: Number = None
    total_tax: Number = None
    total: Number = None
    balance: Number = None
    line_items: Listed[DocumentLine] = ()


class PaymentOfDocument(Wire):
    """A payment that a document names."""

    id: str | None = None
    allocated_amount: Number = None


class InvoiceRow(DocumentRow):
    """`invoices`."""

    number: str | None = None
    customer: Linked | None = None
    invoice_date: str | None = None
    due_date: str | None = None
    customer_memo: str | None = None
    payment_allocations: Listed[PaymentOfDocument] = ()


class BillRow(DocumentRow):
    """`bills`."""

    bill_number: str | None = None
    supplier: Linked | None = None
    bill_date: str | None = None
    due_date: str | None = None
    notes: str | None = None
    payment_allocations: Listed[PaymentOfDocument] = ()


class CreditNoteRow(DocumentRow):
    """`credit-notes`."""

    number: str | None = None
    customer: Linked | None = None
    date_issued: str | None = None
    total_amount: Number = None
    remaining_credit: Number = None
    note: str | None = None


# Payments.


class AllocationRow(Wire):
    """What a part of a payment is for."""

    id: str | None = None
    type: str | None = None
    amount: Number = None
    allocation_id: str | None = None


class PaymentRow(Row):
    """`payments` and `bill-payments`."""

    type: str | None = None
    number: str | None = None
    display_id: str | None = None
    reference: str | None = None
    note: str | None = None
    transaction_date: str | None = None
    total_amount: Number = None
    currency: str | None = None
    currency_rate: Number = None
    account: Linked | None = None
    customer: Linked | None = None
    supplier: Linked | None = None
    payment_method: str | None = None
    reconciled: bool | None = None
    allocations: Listed[AllocationRow] = ()


# Parties, products, accounts, taxes, entries.


class AddressRow(Wire):
    """A postal address."""

    type: str | None = None
    line1: str | None = None
    line2: str | None = None
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None
    country: str | None = None


class EmailRow(Wire):
    """An e-mail address."""

    email: str | None = None


class PhoneRow(Wire):
    """A telephone number."""

    number: str | None = None


class PartyRow(Row):
    """`customers` and `suppliers`."""

    display_id: str | None = None
    display_name: str | None = None
    company_name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    addresses: Listed[AddressRow] = ()
    emails: Listed[EmailRow] = ()
    phone_numbers: Listed[PhoneRow] = ()
    tax_number: str | None = None
    currency: str | None = None
    notes: str | None = None


class PriceDetails(Wire):
    """How an item is sold."""

    unit_price: Number = None
    tax_rate: Linked | None = None


class ItemRow(Row):
    """`invoice-items`."""

    name: str | None = None
    code: str | None = None
    description: str | None = None
    unit_price: Number = None
    currency: str | None = None
    sales_details: PriceDetails | None = None
    income_account: Linked | None = None
    expense_account: Linked | None = None
    active: bool | None = None


class AccountRow(Row):
    """`ledger-accounts`."""

    name: str | None = None
    display_id: str | None = None
    code: str | None = None
    nominal_code: str | None = None
    classification: str | None = None
    type: str | None = None
    currency: str | None = None
    current_balance: Number = None
    tax_rate: Linked | None = None
    active: bool | None = None


class ComponentRow(Wire):
    """One of the taxes that make up a rate."""

    name: str | None = None
    rate: Number = None
    compound: bool | None = None


class TaxRow(Row):
    """`tax-rates`; 10 is 10 %."""

    name: str | None = None
    display_id: str | None = None
    code: str | None = None
    effective_tax_rate: Number = None
    total_tax_rate: Number = None
    components: Listed[ComponentRow] = ()
    type: str | None = None
    tax_payable_account_id: str | None = None


class EntryLineRow(Wire):
    """One side of a journal entry."""

    type: str | None = None
    description: str | None = None
    total_amount: Number = None
    sub_total: Number = None
    ledger_account: Linked | None = None
    customer: Linked | None = None
    supplier: Linked | None = None
    tax_rate: Linked | None = None


class EntryRow(Row):
    """`journal-entries`."""

    number: str | None = None
    title: str | None = None
    memo: str | None = None
    currency: str | None = None
    posted_at: str | None = None
    source_type: str | None = None
    line_items: Listed[EntryLineRow] = ()


# Who, and whether we may come in.


class CompanyInfo(Wire):
    """`company-info`."""

    id: str | None = None
    company_name: str | None = None
    legal_name: str | None = None
    currency: str | None = None


class VaultConnection(Wire):
    """`vault/connections/accounting/{service_id}`: what Apideck knows of the way to the ledger."""

    service_id: str | None = None
    name: str | None = None
    state: str | None = None
    health: str | None = None
    enabled: bool | None = None
    metadata: Any = None


class Warned(Wire):
    """`meta.warnings`: a part of the answer is missing although it is HTTP 200."""

    type: str | None = None
    error: str | None = None
    message: str | None = None
