"""Connections whose owner authorizes them on a page: the command line prints its address."""

from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
import sqlalchemy

from api.app import create_app
from connectors import registry
from connectors.memory.simulator import LedgerRules, PlainLedger, spec_for
from tests.api.conftest import on_a_port
from tests.cli.conftest import Run

APP = '{"memory": {"client_id": "plain-client", "client_secret": "plain-client-secret"}}'


@pytest.fixture
def ledger() -> PlainLedger:
    return PlainLedger(LedgerRules(oauth=True))


@pytest.fixture
def _consenting(ledgerbridge: Run, ledger: PlainLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plain ledger asks for consent, and entity FR has no ledger."""
    spec = spec_for(ledger)
    monkeypatch.setattr(registry, "spec", lambda _: spec)
    monkeypatch.setenv("LEDGERBRIDGE_OAUTH_APPS", APP)
    monkeypatch.setenv("LEDGERBRIDGE_PUBLIC_URL", "https://bridge.example.com")
    ledgerbridge(
        *("entities", "add", "--organisation", "Acme", "--code", "FR"),
        *("--legal-name", "Acme SARL"),
    )


def add(ledgerbridge: Run, address: str, *options: str) -> tuple[int, str, str]:
    done = ledgerbridge(
        *("connections", "add", "memory", "--entity", "FR", "--base-url", address), *options
    )
    return done.code, done.out, done.err


@pytest.mark.usefixtures("_consenting")
class TestConsent:
    def test_adding_without_credentials_prints_the_address(
        self, ledgerbridge: Run, address: str
    ) -> None:
        code, out, err = add(ledgerbridge, address)

        (row,) = ledgerbridge("connections", "list", "--json").rows
        assert (code, row["status"]) == (0, "pending_auth")
        assert out.startswith(f"https://bridge.example.com/v1/connect/{row['id']}?token=")
        assert len(out.splitlines()) == 1
        assert row["id"] in err
        assert "token=" not in err

    def test_as_json_the_id_comes_with_it(self, ledgerbridge: Run, address: str) -> None:
        done = ledgerbridge(
            *("connections", "add", "memory", "--entity", "FR", "--base-url", address, "--json")
        )

        (row,) = done.rows
        assert row["connection_url"].startswith("https://bridge.example.com/v1/connect/")
        assert row["id"] in row["connection_url"]

    def test_showing_it_says_how_to_get_the_address(self, ledgerbridge: Run, address: str) -> None:
        add(ledgerbridge, address)
        (row,) = ledgerbridge("connections", "list", "--json").rows

        shown = ledgerbridge("connections", "show", row["id"])
        again = ledgerbridge("connections", "reauthorize", row["id"])

        assert f"connections reauthorize {row['id'][-8:]}" in shown.out
        assert "None" not in shown.out
        assert again.out.startswith(f"https://bridge.example.com/v1/connect/{row['id']}?token=")

    def test_the_address_opens_the_way_to_the_provider(
        self,
        ledgerbridge: Run,
        ledger: PlainLedger,
        address: str,
    ) -> None:
        _, out, _ = add(ledgerbridge, address, "--start-date", "2026-01-01")
        with on_a_port(create_app()) as url, httpx.Client() as browser:
            path = out.strip().removeprefix("https://bridge.example.com")
            answer = browser.get(f"{url}{path}", follow_redirects=False)

        target = urlsplit(answer.headers["location"])
        assert f"{target.scheme}://{target.netloc}" == ledger.base_url
        query = dict(parse_qsl(target.query))
        assert query["redirect_uri"] == "https://bridge.example.com/v1/connect/callback"

    def test_once_authorized_there_is_nothing_to_open(
        self, ledgerbridge: Run, address: str, database: sqlalchemy.Engine
    ) -> None:
        add(ledgerbridge, address)
        (row,) = ledgerbridge("connections", "list", "--json").rows
        with database.begin() as connection:
            connection.exec_driver_sql("UPDATE connections SET status = 'disconnected'")

        done = ledgerbridge("connections", "reauthorize", row["id"])

        assert (done.code, done.out) == (1, "")
        assert "there is nothing to authorize" in done.err


class TestKeys:
    @pytest.fixture
    def ledger(self) -> PlainLedger:
        return PlainLedger()

    def test_what_was_connected_is_printed_as_json(
        self, ledgerbridge: Run, connection: str, address: str
    ) -> None:
        ledgerbridge("connections", "disconnect", connection)

        done = ledgerbridge(
            *("connections", "add", "memory", "--entity", "FR", "--base-url", address, "--json"),
            *("--credentials", "credentials.json", "--settings", "settings.json"),
        )

        (row,) = done.rows
        assert (row["status"], row["entity"]) == ("connected", "FR")

    def test_new_keys_need_no_page(
        self, ledgerbridge: Run, connection: str, ledger: PlainLedger
    ) -> None:
        ledger.change(api_key="new-key")
        assert ledgerbridge("connections", "check", connection).code == 1
        Path("new.json").write_text('{"api_key": "new-key"}')

        done = ledgerbridge(
            "connections", "reauthorize", connection, "--credentials", "new.json", "--json"
        )

        (row,) = done.rows
        assert row["organisation_name"] == "Plain Ledger SARL"
        assert ledgerbridge("connections", "check", connection).code == 0


def test_a_ledger_with_keys_wants_them(ledgerbridge: Run) -> None:
    done = ledgerbridge("connections", "add", "tryton", "--entity", "FR")

    assert done.code == 2
    assert "Tryton needs credentials: give them with --credentials FILE" in done.err
