"""How many calls Sage Active takes for 1,000 records; ends with 1 when it is more than need be.

Run with `make bench`, or `python -m benchmarks.provider_calls`. A simulated ledger is filled with
1,000 records of each type by people and read once; then records are pushed, each step counted.
What is read once for a piece of work (whose books, rates, journals ...) is counted by itself.
"""

import sys
from collections.abc import Callable

from connectors.base import Accepted, Progressed
from models.canonical import ObjectType
from tests.connectors.sage_active.bench import SageBench

PULLED, PUSHED = 1000, 100

# By the API: 500 rows a page of every list that a type is in, and one mutation a step. A document's
# sums have to be read before it is closed or posted, what is open before it is settled, and
# whether an entry has its tax registers after it was made.
PULL_LEAST = {
    ObjectType.CONTACT: 4,  # with the samples it is a little more than two pages; and suppliers
    ObjectType.ITEM: 3,  # with the samples it is a little more than two pages
    ObjectType.INVOICE: 3 + 3,  # documents, and the entries that posting makes of them
    ObjectType.BILL: 3 + 3,
    ObjectType.JOURNAL_ENTRY: 3,
}
PUSH_LEAST = {
    ObjectType.CONTACT: 2,  # each is a customer and a supplier
    ObjectType.ITEM: 1,
    ObjectType.INVOICE: 4,
    ObjectType.BILL: 3,
    ObjectType.CREDIT_NOTE: 2,
    ObjectType.PAYMENT: 2,
    ObjectType.JOURNAL_ENTRY: 1,
}


def fill(bench: SageBench, kind: ObjectType) -> None:
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


def pulled(kind: ObjectType) -> tuple[int, int]:
    """Read a ledger: how many records, with how many calls."""
    bench = SageBench("FR")
    fill(bench, kind)
    records = bench.records(kind)
    return len(records), bench.scope.calls


def pushed(kind: ObjectType) -> tuple[int, int]:
    """Push records: how many calls the first one took beside its own, and all others."""
    bench = SageBench("FR")
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
    return first - PUSH_LEAST[kind], bench.scope.calls - first


def main() -> int:
    """Measure and print; 1 when something takes more than it must."""
    good = True
    print("Sage Active, provider calls")
    for kind, least in PULL_LEAST.items():
        records, calls = pulled(kind)
        good &= calls <= least
        print(f"  pulled {records:>5} {kind.plural_words:<16} {calls:>5} calls")
    for kind, each in PUSH_LEAST.items():
        once, calls = pushed(kind)
        per_thousand = calls * 1000 // PUSHED
        good &= per_thousand <= each * 1000
        print(f"  pushed  1000 {kind.plural_words:<16} {per_thousand:>5} calls, and {once} once")
    if not good:
        print("That is more than it takes.")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
