"""Strange requests to the simulated QuickBooks: refused or taken, but never a crash."""

import copy
import random
from typing import Any

import pytest

from connectors.quickbooks.simulated.entities import words
from connectors.quickbooks.simulator import QuickBooks
from tests.connectors.quickbooks.desk import Desk

Json = dict[str, Any]
STRANGE: tuple[Any, ...] = (
    None,
    "",
    0,
    -1,
    1.5,
    True,
    [],
    {},
    [None],
    {"value": 1},
    "x" * 5000,
    "99",
    1e20,
    [{}],
)
WORDS = sorted(
    words(
        "where and in like = > ( ) , '1' true 0.5 'x Id Balance Active TxnDate desc orderby "
        "MetaData.LastUpdatedTime '2026-01-01' CURRENT_DATE startposition maxresults"
    )
)


@pytest.fixture
def desk() -> Desk:
    quickbooks = QuickBooks()
    quickbooks.change(second_limit=10_000, minute_limit=10_000, all_minute_limit=10_000)
    return Desk(quickbooks)


def spoilt(chance: random.Random, body: Json) -> Json:
    """A body with something in it missing or replaced, at any depth."""
    whole = copy.deepcopy(body)
    node: Any = whole
    while True:
        key = chance.choice(list(node) if isinstance(node, dict) else range(len(node)))
        if isinstance(node[key], dict | list) and node[key] and chance.random() < 0.7:
            node = node[key]
        elif isinstance(node, dict) and chance.random() < 0.2:
            del node[key]
            return whole
        else:
            node[key] = chance.choice(STRANGE)
            return whole


def bodies(desk: Desk) -> list[tuple[str, Json]]:
    company, known = desk.company, desk.company.known
    invoice, credit, bill = company.add_invoice(), company.add_credit_memo(), company.add_bill()
    tax = {"TaxLine": [{"Amount": 1, "TaxLineDetail": {"TaxRateRef": {"value": "1"}}}]}
    posted = {"PostingType": "Debit", "AccountRef": {"value": known.bank}}
    entry = {"Amount": 5, "DetailType": "JournalEntryLineDetail", "JournalEntryLineDetail": posted}
    return [
        ("invoice", desk.invoice("10", TxnTaxDetail=tax, GlobalTaxCalculation="TaxInclusive")),
        ("payment", desk.payment(20, ("Invoice", invoice, 1), ("CreditMemo", credit, 1))),
        ("billpayment", desk.bill_payment(20, ("Bill", bill, 1))),
        ("customer", {"DisplayName": "A", "PrimaryEmailAddr": {"Address": "a@b.c"}}),
        ("item", {"Name": "I", "IncomeAccountRef": {"value": known.sales}, "UnitPrice": 3}),
        ("account", {"Name": "A", "AccountType": "Expense", "ParentRef": {"value": "2"}}),
        ("journalentry", {"Line": [entry]}),
        ("batch", {"BatchItemRequest": [{"bId": "1", "operation": "create", "Item": {}}]}),
    ]


def test_spoilt_bodies_are_no_crash(desk: Desk) -> None:
    chance, samples = random.Random(7), bodies(desk)

    for _ in range(600):
        path, body = chance.choice(samples)
        desk.post(path, spoilt(chance, body))

    assert desk.quickbooks.crashes == []


def test_spoilt_queries_are_no_crash(desk: Desk) -> None:
    chance = random.Random(7)

    for _ in range(400):
        entity = chance.choice(("Invoice", "Customer", "TaxCode", "Preferences", "Item"))
        chosen = chance.choices(WORDS, k=chance.randint(1, 7))
        desk.get("query", query=f"select * from {entity} {' '.join(chosen)}")

    assert desk.quickbooks.crashes == []


def test_what_is_open_never_falls_below_zero(desk: Desk) -> None:
    chance, company = random.Random(7), desk.company
    company.preferences.custom_numbers = False
    ids = [company.add_invoice() for _ in range(3)] + [company.add_invoice((("9", None),))]
    notes = [company.add_credit_memo() for _ in range(2)]

    for _ in range(200):
        links = [
            ("Invoice", chance.choice(ids), chance.randint(1, 60)),
            ("CreditMemo", chance.choice(notes), chance.randint(1, 30)),
        ]
        desk.post("payment", desk.payment(chance.randint(0, 60), *links[: chance.randint(1, 2)]))
        payments = company.rows("Payment")
        if payments and chance.random() < 0.3:
            company.delete("Payment", chance.choice(payments)["Id"])

    rows = [("Invoice", one) for one in ids] + [("CreditMemo", one) for one in notes]
    rows += [("Payment", one["Id"]) for one in company.rows("Payment")]
    assert all(company.balance(entity, one) >= 0 for entity, one in rows)
    assert desk.quickbooks.crashes == []
