"""What is paid and credited of a document, what is left of a credit, and the status of both.

PAID is computed: a document that is authorised and has nothing open is PAID, and is AUTHORISED
again when a payment is taken back. An authorised document of 0.00 is PAID at once (from memory).
"""

import datetime as dt
from decimal import Decimal

from connectors.xero.simulated.store import Books, BusinessError
from connectors.xero.simulated.values import ZERO, Row

CREDITS = ("CreditNotes", "Overpayments", "Prepayments")
"""What can be allocated to documents, or paid back."""
_SOLD = frozenset({"ACCREC", "ACCRECCREDIT", "RECEIVE-OVERPAYMENT", "RECEIVE-PREPAYMENT"})
_LIVE = frozenset({"AUTHORISED", "PAID"})


def sold(row: Row) -> bool:
    """Whether it is about a customer."""
    return row["Type"] in _SOLD


def payments_of(books: Books, row: Row) -> list[Row]:
    """Payments of a document, or refunds of a credit, that stand."""
    return [books.get("Payments", one) for one in row["_payments"]]


def allocations_of(books: Books, row: Row) -> list[Row]:
    """Allocations to a document, or of a credit."""
    return [books.get("Allocations", one) for one in row["_allocations"]]


def applied(row: Row) -> bool:
    """Whether anything is paid or allocated."""
    return bool(row["_payments"] or row["_allocations"])


def open_of(row: Row) -> Decimal:
    """What is left to pay of a document, or to use of a credit."""
    found: Decimal = row["AmountDue"] if "AmountDue" in row else row["RemainingCredit"]
    return found


def settled(books: Books, row: Row) -> Row:
    """A row of a document or a credit with what follows from its payments and allocations."""
    paid = sum((one["Amount"] for one in payments_of(books, row)), ZERO)
    spent = sum((one["Amount"] for one in allocations_of(books, row)), ZERO)
    left = row["Total"] - paid - spent
    found = dict(row)
    if row["Type"] in {"ACCREC", "ACCPAY"}:
        found |= {"AmountPaid": paid, "AmountCredited": spent, "AmountDue": left}
    else:
        found |= {"RemainingCredit": left, "AppliedAmount": paid + spent}
    if row["Status"] in _LIVE:
        found["Status"] = "AUTHORISED" if left else "PAID"
        found["FullyPaidOnDate"] = None if left else _last_day(books, row)
    elif row["Status"] in {"VOIDED", "DELETED"}:
        found["RemainingCredit" if "RemainingCredit" in found else "AmountDue"] = ZERO
    return found


def _last_day(books: Books, row: Row) -> dt.date:
    days: list[dt.date] = [
        one["Date"] for one in (*payments_of(books, row), *allocations_of(books, row))
    ]
    issued: dt.date = row["Date"]
    return max(days, default=issued)


def link(books: Books, endpoint: str, row: Row, field: str, one: str) -> Row:
    """Let a payment or an allocation (`_payments`, `_allocations`) count for a row."""
    changed = settled(books, {**row, field: (*row[field], one)})
    return books.put(endpoint, changed)


def unlink(books: Books, endpoint: str, row: Row, field: str, one: str) -> Row:
    """The opposite."""
    changed = settled(books, {**row, field: tuple(x for x in row[field] if x != one)})
    return books.put(endpoint, changed)


def allocate(
    books: Books, endpoint: str, credit: Row, document: Row, *, amount: Decimal, day: dt.date
) -> Row:
    """Spend a part of a credit on a document; returns the allocation."""
    if credit["Status"] != "AUTHORISED":
        raise BusinessError("The credit is not of valid status for allocation")
    if document["Status"] != "AUTHORISED":
        raise BusinessError("Invoice not of valid status for allocation")
    if sold(credit) != sold(document):
        raise BusinessError("The credit and the document must be of the same kind")
    if credit["_contact"] != document["_contact"]:
        raise BusinessError("The credit and the document must have the same contact")
    if credit["CurrencyCode"] != document["CurrencyCode"]:
        raise BusinessError("The credit and the document must have the same currency")
    if amount <= ZERO:
        raise BusinessError("The amount to allocate must be greater than zero")
    if amount > credit["RemainingCredit"]:
        raise BusinessError("The amount to allocate exceeds the remaining credit")
    if amount > document["AmountDue"]:
        raise BusinessError("The amount to allocate exceeds the amount outstanding on the invoice")
    books.must_be_open(day, "allocation")
    credit_id = credit[f"{endpoint.removesuffix('s')}ID"]
    made = books.insert(
        "Allocations",
        {
            "Amount": amount,
            "Date": day,
            "_invoice": document["InvoiceID"],
            "_endpoint": endpoint,
            "_credit": credit_id,
        },
    )
    link(books, endpoint, credit, "_allocations", made["AllocationID"])
    link(books, "Invoices", document, "_allocations", made["AllocationID"])
    return made


def take_back(books: Books, allocation: Row) -> None:
    """Undo an allocation."""
    books.must_be_open(allocation["Date"], "allocation")
    endpoint, one = allocation["_endpoint"], allocation["AllocationID"]
    unlink(books, endpoint, books.get(endpoint, allocation["_credit"]), "_allocations", one)
    document = books.get("Invoices", allocation["_invoice"])
    unlink(books, "Invoices", document, "_allocations", one)
