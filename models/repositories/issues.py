"""Issues: one open row per cause, and the records that wait for it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select

from models.ids import SHORT, new_id
from models.repositories.events import Events
from models.repositories.statement import Repository, many
from models.tables import IssueRow, SyncedRecordRow


@dataclass(frozen=True)
class IssueDraft:
    """A cause in words: what people read about it."""

    code: str
    subject: str
    sentence: str
    actor: str
    next_step: str
    provider_message: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What makes two failures the same issue."""
        return (self.code, self.subject)


class Issues(Repository):
    """Open and closed causes."""

    def open(
        self, connection_id: UUID, drafts: Iterable[IssueDraft]
    ) -> dict[tuple[str, str], UUID]:
        """Open issues that are new, refresh those that are open; ids by (code, subject)."""
        distinct = {draft.key: draft for draft in drafts}
        if not distinct:
            return {}
        rows = [{"id": new_id(), **vars(distinct[key])} for key in sorted(distinct)]
        found = self._execute(
            """
            INSERT INTO issues (id, connection_id, code, subject, sentence, actor, next_step,
                                provider_message)
            SELECT v.id, :connection, v.code, v.subject, v.sentence, v.actor,
                   replace(v.next_step, '{issue}', right(v.id::text, :digits)),
                   v.provider_message
              FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS v(
                   id uuid, code text, subject text, sentence text, actor text, next_step text,
                   provider_message text)
            ON CONFLICT (connection_id, code, subject) WHERE closed_at IS NULL DO UPDATE
               SET last_seen_at = now(), sentence = excluded.sentence, actor = excluded.actor,
                   next_step = replace(excluded.next_step, right(excluded.id::text, :digits),
                                       right(issues.id::text, :digits)),
                   provider_message = coalesce(excluded.provider_message, issues.provider_message)
            RETURNING id, code, subject
            """,
            connection=connection_id,
            digits=SHORT,
            rows=many(rows),
        ).all()
        # Those that were open already keep the id that they had.
        proposed = {row["id"] for row in rows}
        Events(self._session).issues([row.id for row in found if row.id in proposed])
        return {(row.code, row.subject): row.id for row in found}

    def get(self, issue_id: UUID) -> IssueRow | None:
        """One issue."""
        return self._session.get(IssueRow, issue_id)

    def listing(self, connection_id: UUID | None = None) -> list[tuple[IssueRow, int]]:
        """Open issues with how many records each concerns, the heaviest first."""
        count = func.count(SyncedRecordRow.id)
        query = (
            select(IssueRow, count)
            .outerjoin(SyncedRecordRow, SyncedRecordRow.issue_id == IssueRow.id)
            .where(IssueRow.closed_at.is_(None))
            .group_by(IssueRow.id)
            .order_by(count.desc(), IssueRow.first_seen_at)
        )
        if connection_id:
            query = query.where(IssueRow.connection_id == connection_id)
        return [(issue, number) for issue, number in self._session.execute(query)]

    def find(
        self, connection_id: UUID, code: str, subjects: Sequence[str] | None = None
    ) -> list[UUID]:
        """Open issues of a connection by code, and subject where given."""
        found = self._execute(
            """
            SELECT id FROM issues
             WHERE connection_id = :connection AND code = :code AND closed_at IS NULL
               AND (CAST(:subjects AS text[]) IS NULL OR subject = ANY(CAST(:subjects AS text[])))
            """,
            connection=connection_id,
            code=code,
            subjects=list(subjects) if subjects is not None else None,
        )
        return list(found.scalars())

    def close(self, issue_ids: Sequence[UUID], by: str) -> None:
        """Close issues; releasing the records is `SyncedRecords.release_issue`."""
        if issue_ids:
            closed = self._execute(
                "UPDATE issues SET closed_at = now(), closed_by = :by "
                "WHERE id = ANY(:ids) AND closed_at IS NULL RETURNING id",
                ids=list(issue_ids),
                by=by,
            )
            Events(self._session).issues(list(closed.scalars()))

    def close_empty(self, connection_id: UUID, codes: Sequence[str]) -> None:
        """Close issues of these codes that no record waits for any more."""
        closed = self._execute(
            """
            UPDATE issues i SET closed_at = now(), closed_by = 'resolved'
             WHERE i.connection_id = :connection AND i.closed_at IS NULL
               AND NOT (i.code = ANY(:codes))
               AND NOT EXISTS (SELECT 1 FROM synced_records r WHERE r.issue_id = i.id)
            RETURNING id
            """,
            connection=connection_id,
            codes=list(codes),
        )
        Events(self._session).issues(list(closed.scalars()))
