"""What a payment or a credit note may be spent on."""

from decimal import Decimal
from typing import Any

from connectors.apideck.simulated import answers
from connectors.apideck.simulated.store import ALLOCATED, ZERO, Json, Life, Record, Store

_TAKES = {
    "payments": frozenset({"invoices", "credit-notes"}),
    "bill-payments": frozenset({"bills", "credit-notes"}),
    "credit-notes": frozenset({"invoices", "bills"}),
}


def allocated(
    store: Store, body: Json, total: Decimal, resource: str, known: Record | None
) -> list[Json]:
    """The allocations of a body with their amounts, if the ledger takes them.

    Args:
        store: The books.
        body: Of a payment or a credit note, its currency and contact filled in.
        total: What there is to spend.
        resource: Of the body.
        known: The record that is being changed: what it spends itself does not count.

    Raises:
        Refusal: More than is open, more than there is, or a document that takes no payment.
    """
    done: list[Json] = []
    left: dict[tuple[str, str], Decimal] = {}
    for one in body.get("allocations") or ():
        document = _document(store, one, resource)
        _must_fit(body, document)
        amount = one["amount"] if one.get("amount") is not None else total
        if amount <= 0:
            raise answers.declined("An allocation must be more than 0", code="AllocationAmount")
        place = (document.resource, document.id)
        if place not in left:
            left[place] = _open_without(store, document, known)
        if amount > left[place]:
            text = f"{amount} is more than the {left[place]} outstanding on {document.id}"
            raise answers.declined(text, code="OverAllocation")
        left[place] -= amount
        done.append({"type": one["type"], "id": document.id, "amount": amount})
    if sum((one["amount"] for one in done), ZERO) > total:
        text = f"The allocations come to more than the total amount {total}"
        raise answers.declined(text, code="OverAllocation")
    for number, one in enumerate(done, start=1):
        one["allocation_id"] = str(number)
    return done


def _document(store: Store, one: Json, resource: str) -> Record:
    where = ALLOCATED.get(one.get("type", ""))
    if where is None or where not in _TAKES[resource]:
        text = f"{resource} cannot be allocated to {one.get('type')}"
        raise answers.declined(text, code="AllocationType")
    document = store.tables[where].get(one.get("id") or "")
    if document is None or store.vanished(document):
        raise answers.declined(f"{where} has no {one.get('id')}", code="InvalidReference")
    if document.life is not Life.OPEN:
        text = f"{document.id} is {document.life} and takes no payment"
        raise answers.declined(text, code="DocumentStatus")
    return document


def _must_fit(body: Json, document: Record) -> None:
    if body["currency"] != document.body["currency"]:
        text = f"{document.id} is in {document.body['currency']}, not in {body['currency']}"
        raise answers.declined(text, code="Currency")
    for kind in ("customer", "supplier"):
        mine, its = body.get(kind), document.body.get(kind)
        if mine and its and mine.get("id") != its["id"]:
            raise answers.declined(f"{document.id} is of another {kind}", code="OtherParty")


def _open_without(store: Store, document: Record, known: Record | None) -> Any:
    """What is open of a document, less what others spend on it."""
    mine = ZERO
    if known is not None and known.stands:
        place = (document.resource, document.id)
        mine = sum(
            (
                one.amount
                for one in store.allocations(known)
                if (one.resource, one.record_id) == place
            ),
            ZERO,
        )
    return store.open_of(document, pending=True) + mine
