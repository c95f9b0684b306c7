"""Bills: what the billing entity owes to its suppliers."""

from typing import Literal

from models.canonical.document import BillingDocument
from models.canonical.record import ObjectType


class Bill(BillingDocument):
    """A supplier's invoice; `number` is the supplier's."""

    type: Literal[ObjectType.BILL] = ObjectType.BILL
