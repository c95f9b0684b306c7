"""Qargo's accounting API on loopback: a tenant, the people who work in it, its API clients.

Tests change things as somebody in the product would (`add_invoice`, `move`, `reopen`, `disable`
...) and ask what really happened (`task`, `document`, `audit`, `calls`): those answers come from
the tenant and not through any connector. The modules in `simulated` say which answers are Qargo's
own and which are ours because no source decides::

    with Qargo(limited=False) as qargo:
        qargo.add_entity("NL")
        task = qargo.add_invoice("NL")
        sign_in(qargo.base_url, qargo.credentials("INT", "NL"))
        ...
        assert qargo.task(task.id).status == "COMPLETED"
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from connectors.qargo.simulated import sample, shapes
from connectors.qargo.simulated.lines import Line, items_of
from connectors.qargo.simulated.office import Office, Refused
from connectors.qargo.simulated.store import (
    CANCELLED,
    BillingEntity,
    ClientKind,
    Document,
    Event,
    Integration,
    SubjectType,
    Task,
    TaskStatus,
    Tenant,
)
from connectors.simulator import Sandbox

__all__ = [
    "ClientKind",
    "Document",
    "Event",
    "Line",
    "Qargo",
    "Refused",
    "SubjectType",
    "Task",
    "TaskStatus",
    "sandbox",
]


class Qargo(Office):
    """A Qargo with one tenant that has no billing entity yet, served within a `with` block.

    Attributes that tests read or set:

    * `base_url`: where it is, once it is started (by `with`, or `start`).
    * `limited`: whether rate limits apply.
    * `ignores_filter`: the waiting list shows the tasks of all entities of the tenant to every
      INT client, whatever it asked for.
    * `calls`: how often each kind of call came in, refused ones and those that met a fault
      included: `token`, `me`, `list_tasks`, `read_task`, `update_status`, `read_document`,
      `read_files`, `patch_document`, `payment_status`, `refund_status`, `create_document`,
      `list_tax_rates`, `read_tax_rate`, `list_accounts`, `read_account`, `other`.
    * `throttled`: how many 429 the limits gave, by `token` and `api` (faults: `faults.injected`).
    * `token_requests`: how many token requests each client id made (without those that a fault
      kept from arriving).
    * `audit`: every report that was taken, repeated or refused, oldest first.
    * `faults`: what goes wrong next; `crashes`: bugs of the simulator itself, should be empty.

    Constructor (see `Reception`): `limited=True, time_scale=1.0, seed=0, page_size=50,
    token_life=timedelta(hours=1)`. To set up: `add_entity`, `add_company`, `add_tax_rate`,
    `add_account`, `credentials`, `add_invoice`, `add_tenant` (see `Office`).

    To let something happen between two calls, act in the answer to the first::

        def moved(answer):
            qargo.move(task.document_id, "BE")
            return answer

        qargo.faults.arm(Fault.CHANGED, path=f".*/sync-tasks/{task.id}", change=moved)

    Entities are named by code, integrations by the client id of any of their clients, documents
    and tasks by id. What is handed out is a snapshot: ask again for the present state.
    """

    base_url: str = "http://localhost"
    """Until it is started only `transport()` leads there."""

    def start(self, port: int = 0) -> str:
        """Serve on loopback; returns the base URL."""
        self.base_url = super().start(port)
        return self.base_url

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, _t: type[BaseException] | None, _e: BaseException | None, _b: TracebackType | None
    ) -> None:
        self.stop()

    def pass_time(self, time: dt.timedelta) -> None:
        """Move Qargo's clock forward: tokens end, limits make room."""
        with self.lock:
            self.passed += time

    def task(self, task_id: str) -> Task:
        """A task as it stands: `status`, `reported_by`, `error_type`, `error_message`."""
        with self.lock:
            return self._tenant_of(task_id).tasks[task_id]

    def task_of(self, document_id: str) -> Task:
        """The task that asks for a document to be posted."""
        return next(one for one in self.tasks() if one.document_id == document_id)

    def tasks(
        self, *, status: TaskStatus | str | None = None, entity: str | None = None
    ) -> list[Task]:
        """All tasks of all tenants, in the order they were made; of a status, of an entity."""
        with self.lock:
            return [
                task
                for at in self.tenants.values()
                for task in at.tasks.values()
                if status in {None, task.status}
                and entity in {None, _code(at, at.documents[task.document_id])}
            ]

    def document(self, document_id: str) -> Document:
        """A document as it stands: `status`, `posted`, `payment_status`, `custom_fields` ..."""
        with self.lock:
            return self._tenant_of(document_id).documents[document_id]

    def payload(self, document_id: str) -> dict[str, Any]:
        """A document's JSON, as it goes out now."""
        with self.lock:
            at = self._tenant_of(document_id)
            return shapes.document(at, at.documents[document_id])

    def postings(self, document_id: str) -> int:
        """How often a document was posted by API clients: more than once is a bug."""
        with self.lock:
            return sum(
                (one.action, one.document_id) == ("completed", document_id) for one in self.audit
            )

    def edit(
        self,
        document_id: str,
        *,
        lines: Sequence[Line | str] | None = None,
        **changes: Any,
    ) -> Document:
        """Somebody changes a document that is not posted.

        Args:
            document_id: Which.
            lines: New lines; totals follow.
            changes: `number`, `external_name`, `date`, `due_date`, `currency`, `company_id`,
                `references`, `custom_fields`, `credit_of`.

        Raises:
            Refused: `already_posted`.
        """
        with self.lock:
            at, document = self._open(document_id)
            if lines is not None:
                changes["items"] = items_of(at, document.subject_type, lines)
            at.documents[document_id] = replace(document, **changes)
            return at.documents[document_id]

    def move(self, document_id: str, entity: str | None) -> Document:
        """Somebody moves a document to another billing entity, or assigns it to one.

        None takes it from its entity, which makes it a document without one. Its number stays;
        its tax rates become the other entity's.

        Raises:
            Refused: `already_posted`.
        """
        with self.lock:
            at, document = self._open(document_id)
            owner = None if entity is None else self.entity(entity, at.name)
            at.documents[document_id] = replace(document, entity_id=owner.id if owner else None)
            return at.documents[document_id]

    def cancel(self, document_id: str) -> None:
        """Somebody cancels a document that is not posted: its task leaves the waiting list.

        Raises:
            Refused: `already_posted`.
        """
        with self.lock:
            at, document = self._open(document_id)
            at.documents[document_id] = replace(document, status=CANCELLED)

    def reopen(self, task_id: str) -> Task:
        """Somebody asks for another push: the task is TODO again, a posted document un-posted."""
        with self.lock:
            at = self._tenant_of(task_id)
            document = at.documents[at.tasks[task_id].document_id]
            if document.posted:
                at.documents[document.id] = replace(document, status="INVOICED")
            at.tasks[task_id] = Task(task_id, document.id, document.subject_type.task_type)
            return at.tasks[task_id]

    def complete_by_hand(self, task_id: str) -> Task:
        """Somebody says in the product that the document is in the ledger."""
        with self.lock:
            at = self._tenant_of(task_id)
            return self.settle(at, at.tasks[task_id], TaskStatus.COMPLETED)

    def fail_by_hand(self, task_id: str, message: str = "entered twice") -> Task:
        """Somebody takes a task off the waiting list."""
        with self.lock:
            at = self._tenant_of(task_id)
            failed = replace(
                at.tasks[task_id], error_type="USER_INPUT_ERROR", error_message=message
            )
            return self.settle(at, failed, TaskStatus.FAILED)

    def integration(self, client_id: str) -> Integration:
        """The integration that an INT client belongs to."""
        with self.lock:
            at = self._tenant_of(client_id)
            return at.integrations[at.clients[client_id].integration_id or ""]

    def relink(self, client_id: str, *entities: str) -> Integration:
        """Somebody links an INT client's integration to other entities; tokens stay good.

        Raises:
            Refused: `integration_exists`: another enabled integration has one of them.
        """
        with self.lock:
            at = self._tenant_of(client_id)
            linked = frozenset(self.entity(code, at.name).id for code in entities)
            if not linked:
                raise Refused("billing_entity_required", "an integration has an entity at least")
            return self.keep(at, replace(self.integration(client_id), entities=linked))

    def disable(self, client_id: str) -> None:
        """Somebody pauses the integration that an INT client belongs to."""
        with self.lock:
            paused = replace(self.integration(client_id), enabled=False)
            self.keep(self._tenant_of(client_id), paused)

    def enable(self, client_id: str) -> None:
        """Somebody lets a paused integration go on.

        Raises:
            Refused: `integration_exists`: another has taken one of its entities over.
        """
        with self.lock:
            back = replace(self.integration(client_id), enabled=True)
            self.keep(self._tenant_of(client_id), back)

    def revoke(self, client_id: str) -> None:
        """Somebody deletes an API client: neither its secret nor its tokens are good any more."""
        with self.lock:
            clients = self._tenant_of(client_id).clients
            clients[client_id] = replace(clients[client_id], revoked=True)

    def expire_tokens(self, client_id: str | None = None) -> None:
        """Let the tokens of a client, or all, end early: `401`, until a new one is asked for."""
        with self.lock:
            self.tokens = {
                value: token
                for value, token in self.tokens.items()
                if client_id not in {None, token.client_id}
            }

    def archive(self, entity: str, *, archived: bool = True, tenant: str | None = None) -> None:
        """Somebody archives a billing entity, or takes it back."""
        self._change(entity, tenant, archived=archived)

    def rename(self, entity: str, code: str, *, tenant: str | None = None) -> None:
        """Somebody gives a billing entity another code; its id stays."""
        self._change(entity, tenant, code=code)

    def _change(self, entity: str, tenant: str | None, **changes: Any) -> BillingEntity:
        with self.lock:
            changed = replace(self.entity(entity, tenant), **changes)
            self.tenant(tenant).entities[changed.id] = changed
            return changed

    def _open(self, document_id: str) -> tuple[Tenant, Document]:
        at = self._tenant_of(document_id)
        document = at.documents[document_id]
        if document.posted:
            raise Refused("already_posted", f"{document.number} is in the ledger")
        return at, document

    def _tenant_of(self, one: str) -> Tenant:
        return next(
            at
            for at in self.tenants.values()
            if one in at.documents or one in at.tasks or one in at.clients
        )


def _code(at: Tenant, document: Document) -> str | None:
    entity = at.entity_of(document)
    return entity.code if entity else None


def sandbox(*, port: int = 0, seed: int = 0) -> Sandbox:
    """Serve a haulier with three entities and some weeks of documents; limits apply.

    The credentials are those of the integration for the entity NL.
    """
    qargo = Qargo(seed=seed)
    sample.fill(qargo, seed)
    credentials = qargo.credentials(ClientKind.INT, "NL")
    return Sandbox(
        base_url=qargo.start(port),
        credentials=credentials,
        settings={"billing_entity_codes": ["NL"]},
        simulator=qargo,
    )
