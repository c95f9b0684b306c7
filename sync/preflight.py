"""Would it post? What a push would do with what waits, without writing and without any call.

The decisions are the push's own (`sync.prepare`), made on records that nobody claims, within one
read-only transaction that sees one moment. Parents are decided before their children: a child
whose parent would go out is judged as if the parent were in the ledger already, a child of
something that waits waits for the same cause. What only the ledger knows (closed periods, rules
of its own) is found when posting.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from connectors.base import ConnectorSpec
from models.canonical import (
    AnyRecord,
    BillingDocument,
    Contact,
    Item,
    JournalEntry,
    JournalLine,
    ObjectType,
    Payment,
)
from models.ids import short
from models.repositories import Claimed, IssueDraft, Thing
from models.repositories.documents import body_of
from models.status import FINAL, IN_PROGRESS, SyncStatus
from models.tables import ConnectionRole, ConnectionRow, ConnectionStatus
from models.unit_of_work import UnitOfWork
from sync import connections, control, owned
from sync.catalogue import Actor, in_words
from sync.compare import Difference, differences, label
from sync.engine import Engine
from sync.errors import NotAllowedError, NotFoundError
from sync.order import PUSH_ORDER
from sync.prepare import Decided, Ready, books_of, prepare, standing_of
from sync.push import books_unread
from sync.references import Known, WaitsForParentError, named_by, translated
from sync.settling import one_pair_each
from sync.tax_rates import UnmatchedError

PAGE = 300
MOST_EXAMPLES = 5

WAITING = (
    SyncStatus.PENDING,
    SyncStatus.RETRY_WAIT,
    SyncStatus.BLOCKED,
    SyncStatus.REJECTED,
    SyncStatus.HELD,
)
"""What is judged: as if what a person or a date holds up were tried again now."""

NOT_ASKED = (
    "The ledger was not asked: what only it knows (closed periods, rules of its own) is found "
    "when posting."
)


class Fate(StrEnum):
    """What a push would make of a record."""

    POSTS = "would_post"
    THERE = "nothing_to_send"  # the ledger has it as it is
    NEVER = "never_sent"  # taken back before it was sent, or skipped
    WAITS = "waits"


@dataclass(frozen=True)
class Example:
    """One document that waits."""

    record_id: UUID
    what: str


@dataclass
class Waiting:
    """One cause, in the words of its issue, and what would wait for it."""

    cause: IssueDraft
    issue_id: UUID | None = None
    """The issue that is open about it already."""
    records: int = 0
    examples: list[Example] = field(default_factory=list)

    @property
    def next_step(self) -> str:
        """What to do; it names the issue where there is one."""
        named = short(self.issue_id) if self.issue_id else "ISSUE"
        return self.cause.next_step.replace("{issue}", named)


@dataclass(frozen=True)
class Obstacle:
    """Why nothing at all is posted now, whatever the documents are like."""

    sentence: str
    actor: Actor
    next_step: str


@dataclass
class Preflight:
    """What a push would come to."""

    connection_id: UUID
    counts: dict[Fate, int] = field(default_factory=lambda: dict.fromkeys(Fate, 0))
    after_parent: int = 0
    """Of those that would post: they follow a parent that would post before them."""
    refused_before: int = 0
    """Of those that would post: the ledger or a person stopped them, so they need a retry."""
    waiting: list[Waiting] = field(default_factory=list)
    """Causes, the heaviest first."""
    obstacle: Obstacle | None = None

    @property
    def checked(self) -> int:
        """How many records were looked at."""
        return sum(self.counts.values())

    @property
    def everything_posts(self) -> bool:
        """Whether nothing waits for anybody or anything."""
        return not self.waiting and (self.obstacle is None or not self.checked)


@dataclass(frozen=True)
class Judged:
    """One record and what a push would make of it."""

    claimed: Claimed
    fate: Fate
    ready: Ready | None = None
    after: tuple[str, ...] = ()
    """What goes out before it, in words."""
    cause: IssueDraft | None = None
    reason: str | None = None
    platform_id: str | None = None
    """The object of the ledger that it would be paired with."""


@dataclass
class Judge:
    """Judges the records of one connection; give it parents before their children."""

    work: UnitOfWork
    connection: ConnectionRow
    spec: ConnectorSpec
    there: dict[UUID, str] = field(default_factory=dict)
    """By record: the ledger's id of what is or would be there."""
    waits: dict[UUID, IssueDraft] = field(default_factory=dict)
    never: set[UUID] = field(default_factory=set)
    causes: dict[tuple[str, str], IssueDraft] = field(default_factory=dict)
    expected: dict[str, str] = field(default_factory=dict)
    """What stands for an id that only the ledger can give, and whose it is in words."""
    paired: set[tuple[ObjectType, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.books = books_of(self.work, self.connection, self.spec)
        read = self.work.cursors.ever_completed(self.connection.id)
        self.unread = books_unread(self.spec, read)

    def page(self, claimed: Sequence[Claimed]) -> list[Judged]:
        """Judge records of one type."""
        if self.unread and claimed[0].type is not ObjectType.CONTACT:
            found = [self._waits(one, self._books_unread()) for one in claimed]
        else:
            known = self.known(claimed)
            plan = prepare(self.work, self.connection, self.spec, self.books, claimed, known=known)
            found = [self._ready(ready) for ready in plan.ready]
            if plan.decided:
                decided = one_pair_each(self.work, self.connection, plan.decided)
                found += [self._decided(one) for one in decided]
        for one in found:
            self._remember(one)
        return found

    def known(self, claimed: Sequence[Claimed]) -> Mapping[UUID | None, Known]:
        """Where what they name stands, as if what was judged before were done."""
        known = standing_of(
            self.work, self.connection, [(one.source_id, one.document) for one in claimed]
        )
        for standings in known.values():
            for key, standing in standings.items():
                platform_id = self.there.get(standing.record_id)
                if platform_id is not None:
                    standings[key] = replace(standing, platform_id=platform_id, complete=True)
                elif standing.record_id in self.never:
                    standings[key] = replace(standing, status=SyncStatus.SKIPPED)
        return known

    def _ready(self, ready: Ready) -> Judged:
        names = (name for _, name in named_by(ready.item.record) if name in self.expected)
        after = tuple(sorted(self.expected[name] for name in names))
        return Judged(ready.claimed, Fate.POSTS, ready, after)

    def _decided(self, one: Decided) -> Judged:
        claimed = one.claimed
        if one.cause is not None:
            cause = in_words(one.cause, ledger=self.spec.name, connection=self.connection.id)
            return self._waits(claimed, cause)
        if one.status is SyncStatus.DONE:
            pair = (claimed.type, one.platform_id or "")
            if one.platform_id and pair in self.paired:
                return Judged(claimed, Fate.POSTS)  # an earlier one was paired with that object
            self.paired.add(pair)
            return Judged(claimed, Fate.THERE, reason=one.reason, platform_id=one.platform_id)
        if one.status is SyncStatus.SKIPPED:
            return Judged(claimed, Fate.NEVER, reason=one.reason)
        if one.blocked_by is None:
            return self._waits(claimed, self._draft())
        return self._waits(claimed, self.waits.get(one.blocked_by) or self._under_way())

    def _waits(self, claimed: Claimed, cause: IssueDraft) -> Judged:
        cause = self.causes.setdefault(cause.key, cause)
        return Judged(claimed, Fate.WAITS, cause=cause, reason=cause.sentence)

    def _remember(self, one: Judged) -> None:
        claimed = one.claimed
        if one.cause is not None:
            self.waits[claimed.id] = one.cause
            return
        if one.fate is Fate.NEVER:
            self.never.add(claimed.id)
            return
        platform_id = one.platform_id or claimed.platform_id
        if platform_id is None:
            platform_id = f"(new {claimed.type.words} {claimed.external_id})"
            self.expected[platform_id] = label(claimed.document)
        self.there[claimed.id] = platform_id

    def stands(self, claimed: Claimed) -> Judged | None:
        """What is said of a record that no push would take; None: it is to be judged."""
        if claimed.status in IN_PROGRESS:
            return self._waits(claimed, self._under_way())
        if claimed.status is SyncStatus.SKIPPED:
            return Judged(claimed, Fate.NEVER, reason="It was skipped.")
        if claimed.status in FINAL:
            return Judged(claimed, Fate.THERE, reason="The ledger has it as it is.")
        return None

    def _books_unread(self) -> IssueDraft:
        return IssueDraft(
            "books_unread",
            "",
            f"The accounts and tax rates of {self.spec.name} were not read yet.",
            Actor.NOBODY.value,
            f"The next sync reads them: `ledgerbridge sync {short(self.connection.id)}`.",
        )

    def _under_way(self) -> IssueDraft:
        return IssueDraft(
            "under_way",
            "",
            f"It is on its way to {self.spec.name}, or what became of it is being looked up.",
            Actor.NOBODY.value,
            "Nothing needs doing: it is settled by itself, and what waits for it follows.",
        )

    def _draft(self) -> IssueDraft:
        return IssueDraft(
            "draft",
            "",
            "It is a draft again.",
            Actor.BOOKKEEPER.value,
            "Issue it; it then goes out by itself.",
        )


def preflight(
    engine: Engine,
    connection_id: UUID,
    *,
    document_id: UUID | None = None,
    entity_id: UUID | None = None,
) -> Preflight:
    """Say what a push would do with one document, or with all that wait.

    Args:
        engine: For the transaction and the provider's spec; the provider is not called.
        connection_id: Which ledger.
        document_id: Only this document of ours.
        entity_id: Whose connection it must be, or for whom it must act.

    Raises:
        NotFoundError: There is no such connection, or the document is not in step with it.
        NotAllowedError: Somebody else's program posts there.
    """
    with engine.begin() as work:
        work.preflight.only_look()
        if entity_id is not None:
            owned.require(work, entity_id, Thing.CONNECTION, connection_id)
        connection = connections.get(work, connection_id)
        spec = _own(engine.spec_of(connection))
        judge = Judge(work, connection, spec)
        result = Preflight(connection_id, obstacle=_obstacle(work, connection, spec))
        if document_id is None:
            judged = _all(judge)
        else:
            record_id = work.preflight.record_of(connection_id, document_id)
            if record_id is None:
                raise NotFoundError(f"no record of document {document_id} for this connection")
            judged = iter([_one(judge, record_id)])
        groups: dict[tuple[str, str], Waiting] = {}
        for one in judged:
            _count(result, groups, one)
        result.waiting = sorted(groups.values(), key=lambda group: -group.records)
        for issue, _ in work.issues.listing(connection_id) if groups else ():
            if (issue.code, issue.subject) in groups:
                groups[issue.code, issue.subject].issue_id = issue.id
    return result


def _own(spec: ConnectorSpec) -> ConnectorSpec:
    """A spec whose ledger we post to ourselves.

    Raises:
        NotAllowedError: Others do; what they make of a record is not for us to say.
    """
    if spec.by_others:
        raise NotAllowedError(
            f"the program of an integrator posts to {spec.name}: what it will make of a record "
            "is known when it reports back"
        )
    return spec


def _all(judge: Judge) -> Iterator[Judged]:
    for kind in PUSH_ORDER:
        if judge.spec.pushes(kind) is None:
            continue
        pages = judge.work.preflight.pages(judge.connection.id, kind, statuses=WAITING, size=PAGE)
        for page in pages:
            yield from judge.page(page)


def _one(judge: Judge, record_id: UUID) -> Judged:
    """Judge one record, after everything that it names and that is still to go out."""
    family: dict[UUID, Claimed] = {}
    wanted = {record_id}
    while wanted:
        found = judge.work.preflight.records(judge.connection.id, sorted(wanted))
        family |= {one.id: one for one in found}
        known = standing_of(
            judge.work, judge.connection, [(one.source_id, one.document) for one in found]
        )
        wanted = {
            standing.record_id
            for standings in known.values()
            for standing in standings.values()
            if standing.record_id is not None and not standing.complete
        } - family.keys()
    if record_id not in family:
        raise NotFoundError(f"there is no record {record_id}: see `ledgerbridge log`")
    target = family[record_id]
    said = judge.stands(target)
    for kind in PUSH_ORDER:
        members = [
            one
            for one in family.values()
            if one.type is kind and one.status in WAITING and one is not target
        ]
        if members:
            judge.page(members)
    return said or judge.page([target])[0]


def _count(result: Preflight, groups: dict[tuple[str, str], Waiting], one: Judged) -> None:
    result.counts[one.fate] += 1
    if one.fate is Fate.POSTS:
        result.after_parent += bool(one.after)
        result.refused_before += one.claimed.status is SyncStatus.REJECTED
    if one.cause is not None:
        group = groups.setdefault(one.cause.key, Waiting(one.cause))
        group.records += 1
        if len(group.examples) < MOST_EXAMPLES:
            group.examples.append(Example(one.claimed.id, label(one.claimed.document)))


def _obstacle(work: UnitOfWork, connection: ConnectionRow, spec: ConnectorSpec) -> Obstacle | None:
    """What keeps the claim from taking anything, in the order in which people can act on it."""
    command, its_id = "ledgerbridge connections", short(connection.id)
    if connection.role is not ConnectionRole.LEDGER:
        return Obstacle(
            "Documents come from this connection; none go to it.",
            Actor.NOBODY,
            "Ask about the connection of the entity's ledger.",
        )
    entity = work.tenants.entity(connection.billing_entity_id)
    if entity is not None and entity.archived_at is not None:
        return Obstacle(
            f"The billing entity {entity.code} is archived.",
            Actor.ADMINISTRATOR,
            "Restore it; what is held then goes out by itself.",
        )
    match connection.status:
        case ConnectionStatus.PAUSED:
            sentence = f"The connection to {spec.name} is paused."
            return Obstacle(sentence, Actor.ADMINISTRATOR, f"Go on: `{command} resume {its_id}`.")
        case ConnectionStatus.DEAUTHORIZED | ConnectionStatus.PENDING_AUTH:
            return Obstacle(
                f"{spec.name} does not accept our credentials.",
                Actor.ADMINISTRATOR,
                f"Give new ones: `{command} reauthorize {its_id} --credentials FILE`.",
            )
        case ConnectionStatus.DISCONNECTED:
            sentence = f"The connection to {spec.name} was disconnected."
            return Obstacle(sentence, Actor.ADMINISTRATOR, "Connect the ledger anew.")
    if connection.posting_from is None:
        return Obstacle(
            "Posting has not started.",
            Actor.ADMINISTRATOR,
            f"Start it: `{command} start {its_id} --from DAY`.",
        )
    if connection.parked_until is not None and connection.parked_until > datetime.now(UTC):
        return Obstacle(
            f"{spec.name} is not called before {connection.parked_until:%Y-%m-%d %H:%M} UTC.",
            Actor.NOBODY,
            "Nothing needs doing: it goes on by itself then.",
        )
    return None


NOTHING = "nothing"


@dataclass(frozen=True)
class Preview:
    """What would be sent for one record, and how that differs from what the ledger has."""

    judged: Judged
    connection_id: UUID
    ledger: str
    operation: str
    """create, update, void, or nothing."""
    why: str | None
    """Why nothing would be sent."""
    next_step: str | None
    payload: AnyRecord | None
    """In the ledger's ids; `(new …)` stands for an id that the ledger has yet to give."""
    platform_id: str | None
    seen_at: datetime | None
    """When the ledger's version was last read or written; None: it has none, as far as we know."""
    differences: tuple[Difference, ...]

    @property
    def record_id(self) -> UUID:
        """The record."""
        return self.judged.claimed.id

    @property
    def type(self) -> ObjectType:
        """What kind of object."""
        return self.judged.claimed.type

    @property
    def what(self) -> str:
        """The document in words."""
        return label(self.judged.claimed.document)

    @property
    def status(self) -> SyncStatus:
        """Where the record stands."""
        return self.judged.claimed.status

    @property
    def after(self) -> tuple[str, ...]:
        """What goes out before it."""
        return self.judged.after

    @property
    def code(self) -> str | None:
        """The cause that it would wait for."""
        return self.judged.cause.code if self.judged.cause else None

    @property
    def idempotency_key(self) -> str | None:
        """The key that it would be sent with."""
        return self.judged.ready.item.key if self.judged.ready else None

    @property
    def body(self) -> dict[str, Any] | None:
        """The payload as JSON."""
        return None if self.payload is None else body_of(self.payload)


def preview(engine: Engine, record_id: UUID, *, entity_id: UUID | None = None) -> Preview:
    """Show what a push would send for one record.

    The ledger is not asked for its version: no connector has a call for one object by its id.
    Compared is what it showed when it was last read or written.

    Raises:
        NotFoundError: There is no such record, or it is another entity's.
        NotAllowedError: Somebody else's program posts there.
    """
    with engine.begin() as work:
        work.preflight.only_look()
        if entity_id is not None:
            owned.require(work, entity_id, Thing.RECORD, record_id)
        connection_id = work.preflight.connection_of(record_id)
        if connection_id is None:
            raise NotFoundError(f"there is no record {record_id}: see `ledgerbridge log`")
        connection = connections.get(work, connection_id)
        spec = _own(engine.spec_of(connection))
        judge = Judge(work, connection, spec)
        judged = _one(judge, record_id)
        claimed = judged.claimed
        seen_at, theirs = _theirs(work, connection, judged)
        line = control.record_line(work, record_id)
        item = judged.ready.item if judged.ready else None
        group = Waiting(judged.cause) if judged.cause else None
        why = line.reason if claimed.status is SyncStatus.SKIPPED else judged.reason
        return Preview(
            judged=judged,
            connection_id=connection_id,
            ledger=spec.name,
            operation=item.operation.value if item else NOTHING,
            why=(why or judged.reason) if item is None else None,
            next_step=group.next_step if group else None,
            payload=item.record if item else _as_far_as_possible(judge, claimed),
            platform_id=claimed.platform_id or judged.platform_id,
            seen_at=seen_at,
            # Without tolerance: an edit by a cent is a difference that is sent.
            differences=tuple(differences(_ours(claimed), theirs)) if theirs else (),
        )


def _as_far_as_possible(judge: Judge, claimed: Claimed) -> AnyRecord | None:
    """A record that is not sent, in the ledger's ids where that can be said."""
    try:
        known = judge.known([claimed]).get(claimed.source_id, {})
        return translated(claimed.document, judge.books, known)
    except (WaitsForParentError, UnmatchedError):
        return None


def _ours(claimed: Claimed) -> AnyRecord:
    """Our side; what was deleted here is to be void there."""
    withdrawn = claimed.gone and isinstance(claimed.document, BillingDocument | Payment)
    return claimed.document.model_copy(update={"status": "void"} if withdrawn else {})


def _theirs(
    work: UnitOfWork, connection: ConnectionRow, judged: Judged
) -> tuple[datetime | None, AnyRecord | None]:
    """The ledger's version as we last saw it, and when that was."""
    claimed = judged.claimed
    if claimed.platform_id is None and judged.platform_id is not None:
        found = work.preflight.of_the_ledger(connection.id, claimed.type, judged.platform_id)
        return (None, None) if found is None else (found[1], found[0])
    shown = work.preflight.shown(claimed.id)
    if claimed.platform_id is None or not shown.ledger:
        return None, None
    return shown.seen_at, as_shown(claimed.document, shown.ledger)


def as_shown(ours: AnyRecord, ledger: Mapping[str, Any]) -> AnyRecord:
    """Our document with what the ledger shows of it: what both sides must agree on."""
    day = date.fromisoformat(ledger["document_date"]) if "document_date" in ledger else None
    sums = {
        name: Decimal(str(ledger[name]))
        for name in ("net_total", "tax_total", "total")
        if name in ledger
    }
    texts = {name: ledger[name] for name in ("currency", "status") if name in ledger}
    update: dict[str, Any] = {}
    match ours:
        case BillingDocument():
            update = sums | texts | ({"issue_date": day} if day else {})
        case Payment():
            update = texts | ({"date": day} if day else {})
            update |= {"amount": sums["total"]} if "total" in sums else {}
        case JournalEntry():
            update = {"date": day} if day else {}
            if "total" in sums:  # the sum of its debits, whatever its lines are
                update["lines"] = (JournalLine(account_id="?", debit=sums["total"]),)
        case Contact() | Item():
            update = {"name": ledger["name"]} if "name" in ledger else {}
    return ours.model_copy(update=update)
