"""From claimed records to what is sent: which operation, in the ledger's ids, or why not.

Reads what a whole batch needs in a handful of statements; the decision about each record is
pure. Nothing here talks to a provider.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from connectors.base import ConnectorSettings, ConnectorSpec, Operation, PushItem, PushSpec
from connectors.errors import Cause
from models.canonical import (
    AnyRecord,
    Bill,
    Contact,
    CreditNote,
    Invoice,
    LedgerAccount,
    ObjectType,
    Payment,
    TaxRate,
)
from models.repositories import Claimed
from models.status import SyncStatus
from models.tables import ConnectionRow, MappingKind
from models.unit_of_work import UnitOfWork
from sync.compare import label
from sync.matching import Match, match_contact, match_document
from sync.outcome import AttemptResult, Stop
from sync.references import Books, Known, WaitsForParentError, named_by, parent_of, translated
from sync.tax_rates import UnmatchedError


@dataclass(frozen=True)
class Ready:
    """A record that can be sent as it is."""

    claimed: Claimed
    item: PushItem

    @property
    def payload_hash(self) -> str:
        """A digest of what is sent, in the ledger's ids."""
        return self.item.record.content_hash()


@dataclass(frozen=True)
class Decided:
    """A record whose next status is known, and everything to be written down with it."""

    claimed: Claimed
    status: SyncStatus
    delay: timedelta = timedelta(0)
    cause: Cause | None = None
    issue_id: UUID | None = None
    reason_code: str | None = None
    reason: str | None = None
    provider_message: str | None = None
    blocked_by: UUID | None = None
    platform_id: str | None = None
    forget_platform: bool = False
    version: str | None = None
    progress: dict[str, Any] | None = None
    pushed_hash: str | None = None
    variance: Decimal | None = None
    ledger: dict[str, Any] | None = None
    refused: bool = False
    checked: bool = False
    uncounted: bool = False
    stop: Stop | None = None
    result: AttemptResult | None = None
    request_id: str | None = None
    http_status: int | None = None
    error_code: str | None = None


@dataclass
class Plan:
    """What to do with a batch."""

    ready: list[Ready] = field(default_factory=list)
    decided: list[Decided] = field(default_factory=list)


def books_of(work: UnitOfWork, connection: ConnectionRow, spec: ConnectorSpec) -> Books:
    """Everything about a ledger that its records' references are translated with."""
    settings = spec.settings.model_validate(connection.settings)
    rates = work.documents.reference_data(connection.id, ObjectType.TAX_RATE)
    accounts = work.documents.reference_data(connection.id, ObjectType.LEDGER_ACCOUNT)
    return Books(
        mappings=work.mappings.of(connection.id),
        rates=[rate for rate in rates if isinstance(rate, TaxRate)],
        accounts=[account for account in accounts if isinstance(account, LedgerAccount)],
        defaults=_defaults(settings),
        takes_items=spec.pushes(ObjectType.ITEM) is not None,
        deduction_rate=settings.deduction_tax_rate,
    )


def _defaults(settings: ConnectorSettings) -> dict[str, str]:
    named = {
        "sales": settings.default_sales_account,
        "purchases": settings.default_purchase_account,
        "payments": settings.payment_account,
    }
    return {purpose: code for purpose, code in named.items() if code}


def standing_of(
    work: UnitOfWork, connection: ConnectionRow, documents: Sequence[tuple[UUID | None, AnyRecord]]
) -> dict[UUID | None, dict[tuple[ObjectType, str], Any]]:
    """Where everything that (owner, record) pairs refer to stands: one query a type and owner."""
    named: defaultdict[tuple[UUID | None, ObjectType], set[str]] = defaultdict(set)
    for owner, record in documents:
        for kind, external_id in named_by(record):
            named[owner, kind].add(external_id)
    known: dict[UUID | None, dict[tuple[ObjectType, str], Any]] = defaultdict(dict)
    for (owner, kind), ids in named.items():
        found = work.log.references(connection.id, owner, kind, sorted(ids))
        known[owner] |= {(kind, external_id): standing for external_id, standing in found.items()}
    return known


def prepare(
    work: UnitOfWork,
    connection: ConnectionRow,
    spec: ConnectorSpec,
    books: Books,
    claimed: Sequence[Claimed],
    *,
    known: Mapping[UUID | None, Known] | None = None,
) -> Plan:
    """Decide what becomes of each claimed record before anything is sent.

    `known` is where the objects that they name stand; it is read when it is not given.
    """
    if known is None:
        documents = [(record.source_id, record.document) for record in claimed]
        known = standing_of(work, connection, documents)
    plan = Plan()
    for record in claimed:
        decision = _decide(connection, spec, books, known.get(record.source_id, {}), record)
        if isinstance(decision, Ready):
            plan.ready.append(decision)
        else:
            plan.decided.append(decision)
    return _without_those_in_the_ledger(work, connection, books, plan)


def _decide(
    connection: ConnectionRow, spec: ConnectorSpec, books: Books, known: Known, claimed: Claimed
) -> Ready | Decided:
    document = claimed.document
    status = getattr(document, "status", None)
    withdrawn = claimed.gone or status == "void"
    there = claimed.platform_id is not None
    if withdrawn and not there:
        why = "deleted" if claimed.gone else "void"
        return Decided(
            claimed,
            SyncStatus.SKIPPED,
            reason_code=why,
            reason=f"{label(document)} was {why} before it was sent.",
        )
    if status == "draft" and not there:
        return Decided(
            claimed, SyncStatus.BLOCKED, reason_code="draft", reason="It is a draft again."
        )
    if there and claimed.progress is None and claimed.pushed_hash == claimed.content_hash:
        return Decided(claimed, SyncStatus.DONE)
    operation = _operation(claimed, withdrawn=withdrawn)
    push = spec.pushes(claimed.type, operation)
    if push is None:
        words = {"type": claimed.type.words, "document": label(document)}
        words["message"] = f"{spec.name} cannot {operation.value} a {claimed.type.words}"
        code = "frozen_in_ledger" if operation is Operation.UPDATE else "unsupported"
        subject = claimed.type.value if operation is Operation.UPDATE else words["message"]
        return _waits(claimed, Cause(code, subject, words), SyncStatus.REJECTED)
    if what := _not_taken(document, push):
        words = {"type": claimed.type.words, "document": label(document)}
        words["message"] = f"{spec.name} cannot be told about {what} from here"
        return _waits(claimed, Cause("unsupported", words["message"], words), SyncStatus.REJECTED)
    try:
        record = translated(document, books, known)
    except WaitsForParentError as waits:
        return Decided(
            claimed,
            SyncStatus.BLOCKED,
            blocked_by=parent_of(waits),
            issue_id=waits.parent.issue_id,
            reason_code="parent",
            reason=f"Waits for {waits.kind.words} {waits.parent.external_id}.",
        )
    except UnmatchedError as unmatched:
        return _waits(claimed, unmatched.cause, SyncStatus.BLOCKED)
    return Ready(claimed, _item(connection, claimed, operation, record))


def _not_taken(document: AnyRecord, push: PushSpec) -> str:
    """What of a payment a ledger cannot take, in words."""
    if not isinstance(document, Payment):
        return ""
    if document.refund and not push.refunds:
        return "refunds"
    if document.credit and not push.credits:
        return "payments that use up credit notes"
    return ""


def _operation(claimed: Claimed, *, withdrawn: bool) -> Operation:
    if withdrawn:
        return Operation.VOID
    if claimed.platform_id is None:
        return Operation.CREATE
    if claimed.progress is not None and claimed.progress.get(CONTENT) == claimed.content_hash:
        return Operation.CREATE
    return Operation.UPDATE


CONTENT = "content_hash"


def tagged(progress: Mapping[str, Any], content_hash: str | None) -> dict[str, Any]:
    """A connector's progress with the content that its steps were about.

    If the document is edited before the last step, the steps so far are about something else.
    """
    return {**progress, CONTENT: content_hash}


def _item(
    connection: ConnectionRow, claimed: Claimed, operation: Operation, record: AnyRecord
) -> PushItem:
    return PushItem(
        key=key_of(connection, claimed, operation, record.content_hash()),
        marker=claimed.marker,
        operation=operation,
        record=record,
        platform_id=claimed.platform_id,
        version=claimed.version,
        progress=claimed.progress,
    )


def key_of(
    connection: ConnectionRow, claimed: Claimed, operation: Operation, content_hash: str
) -> str:
    """The idempotency key of a write: the same for every try of the same content and version.

    A refusal may be replayed for its key, so each one makes a new key; a person who asks for a
    new document raises the generation.
    """
    parts: list[object] = [
        connection.id,
        claimed.type.value,
        claimed.object_id,
        content_hash,
        operation.value,
        claimed.generation,
        claimed.refusals,
    ]
    if operation in {Operation.UPDATE, Operation.VOID}:
        # On top of a newer version the same content is another request: under the same key, a
        # provider that compares the two would refuse it.
        parts.append(claimed.version)
    return hashlib.sha256("/".join(map(str, parts)).encode()).hexdigest()[:32]


def _waits(claimed: Claimed, cause: Cause, status: SyncStatus) -> Decided:
    return Decided(claimed, status, cause=cause, reason_code=cause.code)


def _without_those_in_the_ledger(
    work: UnitOfWork, connection: ConnectionRow, books: Books, plan: Plan
) -> Plan:
    """Pair what the ledger has already instead of writing it a second time."""
    new = [
        ready
        for ready in plan.ready
        if ready.item.operation is Operation.CREATE and ready.item.platform_id is None
    ]
    matched = matches(work, connection, books, [(one.claimed, one.item.record) for one in new])
    still_new = Plan(decided=plan.decided)
    for ready in plan.ready:
        match matched.get(ready.claimed.id):
            case Match() as found:
                still_new.decided.append(paired(ready.claimed, found))
            case Cause() as cause:
                still_new.decided.append(_waits(ready.claimed, cause, SyncStatus.BLOCKED))
            case None:
                still_new.ready.append(ready)
    return still_new


def paired(claimed: Claimed, found: Match) -> Decided:
    """A record that is done because the ledger has its object already."""
    return Decided(
        claimed,
        SyncStatus.DONE,
        platform_id=found.platform_id,
        pushed_hash=claimed.content_hash,
        reason_code="matched",
        reason=f"It was in the ledger already: recognised by {found.by}.",
    )


def matches(
    work: UnitOfWork,
    connection: ConnectionRow,
    books: Books,
    new: Sequence[tuple[Claimed, AnyRecord]],
) -> dict[UUID, Match | Cause]:
    """Look for new records (in the ledger's ids) among what was pulled; by record id.

    A cause says why a person must decide. One object of the ledger is paired with one of ours:
    the first.
    """
    found: dict[UUID, Match | Cause] = {}
    taken: set[str] = set()
    for claimed, look in _looks(work, connection, books, new):
        try:
            match = look()
        except UnmatchedError as unmatched:
            found[claimed.id] = unmatched.cause
            continue
        if match is not None and match.platform_id not in taken:
            taken.add(match.platform_id)
            found[claimed.id] = match
    return found


def _looks(
    work: UnitOfWork,
    connection: ConnectionRow,
    books: Books,
    new: Sequence[tuple[Claimed, AnyRecord]],
) -> Iterator[tuple[Claimed, Callable[[], Match | None]]]:
    """How to look for each record; what was pulled is read once for all of them."""
    contacts = [(claimed, one) for claimed, one in new if isinstance(one, Contact)]
    if contacts:
        parties = work.documents.contacts_like(connection.id, [one for _, one in contacts])
        candidates = [party.contact for party in parties]
        for claimed, contact in contacts:
            mapped = books.mappings.get((MappingKind.CONTACT, claimed.external_id))
            if mapped is not None:
                yield claimed, partial(Match, mapped, "a mapping")
            else:
                yield claimed, partial(match_contact, contact, candidates)
    numbered = [
        (claimed, one)
        for claimed, one in new
        if isinstance(one, Invoice | Bill | CreditNote) and one.number
    ]
    if numbered:
        kind = numbered[0][0].type
        numbers = [document.number for _, document in numbered if document.number]
        theirs = [one for _, one in work.documents.same_numbers(connection.id, kind, numbers)]
        for claimed, document in numbered:
            yield claimed, partial(match_document, document, theirs)
