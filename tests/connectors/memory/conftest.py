"""A workshop for tests of the plain ledger: a ledger, a connector to it, and sample records."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from connectors.base import Accepted, Failed, Operation, Progressed, PushItem, PushResult
from connectors.conformance_kit import Trial
from connectors.errors import ConnectorError
from connectors.memory import SPEC
from connectors.memory.bench import MemoryBench
from connectors.memory.connector import MemoryConnector, MemorySettings
from connectors.memory.simulator import LedgerRules, PlainLedger
from models.canonical import Allocation, AnyRecord, BillingDocument, ObjectType, Payment


class Workshop:
    """A ledger with rules of one's own, and short words for what tests do with it."""

    def __init__(self, rules: LedgerRules) -> None:
        self.bench = MemoryBench(rules)
        self.ledger: PlainLedger = self.bench.ledger
        self.trial = Trial(SPEC, self.bench)
        self.connector: MemoryConnector = self.ledger.connector()

    def use(self, settings: MemorySettings) -> None:
        """Go on with a connector of other settings."""
        self.connector = self.ledger.connector(settings)

    def item(self, kind: ObjectType, record: AnyRecord | None = None, **changes: Any) -> PushItem:
        """A create of a sample, with some fields changed."""
        record = record or self.bench.sample(kind)
        return self.trial.item(kind, record.model_copy(update=changes))

    def push(self, kind: ObjectType, *items: PushItem) -> list[PushResult]:
        """One call."""
        return list(self.connector.push(kind, items))

    def accepted(self, kind: ObjectType, item: PushItem) -> Accepted:
        """Push a record, whatever steps it takes."""
        (result,) = self.push(kind, item)
        while isinstance(result, Progressed):
            item = replace(item, progress=result.progress, platform_id=result.platform_id)
            (result,) = self.push(kind, item)
        assert isinstance(result, Accepted), result
        return result

    def refusal(self, kind: ObjectType, item: PushItem) -> ConnectorError:
        """The error that a record meets."""
        (result,) = self.push(kind, item)
        assert isinstance(result, Failed), result
        return result.error

    def entered(self, kind: ObjectType, **changes: Any) -> str:
        """The id of a sample that somebody entered in the ledger."""
        return self.ledger.enter(self.bench.sample(kind).model_copy(update=changes))

    def document(self, kind: ObjectType, document_id: str) -> BillingDocument:
        """An invoice, bill or credit note as the ledger has it."""
        record = self.ledger.get(kind, document_id).record
        assert isinstance(record, BillingDocument)
        return record

    def payment_of(self, kind: ObjectType, document_id: str, amount: str) -> Payment:
        """A payment that pays one document."""
        payment = self.bench.sample(ObjectType.PAYMENT)
        allocation = Allocation.model_validate(
            {"document_type": kind, "document_id": document_id, "amount": amount}
        )
        changes = {"amount": Decimal(amount), "allocations": (allocation,)}
        copy = payment.model_copy(update=changes)
        assert isinstance(copy, Payment)
        return copy

    def updated(self, item: PushItem, accepted: Accepted, **changes: Any) -> PushItem:
        """The update of what was accepted."""
        return replace(
            item,
            key=item.key[::-1],
            operation=Operation.UPDATE,
            record=item.record.model_copy(update=changes),
            platform_id=accepted.platform_id,
            version=accepted.version,
        )

    def voided(self, item: PushItem, accepted: Accepted) -> PushItem:
        """The void of what was accepted."""
        return replace(self.updated(item, accepted), operation=Operation.VOID)


Workshops = Callable[..., Workshop]


@pytest.fixture
def workshop() -> Workshops:
    """Makes workshops: `workshop(two_steps=True)`."""
    return lambda **rules: Workshop(LedgerRules(**rules))
