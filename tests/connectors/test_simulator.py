"""Simulators, faults, and the ways in: over sockets and without, they must behave the same."""

import gzip
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from urllib.parse import urlsplit

import httpx
import pytest

from connectors.faults import BrokenOff, repeated_item
from connectors.simulator import (
    Answer,
    Fault,
    FaultProxy,
    Faults,
    LoopbackServer,
    Refusal,
    Request,
    Simulator,
    route,
)


class Shelf(Simulator):
    """Keeps names; the smallest ledger there is."""

    fault_answers = {Fault.AWAY: Answer(503, {"why": "stocktaking"})}  # noqa: RUF012  # data

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def admit(self, request: Request) -> None:
        if request.headers.get("authorization") == "Bearer stolen":
            raise Refusal(401, {"why": "stolen"})

    @route("GET", "/names")
    def listed(self, _request: Request) -> Answer:
        return Answer(body={"items": self.names, "count": len(self.names)})

    @route("POST", "/names/(?P<name>[^/]+)")
    def add(self, request: Request, name: str) -> Answer:
        self.names.append(name)
        return Answer(201, {"name": name, "query": dict(request.query)}, {"X-Shelf": "top"})

    @route("POST", "/crash")
    def crash(self, _request: Request) -> Answer:
        raise ZeroDivisionError


class LabelledShelf(Shelf):
    """Overrides a handler: its route stays."""

    def add(self, request: Request, name: str) -> Answer:
        return super().add(request, f"label {name}")


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture(params=["sockets", "in process"])
def client(request: pytest.FixtureRequest, shelf: Shelf) -> Iterator[httpx.Client]:
    """Every test that takes it runs both ways."""
    if request.param == "in process":
        with httpx.Client(base_url="http://shelf", transport=shelf.transport()) as client:
            yield client
    else:
        with shelf.running() as url, httpx.Client(base_url=url, trust_env=False) as client:
            yield client


class TestSimulator:
    def test_a_route_gets_its_parts_and_the_query(self, client: httpx.Client, shelf: Shelf) -> None:
        answer = client.post("/names/Zoë%20B", params={"a": "1 2", "b": ""})

        assert answer.status_code == 201
        assert answer.json() == {"name": "Zoë B", "query": {"a": "1 2", "b": ""}}
        assert answer.headers["x-shelf"] == "top"
        assert answer.headers["content-type"] == "application/json"
        assert shelf.names == ["Zoë B"]

    def test_what_is_not_modelled_is_refused(self, client: httpx.Client) -> None:
        answer = client.delete("/names")

        assert answer.status_code == 404
        assert "DELETE /names is not modelled" in answer.text

    def test_nobody_comes_in_who_is_not_admitted(self, client: httpx.Client, shelf: Shelf) -> None:
        answer = client.post("/names/x", headers={"Authorization": "Bearer stolen"})

        assert (answer.status_code, answer.json()) == (401, {"why": "stolen"})
        assert shelf.names == []

    def test_a_bug_in_it_is_an_error_500_and_noted(
        self, client: httpx.Client, shelf: Shelf
    ) -> None:
        assert client.post("/crash").status_code == 500
        assert "ZeroDivisionError" in shelf.crashes[0]

    def test_its_clock_is_the_date_of_its_answers(
        self, client: httpx.Client, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(shelf, "now", lambda: datetime(2015, 10, 21, 7, 28, tzinfo=UTC))

        answer = client.get("/names")

        assert answer.headers.get_list("date") == ["Wed, 21 Oct 2015 07:28:00 GMT"]

    def test_requests_are_counted_those_that_meet_a_fault_included(
        self, client: httpx.Client, shelf: Shelf
    ) -> None:
        shelf.faults.arm(Fault.AWAY)

        client.get("/names")
        client.get("/names")
        client.post("/names/x")

        assert shelf.requests == {"GET /names": 2, "POST /names/x": 1}
        assert [request.path for request in shelf.traffic.log] == ["/names", "/names", "/names/x"]

    def test_an_override_keeps_its_route(self) -> None:
        shelf = LabelledShelf()
        client = httpx.Client(base_url="http://shelf", transport=shelf.transport())

        client.post("/names/x")

        assert shelf.names == ["label x"]

    def test_it_can_go_down_and_come_back_at_the_same_place(self, shelf: Shelf) -> None:
        url = shelf.start()
        with httpx.Client(base_url=url, trust_env=False) as client:
            client.post("/names/x")
            shelf.stop()
            with pytest.raises(httpx.ConnectError):
                client.get("/names")

            shelf.start(urlsplit(url).port or 0)

            assert client.get("/names").json()["items"] == ["x"]
        shelf.stop()


BROKEN = "broken"
SILENT = "silent"

# Fault → what the client sees, and how often the write is committed in the end.
EFFECTS: dict[Fault, tuple[int | str, int]] = {
    Fault.DROP_BEFORE: (BROKEN, 0),
    Fault.DROP_AFTER: (BROKEN, 1),
    Fault.ERROR_BEFORE: (500, 0),
    Fault.ERROR_AFTER: (500, 1),
    Fault.SLOW_COMMIT: (BROKEN, 1),
    Fault.SLOW_ANSWER: (SILENT, 1),
    Fault.THROTTLE: (429, 0),
    Fault.AWAY: (503, 0),
    Fault.EXPIRED: (401, 0),
    Fault.STALE: (409, 0),
    Fault.GARBAGE: (200, 1),
    Fault.TRUNCATED: (BROKEN, 1),
    Fault.REPEATED_ITEM: (201, 1),
    Fault.CHANGED: (201, 1),
}


def outcome(call: Callable[[], httpx.Response]) -> int | str:
    try:
        return call().status_code
    except httpx.ReadTimeout:
        return SILENT
    except (httpx.RemoteProtocolError, httpx.ReadError):
        return BROKEN


class TestEveryFault:
    @pytest.mark.parametrize("fault", Fault, ids=str)
    def test_the_client_sees_it_and_the_ledger_has_what_was_committed(
        self, client: httpx.Client, shelf: Shelf, fault: Fault
    ) -> None:
        seen, committed = EFFECTS[fault]
        shelf.faults.arm(fault, seconds=0.1)

        assert outcome(lambda: client.post("/names/x", timeout=0.05)) == seen

        shelf.faults.settle()
        assert shelf.names == ["x"] * committed
        assert shelf.faults.injected == {fault: 1}
        assert client.get("/names").json()["count"] == committed

    def test_a_slow_commit_happens_after_the_client_gave_up(
        self, client: httpx.Client, shelf: Shelf
    ) -> None:
        shelf.faults.arm(Fault.SLOW_COMMIT, seconds=0.05)

        assert outcome(lambda: client.post("/names/x")) == BROKEN
        before = list(shelf.names)
        shelf.faults.settle()

        assert (before, shelf.names) == ([], ["x"])

    def test_a_slow_answer_comes_to_who_waits(self, client: httpx.Client, shelf: Shelf) -> None:
        shelf.faults.arm(Fault.SLOW_ANSWER, seconds=0.05)
        begun = time.monotonic()

        assert client.post("/names/x", timeout=5).status_code == 201
        assert time.monotonic() - begun >= 0.05

    def test_a_throttle_says_when_to_come_back(self, client: httpx.Client, shelf: Shelf) -> None:
        shelf.faults.arm(Fault.THROTTLE, retry_after=17)

        assert client.get("/names").headers["retry-after"] == "17"

    def test_a_provider_speaks_in_its_own_words(self, client: httpx.Client, shelf: Shelf) -> None:
        shelf.faults.arm(Fault.AWAY)
        shelf.faults.arm(Fault.STALE, answer=Answer(400, {"code": 5010}))

        assert client.get("/names").json() == {"why": "stocktaking"}
        assert client.get("/names").json() == {"code": 5010}

    def test_half_an_answer_begins_like_a_whole_one(
        self, client: httpx.Client, shelf: Shelf
    ) -> None:
        shelf.faults.arm(Fault.TRUNCATED)

        half: list[bytes] = []

        with client.stream("POST", "/names/x") as answer:
            with pytest.raises(httpx.RemoteProtocolError):
                half.extend(answer.iter_raw())

            assert answer.status_code == 201
            assert 0 < len(b"".join(half)) < int(answer.headers["content-length"])

    def test_a_page_may_repeat_its_last_item(self, client: httpx.Client, shelf: Shelf) -> None:
        shelf.names = ["a", "b"]
        shelf.faults.arm(Fault.REPEATED_ITEM)

        assert client.get("/names").json() == {"items": ["a", "b", "b"], "count": 2}

    def test_an_answer_may_be_changed_in_any_way(self, client: httpx.Client, shelf: Shelf) -> None:
        shelf.faults.arm(Fault.CHANGED, change=lambda answer: Answer(answer.status, {"items": 7}))

        assert client.get("/names").json() == {"items": 7}


class TestRepeatedItem:
    @pytest.mark.parametrize(
        ("body", "repeated"),
        [
            ([1, 2], [1, 2, 2]),
            ({"data": {"rows": [1]}, "more": [2]}, {"data": {"rows": [1, 1]}, "more": [2]}),
            ({"rows": []}, {"rows": []}),
            ("text", "text"),
        ],
    )
    def test_the_first_list_has_its_last_item_twice(self, body: object, repeated: object) -> None:
        assert repeated_item(Answer(200, body)).body == repeated


def a_request(path: str = "/x", method: str = "GET", body: bytes = b"") -> Request:
    return Request.received(method, path, {}, body)


def passes(faults: Faults, request: Request) -> bool:
    return faults.next_for(request) is None


class TestArm:
    def test_some_pass_some_fail_and_the_rest_pass(self) -> None:
        faults = Faults()
        faults.arm(Fault.AWAY, skip=2, times=3)

        assert [passes(faults, a_request()) for _ in range(7)] == [True] * 2 + [False] * 3 + [
            True
        ] * 2
        assert faults.armed == 0

    def test_only_matching_requests_count(self) -> None:
        faults = Faults()
        faults.arm(Fault.AWAY, method="POST", path="/x/[0-9]+", body="create", skip=1)
        hit = a_request("/x/7", "POST", b'{"method": "create"}')
        others = [
            a_request("/x/7", "GET", b"create"),
            a_request("/x/7/lines", "POST", b"create"),
            a_request("/x/7", "POST", b"read \xff"),
        ]

        assert all(passes(faults, one) for one in [*others, hit, *others])
        assert not passes(faults, hit)

    def test_each_fault_counts_every_request_that_matches_it(self) -> None:
        faults = Faults()
        faults.arm(Fault.THROTTLE)
        faults.arm(Fault.DROP_AFTER, skip=1)

        struck = [armed and armed.fault for armed in map(faults.next_for, [a_request()] * 3)]

        assert struck == [Fault.THROTTLE, Fault.DROP_AFTER, None]

    def test_the_first_that_was_armed_strikes_first_and_no_other_is_lost(self) -> None:
        faults = Faults()
        faults.arm(Fault.AWAY)
        faults.arm(Fault.EXPIRED)

        struck = [armed and armed.fault for armed in map(faults.next_for, [a_request()] * 3)]

        assert struck == [Fault.AWAY, Fault.EXPIRED, None]

    def test_nothing_strikes_once_it_is_cleared(self) -> None:
        faults = Faults()
        faults.arm(Fault.AWAY, times=5)

        faults.clear()

        assert passes(faults, a_request())

    def test_counting_is_right_with_many_threads(self, request: pytest.FixtureRequest) -> None:
        request.addfinalizer(partial(sys.setswitchinterval, sys.getswitchinterval()))
        sys.setswitchinterval(1e-6)
        faults = Faults()
        faults.arm(Fault.AWAY, skip=2000, times=2000)
        start = threading.Barrier(8)

        def many(_: int) -> int:
            start.wait()
            return sum(not passes(faults, a_request()) for _ in range(500))

        with ThreadPoolExecutor(8) as pool:
            struck = sum(pool.map(many, range(8)))

        assert (struck, faults.injected[Fault.AWAY], faults.armed) == (2000, 2000, 0)


def sent_raw(url: str, data: bytes) -> socket.socket:
    parts = urlsplit(url)
    connection = socket.create_connection((parts.hostname or "", parts.port or 0), timeout=5)
    connection.sendall(data)
    return connection


class TestLoopbackServer:
    def test_connections_are_kept_alive(self, shelf: Shelf) -> None:
        two = b"GET /names HTTP/1.1\r\nHost: x\r\n\r\n" * 2
        answers = b""

        with shelf.running() as url, sent_raw(url, two) as connection:
            while answers.count(b"HTTP/1.1 200 OK") < 2:
                answers += connection.recv(65536)

        assert shelf.requests["GET /names"] == 2

    def test_answers_do_not_wait_for_acknowledgements(self, shelf: Shelf) -> None:
        with shelf.running() as url, httpx.Client(base_url=url, trust_env=False) as client:
            client.get("/names")
            begun = time.monotonic()
            for _ in range(20):
                client.get("/names")

        # A delayed acknowledgement would cost 40 ms each.
        assert time.monotonic() - begun < 0.4

    def test_half_a_request_of_a_killed_client_has_no_effect(self, shelf: Shelf) -> None:
        with shelf.running() as url:
            head = b"POST /names/x HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"
            sent_raw(url, head).close()
            sent_raw(url, b"POST /names/y HT").close()
            with httpx.Client(base_url=url, trust_env=False) as client:
                client.post("/names/z")

        assert shelf.names == ["z"]

    def test_a_client_that_dies_before_its_answer_stops_nobody(self, shelf: Shelf) -> None:
        shelf.faults.arm(Fault.SLOW_ANSWER, seconds=0.05)
        with shelf.running() as url:
            sent_raw(url, b"POST /names/x HTTP/1.1\r\nContent-Length: 0\r\n\r\n").close()
            with httpx.Client(base_url=url, trust_env=False) as client:
                for _ in range(1000):
                    if client.get("/names").json()["count"]:
                        break

        assert shelf.names == ["x"]

    def test_a_body_without_length_is_refused(self, shelf: Shelf) -> None:
        with shelf.running() as url, httpx.Client(base_url=url, trust_env=False) as client:
            answer = client.post("/names/x", content=iter([b"a", b"b"]))

        assert answer.status_code == 411
        assert shelf.names == []

    def test_many_clients_at_once_are_all_served_and_counted(self, shelf: Shelf) -> None:
        with (
            shelf.running() as url,
            httpx.Client(base_url=url, trust_env=False) as client,
            ThreadPoolExecutor(8) as pool,
        ):
            list(pool.map(lambda number: client.post(f"/names/{number}"), range(80)))

        assert sorted(shelf.names, key=int) == [str(number) for number in range(80)]
        assert sum(shelf.requests.values()) == 80

    def test_nothing_is_left_once_it_is_stopped(self, shelf: Shelf) -> None:
        before = threading.active_count()
        url = shelf.start()
        idle = sent_raw(url, b"GET /names HTTP/1.1\r\nHost: x\r\n\r\n")
        assert idle.recv(65536)

        shelf.stop()

        assert threading.active_count() == before
        assert idle.recv(65536) == b""
        idle.close()

    def test_it_is_started_only_once(self) -> None:
        server = LoopbackServer(lambda _: Answer())
        with server.running(), pytest.raises(RuntimeError):
            server.start()


class TestFaultProxy:
    def test_requests_and_answers_pass_unchanged(self, shelf: Shelf) -> None:
        with shelf.running() as url, FaultProxy(url).running() as front:
            path = "/names/a%2Fb%20c?q=1&q=%2B2&r"
            answer = httpx.post(f"{front}{path}", json={"n": 7}, trust_env=False)

        seen = shelf.traffic.log[0]
        assert answer.status_code == 404  # a/b is no name: the path came through as it was sent
        assert seen.target == "/names/a%2Fb%20c?q=1&q=%2B2&r"
        assert seen.json() == {"n": 7}

    def test_the_ledgers_own_headers_and_errors_pass(self, shelf: Shelf) -> None:
        thief = {"Authorization": "Bearer stolen"}

        with shelf.running() as url, FaultProxy(url).running() as front:
            created = httpx.post(f"{front}/names/x", trust_env=False)
            stolen = httpx.get(f"{front}/names", headers=thief, trust_env=False)

        assert (created.status_code, created.headers["x-shelf"]) == (201, "top")
        assert (stolen.status_code, stolen.json()) == (401, {"why": "stolen"})

    def test_what_is_compressed_stays_so(self) -> None:
        packed = gzip.compress(b'{"items": [1, 2]}')
        asked: list[str | None] = []

        def handle(request: Request) -> Answer:
            asked.append(request.headers.get("accept-encoding"))
            return Answer(200, packed, {"Content-Encoding": "gzip"})

        with LoopbackServer(handle).running() as url:
            proxy = FaultProxy(url)
            proxy.faults.arm(Fault.REPEATED_ITEM, skip=1)
            with proxy.running() as front, httpx.Client(trust_env=False) as client:
                answer = client.get(front, headers={"Accept-Encoding": "gzip"})
                repeated = client.get(front)

        assert asked[0] == "gzip"
        assert answer.headers["content-length"] == str(len(packed))
        assert answer.json() == {"items": [1, 2]}
        assert repeated.json() == {"items": [1, 2, 2]}

    def test_faults_strike_in_front_of_a_real_server(self, shelf: Shelf) -> None:
        with shelf.running() as url:
            proxy = FaultProxy(url)
            proxy.faults.arm(Fault.DROP_BEFORE)
            proxy.faults.arm(Fault.DROP_AFTER)
            with proxy.running() as front, httpx.Client(base_url=front) as client:
                assert outcome(lambda: client.post("/names/before")) == BROKEN
                assert outcome(lambda: client.post("/names/after")) == BROKEN

        assert shelf.names == ["after"]

    def test_no_cookie_of_one_client_reaches_another(self) -> None:
        seen: list[str | None] = []

        def handle(request: Request) -> Answer:
            seen.append(request.headers.get("cookie"))
            return Answer(200, {}, {"Set-Cookie": "session=1; Path=/"})

        with LoopbackServer(handle).running() as url, FaultProxy(url).running() as front:
            for _ in range(2):
                httpx.get(front, trust_env=False)

        assert seen == [None, None]

    def test_a_target_that_is_gone_is_a_broken_connection(self) -> None:
        server = LoopbackServer(lambda _: Answer())
        url = server.start()
        server.stop()

        with FaultProxy(url).running() as front:
            assert outcome(lambda: httpx.get(front, trust_env=False)) == BROKEN

    def test_a_test_can_hold_a_request_before_and_after_it_is_forwarded(self, shelf: Shelf) -> None:
        stages: list[tuple[str, int | None, int]] = []

        def hold(request: Request, answer: Answer | None) -> None:
            stages.append((request.path, answer.status if answer else None, len(shelf.names)))

        with shelf.running() as url, FaultProxy(url, hold=hold).running() as front:
            httpx.post(f"{front}/names/x", trust_env=False)

        assert stages == [("/names/x", None, 0), ("/names/x", 201, 1)]


class TestRequest:
    def test_a_body_that_is_not_json_is_refused(self) -> None:
        with pytest.raises(Refusal) as caught:
            a_request(body=b"<xml>").json()

        assert caught.value.answer.status == 400


class TestExchange:
    def test_a_broken_connection_carries_no_answer_before_commit(self) -> None:
        faults = Faults()
        faults.arm(Fault.DROP_BEFORE)

        with pytest.raises(BrokenOff) as caught:
            faults.exchange(lambda _: Answer(), a_request())

        assert caught.value.answer is None
