"""A plain ledger that people let us into by consent, and the parts that ask them for it."""

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import httpx
import sqlalchemy
from cryptography.fernet import Fernet
from pydantic import SecretStr

from connectors.auth import OAuthApp, OAuthTokens
from connectors.base import Role
from connectors.memory.simulator import LedgerRules, PlainLedger, spec_for
from models.crypto import KeyRing
from models.tables import ConnectionRow, ConsentRow
from models.unit_of_work import Begin
from sync import authorizing, connections
from sync.engine import Engine, NoHints
from sync.opener import Opener
from tests.factories import QUICK, SETTINGS

BROWSER = "b" * 43
APP = OAuthApp(client_id="plain-client", client_secret=SecretStr("plain-client-secret"))


def a_consenting_ledger(**rules: Any) -> PlainLedger:
    """A ledger with OAuth2 whose refresh tokens rotate."""
    return PlainLedger(LedgerRules(oauth=True, **rules))


@dataclass
class Hints(NoHints):
    """Remembers what workers were told."""

    told: list[tuple[str, UUID]] = field(default_factory=list)

    def push(self, connection_id: UUID) -> None:
        self.told.append(("push", connection_id))

    def run(self, connection_id: UUID, *, backfill: bool = False, countdown: float = 0) -> None:
        del backfill, countdown
        self.told.append(("run", connection_id))


@dataclass
class Desk:
    """Where connections are begun and authorized, in this process and without sockets."""

    begin: Begin
    database: sqlalchemy.Engine
    ledger: PlainLedger
    opener: Opener
    engine: Engine
    hints: Hints
    entity_id: UUID

    def pending(self, **given: Any) -> ConnectionRow:
        """A connection that nobody has authorized yet."""
        return authorizing.begin(
            self.engine,
            self.opener,
            **{
                "billing_entity_id": self.entity_id,
                "provider": "memory",
                "base_url": "http://plain-ledger",
                "settings": SETTINGS,
                "actor": "test",
                **given,
            },
        )

    def connection(self, connection_id: UUID) -> ConnectionRow:
        """A connection as it stands."""
        with self.begin() as work:
            row = work.connections.get(connection_id)
        assert row is not None
        return row

    def consent(self, connection_id: UUID) -> ConsentRow:
        """The consent behind a connection, as it stands."""
        with self.begin() as work:
            row = work.connections._session.get(
                ConsentRow, self.connection(connection_id).consent_id
            )
        assert row is not None
        return row

    def tokens(self, connection_id: UUID) -> OAuthTokens:
        """What is kept of the consent, opened."""
        held = self.opener.keys.open(self.consent(connection_id).sealed)
        return OAuthTokens.model_validate(held)

    def asked(self, connection_id: UUID) -> authorizing.Asked:
        """What a connection's URL leads to."""
        url = authorizing.connection_url(self.opener, connection_id)
        token = dict(parse_qsl(urlsplit(url).query))["token"]
        return authorizing.asked(self.engine, self.opener, str(connection_id), token)

    def answer(self, connection_id: UUID) -> dict[str, str]:
        """Ask the owner for consent; what the provider sends the browser back with."""
        asked = self.asked(connection_id)
        url = authorizing.consent_url(self.engine, self.opener, asked, BROWSER)
        sent = self.opener.http.get(url, follow_redirects=False)
        location = urlsplit(sent.headers["location"])
        assert f"{location.scheme}://{location.netloc}{location.path}" == self.opener.callback_url
        return dict(parse_qsl(location.query))

    def complete(self, answer: dict[str, str], *, browser: str = BROWSER) -> authorizing.Authorized:
        """What the callback does with an answer."""
        return authorizing.complete(
            self.engine,
            self.opener,
            state=answer["state"],
            browser=browser,
            code=answer["code"],
            beside=answer,
        )

    def another_entity(self, code: str) -> UUID:
        """One more billing entity of the organisation."""
        with self.begin() as work:
            entity = work.tenants.add_entity(
                work.tenants.organisation("Acme"), code=code, legal_name=code
            )
        assert entity is not None
        return entity.id

    def added(self, entity_id: UUID | None = None, **given: Any) -> ConnectionRow:
        """A connection with credentials that buy tokens."""
        rules = self.ledger.rules
        new = connections.NewConnection(
            billing_entity_id=entity_id or self.entity_id,
            provider="memory",
            role=Role.LEDGER,
            credentials=given
            or {"client_id": rules.client_id, "client_secret": rules.client_secret},
            settings=SETTINGS,
            base_url="http://plain-ledger",
            schedule="24h",
            start_date=date(2026, 1, 1),
        )
        return connections.add(self.engine, self.opener, new, actor="test")

    def another_process(self) -> "Desk":
        """The same, with nothing in common but the database, the keys and the ledger."""
        opener = replace(self.opener, http=httpx.Client(transport=self.ledger.transport()))
        engine = replace(self.engine, open_connector=opener.open, renew=opener.renew)
        return replace(self, opener=opener, engine=engine)

    def connected(self, **given: Any) -> ConnectionRow:
        """A connection that was authorized."""
        row = self.pending(**given)
        self.complete(self.answer(row.id))
        return self.connection(row.id)

    def let_end(self) -> None:
        """Access tokens are about to end, or have ended."""
        self.pass_time(timedelta(minutes=29, seconds=30))

    def let_end_for_good(self) -> None:
        """Access tokens have ended."""
        self.pass_time(timedelta(minutes=30))

    def pass_time(self, time: timedelta) -> None:
        """Let time pass for tokens and for questions to owners, here and in the ledger."""
        self.ledger.pass_time(time)
        with self.database.begin() as connection:
            for table, column in (
                ("consents", "expires_at"),
                ("consents", "renewed_at"),
                ("consents", "refresh_lease_until"),
                ("consents", "refresh_not_before"),
                ("authorizations", "expires_at"),
            ):
                connection.execute(
                    sqlalchemy.text(f"UPDATE {table} SET {column} = {column} - :time"),
                    {"time": time},
                )

    def count(self, table: str) -> int:
        """How many rows a table has."""
        with self.database.connect() as connection:
            found = connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()
        return int(found)


def a_desk(begin: Begin, database: sqlalchemy.Engine, ledger: PlainLedger | None = None) -> Desk:
    """A billing entity that has no ledger yet, and a ledger that it could connect."""
    ledger = ledger or a_consenting_ledger()
    spec, hints = spec_for(ledger), Hints()
    opener = Opener(
        spec=lambda _: spec,
        keys=KeyRing([Fernet.generate_key().decode()]),
        http=httpx.Client(transport=ledger.transport()),
        timeout_seconds=5,
        allowed_base_urls=("http://plain-ledger",),
        oauth_apps={"memory": APP},
        public_url="https://bridge.example.com",
    )
    engine = Engine(
        begin=begin,
        spec=lambda _: spec,
        open_connector=opener.open,
        renew=opener.renew,
        hints=hints,
        timing=QUICK,
        worker="test",
    )
    with begin() as work:
        entity = work.tenants.add_entity(
            work.tenants.organisation("Acme"), code="FR", legal_name="Acme SARL"
        )
        assert entity is not None
    return Desk(begin, database, ledger, opener, engine, hints, entity.id)
