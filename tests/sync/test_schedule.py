"""When a connection's turn is: spread, stable, and never twice for a missed one."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from models.ids import new_id
from sync.errors import InvalidInputError
from sync.schedule import Schedule

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class TestParse:
    @pytest.mark.parametrize(
        ("text", "interval"),
        [("24h", timedelta(hours=24)), ("90m", timedelta(minutes=90)), ("7d", timedelta(days=7))],
    )
    def test_intervals(self, text: str, interval: timedelta) -> None:
        assert Schedule.parse(text).interval == interval

    @pytest.mark.parametrize("text", ["", "soon", "0m", "24", "* * *", "61 * * * *", "400d"])
    def test_nonsense_is_refused(self, text: str) -> None:
        with pytest.raises(InvalidInputError):
            Schedule.parse(text)


class TestNextAfter:
    def test_each_connection_keeps_its_place_from_day_to_day(self) -> None:
        schedule, connection = Schedule.parse("24h"), new_id()

        first = schedule.next_after(NOON, connection)
        second = schedule.next_after(first, connection)

        assert NOON < first <= NOON + timedelta(hours=24)
        assert second - first == timedelta(hours=24)

    def test_thousands_of_connections_are_spread_over_the_interval(self) -> None:
        schedule = Schedule.parse("24h")
        connections = [UUID(int=number) for number in range(24_000)]

        hours = Counter(schedule.next_after(NOON, one).hour for one in connections)

        assert len(hours) == 24
        assert max(hours.values()) < 1150

    def test_turns_that_were_missed_are_made_up_for_once(self) -> None:
        schedule, connection = Schedule.parse("1h"), new_id()
        later = NOON + timedelta(days=3)

        assert schedule.next_after(later, connection) - later <= timedelta(hours=1)

    def test_cron_is_utc_with_a_small_stable_jitter(self) -> None:
        schedule, connection = Schedule.parse("0 3 * * *"), new_id()

        turn = schedule.next_after(NOON, connection)

        three = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
        assert three <= turn < three + timedelta(minutes=5)
        assert schedule.next_after(turn, connection) - turn == timedelta(days=1)
