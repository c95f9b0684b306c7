"""No secret is in anything that leaves the process: planted ones are looked for everywhere."""

import asyncio
import io
import json
import logging
import re
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest
import sqlalchemy
from cryptography.fernet import Fernet
from pydantic import SecretStr

from api.app import create_app
from cli.main import main
from connectors import registry
from connectors.auth import OAuthApp, TokenEndpoint, exchange, refresh
from connectors.auth import OAuthTokens as Tokens
from connectors.base import CallScope, OAuthSpec
from connectors.errors import ConnectorError
from connectors.http import Http
from connectors.loopback import LoopbackServer
from connectors.memory.simulator import LedgerRules, PlainLedger
from models.canonical import ObjectType
from sync import connections, runs
from sync.errors import InvalidInputError, NotAllowedError
from sync.push import push_due
from sync.recover import recover_due
from tests.api.world import World
from tests.factories import SETTINGS, a_contact, an_invoice, shift
from tests.flows.journey import Journey
from tests.security.planted import (
    API_KEY,
    APP_KEY,
    CLIENT_SECRET,
    ECHOES,
    PASSWORD,
    WEBHOOK_KEY,
    WRONG_KEY,
    EchoingLedger,
    Search,
)
from tests.stack import Stack, wait_until
from worker import logs
from worker.app import _check_before_start

KEY = Fernet.generate_key().decode()
APPS = {
    "memory": {
        "client_id": "us",
        "client_secret": CLIENT_SECRET,
        "api_key": APP_KEY,
        "webhook_key": WEBHOOK_KEY,
    }
}


@contextmanager
def everything_logged() -> Iterator[io.StringIO]:
    """All that is logged, as it is logged in production, at the lowest level."""
    root, said = logging.getLogger(), io.StringIO()
    before, handlers = root.level, root.handlers[:]
    levels = {name: logging.getLogger(name).level for name in logs.QUIET}
    stderr, sys.stderr = sys.stderr, said
    try:
        logs.configure("DEBUG", role="test")
        yield said
    finally:
        sys.stderr = stderr
        root.handlers[:] = handlers
        root.setLevel(before)
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


@pytest.fixture
def ledger() -> Iterator[PlainLedger]:
    """A ledger whose key is planted, behind something that can quote it."""
    ledger = PlainLedger(LedgerRules(api_key=API_KEY))
    echoing = EchoingLedger(ledger)
    with echoing.running() as url:
        ledger.base_url = url
        ledger.echoing = echoing  # type: ignore[attr-defined]  # for the tests below
        yield ledger


@pytest.fixture
def planted(
    _environment: None, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> World:
    """The API and its workers, every secret of which is planted."""
    monkeypatch.setenv("LEDGERBRIDGE_CREDENTIALS_KEYS", KEY)
    monkeypatch.setenv("LEDGERBRIDGE_OAUTH_APPS", json.dumps(APPS))
    world: World = request.getfixturevalue("world")
    return world


def fail_in_every_way(world: World, database: sqlalchemy.Engine) -> None:
    """Whatever a program does with a ledger that quotes everything that it is sent."""
    engine, connection = world.runtime.engine, world.connection_id
    echoing: EchoingLedger = world.ledger.echoing  # type: ignore[attr-defined]  # see the fixture
    for name, echo in ECHOES.items():
        world.hand_in(an_invoice(name))
        echoing.echo, echoing.only_writes = echo, True
        push_due(engine, connection, trigger="manual", correlation_id="test")
        recover_due(engine, connection, correlation_id="test")
        echoing.only_writes = False
        with suppress(ConnectorError):
            connections.check(engine, connection)
        with suppress(NotAllowedError):  # after a 401
            runs.trigger_run(engine, connection, types=[ObjectType.INVOICE])
            runs.advance(engine, connection)
        echoing.echo = None
        shift(database, timedelta(hours=12))
        if name == "401":
            good = {"api_key": API_KEY}
            connections.reauthorize(engine, world.runtime.opener, connection, good, actor="test")


def ask_for_everything(world: World) -> Iterator[tuple[str, str]]:
    """What every operation answers that only reads, and the pages for operators."""
    with world.runtime.begin() as work:
        lines = work.log.lines(limit=200)
        issues = [issue for issue, _ in work.issues.listing(world.connection_id)]
        found = work.runs.listing(world.connection_id, 3)
    ids = {
        "record": lines[0].id,
        "issue": issues[0].id,
        "run": found[0].id,
        "connection": world.connection_id,
        "document": lines[0].object_id,
    }
    described = httpx.get(f"{world.url}/openapi.json", timeout=60).json()
    with world.client() as ours, world.client(world.credential(manage=True)) as managing:
        for path, methods in described["paths"].items():
            if "get" not in methods:
                continue
            url = re.sub(
                r"\{(\w+?)(?:_id)?(?::path)?\}",
                lambda match: str(ids.get(match[1].rpartition("_")[2], uuid4())),
                path,
            )
            for client in (ours, managing):
                answer = client.get(f"{world.url}{url}")
                yield f"answer {path}", f"{answer.headers} {answer.text}"
    for page in ("/openapi.json", "/docs", "/metrics", "/healthz", "/readyz"):
        yield f"answer {page}", httpx.get(f"{world.url}{page}", timeout=60).text
    for line in lines:
        with world.runtime.begin() as work:
            for attempt in work.attempts.of_record(line.id):
                yield "attempts", str(vars(attempt))


def refuse_what_people_send(world: World) -> Iterator[tuple[str, str]]:
    """Answers to requests that hold secrets in the wrong place."""
    client_id, secret = world.credential()
    with world.client() as client:
        for url, body in [
            ("/auth/token", {"client_id": [PASSWORD], "client_secret": {"x": PASSWORD}}),
            ("/auth/token", {"client_id": client_id, "client_secret": PASSWORD}),
            ("/auth/token", {"client_id": PASSWORD, "client_secret": secret}),
            ("/documents", {"type": "invoice", "id": 5, "password": PASSWORD}),
            ("/webhook_subscriptions", {"object_type": 5, "url": f"ftp://u:{PASSWORD}@x"}),
        ]:
            answer = client.post(url, json=body)
            assert answer.is_client_error, answer.text
            yield f"refusal {url}", answer.text
        for token in (PASSWORD, f"{PASSWORD}.{PASSWORD}"):
            answer = client.get("/documents", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == 401
            yield "refusal token", answer.text
        answer = client.post(
            f"/incoming/{world.connection_id}",
            content=b"{}",
            headers={"x-plain-signature": WRONG_KEY},
        )
        yield "refusal incoming", answer.text


def test_no_planted_secret_is_in_anything_that_is_kept_logged_or_answered(
    planted: World, database: sqlalchemy.Engine
) -> None:
    world = planted
    with everything_logged() as logged:
        world.hand_in(a_contact())
        world.push()
        with world.client(world.credential(manage=True)) as manager:
            made = manager.post(
                "/webhook_subscriptions",
                json={"object_type": "issue", "url": f"{world.ledger.base_url}/hooks"},
                headers={"Idempotency-Key": "once"},
            ).json()
        fail_in_every_way(world, database)
        (client_id, secret) = world.credential(connection_id=world.connection_id)
        token = world.token((client_id, secret))
        hidden = [API_KEY, CLIENT_SECRET, APP_KEY, WEBHOOK_KEY, KEY, secret, token, made["secret"]]
        search = Search(hidden)
        for where, text in ask_for_everything(world):
            search.through(where, text)
        refusals = Search([*hidden, PASSWORD, WRONG_KEY])
        for where, text in refuse_what_people_send(world):
            refusals.through(where, text)
        with pytest.raises(ConnectorError) as refused:
            connections.reauthorize(
                world.runtime.engine,
                world.runtime.opener,
                world.connection_id,
                {"api_key": WRONG_KEY},
                actor="test",
            )
        refusals.through("refusal reauthorize", repr(vars(refused.value)))
    refusals.through("log", logged.getvalue())
    refusals.through_database(database)

    assert search.found == []
    assert refusals.found == []
    assert search.read["answer"] > 100_000
    assert search.read["attempts"] > 3000
    assert refusals.read["log"] > 5000
    assert refusals.read["table"] > 50_000


class TestOAuth:
    """The token endpoint quotes what it was sent, in every spelling."""

    @pytest.mark.parametrize("echo", ECHOES.values(), ids=list(ECHOES))
    @pytest.mark.parametrize("in_body", [True, False])
    def test_nothing_of_it_is_said_again(self, echo: object, in_body: bool) -> None:
        code, verifier, old = "Zq7-code-66778899", "Zq7-verifier-55667788", "Zq7-refresh-44556677"

        def quoted(request: object) -> object:
            headers = "\n".join(f"{name}: {value}" for name, value in request.headers.items())  # type: ignore[attr-defined]  # a Request
            return echo(f"{request.body.decode()}\n{headers}")  # type: ignore[attr-defined, operator]

        with LoopbackServer(quoted).running() as url, httpx.Client() as client:  # type: ignore[arg-type]
            spec = OAuthSpec(
                authorize_url=f"{url}/a", token_url=f"{url}/t", scopes=(), secret_in_body=in_body
            )
            app = OAuthApp(client_id="us", client_secret=SecretStr(CLIENT_SECRET))
            at, scope = TokenEndpoint(spec, app), CallScope("test")
            said = []
            with pytest.raises(ConnectorError) as first:
                exchange(
                    client, at, code=code, redirect_uri="http://us", verifier=verifier, scope=scope
                )
            said.append(first.value)
            with pytest.raises(ConnectorError) as second:
                refresh(
                    client,
                    at,
                    Tokens(access_token=SecretStr("x"), refresh_token=SecretStr(old)),
                    scope=scope,
                )
            said.append(second.value)

        search = Search([CLIENT_SECRET, code, verifier, old])
        for error in said:
            search.through("error", f"{error!r} {vars(error)}")
        assert search.found == []


class TestWords:
    @pytest.mark.parametrize("at", range(540, 605, 3))
    def test_half_a_secret_is_not_shown_where_words_are_cut(self, at: int) -> None:
        server = LoopbackServer(lambda _: ECHOES["400 in HTML"]("." * at + API_KEY))
        with server.running() as url, httpx.Client() as client:
            http = Http(client, url, CallScope("test"), bearer=SecretStr(API_KEY))
            with pytest.raises(ConnectorError) as caught:
                http.write("POST", "/x")

        assert API_KEY[:7] not in str(caught.value)

    @pytest.mark.parametrize("cut", range(8, len(API_KEY)))
    def test_a_secret_that_a_connector_has_cut_is_not_shown_either(self, cut: int) -> None:
        http = Http(httpx.Client(), "http://x", CallScope("test"), secrets=[API_KEY])

        assert API_KEY[:8] not in http.redact(f"the key is {API_KEY[:cut]}")


class TestValues:
    """What does not fit is named by its field, never by its value."""

    @pytest.mark.parametrize("provider", registry.known())
    def test_credentials_and_settings_of_every_connector(self, provider: str) -> None:
        spec = registry.spec(provider)
        search = Search([PASSWORD])
        for model, what in ((spec.credentials, "credentials"), (spec.settings, "settings")):
            names = [*model.model_fields, "unknown"]
            for given in (
                dict.fromkeys(names, PASSWORD),
                {name: [PASSWORD] for name in names},
                {name: {"x": PASSWORD} for name in names},
                {"unknown": PASSWORD},
            ):
                try:
                    fitting = connections.validated(model, given, what)
                except InvalidInputError as error:
                    search.through(f"error {provider}", f"{error!r} {error.__cause__}")
                    continue
                if what == "credentials":
                    search.through(f"value {provider}", f"{fitting!r} {fitting}")

        assert search.found == []

    @pytest.mark.parametrize(
        "wrong",
        [
            {"LEASE_SECONDS": "5"},
            {"HTTP_TIMEOUT_SECONDS": PASSWORD},
            {"OAUTH_APPS": json.dumps({"memory": {"client_id": "", "client_secret": PASSWORD}})},
            {"OAUTH_APPS": json.dumps({"memory": {"client_id": "x", "client_secret": [PASSWORD]}})},
            {"OAUTH_APPS": json.dumps({"memory": {PASSWORD: PASSWORD}})[:-1]},
            {"OAUTH_APPS": json.dumps({"memory": PASSWORD})},
            {"CREDENTIALS_KEYS": PASSWORD},
            {"DATABASE_URL": f"postgresql+psycopg://u:{PASSWORD}@127.0.0.1:1/x"},
            {"DATABASE_URL": f"oracle://u:{PASSWORD}@127.0.0.1:1/x"},
            {"DATABASE_URL": f"u:{PASSWORD}@127.0.0.1"},
            {"REDIS_URL": f"redis://:{PASSWORD}@127.0.0.1:1/0"},
        ],
        ids=lambda wrong: next(iter(wrong)),
    )
    def test_settings_of_an_operator(
        self,
        wrong: dict[str, str],
        database_url: str,
        redis_url: str,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        given = {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "CREDENTIALS_KEYS": KEY,
            "LOG_LEVEL": "DEBUG",
            **wrong,
        }
        for name, value in given.items():
            monkeypatch.setenv(f"LEDGERBRIDGE_{name}", value)
        monkeypatch.setattr(sys, "argv", ["ledgerbridge", "entities", "list"])

        search = Search([PASSWORD, KEY])
        with everything_logged() as logged:
            for way_in in (main, _check_before_start, served):
                try:
                    search.through("answer", str(way_in()))
                except BaseException:  # SystemExit above all
                    search.through("output", traceback.format_exc())
                    logging.exception("said")  # noqa: LOG015  # what whoever starts it may do
        search.through("log", logged.getvalue())
        shown = capsys.readouterr()
        search.through("output", shown.out + shown.err)

        assert search.found == []
        assert search.read["output"] > 100


def served() -> str:
    """What the API says of its settings."""
    app = create_app()

    async def asked() -> str:
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://api") as client,
        ):
            return (await client.get("/readyz")).text + (await client.get("/v1/documents")).text

    return asyncio.run(asked())


def test_workers_say_no_secret_and_show_none_to_who_lists_processes(
    stack: Stack, ledger: PlainLedger
) -> None:
    stack.environment |= {
        "LEDGERBRIDGE_CREDENTIALS_KEYS": KEY,
        "LEDGERBRIDGE_OAUTH_APPS": json.dumps(APPS),
        "LEDGERBRIDGE_LOG_LEVEL": "DEBUG",
    }
    echoing: EchoingLedger = ledger.echoing  # type: ignore[attr-defined]  # see the fixture
    journey = Journey.begin(
        stack,
        "memory",
        base_url=ledger.base_url,
        credentials={"api_key": API_KEY},
        settings=SETTINGS,
    )
    stack.start_worker()
    beat = stack.start_beat()
    listed = subprocess.run(
        ["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True
    )
    for name in ("400", "500", "401"):
        echoing.echo, echoing.only_writes = ECHOES[name], name != "401"
        journey.hand_in(a_contact(f"C-{name}"))
        wait_until(
            lambda name=name: any(  # type: ignore[misc]  # bound now
                line.status.value not in {"pending", "sending"}
                for line in journey.lines()
                if line.external_id == f"C-{name}"
            )
        )
    journey.runtime.close()
    stack.kill(beat)

    search = Search([API_KEY, CLIENT_SECRET, APP_KEY, WEBHOOK_KEY, KEY])
    search.through("ps", listed.stdout)
    for log in stack.folder.glob("*.log"):
        search.through("log", log.read_text())
    assert search.found == []
    assert "celery" in listed.stdout
    assert search.read["log"] > 1000
