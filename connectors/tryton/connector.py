"""The connector: checking, pulling, pushing and looking up, each handed on to its module."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

import httpx

from connectors.base import (
    ConnectorConfig,
    FindResult,
    Identity,
    Page,
    Period,
    PushItem,
    PushResult,
)
from connectors.errors import AuthorizationLost, Unsupported
from connectors.http import Http, timeout_of
from connectors.tryton.books import Books
from connectors.tryton.client import Client
from connectors.tryton.documents import Documents
from connectors.tryton.entries import Entries
from connectors.tryton.errors import error_in
from connectors.tryton.parties import Parties
from connectors.tryton.payments import Payments
from connectors.tryton.products import Products
from connectors.tryton.pull import Puller
from connectors.tryton.settings import TrytonCredentials, TrytonSettings
from models.canonical import ObjectType

if TYPE_CHECKING:
    from connectors.base import Connector


class Writer(Protocol):
    """What writes and looks up one type of object."""

    def push(self, items: Sequence[PushItem]) -> Sequence[PushResult]:
        """Take each record one step further."""
        ...

    def find(self, items: Sequence[PushItem]) -> Sequence[FindResult]:
        """Look up what unclear writes left."""
        ...


def address(base_url: str, database: str | None) -> tuple[str, str]:
    """The server's root and the database: named in the settings or at the end of the address."""
    if database is not None:
        return base_url, database
    url = httpx.URL(base_url)
    before, _, last = url.path.rstrip("/").rpartition("/")
    return str(url.copy_with(path=f"{before}/")), last


class Tryton:
    """One company in one database of a Tryton server."""

    def __init__(self, config: ConnectorConfig) -> None:
        if not isinstance(config.credentials, TrytonCredentials) or not isinstance(
            config.settings, TrytonSettings
        ):
            raise TypeError("credentials and settings are not Tryton's")
        self._config = config
        self._settings = config.settings
        root, self._database = address(config.base_url, config.settings.database)
        password = config.credentials.password.get_secret_value()
        self._client = Client(
            Http(
                config.http,
                root,
                config.scope,
                secrets=[password],
                classify=error_in,
                timeout=timeout_of(config.timeout_seconds),
            ),
            database=self._database,
            login=config.credentials.login,
            password=password,
            company_id=config.settings.company_id,
        )
        self._books = Books(self._client, config.settings)
        documents = Documents(self._client, self._books, self._link)
        self._writers: dict[ObjectType, Writer] = {
            ObjectType.CONTACT: Parties(self._client, self._link),
            ObjectType.ITEM: Products(self._client, self._books, self._link),
            ObjectType.INVOICE: documents,
            ObjectType.BILL: documents,
            ObjectType.CREDIT_NOTE: documents,
            ObjectType.PAYMENT: Payments(self._client, self._books, self._link),
            ObjectType.JOURNAL_ENTRY: Entries(self._client, self._books, self._link),
        }

    def check(self) -> Identity:
        """Say whose books these are, as Tryton sees us now."""
        self._client.forget_context()
        company = self._books.read_company()
        return Identity(self._organisation_id, company.rec_name, company.currency.code)

    def pull(
        self, kind: ObjectType, cursor: str | None, *, period: Period | None = None
    ) -> Iterator[Page]:
        """Read what changed; see `pull`."""
        return Puller(self._client, self._books, self._link).pages(kind, cursor, period)

    def push(self, kind: ObjectType, items: Sequence[PushItem]) -> Sequence[PushResult]:
        """Write a batch, one step further each; see `documents`, `moves` and `simple`."""
        writer = self._writer(kind)
        self._assert_organisation()
        return writer.push(items) if items else []

    def find(self, kind: ObjectType, items: Sequence[PushItem]) -> Sequence[FindResult]:
        """Look up what unclear writes left."""
        writer = self._writer(kind)
        self._assert_organisation()
        return writer.find(items) if items else []

    def _writer(self, kind: ObjectType) -> Writer:
        if kind not in self._writers:
            raise Unsupported(f"a {kind.words} is not written to Tryton", code="read_only")
        return self._writers[kind]

    @property
    def _organisation_id(self) -> str:
        return f"{self._database}/{self._client.company}"

    def _assert_organisation(self) -> None:
        """Write into no other books than those that were connected.

        Raises:
            AuthorizationLost: The user works in another company now.
        """
        connected = self._config.organisation_id
        if connected is not None and connected != self._organisation_id:
            raise AuthorizationLost(
                f"these are the books of {self._organisation_id}, not of {connected}",
                code="wrong_organisation",
            )

    def _link(self, model: str, record_id: int) -> str | None:
        """A link into Tryton's web client, where the connection says that there is one."""
        root = self._settings.web_client_url
        if root is None:
            return None
        return f"{root.rstrip('/')}/#{self._database}/model/{model}/{record_id}"


if TYPE_CHECKING:
    _: type[Connector] = Tryton
