"""Logging in, sessions, and typed values, at a real Tryton and at one that misbehaves."""

import datetime as dt
import json
from decimal import Decimal

import httpx
import pytest

from connectors.base import CallScope
from connectors.errors import (
    AuthorizationLost,
    ConnectorError,
    OutcomeUnknown,
    ProtocolError,
    RateLimited,
    Rejected,
    Unavailable,
)
from connectors.faults import Fault
from connectors.http import Http
from connectors.tryton.client import Client
from connectors.tryton.connector import address
from connectors.tryton.errors import ServerFailed, error_in
from connectors.tryton.wire import decoded, encoded
from tests.connectors.tryton.bench import Bench

PREFERENCES = {"company": 1, "companies": [1], "language": "fr", "locale": {"date": "%d"}}


class Server:
    """A Tryton that says what a test wants; counts what it was asked."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.bodies: list[dict[str, object]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        self.bodies.append(body)
        self.asked.append(body["method"])
        if body["method"] == "common.db.login":
            return httpx.Response(200, json={"id": 1, "result": [7, "token", None]})
        if body["method"] == "model.res.user.get_preferences":
            return httpx.Response(200, json={"id": 1, "result": PREFERENCES})
        answer = self.answers.pop(0)
        if isinstance(answer, httpx.Response):
            return answer
        return httpx.Response(200, json={"id": 1, **answer})  # type: ignore[dict-item]  # a dict

    def client(self, company_id: int | None = None) -> Client:
        """A client of it."""
        http = httpx.Client(transport=httpx.MockTransport(self))
        return Client(
            Http(
                http,
                "http://tryton.test",
                CallScope("test"),
                secrets=["secret"],
                classify=error_in,
            ),
            database="books",
            login="sync",
            password="secret",
            company_id=company_id,
        )


class TestLogin:
    def test_check_says_whose_books_these_are(self, bench: Bench) -> None:
        identity = bench.connector().check()

        assert identity.organisation_id == "books/1"
        assert (identity.organisation_name, identity.base_currency) == ("Demo SARL", "EUR")

    def test_wrong_password_is_said_without_the_password(self, bench: Bench) -> None:
        with pytest.raises(AuthorizationLost) as caught:
            bench.connector(login="sync", password="not-it-at-all").check()

        assert "the user name or the password is wrong" in caught.value.message
        assert "not-it-at-all" not in caught.value.message

    def test_unknown_database_is_named(self, bench: Bench) -> None:
        with pytest.raises(AuthorizationLost) as caught:
            bench.connector(login="sync", settings={"database": "boks"}).check()

        assert caught.value.message == "there is no database 'boks' on this Tryton server"

    def test_company_that_the_user_does_not_work_in_is_refused(self, bench: Bench) -> None:
        with pytest.raises(AuthorizationLost) as caught:
            bench.connector(settings={"company_id": 99}).check()

        assert "does not work in company 99" in caught.value.message

    def test_nothing_is_written_into_other_books_than_those_that_were_connected(
        self, bench: Bench
    ) -> None:
        connector = bench.connector(organisation_id="books/2")
        before = len(bench.ledger.invoices())

        with pytest.raises(AuthorizationLost) as caught:
            bench.step([bench.item(bench.invoice())], connector)

        assert caught.value.code == "wrong_organisation"
        assert len(bench.ledger.invoices()) == before

    def test_server_that_is_away_is_unavailable(self, bench: Bench) -> None:
        with pytest.raises(Unavailable):
            bench.connector(url="http://127.0.0.1:9", login="sync").check()

    def test_too_many_attempts_are_a_rate_limit(self, bench: Bench) -> None:
        bench.proxy.faults.arm(Fault.THROTTLE, body=r"common\.db\.login", retry_after=7)

        with pytest.raises(RateLimited) as caught:
            bench.connector(login="sync").check()

        assert caught.value.retry_after == dt.timedelta(seconds=7)


class TestAddress:
    @pytest.mark.parametrize(
        ("base_url", "database", "root", "found"),
        [
            ("https://t.example", "books", "https://t.example", "books"),
            ("https://t.example/books", None, "https://t.example/", "books"),
            ("https://t.example/erp/books/", None, "https://t.example/erp/", "books"),
            ("https://t.example/erp", "books", "https://t.example/erp", "books"),
            ("https://t.example", None, "https://t.example/", ""),
        ],
    )
    def test_database_is_in_the_settings_or_at_the_end_of_the_address(
        self, base_url: str, database: str | None, root: str, found: str
    ) -> None:
        assert address(base_url, database) == (root, found)

    def test_database_at_the_end_of_the_address_opens_the_books(self, bench: Bench) -> None:
        connector = bench.connector(url=f"{bench.url}/books", settings={"database": None})

        assert connector.check().organisation_id == "books/1"

    def test_missing_database_is_asked_for(self, bench: Bench) -> None:
        with pytest.raises(AuthorizationLost, match="not said which database"):
            bench.connector(login="sync", settings={"database": None}).check()


class TestSession:
    def test_one_login_serves_all_calls(self) -> None:
        server = Server({"result": []}, {"result": []})
        client = server.client()

        client.read("model.x.search", [])
        client.read("model.x.search", [])

        assert server.asked.count("common.db.login") == 1

    def test_stale_session_is_renewed_once_for_a_write(self) -> None:
        server = Server(httpx.Response(401), {"result": [1]})

        result = server.client().create("x", [{}])

        assert result == [1]
        assert server.asked.count("common.db.login") == 2
        assert server.asked.count("model.x.create") == 2

    def test_session_that_stays_refused_ends_the_authorization(self) -> None:
        server = Server(httpx.Response(401), httpx.Response(401))

        with pytest.raises(AuthorizationLost):
            server.client().create("x", [{}])

    def test_context_is_the_users_with_the_company(self) -> None:
        server = Server({"result": []})

        server.client().read("model.x.search", [], active_test=False)

        context = server.bodies[-1]["params"][-1]  # type: ignore[index]  # JSON
        assert context == {
            "company": 1,
            "companies": [1],
            "language": "fr",
            "company_filter": "one",
            "active_test": False,
        }


class TestAnswers:
    @pytest.mark.parametrize(
        ("answer", "kind"),
        [
            ({"error": ["UserError", ["No.", "", None]]}, Rejected),
            ({"error": ["KeyError: 'x'", "Traceback"]}, ServerFailed),
            (httpx.Response(200, text="<html>"), OutcomeUnknown),
            (httpx.Response(200, json=[1]), OutcomeUnknown),
            (httpx.Response(200, json={"id": 1}), OutcomeUnknown),
            (httpx.Response(502), OutcomeUnknown),
            (httpx.Response(503, text="database is locked"), OutcomeUnknown),
            (httpx.Response(504), OutcomeUnknown),
            (httpx.Response(413), Rejected),
            (httpx.Response(422), ProtocolError),
            (httpx.Response(308), ProtocolError),
            (httpx.Response(429), RateLimited),
        ],
    )
    def test_answer_to_a_write_means(self, answer: object, kind: type[ConnectorError]) -> None:
        server = Server(answer)

        with pytest.raises(ConnectorError) as caught:
            server.client().create("x", [{}])

        assert type(caught.value) is kind
        assert server.asked.count("model.x.create") == 1

    def test_error_that_repeats_our_request_shows_no_password(self) -> None:
        said = [
            "UserWarning",
            ["0.kind", 'Login with "secret"?', "Session c3luYzoxOnRva2VuLXRva2Vu"],
        ]

        with pytest.raises(Rejected) as caught:
            Server({"error": said}).client().create("x", [{}])

        shown = f"{caught.value} {caught.value.cause}"
        assert "secret" not in shown
        assert "c3luYzoxOnRva2VuLXRva2Vu" not in shown

    def test_read_is_repeated_when_the_server_is_away_for_a_moment(self) -> None:
        server = Server(httpx.Response(503), {"result": [{"id": 1}]})

        rows = server.client().rows("x", [], ["id"])

        assert rows.values == [{"id": 1}]

    def test_creation_that_does_not_name_every_record_is_unclear(self) -> None:
        with pytest.raises(OutcomeUnknown):
            Server({"result": [1]}).client().create("x", [{}, {}])

    def test_different_values_are_written_in_one_call(self) -> None:
        server = Server({"result": None})

        server.client().update("x", [(1, {"a": 1}), (2, {"a": 2})])

        params = server.bodies[-1]["params"]
        assert params[:-1] == [[1], {"a": 1}, [2], {"a": 2}]  # type: ignore[index]  # JSON


class TestValues:
    @pytest.mark.parametrize(
        "value",
        [
            Decimal("12.340"),
            dt.date(2026, 3, 4),
            dt.datetime(2026, 3, 4, 5, 6, 7, 8, tzinfo=dt.UTC),
        ],
    )
    def test_value_survives_the_wire(self, value: object) -> None:
        there = json.loads(json.dumps({"x": [value]}, default=encoded))

        assert decoded(there) == {"x": [value]}
        assert str(decoded(there)["x"][0]) == str(value)

    def test_time_is_written_in_utc(self) -> None:
        rome = dt.timezone(dt.timedelta(hours=2))

        assert encoded(dt.datetime(2026, 3, 4, 1, tzinfo=rome))["day"] == 3

    def test_durations_and_bytes_are_read(self) -> None:
        assert decoded({"__class__": "timedelta", "seconds": 90}) == dt.timedelta(seconds=90)
        assert decoded({"__class__": "bytes", "base64": "aGk="}) == b"hi"

    def test_type_that_we_do_not_know_passes(self) -> None:
        value = {"__class__": "time", "hour": 1}

        assert decoded(value) == value

    def test_what_tryton_has_no_type_for_is_a_mistake_of_ours(self) -> None:
        with pytest.raises(TypeError):
            encoded({1})
