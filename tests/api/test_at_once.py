"""Two requests at the same moment: one wins, the other is told so, and nothing is done twice.

A transaction of the test holds what both need until both wait for it; then they race for real.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import httpx
import sqlalchemy
from sqlalchemy.orm import Session

from models.canonical import ObjectType
from models.unit_of_work import UnitOfWork
from tests.api.test_documents import as_json, own_rows
from tests.api.world import World, waiting_for_others
from tests.factories import a_contact, an_invoice
from tests.stack import wait_until

DAY = "2026-03-31"
Ask = Callable[[httpx.Client], httpx.Response]


def at_once(
    world: World,
    database: sqlalchemy.Engine,
    held: AbstractContextManager[Any],
    *requests: Ask,
) -> list[httpx.Response]:
    """Send requests that all wait for what is held, then let it go; their answers."""
    with world.client() as client, ThreadPoolExecutor(len(requests)) as pool:
        with held:
            asked = [pool.submit(request, client) for request in requests]
            assert wait_until(lambda: waiting_for_others(database) == len(requests), seconds=10)
        return [one.result() for one in asked]


@contextmanager
def locked(world: World) -> Iterator[None]:
    """The row of invoice I-1 in a transaction of ours."""
    with world.runtime.begin() as work:
        assert work.handed_in.lock(world.entity_id, ObjectType.INVOICE, "I-1")
        yield


@contextmanager
def made(world: World, database: sqlalchemy.Engine) -> Iterator[None]:
    """Invoice I-1 in a transaction of ours that comes to nothing."""
    with Session(database) as session:
        record = an_invoice("I-1", number="of the test")
        UnitOfWork(session).documents.upsert(world.entity_id, None, [record])
        yield
        session.rollback()


def pay(payment_id: str) -> Ask:
    """Mark invoice I-1 as paid as a whole."""
    body = {"id": payment_id, "date": DAY}
    return lambda client: client.post("/documents/invoice/I-1/mark-as-paid", json=body)


def put(number: str, **headers: str) -> Ask:
    """Store invoice I-1 with a number, on a condition."""
    body = as_json(an_invoice("I-1", number=number))
    return lambda client: client.put("/documents/invoice/I-1", json=body, headers=headers)


class TestAtOnce:
    def test_two_payments_of_the_whole_amount_make_one(
        self, world: World, database: sqlalchemy.Engine
    ) -> None:
        world.hand_in(a_contact(), an_invoice())

        answers = at_once(world, database, locked(world), pay("Z-1"), pay("Z-2"))

        won, lost = sorted(answers, key=lambda answer: answer.status_code)
        assert (won.status_code, lost.status_code) == (201, 409)
        assert lost.json()["error"]["message"] == "nothing is open of Invoice INV-I-1"
        payments = [row for row in own_rows(world) if row.type == "payment"]
        assert [row.external_id for row in payments] == [won.json()["external_id"]]

    def test_the_same_payment_twice_is_one(self, world: World, database: sqlalchemy.Engine) -> None:
        world.hand_in(a_contact(), an_invoice())

        answers = at_once(world, database, locked(world), pay("Z-1"), pay("Z-1"))

        assert sorted(answer.json()["outcome"] for answer in answers) == ["created", "unchanged"]

    def test_of_two_that_must_be_the_first_one_is(
        self, world: World, database: sqlalchemy.Engine
    ) -> None:
        first = {"If-None-Match": "*"}

        answers = at_once(
            world, database, made(world, database), put("A", **first), put("B", **first)
        )

        won, lost = sorted(answers, key=lambda answer: answer.status_code)
        assert (won.status_code, lost.status_code) == (201, 412)
        assert lost.json()["error"]["message"] == "the document exists already"
        assert [row.number for row in own_rows(world)] == [won.json()["number"]]

    def test_of_two_edits_of_the_same_version_one_is_made(
        self, world: World, database: sqlalchemy.Engine
    ) -> None:
        world.hand_in(an_invoice())
        with world.client() as client:
            etag = client.get("/documents/invoice/I-1").headers["ETag"]
        read = {"If-Match": etag}

        answers = at_once(world, database, locked(world), put("A", **read), put("B", **read))

        won, lost = sorted(answers, key=lambda answer: answer.status_code)
        assert (won.status_code, lost.status_code) == (200, 412)
        assert "changed since it was read" in lost.json()["error"]["message"]
        (row,) = own_rows(world)
        assert (row.number, row.version) == (won.json()["number"], 2)
