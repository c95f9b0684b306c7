"""Settlements: how a payment is written, and what undoes one in the product."""

from collections import defaultdict
from decimal import Decimal

from connectors.sage_active.simulation import entries, matching, terms
from connectors.sage_active.simulation.entries import Draft, Line, signed
from connectors.sage_active.simulation.posting import BILLS
from connectors.sage_active.simulation.refusals import Row, refuse_if
from connectors.sage_active.simulation.sales import INVOICES
from connectors.sage_active.simulation.store import Books

_ZERO = Decimal(0)
_SIDES = {
    "sales": ("customers", INVOICES, "salesInvoiceId", "COLLECTED"),
    "purchase": ("suppliers", BILLS, "purchaseInvoiceId", "PAID"),
}
_STATUS = {
    INVOICES: ("Posted", "PartiallyCollected", "Collected"),
    BILLS: ("Posted", "PartiallyPaid", "Paid"),
}


def settle(books: Books, side: str, given: Row) -> Row:
    """Pay open items of one third party with one bank entry; returns the entry.

    The document number is documented as optional, but null is refused in practice.
    """
    refuse_if(not given.get("documentNumber"), "accounting.documentNumberRequired")
    paid = given[f"{side}OpenItemLinkagePaidAmounts"]
    refuse_if(not paid, "accounting.settlementWithoutOpenItems")
    party = books.get(_SIDES[side][0], given["thirdPartyId"], "accounting.thirdPartyNotFound")
    method = books.get("paymentMethods", given["paymentMethodId"])
    refuse_if(method["disabled"], "accounting.paymentMethodDisabled")
    parts: dict[str, Decimal] = defaultdict(Decimal)
    for one in paid:
        parts[one["openItemId"]] += one["paidAmount"]
    items = {item_id: _item(books, side, party, item_id, parts[item_id]) for item_id in parts}
    total = sum((items[one]["sign"] * abs(parts[one]) for one in parts), _ZERO)
    refuse_if(not total, "accounting.invalidPaidAmount")
    received = total if side == "sales" else -total
    bank = books.get("accountingAccounts", method["subAccountId"])
    account = books.get("accountingAccounts", party["defaultAccountingAccountId"])
    entry = entries.book(
        books,
        Draft(
            journal=books.get("journalTypes", method["journalTypeId"]),
            date=terms.day(given["entryDate"]),
            document_number=given["documentNumber"],
            description=given.get("description"),
            lines=[
                Line(bank, *signed(received)),
                Line(account, *signed(-received), party=party),
            ],
            header={"sourceType": "BANKING", "sourceEntityId": books.new_id()},
        ),
    )
    books.insert("settlements", entryId=entry["id"], parts={one: abs(parts[one]) for one in parts})
    for item_id, item in items.items():
        pay(books, item, abs(parts[item_id]))
    invoiced = [invoice_line(books, item) for item in items.values()]
    matching.match(books, [entries.lines_of(books, entry)[1], *invoiced])
    return entry


def _item(books: Books, side: str, party: Row, item_id: str, paid: Decimal) -> Row:
    item = books.get("openItems", item_id, "accounting.openItemNotFound")
    other = item["side"] != side or item["partyId"] != party["id"]
    refuse_if(other, "accounting.openItemOfAnotherThirdParty", openItemId=item_id)
    wrong = not paid or (paid < 0) != (item["amount"] < 0) or terms.cents(paid) != paid
    refuse_if(wrong, "accounting.invalidPaidAmount", openItemId=item_id)
    left = abs(item["amount"]) - abs(item["paidAmountAccumulated"])
    refuse_if(abs(paid) > left, "accounting.openItemOverpaid", openItemId=item_id, open=str(left))
    return item


def pay(books: Books, item: Row, amount: Decimal) -> None:
    """Take an amount off what is open (or give it back), and let the document say so."""
    paid = abs(item["paidAmountAccumulated"]) + amount
    full = paid == abs(item["amount"])
    status = _SIDES[item["side"]][3] if full else "PARTIAL" if paid else "NOT_SPECIFIED"
    books.change(
        "openItems",
        item,
        paidAmountAccumulated=paid.copy_sign(item["amount"]) if paid else _ZERO,
        status=status,
    )
    _, table, key, _ = _SIDES[item["side"]]
    document = books.find(table, item[key])
    if document is None:
        return
    others = books.children("openItems", key, document["id"])
    none, some, everything = _STATUS[table]
    if all(one["amount"] == one["paidAmountAccumulated"] for one in others):
        status = everything
    else:
        status = some if any(one["paidAmountAccumulated"] for one in others) else none
    touch = books.rules.children_touch_parents
    books.change(table, document, touch=touch, status=status)
    if table == BILLS:
        left = sum((one["amount"] - one["paidAmountAccumulated"] for one in others), _ZERO)
        books.change(table, document, touch=False, pendingAmount=left)


def invoice_line(books: Books, item: Row) -> Row:
    """The entry line that an open item is of."""
    invoice = books.get("accountingEntryInvoices", item["accountingEntryInvoiceId"])
    return books.get("accountingEntryLines", invoice["lineId"])


def undo(books: Books, entry: Row) -> None:
    """Somebody deletes a settlement's entry: what it paid is open again."""
    for settlement in books.where("settlements", entryId=entry["id"]):
        for item_id, amount in settlement["parts"].items():
            pay(books, books.get("openItems", item_id), -amount)
        books.remove("settlements", settlement)
    for line in entries.lines_of(books, entry):
        matching.unmatch(books, line)
    entries.erase(books, entry)


def offset(books: Books, one: Row, other: Row) -> Decimal:
    """Somebody matches an invoice with a credit note (open items); returns the amount."""
    left = [abs(item["amount"]) - abs(item["paidAmountAccumulated"]) for item in (one, other)]
    amount: Decimal = min(left)
    for item in (one, other):
        pay(books, item, amount)
    matching.match(books, [invoice_line(books, one), invoice_line(books, other)])
    return amount
