"""Synced records: claiming, sending, settling. Every guard of the write protocol is in this SQL.

`fence` rises with each claim; whoever writes later must still hold it. Leases are decided by
the database's clock. Rows are locked in id order.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import Row

from models.canonical import AnyRecord, ObjectType, record_adapter
from models.ids import new_id
from models.repositories.events import Events
from models.repositories.pairing import Pairing
from models.repositories.record_queue import RecordQueue
from models.repositories.statement import Repository, many
from models.status import CLAIMABLE, SyncStatus, sources_of


@dataclass(frozen=True)
class Claimed:
    """A record that this worker holds until its lease ends, with the document to write."""

    id: UUID
    type: ObjectType
    object_id: UUID
    external_id: str
    source_id: UUID | None
    """Whose words the document speaks: None for the host product."""
    fence: int
    status: SyncStatus
    attempts: int
    refusals: int
    checks: int
    generation: int
    marker: str
    platform_id: str | None
    version: str | None
    progress: dict[str, Any] | None
    sent_operation: str | None
    sent_hash: str | None
    sent: AnyRecord | None
    """What was sent last, in the ledger's ids, while its fate is not known."""
    pushed_hash: str | None
    content_hash: str
    uncertain_seconds: float
    """How long ago the outcome became uncertain."""
    document: AnyRecord
    gone: bool
    """The owner deleted the object."""


@dataclass(frozen=True)
class Unreadable:
    """A record that this worker holds, and whose document this version cannot read."""

    id: UUID
    fence: int
    status: SyncStatus
    external_id: str
    reason: str


@dataclass(frozen=True)
class Sending:
    """A record about to be sent: what the attempt row remembers of it."""

    record_id: UUID
    fence: int
    operation: str
    idempotency_key: str
    payload_hash: str
    sent_hash: str
    sent_body: dict[str, Any]


@dataclass(frozen=True)
class Settlement:
    """What became of one record: the new status and everything learnt with it."""

    record_id: UUID
    fence: int
    status: SyncStatus
    delay: timedelta = timedelta(0)
    reason_code: str | None = None
    reason: str | None = None
    issue_id: UUID | None = None
    blocked_by: UUID | None = None
    platform_id: str | None = None
    forget_platform: bool = False
    """The object of an earlier step was taken back: nothing of it is left in the ledger."""
    version: str | None = None
    progress: dict[str, Any] | None = None
    pushed_hash: str | None = None
    """The content that the ledger has now, where it has it."""
    variance: Decimal | None = None
    ledger: dict[str, Any] | None = None
    refused: bool = False
    checked: bool = False
    uncounted: bool = False
    """This try was no fault of the record: it does not count towards its limit."""


def claimed_of(row: Row[Any]) -> Claimed:
    """A row of `synced_records` with its document, as workers know it."""
    return Claimed(
        id=row.id,
        type=ObjectType(row.type),
        object_id=row.object_id,
        external_id=row.external_id,
        source_id=row.source_id,
        fence=row.fence,
        status=SyncStatus(row.status),
        attempts=row.attempts,
        refusals=row.refusals,
        checks=row.checks,
        generation=row.generation,
        marker=row.marker,
        platform_id=row.platform_object_id,
        version=row.provider_version,
        progress=row.progress,
        sent_operation=row.sent_operation,
        sent_hash=row.sent_hash,
        sent=record_adapter.validate_python(row.sent_body) if row.sent_body else None,
        pushed_hash=row.pushed_hash,
        content_hash=row.content_hash,
        uncertain_seconds=row.uncertain_seconds,
        document=record_adapter.validate_python(row.body),
        gone=row.gone,
    )


def readable(rows: Iterable[Row[Any]], unreadable: list[Unreadable] | None = None) -> list[Claimed]:
    """Rows with their documents; those that cannot be read are left to whoever asks for them."""
    found = []
    for row in rows:
        try:
            found.append(claimed_of(row))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            reason = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
            status = SyncStatus(row.status)
            if unreadable is not None:
                unreadable.append(Unreadable(row.id, row.fence, status, row.external_id, reason))
    return found


class SyncedRecords(Repository):
    """The write protocol: claim, commit the attempt, send, settle behind the fence."""

    def claim(
        self,
        connection_id: UUID,
        kind: ObjectType,
        *,
        worker: str,
        lease: timedelta,
        limit: int,
        uncertain: bool = False,
        unreadable: list[Unreadable] | None = None,
    ) -> list[Claimed]:
        """Take due records of one type, oldest first, for a connection that may be used.

        With `uncertain`, takes those whose outcome is to be looked up; the others are taken only
        where posting has started. What was stored by a version that knew more or less than this
        one, and cannot be read, is held too and put into `unreadable`.
        """
        found = self._execute(
            """
            WITH due AS (
                SELECT r.id FROM synced_records r
                  JOIN connections c ON c.id = r.connection_id
                  JOIN documents d ON d.id = r.object_id
                  JOIN billing_entities b ON b.id = d.billing_entity_id
                 WHERE r.connection_id = :connection AND r.type = :type
                   AND r.status = ANY(:statuses) AND r.next_attempt_at <= now()
                   AND (r.lease_until IS NULL OR r.lease_until < now())
                   AND c.status = 'connected' AND NOT c.by_others
                   AND (c.posting_from IS NOT NULL OR c.role = 'source' OR :uncertain)
                   AND (c.parked_until IS NULL OR c.parked_until <= now())
                   AND d.billing_entity_id = c.billing_entity_id
                   AND (b.archived_at IS NULL OR :uncertain)
                 ORDER BY r.object_date, r.id
                 LIMIT :limit
                   FOR UPDATE OF r SKIP LOCKED),
            claimed AS (
                UPDATE synced_records r
                   SET lease_owner = :worker, lease_until = now() + :lease, fence = r.fence + 1
                  FROM due WHERE r.id = due.id
                RETURNING r.*)
            SELECT r.*, d.external_id, d.source_id, d.content_hash, d.body,
                   d.deleted_at IS NOT NULL AS gone,
                   extract(epoch FROM coalesce(now() - r.uncertain_since, interval '0'))::float8
                       AS uncertain_seconds
              FROM claimed r JOIN documents d ON d.id = r.object_id
             ORDER BY r.object_date, r.id
            """,
            connection=connection_id,
            type=kind.value,
            statuses=[SyncStatus.UNCERTAIN] if uncertain else sorted(CLAIMABLE),
            uncertain=uncertain,
            worker=worker,
            lease=lease,
            limit=limit,
        )
        return readable(found, unreadable)

    def unpaired(
        self, connection_id: UUID, kind: ObjectType, *, after: UUID | None, limit: int
    ) -> list[Claimed]:
        """Records that have no counterpart and that nobody holds, locked, in id order.

        They are not claimed: whoever settles them within the same transaction holds the lock.
        """
        found = self._execute(
            """
            SELECT r.*, d.external_id, d.source_id, d.content_hash, d.body,
                   d.deleted_at IS NOT NULL AS gone, 0.0::float8 AS uncertain_seconds
              FROM synced_records r JOIN documents d ON d.id = r.object_id
             WHERE r.connection_id = :connection AND r.type = :type
               AND r.platform_object_id IS NULL AND d.deleted_at IS NULL
               AND (r.status IN ('pending', 'retry_wait', 'blocked', 'held')
                    OR (r.status = 'skipped' AND r.reason_code = 'before_start'))
               AND (r.lease_until IS NULL OR r.lease_until < now())
               AND (CAST(:after AS uuid) IS NULL OR r.id > :after)
             ORDER BY r.id LIMIT :limit
               FOR UPDATE OF r
            """,
            connection=connection_id,
            type=kind.value,
            after=after,
            limit=limit,
        )
        return readable(found)

    def start_sending(
        self,
        sendings: Sequence[Sending],
        *,
        run_id: UUID | None,
        trigger: str,
        correlation_id: str,
        lease: timedelta,
    ) -> dict[UUID, UUID]:
        """Commit to a try: the records are `sending` and have an attempt row.

        Returns:
            Attempt id by record id; records that are no longer ours are missing.
        """
        if not sendings:
            return {}
        rows = [
            {
                "attempt_id": new_id(),
                "record_id": sending.record_id,
                "fence": sending.fence,
                "operation": sending.operation,
                "idempotency_key": sending.idempotency_key,
                "payload_hash": sending.payload_hash,
                "sent_hash": sending.sent_hash,
                "sent_body": sending.sent_body,
            }
            for sending in sorted(sendings, key=lambda sending: sending.record_id)
        ]
        found = self._execute(
            """
            WITH v AS (
                SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS v(
                    attempt_id uuid, record_id uuid, fence bigint, operation text,
                    idempotency_key text, payload_hash text, sent_hash text, sent_body jsonb)),
            sent AS (
                UPDATE synced_records r
                   SET status = 'sending', sent_operation = v.operation,
                       sent_hash = v.sent_hash, sent_body = v.sent_body,
                       attempts = r.attempts + 1,
                       lease_until = now() + :lease, reason_code = NULL, reason = NULL,
                       blocked_by = NULL, updated_at = now()
                  FROM v
                 WHERE r.id = v.record_id AND r.fence = v.fence AND r.lease_until > now()
                   AND r.status = ANY(:claimable)
                RETURNING r.id)
            INSERT INTO attempts (
                id, record_id, run_id, trigger, correlation_id, operation, idempotency_key,
                payload_hash, fence, late)
            SELECT v.attempt_id, v.record_id, :run, :trigger, :correlation, v.operation,
                   v.idempotency_key, v.payload_hash, v.fence, false
              FROM v JOIN sent ON sent.id = v.record_id
            RETURNING record_id, id
            """,
            rows=many(rows),
            run=run_id,
            trigger=trigger,
            correlation=correlation_id,
            lease=lease,
            claimable=sorted(CLAIMABLE),
        )
        return {row.record_id: row.id for row in found}

    def save_progress(
        self,
        connection_id: UUID,
        kind: ObjectType,
        steps: Sequence[tuple[UUID, int, dict[str, Any], str | None]],
        *,
        lease: timedelta,
    ) -> set[UUID]:
        """Keep what a step of a write left: (record, fence, progress, platform id).

        Returns:
            The records that are still ours; the lease of these is renewed.
        """
        rows = [
            {"id": record_id, "fence": fence, "progress": progress, "platform_id": platform_id}
            for record_id, fence, progress, platform_id in sorted(steps, key=lambda step: step[0])
        ]
        Pairing(self._session).drop_twins(connection_id, kind, rows)
        found = self._execute(
            """
            UPDATE synced_records r
               SET progress = v.progress, lease_until = now() + :lease, updated_at = now(),
                   platform_object_id = coalesce(v.platform_id, r.platform_object_id)
              FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS v(
                   id uuid, fence bigint, progress jsonb, platform_id text)
             WHERE r.id = v.id AND r.fence = v.fence AND r.status = 'sending'
            RETURNING r.id
            """,
            rows=many(rows),
            lease=lease,
        )
        return {row.id for row in found}

    def settle(
        self, connection_id: UUID, kind: ObjectType, settlements: Sequence[Settlement]
    ) -> set[UUID]:
        """Write down what became of records where the fence still matches.

        A record whose document was edited meanwhile is `pending` again instead of `done`.
        Records that are done release the children that waited for them; a child whose parent
        was done in the meantime is `pending`, not `blocked`.

        Returns:
            The records that were still ours.
        """
        if not settlements:
            return set()
        parents_done = self._done_among(
            [item.blocked_by for item in settlements if item.blocked_by is not None]
        )
        settlements = [
            replace(item, status=SyncStatus.PENDING, blocked_by=None, reason=None)
            if item.blocked_by in parents_done
            else item
            for item in settlements
        ]
        rows = [
            {
                "id": item.record_id,
                "fence": item.fence,
                "status": item.status.value,
                "delay": item.delay,
                "reason_code": item.reason_code,
                "reason": item.reason,
                "issue_id": item.issue_id,
                "blocked_by": item.blocked_by,
                "platform_id": item.platform_id,
                "forget": item.forget_platform,
                "version": item.version,
                "progress": item.progress,
                "pushed_hash": item.pushed_hash,
                "variance": item.variance,
                "ledger": item.ledger,
                "refused": item.refused,
                "checked": item.checked,
                "uncounted": item.uncounted,
                "sources": sorted(sources_of(item.status)),
            }
            for item in sorted(settlements, key=lambda item: item.record_id)
        ]
        Pairing(self._session).drop_twins(connection_id, kind, rows)
        found = self._execute(
            """
            WITH v AS (
                SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS v(
                    id uuid, fence bigint, status text, delay float8, reason_code text,
                    reason text, issue_id uuid, blocked_by uuid, platform_id text, forget boolean,
                    version text, progress jsonb, pushed_hash text, variance numeric,
                    ledger jsonb, refused boolean, checked boolean, uncounted boolean, sources text[]))
            UPDATE synced_records r
               SET status = CASE WHEN v.status = 'done' AND (d.content_hash <> v.pushed_hash
                                                             OR r.reason_code = 'edited')
                                 THEN 'pending' ELSE v.status END,
                   reason_code = v.reason_code, reason = v.reason, issue_id = v.issue_id,
                   blocked_by = v.blocked_by,
                   lease_owner = NULL, lease_until = NULL,
                   next_attempt_at = now() + make_interval(secs => v.delay),
                   uncertain_since = CASE WHEN v.status <> 'uncertain' THEN NULL
                                          ELSE coalesce(r.uncertain_since, now()) END,
                   checks = CASE WHEN v.status <> 'uncertain' THEN 0
                                 WHEN v.checked THEN r.checks + 1 ELSE r.checks END,
                   attempts = CASE WHEN v.status = 'done' THEN 0
                                   WHEN v.uncounted THEN greatest(r.attempts - 1, 0)
                                   ELSE r.attempts END,
                   refusals = r.refusals + CASE WHEN v.refused THEN 1 ELSE 0 END,
                   platform_object_id = CASE WHEN v.forget THEN NULL
                                             ELSE coalesce(v.platform_id, r.platform_object_id) END,
                   provider_version = coalesce(v.version, r.provider_version),
                   sent_body = CASE WHEN v.status = 'uncertain' THEN r.sent_body END,
                   -- What a report to a source needs is needed for the next report, too.
                   progress = CASE WHEN r.sent_operation IN ('complete', 'fail', 'paid', 'unpaid')
                                   THEN r.progress
                                   WHEN v.status = 'done' OR v.forget THEN NULL
                                   ELSE coalesce(v.progress, r.progress) END,
                   -- After an edit with an unclear outcome the ledger may have either version.
                   pushed_hash = CASE WHEN v.status = 'uncertain' AND r.sent_operation <> 'create'
                                      THEN NULL ELSE coalesce(v.pushed_hash, r.pushed_hash) END,
                   variance = CASE WHEN v.pushed_hash IS NULL THEN r.variance
                                   ELSE v.variance END,
                   -- What was just written shows otherwise than what was read before it: whoever
                   -- reads it next has nothing to tell an edit of others from.
                   ledger = CASE WHEN v.ledger IS NULL THEN r.ledger
                                 ELSE coalesce(r.ledger, '{}'::jsonb) - 'content' || v.ledger END,
                   last_pushed_at = CASE WHEN v.pushed_hash IS NULL THEN r.last_pushed_at
                                         ELSE now() END,
                   updated_at = now()
              FROM v, documents d
             WHERE r.id = v.id AND d.id = r.object_id AND r.fence = v.fence
               AND r.status = ANY(v.sources)
            RETURNING r.id, r.status
            """,
            rows=many(rows),
        ).all()
        done = [row.id for row in found if row.status == SyncStatus.DONE]
        RecordQueue(self._session).release_children(done)
        refused = [row.id for row in found if row.status == SyncStatus.REJECTED]
        Events(self._session).records(done + refused)
        return {row.id for row in found}

    def _done_among(self, parents: Sequence[UUID]) -> set[UUID]:
        """Which parents are done; locked, so that none becomes done unnoticed until commit."""
        if not parents:
            return set()
        found = self._execute(
            "SELECT id, status FROM synced_records WHERE id = ANY(:ids) ORDER BY id FOR SHARE",
            ids=list(parents),
        )
        return {row.id for row in found if row.status in {"done", "done_manually"}}

    def give_back(self, claims: Sequence[tuple[UUID, int]]) -> None:
        """End claims (record, fence) of which nothing was sent."""
        if claims:
            self._execute(
                """
                UPDATE synced_records r SET lease_owner = NULL, lease_until = NULL
                  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS v(id uuid, fence bigint)
                 WHERE r.id = v.id AND r.fence = v.fence AND r.status <> 'sending'
                """,
                rows=many([{"id": record_id, "fence": fence} for record_id, fence in claims]),
            )

    def expire_leases(self) -> int:
        """Turn records that were being sent by a worker that is gone into uncertain ones."""
        return self._execute(
            """
            WITH lost AS (
                UPDATE synced_records
                   SET status = 'uncertain', uncertain_since = lease_until, lease_owner = NULL,
                       lease_until = NULL, next_attempt_at = now(), fence = fence + 1,
                       pushed_hash = CASE WHEN sent_operation = 'create' THEN pushed_hash END,
                       reason_code = 'worker_lost',
                       reason = 'The worker stopped while this was being sent.',
                       updated_at = now()
                 WHERE status = 'sending' AND lease_until < now()
                RETURNING id)
            UPDATE attempts a
               SET outcome = 'unknown', finished_at = now(), error_code = 'worker_lost',
                   sentence = 'The worker stopped before the answer was written down.'
              FROM lost WHERE a.record_id = lost.id AND a.outcome IS NULL
            """
        ).rowcount
