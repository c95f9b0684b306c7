"""Liveness and readiness, as a load balancer sees them."""

from pathlib import Path

import pytest
import sqlalchemy

from tests.api.conftest import Serve


def test_a_process_that_answers_is_alive(serve: Serve) -> None:
    with serve() as client:
        assert client.get("/healthz").json() == {"status": "ok"}


def test_it_is_ready_when_both_servers_answer(serve: Serve) -> None:
    with serve() as client:
        answer = client.get("/readyz")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_without_redis_it_is_degraded_and_still_serves(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LEDGERBRIDGE_REDIS_URL", f"redis+socket://{tmp_path}/none.sock")
    with serve() as client:
        answer = client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json()["status"] == "degraded"


def test_without_the_schema_it_is_down_and_says_what_to_do(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    server = sqlalchemy.create_engine(database_url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.exec_driver_sql("DROP DATABASE IF EXISTS empty_one")
        connection.exec_driver_sql("CREATE DATABASE empty_one")
    url = server.url.set(database="empty_one").render_as_string(hide_password=False)
    monkeypatch.setenv("LEDGERBRIDGE_DATABASE_URL", url)
    with serve() as client:
        answer = client.get("/readyz")
    with server.connect() as connection:
        connection.exec_driver_sql("DROP DATABASE empty_one")
    server.dispose()

    assert answer.status_code == 503
    assert "ledgerbridge migrate" in answer.json()["database"]
