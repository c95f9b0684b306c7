"""The conformance suite itself: which tests it has for whom, and that wrong connectors fail it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import Mock

import httpx
import pytest

from connectors.base import (
    Absent,
    Accepted,
    ConnectorConfig,
    ConnectorSpec,
    Failed,
    FindResult,
    Found,
    Operation,
    Page,
    Period,
    PushItem,
    PushResult,
    TypeSpec,
    Unclear,
)
from connectors.conformance import Ability, ConnectorConformance, Trial
from connectors.errors import ConnectorError, OutcomeUnknown, Rejected, Transient
from connectors.faults import Fault
from connectors.memory import SPEC
from connectors.memory.bench import MemoryBench
from connectors.memory.connector import MemoryConnector
from connectors.memory.simulator import LedgerRules, PlainLedger, spec_for
from models.canonical import ObjectType

INVOICE, CONTACT = ObjectType.INVOICE, ObjectType.CONTACT


def suite(**members: Any) -> type[ConnectorConformance]:
    """A subclass, as an author writes it."""
    return type("Suite", (ConnectorConformance,), members)


def members_of(cls: type) -> dict[str, Any]:
    """What pytest collects of a class."""
    return {
        name: member
        for name in dir(cls)
        if name.startswith("test_") and callable(member := getattr(cls, name))
    }


def kinds_of(test: Any) -> list[ObjectType]:
    """The types that a test runs for."""
    (kinds,) = [mark.args[1] for mark in test.pytestmark if mark.args[0] == "kind"]
    return list(kinds)


READ_ONLY = replace(
    SPEC, types={kind: TypeSpec(pull=spec.pull) for kind, spec in SPEC.types.items()}
)
KEYED = spec_for(PlainLedger(LedgerRules(remembers_keys=timedelta(days=1))))
SINGLE = spec_for(PlainLedger(LedgerRules(batch_size=1)))
STEPPED = spec_for(PlainLedger(LedgerRules(two_steps=True)))


class TestWhichTestsThereAre:
    def test_each_runs_for_the_types_that_claim_it(self) -> None:
        tests = members_of(suite(spec=SPEC))

        voided = kinds_of(tests["test_a_void_may_be_said_twice"])
        pulled = kinds_of(tests["test_pages_end_and_no_object_comes_twice"])
        assert {kind for kind in ObjectType if SPEC.pushes(kind, Operation.VOID)} == set(voided)
        assert set(pulled) == set(ObjectType)

    @pytest.mark.parametrize(
        ("name", "without", "spec"),
        [
            ("test_the_same_key_twice_makes_one_object", SPEC, KEYED),
            ("test_there_is_one_result_per_item_in_order", SINGLE, SPEC),
            ("test_a_new_process_goes_on_from_stored_progress", SPEC, STEPPED),
            ("test_a_created_object_carries_its_marker_and_is_there_once", READ_ONLY, SPEC),
        ],
    )
    def test_what_is_not_claimed_has_no_test(
        self, name: str, without: ConnectorSpec, spec: ConnectorSpec
    ) -> None:
        assert name not in members_of(suite(spec=without))
        assert name in members_of(suite(spec=spec))

    @pytest.mark.parametrize(
        ("ability", "name"),
        [
            (
                Ability.DUPLICATE,
                "test_two_objects_with_one_marker_are_a_question_for_a_person",
            ),
            (Ability.STRANGE, "test_unknown_fields_and_words_pass"),
            (Ability.UNREADABLE, "test_an_unreadable_object_does_not_stop_the_page"),
        ],
    )
    def test_what_the_bench_cannot_do_has_no_test(self, ability: Ability, name: str) -> None:
        assert name not in members_of(suite(spec=SPEC, abilities=frozenset(Ability) - {ability}))
        assert name in members_of(suite(spec=SPEC, abilities=frozenset({ability})))

    def test_an_authors_own_version_of_a_test_stays(self) -> None:
        name = "test_a_void_may_be_said_twice"
        own = Mock(name="the provider refuses it")

        cls = suite(spec=SPEC, **{name: own})
        heir = type("Heir", (cls,), {"spec": STEPPED})

        assert members_of(cls)[name] is members_of(heir)[name] is own

    def test_a_subclass_of_a_subclass_follows_its_own_spec(self) -> None:
        parent = suite(spec=READ_ONLY)
        heir = type("Heir", (parent,), {"spec": SPEC})

        name = "test_a_void_may_be_said_twice"
        assert name not in members_of(parent)
        assert len(kinds_of(members_of(heir)[name])) == 5
        assert len(kinds_of(members_of(type("Heir", (heir,), {}))[name])) == 5

    def test_one_class_does_not_change_another(self) -> None:
        before = set(members_of(suite(spec=KEYED)))

        suite(spec=READ_ONLY)

        assert set(members_of(suite(spec=KEYED))) == before


class Twice(MemoryConnector):
    """Repeats a write by itself when the answer is lost."""

    def push(self, kind: ObjectType, items: Sequence[PushItem]) -> Sequence[PushResult]:
        try:
            return super().push(kind, items)
        except OutcomeUnknown:
            return super().push(kind, items)


class Sure(MemoryConnector):
    """Takes a lost answer for a refusal."""

    def push(self, kind: ObjectType, items: Sequence[PushItem]) -> Sequence[PushResult]:
        try:
            return super().push(kind, items)
        except OutcomeUnknown as error:
            raise Transient(error.message) from None


class Disordered(MemoryConnector):
    """Gives results in another order."""

    def push(self, kind: ObjectType, items: Sequence[PushItem]) -> Sequence[PushResult]:
        return list(reversed(super().push(kind, items)))


class Unmarked(MemoryConnector):
    """Forgets to write the marker."""

    def push(self, kind: ObjectType, items: Sequence[PushItem]) -> Sequence[PushResult]:
        return super().push(kind, [replace(item, marker="") for item in items])


class Deaf(MemoryConnector):
    """Takes a look-up that failed for a proof of absence, and two objects for one."""

    def find(self, kind: ObjectType, items: Sequence[PushItem]) -> Sequence[FindResult]:
        try:
            results = super().find(kind, items)
        except ConnectorError:
            return [Absent()] * len(items)
        accepted = Accepted("somewhere")
        return [Found(accepted) if isinstance(one, Unclear) else one for one in results]


class Miscounting(MemoryConnector):
    """Reports totals that are not the ledger's."""

    def push(self, kind: ObjectType, items: Sequence[PushItem]) -> Sequence[PushResult]:
        return [
            replace(one, totals=replace(one.totals, total=one.totals.net))
            if isinstance(one, Accepted)
            else one
            for one in super().push(kind, items)
        ]


class Whole(MemoryConnector):
    """Fails a whole batch for one bad record."""

    def push(self, kind: ObjectType, items: Sequence[PushItem]) -> Sequence[PushResult]:
        results = super().push(kind, items)
        if any(isinstance(one, Failed) for one in results):
            return [Failed(Rejected("one of them is bad"))] * len(items)
        return results


class Forgetful(MemoryConnector):
    """Loses the cursor, and reads every period as all time."""

    def pull(
        self, kind: ObjectType, cursor: str | None, *, period: Period | None = None
    ) -> Iterator[Page]:
        del period
        for page in super().pull(kind, cursor):
            yield replace(page, cursor="the beginning")


class Rude(MemoryConnector):
    """Lets errors of others through, and shows its key."""

    def __init__(self, config: ConnectorConfig) -> None:
        super().__init__(config)
        self._config = config

    def push(self, kind: ObjectType, items: Sequence[PushItem]) -> Sequence[PushResult]:
        key = self._config.credentials.model_dump()["api_key"].get_secret_value()
        try:
            return super().push(kind, items)
        except ConnectorError as error:
            raise Rejected(f"{error} (with {key})") from None

    def pull(
        self, kind: ObjectType, cursor: str | None, *, period: Period | None = None
    ) -> Iterator[Page]:
        answer = self._config.http.get(f"{self._config.base_url}/{kind.plural}")
        answer.raise_for_status()
        yield from super().pull(kind, cursor, period=period)


class Strict(MemoryConnector):
    """Stops at the first object that it cannot read."""

    def pull(
        self, kind: ObjectType, cursor: str | None, *, period: Period | None = None
    ) -> Iterator[Page]:
        for page in super().pull(kind, cursor, period=period):
            if page.bad:
                raise Rejected(page.bad[0].problem)
            yield page


class Impatient(MemoryConnector):
    """Takes no notice of deadlines."""

    def __init__(self, config: ConnectorConfig) -> None:
        config.scope.deadline = None
        super().__init__(config)


MISTAKES: list[tuple[type[MemoryConnector], str]] = [
    (Twice, "test_what_was_committed_before_the_answer_was_lost_is_found_once"),
    (Sure, "test_what_was_lost_before_commit_is_absent_and_may_be_sent_again"),
    (Sure, "test_a_lost_batch_is_found_item_by_item_in_order"),
    (Disordered, "test_there_is_one_result_per_item_in_order"),
    (Unmarked, "test_a_created_object_carries_its_marker_and_is_there_once"),
    (Unmarked, "test_what_was_committed_before_the_answer_was_lost_is_found_once"),
    (Deaf, "test_two_objects_with_one_marker_are_a_question_for_a_person"),
    (Deaf, "test_a_look_up_that_fails_proves_nothing"),
    (Sure, "test_an_answer_that_says_nothing_leaves_the_outcome_unknown"),
    (Rude, "test_a_throttled_write_says_when_to_come_back"),
    (Miscounting, "test_the_ledgers_totals_are_ours_within_the_rounding_tolerance"),
    (Miscounting, "test_the_totals_that_are_read_back_are_those_that_the_write_gave"),
    (Whole, "test_a_refused_record_does_not_hold_up_its_batch"),
    (Forgetful, "test_cursors_advance_and_the_last_page_has_one"),
    (Forgetful, "test_a_period_holds_its_documents_and_no_others"),
    (Rude, "test_wrong_credentials_read_nothing"),
    (Rude, "test_wrong_credentials_write_nothing"),
    (Strict, "test_an_unreadable_object_does_not_stop_the_page"),
    (Impatient, "test_nothing_leaves_after_the_deadline"),
]


class TestWrongConnectors:
    @pytest.fixture
    def run(self) -> Callable[[type[MemoryConnector], str], None]:
        """Run a test of the suite on a connector, for invoices."""

        def run(connector: type[MemoryConnector], name: str) -> None:
            spec = replace(SPEC, build=connector)
            cls = suite(spec=spec, abilities=frozenset(Ability))
            test = members_of(cls)[name]
            trial = Trial(spec, MemoryBench(LedgerRules(page_size=2)))
            given = {"kind": INVOICE, "fault": Fault.GARBAGE, "status": 503}
            wanted = test.__code__.co_varnames[: test.__code__.co_argcount]
            test(cls(), trial, **{name: given[name] for name in wanted if name in given})

        return run

    @pytest.mark.parametrize(
        ("connector", "name"), MISTAKES, ids=[f"{one.__name__}-{name}" for one, name in MISTAKES]
    )
    def test_each_mistake_is_caught(
        self,
        run: Callable[[type[MemoryConnector], str], None],
        connector: type[MemoryConnector],
        name: str,
    ) -> None:
        run(MemoryConnector, name)

        with pytest.raises((AssertionError, ConnectorError, httpx.HTTPError)):
            run(connector, name)


class TestTrial:
    @pytest.fixture
    def trial(self) -> Trial:
        return Trial(SPEC, MemoryBench(LedgerRules()))

    def test_a_call_without_an_error_is_told_apart(self, trial: Trial) -> None:
        with pytest.raises(AssertionError, match="raised no error"):
            trial.error_of(trial.connector().check)

    def test_an_error_that_shows_a_secret_is_refused(self, trial: Trial) -> None:
        error = Rejected("wrong", code=trial.bench.secrets()[0])

        with pytest.raises(AssertionError, match="shows a secret"):
            trial.examine(error)

    def test_every_item_is_unlike_the_others(self, trial: Trial) -> None:
        items = [trial.item(CONTACT) for _ in range(3)]

        assert len({item.key for item in items} | {item.marker for item in items}) == 6
        assert all(len(item.key) == 32 and len(item.marker) <= 20 for item in items)

    def test_a_bench_that_lets_nothing_fail_is_noticed(self) -> None:
        trial = Trial(SPEC, LameBench(LedgerRules()))

        with pytest.raises(AssertionError, match="did not let the write fail"):
            list(trial.broken_off(CONTACT, Fault.DROP_AFTER))


class LameBench(MemoryBench):
    """Arms nothing."""

    def arm(self, fault: Fault, *, writes: bool, skip: int = 0, times: int = 1) -> None:
        """Does nothing."""
