"""Apideck: one accounting API in front of some forty ledgers, each with its own quirks.

Facts are from the accounting document 10.34.0, the SDK 0.52.0 and the developer guides, read in
November 2026; README.md says which of them nobody has been able to try.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from connectors.apideck.client import LONG_RUNNING, UNIFY
from connectors.apideck.connector import Apideck
from connectors.apideck.services import PAGE_SIZE, RESOURCES, WHOLE, Service, service
from connectors.apideck.settings import ApideckCredentials, ApideckSettings
from connectors.apideck.webhooks import read_webhook
from connectors.base import (
    Changes,
    ConnectorSettings,
    ConnectorSpec,
    Limits,
    LimitScope,
    PullSpec,
    PushSpec,
    TypeSpec,
)
from models.canonical import ContactRole, ObjectType

_MARKERS = {
    ObjectType.CONTACT: "notes",
    ObjectType.ITEM: "code",
    ObjectType.INVOICE: "reference",
    ObjectType.BILL: "reference",
    ObjectType.CREDIT_NOTE: "reference",
    ObjectType.PAYMENT: "reference",
    ObjectType.JOURNAL_ENTRY: "memo",
}
_STEPS = {ObjectType.CONTACT: len(ContactRole)}


def _types(ledger: Service) -> Mapping[ObjectType, TypeSpec]:
    found = {}
    for kind, resources in RESOURCES.items():
        lists = set(resources) - ledger.missing
        if not lists:
            continue
        whole = bool(lists & ledger.whole)
        changes = Changes.NONE if whole else Changes.MODIFIED_SINCE
        writes = ledger.writes.get(kind)
        marker = ledger.marker.value if kind is ObjectType.PAYMENT else _MARKERS.get(kind, "")
        push = PushSpec(writes, 1, _STEPS.get(kind, 1), marker) if writes else None
        found[kind] = TypeSpec(PullSpec(ledger.page_size, changes), push)
    return found


def _for_settings(settings: ConnectorSettings) -> ConnectorSpec:
    """What the ledger that a connection names can do."""
    assert isinstance(settings, ApideckSettings)  # noqa: S101  # the spec's class
    ledger = service(settings.service_id)
    delay = timedelta(minutes=5) if ledger.applies_later else SPEC.consistency_delay
    return replace(SPEC, types=_types(ledger), consistency_delay=delay)


SPEC = ConnectorSpec(
    key="apideck",
    name="Apideck",
    types=_types(Service(writes=WHOLE, page_size=PAGE_SIZE)),
    build=Apideck,
    credentials=ApideckCredentials,
    settings=ApideckSettings,
    hosts=frozenset({UNIFY, LONG_RUNNING}),
    default_base_url=f"https://{UNIFY}",
    # Apideck states no figures; calls that meet while it renews a ledger's token may get a 401.
    limits=Limits(concurrent=1, in_flight=1, scope=LimitScope.TENANT),
    # Keys exist for some writes only, and not for payments: look-ups decide for all.
    idempotency=None,
    # Twice the longest request, and what a ledger's own list may lag behind.
    consistency_delay=timedelta(minutes=2),
    for_settings=_for_settings,
    read_webhook=read_webhook,
)
