"""Marking as paid: the guide's steps, on each ledger; and never twice, whatever gets lost."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from connectors.apideck.simulator import Apideck as Simulator
from connectors.base import Absent, Accepted, Found, Operation, Unclear
from connectors.errors import Conflict, OutcomeUnknown, Rejected, Unsupported
from models.canonical import Allocation, ObjectType, Payment, Side
from tests.connectors.apideck.bench import DAY, ApideckBench, own_id
from tests.connectors.apideck.sdk import check

SIDES = [Side.CUSTOMER, Side.SUPPLIER]


def entered(bench: ApideckBench, side: Side, net: str = "100.00") -> str:
    """A document that people have entered."""
    if side is Side.CUSTOMER:
        return bench.apideck.enter_invoice(net=net)
    return bench.apideck.enter_bill(net=net)


def lists(side: Side) -> tuple[str, str]:
    """Where the documents and the payments of a side are."""
    return ("invoices", "payments") if side is Side.CUSTOMER else ("bills", "bill-payments")


def status_of(bench: ApideckBench, side: Side, document: str) -> tuple[str, Decimal | None]:
    """A document's state as the next pull brings it."""
    kind = ObjectType.INVOICE if side is Side.CUSTOMER else ObjectType.BILL
    found = {one.platform_id: one.record for one in bench.records(kind)}[document]
    return found.status, found.balance


@pytest.mark.parametrize("side", SIDES)
def test_a_document_is_paid_by_a_payment_and_its_state_is_read_back(
    ledger: ApideckBench, side: Side
) -> None:
    document = entered(ledger, side)
    whole = ledger.apideck.balance(lists(side)[0], document)

    result = ledger.accepted(ledger.payment({document: str(whole)}, side=side))

    assert own_id(result.platform_id) != result.platform_id
    assert ledger.apideck.balance(lists(side)[0], document) == 0
    ledger.apideck.apply_allocations()
    assert status_of(ledger, side, document) == ("paid", Decimal(0))


def test_a_ledger_that_applies_later_is_no_error_but_a_note() -> None:
    bench = ApideckBench("quickbooks")
    bench.apideck.change(applies_after_reads=99)
    invoice = bench.apideck.enter_invoice()

    result = bench.accepted(bench.payment({invoice: "40.00"}))

    assert "does not show yet" in result.notes[0]
    assert status_of(bench, Side.CUSTOMER, invoice)[0] == "open"
    bench.apideck.apply_allocations()
    assert status_of(bench, Side.CUSTOMER, invoice)[0] == "partially_paid"


@pytest.mark.parametrize("side", SIDES)
def test_one_payment_pays_several_documents_and_keeps_a_rest(
    bench: ApideckBench, side: Side
) -> None:
    first, second = entered(bench, side), entered(bench, side)
    payment = bench.payment({first: "30.00", second: "20.00"}, side=side, amount=Decimal(60))

    bench.accepted(payment)

    (there,) = [one.record for one in bench.records(ObjectType.PAYMENT)]
    assert isinstance(there, Payment)
    assert there.unallocated == 10
    assert {part.document_id: part.amount for part in there.allocations} == {
        first: Decimal(30),
        second: Decimal(20),
    }
    assert status_of(bench, side, first)[0] == status_of(bench, side, second)[0] == "partially_paid"


def test_no_request_says_that_a_document_is_paid(ledger: ApideckBench) -> None:
    for record in (ledger.invoice(status="paid"), ledger.bill(status="partially_paid")):
        ledger.accepted(record)
    invoice = ledger.apideck.enter_invoice()
    ledger.accepted(ledger.payment({invoice: "40.00"}))

    for request in ledger.apideck.traffic.log:
        if request.method in {"POST", "PATCH"}:
            body = request.json()
            resource = request.path.split("/")[2]
            check(resource, body, update=request.method == "PATCH")
            assert "paid" not in str(body.get("status"))
            assert "payment_allocations" not in body
            assert "balance" not in body


@pytest.mark.parametrize("side", SIDES)
def test_more_than_what_is_open_is_refused_before_anything_is_sent(
    ledger: ApideckBench, side: Side
) -> None:
    document = entered(ledger, side)
    whole = ledger.apideck.balance(lists(side)[0], document)
    before = ledger.apideck.written[f"create {lists(side)[1]}"]

    error = ledger.error(ledger.payment({document: str(whole + 1)}, side=side))

    assert isinstance(error, Rejected)
    assert error.code == "over_allocated"
    assert ledger.apideck.calls[f"create {lists(side)[1]}"] == before == 0


def test_what_others_have_paid_meanwhile_counts(ledger: ApideckBench) -> None:
    invoice = ledger.apideck.enter_invoice()
    whole = ledger.apideck.balance("invoices", invoice)
    ledger.apideck.pay("invoices", invoice)

    error = ledger.error(ledger.payment({invoice: str(whole)}, reference="mine"))

    assert error.code == "over_allocated"
    assert ledger.apideck.calls["create payments"] == 0
    assert len(ledger.apideck.payments_of("invoices", invoice)) == 1


@pytest.mark.parametrize(
    ("status", "code"), [("draft", "not_payable"), ("void", "not_payable"), ("gone", None)]
)
def test_a_document_that_cannot_be_paid_is_said_so(
    bench: ApideckBench, status: str, code: str | None
) -> None:
    invoice = bench.apideck.enter_invoice()
    if status == "draft":
        bench.apideck.distort("invoices", invoice, status="draft")
    elif status == "void":
        bench.apideck.void("invoices", invoice)
    else:
        invoice = "nowhere"

    error = bench.error(bench.payment({invoice: "40.00"}))

    assert isinstance(error, Rejected)
    assert error.cause is not None
    assert error.cause.code == (code or "deleted_in_ledger")
    assert bench.apideck.calls["create payments"] == 0


def test_a_document_in_another_currency_is_not_paid(bench: ApideckBench) -> None:
    invoice = bench.apideck.enter_invoice()

    error = bench.error(bench.payment({invoice: "40.00"}, currency="JPY"))

    assert error.code == "not_payable"
    assert "JPY" in error.message
    assert bench.apideck.calls["create payments"] == 0


def test_a_payment_that_is_for_something_else_is_unsupported(bench: ApideckBench) -> None:
    part = Allocation(
        document_type=ObjectType.CREDIT_NOTE, document_id="1", amount=Decimal("40.00")
    )
    payment = bench.payment({}, amount=Decimal(40)).model_copy(update={"allocations": (part,)})

    assert isinstance(bench.error(payment), Unsupported)


def test_money_on_account_is_a_payment_of_nothing(bench: ApideckBench) -> None:
    result = bench.accepted(bench.payment({}, amount=Decimal(40)))

    (there,) = [one.record for one in bench.records(ObjectType.PAYMENT)]
    assert there.id == result.platform_id
    assert there.allocations == ()


def test_the_ledgers_own_words_for_methods_are_demanded_before_the_call() -> None:
    bench = ApideckBench("quickbooks")
    bill = bench.apideck.enter_bill()

    error = bench.error(bench.payment({bill: "40.00"}, side=Side.SUPPLIER, method="wire"))

    assert error.cause is not None
    assert error.cause.code == "payment_method_missing"
    assert bench.apideck.calls["create bill-payments"] == 0


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("way", ["lose_answer", "leave_uncertain"])
def test_two_answers_lost_after_commit_leave_one_payment(
    ledger: ApideckBench, side: Side, way: str
) -> None:
    document, (documents, payments) = entered(ledger, side), lists(side)
    item = ledger.item(ledger.payment({document: "40.00"}, side=side))
    getattr(ledger.apideck, way)(payments, times=2)

    ledger.settle(item)
    again = ledger.settle(replace(item, platform_id=None, progress=None))

    assert len(ledger.apideck.payments_of(documents, document)) == 1
    assert ledger.count(ObjectType.PAYMENT, item.marker) == 1
    assert again.platform_id
    assert ledger.apideck.calls[f"create {payments}"] <= 2


@pytest.mark.parametrize("side", SIDES)
def test_what_was_lost_before_commit_is_paid_once_in_the_end(
    ledger: ApideckBench, side: Side
) -> None:
    document, (documents, payments) = entered(ledger, side), lists(side)
    item = ledger.item(ledger.payment({document: "40.00"}, side=side))
    ledger.apideck.lose_answer(payments, committed=False, times=2)

    ledger.settle(item)

    assert len(ledger.apideck.payments_of(documents, document)) == 1


def test_a_payment_that_is_sent_twice_is_found_before_it_is_made_twice(
    bench: ApideckBench,
) -> None:
    invoice = bench.apideck.enter_invoice()
    whole = bench.apideck.balance("invoices", invoice)
    item = bench.item(bench.payment({invoice: str(whole)}))

    first, second = bench.accepted(item), bench.accepted(item)

    assert first.platform_id == second.platform_id
    assert len(bench.apideck.payments_of("invoices", invoice)) == 1


def test_a_payment_like_ours_without_our_mark_is_a_question(bench: ApideckBench) -> None:
    invoice = bench.apideck.enter_invoice()
    bench.apideck.pay("invoices", invoice, "40.00", on=DAY)
    item = bench.item(bench.payment({invoice: "40.00"}))

    (found,) = bench.connector().find(ObjectType.PAYMENT, [item])
    error = bench.error(item)

    assert isinstance(found, Unclear)
    assert isinstance(error, Conflict)
    assert len(bench.apideck.payments_of("invoices", invoice)) == 1


def test_two_payments_with_our_mark_are_a_question() -> None:
    bench = ApideckBench("xero")
    invoice = bench.apideck.enter_invoice()
    item = bench.item(bench.payment({invoice: "40.00"}))
    result = bench.accepted(item)
    bench.apideck.copy("payments", own_id(result.platform_id))

    (found,) = bench.connector().find(ObjectType.PAYMENT, [item])

    assert isinstance(found, Unclear)


@pytest.mark.parametrize("side", SIDES)
def test_a_payment_that_is_taken_back_opens_its_document_again(
    ledger: ApideckBench, side: Side
) -> None:
    document = entered(ledger, side)
    item = ledger.item(ledger.payment({document: "40.00"}, side=side))
    result = ledger.accepted(item)
    ledger.apideck.apply_allocations()
    assert status_of(ledger, side, document)[0] == "partially_paid"

    void = replace(item, operation=Operation.VOID, platform_id=result.platform_id)
    ledger.accepted(void)
    ledger.accepted(void)

    assert status_of(ledger, side, document)[0] == "open"
    assert ledger.apideck.payments_of(lists(side)[0], document) == []
    assert ledger.connector().find(ObjectType.PAYMENT, [item]) == [Absent()]


def test_a_payment_that_was_removed_in_the_ledger_opens_its_document_with_the_next_pull(
    ledger: ApideckBench,
) -> None:
    invoice = ledger.apideck.enter_invoice()
    whole = ledger.apideck.balance("invoices", invoice)
    result = ledger.accepted(ledger.payment({invoice: str(whole)}))
    ledger.apideck.apply_allocations()
    assert status_of(ledger, Side.CUSTOMER, invoice)[0] == "paid"

    ledger.apideck.delete("payments", own_id(result.platform_id))

    assert status_of(ledger, Side.CUSTOMER, invoice)[0] == "open"


def test_the_steps_take_no_more_calls_than_they_need(bench: ApideckBench) -> None:
    invoice = bench.apideck.enter_invoice()
    bench.apideck.reset_figures()

    bench.accepted(bench.payment({invoice: "40.00"}))

    assert dict(bench.apideck.calls) == {
        "get invoices": 1,
        "create payments": 1,
        "get payments": 1,
    }


GUIDE: dict[str, Any] = {
    "date": dt.date(2021, 5, 1),
    "amount": Decimal("49.99"),
    "currency_rate": Decimal("0.69"),
    "reference": "123456",
    "note": "Some notes about this transaction",
    "reconciled": True,
}


@pytest.mark.parametrize("side", SIDES)
def test_the_guides_payments_come_back_from_the_ledger_as_they_were(
    ledger: ApideckBench, side: Side
) -> None:
    ledger.apideck.open_period()
    document = entered(ledger, side)
    amount = "49.99" if side is Side.CUSTOMER else "1000"
    fields = {**GUIDE, "amount": Decimal(amount), "side": side}
    if side is Side.SUPPLIER:
        fields["number"] = "123456"
    if ledger.service == "quickbooks":
        fields["method"] = "Check"
    record = ledger.payment({document: "49.99"}, **fields)

    result = ledger.accepted(record)
    ledger.apideck.apply_allocations()

    found = {one.platform_id: one.record for one in ledger.records(ObjectType.PAYMENT)}
    there = found[result.platform_id]
    ours = {"id": record.id}
    if record.number is None or ledger.apideck.profile.assigns_numbers:
        ours["number"] = record.number  # type: ignore[assignment]  # the ledger numbers it
    assert there.model_copy(update=ours) == record


def test_an_unclear_payment_is_found_by_another_process(ledger: ApideckBench) -> None:
    invoice = ledger.apideck.enter_invoice()
    item = ledger.item(ledger.payment({invoice: "40.00"}))
    ledger.apideck.lose_answer("payments")

    error = ledger.error(item)
    (found,) = ledger.connector().find(ObjectType.PAYMENT, [item])

    assert isinstance(error, OutcomeUnknown)
    assert isinstance(found, Found)
    assert isinstance(found.accepted, Accepted)


def test_ids_of_both_sides_stay_apart() -> None:
    bench = ApideckBench(Simulator("netsuite").profile)
    invoice, bill = bench.apideck.enter_invoice(), bench.apideck.enter_bill()

    first = bench.accepted(bench.payment({invoice: "40.00"}))
    second = bench.accepted(bench.payment({bill: "40.00"}, side=Side.SUPPLIER))

    assert own_id(first.platform_id) == own_id(second.platform_id)
    assert first.platform_id != second.platform_id
    assert {one.platform_id for one in bench.records(ObjectType.PAYMENT)} == {
        first.platform_id,
        second.platform_id,
    }
