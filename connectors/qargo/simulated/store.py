"""What a tenant of the simulated Qargo holds: entities, API clients, documents, tasks.

Values are frozen and replaced, so that what a test was handed does not change under it. What a
person may do with them is in `simulator.py`, what an API client may do in `service.py`.
"""

import datetime as dt
import random
import uuid
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any


class SubjectType(StrEnum):
    """The four kinds of billing documents."""

    SALES_INVOICE = "SALES_INVOICE"
    SALES_CREDIT_NOTE = "SALES_CREDIT_NOTE"
    PURCHASE_INVOICE = "PURCHASE_INVOICE"
    PURCHASE_CREDIT_NOTE = "PURCHASE_CREDIT_NOTE"

    @property
    def path(self) -> str:
        """As it stands in paths: `sales-invoice`."""
        return self.value.lower().replace("_", "-")

    @property
    def purchase(self) -> bool:
        """Whether a supplier wrote it."""
        return self.value.startswith("PURCHASE")

    @property
    def credit(self) -> bool:
        """Whether it is a credit note."""
        return self.value.endswith("CREDIT_NOTE")

    @property
    def task_type(self) -> str:
        """The type of the task that asks for it to be posted."""
        post = "POST_CREDIT_NOTE" if self.credit else "POST_INVOICE"
        return f"{post}_PURCHASE" if self.purchase else post

    @property
    def rates(self) -> str:
        """Which tax rates apply to it: `SALES`, `SALES_CREDIT_NOTE` ..."""
        return self.value.removesuffix("_INVOICE")

    @property
    def posted(self) -> str:
        """What its status is called once it is posted."""
        return "POSTED" if self.credit else "INVOICE_POSTED"


CANCELLED = "CANCELLED"
"""The status of a document that is not to be posted any more."""


class ClientKind(StrEnum):
    """Where an API client was made, which decides what it may do."""

    INT = "INT"  # on the settings page of an accounting integration
    ORG = "ORG"  # on the general settings page of the organisation


class TaskStatus(StrEnum):
    """WAITING, which Qargo has too, is not modelled."""

    TODO = "TODO"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


@dataclass(frozen=True)
class BillingEntity:
    """A legal entity inside a tenant, with books of its own."""

    id: str
    code: str
    legal_name: str
    vat_number: str
    company_registration_number: str
    is_default: bool
    currency: str = "EUR"
    archived: bool = False


@dataclass(frozen=True)
class Integration:
    """A connection of a tenant to accounting software, for some of its entities."""

    id: str
    entities: frozenset[str]
    """Ids of billing entities, at least one."""
    enabled: bool = True


@dataclass(frozen=True)
class Client:
    """An API client: what somebody signs in with."""

    client_id: str
    secret_id: str
    kind: ClientKind
    integration_id: str | None
    revoked: bool = False


@dataclass(frozen=True)
class Company:
    """A customer or a supplier (Qargo: subcontractor); one company may be both."""

    id: str
    code: str
    name: str
    vat_number: str
    accounting_code: str
    postal_code: str
    city: str
    country: str
    is_subcontractor: bool = False
    currency: str = "EUR"


@dataclass(frozen=True)
class TaxRate:
    """A tax rate of one entity, for one kind of document."""

    id: str
    entity_id: str
    slot: str
    """`standard`, `reduced`, `zero` or `reverse`: what it is in every entity."""
    invoice_type: str
    name: str
    percentage: Decimal
    code: str
    tax_type: str
    archived: bool = False


@dataclass(frozen=True)
class Account:
    """A ledger account of one entity."""

    id: str
    entity_id: str
    code: str
    name: str
    archived: bool = False


@dataclass(frozen=True)
class LineItem:
    """One line item as it goes out; several share an `invoice_line_id` when revenue is split."""

    id: str
    invoice_line_id: str
    name: str
    description: str
    amount: Decimal
    code: str
    account: str | None
    tax: str | None
    """The slot of its tax rate, which is another rate once the document is moved."""
    fraction: Decimal = Decimal(1)
    dimension: str | None = None
    order_name: str | None = None
    is_credit_charge: bool = False


@dataclass(frozen=True)
class Document:
    """A billing document."""

    id: str
    subject_type: SubjectType
    number: str
    date: dt.date
    due_date: dt.date
    currency: str
    company_id: str
    items: tuple[LineItem, ...]
    entity_id: str | None
    status: str = "INVOICED"
    """`INVOICED`, `CANCELLED`, or `subject_type.posted`."""
    external_name: str = ""
    """A purchase document's number at the supplier."""
    exchange_rate: Decimal | None = None
    credit_of: str | None = None
    """Id of the document that a credit note corrects."""
    references: tuple[str, ...] = ()
    custom_fields: dict[str, Any] = field(default_factory=dict)
    payment_status: str | None = None
    """`PAID`, `UNPAID`; of a credit note `OPEN`, `REFUNDED`; None: nobody said."""
    file_id: str = ""

    @property
    def posted(self) -> bool:
        """Whether it is in the ledger, and frozen therefore."""
        return self.status == self.subject_type.posted


@dataclass(frozen=True)
class Task:
    """The wish that a document be posted in the ledger."""

    id: str
    document_id: str
    task_type: str
    status: TaskStatus = TaskStatus.TODO
    reported_by: str | None = None
    """Id of the integration that reported it; None when nobody has, or a person."""
    error_type: str | None = None
    error_message: str | None = None
    """What people see in the product when it failed."""


@dataclass(frozen=True)
class Event:
    """One line of the audit log: a report that was taken, repeated or refused."""

    action: str
    """`completed`, `failed`, `repeated` or `refused`."""
    client_id: str
    client_kind: ClientKind
    task_id: str
    document_id: str
    entity: str | None
    """Code of the document's billing entity at that moment."""
    linked: tuple[str, ...]
    """Codes of the entities that the client's integration was linked to at that moment."""
    reason: str = ""
    """The code of the refusal."""


class Tenant:
    """Everything of one organisation."""

    def __init__(self, name: str, seed: int) -> None:
        self.name = name
        # Only its ids and secrets of make-believe come from it; equal seeds make equal tenants.
        self._chance = random.Random(f"{name}/{seed}")  # noqa: S311  # nothing to protect
        self.id = self.new_id()
        self.entities: dict[str, BillingEntity] = {}
        self.integrations: dict[str, Integration] = {}
        self.clients: dict[str, Client] = {}
        self.companies: dict[str, Company] = {}
        self.tax_rates: dict[str, TaxRate] = {}
        self.accounts: dict[str, Account] = {}
        self.documents: dict[str, Document] = {}
        self.tasks: dict[str, Task] = {}
        self.numbers: dict[tuple[str | None, SubjectType], int] = {}

    def new_id(self) -> str:
        """An id that nothing else has."""
        return str(uuid.UUID(int=self._chance.getrandbits(128), version=4))

    def entity(self, code: str) -> BillingEntity | None:
        """The entity with a code."""
        return next((one for one in self.entities.values() if one.code == code), None)

    def entity_of(self, document: Document) -> BillingEntity | None:
        """Whose a document is at present."""
        return None if document.entity_id is None else self.entities[document.entity_id]

    def default_entity(self) -> BillingEntity | None:
        """The entity that is meant where none is named."""
        return next((one for one in self.entities.values() if one.is_default), None)

    def codes(self, integration: Integration | None) -> tuple[str, ...]:
        """Codes of the entities that an integration is linked to."""
        if integration is None:
            return ()
        return tuple(sorted(self.entities[one].code for one in integration.entities))

    def rate(self, slot: str, document: Document) -> TaxRate:
        """The rate of a slot for a document, from the entity whose it is (or the default one)."""
        entity = self.entity_of(document) or self.default_entity()
        return next(
            rate
            for rate in self.tax_rates.values()
            if (rate.slot, rate.invoice_type) == (slot, document.subject_type.rates)
            and (entity is None or rate.entity_id == entity.id)
        )

    def next_number(self, entity: BillingEntity | None, kind: SubjectType) -> str:
        """The next number of an entity's own sequence: numbers repeat across entities."""
        key = (entity.id if entity else None, kind)
        self.numbers[key] = self.numbers.get(key, 0) + 1
        return f"{_LETTERS[kind]}-2026-{self.numbers[key]:04d}"


_LETTERS = {
    SubjectType.SALES_INVOICE: "SI",
    SubjectType.SALES_CREDIT_NOTE: "SC",
    SubjectType.PURCHASE_INVOICE: "PI",
    SubjectType.PURCHASE_CREDIT_NOTE: "PC",
}
