"""Ledgers behind a simulated Apideck for the tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.connectors.apideck.bench import PROFILES, ApideckBench


@pytest.fixture
def bench() -> Iterator[ApideckBench]:
    """Xero; the simulator itself never crashes, and nothing is there twice."""
    bench = ApideckBench("xero")
    yield bench
    assert bench.apideck.crashes == []
    assert bench.apideck.twice() == []


@pytest.fixture(params=PROFILES)
def ledger(request: pytest.FixtureRequest) -> Iterator[ApideckBench]:
    """The same for each ledger that is simulated."""
    bench = ApideckBench(request.param)
    yield bench
    assert bench.apideck.crashes == []
    assert bench.apideck.twice() == []
