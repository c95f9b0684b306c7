"""The command line in this process, against the run's own servers and a served plain ledger."""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from cli.main import main
from connectors.memory.simulator import PlainLedger
from models.crypto import new_key
from tests.secrets import shown_in


@dataclass(frozen=True)
class Result:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Standard output as JSON Lines."""
        return [json.loads(line) for line in self.out.splitlines()]


Run = Callable[..., Result]


@pytest.fixture
def ledgerbridge(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    database: sqlalchemy.Engine,
    database_url: str,
    redis_url: str,
    tmp_path: Path,
) -> Run:
    """Runs a command and gives its exit code and what it printed."""
    assert database is not None
    monkeypatch.setenv("LEDGERBRIDGE_DATABASE_URL", database_url)
    monkeypatch.setenv("LEDGERBRIDGE_REDIS_URL", redis_url)
    monkeypatch.setenv("LEDGERBRIDGE_CREDENTIALS_KEYS", new_key())
    monkeypatch.setenv("LEDGERBRIDGE_ALLOWED_BASE_URLS", "http://127.0.0.1:1")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Result:
        monkeypatch.setattr(sys, "argv", ["ledgerbridge", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        assert shown_in(captured.out + captured.err) == []
        code = ended.value.code
        return Result(code if isinstance(code, int) else 0, captured.out, captured.err)

    return run


@pytest.fixture
def ledger() -> PlainLedger:
    """An easy-going ledger."""
    return PlainLedger()


@pytest.fixture
def address(ledger: PlainLedger, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where it is served; connections may use the address."""
    with ledger.running() as url:
        monkeypatch.setenv("LEDGERBRIDGE_ALLOWED_BASE_URLS", url)
        yield url


@pytest.fixture
def connection(ledgerbridge: Run, address: str, ledger: PlainLedger, tmp_path: Path) -> str:
    """A connection made with the commands that the README names; its id."""
    credentials = tmp_path / "credentials.json"
    credentials.write_text(json.dumps({"api_key": ledger.rules.api_key}))
    settings = tmp_path / "settings.json"
    settings.write_text(
        json.dumps(
            {
                "default_sales_account": "706000",
                "default_purchase_account": "607000",
                "payment_account": "512000",
            }
        )
    )
    ledgerbridge(
        *("entities", "add", "--organisation", "Acme", "--code", "FR"),
        *("--legal-name", "Acme SARL", "--default"),
    )
    added = ledgerbridge(
        *("connections", "add", "memory", "--entity", "FR", "--base-url", address),
        *("--credentials", str(credentials), "--settings", str(settings)),
        *("--start-date", "2026-01-01"),
    )
    assert added.code == 0, added.err
    return added.out.strip()
