"""Qargo: a transport management system whose billing documents wait to be posted in a ledger.

A source: it gives a list of what waits, and is told what became of each document. Facts are from
the public OpenAPI description of the Qargo TMS API 1.2.0 and its help pages, read 2026-11-20 and
2026-11-21; see README.md.
"""

from collections.abc import Mapping

from connectors.base import (
    REPORTS,
    Changes,
    ConnectorSpec,
    Limits,
    LimitScope,
    PullSpec,
    PushSpec,
    Role,
    TypeSpec,
)
from connectors.qargo.client import sign_in
from connectors.qargo.connector import LIST_PAGE_SIZE, TASKS_A_PAGE, Qargo
from connectors.qargo.settings import QargoCredentials, QargoSettings
from models.canonical import ObjectType

__all__ = ["SPEC", "sign_in"]

_LIST = TypeSpec(PullSpec(LIST_PAGE_SIZE, Changes.NONE))
_DOCUMENT = TypeSpec(
    PullSpec(TASKS_A_PAGE, Changes.WAITING),
    PushSpec(REPORTS, batch_size=1),
)

_TYPES: Mapping[ObjectType, TypeSpec] = {
    ObjectType.LEDGER_ACCOUNT: _LIST,
    ObjectType.TAX_RATE: _LIST,
    ObjectType.INVOICE: _DOCUMENT,
    ObjectType.BILL: _DOCUMENT,
    ObjectType.CREDIT_NOTE: _DOCUMENT,
}

SPEC = ConnectorSpec(
    key="qargo",
    name="Qargo",
    types=_TYPES,
    build=Qargo,
    credentials=QargoCredentials,
    settings=QargoSettings,
    roles=frozenset({Role.SOURCE}),
    sign_in=sign_in,
    hosts=frozenset({"api.qargo.com"}),
    default_base_url="https://api.qargo.com",
    # "2 requests per second (sustained); up to 3 per second (bursts)", for the whole tenant.
    limits=Limits(per_second=2, burst=3, scope=LimitScope.TENANT),
)
