"""The same request twice: answered as before, and done once."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy

from models.repositories import Old
from sync import idempotency, sweep
from sync.idempotency import Answer, KeyInUseError
from tests.api.test_documents import as_json, own_rows, rows
from tests.api.world import World
from tests.factories import an_invoice


def sends(client: httpx.Client, key: str = "k", **changes: Any) -> httpx.Response:
    """Hand in an invoice under a key."""
    return client.post(
        "/documents", json=as_json(an_invoice(), **changes), headers={"Idempotency-Key": key}
    )


def age(world: World, by: timedelta) -> None:
    """Let time pass for the keys."""
    with world.runtime.database.begin() as connection:
        connection.execute(
            sqlalchemy.text("UPDATE idempotency_keys SET created_at = created_at - :by"),
            {"by": by},
        )


def test_the_first_answer_is_given_again(world: World) -> None:
    with world.client() as client:
        first = sends(client)
        client.put("/documents/invoice/I-1", json=as_json(an_invoice(note="later")))
        again = sends(client)

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert own_rows(world)[0].body["note"] == "later"


@pytest.mark.parametrize("path", ["/documents", "/documents/payments", "/documents/bulk"])
def test_the_key_of_another_request_is_refused(world: World, path: str) -> None:
    with world.client() as client:
        client.post("/documents/bulk", json={"documents": [1]}, headers={"Idempotency-Key": "k"})
        content = as_json(an_invoice()) if path == "/documents" else {"documents": [2]}
        if path == "/documents/payments":
            content = {"id": "x", "side": "customer", "date": "2026-01-01", "amount": 1}
            content["currency"] = "EUR"
        answer = client.post(path, json=content, headers={"Idempotency-Key": "k"})

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["header", "Idempotency-Key"]
    assert own_rows(world) == []


def test_a_key_is_one_clients_own(world: World) -> None:
    with world.client() as one, world.client() as other:
        first = sends(one)
        second = sends(other)

    assert (first.status_code, second.status_code) == (201, 200)
    assert "idempotency-replayed" not in second.headers


def test_a_key_is_for_one_entity(world: World) -> None:
    credential = world.credential(manage=True)
    with world.client(credential) as client:
        sends(client)
    with world.client(credential, entity_id=world.entity("DE")) as client:
        assert sends(client).status_code == 422


def test_a_key_is_free_after_a_day(world: World) -> None:
    with world.client() as client:
        sends(client)
        age(world, timedelta(hours=25))
        later = sends(client, number="other")

    assert (later.status_code, later.json()["outcome"]) == (200, "changed")


def test_a_refused_request_may_be_mended_under_its_key(world: World) -> None:
    world.hand_in(an_invoice())
    with world.client() as client:
        too_much, mended = (
            client.post(
                "/documents/invoice/I-1/mark-as-paid",
                json={"date": "2026-03-20", "amount": amount},
                headers={"Idempotency-Key": "k"},
            )
            for amount in ("1000", "100")
        )

    assert (too_much.status_code, mended.status_code) == (409, 201)


def test_while_the_first_is_running_a_second_is_told_to_wait(world: World) -> None:
    with world.client() as client:
        sends(client)
        with world.runtime.database.begin() as connection:
            connection.exec_driver_sql("UPDATE idempotency_keys SET status_code = NULL")
        running = sends(client)
        age(world, timedelta(minutes=11))
        taken_over = sends(client)

    assert running.status_code == 409
    assert running.json()["error"]["type"] == "request_running"
    assert running.headers["retry-after"] == "1"
    assert taken_over.status_code == 200


def test_only_one_of_two_does_it(world: World) -> None:
    client_id = UUID(world.credential()[0])
    begin = world.runtime.begin
    second: list[type[BaseException]] = []

    def act() -> Answer:
        try:
            idempotency.once(begin, client_id, "k", "h", lambda: Answer(200, {"by": "second"}))
        except KeyInUseError as error:
            second.append(type(error))
        return Answer(200, {"by": "first"})

    answer = idempotency.once(begin, client_id, "k", "h", act)
    again = idempotency.once(begin, client_id, "k", "h", act)

    assert second == [KeyInUseError]
    assert (answer.body, again.body) == ({"by": "first"}, {"by": "first"})
    assert again.repeated


def test_a_request_that_broke_leaves_its_key_free(world: World) -> None:
    client_id = UUID(world.credential()[0])

    def breaks() -> Answer:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        idempotency.once(world.runtime.begin, client_id, "k", "h", breaks)

    assert rows(world, "idempotency_keys") == []


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_that_is_empty_or_too_long_is_refused(world: World, key: str) -> None:
    with world.client() as client:
        assert sends(client, key).status_code == 422
    assert own_rows(world) == []


def test_old_keys_are_swept_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with world.client() as client:
        sends(client)
    assert sweep.tidy(world.runtime.engine) == {}

    monkeypatch.setattr(idempotency, "KEPT", timedelta(0))

    assert sweep.tidy(world.runtime.engine) == {Old.KEYS: 1}
