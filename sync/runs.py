"""Sync runs: what a person, the clock or a webhook asks for, done in chunks.

A run is a list of steps in the database. Whoever holds its lease does the next step until its
time is up and leaves the rest to anybody; if it dies, the lease ends and somebody goes on.
"""

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

from connectors.base import CallScope, Connector, ConnectorSpec, Role
from connectors.errors import ConnectorError
from connectors.turns import USED_UP
from models.canonical import ObjectType
from models.status import SyncStatus
from models.tables import (
    ConnectionRole,
    ConnectionRow,
    ConnectionStatus,
    RunStatus,
    SyncRunRow,
    Trigger,
)
from models.unit_of_work import UnitOfWork
from sync import connections
from sync.engine import Engine, log
from sync.errors import NotAllowedError, NotFoundError
from sync.matching_runs import close_what_is_resolved, match_existing
from sync.order import BOOKS, PULL_ORDER, PUSH_ORDER
from sync.outcome import Stop
from sync.prepare import books_of
from sync.pull import PullJob, pull_type
from sync.push import push_due
from sync.recover import recover_due
from sync.schedule import Schedule

# How long a run waits for others that hold its records, or for a look-up, before it asks again.
WAIT = timedelta(seconds=1)
# Look-ups that are due this soon belong to the run; later ones are left to the sweeper.
SOON_SECONDS = 20.0

# A run goes on by itself when the provider's allowance is there again this soon.
LONGEST_PAUSE = timedelta(minutes=5)

# Chunks of a run that somebody watches.
SHORT_CHUNK_SECONDS = 2.0
ENDED = frozenset({RunStatus.DONE, RunStatus.PARTIAL, RunStatus.FAILED, RunStatus.PARKED})

_PAID_STATES = (ObjectType.INVOICE, ObjectType.BILL, ObjectType.CREDIT_NOTE)


@dataclass(frozen=True)
class Progress:
    """Where a run stands after a chunk."""

    run_id: UUID | None
    finished: bool
    wait: timedelta = timedelta(0)
    """Before the next chunk."""
    backfill: bool = False
    """Whether it reads history: it then leaves the queue of everyday syncs alone."""


def new_correlation_id() -> str:
    """An id that follows one trigger through logs, messages and provider requests."""
    return uuid4().hex[:16]


def steps_for(
    spec: ConnectorSpec,
    role: Role,
    *,
    only: str | None = None,
    types: Sequence[ObjectType] | None = None,
    unread: AbstractSet[ObjectType] = frozenset(),
) -> list[str]:
    """What a run does, in order: `pull:contact` …, `match`, `push` (or `push:invoice` …).

    `unread` is what was never read and must be before anything is pushed: accounts, tax rates.
    """
    pulled = [
        kind
        for kind in PULL_ORDER
        if spec.pulls(kind)
        and (only != "push" or kind in unread)
        and (types is None or kind in types or kind in unread)
    ]
    steps = [f"pull:{kind.value}" for kind in pulled]
    if role is Role.LEDGER and only in {None, "push"}:
        steps.append("match")
        if types is None:
            steps.append("push")
        else:
            steps += [f"push:{kind.value}" for kind in PUSH_ORDER if kind in types]
    if role is Role.SOURCE and only in {None, "push"} and any(map(spec.pushes, ObjectType)):
        steps.append("push")  # its reports
    return steps


def trigger_run(
    engine: Engine,
    connection_id: UUID,
    *,
    trigger: Trigger = Trigger.MANUAL,
    only: str | None = None,
    types: Sequence[ObjectType] | None = None,
    full: bool = False,
    correlation_id: str | None = None,
) -> UUID:
    """Queue a run; one that is queued or running already is the answer instead.

    Raises:
        NotAllowedError: The connection cannot be used.
    """
    with engine.begin() as work:
        return trigger_for(
            work,
            engine,
            connections.get(work, connection_id),
            trigger=trigger,
            only=only,
            types=types,
            full=full,
            correlation_id=correlation_id,
        )


def trigger_for(
    work: UnitOfWork,
    engine: Engine,
    connection: ConnectionRow,
    *,
    trigger: Trigger = Trigger.MANUAL,
    only: str | None = None,
    types: Sequence[ObjectType] | None = None,
    full: bool = False,
    correlation_id: str | None = None,
) -> UUID:
    """The same for a connection that was read in this transaction.

    Raises:
        NotAllowedError: The connection cannot be used.
    """
    if connection.status is not ConnectionStatus.CONNECTED:
        raise NotAllowedError(
            f"the connection is {connection.status.value}, so it cannot be synced: "
            "see `ledgerbridge connections show`"
        )
    if connection.by_others:
        raise NotAllowedError(
            "an integrator's own program posts for this connection: there is nothing to sync "
            "from here"
        )
    run_id = _queue(
        work,
        engine,
        connection,
        trigger=trigger,
        only=only,
        types=types,
        full=full,
        correlation_id=correlation_id or new_correlation_id(),
        clock=Schedule.parse(connection.schedule) if trigger is not Trigger.WEBHOOK else None,
    )
    backfill = full or connection.last_pull_at is None
    work.after_commit(lambda: engine.hints.run(connection.id, backfill=backfill))
    return run_id


def _queue(
    work: UnitOfWork,
    engine: Engine,
    connection: ConnectionRow,
    *,
    trigger: Trigger,
    only: str | None,
    types: Sequence[ObjectType] | None,
    full: bool,
    correlation_id: str,
    clock: Schedule | None = None,
) -> UUID:
    """Queue a run or find the active one; with a clock, the next one is a whole interval away."""
    spec = engine.spec_of(connection)
    now, completed = work.cursors.completed_by_now(connection.id)
    unread = set(BOOKS) - completed
    steps = steps_for(spec, Role(connection.role.value), only=only, types=types, unread=unread)
    queued = work.runs.queue(
        connection.id,
        trigger=trigger,
        correlation_id=correlation_id,
        steps=steps,
        full=full,
        next_sync_at=clock.after_manual_run(now, connection.id) if clock else None,
    )
    if queued is None:  # another one was queued or ended at this moment
        return _queue(
            work,
            engine,
            connection,
            trigger=trigger,
            only=only,
            types=types,
            full=full,
            correlation_id=correlation_id,
            clock=clock,
        )
    run_id, is_new = queued
    if not is_new:
        return run_id
    log.info(
        "run.queued",
        connection=str(connection.id),
        run=str(run_id),
        trigger=trigger.value,
        correlation_id=correlation_id,
    )
    return run_id


def queue_due(engine: Engine, *, limit: int = 100) -> list[UUID]:
    """Queue runs for connections whose turn it is, and set their next turn; theirs ids.

    A turn that was missed while nothing ran is made up for once. A connection whose last run
    still goes on gets its turn when that has ended.
    """
    with engine.begin() as work:
        due = work.connections.claim_due(limit)
        now = work.connections.now()
        for connection in due:
            _queue(
                work,
                engine,
                connection,
                trigger=Trigger.SCHEDULE,
                only=None,
                types=None,
                full=False,
                correlation_id=new_correlation_id(),
            )
            schedule = Schedule.parse(connection.schedule)
            work.connections.set_next_sync(connection.id, schedule.next_after(now, connection.id))
    for connection in due:
        engine.hints.run(connection.id, backfill=connection.last_pull_at is None)
    return [connection.id for connection in due]


def advance(
    engine: Engine, connection_id: UUID, *, over: Callable[[], bool] = lambda: False
) -> Progress:
    """Do the next steps of a connection's run until its end or until time is up."""
    with engine.begin() as work:
        run = work.runs.claim(connection_id, worker=engine.worker, lease=engine.timing.lease)
        if run is None:
            return Progress(None, finished=False)
        connection = connections.get(work, connection_id)
    return _Advance(engine, connection, engine.spec_of(connection), run, over).go()


def complete(
    engine: Engine,
    connection_id: UUID,
    run_id: UUID,
    *,
    progress: Callable[[SyncRunRow], None] = lambda _: None,
) -> SyncRunRow:
    """Do all of a run here, chunk by chunk; where a worker has it, wait for the worker.

    Args:
        engine: Whose.
        connection_id: Of the run.
        run_id: The run.
        progress: Told how far it is, every few seconds.

    Returns:
        The run at its end.
    """
    while True:
        end = time.monotonic() + SHORT_CHUNK_SECONDS
        done = advance(engine, connection_id, over=lambda end=end: time.monotonic() > end)  # type: ignore[misc]  # bound now
        with engine.begin() as work:
            run = work.runs.get(run_id)
        if run is None:
            raise NotFoundError(f"there is no run {run_id}")
        if run.status in ENDED:
            return run
        progress(run)
        time.sleep(max(done.wait.total_seconds(), 0.5 if done.run_id is None else 0))


@dataclass
class _Advance:
    """One chunk of one run."""

    engine: Engine
    connection: ConnectionRow
    spec: ConnectorSpec
    run: SyncRunRow
    over: Callable[[], bool]
    checked: bool = False
    """Whose books these are was asked in this chunk: once is enough."""

    def go(self) -> Progress:
        """Do steps until the end, until time is up, or until something stands in the way."""
        if self.connection.status is not ConnectionStatus.CONNECTED:
            return self._finish(
                RunStatus.FAILED, f"The connection is {self.connection.status.value}."
            )
        scope = CallScope(self.run.correlation_id)
        try:
            unfinished = self._steps(scope)
        except ConnectorError as error:
            return self._kept_back(error) or self._stopped(error)
        except _ParkedError as parked:
            return self._finish(RunStatus.PARKED, str(parked))
        except Exception as error:
            log.exception("run.bug", run=str(self.run.id))
            with contextlib.suppress(Exception):
                self._finish(RunStatus.FAILED, f"Something unforeseen: {type(error).__name__}.")
            raise
        except BaseException:  # the worker is told to stop: let another one go on at once
            self._pause(timedelta(0))
            raise
        finally:
            with self.engine.begin() as work:
                used = {"calls": scope.calls, "received": scope.bytes_received}
                work.runs.count(self.run.id, "", {}, **used)
                work.connections.used(self.connection.id, **used)
        return unfinished or self._ended()

    def _steps(self, scope: CallScope) -> Progress | None:
        """Do step after step; None when none is left."""
        steps = [str(step) for step in self.run.steps]
        connector: Connector | None = None
        while steps:
            if self.over():
                return self._pause(timedelta(0))
            verb, _, name = steps[0].partition(":")
            more: list[str] = []
            wait = timedelta(0)
            if verb == "pull":
                connector = connector or self._connector(scope)
                done = self._pull(connector, ObjectType(name))
            elif verb == "match":
                done = self._match()
            else:
                done, wait, more = self._push(ObjectType(name) if name else None)
            if not self._renew():
                return Progress(self.run.id, finished=False)
            steps = [*(steps[1:] if done else steps), *(step for step in more if step not in steps)]
            with self.engine.begin() as work:
                # The connection before the run, as whoever asks for one: or the two wait in a ring.
                if verb == "pull" and not any(step.startswith("pull:") for step in steps):
                    work.connections.pulled(self.connection.id)
                work.runs.step_done(self.run.id, self.run.fence, steps)
            if not done:
                return self._pause(wait)
        return None

    def _connector(self, scope: CallScope) -> Connector:
        connector = connections.open_for(self.engine, self.connection, scope)
        connections.assert_identity(self.connection, connector.check())
        with self.engine.begin() as work:
            connections.provider_answers(work, self.connection)
        self.checked = True
        return connector

    def _renew(self) -> bool:
        with self.engine.begin() as work:
            return work.runs.renew(self.run.id, self.run.fence, self.engine.timing.lease)

    def _pull(self, connector: Connector, kind: ObjectType) -> bool:
        job = PullJob(
            self.engine, self.connection, self.spec, kind, self.run.id, full=self.run.full
        )
        return pull_type(job, connector, over=self.over, renew=self._renew)

    def _match(self) -> bool:
        with self.engine.begin() as work:
            work.queue.enqueue(self.connection.id, connections.pushed_types(self.spec))
            books = books_of(work, self.connection, self.spec)
            close_what_is_resolved(work, self.connection, books)
        matched = match_existing(self.engine, self.connection, self.spec)
        with self.engine.begin() as work:
            for kind, number in matched.items():
                work.runs.count(self.run.id, kind.value, {"matched": number})
        return True

    def _push(self, kind: ObjectType | None) -> tuple[bool, timedelta, list[str]]:
        """Push what is due.

        Returns:
            Whether nothing is left, how long to wait otherwise, and steps that follow from it.
        """
        common = {"correlation_id": self.run.correlation_id}
        kinds = [kind] if kind else PUSH_ORDER
        looked_up = recover_due(
            self.engine, self.connection.id, over=self.over, checked=self.checked, **common
        )
        self.checked = self.checked or looked_up.checked
        pushed = push_due(
            self.engine,
            self.connection.id,
            trigger=self.run.trigger.value,
            run_id=self.run.id,
            over=self.over,
            only=kinds,
            checked=self.checked,
            **common,
        )
        with self.engine.begin() as work:
            for pushed_kind, counts in pushed.counts.items():
                source = self.connection.role is ConnectionRole.SOURCE
                figures = {
                    "reported" if source else "pushed": counts[SyncStatus.DONE],
                    "failed": counts[SyncStatus.REJECTED],
                    "batches": pushed.batches[pushed_kind],
                }
                work.runs.count(self.run.id, pushed_kind.value, figures)
            for found_kind, counts in looked_up.counts.items():
                figures = {"adopted": counts[SyncStatus.DONE], "looked_up": counts.total()}
                work.runs.count(self.run.id, found_kind.value, figures)
            work.runs.count(
                self.run.id,
                "",
                {},
                calls=pushed.calls + looked_up.calls,
                received=pushed.received + looked_up.received,
            )
            waiting = work.log.in_flight(self.connection.id, kinds)
            settling = work.log.settling(self.connection.id, SOON_SECONDS)
        stopped = pushed.stopped or looked_up.stopped
        if stopped is not None:
            raise _ParkedError(_STOPPED[stopped].format(ledger=self.spec.name))
        more = []
        if pushed.counts.get(ObjectType.PAYMENT, Counter())[SyncStatus.DONE]:
            # The ledger has computed new paid states: read them now, not tomorrow.
            more = [f"pull:{kind.value}" for kind in _PAID_STATES if self.spec.pulls(kind)]
        done = not waiting and not settling and not pushed.out_of_time
        return done, WAIT if not pushed.out_of_time else timedelta(0), more

    @property
    def _backfill(self) -> bool:
        return self.run.full or self.connection.last_pull_at is None

    def _pause(self, wait: timedelta) -> Progress:
        with self.engine.begin() as work:
            work.runs.pause(self.run.id, self.run.fence, wait)
        return Progress(self.run.id, finished=False, wait=wait, backfill=self._backfill)

    def _finish(self, status: RunStatus, sentence: str) -> Progress:
        with self.engine.begin() as work:
            work.runs.finish(self.run.id, self.run.fence, status, sentence)
        log.info(
            "run.finished",
            connection=str(self.connection.id),
            run=str(self.run.id),
            status=status.value,
            correlation_id=self.run.correlation_id,
        )
        return Progress(self.run.id, finished=True)

    def _kept_back(self, error: ConnectorError) -> Progress | None:
        """What we kept back to stay within the limits stops this run alone: writes may go on."""
        if error.code != USED_UP or error.retry_after is None:
            return None
        if error.retry_after <= LONGEST_PAUSE:
            return self._pause(error.retry_after)
        self._come_back(error.retry_after)
        return self._finish(RunStatus.PARKED, f"{self.spec.name}: {error.message}")

    def _come_back(self, after: timedelta) -> None:
        """What was not read is not left until tomorrow."""
        with self.engine.begin() as work:
            work.connections.hasten(self.connection.id, after)

    def _stopped(self, error: ConnectorError) -> Progress:
        how = connections.stop_for(error)
        with self.engine.begin() as work:
            if how is not None:
                connections.stop(work, self.engine, self.connection, how, error)
            elif error.cause is not None:
                connections.say(work, self.connection, self.spec, error.cause, error.message)
        if how is Stop.PARK and error.retry_after is not None:
            self._come_back(error.retry_after)
        status = RunStatus.PARKED if how is Stop.PARK else RunStatus.FAILED
        return self._finish(status, f"{self.spec.name}: {error.message}")

    def _ended(self) -> Progress:
        with self.engine.begin() as work:
            run = work.runs.get(self.run.id)
            counts = run.counts if run else {}
            waiting = sum(number for _, number in work.issues.listing(self.connection.id))
        failed = sum(
            figures.get("failed", 0) + figures.get("unreadable", 0) for figures in counts.values()
        )
        elsewhere = sum(figures.get("elsewhere", 0) for figures in counts.values())
        foreign = (
            f" {elsewhere} were skipped: they belong to other billing entities."
            if elsewhere
            else ""
        )
        if failed or waiting:
            return self._finish(
                RunStatus.PARTIAL,
                f"Done, but {waiting or failed} records wait for a person: see "
                f"`ledgerbridge issues`.{foreign}",
            )
        if self.connection.role is ConnectionRole.SOURCE:
            return self._finish(RunStatus.DONE, f"Everything that waited was taken over.{foreign}")
        if self.connection.posting_from is None:
            return self._finish(
                RunStatus.DONE, "Read. Nothing is posted before `ledgerbridge connections start`."
            )
        return self._finish(RunStatus.DONE, "Both sides are in step.")


class _ParkedError(Exception):
    """The push had to stop; what is left waits without failing."""


_STOPPED = {
    Stop.PARK: "{ledger} accepts no more calls for now; the rest goes out by itself later.",
    Stop.AWAY: "{ledger} cannot be reached; the rest goes out by itself later.",
    Stop.DEAUTHORIZE: "{ledger} no longer accepts our credentials; the rest is held.",
}
