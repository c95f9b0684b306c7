"""SoftwareOne does what every source must: for a client and for an operations account."""

from typing import Any, ClassVar

import pytest

from connectors.conformance import SourceConformance
from connectors.softwareone import SPEC
from tests.connectors.softwareone.bench import ENTRIES, MarketplaceBench


class TestClient(SourceConformance):
    spec = SPEC.of({"account_role": "client", "buyers": ["BUY"], **ENTRIES})

    @pytest.fixture
    def bench(self) -> MarketplaceBench:
        return MarketplaceBench("client")


class TestOperations(SourceConformance):
    spec = SPEC.of({"account_role": "operations", "sellers": ["SEL"], **ENTRIES})

    @pytest.fixture
    def bench(self) -> MarketplaceBench:
        return MarketplaceBench("operations")


class TestOtherGeneration(SourceConformance):
    """Where sources disagree, the other reading holds as well."""

    spec = SPEC.of({"account_role": "client", "buyers": ["BUY"], **ENTRIES})
    traits: ClassVar[dict[str, Any]] = {
        "audit_filters": "ignored",
        "error_list": True,
        "line_paths": False,
        "long_times": True,
        "omits_audit": False,
    }

    @pytest.fixture
    def bench(self) -> MarketplaceBench:
        return MarketplaceBench("client", **self.traits)
