"""The README's way with Sage Active: connect, import, sync with faults, prove; three countries."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.sage_active.simulator import Company, SageActiveLedger
from connectors.simulator import Fault
from tests.cli.conftest import Run
from tests.connectors.sage_active.bench import NORMAL


@pytest.fixture
def sage(monkeypatch: pytest.MonkeyPatch) -> Iterator[SageActiveLedger]:
    """A served Sage Active that connections may use, and how we are registered there."""
    ledger = SageActiveLedger()
    rules = ledger.rules
    app = {
        "client_id": rules.client_id,
        "client_secret": rules.client_secret,
        "api_key": rules.primary_key,
    }
    with ledger.running() as url:
        monkeypatch.setenv("LEDGERBRIDGE_ALLOWED_BASE_URLS", url)
        monkeypatch.setenv("LEDGERBRIDGE_OAUTH_APPS", json.dumps({"sage_active": app}))
        yield ledger
    assert ledger.crashes == []


def settings_of(company: Company) -> dict[str, Any]:
    """What a connection to a sample company must be told."""
    product = company.row("products", company.product(NORMAL[company.legislation]))
    sold = company.row("accountingAccounts", product["salesAccountingAccountId"])
    method = company.row("paymentMethods", company.bank())
    return {
        "organization_id": company.id,
        "default_sales_account": sold["code"],
        "default_purchase_account": company.account_of("CHARGE"),
        "payment_account": company.row("accountingAccounts", method["subAccountId"])["code"],
    }


EXAMPLES = Path(__file__).parents[2] / "examples" / "sage_active"

LOST = {
    "FR": ["createSalesInvoice", "closeSalesInvoice"],
    "ES": ["postSalesInvoice", "salesOpenItemSettlement"],
    "DE": ["createPurchaseInvoice", "createAccountingEntryUsingIds"],
}
"""Calls whose first answer is lost after commit; every one costs a look-up a second later."""


@pytest.mark.parametrize("country", sorted(LOST))
def test_books_end_clean_although_answers_are_lost(
    ledgerbridge: Run,
    sage: SageActiveLedger,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    country: str,
) -> None:
    monkeypatch.setenv("LEDGERBRIDGE_FIRST_CHECK_SECONDS", "0.1")
    company: Company = getattr(sage, country.lower())
    files = {
        "credentials": sage.credentials(),
        "settings": {**settings_of(company), "consistency_delay_seconds": 0},
    }
    for name, content in files.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))

    ledgerbridge("entities", "add", "--organisation", "A", "--code", "X", "--legal-name", "A")
    added = ledgerbridge(
        *("connections", "add", "sage_active", "--entity", "X", "--base-url", sage.base_url),
        *("--credentials", "credentials.json", "--settings", "settings.json"),
        *("--start-date", "2026-05-01"),
    )
    assert added.code == 0, added.err
    connection = added.out.strip()
    example = EXAMPLES / f"{country.lower()}.jsonl"
    imported = ledgerbridge("documents", "import", str(example), "--entity", "X")
    assert imported.code == 0, imported.err
    for operation in LOST[country]:
        sage.arm(Fault.DROP_AFTER, operation)

    synced = ledgerbridge("sync", connection, "--inline")

    assert synced.code == 0, synced.err
    assert sage.faults.injected[Fault.DROP_AFTER] == len(LOST[country])
    log = ledgerbridge("log", "--connection", connection, "--json").rows
    ours = {row["external_id"]: row["status"] for row in log if row["ours"]}
    assert set(ours.values()) == {"done"}, (ours, ledgerbridge("issues").out)
    assert sage.twice() == []
    assert ledgerbridge("issues", "--json").rows == []
    proof = ledgerbridge("reconcile", connection)
    assert proof.code == 0, proof.out + proof.err


def test_a_record_keeps_what_sage_says_of_an_entry(
    ledgerbridge: Run, sage: SageActiveLedger, tmp_path: Path
) -> None:
    for name, content in (
        ("credentials", sage.credentials()),
        ("settings", settings_of(sage.fr)),
    ):
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    ledgerbridge("entities", "add", "--organisation", "A", "--code", "X", "--legal-name", "A")
    connection = ledgerbridge(
        *("connections", "add", "sage_active", "--entity", "X", "--base-url", sage.base_url),
        *("--credentials", "credentials.json", "--settings", "settings.json"),
    ).out.strip()

    ledgerbridge("sync", connection, "--only", "pull", "--types", "journal_entries", "--inline")

    listed = ledgerbridge("log", "--connection", connection, "--type", "journal_entry", "--json")
    (shown,) = ledgerbridge("record", listed.rows[0]["id"], "--json").rows
    lines = shown["ledger"]["extra"]["accountingEntryLines"]
    assert {"debitAmount", "subAccount"} <= set().union(*lines)


def test_several_organisations_are_listed_until_one_is_named(
    ledgerbridge: Run, sage: SageActiveLedger, tmp_path: Path
) -> None:
    (tmp_path / "credentials.json").write_text(json.dumps(sage.credentials()))
    ledgerbridge("entities", "add", "--organisation", "A", "--code", "X", "--legal-name", "A")

    refused = ledgerbridge(
        *("connections", "add", "sage_active", "--entity", "X", "--base-url", sage.base_url),
        *("--credentials", "credentials.json"),
    )

    assert refused.code != 0
    assert "organization_id" in refused.err
    assert f"{sage.fr.name} ({sage.fr.id})" in refused.err
    assert ledgerbridge("connections", "list", "--json").rows == []


def test_a_consent_is_not_asked_for_before_the_country_is_known(
    ledgerbridge: Run, sage: SageActiveLedger
) -> None:
    assert sage.base_url
    ledgerbridge("entities", "add", "--organisation", "A", "--code", "X", "--legal-name", "A")

    refused = ledgerbridge("connections", "add", "sage_active", "--entity", "X")

    assert refused.code == 2
    assert "Sage Active needs a base URL: give it with --base-url" in refused.err
