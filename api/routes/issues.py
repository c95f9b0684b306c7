"""`/issues`: open causes, the records that wait for them, and fixing one for all."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from api.deps import RuntimeOf, ScopeOf, VersionOf
from api.idempotency import OnceOf
from api.pagination import DEFAULT_LIMIT, Tokens
from api.routes.sync_log import Line, Queued
from api.words import PageQuery, Text, acting, answer
from models.repositories import LogFilter, Thing
from models.tables import IssueRow
from sync import control, owned
from sync.errors import NotFoundError
from sync.idempotency import Answer

router = APIRouter(prefix="/issues", tags=["issues"])


class State(StrEnum):
    """Whether something still waits for a cause."""

    OPEN = "open"
    CLOSED = "closed"
    ALL = "all"


class Issue(BaseModel):
    """One cause, and what to do about it."""

    id: UUID
    connection_id: UUID
    code: str
    subject: str
    sentence: str
    actor: str
    """Who can do it."""
    next_step: str
    provider_message: str | None
    records: int
    """How many wait for it."""
    first_seen_at: datetime
    last_seen_at: datetime
    closed_at: datetime | None
    closed_by: str | None

    @classmethod
    def values(cls, row: IssueRow, records: int) -> dict[str, Any]:
        """From the row."""
        named = {name: getattr(row, name) for name in cls.model_fields if name != "records"}
        return named | {"records": records}


class IssueWithRecords(Issue):
    """One cause with the first records that wait for it; `/v1/log?issue_id=` has them all."""

    lines: list[Line]


class IssuePage(Tokens):
    """Causes, newest first."""

    data: list[Issue]


class IssueQuery(PageQuery):
    """Which causes are meant."""

    connection_id: UUID | None = None
    code: Text | None = None
    state: State = State.OPEN


@router.get("", response_model=IssuePage)
def list_issues(
    query: Annotated[IssueQuery, Query()], runtime: RuntimeOf, scope: ScopeOf, _: VersionOf
) -> Any:
    """List causes with how many records wait for each, newest first."""
    first, pager = query.begun(runtime.keys, scope.entity_id, "issues", "first_seen_at")
    with runtime.begin() as work:
        if first.connection_id is not None:
            owned.require(work, scope.entity_id, Thing.CONNECTION, first.connection_id)
        found = work.operations.issues(
            scope.entity_id,
            pager.place,
            query.limit + 1,
            connection_id=first.connection_id,
            code=first.code,
            is_open=None if first.state is State.ALL else first.state is State.OPEN,
        )
    counts = {row.id: records for row, records in found}
    page = pager.page([row for row, _ in found], query.limit)
    return {"data": [Issue.values(row, counts[row.id]) for row in page.rows], **page.tokens}


@router.get("/{issue_id}", response_model=IssueWithRecords)
def get(issue_id: UUID, runtime: RuntimeOf, scope: ScopeOf, _: VersionOf) -> Any:
    """One cause and the records that wait for it."""
    with runtime.begin() as work:
        found = work.operations.issue(scope.entity_id, issue_id)
        if found is None:
            raise NotFoundError(f"there is no issue {issue_id}")
        wanted = LogFilter(issue_id=issue_id)
        lines = work.operations.log(scope.entity_id, wanted, None, DEFAULT_LIMIT)
    return Issue.values(*found) | {"lines": [Line.values(line) for line in lines]}


@router.post("/{issue_id}/retry", response_model=Queued)
def retry(
    issue_id: UUID, runtime: RuntimeOf, scope: ScopeOf, once: OnceOf, _: VersionOf
) -> JSONResponse:
    """Close a cause and push everything again that waited for it."""
    owned.required(runtime.begin, scope.entity_id, Thing.ISSUE, issue_id)
    actor = acting(scope)

    def act() -> Answer:
        queued = control.retry(runtime.engine, actor=actor, issue_id=issue_id)
        return answer(200, Queued(records=queued))

    return once(act)
