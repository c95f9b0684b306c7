"""Plain ledger: an accounting system kept in memory and spoken to over HTTP.

It is for trying Ledgerbridge out and for its own tests: `simulator.PlainLedger` can behave like
every kind of provider. README.md describes the API.
"""

from datetime import timedelta

from pydantic import BaseModel

from connectors.auth import OAuthTokens
from connectors.base import (
    Changes,
    ConnectorSpec,
    Idempotency,
    Limits,
    OAuthSpec,
    Operation,
    PullSpec,
    PushSpec,
    TypeSpec,
)
from connectors.memory.connector import (
    PAGE_SIZE,
    MemoryClientCredentials,
    MemoryConnector,
    MemoryCredentials,
    MemorySettings,
    sign_in,
)
from connectors.memory.webhooks import read_app_webhook, read_webhook
from models.canonical import ObjectType

_MASTER = frozenset({Operation.CREATE, Operation.UPDATE})
_POSTED = frozenset({Operation.CREATE, Operation.UPDATE, Operation.VOID})
_OPERATIONS = {
    ObjectType.CONTACT: _MASTER,
    ObjectType.ITEM: _MASTER,
    ObjectType.INVOICE: _POSTED,
    ObjectType.BILL: _POSTED,
    ObjectType.CREDIT_NOTE: _POSTED,
    ObjectType.JOURNAL_ENTRY: _POSTED,
    ObjectType.PAYMENT: frozenset({Operation.CREATE, Operation.VOID}),
}


def plain_ledger_spec(
    *,
    batch_size: int = 25,
    page_size: int = PAGE_SIZE,
    two_steps: bool = False,
    frozen_when_posted: bool = False,
    remembers_keys: timedelta | None = None,
    replays_errors: bool = False,
    consistency_delay: timedelta = timedelta(seconds=2),
    per_minute: int | None = None,
    concurrent: int = 4,
    oauth: OAuthSpec | None = None,
    signs_in: bool = False,
) -> ConnectorSpec:
    """The spec of a plain ledger that behaves in a certain way; the defaults are the usual one."""
    credentials: type[BaseModel] = OAuthTokens if oauth else MemoryCredentials
    if signs_in:
        credentials = MemoryClientCredentials
    pull = PullSpec(page_size=page_size, changes=Changes.CURSOR)
    types = {kind: TypeSpec(pull=pull) for kind in ObjectType}
    for kind, operations in _OPERATIONS.items():
        posted = operations is _POSTED
        if posted and frozen_when_posted:
            operations -= {Operation.UPDATE}
        push = PushSpec(
            credits=kind is ObjectType.PAYMENT,
            operations=operations,
            batch_size=batch_size,
            steps=2 if posted and two_steps else 1,
            marker="marker",
        )
        types[kind] = TypeSpec(pull=pull, push=push)
    return ConnectorSpec(
        key="memory",
        name="Plain ledger",
        types=types,
        build=MemoryConnector,
        credentials=credentials,
        oauth=oauth,
        sign_in=sign_in if signs_in else None,
        settings=MemorySettings,
        read_webhook=read_webhook if credentials is MemoryCredentials else None,
        read_app_webhook=read_app_webhook,
        limits=Limits(per_minute=per_minute, concurrent=concurrent),
        idempotency=Idempotency(remembers_keys, replays_errors) if remembers_keys else None,
        consistency_delay=consistency_delay,
    )


SPEC = plain_ledger_spec()
