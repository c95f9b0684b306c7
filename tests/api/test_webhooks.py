"""Subscriptions, events and the delivery log over HTTP, and who may see and change them."""

import os
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from typer.testing import CliRunner

from api.routes.webhooks import (
    EventName,
    ObjectTypeName,
    OfConnections,
    OfIssues,
    OfRecords,
    OfRuns,
)
from cli.main import app as cli
from models.crypto import KeyRing, new_key
from sync import connections, deliveries, webhooks
from tests.api.world import World
from tests.receiver import Receiver
from worker import app, schedule, tasks
from worker.app import app as celery
from worker.dispatch import DELIVER
from worker.outgoing import Sender

WANTED = {"object_type": "sync_run", "url": "https://example.com/hooks"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver.running() as receiver:
        yield receiver


@pytest.fixture
def manager(world: World) -> Iterator[httpx.Client]:
    """Somebody who may manage the organisation."""
    with world.client(world.credential(manage=True)) as client:
        yield client


def subscribed(client: httpx.Client, **fields: Any) -> dict[str, Any]:
    """A new subscription."""
    answer = client.post("/webhook_subscriptions", json=WANTED | fields)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def allow(world: World, receiver: Receiver) -> None:
    """What an operator does by listing a receiver's base URL."""
    opener = world.runtime.opener
    urls = (*opener.allowed_base_urls, receiver.url.removesuffix("/hooks"))
    object.__setattr__(opener, "allowed_base_urls", urls)


def deliver(world: World) -> int:
    """What a worker does at a tick."""
    runtime = world.runtime
    return deliveries.deliver_due(
        runtime.begin, runtime.keys, Sender(runtime.addresses), worker="test"
    )


class TestSubscriptions:
    def test_the_secret_is_shown_once(self, manager: httpx.Client) -> None:
        made = subscribed(manager, event_types=["sync_run.finished"])

        shown = manager.get(f"/webhook_subscriptions/{made['id']}").json()
        assert made["secret"].startswith("whsec_")
        assert "secret" not in shown
        assert shown | {"secret": made["secret"]} == made
        assert (shown["status"], shown["event_types"]) == ("enabled", ["finished"])

    def test_it_is_changed_disabled_enabled_and_deleted(self, manager: httpx.Client) -> None:
        path = f"/webhook_subscriptions/{subscribed(manager)['id']}"

        changed = manager.patch(path, json={"url": "https://example.com/new"}).json()
        assert (changed["url"], changed["event_types"]) == ("https://example.com/new", [])
        assert manager.post(f"{path}/disable").json()["status"] == "disabled"
        assert manager.post(f"{path}/enable").json()["status"] == "enabled"
        assert manager.delete(path).status_code == 204
        assert manager.get(path).status_code == 404
        assert manager.get("/webhook_subscriptions").json()["data"] == []

    def test_an_event_of_another_type_is_refused(self, manager: httpx.Client) -> None:
        path = f"/webhook_subscriptions/{subscribed(manager)['id']}"

        assert manager.patch(path, json={"event_types": ["done"]}).status_code == 409
        assert manager.patch(path, json={"event_types": ["nonsense"]}).status_code == 422
        answer = manager.post("/webhook_subscriptions", json=WANTED | {"event_types": ["done"]})
        assert answer.status_code == 422

    @pytest.mark.parametrize(
        ("url", "status"),
        [
            ("https://user:password@example.com/", 422),
            ("https://example.com/#part", 422),
            ("https://example.com:70000/", 422),
            ("ftp://example.com/", 422),
            ("https://example.com/" + "x" * 2083, 422),
            ("https://exa mple.com/", 422),
            ("https://example.com/\x00", 422),
            ("http://example.com/", 403),
            ("https://10.0.0.1/", 403),
            ("https://localhost/", 403),
            ("http://127.0.0.1:1/", 403),
        ],
    )
    def test_urls_that_cannot_or_may_not_be_called(
        self, manager: httpx.Client, url: str, status: int
    ) -> None:
        answer = manager.post("/webhook_subscriptions", json=WANTED | {"url": url})

        assert answer.status_code == status
        assert manager.get("/webhook_subscriptions").json()["data"] == []

    def test_lists_go_on_from_page_to_page_and_back(self, manager: httpx.Client) -> None:
        made = [subscribed(manager)["id"] for _ in range(5)]

        first = manager.get("/webhook_subscriptions", params={"limit": 3}).json()
        token = first["next_pagination_token"]
        second = manager.get(
            "/webhook_subscriptions", params={"limit": 3, "pagination_token": token}
        ).json()
        back = manager.get(
            "/webhook_subscriptions",
            params={"limit": 3, "pagination_token": second["prev_pagination_token"]},
        ).json()

        assert [row["id"] for row in first["data"] + second["data"]] == made
        assert second["next_pagination_token"] is None
        assert back["data"] == first["data"]


def test_what_can_be_asked_for_is_what_can_happen() -> None:
    asked = {}
    for wanted in (OfConnections, OfIssues, OfRuns, OfRecords):
        schema = wanted.model_json_schema()["properties"]
        names = schema["event_types"]["anyOf"][0]["items"]
        asked[schema["object_type"]["const"]] = set(names.get("enum", [names.get("const")]))

    assert asked == {kind: set(names) for kind, names in webhooks.EVENTS.items()}
    assert set(asked) == set(ObjectTypeName)
    assert set().union(*asked.values()) == set(EventName)


LOGS = ("/events", "/webhook_deliveries", "/webhook_subscriptions")


@pytest.fixture
def logs(world: World, manager: httpx.Client) -> dict[str, list[dict[str, Any]]]:
    """What two subscriptions were told of three runs: every list, oldest first."""
    subscribed(manager)
    subscribed(manager, event_types=["finished"])
    for _ in range(3):
        world.sync(only="pull")
    lists = {path: manager.get(path).json()["data"] for path in LOGS}
    assert [len(lists[path]) for path in LOGS] == [3, 6, 2]
    return lists


class TestLogs:
    @pytest.mark.parametrize("order", ["asc", "desc"])
    def test_pages_join_in_the_order_of_time_and_lead_back(
        self, manager: httpx.Client, logs: dict[str, list[dict[str, Any]]], order: str
    ) -> None:
        for path, rows in logs.items():
            pages = [manager.get(path, params={"order": order, "limit": 1}).json()]
            while token := pages[-1]["next_pagination_token"]:
                params = {"limit": 1, "pagination_token": token}
                pages.append(manager.get(path, params=params).json())
            token = pages[-1]["prev_pagination_token"]
            back = manager.get(path, params={"limit": 1, "pagination_token": token}).json()

            whole = sorted(rows, key=lambda row: (row["created_at"], row["id"]))
            joined = [row for page in pages for row in page["data"]]
            assert whole == rows
            assert joined == (whole if order == "asc" else whole[::-1])
            assert back["data"] == pages[-2]["data"]

    def test_a_stretch_of_time(
        self, manager: httpx.Client, logs: dict[str, list[dict[str, Any]]]
    ) -> None:
        def found(path: str, **filters: str) -> list[str]:
            given = {f"created_at__{name}": value for name, value in filters.items()}
            rows = manager.get(path, params=given).json()["data"]
            return [row["created_at"] for row in rows]

        for path, rows in logs.items():
            moments = [row["created_at"] for row in rows]
            middle = moments[1]
            assert found(path, gt=middle) == [one for one in moments if one > middle]
            assert found(path, gte=middle) == [one for one in moments if one >= middle]
            assert found(path, lt=middle) == [one for one in moments if one < middle]
            assert found(path, lte=middle) == [one for one in moments if one <= middle]
            assert found(path, gte=middle, lte=middle) == [middle] * moments.count(middle)

    def test_a_token_carries_the_stretch_of_time(
        self, manager: httpx.Client, logs: dict[str, list[dict[str, Any]]]
    ) -> None:
        rows = logs["/webhook_deliveries"]
        until = {"created_at__lte": rows[3]["created_at"], "order": "desc", "limit": 1}
        first = manager.get("/webhook_deliveries", params=until).json()
        token: dict[str, str] = {"pagination_token": first["next_pagination_token"]}

        rest = manager.get("/webhook_deliveries", params=token).json()["data"]

        wanted = [row for row in rows if row["created_at"] <= rows[3]["created_at"]]
        assert first["data"] + rest == wanted[::-1]

    def test_nonsense_is_refused(self, manager: httpx.Client) -> None:
        for path in LOGS:
            for name, value in (
                ("created_at__gt", "yesterday"),
                ("created_at__lte", "1"),
                ("sort", "url"),
                ("limit", "0"),
            ):
                assert manager.get(path, params={name: value}).status_code == 422


class TestAccess:
    def test_who_may_only_read_changes_nothing(self, world: World, manager: httpx.Client) -> None:
        path = f"/webhook_subscriptions/{subscribed(manager)['id']}"

        with world.client(world.credential()) as reader:
            assert reader.get(path).status_code == 200
            refused = [
                reader.post("/webhook_subscriptions", json=WANTED),
                reader.patch(path, json={}),
                reader.delete(path),
                reader.post(f"{path}/enable"),
                reader.post(f"{path}/disable"),
                reader.post(f"{path}/regenerate_secret"),
                reader.post(f"/webhook_deliveries/{uuid4()}/replay"),
            ]

        assert {answer.status_code for answer in refused} == {403}
        assert {answer.json()["error"]["type"] for answer in refused} == {"credential_not_linked"}

    def test_another_organisation_sees_and_changes_nothing(
        self, world: World, manager: httpx.Client, receiver: Receiver
    ) -> None:
        allow(world, receiver)
        path = f"/webhook_subscriptions/{subscribed(manager, url=receiver.url)['id']}"
        world.sync(only="pull")
        (line,) = manager.get("/webhook_deliveries").json()["data"]

        stranger = world.credential(organisation="Other", manage=True)
        with world.client(stranger) as other:
            answers = [
                other.get(path),
                other.patch(path, json={}),
                other.delete(path),
                other.post(f"{path}/enable"),
                other.post(f"{path}/disable"),
                other.post(f"{path}/regenerate_secret"),
                other.get(f"/webhook_deliveries/{line['id']}"),
                other.post(f"/webhook_deliveries/{line['id']}/replay"),
            ]
            lists = [
                other.get(name).json()["data"]
                for name in ("/webhook_subscriptions", "/webhook_deliveries", "/events")
            ]

        assert {answer.status_code for answer in answers} == {404}
        assert lists == [[], [], []]
        assert manager.get(path).json()["status"] == "enabled"

    def test_an_integration_hears_of_its_own_entities_alone(
        self, world: World, manager: httpx.Client, receiver: Receiver
    ) -> None:
        allow(world, receiver)
        other_connection = world.connect(world.entity("DE"))
        subscribed(manager)
        with world.client() as integration:
            subscribed(integration, url=receiver.url)

            world.sync(other_connection, only="pull")
            world.sync(only="pull")

            deliver(world)
            events = integration.get("/events").json()["data"]
            log = integration.get("/webhook_deliveries").json()["data"]
            seen = integration.get("/webhook_subscriptions").json()["data"]
        assert [event["entity_id"] for event in events] == [str(world.entity_id)]
        assert [line["status"] for line in log] == ["delivered"]
        assert len(seen) == 1
        assert len(receiver.requests) == 1
        assert len(manager.get("/events").json()["data"]) == 2
        assert len(manager.get("/webhook_subscriptions").json()["data"]) == 2

    def test_a_token_of_another_list_or_organisation_is_refused(
        self, world: World, manager: httpx.Client
    ) -> None:
        for _ in range(2):
            subscribed(manager)
        page = manager.get("/webhook_subscriptions", params={"limit": 1}).json()
        token = {"pagination_token": page["next_pagination_token"]}

        assert manager.get("/events", params=token).status_code == 400
        with world.client(world.credential(organisation="Other")) as other:
            assert other.get("/webhook_subscriptions", params=token).status_code == 400


class TestDeliveries:
    def test_what_happened_is_delivered_logged_and_replayed(
        self, world: World, manager: httpx.Client, receiver: Receiver
    ) -> None:
        allow(world, receiver)
        made = subscribed(manager, object_type="accounting_connection", url=receiver.url)
        connections.disconnect(world.runtime.engine, world.connection_id, actor="test")
        assert deliver(world) == 1

        (line,) = manager.get("/webhook_deliveries", params={"status": "delivered"}).json()["data"]
        again = manager.post(f"/webhook_deliveries/{line['id']}/replay")
        deliver(world)

        assert again.status_code == 202
        assert again.json()["replay_of"] == line["id"]
        assert line["action"] == "accounting_connection.disconnected"
        assert (line["was_successful"], line["response_status_code"]) == (True, 200)
        assert len(receiver.verified(made["secret"])) == 2
        assert receiver.ids == [line["event_id"]] * 2
        (event,) = manager.get("/events").json()["data"]
        assert event["id"] == line["event_id"]
        assert event["object"]["status"] == "disconnected"

    def test_a_workers_tick_delivers(
        self,
        world: World,
        manager: httpx.Client,
        receiver: Receiver,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        allow(world, receiver)
        subscribed(manager, url=receiver.url)
        world.sync(only="pull")
        monkeypatch.setattr(app, "_process", {"runtime": world.runtime})

        tasks._sender.cache_clear()
        celery.tasks[DELIVER].apply()
        tasks._sender.cache_clear()

        assert len(receiver.requests) == 1
        tick = schedule.ticks(world.runtime.settings)["deliver"]
        assert (tick["task"], tick["schedule"]) == (DELIVER, 5.0)
        assert tick["options"] == {"queue": "maintenance", "expires": 4.0}

    def test_secrets_outlive_a_change_of_keys(
        self, world: World, manager: httpx.Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = subscribed(manager)
        old = os.environ["LEDGERBRIDGE_CREDENTIALS_KEYS"]
        new = new_key()
        monkeypatch.setenv("LEDGERBRIDGE_CREDENTIALS_KEYS", f"{new},{old}")

        assert CliRunner().invoke(cli, ["keys", "rotate"]).exit_code == 0

        with world.runtime.begin() as work:
            ((_, sealed),) = work.webhooks.all_sealed()
        assert KeyRing([new]).open(sealed) == {"secret": made["secret"]}

    def test_filters(self, world: World, manager: httpx.Client) -> None:
        mine = subscribed(manager)
        subscribed(manager)
        world.sync(only="pull")

        def count(**filters: str) -> int:
            return len(manager.get("/webhook_deliveries", params=filters).json()["data"])

        (event,) = manager.get("/events").json()["data"]
        assert count() == 2
        assert count(webhook_subscription_id=mine["id"]) == 1
        assert count(event_id=event["id"]) == 2
        assert count(status="pending") == 2
        assert count(status="failed") == 0
        assert count(object_type="issue") == 0
        assert count(event_action="finished") == 2
        assert manager.get("/webhook_deliveries", params={"status": "?"}).status_code == 422
