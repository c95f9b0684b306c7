"""Rows as the API gives them: in full, as part of an unpaged list, or as a summary.

Source: developer.xero.com "Requests and responses" as others keep it, read 2026-11-20: lines come
with paging or for one document, and `summaryOnly` drops payments, lines and `HasAttachments`.
"""

import datetime as dt
from enum import Enum
from typing import Any

from connectors.xero.simulated import settling
from connectors.xero.simulated.store import ID_FIELDS, Books
from connectors.xero.simulated.values import ZERO, Row, rounded, shown


class Detail(Enum):
    """How much of a row is given."""

    FULL = "full"
    UNPAGED = "unpaged"
    SUMMARY = "summary"


_LINES = {
    "Invoices": "LineItems",
    "CreditNotes": "LineItems",
    "Overpayments": "LineItems",
    "Prepayments": "LineItems",
    "ManualJournals": "JournalLines",
}
_ONLY_IN_FULL = ("ContactPersons", "PaymentTerms", "Balances", "HasAttachments")
"""Of contacts."""


def out(books: Books, endpoint: str, row: Row, detail: Detail, *, digits: int = 2) -> Row:
    """A row as JSON has it, distorted where somebody wanted it so."""
    found = dict(row)
    if name := _LINES.get(endpoint):
        found[name] = [_line(one, digits) for one in row.get(name) or []]
        if detail is not Detail.FULL:
            found[name] = []
    if "_contact" in row:
        found["Contact"] = _contact(books, row["_contact"])
    for name in ("Date", "DueDate"):
        if endpoint != "Payments" and isinstance(row.get(name), dt.date):
            found[f"{name}String"] = f"{row[name].isoformat()}T00:00:00"
    shape = _SHAPES.get(endpoint)
    if shape is not None:
        found |= shape(books, row, detail)
    if detail is Detail.SUMMARY:
        for name in ("Payments", "LineItems", "HasAttachments"):
            found.pop(name, None)
    found |= {} if endpoint in {"Accounts", "TaxRates", "Currencies"} else {"HasErrors": False}
    if endpoint in {"TaxRates", "Currencies"}:
        found.pop("UpdatedDateUTC", None)
    members: Row = shown(found)
    return {**members, **books.overlays.get(str(row[ID_FIELDS[endpoint]]), {})}


def _line(line: Row, digits: int) -> Row:
    """A line with unit prices in as many decimals as were asked for."""
    if "UnitAmount" not in line:
        return line
    return {**line, "UnitAmount": rounded(line["UnitAmount"], digits)}


def _contact(books: Books, contact_id: str) -> Row:
    row = books.get("Contacts", contact_id)
    return {
        "ContactID": contact_id,
        "ContactNumber": row.get("ContactNumber"),
        "Name": row["Name"],
        "Addresses": [],
        "Phones": [],
        "ContactGroups": [],
        "ContactPersons": [],
        "HasValidationErrors": False,
    }


def _payment_part(row: Row) -> Row:
    return {
        "PaymentID": row["PaymentID"],
        "BatchPaymentID": row.get("BatchPaymentID"),
        "Date": row["Date"],
        "Amount": row["Amount"],
        "Reference": row.get("Reference"),
        "CurrencyRate": row["CurrencyRate"],
        "HasAccount": False,
        "HasValidationErrors": False,
    }


def _invoice(books: Books, row: Row, detail: Detail) -> Row:
    found: Row = {"IsDiscounted": any(line.get("DiscountRate") for line in row["LineItems"])}
    if detail is Detail.SUMMARY:
        return found
    found["Payments"] = [_payment_part(one) for one in settling.payments_of(books, row)]
    for endpoint in settling.CREDITS:
        key = ID_FIELDS[endpoint]
        found[endpoint] = [
            {
                key: one["_credit"],
                "ID": one["_credit"],
                f"{key.removesuffix('ID')}Number": _number(books, one),
                "AppliedAmount": one["Amount"],
                "Total": books.get(endpoint, one["_credit"])["Total"],
                "Date": one["Date"],
                "HasErrors": False,
            }
            for one in settling.allocations_of(books, row)
            if one["_endpoint"] == endpoint
        ]
    return found


def _number(books: Books, allocation: Row) -> Any:
    if allocation["_endpoint"] != "CreditNotes":
        return None
    return books.get("CreditNotes", allocation["_credit"]).get("CreditNoteNumber")


def _credit(books: Books, row: Row, _detail: Detail) -> Row:
    return {
        "Allocations": [allocation(books, one) for one in settling.allocations_of(books, row)],
        "Payments": [_payment_part(one) for one in settling.payments_of(books, row)],
    }


def allocation(books: Books, row: Row) -> Row:
    """An allocation, not yet as JSON."""
    invoice = books.get("Invoices", row["_invoice"])
    return {
        "AllocationID": row["AllocationID"],
        "Amount": row["Amount"],
        "Date": row["Date"],
        "Invoice": {
            "InvoiceID": invoice["InvoiceID"],
            "InvoiceNumber": invoice.get("InvoiceNumber"),
            "Payments": [],
            "CreditNotes": [],
            "Prepayments": [],
            "Overpayments": [],
            "HasErrors": False,
            "LineItems": [],
        },
    }


def _payment(books: Books, row: Row, _detail: Detail) -> Row:
    endpoint = row["_endpoint"]
    document = books.get(endpoint, row["_document"])
    key = ID_FIELDS[endpoint]
    name = endpoint.removesuffix("s")
    paid: Row = {
        key: document[key],
        "Type": document["Type"],
        "CurrencyCode": document["CurrencyCode"],
        "Contact": _contact(books, document["_contact"]),
        "HasErrors": False,
        "LineItems": [],
    }
    if number := document.get(f"{name}Number"):
        paid[f"{name}Number"] = number
    found: Row = {
        name: paid,
        "Account": _account(books, row["_account"]),
        "IsReconciled": row.get("IsReconciled", False),
        "HasAccount": True,
        "HasValidationErrors": False,
    }
    if row.get("BatchPaymentID"):
        found["BatchPayment"] = _batch_link(books, row["BatchPaymentID"])
    return found


def _account(books: Books, account_id: str) -> Row:
    account = books.get("Accounts", account_id)
    found = {"AccountID": account_id, "Code": account.get("Code"), "Name": account["Name"]}
    return found | {"CurrencyCode": account.get("CurrencyCode")}


def _batch_link(books: Books, batch_id: str) -> Row:
    batch = books.get("BatchPayments", batch_id)
    names = ("BatchPaymentID", "Type", "Status", "Date", "TotalAmount", "IsReconciled")
    return {name: batch[name] for name in names}


def _batch(books: Books, row: Row, _detail: Detail) -> Row:
    parts = [books.get("Payments", one) for one in row["_payments"]]
    return {
        "Account": _account(books, row["_account"]),
        "Payments": [
            {
                "PaymentID": one["PaymentID"],
                "Amount": one["Amount"],
                "Reference": one.get("Reference"),
                "Invoice": {"InvoiceID": one["_document"], "LineItems": [], "HasErrors": False},
            }
            for one in parts
        ],
    }


def _contact_row(books: Books, row: Row, detail: Detail) -> Row:
    found: Row = {
        "IsCustomer": bool(row.get("IsCustomer")),
        "IsSupplier": bool(row.get("IsSupplier")),
        "ContactGroups": [],
        "HasAttachments": False,
        "HasValidationErrors": False,
    }
    if detail is Detail.FULL:
        return found | _balances(books, row)
    return found | dict.fromkeys(_ONLY_IN_FULL)


def _balances(books: Books, row: Row) -> Row:
    open_documents = [
        one
        for one in books.rows("Invoices")
        if one["_contact"] == row["ContactID"] and one["Status"] == "AUTHORISED"
    ]
    if not open_documents:
        return {}
    found = {}
    for name, kind in (("AccountsReceivable", "ACCREC"), ("AccountsPayable", "ACCPAY")):
        mine = [one for one in open_documents if one["Type"] == kind]
        late = [one for one in mine if one["DueDate"] < books.today()]
        found[name] = {
            "Outstanding": sum((one["AmountDue"] for one in mine), ZERO),
            "Overdue": sum((one["AmountDue"] for one in late), ZERO),
        }
    return {"Balances": found}


_SHAPES = {
    "Invoices": _invoice,
    "CreditNotes": _credit,
    "Overpayments": _credit,
    "Prepayments": _credit,
    "Payments": _payment,
    "BatchPayments": _batch,
    "Contacts": _contact_row,
}
