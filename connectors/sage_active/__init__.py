"""Sage Active: accounting for France, Spain and Germany, over GraphQL.

Facts are from Sage's developer pages as of the releases of June and July 2026 and from public
integrations; README.md says which of them nobody has been able to try.
"""

from collections.abc import Mapping
from datetime import timedelta

from connectors.base import (
    Changes,
    ConnectorSpec,
    Limits,
    LimitScope,
    OAuthSpec,
    Operation,
    PullSpec,
    PushSpec,
    TypeSpec,
)
from connectors.sage_active.client import PAGE_SIZE
from connectors.sage_active.connector import SageActive
from connectors.sage_active.settings import (
    ROUNDING_TOLERANCE,
    SageActiveCredentials,
    SageActiveSettings,
)
from models.canonical import ObjectType

_CREATE = frozenset({Operation.CREATE})
# What is numbered or posted is frozen; until then an edit still reaches the draft.
_CHANGE = _CREATE | {Operation.UPDATE}
_REPLACE = _CHANGE | {Operation.VOID}
# The API has no batch calls, and Sage numbers documents one after the other.
_ONE = 1
_WHOLE_LIST = PullSpec(PAGE_SIZE, Changes.NONE)
_CHANGED = PullSpec(PAGE_SIZE, Changes.MODIFIED_SINCE)

_TYPES: Mapping[ObjectType, TypeSpec] = {
    ObjectType.LEDGER_ACCOUNT: TypeSpec(_WHOLE_LIST),
    ObjectType.TAX_RATE: TypeSpec(_WHOLE_LIST),
    ObjectType.CONTACT: TypeSpec(_CHANGED, PushSpec(_CHANGE, _ONE, 2, "comments")),
    ObjectType.ITEM: TypeSpec(_CHANGED, PushSpec(_CHANGE, _ONE, 1, "comments")),
    ObjectType.INVOICE: TypeSpec(_CHANGED, PushSpec(_CHANGE, _ONE, 3, "externalReference")),
    ObjectType.BILL: TypeSpec(_CHANGED, PushSpec(_CHANGE, _ONE, 2, "supplierId, invoiceNumber")),
    ObjectType.CREDIT_NOTE: TypeSpec(_CHANGED, PushSpec(_CREATE, _ONE, 4, "description")),
    ObjectType.PAYMENT: TypeSpec(_CHANGED, PushSpec(_CREATE, _ONE, 1, "documentNumber")),
    ObjectType.JOURNAL_ENTRY: TypeSpec(_CHANGED, PushSpec(_REPLACE, _ONE, 1, "description")),
}

SPEC = ConnectorSpec(
    key="sage_active",
    name="Sage Active",
    types=_TYPES,
    build=SageActive,
    credentials=SageActiveCredentials,
    settings=SageActiveSettings,
    oauth=OAuthSpec(
        authorize_url="https://sbcauth.sage.fr/connect/authorize",
        token_url="https://sbcauth.sage.fr/connect/token",  # noqa: S106  # an address
        scopes=("RDSA", "WDSA", "offline_access"),
        secret_in_body=True,
    ),
    hosts=frozenset({f"api.{country}.active.sage.com" for country in ("fr", "es", "de")}),
    # All connections of one installation are one app to Sage.
    limits=Limits(per_minute=3000, concurrent=1, in_flight=10, scope=LimitScope.APP),
    # How soon a list shows what was written is not documented.
    consistency_delay=timedelta(minutes=2),
    rounding_tolerance=ROUNDING_TOLERANCE,
)
