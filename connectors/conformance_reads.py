# ruff: noqa: D102, S101  # a test's name is its sentence, and assertions are its point
"""The part of the suite about the spec, `check` and `pull`."""

import re
from datetime import date, timedelta
from decimal import Decimal
from typing import ClassVar

from connectors.base import Accepted, Changes, ConnectorSettings, ConnectorSpec, Operation, Period
from connectors.conformance_kit import Ability, Trial, both, pulled, pushed, wants
from connectors.errors import AuthorizationLost, Unsupported
from models.canonical import (
    RECORD_CLASSES,
    AnyRecord,
    BillingDocument,
    JournalEntry,
    ObjectType,
    Payment,
    record_adapter,
)


def incremental(spec: ConnectorSpec) -> list[ObjectType]:
    """The types whose pulls go on where the last one ended."""
    return [
        kind for kind in ObjectType if (pull := spec.pulls(kind)) and pull.changes != Changes.NONE
    ]


def unpulled(spec: ConnectorSpec) -> list[ObjectType]:
    """The types that are not pulled."""
    return [kind for kind in ObjectType if spec.pulls(kind) is None]


def dated(_spec: ConnectorSpec) -> list[ObjectType]:
    """The types whose records have a day."""
    return [
        ObjectType.INVOICE,
        ObjectType.BILL,
        ObjectType.CREDIT_NOTE,
        ObjectType.PAYMENT,
        ObjectType.JOURNAL_ENTRY,
    ]


def day_of(record: AnyRecord) -> date:
    """The day of a dated record."""
    match record:
        case BillingDocument():
            return record.issue_date
        case Payment() | JournalEntry():
            return record.date
    raise AssertionError(f"a {record.type} has no day")


class AboutTheSpec:
    """What must hold before anything is called."""

    spec: ClassVar[ConnectorSpec]

    def test_key_and_name_are_fit_for_use(self) -> None:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", self.spec.key)
        assert self.spec.name.strip() == self.spec.name != ""
        assert self.spec.roles, "a connector serves as ledger, as source or as both"

    def test_batches_pages_and_steps_hold_at_least_one(self) -> None:
        for kind, spec in self.spec.types.items():
            assert spec.pull or spec.push, f"{kind} is listed, but nothing is done with it"
            if spec.pull:
                assert spec.pull.page_size >= 1
            if spec.push:
                assert spec.push.batch_size >= 1
                assert spec.push.steps >= 1

    def test_every_pushed_type_says_which_field_carries_the_marker(self) -> None:
        for kind, spec in self.spec.types.items():
            if spec.push:
                assert spec.push.marker, f"how is a {kind.words} found after an unclear write?"

    def test_whatever_is_updated_or_voided_can_be_created(self) -> None:
        for kind, spec in self.spec.types.items():
            if spec.push:
                assert Operation.CREATE in spec.push.operations, f"{kind} is never created"

    def test_capabilities_are_words_of_the_form_verb_and_plural(self) -> None:
        plurals = {kind.plural for kind in ObjectType}
        for capability in self.spec.capabilities:
            verb, _, plural = capability.partition(":")
            assert verb in {"pull", "push", "update", "void"}
            assert plural in plurals

    def test_limits_delays_and_tolerances_are_possible(self) -> None:
        limits = self.spec.limits
        assert limits.concurrent >= 1
        assert limits.per_minute is None or limits.per_minute >= 1
        assert limits.per_day is None or limits.per_day >= 1
        assert limits.in_flight is None or limits.in_flight >= limits.concurrent
        assert limits.per_second is None or limits.per_second >= 1
        assert limits.burst is None or limits.burst >= (limits.per_second or limits.burst + 1)
        assert 0 <= limits.kept_for_pushes < 1
        assert self.spec.consistency_delay >= timedelta(0)
        assert Decimal(0) <= self.spec.rounding_tolerance < 1
        if self.spec.idempotency:
            assert self.spec.idempotency.remembered_for > timedelta(0)

    def test_every_setting_has_a_default(self) -> None:
        assert issubclass(self.spec.settings, ConnectorSettings)
        assert self.spec.settings() == self.spec.settings.model_validate({})

    def test_hosts_are_plain_host_names(self) -> None:
        for host in self.spec.hosts:
            assert re.fullmatch(r"[a-z0-9.-]+", host), f"{host!r} is no host name"


class AboutReading:
    """`check` and `pull`."""

    def test_check_names_the_organisation(self, trial: Trial) -> None:
        identity = trial.connector().check()

        assert identity.organisation_id
        assert identity.organisation_name

    def test_check_says_the_same_every_time(self, trial: Trial) -> None:
        connector = trial.connector()

        assert connector.check() == connector.check() == trial.connector().check()

    def test_wrong_credentials_are_authorization_lost(self, trial: Trial) -> None:
        connector = trial.connector(credentials=trial.bench.wrong_credentials())

        assert isinstance(trial.error_of(connector.check), AuthorizationLost)

    @wants(pulled)
    def test_wrong_credentials_read_nothing(self, trial: Trial, kind: ObjectType) -> None:
        connector = trial.connector(credentials=trial.bench.wrong_credentials())

        error = trial.error_of(lambda: list(connector.pull(kind, None)))

        assert isinstance(error, AuthorizationLost)

    def test_credentials_are_not_shown_when_printed(self, trial: Trial) -> None:
        config = trial.bench.config()

        for secret in trial.bench.secrets():
            assert secret not in f"{config.credentials!r} {config.credentials} {config!r}"

    @wants(unpulled)
    def test_a_type_that_is_not_claimed_is_not_pulled(self, trial: Trial, kind: ObjectType) -> None:
        error = trial.error_of(lambda: trial.pages(kind))

        assert isinstance(error, Unsupported)

    @wants(pulled)
    def test_pages_end_and_no_object_comes_twice(self, trial: Trial, kind: ObjectType) -> None:
        _fill(trial, kind)

        ids = [one.platform_id for page in trial.pages(kind) for one in page.records]

        assert ids, f"there should be {kind.plural} to read"
        assert len(ids) == len(set(ids))

    @wants(pulled)
    def test_everything_pulled_is_a_valid_record_under_its_own_id(
        self, trial: Trial, kind: ObjectType
    ) -> None:
        _fill(trial, kind)

        for page in trial.pages(kind):
            assert not page.bad, f"unreadable: {page.bad}"
            for one in page.records:
                assert isinstance(one.record, RECORD_CLASSES[kind])
                assert one.record.id == one.platform_id
                assert record_adapter.validate_json(one.record.model_dump_json()) == one.record

    @wants(incremental)
    def test_cursors_advance_and_the_last_page_has_one(
        self, trial: Trial, kind: ObjectType
    ) -> None:
        _fill(trial, kind)

        pages = trial.pages(kind)

        cursors = [page.cursor for page in pages if page.cursor is not None]
        assert pages[-1].cursor is not None
        assert len(cursors) == len(set(cursors)), "a cursor that does not move is a loop"

    @wants(incremental)
    def test_a_pull_that_brings_nothing_has_a_cursor_too(
        self, trial: Trial, kind: ObjectType
    ) -> None:
        # Without it, whatever is made and deleted before the next pull is never known as deleted.
        first = trial.pages(kind)
        again = trial.pages(kind, first[-1].cursor)

        assert first[-1].cursor is not None
        assert not again or again[-1].cursor is not None

    @wants(incremental)
    def test_the_next_pull_brings_nothing_that_is_new(self, trial: Trial, kind: ObjectType) -> None:
        _fill(trial, kind)
        first = trial.pages(kind)
        seen = {
            one.platform_id: one.record.content_hash() for page in first for one in page.records
        }

        again = trial.pages(kind, first[-1].cursor)

        # An overlap may bring what is known once more, but unchanged.
        for one in (one for page in again for one in page.records):
            assert seen.get(one.platform_id) == one.record.content_hash()

    @wants(incremental)
    def test_a_pull_resumed_in_the_middle_brings_the_rest(
        self, trial: Trial, kind: ObjectType
    ) -> None:
        _fill(trial, kind)
        pages = trial.pages(kind)

        for place, page in enumerate(pages):
            if page.cursor is None:
                continue
            resumed = trial.pages(kind, page.cursor)
            rest = {one.platform_id for later in pages[place + 1 :] for one in later.records}
            assert rest <= {one.platform_id for some in resumed for one in some.records}

    @wants(both(incremental, pushed()))
    def test_a_new_object_comes_with_the_next_pull(self, trial: Trial, kind: ObjectType) -> None:
        _fill(trial, kind)
        cursor = trial.pages(kind)[-1].cursor

        _, new = trial.create(kind)

        pages = trial.pages(kind, cursor)
        assert new.platform_id in {one.platform_id for page in pages for one in page.records}

    @wants(both(pulled, pushed(), dated))
    def test_a_period_holds_its_documents_and_no_others(
        self, trial: Trial, kind: ObjectType
    ) -> None:
        item, new = trial.create(kind)
        day = day_of(item.record)

        on_it = trial.pages(kind, period=Period(day, day))
        after_it = trial.pages(kind, period=Period(start=day + timedelta(days=1)))
        before_it = trial.pages(kind, period=Period(end=day - timedelta(days=1)))

        days = {one.platform_id: day_of(one.record) for page in on_it for one in page.records}
        assert days[new.platform_id] == day
        assert set(days.values()) == {day}
        for page in (*after_it, *before_it):
            assert new.platform_id not in {one.platform_id for one in page.records}

    @wants(both(pulled, pushed()), ability=Ability.STRANGE)
    def test_unknown_fields_and_words_pass(self, trial: Trial, kind: ObjectType) -> None:
        _, new = trial.create(kind)
        trial.bench.strange(kind, new.platform_id)

        pages = trial.pages(kind)

        assert not [bad for page in pages for bad in page.bad]
        assert new.platform_id in {one.platform_id for page in pages for one in page.records}

    @wants(both(pulled, pushed()), ability=Ability.UNREADABLE)
    def test_an_unreadable_object_does_not_stop_the_page(
        self, trial: Trial, kind: ObjectType
    ) -> None:
        created = [_created(trial, kind) for _ in range(3)]
        before, poison, behind = (one.platform_id for one in created)
        trial.bench.unreadable(kind, poison)

        pages = trial.pages(kind)

        readable = {one.platform_id for page in pages for one in page.records}
        problems = {bad.platform_id: bad.problem for page in pages for bad in page.bad}
        assert {before, behind} <= readable
        assert poison not in readable
        assert problems[poison], "the problem must say what is wrong"


def _created(trial: Trial, kind: ObjectType) -> Accepted:
    return trial.create(kind)[1]


def _fill(trial: Trial, kind: ObjectType) -> None:
    """See to it that there is something to read, where that is in our power."""
    if trial.spec.pushes(kind):
        for _ in range(3):
            trial.create(kind)
