"""How many provider calls 1,000 records take; ends with 1 when they are more than need be.

Run with `make bench`, or `python -m benchmarks.provider_calls`. Simulated ledgers are filled with
1,000 records of a type and read once; then records are pushed, each step counted. What is read
once for a piece of work (whose books, rates, journals ...) is counted by itself.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from connectors.apideck import SPEC
from connectors.base import Accepted, Progressed
from models.canonical import ObjectType
from tests.connectors.apideck.bench import PROFILES, ApideckBench
from tests.connectors.sage_active.bench import SageBench

PULLED, PUSHED = 1000, 100

# Sage Active, by its API: 500 rows a page of every list that a type is in, and one mutation a step. A document's
# sums have to be read before it is closed or posted, what is open before it is settled, and
# whether an entry has its tax registers after it was made.
SAGE_PULLS = {
    ObjectType.CONTACT: 4,  # with the samples it is a little more than two pages; and suppliers
    ObjectType.ITEM: 3,  # with the samples it is a little more than two pages
    ObjectType.INVOICE: 3 + 3,  # documents, and the entries that posting makes of them
    ObjectType.BILL: 3 + 3,
    ObjectType.JOURNAL_ENTRY: 3,
}
SAGE_PUSHES = {
    ObjectType.CONTACT: 2,  # each is a customer and a supplier
    ObjectType.ITEM: 1,
    ObjectType.INVOICE: 4,
    ObjectType.BILL: 3,
    ObjectType.CREDIT_NOTE: 2,
    ObjectType.PAYMENT: 2,
    ObjectType.JOURNAL_ENTRY: 1,
}


# Apideck, by its API: 200 rows a page. The answer to a creation is an id and nothing else, so what
# came of it (totals, version) is one more call; a payment asks before what is open. A contact that
# is a customer and a supplier is two objects, each looked for by name before it is made: they
# take no idempotency key, and an answer may have been lost between them.
APIDECK_PULLS = {
    ObjectType.CONTACT: 12,  # each is a customer and a supplier
    ObjectType.INVOICE: 6,  # with the samples it is a little more than five pages
    ObjectType.BILL: 6,
    ObjectType.CREDIT_NOTE: 6,
    ObjectType.PAYMENT: 7,  # payments, then bill payments
    ObjectType.JOURNAL_ENTRY: 6,
}
APIDECK_PUSHES = {
    ObjectType.CONTACT: 2 * 3,
    ObjectType.ITEM: 2,
    ObjectType.INVOICE: 2,
    ObjectType.BILL: 2,
    ObjectType.CREDIT_NOTE: 2,
    ObjectType.PAYMENT: 3,
    ObjectType.JOURNAL_ENTRY: 2,
}


HALF_PAGES = {"netsuite"}
"""This simulated ledger gives half of a page at most, as real ones do that group rows."""


@dataclass(frozen=True)
class Ledger:
    """A simulated ledger, how it is filled, and the calls that it takes at least."""

    name: str
    bench: Callable[[], Any]
    fill: Callable[[Any, ObjectType], None]
    pulls: Mapping[ObjectType, int]
    """For 1,000 records."""
    pushes: Mapping[ObjectType, int]
    """For one record."""


def entered_in_sage(bench: SageBench, kind: ObjectType) -> None:
    """People enter 1,000 records."""
    company = bench.company
    charge, bank = company.account_of("CHARGE"), company.account_of("BANK")

    def invoice(_: int) -> object:
        return bench.posted_invoice()

    def bill(number: int) -> object:
        return company.post_bill(company.add_bill(f"F-{number}"))

    entering: dict[ObjectType, Callable[[int], object]] = {
        ObjectType.CONTACT: lambda number: company.add_customer(f"Customer {number}"),
        ObjectType.ITEM: lambda number: company.add_product(f"P{number}", "20"),
        ObjectType.INVOICE: invoice,
        ObjectType.BILL: bill,
        ObjectType.JOURNAL_ENTRY: lambda _: company.add_entry([(charge, 5), (bank, -5)]),
    }
    for number in range(PULLED):
        entering[kind](number)


def pushed_before(bench: ApideckBench, kind: ObjectType) -> None:
    """1,000 records that somebody has pushed."""
    connector = bench.connector()
    for _ in range(PULLED):
        bench.push(bench.sample(kind), connector)


def apideck(profile: str) -> ApideckBench:
    """A ledger behind Apideck that does not count calls by the minute; we do."""
    bench = ApideckBench(profile)
    bench.apideck.change(ledger_calls_per_minute=None)
    return bench


LEDGERS = [
    Ledger("Sage Active", lambda: SageBench("FR"), entered_in_sage, SAGE_PULLS, SAGE_PUSHES),
    *(
        Ledger(
            f"Apideck, a ledger like {profile}",
            partial(apideck, profile),
            pushed_before,
            {
                kind: calls * (2 if profile in HALF_PAGES else 1)
                for kind, calls in APIDECK_PULLS.items()
            },
            {
                kind: calls
                for kind, calls in APIDECK_PUSHES.items()
                if SPEC.of({"service_id": profile}).pushes(kind)
            },
        )
        for profile in PROFILES
    ),
]


def pulled(ledger: Ledger, kind: ObjectType) -> tuple[int, int]:
    """Read a ledger: how many records, with how many calls."""
    bench = ledger.bench()
    ledger.fill(bench, kind)
    records = bench.records(kind)
    return len(records), bench.scope.calls


def pushed(ledger: Ledger, kind: ObjectType) -> tuple[int, int]:
    """Push records: how many calls the first one took beside its own, and all others."""
    bench = ledger.bench()
    samples = [bench.sample(kind) for _ in range(PUSHED + 1)]
    connector = bench.connector()
    connector.check()
    for place, record in enumerate(samples):
        item, result = bench.step(bench.item(record), connector)
        while isinstance(result, Progressed):
            item, result = bench.step(item, connector)
        if not isinstance(result, Accepted):
            raise SystemExit(f"a {kind.words} was not accepted: {result}")
        if place == 0:
            first = bench.scope.calls
    return first - ledger.pushes[kind], bench.scope.calls - first


def measure(ledger: Ledger) -> bool:
    """Measure one ledger and print it; whether nothing took more than it must."""
    good = True
    print(ledger.name)
    for kind, least in ledger.pulls.items():
        records, calls = pulled(ledger, kind)
        good &= calls <= least
        print(f"  pulled {records:>5} {kind.plural_words:<16} {calls:>5} calls")
    for kind, each in ledger.pushes.items():
        once, calls = pushed(ledger, kind)
        per_thousand = calls * 1000 // PUSHED
        good &= per_thousand <= each * 1000
        print(f"  pushed  1000 {kind.plural_words:<16} {per_thousand:>5} calls, and {once} once")
    return good


def main() -> int:
    """Measure and print; 1 when something takes more than it must."""
    good = [measure(ledger) for ledger in LEDGERS]
    if not all(good):
        print("That is more than it takes.")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
