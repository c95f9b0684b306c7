"""The README's way through Apideck: connect, import, sync with faults, prove; on four ledgers."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.apideck.simulator import Apideck
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
from tests.connectors.apideck.bench import DAY, PROFILES, ApideckBench, cents

LOST = {
    "xero": ("bills", "payments"),
    "quickbooks": ("payments",),
    "workday": ("invoices", "bill-payments"),
    "netsuite": ("bill-payments",),
}
"""Creations whose first answer is lost after commit; every one costs a look-up a second later."""


@pytest.fixture(params=PROFILES)
def apideck(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Apideck]:
    """A served Apideck that connections may use."""
    server = Apideck(request.param)
    with server.running() as url:
        monkeypatch.setenv("LEDGERBRIDGE_ALLOWED_BASE_URLS", url)
        yield server
    assert server.crashes == []


def settings_of(apideck: Apideck) -> dict[str, Any]:
    """What a connection to a ledger must be told."""
    codes = {row["id"]: row["code"] for row in apideck.documents("ledger-accounts")}
    return {
        "service_id": apideck.profile.service_id,
        "default_sales_account": codes[apideck.known.sales],
        "default_purchase_account": codes[apideck.known.purchases],
        "payment_account": codes[apideck.known.bank],
        "payment_method": "Check",
    }


def documents(apideck: Apideck) -> list[AnyRecord]:
    """One of everything, in the words of a product that knows nothing of Apideck."""
    bench = ApideckBench(apideck=apideck)
    rate, currency = bench.percent[apideck.known.standard], bench.currency
    line = {
        "description": "Freight",
        "unit_price": "100.00",
        "net_amount": "100.00",
        "tax_rate": str(rate),
    }
    sums: dict[str, Any] = {
        "issue_date": DAY,
        "currency": currency,
        "lines": [line],
        "tax_breakdown": [{"rate": rate, "taxable_amount": "100.00", "tax_amount": cents(rate)}],
        "net_total": "100.00",
        "tax_total": cents(rate),
        "total": 100 + cents(rate),
    }
    codes = {row["id"]: row["code"] for row in apideck.documents("ledger-accounts")}
    entry = (
        JournalLine(account_id=codes[apideck.known.purchases], debit=Decimal(7)),
        JournalLine(account_id=codes[apideck.known.bank], credit=Decimal(7)),
    )

    def paid(kind: ObjectType, number: str, side: Side) -> Payment:
        part = {"document_type": kind, "document_id": number, "amount": "60.00"}
        return Payment(
            id=f"pay-{number}",
            side=side,
            date=DAY,
            amount=Decimal("60.00"),
            currency=currency,
            contact_id="both",
            allocations=(Allocation.model_validate(part),),
        )

    roles = (ContactRole.CUSTOMER, ContactRole.SUPPLIER)
    return [
        Contact(id="both", name="Rossi SpA", roles=roles),
        Invoice.model_validate({"id": "inv", "number": "INV-1", "contact_id": "both", **sums}),
        Bill.model_validate({"id": "bill", "number": "B-1", "contact_id": "both", **sums}),
        CreditNote.model_validate({"id": "cn", "number": "CN-1", "contact_id": "both", **sums}),
        paid(ObjectType.INVOICE, "inv", Side.CUSTOMER),
        paid(ObjectType.BILL, "bill", Side.SUPPLIER),
        JournalEntry(id="je", number="JE-1", date=DAY, currency=currency, lines=entry),
    ]


def connected(ledgerbridge: Run, apideck: Apideck, tmp_path: Path) -> str:
    """A connection of a new billing entity."""
    settings = {**settings_of(apideck), "consistency_delay_seconds": 0}
    for name, content in (("credentials", apideck.credentials), ("settings", settings)):
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    ledgerbridge("entities", "add", "--organisation", "A", "--code", "X", "--legal-name", "A")
    added = ledgerbridge(
        *("connections", "add", "apideck", "--entity", "X", "--base-url", apideck.base_url),
        *("--credentials", "credentials.json", "--settings", "settings.json"),
        *("--start-date", "2026-09-01"),
    )
    assert added.code == 0, added.err
    return added.out.strip()


def test_everything_arrives_once_and_is_proven_although_answers_are_lost(
    ledgerbridge: Run, apideck: Apideck, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEDGERBRIDGE_FIRST_CHECK_SECONDS", "0.1")
    given = documents(apideck)
    lines = "\n".join(one.model_dump_json(exclude_none=True) for one in given)
    (tmp_path / "documents.jsonl").write_text(lines)
    connection = connected(ledgerbridge, apideck, tmp_path)
    imported = ledgerbridge("documents", "import", "documents.jsonl", "--entity", "X")
    assert imported.code == 0, imported.err
    for resource in LOST[apideck.profile.service_id]:
        apideck.lose_answer(resource)

    synced = ledgerbridge("sync", connection, "--inline")

    assert synced.code == 0, synced.err + ledgerbridge("issues", "--json").out
    log = ledgerbridge("log", "--connection", connection, "--json").rows
    ours = {row["external_id"]: row["status"] for row in log if row["ours"]}
    assert set(ours.values()) == {"done"}, (ours, ledgerbridge("issues").out)
    assert apideck.twice() == []
    proof = ledgerbridge("reconcile", connection)
    assert proof.code == 0, proof.out + proof.err


@pytest.mark.parametrize("apideck", ["xero"], indirect=True)
def test_a_plan_that_is_used_up_is_said(
    ledgerbridge: Run, apideck: Apideck, tmp_path: Path
) -> None:
    connection = connected(ledgerbridge, apideck, tmp_path)
    apideck.use_quota_up()

    ledgerbridge("sync", connection, "--inline")
    (issue,) = ledgerbridge("issues", "--json").rows

    assert issue["code"] == "plan_quota_used_up"
    assert "The plan with Apideck is used up" in issue["sentence"]
