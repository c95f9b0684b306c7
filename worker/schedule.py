"""Beat: a fixed table of ticks. When a connection is due is a column, not a schedule here.

Every tick expires a little before the next one, so that a worker group that was down does not
wake up to a pile of them.
"""

from typing import Any

from sync.settings import Settings
from worker.dispatch import DELIVER, KEEP_TOKENS, SWEEP, TICK, WAKE


def ticks(settings: Settings) -> dict[str, dict[str, Any]]:
    """What runs when."""
    return {
        "deliver": _every(settings.deliver_seconds, DELIVER),
        "keep_tokens": _every(3600, KEEP_TOKENS),
        "sweep": _every(settings.sweep_seconds, SWEEP),
        "tick": _every(settings.schedule_seconds, TICK),
        "wake": _every(settings.wake_seconds, WAKE),
    }


def _every(seconds: int, task: str) -> dict[str, Any]:
    return {
        "task": task,
        "schedule": float(seconds),
        "options": {"queue": "maintenance", "expires": max(1.0, seconds * 0.8)},
    }
