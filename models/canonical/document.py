"""What invoices, bills and credit notes share: the semantic model of EN 16931.

Stated amounts are kept and never recomputed: in real documents price x quantity often differs
from the line's net amount, and tax summed by line from tax by rate. What must hold is checked
in `models.canonical.checks`, to the cent.
"""

import datetime as dt
from enum import StrEnum
from typing import ClassVar, Literal

from models.canonical.ledger import DimensionTag
from models.canonical.money import ZERO, Amount, Currency, Price, Quantity, Rate
from models.canonical.record import CanonicalRecord, LongText, RecordId, ShortText, Value


class DocumentStatus(StrEnum):
    """States that we know; a ledger may have others, which pass as they are."""

    DRAFT = "draft"
    OPEN = "open"
    PARTIALLY_PAID = "partially_paid"
    PAID = "paid"
    VOID = "void"


class Side(StrEnum):
    """Whether a document or payment concerns customers or suppliers."""

    CUSTOMER = "customer"
    SUPPLIER = "supplier"


class AllowanceCharge(Value):
    """A discount (allowance) or a surcharge on a line (BG-27, BG-28) or document (BG-20, BG-21)."""

    kind: Literal["allowance", "charge"]
    amount: Amount
    """Without tax, always positive (BT-92, BT-99, BT-136, BT-141)."""
    reason: ShortText | None = None
    percent: Rate | None = None
    base_amount: Amount | None = None
    tax_rate: Rate | None = None
    tax_rate_id: RecordId | None = None
    tax_category: ShortText | None = None
    account_id: RecordId | None = None


class Line(Value):
    """One line (BG-25). `net_amount` is what counts; price and quantity explain it."""

    id: RecordId | None = None
    description: LongText
    quantity: Quantity = Quantity(1)
    """BT-129."""
    unit: ShortText | None = None
    unit_price: Price
    """Net price of `price_base_quantity` units (BT-146)."""
    price_base_quantity: Quantity = Quantity(1)
    """BT-149."""
    allowances_charges: tuple[AllowanceCharge, ...] = ()
    net_amount: Amount
    """BT-131: after the line's allowances and charges, without tax."""
    tax_rate: Rate | None = None
    """Percent (BT-152); 20 means 20 %."""
    tax_category: ShortText | None = None
    """BT-151."""
    tax_rate_id: RecordId | None = None
    """The owner's id of the rate; goes before the percentage when rates are matched."""
    tax_amount: Amount | None = None
    account_id: RecordId | None = None
    item_id: RecordId | None = None
    dimensions: tuple[DimensionTag, ...] = ()


class TaxSubtotal(Value):
    """The tax of one category and rate (BG-23)."""

    taxable_amount: Amount
    """BT-116."""
    tax_amount: Amount
    """BT-117."""
    rate: Rate = ZERO
    """Percent (BT-119)."""
    category: ShortText | None = None
    """BT-118."""
    tax_rate_id: RecordId | None = None
    exemption_reason: ShortText | None = None


class BillingDocument(CanonicalRecord):
    """The fields that invoices, bills and credit notes have in common.

    Sums that are not stated (None) are not checked; those that are stated must hold.
    """

    derived: ClassVar[frozenset[str]] = frozenset({"balance"})

    number: ShortText | None = None
    """BT-1: the number on the document."""
    reference: ShortText | None = None
    """The buyer's reference (BT-10)."""
    order_number: ShortText | None = None
    """BT-13."""
    issue_date: dt.date
    """BT-2."""
    due_date: dt.date | None = None
    """BT-9."""
    tax_point_date: dt.date | None = None
    """BT-7."""
    currency: Currency
    """BT-5."""
    currency_rate: Rate | None = None
    """Units of the books' base currency for one unit of `currency`."""
    contact_id: RecordId
    """The buyer of an invoice (BG-7), the seller of a bill (BG-4)."""
    status: ShortText = DocumentStatus.OPEN
    note: LongText | None = None
    """BT-22."""
    lines: tuple[Line, ...]
    allowances_charges: tuple[AllowanceCharge, ...] = ()
    tax_breakdown: tuple[TaxSubtotal, ...] = ()

    line_total: Amount | None = None
    """BT-106: the lines' net amounts together."""
    allowance_total: Amount | None = None
    """BT-107."""
    charge_total: Amount | None = None
    """BT-108."""
    net_total: Amount
    """BT-109: without tax."""
    tax_total: Amount
    """BT-110."""
    total: Amount
    """BT-112: with tax."""
    prepaid_amount: Amount = ZERO
    """BT-113."""
    rounding_amount: Amount = ZERO
    """BT-114."""
    payable_amount: Amount | None = None
    """BT-115."""

    balance: Amount | None = None
    """What is still open, as the ledger has it."""

    @property
    def payable(self) -> Amount:
        """What was to be paid when the document was issued: stated, else derived."""
        if self.payable_amount is not None:
            return self.payable_amount
        return self.total - self.prepaid_amount + self.rounding_amount
