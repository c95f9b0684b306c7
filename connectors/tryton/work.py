"""One document of a batch, where it stands in Tryton, and the sentences about it."""

from collections.abc import Sequence

from connectors.errors import Cause, Rejected
from connectors.tryton import mapping, wire
from connectors.tryton.batch import Work
from connectors.tryton.values import Booked, is_supplier, one_line, sign_of
from models.canonical import AnyDocument, Bill, CreditNote, Invoice, ObjectType
from models.canonical.money import equal_to_the_cent, shown

IN_THE_BOOKS = frozenset({"posted", "paid"})
NOT_POSTED = frozenset({"draft", "validated"})


class DocumentWork(Work[wire.Invoice]):
    """An invoice, bill or credit note of a batch."""

    @property
    def record(self) -> AnyDocument:
        """The document, in Tryton's ids."""
        record = self.item.record
        assert isinstance(record, Invoice | Bill | CreditNote)  # noqa: S101  # by its type
        return record

    @property
    def label(self) -> str:
        """The document as people call it."""
        return f"{ObjectType(self.record.type).words} {self.record.number or self.record.id}"

    @property
    def numbered_by_us(self) -> bool:
        """Whether the number is the product's own: nobody else uses it for this party."""
        return not is_supplier(self.record) and bool(self.record.number)

    def may_be(self, row: wire.Invoice) -> bool:
        """Whether a row is of our kind: a copy that credits it carries our marker too."""
        if is_supplier(self.record) != (row.type == "in"):
            return False
        return not row.total_amount or kind_of(row) is ObjectType(self.record.type)


def kind_of(row: wire.Invoice) -> ObjectType:
    """What a row is to us."""
    return mapping.kind_of(row.type, row.total_amount)


def outside_number(row: wire.Invoice) -> str | None:
    """The number that the document is known by outside: a bill's is the supplier's own."""
    return (row.reference if row.type == "in" else row.number) or None


def same_content(work: DocumentWork, lines: Booked) -> bool:
    """Whether a document in Tryton says what ours says: then there is nothing to change."""
    record, row = work.record, work.there
    theirs = mapping.document(row)
    sign = sign_of(record)
    booked_lines = [(line.account, sign * line.amount) for line in lines.lines]
    return (
        theirs.type == record.type
        and theirs.issue_date == record.issue_date
        and theirs.currency == record.currency
        and theirs.contact_id == record.contact_id
        and (row.reference or None) == one_line(record.number)
        and not differing_sums(work, tolerance_cents=0)
        and sorted(booked_lines)
        == sorted((line.account or 0, line.amount) for line in row.lines if line.type == "line")
    )


def differing_sums(work: DocumentWork, *, tolerance_cents: int = 2) -> str | None:
    """What Tryton's sums say that the document does not, in words."""
    record, row, sign = work.record, work.there, sign_of(work.record)
    currency = record.currency
    pairs = [
        ("net total", record.net_total, sign * row.untaxed_amount),
        ("tax", record.tax_total, sign * row.tax_amount),
        ("total", record.total, sign * row.total_amount),
    ]
    found = [
        f"{what} is {shown(ours, currency)} here and {shown(theirs, currency)} there"
        for what, ours, theirs in pairs
        if not equal_to_the_cent(ours, theirs, currency)
        and abs(ours - theirs) * 100 > tolerance_cents
    ]
    return "; ".join(found) or None


# Sentences.


def frozen(work: DocumentWork) -> Rejected:
    """It is posted with another content."""
    kind = ObjectType(work.record.type)
    return Rejected(
        f"Tryton does not allow changes to the {work.label}: it is posted as {work.there.number}",
        code="frozen",
        cause=Cause("frozen_in_ledger", kind.value, {"type": kind.words}),
    )


def several(work: DocumentWork, rows: Sequence[wire.Invoice]) -> str:
    """More than one document carries our marker: somebody has made a copy."""
    names = ", ".join(row.number or f"draft {row.id}" for row in rows)
    return f"Tryton has {len(rows)} documents with our mark {work.item.marker}: {names}"


def deleted(work: DocumentWork) -> Rejected:
    """It was complete once, and is not there any more."""
    return Rejected(
        f"the {work.label} is not in Tryton any more",
        code="deleted",
        cause=Cause("deleted_in_ledger", work.label, {"document": work.label}),
    )


def already_there(work: DocumentWork, row: wire.Invoice) -> Rejected:
    """Somebody has entered a document with this number for this party."""
    their = row.number or f"a draft ({row.id})"
    words = {
        "document": work.label,
        "difference": f"it is there as {their}, with a total of "
        f"{shown(abs(row.total_amount), row.currency.code)}",
        "theirs": str(row.id),
    }
    return Rejected(
        f"Tryton has a {kind_of(row).words} with the reference {row.reference} "
        f"for this party already: {their}",
        code="already_there",
        cause=Cause("already_in_ledger", work.label, words),
    )
