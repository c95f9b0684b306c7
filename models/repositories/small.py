"""The small tables of a connection: cursors and mappings; and the audit log."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from models.canonical import ObjectType
from models.ids import new_id
from models.repositories.statement import Repository
from models.tables import AuditRow, CursorRow, MappingKind, MappingRow


class Cursors(Repository):
    """Where pulls resume."""

    def get(self, connection_id: UUID, kind: ObjectType) -> str | None:
        """The cursor of a type, None before the first complete pull."""
        row = self._session.get(CursorRow, (connection_id, kind))
        return row.value if row else None

    def move(self, connection_id: UUID, kind: ObjectType, value: str) -> None:
        """Set the cursor; belongs into the transaction that stores the rows it covers."""
        self._execute(
            "INSERT INTO cursors (connection_id, type, value) VALUES (:connection, :type, :value) "
            "ON CONFLICT (connection_id, type) DO UPDATE "
            "SET value = excluded.value, updated_at = now()",
            connection=connection_id,
            type=kind.value,
            value=value,
        )

    def forget(self, connection_id: UUID, kind: ObjectType) -> None:
        """Pull everything next time."""
        self._execute(
            "UPDATE cursors SET value = NULL, updated_at = now() "
            "WHERE connection_id = :connection AND type = :type",
            connection=connection_id,
            type=kind.value,
        )

    def completed(self, connection_id: UUID, kind: ObjectType) -> None:
        """Note that a pull of a type came to its end."""
        self._execute(
            "INSERT INTO cursors (connection_id, type, completed_at) "
            "VALUES (:connection, :type, now()) "
            "ON CONFLICT (connection_id, type) DO UPDATE SET completed_at = now()",
            connection=connection_id,
            type=kind.value,
        )

    def ever_completed(self, connection_id: UUID) -> set[ObjectType]:
        """The types that were pulled to their end at least once."""
        return self.completed_by_now(connection_id)[1]

    def completed_by_now(self, connection_id: UUID) -> tuple[datetime, set[ObjectType]]:
        """The database's time, and these types."""
        found = self._execute(
            "SELECT now() AS now, ARRAY(SELECT type FROM cursors WHERE connection_id = :connection "
            "AND completed_at IS NOT NULL) AS types",
            connection=connection_id,
        ).one()
        return found.now, {ObjectType(kind) for kind in found.types}


class Mappings(Repository):
    """What people said is the same thing on both sides."""

    def set(
        self, connection_id: UUID, kind: MappingKind, ours: str, theirs: str, *, by: str
    ) -> None:
        """Map one of ours to one of theirs, instead of what it was mapped to before."""
        self._session.execute(
            insert(MappingRow)
            .values(
                id=new_id(),
                connection_id=connection_id,
                kind=kind,
                ours=ours,
                theirs=theirs,
                created_by=by,
            )
            .on_conflict_do_update(
                index_elements=["connection_id", "kind", "ours"],
                set_={"theirs": theirs, "created_by": by},
            )
        )

    def listing(self, connection_id: UUID | None = None) -> list[MappingRow]:
        """All mappings."""
        query = select(MappingRow).order_by(MappingRow.kind, MappingRow.ours)
        if connection_id:
            query = query.where(MappingRow.connection_id == connection_id)
        return list(self._session.execute(query).scalars())

    def of(self, connection_id: UUID) -> dict[tuple[MappingKind, str], str]:
        """The mappings of a connection: (kind, ours) → theirs."""
        return {(row.kind, row.ours): row.theirs for row in self.listing(connection_id)}


class AuditLog(Repository):
    """Who did what."""

    def add(
        self,
        actor: str,
        action: str,
        subject: str,
        *,
        reason: str | None = None,
        **details: Any,
    ) -> None:
        """Write one line; details must hold no secret."""
        self._session.add(
            AuditRow(actor=actor, action=action, subject=subject, reason=reason, details=details)
        )
