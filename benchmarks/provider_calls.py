"""How many provider calls 1,000 records take; ends with 1 when they are more than need be.

Run with `make bench`, or `python -m benchmarks.provider_calls`. Simulated ledgers are filled with
1,000 records of a type and read once; then records are pushed, each step counted. What is read
once for a piece of work (whose books, rates, journals ...) is counted by itself.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from connectors.apideck import SPEC
from connectors.base import Accepted, Progressed, PushResult
from connectors.conformance_kit import after
from connectors.quickbooks.client import BATCH_SIZE
from connectors.xero import SPEC as XERO
from models.canonical import ObjectType
from tests.connectors.apideck.bench import PROFILES, ApideckBench
from tests.connectors.quickbooks.bench import QuickBooksBench
from tests.connectors.sage_active.bench import SageBench
from tests.connectors.xero.bench import XeroBench

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


# Xero, by its API: 1,000 rows a page, and 50 records a write, each of which is answered for; of
# payments 40, because the documents that they pay are read before, 40 ids at once: Xero would take
# an amount in one currency for one in another. Payments are four lists.
XERO_PULLS = {
    ObjectType.CONTACT: 1,
    ObjectType.ITEM: 1 + 1,  # the accounts that they name by code
    ObjectType.INVOICE: 1,
    ObjectType.BILL: 1,
    ObjectType.CREDIT_NOTE: 1,
    ObjectType.PAYMENT: 4,
    ObjectType.JOURNAL_ENTRY: 1 + 1,  # journals are in the currency of the books
}
XERO_PUSHES = {
    ObjectType.CONTACT: 1,
    ObjectType.ITEM: 1,
    ObjectType.INVOICE: 1,
    ObjectType.BILL: 1,
    ObjectType.CREDIT_NOTE: 1,
    ObjectType.PAYMENT: 2,
    ObjectType.JOURNAL_ENTRY: 1,
}


# QuickBooks, by its API: 1,000 objects a page, after which a full one has to be asked for more; ten
# writes a batch, each of which is answered with the object as it is now. A contact that is a
# customer and a vendor is two objects.
QUICKBOOKS_PULLS = {
    ObjectType.CONTACT: 2 + 1,  # customers, then vendors
    ObjectType.ITEM: 2,
    ObjectType.INVOICE: 2,
    ObjectType.BILL: 2,
    ObjectType.CREDIT_NOTE: 2 + 1,  # credit memos, then vendor credits
    ObjectType.PAYMENT: 2 + 1,  # payments, then bill payments
    ObjectType.JOURNAL_ENTRY: 2,
}
QUICKBOOKS_PUSHES = {
    ObjectType.CONTACT: 2,
    ObjectType.ITEM: 1,
    ObjectType.INVOICE: 1,
    ObjectType.BILL: 1,
    ObjectType.CREDIT_NOTE: 1,
    ObjectType.PAYMENT: 1,
    ObjectType.JOURNAL_ENTRY: 1,
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
    """For one batch."""
    batches: Mapping[ObjectType, int] = field(default_factory=dict)
    """Records that go out together; one where it is not said."""


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


def entered_in_xero(bench: XeroBench, kind: ObjectType) -> None:
    """People enter records until there are 1,000."""
    books = bench.books

    def named(number: int) -> object:
        return books.add_contact(f"Imported {number}")

    def sold(number: int) -> object:
        return books.add_item(f"ITEM-{number}")

    def paid(_: int) -> object:
        return books.pay(books.add_invoice())

    def journal(_: int) -> object:
        return books.add_journal([(books.known.purchases, 5), (books.known.sales, -5)])

    entering: dict[ObjectType, tuple[str, Callable[[int], object]]] = {
        ObjectType.CONTACT: ("contacts", named),
        ObjectType.ITEM: ("items", sold),
        ObjectType.INVOICE: ("invoices", lambda _: books.add_invoice()),
        ObjectType.BILL: ("bills", lambda _: books.add_bill()),
        ObjectType.CREDIT_NOTE: ("credit_notes", lambda _: books.add_credit_note()),
        ObjectType.PAYMENT: ("payments", paid),
        ObjectType.JOURNAL_ENTRY: ("manual_journals", journal),
    }
    rows, enter = entering[kind]
    for number in range(PULLED - len(getattr(books, rows))):
        enter(number)


def xero_batches() -> dict[ObjectType, int]:
    """As many records as the connector takes with one call."""
    return {kind: push.batch_size for kind in XERO_PUSHES if (push := XERO.pushes(kind))}


def entered_in_quickbooks(bench: QuickBooksBench, kind: ObjectType) -> None:
    """People enter 1,000 records, one a second."""
    company, known = bench.company, bench.known
    entering: dict[ObjectType, Callable[[int], object]] = {
        ObjectType.CONTACT: lambda number: company.add_customer(f"Customer {number}"),
        ObjectType.ITEM: lambda number: company.add_item(
            f"Item {number}", IncomeAccountRef={"value": known.sales}
        ),
        ObjectType.INVOICE: lambda _: company.add_invoice(),
        ObjectType.BILL: lambda _: company.add_bill([("80.00", None)]),
        ObjectType.CREDIT_NOTE: lambda _: company.add_credit_memo([("40.00", None)]),
        ObjectType.PAYMENT: lambda _: company.receive("10.00"),
        ObjectType.JOURNAL_ENTRY: lambda _: company.add_journal(
            ((known.purchases, "5"), (known.bank, "-5"))
        ),
    }
    for number in range(PULLED):
        entering[kind](number)
        bench.quickbooks.pass_time(timedelta(seconds=1))
    bench.wait(timedelta(0))


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
    Ledger(
        "QuickBooks Online",
        QuickBooksBench,
        entered_in_quickbooks,
        QUICKBOOKS_PULLS,
        QUICKBOOKS_PUSHES,
        dict.fromkeys(QUICKBOOKS_PUSHES, BATCH_SIZE),
    ),
    Ledger("Xero", XeroBench, entered_in_xero, XERO_PULLS, XERO_PUSHES, xero_batches()),
]


def pulled(ledger: Ledger, kind: ObjectType) -> tuple[int, int]:
    """Read a ledger: how many records, with how many calls."""
    bench = ledger.bench()
    ledger.fill(bench, kind)
    records = bench.records(kind)
    return len(records), bench.scope.calls


def pushed(ledger: Ledger, kind: ObjectType) -> tuple[int, int, int]:
    """Push batches: calls of the first one beside its own, calls and records of all others."""
    bench, size = ledger.bench(), ledger.batches.get(kind, 1)
    batches = 1 + -(-PUSHED // size)
    samples = [bench.sample(kind) for _ in range(batches * size)]
    connector = bench.connector()
    connector.check()
    for place in range(batches):
        for result in sent(bench, connector, kind, samples[place * size : (place + 1) * size]):
            if not isinstance(result, Accepted):
                raise SystemExit(f"a {kind.words} was not accepted: {result}")
        if place == 0:
            first = bench.scope.calls
    others = (batches - 1) * size
    return first - ledger.pushes[kind], bench.scope.calls - first, others


def sent(bench: Any, connector: Any, kind: ObjectType, records: Sequence[Any]) -> list[PushResult]:
    """Push a batch to its end."""
    items = [bench.item(record) for record in records]
    results: list[PushResult] = list(connector.push(kind, items))
    while all(isinstance(one, Progressed) for one in results):
        items = [
            after(item, one)
            for item, one in zip(items, results, strict=True)
            if isinstance(one, Progressed)
        ]
        results = list(connector.push(kind, items))
    return results


def measure(ledger: Ledger) -> bool:
    """Measure one ledger and print it; whether nothing took more than it must."""
    good = True
    print(ledger.name)
    for kind, least in ledger.pulls.items():
        records, calls = pulled(ledger, kind)
        good &= calls <= least
        print(f"  pulled {records:>5} {kind.plural_words:<16} {calls:>5} calls")
    for kind, each in ledger.pushes.items():
        once, calls, others = pushed(ledger, kind)
        per_thousand = calls * 1000 // others
        good &= calls * ledger.batches.get(kind, 1) <= each * others
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
