"""Keeps what providers allow, for all processes together: the counting is in Redis.

A script decides about each request (`worker.counting_scripts`).

While Redis is away each process keeps to a quarter of everything (`worker.counting`). Nothing
fails because of it, and what was asked for meanwhile is brought along when Redis is back.
"""

import hashlib
import math
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any
from uuid import uuid4

import redis

from connectors.base import Limits, LimitScope, Turn, Window
from connectors.turns import CLOSED
from sync.engine import log
from sync.errors import SyncError
from worker.counting import FROM_HERE, Counting
from worker.counting_scripts import ANSWERED, LEFT, TAKE
from worker.embedded import redis_client

LONGEST_WAIT_SECONDS = 0.5
"""For an answer of Redis."""
TRY_AGAIN_SECONDS = 5.0
"""How long Redis is left alone after it did not answer."""
SHARE = 0.25
"""What one process takes of everything while it cannot ask the others."""
LOOK_AGAIN_SECONDS = 30.0
"""Longest wait that is decided without Redis: it may be back and know better."""
PREFIX = "ledgerbridge:allowance"

_AT_ONCE = "requests at once"
_WAITS_FOR_A_SLOT_MS = 50

_BELIEVED_MS = 600_000
"""How long a provider's word on what is left holds; a window of a day may begin anew any time."""
_SHORT_SECONDS = 10
"""For windows up to this it pays to say when a request was answered."""


class _Link:
    """The way to Redis, which may be gone for a while."""

    def __init__(
        self,
        redis_url: Callable[[], str | None],
        again_seconds: float,
        clock: Callable[[], float],
    ) -> None:
        self._redis_url = redis_url
        self._again_seconds = again_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._client: redis.Redis | None = None
        self._scripts: dict[str, Any] = {}
        self._away_until = -math.inf
        self.alone = False
        """There is no Redis for this process: nobody else counts either."""

    @property
    def away(self) -> bool:
        """Whether Redis is left alone for now."""
        return self._clock() < self._away_until

    def run(self, source: str, keys: list[str], arguments: list[str | int]) -> Any:
        """What a script says; None without Redis."""
        if self.away:
            return None
        try:
            if not self._connected():
                self.alone = True
                self._away_until = self._clock() + self._again_seconds
                return None
            found = self._scripts[source](keys=keys, args=arguments)
        except (redis.RedisError, SyncError, OSError) as error:
            if self._away_until == -math.inf or self.alone:
                log.warning("allowances.redis", back=False, error=repr(error))
            self.alone = False
            self._away_until = self._clock() + self._again_seconds
            return None
        if self._away_until != -math.inf:
            log.info("allowances.redis", back=True)
            self._away_until = -math.inf
        self.alone = False
        return found if found is not None else []

    def _connected(self) -> bool:
        with self._lock:
            if self._client is None and (url := self._redis_url()) is not None:
                self._client = redis_client(url, patience_seconds=LONGEST_WAIT_SECONDS)
                for source in (TAKE, ANSWERED, LEFT):
                    self._scripts[source] = self._client.register_script(source)
            return self._client is not None

    def close(self) -> None:
        """Give the connections back."""
        if self._client is not None:
            self._client.close()


class SharedAllowance:
    """One allowance of a provider, as all processes see it."""

    def __init__(
        self,
        limits: Limits,
        whose: str,
        beside: Mapping[LimitScope, str],
        link: _Link,
        clock: Callable[[], float],
    ) -> None:
        self._limits = limits
        self._link = link
        self._here = Counting(limits, clock)
        key = _key_of(whose)
        self._gate = [f"{key}:closed", f"{key}:slots"]
        self._keys = {
            window: ":".join(
                [
                    key if window.scope is None else _key_of(beside.get(window.scope, whose)),
                    *filter(None, [window.counts]),
                    str(window.seconds),
                ]
            )
            for window in limits.windows
        }
        self._tells = limits.in_flight is not None or any(
            window.seconds <= _SHORT_SECONDS for window in limits.windows
        )

    @property
    def limits(self) -> Limits:
        """What is kept."""
        return self._limits

    def _used_by(self, kinds: Collection[str]) -> list[Window]:
        """The windows that a request uses up."""
        return [window for window in self._limits.windows if window.holds(kinds)]

    def take(self, *, write: bool, seconds: float, kinds: Collection[str] = ()) -> Turn:
        """Ask for a turn now, of all or, without Redis, of this process."""
        if (closed := self._here.closed_for) > 0:
            return Turn(closed, CLOSED)
        if self._link.away:
            return self._take_here(write=write, seconds=seconds, kinds=kinds)
        token = uuid4().hex
        brought = self._here.bring()
        counts = self._here.within(brought)
        windows = self._used_by(kinds)
        # What was counted alone concerns other windows too: those are told, and allow all.
        told = [window for window in counts if counts[window] and window not in windows]
        arguments: list[str | int] = [
            token,
            math.ceil(seconds * 1000),
            self._limits.in_flight or 0,
            _WAITS_FOR_A_SLOT_MS,
            len(windows),
        ]
        for window in [*windows, *told]:
            limit = window.amount if write else window.for_reads
            arguments += [window.seconds * 1000, limit, counts[window]]
        keys = [*self._gate, *(self._keys[window] for window in [*windows, *told])]
        found = self._link.run(TAKE, keys, arguments)
        if found is None:
            self._here.put_back(brought)
            return self._take_here(write=write, seconds=seconds, kinds=kinds)
        wait_ms, why, now = found
        if wait_ms:
            reason = {-1: CLOSED, -2: _AT_ONCE}.get(why) or windows[why - 1].name
            return Turn(wait_ms / 1000, reason)
        return Turn(token=f"{now}:{token}", kinds=frozenset(kinds))

    def _take_here(self, *, write: bool, seconds: float, kinds: Collection[str]) -> Turn:
        share = 1.0 if self._link.alone else SHARE
        turn = self._here.take(write=write, seconds=seconds, share=share, kinds=kinds)
        if self._link.alone:
            return turn
        return replace(turn, wait_seconds=min(turn.wait_seconds, LOOK_AGAIN_SECONDS))

    def answered(
        self, turn: Turn, *, left: Mapping[Window, int], closed_for: float | None = None
    ) -> None:
        """Give a slot back, and pass on what the provider said."""
        self._here.answered(turn, closed_for=closed_for)
        alone = turn.token.startswith(FROM_HERE)
        if not left and closed_for is None and (alone or not self._tells):
            return
        left_at, _, token = ("0", "", "") if alone else turn.token.partition(":")
        arguments: list[str | int] = [
            token,
            left_at,
            math.ceil((closed_for or 0) * 1000),
            _BELIEVED_MS,
        ]
        windows = self._used_by(turn.kinds)
        for window in windows:
            arguments += [window.seconds * 1000, window.amount, left.get(window, -1)]
        keys = [*self._gate, *(self._keys[window] for window in windows)]
        self._link.run(ANSWERED, keys, arguments)

    def left(self) -> dict[str, int] | None:
        """How many requests each window still has room for; None when there is nobody to ask."""
        windows = self._limits.windows
        if not windows:
            return {}
        keys = [self._keys[window] for window in windows]
        used = self._link.run(LEFT, keys, [window.seconds * 1000 for window in windows])
        if used is None:
            return None
        return {
            window.name: max(0, window.amount - count)
            for window, count in zip(windows, used, strict=True)
        }


def _key_of(whose: str) -> str:
    return f"{PREFIX}:{hashlib.sha256(whose.encode()).hexdigest()[:24]}"


class SharedAllowances:
    """All allowances that a process knows; made once, after the fork."""

    def __init__(
        self,
        redis_url: Callable[[], str | None],
        *,
        again_seconds: float = TRY_AGAIN_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`redis_url` gives None where there is no Redis: this process is then alone."""
        self._clock = clock
        self._link = _Link(redis_url, again_seconds, clock)
        self._known: dict[tuple[Any, ...], SharedAllowance] = {}
        self._lock = threading.Lock()

    def of(
        self, limits: Limits, whose: str, beside: Mapping[LimitScope, str] | None = None
    ) -> SharedAllowance:
        """The allowance of whoever a provider counts together; `sync.allowances` names them."""
        beside = beside or {}
        name = (whose, limits, *sorted(beside.items()))
        with self._lock:
            known = self._known.get(name)
            if known is None:
                known = SharedAllowance(limits, whose, beside, self._link, self._clock)
                self._known[name] = known
            return known

    def close(self) -> None:
        """Give the connections to Redis back."""
        self._link.close()
