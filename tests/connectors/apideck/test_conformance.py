"""The suite that every connector must pass, for each ledger behind Apideck that is simulated."""

from collections.abc import Iterator

import pytest

from connectors.apideck import SPEC
from connectors.conformance import Ability, Bench, ConnectorConformance, Trial
from connectors.conformance_faults import AboutErrors
from connectors.conformance_reads import AboutTheSpec, incremental
from connectors.conformance_writes import read_back
from models.canonical import ObjectType, Payment
from tests.connectors.apideck.bench import ApideckBench


class TestConformance(ConnectorConformance):
    """Xero: allocations count at once, payments are deleted, never changed."""

    spec = SPEC.of({"service_id": "xero"})
    abilities = frozenset({Ability.DUPLICATE, Ability.STRANGE, Ability.UNREADABLE})
    profile = "xero"

    @pytest.fixture
    def bench(self) -> Iterator[Bench]:
        bench = ApideckBench(self.profile)
        yield bench
        assert bench.apideck.crashes == []


def without_errors(cls: type[TestConformance]) -> type[TestConformance]:
    """Leave out what no ledger's ways change: which answers stand for what."""
    for part in (AboutTheSpec, AboutErrors):
        for name in vars(part):
            if name.startswith("test_"):
                setattr(cls, name, None)
    return cls


@without_errors
class TestQuickBooks(TestConformance):
    """Allocations count later, every update needs the version, and payments move it."""

    spec = SPEC.of({"service_id": "quickbooks"})
    profile = "quickbooks"

    @pytest.mark.parametrize("kind", [ObjectType.PAYMENT])
    def test_a_payment_is_read_back_with_its_allocations(
        self, trial: Trial, kind: ObjectType
    ) -> None:
        """They show only once QuickBooks has applied them."""
        item, result = trial.create(kind)
        trial.bench.wait(self.spec.consistency_delay)

        there = read_back(trial, kind, result).record
        assert isinstance(there, Payment)
        assert isinstance(item.record, Payment)
        assert there.allocations == item.record.allocations

    @pytest.mark.parametrize("kind", incremental(spec))
    def test_the_next_pull_brings_nothing_that_is_new(self, trial: Trial, kind: ObjectType) -> None:
        """What QuickBooks applies in between is new."""
        if trial.spec.pushes(kind):
            trial.create(kind)
        trial.bench.wait(self.spec.consistency_delay)
        first = {one.platform_id: one.record for page in trial.pages(kind) for one in page.records}
        cursor = trial.pages(kind)[-1].cursor

        for page in trial.pages(kind, cursor):
            for one in page.records:
                assert first[one.platform_id] == one.record


@without_errors
class TestWorkday(TestConformance):
    """No keys, no way to ask for changes, no order, numbers of its own."""

    spec = SPEC.of({"service_id": "workday"})
    profile = "workday"


@without_errors
class TestNetSuite(TestConformance):
    """Cursors that repeat rows and end after a while, pages that are short or empty."""

    spec = SPEC.of({"service_id": "netsuite"})
    profile = "netsuite"
