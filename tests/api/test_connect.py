"""The pages behind a connection's URL, as a browser meets them on a real server."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
import sqlalchemy

from api.app import create_app
from connectors.memory.simulator import LedgerRules, PlainLedger, spec_for
from models.tables import ConnectionRow, ConnectionStatus
from sync import authorizing, connections
from tests.api.conftest import on_a_port
from tests.consent import APP
from worker.runtime import Runtime


@dataclass
class Desk:
    """A served application and a ledger, both on loopback, and a billing entity without one."""

    url: str
    runtime: Runtime
    ledger: PlainLedger
    entity_id: Any

    def pending(self, *, base_url: str | None = "") -> ConnectionRow:
        return authorizing.begin(
            self.runtime.engine,
            self.runtime.opener,
            billing_entity_id=self.entity_id,
            provider="memory",
            base_url=self.ledger.base_url if base_url == "" else base_url,
            actor="test",
        )

    def link(self, row: ConnectionRow) -> str:
        return authorizing.connection_url(self.runtime.opener, row.id)

    def status(self, row: ConnectionRow) -> ConnectionStatus:
        with self.runtime.begin() as work:
            return connections.get(work, row.id).status

    def browser(self) -> httpx.Client:
        return httpx.Client(timeout=10, follow_redirects=True)

    def callback(self, row: ConnectionRow, browser: httpx.Client) -> str:
        """Go to the provider and consent; the address that it sends the browser back to."""
        to_provider = browser.get(self.link(row), follow_redirects=False)
        back = browser.get(to_provider.headers["location"], follow_redirects=False)
        return back.headers["location"]


@pytest.fixture
def serve(
    _environment: None, database: sqlalchemy.Engine, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[LedgerRules], Desk]]:
    """Serves the application with a ledger of given rules as its `memory` connector."""
    assert database is not None
    ledger = PlainLedger()
    ledger.start()
    monkeypatch.setenv("LEDGERBRIDGE_ALLOWED_BASE_URLS", ledger.base_url)
    app = create_app()
    with on_a_port(app) as url:

        def served(rules: LedgerRules) -> Desk:
            ledger.books.rules = rules
            spec = spec_for(ledger)
            built: Runtime = app.state.runtime
            opener = replace(
                built.opener, spec=lambda _: spec, public_url=url, oauth_apps={"memory": APP}
            )
            engine = replace(
                built.engine,
                spec=lambda _: spec,
                open_connector=opener.open,
                renew=opener.renew,
            )
            app.state.runtime = replace(built, opener=opener, engine=engine)
            with built.begin() as work:
                entity = work.tenants.add_entity(
                    work.tenants.organisation("Acme"), code="FR", legal_name="Acme SARL"
                )
                assert entity is not None
            return Desk(url, app.state.runtime, ledger, entity.id)

        yield served
    ledger.stop()


@pytest.fixture
def consenting(serve: Callable[[LedgerRules], Desk]) -> Desk:
    return serve(LedgerRules(oauth=True))


@pytest.fixture
def keyed(serve: Callable[[LedgerRules], Desk]) -> Desk:
    return serve(LedgerRules())


def words(answer: httpx.Response) -> str:
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return unescape(re.sub(r"<style>.*?</style>|<[^>]+>", " ", answer.text))


class TestConsent:
    def test_from_the_url_over_the_provider_to_connected(self, consenting: Desk) -> None:
        row = consenting.pending()

        with consenting.browser() as browser:
            page = browser.get(consenting.link(row))

        assert page.status_code == 200
        assert "Plain Ledger SARL in Plain ledger is connected" in words(page)
        assert consenting.status(row) is ConnectionStatus.CONNECTED

    def test_books_that_are_named_beside_the_code_are_handed_on(
        self, serve: Callable[[LedgerRules], Desk]
    ) -> None:
        desk = serve(LedgerRules(oauth=True, names_books=True))
        row = desk.pending()

        with desk.browser() as browser:
            address = desk.callback(row, browser)
            page = browser.get(address)

        assert "books=plain-1" in address
        assert "is connected" in words(page)
        assert desk.status(row) is ConnectionStatus.CONNECTED

    def test_the_way_to_the_provider_holds_no_key_of_ours(self, consenting: Desk) -> None:
        row = consenting.pending()

        with consenting.browser() as browser:
            answer = browser.get(consenting.link(row), follow_redirects=False)

        query = dict(parse_qsl(urlsplit(answer.headers["location"]).query))
        assert answer.status_code == 303
        assert query["redirect_uri"] == f"{consenting.url}/v1/connect/callback"
        assert query["code_challenge_method"] == "S256"
        assert "token" not in query
        assert "secret" not in answer.headers["location"]
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie

    def test_a_double_click_shows_the_same_page(self, consenting: Desk) -> None:
        row = consenting.pending()

        with consenting.browser() as browser:
            address = consenting.callback(row, browser)
            first, again = browser.get(address), browser.get(address)

        assert first.status_code == again.status_code == 200
        assert first.text == again.text
        assert consenting.ledger.requests["POST /oauth/token"] == 1

    def test_two_tabs_of_one_browser_both_work(self, consenting: Desk) -> None:
        row = consenting.pending()

        with consenting.browser() as browser:
            first = consenting.callback(row, browser)
            second = consenting.callback(row, browser)
            pages = [browser.get(first), browser.get(second)]

        assert [page.status_code for page in pages] == [200, 409]
        assert consenting.status(row) is ConnectionStatus.CONNECTED

    def test_a_refusal_is_said_and_the_link_still_works(self, consenting: Desk) -> None:
        row = consenting.pending()
        consenting.ledger.change(consents=False)

        with consenting.browser() as browser:
            page = browser.get(consenting.link(row))
            assert "Access was refused" in words(page)
            assert consenting.status(row) is ConnectionStatus.PENDING_AUTH
            consenting.ledger.change(consents=True)
            again = browser.get(consenting.link(row))

        assert again.status_code == 200
        assert consenting.status(row) is ConnectionStatus.CONNECTED

    def test_a_strange_error_is_said_without_its_words(self, consenting: Desk) -> None:
        row = consenting.pending()

        with consenting.browser() as browser:
            state = dict(parse_qsl(urlsplit(consenting.callback(row, browser)).query))["state"]
            page = browser.get(
                f"{consenting.url}/v1/connect/callback",
                params={"state": state, "error": "<script>alert(1)</script>"},
            )

        assert "script" not in page.text
        assert "no code" in words(page)

    @pytest.mark.parametrize(
        "query",
        [
            {},
            {"code": "x"},
            {"state": "x"},
            {"state": "x", "code": "x"},
            {"state": "x", "error": "access_denied"},
            {"state": "x\0", "code": "\0"},
            {"state": "x" * 9000, "code": "x"},
        ],
    )
    def test_an_answer_to_no_question_is_a_400_page(
        self, consenting: Desk, query: dict[str, str]
    ) -> None:
        with consenting.browser() as browser:
            page = browser.get(f"{consenting.url}/v1/connect/callback", params=query)

        assert page.status_code == 400
        assert "Not connected" in words(page)

    def test_an_answer_in_another_browser_changes_nothing(self, consenting: Desk) -> None:
        row = consenting.pending()

        with consenting.browser() as started, consenting.browser() as lured:
            address = consenting.callback(row, started)
            page = lured.get(address)

        assert page.status_code == 400
        assert consenting.status(row) is ConnectionStatus.PENDING_AUTH
        assert consenting.ledger.requests["POST /oauth/token"] == 0

    def test_other_books_are_refused_with_both_names(self, consenting: Desk) -> None:
        row = consenting.pending()
        with consenting.browser() as browser:
            browser.get(consenting.link(row))
        with consenting.runtime.begin() as work:
            work.connections.set_status(row.id, ConnectionStatus.DEAUTHORIZED)
        consenting.ledger.change(organisation_id="plain-2", organisation_name="<b>Other</b> & Co")

        with consenting.browser() as browser:
            page = browser.get(consenting.link(row))

        assert page.status_code == 400
        assert "<b>Other" not in page.text
        said = words(page)
        assert "<b>Other</b> & Co (plain-2)" in said
        assert "Plain Ledger SARL (plain-1)" in said
        assert consenting.status(row) is ConnectionStatus.DEAUTHORIZED


class TestLink:
    def test_a_link_that_is_not_valid_is_a_404_page(self, consenting: Desk) -> None:
        row = consenting.pending()
        token = consenting.link(row).partition("token=")[2]
        addresses = [
            f"{row.id}",
            f"{row.id}?token=",
            f"{row.id}?token=x",
            f"{row.id}?token={token[:40]}{token[41:]}",
            f"{consenting.entity_id}?token={token}",
            f"nonsense?token={token}",
            f"%00?token={token}",
        ]

        with consenting.browser() as browser:
            pages = [browser.get(f"{consenting.url}/v1/connect/{path}") for path in addresses]

        assert [page.status_code for page in pages] == [404] * len(addresses)
        assert len({page.text for page in pages}) == 1

    def test_a_connection_that_is_connected_says_so(self, consenting: Desk) -> None:
        row = consenting.pending()

        with consenting.browser() as browser:
            browser.get(consenting.link(row))
            page = browser.get(consenting.link(row))

        assert page.status_code == 409
        assert "nothing to authorize" in words(page)

    def test_a_link_is_no_token_of_the_api(self, consenting: Desk) -> None:
        token = consenting.link(consenting.pending()).partition("token=")[2]

        answer = httpx.get(
            f"{consenting.url}/v1/accounting_connections",
            headers={"Authorization": f"Bearer {token}", "x-monite-version": "2024-05-25"},
        )

        assert answer.status_code in {401, 404}

    def test_no_key_is_in_the_log(self, consenting: Desk, caplog: pytest.LogCaptureFixture) -> None:
        row = consenting.pending()

        with caplog.at_level("DEBUG"), consenting.browser() as browser:
            browser.get(consenting.link(row))

        said = "".join(record.getMessage() for record in caplog.records)
        assert f"GET /v1/connect/{row.id}?... " in said
        for key in ("gAAAA", "state=", "code="):
            assert key not in said

    def test_every_page_carries_the_headers_that_keep_it_safe(self, keyed: Desk) -> None:
        row = keyed.pending()
        with keyed.browser() as browser:
            pages = [
                browser.get(keyed.link(row)),
                browser.get(f"{keyed.url}/v1/connect/x"),
                browser.get(f"{keyed.url}/v1/connect/callback"),
            ]

        for page in pages:
            policy = page.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert page.headers["cache-control"] == "no-store"
            assert page.headers["referrer-policy"] == "no-referrer"
            assert page.headers["x-content-type-options"] == "nosniff"
            assert "<script" not in page.text


class TestForm:
    def post(self, desk: Desk, row: ConnectionRow, **fields: str) -> httpx.Response:
        token = desk.link(row).partition("token=")[2]
        form = {"token": token, **{name.replace("__", "."): v for name, v in fields.items()}}
        with desk.browser() as browser:
            return browser.post(f"{desk.url}/v1/connect/{row.id}", data=form)

    def test_it_asks_for_the_fields_of_the_credentials(self, keyed: Desk) -> None:
        row = keyed.pending(base_url=None)

        with keyed.browser() as browser:
            page = browser.get(keyed.link(row))

        names = re.findall(r'<input id="([^"]+)" name="\1" type="(\w+)"', page.text)
        assert names == [("base_url", "url"), ("credentials.api_key", "password")]
        assert set(re.findall(r'<label for="([^"]+)"', page.text)) == {name for name, _ in names}

    def test_an_address_that_is_known_is_not_asked_for(self, keyed: Desk) -> None:
        row = keyed.pending()

        with keyed.browser() as browser:
            page = browser.get(keyed.link(row))

        assert "base_url" not in page.text

    def test_the_right_key_connects(self, keyed: Desk) -> None:
        row = keyed.pending(base_url=None)

        page = self.post(
            keyed,
            row,
            base_url=keyed.ledger.base_url,
            credentials__api_key=keyed.ledger.rules.api_key,
        )

        assert page.status_code == 200
        assert "is connected" in words(page)
        assert keyed.status(row) is ConnectionStatus.CONNECTED

    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            ({"credentials__api_key": "wrong"}, "key is not known"),
            ({}, "api_key: field required"),
            ({"credentials__api_key": "x", "credentials__more": "y"}, "more: extra inputs"),
            ({"credentials__api_key": "k\u00e9\u2603"}, "cannot be written as HTTP"),
        ],
    )
    def test_a_wrong_key_shows_the_form_again_with_the_reason(
        self, keyed: Desk, fields: dict[str, str], said: str
    ) -> None:
        row = keyed.pending()

        page = self.post(keyed, row, **fields)

        assert page.status_code == 400
        assert said in words(page)
        assert 'role="alert"' in page.text
        assert keyed.status(row) is ConnectionStatus.PENDING_AUTH
        assert "wrong" not in page.text.replace("wrong_", "")

    def test_an_address_inside_our_network_is_refused(self, keyed: Desk) -> None:
        row = keyed.pending(base_url=None)

        page = self.post(
            keyed, row, base_url='http://169.254.169.254/"><script>', credentials__api_key="x"
        )

        assert page.status_code == 400
        assert "is no address of Plain ledger that is allowed" in words(page)
        assert "<script" not in page.text

    def test_without_the_token_nothing_is_tried(self, keyed: Desk) -> None:
        row = keyed.pending()
        address = f"{keyed.url}/v1/connect/{row.id}"

        with keyed.browser() as browser:
            pages = [
                browser.post(address),
                browser.post(address, json={"token": "x"}),
                browser.post(address, content=b"\xff\x00"),
                browser.post(address, data={"token": "x", "credentials.api_key": "y" * 70_000}),
            ]

        assert [page.status_code for page in pages] == [404] * 4
        assert not keyed.ledger.requests

    def test_a_form_for_a_ledger_that_asks_for_consent_is_refused(self, consenting: Desk) -> None:
        row = consenting.pending()

        page = self.post(consenting, row, credentials__access_token="x")

        assert page.status_code == 409
        assert consenting.status(row) is ConnectionStatus.PENDING_AUTH
