"""Pushing invoices, bills, credit memos, vendor credits, payments and journal entries."""

from collections.abc import Sequence
from typing import Any

from connectors.base import FindResult, PushItem
from connectors.quickbooks import bodies, bodies_documents
from connectors.quickbooks.bodies_documents import BOUGHT, Facts, entity_of
from connectors.quickbooks.client import Client
from connectors.quickbooks.company import Books
from connectors.quickbooks.default_items import DefaultItems
from connectors.quickbooks.entities import Entity
from connectors.quickbooks.errors import inexpressible
from connectors.quickbooks.finding import Finder
from connectors.quickbooks.parties import Parties
from connectors.quickbooks.values import label
from connectors.quickbooks.writing import Writer
from models.canonical import (
    AnyRecord,
    Bill,
    BillingDocument,
    CreditNote,
    Invoice,
    JournalEntry,
    Payment,
    Side,
)

_CARD = "Credit Card"


def facts_of(client: Client, books: Books, items: DefaultItems) -> Facts:
    """What bodies take from a company."""
    return Facts(
        settings=client.settings,
        home=books.home_currency(),
        several_currencies=books.several_currencies,
        american=books.american,
        computes_tax=books.computes_tax,
        taxes=lambda: books.taxes,
        item_of=items.item_of,
    )


class _Transactions(Writer):
    """What is numbered and dated, and found by that."""

    def __init__(self, client: Client, books: Books, parties: Parties, items: DefaultItems) -> None:
        super().__init__(client, books)
        self.parties = parties
        self.items = items

    def number(self, item: PushItem) -> str:
        """What a look-up goes by first."""
        return getattr(item.record, "number", None) or item.marker

    def find(self, items: Sequence[PushItem]) -> list[FindResult]:
        """Look up what unclear writes left."""
        finder = Finder(
            self.client, entity=self.entity, number=self.number, read=self.read, take=self.accepted
        )
        return finder.find(items)

    @property
    def facts(self) -> Facts:
        """What bodies take from the company."""
        return facts_of(self.client, self.books, self.items)


class Documents(_Transactions):
    """Invoices, bills and credit notes."""

    def entity(self, record: AnyRecord) -> Entity:
        """By the type, and for credit notes by the side."""
        assert isinstance(record, Invoice | Bill | CreditNote)  # noqa: S101  # by its type
        return entity_of(record)

    def prepare(self, items: Sequence[PushItem]) -> None:
        """Find the items of accounts, and who is who in the other list."""
        accounts: set[str] = set()
        parties: list[tuple[str, Entity]] = []
        for item in items:
            record = item.record
            assert isinstance(record, BillingDocument)  # noqa: S101  # by its type
            entity = self.entity(record)
            parties.append((record.contact_id, _party_of(entity)))
            if entity not in BOUGHT:
                named = [line.account_id for line in record.lines if not line.item_id]
                named += [part.account_id for part in record.allowances_charges]
                accounts |= {one for one in named if one}
        if not self.books.american and any(_is_taxed(item.record) for item in items):
            _ = self.books.taxes
        self.items.need(accounts)
        self.parties.need(parties)

    def body(self, item: PushItem) -> dict[str, Any]:
        """A document."""
        record = item.record
        assert isinstance(record, Invoice | Bill | CreditNote)  # noqa: S101  # by its type
        party = self.parties.id_for(record.contact_id, _party_of(self.entity(record)))
        return bodies_documents.document_body(item, record, party, self.facts)

    def notes(self, ours: AnyRecord, theirs: AnyRecord) -> tuple[str, ...]:
        """What a person should know."""
        del theirs
        return (
            bodies_documents.notes_on(ours) if isinstance(ours, Invoice | Bill | CreditNote) else ()
        )


def _is_taxed(record: AnyRecord) -> bool:
    assert isinstance(record, BillingDocument)  # noqa: S101  # by its type
    return any(line.tax_rate_id for line in record.lines)


def _party_of(entity: Entity) -> Entity:
    return Entity.VENDOR if entity in BOUGHT else Entity.CUSTOMER


class Payments(_Transactions):
    """Payments of customers, and bill payments."""

    def entity(self, record: AnyRecord) -> Entity:
        """By the side."""
        assert isinstance(record, Payment)  # noqa: S101  # by its type
        return bodies.payment_entity(record)

    def number(self, item: PushItem) -> str:
        """Our reference, or the marker in its place."""
        assert isinstance(item.record, Payment)  # noqa: S101  # by its type
        return bodies.reference_of(item.record, item.marker)

    def prepare(self, items: Sequence[PushItem]) -> None:
        """Ask of what kind the accounts are that suppliers are paid from."""
        paid = [item.record for item in items if isinstance(item.record, Payment)]
        self.books.accounts(
            one.account_id for one in paid if one.side is Side.SUPPLIER and one.account_id
        )
        self.parties.need([(one.contact_id, self._party(one)) for one in paid if one.contact_id])

    @staticmethod
    def _party(record: Payment) -> Entity:
        return Entity.VENDOR if record.side is Side.SUPPLIER else Entity.CUSTOMER

    def body(self, item: PushItem) -> dict[str, Any]:
        """A payment."""
        record = item.record
        assert isinstance(record, Payment)  # noqa: S101  # by its type
        if record.contact_id is None:
            raise inexpressible(f"{label(record)} names nobody who pays or is paid", "no_party")
        party = self.parties.id_for(record.contact_id, self._party(record))
        account = self.books.accounts(()).get(record.account_id or "")
        card = account is not None and account.account_type == _CARD
        return bodies.payment_body(item, record, party, self.facts, card=card)


class Entries(_Transactions):
    """Journal entries."""

    def entity(self, record: AnyRecord) -> Entity:
        """There is one list."""
        del record
        return Entity.JOURNAL_ENTRY

    def body(self, item: PushItem) -> dict[str, Any]:
        """A journal entry."""
        assert isinstance(item.record, JournalEntry)  # noqa: S101  # by its type
        return bodies.entry_body(item, item.record, self.facts)
