"""Sage Active's objects, field by field under its own names; from Sage's resource pages.

Lenient: unknown fields pass, missing ones are None, lists that are null are empty. Dates are date
only, also where the type is DateTime: the first ten characters count and no time zone moves them
(page "Scalars", as of June 2026). Enums are plain text here, because Sage adds to them.
"""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic.alias_generators import to_camel

_Item = TypeVar("_Item")


def _ten_characters(value: Any) -> Any:
    return value[:10] if isinstance(value, str) and value else value or None


Day = Annotated[date | None, BeforeValidator(_ten_characters)]
Listed = Annotated[tuple[_Item, ...], BeforeValidator(lambda value: () if value is None else value)]
Money = Annotated[Decimal, BeforeValidator(lambda value: 0 if value is None else value)]


class Wire(BaseModel):
    """The base of all: camelCase names, nothing refused for being new."""

    model_config = ConfigDict(
        extra="ignore", frozen=True, alias_generator=to_camel, populate_by_name=True
    )


class Row(Wire):
    """An object with an id."""

    id: str
    creation_date: str | None = None
    """UTC, as Sage writes it: it goes back into filters."""
    modification_date: str | None = None
    """None while nobody has modified it."""


# Who, and how the books are set up.


class Organization(Wire):
    """One of the organisations that the consent reaches."""

    id: str
    social_name: str | None = None
    legislation_code: str | None = None
    onboarding_completed: bool | None = None


class Account(Row):
    """`accountingAccounts`."""

    code: str = ""
    name: str | None = None
    deactivated: bool | None = None
    account_level: str | None = None
    account_type: str | None = None
    sub_account_type: str | None = None
    tax_treatment_id: str | None = None


class Tax(Row):
    """`taxes`: legal rates, several per group over time."""

    name: str | None = None
    percentage: Money
    group_id: str | None = None
    effective_date: Day = None
    inactive: bool | None = None
    tax_type: str | None = None
    equivalence_surcharge_percentage: Decimal | None = None
    has_equivalence_surcharge: bool | None = None


class TaxTreatment(Row):
    """`taxTreatments`: what Sage calls tax codes."""

    tax_code: str | None = None
    description: str | None = None
    register_type: str | None = None
    tax_group_id: str | None = None
    inactive: bool | None = None
    input_accounting_account: Listed["AccountOfLine"] = ()
    """Where tax of purchases goes."""
    output_accounting_account: Listed["AccountOfLine"] = ()
    """Where tax of sales goes."""


class JournalType(Row):
    """`journalTypes`: journals."""

    code: str = ""
    name: str | None = None
    type: str | None = None
    deactivated: bool | None = None
    is_credit_note: bool | None = None
    credit_note_reason: str | None = None


class AccountingPeriod(Wire):
    """A month of a fiscal year."""

    start_date: Day = None
    end_date: Day = None
    is_closed: bool | None = None


class Exercise(Row):
    """`accountingExercises`: fiscal years."""

    exercise: int | str | None = None
    description: str | None = None
    start_date: Day = None
    end_date: Day = None
    status: str | None = None
    periods: Listed[AccountingPeriod] = ()


class PaymentMethod(Row):
    """`paymentMethods`: bank and cash accounts for settlements."""

    reference_name: str | None = None
    type: str | None = None
    disabled: bool | None = None
    journal_type_id: str | None = None
    sub_account_id: str | None = None


class AccountingSetup(Wire):
    """`organizationAccountingSetupByOrgId`."""

    default_customers_account_id: str | None = None
    default_suppliers_account_id: str | None = None
    default_input_vat_account_id: str | None = None
    default_output_vat_account_id: str | None = None
    default_sale_products_account_id: str | None = None

    model_config = ConfigDict(
        alias_generator=lambda name: to_camel(name).replace("Vat", "VAT"), populate_by_name=True
    )


class SalesSetup(Wire):
    """`organizationSalesSetupByOrgId`."""

    default_sales_posting_invoice_journal_type_id: str | None = None
    default_purchase_posting_invoice_journal_type_id: str | None = None


# Third parties and products.


class Address(Row):
    """A postal address."""

    first_line: str | None = None
    second_line: str | None = None
    city: str | None = None
    zip_code: str | None = None
    province: str | None = None
    country_iso_code_alpha2: str | None = None


class Email(Row):
    """One of a person's addresses."""

    email_address: str | None = None
    is_default: bool | None = None


class Phone(Row):
    """One of a person's numbers."""

    number: str | None = None


class Person(Row):
    """A contact of a third party, in Sage's word."""

    name: str | None = None
    is_default: bool | None = None
    emails: Listed[Email] = ()
    phones: Listed[Phone] = ()


class TermLine(Wire):
    """One instalment of payment terms."""

    type: str | None = None
    condition: str | None = None
    day: int | None = None


class ThirdParty(Row):
    """`customers` and `suppliers`."""

    code: str | None = None
    social_name: str | None = None
    trade_name: str | None = None
    country_acronym: str | None = None
    document_id: str | None = None
    vat_number: str | None = None
    status: str | None = None
    comments: str | None = None
    default_accounting_account_id: str | None = None
    addresses: Listed[Address] = ()
    contacts: Listed[Person] = ()
    payment_term_lines: Listed[TermLine] = ()


class Product(Row):
    """`products`."""

    code: str = ""
    name: str | None = None
    category: str | None = None
    line_description: str | None = None
    comments: str | None = None
    tax_group_id: str | None = None
    sales_accounting_account_id: str | None = None
    sales_unit_price: Decimal | None = None
    sales_vat_percentage: Decimal | None = None
    obsolete: bool | None = None


# Documents.


class OpenItem(Row):
    """One instalment of a document."""

    amount: Money
    paid_amount_accumulated: Money = Decimal(0)
    due_date: Day = None
    status: str | None = None
    payment_mean_id: str | None = None
    sales_invoice_id: str | None = None
    purchase_invoice_id: str | None = None

    @property
    def open(self) -> Decimal:
        """What is still to be paid."""
        return self.amount - self.paid_amount_accumulated


class SalesLine(Row):
    """A line of a sales invoice."""

    order: int | None = None
    product_id: str | None = None
    product_code: str | None = None
    product_name: str | None = None
    total_quantity: Money = Decimal(1)
    unit_price: Money = Decimal(0)
    first_discount: Decimal | None = None
    tax_id: str | None = None
    vat_percentage: Decimal | None = None
    total_net: Money = Decimal(0)
    total_vat: Money = Decimal(0)


class SalesInvoice(Row):
    """`salesInvoices`: invoices and credit notes to customers."""

    operational_number: str | None = None
    status: str | None = None
    type: str | None = None
    document_date: Day = None
    operation_date: Day = None
    first_due_date: Day = None
    customer_id: str | None = None
    social_name: str | None = None
    external_reference: str | None = None
    sales_order_number: str | None = None
    comments: str | None = None
    remarks: str | None = None
    source_sales_invoice_id: str | None = None
    total_gross: Money = Decimal(0)
    total_discount: Money = Decimal(0)
    total_net: Money = Decimal(0)
    total_vat: Money = Decimal(0)
    total_fee_surcharge: Money = Decimal(0)
    total_withholding: Money = Decimal(0)
    total_liquid: Money = Decimal(0)
    lines: Listed[SalesLine] = ()
    open_items: Listed[OpenItem] = ()


class TaxOfLine(Wire):
    """The tax that a line was given."""

    id: str | None = None
    percentage: Decimal | None = None


class VatLine(Row):
    """A bill's line: one for each tax rate, not for each article."""

    total_vat_base: Money
    total_vat: Money = Decimal(0)
    tax: TaxOfLine | None = None
    tax_treatment_id: str | None = None
    purchase_accounting_account_id: str | None = None


class PurchaseInvoice(Row):
    """`purchaseInvoices`: bills."""

    invoice_number: str | None = None
    invoice_date: Day = None
    operation_date: Day = None
    first_due_date: Day = None
    status: str | None = None
    supplier_id: str | None = None
    total_liquid: Money = Decimal(0)
    pending_amount: Decimal | None = None
    has_cash_vat: bool | None = None
    source_type: str | None = None
    vat_lines: Listed[VatLine] = ()
    open_items: Listed[OpenItem] = ()


# Accounting entries, with all that the reference lists and a query may select.


class JournalOfEntry(Wire):
    """The journal, as the entry's loader gives it."""

    id: str | None = None
    code: str | None = None
    type: str | None = None


class Session(Wire):
    """Germany only."""

    id: str | None = None
    name: str | None = None
    stamp: str | None = None
    deactivated: bool | None = None


class CurrencyOfEntry(Wire):
    """Automatic."""

    code: str | None = None


class AccountOfLine(Wire):
    """The account, as the line's loader gives it."""

    id: str | None = None
    code: str | None = None
    name: str | None = None
    sub_account_type: str | None = None


class EntryThirdParty(Wire):
    """Whom a line concerns."""

    third_party_id: str | None = None
    social_name: str | None = None
    code: str | None = None
    origin: str | None = None
    identification_type_id: str | None = None
    document_id: str | None = None
    vat_number: str | None = None
    country_acronym: str | None = None
    vies_code: str | None = None


class EntryPayment(Wire):
    """What a line is matched with ("lettrage")."""

    matching: str | None = None
    matching_letter: str | None = None
    match_id: str | None = None
    modification_date: str | None = None


class EntryDimensionTag(Wire):
    """Analytics: a value on an axis, both by id."""

    dimension_id: str | None = None
    dimension_tag_id: str | None = None
    amount: Decimal | None = None


class EntryTax(Wire):
    """A line of the tax register."""

    tax_id: str | None = None
    tax_treatment_id: str | None = None
    tax_group_id: str | None = None
    tax_type: str | None = None
    tax_percentage: Decimal | None = None
    tax_base: Money = Decimal(0)
    tax_amount: Money = Decimal(0)
    deductible: bool | None = None
    regime_type: str | None = None
    has_equivalence_surcharge: bool | None = None
    equivalence_surcharge_percentage: Decimal | None = None
    equivalence_surcharge_quota: Decimal | None = None


class EntryInvoice(Wire):
    """What an entry says of the invoice behind it."""

    document_date: Day = None
    operation_date: Day = None
    external_invoice_number: str | None = None
    is_cash_vat: bool | None = None
    amount: Decimal | None = None
    credit_note_type: str | None = None
    credit_note_reason: str | None = None
    original_entry_invoice_taxes_base_sum: Decimal | None = None
    original_entry_invoice_taxes_surcharge_amount_sum: Decimal | None = None
    original_entry_invoice_taxes_tax_amount_sum: Decimal | None = None
    original_accounting_entry_invoice_id: str | None = None
    open_items: Listed[OpenItem] = ()
    accounting_entry_taxes: Listed[EntryTax] = ()


class EntryLine(Row):
    """One side of an entry."""

    order: int | None = None
    document_number: str | None = None
    description: str | None = None
    contra_account: str | None = None
    debit_amount: Money = Decimal(0)
    credit_amount: Money = Decimal(0)
    sub_account: AccountOfLine | None = None
    accounting_entry_third_party: EntryThirdParty | None = None
    accounting_entry_payment: EntryPayment | None = None
    accounting_entry_dimension_tags: Listed[EntryDimensionTag] = ()
    accounting_entry_invoice: EntryInvoice | None = None


class Entry(Row):
    """`accountingEntries`: header and lines, handled as a whole."""

    number: int | None = None
    date: Day = None
    document_date: Day = None
    document_number: str | None = None
    description: str | None = None
    source_type: str | None = None
    source_entity_id: str | None = None
    entry_type: str | None = None
    accounting_exercise_id: str | None = None
    accounting_period_id: str | None = None
    is_closed: bool | None = None
    close_date: Day = None
    tan_number: int | None = None
    session: Session | None = None
    journal_type: JournalOfEntry | None = None
    currency: CurrencyOfEntry | None = None
    accounting_entry_lines: Listed[EntryLine] = ()


class MatchedEntry(Wire):
    """The parent of a line that is asked for by its match."""

    id: str
    date: Day = None
    source_type: str | None = None
    source_entity_id: str | None = None
    journal_type: JournalOfEntry | None = None


class MatchedLine(Row):
    """A line that is matched with others, and what is open on its invoice."""

    debit_amount: Money = Decimal(0)
    credit_amount: Money = Decimal(0)
    accounting_entry: MatchedEntry
    accounting_entry_payment: EntryPayment | None = None
    accounting_entry_third_party: EntryThirdParty | None = None
    accounting_entry_invoice: EntryInvoice | None = None
