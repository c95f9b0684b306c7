"""The memory connector on plain ledgers that behave like different kinds of provider."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from connectors.base import ConnectorConfig
from connectors.conformance import Ability, Bench, ConnectorConformance
from connectors.memory import SPEC
from connectors.memory.bench import MemoryBench
from connectors.memory.simulator import (
    LedgerRules,
    Numbers,
    PlainLedger,
    TaxRounding,
    spec_for,
)


class OnPlainLedger(ConnectorConformance):
    """What all the variants below share."""

    rules = LedgerRules()
    abilities = frozenset(Ability)

    @pytest.fixture
    def bench(self) -> Iterator[Bench]:
        bench = MemoryBench(self.rules)
        yield bench
        assert bench.ledger.crashes == []


class TestTheUsualLedger(OnPlainLedger):
    """One step, batches with a result per item, no idempotency keys."""

    spec = SPEC


class TestIdempotentInTwoSteps(OnPlainLedger):
    """Drafts that are posted afterwards; keys are remembered, refusals too."""

    rules = LedgerRules(
        two_steps=True,
        remembers_keys=timedelta(hours=24),
        replays_errors=True,
        page_size=2,
        tax_rounding=TaxRounding.PER_LINE,
    )
    spec = spec_for(PlainLedger(rules))


class TestAtomicBatches(OnPlainLedger):
    """One bad item refuses the whole call; what is new cannot be looked up at once."""

    rules = LedgerRules(
        atomic_batches=True,
        two_steps=True,
        numbers=Numbers.DOCUMENT,
        hidden_for=timedelta(minutes=1),
        page_size=2,
    )
    spec = spec_for(PlainLedger(rules))


class TestOneAtATimeAndFrozen(OnPlainLedger):
    """No batch calls, nothing posted can be changed, and pages that overlap."""

    rules = LedgerRules(
        batch_size=1,
        frozen_when_posted=True,
        page_size=2,
        repeats_across_pages=True,
        clock_skew=timedelta(minutes=-5),
    )
    spec = spec_for(PlainLedger(rules))


class BenchOverSockets(MemoryBench):
    """A ledger behind a real server, which all tests share as they would a real one."""

    def __init__(self, client: httpx.Client, rules: LedgerRules) -> None:
        super().__init__(rules)
        self.ledger.start()
        self._client = client

    def config(self) -> ConnectorConfig:
        return replace(super().config(), http=self._client)


@pytest.fixture(scope="module")
def shared() -> Iterator[Bench]:
    with httpx.Client() as client:
        bench = BenchOverSockets(client, LedgerRules())
        yield bench
        bench.ledger.stop()
        assert bench.ledger.crashes == []


class TestOverSockets(ConnectorConformance):
    """The usual ledger behind a real server, never reset."""

    spec = SPEC
    abilities = frozenset({Ability.DUPLICATE, Ability.STRANGE})

    @pytest.fixture
    def bench(self, shared: Bench) -> Bench:
        return shared
