"""The README's way with QuickBooks: connect, import, sync with faults, prove; two countries."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.quickbooks.simulator import Company, QuickBooks, QuickBooksRules
from connectors.simulator import Fault
from models.canonical import (
    Allocation,
    AnyRecord,
    Bill,
    Contact,
    ContactRole,
    CreditNote,
    Invoice,
    JournalEntry,
    JournalLine,
    ObjectType,
    Payment,
    Side,
)
from tests.cli.conftest import Run
from tests.connectors.quickbooks.bench import DAY, UNLIMITED

COUNTRIES = {"uk": "20", "us": "0"}
"""With the tax rate of our samples."""
LOST = {
    "uk": {"Customer": "", "Bill": "", "writes": "LinkedTxn"},
    "us": {"writes": "INV-"},
}
"""Writes whose first answer is lost after commit, with what they contain."""


@pytest.fixture
def quickbooks(monkeypatch: pytest.MonkeyPatch) -> Iterator[QuickBooks]:
    """A served QuickBooks that connections may use, and how we are registered there."""
    server = QuickBooks(QuickBooksRules(**UNLIMITED))
    app = {"client_id": server.rules.client_id, "client_secret": server.rules.client_secret}
    with server.running() as url:
        monkeypatch.setenv("LEDGERBRIDGE_ALLOWED_BASE_URLS", url)
        monkeypatch.setenv("LEDGERBRIDGE_OAUTH_APPS", json.dumps({"quickbooks": app}))
        monkeypatch.setenv("LEDGERBRIDGE_FIRST_CHECK_SECONDS", "0.1")
        yield server
    assert server.crashes == []


def connected(
    ledgerbridge: Run, quickbooks: QuickBooks, company: Company, tmp_path: Path, **settings: Any
) -> str:
    """A connection of a new billing entity."""
    given = {
        "default_sales_account": company.known.sales_code,
        "default_purchase_account": company.known.purchases_code,
        "payment_account": company.known.bank_code,
        "consistency_delay_seconds": 0,
        **settings,
    }
    files = {"credentials": quickbooks.credentials(company), "settings": given}
    for name, content in files.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    ledgerbridge("entities", "add", "--organisation", "A", "--code", "X", "--legal-name", "A")
    added = ledgerbridge(
        *("connections", "add", "quickbooks", "--entity", "X"),
        *("--base-url", quickbooks.base_url, "--start-date", "2026-09-01"),
        *("--credentials", "credentials.json", "--settings", "settings.json"),
    )
    assert added.code == 0, added.err
    return added.out.strip()


def documents(company: Company, rate: str) -> list[AnyRecord]:
    """One of everything, in the words of a product that knows nothing of QuickBooks."""

    def sums(net: str, *, taxed: str = rate, **fields: Any) -> dict[str, Any]:
        tax = str(float(net) * int(taxed) / 100)
        line = {
            "description": "Freight",
            "unit_price": net,
            "net_amount": net,
            "tax_rate": taxed,
        }
        return {
            "issue_date": DAY,
            "currency": company.currency,
            "contact_id": "both",
            "lines": [line],
            "tax_breakdown": [{"rate": taxed, "taxable_amount": net, "tax_amount": tax}],
            "net_total": net,
            "tax_total": tax,
            "total": str(float(net) + float(tax)),
            **fields,
        }

    def paid(name: str, side: Side, amount: str, **parts: tuple[ObjectType, str]) -> Payment:
        return Payment.model_validate(
            {
                "id": name,
                "side": side,
                "date": DAY,
                "amount": amount,
                "currency": company.currency,
                "contact_id": "both",
                "allocations": [
                    Allocation.model_validate(
                        {"document_type": kind, "document_id": one, "amount": share}
                    )
                    for one, (kind, share) in parts.items()
                ],
            }
        )

    bill, invoice, note = ObjectType.BILL, ObjectType.INVOICE, ObjectType.CREDIT_NOTE
    return [
        Contact(id="both", name="Rossi SpA", roles=(ContactRole.CUSTOMER, ContactRole.SUPPLIER)),
        *(
            Invoice.model_validate({"id": f"inv{one}", "number": f"INV-{one}", **sums("100.00")})
            for one in range(3)
        ),
        Bill.model_validate({"id": "bill", "number": "B-1", **sums("80.00", taxed=rate)}),
        CreditNote.model_validate({"id": "cn", "number": "CN-1", **sums("40.00")}),
        CreditNote.model_validate(
            {"id": "vc", "number": "VC-1", "side": "supplier", **sums("10.00")}
        ),
        paid(
            "received",
            Side.CUSTOMER,
            "150.00",
            inv0=(invoice, "100.00"),
            inv1=(invoice, "60.00"),
            inv2=(invoice, "20.00"),
            cn=(note, "40.00"),
        ),
        paid("sent", Side.SUPPLIER, "50.00", bill=(bill, "60.00"), vc=(note, "10.00")),
        JournalEntry(
            id="je",
            number="JE-1",
            date=DAY,
            currency=company.currency,
            lines=(
                JournalLine(account_id=company.known.purchases_code, debit="7"),
                JournalLine(account_id=company.known.bank_code, credit="7"),
            ),
        ),
    ]


@pytest.mark.parametrize("country", sorted(COUNTRIES))
def test_everything_arrives_once_and_is_proven_although_answers_are_lost(
    ledgerbridge: Run, quickbooks: QuickBooks, tmp_path: Path, country: str
) -> None:
    company: Company = getattr(quickbooks, country)
    given = documents(company, COUNTRIES[country])
    lines = "\n".join(one.model_dump_json(exclude_none=True) for one in given)
    (tmp_path / "documents.jsonl").write_text(lines)
    connection = connected(ledgerbridge, quickbooks, company, tmp_path)
    imported = ledgerbridge("documents", "import", "documents.jsonl", "--entity", "X")
    assert imported.code == 0, imported.err
    for what, content in LOST[country].items():
        quickbooks.arm(Fault.DROP_AFTER, what, body=content)

    synced = ledgerbridge("sync", connection, "--inline")

    assert synced.code == 0, synced.err + ledgerbridge("issues", "--json").out
    assert quickbooks.faults.armed == 0
    log = ledgerbridge("log", "--connection", connection, "--json").rows
    ours = {row["external_id"]: row["status"] for row in log if row["ours"]}
    assert set(ours.values()) == {"done"}, (ours, ledgerbridge("issues").out)
    assert quickbooks.twice() == []
    open_amounts = {
        row["DocNumber"]: str(row["Balance"])
        for entity in ("Invoice", "Bill")
        for row in company.rows(entity)
    }
    assert open_amounts["INV-0"] != open_amounts["INV-2"]
    proof = ledgerbridge("reconcile", connection)
    assert proof.code == 0, proof.out + proof.err


def test_what_people_changed_elsewhere_does_not_keep_our_change_back(
    ledgerbridge: Run, quickbooks: QuickBooks, tmp_path: Path
) -> None:
    company = quickbooks.uk
    given = documents(company, "20")[:2]
    path = tmp_path / "documents.jsonl"
    path.write_text("\n".join(one.model_dump_json(exclude_none=True) for one in given))
    items = {company.known.sales: company.known.item}
    connection = connected(ledgerbridge, quickbooks, company, tmp_path, items=items)
    ledgerbridge("documents", "import", "documents.jsonl", "--entity", "X")
    ledgerbridge("sync", connection, "--inline")
    (row,) = company.rows("Invoice")
    company.edit("Invoice", row["Id"], CustomerMemo={"value": "Thank you"})
    invoice = given[1].model_copy(update={"due_date": DAY.replace(day=30)})
    path.write_text(invoice.model_dump_json(exclude_none=True))
    ledgerbridge("documents", "import", "documents.jsonl", "--entity", "X")

    synced = ledgerbridge("sync", connection, "--only", "push", "--inline")

    assert synced.code == 0, synced.err + ledgerbridge("issues", "--json").out
    (row,) = company.rows("Invoice")
    assert row["DueDate"] == "2026-09-30"
    assert row["CustomerMemo"] == {"value": "Thank you"}
    assert quickbooks.calls["update Invoice"] == 2
