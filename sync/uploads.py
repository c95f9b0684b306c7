"""Handing files in at a platform: a vendor's usage, step by step, whoever dies in between.

The file is looked through first: a bad line is found before anything is sent. Then it is kept here
with the progress, so that any worker can go on; after each step the progress is committed before
the next one. What a step may do, the connector decides: it looks before it repeats a write.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from connectors.base import CallScope, ConnectorSpec, UploadStep
from connectors.errors import ConnectorError, Transient
from models.repositories.uploads import pieces
from models.tables import ConnectionRow, ConnectionStatus, UploadRow, UploadStatus
from models.unit_of_work import UnitOfWork
from sync import connections
from sync.engine import Engine, log
from sync.errors import NotAllowedError, NotFoundError

PIECE_BYTES = 1024 * 1024
_PAUSE = timedelta(seconds=30)
_LONG_PAUSE = timedelta(minutes=15)
"""Before a file is tried again over which a connector failed."""


def begin(
    engine: Engine,
    connection_id: UUID,
    path: Path,
    *,
    key: str,
    options: dict[str, Any],
    actor: str,
    name: str = "",
) -> UploadRow:
    """Look a file through and take it over; with the key of a hand-in that failed, begin it again.

    Raises:
        InvalidInputError: The options do not fit.
        NotAllowedError: The connection takes no files now, or this hand-in is not ended.
        Rejected: A line of the file cannot be sent: its number, and what is wrong with it.
    """
    with engine.begin() as work:
        connection = connections.get(work, connection_id)
        spec = engine.spec_of(connection)
        _require(connection, spec)
        _require_new(work, connection_id, key)
    assert spec.uploads is not None  # noqa: S101  # required above
    given = connections.validated(spec.uploads.options, options, "options")
    door = connections.uploads_for(engine, connection, CallScope(f"upload-{key}"))
    step = door.begin(path, key=key, options=given)
    with engine.begin() as work:
        _require(work.connections.locked(connection_id), spec)
        _require_new(work, connection_id, key)
        row = work.uploads.open(
            connection_id,
            key,
            name=name or path.name,
            size=path.stat().st_size,
            progress=step.progress,
        )
        with path.open("rb") as file:
            for position, piece in enumerate(iter(lambda: file.read(PIECE_BYTES), b"")):
                work.uploads.keep(row.id, position, piece)
        work.audit.add(actor, "upload.begin", str(row.id), key=key)
    log.info("upload.begun", connection=str(connection_id), upload=str(row.id), size=row.size)
    return row


def _require_new(work: UnitOfWork, connection_id: UUID, key: str) -> None:
    before = work.uploads.of_key(connection_id, key)
    if before is not None and before.status is not UploadStatus.FAILED:
        raise NotAllowedError(
            f"usage with the key {key} is {_in_words(before)}: `ledgerbridge usage show "
            f"{before.id}`; give another file another key"
        )


def _in_words(row: UploadRow) -> str:
    return "on its way" if row.status is UploadStatus.OPEN else "handed in already"


def _require(connection: ConnectionRow, spec: ConnectorSpec) -> None:
    if spec.uploads is None:
        raise NotAllowedError(f"no files are handed in at {spec.name} through this connection")
    if connection.status is not ConnectionStatus.CONNECTED:
        raise NotAllowedError(f"the connection is {connection.status.value}")


def get(engine: Engine, upload_id: UUID) -> UploadRow:
    """A hand-in as it stands.

    Raises:
        NotFoundError: There is none with that id.
    """
    with engine.begin() as work:
        row = work.uploads.get(upload_id)
    if row is None:
        raise NotFoundError(f"there is no hand-in {upload_id}: see `ledgerbridge usage list`")
    return row


def advance_due(
    engine: Engine,
    *,
    upload_id: UUID | None = None,
    over: Callable[[], bool] = lambda: False,
    told: Callable[[UploadStep], object] = lambda _: None,
) -> int:
    """Go on with what is due, one file after the other; how many were worked on."""
    worked = 0
    while not over():
        with engine.begin() as work:
            row = work.uploads.claim(engine.worker, engine.timing.lease, upload_id)
        if row is None:
            break
        worked += 1
        _advance(engine, row, over=over, told=told)
    return worked


def _advance(
    engine: Engine,
    row: UploadRow,
    *,
    over: Callable[[], bool],
    told: Callable[[UploadStep], object],
) -> None:
    """Take steps with one file until it has to wait, ends, or time is up."""
    with engine.begin() as work:
        connection = connections.get(work, row.connection_id)
    scope = CallScope(f"upload-{row.id}", deadline=engine.deadline(), for_pushes=True)
    progress = row.progress
    try:
        door = connections.uploads_for(engine, connection, scope)
        with _as_file(engine, row) as path:
            while True:
                step = door.advance(progress, path)
                told(step)
                scope.deadline = engine.deadline()
                if not _kept(engine, row, step) or step.finished or step.wait_seconds:
                    return
                progress = dict(step.progress)
                if over():
                    _pause(engine, row, timedelta(0), "")
                    return
    except ConnectorError as error:
        _stop(engine, connection, row, error)
    except Exception as error:  # noqa: BLE001  # a file that nobody foresaw keeps no other waiting
        log.exception("upload.bug", upload=str(row.id))
        unforeseen = f"Something unforeseen: {type(error).__name__}. It is tried again later."
        _pause(engine, row, _LONG_PAUSE, unforeseen)
    finally:
        with engine.begin() as work:
            work.connections.used(
                row.connection_id, calls=scope.calls, received=scope.bytes_received
            )


@contextmanager
def _as_file(engine: Engine, row: UploadRow) -> Iterator[Path]:
    """The file, put together for as long as it is worked on."""
    with tempfile.TemporaryDirectory(prefix="ledgerbridge-") as folder:
        path = Path(folder) / "upload"
        with path.open("wb") as file, engine.begin() as work:
            for piece in pieces(work.uploads, row.id):
                file.write(piece)
        yield path


def _kept(engine: Engine, row: UploadRow, step: UploadStep) -> bool:
    status = UploadStatus.OPEN
    if step.finished:
        status = UploadStatus.FAILED if step.failed else UploadStatus.DONE
    with engine.begin() as work:
        ours = work.uploads.advanced(
            row.id,
            row.fence,
            lease=engine.timing.lease,
            values={
                "progress": dict(step.progress),
                "platform_status": step.status,
                "sentence": step.sentence or None,
                "problems": list(step.problems),
                "status": status.value,
                "wait": step.wait_seconds,
            },
        )
        if ours and step.finished:
            work.uploads.drop_parts(row.id)
    if step.finished:
        log.info("upload.ended", upload=str(row.id), status=status.value)
    return ours


def _pause(engine: Engine, row: UploadRow, wait: timedelta, sentence: str) -> None:
    with engine.begin() as work:
        work.uploads.pause(row.id, row.fence, wait, sentence)


def _stop(engine: Engine, connection: ConnectionRow, row: UploadRow, error: ConnectorError) -> None:
    """Nothing was done: it goes on by itself, or after somebody has acted."""
    log.warning("upload.stopped", upload=str(row.id), error=error.message)
    how = connections.stop_for(error)
    if how is None and not isinstance(error, Transient):
        ended = UploadStep(row.progress, finished=True, failed=True, sentence=error.message)
        _kept(engine, row, ended)
        return
    _pause(engine, row, error.retry_after or _PAUSE, error.message)
    if how is not None:
        with engine.begin() as work:
            connections.stop(work, engine, connection, how, error)
