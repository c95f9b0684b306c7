"""A real Tryton with faults in front of it, and builders in its own ids."""

import datetime as dt
import itertools
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from typing import Any

import httpx
from pydantic import SecretStr

from connectors.base import (
    Accepted,
    CallScope,
    ConnectorConfig,
    Failed,
    Found,
    Operation,
    Progressed,
    PushItem,
    PushResult,
)
from connectors.errors import ConnectorError, OutcomeUnknown, Transient
from connectors.loopback import FaultProxy
from connectors.tryton.books import Books as ReferenceData
from connectors.tryton.connector import Tryton
from connectors.tryton.settings import TrytonCredentials, TrytonSettings
from demo.ledger import (
    BANK_ACCOUNT,
    PURCHASE_ACCOUNT,
    SALES_ACCOUNT,
    Books,
    TrytonLedger,
)
from models.canonical import (
    Allocation,
    AnyRecord,
    Bill,
    CreditNote,
    Invoice,
    JournalEntry,
    JournalLine,
    Line,
    ObjectType,
    Payment,
    Side,
    TaxSubtotal,
)

YEAR = dt.datetime.now(dt.UTC).year
DAY = dt.date(YEAR - 1, 6, 15)
"""Past, so that Tryton does not ask about the future, and in an open period."""
BOOKS = Books(years=(YEAR - 2, YEAR - 1, YEAR, YEAR + 1), closed=(f"{YEAR - 2}-01",))
"""A closed month two years ago; all tests share one prepared database."""
_numbers = itertools.count(1)


class TrytonProxy(FaultProxy):
    """A proxy that asks Tryton for gzip, as every client must.

    Tryton 8.2 says `Content-Encoding: gzip` of every answer above 1400 characters, also of those
    that it has not compressed because nobody asked for it (`protocols/jsonrpc.py`).
    """

    def start(self, port: int = 0) -> str:
        """Serve in a thread; every forwarded request accepts gzip."""
        url = super().start(port)
        forward = self._transport.handle_request

        def asking_for_gzip(request: httpx.Request) -> httpx.Response:
            request.headers["accept-encoding"] = "gzip"
            return forward(request)

        self._transport.handle_request = asking_for_gzip  # type: ignore[method-assign]  # a test
        return url


def cents(amount: Decimal | str) -> Decimal:
    """Rounded half up, as invoices are."""
    return Decimal(amount).quantize(Decimal("0.01"), rounding="ROUND_HALF_UP")


@dataclass
class Bench:
    """What tests do with the ledger."""

    ledger: TrytonLedger
    proxy: FaultProxy
    url: str
    http: httpx.Client
    session: str | None = None
    context: dict[str, Any] | None = None
    known: ReferenceData | None = None
    scope: CallScope = field(default_factory=lambda: CallScope("test"))

    def __post_init__(self) -> None:
        self.sales = str(self.ledger.account(SALES_ACCOUNT))
        self.purchases = str(self.ledger.account(PURCHASE_ACCOUNT))
        self.bank = str(self.ledger.account(BANK_ACCOUNT))
        self.customer = self.party("Customer")
        self.supplier = self.party("Supplier")
        self.vat = {
            rate: str(self.ledger.tax(name))
            for rate, name in (("20", "VAT 20 %"), ("5.5", "VAT 5.5 %"), ("0", "VAT 0 %"))
        }

    def config(
        self,
        *,
        settings: dict[str, Any] | None = None,
        login: str | None = None,
        password: str | None = None,
        url: str | None = None,
        organisation_id: str | None = None,
    ) -> ConnectorConfig:
        """A configuration for the sync user, through the proxy."""
        return ConnectorConfig(
            base_url=url or self.url,
            credentials=TrytonCredentials(
                login=login or self.ledger.login,
                password=SecretStr(password or self.ledger.password),
            ),
            settings=TrytonSettings(**({"database": self.ledger.database} | (settings or {}))),
            http=self.http,
            scope=self.scope,
            organisation_id=organisation_id,
        )

    def connector(self, **wanted: Any) -> Tryton:
        """A new connector, as each push gets one.

        The sync user logs in once (Tryton takes an eighth of a second to check a password), and
        preferences and reference data are read once.
        """
        made = Tryton(self.config(**wanted))
        if not {"login", "password", "url"} & wanted.keys():
            if self.session is None:
                self.session = made._client._header()
            made._client._session = self.session
            if "settings" not in wanted:
                self.context = self.context or made._client.context
                made._client._context = self.context
            self._remember(made._books)
        return made

    def _remember(self, books: ReferenceData) -> None:
        """Let a new connector know what the last one has read of the books."""
        if self.known is not None:
            own = {"client", "settings"}
            known = {name: value for name, value in vars(self.known).items() if name not in own}
            vars(books).update(known)
        self.known = books

    @cached_property
    def large_bill(self) -> str:
        """The id of a bill that can be paid in part again and again."""
        lines = [self.line("1000000.00", None, account_id=self.purchases)]
        return self.accepted(self.bill(lines=lines)).platform_id

    # Records.

    def party(self, name: str = "Party") -> str:
        """The id of a new party."""
        return str(self.ledger.enter_party(f"{name} {next(_numbers)}"))

    def line(self, net: str = "100.00", rate: str | None = "20", **fields: Any) -> Line:
        """A line of one unit."""
        defaults: dict[str, Any] = {
            "description": "Work",
            "unit_price": Decimal(net),
            "net_amount": Decimal(net),
            "tax_rate": Decimal(rate) if rate else None,
            "tax_rate_id": self.vat[rate] if rate else None,
            "account_id": self.sales,
        }
        return Line(**(defaults | fields))

    def _document(self, fields: dict[str, Any], account: str) -> dict[str, Any]:
        lines = tuple(fields.pop("lines", None) or [self.line(account_id=account)])
        bases: dict[str | None, tuple[Decimal, Decimal]] = {}
        for line in lines:
            if line.tax_rate is not None:
                rate, base = bases.get(line.tax_rate_id, (line.tax_rate, Decimal(0)))
                bases[line.tax_rate_id] = (rate, base + line.net_amount)
        breakdown = tuple(
            TaxSubtotal(
                rate=rate,
                tax_rate_id=rate_id,
                taxable_amount=base,
                tax_amount=cents(base * rate / 100),
            )
            for rate_id, (rate, base) in bases.items()
        )
        net = sum((line.net_amount for line in lines), Decimal(0))
        tax = sum((part.tax_amount for part in breakdown), Decimal(0))
        number = next(_numbers)
        return {
            "id": f"D-{number}",
            "number": f"N-{uuid.uuid4().hex[:6]}-{number}",
            "issue_date": DAY,
            "currency": "EUR",
            "lines": lines,
            "tax_breakdown": breakdown,
            "net_total": net,
            "tax_total": tax,
            "total": net + tax,
        } | fields

    def invoice(self, **fields: Any) -> Invoice:
        """An invoice of 120.00 EUR to the usual customer."""
        fields.setdefault("contact_id", self.customer)
        return Invoice(**self._document(fields, self.sales))

    def bill(self, **fields: Any) -> Bill:
        """A bill of 120.00 EUR from the usual supplier."""
        fields.setdefault("contact_id", self.supplier)
        return Bill(**self._document(fields, self.purchases))

    def credit_note(self, **fields: Any) -> CreditNote:
        """A credit of 120.00 EUR to the usual customer, or from the usual supplier."""
        bought = fields.get("side") is Side.SUPPLIER
        fields.setdefault("contact_id", self.supplier if bought else self.customer)
        return CreditNote(**self._document(fields, self.purchases if bought else self.sales))

    def payment(self, pays: dict[str, str] | None = None, **fields: Any) -> Payment:
        """Money from a customer for invoices (or bills) by id."""
        side = fields.get("side", Side.CUSTOMER)
        kind = ObjectType.INVOICE if side is Side.CUSTOMER else ObjectType.BILL
        parts = tuple(
            Allocation(document_type=kind, document_id=document, amount=Decimal(amount))
            for document, amount in (pays or {}).items()
        )
        number = next(_numbers)
        defaults: dict[str, Any] = {
            "id": f"P-{number}",
            "side": side,
            "date": DAY,
            "amount": sum((part.amount for part in parts), Decimal(0)),
            "currency": "EUR",
            "account_id": self.bank,
            "reference": f"TRANSFER {number}",
            "allocations": parts,
        }
        return Payment(**(defaults | fields))

    def entry(self, amount: str = "50.00", **fields: Any) -> JournalEntry:
        """Bank charges."""
        defaults: dict[str, Any] = {
            "id": f"J-{next(_numbers)}",
            "date": DAY,
            "currency": "EUR",
            "description": "Bank charges",
            "lines": (
                JournalLine(account_id=self.purchases, debit=Decimal(amount)),
                JournalLine(account_id=self.bank, credit=Decimal(amount)),
            ),
        }
        return JournalEntry(**(defaults | fields))

    def item(self, record: AnyRecord, **fields: Any) -> PushItem:
        """A record as the engine sends it the first time."""
        defaults: dict[str, Any] = {
            "key": uuid.uuid4().hex,
            "marker": f"LB-{uuid.uuid4().hex[:16].upper()}",
            "operation": Operation.CREATE,
            "record": record,
        }
        return PushItem(**(defaults | fields))

    # What the engine does.

    def step(
        self, items: Sequence[PushItem], connector: Tryton | None = None
    ) -> list[tuple[PushItem, PushResult]]:
        """One push; what a step left is with its item, as the engine keeps it."""
        kind = ObjectType(items[0].record.type)
        results = (connector or self.connector()).push(kind, items)
        assert len(results) == len(items)
        stepped: list[tuple[PushItem, PushResult]] = []
        for item, result in zip(items, results, strict=True):
            if isinstance(result, Progressed):
                kept = replace(
                    item,
                    progress=dict(result.progress),
                    platform_id=result.platform_id or item.platform_id,
                )
                stepped.append((kept, result))
            else:
                stepped.append((item, result))
        return stepped

    def push(self, *records: AnyRecord | PushItem, **wanted: Any) -> list[PushResult]:
        """Push to the end: until no record of the batch has a step left."""
        connector = self.connector(**wanted)
        waiting = dict(
            enumerate(one if isinstance(one, PushItem) else self.item(one) for one in records)
        )
        done: dict[int, PushResult] = {}
        for _ in range(10):
            positions = list(waiting)
            stepped = self.step([waiting[position] for position in positions], connector)
            for position, (item, result) in zip(positions, stepped, strict=True):
                if isinstance(result, Progressed):
                    waiting[position] = item
                else:
                    done[position] = result
                    del waiting[position]
            if not waiting:
                return [done[position] for position in range(len(records))]
        raise AssertionError("the push comes to no end")

    def accepted(self, record: AnyRecord | PushItem, **wanted: Any) -> Accepted:
        """Push one record to the end; it must be accepted."""
        (result,) = self.push(record, **wanted)
        assert isinstance(result, Accepted), getattr(result, "error", result)
        return result

    def refused(self, record: AnyRecord | PushItem, **wanted: Any) -> ConnectorError:
        """Push one record to the end; it must fail."""
        (result,) = self.push(record, **wanted)
        assert isinstance(result, Failed), result
        return result.error

    def settle(self, item: PushItem) -> Accepted:
        """Do what the engine does until a record is done: push, look up, go on."""
        kind = ObjectType(item.record.type)
        for _ in range(20):
            try:
                ((item, result),) = self.step([item])
            except ConnectorError as error:
                result = Failed(error)
            if isinstance(result, Accepted):
                return result
            if isinstance(result, Progressed):
                continue
            assert isinstance(result, Failed)
            failure = result.error
            if isinstance(failure, OutcomeUnknown):
                # What is committed late has been after the consistency delay.
                self.proxy.faults.settle()
                (found,) = self.connector().find(kind, [item])
                if isinstance(found, Found) and found.progress is None:
                    return found.accepted
                if isinstance(found, Found):
                    item = replace(
                        item,
                        platform_id=found.accepted.platform_id,
                        progress=dict(found.progress or {}),
                    )
                else:
                    item = replace(item, platform_id=None, progress=None)
                continue
            assert isinstance(failure, Transient), failure
        raise AssertionError("the record comes to no end")

    # What judges see.

    def invoices(self, item: PushItem) -> list[Any]:
        """All invoices in the ledger that carry an item's marker, by a way of our own."""
        domain = ["description", "like", f"%{item.marker}%"]
        return self.ledger.invoices(domain)

    def moves(self, item: PushItem) -> list[Any]:
        """All movements that carry an item's marker in their own description."""
        return self.ledger.moves(["description", "like", f"%{item.marker}%"])
