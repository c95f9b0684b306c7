"""Records of one company's ledger, as rows: what other modules compute from and change."""

import datetime as dt
import random
import uuid
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from connectors.apideck.simulated import answers
from connectors.apideck.simulated.profiles import Deleted, Ids, Profile
from models.canonical.money import CURRENCY_DIGITS

Json = dict[str, Any]
ZERO = Decimal(0)

DOCUMENTS = ("invoices", "bills", "credit-notes")
PAYMENTS = ("payments", "bill-payments")
RESOURCES = (
    *DOCUMENTS,
    *PAYMENTS,
    "tax-rates",
    "customers",
    "suppliers",
    "ledger-accounts",
    "invoice-items",
    "journal-entries",
)
ALLOCATED = {"invoice": "invoices", "bill": "bills", "credit_memo": "credit-notes"}
"""Type of an allocation → resource; other types are not modelled and refused."""


class Life(StrEnum):
    """How far a record is. What `paid` is follows from payments and is not kept."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    OPEN = "open"
    VOID = "void"
    DELETED = "deleted"


@dataclass
class Record:
    """One row."""

    id: str
    resource: str
    body: Json
    """Members as the API names them, computed ones included; without id, status and stamps."""
    company_id: str
    created_at: dt.datetime
    updated_at: dt.datetime
    version: int = 0
    life: Life = Life.OPEN
    reads_left: int | None = None
    """Of a payment whose allocations do not count yet: reads until they do."""
    counts_from: dt.datetime | None = None
    """Or the time from which they do."""
    overlay: Json = field(default_factory=dict)
    """Members that go out instead of the real ones."""

    @property
    def pending(self) -> bool:
        """Whether its allocations do not count yet."""
        return self.reads_left is not None

    @property
    def stands(self) -> bool:
        """Whether it is neither draft nor void nor deleted."""
        return self.life is Life.OPEN


@dataclass(frozen=True)
class Allocation:
    """A part of a payment or credit note that goes to a document."""

    resource: str
    record_id: str
    amount: Decimal


class Store:
    """Tables of records, and which of them spend on which."""

    def __init__(
        self,
        profile: Profile,
        company_ids: tuple[str, ...],
        now: Callable[[], dt.datetime],
        chance: random.Random,
        note: Callable[[str, str, str], None],
    ) -> None:
        """`note` is told resource, id and `created`, `updated` or `deleted`."""
        self.profile = profile
        self.company_ids = company_ids
        self.now = now
        self.chance = chance
        self.note = note
        self.tables: dict[str, dict[str, Record]] = {name: {} for name in RESOURCES}
        self.closed_until: dt.date | None = None
        self.numbers = dict.fromkeys(RESOURCES, 0)
        self._spenders: dict[tuple[str, str], dict[tuple[str, str], Record]] = {}

    def new_id(self, resource: str) -> str:
        """An id as this ledger makes them."""
        if self.profile.ids is Ids.PER_RESOURCE:
            return str(len(self.tables[resource]) + 1)
        return str(uuid.UUID(int=self.chance.getrandbits(128), version=4))

    def add(self, resource: str, body: Json, life: Life, company_id: str | None = None) -> Record:
        """Keep a new record."""
        stamp = self.now()
        record = Record(
            id=self.new_id(resource),
            resource=resource,
            body=body,
            company_id=company_id or self.company_ids[0],
            created_at=stamp,
            updated_at=stamp,
            life=life,
        )
        self.tables[resource][record.id] = record
        self.link(record)
        self.note(resource, record.id, "created")
        return record

    def touch(self, record: Record, at: dt.datetime | None = None) -> None:
        """It changed: another version, a later stamp."""
        record.version += 1
        record.updated_at = at or self.now()
        verb = "deleted" if record.life is Life.DELETED else "updated"
        self.note(record.resource, record.id, verb)

    def record(self, resource: str, record_id: str) -> Record:
        """A row that is there.

        Raises:
            LookupError: It never was, or nothing is left of it.
        """
        record = self.tables[resource].get(record_id)
        if record is None or self.vanished(record):
            raise LookupError(f"{resource} has no {record_id}")
        return record

    def found(self, resource: str, record_id: str) -> Record:
        """The same for a request: 404 where it is not there."""
        try:
            return self.record(resource, record_id)
        except LookupError:
            raise answers.not_found(f"{resource}/{record_id}") from None

    def vanished(self, record: Record) -> bool:
        """Whether it cannot even be read by its id."""
        return record.life is Life.DELETED and self.profile.deleted is Deleted.GONE

    def listed(self, resource: str) -> Iterator[Record]:
        """What lists show, oldest first."""
        for record in self.tables[resource].values():
            if record.life is not Life.DELETED or self.profile.deleted is Deleted.KEPT:
                yield record

    def allocations(self, record: Record) -> list[Allocation]:
        """What a payment or a credit note says it pays, whatever its state."""
        return [
            Allocation(ALLOCATED[one["type"]], one["id"], one["amount"])
            for one in record.body.get("allocations") or ()
        ]

    def link(self, record: Record) -> None:
        """Remember what a record spends on."""
        for one in self.allocations(record):
            on = self._spenders.setdefault((one.resource, one.record_id), {})
            on[record.resource, record.id] = record

    def spent_on(self, record: Record) -> Iterator[tuple[Record, Decimal]]:
        """Payments and credit notes that stand, and what each allocates to a document."""
        for spender in self._spenders.get((record.resource, record.id), {}).values():
            if spender.stands:
                for one in self.allocations(spender):
                    if (one.resource, one.record_id) == (record.resource, record.id):
                        yield spender, one.amount

    def total(self, record: Record) -> Decimal:
        """What a document is about."""
        name = "total_amount" if record.resource == "credit-notes" else "total"
        total: Decimal = record.body.get(name) or ZERO
        return total

    def open_of(self, record: Record, *, pending: bool) -> Decimal:
        """What is open of a document; `pending` counts payments that do not count yet as well."""
        paid = sum(
            (amount for by, amount in self.spent_on(record) if pending or not by.pending), ZERO
        )
        if record.resource == "credit-notes":
            paid += sum((one.amount for one in self.allocations(record)), ZERO)
        return self.total(record) - paid

    def open_amount(self, resource: str, record_id: str) -> Decimal:
        """What is open of a document once every payment that stands counts."""
        return self.open_of(self.record(resource, record_id), pending=True)

    def must_be_open_on(self, day: Any) -> None:
        """Refuse a date in a closed period; dates and date-times alike."""
        if self.closed_until is None or not isinstance(day, str):
            return
        if dt.date.fromisoformat(day[:10]) <= self.closed_until:
            text = f"The period up to {self.closed_until.isoformat()} is locked"
            raise answers.declined(text, code="PeriodLocked")

    def named(self, resource: str, link: Any, what: str) -> Record | None:
        """The record that a link names by id or code; None where there is no link.

        Raises:
            Refusal: There is none, or it is archived.
        """
        if not isinstance(link, dict) or not any(link.get(key) for key in _NAMES):
            return None
        if found := self._by_link(resource, link):
            status = found.body.get("status") or "active"
            if status != "active" or found.body.get("active") is False:
                raise answers.declined(f"{what} {found.id} is {status}", code="Inactive")
            return found
        shown = link.get("id") or link.get("code") or link.get("nominal_code")
        raise answers.declined(f"{what} {shown} does not exist", code="InvalidReference")

    def _by_link(self, resource: str, link: Json) -> Record | None:
        rows = self.tables[resource]
        if link.get("id"):
            row = rows.get(link["id"])
            return row if row is not None and row.life is Life.OPEN else None
        code = link.get("code") or link.get("nominal_code")
        found = (row for row in rows.values() if row.body.get("code") == code)
        return next((row for row in found if row.life is Life.OPEN), None)

    def digits(self, currency: str | None) -> Decimal:
        """The smallest amount of a currency."""
        return Decimal(1).scaleb(-CURRENCY_DIGITS.get(currency or self.profile.base_currency, 2))

    def copied(self, record: Record) -> Json:
        """What a record was made of."""
        return deepcopy(record.body)


_NAMES = ("id", "code", "nominal_code")
