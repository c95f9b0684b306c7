"""`/log`: where every record stands, all its attempts, and what people do about it."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from api.deps import RuntimeOf, Scope, ScopeOf, VersionOf
from api.idempotency import OnceOf
from api.pagination import Tokens
from api.words import Moment, PageQuery, Text, acting, answer
from models.canonical import ObjectType
from models.canonical.money import Amount
from models.canonical.record import STORABLE
from models.repositories import LogFilter, LogLine, Thing
from models.status import SyncStatus, public_status
from models.tables import AttemptRow
from sync import control, owned
from sync.idempotency import Answer
from worker.runtime import Runtime

router = APIRouter(prefix="/log", tags=["log"])


class Line(BaseModel):
    """One record: a document of ours or of the ledger, and where it stands."""

    id: UUID
    connection_id: UUID
    type: ObjectType
    object_id: UUID
    external_id: str
    number: str | None
    name: str | None
    document_date: str | None
    currency: str | None
    total: Amount | None
    status: SyncStatus
    sync_status: str
    reason_code: str | None
    reason: str | None
    next_step: str | None
    actor: str | None
    issue_id: UUID | None
    blocked_by: UUID | None
    """The record of the document that must be in the ledger first."""
    platform_object_id: str | None
    ledger: dict[str, Any]
    """What the ledger shows of it."""
    ours: bool
    attempts: int
    variance: Amount | None
    next_attempt_at: datetime
    updated_at: datetime

    @classmethod
    def values(cls, line: LogLine) -> dict[str, Any]:
        """From a line of the log."""
        return {
            **vars(line),
            "document_date": line.document_date.isoformat() if line.document_date else None,
            "sync_status": public_status(
                line.status, blocked_by=line.blocked_by, issue_id=line.issue_id
            ),
            "reason": line.sentence or line.reason,
        }


class Attempt(BaseModel):
    """One try of a record."""

    id: UUID
    operation: str
    trigger: str
    run_id: UUID | None
    idempotency_key: str
    started_at: datetime
    finished_at: datetime | None
    outcome: str | None
    """Empty while bytes may be under way."""
    late: bool
    http_status: int | None
    request_id: str | None
    error_code: str | None
    sentence: str | None
    provider_message: str | None
    correlation_id: str

    @classmethod
    def of(cls, row: AttemptRow) -> "Attempt":
        """From the row."""
        return cls.model_validate({name: getattr(row, name) for name in cls.model_fields})


class Record(Line):
    """One record with all its attempts."""

    tries: list[Attempt]


class LinePage(Tokens):
    """Records, last changed first."""

    data: list[Line]


class LogQuery(PageQuery):
    """Which records are meant."""

    connection_id: UUID | None = None
    type: ObjectType | None = None
    status: SyncStatus | None = None
    object_id: UUID | None = Field(None, description="Of this document.")
    issue_id: UUID | None = Field(None, description="Waiting for this cause.")
    since: Moment | None = None
    own: bool | None = Field(None, description="Of documents of ours, or of the ledger's own.")


class Figure(BaseModel):
    """How many of our documents stand somewhere."""

    type: ObjectType
    status: SyncStatus
    count: int


class Summary(BaseModel):
    """How many of our documents stand where."""

    data: list[Figure]


class Again(BaseModel):
    """How a record is to be pushed again."""

    model_config = ConfigDict(extra="forbid")

    again: bool = False
    """Make a new document for one that was deleted in the ledger; the ledger is asked first."""


class Settled(BaseModel):
    """What was done by hand."""

    model_config = ConfigDict(extra="forbid")

    platform_id: Text
    """The ledger's id of the object; verified there."""
    reason: Text


class Skipped(BaseModel):
    """Why a record is never to be pushed."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=1000, pattern=STORABLE)


class RetryFilter(BaseModel):
    """Which records are to be pushed again."""

    model_config = ConfigDict(extra="forbid")

    connection_id: UUID
    status: SyncStatus
    type: ObjectType | None = None


class Queued(BaseModel):
    """How many records will be pushed again."""

    records: int


@router.get("", response_model=LinePage)
def log(
    query: Annotated[LogQuery, Query()], runtime: RuntimeOf, scope: ScopeOf, _: VersionOf
) -> Any:
    """The sync log: where every record stands, last changed first."""
    first, pager = query.begun(runtime.keys, scope.entity_id, "log", "updated_at")
    wanted = LogFilter(
        connection_id=first.connection_id,
        type=first.type,
        status=first.status,
        object_id=first.object_id,
        issue_id=first.issue_id,
        since=first.since,
        own=first.own,
    )
    with runtime.begin() as work:
        if first.connection_id is not None:
            owned.require(work, scope.entity_id, Thing.CONNECTION, first.connection_id)
        lines = work.operations.log(scope.entity_id, wanted, pager.place, query.limit + 1)
    page = pager.page(lines, query.limit)
    return {"data": [Line.values(line) for line in page.rows], **page.tokens}


@router.get("/summary", response_model=Summary)
def summary(connection_id: UUID, runtime: RuntimeOf, scope: ScopeOf, _: VersionOf) -> Any:
    """How many of our documents stand where with a connection."""
    with runtime.begin() as work:
        owned.require(work, scope.entity_id, Thing.CONNECTION, connection_id)
        figures = work.log.figures(connection_id)
    return {
        "data": [
            {"type": kind, "status": status, "count": number}
            for (kind, status), number in sorted(figures.items())
        ]
    }


@router.post("/retry", response_model=Queued)
def retry_many(
    asked: RetryFilter, runtime: RuntimeOf, scope: ScopeOf, once: OnceOf, _: VersionOf
) -> JSONResponse:
    """Push all records of a filter again."""
    actor = acting(scope)
    owned.required(runtime.begin, scope.entity_id, Thing.CONNECTION, asked.connection_id)

    def act() -> Answer:
        queued = control.retry(
            runtime.engine,
            actor=actor,
            connection_id=asked.connection_id,
            status=asked.status,
            kind=asked.type,
        )
        return answer(200, Queued(records=queued))

    return once(act)


@router.get("/{record_id}", response_model=Record)
def get(record_id: UUID, runtime: RuntimeOf, scope: ScopeOf, _: VersionOf) -> Any:
    """One record with all its attempts and the ledger's own words."""
    owned.required(runtime.begin, scope.entity_id, Thing.RECORD, record_id)
    return _record(runtime, record_id)


@router.post("/{record_id}/retry", response_model=Record)
def retry(
    record_id: UUID,
    runtime: RuntimeOf,
    scope: ScopeOf,
    once: OnceOf,
    _: VersionOf,
    asked: Annotated[Again | None, Body()] = None,
) -> JSONResponse:
    """Push a record again; with `again`, as a new document, once the ledger says it has none."""
    actor = _acting_on(runtime, scope, record_id)

    def act() -> Answer:
        if asked is not None and asked.again:
            control.create_again(runtime.engine, record_id, actor=actor)
        else:
            control.retry(runtime.engine, actor=actor, record_id=record_id)
        return answer(200, _record(runtime, record_id))

    return once(act)


@router.post("/{record_id}/settle", response_model=Record)
def settle(
    record_id: UUID,
    asked: Settled,
    runtime: RuntimeOf,
    scope: ScopeOf,
    once: OnceOf,
    _: VersionOf,
) -> JSONResponse:
    """Note that a record was entered in the ledger by hand; the ledger is asked, and waited for."""
    actor = _acting_on(runtime, scope, record_id)

    def act() -> Answer:
        control.settle(
            runtime.engine,
            record_id,
            platform_id=asked.platform_id,
            reason=asked.reason,
            actor=actor,
        )
        return answer(200, _record(runtime, record_id))

    return once(act)


@router.post("/{record_id}/skip", response_model=Record)
def skip(
    record_id: UUID,
    asked: Skipped,
    runtime: RuntimeOf,
    scope: ScopeOf,
    once: OnceOf,
    _: VersionOf,
) -> JSONResponse:
    """Never push a record."""
    actor = _acting_on(runtime, scope, record_id)

    def act() -> Answer:
        control.skip(runtime.engine, record_id, reason=asked.reason, actor=actor)
        return answer(200, _record(runtime, record_id))

    return once(act)


def _acting_on(runtime: Runtime, scope: Scope, record_id: UUID) -> str:
    """Who acts on a record; an unknown one is told before missing rights are."""
    owned.required(runtime.begin, scope.entity_id, Thing.RECORD, record_id)
    return acting(scope)


def _record(runtime: Runtime, record_id: UUID) -> Record:
    with runtime.begin() as work:
        line = control.record_line(work, record_id)
        tries = [Attempt.of(row) for row in work.attempts.of_record(record_id)]
    return Record.model_validate({**Line.values(line), "tries": tries})
