"""Changing the keys while workers run: nothing stops, and nothing that was renewed is lost."""

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
import sqlalchemy

from connectors.base import CallScope
from connectors.memory.simulator import PlainLedger
from models.crypto import KeyRing, UnreadableSecretError, new_key
from models.unit_of_work import Begin
from sync import connections
from tests.cli.conftest import Run
from tests.consent import Desk, a_desk
from tests.factories import SETTINGS, a_contact, an_invoice
from tests.flows.journey import Journey
from tests.stack import Stack

OLD, NEW = new_key(), new_key()
BOTH = f"{NEW},{OLD}"


@pytest.fixture
def ledger() -> PlainLedger:
    """An easy-going ledger."""
    return PlainLedger()


@pytest.fixture
def journey(stack: Stack, ledger: PlainLedger) -> Iterator[Journey]:
    """A billing entity connected to it, under the old key."""
    stack.environment["LEDGERBRIDGE_CREDENTIALS_KEYS"] = OLD
    with ledger.running() as url:
        journey = Journey.begin(
            stack,
            "memory",
            base_url=url,
            credentials={"api_key": ledger.rules.api_key},
            settings=SETTINGS,
        )
        yield journey
        journey.runtime.close()


def opens_with_the_new_key_alone(begin: Begin) -> bool:
    with begin() as work:
        stored = [held.sealed for _, held in work.connections.all_sealed()]
    for sealed in stored:
        assert KeyRing([NEW]).open(sealed)
        with pytest.raises(UnreadableSecretError):
            KeyRing([OLD]).open(sealed)
    return bool(stored)


def test_keys_are_changed_while_workers_work(
    stack: Stack,
    journey: Journey,
    ledger: PlainLedger,
    ledgerbridge: Run,
    begin: Begin,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stack.environment["LEDGERBRIDGE_CREDENTIALS_KEYS"] = BOTH
    worker = stack.start_worker()
    monkeypatch.setenv("LEDGERBRIDGE_CREDENTIALS_KEYS", BOTH)
    monkeypatch.setenv("LEDGERBRIDGE_ALLOWED_BASE_URLS", ledger.base_url)
    over = threading.Event()

    def load() -> None:
        number = 0
        while not over.wait(0.05):
            journey.hand_in(*(an_invoice(f"I-{number + one}") for one in range(3)))
            number += 3

    journey.hand_in(a_contact())
    product = threading.Thread(target=load)
    product.start()
    for _ in range(8):
        assert ledgerbridge("keys", "rotate").code == 0
    over.set()
    product.join()
    journey.settle()
    stack.kill(worker)

    assert set(journey.statuses()) == {"done"}
    assert opens_with_the_new_key_alone(begin)
    stack.environment["LEDGERBRIDGE_CREDENTIALS_KEYS"] = NEW  # the old one is dropped
    stack.start_worker()
    journey.hand_in(a_contact("C-2"))
    journey.settle()
    assert set(journey.statuses()) == {"done"}
    assert ledger.twice() == []


def test_a_token_that_is_renewed_meanwhile_is_not_overwritten_by_the_older_one(
    begin: Begin,
    database: sqlalchemy.Engine,
    ledgerbridge: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LEDGERBRIDGE_CREDENTIALS_KEYS", BOTH)
    desk = with_keys(a_desk(begin, database), OLD)  # a refresh token works once
    row = desk.connected()
    desk = with_keys(desk, BOTH)
    over = threading.Event()
    renewals: list[str] = []

    def work() -> None:
        while not over.is_set():
            desk.let_end_for_good()
            connector = connections.open_for(desk.engine, row, CallScope("test"))
            renewals.append(connector.check().organisation_id)

    worker = threading.Thread(target=work)
    worker.start()
    for _ in range(12):
        assert ledgerbridge("keys", "rotate").code == 0
    over.set()
    worker.join(20)

    assert len(renewals) > 12
    assert set(renewals) == {desk.ledger.rules.organisation_id}
    assert opens_with_the_new_key_alone(begin)


def with_keys(desk: Desk, keys: str) -> Desk:
    """The same with other keys."""
    opener = replace(desk.opener, keys=KeyRing(keys.split(",")))
    engine = replace(desk.engine, open_connector=opener.open, renew=opener.renew)
    return replace(desk, opener=opener, engine=engine)
