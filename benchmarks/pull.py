"""What a pull costs, beside a program tuned by hand; ends with 1 when it costs too much.

Run with `make bench`, or `python -m benchmarks.pull --invoices 100000`. Invoices of about 2 KB come
from a canned Xero; they are read for the first time, then all of them again with nothing and with
1 % changed, then what changed alone. The engine does all that it does in a worker: check, claims,
leases, a transaction for each page. Figures go to `var/pull.json` as well.
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from benchmarks import canned_xero, measuring, pull_reference
from benchmarks.measuring import Cost, Place
from connectors.base import Role
from models.canonical import ObjectType
from models.tables import RunStatus
from sync import connections, runs
from sync.engine import NoHints
from sync.settings import Settings
from worker import embedded, logs, runtime
from worker.runtime import Runtime

RUNS = 3
EVERY = 100
"""Of so many invoices one is changed: 1 %."""
MOST = {"first": 2.3, "again, nothing changed": 2.5}
"""The most CPU that the engine may take, as a multiple of the reference with our tables."""
ENGINE, OURS, LEAN = "engine", "reference, our tables", "reference, lean tables"
_APP = '{"xero": {"client_id": "bench", "client_secret": "bench"}}'


def built(home: Path) -> Runtime:
    """A process's parts, as a worker has them."""
    logs.configure("ERROR", role="bench")
    settings = Settings(home=home, oauth_apps=_APP)
    return runtime.build(settings, role="bench", hints=NoHints())


def connected(place: Place) -> tuple[UUID, UUID]:
    """A billing entity and its connection, both new."""
    parts = built(place.home)
    with parts.begin() as work:
        entity = work.tenants.add_entity(
            work.tenants.organisation("Acme"), code="UK", legal_name="Acme Ltd"
        )
        assert entity is not None  # noqa: S101  # the database is empty
    row = connections.add(
        parts.engine,
        parts.opener,
        connections.NewConnection(
            billing_entity_id=entity.id,
            provider="xero",
            role=Role.LEDGER,
            credentials={"access_token": canned_xero.TOKEN, "expires_at": "2100-01-01T00:00:00Z"},
            settings={"calls_per_day": 1_000_000, "default_sales_account": "200"},
            base_url=place.provider,
            schedule="24h",
            start_date=date(2026, 1, 1),
        ),
        actor="bench",
    )
    parts.close()
    return entity.id, row.id


def by_the_engine(place: Place, connection_id: UUID, full: bool) -> Cost:  # across processes
    """A run that reads invoices."""
    parts = built(place.home)

    def work() -> int:
        run_id = runs.trigger_run(
            parts.engine, connection_id, only="pull", types=[ObjectType.INVOICE], full=full
        )
        while not runs.advance(parts.engine, connection_id).finished:
            pass
        with parts.begin() as unit:
            run = unit.runs.get(run_id)
        assert run is not None and run.status is RunStatus.DONE, run and run.sentence  # noqa: S101, PT018
        return run.provider_calls

    cost = measuring.measured(place, work)
    parts.close()
    return cost


def by_hand(place: Place, whose: tuple[UUID, UUID] | None) -> Cost:
    """The reference, into our tables or into lean ones."""
    store: Callable[..., None] = pull_reference.into_lean_tables
    if whose is not None:
        store = partial(pull_reference.into_our_tables, entity=whose[0], connection=whose[1])
    dsn = dsn_of(place.home)
    return measuring.measured(place, lambda: pull_reference.pull(dsn, place.provider, store))


def dsn_of(home: Path) -> str:
    """Where PostgreSQL listens, in its own words."""
    return embedded.database_url(home).replace("+psycopg", "")


Costs = dict[tuple[str, str], list[Cost]]


def one_round(place: Place, canned: canned_xero.Canned, costs: Costs) -> None:
    """Each program in turn does each piece of work once."""
    with psycopg.connect(dsn_of(place.home), autocommit=True) as connection:
        connection.execute(pull_reference.LEAN)
    connection_id = UUID(int=0)
    for program in (ENGINE, OURS, LEAN):
        if program is not LEAN:
            measuring.emptied(place.home)
            whose = measuring.apart(connected, place)
            connection_id = whose[1] if program is ENGINE else connection_id
        for scenario in ("first", "again, nothing changed"):
            measuring.settled(place.home)
            if program is ENGINE:
                cost = measuring.apart(by_the_engine, place, whose[1], scenario != "first")
            else:
                cost = measuring.apart(by_hand, place, whose if program is OURS else None)
            costs[scenario, program].append(cost)
        if program is ENGINE:
            changes(place, canned, whose[1], costs)
        else:
            canned.change(every=EVERY)
            measuring.settled(place.home)
            cost = measuring.apart(by_hand, place, whose if program is OURS else None)
            costs["again, 1 % changed", program].append(cost)


def changes(place: Place, canned: canned_xero.Canned, connection_id: UUID, costs: Costs) -> None:
    """What the engine alone has more of: reading what changed, and nothing else."""
    canned.change(every=EVERY)
    measuring.settled(place.home)
    cost = measuring.apart(by_the_engine, place, connection_id, True)  # `full`
    costs["again, 1 % changed", ENGINE].append(cost)
    measuring.settled(place.home)
    cost = measuring.apart(by_the_engine, place, connection_id, False)
    costs["changes alone, none", ENGINE].append(cost)


def shown(costs: Costs, invoices: int) -> list[dict[str, Any]]:
    """Print the medians; the same as rows."""
    print(
        f"\n{invoices:,} invoices, medians of {len(costs['first', ENGINE])} runs in turns; "
        "µs of CPU per invoice\n"
        f"{'':24} {'':24} {'ours':>6} {'database':>8} {'both':>6} {'ratio':>6} {'wall s':>7} "
        f"{'calls per 1,000':>15} {'peak MB':>8}"
    )
    rows = []
    for (scenario, program), all_costs in sorted(costs.items(), key=_order):
        cost = measuring.median(all_costs)
        each = 1e6 / invoices
        beside = costs.get((scenario, OURS))
        ratio = cost.cpu_seconds / measuring.median(beside).cpu_seconds if beside else None
        print(
            f"{scenario:24} {program:24} {cost.ours_seconds * each:6.1f} "
            f"{cost.database_seconds * each:8.1f} {cost.cpu_seconds * each:6.1f} "
            f"{'' if ratio is None else f'{ratio:.2f}':>6} {cost.wall_seconds:7.2f} "
            f"{cost.calls * 1000 / invoices:15.1f} {cost.peak_mb:8.0f}"
        )
        rows.append({"scenario": scenario, "program": program, "ratio": ratio, **asdict(cost)})
    return rows


def _order(item: tuple[tuple[str, str], list[Cost]]) -> tuple[int, int]:
    scenario, program = item[0]
    return (
        ["first", "again, nothing changed", "again, 1 % changed"].index(scenario)
        if scenario.startswith(("first", "again"))
        else 9
    ), [ENGINE, OURS, LEAN].index(program)


def measured(invoices: int, times: int) -> list[dict[str, Any]]:
    """All programs in turns, so many times."""
    costs: Costs = defaultdict(list)
    with measuring.database() as home:
        for _ in range(times):
            with canned_xero.serving(invoices) as canned:
                one_round(Place(home, canned.url), canned, costs)
    return shown(costs, invoices)


def problems_of(rows: Sequence[dict[str, Any]]) -> list[str]:
    """What costs more than it may."""
    return [
        f"{row['scenario']}: {row['ratio']:.2f} times the reference; {MOST[row['scenario']]:g} "
        "are allowed"
        for row in rows
        if row["program"] == ENGINE
        and row["scenario"] in MOST
        and row["ratio"] > MOST[row["scenario"]]
    ]


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--invoices", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=RUNS)
    options = parser.parse_args()
    if sys.platform != "linux":
        print("pull: measured on Linux alone; skipped")
        return 0
    rows = measured(options.invoices, options.runs)
    measuring.written("pull.json", rows)
    problems = problems_of(rows)
    for problem in problems:
        print(f"NOT WELL: {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
