"""The simulated Sage Active as the conformance suite wants it, and builders in its ids."""

import datetime as dt
import itertools
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

import httpx
from pydantic import BaseModel

from connectors.base import (
    CallScope,
    ConnectorConfig,
)
from connectors.conformance import RETRY_AFTER_SECONDS
from connectors.faults import Fault
from connectors.sage_active import SPEC
from connectors.sage_active.connector import SageActive
from connectors.sage_active.settings import SageActiveCredentials, SageActiveSettings
from connectors.sage_active.simulator import Company, SageActiveLedger
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

DAY = dt.date(2026, 5, 12)
CLOSED_DAY = dt.date(2024, 6, 3)
"""In a fiscal year that is closed in every sample company."""
NORMAL = {"FR": "20", "ES": "21", "DE": "19"}
REDUCED = {"FR": "10", "ES": "10", "DE": "7"}
WRITING, READING = r'"query":\s*"mutation', r'"query":\s*"query'
_numbers = itertools.count(1)


def cents(amount: Decimal | str) -> Decimal:
    """Rounded half up, as invoices are."""
    return Decimal(amount).quantize(Decimal("0.01"), rounding="ROUND_HALF_UP")


class SageBench(OneByOne):
    """One company of a simulated Sage Active, without sockets."""

    def __init__(
        self,
        country: str = "FR",
        ledger: SageActiveLedger | None = None,
        **settings: Any,
    ) -> None:
        self.ledger = ledger or SageActiveLedger()
        self.company: Company = getattr(self.ledger, country.lower())
        self.country = country
        self.faults = self.ledger.faults
        self.settings = settings
        self.scope = CallScope("test")
        self.http = httpx.Client(transport=self.ledger.transport())
        self._credentials = self.ledger.credentials()

    # What the suite asks for.

    def config(self) -> ConnectorConfig:
        return self.configured(**self.settings)

    def configured(self, **settings: Any) -> ConnectorConfig:
        """The same with other settings."""
        given = {"organization_id": self.company.id, **settings}
        return ConnectorConfig(
            base_url="http://sage.test",
            credentials=SageActiveCredentials.model_validate(
                {**self._credentials, "subscription_key": self.ledger.rules.primary_key}
            ),
            settings=SageActiveSettings.model_validate(given),
            http=self.http,
            scope=CallScope("conformance"),
        )

    def wrong_credentials(self) -> BaseModel:
        return SageActiveCredentials.model_validate(
            {
                "access_token": "nobody-signed-in-with-this",
                "subscription_key": self.ledger.rules.primary_key,
            }
        )

    def sample(self, kind: ObjectType) -> AnyRecord:
        return self.record(kind, DAY)

    def refused(self, kind: ObjectType) -> AnyRecord:
        match kind:
            case ObjectType.CONTACT:
                taken = self.company.row("customers", self.company.customer())["code"]
                return self.record(kind, DAY).model_copy(update={"number": taken})
            case ObjectType.ITEM:
                taken = self.company.rows("products")[0]["code"]
                return self.record(kind, DAY).model_copy(update={"code": taken})
            case ObjectType.PAYMENT:
                payment = self.record(kind, DAY)
                assert isinstance(payment, Payment)
                part = payment.allocations[0].model_copy(update={"amount": Decimal(90_000)})
                update = {"amount": Decimal(90_000), "allocations": (part,)}
                return payment.model_copy(update=update)
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
            case _:
                raise AssertionError(record.type)
        kept = record.model_dump(include={"id", "number", "contact_id", "issue_date"})
        return new.model_copy(update=kept)

    def count(self, kind: ObjectType, marker: str) -> int:
        match kind:
            case ObjectType.CONTACT:
                # One that is both is a customer and a supplier.
                return len(self.company.documents_with("customers", marker))
            case ObjectType.ITEM:
                rows = self.company.rows("products")
                return sum(marker in (row.get("comments") or "") for row in rows)
            case ObjectType.INVOICE:
                return len(self.company.documents_with("salesInvoices", marker))
            case ObjectType.BILL:
                return len(self.company.documents_with("purchaseInvoices", marker))
            case ObjectType.PAYMENT:
                return len(self.company.payments_with(marker))
        return len(self.company.documents_with("accountingEntries", marker))

    def arm(self, fault: Fault, *, writes: bool, skip: int = 0, times: int = 1) -> None:
        self.faults.arm(
            fault,
            method="POST",
            path="/graphql",
            body=WRITING if writes else READING,
            skip=skip,
            times=times,
            retry_after=RETRY_AFTER_SECONDS,
        )

    def wait(self, delay: timedelta) -> None:
        self.faults.settle()
        self.ledger.pass_time(delay)

    def duplicate(self, kind: ObjectType, platform_id: str) -> None:
        self.company.copy(TABLES[kind], platform_id)

    def strange(self, kind: ObjectType, platform_id: str) -> None:
        if kind in {ObjectType.INVOICE, ObjectType.BILL}:
            self.company.edit(TABLES[kind], platform_id, status="InDunning")

    def unreadable(self, kind: ObjectType, platform_id: str) -> None:
        broken: dict[ObjectType, dict[str, Any]] = {
            ObjectType.CONTACT: {"socialName": None, "tradeName": None},
            ObjectType.ITEM: {"name": "x" * 300},
            ObjectType.INVOICE: {"documentDate": None},
            ObjectType.BILL: {"invoiceDate": None},
        }
        self.company.edit(TABLES[kind], platform_id, **broken.get(kind, {"date": None}))

    # Builders, in the company's own ids.

    @cached_property
    def customer(self) -> str:
        """A customer of the company's own country."""
        return self.company.customer()

    @cached_property
    def supplier(self) -> str:
        """A supplier."""
        return self.company.supplier()

    @cached_property
    def bank(self) -> str:
        """The account of the bank."""
        method = self.company.row("paymentMethods", self.company.bank())
        return str(method["subAccountId"])

    @cached_property
    def expense(self) -> dict[str, Any]:
        """An account for purchases whose tax code is that of the normal rate."""
        rows = self.company.rows("accountingAccounts", subAccountType="CHARGE", deactivated=False)
        return next(row for row in rows if row["taxTreatmentId"])

    def account(self, kind: str) -> str:
        """The id of the usual account of a kind."""
        return self.company.account(self.company.account_of(kind))

    def tax(self, percent: str) -> str:
        """The id of a national rate that is in use."""
        group = self.company.tax_group(percent)
        (row,) = self.company.rows("taxes", groupId=group, inactive=False)
        return str(row["id"])

    def line(self, net: str, percent: str, **fields: Any) -> Line:
        """A line that a product of its rate is sold by."""
        product = self.company.row("products", self.company.product(percent))
        defaults: dict[str, Any] = {
            "description": "Freight",
            "unit_price": Decimal(net),
            "net_amount": Decimal(net),
            "tax_rate": Decimal(percent),
            "tax_rate_id": self.tax(percent),
            "account_id": product["salesAccountingAccountId"],
        }
        return Line(**(defaults | fields))

    def document(self, lines: Sequence[Line], day: dt.date, **fields: Any) -> dict[str, Any]:
        """Header and sums of lines, with tax rounded by rate."""
        number = next(_numbers)
        nets: dict[tuple[str, Decimal], Decimal] = {}
        for line in lines:
            key = (line.tax_rate_id or "", line.tax_rate or Decimal(0))
            nets[key] = nets.get(key, Decimal(0)) + line.net_amount
        taxes = [
            TaxSubtotal(
                taxable_amount=net,
                tax_amount=cents(net * rate / 100),
                rate=rate,
                tax_rate_id=tax or None,
            )
            for (tax, rate), net in nets.items()
        ]
        net_total = sum(nets.values(), Decimal(0))
        tax_total = sum((one.tax_amount for one in taxes), Decimal(0))
        return {
            "id": f"ours-{number}",
            "issue_date": day,
            "currency": "EUR",
            "lines": tuple(lines),
            "tax_breakdown": tuple(taxes),
            "net_total": net_total,
            "tax_total": tax_total,
            "total": net_total + tax_total,
            **fields,
        }

    def invoice(self, *nets: str, day: dt.date = DAY, **fields: Any) -> Invoice:
        """An invoice with a line of the normal rate for each amount."""
        rate = NORMAL[self.country]
        lines = fields.pop("lines", [self.line(net, rate) for net in nets or ("100.00",)])
        number = f"INV-{next(_numbers)}"
        given = {"number": number, "contact_id": self.customer, **fields}
        return Invoice(**self.document(lines, day, **given))

    def bought(self, net: str, percent: str) -> Line:
        """A line of a bill."""
        return self.line(net, percent, account_id=self.expense["id"])

    def bill(self, *nets: str, day: dt.date = DAY, **fields: Any) -> Bill:
        """A bill without a number: our marker takes its place."""
        rate = NORMAL[self.country]
        lines = fields.pop("lines", [self.bought(net, rate) for net in nets or ("80.00",)])
        given = {"contact_id": self.supplier, **fields}
        return Bill(**self.document(lines, day, **given))

    def credit_note(self, net: str = "40.00", *, day: dt.date = DAY, **fields: Any) -> CreditNote:
        """A credit note to the customer."""
        lines = fields.pop("lines", [self.line(net, NORMAL[self.country])])
        given = {"contact_id": self.customer, "number": f"CN-{next(_numbers)}", **fields}
        return CreditNote(**self.document(lines, day, **given))

    def entry(self, amount: str = "55.00", *, day: dt.date = DAY, **fields: Any) -> JournalEntry:
        """Bank charges."""
        number = next(_numbers)
        defaults: dict[str, Any] = {
            "id": f"ours-{number}",
            "number": f"JE-{number}",
            "date": day,
            "currency": "EUR",
            "description": "Bank charges",
            "lines": (
                JournalLine(account_id=self.account("CHARGE"), debit=Decimal(amount)),
                JournalLine(account_id=self.bank, credit=Decimal(amount)),
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
            "currency": "EUR",
            "contact_id": self.customer if side is Side.CUSTOMER else self.supplier,
            "account_id": self.bank,
            "allocations": parts,
        }
        return Payment(**(defaults | fields))

    def posted_invoice(self, *lines: tuple[str, str], **fields: Any) -> str:
        """An invoice that people have entered and posted; its id."""
        given = lines or ((NORMAL[self.country], "100.00"),)
        invoice = self.company.add_invoice(given, **fields)
        self.company.close_invoice(invoice)
        self.company.post_invoice(invoice)
        return invoice

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
                return Item(id=f"ours-{number}", name=f"Item {number}", unit_price=Decimal("12.5"))
            case ObjectType.INVOICE:
                rates = NORMAL[self.country], REDUCED[self.country]
                lines = [
                    self.line("0.12", rates[0]),
                    self.line("99.85", rates[1], quantity=Decimal(3), unit_price=Decimal("33.283")),
                ]
                return self.invoice(lines=lines, day=day, due_date=day + timedelta(days=14))
            case ObjectType.BILL:
                return self.bill("80.00", day=day)
            case ObjectType.CREDIT_NOTE:
                return self.credit_note(day=day)
            case ObjectType.PAYMENT:
                return self.payment({self.posted_invoice(): "40.00"}, day=day)
        return self.entry(day=day)

    @property
    def consistency_delay(self) -> timedelta:
        return SPEC.consistency_delay

    def connector(self, **settings: Any) -> SageActive:
        """A new connector, as each piece of work gets one; its calls are counted in `scope`."""
        self.scope = CallScope("test")
        config = self.configured(**{**self.settings, **settings})
        return SageActive(replace(config, scope=self.scope))

    def operations(self) -> list[str]:
        """The names of the operations that were asked for, oldest first."""
        named = re.compile(rb'"operationName":\s*"(\w+)"')
        bodies = [request.body for request in self.ledger.traffic.log]
        return [match[1].decode() for body in bodies if (match := named.search(body))]


TABLES = {
    ObjectType.CONTACT: "customers",
    ObjectType.ITEM: "products",
    ObjectType.INVOICE: "salesInvoices",
    ObjectType.BILL: "purchaseInvoices",
    ObjectType.CREDIT_NOTE: "accountingEntries",
    ObjectType.PAYMENT: "accountingEntries",
    ObjectType.JOURNAL_ENTRY: "accountingEntries",
}
