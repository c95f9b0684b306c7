"""A simulated organisation for the tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.connectors.xero.bench import XeroBench


@pytest.fixture
def bench() -> Iterator[XeroBench]:
    """British books; the simulator itself never crashes, and nothing is there twice."""
    bench = XeroBench()
    yield bench
    assert bench.xero.crashes == []
    assert bench.xero.twice() == []
