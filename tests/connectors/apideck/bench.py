"""A ledger behind the simulated Apideck, as the conformance suite wants it; and builders."""

import datetime as dt
import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

import httpx
from pydantic import BaseModel

from connectors.apideck import SPEC
from connectors.apideck.connector import Apideck
from connectors.apideck.settings import ApideckCredentials, ApideckSettings
from connectors.apideck.simulator import Apideck as Simulator
from connectors.apideck.simulator import Known, Profile
from connectors.base import (
    CallScope,
    ConnectorConfig,
)
from connectors.conformance import RETRY_AFTER_SECONDS
from connectors.faults import Fault
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

PROFILES = ("xero", "quickbooks", "workday", "netsuite")
DAY = dt.date(2026, 9, 14)
CLOSED_DAY = dt.date(2026, 3, 30)
"""Up to the day after it, the books are closed."""
RESOURCES = {
    ObjectType.CONTACT: "customers",
    ObjectType.ITEM: "invoice-items",
    ObjectType.INVOICE: "invoices",
    ObjectType.BILL: "bills",
    ObjectType.CREDIT_NOTE: "credit-notes",
    ObjectType.PAYMENT: "payments",
    ObjectType.JOURNAL_ENTRY: "journal-entries",
}
STANDING = frozenset({"deleted", "void", "voided"})
_numbers = itertools.count(1)


def cents(amount: Decimal | str) -> Decimal:
    """Rounded half up, as invoices are."""
    return Decimal(amount).quantize(Decimal("0.01"), rounding="ROUND_HALF_UP")


def own_id(kept: str) -> str:
    """The ledger's id in an id that we keep."""
    prefix, colon, rest = kept.partition(":")
    known = {"customer", "supplier", "payment", "bill-payment"}
    return rest if colon and prefix in known else kept


class ApideckBench(OneByOne):
    """One consumer's ledger, without sockets."""

    def __init__(
        self, profile: str | Profile = "xero", apideck: Simulator | None = None, **settings: Any
    ) -> None:
        self.apideck = apideck or Simulator(profile)
        self.faults = self.apideck.faults
        self.http = httpx.Client(transport=self.apideck.transport())
        self.settings = settings
        self.scope = CallScope("test")
        self.apideck.close_period(CLOSED_DAY + timedelta(days=1))

    @property
    def service(self) -> str:
        """Which ledger it is."""
        return self.apideck.profile.service_id

    # What the suite asks for.

    def config(self) -> ConnectorConfig:
        return self.configured(**self.settings)

    def configured(self, **settings: Any) -> ConnectorConfig:
        """The same with other settings."""
        given = {"service_id": self.service, **self.methods, **settings}
        return ConnectorConfig(
            base_url="http://apideck.test",
            credentials=ApideckCredentials.model_validate(self.apideck.credentials),
            settings=ApideckSettings.model_validate(given),
            http=self.http,
            scope=CallScope("conformance"),
        )

    @property
    def methods(self) -> dict[str, Any]:
        """QuickBooks wants its own words for methods of payment."""
        return {"payment_methods": {"cash": "Check"}} if self.service == "quickbooks" else {}

    def wrong_credentials(self) -> BaseModel:
        given = {**self.apideck.credentials, "api_key": "sk_live_nobody-has-this-one"}
        return ApideckCredentials.model_validate(given)

    def sample(self, kind: ObjectType) -> AnyRecord:
        return self.record(kind, DAY)

    def refused(self, kind: ObjectType) -> AnyRecord:
        match kind:
            case ObjectType.CONTACT:
                self.apideck.change(unique_names=True)
                taken = str(self.apideck.get("customers", self.known.customer)["display_name"])
                return self.record(kind, DAY).model_copy(update={"name": taken})
            case ObjectType.ITEM:
                return self.record(kind, DAY).model_copy(update={"sales_account_id": "nowhere"})
        return self.record(kind, CLOSED_DAY)

    def changed(self, record: AnyRecord) -> AnyRecord:
        match record:
            case Contact() | Item():
                return record.model_copy(update={"name": f"{record.name}, renamed"})
            case JournalEntry():
                debit = record.lines[0].model_copy(update={"debit": Decimal(60)})
                credit = record.lines[1].model_copy(update={"credit": Decimal(60)})
                changes = {"lines": (debit, credit), "description": "Bank charges, corrected"}
                return record.model_copy(update=changes)
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
        """One that is both customer and supplier counts once; bill payments are payments."""
        rows = self.apideck.documents(RESOURCES[kind])
        if kind is ObjectType.PAYMENT:
            rows = rows + self.apideck.documents("bill-payments")
        return sum(marks(row, marker) for row in rows)

    def arm(self, fault: Fault, *, writes: bool, skip: int = 0, times: int = 1) -> None:
        self.faults.arm(
            fault,
            method="POST" if writes else "GET",
            path="/accounting/.*",
            skip=skip,
            times=times,
            retry_after=RETRY_AFTER_SECONDS,
        )

    def wait(self, delay: timedelta) -> None:
        self.faults.settle()
        self.apideck.pass_time(delay)

    def duplicate(self, kind: ObjectType, platform_id: str) -> None:
        self.apideck.copy(RESOURCES[kind], own_id(platform_id))

    def strange(self, kind: ObjectType, platform_id: str) -> None:
        fields: dict[str, Any] = {"colour": "blue"}
        if kind is not ObjectType.ITEM:
            fields["status"] = "in_dunning"
        self.apideck.distort(RESOURCES[kind], own_id(platform_id), **fields)

    def unreadable(self, kind: ObjectType, platform_id: str) -> None:
        broken: dict[ObjectType, dict[str, Any]] = {
            ObjectType.CONTACT: {"display_name": None, "company_name": None},
            ObjectType.ITEM: {"name": "x" * 300},
            ObjectType.INVOICE: {"invoice_date": None},
            ObjectType.BILL: {"bill_date": "someday"},
            ObjectType.CREDIT_NOTE: {"currency": "XXX"},
            ObjectType.PAYMENT: {"total_amount": None},
            ObjectType.JOURNAL_ENTRY: {"line_items": [{"type": "neither"}]},
        }
        self.apideck.distort(RESOURCES[kind], own_id(platform_id), **broken[kind])

    # Builders, in the ledger's own ids.

    @cached_property
    def known(self) -> Known:
        """Ids of rates, accounts and contacts that are always there."""
        return self.apideck.known

    @cached_property
    def currency(self) -> str:
        """Of the books."""
        return self.apideck.profile.base_currency

    @cached_property
    def customer(self) -> str:
        """A customer, by our id of it."""
        return f"customer:{self.known.customer}"

    @cached_property
    def supplier(self) -> str:
        """A supplier, by our id of it."""
        return f"supplier:{self.known.supplier}"

    @cached_property
    def percent(self) -> dict[str, Decimal]:
        """What each rate comes to: asked of an invoice, because not every ledger says it."""
        found = {}
        for name in ("standard", "reduced"):
            there = self.apideck.enter_invoice(net="100.00", rate=name)
            tax = self.apideck.get("invoices", there)["total_tax"]
            found[getattr(self.known, name)] = Decimal(tax)
        return found

    @cached_property
    def tax_ids(self) -> dict[str, str]:
        """Our ids of the rates; where the ledger gives them none, they are codes."""
        known = {row.get("id") for row in self.apideck.documents("tax-rates")}
        rates = (self.known.standard, self.known.reduced)
        return {rate: rate if rate in known else f"code:{rate}" for rate in rates}

    def line(self, net: str, rate: str | None = None, **fields: Any) -> Line:
        """A line that is taxed with one of the ledger's rates."""
        tax = rate or self.known.standard
        defaults: dict[str, Any] = {
            "description": "Freight",
            "unit_price": Decimal(net),
            "net_amount": Decimal(net),
            "tax_rate": self.percent[tax],
            "tax_rate_id": self.tax_ids[tax],
            "account_id": self.known.sales,
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
            "currency": self.currency,
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
        given = {"number": f"INV-{next(_numbers)}", "contact_id": self.customer, **fields}
        return Invoice(**self.document(lines, day, **given))

    def bill(self, *nets: str, day: dt.date = DAY, **fields: Any) -> Bill:
        """A bill of the supplier."""
        bought = {"account_id": self.known.purchases}
        lines = fields.pop("lines", [self.line(net, **bought) for net in nets or ("80.00",)])
        given = {"number": f"B-{next(_numbers)}", "contact_id": self.supplier, **fields}
        return Bill(**self.document(lines, day, **given))

    def credit_note(self, net: str = "40.00", *, day: dt.date = DAY, **fields: Any) -> CreditNote:
        """A credit note to the customer."""
        lines = fields.pop("lines", [self.line(net)])
        given = {"contact_id": self.customer, "number": f"CN-{next(_numbers)}", **fields}
        return CreditNote(**self.document(lines, day, **given))

    def entry(self, amount: str = "55.00", *, day: dt.date = DAY, **fields: Any) -> JournalEntry:
        """Bank charges."""
        number = next(_numbers)
        defaults: dict[str, Any] = {
            "id": f"ours-{number}",
            "number": f"JE-{number}",
            "date": day,
            "currency": self.currency,
            "description": "Bank charges",
            "lines": (
                JournalLine(account_id=self.known.purchases, debit=Decimal(amount)),
                JournalLine(account_id=self.known.bank, credit=Decimal(amount)),
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
            "currency": self.currency,
            "contact_id": self.customer if side is Side.CUSTOMER else self.supplier,
            "account_id": self.known.bank,
            "method": "cash",
            "allocations": parts,
        }
        return Payment(**(defaults | fields))

    def record(self, kind: ObjectType, day: dt.date) -> AnyRecord:
        """A sample of any type, on a day."""
        number = next(_numbers)
        match kind:
            case ObjectType.CONTACT:
                # Both, so that it takes two steps.
                return Contact(
                    id=f"ours-{number}",
                    name=f"Contact {number}",
                    roles=(ContactRole.CUSTOMER, ContactRole.SUPPLIER),
                    email="office@contact.example",
                    note="Rings twice",
                )
            case ObjectType.ITEM:
                account = self.known.sales
                return Item(
                    id=f"ours-{number}",
                    name=f"Item {number}",
                    unit_price=Decimal("12.5"),
                    sales_account_id=account,
                )
            case ObjectType.INVOICE:
                price = {"quantity": Decimal(3), "unit_price": Decimal("33.283")}
                lines = [
                    self.line("0.12"),
                    self.line("99.85", self.known.reduced, **price),
                ]
                return self.invoice(lines=lines, day=day, due_date=day + timedelta(days=14))
            case ObjectType.BILL:
                return self.bill("80.00", day=day)
            case ObjectType.CREDIT_NOTE:
                return self.credit_note(day=day)
            case ObjectType.PAYMENT:
                return self.payment({self.apideck.enter_invoice(): "40.00"}, day=day)
        return self.entry(day=day)

    # What the engine does.

    @property
    def consistency_delay(self) -> timedelta:
        return SPEC.of({"service_id": self.service}).consistency_delay

    def connector(self, **settings: Any) -> Apideck:
        """A new connector, as each piece of work gets one; its calls are counted in `scope`."""
        self.scope = CallScope("test")
        config = self.configured(**{**self.settings, **settings})
        return Apideck(replace(config, scope=self.scope))


def marks(row: dict[str, Any], marker: str) -> bool:
    """Whether a row that stands carries a marker, in whatever field its type has for it."""
    fields = ("reference", "number", "note", "notes", "memo", "code")
    texts = [row.get(name) for name in fields]
    return row.get("status") not in STANDING and any(marker in str(text) for text in texts)
