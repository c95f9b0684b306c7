"""How often somebody may try to sign in.

Counted in Redis for all processes, before the password is looked at, so that many tries at once
gain nothing. By name and place of the browser, so that nobody else is kept out by a stranger's
tries; by place; and by name, far higher, against many places at once.
"""

import hashlib
import threading
from collections.abc import Callable

import redis
from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import FixedWindowRateLimiter

from api.throttle import LONGEST_WAIT_SECONDS
from sync.errors import SyncError
from worker.embedded import redis_client

PREFIX = "ledgerbridge:sign-ins"
TRIES = 5
"""Of one name from one place, in `MINUTES`."""
MINUTES = 5
_BOTH = RateLimitItemPerMinute(TRIES, MINUTES)
_PLACE = RateLimitItemPerMinute(60, MINUTES)
_NAME = RateLimitItemPerHour(100)


class SignIns:
    """Counts tries; made once per process."""

    def __init__(self, redis_url: Callable[[], str]) -> None:
        self._redis_url = redis_url
        self._lock = threading.Lock()
        self._here = FixedWindowRateLimiter(MemoryStorage())
        self._shared: FixedWindowRateLimiter | None = None

    def allowed(self, name: str, place: str) -> bool:
        """Count a try; whether it may be made. Without Redis, each process counts for itself."""
        try:
            return self._hit(self._of_all(), name, place)
        except (redis.RedisError, SyncError, OSError):
            return self._hit(self._here, name, place)

    def succeeded(self, name: str, place: str) -> None:
        """Who got in begins anew."""
        try:
            self._of_all().clear(_BOTH, *_keys(_BOTH, name, place))
        except (redis.RedisError, SyncError, OSError):
            self._here.clear(_BOTH, *_keys(_BOTH, name, place))

    @staticmethod
    def _hit(limiter: FixedWindowRateLimiter, name: str, place: str) -> bool:
        hits = [limiter.hit(item, *_keys(item, name, place)) for item in (_BOTH, _PLACE, _NAME)]
        return all(hits)

    def _of_all(self) -> FixedWindowRateLimiter:
        with self._lock:
            if self._shared is None:
                client = redis_client(self._redis_url(), patience_seconds=LONGEST_WAIT_SECONDS)
                pool = client.connection_pool
                storage = RedisStorage("redis://", connection_pool=pool, key_prefix=PREFIX)
                self._shared = FixedWindowRateLimiter(storage)
            return self._shared

    def close(self) -> None:
        """Give the connections back."""
        if self._shared is not None:
            storage = self._shared.storage
            assert isinstance(storage, RedisStorage)  # noqa: S101  # made above
            storage.storage.close()


def _keys(item: RateLimitItem, name: str, place: str) -> tuple[str, ...]:
    """What is counted together; names are people's own, so they are not kept in the clear."""
    who = hashlib.sha256(name.strip().casefold().encode(errors="replace")).hexdigest()[:24]
    if item is _BOTH:
        return ("both", who, place)
    return ("place", place) if item is _PLACE else ("name", who)
