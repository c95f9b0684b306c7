"""Items: the products and services that lines may name."""

from typing import Annotated, Literal

from pydantic import StringConstraints

from models.canonical.money import Currency, Price, Rate
from models.canonical.record import CanonicalRecord, LongText, ObjectType, RecordId, ShortText


class Item(CanonicalRecord):
    """A product or service (EN 16931 BG-31)."""

    type: Literal[ObjectType.ITEM] = ObjectType.ITEM
    name: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    code: ShortText | None = None
    description: LongText | None = None
    unit: ShortText | None = None
    unit_price: Price | None = None
    currency: Currency | None = None
    tax_rate: Rate | None = None
    """Percent (20 means 20 %)."""
    sales_account_id: RecordId | None = None
    purchase_account_id: RecordId | None = None
    active: bool = True
