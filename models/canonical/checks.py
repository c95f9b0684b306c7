"""Whether a record contradicts itself: the sums that must hold, to the cent.

Only what comes from the host product is refused on these grounds. What a ledger holds is its
own business and is kept as it is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from models.canonical.document import BillingDocument, DocumentStatus
from models.canonical.ledger import JournalEntry
from models.canonical.money import ZERO, equal_to_the_cent, shown, total_of
from models.canonical.payment import Payment
from models.canonical.record import CanonicalRecord, ObjectType


@dataclass(frozen=True)
class Problem:
    """One reason to refuse a record: which field, and what is wrong with it."""

    field: str
    reason: str

    def __str__(self) -> str:
        return f"{self.field}: {self.reason}"


# What the host product may say of a document; whether it is paid, the ledger says.
OWN_STATUSES = frozenset({DocumentStatus.DRAFT, DocumentStatus.OPEN, DocumentStatus.VOID})


def contradictions(record: CanonicalRecord) -> list[Problem]:
    """List what is wrong with a record of the host product; empty when all sums hold."""
    match record:
        case BillingDocument():
            return [*_status(record.status), *_document(record)]
        case Payment():
            return [*_status(record.status), *_payment(record)]
        case JournalEntry():
            return [*_status(record.status), *_journal_entry(record)]
        case _:
            return []


def _status(status: str) -> Iterator[Problem]:
    if status in {DocumentStatus.PAID, DocumentStatus.PARTIALLY_PAID}:
        yield Problem(
            "status",
            f"{status!r} cannot be stated; it follows from the ledger. Send the payment instead",
        )
    elif status not in OWN_STATUSES:
        yield Problem("status", f"{status!r} is not one of draft, open, void")


def _document(document: BillingDocument) -> Iterator[Problem]:
    def differs(
        field: str, stated: Decimal | None, sum_of: str, computed: Decimal
    ) -> list[Problem]:
        if stated is None or equal_to_the_cent(stated, computed, document.currency):
            return []
        return [
            Problem(
                field,
                f"{shown(stated, document.currency)} is stated, but {sum_of} "
                f"is {shown(computed, document.currency)}",
            )
        ]

    if not document.lines:
        yield Problem("lines", "a document needs at least one line")
    lines = total_of(line.net_amount for line in document.lines)
    allowances = _sum_of_kind(document, "allowance")
    charges = _sum_of_kind(document, "charge")
    yield from differs("line_total", document.line_total, "the sum of the lines", lines)
    yield from differs(
        "allowance_total", document.allowance_total, "the sum of the allowances", allowances
    )
    yield from differs("charge_total", document.charge_total, "the sum of the charges", charges)
    yield from differs(
        "net_total",
        document.net_total,
        "lines - allowances + charges",
        lines - allowances + charges,
    )
    if document.tax_breakdown or document.tax_total != ZERO:
        yield from differs(
            "tax_total",
            document.tax_total,
            "the sum of the tax breakdown",
            total_of(subtotal.tax_amount for subtotal in document.tax_breakdown),
        )
    yield from differs(
        "total", document.total, "net total + tax total", document.net_total + document.tax_total
    )
    yield from differs(
        "payable_amount",
        document.payable_amount,
        "total - prepaid + rounding",
        document.total - document.prepaid_amount + document.rounding_amount,
    )


def _sum_of_kind(document: BillingDocument, kind: str) -> Decimal:
    return total_of(part.amount for part in document.allowances_charges if part.kind == kind)


def _payment(payment: Payment) -> Iterator[Problem]:
    if payment.unallocated < ZERO:
        there = shown(payment.amount, payment.currency)
        if payment.credit:
            there += f" and {shown(payment.credit, payment.currency)} of credit"
        yield Problem(
            "allocations",
            f"{shown(payment.allocated, payment.currency)} is allocated, but the payment "
            f"is only {there}",
        )
    if payment.amount == ZERO and not payment.credit:
        yield Problem("amount", "only a payment that uses up a credit note can come to nothing")
    kinds = {part.document_type for part in payment.allocations}
    if payment.refund and kinds - {ObjectType.CREDIT_NOTE}:
        yield Problem("allocations", "a refund gives back the money of credit notes, of no others")
    named = [(part.document_type, part.document_id) for part in payment.allocations]
    for document_type, document_id in sorted({pair for pair in named if named.count(pair) > 1}):
        yield Problem("allocations", f"{document_type} {document_id} is named more than once")


def _journal_entry(entry: JournalEntry) -> Iterator[Problem]:
    if len(entry.lines) < 2:  # noqa: PLR2004  # double entry
        yield Problem("lines", "an entry needs at least two lines")
    for position, line in enumerate(entry.lines):
        if (line.debit == ZERO) == (line.credit == ZERO):
            yield Problem(f"lines[{position}]", "exactly one of debit and credit must be above 0")
    credit = total_of(line.credit for line in entry.lines)
    if entry.total != credit:
        yield Problem(
            "lines",
            f"debits are {shown(entry.total, entry.currency)}, "
            f"credits {shown(credit, entry.currency)}: they must be equal",
        )
