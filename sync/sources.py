"""Bridging a source into a ledger: what it gives us is queued for its billing entity's ledger.

A source's list is the truth about what it waits for: what is on it is posted and reported, what
has left it without our doing is posted no more. A document that moved to another entity is
posted for that entity, and only where the first one's ledger cannot have it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from connectors.base import PulledRecord
from connectors.errors import Cause
from models.canonical import ObjectType
from models.repositories import Known, Stored
from models.tables import ConnectionRow
from models.unit_of_work import UnitOfWork
from sync.catalogue import in_words
from sync.compare import label
from sync.documents import queue_for_ledger
from sync.engine import Engine


@dataclass(frozen=True)
class Source:
    """One type of document of one source, as a page of it is stored."""

    engine: Engine
    connection: ConnectionRow
    kind: ObjectType
    name: str
    """What people call the source."""
    listed_at: datetime
    """When we asked; what was told before then is not what it waits for."""
    lists: bool
    """Whether these wait on a list, each for one billing entity: contacts belong to several."""

    def take_over(
        self,
        work: UnitOfWork,
        stored: Sequence[Stored],
        waiting: Sequence[tuple[PulledRecord, Known]],
    ) -> None:
        """Queue what is new or changed for the ledger, and what waits for a report again.

        Args:
            work: The transaction that stored the page.
            stored: Documents of the page that are new or have changed.
            waiting: Those that we knew already.
        """
        queue_for_ledger(work, self.engine, self.connection.billing_entity_id, stored)
        handles: list[dict[str, Any]] = [
            {"id": pair.record_id, "progress": dict(one.handle)}
            for one, pair in waiting
            if one.handle is not None
        ]
        work.sources.keep_handles(handles)
        work.sources.still_waiting([pair.record_id for _, pair in waiting], self.listed_at)
        if stored and self.lists:
            self._one_ledger_each(work, [one.document_id for one in stored])

    def let_go(self, work: UnitOfWork, run_id: UUID) -> int:
        """After a complete list: what is not on it waits no more."""
        return work.sources.no_longer_waiting(
            self.connection.id,
            self.kind,
            run_id,
            reason=f"It no longer waits in {self.name}: somebody dealt with it there.",
        )

    def _one_ledger_each(self, work: UnitOfWork, document_ids: Sequence[UUID]) -> None:
        found = work.sources.take_from_others(
            self.connection.id,
            self.kind,
            document_ids,
            reason=f"It was moved to another billing entity in {self.name}.",
        )
        ledger = work.connections.ledger_of(self.connection.billing_entity_id)
        if not found or ledger is None:
            return
        bodies = work.pulled.bodies([one.document_id for one in found])
        drafts = {}
        for one in found:
            name = label(bodies[one.document_id])
            cause = Cause("posted_elsewhere", name, {"document": name, "owner": one.owner})
            spec = self.engine.spec_of(ledger)
            drafts[one.record_id] = in_words(cause, ledger=spec.name, connection=ledger.id)
        issues = work.issues.open(ledger.id, drafts.values())
        work.pulled.stop_pushing(
            [
                (record_id, issues[draft.key], draft.code, draft.sentence)
                for record_id, draft in drafts.items()
            ]
        )
