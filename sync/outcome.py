"""What an answer of a provider means for a record and its connection: pure, and in one place.

The rule behind it: a definite refusal waits for a person, a definite "not now" waits for a date,
dead credentials stop the connection, and *everything else after bytes left is uncertain*.
"""

import random
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from connectors.errors import (
    AuthorizationLost,
    Cause,
    Conflict,
    ConnectorError,
    MappingMissing,
    PermissionDenied,
    ProtocolError,
    RateLimited,
    Rejected,
    Transient,
    Unavailable,
    Unsupported,
)
from models.status import SyncStatus
from sync.engine import Timing


class AttemptResult(StrEnum):
    """What a try came to, as the sync log keeps it."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    NOT_PROCESSED = "not_processed"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"
    FOUND = "found"
    ABSENT = "absent"
    UNCLEAR = "unclear"


class Stop(StrEnum):
    """What an error means for the connection as a whole."""

    DEAUTHORIZE = "deauthorize"  # no further call can succeed until a person acts
    PARK = "park"  # no call until a moment; the quota is used up
    AWAY = "away"  # no call for a while; the provider cannot be reached


@dataclass(frozen=True)
class Verdict:
    """Where a record goes, and what else follows."""

    status: SyncStatus
    result: AttemptResult
    delay: timedelta = timedelta(0)
    cause: Cause | None = None
    reason: str = ""
    refused: bool = False
    uncounted: bool = False
    stop: Stop | None = None


def verdict(  # noqa: C901  # one case for each kind of error is the point
    error: ConnectorError, *, subject: str, attempts: int, timing: Timing
) -> Verdict:
    """Decide what becomes of a record whose write failed.

    Args:
        error: What the connector made of the answer.
        subject: The document in words, for issues that concern it alone.
        attempts: How often it was sent, this time included.
        timing: Pauses and limits.
    """
    words = {"document": subject, "message": error.message, "attempts": str(attempts)}
    match error:
        case RateLimited():
            return Verdict(
                SyncStatus.RETRY_WAIT,
                AttemptResult.NOT_PROCESSED,
                delay=error.retry_after or timing.retry_base,
                reason=error.message,
                uncounted=True,
                stop=Stop.PARK,
            )
        case Unavailable():
            return Verdict(
                SyncStatus.RETRY_WAIT,
                AttemptResult.NOT_PROCESSED,
                reason=error.message,
                uncounted=True,
                stop=Stop.AWAY,
            )
        case Transient() if error.code == "late":
            return Verdict(
                SyncStatus.PENDING, AttemptResult.NOT_SENT, reason=error.message, uncounted=True
            )
        case Transient() if attempts >= timing.push_attempts:
            return Verdict(
                SyncStatus.REJECTED,
                AttemptResult.NOT_PROCESSED,
                cause=error.cause or Cause("gave_up", subject, words),
                reason=error.message,
            )
        case Transient():
            return Verdict(
                SyncStatus.RETRY_WAIT,
                AttemptResult.NOT_PROCESSED,
                delay=error.retry_after or backoff(attempts, timing),
                reason=error.message,
            )
        case AuthorizationLost():
            return Verdict(
                SyncStatus.RETRY_WAIT,
                AttemptResult.NOT_PROCESSED,
                reason=error.message,
                uncounted=True,
                stop=Stop.DEAUTHORIZE,
            )
        case PermissionDenied():
            cause = error.cause or Cause("permission_denied", error.message, words)
            return _refusal(cause, error)
        case MappingMissing():
            cause = error.cause or Cause("refused", error.message, words)
            return Verdict(
                SyncStatus.BLOCKED,
                AttemptResult.REFUSED,
                cause=cause,
                reason=error.message,
                refused=True,
            )
        case Conflict():
            return _refusal(error.cause or Cause("conflict", subject, words), error)
        case Unsupported():
            return _refusal(error.cause or Cause("unsupported", error.message, words), error)
        case Rejected():
            return _refusal(error.cause or Cause("refused", error.message, words), error)
        case ProtocolError() if error.code == "unsendable":
            return _refusal(Cause("bug", error.message, words), error)
    return Verdict(
        SyncStatus.UNCERTAIN,
        AttemptResult.UNKNOWN,
        delay=timing.first_check,
        reason=error.message,
    )


def _refusal(cause: Cause, error: ConnectorError) -> Verdict:
    return Verdict(
        SyncStatus.REJECTED,
        AttemptResult.REFUSED,
        cause=cause,
        reason=error.message,
        refused=True,
    )


def backoff(attempts: int, timing: Timing) -> timedelta:
    """The pause after a number of failed tries: doubling, capped, with full jitter."""
    longest = min(timing.retry_cap, timing.retry_base * _doubled(attempts - 1))
    return longest * random.uniform(0.1, 1.0)  # noqa: S311  # spreads load, guards nothing


def _doubled(times: int) -> int:
    return 1 << min(max(times, 0), 20)


def park_time(failures: int, timing: Timing) -> timedelta:
    """How long to leave a provider alone that could not be reached so often in a row."""
    longest = min(timedelta(minutes=15), timing.retry_base * _doubled(failures))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311  # spreads load, guards nothing


def next_check(checks: int, timing: Timing) -> timedelta | None:
    """When to look up an unclear write again after so many look-ups; None: ask a person."""
    return timing.later_checks[checks] if checks < len(timing.later_checks) else None
