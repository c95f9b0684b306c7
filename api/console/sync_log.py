"""The sync log, and a record with its whole history."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, BeforeValidator, Field, StringConstraints

from api.console import words
from api.console.web import (
    BookkeeperOf,
    FormOf,
    PageRoute,
    PersonOf,
    done,
    entity_of,
    link,
    page,
)
from api.deps import RuntimeOf
from models.canonical import ObjectType
from models.canonical.record import STORABLE
from models.repositories import LogFilter, LogLine, Place, Thing
from models.status import RETRYABLE, SyncStatus
from models.tables import ConnectionRole
from sync import connections, control
from sync.errors import NotFoundError
from sync.people import Person
from sync.preflight import preview
from worker.runtime import Runtime

router = APIRouter(route_class=PageRoute)

ON_A_PAGE = 50
MOST_FOUND = 200


def _none_for_empty(given: object) -> object:
    """A form sends every field, chosen or not."""
    return None if given == "" else given


Chosen = BeforeValidator(_none_for_empty)


class LogQuery(BaseModel):
    """What is shown of the log; all of it can be a link."""

    entity: Annotated[UUID | None, Chosen] = None
    connection: Annotated[UUID | None, Chosen] = None
    issue: Annotated[UUID | None, Chosen] = None
    type: Annotated[ObjectType | None, Chosen] = None
    status: Annotated[str | None, Chosen] = Field(None, max_length=32)
    q: Annotated[str | None, StringConstraints(max_length=120, pattern=STORABLE), Chosen] = None
    all: bool = False
    """The ledger's own documents, too."""
    oldest: bool = False
    """Last changed longest ago first."""
    at: Annotated[datetime | None, Chosen] = None
    id: Annotated[UUID | None, Chosen] = None
    back: bool = False

    @property
    def filters(self) -> dict[str, object]:
        """Without the place in the list."""
        return {
            "entity": self.entity,
            "connection": self.connection,
            "issue": self.issue,
            "type": self.type.value if self.type else None,
            "status": self.status,
            "q": self.q,
            "all": "1" if self.all else None,
            "oldest": "1" if self.oldest else None,
        }

    @property
    def statuses(self) -> tuple[SyncStatus, ...]:
        """Those of a group, or one alone; all where nothing known is chosen."""
        alone = tuple(one for one in SyncStatus if one.value == self.status)
        group = words.GROUPS.get(self.status or "")
        return group[2] if group else alone

    @property
    def place(self) -> Place | None:
        """Where the page begins. Oldest first is the same list, read backwards."""
        if self.at is None or self.id is None:
            if not self.oldest:
                return None
            return Place(
                datetime.fromisoformat("1970-01-01T00:00:00+00:00"), UUID(int=0), back=True
            )
        return Place(self.at, self.id, back=self.back is not self.oldest)


@router.get("/log")
def log(
    query: Annotated[LogQuery, Query()], request: Request, runtime: RuntimeOf, person: PersonOf
) -> Response:
    """Where every record stands."""
    with runtime.begin() as work:
        entities = work.tenants.entities_of(person.organisation_id)
        found = work.console.connections(person.organisation_id, 1000)
    connected = {line.row.billing_entity_id for line in found}
    preferred = sorted(entities, key=lambda one: (one.id not in connected, not one.is_default))
    entity_id = _entity(runtime, person, query, [entity.id for entity in preferred])
    lines: list[LogLine] = []
    more = False
    if entity_id is not None:
        lines, more = _lines(runtime, entity_id, query)
    asked = query.q.strip() if query.q else None
    entity = next((one for one in entities if one.id == entity_id), None)
    return page(
        request,
        runtime,
        "log.html",
        lines=lines,
        query=query,
        entity=entity,
        filtered=any(
            query.filters[name] for name in ("connection", "issue", "type", "status", "q")
        ),
        entities=entities,
        connections=[line for line in found if entity is None or line.entity_code == entity.code],
        types=list(ObjectType),
        found=len(lines) if asked else None,
        most_found=MOST_FOUND,
        newer=None if asked else _newer(query, lines, more=more),
        older=None if asked else _older(query, lines, more=more),
        flipped=link("/log", **{**query.filters, "oldest": None if query.oldest else "1"}),
        names={line.row.id: words.provider(line.row.provider) for line in found},
    )


def _entity(
    runtime: Runtime, person: Person, query: LogQuery, entity_ids: list[UUID]
) -> UUID | None:
    """Whose log is meant: of what is named in the query, or the first entity.

    Raises:
        NotFoundError: Something is named that is not the organisation's.
    """
    if query.entity is not None and query.entity not in entity_ids:
        raise NotFoundError(f"there is no billing entity {query.entity}")
    named: UUID | None = None
    for what, thing_id in ((Thing.CONNECTION, query.connection), (Thing.ISSUE, query.issue)):
        if thing_id is not None:
            named = entity_of(runtime, person, what, thing_id)
    return query.entity or named or next(iter(entity_ids), None)


def _lines(runtime: Runtime, entity_id: UUID, query: LogQuery) -> tuple[list[LogLine], bool]:
    """A page of records, in the order in which it is shown; and whether more follow."""
    wanted = LogFilter(
        connection_id=query.connection,
        type=query.type,
        issue_id=query.issue,
        own=None if query.all or query.issue else _own(runtime, query),
        statuses=query.statuses,
    )
    with runtime.begin() as work:
        if query.q and query.q.strip():
            return work.console.called(entity_id, query.q.strip(), wanted, MOST_FOUND), False
        lines = work.operations.log(entity_id, wanted, query.place, ON_A_PAGE + 1)
    more = len(lines) > ON_A_PAGE
    lines = lines[:ON_A_PAGE]
    return (lines[::-1] if query.back else lines), more


def _own(runtime: Runtime, query: LogQuery) -> bool | None:
    """Our own documents, but of a source those that came from there."""
    if query.connection is None:
        return True
    with runtime.begin() as work:
        row = connections.get(work, query.connection)
    return True if row.role is ConnectionRole.LEDGER else None


def _newer(query: LogQuery, lines: list[LogLine], *, more: bool) -> str | None:
    """The page before this one."""
    if query.at is None or not lines or (query.back and not more):
        return None
    first = lines[0]
    return link("/log", **query.filters, at=first.updated_at.isoformat(), id=first.id, back="1")


def _older(query: LogQuery, lines: list[LogLine], *, more: bool) -> str | None:
    """The page after this one."""
    if not lines or not (more or query.back):
        return None
    last = lines[-1]
    return link("/log", **query.filters, at=last.updated_at.isoformat(), id=last.id)


@router.get("/records/{record_id}")
def record(record_id: UUID, request: Request, runtime: RuntimeOf, person: PersonOf) -> Response:
    """One record: where it stands, what would be sent, and every try."""
    entity_id = entity_of(runtime, person, Thing.RECORD, record_id)
    with runtime.begin() as work:
        line = control.record_line(work, record_id)
        tries = work.attempts.of_record(record_id)
        connection = connections.get(work, line.connection_id)
        entity = work.tenants.entity(entity_id)
        parent = control.record_line(work, line.blocked_by) if line.blocked_by else None
    ledger = connection.role is ConnectionRole.LEDGER and not connection.by_others
    shown = (
        preview(runtime.engine, record_id, entity_id=entity_id) if line.ours and ledger else None
    )
    return page(
        request,
        runtime,
        "record.html",
        line=line,
        tries=tries[::-1],
        connection=connection,
        entity=entity,
        parent=parent,
        preview=shown,
        may_retry=line.status in RETRYABLE - {SyncStatus.PENDING},
        may_skip=line.status in _MAY_SKIP,
        may_settle=ledger and line.status in _MAY_SKIP | {SyncStatus.UNCERTAIN},
        may_make_again=ledger and line.ours and line.reason_code == "deleted_in_ledger",
    )


_MAY_SKIP = frozenset(
    {
        SyncStatus.PENDING,
        SyncStatus.RETRY_WAIT,
        SyncStatus.REJECTED,
        SyncStatus.BLOCKED,
        SyncStatus.HELD,
    }
)


@router.post("/records/{record_id}/retry")
def retry(record_id: UUID, runtime: RuntimeOf, person: BookkeeperOf, _: FormOf) -> Response:
    """Push a record again."""

    def act() -> str:
        control.retry(runtime.engine, actor=person.actor, record_id=record_id)
        return "It is sent again."

    return _done(runtime, person, record_id, act)


@router.post("/records/{record_id}/again")
def make_again(record_id: UUID, runtime: RuntimeOf, person: BookkeeperOf, _: FormOf) -> Response:
    """Make a new document for one that was deleted in the ledger; the ledger is asked first."""

    def act() -> str:
        control.create_again(runtime.engine, record_id, actor=person.actor)
        return "The ledger does not have it any more, so it is made anew."

    return _done(runtime, person, record_id, act)


@router.post("/records/{record_id}/skip")
def skip(record_id: UUID, runtime: RuntimeOf, person: BookkeeperOf, form: FormOf) -> Response:
    """Never push a record."""

    def act() -> str:
        reason = form.get("reason", "")[:1000]
        control.skip(runtime.engine, record_id, reason=reason, actor=person.actor)
        return "It is never sent."

    return _done(runtime, person, record_id, act)


@router.post("/records/{record_id}/settle")
def settle(record_id: UUID, runtime: RuntimeOf, person: BookkeeperOf, form: FormOf) -> Response:
    """Note that somebody entered it in the ledger by hand; the ledger is asked, and waited for."""

    def act() -> str:
        control.settle(
            runtime.engine,
            record_id,
            platform_id=form.get("platform_id", "").strip()[:255],
            reason=form.get("reason", "")[:1000],
            actor=person.actor,
        )
        return "It is settled: the ledger has it."

    return _done(runtime, person, record_id, act)


def _done(runtime: Runtime, person: Person, record_id: UUID, act: Callable[[], str]) -> Response:
    entity_of(runtime, person, Thing.RECORD, record_id)
    return done(runtime, link(f"/records/{record_id}"), act)
