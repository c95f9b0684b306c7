"""Qargo's rate limits, as the simulator keeps them: per tenant, whoever calls.

Source: the public API description, "Rate Limits", read 2026-11-20. Tokens: 5 requests an hour.
Everything else: 2 a second sustained, 3 in a burst, which we read as a bucket of 3 that fills
with 2 a second. That longer windows are watched too changes nothing at 2 a second.
"""

import math
from collections import Counter, deque
from collections.abc import Callable

TOKENS_PER_HOUR = 5
CALLS_PER_SECOND = 2
BURST = 3
_HOUR = 3600.0


class Limiter:
    """How much room each tenant has left."""

    def __init__(self, seconds: Callable[[], float], time_scale: float) -> None:
        self._seconds = seconds
        """The clock of the limits."""
        self._scale = time_scale
        self._tokens: dict[str, deque[float]] = {}
        self._calls: dict[str, tuple[float, float]] = {}
        """Tenant → calls left, as of when."""
        self.refused: Counter[str] = Counter()

    def token(self, tenant: str) -> int | None:
        """Take room for a token request. Returns None, or how many seconds to wait instead."""
        now, asked = self._seconds(), self._tokens.setdefault(tenant, deque())
        while asked and asked[0] <= now - _HOUR:
            asked.popleft()
        if len(asked) >= TOKENS_PER_HOUR:
            return self._refuse("token", asked[0] + _HOUR - now)
        asked.append(now)
        return None

    def call(self, tenant: str) -> int | None:
        """Take room for any other call. Returns None, or how many seconds to wait instead."""
        now = self._seconds()
        left, since = self._calls.get(tenant, (float(BURST), now))
        left = min(BURST, left + (now - since) * CALLS_PER_SECOND)
        if left < 1:
            self._calls[tenant] = (left, now)
            return self._refuse("api", (1 - left) / CALLS_PER_SECOND)
        self._calls[tenant] = (left - 1, now)
        return None

    def _refuse(self, what: str, wait: float) -> int:
        self.refused[what] += 1
        return max(1, math.ceil(wait / self._scale))
