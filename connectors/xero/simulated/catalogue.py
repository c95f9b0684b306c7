"""Items, accounts, tax rates, currencies: what documents refer to.

Source: developer.xero.com "Items", "Accounts", "Tax rates" as others keep them, read 2026-11-20.
Tracked inventory is not modelled.
"""

from decimal import Decimal
from typing import Any

from connectors.xero.simulated.lines import Writing
from connectors.xero.simulated.store import Books, BusinessError
from connectors.xero.simulated.values import (
    ZERO,
    Malformed,
    Row,
    guid_of,
    list_of,
    number_of,
    object_of,
    rounded,
    text_of,
)

CLASSES = {
    "BANK": "ASSET",
    "CURRENT": "ASSET",
    "FIXED": "ASSET",
    "INVENTORY": "ASSET",
    "NONCURRENT": "ASSET",
    "PREPAYMENT": "ASSET",
    "EQUITY": "EQUITY",
    "DEPRECIATN": "EXPENSE",
    "DIRECTCOSTS": "EXPENSE",
    "EXPENSE": "EXPENSE",
    "OVERHEADS": "EXPENSE",
    "CURRLIAB": "LIABILITY",
    "LIABILITY": "LIABILITY",
    "PAYG": "LIABILITY",
    "TERMLIAB": "LIABILITY",
    "OTHERINCOME": "REVENUE",
    "REVENUE": "REVENUE",
    "SALES": "REVENUE",
}
"""Type of an account → its class."""
APPLIES_TO = ("Assets", "Equity", "Expenses", "Liabilities", "Revenue")
_ITEM = {"Code": 30, "Name": 50, "Description": 4000, "PurchaseDescription": 4000}
_ITEM_IGNORED = frozenset({"ItemID", "UpdatedDateUTC", "IsTrackedAsInventory"})
_DETAILS = frozenset({"UnitPrice", "AccountCode", "TaxType"})
_ACCOUNT = frozenset({"Code", "Name", "Type", "Description", "TaxType", "Status"}) | {
    "EnablePaymentsToAccount",
    "BankAccountNumber",
    "CurrencyCode",
}
_ACCOUNT_IGNORED = frozenset({"AccountID", "Class", "SystemAccount", "UpdatedDateUTC"}) | {
    "HasAttachments",
    "ReportingCode",
    "ShowInExpenseClaims",
    "BankAccountType",
    "AddToWatchlist",
}
_LONGEST_CODE = 10


def match_item(books: Books, body: Row, writing: Writing) -> Row | None:
    """Which item a request is about, by id or code; None: a new one."""
    if body.get("ItemID") and not writing.creates:
        row = books.tables["Items"].get(guid_of(body["ItemID"], "ItemID"))
        if row is None:
            raise BusinessError("The item could not be found")
        return row
    return None if writing.creates else books.find("Items", Code=body.get("Code"))


def write_item(books: Books, body: Row, before: Row | None, writing: Writing) -> Row:
    """Create or change an item.

    Raises:
        BusinessError: The books do not take it.
    """
    row: Row = {"IsSold": True, "IsPurchased": True, "IsTrackedAsInventory": False}
    row |= before or {}
    for name, value in body.items():
        if name in _ITEM:
            row[name] = None if value is None else text_of(value, name)
            if row[name] and len(row[name]) > _ITEM[name]:
                raise BusinessError(f"{name} must not exceed {_ITEM[name]} characters")
        elif name in {"SalesDetails", "PurchaseDetails"}:
            row[name] = _details(books, object_of(value or {}, name), writing)
        elif name in {"IsSold", "IsPurchased"}:
            row[name] = bool(value)
        elif name not in _ITEM_IGNORED:
            raise Malformed(f"Items: {name} is not modelled")
    if not row.get("Code"):
        raise BusinessError("Item Code must be specified")
    other = books.find("Items", Code=row["Code"])
    if other is not None and other["ItemID"] != row.get("ItemID"):
        raise BusinessError(f"Item Code '{row['Code']}' is already in use")
    return books.insert("Items", row) if before is None else books.put("Items", row)


def _details(books: Books, sent: Row, writing: Writing) -> Row:
    if unknown := sent.keys() - _DETAILS:
        raise Malformed(f"Items: {', '.join(sorted(unknown))} is not modelled")
    found = {name: value for name, value in sent.items() if value is not None}
    if "UnitPrice" in found:
        found["UnitPrice"] = rounded(number_of(found["UnitPrice"], "UnitPrice"), writing.digits)
    code, kind = found.get("AccountCode"), found.get("TaxType")
    account = books.find("Accounts", Code=code) if code else None
    if code and (account is None or account["Status"] != "ACTIVE"):
        raise BusinessError(f"Account code '{code}' is not a valid code for this item")
    if kind and kind not in books.tables["TaxRates"]:
        raise BusinessError(f"The TaxType code '{kind}' does not exist")
    return found


def match_account(books: Books, body: Row, writing: Writing) -> Row | None:
    """Which account a request is about; None: a new one."""
    if not body.get("AccountID") or writing.creates:
        return None
    row = books.tables["Accounts"].get(guid_of(body["AccountID"], "AccountID"))
    if row is None:
        raise BusinessError("The account could not be found")
    return row


def write_account(books: Books, body: Row, before: Row | None, _writing: Writing) -> Row:
    """Create or change an account.

    Raises:
        BusinessError: The books do not take it.
    """
    if unknown := body.keys() - _ACCOUNT - _ACCOUNT_IGNORED:
        raise Malformed(f"Accounts: {', '.join(sorted(unknown))} is not modelled")
    sent = {name: value for name, value in body.items() if name in _ACCOUNT and value is not None}
    row = {"Status": "ACTIVE", "EnablePaymentsToAccount": False, **(before or {}), **sent}
    if row.get("Type") not in CLASSES:
        raise BusinessError("A valid account type must be specified")
    code = row.get("Code")
    if not row.get("Name") or (not code and row["Type"] != "BANK"):
        raise BusinessError("Code and Name must be specified")
    if code and len(code) > _LONGEST_CODE:
        raise BusinessError(f"Code must not exceed {_LONGEST_CODE} characters")
    for field in ("Code", "Name"):
        other = books.find("Accounts", **{field: row[field]}) if row.get(field) else None
        if other is not None and other["AccountID"] != row.get("AccountID"):
            raise BusinessError(f"Please enter a unique {field}.")
    if before is not None and before.get("SystemAccount") and sent.get("Status") == "ARCHIVED":
        raise BusinessError("A system account cannot be archived")
    row |= {"Class": CLASSES[row["Type"]], "TaxType": row.get("TaxType") or books.no_tax}
    return books.insert("Accounts", row) if before is None else books.put("Accounts", row)


def match_rate(books: Books, body: Row, writing: Writing) -> Row | None:
    """Which tax rate a request is about; None: a new one."""
    return None if writing.creates else books.tables["TaxRates"].get(body.get("TaxType") or "")


def write_rate(books: Books, body: Row, before: Row | None, _writing: Writing) -> Row:
    """Create a rate, or archive one of one's own; system rates cannot be changed.

    Raises:
        BusinessError: The books do not take it.
    """
    if before is not None:
        if not str(before["TaxType"]).startswith("TAX"):
            raise BusinessError("System tax rates cannot be changed")
        if unknown := body.keys() - {"TaxType", "Name", "Status"}:
            raise Malformed(f"TaxRates: a change of {', '.join(sorted(unknown))} is not modelled")
        status = body.get("Status", before["Status"])
        return books.put("TaxRates", before, Status=status, Name=body.get("Name", before["Name"]))
    parts = list_of(body.get("TaxComponents") or [], "TaxComponents")
    if not body.get("Name") or not parts:
        raise BusinessError("Name and TaxComponents must be specified")
    if books.find("TaxRates", Name=body["Name"]):
        raise BusinessError("A tax rate with this name exists already")
    components = [
        {
            "Name": text_of(part.get("Name"), "Name"),
            "Rate": number_of(part.get("Rate"), "Rate"),
            "IsCompound": bool(part.get("IsCompound")),
            "IsNonRecoverable": bool(part.get("IsNonRecoverable")),
        }
        for part in parts
    ]
    number = sum(name.startswith("TAX") for name in books.tables["TaxRates"]) + 1
    return books.insert("TaxRates", rate_row(f"TAX{number:03d}", body["Name"], components))


def rate_row(
    kind: str, name: str, components: list[Row], applies_to: tuple[str, ...] = APPLIES_TO
) -> Row:
    """A tax rate with what follows from its components; compound ones come on top of others."""
    simple = sum((one["Rate"] for one in components if not one["IsCompound"]), ZERO)
    whole = simple
    for one in components:
        if one["IsCompound"]:
            whole += one["Rate"] * (1 + simple / 100)
    return {
        "TaxType": kind,
        "Name": name,
        "Status": "ACTIVE",
        "TaxComponents": components,
        "DisplayTaxRate": rounded(Decimal(whole), 4),
        "EffectiveRate": rounded(Decimal(whole), 4),
        **{f"CanApplyTo{where}": where in applies_to for where in APPLIES_TO},
    }


def write_currency(books: Books, body: Row, before: Row | None, _writing: Writing) -> Row:
    """Enable a currency.

    Raises:
        BusinessError: It is enabled already, or the plan has one only.
    """
    code: Any = body.get("Code")
    if "UseMulticurrency" in books.denied:
        raise BusinessError("The organisation's plan does not include multiple currencies")
    if before is not None or code in books.tables["Currencies"]:
        raise BusinessError(f"Currency {code} is enabled already")
    if code not in books.day_rates:
        raise BusinessError(f"Currency {code} is not known")
    return books.insert("Currencies", {"Code": code, "Description": code})
