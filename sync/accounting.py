"""The accounting contract's actions: for one billing entity, and safe to repeat.

Clients repeat requests whose answer they did not get, and bring no key: asking twice must come
to the same as asking once.
"""

from uuid import UUID

from connectors import registry
from connectors.base import Role
from models.canonical import ObjectType
from models.repositories import PulledRow, RecordLine
from models.status import IN_PROGRESS, RETRYABLE, SyncStatus
from models.tables import ConnectionRow, ConnectionStatus
from models.unit_of_work import UnitOfWork
from sync import authorizing, connections, control, runs
from sync.access import Caller
from sync.engine import Engine
from sync.errors import AccessDeniedError, NotAllowedError, NotFoundError
from sync.opener import Opener


def connection_of(work: UnitOfWork, billing_entity_id: UUID, connection_id: UUID) -> ConnectionRow:
    """A ledger connection of a billing entity.

    Raises:
        NotFoundError: There is none with that id, or it is another entity's.
    """
    row = work.contract.connection(billing_entity_id, connection_id)
    if row is None:
        raise NotFoundError(f"there is no accounting connection {connection_id}")
    return row


def record_of(work: UnitOfWork, billing_entity_id: UUID, record_id: UUID) -> RecordLine:
    """A synced record of a billing entity.

    Raises:
        NotFoundError: There is none with that id, or it is another entity's.
    """
    row = work.contract.record(billing_entity_id, record_id)
    if row is None:
        raise NotFoundError(f"there is no synced record {record_id}")
    return row


def reference_of(
    work: UnitOfWork, billing_entity_id: UUID, kind: ObjectType, document_id: UUID
) -> PulledRow:
    """A tax rate or an account of a billing entity's ledger.

    Raises:
        NotFoundError: There is none with that id, or it is another ledger's.
    """
    row = work.contract.pulled_one(billing_entity_id, kind, document_id)
    if row is None:
        raise NotFoundError(f"there is no {kind.words} {document_id}")
    return row


def require_own(caller: Caller, connection_id: UUID) -> None:
    """Refuse an integration that acts on a connection that is not its own.

    Raises:
        AccessDeniedError: It would.
    """
    if caller.integration and caller.connection_id != connection_id:
        raise AccessDeniedError(
            "credential_not_linked",
            "this API client belongs to another connection: use the client of this one",
        )


def platforms() -> list[str]:
    """The providers that can be somebody's accounting system."""
    specs = map(registry.spec, registry.known())
    return [spec.key for spec in specs if Role.LEDGER in spec.roles and not spec.by_others]


def connect(
    engine: Engine, opener: Opener, caller: Caller, billing_entity_id: UUID, provider: str
) -> ConnectionRow:
    """Make a connection that waits for its authorization.

    Raises:
        NotAllowedError: The entity has a ledger that is not disconnected.
        AccessDeniedError: The caller acts for one connection only.
    """
    if caller.integration:
        raise AccessDeniedError(
            "credential_not_linked",
            "an API client of a connection cannot make another one: use a client of the "
            "organisation with the scope `manage`",
        )
    return authorizing.begin(
        engine,
        opener,
        billing_entity_id=billing_entity_id,
        provider=provider,
        actor=caller.actor,
    )


def refuse_second(engine: Engine, billing_entity_id: UUID) -> None:
    """Say so before anything else about a request is looked at.

    Raises:
        NotAllowedError: It has one.
    """
    with engine.begin() as work:
        connections.refuse_second_ledger(work, billing_entity_id, Role.LEDGER)


def sync_now(engine: Engine, caller: Caller, billing_entity_id: UUID, connection_id: UUID) -> UUID:
    """Queue a run, unless one is queued or running already; the run's id.

    Raises:
        NotFoundError: There is no such connection.
        NotAllowedError: It is not connected.
    """
    with engine.begin() as work:
        connection = connection_of(work, billing_entity_id, connection_id)
        require_own(caller, connection_id)
        return runs.trigger_for(work, engine, connection)


def disconnect(
    engine: Engine, caller: Caller, billing_entity_id: UUID, connection_id: UUID
) -> ConnectionRow:
    """End a connection; one that has ended stays as it is.

    Raises:
        NotFoundError: There is no such connection.
    """
    with engine.begin() as work:
        row = connection_of(work, billing_entity_id, connection_id)
    require_own(caller, connection_id)
    if row.status is not ConnectionStatus.DISCONNECTED:
        connections.disconnect(engine, connection_id, actor=caller.actor)
    with engine.begin() as work:
        return connection_of(work, billing_entity_id, connection_id)


def push_again(
    engine: Engine, caller: Caller, billing_entity_id: UUID, record_id: UUID
) -> RecordLine:
    """Queue a record, by what it is.

    What failed or waits goes to the front. What is done is sent again only as an update, and only
    if its document was edited since. What is under way or unclear, and what a person settled or
    skipped, stays as it is.

    Raises:
        NotFoundError: There is no such record.
        NotAllowedError: Its connection is not connected.
    """
    with engine.begin() as work:
        line = record_of(work, billing_entity_id, record_id)
        connection = connection_of(work, billing_entity_id, line.connection_id)
    require_own(caller, line.connection_id)
    if connection.status is not ConnectionStatus.CONNECTED:
        raise NotAllowedError(
            f"the connection is {connection.status.value}, so nothing can be pushed to it"
        )
    if line.status is SyncStatus.DONE:
        _update(engine, caller, line)
    elif line.status in RETRYABLE - {SyncStatus.SKIPPED}:
        _retry(engine, caller, line)
    with engine.begin() as work:
        return record_of(work, billing_entity_id, record_id)


def _update(engine: Engine, caller: Caller, line: RecordLine) -> None:
    with engine.begin() as work:
        if work.contract.queue_update(line.id):
            work.audit.add(caller.actor, "retry", str(line.id), update=True)
            work.after_commit(lambda: engine.hints.push(line.connection_id))


def _retry(engine: Engine, caller: Caller, line: RecordLine) -> None:
    try:
        control.retry(engine, record_id=line.id, actor=caller.actor)
    except NotAllowedError:
        with engine.begin() as work:
            now = control.record_line(work, line.id).status
        # A worker was quicker: it is on its way, which is what was asked for.
        if now not in IN_PROGRESS | {SyncStatus.DONE}:
            raise
