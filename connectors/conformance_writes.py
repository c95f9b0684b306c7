# ruff: noqa: D102, S101  # a test's name is its sentence, and assertions are its point
"""The part of the suite about writes that go as they should: `push`, steps, updates, voids."""

from dataclasses import replace

from connectors.base import (
    Accepted,
    ConnectorSpec,
    Failed,
    Operation,
    Progressed,
    PulledRecord,
    PushItem,
)
from connectors.conformance_kit import Trial, after, both, pulled, pushed, wants
from connectors.errors import AuthorizationLost, Rejected
from models.canonical import AnyRecord, BillingDocument, ObjectType, Payment

updated = pushed(Operation.UPDATE)
voided = pushed(Operation.VOID)


def in_batches(spec: ConnectorSpec) -> list[ObjectType]:
    """The types of which several are written with one call."""
    return [kind for kind in ObjectType if (push := spec.pushes(kind)) and push.batch_size > 1]


def in_steps(spec: ConnectorSpec) -> list[ObjectType]:
    """The types whose records take several calls each."""
    return [kind for kind in ObjectType if (push := spec.pushes(kind)) and push.steps > 1]


def totalled(_spec: ConnectorSpec) -> list[ObjectType]:
    """The types whose sums the ledger computes."""
    return [ObjectType.INVOICE, ObjectType.BILL, ObjectType.CREDIT_NOTE]


def payments(_spec: ConnectorSpec) -> list[ObjectType]:
    """The type whose records pay others."""
    return [ObjectType.PAYMENT]


class AboutWriting:
    """`push`, when nothing goes wrong on the way."""

    @wants(pushed())
    def test_a_created_object_carries_its_marker_and_is_there_once(
        self, trial: Trial, kind: ObjectType
    ) -> None:
        item, result = trial.create(kind)

        assert result.platform_id
        assert trial.count(kind, item) == 1

    @wants(pushed())
    def test_wrong_credentials_write_nothing(self, trial: Trial, kind: ObjectType) -> None:
        item = trial.item(kind)
        connector = trial.connector(credentials=trial.bench.wrong_credentials())

        (result,) = trial.push(kind, [item], connector)

        assert isinstance(result, Failed)
        assert isinstance(result.error, AuthorizationLost)
        assert trial.count(kind, item) == 0

    @wants(both(pulled, pushed()))
    def test_a_created_object_is_read_back_with_its_number_and_version(
        self, trial: Trial, kind: ObjectType
    ) -> None:
        _, result = trial.create(kind)

        there = read_back(trial, kind, result)
        number = getattr(there.record, "number", None)
        assert result.number is None or number is None or result.number == number
        assert result.version == there.version

    @wants(both(pushed(), totalled))
    def test_the_ledgers_totals_are_ours_within_the_rounding_tolerance(
        self, trial: Trial, kind: ObjectType
    ) -> None:
        item, result = trial.create(kind)
        ours = item.record
        assert isinstance(ours, BillingDocument)

        assert result.totals.total is not None, "the ledger's total is what proves the write"
        assert abs(result.totals.total - ours.total) <= trial.spec.rounding_tolerance

    @wants(both(pulled, pushed(), totalled))
    def test_the_totals_that_are_read_back_are_those_that_the_write_gave(
        self, trial: Trial, kind: ObjectType
    ) -> None:
        _, result = trial.create(kind)

        there = read_back(trial, kind, result).record
        assert isinstance(there, BillingDocument)
        assert there.total == result.totals.total
        assert there.total == there.net_total + there.tax_total

    @wants(both(pulled, pushed(), payments))
    def test_a_payment_is_read_back_with_its_allocations(
        self, trial: Trial, kind: ObjectType
    ) -> None:
        item, result = trial.create(kind)
        ours = item.record
        assert isinstance(ours, Payment)

        there = read_back(trial, kind, result).record
        assert isinstance(there, Payment)
        assert there.amount == ours.amount
        assert _paid(there) == _paid(ours)

    @wants(in_batches)
    def test_there_is_one_result_per_item_in_order(self, trial: Trial, kind: ObjectType) -> None:
        items = [trial.item(kind) for _ in range(_several(trial, kind))]

        results = trial.push(kind, items)

        for item, result in zip(items, results, strict=True):
            assert isinstance(result, Accepted | Progressed)
            assert trial.found(kind, item).accepted.platform_id == result.platform_id
            assert trial.count(kind, item) == 1

    @wants(pushed(), when=lambda spec: spec.idempotency is not None)
    def test_the_same_key_twice_makes_one_object(self, trial: Trial, kind: ObjectType) -> None:
        item = trial.item(kind)

        (first,) = trial.push(kind, [item])
        (again,) = trial.push(kind, [item])

        assert isinstance(first, Accepted | Progressed)
        assert isinstance(again, Accepted | Progressed)
        assert first.platform_id == again.platform_id
        assert trial.count(kind, item) == 1

    @wants(pushed())
    def test_a_refused_record_leaves_nothing_in_the_ledger(
        self, trial: Trial, kind: ObjectType
    ) -> None:
        item = trial.item(kind, trial.bench.refused(kind))

        _, result = trial.through(kind, item)

        assert isinstance(result, Failed)
        assert isinstance(result.error, Rejected)
        assert trial.count(kind, item) == 0

    @wants(in_batches)
    def test_a_refused_record_does_not_hold_up_its_batch(
        self, trial: Trial, kind: ObjectType
    ) -> None:
        bad = trial.item(kind, trial.bench.refused(kind))
        items = [
            trial.item(kind),
            bad,
            *(trial.item(kind) for _ in range(_several(trial, kind) - 2)),
        ]

        results = _all_through(trial, kind, items)

        for item, result in results:
            if item.marker == bad.marker:
                assert isinstance(result, Failed)
                assert isinstance(result.error, Rejected)
                assert trial.count(kind, item) == 0
            else:
                assert isinstance(result, Accepted)
                assert trial.count(kind, item) == 1

    @wants(in_steps)
    def test_a_new_process_goes_on_from_stored_progress(
        self, trial: Trial, kind: ObjectType
    ) -> None:
        item = trial.item(kind)
        most = trial.spec.types[kind].push
        assert most is not None

        sent = 0
        (result,) = trial.push(kind, [item])
        assert isinstance(result, Progressed), "the spec says that it takes several steps"
        while isinstance(result, Progressed):
            item, sent = after(item, result), sent + 1
            assert sent < most.steps, "it takes more steps than the spec says"
            (result,) = trial.push(kind, [item])

        assert isinstance(result, Accepted)
        assert trial.count(kind, item) == 1

    @wants(both(in_steps, updated, pulled))
    def test_a_document_edited_between_two_steps_ends_with_its_new_content(
        self, trial: Trial, kind: ObjectType
    ) -> None:
        item = trial.item(kind)
        (step,) = trial.push(kind, [item])
        assert isinstance(step, Progressed)
        new = trial.bench.changed(item.record)

        edited = replace(after(item, step), operation=Operation.UPDATE, record=new)
        _, result = trial.create(kind, edited)

        assert trial.count(kind, item) == 1
        assert arrived(item.record, new, read_back(trial, kind, result).record)

    @wants(both(updated, pulled))
    def test_an_update_changes_the_object_and_makes_no_other(
        self, trial: Trial, kind: ObjectType
    ) -> None:
        item, created = trial.create(kind)
        before = read_back(trial, kind, created)
        new = trial.bench.changed(item.record)

        _, result = trial.create(kind, update_of(item, created, new))

        there = read_back(trial, kind, result)
        assert result.platform_id == created.platform_id
        assert arrived(item.record, new, there.record)
        assert there.version is None or there.version != before.version
        assert trial.count(kind, item) == 1

    @wants(updated)
    def test_an_update_may_be_said_twice(self, trial: Trial, kind: ObjectType) -> None:
        # After a lost answer the engine says it again, with the version that it knew before.
        item, created = trial.create(kind)
        changed = update_of(item, created, trial.bench.changed(item.record))

        trial.create(kind, changed)
        _, again = trial.create(kind, changed)

        assert again.platform_id == created.platform_id
        assert trial.count(kind, item) == 1

    @wants(both(voided, pulled))
    def test_a_void_takes_the_object_out_of_the_books(self, trial: Trial, kind: ObjectType) -> None:
        item, created = trial.create(kind)

        trial.create(kind, void_of(item, created))

        last = [one for one in _objects(trial, kind) if one.platform_id == created.platform_id]
        # Some ledgers keep what is void, others remove it.
        assert all(one.deleted or getattr(one.record, "status", "") == "void" for one in last)

    @wants(voided)
    def test_a_void_may_be_said_twice(self, trial: Trial, kind: ObjectType) -> None:
        item, created = trial.create(kind)

        trial.create(kind, void_of(item, created))
        trial.create(kind, void_of(item, created))


def update_of(item: PushItem, created: Accepted, record: AnyRecord) -> PushItem:
    """An update of what was created."""
    return replace(
        item,
        key=item.key[::-1],
        operation=Operation.UPDATE,
        record=record,
        platform_id=created.platform_id,
        version=created.version,
        progress=None,
    )


def void_of(item: PushItem, created: Accepted) -> PushItem:
    """The void of what was created."""
    return replace(
        update_of(item, created, item.record), key=item.key[1:] + "0", operation=Operation.VOID
    )


def _objects(trial: Trial, kind: ObjectType) -> list[PulledRecord]:
    return [one for page in trial.pages(kind) for one in page.records]


def read_back(trial: Trial, kind: ObjectType, accepted: Accepted) -> PulledRecord:
    """The object as a pull brings it."""
    found = [one for one in _objects(trial, kind) if one.platform_id == accepted.platform_id]
    assert len(found) == 1, f"{accepted.platform_id} is pulled {len(found)} times"
    return found[0]


def arrived(old: AnyRecord, new: AnyRecord, there: AnyRecord) -> bool:
    """Whether an edit of ours is in the ledger, as far as the ledger keeps what was edited."""
    edited = [name for name, value in new if value != getattr(old, name)]
    assert edited, "the bench's `changed` changes nothing"
    return any(getattr(there, name) == getattr(new, name) for name in edited)


def _several(trial: Trial, kind: ObjectType) -> int:
    """A few, and no more than a batch holds."""
    push = trial.spec.pushes(kind)
    assert push is not None
    return min(3, push.batch_size)


def _all_through(
    trial: Trial, kind: ObjectType, items: list[PushItem]
) -> list[tuple[PushItem, Accepted | Failed]]:
    """Push a batch until every record is done or has failed."""
    done: list[tuple[PushItem, Accepted | Failed]] = []
    waiting = items
    while waiting:
        results = list(zip(waiting, trial.push(kind, waiting), strict=True))
        waiting = [after(item, one) for item, one in results if isinstance(one, Progressed)]
        done += [(item, one) for item, one in results if isinstance(one, Accepted | Failed)]
        assert len(done) + len(waiting) == len(items)
    return done


def _paid(payment: Payment) -> set[tuple[str, str, object]]:
    return {(part.document_type, part.document_id, part.amount) for part in payment.allocations}
