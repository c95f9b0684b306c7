"""Xero's limits: calls at the same time, a minute and a day of a tenant, a minute of the app.

Source: developer.xero.com "API limits" and its FAQ, read 2026-11-20: fixed windows whose reset
differs by tenant, three headers that say what is left, `Retry-After` for minute and day but not
for concurrency. Ours, because no source decides: that refused calls use nothing up, and that the
app's minute is called `appminute` and has a `Retry-After`.
"""

import math
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from connectors.faults import Refusal
from connectors.xero.simulated.rules import XeroRules

_APP = "the app"
MINUTE, DAY = 60.0, 86_400.0


@dataclass(frozen=True)
class _Limit:
    problem: str
    seconds: float
    amount: int
    whose: str


class Limiter:
    """Counts what comes in; use it under the server's lock."""

    def __init__(self, rules: Callable[[], XeroRules], seconds: Callable[[], float]) -> None:
        self._rules = rules
        self._seconds = seconds
        self._windows: dict[tuple[str, str], tuple[int, int]] = {}
        """By whose and what: which window, and how many calls in it."""
        self._in_flight: Counter[str] = Counter()
        self.peak: Counter[str] = Counter()
        self.breaches: Counter[str] = Counter()

    def enter(self, tenant: str) -> dict[str, str]:
        """Let a call in; returns the headers of its answer. `leave` must follow.

        Raises:
            Refusal: 429: there are too many.
        """
        limits = self._limits(tenant)
        for limit in limits:
            if self._used(limit) >= limit.amount:
                raise self._refused(limit.problem, limits, wait=self._left_seconds(limit))
        if self._in_flight[tenant] >= self._rules().concurrent_limit:
            self.peak[tenant] = max(self.peak[tenant], self._in_flight[tenant] + 1)
            raise self._refused("concurrent", limits, wait=None)
        for limit in limits:
            key = (limit.whose, limit.problem)
            self._windows[key] = (self._window(limit), self._used(limit) + 1)
        self._in_flight[tenant] += 1
        self.peak[tenant] = max(self.peak[tenant], self._in_flight[tenant])
        return self._headers(limits)

    def leave(self, tenant: str) -> None:
        """A call has been answered."""
        self._in_flight[tenant] -= 1

    def use_up(self, tenant: str, problem: str) -> None:
        """Somebody else used up the rest of a window: `minute`, `day` or `appminute`."""
        for limit in self._limits(tenant):
            if limit.problem == problem:
                self._windows[limit.whose, problem] = (self._window(limit), limit.amount)

    def _limits(self, tenant: str) -> list[_Limit]:
        rules = self._rules()
        return [
            _Limit("day", DAY, rules.day_limit, tenant),
            _Limit("minute", MINUTE, rules.minute_limit, tenant),
            _Limit("appminute", MINUTE, rules.app_minute_limit, _APP),
        ]

    def _position(self, limit: _Limit) -> tuple[float, float]:
        """The time in this limit's own windows, and how long one lasts in real seconds."""
        length = limit.seconds / self._rules().time_scale
        offset = zlib.crc32(limit.whose.encode()) % 1000 / 1000
        return self._seconds() / length + offset, length

    def _window(self, limit: _Limit) -> int:
        return math.floor(self._position(limit)[0])

    def _left_seconds(self, limit: _Limit) -> int:
        place, length = self._position(limit)
        return max(1, math.ceil((math.floor(place) + 1 - place) * length))

    def _used(self, limit: _Limit) -> int:
        window, used = self._windows.get((limit.whose, limit.problem), (-1, 0))
        return used if window == self._window(limit) else 0

    def _headers(self, limits: list[_Limit]) -> dict[str, str]:
        left = {limit.problem: max(0, limit.amount - self._used(limit)) for limit in limits}
        return {
            "X-MinLimit-Remaining": str(left["minute"]),
            "X-DayLimit-Remaining": str(left["day"]),
            "X-AppMinLimit-Remaining": str(left["appminute"]),
        }

    def _refused(self, problem: str, limits: list[_Limit], *, wait: int | None) -> Refusal:
        self.breaches[problem] += 1
        headers: Mapping[str, str] = {
            **self._headers(limits),
            "X-Rate-Limit-Problem": problem,
            **({} if wait is None else {"Retry-After": str(wait)}),
        }
        return Refusal(429, b"", headers)
