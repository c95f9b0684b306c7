"""Thin tasks over plain functions: parse, call once, publish the continuation.

Arguments are ids; unknown ones are tolerated, for old messages during a deploy. Names are
spelled out, so that moving a function loses no queued message.
"""

import functools
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

from sync import deliveries, recover, runs, sweep, unused, uploads
from sync.engine import log
from sync.errors import NotFoundError
from sync.push import push_due
from sync.runs import new_correlation_id
from worker import leaving
from worker.app import app, current
from worker.dispatch import DELIVER, KEEP_TOKENS, PUSH, RUN, SWEEP, TICK, WAKE
from worker.outgoing import Sender


def _chunk() -> Callable[[], bool]:
    """Tells when a chunk's time is up, or the worker's."""
    end = time.monotonic() + current().engine.timing.chunk.total_seconds()
    return lambda: leaving.told() or time.monotonic() > end


def _about(connection_id: str) -> UUID | None:
    """Which connection a message is about; None when it is none of ours."""
    try:
        return UUID(connection_id)
    except (AttributeError, TypeError, ValueError):
        log.warning("hint.unreadable")
        return None


@app.task(name=PUSH)  # type: ignore[untyped-decorator]  # celery has no types
def push(connection_id: str = "", correlation_id: str | None = None, **_: Any) -> None:
    """Look up what is unclear and push what is due; the rules are in `sync.push`."""
    connection = _about(connection_id)
    if connection is None:
        return
    engine, over = current().engine, _chunk()
    correlation = correlation_id or new_correlation_id()
    try:
        found = recover.recover_due(engine, connection, correlation_id=correlation, over=over)
        pushed = push_due(
            engine,
            connection,
            trigger="change",
            correlation_id=correlation,
            over=over,
            checked=found.checked,
        )
    except NotFoundError:  # a message for a connection that is gone
        return
    if pushed.out_of_time:
        engine.hints.push(connection)


@app.task(name=RUN)  # type: ignore[untyped-decorator]
def run(connection_id: str = "", **_: Any) -> None:
    """Advance a connection's run; the rules are in `sync.runs`."""
    connection = _about(connection_id)
    if connection is None:
        return
    progress = runs.advance(current().engine, connection, over=_chunk())
    if progress.run_id is not None and not progress.finished:
        current().engine.hints.run(
            connection, backfill=progress.backfill, countdown=progress.wait.total_seconds()
        )


@app.task(name=SWEEP)  # type: ignore[untyped-decorator]
def sweep_task(**_: Any) -> None:
    """Find what a lost message or a dead worker left; the rules are in `sync.sweep`."""
    sweep.sweep(current().engine)


@app.task(name=KEEP_TOKENS)  # type: ignore[untyped-decorator]
def keep_tokens_task(**_: Any) -> None:
    """Use refresh tokens before they end for want of use; the rules are in `sync.unused`."""
    unused.keep_tokens(current().engine, over=_chunk())


@app.task(name=TICK)  # type: ignore[untyped-decorator]
def tick_task(**_: Any) -> None:
    """Queue the runs whose time has come."""
    sweep.tick(current().engine)


@app.task(name=WAKE)  # type: ignore[untyped-decorator]
def wake_task(**_: Any) -> None:
    """Let go on what paused for the limits of a provider, and files that are handed in."""
    engine = current().engine
    sweep.wake(engine)
    uploads.advance_due(engine, over=_chunk())


@functools.cache
def _sender() -> Sender:
    """The way out to receivers of webhooks, built on first use."""
    return Sender(current().addresses)


@app.task(name=DELIVER)  # type: ignore[untyped-decorator]
def deliver_task(**_: Any) -> None:
    """Tell receivers of webhooks what happened; the rules are in `sync.deliveries`."""
    built = current()
    deliveries.deliver_due(
        built.begin, built.keys, _sender(), worker=built.engine.worker, over=_chunk()
    )
