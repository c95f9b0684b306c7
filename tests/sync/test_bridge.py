"""Documents from a source: posted once in the right books, and the source told so.

T26 to T32 are the scenarios of the access rules that concern our worker; the other ones are in
`tests/api/test_access.py`.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest
import sqlalchemy

from connectors.base import Limits, LimitScope
from connectors.errors import PermissionDenied
from connectors.faults import Answer, Fault
from connectors.memory.simulator import PlainLedger
from connectors.qargo import connector
from connectors.qargo.simulated import limiter
from connectors.qargo.simulator import Line
from models.canonical import Contact, Invoice, ObjectType
from models.tables import MappingKind
from models.unit_of_work import Begin
from sync import control
from sync.runs import advance, trigger_run
from tests.bridge import ACCOUNT, Bridge, a_bridge
from worker.allowances import SharedAllowances

LATER = timedelta(hours=1)
REPORT = r".*/update-status"


@pytest.fixture
def bridge(begin: Begin, database: sqlalchemy.Engine) -> Bridge:
    """Two entities, NL and BE, each with books of its own."""
    return a_bridge(begin, database, "NL", "BE")


def contacts(ledger: PlainLedger) -> list[str]:
    """The names of the contacts in some books."""
    return [
        entry.record.name
        for entry in ledger.documents(ObjectType.CONTACT)
        if isinstance(entry.record, Contact)
    ]


def refuse_next(ledger: PlainLedger) -> None:
    """Let a ledger refuse the next invoice for a reason that is in the invoice."""
    body = {"code": "refused", "message": "the text is empty"}
    ledger.faults.arm(
        Fault.ERROR_BEFORE, method="POST", path="/invoices.*", answer=Answer(422, body)
    )


class TestWhatWaits:
    def test_is_posted_with_its_contact_and_reported(self, bridge: Bridge) -> None:
        task = bridge.issue("NL")

        bridge.bridge("NL")

        assert len(bridge.in_books("NL")) == 1
        assert len(contacts(bridge.ledgers["NL"])) == 1
        assert bridge.qargo.task(task.id).status == "COMPLETED"
        assert bridge.reported("NL", task) == ("done", "reported")

    def test_of_one_customer_is_posted_in_the_books_of_each_entity(self, bridge: Bridge) -> None:
        customer = bridge.qargo.add_company("Orchard Foods")
        for code in ("NL", "BE"):
            bridge.issue(code, company=customer.id)

        for code in ("NL", "BE"):
            bridge.bridge(code)

        assert [len(bridge.in_books(code)) for code in ("NL", "BE")] == [1, 1]
        assert contacts(bridge.ledgers["NL"]) == contacts(bridge.ledgers["BE"])

    def test_is_posted_once_however_often_it_is_read(self, bridge: Bridge) -> None:
        task = bridge.issue("NL")
        bridge.run(bridge.books["NL"].source_id)
        bridge.run(bridge.books["NL"].source_id)
        bridge.bridge("NL")

        bridge.bridge("NL")

        assert len(bridge.in_books("NL")) == 1
        assert bridge.qargo.postings(task.document_id) == 1

    def test_keeps_what_it_states_to_the_cent(self, bridge: Bridge) -> None:
        bridge.issue("NL", "33.33")

        bridge.bridge("NL")

        (entry,) = bridge.ledgers["NL"].documents(ObjectType.INVOICE)
        assert isinstance(entry.record, Invoice)
        assert entry.record.total == Decimal("40.00")  # 33.33 and 20 % of it, rounded

    def test_stays_open_there_while_something_is_missing_here(self, bridge: Bridge) -> None:
        task = bridge.qargo.add_invoice("NL", lines=[Line("10.00", account="700000")])

        bridge.bridge("NL")

        assert bridge.qargo.task(task.id).status == "TODO"
        assert bridge.posted("NL", task) == ("blocked", "account_unmapped")
        assert bridge.reported("NL", task) == ("blocked", "ledger")

    def test_goes_through_once_it_is_there(self, bridge: Bridge) -> None:
        task = bridge.qargo.add_invoice("NL", lines=[Line("10.00", account="700000")])
        bridge.bridge("NL")
        ledger_id = bridge.books["NL"].ledger_id

        account = MappingKind.ACCOUNT
        control.map_to(bridge.engine, ledger_id, account, "700000", ACCOUNT, actor="test")
        bridge.push(ledger_id)
        bridge.sweep()
        assert bridge.reported("NL", task) == ("pending", None)
        bridge.push(bridge.books["NL"].source_id)

        assert bridge.qargo.task(task.id).status == "COMPLETED"

    def test_is_reported_as_failed_when_its_author_must_mend_it(self, bridge: Bridge) -> None:
        task = bridge.issue("NL")
        refuse_next(bridge.ledgers["NL"])

        bridge.bridge("NL")

        told = bridge.qargo.task(task.id)
        assert told.status == "FAILED"
        assert told.error_message
        assert bridge.reported("NL", task) == ("done", "reported_failed")

    def test_is_posted_after_it_was_mended_and_opened_again(self, bridge: Bridge) -> None:
        task = bridge.issue("NL")
        refuse_next(bridge.ledgers["NL"])
        bridge.bridge("NL")
        bridge.pass_time(LATER)
        bridge.qargo.edit(task.document_id, lines=[Line("90.00", account=ACCOUNT)])
        bridge.qargo.reopen(task.id)

        bridge.bridge("NL")

        assert bridge.qargo.task(task.id).status == "COMPLETED"
        assert len(bridge.in_books("NL")) == 1

    def test_that_failed_and_was_posted_after_all_is_for_a_person(self, bridge: Bridge) -> None:
        task = bridge.issue("NL")
        refuse_next(bridge.ledgers["NL"])
        bridge.bridge("NL")
        control.retry(bridge.engine, connection_id=bridge.books["NL"].ledger_id, actor="test")

        bridge.push(bridge.books["NL"].ledger_id)
        bridge.push(bridge.books["NL"].source_id)

        assert len(bridge.in_books("NL")) == 1
        assert bridge.reported("NL", task) == ("rejected", "ack_conflict")

    def test_waits_for_a_ledger_where_there_is_none(
        self, begin: Begin, database: sqlalchemy.Engine
    ) -> None:
        bridge = a_bridge(begin, database)
        bridge.qargo.add_entity("NL", country="FR")
        source = bridge.connect("NL", bridge.qargo.credentials("INT", "NL"))
        task = bridge.issue("NL")

        bridge.run(source)

        assert bridge.qargo.task(task.id).status == "TODO"
        assert [code for code, _ in bridge.issues(source)] == ["no_ledger"]


class TestWhatLeftTheList:
    def test_is_not_posted_any_more(self, bridge: Bridge) -> None:
        task = bridge.issue("NL")
        bridge.run(bridge.books["NL"].source_id)
        bridge.qargo.cancel(task.document_id)

        bridge.bridge("NL")

        assert bridge.in_books("NL") == []
        assert bridge.posted("NL", task) == ("skipped", "deleted")
        assert bridge.reported("NL", task) == ("skipped", "dealt_with")

    def test_is_posted_when_it_comes_back(self, bridge: Bridge) -> None:
        task = bridge.issue("NL")
        bridge.run(bridge.books["NL"].source_id)
        bridge.qargo.fail_by_hand(task.id)
        bridge.bridge("NL")
        bridge.qargo.reopen(task.id)

        bridge.bridge("NL")

        assert len(bridge.in_books("NL")) == 1
        assert bridge.qargo.task(task.id).status == "COMPLETED"

    def test_is_left_alone_when_the_ledger_may_have_it(self, bridge: Bridge) -> None:
        task = bridge.issue("NL")
        bridge.run(bridge.books["NL"].source_id)
        bridge.ledgers["NL"].faults.arm(Fault.DROP_AFTER, method="POST", path="/invoices.*")
        bridge.push(bridge.books["NL"].ledger_id)
        bridge.qargo.complete_by_hand(task.id)

        bridge.run(bridge.books["NL"].source_id)
        bridge.pass_time(LATER)
        bridge.recover(bridge.books["NL"].ledger_id)

        assert bridge.posted("NL", task)[0] == "done"
        assert len(bridge.in_books("NL")) == 1

    def test_moves_with_its_document_to_another_entity(self, bridge: Bridge) -> None:
        task = bridge.issue("NL")
        bridge.run(bridge.books["NL"].source_id)
        bridge.qargo.move(task.document_id, "BE")

        bridge.bridge("BE")
        bridge.bridge("NL")

        assert bridge.in_books("NL") == []
        assert len(bridge.in_books("BE")) == 1
        assert bridge.qargo.task(task.id).status == "COMPLETED"

    def test_is_not_what_cannot_be_read(self, bridge: Bridge) -> None:
        task = bridge.qargo.add_invoice("NL", lines=[Line("10.00", account="700000")])
        bridge.bridge("NL")
        garbled = Answer(200, {"id": task.id, "task_type": "POST_INVOICE", "status": "TODO"})
        bridge.qargo.faults.arm(Fault.ERROR_BEFORE, path=f".*/{task.id}", answer=garbled)

        bridge.bridge("NL")

        assert bridge.reported("NL", task) == ("blocked", "ledger")
        assert bridge.posted("NL", task) == ("blocked", "account_unmapped")

    def test_is_read_in_chunks_to_its_end(
        self, bridge: Bridge, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connector, "TASKS_A_PAGE", 2)
        source = bridge.books["NL"].source_id
        bridge.run(source)
        tasks = [bridge.issue("NL") for _ in range(5)]
        trigger_run(bridge.engine, source, only="pull", types=[ObjectType.INVOICE])

        chunks = [False]
        for _ in range(10):
            over = iter([False])  # the chunk ends after its first page
            chunks.append(advance(bridge.engine, source, over=lambda: next(over, True)).finished)  # noqa: B023  # used at once
            bridge.pass_time(timedelta(seconds=1))

        assert chunks.index(True) > 2
        assert {bridge.posted("NL", task)[0] for task in tasks} == {"pending"}
        assert bridge.qargo.calls["read_task"] == len(tasks)


def test_t26_a_foreign_task_is_neither_posted_nor_reported(bridge: Bridge) -> None:
    task = bridge.issue("BE")
    bridge.qargo.ignores_filter = True

    run = bridge.bridge("NL")

    assert bridge.in_books("NL") == bridge.in_books("BE") == []
    assert bridge.qargo.task(task.id).status == "TODO"
    assert run.counts["invoice"]["elsewhere"] == 1
    assert run.sentence is not None
    assert "1 were skipped: they belong to other billing entities." in run.sentence


def test_t27_a_refused_report_posts_nothing_again_and_stays_visible(bridge: Bridge) -> None:
    task = bridge.issue("NL")
    books = bridge.books["NL"]
    bridge.run(books.source_id)
    bridge.push(books.ledger_id)
    forbidden = Answer(403, {"message": "not allowed"})
    bridge.qargo.faults.arm(Fault.ERROR_BEFORE, path=REPORT, answer=forbidden)
    bridge.push(books.source_id)

    again = bridge.bridge("NL")

    assert bridge.line(task, books.ledger_id).platform_object_id is not None
    assert bridge.reported("NL", task) == ("rejected", "ack_refused")
    assert len(bridge.in_books("NL")) == 1
    assert again.status == "partial"
    assert [code for code, _ in bridge.issues(books.source_id)] == ["ack_refused"]


def test_t28_a_report_whose_answer_was_lost_is_looked_up(bridge: Bridge) -> None:
    task = bridge.issue("NL")
    books = bridge.books["NL"]
    bridge.run(books.source_id)
    bridge.push(books.ledger_id)
    bridge.qargo.faults.arm(Fault.DROP_AFTER, path=REPORT)
    bridge.push(books.source_id)
    assert bridge.reported("NL", task)[0] == "uncertain"

    bridge.pass_time(LATER)
    bridge.recover(books.source_id)
    bridge.bridge("NL")

    assert bridge.reported("NL", task) == ("done", "reported")
    assert bridge.qargo.calls["update_status"] == 1
    assert len(bridge.in_books("NL")) == 1


def test_t29_a_document_that_moved_after_it_was_posted_is_not_posted_twice(
    bridge: Bridge,
) -> None:
    task = bridge.issue("NL")
    books = bridge.books["NL"]
    bridge.run(books.source_id)
    bridge.push(books.ledger_id)
    bridge.qargo.move(task.document_id, "BE")

    bridge.push(books.source_id)
    bridge.bridge("NL")
    bridge.bridge("BE")

    assert bridge.reported("NL", task) == ("rejected", "ack_conflict")
    ((_, sentence),) = bridge.issues(books.source_id)
    assert "NL" in sentence
    assert "BE" in sentence
    assert bridge.in_books("BE") == []
    assert bridge.posted("BE", task) == ("rejected", "posted_elsewhere")


def test_t30_a_credential_of_the_organisation_is_refused_with_the_reason(
    bridge: Bridge,
) -> None:
    client = bridge.qargo.credentials("ORG")

    with pytest.raises(PermissionDenied) as refused:
        bridge.connect("NL", client)

    assert "accounting integration that is linked to NL" in refused.value.message
    assert "read_only" in refused.value.message


def test_t30_read_only_use_is_possible(bridge: Bridge) -> None:
    bridge.issue("NL")

    source = bridge.connect("NL", bridge.qargo.credentials("ORG"), read_only=True)
    run = bridge.run(source)

    assert run.status == "done"
    assert run.counts["tax_rate"]["seen"] > 0
    assert "invoice" not in run.counts or run.counts["invoice"]["seen"] == 0


def test_t31_two_connections_of_a_tenant_share_what_it_allows(
    bridge: Bridge, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limiter, "CALLS_PER_SECOND", 10)  # five times as fast as the real one
    monkeypatch.setattr(limiter, "BURST", 12)
    tasks = [bridge.issue(code) for code in ("NL", "BE") for _ in range(2)]
    allowances = SharedAllowances(lambda: redis_url)
    bridge.keep(allowances, Limits(per_second=10, burst=12, scope=LimitScope.TENANT))
    bridge.qargo.limited = True

    for _ in range(5):  # on a busy machine a turn may take longer than a worker waits for it
        with ThreadPoolExecutor(2) as both:
            list(both.map(bridge.bridge, ("NL", "BE")))
        if all(bridge.qargo.task(task.id).status == "COMPLETED" for task in tasks):
            break
        bridge.pass_time(timedelta(seconds=30))

    allowances.close()
    assert {bridge.qargo.task(task.id).status for task in tasks} == {"COMPLETED"}
    assert bridge.qargo.throttled.total() == 0
    assert set(bridge.qargo.token_requests.values()) == {1}


def test_t32_a_token_that_is_not_renewed_is_used_to_its_end(bridge: Bridge) -> None:
    first = bridge.issue("NL")
    bridge.bridge("NL")
    bridge.pass_time(timedelta(minutes=59, seconds=30))
    bridge.qargo.faults.arm(Fault.THROTTLE, path="/v1/auth/token", retry_after=3600, times=99)
    second = bridge.issue("NL")

    bridge.bridge("NL")
    bridge.bridge("NL")
    asked = bridge.qargo.faults.injected[Fault.THROTTLE]
    bridge.pass_time(timedelta(minutes=1))
    parked = bridge.run(bridge.books["NL"].source_id)

    assert {bridge.qargo.task(one.id).status for one in (first, second)} == {"COMPLETED"}
    assert asked == bridge.qargo.faults.injected[Fault.THROTTLE] == 1
    assert parked.status == "parked"


def test_t32_work_goes_on_once_there_is_a_token_again(bridge: Bridge) -> None:
    bridge.pass_time(timedelta(minutes=61))
    bridge.qargo.faults.arm(Fault.THROTTLE, path="/v1/auth/token", retry_after=3600)
    bridge.run(bridge.books["NL"].source_id)
    task = bridge.issue("NL")

    bridge.pass_time(timedelta(minutes=61))
    bridge.bridge("NL")

    assert bridge.qargo.task(task.id).status == "COMPLETED"
