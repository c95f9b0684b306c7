"""Reading each ledger whole and by what changed, while people work in it."""

from datetime import timedelta
from typing import Any

import pytest

from connectors.apideck import SPEC
from connectors.apideck.webhooks import read_webhook
from connectors.base import Changes
from models.canonical import Contact, ContactRole, Invoice, ObjectType, Payment
from tests.connectors.apideck.bench import ApideckBench

PULLED = [kind for kind in ObjectType if SPEC.pulls(kind)]
MANY = 430
"""More than two pages."""


def invoices(bench: ApideckBench, number: int) -> list[str]:
    """Invoices that people have entered."""
    return [bench.apideck.enter_invoice(net="10.00") for _ in range(number)]


def ids(found: list[Any]) -> list[str]:
    """The ids of pulled records."""
    return [one.platform_id for one in found]


@pytest.mark.parametrize("kind", PULLED)
def test_everything_is_read_once(ledger: ApideckBench, kind: ObjectType) -> None:
    for resource, pay in (("invoices", True), ("bills", True)):
        enter = getattr(ledger.apideck, f"enter_{resource[:-1]}")
        for _ in range(3):
            document = enter()
            if pay:
                ledger.apideck.pay(resource, document)
    if ledger.service != "workday":
        ledger.accepted(ledger.sample(ObjectType.ITEM))
    ledger.accepted(ledger.sample(ObjectType.CREDIT_NOTE))
    ledger.accepted(ledger.sample(ObjectType.JOURNAL_ENTRY))

    found = ledger.records(kind)

    assert len(set(ids(found))) == len(found) > 0


def test_many_pages_are_followed_to_the_end_whatever_they_hold(ledger: ApideckBench) -> None:
    entered = invoices(ledger, MANY)
    ledger.apideck.reset_figures()

    found = ledger.records(ObjectType.INVOICE)

    assert set(ids(found)) == set(entered)
    assert len(found) == MANY
    if ledger.service != "netsuite":  # whose pages may be short
        assert ledger.apideck.calls["list invoices"] == 3


def test_rows_that_move_while_they_are_read_are_not_lost_for_good(ledger: ApideckBench) -> None:
    entered = invoices(ledger, MANY)
    ledger.apideck.between_pages(
        "invoices", lambda: ledger.apideck.edit("invoices", entered[0], due_date="2027-01-31")
    )

    first = list(ledger.connector().pull(ObjectType.INVOICE, None))
    again = list(ledger.connector().pull(ObjectType.INVOICE, first[-1].cursor))

    found = [one for page in (*first, *again) for one in page.records]
    assert set(ids(found)) == set(entered)
    last = {one.platform_id: one.record for one in found}
    changed = last[entered[0]]
    assert isinstance(changed, Invoice)
    assert str(changed.due_date) == "2027-01-31"


def test_only_what_changed_is_read_again(ledger: ApideckBench) -> None:
    entered = invoices(ledger, 3)
    ledger.apideck.pass_time(timedelta(hours=1))
    first = list(ledger.connector().pull(ObjectType.INVOICE, None))
    ledger.apideck.pass_time(timedelta(hours=1))
    new = ledger.apideck.enter_invoice()

    again = ledger.records(ObjectType.INVOICE, first[-1].cursor)

    changes = SPEC.of({"service_id": ledger.service}).pulls(ObjectType.INVOICE)
    assert changes is not None
    whole = changes.changes is Changes.NONE
    assert new in ids(again)
    assert (set(entered) <= set(ids(again))) is (whole or len(again) > 1)
    assert ledger.apideck.calls["list invoices"] == 2 if ledger.service == "xero" else True


def test_a_cursor_that_died_between_two_pages_begins_its_list_again() -> None:
    bench = ApideckBench("netsuite")
    entered = invoices(bench, MANY)
    bench.apideck.between_pages("invoices", lambda: bench.apideck.pass_time(timedelta(minutes=20)))

    found = bench.records(ObjectType.INVOICE)

    assert set(ids(found)) == set(entered)
    assert len(found) == MANY


def test_a_pull_that_goes_on_tomorrow_begins_its_list_again() -> None:
    bench = ApideckBench("netsuite")
    entered = invoices(bench, MANY)
    pages = bench.connector().pull(ObjectType.INVOICE, None)
    first = next(pages)
    bench.apideck.pass_time(timedelta(days=1))

    rest = bench.records(ObjectType.INVOICE, first.cursor)

    assert set(ids(list(first.records)) + ids(rest)) == set(entered)


@pytest.mark.parametrize("how", ["void", "delete"])
def test_what_is_taken_out_of_the_books_is_said_or_missing(ledger: ApideckBench, how: str) -> None:
    invoice, other = invoices(ledger, 2)
    getattr(ledger.apideck, how)("invoices", invoice)

    found = {one.platform_id: one for one in ledger.records(ObjectType.INVOICE)}

    assert other in found
    if invoice in found:
        record = found[invoice].record
        assert isinstance(record, Invoice)
        assert found[invoice].deleted or record.status == "void"


def test_customers_and_suppliers_with_equal_ids_stay_apart() -> None:
    bench = ApideckBench("netsuite")

    found = bench.records(ObjectType.CONTACT)

    roles = {one.platform_id: one.record for one in found}
    assert {"customer:1", "supplier:1"} <= set(roles)
    customer, supplier = roles["customer:1"], roles["supplier:1"]
    assert isinstance(customer, Contact)
    assert isinstance(supplier, Contact)
    assert (customer.roles, supplier.roles) == ((ContactRole.CUSTOMER,), (ContactRole.SUPPLIER,))


def test_payments_of_both_sides_are_read_from_two_lists(ledger: ApideckBench) -> None:
    ledger.apideck.pay("invoices", ledger.apideck.enter_invoice())
    ledger.apideck.pay("bills", ledger.apideck.enter_bill())

    found = [one.record for one in ledger.records(ObjectType.PAYMENT)]

    assert sorted(one.side for one in found if isinstance(one, Payment)) == ["customer", "supplier"]


def test_the_webhooks_of_the_simulator_are_understood(ledger: ApideckBench) -> None:
    ledger.apideck.enter_invoice()
    ledger.apideck.revoke_consent()
    config = ledger.config()
    seen: set[ObjectType | str] = set()

    for delivery in ledger.apideck.deliveries():
        headers = {name.lower(): value for name, value in delivery.headers.items()}
        notice = read_webhook(config, headers, delivery.body)
        seen |= notice.kinds
        if notice.authorization:
            seen.add("authorization")

    assert {ObjectType.INVOICE, "authorization"} <= seen
