"""One object of any entity as a pulled record: its class, our marker, its version; pure."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from connectors.base import PulledRecord
from connectors.quickbooks.answers import Values
from connectors.quickbooks.entities import Entity, platform_id
from connectors.quickbooks.mapping import account, contact, entry, item, marker_of, payment
from connectors.quickbooks.mapping_documents import document
from connectors.quickbooks.values import DELETED, HomeCurrency
from connectors.quickbooks.wire import (
    AccountRow,
    DocumentRow,
    EntryRow,
    ItemRow,
    PartyRow,
    PaymentRow,
    Row,
)
from models.canonical import (
    AnyRecord,
    Bill,
    BillingDocument,
    Contact,
    CreditNote,
    Invoice,
    Item,
    JournalEntry,
    LedgerAccount,
    Payment,
    Side,
)
from models.canonical.money import ZERO


@dataclass(frozen=True)
class Kind:
    """How the objects of an entity are read."""

    row: type[Row]
    record: Callable[[Entity, Any, HomeCurrency], AnyRecord]


KINDS: Mapping[Entity, Kind] = {
    Entity.ACCOUNT: Kind(AccountRow, account),
    Entity.CUSTOMER: Kind(PartyRow, contact),
    Entity.VENDOR: Kind(PartyRow, contact),
    Entity.ITEM: Kind(ItemRow, item),
    Entity.INVOICE: Kind(DocumentRow, document),
    Entity.BILL: Kind(DocumentRow, document),
    Entity.CREDIT_MEMO: Kind(DocumentRow, document),
    Entity.VENDOR_CREDIT: Kind(DocumentRow, document),
    Entity.PAYMENT: Kind(PaymentRow, payment),
    Entity.BILL_PAYMENT: Kind(PaymentRow, payment),
    Entity.JOURNAL_ENTRY: Kind(EntryRow, entry),
}


def read(entity: Entity, values: Values, home: HomeCurrency) -> PulledRecord:
    """An object as the engine gets it.

    Raises:
        ValueError: It cannot be read.
    """
    kind = KINDS[entity]
    row = kind.row.model_validate(values)
    if not row.id:
        raise ValueError("it has no id")
    kept = platform_id(entity, row.id)
    if row.status == DELETED:
        return PulledRecord(kept, remains(entity, kept), deleted=True)
    return PulledRecord(kept, kind.record(entity, row, home), marker_of(row), row.sync_token)


def remains(entity: Entity, kept: str) -> AnyRecord:
    """What is left of a deleted object: only its id is known."""
    day, money = dt.date.min, "USD"
    sums: dict[str, Any] = {
        "id": kept,
        "issue_date": day,
        "currency": money,
        "contact_id": "deleted",
        "status": "void",
        "lines": (),
        "net_total": ZERO,
        "tax_total": ZERO,
        "total": ZERO,
    }
    bought = entity in {Entity.VENDOR_CREDIT, Entity.BILL_PAYMENT}
    side = Side.SUPPLIER if bought else Side.CUSTOMER
    match entity:
        case Entity.INVOICE:
            return Invoice(**sums)
        case Entity.BILL:
            return Bill(**sums)
        case Entity.CREDIT_MEMO | Entity.VENDOR_CREDIT:
            return CreditNote(side=side, **sums)
        case Entity.PAYMENT | Entity.BILL_PAYMENT:
            return Payment(id=kept, side=side, date=day, amount=ZERO, currency=money, status="void")
        case Entity.JOURNAL_ENTRY:
            return JournalEntry(id=kept, date=day, currency=money, status="void", lines=())
        case Entity.CUSTOMER | Entity.VENDOR:
            return Contact(id=kept, name=kept, active=False)
        case Entity.ITEM:
            return Item(id=kept, name=kept, active=False)
    return LedgerAccount(id=kept, name=kept, active=False)


def core(record: AnyRecord) -> Any:
    """What of a record an update of ours is about: not what QuickBooks computes."""
    computed = {"id", "balance", "status", "lines", "tax_breakdown"}
    values = record.model_dump(exclude=computed)
    if isinstance(record, BillingDocument | JournalEntry):
        values["lines"] = [_line(line) for line in record.lines]
    return values


def _line(line: Any) -> tuple[Any, ...]:
    names = ("description", "net_amount", "tax_rate_id", "debit", "credit", "contact_id", "item_id")
    found = tuple(getattr(line, name, None) for name in names)
    # The account of a sales line follows from its item.
    return found if found[-1] else (*found, line.account_id)


def problem(error: Exception) -> str:
    """Why an object cannot be read, in words."""
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        return f"{where}: {first['msg']}" if where else str(first["msg"])
    return str(error)
