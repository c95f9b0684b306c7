"""API clients, and the billing entities that a connection acts for."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import case, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased

from models.repositories.statement import Repository
from models.tables import (
    ApiClientRow,
    BillingEntityRow,
    ClientKind,
    ConnectionEntityRow,
    ConnectionRow,
    ConnectionStatus,
)


@dataclass(frozen=True)
class Rights:
    """A client with what it may act for at this moment."""

    client: ApiClientRow
    entity: BillingEntityRow | None
    """The billing entity that the request is about, if it is one of the organisation's."""
    entities: frozenset[UUID]
    """Of an integration: the billing entities of its connection. Of an organisation: all."""
    connection_status: ConnectionStatus | None


class Access(Repository):
    """Who may come in."""

    def add_client(
        self,
        *,
        organisation_id: UUID,
        kind: ClientKind,
        connection_id: UUID | None,
        name: str,
        scopes: Sequence[str],
        secret_hash: str,
        created_by: str,
    ) -> ApiClientRow:
        """Store a client; its secret is not kept."""
        row = ApiClientRow(
            organisation_id=organisation_id,
            kind=kind,
            connection_id=connection_id,
            name=name,
            scopes=list(scopes),
            secret_hash=secret_hash,
            created_by=created_by,
        )
        self._session.add(row)
        self._session.flush()
        return row

    def client(self, client_id: UUID) -> ApiClientRow | None:
        """One client, revoked or not."""
        return self._session.get(ApiClientRow, client_id)

    def clients(self) -> list[ApiClientRow]:
        """All clients, newest first."""
        return list(
            self._session.execute(
                select(ApiClientRow).order_by(ApiClientRow.created_at.desc())
            ).scalars()
        )

    def revoke(self, client_id: UUID) -> bool:
        """End a client; False when it has ended already."""
        return bool(
            self._execute(
                "UPDATE api_clients SET revoked_at = now() WHERE id = :id AND revoked_at IS NULL",
                id=client_id,
            ).rowcount
        )

    def used(self, client_id: UUID) -> None:
        """Note that a client has asked for a token."""
        self._execute("UPDATE api_clients SET last_used_at = now() WHERE id = :id", id=client_id)

    def rights(self, client_id: UUID, entity_id: UUID | None = None) -> Rights | None:
        """What a client may do now, whatever was true when its token was made: one statement.

        None when it does not exist or was revoked.
        """
        linked = (
            select(func.array_agg(ConnectionEntityRow.billing_entity_id))
            .where(ConnectionEntityRow.connection_id == ApiClientRow.connection_id)
            .scalar_subquery()
        )
        owned = (
            select(func.array_agg(BillingEntityRow.id))
            .where(BillingEntityRow.organisation_id == ApiClientRow.organisation_id)
            .scalar_subquery()
        )
        asked = aliased(BillingEntityRow)
        found = self._session.execute(
            select(
                ApiClientRow,
                asked,
                ConnectionRow.status,
                case((ApiClientRow.kind == ClientKind.ORGANISATION, owned), else_=linked),
            )
            .outerjoin(ConnectionRow, ConnectionRow.id == ApiClientRow.connection_id)
            .outerjoin(
                asked,
                (asked.id == entity_id) & (asked.organisation_id == ApiClientRow.organisation_id),
            )
            .where(ApiClientRow.id == client_id, ApiClientRow.revoked_at.is_(None))
        ).one_or_none()
        if found is None:
            return None
        client, entity, status, entities = found
        return Rights(client, entity, frozenset(entities or ()), status)

    def link(self, connection_id: UUID, entity_ids: Sequence[UUID]) -> None:
        """Let a connection act for exactly these billing entities from now on."""
        self._execute(
            "DELETE FROM connection_entities "
            "WHERE connection_id = :connection AND NOT billing_entity_id = ANY(:entities)",
            connection=connection_id,
            entities=list(entity_ids),
        )
        self._execute(
            """
            INSERT INTO connection_entities (connection_id, billing_entity_id, active)
            SELECT id, unnest(CAST(:entities AS uuid[])),
                   role = 'ledger' AND status <> 'disconnected'
              FROM connections WHERE id = :connection
            ON CONFLICT (connection_id, billing_entity_id) DO NOTHING
            """,
            connection=connection_id,
            entities=list(entity_ids),
        )

    def relink(self, connection_id: UUID, entity_ids: Sequence[UUID]) -> bool:
        """The same for a connection that others post for; False when an entity is taken.

        What it counts as its own entity is one of them.
        """
        try:
            with self._session.begin_nested():
                self.link(connection_id, entity_ids)
                self._execute(
                    "UPDATE connections SET billing_entity_id = :first, updated_at = now() "
                    "WHERE id = :connection AND NOT billing_entity_id = ANY(:entities)",
                    first=entity_ids[0],
                    connection=connection_id,
                    entities=list(entity_ids),
                )
        except IntegrityError:
            return False
        return True

    def entities_of(self, connection_id: UUID) -> frozenset[UUID]:
        """The billing entities that a connection acts for."""
        found = self._execute(
            "SELECT billing_entity_id FROM connection_entities WHERE connection_id = :connection",
            connection=connection_id,
        )
        return frozenset(found.scalars())

    def set_active(self, connection_id: UUID, *, active: bool) -> None:
        """Take a connection's entities for it, or let others have them."""
        self._execute(
            "UPDATE connection_entities SET active = :active WHERE connection_id = :connection",
            connection=connection_id,
            active=active,
        )
