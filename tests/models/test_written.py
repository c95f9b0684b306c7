"""What is stored of a record and its digests, made of one text."""

import typing

import pytest

from models.canonical import RECORD_CLASSES, AnyRecord
from models.canonical.record import Value
from models.canonical.written import Written
from tests.factories import (
    a_bill,
    a_contact,
    a_credit_note,
    a_payment,
    a_supplier,
    an_entry,
    an_invoice,
    an_item,
)

RECORDS = [
    a_contact(email=None, phone="1"),
    a_supplier(),
    an_item(),
    an_invoice(balance="7.10", status="paid", total="120.50"),
    a_bill(note=None),
    a_credit_note(),
    a_payment(),
    an_entry(),
]


def values() -> list[type[Value]]:
    """All records, and the parts that they are made of."""
    found: list[type[Value]] = []
    waiting: list[type[Value]] = list(RECORD_CLASSES.values())
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.append(one)
            parts = [
                part for field in one.model_fields.values() for part in _parts(field.annotation)
            ]
            waiting += parts
    return found


def _parts(annotation: object) -> list[type[Value]]:
    if isinstance(annotation, type) and issubclass(annotation, Value):
        return [annotation]
    return [part for inner in typing.get_args(annotation) for part in _parts(inner)]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: str(record.type))
class TestWritten:
    def test_its_hash_is_the_records_own(self, record: AnyRecord) -> None:
        assert Written(record).content_hash == record.content_hash()

    def test_its_body_reads_back_as_the_record_without_what_the_ledger_computes(
        self, record: AnyRecord
    ) -> None:
        again = type(record).model_validate(Written(record).body)

        computed = {name: type(record).model_fields[name].default for name in record.derived}
        assert again == record.model_copy(update=computed)


@pytest.mark.parametrize("value", values(), ids=lambda value: value.__name__)
def test_no_field_that_may_be_empty_has_another_default(value: type[Value]) -> None:
    for name, field in value.model_fields.items():
        if type(None) in typing.get_args(field.annotation):
            assert field.default is None, name
