"""Tryton: a complete, self-hosted accounting server, over JSON-RPC.

Facts were read in the modules of Tryton 8.2 and seen on trytond 8.2.1; see README.md.
"""

from collections.abc import Mapping
from datetime import timedelta

from connectors.base import (
    Changes,
    ConnectorSpec,
    Limits,
    Operation,
    PullSpec,
    PushSpec,
    TypeSpec,
)
from connectors.tryton.connector import Tryton
from connectors.tryton.pull import PAGE_SIZE
from connectors.tryton.settings import ROUNDING_TOLERANCE, TrytonCredentials, TrytonSettings
from models.canonical import ObjectType

# What is in the books is frozen; until then an edit still reaches the draft.
_CHANGE = frozenset({Operation.CREATE, Operation.UPDATE})
_VOID = _CHANGE | {Operation.VOID}
_BATCH = 50
_WHOLE_LIST = PullSpec(PAGE_SIZE, Changes.NONE)
_CHANGED = PullSpec(PAGE_SIZE, Changes.MODIFIED_SINCE)

_TYPES: Mapping[ObjectType, TypeSpec] = {
    ObjectType.LEDGER_ACCOUNT: TypeSpec(_WHOLE_LIST),
    ObjectType.TAX_RATE: TypeSpec(_WHOLE_LIST),
    ObjectType.CONTACT: TypeSpec(_CHANGED, PushSpec(_CHANGE, _BATCH, marker="identifiers.code")),
    ObjectType.ITEM: TypeSpec(_CHANGED, PushSpec(_CHANGE, _BATCH, marker="identifiers.code")),
    ObjectType.INVOICE: TypeSpec(_CHANGED, PushSpec(_VOID, _BATCH, 2, "description")),
    ObjectType.BILL: TypeSpec(_CHANGED, PushSpec(_VOID, _BATCH, 2, "description")),
    ObjectType.CREDIT_NOTE: TypeSpec(_CHANGED, PushSpec(_VOID, _BATCH, 2, "description")),
    ObjectType.PAYMENT: TypeSpec(_CHANGED, PushSpec(_CHANGE, _BATCH, 3, "description")),
    ObjectType.JOURNAL_ENTRY: TypeSpec(_CHANGED, PushSpec(_CHANGE, _BATCH, 2, "description")),
}

SPEC = ConnectorSpec(
    key="tryton",
    name="Tryton",
    types=_TYPES,
    build=Tryton,
    credentials=TrytonCredentials,
    settings=TrytonSettings,
    # Tryton numbers movements and invoices one after the other: more ways in do not go faster.
    limits=Limits(concurrent=1),
    # Longer than Tryton works on a request whose client has gone (`request.timeout`: 60 s).
    consistency_delay=timedelta(minutes=2),
    rounding_tolerance=ROUNDING_TOLERANCE,
)
