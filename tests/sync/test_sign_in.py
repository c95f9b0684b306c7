"""Credentials that buy short-lived tokens: bought once for everybody, and sparingly."""

import logging
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy

from connectors.base import CallScope
from connectors.errors import AuthorizationLost, RateLimited, Unavailable
from connectors.memory.simulator import LedgerRules, PlainLedger
from connectors.simulator import Fault
from models.crypto import KeyRing, new_key
from models.repositories import Held
from models.status import SyncStatus
from models.tables import ConnectionRow, ConnectionStatus, RunStatus
from models.unit_of_work import Begin
from sync import authorizing, connections, documents, runs, tokens
from sync.opener import Opener
from tests.consent import Desk, a_desk
from tests.factories import a_contact, an_invoice
from worker import logs

BUY = "POST /sign-in"
SECRET = "plain-client-secret"


def a_desk_with(begin: Begin, database: sqlalchemy.Engine, **rules: Any) -> Desk:
    return a_desk(begin, database, PlainLedger(LedgerRules(sign_in=True, **rules)))


@pytest.fixture
def desk(begin: Begin, database: sqlalchemy.Engine) -> Desk:
    return a_desk_with(begin, database)


@pytest.fixture
def row(desk: Desk) -> ConnectionRow:
    return desk.added()


def opened(desk: Desk, row: ConnectionRow) -> str:
    return connections.open_for(desk.engine, row, CallScope("test")).check().organisation_id


def bought(desk: Desk) -> int:
    return desk.ledger.requests[BUY]


def run(desk: Desk, connection_id: UUID) -> RunStatus:
    run_id = runs.trigger_run(desk.engine, connection_id)
    return runs.complete(desk.engine, connection_id, run_id).status


@pytest.fixture
def said() -> Iterator[list[str]]:
    """Everything that is logged, as a process of ours logs it."""
    lines: list[str] = []
    logs.configure("INFO", role="test")
    keeper = logging.Handler()
    keeper.emit = lambda record: lines.append(repr(record.msg))  # type: ignore[method-assign]  # a whole class for one line
    logging.getLogger().addHandler(keeper)
    yield lines
    logging.getLogger().removeHandler(keeper)


class TestConnecting:
    def test_one_token_is_bought_and_kept_sealed_for_the_work_that_follows(
        self, desk: Desk
    ) -> None:
        row = desk.added()
        consent = desk.consent(row.id)

        assert run(desk, row.id) is RunStatus.DONE

        assert bought(desk) == 1
        assert consent.access_sealed is not None
        token = desk.opener.keys.open(consent.access_sealed)["access_token"]
        assert desk.ledger.tokens.accepts(token)
        assert token.encode() not in consent.access_sealed + consent.sealed
        assert consent.expires_at is not None

    def test_nothing_secret_is_in_the_log(self, desk: Desk, said: list[str]) -> None:
        row = desk.added()
        desk.let_end()
        assert run(desk, row.id) is RunStatus.DONE

        sealed = desk.consent(row.id).access_sealed
        assert sealed is not None
        assert any("consent.refreshed" in one for one in said)
        for secret in (SECRET, desk.opener.keys.open(sealed)["access_token"]):
            assert secret not in repr(said)

    def test_credentials_that_are_refused_are_not_stored(self, desk: Desk) -> None:
        with pytest.raises(AuthorizationLost, match="client is not known") as caught:
            desk.added(client_id="plain-client", client_secret="wrong-secret")

        assert "wrong-secret" not in repr(vars(caught.value))
        assert (desk.count("consents"), desk.count("connections"), bought(desk)) == (0, 0, 1)

    @pytest.mark.parametrize("fault", [Fault.DROP_AFTER, Fault.GARBAGE, Fault.ERROR_AFTER])
    def test_a_lost_answer_is_not_asked_for_again_by_itself(self, desk: Desk, fault: Fault) -> None:
        desk.ledger.faults.arm(fault, path="/sign-in")

        with pytest.raises(Unavailable):
            desk.added()

        assert (desk.count("connections"), bought(desk)) == (0, 1)

    def test_the_page_for_credentials_buys_one_too(self, desk: Desk) -> None:
        pending = desk.pending()
        given = {"client_id": "plain-client", "client_secret": SECRET}

        authorizing.connect(desk.engine, desk.opener, pending, given)

        assert opened(desk, desk.connection(pending.id)) == "plain-1"
        assert bought(desk) == 1


class TestSharing:
    def test_equal_credentials_share_one_token(self, desk: Desk, row: ConnectionRow) -> None:
        other = desk.added(desk.another_entity("NL"))
        desk.let_end()

        assert [opened(desk, one) for one in (row, other)] == ["plain-1"] * 2

        assert row.consent_id == other.consent_id
        assert bought(desk) == 2  # one for adding both, one renewal for both

    def test_equal_credentials_elsewhere_do_not(
        self, desk: Desk, row: ConnectionRow, database: sqlalchemy.Engine
    ) -> None:
        with database.begin() as connection:
            connection.exec_driver_sql("UPDATE connections SET base_url = 'https://example.com'")

        other = desk.added(desk.another_entity("NL"))

        assert row.consent_id != other.consent_id
        assert bought(desk) == 2

    def test_new_credentials_of_one_leave_the_other_its_own(
        self, desk: Desk, row: ConnectionRow
    ) -> None:
        other = desk.added(desk.another_entity("NL"))
        desk.ledger.change(client_secret="new-secret")

        connections.reauthorize(
            *(desk.engine, desk.opener, row.id),
            {"client_id": "plain-client", "client_secret": "new-secret"},
            actor="test",
        )

        assert bought(desk) == 2
        assert desk.connection(other.id).consent_id == other.consent_id
        assert desk.connection(row.id).consent_id != other.consent_id
        assert opened(desk, desk.connection(row.id)) == "plain-1"

    def test_the_same_credentials_given_again_cost_nothing(
        self, desk: Desk, row: ConnectionRow
    ) -> None:
        given = {"client_id": "plain-client", "client_secret": SECRET}

        connections.reauthorize(desk.engine, desk.opener, row.id, given, actor="test")

        assert (bought(desk), desk.count("consents")) == (1, 1)


class TestRenewal:
    def test_of_all_workers_that_start_at_once_one_asks(
        self, desk: Desk, row: ConnectionRow
    ) -> None:
        other = desk.added(desk.another_entity("NL"))
        desk.let_end()
        workers = [desk, desk.another_process(), desk.another_process()]
        barrier = threading.Barrier(6)
        results: list[str] = []

        def work(worker: Desk, connection: ConnectionRow) -> None:
            barrier.wait(10)
            results.append(opened(worker, connection))

        threads = [
            threading.Thread(target=work, args=(worker, connection))
            for worker in workers
            for connection in (row, other)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)

        assert results == ["plain-1"] * 6
        assert bought(desk) == 2

    def test_the_credentials_stay_when_keys_change_meanwhile(
        self, desk: Desk, row: ConnectionRow
    ) -> None:
        desk.let_end()
        renew, new = desk.opener.renew, new_key()
        ring = KeyRing([new])

        def overtaken(connection: ConnectionRow, sealed: bytes, scope: CallScope) -> Any:
            done = renew(connection, sealed, scope)
            self.rekey(desk, ring)
            return done

        object.__setattr__(desk.engine, "renew", overtaken)
        assert opened(desk, row) == "plain-1"

        assert ring.open(desk.consent(row.id).sealed)["client_secret"] == SECRET

    def test_new_keys_cost_no_token(self, desk: Desk, row: ConnectionRow) -> None:
        new = KeyRing([new_key()])
        self.rekey(desk, new)
        opener = Opener(**{**vars(desk.opener), "keys": new})
        object.__setattr__(desk.engine, "open_connector", opener.open)

        assert opened(desk, row) == "plain-1"
        assert bought(desk) == 1

    def rekey(self, desk: Desk, to: KeyRing) -> None:
        """What `ledgerbridge keys rotate` does."""
        with desk.begin() as work:
            for consent_id, held in work.connections.all_sealed():
                sealed, access = (
                    to.seal(desk.opener.keys.open(one)) if one else None
                    for one in (held.sealed, held.access)
                )
                assert sealed is not None
                work.connections.rekey(consent_id, Held(sealed, access))

    def test_a_token_whose_end_is_not_said_is_renewed_after_half_an_hour(
        self, begin: Begin, database: sqlalchemy.Engine
    ) -> None:
        desk = a_desk_with(begin, database, says_life=False, access_life=timedelta(hours=1))
        row = desk.added()

        assert desk.consent(row.id).expires_at is None
        desk.pass_time(timedelta(minutes=29))
        assert opened(desk, row) == "plain-1"
        assert bought(desk) == 1
        desk.pass_time(timedelta(minutes=2))
        assert opened(desk, row) == "plain-1"
        assert bought(desk) == 2

    def test_or_when_it_is_refused(self, begin: Begin, database: sqlalchemy.Engine) -> None:
        desk = a_desk_with(begin, database, says_life=False, access_life=timedelta(minutes=5))
        row = desk.added()
        desk.pass_time(timedelta(minutes=6))

        assert opened(desk, row) == "plain-1"
        assert bought(desk) == 2


class TestRefusedForNow:
    """Five tokens an hour, say: the sixth is a 429 with Retry-After."""

    @pytest.fixture
    def row(self, desk: Desk) -> ConnectionRow:
        added = desk.added()
        desk.ledger.change(sign_ins_per_hour=1)
        desk.let_end()  # half a minute is left of the token, half an hour of the hour
        return added

    def test_work_goes_on_with_the_token_and_nobody_asks_again(
        self, desk: Desk, row: ConnectionRow
    ) -> None:
        assert run(desk, row.id) is RunStatus.DONE
        assert run(desk, row.id) is RunStatus.DONE
        assert opened(desk.another_process(), row) == "plain-1"

        assert bought(desk) == 2
        consent = desk.consent(row.id)
        assert consent.refresh_not_before is not None
        assert consent.refresh_lease_until is None

    def test_once_it_has_ended_the_connection_waits_and_nothing_has_failed(
        self, desk: Desk, row: ConnectionRow
    ) -> None:
        assert opened(desk, row) == "plain-1"
        desk.pass_time(timedelta(seconds=31))
        with desk.begin() as work:
            documents.store(work, desk.engine, desk.entity_id, [a_contact(), an_invoice()])

        assert run(desk, row.id) is RunStatus.PARKED

        assert bought(desk) == 2
        parked = desk.connection(row.id)
        assert parked.status is ConnectionStatus.CONNECTED
        with desk.begin() as work:
            assert parked.parked_until is not None
            wait = parked.parked_until - work.connections.now()
            figures = work.log.figures(row.id)
        assert timedelta(minutes=28) < wait < timedelta(minutes=31)
        assert {status for _, status in figures} == {SyncStatus.PENDING}

    def test_the_token_that_ends_in_the_middle_of_work_parks_it_too(
        self, desk: Desk, row: ConnectionRow
    ) -> None:
        connector = connections.open_for(desk.engine, row, CallScope("test"))
        desk.pass_time(timedelta(seconds=31))

        with pytest.raises(RateLimited) as caught:
            connector.check()

        assert caught.value.retry_after is not None
        assert caught.value.retry_after > timedelta(minutes=28)
        assert bought(desk) == 2

    def test_when_the_time_has_come_it_goes_on_by_itself(
        self, desk: Desk, row: ConnectionRow
    ) -> None:
        assert opened(desk, row) == "plain-1"
        desk.pass_time(timedelta(minutes=31))

        assert opened(desk, row) == "plain-1"
        assert bought(desk) == 3

    def test_new_credentials_need_not_wait(self, desk: Desk, row: ConnectionRow) -> None:
        assert opened(desk, row) == "plain-1"
        desk.ledger.change(sign_ins_per_hour=None, client_secret="new-secret")

        connections.reauthorize(
            *(desk.engine, desk.opener, row.id),
            {"client_id": "plain-client", "client_secret": "new-secret"},
            actor="test",
        )

        assert desk.consent(row.id).refresh_not_before is None
        assert opened(desk, row) == "plain-1"

    @pytest.mark.parametrize("fault", [Fault.DROP_AFTER, Fault.AWAY, Fault.GARBAGE])
    def test_a_sign_in_that_is_away_is_left_alone_for_a_minute(
        self, desk: Desk, row: ConnectionRow, fault: Fault
    ) -> None:
        desk.ledger.change(sign_ins_per_hour=None)
        desk.ledger.faults.arm(fault, path="/sign-in")

        assert [opened(desk, row) for _ in range(3)] == ["plain-1"] * 3
        assert bought(desk) == 2
        desk.pass_time(tokens.PAUSE)
        assert opened(desk, row) == "plain-1"
        assert bought(desk) == 3


def test_credentials_that_are_withdrawn_stop_all_that_live_from_them(
    desk: Desk, row: ConnectionRow
) -> None:
    other = desk.added(desk.another_entity("NL"))
    desk.ledger.change(client_secret="changed")
    desk.let_end()

    with pytest.raises(AuthorizationLost):
        opened(desk, row)

    found = [desk.connection(one.id).status for one in (row, other)]
    assert found == [ConnectionStatus.DEAUTHORIZED] * 2
