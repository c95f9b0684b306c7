"""Send due records of one connection to its ledger, batch by batch, and write down the results.

The order is the reason this module exists:

1. claim records and commit, so that no other worker takes them;
2. decide what each becomes, commit an attempt row for those that are sent;
3. call the provider, with no transaction open;
4. settle each record behind its fence: the ledger's id first thing after the answer.

A crash between 2 and 4 leaves records in `sending`. When their lease ends they are `uncertain`,
and `sync.recover` looks in the ledger before anybody sends them again.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from uuid import UUID

from connectors.base import (
    REPORTS,
    Accepted,
    CallScope,
    Connector,
    ConnectorSpec,
    Deadline,
    Failed,
    Memo,
    Progressed,
    PushResult,
    Stale,
)
from connectors.errors import ConnectorError, OutcomeUnknown, Unavailable
from models.canonical import ObjectType
from models.ids import new_id
from models.repositories import Claimed, Sending, Unreadable
from models.repositories.documents import body_of
from models.status import SyncStatus
from models.tables import ConnectionRole, ConnectionRow
from models.unit_of_work import UnitOfWork
from sync import connections, poison, reports
from sync.engine import Engine, log, log_batch
from sync.order import BOOKS, PUSH_ORDER
from sync.outcome import Stop
from sync.prepare import Decided, Plan, Ready, books_of, prepare, tagged
from sync.pull import PullJob
from sync.references import Books
from sync.reports import plan_reports, queue_paid_states
from sync.settling import accepted, failed, stale, write_down

# No connector has more steps; a connector that always says "go on" must not loop for ever.
MOST_STEPS = 10


@dataclass
class Pushed:
    """What a push came to."""

    counts: dict[ObjectType, Counter[str]] = field(default_factory=dict)
    """Per type: how many records went to which status."""
    calls: int = 0
    received: int = 0
    """Bytes of the provider's answers."""
    batches: Counter[ObjectType] = field(default_factory=Counter)
    stopped: Stop | None = None
    """The connection cannot be used any further for now."""
    out_of_time: bool = False
    checked: bool = False
    """Whose books these are was asked, and answered as it should be."""

    def add(self, kind: ObjectType, counts: Counter[str]) -> None:
        """Add the figures of a batch."""
        self.counts.setdefault(kind, Counter()).update(counts)


@dataclass
class Lane:
    """One of the parallel ways to a provider: its own connector, its own deadline."""

    connector: Connector
    scope: CallScope
    counts: bool = True
    """Whether its requests are seen to leave: only then is it known that none has."""


@dataclass
class Pusher:
    """One push for one connection: what is loaded once and used for every batch."""

    engine: Engine
    connection: ConnectionRow
    spec: ConnectorSpec
    books: Books
    trigger: str
    correlation_id: str
    run_id: UUID | None
    pushed: Pushed = field(default_factory=Pushed)
    lanes: list[Lane] = field(default_factory=list)
    scopes: list[CallScope] = field(default_factory=list)
    """Of the lanes, and of one that led nowhere."""
    checked: bool = False
    """Whose books these are was asked just now, for the same piece of work."""
    memo: Memo = field(default_factory=Memo)

    def lane(self, number: int) -> Lane:
        """A way to the provider; the first one checks whose books these are."""
        while len(self.lanes) <= number:
            scope = CallScope(self.correlation_id, for_pushes=True, memo=self.memo)
            self.scopes.append(scope)
            connector = connections.open_for(self.engine, self.connection, scope)
            if not self.checked:
                connections.assert_identity(self.connection, connector.check())
                self.checked = True
            counts = scope.calls > 0 if not self.lanes else self.lanes[0].counts
            self.lanes.append(Lane(connector, scope, counts))
        return self.lanes[number]

    def round(self, kind: ObjectType) -> int:
        """Claim, send and settle as many batches of a type as go in parallel.

        Returns:
            How many records were claimed; 0 when nothing of the type is due.
        """
        push = self.spec.pushes(kind)
        if push is None:
            return 0
        width = max(1, self.spec.limits.concurrent)
        engine = self.engine
        deadline = engine.deadline()
        unreadable: list[Unreadable] = []
        with engine.begin() as work:
            claimed = work.records.claim(
                self.connection.id,
                kind,
                worker=engine.worker,
                lease=engine.timing.lease,
                limit=push.batch_size * width,
                unreadable=unreadable,
            )
            poison.set_aside(work, self.connection, self.spec, kind, unreadable)
        if not claimed:
            return len(unreadable)
        unsent = {record.id: record for record in claimed}
        try:
            ready = self._settle_unsendable(kind, claimed)
            for record in set(unsent) - {one.claimed.id for one in ready}:
                unsent.pop(record)
            # What is over the width is given back, and claimed anew at once.
            batches = poison.batched(ready, push.batch_size)[:width]
            lanes = [self.lane(number) for number in range(len(batches))]
            if len(batches) == 1:
                self._send(lanes[0], kind, batches[0], deadline, unsent)
            else:
                with ThreadPoolExecutor(max_workers=len(batches) or 1) as pool:
                    sent = [
                        pool.submit(self._send, lane, kind, batch, deadline, unsent)
                        for lane, batch in zip(lanes, batches, strict=True)
                    ]
                for future in sent:
                    future.result()
        except ConnectorError as error:
            self._stop(error)
        finally:
            self._give_back(unsent.values())
        return len(claimed)

    def _settle_unsendable(self, kind: ObjectType, claimed: Sequence[Claimed]) -> list[Ready]:
        """Decide what each record becomes, write down what is not sent, and give the rest."""

        def decide(records: Sequence[Claimed]) -> list[Ready]:
            with self.engine.begin() as work:
                plan = self._plan(work, records)
                counts = write_down(work, self.engine, self.connection, plan.decided, attempts={})
                self._look_for_payments(work, plan.decided)
            self.pushed.add(kind, counts)
            return plan.ready

        def convict(record: Claimed, error: Exception) -> None:
            bug = failed(record, poison.bug(error), self.engine, attempts=record.attempts)
            with self.engine.begin() as work:
                counts = write_down(work, self.engine, self.connection, [bug], attempts={})
            self.pushed.add(kind, counts)

        return poison.isolated(claimed, decide, convict)

    def _plan(self, work: UnitOfWork, claimed: Sequence[Claimed]) -> Plan:
        if self.connection.role is ConnectionRole.SOURCE:
            return plan_reports(work, self.connection, self.spec, claimed)
        return prepare(work, self.connection, self.spec, self.books, claimed)

    def _send(
        self,
        lane: Lane,
        kind: ObjectType,
        batch: Sequence[Ready],
        deadline: Deadline,
        unsent: dict[UUID, Claimed],
    ) -> None:
        """Commit the attempts of a batch, send it, and settle it."""
        engine = self.engine
        with engine.begin() as work:
            attempts = work.records.start_sending(
                [_sending(ready) for ready in batch],
                run_id=self.run_id,
                trigger=self.trigger,
                correlation_id=self.correlation_id,
                lease=engine.timing.lease,
            )
        for ready in batch:
            unsent.pop(ready.claimed.id, None)
        ours = [ready for ready in batch if ready.claimed.id in attempts]
        if not ours:
            return
        self.pushed.batches[kind] += 1
        lane.scope.deadline = deadline
        calls, began = lane.scope.calls, time.monotonic()
        answers = self._in_steps(lane, kind, ours)
        decided = [self._judged(ready, answer) for ready, answer in answers]
        newer = [answer.current for _, answer in answers if isinstance(answer, Stale)]
        stops = [
            (one.stop, answer.error)
            for one, (_, answer) in zip(decided, answers, strict=True)
            if one.stop is not None and isinstance(answer, Failed)
        ]
        with engine.begin() as work:
            if newer:
                # Documents before records, as whoever stores or moves one: nobody waits in a ring.
                work.pulled.lock([one.claimed.object_id for one in decided])
            counts = write_down(
                work,
                engine,
                self.connection,
                decided,
                attempts=attempts,
                stop=stops[0] if stops else None,
            )
            self._look_for_payments(work, decided)
            if newer:
                # In the same transaction: nobody sends ours before it was compared with theirs.
                run_id = self.run_id or new_id()
                PullJob(engine, self.connection, self.spec, kind, run_id).take_note(work, newer)
        self.pushed.add(kind, counts)
        log_batch(
            "push.batch",
            self.connection,
            kind,
            counts,
            calls=lane.scope.calls - calls,
            began=began,
            correlation_id=self.correlation_id,
        )
        if stops:
            self.pushed.stopped = stops[0][0]

    def _look_for_payments(self, work: UnitOfWork, decided: Sequence[Decided]) -> None:
        """What was paid while a source was told of something else is said next."""
        if self.connection.role is ConnectionRole.SOURCE:
            done = [one.claimed.object_id for one in decided if one.status is SyncStatus.DONE]
            queue_paid_states(work, self.engine, [self.connection.id], done)

    def _in_steps(
        self, lane: Lane, kind: ObjectType, batch: Sequence[Ready]
    ) -> list[tuple[Ready, PushResult]]:
        """Call the provider until no record of a batch has a step left.

        What a step leaves is committed before the next one is begun.
        """
        answers: list[tuple[Ready, PushResult]] = []
        waiting = list(batch)
        for _ in range(MOST_STEPS):
            progressed: list[tuple[Ready, Progressed]] = []
            for ready, answer in zip(waiting, call(lane, kind, waiting), strict=True):
                if isinstance(answer, Progressed):
                    progressed.append((ready, answer))
                else:
                    answers.append((ready, answer))
            if not progressed:
                return answers
            renewed = self.engine.deadline()
            with self.engine.begin() as work:
                ours = work.records.save_progress(
                    self.connection.id,
                    kind,
                    [
                        (
                            ready.claimed.id,
                            ready.claimed.fence,
                            tagged(answer.progress, ready.claimed.content_hash),
                            answer.platform_id,
                        )
                        for ready, answer in progressed
                    ],
                    lease=self.engine.timing.lease,
                )
            lane.scope.deadline = renewed
            # Records that were lost to another worker are left to it: their fence has moved on.
            waiting = [
                _further(ready, answer) for ready, answer in progressed if ready.claimed.id in ours
            ]
            if not waiting:
                return answers
        error = OutcomeUnknown("the write does not come to an end", code="bug")
        return answers + [(ready, Failed(error)) for ready in waiting]

    def _judged(self, ready: Ready, answer: PushResult) -> Decided:
        claimed = ready.claimed
        if isinstance(answer, Accepted):
            done = accepted(
                claimed, answer, ready.item.record, self.spec, sent_hash=claimed.content_hash
            )
            said = ready.item.operation
            return reports.in_words(done, self.spec, said) if said in REPORTS else done
        if isinstance(answer, Stale):
            return stale(claimed, answer, self.engine, attempts=claimed.attempts + 1)
        assert isinstance(answer, Failed)  # noqa: S101  # `_in_steps` leaves no other
        return failed(claimed, answer.error, self.engine, attempts=claimed.attempts + 1)

    def _stop(self, error: ConnectorError) -> None:
        """The provider cannot be used at all: nothing was sent."""
        how = connections.stop_for(error)
        if how is None:
            how = Stop.AWAY
        with self.engine.begin() as work:
            connections.stop(work, self.engine, self.connection, how, error)
        self.pushed.stopped = how

    def _give_back(self, claims: Iterable[Claimed]) -> None:
        """End claims of which nothing was sent; keep this to one short statement."""
        left = [(record.id, record.fence) for record in claims]
        if left:
            with self.engine.begin() as work:
                work.records.give_back(left)


def _sending(ready: Ready) -> Sending:
    return Sending(
        record_id=ready.claimed.id,
        fence=ready.claimed.fence,
        operation=ready.item.operation.value,
        idempotency_key=ready.item.key,
        payload_hash=ready.payload_hash,
        sent_hash=ready.claimed.content_hash,
        sent_body=body_of(ready.item.record),
    )


def _further(ready: Ready, answer: Progressed) -> Ready:
    item = replace(
        ready.item,
        progress=tagged(answer.progress, ready.claimed.content_hash),
        platform_id=answer.platform_id or ready.item.platform_id,
    )
    return replace(ready, item=item)


def call(lane: Lane, kind: ObjectType, batch: Sequence[Ready]) -> list[PushResult]:
    """Make one provider call for a batch; whatever happens, one result per record.

    A connector that breaks its contract may have written: that outcome is unknown too. When it
    broke down before any request had left, it is seen which record that was.
    """
    calls = lane.scope.calls
    try:
        answers = list(lane.connector.push(kind, [ready.item for ready in batch]))
    except ConnectorError as error:
        return [Failed(error)] * len(batch)
    except Exception as error:  # noqa: BLE001  # nothing may leave but results
        log.exception("connector.bug", type=kind.value)
        unsent = lane.counts and lane.scope.calls == calls
        if not unsent or not isinstance(error, poison.BUGS):
            unknown = OutcomeUnknown(f"the connector failed: {type(error).__name__}", code="bug")
            return [Failed(unknown)] * len(batch)
        if len(batch) == 1:
            return [Failed(poison.bug(error))]
        return [answer for ready in batch for answer in call(lane, kind, [ready])]
    if len(answers) != len(batch):
        log.error("connector.bug", type=kind.value, sent=len(batch), answered=len(answers))
        unknown = OutcomeUnknown("the connector did not answer for every record", code="bug")
        return [Failed(unknown)] * len(batch)
    return answers


def books_unread(spec: ConnectorSpec, read: Collection[ObjectType]) -> bool:
    """Whether something that records are translated with was never read to its end."""
    return any(spec.pulls(kind) and kind not in read for kind in BOOKS)


def push_due(
    engine: Engine,
    connection_id: UUID,
    *,
    trigger: str,
    correlation_id: str,
    run_id: UUID | None = None,
    over: Callable[[], bool] = lambda: False,
    only: Sequence[ObjectType] = PUSH_ORDER,
    checked: bool = False,
) -> Pushed:
    """Push what is due for a connection, parents first, until nothing is or time is up.

    `checked`: whose books these are was asked just now, for the same piece of work.
    """
    with engine.begin() as work:
        connection = connections.get(work, connection_id)
        spec = engine.spec_of(connection)
        if spec.by_others:
            return Pushed()
        try:
            with connections.in_use():
                books = books_of(work, connection, spec)
        except Unavailable as error:
            connections.stop(work, engine, connection, Stop.AWAY, error)
            return Pushed(stopped=Stop.AWAY)
        read = work.cursors.ever_completed(connection_id)
        if connection.role is ConnectionRole.SOURCE:
            work.sources.queue_reports(reports.FAILURES, connection_id=connection_id)
        listeners = (
            work.sources.feeding(connection.billing_entity_id)
            if connection.role is ConnectionRole.LEDGER
            else []
        )
    if connection.role is ConnectionRole.LEDGER and books_unread(spec, read):
        # Accounts and tax rates are not known yet: the first run reads them and goes on here.
        only = [kind for kind in only if kind is ObjectType.CONTACT]
    pusher = Pusher(
        engine, connection, spec, books, trigger, correlation_id, run_id, checked=checked
    )
    pushed = pusher.pushed
    moved = True
    # What is done releases what waited for it, also of types that were looked at before.
    while moved and pushed.stopped is None:
        moved = False
        for kind in PUSH_ORDER:
            if kind not in only:
                continue
            while pushed.stopped is None and not pushed.out_of_time and pusher.round(kind):
                moved = True
                pushed.out_of_time = over()
        if pushed.out_of_time:
            break
    _account_for(pusher)
    for source_id in listeners if pushed.counts else []:
        engine.hints.push(source_id)
    return pushed


def _account_for(pusher: Pusher) -> None:
    """Add up what was asked of the provider, and note that it answers."""
    pushed, connection = pusher.pushed, pusher.connection
    pushed.calls = sum(scope.calls for scope in pusher.scopes)
    pushed.received = sum(scope.bytes_received for scope in pusher.scopes)
    if not pusher.scopes:
        return
    with pusher.engine.begin() as work:
        work.connections.used(connection.id, calls=pushed.calls, received=pushed.received)
        if pusher.lanes and pushed.stopped is None:
            connections.provider_answers(work, connection)
