"""The HTTP side of the simulated Qargo: the waiting list, reports, documents, lists.

Paths and bodies are Qargo's (public API description 1.2.0, read 2026-11-20), as is who may post
what. Ours, because no source decides: which refusal answers with which code, in which order the
checks come (`access.py`), that a report may be repeated by whoever made it, that PATCH leaves
fields alone that it does not name, and what `/me` says. What is not modelled is refused: other
paths with 404, other parameters and members with 422.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

from connectors.faults import Answer, Refusal, Request
from connectors.qargo.simulated import access, bodies, making, paging, shapes
from connectors.qargo.simulated.access import Caller
from connectors.qargo.simulated.reception import Reception
from connectors.qargo.simulated.store import (
    CANCELLED,
    Document,
    Event,
    SubjectType,
    Task,
    TaskStatus,
    Tenant,
)
from connectors.simulator import route

_ID = "(?P<one>[^/]+)"
_KIND = f"/v1/accounting/(?P<kind>{'|'.join(kind.path for kind in SubjectType)})"
_INVOICE = "/v1/accounting/(?P<kind>sales-invoice|purchase-invoice)"
_CREDIT_NOTE = "/v1/accounting/(?P<kind>sales-credit-note|purchase-credit-note)"
_MADE = "/v1/accounting/(?P<kind>sales-invoice|sales-credit-note)/"
_KINDS = {kind.path: kind for kind in SubjectType}

_Found = TypeVar("_Found")


class QargoService(Reception):
    """Routes over tenants."""

    @route("GET", "/me")
    def me(self, request: Request) -> Answer:
        """Who is signed in; that it is an object is all that is documented."""
        bodies.only(request)
        caller = self.caller(request)
        return Answer(
            body={
                "id": caller.client.client_id,
                "tenant": {"id": caller.tenant.id, "name": caller.tenant.name},
                "roles": ["API_ACCOUNTING"],
            }
        )

    @route("GET", "/v1/accounting/sync-tasks")
    def list_tasks(self, request: Request) -> Answer:
        """The waiting list, in one piece."""
        bodies.only(request, "billing_entity_code")
        caller = self.caller(request)
        access.must_be_linked(caller)
        code = request.query.get("billing_entity_code")
        wanted: set[str] | None = None
        if not self.ignores_filter:
            linked = caller.integration.entities if caller.integration else frozenset()
            wanted = {access.own(caller, code, "$.billing_entity_code").id} if code else {*linked}
        at = caller.tenant
        return Answer(
            body={
                "tasks": [
                    shapes.row(task) for task in at.tasks.values() if _waits(at, task, wanted)
                ]
            }
        )

    @route("GET", f"/v1/accounting/sync-tasks/{_ID}")
    def read_task(self, request: Request, one: str) -> Answer:
        """A task with its document, also of another entity."""
        bodies.only(request)
        caller = self.caller(request)
        task = _found(caller.tenant.tasks, one, "task")
        access.must_be_linked(caller)
        document = caller.tenant.documents[task.document_id]
        postable = caller.linked_to(caller.tenant.entity_of(document))
        return Answer(body=shapes.task(caller.tenant, task, postable=postable))

    @route("POST", f"/v1/accounting/sync-tasks/{_ID}/update-status")
    def update_status(self, request: Request, one: str) -> Answer:
        """Take a report: the document is in the ledger, or somebody must correct it."""
        bodies.only(request)
        caller = self.caller(request)
        update = bodies.read(bodies.TaskUpdate, request)
        if update.status == TaskStatus.COMPLETED and update.failure is not None:
            raise bodies.invalid(
                "failure_without_failing",
                "a completed task has no failure",
                field="failure",
                path="$.failure",
            )
        task = _found(caller.tenant.tasks, one, "task")
        with self._refusals_noted(caller, task):
            access.must_be_linked(caller)
            document = caller.tenant.documents[task.document_id]
            access.must_be_active(caller, access.must_own(caller, document))
            if task.status is TaskStatus.TODO:
                _must_be_postable(caller, document, update.status)
            elif (task.status, task.reported_by) != (update.status, caller.client.integration_id):
                message = f"the task of {document.number} is {task.status} already"
                raise access.conflict("already_final", message, caller, document, task.status)
        if task.status is not TaskStatus.TODO:
            self._note("repeated", caller, task)
            return Answer(body={"status": task.status})
        self._note(update.status.lower(), caller, task)
        failure = update.failure
        said = replace(
            task,
            error_type=failure.error_type if failure else None,
            error_message=failure.error_message if failure else None,
        )
        status = TaskStatus(update.status)
        self.settle(caller.tenant, said, status, caller.client.integration_id)
        return Answer(body={"status": status})

    @contextmanager
    def _refusals_noted(self, caller: Caller, task: Task) -> Iterator[None]:
        try:
            yield
        except Refusal as refusal:
            self._note("refused", caller, task, refusal.answer.body["code"])
            raise

    def _note(self, action: str, caller: Caller, task: Task, reason: str = "") -> None:
        entity = caller.tenant.entity_of(caller.tenant.documents[task.document_id])
        self.audit.append(
            Event(
                action=action,
                client_id=caller.client.client_id,
                client_kind=caller.client.kind,
                task_id=task.id,
                document_id=task.document_id,
                entity=entity.code if entity else None,
                linked=caller.tenant.codes(caller.integration),
                reason=reason,
            )
        )

    def _document(self, request: Request, kind: str, one: str) -> tuple[Caller, Document]:
        bodies.only(request)
        caller = self.caller(request)
        document = _found(caller.tenant.documents, one, "document")
        if document.subject_type is not _KINDS[kind]:
            raise access.missing(kind)
        access.must_be_enabled(caller)
        return caller, document

    @route("GET", f"{_KIND}/{_ID}")
    def read_document(self, request: Request, kind: str, one: str) -> Answer:
        """A document of any entity."""
        caller, document = self._document(request, kind, one)
        return Answer(body=shapes.document(caller.tenant, document))

    @route("GET", f"{_KIND}/{_ID}/documents")
    def read_files(self, request: Request, kind: str, one: str) -> Answer:
        """The files of a document."""
        _, document = self._document(request, kind, one)
        return Answer(body=shapes.files(document))

    @route("PATCH", f"{_KIND}/{_ID}")
    def patch_document(self, request: Request, kind: str, one: str) -> Answer:
        """Change free fields, also of a posted document; those that are not named stay."""
        patch = bodies.read(bodies.Patch, request)
        caller, document = self._document(request, kind, one)
        fields = {**document.custom_fields, **patch.custom_fields}
        changed = replace(document, custom_fields=fields)
        caller.tenant.documents[document.id] = changed
        return Answer(body=shapes.document(caller.tenant, changed))

    @route("POST", f"{_INVOICE}/{_ID}/payment/update-status")
    def payment_status(self, request: Request, kind: str, one: str) -> Answer:
        """Say that an invoice is paid, or is not."""
        return self._paid(request, kind, one, bodies.read(bodies.PaymentUpdate, request).status)

    @route("POST", f"{_CREDIT_NOTE}/{_ID}/refund/update-status")
    def refund_status(self, request: Request, kind: str, one: str) -> Answer:
        """Say that a credit note is paid back, or is not."""
        return self._paid(request, kind, one, bodies.read(bodies.RefundUpdate, request).status)

    def _paid(self, request: Request, kind: str, one: str, status: str) -> Answer:
        caller, document = self._document(request, kind, one)
        if caller.integration is not None:
            access.must_own(caller, document, without_entity=403)
        caller.tenant.documents[document.id] = replace(document, payment_status=status)
        return Answer(body={"status": status})

    @route("POST", _MADE)
    def create_document(self, request: Request, kind: str) -> Answer:
        """Make a sales invoice or credit note."""
        bodies.only(request)
        caller, subject = self.caller(request), _KINDS[kind]
        model = bodies.CreditNoteInput if subject.credit else bodies.InvoiceInput
        wish = bodies.read(model, request)
        access.must_be_enabled(caller)
        document = making.document(caller, subject, wish)
        self.issue(caller.tenant, document)
        return Answer(body=shapes.document(caller.tenant, document))

    @route("GET", "/v1/accounting/tax-rates")
    def list_tax_rates(self, request: Request) -> Answer:
        """A page of tax rates, of one entity or all."""
        caller = self.caller(request)
        at = caller.tenant
        rows = [shapes.tax_rate(at, one) for one in at.tax_rates.values()]
        return paging.page(request, caller, rows, size=self.page_size)

    @route("GET", f"/v1/accounting/tax-rates/{_ID}")
    def read_tax_rate(self, request: Request, one: str) -> Answer:
        """A tax rate."""
        bodies.only(request)
        caller = self.caller(request)
        rate = _found(caller.tenant.tax_rates, one, "tax rate")
        access.must_be_enabled(caller)
        return Answer(body=shapes.tax_rate(caller.tenant, rate))

    @route("GET", "/v1/accounting/accounts")
    def list_accounts(self, request: Request) -> Answer:
        """A page of ledger accounts, of one entity or all."""
        caller = self.caller(request)
        rows = [shapes.account(caller.tenant, one) for one in caller.tenant.accounts.values()]
        return paging.page(request, caller, rows, size=self.page_size)

    @route("GET", f"/v1/accounting/accounts/{_ID}")
    def read_account(self, request: Request, one: str) -> Answer:
        """A ledger account."""
        bodies.only(request)
        caller = self.caller(request)
        account = _found(caller.tenant.accounts, one, "account")
        access.must_be_enabled(caller)
        return Answer(body=shapes.account(caller.tenant, account))


def _waits(at: Tenant, task: Task, wanted: set[str] | None) -> bool:
    """Whether a task is in the list for some entities; None: for all, archived ones too."""
    document = at.documents[task.document_id]
    if task.status is not TaskStatus.TODO or document.status == CANCELLED:
        return False
    if wanted is None:
        return True
    entity = at.entity_of(document)
    return entity is not None and entity.id in wanted and not entity.archived


def _must_be_postable(caller: Caller, document: Document, status: str) -> None:
    """Refuse a cancelled document, and a credit note of another entity than its invoice."""
    problem = None
    if document.status == CANCELLED:
        problem = f"{document.number} is cancelled"
    elif status == TaskStatus.COMPLETED and document.credit_of is not None:
        corrected = caller.tenant.documents[document.credit_of]
        if corrected.entity_id != document.entity_id:
            problem = f"{document.number} corrects {corrected.number} of another billing entity"
    if problem:
        raise access.conflict("document_not_postable", problem, caller, document, document.status)


def _found(things: Mapping[str, _Found], one: str, what: str) -> _Found:
    thing = things.get(bodies.identifier(one))
    if thing is None:
        raise access.missing(what)
    return thing
