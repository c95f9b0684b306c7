"""SoftwareOne Marketplace: billing documents of clients, vendors and operations, over REST.

A source: a client's invoices become bills, those of an operations account sales invoices; a vendor
hands charges in (`usage`). Facts are from the public pages and descriptions of the Billing API, read
2026-11-20; README.md says which of them nobody has been able to try.
"""

from collections.abc import Mapping
from dataclasses import replace

from connectors.base import (
    Changes,
    ConnectorSettings,
    ConnectorSpec,
    Limits,
    LimitScope,
    PullSpec,
    Role,
    TypeSpec,
)
from connectors.softwareone.client import PAGE_SIZE
from connectors.softwareone.connector import SoftwareOne, read_types
from connectors.softwareone.settings import (
    AccountRole,
    SoftwareOneCredentials,
    SoftwareOneSettings,
)
from connectors.softwareone.uploads import UPLOADS
from models.canonical import ObjectType

_LISTED = TypeSpec(PullSpec(PAGE_SIZE, Changes.MODIFIED_SINCE))
_TYPES: Mapping[ObjectType, TypeSpec] = dict.fromkeys(
    (ObjectType.INVOICE, ObjectType.BILL, ObjectType.CREDIT_NOTE, ObjectType.JOURNAL_ENTRY), _LISTED
)


def _for_settings(settings: ConnectorSettings) -> ConnectorSpec:
    """What the account's role and the settings leave."""
    assert isinstance(settings, SoftwareOneSettings)  # noqa: S101  # the spec's class
    vendor = settings.account_role is AccountRole.VENDOR
    types = dict.fromkeys(sorted(read_types(settings)), _LISTED)
    return replace(SPEC, types=types, uploads=UPLOADS if vendor else None)


SPEC = ConnectorSpec(
    key="softwareone",
    name="SoftwareOne Marketplace",
    types=_TYPES,
    build=SoftwareOne,
    credentials=SoftwareOneCredentials,
    settings=SoftwareOneSettings,
    roles=frozenset({Role.SOURCE}),
    hosts=frozenset({"api.platform.softwareone.com", "api.s1.show"}),
    default_base_url="https://api.platform.softwareone.com",
    # No figures are published anywhere: one list after the other.
    limits=Limits(in_flight=2, scope=LimitScope.TENANT),
    for_settings=_for_settings,
    uploads=UPLOADS,
)
