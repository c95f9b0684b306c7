"""Requests wait for their turn before they leave, and what the provider says about it is heard."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest

from connectors import turns
from connectors.base import CallScope, Deadline, Limits, Turn
from connectors.errors import OutcomeUnknown, RateLimited
from connectors.http import Http
from worker.allowances import SharedAllowance, SharedAllowances


class Provider:
    """Counts what arrives, through an allowance of this process whose clock a test moves."""

    def __init__(self, limits: Limits) -> None:
        self.now = 1000.0
        self.arrived = 0
        self.answers: list[httpx.Response] = []
        self.limits = limits
        allowances = SharedAllowances(lambda: None, clock=lambda: self.now)
        self.allowance: SharedAllowance = allowances.of(limits, str(uuid4()))
        self.scope = CallScope("corr-1", allowance=self.allowance)
        self.slept: list[float] = []

    def http(self, scope: CallScope | None = None) -> Http:
        def answer(_: httpx.Request) -> httpx.Response:
            self.arrived += 1
            return self.answers.pop(0) if self.answers else httpx.Response(200, json={})

        client = httpx.Client(transport=httpx.MockTransport(answer))
        return Http(client, "http://ledger.test", scope or self.scope)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def ask(self, *, scope: CallScope | None = None, wrote: bool = True) -> None:
        """What `Http` does for each request."""
        scope = scope or self.scope
        with turns.taken(scope, wrote=wrote, seconds=60, sleep=self.sleep):
            self.arrived += 1

    def turn(self, *, write: bool = True) -> Turn:
        return self.allowance.take(write=write, seconds=60)


def kept_back(call: Callable[[], object], code: str = turns.USED_UP) -> RateLimited:
    with pytest.raises(RateLimited) as caught:
        call()
    assert caught.value.code == code
    return caught.value


class TestLimits:
    def test_nothing_stated_is_nothing_to_keep(self) -> None:
        assert not Limits().stated
        assert not Limits(concurrent=4).stated
        assert Limits(in_flight=5).stated
        assert Limits(per_day=5000).stated

    @pytest.mark.parametrize(
        ("limits", "windows"),
        [
            (Limits(per_second=20), [(1, 20)]),
            (Limits(per_second=2, burst=3), [(1, 3), (2, 4)]),
            (Limits(per_second=2, burst=7), [(1, 7), (4, 8)]),
            (Limits(per_second=2, burst=2), [(1, 2)]),
            (Limits(per_minute=60, per_day=5000), [(60, 60), (86_400, 5000)]),
        ],
    )
    def test_each_limit_is_a_window_and_a_burst_is_two(
        self, limits: Limits, windows: list[tuple[int, int]]
    ) -> None:
        assert [(window.seconds, window.amount) for window in limits.windows] == windows

    def test_reads_leave_a_share_of_minute_and_day_alone_but_not_of_a_second(self) -> None:
        limits = Limits(per_second=10, per_minute=60, per_day=5000, kept_for_pushes=0.25)

        assert [window.for_reads for window in limits.windows] == [10, 45, 3750]

    def test_reads_are_never_shut_out_altogether(self) -> None:
        (window,) = Limits(per_minute=1, kept_for_pushes=0.9).windows

        assert window.for_reads == 1


class TestWaiting:
    def test_a_short_wait_is_waited_for_in_place(self) -> None:
        provider = Provider(Limits(per_second=2))

        for _ in range(5):
            provider.ask()

        assert provider.arrived == 5
        assert len(provider.slept) == 2
        assert all(1 < seconds < 1.2 for seconds in provider.slept)

    def test_a_long_wait_is_an_error_that_says_when_and_nothing_was_sent(self) -> None:
        provider = Provider(Limits(per_minute=2))
        http = provider.http()
        for _ in range(2):
            http.write("POST", "/invoices")

        error = kept_back(lambda: http.write("POST", "/invoices"))

        assert provider.arrived == 2
        assert provider.scope.calls == 2
        assert error.retry_after is not None
        assert timedelta(seconds=60) <= error.retry_after < timedelta(seconds=64)
        assert "minute" in error.message

    def test_many_short_waits_come_to_an_end(self) -> None:
        provider = Provider(Limits(in_flight=1))
        provider.turn()

        error = kept_back(provider.ask)

        assert sum(provider.slept) <= turns.MOST_SECONDS_OF_WAITING
        assert error.retry_after == timedelta(seconds=1)

    def test_nobody_waits_past_the_deadline(self) -> None:
        provider = Provider(Limits(per_second=1))
        provider.ask()
        deadline = Deadline(0.5, clocks=(lambda: provider.now,))

        kept_back(
            lambda: provider.ask(scope=CallScope("c", deadline, allowance=provider.allowance))
        )

        assert provider.slept == []

    def test_a_read_that_is_kept_back_is_not_tried_again(self) -> None:
        provider = Provider(Limits(per_minute=1))
        http = provider.http()
        http.read("GET", "/invoices")

        kept_back(lambda: http.read("GET", "/invoices"))

        assert provider.arrived == 1

    def test_repeated_reads_are_counted_each(self) -> None:
        provider = Provider(Limits(per_minute=10, kept_for_pushes=0))
        provider.answers = [httpx.Response(503), httpx.Response(200)]

        provider.http().read("GET", "/invoices")

        assert sum(not provider.turn().wait_seconds for _ in range(20)) == 8


class TestReadsAndWrites:
    def test_writes_pass_when_reads_have_used_up_their_share(self) -> None:
        provider = Provider(Limits(per_day=5, kept_for_pushes=0.4))
        http = provider.http()
        for _ in range(3):
            http.read("GET", "/invoices")

        kept_back(lambda: http.read("GET", "/invoices"))
        http.write("POST", "/invoices")

        assert provider.arrived == 4

    def test_reads_that_serve_a_push_pass_with_it(self) -> None:
        provider = Provider(Limits(per_day=5, kept_for_pushes=0.4))
        for _ in range(3):
            provider.http().read("GET", "/invoices")

        serving = CallScope("push", allowance=provider.allowance, for_pushes=True)
        provider.http(serving).read("GET", "/me")

        assert provider.arrived == 4


class TestWhatTheProviderSays:
    @pytest.mark.parametrize(
        ("headers", "seconds"), [({"Retry-After": "120"}, 120), ({}, turns.PAUSE_SECONDS)]
    )
    def test_a_429_closes_the_gate(self, headers: dict[str, str], seconds: float) -> None:
        provider = Provider(Limits(per_minute=1000))
        provider.answers = [httpx.Response(429, headers=headers)]

        with pytest.raises(RateLimited) as caught:
            provider.http().write("POST", "/invoices")

        assert caught.value.http_status == 429
        assert provider.turn().reason == turns.CLOSED
        assert provider.turn().wait_seconds == seconds
        provider.now += seconds
        assert provider.turn().wait_seconds == 0

    def test_whoever_finds_the_gate_closed_is_told_that_nothing_was_sent(self) -> None:
        provider = Provider(Limits(per_minute=1000))
        provider.answers = [httpx.Response(429, headers={"Retry-After": "20"})]
        with pytest.raises(RateLimited):
            provider.http().read("GET", "/invoices")

        error = kept_back(lambda: provider.http().read("GET", "/invoices"), turns.CLOSED)

        assert error.message == "the provider asked us to wait; nothing is sent for 20 s"
        assert error.retry_after == timedelta(seconds=20)

    def test_what_is_left_is_read_from_the_headers_that_the_spec_names(
        self, redis_url: str
    ) -> None:
        limits = Limits(per_minute=60, minute_left_header="X-MinLimit-Remaining")
        provider = Provider(limits)
        shared = SharedAllowances(lambda: redis_url)
        allowance = shared.of(limits, str(uuid4()))
        http = provider.http(CallScope("corr-1", allowance=allowance))
        stated = ("9", "many")  # what cannot be read changes nothing
        provider.answers = [
            httpx.Response(200, headers={"X-MinLimit-Remaining": left}) for left in stated
        ]

        for _ in stated:
            http.write("POST", "/invoices")

        taken = [allowance.take(write=True, seconds=60) for _ in range(60)]
        assert sum(not turn.wait_seconds for turn in taken) == 8
        shared.close()

    def test_a_slot_comes_back_when_a_request_breaks_off(self) -> None:
        provider = Provider(Limits(in_flight=1))

        def broken(request: httpx.Request) -> httpx.Response:
            raise httpx.ReadError("it broke", request=request)

        client = httpx.Client(transport=httpx.MockTransport(broken))
        with pytest.raises(OutcomeUnknown):
            Http(client, "http://ledger.test", provider.scope).write("POST", "/invoices")

        assert provider.turn().wait_seconds == 0


def test_without_an_allowance_nobody_counts() -> None:
    provider = Provider(Limits(per_minute=1))
    http = provider.http(CallScope("corr-1"))

    for _ in range(3):
        http.write("POST", "/invoices")

    assert provider.arrived == 3
