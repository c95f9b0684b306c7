"""Issues by cause: who acts and what to do; what can be mapped is mapped right here."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, BeforeValidator

from api.console import words
from api.console.sync_log import Chosen
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
from models.repositories import Thing
from models.tables import IssueRow
from models.unit_of_work import UnitOfWork
from sync import connections, control, suggestions
from sync.catalogue import Actor
from sync.errors import InvalidInputError, NotFoundError

router = APIRouter(route_class=PageRoute, prefix="/issues")

MOST_CAUSES = 200
MOST_RECORDS = 50


class IssueQuery(BaseModel):
    """Which causes are shown."""

    connection: Annotated[UUID | None, Chosen] = None
    actor: Annotated[Actor | None, BeforeValidator(lambda given: given or None)] = None


@router.get("")
def issues(
    query: Annotated[IssueQuery, Query()], request: Request, runtime: RuntimeOf, person: PersonOf
) -> Response:
    """Open causes, the heaviest first."""
    if query.connection is not None:
        entity_of(runtime, person, Thing.CONNECTION, query.connection)
    with runtime.begin() as work:
        causes = work.console.causes(
            person.organisation_id,
            MOST_CAUSES,
            connection_id=query.connection,
            actor=query.actor.value if query.actor else None,
        )
        found = work.console.connections(person.organisation_id, 1000)
    return page(
        request,
        runtime,
        "issues.html",
        causes=causes,
        query=query,
        connections=found,
        actors=list(Actor),
        most=MOST_CAUSES,
    )


@router.get("/{issue_id}")
def issue_page(issue_id: UUID, request: Request, runtime: RuntimeOf, person: PersonOf) -> Response:
    """One cause: the fix, and the records that wait for it."""
    entity_id = entity_of(runtime, person, Thing.ISSUE, issue_id)
    with runtime.begin() as work:
        found = work.operations.issue(entity_id, issue_id)
        if found is None:
            raise NotFoundError(f"there is no issue {issue_id}")
        issue, records = found
        row = connections.get(work, issue.connection_id)
        entity = work.tenants.entity(entity_id)
        lines = work.log.lines(issue_id=issue_id, limit=MOST_RECORDS)
        asked = suggestions.asked_of(issue.next_step) if issue.closed_at is None else None
        choices = suggestions.choices(work, row.id, asked) if asked else []
    return page(
        request,
        runtime,
        "issue.html",
        issue=issue,
        records=records,
        row=row,
        entity=entity,
        lines=lines,
        asked=asked,
        choices=choices,
    )


@router.post("/{issue_id}/map")
def map_here(issue_id: UUID, runtime: RuntimeOf, person: BookkeeperOf, form: FormOf) -> Response:
    """Map what the cause asks for; everything that waited goes on."""
    entity_of(runtime, person, Thing.ISSUE, issue_id)

    def act() -> str:
        with runtime.begin() as work:
            issue = _open_issue(work, issue_id)
            asked = suggestions.asked_of(issue.next_step)
        theirs = form.get("theirs", "").strip()[:255]
        if asked is None or not theirs:
            raise InvalidInputError("choose what it is in the ledger")
        actor = person.actor
        released = control.map_to(
            runtime.engine, issue.connection_id, asked.kind, asked.ours, theirs, actor=actor
        )
        with runtime.begin() as work:
            still_open = _is_open(work, issue_id)
        if still_open:
            # Some causes are named after what they are about, not after the word to map.
            released += control.retry(runtime.engine, actor=actor, issue_id=issue_id)
        verb = "goes" if released == 1 else "go"
        return f"Mapped {asked.ours}. {words.several(released, 'record')} {verb} on now."

    return done(runtime, link(f"/issues/{issue_id}"), act)


@router.post("/{issue_id}/retry")
def retry(issue_id: UUID, runtime: RuntimeOf, person: BookkeeperOf, _: FormOf) -> Response:
    """Close a cause and push everything again that waited for it."""
    entity_of(runtime, person, Thing.ISSUE, issue_id)

    def act() -> str:
        with runtime.begin() as work:
            _open_issue(work, issue_id)
        queued = control.retry(runtime.engine, actor=person.actor, issue_id=issue_id)
        verb = "is" if queued == 1 else "are"
        return f"{words.several(queued, 'record')} {verb} sent again."

    return done(runtime, link(f"/issues/{issue_id}"), act)


def _open_issue(work: UnitOfWork, issue_id: UUID) -> IssueRow:
    found = work.issues.get(issue_id)
    if found is None or found.closed_at is not None:
        raise InvalidInputError("the issue is closed already: what waited for it goes on")
    return found


def _is_open(work: UnitOfWork, issue_id: UUID) -> bool:
    found = work.issues.get(issue_id)
    return found is not None and found.closed_at is None
