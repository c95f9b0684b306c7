"""The application on a real server, as clients meet it."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import httpx
import pytest
import uvicorn
from cryptography.fernet import Fernet

from api.app import create_app
from tests.stack import wait_until

Serve = Callable[[], AbstractContextManager[httpx.Client]]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch, database_url: str, redis_url: str) -> Serve:
    """Serves the application with the environment as it is then; gives a client for it."""
    monkeypatch.setenv("LEDGERBRIDGE_DATABASE_URL", database_url)
    monkeypatch.setenv("LEDGERBRIDGE_REDIS_URL", redis_url)
    monkeypatch.setenv("LEDGERBRIDGE_CREDENTIALS_KEYS", Fernet.generate_key().decode())

    @contextlib.contextmanager
    def served() -> Iterator[httpx.Client]:
        config = uvicorn.Config(create_app(), host="127.0.0.1", port=0, log_config=None)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        assert wait_until(lambda: server.started, seconds=10)
        port = server.servers[0].sockets[0].getsockname()[1]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
            yield client
        server.should_exit = True
        thread.join(10)

    return served
