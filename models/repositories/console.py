"""What the pages of the console read; everything is limited to one organisation."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from models.canonical import ObjectType
from models.repositories.operations import LogFilter, Thing
from models.repositories.statement import Repository
from models.repositories.sync_log import LogLine, line_of
from models.status import SyncStatus
from models.tables import (
    BillingEntityRow,
    ConnectionRow,
    ConnectionStatus,
    IssueRow,
    RunStatus,
    SyncedRecordRow,
    SyncRunRow,
)

_OF_CONNECTION = """
    SELECT b.id FROM connections c JOIN billing_entities b ON b.organisation_id = :organisation
     WHERE c.id = {connection}
       AND (b.id = c.billing_entity_id
            OR EXISTS (SELECT 1 FROM connection_entities e
                        WHERE e.connection_id = c.id AND e.billing_entity_id = b.id))
     ORDER BY b.id = c.billing_entity_id DESC LIMIT 1"""
_WHOSE = {
    Thing.CONNECTION: _OF_CONNECTION.format(connection=":id"),
    Thing.ISSUE: _OF_CONNECTION.format(
        connection="(SELECT connection_id FROM issues WHERE id = :id)"
    ),
    Thing.RECORD: "SELECT b.id FROM synced_records r JOIN documents d ON d.id = r.object_id "
    "JOIN billing_entities b ON b.id = d.billing_entity_id "
    "WHERE r.id = :id AND b.organisation_id = :organisation",
}

_CALLED = "lower(coalesce(d.number, d.name, d.external_id))"
# Ranges in the order of the index; with LIKE and a parameter, PostgreSQL may not use it.
_BEGINS = (
    f"{_CALLED} ~>=~ lower(CAST(:text AS text)) "
    f"AND {_CALLED} ~<~ (lower(CAST(:text AS text)) || chr(1114111))"
)


@dataclass(frozen=True)
class ConnectionLine:
    """A connection as the overview shows it."""

    row: ConnectionRow
    entity_code: str
    entity_name: str
    run_status: RunStatus | None
    """Of the newest run."""
    run_at: datetime | None
    """When it ended, or else began or was queued."""
    run_sentence: str | None
    causes: int
    """Open causes that somebody must do something about."""
    waiting: int
    """Records that wait for them."""


@dataclass(frozen=True)
class CauseLine:
    """An open cause as lists show it."""

    issue: IssueRow
    records: int
    provider: str
    platform: str | None
    """What the books are called there."""
    entity_code: str


class Console(Repository):
    """Reads for people."""

    def entity_of(self, organisation_id: UUID, what: Thing, thing_id: UUID) -> UUID | None:
        """The billing entity of an organisation that something belongs to."""
        found: UUID | None = self._execute(
            _WHOSE[what], id=thing_id, organisation=organisation_id
        ).scalar_one_or_none()
        return found

    def connections(self, organisation_id: UUID, limit: int) -> list[ConnectionLine]:
        """The connections of an organisation that have not ended, by billing entity."""
        found = self._session.execute(
            select(ConnectionRow, BillingEntityRow)
            .join(BillingEntityRow, BillingEntityRow.id == ConnectionRow.billing_entity_id)
            .where(
                BillingEntityRow.organisation_id == organisation_id,
                ConnectionRow.status != ConnectionStatus.DISCONNECTED,
            )
            .order_by(BillingEntityRow.code, ConnectionRow.role, ConnectionRow.created_at)
            .limit(limit)
        ).all()
        ids = [row.id for row, _ in found]
        beside = {
            row.id: row
            for row in self._execute(
                """
                SELECT c.id, u.status, u.sentence,
                       coalesce(u.finished_at, u.started_at, u.created_at) AS at,
                       i.causes, i.waiting
                  FROM unnest(CAST(:ids AS uuid[])) AS c(id)
                  LEFT JOIN LATERAL (
                    SELECT * FROM sync_runs WHERE connection_id = c.id
                     ORDER BY created_at DESC LIMIT 1) AS u ON true
                 CROSS JOIN LATERAL (
                    SELECT count(*) AS causes, coalesce(sum(n.records), 0)::int AS waiting
                      FROM issues CROSS JOIN LATERAL (
                        SELECT count(*) AS records FROM synced_records
                         WHERE issue_id = issues.id) AS n
                     WHERE connection_id = c.id AND closed_at IS NULL
                       AND actor <> 'nobody') AS i
                """,
                ids=ids,
            )
        }
        return [
            ConnectionLine(
                row,
                entity.code,
                entity.legal_name,
                RunStatus(beside[row.id].status) if beside[row.id].status else None,
                beside[row.id].at,
                beside[row.id].sentence,
                beside[row.id].causes,
                beside[row.id].waiting,
            )
            for row, entity in found
        ]

    def open_causes(self, organisation_id: UUID) -> int:
        """How many causes wait for somebody."""
        number: int = self._execute(
            """
            SELECT count(*) FROM issues i JOIN connections c ON c.id = i.connection_id
              JOIN billing_entities b ON b.id = c.billing_entity_id
             WHERE b.organisation_id = :organisation AND i.closed_at IS NULL
               AND i.actor <> 'nobody' AND c.status <> 'disconnected'
            """,
            organisation=organisation_id,
        ).scalar_one()
        return number

    def causes(
        self,
        organisation_id: UUID,
        limit: int,
        *,
        connection_id: UUID | None = None,
        actor: str | None = None,
    ) -> list[CauseLine]:
        """Open causes, the heaviest first."""
        records = func.count(SyncedRecordRow.id)
        query = (
            select(IssueRow, records, ConnectionRow, BillingEntityRow.code)
            .join(ConnectionRow, ConnectionRow.id == IssueRow.connection_id)
            .join(BillingEntityRow, BillingEntityRow.id == ConnectionRow.billing_entity_id)
            .outerjoin(SyncedRecordRow, SyncedRecordRow.issue_id == IssueRow.id)
            .where(
                IssueRow.closed_at.is_(None),
                BillingEntityRow.organisation_id == organisation_id,
                ConnectionRow.status != ConnectionStatus.DISCONNECTED,
            )
            .group_by(IssueRow.id, ConnectionRow.id, BillingEntityRow.code)
            .order_by(records.desc(), IssueRow.first_seen_at, IssueRow.id)
            .limit(limit)
        )
        if connection_id is not None:
            query = query.where(IssueRow.connection_id == connection_id)
        if actor is not None:
            query = query.where(IssueRow.actor == actor)
        return [
            CauseLine(issue, number, row.provider, row.platform_organisation_name, code)
            for issue, number, row, code in self._session.execute(query)
        ]

    def figures(self, connection_id: UUID) -> dict[tuple[ObjectType, SyncStatus], int]:
        """How many records of each type stand where, counted in an index alone.

        Of a ledger: of our own documents. Of a source: of what came from there.
        """
        found = self._execute(
            """
            SELECT r.type, r.status, count(*) AS number
              FROM synced_records r
             WHERE r.connection_id = :connection
               AND r.own = (SELECT role = 'ledger' FROM connections WHERE id = :connection)
             GROUP BY r.type, r.status
            """,
            connection=connection_id,
        )
        return {(ObjectType(row.type), SyncStatus(row.status)): row.number for row in found}

    def runs(self, connection_id: UUID, limit: int) -> Sequence[SyncRunRow]:
        """The runs of a connection, newest first."""
        return list(
            self._session.execute(
                select(SyncRunRow)
                .where(SyncRunRow.connection_id == connection_id)
                .order_by(SyncRunRow.created_at.desc())
                .limit(limit)
            ).scalars()
        )

    def called(
        self, billing_entity_id: UUID, text: str, wanted: LogFilter, limit: int
    ) -> list[LogLine]:
        """Records of documents whose name begins so, or whose customer's or supplier's does.

        Ids, ours and the ledger's, are found when they are given in full.
        """
        found = self._execute(
            f"""
            WITH called AS MATERIALIZED (
                SELECT d.id, d.type, d.external_id FROM documents d
                 WHERE d.billing_entity_id = :entity AND d.deleted_at IS NULL AND {_BEGINS}
                 LIMIT 500),
            meant AS (
                SELECT id FROM called
                 UNION
                (SELECT d.id FROM called c
                   JOIN documents d ON d.billing_entity_id = :entity
                                   AND d.contact_ref = c.external_id
                  WHERE c.type = 'contact' AND d.deleted_at IS NULL LIMIT 500)
                 UNION
                SELECT d.id FROM documents d
                 WHERE d.billing_entity_id = :entity AND d.type = ANY(:types)
                   AND d.external_id = :text
                 UNION
                SELECT r.object_id FROM synced_records r
                 WHERE r.connection_id IN (
                        SELECT id FROM connections WHERE billing_entity_id = :entity
                         UNION SELECT connection_id FROM connection_entities
                                WHERE billing_entity_id = :entity)
                   AND r.type = ANY(:types) AND r.platform_object_id = :text)
            SELECT r.id, r.connection_id, r.type, r.object_id, d.external_id, d.number,
                   d.name, d.document_date, d.currency, d.total, r.status, r.reason_code,
                   r.reason, r.issue_id, r.blocked_by, r.platform_object_id, r.attempts,
                   r.next_attempt_at, r.updated_at, r.variance, r.ledger - 'extra' AS ledger,
                   r.own AS ours, i.sentence, i.next_step, i.actor
              FROM meant
              JOIN documents d ON d.id = meant.id
              JOIN synced_records r ON r.object_id = d.id AND r.billing_entity_id = :entity
              LEFT JOIN issues i ON i.id = r.issue_id
             WHERE r.type = ANY(:wanted) AND r.status = ANY(:statuses)
               AND (CAST(:connection AS uuid) IS NULL OR r.connection_id = :connection)
               AND (CAST(:issue AS uuid) IS NULL OR r.issue_id = :issue)
               AND (CAST(:own AS boolean) IS NULL OR r.own = :own)
             ORDER BY r.updated_at DESC, r.id DESC LIMIT :limit
            """,
            entity=billing_entity_id,
            text=text,
            types=list(ObjectType),
            wanted=[wanted.type.value] if wanted.type else list(ObjectType),
            statuses=list(wanted.statuses or SyncStatus),
            connection=wanted.connection_id,
            issue=wanted.issue_id,
            own=wanted.own,
            limit=limit,
        )
        return [line_of(row) for row in found]
