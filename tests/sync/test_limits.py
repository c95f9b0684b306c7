"""What providers allow is kept while documents are moved, and nothing fails because of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy

from connectors.base import ConnectorSpec, Limits, LimitScope
from connectors.memory import SPEC
from models.canonical import ObjectType
from models.status import SyncStatus
from models.tables import ConnectionRow, RunStatus
from models.unit_of_work import Begin
from sync import connections, sweep
from sync.allowances import whose
from tests.consent import Hints
from tests.factories import Bench, a_bench, a_contact
from worker.allowances import SharedAllowances


@pytest.fixture
def bench(begin: Begin, database: sqlalchemy.Engine) -> Bench:
    return a_bench(begin, database)


def keep(bench: Bench, limits: Limits) -> None:
    """Let a bench keep within these limits from now on, by the tests' clock."""
    spec = replace(bench.spec, limits=limits)
    allowances = SharedAllowances(lambda: None, clock=lambda: bench.passed[0])
    opener = replace(bench.opener, spec=lambda _: spec, allowances=allowances)
    bench.spec, bench.opener = spec, opener
    bench.engine = replace(bench.engine, spec=lambda _: spec, open_connector=opener.open)


def parked_until(bench: Bench) -> datetime | None:
    with bench.begin() as work:
        return connections.get(work, bench.connection_id).parked_until


class TestWhose:
    HOST = "api.ledger.test"

    def spec(self, scope: LimitScope) -> ConnectorSpec:
        return replace(SPEC, hosts=frozenset({self.HOST}), limits=Limits(per_day=9, scope=scope))

    def connection(self, organisation: str = "org-1", consent: UUID | None = None) -> ConnectionRow:
        return ConnectionRow(
            id=uuid4(), consent_id=consent or uuid4(), platform_organisation_id=organisation
        )

    def names(
        self, scope: LimitScope, *connections: ConnectionRow, url: str = "https://api.ledger.test"
    ) -> int:
        """How many allowances some connections have."""
        return len({whose(self.spec(scope), url, each) for each in connections})

    def test_an_organisation_is_counted_across_connections_and_credentials(self) -> None:
        assert self.names(LimitScope.TENANT, self.connection(), self.connection()) == 1
        assert self.names(LimitScope.TENANT, self.connection("a"), self.connection("b")) == 2

    def test_organisations_that_are_not_known_yet_are_counted_apart(self) -> None:
        assert self.names(LimitScope.TENANT, self.connection(""), self.connection("")) == 2

    def test_a_registration_is_counted_across_everything(self) -> None:
        assert self.names(LimitScope.APP, self.connection("a"), self.connection("b")) == 1

    def test_credentials_are_counted_across_their_organisations(self) -> None:
        one = uuid4()
        same = (self.connection("a", one), self.connection("b", one))

        assert self.names(LimitScope.CONSENT, *same) == 1
        assert self.names(LimitScope.CONSENT, *same, self.connection("a")) == 2

    def test_a_sandbox_somewhere_else_has_limits_of_its_own(self) -> None:
        spec, row = self.spec(LimitScope.APP), self.connection()
        urls = [
            f"https://{self.HOST}",
            f"https://{self.HOST}/v2/",
            "http://127.0.0.1:8001",
            "http://127.0.0.1:8002",
        ]

        assert len({whose(spec, url, row) for url in urls}) == 3


class TestRuns:
    def test_a_run_pauses_while_the_minute_is_used_up_and_goes_on_by_itself(
        self, bench: Bench
    ) -> None:
        keep(bench, Limits(per_minute=5))
        before = bench.passed[0]

        run = bench.run(only="pull")

        assert run.status is RunStatus.DONE
        assert bench.passed[0] - before > 60
        assert parked_until(bench) is None
        assert bench.issues() == []

    def test_reads_that_used_up_their_day_leave_pushes_alone(self, bench: Bench) -> None:
        bench.hand_in(a_contact())
        with bench.database.begin() as database:
            database.exec_driver_sql("UPDATE connections SET schedule = '7d'")
        keep(bench, Limits(per_day=10, kept_for_pushes=0.6))

        run = bench.run(only="pull")

        assert run.status is RunStatus.PARKED
        assert "used up (day)" in run.sentence
        with bench.begin() as work:
            connection = connections.get(work, bench.connection_id)
            comes_back = connection.next_sync_at - work.connections.now()
        assert timedelta(hours=22) < comes_back <= timedelta(hours=26)
        assert parked_until(bench) is None
        bench.push()
        assert {line.status for line in bench.lines()} == {SyncStatus.DONE}


def test_a_push_beyond_what_is_allowed_waits_and_fails_nothing(bench: Bench) -> None:
    bench.hand_in(*(a_contact(id=f"C-{number}") for number in range(3)))
    spec = replace(
        bench.spec,
        types={
            kind: replace(types, push=types.push and replace(types.push, batch_size=1))
            for kind, types in bench.spec.types.items()
        },
    )
    bench.spec = spec
    keep(bench, Limits(per_day=3))

    bench.push()

    statuses = [line.status for line in bench.lines()]
    assert statuses.count(SyncStatus.DONE) == 2
    assert not set(statuses) - {SyncStatus.DONE, SyncStatus.RETRY_WAIT, SyncStatus.PENDING}
    assert [code for code, _, _ in bench.issues()] == ["quota_used_up"]
    until = parked_until(bench)
    assert until is not None
    with bench.begin() as work:
        assert until - work.connections.now() > timedelta(hours=23)

    hints = Hints()
    bench.engine = replace(bench.engine, hints=hints)
    assert sweep.wake(bench.engine) == 0
    bench.pass_time(until - datetime.now(UTC) + timedelta(seconds=10))  # see `parked_until`
    assert sweep.wake(bench.engine) == 1
    assert hints.told == [("push", bench.connection_id)]
    bench.push()
    assert {line.status for line in bench.lines()} == {SyncStatus.DONE}
    assert len(bench.ledger.documents(ObjectType.CONTACT)) == 3
