"""Webhooks that come in: signed by the provider, and a reason to read, nothing else."""

import json

import httpx
import pytest

from connectors.memory.webhooks import SIGNATURE, signature_of
from models.canonical import ObjectType
from models.tables import SyncRunRow, Trigger
from sync import runs
from tests.api.world import World
from tests.factories import an_invoice


def send(
    world: World, *types: str, key: str | None = None, body: bytes | None = None, to: str = ""
) -> httpx.Response:
    """The ledger tells that objects of some types have changed."""
    said = body if body is not None else json.dumps({"types": types}).encode()
    return httpx.post(
        f"{world.url}/v1/incoming/{to or world.connection_id}",
        content=said,
        headers={SIGNATURE: signature_of(key or world.ledger.rules.api_key, said)},
    )


def active(world: World) -> SyncRunRow | None:
    with world.runtime.begin() as work:
        return work.runs.active(world.connection_id)


def test_what_changed_is_pulled_and_nothing_else(world: World) -> None:
    answer = send(world, "invoice")

    run = active(world)
    assert (answer.status_code, answer.content) == (200, b"")
    assert run is not None
    assert run.trigger is Trigger.WEBHOOK
    assert run.steps == ["pull:invoice"]


def test_the_schedule_is_left_alone(world: World) -> None:
    with world.runtime.begin() as work:
        before = work.connections.locked(world.connection_id).next_sync_at

    send(world, "invoice")

    with world.runtime.begin() as work:
        assert work.connections.locked(world.connection_id).next_sync_at == before


def test_while_a_run_goes_on_the_next_one_comes_soon(world: World) -> None:
    runs.trigger_run(world.runtime.engine, world.connection_id)

    send(world, "invoice")

    with world.runtime.begin() as work:
        connection = work.connections.locked(world.connection_id)
        left = connection.next_sync_at - work.connections.now()
    assert left.total_seconds() <= 60


def test_saying_it_again_makes_no_second_run(world: World) -> None:
    send(world, "invoice")
    first = active(world)

    send(world, "invoice")

    again = active(world)
    assert first is not None
    assert again is not None
    assert again.id == first.id


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b"null", b'{"types": [[]]}', b"\xff\x00", b'{"types": 1}']
)
def test_what_is_no_webhook_is_refused(world: World, body: bytes) -> None:
    answer = send(world, body=body)

    assert answer.status_code == 401
    assert active(world) is None


def test_a_forged_one_is_refused_and_changes_nothing(world: World) -> None:
    answer = send(world, "invoice", key="somebody else's")

    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "signature_refused"
    assert active(world) is None


def test_one_that_is_changed_on_the_way_is_refused(world: World) -> None:
    said = json.dumps({"types": ["invoice"]}).encode()
    signature = signature_of(world.ledger.rules.api_key, said)

    answer = httpx.post(
        f"{world.url}/v1/incoming/{world.connection_id}",
        content=said.replace(b"invoice", b"payment"),
        headers={SIGNATURE: signature},
    )

    assert answer.status_code == 401


def test_nobody_is_told_which_connections_there_are(world: World) -> None:
    unknown = send(world, "invoice", to="01890000-0000-7000-8000-000000000000")

    assert unknown.status_code == 404


def test_one_that_is_too_large_is_refused(world: World) -> None:
    assert send(world, body=b"x" * (1024 * 1024 + 1)).status_code == 413


def test_what_it_says_is_read_from_the_ledger(world: World) -> None:
    world.hand_in(an_invoice())

    send(world, ObjectType.INVOICE.value)

    run = active(world)
    assert run is not None
    finished = runs.complete(world.runtime.engine, world.connection_id, run.id)
    assert finished.status == "done"


class TestOneAddressForAllCustomers:
    @pytest.fixture
    def app_key(self, monkeypatch: pytest.MonkeyPatch) -> str:
        """Our registration with the ledger's makers has a webhook key."""
        app = {"client_id": "us", "client_secret": "secret", "webhook_key": "whk"}
        monkeypatch.setenv("LEDGERBRIDGE_OAUTH_APPS", json.dumps({"memory": app}))
        return "whk"

    def test_it_is_read_for_whom_it_names(self, app_key: str, world: World) -> None:
        organisation = world.ledger.rules.organisation_id
        said = json.dumps({"types": ["invoice"], "organisation": organisation}).encode()

        answer = send(world, key=app_key, body=said, to="memory")

        run = active(world)
        assert answer.status_code == 200
        assert run is not None
        assert (run.trigger, run.steps) == (Trigger.WEBHOOK, ["pull:invoice"])

    def test_somebody_elses_news_is_none_of_ours(self, app_key: str, world: World) -> None:
        said = json.dumps({"types": ["invoice"], "organisation": "others"}).encode()

        assert send(world, key=app_key, body=said, to="memory").status_code == 200
        assert active(world) is None

    def test_a_forged_one_is_refused(self, app_key: str, world: World) -> None:
        assert app_key
        assert send(world, "invoice", key="guess", to="memory").status_code == 401

    @pytest.mark.parametrize("to", ["memory", "tryton", "nobody"])
    def test_without_a_key_there_is_no_such_address(self, world: World, to: str) -> None:
        assert send(world, "invoice", to=to).status_code == 404
