"""The sweeper: finds what a lost message or a dead worker left behind, and says where to look.

Everything it does may be done twice at once: leases and claims decide. If Redis is emptied at
any moment, the system is whole again within one period of it.
"""

from dataclasses import dataclass

from sync.engine import Engine, log
from sync.idempotency import forget_old
from sync.runs import queue_due

MOST_HINTS = 200


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
        pushes = work.log.connections_with_work(MOST_HINTS)
        runs = work.runs.abandoned(MOST_HINTS)
    forget_old(engine.begin)
    for connection_id in pushes:
        engine.hints.push(connection_id)
    for connection_id, backfill in runs:
        engine.hints.run(connection_id, backfill=backfill)
    if expired:
        log.warning("sweep.leases_expired", records=expired)
    return Swept(expired=expired, pushes=len(pushes), runs=len(runs))


def tick(engine: Engine) -> int:
    """Queue the runs whose time has come; how many."""
    return len(queue_due(engine))
