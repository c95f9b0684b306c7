"""Invoices: what our customer's customers owe."""

from typing import Literal

from models.canonical.document import BillingDocument
from models.canonical.record import ObjectType


class Invoice(BillingDocument):
    """A sales invoice."""

    type: Literal[ObjectType.INVOICE] = ObjectType.INVOICE
