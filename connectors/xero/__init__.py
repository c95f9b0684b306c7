"""Xero: documents, payments and ledgers over the Accounting API.

Facts are from Xero's developer pages, its OpenAPI document 16.1.0 and its SDKs, as of November
2026; README.md says which of them nobody has been able to try.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from connectors.auth import OAuthTokens
from connectors.base import (
    Changes,
    ConnectorSettings,
    ConnectorSpec,
    Idempotency,
    Limits,
    LimitScope,
    OAuthSpec,
    Operation,
    PullSpec,
    PushSpec,
    TypeSpec,
    Window,
)
from connectors.xero.client import BATCH_SIZE, IDS_AT_ONCE, PAGE_SIZE
from connectors.xero.connector import Xero, leave
from connectors.xero.settings import STARTER_CALLS_PER_DAY, XeroSettings
from connectors.xero.webhooks import read_app_webhook
from models.canonical import ObjectType

_CHANGE = frozenset({Operation.CREATE, Operation.UPDATE})
_REPLACE = _CHANGE | {Operation.VOID}
_PAY = frozenset({Operation.CREATE, Operation.VOID})
_WHOLE_LIST = PullSpec(PAGE_SIZE, Changes.NONE)
_CHANGED = PullSpec(PAGE_SIZE, Changes.MODIFIED_SINCE)
# The documents of a batch of payments are read with one call.
_PAYMENTS = PushSpec(_PAY, IDS_AT_ONCE, marker="Reference", refunds=True)

_TYPES: Mapping[ObjectType, TypeSpec] = {
    ObjectType.LEDGER_ACCOUNT: TypeSpec(_WHOLE_LIST),
    ObjectType.TAX_RATE: TypeSpec(_WHOLE_LIST),
    ObjectType.CONTACT: TypeSpec(_CHANGED, PushSpec(_CHANGE, BATCH_SIZE, marker="ContactNumber")),
    ObjectType.ITEM: TypeSpec(_WHOLE_LIST, PushSpec(_CHANGE, BATCH_SIZE, marker="Code")),
    ObjectType.INVOICE: TypeSpec(_CHANGED, PushSpec(_REPLACE, BATCH_SIZE, marker="Url")),
    ObjectType.BILL: TypeSpec(_CHANGED, PushSpec(_REPLACE, BATCH_SIZE, marker="Url")),
    ObjectType.CREDIT_NOTE: TypeSpec(_CHANGED, PushSpec(_REPLACE, BATCH_SIZE, marker="Reference")),
    ObjectType.PAYMENT: TypeSpec(_CHANGED, _PAYMENTS),
    ObjectType.JOURNAL_ENTRY: TypeSpec(_CHANGED, PushSpec(_REPLACE, BATCH_SIZE, marker="Url")),
}
_APP_MINUTE = Window(60, 10_000, 8_000, "X-AppMinLimit-Remaining", scope=LimitScope.APP)
_KEY_LIFE = timedelta(minutes=6)


def _limits(calls_per_day: int) -> Limits:
    return Limits(
        per_minute=60,
        per_day=calls_per_day,
        concurrent=4,
        in_flight=5,
        scope=LimitScope.TENANT,
        minute_left_header="X-MinLimit-Remaining",
        day_left_header="X-DayLimit-Remaining",
        more=(_APP_MINUTE,),
    )


def _for_settings(settings: ConnectorSettings) -> ConnectorSpec:
    """Plans differ in how many calls a day they allow."""
    assert isinstance(settings, XeroSettings)  # noqa: S101  # the spec's class
    return replace(SPEC, limits=_limits(settings.calls_per_day))


SPEC = ConnectorSpec(
    key="xero",
    name="Xero",
    types=_TYPES,
    build=Xero,
    credentials=OAuthTokens,
    settings=XeroSettings,
    oauth=OAuthSpec(
        authorize_url="https://login.xero.com/identity/connect/authorize",
        token_url="https://identity.xero.com/connect/token",  # noqa: S106  # an address
        scopes=(
            "offline_access",
            "accounting.invoices",
            "accounting.payments",
            "accounting.contacts",
            "accounting.settings",
            "accounting.manualjournals",
        ),
        unused_life=timedelta(days=60),
    ),
    hosts=frozenset({"api.xero.com"}),
    default_base_url="https://api.xero.com",
    limits=_limits(STARTER_CALLS_PER_DAY),
    idempotency=Idempotency(remembered_for=_KEY_LIFE, replays_errors=True),
    # A key repeats an internal error for as long as it lives: nothing that was looked up and not
    # found is sent again before the key of the first try has ended.
    consistency_delay=_KEY_LIFE + timedelta(minutes=1),
    for_settings=_for_settings,
    read_app_webhook=read_app_webhook,
    leave=leave,
)
