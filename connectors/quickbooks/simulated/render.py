"""Rows as the API shows them: with computed members, stamps, and both sides of every link."""

import datetime as dt
from copy import deepcopy
from decimal import Decimal

from connectors.quickbooks.simulated.answers import Json
from connectors.quickbooks.simulated.books import Books, Row
from connectors.quickbooks.simulated.entities import ENTITIES, SALES
from connectors.quickbooks.simulated.values import ZERO, cents

_DOCUMENTS = frozenset({"Invoice", "Bill", "CreditMemo", "VendorCredit"})
_WITH_BALANCE = frozenset({"Invoice", "Bill", "VendorCredit", "CreditMemo"})


def stamp(at: dt.datetime) -> str:
    """A moment as stamps have it: seconds, with an offset."""
    return at.isoformat(timespec="seconds")


def shown(books: Books, row: Row) -> Json:
    """One object as the API shows it, amounts as `Decimal`."""
    body = {name: part for name, part in deepcopy(row.body).items() if part is not None}
    body |= _computed(books, row, body)
    body |= {
        "domain": "QBO",
        "sparse": False,
        "Id": row.id,
        "SyncToken": str(row.token),
        "MetaData": {"CreateTime": stamp(row.created), "LastUpdatedTime": stamp(row.updated)},
    }
    return body | row.overlay


def _computed(books: Books, row: Row, body: Json) -> Json:
    found: Json = {}
    if row.entity in _WITH_BALANCE:
        found["Balance"] = books.open_of(row)
        found["LinkedTxn"] = [
            {"TxnId": payer_id, "TxnType": _kind(books, payer, payer_id)}
            for payer, payer_id in books.links(row.key)
        ]
    if row.entity == "CreditMemo":
        found["RemainingCredit"] = found["Balance"]
    if row.entity == "Payment":
        found["UnappliedAmt"] = unapplied(row)
    if row.entity in SALES:
        found["Line"] = [*body["Line"], _subtotal(body)]
    if row.entity in _DOCUMENTS and books.preferences.multi_currency:
        rate = body.get("ExchangeRate") or Decimal(1)
        found["HomeTotalAmt"] = cents(body["TotalAmt"] * rate)
        if row.entity != "CreditMemo":
            found["HomeBalance"] = cents(found["Balance"] * rate)
    if row.entity in {"Customer", "Vendor"}:
        found["Balance"] = balances(books, row.entity).get(row.id, ZERO)
    if row.entity == "Customer":
        found["BalanceWithJobs"] = found["Balance"]
    return found


def _kind(books: Books, payer: str, payer_id: str) -> str:
    """How the other side of a link is called."""
    if payer == "BillPayment":
        card = books.row(payer, payer_id).body.get("PayType") == "CreditCard"
        return "BillPaymentCreditCard" if card else "BillPaymentCheck"
    return payer


def _subtotal(body: Json) -> Json:
    sums = (
        -line["Amount"] if line["DetailType"] == "DiscountLineDetail" else line.get("Amount", ZERO)
        for line in body["Line"]
    )
    return {
        "Amount": sum(sums, ZERO),
        "DetailType": "SubTotalLineDetail",
        "SubTotalLineDetail": {},
    }


def unapplied(payment: Row) -> Decimal:
    """What of a payment pays nothing; credits that it uses add to what it can pay."""
    left: Decimal = payment.body.get("TotalAmt") or ZERO
    for line in payment.body.get("Line") or ():
        for link in line["LinkedTxn"]:
            left += line["Amount"] if link["TxnType"] == "CreditMemo" else -line["Amount"]
    return left


_BALANCES: dict[str, tuple[tuple[str, int], ...]] = {
    "Customer": (("Invoice", 1), ("CreditMemo", -1)),
    "Vendor": (("Bill", 1), ("VendorCredit", -1)),
}


def balances(books: Books, entity: str) -> dict[str, Decimal]:
    """What each customer owes, or is owed each vendor; remembered until something changes."""
    version, known = books.balances.get(entity, (-1, {}))
    if version == books.version:
        return known
    known = {}
    for name, sign in _BALANCES[entity]:
        party = ENTITIES[name].party
        for row in books.rows(name):
            owner = row.body[party]["value"]
            known[owner] = known.get(owner, ZERO) + sign * books.open_of(row)
    if entity == "Customer":
        for row in books.rows("Payment"):
            owner = row.body["CustomerRef"]["value"]
            known[owner] = known.get(owner, ZERO) - unapplied(row)
    books.balances[entity] = (books.version, known)
    return known


def party_of(row: Row) -> str | None:
    """The id of a document's customer or vendor."""
    name = ENTITIES[row.entity].party
    return row.body[name]["value"] if name else None


def tombstone(row_id: str, at: dt.datetime) -> Json:
    """What change data capture says of a deleted object."""
    return {
        "domain": "QBO",
        "status": "Deleted",
        "Id": row_id,
        "MetaData": {"LastUpdatedTime": stamp(at)},
    }
