"""What every use case needs from outside, built once per process by the entry points."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

import structlog

from connectors.base import CallScope, Clock, Connector, ConnectorSpec, Deadline, Uploads
from connectors.errors import Unsupported
from models.canonical import ObjectType
from models.repositories import Held
from models.tables import ConnectionRow
from models.unit_of_work import Begin

log: structlog.stdlib.BoundLogger = structlog.get_logger("ledgerbridge")


def log_batch(
    event: str,
    connection: ConnectionRow,
    kind: ObjectType,
    counts: Mapping[str, int],
    *,
    calls: int,
    began: float,
    correlation_id: str,
) -> None:
    """Log what became of a batch: how many records went to which status, and what it took."""
    log.info(
        event,
        connection=str(connection.id),
        provider=connection.provider,
        type=kind.value,
        records=dict(counts),
        calls=calls,
        duration_ms=round((time.monotonic() - began) * 1000),
        correlation_id=correlation_id,
    )


class Hints(Protocol):
    """Says "look at connection X" to whoever works; losing a hint loses nothing."""

    def push(self, connection_id: UUID) -> None:
        """Records of a connection may be due."""

    def run(self, connection_id: UUID, *, backfill: bool = False, countdown: float = 0) -> None:
        """A run of a connection may be due; a backfill reads history and can wait for others."""


class NoHints:
    """For work in this process: nobody else is told."""

    def push(self, connection_id: UUID) -> None:
        """Tell nobody."""

    def run(self, connection_id: UUID, *, backfill: bool = False, countdown: float = 0) -> None:
        """Tell nobody."""


@dataclass(frozen=True)
class Timing:
    """How long things hold and how soon they are tried again."""

    lease: timedelta = timedelta(seconds=360)
    chunk: timedelta = timedelta(seconds=40)
    push_attempts: int = 8
    retry_base: timedelta = timedelta(seconds=30)
    retry_cap: timedelta = timedelta(hours=6)
    first_check: timedelta = timedelta(seconds=5)
    keep_events: timedelta = timedelta(days=30)
    """Webhook events and their deliveries."""
    keep_log: timedelta = timedelta(days=400)
    """Attempts, runs and closed issues."""
    later_checks: tuple[timedelta, ...] = field(
        default=(
            timedelta(minutes=1),
            timedelta(minutes=5),
            timedelta(hours=1),
            *([timedelta(days=1)] * 5),
        )
    )

    @property
    def deadline_seconds(self) -> float:
        """How long after a claim a request may still leave: the lease less a tenth."""
        return self.lease.total_seconds() * 0.9


Another = Callable[[Callable[[Held], bool]], Held]
"""(was this refused?) → what to use instead: renewed, or what somebody else renewed meanwhile."""

OpenConnector = Callable[[ConnectionRow, Held, CallScope, Another | None], Connector]
"""(connection, what opens its door, scope, what does when that is refused) → a connector."""


@dataclass(frozen=True)
class Renewed:
    """What a provider gave for older tokens or for credentials, sealed already."""

    sealed: bytes | None
    """None: the credentials stay as they are."""
    expires_at: datetime | None
    access: bytes | None = None


RenewTokens = Callable[[ConnectionRow, bytes, CallScope], Renewed]
"""(connection, sealed credentials or tokens, scope) → the next tokens; `sync.tokens` calls it."""


Leave = Callable[[ConnectionRow, Held, CallScope], None]
"""(connection, what opens its door, scope): tells the provider that it has ended."""


OpenUploads = Callable[[ConnectionRow, Held, CallScope, Another | None], Uploads]
"""The same for what hands files in."""


def no_uploads(
    _connection: ConnectionRow, _held: Held, _scope: CallScope, _another: Another | None
) -> Uploads:
    """Nothing is handed in."""
    raise Unsupported("no files are handed in here")


def leave_silently(_connection: ConnectionRow, _held: Held, _scope: CallScope) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Engine:
    """The outside world as the use cases see it."""

    begin: Begin
    spec: Callable[[str], ConnectorSpec]
    """Spec of a provider by its key."""
    open_connector: OpenConnector
    renew: RenewTokens
    hints: Hints
    timing: Timing
    worker: str
    """Who holds the leases: role, host and process."""
    clocks: Sequence[Clock] = (time.monotonic, time.time)
    leave: Leave = leave_silently
    open_uploads: OpenUploads = no_uploads

    def spec_of(self, connection: ConnectionRow) -> ConnectorSpec:
        """What a provider can do for one connection."""
        return self.spec(connection.provider).of(connection.settings)

    def deadline(self) -> Deadline:
        """The end of a lease that is about to be taken, less a margin."""
        return Deadline(self.timing.deadline_seconds, self.clocks)
