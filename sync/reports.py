"""What a source is told about its documents: that a ledger has them, or what to correct.

A report is a push like any other (claimed, attempted, sent, settled, looked up when unclear), to
the connection that the document came from. What is said follows from where the document stands
in its billing entity's ledger, read when the report is due.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from uuid import UUID

from connectors.base import REPORTS, ConnectorSpec, Operation, PushItem, Report
from connectors.errors import Cause
from models.repositories import Claimed, InLedger, SourceKnows
from models.status import SyncStatus
from models.tables import ConnectionRole, ConnectionRow
from models.unit_of_work import UnitOfWork
from sync.catalogue import CATALOGUE
from sync.compare import label
from sync.engine import Engine
from sync.prepare import Decided, Plan, Ready, key_of

FAILURES = frozenset(code for code, entry in CATALOGUE.items() if entry.at_source)
"""Refusals of a ledger that whoever wrote the document can mend, in the source."""

_IN_WORDS = {
    Operation.FAIL: ("cannot be posted as it is", "reported_failed", {"told_complete": False}),
    Operation.COMPLETE: ("is in the ledger", "reported", {"told_complete": True}),
    Operation.PAID: ("is paid", "reported", {"told_paid": True}),
    Operation.UNPAID: ("is open again", "reported", {"told_paid": False}),
}
"""What a source was told: in a sentence, as a reason code, and as it is kept."""

_POSTED = frozenset({SyncStatus.DONE, SyncStatus.DONE_MANUALLY})


def is_report(operation: str | None) -> bool:
    """Whether an operation tells a source something."""
    return operation in REPORTS


def plan_reports(
    work: UnitOfWork,
    connection: ConnectionRow,
    spec: ConnectorSpec,
    claimed: Sequence[Claimed],
) -> Plan:
    """Decide what a source is told about each of its documents, or what is waited for."""
    standing = work.sources.in_ledger([record.object_id for record in claimed])
    told = work.sources.told([record.id for record in claimed])
    has_ledger = work.connections.ledger_of(connection.billing_entity_id) is not None
    plan = Plan()
    for record in claimed:
        there = standing.get(record.object_id)
        knows = told.get(record.id, SourceKnows())
        if there is not None and there.status in _POSTED:
            decision = _posted(connection, spec, record, there, knows)
        elif there is None and knows.complete and not record.gone:
            # The ledger that had it was disconnected: nobody knows any more whether it is paid.
            decision = Decided(record, SyncStatus.DONE, reason_code="reported")
        else:
            decision = _decide(connection, spec, record, there, has_ledger)
        if isinstance(decision, Ready):
            plan.ready.append(decision)
        else:
            plan.decided.append(decision)
    return plan


def _decide(
    connection: ConnectionRow,
    spec: ConnectorSpec,
    claimed: Claimed,
    there: InLedger | None,
    has_ledger: bool,
) -> Ready | Decided:
    if claimed.gone:
        return Decided(claimed, SyncStatus.SKIPPED, reason_code="dealt_with", reason=None)
    if there is None and not has_ledger:
        cause = Cause("no_ledger", "ledger", {})
        return Decided(claimed, SyncStatus.BLOCKED, cause=cause, reason_code=cause.code)
    if there is None:
        return _waits(claimed, "It is not on its way to the ledger.")
    if there.status is SyncStatus.REJECTED and there.reason_code in FAILURES:
        if spec.pushes(claimed.type, Operation.FAIL) is None:
            return _waits(claimed, there.sentence or "The ledger refused it.")
        message = there.sentence or f"{label(claimed.document)} was refused."
        return _told(connection, claimed, Operation.FAIL, Report(message=message))
    if there.status is SyncStatus.SKIPPED:
        why = f"It is not posted. {there.sentence or ''}".strip()
        return Decided(claimed, SyncStatus.SKIPPED, reason_code="ledger", reason=why)
    return _waits(claimed, "Waits for the ledger.")


def _posted(
    connection: ConnectionRow,
    spec: ConnectorSpec,
    claimed: Claimed,
    there: InLedger,
    told: SourceKnows,
) -> Ready | Decided:
    """What is said of a document that the ledger has: that first, then whether it is paid."""
    if claimed.gone:
        return Decided(claimed, SyncStatus.SKIPPED, reason_code="dealt_with", reason=None)
    said = Operation.COMPLETE
    if told.complete:
        said = Operation.PAID if there.paid else Operation.UNPAID
        if told.paid == there.paid or spec.pushes(claimed.type, said) is None:
            return Decided(claimed, SyncStatus.DONE, reason_code="reported")
    return _told(connection, claimed, said, Report(ledger_id=there.platform_id))


def _waits(claimed: Claimed, reason: str) -> Decided:
    return Decided(claimed, SyncStatus.BLOCKED, reason_code="ledger", reason=reason)


def _told(
    connection: ConnectionRow, claimed: Claimed, operation: Operation, report: Report
) -> Ready:
    item = PushItem(
        key=key_of(connection, claimed, operation, claimed.content_hash),
        marker=claimed.marker,
        operation=operation,
        record=claimed.document,
        platform_id=claimed.platform_id,
        version=claimed.version,
        progress=claimed.progress,
        report=report,
    )
    return Ready(claimed, item)


def queue_paid_states(
    work: UnitOfWork, engine: Engine, source_ids: Iterable[UUID], document_ids: Sequence[UUID]
) -> None:
    """Let sources that want to know be told which of their documents are paid, or open again."""
    for source_id in sorted(source_ids):
        source = work.connections.get(source_id)
        if source is None or source.role is not ConnectionRole.SOURCE:
            continue
        spec = engine.spec_of(source)
        paid, reopened = (
            [kind for kind in spec.types if spec.pushes(kind, said)]
            for said in (Operation.PAID, Operation.UNPAID)
        )
        if paid or reopened:
            work.sources.queue_paid_states(source_id, document_ids, paid=paid, reopened=reopened)


def in_words(decided: Decided, spec: ConnectorSpec, operation: str) -> Decided:
    """Say of a report that arrived what was reported."""
    if decided.status is not SyncStatus.DONE:
        return decided
    said, code, told = _IN_WORDS[Operation(operation)]
    reason = f"{spec.name} was told that it {said}."
    return replace(
        decided, reason_code=code, reason=reason, ledger={**(decided.ledger or {}), **told}
    )
