"""Sources: what they wait for, what became of it in the ledgers, and what they are told.

The pair of a source's own document is `pending` while a report is due, `blocked` (reason code
`ledger`) while the ledger has nothing to report yet, and `done` once the source was told.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from models.canonical import ObjectType
from models.repositories.pulled import NOT_MET
from models.repositories.statement import Repository, many
from models.status import SyncStatus

# In these a document is in a ledger, or may be.
_POSTED = "('sending', 'uncertain', 'done', 'done_manually')"


@dataclass(frozen=True)
class InLedger:
    """Where a source's document stands in its billing entity's ledger."""

    record_id: UUID
    status: SyncStatus
    platform_id: str | None
    reason_code: str | None
    sentence: str | None
    """What a person reads about it: the issue's sentence, else the record's reason."""
    paid: bool
    """Nothing is open on the document."""


@dataclass(frozen=True)
class SourceKnows:
    """What a source was told about a document of its own."""

    complete: bool = False
    paid: bool = False


@dataclass(frozen=True)
class PostedElsewhere:
    """A document that a source gives us for one entity and that another one's ledger may have."""

    record_id: UUID
    """What was queued for the second ledger."""
    document_id: UUID
    owner: str
    """Code of the billing entity whose ledger may have it."""


class Sources(Repository):
    """The way back: from the ledger to where a document came from."""

    def feeding(self, billing_entity_id: UUID) -> list[UUID]:
        """The sources of a billing entity that can be told something now."""
        found = self._execute(
            "SELECT id FROM connections WHERE billing_entity_id = :entity AND role = 'source' "
            "AND status = 'connected' ORDER BY id",
            entity=billing_entity_id,
        )
        return list(found.scalars())

    def in_ledger(self, document_ids: Sequence[UUID]) -> dict[UUID, InLedger]:
        """Where documents stand in the ledger of their billing entity; by document."""
        found = self._execute(
            """
            SELECT r.object_id, r.id, r.status, r.platform_object_id, r.reason_code,
                   coalesce(i.sentence, r.reason) AS sentence,
                   coalesce(d.status = 'paid', false) AS paid
              FROM synced_records r
              JOIN documents d ON d.id = r.object_id
              JOIN connections c ON c.id = r.connection_id AND c.role = 'ledger'
                                AND c.status <> 'disconnected'
              LEFT JOIN issues i ON i.id = r.issue_id
             WHERE r.object_id = ANY(:ids)
             ORDER BY c.created_at
            """,
            ids=list(document_ids),
        )
        return {
            row.object_id: InLedger(
                row.id,
                SyncStatus(row.status),
                row.platform_object_id,
                row.reason_code,
                row.sentence,
                row.paid,
            )
            for row in found
        }

    def told(self, record_ids: Sequence[UUID]) -> dict[UUID, SourceKnows]:
        """What sources were told about their documents; by the pair."""
        found = self._execute(
            """
            SELECT id, coalesce((ledger ->> 'told_complete')::boolean, false) AS complete,
                   coalesce((ledger ->> 'told_paid')::boolean, false) AS paid
              FROM synced_records WHERE id = ANY(:ids)
            """,
            ids=list(record_ids),
        )
        return {row.id: SourceKnows(row.complete, row.paid) for row in found}

    def queue_paid_states(
        self,
        connection_id: UUID,
        document_ids: Sequence[UUID],
        *,
        paid: Collection[ObjectType],
        reopened: Collection[ObjectType],
    ) -> int:
        """Queue a word to a source where documents are paid, or open again, and it knows not.

        Only of the types of which it can be told that, and while a ledger has them: what cannot
        be said must not be queued, or it would come back at once.
        """
        if not document_ids:
            return 0
        # A report on its way may have been decided before what we know of: either it is settled
        # by now, and the next statement sees that; or whoever settles it waits for us, and looks.
        self._execute(
            """
            SELECT id FROM synced_records
             WHERE connection_id = :connection AND object_id = ANY(:ids)
               AND status NOT IN ('done', 'skipped', 'done_manually')
             ORDER BY id FOR NO KEY UPDATE
            """,
            connection=connection_id,
            ids=sorted(document_ids),
        )
        found = self._execute(
            """
            UPDATE synced_records s
               SET status = 'pending', reason_code = NULL, reason = NULL, attempts = 0,
                   next_attempt_at = now(), updated_at = now()
              FROM documents d
             WHERE d.id = s.object_id AND s.connection_id = :connection
               AND s.type = ANY(CASE WHEN d.status = 'paid' THEN CAST(:paid AS text[])
                                     ELSE CAST(:reopened AS text[]) END)
               AND s.object_id = ANY(:ids) AND s.status = 'done'
               AND (s.ledger ->> 'told_complete')::boolean
               AND coalesce((s.ledger ->> 'told_paid')::boolean, false)
                   <> coalesce(d.status = 'paid', false)
               AND EXISTS (SELECT FROM synced_records r JOIN connections c ON c.id = r.connection_id
                            WHERE r.object_id = d.id AND c.role = 'ledger'
                              AND c.status <> 'disconnected')
            """,
            connection=connection_id,
            paid=[kind.value for kind in paid],
            reopened=[kind.value for kind in reopened],
            ids=sorted(document_ids),
        )
        return found.rowcount

    def queue_reports(
        self, failures: Collection[str], *, connection_id: UUID | None = None
    ) -> list[UUID]:
        """Queue what sources can be told by now; gives the connections concerned.

        Args:
            failures: Reason codes of a refusal that is to be reported as a failure.
            connection_id: Of one source; None: of all.
        """
        found = self._execute(
            """
            WITH due AS (
                SELECT s.id
                  FROM synced_records s, connections o, synced_records r, connections c
                 WHERE o.id = s.connection_id AND o.role = 'source' AND o.status = 'connected'
                   AND (CAST(:connection AS uuid) IS NULL OR o.id = :connection)
                   AND r.object_id = s.object_id AND c.id = r.connection_id AND c.role = 'ledger'
                   AND c.status <> 'disconnected'
                   AND s.reason_code IN ('ledger', 'no_ledger', 'reported_failed')
                   AND CASE s.status || '/' || s.reason_code
                       WHEN 'blocked/no_ledger' THEN true
                       WHEN 'blocked/ledger' THEN
                            r.status IN ('done', 'done_manually')
                            OR (r.status = 'rejected' AND r.reason_code = ANY(:failures))
                       WHEN 'skipped/ledger' THEN r.status <> 'skipped'
                       WHEN 'done/reported_failed' THEN
                            r.status IN ('done', 'done_manually') AND r.updated_at > s.last_pushed_at
                       ELSE false END
                 ORDER BY s.id FOR NO KEY UPDATE OF s)
            UPDATE synced_records s
               SET status = 'pending', reason_code = NULL, reason = NULL, issue_id = NULL,
                   attempts = 0, next_attempt_at = now(), updated_at = now()
              FROM due
             WHERE s.id = due.id
            RETURNING s.connection_id
            """,
            failures=sorted(failures),
            connection=connection_id,
        )
        return sorted(set(found.scalars()))

    def keep_handles(self, rows: Sequence[dict[str, Any]]) -> None:
        """Note what a report about each record needs (`id`, `progress`)."""
        if rows:
            self._execute(
                """
                UPDATE synced_records r SET progress = v.progress
                  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS v(id uuid, progress jsonb)
                 WHERE r.id = v.id AND r.progress IS DISTINCT FROM v.progress
                """,
                rows=many(sorted(rows, key=lambda row: str(row["id"]))),
            )

    def still_waiting(self, record_ids: Sequence[UUID], listed_at: datetime) -> None:
        """The source waits for these: what it was told before it listed them does not count."""
        if record_ids:
            self._execute(
                """
                UPDATE synced_records
                   SET status = 'pending', reason_code = NULL, reason = NULL, attempts = 0,
                       ledger = ledger - 'told_complete' - 'told_paid',
                       next_attempt_at = now(), updated_at = now()
                 WHERE id = ANY(:ids)
                   AND ((status = 'done' AND (last_pushed_at IS NULL OR last_pushed_at < :listed))
                        OR (status = 'skipped' AND reason_code = 'dealt_with'))
                """,
                ids=sorted(record_ids),
                listed=listed_at,
            )

    def no_longer_waiting(
        self, connection_id: UUID, kind: ObjectType, run_id: UUID, *, reason: str
    ) -> int:
        """Let go of what a complete list did not hold any more; how many that were.

        What no ledger has (and none may have) is withdrawn, so that it is not posted after
        somebody dealt with it otherwise. What the ledger has and the source refused to hear of
        was dealt with by a person. The rest is left alone: its report is under way.
        """
        gone = self._execute(
            f"""
            SELECT s.id, s.object_id FROM synced_records s
             WHERE {_NOT_LISTED} AND s.status IN ('pending', 'blocked', 'rejected', 'held')
             ORDER BY s.id FOR UPDATE
            """,
            **_not_listed(connection_id, kind, run_id),
        ).all()
        withdrawn = self._withdraw([row.object_id for row in gone], reason)
        self._let_go([row.id for row in gone if row.object_id in withdrawn], reason)
        settled = self._execute(
            f"""
            UPDATE synced_records s
               SET status = 'done_manually', reason_code = 'dealt_with', reason = :reason,
                   issue_id = NULL, fence = fence + 1, updated_at = now()
             WHERE {_NOT_LISTED} AND s.status = 'rejected' AND s.reason_code = 'ack_refused'
            """,
            **_not_listed(connection_id, kind, run_id),
            reason=reason,
        )
        return len(withdrawn) + settled.rowcount

    def take_from_others(
        self, connection_id: UUID, kind: ObjectType, document_ids: Sequence[UUID], *, reason: str
    ) -> list[PostedElsewhere]:
        """Let a document that a source moved to another entity be that entity's alone.

        Looks for the same object of the same platform organisation in other connections. Where
        no ledger can have it, it is withdrawn there; the others are given back: nobody may post
        them a second time.
        """
        twins = self._execute(
            """
            SELECT n.object_id AS document_id, o.object_id AS twin_id, o.id AS twin_pair,
                   b.code AS owner, q.id AS queued
              FROM synced_records n
              JOIN connections c ON c.id = n.connection_id
              JOIN connections p ON p.provider = c.provider AND p.role = 'source'
                   AND p.platform_organisation_id = c.platform_organisation_id AND p.id <> c.id
              JOIN synced_records o ON o.connection_id = p.id AND o.type = n.type
                   AND o.platform_object_id = n.platform_object_id
              JOIN documents d ON d.id = o.object_id AND d.deleted_at IS NULL
              JOIN billing_entities b ON b.id = p.billing_entity_id
              JOIN billing_entities mine ON mine.id = c.billing_entity_id
                   AND mine.organisation_id = b.organisation_id AND mine.id <> b.id
              LEFT JOIN synced_records q ON q.object_id = n.object_id
                   AND q.connection_id <> n.connection_id
             WHERE n.connection_id = :connection AND n.type = :type
               AND n.object_id = ANY(:ids)
               FOR UPDATE OF o
            """,
            connection=connection_id,
            type=kind.value,
            ids=list(document_ids),
        ).all()
        withdrawn = self._withdraw([row.twin_id for row in twins], reason)
        self._let_go([row.twin_pair for row in twins if row.twin_id in withdrawn], reason)
        return [
            PostedElsewhere(row.queued, row.document_id, row.owner)
            for row in twins
            if row.twin_id not in withdrawn and row.queued is not None
        ]

    def _let_go(self, record_ids: Sequence[UUID], reason: str) -> None:
        """Nothing is to be said to the source about these any more."""
        if record_ids:
            self._execute(
                """
                UPDATE synced_records
                   SET status = 'skipped', reason_code = 'dealt_with', reason = :reason,
                       issue_id = NULL, fence = fence + 1, lease_owner = NULL,
                       lease_until = NULL, updated_at = now()
                 WHERE id = ANY(:ids)
                """,
                ids=sorted(record_ids),
                reason=reason,
            )

    def _withdraw(self, document_ids: Sequence[UUID], reason: str) -> set[UUID]:
        """Take documents out of every ledger's queue; gives those that no ledger can have.

        The fence is raised, so that a worker that has claimed one cannot send it any more; one
        that has sent it keeps it, and the second statement sees that.
        """
        if not document_ids:
            return set()
        self._execute(
            f"""
            UPDATE synced_records r
               SET status = 'skipped', reason_code = 'deleted', reason = :reason,
                   issue_id = NULL, blocked_by = NULL, fence = fence + 1, lease_owner = NULL,
                   lease_until = NULL, updated_at = now()
              FROM connections c
             WHERE c.id = r.connection_id AND c.role = 'ledger' AND r.object_id = ANY(:ids)
               AND r.status NOT IN {_POSTED} AND r.platform_object_id IS NULL
            """,
            ids=sorted(document_ids),
            reason=reason,
        )
        gone = self._execute(
            """
            UPDATE documents d SET deleted_at = now(), updated_at = now()
             WHERE d.id = ANY(:ids) AND NOT EXISTS (
                   SELECT 1 FROM synced_records r JOIN connections c ON c.id = r.connection_id
                    WHERE r.object_id = d.id AND c.role = 'ledger'
                      AND NOT (r.status = 'skipped' AND r.reason_code = 'deleted'))
            RETURNING d.id
            """,
            ids=sorted(document_ids),
        )
        return set(gone.scalars())


_NOT_LISTED = f"""s.connection_id = :connection AND s.type = :type
               AND {NOT_MET.format(id="s.id")}
               AND (s.lease_until IS NULL OR s.lease_until < now())
               AND s.created_at < (SELECT started_at FROM sync_runs WHERE id = :run)"""


def _not_listed(connection_id: UUID, kind: ObjectType, run_id: UUID) -> dict[str, Any]:
    return {"connection": connection_id, "type": kind.value, "run": run_id}
