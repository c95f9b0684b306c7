"""Which billing entity a document belongs to, and which entities a connection acts for.

Both change who may post: a document that is moved, or an entity that is linked elsewhere, takes
its open tasks along. What is posted, or may be on its way, stays where it is.
"""

from collections.abc import Sequence
from uuid import UUID

from models.repositories.waiting import Movable
from models.tables import BillingEntityRow, ConnectionRow, ConnectionStatus
from models.unit_of_work import UnitOfWork
from sync import connections
from sync.access import Caller, Scope
from sync.engine import Engine
from sync.errors import (
    AccessDeniedError,
    ConflictError,
    InvalidInputError,
    NotAllowedError,
    NotFoundError,
)


def move(engine: Engine, caller: Caller, document_id: UUID, billing_entity_id: UUID) -> None:
    """Give a document to another billing entity of its organisation.

    People decide that: the credential must be one of the organisation that may manage.

    Raises:
        NotFoundError: There is no such document or entity.
        AccessDeniedError: The credential may not.
        ConflictError: It is posted, on its way, archived or taken; nothing was changed.
    """
    with engine.begin() as work:
        document = work.waiting.movable(document_id, caller.organisation_id)
        if document is None:
            raise NotFoundError(f"there is no document {document_id}")
        target = work.tenants.entity(billing_entity_id)
        if target is None or target.organisation_id != caller.organisation_id:
            raise NotFoundError(f"there is no entity {billing_entity_id}")
        refusal = _refusal(caller) or _move(work, engine, document, target)
        work.audit.add(
            caller.actor,
            "document.move_refused" if refusal else "document.move",
            str(document_id),
            reason=str(refusal) if refusal else None,
            code=refusal.code if refusal else None,
            credential=caller.kind.value,
            document_entity=document.code,
            to_entity=target.code,
            credential_entities=work.tenants.codes(sorted(caller.entities)),
        )
    if refusal is not None:
        raise refusal


def _refusal(caller: Caller) -> AccessDeniedError | ConflictError | None:
    if not caller.integration and Scope.MANAGE in caller.scopes:
        return None
    return AccessDeniedError(
        "credential_may_not_move",
        "only people decide whose document it is: this needs an API client of the organisation "
        "with the scope manage (`ledgerbridge clients add --organisation NAME --scope manage`)",
    )


def _move(
    work: UnitOfWork, engine: Engine, document: Movable, target: BillingEntityRow
) -> AccessDeniedError | ConflictError | None:
    """Do it, or say why not; then nothing was changed."""
    if target.id == document.billing_entity_id:
        return None
    what = f"{document.type.words} {document.name} of billing entity {document.code}"
    if not document.ours:
        return ConflictError(
            "not_ours", f"{what} was read from another system, which decides whose it is"
        )
    if target.archived_at is not None:
        return ConflictError(
            "billing_entity_archived", f"{what} cannot go to {target.code}, which is archived"
        )
    standings = work.waiting.standings(document.id)
    if any(one.in_flight for one in standings):
        return ConflictError(
            "push_in_progress", f"{what} is on its way to the ledger: ask again in a while"
        )
    if any(one.posted for one in standings):
        return ConflictError(
            "already_posted",
            f"{what} is posted and stays there: correct it with a credit note and issue it anew "
            f"in {target.code}",
        )
    if not work.waiting.change_entity(document.id, target.id):
        return ConflictError("already_there", f"{target.code} has a document with that id already")
    ledger = work.connections.ledger_of(target.id)
    there = [one.record_id for one in standings if ledger and one.connection_id == ledger.id]
    others = [one.record_id for one in standings if one.record_id not in there]
    if ledger is not None:
        if not there and others:
            there.append(others.pop(0))
        # A connection that acts for both entities keeps its task as it is.
        keeps = document.billing_entity_id in work.access.entities_of(ledger.id)
        for record_id in [] if keeps else there:
            work.waiting.hand_over(record_id, ledger.id)
        _queue(work, engine, ledger, only=[document.id])
    work.waiting.leave_behind(others, f"It was moved to billing entity {target.code}.")
    return None


def _queue(
    work: UnitOfWork, engine: Engine, ledger: ConnectionRow, *, only: Sequence[UUID] = ()
) -> None:
    """Make the tasks that are missing."""
    work.queue.enqueue(ledger.id, connections.pushed_types(engine.spec_of(ledger)), only=only)
    if not ledger.by_others:
        work.after_commit(lambda: engine.hints.push(ledger.id))


def link(
    engine: Engine, connection_id: UUID, entity_ids: Sequence[UUID], *, actor: str
) -> list[str]:
    """Let an integrator's connection act for exactly these entities; gives their codes.

    It holds from the next request on, also for tokens that were issued before. Tasks of entities
    that leave wait for the next connection that is linked to them.

    Raises:
        InvalidInputError: No entity is named, or the connection is one of our own workers.
        NotFoundError: There is no such connection, or an entity is another organisation's.
        NotAllowedError: An entity has another active connection, or is archived.
    """
    if not entity_ids:
        raise InvalidInputError("a connection acts for at least one billing entity: name one")
    with engine.begin() as work:
        connection = connections.get(work, connection_id)
        if not connection.by_others:
            raise InvalidInputError(
                "the books of this connection belong to one billing entity; only connections that "
                "an integrator posts for (provider `external`) can be linked to others"
            )
        if connection.status is ConnectionStatus.DISCONNECTED:
            raise NotAllowedError("the connection was disconnected: add a new one")
        present = work.access.entities_of(connection_id)
        home = work.tenants.entity(connection.billing_entity_id)
        wanted = {entity_id: work.tenants.entity(entity_id) for entity_id in entity_ids}
        for entity_id in sorted(wanted.keys() - present):  # in one order: nobody waits in a ring
            work.connections.lock_entity(entity_id)
        for entity_id, entity in wanted.items():
            if entity is None or home is None or entity.organisation_id != home.organisation_id:
                raise NotFoundError(f"there is no billing entity {entity_id} in the organisation")
            if entity_id not in present:
                _require_free(work, connection_id, entity)
        if not work.access.relink(connection_id, list(wanted)):
            raise NotAllowedError("one of the entities was linked elsewhere at the same moment")
        work.waiting.adopt(connection_id)
        _queue(work, engine, connection)
        codes = work.tenants.codes(list(wanted))
        work.audit.add(
            actor,
            "connection.link",
            str(connection_id),
            entities=codes,
            before=work.tenants.codes(sorted(present)),
        )
    return codes


def _require_free(work: UnitOfWork, connection_id: UUID, entity: BillingEntityRow) -> None:
    if entity.archived_at is not None:
        raise NotAllowedError(f"billing entity {entity.code} is archived")
    ledger = work.connections.ledger_of(entity.id)
    if ledger is not None and ledger.id != connection_id:
        raise NotAllowedError(
            f"billing entity {entity.code} has a connection already ({ledger.id}, "
            f"{ledger.provider}): disconnect it or link it to other entities first"
        )


def archive(work: UnitOfWork, entity_id: UUID, *, archived: bool, actor: str) -> None:
    """Post nothing more for a billing entity, or go on; everything can still be read.

    Raises:
        NotAllowedError: It is so already.
    """
    if not work.tenants.set_archived(entity_id, archived=archived):
        raise NotAllowedError(f"the billing entity is {'' if archived else 'not '}archived")
    work.audit.add(actor, "entity.archive" if archived else "entity.restore", str(entity_id))
