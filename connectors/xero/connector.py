"""The connector: checking, pulling, pushing and looking up, each handed on to its module."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from connectors.base import (
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
from connectors.errors import AuthorizationLost, Unsupported
from connectors.xero import errors
from connectors.xero.books import Books
from connectors.xero.client import Client
from connectors.xero.documents import CreditNotes, Invoices, Journals
from connectors.xero.parties import Contacts, Items
from connectors.xero.payments import Payments
from connectors.xero.pull import Puller
from models.canonical import ObjectType

if TYPE_CHECKING:
    from connectors.base import Connector

_SAID = {Operation.CREATE, Operation.UPDATE, Operation.VOID}


class Writer(Protocol):
    """What writes and looks up one type of object."""

    def push(self, items: Sequence[PushItem]) -> list[PushResult]:
        """Write a batch."""
        ...

    def find(self, items: Sequence[PushItem]) -> list[FindResult]:
        """Look up what unclear writes left."""
        ...


class Xero:
    """One organisation in Xero."""

    def __init__(self, config: ConnectorConfig) -> None:
        self._client = client = Client(config)
        self._books = books = Books(client)
        self._writers: dict[ObjectType, Writer] = {
            ObjectType.CONTACT: Contacts(client, books),
            ObjectType.ITEM: Items(client, books),
            ObjectType.INVOICE: Invoices(client, books, kind=ObjectType.INVOICE),
            ObjectType.BILL: Invoices(client, books, kind=ObjectType.BILL),
            ObjectType.CREDIT_NOTE: CreditNotes(client, books),
            ObjectType.PAYMENT: Payments(client, books),
            ObjectType.JOURNAL_ENTRY: Journals(client, books),
        }

    def check(self) -> Identity:
        """Whose books these are: one call, once the organisation is known; two before that.

        Raises:
            AuthorizationLost: The organisation is closed to us.
        """
        try:
            tenant = self._client.tenant_id_anew()
            found = self._books.organisation(anew=True)
        except AuthorizationLost as error:
            if error.code == errors.NOT_CONNECTED:
                self._client.tenant(anew=True)  # says so if it is not connected any more
                raise errors.not_connected(
                    "the person who consented may not work in this organisation any more"
                ) from None
            raise
        return Identity(tenant, found.name or tenant, found.base_currency)

    def pull(
        self, kind: ObjectType, cursor: str | None, *, period: Period | None = None
    ) -> Iterator[Page]:
        """Read what changed; see `pull`."""
        return Puller(self._client, self._books).pages(kind, cursor, period)

    def push(self, kind: ObjectType, items: Sequence[PushItem]) -> Sequence[PushResult]:
        """Write a batch."""
        writer = self._writer(kind)
        said = [item for item in items if item.operation in _SAID]
        results = iter(writer.push(said))
        return [
            next(results)
            if item.operation in _SAID
            else Failed(Unsupported(f"{item.operation} is for sources"))
            for item in items
        ]

    def find(self, kind: ObjectType, items: Sequence[PushItem]) -> Sequence[FindResult]:
        """Look up what unclear writes left."""
        return self._writer(kind).find(items)

    def _writer(self, kind: ObjectType) -> Writer:
        writer = self._writers.get(kind)
        if writer is None:
            raise Unsupported(f"{kind.plural_words} are only read from Xero")
        return writer


def leave(config: ConnectorConfig) -> None:
    """End the connection to one organisation: those that stay open count, and a consent is shared.

    At most two uncertified apps may be connected to an organisation, and plans count connections.
    """
    client = Client(config)
    for tenant in client.tenants():
        if tenant.tenantId == client.tenant_id:
            client.disconnect(tenant)


if TYPE_CHECKING:

    def _is_a_connector(config: ConnectorConfig) -> "Connector":
        return Xero(config)
