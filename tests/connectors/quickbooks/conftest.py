"""Companies of a simulated QuickBooks, new for every test."""

from collections.abc import Iterator

import pytest

from tests.connectors.quickbooks.bench import QuickBooksBench


@pytest.fixture
def uk() -> Iterator[QuickBooksBench]:
    """A British company: VAT codes on lines, several currencies."""
    bench = QuickBooksBench("uk")
    yield bench
    assert bench.quickbooks.crashes == []


@pytest.fixture
def us() -> Iterator[QuickBooksBench]:
    """An American one: one currency, one tax decision for a document."""
    bench = QuickBooksBench("us")
    yield bench
    assert bench.quickbooks.crashes == []
