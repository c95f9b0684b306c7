"""The suite that every connector must pass, on a real Tryton.

It takes about seven minutes there and is run on demand: `TRYTON_CONFORMANCE=1 pytest ...`.
"""

import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from connectors.base import CallScope, ConnectorConfig, Failed
from connectors.conformance import RETRY_AFTER_SECONDS, Ability, ConnectorConformance, Trial
from connectors.conformance import Bench as ConformanceBench
from connectors.conformance_writes import arrived, read_back, update_of
from connectors.faults import Fault
from connectors.tryton import SPEC
from connectors.tryton.settings import TrytonCredentials
from models.canonical import AnyRecord, Contact, Item, JournalEntry, ObjectType, Payment
from tests.connectors.tryton.bench import Bench

WRITES = (
    r"\.(create|write|delete|post|cancel)"
    r"|wizard\.account\.move\.reconcile_lines\.execute"
)
WRITING = rf'"method": "(?!wizard\.[^"]*\.(create|delete))[^"]*({WRITES})"'
READING = rf'"method": "(?!common|[^"]*({WRITES})")[^"]*"'
_people = itertools.count(1)


class TrytonBench(ConformanceBench):
    """The suite's wishes, in terms of our own bench."""

    def __init__(self, bench: Bench) -> None:
        self.own = bench
        self.faults = bench.proxy.faults

    def config(self) -> ConnectorConfig:
        return replace(self.own.config(), scope=CallScope("conformance"))

    def wrong_credentials(self) -> BaseModel:
        # A user of whom Tryton does not know: it locks one out that is tried too often.
        return TrytonCredentials(login=f"nobody-{next(_people)}", password=SecretStr("wrong-word"))

    def sample(self, kind: ObjectType) -> AnyRecord:
        number = next(_people)
        match kind:
            case ObjectType.CONTACT:
                return Contact(id=f"C-{number}", name=f"Contact {number}", email="a@b.example")
            case ObjectType.ITEM:
                return Item(id=f"I-{number}", name=f"Item {number}", unit_price=Decimal(5))
            case ObjectType.INVOICE:
                return self.own.invoice()
            case ObjectType.BILL:
                return self.own.bill()
            case ObjectType.CREDIT_NOTE:
                return self.own.credit_note()
            case ObjectType.PAYMENT:
                bill = self.own.accepted(self.own.bill()).platform_id
                return self.own.payment({bill: "120.00"}, side="supplier")
            case _:
                return self.own.entry()

    def refused(self, kind: ObjectType) -> AnyRecord:
        nowhere = str(10**9)
        line = self.own.line(account_id=nowhere)
        match kind:
            case ObjectType.CONTACT:
                return Contact(id="C-bad", name="Two\nlines")
            case ObjectType.ITEM:
                return Item(id="I-bad", name="Two\nlines")
            case ObjectType.INVOICE:
                return self.own.invoice(lines=[line])
            case ObjectType.BILL:
                return self.own.bill(lines=[line])
            case ObjectType.CREDIT_NOTE:
                return self.own.credit_note(lines=[line])
            case ObjectType.PAYMENT:
                return self.own.payment({self.own.large_bill: "9000000.00"}, side="supplier")
            case _:
                entry = self.own.entry()
                bad = entry.lines[0].model_copy(update={"account_id": nowhere})
                return entry.model_copy(update={"lines": (bad, entry.lines[1])})

    def changed(self, record: AnyRecord) -> AnyRecord:
        match record:
            case Contact() | Item():
                return record.model_copy(update={"name": f"{record.name}, renamed"})
            case Payment():
                part = record.allocations[0].model_copy(update={"amount": Decimal(100)})
                return record.model_copy(update={"amount": Decimal(100), "allocations": (part,)})
            case JournalEntry():
                debit = record.lines[0].model_copy(update={"debit": Decimal(60)})
                credit = record.lines[1].model_copy(update={"credit": Decimal(60)})
                return record.model_copy(update={"lines": (debit, credit)})
        builders: dict[str, Callable[..., AnyRecord]] = {
            ObjectType.INVOICE: self.own.invoice,
            ObjectType.BILL: self.own.bill,
            ObjectType.CREDIT_NOTE: self.own.credit_note,
        }
        kept: dict[str, Any] = record.model_dump(include={"id", "number", "contact_id"})
        account = self.own.purchases if record.type is ObjectType.BILL else self.own.sales
        return builders[record.type](**kept, lines=[self.own.line("70.00", account_id=account)])

    def count(self, kind: ObjectType, marker: str) -> int:
        domains: dict[ObjectType, tuple[str, str]] = {
            ObjectType.CONTACT: ("party.party", "identifiers.code"),
            ObjectType.ITEM: ("product.product", "identifiers.code"),
            ObjectType.PAYMENT: ("account.move", "description"),
            ObjectType.JOURNAL_ENTRY: ("account.move", "description"),
        }
        model, name = domains.get(kind, ("account.invoice", "description"))
        return len(self.own.ledger.find(model, [[name, "like", f"%{marker}%"]], "id"))

    def arm(self, fault: Fault, *, writes: bool, skip: int = 0, times: int = 1) -> None:
        self.faults.arm(
            fault,
            body=WRITING if writes else READING,
            skip=skip,
            times=times,
            retry_after=RETRY_AFTER_SECONDS,
        )

    def wait(self, delay: timedelta) -> None:
        """Tryton has committed when it answers; only what is late on purpose is waited for."""
        del delay
        self.faults.settle()

    def duplicate(self, kind: ObjectType, platform_id: str) -> None:
        ledger, record = self.own.ledger, int(platform_id)
        match kind:
            case ObjectType.CONTACT:
                ledger.rpc("model.party.party.copy", [record])
            case ObjectType.ITEM:
                (row,) = ledger.find("product.product", [["id", "=", record]], "identifiers.code")
                identifiers = [["create", [{"code": one["code"]} for one in row["identifiers."]]]]
                product = {"identifiers": identifiers}
                unit = ledger.id_of("product.uom", symbol="u")
                ledger.rpc(
                    "model.product.template.create",
                    [{"name": "Copy", "default_uom": unit, "products": [["create", [product]]]}],
                )
            case ObjectType.PAYMENT | ObjectType.JOURNAL_ENTRY:
                (row,) = ledger.find("account.move", [["id", "=", record]], "description")
                ledger.rpc("model.account.move.copy", [record], {"description": row["description"]})
            case _:
                ledger.rpc("model.account.invoice.copy", [record])


class TestConformance(ConnectorConformance):
    """Where Tryton differs, the test says why."""

    __test__ = "TRYTON_CONFORMANCE" in os.environ
    spec = SPEC
    abilities = frozenset({Ability.DUPLICATE})

    @pytest.fixture
    def bench(self, bench: Bench) -> Iterator[ConformanceBench]:
        company = [bench.ledger.company_id]
        write = "model.company.company.write"
        # Voids of customer documents are a setting of the company, off by default.
        bench.ledger.rpc(write, company, {"cancel_invoice_out": True})
        yield TrytonBench(bench)
        bench.ledger.rpc(write, company, {"cancel_invoice_out": False})

    @pytest.mark.parametrize("kind", [ObjectType.CONTACT, ObjectType.ITEM])
    def test_an_update_may_be_said_twice(self, trial: Trial, kind: ObjectType) -> None:
        """What is posted is frozen: see below."""
        item, created = trial.create(kind)
        changed = update_of(item, created, trial.bench.changed(item.record))

        trial.create(kind, changed)
        _, again = trial.create(kind, changed)

        assert again.platform_id == created.platform_id

    @pytest.mark.parametrize("kind", sorted(kind for kind in SPEC.types if SPEC.pushes(kind)))
    def test_an_update_changes_the_object_and_makes_no_other(
        self, trial: Trial, kind: ObjectType
    ) -> None:
        """Updates of what is in the books are claimed for drafts only, and refused after."""
        item, created = trial.create(kind)
        new = trial.bench.changed(item.record)

        _, result = trial.through(kind, update_of(item, created, new))

        if kind in {ObjectType.CONTACT, ObjectType.ITEM}:
            assert arrived(item.record, new, read_back(trial, kind, created).record)
        else:
            assert isinstance(result, Failed)
            assert result.error.cause is not None
            assert result.error.cause.code == "frozen_in_ledger"
        assert trial.count(kind, item) == 1
