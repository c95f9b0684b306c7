"""Qargo as a source: what waits for the ledger, and what is said about it afterwards.

Whose document it is, is compared *before* it is handed on: what is posted first and refused
afterwards leaves a document in the wrong company's books and a task that comes again.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from connectors.base import (
    REPORTS,
    Absent,
    Accepted,
    BadRecord,
    ConnectorConfig,
    Elsewhere,
    Failed,
    FindResult,
    Found,
    Identity,
    Operation,
    Page,
    Period,
    PulledRecord,
    PushItem,
    PushResult,
    Unclear,
)
from connectors.errors import (
    Conflict,
    ConnectorError,
    PermissionDenied,
    ProtocolError,
    Rejected,
    Unsupported,
)
from connectors.qargo import errors, mapping, wire
from connectors.qargo.client import ACCOUNTS, TAX_RATES, Client, credentials_of
from connectors.qargo.identity import identity
from connectors.qargo.settings import QargoSettings
from models.canonical import BillingDocument, ObjectType

if TYPE_CHECKING:
    from connectors.base import Connector

TASKS_A_PAGE = 25
"""Each costs a call of its own, at two calls a second: pages are stored every dozen seconds."""
LIST_PAGE_SIZE = 100
"""Qargo decides how long its pages of tax rates and accounts are; it does not say how long."""
LISTS = {ObjectType.TAX_RATE: TAX_RATES, ObjectType.LEDGER_ACCOUNT: ACCOUNTS}
DOCUMENTS = frozenset(kind for kind, _ in mapping.KINDS.values())

_SAID = {Operation.COMPLETE: wire.COMPLETED, Operation.FAIL: wire.FAILED}
_PAID_STATES = frozenset({Operation.PAID, Operation.UNPAID})
_NO_REASON = "The ledger does not take this document; see the sync log."


class Qargo:
    """The billing entities of one accounting integration."""

    def __init__(self, config: ConnectorConfig) -> None:
        if not isinstance(config.settings, QargoSettings):
            raise TypeError("the settings are not Qargo's")
        self._settings = config.settings
        self._base_url = config.base_url
        self._client_id = credentials_of(config).client_id
        self._client = Client(config)

    def check(self) -> Identity:
        """Who we are, and whether what we are to do is allowed for every billing entity."""
        try:
            me = self._client.me()
        except (PermissionDenied, Rejected):
            me = {}  # which role it takes is not described; what counts is asked next
        for code in self._settings.billing_entity_codes:
            if self._settings.read_only:
                try:
                    self._client.page(TAX_RATES, code, None)
                except Rejected as error:
                    raise errors.unknown_entity(error, code) from None
            else:
                self._waiting(code)
        return identity(me, base_url=self._base_url, client_id=self._client_id)

    def pull(
        self, kind: ObjectType, cursor: str | None, *, period: Period | None = None
    ) -> Iterator[Page]:
        """Read what waits, or a whole list; only a waiting list that was cut off is resumed."""
        if kind in LISTS:
            dated = period is not None and (period.start is not None or period.end is not None)
            return iter(()) if dated else self._list_pages(kind, final=period is None)
        if kind not in DOCUMENTS:
            raise Unsupported(f"{kind.plural_words} are not read from Qargo", code="not_read")
        if self._settings.read_only:
            return iter(())
        return self._document_pages(kind, cursor, period)

    def push(self, kind: ObjectType, items: Sequence[PushItem]) -> Sequence[PushResult]:
        """Report what became of documents: one call each, two or three when it is refused."""
        return [self._reported(kind, item) for item in items]

    def find(self, kind: ObjectType, items: Sequence[PushItem]) -> Sequence[FindResult]:
        """Look whether reports arrived, by the state of their tasks."""
        for item in items:
            self._assert_report(kind, item)
        return [self._found(item) for item in items]

    # What waits.

    def _waiting(self, code: str) -> list[wire.TaskRow]:
        """The waiting list of one billing entity.

        Raises:
            PermissionDenied: The API client is not that of an integration linked to it.
            ActionRequired: There is no such billing entity (any more).
        """
        try:
            return self._client.waiting(code)
        except PermissionDenied as error:
            raise errors.no_waiting_list(error, code) from None
        except Rejected as error:
            raise errors.unknown_entity(error, code) from None

    def _document_pages(
        self, kind: ObjectType, cursor: str | None, period: Period | None
    ) -> Iterator[Page]:
        """One list per billing entity, then each task of the type, in the order of their ids.

        The cursor within a list is the task after which to go on; the last page has none, since
        the next pull starts with a new list.
        """
        lists = [self._waiting(code) for code in self._settings.billing_entity_codes]
        rows = {row.id: row for tasks in lists for row in tasks if _wanted(kind, row)}
        waiting = [rows[task_id] for task_id in sorted(rows) if task_id > (cursor or "")]
        for start in range(0, max(len(waiting), 1), TASKS_A_PAGE):
            page = waiting[start : start + TASKS_A_PAGE]
            last = start + TASKS_A_PAGE >= len(waiting) or period is not None
            yield self._document_page(kind, page, period, None if last else page[-1].id)

    def _document_page(
        self,
        kind: ObjectType,
        rows: Sequence[wire.TaskRow],
        period: Period | None,
        cursor: str | None,
    ) -> Page:
        records: list[PulledRecord] = []
        along: dict[str, PulledRecord] = {}
        elsewhere: list[Elsewhere] = []
        bad: list[BadRecord] = []
        for row in rows:
            match self._read(kind, row):
                case mapping.Document(record, contact):
                    if _is_within(record, period):
                        records.append(record)
                        along[contact.platform_id] = contact
                case Elsewhere() as other:
                    elsewhere.append(other)
                case BadRecord() as problem:
                    bad.append(problem)
        return Page(records, bad, list(along.values()), elsewhere, cursor)

    def _read(
        self, kind: ObjectType, row: wire.TaskRow
    ) -> mapping.Document | Elsewhere | BadRecord | None:
        """One task with its document; None when it does not wait any more.

        One that Qargo does not give must not hold up the others.
        """
        try:
            task = self._client.task(row.id)
        except (Rejected, PermissionDenied, ProtocolError) as error:
            problem = f"Qargo lists the task {row.id}, but does not give it: {error.message}"
            return BadRecord(row.invoice_id or row.id, problem)
        if not _wanted(kind, task):
            return None
        named = task.model_copy(update={"invoice_id": task.invoice_id or row.invoice_id})
        return mapping.document(named, self._settings)

    def _list_pages(self, kind: ObjectType, *, final: bool) -> Iterator[Page]:
        """Tax rates or accounts, billing entity by billing entity."""
        codes = self._settings.billing_entity_codes
        for code in codes:
            following: str | None = None
            seen: set[str] = set()
            while True:
                try:
                    page = self._client.page(LISTS[kind], code, following)
                except Rejected as error:
                    raise errors.unknown_entity(error, code) from None
                following = page.next_cursor or None
                if following in seen:
                    raise ProtocolError("Qargo sends the same page again and again", code="paging")
                read = [mapping.listed(kind, item, self._settings) for item in page.items]
                ended = following is None and code == codes[-1] and final
                yield Page(
                    [one for one in read if isinstance(one, PulledRecord)],
                    [one for one in read if isinstance(one, BadRecord)],
                    elsewhere=[one for one in read if isinstance(one, Elsewhere)],
                    cursor=datetime.now(UTC).isoformat() if ended else None,
                )
                if following is None:
                    break
                seen.add(following)

    # What is said about it.

    def _reported(self, kind: ObjectType, item: PushItem) -> PushResult:
        try:
            self._assert_report(kind, item)
            task_id = _task_of(item)
        except (Unsupported, ProtocolError) as error:
            return Failed(error)
        if item.operation in _PAID_STATES:
            return self._paid_state(kind, item)
        try:
            if item.operation is Operation.COMPLETE:
                self._client.complete(task_id)
            else:
                said = item.report.message if item.report else None
                self._client.fail(task_id, said or _NO_REASON)
        except (PermissionDenied, Conflict) as error:
            return self._refused(kind, item, error)
        except Rejected as error:
            posted = item.operation is Operation.COMPLETE
            return Failed(errors.report_refused(error, _label(kind, item), posted=posted))
        except ConnectorError as error:
            return Failed(error)
        return _accepted(item)

    def _paid_state(self, kind: ObjectType, item: PushItem) -> PushResult:
        assert isinstance(item.record, BillingDocument)  # noqa: S101  # `DOCUMENTS` are such
        paid = item.operation is Operation.PAID
        try:
            self._client.paid_state(
                mapping.path_of(item.record), item.platform_id or item.record.id, paid=paid
            )
        except (PermissionDenied, Rejected) as error:
            return Failed(errors.paid_state_refused(error, _label(kind, item), paid=paid))
        except ConnectorError as error:
            return Failed(error)
        return _accepted(item)

    def _refused(
        self, kind: ObjectType, item: PushItem, error: PermissionDenied | Conflict
    ) -> PushResult:
        """Look at a task whose report was refused: nothing was changed, so it may be asked.

        403: the document was moved to another billing entity, or we are not allowed to.
        409: it was said already, or decided otherwise.
        """
        document, said = _label(kind, item), _SAID[item.operation]
        posted = item.operation is Operation.COMPLETE
        ours = str((item.progress or {}).get("billing_entity") or "")
        try:
            task = self._client.task(_task_of(item))
            entity = task.billing_entity
        except (ConnectorError, ValueError) as unread:
            if isinstance(error, Conflict) and isinstance(unread, ConnectorError):
                return Failed(unread)
            return Failed(errors.report_refused(error, document, posted=posted))
        if isinstance(error, Conflict) and task.status == said:
            return _accepted(item)
        if entity is not None and ours and entity.code != ours and not self._renamed(entity):
            theirs = f"it belongs to billing entity {entity.code}"
        elif isinstance(error, Conflict):
            theirs = f"the task is {task.status}"
        else:
            return Failed(errors.report_refused(error, document, posted=posted))
        return Failed(
            errors.report_conflict(error, document, ours=ours or "?", theirs=theirs, posted=posted)
        )

    def _renamed(self, entity: wire.BillingEntity) -> bool:
        """Whether an entity of ours only has another code now."""
        return entity.id in self._settings.billing_entity_ids

    def _found(self, item: PushItem) -> FindResult:
        if item.operation in _PAID_STATES:
            return Absent()  # it may be said twice
        try:
            task = self._client.task(_task_of(item))
        except Rejected as error:
            if error.http_status != 404:  # noqa: PLR2004  # HTTP's own number
                raise
            return Unclear("Qargo has no such task any more: whether it took the report is unknown")
        if task.status == _SAID[item.operation]:
            return Found(_accepted(item))
        if task.status == wire.TODO:
            return Absent()
        return Unclear(f"the task is {task.status} at Qargo, not {_SAID[item.operation]}")

    def _assert_report(self, kind: ObjectType, item: PushItem) -> None:
        if kind not in DOCUMENTS or item.operation not in REPORTS:
            raise Unsupported(
                f"Qargo is told what became of its documents; nothing is written there "
                f"({item.operation.value} {kind.words})",
                code="reports_only",
            )
        if self._settings.read_only:
            raise Unsupported(
                "this connection only reads tax rates and accounts (`read_only`): nothing is "
                "reported to Qargo",
                code="read_only",
            )


def _wanted(kind: ObjectType, task: wire.TaskRow | wire.Task) -> bool:
    """Whether a task waits for a ledger to get a document of this type."""
    return task.status == wire.TODO and mapping.KINDS.get(task.task_type, (None,))[0] is kind


def _is_within(pulled: PulledRecord, period: Period | None) -> bool:
    record = pulled.record
    return period is None or (
        isinstance(record, BillingDocument) and period.holds(record.issue_date)
    )


def _task_of(item: PushItem) -> str:
    """The task that a document came with.

    Raises:
        ProtocolError: The record does not say: it was not read from here.
    """
    task = (item.progress or {}).get("task")
    if not isinstance(task, str) or not task:
        raise ProtocolError("the record does not say which task it came with", code="no_task")
    return task


def _label(kind: ObjectType, item: PushItem) -> str:
    """The document as people name it."""
    number = item.record.number if isinstance(item.record, BillingDocument) else None
    return f"{kind.words} {number or item.platform_id or item.record.id}"


def _accepted(item: PushItem) -> Accepted:
    return Accepted(item.platform_id or item.record.id)


if TYPE_CHECKING:
    _: type[Connector] = Qargo
