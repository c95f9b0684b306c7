"""The README's way with Xero: connect, import, sync with faults, prove."""

import itertools
import json
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.faults import Fault
from connectors.xero.simulator import Xero
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
from tests.connectors.xero.bench import DAY

LOST = ("Invoices", "Payments", "BatchPayments")
"""Whose first answer is lost after commit; every one costs a look-up a second later.

Not more of them: Xero allows 60 calls a minute, and the processes of a test keep to it.
"""
_seeds = itertools.count(int(time.time()))
"""Other organisations for every test: what they may ask for in a minute is counted in Redis."""


@pytest.fixture
def xero(monkeypatch: pytest.MonkeyPatch) -> Iterator[Xero]:
    """A served Xero that connections may use, and how we are registered there."""
    server = Xero(seed=next(_seeds))
    rules = server.rules
    app = {"client_id": rules.client_id, "client_secret": rules.client_secret}
    with server.running() as url:
        monkeypatch.setenv("LEDGERBRIDGE_ALLOWED_BASE_URLS", url)
        monkeypatch.setenv("LEDGERBRIDGE_OAUTH_APPS", json.dumps({"xero": app}))
        yield server
    assert server.crashes == []


def documents(xero: Xero) -> list[AnyRecord]:
    """One of everything, in the words of a product that knows nothing of Xero."""
    known, currency = xero.uk.known, xero.uk.currency
    line = {
        "description": "Freight",
        "unit_price": "100.00",
        "net_amount": "100.00",
        "tax_rate": "20",
    }
    sums: dict[str, Any] = {
        "issue_date": DAY,
        "due_date": DAY,
        "currency": currency,
        "lines": [line],
        "tax_breakdown": [{"rate": "20", "taxable_amount": "100.00", "tax_amount": "20.00"}],
        "net_total": "100.00",
        "tax_total": "20.00",
        "total": "120.00",
    }

    def paid(kind: ObjectType, side: Side, *numbers: str) -> Payment:
        parts = [
            Allocation.model_validate(
                {"document_type": kind, "document_id": number, "amount": "60.00"}
            )
            for number in numbers
        ]
        return Payment(
            id=f"pay-{'-'.join(numbers)}",
            side=side,
            date=DAY,
            amount=Decimal(60) * len(parts),
            currency=currency,
            contact_id="both",
            allocations=tuple(parts),
        )

    roles = (ContactRole.CUSTOMER, ContactRole.SUPPLIER)
    entry = (
        JournalLine(account_id=known.purchases, debit=Decimal(7)),
        JournalLine(account_id=known.sales, credit=Decimal(7)),
    )
    return [
        Contact(id="both", name="Rossi SpA", roles=roles),
        *(
            Invoice.model_validate(
                {"id": f"inv-{number}", "number": f"S-{number}", "contact_id": "both", **sums}
            )
            for number in (1, 2, 3)
        ),
        Bill.model_validate({"id": "bill", "number": "B-1", "contact_id": "both", **sums}),
        CreditNote.model_validate({"id": "cn", "number": "CN-9", "contact_id": "both", **sums}),
        paid(ObjectType.INVOICE, Side.CUSTOMER, "inv-1"),
        paid(ObjectType.INVOICE, Side.CUSTOMER, "inv-2", "inv-3"),
        paid(ObjectType.BILL, Side.SUPPLIER, "bill"),
        JournalEntry(id="je", number="JE-1", date=DAY, currency=currency, lines=entry),
    ]


def settings_of(xero: Xero) -> dict[str, Any]:
    """What a connection must be told."""
    known = xero.uk.known
    return {
        "organisation": xero.uk.name,
        "default_sales_account": known.sales,
        "default_purchase_account": known.purchases,
        "payment_account": known.bank,
        "consistency_delay_seconds": 0,
    }


def connected(ledgerbridge: Run, xero: Xero, tmp_path: Path) -> str:
    """A connection of a new billing entity."""
    for name, content in (("credentials", xero.credentials()), ("settings", settings_of(xero))):
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    ledgerbridge("entities", "add", "--organisation", "A", "--code", "X", "--legal-name", "A")
    added = ledgerbridge(
        *("connections", "add", "xero", "--entity", "X", "--base-url", xero.base_url),
        *("--credentials", "credentials.json", "--settings", "settings.json"),
        *("--start-date", "2026-09-01"),
    )
    assert added.code == 0, added.err
    return added.out.strip()


def test_everything_arrives_once_and_is_proven_although_answers_are_lost(
    ledgerbridge: Run, xero: Xero, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEDGERBRIDGE_FIRST_CHECK_SECONDS", "0.1")
    lines = "\n".join(one.model_dump_json(exclude_none=True) for one in documents(xero))
    (tmp_path / "documents.jsonl").write_text(lines)
    connection = connected(ledgerbridge, xero, tmp_path)
    imported = ledgerbridge("documents", "import", "documents.jsonl", "--entity", "X")
    assert imported.code == 0, imported.err
    for endpoint in LOST:
        xero.arm(Fault.DROP_AFTER, path=f"/{endpoint}", method="PUT")

    synced = ledgerbridge("sync", connection, "--inline")

    assert synced.code == 0, synced.err + ledgerbridge("issues", "--json").out
    assert xero.faults.injected[Fault.DROP_AFTER] == len(LOST)
    log = ledgerbridge("log", "--connection", connection, "--json").rows
    ours = {row["external_id"]: row["status"] for row in log if row["ours"]}
    assert set(ours.values()) == {"done"}, (ours, ledgerbridge("issues").out)
    assert xero.twice() == []
    proof = ledgerbridge("reconcile", connection)
    assert proof.code == 0, proof.out + proof.err


def test_several_organisations_are_listed_until_one_is_named(
    ledgerbridge: Run, xero: Xero, tmp_path: Path
) -> None:
    (tmp_path / "credentials.json").write_text(json.dumps(xero.credentials()))
    ledgerbridge("entities", "add", "--organisation", "A", "--code", "X", "--legal-name", "A")

    refused = ledgerbridge(
        *("connections", "add", "xero", "--entity", "X", "--base-url", xero.base_url),
        *("--credentials", "credentials.json"),
    )

    assert refused.code != 0
    assert "organisation" in refused.err
    assert xero.uk.name in refused.err
    assert xero.au.name in refused.err
