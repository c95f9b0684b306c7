"""Paging tokens: nothing lost, nothing twice, and nothing but what was given out."""

import base64
from typing import Any

import httpx
import pytest
import sqlalchemy

from tests.api.world import World
from tests.factories import a_contact, a_supplier

RECORDS = "/accounting_synced_records"


@pytest.fixture
def ten(world: World) -> World:
    """Ten customers, all made at the same moment."""
    world.hand_in(*(a_contact(f"C-{number}") for number in range(10)))
    return world


def page(client: httpx.Client, token: str | None = None, **query: Any) -> dict[str, Any]:
    """One page."""
    given = query | ({"pagination_token": token} if token else {})
    answer = client.get(RECORDS, params=given)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def names(body: dict[str, Any]) -> list[str]:
    """Whom a page shows."""
    return [one["external_id"] for one in body["data"]]


def same_moment(database: sqlalchemy.Engine) -> None:
    """Let all records have been made and changed at once: only ids tell them apart."""
    with database.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE synced_records SET created_at = '2026-03-01T12:00:00.123456Z', "
            "updated_at = '2026-03-01T12:00:00.123456Z'"
        )


@pytest.mark.parametrize("sort", ["created_at", "updated_at"])
@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 3, 5, 10, 11])
def test_equal_sort_values_are_neither_lost_nor_repeated(
    ten: World, database: sqlalchemy.Engine, sort: str, order: str, limit: int
) -> None:
    same_moment(database)
    with ten.client() as client:
        shown = page(client, sort=sort, order=order, limit=limit)
        seen = names(shown)
        while token := shown["next_pagination_token"]:
            shown = page(client, token, limit=limit)
            seen += names(shown)
        back = names(shown)
        while token := shown["prev_pagination_token"]:
            shown = page(client, token, limit=limit)
            back = names(shown) + back

    assert sorted(seen) == [f"C-{number}" for number in range(10)]
    assert back == seen
    assert shown["prev_pagination_token"] is None


def test_a_token_carries_the_query_and_the_limit_is_the_requests(ten: World) -> None:
    ten.hand_in(a_supplier())
    with ten.client() as client:
        first = page(client, object_type="customer", order="desc", limit=4)
        token = first["next_pagination_token"]
        plain = page(client, token)
        beside = page(client, token, object_type="vendor", order="asc", limit=2)

    assert names(plain)[:2] == names(beside)
    assert len(names(plain)) == 6
    assert not set(names(plain)) & {"S-1", *names(first)}


def test_rows_that_come_and_change_while_a_client_pages_shift_nothing(ten: World) -> None:
    with ten.client() as client:
        first = page(client, limit=5)
        ten.hand_in(a_contact("NEW"), a_contact("C-0", name="Renamed"))
        second = page(client, first["next_pagination_token"], limit=50)

    assert sorted(names(first) + names(second)) == sorted(
        [*(f"C-{number}" for number in range(10)), "NEW"]
    )


def test_a_page_that_became_empty_leads_back(ten: World, database: sqlalchemy.Engine) -> None:
    with ten.client() as client:
        shown = page(client, limit=9, sort="updated_at")
        token = shown["next_pagination_token"]
        with database.begin() as connection:  # the row behind it moves to the front
            connection.execute(
                sqlalchemy.text(
                    "UPDATE synced_records SET updated_at = '2026-01-01T00:00:00Z' "
                    "WHERE NOT id = ANY(:ids)"
                ),
                {"ids": [one["id"] for one in shown["data"]]},
            )
        empty = page(client, token, limit=9)
        again = page(client, empty["prev_pagination_token"], limit=9)

    assert (empty["data"], empty["next_pagination_token"]) == ([], None)
    assert names(again) == names(shown)


def _bitten(token: str) -> list[str]:
    raw = bytearray(base64.urlsafe_b64decode(token))
    raw[len(raw) // 2] ^= 1
    return [
        token[:-1],
        token[1:],
        token + "A",
        base64.urlsafe_b64encode(raw).decode(),
        "",
        "x",
        "é",
        "\x00",
        "eyJvcmRlciI6ImFzYyJ9",
        "A" * 19_999,
    ]


def test_damaged_tokens_are_refused_and_never_mean_page_one(ten: World) -> None:
    with ten.client() as client:
        token = page(client, limit=2)["next_pagination_token"]
        for damaged in _bitten(token):
            answer = client.get(RECORDS, params={"pagination_token": damaged})

            assert answer.status_code == 400, damaged
            assert answer.json()["error"]["type"] == "invalid_pagination_token"
        too_long = client.get(RECORDS, params={"pagination_token": "A" * 20_001})
        assert too_long.status_code == 422


def test_tokens_of_other_lists_entities_and_uses_are_refused(ten: World) -> None:
    stranger = ten.entity("XX", organisation="Other")
    theirs = ten.connect(stranger)
    with ten.client(ten.credential(connection_id=theirs), entity_id=stranger) as other:
        foreign = other.get("/ledger_accounts", params={"limit": 2}).json()
    with ten.client() as client:
        rates = client.get("/accounting_tax_rates", params={"limit": 2}).json()
        accounts = client.get("/ledger_accounts", params={"limit": 2}).json()
        access_token = client.headers["Authorization"].removeprefix("Bearer ")
        for path, token in (
            (RECORDS, rates["next_pagination_token"]),
            ("/accounting_tax_rates", accounts["next_pagination_token"]),
            ("/ledger_accounts", rates["next_pagination_token"]),
            ("/ledger_accounts", foreign["next_pagination_token"]),
            (RECORDS, access_token),
        ):
            answer = client.get(path, params={"pagination_token": token})

            assert answer.status_code == 400
            assert answer.json()["error"]["type"] == "invalid_pagination_token"


def test_a_paging_token_opens_no_door(ten: World) -> None:
    with ten.client() as client:
        token = page(client, limit=2)["next_pagination_token"]
        answer = client.get(RECORDS, headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == 401
