"""Writes of all types on each ledger: never twice, never lost, never over somebody's work."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from connectors.apideck import SPEC
from connectors.base import Accepted, Operation, PushItem
from connectors.errors import (
    AuthorizationLost,
    Conflict,
    MappingMissing,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    Unsupported,
)
from models.canonical import Contact, ContactRole, Invoice, ObjectType, Side
from tests.connectors.apideck.bench import (
    CLOSED_DAY,
    PROFILES,
    RESOURCES,
    ApideckBench,
    own_id,
)
from tests.connectors.apideck.sdk import check

WRITTEN = [kind for kind in ObjectType if SPEC.pushes(kind)]
DOCUMENTS = [ObjectType.INVOICE, ObjectType.BILL, ObjectType.CREDIT_NOTE]


def pushes(bench: ApideckBench, kind: ObjectType, operation: Operation) -> bool:
    """Whether a ledger is written in this way."""
    return SPEC.of({"service_id": bench.service}).pushes(kind, operation) is not None


@pytest.mark.parametrize("kind", WRITTEN)
@pytest.mark.parametrize("way", ["lose_answer", "leave_uncertain"])
def test_two_answers_lost_after_commit_leave_one_object(
    ledger: ApideckBench, kind: ObjectType, way: str
) -> None:
    if not pushes(ledger, kind, Operation.CREATE):
        return
    item = ledger.item(ledger.sample(kind))
    getattr(ledger.apideck, way)(RESOURCES[kind], times=2)

    ledger.settle(item)

    assert ledger.count(kind, item.marker) == 1


@pytest.mark.parametrize("kind", WRITTEN)
def test_what_was_lost_before_commit_is_there_once_in_the_end(
    ledger: ApideckBench, kind: ObjectType
) -> None:
    if not pushes(ledger, kind, Operation.CREATE):
        return
    item = ledger.item(ledger.sample(kind))
    ledger.apideck.lose_answer(RESOURCES[kind], committed=False, times=2)

    ledger.settle(item)

    assert ledger.count(kind, item.marker) == 1


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_a_write_that_goes_on_after_its_answer_is_found_when_it_is_done(
    bench: ApideckBench, kind: ObjectType
) -> None:
    item = bench.item(bench.sample(kind))
    bench.apideck.stall(RESOURCES[kind])

    assert isinstance(bench.error(item), OutcomeUnknown)
    assert isinstance(bench.error(item), OutcomeUnknown)  # the key is still at work
    bench.apideck.finish()
    bench.settle(item)

    assert bench.count(kind, item.marker) == 1


def test_what_is_sent_is_what_the_sdk_knows(ledger: ApideckBench) -> None:
    for kind in WRITTEN:
        if not pushes(ledger, kind, Operation.CREATE):
            continue
        item = ledger.item(ledger.sample(kind))
        result = ledger.accepted(item)
        if pushes(ledger, kind, Operation.UPDATE):
            ledger.accepted(changed(ledger, item, result))
        if pushes(ledger, kind, Operation.VOID):
            void = replace(item, operation=Operation.VOID, platform_id=result.platform_id)
            ledger.accepted(void)

    sent = [one for one in ledger.apideck.traffic.log if one.method in {"POST", "PATCH"}]
    assert len(sent) >= 5
    for request in sent:
        check(request.path.split("/")[2], request.json(), update=request.method == "PATCH")


def changed(bench: ApideckBench, item: PushItem, result: Accepted) -> PushItem:
    """An edit of what was created."""
    return replace(
        item,
        key=item.key[::-1],
        operation=Operation.UPDATE,
        record=bench.changed(item.record),
        platform_id=result.platform_id,
        version=result.version,
        progress=None,
    )


@pytest.mark.parametrize("kind", [ObjectType.INVOICE, ObjectType.BILL])
@pytest.mark.parametrize("profile", ["quickbooks", "netsuite"])
def test_a_payment_in_between_is_no_conflict_but_an_edit_is(profile: str, kind: ObjectType) -> None:
    bench = ApideckBench(profile)
    item = bench.item(bench.sample(kind))
    result = bench.accepted(item)
    bench.apideck.pay(RESOURCES[kind], result.platform_id, "10.00")

    bench.accepted(changed(bench, item, result))

    other = bench.item(bench.sample(kind))
    result = bench.accepted(other)
    bench.apideck.edit(RESOURCES[kind], result.platform_id, due_date="2027-01-31")
    error = bench.error(changed(bench, other, result))
    assert isinstance(error, Conflict)
    assert error.code == "changed"


def test_an_update_whose_answer_was_lost_may_be_said_again(ledger: ApideckBench) -> None:
    if not pushes(ledger, ObjectType.INVOICE, Operation.UPDATE):
        return
    item = ledger.item(ledger.invoice())
    edit = changed(ledger, item, ledger.accepted(item))
    ledger.apideck.lose_answer("invoices", method="PATCH", one=True)

    assert isinstance(ledger.error(edit), OutcomeUnknown)
    ledger.accepted(edit)

    assert ledger.count(ObjectType.INVOICE, item.marker) == 1


def test_a_ledger_that_is_edited_too_little_says_so() -> None:
    bench = ApideckBench("workday")
    item = bench.item(bench.invoice())
    result = bench.accepted(item)

    error = bench.error(changed(bench, item, result))

    assert isinstance(error, Unsupported)
    assert bench.apideck.calls["update invoices"] == 0


def test_the_ledgers_own_number_is_told() -> None:
    bench = ApideckBench("workday")

    result = bench.accepted(bench.invoice(number="INV-OURS"))

    there = bench.apideck.get("invoices", result.platform_id)["number"]
    assert result.number == there != "INV-OURS"


def test_a_bill_finds_the_supplier_that_a_customer_is_too(bench: ApideckBench) -> None:
    both = Contact(id="ours", name="Rossi SpA", roles=(ContactRole.CUSTOMER, ContactRole.SUPPLIER))
    result = bench.accepted(both)
    assert result.platform_id.startswith("customer:")

    bill = bench.accepted(bench.bill(contact_id=result.platform_id))

    supplier = bench.apideck.get("bills", bill.platform_id)["supplier"]["id"]
    assert bench.apideck.get("suppliers", supplier)["display_name"] == "Rossi SpA"


def test_a_bill_of_who_is_only_a_customer_waits_for_the_role(bench: ApideckBench) -> None:
    error = bench.error(bench.bill(contact_id=bench.customer))

    assert isinstance(error, MappingMissing)
    assert error.cause is not None
    assert error.cause.code == "contact_without_role"


def test_a_contact_that_is_both_and_is_renamed_stays_two_objects(bench: ApideckBench) -> None:
    item = bench.item(bench.sample(ObjectType.CONTACT))
    result = bench.accepted(item)

    bench.accepted(changed(bench, item, result))

    kept = bench.apideck.documents("suppliers")
    assert sum(item.marker in str(row.get("notes")) for row in kept) == 1


def test_a_suppliers_credit_note_is_not_for_apideck(bench: ApideckBench) -> None:
    note = bench.credit_note(contact_id=bench.supplier, side=Side.SUPPLIER)

    assert isinstance(bench.error(note), Unsupported)


def test_the_ledgers_refusal_comes_in_its_own_words(bench: ApideckBench) -> None:
    error = bench.error(bench.invoice(day=CLOSED_DAY))

    assert isinstance(error, Rejected)
    assert error.cause is not None
    assert error.cause.code == "refused_downstream"
    assert error.request_id


def test_a_draft_stays_a_draft(bench: ApideckBench) -> None:
    result = bench.accepted(bench.invoice(status="draft"))

    found = {one.platform_id: one.record for one in bench.records(ObjectType.INVOICE)}
    there = found[result.platform_id]
    assert isinstance(there, Invoice)
    assert there.status == "draft"


@pytest.mark.parametrize("kind", WRITTEN)
def test_a_write_takes_no_more_calls_than_it_needs(bench: ApideckBench, kind: ObjectType) -> None:
    record = bench.sample(kind)
    if isinstance(record, Contact):
        record = record.model_copy(update={"roles": (ContactRole.CUSTOMER,)})
    bench.apideck.reset_figures()

    bench.accepted(record)

    # A payment reads its document first.
    assert bench.scope.calls == (3 if kind is ObjectType.PAYMENT else 2)


@pytest.mark.parametrize("profile", PROFILES)
def test_keys_are_sent_only_where_the_api_takes_them(profile: str) -> None:
    bench = ApideckBench(profile)
    for kind in WRITTEN:
        if pushes(bench, kind, Operation.CREATE):
            bench.accepted(bench.sample(kind))

    keyed = {
        one.path.split("/")[2]
        for one in bench.apideck.traffic.log
        if one.method == "POST" and "idempotency-key" in {name.lower() for name in one.headers}
    }
    assert keyed == (
        set() if profile == "workday" else {"invoices", "bills", "credit-notes", "journal-entries"}
    )


def test_a_ledger_of_which_nobody_knew_that_it_takes_no_keys_is_written_once() -> None:
    bench = ApideckBench("xero")
    bench.apideck.change(keys="refused")
    item = bench.item(bench.invoice())

    bench.settle(item)

    assert bench.count(ObjectType.INVOICE, item.marker) == 1


@pytest.mark.parametrize("fault", ["quota", "refresh", "revoked", "disabled", "throttled"])
def test_what_stands_in_the_way_of_all_stops_the_connection(
    bench: ApideckBench, fault: str
) -> None:
    if fault == "quota":
        bench.apideck.use_quota_up()
    elif fault == "refresh":
        bench.apideck.fail_refresh()
    elif fault == "revoked":
        bench.apideck.revoke_consent()
    elif fault == "disabled":
        bench.apideck.set_state(enabled=False)
    else:
        bench.apideck.throttle("company-info", seconds=30, times=9)
    wanted: Any = AuthorizationLost if fault in {"revoked", "disabled"} else RateLimited

    with pytest.raises(wanted) as found:
        bench.connector().check()

    causes = {
        "quota": "plan_quota_used_up",
        "refresh": "ledger_sign_in_fails",
        "revoked": "ledger_not_linked",
        "disabled": "ledger_not_linked",
        "throttled": None,
    }
    cause = found.value.cause
    assert (cause and cause.code) == causes[fault]
    if fault in {"refresh", "throttled"}:
        assert found.value.retry_after is not None


def test_other_books_behind_the_same_connection_are_another_organisation(
    bench: ApideckBench,
) -> None:
    before = bench.connector().check().organisation_id
    bench.apideck.swap_company()

    assert bench.connector().check().organisation_id != before


def test_amounts_survive_to_the_last_digit(bench: ApideckBench) -> None:
    line = bench.line("0.30", unit_price=Decimal("0.1"), quantity=Decimal(3))

    result = bench.accepted(bench.invoice(lines=[line]))

    (sent,) = [one.body for one in bench.apideck.traffic.log if one.path == "/accounting/invoices"]
    assert b'"unit_price":0.1,' in sent
    assert result.totals.net == Decimal("0.30")
    assert own_id(result.platform_id) == result.platform_id
