"""An organisation in a simulated Xero, as the conformance suite wants it; and builders."""

import datetime as dt
import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

import httpx
from pydantic import BaseModel, SecretStr

from connectors.auth import OAuthTokens
from connectors.base import CallScope, ConnectorConfig, Operation, PushItem, PushResult
from connectors.conformance import RETRY_AFTER_SECONDS
from connectors.faults import Fault
from connectors.xero import SPEC
from connectors.xero.connector import Xero
from connectors.xero.settings import XeroSettings
from connectors.xero.simulator import Organisation, XeroRules
from connectors.xero.simulator import Xero as Simulator
from models.canonical import (
    Allocation,
    AnyRecord,
    Bill,
    Contact,
    ContactRole,
    CreditNote,
    Invoice,
    Item,
    JournalEntry,
    JournalLine,
    Line,
    ObjectType,
    Payment,
    Side,
    TaxSubtotal,
)
from tests.connectors.one_by_one import OneByOne

DAY = dt.date(2026, 9, 14)
CLOSED_DAY = dt.date(2026, 3, 30)
"""Up to the day after it, the books are locked."""
PATIENT = XeroRules(minute_limit=1_000_000, day_limit=1_000_000)
"""Counts no calls: the conformance suite makes more of them than a plan allows."""
ENDPOINTS = {
    ObjectType.CONTACT: "Contacts",
    ObjectType.ITEM: "Items",
    ObjectType.INVOICE: "Invoices",
    ObjectType.BILL: "Invoices",
    ObjectType.CREDIT_NOTE: "CreditNotes",
    ObjectType.PAYMENT: "Payments",
    ObjectType.JOURNAL_ENTRY: "ManualJournals",
}
GONE = frozenset({"DELETED", "VOIDED"})
_numbers = itertools.count(1)


def cents(amount: Decimal | str) -> Decimal:
    """Rounded half up, as Xero does."""
    return Decimal(amount).quantize(Decimal("0.01"), rounding="ROUND_HALF_UP")


class XeroBench(OneByOne):
    """One organisation, without sockets."""

    def __init__(self, rules: XeroRules = PATIENT, **settings: Any) -> None:
        self.xero = Simulator(rules)
        self.faults = self.xero.faults
        self.http = httpx.Client(transport=self.xero.transport())
        self.settings = settings
        self.scope = CallScope("test")
        self.books.lock(CLOSED_DAY + timedelta(days=1))

    @property
    def books(self) -> Organisation:
        """The organisation that is connected."""
        return self.xero.uk

    # What the suite asks for.

    def config(self) -> ConnectorConfig:
        return self.configured(**self.settings)

    def configured(self, **settings: Any) -> ConnectorConfig:
        """The same with other settings."""
        return ConnectorConfig(
            base_url="http://localhost",
            credentials=self.tokens,
            settings=XeroSettings.model_validate({"organisation": self.books.name, **settings}),
            http=self.http,
            scope=CallScope("conformance"),
            organisation_id=self.books.id,
        )

    @cached_property
    def tokens(self) -> OAuthTokens:
        """What Alice's consent gave."""
        return OAuthTokens.model_validate(self.xero.credentials())

    def wrong_credentials(self) -> BaseModel:
        return OAuthTokens(access_token=SecretStr("nobody-was-given-this"))

    def sample(self, kind: ObjectType) -> AnyRecord:
        return self.record(kind, DAY)

    def refused(self, kind: ObjectType) -> AnyRecord:
        match kind:
            case ObjectType.CONTACT:
                taken = self.books.row("Contacts", self.books.known.customer)["Name"]
                return self.record(kind, DAY).model_copy(update={"name": taken})
            case ObjectType.ITEM:
                return self.record(kind, DAY).model_copy(update={"code": "C" * 31})
            case ObjectType.PAYMENT:
                return self.payment({self.books.add_invoice(Date=DAY): "9999.00"})
            case ObjectType.JOURNAL_ENTRY:
                one = JournalLine(account_id=self.account(self.known.purchases), debit=Decimal(5))
                return self.entry(lines=(one,))
            case ObjectType.INVOICE:
                taken = self.books.row("Invoices", self.books.add_invoice())["InvoiceNumber"]
                return self.invoice(number=taken)
            case ObjectType.BILL:
                return self.bill("-80.00")
        taken = self.books.row("CreditNotes", self.books.add_credit_note())["CreditNoteNumber"]
        return self.credit_note(number=taken)

    def changed(self, record: AnyRecord) -> AnyRecord:
        match record:
            case Contact() | Item():
                return record.model_copy(update={"name": f"{record.name}, renamed"})
            case JournalEntry():
                debit = record.lines[0].model_copy(update={"debit": Decimal(60)})
                credit = record.lines[1].model_copy(update={"credit": Decimal(60)})
                return record.model_copy(update={"lines": (debit, credit)})
            case Invoice():
                new: AnyRecord = self.invoice("70.00")
            case Bill():
                new = self.bill("70.00")
            case CreditNote():
                new = self.credit_note("70.00")
            case _:
                raise AssertionError(record.type)
        kept = record.model_dump(include={"id", "number", "contact_id", "issue_date"})
        return new.model_copy(update=kept)

    def count(self, kind: ObjectType, marker: str) -> int:
        """Rows that stand and have the marker in any field."""
        rows = self.books.rows(ENDPOINTS[kind])
        if kind is ObjectType.PAYMENT:
            rows += self.books.rows("BatchPayments")
        return sum(marker in str(row) for row in rows if row.get("Status") not in GONE)

    def arm(self, fault: Fault, *, writes: bool, skip: int = 0, times: int = 1) -> None:
        for method in ("PUT", "POST") if writes else ("GET",):
            if method == "POST":
                continue
            self.xero.arm(
                fault, method=method, skip=skip, times=times, retry_after=RETRY_AFTER_SECONDS
            )

    def wait(self, delay: timedelta) -> None:
        self.faults.settle()
        self.xero.pass_time(delay)
        # What a consent gives is renewed by the engine.
        self.__dict__.pop("tokens", None)

    def duplicate(self, kind: ObjectType, platform_id: str) -> None:
        self.books.copy(ENDPOINTS[kind], platform_id)

    def strange(self, kind: ObjectType, platform_id: str) -> None:
        status = "ContactStatus" if kind is ObjectType.CONTACT else "Status"
        self.books.distort(platform_id, Colour="blue", **{status: "IN_DUNNING"})

    def unreadable(self, kind: ObjectType, platform_id: str) -> None:
        broken: dict[ObjectType, dict[str, Any]] = {
            ObjectType.CONTACT: {"Name": ""},
            ObjectType.ITEM: {"Name": "x" * 300},
            ObjectType.INVOICE: {"Date": None},
            ObjectType.BILL: {"Date": "someday"},
            ObjectType.CREDIT_NOTE: {"CurrencyCode": "XXX"},
            ObjectType.PAYMENT: {"Amount": None},
            ObjectType.JOURNAL_ENTRY: {"JournalLines": None},
        }
        self.books.distort(platform_id, **broken[kind])

    # Builders, in Xero's own ids.

    @cached_property
    def known(self) -> Any:
        """Codes and ids that are always there."""
        return self.books.known

    @cached_property
    def _accounts(self) -> dict[str, str]:
        return {
            row["Code"]: row["AccountID"] for row in self.books.rows("Accounts") if row.get("Code")
        }

    def account(self, code: str) -> str:
        """An account's id."""
        return self._accounts[code]

    def line(self, net: str, tax: str | None = None, **fields: Any) -> Line:
        """A line with the standard rate."""
        tax_type = tax or self.known.tax_sales
        defaults: dict[str, Any] = {
            "description": "Freight",
            "unit_price": Decimal(net),
            "net_amount": Decimal(net),
            "tax_rate": self.books.tax_rate(tax_type),
            "tax_rate_id": tax_type,
            "account_id": self.account(self.known.sales),
        }
        return Line(**(defaults | fields))

    def document(self, lines: Sequence[Line], day: dt.date, **fields: Any) -> dict[str, Any]:
        """Header and sums of lines, with tax rounded by line."""
        number = next(_numbers)
        taxes = [
            TaxSubtotal(
                taxable_amount=line.net_amount,
                tax_amount=cents(line.net_amount * (line.tax_rate or Decimal(0)) / 100),
                rate=line.tax_rate or Decimal(0),
                tax_rate_id=line.tax_rate_id,
            )
            for line in lines
        ]
        net_total = sum((line.net_amount for line in lines), Decimal(0))
        tax_total = sum((one.tax_amount for one in taxes), Decimal(0))
        return {
            "id": f"ours-{number}",
            "issue_date": day,
            "currency": self.books.currency,
            "lines": tuple(lines),
            "tax_breakdown": tuple(taxes),
            "net_total": net_total,
            "tax_total": tax_total,
            "total": net_total + tax_total,
            **fields,
        }

    def invoice(self, *nets: str, day: dt.date = DAY, **fields: Any) -> Invoice:
        """An invoice with a line of the standard rate for each amount."""
        lines = fields.pop("lines", [self.line(net) for net in nets or ("100.00",)])
        given = {"number": f"S-{next(_numbers)}", "contact_id": self.known.customer, **fields}
        given.setdefault("due_date", day + timedelta(days=14))
        return Invoice(**self.document(lines, day, **given))

    def bill(self, *nets: str, day: dt.date = DAY, **fields: Any) -> Bill:
        """A bill of the supplier."""
        bought = {
            "tax": self.known.tax_purchases,
            "account_id": self.account(self.known.purchases),
        }
        lines = fields.pop("lines", [self.line(net, **bought) for net in nets or ("80.00",)])
        given = {"number": f"B-{next(_numbers)}", "contact_id": self.known.supplier, **fields}
        given.setdefault("due_date", day + timedelta(days=14))
        return Bill(**self.document(lines, day, **given))

    def credit_note(self, net: str = "40.00", *, day: dt.date = DAY, **fields: Any) -> CreditNote:
        """A credit note to the customer."""
        lines = fields.pop("lines", [self.line(net)])
        given = {"contact_id": self.known.customer, "number": f"CN-{next(_numbers)}", **fields}
        return CreditNote(**self.document(lines, day, **given))

    def entry(self, amount: str = "55.00", *, day: dt.date = DAY, **fields: Any) -> JournalEntry:
        """Bank charges."""
        number = next(_numbers)
        defaults: dict[str, Any] = {
            "id": f"ours-{number}",
            "number": f"JE-{number}",
            "date": day,
            "currency": self.books.currency,
            "description": "Charges",
            "lines": (
                JournalLine(account_id=self.account(self.known.purchases), debit=Decimal(amount)),
                JournalLine(account_id=self.account(self.known.sales), credit=Decimal(amount)),
            ),
        }
        return JournalEntry(**(defaults | fields))

    def payment(
        self, paid: dict[str, str], *, side: Side = Side.CUSTOMER, day: dt.date = DAY, **fields: Any
    ) -> Payment:
        """A payment of documents (id → amount)."""
        kind = ObjectType.INVOICE if side is Side.CUSTOMER else ObjectType.BILL
        parts = tuple(
            Allocation(document_type=kind, document_id=one, amount=Decimal(amount))
            for one, amount in paid.items()
        )
        defaults: dict[str, Any] = {
            "id": f"ours-{next(_numbers)}",
            "side": side,
            "date": day,
            "amount": sum((part.amount for part in parts), Decimal(0)),
            "currency": self.books.currency,
            "contact_id": self.known.customer if side is Side.CUSTOMER else self.known.supplier,
            "account_id": self.account(self.known.bank),
            "allocations": parts,
        }
        return Payment(**(defaults | fields))

    def record(self, kind: ObjectType, day: dt.date) -> AnyRecord:
        """A sample of any type, on a day."""
        number = next(_numbers)
        match kind:
            case ObjectType.CONTACT:
                return Contact(
                    id=f"ours-{number}",
                    name=f"Contact {number}",
                    roles=(ContactRole.CUSTOMER, ContactRole.SUPPLIER),
                    email="office@contact.example",
                )
            case ObjectType.ITEM:
                return Item(
                    id=f"ours-{number}",
                    name=f"Item {number}",
                    unit_price=Decimal("12.5"),
                    sales_account_id=self.account(self.known.sales),
                )
            case ObjectType.INVOICE:
                price = {"quantity": Decimal(3), "unit_price": Decimal("33.283")}
                lines = [self.line("0.12"), self.line("99.85", self.known.no_tax, **price)]
                return self.invoice(lines=lines, day=day)
            case ObjectType.BILL:
                return self.bill(day=day)
            case ObjectType.CREDIT_NOTE:
                return self.credit_note(day=day)
            case ObjectType.PAYMENT:
                return self.payment({self.books.add_invoice(Date=day): "40.00"}, day=day)
        return self.entry(day=day)

    # What the engine does.

    @property
    def consistency_delay(self) -> timedelta:
        return SPEC.consistency_delay

    def connector(self, **settings: Any) -> Xero:
        """A new connector, as each piece of work gets one; its calls are counted in `scope`."""
        self.scope = CallScope("test")
        config = self.configured(**{**self.settings, **settings})
        return Xero(replace(config, scope=self.scope))

    def batch(self, *items: PushItem, **settings: Any) -> list[PushResult]:
        """Push several records with one call of the connector."""
        kind = ObjectType(items[0].record.type)
        return list(self.connector(**settings).push(kind, items))


def changed(item: PushItem, record: AnyRecord, platform_id: str, version: str | None) -> PushItem:
    """The update of what was pushed."""
    return replace(
        item,
        key=item.key[::-1],
        operation=Operation.UPDATE,
        record=record,
        platform_id=platform_id,
        version=version,
    )
