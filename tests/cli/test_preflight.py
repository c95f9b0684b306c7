"""`preflight` and `preview` as people and scripts meet them."""

from datetime import date
from pathlib import Path

from connectors.memory.simulator import PlainLedger
from models.canonical import ObjectType
from tests.cli.conftest import Run
from tests.factories import a_contact, a_line, a_payment, an_invoice
from tests.sync.test_documents import as_json


def handed_in(ledgerbridge: Run, folder: Path, *records: object) -> None:
    """Documents imported from a file."""
    path = folder / "documents.jsonl"
    path.write_text("".join(f"{as_json(record)}\n" for record in records))
    assert ledgerbridge("documents", "import", str(path), "--entity", "FR").code == 0


def record_of(ledgerbridge: Run, external_id: str) -> str:
    """The id of a document's record."""
    rows = ledgerbridge("log", "--json").rows
    return next(str(row["id"]) for row in rows if row["external_id"] == external_id and row["ours"])


ODD = (a_line(rate="8.5"),)


def test_what_waits_is_said_in_blocks_and_ends_with_1(
    ledgerbridge: Run, connection: str, ledger: PlainLedger, tmp_path: Path
) -> None:
    ledgerbridge("sync", connection, "--inline")
    handed_in(
        *(ledgerbridge, tmp_path, a_contact(), an_invoice("I-1"), an_invoice("I-2", lines=ODD)),
        a_payment(pays={"I-2": "10.00"}, amount="10.00"),
    )
    before = ledger.requests.copy()

    shown = ledgerbridge("preflight", connection[-8:])

    assert shown.code == 1
    assert shown.out.splitlines()[:6] == [
        "2 records would post.",
        "  1 of them after a document that they name.",
        "",
        "Tax rate 8.5 % has no counterpart in Plain ledger.",
        "  2 records would wait · for a bookkeeper",
        (
            "  Create the rate in Plain ledger and sync, or map it to an existing one: "
            f"`ledgerbridge map tax-rate --connection {connection[-8:]} 8.5 RATE_IN_LEDGER`."
        ),
    ]
    assert "Invoice INV-I-2, Payment PAY-Z-1" in shown.out
    assert "The ledger was not asked" in shown.err
    assert ledger.requests == before


def test_the_same_as_rows(ledgerbridge: Run, connection: str, tmp_path: Path) -> None:
    ledgerbridge("sync", connection, "--inline")
    handed_in(ledgerbridge, tmp_path, a_contact(), an_invoice(lines=ODD))
    record = record_of(ledgerbridge, "I-1")

    answer = ledgerbridge("preflight", connection, "--json")

    assert answer.code == 1
    posts, there, never, waits = answer.rows
    assert posts == {
        "result": "would_post",
        "records": 1,
        "after_parent": 0,
        "refused_before": 0,
    }
    assert (there["records"], never["records"]) == (0, 0)
    assert (waits["result"], waits["code"], waits["subject"]) == (
        "waits",
        "tax_rate_unmapped",
        "8.5",
    )
    assert waits["documents"] == [{"record": record, "document": "Invoice INV-I-1"}]


def test_when_everything_would_post_it_ends_with_0(
    ledgerbridge: Run, connection: str, tmp_path: Path
) -> None:
    ledgerbridge("sync", connection, "--inline")

    empty = ledgerbridge("preflight", connection)
    handed_in(ledgerbridge, tmp_path, a_contact(), an_invoice())
    full = ledgerbridge("preflight", connection)

    assert (empty.code, empty.err.strip()) == (0, "Nothing waits to be posted.")
    assert (full.code, full.out.splitlines()[0]) == (0, "2 records would post.")


def test_one_document_alone(ledgerbridge: Run, connection: str, tmp_path: Path) -> None:
    ledgerbridge("sync", connection, "--inline")
    handed_in(ledgerbridge, tmp_path, a_contact(), an_invoice("I-1"), an_invoice("I-2", lines=ODD))
    documents = {
        row["external_id"]: row for row in ledgerbridge("documents", "list", "--json").rows
    }

    good = ledgerbridge("preflight", connection, "--document", documents["I-1"]["id"])
    bad = ledgerbridge("preflight", connection, "--document", documents["I-2"]["id"][-8:])

    assert (good.code, bad.code) == (0, 1)
    assert good.out.splitlines()[0] == "1 record would post."


def test_a_paused_connection_is_said_first(
    ledgerbridge: Run, connection: str, tmp_path: Path
) -> None:
    ledgerbridge("sync", connection, "--inline")
    handed_in(ledgerbridge, tmp_path, a_contact())
    ledgerbridge("connections", "pause", connection)

    shown = ledgerbridge("preflight", connection)

    assert shown.code == 1
    assert shown.out.splitlines()[0] == "The connection to Plain ledger is paused."
    assert "1 record would post." in shown.out
    rows = ledgerbridge("preflight", connection, "--json").rows
    assert rows[3]["result"] == "connection"


def test_what_was_refused_is_told_apart(
    ledgerbridge: Run, connection: str, ledger: PlainLedger, tmp_path: Path
) -> None:
    ledger.change(closed_until=date(2026, 3, 31))
    handed_in(ledgerbridge, tmp_path, a_contact(), an_invoice())
    ledgerbridge("sync", connection, "--inline")

    shown = ledgerbridge("preflight", connection)

    assert "1 of them was stopped before and goes out after a `ledgerbridge retry`" in shown.out


def test_a_preview_shows_the_difference_and_the_payload(
    ledgerbridge: Run, connection: str, ledger: PlainLedger, tmp_path: Path
) -> None:
    handed_in(ledgerbridge, tmp_path, a_contact(), an_invoice())
    ledgerbridge("sync", connection, "--inline")
    handed_in(ledgerbridge, tmp_path, an_invoice(net="200.00"))
    record = record_of(ledgerbridge, "I-1")
    before = ledger.requests.copy()

    shown = ledgerbridge("preview", record[-8:])
    (row,) = ledgerbridge("preview", record, "--json").rows

    assert shown.code == 0
    assert ["would", "be", "sent", "update"] in [line.split() for line in shown.out.splitlines()]
    assert ["total", "240.00", "EUR", "120.00", "EUR"] in [
        line.split() for line in shown.out.splitlines()
    ]
    assert '"tax_rate_id": "vat-20"' in shown.out
    (there,) = ledger.documents(ObjectType.INVOICE)
    assert (row["operation"], row["platform_object_id"]) == ("update", there.id)
    assert {"field": "total", "ours": "240.00 EUR", "ledger": "120.00 EUR"} in row["differences"]
    assert row["payload"]["lines"][0]["tax_rate_id"] == "vat-20"
    assert ledger.requests == before


def test_a_preview_of_what_waits_says_why(
    ledgerbridge: Run, connection: str, tmp_path: Path
) -> None:
    ledgerbridge("sync", connection, "--inline")
    handed_in(ledgerbridge, tmp_path, a_contact(), an_invoice(lines=ODD))
    record = record_of(ledgerbridge, "I-1")

    shown = ledgerbridge("preview", record)
    (row,) = ledgerbridge("preview", record, "--json").rows

    assert "Tax rate 8.5 % has no counterpart in Plain ledger." in shown.out
    assert (row["operation"], row["code"], row["payload"]) == (
        "nothing",
        "tax_rate_unmapped",
        None,
    )


def test_ids_that_lead_nowhere_are_one_sentence(ledgerbridge: Run, connection: str) -> None:
    nowhere = "00000000-0000-7000-8000-000000000000"

    answers = [
        ledgerbridge("preflight", nowhere),
        ledgerbridge("preflight", connection, "--document", nowhere),
        ledgerbridge("preview", nowhere),
        ledgerbridge("preview", "zzzz"),
    ]

    assert [answer.code for answer in answers] == [1] * 4
    assert [answer.err.count("\n") for answer in answers] == [1] * 4
