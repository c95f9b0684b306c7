"""A record whose processing always fails: its neighbours go through, and it ends with a person."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy

from connectors.base import Connector, ConnectorConfig, FindResult, PushItem, PushResult
from connectors.memory.simulator import PlainLedger, spec_for
from connectors.simulator import Answer, Fault
from models.canonical import ObjectType
from models.status import SyncStatus
from models.unit_of_work import Begin
from sync import matching_runs, prepare
from sync.references import translated
from tests.factories import SETTINGS, Bench, a_bench, a_contact, an_invoice

POISON = "I-3"
MOVING = {SyncStatus.PENDING, SyncStatus.SENDING, SyncStatus.RETRY_WAIT, SyncStatus.UNCERTAIN}


class Stumbling:
    """A connector that fails, in a way that nobody foresaw, over one document."""

    def __init__(self, inner: Connector, *, at: str, asks_first: bool = False) -> None:
        self._inner = inner
        self._at = at
        self._asks_first = asks_first

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def _stumble(self, what: str, items: Sequence[PushItem]) -> None:
        if what == self._at and any(_is_poison(item) for item in items):
            if self._asks_first:
                self._inner.check()
            raise KeyError("nobody thought of that")

    def push(self, kind: ObjectType, items: Sequence[PushItem]) -> Sequence[PushResult]:
        self._stumble("push", items)
        return self._inner.push(kind, items)

    def find(self, kind: ObjectType, items: Sequence[PushItem]) -> Sequence[FindResult]:
        self._stumble("find", items)
        return self._inner.find(kind, items)


def _is_poison(item: PushItem) -> bool:
    return getattr(item.record, "number", "") == f"INV-{POISON}"


@pytest.fixture
def make(begin: Begin, database: sqlalchemy.Engine) -> Callable[..., Bench]:
    """A bench whose connector stumbles."""

    def made(**how: Any) -> Bench:
        ledger = PlainLedger()
        spec = spec_for(ledger)
        if how:
            build = spec.build

            def stumbling(config: ConnectorConfig) -> Connector:
                return Stumbling(build(config), **how)

            spec = replace(spec, build=stumbling)
        bench = a_bench(begin, database, ledger=ledger, spec=spec)
        bench.hand_in(a_contact(), *(an_invoice(f"I-{number}") for number in range(6)))
        return bench

    return made


def work_for_days(bench: Bench) -> int:
    """What workers and the sweeper do, until nothing moves; how many rounds that took."""
    for number in range(80):
        if not {line.status for line in bench.lines()} & MOVING:
            return number
        bench.sweep()
        bench.recover()
        bench.push()
        bench.pass_time(timedelta(hours=6))
    return 80


def judge(bench: Bench, *, code: str) -> None:
    assert work_for_days(bench) < 80
    by_id = {line.external_id: line for line in bench.lines()}
    poison = by_id.pop(POISON)
    assert {line.status for line in by_id.values()} == {SyncStatus.DONE}
    assert poison.status is SyncStatus.REJECTED
    assert poison.issue_id is not None
    assert (code, 1) in [(issue, number) for issue, _, number in bench.issues()]
    assert bench.ledger.twice() == []


def test_a_connector_that_fails_before_it_asks_anything(make: Callable[..., Bench]) -> None:
    bench = make(at="push")

    bench.push()

    assert bench.status("I-2") is bench.status("I-4") is SyncStatus.DONE
    judge(bench, code="bug")
    assert bench.ledger.documents(ObjectType.INVOICE)


def test_a_connector_that_fails_after_it_has_asked_something(make: Callable[..., Bench]) -> None:
    bench = make(at="push", asks_first=True)

    judge(bench, code="gave_up")


def test_a_ledger_that_fails_over_every_batch_with_one_document(
    make: Callable[..., Bench],
) -> None:
    bench = make()
    bench.ledger.faults.arm(
        Fault.ERROR_BEFORE, method="POST", path="/invoices", body=f"INV-{POISON}", times=999
    )

    judge(bench, code="gave_up")


def test_a_look_up_that_fails_over_one_document(make: Callable[..., Bench]) -> None:
    bench = make(at="find")
    bench.ledger.faults.arm(Fault.DROP_AFTER, method="POST", path="/invoices")

    judge(bench, code="outcome_unclear")


def test_a_document_that_cannot_be_prepared(
    make: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumbles(document: Any, *given: Any) -> Any:
        if document.id == POISON:
            raise ZeroDivisionError
        return translated(document, *given)

    monkeypatch.setattr(prepare, "translated", stumbles)
    monkeypatch.setattr(matching_runs, "translated", stumbles)
    bench = make()

    assert bench.run().status == "partial"

    assert bench.status("I-2") is bench.status("I-4") is SyncStatus.DONE
    judge(bench, code="bug")


@pytest.fixture
def spoiled(make: Callable[..., Bench], database: sqlalchemy.Engine) -> Bench:
    """One document was stored by a version that knew more, or less, than this one."""
    bench = make()
    spoil(database)
    return bench


def spoil(database: sqlalchemy.Engine) -> None:
    with database.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE documents SET body = body || '{\"surprise\": 1}' WHERE external_id = %s",
            (POISON,),
        )


def test_a_document_that_cannot_be_read(spoiled: Bench) -> None:
    spoiled.push()

    assert spoiled.status("I-2") is spoiled.status("I-4") is SyncStatus.DONE
    judge(spoiled, code="bug")


def test_a_whole_run_with_a_document_that_cannot_be_read(spoiled: Bench) -> None:
    finished = spoiled.run()

    assert finished.status == "partial"
    judge(spoiled, code="bug")


def test_a_document_that_cannot_be_read_any_more_is_not_sent_again_unseen(
    make: Callable[..., Bench], database: sqlalchemy.Engine
) -> None:
    bench = make()
    bench.ledger.faults.arm(Fault.DROP_AFTER, method="POST", path="/invoices")
    bench.push()
    spoil(database)
    bench.pass_time(timedelta(minutes=1))

    bench.recover()

    assert bench.status("I-2") is SyncStatus.DONE
    assert bench.status(POISON) is SyncStatus.UNCERTAIN
    assert ("bug", 1) in [(issue, number) for issue, _, number in bench.issues()]


@pytest.mark.parametrize("odd", ["\x00", "\ud800"], ids=["NUL", "half a character"])
class TestCharactersThatNoDatabaseHolds:
    def test_in_an_answer_to_a_write(self, make: Callable[..., Bench], odd: str) -> None:
        bench = make()

        def spoil(answer: Answer) -> Answer:
            body = json.loads(answer.content())
            body["results"][0] |= {"number": f"N{odd}1", "version": f"1{odd}"}
            return replace(answer, body=json.dumps(body).encode())

        bench.ledger.faults.arm(Fault.CHANGED, method="POST", path="/invoices", change=spoil)

        bench.push()

        assert {line.status for line in bench.lines()} == {SyncStatus.DONE}

    def test_in_something_that_is_read(self, make: Callable[..., Bench], odd: str) -> None:
        bench = make()
        for name in ("first", "spoiled", "last"):
            bench.ledger.enter(a_contact(name, name=name))

        def spoil(answer: Answer) -> Answer:
            spelled = json.dumps(f"spoi{odd}led").encode()
            return replace(answer, body=answer.content().replace(b'"spoiled"', spelled))

        bench.ledger.faults.arm(
            Fault.CHANGED, method="GET", path="/contacts", change=spoil, times=99
        )

        assert bench.run(only="pull").status == "done"

        with bench.begin() as work:
            known = work.documents.listing(kind=ObjectType.CONTACT)
        assert {"first", "last", "spoi\ufffdled"} <= {one.name for one in known}


class TestConnections:
    """A connection that cannot be used any more: no neighbours, but a person all the same."""

    def told(self, bench: Bench) -> list[tuple[str, str]]:
        with bench.begin() as work:
            return [
                (issue.code, issue.actor) for issue, _ in work.issues.listing(bench.connection_id)
            ]

    @pytest.fixture(params=["address", "settings"])
    def unusable(
        self, request: pytest.FixtureRequest, make: Callable[..., Bench]
    ) -> tuple[Bench, Callable[[], None]]:
        bench = make()
        opener = bench.opener

        def write(settings: str) -> None:
            with bench.database.begin() as connection:
                connection.exec_driver_sql(
                    "UPDATE connections SET settings = CAST(%s AS jsonb)", (settings,)
                )

        if request.param == "settings":
            good = json.dumps(SETTINGS)
            write('{"from_another_version": true}')
            return bench, lambda: write(good)
        now = replace(opener, allowed_base_urls=())
        bench.engine = replace(bench.engine, open_connector=now.open)

        def mend() -> None:
            bench.engine = replace(bench.engine, open_connector=opener.open)

        return bench, mend

    def test_a_person_is_told_and_then_it_goes_on(
        self, unusable: tuple[Bench, Callable[[], None]]
    ) -> None:
        bench, mend = unusable

        bench.push()
        first = self.told(bench)
        bench.pass_time(timedelta(hours=1))
        bench.run()
        again = self.told(bench)
        mend()
        bench.pass_time(timedelta(hours=1))
        bench.push()

        assert first == again == [("connection_not_usable", "administrator")]
        assert self.told(bench) == []
        assert {line.status for line in bench.lines()} == {SyncStatus.DONE}
