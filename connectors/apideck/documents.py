"""Writing invoices, bills, credit notes, items and journal entries: what differs from the rest."""

from datetime import timedelta
from typing import Any

from connectors.apideck.client import Client, Filters, Values
from connectors.apideck.mapping import label
from connectors.apideck.mapping_documents import document_body, with_line_ids
from connectors.apideck.mapping_parties import entry_body, product_body
from connectors.apideck.parties import Parties
from connectors.apideck.reading import Books
from connectors.apideck.services import Resource
from connectors.apideck.wire import DocumentLine
from connectors.apideck.writing import Writer
from connectors.base import PulledRecord, PushItem
from connectors.errors import Unsupported
from models.canonical import (
    AnyDocument,
    Bill,
    BillingDocument,
    CreditNote,
    Invoice,
    Item,
    JournalEntry,
    Side,
)


class Documents(Writer):
    """Invoices, bills and credit notes."""

    def __init__(self, client: Client, books: Books, resource: Resource, parties: Parties) -> None:
        super().__init__(client, books, resource)
        self._parties = parties

    def body(self, item: PushItem, there: Values | None) -> dict[str, Any]:
        """A document with all its lines."""
        record = item.record
        assert isinstance(record, Invoice | Bill | CreditNote)  # noqa: S101  # by its type
        self._require(record)
        service = self.client.service
        body = document_body(
            item,
            record,
            service,
            self.client.settings,
            party=self._party(record),
            tax=self.books.tax,
        )
        if there is None:
            return body
        # Of what is in the books, only a draft's state is ours to say.
        body.pop("status", None)
        if service.lines_keep_ids:
            known = [DocumentLine.model_validate(one) for one in there.get("line_items") or ()]
            if len(body["line_items"]) < len(known):
                raise Unsupported(
                    "this ledger keeps the lines that an update leaves out: correct it there",
                    code="lines",
                )
            body = with_line_ids(body, known, writable=not isinstance(record, Bill))
        return body

    def _party(self, record: BillingDocument) -> str:
        bought = self.resource is Resource.BILLS
        return self._parties.id_for(
            record.contact_id, Resource.SUPPLIERS if bought else Resource.CUSTOMERS
        )

    def _require(self, record: AnyDocument) -> None:
        if isinstance(record, CreditNote) and record.side is Side.SUPPLIER:
            raise Unsupported(
                f"Apideck takes credit notes to customers only, and {label(record)} is a supplier's",
                code="side",
            )

    def places(self, item: PushItem) -> list[Filters]:
        """Its customer's documents; bills from the day before the bill on."""
        record = item.record
        assert isinstance(record, BillingDocument)  # noqa: S101  # by its type
        if self.resource is Resource.BILLS:
            since = record.issue_date - timedelta(days=1)
            return [{"billed_since": since.isoformat()}]
        return [{"customer_id": self._party(record)}]


class Items(Writer):
    """Products and services."""

    def body(self, item: PushItem, there: Values | None) -> dict[str, Any]:
        """An item."""
        assert isinstance(item.record, Item)  # noqa: S101  # by its type
        body = product_body(item, item.record)
        if there is not None and not item.record.code:
            body.pop("code")
        return body

    def places(self, item: PushItem) -> list[Filters]:
        """Those of its name; a ledger may refuse to be asked that way."""
        assert isinstance(item.record, Item)  # noqa: S101  # by its type
        return [{"name": item.record.name}]

    def is_it(self, item: PushItem, one: PulledRecord) -> bool:
        """By its code: ours, or our marker."""
        assert isinstance(item.record, Item)  # noqa: S101  # by its type
        assert isinstance(one.record, Item)  # noqa: S101  # by its list
        return one.record.code == (item.record.code or item.marker)


class Entries(Writer):
    """Journal entries."""

    def body(self, item: PushItem, there: Values | None) -> dict[str, Any]:
        """An entry with all its lines."""
        assert isinstance(item.record, JournalEntry)  # noqa: S101  # by its type
        body = entry_body(item, item.record, self.client.settings, self.books.tax)
        if there is not None:
            body.pop("status", None)
        return body

    def places(self, item: PushItem) -> list[Filters]:
        """The whole list, the latest first: it cannot be asked for anything that we know."""
        del item
        return [{}]
