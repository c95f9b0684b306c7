"""Runs: one at a time, in chunks, continued by anybody, ended with one sentence."""

import threading
import time
from collections.abc import Callable
from datetime import date, timedelta
from uuid import UUID

import pytest

from connectors.faults import Answer, Request
from connectors.simulator import Fault
from models.canonical import ObjectType
from models.status import SyncStatus
from models.tables import ConnectionStatus, RunStatus, Trigger
from sync import connections, runs
from sync.errors import NotAllowedError
from tests.factories import Bench, a_contact, a_line, an_invoice


class TestTrigger:
    def test_two_triggers_make_one_run(self, bench: Bench) -> None:
        first = runs.trigger_run(bench.engine, bench.connection_id)

        second = runs.trigger_run(bench.engine, bench.connection_id)

        assert first == second

    def test_a_run_by_hand_moves_the_clock_by_a_whole_interval(self, bench: Bench) -> None:
        with bench.begin() as work:
            now = work.connections.now()

        runs.trigger_run(bench.engine, bench.connection_id)

        with bench.begin() as work:
            row = connections.get(work, bench.connection_id)
        assert timedelta(hours=24) <= row.next_sync_at - now < timedelta(hours=24, minutes=1)

    def test_due_connections_are_queued_once_and_get_their_next_turn(self, bench: Bench) -> None:
        bench.pass_time(timedelta(days=3))

        assert runs.queue_due(bench.engine) == [bench.connection_id]
        assert runs.queue_due(bench.engine) == []

        with bench.begin() as work:
            active = work.runs.active(bench.connection_id)
        assert active is not None
        assert active.trigger is Trigger.SCHEDULE

    def test_a_turn_that_comes_while_a_run_goes_on_is_taken_when_it_has_ended(
        self, bench: Bench
    ) -> None:
        """What a webhook names after its type was read is not left until tomorrow."""
        runs.trigger_run(bench.engine, bench.connection_id, only="pull")
        with bench.begin() as work:
            work.connections.hasten(bench.connection_id, timedelta(minutes=1))
        bench.pass_time(timedelta(minutes=2))
        assert runs.queue_due(bench.engine) == []

        runs.advance(bench.engine, bench.connection_id)

        assert runs.queue_due(bench.engine) == [bench.connection_id]

    def test_a_paused_connection_is_not_queued(self, bench: Bench) -> None:
        connections.pause(bench.engine, bench.connection_id, actor="test")
        bench.pass_time(timedelta(days=3))

        assert runs.queue_due(bench.engine) == []


def test_beat_and_a_person_who_queue_the_same_connection_do_not_wait_for_each_other(
    bench: Bench,
) -> None:
    runs_made: list[UUID] = []
    person = threading.Thread(
        target=lambda: runs_made.append(runs.trigger_run(bench.engine, bench.connection_id))
    )
    bench.pass_time(timedelta(days=2))
    with bench.begin() as work:
        (due,) = work.connections.claim_due(10)
        person.start()
        until(lambda: waiting_for_locks(bench) == 1)
        made = work.runs.queue(due.id, trigger=Trigger.SCHEDULE, correlation_id="x", steps=[])
    person.join(20)

    assert made is not None
    assert runs_made == [made[0]]


def waiting_for_locks(bench: Bench) -> int:
    """How many sessions wait for somebody else's lock."""
    with bench.database.connect() as database:
        found = database.exec_driver_sql(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
            "AND datname = current_database()"
        )
        return int(found.scalar_one())


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that comes within seconds."""
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


class TestAdvance:
    def test_a_run_reads_both_sides_into_step(self, bench: Bench) -> None:
        bench.hand_in(a_contact(), an_invoice())

        run = bench.run()

        assert (run.status, run.sentence) == (RunStatus.DONE, "Both sides are in step.")
        assert run.counts["invoice"]["pushed"] == 1
        assert run.provider_calls > 0
        assert run.received_bytes > 0

    def test_what_a_push_asked_in_vain_counts_too(self, bench: Bench) -> None:
        bench.hand_in(a_contact())
        bench.ledger.change(api_key="rotated")
        with bench.begin() as work:
            before, _ = work.connections.use_this_month(bench.connection_id)

        bench.push()

        with bench.begin() as work:
            assert work.connections.use_this_month(bench.connection_id)[0] == before + 1

    def test_what_was_asked_of_the_provider_is_summed_over_runs_and_pushes(
        self, bench: Bench
    ) -> None:
        with bench.begin() as work:
            before = work.connections.use_this_month(bench.connection_id)
        first, second = bench.run(), bench.run()
        bench.hand_in(a_contact())
        pushed = bench.push()

        with bench.begin() as work:
            calls, received = work.connections.use_this_month(bench.connection_id)

        assert calls - before[0] == first.provider_calls + second.provider_calls + pushed.calls
        assert received - before[1] == (
            first.received_bytes + second.received_bytes + pushed.received
        )

    def test_only_one_worker_advances_a_run(self, bench: Bench) -> None:
        run_id = runs.trigger_run(bench.engine, bench.connection_id)
        with bench.begin() as work:
            work.runs.claim(bench.connection_id, worker="other", lease=timedelta(minutes=1))

        assert runs.advance(bench.engine, bench.connection_id).run_id is None

        bench.pass_time(timedelta(minutes=2))  # the other one is gone: its lease ends
        assert runs.advance(bench.engine, bench.connection_id).run_id == run_id

    def test_a_chunk_that_runs_out_of_time_leaves_the_rest_to_the_next(self, bench: Bench) -> None:
        runs.trigger_run(bench.engine, bench.connection_id)
        chunks = 0
        finished = False

        while not finished:
            progress = runs.advance(bench.engine, bench.connection_id, over=_two_steps())
            finished = progress.finished
            chunks += 1

        assert chunks > 3

    def test_a_run_with_records_that_wait_for_people_is_partial(self, bench: Bench) -> None:
        bench.hand_in(a_contact(), an_invoice(lines=[a_line(rate="8.5")]))

        run = bench.run()

        assert run.status is RunStatus.PARTIAL
        assert "1 records wait" in run.sentence

    def test_a_ledger_that_cannot_be_reached_fails_the_run_in_words(self, bench: Bench) -> None:
        bench.ledger.faults.arm(Fault.AWAY, times=50)

        run = bench.run()

        assert run.status is RunStatus.FAILED
        assert run.sentence.startswith("Plain ledger: ")

    def test_a_used_up_quota_parks_the_run_and_fails_nothing(self, bench: Bench) -> None:
        bench.hand_in(a_contact(), an_invoice())
        bench.ledger.faults.arm(Fault.THROTTLE, method="POST", times=9, retry_after=3600)

        run = bench.run()

        assert run.status is RunStatus.PARKED
        assert {line.status for line in bench.lines()} <= {
            SyncStatus.RETRY_WAIT,
            SyncStatus.PENDING,
        }
        assert [code for code, _, _ in bench.issues()] == ["quota_used_up"]

        bench.ledger.faults.clear()
        bench.pass_time(timedelta(hours=1, minutes=1))
        assert bench.run().status is RunStatus.DONE

    def test_a_run_waits_for_a_look_up_that_is_due_soon(self, bench: Bench) -> None:
        bench.hand_in(a_contact())
        bench.ledger.faults.arm(Fault.DROP_AFTER, method="POST", path="/contacts")

        run = bench.run()

        assert run.status is RunStatus.DONE
        assert run.counts["contact"]["adopted"] == 1

    def test_a_tax_rate_made_in_the_ledger_releases_what_waited_for_it(self, bench: Bench) -> None:
        bench.hand_in(a_contact(), an_invoice(lines=[a_line(rate="8.5")]))
        bench.run()
        rate = bench.ledger.get(ObjectType.TAX_RATE, "vat-20").record
        changes = {"id": "vat-8.5", "code": "vat-8.5", "name": "VAT 8.5 %", "rate": "8.5"}
        bench.ledger.enter(type(rate).model_validate(rate.model_dump() | changes))

        run = bench.run()

        assert run.status is RunStatus.DONE
        assert bench.status("I-1") is SyncStatus.DONE

    def test_a_write_only_run_reads_what_it_must_know_first(self, bench: Bench) -> None:
        with bench.database.begin() as connection:
            connection.exec_driver_sql("TRUNCATE cursors")
        bench.hand_in(a_contact(), an_invoice())

        run = bench.run(only="push", types=[ObjectType.CONTACT, ObjectType.INVOICE])

        assert set(run.counts) == {"tax_rate", "ledger_account", "contact", "invoice"}
        assert bench.status("I-1") is SyncStatus.DONE


class TestConnectionState:
    def test_a_pause_holds_what_waits_and_resuming_releases_it(self, bench: Bench) -> None:
        bench.hand_in(a_contact())
        connections.pause(bench.engine, bench.connection_id, actor="test")
        assert bench.status("C-1") is SyncStatus.HELD
        bench.push()
        assert bench.ledger.documents(ObjectType.CONTACT) == []

        connections.resume(bench.engine, bench.connection_id, actor="test")
        bench.push()

        assert bench.status("C-1") is SyncStatus.DONE

    def test_new_credentials_for_the_same_books_release_what_was_held(self, bench: Bench) -> None:
        bench.hand_in(a_contact())
        bench.ledger.change(api_key="rotated")
        bench.run()
        assert bench.status("C-1") is SyncStatus.HELD

        connections.reauthorize(
            bench.engine, bench.opener, bench.connection_id, {"api_key": "rotated"}, actor="test"
        )
        bench.push()

        assert bench.status("C-1") is SyncStatus.DONE
        assert bench.issues() == []

    def test_what_was_disconnected_meanwhile_releases_nothing(self, bench: Bench) -> None:
        """A person gives new credentials while another one ends the connection."""
        bench.hand_in(a_contact())
        bench.ledger.change(api_key="rotated")
        bench.run()
        handle = bench.ledger.handle

        def answer(request: Request) -> Answer:
            connections.disconnect(bench.engine, bench.connection_id, actor="test")
            return handle(request)

        bench.opener.http._transport._handle = answer
        with pytest.raises(NotAllowedError, match="disconnected"):
            connections.reauthorize(
                bench.engine,
                bench.opener,
                bench.connection_id,
                {"api_key": "rotated"},
                actor="test",
            )

        assert bench.status("C-1") is SyncStatus.HELD

    def test_nor_does_the_end_of_a_pause(self, bench: Bench) -> None:
        bench.hand_in(a_contact())
        connections.pause(bench.engine, bench.connection_id, actor="test")
        refused: list[Exception] = []

        def resume() -> None:
            try:
                connections.resume(bench.engine, bench.connection_id, actor="test")
            except NotAllowedError as error:
                refused.append(error)

        resuming = threading.Thread(target=resume)
        with bench.begin() as work:
            work.connections.set_status(bench.connection_id, ConnectionStatus.DISCONNECTED)
            resuming.start()
            until(lambda: waiting_for_locks(bench) == 1)
        resuming.join(10)

        assert len(refused) == 1
        assert bench.status("C-1") is SyncStatus.HELD

    def test_credentials_given_while_the_old_ones_are_refused_bring_it_back(
        self, bench: Bench
    ) -> None:
        bench.hand_in(a_contact())
        handle = bench.ledger.handle

        def answer(request: Request) -> Answer:
            bench.opener.http._transport._handle = handle
            bench.ledger.change(api_key="rotated")
            bench.run()  # finds out in the middle of it
            return handle(request)

        bench.opener.http._transport._handle = answer
        connections.reauthorize(
            bench.engine, bench.opener, bench.connection_id, {"api_key": "rotated"}, actor="test"
        )
        bench.push()

        assert bench.status("C-1") is SyncStatus.DONE

    def test_starting_earlier_releases_what_was_dated_before(self, bench: Bench) -> None:
        connections.start(bench.engine, bench.connection_id, date(2026, 4, 1), actor="test")
        bench.hand_in(a_contact(), an_invoice())
        assert bench.status("I-1") is SyncStatus.SKIPPED

        connections.start(bench.engine, bench.connection_id, date(2026, 3, 1), actor="test")

        assert bench.status("I-1") is SyncStatus.PENDING

    def test_a_disconnected_ledger_makes_room_for_another(self, bench: Bench) -> None:
        connections.disconnect(bench.engine, bench.connection_id, actor="test")

        with bench.begin() as work:
            assert work.connections.ledger_of(bench.entity_id) is None
            row = connections.get(work, bench.connection_id)
        assert row.status is ConnectionStatus.DISCONNECTED


def _two_steps() -> Callable[[], bool]:
    """Time for two steps."""
    turns = iter([False, False])
    return lambda: next(turns, True)
