"""Records as they go out: members that the API documents, amounts as numbers.

A document's status and balance follow from payments here and nowhere else.
"""

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from connectors.apideck.simulated.store import DOCUMENTS, PAYMENTS, ZERO, Json, Life, Record, Store

_NO_DOWNSTREAM_ID = {"tax-rates", "ledger-accounts", "invoice-items", "credit-notes"}
_VOID = {"invoices": "void", "bills": "void", "credit-notes": "voided"}


def moment(at: dt.datetime) -> str:
    """`2026-11-21T09:30:00.000Z`."""
    return at.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def exact(store: Store, record: Record, *, single: bool = True) -> Json:
    """A record with amounts as decimals; `single` adds what only single reads show."""
    body: Json = {"id": record.id}
    if record.resource not in _NO_DOWNSTREAM_ID:
        body["downstream_id"] = f"{record.resource}:{record.id}"
    body |= record.body
    _add_status(store, record, body)
    if record.resource == "tax-rates" and store.profile.rates_without_id:
        body["id"] = None
    if store.profile.several_companies and record.resource not in {"tax-rates", "ledger-accounts"}:
        body["company_id"] = record.company_id
    body["row_version"] = str(record.version) if store.profile.row_versions else None
    stamps = store.profile.stamps
    body["created_at"] = moment(record.created_at) if stamps else None
    body["updated_at"] = moment(record.updated_at) if stamps else None
    if not single:
        for name in store.profile.single_reads_only:
            body.pop(name, None)
    return body | record.overlay


def _add_status(store: Store, record: Record, body: Json) -> None:
    if record.resource in DOCUMENTS:
        body |= _document(store, record)
    elif record.resource in PAYMENTS:
        body["status"] = _payment_status(record)
        if record.pending and store.profile.hides_pending:
            body["allocations"] = []
    elif record.resource == "journal-entries":
        body["status"] = _entry_status(record)
    elif record.life is not Life.OPEN:
        body["status"] = "archived"
    if record.resource == "ledger-accounts":
        body["active"] = body["status"] == "active"


def outgoing(value: Any) -> Any:
    """The same for JSON: decimals become numbers."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {name: outgoing(part) for name, part in value.items()}
    if isinstance(value, list):
        return [outgoing(part) for part in value]
    return value


def only(row: Json, fields: Iterable[str]) -> Json:
    """What `fields=id,customer.name` leaves of a record."""
    kept: Json = {}
    for path in fields:
        source, target = row, kept
        *parents, name = path.split(".")
        for parent in parents:
            below = source.get(parent)
            if not isinstance(below, dict):
                break
            source, target = below, target.setdefault(parent, {})
        else:
            if name in source:
                target[name] = source[name]
    return kept


def raw(record: Record) -> Json:
    """The ledger's own answer, in words of its own."""
    return {"Id": record.id, "Version": record.version, "Type": record.resource}


def _document(store: Store, record: Record) -> Json:
    balance = store.open_of(record, pending=False)
    total = store.total(record)
    left = ZERO if record.life in {Life.VOID, Life.DELETED} else balance
    said: Json = {"status": _status(store, record, balance, total), "balance": left}
    if record.resource == "credit-notes":
        said["remaining_credit"] = left
        return said
    said["payment_allocations"] = [
        {
            "id": by.id,
            "allocated_amount": amount,
            "date": by.body.get("transaction_date") or by.body.get("date_issued"),
        }
        for by, amount in store.spent_on(record)
        if not by.pending
    ]
    return said


def _status(store: Store, record: Record, balance: Decimal, total: Decimal) -> str | None:
    if record.life is Life.VOID:
        return _VOID[record.resource]
    if record.life is not Life.OPEN:
        return record.life.value if record.life is not Life.SUBMITTED else "submitted"
    if not store.profile.tells_status and record.resource != "credit-notes":
        return None
    if balance == total:
        return store.profile.open_status[record.resource] if total else "paid"
    return "partially_paid" if balance else "paid"


def _payment_status(record: Record) -> str:
    return {Life.VOID: "voided", Life.OPEN: "authorised"}.get(record.life, record.life.value)


def _entry_status(record: Record) -> str:
    return {Life.VOID: "voided", Life.OPEN: "posted"}.get(record.life, record.life.value)
