"""`/accounting/sync-tasks`: what waits for an integrator's program, and its reports.

The answer to "who may post what" is in `sync.waiting`.
"""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.deps import CallerOf, RuntimeOf
from api.routes.billing_entities import BillingEntity, ErrorBody
from models.canonical import ObjectType
from models.canonical.record import STORABLE
from models.repositories import Task
from models.status import SyncStatus
from sync import waiting
from sync.access import Caller
from sync.waiting import Completed, ErrorType, FailedReport, Report, TaskStatus

router = APIRouter(prefix="/accounting/sync-tasks", tags=["sync tasks"])

_TaskId = Annotated[UUID, Path(description="The task's id.")]
_REFUSED: dict[int | str, dict[str, Any]] = {
    401: {"model": ErrorBody, "description": "The token is no good."},
    403: {
        "model": ErrorBody,
        "description": "`credential_not_linked`, `integration_disabled`, "
        "`billing_entity_mismatch` or `billing_entity_not_linked`.",
    },
    404: {"model": ErrorBody, "description": "There is no such task."},
}
_STATE: dict[int | str, dict[str, Any]] = {
    409: {
        "model": ErrorBody,
        "description": "`already_final`, `task_waiting`, `billing_entity_archived`, "
        "`credit_note_entity_mismatch`, `document_not_postable`, `document_changed` or "
        "`posted_by_ledgerbridge`.",
    }
}
_LIST: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorBody, "description": "`unknown_billing_entity`."},
    401: _REFUSED[401],
    403: _REFUSED[403],
}


class SyncTask(BaseModel):
    """A document that is to be posted in a ledger."""

    id: UUID
    connection_id: UUID
    status: TaskStatus
    sync_status: SyncStatus
    """The same, finer."""
    object_type: ObjectType
    operation: Literal["create", "update", "void"]
    document_id: UUID
    external_id: str
    """The document's id at the product."""
    number: str | None
    document_date: date | None
    currency: str | None
    total: str | None
    document_version: int
    marker: str
    """To be written into the document in the ledger, and searched by."""
    platform_id: str | None
    reason: str | None
    postable: bool
    """Whether this credential may report it as completed now."""
    waiting_since: datetime
    updated_at: datetime
    billing_entity: BillingEntity


class SyncTaskWithPayload(SyncTask):
    """The same with the document itself."""

    payload: dict[str, Any]
    """In the product's words: references are the product's ids."""


class SyncTasks(BaseModel):
    """What waits; those that are reported leave the list."""

    tasks: list[SyncTask]


class Failure(BaseModel):
    """Why a document could not be posted."""

    model_config = ConfigDict(extra="forbid")

    error_type: ErrorType
    error_message: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=2000, pattern=STORABLE),
    ]


class CompletedUpdate(BaseModel):
    """The document is in the ledger."""

    model_config = ConfigDict(extra="forbid")

    status: Literal["COMPLETED"]
    platform_id: (
        Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=STORABLE)] | None
    ) = None
    document_version: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None

    def report(self) -> Report:
        """In the engine's words."""
        return Completed(self.platform_id, self.document_version)


class FailedUpdate(BaseModel):
    """The document could not be posted; a person must act."""

    model_config = ConfigDict(extra="forbid")

    status: Literal["FAILED"]
    failure: Failure

    def report(self) -> Report:
        """In the engine's words."""
        return FailedReport(self.failure.error_type, self.failure.error_message)


_Update = Annotated[CompletedUpdate | FailedUpdate, Field(discriminator="status")]


def _shown(caller: Caller, task: Task) -> dict[str, Any]:
    return {
        "id": task.id,
        "connection_id": task.connection_id,
        "status": waiting.status_of(task),
        "sync_status": task.status,
        "object_type": task.type,
        "operation": waiting.operation_of(task),
        "document_id": task.document_id,
        "external_id": task.external_id,
        "number": task.number,
        "document_date": task.document_date,
        "currency": task.currency,
        "total": None if task.total is None else f"{task.total:f}",
        "document_version": task.document_version,
        "marker": task.marker,
        "platform_id": task.platform_id,
        "reason": task.reason,
        "postable": waiting.postable(caller, task),
        "waiting_since": task.waiting_since,
        "updated_at": task.updated_at,
        "billing_entity": vars(task.entity),
    }


def _whole(caller: Caller, task: Task) -> SyncTaskWithPayload:
    return SyncTaskWithPayload(**_shown(caller, task), payload=task.body)


@router.get("", responses=_LIST)
def list_sync_tasks(
    runtime: RuntimeOf,
    caller: CallerOf,
    billing_entity_code: Annotated[
        str | None, Query(max_length=255, pattern=STORABLE, description="Only of this entity.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> SyncTasks:
    """List what waits to be posted, the longest waiting first."""
    with runtime.begin() as work:
        found = waiting.listing(work, caller, code=billing_entity_code, limit=limit)
    return SyncTasks(tasks=[SyncTask(**_shown(caller, task)) for task in found])


@router.get("/{task_id}", responses=_REFUSED)
def get_sync_task(runtime: RuntimeOf, caller: CallerOf, task_id: _TaskId) -> SyncTaskWithPayload:
    """Read one task with its document, also of entities that the credential does not act for."""
    with runtime.begin() as work:
        return _whole(caller, waiting.task(work, caller, task_id))


@router.post("/{task_id}/update-status", responses=_REFUSED | _STATE)
def update_sync_task_status(
    runtime: RuntimeOf, caller: CallerOf, task_id: _TaskId, update: _Update, request: Request
) -> SyncTaskWithPayload:
    """Report that a document is posted, or why it could not be; the same twice changes nothing."""
    correlation_id = str(request.state.request_id)[:16]
    now = waiting.report(
        runtime.engine, caller, task_id, update.report(), correlation_id=correlation_id
    )
    return _whole(caller, now)


@router.post("/{task_id}/reopen", responses=_REFUSED | _STATE)
def reopen_sync_task(runtime: RuntimeOf, caller: CallerOf, task_id: _TaskId) -> SyncTaskWithPayload:
    """Let a task that failed wait again."""
    return _whole(caller, waiting.reopen(runtime.engine, caller, task_id))
