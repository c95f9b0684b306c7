"""Which lists each type of object comes from, and what becomes of their rows."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.sage_active import mapping, mapping_documents, mapping_entries, queries
from connectors.sage_active.client import Client, Values
from connectors.sage_active.mapping_entries import FINANCIAL, PURCHASES, SALES
from connectors.sage_active.queries import Clause, Listing, is_one_of, is_word
from connectors.sage_active.values import marker_in
from connectors.sage_active.wire import (
    Account,
    Entry,
    MatchedLine,
    Product,
    PurchaseInvoice,
    Row,
    SalesInvoice,
    ThirdParty,
)
from models.canonical import AnyRecord, ContactRole, ObjectType

Outcome = tuple[str, str | None, AnyRecord | Exception]
"""Id, our marker, and the record or what is wrong with it."""
Read = Callable[[Sequence[Any]], Iterable[Outcome]]
_SUB_ACCOUNT = is_word("accountLevel", "SUB_ACCOUNT")


@dataclass(frozen=True)
class Feed:
    """One list that a type is read from."""

    listing: Listing
    row_class: type[Row]
    read: Read
    clauses: Sequence[Clause] = ()
    date: str | None = None
    """The field that a period is about."""
    parents: Callable[[Values], str | None] | None = None
    """For a list of children: the id of the object that a row belongs to."""
    parents_from: Listing | None = None
    optional: bool = False
    """Passed over where the organisation's plan does not include it."""

    @property
    def of_parents(self) -> bool:
        """Whether its rows only say which objects changed."""
        return self.parents is not None


class Feeds:
    """The feeds of one organisation."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def of(self, kind: ObjectType) -> list[Feed]:
        """The feeds of a type, in the order in which they are read."""
        match kind:
            case ObjectType.LEDGER_ACCOUNT:
                read = _each(mapping.ledger_account)
                return [Feed(queries.ACCOUNTS, Account, read, [_SUB_ACCOUNT])]
            case ObjectType.CONTACT:
                return [
                    _party(queries.CUSTOMERS, ContactRole.CUSTOMER),
                    _party(queries.SUPPLIERS, ContactRole.SUPPLIER),
                ]
            case ObjectType.ITEM:
                read = _each(mapping.item, lambda row: marker_in(row.comments))
                return [Feed(queries.PRODUCTS, Product, read)]
            case ObjectType.INVOICE:
                return [*_sales(credit_notes=False), *_entries_as(kind, [SALES])]
            case ObjectType.CREDIT_NOTE:
                return [*_sales(credit_notes=True), *_entries_as(kind, [SALES, PURCHASES])]
            case ObjectType.BILL:
                return [*_bills(), *_entries_as(kind, [PURCHASES])]
            case ObjectType.PAYMENT:
                return _with_matchings(
                    Feed(
                        queries.ENTRIES,
                        Entry,
                        self._payments,
                        [is_word("journalType.type", FINANCIAL)],
                        date="date",
                    )
                )
            case ObjectType.JOURNAL_ENTRY:
                read = _each(mapping_entries.journal_entry, mapping_entries.marker_of)
                return _with_matchings(Feed(queries.ENTRIES, Entry, read, date="date"))
        return []

    def _payments(self, rows: Sequence[Entry]) -> Iterator[Outcome]:
        matched = self.matched(rows)
        for row in rows:
            try:
                found = mapping_entries.payments(row, matched)
            except (ValueError, ArithmeticError) as error:
                yield row.id, None, error
                continue
            marker = mapping_entries.marker_of(row) if len(found) == 1 else None
            for payment in found:
                yield payment.id, marker, payment

    def matched(self, rows: Sequence[Entry]) -> dict[str, list[MatchedLine]]:
        """All lines that are matched with payments, by match: one query a page, or none."""
        ids = sorted(
            {
                match.match_id
                for row in rows
                for line in mapping_entries.payment_lines(row)
                if (match := line.accounting_entry_payment) is not None and match.match_id
            }
        )
        found: dict[str, list[MatchedLine]] = {}
        if not ids:
            return found
        clause = is_one_of("accountingEntryPayment.matchId", ids)
        for line in self._client.all(MatchedLine, queries.MATCHED_LINES, [clause]):
            match = line.accounting_entry_payment
            if match is not None and match.match_id:
                found.setdefault(match.match_id, []).append(line)
        return found


def _party(listing: Listing, role: ContactRole) -> Feed:
    def read(row: ThirdParty) -> AnyRecord:
        return mapping.contact(row, role)

    return Feed(listing, ThirdParty, _each(read, lambda row: marker_in(row.comments)))


def _sales(*, credit_notes: bool) -> list[Feed]:
    operator = "eq" if credit_notes else "neq"
    read = _each(mapping_documents.sales_document, sales_marker)
    clauses = [is_word("type", mapping_documents.CREDIT_NOTE, operator)]
    documents = Feed(queries.SALES_INVOICES, SalesInvoice, read, clauses, date="documentDate")
    changed = Feed(
        queries.SALES_OPEN_ITEMS,
        SalesInvoice,
        read,
        clauses,
        parents=lambda row: _id_in(row, "salesInvoiceId"),
        parents_from=queries.SALES_INVOICES,
    )
    return [documents, changed]


def sales_marker(row: SalesInvoice) -> str | None:
    """Our marker in a sales document."""
    return marker_in(row.external_reference, row.remarks)


def _bills() -> list[Feed]:
    read = _each(mapping_documents.bill, lambda row: marker_in(row.invoice_number))
    return [
        Feed(queries.BILLS, PurchaseInvoice, read, date="invoiceDate"),
        Feed(
            queries.BILL_OPEN_ITEMS,
            PurchaseInvoice,
            read,
            parents=lambda row: _id_in(row, "purchaseInvoiceId"),
            parents_from=queries.BILLS,
        ),
    ]


def _entries_as(kind: ObjectType, journals: Sequence[str]) -> list[Feed]:
    """Documents that are nothing but entries."""
    clauses = [queries.either(*(is_word("journalType.type", one) for one in journals))]
    read = _each(
        mapping_entries.document,
        mapping_entries.marker_of,
        wanted=lambda row: mapping_entries.kind_of(row) is kind,
    )
    feed = Feed(queries.ENTRIES, Entry, read, clauses, date="documentDate", optional=True)
    return _with_matchings(feed)


def _with_matchings(feed: Feed) -> list[Feed]:
    """Entries, and those whose matching changed without touching them."""

    def entry_of(row: Values) -> str | None:
        line = row.get("accountingEntryLine")
        return _id_in(line, "accountingEntryId") if isinstance(line, dict) else None

    changed = Feed(
        queries.MATCHINGS,
        feed.row_class,
        feed.read,
        feed.clauses,
        parents=entry_of,
        parents_from=feed.listing,
        optional=feed.optional,
    )
    return [feed, changed]


def _id_in(row: Values, name: str) -> str | None:
    found = row.get(name)
    return found if isinstance(found, str) else None


def _each(
    read: Callable[[Any], AnyRecord],
    marker: Callable[[Any], str | None] = lambda _: None,
    *,
    wanted: Callable[[Any], bool] = lambda _: True,
) -> Read:
    """Read row by row; one that cannot be read does not stop the others."""

    def read_all(rows: Sequence[Any]) -> Iterator[Outcome]:
        for row in rows:
            try:
                if wanted(row):
                    yield row.id, marker(row), read(row)
            except (ValueError, ArithmeticError) as error:
                yield row.id, None, error

    return read_all
