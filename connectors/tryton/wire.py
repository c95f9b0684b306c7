"""Tryton's records field by field, and its typed values in JSON.

Sources: the modules account, account_invoice, account_product, party and product of Tryton 8.2
and what trytond 8.2.1 answered to each of the fields below. Dotted names are read through: a
to-one field comes as an object under `party.`, a to-many field as a list under `lines.`.
"""

import base64
import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

JSON = Any
Domain = list[Any]
Values = dict[str, Any]


def encoded(value: object) -> JSON:
    """Write a value that JSON has no type for, as `json.dumps(default=…)` wants it.

    Raises:
        TypeError: Tryton has no type for it either.
    """
    match value:
        case Decimal():
            return {"__class__": "Decimal", "decimal": str(value)}
        case dt.datetime():
            moment = value.astimezone(dt.UTC)
            return {
                "__class__": "datetime",
                **{
                    part: getattr(moment, part)
                    for part in ("year", "month", "day", "hour", "minute", "second", "microsecond")
                },
            }
        case dt.date():
            return {
                "__class__": "date",
                "year": value.year,
                "month": value.month,
                "day": value.day,
            }
    raise TypeError(f"{type(value).__name__} does not go over the wire")


def decoded(value: JSON) -> Any:
    """Read a value with Tryton's typed objects in it."""
    if isinstance(value, list):
        return [decoded(part) for part in value]
    if not isinstance(value, dict):
        return value
    match value.get("__class__"):
        case None:
            return {name: decoded(part) for name, part in value.items()}
        case "Decimal":
            return Decimal(value["decimal"])
        case "date":
            return dt.date(value["year"], value["month"], value["day"])
        case "datetime":
            return dt.datetime(
                value["year"],
                value["month"],
                value["day"],
                value["hour"],
                value["minute"],
                value["second"],
                value["microsecond"],
                tzinfo=dt.UTC,
            )
        case "timedelta":
            return dt.timedelta(seconds=float(value["seconds"]))
        case "bytes":
            return base64.b64decode(value["base64"])
    return value


def _as_text(value: object) -> object:
    return "" if value is None else value


Text = Annotated[str, BeforeValidator(_as_text)]
"""Tryton stores empty texts as null."""


class Row(BaseModel):
    """A record as `read` and `search_read` give it; fields that we do not know pass."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)

    FIELDS: ClassVar[tuple[str, ...]] = ()
    """What is asked for."""

    id: int
    version: str = Field("", alias="_timestamp")
    """When it was last written, in seconds; Tryton compares it before a write (`_timestamp`)."""

    @property
    def written(self) -> str:
        """The version that stands for the whole object."""
        return self.version


class Named(BaseModel):
    """The few fields of a record that another one refers to."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)

    id: int
    code: Text = ""
    symbol: Text = ""
    number: Text = ""


class RateOf(BaseModel):
    """The tax that a line or a tax row refers to."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: int
    type: str
    rate: Decimal | None = None
    """As a fraction: 0.20 is 20 %."""

    @property
    def percent(self) -> Decimal | None:
        """The rate as we write it; None for a tax that is no percentage."""
        return self.rate * 100 if self.type == "percentage" and self.rate is not None else None


class InvoiceLine(Row):
    """`account.invoice.line`; types other than `line` carry no amount."""

    type: str
    description: Text = ""
    quantity: Decimal | None = None
    unit: Named | None = Field(None, alias="unit.")
    unit_price: Decimal | None = None
    amount: Decimal = Decimal(0)
    account: int | None = None
    product: int | None = None
    taxes: tuple[RateOf, ...] = Field((), alias="taxes.")


class InvoiceTax(Row):
    """`account.invoice.tax`: the tax of one rate on one side of zero."""

    base: Decimal
    amount: Decimal
    tax: RateOf | None = Field(None, alias="tax.")
    manual: bool = False


class LineToPay(Row):
    """A line of the invoice's movement on the receivable or payable account."""

    maturity_date: dt.date | None = None
    reconciliation: int | None = None


class PaymentLine(Row):
    """A movement line that was assigned to the invoice."""

    reconciliation: int | None = None
    move_state: str = "posted"


class Invoice(Row):
    """`account.invoice`: customer invoices (out) and supplier invoices (in), credits negative."""

    FIELDS: ClassVar[tuple[str, ...]] = (
        "_timestamp", "type", "state", "number", "reference", "description", "comment", "party",
        "company", "currency.code", "account", "invoice_date", "accounting_date",
        "payment_term_date", "create_date", "untaxed_amount", "tax_amount", "total_amount",
        "amount_to_pay", "allow_cancel",
        "lines.type", "lines.description", "lines.quantity", "lines.unit.symbol",
        "lines.unit_price", "lines.amount", "lines.account", "lines.product",
        "lines.taxes.type", "lines.taxes.rate",
        "taxes.base", "taxes.amount", "taxes.manual", "taxes.tax.type", "taxes.tax.rate",
        "lines_to_pay.maturity_date", "lines_to_pay.reconciliation",
        "payment_lines.reconciliation", "payment_lines.move_state",
    )  # fmt: skip

    type: str
    state: str
    number: Text = ""
    reference: Text = ""
    description: Text = ""
    comment: Text = ""
    party: int
    currency: Named = Field(alias="currency.")
    account: int
    invoice_date: dt.date | None = None
    accounting_date: dt.date | None = None
    payment_term_date: dt.date | None = None
    create_date: dt.datetime | None = None
    untaxed_amount: Decimal
    tax_amount: Decimal
    total_amount: Decimal
    amount_to_pay: Decimal
    allow_cancel: bool = False
    lines: tuple[InvoiceLine, ...] = Field((), alias="lines.")
    taxes: tuple[InvoiceTax, ...] = Field((), alias="taxes.")
    lines_to_pay: tuple[LineToPay, ...] = Field((), alias="lines_to_pay.")
    payment_lines: tuple[PaymentLine, ...] = Field((), alias="payment_lines.")


class OpenInvoice(Row):
    """What of an invoice matters for its payments."""

    FIELDS: ClassVar[tuple[str, ...]] = (
        "type", "state", "number", "party", "account", "currency.code", "total_amount",
        "amount_to_pay", "lines_to_pay.maturity_date", "lines_to_pay.reconciliation",
        "payment_lines.reconciliation", "payment_lines.move_state",
    )  # fmt: skip

    type: str
    state: str
    number: Text = ""
    party: int
    account: int
    currency: Named = Field(alias="currency.")
    total_amount: Decimal
    amount_to_pay: Decimal
    lines_to_pay: tuple[LineToPay, ...] = Field((), alias="lines_to_pay.")
    payment_lines: tuple[PaymentLine, ...] = Field((), alias="payment_lines.")

    @property
    def to_reconcile(self) -> list[int]:
        """The lines that make it paid once they are reconciled; none while something is open."""
        assigned = [line for line in self.payment_lines if line.reconciliation is None]
        if (
            self.state != "posted"
            or self.amount_to_pay
            or not assigned
            or any(line.move_state != "posted" for line in assigned)
        ):
            return []
        due = [line.id for line in self.lines_to_pay if line.reconciliation is None]
        return [*due, *(line.id for line in assigned)]


class AccountType(Row):
    """`account.account.type`: what the accounts of a chart are classified by."""

    statement: str | None = None
    assets: bool = False
    receivable: bool = False
    payable: bool = False
    revenue: bool = False
    expense: bool = False
    debt: bool = False


class Account(Row):
    """`account.account`; one without a type is a heading and cannot be booked on."""

    FIELDS: ClassVar[tuple[str, ...]] = (
        "_timestamp", "code", "name", "closed", "party_required", "second_currency.code",
        "taxes",
        "type.statement", "type.assets", "type.receivable", "type.payable",
        "type.revenue", "type.expense", "type.debt",
    )  # fmt: skip

    code: Text = ""
    name: str
    closed: bool = False
    party_required: bool = False
    second_currency: Named | None = Field(None, alias="second_currency.")
    taxes: tuple[int, ...] = ()
    type: AccountType | None = Field(None, alias="type.")


class InvoiceLink(Row):
    """An invoice that a movement line was assigned to."""

    type: str
    total_amount: Decimal


class TaxLine(Row):
    """`account.tax.line`: which tax a movement line belongs to."""

    tax: int
    type: str


class Reconciliation(Row):
    """`account.move.reconciliation`: lines that offset each other."""

    number: Text = ""


class MoveLine(Row):
    """`account.move.line`: one side of a movement."""

    account: Account = Field(alias="account.")
    debit: Decimal
    credit: Decimal
    party: int | None = None
    description: Text = ""
    maturity_date: dt.date | None = None
    second_currency: Named | None = Field(None, alias="second_currency.")
    amount_second_currency: Decimal | None = None
    reconciliation: Reconciliation | None = Field(None, alias="reconciliation.")
    invoice_payments: tuple[InvoiceLink, ...] = Field((), alias="invoice_payments.")
    tax_lines: tuple[TaxLine, ...] = Field((), alias="tax_lines.")


class Journal(Row):
    """`account.journal`."""

    FIELDS: ClassVar[tuple[str, ...]] = ("code", "type")

    code: Text = ""
    type: str


class Move(Row):
    """`account.move`: a movement of the books."""

    FIELDS: ClassVar[tuple[str, ...]] = (
        "_timestamp", "number", "date", "description", "state", "origin",
        "journal.code", "journal.type",
        "lines.account.name", "lines.account.party_required",
        "lines.account.type.receivable", "lines.account.type.payable",
        "lines.debit", "lines.credit", "lines.party", "lines.description", "lines.maturity_date",
        "lines.second_currency.code", "lines.amount_second_currency",
        "lines.reconciliation.number", "lines.invoice_payments.type",
        "lines.invoice_payments.total_amount", "lines.tax_lines.tax", "lines.tax_lines.type",
    )  # fmt: skip

    number: Text = ""
    date: dt.date
    description: Text = ""
    state: str
    origin: str | None = None
    journal: Journal = Field(alias="journal.")
    lines: tuple[MoveLine, ...] = Field((), alias="lines.")

    @property
    def cancels(self) -> bool:
        """Whether it cancels another one, of which it is a copy: our marker is that one's."""
        return (self.origin or "").startswith("account.move,")


class MatchedLine(Row):
    """A line of a reconciliation, and the movement that it belongs to."""

    FIELDS: ClassVar[tuple[str, ...]] = (
        "reconciliation", "move", "debit", "credit", "second_currency", "amount_second_currency",
        "invoice_payments",
    )  # fmt: skip

    reconciliation: int
    move: int
    debit: Decimal
    credit: Decimal
    second_currency: int | None = None
    amount_second_currency: Decimal | None = None
    invoice_payments: tuple[int, ...] = ()


class InvoiceMoves(Row):
    """The movements that belong to an invoice."""

    FIELDS: ClassVar[tuple[str, ...]] = (
        "type", "total_amount", "move", "cancel_move", "additional_moves",
    )  # fmt: skip

    type: str
    total_amount: Decimal
    move: int | None = None
    cancel_move: int | None = None
    additional_moves: tuple[int, ...] = ()


class Tax(Row):
    """`account.tax`; components are taxes of their own under their parent."""

    FIELDS: ClassVar[tuple[str, ...]] = (
        "_timestamp", "name", "description", "type", "rate", "active", "parent", "sequence",
        "update_unit_price", "invoice_account", "credit_note_account", "legal_notice",
        "group.kind",
        "childs.name", "childs.type", "childs.rate", "childs.update_unit_price",
    )  # fmt: skip

    name: str
    description: Text = ""
    type: str
    rate: Decimal | None = None
    active: bool = True
    parent: int | None = None
    sequence: int | None = None
    update_unit_price: bool = False
    invoice_account: int | None = None
    credit_note_account: int | None = None
    legal_notice: str | None = None
    group: Mapping[str, Any] | None = Field(None, alias="group.")
    childs: tuple["Tax", ...] = Field((), alias="childs.")


class Address(Row):
    """`party.address`."""

    street: Text = ""
    postal_code: Text = ""
    city: Text = ""
    country: Named | None = Field(None, alias="country.")
    subdivision: Mapping[str, Any] | None = Field(None, alias="subdivision.")
    invoice: bool = False


class Mechanism(Row):
    """`party.contact_mechanism`: an e-mail address, a telephone number ..."""

    type: str
    value: Text = ""


class Identifier(Row):
    """`party.identifier` and `product.identifier`; ours have no type and carry the marker."""

    type: str | None = None
    code: str


class Party(Row):
    """`party.party`."""

    FIELDS: ClassVar[tuple[str, ...]] = (
        "_timestamp", "name", "code", "active", "account_receivable", "account_payable",
        "addresses.street", "addresses.postal_code", "addresses.city", "addresses.country.code",
        "addresses.subdivision.name", "addresses.invoice",
        "contact_mechanisms.type", "contact_mechanisms.value",
        "identifiers.type", "identifiers.code",
    )  # fmt: skip

    name: Text = ""
    code: Text = ""
    active: bool = True
    account_receivable: int | None = None
    account_payable: int | None = None
    addresses: tuple[Address, ...] = Field((), alias="addresses.")
    contact_mechanisms: tuple[Mechanism, ...] = Field((), alias="contact_mechanisms.")
    identifiers: tuple[Identifier, ...] = Field((), alias="identifiers.")

    @property
    def in_use(self) -> bool:
        """Whether it is not archived."""
        return self.active


class Template(Row):
    """`product.template`: what the variants of a product have in common."""

    active: bool = True


class Product(Row):
    """`product.product`: what lines name; its template has the common fields."""

    FIELDS: ClassVar[tuple[str, ...]] = (
        "_timestamp", "name", "code", "description", "active", "list_price_used",
        "template._timestamp", "template.active", "default_uom.symbol", "identifiers.type",
        "identifiers.code",
    )  # fmt: skip

    name: str
    code: Text = ""
    description: Text = ""
    active: bool = True
    list_price_used: Decimal | None = None
    """The product's own price, or its template's."""
    template: Template = Field(alias="template.")
    default_uom: Named | None = Field(None, alias="default_uom.")
    identifiers: tuple[Identifier, ...] = Field((), alias="identifiers.")

    @property
    def written(self) -> str:
        """The version of what people edit."""
        return self.template.version

    @property
    def in_use(self) -> bool:
        """Whether neither it nor its template is archived."""
        return self.active and self.template.active


class FiscalPeriod(Row):
    """`account.period`; movements can be posted in an open one only."""

    FIELDS: ClassVar[tuple[str, ...]] = ("name", "start_date", "end_date", "state", "fiscalyear")

    name: str
    start_date: dt.date
    end_date: dt.date
    state: str
    fiscalyear: int

    @property
    def is_open(self) -> bool:
        """Whether something can be booked in it."""
        return self.state == "open"


class Sequences(Row):
    """`account.fiscalyear.invoice_sequence`: what numbers the invoices of a year or a period."""

    FIELDS: ClassVar[tuple[str, ...]] = (
        "fiscalyear", "period", "out_invoice_sequence", "out_credit_note_sequence",
    )  # fmt: skip

    fiscalyear: int
    period: int | None = None
    out_invoice_sequence: int
    out_credit_note_sequence: int


class Currency(Row):
    """`currency.currency`."""

    FIELDS: ClassVar[tuple[str, ...]] = ("code", "rounding")

    code: str
    rounding: Decimal


class Company(Row):
    """`company.company`."""

    FIELDS: ClassVar[tuple[str, ...]] = ("rec_name", "currency.code")

    rec_name: str
    currency: Named = Field(alias="currency.")
