"""HTTP for connectors: what each failure means, and what may leave this machine."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime

import httpx
import pytest
from pydantic import SecretStr

from connectors.base import CallScope, Deadline
from connectors.errors import (
    Cause,
    Conflict,
    ConnectorError,
    OutcomeUnknown,
    PermissionDenied,
    ProtocolError,
    RateLimited,
    Rejected,
    TokenRefused,
    Transient,
    Unavailable,
)
from connectors.http import Http, error_in, json_of, retry_after, server_time, timeout_of
from connectors.loopback import LoopbackServer
from connectors.simulator import Answer, Fault, Request

Respond = Callable[[httpx.Request], httpx.Response]


class Provider:
    """Answers one way, and remembers what it was asked."""

    def __init__(self, respond: Respond | None = None) -> None:
        self.requests: list[httpx.Request] = []
        self.scope = CallScope("corr-1")
        self._respond = respond or (lambda _: httpx.Response(200, json={}))

    def http(self, **options: object) -> Http:
        def answer(request: httpx.Request) -> httpx.Response:
            self.requests.append(request)
            return self._respond(request)

        client = httpx.Client(transport=httpx.MockTransport(answer))
        return Http(client, "http://ledger.test/", self.scope, **options)  # type: ignore[arg-type]  # passed on


def raising(error: type[httpx.TransportError]) -> Respond:
    def respond(request: httpx.Request) -> httpx.Response:
        raise error("it broke", request=request)

    return respond


def answering(status: int, text: str = "", **headers: str) -> Respond:
    return lambda _: httpx.Response(status, text=text, headers=headers)


class TestRead:
    def test_a_read_that_breaks_off_is_repeated_and_then_gives_up(self) -> None:
        provider = Provider(raising(httpx.ReadError))

        with pytest.raises(Transient) as caught:
            provider.http().read("GET", "/x")

        assert type(caught.value) is Transient
        assert len(provider.requests) == 3

    def test_a_read_goes_on_when_its_repetition_succeeds(self) -> None:
        answers = iter([httpx.Response(503), httpx.Response(200, json={"ok": True})])
        provider = Provider(lambda _: next(answers))

        assert provider.http().read("GET", "/x").json() == {"ok": True}

    @pytest.mark.parametrize("status", [401, 403, 404, 409, 422, 429])
    def test_a_definite_answer_is_not_asked_for_again(self, status: int) -> None:
        provider = Provider(answering(status))

        with pytest.raises(ConnectorError):
            provider.http().read("GET", "/x")

        assert len(provider.requests) == 1

    def test_a_read_does_not_wait_for_a_try_that_comes_too_late(self) -> None:
        provider = Provider(answering(503))
        provider.scope.deadline = Deadline(0.0001)

        with pytest.raises(Transient):
            provider.http().read("GET", "/x")

        assert len(provider.requests) <= 1


class TestWrite:
    @pytest.mark.parametrize(
        "error",
        [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError],
    )
    def test_what_never_left_may_be_sent_again(self, error: type[httpx.TransportError]) -> None:
        provider = Provider(raising(error))

        with pytest.raises(Unavailable):
            provider.http().write("POST", "/x")

    @pytest.mark.parametrize(
        "error",
        [
            httpx.ReadTimeout,
            httpx.WriteTimeout,
            httpx.ReadError,
            httpx.WriteError,
            httpx.RemoteProtocolError,
            httpx.DecodingError,
        ],
    )
    def test_what_broke_off_after_bytes_left_is_unknown_and_not_repeated(
        self, error: type[httpx.TransportError]
    ) -> None:
        provider = Provider(raising(error))

        with pytest.raises(OutcomeUnknown):
            provider.http().write("POST", "/x")

        assert len(provider.requests) == 1

    def test_redirects_are_not_followed(self) -> None:
        provider = Provider(answering(302, location="http://elsewhere.test/"))

        with pytest.raises(ProtocolError, match="redirect"):
            provider.http().write("POST", "/x")

        assert len(provider.requests) == 1

    def test_an_answer_without_end_is_unknown(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("connectors.http.MAX_ANSWER_BYTES", 10)
        provider = Provider(answering(200, "x" * 11))

        with pytest.raises(OutcomeUnknown, match="larger than 10 bytes"):
            provider.http().write("POST", "/x")


class TestRequest:
    def test_it_says_who_asks_and_for_which_run(self) -> None:
        provider = Provider()

        provider.http().read("GET", "/x", headers={"Authorization": "Bearer key"})

        headers = provider.requests[0].headers
        assert headers["x-correlation-id"] == "corr-1"
        assert headers["user-agent"].startswith("ledgerbridge/")
        assert headers["authorization"] == "Bearer key"

    def test_calls_and_bytes_are_counted(self) -> None:
        provider = Provider(answering(200, "12345"))

        provider.http().read("GET", "/x")
        provider.http().write("POST", "/x")

        assert (provider.scope.calls, provider.scope.bytes_received) == (2, 10)

    def test_one_customers_session_does_not_go_out_with_anothers_request(self) -> None:
        provider = Provider(
            lambda _: httpx.Response(200, headers={"set-cookie": "session=first; Path=/"})
        )
        http = provider.http()

        http.read("GET", "/x")
        http.read("GET", "/x")
        http.read("GET", "/x", headers={"Cookie": "session=own"})

        assert [one.headers.get("cookie") for one in provider.requests] == [
            None,
            None,
            "session=own",
        ]

    def test_nothing_leaves_after_the_deadline(self) -> None:
        provider = Provider()
        provider.scope.deadline = Deadline(-1)

        with pytest.raises(Transient) as caught:
            provider.http().write("POST", "/x")

        assert caught.value.code == "late"
        assert provider.requests == []

    def test_time_outs_end_with_the_deadline_and_connecting_before_it(self) -> None:
        provider = Provider()
        provider.scope.deadline = Deadline(4)

        provider.http(timeout=timeout_of(60)).read("GET", "/x")

        limits = provider.requests[0].extensions["timeout"]
        assert limits["pool"] + limits["connect"] <= 4
        assert limits["read"] <= 4

    @pytest.mark.parametrize(
        ("path", "headers"), [("/x\n", {}), ("/x", {"X-Name": "Zoë — 2"}), ("/x", {"A": "\x00"})]
    )
    def test_what_cannot_be_written_as_http_is_a_bug_that_wrote_nothing(
        self, path: str, headers: dict[str, str]
    ) -> None:
        server = LoopbackServer(lambda _: Answer(200, {}))
        with server.running() as url, httpx.Client() as client:
            http = Http(client, url, CallScope("corr-1"))

            with pytest.raises(ProtocolError):
                http.write("POST", path, headers=headers)

        assert not server.requests


class TestErrorIn:
    @pytest.mark.parametrize(
        ("status", "read", "wrote"),
        [
            (401, TokenRefused, TokenRefused),
            (403, PermissionDenied, PermissionDenied),
            (404, Rejected, Rejected),
            (408, Transient, OutcomeUnknown),
            (409, Conflict, Conflict),
            (412, Conflict, Conflict),
            (422, Rejected, Rejected),
            (429, RateLimited, RateLimited),
            (500, Unavailable, OutcomeUnknown),
            (503, Unavailable, OutcomeUnknown),
            (304, ProtocolError, ProtocolError),
        ],
    )
    def test_a_status_means_what_the_caller_must_do(
        self, status: int, read: type[ConnectorError], wrote: type[ConnectorError]
    ) -> None:
        response = httpx.Response(status, headers={"x-request-id": "r-7"})

        errors = [error_in(response, False), error_in(response, True)]

        assert [type(error) for error in errors] == [read, wrote]
        assert {error.request_id for error in errors if error} == {"r-7"}

    @pytest.mark.parametrize("status", [200, 201, 204])
    def test_success_is_no_error(self, status: int) -> None:
        assert error_in(httpx.Response(status), True) is None


class TestClassify:
    def test_a_connector_that_stumbles_over_an_answer_leaves_the_outcome_unknown(self) -> None:
        def stumble(response: httpx.Response, wrote: bool) -> ConnectorError | None:
            raise KeyError(response.text, wrote)

        http = Provider(answering(200)).http(classify=stumble)

        with pytest.raises(OutcomeUnknown, match="KeyError"):
            http.write("POST", "/x")
        with pytest.raises(ProtocolError, match="KeyError"):
            http.read("GET", "/x")

    def test_no_secret_is_left_in_any_part_of_an_error(self) -> None:
        def quote(response: httpx.Response, _wrote: bool) -> ConnectorError:
            cause = Cause("refused", response.text, {"message": response.text})
            return Rejected(response.text, code=response.text, cause=cause)

        provider = Provider(answering(400, "the key hunter2-hunter2 is odd"))

        with pytest.raises(Rejected) as caught:
            provider.http(secrets=["hunter2-hunter2"], classify=quote).write("POST", "/x")

        error = caught.value
        assert "hunter2" not in f"{error} {error!r} {vars(error)}"
        assert error.cause is not None
        assert error.cause.subject == "the key *** is odd"


class TestRedact:
    @pytest.mark.parametrize(
        ("said", "shown"),
        [
            ("Authorization: Bearer abc.def-123", "Authorization ***"),
            ('{"authorization": "Session YWRtaW46"}', '{"authorization ***"}'),
            ("cookie: sid=1234", "cookie ***"),
            ("bearer eyJhbGciOiJIUzI1NiJ9.x", "bearer ***"),
            ("the session expired", "the session expired"),
            ("your basic plan has no bills", "your basic plan has no bills"),
            ("authorization failed", "authorization failed"),
            ("line\x00break\x1b[31m", "line break [31m"),
        ],
    )
    def test_tokens_are_hidden_and_sentences_are_not(self, said: str, shown: str) -> None:
        assert Provider().http().redact(said) == shown

    def test_long_texts_are_cut(self) -> None:
        assert len(Provider().http().redact("x" * 5000)) < 700


class TestJsonOf:
    def test_numbers_stay_exact(self) -> None:
        response = httpx.Response(200, text='{"total": 0.1, "count": 3}')

        assert json_of(response, wrote=False) == {"total": Decimal("0.1"), "count": 3}

    @pytest.mark.parametrize("text", ["<html>", "", '{"a": NaN}', "[" * 100_000, "\udcff"])
    def test_what_is_not_json_says_nothing_about_a_write(self, text: str) -> None:
        request = httpx.Request("POST", "http://ledger.test/x")
        content = text.encode(errors="surrogateescape")
        response = httpx.Response(200, content=content, request=request)

        with pytest.raises(OutcomeUnknown, match="not JSON"):
            json_of(response, wrote=True)
        with pytest.raises(Unavailable, match=r"ledger\.test"):
            json_of(response, wrote=False)


class TestRetryAfter:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ("0", timedelta(0)),
            ("17", timedelta(seconds=17)),
            ("1.5", timedelta(seconds=1.5)),
            ("999999999", timedelta(days=31)),
            ("Wed, 21 Oct 2015 07:28:00 GMT", timedelta(0)),
            ("", None),
            ("soon", None),
            ("-5", None),
            ("²", None),
            ("9" * 400, None),
            ("Wed, 99 Oct 2015 07:28:00 GMT", None),
        ],
    )
    def test_seconds_and_dates_are_read_and_nonsense_is_not(
        self, value: str, expected: timedelta | None
    ) -> None:
        assert retry_after({"retry-after": value}) == expected

    def test_a_date_is_a_wait_from_now(self) -> None:
        moment = datetime.now(UTC) + timedelta(minutes=5)

        wait = retry_after({"retry-after": format_datetime(moment, usegmt=True)})

        assert wait is not None
        assert timedelta(minutes=4) < wait <= timedelta(minutes=5)


class TestServerTime:
    def test_the_providers_clock_is_read_from_its_date(self) -> None:
        headers = {"date": "Wed, 21 Oct 2015 07:28:00 GMT"}

        assert server_time(headers) == datetime(2015, 10, 21, 7, 28, tzinfo=UTC)

    @pytest.mark.parametrize("value", ["", "yesterday", "Fri, 31 Dec 9999 23:59:59 -2359"])
    def test_without_a_usable_date_there_is_none(self, value: str) -> None:
        assert server_time({"date": value}) is None
        assert server_time({}) is None


class TestOverSockets:
    """The same on a real connection: what httpx itself makes of broken ones."""

    def test_a_provider_that_is_not_there_is_unavailable(self) -> None:
        server = LoopbackServer(lambda _: Answer())
        url = server.start()
        server.stop()

        with httpx.Client() as client, pytest.raises(Unavailable):
            Http(client, url, CallScope("corr-1")).write("POST", "/x")

    @pytest.mark.parametrize("fault", [Fault.DROP_BEFORE, Fault.DROP_AFTER, Fault.TRUNCATED])
    def test_a_broken_connection_leaves_a_write_unknown(self, fault: Fault) -> None:
        server = LoopbackServer(lambda request: Answer(200, {"path": request.path}))
        server.faults.arm(fault)

        with server.running() as url, httpx.Client() as client, pytest.raises(OutcomeUnknown):
            Http(client, url, CallScope("corr-1")).write("POST", "/x")

    def test_an_answer_that_comes_too_late_leaves_a_write_unknown(self) -> None:
        written: list[Request] = []

        def commit(request: Request) -> Answer:
            written.append(request)
            return Answer()

        server = LoopbackServer(commit)
        server.faults.arm(Fault.SLOW_ANSWER, seconds=5)

        with server.running() as url, httpx.Client() as client:
            http = Http(client, url, CallScope("corr-1"), timeout=timeout_of(0.05))
            with pytest.raises(OutcomeUnknown):
                http.write("POST", "/x")

        assert len(written) == 1


class Pieces(httpx.SyncByteStream):
    """A body that comes in pieces, and may break off after them."""

    def __init__(self, *pieces: bytes, broken: bool = False) -> None:
        self._pieces = pieces
        self._broken = broken
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces
        if self._broken:
            raise httpx.RemoteProtocolError("peer closed connection")

    def close(self) -> None:
        self.closed = True


class TestStream:
    def test_an_answer_comes_in_pieces_and_is_counted(self) -> None:
        provider = Provider(lambda _: httpx.Response(200, stream=Pieces(b"ab", b"cd")))

        with provider.http().stream("GET", "/x") as streamed:
            assert list(streamed.pieces()) == [b"ab", b"cd"]

        assert (provider.scope.calls, provider.scope.bytes_received) == (1, 4)

    def test_it_may_be_larger_than_any_other_answer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("connectors.http.MAX_ANSWER_BYTES", 10)
        provider = Provider(lambda _: httpx.Response(200, stream=Pieces(*[b"12345"] * 5)))

        with provider.http().stream("GET", "/x") as streamed:
            assert b"".join(streamed.pieces()) == b"12345" * 5

    def test_lines_are_split_at_line_feeds_and_nowhere_else(self) -> None:
        text = "one\r\ntwo\u2028still\vtwo\n\nlast".encode()
        pieces = [text[place : place + 3] for place in range(0, len(text), 3)]
        provider = Provider(lambda _: httpx.Response(200, stream=Pieces(*pieces)))

        with provider.http().stream("GET", "/x") as streamed:
            lines = [line.decode() for line in streamed.lines()]

        assert lines == ["one\r", "two\u2028still\vtwo", "", "last"]

    def test_a_line_without_end_is_given_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("connectors.http.MAX_LINE_BYTES", 10)
        provider = Provider(lambda _: httpx.Response(200, stream=Pieces(*[b"123456"] * 5)))

        with (
            provider.http().stream("GET", "/x") as streamed,
            pytest.raises(ProtocolError, match="longer than 10 bytes"),
        ):
            list(streamed.lines())

    def test_what_breaks_off_is_transient_and_not_asked_for_again(self) -> None:
        provider = Provider(lambda _: httpx.Response(200, stream=Pieces(b"ab", broken=True)))
        came: list[bytes] = []

        with provider.http().stream("GET", "/x") as streamed, pytest.raises(Transient):
            came.extend(streamed.pieces())

        assert came == [b"ab"]
        assert len(provider.requests) == 1

    def test_opening_is_repeated_as_reads_are(self) -> None:
        answers = iter([httpx.Response(503), httpx.Response(200, stream=Pieces(b"ok"))])
        provider = Provider(lambda _: next(answers))

        with provider.http().stream("GET", "/x") as streamed:
            assert b"".join(streamed.pieces()) == b"ok"

    @pytest.mark.parametrize(("status", "kind"), [(404, Rejected), (429, RateLimited)])
    def test_a_refusal_is_an_error_with_nothing_secret(
        self, status: int, kind: type[ConnectorError]
    ) -> None:
        provider = Provider(answering(status, "no, s3cr3t"))

        with (
            pytest.raises(kind) as caught,
            provider.http(secrets=["s3cr3t"]).stream("GET", "/x"),
        ):
            pass
        assert "s3cr3t" not in str(caught.value)

    def test_none_is_opened_after_the_deadline(self) -> None:
        provider = Provider()
        provider.scope.deadline = Deadline(-1)

        with pytest.raises(Transient), provider.http().stream("GET", "/x"):
            pass
        assert provider.requests == []

    def test_one_that_does_not_end_is_given_up(self) -> None:
        provider = Provider(lambda _: httpx.Response(200, stream=Pieces(b"ab", b"cd")))

        with (
            provider.http().stream("GET", "/x", longest_seconds=-1) as streamed,
            pytest.raises(Transient, match="does not end"),
        ):
            list(streamed.pieces())

    def test_whoever_stops_reading_closes_the_connection(self) -> None:
        body = Pieces(b"ab", b"cd")
        provider = Provider(lambda _: httpx.Response(200, stream=body))

        with provider.http().stream("GET", "/x") as streamed:
            next(streamed.pieces())

        assert body.closed

    def test_a_refused_token_is_renewed_before_anything_is_read(self) -> None:
        def respond(request: httpx.Request) -> httpx.Response:
            good = request.headers["authorization"] == "Bearer new"
            return httpx.Response(200, stream=Pieces(b"ok")) if good else httpx.Response(401)

        provider = Provider(respond)
        http = provider.http(bearer=SecretStr("old"), renew=lambda _: SecretStr("new"))

        with http.stream("GET", "/x") as streamed:
            assert b"".join(streamed.pieces()) == b"ok"
