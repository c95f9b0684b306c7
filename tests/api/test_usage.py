"""`/usage`: files of charges over HTTP."""

import json
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import httpx
import pytest

from connectors.base import Role
from connectors.softwareone.simulator import Marketplace
from sync import connections, uploads
from sync.connections import NewConnection
from tests.api.world import VERSION, World


@pytest.fixture
def marketplace(monkeypatch: pytest.MonkeyPatch) -> Iterator[Marketplace]:
    served = Marketplace(steps_take=timedelta(0))
    with served.running() as url:
        monkeypatch.setenv("LEDGERBRIDGE_ALLOWED_BASE_URLS", url)
        yield served


@pytest.fixture
def vendor(marketplace: Marketplace, world: World) -> UUID:
    """A vendor's account of the entity."""
    new = NewConnection(
        billing_entity_id=world.entity_id,
        provider="softwareone",
        role=Role.SOURCE,
        credentials=marketplace.credentials("vendor"),
        settings={"account_role": "vendor"},
        base_url=marketplace.base_url,
        schedule="24h",
        start_date=None,
    )
    runtime = world.runtime
    return connections.add(runtime.engine, runtime.opener, new, actor="test").id


def line(marketplace: Marketplace) -> bytes:
    known = marketplace.known
    charge = {
        "externalIds": {"vendor": "E-1", "invoice": "V-1"},
        "search": {
            "source": {"type": "Subscription", "criteria": "id", "value": known.subscription},
            "item": {"criteria": "item.id", "value": known.item},
        },
        "period": {"start": "2026-10-01", "end": "2026-10-31"},
        "quantity": 1,
        "price": {"unitPP": 20.5, "PPx1": 20.5},
        "segment": "COM",
        "description": {"value1": "Usage"},
    }
    return json.dumps(charge).encode() + b"\n"


def post(world: World, vendor: UUID, marketplace: Marketplace, body: bytes) -> httpx.Response:
    token = world.token(world.credential(connection_id=vendor))
    headers = {
        "Authorization": f"Bearer {token}",
        "x-monite-entity-id": str(world.entity_id),
        "x-monite-version": VERSION,
        "content-type": "application/octet-stream",
    }
    query = {
        "connection_id": str(vendor),
        "key": "2026-10",
        "name": "october.jsonl",
        "option": f"authorization_id={marketplace.known.authorization}",
    }
    return httpx.post(f"{world.url}/v1/usage", params=query, content=body, headers=headers)


def test_a_file_is_taken_over_and_handed_in(
    marketplace: Marketplace, world: World, vendor: UUID
) -> None:
    taken = post(world, vendor, marketplace, line(marketplace))

    assert taken.status_code == 202, taken.text
    assert (taken.json()["status"], taken.json()["name"]) == ("open", "october.jsonl")
    assert marketplace.journals(external_id="2026-10") == []

    uploads.advance_due(world.runtime.engine)

    assert len(marketplace.journals(external_id="2026-10")) == 1


def test_a_bad_line_is_refused_with_its_number(
    marketplace: Marketplace, world: World, vendor: UUID
) -> None:
    refused = post(world, vendor, marketplace, line(marketplace) + b"{}\n")

    assert refused.status_code == 422
    assert refused.json()["error"]["type"] == "bad_file"
    assert "line 2" in refused.json()["error"]["message"]


def test_it_is_handed_in_once(marketplace: Marketplace, world: World, vendor: UUID) -> None:
    post(world, vendor, marketplace, line(marketplace))

    again = post(world, vendor, marketplace, line(marketplace))

    assert again.status_code == 409
    assert "is on its way" in again.json()["error"]["message"]
