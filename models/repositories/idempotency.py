"""Idempotency keys: the answers that requests were given."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from models.ids import new_id
from models.repositories.statement import Repository


@dataclass(frozen=True)
class Remembered:
    """An earlier request with the same key."""

    request_hash: str
    status_code: int | None
    """None while it is running."""
    answer: dict[str, Any] | None


class Idempotency(Repository):
    """Keys of API clients."""

    def claim(
        self, client_id: UUID, key: str, request_hash: str, *, kept: timedelta, running: timedelta
    ) -> UUID | None:
        """Take a key for a request; None when an earlier request has it.

        A key is free again after `kept`, and after `running` when its request never ended: then
        the process that worked on it is gone.
        """
        found: UUID | None = self._execute(
            """
            INSERT INTO idempotency_keys AS k (id, client_id, key, request_hash)
            VALUES (:id, :client, :key, :hash)
            ON CONFLICT (client_id, key) DO UPDATE
               SET id = excluded.id, request_hash = excluded.request_hash, status_code = NULL,
                   answer = NULL, created_at = clock_timestamp()
             WHERE k.created_at < now() - :kept
                OR (k.status_code IS NULL AND k.created_at < now() - :running
                    AND k.request_hash = excluded.request_hash)
            RETURNING id
            """,
            id=new_id(),
            client=client_id,
            key=key,
            hash=request_hash,
            kept=kept,
            running=running,
        ).scalar_one_or_none()
        return found

    def get(self, client_id: UUID, key: str) -> Remembered | None:
        """What is known of a key."""
        row = self._execute(
            "SELECT request_hash, status_code, answer FROM idempotency_keys "
            "WHERE client_id = :client AND key = :key",
            client=client_id,
            key=key,
        ).one_or_none()
        return Remembered(row.request_hash, row.status_code, row.answer) if row else None

    def answered(self, claim_id: UUID, status_code: int, answer: dict[str, Any]) -> None:
        """Keep the answer for whoever asks again."""
        self._execute(
            "UPDATE idempotency_keys SET status_code = :status, answer = CAST(:answer AS jsonb) "
            "WHERE id = :id",
            id=claim_id,
            status=status_code,
            answer=json.dumps(answer),
        )

    def release(self, claim_id: UUID) -> None:
        """The request was refused and changed nothing: the key may be used again."""
        self._execute("DELETE FROM idempotency_keys WHERE id = :id", id=claim_id)
