"""Attempts: the evidence of every try, committed before the call and completed after it."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from models.ids import new_id
from models.repositories.statement import Repository, many
from models.tables import AttemptRow


@dataclass(frozen=True)
class AttemptOutcome:
    """What came back for one try."""

    attempt_id: UUID
    outcome: str
    http_status: int | None = None
    request_id: str | None = None
    error_code: str | None = None
    sentence: str | None = None
    provider_message: str | None = None
    late: bool = False


class Attempts(Repository):
    """Append-only tries."""

    def finish(self, outcomes: Sequence[AttemptOutcome]) -> None:
        """Write down what came back, also when the record itself is no longer ours."""
        if outcomes:
            self._execute(
                """
                UPDATE attempts a
                   SET outcome = v.outcome, finished_at = clock_timestamp(),
                       http_status = v.http_status, request_id = v.request_id,
                       error_code = v.error_code, sentence = v.sentence,
                       provider_message = v.provider_message, late = v.late
                  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS v(
                       attempt_id uuid, outcome text, http_status int, request_id text,
                       error_code text, sentence text, provider_message text, late boolean)
                 WHERE a.id = v.attempt_id
                """,
                rows=many([vars(outcome) for outcome in outcomes]),
            )

    def add_look_ups(
        self, looked_up: Sequence[tuple[UUID, int, str, str | None]], *, correlation_id: str
    ) -> None:
        """Keep what look-ups of unclear writes found: (record, fence, outcome, sentence)."""
        if looked_up:
            self._execute(
                """
                INSERT INTO attempts (
                    id, record_id, trigger, correlation_id, operation, idempotency_key,
                    payload_hash, fence, finished_at, outcome, sentence, late)
                SELECT v.id, v.record_id, 'verification', :correlation, 'look_up', '', '',
                       v.fence, clock_timestamp(), v.outcome, v.sentence, false
                  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS v(
                       id uuid, record_id uuid, fence bigint, outcome text, sentence text)
                """,
                rows=many(
                    [
                        {
                            "id": new_id(),
                            "record_id": record_id,
                            "fence": fence,
                            "outcome": outcome,
                            "sentence": sentence,
                        }
                        for record_id, fence, outcome, sentence in looked_up
                    ]
                ),
                correlation=correlation_id,
            )

    def of_record(self, record_id: UUID) -> list[AttemptRow]:
        """All tries of a record, oldest first."""
        found = self._session.execute(
            select(AttemptRow)
            .where(AttemptRow.record_id == record_id)
            .order_by(AttemptRow.started_at, AttemptRow.id)
        )
        return list(found.scalars())
