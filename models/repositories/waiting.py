"""The waiting list for integrators: tasks, reports about them, and documents changing entity.

A task is the synced record of a document of ours. Every statement that changes one compares the
document's billing entity with those that the caller may act for, and with the connection's
present link, inside the statement.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.exc import IntegrityError

from models.canonical import ObjectType
from models.ids import new_id
from models.repositories.events import Events
from models.repositories.statement import Repository, built
from models.status import SyncStatus


@dataclass(frozen=True)
class TaskEntity:
    """The billing entity of a document, as it is now."""

    id: UUID
    code: str
    legal_name: str
    vat_number: str | None
    is_default: bool
    archived: bool


@dataclass(frozen=True)
class Task:
    """A document that is to be posted in a ledger, and where that stands."""

    id: UUID
    connection_id: UUID
    ledger: str
    """What its books are called."""
    by_others: bool
    """An integrator's program posts it, no worker of ours."""
    started: bool
    """Posting has started for the connection."""
    status: SyncStatus
    reason: str | None
    reason_code: str | None
    platform_id: str | None
    marker: str
    in_ledger: bool
    """The ledger has the document, perhaps in an earlier version."""
    waiting_since: datetime
    updated_at: datetime
    entity: TaskEntity
    document_id: UUID
    type: ObjectType
    external_id: str
    number: str | None
    name: str | None
    document_date: date | None
    currency: str | None
    total: Decimal | None
    document_version: int
    ended: bool
    """The document is void, deleted or a draft."""
    body: dict[str, Any]


@dataclass(frozen=True)
class Movable:
    """A document that is locked, and who owns it."""

    id: UUID
    billing_entity_id: UUID
    code: str
    ours: bool
    """It was handed in by the host product."""
    type: ObjectType
    name: str


@dataclass(frozen=True)
class Standing:
    """Where a document stands with one connection."""

    record_id: UUID
    connection_id: UUID
    status: SyncStatus
    reason_code: str | None
    in_flight: bool
    posted: bool


_TASKS = """
    SELECT r.id, r.connection_id, c.platform_organisation_name AS ledger, c.by_others,
           c.posting_from IS NOT NULL AS started, r.status, r.reason, r.reason_code,
           r.platform_object_id AS platform_id, r.marker, r.pushed_hash IS NOT NULL AS in_ledger,
           r.next_attempt_at AS waiting_since, r.updated_at,
           b.id AS entity_id, b.code, b.legal_name, b.vat_number, b.is_default,
           b.archived_at IS NOT NULL AS archived,
           d.id AS document_id, d.type, d.external_id, d.number, d.name, d.document_date,
           d.currency, d.total, d.version AS document_version, d.body,
           d.deleted_at IS NOT NULL OR coalesce(d.status IN ('void', 'draft'), false) AS ended
      FROM synced_records r
      JOIN connections c ON c.id = r.connection_id
      JOIN documents d ON d.id = r.object_id AND d.source_id IS DISTINCT FROM r.connection_id
      JOIN billing_entities b ON b.id = d.billing_entity_id
"""

# Who may change a task: the integrator whose connection it is, for an entity that the caller acts
# for and that the connection is linked to at this moment.
_MAY = """
       r.id = :task AND d.id = r.object_id AND c.id = r.connection_id AND c.by_others
   AND c.id = :connection AND c.posting_from IS NOT NULL
   AND d.billing_entity_id = ANY(:entities)
   AND EXISTS (SELECT 1 FROM connection_entities e
                 JOIN billing_entities b ON b.id = e.billing_entity_id
                WHERE e.connection_id = c.id AND e.active AND b.archived_at IS NULL
                  AND e.billing_entity_id = d.billing_entity_id)
"""
_RELEASED = "lease_owner = NULL, lease_until = NULL, fence = r.fence + 1, updated_at = now()"
_FRESH = f"""reason = NULL, issue_id = NULL, blocked_by = NULL, attempts = 0,
             next_attempt_at = now(), {_RELEASED}"""
# Queued for connection `n`, which posts nothing dated before its start.
_TAKEN_OVER = f"""
    connection_id = n.id,
    status = CASE WHEN r.object_date < n.posting_from THEN 'skipped' ELSE 'pending' END,
    reason_code = CASE WHEN r.object_date < n.posting_from THEN 'before_start' END, {_FRESH}
"""


def _task(row: Row[Any]) -> Task:
    return built(
        Task,
        row,
        status=SyncStatus(row.status),
        type=ObjectType(row.type),
        entity=built(TaskEntity, row, id=row.entity_id),
    )


class Waiting(Repository):
    """What integrators are to post, and what they say about it."""

    def tasks(
        self,
        connection_id: UUID,
        entities: Iterable[UUID],
        *,
        entity_id: UUID | None = None,
        order: Iterable[ObjectType] = (),
        limit: int,
    ) -> list[Task]:
        """Tasks of a connection that can be posted now, the longest waiting first.

        Of those that came together, types in this order.
        """
        found = self._execute(
            f"""
            {_TASKS}
             WHERE r.connection_id = :connection AND r.status IN ('pending', 'retry_wait')
               AND c.posting_from IS NOT NULL AND b.archived_at IS NULL
               AND d.billing_entity_id = ANY(:entities)
               AND (CAST(:entity AS uuid) IS NULL OR d.billing_entity_id = :entity)
               AND (r.pushed_hash IS NOT NULL
                    OR (d.deleted_at IS NULL AND d.status NOT IN ('void', 'draft')))
             ORDER BY r.next_attempt_at, array_position(CAST(:order AS text[]), r.type),
                      r.object_date, r.id
             LIMIT :limit
            """,
            connection=connection_id,
            entities=list(entities),
            entity=entity_id,
            order=[kind.value for kind in order],
            limit=limit,
        )
        return [_task(row) for row in found]

    def task(self, task_id: UUID, organisation_id: UUID, *, lock: bool = False) -> Task | None:
        """One task of an organisation, whatever its state; locked for a decision about it."""
        row = self._execute(
            f"{_TASKS} WHERE r.id = :task AND b.organisation_id = :organisation"
            f"{' FOR UPDATE OF r' if lock else ''}",
            task=task_id,
            organisation=organisation_id,
        ).one_or_none()
        return _task(row) if row else None

    def complete(
        self,
        task_id: UUID,
        *,
        connection_id: UUID,
        entities: Iterable[UUID],
        version: int | None = None,
        platform_id: str | None = None,
        correlation_id: str = "",
    ) -> bool:
        """The ledger has it; False when the caller may not say so, or the task does not wait.

        With `version`, only if the document still is what the integrator read.
        """
        try:
            with self._session.begin_nested():
                row = self._execute(
                    f"""
                    UPDATE synced_records r
                       SET status = 'done', reason_code = NULL, reason = NULL, issue_id = NULL,
                           blocked_by = NULL, attempts = 0, pushed_hash = d.content_hash,
                           platform_object_id = coalesce(:platform, r.platform_object_id),
                           last_pushed_at = now(), {_RELEASED}
                      FROM documents d, connections c
                     WHERE {_MAY} AND r.status IN ('pending', 'retry_wait')
                       AND (CAST(:version AS bigint) IS NULL OR d.version = :version)
                    RETURNING r.id, r.fence, r.pushed_hash
                    """,
                    task=task_id,
                    connection=connection_id,
                    entities=list(entities),
                    version=version,
                    platform=platform_id,
                ).one_or_none()
        except IntegrityError:  # another document of ours has that id in the ledger
            return False
        if row is not None:
            self._evidence(row, "accepted", correlation_id=correlation_id)
        return row is not None

    def fail(
        self,
        task_id: UUID,
        *,
        connection_id: UUID,
        entities: Iterable[UUID],
        code: str,
        sentence: str,
        issue_id: UUID,
        correlation_id: str = "",
    ) -> bool:
        """The ledger refuses it; False when the caller may not say so, or it does not wait."""
        row = self._execute(
            f"""
            UPDATE synced_records r
               SET status = 'rejected', reason_code = :code, reason = :sentence,
                   issue_id = :issue, blocked_by = NULL, refusals = r.refusals + 1, {_RELEASED}
              FROM documents d, connections c
             WHERE {_MAY} AND r.status IN ('pending', 'retry_wait')
            RETURNING r.id, r.fence, d.content_hash AS pushed_hash
            """,
            task=task_id,
            connection=connection_id,
            entities=list(entities),
            code=code,
            sentence=sentence,
            issue=issue_id,
        ).one_or_none()
        if row is not None:
            self._evidence(
                row, "refused", correlation_id=correlation_id, code=code, sentence=sentence
            )
        return row is not None

    def reopen(self, task_id: UUID, *, connection_id: UUID, entities: Iterable[UUID]) -> bool:
        """Let a task that failed wait again; False when the caller may not, or it has not."""
        return bool(
            self._execute(
                f"""
                UPDATE synced_records r
                   SET status = 'pending', reason_code = NULL, {_FRESH}
                  FROM documents d, connections c
                 WHERE {_MAY} AND r.status = 'rejected'
                """,
                task=task_id,
                connection=connection_id,
                entities=list(entities),
            ).rowcount
        )

    def _evidence(
        self,
        row: Row[Any],
        outcome: str,
        *,
        correlation_id: str,
        code: str | None = None,
        sentence: str | None = None,
    ) -> None:
        """What an integrator said, beside the tries of our own workers."""
        self._execute(
            """
            INSERT INTO attempts (
                id, record_id, trigger, correlation_id, operation, idempotency_key, payload_hash,
                fence, finished_at, outcome, error_code, sentence, late)
            VALUES (:id, :record, 'integrator', :correlation, 'report', '', :content, :fence,
                    clock_timestamp(), :outcome, :code, :sentence, false)
            """,
            id=new_id(),
            record=row.id,
            correlation=correlation_id,
            content=row.pushed_hash,
            fence=row.fence,
            outcome=outcome,
            code=code,
            sentence=sentence,
        )
        Events(self._session).records([row.id])

    def corrected_elsewhere(
        self, billing_entity_id: UUID, external_ids: Sequence[str]
    ) -> dict[str, str]:
        """Documents of the host product that other entities of the organisation have instead.

        Returns:
            The code of the billing entity, by the document's id at the product.
        """
        if not external_ids:
            return {}
        found = self._execute(
            """
            SELECT d.external_id, b.code
              FROM billing_entities mine
              JOIN billing_entities b ON b.organisation_id = mine.organisation_id
              JOIN documents d ON d.billing_entity_id = b.id AND d.source_id IS NULL
             WHERE mine.id = :entity AND b.id <> mine.id
               AND d.type IN ('invoice', 'bill') AND d.external_id = ANY(:ids)
               AND NOT EXISTS (SELECT 1 FROM documents o
                                WHERE o.billing_entity_id = mine.id AND o.source_id IS NULL
                                  AND o.type IN ('invoice', 'bill')
                                  AND o.external_id = d.external_id)
            """,
            entity=billing_entity_id,
            ids=list(external_ids),
        )
        return {row.external_id: row.code for row in found}

    def adopt(self, connection_id: UUID) -> int:
        """Take over tasks of the connection's entities that another integrator left undone.

        An entity has one active connection, so the other one is out; nothing of these was posted.
        """
        return self._execute(
            f"""
            UPDATE synced_records r SET {_TAKEN_OVER}
              FROM connection_entities e, documents d, connections o, connections n
             WHERE n.id = :connection AND e.connection_id = n.id AND e.active
               AND d.billing_entity_id = e.billing_entity_id AND r.object_id = d.id
               AND o.id = r.connection_id AND o.by_others AND o.id <> :connection
               AND r.status IN ('pending', 'retry_wait', 'blocked', 'held', 'rejected')
               AND r.pushed_hash IS NULL AND r.platform_object_id IS NULL
               AND NOT EXISTS (SELECT 1 FROM synced_records x
                                WHERE x.connection_id = :connection AND x.type = r.type
                                  AND x.object_id = r.object_id)
            """,
            connection=connection_id,
        ).rowcount

    def movable(self, document_id: UUID, organisation_id: UUID) -> Movable | None:
        """A document of an organisation, locked until the transaction ends."""
        row = self._execute(
            """
            SELECT d.id, d.billing_entity_id, b.code, d.source_id IS NULL AS ours, d.type,
                   coalesce(d.number, d.name, d.external_id) AS label
              FROM documents d JOIN billing_entities b ON b.id = d.billing_entity_id
             WHERE d.id = :document AND b.organisation_id = :organisation
               AND d.deleted_at IS NULL
               FOR UPDATE OF d
            """,
            document=document_id,
            organisation=organisation_id,
        ).one_or_none()
        if row is None:
            return None
        return Movable(
            row.id, row.billing_entity_id, row.code, row.ours, ObjectType(row.type), row.label
        )

    def standings(self, document_id: UUID) -> list[Standing]:
        """Where a document stands with every connection, locked."""
        found = self._execute(
            """
            SELECT r.id, r.connection_id, r.status, r.reason_code,
                   r.status IN ('sending', 'uncertain')
                   OR coalesce(r.lease_until > now(), false) AS in_flight,
                   r.status IN ('done', 'done_manually') OR r.pushed_hash IS NOT NULL
                   OR r.platform_object_id IS NOT NULL AS posted
              FROM synced_records r WHERE r.object_id = :document
             ORDER BY r.id FOR UPDATE OF r
            """,
            document=document_id,
        )
        return [
            Standing(
                row.id,
                row.connection_id,
                SyncStatus(row.status),
                row.reason_code,
                row.in_flight,
                row.posted,
            )
            for row in found
        ]

    def change_entity(self, document_id: UUID, billing_entity_id: UUID) -> bool:
        """Give a document to another billing entity; False when that one has it already.

        The entity that it leaves remembers it, so that it is not handed in there anew.
        """
        try:
            with self._session.begin_nested():
                self._execute(
                    """
                    WITH before AS (
                        SELECT billing_entity_id FROM documents WHERE id = :document),
                    moved AS (
                        UPDATE documents
                           SET billing_entity_id = :entity, version = version + 1,
                               updated_at = now()
                         WHERE id = :document RETURNING id),
                    records AS (
                        UPDATE synced_records r SET billing_entity_id = :entity
                          FROM moved WHERE r.object_id = moved.id),
                    returned AS (
                        DELETE FROM moved_documents
                         WHERE document_id = :document AND billing_entity_id = :entity)
                    INSERT INTO moved_documents (billing_entity_id, document_id)
                    SELECT billing_entity_id, :document FROM before ON CONFLICT DO NOTHING
                    """,
                    entity=billing_entity_id,
                    document=document_id,
                )
        except IntegrityError:
            return False
        return True

    def withdraw_moved(self, made: Sequence[UUID]) -> dict[tuple[ObjectType, str], str]:
        """Take back documents that this transaction has made although they were moved elsewhere.

        Returns:
            The code of the entity that each belongs to now, by type and the product's id.
        """
        if not made:
            return {}
        found = self._execute(
            """
            DELETE FROM documents n
             USING moved_documents m, documents d, billing_entities b
             WHERE n.id = ANY(:made) AND m.billing_entity_id = n.billing_entity_id
               AND d.id = m.document_id AND d.type = n.type AND d.external_id = n.external_id
               AND d.billing_entity_id <> n.billing_entity_id AND d.deleted_at IS NULL
               AND b.id = d.billing_entity_id
            RETURNING n.type, n.external_id, b.code
            """,
            made=list(made),
        )
        return {(ObjectType(row.type), row.external_id): row.code for row in found}

    def hand_over(self, record_id: UUID, connection_id: UUID) -> None:
        """Queue a record for another connection; one that is never to be sent stays so."""
        self._execute(
            f"""
            UPDATE synced_records r SET {_TAKEN_OVER}
              FROM connections n
             WHERE n.id = :connection AND r.id = :record AND NOT (r.status = 'skipped' AND r.reason_code = 'by_person')
            """,
            record=record_id,
            connection=connection_id,
        )
        self._execute(
            "UPDATE synced_records SET connection_id = :connection WHERE id = :record",
            record=record_id,
            connection=connection_id,
        )

    def leave_behind(self, record_ids: Sequence[UUID], reason: str) -> None:
        """These connections have nothing to do with a document any more."""
        if record_ids:
            self._execute(
                f"""
                UPDATE synced_records r
                   SET status = 'skipped', reason_code = 'moved', reason = :reason,
                       issue_id = NULL, blocked_by = NULL, {_RELEASED}
                 WHERE r.id = ANY(:ids)
                """,
                ids=list(record_ids),
                reason=reason,
            )
