"""Tokens that a provider refuses before their time: renewed once, and the request sent again."""

import threading
from datetime import date, timedelta

import pytest
import sqlalchemy

from connectors.base import CallScope, Connector
from connectors.errors import AuthorizationLost
from connectors.memory.simulator import LedgerRules, PlainLedger
from connectors.simulator import Fault
from models.canonical import ObjectType
from models.status import SyncStatus
from models.tables import ConnectionRow, ConnectionStatus
from models.unit_of_work import Begin
from sync import connections, documents, runs
from sync.push import push_due
from tests.consent import Desk, a_consenting_ledger, a_desk
from tests.factories import a_contact, an_invoice

DAY = timedelta(days=1)
INVOICES = "POST /invoices"
SECRET = LedgerRules().client_secret


@pytest.fixture(params=["consent", "sign-in"])
def desk(request: pytest.FixtureRequest, begin: Begin, database: sqlalchemy.Engine) -> Desk:
    """Both sorts of tokens; these live for a day."""
    if request.param == "consent":
        return a_desk(begin, database, a_consenting_ledger(access_life=DAY))
    return a_desk(begin, database, PlainLedger(LedgerRules(sign_in=True, access_life=DAY)))


@pytest.fixture
def row(desk: Desk) -> ConnectionRow:
    start = date(2026, 1, 1)
    found = desk.added() if desk.ledger.rules.sign_in else desk.connected(start_date=start)
    runs.complete(desk.engine, found.id, runs.trigger_run(desk.engine, found.id))
    desk.ledger.requests.clear()
    return found


def opened(desk: Desk, row: ConnectionRow) -> Connector:
    return connections.open_for(desk.engine, row, CallScope("test"))


def asked(desk: Desk) -> int:
    """Requests for tokens."""
    return desk.ledger.requests["POST /oauth/token"] + desk.ledger.requests["POST /sign-in"]


def push_an_invoice(desk: Desk, row: ConnectionRow) -> SyncStatus:
    """Push an invoice and its customer; where the invoice stands then."""
    with desk.begin() as work:
        documents.store(work, desk.engine, desk.entity_id, [a_contact(), an_invoice()])
    push_due(desk.engine, row.id, trigger="manual", correlation_id="test")
    with desk.begin() as work:
        figures = work.log.figures(row.id)
    (status,) = [status for kind, status in figures if kind is ObjectType.INVOICE]
    return status


class TestOnce:
    def test_a_read_goes_through(self, desk: Desk, row: ConnectionRow) -> None:
        connector = opened(desk, row)
        before = desk.consent(row.id).token_version
        desk.ledger.tokens.end_access()

        assert connector.check().organisation_id == "plain-1"
        assert connector.check().organisation_id == "plain-1"

        assert asked(desk) == 1
        assert desk.ledger.requests["GET /organisation"] == 3
        assert desk.consent(row.id).token_version == before + 1

    def test_a_write_goes_through_and_the_document_is_there_once(
        self, desk: Desk, row: ConnectionRow
    ) -> None:
        desk.ledger.faults.arm(Fault.EXPIRED, method="POST", path="/invoices")

        assert push_an_invoice(desk, row) is SyncStatus.DONE

        assert (asked(desk), desk.ledger.requests[INVOICES]) == (1, 2)
        assert len(desk.ledger.documents(ObjectType.INVOICE)) == 1
        assert desk.count("attempts WHERE outcome = 'accepted'") == 2  # and the contact's

    def test_the_next_piece_of_work_uses_the_new_token(
        self, desk: Desk, row: ConnectionRow
    ) -> None:
        desk.ledger.tokens.end_access()
        opened(desk, row).check()

        opened(desk, row).check()

        assert asked(desk) == 1

    def test_of_several_that_are_refused_at_once_one_asks(
        self, desk: Desk, row: ConnectionRow
    ) -> None:
        workers = [opened(worker, row) for worker in (desk, desk.another_process()) for _ in "12"]
        desk.ledger.tokens.end_access()
        barrier = threading.Barrier(4)
        results: list[str] = []

        def work(connector: Connector) -> None:
            barrier.wait(10)
            results.append(connector.check().organisation_id)

        threads = [threading.Thread(target=work, args=(one,)) for one in workers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)

        assert results == ["plain-1"] * 4
        assert asked(desk) == 1

    def test_a_renewal_counts_as_a_provider_call(self, desk: Desk, row: ConnectionRow) -> None:
        scope = CallScope("test")
        connector = connections.open_for(desk.engine, row, scope)
        desk.ledger.tokens.end_access()

        connector.check()

        assert scope.calls == 3


class TestTwice:
    def test_a_read_ends_the_authorization(self, desk: Desk, row: ConnectionRow) -> None:
        desk.ledger.faults.arm(Fault.EXPIRED, path="/organisation", times=2)

        run_id = runs.trigger_run(desk.engine, row.id)
        runs.complete(desk.engine, row.id, run_id)

        assert (asked(desk), desk.ledger.requests["GET /organisation"]) == (1, 2)
        assert desk.connection(row.id).status is ConnectionStatus.DEAUTHORIZED

    def test_so_does_a_write_and_what_waits_is_held(self, desk: Desk, row: ConnectionRow) -> None:
        desk.ledger.faults.arm(Fault.EXPIRED, method="POST", path="/invoices", times=2)

        assert push_an_invoice(desk, row) is SyncStatus.HELD

        assert (asked(desk), desk.ledger.requests[INVOICES]) == (1, 2)
        assert desk.connection(row.id).status is ConnectionStatus.DEAUTHORIZED
        with desk.begin() as work:
            ((issue, _),) = work.issues.listing(row.id)
        by_consent = desk.ledger.rules.oauth
        assert issue.code == "authorization_lost"
        assert ("--credentials FILE" in issue.next_step) is not by_consent
        assert "connections reauthorize" in issue.next_step


class TestNoOther:
    def path(self, desk: Desk) -> str:
        return "/oauth/token" if desk.ledger.rules.oauth else "/sign-in"

    def test_a_renewal_that_is_refused_for_now_parks_the_connection(
        self, desk: Desk, row: ConnectionRow
    ) -> None:
        desk.ledger.faults.arm(Fault.EXPIRED, method="POST", path="/invoices")
        desk.ledger.faults.arm(Fault.THROTTLE, path=self.path(desk), retry_after=3600)

        assert push_an_invoice(desk, row) is SyncStatus.RETRY_WAIT

        parked = desk.connection(row.id)
        assert parked.status is ConnectionStatus.CONNECTED
        with desk.begin() as work:
            assert parked.parked_until is not None
            assert parked.parked_until - work.connections.now() > timedelta(minutes=59)
        assert (asked(desk), desk.ledger.requests[INVOICES]) == (1, 1)

    @pytest.mark.parametrize("desk", ["consent"], indirect=True)
    def test_a_registration_that_is_refused_is_not_held_against_any_record(
        self, desk: Desk, row: ConnectionRow
    ) -> None:
        desk.ledger.faults.arm(Fault.EXPIRED, method="POST", path="/invoices")
        desk.ledger.change(client_secret="changed")

        assert push_an_invoice(desk, row) is SyncStatus.RETRY_WAIT

        with desk.begin() as work:
            ((issue, _),) = work.issues.listing(row.id)
        assert issue.code == "ledger_unreachable"
        assert "LEDGERBRIDGE_OAUTH_APPS" in issue.sentence

    def test_when_the_consent_has_ended_too_everything_that_lives_from_it_stops(
        self, desk: Desk, row: ConnectionRow
    ) -> None:
        connector = opened(desk, row)
        desk.ledger.tokens.withdraw()
        desk.ledger.change(client_secret="changed" if desk.ledger.rules.sign_in else SECRET)

        with pytest.raises(AuthorizationLost):
            connector.check()

        assert asked(desk) == 1
        assert desk.connection(row.id).status is ConnectionStatus.DEAUTHORIZED
