"""Keeps what a provider allows within one process: for when there is no Redis to ask.

With a share of less than one, a process leaves room for others that it cannot hear: a window of
which less than one request is its share becomes a longer one of one request.
"""

import threading
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from uuid import uuid4

from connectors.base import Limits, Turn

FROM_HERE = "here:"
"""How the token of a turn begins that nobody else knows of."""
_MARGIN = 1.05
"""A request arrives later than it leaves: windows are a little longer than the provider's."""
_WAITS_FOR_A_SLOT_SECONDS = 0.05


class Counting:
    """What this process asked for by itself, and when."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._lock = threading.Lock()
        self._left_at: deque[float] = deque()
        self._unreported: deque[float] = deque()
        self._slots: dict[str, float] = {}
        self._closed_until = 0.0

    @property
    def closed_for(self) -> float:
        """Seconds for which the provider wants nobody to come, as far as this process heard."""
        return self._closed_until - self._clock()

    def take(self, *, write: bool, seconds: float, share: float) -> Turn:
        """Ask for a turn now, of a share of what the provider allows."""
        with self._lock:
            now = self._clock()
            waits = [(0.0, "")]
            for window in self._limits.windows:
                allowed = (window.amount if write else window.for_reads) * share
                amount = max(1, int(allowed))
                period = window.seconds * _MARGIN * max(1.0, 1 / allowed)
                if len(self._left_at) >= amount:
                    waits.append((self._left_at[-amount] + period - now, window.name))
            if self._limits.in_flight is not None:
                self._slots = {slot: end for slot, end in self._slots.items() if end > now}
                if len(self._slots) >= max(1, int(self._limits.in_flight * share)):
                    waits.append((_WAITS_FOR_A_SLOT_SECONDS, "requests at once"))
            wait, reason = max(waits)
            if wait > 0:
                return Turn(wait, reason)
            return Turn(token=self._leaves(now, seconds))

    def _leaves(self, now: float, seconds: float) -> str:
        token = f"{FROM_HERE}{uuid4().hex}"
        self._left_at.append(now)
        self._unreported.append(now)
        longest = max((window.amount for window in self._limits.windows), default=0)
        for times in (self._left_at, self._unreported):
            while len(times) > longest:
                times.popleft()
        if self._limits.in_flight is not None:
            self._slots[token] = now + seconds
        return token

    def answered(self, turn: Turn, *, closed_for: float | None) -> None:
        """Give a slot back; nobody leaves for a while if the provider wants that."""
        with self._lock:
            self._slots.pop(turn.token, None)
            if closed_for is not None:
                self._closed_until = max(self._closed_until, self._clock() + closed_for)

    def bring(self) -> Sequence[float]:
        """When those requests left that nobody else was told of; they count as told now."""
        with self._lock:
            times, self._unreported = list(self._unreported), deque()
            return times

    def put_back(self, times: Sequence[float]) -> None:
        """They could not be told after all."""
        with self._lock:
            self._unreported.extendleft(reversed(times))

    def within(self, times: Sequence[float]) -> list[int]:
        """How many of some requests each window still holds."""
        now = self._clock()
        return [
            len(times) - bisect_right(times, now - window.seconds)
            for window in self._limits.windows
        ]
