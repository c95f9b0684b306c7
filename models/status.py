"""The status of a synced record and the moves that are allowed: pure, and the only such list.

A record is done, moving, waiting for a date, or waiting for a named person; there is no other
place to be. `sending` is the only state in which bytes may be under way to the ledger; whoever
finds a record there without an owner must look in the ledger before sending again.
"""

from enum import StrEnum


class SyncStatus(StrEnum):
    """Where a record stands between us and one ledger."""

    PENDING = "pending"  # due now
    SENDING = "sending"  # the attempt is committed, bytes may be under way
    DONE = "done"  # the ledger has what we have
    RETRY_WAIT = "retry_wait"  # nothing happened; again at next_attempt_at
    UNCERTAIN = "uncertain"  # it may have happened; looked up at next_attempt_at
    REJECTED = "rejected"  # the ledger refused it; a person acts
    BLOCKED = "blocked"  # waits for its parent or for an issue to be closed
    HELD = "held"  # the connection is not usable
    SKIPPED = "skipped"  # never to be sent, with a reason
    DONE_MANUALLY = "done_manually"  # a person did it, verified in the ledger


_S = SyncStatus

_MOVES = {
    _S.PENDING: "sending retry_wait done blocked rejected held skipped done_manually",
    _S.SENDING: "done pending retry_wait uncertain rejected blocked held",
    _S.DONE: "pending",
    _S.RETRY_WAIT: "pending sending done blocked rejected held skipped done_manually",
    _S.UNCERTAIN: "done pending rejected done_manually",
    _S.REJECTED: "pending held skipped done_manually",
    _S.BLOCKED: "pending done rejected held skipped done_manually",
    _S.HELD: "pending done skipped done_manually",
    _S.SKIPPED: "pending done",
    _S.DONE_MANUALLY: "pending",
}

CLAIMABLE = frozenset({_S.PENDING, _S.RETRY_WAIT})
"""What a pusher may take when it is due and nobody holds its lease."""

IN_PROGRESS = frozenset({_S.SENDING, _S.UNCERTAIN})
"""What may exist in the ledger already: not to be edited, moved or sent by anyone else."""

WAITS_FOR_PERSON = frozenset({_S.REJECTED, _S.BLOCKED, _S.HELD})

FINAL = frozenset({_S.DONE, _S.SKIPPED, _S.DONE_MANUALLY})


def may_move(current: SyncStatus, new: SyncStatus) -> bool:
    """Whether a record may go from one status to another; staying is always allowed."""
    return current == new or new in _MOVES[current].split()


def sources_of(new: SyncStatus) -> frozenset[SyncStatus]:
    """The statuses from which a record may come to `new`: the guard inside the SQL."""
    return frozenset(current for current in SyncStatus if may_move(current, new))


RETRYABLE = frozenset({_S.REJECTED, _S.BLOCKED, _S.RETRY_WAIT, _S.SKIPPED, _S.PENDING})
"""What a person may ask to be pushed again. `uncertain` is missing on purpose: it is looked up
first. `held` waits for its connection, which a retry does not repair."""


def public_status(status: SyncStatus, *, blocked_by: object, issue_id: object) -> str:
    """The status in the words of the Monite contract: pending, done or error.

    What is blocked waits for its parent (`blocked_by`), or for a person who closes an issue: only
    the latter is an error, since clients read that as "a person must act".

    Source: Monite accounting API, synced record `sync_status` (three values on the wire).
    """
    if status in FINAL:
        return "done"
    by_issue = blocked_by is None and issue_id is not None
    waits_for_person = status is _S.REJECTED or (status is _S.BLOCKED and by_issue)
    return "error" if waits_for_person else "pending"
