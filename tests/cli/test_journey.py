"""The way that the README shows: connect, import, sync, understand, fix, prove."""

from pathlib import Path

import pytest

from connectors.memory.simulator import PlainLedger
from connectors.simulator import Fault
from models.canonical import ObjectType
from tests.cli.conftest import Run
from tests.factories import (
    a_bill,
    a_contact,
    a_line,
    a_payment,
    a_supplier,
    an_invoice,
)
from tests.sync.test_documents import as_json


def written(folder: Path, *records: object) -> str:
    """A file of JSON Lines."""
    path = folder / "documents.jsonl"
    path.write_text("".join(f"{as_json(record)}\n" for record in records))
    return str(path)


@pytest.fixture
def books(ledgerbridge: Run, connection: str, tmp_path: Path) -> str:
    """A connection with documents, two of which wait for a tax rate."""
    odd = (a_line(rate="8.5"),)
    file = written(
        tmp_path,
        *(a_contact(), a_supplier(), an_invoice("I-1"), an_invoice("I-2", lines=odd)),
        *(a_bill(), a_payment(), a_payment("Z-2", amount="10.00", pays={"I-2": "10.00"})),
    )
    imported = ledgerbridge("documents", "import", file, "--entity", "FR")
    assert imported.code == 0, imported.err
    return connection


def test_a_sync_moves_the_documents_and_says_what_it_did(
    ledgerbridge: Run, books: str, ledger: PlainLedger
) -> None:
    synced = ledgerbridge("sync", books, "--inline")

    assert synced.code == 1  # two records wait for a person
    assert "partial: Done, but 2 records wait for a person" in synced.err
    assert len(ledger.documents(ObjectType.INVOICE)) == 1
    assert len(ledger.documents(ObjectType.PAYMENT)) == 1


def test_an_issue_is_fixed_once_and_everything_behind_it_goes_out(
    ledgerbridge: Run, books: str, ledger: PlainLedger
) -> None:
    ledgerbridge("sync", books, "--inline")
    (issue,) = ledgerbridge("issues", "--json").rows
    assert (issue["records"], issue["actor"]) == (2, "bookkeeper")
    assert issue["sentence"] == "Tax rate 8.5 % has no counterpart in Plain ledger."

    mapped = ledgerbridge("map", "tax-rate", "--connection", books, "8.5", "VAT 20 %")
    ledgerbridge("sync", books, "--inline", "--only", "push")

    assert "2 records go on" in mapped.err
    assert len(ledger.documents(ObjectType.INVOICE)) == 2
    assert len(ledger.documents(ObjectType.PAYMENT)) == 2


def test_the_log_and_a_record_tell_what_happened(
    ledgerbridge: Run, books: str, ledger: PlainLedger
) -> None:
    ledger.faults.arm(Fault.DROP_AFTER, method="POST", path="/invoices")
    ledgerbridge("sync", books, "--inline")

    (line,) = [
        row
        for row in ledgerbridge("log", "--type", "invoices", "--json").rows
        if row["external_id"] == "I-1"
    ]
    (record,) = ledgerbridge("record", line["id"], "--json").rows

    assert [one["operation"] for one in record["tries"]] == ["create", "look_up"]
    assert [one["outcome"] for one in record["tries"]] == ["unknown", "found"]
    shown = ledgerbridge("record", line["id"][-8:])
    assert "broke off" in shown.out


def test_the_log_says_what_waits_for_a_person_in_the_words_of_the_contract(
    ledgerbridge: Run, books: str
) -> None:
    ledgerbridge("sync", books, "--inline")

    blocked = ledgerbridge("log", "--status", "blocked", "--json").rows

    assert {(row["type"], row["sync_status"]) for row in blocked} == {
        ("invoice", "error"),  # an issue must be closed
        ("payment", "pending"),  # waits for the invoice
    }


def test_the_summary_says_how_many_stand_where(ledgerbridge: Run, books: str) -> None:
    ledgerbridge("sync", books, "--inline")

    shown = ledgerbridge("log", "--summary", "--connection", books)
    rows = ledgerbridge("log", "--summary", "--connection", books, "--json").rows

    assert [line.split() for line in shown.out.splitlines() if "invoices" in line] == [
        ["invoices", "1", "1"]
    ]
    assert {(row["type"], row["status"]): row["count"] for row in rows} == {
        ("contact", "done"): 2,
        ("invoice", "done"): 1,
        ("invoice", "blocked"): 1,
        ("bill", "done"): 1,
        ("payment", "done"): 1,
        ("payment", "blocked"): 1,
    }


def test_reconciliation_explains_what_waits(ledgerbridge: Run, books: str) -> None:
    ledgerbridge("sync", books, "--inline")

    result = ledgerbridge("reconcile", books)
    rows = ledgerbridge("reconcile", books, "--json").rows

    assert result.code == 0
    assert "Every difference is explained." in result.err
    invoices = next(row for row in rows if row["type"] == "invoice")
    assert (invoices["our_count"], invoices["their_count"]) == (2, 1)
    assert invoices["differences"][0]["reason"] == "not pushed"


def test_reconciliation_ends_with_1_when_something_is_unexplained(
    ledgerbridge: Run, books: str, ledger: PlainLedger
) -> None:
    ledgerbridge("sync", books, "--inline")
    (bill,) = ledger.documents(ObjectType.BILL)
    ledger.edit(ObjectType.BILL, bill.id, total=1)

    assert ledgerbridge("reconcile", books).code == 1


def test_importing_the_same_file_again_changes_nothing(ledgerbridge: Run, books: str) -> None:
    assert books

    again = ledgerbridge("documents", "import", "documents.jsonl", "--entity", "FR", "--json")

    assert again.rows == [
        {"created": 0, "changed": 0, "unchanged": 7, "repeated": [], "refused": []}
    ]


def test_a_bad_line_is_named_and_the_others_go_in(
    ledgerbridge: Run, connection: str, tmp_path: Path
) -> None:
    assert connection
    file = tmp_path / "mixed.jsonl"
    file.write_text(f"{as_json(a_contact())}\n{{broken\n{as_json(an_invoice(), total='1')}\n")

    imported = ledgerbridge("documents", "import", str(file), "--entity", "FR")

    assert imported.code == 1
    assert "line 2: document was not taken: it is not JSON" in imported.err
    assert "line 3: invoice I-1 was not taken: total: 1.00 EUR is stated" in imported.err
    assert "1 document new" in imported.err


def test_settle_and_skip_need_the_ledger_and_a_reason(
    ledgerbridge: Run, books: str, ledger: PlainLedger
) -> None:
    ledgerbridge("sync", books, "--inline")
    line = next(
        row
        for row in ledgerbridge("log", "--json").rows
        if row["external_id"] == "I-2" and row["ours"]
    )

    wrong = ledgerbridge("settle", line["id"], "--platform-id", "nope", "--reason", "by hand")
    skipped = ledgerbridge("skip", line["id"], "--reason", "a test invoice")

    assert (wrong.code, skipped.code) == (1, 0)
    assert "the ledger has no invoice nope" in wrong.err
    assert ledgerbridge("retry", line["id"]).code == 0
    assert len(ledger.documents(ObjectType.INVOICE)) == 1


def test_pausing_holds_everything(ledgerbridge: Run, books: str) -> None:
    ledgerbridge("connections", "pause", books)

    refused = ledgerbridge("sync", books, "--inline")
    (shown,) = ledgerbridge("connections", "show", books, "--json").rows

    assert refused.code == 1
    assert "the connection is paused, so it cannot be synced" in refused.err
    assert {row["status"] for row in shown["records"]} == {"held"}
    assert ledgerbridge("connections", "resume", books).code == 0


def test_keys_are_rotated_without_new_credentials(
    ledgerbridge: Run, books: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os  # noqa: PLC0415

    from models.crypto import new_key  # noqa: PLC0415

    new, old = new_key(), os.environ["LEDGERBRIDGE_CREDENTIALS_KEYS"]
    monkeypatch.setenv("LEDGERBRIDGE_CREDENTIALS_KEYS", f"{new},{old}")

    rotated = ledgerbridge("keys", "rotate")
    monkeypatch.setenv("LEDGERBRIDGE_CREDENTIALS_KEYS", new)

    assert "1 set of credentials" in rotated.err
    assert ledgerbridge("connections", "check", books).code == 0


def test_runs_are_listed_with_their_counts(ledgerbridge: Run, books: str) -> None:
    ledgerbridge("sync", books, "--inline")

    (run,) = ledgerbridge("runs", books, "--json").rows

    assert run["status"] == "partial"
    assert run["counts"]["invoice"]["pushed"] == 1
    assert run["provider_calls"] > 0


def test_a_triggered_sync_is_queued_for_workers(ledgerbridge: Run, books: str) -> None:
    queued = ledgerbridge("sync", books)

    assert queued.code == 0
    assert ledgerbridge("runs", books, "--json").rows[0]["status"] == "queued"
