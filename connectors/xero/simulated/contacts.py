"""Contacts: unique names among active ones, and what documents may say about them.

Source: developer.xero.com "Contacts" as others keep it, read 2026-11-20. Ours, because no source
decides: that `POST` finds a contact by `ContactID` or `ContactNumber` and never by name, and that
documents cannot name an archived contact.
"""

import re
from typing import Any

from connectors.xero.simulated.lines import Writing
from connectors.xero.simulated.store import Books, BusinessError
from connectors.xero.simulated.values import Malformed, Row, guid_of, list_of, object_of, text_of

_TEXTS = {
    "Name": 255,
    "ContactNumber": 50,
    "AccountNumber": 50,
    "FirstName": 255,
    "LastName": 255,
    "EmailAddress": 255,
    "TaxNumber": 50,
    "CompanyNumber": 50,
    "DefaultCurrency": 3,
    "BankAccountDetails": 255,
    "AccountsReceivableTaxType": 50,
    "AccountsPayableTaxType": 50,
}
"""Field → its longest value; only the one of `ContactNumber` is certain."""
_LISTS = {
    "Addresses": ("AddressType", {"STREET", "POBOX", "DELIVERY"}),
    "Phones": ("PhoneType", {"DEFAULT", "DDI", "MOBILE", "FAX"}),
    "ContactPersons": (None, set()),
}
_OBJECTS = frozenset({"PaymentTerms"})
_STATUSES = frozenset({"ACTIVE", "ARCHIVED"})
_IGNORED = frozenset(
    {
        "ContactID",
        "IsCustomer",
        "IsSupplier",
        "Balances",
        "UpdatedDateUTC",
        "ContactGroups",
        "HasAttachments",
        "HasValidationErrors",
        "MergedToContactID",
        "SalesTrackingCategories",
        "PurchasesTrackingCategories",
    }
)
"""What it gives and does not take: computed, or kept elsewhere."""
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def match(books: Books, body: Row, writing: Writing) -> Row | None:
    """Which contact a request is about; None: a new one.

    Raises:
        BusinessError: It names one that is not there.
    """
    if body.get("ContactID"):
        row = books.tables["Contacts"].get(guid_of(body["ContactID"], "ContactID"))
        if row is None or writing.creates:
            raise BusinessError("The contact could not be found")
        return row
    if body.get("ContactNumber") and not writing.creates:
        return books.find("Contacts", ContactNumber=body["ContactNumber"])
    return None


def write(books: Books, body: Row, before: Row | None, _writing: Writing) -> Row:
    """Create or change a contact.

    Raises:
        BusinessError: The books do not take it.
    """
    changes = _read(body)
    if before is not None and before["ContactStatus"] != "ACTIVE":
        if changes.keys() != {"ContactStatus"}:
            raise BusinessError("The contact is archived and cannot be changed")
    elif before is None and not changes.get("Name"):
        raise BusinessError("The contact name must be specified.")
    row = {"ContactStatus": "ACTIVE", "Addresses": [], "Phones": [], "ContactPersons": []}
    made: Row = {**row, **(before or {}), **changes}
    if made["ContactStatus"] == "ACTIVE":
        _must_be_unique(books, made, None if before is None else before["ContactID"])
    currency = made.get("DefaultCurrency")
    if currency and currency not in books.tables["Currencies"]:
        raise BusinessError(f"Organisation is not subscribed to currency {currency}")
    return books.insert("Contacts", made) if before is None else books.put("Contacts", made)


def _read(body: Row) -> Row:
    found: Row = {}
    for name, value in body.items():
        if name in _IGNORED:
            continue
        if name in _TEXTS:
            found[name] = None if value is None else text_of(value, name).strip()
            if found[name] and len(found[name]) > _TEXTS[name]:
                raise BusinessError(f"{name} must not exceed {_TEXTS[name]} characters")
        elif name in _LISTS:
            found[name] = _checked_list(name, value)
        elif name in _OBJECTS:
            found[name] = object_of(value, name)
        elif name == "ContactStatus":
            if value not in _STATUSES:
                raise BusinessError(f"ContactStatus {value} is not valid")
            found[name] = value
        else:
            raise Malformed(f"Contacts: {name} is not modelled")
    if found.get("EmailAddress") and not _EMAIL.fullmatch(found["EmailAddress"]):
        raise BusinessError("Email address must be valid.")
    if "Name" in found and not found["Name"]:
        raise BusinessError("The contact name must be specified.")
    return found


def _checked_list(name: str, value: Any) -> list[Row]:
    kind, allowed = _LISTS[name]
    rows = list_of(value or [], name)
    for one in rows:
        if kind is not None and one.get(kind) not in allowed:
            raise BusinessError(f"{kind} {one.get(kind)} is not valid")
    return rows


def _must_be_unique(books: Books, row: Row, own_id: str | None) -> None:
    name, number = str(row["Name"]).casefold(), row.get("ContactNumber")
    for other in books.rows("Contacts"):
        if other["ContactID"] == own_id or other["ContactStatus"] != "ACTIVE":
            continue
        if str(other["Name"]).casefold() == name:
            raise BusinessError(
                f"The contact name {row['Name']} is already assigned to another contact."
                " The contact name must be unique across all active contacts."
            )
        if number and other.get("ContactNumber") == number:
            raise BusinessError(
                f"The contact number {number} is already assigned to another contact."
            )


def resolve(books: Books, sent: Any) -> Row:
    """The contact that a document names.

    A bare name that is not there makes a new contact; other fields beside an id change it.

    Raises:
        BusinessError: There is none, or it is archived.
    """
    body = object_of(sent, "Contact")
    writing = Writing()
    found = match(books, body, writing)
    if found is None and body.get("Name"):
        name = text_of(body["Name"], "Name").strip().casefold()
        active = (row for row in books.rows("Contacts") if row["ContactStatus"] == "ACTIVE")
        found = next((row for row in active if str(row["Name"]).casefold() == name), None)
    if found is None:
        return write(books, body, None, writing)
    if found["ContactStatus"] != "ACTIVE":
        raise BusinessError(f"The contact {found['Name']} is archived")
    new = {name: value for name, value in _read(body).items() if found.get(name) != value}
    if new and body.get("ContactID"):
        # What is not said about contact persons is lost.
        changed = {"ContactPersons": body.get("ContactPersons", []), **new}
        return write(books, changed, found, writing)
    return found
