"""The sweeper: finds what a lost message or a dead worker left behind, and says where to look.

Everything it does may be done twice at once: leases and claims decide. If Redis is emptied at
any moment, the system is whole again within one period of it. It also takes out what is old.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from models.repositories import Old
from sync import idempotency
from sync.engine import Engine, Timing, log
from sync.reports import FAILURES
from sync.runs import queue_due

MOST_HINTS = 200
# Rows that are taken out in one transaction, and such transactions in one sweep.
BATCH = 1000
# How long ago a pause may have ended for `wake` to notice; later it is the sweeper's.
JUST_NOW = timedelta(seconds=30)
MOST_BATCHES = 20
# How long an unanswered question for consent is kept, for whoever looks into it.
ANSWERLESS = timedelta(days=1)


@dataclass(frozen=True)
class Swept:
    """What one sweep found."""

    expired: int
    pushes: int
    runs: int


def sweep(engine: Engine) -> Swept:
    """Turn expired sends into uncertain ones, and hint at everything that is due."""
    with engine.begin() as work:
        expired = work.records.expire_leases()
    with engine.begin() as work:
        arrived = work.queue.release_arrived()
    with engine.begin() as work:
        work.sources.queue_reports(FAILURES)
    with engine.begin() as work:
        pushes = work.log.connections_with_work(MOST_HINTS)
        runs = work.runs.abandoned(MOST_HINTS)
    tidy(engine)
    for connection_id in pushes:
        engine.hints.push(connection_id)
    for connection_id, backfill in runs:
        engine.hints.run(connection_id, backfill=backfill)
    if expired:
        log.warning("sweep.leases_expired", records=expired)
    if arrived:
        log.info("sweep.arrived", records=arrived)
    return Swept(expired=expired, pushes=len(pushes), runs=len(runs))


def wake(engine: Engine) -> int:
    """Hint at what paused for a provider's limits and may go on; how many connections.

    The sweeper would find it too, half a minute later: of what a provider allows in a minute, that
    half would be lost.
    """
    with engine.begin() as work:
        rested = work.connections.rested(JUST_NOW, MOST_HINTS)
        runs = work.runs.rested(JUST_NOW, MOST_HINTS)
    for connection_id in rested:
        engine.hints.push(connection_id)
    for connection_id, backfill in runs:
        engine.hints.run(connection_id, backfill=backfill)
    return len({*rested, *(connection_id for connection_id, _ in runs)})


def tidy(engine: Engine) -> Mapping[Old, int]:
    """Take out what is not kept any longer, in batches; how many rows of what."""
    dropped: dict[Old, int] = {}
    for what, age in _kept(engine.timing).items():
        for _ in range(MOST_BATCHES):
            with engine.begin() as work:
                number = work.retention.drop(what, age, BATCH)
            if number:
                dropped[what] = dropped.get(what, 0) + number
            if number < BATCH:
                break
    if dropped:
        log.info("sweep.tidied", **dropped)
    return dropped


def _kept(timing: Timing) -> Mapping[Old, timedelta]:
    """How long what is kept."""
    return {
        Old.DELIVERIES: timing.keep_events,
        Old.EVENTS: timing.keep_events,
        Old.ENDPOINTS: timing.keep_events,
        Old.ATTEMPTS: timing.keep_log,
        Old.RUNS: timing.keep_log,
        Old.ISSUES: timing.keep_log,
        Old.KEYS: idempotency.KEPT,
        Old.AUTHORIZATIONS: ANSWERLESS,
    }


def tick(engine: Engine) -> int:
    """Queue the runs whose time has come; how many."""
    return len(queue_due(engine))
