"""Waiting for one's turn before a request leaves, and telling what came of it.

A short wait happens here, in place. A long one becomes `RateLimited` with nothing sent: the engine
parks the connection until then, and no record has failed. What the provider says about its limits
(a 429, what is left) goes back to the allowance, and so to everybody whom the provider counts
together with us.
"""

import math
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from connectors.base import READS, Allowance, CallScope, Turn, Window
from connectors.errors import RateLimited

MOST_SECONDS_OF_WAITING = 5.0
CLOSED = "closed"
"""Reason of a turn that the provider itself has put off, and code of the error."""
PAUSE_SECONDS = 5.0
"""Nobody comes back sooner after a 429 that does not say when to."""
USED_UP = "used_up"
"""Code of the error when we keep within the limits ourselves; others may still have a share."""

_MINUTES_FROM = 300
_LEFT = re.compile(r"[0-9]{1,9}")


@dataclass
class Heard:
    """What the provider answered to a request that had its turn."""

    headers: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def taken(
    scope: CallScope,
    *,
    wrote: bool,
    seconds: float,
    counts_as: str = "",
    sleep: Callable[[float], object] = time.sleep,
) -> Iterator[Heard]:
    """Let one request out when it is its turn; it lasts at most so many seconds.

    `counts_as` names what else it uses up, of `Window.counts`.

    Raises:
        RateLimited: Its turn comes later than one waits in place; nothing was sent.
    """
    heard = Heard()
    allowance = scope.allowance
    if allowance is None:
        yield heard
        return
    kinds = {counts_as} if wrote else {counts_as, READS}
    turn = _awaited(allowance, scope, wrote=wrote, seconds=seconds, kinds=kinds, sleep=sleep)
    closed_for: float | None = None
    try:
        yield heard
    except RateLimited as error:
        after = error.retry_after
        closed_for = PAUSE_SECONDS if after is None else after.total_seconds()
        raise
    finally:
        left = _left(allowance, heard.headers)
        allowance.answered(turn, left=left, closed_for=closed_for)


def _awaited(
    allowance: Allowance,
    scope: CallScope,
    *,
    wrote: bool,
    seconds: float,
    kinds: Collection[str],
    sleep: Callable[[float], object],
) -> Turn:
    waited = 0.0
    while True:
        turn = allowance.take(write=wrote or scope.for_pushes, seconds=seconds, kinds=kinds)
        if turn.wait_seconds <= 0:
            return turn
        late = scope.deadline is not None and turn.wait_seconds >= scope.deadline.left()
        if late or waited + turn.wait_seconds > MOST_SECONDS_OF_WAITING:
            # Who has waited in vain leaves the others some time.
            after = timedelta(seconds=max(1.0, turn.wait_seconds))
            code = CLOSED if turn.reason == CLOSED else USED_UP
            raise RateLimited(_words(turn.reason, after), code=code, retry_after=after)
        sleep(turn.wait_seconds)
        waited += turn.wait_seconds


def _words(reason: str, after: timedelta) -> str:
    seconds = math.ceil(after.total_seconds())
    time_left = f"{seconds} s" if seconds < _MINUTES_FROM else f"{math.ceil(seconds / 60)} min"
    if reason == CLOSED:
        return f"the provider asked us to wait; nothing is sent for {time_left}"
    return f"what the provider allows is used up ({reason}); nothing is sent for {time_left}"


def _left(allowance: Allowance, headers: Mapping[str, str]) -> dict[Window, int]:
    """What the provider says is left of each window that it states."""
    return {
        window: int(value)
        for window in allowance.limits.windows
        if window.left_header
        and _LEFT.fullmatch(value := headers.get(window.left_header, "").strip())
    }
