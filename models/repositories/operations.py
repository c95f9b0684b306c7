"""Runs, sync log, issues and mappings of one billing entity, in pages; and whose a thing is."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVarTuple
from uuid import UUID

from sqlalchemy import ScalarSelect, Select, func, select

from models.canonical import ObjectType
from models.repositories.contract import Place
from models.repositories.paging import last_changed_first
from models.repositories.statement import Repository
from models.repositories.sync_log import LogLine, line_of
from models.status import SyncStatus
from models.tables import (
    BillingEntityRow,
    ConnectionEntityRow,
    ConnectionRow,
    IssueRow,
    MappingKind,
    MappingRow,
    RunStatus,
    SyncedRecordRow,
    SyncRunRow,
)

Columns = TypeVarTuple("Columns")

_CONNECTIONS = """
    SELECT c.id FROM connections c WHERE c.billing_entity_id = :entity
     UNION SELECT e.connection_id FROM connection_entities e WHERE e.billing_entity_id = :entity"""


class Thing(StrEnum):
    """What can belong to a billing entity, as people call it."""

    CONNECTION = "connection"
    ISSUE = "issue"
    RECORD = "record"
    RUN = "run"


_OWNED = {
    Thing.CONNECTION: "SELECT 1 WHERE :id IN (SELECT id FROM mine)",
    Thing.ISSUE: "SELECT 1 FROM issues WHERE id = :id AND connection_id IN (SELECT id FROM mine)",
    Thing.RECORD: "SELECT 1 FROM synced_records r JOIN documents d ON d.id = r.object_id "
    "WHERE r.id = :id AND d.billing_entity_id = :entity",
    Thing.RUN: "SELECT 1 FROM sync_runs WHERE id = :id AND connection_id IN (SELECT id FROM mine)",
}


@dataclass(frozen=True)
class LogFilter:
    """Which records are meant; what is None does not matter."""

    connection_id: UUID | None = None
    type: ObjectType | None = None
    status: SyncStatus | None = None
    object_id: UUID | None = None
    issue_id: UUID | None = None
    since: datetime | None = None
    own: bool | None = None
    """Of documents of ours (True), or of the ledger's own."""


class Operations(Repository):
    """What the operations over HTTP read; everything is limited to one billing entity."""

    def owns(self, billing_entity_id: UUID, what: Thing, thing_id: UUID) -> bool:
        """Whether something belongs to a billing entity."""
        found = self._execute(
            f"WITH mine AS ({_CONNECTIONS}) {_OWNED[what]}", id=thing_id, entity=billing_entity_id
        )
        return found.first() is not None

    def entity_coded(self, organisation_id: UUID, code: str) -> BillingEntityRow | None:
        """The billing entity of a code in an organisation."""
        return self._session.execute(
            select(BillingEntityRow).where(
                BillingEntityRow.organisation_id == organisation_id, BillingEntityRow.code == code
            )
        ).scalar_one_or_none()

    def log(
        self, billing_entity_id: UUID, wanted: LogFilter, place: Place | None, limit: int
    ) -> list[LogLine]:
        """Records, last changed first; each connection's index is read no further than needed."""
        conditions = {
            "connection_id": "r.connection_id = :connection_id",
            "type": "r.type = :type",
            "status": "r.status = :status",
            "object_id": "r.object_id = :object_id",
            "issue_id": "r.issue_id = :issue_id",
            "since": "r.updated_at >= :since",
        }
        given: dict[str, Any] = {
            name: value for name in conditions if (value := getattr(wanted, name)) is not None
        }
        clauses = [conditions[name] for name in given]
        if wanted.own is not None:
            is_ours = "IS DISTINCT FROM" if wanted.own else "IS NOT DISTINCT FROM"
            clauses.append(f"d.source_id {is_ours} r.connection_id")
        after, order = last_changed_first(place, ("r.updated_at", "r.id"))
        if place is not None:
            given |= {"moment": place.value, "place": place.id}
        found = self._execute(
            f"""
            SELECT r.*, i.sentence, i.next_step, i.actor
              FROM ({_CONNECTIONS}) AS c
             CROSS JOIN LATERAL (
                SELECT r.id, r.connection_id, r.type, r.object_id, d.external_id, d.number,
                       d.name, d.document_date, d.currency, d.total, r.status, r.reason_code,
                       r.reason, r.issue_id, r.platform_object_id, r.attempts,
                       r.next_attempt_at, r.updated_at, r.variance, r.ledger,
                       d.source_id IS DISTINCT FROM r.connection_id AS ours
                  FROM synced_records r JOIN documents d ON d.id = r.object_id
                 WHERE r.connection_id = c.id AND d.billing_entity_id = :entity
                   AND {" AND ".join([after, *clauses])}
                 ORDER BY {order} LIMIT :limit) AS r
              LEFT JOIN issues i ON i.id = r.issue_id
             ORDER BY {order} LIMIT :limit
            """,
            entity=billing_entity_id,
            limit=limit,
            **given,
        )
        return [line_of(row) for row in found]

    def runs(
        self,
        billing_entity_id: UUID,
        place: Place | None,
        limit: int,
        *,
        connection_id: UUID | None = None,
        status: RunStatus | None = None,
    ) -> list[SyncRunRow]:
        """Runs, newest first."""
        query = select(SyncRunRow).where(SyncRunRow.connection_id.in_(_mine(billing_entity_id)))
        if connection_id:
            query = query.where(SyncRunRow.connection_id == connection_id)
        if status:
            query = query.where(SyncRunRow.status == status)
        query = _from(query, SyncRunRow.id, place).limit(limit)
        return list(self._session.execute(query).scalars())

    def issues(
        self,
        billing_entity_id: UUID,
        place: Place | None,
        limit: int,
        *,
        connection_id: UUID | None = None,
        code: str | None = None,
        is_open: bool | None = True,
    ) -> list[tuple[IssueRow, int]]:
        """Causes with how many records wait for each, newest first."""
        query = select(IssueRow, _waiting()).where(
            IssueRow.connection_id.in_(_mine(billing_entity_id))
        )
        if connection_id:
            query = query.where(IssueRow.connection_id == connection_id)
        if code:
            query = query.where(IssueRow.code == code)
        if is_open is not None:
            closed = IssueRow.closed_at
            query = query.where(closed.is_(None) if is_open else closed.is_not(None))
        query = _from(query, IssueRow.id, place).limit(limit)
        return [(issue, number) for issue, number in self._session.execute(query)]

    def issue(self, billing_entity_id: UUID, issue_id: UUID) -> tuple[IssueRow, int] | None:
        """One cause, open or closed, with how many records wait for it."""
        found = self._session.execute(
            select(IssueRow, _waiting()).where(
                IssueRow.id == issue_id, IssueRow.connection_id.in_(_mine(billing_entity_id))
            )
        ).one_or_none()
        return (found[0], found[1]) if found else None

    def mappings(
        self,
        billing_entity_id: UUID,
        place: Place | None,
        limit: int,
        *,
        connection_id: UUID | None = None,
        kind: MappingKind | None = None,
    ) -> list[MappingRow]:
        """What people mapped, newest first."""
        query = select(MappingRow).where(MappingRow.connection_id.in_(_mine(billing_entity_id)))
        if connection_id:
            query = query.where(MappingRow.connection_id == connection_id)
        if kind:
            query = query.where(MappingRow.kind == kind)
        query = _from(query, MappingRow.id, place).limit(limit)
        return list(self._session.execute(query).scalars())


def _mine(billing_entity_id: UUID) -> Select[UUID]:
    """The connections that act for a billing entity."""
    also = select(ConnectionEntityRow.connection_id).where(
        ConnectionEntityRow.billing_entity_id == billing_entity_id
    )
    return select(ConnectionRow.id).where(
        (ConnectionRow.billing_entity_id == billing_entity_id) | ConnectionRow.id.in_(also)
    )


def _waiting() -> ScalarSelect[int]:
    return (
        select(func.count())
        .select_from(SyncedRecordRow)
        .where(SyncedRecordRow.issue_id == IssueRow.id)
        .correlate(IssueRow)
        .scalar_subquery()
    )


def _from(query: Select[*Columns], column: Any, place: Place | None) -> Select[*Columns]:
    """A list by id, newest first, from a place on."""
    if place is None:
        return query.order_by(column.desc())
    if place.back:
        query = query.where(column >= place.id if place.inclusive else column > place.id)
        return query.order_by(column.asc())
    query = query.where(column <= place.id if place.inclusive else column < place.id)
    return query.order_by(column.desc())
