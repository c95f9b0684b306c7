"""A Celery worker whose wall clock can be set wrong: `python -m chaos.skewed FILE worker ...`.

FILE holds the seconds by which `time.time` is off; it is read again and again. The monotonic
clock stays right, as it does on a real machine whose clock somebody sets.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

LOOK_SECONDS = 0.2


def skewed(path: Path, honest: Callable[[], float]) -> Callable[[], float]:
    """A wall clock that is off by what stands in a file."""
    off, looked = 0.0, 0.0

    def clock() -> float:
        nonlocal off, looked
        now = honest()
        if abs(now - looked) > LOOK_SECONDS:
            looked = now
            try:
                off = float(path.read_text())
            except (OSError, ValueError):
                off = 0.0
        return now + off

    return clock


def main() -> None:
    """Bend the clock before anything has been imported that keeps it, and start Celery."""
    path = Path(sys.argv.pop(1))
    time.time = skewed(path, time.time)
    from celery.__main__ import main as celery  # noqa: PLC0415  # after the clock is bent

    sys.argv[0] = "celery"
    celery()


if __name__ == "__main__":
    main()
