"""Qargo does what every source must."""

import pytest

from connectors.conformance import SourceConformance
from connectors.qargo import SPEC
from tests.connectors.qargo.bench import QargoBench


class TestConformance(SourceConformance):
    spec = SPEC

    @pytest.fixture
    def bench(self) -> QargoBench:
        return QargoBench()
