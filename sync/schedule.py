"""When a connection is synced next: an interval or a cron line, with a stable jitter.

The jitter comes from the connection's id, so that thousands of connections with the same
interval are spread over it and each keeps its place from day to day.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from cronsim import CronSim, CronSimError

from sync.errors import InvalidInputError

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
SHORTEST = timedelta(minutes=1)
CRON_JITTER = timedelta(minutes=5)


@dataclass(frozen=True)
class Schedule:
    """`24h`, `90m`, `7d`, or five cron fields in UTC; one of the two is set."""

    interval: timedelta | None = None
    cron: str | None = None

    @classmethod
    def parse(cls, text: str) -> "Schedule":
        """Read a schedule as people write it.

        Raises:
            InvalidInputError: It is neither an interval nor a cron line.
        """
        if match := re.fullmatch(r"\s*(\d+)\s*([mhd])\s*", text):
            interval = int(match[1]) * _UNITS[match[2]]
            if interval < SHORTEST or interval > timedelta(days=366):
                raise InvalidInputError(f"an interval of {text} is not between 1m and 366d")
            return cls(interval=interval)
        try:
            CronSim(text, datetime(2026, 1, 1))  # noqa: DTZ001  # only to check the line
        except CronSimError:
            raise InvalidInputError(
                f"{text!r} is no schedule: give an interval (24h, 90m, 7d) or five cron fields "
                "('0 3 * * *', UTC)"
            ) from None
        return cls(cron=text)

    def next_after(self, now: datetime, connection_id: UUID) -> datetime:
        """The first moment after `now` that is this connection's turn."""
        if self.cron is not None:
            offset = _share(connection_id) * CRON_JITTER
            moment: datetime = next(CronSim(self.cron, now - offset))
            return moment + offset
        assert self.interval is not None  # noqa: S101  # one of the two is set
        seconds = int(self.interval.total_seconds())
        offset_seconds = int(_share(connection_id) * seconds)
        turns = (int(now.timestamp()) - offset_seconds) // seconds + 1
        return datetime.fromtimestamp(turns * seconds + offset_seconds, tz=now.tzinfo)

    def after_manual_run(self, now: datetime, connection_id: UUID) -> datetime:
        """A run by hand moves the clock: the next one is a whole interval away."""
        if self.interval is None:
            return self.next_after(now, connection_id)
        return now + self.interval


def _share(connection_id: UUID) -> float:
    """A number from 0 to 1 that belongs to a connection for ever."""
    digest = hashlib.sha256(connection_id.bytes).digest()
    return int.from_bytes(digest[:8]) / 2**64
