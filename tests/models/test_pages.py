"""Pages of lists, page by page, against the same rows filtered and sorted in Python."""

import operator
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy

from models.canonical import ObjectType, Side
from models.repositories import (
    DocumentFilter,
    DocumentView,
    LogFilter,
    Place,
    RecordKind,
    RecordLine,
    document_pages,
    record_pages,
)
from models.status import SyncStatus, public_status
from tests.factories import Bench, a_bill, a_contact, a_credit_note, a_payment, an_invoice

KINDS = [
    RecordKind(ObjectType.CONTACT),
    RecordKind(ObjectType.INVOICE),
    RecordKind(ObjectType.BILL),
    RecordKind(ObjectType.CREDIT_NOTE),
    RecordKind(ObjectType.PAYMENT),
]
START = datetime(2026, 1, 1, tzinfo=UTC)
SIGNS = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
LAGS = (0, 1, 3_599, 3_600, 3_601, 86_400, 30 * 86_400, 900 * 86_400)


@pytest.fixture
def shuffled(bench: Bench, database: sqlalchemy.Engine) -> Bench:
    """Records of many kinds, statuses and times; few are equal, some are."""
    chance = random.Random(7)
    made = [
        make(id=f"{make.__name__}-{number}", **fields)
        for number in range(25)
        for make, fields in (
            (a_contact, {"roles": ("supplier",)} if number % 3 == 0 else {}),
            (an_invoice, {}),
            (a_bill, {}),
            (a_credit_note, {"side": Side.SUPPLIER} if number % 5 == 0 else {}),
            (a_payment, {}),
        )
    ]
    bench.hand_in(*made)
    with database.begin() as session:
        session.exec_driver_sql("UPDATE documents SET status = 'paid' WHERE external_id LIKE '%%3'")
        for record_id in session.exec_driver_sql("SELECT id FROM synced_records").scalars().all():
            at = START + timedelta(hours=chance.randrange(2000))
            session.execute(
                sqlalchemy.text(
                    "UPDATE synced_records SET created_at = :at, updated_at = :changed, "
                    "status = :status, blocked_by = :parent WHERE id = :id"
                ),
                {
                    "id": record_id,
                    "at": at,
                    "changed": at + timedelta(seconds=chance.choice(LAGS)),
                    "status": chance.choice(list(SyncStatus)).value,
                    "parent": chance.choice([record_id, None]),
                },
            )
    return bench


@pytest.fixture(params=["read and sort", "in order"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Whether few rows are within a limit, or so many that they are looked for in order."""
    if request.param == "in order":
        monkeypatch.setattr(record_pages, "FEW", 0)
        monkeypatch.setattr(document_pages, "FEW", 0)
    return str(request.param)


def entity_of(bench: Bench) -> UUID:
    with bench.begin() as work:
        connection = work.connections.get(bench.connection_id)
        assert connection is not None
        return connection.billing_entity_id


def paged(read: Callable[[Place | None], list[Any]], sort: str) -> Iterator[Any]:
    """All rows of a list, seven at a time."""
    place = None
    while rows := read(place):
        yield from rows
        place = Place(getattr(rows[-1], sort), rows[-1].id)


def all_records(bench: Bench, **asked: Any) -> list[RecordLine]:
    wanted = {"kinds": KINDS, "filters": {}, "sync_status": None, "sort": "created_at"} | asked

    def read(place: Place | None) -> list[RecordLine]:
        with bench.begin() as work:
            return work.contract.records(
                entity_of(bench),
                wanted["kinds"],
                filters=wanted["filters"],
                sync_status=wanted["sync_status"],
                sort=wanted["sort"],
                descending=wanted.get("descending", False),
                place=place,
                limit=7,
            )

    return list(paged(read, wanted["sort"]))


class TestRecords:
    @pytest.mark.usefixtures("way")
    @pytest.mark.parametrize("sort", ["created_at", "updated_at"])
    @pytest.mark.parametrize("descending", [False, True])
    def test_limits_on_either_time_leave_out_what_is_outside(
        self, shuffled: Bench, sort: str, descending: bool
    ) -> None:
        everything = all_records(shuffled)
        moments = [START + timedelta(hours=hours) for hours in (0, 500, 1999, 5000)]
        moments.append(everything[40].updated_at)

        for moment in moments:
            for column in ("created_at", "updated_at"):
                for name, fits in SIGNS.items():
                    found = all_records(
                        shuffled,
                        filters={f"{column}__{name}": moment.isoformat()},
                        sort=sort,
                        descending=descending,
                    )

                    expected = [one for one in everything if fits(getattr(one, column), moment)]
                    expected.sort(key=lambda one: (getattr(one, sort), one.id), reverse=descending)
                    assert [one.id for one in found] == [one.id for one in expected]

    def test_every_record_is_in_one_of_the_three_states_that_python_tells(
        self, shuffled: Bench
    ) -> None:
        for word in ("pending", "error", "done"):
            found = {one.id for one in all_records(shuffled, sync_status=word)}

            expected = {
                one.id
                for one in all_records(shuffled)
                if public_status(one.status, blocked_by=one.blocked_by, issue_id=one.issue_id)
                == word
            }
            assert found == expected

    @pytest.mark.parametrize("kind", [ObjectType.CONTACT, ObjectType.CREDIT_NOTE])
    def test_sides_are_told_apart(self, shuffled: Bench, kind: ObjectType) -> None:
        everything = all_records(shuffled, kinds=[RecordKind(kind)])

        for side in ("customer", "supplier"):
            found = all_records(shuffled, kinds=[RecordKind(kind, side)])
            assert [one.id for one in found] == [one.id for one in everything if one.of == side]
            assert found

    def test_a_contact_that_becomes_a_supplier_changes_sides(self, bench: Bench) -> None:
        bench.hand_in(a_contact(id="C-1"))
        bench.hand_in(a_contact(id="C-1", roles=("supplier",)))

        found = all_records(bench, kinds=[RecordKind(ObjectType.CONTACT, "supplier")])

        assert [one.external_id for one in found] == ["C-1"]


def test_the_log_is_complete_and_in_order(shuffled: Bench) -> None:
    everything = all_records(shuffled, sort="updated_at", descending=True)
    since = everything[30].updated_at

    def read(place: Place | None) -> list[Any]:
        with shuffled.begin() as work:
            return work.operations.log(entity_of(shuffled), LogFilter(since=since), place, 7)

    kinds = {kind.type for kind in KINDS}
    found = [one.id for one in paged(read, "updated_at") if one.type in kinds]

    assert found == [one.id for one in everything if one.updated_at >= since]


class TestDocuments:
    @pytest.mark.usefixtures("way")
    def test_filters_leave_out_what_is_not_meant(self, shuffled: Bench) -> None:
        def read(wanted: DocumentFilter, place: Place | None) -> list[Any]:
            with shuffled.begin() as work:
                return work.handed_in.page(entity_of(shuffled), wanted, place=place, limit=7)

        def listed(wanted: DocumentFilter) -> list[Any]:
            return list(paged(lambda place: read(wanted, place), "created_at"))

        everything = listed(DocumentFilter())
        middle = everything[len(everything) // 2]
        day = min(one.document_date for one in everything if one.document_date)

        assert len(everything) >= 125
        assert {"open", "paid", "active"} <= {one.status for one in everything}
        assert [one.id for one in everything] == sorted(
            (one.id for one in everything), reverse=True
        )
        meant: list[tuple[DocumentFilter, Callable[[DocumentView], object]]] = [
            (DocumentFilter(type=ObjectType.BILL), lambda one: one.type is ObjectType.BILL),
            (DocumentFilter(status="paid"), lambda one: one.status == "paid"),
            (DocumentFilter(contact="C-1"), lambda one: one.contact_ref == "C-1"),
            (
                DocumentFilter(number="INV-an_invoice-3"),
                lambda one: one.number == "INV-an_invoice-3",
            ),
            (DocumentFilter(external_id="a_bill-3"), lambda one: one.external_id == "a_bill-3"),
            (DocumentFilter(own=False), lambda one: one.source_id is not None),
            (
                DocumentFilter(updated_since=middle.updated_at),
                lambda one: one.updated_at >= middle.updated_at,
            ),
            (
                DocumentFilter(date_to=day, own=True),
                lambda one: one.document_date and one.document_date <= day and not one.source_id,
            ),
        ]
        for wanted, fits in meant:
            found = [one.id for one in listed(wanted)]
            assert found == [one.id for one in everything if fits(one)]
