"""Tax rates, with the components that some countries stack into one rate."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import StringConstraints

from models.canonical.money import Rate
from models.canonical.record import CanonicalRecord, ObjectType, RecordId, ShortText, Value


class TaxUse(StrEnum):
    """On which side a rate may be used."""

    SALES = "sales"
    PURCHASES = "purchases"
    BOTH = "both"


class TaxComponent(Value):
    """One of several taxes that make up a rate."""

    name: ShortText
    rate: Rate
    """Percent."""
    compound: bool = False
    """Whether it is levied on the net amount plus the components before it."""


class TaxRate(CanonicalRecord):
    """A rate that lines can be taxed with."""

    type: Literal[ObjectType.TAX_RATE] = ObjectType.TAX_RATE
    name: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    code: ShortText | None = None
    rate: Rate
    """Percent in effect (20 means 20 %); with components, what they come to together."""
    components: tuple[TaxComponent, ...] = ()
    use: TaxUse = TaxUse.BOTH
    category: ShortText | None = None
    """EN 16931 BT-151 (S, Z, E, AE, K, G, O ...) or the owner's own word."""
    account_id: RecordId | None = None
    active: bool = True
