"""What people do: map, retry, settle by hand, skip, make a deleted document again."""

from datetime import date
from decimal import Decimal

import pytest

from models.canonical import ObjectType, TaxRate
from models.ids import short
from models.status import SyncStatus
from models.tables import MappingKind
from sync import control
from sync.errors import InvalidInputError, NotAllowedError
from tests.factories import Bench, a_contact, a_line, a_payment, an_invoice


def refused_by_a_closed_period(bench: Bench, number: int = 3) -> None:
    bench.ledger.change(closed_until=date(2026, 3, 31))
    bench.hand_in(a_contact(), *(an_invoice(f"I-{one}") for one in range(number)))
    bench.push()


class TestMap:
    def test_mapping_a_tax_rate_once_releases_everything_that_waited(self, bench: Bench) -> None:
        odd = [an_invoice(f"I-{number}", lines=[a_line(rate="8.5")]) for number in range(3)]
        bench.hand_in(a_contact(), *odd, a_payment(pays={"I-0": "10.00"}))
        bench.push()

        released = control.map_to(
            bench.engine, bench.connection_id, MappingKind.TAX_RATE, "8.5", "VAT 0 %", actor="me"
        )
        bench.push()

        assert released == 4
        assert {line.status for line in bench.lines()} == {SyncStatus.DONE}
        assert [code for code, _, _ in bench.issues()] == ["totals_differ"] * 3

    def test_the_ledgers_thing_may_be_named_by_id_code_or_name(self, bench: Bench) -> None:
        for name in ("vat-20", "VAT 20 %", "vat 20 %"):
            control.map_to(
                bench.engine, bench.connection_id, MappingKind.TAX_RATE, "19", name, actor="me"
            )

        with bench.begin() as work:
            assert work.mappings.of(bench.connection_id) == {(MappingKind.TAX_RATE, "19"): "vat-20"}

    def test_what_was_made_in_the_ledger_a_moment_ago_can_be_mapped_at_once(
        self, bench: Bench
    ) -> None:
        bench.hand_in(a_contact(), an_invoice(lines=[a_line(rate="8.5")]))
        bench.push()
        bench.ledger.enter(TaxRate(id="new", code="vat-8.5", name="DOM", rate=Decimal("8.5")))

        released = control.map_to(
            bench.engine, bench.connection_id, MappingKind.TAX_RATE, "8.5", "DOM", actor="me"
        )
        bench.push()

        assert released == 1
        assert bench.status("I-1") is SyncStatus.DONE
        assert bench.issues() == []

    def test_something_the_ledger_does_not_have_is_refused_with_what_it_has(
        self, bench: Bench
    ) -> None:
        with pytest.raises(InvalidInputError, match=r"no tax rate 'VAT 7 %'; it has .*vat-20"):
            control.map_to(
                bench.engine, bench.connection_id, MappingKind.TAX_RATE, "7", "VAT 7 %", actor="me"
            )

    def test_a_purpose_without_an_account_can_be_mapped(self, bench: Bench) -> None:
        with bench.database.begin() as connection:
            connection.exec_driver_sql("UPDATE connections SET settings = '{}'")
        bench.hand_in(a_contact(), an_invoice())
        bench.push()
        assert bench.issues() == [("account_not_named", "sales", 1)]

        control.map_to(
            bench.engine, bench.connection_id, MappingKind.ACCOUNT, "sales", "706000", actor="me"
        )
        bench.push()

        assert bench.status("I-1") is SyncStatus.DONE


class TestRetry:
    def test_retrying_an_issue_sends_all_of_it(self, bench: Bench) -> None:
        refused_by_a_closed_period(bench)
        with bench.begin() as work:
            ((issue, number),) = work.issues.listing(bench.connection_id)
        bench.ledger.change(closed_until=None)

        queued = control.retry(bench.engine, actor="me", issue_id=issue.id)
        bench.push()

        assert (number, queued) == (3, 3)
        assert {line.status for line in bench.lines()} == {SyncStatus.DONE}
        assert bench.issues() == []

    def test_the_next_step_names_the_issue_itself(self, bench: Bench) -> None:
        refused_by_a_closed_period(bench, 1)
        for _ in range(2):  # opened, and met again
            with bench.begin() as work:
                ((issue, _),) = work.issues.listing(bench.connection_id)
            assert issue.next_step.endswith(f"`ledgerbridge retry --issue {short(issue.id)}`.")
            control.retry(bench.engine, record_id=bench.line("I-0").id, actor="me")
            bench.push()

    def test_retrying_a_filter_sends_what_matches(self, bench: Bench) -> None:
        refused_by_a_closed_period(bench)

        queued = control.retry(
            bench.engine,
            actor="me",
            connection_id=bench.connection_id,
            status=SyncStatus.REJECTED,
            kind=ObjectType.INVOICE,
        )

        assert queued == 3

    def test_retrying_before_the_cause_is_gone_opens_the_issue_again(self, bench: Bench) -> None:
        refused_by_a_closed_period(bench)
        control.retry(bench.engine, actor="me", record_id=bench.line("I-0").id)

        bench.push()

        assert bench.issues() == [("period_closed", "2026-03", 3)]

    def test_a_done_record_is_not_sent_again(self, bench: Bench) -> None:
        bench.hand_in(a_contact())
        bench.push()

        with pytest.raises(NotAllowedError, match="second document"):
            control.retry(bench.engine, actor="me", record_id=bench.line("C-1").id)


class TestSettle:
    def test_a_person_who_entered_it_settles_it_and_what_waited_goes_on(self, bench: Bench) -> None:
        refused_by_a_closed_period(bench, number=1)
        bench.hand_in(a_payment(date=date(2026, 4, 1), pays={"I-0": "120.00"}))
        bench.push()
        bench.ledger.change(closed_until=None)
        contact = bench.line("C-1").platform_object_id
        lines = (a_line(account_id="706000", tax_rate_id="vat-20"),)
        theirs = bench.ledger.enter(an_invoice("new", contact_id=contact, lines=lines))

        control.settle(
            bench.engine, bench.line("I-0").id, platform_id=theirs, reason="by hand", actor="me"
        )
        bench.push()

        assert bench.status("I-0") is SyncStatus.DONE_MANUALLY
        assert bench.status("Z-1") is SyncStatus.DONE
        assert bench.issues() == []

    def test_what_the_ledger_does_not_have_cannot_be_settled(self, bench: Bench) -> None:
        refused_by_a_closed_period(bench, number=1)

        with pytest.raises(NotAllowedError, match="the ledger has no invoice INV-404"):
            control.settle(
                bench.engine, bench.line("I-0").id, platform_id="INV-404", reason="x", actor="me"
            )

    def test_an_object_of_another_document_cannot_be_taken(self, bench: Bench) -> None:
        bench.hand_in(a_contact("C-1"))
        bench.push()
        bench.hand_in(a_contact("C-2", name="Somebody else"))
        theirs = bench.line("C-1").platform_object_id or ""

        with pytest.raises(NotAllowedError, match="another document of ours"):
            control.settle(
                bench.engine, bench.line("C-2").id, platform_id=theirs, reason="x", actor="me"
            )

    def test_a_reason_is_needed(self, bench: Bench) -> None:
        bench.hand_in(a_contact())

        with pytest.raises(InvalidInputError, match="reason"):
            control.skip(bench.engine, bench.line("C-1").id, reason=" ", actor="me")


class TestSkip:
    def test_a_skipped_record_never_goes_out_and_closes_its_issue(self, bench: Bench) -> None:
        refused_by_a_closed_period(bench, number=1)
        bench.ledger.change(closed_until=None)

        control.skip(bench.engine, bench.line("I-0").id, reason="a test", actor="me")
        bench.push()

        assert bench.ledger.documents(ObjectType.INVOICE) == []
        assert bench.issues() == []

    def test_what_pays_a_skipped_document_says_why_it_waits(self, bench: Bench) -> None:
        bench.hand_in(a_contact(), an_invoice())
        control.skip(bench.engine, bench.line("I-1").id, reason="a test", actor="me")
        bench.hand_in(a_payment())

        bench.push()

        assert bench.issues() == [("parent_skipped", "invoice I-1", 1)]


class TestCreateAgain:
    def test_a_document_deleted_in_the_ledger_is_made_anew_on_request(self, bench: Bench) -> None:
        bench.hand_in(a_contact())
        bench.push()
        before = bench.line("C-1")
        bench.ledger.delete(ObjectType.CONTACT, before.platform_object_id or "")
        bench.run(only="pull")
        assert [code for code, _, _ in bench.issues()] == ["deleted_in_ledger"]

        control.create_again(bench.engine, before.id, actor="me")
        bench.push()

        (there,) = bench.ledger.documents(ObjectType.CONTACT)
        assert there.id != before.platform_object_id
        assert bench.status("C-1") is SyncStatus.DONE

    def test_it_is_refused_while_the_ledger_still_has_it(self, bench: Bench) -> None:
        bench.hand_in(a_contact())
        bench.push()

        with pytest.raises(NotAllowedError, match="still has it"):
            control.create_again(bench.engine, bench.line("C-1").id, actor="me")


def test_every_act_is_in_the_audit_log(bench: Bench) -> None:
    bench.hand_in(a_contact())
    control.skip(bench.engine, bench.line("C-1").id, reason="why not", actor="anna")

    with bench.database.connect() as connection:
        rows = connection.exec_driver_sql("SELECT actor, action, reason FROM audit_log").all()

    assert ("anna", "skip", "why not") in [tuple(row) for row in rows]
