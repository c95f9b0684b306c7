"""When throttling is no throttling any more: the reads of a month are used up.

A quota that is used up is answered like a minute's limit (429, code 3001; page "limits and
throttles", read 2026-11-20), but does not go away after a minute. What tells them apart is how
long it lasts; each process keeps that in mind by company, for nobody keeps it elsewhere.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from connectors.errors import Cause, RateLimited

AFTER_TIMES = 4
"""So many refusals in a row ..."""
AFTER_SECONDS = 180.0
"""... over so long are no throttling: that would have ended after a minute."""
PAUSE = timedelta(hours=6)
_MOST_COMPANIES = 10_000


@dataclass
class _Row:
    began: float
    times: int


class Streaks:
    """Refusals in a row, by company."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._rows: dict[str, _Row] = {}
        self._lock = threading.Lock()

    def over(self, company: str) -> None:
        """A call was let through."""
        with self._lock:
            self._rows.pop(company, None)

    def refused(self, company: str, error: RateLimited) -> RateLimited:
        """A call was refused for the calls before it: the error, or what is behind it."""
        now = self._clock()
        with self._lock:
            if len(self._rows) >= _MOST_COMPANIES:
                self._rows.clear()
            row = self._rows.setdefault(company, _Row(now, 0))
            row.times += 1
            lasts = now - row.began
            if row.times < AFTER_TIMES or lasts < AFTER_SECONDS:
                return error
        message = (
            f"every call has been refused for {int(lasts // 60)} minutes, which no limit by the "
            "minute explains: the reads that our app's plan with Intuit includes in a month are "
            "probably used up"
        )
        return RateLimited(
            message,
            code=error.code,
            http_status=error.http_status,
            request_id=error.request_id,
            retry_after=PAUSE,
            cause=Cause("plan_quota_used_up", "plan", {"message": message}),
        )


STREAKS = Streaks()
"""Of this process."""
