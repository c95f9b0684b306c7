"""The connector: checking, pulling, pushing and looking up, each handed on to its module."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from connectors.apideck.client import Client
from connectors.apideck.documents import Documents, Entries, Items
from connectors.apideck.parties import Parties
from connectors.apideck.payments import Payments
from connectors.apideck.pull import Puller
from connectors.apideck.reading import Books
from connectors.apideck.services import Resource
from connectors.apideck.settings import ApideckCredentials
from connectors.apideck.wire import CompanyInfo, VaultConnection
from connectors.base import (
    ConnectorConfig,
    Failed,
    FindResult,
    Identity,
    Page,
    Period,
    PushItem,
    PushResult,
)
from connectors.errors import AuthorizationLost, Cause, ConnectorError, Unsupported
from models.canonical import ObjectType

if TYPE_CHECKING:
    from connectors.base import Connector

_WORKS = {"callable"}
_WORDS = {
    "needs_auth": "its owner must sign in again",
    "needs_consent": "its owner must consent again",
    "revoked": "its owner has withdrawn the consent",
    "missing_settings": "settings are missing there",
    "pending_confirmation": "it waits to be confirmed there",
}


class Writer(Protocol):
    """What writes and looks up one type of object."""

    def push(self, item: PushItem) -> PushResult:
        """Take a record one step further."""
        ...

    def find(self, items: Sequence[PushItem]) -> Sequence[FindResult]:
        """Look up what unclear writes left."""
        ...


class Apideck:
    """One ledger behind Apideck."""

    def __init__(self, config: ConnectorConfig) -> None:
        credentials = config.credentials
        if not isinstance(credentials, ApideckCredentials):
            raise TypeError("the credentials are not Apideck's")
        self._consumer = credentials.consumer_id
        self._client = client = Client(config)
        self._books = books = Books(client)
        parties = Parties(client, books)
        self._writers: dict[ObjectType, Writer] = {
            ObjectType.CONTACT: parties,
            ObjectType.ITEM: Items(client, books, Resource.ITEMS),
            ObjectType.INVOICE: Documents(client, books, Resource.INVOICES, parties),
            ObjectType.BILL: Documents(client, books, Resource.BILLS, parties),
            ObjectType.CREDIT_NOTE: Documents(client, books, Resource.CREDIT_NOTES, parties),
            ObjectType.PAYMENT: Payments(client, books, parties),
            ObjectType.JOURNAL_ENTRY: Entries(client, books, Resource.JOURNAL_ENTRIES),
        }

    def check(self) -> Identity:
        """Whose books these are: one call; a second one where the way to the ledger is shut."""
        try:
            found = self._client.company_info()
        except AuthorizationLost as error:
            if error.cause is not None:
                raise self._explained(error) from None
            raise
        except Unsupported:
            found = self._named_by_vault()
        settings = self._client.settings
        parts = (settings.service_id, settings.company_id, found.id or self._consumer)
        known = ":".join(part for part in parts if part)
        name = found.company_name or found.legal_name or known
        return Identity(known, name, found.currency)

    def _named_by_vault(self) -> CompanyInfo:
        """Which books, where the ledger does not say so itself."""
        there = self._client.vault_connection() or VaultConnection()
        given = there.metadata if isinstance(there.metadata, dict) else {}
        return CompanyInfo.model_validate(
            {"id": given.get("company_id"), "company_name": there.name}
        )

    def _explained(self, error: AuthorizationLost) -> AuthorizationLost:
        """Say what the Vault knows of a connection that cannot be used."""
        try:
            there = self._client.vault_connection()
        except ConnectorError:
            return error
        if there is None or (there.state in _WORKS and there.enabled is not False):
            return error
        why = _WORDS.get(there.health or "") or f"its state is {there.state or 'unknown'}"
        if there.enabled is False:
            why = "it is switched off there"
        message = f"{error.message} ({there.name or there.service_id}: {why})"
        subject = there.health or there.state or "state"
        cause = Cause("ledger_not_linked", subject, {"message": message})
        return AuthorizationLost(
            message,
            code=error.code,
            cause=cause,
            http_status=error.http_status,
            request_id=error.request_id,
        )

    def pull(
        self, kind: ObjectType, cursor: str | None, *, period: Period | None = None
    ) -> Iterator[Page]:
        """Read what changed; see `pull`."""
        return Puller(self._client, self._books).pages(kind, cursor, period)

    def push(self, kind: ObjectType, items: Sequence[PushItem]) -> Sequence[PushResult]:
        """Take records one step further, one after the other."""
        writer = self._writer(kind)
        allowed = self._client.service.writes.get(kind, frozenset())
        results: list[PushResult] = []
        for item in items:
            if item.operation not in allowed:
                said = f"{item.operation} of {kind.plural_words} is not offered for this ledger"
                results.append(Failed(Unsupported(said, code="operation")))
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
        if writer is None or kind not in self._client.service.writes:
            raise Unsupported(f"{kind.plural_words} are only read through Apideck")
        return writer


if TYPE_CHECKING:

    def _is_a_connector(config: ConnectorConfig) -> "Connector":
        return Apideck(config)
