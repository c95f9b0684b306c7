"""`/accounting_connections`: an entity's link to its accounting system."""

from collections.abc import Sequence
from uuid import UUID

from fastapi import APIRouter

from api.contract import (
    CONNECTIONS,
    PLATFORMS,
    Connection,
    ConnectionList,
    NewConnection,
    SyncStarted,
)
from api.deps import RuntimeOf, Scope, ScopeOf, VersionOf
from api.errors import invalid
from models.tables import ConnectionRow, ConnectionStatus
from sync import accounting, authorizing
from sync.catalogue import CONNECTION_CODES
from sync.errors import AccessDeniedError
from worker.runtime import Runtime

router = APIRouter(prefix=CONNECTIONS, tags=["accounting connections"])

_TO_BE_AUTHORIZED = {ConnectionStatus.PENDING_AUTH, ConnectionStatus.DEAUTHORIZED}


def _shown(runtime: Runtime, scope: Scope, rows: Sequence[ConnectionRow]) -> list[Connection]:
    with runtime.begin() as work:
        issues = work.contract.connection_issues([row.id for row in rows], sorted(CONNECTION_CODES))
    return [Connection.of(row, _url(runtime, scope, row), issues.get(row.id, [])) for row in rows]


def _url(runtime: Runtime, scope: Scope, row: ConnectionRow) -> str:
    """The URL is a key to the connection: only for those who may act on it."""
    if row.status not in _TO_BE_AUTHORIZED:
        return ""
    try:
        scope.require_acting()
        accounting.require_own(scope.caller, row.id)
    except AccessDeniedError:
        return ""
    return authorizing.connection_url(runtime.opener, row.id)


@router.get("")
def list_connections(runtime: RuntimeOf, scope: ScopeOf, _: VersionOf) -> ConnectionList:
    """The entity's connections; those that were disconnected are left out."""
    with runtime.begin() as work:
        rows = work.contract.connections(scope.entity_id)
    return ConnectionList(data=_shown(runtime, scope, rows))


@router.post("", status_code=201)
def create_connection(
    runtime: RuntimeOf, scope: ScopeOf, _: VersionOf, asked: NewConnection | None = None
) -> Connection:
    """Make a connection that waits for the consent of an entity user, at its `connection_url`."""
    scope.require_acting()
    accounting.refuse_second(runtime.engine, scope.entity_id)
    row = accounting.connect(
        runtime.engine,
        runtime.opener,
        scope.caller,
        scope.entity_id,
        _platform(asked.platform if asked else None),
    )
    return _shown(runtime, scope, [row])[0]


def _platform(asked: str | None) -> str:
    known = accounting.platforms()
    if asked is None:
        if len(known) == 1:
            return known[0]
        raise invalid(["body", "platform"], f"Field required: one of {', '.join(known)}", "missing")
    key = asked if asked in known else PLATFORMS.get(asked, asked)
    if key not in known:
        raise invalid(["body", "platform"], f"known are {', '.join(known)}", "enum")
    return key


@router.get("/{connection_id}")
def read_connection(
    connection_id: UUID, runtime: RuntimeOf, scope: ScopeOf, _: VersionOf
) -> Connection:
    """One connection, disconnected or not."""
    with runtime.begin() as work:
        row = accounting.connection_of(work, scope.entity_id, connection_id)
    return _shown(runtime, scope, [row])[0]


@router.post("/{connection_id}/disconnect")
def disconnect(connection_id: UUID, runtime: RuntimeOf, scope: ScopeOf, _: VersionOf) -> Connection:
    """End a connection; the entity may then connect another system."""
    scope.require_acting()
    row = accounting.disconnect(runtime.engine, scope.caller, scope.entity_id, connection_id)
    return _shown(runtime, scope, [row])[0]


@router.post("/{connection_id}/sync", status_code=202)
def sync(connection_id: UUID, runtime: RuntimeOf, scope: ScopeOf, _: VersionOf) -> SyncStarted:
    """Start a sync, unless one goes on already; `last_pull` of the connection tells its end."""
    scope.require_acting()
    run_id = accounting.sync_now(runtime.engine, scope.caller, scope.entity_id, connection_id)
    return SyncStarted(message="The sync of the connection was started.", run_id=run_id)
