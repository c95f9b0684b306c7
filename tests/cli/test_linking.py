"""Integrators' connections and archived entities, from the command line."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run


@pytest.fixture
def external(ledgerbridge: Run, tmp_path: Path) -> str:
    """An integrator's connection of entity NL; there are also BE and DE."""
    for code in ("NL", "BE", "DE"):
        ledgerbridge(
            *("entities", "add", "--organisation", "Acme", "--code", code),
            *("--legal-name", f"{code} Ltd"),
        )
    (tmp_path / "credentials.json").write_text("{}")
    (tmp_path / "settings.json").write_text(json.dumps({"organisation_id": "HQ"}))
    return connected(ledgerbridge, "NL")


def connected(ledgerbridge: Run, code: str) -> str:
    added = ledgerbridge(
        *("connections", "add", "external", "--entity", code, "--start-date", "2026-01-01"),
        *("--credentials", "credentials.json", "--settings", "settings.json"),
    )
    assert added.code == 0, added.err
    assert "wait for the integrator's program" in added.err
    return added.out.strip()


def test_a_connection_is_linked_to_other_entities(ledgerbridge: Run, external: str) -> None:
    linked = ledgerbridge("connections", "link", external, "--entity", "DE", "--entity", "BE")

    assert linked.code == 0
    assert "It acts for BE, DE now" in linked.err
    assert ledgerbridge("sync", external).code == 1
    assert connected(ledgerbridge, "NL")  # NL is free for another one


def test_an_entity_that_is_taken_is_named_with_its_connection(
    ledgerbridge: Run, external: str
) -> None:
    other = connected(ledgerbridge, "BE")

    linked = ledgerbridge("connections", "link", external, "--entity", "BE")

    assert linked.code == 1
    assert f"billing entity BE has a connection already ({other}" in linked.err


def test_an_external_connection_has_no_address(ledgerbridge: Run, external: str) -> None:
    assert external

    added = ledgerbridge(
        *("connections", "add", "external", "--entity", "BE", "--base-url", "https://example.com"),
        *("--credentials", "credentials.json", "--settings", "settings.json"),
    )

    assert added.code != 0
    assert "has no base URL" in added.err


def test_an_entity_is_archived_and_restored(ledgerbridge: Run, external: str) -> None:
    assert external

    assert ledgerbridge("entities", "archive", "NL").code == 0
    (row,) = [row for row in ledgerbridge("entities", "list", "--json").rows if row["code"] == "NL"]
    assert row["archived"] is True
    assert "archived" in ledgerbridge("entities", "archive", "NL").err
    assert ledgerbridge("entities", "archive", "NL", "--undo").code == 0
