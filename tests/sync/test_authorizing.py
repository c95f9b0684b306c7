"""Authorizing: pending connections, the owner's consent, and consent given anew."""

import threading
from datetime import date, timedelta

import pytest
import sqlalchemy

from connectors.base import CallScope, Period
from connectors.errors import AuthorizationLost, ConnectorError, Unavailable
from connectors.memory.simulator import PlainLedger
from connectors.simulator import Fault
from models.tables import ConnectionStatus, RunStatus
from models.unit_of_work import Begin
from sync import authorizing, connections, documents, reconcile, runs
from sync.authorizing import LinkError, StateError
from sync.errors import InvalidInputError, NotAllowedError
from sync.push import push_due
from tests.consent import BROWSER, Desk, a_consenting_ledger, a_desk
from tests.factories import a_contact, an_invoice


@pytest.fixture
def desk(begin: Begin, database: sqlalchemy.Engine) -> Desk:
    return a_desk(begin, database)


class TestBegin:
    def test_the_connection_waits_and_knows_no_books_yet(self, desk: Desk) -> None:
        row = desk.pending()

        assert row.status is ConnectionStatus.PENDING_AUTH
        assert (row.consent_id, row.platform_organisation_id) == (None, None)

    def test_a_second_ledger_is_refused(self, desk: Desk) -> None:
        desk.pending()

        with pytest.raises(NotAllowedError, match="has a ledger already"):
            desk.pending()

    def test_of_two_at_once_one_is_refused_in_words(self, desk: Desk) -> None:
        results: list[str] = []

        def begin() -> None:
            try:
                results.append(desk.pending().status.value)
            except NotAllowedError as error:
                results.append(str(error)[:33])

        threads = [threading.Thread(target=begin) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)

        assert sorted(results) == ["pending_auth", *["the billing entity has a ledger a"] * 3]

    def test_a_provider_where_we_are_not_registered_is_refused(
        self, begin: Begin, database: sqlalchemy.Engine
    ) -> None:
        desk = a_desk(begin, database)
        object.__setattr__(desk.opener, "oauth_apps", {})

        with pytest.raises(InvalidInputError, match="LEDGERBRIDGE_OAUTH_APPS"):
            desk.pending()

    def test_an_address_that_is_not_allowed_is_refused(self, desk: Desk) -> None:
        with pytest.raises(InvalidInputError, match="LEDGERBRIDGE_ALLOWED_BASE_URLS"):
            desk.pending(base_url="https://evil.example.com")

    def test_settings_that_do_not_fit_are_refused(self, desk: Desk) -> None:
        with pytest.raises(InvalidInputError, match="surprise"):
            desk.pending(settings={"surprise": True})

    def test_nothing_goes_in_or_out_before_the_authorization(self, desk: Desk) -> None:
        row = desk.pending(start_date=date(2026, 1, 1))
        with desk.begin() as work:
            documents.store(work, desk.engine, desk.entity_id, [a_contact(), an_invoice()])

        pushed = push_due(desk.engine, row.id, trigger="manual", correlation_id="test")

        assert not pushed.counts
        with pytest.raises(NotAllowedError, match="pending_auth"):
            runs.trigger_run(desk.engine, row.id)
        with pytest.raises(NotAllowedError, match="waits for its authorization"):
            connections.check(desk.engine, row.id)
        with pytest.raises(NotAllowedError, match="waits for its authorization"):
            reconcile.reconcile(desk.engine, row.id, Period())
        with pytest.raises(NotAllowedError, match="never authorized"):
            connections.reauthorize(desk.engine, desk.opener, row.id, {}, actor="test")
        assert not desk.ledger.requests


class TestUrl:
    def test_it_holds_no_credentials_and_opens_the_connection(self, desk: Desk) -> None:
        row = desk.pending()

        url = authorizing.connection_url(desk.opener, row.id)

        assert url.startswith(f"https://bridge.example.com/v1/connect/{row.id}?token=")
        assert "plain-client" not in url
        assert desk.asked(row.id).connection.id == row.id

    def test_a_url_that_is_too_old_is_refused(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        row = desk.pending()
        monkeypatch.setattr(authorizing, "LINK_SECONDS", -1)

        with pytest.raises(LinkError, match="not valid, or it has expired"):
            desk.asked(row.id)

    def test_the_token_of_another_connection_or_purpose_is_refused(self, desk: Desk) -> None:
        row = desk.pending()
        other = authorizing.connection_url(desk.opener, desk.entity_id).partition("token=")[2]
        api = desk.opener.keys.seal({"client": str(row.id), "expires": 2**40}).decode()

        for token in (other, api, "x", "", "\N{SNOWMAN}"):
            with pytest.raises(LinkError):
                authorizing.asked(desk.engine, desk.opener, str(row.id), token)
        ours = authorizing.connection_url(desk.opener, row.id).partition("token=")[2]
        with pytest.raises(LinkError):
            authorizing.asked(desk.engine, desk.opener, str(desk.entity_id), ours)

    @pytest.mark.parametrize("status", ["connected", "paused", "disconnected"])
    def test_what_needs_no_authorization_is_not_asked_for(self, desk: Desk, status: str) -> None:
        row = desk.connected()
        with desk.begin() as work:
            work.connections.set_status(row.id, ConnectionStatus(status))

        with pytest.raises(NotAllowedError, match=status):
            desk.asked(row.id)


class TestComplete:
    def test_consent_connects_and_the_first_run_is_queued(self, desk: Desk) -> None:
        row = desk.pending()

        done = desk.complete(desk.answer(row.id))

        after = desk.connection(row.id)
        assert done.organisation == after.platform_organisation_name == "Plain Ledger SARL"
        assert after.status is ConnectionStatus.CONNECTED
        assert after.platform_organisation_id == "plain-1"
        assert desk.hints.told == [("run", row.id)]
        assert desk.count("sync_runs WHERE status = 'queued'") == 1
        assert desk.count("audit_log WHERE action = 'connection.authorize'") == 1

    def test_the_first_run_reads_and_posts_nothing_before_a_start(self, desk: Desk) -> None:
        row = desk.pending()
        with desk.begin() as work:
            documents.store(work, desk.engine, desk.entity_id, [a_contact(), an_invoice()])
        desk.complete(desk.answer(row.id))

        run_id = runs.trigger_run(desk.engine, row.id)
        run = runs.complete(desk.engine, row.id, run_id)

        assert run.status is RunStatus.DONE
        assert not [name for name in desk.ledger.requests if name.startswith("POST /invoices")]

    def test_tokens_are_stored_sealed(self, desk: Desk) -> None:
        row = desk.connected()

        tokens = desk.tokens(row.id)

        sealed = desk.consent(row.id).sealed
        assert tokens.refresh_token is not None
        assert tokens.access_token.get_secret_value().encode() not in sealed
        assert desk.consent(row.id).expires_at == tokens.expires_at

    def test_a_double_click_makes_one_exchange(self, desk: Desk) -> None:
        row = desk.pending()
        answer = desk.answer(row.id)

        first, again = desk.complete(answer), desk.complete(answer)

        assert first == again
        assert desk.ledger.requests["POST /oauth/token"] == 1
        assert desk.count("consents") == 1
        assert desk.count("sync_runs") == 1

    def test_two_callbacks_at_once_make_one_exchange(self, desk: Desk) -> None:
        row = desk.pending()
        answer = desk.answer(row.id)
        barrier = threading.Barrier(4)
        results: list[str | None] = []

        def click() -> None:
            barrier.wait(10)
            results.append(desk.complete(answer).organisation)

        threads = [threading.Thread(target=click) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)

        assert len(results) == 4
        assert "Plain Ledger SARL" in results
        assert desk.ledger.requests["POST /oauth/token"] == 1
        assert desk.connection(row.id).status is ConnectionStatus.CONNECTED

    def test_a_state_that_is_unknown_used_or_old_changes_nothing(self, desk: Desk) -> None:
        row = desk.pending()
        answer, late = desk.answer(row.id), desk.answer(row.id)
        bad = [{**answer, "state": "x"}, {**answer, "state": ""}]

        for wrong in bad:
            with pytest.raises(StateError, match="Nothing was changed"):
                desk.complete(wrong)
        with pytest.raises(StateError):
            desk.complete(answer, browser="another")
        desk.pass_time(timedelta(minutes=10))
        with pytest.raises(StateError):
            desk.complete(late)

        assert desk.connection(row.id).status is ConnectionStatus.PENDING_AUTH
        assert desk.ledger.requests["POST /oauth/token"] == 0

    def test_a_used_state_with_another_code_is_refused(self, desk: Desk) -> None:
        row = desk.pending()
        answer = desk.answer(row.id)
        desk.complete(answer)

        with pytest.raises(StateError):
            desk.complete({**answer, "code": "another"})

        assert desk.ledger.requests["POST /oauth/token"] == 1

    def test_a_state_belongs_to_its_own_connection(self, desk: Desk) -> None:
        row = desk.pending()
        answer = desk.answer(row.id)
        connections.disconnect(desk.engine, row.id, actor="test")
        other = desk.pending()

        with pytest.raises(NotAllowedError, match="disconnected"):
            desk.complete(answer)

        assert desk.connection(other.id).status is ConnectionStatus.PENDING_AUTH
        assert desk.ledger.requests["POST /oauth/token"] == 0

    def test_a_refusal_uses_the_state_up_and_changes_nothing(self, desk: Desk) -> None:
        desk.ledger.change(consents=False)
        row = desk.pending()
        answer = desk.answer(row.id)

        authorizing.refused(desk.engine, state=answer["state"], browser=BROWSER)

        assert answer["error"] == "access_denied"
        assert desk.connection(row.id).status is ConnectionStatus.PENDING_AUTH
        with pytest.raises(StateError):
            authorizing.refused(desk.engine, state=answer["state"], browser=BROWSER)

    @pytest.mark.parametrize("fault", [Fault.AWAY, Fault.DROP_AFTER, Fault.GARBAGE])
    def test_a_provider_that_does_not_answer_leaves_it_pending(
        self, desk: Desk, fault: Fault
    ) -> None:
        row = desk.pending()
        answer = desk.answer(row.id)
        desk.ledger.faults.arm(fault, path="/oauth/token")

        with pytest.raises(Unavailable):
            desk.complete(answer)

        assert desk.connection(row.id).status is ConnectionStatus.PENDING_AUTH
        assert desk.ledger.requests["POST /oauth/token"] == 1
        desk.complete(desk.answer(row.id))
        assert desk.connection(row.id).status is ConnectionStatus.CONNECTED

    def test_books_that_cannot_be_read_are_not_connected(self, desk: Desk) -> None:
        row = desk.pending()
        answer = desk.answer(row.id)
        desk.ledger.faults.arm(Fault.EXPIRED, path="/organisation")

        with pytest.raises(ConnectorError):
            desk.complete(answer)

        assert desk.connection(row.id).status is ConnectionStatus.PENDING_AUTH
        assert desk.count("consents") == 0


class TestBesideTheCode:
    """Where the answer to a consent names the books, and calls must name them too."""

    @pytest.fixture
    def desk(self, begin: Begin, database: sqlalchemy.Engine) -> Desk:
        return a_desk(begin, database, a_consenting_ledger(names_books=True))

    def test_what_the_provider_names_is_kept_and_used(self, desk: Desk) -> None:
        row = desk.connected()

        assert desk.tokens(row.id).callback == {"books": "plain-1"}
        assert row.platform_organisation_id == "plain-1"

    def test_it_outlives_a_refresh(self, desk: Desk) -> None:
        row = desk.connected()
        desk.let_end()

        identity = connections.open_for(desk.engine, row, CallScope("test")).check()

        assert identity.organisation_id == "plain-1"
        assert desk.ledger.requests["POST /oauth/token"] == 2
        assert desk.tokens(row.id).callback == {"books": "plain-1"}

    def test_an_answer_without_it_is_no_answer(self, desk: Desk) -> None:
        row = desk.pending()
        answer = desk.answer(row.id)
        del answer["books"]

        with pytest.raises(InvalidInputError, match=r"whose books these are \(books\)"):
            desk.complete(answer)

        assert desk.ledger.requests["POST /oauth/token"] == 0
        assert desk.connection(row.id).status is ConnectionStatus.PENDING_AUTH

    def test_other_books_than_the_providers_are_refused(self, desk: Desk) -> None:
        row = desk.pending()

        with pytest.raises(AuthorizationLost):
            desk.complete({**desk.answer(row.id), "books": "plain-2"})

        assert desk.count("consents") == 0

    def test_what_nobody_asked_for_is_not_kept(
        self, begin: Begin, database: sqlalchemy.Engine
    ) -> None:
        desk = a_desk(begin, database)
        row = desk.pending()

        desk.complete({**desk.answer(row.id), "books": "plain-1"})

        assert desk.tokens(row.id).callback == {}


class TestAgain:
    def lost(self, desk: Desk) -> ConnectionStatus:
        """The owner withdraws the consent, and a check notices it."""
        desk.ledger.tokens.withdraw()
        desk.let_end()
        with pytest.raises(AuthorizationLost):
            connections.check(desk.engine, self.row_id)
        return desk.connection(self.row_id).status

    @pytest.fixture(autouse=True)
    def _connected(self, desk: Desk) -> None:
        self.row_id = desk.connected().id

    def test_the_same_url_connects_it_again(self, desk: Desk) -> None:
        assert self.lost(desk) is ConnectionStatus.DEAUTHORIZED

        desk.complete(desk.answer(self.row_id))

        assert desk.connection(self.row_id).status is ConnectionStatus.CONNECTED
        with desk.begin() as work:
            assert not work.issues.find(self.row_id, "authorization_lost")
        assert ("push", self.row_id) in desk.hints.told
        assert connections.check(desk.engine, self.row_id).organisation_id == "plain-1"
        assert desk.count("audit_log WHERE action = 'connection.reauthorize'") == 1

    def test_other_books_are_refused_with_both_names_and_the_old_consent_stays(
        self, desk: Desk
    ) -> None:
        self.lost(desk)
        before = desk.consent(self.row_id)
        desk.ledger.change(organisation_id="plain-2", organisation_name="Other Ltd")

        with pytest.raises(AuthorizationLost, match=r"Other Ltd .*not Plain Ledger SARL"):
            desk.complete(desk.answer(self.row_id))

        after = desk.consent(self.row_id)
        assert (after.sealed, after.token_version) == (before.sealed, before.token_version)
        assert desk.connection(self.row_id).status is ConnectionStatus.DEAUTHORIZED


class TestCredentials:
    def test_a_key_connects_a_ledger_that_has_no_consent(
        self, begin: Begin, database: sqlalchemy.Engine
    ) -> None:
        desk = a_desk(begin, database, PlainLedger())
        row = desk.pending(base_url=None)

        authorizing.connect(
            desk.engine,
            desk.opener,
            row,
            {"api_key": desk.ledger.rules.api_key},
            base_url="http://plain-ledger",
        )

        after = desk.connection(row.id)
        assert after.status is ConnectionStatus.CONNECTED
        assert after.base_url == "http://plain-ledger"
        assert connections.open_for(desk.engine, after, CallScope("test")).check()

    def test_a_wrong_key_and_a_wrong_address_leave_it_pending(
        self, begin: Begin, database: sqlalchemy.Engine
    ) -> None:
        desk = a_desk(begin, database, PlainLedger())
        row = desk.pending(base_url=None)

        for key, address, kind in (
            ("wrong", "http://plain-ledger", AuthorizationLost),
            (desk.ledger.rules.api_key, "http://169.254.169.254", InvalidInputError),
        ):
            with pytest.raises(kind):
                authorizing.connect(
                    desk.engine, desk.opener, row, {"api_key": key}, base_url=address
                )

        assert desk.connection(row.id).status is ConnectionStatus.PENDING_AUTH
        assert desk.count("consents") == 0


def test_a_ledger_that_asks_for_consent_is_the_same_ledger_otherwise(
    begin: Begin, database: sqlalchemy.Engine
) -> None:
    desk = a_desk(begin, database, a_consenting_ledger())
    row = desk.connected(start_date=date(2026, 1, 1))
    with desk.begin() as work:
        documents.store(work, desk.engine, desk.entity_id, [a_contact(), an_invoice()])

    run_id = runs.trigger_run(desk.engine, row.id)
    runs.complete(desk.engine, row.id, run_id)

    assert not desk.ledger.twice()
    assert desk.ledger.requests["POST /invoices"] == 1
