"""`ledgerbridge usage`: a vendor's file of charges, from a marketplace that answers at once."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.faults import Fault
from connectors.softwareone.simulator import Marketplace
from tests.cli.conftest import Run


@pytest.fixture
def marketplace(monkeypatch: pytest.MonkeyPatch) -> Iterator[Marketplace]:
    """A served Marketplace that validates at once."""
    served = Marketplace(steps_take=timedelta(0))
    with served.running() as url:
        monkeypatch.setenv("LEDGERBRIDGE_ALLOWED_BASE_URLS", url)
        yield served
    assert served.crashes == []


@pytest.fixture
def vendor(ledgerbridge: Run, marketplace: Marketplace, tmp_path: Path) -> str:
    """A connection to the vendor's account."""
    (tmp_path / "token.json").write_text(json.dumps(marketplace.credentials("vendor")))
    (tmp_path / "settings.json").write_text(json.dumps({"account_role": "vendor"}))
    ledgerbridge("entities", "add", "--organisation", "A", "--code", "V", "--legal-name", "V")
    added = ledgerbridge(
        *("connections", "add", "softwareone", "--entity", "V"),
        *("--base-url", marketplace.base_url),
        *("--credentials", "token.json", "--settings", "settings.json"),
    )
    assert added.code == 0, added.err
    return added.out.strip()


def charges(marketplace: Marketplace, path: Path, *numbers: int) -> None:
    known = marketplace.known
    lines = [
        {
            "externalIds": {"vendor": f"E-{number}", "invoice": "V-1"},
            "search": {
                "source": {"type": "Subscription", "criteria": "id", "value": known.subscription},
                "item": {"criteria": "item.id", "value": known.item},
            },
            "period": {"start": "2026-10-01", "end": "2026-10-31"},
            "quantity": 2,
            "price": {"unitPP": 10.25, "PPx1": 20.5},
            "segment": "COM",
            "description": {"value1": "Usage"},
        }
        for number in numbers
    ]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def test_a_file_is_handed_in_and_followed_to_its_end(
    ledgerbridge: Run, marketplace: Marketplace, vendor: str, tmp_path: Path
) -> None:
    charges(marketplace, tmp_path / "october.jsonl", 1, 2, 3)

    sent = ledgerbridge(
        *("usage", "send", vendor, "october.jsonl", "--key", "2026-10", "--wait"),
        *("--option", f"authorization_id={marketplace.known.authorization}"),
    )

    assert sent.code == 0, sent.err
    assert "done" in sent.out
    (journal,) = marketplace.journals(external_id="2026-10")
    assert len(marketplace.charges(journal["id"])) == 3
    (listed,) = ledgerbridge("usage", "list", "--json").rows
    assert (listed["key"], listed["status"], listed["problems"]) == ("2026-10", "done", [])
    shown = ledgerbridge("usage", "show", listed["id"][-8:])
    assert "october.jsonl" in shown.out


def test_what_is_wrong_is_said_in_a_sentence(
    ledgerbridge: Run, marketplace: Marketplace, vendor: str, tmp_path: Path
) -> None:
    charges(marketplace, tmp_path / "twice.jsonl", 1, 2, 1)
    authorization = f"authorization_id={marketplace.known.authorization}"
    send = ("usage", "send", vendor)

    missing = ledgerbridge(*send, "nowhere.jsonl", "--key", "1", "--option", authorization)
    bare = ledgerbridge(*send, "twice.jsonl", "--key", "1")
    twice = ledgerbridge(*send, "twice.jsonl", "--key", "1", "--option", authorization)
    pair = ledgerbridge(*send, "twice.jsonl", "--key", "1", "--option", "authorization_id")

    assert (missing.code, bare.code, twice.code, pair.code) == (2, 2, 1, 2)
    assert "there is no file nowhere.jsonl" in missing.err
    assert "authorization_id" in bare.err
    assert "line 3" in twice.err
    assert "is not NAME=VALUE" in pair.err
    assert marketplace.journals(external_id="1") == []


def test_nobody_waits_for_a_connection_that_must_be_authorized_anew(
    ledgerbridge: Run, marketplace: Marketplace, vendor: str, tmp_path: Path
) -> None:
    charges(marketplace, tmp_path / "october.jsonl", 1)
    marketplace.faults.arm(Fault.EXPIRED, method="GET", path=".*/journals.*", times=1)

    sent = ledgerbridge(
        *("usage", "send", vendor, "october.jsonl", "--key", "2026-10", "--wait"),
        *("--option", f"authorization_id={marketplace.known.authorization}"),
    )

    assert sent.code == 0
    assert "open" in sent.out + sent.err
