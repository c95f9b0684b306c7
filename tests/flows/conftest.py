"""Whole journeys: real worker processes, a real ledger behind a proxy that can hold requests."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy

from tests.secrets import shown_in
from tests.stack import Stack


@pytest.fixture
def stack(
    database_url: str,
    redis_url: str,
    database: sqlalchemy.Engine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Stack]:
    """An empty database and an empty broker; processes are started by the test."""
    assert database is not None
    stack = Stack(database_url, redis_url, tmp_path)
    with stack.redis() as broker:
        broker.flushall()
    for name, value in stack.environment.items():
        monkeypatch.setitem(os.environ, name, value)
    yield stack
    stack.stop()
    for log in tmp_path.glob("*.log"):
        assert shown_in(log.read_text(errors="replace")) == [], log
