"""Connections: their credentials, their clock, and whether they may be used."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import exists, func, select

from models.repositories.authorizing import Consents, Held
from models.repositories.events import Events
from models.repositories.statement import Repository
from models.tables import (
    BillingEntityRow,
    ConnectionEntityRow,
    ConnectionRole,
    ConnectionRow,
    ConnectionStatus,
    RunStatus,
    SyncRunRow,
)


class Connections(Repository):
    """A billing entity's links to platforms."""

    def add(
        self,
        *,
        billing_entity_id: UUID,
        provider: str,
        role: ConnectionRole,
        sealed: bytes,
        base_url: str | None,
        organisation: tuple[str, str],
        settings: dict[str, Any],
        posting_from: date | None,
        schedule: str,
        next_sync_at: datetime,
        by_others: bool = False,
        expires_at: datetime | None = None,
        access: bytes | None = None,
        consent_id: UUID | None = None,
    ) -> ConnectionRow:
        """Store a connection that was just checked, with its own consent or one that is there."""
        if consent_id is None:
            consent_id = Consents(self._session).add(provider, Held(sealed, access, expires_at))
        row = ConnectionRow(
            billing_entity_id=billing_entity_id,
            consent_id=consent_id,
            provider=provider,
            role=role,
            status=ConnectionStatus.CONNECTED,
            base_url=base_url,
            platform_organisation_id=organisation[0],
            platform_organisation_name=organisation[1],
            settings=settings,
            posting_from=posting_from,
            schedule=schedule,
            next_sync_at=next_sync_at,
            by_others=by_others,
        )
        return self._linked(row)

    def add_pending(
        self,
        *,
        billing_entity_id: UUID,
        provider: str,
        role: ConnectionRole,
        base_url: str | None,
        settings: dict[str, Any],
        posting_from: date | None,
        schedule: str,
    ) -> ConnectionRow:
        """Store a connection that nobody has authorised yet."""
        row = ConnectionRow(
            billing_entity_id=billing_entity_id,
            provider=provider,
            role=role,
            status=ConnectionStatus.PENDING_AUTH,
            base_url=base_url,
            settings=settings,
            posting_from=posting_from,
            schedule=schedule,
            next_sync_at=self.now(),
        )
        return self._linked(row)

    def _linked(self, row: ConnectionRow) -> ConnectionRow:
        self._session.add(row)
        self._session.flush()
        self._execute(
            "INSERT INTO connection_entities (connection_id, billing_entity_id, active) "
            "VALUES (:connection, :entity, :active)",
            connection=row.id,
            entity=row.billing_entity_id,
            active=row.role is ConnectionRole.LEDGER,
        )
        Events(self._session).connection(row.id)
        return row

    def authorized(
        self,
        row: ConnectionRow,
        *,
        consent_id: UUID,
        organisation: tuple[str, str],
        base_url: str | None,
    ) -> None:
        """Connect a pending connection with the consent that was just given; it syncs at once."""
        row.consent_id = consent_id
        row.platform_organisation_id, row.platform_organisation_name = organisation
        row.base_url = base_url
        row.status = ConnectionStatus.CONNECTED
        row.next_sync_at = row.updated_at = self.now()
        self._session.flush()
        Events(self._session).connection(row.id)

    def locked(self, connection_id: UUID) -> ConnectionRow:
        """A connection as it stands now; nobody changes it until this transaction ends."""
        return self._session.execute(
            select(ConnectionRow)
            .where(ConnectionRow.id == connection_id)
            .with_for_update(key_share=True)  # rows that refer to it may come meanwhile
            .execution_options(populate_existing=True)
        ).scalar_one()

    def lock_entity(self, billing_entity_id: UUID) -> None:
        """Let nobody else connect a billing entity until this transaction ends."""
        self._execute(
            "SELECT id FROM billing_entities WHERE id = :id FOR NO KEY UPDATE",
            id=billing_entity_id,
        )

    def get(self, connection_id: UUID) -> ConnectionRow | None:
        """One connection."""
        return self._session.get(ConnectionRow, connection_id)

    def listing(self) -> list[tuple[ConnectionRow, str]]:
        """All connections, each with the code of its billing entity."""
        found = self._session.execute(
            select(ConnectionRow, BillingEntityRow.code)
            .join(BillingEntityRow, BillingEntityRow.id == ConnectionRow.billing_entity_id)
            .order_by(ConnectionRow.created_at)
        )
        return [(row, code) for row, code in found]

    def used(self, connection_id: UUID, *, calls: int, received: int) -> None:
        """Add to what was asked of its provider this month."""
        if calls or received:
            self._execute(
                """
                INSERT INTO provider_use (connection_id, month, calls, received_bytes)
                VALUES (:connection, date_trunc('month', now() AT TIME ZONE 'UTC')::date,
                        :calls, :received)
                ON CONFLICT (connection_id, month) DO UPDATE
                   SET calls = provider_use.calls + excluded.calls,
                       received_bytes = provider_use.received_bytes + excluded.received_bytes
                """,
                connection=connection_id,
                calls=calls,
                received=received,
            )

    def use_this_month(self, connection_id: UUID) -> tuple[int, int]:
        """Requests of this month, and the bytes that came with their answers."""
        found = self._execute(
            "SELECT calls, received_bytes FROM provider_use WHERE connection_id = :connection "
            "AND month = date_trunc('month', now() AT TIME ZONE 'UTC')::date",
            connection=connection_id,
        ).one_or_none()
        return (found.calls, found.received_bytes) if found else (0, 0)

    def of_organisations(
        self, provider: str, organisation_ids: Sequence[str]
    ) -> list[ConnectionRow]:
        """The connections to some of a provider's organisations that are not disconnected."""
        found = self._session.execute(
            select(ConnectionRow)
            .where(
                ConnectionRow.provider == provider,
                ConnectionRow.platform_organisation_id.in_(organisation_ids),
                ConnectionRow.status != ConnectionStatus.DISCONNECTED,
            )
            .order_by(ConnectionRow.id)
        )
        return list(found.scalars())

    def ledger_of(self, billing_entity_id: UUID) -> ConnectionRow | None:
        """The ledger connection that acts for a billing entity and is not disconnected."""
        return self._session.execute(
            select(ConnectionRow)
            .join(ConnectionEntityRow, ConnectionEntityRow.connection_id == ConnectionRow.id)
            .where(
                ConnectionEntityRow.billing_entity_id == billing_entity_id,
                ConnectionEntityRow.active,
                ConnectionRow.role == ConnectionRole.LEDGER,
                ConnectionRow.status != ConnectionStatus.DISCONNECTED,
            )
        ).scalar_one_or_none()

    def live_from(self, connection_id: UUID, consent_id: UUID) -> None:
        """Let a connection use other credentials than before."""
        self._execute(
            "UPDATE connections SET consent_id = :consent, updated_at = now() WHERE id = :id",
            consent=consent_id,
            id=connection_id,
        )

    def rekey(self, consent_id: UUID, held: Held) -> None:
        """Store the same secrets under another key; a refresh under way may go on."""
        self._execute(
            "UPDATE consents SET sealed = :sealed, access_sealed = :access, updated_at = now() "
            "WHERE id = :id",
            sealed=held.sealed,
            access=held.access,
            id=consent_id,
        )

    def all_sealed(self) -> list[tuple[UUID, Held]]:
        """All encrypted credentials and tokens, locked, for a change of keys."""
        found = self._execute(
            "SELECT id, sealed, access_sealed FROM consents ORDER BY id FOR UPDATE"
        )
        return [
            (row.id, Held(bytes(row.sealed), row.access_sealed and bytes(row.access_sealed)))
            for row in found
        ]

    def set_status(self, connection_id: UUID, status: ConnectionStatus) -> None:
        """Change whether a connection may be used; one that was disconnected stays so."""
        before = self._execute(
            """
            UPDATE connections c SET status = :status, updated_at = now()
              FROM (SELECT id, status FROM connections
                     WHERE id = :id AND status <> 'disconnected' FOR UPDATE) b
             WHERE c.id = b.id RETURNING b.status
            """,
            status=status.value,
            id=connection_id,
        ).scalar_one_or_none()
        # The end of a pause is no news: outside of us it was connected all the time.
        resumed = before == ConnectionStatus.PAUSED and status is ConnectionStatus.CONNECTED
        if before not in {None, status} and not resumed:
            Events(self._session).connection(connection_id)

    def start_posting(self, connection_id: UUID, posting_from: date) -> None:
        """Allow posting of what is dated on or after a day."""
        self._execute(
            "UPDATE connections SET posting_from = :day, updated_at = now() WHERE id = :id",
            day=posting_from,
            id=connection_id,
        )

    def park(self, connection_id: UUID, delay: timedelta, *, failure: bool) -> None:
        """Let no provider call out for a while; a failure counts towards longer pauses."""
        self._execute(
            "UPDATE connections SET parked_until = greatest(parked_until, now() + :delay), "
            "failures = failures + :failures, updated_at = now() WHERE id = :id",
            delay=delay,
            failures=int(failure),
            id=connection_id,
        )

    def unpark(self, connection_id: UUID) -> None:
        """The provider answers: forget what was held against it."""
        self._execute(
            "UPDATE connections SET parked_until = NULL, failures = 0, updated_at = now() "
            "WHERE id = :id AND (failures > 0 OR parked_until IS NOT NULL)",
            id=connection_id,
        )

    def claim_due(self, limit: int) -> list[ConnectionRow]:
        """Lock connections whose next sync is due; the caller moves their clocks.

        While a run goes on, the next turn waits: what it is for may have been read already.
        """
        found = self._session.execute(
            select(ConnectionRow)
            .where(
                ConnectionRow.status == ConnectionStatus.CONNECTED,
                ConnectionRow.by_others.is_(False),
                ConnectionRow.next_sync_at <= func.now(),
                ~exists().where(
                    SyncRunRow.connection_id == ConnectionRow.id,
                    SyncRunRow.status.in_([RunStatus.QUEUED, RunStatus.RUNNING]),
                ),
            )
            .order_by(ConnectionRow.next_sync_at)
            .limit(limit)
            .with_for_update(skip_locked=True, key_share=True)
        )
        return list(found.scalars())

    def set_next_sync(self, connection_id: UUID, moment: datetime) -> None:
        """Move a connection's clock."""
        self._execute(
            "UPDATE connections SET next_sync_at = :moment WHERE id = :id",
            moment=moment,
            id=connection_id,
        )

    def rested(self, since: timedelta, limit: int) -> list[UUID]:
        """Connections whose pause has ended just now."""
        found = self._execute(
            "SELECT id FROM connections WHERE parked_until BETWEEN now() - :since AND now() "
            "AND status = 'connected' ORDER BY parked_until LIMIT :limit",
            since=since,
            limit=limit,
        )
        return list(found.scalars())

    def hasten(self, connection_id: UUID, within: timedelta) -> None:
        """Let the next sync be no later than after so long."""
        self._execute(
            "UPDATE connections SET next_sync_at = least(next_sync_at, now() + :within) "
            "WHERE id = :id",
            within=within,
            id=connection_id,
        )

    def pulled(self, connection_id: UUID) -> None:
        """Note that a pull came to its end now."""
        self._execute(
            "UPDATE connections SET last_pull_at = now() WHERE id = :id", id=connection_id
        )

    def now(self) -> datetime:
        """The database's clock, which decides about leases and schedules."""
        moment: datetime = self._execute("SELECT now()").scalar_one()
        return moment
