"""What a push costs, beside a program tuned by hand and beside one task for each record.

Run with `make bench`, or `python -m benchmarks.push`. 2,000 invoices go to a canned Xero that
answers at once, and to one that takes 100 ms. The engine claims, writes attempts down, sends
batches of 50 and settles them. The program with one task for each record is measured once, with 50
records in a row, and its figures are those of 2,000. All go to `var/push.json` as well.
"""

import argparse
import sys
from collections import defaultdict
from dataclasses import asdict, replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from benchmarks import canned_xero, measuring, push_reference
from benchmarks.measuring import Cost, Place
from benchmarks.pull import built, connected, dsn_of
from models.canonical import AnyRecord, Contact, Invoice, Line, ObjectType
from sync import documents, runs
from sync.push import push_due

RUNS = 3
INVOICES = 2000
FEW = 50
"""Records of the program with one task for each."""
LATENCIES = (0.0, 0.1)
LEAST_ADVANTAGE = 10.0
"""How many times less CPU the engine takes than one task for each record."""
ENGINE, TUNED, NAIVE = "engine", "reference", "one task for each"


def an_invoice(number: int) -> Invoice:
    """One of three lines."""
    line = Line(
        description="Consulting",
        unit_price=Decimal("100.50"),
        net_amount=Decimal("100.50"),
        tax_rate=Decimal(20),
        tax_amount=Decimal("20.10"),
    )
    return Invoice(
        id=f"I-{number}",
        number=f"INV-{number}",
        contact_id="C-1",
        issue_date=date(2026, 3, 15),
        currency="GBP",
        lines=(line,) * 3,
        net_total=Decimal("301.50"),
        tax_total=Decimal("60.30"),
        total=Decimal("361.80"),
    )


def handed_in(place: Place, invoices: int) -> UUID:
    """A connection with invoices that wait, and their customer in the ledger."""
    entity_id, connection_id = connected(place)
    parts = built(place.home)
    run_id = runs.trigger_run(parts.engine, connection_id, only="pull")
    runs.complete(parts.engine, connection_id, run_id)
    records: list[AnyRecord] = [
        Contact(id="C-1", name="Customer"),
        *map(an_invoice, range(invoices)),
    ]
    for start in range(0, len(records), 500):
        with parts.begin() as work:
            documents.store(work, parts.engine, entity_id, records[start : start + 500])
    push_due(
        parts.engine,
        connection_id,
        trigger="manual",
        correlation_id="bench",
        only=[ObjectType.CONTACT],
    )
    parts.close()
    return connection_id


def by_the_engine(place: Place, connection_id: UUID) -> Cost:
    """What is due, as a worker pushes it."""
    parts = built(place.home)

    def work() -> int:
        pushed = push_due(
            parts.engine,
            connection_id,
            trigger="manual",
            correlation_id="bench",
            only=[ObjectType.INVOICE],
        )
        done = pushed.counts[ObjectType.INVOICE]
        assert done == {"done": INVOICES}, done  # noqa: S101  # otherwise nothing is measured
        return pushed.calls

    cost = measuring.measured(place, work)
    parts.close()
    return cost


def tuned(place: Place) -> Cost:
    """The reference."""
    dsn = dsn_of(place.home)
    return measuring.measured(place, lambda: push_reference.tuned(dsn, place.provider))


def naive(place: Place) -> Cost:
    """One task for each record; the figures of 2,000."""
    dsn = dsn_of(place.home)
    cost = measuring.measured(place, lambda: push_reference.naive(dsn, place.provider, FEW))
    times = INVOICES // FEW
    return replace(
        cost,
        ours_seconds=cost.ours_seconds * times,
        database_seconds=cost.database_seconds * times,
        wall_seconds=cost.wall_seconds * times,
        calls=cost.calls * times,
    )


def one_round(
    place: Place, canned: canned_xero.Canned, costs: dict[tuple[float, str], list[Cost]]
) -> None:
    """Each program once, at each latency."""
    for latency in LATENCIES:
        for program in (ENGINE, TUNED, NAIVE):
            if program is NAIVE and costs[latency, NAIVE]:
                continue
            measuring.emptied(place.home)
            invoices = FEW if program is NAIVE else INVOICES
            connection_id = measuring.apart(handed_in, place, invoices)
            measuring.settled(place.home)
            canned.delay(latency)
            if program is ENGINE:
                cost = measuring.apart(by_the_engine, place, connection_id)
            else:
                cost = measuring.apart(tuned if program is TUNED else naive, place)
            canned.delay(0)
            costs[latency, program].append(cost)


def shown(costs: dict[tuple[float, str], list[Cost]]) -> list[dict[str, Any]]:
    """Print the medians; the same as rows."""
    times = len(costs[0.0, ENGINE])
    print(
        f"\npush of {INVOICES:,} invoices, medians of {times} runs in turns; ms of CPU per invoice\n"
        f"{'latency':8} {'':18} {'ours':>7} {'database':>8} {'both':>7} {'ratio':>6} {'wall s':>7} "
        f"{'ratio':>6} {'calls per 1,000':>15} {'peak MB':>8}"
    )
    rows = []
    for (latency, program), all_costs in costs.items():
        cost = measuring.median(all_costs)
        beside = measuring.median(costs[latency, TUNED])
        ratio = cost.cpu_seconds / beside.cpu_seconds
        longer = cost.wall_seconds / beside.wall_seconds
        each = 1000 / INVOICES
        print(
            f"{latency * 1000:5.0f} ms {program:18} {cost.ours_seconds * each:7.2f} "
            f"{cost.database_seconds * each:8.2f} {cost.cpu_seconds * each:7.2f} {ratio:6.2f} "
            f"{cost.wall_seconds:7.2f} {longer:6.2f} {cost.calls * 1000 / INVOICES:15.1f} "
            f"{cost.peak_mb:8.0f}"
        )
        rows.append(
            {"latency": latency, "program": program, "ratio": ratio, "wall_ratio": longer}
            | asdict(cost)
        )
    return rows


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--runs", type=int, default=RUNS)
    options = parser.parse_args()
    if sys.platform != "linux":
        print("push: measured on Linux alone; skipped")
        return 0
    costs: dict[tuple[float, str], list[Cost]] = defaultdict(list)
    with measuring.database() as home, canned_xero.serving(0) as canned:
        for _ in range(options.runs):
            one_round(Place(home, canned.url), canned, costs)
    rows = shown(costs)
    measuring.written("push.json", rows)
    cpu = {(row["latency"], row["program"]): row["ratio"] for row in rows}
    advantage = cpu[0.0, NAIVE] / cpu[0.0, ENGINE]
    print(f"one task for each record takes {advantage:.0f} times the engine's CPU")
    if advantage < LEAST_ADVANTAGE:
        print(f"NOT WELL: it should take {LEAST_ADVANTAGE:g} times that")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
