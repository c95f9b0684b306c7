"""Lost answers at every step, in front of a real Tryton; what is there is counted beside us."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from connectors.base import Accepted, Failed, Found, Operation, Progressed, PushItem, Unclear
from connectors.errors import Conflict, OutcomeUnknown, Transient
from connectors.faults import Answer, Fault
from models.canonical import Contact, ObjectType, Side
from tests.connectors.tryton.bench import DAY, Bench

BEFORE_AND_AFTER = (Fault.DROP_BEFORE, Fault.DROP_AFTER)
ALL = (
    *BEFORE_AND_AFTER,
    Fault.ERROR_AFTER,
    Fault.GARBAGE,
    Fault.TRUNCATED,
    Fault.SLOW_COMMIT,
)


def invoice(bench: Bench) -> PushItem:
    return bench.item(bench.invoice(due_date=DAY))


def bill(bench: Bench) -> PushItem:
    return bench.item(bench.bill())


def payment(bench: Bench) -> PushItem:
    return bench.item(bench.payment({bench.large_bill: "1.00"}, side=Side.SUPPLIER))


def last_payment(bench: Bench) -> PushItem:
    paid = bench.accepted(bench.bill()).platform_id
    return bench.item(bench.payment({paid: "120.00"}, side=Side.SUPPLIER))


def entry(bench: Bench) -> PushItem:
    return bench.item(bench.entry())


def contact(bench: Bench) -> PushItem:
    return bench.item(Contact(id="C-1", name="Lost"))


CASES: list[tuple[Callable[[Bench], PushItem], str, tuple[Fault, ...]]] = [
    (invoice, r"account\.invoice\.create", BEFORE_AND_AFTER),
    (invoice, r"account\.invoice\.post", (*BEFORE_AND_AFTER, Fault.SLOW_COMMIT)),
    (invoice, r"account\.move\.line\.write", (Fault.DROP_AFTER,)),  # before: see below
    (bill, r"account\.invoice\.post", (Fault.DROP_AFTER,)),
    (payment, r"account\.move\.create", BEFORE_AND_AFTER),
    (payment, r"account\.move\.post", BEFORE_AND_AFTER),
    (last_payment, r"reconcile_lines\.execute", (Fault.DROP_AFTER,)),  # before: see below
    (entry, r"account\.move\.create", ALL),
    (entry, r"account\.move\.post", BEFORE_AND_AFTER),
    (contact, r"party\.party\.create", BEFORE_AND_AFTER),
]


def count(bench: Bench, item: PushItem) -> list[Any]:
    """What the ledger has with an item's marker: its state, by a way of our own."""
    if isinstance(item.record, Contact):
        domain = [["identifiers.code", "=", item.marker]]
        return [row["name"] for row in bench.ledger.find("party.party", domain, "name")]
    rows = bench.invoices(item) or bench.moves(item)
    return [row.state for row in rows]


@pytest.mark.parametrize(
    ("build", "method", "fault"),
    [(build, method, fault) for build, method, faults in CASES for fault in faults],
)
def test_lost_answer_leaves_exactly_one(
    bench: Bench, build: Callable[[Bench], PushItem], method: str, fault: Fault
) -> None:
    item = build(bench)
    bench.proxy.faults.arm(fault, body=method)

    accepted = bench.settle(item)

    assert bench.proxy.faults.armed == 0
    assert count(bench, item) == ["Lost" if isinstance(item.record, Contact) else "posted"]
    again = bench.connector().find(ObjectType(item.record.type), [item])[0]
    assert isinstance(again, Found)
    assert (again.accepted.platform_id, again.progress) == (accepted.platform_id, None)


class TestEffects:
    def test_payment_whose_reconciliation_was_lost_still_makes_the_bill_paid(
        self, bench: Bench
    ) -> None:
        item = last_payment(bench)
        bench.proxy.faults.arm(Fault.DROP_BEFORE, body=r"reconcile_lines\.execute")

        bench.settle(item)

        paid = item.record.model_dump()["allocations"][0]["document_id"]
        (row,) = bench.ledger.invoices(["id", "=", int(paid)])
        assert (row.state, row.to_pay) == ("paid", Decimal(0))

    def test_due_date_that_was_lost_is_set_in_the_end(self, bench: Bench) -> None:
        item = invoice(bench)
        bench.proxy.faults.arm(Fault.DROP_BEFORE, body=r"account\.move\.line\.write")

        bench.settle(item)

        (row,) = bench.ledger.find(
            "account.invoice", [["description", "=", item.marker]], "lines_to_pay.maturity_date"
        )
        assert [line["maturity_date"] for line in row["lines_to_pay."]] == [DAY]

    def test_void_whose_answer_was_lost_may_be_said_again(self, bench: Bench) -> None:
        item = bill(bench)
        accepted = bench.accepted(item)
        void = bench.item(
            item.record,
            marker=item.marker,
            operation=Operation.VOID,
            platform_id=accepted.platform_id,
        )
        bench.proxy.faults.arm(Fault.DROP_AFTER, body=r"account\.invoice\.cancel")

        (first,) = bench.push(void)
        bench.accepted(void)

        assert isinstance(first, Failed)
        assert isinstance(first.error, OutcomeUnknown)
        assert count(bench, item) == ["cancelled"]


class TestBatch:
    def test_batch_whose_answer_was_lost_is_found_with_one_look_up(self, bench: Bench) -> None:
        items = [bench.item(bench.invoice()) for _ in range(4)]
        bench.proxy.faults.arm(Fault.DROP_AFTER, body=r"account\.invoice\.create")
        connector = bench.connector()

        stepped = bench.step(items, connector)
        before = bench.scope.calls
        found = connector.find(ObjectType.INVOICE, items)

        assert bench.scope.calls - before == 1
        assert all(
            isinstance(result, Failed) and isinstance(result.error, OutcomeUnknown)
            for _, result in stepped
        )
        assert [one.progress for one in found if isinstance(one, Found)] == [
            {"step": "created"}
        ] * 4

    def test_what_was_not_begun_when_the_answer_was_lost_was_not_sent(self, bench: Bench) -> None:
        bad = bench.item(bench.bill(lines=[bench.line(account_id=str(10**9))]))
        items = [bench.item(bench.bill()) for _ in range(3)]
        # The first call is refused for the bad one; of the halves, the first gets lost.
        bench.proxy.faults.arm(Fault.DROP_AFTER, body=r"account\.invoice\.create", skip=1)

        results = [result for _, result in bench.step([*items, bad])]

        unclear, unsent = results[:2], results[2:]
        assert all(
            isinstance(one, Failed) and isinstance(one.error, OutcomeUnknown) for one in unclear
        )
        assert all(
            isinstance(one, Failed)
            and isinstance(one.error, Transient)
            and one.error.code == "late"
            for one in unsent
        )
        assert [len(count(bench, item)) for item in items] == [1, 1, 0]

    def test_draft_that_the_look_before_creating_meets_gets_the_content_of_now(
        self, bench: Bench
    ) -> None:
        item = bench.item(bench.bill())
        bench.step([item])
        edited = bench.bill(
            id=item.record.id, lines=[bench.line("70.00", account_id=bench.purchases)]
        )

        bench.accepted(replace(item, record=edited))

        (row,) = bench.invoices(item)
        assert (row.state, row.total) == ("posted", Decimal("84.00"))

    def test_sending_again_without_a_look_makes_no_second_one(self, bench: Bench) -> None:
        item = bench.item(bench.invoice())
        first = bench.accepted(item)

        again = bench.accepted(item)

        assert first.platform_id == again.platform_id
        assert count(bench, item) == ["posted"]


class TestCopies:
    """Tryton copies descriptions, and with them our marker."""

    def test_credit_note_that_somebody_made_of_an_invoice_is_not_taken_for_it(
        self, bench: Bench
    ) -> None:
        item = bench.item(bench.invoice())
        accepted = bench.accepted(item)
        (row,) = bench.invoices(item)
        lines = [["create", [_negative(bench)]]]
        (copy,) = bench.ledger.rpc("model.account.invoice.copy", [row.id], {"lines": None})
        bench.ledger.rpc("model.account.invoice.write", [copy], {"lines": lines})

        (found,) = bench.connector().find(ObjectType.INVOICE, [item])
        again = bench.accepted(item)

        assert isinstance(found, Found)
        assert found.accepted.platform_id == again.platform_id == accepted.platform_id
        assert len(bench.invoices(item)) == 2

    def test_copy_of_the_same_kind_is_a_question_for_a_person(self, bench: Bench) -> None:
        ((kept, _),) = bench.step([item := bench.item(bench.invoice())])
        bench.ledger.rpc("model.account.invoice.copy", [int(kept.platform_id or 0)])

        (found,) = bench.connector().find(ObjectType.INVOICE, [item])
        error = bench.refused(item)

        assert isinstance(found, Unclear)
        assert isinstance(error, Conflict)
        assert item.marker in error.message

    def test_movement_that_cancels_a_payment_is_not_taken_for_it(self, bench: Bench) -> None:
        item = bench.item(bench.payment(contact_id=bench.customer, amount=Decimal(7)))
        move = int(bench.accepted(item).platform_id)
        context = {"active_model": "account.move", "active_id": move, "active_ids": [move]}
        wizard = "wizard.account.move.cancel"
        session, *_ = bench.ledger.rpc(f"{wizard}.create", context)
        default = {"default": {"description": None, "reversal": True}}
        bench.ledger.rpc(f"{wizard}.execute", session, default, "cancel", context)

        (found,) = bench.connector().find(ObjectType.PAYMENT, [item])

        assert isinstance(found, Found)
        assert found.accepted.platform_id == str(move)
        assert len(bench.moves(item)) == 2


def _negative(bench: Bench) -> dict[str, object]:
    ledger = bench.ledger
    return {
        "type": "line",
        "company": ledger.company_id,
        "currency": ledger.id_of("currency.currency", code="EUR"),
        "description": "Given back",
        "quantity": -1.0,
        "unit_price": Decimal(10),
        "account": int(bench.sales),
    }


class TestServerThatFails:
    """Tryton answers `[text, traceback]` when it fails itself: then looking is conclusive."""

    SAID = Answer(200, {"id": 1, "error": ["KeyError('x')", ""]})

    def test_failure_that_left_nothing_is_a_refusal(self, bench: Bench) -> None:
        item = bench.item(bench.invoice())
        bench.proxy.faults.arm(
            Fault.ERROR_BEFORE, body=r"account\.invoice\.create", answer=self.SAID
        )

        error = bench.refused(item)

        assert (error.code, error.message) == ("server_error", "Tryton failed: KeyError('x')")
        assert count(bench, item) == []

    def test_failure_after_the_commit_is_an_unknown_outcome(self, bench: Bench) -> None:
        item = bench.item(bench.invoice())
        bench.proxy.faults.arm(
            Fault.ERROR_AFTER, body=r"account\.invoice\.create", answer=self.SAID
        )

        ((_, result),) = bench.step([item])

        assert isinstance(result, Failed)
        assert isinstance(result.error, OutcomeUnknown)
        assert isinstance(bench.settle(item), Accepted)
        assert count(bench, item) == ["posted"]


def test_old_session_is_renewed_and_the_write_is_sent_once(bench: Bench) -> None:
    connector = bench.connector()
    ((item, result),) = bench.step([bench.item(bench.invoice())], connector)
    assert isinstance(result, Progressed)
    bench.proxy.faults.arm(Fault.EXPIRED, body=r"account\.invoice\.post")

    ((_, result),) = bench.step([item], connector)

    assert isinstance(result, Accepted)
    assert count(bench, item) == ["posted"]
