"""Qargo's JSON, field by field, with what its description leaves open.

Source: the public OpenAPI description of the Qargo TMS API 1.2.0 ("API / Accounting", schemas
`AvailableTask`, `TaskDetail`, `TaskPayload`, `SalesInvoiceOutput`, `PurchaseInvoice`,
`SalesCreditNoteOutput`, `PurchaseCreditNote`, `LineItem`, `CompanySummaryOutput`,
`TaxRateOutput`, `AccountOutput`), read 2026-11-20 and 2026-11-21.

Unknown fields are ignored, as Qargo asks of integrators, and enums are plain texts. What we do
not use is not listed. Amounts are decimal strings, percentages are JSON numbers.
"""

import datetime as dt
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

# Task types whose documents a ledger should get; PAID_…, REFUNDED_… and DISPATCH are others.
POST_INVOICE = "POST_INVOICE"
POST_INVOICE_PURCHASE = "POST_INVOICE_PURCHASE"
POST_CREDIT_NOTE = "POST_CREDIT_NOTE"
POST_CREDIT_NOTE_PURCHASE = "POST_CREDIT_NOTE_PURCHASE"

TODO = "TODO"
COMPLETED = "COMPLETED"
FAILED = "FAILED"

USER_INPUT_ERROR = "USER_INPUT_ERROR"


class Wire(BaseModel):
    """Something that Qargo says."""

    model_config = ConfigDict(extra="ignore", frozen=True)


def _if_list(value: Any) -> Any:
    return value if isinstance(value, list) else []


def _if_object(value: Any) -> Any:
    return value if isinstance(value, dict) else None


class Token(Wire):
    """`POST /v1/auth/token`; `expires_in` is in seconds and may be null."""

    access_token: str = Field(min_length=1)
    expires_in: int | None = Field(None, ge=0, le=10 * 366 * 86_400)


class TaskRow(Wire):
    """A row of the waiting list: it does not say whose document it is."""

    id: str = Field(min_length=1)
    task_type: str
    status: str
    invoice_id: str | None = None


class TaskList(Wire):
    """`GET /v1/accounting/sync-tasks`: everything at once, without pages."""

    tasks: list[TaskRow]


class BillingEntity(Wire):
    """A legal entity of the tenant; codes can be renamed, ids stay."""

    code: str = Field(min_length=1)
    id: str | None = None


class EntityAccount(Wire):
    """A company's accounting code at one billing entity."""

    id: str | None = None
    code: str | None = None
    accounting_code: str | None = None


class CompanySide(Wire):
    """What differs between a company's sales and purchase sides."""

    billing_entities: Annotated[list[EntityAccount], BeforeValidator(_if_list)] = []


class Location(Wire):
    """A company's billing address."""

    address: str | None = None
    address_second_line: str | None = None
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None
    country: str | None = None


class PaymentTerm(Wire):
    """A code like `NET_30` or `END_OF_MONTH_0_NET_7`."""

    code: str | None = None


class Company(Wire):
    """A customer or supplier.

    The description lists the accounting codes by billing entity for whole companies only, not
    for the summary in documents; they are taken from wherever they come.
    """

    id: str = Field(min_length=1)
    name: str | None = None
    code: str | None = None
    legal_name: str | None = None
    vat_number: str | None = None
    currency: str | None = None
    is_customer: bool | None = None
    is_subcontractor: bool | None = None
    accounting_code: str | None = None
    """Only a default: "use the accounting codes on the billing entities"."""
    billing_entities: Annotated[list[EntityAccount], BeforeValidator(_if_list)] = []
    sales: Annotated[CompanySide | None, BeforeValidator(_if_object)] = None
    purchase: Annotated[CompanySide | None, BeforeValidator(_if_object)] = None
    billing_location: Annotated[Location | None, BeforeValidator(_if_object)] = None
    payment_term: Annotated[PaymentTerm | None, BeforeValidator(_if_object)] = None


class LineTaxRate(Wire):
    """The rate of a line, after the rules for the customer and the transport."""

    id: str | None = None
    name: str | None = None
    percentage: Decimal | None = None
    tax_type: str | None = None


class LineAccount(Wire):
    """The ledger account of a line: only its code."""

    code: str | None = None


class LineItem(Wire):
    """A line, or the part of a line that one set of dimensions gets (`fraction`)."""

    id: str | None = None
    invoice_line_id: str | None = None
    name: str | None = None
    description: str | None = None
    amount: Decimal
    currency: str | None = None
    account: LineAccount | None = None
    tax_rate: LineTaxRate | None = None
    order_name: str | None = None
    invoice_name: str | None = None
    """Number of the invoice that a credit belongs to."""
    is_credit_charge: bool | None = None
    dimension_1: str | None = None
    dimension_2: str | None = None
    dimension_3: str | None = None
    dimension_4: str | None = None
    dimension_5: str | None = None
    dimension_6: str | None = None


class Instance(Wire):
    """An invoice or credit note, sold or bought; `id` may be null in the description."""

    id: str | None = None
    name: str | None = None
    external_name: str | None = None
    """The supplier's number; documents that were bought have it."""
    date: dt.date
    due_date: dt.date | None = None
    booking_date: dt.date | None = None
    currency: str
    total_excl_tax: Decimal
    total_tax: Decimal
    total_incl_tax: Decimal
    customer: Company | None = None
    supplier: Company | None = None
    customer_reference_numbers: Annotated[list[str], BeforeValidator(_if_list)] = []
    line_items: list[LineItem]


class Owned(Wire):
    """What is read of a document before anything else: its id and whose it is."""

    id: str | None = None
    billing_entity: Annotated[BillingEntity | None, BeforeValidator(_if_object)] = None


class Payload(Wire):
    """What a task is about; `instance` is read only once we know that it is ours."""

    subject_id: str | None = None
    instance: Annotated[dict[str, Any] | None, BeforeValidator(_if_object)] = None

    @property
    def owned(self) -> Owned:
        """Id and billing entity of the document."""
        return Owned.model_validate(self.instance or {})


class Task(Wire):
    """`GET /v1/accounting/sync-tasks/{id}`."""

    id: str = Field(min_length=1)
    status: str
    task_type: str = ""
    invoice_id: str | None = None
    payload: Payload | None = None

    @property
    def billing_entity(self) -> BillingEntity | None:
        """Whose document it is, as far as Qargo says."""
        return self.payload.owned.billing_entity if self.payload else None

    @property
    def document_id(self) -> str | None:
        """Qargo's id of the document."""
        payload = self.payload
        named = (payload.owned.id or payload.subject_id) if payload else None
        return named or self.invoice_id


class TaskUpdate(Wire):
    """The answer to a report."""

    status: str


class TaxRate(Wire):
    """`GET /v1/accounting/tax-rates`."""

    id: str = Field(min_length=1)
    name: str | None = None
    percentage: Decimal
    code: str | None = None
    tax_type: str | None = None
    invoice_type: str | None = None
    archived: bool = False


class Account(Wire):
    """`GET /v1/accounting/accounts`."""

    id: str = Field(min_length=1)
    code: str | None = None
    name: str | None = None
    archived: bool = False


class Listing(Wire):
    """A page of a list; its items are read one by one, so that a bad one stands alone."""

    items: list[dict[str, Any]]
    next_cursor: str | None = None
