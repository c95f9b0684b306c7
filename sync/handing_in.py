"""Documents handed in by request: with preconditions, in bulk, deleted, marked as paid.

What `sync.documents` says about storing holds here too; this module adds who is told what. Each
function is one transaction, so that a precondition that held still holds when the rows are
written.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

import pydantic

from models.canonical import (
    Allocation,
    AnyRecord,
    Bill,
    Invoice,
    ObjectType,
    Payment,
    Side,
    record_adapter,
)
from models.canonical.money import ZERO, shown
from models.repositories import DocumentView, Stored
from models.repositories.handed_in import Present
from models.unit_of_work import UnitOfWork
from sync.compare import label
from sync.documents import (
    DocumentProblemError,
    Named,
    Refusal,
    read,
    store_allowed,
)
from sync.engine import Engine
from sync.errors import (
    ConflictError,
    InvalidInputError,
    NotAllowedError,
    NotFoundError,
    StaleError,
)

MOST_AT_ONCE = 1000


class Outcome(StrEnum):
    """What became of one document."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True)
class Taken:
    """One document that is stored now."""

    outcome: Outcome
    view: DocumentView


@dataclass(frozen=True)
class Result:
    """What became of one of many."""

    outcome: Outcome
    view: DocumentView | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Expected:
    """What must be true of the stored document; by default nothing."""

    etags: frozenset[str] | None = None
    """One of these contents, or any for an empty set."""
    absent: bool = False

    def require(self, present: Present | None) -> None:
        """Refuse when it does not hold.

        Raises:
            StaleError: Says what is there instead.
        """
        there = present is not None and not present.deleted
        if self.absent and there:
            raise StaleError("the document exists already")
        if self.etags is None:
            return
        if present is None or not there:
            raise StaleError("the document does not exist")
        if self.etags and present.content_hash not in self.etags:
            raise StaleError(
                "the document was changed since it was read: read it again and repeat the change"
            )


ANYTHING = Expected()


def put(
    engine: Engine, billing_entity_id: UUID, record: AnyRecord, expected: Expected = ANYTHING
) -> Taken:
    """Store one document.

    Raises:
        StaleError: It is not as expected; nothing was changed.
        ConflictError: It belongs to another billing entity.
    """
    with engine.begin() as work:
        present = None
        if expected != ANYTHING:
            present = work.handed_in.lock(billing_entity_id, record.type, record.id)
            expected.require(present)
        taken = _store(work, engine, billing_entity_id, record)
        if expected.absent and present is None and taken.outcome is not Outcome.CREATED:
            # Somebody else made it between our look and our write.
            raise StaleError("the document exists already")
    return taken


def put_many(engine: Engine, billing_entity_id: UUID, values: Sequence[object]) -> list[Result]:
    """Store up to `MOST_AT_ONCE` documents; a bad one is refused, the others go in.

    Returns:
        One result for each, in the same order.
    """
    results: list[Result | None] = [None] * len(values)
    keys: dict[int, Named] = {}
    records: dict[Named, AnyRecord] = {}
    for position, value in enumerate(values):
        try:
            record = read(value)
        except DocumentProblemError as problem:
            results[position] = Result(Outcome.REFUSED, reason=str(problem))
            continue
        key = (record.type, record.id)
        earlier = records.setdefault(key, record)
        if earlier is not record and earlier.content_hash() != record.content_hash():
            reason = "an earlier one in this request has the same type and id with other content"
            results[position] = Result(Outcome.REFUSED, reason=reason)
            continue
        keys[position] = key
    if records:
        with engine.begin() as work:
            # In one order for everybody, so that two requests never wait for each other.
            ordered = [records[key] for key in sorted(records)]
            taken, refusals = _store_allowed(work, engine, billing_entity_id, ordered)
        told: set[Named] = set()
        for position, key in keys.items():
            if key in refusals:
                results[position] = Result(Outcome.REFUSED, reason=refusals[key].reason)
                continue
            outcome = Outcome.UNCHANGED if key in told else taken[key].outcome
            told.add(key)
            results[position] = Result(outcome, taken[key].view)
    return [result for result in results if result is not None]


def _store(work: UnitOfWork, engine: Engine, billing_entity_id: UUID, record: AnyRecord) -> Taken:
    taken, refusals = _store_allowed(work, engine, billing_entity_id, [record])
    for refusal in refusals.values():
        raise ConflictError(refusal.code, f"{record.type.words} {record.id}: {refusal.reason}")
    return taken[record.type, record.id]


def _store_allowed(
    work: UnitOfWork, engine: Engine, billing_entity_id: UUID, records: Sequence[AnyRecord]
) -> tuple[dict[Named, Taken], dict[Named, Refusal]]:
    found, refusals = store_allowed(work, engine, billing_entity_id, records)
    stored = {(one.type, one.external_id): one for one in found}
    named = [key for record in records if (key := (record.type, record.id)) not in refusals]
    views = work.handed_in.own(billing_entity_id, named, body=len(records) == 1)
    return {key: Taken(_outcome(stored.get(key)), views[key]) for key in named}, refusals


def _outcome(stored: Stored | None) -> Outcome:
    if stored is None:
        return Outcome.UNCHANGED
    return Outcome.CREATED if stored.created else Outcome.CHANGED


def delete(
    engine: Engine,
    billing_entity_id: UUID,
    kind: ObjectType,
    external_id: str,
    expected: Expected = ANYTHING,
    *,
    actor: str,
) -> None:
    """Note that the owner has deleted a document; what a ledger has of it is voided there.

    Doing it again changes nothing.

    Raises:
        NotFoundError: The product never handed it in.
        StaleError: It is not as expected; nothing was changed.
    """
    with engine.begin() as work:
        present = work.handed_in.lock(billing_entity_id, kind, external_id)
        if present is None:
            raise NotFoundError(f"there is no {kind.words} {external_id}")
        expected.require(present)
        if present.deleted:
            return
        work.handed_in.withdraw(present.id)
        work.queue.content_changed([present.id])
        work.audit.add(actor, "document.delete", str(present.id), type=kind.value)
        ledger = work.connections.ledger_of(billing_entity_id)
        if ledger is not None:
            work.after_commit(lambda: engine.hints.push(ledger.id))


@dataclass(frozen=True)
class PaidBy:
    """How an invoice or bill was paid."""

    payment_id: str
    """The product's id of the payment; the same id twice makes one payment."""
    amount: Decimal | None
    """Default: what is open."""
    date: date
    method: str | None = None
    reference: str | None = None
    account_id: str | None = None


def payment_id_for(*parts: object) -> str:
    """An id that is the same whenever the same request is repeated."""
    return f"pay-{hashlib.sha256('/'.join(map(str, parts)).encode()).hexdigest()[:24]}"


def mark_as_paid(
    engine: Engine,
    billing_entity_id: UUID,
    kind: ObjectType,
    external_id: str,
    paid: PaidBy,
    *,
    actor: str,
) -> Taken:
    """Make a payment of an invoice or bill; the paid state comes back from the ledger.

    Raises:
        NotFoundError: The product never handed the document in, or has deleted it.
        NotAllowedError: Nothing is open, or less than the amount; or the payment's id is taken.
        InvalidInputError: The amount cannot be paid.
    """
    with engine.begin() as work:
        # Whoever pays the same document waits here.
        present = work.handed_in.lock(billing_entity_id, kind, external_id)
        if present is None or present.deleted:
            raise NotFoundError(f"there is no {kind.words} {external_id}")
        document = record_adapter.validate_python(present.body)
        if not isinstance(document, Invoice | Bill):
            raise NotAllowedError(f"a {kind.words} cannot be marked as paid")
        if document.status in {"draft", "void"}:
            raise NotAllowedError(f"{label(document)} is {document.status}: it cannot be paid")
        known = work.handed_in.lock(billing_entity_id, ObjectType.PAYMENT, paid.payment_id)
        if known is not None:
            payment = _known_payment(known, document, paid)
        else:
            payment = _payment(document, _open(work, billing_entity_id, present, document), paid)
            work.audit.add(actor, "document.pay", str(present.id), payment=payment.id)
        return _store(work, engine, billing_entity_id, payment)


def _known_payment(known: Present, document: Invoice | Bill, paid: PaidBy) -> Payment:
    """The payment that an earlier request made, if this one is its repetition."""
    payment = record_adapter.validate_python(known.body)
    assert isinstance(payment, Payment)  # noqa: S101  # it was read by its type
    same = (
        not known.deleted
        and [(one.document_type, one.document_id) for one in payment.allocations]
        == [(document.type, document.id)]
        and paid.amount in {None, payment.amount}
        and (payment.date, payment.method, payment.reference, payment.account_id)
        == (paid.date, paid.method, paid.reference, paid.account_id)
    )
    if not same:
        raise NotAllowedError(f"there is another payment {paid.payment_id}: give another id")
    return payment


def _open(
    work: UnitOfWork, billing_entity_id: UUID, present: Present, document: Invoice | Bill
) -> Decimal:
    """What nobody has paid yet, as far as the ledger and our own payments tell."""
    told = present.balance is not None
    balance = present.balance if present.balance is not None else document.payable
    return balance - work.handed_in.paid_meanwhile(
        billing_entity_id, present.id, document.type, document.id, shown=told
    )


def _payment(document: Invoice | Bill, still_open: Decimal, paid: PaidBy) -> Payment:
    if still_open <= ZERO:
        raise NotAllowedError(f"nothing is open of {label(document)}")
    amount = still_open if paid.amount is None else paid.amount
    if amount > still_open:
        raise NotAllowedError(
            f"only {shown(still_open, document.currency)} of {label(document)} is open, not "
            f"{shown(amount, document.currency)}"
        )
    try:
        return Payment(
            id=paid.payment_id,
            side=Side.SUPPLIER if document.type is ObjectType.BILL else Side.CUSTOMER,
            date=paid.date,
            amount=amount,
            currency=document.currency,
            contact_id=document.contact_id,
            account_id=paid.account_id,
            method=paid.method,
            reference=paid.reference,
            allocations=(
                Allocation(document_type=document.type, document_id=document.id, amount=amount),
            ),
        )
    except pydantic.ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        raise InvalidInputError(f"{problem['loc'][0]}: {problem['msg'].lower()}") from None
