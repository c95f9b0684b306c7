"""Keeps what a provider allows within one process: for when there is no Redis to ask.

With a share of less than one, a process leaves room for others that it cannot hear: a window of
which less than one request is its share becomes a longer one of one request.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from uuid import uuid4

from connectors.base import Limits, Turn, Window

FROM_HERE = "here:"
"""How the token of a turn begins that nobody else knows of."""
_MARGIN = 1.05
"""A request arrives later than it leaves: windows are a little longer than the provider's."""
_WAITS_FOR_A_SLOT_SECONDS = 0.05


@dataclass(frozen=True)
class _Left:
    """A request that left."""

    at: float
    kinds: frozenset[str]


class Counting:
    """What this process asked for by itself, and when."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._lock = threading.Lock()
        self._left_at: dict[Window, deque[float]] = {
            window: deque(maxlen=window.amount) for window in limits.windows
        }
        longest = max((window.amount for window in limits.windows), default=0)
        self._unreported: deque[_Left] = deque(maxlen=longest)
        self._slots: dict[str, float] = {}
        self._closed_until = 0.0

    @property
    def closed_for(self) -> float:
        """Seconds for which the provider wants nobody to come, as far as this process heard."""
        return self._closed_until - self._clock()

    def take(
        self, *, write: bool, seconds: float, share: float, kinds: Collection[str] = ()
    ) -> Turn:
        """Ask for a turn now, of a share of what the provider allows."""
        with self._lock:
            now = self._clock()
            waits = [(0.0, "")]
            for window, left_at in self._left_at.items():
                if not window.holds(kinds):
                    continue
                allowed = (window.amount if write else window.for_reads) * share
                amount = max(1, int(allowed))
                period = window.seconds * _MARGIN * max(1.0, 1 / allowed)
                if len(left_at) >= amount:
                    waits.append((left_at[-amount] + period - now, window.name))
            if self._limits.in_flight is not None:
                self._slots = {slot: end for slot, end in self._slots.items() if end > now}
                if len(self._slots) >= max(1, int(self._limits.in_flight * share)):
                    waits.append((_WAITS_FOR_A_SLOT_SECONDS, "requests at once"))
            wait, reason = max(waits)
            if wait > 0:
                return Turn(wait, reason)
            return self._leaves(now, seconds, frozenset(kinds))

    def _leaves(self, now: float, seconds: float, kinds: frozenset[str]) -> Turn:
        token = f"{FROM_HERE}{uuid4().hex}"
        self._unreported.append(_Left(now, kinds))
        for window, left_at in self._left_at.items():
            if window.holds(kinds):
                left_at.append(now)
        if self._limits.in_flight is not None:
            self._slots[token] = now + seconds
        return Turn(token=token, kinds=kinds)

    def answered(self, turn: Turn, *, closed_for: float | None) -> None:
        """Give a slot back; nobody leaves for a while if the provider wants that."""
        with self._lock:
            self._slots.pop(turn.token, None)
            if closed_for is not None:
                self._closed_until = max(self._closed_until, self._clock() + closed_for)

    def bring(self) -> Sequence[_Left]:
        """Those requests that nobody else was told of; they count as told now."""
        with self._lock:
            left = list(self._unreported)
            self._unreported.clear()
            return left

    def put_back(self, requests: Sequence[_Left]) -> None:
        """They could not be told after all."""
        with self._lock:
            self._unreported.extendleft(reversed(requests))

    def within(self, requests: Sequence[_Left]) -> dict[Window, int]:
        """How many of some requests each window still holds."""
        now = self._clock()
        return {
            window: sum(
                one.at > now - window.seconds and window.holds(one.kinds) for one in requests
            )
            for window in self._limits.windows
        }
