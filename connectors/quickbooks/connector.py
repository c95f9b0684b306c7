"""The connector: checking, pulling, pushing and looking up, each handed on to its module."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from connectors.base import (
    ConnectorConfig,
    FindResult,
    Identity,
    Page,
    Period,
    PushItem,
    PushResult,
)
from connectors.errors import Unsupported
from connectors.quickbooks.client import Client
from connectors.quickbooks.company import Books
from connectors.quickbooks.default_items import DefaultItems
from connectors.quickbooks.documents import Documents, Entries, Payments
from connectors.quickbooks.names import Items
from connectors.quickbooks.parties import Parties
from connectors.quickbooks.pull import Puller
from connectors.quickbooks.writing import Writer
from models.canonical import ObjectType

if TYPE_CHECKING:
    from connectors.base import Connector


class QuickBooks:
    """One company."""

    def __init__(self, config: ConnectorConfig) -> None:
        self._client = Client(config)
        self._books = Books(self._client)

    def check(self) -> Identity:
        """Whose books these are, and how they are kept: one call."""
        self._books = Books(self._client)
        self.__dict__.pop("_writers", None)
        return self._books.identity(anew=True)

    def pull(
        self, kind: ObjectType, cursor: str | None, *, period: Period | None = None
    ) -> Iterator[Page]:
        """Read what changed; see `pull`."""
        return Puller(self._client, self._books).pages(kind, cursor, period)

    def push(self, kind: ObjectType, items: Sequence[PushItem]) -> Sequence[PushResult]:
        """Write a batch."""
        return self._writer(kind).push(items)

    def find(self, kind: ObjectType, items: Sequence[PushItem]) -> Sequence[FindResult]:
        """Look up what unclear writes left."""
        return self._writer(kind).find(items)

    @cached_property
    def _writers(self) -> dict[ObjectType, Writer]:
        client, books = self._client, self._books
        parties, items = Parties(client, books), DefaultItems(client)
        documents = Documents(client, books, parties, items)
        return {
            ObjectType.CONTACT: parties,
            ObjectType.ITEM: Items(client, books),
            ObjectType.INVOICE: documents,
            ObjectType.BILL: documents,
            ObjectType.CREDIT_NOTE: documents,
            ObjectType.PAYMENT: Payments(client, books, parties, items),
            ObjectType.JOURNAL_ENTRY: Entries(client, books, parties, items),
        }

    def _writer(self, kind: ObjectType) -> Writer:
        writer = self._writers.get(kind)
        if writer is None:
            raise Unsupported(f"{kind.plural_words} are only read from QuickBooks")
        return writer


if TYPE_CHECKING:

    def _is_a_connector(config: ConnectorConfig) -> "Connector":
        return QuickBooks(config)
