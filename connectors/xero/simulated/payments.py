"""Payments and batch payments: one document each, never more than is open, no update.

Source: developer.xero.com "Payments" and "Batch payments" as others keep them, read 2026-11-20.
From memory: that reconciled payments cannot be deleted. Ours: the words of most refusals.
"""

import datetime as dt
from decimal import Decimal
from typing import Any

from connectors.xero.simulated import settling
from connectors.xero.simulated.store import ID_FIELDS, Books, BusinessError
from connectors.xero.simulated.values import (
    ZERO,
    Malformed,
    Row,
    cents,
    day_of,
    guid_of,
    list_of,
    number_of,
    object_of,
    rounded,
    text_of,
)

EXCEEDS = "Payment amount exceeds the amount outstanding on this document"
_TYPES = {
    ("Invoices", True): "ACCRECPAYMENT",
    ("Invoices", False): "ACCPAYPAYMENT",
    ("CreditNotes", True): "ARCREDITPAYMENT",
    ("CreditNotes", False): "APCREDITPAYMENT",
    ("Overpayments", True): "AROVERPAYMENTPAYMENT",
    ("Overpayments", False): "APOVERPAYMENTPAYMENT",
    ("Prepayments", True): "ARPREPAYMENTPAYMENT",
    ("Prepayments", False): "APPREPAYMENTPAYMENT",
}
_PAID = {
    "Invoice": "Invoices",
    "CreditNote": "CreditNotes",
    "Overpayment": "Overpayments",
    "Prepayment": "Prepayments",
}
_FIELDS = frozenset({*_PAID, "Account", "Date", "Amount", "Reference", "CurrencyRate"}) | {
    "IsReconciled",
    "Status",
    "PaymentID",
}
_IGNORED = frozenset({"PaymentType", "UpdatedDateUTC", "BankAmount", "HasAccount"}) | {
    "HasValidationErrors",
    "BatchPaymentID",
    "BatchPayment",
}
_BATCH_FIELDS = frozenset({"Account", "Date", "Reference", "Payments", "Status"}) | {
    "BatchPaymentID",
    "Details",
    "Narrative",
    "Particulars",
    "Code",
}
_IN_BATCH = frozenset({"Invoice", "Amount", "Reference", "Details", "Particulars", "Code"}) | {
    "BankAccountNumber",
    "PaymentID",
}


def write(books: Books, body: Row, before: Row | None) -> Row:
    """Create a payment, or reverse one; there is no update.

    Raises:
        BusinessError: The books do not take it.
    """
    if unknown := body.keys() - _FIELDS - _IGNORED:
        raise Malformed(f"Payments: {', '.join(sorted(unknown))} is not modelled")
    if before is not None:
        if body.get("Status") != "DELETED":
            raise BusinessError("Payments cannot be updated; delete this one and create another")
        return delete(books, before)
    if body.get("Status", "AUTHORISED") != "AUTHORISED":
        raise BusinessError("A new payment can only be AUTHORISED")
    endpoint, document = _document(books, body)
    day = day_of(body["Date"], "Date") if body.get("Date") else books.today()
    account = account_of(books, body.get("Account"))
    rate = body.get("CurrencyRate")
    return record(
        books,
        endpoint,
        document,
        amount=_amount(body),
        day=day,
        account=account,
        rate=None if rate is None else number_of(rate, "CurrencyRate"),
        Reference=text_of(body["Reference"], "Reference") if body.get("Reference") else None,
        IsReconciled=body.get("IsReconciled") in {True, "true"},
    )


def record(
    books: Books,
    endpoint: str,
    document: Row,
    *,
    amount: Decimal,
    day: dt.date,
    account: Row,
    rate: Decimal | None = None,
    **fields: Any,
) -> Row:
    """Book a payment of a document, or the refund of a credit."""
    books.must_be_open(day, "payment")
    if document["Status"] != "AUTHORISED":
        if document["Status"] == "PAID":
            raise BusinessError(EXCEEDS)
        raise BusinessError("Invoice is not of valid status for payment")
    if amount <= ZERO:
        raise BusinessError("The payment amount must be greater than zero")
    if amount > settling.open_of(document):
        raise BusinessError(EXCEEDS)
    currency = document["CurrencyCode"]
    if account.get("CurrencyCode") not in {None, currency, books.currency}:
        raise BusinessError("The account is in a currency that cannot pay this document")
    rate = rounded(rate if rate is not None else books.day_rates[currency], 6)
    in_bank = account.get("CurrencyCode") in {None, currency} or currency == books.currency
    made = books.insert(
        "Payments",
        {
            "PaymentType": _TYPES[endpoint, settling.sold(document)],
            "Status": "AUTHORISED",
            "Date": day,
            "Amount": amount,
            "BankAmount": amount if in_bank else cents(amount / rate),
            "CurrencyRate": rate,
            "_endpoint": endpoint,
            "_document": document[ID_FIELDS[endpoint]],
            "_account": account["AccountID"],
            **fields,
        },
    )
    settling.link(books, endpoint, document, "_payments", made["PaymentID"])
    return made


def delete(books: Books, row: Row, *, with_batch: bool = False) -> Row:
    """Reverse a payment: what it paid is open again."""
    if row["Status"] == "DELETED":
        raise BusinessError("The payment has been deleted already")
    if row.get("BatchPaymentID") and not with_batch:
        raise BusinessError("This payment is part of a batch payment and cannot be deleted singly")
    if row.get("IsReconciled"):
        raise BusinessError("This payment has been reconciled and cannot be deleted")
    books.must_be_open(row["Date"], "payment")
    endpoint = row["_endpoint"]
    document = books.get(endpoint, row["_document"])
    settling.unlink(books, endpoint, document, "_payments", row["PaymentID"])
    return books.put("Payments", row, Status="DELETED")


def _document(books: Books, body: Row) -> tuple[str, Row]:
    named = [name for name in _PAID if body.get(name)]
    if len(named) != 1:
        raise BusinessError(
            "Exactly one of Invoice, CreditNote, Prepayment, Overpayment must be specified"
        )
    endpoint = _PAID[named[0]]
    key, link = ID_FIELDS[endpoint], object_of(body[named[0]], named[0])
    row = None
    if link.get(key):
        row = books.tables[endpoint].get(guid_of(link[key], key))
    elif number := link.get(f"{named[0]}Number"):
        row = books.find(endpoint, **{f"{named[0]}Number": number})
    if row is None:
        raise BusinessError(f"{named[0]} could not be found")
    return endpoint, row


def _amount(body: Row) -> Decimal:
    if body.get("Amount") is None:
        raise BusinessError("The payment amount must be specified")
    return cents(number_of(body["Amount"], "Amount"))


def account_of(books: Books, sent: Any, *, bank_only: bool = False) -> Row:
    """The account that a payment names, if it takes payments."""
    link = object_of(sent or {}, "Account")
    row = None
    if link.get("AccountID"):
        row = books.tables["Accounts"].get(guid_of(link["AccountID"], "AccountID"))
    elif link.get("Code"):
        row = books.find("Accounts", Code=link["Code"])
    if row is None or row["Status"] != "ACTIVE":
        raise BusinessError("Account could not be found")
    if row["Type"] != "BANK" and (bank_only or not row.get("EnablePaymentsToAccount")):
        raise BusinessError(
            "The account must be a bank account or have payments enabled"
            if not bank_only
            else "The account must be a bank account"
        )
    return row


def write_batch(books: Books, body: Row, before: Row | None) -> Row:
    """Create a batch payment, or delete one with all its payments.

    Raises:
        BusinessError: The books do not take it.
    """
    if unknown := body.keys() - _BATCH_FIELDS:
        raise Malformed(f"BatchPayments: {', '.join(sorted(unknown))} is not modelled")
    if before is not None:
        if body.get("Status") != "DELETED":
            raise BusinessError("Batch payments cannot be updated")
        return delete_batch(books, before)
    account = account_of(books, body.get("Account"), bank_only=True)
    day = day_of(body["Date"], "Date") if body.get("Date") else books.today()
    parts = list_of(body.get("Payments") or [], "Payments")
    documents = [_batched(books, part) for part in parts]
    if not documents:
        raise BusinessError("At least one payment must be specified")
    if len({document["Type"] for document in documents}) > 1:
        raise BusinessError("A batch payment pays either invoices or bills, not both")
    if account.get("CurrencyCode") not in {None, books.currency}:
        raise BusinessError("Batch payments are only possible in the base currency")
    batch_id, reference = books.new_id(), body.get("Reference")
    made: list[Row] = []
    for part, document in zip(parts, documents, strict=True):
        made.append(
            record(
                books,
                "Invoices",
                books.get("Invoices", document["InvoiceID"]),
                amount=_amount(part),
                day=day,
                account=account,
                Reference=part.get("Reference") or reference,
                IsReconciled=False,
                BatchPaymentID=batch_id,
            )
        )
    return books.insert(
        "BatchPayments",
        {
            "BatchPaymentID": batch_id,
            "Type": "RECBATCH" if settling.sold(documents[0]) else "PAYBATCH",
            "Status": "AUTHORISED",
            "Date": day,
            "Reference": reference,
            "Details": body.get("Details"),
            "Narrative": body.get("Narrative"),
            "TotalAmount": sum((one["Amount"] for one in made), ZERO),
            "IsReconciled": False,
            "_account": account["AccountID"],
            "_payments": tuple(one["PaymentID"] for one in made),
        },
    )


def _batched(books: Books, part: Row) -> Row:
    if unknown := part.keys() - _IN_BATCH:
        shown = ", ".join(sorted(unknown))
        raise BusinessError(f"A batch payment pays invoices and bills only, not {shown}")
    _, document = _document(books, part)
    if document["CurrencyCode"] != books.currency:
        raise BusinessError("Batch payments are only possible in the base currency")
    return document


def delete_batch(books: Books, row: Row) -> Row:
    """Reverse all payments of a batch."""
    if row["Status"] == "DELETED":
        raise BusinessError("The batch payment has been deleted already")
    for one in row["_payments"]:
        delete(books, books.get("Payments", one), with_batch=True)
    return books.put("BatchPayments", row, Status="DELETED")
