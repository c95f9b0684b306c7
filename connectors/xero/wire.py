"""Xero's objects, field by field under its own names; only what is used.

From the OpenAPI document 16.1.0 and the Accounting API's pages of 2026. Lenient: unknown fields
and new words pass, and an empty array may stand for null. Amounts are JSON numbers.
"""

import datetime as dt
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import (
    AliasGenerator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)
from pydantic.alias_generators import to_pascal

from connectors.xero.values import moment

Moment = Annotated[dt.datetime | None, BeforeValidator(lambda value: value and moment(value))]
Number = Decimal | None
_WORDS = {"Id": "ID", "Utc": "UTC"}


def _named(name: str) -> str:
    """`updated_date_utc` is `UpdatedDateUTC`."""
    found = to_pascal(name)
    for ours, theirs in _WORDS.items():
        found = found.replace(ours, theirs) if found.endswith(ours) else found
    return found


def _given(values: Any) -> Any:
    """Without what is empty, however deep."""
    if isinstance(values, dict):
        return {
            name: _given(value)
            for name, value in values.items()
            if value is not None and value != []
        }
    return [_given(value) for value in values] if isinstance(values, list) else values


class Wire(BaseModel):
    """The base of all."""

    model_config = ConfigDict(
        alias_generator=AliasGenerator(validation_alias=_named),
        coerce_numbers_to_str=True,
        extra="ignore",
        frozen=True,
    )

    @classmethod
    def of(cls, values: Any) -> Self:
        """Read a row.

        What is empty counts as not given, but rows that fit as they are, nearly all of them, are
        not gone through for that.

        Raises:
            ValidationError: It does not fit.
        """
        try:
            return cls.model_validate(values)
        except ValidationError:
            return cls.model_validate(_given(values))


class Row(Wire):
    """What every object has."""

    status: str | None = None
    updated_date_utc: Moment = None


class PartyRef(Wire):
    """The contact of a document."""

    contact_id: str | None = None
    name: str | None = None


class ItemRef(Wire):
    """The item of a line."""

    item_id: str | None = None
    code: str | None = None


class LineRow(Wire):
    """A line of a document."""

    line_item_id: str | None = None
    description: str | None = None
    quantity: Number = None
    unit_amount: Number = None
    line_amount: Number = None
    tax_type: str | None = None
    tax_amount: Number = None
    account_code: str | None = None
    account_id: str | None = None
    item_code: str | None = None
    item: ItemRef | None = None


class DocumentRow(Row):
    """What invoices, bills and credit notes share."""

    type: str = ""
    contact: PartyRef = PartyRef()
    date: Moment = None
    due_date: Moment = None
    currency_code: str | None = None
    currency_rate: Number = None
    line_amount_types: str = "Exclusive"
    line_items: tuple[LineRow, ...] = ()
    sub_total: Number = None
    total_tax: Number = None
    total: Number = None
    reference: str | None = None


class InvoiceRow(DocumentRow):
    """`Invoices`: sales (ACCREC) and bills (ACCPAY)."""

    invoice_id: str = ""
    invoice_number: str | None = None
    url: str | None = None
    amount_due: Number = None
    amount_paid: Number = None
    amount_credited: Number = None


class CreditNoteRow(DocumentRow):
    """`CreditNotes`."""

    credit_note_id: str = ""
    credit_note_number: str | None = None
    remaining_credit: Number = None


# Payments.


class AccountRef(Wire):
    """The account that money moved on."""

    account_id: str | None = None
    code: str | None = None


class PaidRef(Wire):
    """What a payment or an allocation is for."""

    invoice_id: str | None = None
    credit_note_id: str | None = None
    type: str | None = None
    currency_code: str | None = None
    contact: PartyRef = PartyRef()


class PaymentRow(Row):
    """`Payments`."""

    payment_id: str = ""
    payment_type: str = ""
    invoice: PaidRef | None = None
    credit_note: PaidRef | None = None
    prepayment: PaidRef | None = None
    overpayment: PaidRef | None = None
    account: AccountRef = AccountRef()
    date: Moment = None
    amount: Number = None
    currency_rate: Number = None
    reference: str | None = None
    is_reconciled: bool = False
    batch_payment_id: str | None = None
    batch_payment: dict[str, Any] | None = None


class BatchPaymentRow(Row):
    """`BatchPayments`: one line of the bank for many documents."""

    batch_payment_id: str = ""
    type: str = ""
    account: AccountRef = AccountRef()
    date: Moment = None
    total_amount: Number = None
    reference: str | None = None
    narrative: str | None = None
    details: str | None = None
    is_reconciled: bool = False
    payments: tuple[PaymentRow, ...] = ()


class AllocationRow(Wire):
    """The part of a credit that is used for a document."""

    amount: Number = None
    invoice: PaidRef = PaidRef()
    is_deleted: bool = False


class CreditRow(Row):
    """`Overpayments` and `Prepayments`."""

    overpayment_id: str | None = None
    prepayment_id: str | None = None
    type: str = ""
    contact: PartyRef = PartyRef()
    date: Moment = None
    total: Number = None
    currency_code: str | None = None
    currency_rate: Number = None
    reference: str | None = None
    allocations: tuple[AllocationRow, ...] = ()


# Parties, products, accounts, taxes, journals.


class AddressRow(Wire):
    """A postal address."""

    address_type: str = ""
    address_line1: str = ""
    address_line2: str = ""
    city: str = ""
    region: str = ""
    postal_code: str = ""
    country: str = ""


class PhoneRow(Wire):
    """A telephone number in its parts."""

    phone_type: str = ""
    phone_number: str = ""
    phone_area_code: str = ""
    phone_country_code: str = ""


class TermRow(Wire):
    """When documents of one side are due."""

    day: int | None = None
    type: str | None = None


class TermsRow(Wire):
    """When documents are due."""

    sales: TermRow | None = None
    bills: TermRow | None = None


class ContactRow(Row):
    """`Contacts`."""

    contact_id: str = ""
    contact_number: str | None = None
    account_number: str | None = None
    contact_status: str = "ACTIVE"
    name: str = ""
    company_number: str | None = None
    email_address: str | None = None
    tax_number: str | None = None
    is_supplier: bool = False
    is_customer: bool = False
    default_currency: str | None = None
    addresses: tuple[AddressRow, ...] = ()
    phones: tuple[PhoneRow, ...] = ()
    payment_terms: TermsRow | None = None


class DealingRow(Wire):
    """How an item is sold or bought."""

    unit_price: Number = None
    account_code: str | None = None
    tax_type: str | None = None


class ItemRow(Row):
    """`Items`."""

    item_id: str = ""
    code: str | None = None
    name: str | None = None
    description: str | None = None
    sales_details: DealingRow = DealingRow()
    purchase_details: DealingRow = DealingRow()


class AccountRow(Row):
    """`Accounts`."""

    account_id: str = ""
    code: str | None = None
    name: str = ""
    type: str | None = None
    classification: str | None = Field(None, validation_alias="Class")
    tax_type: str | None = None
    currency_code: str | None = None


class ComponentRow(Wire):
    """One of the taxes that make up a rate."""

    name: str = ""
    rate: Number = None
    is_compound: bool = False


class TaxRow(Row):
    """`TaxRates`."""

    tax_type: str = ""
    name: str = ""
    effective_rate: Number = None
    display_tax_rate: Number = None
    tax_components: tuple[ComponentRow, ...] = ()
    can_apply_to_revenue: bool = False
    can_apply_to_expenses: bool = False


class JournalLineRow(Wire):
    """A line of a manual journal: debits are positive."""

    line_amount: Number = None
    account_code: str | None = None
    account_id: str | None = None
    description: str | None = None
    tax_type: str | None = None


class JournalRow(Row):
    """`ManualJournals`."""

    manual_journal_id: str = ""
    narration: str | None = None
    date: Moment = None
    url: str | None = None
    journal_lines: tuple[JournalLineRow, ...] = ()


# Whose books.


class OrganisationRow(Wire):
    """`Organisation`."""

    organisation_id: str = ""
    name: str = ""
    base_currency: str | None = None
    period_lock_date: Moment = None
    end_of_year_lock_date: Moment = None


class Tenant(BaseModel):
    """An entry of `/connections`, whose names begin with small letters."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str
    tenantId: str  # noqa: N815  # Xero's own name
    tenantType: str = "ORGANISATION"  # noqa: N815  # the same
    tenantName: str | None = None  # noqa: N815  # the same
