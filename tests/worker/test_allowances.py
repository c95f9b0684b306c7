"""What providers allow, kept by several processes together: with Redis, and while it is away."""

import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from connectors.base import READS, CallScope, Limits, LimitScope, Turn, Window
from connectors.http import Http
from connectors.loopback import LoopbackServer
from connectors.memory import SPEC
from connectors.simulator import Answer, Request
from connectors.turns import CLOSED
from models.tables import ConnectionRow
from sync.engine import NoHints
from sync.settings import Settings
from tests.stack import wait_until
from worker import embedded
from worker.allowances import LOOK_AGAIN_SECONDS, PREFIX, SHARE, SharedAllowance, SharedAllowances
from worker.runtime import build

CALLER = """
import sys, time
import httpx
from connectors.base import CallScope, Limits
from connectors.errors import RateLimited
from connectors.http import Http
from worker.allowances import SharedAllowances
redis_url, whose, address, seconds = sys.argv[1:]
allowance = SharedAllowances(lambda: redis_url).of(Limits(per_second=20), whose)
http = Http(httpx.Client(), address, CallScope("test", allowance=allowance))
print("ready", flush=True)
sys.stdin.readline()
end = time.monotonic() + float(seconds)
while time.monotonic() < end:
    try:
        http.write("POST", "/invoices")
    except RateLimited:
        print("parked", flush=True)
"""
"""Another process that asks as often as it may."""

HOLDER = """
import sys
from connectors.base import Limits
from worker.allowances import SharedAllowances
redis_url, whose = sys.argv[1:]
allowance = SharedAllowances(lambda: redis_url).of(Limits(in_flight=2), whose)
for _ in range(2):
    assert not allowance.take(write=True, seconds=0.3).wait_seconds
print("holding", flush=True)
sys.stdin.read()
"""


class Provider:
    """Notes when requests arrive; too many of them are answered as it is set."""

    def __init__(self) -> None:
        self.arrivals: list[float] = []
        self._lock = threading.Lock()

    def handle(self, _: Request) -> Answer:
        with self._lock:
            self.arrivals.append(time.monotonic())
        return Answer(200, {})

    def most_within(self, seconds: float) -> int:
        """The most requests of any window, wherever it begins."""
        return max(
            sum(1 for moment in self.arrivals if start <= moment < start + seconds)
            for start in self.arrivals
        )


@pytest.fixture
def shared(redis_url: str) -> Iterator[SharedAllowances]:
    """What one process has."""
    allowances = SharedAllowances(lambda: redis_url)
    yield allowances
    allowances.close()


@pytest.fixture
def other(redis_url: str) -> Iterator[SharedAllowances]:
    """What another one has."""
    allowances = SharedAllowances(lambda: redis_url)
    yield allowances
    allowances.close()


@pytest.fixture
def whose() -> str:
    """Somebody who has asked for nothing yet."""
    return f"test|{uuid4()}"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A home for a Redis that may be stopped."""
    made = Path(tempfile.mkdtemp(prefix="lb-allow-"))
    yield made
    embedded.leave(made)
    shutil.rmtree(made, ignore_errors=True)


def passing(allowance: SharedAllowance, tries: int, *, write: bool = True) -> list[Turn]:
    """The turns that one gets of so many tries, without waiting."""
    turns = [allowance.take(write=write, seconds=30) for _ in range(tries)]
    return [turn for turn in turns if not turn.wait_seconds]


def refused(allowance: SharedAllowance, *, write: bool = True) -> Turn:
    """The next turn, which one does not get."""
    turn = allowance.take(write=write, seconds=30)
    assert turn.wait_seconds > 0
    return turn


def a_process(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def says_a_word(process: subprocess.Popen[str]) -> None:
    """Wait until a process is so far."""
    assert process.stdout is not None
    assert process.stdout.readline()


def test_two_processes_never_exceed_the_allowance_and_hardly_waste_it(
    redis_url: str, whose: str
) -> None:
    provider = Provider()
    with LoopbackServer(provider.handle).running() as address:
        processes = [a_process(CALLER, redis_url, whose, address, "1.5") for _ in range(2)]
        for process in processes:
            says_a_word(process)
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        parked = [process.communicate(timeout=20)[0] for process in processes]

    assert parked == ["", ""]
    assert provider.most_within(1) <= 20
    # Twenty go out at once, then twenty more when the second is over: whole rounds are compared.
    rounds = (len(provider.arrivals) - 1) // 20
    lasted = provider.arrivals[rounds * 20] - provider.arrivals[0]
    assert rounds >= 2
    assert rounds * 20 / lasted >= 0.9 * 20


def test_a_burst_goes_out_at_once_but_is_paid_for(shared: SharedAllowances, whose: str) -> None:
    slowly = shared.of(Limits(per_second=2, burst=3), whose)
    at_first = shared.of(Limits(per_second=2, burst=4), f"{whose} else")

    assert len(passing(slowly, 5)) == 3
    assert refused(slowly).reason == "second"
    assert 1 < refused(slowly).wait_seconds < 1.13
    assert len(passing(at_first, 5)) == 4
    assert refused(at_first).reason == "2 seconds"
    assert 2 < refused(at_first).wait_seconds < 2.25


def test_an_answer_makes_room_sooner_than_silence(shared: SharedAllowances, whose: str) -> None:
    allowance = shared.of(Limits(per_second=1), whose)
    (turn,) = passing(allowance, 1)
    silent = refused(allowance).wait_seconds

    allowance.answered(turn, left={})

    assert silent > 1.04
    assert 0.95 < refused(allowance).wait_seconds < silent - 0.04


def test_a_request_counts_until_the_last_moment_of_its_grain_has_left_the_window(
    redis_url: str, shared: SharedAllowances, whose: str
) -> None:
    allowance = shared.of(Limits(per_day=10), whose)
    with embedded.redis_client(redis_url) as client:
        client.flushdb()
        assert len(passing(allowance, 1)) == 1
        (key,) = client.keys(f"{PREFIX}:*:86400")
        leaving = int((time.time() - 86_400) / (86_400 / 50))

        client.hset(key, str(leaving), 9)
        assert refused(allowance).reason == "day"

        client.hdel(key, str(leaving))
        client.hset(key, str(leaving - 1), 9)
        assert len(passing(allowance, 20)) == 9


def test_all_who_are_counted_together_share_and_nobody_else_waits(
    shared: SharedAllowances, other: SharedAllowances, whose: str
) -> None:
    limits = Limits(per_minute=10)

    assert len(passing(shared.of(limits, whose), 6)) == 6
    assert len(passing(other.of(limits, whose), 6)) == 4
    assert len(passing(other.of(limits, f"{whose} else"), 6)) == 6


def test_writes_pass_when_reads_have_used_up_their_share(
    shared: SharedAllowances, whose: str
) -> None:
    allowance = shared.of(Limits(per_day=10, kept_for_pushes=0.3), whose)

    assert len(passing(allowance, 10, write=False)) == 7
    assert refused(allowance, write=False).reason == "day"
    assert len(passing(allowance, 5, write=True)) == 3
    assert 80_000 < refused(allowance).wait_seconds < 90_000


def test_no_more_requests_are_on_their_way_at_once_than_may(
    shared: SharedAllowances, other: SharedAllowances, whose: str
) -> None:
    here, there = (each.of(Limits(in_flight=2), whose) for each in (shared, other))
    first, _ = passing(here, 3)
    assert passing(there, 1) == []

    here.answered(first, left={})

    assert len(passing(there, 2)) == 1


def test_slots_of_a_killed_process_come_back(
    redis_url: str, shared: SharedAllowances, whose: str
) -> None:
    holder = a_process(HOLDER, redis_url, whose)
    says_a_word(holder)
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    allowance = shared.of(Limits(in_flight=2), whose)

    assert refused(allowance).reason == "requests at once"
    assert wait_until(lambda: len(passing(allowance, 1)) == 1, seconds=5)


def test_a_429_closes_the_gate_for_every_process(
    shared: SharedAllowances, other: SharedAllowances, whose: str
) -> None:
    here, there = (each.of(Limits(per_minute=100), whose) for each in (shared, other))
    slow, turn = passing(here, 2)

    here.answered(turn, left={}, closed_for=3600)
    here.answered(slow, left={}, closed_for=1)  # a later word that says less opens nothing

    for allowance in (here, there):
        turn = refused(allowance)
        assert turn.reason == CLOSED
        assert 3595 < turn.wait_seconds <= 3600


def test_what_others_took_of_the_allowance_is_known_from_the_provider(
    shared: SharedAllowances, other: SharedAllowances, whose: str
) -> None:
    limits = Limits(per_minute=60, minute_left_header="x-left")
    here, there = (each.of(limits, whose) for each in (shared, other))
    (turn,) = passing(here, 1)

    (minute,) = limits.windows
    here.answered(turn, left={minute: 5})
    assert len(passing(there, 10)) == 5

    here.answered(turn, left={minute: 40})  # its window began anew
    assert len(passing(there, 50)) == 40


def test_what_a_provider_says_of_its_day_is_not_believed_all_day(
    shared: SharedAllowances, whose: str
) -> None:
    allowance = shared.of(Limits(per_day=1000), whose)
    (turn,) = passing(allowance, 1)

    (day,) = allowance.limits.windows
    allowance.answered(turn, left={day: 0})

    assert 590 < refused(allowance).wait_seconds <= 600


BATCHES = Window(60, 2, 2, counts="batch")
METERED = Window(30 * 86_400, 3, 3, counts=READS, scope=LimitScope.APP)


def test_a_window_counts_only_requests_of_its_kind(shared: SharedAllowances, whose: str) -> None:
    allowance = shared.of(Limits(per_minute=10, more=(BATCHES,)), whose)

    for _ in range(2):
        assert not allowance.take(write=True, seconds=60, kinds={"batch"}).wait_seconds

    assert allowance.take(write=True, seconds=60, kinds={"batch"}).reason == "minute (batch)"
    assert len(passing(allowance, 9)) == 8
    assert allowance.left() == {"minute": 0, "minute (batch)": 0}


def test_a_window_may_count_others_together_than_the_rest_does(
    shared: SharedAllowances, whose: str
) -> None:
    limits = Limits(per_minute=10, more=(METERED,))
    app = {LimitScope.APP: f"{whose} app"}
    here, there = (shared.of(limits, f"{whose} {tenant}", app) for tenant in ("a", "b"))

    taken = [here.take(write=False, seconds=60, kinds={READS}) for _ in range(3)]
    assert not any(turn.wait_seconds for turn in taken)

    turn = there.take(write=False, seconds=60, kinds={READS})
    assert turn.reason == "month (reads)"
    assert len(passing(there, 20)) == 10, "writes are not metered"


def test_what_was_counted_alone_is_told_of_windows_of_other_kinds_too(
    redis_url: str, whose: str
) -> None:
    now = [0.0]
    urls: list[str | None] = [None]
    allowances = SharedAllowances(lambda: urls[0], again_seconds=5, clock=lambda: now[0])
    allowance = allowances.of(Limits(per_minute=10, more=(BATCHES,)), whose)
    assert not allowance.take(write=True, seconds=60, kinds={"batch"}).wait_seconds

    urls[0], now[0] = redis_url, 6.0
    assert not allowance.take(write=True, seconds=60).wait_seconds

    assert allowance.left() == {"minute": 8, "minute (batch)": 1}
    allowances.close()


class TestWithoutRedis:
    def test_each_process_goes_on_slower_and_brings_along_what_it_spent(
        self, folder: Path, whose: str
    ) -> None:
        url = embedded.redis_url(folder)
        allowances = SharedAllowances(lambda: url, again_seconds=0.2)
        allowance = allowances.of(Limits(per_minute=40), whose)
        assert len(passing(allowance, 5)) == 5

        embedded.leave(folder)
        assert len(passing(allowance, 40)) == 40 * SHARE
        assert refused(allowance).wait_seconds <= LOOK_AGAIN_SECONDS

        embedded.redis_url(folder)
        assert wait_until(lambda: len(passing(allowance, 1)) == 1, seconds=5)
        assert len(passing(allowance, 40)) == 40 - 5 - 40 * SHARE - 1
        allowances.close()

    def test_a_process_that_is_alone_may_use_everything(self, whose: str) -> None:
        allowance = SharedAllowances(lambda: None).of(Limits(per_minute=40), whose)

        assert len(passing(allowance, 50)) == 40

    def test_a_share_below_one_request_is_one_request_more_seldom(self, whose: str) -> None:
        now = [1000.0]
        allowances = SharedAllowances(lambda: "redis://127.0.0.1:1", clock=lambda: now[0])
        allowance = allowances.of(Limits(per_second=2), whose)

        assert len(passing(allowance, 3)) == 1
        now[0] += 1.9
        assert passing(allowance, 3) == []
        now[0] += 0.3
        assert len(passing(allowance, 3)) == 1

    def test_a_gate_that_was_closed_meanwhile_stays_closed_when_redis_is_back(
        self, folder: Path, whose: str
    ) -> None:
        url = embedded.redis_url(folder)
        allowances = SharedAllowances(lambda: url, again_seconds=0)
        allowance = allowances.of(Limits(per_minute=40), whose)
        assert len(passing(allowance, 1)) == 1
        embedded.leave(folder)
        (turn,) = passing(allowance, 1)
        allowance.answered(turn, left={}, closed_for=60)

        embedded.redis_url(folder)

        assert refused(allowance).reason == CLOSED
        allowances.close()

    def test_slots_and_a_closed_gate_are_kept_too(self, whose: str) -> None:
        now = [1000.0]
        allowances = SharedAllowances(lambda: "redis://127.0.0.1:1", clock=lambda: now[0])
        allowance = allowances.of(Limits(in_flight=4), whose)
        (first,) = passing(allowance, 3)
        assert refused(allowance).reason == "requests at once"

        now[0] += 31  # whoever held it is gone
        (second,) = passing(allowance, 3)
        allowance.answered(first, left={})
        allowance.answered(second, left={}, closed_for=20)

        assert refused(allowance).reason == CLOSED
        now[0] += 21
        assert len(passing(allowance, 3)) == 1


def test_a_command_shares_with_a_redis_that_runs_and_is_alone_otherwise(
    database_url: str, folder: Path, whose: str
) -> None:
    settings = Settings(
        home=folder,
        database_url=database_url,
        credentials_keys=SecretStr(Fernet.generate_key().decode()),
    )
    limits = Limits(per_minute=4)

    with closing(build(settings, role="test", hints=NoHints())) as alone:
        assert alone.opener.allowances is alone.allowances
        assert len(passing(alone.allowances.of(limits, whose), 9)) == 4
    assert embedded.running_redis_url(folder) is None

    assert embedded.redis_url(folder) == embedded.running_redis_url(folder)
    for allowed in (3, 1):
        with closing(build(settings, role="test", hints=NoHints())) as built:
            assert len(passing(built.allowances.of(limits, whose), 3)) == allowed


def test_what_is_left_can_be_shown(
    shared: SharedAllowances, other: SharedAllowances, whose: str
) -> None:
    limits = Limits(per_second=9, per_minute=60, per_day=5000)
    assert len(passing(shared.of(limits, whose), 5)) == 5

    assert other.of(limits, whose).left() == {"second": 4, "minute": 55, "day": 4995}
    assert SharedAllowances(lambda: None).of(limits, whose).left() is None


def test_what_is_left_of_a_connections_allowance_can_be_shown(
    database_url: str, redis_url: str
) -> None:
    settings = Settings(
        database_url=database_url,
        redis_url=redis_url,
        credentials_keys=SecretStr(Fernet.generate_key().decode()),
        allowed_base_urls="https://books.test",
    )
    row = ConnectionRow(
        id=uuid4(),
        provider="memory",
        base_url="https://books.test",
        platform_organisation_id=str(uuid4()),
    )
    with closing(build(settings, role="test", hints=NoHints())) as built:
        assert built.allowance_left(row) == {}

        limited = replace(SPEC, limits=Limits(per_minute=60))
        counted = replace(built, opener=replace(built.opener, spec=lambda _: limited))
        assert counted.allowance_left(row) == {"minute": 60}
        row.base_url = "https://elsewhere.test"
        assert counted.allowance_left(row) == {}


def test_a_connector_asks_before_every_request(redis_url: str, whose: str) -> None:
    provider = Provider()
    allowances = SharedAllowances(lambda: redis_url)
    allowance = allowances.of(Limits(in_flight=1), whose)
    with LoopbackServer(provider.handle).running() as address, httpx.Client() as client:
        http = Http(client, address, CallScope("test", allowance=allowance))
        for _ in range(3):
            http.read("GET", "/invoices")

    assert len(provider.arrivals) == 3
    assert len(passing(allowance, 2)) == 1
    allowances.close()
