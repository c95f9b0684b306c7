"""The suite that every connector must pass, for a British company; what differs in an American."""

from collections.abc import Iterator

import pytest

from connectors.conformance import Ability, Bench, ConnectorConformance
from connectors.conformance_faults import AboutErrors, AboutLostAnswers
from connectors.conformance_reads import AboutTheSpec
from connectors.quickbooks import SPEC
from tests.connectors.quickbooks.bench import QuickBooksBench


class TestConformance(ConnectorConformance):
    """A company anywhere but in the US."""

    spec = SPEC
    abilities = frozenset({Ability.DUPLICATE, Ability.STRANGE, Ability.UNREADABLE})
    country = "uk"

    @pytest.fixture
    def bench(self) -> Iterator[Bench]:
        bench = QuickBooksBench(self.country)
        yield bench
        assert bench.quickbooks.crashes == []


class TestAmerican(TestConformance):
    """Taxes and currencies differ, and with them what documents say."""

    country = "us"


for _part in (AboutTheSpec, AboutErrors, AboutLostAnswers):
    # What no company's ways change: which answers stand for what.
    for _name in vars(_part):
        if _name.startswith("test_"):
            setattr(TestAmerican, _name, None)
