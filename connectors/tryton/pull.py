"""Reading what changed: pages by id, so that nobody's edits move anything across a page border.

A pull begins with the changes since the one before, by the ledger's clock and with some minutes
of overlap: a transaction that was long under way commits with the time at which it began. The
cursor that a page carries says how far it got, so that a pull that breaks off goes on in the
middle. What hangs on a record (lines, taxes, addresses) is read with it, in the same call.

Being paid moves an invoice's own `write_date` in Tryton 8.2 (assigning, reconciling, undoing
either; seen on trytond 8.2.1); new dates on its movement do not, so the movement's lines are
asked for too.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from connectors.base import BadRecord, Page, Period, PulledRecord
from connectors.errors import ProtocolError
from connectors.tryton import mapping
from connectors.tryton.books import Books
from connectors.tryton.client import Client
from connectors.tryton.posting import Link
from connectors.tryton.wire import (
    Account,
    Domain,
    Invoice,
    InvoiceMoves,
    MatchedLine,
    Move,
    Party,
    Product,
    Row,
    Tax,
    Values,
)
from models.canonical import AnyRecord, BillingDocument, JournalEntry, ObjectType, Payment

OVERLAP = timedelta(minutes=5)
PAGE_SIZE = 200
_Row = TypeVar("_Row", bound=Row)


@dataclass(frozen=True)
class Cursor:
    """How far a pull got."""

    since: datetime | None = None
    """What changed after this is read; None: everything."""
    started: datetime | None = None
    """When the pull under way began; the next one's `since`."""
    after: int = 0
    """The id of the last record read."""

    @classmethod
    def parse(cls, text: str | None) -> "Cursor":
        """Read what an earlier pull left.

        Raises:
            ProtocolError: It is not ours.
        """
        if text is None:
            return cls()
        try:
            values = json.loads(text)
            moments = {
                name: datetime.fromisoformat(values[name]) if values.get(name) else None
                for name in ("since", "started")
            }
            return cls(**moments, after=int(values.get("after", 0)))
        except (ValueError, TypeError, KeyError, AttributeError):
            raise ProtocolError(f"{text!r} is no cursor of this connector", code="cursor") from None

    def __str__(self) -> str:
        values: dict[str, Any] = {
            "since": self.since and self.since.isoformat(),
            "started": self.started and self.started.isoformat(),
            "after": self.after,
        }
        return json.dumps({name: value for name, value in values.items() if value})


@dataclass(frozen=True)
class Source(Generic[_Row]):
    """Where one type of object comes from."""

    model: str
    row_class: type[_Row]
    domain: Domain
    read: Callable[[Sequence[_Row]], Mapping[int, AnyRecord | Exception | None]]
    """Rows of a page → record, what is wrong with it, or None: it is of another type."""
    changed_by: Sequence[str] = ("",)
    """Prefixes of the `write_date`s that count; empty: the whole list is read every time."""
    dates: Sequence[str] = ()
    """The date fields that a period is compared with."""


class Puller:
    """Reads one company's objects."""

    def __init__(
        self, client: Client, books: Books, link: Link, *, page_size: int = PAGE_SIZE
    ) -> None:
        self._page_size = page_size
        self._client = client
        self._books = books
        self._link = link

    def pages(self, kind: ObjectType, cursor: str | None, period: Period | None) -> Iterator[Page]:
        """Read page by page; with a period, what is dated in it, whatever the cursor says."""
        source = self._sources()[kind]()
        at = Cursor() if period is not None else Cursor.parse(cursor)
        started = at.started
        after = at.after
        whole_list = not source.changed_by
        while True:
            domain = [
                *source.domain,
                ["id", ">", after],
                *([] if whole_list else _changed_since(at.since, source.changed_by)),
                *_within(period, source.dates),
            ]
            rows = self._client.rows(
                source.model,
                domain,
                source.row_class.FIELDS,
                limit=self._page_size,
                active_test=False,
            )
            started = started or (rows.read_at or datetime.now(UTC)) - OVERLAP
            if rows.values and rows.values[-1]["id"] <= after:
                raise ProtocolError("Tryton sends the same page again and again", code="paging")
            after = rows.values[-1]["id"] if rows.values else after
            complete = len(rows.values) < self._page_size
            if period is not None:
                text = None
            elif complete:
                text = str(Cursor(since=started))
            else:
                text = str(Cursor(since=at.since, started=started, after=after))
            yield self._page(source, rows.values, text, period)
            if complete:
                return

    def _page(
        self,
        source: Source[Any],
        values: Sequence[Values],
        cursor: str | None,
        period: Period | None,
    ) -> Page:
        rows: list[Row] = []
        bad: list[BadRecord] = []
        for one in values:
            try:
                rows.append(source.row_class.model_validate(one))
            except ValidationError as error:
                bad.append(BadRecord(str(one.get("id", "?")), _in_words(error)))
        read = source.read(rows)
        records: list[PulledRecord] = []
        for row in rows:
            record = read.get(row.id)
            if isinstance(record, Exception):
                bad.append(BadRecord(str(row.id), _in_words(record)))
            elif record is not None and _is_within(record, period):
                records.append(
                    PulledRecord(
                        platform_id=str(row.id),
                        record=record,
                        marker=_marker(row),
                        version=row.written or None,
                        url=self._link(source.model, row.id),
                    )
                )
        return Page(records, bad, cursor=cursor)

    # What there is.

    def _sources(self) -> Mapping[ObjectType, Callable[[], Source[Any]]]:
        return {
            ObjectType.LEDGER_ACCOUNT: self._accounts,
            ObjectType.TAX_RATE: self._taxes,
            ObjectType.CONTACT: self._parties,
            ObjectType.ITEM: self._products,
            ObjectType.INVOICE: lambda: self._invoices(ObjectType.INVOICE),
            ObjectType.BILL: lambda: self._invoices(ObjectType.BILL),
            ObjectType.CREDIT_NOTE: lambda: self._invoices(ObjectType.CREDIT_NOTE),
            ObjectType.PAYMENT: lambda: self._moves(ObjectType.PAYMENT),
            ObjectType.JOURNAL_ENTRY: lambda: self._moves(ObjectType.JOURNAL_ENTRY),
        }

    @property
    def _ours(self) -> list[object]:
        return ["company", "=", self._client.company]

    def _accounts(self) -> Source[Account]:
        methods = self._client.rows(
            "account.invoice.payment.method", [self._ours], ["debit_account", "credit_account"]
        ).values
        names = ("debit_account", "credit_account")
        banks = {row[name] for row in methods for name in names if row.get(name)}
        return Source(
            "account.account",
            Account,
            [self._ours, ["type", "!=", None]],
            _each(lambda row: mapping.ledger_account(row, banks)),
            changed_by=(),
        )

    def _taxes(self) -> Source[Tax]:
        # Amounts per unit ("fixed") are no rates; components are read with their parent.
        domain = [self._ours, ["parent", "=", None], ["type", "!=", "fixed"]]
        return Source("account.tax", Tax, domain, _each(mapping.tax_rate), changed_by=())

    def _parties(self) -> Source[Party]:
        children = ("addresses.", "contact_mechanisms.", "identifiers.")
        return Source("party.party", Party, [], _each(mapping.contact), changed_by=("", *children))

    def _products(self) -> Source[Product]:
        base = self._books.company.currency.code
        return Source(
            "product.product",
            Product,
            [],
            _each(lambda row: mapping.item(row, base)),
            changed_by=("", "template."),
        )

    def _invoices(self, kind: ObjectType) -> Source[Invoice]:
        domain: Domain = [self._ours]
        if kind is ObjectType.CREDIT_NOTE:
            domain.append(["total_amount", "<", 0])
        else:
            # Totals are not asked for: a draft without lines would match neither way.
            domain.append(["type", "=", "out" if kind is ObjectType.INVOICE else "in"])

        def read(row: Invoice) -> AnyRecord | None:
            wanted = mapping.kind_of(row.type, row.total_amount) is kind
            return mapping.document(row) if wanted else None

        return Source(
            "account.invoice",
            Invoice,
            domain,
            _each(read),
            changed_by=("", "move.lines."),
            dates=("invoice_date", "accounting_date"),
        )

    def _moves(self, kind: ObjectType) -> Source[Move]:
        domain: Domain = [self._ours, ["state", "=", "posted"]]
        if kind is ObjectType.PAYMENT:
            domain.append(["journal.type", "=", "cash"])
        else:
            domain.append(
                [
                    "OR",
                    ["origin", "=", None],
                    ["origin", "not like", "account.invoice,%"],
                    ["journal.type", "=", "cash"],
                ]
            )
        return Source(
            "account.move",
            Move,
            domain,
            self._payments_of if kind is ObjectType.PAYMENT else self._entries_of,
            changed_by=("", "lines."),
            dates=("date",),
        )

    def _payments_of(self, rows: Sequence[Move]) -> Mapping[int, AnyRecord | Exception | None]:
        base = self._books.company.currency.code
        sides = {row.id: mapping.payment_side(row) for row in rows}
        settled = self._settled([row for row in rows if sides[row.id]])

        def read(row: Move) -> AnyRecord | None:
            side = sides[row.id]
            return mapping.payment(row, side, base, settled) if side else None

        return _each(read)(rows)

    def _settled(self, payments: Sequence[Move]) -> mapping.Settled:
        """What was reconciled by hand, without being assigned: two calls, or none."""
        reconciled = {
            line.reconciliation.id
            for row in payments
            for line in row.lines
            if line.reconciliation and not line.invoice_payments
        }
        if not reconciled:
            return {}
        domain: Domain = [["reconciliation", "in", sorted(reconciled)]]
        lines = self._client.all(MatchedLine, "account.move.line", domain)
        return mapping.settled_by_reconciliation(
            lines, self._invoice_moves(sorted({line.move for line in lines}))
        )

    def _entries_of(self, rows: Sequence[Move]) -> Mapping[int, AnyRecord | Exception | None]:
        base = self._books.company.currency.code
        candidates = [row for row in rows if mapping.payment_side(row) is None]
        made_by_invoices = {
            move
            for invoice in self._invoice_moves([row.id for row in candidates])
            for move in (invoice.move, invoice.cancel_move, *invoice.additional_moves)
        }

        def read(row: Move) -> AnyRecord | None:
            return None if row.id in made_by_invoices else mapping.journal_entry(row, base)

        return _each(read)(candidates)

    def _invoice_moves(self, moves: Sequence[int]) -> list[InvoiceMoves]:
        if not moves:
            return []
        ids = list(moves)
        domain: Domain = [
            self._ours,
            [
                "OR",
                ["move", "in", ids],
                ["cancel_move", "in", ids],
                ["additional_moves", "in", ids],
            ],
        ]
        return self._client.all(InvoiceMoves, "account.invoice", domain)


def _each(
    read: Callable[[_Row], AnyRecord | None],
) -> Callable[[Sequence[_Row]], Mapping[int, AnyRecord | Exception | None]]:
    """Read row by row; one that cannot be read does not stop the others."""

    def read_all(rows: Sequence[_Row]) -> Mapping[int, AnyRecord | Exception | None]:
        found: dict[int, AnyRecord | Exception | None] = {}
        for row in rows:
            try:
                found[row.id] = read(row)
            except (ValueError, ArithmeticError) as error:
                found[row.id] = error
        return found

    return read_all


def _changed_since(since: datetime | None, prefixes: Sequence[str]) -> Domain:
    if since is None:
        return []
    return [
        [
            "OR",
            *(
                [f"{prefix}{name}", ">", since]
                for prefix in prefixes
                for name in ("write_date", "create_date")
            ),
        ]
    ]


def _within(period: Period | None, dates: Sequence[str]) -> Domain:
    if period is None or not dates:
        return []
    bounds = [(">=", period.start), ("<=", period.end)]
    return [
        [
            "OR",
            *([[name, way, day] for way, day in bounds if day is not None] for name in dates),
        ]
    ]


def _is_within(record: AnyRecord, period: Period | None) -> bool:
    """Tryton has two dates for some; ours decides."""
    if period is None:
        return True
    if isinstance(record, BillingDocument):
        return period.holds(record.issue_date)
    return not isinstance(record, Payment | JournalEntry) or period.holds(record.date)


def _marker(row: Row) -> str | None:
    match row:
        case Move(cancels=True):
            return None
        case Invoice() | Move():
            return mapping.marker_in(row.description)
        case Party() | Product():
            return mapping.marker_in(*(one.code for one in row.identifiers))
    return None


def _in_words(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        return f"{where}: {first['msg']}" if where else str(first["msg"])
    return str(error)
