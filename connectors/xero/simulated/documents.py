"""Invoices, bills and credit notes: numbers, statuses, and what may still be changed when.

Source: developer.xero.com "Invoices" and "Credit notes" (tables of transitions and of editing) as
others keep them, read 2026-11-20; edits of paid bills since 19 March 2026. Ours, because no source
decides: the words of most refusals, and that a refused edit of an applied document is one whose
values differ from what is there.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from connectors.xero.simulated import contacts, lines, settling
from connectors.xero.simulated.lines import Side, Writing
from connectors.xero.simulated.store import ID_FIELDS, Books, BusinessError
from connectors.xero.simulated.values import (
    ZERO,
    Malformed,
    Row,
    day_of,
    guid_of,
    number_of,
    rounded,
    text_of,
)

NOT_VALID = "Invoice not of valid status for modification"
FINAL = frozenset({"DELETED", "VOIDED"})
_OPEN = frozenset({"DRAFT", "SUBMITTED"})
_LIVE = frozenset({"AUTHORISED", "PAID"})
_TYPES = {
    "Invoices": ("ACCREC", "ACCPAY"),
    "CreditNotes": ("ACCRECCREDIT", "ACCPAYCREDIT"),
}
_OWN_NUMBERS = {"ACCREC": "INV", "ACCRECCREDIT": "CN"}
"""Types whose numbers are unique, and given where none is sent."""
_LONGEST_NUMBER = 255
_TEXTS = ("Reference", "Url", "BrandingThemeID")
_DATES = ("Date", "DueDate", "ExpectedPaymentDate", "PlannedPaymentDate")
_FIELDS = frozenset(
    {*_TEXTS, *_DATES, "Type", "Contact", "LineAmountTypes", "LineItems", "Status"}
    | {"CurrencyCode", "CurrencyRate", "SentToContact"}
)
_IGNORED = frozenset(
    {
        "SubTotal",
        "TotalTax",
        "Total",
        "TotalDiscount",
        "AmountDue",
        "AmountPaid",
        "AmountCredited",
        "RemainingCredit",
        "AppliedAmount",
        "FullyPaidOnDate",
        "UpdatedDateUTC",
        "HasAttachments",
        "HasErrors",
        "IsDiscounted",
        "Payments",
        "CreditNotes",
        "Prepayments",
        "Overpayments",
        "Allocations",
        "DateString",
        "DueDateString",
        "ID",
    }
)
"""What it gives and does not take; totals that are sent are ignored."""
_AFTER_PAYMENT = frozenset(
    {
        "Reference",
        "DueDate",
        "BrandingThemeID",
        "Url",
        "PlannedPaymentDate",
        "ExpectedPaymentDate",
        "SentToContact",
        "Status",
    }
)
_LINE_AFTER_PAYMENT = frozenset({"Description", "AccountCode", "AccountID", "Tracking"})
_POSTS_NOTHING = frozenset({"DueDate", "SentToContact"})


@dataclass(frozen=True)
class Kind:
    """An endpoint of documents."""

    endpoint: str

    @property
    def key(self) -> str:
        """The field with the id."""
        return ID_FIELDS[self.endpoint]

    @property
    def number(self) -> str:
        """The field with the number."""
        return self.key.replace("ID", "Number")


def match(books: Books, kind: Kind, body: Row, writing: Writing) -> Row | None:
    """Which document a request is about: by id, or by a number that is unique; None: a new one."""
    table = books.tables[kind.endpoint]
    if body.get(kind.key) and not writing.creates:
        row = table.get(guid_of(body[kind.key], kind.key))
        if row is None:
            raise BusinessError("The document could not be found")
        return row
    if body.get(kind.number) and body.get("Type") in _OWN_NUMBERS and not writing.creates:
        return _numbered(books, kind, body["Type"], body[kind.number])
    return None


def _numbered(books: Books, kind: Kind, own: str, number: str) -> Row | None:
    return books.numbered(kind.endpoint, number, own)


def write(books: Books, kind: Kind, body: Row, before: Row | None, writing: Writing) -> Row:
    """Create or change a document.

    Raises:
        BusinessError: The books do not take it.
    """
    sent = _read(kind, body)
    if before is None:
        return _create(books, kind, sent, writing)
    return _update(books, kind, sent, before, writing)


def _read(kind: Kind, body: Row) -> Row:
    known = {*_FIELDS, kind.number, kind.key}
    if unknown := body.keys() - known - _IGNORED:
        raise Malformed(f"{kind.endpoint}: {', '.join(sorted(unknown))} is not modelled")
    found = {name: value for name, value in body.items() if name in known and name != kind.key}
    for name in _DATES:
        if found.get(name) is not None:
            found[name] = day_of(found[name], name)
    for name in (*_TEXTS, kind.number, "Type", "Status", "LineAmountTypes", "CurrencyCode"):
        if found.get(name) is not None:
            text_of(found[name], name)
    if found.get("Type") == "ACCPAY":
        found.pop("Reference", None)
    number = found.get(kind.number) or ""
    if len(number) > _LONGEST_NUMBER or not (number.isascii() and (number + " ").isprintable()):
        raise BusinessError(f"{kind.number} must be up to 255 printable ASCII characters")
    return found


def _create(books: Books, kind: Kind, sent: Row, writing: Writing) -> Row:
    own = sent.get("Type")
    if own not in _TYPES[kind.endpoint]:
        raise BusinessError(f"Type must be one of {', '.join(_TYPES[kind.endpoint])}")
    status = sent.get("Status") or "DRAFT"
    if status not in {"DRAFT", "SUBMITTED", "AUTHORISED"}:
        raise BusinessError(f"A new document cannot have the status {status}")
    if not sent.get("Contact"):
        raise BusinessError("A Contact must be specified for this type of transaction")
    row: Row = {
        "Type": own,
        "Status": "DRAFT",
        "Date": books.today(),
        "LineAmountTypes": "Exclusive",
        "LineItems": [],
        "HasAttachments": False,
        "SentToContact": False,
        "_payments": (),
        "_allocations": (),
        **{name: value for name, value in sent.items() if name not in {"Contact", "LineItems"}},
    }
    row["Date"] = row["Date"] or books.today()
    row["_contact"] = contacts.resolve(books, sent["Contact"])["ContactID"]
    _number(books, kind, row)
    _currency(books, row)
    row |= _sums(books, row, sent.get("LineItems") or [], [], writing)
    _check(books, kind, row, was="")
    return _with_roles(books, books.insert(kind.endpoint, settling.settled(books, row)))


def _number(books: Books, kind: Kind, row: Row) -> None:
    own, number = row["Type"], row.get(kind.number)
    if own not in _OWN_NUMBERS:
        return
    if not number:
        row[kind.number] = books.next_number(_OWN_NUMBERS[own])
        while _numbered(books, kind, own, row[kind.number]):
            row[kind.number] = books.next_number(_OWN_NUMBERS[own])
        return
    other = _numbered(books, kind, own, number)
    if other is not None and other[kind.key] != row.get(kind.key):
        raise BusinessError(f"{kind.endpoint.removesuffix('s')} # must be unique.")


def _currency(books: Books, row: Row) -> None:
    code = row.get("CurrencyCode") or books.currency
    if code not in books.tables["Currencies"]:
        raise BusinessError(f"Organisation is not subscribed to currency {code}")
    if code != books.currency and "UseMulticurrency" in books.denied:
        raise BusinessError("The organisation's plan does not include multiple currencies")
    row["CurrencyCode"] = code
    sent = row.get("CurrencyRate")
    rate = books.day_rates[code] if not sent else number_of(sent, "CurrencyRate")
    row["CurrencyRate"] = Decimal(1) if code == books.currency else rounded(rate, 6)


def _sums(books: Books, row: Row, sent: Any, before: list[Row], writing: Writing) -> Row:
    if row["LineAmountTypes"] not in lines.MODES:
        raise BusinessError(f"LineAmountTypes {row['LineAmountTypes']} is not valid")
    side = Side(
        sold=settling.sold(row),
        discounts=row["Type"] == "ACCREC",
        draft=row["Status"] not in {"SUBMITTED", *_LIVE},
        mode=row["LineAmountTypes"],
    )
    sums = lines.computed(books, sent, before, side, writing)
    return {
        "LineItems": sums.lines,
        "SubTotal": sums.net,
        "TotalTax": sums.tax,
        "Total": sums.total,
    }


def _check(books: Books, kind: Kind, row: Row, *, was: str) -> None:
    """What holds for every document that is not a draft, and for the step that makes it so."""
    books.must_be_open(row["Date"])
    if row["Total"] < ZERO:
        raise BusinessError("The document total must be greater than or equal to zero.")
    if row["Status"] == "DRAFT":
        return
    if not row["LineItems"]:
        raise BusinessError("At least one line item is required")
    if row["Status"] != "AUTHORISED" or was in _LIVE:
        return
    if kind.endpoint == "Invoices" and row.get("DueDate") is None:
        raise BusinessError("The due date is required to approve a document")
    action = "CreateApprovedInvoice" if settling.sold(row) else "CreateApprovedBill"
    if action in books.denied:
        raise BusinessError(f"{action} is not allowed")
    if books.approvals_left is not None:
        if books.approvals_left < 1:
            raise BusinessError("You have reached the limit of invoices you can approve")
        books.approvals_left -= 1


def _update(books: Books, kind: Kind, sent: Row, before: Row, writing: Writing) -> Row:
    was = before["Status"]
    if was in FINAL:
        raise BusinessError(NOT_VALID)
    books.must_be_open(before["Date"])
    if sent.get("Type", before["Type"]) != before["Type"]:
        raise BusinessError("The type of a document cannot be changed")
    if before["Type"] == "ACCPAY":
        sent.pop("Reference", None)
    status = _next_status(books, was, sent)
    if status in FINAL:
        if settling.applied(before):
            raise BusinessError(f"{NOT_VALID}: something has been applied to it")
        gone = settling.settled(books, {**before, "Status": status})
        return _with_roles(books, books.put(kind.endpoint, gone))
    if settling.applied(before) or was == "PAID":
        return _edit_applied(books, kind, sent, before, writing)
    changes = {name: value for name, value in sent.items() if name not in {"Contact", "LineItems"}}
    row = {**before, **{n: v for n, v in changes.items() if v is not None}, "Status": status}
    if sent.get("Contact"):
        row["_contact"] = contacts.resolve(books, sent["Contact"])["ContactID"]
    _number(books, kind, row)
    if "CurrencyCode" in sent and row["CurrencyCode"] != before["CurrencyCode"]:
        row["CurrencyRate"] = sent.get("CurrencyRate")
    _currency(books, row)
    if "LineItems" in sent or row["LineAmountTypes"] != before["LineAmountTypes"]:
        given = sent.get("LineItems", before["LineItems"])
        row |= _sums(books, row, given, before["LineItems"], writing)
    elif was in _OPEN and status == "AUTHORISED":
        # Lines that were good enough for a draft are looked at again.
        again = [{"LineItemID": line["LineItemID"]} for line in before["LineItems"]]
        row |= _sums(books, row, again, before["LineItems"], writing)
    _check(books, kind, row, was=was)
    return _with_roles(books, books.put(kind.endpoint, settling.settled(books, row)))


def _next_status(books: Books, was: str, sent: Row) -> str:
    said = sent.get("Status")
    if said is None:
        if was in _LIVE and books.rules().status_must_be_repeated:
            raise BusinessError(NOT_VALID)
        return was
    allowed = {
        "DRAFT": {"DRAFT", "SUBMITTED", "AUTHORISED", "DELETED"},
        "SUBMITTED": {"DRAFT", "SUBMITTED", "AUTHORISED", "DELETED"},
        "AUTHORISED": {"AUTHORISED", "VOIDED"},
        "PAID": {"AUTHORISED", "PAID", "VOIDED"},
    }
    if said not in allowed[was]:
        raise BusinessError(f"{NOT_VALID}: {was} cannot become {said}")
    return str(said)


def _edit_applied(books: Books, kind: Kind, sent: Row, before: Row, writing: Writing) -> Row:
    """A few fields may change when something is paid or credited; `DueDate` leaves no trace."""
    changes: Row = {}
    for name, value in sent.items():
        if name in {"Contact", "LineItems", "Status"} or value is None:
            continue
        if name == "CurrencyRate":
            value = number_of(value, name)  # noqa: PLW2901  # 1 and 1.0 are the same rate
        if before.get(name) == value:
            continue
        if name not in _AFTER_PAYMENT and name != kind.number:
            raise BusinessError(f"{name} cannot be changed: something has been applied to it")
        changes[name] = value
    row = {**before, **changes}
    _number(books, kind, row)
    if sent.get("Contact"):
        row["_contact"] = contacts.resolve(books, sent["Contact"])["ContactID"]
        if row["_contact"] != before["_contact"]:
            changes["Contact"] = row["_contact"]
            if before["_allocations"]:
                raise BusinessError("Contact cannot be changed: a credit has been applied to it")
    if "LineItems" in sent:
        row["LineItems"] = _edit_lines(books, row, sent["LineItems"], writing)
        if row["LineItems"] != before["LineItems"]:
            changes["LineItems"] = True
    if changes.keys() <= _POSTS_NOTHING:
        return books.put_quietly(kind.endpoint, row)
    return _with_roles(books, books.put(kind.endpoint, row))


def _edit_lines(books: Books, row: Row, sent: Any, writing: Writing) -> list[Row]:
    before = {line["LineItemID"]: line for line in row["LineItems"]}
    after: list[Row] = _sums(books, row, sent, row["LineItems"], writing)["LineItems"]
    if [line["LineItemID"] for line in after] != list(before):
        raise BusinessError("Lines cannot be added or removed: something has been applied to it")
    for line in after:
        old = before[line["LineItemID"]]
        changed = {name for name in line if line[name] != old.get(name)}
        if forbidden := changed - _LINE_AFTER_PAYMENT:
            text = f"{', '.join(sorted(forbidden))} of a line cannot be changed"
            raise BusinessError(f"{text}: something has been applied to it")
    return after


def _with_roles(books: Books, row: Row) -> Row:
    """Let the contact be customer or supplier, which moves no date."""
    contact = books.get("Contacts", row["_contact"])
    role = "IsCustomer" if settling.sold(row) else "IsSupplier"
    if row["Status"] in _LIVE and not contact.get(role):
        books.put_quietly("Contacts", contact, **{role: True})
    return row
