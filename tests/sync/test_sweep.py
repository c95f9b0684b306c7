"""What is old goes, in batches and without waiting; what is still needed stays."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
import sqlalchemy

from models.repositories import Old
from sync import control, runs, sweep, webhooks
from sync.engine import Timing
from tests.factories import Bench, a_contact, an_invoice
from tests.receiver import Outbox

URL = "http://127.0.0.1:9/hooks"


@pytest.fixture
def outbox(bench: Bench) -> Outbox:
    return Outbox.of(bench.begin, bench.opener.keys, bench.entity_id)


def count(bench: Bench, what: str) -> int:
    """Rows of a table, perhaps with a condition."""
    with bench.database.connect() as connection:
        number: int = connection.exec_driver_sql(f"SELECT count(*) FROM {what}").scalar_one()
    return number


def age(bench: Bench, *tables: str, days: int = 31) -> None:
    """Let what is in some tables have been written earlier."""
    with bench.database.begin() as connection:
        for table in tables:
            connection.exec_driver_sql(
                f"UPDATE {table} SET created_at = created_at - interval '{days} days'"
            )


def tidied(
    bench: Bench,
    *,
    keep_events: timedelta = Timing.keep_events,
    keep_log: timedelta = Timing.keep_log,
) -> dict[Old, int]:
    """Take out what is old when things are kept for such times."""
    timing = replace(bench.engine.timing, keep_events=keep_events, keep_log=keep_log)
    return dict(sweep.tidy(replace(bench.engine, timing=timing)))


NOTHING = timedelta(0)


class TestEvents:
    def test_old_events_go_with_their_deliveries(self, bench: Bench, outbox: Outbox) -> None:
        outbox.subscribe(URL, "sync_run")
        bench.run(only="pull")
        age(bench, "events", "webhook_deliveries")
        young = bench.run(only="pull")

        bench.sweep()

        (line,) = outbox.log()
        assert line.event.object["id"] == str(young.id)
        assert count(bench, "events") == 1

    def test_an_old_event_stays_while_somebody_is_still_told(
        self, bench: Bench, outbox: Outbox
    ) -> None:
        outbox.subscribe(URL, "sync_run")
        bench.run(only="pull")
        age(bench, "events", "webhook_deliveries")
        with bench.begin() as work:
            assert work.webhooks.claim(worker="w", lease=timedelta(minutes=1), limit=1)

        assert tidied(bench) == {}

        assert count(bench, "webhook_deliveries") == 1

    def test_a_subscription_that_was_ended_goes_after_its_deliveries(
        self, bench: Bench, outbox: Outbox
    ) -> None:
        made = outbox.subscribe(URL, "sync_run")
        kept = outbox.subscribe(URL, "issue")
        bench.run(only="pull")
        webhooks.unsubscribe(bench.begin, outbox.caller, made.row.id)

        assert tidied(bench) == {}
        assert tidied(bench, keep_events=NOTHING) == {
            Old.DELIVERIES: 1,
            Old.EVENTS: 1,
            Old.ENDPOINTS: 1,
        }

        assert count(bench, f"webhook_endpoints WHERE id = '{kept.row.id}'") == 1


class TestLog:
    def test_old_attempts_go_and_their_records_stay(self, bench: Bench) -> None:
        bench.hand_in(a_contact(), an_invoice())
        bench.push()
        before = bench.lines()

        assert tidied(bench) == {}
        assert tidied(bench, keep_log=NOTHING) == {Old.ATTEMPTS: 2}

        assert bench.lines() == before

    def test_an_attempt_without_an_outcome_stays(self, bench: Bench) -> None:
        bench.hand_in(a_contact())
        bench.push()
        with bench.database.begin() as connection:
            connection.exec_driver_sql("UPDATE attempts SET finished_at = NULL, outcome = NULL")

        assert tidied(bench, keep_log=NOTHING) == {}

    def test_old_runs_go_but_the_last_one_of_a_connection(self, bench: Bench) -> None:
        bench.hand_in(a_contact())
        bench.run()
        last = bench.run()

        assert tidied(bench) == {}
        assert Old.RUNS in tidied(bench, keep_log=NOTHING)

        with bench.begin() as work:
            assert [run.id for run in work.runs.listing(bench.connection_id, 10)] == [last.id]

    def test_closed_issues_go_once_no_record_names_them(self, bench: Bench) -> None:
        bench.ledger.change(closed_until=date(2026, 3, 31))
        bench.hand_in(a_contact(), an_invoice())
        bench.push()
        issue = bench.line("I-1").issue_id
        assert Old.ISSUES not in tidied(bench, keep_log=NOTHING)

        control.retry(bench.engine, actor="test", issue_id=issue)

        assert count(bench, "issues") == 1
        assert tidied(bench) == {}
        assert tidied(bench, keep_log=NOTHING) == {Old.ISSUES: 1}


def test_questions_that_nobody_answered_go_after_a_day(bench: Bench) -> None:
    with bench.database.begin() as connection:
        for hours in (-1, 1, 25):
            connection.exec_driver_sql(
                "INSERT INTO authorizations "
                "(id, connection_id, state_hash, browser_hash, sealed, expires_at) "
                f"VALUES (gen_random_uuid(), '{bench.connection_id}', '{hours}', '', '', "
                f"now() - interval '{hours} hours')"
            )

    assert tidied(bench) == {Old.AUTHORIZATIONS: 1}

    assert count(bench, "authorizations WHERE state_hash = '25'") == 0


def test_a_sweep_takes_out_so_many_and_the_next_one_goes_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "BATCH", 2)
    monkeypatch.setattr(sweep, "MOST_BATCHES", 2)
    bench.hand_in(*(a_contact(f"C-{number}") for number in range(5)))
    bench.push()

    assert tidied(bench, keep_log=NOTHING) == {Old.ATTEMPTS: 4}
    assert tidied(bench, keep_log=NOTHING) == {Old.ATTEMPTS: 1}


def test_what_somebody_holds_is_left_for_the_next_time(
    bench: Bench, database: sqlalchemy.Engine
) -> None:
    bench.hand_in(a_contact("C-1"), a_contact("C-2"))
    bench.push()
    with database.begin() as connection:
        connection.exec_driver_sql("SELECT id FROM attempts LIMIT 1 FOR UPDATE")

        assert tidied(bench, keep_log=NOTHING) == {Old.ATTEMPTS: 1}

    assert tidied(bench, keep_log=NOTHING) == {Old.ATTEMPTS: 1}


class TestWake:
    """Only what paused a moment ago: everything else was told of before, or is the sweeper's."""

    def test_a_run_that_nobody_has_begun_is_not_said_again_and_again(self, bench: Bench) -> None:
        runs.trigger_run(bench.engine, bench.connection_id)

        assert sweep.wake(bench.engine) == 0
        assert bench.sweep().runs == 1

    def test_a_run_whose_pause_is_over_goes_on_at_once(self, bench: Bench) -> None:
        run_id = runs.trigger_run(bench.engine, bench.connection_id)
        with bench.begin() as work:
            run = work.runs.claim(
                bench.connection_id, worker="test", lease=bench.engine.timing.lease
            )
            assert run is not None
            work.runs.pause(run_id, run.fence, timedelta(seconds=50))
        assert sweep.wake(bench.engine) == 0

        bench.pass_time(timedelta(seconds=51))
        assert sweep.wake(bench.engine) == 1

        bench.pass_time(timedelta(seconds=31))
        assert sweep.wake(bench.engine) == 0
        assert bench.sweep().runs == 1
