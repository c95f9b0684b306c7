"""A connection's page: how it stands, its runs, and a running sync live."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from api.console import words
from api.console.web import (
    AdministratorOf,
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
from models.repositories import Thing
from models.status import SyncStatus
from models.tables import RunStatus, SyncRunRow
from sync import connections, runs
from sync.people import Person
from worker.runtime import Runtime

router = APIRouter(route_class=PageRoute, prefix="/connections")

MOST_RUNS = 50
MOST_CAUSES = 20
BARS = 30
"""Runs in the picture."""
BAR_HEIGHT = 48


@router.get("/{connection_id}")
def connection_page(
    connection_id: UUID, request: Request, runtime: RuntimeOf, person: PersonOf
) -> Response:
    """One connection."""
    entity_id = entity_of(runtime, person, Thing.CONNECTION, connection_id)
    with runtime.begin() as work:
        row = connections.get(work, connection_id)
        entity = work.tenants.entity(entity_id)
        figures = work.console.figures(connection_id)
        found = work.console.runs(connection_id, MOST_RUNS)
        causes = work.console.causes(
            person.organisation_id, MOST_CAUSES, connection_id=connection_id
        )
        calls, _ = work.connections.use_this_month(connection_id)
    active = next((run for run in found if run.status in _GOING_ON), None)
    return page(
        request,
        runtime,
        "connection.html",
        row=row,
        entity=entity,
        table=by_group(figures),
        runs=found,
        bars=_bars(found),
        active=active,
        progress=_progress(runtime, active) if active else None,
        causes=causes,
        calls=calls,
        left=runtime.allowance_left(row),
    )


_GOING_ON = {RunStatus.QUEUED, RunStatus.RUNNING}


def by_group(
    figures: Mapping[tuple[ObjectType, SyncStatus], int],
) -> list[tuple[ObjectType, dict[str, int]]]:
    """How many records of each type stand in each group of statuses."""
    group_of = {status: name for name, (_, _, held) in words.GROUPS.items() for status in held}
    sums: defaultdict[ObjectType, dict[str, int]] = defaultdict(
        lambda: dict.fromkeys(words.GROUPS, 0)
    )
    for (kind, status), number in figures.items():
        sums[kind][group_of[status]] += number
    return [(kind, sums[kind]) for kind in ObjectType if kind in sums]


def _bars(found: Sequence[SyncRunRow]) -> list[dict[str, object]]:
    """The latest runs as a picture, oldest first: how much was moved, and how it ended."""
    shown = list(found)[:BARS][::-1]
    sizes = [_moved(run) for run in shown]
    most = max(sizes, default=0) or 1
    return [
        {
            "run": run,
            "height": max(6, round(BAR_HEIGHT * (size / most) ** 0.5)),
            "tone": words.RUNS[run.status][1],
        }
        for run, size in zip(shown, sizes, strict=True)
    ]


def _moved(run: SyncRunRow) -> int:
    return sum(
        figures.get(name, 0)
        for figures in run.counts.values()
        for name in ("seen", "pushed", "reported", "failed", "adopted")
    )


def _progress(runtime: Runtime, run: SyncRunRow) -> dict[str, object]:
    """How far a run is: what it does, and how much of the sending is done."""
    sent = sum(
        figures.get(name, 0)
        for figures in run.counts.values()
        for name in ("pushed", "reported", "failed")
    )
    left = 0
    if run.steps and str(run.steps[0]).startswith("push"):
        with runtime.begin() as work:
            left = work.log.in_flight(run.connection_id, list(ObjectType))
    return {
        "doing": words.doing(run),
        "figures": words.run_figures(run.counts),
        "sent": sent,
        "of": sent + left if left else 0,
    }


@router.get("/{connection_id}/live")
def live(connection_id: UUID, runtime: RuntimeOf, person: PersonOf) -> JSONResponse:
    """What the script asks for while a sync runs."""
    entity_of(runtime, person, Thing.CONNECTION, connection_id)
    with runtime.begin() as work:
        active = work.runs.active(connection_id)
    if active is None:
        return JSONResponse({"running": False})
    return JSONResponse({"running": True, **_progress(runtime, active)})


@router.post("/{connection_id}/sync")
def sync(connection_id: UUID, runtime: RuntimeOf, person: BookkeeperOf, _: FormOf) -> Response:
    """Queue a sync."""

    def act() -> str:
        runs.trigger_run(runtime.engine, connection_id)
        with runtime.begin() as work:
            work.audit.add(person.actor, "sync", str(connection_id))
        return "The sync was started."

    return _done(runtime, person, connection_id, act)


@router.post("/{connection_id}/pause")
def pause(connection_id: UUID, runtime: RuntimeOf, person: AdministratorOf, _: FormOf) -> Response:
    """Stop all work of a connection."""

    def act() -> str:
        connections.pause(runtime.engine, connection_id, actor=person.actor)
        return "The connection is paused. Nothing is lost: what waits goes on after the pause."

    return _done(runtime, person, connection_id, act)


@router.post("/{connection_id}/resume")
def resume(connection_id: UUID, runtime: RuntimeOf, person: AdministratorOf, _: FormOf) -> Response:
    """Go on after a pause."""

    def act() -> str:
        connections.resume(runtime.engine, connection_id, actor=person.actor)
        return "The connection works again."

    return _done(runtime, person, connection_id, act)


def _done(
    runtime: Runtime, person: Person, connection_id: UUID, act: Callable[[], str]
) -> Response:
    entity_of(runtime, person, Thing.CONNECTION, connection_id)
    return done(runtime, link(f"/connections/{connection_id}"), act)
