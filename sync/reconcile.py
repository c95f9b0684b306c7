"""Both sides compared: what we have against what the ledger itself says, and why they differ.

The ledger is asked directly, not our copy of it. Sums are per month, type and currency; every
difference names its documents and its reason. Only `unknown` is left unexplained.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from connectors.base import CallScope, Connector, ConnectorSpec, Period
from models.canonical import (
    AnyRecord,
    BillingDocument,
    CreditNote,
    JournalEntry,
    ObjectType,
    Payment,
)
from models.canonical.money import ZERO, equal_to_the_cent, shown
from models.repositories.reconciling import OurSide
from models.status import SyncStatus
from models.tables import ConnectionRole
from sync import connections
from sync.compare import label
from sync.engine import Engine
from sync.errors import NotAllowedError
from sync.runs import new_correlation_id

RECONCILED = (
    ObjectType.INVOICE,
    ObjectType.BILL,
    ObjectType.CREDIT_NOTE,
    ObjectType.PAYMENT,
    ObjectType.JOURNAL_ENTRY,
)


class Reason(StrEnum):
    """Why a document counts differently on the two sides."""

    NOT_PUSHED = "not pushed"  # it will go out, or waits for a person
    SKIPPED = "never sent"
    ONLY_THERE = "entered in the ledger, not read yet"
    EDITED = "edited in the ledger"
    ROUNDING = "rounding"
    VOIDED = "voided"
    DELETED = "deleted in the ledger"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Group:
    """What is summed together."""

    month: str
    """`2026-03`."""
    kind: str
    """`invoice`, `payment received` ..."""
    currency: str


@dataclass(frozen=True)
class Explained:
    """One document that counts differently."""

    what: str
    reason: Reason
    ours: Decimal | None
    theirs: Decimal | None
    detail: str
    record_id: UUID | None = None
    platform_id: str | None = None


@dataclass
class Row:
    """Both sides of a group."""

    group: Group
    our_count: int = 0
    our_sum: Decimal = ZERO
    their_count: int = 0
    their_sum: Decimal = ZERO
    differences: list[Explained] = field(default_factory=list)

    @property
    def difference(self) -> Decimal:
        """Their sum less ours."""
        return self.their_sum - self.our_sum

    @property
    def unexplained(self) -> bool:
        """Whether something in it has no known reason, or the reasons do not add up."""
        explained = sum(
            ((one.theirs or ZERO) - (one.ours or ZERO) for one in self.differences), ZERO
        )
        unknown = any(one.reason is Reason.UNKNOWN for one in self.differences)
        return unknown or not equal_to_the_cent(explained, self.difference, self.group.currency)


@dataclass(frozen=True)
class Theirs:
    """One document of the ledger, as far as sums go."""

    platform_id: str
    group: Group
    amount: Decimal
    day: date
    void: bool
    what: str


@dataclass
class Reconciliation:
    """The result: rows in order, and what the ledger could not be asked for."""

    rows: list[Row]
    calls: int

    @property
    def clean(self) -> bool:
        """Whether every difference is explained."""
        return not any(row.unexplained for row in self.rows)


def reconcile(
    engine: Engine,
    connection_id: UUID,
    period: Period,
    *,
    progress: Callable[[ObjectType, int], None] = lambda _kind, _seen: None,
) -> Reconciliation:
    """Compare both sides for documents dated in a period.

    Args:
        engine: The outside world.
        connection_id: Whose ledger.
        period: Which days.
        progress: Told the type and how many of it were read so far.

    Raises:
        ConnectorError: The ledger could not be read; nothing is proven.
        NotAllowedError: The connection is a source.
    """
    with engine.begin() as work:
        connection = connections.get(work, connection_id)
    if connection.role is not ConnectionRole.LEDGER:
        raise NotAllowedError(
            "documents come from this connection; the books are at the ledger's: reconcile that one"
        )
    spec = engine.spec_of(connection)
    scope = CallScope(new_correlation_id())
    connector = connections.open_for(engine, connection, scope)
    connections.assert_identity(connection, connector.check())
    rows: dict[Group, Row] = {}
    for kind in RECONCILED:
        if spec.pulls(kind) is None:
            continue
        # The ledger is read first: what is pushed in between is then ours to explain.
        theirs = {one.platform_id: one for one in _theirs(connector, kind, period, progress)}
        with engine.begin() as work:
            ours = work.reconciling.ours(connection_id, kind, period.start, period.end)
            elsewhere = work.reconciling.by_platform_id(connection_id, kind, list(theirs))
        _compare(spec, ours, theirs, elsewhere, rows)
    with engine.begin() as work:
        work.connections.used(connection_id, calls=scope.calls, received=scope.bytes_received)
    ordered = sorted(
        rows.values(), key=lambda row: (row.group.month, row.group.kind, row.group.currency)
    )
    return Reconciliation(ordered, scope.calls)


def _theirs(
    connector: Connector,
    kind: ObjectType,
    period: Period,
    progress: Callable[[ObjectType, int], None],
) -> Iterable[Theirs]:
    seen = 0
    for page in connector.pull(kind, None, period=period):
        for pulled in page.records:
            one = _of(pulled.platform_id, pulled.record)
            if one is not None and period.holds(one.day) and not pulled.deleted:
                seen += 1
                yield one
        progress(kind, seen)


def _of(platform_id: str, record: AnyRecord) -> Theirs | None:
    """A ledger's document for the sums; drafts do not count."""
    if isinstance(record, BillingDocument):
        day, amount, currency, status = (
            record.issue_date,
            record.total,
            record.currency,
            record.status,
        )
    elif isinstance(record, Payment):
        day, amount, currency, status = record.date, record.amount, record.currency, record.status
    elif isinstance(record, JournalEntry):
        day, amount, currency, status = record.date, record.total, record.currency, record.status
    else:
        return None
    if status == "draft":
        return None
    side = record.side if isinstance(record, CreditNote | Payment) else None
    refund = isinstance(record, Payment) and record.refund
    kind = kind_in_words(record.type, side, refund=refund)
    group = Group(f"{day:%Y-%m}", kind, currency)
    return Theirs(platform_id, group, amount, day, status == "void", label(record))


def kind_in_words(kind: ObjectType, side: str | None, *, refund: bool = False) -> str:
    """What is summed together, as people call it."""
    if refund:
        return "refund received" if side == "supplier" else "refund made"
    if kind is ObjectType.PAYMENT:
        return "payment made" if side == "supplier" else "payment received"
    if kind is ObjectType.CREDIT_NOTE:
        return f"credit note ({side or 'customer'})"
    return kind.words


def _compare(
    spec: ConnectorSpec,
    ours: list[OurSide],
    theirs: dict[str, Theirs],
    elsewhere: dict[str, OurSide],
    rows: dict[Group, Row],
) -> None:
    """Add one type's documents to the rows."""

    def row(group: Group) -> Row:
        return rows.setdefault(group, Row(group))

    met: set[str] = set()
    for mine in ours:
        group = _group_of(mine)
        there = theirs.get(mine.platform_id) if mine.platform_id else None
        if there is not None:
            met.add(there.platform_id)
        amount = None if mine.void else mine.total
        their_amount = there.amount if there is not None and not there.void else None
        if amount is not None:
            row(group).our_count += 1
            row(group).our_sum += amount
        same_group = there is not None and there.group == group
        if there is not None and their_amount is not None:
            row(there.group).their_count += 1
            row(there.group).their_sum += their_amount
            if not same_group:
                row(there.group).differences.append(
                    Explained(
                        mine.label,
                        Reason.EDITED,
                        None,
                        their_amount,
                        f"here it is dated {mine.day} in {group.currency}",
                        mine.record_id,
                        there.platform_id,
                    )
                )
        if amount == their_amount and same_group:
            continue
        if amount is None and (their_amount is None or not same_group):
            continue
        reason, detail = _why(spec, mine, there)
        row(group).differences.append(
            Explained(
                mine.label,
                reason,
                amount,
                their_amount if same_group else None,
                detail,
                mine.record_id,
                mine.platform_id,
            )
        )
    for platform_id in theirs.keys() - met:
        _only_there(theirs[platform_id], elsewhere.get(platform_id), row)


def _group_of(mine: OurSide) -> Group:
    return Group(
        f"{mine.day:%Y-%m}", kind_in_words(mine.type, mine.side, refund=mine.refund), mine.currency
    )


def _only_there(there: Theirs, mine: OurSide | None, row: Callable[[Group], Row]) -> None:
    """A document of the ledger that has no counterpart of ours in the period."""
    if there.void:
        return
    line = row(there.group)
    line.their_count += 1
    line.their_sum += there.amount
    if mine is None:
        reason, detail = Reason.ONLY_THERE, f"dated {there.day}; the next sync reads it"
    elif mine.deleted:
        reason, detail = Reason.DELETED, "deleted here, still in the ledger"
    else:
        reason, detail = Reason.EDITED, f"here it is dated {mine.day}"
    line.differences.append(
        Explained(
            there.what,
            reason,
            None,
            there.amount,
            detail,
            mine.record_id if mine else None,
            there.platform_id,
        )
    )


_WAITING = {
    SyncStatus.PENDING: "it is due",
    SyncStatus.SENDING: "it is being sent",
    SyncStatus.RETRY_WAIT: "it is tried again by itself",
    SyncStatus.UNCERTAIN: "it is being looked up in the ledger",
    SyncStatus.HELD: "the connection cannot be used",
}


def _why(spec: ConnectorSpec, mine: OurSide, there: Theirs | None) -> tuple[Reason, str]:
    """Why a document of ours counts differently in the ledger."""
    if there is None and mine.platform_id is None:
        return _why_never_sent(spec, mine)
    if there is None:
        return _why_not_there(mine)
    gap = there.amount - mine.total
    if mine.void != there.void:
        return Reason.VOIDED, f"it is void {'here' if mine.void else 'in the ledger'} only"
    if there.group.month != f"{mine.day:%Y-%m}":
        return Reason.EDITED, f"in the ledger it is dated {there.day}"
    if there.group.currency != mine.currency:
        return Reason.EDITED, f"in the ledger it is in {there.group.currency}"
    if abs(gap) <= spec.rounding_tolerance:
        return Reason.ROUNDING, f"{shown(gap, mine.currency)} within the tolerance"
    if mine.status in _WAITING or mine.status is SyncStatus.REJECTED:
        return Reason.NOT_PUSHED, mine.reason or "a change of ours has not been sent yet"
    if mine.changed_there or mine.ledger_total == there.amount:
        return Reason.EDITED, f"the ledger has {shown(there.amount, mine.currency)}"
    return Reason.UNKNOWN, (
        f"{shown(mine.total, mine.currency)} here, {shown(there.amount, mine.currency)} there"
    )


def _why_never_sent(spec: ConnectorSpec, mine: OurSide) -> tuple[Reason, str]:
    if mine.status is None:
        return Reason.NOT_PUSHED, f"{spec.name} does not take it, or it is not queued yet"
    if mine.status is SyncStatus.SKIPPED:
        return Reason.SKIPPED, mine.reason or "it is dated before posting started"
    return Reason.NOT_PUSHED, mine.reason or _WAITING.get(mine.status, "it waits")


def _why_not_there(mine: OurSide) -> tuple[Reason, str]:
    if mine.ledger_day is not None and mine.ledger_day != mine.day:
        return Reason.EDITED, f"in the ledger it is dated {mine.ledger_day}"
    if mine.status in _WAITING:
        return Reason.NOT_PUSHED, "it is there as a draft only"
    return Reason.DELETED, "the ledger does not have it any more"


def by_reason(rows: Iterable[Row]) -> dict[Reason, int]:
    """How many documents differ for which reason."""
    counts: defaultdict[Reason, int] = defaultdict(int)
    for row in rows:
        for one in row.differences:
            counts[one.reason] += 1
    return dict(counts)
