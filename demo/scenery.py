"""Two billing platforms, two companies, two ledgers: what is issued where, and where it belongs.

Tryton is real; Xero, the SoftwareOne Marketplace and Qargo are simulated. The judge asks the ledgers
and the platforms, and nobody else.
"""

import contextlib
import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from connectors.faults import Fault
from connectors.qargo.simulator import ClientKind, Line, Qargo
from connectors.softwareone.simulator import Marketplace
from connectors.xero.simulator import Xero
from demo.ledger import BANK_ACCOUNT, GOODS_ACCOUNT, PURCHASE_ACCOUNT, TrytonLedger

DAY = dt.date(2026, 10, 5)
RATE = Decimal("1.2")
"""What of every net amount the total is: both countries have 20 % of tax."""


class AstrayError(RuntimeError):
    """A document is missing, doubled, in the wrong books, or not equal; says which."""


@dataclass(frozen=True)
class Link:
    """What a connection is made of."""

    provider: str
    url: str
    credentials: Any
    settings: dict[str, Any]


@dataclass
class Company:
    """A billing entity: whose documents come from where, and into which books they belong."""

    code: str
    legal_name: str
    ledger: str
    currency: str
    seller: str
    """At the marketplace."""
    buyer: str
    documents: dict[str, Decimal] = field(default_factory=dict)
    """Number and total of everything that was issued for it; credit memos are negative."""


class Scenery:
    """Platforms, companies and ledgers."""

    def __init__(
        self, tryton: TrytonLedger, xero: Xero, market: Marketplace, qargo: Qargo, *, prefix: str
    ) -> None:
        """`prefix` begins the numbers of freight invoices: books may hold those of others."""
        self.tryton = tryton
        self.xero = xero
        self.market = market
        self.qargo = qargo
        self._prefix = prefix
        known = market.known
        self.companies = [
            Company("FR", "Transports Lumière SARL", "tryton", "EUR", known.seller, known.buyer),
            Company("UK", "Brightwater Ltd", "xero", "GBP", known.other_seller, known.second_buyer),
        ]

    def issue(self, company: Company, *, invoices: int, memos: int, freight: int) -> None:
        """The platforms issue a company's documents."""
        usual: dict[str, Any] = {
            "vat": "20",
            "buyer": company.buyer,
            "currency": company.currency,
            "date": DAY,
        }
        for number in range(1, invoices + 1):
            net = Decimal(100 + number)
            made = self.market.add_invoice(
                net=net, number=f"{self._prefix}-INV-{company.code}-{number:03}", **usual
            )
            company.documents[self.market.get(made)["documentNo"]] = net * RATE
        for number in range(1, memos + 1):
            net = Decimal(10 + number)
            made = self.market.add_credit_memo(
                net=net, number=f"{self._prefix}-MEMO-{company.code}-{number:03}", **usual
            )
            company.documents[self.market.get(made)["documentNo"]] = -net * RATE
        self.qargo.add_entity(company.code, country="GB" if company.code == "UK" else "FR")
        account = GOODS_ACCOUNT if company.ledger == "tryton" else self.xero.uk.known.sales
        with contextlib.suppress(ValueError):
            self.qargo.add_account(company.code, account, "Freight sold")
        for number in range(1, freight + 1):
            net, name = Decimal(200 + number), f"{self._prefix}-FRT-{company.code}-{number:03}"
            lines = [Line(str(net), account=account)]
            self.qargo.add_invoice(
                company.code, lines=lines, date=DAY, number=name, currency=company.currency
            )
            company.documents[name] = net * RATE

    def ledger_of(self, company: Company) -> Link:
        """How a company's books are reached."""
        if company.ledger == "tryton":
            return Link(
                "tryton",
                self.tryton.url,
                {"login": self.tryton.login, "password": self.tryton.password},
                {
                    "database": self.tryton.database,
                    "default_sales_account": GOODS_ACCOUNT,
                    "default_purchase_account": PURCHASE_ACCOUNT,
                    "payment_account": BANK_ACCOUNT,
                    "consistency_delay_seconds": 2,
                },
            )
        known = self.xero.uk.known
        return Link(
            "xero",
            self.xero.base_url,
            self.xero.credentials(),
            {
                "organisation": self.xero.uk.name,
                "default_sales_account": known.sales,
                "default_purchase_account": known.purchases,
                "payment_account": known.bank,
                "consistency_delay_seconds": 2,
            },
        )

    def sources_of(self, company: Company) -> list[Link]:
        """Where a company's documents come from."""
        return [
            Link(
                "softwareone",
                self.market.base_url,
                self.market.credentials("operations"),
                {"account_role": "operations", "sellers": [company.seller]},
            ),
            Link(
                "qargo",
                self.qargo.base_url,
                self.qargo.credentials(ClientKind.INT, company.code),
                {"billing_entity_codes": [company.code], "consistency_delay_seconds": 2},
            ),
        ]

    def arm(self) -> None:
        """What goes wrong from now on: lost answers, and a waiting list that shows too much."""
        self.qargo.ignores_filter = True
        report = r".*/sync-tasks/[^/]+/update-status"
        self.qargo.faults.arm(Fault.DROP_AFTER, method="POST", path=report, times=2)
        self.qargo.faults.arm(Fault.DROP_BEFORE, method="POST", path=report, skip=2, times=1)
        self.market.faults.arm(Fault.ERROR_BEFORE, method="GET", path=".*/invoices.*", times=1)
        self.xero.arm(Fault.DROP_AFTER, path="/Invoices", method="PUT", times=1)
        self.xero.arm(Fault.DROP_AFTER, path="/CreditNotes", method="PUT", times=1)

    @property
    def injected(self) -> int:
        """How many answers were lost or wrong."""
        return sum(one.faults.injected.total() for one in (self.xero, self.market, self.qargo))

    @property
    def waiting(self) -> int:
        """How many documents Qargo waits to hear of."""
        return sum(task.status == "TODO" for task in self.qargo.tasks())

    def in_the_books(self, company: Company) -> list[tuple[str, Decimal]]:
        """Number and total of every sales document in a company's ledger, by its own word."""
        if company.ledger == "tryton":
            rows = self.tryton.invoices(["type", "=", "out"])
            return [
                (one.reference or "", one.total) for one in rows if one.state in {"posted", "paid"}
            ]
        invoices = [
            (one["InvoiceNumber"], Decimal(str(one["Total"])))
            for one in self.xero.uk.rows("Invoices")
        ]
        memos = [
            (one["CreditNoteNumber"], -Decimal(str(one["Total"])))
            for one in self.xero.uk.rows("CreditNotes")
        ]
        return invoices + memos

    def judged(self) -> list[tuple[Company, Decimal, Decimal]]:
        """Both ledgers and both platforms against what was issued: (company, issued, there).

        Raises:
            AstrayError: Something is missing, doubled, astray, not equal, or told twice.
        """
        sums = [self._judged(company, self.in_the_books(company)) for company in self.companies]
        for task in self.qargo.tasks():
            if (times := self.qargo.postings(task.document_id)) != 1:
                raise AstrayError(f"Qargo was told {times} times that {task.id} is posted")
        if twice := self.xero.twice():
            raise AstrayError(f"Xero has something twice: {twice}")
        astray = {one["InvoiceNumber"] for one in self.xero.au.rows("Invoices")}
        if astray & {number for one in self.companies for number in one.documents}:
            raise AstrayError("a document is in the books of another organisation")
        return sums

    def _judged(
        self, company: Company, books: Sequence[tuple[str, Decimal]]
    ) -> tuple[Company, Decimal, Decimal]:
        there = Counter(number for number, _ in books)
        totals = dict(books)
        for number, total in company.documents.items():
            if there[number] != 1:
                raise AstrayError(f"{company.ledger} has {number} {there[number]} times")
            if totals[number] != total:
                raise AstrayError(f"{number}: {total} was issued, {totals[number]} is there")
        others = [one for one in self.companies if one is not company]
        foreign = {number for one in others for number in one.documents}
        if astray := sorted(foreign & there.keys()):
            raise AstrayError(f"{company.ledger} has another company's documents: {astray[:3]}")
        issued = sum(company.documents.values(), Decimal(0))
        return company, issued, sum((totals[one] for one in company.documents), Decimal(0))
