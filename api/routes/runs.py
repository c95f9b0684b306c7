"""`/runs`: sync runs, and setting one off."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from api.deps import RuntimeOf, ScopeOf, VersionOf
from api.idempotency import OnceOf
from api.pagination import Tokens
from api.words import PageQuery, acting, answer
from models.canonical import ObjectType
from models.repositories import Thing
from models.tables import RunStatus, SyncRunRow, Trigger
from sync import owned, runs
from sync.errors import NotFoundError
from sync.idempotency import Answer
from worker.runtime import Runtime

router = APIRouter(prefix="/runs", tags=["runs"])


class Direction(StrEnum):
    """One half of a sync."""

    PULL = "pull"
    PUSH = "push"


class RunRequest(BaseModel):
    """What is to be synced; by default everything that changed, both ways."""

    model_config = ConfigDict(extra="forbid")

    connection_id: UUID
    only: Direction | None = None
    types: list[ObjectType] | None = Field(None, min_length=1, max_length=len(ObjectType))
    full: bool = False
    """Read everything, and find what was deleted."""


class Run(BaseModel):
    """One execution for one connection."""

    id: UUID
    connection_id: UUID
    trigger: Trigger
    status: RunStatus
    full: bool
    steps: list[str]
    """What is left to do."""
    counts: dict[str, dict[str, int]]
    """Per type of object: seen, created, updated, pushed, failed ..."""
    provider_calls: int
    received_bytes: int
    """Downloaded from the provider; some charge for it."""
    sentence: str | None
    """How it ended."""
    correlation_id: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, row: SyncRunRow) -> "Run":
        """From the row."""
        return cls.model_validate({name: getattr(row, name) for name in cls.model_fields})


class RunPage(Tokens):
    """Runs, newest first."""

    data: list[Run]


class RunQuery(PageQuery):
    """Which runs are meant."""

    connection_id: UUID | None = None
    status: RunStatus | None = None


@router.get("", response_model=RunPage)
def list_runs(
    query: Annotated[RunQuery, Query()], runtime: RuntimeOf, scope: ScopeOf, _: VersionOf
) -> Any:
    """List sync runs with their counts, newest first."""
    first, pager = query.begun(runtime.keys, scope.entity_id, "runs", "created_at")
    with runtime.begin() as work:
        if first.connection_id is not None:
            owned.require(work, scope.entity_id, Thing.CONNECTION, first.connection_id)
        rows = work.operations.runs(
            scope.entity_id,
            pager.place,
            query.limit + 1,
            connection_id=first.connection_id,
            status=first.status,
        )
    page = pager.page(rows, query.limit)
    return {"data": [Run.of(row) for row in page.rows], **page.tokens}


@router.get("/{run_id}", response_model=Run)
def get(run_id: UUID, runtime: RuntimeOf, scope: ScopeOf, _: VersionOf) -> Any:
    """One run, while it goes on or after it ended."""
    owned.required(runtime.begin, scope.entity_id, Thing.RUN, run_id)
    return _run(runtime, run_id)


@router.post("", response_model=Run, status_code=202)
def trigger(
    asked: RunRequest, runtime: RuntimeOf, scope: ScopeOf, once: OnceOf, _: VersionOf
) -> JSONResponse:
    """Queue a run; one that is queued or running already is the answer instead."""
    owned.required(runtime.begin, scope.entity_id, Thing.CONNECTION, asked.connection_id)
    acting(scope)

    def act() -> Answer:
        run_id = runs.trigger_run(
            runtime.engine,
            asked.connection_id,
            only=asked.only.value if asked.only else None,
            types=asked.types,
            full=asked.full,
        )
        return answer(202, _run(runtime, run_id))

    return once(act)


def _run(runtime: Runtime, run_id: UUID) -> Run:
    with runtime.begin() as work:
        row = work.runs.get(run_id)
    if row is None:
        raise NotFoundError(f"there is no run {run_id}")
    return Run.of(row)
