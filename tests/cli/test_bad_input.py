"""Whatever is wrong: one clear sentence, the right exit code, no stack trace, nothing lost."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from cli.main import app
from connectors import registry
from connectors.memory.simulator import PlainLedger
from connectors.simulator import Fault
from tests.cli.conftest import Result, Run


def one_sentence(result: Result) -> str:
    """What a person reads when something went wrong."""
    assert "Traceback" not in result.out + result.err
    assert result.err.startswith("Error: "), result.err
    return " ".join(result.err.removeprefix("Error: ").split())


def connect(run: Run, credentials: object, *options: str, provider: str = "memory") -> Result:
    run("entities", "add", "--organisation", "A", "--code", "FR", "--legal-name", "A SARL")
    text = credentials if isinstance(credentials, str) else json.dumps(credentials)
    Path("c.json").write_text(text)
    base = ("connections", "add", provider, "--entity", "FR", "--credentials", "c.json")
    return run(*base, *options)


GOOD_KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


class TestConnecting:
    def test_an_unknown_connector(self, ledgerbridge: Run) -> None:
        result = connect(ledgerbridge, {}, provider="sago")

        assert result.code == 2
        known = ", ".join(registry.known())
        assert one_sentence(result) == f"there is no connector 'sago'; known are {known}"

    def test_a_credentials_file_that_is_not_there(self, ledgerbridge: Run) -> None:
        result = ledgerbridge(
            "connections", "add", "memory", "--entity", "FR", "--credentials", "gone.json"
        )

        assert result.code == 2
        assert "gone.json cannot be read: No such file" in one_sentence(result)

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            ("{", "is not JSON"),
            ("[]", "is not a JSON object"),
            ({"key": "geheim"}, "the credentials do not fit (api_key: field required"),
            ({"api_key": 5}, "the credentials do not fit (api_key: "),
        ],
    )
    def test_credentials_that_do_not_fit(
        self, ledgerbridge: Run, address: str, content: object, reason: str
    ) -> None:
        result = connect(ledgerbridge, content, "--base-url", address)

        assert result.code == 2
        assert reason in one_sentence(result)
        assert "geheim" not in result.err

    def test_credentials_that_the_ledger_refuses(self, ledgerbridge: Run, address: str) -> None:
        result = connect(ledgerbridge, {"api_key": "wrong-secret"}, "--base-url", address)

        assert result.code == 1
        assert one_sentence(result).startswith("the ledger refuses: ")
        assert "wrong-secret" not in result.err
        assert ledgerbridge("connections", "list", "--json").rows == []

    def test_a_ledger_that_cannot_be_reached(self, ledgerbridge: Run) -> None:
        result = connect(ledgerbridge, {"api_key": "x"}, "--base-url", "http://127.0.0.1:1")

        assert result.code == 1
        assert "127.0.0.1 cannot be reached" in one_sentence(result)

    def test_a_ledger_that_answers_garbage(
        self, ledgerbridge: Run, ledger: PlainLedger, address: str
    ) -> None:
        ledger.faults.arm(Fault.GARBAGE, times=9)

        result = connect(ledgerbridge, {"api_key": ledger.rules.api_key}, "--base-url", address)

        assert result.code == 1
        assert "the answer from 127.0.0.1 cannot be read (HTTP 200, text/html)" in one_sentence(
            result
        )

    @pytest.mark.parametrize(
        ("url", "reason"),
        [
            ("http://10.0.0.8", "is no address of Plain ledger that is allowed"),
            ("http://169.254.169.254/latest", "is no address of Plain ledger that is allowed"),
            ("ftp://127.0.0.1:1", "it must start with https://"),
            ("http://user:geheim@127.0.0.1:1", "must not hold credentials"),
            ("nonsense", "is not a base URL"),
        ],
    )
    def test_addresses_that_nobody_allowed(self, ledgerbridge: Run, url: str, reason: str) -> None:
        result = connect(ledgerbridge, {"api_key": "x"}, "--base-url", url)

        assert result.code == 2
        assert reason in one_sentence(result)
        assert "geheim" not in result.err

    def test_a_second_ledger_for_the_same_entity(
        self, ledgerbridge: Run, connection: str, address: str, ledger: PlainLedger
    ) -> None:
        Path("c.json").write_text(json.dumps({"api_key": ledger.rules.api_key}))

        result = ledgerbridge(
            *("connections", "add", "memory", "--entity", "FR", "--credentials", "c.json"),
            *("--base-url", address),
        )

        assert result.code == 1
        assert f"has a ledger already (connection {connection}" in one_sentence(result)

    @pytest.mark.parametrize(
        ("options", "reason"),
        [
            (("--interval", "often"), "'often' is no schedule"),
            (("--start-date", "tomorrow"), "'tomorrow' is not a day like 2026-01-31"),
            (("--settings", "none.json"), "none.json cannot be read"),
        ],
    )
    def test_options_that_make_no_sense(
        self, ledgerbridge: Run, address: str, options: tuple[str, ...], reason: str
    ) -> None:
        result = connect(ledgerbridge, {"api_key": "x"}, "--base-url", address, *options)

        assert result.code == 2
        assert reason in one_sentence(result)


class TestServers:
    def test_a_database_that_cannot_be_reached(
        self, ledgerbridge: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        url = "postgresql+psycopg://me:geheim@127.0.0.1:1/x"
        monkeypatch.setenv("LEDGERBRIDGE_DATABASE_URL", url)

        result = ledgerbridge("entities", "list")

        assert result.code == 1
        assert "cannot be reached" in one_sentence(result)
        assert "geheim" not in result.err

    def test_a_database_that_is_not_migrated(
        self, ledgerbridge: Run, database_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(
            "LEDGERBRIDGE_DATABASE_URL", database_url.replace("/postgres?", "/template1?")
        )

        result = ledgerbridge("entities", "list")

        assert result.code == 1
        assert "run `ledgerbridge migrate`" in one_sentence(result)

    def test_a_database_that_is_no_postgresql(
        self, ledgerbridge: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("LEDGERBRIDGE_DATABASE_URL", "sqlite:///x.db")

        assert one_sentence(ledgerbridge("entities", "list")) == (
            "the database must be PostgreSQL, not sqlite"
        )

    def test_a_redis_that_is_gone(self, ledgerbridge: Run, connection: str) -> None:
        # In a process of its own: Celery keeps the broker that it was first configured with.
        gone = {**os.environ, "LEDGERBRIDGE_REDIS_URL": "redis://127.0.0.1:1/0"}
        command = [sys.executable, "-m", "cli.main", "sync", connection]

        result = subprocess.run(command, env=gone, capture_output=True, text=True, check=False)

        assert result.returncode == 1
        assert "Redis cannot be reached, so no worker was told. The run is queued" in " ".join(
            result.stderr.split()
        )
        assert ledgerbridge("runs", connection, "--json").rows[0]["status"] == "queued"

    def test_settings_out_of_order(
        self, ledgerbridge: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("LEDGERBRIDGE_LEASE_SECONDS", "5")

        result = ledgerbridge("entities", "list")

        assert result.code == 2
        assert "must be below LEDGERBRIDGE_LEASE_SECONDS" in one_sentence(result)

    @pytest.mark.parametrize("keys", ["", "short", f"{GOOD_KEY},short"])
    def test_keys_that_are_no_keys(
        self, ledgerbridge: Run, monkeypatch: pytest.MonkeyPatch, keys: str
    ) -> None:
        monkeypatch.setenv("LEDGERBRIDGE_CREDENTIALS_KEYS", keys)

        result = ledgerbridge("entities", "list")

        assert result.code == 1
        assert one_sentence(result).startswith("LEDGERBRIDGE_CREDENTIALS_KEYS: ")


class TestWrongUse:
    @pytest.mark.parametrize(
        "arguments",
        [
            ("sync", "ffffffff"),
            ("record", "01a1fb12-3456-7890-8888-000000000000"),
            ("connections", "show", "not-an-id"),
            ("documents", "show", "INV-404"),
            ("documents", "import", "x.jsonl", "--entity", "nobody"),
        ],
    )
    def test_something_that_does_not_exist(
        self, ledgerbridge: Run, arguments: tuple[str, ...]
    ) -> None:
        result = ledgerbridge(*arguments)

        assert result.code == 1
        assert "there is no" in one_sentence(result)

    @pytest.mark.parametrize(
        "arguments",
        [
            ("nonsense",),
            ("log", "--status", "odd"),
            ("log", "--type", "cars"),
            ("log", "--since", "someday"),
            ("retry",),
            ("retry", "--connection", "x"),
            ("log", "--summary"),
            ("connections", "start", "x", "--from", "soon"),
            ("documents", "list", "--limit", "0"),
        ],
    )
    def test_wrong_options_end_with_2(self, ledgerbridge: Run, arguments: tuple[str, ...]) -> None:
        result = ledgerbridge(*arguments)

        assert result.code == 2
        assert "Traceback" not in result.err

    def test_the_unforeseen_is_one_sentence_too(
        self, ledgerbridge: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("cli.entities.running", lambda: 1 / 0)

        result = ledgerbridge("entities", "list")

        assert result.code == 1
        assert "something unforeseen happened (ZeroDivisionError)" in one_sentence(result)


def _commands(group: typer.Typer, path: str = "") -> list[tuple[str, str]]:
    found = []
    for command in group.registered_commands:
        name = command.name or (command.callback.__name__ if command.callback else "")
        found.append(
            (f"{path}{name}", (command.callback.__doc__ or "") if command.callback else "")
        )
    for sub in group.registered_groups:
        assert sub.typer_instance is not None
        found += _commands(sub.typer_instance, f"{path}{sub.name} ")
    return found


@pytest.mark.parametrize(("name", "text"), _commands(app))
def test_every_command_has_an_example(name: str, text: str) -> None:
    assert f"Example: ledgerbridge {name}" in " ".join(text.split())


def test_without_a_terminal_there_is_no_colour(ledgerbridge: Run) -> None:
    assert not sys.stdout.isatty()

    assert "\x1b" not in ledgerbridge("--help").out
