"""What a monitoring system reads: true for the whole system, cheap, and without names."""

from typing import Any

import httpx
import pytest
import sqlalchemy
from prometheus_client.parser import text_string_to_metric_families

from sync import connections
from tests.api.world import World
from tests.factories import a_contact, an_invoice, shift
from tests.receiver import DAY


def scraped(world: World) -> dict[tuple[str, tuple[str, ...]], float]:
    """All samples: (name, label values) → value."""
    answer = httpx.get(f"{world.url}/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_the_state_of_the_whole_system_is_read_from_the_database(world: World) -> None:
    world.hand_in(a_contact(), an_invoice("I-1"), an_invoice("I-2"))
    shift(world.runtime.database, DAY)

    before = scraped(world)
    world.push()
    after = scraped(world)

    assert before["ledgerbridge_records_unfinished", ("pending",)] == 3
    assert before["ledgerbridge_oldest_due_record_age_seconds", ()] >= 86_400
    assert before["ledgerbridge_connections", ("connected",)] == 1
    assert before["ledgerbridge_runs_last_day", ("done",)] == 1
    assert after["ledgerbridge_records_unfinished", ("pending",)] == 0
    assert after["ledgerbridge_oldest_due_record_age_seconds", ()] == 0


def test_what_cannot_go_out_raises_no_alarm(world: World) -> None:
    world.hand_in(a_contact())
    shift(world.runtime.database, DAY)
    with world.runtime.begin() as work:
        work.connections.park(world.connection_id, DAY, failure=False)

    assert scraped(world)["ledgerbridge_oldest_due_record_age_seconds", ()] == 0


def test_issues_are_counted_by_who_must_act(world: World) -> None:
    world.ledger.change(api_key="another")
    world.hand_in(a_contact())
    world.push()

    figures = scraped(world)

    assert figures["ledgerbridge_issues_open", ("administrator",)] == 1
    assert figures["ledgerbridge_issues_open", ("bookkeeper",)] == 0
    assert figures["ledgerbridge_connections", ("deauthorized",)] == 1
    assert figures["ledgerbridge_records_unfinished", ("held",)] == 1


def test_deliveries_that_wait_are_counted_while_somebody_wants_them(world: World) -> None:
    wanted = {"object_type": "accounting_connection", "url": "https://example.com/"}
    with world.client(world.credential(manage=True)) as client:
        made = client.post("/webhook_subscriptions", json=wanted).json()
        connections.disconnect(world.runtime.engine, world.connection_id, actor="test")
        waiting = scraped(world)["ledgerbridge_webhook_deliveries_waiting", ()]
        client.post(f"/webhook_subscriptions/{made['id']}/disable")
        disabled = scraped(world)["ledgerbridge_webhook_deliveries_waiting", ()]

    assert (waiting, disabled) == (1, 0)


def test_requests_are_counted_by_route_and_never_by_path(world: World) -> None:
    with world.client(world.credential(manage=True)) as client:
        client.get(f"/webhook_subscriptions/{world.entity_id}")
        client.get("/webhook_subscriptions")
    httpx.get(f"{world.url}/no/such/{world.entity_id}")

    figures = scraped(world)

    requests = "ledgerbridge_http_requests_total"
    route = "/v1/webhook_subscriptions"
    assert figures[requests, ("GET", f"{route}/{{subscription_id}}", "404")] == 1
    assert figures[requests, ("GET", route, "200")] == 1
    assert figures[requests, ("GET", "unknown", "404")] == 1
    assert figures["ledgerbridge_http_request_duration_seconds_count", ("GET", route)] == 1


def test_no_label_names_a_tenant(world: World) -> None:
    world.hand_in(a_contact(), an_invoice())
    text = httpx.get(f"{world.url}/metrics").text

    for name in ("Acme", str(world.entity_id), str(world.connection_id), "INV-I-1"):
        assert name not in text


@pytest.fixture
def plans(database: sqlalchemy.Engine) -> Any:
    """The plans of statements when no other index is there, and the table is not to be read whole.

    On a table that is almost empty every index costs the same.
    """

    def plan(statement: str) -> str:
        with database.connect() as connection:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            others = connection.exec_driver_sql(
                "SELECT i.indexrelid::regclass::text, c.conname FROM pg_index i "
                "LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.contype IN ('p', 'u') "
                "WHERE i.indrelid = 'synced_records'::regclass AND i.indexrelid NOT IN "
                "('ix_synced_records_moving'::regclass, 'ix_synced_records_waiting'::regclass)"
            ).all()
            for index, constraint in others:
                connection.exec_driver_sql(
                    f"ALTER TABLE synced_records DROP CONSTRAINT {constraint} CASCADE"
                    if constraint
                    else f"DROP INDEX {index}"
                )
            found = connection.exec_driver_sql(f"EXPLAIN {statement}").scalars().all()
            connection.rollback()
            return "\n".join(found)

    return plan


def test_counting_what_is_unfinished_can_use_the_partial_indexes(plans: Any) -> None:
    moving = plans(
        "SELECT status, count(*) FROM synced_records "
        "WHERE status IN ('pending', 'retry_wait', 'uncertain', 'sending') GROUP BY status"
    )
    waiting = plans(
        "SELECT status, count(*) FROM synced_records "
        "WHERE status IN ('rejected', 'blocked', 'held') GROUP BY status"
    )

    assert "ix_synced_records_moving" in moving
    assert "ix_synced_records_waiting" in waiting
