"""What people do about records: retry, settle by hand, skip, and map.

Fixing a cause once releases everything that waited for it.
"""

from uuid import UUID

from connectors.base import Absent, CallScope, Found, Operation, PushItem, Unclear
from models.canonical import LedgerAccount, ObjectType, TaxRate
from models.repositories import LogLine
from models.status import RETRYABLE, SyncStatus
from models.tables import MappingKind
from models.unit_of_work import UnitOfWork
from sync import connections
from sync.catalogue import CONNECTION_CODES
from sync.engine import Engine
from sync.errors import InvalidInputError, NotAllowedError, NotFoundError
from sync.recover import find
from sync.runs import complete, new_correlation_id, trigger_run


def record_line(work: UnitOfWork, record_id: UUID) -> LogLine:
    """One record of the sync log.

    Raises:
        NotFoundError: There is none with that id.
    """
    lines = work.log.lines(record_id=record_id, limit=1)
    if not lines:
        raise NotFoundError(f"there is no record {record_id}: see `ledgerbridge log`")
    return lines[0]


def retry(
    engine: Engine,
    *,
    actor: str,
    record_id: UUID | None = None,
    issue_id: UUID | None = None,
    connection_id: UUID | None = None,
    status: SyncStatus | None = None,
    kind: ObjectType | None = None,
) -> int:
    """Queue records again: one, all of an issue, or all of a filter; how many.

    Raises:
        NotFoundError: The record or issue does not exist.
        NotAllowedError: The one record is in a state that must not be sent from.
    """
    with engine.begin() as work:
        if record_id is not None:
            line = record_line(work, record_id)
            if line.status not in RETRYABLE:
                raise NotAllowedError(_why_not(line))
        if issue_id is not None and work.issues.get(issue_id) is None:
            raise NotFoundError(f"there is no issue {issue_id}: see `ledgerbridge issues`")
        queued = work.queue.retry(
            record_id=record_id,
            issue_id=issue_id,
            connection_id=connection_id,
            status=status,
            kind=kind,
        )
        if issue_id is not None:
            work.queue.release_issue(issue_id)
            work.issues.close([issue_id], by=actor)
        work.audit.add(
            actor,
            "retry",
            str(record_id or issue_id or connection_id),
            records=len(queued),
            status=status.value if status else None,
            type=kind.value if kind else None,
        )
    for connection in set(queued):
        engine.hints.push(connection)
    return len(queued)


def _why_not(line: LogLine) -> str:
    match line.status:
        case SyncStatus.DONE | SyncStatus.DONE_MANUALLY:
            return (
                "the record is done: sending it again would make a second document. If it was "
                "deleted in the ledger, use --again"
            )
        case SyncStatus.SENDING:
            return "the record is being sent right now"
        case SyncStatus.UNCERTAIN:
            return (
                "it is not clear whether the record arrived; it is looked up in the ledger first, "
                f"next at {line.next_attempt_at:%Y-%m-%d %H:%M:%S} UTC"
            )
        case _:
            return "its connection cannot be used: see `ledgerbridge connections list`"


def create_again(engine: Engine, record_id: UUID, *, actor: str) -> None:
    """Make a new document in the ledger for a record whose document was deleted there.

    Raises:
        NotAllowedError: The ledger still has the document, or cannot tell.
    """
    with engine.begin() as work:
        line = record_line(work, record_id)
    if line.status not in {SyncStatus.DONE, SyncStatus.DONE_MANUALLY, SyncStatus.REJECTED}:
        raise NotAllowedError(f"the record is {line.status.value}, not done")
    if line.platform_object_id is not None:
        match _look_up(engine, line, line.platform_object_id):
            case Found():
                raise NotAllowedError(
                    f"the ledger still has it ({line.platform_object_id}): a second one would "
                    "be made"
                )
            case Unclear(reason=reason):
                raise NotAllowedError(f"it cannot be told whether the ledger has it: {reason}")
            case Absent():
                pass
    with engine.begin() as work:
        work.queue.start_over(record_id)
        work.audit.add(actor, "retry.again", str(record_id))
        work.after_commit(lambda: engine.hints.push(line.connection_id))


def settle(engine: Engine, record_id: UUID, *, platform_id: str, reason: str, actor: str) -> None:
    """Note that a person did it by hand; the ledger is asked whether it has the object.

    Raises:
        NotAllowedError: The ledger does not have it, or the record's state forbids it.
    """
    _require_reason(reason)
    with engine.begin() as work:
        line = record_line(work, record_id)
    match _look_up(engine, line, platform_id):
        case Absent():
            raise NotAllowedError(
                f"the ledger has no {line.type.words} {platform_id}: check the id"
            )
        case Unclear(reason=why):
            raise NotAllowedError(f"it cannot be verified: {why}")
        case Found():
            pass
    with engine.begin() as work:
        taken = work.pairing.taken(line.connection_id, line.type, [platform_id])
        if taken.get(platform_id, record_id) != record_id:
            raise NotAllowedError(
                f"{platform_id} belongs to another document of ours already "
                f"(record {taken[platform_id]})"
            )
        work.pairing.drop_twins(
            line.connection_id, line.type, [{"id": record_id, "platform_id": platform_id}]
        )
        changed = work.queue.set_by_hand(
            record_id, SyncStatus.DONE_MANUALLY, reason=reason, platform_id=platform_id
        )
        if not changed:
            raise NotAllowedError(f"the record is {line.status.value} and cannot be settled now")
        _close_if_empty(work, line)
        work.audit.add(actor, "settle", str(record_id), reason=reason, platform_id=platform_id)
        work.after_commit(lambda: engine.hints.push(line.connection_id))


def skip(engine: Engine, record_id: UUID, *, reason: str, actor: str) -> None:
    """Never send a record.

    Raises:
        NotAllowedError: It is in the ledger already, or may be.
    """
    _require_reason(reason)
    with engine.begin() as work:
        line = record_line(work, record_id)
        if not work.queue.set_by_hand(record_id, SyncStatus.SKIPPED, reason=reason):
            raise NotAllowedError(f"the record is {line.status.value} and cannot be skipped now")
        _close_if_empty(work, line)
        work.audit.add(actor, "skip", str(record_id), reason=reason)


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise InvalidInputError("a reason is needed: it stays in the log")


def _close_if_empty(work: UnitOfWork, line: LogLine) -> None:
    work.issues.close_empty(line.connection_id, sorted(CONNECTION_CODES))


def _look_up(engine: Engine, line: LogLine, platform_id: str) -> Found | Absent | Unclear:
    """Ask the ledger for one object by its id."""
    with engine.begin() as work:
        connection = connections.get(work, line.connection_id)
        document = work.pulled.bodies([line.object_id])[line.object_id]
    connector = connections.open_for(engine, connection, CallScope(new_correlation_id()))
    connections.assert_identity(connection, connector.check())
    item = PushItem(
        key="",
        marker="",
        operation=Operation.CREATE,
        record=document,
        platform_id=platform_id,
    )
    return find(connector, line.type, [item])[0]


def map_to(
    engine: Engine, connection_id: UUID, kind: MappingKind, ours: str, theirs: str, *, actor: str
) -> int:
    """Say which thing of the ledger one of ours is; releases what waited, and how much.

    `theirs` may be the ledger's id, code or name of it. What was made there a moment ago is not
    known here yet: then the ledger's list is read first.

    Raises:
        InvalidInputError: The ledger has no such thing, or several.
    """
    try:
        return _map_to(engine, connection_id, kind, ours, theirs, actor=actor)
    except _UnknownThereError:
        run_id = trigger_run(engine, connection_id, only="pull", types=[_TYPES[kind]])
        complete(engine, connection_id, run_id)
        return _map_to(engine, connection_id, kind, ours, theirs, actor=actor)


class _UnknownThereError(InvalidInputError):
    """Nothing of that name was pulled from the ledger so far."""


def _map_to(
    engine: Engine, connection_id: UUID, kind: MappingKind, ours: str, theirs: str, *, actor: str
) -> int:
    with engine.begin() as work:
        connection = connections.get(work, connection_id)
        spec = engine.spec_of(connection)
        platform_id = _resolve(work, connection_id, kind, theirs, spec.name)
        work.mappings.set(connection_id, kind, ours, platform_id, by=actor)
        released = 0
        for code in _CAUSES[kind]:
            subjects = [ours, f"contact {ours}"] if kind is MappingKind.CONTACT else [ours]
            issues = work.issues.find(connection_id, code, subjects)
            for issue_id in issues:
                released += work.queue.release_issue(issue_id)
            work.issues.close(issues, by=actor)
        work.audit.add(actor, "map", f"{kind.value} {ours}", theirs=platform_id)
        work.after_commit(lambda: engine.hints.push(connection_id))
    return released


_CAUSES = {
    MappingKind.TAX_RATE: ("tax_rate_unmapped", "tax_rate_ambiguous"),
    MappingKind.ACCOUNT: ("account_unmapped", "account_not_named"),
    MappingKind.CONTACT: ("contact_unknown", "contact_ambiguous"),
    MappingKind.ITEM: (),
}
_TYPES = {
    MappingKind.TAX_RATE: ObjectType.TAX_RATE,
    MappingKind.ACCOUNT: ObjectType.LEDGER_ACCOUNT,
    MappingKind.CONTACT: ObjectType.CONTACT,
    MappingKind.ITEM: ObjectType.ITEM,
}


def _resolve(
    work: UnitOfWork, connection_id: UUID, kind: MappingKind, theirs: str, ledger: str
) -> str:
    records = work.documents.reference_data(connection_id, _TYPES[kind])
    by_id = [record.id for record in records if record.id == theirs]
    if by_id:
        return theirs
    named = [
        record.id
        for record in records
        if theirs in {getattr(record, "code", None), getattr(record, "number", None)}
        or getattr(record, "name", "").casefold() == theirs.casefold()
    ]
    if len(named) == 1:
        return named[0]
    words = _TYPES[kind].words
    if named:
        raise InvalidInputError(
            f"{ledger} has several {_TYPES[kind].plural_words} called {theirs!r}: "
            f"give the id ({', '.join(named)})"
        )
    some = ", ".join(_named(record) for record in records[:8])
    raise _UnknownThereError(
        f"{ledger} has no {words} {theirs!r}" + (f"; it has {some}" if some else "")
    )


def _named(record: object) -> str:
    if isinstance(record, TaxRate | LedgerAccount):
        return f"{record.code or record.id} ({record.name})"
    return str(getattr(record, "name", ""))
