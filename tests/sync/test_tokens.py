"""Token refresh: in time, once at a time, and stored before it is used."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy

from connectors.base import CallScope
from connectors.errors import (
    ActionRequired,
    AuthorizationLost,
    RateLimited,
    Transient,
    Unavailable,
)
from connectors.faults import Answer
from connectors.simulator import Fault
from models.repositories import Held
from models.tables import ConnectionRow, ConnectionStatus, RunStatus
from models.unit_of_work import Begin
from sync import connections, runs, tokens
from sync.engine import Another, Renewed
from sync.unused import keep_tokens
from tests.consent import Desk, a_consenting_ledger, a_desk

TOKEN = "POST /oauth/token"  # a path


@pytest.fixture
def desk(begin: Begin, database: sqlalchemy.Engine) -> Desk:
    return a_desk(begin, database)


@pytest.fixture
def row(desk: Desk) -> ConnectionRow:
    found = desk.connected()
    desk.ledger.requests.clear()
    return found


def opened(desk: Desk, row: ConnectionRow) -> str:
    return connections.open_for(desk.engine, row, CallScope("test")).check().organisation_id


class TestWhen:
    def test_a_token_that_lasts_is_left_alone(self, desk: Desk, row: ConnectionRow) -> None:
        assert opened(desk, row) == "plain-1"
        assert desk.ledger.requests[TOKEN] == 0

    def test_a_token_that_ends_within_a_minute_is_renewed_before_it_is_used(
        self, desk: Desk, row: ConnectionRow
    ) -> None:
        before = desk.consent(row.id).token_version
        desk.let_end()

        assert opened(desk, row) == "plain-1"

        assert desk.ledger.requests[TOKEN] == 1
        assert desk.ledger.requests["GET /organisation"] == 1
        after = desk.consent(row.id)
        assert after.token_version == before + 1
        assert after.refresh_lease_until is None

    def test_a_refresh_counts_as_a_provider_call(self, desk: Desk, row: ConnectionRow) -> None:
        desk.let_end()
        scope = CallScope("test")

        connections.open_for(desk.engine, row, scope)

        assert scope.calls == 1

    def test_tokens_rotate_for_as_long_as_it_takes(self, desk: Desk, row: ConnectionRow) -> None:
        seen = {desk.tokens(row.id).refresh_token}
        for _ in range(3):
            desk.let_end()
            opened(desk, row)
            seen.add(desk.tokens(row.id).refresh_token)

        assert len(seen) == 4

    def test_a_provider_that_does_not_rotate_keeps_its_refresh_token(
        self, begin: Begin, database: sqlalchemy.Engine
    ) -> None:
        desk = a_desk(begin, database, a_consenting_ledger(rotates_tokens=False))
        row = desk.connected()
        first = desk.tokens(row.id).refresh_token

        for _ in range(2):
            desk.let_end()
            opened(desk, row)

        assert desk.tokens(row.id).refresh_token == first

    def test_a_run_goes_on_over_the_end_of_a_token(self, desk: Desk, row: ConnectionRow) -> None:
        desk.let_end()

        run_id = runs.trigger_run(desk.engine, row.id)

        assert runs.complete(desk.engine, row.id, run_id).status is RunStatus.DONE


class TestUnused:
    """A refresh token that nobody uses for two months ends, at some providers."""

    @pytest.fixture(autouse=True)
    def ends_unused(self, desk: Desk) -> None:
        spec = desk.engine.spec("memory")
        assert spec.oauth is not None
        ends = replace(spec, oauth=replace(spec.oauth, unused_life=timedelta(days=60)))
        desk.engine = replace(desk.engine, spec=lambda _: ends)

    def test_one_of_a_paused_connection_is_used_in_time(
        self, desk: Desk, row: ConnectionRow
    ) -> None:
        connections.pause(desk.engine, row.id, actor="test")
        desk.pass_time(timedelta(days=29))
        assert keep_tokens(desk.engine) == 0
        desk.pass_time(timedelta(days=2))

        assert keep_tokens(desk.engine) == 1
        assert keep_tokens(desk.engine) == 0

        assert desk.ledger.requests[TOKEN] == 1

    def test_one_of_a_connection_that_was_ended_is_left_alone(
        self, desk: Desk, row: ConnectionRow
    ) -> None:
        connections.disconnect(desk.engine, row.id, actor="test")
        desk.pass_time(timedelta(days=31))

        assert keep_tokens(desk.engine) == 0

    def test_one_that_nobody_can_decrypt_does_not_keep_the_others_from_it(
        self, desk: Desk, row: ConnectionRow
    ) -> None:
        other = desk.connected(billing_entity_id=desk.another_entity("BE"))
        desk.ledger.requests.clear()
        lost, kept = sorted([row, other], key=lambda one: str(one.consent_id))
        with desk.database.begin() as database:
            database.exec_driver_sql(
                "UPDATE consents SET sealed = 'of another key ring' WHERE id = %s",
                (lost.consent_id,),
            )
        desk.pass_time(timedelta(days=31))

        assert keep_tokens(desk.engine) == 1

        assert desk.ledger.requests[TOKEN] == 1
        assert opened(desk, kept) == "plain-1"

    def test_a_provider_that_is_away_is_asked_again_later(
        self, desk: Desk, row: ConnectionRow
    ) -> None:
        desk.pass_time(timedelta(days=31))
        desk.ledger.faults.arm(Fault.AWAY, method="POST", path="/oauth/token")

        assert keep_tokens(desk.engine) == 0

        assert desk.connection(row.id).status is ConnectionStatus.CONNECTED


class TestSingleFlight:
    def test_threads_at_once_make_one_request(self, desk: Desk, row: ConnectionRow) -> None:
        desk.let_end()
        barrier = threading.Barrier(4)
        results: list[str] = []

        def use() -> None:
            barrier.wait(10)
            results.append(opened(desk, row))

        threads = [threading.Thread(target=use) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)

        assert results == ["plain-1"] * 4
        assert desk.ledger.requests[TOKEN] == 1

    def test_the_new_token_is_committed_before_it_is_used(
        self, desk: Desk, row: ConnectionRow
    ) -> None:
        desk.let_end()
        kept: list[bytes] = []

        def seeing(
            connection: ConnectionRow, held: Held, scope: CallScope, another: Another | None
        ) -> object:
            kept.append(desk.consent(row.id).sealed)
            assert held.sealed == kept[0]
            return desk.opener.open(connection, held, scope, another)

        object.__setattr__(desk.engine, "open_connector", seeing)

        assert opened(desk, row) == "plain-1"
        assert kept

    def test_no_transaction_is_open_while_the_provider_is_asked(
        self, desk: Desk, row: ConnectionRow
    ) -> None:
        desk.let_end()
        open_ones: list[int] = []

        def watched(connection: ConnectionRow, sealed: bytes, scope: CallScope) -> Renewed:
            open_ones.append(desk.count("pg_stat_activity WHERE state = 'idle in transaction'"))
            return desk.opener.renew(connection, sealed, scope)

        object.__setattr__(desk.engine, "renew", watched)
        opened(desk, row)

        assert open_ones == [0]

    def test_whoever_waits_too_long_uses_the_old_token_while_it_lives(
        self, desk: Desk, row: ConnectionRow
    ) -> None:
        desk.let_end()
        consent = desk.consent(row.id)
        with desk.begin() as work:
            assert work.consents.claim_refresh(consent.id, consent.token_version, tokens.LEASE)

        used = tokens.fresh(
            desk.engine, row, consent.id, CallScope("test"), tokens.Waiting(seconds=-1)
        )

        assert used.sealed == consent.sealed
        assert desk.ledger.requests[TOKEN] == 0

    def test_whoever_waits_too_long_comes_back_later(self, desk: Desk, row: ConnectionRow) -> None:
        desk.let_end_for_good()
        consent = desk.consent(row.id)
        with desk.begin() as work:
            assert work.consents.claim_refresh(consent.id, consent.token_version, tokens.LEASE)

        with pytest.raises(Transient, match="still renewing"):
            tokens.fresh(
                desk.engine, row, consent.id, CallScope("test"), tokens.Waiting(seconds=-1)
            )

        assert desk.ledger.requests[TOKEN] == 0

    def test_the_lease_of_one_who_died_ends(self, desk: Desk, row: ConnectionRow) -> None:
        desk.let_end()
        consent = desk.consent(row.id)
        with desk.begin() as work:
            work.consents.claim_refresh(consent.id, consent.token_version, tokens.LEASE)
        desk.pass_time(timedelta(seconds=31))

        assert opened(desk, row) == "plain-1"
        assert desk.ledger.requests[TOKEN] == 1

    def test_consent_given_anew_meanwhile_is_not_overwritten(
        self, desk: Desk, row: ConnectionRow
    ) -> None:
        desk.let_end()
        theirs = desk.opener.keys.seal({"access_token": "new"})

        def overtaken(connection: ConnectionRow, sealed: bytes, scope: CallScope) -> Renewed:
            done = desk.opener.renew(connection, sealed, scope)
            with desk.begin() as work:
                assert connection.consent_id is not None
                work.consents.replace(connection.consent_id, Held(theirs))
            return done

        object.__setattr__(desk.engine, "renew", overtaken)
        assert row.consent_id is not None
        used = tokens.fresh(desk.engine, row, row.consent_id, CallScope("test"))

        assert used.sealed == desk.consent(row.id).sealed == theirs

    def test_new_keys_do_not_cost_a_token_that_is_being_renewed(
        self, desk: Desk, row: ConnectionRow
    ) -> None:
        desk.let_end()

        def rotated(connection: ConnectionRow, sealed: bytes, scope: CallScope) -> Renewed:
            done = desk.opener.renew(connection, sealed, scope)
            with desk.begin() as work:
                for consent_id, stored in work.connections.all_sealed():
                    anew = Held(desk.opener.keys.rotate(stored.sealed))
                    work.connections.rekey(consent_id, anew)
            return done

        object.__setattr__(desk.engine, "renew", rotated)

        assert opened(desk, row) == "plain-1"
        object.__setattr__(desk.engine, "renew", desk.opener.renew)
        desk.let_end()
        assert opened(desk, row) == "plain-1"


class TestFailure:
    def test_an_ended_consent_deauthorizes_the_connection(
        self, desk: Desk, row: ConnectionRow
    ) -> None:
        desk.ledger.tokens.withdraw()
        desk.let_end()

        with pytest.raises(AuthorizationLost):
            opened(desk, row)

        assert desk.connection(row.id).status is ConnectionStatus.DEAUTHORIZED
        with desk.begin() as work:
            assert work.issues.find(row.id, "authorization_lost")

    def test_a_run_says_so_and_ends(self, desk: Desk, row: ConnectionRow) -> None:
        desk.ledger.tokens.withdraw()
        desk.let_end()

        run_id = runs.trigger_run(desk.engine, row.id)
        run = runs.complete(desk.engine, row.id, run_id)

        assert run.status is RunStatus.FAILED
        assert desk.connection(row.id).status is ConnectionStatus.DEAUTHORIZED

    @pytest.mark.parametrize("fault", [Fault.AWAY, Fault.ERROR_BEFORE, Fault.DROP_BEFORE])
    def test_a_provider_that_is_away_costs_nothing(
        self, desk: Desk, row: ConnectionRow, fault: Fault
    ) -> None:
        desk.let_end_for_good()
        desk.ledger.faults.arm(fault, path="/oauth/token")

        with pytest.raises(Unavailable):
            opened(desk, row)

        assert desk.ledger.requests[TOKEN] == 1
        assert desk.connection(row.id).status is ConnectionStatus.CONNECTED
        desk.pass_time(tokens.PAUSE)
        assert opened(desk, row) == "plain-1"

    @pytest.mark.parametrize("fault", [Fault.AWAY, Fault.ERROR_BEFORE, Fault.DROP_BEFORE])
    def test_while_the_token_lives_nobody_notices_and_nobody_asks_again_for_a_while(
        self, desk: Desk, row: ConnectionRow, fault: Fault
    ) -> None:
        desk.let_end()
        desk.ledger.faults.arm(fault, path="/oauth/token", times=9)

        assert [opened(desk, row) for _ in range(3)] == ["plain-1"] * 3

        assert desk.ledger.requests[TOKEN] == 1

    def test_a_refused_refresh_is_not_tried_before_its_time(
        self, desk: Desk, row: ConnectionRow
    ) -> None:
        desk.let_end()
        desk.ledger.faults.arm(Fault.THROTTLE, path="/oauth/token", retry_after=3600)
        assert opened(desk, row) == "plain-1"
        desk.pass_time(timedelta(minutes=50))

        with pytest.raises(RateLimited) as caught:
            opened(desk, row)

        assert caught.value.retry_after is not None
        assert timedelta(minutes=9) < caught.value.retry_after <= timedelta(minutes=10)
        assert desk.ledger.requests[TOKEN] == 1
        desk.pass_time(timedelta(minutes=10))
        assert opened(desk, row) == "plain-1"
        assert desk.consent(row.id).refresh_not_before is None

    def test_a_lost_answer_costs_the_consent_and_says_so(
        self, desk: Desk, row: ConnectionRow
    ) -> None:
        desk.let_end()
        desk.ledger.faults.arm(Fault.DROP_AFTER, path="/oauth/token")

        assert opened(desk, row) == "plain-1"
        desk.pass_time(tokens.PAUSE)
        with pytest.raises(AuthorizationLost):
            opened(desk, row)

        assert desk.connection(row.id).status is ConnectionStatus.DEAUTHORIZED

    def test_a_registration_that_is_refused_is_the_operators_matter(
        self, desk: Desk, row: ConnectionRow
    ) -> None:
        desk.let_end()
        desk.ledger.change(client_secret="changed")
        assert opened(desk, row) == "plain-1"
        desk.pass_time(tokens.PAUSE)

        with pytest.raises(ActionRequired, match="LEDGERBRIDGE_OAUTH_APPS"):
            opened(desk, row)

        assert desk.connection(row.id).status is ConnectionStatus.CONNECTED
        with pytest.raises(RateLimited):
            opened(desk, row)
        assert desk.ledger.requests[TOKEN] == 2

    def test_no_secret_is_in_an_error(self, desk: Desk, row: ConnectionRow) -> None:
        desk.let_end_for_good()
        known = desk.tokens(row.id).refresh_token
        assert known is not None
        secret = known.get_secret_value()
        answer = Answer(400, {"error": secret})
        desk.ledger.faults.arm(Fault.AWAY, path="/oauth/token", answer=answer)

        with pytest.raises(Exception, match=r".") as caught:
            opened(desk, row)

        assert secret not in str(caught.value)
        assert secret not in repr(vars(caught.value))
