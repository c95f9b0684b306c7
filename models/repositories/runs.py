"""Sync runs: queued once per connection, continued in chunks by whoever holds the lease."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from models.ids import new_id
from models.repositories.events import Events
from models.repositories.statement import Repository
from models.tables import RunStatus, SyncRunRow, Trigger


class Runs(Repository):
    """Executions for connections."""

    def queue(
        self,
        connection_id: UUID,
        *,
        trigger: Trigger,
        correlation_id: str,
        steps: Sequence[str],
        full: bool = False,
        next_sync_at: datetime | None = None,
    ) -> tuple[UUID, bool] | None:
        """Queue a run, and move the connection's clock where a moment is given.

        Returns:
            The run and True; or the one that is queued or running already and False; or None
            when another one comes or goes at this very moment: ask again.
        """
        found = self._execute(
            """
            -- The connection first, as whoever queues what is due: or the two wait for each other.
            WITH locked AS (
                SELECT id FROM connections WHERE id = :connection FOR NO KEY UPDATE),
            queued AS (
                INSERT INTO sync_runs (
                    id, connection_id, trigger, status, correlation_id, "full", steps, counts,
                    provider_calls, received_bytes, cursors_before, cursors_after, fence,
                    next_step_at)
                SELECT :id, :connection, :trigger, 'queued', :correlation, :full,
                       CAST(:steps AS jsonb), '{}', 0, 0,
                       coalesce((SELECT jsonb_object_agg(type, value) FROM cursors
                                  WHERE connection_id = :connection AND value IS NOT NULL), '{}'),
                       '{}', 0, now()
                  FROM locked
                ON CONFLICT DO NOTHING RETURNING id),
            clock AS (
                UPDATE connections c SET next_sync_at = CAST(:next AS timestamptz)
                  FROM locked WHERE c.id = locked.id AND CAST(:next AS timestamptz) IS NOT NULL)
            SELECT id, true AS made FROM queued
             UNION ALL
            SELECT id, false FROM sync_runs
             WHERE connection_id = :connection AND status IN ('queued', 'running')
            """,
            id=new_id(),
            connection=connection_id,
            trigger=trigger.value,
            correlation=correlation_id,
            full=full,
            steps=json.dumps(list(steps)),
            next=next_sync_at,
        ).first()
        return (found.id, found.made) if found else None

    def active(self, connection_id: UUID) -> SyncRunRow | None:
        """The run of a connection that is queued or running."""
        return self._session.execute(
            select(SyncRunRow).where(
                SyncRunRow.connection_id == connection_id,
                SyncRunRow.status.in_([RunStatus.QUEUED, RunStatus.RUNNING]),
            )
        ).scalar_one_or_none()

    def get(self, run_id: UUID) -> SyncRunRow | None:
        """One run."""
        return self._session.get(SyncRunRow, run_id)

    def listing(self, connection_id: UUID | None, limit: int) -> list[SyncRunRow]:
        """Runs, newest first."""
        query = select(SyncRunRow).order_by(SyncRunRow.created_at.desc()).limit(limit)
        if connection_id:
            query = query.where(SyncRunRow.connection_id == connection_id)
        return list(self._session.execute(query).scalars())

    def claim(self, connection_id: UUID, *, worker: str, lease: timedelta) -> SyncRunRow | None:
        """Take the connection's active run when nobody holds it and its next step is due."""
        found = self._execute(
            """
            UPDATE sync_runs
               SET status = 'running', lease_owner = :worker, lease_until = now() + :lease,
                   fence = fence + 1, started_at = coalesce(started_at, now())
             WHERE connection_id = :connection AND status IN ('queued', 'running')
               AND next_step_at <= now() AND (lease_until IS NULL OR lease_until < now())
            RETURNING id
            """,
            connection=connection_id,
            worker=worker,
            lease=lease,
        ).scalar_one_or_none()
        return self.get(found) if found else None

    def renew(self, run_id: UUID, fence: int, lease: timedelta) -> bool:
        """Hold on to a run; False when somebody else has it now."""
        return bool(
            self._execute(
                "UPDATE sync_runs SET lease_until = now() + :lease "
                "WHERE id = :id AND fence = :fence AND status = 'running'",
                id=run_id,
                fence=fence,
                lease=lease,
            ).rowcount
        )

    def count(
        self,
        run_id: UUID,
        kind: str,
        counts: dict[str, int],
        *,
        calls: int = 0,
        received: int = 0,
    ) -> None:
        """Add to a run's figures for one type of object, and to the provider's answers in bytes."""
        added = {name: number for name, number in counts.items() if number}
        if not added and not calls:
            return
        self._execute(
            """
            UPDATE sync_runs
               SET counts = CASE WHEN CAST(:added AS jsonb) = '{}' THEN counts ELSE
                     jsonb_set(counts, ARRAY[CAST(:kind AS text)],
                       coalesce(counts -> :kind, '{}') || (
                         SELECT coalesce(jsonb_object_agg(key,
                                  coalesce((counts -> :kind ->> key)::int, 0) + value::int), '{}')
                           FROM jsonb_each_text(CAST(:added AS jsonb)))) END,
                   provider_calls = provider_calls + :calls,
                   received_bytes = received_bytes + :received
             WHERE id = :id
            """,
            id=run_id,
            kind=kind,
            added=json.dumps(added),
            calls=calls,
            received=received,
        )

    def step_done(self, run_id: UUID, fence: int, steps: Sequence[str]) -> None:
        """Keep what is left to do."""
        self._execute(
            "UPDATE sync_runs SET steps = CAST(:steps AS jsonb) WHERE id = :id AND fence = :fence",
            id=run_id,
            fence=fence,
            steps=json.dumps(list(steps)),
        )

    def pause(self, run_id: UUID, fence: int, delay: timedelta) -> None:
        """End a chunk: anybody may go on after a while."""
        self._execute(
            "UPDATE sync_runs SET lease_owner = NULL, lease_until = NULL, "
            "next_step_at = now() + :delay WHERE id = :id AND fence = :fence",
            id=run_id,
            fence=fence,
            delay=delay,
        )

    def finish(self, run_id: UUID, fence: int, status: RunStatus, sentence: str) -> bool:
        """End a run; False when it was no longer ours."""
        ended = self._execute(
            """
            UPDATE sync_runs
               SET status = :status, sentence = :sentence, finished_at = now(),
                   lease_owner = NULL, lease_until = NULL,
                   cursors_after = coalesce((
                     SELECT jsonb_object_agg(c.type, c.value) FROM cursors c
                      WHERE c.connection_id = sync_runs.connection_id
                        AND c.value IS NOT NULL), '{}')
             WHERE id = :id AND fence = :fence AND status = 'running'
            """,
            id=run_id,
            fence=fence,
            status=status.value,
            sentence=sentence,
        ).rowcount
        if ended:
            Events(self._session).run(run_id)
        return bool(ended)

    def abandoned(self, limit: int) -> list[tuple[UUID, bool]]:
        """Connections whose active run has a due step and nobody on it; whether it backfills."""
        found = self._execute(
            """
            SELECT u.connection_id, u."full" OR c.last_pull_at IS NULL AS backfill
              FROM sync_runs u JOIN connections c ON c.id = u.connection_id
             WHERE u.status IN ('queued', 'running') AND u.next_step_at <= now()
               AND (u.lease_until IS NULL OR u.lease_until < now())
             ORDER BY u.next_step_at LIMIT :limit
            """,
            limit=limit,
        )
        return [(row.connection_id, row.backfill) for row in found]

    def rested(self, since: timedelta, limit: int) -> list[tuple[UUID, bool]]:
        """Connections whose run has paused, and may go on since a moment; whether it backfills."""
        found = self._execute(
            """
            SELECT u.connection_id, u."full" OR c.last_pull_at IS NULL AS backfill
              FROM sync_runs u JOIN connections c ON c.id = u.connection_id
             WHERE u.status = 'running' AND u.lease_until IS NULL
               AND u.next_step_at BETWEEN now() - :since AND now()
             ORDER BY u.next_step_at LIMIT :limit
            """,
            since=since,
            limit=limit,
        )
        return [(row.connection_id, row.backfill) for row in found]
