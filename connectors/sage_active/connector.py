"""The connector: checking, pulling, pushing and looking up, each handed on to its module."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from connectors.base import (
    Absent,
    ConnectorConfig,
    Failed,
    FindResult,
    Identity,
    Operation,
    Page,
    Period,
    PushItem,
    PushResult,
)
from connectors.errors import Conflict, ConnectorError, Unsupported
from connectors.sage_active.bills import Bills
from connectors.sage_active.books import Books
from connectors.sage_active.client import Client
from connectors.sage_active.credit_notes import CreditNotes
from connectors.sage_active.document_entries import ENTRY, DocumentEntries
from connectors.sage_active.entries import Entries
from connectors.sage_active.errors import GONE
from connectors.sage_active.invoices import SalesDocuments
from connectors.sage_active.ledger import Ledger
from connectors.sage_active.parties import Parties
from connectors.sage_active.payments import Payments
from connectors.sage_active.products import Products
from connectors.sage_active.pull import Puller
from connectors.sage_active.settings import Mode, SageActiveSettings
from connectors.sage_active.values import EUR
from models.canonical import ObjectType

if TYPE_CHECKING:
    from connectors.base import Connector


class Writer(Protocol):
    """What writes and looks up one type of object."""

    def push(self, item: PushItem) -> PushResult:
        """Take a record one step further."""
        ...

    def find(self, items: Sequence[PushItem]) -> Sequence[FindResult]:
        """Look up what unclear writes left."""
        ...


class ByMode:
    """Documents or entries, as the settings say; what was begun as one goes on as that."""

    def __init__(self, mode: Mode, documents: Writer, entries: Writer) -> None:
        self._mode = mode
        self._documents = documents
        self._entries = entries

    def push(self, item: PushItem) -> PushResult:
        """Take a record one step further."""
        writers = [self._documents, self._entries]
        if item.progress is not None:
            return writers[item.progress.get("as") == ENTRY].push(item)
        if self._mode is Mode.ENTRY:
            writers.reverse()
        try:
            return writers[0].push(item)
        except Conflict as error:
            if item.platform_id is None or error.code != GONE:
                raise
            # It may be there as the other: the mode may have been another one then.
            return writers[1].push(item)

    def find(self, items: Sequence[PushItem]) -> Sequence[FindResult]:
        """Look in both places: the mode may have been another one when it was written."""
        writers = [self._documents, self._entries]
        if self._mode is Mode.ENTRY:
            writers.reverse()
        results: list[FindResult] = list(writers[0].find(items))
        absent = [place for place, one in enumerate(results) if isinstance(one, Absent)]
        if absent:
            others = writers[1].find([items[place] for place in absent])
            for place, result in zip(absent, others, strict=True):
                results[place] = result
        return results


class SageActive:
    """One organisation in Sage Active."""

    def __init__(self, config: ConnectorConfig) -> None:
        settings = config.settings
        if not isinstance(settings, SageActiveSettings):
            raise TypeError("the settings are not Sage Active's")
        self._client = Client(config)
        self._books = Books(self._client, settings)
        ledger = Ledger(self._client, self._books)
        documents = SalesDocuments(self._client, self._books)
        entries = DocumentEntries(ledger, self._books)
        bills = Bills(self._client, self._books)
        self._writers: dict[ObjectType, Writer] = {
            ObjectType.CONTACT: Parties(self._client),
            ObjectType.ITEM: Products(self._client, self._books),
            ObjectType.INVOICE: ByMode(settings.modes.invoices, documents, entries),
            ObjectType.BILL: ByMode(settings.modes.bills, bills, entries),
            ObjectType.CREDIT_NOTE: CreditNotes(self._client, self._books, documents, entries),
            ObjectType.PAYMENT: Payments(self._client, self._books, ledger),
            ObjectType.JOURNAL_ENTRY: Entries(ledger, self._books),
        }

    def check(self) -> Identity:
        """Say which organisation the consent opens to us, of those that it reaches: one call."""
        found = self._client.read_organization()
        return Identity(found.id, found.social_name or found.id, EUR)

    def pull(
        self, kind: ObjectType, cursor: str | None, *, period: Period | None = None
    ) -> Iterator[Page]:
        """Read what changed; see `pull`."""
        return Puller(self._client, self._books).pages(kind, cursor, period)

    def push(self, kind: ObjectType, items: Sequence[PushItem]) -> Sequence[PushResult]:
        """Take records one step further, one after the other: Sage numbers in sequence."""
        writer = self._writer(kind)
        results: list[PushResult] = []
        for item in items:
            if item.operation not in {Operation.CREATE, Operation.UPDATE, Operation.VOID}:
                results.append(Failed(Unsupported(f"{item.operation} is for sources")))
                continue
            try:
                results.append(writer.push(item))
            except ConnectorError as error:
                results.append(Failed(error))
        return results

    def find(self, kind: ObjectType, items: Sequence[PushItem]) -> Sequence[FindResult]:
        """Look up what unclear writes left."""
        return self._writer(kind).find(items)

    def _writer(self, kind: ObjectType) -> Writer:
        writer = self._writers.get(kind)
        if writer is None:
            raise Unsupported(f"{kind.plural} are only read from Sage Active")
        return writer


if TYPE_CHECKING:

    def _is_a_connector(config: ConnectorConfig) -> "Connector":
        return SageActive(config)
