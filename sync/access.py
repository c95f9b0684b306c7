"""API clients: who may come in over HTTP, and for which billing entities.

A credential's rights are read anew for every request: they follow the present link of its
connection, not what was true when its token was issued.
"""

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from models.crypto import KeyRing, UnreadableSecretError
from models.repositories import Rights
from models.tables import ApiClientRow, BillingEntityRow, ClientKind, ConnectionStatus
from models.unit_of_work import Begin, UnitOfWork
from sync import connections
from sync.errors import AccessDeniedError, InvalidInputError, NotFoundError, UnauthenticatedError

TOKEN_SECONDS = 1800


class Scope(StrEnum):
    """What a client may do beyond its kind."""

    MANAGE = "manage"


@dataclass(frozen=True)
class Caller:
    """Who asks, and what it may do at this moment."""

    client_id: UUID
    organisation_id: UUID
    kind: ClientKind
    connection_id: UUID | None
    entities: frozenset[UUID]
    scopes: frozenset[str]
    enabled: bool
    """False while the integration behind the credential is paused or disconnected."""
    entity: BillingEntityRow | None = None
    """The billing entity that was asked for, if it is one of the organisation's."""

    @property
    def actor(self) -> str:
        """Who it is in the audit log."""
        return f"api:{self.client_id}"

    @property
    def integration(self) -> bool:
        """Whether it acts for a connection."""
        return self.kind is ClientKind.INTEGRATION

    def require_acting(self, entity_id: UUID | None = None) -> None:
        """Refuse a caller that may only read, or not act for a billing entity.

        Raises:
            AccessDeniedError: The code says why.
        """
        if not self.integration and Scope.MANAGE not in self.scopes:
            raise AccessDeniedError(
                "credential_not_linked",
                "this API client belongs to the organisation and may only read: create one for "
                "the connection (`ledgerbridge clients add --connection ID`)",
            )
        if entity_id is not None and entity_id not in self.entities:
            raise AccessDeniedError(
                "billing_entity_mismatch",
                "this API client does not act for that billing entity: use the client of the "
                "connection that is linked to it",
            )


@dataclass(frozen=True)
class NewClient:
    """A client that was just made; the secret is shown once."""

    row: ApiClientRow
    secret: str


def add_client(
    work: UnitOfWork,
    *,
    organisation_id: UUID | None = None,
    connection_id: UUID | None = None,
    name: str = "",
    scopes: frozenset[str] = frozenset(),
    actor: str,
) -> NewClient:
    """Make a credential for an organisation, or for a connection.

    Raises:
        InvalidInputError: Not exactly one of the two, or an unknown scope.
        NotFoundError: The connection does not exist.
    """
    if (organisation_id is None) == (connection_id is None):
        raise InvalidInputError("give either an organisation or a connection")
    if unknown := scopes - set(Scope):
        known = ", ".join(Scope)
        raise InvalidInputError(f"there is no scope {min(unknown)!r}; known are {known}")
    if connection_id is not None:
        connection = connections.get(work, connection_id)
        entity = work.tenants.entity(connection.billing_entity_id)
        if entity is None:
            raise NotFoundError(f"connection {connection_id} has no billing entity")
        organisation_id = entity.organisation_id
        if scopes:
            raise InvalidInputError("scopes are for clients of an organisation")
    assert organisation_id is not None  # noqa: S101  # one of the two was given
    secret = secrets.token_urlsafe(32)
    row = work.access.add_client(
        organisation_id=organisation_id,
        kind=ClientKind.INTEGRATION if connection_id else ClientKind.ORGANISATION,
        connection_id=connection_id,
        name=name,
        scopes=sorted(scopes),
        secret_hash=_hashed(secret),
        created_by=actor,
    )
    work.audit.add(actor, "client.add", str(row.id), kind=row.kind.value)
    return NewClient(row, secret)


def revoke_client(work: UnitOfWork, client_id: UUID, *, actor: str) -> None:
    """End a credential at once, tokens that were issued for it included.

    Raises:
        NotFoundError: There is no such client, or it was revoked before.
    """
    if not work.access.revoke(client_id):
        raise NotFoundError(f"there is no API client {client_id} that can be revoked")
    work.audit.add(actor, "client.revoke", str(client_id))


def issue_token(begin: Begin, keys: KeyRing, client_id: str, secret: str) -> str:
    """A token for `TOKEN_SECONDS`.

    Raises:
        UnauthenticatedError: The client or its secret is not known.
    """
    refused = UnauthenticatedError("the client id or secret is not known")
    try:
        client = UUID(client_id)
    except ValueError:
        raise refused from None
    with begin() as work:
        row = work.access.client(client)
        # Comparing takes as long for a client that does not exist.
        known = row.secret_hash if row is not None and row.revoked_at is None else _hashed("")
        if not hmac.compare_digest(known, _hashed(secret)) or row is None:
            raise refused
        work.access.used(client)
    expires = int(time.time()) + TOKEN_SECONDS
    return keys.seal({"client": str(client), "expires": expires}).decode()


def authenticate(begin: Begin, keys: KeyRing, token: str, entity_id: UUID | None = None) -> Caller:
    """Who a token belongs to, with its present rights and the entity it asks for: one statement.

    Raises:
        UnauthenticatedError: The token is no good, has expired, or its client was revoked.
    """
    try:
        held = keys.open(token.encode())
        client, expires = UUID(held["client"]), int(held["expires"])
    except (UnreadableSecretError, KeyError, ValueError, TypeError):
        raise UnauthenticatedError("the token is not valid: ask for a new one") from None
    if expires <= time.time():
        raise UnauthenticatedError("the token has expired: ask for a new one")
    with begin() as work:
        rights = work.access.rights(client, entity_id)
    if rights is None:
        raise UnauthenticatedError("the API client was revoked")
    return _caller(rights)


def _caller(rights: Rights) -> Caller:
    client = rights.client
    enabled = client.kind is ClientKind.ORGANISATION or rights.connection_status in {
        ConnectionStatus.CONNECTED,
        ConnectionStatus.PENDING_AUTH,
        ConnectionStatus.DEAUTHORIZED,
    }
    return Caller(
        client_id=client.id,
        organisation_id=client.organisation_id,
        kind=client.kind,
        connection_id=client.connection_id,
        entities=rights.entities,
        scopes=frozenset(map(str, client.scopes)),
        enabled=enabled,
        entity=rights.entity,
    )


def _hashed(secret: str) -> str:
    # A secret of 256 random bits needs no slow hash.
    return hashlib.sha256(secret.encode()).hexdigest()
