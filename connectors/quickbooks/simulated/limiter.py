"""Limits of a realm: requests by second and minute, batches apart, metered reads by month.

Page "Limits and throttles" (read 2026-11-20). Windows slide; that they do is our reading.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Callable

from connectors.quickbooks.simulated.rules import QuickBooksRules

_MINUTE = 60.0


class Limiter:
    """How many requests each realm has made lately."""

    def __init__(self, rules: Callable[[], QuickBooksRules], seconds: Callable[[], float]) -> None:
        """`seconds` is the clock of the limits."""
        self._rules = rules
        self._seconds = seconds
        self._made: dict[tuple[str, str], deque[float]] = defaultdict(deque)
        self.breaches: Counter[str] = Counter()
        self.reads: Counter[str] = Counter()
        self._month = ""

    def take(self, realm: str, *, batch: bool) -> str:
        """Take room for a request. Returns what is used up instead, or nothing."""
        rules, now = self._rules(), self._seconds()
        windows = [
            ("second", 1.0, rules.second_limit),
            ("all", _MINUTE, rules.all_minute_limit),
            ("batch", _MINUTE, rules.batch_minute_limit)
            if batch
            else ("minute", _MINUTE, rules.minute_limit),
        ]
        for name, length, most in windows:
            made = self._made[realm, name]
            while made and made[0] <= now - length:
                made.popleft()
            if len(made) >= most:
                self.breaches[name] += 1
                return name
        for name, _, _ in windows:
            self._made[realm, name].append(now)
        return ""

    def read_is_left(self, realm: str, month: str) -> bool:
        """Whether one more metered read may be made this month."""
        if month != self._month:
            self._month = month
            self.reads.clear()
        most = self._rules().monthly_reads
        if most is None or self.reads[realm] < most:
            return True
        self.breaches["month"] += 1
        return False
