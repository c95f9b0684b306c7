"""Which object of a ledger is the pair of which document of ours."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from models.canonical import ObjectType
from models.repositories.statement import Repository, many


class Pairing(Repository):
    """Finds, guards and corrects pairs."""

    def taken(
        self, connection_id: UUID, kind: ObjectType, platform_ids: Sequence[str]
    ) -> dict[str, UUID]:
        """Which platform objects are paired with a document of ours already, and which record."""
        found = self._execute(
            """
            SELECT r.platform_object_id, r.id FROM synced_records r
              JOIN documents d ON d.id = r.object_id
             WHERE r.connection_id = :connection AND r.type = :type
               AND r.platform_object_id = ANY(:ids) AND d.source_id IS DISTINCT FROM :connection
            """,
            connection=connection_id,
            type=kind.value,
            ids=list(platform_ids),
        )
        return {row.platform_object_id: row.id for row in found}

    def drop_twins(
        self, connection_id: UUID, kind: ObjectType, rows: Sequence[dict[str, Any]]
    ) -> None:
        """Drop what a pull stored of objects that turn out to be ours.

        A pull can meet a document of ours before we know its platform id (the answer was lost,
        the ledger carries no marker): it is then stored as the ledger's own. Once it is known
        to be ours, that copy goes.
        """
        named = [row for row in rows if row.get("platform_id")]
        if not named:
            return
        gone = self._execute(
            """
            DELETE FROM synced_records t
             USING jsonb_to_recordset(CAST(:rows AS jsonb)) AS v(id uuid, platform_id text)
             WHERE t.connection_id = :connection AND t.type = :type
               AND t.platform_object_id = v.platform_id AND t.id <> v.id
               AND EXISTS (SELECT 1 FROM documents d
                            WHERE d.id = t.object_id AND d.source_id = :connection)
            RETURNING t.object_id
            """,
            rows=many(named),
            connection=connection_id,
            type=kind.value,
        ).scalars()
        self._execute("DELETE FROM documents WHERE id = ANY(:ids)", ids=list(gone))
