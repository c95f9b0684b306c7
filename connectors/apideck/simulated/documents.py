"""Writing invoices, bills and credit notes as the ledger does: their rules, not their JSON."""

from typing import Any

from connectors.apideck.simulated import answers
from connectors.apideck.simulated.allocating import allocated
from connectors.apideck.simulated.amounts import computed, party, party_link
from connectors.apideck.simulated.profiles import Written
from connectors.apideck.simulated.store import Json, Life, Record, Store

DATES = {"invoices": "invoice_date", "bills": "bill_date", "credit-notes": "date_issued"}
NUMBERS = {"invoices": "number", "bills": "bill_number", "credit-notes": "number"}
_PREFIXES = {"invoices": "INV", "bills": "BILL", "credit-notes": "CN"}
_PAID = frozenset({"paid", "partially_paid"})
_VOID = frozenset({"void", "voided"})
_NOT_KEPT = ("status", "row_version", "pass_through", "balance", "remaining_credit", "company_id")


def create(store: Store, resource: str, body: Json) -> Record:
    """A new document.

    Raises:
        Refusal: The ledger does not take it.
    """
    status = body.get("status")
    if status in _VOID | {"deleted", "credit"}:
        raise answers.declined(f"A document cannot begin as {status}", code="InvalidStatus")
    _refuse_paid(store, status)
    life = _life(store, resource, status)
    record = store.add(
        resource,
        _filled(store, resource, body, life),
        life,
        body.get("company_id"),
    )
    _tell_spent(store, record)
    return record


def update(store: Store, record: Record, changes: Json) -> None:
    """A document with some members changed.

    Raises:
        Refusal: The ledger does not take it.
    """
    status = changes.get("status")
    if status in _VOID | {"deleted"}:
        if store.profile.void_alone and changes.keys() - {"status", "row_version"}:
            raise answers.declined("void must be the only change", code="VoidAlone")
        remove(store, record, Life.VOID if status in _VOID else Life.DELETED)
        return
    _refuse_paid(store, status)
    must_be_alive(record)
    store.must_be_open_on(record.body.get(DATES[record.resource]))
    life = record.life if status is None else _life(store, record.resource, status)
    if record.life is Life.OPEN and life is not Life.OPEN:
        raise answers.impossible(f"{record.id} is approved and cannot be {status} again")
    merged = _filled(store, record.resource, {**record.body, **changes}, life, known=record)
    if store.total(record) != (new := _total(record, merged)):
        paid = store.total(record) - store.open_of(record, pending=True)
        if paid > new:
            text = f"{paid} is paid of {record.id}, more than its new total {new}"
            raise answers.declined(text, code="PaidMore")
    record.body, record.life = merged, life
    store.link(record)
    store.touch(record)


def _total(record: Record, body: Json) -> Any:
    return body["total_amount" if record.resource == "credit-notes" else "total"]


def _life(store: Store, resource: str, status: Any) -> Life:
    """How far a document is with a written status; a written `paid` is ignored."""
    if status in {"draft", "submitted"} and status != store.profile.open_status[resource]:
        return Life(status)
    return Life.OPEN


def remove(store: Store, record: Record, life: Life) -> None:
    """Void or delete a document on which nothing is paid.

    Raises:
        Refusal: Something is, or it is void or deleted already.
    """
    must_be_alive(record)
    store.must_be_open_on(record.body.get(DATES[record.resource]))
    if next(store.spent_on(record), None) is not None:
        text = f"{record.id} has payments; remove them first"
        raise answers.declined(text, code="HasPayments")
    spent = store.allocations(record)
    record.life = life
    store.touch(record)
    for one in spent:
        touch_document(store, store.tables[one.resource][one.record_id])


def must_be_alive(record: Record) -> None:
    """Refuse what is void or deleted."""
    if record.life in {Life.VOID, Life.DELETED}:
        raise answers.impossible(f"{record.resource}/{record.id} is {record.life}")


def touch_document(store: Store, document: Record, at: Any = None) -> None:
    """Its payments changed: whether that changes its stamps is the ledger's way."""
    if store.profile.payments_touch_documents:
        store.touch(document, at)


def _refuse_paid(store: Store, status: Any) -> None:
    if status in _PAID and store.profile.written_paid is Written.REFUSED:
        raise answers.declined("The status follows from payments", code="StatusReadOnly")


def _tell_spent(store: Store, record: Record) -> None:
    for one in store.allocations(record):
        touch_document(store, store.tables[one.resource][one.record_id])


def _filled(
    store: Store, resource: str, body: Json, life: Life, known: Record | None = None
) -> Json:
    kept = {name: value for name, value in body.items() if name not in _NOT_KEPT}
    kept.pop("payment_allocations", None)
    date = DATES[resource]
    if not kept.get(date):
        if known is not None or life is not Life.DRAFT:
            raise answers.declined(f"{date} is required", code="DateRequired")
        kept[date] = None
    store.must_be_open_on(kept[date])
    found = party(store, resource, kept)
    kept["supplier" if resource == "bills" else "customer"] = party_link(found)
    kept["currency"] = (
        kept.get("currency") or found.body.get("currency") or store.profile.base_currency
    )
    if life is not Life.DRAFT and resource != "credit-notes" and not kept.get("line_items"):
        raise answers.declined("At least one line is required", code="LinesRequired")
    kept = computed(store, resource, kept)
    number = NUMBERS[resource]
    if known is None and (store.profile.assigns_numbers or not kept.get(number)):
        if resource != "bills" or store.profile.assigns_numbers:
            store.numbers[resource] += 1
            kept[number] = f"{_PREFIXES[resource]}-{store.numbers[resource]:05d}"
    elif known is not None and store.profile.assigns_numbers:
        kept[number] = known.body.get(number)
    _unique_number(store, resource, kept, known)
    if resource == "credit-notes":
        kept["type"] = kept.get("type") or "accounts_receivable_credit"
        own = kept["total_amount"]
        kept["allocations"] = allocated(store, kept, own, "credit-notes", known)
    return kept


def _unique_number(store: Store, resource: str, body: Json, known: Record | None) -> None:
    if not store.profile.unique_numbers:
        return
    name = NUMBERS[resource]
    who = "supplier" if resource == "bills" else None
    for other in store.tables[resource].values():
        if other is known or other.life in {Life.VOID, Life.DELETED}:
            continue
        if body.get(name) and other.body.get(name) == body[name]:
            if who and other.body[who]["id"] != body[who]["id"]:
                continue
            raise answers.declined(f"Number {body[name]} is in use already", code="Duplicate")
