"""What each kind of answer means: one table."""

from datetime import timedelta

import pytest

from connectors.errors import (
    AuthorizationLost,
    Cause,
    Conflict,
    ConnectorError,
    MappingMissing,
    OutcomeUnknown,
    PermissionDenied,
    ProtocolError,
    RateLimited,
    Rejected,
    Transient,
    Unavailable,
    Unsupported,
)
from models.ids import new_id
from models.status import SyncStatus as S
from sync.catalogue import CATALOGUE, in_words
from sync.engine import Timing
from sync.outcome import Stop, backoff, next_check, park_time, verdict

TIMING = Timing()


@pytest.mark.parametrize(
    ("error", "status", "code", "stop"),
    [
        (RateLimited("slow down"), S.RETRY_WAIT, None, Stop.PARK),
        (Unavailable("refused"), S.RETRY_WAIT, None, Stop.AWAY),
        (Transient("busy"), S.RETRY_WAIT, None, None),
        (Transient("no time left", code="late"), S.PENDING, None, None),
        (AuthorizationLost("no"), S.RETRY_WAIT, None, Stop.DEAUTHORIZE),
        (PermissionDenied("no"), S.REJECTED, "permission_denied", None),
        (MappingMissing("what?", cause=Cause("x", "y", {})), S.BLOCKED, "x", None),
        (Rejected("bad date"), S.REJECTED, "refused", None),
        (Rejected("bad", cause=Cause("period_closed", "2026-01", {})), S.REJECTED,
         "period_closed", None),
        (Conflict("stale"), S.REJECTED, "conflict", None),
        (Unsupported("no payments"), S.REJECTED, "unsupported", None),
        (OutcomeUnknown("broke off"), S.UNCERTAIN, None, None),
        (ProtocolError("302"), S.UNCERTAIN, None, None),
        (ProtocolError("bad header", code="unsendable"), S.REJECTED, "bug", None),
        (ConnectorError("?"), S.UNCERTAIN, None, None),
    ],
)  # fmt: skip
def test_every_error_has_one_meaning(
    error: ConnectorError, status: S, code: str | None, stop: Stop | None
) -> None:
    what = verdict(error, subject="Invoice 7", attempts=1, timing=TIMING)

    assert (what.status, what.cause and what.cause.code, what.stop) == (status, code, stop)


def test_a_busy_ledger_is_tried_a_limited_number_of_times() -> None:
    what = verdict(Transient("busy"), subject="Invoice 7", attempts=8, timing=TIMING)

    assert (what.status, what.cause and what.cause.code) == (S.REJECTED, "gave_up")


def test_the_providers_own_wait_goes_before_ours() -> None:
    error = RateLimited("slow down", retry_after=timedelta(hours=3))

    assert verdict(error, subject="", attempts=1, timing=TIMING).delay == timedelta(hours=3)


def test_pauses_double_up_to_a_cap_with_jitter() -> None:
    for attempts, longest in [(1, 30), (2, 60), (5, 480), (40, 6 * 3600)]:
        assert timedelta(0) < backoff(attempts, TIMING) <= timedelta(seconds=longest)
    assert park_time(50, TIMING) <= timedelta(minutes=15)


def test_look_ups_come_rarer_and_end() -> None:
    pauses = [next_check(number, TIMING) for number in range(9)]

    assert pauses[:3] == [timedelta(minutes=1), timedelta(minutes=5), timedelta(hours=1)]
    assert pauses[8] is None


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_every_cause_has_a_sentence_a_person_and_a_next_step(code: str) -> None:
    draft = in_words(Cause(code, "Invoice 7", {}), ledger="Xero", connection=new_id())

    assert draft.sentence.endswith((".", "?"))
    assert draft.next_step.endswith(".")
    assert draft.actor in {"bookkeeper", "administrator", "us", "nobody"}
