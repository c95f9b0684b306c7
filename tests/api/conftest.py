"""The application on a real server, as clients meet it."""

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import httpx
import pytest
import sqlalchemy
import uvicorn
from cryptography.fernet import Fernet
from fastapi import FastAPI

from api.app import create_app
from connectors.memory.simulator import PlainLedger
from tests.api.world import World
from tests.stack import wait_until

Serve = Callable[[], AbstractContextManager[httpx.Client]]


@contextlib.contextmanager
def on_a_port(app: FastAPI) -> Iterator[str]:
    """Serve an application on loopback; gives its URL."""
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=0,
        log_config=None,
        # Longer URLs than uvicorn lets through by default reach the application, too.
        h11_max_incomplete_event_size=1024 * 1024,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        assert wait_until(lambda: server.started, seconds=10)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def _environment(monkeypatch: pytest.MonkeyPatch, database_url: str, redis_url: str) -> None:
    monkeypatch.setenv("LEDGERBRIDGE_DATABASE_URL", database_url)
    monkeypatch.setenv("LEDGERBRIDGE_REDIS_URL", redis_url)
    monkeypatch.setenv("LEDGERBRIDGE_CREDENTIALS_KEYS", Fernet.generate_key().decode())
    monkeypatch.setenv("LEDGERBRIDGE_API_REQUESTS_PER_SECOND", "100000")


@pytest.fixture
def serve(_environment: None) -> Serve:
    """Serves the application with the environment as it is then; gives a client for it."""

    @contextlib.contextmanager
    def served() -> Iterator[httpx.Client]:
        with (
            on_a_port(create_app()) as url,
            httpx.Client(base_url=url, timeout=10) as client,
        ):
            yield client

    return served


@pytest.fixture
def ledger() -> Iterator[PlainLedger]:
    """A plain ledger on loopback."""
    ledger = PlainLedger()
    with ledger.running():
        yield ledger


@pytest.fixture
def world(
    _environment: None,
    monkeypatch: pytest.MonkeyPatch,
    database: sqlalchemy.Engine,
    ledger: PlainLedger,
) -> Iterator[World]:
    """An organisation with a connected billing entity `FR`, and the API that serves it."""
    assert database is not None
    named = os.environ.get("LEDGERBRIDGE_ALLOWED_BASE_URLS")
    both = ",".join(filter(None, [named, ledger.base_url]))
    monkeypatch.setenv("LEDGERBRIDGE_ALLOWED_BASE_URLS", both)
    app = create_app()
    with on_a_port(app) as url:
        yield World.begin(url, app.state.runtime, ledger)
