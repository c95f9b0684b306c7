"""QuickBooks' entities, field by field under its own names; only what is used.

From the reference pages of developer.intuit.com (copies of February 2026, read 2026-11-20) and the
XML schemas of its SDKs. Lenient: unknown fields and new words pass, almost everything may be null.
"""

from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

_Item = TypeVar("_Item")

Listed = Annotated[tuple[_Item, ...], BeforeValidator(lambda value: () if value is None else value)]
Number = Decimal | None


def _pascal(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


class Wire(BaseModel):
    """The base of all."""

    model_config = ConfigDict(
        extra="ignore",
        frozen=True,
        coerce_numbers_to_str=True,
        alias_generator=_pascal,
        populate_by_name=True,
    )


class Ref(Wire):
    """A reference to an entry of a list."""

    value: str | None = Field(None, alias="value")
    name: str | None = Field(None, alias="name")


class MetaData(Wire):
    """When it was made and last changed, ISO with offset."""

    create_time: str | None = None
    last_updated_time: str | None = None


class Row(Wire):
    """What every entity has."""

    id: str | None = None
    sync_token: str | None = None
    status: str | None = Field(None, alias="status")
    """`Deleted`, in answers about changes."""
    meta_data: MetaData = MetaData()
    currency_ref: Ref | None = None
    active: bool | None = None


def id_of(ref: Ref | None) -> str | None:
    """The id that a reference names."""
    return ref.value if ref and ref.value else None


# Transactions.


class LinkedTxn(Wire):
    """Another transaction that a line, or a whole document, is tied to."""

    txn_id: str | None = None
    txn_type: str | None = None


class SalesDetail(Wire):
    """`SalesItemLineDetail`."""

    item_ref: Ref | None = None
    item_account_ref: Ref | None = None
    qty: Number = None
    unit_price: Number = None
    tax_code_ref: Ref | None = None


class ExpenseDetail(Wire):
    """`AccountBasedExpenseLineDetail` and `ItemBasedExpenseLineDetail`."""

    account_ref: Ref | None = None
    item_ref: Ref | None = None
    qty: Number = None
    unit_price: Number = None
    tax_code_ref: Ref | None = None


class DiscountDetail(Wire):
    """`DiscountLineDetail`."""

    percent_based: bool | None = None
    discount_percent: Number = None
    discount_account_ref: Ref | None = None
    tax_code_ref: Ref | None = None


class EntityRef(Wire):
    """The customer or vendor of a journal line."""

    type: str | None = None
    entity_ref: Ref | None = None


class JournalDetail(Wire):
    """`JournalEntryLineDetail`."""

    posting_type: str | None = None
    account_ref: Ref | None = None
    entity: EntityRef | None = None
    tax_code_ref: Ref | None = None


class LineRow(Wire):
    """A line of a transaction; `detail_type` says which of the details it has."""

    id: str | None = None
    detail_type: str | None = None
    amount: Number = None
    description: str | None = None
    linked_txn: Listed[LinkedTxn] = ()
    sales_item_line_detail: SalesDetail | None = None
    account_based_expense_line_detail: ExpenseDetail | None = None
    item_based_expense_line_detail: ExpenseDetail | None = None
    discount_line_detail: DiscountDetail | None = None
    journal_entry_line_detail: JournalDetail | None = None


class TaxLineDetail(Wire):
    """What a line of `TxnTaxDetail` is about."""

    tax_rate_ref: Ref | None = None
    tax_percent: Number = None
    percent_based: bool | None = None
    net_amount_taxable: Number = None


class TaxLine(Wire):
    """The tax of one rate."""

    amount: Number = None
    tax_line_detail: TaxLineDetail | None = None


class TxnTax(Wire):
    """`TxnTaxDetail`."""

    total_tax: Number = None
    txn_tax_code_ref: Ref | None = None
    tax_line: Listed[TaxLine] = ()


class Memo(Wire):
    """A text in an object of its own."""

    value: str | None = Field(None, alias="value")


class TransactionRow(Row):
    """What all transactions share."""

    doc_number: str | None = None
    txn_date: str | None = None
    private_note: str | None = None
    exchange_rate: Number = None
    total_amt: Number = None
    line: Listed[LineRow] = ()


class DocumentRow(TransactionRow):
    """Invoices, bills, credit memos and vendor credits."""

    customer_ref: Ref | None = None
    vendor_ref: Ref | None = None
    due_date: str | None = None
    customer_memo: Memo | None = None
    txn_tax_detail: TxnTax | None = None
    global_tax_calculation: str | None = None
    balance: Number = None
    remaining_credit: Number = None


class PaymentRow(TransactionRow):
    """Payments and bill payments."""

    customer_ref: Ref | None = None
    vendor_ref: Ref | None = None
    payment_ref_num: str | None = None
    payment_method_ref: Ref | None = None
    deposit_to_account_ref: Ref | None = None
    unapplied_amt: Number = None
    pay_type: str | None = None
    check_payment: dict[str, Any] | None = None
    credit_card_payment: dict[str, Any] | None = None


class EntryRow(TransactionRow):
    """Journal entries."""


# Lists.


class AddressRow(Wire):
    """`BillAddr`."""

    line1: str | None = None
    line2: str | None = None
    city: str | None = None
    postal_code: str | None = None
    country: str | None = None
    country_sub_division_code: str | None = None


class EmailRow(Wire):
    """An e-mail address."""

    address: str | None = None


class PhoneRow(Wire):
    """A telephone number."""

    free_form_number: str | None = None


class PartyRow(Row):
    """Customers and vendors."""

    display_name: str | None = None
    company_name: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    primary_email_addr: EmailRow | None = None
    primary_phone: PhoneRow | None = None
    bill_addr: AddressRow | None = None
    primary_tax_identifier: str | None = None
    tax_identifier: str | None = None
    acct_num: str | None = None
    notes: str | None = None


class ItemRow(Row):
    """Products and services."""

    name: str | None = None
    sku: str | None = None
    description: str | None = None
    unit_price: Number = None
    income_account_ref: Ref | None = None
    expense_account_ref: Ref | None = None


class AccountRow(Row):
    """The chart of accounts."""

    name: str | None = None
    acct_num: str | None = None
    fully_qualified_name: str | None = None
    account_type: str | None = None
    account_sub_type: str | None = None
    classification: str | None = None
    current_balance: Number = None
    tax_code_ref: Ref | None = None


class RateOfCode(Wire):
    """One of the rates inside a code."""

    tax_rate_ref: Ref | None = None
    tax_type_applicable: str | None = None
    tax_order: int | None = None


class RateList(Wire):
    """`SalesTaxRateList`, `PurchaseTaxRateList`."""

    tax_rate_detail: Listed[RateOfCode] = ()


class TaxCodeRow(Row):
    """A tax code: what lines name."""

    name: str | None = None
    description: str | None = None
    taxable: bool | None = None
    tax_group: bool | None = None
    hidden: bool | None = None
    sales_tax_rate_list: RateList | None = None
    purchase_tax_rate_list: RateList | None = None


class EffectiveRate(Wire):
    """What a rate was at a time."""

    rate_value: Number = None
    effective_date: str | None = None
    end_date: str | None = None


class TaxRateRow(Row):
    """A rate inside codes."""

    name: str | None = None
    rate_value: Number = None
    effective_tax_rate: Listed[EffectiveRate] = ()


# The company.


class CompanyRow(Wire):
    """`CompanyInfo`."""

    company_name: str | None = None
    legal_name: str | None = None
    country: str | None = None


class AccountingPrefs(Wire):
    """`AccountingInfoPrefs`."""

    book_close_date: str | None = None


class CurrencyPrefs(Wire):
    """`CurrencyPrefs`."""

    multi_currency_enabled: bool | None = None
    home_currency: Ref | None = None


class TaxPrefs(Wire):
    """`TaxPrefs`."""

    using_sales_tax: bool | None = None
    partner_tax_enabled: bool | None = None
    """Set where QuickBooks computes sales tax by itself (page "manage sales tax for US locales")."""


class SalesPrefs(Wire):
    """`SalesFormsPrefs`."""

    custom_txn_numbers: bool | None = None


class PreferencesRow(Wire):
    """`Preferences`."""

    accounting_info_prefs: AccountingPrefs = AccountingPrefs()
    currency_prefs: CurrencyPrefs = CurrencyPrefs()
    tax_prefs: TaxPrefs = TaxPrefs()
    sales_forms_prefs: SalesPrefs = SalesPrefs()
