"""Which records are to go out: queued, held, released, retried, settled or skipped by hand."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from models.canonical import ObjectType
from models.ids import new_id
from models.repositories.copied import COPIED, COPIED_NAMES
from models.repositories.events import Events
from models.repositories.statement import Repository, many
from models.status import RETRYABLE, SyncStatus, sources_of


def marker_of(record_id: UUID, generation: int) -> str:
    """Our mark in a ledger: 19 characters, unique for a record and a generation of it.

    Twenty characters is the least that a provider's field for it holds (Sage Active's
    `externalReference`).
    """
    digest = hashlib.sha256(f"{record_id}/{generation}".encode()).hexdigest()
    return f"LB-{digest[:16].upper()}"


# Documents `d` that belong in the ledger `c` and have no record there yet.
_DUE = """
    connections c
    JOIN connection_entities e ON e.connection_id = c.id AND e.active
    JOIN billing_entities b ON b.id = e.billing_entity_id AND b.archived_at IS NULL
    JOIN documents d ON d.billing_entity_id = e.billing_entity_id
   WHERE c.id = :connection AND c.role = 'ledger' AND c.status <> 'disconnected'
     AND d.type = ANY(:types) AND d.deleted_at IS NULL
     AND d.status NOT IN ('draft', 'void')
     AND (d.source_id IS NULL OR d.source_id IN (
          SELECT s.id FROM connections s
           WHERE s.billing_entity_id = e.billing_entity_id AND s.role = 'source'))
     AND NOT EXISTS (SELECT 1 FROM synced_records r
                      WHERE r.connection_id = c.id AND r.type = d.type
                        AND r.object_id = d.id)
     AND (NOT c.by_others OR NOT EXISTS (
          SELECT 1 FROM synced_records r JOIN connections o ON o.id = r.connection_id
           WHERE r.object_id = d.id AND r.status IN ('done', 'done_manually')
             AND o.by_others))"""
# Records `r` that are in the queue again because their documents `d` were edited. What is in the
# ledger's hands stays where it is, with a note: who settles it at this moment cannot see the edit
# yet, since it is not committed; but it waits for our lock on the row, and then sees the note.
_EDITED = """d.source_id IS DISTINCT FROM r.connection_id
           AND (r.status IN ('done', 'rejected', 'blocked', 'retry_wait', 'pending', 'sending',
                             'uncertain')
                OR (r.status = 'skipped' AND r.reason_code IN ('deleted', 'void')))
           AND r.pushed_hash IS DISTINCT FROM d.content_hash"""
_IN_FLIGHT = "r.status IN ('sending', 'uncertain')"
_AGAIN = f"""status = CASE WHEN {_IN_FLIGHT} THEN r.status ELSE 'pending' END,
           reason_code = CASE WHEN {_IN_FLIGHT} THEN 'edited' END,
           reason = CASE WHEN {_IN_FLIGHT} THEN r.reason END,
           attempts = CASE WHEN {_IN_FLIGHT} THEN r.attempts ELSE 0 END,
           next_attempt_at = CASE WHEN {_IN_FLIGHT} THEN r.next_attempt_at ELSE now() END,
           issue_id = NULL, blocked_by = NULL, object_date = d.document_date, updated_at = now()"""
# The cause of an issue is gone: what it blocked goes on, unless a parent is missing, too.
_RELEASED = """
                   status = CASE WHEN status IN ('rejected', 'blocked') AND blocked_by IS NULL
                                 THEN 'pending' ELSE status END,
                   reason_code = NULL, reason = NULL, issue_id = NULL, attempts = 0,
                   next_attempt_at = now(), updated_at = now()"""


class RecordQueue(Repository):
    """Gets records into the queue and out of it; nobody holds them while it does."""

    def enqueue(
        self, connection_id: UUID, kinds: Iterable[ObjectType], *, only: Sequence[UUID] = ()
    ) -> int:
        """Make records for documents that belong in a ledger and have none yet.

        With `only`, looks at these documents alone. Documents dated before the day that
        posting starts are skipped, with that reason. Those of archived entities are left alone,
        and what one integrator has posted is no task for the next.
        """
        found = self._execute(
            f"""
            SELECT d.id, d.type, d.document_date,
                   coalesce(d.document_date < c.posting_from, false) AS too_early
              FROM {_DUE}
               AND (cardinality(CAST(:only AS uuid[])) = 0 OR d.id = ANY(CAST(:only AS uuid[])))
            """,
            connection=connection_id,
            types=[kind.value for kind in kinds],
            only=list(only),
        ).all()
        rows = []
        for row in found:
            record_id = new_id()
            rows.append(
                {
                    "id": record_id,
                    "type": row.type,
                    "object_id": row.id,
                    "object_date": row.document_date,
                    "marker": marker_of(record_id, 1),
                    "status": "skipped" if row.too_early else "pending",
                    "reason_code": "before_start" if row.too_early else None,
                }
            )
        return self._insert(connection_id, rows)

    def _insert(self, connection_id: UUID, rows: Sequence[dict[str, Any]]) -> int:
        if not rows:
            return 0
        return self._execute(
            f"""
            INSERT INTO synced_records (
                id, connection_id, type, object_id, object_date, {COPIED_NAMES}, marker, status,
                reason_code, platform_object_id, pulled_hash, provider_version, ledger, last_pulled_at,
                seen_run_id, fence, attempts, refusals, checks, generation, next_attempt_at)
            SELECT v.id, :connection, v.type, v.object_id, v.object_date, {COPIED}, v.marker,
                   v.status, v.reason_code, v.platform_object_id, v.pulled_hash, v.provider_version,
                   v.ledger, CASE WHEN v.pulled_hash IS NOT NULL THEN now() END,
                   v.seen_run_id, 0, 0, 0, 0, 1, now()
              FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS v(
                   id uuid, type text, object_id uuid, object_date date, marker text, status text,
                   reason_code text, platform_object_id text, pulled_hash text,
                   provider_version text, ledger jsonb, seen_run_id uuid)
              JOIN documents d ON d.id = v.object_id
            ON CONFLICT DO NOTHING
            """,
            connection=connection_id,
            rows=many(rows),
        ).rowcount

    def content_changed(self, document_ids: Sequence[UUID]) -> None:
        """Queue what was edited after it was pushed, and what was refused and is mended now.

        So is what was deleted or void before it was sent: its owner may have thought again.

        Records that are being sent or whose outcome is unclear stay what they are: settling them
        notices the edit.
        """
        self._execute(
            f"""
            UPDATE synced_records r SET {_AGAIN}
              FROM documents d
             WHERE d.id = r.object_id AND d.id = ANY(:ids) AND {_EDITED}
            """,
            ids=list(document_ids),
        )

    def take(
        self,
        connection_id: UUID,
        kinds: Iterable[ObjectType],
        *,
        new: Sequence[UUID],
        edited: Sequence[UUID],
        names: Sequence[str],
        kept_open: Sequence[str],
    ) -> None:
        """Queue documents that were handed in, and what waited for them: one statement.

        It does what `enqueue` and `content_changed` do, releases what waited for an issue that
        says that one of these documents (`invoice 7`) is unknown, and closes the issues that
        nothing waits for any more, but for those with the codes that are kept open.
        """
        rows = []
        for document_id in (*new, *edited):
            record_id = new_id()
            marker = marker_of(record_id, 1)
            rows.append({"document_id": document_id, "id": record_id, "marker": marker})
        closed: list[UUID] = self._execute(
            f"""
            WITH made AS (
                INSERT INTO synced_records (
                    id, connection_id, type, object_id, object_date, {COPIED_NAMES}, marker,
                    status, reason_code, fence, attempts, refusals, checks, generation,
                    next_attempt_at)
                SELECT v.id, :connection, d.type, d.id, d.document_date, {COPIED}, v.marker,
                       CASE WHEN d.document_date < c.posting_from THEN 'skipped'
                            ELSE 'pending' END,
                       CASE WHEN d.document_date < c.posting_from THEN 'before_start' END,
                       0, 0, 0, 0, 1, now()
                  FROM jsonb_to_recordset(CAST(:rows AS jsonb))
                       AS v(document_id uuid, id uuid, marker text), {_DUE}
                   AND d.id = v.document_id
                ON CONFLICT DO NOTHING),
            requeued AS (
                UPDATE synced_records r SET {_AGAIN}
                  FROM documents d, (SELECT id, issue_id FROM synced_records
                                      WHERE object_id = ANY(:edited)) AS was
                 WHERE d.id = r.object_id AND r.object_id = ANY(:edited) AND was.id = r.id
                   AND {_EDITED}
                RETURNING r.id, was.issue_id),
            arrived AS (
                SELECT id FROM issues
                 WHERE connection_id = :connection AND closed_at IS NULL
                   AND code IN ('contact_unknown', 'document_unknown') AND subject = ANY(:names)),
            released AS (
                UPDATE synced_records SET {_RELEASED}
                 WHERE issue_id IN (SELECT id FROM arrived)
                   AND id NOT IN (SELECT id FROM requeued)),
            closed AS (
                UPDATE issues i
                   SET closed_at = now(),
                       closed_by = CASE WHEN i.id IN (SELECT id FROM arrived)
                                        THEN 'it was handed in' ELSE 'resolved' END
                 WHERE i.closed_at IS NULL
                   AND (i.id IN (SELECT id FROM arrived)
                        OR (i.id IN (SELECT issue_id FROM requeued)
                            AND i.connection_id = :connection AND NOT (i.code = ANY(:kept))
                            AND NOT EXISTS (
                                SELECT 1 FROM synced_records r WHERE r.issue_id = i.id
                                   AND r.id NOT IN (SELECT id FROM requeued))))
                RETURNING i.id)
            SELECT ARRAY(SELECT id FROM closed)
            """,
            connection=connection_id,
            types=[kind.value for kind in kinds],
            rows=many(rows),
            edited=list(edited),
            names=list(names),
            kept=list(kept_open),
        ).scalar_one()
        Events(self._session).issues(closed)

    def release_arrived(self) -> int:
        """Queue what waits for a document or contact that is known by now; how many.

        Whoever hands one in releases what waits for it, but cannot see an issue that another
        transaction is just opening, as that one cannot see what is being handed in.
        """
        released = self._execute(
            f"""
            WITH arrived AS (
                SELECT DISTINCT w.id
                  FROM issues i
                  JOIN synced_records w ON w.issue_id = i.id
                  JOIN documents child ON child.id = w.object_id
                  JOIN documents d ON d.billing_entity_id = child.billing_entity_id
                       AND d.source_id IS NOT DISTINCT FROM child.source_id
                       AND d.type = split_part(i.subject, ' ', 1)
                       AND d.external_id = substr(i.subject, strpos(i.subject, ' ') + 1)
                  JOIN synced_records p ON p.object_id = d.id
                       AND p.connection_id = w.connection_id
                 WHERE i.closed_at IS NULL AND i.code IN ('contact_unknown', 'document_unknown'))
            UPDATE synced_records SET {_RELEASED}
              FROM arrived WHERE synced_records.id = arrived.id
            RETURNING connection_id
            """
        ).scalars()
        return len(list(released))

    def release_children(self, parents: Sequence[UUID]) -> None:
        """Queue the records that waited for these to be done."""
        if parents:
            self._execute(
                """
                UPDATE synced_records
                   SET status = 'pending', blocked_by = NULL, reason_code = NULL, reason = NULL,
                       issue_id = NULL, next_attempt_at = now(), updated_at = now()
                 WHERE blocked_by = ANY(:parents) AND status = 'blocked'
                """,
                parents=list(parents),
            )

    def hold(self, connection_id: UUID, reason: str) -> int:
        """The connection cannot be used: what waits for it is held."""
        return self._execute(
            """
            UPDATE synced_records
               SET status = 'held', reason_code = 'connection', reason = :reason,
                   updated_at = now()
             WHERE connection_id = :connection AND status IN ('pending', 'retry_wait')
            """,
            connection=connection_id,
            reason=reason,
        ).rowcount

    def release_held(self, connection_id: UUID) -> int:
        """The connection can be used again."""
        return self._execute(
            """
            UPDATE synced_records
               SET status = 'pending', reason_code = NULL, reason = NULL,
                   next_attempt_at = now(), updated_at = now()
             WHERE connection_id = :connection AND status = 'held' AND reason_code <> 'archived'
            """,
            connection=connection_id,
        ).rowcount

    def apply_start(self, connection_id: UUID, posting_from: date) -> None:
        """Skip what is dated before the first day of posting, and release what no longer is."""
        self._execute(
            """
            UPDATE synced_records
               SET status = CASE WHEN object_date < :day THEN 'skipped' ELSE 'pending' END,
                   reason_code = CASE WHEN object_date < :day THEN 'before_start' END,
                   reason = NULL, next_attempt_at = now(), updated_at = now()
             WHERE connection_id = :connection
               AND ((status IN ('pending', 'retry_wait', 'held') AND object_date < :day)
                    OR (status = 'skipped' AND reason_code = 'before_start'
                        AND object_date >= :day))
            """,
            connection=connection_id,
            day=posting_from,
        )

    def retry(
        self,
        *,
        record_id: UUID | None = None,
        issue_id: UUID | None = None,
        connection_id: UUID | None = None,
        status: SyncStatus | None = None,
        kind: ObjectType | None = None,
    ) -> list[UUID]:
        """Queue records again because a person asks; gives the connections concerned, by record."""
        found = self._execute(
            """
            UPDATE synced_records
               SET status = 'pending', reason_code = NULL, reason = NULL, issue_id = NULL,
                   blocked_by = NULL, attempts = 0, next_attempt_at = now(), updated_at = now()
             WHERE status = ANY(:retryable)
               AND (CAST(:record AS uuid) IS NULL OR id = :record)
               AND (CAST(:issue AS uuid) IS NULL OR issue_id = :issue)
               AND (CAST(:connection AS uuid) IS NULL OR connection_id = :connection)
               AND (CAST(:status AS text) IS NULL OR status = :status)
               AND (CAST(:type AS text) IS NULL OR type = :type)
            RETURNING connection_id
            """,
            retryable=sorted(RETRYABLE),
            record=record_id,
            issue=issue_id,
            connection=connection_id,
            status=status.value if status else None,
            type=kind.value if kind else None,
        )
        return list(found.scalars())

    def release_issue(self, issue_id: UUID) -> int:
        """The cause is gone: everything that it blocked goes on."""
        return self._execute(
            f"""
            UPDATE synced_records SET {_RELEASED}
             WHERE issue_id = :issue
            """,
            issue=issue_id,
        ).rowcount

    def start_over(self, record_id: UUID) -> None:
        """A person asks for a new document: a new generation, unknown to the ledger."""
        generation: int = self._execute(
            "SELECT generation + 1 FROM synced_records WHERE id = :id FOR UPDATE", id=record_id
        ).scalar_one()
        self._execute(
            """
            UPDATE synced_records
               SET generation = :generation, marker = :marker, status = 'pending',
                   platform_object_id = NULL, provider_version = NULL, progress = NULL,
                   pushed_hash = NULL, pulled_hash = NULL, ledger = NULL, variance = NULL,
                   issue_id = NULL, reason_code = NULL, reason = NULL, attempts = 0,
                   fence = fence + 1, next_attempt_at = now(), updated_at = now()
             WHERE id = :id AND status IN ('done', 'done_manually', 'rejected')
            """,
            id=record_id,
            generation=generation,
            marker=marker_of(record_id, generation),
        )

    def set_by_hand(
        self,
        record_id: UUID,
        status: SyncStatus,
        *,
        reason: str,
        platform_id: str | None = None,
    ) -> bool:
        """A person settles or skips a record; False when its status does not allow it."""
        changed = self._execute(
            """
            UPDATE synced_records
               SET status = :status, reason_code = 'by_person', reason = :reason, issue_id = NULL,
                   blocked_by = NULL, platform_object_id = coalesce(:platform, platform_object_id),
                   fence = fence + 1, lease_owner = NULL, lease_until = NULL, progress = NULL,
                   updated_at = now()
             WHERE id = :id AND status = ANY(:sources)
            """,
            id=record_id,
            status=status.value,
            reason=reason,
            platform=platform_id,
            sources=sorted(sources_of(status) - {status}),
        )
        if changed.rowcount and status is SyncStatus.DONE_MANUALLY:
            self.release_children([record_id])
            Events(self._session).records([record_id])
        return bool(changed.rowcount)
