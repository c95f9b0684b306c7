"""What the accounting contract shows of one billing entity: keyset pages and single rows.

Every statement is limited to a billing entity. Clauses for filters that were not given are left
out instead of compared with NULL, so that PostgreSQL plans for those that were.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text

from models.canonical import AnyRecord, ObjectType, record_adapter
from models.repositories import record_pages
from models.repositories.place import Place, RecordKind
from models.repositories.record_pages import keyset
from models.repositories.statement import Repository, built, many
from models.status import SyncStatus
from models.tables import ConnectionRow, IssueRow


@dataclass(frozen=True)
class RecordLine:
    """A synced record with what its document and its issue say."""

    id: UUID
    created_at: datetime
    updated_at: datetime
    connection_id: UUID
    provider: str
    type: ObjectType
    of: str | None
    """The first role of a contact, the side of a credit note."""
    object_id: UUID
    object_updated_at: datetime
    external_id: str
    number: str | None
    platform_object_id: str | None
    status: SyncStatus
    blocked_by: UUID | None
    reason_code: str | None
    reason: str | None
    attempts: int
    next_attempt_at: datetime
    last_pulled_at: datetime | None
    last_pushed_at: datetime | None
    ours: bool
    edited: bool
    """The document says something else than what the ledger accepted last."""
    url: str | None
    issue_id: UUID | None
    sentence: str | None
    actor: str | None
    next_step: str | None
    provider_message: str | None


@dataclass(frozen=True)
class PulledRow:
    """A tax rate or an account of the entity's ledger."""

    id: UUID
    created_at: datetime
    updated_at: datetime
    name: str
    record: AnyRecord
    balance: Decimal | None


@dataclass(frozen=True)
class LedgerDocument:
    """An invoice or a bill that the entity's ledger has, in its owner's words."""

    platform_id: str
    object_id: UUID
    source_id: UUID | None
    record: AnyRecord
    status: str | None
    balance: Decimal | None
    due_date: date | None
    ledger: Mapping[str, Any]


@dataclass(frozen=True)
class ContactName:
    """What a contact is called, and its id in the ledger."""

    name: str
    platform_id: str | None


_RECORD = """
    r.id, r.created_at, r.updated_at, r.connection_id, r.type, r.object_id, r.platform_object_id,
    r.status, r.blocked_by, r.reason_code, r.reason, r.attempts, r.next_attempt_at,
    r.last_pulled_at, r.last_pushed_at, r.issue_id, r.ledger ->> 'url' AS url, nullif(r.side, '') AS "of",
    r.pushed_hash IS DISTINCT FROM d.content_hash AS edited,
    d.updated_at AS object_updated_at, d.external_id, d.number,
    d.source_id IS DISTINCT FROM r.connection_id AS ours
"""

_RECORD_SORTS = {"created_at", "updated_at"}
_PULLED_SORTS = {"created_at", "name"}


def _at(place: Place | None) -> dict[str, Any]:
    return {"value": place.value, "at": place.id} if place else {}


class Contract(Repository):
    """The accounting contract's view of a billing entity."""

    def connections(self, billing_entity_id: UUID) -> list[ConnectionRow]:
        """Its ledgers, those that were disconnected left out."""
        found = self._session.execute(
            select(ConnectionRow)
            .where(
                text(
                    "id IN (SELECT connection_id FROM connection_entities "
                    "WHERE billing_entity_id = :entity)"
                ),
                text("role = 'ledger' AND status <> 'disconnected'"),
            )
            .order_by(ConnectionRow.created_at, ConnectionRow.id),
            {"entity": billing_entity_id},
        )
        return list(found.scalars())

    def connection(self, billing_entity_id: UUID, connection_id: UUID) -> ConnectionRow | None:
        """One of its ledgers, disconnected or not."""
        return self._session.execute(
            select(ConnectionRow).where(
                ConnectionRow.id == connection_id,
                text(
                    "id IN (SELECT connection_id FROM connection_entities "
                    "WHERE billing_entity_id = :entity)"
                ),
                text("role = 'ledger'"),
            ),
            {"entity": billing_entity_id},
        ).scalar_one_or_none()

    def ledger(self, billing_entity_id: UUID) -> ConnectionRow | None:
        """The ledger that its documents go to."""
        return self._session.execute(
            select(ConnectionRow).where(
                text(
                    "id = (SELECT connection_id FROM connection_entities "
                    "WHERE billing_entity_id = :entity AND active)"
                )
            ),
            {"entity": billing_entity_id},
        ).scalar_one_or_none()

    def connection_issues(
        self, connection_ids: Sequence[UUID], codes: Sequence[str]
    ) -> dict[UUID, list[IssueRow]]:
        """What is wrong with connections themselves, by connection, oldest first."""
        by_connection: dict[UUID, list[IssueRow]] = {}
        if connection_ids:
            found = self._session.execute(
                select(IssueRow)
                .where(
                    IssueRow.connection_id.in_(connection_ids),
                    IssueRow.code.in_(codes),
                    IssueRow.closed_at.is_(None),
                )
                .order_by(IssueRow.first_seen_at, IssueRow.id)
            )
            for issue in found.scalars():
                by_connection.setdefault(issue.connection_id, []).append(issue)
        return by_connection

    def records(
        self,
        billing_entity_id: UUID,
        kinds: Sequence[RecordKind],
        *,
        filters: Mapping[str, Any],
        sync_status: str | None,
        sort: str,
        descending: bool,
        place: Place | None,
        limit: int,
    ) -> list[RecordLine]:
        """Records of some kinds in its ledgers, in order from a place on.

        A page costs the same at any depth; how is said in `record_pages`.
        """
        assert sort in _RECORD_SORTS  # noqa: S101  # goes into the statement
        after, order = keyset("r", sort, place, descending=descending)
        parameters = {
            "entity": billing_entity_id,
            **record_pages.parameters_of(kinds, sync_status),
            **filters,
        }
        if "object_id" in filters or "object_id__in" in filters:
            page = record_pages.page_of_objects
        elif record_pages.limited_otherwise(filters, sort) and (
            self._execute(record_pages.how_many(filters, sort), **parameters).scalar_one()
            < record_pages.FEW
        ):
            page = record_pages.page_of_few
        else:
            page = record_pages.page
        found = self._execute(
            f"""
            WITH page AS MATERIALIZED ({page(filters, sort, after, order)})
            SELECT {_RECORD}, c.provider, i.sentence, i.actor, i.next_step, i.provider_message
              FROM page
             CROSS JOIN LATERAL (
                SELECT * FROM synced_records r WHERE r.id = page.id LIMIT 1) AS r
             CROSS JOIN LATERAL (
                SELECT * FROM documents d WHERE d.id = r.object_id LIMIT 1) AS d
              JOIN connections c ON c.id = r.connection_id
              LEFT JOIN LATERAL (
                SELECT * FROM issues i WHERE i.id = r.issue_id LIMIT 1) AS i ON true
             ORDER BY {order}
            """,
            limit=limit,
            **parameters,
            **_at(place),
        )
        return [_record(row) for row in found]

    def record(self, billing_entity_id: UUID, record_id: UUID) -> RecordLine | None:
        """One record of its ledgers."""
        found = self._execute(
            f"""
            SELECT {_RECORD}, c.provider, i.sentence, i.actor, i.next_step, i.provider_message
              FROM synced_records r
              JOIN documents d ON d.id = r.object_id
              JOIN connections c ON c.id = r.connection_id
              JOIN connection_entities e ON e.connection_id = c.id
               AND e.billing_entity_id = :entity
              LEFT JOIN issues i ON i.id = r.issue_id
             WHERE r.id = :id AND d.billing_entity_id = :entity AND c.role = 'ledger'
            """,
            entity=billing_entity_id,
            id=record_id,
        ).one_or_none()
        return _record(found) if found else None

    def queue_update(self, record_id: UUID) -> bool:
        """Queue a record that is done when its document was edited since; whether it was.

        What the ledger has is changed by it, nothing is made: its id there is known.
        """
        return bool(
            self._execute(
                """
                UPDATE synced_records r
                   SET status = 'pending', reason_code = NULL, reason = NULL, attempts = 0,
                       next_attempt_at = now(), updated_at = now()
                  FROM documents d
                 WHERE r.id = :id AND d.id = r.object_id AND r.status = 'done'
                   AND r.platform_object_id IS NOT NULL
                   AND d.source_id IS DISTINCT FROM r.connection_id
                   AND r.pushed_hash IS DISTINCT FROM d.content_hash
                """,
                id=record_id,
            ).rowcount
        )

    def pulled(
        self,
        billing_entity_id: UUID,
        kind: ObjectType,
        *,
        sort: str,
        descending: bool,
        place: Place | None,
        limit: int,
    ) -> list[PulledRow]:
        """Rates or accounts of its ledger, in order from a place on."""
        assert sort in _PULLED_SORTS  # noqa: S101  # goes into the statement
        clause, order = keyset("d", sort, place, descending=descending)
        found = self._execute(
            f"""
            SELECT d.id, d.created_at, d.updated_at, d.name, d.body, d.balance
              FROM connection_entities e JOIN documents d ON d.source_id = e.connection_id
             WHERE e.billing_entity_id = :entity AND e.active
               AND d.type = :type AND d.deleted_at IS NULL AND {clause}
             ORDER BY {order} LIMIT :limit
            """,
            entity=billing_entity_id,
            type=kind.value,
            limit=limit,
            **_at(place),
        )
        return [_pulled(row) for row in found]

    def pulled_one(
        self, billing_entity_id: UUID, kind: ObjectType, document_id: UUID
    ) -> PulledRow | None:
        """One rate or account of its ledger."""
        return self.pulled_many(billing_entity_id, kind, [document_id]).get(document_id)

    def pulled_many(
        self, billing_entity_id: UUID, kind: ObjectType, document_ids: Sequence[UUID]
    ) -> dict[UUID, PulledRow]:
        """Rates or accounts of its ledger by their ids."""
        found = self._execute(
            """
            SELECT d.id, d.created_at, d.updated_at, d.name, d.body, d.balance
              FROM documents d JOIN connection_entities e ON e.connection_id = d.source_id
             WHERE e.billing_entity_id = :entity AND e.active
               AND d.type = :type AND d.deleted_at IS NULL AND d.id = ANY(:ids)
            """,
            entity=billing_entity_id,
            type=kind.value,
            ids=list(document_ids),
        )
        return {row.id: _pulled(row) for row in found}

    def ids_of(
        self, billing_entity_id: UUID, kind: ObjectType, platform_ids: Sequence[str]
    ) -> dict[str, UUID]:
        """Our ids of rates or accounts of its ledger, by the ledger's ids."""
        if not platform_ids:
            return {}
        found = self._execute(
            """
            SELECT d.external_id, d.id
              FROM connection_entities e JOIN documents d ON d.source_id = e.connection_id
             WHERE e.billing_entity_id = :entity AND e.active
               AND d.type = :type AND d.deleted_at IS NULL AND d.external_id = ANY(:ids)
            """,
            entity=billing_entity_id,
            type=kind.value,
            ids=list(platform_ids),
        )
        return {row.external_id: row.id for row in found}

    def in_ledger(
        self,
        billing_entity_id: UUID,
        connection_id: UUID,
        kind: ObjectType,
        *,
        platform_id: str | None = None,
        limit: int,
        offset: int = 0,
    ) -> list[LedgerDocument]:
        """Invoices or bills that its ledger has, ours and its own, in the order we met them."""
        one = "AND r.platform_object_id = :platform_id" if platform_id is not None else ""
        found = self._execute(
            f"""
            WITH page AS MATERIALIZED (
                SELECT r.id FROM synced_records r
                 WHERE r.connection_id = :connection AND r.billing_entity_id = :entity
                   AND EXISTS (SELECT FROM connection_entities e
                                WHERE e.connection_id = :connection
                                  AND e.billing_entity_id = :entity AND e.active)
                   AND r.type = :type AND r.platform_object_id IS NOT NULL {one}
                   -- The few that are deleted: so the offset is counted in an index alone.
                   AND r.object_id NOT IN (
                       SELECT d.id FROM documents d
                        WHERE d.billing_entity_id = :entity AND d.deleted_at IS NOT NULL)
                 ORDER BY r.created_at, r.id LIMIT :limit OFFSET :offset)
            SELECT r.platform_object_id, r.ledger, d.id, d.source_id, d.body, d.status, d.balance,
                   d.due_date
              FROM page
             CROSS JOIN LATERAL (
                SELECT * FROM synced_records r WHERE r.id = page.id LIMIT 1) AS r
             CROSS JOIN LATERAL (
                SELECT * FROM documents d WHERE d.id = r.object_id LIMIT 1) AS d
             ORDER BY r.created_at, r.id
            """,
            entity=billing_entity_id,
            connection=connection_id,
            type=kind.value,
            limit=limit,
            offset=offset,
            **({"platform_id": platform_id} if platform_id is not None else {}),
        )
        return [
            LedgerDocument(
                platform_id=row.platform_object_id,
                object_id=row.id,
                source_id=row.source_id,
                record=record_adapter.validate_python(row.body),
                status=row.status,
                balance=row.balance,
                due_date=row.due_date,
                ledger=row.ledger or {},
            )
            for row in found
        ]

    def contact_names(
        self, billing_entity_id: UUID, contacts: Sequence[tuple[UUID | None, str]]
    ) -> dict[tuple[UUID | None, str], ContactName]:
        """Names of contacts by (owner, the owner's id), and their ids in the ledger."""
        if not contacts:
            return {}
        found = self._execute(
            """
            SELECT v.source_id, v.external_id, d.name, r.platform_object_id
              FROM jsonb_to_recordset(CAST(:contacts AS jsonb))
                   AS v(source_id uuid, external_id text)
              JOIN connection_entities e ON e.billing_entity_id = :entity AND e.active
              JOIN connections c ON c.id = e.connection_id
              JOIN documents d ON d.source_id IS NOT DISTINCT FROM v.source_id
                              AND d.type = 'contact' AND d.external_id = v.external_id
                              AND d.billing_entity_id IN (:entity, c.billing_entity_id)
              LEFT JOIN synced_records r ON r.connection_id = e.connection_id
                                        AND r.type = 'contact' AND r.object_id = d.id
             WHERE d.source_id IS NULL AND d.billing_entity_id = :entity
                OR d.source_id IS NOT NULL
            """,
            entity=billing_entity_id,
            contacts=many(
                [{"source_id": source, "external_id": external} for source, external in contacts]
            ),
        )
        return {
            (row.source_id, row.external_id): ContactName(row.name or "", row.platform_object_id)
            for row in found
        }

    def set_settings(self, connection_id: UUID, changed: Mapping[str, Any]) -> None:
        """Change some settings of a connection; an empty value takes one away."""
        self._execute(
            """
            UPDATE connections
               SET settings = (settings || CAST(:set AS jsonb)) - CAST(:gone AS text[]),
                   updated_at = now()
             WHERE id = :id
            """,
            id=connection_id,
            set=json.dumps({name: value for name, value in changed.items() if value is not None}),
            gone=[name for name, value in changed.items() if value is None],
        )


def _record(row: Row[Any]) -> RecordLine:
    return built(RecordLine, row, type=ObjectType(row.type), status=SyncStatus(row.status))


def _pulled(row: Row[Any]) -> PulledRow:
    record = record_adapter.validate_python(row.body)
    return PulledRow(row.id, row.created_at, row.updated_at, row.name, record, row.balance)
