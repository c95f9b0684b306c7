"""How many requests one API client may make in a second.

Counted in Redis, so that all processes count together. Without Redis each process counts for
itself: no request fails or waits because the counting does not work.
"""

import math
import threading
import time
from collections.abc import Callable

import redis
from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import FixedWindowRateLimiter

from api.errors import ApiError
from sync.engine import log
from sync.errors import SyncError
from worker.embedded import redis_client

LONGEST_WAIT_SECONDS = 0.2
"""For an answer of Redis."""
TRY_AGAIN_SECONDS = 5.0
"""How long Redis is left alone after it did not answer."""
PREFIX = "ledgerbridge:requests"


class Throttle:
    """Counts requests by client; made once per process."""

    def __init__(
        self,
        per_second: int,
        redis_url: Callable[[], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._item = RateLimitItemPerSecond(per_second)
        self._redis_url = redis_url
        self._clock = clock
        self._lock = threading.Lock()
        self._here = FixedWindowRateLimiter(MemoryStorage())
        self._shared: FixedWindowRateLimiter | None = None
        self._away_until = -math.inf

    def count(self, client: str) -> dict[str, str]:
        """Count a request of a client; the headers that tell it what is left.

        Raises:
            ApiError: It has made too many (429).
        """
        allowed, remaining, reset = self._counted(client)
        limit = str(self._item.amount)
        headers = {
            "RateLimit-Limit": limit,
            "RateLimit-Remaining": str(remaining),
            "RateLimit-Reset": str(reset),
            "X-RateLimit-Limit-Second": limit,
            "X-RateLimit-Remaining-Second": str(remaining),
        }
        if not allowed:
            raise ApiError(
                429,
                "rate_limited",
                f"more than {limit} requests in a second: wait {reset} s and try again",
                headers={**headers, "Retry-After": str(reset)},
            )
        return headers

    def _counted(self, client: str) -> tuple[bool, int, int]:
        """Whether it may go on, requests that are left, seconds until there are more."""
        if self._clock() >= self._away_until:
            try:
                counted = self._count_with(self._of_all(), client)
            except (redis.RedisError, SyncError, OSError) as error:
                self._left_alone(error)
            else:
                if self._away_until != -math.inf:
                    self._away_until = -math.inf
                    log.info("throttle.redis", back=True)
                return counted
        return self._count_with(self._here, client)

    def _count_with(self, limiter: FixedWindowRateLimiter, client: str) -> tuple[bool, int, int]:
        allowed = limiter.hit(self._item, client)
        stats = limiter.get_window_stats(self._item, client)
        return allowed, max(stats.remaining, 0), max(math.ceil(stats.reset_time - time.time()), 1)

    def _of_all(self) -> FixedWindowRateLimiter:
        with self._lock:
            if self._shared is None:
                client = redis_client(self._redis_url(), patience_seconds=LONGEST_WAIT_SECONDS)
                pool = client.connection_pool
                storage = RedisStorage("redis://", connection_pool=pool, key_prefix=PREFIX)
                self._shared = FixedWindowRateLimiter(storage)
            return self._shared

    def _left_alone(self, error: Exception) -> None:
        if self._away_until == -math.inf:
            log.warning("throttle.redis", back=False, error=type(error).__name__)
        self._away_until = self._clock() + TRY_AGAIN_SECONDS

    def close(self) -> None:
        """Give the connections back."""
        if self._shared is not None:
            storage = self._shared.storage
            assert isinstance(storage, RedisStorage)  # noqa: S101  # made above
            storage.storage.close()
