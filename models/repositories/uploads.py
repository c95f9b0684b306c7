"""Files on their way to a platform: their pieces, their progress, and who works on them."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from models.ids import new_id
from models.repositories.statement import Repository, many
from models.tables import UploadPartRow, UploadRow, UploadStatus


class Uploads(Repository):
    """Hand-ins of files."""

    def get(self, upload_id: UUID) -> UploadRow | None:
        """One."""
        return self._session.get(UploadRow, upload_id)

    def of_key(self, connection_id: UUID, key: str) -> UploadRow | None:
        """The one of a key, locked until the transaction ends."""
        return self._session.execute(
            select(UploadRow)
            .where(UploadRow.connection_id == connection_id, UploadRow.key == key)
            .with_for_update()
        ).scalar_one_or_none()

    def listing(self, connection_id: UUID | None, limit: int) -> list[UploadRow]:
        """Hand-ins, the newest first."""
        found = select(UploadRow).order_by(UploadRow.created_at.desc()).limit(limit)
        if connection_id is not None:
            found = found.where(UploadRow.connection_id == connection_id)
        return list(self._session.execute(found).scalars())

    def open(
        self, connection_id: UUID, key: str, *, name: str, size: int, progress: Mapping[str, Any]
    ) -> UploadRow:
        """Begin one, or begin one of the same key again; nobody works on it yet."""
        row = self.of_key(connection_id, key)
        if row is None:
            row = UploadRow(id=new_id(), connection_id=connection_id, key=key, fence=0)
            self._session.add(row)
        row.name, row.size, row.progress = name, size, dict(progress)
        row.status, row.platform_status, row.sentence, row.problems = (
            UploadStatus.OPEN,
            "",
            None,
            [],
        )
        row.fence, row.lease_owner, row.lease_until, row.finished_at = (
            row.fence + 1,
            None,
            None,
            None,
        )
        row.next_step_at = func.now()
        self._session.flush()
        self.drop_parts(row.id)
        return row

    def keep(self, upload_id: UUID, position: int, content: bytes) -> None:
        """Keep a piece of the file."""
        self._execute(
            "INSERT INTO upload_parts (upload_id, position, content) VALUES (:id, :position, :content)",
            id=upload_id,
            position=position,
            content=content,
        )

    def part(self, upload_id: UUID, position: int) -> bytes | None:
        """A piece of the file; None after the last."""
        return self._session.execute(
            select(UploadPartRow.content).where(
                UploadPartRow.upload_id == upload_id, UploadPartRow.position == position
            )
        ).scalar_one_or_none()

    def drop_parts(self, upload_id: UUID) -> None:
        """The file is not needed any more."""
        self._execute("DELETE FROM upload_parts WHERE upload_id = :id", id=upload_id)

    def end_all(self, connection_id: UUID, sentence: str) -> None:
        """Let go of what is on its way through a connection that has ended, and of the files."""
        self._execute(
            """
            WITH ended AS (
                UPDATE uploads
                   SET status = 'failed', sentence = :sentence, finished_at = now(),
                       fence = fence + 1, lease_owner = NULL, lease_until = NULL
                 WHERE connection_id = :connection AND status = 'open'
                RETURNING id)
            DELETE FROM upload_parts WHERE upload_id IN (SELECT id FROM ended)
            """,
            connection=connection_id,
            sentence=sentence,
        )

    def claim(
        self, worker: str, lease: timedelta, upload_id: UUID | None = None
    ) -> UploadRow | None:
        """Take one that is due and nobody works on, for as long as the lease lasts."""
        found = self._execute(
            """
            UPDATE uploads SET lease_owner = :worker, lease_until = now() + :lease, fence = fence + 1
             WHERE id = (SELECT u.id FROM uploads u JOIN connections c ON c.id = u.connection_id
                          WHERE u.status = 'open' AND u.next_step_at <= now()
                            AND (CAST(:id AS uuid) IS NULL OR u.id = :id)
                            AND (u.lease_until IS NULL OR u.lease_until < now())
                            AND c.status = 'connected'
                            AND (c.parked_until IS NULL OR c.parked_until <= now())
                          ORDER BY u.next_step_at LIMIT 1 FOR UPDATE OF u SKIP LOCKED)
            RETURNING id
            """,
            worker=worker,
            lease=lease,
            id=upload_id,
        ).scalar_one_or_none()
        row = None if found is None else self.get(found)
        if row is not None:
            self._session.refresh(row)
        return row

    def advanced(
        self, upload_id: UUID, fence: int, *, lease: timedelta, values: Mapping[str, Any]
    ) -> bool:
        """Note how far one is; False when it is somebody else's by now.

        `values`: `progress`, `platform_status`, `sentence`, `problems`, `status`, `wait`.
        """
        found = self._execute(
            """
            UPDATE uploads u
               SET progress = v.progress, platform_status = v.platform_status,
                   sentence = v.sentence, problems = v.problems, status = v.status,
                   next_step_at = now() + make_interval(secs => v.wait),
                   lease_until = CASE WHEN v.status = 'open' AND v.wait = 0
                                      THEN now() + :lease END,
                   finished_at = CASE WHEN v.status <> 'open' THEN now() END
              FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS v(
                   progress jsonb, platform_status text, sentence text, problems jsonb,
                   status text, wait float8)
             WHERE u.id = :id AND u.fence = :fence AND u.status = 'open'
            """,
            id=upload_id,
            fence=fence,
            lease=lease,
            rows=many([dict(values)]),
        )
        return found.rowcount == 1

    def pause(self, upload_id: UUID, fence: int, wait: timedelta, sentence: str) -> None:
        """Nothing was done; anybody may go on after a while."""
        self._execute(
            "UPDATE uploads SET lease_until = NULL, next_step_at = now() + :wait, "
            "sentence = :sentence WHERE id = :id AND fence = :fence AND status = 'open'",
            id=upload_id,
            fence=fence,
            wait=wait,
            sentence=sentence,
        )


def pieces(uploads: "Uploads", upload_id: UUID) -> Iterator[bytes]:
    """A file's pieces, one after the other."""
    position = 0
    while (content := uploads.part(upload_id, position)) is not None:
        yield content
        position += 1
