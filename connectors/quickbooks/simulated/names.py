"""Name lists: customers, vendors, items, accounts. Nothing in them is deleted, only inactive."""

import re
from collections.abc import Mapping

from connectors.quickbooks.simulated import answers
from connectors.quickbooks.simulated.answers import Json, Refused
from connectors.quickbooks.simulated.books import Books, Row, name_of
from connectors.quickbooks.simulated.entities import NAMES
from connectors.quickbooks.simulated.values import ZERO, flag, id_in, mapping, number, text

DELETED = " (deleted)"
_MOST = {"DisplayName": 500, "GivenName": 100, "MiddleName": 100, "FamilyName": 100, "Title": 16}
_SHORT = {"Suffix": 16, "CompanyName": 100}
_PARTS = ("Title", "GivenName", "MiddleName", "FamilyName", "Suffix")
_CODE = {"US": 7, "GB": 7}
CLASSES: Mapping[str, str] = {
    "Bank": "Asset",
    "Accounts Receivable": "Asset",
    "Other Current Asset": "Asset",
    "Fixed Asset": "Asset",
    "Other Asset": "Asset",
    "Accounts Payable": "Liability",
    "Credit Card": "Liability",
    "Other Current Liability": "Liability",
    "Long Term Liability": "Liability",
    "Equity": "Equity",
    "Income": "Revenue",
    "Other Income": "Revenue",
    "Expense": "Expense",
    "Other Expense": "Expense",
    "Cost of Goods Sold": "Expense",
}


def party(books: Books, entity: str, body: Json, old: Row | None) -> Json:
    """A customer or a vendor, checked."""
    kept = dict(body)
    for name, most in {**_MOST, **_SHORT}.items():
        kept[name] = text(body, name, most)
    spoken = " ".join(kept[name] for name in _PARTS if kept[name])
    shown = kept["DisplayName"] = (kept["DisplayName"] or spoken).strip()
    if not shown:
        raise answers.missing("DisplayName")
    if re.search(r"[:\t\r\n]", shown):
        raise answers.invalid("DisplayName", shown)
    address = text(mapping(body, "PrimaryEmailAddr"), "Address", 100)
    if address and ("@" not in address or "." not in address):
        raise answers.invalid("PrimaryEmailAddr.Address", address)
    kept["Active"] = flag(body, "Active", True)
    kept["CurrencyRef"] = _currency(books, body, old)
    parent = books.reference("Customer", body, "ParentRef") if entity == "Customer" else None
    kept["FullyQualifiedName"] = f"{name_of(parent)}:{shown}" if parent else shown
    _retire(kept, "DisplayName", old)
    _must_be_new(books, NAMES, "DisplayName", kept, old)
    return kept


def item(books: Books, body: Json, old: Row | None) -> Json:
    """A service or a thing that is sold without stock, checked."""
    kept = dict(body)
    kept["Name"] = _named(body, 100)
    kept["Description"] = text(body, "Description", 4000)
    kind = kept["Type"] = text(body, "Type", 20) or "Service"
    if kind not in {"Service", "NonInventory"}:
        raise answers.not_modelled(f"an Item of type {kind}")
    for name, kinds in (
        ("IncomeAccountRef", {"Income", "Other Income"}),
        ("ExpenseAccountRef", {"Expense", "Other Expense", "Cost of Goods Sold"}),
    ):
        account = books.reference("Account", body, name)
        if account is not None and account.body["AccountType"] not in kinds:
            raise answers.business(f"{name} must be an account of type {min(kinds)}.")
        kept[name] = account and {"value": account.id, "name": account.body["Name"]}
    have = [name for name in ("IncomeAccountRef", "ExpenseAccountRef") if kept[name]]
    both = books.rules.items_need_both_accounts and not books.american
    if len(have) < (2 if both else 1):
        raise answers.missing(
            "ExpenseAccountRef" if "IncomeAccountRef" in have else "IncomeAccountRef"
        )
    for name in ("UnitPrice", "PurchaseCost"):
        kept[name] = number(body, name) or ZERO
    kept["Taxable"] = flag(body, "Taxable", False)
    kept["Active"] = flag(body, "Active", True)
    for name in ("SalesTaxCodeRef", "PurchaseTaxCodeRef"):
        kept[name] = books.refer("TaxCode", body, name)
    kept["FullyQualifiedName"] = kept["Name"]
    _retire(kept, "Name", old)
    _must_be_new(books, ("Item",), "Name", kept, old)
    return kept


def account(books: Books, body: Json, old: Row | None) -> Json:
    """An account of the chart, checked."""
    kept = dict(body)
    name = kept["Name"] = _named(body, 100)
    if '"' in name or ":" in name:
        raise answers.invalid("Name", name)
    kept["AcctNum"] = text(body, "AcctNum", _CODE.get(books.country, 20))
    kind = text(body, "AccountType", 100)
    if kind is None:
        raise answers.missing("AccountType")
    if kind not in CLASSES:
        raise answers.invalid("AccountType", kind)
    parent = books.reference("Account", body, "ParentRef")
    above = parent.body["FullyQualifiedName"] if parent else ""
    kept["SubAccount"] = parent is not None
    kept["FullyQualifiedName"] = f"{above}:{name}" if parent else name
    kept["Classification"] = CLASSES[kind]
    kept["Active"] = flag(body, "Active", True)
    kept["CurrencyRef"] = _currency(books, body, old)
    _retire(kept, "Name", old)
    _must_be_new(books, ("Account",), "FullyQualifiedName", kept, old)
    return kept


def _named(body: Json, most: int) -> str:
    found = text(body, "Name", most)
    if not found:
        raise answers.missing("Name")
    return found


def _currency(books: Books, body: Json, old: Row | None) -> Json:
    given = id_in(body, "CurrencyRef")
    if old is not None:
        fixed: Json = old.body["CurrencyRef"]
        if given is not None and given != fixed["value"]:
            raise answers.business("The currency of a name cannot be changed.")
        return fixed
    if given not in {None, books.currency} and not books.preferences.multi_currency:
        raise answers.business("Multicurrency is not enabled for this company.")
    return {"value": given or books.currency, "name": given or books.currency}


def _retire(kept: Json, member: str, old: Row | None) -> None:
    """Whoever becomes inactive has that in the name; whoever comes back loses it."""
    was_active = old is None or old.body["Active"]
    name: str = kept[member]
    if was_active and not kept["Active"]:
        kept[member] = name.removesuffix(DELETED) + DELETED
    elif not was_active and kept["Active"]:
        kept[member] = name.removesuffix(DELETED)
    if kept[member] != name:
        whole: str = kept["FullyQualifiedName"]
        kept["FullyQualifiedName"] = whole.removesuffix(name) + kept[member]


def _must_be_new(
    books: Books, entities: tuple[str, ...], member: str, kept: Json, old: Row | None
) -> None:
    name = kept[member].casefold()
    for entity in entities:
        for row in books.rows(entity):
            if row is not old and row.body[member].casefold() == name:
                raise Refused(
                    "6240",
                    "Duplicate Name Exists Error",
                    f"The name supplied already exists. : Another {entity.lower()} is already "
                    f"using this name. Please use a different name. Id={row.id}",
                )
