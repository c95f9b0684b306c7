"""Creating, changing, deleting and voiding: the optimistic lock, and what a full update omits.

"Omitted writable fields become NULL" in a full update; a sparse one changes only what it names,
lines as a whole list. `SyncToken` grows with every change, and an old one is refused.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from connectors.quickbooks.simulated import answers
from connectors.quickbooks.simulated.answers import Json
from connectors.quickbooks.simulated.books import PAYERS, Books, Row, applied_by
from connectors.quickbooks.simulated.documents import document
from connectors.quickbooks.simulated.entities import (
    CREATE,
    DELETE,
    ENTITIES,
    NO_LISTS,
    OBJECTS,
    POSTING,
    READ_ONLY,
    TEXTS,
    UPDATE,
    VOID,
    Entity,
)
from connectors.quickbooks.simulated.journals import journal
from connectors.quickbooks.simulated.names import account, item, party
from connectors.quickbooks.simulated.payments import (
    bill_payment,
    payment,
    settle_surplus,
    surplus,
    surplus_credits,
)
from connectors.quickbooks.simulated.render import shown
from connectors.quickbooks.simulated.values import ZERO, day, id_in, latin, mapping, text

VOIDED = "Voided"
_TEXT = 4000
DUPLICATES, VOIDS = "allowduplicatedocnum", "void"
_TAX_FOLLOWS = frozenset({"Line", "GlobalTaxCalculation", "TxnDate", "CustomerRef", "VendorRef"})
_LASTS = frozenset({"CurrencyRef"})
"""What a full update need not repeat."""


@dataclass(frozen=True)
class Wish:
    """What is to be done with a body."""

    verb: str
    entity: Entity
    body: Json
    include: frozenset[str] = frozenset()


def wish(entity: Entity, body: Any, operation: str | None, include: Collection[str]) -> Wish:
    """What a write asks for.

    Raises:
        Refused: QuickBooks does not know it, or it is not modelled.
    """
    if not isinstance(body, dict):
        raise answers.missing(entity.name)
    if operation is not None and not isinstance(operation, str):
        raise answers.invalid("operation", operation)
    if operation not in {None, CREATE, UPDATE, DELETE, VOID}:
        raise answers.not_modelled(f"operation={operation}")
    for word in set(include) - {DUPLICATES, VOIDS}:
        raise answers.not_modelled(f"include={word}")
    verb = operation or (UPDATE if body.get("Id") is not None else CREATE)
    if VOIDS in include and verb != CREATE:
        if entity.name not in PAYERS:
            raise answers.not_modelled(f"include=void of a {entity.name}")
        if body.get("sparse") is not True:
            raise answers.business("A transaction is voided with a sparse update.")
        verb = VOID
    elif verb == VOID and entity.name == "BillPayment":
        raise answers.not_modelled("operation=void of a BillPayment")
    if verb not in entity.verbs:
        raise answers.not_modelled(f"{verb} of a {entity.name}")
    return Wish(verb, entity, body, frozenset(include))


def perform(books: Books, asked: Wish) -> Json:
    """Do it, and say what is there then.

    Raises:
        Refused: It is not done.
    """
    body = latin(asked.body) if books.american and books.rules.us_latin1 else asked.body
    if asked.verb == CREATE:
        return shown(books, create(books, asked.entity, body, asked.include))
    row = _known(books, asked.entity, body)
    if asked.verb == DELETE:
        delete(books, row)
        return {"Id": row.id, "status": "Deleted", "domain": "QBO"}
    if asked.verb == VOID:
        void(books, row)
    else:
        update(books, row, body, asked.include)
    return shown(books, row)


def _known(books: Books, entity: Entity, body: Json) -> Row:
    row_id, token = body.get("Id"), body.get("SyncToken")
    if not isinstance(row_id, str) or not row_id:
        raise answers.missing("Id") if row_id is None else answers.invalid("Id", row_id)
    if token is None:
        raise answers.missing("SyncToken")
    row = books.find(entity.name, row_id)
    if row is None:
        raise answers.gone()
    if str(token) != str(row.token):
        stale = answers.stale()
        stale.code = books.rules.stale_code
        raise stale
    return row


def _writable(entity: Entity, body: Json) -> Json:
    for name in body.keys() - entity.writable - READ_ONLY:
        if name != "TotalAmt":
            raise answers.unsupported(name)
    given = {name: part for name, part in body.items() if name in entity.writable}
    for name in given.keys() & OBJECTS:
        mapping(given, name)
    for name in given.keys() & TEXTS:
        text(given, name, _TEXT)
    for name in given.keys() & NO_LISTS:
        if id_in(given, name) is not None:
            raise answers.unknown_reference(name.removesuffix("Ref"), id_in(given, name))
    return given


def create(books: Books, entity: Entity, body: Json, include: Collection[str] = ()) -> Row:
    """Make a new object."""
    if body.get("Id") is not None:
        raise answers.invalid("Id", body["Id"])
    kept = _completed(books, entity, _writable(entity, body), None, include)
    if entity.name in POSTING:
        books.must_be_open(day(kept, "TxnDate"))
    row = books.add(entity.name, kept)
    _after(books, row, {})
    return row


def update(books: Books, row: Row, body: Json, include: Collection[str] = ()) -> None:
    """Change an object, by a full or a sparse update."""
    entity = ENTITIES[row.entity]
    given = _writable(entity, body)
    if row.voided:
        raise answers.not_modelled("an update of what is void")
    if body.get("sparse") is True:
        merged = {**row.body, **given}
        if "TxnTaxDetail" not in given and _TAX_FOLLOWS & given.keys():
            merged["TxnTaxDetail"] = None
    else:
        merged = {name: part for name, part in row.body.items() if name in _LASTS} | given
    kept = _completed(books, entity, merged, row, include)
    if entity.name in POSTING:
        books.must_be_open(day(row.body, "TxnDate"), day(kept, "TxnDate"))
    if entity.name == "BillPayment":
        surplus_credits(books, row, surplus(kept))
    before = row.body
    row.body = kept
    books.touch(row)
    _after(books, row, before)


def delete(books: Books, row: Row) -> None:
    """Delete a transaction that nothing is linked to any more."""
    books.must_be_open(day(row.body, "TxnDate"))
    if books.links(row.key):
        raise answers.business(
            "This transaction is linked to others. Unlink them before you delete it."
        )
    if row.surplus_of:
        raise answers.not_modelled("deleting the vendor credit of a payment that paid too much")
    before = row.body
    if row.entity == "BillPayment":
        settle_surplus(books, row, ZERO)
    books.remove(row)
    if row.entity in PAYERS:
        _moved(books, before, {})


def void(books: Books, row: Row) -> None:
    """Void a transaction: amounts are 0, and its note says so; payments of it stay, unapplied."""
    books.must_be_open(day(row.body, "TxnDate"))
    if row.voided:
        raise answers.business("This transaction is void already.")
    if row.entity == "BillPayment":
        settle_surplus(books, row, ZERO)
    for payer, payer_id in books.links(row.key):
        unlink(books, books.row(payer, payer_id), row)
    before, body = row.body, dict(row.body)
    note = body.get("PrivateNote")
    body |= {"TotalAmt": ZERO, "PrivateNote": f"{VOIDED} - {note}" if note else VOIDED}
    body["Line"] = [] if row.entity in PAYERS else [_emptied(line) for line in body["Line"]]
    if body.get("TxnTaxDetail"):
        body["TxnTaxDetail"] = {"TotalTax": ZERO}
    row.body, row.voided = body, True
    books.touch(row, "Void")
    if row.entity in PAYERS:
        _moved(books, before, body)


def unlink(books: Books, payer: Row, paid: Row) -> None:
    """Let a payment go of a document: the amount is unapplied again."""
    lines = [
        line
        for line in payer.body["Line"]
        if all((link["TxnType"], link["TxnId"]) != paid.key for link in line["LinkedTxn"])
    ]
    payer.body = {**payer.body, "Line": lines}
    books.touch(payer)
    if payer.entity == "BillPayment":
        settle_surplus(books, payer, surplus(payer.body))


def _emptied(line: Json) -> Json:
    kind = line["DetailType"]
    detail = {
        name: ZERO if name in {"Qty", "UnitPrice", "TaxInclusiveAmt"} else part
        for name, part in line.get(kind, {}).items()
    }
    emptied = {**line, kind: detail} if kind in line else dict(line)
    return {**emptied, "Amount": ZERO} if "Amount" in line else emptied


def _after(books: Books, row: Row, before: Json) -> None:
    if row.entity in PAYERS:
        _moved(books, before, row.body)
    if row.entity == "BillPayment":
        settle_surplus(books, row, surplus(row.body))


def _moved(books: Books, before: Json, after: Json) -> None:
    """Documents whose open amount has changed get another sync token."""
    if not books.rules.applying_moves_document:
        return
    was, is_now = applied_by(before), applied_by(after)
    for key in sorted(was.keys() | is_now.keys()):
        paid = books.find(*key)
        if paid is not None and was.get(key) != is_now.get(key):
            books.touch(paid)


def _completed(
    books: Books, entity: Entity, body: Json, old: Row | None, include: Collection[str]
) -> Json:
    duplicates = DUPLICATES in include
    match entity.name:
        case "Payment":
            kept = payment(books, body, old)
        case "BillPayment":
            kept = bill_payment(books, body, old, duplicates=duplicates)
        case "JournalEntry":
            kept = journal(books, body, old, duplicates=duplicates)
        case "Customer" | "Vendor" | "Employee":
            kept = party(books, entity.name, body, old)
        case "Item":
            kept = item(books, body, old)
        case "Account":
            kept = account(books, body, old)
        case _:
            kept = document(books, entity.name, body, old, duplicates=duplicates)
    return kept
