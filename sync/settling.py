"""Writing down what became of records: issues, statuses, evidence, in one small transaction."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

from connectors.base import Accepted, ConnectorSpec, Stale
from connectors.errors import Cause, Conflict, ConnectorError
from models.canonical import AnyRecord, BillingDocument
from models.canonical.money import ZERO, shown
from models.repositories import AttemptOutcome, Claimed, Settlement
from models.repositories.documents import header_of
from models.status import SyncStatus
from models.tables import ConnectionRow
from models.unit_of_work import UnitOfWork
from sync import connections
from sync.catalogue import CONNECTION_CODES, in_words
from sync.compare import label
from sync.engine import Engine
from sync.outcome import AttemptResult, Stop, verdict
from sync.prepare import Decided


def accepted(
    claimed: Claimed, answer: Accepted, sent: AnyRecord, spec: ConnectorSpec, *, sent_hash: str
) -> Decided:
    """A record that the ledger has; its totals are compared with ours."""
    header = header_of(sent)
    ledger = {
        "number": answer.number,
        "url": answer.url,
        "name": header.get("name"),
        "document_date": header.get("document_date"),
        "currency": header.get("currency"),
        "net_total": _first(answer.totals.net, header.get("net_total")),
        "tax_total": _first(answer.totals.tax, header.get("tax_total")),
        "total": _first(answer.totals.total, header.get("total")),
        "status": "void" if header.get("status") == "void" else "open",
        "notes": list(answer.notes) or None,
    }
    variance, cause = compare_totals(sent, answer, spec)
    return Decided(
        claimed,
        SyncStatus.DONE,
        platform_id=answer.platform_id,
        version=answer.version,
        pushed_hash=sent_hash,
        ledger={name: value for name, value in ledger.items() if value is not None},
        variance=variance,
        cause=cause,
        reason_code=cause.code if cause else None,
        result=AttemptResult.ACCEPTED,
        request_id=answer.request_id,
        reason=" ".join(answer.notes) or None,
    )


def _first(theirs: Decimal | None, ours: Decimal | None) -> Decimal | None:
    return ours if theirs is None else theirs


def compare_totals(
    sent: AnyRecord, answer: Accepted, spec: ConnectorSpec
) -> tuple[Decimal | None, Cause | None]:
    """How far the ledger's total is from ours, and the cause when it is too far."""
    if not isinstance(sent, BillingDocument) or answer.totals.total is None:
        return None, None
    variance = answer.totals.total - sent.total
    if variance == ZERO:
        return None, None
    if abs(variance) <= spec.rounding_tolerance:
        return variance, None
    difference = (
        f"{shown(sent.total, sent.currency)} here, "
        f"{shown(answer.totals.total, sent.currency)} there"
    )
    words = {"document": label(sent), "difference": difference}
    return variance, Cause("totals_differ", label(sent), words)


def failed(claimed: Claimed, error: ConnectorError, engine: Engine, *, attempts: int) -> Decided:
    """A record whose write failed, as `sync.outcome` decides."""
    what = verdict(
        error,
        subject=label(claimed.document),
        attempts=attempts,
        timing=engine.timing,
    )
    return Decided(
        claimed,
        what.status,
        delay=what.delay,
        cause=what.cause,
        reason_code=what.cause.code if what.cause else error.code or None,
        reason=what.reason,
        provider_message=error.message,
        refused=what.refused,
        uncounted=what.uncounted,
        stop=what.stop,
        result=what.result,
        forget_platform=error.withdrawn,
        request_id=error.request_id,
        http_status=error.http_status,
        error_code=error.code or None,
    )


def stale(claimed: Claimed, answer: Stale, engine: Engine, *, attempts: int) -> Decided:
    """A record whose object is newer in the ledger than we knew; nothing was written.

    It goes again at once, unless the comparison with what the ledger has now says otherwise.
    """
    name = label(claimed.document)
    said = Conflict(f"{name} was changed in the ledger in the meantime", code="stale")
    said.request_id = answer.request_id
    if attempts >= engine.timing.push_attempts:
        return failed(claimed, said, engine, attempts=attempts)
    return Decided(
        claimed,
        SyncStatus.PENDING,
        reason=f"{said.message}; it is compared, and sent again.",
        result=AttemptResult.NOT_PROCESSED,
        request_id=answer.request_id,
        error_code=said.code,
    )


def write_down(
    work: UnitOfWork,
    engine: Engine,
    connection: ConnectionRow,
    decided: Sequence[Decided],
    *,
    attempts: Mapping[UUID, UUID],
    stop: tuple[Stop, ConnectorError] | None = None,
) -> Counter[str]:
    """Settle records of one type, and complete their attempts.

    Args:
        work: The transaction.
        engine: For the words and the pauses.
        connection: Whose records they are.
        decided: What became of each.
        attempts: Attempt id by record id, for those that were sent.
        stop: Set when the connection must not be used for now.

    Returns:
        How many went where, by status.
    """
    if not decided:
        return Counter()
    spec = engine.spec_of(connection)
    kind = decided[0].claimed.type
    decided = one_pair_each(work, connection, decided)
    drafts = {
        one.claimed.id: in_words(
            one.cause,
            ledger=spec.name,
            connection=connection.id,
            provider_message=one.provider_message,
        )
        for one in decided
        if one.cause
    }
    issues = work.issues.open(connection.id, drafts.values())
    settlements = [
        Settlement(
            record_id=one.claimed.id,
            fence=one.claimed.fence,
            status=one.status,
            delay=one.delay,
            reason_code=one.reason_code,
            reason=drafts[one.claimed.id].sentence if one.claimed.id in drafts else one.reason,
            issue_id=(
                issues[drafts[one.claimed.id].key] if one.claimed.id in drafts else one.issue_id
            ),
            blocked_by=one.blocked_by,
            platform_id=one.platform_id,
            forget_platform=one.forget_platform,
            version=one.version,
            progress=one.progress,
            pushed_hash=one.pushed_hash,
            variance=one.variance,
            ledger=one.ledger,
            refused=one.refused,
            checked=one.checked,
            uncounted=one.uncounted,
        )
        for one in decided
    ]
    ours = work.records.settle(connection.id, kind, settlements)
    work.attempts.finish(
        [
            AttemptOutcome(
                attempt_id=attempts[one.claimed.id],
                outcome=one.result.value,
                http_status=one.http_status,
                request_id=one.request_id,
                error_code=one.error_code,
                sentence=drafts[one.claimed.id].sentence
                if one.claimed.id in drafts
                else one.reason,
                provider_message=one.provider_message,
                late=one.claimed.id not in ours,
            )
            for one in decided
            if one.claimed.id in attempts and one.result is not None
        ]
    )
    work.issues.close_empty(connection.id, sorted(CONNECTION_CODES))
    if stop is not None:
        connections.stop(work, engine, connection, *stop)
    return Counter(one.status.value for one in decided if one.claimed.id in ours)


def one_pair_each(
    work: UnitOfWork, connection: ConnectionRow, decided: Sequence[Decided]
) -> list[Decided]:
    """Let no two documents of ours claim the same object of the ledger."""
    named = [one.platform_id for one in decided if one.platform_id]
    if not named:
        return list(decided)
    owner = work.pairing.taken(connection.id, decided[0].claimed.type, named)
    result = []
    for one in decided:
        first = owner.setdefault(one.platform_id, one.claimed.id) if one.platform_id else None
        if first in {None, one.claimed.id}:
            result.append(one)
            continue
        name = label(one.claimed.document)
        cause = Cause("already_paired", name, {"document": name})
        result.append(
            replace(
                one,
                status=SyncStatus.REJECTED,
                cause=cause,
                reason_code=cause.code,
                platform_id=None,
                pushed_hash=None,
            )
        )
    return result
