"""Whether this worker was told to stop; its children ask between two pieces of work.

Celery gives running tasks some seconds and does not tell them: what is in the middle of a call
then is broken off, and somebody has to look in the ledger what became of it. A child that knows
ends after the call that it is in, and leaves the rest to others.
"""

import mmap
import signal
from collections.abc import Callable
from functools import partial
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)

# One byte of memory that children which are forked later share.
_told = mmap.mmap(-1, 1)


def told() -> bool:
    """Whether the worker has been told to stop."""
    return _told[0] != 0


def watch() -> None:
    """Take note of a signal that stops the worker, before it does what it does anyway."""
    for number in _SIGNALS:
        before = signal.getsignal(number)
        if callable(before):
            signal.signal(number, partial(_note, before))


def _note(
    before: Callable[[int, FrameType | None], object], number: int, frame: FrameType | None
) -> None:
    _told[0] = 1
    before(number, frame)
