"""Both sides of one month compared, down to the records; printed, it is the month's statement."""

import threading
from calendar import monthrange
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel

from api.console import words
from api.console.sync_log import Chosen
from api.console.web import FormOf, PageRoute, PersonOf, entity_of, page
from api.deps import RuntimeOf
from connectors.base import Period
from connectors.errors import ConnectorError
from models.repositories import Thing
from models.tables import ConnectionRole
from sync.errors import SyncError
from sync.reconcile import by_reason, reconcile
from worker.runtime import Runtime

router = APIRouter(route_class=PageRoute, prefix="/reconciliation")

MOST_SHOWN = 500
PRINTED = 15
"""So many documents that differ are printed: a statement is a page."""

_AT_ONCE = threading.BoundedSemaphore(2)
"""The ledger is asked for every document of the month: not by everybody at the same time."""


class Wanted(BaseModel):
    """Which books."""

    connection: Annotated[UUID | None, Chosen] = None


@router.get("")
def choose(
    query: Annotated[Wanted, Query()], request: Request, runtime: RuntimeOf, person: PersonOf
) -> Response:
    """The form: which connection, which month."""
    if query.connection is not None:
        entity_of(runtime, person, Thing.CONNECTION, query.connection)
    return _page(request, runtime, person, query.connection, _last_month())


@router.post("")
def compare(request: Request, runtime: RuntimeOf, person: PersonOf, form: FormOf) -> Response:
    """Ask the ledger and show both sides. A form, since it costs the connection some requests."""
    try:
        connection_id = UUID(form.get("connection", ""))
        first = datetime.strptime(form.get("month", ""), "%Y-%m").replace(tzinfo=UTC).date()
    except ValueError:
        trouble = "Choose a connection and a month, written like 2026-03."
        return _page(request, runtime, person, None, _last_month(), trouble=trouble, status=400)
    entity_of(runtime, person, Thing.CONNECTION, connection_id)
    last = first.replace(day=monthrange(first.year, first.month)[1])
    month = f"{first:%Y-%m}"
    if not _AT_ONCE.acquire(blocking=False):
        trouble = "Two comparisons are under way already. Try again in a minute."
        return _page(request, runtime, person, connection_id, month, trouble=trouble, status=429)
    try:
        result = reconcile(runtime.engine, connection_id, Period(first, last))
    except (SyncError, ConnectorError) as error:
        trouble = f"Nothing is proven: {words.sentence(error)}"
        return _page(request, runtime, person, connection_id, month, trouble=trouble, status=409)
    finally:
        _AT_ONCE.release()
    return _page(
        request,
        runtime,
        person,
        connection_id,
        month,
        result=result,
        reasons=by_reason(result.rows),
        shown=[(row, one) for row in result.rows for one in row.differences][:MOST_SHOWN],
        first=first,
        last=last,
        made_at=datetime.now(UTC),
    )


def _page(
    request: Request,
    runtime: Runtime,
    person: PersonOf,
    connection_id: UUID | None,
    month: str,
    *,
    status: int = 200,
    **shown: object,
) -> Response:
    with runtime.begin() as work:
        found = work.console.connections(person.organisation_id, 1000)
    ledgers = [line for line in found if line.row.role is ConnectionRole.LEDGER]
    chosen = next((line for line in ledgers if line.row.id == connection_id), None)
    return page(
        request,
        runtime,
        "reconciliation.html",
        status=status,
        ledgers=ledgers,
        chosen=chosen,
        month=month,
        printed=PRINTED,
        **{**_NOTHING, **shown},
    )


_NOTHING: Mapping[str, object] = dict.fromkeys(
    ("result", "reasons", "shown", "first", "last", "made_at", "trouble")
)


def _last_month() -> str:
    today = datetime.now(UTC).date()
    return f"{today.replace(day=1) - timedelta(days=1):%Y-%m}"
