"""The suite that every connector must pass, on simulated books of France, Spain and Germany."""

from collections.abc import Iterator

import pytest

from connectors.base import Accepted, Failed
from connectors.conformance import Ability, Bench, ConnectorConformance, Trial
from connectors.conformance_faults import AboutErrors
from connectors.conformance_reads import AboutTheSpec
from connectors.conformance_writes import arrived, read_back, update_of
from connectors.sage_active import SPEC
from models.canonical import ObjectType
from tests.connectors.sage_active.bench import SageBench

FROZEN = {ObjectType.INVOICE, ObjectType.BILL}


class TestConformance(ConnectorConformance):
    """French books; where Sage Active differs, the test says why."""

    spec = SPEC
    abilities = frozenset({Ability.DUPLICATE, Ability.STRANGE, Ability.UNREADABLE})
    country = "FR"

    @pytest.fixture
    def bench(self) -> Iterator[Bench]:
        bench = SageBench(self.country)
        yield bench
        assert bench.ledger.crashes == []

    @pytest.mark.parametrize("kind", sorted(kind for kind in SPEC.types if SPEC.pushes(kind)))
    def test_an_update_changes_the_object_and_makes_no_other(
        self, trial: Trial, kind: ObjectType
    ) -> None:
        """Documents are frozen once they are posted; an entry is replaced, and has another id."""
        push = SPEC.pushes(kind)
        assert push is not None
        item, created = trial.create(kind)
        if "update" not in push.operations:
            return
        new = trial.bench.changed(item.record)

        _, result = trial.through(kind, update_of(item, created, new))

        if kind in FROZEN:
            assert isinstance(result, Failed)
            assert result.error.cause is not None
            assert result.error.cause.code == "frozen_in_ledger"
        else:
            assert isinstance(result, Accepted)
            assert arrived(item.record, new, read_back(trial, kind, result).record)
        assert trial.count(kind, item) == 1

    @pytest.mark.parametrize(
        "kind", [ObjectType.CONTACT, ObjectType.ITEM, ObjectType.JOURNAL_ENTRY]
    )
    def test_an_update_may_be_said_twice(self, trial: Trial, kind: ObjectType) -> None:
        """What is posted is frozen: see above."""
        item, created = trial.create(kind)
        changed = update_of(item, created, trial.bench.changed(item.record))

        _, first = trial.create(kind, changed)
        _, again = trial.create(kind, changed)

        assert again.platform_id == first.platform_id
        assert trial.count(kind, item) == 1


def without_errors(cls: type[TestConformance]) -> type[TestConformance]:
    """Leave out what no country's law changes: which answers stand for what."""
    for part in (AboutTheSpec, AboutErrors):
        for name in vars(part):
            if name.startswith("test_"):
                setattr(cls, name, None)
    return cls


@without_errors
class TestSpain(TestConformance):
    """Spanish books: tax numbers in documents, journals for corrections, other rates."""

    country = "ES"


@without_errors
class TestGermany(TestConformance):
    """German books: sessions, texts and numbers that must be there."""

    country = "DE"
