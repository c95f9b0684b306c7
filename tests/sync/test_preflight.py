"""Pre-flight says what a push then does; preview shows what it sends. Neither writes or calls."""

import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.memory.rules import Numbers
from connectors.memory.simulator import LedgerRules, PlainLedger
from connectors.simulator import Fault
from models.canonical import AnyRecord
from models.status import SyncStatus
from models.tables import Base
from models.unit_of_work import Begin
from sync import connections
from sync import preflight as module
from sync.errors import NotAllowedError, NotFoundError
from sync.preflight import Fate, Preflight, Preview, preflight, preview
from tests.conftest import empty
from tests.factories import (
    Bench,
    a_bench,
    a_bill,
    a_contact,
    a_credit_note,
    a_line,
    a_payment,
    a_supplier,
    an_entry,
    an_invoice,
    in_the_ledgers_ids,
)


def checked(bench: Bench, document: str | None = None) -> Preflight:
    """What pre-flight says of all, or of one of our documents."""
    document_id = bench.line(document).object_id if document else None
    return preflight(bench.engine, bench.connection_id, document_id=document_id)


def previewed(bench: Bench, document: str) -> Preview:
    """What would be sent for one of our documents."""
    return preview(bench.engine, bench.line(document).id)


def causes(result: Preflight) -> list[tuple[str, str, int]]:
    """What would wait, as `Bench.issues` lists it."""
    return [(one.cause.code, one.cause.subject, one.records) for one in result.waiting]


def digest(database: sqlalchemy.Engine) -> dict[str, str]:
    """Every table's content in one line each."""
    with database.connect() as connection:
        return {
            table.name: connection.exec_driver_sql(
                f"SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) "
                f"FROM {table.name} t"
            ).scalar_one()
            for table in Base.metadata.sorted_tables
        }


@contextlib.contextmanager
def statements(database: sqlalchemy.Engine) -> Iterator[list[str]]:
    """The statements that run within the block."""
    seen: list[str] = []

    def note(_1: object, _2: object, statement: str, *_: object) -> None:
        seen.append(statement)

    sqlalchemy.event.listen(database, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sqlalchemy.event.remove(database, "before_cursor_execute", note)


ODD = (a_line(rate="8.5"),)
STRANGE = (a_line(account_id="999999"),)


class TestPreflight:
    def test_good_documents_would_post_after_their_parents(self, bench: Bench) -> None:
        bench.hand_in(a_contact(), an_invoice(), a_payment(), an_entry())

        result = checked(bench)

        assert result.counts[Fate.POSTS] == 4
        assert result.after_parent == 2
        assert result.everything_posts

    def test_what_waits_is_grouped_by_cause_with_its_children(self, bench: Bench) -> None:
        bench.hand_in(
            a_contact(),
            an_invoice("I-1", lines=ODD),
            an_invoice("I-2", lines=ODD, issue_date=date(2026, 3, 16)),
            an_invoice("I-3", lines=STRANGE),
            a_payment(pays={"I-1": "10.00"}, amount="10.00"),
        )

        result = checked(bench)

        assert causes(result) == [
            ("tax_rate_unmapped", "8.5", 3),
            ("account_unmapped", "999999", 1),
        ]
        assert result.waiting[0].cause.sentence == (
            "Tax rate 8.5 % has no counterpart in Plain ledger."
        )
        assert [one.what for one in result.waiting[0].examples] == [
            "Invoice INV-I-1",
            "Invoice INV-I-2",
            "Payment PAY-Z-1",
        ]
        assert not result.everything_posts

    def test_a_child_shows_its_own_cause_when_its_parent_would_post(self, bench: Bench) -> None:
        settings = {"default_sales_account": "706000"}
        with bench.begin() as work:
            connections.get(work, bench.connection_id).settings = settings
        bench.hand_in(a_contact(), an_invoice(), a_payment())

        result = checked(bench)
        bench.push()

        assert causes(result) == bench.issues() == [("account_not_named", "payments", 1)]

    def test_one_document_is_judged_with_what_it_needs(self, bench: Bench) -> None:
        bench.hand_in(a_contact(), an_invoice(lines=ODD), a_payment(), an_invoice("I-2"))

        one, other = checked(bench, "Z-1"), checked(bench, "I-2")

        assert causes(one) == [("tax_rate_unmapped", "8.5", 1)]
        assert (one.checked, other.checked) == (1, 1)
        assert (other.counts[Fate.POSTS], other.after_parent) == (1, 1)

    def test_the_issue_that_is_open_about_a_cause_is_named(self, bench: Bench) -> None:
        bench.hand_in(a_contact(), an_invoice(lines=ODD))
        bench.push()

        (group,) = checked(bench).waiting

        assert group.issue_id == bench.line("I-1").issue_id

    def test_what_was_refused_would_be_tried_again(
        self, begin: Begin, database: sqlalchemy.Engine
    ) -> None:
        ledger = PlainLedger(LedgerRules(closed_until=date(2026, 3, 31)))
        bench = a_bench(begin, database, ledger=ledger)
        bench.hand_in(a_contact(), an_invoice(), a_payment(date=date(2026, 4, 2)))
        bench.push()

        result = checked(bench)

        assert (result.counts[Fate.POSTS], result.refused_before) == (2, 1)

    def test_what_is_being_looked_up_holds_up_its_children(self, bench: Bench) -> None:
        bench.hand_in(a_contact(), an_invoice())
        bench.ledger.faults.arm(Fault.DROP_AFTER, method="POST", path="/contacts")
        bench.push()
        assert bench.status("C-1") is SyncStatus.UNCERTAIN

        assert causes(checked(bench)) == [("under_way", "", 1)]
        assert causes(checked(bench, "C-1")) == [("under_way", "", 1)]

    def test_a_child_of_a_document_that_is_never_sent_waits_for_a_person(
        self, bench: Bench
    ) -> None:
        bench.hand_in(a_contact(), an_invoice(), a_payment())
        bench.hand_in(an_invoice(status="void"))

        result = checked(bench)
        bench.push()

        assert result.counts[Fate.NEVER] == 1
        assert causes(result) == bench.issues() == [("parent_skipped", "invoice I-1", 1)]

    @pytest.mark.parametrize(
        ("state", "sentence"),
        [
            ("connections SET posting_from = NULL", "Posting has not started."),
            (
                "connections SET status = 'deauthorized'",
                "Plain ledger does not accept our credentials.",
            ),
            ("connections SET status = 'disconnected'", "The connection to Plain ledger was"),
            ("connections SET role = 'source'", "Documents come from this connection"),
            ("billing_entities SET archived_at = now()", "The billing entity FR is archived."),
            (
                "connections SET parked_until = '2099-01-01T00:00Z'",
                "Plain ledger is not called before 2099-01-01",
            ),
        ],
    )
    def test_a_connection_that_cannot_be_used_is_named_beside_what_would_post(
        self, bench: Bench, state: str, sentence: str
    ) -> None:
        bench.hand_in(a_contact())
        with bench.database.begin() as connection:
            connection.exec_driver_sql(f"UPDATE {state}")

        result = checked(bench)

        assert result.obstacle is not None
        assert result.obstacle.sentence.startswith(sentence)
        assert result.counts[Fate.POSTS] == 1
        assert not result.everything_posts

    def test_a_paused_connection_still_tells_what_it_holds(self, bench: Bench) -> None:
        bench.hand_in(a_contact(), an_invoice(lines=ODD))
        connections.pause(bench.engine, bench.connection_id, actor="test")

        result = checked(bench)

        assert result.obstacle is not None
        assert causes(result) == [("tax_rate_unmapped", "8.5", 1)]

    def test_without_accounts_and_rates_only_contacts_would_post(self, bench: Bench) -> None:
        with bench.database.begin() as connection:
            connection.exec_driver_sql("UPDATE cursors SET completed_at = NULL")
        bench.hand_in(a_contact(), an_invoice(), a_payment())

        result = checked(bench)

        assert result.counts[Fate.POSTS] == 1
        assert causes(result) == [("books_unread", "", 2)]

    def test_what_an_integrator_posts_is_not_for_us_to_say(
        self, begin: Begin, database: sqlalchemy.Engine
    ) -> None:
        bench = a_bench(begin, database)
        bench.hand_in(a_contact())
        spec = replace(bench.spec, by_others=True)
        bench.engine = replace(bench.engine, spec=lambda _: spec)

        with pytest.raises(NotAllowedError, match="integrator"):
            checked(bench)
        with pytest.raises(NotAllowedError, match="integrator"):
            previewed(bench, "C-1")

    def test_another_entitys_connection_is_not_found(self, bench: Bench) -> None:
        with pytest.raises(NotFoundError):
            preflight(bench.engine, bench.connection_id, entity_id=uuid4())

    def test_a_document_without_a_record_is_not_found(self, bench: Bench) -> None:
        with pytest.raises(NotFoundError):
            preflight(bench.engine, bench.connection_id, document_id=uuid4())

    def test_two_of_ours_are_not_paired_with_the_same_object(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "PAGE", 1)
        bench.ledger.enter(a_contact("new", name="Rossi"))
        bench.run(only="pull")
        bench.hand_in(a_contact("C-1", name="Rossi"), a_contact("C-2", name="Rossi"))

        result = checked(bench)

        assert (result.counts[Fate.THERE], result.counts[Fate.POSTS]) == (1, 1)


GOOD, UNKNOWN_RATE, UNKNOWN_ACCOUNT, VOID, TWICE, NO_CONTACT = range(6)


SPECIAL: dict[int, dict[str, Any]] = {
    UNKNOWN_RATE: {"lines": ODD},
    UNKNOWN_ACCOUNT: {"lines": STRANGE},
    TWICE: {"number": "2026-7"},
    NO_CONTACT: {"contact_id": "C-9"},
}


def a_mix(kinds: list[int]) -> list[AnyRecord]:
    """Invoices of these kinds, each with a credit note, a payment and a bill to go with it."""
    records: list[AnyRecord] = [a_contact(), a_supplier()]
    for number, kind in enumerate(kinds):
        fields = SPECIAL.get(kind, {})
        invoice = f"I-{number}"
        records += [
            an_invoice(invoice, **fields),
            a_payment(f"Z-{number}", pays={invoice: "10.00"}, amount="10.00"),
            a_credit_note(f"N-{number}", **({"lines": ODD} if kind == UNKNOWN_RATE else {})),
            a_bill(f"B-{number}", **({"contact_id": "S-9"} if kind == NO_CONTACT else {})),
        ]
    return records


class TestTheSameAsAPush:
    @settings(
        max_examples=12,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(kinds=st.lists(st.integers(GOOD, NO_CONTACT), max_size=7), page=st.integers(1, 5))
    def test_preflight_counts_what_a_push_then_does(
        self, begin: Begin, database: sqlalchemy.Engine, kinds: list[int], page: int
    ) -> None:
        empty(database)
        ledger = PlainLedger(LedgerRules(numbers=Numbers.DOCUMENT))
        bench = a_bench(begin, database, ledger=ledger)
        contact = ledger.enter(a_contact("new", name="Customer C-1"))
        ledger.enter(in_the_ledgers_ids(an_invoice("new", number="2026-7", net="7.00"), contact))
        bench.run(only="pull")
        bench.hand_in(*a_mix(kinds))
        void = [
            an_invoice(f"I-{at}", status="void") for at, kind in enumerate(kinds) if kind == VOID
        ]
        bench.hand_in(*void)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(module, "PAGE", page)
            before = digest(database), ledger.requests.copy()
            result = checked(bench)
        assert (digest(database), ledger.requests) == before

        bench.push()

        statuses = Counter(line.status for line in bench.lines())
        done = result.counts[Fate.POSTS] + result.counts[Fate.THERE]
        assert statuses[SyncStatus.DONE] == done
        assert statuses[SyncStatus.SKIPPED] == result.counts[Fate.NEVER]
        assert (
            statuses[SyncStatus.BLOCKED] + statuses[SyncStatus.REJECTED]
            == (result.counts[Fate.WAITS])
        )
        assert sorted(causes(result)) == sorted(bench.issues())


class TestLookingOnly:
    def test_nothing_is_written_and_the_ledger_is_not_called(self, bench: Bench) -> None:
        bench.hand_in(a_contact(), an_invoice(lines=ODD), a_payment(), an_invoice("I-2"))
        before = digest(bench.database), bench.ledger.requests.copy()

        checked(bench)
        checked(bench, "Z-1")
        previewed(bench, "I-2")

        assert (digest(bench.database), bench.ledger.requests) == before

    def test_a_write_is_refused_by_the_database(self, bench: Bench) -> None:
        with contextlib.ExitStack() as stack:
            work = stack.enter_context(bench.begin())
            work.preflight.only_look()
            with pytest.raises(sqlalchemy.exc.DBAPIError, match="read-only"):
                work.queue.hold(bench.connection_id, "x")

    def test_the_number_of_statements_does_not_grow_with_the_documents(self, bench: Bench) -> None:
        def needed(number: int) -> int:
            bench.hand_in(
                a_contact(),
                *(an_invoice(f"I-{one}") for one in range(number)),
                *(a_payment(f"Z-{one}", pays={f"I-{one}": "120.00"}) for one in range(number)),
            )
            with statements(bench.database) as seen:
                assert checked(bench).checked == 1 + 2 * number
            return len(seen)

        assert needed(3) == needed(60)


class TestPreview:
    def test_a_new_document_is_shown_in_the_ledgers_ids(self, bench: Bench) -> None:
        bench.hand_in(a_contact())
        bench.push()
        bench.hand_in(an_invoice())

        shown = previewed(bench, "I-1")

        assert (shown.operation, shown.why, shown.differences) == ("create", None, ())
        assert shown.body is not None
        assert shown.body["contact_id"] == bench.line("C-1").platform_object_id
        assert shown.body["lines"][0]["tax_rate_id"] == "vat-20"

    def test_the_payload_is_what_the_push_then_sends(self, bench: Bench) -> None:
        bench.hand_in(a_contact())
        bench.push()
        bench.hand_in(an_invoice())
        shown = previewed(bench, "I-1")

        bench.push()

        with bench.begin() as work:
            (attempt,) = work.attempts.of_record(bench.line("I-1").id)
        ready = shown.judged.ready
        assert ready is not None
        assert (attempt.idempotency_key, attempt.payload_hash) == (
            ready.item.key,
            ready.payload_hash,
        )

    def test_what_goes_out_before_it_is_named(self, bench: Bench) -> None:
        bench.hand_in(a_contact(name="Rossi"), an_invoice())

        shown = previewed(bench, "I-1")

        assert shown.judged.after == ("Contact Rossi",)
        assert shown.body is not None
        assert shown.body["contact_id"] == "(new contact C-1)"

    def test_an_edit_by_a_cent_is_a_difference(self, bench: Bench) -> None:
        bench.hand_in(a_contact(), an_invoice())
        bench.push()
        bench.hand_in(an_invoice(lines=(a_line("100.01", rate=None),), issue_date=date(2026, 4, 1)))

        shown = previewed(bench, "I-1")

        assert shown.operation == "update"
        assert shown.seen_at is not None
        assert {one.field: (one.ours, one.theirs) for one in shown.differences} == {
            "date": ("2026-04-01", "2026-03-15"),
            "net total": ("100.01 EUR", "100.00 EUR"),
            "tax": ("0.00 EUR", "20.00 EUR"),
            "total": ("100.01 EUR", "120.00 EUR"),
        }

    @pytest.mark.parametrize(
        ("first", "then", "fields"),
        [
            (a_payment(), a_payment(date=date(2026, 4, 1), amount="60.00"), {"date", "amount"}),
            (an_entry(), an_entry(amount="51.00"), {"sum of debits"}),
            (a_contact(name="Rossi"), a_contact(name="Rosso"), {"name"}),
            (an_invoice(), an_invoice(status="void"), {"status"}),
        ],
        ids=["payment", "entry", "contact", "void"],
    )
    def test_each_type_says_what_differs(
        self, bench: Bench, first: AnyRecord, then: AnyRecord, fields: set[str]
    ) -> None:
        bench.hand_in(a_contact(), an_invoice())
        bench.hand_in(first)
        bench.push()
        bench.hand_in(then)

        shown = previewed(bench, first.id)

        assert {one.field for one in shown.differences} == fields

    def test_what_is_done_sends_nothing_and_agrees(self, bench: Bench) -> None:
        bench.hand_in(a_contact(), an_invoice())
        bench.push()

        shown = previewed(bench, "I-1")

        assert (shown.operation, shown.differences) == ("nothing", ())
        assert shown.why == "The ledger has it as it is."

    def test_what_would_wait_says_why_and_what_to_do(self, bench: Bench) -> None:
        bench.hand_in(a_contact(), an_invoice(lines=ODD))

        shown = previewed(bench, "I-1")

        assert (shown.operation, shown.body) == ("nothing", None)
        assert shown.why == "Tax rate 8.5 % has no counterpart in Plain ledger."
        assert shown.next_step is not None
        assert "ledgerbridge map tax-rate" in shown.next_step

    def test_what_the_ledger_has_already_is_compared_with_its_own(self, bench: Bench) -> None:
        theirs = bench.ledger.enter(a_contact("new", name="ROSSI S.P.A.", tax_number="IT 123"))
        bench.run(only="pull")
        bench.hand_in(a_contact(name="Rossi", tax_number="IT123"))

        shown = previewed(bench, "C-1")

        assert (shown.operation, shown.platform_id) == ("nothing", theirs)
        assert [(one.ours, one.theirs) for one in shown.differences] == [("Rossi", "ROSSI S.P.A.")]

    def test_a_skipped_record_says_why(self, begin: Begin, database: sqlalchemy.Engine) -> None:
        bench = a_bench(begin, database, posting_from=date(2026, 4, 1))
        bench.hand_in(a_contact(), an_invoice())

        assert previewed(bench, "I-1").operation == "nothing"

    @pytest.mark.parametrize("entity", [None, UUID(int=1)])
    def test_an_unknown_or_foreign_record_is_not_found(
        self, bench: Bench, entity: UUID | None
    ) -> None:
        bench.hand_in(a_contact())
        record_id = bench.line("C-1").id if entity else UUID(int=2)

        with pytest.raises(NotFoundError):
            preview(bench.engine, record_id, entity_id=entity)
