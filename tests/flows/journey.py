"""A journey's parts: a billing entity connected to a ledger, handed-in documents, and a judge."""

import os
from collections import Counter
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from connectors.base import Role
from models.canonical import AnyRecord, ObjectType
from models.repositories import LogLine
from models.status import SyncStatus
from sync import connections, documents, runs
from sync.engine import NoHints
from tests.stack import Stack, wait_until
from worker.runtime import Runtime

MOVING = {SyncStatus.PENDING, SyncStatus.SENDING, SyncStatus.RETRY_WAIT, SyncStatus.UNCERTAIN}


@dataclass
class Journey:
    """One connected billing entity, seen from outside of the workers."""

    stack: Stack
    runtime: Runtime
    entity_id: UUID
    connection_id: UUID

    @classmethod
    def begin(
        cls,
        stack: Stack,
        provider: str,
        *,
        base_url: str,
        credentials: dict[str, Any],
        settings: dict[str, Any],
        start: date = date(2026, 1, 1),
    ) -> "Journey":
        """Connect; accounts and tax rates are read in this process."""
        stack.allow(base_url)
        os.environ.update(stack.environment)
        runtime = stack.runtime()
        with runtime.begin() as work:
            organisation = work.tenants.organisation("Acme")
            entity = work.tenants.add_entity(organisation, code="FR", legal_name="Acme SARL")
            assert entity is not None
        row = connections.add(
            runtime.engine,
            runtime.opener,
            connections.NewConnection(
                billing_entity_id=entity.id,
                provider=provider,
                role=Role.LEDGER,
                credentials=credentials,
                settings=settings,
                base_url=base_url,
                schedule="24h",
                start_date=start,
            ),
            actor="test",
        )
        runs.trigger_run(runtime.engine, row.id, only="pull")
        while not runs.advance(runtime.engine, row.id).finished:
            pass
        with stack.redis() as broker:
            broker.flushall()  # workers have not been told of anything yet
        return cls(stack, runtime, entity.id, row.id)

    def hand_in(self, *records: AnyRecord, told: bool = True) -> None:
        """The product hands documents in; workers are told, unless the hint is lost."""
        engine = self.runtime.engine if told else replace(self.runtime.engine, hints=NoHints())
        with self.runtime.begin() as work:
            documents.store(work, engine, self.entity_id, records)

    def lines(self) -> list[LogLine]:
        """The sync log of our own documents."""
        with self.runtime.begin() as work:
            found = work.log.lines(connection_id=self.connection_id, limit=10_000)
        return [line for line in found if line.ours]

    def statuses(self) -> Counter[str]:
        """Where they stand."""
        return Counter(line.status.value for line in self.lines())

    def markers(self, kind: ObjectType) -> list[str]:
        """Our marks of the documents of one type."""
        with self.runtime.database.connect() as connection:
            return list(
                connection.exec_driver_sql(
                    "SELECT marker FROM synced_records WHERE type = %s AND pushed_hash IS NOT NULL",
                    (kind.value,),
                ).scalars()
            )

    def settle(self, *, seconds: float = 40) -> None:
        """Wait until nothing moves any more."""

        def rests() -> bool:
            return not {line.status for line in self.lines()} & MOVING

        assert wait_until(rests, seconds=seconds), self.statuses()
