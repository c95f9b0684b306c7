"""Would it post, and what would be sent: `GET /preflight`, `GET /log/{record_id}/preview`.

Nothing is written and the ledger is not called.
"""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel

from api.deps import RuntimeOf, ScopeOf, VersionOf
from models.canonical import ObjectType
from models.status import SyncStatus
from sync import preflight as sync_preflight
from sync.catalogue import Actor
from sync.preflight import NOT_ASKED, Fate

router = APIRouter(tags=["preflight"])


class WaitingDocument(BaseModel):
    """One document that would wait."""

    record_id: UUID
    document: str


class WaitingGroup(BaseModel):
    """One cause, with how many records would wait for it and some of them."""

    code: str
    subject: str
    sentence: str
    actor: Actor
    next_step: str
    issue_id: UUID | None
    records: int
    documents: list[WaitingDocument]


class ObstacleAnswer(BaseModel):
    """Why nothing at all is posted now."""

    sentence: str
    actor: Actor
    next_step: str


class PreflightAnswer(BaseModel):
    """What a push would come to; the first three and `waits` add up to `checked`."""

    connection_id: UUID
    checked: int
    would_post: int
    nothing_to_send: int
    never_sent: int
    waits: int
    after_parent: int
    """Of `would_post`: after a document that they name."""
    refused_before: int
    """Of `would_post`: stopped before; they go out after a retry."""
    everything_posts: bool
    obstacle: ObstacleAnswer | None
    waiting: list[WaitingGroup]
    note: str


class DifferenceAnswer(BaseModel):
    """One field that differs, as people read it."""

    field: str
    ours: str
    ledger: str


class PreviewAnswer(BaseModel):
    """What would be sent for one record, and how it differs from what the ledger has."""

    record_id: UUID
    connection_id: UUID
    object_type: ObjectType
    document: str
    status: SyncStatus
    operation: str
    """create, update, void, or nothing."""
    why: str | None
    error_code: str | None
    next_step: str | None
    after: list[str]
    """What goes out before it."""
    idempotency_key: str | None
    platform_object_id: str | None
    ledger_as_of: datetime | None
    """When the ledger's version was last read or written; it is not read for this."""
    differences: list[DifferenceAnswer]
    payload: dict[str, Any] | None
    """The canonical record in the ledger's ids."""


@router.get("/preflight")
def get_preflight(
    runtime: RuntimeOf,
    _: VersionOf,
    scope: ScopeOf,
    connection_id: Annotated[UUID, Query(description="The connection to the ledger.")],
    document_id: Annotated[UUID | None, Query(description="Only this document.")] = None,
) -> PreflightAnswer:
    """Say what would post and what would wait, grouped by cause."""
    result = sync_preflight.preflight(
        runtime.engine, connection_id, document_id=document_id, entity_id=scope.entity_id
    )
    obstacle = result.obstacle
    return PreflightAnswer(
        connection_id=result.connection_id,
        checked=result.checked,
        would_post=result.counts[Fate.POSTS],
        nothing_to_send=result.counts[Fate.THERE],
        never_sent=result.counts[Fate.NEVER],
        waits=result.counts[Fate.WAITS],
        after_parent=result.after_parent,
        refused_before=result.refused_before,
        everything_posts=result.everything_posts,
        obstacle=ObstacleAnswer(
            sentence=obstacle.sentence, actor=obstacle.actor, next_step=obstacle.next_step
        )
        if obstacle
        else None,
        waiting=[
            WaitingGroup(
                code=group.cause.code,
                subject=group.cause.subject,
                sentence=group.cause.sentence,
                actor=Actor(group.cause.actor),
                next_step=group.next_step,
                issue_id=group.issue_id,
                records=group.records,
                documents=[
                    WaitingDocument(record_id=one.record_id, document=one.what)
                    for one in group.examples
                ],
            )
            for group in result.waiting
        ],
        note=NOT_ASKED,
    )


@router.get("/log/{record_id}/preview")
def get_preview(runtime: RuntimeOf, _: VersionOf, scope: ScopeOf, record_id: UUID) -> PreviewAnswer:
    """Show what would be sent for a record, without sending it."""
    shown = sync_preflight.preview(runtime.engine, record_id, entity_id=scope.entity_id)
    return PreviewAnswer(
        record_id=shown.record_id,
        connection_id=shown.connection_id,
        object_type=shown.type,
        document=shown.what,
        status=shown.status,
        operation=shown.operation,
        why=shown.why,
        error_code=shown.code,
        next_step=shown.next_step,
        after=list(shown.after),
        idempotency_key=shown.idempotency_key,
        platform_object_id=shown.platform_id,
        ledger_as_of=shown.seen_at,
        differences=[
            DifferenceAnswer(field=one.field, ours=one.ours, ledger=one.theirs)
            for one in shown.differences
        ],
        payload=shown.body,
    )
