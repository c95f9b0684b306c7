"""A plain ledger on loopback: books with a chart of accounts, people who work in them, a judge.

Tests change the books as somebody in the ledger would (`enter`, `edit`, `pay`, `delete` ...) and
ask the judge what is really there (`documents`, `counts`, `twice`): that answer comes from the
books and not through any connector.
"""

import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx

from connectors.base import CallScope, ConnectorConfig, ConnectorSpec, OAuthSpec
from connectors.memory import plain_ledger_spec
from connectors.memory.connector import MemoryConnector, MemoryCredentials, MemorySettings
from connectors.memory.entry import Entry
from connectors.memory.oauth import AUTHORIZE, TOKEN
from connectors.memory.rules import LedgerRules, Numbers, TaxRounding
from connectors.memory.service import LedgerService
from connectors.simulator import Sandbox
from models.canonical import (
    Allocation,
    AnyRecord,
    BillingDocument,
    Contact,
    ContactRole,
    CreditNote,
    LedgerAccount,
    ObjectType,
    Payment,
    Side,
    TaxRate,
)

__all__ = [
    "ACCOUNTS",
    "BANK",
    "PURCHASES",
    "SALES",
    "TAXES",
    "Entry",
    "LedgerRules",
    "Numbers",
    "PlainLedger",
    "TaxRounding",
    "sandbox",
    "spec_for",
]

RECEIVABLE, PAYABLE, BANK = "411000", "401000", "512000"
SALES, PURCHASES = "706000", "607000"
ACCOUNTS = {
    PAYABLE: ("Suppliers", "liability"),
    RECEIVABLE: ("Customers", "asset"),
    "445660": ("Deductible VAT", "asset"),
    "445710": ("VAT collected", "liability"),
    BANK: ("Bank", "asset"),
    PURCHASES: ("Purchases of goods", "expense"),
    "622000": ("Fees", "expense"),
    SALES: ("Services sold", "income"),
    "707000": ("Goods sold", "income"),
}
"""Code, which is the id, → name and classification."""
TAXES = {"vat-20": Decimal(20), "vat-5.5": Decimal("5.5"), "vat-0": Decimal(0)}
"""Code, which is the id, → percent."""


class PlainLedger(LedgerService):
    """A ledger with a chart of accounts and three tax rates, and nothing else yet."""

    def __init__(self, rules: LedgerRules | None = None) -> None:
        super().__init__(rules or LedgerRules())
        self.base_url = "http://localhost"
        """Where it is; until it is started only `transport` leads there."""
        for code, (name, classification) in ACCOUNTS.items():
            account = LedgerAccount(
                id=code,
                code=code,
                name=name,
                classification=classification,
                is_bank_account=code == BANK,
            )
            self.books.create(account)
        for code, percent in TAXES.items():
            self.books.create(TaxRate(id=code, code=code, name=f"VAT {percent} %", rate=percent))

    def start(self, port: int = 0) -> str:
        """Serve on loopback; returns the base URL."""
        self.base_url = super().start(port)
        return self.base_url

    def change(self, **rules: Any) -> None:
        """Behave differently from now on: `ledger.change(closed_until=date(2026, 9, 30))`."""
        with self.lock:
            self.books.rules = replace(self.rules, **rules)

    def pass_time(self, time: timedelta) -> None:
        """Move the ledger's clock forward: keys are forgotten, hidden documents appear."""
        with self.lock:
            self._passed += time

    def enter(self, record: AnyRecord, *, marker: str | None = None) -> str:
        """Somebody enters an object; its references are the ledger's ids. Returns its id."""
        with self.lock:
            return self.books.create(record, marker=marker).id

    def edit(self, kind: ObjectType, entry_id: str, **changes: Any) -> Entry:
        """Somebody changes fields of an object, whatever its state.

        Totals follow from the lines, unless a total is among the changes: then it stays as said.
        """
        with self.lock:
            record = self.books.store.get(kind, entry_id).record.model_copy(update=changes)
            entry = self.books.update(record, entry_id, force=True)
            if isinstance(entry.record, BillingDocument) and changes.keys() & _TOTALS:
                record = entry.record.model_copy(update=changes)
                entry = self.books.store.put(replace(entry, record=record))
            return entry

    def delete(self, kind: ObjectType, entry_id: str) -> None:
        """Somebody deletes an object; a payment gives the balances back."""
        with self.lock:
            self.books.delete(kind, entry_id)

    def void(self, kind: ObjectType, entry_id: str) -> None:
        """Somebody voids a document, an entry or a payment."""
        with self.lock:
            self.books.void(kind, entry_id)

    def pay(self, kind: ObjectType, entry_id: str, amount: Decimal | None = None) -> str:
        """Somebody books a payment of a document, by default of all that is open."""
        with self.lock:
            document = self.books.store.get(kind, entry_id).record
            assert isinstance(document, BillingDocument)  # noqa: S101  # nothing else is paid
            sold = kind is ObjectType.INVOICE
            if isinstance(document, CreditNote):
                sold = document.side is Side.CUSTOMER
            paid = amount if amount is not None else document.balance
            payment = Payment.model_validate(
                {
                    "id": "new",
                    "side": Side.CUSTOMER if sold else Side.SUPPLIER,
                    "date": document.issue_date,
                    "amount": paid,
                    "currency": document.currency,
                    "contact_id": document.contact_id,
                    "account_id": BANK,
                    "allocations": [
                        Allocation.model_validate(
                            {"document_type": kind, "document_id": entry_id, "amount": paid}
                        )
                    ],
                }
            )
            return self.books.create(payment).id

    def copy(self, kind: ObjectType, entry_id: str) -> str:
        """Somebody duplicates an object, our marker included. Returns the copy's id."""
        with self.lock:
            return self.books.copy(kind, entry_id).id

    def distort(self, kind: ObjectType, entry_id: str, **fields: Any) -> None:
        """Let an object go out with other fields than it has: unknown ones, or unreadable ones."""
        with self.lock:
            entry = self.books.store.get(kind, entry_id)
            self.books.store.put(replace(entry, overlay={**entry.overlay, **fields}))

    def get(self, kind: ObjectType, entry_id: str) -> Entry:
        """One object as it stands; a `Refused` when it is not there."""
        with self.lock:
            return self.books.store.get(kind, entry_id)

    def documents(self, kind: ObjectType, *, marker: str | None = None) -> list[Entry]:
        """The judge's view: what the ledger has, drafts and void ones included."""
        with self.lock:
            found = list(self.books.store.all(kind))
        return [entry for entry in found if marker is None or entry.marker == marker]

    def counts(self, kind: ObjectType) -> Counter[str]:
        """How many objects of a type carry each marker."""
        return Counter(entry.marker for entry in self.documents(kind) if entry.marker)

    def twice(self) -> list[tuple[ObjectType, str]]:
        """Types and markers of everything that is there more than once: must be empty."""
        return [
            (kind, marker)
            for kind in ObjectType
            for marker, count in self.counts(kind).items()
            if count > 1
        ]

    @property
    def credentials(self) -> MemoryCredentials:
        """What opens the ledger."""
        return MemoryCredentials.model_validate({"api_key": self.rules.api_key})

    def config(
        self, *, scope: CallScope | None = None, settings: MemorySettings | None = None
    ) -> ConnectorConfig:
        """What a connector to this ledger is built from, without sockets."""
        return ConnectorConfig(
            base_url=self.base_url,
            credentials=self.credentials,
            settings=settings or MemorySettings(),
            http=httpx.Client(transport=self.transport()),
            scope=scope or CallScope("test"),
            organisation_id=self.rules.organisation_id,
        )

    def connector(self, settings: MemorySettings | None = None) -> MemoryConnector:
        """A new connector to this ledger, without sockets."""
        return MemoryConnector(self.config(settings=settings))


_TOTALS = frozenset({"net_total", "tax_total", "total", "balance", "payable_amount"})


def spec_for(ledger: PlainLedger, *, concurrent: int = 1) -> ConnectorSpec:
    """The spec of a ledger with its present rules: batch size, steps, keys, delay."""
    rules = ledger.rules
    consent = OAuthSpec(
        AUTHORIZE, TOKEN, ("books",), callback_keeps=("books",) if rules.names_books else ()
    )
    return plain_ledger_spec(
        batch_size=rules.batch_size,
        page_size=rules.page_size,
        two_steps=rules.two_steps,
        frozen_when_posted=rules.frozen_when_posted,
        remembers_keys=rules.remembers_keys,
        replays_errors=rules.replays_errors,
        consistency_delay=rules.hidden_for,
        per_minute=rules.calls_per_minute,
        concurrent=concurrent,
        oauth=consent if rules.oauth else None,
        signs_in=rules.sign_in,
    )


def sandbox(*, port: int = 0, seed: int = 0) -> Sandbox:
    """Serve a plain ledger with a few contacts; equal seeds make equal ledgers."""
    chance = random.Random(seed)  # noqa: S311  # sample data, not secrets
    rules = LedgerRules(
        api_key=f"plain-{chance.getrandbits(64):016x}",
        organisation_id=f"plain-{seed}",
        organisation_name=f"Plain Ledger {seed}",
    )
    ledger = PlainLedger(rules)
    for number in range(1, 7):
        role = ContactRole.CUSTOMER if number % 2 else ContactRole.SUPPLIER
        name = f"{chance.choice(_TOWNS)} {chance.choice(_TRADES)}"
        ledger.enter(Contact(id="new", name=f"{name} {number}", number=f"C{number}", roles=(role,)))
    return Sandbox(
        base_url=ledger.start(port),
        credentials={"api_key": rules.api_key},
        settings={
            "default_sales_account": SALES,
            "default_purchase_account": PURCHASES,
            "payment_account": BANK,
        },
        simulator=ledger,
    )


_TOWNS = ("Lyon", "Porto", "Ghent", "Turin", "Leeds", "Graz")
_TRADES = ("Freight", "Bakery", "Optics", "Timber", "Software", "Tiles")
