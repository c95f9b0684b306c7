"""QuickBooks Online: invoices, bills, credits and their payments, over its accounting API.

Facts are from Intuit's developer pages and SDKs and from public integrations, read in November
2026; README.md says which of them nobody has been able to try.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from connectors.base import (
    READS,
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
from connectors.quickbooks.client import BATCH_SIZE, BATCHES, HOST, PAGE_SIZE, SANDBOX_HOST
from connectors.quickbooks.connector import QuickBooks
from connectors.quickbooks.settings import REALM, QuickBooksCredentials, QuickBooksSettings
from connectors.quickbooks.webhooks import read_app_webhook
from models.canonical import ContactRole, ObjectType

_LISTED = frozenset({Operation.CREATE, Operation.UPDATE})
_ALL = _LISTED | {Operation.VOID}
_CHANGED = PullSpec(PAGE_SIZE, Changes.MODIFIED_SINCE)
# Change data capture does not cover tax codes and rates.
_WHOLE = PullSpec(PAGE_SIZE, Changes.NONE)

_TYPES: Mapping[ObjectType, TypeSpec] = {
    ObjectType.LEDGER_ACCOUNT: TypeSpec(_CHANGED),
    ObjectType.TAX_RATE: TypeSpec(_WHOLE),
    ObjectType.CONTACT: TypeSpec(
        _CHANGED, PushSpec(_LISTED, BATCH_SIZE, len(ContactRole), "Notes")
    ),
    ObjectType.ITEM: TypeSpec(_CHANGED, PushSpec(_LISTED, BATCH_SIZE, 1, "Sku")),
    ObjectType.INVOICE: TypeSpec(_CHANGED, PushSpec(_ALL, BATCH_SIZE, 1, "PrivateNote")),
    ObjectType.BILL: TypeSpec(_CHANGED, PushSpec(_ALL, BATCH_SIZE, 1, "PrivateNote")),
    ObjectType.CREDIT_NOTE: TypeSpec(_CHANGED, PushSpec(_ALL, BATCH_SIZE, 1, "PrivateNote")),
    ObjectType.PAYMENT: TypeSpec(
        _CHANGED, PushSpec(_ALL, BATCH_SIZE, 1, "PrivateNote", credits=True)
    ),
    ObjectType.JOURNAL_ENTRY: TypeSpec(_CHANGED, PushSpec(_ALL, BATCH_SIZE, 1, "PrivateNote")),
}
_MONTH_SECONDS = 30 * 86_400
_BATCHES_PER_MINUTE = 40
_KEPT_FOR_PUSHES = 0.2


def _limits(reads_per_month: int | None) -> Limits:
    """What Intuit allows (page "limits and throttles", read 2026-11-20)."""
    batches = Window(
        60,
        _BATCHES_PER_MINUTE,
        for_reads=int(_BATCHES_PER_MINUTE * (1 - _KEPT_FOR_PUSHES)),
        counts=BATCHES,
    )
    more: tuple[Window, ...] = (batches,)
    if reads_per_month is not None:
        # All companies of our app count together. Our own look-ups are reads too.
        month = Window(
            _MONTH_SECONDS,
            reads_per_month,
            for_reads=max(1, int(reads_per_month * (1 - _KEPT_FOR_PUSHES))),
            counts=READS,
            scope=LimitScope.APP,
        )
        more = (batches, month)
    return Limits(
        per_second=10,
        per_minute=500,
        concurrent=1,
        in_flight=10,
        scope=LimitScope.TENANT,
        kept_for_pushes=_KEPT_FOR_PUSHES,
        more=more,
    )


def _for_settings(settings: ConnectorSettings) -> ConnectorSpec:
    """What a company's plan allows."""
    assert isinstance(settings, QuickBooksSettings)  # noqa: S101  # the spec's class
    return replace(SPEC, limits=_limits(settings.reads_per_month))


SPEC = ConnectorSpec(
    key="quickbooks",
    name="QuickBooks Online",
    types=_TYPES,
    build=QuickBooks,
    credentials=QuickBooksCredentials,
    settings=QuickBooksSettings,
    oauth=OAuthSpec(
        authorize_url="https://appcenter.intuit.com/connect/oauth2",
        token_url="https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer",  # noqa: S106  # an address
        scopes=("com.intuit.quickbooks.accounting",),
        unused_life=timedelta(days=100),
        callback_keeps=(REALM,),
    ),
    hosts=frozenset({HOST, SANDBOX_HOST}),
    default_base_url=f"https://{HOST}",
    limits=_limits(QuickBooksSettings().reads_per_month),
    # How long a `requestid` lives, and whether refusals do, is not documented.
    idempotency=Idempotency(remembered_for=timedelta(hours=1), replays_errors=True),
    # A call is cut after 120 seconds; what was written by then can be found.
    consistency_delay=timedelta(minutes=3),
    for_settings=_for_settings,
    read_app_webhook=read_app_webhook,
)
