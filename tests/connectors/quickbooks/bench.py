"""A company of the simulated QuickBooks, as the conformance suite wants it; and builders."""

import datetime as dt
import itertools
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

import httpx
from pydantic import BaseModel

from connectors.base import CallScope, ConnectorConfig
from connectors.conformance import RETRY_AFTER_SECONDS
from connectors.faults import Fault
from connectors.quickbooks import SPEC
from connectors.quickbooks.connector import QuickBooks
from connectors.quickbooks.settings import QuickBooksCredentials, QuickBooksSettings
from connectors.quickbooks.simulator import Company, Known, QuickBooksRules
from connectors.quickbooks.simulator import QuickBooks as Simulator
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
"""Up to it, the books are closed."""
ENTITIES = {
    ObjectType.LEDGER_ACCOUNT: ("Account",),
    ObjectType.TAX_RATE: ("TaxCode",),
    ObjectType.CONTACT: ("Customer", "Vendor"),
    ObjectType.ITEM: ("Item",),
    ObjectType.INVOICE: ("Invoice",),
    ObjectType.BILL: ("Bill",),
    ObjectType.CREDIT_NOTE: ("CreditMemo", "VendorCredit"),
    ObjectType.PAYMENT: ("Payment", "BillPayment"),
    ObjectType.JOURNAL_ENTRY: ("JournalEntry",),
}
_PREFIXED = {
    "customer": "Customer",
    "vendor": "Vendor",
    "credit-memo": "CreditMemo",
    "vendor-credit": "VendorCredit",
    "payment": "Payment",
    "bill-payment": "BillPayment",
}
UNLIMITED: dict[str, Any] = {
    "second_limit": 10**9,
    "minute_limit": 10**9,
    "batch_minute_limit": 10**9,
    "all_minute_limit": 10**9,
    "monthly_reads": None,
}
_numbers = itertools.count(1)


def cents(amount: Decimal | str) -> Decimal:
    """Rounded half up, as invoices are."""
    return Decimal(amount).quantize(Decimal("0.01"), rounding="ROUND_HALF_UP")


def place_of(kind: ObjectType, kept: str) -> tuple[str, str]:
    """The entity and the id behind an id that we keep."""
    prefix, colon, row_id = kept.partition(":")
    return (_PREFIXED[prefix], row_id) if colon else (ENTITIES[kind][0], kept)


class QuickBooksBench(OneByOne):
    """One company, without sockets and without limits."""

    def __init__(
        self,
        country: str = "uk",
        quickbooks: Simulator | None = None,
        *,
        rules: dict[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        self.quickbooks = quickbooks or Simulator(QuickBooksRules(**{**UNLIMITED, **(rules or {})}))
        self.country = country
        self.company: Company = getattr(self.quickbooks, country)
        self.faults = self.quickbooks.faults
        self.http = httpx.Client(transport=self.quickbooks.transport())
        self.settings = settings
        self.scope = CallScope("test")
        self._tokens: dict[str, Any] = {}
        self.company.close_books(CLOSED_DAY)

    # What the suite asks for.

    def config(self) -> ConnectorConfig:
        return self.configured(**self.settings)

    def configured(self, **settings: Any) -> ConnectorConfig:
        """The same with other settings."""
        # An item for the account of our samples: so that a write is one write.
        given = {"items": {self.known.sales: self.known.item}, **settings}
        return ConnectorConfig(
            base_url="http://quickbooks.test",
            credentials=QuickBooksCredentials.model_validate(self.tokens),
            settings=QuickBooksSettings.model_validate(given),
            http=self.http,
            scope=CallScope("conformance"),
        )

    @property
    def tokens(self) -> dict[str, Any]:
        """Of a consent; they live for an hour of the ledger's time."""
        if not self._tokens:
            self._tokens = self.quickbooks.credentials(self.company)
        return self._tokens

    def wrong_credentials(self) -> BaseModel:
        given = {**self.tokens, "access_token": "nobody-signed-in-with-this"}
        return QuickBooksCredentials.model_validate(given)

    def sample(self, kind: ObjectType) -> AnyRecord:
        return self.record(kind, DAY)

    def refused(self, kind: ObjectType) -> AnyRecord:
        match kind:
            case ObjectType.CONTACT:
                name = f"Taken {next(_numbers)}"
                self.company.add_employee(name)
                return self.record(kind, DAY).model_copy(update={"name": name})
            case ObjectType.ITEM:
                return self.record(kind, DAY).model_copy(update={"name": "x" * 200})
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
            case Payment():
                part = record.allocations[0].model_copy(update={"amount": Decimal(20)})
                return record.model_copy(update={"amount": Decimal(20), "allocations": (part,)})
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
        """One that is both customer and vendor counts once."""
        if kind is ObjectType.CONTACT:
            return len(self.company.documents_with("Customer", marker))
        if kind is ObjectType.ITEM:
            return sum(row.get("Sku") == marker for row in self.company.rows("Item"))
        return sum(len(self.company.documents_with(one, marker)) for one in ENTITIES[kind])

    def arm(self, fault: Fault, *, writes: bool, skip: int = 0, times: int = 1) -> None:
        what = "writes" if writes else "reads"
        self.quickbooks.arm(fault, what, skip=skip, times=times, retry_after=RETRY_AFTER_SECONDS)

    def wait(self, delay: timedelta) -> None:
        self.faults.settle()
        self.quickbooks.pass_time(delay)
        self._tokens = {}

    def duplicate(self, kind: ObjectType, platform_id: str) -> None:
        self.company.copy(*place_of(kind, platform_id))

    def strange(self, kind: ObjectType, platform_id: str) -> None:
        self.company.distort(*place_of(kind, platform_id), Colour="blue", status="InDunning")

    def unreadable(self, kind: ObjectType, platform_id: str) -> None:
        broken: dict[ObjectType, dict[str, Any]] = {
            ObjectType.CONTACT: {"DisplayName": None, "CompanyName": None},
            ObjectType.ITEM: {"Name": None},
            ObjectType.INVOICE: {"TxnDate": None},
            ObjectType.BILL: {"TxnDate": "someday"},
            ObjectType.CREDIT_NOTE: {"CurrencyRef": {"value": "XXX"}},
            ObjectType.PAYMENT: {"TotalAmt": None},
            ObjectType.JOURNAL_ENTRY: {
                "Line": [{"Amount": 5, "JournalEntryLineDetail": {"PostingType": "Neither"}}]
            },
        }
        self.company.distort(*place_of(kind, platform_id), **broken[kind])

    # What tests need besides.

    @property
    def consistency_delay(self) -> timedelta:
        return SPEC.consistency_delay

    def connector(self, **settings: Any) -> QuickBooks:
        """A new connector; its calls are counted in `scope`."""
        given = self.configured(**{**self.settings, **settings})
        return QuickBooks(
            ConnectorConfig(
                base_url=given.base_url,
                credentials=given.credentials,
                settings=given.settings,
                http=given.http,
                scope=self.scope,
            )
        )

    @property
    def writes(self) -> int:
        """How many calls wrote something, batches included."""
        self.quickbooks.faults.settle()
        read = {"query", "cdc", "batch"}
        return sum(
            times
            for name, times in self.quickbooks.calls.items()
            if name not in read and not name.startswith("read ")
        )

    # Builders, in the company's own ids.

    @cached_property
    def known(self) -> Known:
        """Ids of what is always there."""
        return self.company.known

    @property
    def customer(self) -> str:
        """A customer, by our id of it."""
        return f"customer:{self.known.customer}"

    @property
    def supplier(self) -> str:
        """A vendor, by our id of it."""
        return f"vendor:{self.known.vendor}"

    @property
    def taxed(self) -> str:
        """The code for the lines of our samples."""
        return self.known.tax_standard if self.country == "uk" else self.known.tax_none

    def percent(self, code: str) -> Decimal:
        """What a code comes to."""
        return self.company.percent(code) or Decimal(0)

    def line(self, net: str, code: str | None = None, **fields: Any) -> Line:
        """A line that is taxed with one of the company's codes."""
        tax = code or self.taxed
        defaults: dict[str, Any] = {
            "description": "Freight",
            "unit_price": Decimal(net),
            "net_amount": Decimal(net),
            "tax_rate": self.percent(tax),
            "tax_rate_id": tax,
            "account_id": self.known.sales,
        }
        return Line(**(defaults | fields))

    def document(self, lines: Sequence[Line], day: dt.date, **fields: Any) -> dict[str, Any]:
        """Header and sums of lines, with tax rounded by line."""
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
            "id": f"ours-{next(_numbers)}",
            "issue_date": day,
            "currency": self.company.currency,
            "lines": tuple(lines),
            "tax_breakdown": tuple(taxes),
            "net_total": net_total,
            "tax_total": tax_total,
            "total": net_total + tax_total,
            **fields,
        }

    def invoice(self, *nets: str, day: dt.date = DAY, **fields: Any) -> Invoice:
        """An invoice with a taxed line for each amount."""
        lines = fields.pop("lines", [self.line(net) for net in nets or ("100.00",)])
        given = {"number": f"INV-{next(_numbers)}", "contact_id": self.customer, **fields}
        return Invoice(**self.document(lines, day, **given))

    def bill(self, *nets: str, day: dt.date = DAY, **fields: Any) -> Bill:
        """A bill of the vendor."""
        bought = {"account_id": self.known.purchases}
        lines = fields.pop("lines", [self.line(net, **bought) for net in nets or ("80.00",)])
        given = {"number": f"B-{next(_numbers)}", "contact_id": self.supplier, **fields}
        return Bill(**self.document(lines, day, **given))

    def credit_note(self, net: str = "40.00", *, day: dt.date = DAY, **fields: Any) -> CreditNote:
        """A credit to the customer; of the vendor with `side`."""
        bought = fields.get("side") is Side.SUPPLIER
        account = self.known.purchases if bought else self.known.sales
        lines = fields.pop("lines", [self.line(net, account_id=account)])
        party = self.supplier if bought else self.customer
        given = {"contact_id": party, "number": f"CN-{next(_numbers)}", **fields}
        return CreditNote(**self.document(lines, day, **given))

    def entry(self, amount: str = "55.00", *, day: dt.date = DAY, **fields: Any) -> JournalEntry:
        """Bank charges."""
        number = next(_numbers)
        defaults: dict[str, Any] = {
            "id": f"ours-{number}",
            "number": f"JE-{number}",
            "date": day,
            "currency": self.company.currency,
            "description": "Bank charges",
            "lines": (
                JournalLine(account_id=self.known.purchases, debit=Decimal(amount)),
                JournalLine(account_id=self.known.bank, credit=Decimal(amount)),
            ),
        }
        return JournalEntry(**(defaults | fields))

    def payment(
        self,
        paid: dict[str, str],
        *,
        credits: dict[str, str] | None = None,  # noqa: A002  # what they are called
        side: Side = Side.CUSTOMER,
        day: dt.date = DAY,
        **fields: Any,
    ) -> Payment:
        """A payment of documents (id → amount), with credit of notes."""
        kind = ObjectType.INVOICE if side is Side.CUSTOMER else ObjectType.BILL
        parts = [
            Allocation(document_type=kind, document_id=one, amount=Decimal(amount))
            for one, amount in paid.items()
        ]
        settled = sum((part.amount for part in parts), Decimal(0))
        for one, amount in (credits or {}).items():
            note = ObjectType.CREDIT_NOTE
            parts.append(Allocation(document_type=note, document_id=one, amount=Decimal(amount)))
            settled -= Decimal(amount)
        defaults: dict[str, Any] = {
            "id": f"ours-{next(_numbers)}",
            "side": side,
            "date": day,
            "amount": settled,
            "currency": self.company.currency,
            "contact_id": self.customer if side is Side.CUSTOMER else self.supplier,
            "account_id": self.known.bank,
            "allocations": tuple(parts),
        }
        return Payment(**(defaults | fields))

    def record(self, kind: ObjectType, day: dt.date) -> AnyRecord:
        """A sample of any type, on a day."""
        number = next(_numbers)
        match kind:
            case ObjectType.CONTACT:
                roles = (ContactRole.CUSTOMER, ContactRole.SUPPLIER)
                return Contact(id=f"ours-{number}", name=f"Rossi SpA {number}", roles=roles)
            case ObjectType.ITEM:
                return Item(
                    id=f"ours-{number}",
                    name=f"Freight {number}",
                    unit_price=Decimal("12.50"),
                    sales_account_id=self.known.sales,
                )
            case ObjectType.INVOICE:
                return self.invoice(day=day)
            case ObjectType.BILL:
                return self.bill(day=day)
            case ObjectType.CREDIT_NOTE:
                return self.credit_note(day=day)
            case ObjectType.PAYMENT:
                return self.payment({self.company.add_invoice(): "30.00"}, day=day)
            case ObjectType.JOURNAL_ENTRY:
                return self.entry(day=day)
        raise AssertionError(kind)
