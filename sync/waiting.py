"""The waiting list: documents that an integrator's own program posts and reports back.

Who may do what is decided in one place (:func:`_refusal`), in this order: kind of credential,
billing entity, archived, contradictions, state. The statements that change a task compare the
same things once more. A refusal changes nothing and leaves one line in the audit log.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from connectors.errors import Cause
from connectors.http import redacted
from models.canonical import CreditNote, ObjectType, record_adapter
from models.repositories import IssueDraft, Task
from models.status import SyncStatus
from models.unit_of_work import UnitOfWork
from sync.access import Caller
from sync.catalogue import CONNECTION_CODES, in_words
from sync.engine import Engine
from sync.errors import AccessDeniedError, ConflictError, NotFoundError, UnknownEntityError
from sync.order import PUSH_ORDER


class TaskStatus(StrEnum):
    """Where a task stands, in an integrator's words."""

    TODO = "TODO"
    WAITING = "WAITING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


class ErrorType(StrEnum):
    """Why an integrator could not post a document."""

    USER_INPUT_ERROR = "USER_INPUT_ERROR"
    INTERNAL_ERROR = "INTERNAL_ERROR"
    NOT_SUPPORTED = "NOT_SUPPORTED"


@dataclass(frozen=True)
class Completed:
    """The ledger has the document."""

    platform_id: str | None = None
    version: int | None = None
    """Of the document that was posted; None: whatever it is now."""


@dataclass(frozen=True)
class FailedReport:
    """The ledger will not have it as it is."""

    error_type: ErrorType
    message: str


Report = Completed | FailedReport

_STATUSES = {
    SyncStatus.PENDING: TaskStatus.TODO,
    SyncStatus.RETRY_WAIT: TaskStatus.TODO,
    SyncStatus.DONE: TaskStatus.COMPLETED,
    SyncStatus.DONE_MANUALLY: TaskStatus.COMPLETED,
    SyncStatus.REJECTED: TaskStatus.FAILED,
}


def status_of(task: Task) -> TaskStatus:
    """Where a task stands; nothing is to do before posting has started."""
    found = _STATUSES.get(task.status, TaskStatus.WAITING)
    return TaskStatus.WAITING if found is TaskStatus.TODO and not task.started else found


def operation_of(task: Task) -> str:
    """What the ledger is to do: create, update or void."""
    if not task.in_ledger:
        return "create"
    return "void" if task.ended else "update"


def postable(caller: Caller, task: Task) -> bool:
    """Whether a caller may report a task as completed now."""
    return (
        _refusal(caller, task) is None
        and status_of(task) is TaskStatus.TODO
        and _unpostable(caller, task) is None
    )


@dataclass(frozen=True)
class _Refusal:
    """Why not; 403 where somebody else may, 409 where the document or task must change first."""

    code: str
    message: str
    forbidden: bool = False

    def error(self) -> AccessDeniedError | ConflictError:
        kind = AccessDeniedError if self.forbidden else ConflictError
        return kind(self.code, self.message)


def listing(work: UnitOfWork, caller: Caller, *, code: str | None = None, limit: int) -> list[Task]:
    """What waits for an integrator, the longest waiting first.

    Raises:
        AccessDeniedError: The credential has no waiting list, or not of that entity.
        UnknownEntityError: The organisation has no entity with that code.
    """
    connection_id = _linked(caller)
    entity_id = None
    if code is not None:
        entity = work.tenants.entity_coded(caller.organisation_id, code)
        if entity is None:
            raise UnknownEntityError(f"there is no billing entity {code!r}")
        if entity.id not in caller.entities:
            codes = _codes(work, caller)
            raise AccessDeniedError(
                "billing_entity_not_linked",
                f"this API client acts for connection {connection_id}, linked to {codes}, not for "
                f"billing entity {code}: {_HINT.format(code=code)}",
            )
        entity_id = entity.id
    return work.waiting.tasks(
        connection_id, caller.entities, entity_id=entity_id, order=PUSH_ORDER, limit=limit
    )


def task(work: UnitOfWork, caller: Caller, task_id: UUID) -> Task:
    """One task of the caller's organisation, also of entities that it does not act for.

    Raises:
        AccessDeniedError: The credential has no waiting list.
        NotFoundError: There is no such task.
    """
    found = _found(work, caller, task_id)
    _linked(caller)
    return found


def report(
    engine: Engine, caller: Caller, task_id: UUID, what: Report, *, correlation_id: str = ""
) -> Task:
    """Take down what became of a task; saying the same twice changes nothing.

    Returns:
        The task as it is now.

    Raises:
        NotFoundError: There is no such task.
        AccessDeniedError: The caller may not report it; the code says why.
        ConflictError: The document or the task stands in the way.
    """
    said = "COMPLETED" if isinstance(what, Completed) else "FAILED"
    with engine.begin() as work:
        found = _found(work, caller, task_id, lock=True)
        refusal = _refusal(caller, found, work) or _credit_note_elsewhere(work, found)
        if refusal is None and not _said_already(caller, found, what):
            refusal = _state_refusal(caller, found, what)
            if refusal is None and not _take_down(work, caller, found, what, correlation_id):
                refusal = _too_late(what)
            if refusal is None:
                work.audit.add(
                    caller.actor,
                    f"task.{said.lower()}",
                    str(task_id),
                    **_who(work, caller, found),
                    platform_id=what.platform_id if isinstance(what, Completed) else None,
                )
        if refusal is not None:
            _audit_refusal(work, caller, found, refusal, said)
        now = _found(work, caller, task_id)
    if refusal is not None:
        raise refusal.error()
    return now


def reopen(engine: Engine, caller: Caller, task_id: UUID) -> Task:
    """Let a task that failed wait again; one that waits already stays.

    Raises:
        NotFoundError: There is no such task.
        AccessDeniedError: The caller may not reopen it; the code says why.
        ConflictError: It is completed, or waits for something else.
    """
    with engine.begin() as work:
        found = _found(work, caller, task_id, lock=True)
        refusal = _refusal(caller, found, work) or _unpostable(caller, found)
        if refusal is None and status_of(found) is not TaskStatus.TODO:
            if status_of(found) is not TaskStatus.FAILED:
                refusal = _final(found)
            elif not work.waiting.reopen(
                task_id, connection_id=found.connection_id, entities=caller.entities
            ):
                refusal = _TOO_LATE
            else:
                work.issues.close_empty(found.connection_id, sorted(CONNECTION_CODES))
                who = _who(work, caller, found)
                work.audit.add(caller.actor, "task.reopened", str(task_id), **who)
        if refusal is not None:
            _audit_refusal(work, caller, found, refusal, "reopen")
        now = _found(work, caller, task_id)
    if refusal is not None:
        raise refusal.error()
    return now


def corrections_elsewhere(
    work: UnitOfWork, billing_entity_id: UUID, records: Sequence[object]
) -> dict[str, str]:
    """Credit notes that correct another entity's document, by their id: why they are refused."""
    notes = [record for record in records if isinstance(record, CreditNote) and record.corrects]
    named = sorted({corrected for note in notes for corrected in note.corrects})
    elsewhere = work.waiting.corrected_elsewhere(billing_entity_id, named) if named else {}
    return {
        note.id: f"corrects: {corrected} belongs to billing entity {elsewhere[corrected]}; a "
        "credit note belongs to the entity of the document that it corrects"
        for note in notes
        for corrected in note.corrects
        if corrected in elsewhere
    }


_HINT = (
    "create the API client for the connection that is linked to {code} "
    "(`ledgerbridge clients add --connection ID`)"
)
_TOO_LATE = _Refusal("already_final", "the task was changed at the same moment: read it again")


def _linked(caller: Caller) -> UUID:
    """The connection of an integration credential.

    Raises:
        AccessDeniedError: It is an organisation's.
    """
    if not caller.integration or caller.connection_id is None:
        raise _not_linked().error()
    return caller.connection_id


def _not_linked() -> _Refusal:
    return _Refusal(
        "credential_not_linked",
        "this API client belongs to the organisation, not to a connection: it neither sees what "
        "waits nor reports it; create one on the settings of the connection "
        "(`ledgerbridge clients add --connection ID`)",
        forbidden=True,
    )


def _found(work: UnitOfWork, caller: Caller, task_id: UUID, *, lock: bool = False) -> Task:
    found = work.waiting.task(task_id, caller.organisation_id, lock=lock)
    if found is None:
        raise NotFoundError(f"there is no sync task {task_id}")
    return found


def _named(task: Task) -> str:
    return f"{task.type.words} {task.number or task.name or task.external_id}"


def _codes(work: UnitOfWork, caller: Caller) -> str:
    return ", ".join(work.tenants.codes(sorted(caller.entities))) or "no entity"


def _refusal(caller: Caller, task: Task, work: UnitOfWork | None = None) -> _Refusal | None:
    """Why a caller may have nothing to do with a task, whatever its state."""
    code = task.entity.code
    if not caller.integration:
        return _not_linked()
    if task.entity.id not in caller.entities:
        linked = _codes(work, caller) if work else ""
        return _Refusal(
            "billing_entity_mismatch",
            f"{_named(task)} belongs to billing entity {code}; this API client acts for "
            f"connection {caller.connection_id}, linked to {linked}: {_HINT.format(code=code)}",
            forbidden=True,
        )
    if task.entity.archived:
        return _Refusal(
            "billing_entity_archived",
            f"{_named(task)} belongs to billing entity {code}, which is archived: nothing is "
            "posted for it any more",
        )
    return None


def _credit_note_elsewhere(work: UnitOfWork, task: Task) -> _Refusal | None:
    if task.type is not ObjectType.CREDIT_NOTE:
        return None
    record = record_adapter.validate_python(task.body)
    problems = corrections_elsewhere(work, task.entity.id, [record])
    if not problems:
        return None
    return _Refusal(
        "credit_note_entity_mismatch",
        f"{_named(task)} belongs to billing entity {task.entity.code}; {problems[record.id]}",
    )


def _unpostable(caller: Caller, task: Task) -> _Refusal | None:
    """Why nobody's report about a task is wanted."""
    if not task.by_others:
        return _Refusal(
            "posted_by_ledgerbridge",
            f"{_named(task)} is posted by Ledgerbridge itself: connection {task.connection_id} is "
            "not one that an integrator posts for",
        )
    if task.connection_id != caller.connection_id:
        return _Refusal(
            "already_final",
            f"{_named(task)} is a task of another connection ({task.connection_id}) and "
            f"{status_of(task)} there",
        )
    if task.ended and not task.in_ledger:
        return _Refusal(
            "document_not_postable",
            f"{_named(task)} was cancelled or deleted: it is not to be posted any more",
        )
    return None


def _said_already(caller: Caller, task: Task, what: Report) -> bool:
    """Whether the same connection reported the same before."""
    if not task.by_others or task.connection_id != caller.connection_id:
        return False
    if isinstance(what, Completed):
        return task.status is SyncStatus.DONE and what.platform_id in {None, task.platform_id}
    return task.status is SyncStatus.REJECTED and task.reason == _issue(task, what).sentence


def _state_refusal(caller: Caller, task: Task, what: Report) -> _Refusal | None:
    unpostable = _unpostable(caller, task)
    if unpostable is not None:
        return unpostable
    if status_of(task) is not TaskStatus.TODO:
        return _final(task)
    asked = what.version if isinstance(what, Completed) else None
    if asked is not None and asked != task.document_version:
        return _Refusal(
            "document_changed",
            f"{_named(task)} was edited after version {asked} was read: it is version "
            f"{task.document_version} now; read the task again",
        )
    return None


def _final(task: Task) -> _Refusal:
    status = status_of(task)
    why = f" ({task.reason})" if task.reason else ""
    if status is TaskStatus.WAITING:
        return _Refusal(
            "task_waiting", f"{_named(task)} is WAITING{why}: it cannot be posted before that ends"
        )
    there = f" as {task.platform_id}" if task.platform_id else ""
    return _Refusal("already_final", f"{_named(task)} is {status}{there} already{why}")


def _too_late(what: Report) -> _Refusal:
    if isinstance(what, Completed) and what.platform_id is not None:
        return _Refusal(
            "already_final",
            f"{what.platform_id} is the ledger's id of another document already, or the task was "
            "changed at the same moment: read it again",
        )
    return _TOO_LATE


def _take_down(
    work: UnitOfWork, caller: Caller, task: Task, what: Report, correlation_id: str
) -> bool:
    """Change the task; False when the guard in the statement did not let it."""
    if isinstance(what, Completed):
        done = work.waiting.complete(
            task.id,
            connection_id=task.connection_id,
            entities=caller.entities,
            version=what.version,
            platform_id=what.platform_id,
            correlation_id=correlation_id,
        )
        if done:
            work.queue.release_children([task.id])
        return done
    draft = _issue(task, what)
    issues = work.issues.open(task.connection_id, [draft])
    return work.waiting.fail(
        task.id,
        connection_id=task.connection_id,
        entities=caller.entities,
        code=what.error_type.value.lower(),
        sentence=draft.sentence,
        issue_id=issues[draft.key],
        correlation_id=correlation_id,
    )


def _issue(task: Task, what: FailedReport) -> IssueDraft:
    """What people read about a document that an integrator could not post."""
    subject, message = _named(task), redacted(what.message)
    words = {"document": f"{subject[0].upper()}{subject[1:]}", "message": message}
    return in_words(
        Cause("refused_by_integrator", subject, words),
        ledger=task.ledger,
        connection=task.connection_id,
        provider_message=message,
    )


def _who(work: UnitOfWork, caller: Caller, task: Task) -> dict[str, Any]:
    """What the audit log says of a decision: the credential, the document, and both entities."""
    return {
        "credential": caller.kind.value,
        "connection": str(caller.connection_id) if caller.connection_id else None,
        "document": str(task.document_id),
        "document_entity": task.entity.code,
        "credential_entities": work.tenants.codes(sorted(caller.entities)),
    }


def _audit_refusal(
    work: UnitOfWork, caller: Caller, task: Task, refusal: _Refusal, said: str
) -> None:
    reason = refusal.message
    if said == "COMPLETED" and refusal.code == "billing_entity_mismatch":
        reason = f"completed in the ledger, not acknowledged: {reason}"
    work.audit.add(
        caller.actor,
        "task.refused",
        str(task.id),
        reason=reason,
        code=refusal.code,
        reported=said,
        **_who(work, caller, task),
    )
