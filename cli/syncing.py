"""`ledgerbridge sync` and `runs`: triggering, following and listing sync runs."""

import time
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import typer

from cli.context import resolve, running
from cli.documents import object_type
from cli.output import JSON_OPTION, count, emit, in_bytes, say, table
from cli.progress import Status
from models.canonical import ObjectType
from models.tables import RunStatus, SyncRunRow
from sync import runs
from sync.errors import NotFoundError
from worker.runtime import Runtime

NOBODY_AFTER = timedelta(seconds=10)

_COUNTED = (
    "seen", "created", "updated", "deleted", "matched", "pushed", "adopted", "failed",
    "unreadable",
)  # fmt: skip


class Direction(StrEnum):
    """One half of a sync."""

    PULL = "pull"
    PUSH = "push"


def sync(
    connection: Annotated[str, typer.Argument(metavar="CONNECTION", help="Its id, or the end.")],
    only: Annotated[Direction | None, typer.Option(help="Only read, or only write.")] = None,
    types: Annotated[str | None, typer.Option(help="Comma-separated: invoices,bills")] = None,
    *,
    full: Annotated[bool, typer.Option("--full", help="Read everything, find deletions.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Follow the run to its end.")] = False,
    inline: Annotated[
        bool, typer.Option("--inline", help="Run in this process, without worker and Redis.")
    ] = False,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Trigger a sync run; with --wait, follow it and end with its result.

    Example: ledgerbridge sync 4f1d2c3b --wait
    """
    kinds = [object_type(name) for name in types.split(",")] if types else None
    with running(hints=not inline) as runtime:
        with runtime.begin() as work:
            connection_id = resolve(work, "connection", connection)
        run_id = runs.trigger_run(
            runtime.engine,
            connection_id,
            only=only.value if only else None,
            types=kinds,
            full=full,
        )
        lost = getattr(runtime.engine.hints, "failures", 0)
        if lost:
            say(
                "Redis cannot be reached, so no worker was told. The run is queued and starts by "
                "itself once Redis is back; `--inline` runs it here and now."
            )
            raise typer.Exit(1)
        if inline:
            with Status("syncing …") as status:
                run = runs.complete(
                    runtime.engine,
                    connection_id,
                    run_id,
                    progress=lambda run: status.say(_so_far(run)),
                )
        elif wait:
            run = _follow(runtime, run_id)
        else:
            run = _get(runtime, run_id)
            say(f"The run is queued: ledgerbridge runs {connection_id}")
    _show_run(run, as_json=as_json)
    if run.status in runs.ENDED and run.status is not RunStatus.DONE:
        raise typer.Exit(1)


def _get(runtime: Runtime, run_id: UUID) -> SyncRunRow:
    with runtime.begin() as work:
        run = work.runs.get(run_id)
    if run is None:
        raise NotFoundError(f"there is no run {run_id}")
    return run


def _follow(runtime: Runtime, run_id: UUID) -> SyncRunRow:
    """Wait for a run that workers do."""
    started = time.monotonic()
    told = False
    with Status("waiting for a worker …") as status:
        while True:
            run = _get(runtime, run_id)
            if run.status in runs.ENDED:
                return run
            status.say(_so_far(run))
            waited = time.monotonic() - started
            if (
                run.status is RunStatus.QUEUED
                and waited > NOBODY_AFTER.total_seconds()
                and not told
            ):
                say("No worker has taken the run yet: is `ledgerbridge up` running? Still waiting.")
                told = True
            time.sleep(0.3)


def _plural(kind: str) -> str:
    return ObjectType(kind).plural_words


def _so_far(run: SyncRunRow) -> str:
    if run.status is RunStatus.QUEUED:
        return "waiting for a worker …"
    step = str(run.steps[0]) if run.steps else "finishing"
    verb, _, name = step.partition(":")
    what = _plural(name) if name else ""
    doing = {
        "pull": f"reading {what}",
        "match": "looking for what the ledger has already",
        "push": f"writing {what}".rstrip(),
    }
    figures = run.counts.values()
    seen = sum(one.get("seen", 0) for one in figures)
    pushed = sum(one.get("pushed", 0) for one in figures)
    return f"{doing.get(verb, verb)} … {seen:,} read, {pushed:,} written"


def _as_dict(run: SyncRunRow) -> dict[str, Any]:
    return {
        "id": run.id,
        "connection": run.connection_id,
        "trigger": run.trigger,
        "status": run.status,
        "counts": run.counts,
        "provider_calls": run.provider_calls,
        "received_bytes": run.received_bytes,
        "sentence": run.sentence,
        "correlation_id": run.correlation_id,
        "created_at": run.created_at,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
    }


def _show_run(run: SyncRunRow, *, as_json: bool) -> None:
    if as_json:
        emit([_as_dict(run)])
        return
    if run.status not in runs.ENDED:
        return
    counted = [name for name in _COUNTED if any(one.get(name) for one in run.counts.values())]
    table(
        ["type", *(f"{name}>" for name in counted)],
        [
            (_plural(kind), *(f"{figures.get(name) or ''}" for name in counted))
            for kind, figures in sorted(run.counts.items(), key=_in_order)
            if any(figures.get(name) for name in counted)
        ],
        empty="Nothing had changed on either side.",
    )
    calls = count(run.provider_calls, "provider call")
    say(f"{run.status.value}: {run.sentence} ({calls}, {in_bytes(run.received_bytes)} downloaded)")


def _in_order(item: tuple[str, Any]) -> int:
    return list(ObjectType).index(ObjectType(item[0]))


def list_runs(
    connection: Annotated[
        str | None, typer.Argument(metavar="CONNECTION", help="Only this one's.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 20,
    *,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """List sync runs with their counts, newest first.

    Example: ledgerbridge runs 4f1d2c3b
    """
    with running() as runtime, runtime.begin() as work:
        connection_id = resolve(work, "connection", connection) if connection else None
        found = work.runs.listing(connection_id, limit)
    if as_json:
        emit([_as_dict(run) for run in found])
        return
    table(
        ["id", "started", "trigger", "status", "read>", "written>", "failed>", "calls>"],
        [
            (
                run.id,
                run.started_at or run.created_at,
                run.trigger,
                run.status,
                *(
                    f"{sum(figures.get(name, 0) for figures in run.counts.values()):,}"
                    for name in ("seen", "pushed", "failed")
                ),
                f"{run.provider_calls:,}",
            )
            for run in found
        ],
        notes=[run.sentence for run in found],
        empty="There were no runs yet: `ledgerbridge sync CONNECTION`.",
    )
