"""One Xero consent, several organisations: shared, refreshed once for all, given back one by one."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from uuid import UUID

import httpx
import pytest
import sqlalchemy
from cryptography.fernet import Fernet

from connectors.auth import OAuthApp
from connectors.base import CallScope, Role
from connectors.errors import AuthorizationLost, ConnectorError, Transient
from connectors.faults import Fault
from connectors.xero import SPEC
from connectors.xero.simulator import Organisation, Xero
from models.crypto import KeyRing
from models.tables import ConnectionRow, ConnectionStatus
from models.unit_of_work import Begin
from sync import connections, runs
from sync.connections import NewConnection
from sync.engine import Engine, NoHints
from sync.errors import InvalidInputError
from sync.opener import Opener
from sync.unused import keep_tokens
from tests.factories import QUICK

TOKENS = "/connect/token"


@dataclass
class Desk:
    """Billing entities and a Xero whose organisations one consent opens."""

    begin: Begin
    database: sqlalchemy.Engine
    xero: Xero
    engine: Engine
    opener: Opener

    def new(self, code: str, organisation: Organisation) -> NewConnection:
        with self.begin() as work:
            acme = work.tenants.organisation("Acme")
            entity = work.tenants.add_entity(acme, code=code, legal_name=code)
        assert entity is not None
        known = organisation.known
        return NewConnection(
            billing_entity_id=entity.id,
            provider="xero",
            role=Role.LEDGER,
            credentials={},
            settings={
                "organisation": organisation.name,
                "default_sales_account": known.sales,
                "default_purchase_account": known.purchases,
                "payment_account": known.bank,
            },
            base_url="http://xero",
            schedule="24h",
            start_date=date(2026, 1, 1),
        )

    def connected(self) -> ConnectionRow:
        """The British organisation, with Alice's consent."""
        new = replace(self.new("UK", self.xero.uk), credentials=self.xero.credentials())
        return connections.add(self.engine, self.opener, new, actor="test")

    def sharing(self, other: ConnectionRow, organisation: Organisation) -> ConnectionRow:
        """Another organisation of the same consent."""
        new = replace(self.new("AU", organisation), same_consent=other.id)
        return connections.add(self.engine, self.opener, new, actor="test")

    def another_process(self) -> Engine:
        opener = replace(self.opener, http=httpx.Client(transport=self.xero.transport()))
        return replace(self.engine, open_connector=opener.open, renew=opener.renew)

    def opened(self, row: ConnectionRow, engine: Engine | None = None) -> str:
        """Whose books a connection opens now."""
        connector = connections.open_for(engine or self.engine, row, CallScope("test"))
        return connector.check().organisation_id

    def status(self, row: ConnectionRow) -> ConnectionStatus:
        with self.begin() as work:
            return connections.get(work, row.id).status

    def issues(self, connection_id: UUID) -> list[str]:
        with self.begin() as work:
            return [issue.code for issue, _ in work.issues.listing(connection_id)]

    def pass_time(self, time: timedelta) -> None:
        self.xero.pass_time(time)
        with self.database.begin() as database:
            for column in ("expires_at", "renewed_at", "refresh_lease_until", "refresh_not_before"):
                database.execute(
                    sqlalchemy.text(f"UPDATE consents SET {column} = {column} - :time"),
                    {"time": time},
                )


@pytest.fixture
def desk(begin: Begin, database: sqlalchemy.Engine) -> Iterator[Desk]:
    xero = Xero()
    app = OAuthApp.model_validate(
        {"client_id": xero.rules.client_id, "client_secret": xero.rules.client_secret}
    )
    opener = Opener(
        spec=lambda _: SPEC,
        keys=KeyRing([Fernet.generate_key().decode()]),
        http=httpx.Client(transport=xero.transport()),
        timeout_seconds=5,
        allowed_base_urls=("http://xero",),
        oauth_apps={"xero": app},
    )
    engine = Engine(
        begin=begin,
        spec=lambda _: SPEC,
        open_connector=opener.open,
        renew=opener.renew,
        leave=opener.leave,
        hints=NoHints(),
        timing=QUICK,
        worker="test",
    )
    yield Desk(begin, database, xero, engine, opener)
    assert xero.crashes == []


class TestSharing:
    def test_a_second_organisation_lives_from_the_same_consent(self, desk: Desk) -> None:
        british = desk.connected()

        australian = desk.sharing(british, desk.xero.au)

        assert australian.consent_id == british.consent_id
        assert australian.platform_organisation_id == desk.xero.au.id
        assert {desk.opened(british), desk.opened(australian)} == {desk.xero.uk.id, desk.xero.au.id}

    def test_the_same_organisation_is_not_connected_twice_by_mistake(self, desk: Desk) -> None:
        british = desk.connected()

        with pytest.raises(InvalidInputError, match="which other organisation"):
            desk.sharing(british, desk.xero.uk)

    def test_an_organisation_of_somebody_else_is_not_opened(self, desk: Desk) -> None:
        british = desk.connected()

        with pytest.raises(ConnectorError):
            desk.sharing(british, desk.xero.us)

    def test_one_that_ends_is_given_back_and_the_other_goes_on(self, desk: Desk) -> None:
        british = desk.connected()
        australian = desk.sharing(british, desk.xero.au)

        connections.disconnect(desk.engine, australian.id, actor="test")

        assert desk.xero.calls["DELETE connections"] == 1
        assert desk.opened(british) == desk.xero.uk.id
        with pytest.raises(ConnectorError):
            desk.opened(australian)

    def test_an_organisation_that_another_connection_leads_to_is_not_given_back(
        self, desk: Desk
    ) -> None:
        """It moved to another billing entity: connected there first, then ended here."""
        before = desk.connected()
        new = replace(desk.new("GB", desk.xero.uk), credentials=desk.xero.credentials())
        after = connections.add(desk.engine, desk.opener, new, actor="test")

        connections.disconnect(desk.engine, before.id, actor="test")

        assert desk.xero.calls["DELETE connections"] == 0
        assert desk.opened(after) == desk.xero.uk.id

        connections.disconnect(desk.engine, after.id, actor="test")

        assert desk.xero.calls["DELETE connections"] == 1

    def test_it_ends_here_also_when_nobody_can_say_goodbye(self, desk: Desk) -> None:
        british = desk.connected()
        nowhere = replace(desk.opener, allowed_base_urls=())

        connections.disconnect(replace(desk.engine, leave=nowhere.leave), british.id, actor="test")

        assert desk.status(british) is ConnectionStatus.DISCONNECTED

    def test_it_ends_here_also_when_xero_is_away(self, desk: Desk) -> None:
        british = desk.connected()
        desk.xero.arm(Fault.AWAY, path="/connections.*", times=5)

        connections.disconnect(desk.engine, british.id, actor="test")

        assert desk.status(british) is ConnectionStatus.DISCONNECTED


class TestRefresh:
    def test_processes_at_once_make_one_token_call_for_all_connections(self, desk: Desk) -> None:
        british = desk.connected()
        rows = [british, desk.sharing(british, desk.xero.au)]
        desk.pass_time(timedelta(minutes=30))
        found: list[str] = []

        def work(row: ConnectionRow) -> None:
            found.append(desk.opened(row, desk.another_process()))

        threads = [threading.Thread(target=work, args=(rows[number % 2],)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

        assert sorted(found) == sorted([desk.xero.uk.id, desk.xero.au.id] * 3)
        assert desk.xero.token_calls["refresh_token"] == 1
        assert desk.xero.token_calls["invalid_grant"] == 0

    def test_a_paused_connection_uses_its_consent_before_it_ends_unused(self, desk: Desk) -> None:
        british = desk.connected()
        connections.pause(desk.engine, british.id, actor="test")
        for _ in range(3):  # ninety days, of which Xero allows sixty without use
            desk.pass_time(timedelta(days=31))
            assert keep_tokens(desk.engine) == 1

        assert desk.opened(british) == desk.xero.uk.id

    def test_a_lost_answer_is_made_up_for_within_the_grace(self, desk: Desk) -> None:
        british = desk.connected()
        desk.pass_time(timedelta(minutes=30))
        desk.xero.faults.arm(Fault.DROP_AFTER, method="POST", path=f".*{TOKENS}")
        with pytest.raises(Transient):
            desk.opened(british)

        desk.pass_time(timedelta(minutes=5))

        assert desk.opened(british) == desk.xero.uk.id
        assert desk.status(british) is ConnectionStatus.CONNECTED

    def test_after_the_grace_everybody_is_asked_to_authorize_again_and_nobody_loops(
        self, desk: Desk
    ) -> None:
        british = desk.connected()
        australian = desk.sharing(british, desk.xero.au)
        desk.pass_time(timedelta(minutes=30))
        desk.xero.faults.arm(Fault.DROP_AFTER, method="POST", path=f".*{TOKENS}")
        with pytest.raises(Transient):
            desk.opened(british)
        desk.pass_time(timedelta(minutes=31))

        with pytest.raises(AuthorizationLost):
            desk.opened(british)

        for row in (british, australian):
            assert desk.status(row) is ConnectionStatus.DEAUTHORIZED
            assert desk.issues(row.id) == ["authorization_lost"]
        asked = desk.xero.token_calls.total()
        assert runs.queue_due(desk.engine) == []
        assert desk.xero.token_calls.total() == asked
