"""The only way to enqueue: hints that say "look at connection X", and nothing else.

Publishing may fail; it is logged and counted and never stops anybody. The rows are the jobs, and
the sweeper finds them.
"""

from uuid import UUID

import structlog
from celery import Celery
from kombu.exceptions import OperationalError

from sync.engine import log

DELIVER = "ledgerbridge.deliver"
KEEP_TOKENS = "ledgerbridge.keep_tokens"
PUSH = "ledgerbridge.push"
RUN = "ledgerbridge.run"
SWEEP = "ledgerbridge.sweep"
TICK = "ledgerbridge.tick"
WAKE = "ledgerbridge.wake"


class CeleryHints:
    """Publishes hints to the queues that workers listen on."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self.failures = 0

    def push(self, connection_id: UUID) -> None:
        """Records of a connection may be due."""
        self._publish(PUSH, "push", connection_id, 0)

    def run(self, connection_id: UUID, *, backfill: bool = False, countdown: float = 0) -> None:
        """A run of a connection may be due; backfills have a queue of their own."""
        self._publish(RUN, "backfill" if backfill else "pull", connection_id, countdown)

    def _publish(self, name: str, queue: str, connection_id: UUID, countdown: float) -> None:
        context = structlog.contextvars.get_contextvars()
        try:
            self._app.send_task(
                name,
                kwargs={
                    "connection_id": str(connection_id),
                    "correlation_id": context.get("correlation_id"),
                },
                queue=queue,
                # Longer waits are `next_*_at` columns; this one only spaces continuations.
                countdown=min(countdown, 5) or None,
            )
        except (OperationalError, OSError, AttributeError) as error:
            # kombu 5.7 asks a connection that it has just lost: `None` has no `client`.
            self.failures += 1
            log.warning("hint.lost", queue=queue, error=type(error).__name__)
