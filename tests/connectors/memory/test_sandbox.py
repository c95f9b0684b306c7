"""The spec that fits a ledger, and the sandbox."""

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from connectors.base import (
    CallScope,
)
from connectors.memory.connector import MemoryConnector, MemorySettings
from connectors.memory.simulator import PlainLedger, sandbox, spec_for
from models.canonical import ObjectType

if TYPE_CHECKING:
    from tests.connectors.memory.conftest import Workshops

INVOICE = ObjectType.INVOICE
CONTACT = ObjectType.CONTACT
TAX_RATE = ObjectType.TAX_RATE


class TestSpecFor:
    def test_it_claims_what_the_ledger_does(self, workshop: "Workshops") -> None:
        rules = {
            "batch_size": 7,
            "two_steps": True,
            "frozen_when_posted": True,
            "remembers_keys": timedelta(hours=3),
            "hidden_for": timedelta(seconds=9),
        }

        spec = spec_for(workshop(**rules).ledger)

        push = spec.pushes(INVOICE)
        assert push is not None
        assert (push.batch_size, push.steps) == (7, 2)
        assert "update:invoices" not in spec.capabilities
        assert "update:contacts" in spec.capabilities
        assert spec.idempotency is not None
        assert spec.idempotency.remembered_for == timedelta(hours=3)
        assert spec.consistency_delay == timedelta(seconds=9)


class TestSandbox:
    def test_it_serves_books_that_a_connection_can_be_made_to(self) -> None:
        box = sandbox(seed=7)
        assert isinstance(box.simulator, PlainLedger)
        config = replace(
            box.simulator.config(scope=CallScope("test")),
            settings=MemorySettings.model_validate(box.settings),
        )

        connector = MemoryConnector(config)
        accounts = {
            one.platform_id
            for page in connector.pull(ObjectType.LEDGER_ACCOUNT, None)
            for one in page.records
        }
        rates = {one.platform_id for page in connector.pull(TAX_RATE, None) for one in page.records}
        contacts = [one for page in connector.pull(CONTACT, None) for one in page.records]
        box.simulator.stop()

        assert connector.check().organisation_id == "plain-7"
        assert set(box.settings.values()) <= accounts
        assert rates == {"vat-20", "vat-5.5", "vat-0"}
        assert len(contacts) == 6

    def test_equal_seeds_make_equal_ledgers_and_others_do_not(self) -> None:
        boxes = [sandbox(seed=seed) for seed in (1, 1, 2)]
        keys = [box.credentials["api_key"] for box in boxes]
        for box in boxes:
            box.simulator.stop()

        assert keys[0] == keys[1] != keys[2]
