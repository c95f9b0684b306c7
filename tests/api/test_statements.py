"""How many statements a request may take: each is a round trip to the database."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy

from tests.api.world import World
from tests.factories import a_contact, an_invoice


@contextlib.contextmanager
def counted(world: World) -> Iterator[list[str]]:
    """The statements that the API sends within the block."""
    seen: list[str] = []

    def note(_1: object, _2: object, statement: str, *_: object) -> None:
        seen.append(statement)

    database = world.runtime.database
    sqlalchemy.event.listen(database, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sqlalchemy.event.remove(database, "before_cursor_execute", note)


def _as_json(record: Any) -> Any:
    return record.model_dump(mode="json", exclude_defaults=True) | {"type": record.type.value}


class TestUpsert:
    def test_a_new_document_takes_six(self, world: World) -> None:
        invoice = an_invoice(id="I-1")

        with world.client() as client, counted(world) as seen:
            answer = client.put("documents/invoice/I-1", json=_as_json(invoice))

        # Rights and entity; store; moved elsewhere?; ledger; queue; show.
        assert (answer.status_code, len(seen)) == (201, 6)

    def test_a_changed_one_takes_five(self, world: World) -> None:
        world.hand_in(a_contact(id="C-1", name="Old"))
        contact = a_contact(id="C-1", name="New")

        with world.client() as client, counted(world) as seen:
            answer = client.put("documents/contact/C-1", json=_as_json(contact))

        assert (answer.status_code, len(seen)) == (200, 5)

    def test_an_unchanged_one_takes_three(self, world: World) -> None:
        world.hand_in(invoice := an_invoice(id="I-1"))

        with world.client() as client, counted(world) as seen:
            answer = client.put("documents/invoice/I-1", json=_as_json(invoice))

        assert (answer.json()["outcome"], len(seen)) == ("unchanged", 3)


def test_a_sync_is_triggered_with_four(world: World) -> None:
    path = f"accounting_connections/{world.connection_id}/sync"

    with world.client() as client, counted(world) as seen:
        answer = client.post(path)

    # Rights and entity; connection; what was read before; queue and move the clock.
    assert (answer.status_code, len(seen)) == (202, 4)


def test_a_sync_that_goes_on_already_takes_no_more(world: World) -> None:
    path = f"accounting_connections/{world.connection_id}/sync"

    with world.client() as client:
        first = client.post(path).json()
        with counted(world) as seen:
            again = client.post(path).json()

    assert (again["run_id"], len(seen)) == (first["run_id"], 4)


@pytest.mark.parametrize(
    "path",
    [
        "accounting_synced_records?object_type=bill",
        "accounting_synced_records?object_type=bill&created_at__gt=2026-01-01T00:00:00Z",
        "log?status=pending",
        "documents?status=open",
        "runs",
        "issues",
    ],
)
def test_a_page_takes_one_beside_the_rights(world: World, path: str) -> None:
    world.hand_in(an_invoice())

    with world.client() as client, counted(world) as seen:
        answer = client.get(path)

    assert (answer.status_code, len(seen)) == (200, 2)
