# ruff: noqa: D102, S101  # a test's name is its sentence, and assertions are its point
"""The part of the suite about sources: documents come from them, reports go back to some.

Its bench is a billing platform with documents of ours and of somebody else. What comes out of a
source is posted in books, so the first rule is that nothing of anybody else's ever does.
"""

import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, ClassVar

from pydantic import SecretStr

from connectors.base import (
    REPORTS,
    Absent,
    Accepted,
    BadRecord,
    Changes,
    Connector,
    ConnectorConfig,
    ConnectorSpec,
    Elsewhere,
    Failed,
    Found,
    Operation,
    Page,
    Period,
    PulledRecord,
    PushItem,
    Report,
    Role,
)
from connectors.conformance_kit import MOST_PAGES, RETRY_AFTER_SECONDS, Trial, wants
from connectors.errors import (
    ActionRequired,
    AuthorizationLost,
    ConnectorError,
    OutcomeUnknown,
    RateLimited,
    Transient,
    Unsupported,
)
from connectors.faults import Fault, Faults
from models.canonical import (
    RECORD_CLASSES,
    BillingDocument,
    JournalEntry,
    ObjectType,
    record_adapter,
)


class Distortion(StrEnum):
    """What is wrong with a document in the source's answers, until the end of the test."""

    STRANGE = "strange"  # an unknown field, an unknown word where there may be one
    UNREADABLE = "unreadable"  # no connector can read it
    FOREIGN = "foreign"  # it is another billing entity's, whatever was asked for


class SourceBench(ABC):
    """A billing platform with faults in front of it: what the suite tries a source on.

    It need not be fresh for every test: what `issue` makes is unlike anything before.
    """

    faults: Faults
    """What `arm` arms."""

    @abstractmethod
    def config(self) -> ConnectorConfig:
        """What a connector for our billing entity is built from, ready to be used."""

    @abstractmethod
    def stranger(self) -> ConnectorConfig:
        """The same with credentials of the right shape that open nothing."""

    @abstractmethod
    def wrong_role(self) -> ConnectorConfig:
        """The same with good credentials that are not for this: another kind of account."""

    @abstractmethod
    def issue(self, kind: ObjectType) -> str:
        """Somebody issues a document for our billing entity; its id there."""

    @abstractmethod
    def issue_elsewhere(self, kind: ObjectType) -> str:
        """The same for another billing entity."""

    @abstractmethod
    def distort(self, kind: ObjectType, platform_id: str, how: Distortion) -> None:
        """Let the source's answers have a document otherwise, until the faults are cleared."""

    @abstractmethod
    def arm(self, fault: Fault, *, writes: bool, times: int = 1) -> None:
        """Let requests fail that read documents, or that report.

        THROTTLE asks to come back after `RETRY_AFTER_SECONDS`.
        """

    def change(self, kind: ObjectType, platform_id: str) -> None:
        """Somebody changes the content of a document (sources that tell what changed)."""
        raise NotImplementedError

    def reports(self, platform_id: str) -> Sequence[Operation]:
        """What the source took as said about a document, in its own books (where it is told)."""
        raise NotImplementedError

    def wait(self, delay: timedelta) -> None:
        """Let time pass there."""
        raise NotImplementedError

    def secrets(self) -> Sequence[str]:
        """Texts that no message may show."""
        fields = self.config().credentials.model_dump().values()
        return [one.get_secret_value() for one in fields if isinstance(one, SecretStr)]


class SourceTrial:
    """One test's dealings with a source; no error that leaves it goes unexamined."""

    def __init__(self, spec: ConnectorSpec, bench: SourceBench) -> None:
        self.spec = spec
        self.bench = bench

    def connector(self, config: ConnectorConfig | None = None) -> Connector:
        """A new connector, as a new process would build it."""
        return self.spec.build(config or self.bench.config())

    def error_of(self, call: Callable[[], object]) -> ConnectorError:
        """The error that a call raises, which must be fit to be shown."""
        return Trial.error_of(self, call)  # type: ignore[arg-type]  # it needs `examine` only

    def examine(self, error: ConnectorError) -> None:
        """Check that an error is fit to be shown."""
        Trial.examine(self, error)  # type: ignore[arg-type]  # it needs the bench's secrets only

    def pages(
        self, kind: ObjectType, cursor: str | None = None, *, period: Period | None = None
    ) -> list[Page]:
        """A whole pull by a new connector."""
        pages: list[Page] = []
        for page in self.connector().pull(kind, cursor, period=period):
            pages.append(page)
            assert len(pages) < MOST_PAGES, "the pages do not end"
        return pages

    def records(self, kind: ObjectType, cursor: str | None = None) -> dict[str, PulledRecord]:
        """All records of a pull, by id; none comes twice."""
        found = [one for page in self.pages(kind, cursor) for one in page.records]
        assert len({one.platform_id for one in found}) == len(found), "an object comes twice"
        return {one.platform_id: one for one in found}

    def report(self, kind: ObjectType, platform_id: str, operation: Operation) -> PushItem:
        """What is said about a document that was read."""
        pulled = self.records(kind)[platform_id]
        return PushItem(
            key=uuid.uuid4().hex,
            marker=f"LB-{uuid.uuid4().hex[:16].upper()}",
            operation=operation,
            record=pulled.record,
            platform_id=platform_id,
            progress=dict(pulled.handle or {}),
            report=Report(ledger_id="L-1", message="The customer has no tax number."),
        )


def documents(spec: ConnectorSpec) -> list[ObjectType]:
    """The types of documents that are read for a ledger."""
    dated = (
        ObjectType.INVOICE,
        ObjectType.BILL,
        ObjectType.CREDIT_NOTE,
        ObjectType.JOURNAL_ENTRY,
    )
    return [kind for kind in dated if spec.pulls(kind)]


def changing(spec: ConnectorSpec) -> list[ObjectType]:
    """Those of which a pull brings what changed."""
    return [
        kind
        for kind in documents(spec)
        if (pull := spec.pulls(kind)) and pull.changes is Changes.MODIFIED_SINCE
    ]


def reported(spec: ConnectorSpec) -> list[ObjectType]:
    """Those that the source wants to be told about."""
    return [kind for kind in documents(spec) if spec.pushes(kind, Operation.COMPLETE)]


def told_of_payments(spec: ConnectorSpec) -> list[ObjectType]:
    """Those of which it wants to know whether they are paid."""
    return [kind for kind in reported(spec) if spec.pushes(kind, Operation.PAID)]


def unreported(spec: ConnectorSpec) -> list[ObjectType]:
    """Those that it does not."""
    return [kind for kind in documents(spec) if not spec.pushes(kind)]


def unread(spec: ConnectorSpec) -> list[ObjectType]:
    """The types that are not read."""
    return [kind for kind in ObjectType if not spec.pulls(kind)]


def day_of(one: PulledRecord) -> date:
    """The day of a document."""
    assert isinstance(one.record, BillingDocument | JournalEntry)
    return one.record.issue_date if isinstance(one.record, BillingDocument) else one.record.date


class AboutSources:
    """What every source must do."""

    spec: ClassVar[ConnectorSpec]

    # What it says of itself.

    def test_it_is_a_source_and_is_told_nothing_but_reports(self) -> None:
        assert Role.SOURCE in self.spec.roles
        for kind, claimed in self.spec.types.items():
            assert claimed.push is None or claimed.push.operations <= REPORTS, f"{kind} is written"

    def test_check_says_the_same_every_time(self, source: SourceTrial) -> None:
        connector = source.connector()

        identity = connector.check()

        assert identity.organisation_id
        assert identity.organisation_name
        assert identity == connector.check() == source.connector().check()

    def test_wrong_credentials_are_authorization_lost(self, source: SourceTrial) -> None:
        stranger = source.bench.stranger()

        assert isinstance(source.error_of(source.connector(stranger).check), AuthorizationLost)
        for kind in documents(self.spec):
            connector = source.connector(stranger)
            error = source.error_of(lambda of=connector, kind=kind: list(of.pull(kind, None)))  # type: ignore[misc]  # bound by default
            assert isinstance(error, AuthorizationLost)

    def test_credentials_that_are_not_for_this_are_for_a_person(self, source: SourceTrial) -> None:
        error = source.error_of(source.connector(source.bench.wrong_role()).check)

        assert isinstance(error, ActionRequired)
        assert not isinstance(error, AuthorizationLost), "the credentials themselves are good"

    @wants(unread)
    def test_a_type_that_is_not_claimed_is_not_read(
        self, source: SourceTrial, kind: ObjectType
    ) -> None:
        assert isinstance(source.error_of(lambda: source.pages(kind)), Unsupported)

    # What it gives.

    @wants(documents)
    def test_everything_is_a_valid_record_under_its_own_id(
        self, source: SourceTrial, kind: ObjectType
    ) -> None:
        ids = {source.bench.issue(kind) for _ in range(2)}

        found = source.records(kind)

        assert ids <= set(found)
        for platform_id, one in found.items():
            assert isinstance(one.record, RECORD_CLASSES[kind])
            assert one.record.id == platform_id
            assert record_adapter.validate_json(one.record.model_dump_json()) == one.record

    @wants(documents)
    def test_whom_a_document_names_comes_along(self, source: SourceTrial, kind: ObjectType) -> None:
        source.bench.issue(kind)

        for page in source.pages(kind):
            along = {one.platform_id for one in page.along}
            for one in page.records:
                if isinstance(one.record, BillingDocument):
                    assert one.record.contact_id in along

    @wants(documents)
    def test_reading_again_gives_the_same(self, source: SourceTrial, kind: ObjectType) -> None:
        source.bench.issue(kind)

        first, second = source.records(kind), source.records(kind)

        assert {name: one.record.content_hash() for name, one in first.items()} == {
            name: one.record.content_hash() for name, one in second.items()
        }

    @wants(documents)
    def test_a_new_document_comes_with_the_next_pull(
        self, source: SourceTrial, kind: ObjectType
    ) -> None:
        cursor = source.pages(kind)[-1].cursor

        new = source.bench.issue(kind)

        assert new in source.records(kind, cursor)

    @wants(changing)
    def test_a_changed_document_comes_again_and_is_another(
        self, source: SourceTrial, kind: ObjectType
    ) -> None:
        platform_id = source.bench.issue(kind)
        before = source.records(kind)[platform_id]
        cursor = source.pages(kind)[-1].cursor

        source.bench.change(kind, platform_id)

        after = source.records(kind, cursor)[platform_id]
        assert after.record.content_hash() != before.record.content_hash()
        assert after.version != before.version

    @wants(changing)
    def test_what_did_not_change_for_long_does_not_come_again(
        self, source: SourceTrial, kind: ObjectType
    ) -> None:
        old = source.bench.issue(kind)
        source.bench.wait(timedelta(hours=1))
        cursor = source.pages(kind)[-1].cursor

        assert old not in source.records(kind, cursor)

    @wants(documents)
    def test_a_document_that_comes_twice_is_one_record(
        self, source: SourceTrial, kind: ObjectType
    ) -> None:
        platform_id = source.bench.issue(kind)
        source.bench.arm(Fault.REPEATED_ITEM, writes=False)

        assert platform_id in source.records(kind)

    @wants(documents)
    def test_a_period_holds_its_documents_and_no_others(
        self, source: SourceTrial, kind: ObjectType
    ) -> None:
        platform_id = source.bench.issue(kind)
        day = day_of(source.records(kind)[platform_id])

        def within(period: Period) -> Mapping[str, date]:
            pages = source.pages(kind, period=period)
            return {one.platform_id: day_of(one) for page in pages for one in page.records}

        on_it = within(Period(day, day))
        assert platform_id in on_it
        assert set(on_it.values()) == {day}
        assert platform_id not in within(Period(start=day + timedelta(days=1)))
        assert platform_id not in within(Period(end=day - timedelta(days=1)))

    # Whose it is.

    @wants(documents)
    def test_documents_of_others_are_not_read(self, source: SourceTrial, kind: ObjectType) -> None:
        ours, theirs = source.bench.issue(kind), source.bench.issue_elsewhere(kind)

        found = source.records(kind)

        assert ours in found
        assert theirs not in found

    @wants(documents)
    def test_what_a_filter_lets_through_is_noticed(
        self, source: SourceTrial, kind: ObjectType
    ) -> None:
        ours, theirs = source.bench.issue(kind), source.bench.issue(kind)
        source.bench.distort(kind, theirs, Distortion.FOREIGN)

        pages = source.pages(kind)

        elsewhere: list[Elsewhere] = [one for page in pages for one in page.elsewhere]
        records = {one.platform_id for page in pages for one in page.records}
        assert theirs in {one.platform_id for one in elsewhere}
        assert all(one.owner for one in elsewhere)
        assert ours in records
        assert theirs not in records

    # What is odd.

    @wants(documents)
    def test_unknown_fields_and_words_pass(self, source: SourceTrial, kind: ObjectType) -> None:
        platform_id = source.bench.issue(kind)
        source.bench.distort(kind, platform_id, Distortion.STRANGE)

        pages = source.pages(kind)

        assert not [bad for page in pages for bad in page.bad]
        assert platform_id in {one.platform_id for page in pages for one in page.records}

    @wants(documents)
    def test_an_unreadable_document_does_not_stop_the_page(
        self, source: SourceTrial, kind: ObjectType
    ) -> None:
        before, poison, behind = (source.bench.issue(kind) for _ in range(3))
        source.bench.distort(kind, poison, Distortion.UNREADABLE)

        pages = source.pages(kind)

        readable = {one.platform_id for page in pages for one in page.records}
        bad: list[BadRecord] = [one for page in pages for one in page.bad]
        assert {before, behind} <= readable
        assert poison not in readable
        assert [one.problem for one in bad if one.platform_id == poison] != [""]
        assert poison in {one.platform_id for one in bad}

    @wants(documents)
    def test_a_limit_carries_its_wait(self, source: SourceTrial, kind: ObjectType) -> None:
        source.bench.issue(kind)
        source.bench.arm(Fault.THROTTLE, writes=False)

        error = source.error_of(lambda: source.pages(kind))

        assert isinstance(error, RateLimited)
        assert error.retry_after == timedelta(seconds=RETRY_AFTER_SECONDS)

    @wants(documents)
    def test_a_source_that_is_away_is_no_empty_list(
        self, source: SourceTrial, kind: ObjectType
    ) -> None:
        source.bench.arm(Fault.AWAY, writes=False, times=100)

        assert isinstance(source.error_of(lambda: source.pages(kind)), Transient)

    # What is said to it.

    @wants(unreported)
    def test_nothing_is_pushed_where_no_report_is_wanted(
        self, source: SourceTrial, kind: ObjectType
    ) -> None:
        item = source.report(kind, source.bench.issue(kind), Operation.COMPLETE)

        assert isinstance(source.error_of(lambda: _said(source, kind, item)), Unsupported)

    @wants(reported)
    def test_a_report_that_is_said_twice_is_taken_once(
        self, source: SourceTrial, kind: ObjectType
    ) -> None:
        for operation in (Operation.COMPLETE, Operation.FAIL):
            item = source.report(kind, source.bench.issue(kind), operation)

            first, again = _said(source, kind, item), _said(source, kind, item)

            assert isinstance(first, Accepted), first
            assert isinstance(again, Accepted), again
            assert list(source.bench.reports(str(item.platform_id))) == [operation]

    @wants(told_of_payments)
    def test_whether_it_is_paid_may_be_said_twice_and_taken_back(
        self, source: SourceTrial, kind: ObjectType
    ) -> None:
        item = source.report(kind, source.bench.issue(kind), Operation.COMPLETE)
        assert isinstance(_said(source, kind, item), Accepted)

        for operation in (Operation.PAID, Operation.PAID, Operation.UNPAID, Operation.UNPAID):
            said = _said(source, kind, replace(item, operation=operation))
            assert isinstance(said, Accepted), said

    @wants(reported)
    def test_a_report_is_found_once_it_was_made(
        self, source: SourceTrial, kind: ObjectType
    ) -> None:
        item = source.report(kind, source.bench.issue(kind), Operation.COMPLETE)

        (before,) = source.connector().find(kind, [item])
        _said(source, kind, item)
        (after,) = source.connector().find(kind, [item])

        assert isinstance(before, Absent)
        assert isinstance(after, Found)

    @wants(reported)
    def test_a_report_whose_answer_is_lost_is_looked_up(
        self, source: SourceTrial, kind: ObjectType
    ) -> None:
        for fault, expected in ((Fault.DROP_AFTER, Found), (Fault.DROP_BEFORE, Absent)):
            item = source.report(kind, source.bench.issue(kind), Operation.COMPLETE)
            source.bench.arm(fault, writes=True)

            result = _said(source, kind, item)

            assert isinstance(result, Failed)
            assert isinstance(result.error, OutcomeUnknown)
            (found,) = source.connector().find(kind, [item])
            assert isinstance(found, expected)


def _said(source: SourceTrial, kind: ObjectType, item: PushItem) -> Any:
    (result,) = source.connector().push(kind, [item])
    if isinstance(result, Failed):
        source.examine(result.error)
    return result
