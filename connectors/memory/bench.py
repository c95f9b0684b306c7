# ruff: noqa: D102  # `Bench` says what its methods are for
"""What the conformance suite tries the memory connector on; an example of a bench.

`connectors.conformance` explains what the methods are for.
"""

import itertools
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from connectors.base import ConnectorConfig
from connectors.conformance_kit import RETRY_AFTER_SECONDS, Bench
from connectors.faults import Fault
from connectors.memory.connector import MemoryCredentials
from connectors.memory.simulator import BANK, SALES, LedgerRules, PlainLedger
from models.canonical import (
    Allocation,
    AnyRecord,
    Bill,
    Contact,
    CreditNote,
    Invoice,
    Item,
    JournalEntry,
    JournalLine,
    Line,
    ObjectType,
    Payment,
    Side,
)

DAY = date(2026, 9, 14)
"""Of every sample."""
CLOSED_DAY = date(2026, 3, 31)
"""Up to here the books are closed."""


class MemoryBench(Bench):
    """A plain ledger of its own, whose books are closed until March."""

    def __init__(self, rules: LedgerRules) -> None:
        self.ledger = PlainLedger(replace(rules, closed_until=CLOSED_DAY))
        self.faults = self.ledger.faults
        self._numbers = itertools.count(1)
        self._contact = self.ledger.enter(Contact(id="new", name="Rossi SpA"))

    def config(self) -> ConnectorConfig:
        return self.ledger.config()

    def wrong_credentials(self) -> MemoryCredentials:
        return MemoryCredentials.model_validate({"api_key": "somebody-elses-key"})

    def sample(self, kind: ObjectType) -> AnyRecord:
        return self._record(kind, DAY)

    def refused(self, kind: ObjectType) -> AnyRecord:
        if kind is ObjectType.CONTACT:
            return self._record(kind, DAY).model_copy(update={"name": ""})
        if kind is ObjectType.ITEM:
            return self._record(kind, DAY).model_copy(update={"name": "x" * 300})
        return self._record(kind, CLOSED_DAY)

    def changed(self, record: AnyRecord) -> AnyRecord:
        match record:
            case Contact() | Item():
                return record.model_copy(update={"name": f"{record.name} & Sons"})
            case JournalEntry():
                return record.model_copy(update={"description": "corrected"})
            case Invoice() | Bill() | CreditNote():
                lines = (*record.lines, a_line("1.00", "0"))
                totals = {"net_total": record.net_total + 1, "total": record.total + 1}
                return record.model_copy(update={"lines": lines, **totals})
        raise AssertionError(record)

    def count(self, kind: ObjectType, marker: str) -> int:
        return len(self.ledger.documents(kind, marker=marker))

    def arm(self, fault: Fault, *, writes: bool, skip: int = 0, times: int = 1) -> None:
        self.faults.arm(
            fault,
            method="POST" if writes else "GET",
            skip=skip,
            times=times,
            retry_after=RETRY_AFTER_SECONDS,
        )

    def wait(self, delay: timedelta) -> None:
        self.ledger.pass_time(delay)

    def duplicate(self, kind: ObjectType, platform_id: str) -> None:
        self.ledger.copy(kind, platform_id)

    def strange(self, kind: ObjectType, platform_id: str) -> None:
        fields = {"colour": "blue"}
        if hasattr(self.ledger.get(kind, platform_id).record, "status"):
            fields["status"] = "in_dunning"
        self.ledger.distort(kind, platform_id, **fields)

    def unreadable(self, kind: ObjectType, platform_id: str) -> None:
        broken = {"name": 7, "currency": "doubloon", "date": "someday"}
        fields = type(self.ledger.get(kind, platform_id).record).model_fields
        self.ledger.distort(
            kind, platform_id, **{name: value for name, value in broken.items() if name in fields}
        )

    def _record(self, kind: ObjectType, day: date) -> AnyRecord:
        number = next(self._numbers)
        named = {"id": f"ours-{number}", "number": f"N-{number}"}
        entry_lines = (
            JournalLine(account_id=BANK, debit=Decimal("12.50")),
            JournalLine(account_id=SALES, credit=Decimal("12.50")),
        )
        document = {
            **named,
            "issue_date": day,
            "currency": "EUR",
            "contact_id": self._contact,
            # 0.025 and 0.025 of tax: 0.06 when rounded by line, 0.05 by rate.
            "lines": (a_line("0.125", "20"), a_line("0.125", "20"), a_line("99.80", "5.5")),
            "net_total": Decimal("100.05"),
            "tax_total": Decimal("5.54"),
            "total": Decimal("105.59"),
        }
        match kind:
            case ObjectType.CONTACT:
                return Contact(name=f"Contact {number}", **named)
            case ObjectType.ITEM:
                return Item(id=named["id"], name=f"Item {number}", sales_account_id=SALES)
            case ObjectType.INVOICE:
                return Invoice.model_validate(document)
            case ObjectType.BILL:
                return Bill.model_validate(document)
            case ObjectType.CREDIT_NOTE:
                return CreditNote.model_validate(document)
            case ObjectType.JOURNAL_ENTRY:
                return JournalEntry(date=day, currency="EUR", lines=entry_lines, **named)
            case ObjectType.PAYMENT:
                return self._payment(day, named)
        raise AssertionError(kind)

    def _payment(self, day: date, named: dict[str, str]) -> Payment:
        invoice = self.ledger.enter(self._record(ObjectType.INVOICE, DAY))
        allocation = Allocation(
            document_type=ObjectType.INVOICE, document_id=invoice, amount=Decimal("40.00")
        )
        return Payment(
            side=Side.CUSTOMER,
            date=day,
            amount=Decimal("50.00"),
            currency="EUR",
            contact_id=self._contact,
            account_id=BANK,
            allocations=(allocation,),
            **named,
        )


def a_line(net: str, rate: str) -> Line:
    """A line of a net amount, taxed with one of the ledger's three rates."""
    return Line(
        description="Freight",
        unit_price=Decimal(net),
        net_amount=Decimal(net),
        tax_rate=Decimal(rate),
        tax_rate_id=f"vat-{rate}",
        account_id=SALES,
    )
