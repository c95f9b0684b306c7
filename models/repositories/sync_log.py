"""Reading the sync log: records with their documents, figures, and what is due."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from models.canonical import ObjectType
from models.repositories.statement import Repository, built
from models.status import SyncStatus


@dataclass(frozen=True)
class LogLine:
    """One record of the sync log with what people know its document by."""

    id: UUID
    connection_id: UUID
    type: ObjectType
    object_id: UUID
    external_id: str
    number: str | None
    name: str | None
    document_date: date | None
    currency: str | None
    total: Decimal | None
    status: SyncStatus
    reason_code: str | None
    reason: str | None
    issue_id: UUID | None
    blocked_by: UUID | None
    """The record of the parent that must be done first."""
    sentence: str | None
    next_step: str | None
    actor: str | None
    platform_object_id: str | None
    attempts: int
    next_attempt_at: datetime
    updated_at: datetime
    ours: bool
    variance: Decimal | None
    ledger: dict[str, Any]


@dataclass(frozen=True)
class References:
    """A document that others refer to, and where it stands in a ledger."""

    external_id: str
    document_id: UUID
    record_id: UUID | None
    platform_id: str | None
    status: SyncStatus | None
    issue_id: UUID | None
    complete: bool
    """It is in the ledger as a whole, though perhaps not in its latest version."""


class SyncLog(Repository):
    """What people and the scheduler look at."""

    def lines(
        self,
        *,
        connection_id: UUID | None = None,
        kind: ObjectType | None = None,
        status: SyncStatus | None = None,
        object_id: UUID | None = None,
        issue_id: UUID | None = None,
        record_id: UUID | None = None,
        since: datetime | None = None,
        limit: int = 100,
    ) -> list[LogLine]:
        """Records that match all given filters, last changed first.

        Which they are is decided before their documents are looked up.
        """
        found = self._execute(
            """
            WITH page AS MATERIALIZED (
                SELECT r.id FROM synced_records r
                 WHERE (CAST(:connection AS uuid) IS NULL OR r.connection_id = :connection)
                   AND (CAST(:type AS text) IS NULL OR r.type = :type)
                   AND (CAST(:status AS text) IS NULL OR r.status = :status)
                   AND (CAST(:object AS uuid) IS NULL OR r.object_id = :object)
                   AND (CAST(:issue AS uuid) IS NULL OR r.issue_id = :issue)
                   AND (CAST(:record AS uuid) IS NULL OR r.id = :record)
                   AND (CAST(:since AS timestamptz) IS NULL OR r.updated_at >= :since)
                 ORDER BY r.updated_at DESC, r.id DESC
                 LIMIT :limit)
            SELECT r.id, r.connection_id, r.type, r.object_id, d.external_id, d.number, d.name,
                   d.document_date, d.currency, d.total, r.status, r.reason_code, r.reason,
                   r.issue_id, r.blocked_by, i.sentence, i.next_step, i.actor,
                   r.platform_object_id, r.attempts, r.next_attempt_at, r.updated_at, r.variance,
                   CASE WHEN CAST(:record AS uuid) IS NULL THEN r.ledger - 'extra'
                        ELSE r.ledger END AS ledger,
                   d.source_id IS DISTINCT FROM r.connection_id AS ours
              FROM page
              JOIN synced_records r ON r.id = page.id
              JOIN documents d ON d.id = r.object_id
              LEFT JOIN issues i ON i.id = r.issue_id
             ORDER BY r.updated_at DESC, r.id DESC
            """,
            connection=connection_id,
            type=kind.value if kind else None,
            status=status.value if status else None,
            object=object_id,
            issue=issue_id,
            record=record_id,
            since=since,
            limit=limit,
        )
        return [line_of(row) for row in found]

    def references(
        self,
        connection_id: UUID,
        source_id: UUID | None,
        kind: ObjectType,
        external_ids: list[str],
    ) -> dict[str, References]:
        """Where documents that a batch refers to stand in the ledger, by their owner's id."""
        if not external_ids:
            return {}
        found = self._execute(
            """
            SELECT d.external_id, d.id AS document_id, r.id AS record_id, r.platform_object_id,
                   r.status, r.issue_id,
                   coalesce(r.platform_object_id IS NOT NULL AND r.progress IS NULL
                            AND (r.pushed_hash IS NOT NULL OR r.pulled_hash IS NOT NULL
                                 OR r.status IN ('done', 'done_manually')), false) AS complete
              FROM documents d
              JOIN connections c ON c.id = :connection
              LEFT JOIN synced_records r ON r.connection_id = c.id AND r.type = d.type
                                        AND r.object_id = d.id
             WHERE d.billing_entity_id = c.billing_entity_id
               AND d.source_id IS NOT DISTINCT FROM CAST(:source AS uuid)
               AND d.type = :type AND d.external_id = ANY(:ids)
            """,
            connection=connection_id,
            source=source_id,
            type=kind.value,
            ids=external_ids,
        )
        return {
            row.external_id: References(
                row.external_id,
                row.document_id,
                row.record_id,
                row.platform_object_id,
                SyncStatus(row.status) if row.status else None,
                row.issue_id,
                row.complete,
            )
            for row in found
        }

    def figures(self, connection_id: UUID) -> dict[tuple[ObjectType, SyncStatus], int]:
        """How many records of each type stand where, our own documents only."""
        found = self._execute(
            """
            SELECT r.type, r.status, count(*) AS number
              FROM synced_records r JOIN documents d ON d.id = r.object_id
              JOIN connections c ON c.id = r.connection_id
             WHERE r.connection_id = :connection
               AND (d.source_id IS DISTINCT FROM r.connection_id OR c.role = 'source')
             GROUP BY r.type, r.status
            """,
            connection=connection_id,
        )
        return {(ObjectType(row.type), SyncStatus(row.status)): row.number for row in found}

    def in_flight(self, connection_id: UUID, kinds: Sequence[ObjectType]) -> int:
        """How many records are due now or held by a worker: what a run still waits for."""
        number: int = self._execute(
            """
            SELECT count(*) FROM synced_records r JOIN connections c ON c.id = r.connection_id
              JOIN billing_entities b ON b.id = c.billing_entity_id
             WHERE r.connection_id = :connection AND r.type = ANY(:types)
               AND (b.archived_at IS NULL OR r.status NOT IN ('pending', 'retry_wait'))
               AND c.status = 'connected' AND NOT c.by_others
               AND (c.posting_from IS NOT NULL OR c.role = 'source')
               AND (c.parked_until IS NULL OR c.parked_until <= now())
               AND (r.status = 'sending'
                    OR (r.status IN ('pending', 'retry_wait', 'uncertain')
                        AND (r.next_attempt_at <= now() OR r.lease_until > now())))
            """,
            connection=connection_id,
            types=[kind.value for kind in kinds],
        ).scalar_one()
        return number

    def settling(self, connection_id: UUID, within_seconds: float) -> int:
        """How many unclear records will be looked up within a short while."""
        number: int = self._execute(
            """
            SELECT count(*) FROM synced_records
             WHERE connection_id = :connection
               AND (status = 'sending'
                    OR (status = 'uncertain'
                        AND next_attempt_at <= now() + make_interval(secs => :seconds)))
            """,
            connection=connection_id,
            seconds=within_seconds,
        ).scalar_one()
        return number

    def connections_with_work(self, limit: int) -> list[UUID]:
        """Connections with records that are due and that nobody holds, longest due first."""
        return list(
            self._execute(
                """
                SELECT r.connection_id
                  FROM synced_records r JOIN connections c ON c.id = r.connection_id
                  JOIN billing_entities b ON b.id = c.billing_entity_id
                 WHERE r.status IN ('pending', 'retry_wait', 'uncertain')
                   AND (b.archived_at IS NULL OR r.status = 'uncertain')
                   AND r.next_attempt_at <= now()
                   AND (r.lease_until IS NULL OR r.lease_until < now())
                   AND c.status = 'connected' AND NOT c.by_others
                   AND (c.posting_from IS NOT NULL OR c.role = 'source'
                        OR r.status = 'uncertain')
                   AND (c.parked_until IS NULL OR c.parked_until <= now())
                 GROUP BY r.connection_id
                 ORDER BY min(r.next_attempt_at) LIMIT :limit
                """,
                limit=limit,
            ).scalars()
        )


def line_of(row: Row[Any]) -> LogLine:
    """One line from its columns."""
    return built(
        LogLine,
        row,
        type=ObjectType(row.type),
        status=SyncStatus(row.status),
        ledger=row.ledger or {},
    )
