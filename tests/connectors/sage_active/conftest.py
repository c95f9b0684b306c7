"""Simulated books for the tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.connectors.sage_active.bench import SageBench


@pytest.fixture
def bench() -> Iterator[SageBench]:
    """French books; the simulator itself never crashes, and nothing is there twice."""
    bench = SageBench("FR")
    yield bench
    assert bench.ledger.crashes == []
    assert bench.ledger.twice() == []


@pytest.fixture(params=["FR", "ES", "DE"])
def country(request: pytest.FixtureRequest) -> Iterator[SageBench]:
    """The same for each legislation."""
    bench = SageBench(request.param)
    yield bench
    assert bench.ledger.crashes == []
    assert bench.ledger.twice() == []
