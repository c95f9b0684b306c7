"""Records whose processing always fails: found one by one, so that their neighbours go through.

A batch is as good as its worst record. What fails in a way that nobody foresaw is taken apart
until the record is alone that it is about; that one waits for a person. What failed twice in
company is sent alone from then on, whoever was to blame.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta

from connectors.base import ConnectorSpec
from connectors.errors import Cause, ProtocolError
from models.canonical import ObjectType
from models.repositories import Claimed, Settlement, Unreadable
from models.status import SyncStatus
from models.tables import ConnectionRow
from models.unit_of_work import UnitOfWork
from sync.catalogue import in_words
from sync.engine import log
from sync.prepare import Ready

BUGS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What a mistake in a program raises; time limits and databases that are away raise other things."""

ALONE_AFTER = 2
"""Tries of a record in the company of others."""

LOOK_AGAIN = timedelta(hours=1)


def batched(ready: Sequence[Ready], size: int) -> list[Sequence[Ready]]:
    """What goes out together: full batches, then each record alone that has failed before."""
    fresh = [one for one in ready if one.claimed.attempts < ALONE_AFTER]
    failed_before = [one for one in ready if one.claimed.attempts >= ALONE_AFTER]
    together = [fresh[start : start + size] for start in range(0, len(fresh), size)]
    return [*together, *([one] for one in failed_before)]


def isolated(
    claimed: Sequence[Claimed],
    decide: Callable[[Sequence[Claimed]], list[Ready]],
    convict: Callable[[Claimed, Exception], None],
) -> list[Ready]:
    """Decide about records together; when that fails, one by one, and convict the guilty."""
    try:
        return decide(claimed)
    except BUGS as error:
        log.exception("record.bug", records=len(claimed))
        if len(claimed) == 1:
            convict(claimed[0], error)
            return []
    return [ready for record in claimed for ready in isolated([record], decide, convict)]


def bug(error: Exception) -> ProtocolError:
    """What is said of a record that a program fails over; nothing of it was sent."""
    return ProtocolError(f"the program failed over it ({type(error).__name__})", code="unsendable")


def set_aside(
    work: UnitOfWork,
    connection: ConnectionRow,
    spec: ConnectorSpec,
    kind: ObjectType,
    unreadable: Sequence[Unreadable],
) -> None:
    """Let a person know of records that this version cannot read; none is sent.

    What may have been sent already stays unclear: it is not to be sent again unseen.
    """
    if not unreadable:
        return
    drafts = {}
    for one in unreadable:
        log.error("record.unreadable", record=str(one.id), reason=one.reason)
        words = f"{kind.words} {one.external_id} cannot be read by this version ({one.reason})"
        cause = Cause("bug", words, {"message": words})
        drafts[one.id] = in_words(cause, ledger=spec.name, connection=connection.id)
    issues = work.issues.open(connection.id, drafts.values())
    unclear = SyncStatus.UNCERTAIN
    work.records.settle(
        connection.id,
        kind,
        [
            Settlement(
                record_id=one.id,
                fence=one.fence,
                status=unclear if one.status is unclear else SyncStatus.REJECTED,
                delay=LOOK_AGAIN if one.status is unclear else timedelta(0),
                reason_code="bug",
                reason=drafts[one.id].sentence,
                issue_id=issues[drafts[one.id].key],
            )
            for one in unreadable
        ],
    )
