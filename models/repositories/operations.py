"""Runs, sync log, issues and mappings of one billing entity, in pages; and whose a thing is."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVarTuple
from uuid import UUID

from sqlalchemy import ScalarSelect, Select, func, select

from models.canonical import ObjectType
from models.repositories.paging import last_changed_first
from models.repositories.place import Place
from models.repositories.statement import Repository
from models.repositories.sync_log import LogLine, line_of
from models.status import SyncStatus
from models.tables import (
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


# Pages of the log: first rows of each group of an index, merged; or of one document or cause.
_OF_ALL = f"""
    SELECT r.id, r.updated_at FROM ({_CONNECTIONS}) AS c
     CROSS JOIN unnest(CAST(:types AS text[])) AS t(type)
     CROSS JOIN unnest(CAST(:owns AS boolean[])) AS o(own)
     CROSS JOIN unnest(CAST(:statuses AS text[])) AS s(status)
     CROSS JOIN LATERAL (
        SELECT r.id, r.updated_at FROM synced_records r
         WHERE r.connection_id = c.id AND r.billing_entity_id = :entity AND r.type = t.type
           AND r.own = o.own AND r.status = s.status AND {{clauses}}
         ORDER BY {{order}} LIMIT :limit) AS r
     ORDER BY {{order}} LIMIT :limit"""
_OF_ONE = """
    SELECT r.id, r.updated_at FROM synced_records r
     WHERE {clauses} AND r.billing_entity_id = :entity AND r.type = ANY(:types)
       AND r.own = ANY(:owns) AND r.status = ANY(:statuses)
     ORDER BY {order} LIMIT :limit"""


class Thing(StrEnum):
    """What can belong to a billing entity, as people call it."""

    CONNECTION = "connection"
    ISSUE = "issue"
    RECORD = "record"
    RUN = "run"
    UPLOAD = "hand-in"


_OWNED = {
    Thing.CONNECTION: "SELECT 1 WHERE :id IN (SELECT id FROM mine)",
    Thing.ISSUE: "SELECT 1 FROM issues WHERE id = :id AND connection_id IN (SELECT id FROM mine)",
    Thing.RECORD: "SELECT 1 FROM synced_records r JOIN documents d ON d.id = r.object_id "
    "WHERE r.id = :id AND d.billing_entity_id = :entity",
    Thing.UPLOAD: "SELECT 1 FROM uploads WHERE id = :id AND connection_id IN (SELECT id FROM mine)",
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
    statuses: tuple[SyncStatus, ...] = ()
    """Standing at one of these; `status` is one alone."""


class Operations(Repository):
    """What the operations over HTTP read; everything is limited to one billing entity."""

    def owns(self, billing_entity_id: UUID, what: Thing, thing_id: UUID) -> bool:
        """Whether something belongs to a billing entity."""
        found = self._execute(
            f"WITH mine AS ({_CONNECTIONS}) {_OWNED[what]}", id=thing_id, entity=billing_entity_id
        )
        return found.first() is not None

    def log(
        self, billing_entity_id: UUID, wanted: LogFilter, place: Place | None, limit: int
    ) -> list[LogLine]:
        """Records, last changed first; `record_pages` says how a page is found."""
        after, order = last_changed_first(place, ("r.updated_at", "r.id"))
        clauses = [after] if wanted.since is None else [after, "r.updated_at >= :since"]
        given: dict[str, Any] = {
            "types": [wanted.type.value] if wanted.type else list(ObjectType),
            "statuses": [wanted.status.value]
            if wanted.status
            else list(wanted.statuses or SyncStatus),
            "owns": [True, False] if wanted.own is None else [wanted.own],
            **({"since": wanted.since} if wanted.since else {}),
            **({"moment": place.value, "place": place.id} if place else {}),
        }
        for name in ("connection_id", "object_id", "issue_id"):
            if (value := getattr(wanted, name)) is not None:
                given[name] = value
                clauses.append(f"r.{name} = :{name}")
        if wanted.object_id is not None or wanted.issue_id is not None:
            page = _OF_ONE.format(clauses=" AND ".join(clauses), order=order)
        else:
            page = _OF_ALL.format(clauses=" AND ".join(clauses), order=order)
        found = self._execute(
            f"""
            WITH page AS MATERIALIZED ({page})
            SELECT r.id, r.connection_id, r.type, r.object_id, d.external_id, d.number,
                   d.name, d.document_date, d.currency, d.total, r.status, r.reason_code,
                   r.reason, r.issue_id, r.blocked_by, r.platform_object_id, r.attempts,
                   r.next_attempt_at, r.updated_at, r.variance, r.ledger - 'extra' AS ledger, r.own AS ours,
                   i.sentence, i.next_step, i.actor
              FROM page
             CROSS JOIN LATERAL (
                SELECT * FROM synced_records r WHERE r.id = page.id LIMIT 1) AS r
             CROSS JOIN LATERAL (
                SELECT * FROM documents d WHERE d.id = r.object_id LIMIT 1) AS d
              LEFT JOIN LATERAL (
                SELECT * FROM issues i WHERE i.id = r.issue_id LIMIT 1) AS i ON true
             ORDER BY {order}
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
