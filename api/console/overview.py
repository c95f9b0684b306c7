"""The first page: every connection, and what needs somebody's attention."""

from collections import defaultdict
from itertools import groupby

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.console.web import PageRoute, PersonOf, page
from api.deps import RuntimeOf
from models.repositories import CauseLine, ConnectionLine
from worker.runtime import Runtime

router = APIRouter(route_class=PageRoute)

MOST_CONNECTIONS = 200
MOST_CAUSES = 200
SHOWN_CAUSES = 5


@router.get("")
@router.get("/")
def overview(request: Request, runtime: RuntimeOf, person: PersonOf) -> Response:
    """Connections by billing entity, and the heaviest causes by who acts."""
    with runtime.begin() as work:
        lines = work.console.connections(person.organisation_id, MOST_CONNECTIONS)
        causes = work.console.causes(person.organisation_id, MOST_CAUSES)
        entities = work.tenants.entities_of(person.organisation_id)
    by_actor: defaultdict[str, list[CauseLine]] = defaultdict(list)
    for cause in causes:
        by_actor[cause.issue.actor].append(cause)
    return page(
        request,
        runtime,
        "overview.html",
        groups=[
            (code, list(found)) for code, found in groupby(lines, lambda line: line.entity_code)
        ],
        left={line.row.id: _left(runtime, line) for line in lines},
        by_actor=by_actor,
        causes=[cause for cause in causes if cause.issue.actor != "nobody"][:SHOWN_CAUSES],
        entities=entities,
        unconnected=_unconnected(lines, [entity.code for entity in entities]),
        most=MOST_CONNECTIONS,
    )


def _left(runtime: Runtime, line: ConnectionLine) -> dict[str, int]:
    return runtime.allowance_left(line.row)


def _unconnected(lines: list[ConnectionLine], codes: list[str]) -> list[str]:
    """Billing entities without any connection."""
    connected = {line.entity_code for line in lines}
    return [code for code in codes if code not in connected]
