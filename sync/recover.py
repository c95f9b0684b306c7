"""Find out what became of writes whose outcome is unclear, before anybody sends them again.

Found in the ledger: it is adopted, and steps that are missing are done. Proven absent after the
provider's consistency delay: it is queued again with the same key. Cannot be told: looked up
again later, and in the end a person is asked. A look-up that fails proves nothing.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import UUID

from connectors.base import (
    Absent,
    CallScope,
    Connector,
    ConnectorSpec,
    FindResult,
    Found,
    Operation,
    PushItem,
    Unclear,
)
from connectors.errors import Cause, ConnectorError, OutcomeUnknown
from models.canonical import ObjectType
from models.repositories import Claimed, Unreadable
from models.status import SyncStatus
from models.tables import ConnectionRole, ConnectionRow
from sync import connections, poison
from sync.compare import label
from sync.engine import Engine, log, log_batch
from sync.order import PUSH_ORDER
from sync.outcome import AttemptResult, Stop, next_check
from sync.prepare import Decided, tagged
from sync.push import Pushed
from sync.reports import in_words, is_report, queue_paid_states
from sync.settling import accepted, write_down


@dataclass
class Recovery:
    """The look-ups of one connection."""

    engine: Engine
    connection: ConnectionRow
    spec: ConnectorSpec
    scope: CallScope
    checked: bool = False
    """Whose books these are was asked just now, for the same piece of work."""
    connector: Connector | None = None
    found: Pushed = field(default_factory=Pushed)

    def round(self, kind: ObjectType) -> int:
        """Claim and look up one batch of a type; how many records that were."""
        push = self.spec.pushes(kind)
        if push is None:
            return 0
        engine = self.engine
        self.scope.deadline = engine.deadline()
        unreadable: list[Unreadable] = []
        with engine.begin() as work:
            claimed = work.records.claim(
                self.connection.id,
                kind,
                worker=engine.worker,
                lease=engine.timing.lease,
                limit=push.batch_size,
                uncertain=True,
                unreadable=unreadable,
            )
            poison.set_aside(work, self.connection, self.spec, kind, unreadable)
        if not claimed:
            return len(unreadable)
        stop: tuple[Stop, ConnectorError] | None = None
        calls, began = self.scope.calls, time.monotonic()
        try:
            decided = self._look_up(kind, claimed)
        except ConnectorError as error:
            # A look-up that fails proves nothing and is not counted as one.
            decided = [_again(record, engine, str(error)) for record in claimed]
            stop = (connections.stop_for(error) or Stop.AWAY, error)
        with engine.begin() as work:
            counts = write_down(work, engine, self.connection, decided, attempts={}, stop=stop)
            if self.connection.role is ConnectionRole.SOURCE:
                found = [one.claimed.object_id for one in decided if one.status is SyncStatus.DONE]
                queue_paid_states(work, engine, [self.connection.id], found)
            work.attempts.add_look_ups(
                [
                    (one.claimed.id, one.claimed.fence, one.result.value, one.reason)
                    for one in decided
                    if one.result is not None
                ],
                correlation_id=self.scope.correlation_id,
            )
        self.found.add(kind, counts)
        self.found.stopped = stop[0] if stop else None
        log_batch(
            "look_up.batch",
            self.connection,
            kind,
            counts,
            calls=self.scope.calls - calls,
            began=began,
            correlation_id=self.scope.correlation_id,
        )
        return len(claimed)

    def _look_up(self, kind: ObjectType, claimed: Sequence[Claimed]) -> list[Decided]:
        if self.connector is None:
            self.connector = connections.open_for(self.engine, self.connection, self.scope)
            if not self.checked:
                connections.assert_identity(self.connection, self.connector.check())
                self.checked = self.found.checked = True
        wait = consistency_delay(self.connection, self.spec)
        unfinished = [one for one in claimed if _must_be_looked_up(one)]
        decided = [
            _repeatable(record, wait, self.engine) for record in claimed if record not in unfinished
        ]
        answers = (
            find(self.connector, kind, [_item(record) for record in unfinished])
            if unfinished
            else []
        )
        for record, answer in zip(unfinished, answers, strict=True):
            decided.append(_decide(record, answer, self.engine, self.spec, wait=wait))
        return decided


def recover_due(
    engine: Engine,
    connection_id: UUID,
    *,
    correlation_id: str,
    over: Callable[[], bool] = lambda: False,
    checked: bool = False,
) -> Pushed:
    """Look up the unclear writes of a connection that are due: one look-up a batch."""
    with engine.begin() as work:
        connection = connections.get(work, connection_id)
    spec = engine.spec_of(connection)
    if spec.by_others:
        return Pushed()
    scope = CallScope(correlation_id, for_pushes=True)
    recovery = Recovery(engine, connection, spec, scope, checked)
    for kind in PUSH_ORDER:
        while recovery.found.stopped is None and not over() and recovery.round(kind):
            pass
    found = recovery.found
    found.calls, found.received = scope.calls, scope.bytes_received
    if found.calls:
        with engine.begin() as work:
            work.connections.used(connection_id, calls=found.calls, received=found.received)
    return found


def find(connector: Connector, kind: ObjectType, items: Sequence[PushItem]) -> list[FindResult]:
    """Ask a connector to look records up: one result per item.

    One that it fails over, for want of foresight, is unclear; the others are looked up without it.

    Raises:
        ConnectorError: The look-up failed; nothing is proven.
    """
    try:
        answers = list(connector.find(kind, items))
    except ConnectorError:
        raise
    except poison.BUGS as error:
        log.exception("connector.bug", type=kind.value)
        if len(items) == 1:
            return [Unclear(f"the connector failed over it ({type(error).__name__})")]
        return [answer for item in items for answer in find(connector, kind, [item])]
    except Exception as error:  # noqa: BLE001  # nothing may leave but results
        log.exception("connector.bug", type=kind.value)
        raise OutcomeUnknown(f"the connector failed: {type(error).__name__}", code="bug") from None
    if len(answers) != len(items):
        raise OutcomeUnknown("the connector did not answer for every record", code="bug")
    return answers


def _must_be_looked_up(record: Claimed) -> bool:
    """Whether saying it again could write a second object, or finish one with other content.

    What an edit of an unfinished object left decides how it is to be finished.
    """
    if is_report(record.sent_operation):
        return True
    if record.sent_operation == Operation.UPDATE.value:
        return record.progress is not None
    return record.sent_operation == Operation.CREATE.value


def _item(record: Claimed) -> PushItem:
    return PushItem(
        key="",
        marker=record.marker,
        operation=(
            Operation(record.sent_operation)
            if record.sent_operation and is_report(record.sent_operation)
            else Operation.CREATE
        ),
        record=record.sent or record.document,
        platform_id=record.platform_id,
        version=record.version,
        progress=record.progress,
    )


def consistency_delay(connection: ConnectionRow, spec: ConnectorSpec) -> timedelta:
    """After how long what a look-up does not find was not written."""
    settings = spec.settings.model_validate(connection.settings)
    if settings.consistency_delay_seconds is not None:
        return timedelta(seconds=settings.consistency_delay_seconds)
    return spec.consistency_delay


def _decide(
    record: Claimed,
    answer: FindResult,
    engine: Engine,
    spec: ConnectorSpec,
    *,
    wait: timedelta,
) -> Decided:
    match answer:
        case Found(accepted=there, progress=None):
            sent = record.sent or record.document
            adopted = accepted(
                record, there, sent, spec, sent_hash=record.sent_hash or record.content_hash
            )
            if record.sent_operation and is_report(record.sent_operation):
                adopted = in_words(adopted, spec, record.sent_operation)
            return replace(
                adopted, result=AttemptResult.FOUND, reason=adopted.reason or "Found in the ledger."
            )
        case Found(accepted=there, progress=progress):
            # An edit may or may not have arrived: then nobody knows what the steps are about.
            edited = record.sent_operation == Operation.UPDATE.value
            return Decided(
                record,
                SyncStatus.PENDING,
                platform_id=there.platform_id,
                version=there.version,
                progress=tagged(progress or {}, None if edited else record.sent_hash),
                result=AttemptResult.FOUND,
                reason_code="unfinished",
                reason="It is in the ledger, but not all steps are done.",
            )
        case Absent():
            return _absent(record, engine, wait)
        case Unclear(reason=reason):
            return _unclear(record, engine, reason)
    raise AssertionError(answer)  # pragma: no cover  # the match is complete


def _absent(record: Claimed, engine: Engine, wait: timedelta) -> Decided:
    left = wait - timedelta(seconds=record.uncertain_seconds)
    if left > timedelta(0):
        return Decided(
            record,
            SyncStatus.UNCERTAIN,
            delay=left,
            checked=True,
            result=AttemptResult.ABSENT,
            reason_code="not_found_yet",
            reason="It is not in the ledger yet; it is looked up once more before it is sent again.",
        )
    if record.attempts >= engine.timing.push_attempts:
        return _given_up(record, forget_platform=True)
    return Decided(
        record,
        SyncStatus.PENDING,
        forget_platform=True,
        result=AttemptResult.ABSENT,
        reason_code="proven_absent",
        reason="It did not arrive in the ledger; it is sent again.",
    )


def _unclear(record: Claimed, engine: Engine, reason: str) -> Decided:
    delay = next_check(record.checks, engine.timing)
    if delay is not None:
        return Decided(
            record,
            SyncStatus.UNCERTAIN,
            delay=delay,
            checked=True,
            result=AttemptResult.UNCLEAR,
            reason_code="unclear",
            reason=reason,
        )
    name = label(record.document)
    cause = Cause("outcome_unclear", name, {"document": name, "message": reason})
    return Decided(
        record,
        SyncStatus.REJECTED,
        cause=cause,
        reason_code=cause.code,
        result=AttemptResult.UNCLEAR,
    )


def _repeatable(record: Claimed, wait: timedelta, engine: Engine) -> Decided:
    """An update or void says what is to be, so it may be said again once the first has settled."""
    left = wait - timedelta(seconds=record.uncertain_seconds)
    if left > timedelta(0):
        return Decided(
            record,
            SyncStatus.UNCERTAIN,
            delay=left,
            reason_code="settling",
            reason="It may still be under way; it is sent again after that.",
        )
    if record.attempts >= engine.timing.push_attempts:
        return _given_up(record)
    return Decided(record, SyncStatus.PENDING, reason_code="repeat")


def _given_up(record: Claimed, *, forget_platform: bool = False) -> Decided:
    name = label(record.document)
    words = {
        "document": name,
        "attempts": str(record.attempts),
        "message": "the connection broke off each time",
    }
    cause = Cause("gave_up", name, words)
    return Decided(
        record,
        SyncStatus.REJECTED,
        cause=cause,
        reason_code=cause.code,
        forget_platform=forget_platform,
    )


def _again(record: Claimed, engine: Engine, reason: str) -> Decided:
    """The look-up itself failed: not counted as one."""
    return Decided(
        record,
        SyncStatus.UNCERTAIN,
        delay=engine.timing.first_check,
        reason_code="not_looked_up",
        reason=reason,
    )
