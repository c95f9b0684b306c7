# ruff: noqa: S101  # assertions are what a test suite is made of
"""What the conformance suite stands on: the bench that authors give, and the trial of a test."""

import json
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any, TypeVar

from pydantic import BaseModel, SecretBytes, SecretStr

from connectors.base import (
    Absent,
    Accepted,
    Connector,
    ConnectorConfig,
    ConnectorSpec,
    Failed,
    FindResult,
    Found,
    Operation,
    Page,
    Period,
    Progressed,
    PushItem,
    PushResult,
    Unclear,
)
from connectors.errors import ConnectorError, OutcomeUnknown
from connectors.faults import Fault, Faults
from models.canonical import AnyRecord, ObjectType

MOST_PAGES = 10_000
MOST_STEPS = 10


class Ability(StrEnum):
    """What a bench can do beyond what every bench must; each has a method of its name."""

    DUPLICATE = "duplicate"  # copy an object of the ledger together with its marker
    STRANGE = "strange"  # let an object have an unknown field and an unknown status
    UNREADABLE = "unreadable"  # let an object be such that no connector can read it


class Bench(ABC):
    """A ledger with faults in front of it: what the suite tries a connector on.

    The ledger need not be fresh for every test. Everything that `sample` gives must therefore
    be unlike anything before (ids, numbers, names), and `count` goes by marker.
    """

    faults: Faults
    """What `arm` arms; of a `Simulator` or of a `FaultProxy` in front of a real server."""

    @abstractmethod
    def config(self) -> ConnectorConfig:
        """What a connector is built from, with good credentials and a new `CallScope`."""

    @abstractmethod
    def wrong_credentials(self) -> BaseModel:
        """Credentials of the right shape that open nothing."""

    @abstractmethod
    def sample(self, kind: ObjectType) -> AnyRecord:
        """A new record that the ledger accepts, not a draft.

        References in it are ids of the ledger: enter what it needs first. Its totals are those
        that the ledger will compute, give or take the spec's rounding tolerance. A payment
        pays (a part of) a document that is there.
        """

    @abstractmethod
    def refused(self, kind: ObjectType) -> AnyRecord:
        """A new record that can be sent, but that the ledger refuses for what it says itself."""

    @abstractmethod
    def count(self, kind: ObjectType, marker: str) -> int:
        """How many objects of a type carry a marker: asked of the ledger, not of the connector."""

    @abstractmethod
    def arm(self, fault: Fault, *, writes: bool, skip: int = 0, times: int = 1) -> None:
        """Let requests fail that write objects (or those that read), as `Faults.arm` does.

        Logging in is neither. THROTTLE asks to come back after `RETRY_AFTER_SECONDS`.
        """

    def changed(self, record: AnyRecord) -> AnyRecord:
        """A sample with other content, which the ledger accepts as an update of it."""
        raise NotImplementedError("a bench for a connector that claims updates needs `changed`")

    def wait(self, delay: timedelta) -> None:
        """Let time pass for the ledger; a simulator can do better than sleep."""
        time.sleep(delay.total_seconds())

    def secrets(self) -> Sequence[str]:
        """Texts that no message may show: every secret field of the credentials."""
        fields = self.config().credentials.model_dump().values()
        found = [one.get_secret_value() for one in fields if isinstance(one, SecretStr)]
        found += [one.get_secret_value().decode() for one in fields if isinstance(one, SecretBytes)]
        return [one for one in found if one]

    def duplicate(self, kind: ObjectType, platform_id: str) -> None:
        """Copy an object of the ledger, its marker included (`Ability.DUPLICATE`)."""
        raise NotImplementedError

    def strange(self, kind: ObjectType, platform_id: str) -> None:
        """Give an object an unknown field and, where it has one, an unknown status.

        Until the end of the test (`Ability.STRANGE`).
        """
        raise NotImplementedError

    def unreadable(self, kind: ObjectType, platform_id: str) -> None:
        """Make an object unreadable, as a defect would, until the end of the test.

        (`Ability.UNREADABLE`.)
        """
        raise NotImplementedError


RETRY_AFTER_SECONDS = 7
"""What an armed THROTTLE asks for."""

Kinds = Callable[[ConnectorSpec], Iterable[ObjectType]]


@dataclass(frozen=True)
class Wants:
    """What a test needs in order to exist."""

    kinds: Kinds | None = None
    when: Callable[[ConnectorSpec], bool] | None = None
    ability: Ability | None = None


_Test = TypeVar("_Test", bound=Callable[..., None])


def wants(
    kinds: Kinds | None = None,
    *,
    when: Callable[[ConnectorSpec], bool] | None = None,
    ability: Ability | None = None,
) -> Callable[[_Test], _Test]:
    """Let a test exist only where it applies, once for each of `kinds` (its argument `kind`)."""

    def mark(test: _Test) -> _Test:
        test.wants = Wants(kinds, when, ability)  # type: ignore[attr-defined]  # read by the suite
        return test

    return mark


def pulled(spec: ConnectorSpec) -> list[ObjectType]:
    """The types that are pulled."""
    return [kind for kind in ObjectType if spec.pulls(kind)]


def pushed(operation: Operation = Operation.CREATE) -> Kinds:
    """The types on which an operation is claimed."""
    return lambda spec: [kind for kind in ObjectType if spec.pushes(kind, operation)]


def both(*conditions: Kinds) -> Kinds:
    """The types that meet several conditions."""
    return lambda spec: [
        kind for kind in ObjectType if all(kind in condition(spec) for condition in conditions)
    ]


class Trial:
    """One test's dealings with a connector; no error that leaves it goes unexamined."""

    def __init__(self, spec: ConnectorSpec, bench: Bench) -> None:
        self.spec = spec
        self.bench = bench

    def connector(self, **config: Any) -> Connector:
        """A new connector, as a new process would build it; `config` replaces parts of its own."""
        return self.spec.build(replace(self.bench.config(), **config))

    def item(self, kind: ObjectType, record: AnyRecord | None = None, **fields: Any) -> PushItem:
        """A record to create, with a key and a marker of its own."""
        return PushItem(
            key=uuid.uuid4().hex,
            marker=f"LB-{uuid.uuid4().hex[:16].upper()}",
            operation=fields.pop("operation", Operation.CREATE),
            record=record if record is not None else self.bench.sample(kind),
            **fields,
        )

    def error_of(self, call: Callable[[], object]) -> ConnectorError:
        """The error that a call raises.

        Raises:
            AssertionError: It raises none, or another sort of error, or shows a secret.
        """
        try:
            call()
        except ConnectorError as error:
            self.examine(error)
            return error
        raise AssertionError("it raised no error")

    def examine(self, error: ConnectorError) -> None:
        """Check that an error is fit to be shown."""
        shown = f"{error} {error!r} {error.args} {vars(error)}"
        for secret in self.bench.secrets():
            assert secret not in shown, f"{type(error).__name__} shows a secret"
        assert str(error), f"{type(error).__name__} says nothing"
        assert str(error) == error.message

    def push(
        self, kind: ObjectType, items: Sequence[PushItem], connector: Connector | None = None
    ) -> list[PushResult]:
        """One push: its results, or the error of the whole call as the result of each item."""
        try:
            results = list((connector or self.connector()).push(kind, items))
        except ConnectorError as error:
            results = [Failed(error)] * len(items)
        assert len(results) == len(items), "there must be one result per item"
        for result in results:
            assert isinstance(result, Accepted | Progressed | Failed)
            if isinstance(result, Failed):
                self.examine(result.error)
        return results

    def find(self, kind: ObjectType, items: Sequence[PushItem]) -> list[FindResult]:
        """One look-up by a new connector."""
        results = list(self.connector().find(kind, items))
        assert len(results) == len(items), "there must be one result per item"
        assert all(isinstance(result, Found | Absent | Unclear) for result in results)
        return results

    def pages(
        self, kind: ObjectType, cursor: str | None = None, *, period: Period | None = None
    ) -> list[Page]:
        """A whole pull by a new connector."""
        pages: list[Page] = []
        for page in self.connector().pull(kind, cursor, period=period):
            pages.append(page)
            assert len(pages) < MOST_PAGES, "the pages do not end"
        return pages

    def through(self, kind: ObjectType, item: PushItem) -> tuple[PushItem, PushResult]:
        """Push a record until it is done or fails, each step by a new connector.

        Returns:
            The item as it was last sent, and what came of it.
        """
        for _ in range(MOST_STEPS):
            (result,) = self.push(kind, [item])
            if not isinstance(result, Progressed):
                return item, result
            item = after(item, result)
        raise AssertionError(f"it is not done after {MOST_STEPS} steps")

    def create(self, kind: ObjectType, item: PushItem | None = None) -> tuple[PushItem, Accepted]:
        """Write a (sample) record, all of its steps."""
        item, result = self.through(kind, item or self.item(kind))
        assert isinstance(result, Accepted), _why(result)
        return item, result

    def found(self, kind: ObjectType, item: PushItem) -> Found:
        """What a look-up finds, at the latest when the provider's consistency delay is over."""
        (result,) = self.find(kind, [item])
        if isinstance(result, Absent):
            self.bench.wait(self.spec.consistency_delay)
            (result,) = self.find(kind, [item])
        assert isinstance(result, Found), f"it is in the ledger, but find says {result}"
        return result

    def finish(self, kind: ObjectType, item: PushItem, found: Found) -> Accepted:
        """Do the steps that are missing after a look-up."""
        if found.progress is None:
            return found.accepted
        item = replace(
            item, progress=stored(found.progress), platform_id=found.accepted.platform_id
        )
        return self.create(kind, item)[1]

    def count(self, kind: ObjectType, item: PushItem) -> int:
        """How many objects with an item's marker the ledger has."""
        return self.bench.count(kind, item.marker)

    def broken_off(self, kind: ObjectType, fault: Fault) -> Iterator[tuple[int, PushItem]]:
        """Push samples whose first write meets a fault, then the second ..., as many as there are.

        Gives how many writes went well before, and the item as it was last sent. That what
        became of it is unknown has been checked.
        """
        for write in range(MOST_STEPS):
            item = self.item(kind)
            before = self.bench.faults.injected[fault]
            self.bench.arm(fault, writes=True, skip=write)
            item, result = self.through(kind, item)
            self.bench.faults.clear()
            if self.bench.faults.injected[fault] == before:
                assert write, "the bench did not let the write fail"
                return
            assert_unknown(result)
            yield write, item


def assert_unknown(result: PushResult) -> None:
    """Check that a push says that it does not know what became of the record."""
    assert isinstance(result, Failed), f"the answer was lost, but push says {result}"
    assert isinstance(result.error, OutcomeUnknown), repr(result.error)


def after(item: PushItem, step: Progressed) -> PushItem:
    """The item for the next step, from what the database kept of the one before."""
    return replace(
        item, progress=stored(step.progress), platform_id=step.platform_id or item.platform_id
    )


def stored(progress: Any) -> Any:
    """Progress as it comes back from the database."""
    return json.loads(json.dumps(dict(progress)))


def _why(result: PushResult) -> str:
    if isinstance(result, Failed):
        return f"the ledger should accept it, but: {type(result.error).__name__}: {result.error}"
    return f"the ledger should accept it, but: {result}"
