"""A small world behind the API: organisations, entities, a connected ledger, and credentials."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

import httpx
import sqlalchemy

from connectors.base import Role
from connectors.memory.simulator import PlainLedger
from models.canonical import AnyRecord
from models.repositories import LogLine
from sync import access, connections, documents, runs
from sync.push import push_due
from tests.factories import SETTINGS
from worker.runtime import Runtime

VERSION = "2024-05-25"


def waiting_for_others(database: sqlalchemy.Engine) -> int:
    """How many transactions wait for another one to end."""
    with database.connect() as connection:
        number: int = connection.exec_driver_sql(
            "SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted"
        ).scalar_one()
    return number


@dataclass
class World:
    """What tests of the API need; the work of workers is done in this process."""

    url: str
    runtime: Runtime
    ledger: PlainLedger
    organisation_id: UUID
    entity_id: UUID
    connection_id: UUID
    secrets: dict[UUID, str] = field(default_factory=dict)

    @classmethod
    def begin(cls, url: str, runtime: Runtime, ledger: PlainLedger) -> "World":
        """One organisation, one entity, one connection whose accounts and rates are known."""
        with runtime.begin() as work:
            organisation = work.tenants.organisation("Acme")
            entity = work.tenants.add_entity(
                organisation, code="FR", legal_name="Acme SARL", is_default=True
            )
            assert entity is not None
        world = cls(url, runtime, ledger, organisation, entity.id, UUID(int=0))
        world.connection_id = world.connect(entity.id)
        return world

    def connect(self, entity_id: UUID) -> UUID:
        """Connect an entity to the plain ledger and read its reference data."""
        row = connections.add(
            self.runtime.engine,
            self.runtime.opener,
            connections.NewConnection(
                billing_entity_id=entity_id,
                provider="memory",
                role=Role.LEDGER,
                credentials={"api_key": self.ledger.rules.api_key},
                settings=SETTINGS,
                base_url=self.ledger.base_url,
                schedule="24h",
                start_date=date(2026, 1, 1),
            ),
            actor="test",
        )
        self.sync(row.id, only="pull")
        return row.id

    def entity(self, code: str, *, organisation: str = "Acme") -> UUID:
        """Another billing entity, of this or of another organisation."""
        with self.runtime.begin() as work:
            row = work.tenants.add_entity(
                work.tenants.organisation(organisation), code=code, legal_name=f"{code} Ltd"
            )
            assert row is not None
        return row.id

    def sync(self, connection_id: UUID | None = None, **options: Any) -> None:
        """A whole sync run, done here."""
        connection = connection_id or self.connection_id
        run_id = runs.trigger_run(self.runtime.engine, connection, **options)
        runs.complete(self.runtime.engine, connection, run_id)

    def push(self) -> None:
        """What a worker does after a hint."""
        push_due(self.runtime.engine, self.connection_id, trigger="manual", correlation_id="test")

    def hand_in(self, *records: AnyRecord, entity_id: UUID | None = None) -> None:
        """The product hands documents in."""
        with self.runtime.begin() as work:
            documents.store(work, self.runtime.engine, entity_id or self.entity_id, records)

    def lines(self) -> list[LogLine]:
        """The sync log."""
        with self.runtime.begin() as work:
            return work.log.lines(limit=10_000)

    def credential(
        self, *, connection_id: UUID | None = None, organisation: str = "Acme", manage: bool = False
    ) -> tuple[str, str]:
        """A client id and secret, of a connection or of an organisation."""
        with self.runtime.begin() as work:
            made = access.add_client(
                work,
                organisation_id=None if connection_id else work.tenants.organisation(organisation),
                connection_id=connection_id,
                scopes=frozenset({"manage"}) if manage else frozenset(),
                actor="test",
            )
        return str(made.row.id), made.secret

    def token(self, credential: tuple[str, str]) -> str:
        """A token for a credential."""
        return access.issue_token(self.runtime.begin, self.runtime.keys, *credential)

    def client(
        self,
        credential: tuple[str, str] | None = None,
        *,
        entity_id: UUID | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Client:
        """A client with token, version and entity; by default one of the connection."""
        token = self.token(credential or self.credential(connection_id=self.connection_id))
        return httpx.Client(
            base_url=f"{self.url}/v1",
            timeout=10,
            headers={
                "Authorization": f"Bearer {token}",
                "x-monite-version": VERSION,
                "x-monite-entity-id": str(entity_id or self.entity_id),
                **(headers or {}),
            },
        )
