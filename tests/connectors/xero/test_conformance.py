"""The suite that every connector must pass."""

from collections.abc import Iterator

import pytest

from connectors.conformance import Ability, Bench, ConnectorConformance
from connectors.xero import SPEC
from tests.connectors.xero.bench import XeroBench


class TestConformance(ConnectorConformance):
    """British books, several organisations behind one consent."""

    spec = SPEC
    abilities = frozenset({Ability.DUPLICATE, Ability.STRANGE, Ability.UNREADABLE})

    @pytest.fixture
    def bench(self) -> Iterator[Bench]:
        bench = XeroBench()
        yield bench
        assert bench.xero.crashes == []
