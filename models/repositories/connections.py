"""Connections: their credentials, their clock, and whether they may be used."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from models.repositories.statement import Repository
from models.tables import (
    BillingEntityRow,
    ConnectionRole,
    ConnectionRow,
    ConnectionStatus,
    ConsentRow,
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
    ) -> ConnectionRow:
        """Store a connection that was just checked, with its own consent."""
        consent = ConsentRow(provider=provider, sealed=sealed)
        self._session.add(consent)
        self._session.flush()
        row = ConnectionRow(
            billing_entity_id=billing_entity_id,
            consent_id=consent.id,
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
        )
        self._session.add(row)
        self._session.flush()
        self._execute(
            "INSERT INTO connection_entities (connection_id, billing_entity_id, active) "
            "VALUES (:connection, :entity, :active)",
            connection=row.id,
            entity=billing_entity_id,
            active=role is ConnectionRole.LEDGER,
        )
        return row

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

    def ledger_of(self, billing_entity_id: UUID) -> ConnectionRow | None:
        """The ledger connection of a billing entity that is not disconnected."""
        return self._session.execute(
            select(ConnectionRow).where(
                ConnectionRow.billing_entity_id == billing_entity_id,
                ConnectionRow.role == ConnectionRole.LEDGER,
                ConnectionRow.status != ConnectionStatus.DISCONNECTED,
            )
        ).scalar_one_or_none()

    def sealed(self, consent_id: UUID) -> bytes:
        """The encrypted credentials of a consent."""
        return self._session.execute(
            select(ConsentRow.sealed).where(ConsentRow.id == consent_id)
        ).scalar_one()

    def reseal(self, consent_id: UUID, sealed: bytes) -> None:
        """Replace the credentials of a consent."""
        self._execute(
            "UPDATE consents SET sealed = :sealed, token_version = token_version + 1, "
            "updated_at = now() WHERE id = :id",
            sealed=sealed,
            id=consent_id,
        )

    def all_sealed(self) -> list[tuple[UUID, bytes]]:
        """All encrypted credentials, locked, for a change of keys."""
        found = self._execute("SELECT id, sealed FROM consents ORDER BY id FOR UPDATE")
        return [(row.id, bytes(row.sealed)) for row in found]

    def set_status(self, connection_id: UUID, status: ConnectionStatus) -> None:
        """Change whether a connection may be used."""
        self._execute(
            "UPDATE connections SET status = :status, updated_at = now() WHERE id = :id",
            status=status.value,
            id=connection_id,
        )

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
        """Lock connections whose next sync is due; the caller moves their clocks."""
        found = self._session.execute(
            select(ConnectionRow)
            .where(
                ConnectionRow.status == ConnectionStatus.CONNECTED,
                ConnectionRow.next_sync_at <= func.now(),
            )
            .order_by(ConnectionRow.next_sync_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return list(found.scalars())

    def set_next_sync(self, connection_id: UUID, moment: datetime) -> None:
        """Move a connection's clock."""
        self._execute(
            "UPDATE connections SET next_sync_at = :moment WHERE id = :id",
            moment=moment,
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
