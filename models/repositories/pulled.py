"""Storing what a page of a pull brought: comparing by hash, writing only what changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from models.canonical import AnyRecord, ObjectType, record_adapter
from models.ids import new_id
from models.repositories.copied import COPIED, COPIED_NAMES
from models.repositories.statement import Repository, many
from models.status import SyncStatus

NOT_MET = """{id} = ANY(ARRAY(
                   SELECT id FROM synced_records
                    WHERE connection_id = :connection AND type = :type
                      AND seen_run_id IS DISTINCT FROM :run
                   EXCEPT
                   SELECT unnest(record_ids) FROM met_objects
                    WHERE run_id = :run AND type = :type))"""
"""That a complete pull, `:run`, did not meet a record of `:type`.

As a set operation: a join would be planned by guesses about how many were met.
"""


@dataclass(frozen=True)
class Known:
    """A pair that a pulled object belongs to already."""

    record_id: UUID
    object_id: UUID
    source_id: UUID | None
    platform_id: str | None
    marker: str
    status: SyncStatus
    pulled_hash: str | None
    pushed_hash: str | None
    content_hash: str
    provider_version: str | None
    ours: bool
    """The document is the host product's or a source's, not the ledger's own."""
    gone: bool
    ledger: dict[str, Any]
    """What the ledger showed of ours before; of its own objects it is not asked for."""


def _known(row: Row[Any]) -> Known:
    return Known(
        record_id=row.id,
        object_id=row.object_id,
        source_id=row.source_id,
        platform_id=row.platform_object_id,
        marker=row.marker,
        status=SyncStatus(row.status),
        pulled_hash=row.pulled_hash,
        pushed_hash=row.pushed_hash,
        content_hash=row.content_hash,
        provider_version=row.provider_version,
        ours=row.ours,
        gone=row.gone,
        ledger=row.ledger or {},
    )


def _with_issues(rows: Sequence[tuple[UUID, UUID, str, str]]) -> str:
    return many(
        [
            {"id": record, "issue_id": issue, "reason_code": code, "reason": reason}
            for record, issue, code, reason in rows
        ]
    )


class Pulled(Repository):
    """The ledger's side of synced records."""

    def known(
        self,
        connection_id: UUID,
        kind: ObjectType,
        *,
        platform_ids: Sequence[str],
        markers: Sequence[str],
    ) -> list[Known]:
        """Find the pairs of a page's objects, by the platform's id or by our marker."""
        found = self._execute(
            """
            SELECT r.id, r.object_id, r.platform_object_id, r.marker, r.status, r.pulled_hash,
                   r.pushed_hash, d.content_hash, r.provider_version,
                   d.source_id IS DISTINCT FROM r.connection_id AS ours,
                   d.deleted_at IS NOT NULL AS gone, d.source_id,
                   CASE WHEN d.source_id IS DISTINCT FROM r.connection_id THEN r.ledger END
                       AS ledger
              FROM synced_records r JOIN documents d ON d.id = r.object_id
             WHERE r.connection_id = :connection AND r.type = :type
               AND (r.platform_object_id = ANY(:platform_ids) OR r.marker = ANY(:markers))
            """,
            connection=connection_id,
            type=kind.value,
            platform_ids=list(platform_ids),
            markers=list(markers),
        )
        return [_known(row) for row in found]

    def bodies(self, document_ids: Sequence[UUID]) -> dict[UUID, AnyRecord]:
        """Our side of documents that the ledger may have changed."""
        if not document_ids:
            return {}
        found = self._execute(
            "SELECT id, body FROM documents WHERE id = ANY(:ids)", ids=list(document_ids)
        )
        return {row.id: record_adapter.validate_python(row.body) for row in found}

    def lock(self, document_ids: Sequence[UUID]) -> None:
        """Let nobody store these documents until this transaction ends."""
        self._execute(
            "SELECT id FROM documents WHERE id = ANY(:ids) ORDER BY id FOR NO KEY UPDATE",
            ids=list(document_ids),
        )

    def pair(self, connection_id: UUID, rows: Sequence[dict[str, Any]]) -> None:
        """Make pairs for objects that were born at the provider.

        Each row has `id, type, object_id, object_date, marker, status, progress,
        platform_object_id, pulled_hash, provider_version, ledger, seen_run_id`.
        """
        if rows:
            self._execute(
                f"""
                INSERT INTO synced_records (
                    id, connection_id, type, object_id, object_date, {COPIED_NAMES}, marker, status,
                    progress, platform_object_id, pulled_hash, provider_version, ledger,
                    last_pulled_at, seen_run_id, fence, attempts, refusals, checks, generation,
                    next_attempt_at)
                SELECT v.id, :connection, v.type, v.object_id, v.object_date, {COPIED},
                       v.marker, v.status,
                       v.progress, v.platform_object_id, v.pulled_hash, v.provider_version, v.ledger, now(),
                       v.seen_run_id, 0, 0, 0, 0, 1, now()
                  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS v(
                       id uuid, type text, object_id uuid, object_date date, marker text,
                       status text, progress jsonb, platform_object_id text, pulled_hash text, provider_version text,
                       ledger jsonb, seen_run_id uuid)
                  JOIN documents d ON d.id = v.object_id
                ON CONFLICT DO NOTHING
                """,
                connection=connection_id,
                rows=many(rows),
            )

    def refresh(self, rows: Sequence[dict[str, Any]]) -> None:
        """Note what the ledger shows now of objects that are paired.

        Each row has `id, platform_id, pulled_hash, provider_version, ledger, seen_run_id`.
        """
        if rows:
            self._execute(
                """
                UPDATE synced_records r
                   SET platform_object_id = coalesce(r.platform_object_id, v.platform_id),
                       pulled_hash = v.pulled_hash, provider_version = v.provider_version,
                       ledger = coalesce(r.ledger, '{}'::jsonb) || v.ledger,
                       seen_run_id = coalesce(v.seen_run_id, r.seen_run_id),
                       last_pulled_at = now(), updated_at = now()
                  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS v(
                       id uuid, platform_id text, pulled_hash text, provider_version text,
                       ledger jsonb, seen_run_id uuid)
                 WHERE r.id = v.id
                """,
                rows=many(sorted(rows, key=lambda row: str(row["id"]))),
            )

    def met(self, kind: ObjectType, record_ids: Sequence[UUID], run_id: UUID) -> None:
        """Note that a complete pull met these, unchanged."""
        if record_ids:
            self._execute(
                "INSERT INTO met_objects (id, run_id, type, record_ids) "
                "VALUES (:id, :run, :type, :ids)",
                id=new_id(),
                run=run_id,
                type=kind.value,
                ids=list(record_ids),
            )

    def forget_met(self, kind: ObjectType, run_id: UUID) -> None:
        """A complete pull has ended, and what it did not meet is known."""
        self._execute(
            "DELETE FROM met_objects WHERE run_id = :run AND type = :type",
            run=run_id,
            type=kind.value,
        )

    def not_seen(self, connection_id: UUID, kind: ObjectType, run_id: UUID) -> list[Known]:
        """Pairs that a complete pull did not meet and that were not made while it ran."""
        found = self._execute(
            f"""
            SELECT r.id, r.object_id, r.platform_object_id, r.marker, r.status, r.pulled_hash,
                   r.pushed_hash, d.content_hash, r.provider_version,
                   d.source_id IS DISTINCT FROM r.connection_id AS ours,
                   d.deleted_at IS NOT NULL AS gone, d.source_id,
                   CASE WHEN d.source_id IS DISTINCT FROM r.connection_id THEN r.ledger END
                       AS ledger
              FROM synced_records r
              JOIN documents d ON d.id = r.object_id
              JOIN sync_runs u ON u.id = :run
             WHERE r.connection_id = :connection AND r.type = :type
               AND r.status IN ('done', 'done_manually') AND r.platform_object_id IS NOT NULL
               AND {NOT_MET.format(id="r.id")}
               AND d.deleted_at IS NULL
               AND greatest(r.last_pushed_at, r.last_pulled_at, r.created_at) < u.started_at
            """,
            connection=connection_id,
            type=kind.value,
            run=run_id,
        )
        return [_known(row) for row in found]

    def raise_on(self, rows: Sequence[tuple[UUID, UUID, str, str]]) -> None:
        """Attach issues to done records: (record, issue, reason code, reason)."""
        if rows:
            self._execute(
                """
                UPDATE synced_records r
                   SET issue_id = v.issue_id, reason_code = v.reason_code, reason = v.reason,
                       updated_at = now()
                  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS v(
                       id uuid, issue_id uuid, reason_code text, reason text)
                 WHERE r.id = v.id AND r.status IN ('done', 'done_manually')
                """,
                rows=_with_issues(rows),
            )

    def stop_pushing(self, rows: Sequence[tuple[UUID, UUID, str, str]]) -> None:
        """Let a person decide before our edit goes out: (record, issue, reason code, reason)."""
        if rows:
            self._execute(
                """
                UPDATE synced_records r
                   SET status = 'rejected', issue_id = v.issue_id, reason_code = v.reason_code,
                       reason = v.reason, fence = r.fence + 1, lease_owner = NULL,
                       lease_until = NULL, updated_at = now()
                  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS v(
                       id uuid, issue_id uuid, reason_code text, reason text)
                 WHERE r.id = v.id AND r.status IN ('pending', 'retry_wait', 'blocked')
                """,
                rows=_with_issues(rows),
            )

    def take_theirs(self, record_ids: Sequence[UUID]) -> None:
        """Our documents were made equal to the ledger's: there is nothing to push."""
        if record_ids:
            self._execute(
                """
                UPDATE synced_records r
                   SET status = 'done', pushed_hash = d.content_hash, fence = r.fence + 1,
                       lease_owner = NULL, lease_until = NULL, reason_code = 'theirs',
                       reason = 'Changed on both sides; the version of the ledger was taken.',
                       updated_at = now()
                  FROM documents d
                 WHERE d.id = r.object_id AND r.id = ANY(:ids)
                   AND r.status IN ('pending', 'retry_wait', 'blocked')
                """,
                ids=sorted(record_ids),
            )

    def agree(self, record_ids: Sequence[UUID]) -> None:
        """Both sides are equal (again): what was said about a difference is history."""
        if record_ids:
            self._execute(
                """
                UPDATE synced_records r
                   SET issue_id = NULL, reason_code = NULL, reason = NULL
                  FROM issues i
                 WHERE r.id = ANY(:ids) AND i.id = r.issue_id
                   AND i.code IN ('changed_in_ledger', 'conflict', 'totals_differ',
                                  'deleted_in_ledger')
                """,
                ids=sorted(record_ids),
            )
