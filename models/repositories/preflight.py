"""Reading what waits to be pushed without claiming it: for questions, not for work."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from models.canonical import AnyRecord, ObjectType, record_adapter
from models.repositories.statement import Repository
from models.repositories.synced_records import Claimed, readable
from models.status import SyncStatus

_COLUMNS = """
    r.*, d.external_id, d.source_id, d.content_hash, d.body, d.deleted_at IS NOT NULL AS gone,
    0.0::float8 AS uncertain_seconds
"""


@dataclass(frozen=True)
class Shown:
    """What a ledger showed of an object, and when that was learnt."""

    ledger: dict[str, Any]
    seen_at: datetime | None


class Preflight(Repository):
    """Candidates for a push, whoever holds them, and what the ledger has of them."""

    def only_look(self) -> None:
        """Let this transaction see one moment and write nothing; its first statement."""
        self._execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")

    def pages(
        self,
        connection_id: UUID,
        kind: ObjectType,
        *,
        statuses: Sequence[SyncStatus],
        size: int,
    ) -> Iterator[list[Claimed]]:
        """Records of one type in the order in which they would be claimed: one statement."""
        found = self._session.execute(
            text(f"""
            SELECT {_COLUMNS}
              FROM synced_records r
              JOIN connections c ON c.id = r.connection_id
              JOIN documents d ON d.id = r.object_id
             WHERE r.connection_id = :connection AND r.type = :type
               AND r.status = ANY(:statuses) AND d.billing_entity_id = c.billing_entity_id
             ORDER BY r.object_date, r.id
            """),
            {
                "connection": connection_id,
                "type": kind.value,
                "statuses": sorted(statuses),
            },
            # A cursor in the database: rows come a page at a time.
            execution_options={"stream_results": True, "max_row_buffer": size},
        )
        for rows in found.partitions(size):
            yield readable(rows)

    def records(self, connection_id: UUID, record_ids: Sequence[UUID]) -> list[Claimed]:
        """Some records of a connection, wherever they stand."""
        found = self._execute(
            f"""
            SELECT {_COLUMNS}
              FROM synced_records r
              JOIN connections c ON c.id = r.connection_id
              JOIN documents d ON d.id = r.object_id
             WHERE r.connection_id = :connection AND r.id = ANY(:ids)
               AND d.billing_entity_id = c.billing_entity_id
             ORDER BY r.object_date, r.id
            """,
            connection=connection_id,
            ids=list(record_ids),
        )
        return readable(found)

    def record_of(self, connection_id: UUID, document_id: UUID) -> UUID | None:
        """The record of a document of ours in a connection."""
        return self._execute(
            """
            SELECT r.id FROM synced_records r JOIN documents d ON d.id = r.object_id
             WHERE r.connection_id = :connection AND r.object_id = :document
               AND d.source_id IS DISTINCT FROM r.connection_id
            """,
            connection=connection_id,
            document=document_id,
        ).scalar_one_or_none()

    def connection_of(self, record_id: UUID) -> UUID | None:
        """The connection of a record."""
        return self._execute(
            "SELECT connection_id FROM synced_records WHERE id = :record", record=record_id
        ).scalar_one_or_none()

    def shown(self, record_id: UUID) -> Shown:
        """What the ledger showed of a record's object when it was last read or written."""
        row = self._execute(
            "SELECT ledger, greatest(last_pulled_at, last_pushed_at) AS seen_at "
            "FROM synced_records WHERE id = :record",
            record=record_id,
        ).one()
        return Shown(row.ledger or {}, row.seen_at)

    def of_the_ledger(
        self, connection_id: UUID, kind: ObjectType, platform_id: str
    ) -> tuple[AnyRecord, datetime] | None:
        """An object that was born in a ledger, as it was last read there."""
        row = self._execute(
            """
            SELECT body, updated_at FROM documents
             WHERE source_id = :connection AND type = :type AND external_id = :platform_id
               AND deleted_at IS NULL
            """,
            connection=connection_id,
            type=kind.value,
            platform_id=platform_id,
        ).one_or_none()
        return None if row is None else (record_adapter.validate_python(row.body), row.updated_at)
