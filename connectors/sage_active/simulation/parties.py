"""Customers, suppliers, products and accounts: made, changed as patches, deleted while unused."""

from collections.abc import Mapping
from typing import Any

from connectors.sage_active.simulation import taxes, terms
from connectors.sage_active.simulation.refusals import BusinessError, Row, collect, refuse_if
from connectors.sage_active.simulation.store import Books

CUSTOMERS, SUPPLIERS = "customers", "suppliers"
_CODES = {CUSTOMERS: (10000, 69999, "C"), SUPPLIERS: (70000, 99999, "F")}
_LISTS = {
    "ADDRESSES": "addresses",
    "CONTACTS": "contacts",
    "PAYMENT_TERM_LINES": "paymentTermLines",
}
_NESTED = ("emails", "phones", "socialMedias")
_USED_BY = {
    CUSTOMERS: (("salesInvoices", "customerId"),),
    SUPPLIERS: (("purchaseInvoices", "supplierId"),),
    "products": (("salesInvoiceLines", "productId"),),
    "accountingAccounts": (("accountingEntryLines", "subAccountId"),),
}
_CODE_LENGTHS = {"FR": range(4, 14), "ES": range(5, 14), "DE": range(4, 5)}


def create_party(books: Books, table: str, given: Row) -> Row:
    """Make a customer or supplier; returns its row."""
    code = given.get("code") or _next_code(books, table)
    _check_code(books, table, code)
    _check_identity(books, table, given, None)
    terms.check(given.get("paymentTermLines") or [])
    country = given.get("countryAcronym") or _first_country(books, given) or books.legislation
    refuse_if(not books.where("countries", isoCodeAlpha2=country), "global.recordNotFound")
    row = {name: value for name, value in given.items() if name not in {"disabled", "code"}}
    for name in _LISTS.values():
        row[name] = [child(books, one) for one in given.get(name) or []]
    default = "defaultCustomersAccountId" if table == CUSTOMERS else "defaultSuppliersAccountId"
    return books.insert(
        table,
        code=code,
        sourceType=books.source if books.source == "PUBLIC_API" else "GLOBAL",
        status="DISABLED" if given.get("disabled") else "ENABLED",
        **{
            "defaultAccountingAccountId": books.setup[default],
            "documentTypeId": _document_type(books, country),
            **row,
            "countryAcronym": country,
        },
    )


def update_party(books: Books, table: str, given: Row) -> Row:
    """Change what is given; lists by `requestedAction`, or whole with `replaceAll`."""
    row = books.get(table, given["id"])
    _check_identity(books, table, given, row["id"])
    replaced = {_LISTS[one] for one in given.get("replaceAll") or ()}
    changes = {
        name: value
        for name, value in given.items()
        if name not in {"id", "replaceAll", "disabled", *_LISTS.values()}
    }
    for name in _LISTS.values():
        if name in given:
            before = [] if name in replaced else row[name]
            changes[name] = _merged(books, before, given[name] or [])
    terms.check(changes.get("paymentTermLines", []))
    if given.get("disabled") is not None:
        changes["status"] = "DISABLED" if given["disabled"] else "ENABLED"
    return books.change(table, row, **changes)


def delete_unused(books: Books, table: str, given: Row) -> Row:
    """Delete what nothing refers to."""
    row = books.get(table, given["id"])
    used = any(books.where(other, **{key: row["id"]}) for other, key in _USED_BY[table])
    if table in _CODES:
        used = used or any(
            (line.get("accountingEntryThirdParty") or {}).get("thirdPartyId") == row["id"]
            for line in books.table("accountingEntryLines").values()
        )
    refuse_if(used, "global.recordInUse")
    books.remove(table, row)
    return row


def create_product(books: Books, given: Row) -> Row:
    """Make a product; its rate is that of its tax group."""
    code = given["code"]
    refuse_if(" " in code, "sales.codeCannotContainBlankSpaces")
    refuse_if(_code_taken(books, "products", code), "global.codeAlreadyExistInOrganization")
    group_id = given.get("taxGroupId") or books.setup["defaultTaxGroupId"]
    books.get("taxGroups", group_id)
    values = {
        "salesAccountingAccountId": books.setup["defaultSaleProductsAccountId"],
        "category": "PRODUCT",
        "obsolete": False,
        "useWithholding": False,
        **given,
        "taxGroupId": group_id,
        "salesVatPercentage": taxes.active_tax(books, group_id)["percentage"],
    }
    return books.insert("products", **values)


def update_product(books: Books, given: Row) -> Row:
    """Change what is given."""
    row = books.get("products", given["id"])
    changes = {name: value for name, value in given.items() if name != "id"}
    if group_id := changes.get("taxGroupId"):
        books.get("taxGroups", group_id)
        changes["salesVatPercentage"] = taxes.active_tax(books, group_id)["percentage"]
    return books.change("products", row, **changes)


def create_account(books: Books, given: Row) -> Row:
    """Make a sub-account of the length that the legislation and the organisation ask for."""
    code = given["code"]
    fits = len(code) in _CODE_LENGTHS[books.legislation] and code[:3].isdecimal()
    fits = fits and len(code) == books.setup["subAccountingLength"]
    refuse_if(not fits, "global.invalidCode")
    taken = books.where("accountingAccounts", code=code)
    refuse_if(taken, "global.codeAlreadyExistInOrganization")
    return books.insert(
        "accountingAccounts",
        **{
            "accountType": "INCOME_STATEMENT",
            "subAccountType": "UNDEFINED",
            "accountLevel": "SUB_ACCOUNT",
            "deactivated": False,
            "applyVat": False,
            "description": f"{code} {given['name']}",
            **given,
        },
    )


def update_account(books: Books, given: Row) -> Row:
    """Rename, deactivate, or give a tax code; code and level stay."""
    row = books.get("accountingAccounts", given["id"])
    changes = {name: value for name, value in given.items() if name != "id"}
    return books.change("accountingAccounts", row, **changes)


def _next_code(books: Books, table: str) -> str:
    first, _, letter = _CODES[table]
    taken = {row["code"] for row in books.table(table).values()}
    while True:
        number = books.count(f"code of {table}")
        code = str(first + number - 1) if books.legislation == "DE" else f"{letter}{number:05d}"
        if code not in taken:
            return code


def _check_code(books: Books, table: str, code: str) -> None:
    refuse_if(" " in code, "sales.codeCannotContainBlankSpaces")
    first, last, _ = _CODES[table]
    if books.legislation == "DE":
        fits = code.isdecimal() and first <= int(code) <= last
        refuse_if(not fits, "global.invalidCode", code=code)
    refuse_if(_code_taken(books, table, code), "global.codeAlreadyExistInOrganization", code=code)


def _code_taken(books: Books, table: str, code: str) -> bool:
    return any(row["code"].casefold() == code.casefold() for row in books.table(table).values())


def _check_identity(books: Books, table: str, given: Mapping[str, Any], own_id: str | None) -> None:
    others = [row for row in books.table(table).values() if row["id"] != own_id]

    def taken(name: str) -> bool:
        wanted = given.get(name)
        return bool(wanted) and any(row.get(name) == wanted for row in others)

    vat = given.get("vatNumber")
    invalid = books.legislation == "ES" and vat is not None and not vat[:2].isalpha()
    collect(
        [
            (taken("documentId"), "global.documentIdAlreadyExistInOrganization"),
            (taken("vatNumber"), "global.vatNumberAlreadyExistInOrganization"),
            (invalid, "global.invalidESVatNumber"),
        ]
    )


def _first_country(books: Books, given: Row) -> str | None:
    for address in given.get("addresses") or []:
        if code := address.get("countryIsoCodeAlpha2"):
            return str(code)
        if country := books.find("countries", address.get("countryId")):
            return str(country["isoCodeAlpha2"])
    return None


def _document_type(books: Books, country: str) -> str:
    european = books.one("countries", isoCodeAlpha2=country)["isEuropeanUnion"]
    code = "01" if country == books.legislation else "02" if european else "06"
    return str(books.one("documentTypes", code=code)["id"])


def child(books: Books, given: Row) -> Row:
    """An address, contact or line of terms, with ids of its own."""
    row = {name: value for name, value in given.items() if name != "requestedAction"}
    row["id"] = books.new_id()
    country = books.find("countries", row.get("countryId"))
    if "countryIsoCodeAlpha2" in row:
        found = books.where("countries", isoCodeAlpha2=row["countryIsoCodeAlpha2"])
        country = found[0] if found else None
        refuse_if(country is None, "global.recordNotFound", country=row["countryIsoCodeAlpha2"])
    if country is not None:
        row |= {"countryId": country["id"], "countryIsoCodeAlpha2": country["isoCodeAlpha2"]}
    if "surname" in row or "jobName" in row:
        row["fullName"] = " ".join(filter(None, (row.get("name"), row.get("surname"))))
    for name in _NESTED:
        if name in row:
            row[name] = [child(books, one) for one in row[name] or []]
    return row


def _merged(books: Books, before: list[Row], given: list[Row]) -> list[Row]:
    """A list after a patch: with an id = change or remove, without = add."""
    rows = {row["id"]: dict(row) for row in before}
    for one in given:
        if one.get("id") is None:
            new = child(books, one)
            rows[new["id"]] = new
            continue
        if one["id"] not in rows:
            raise BusinessError("global.recordNotFound", id=one["id"])
        if one.get("requestedAction") == "DELETE":
            del rows[one["id"]]
            continue
        old = rows[one["id"]]
        patch = child(books, one) | {"id": one["id"]}
        for name in _NESTED:
            if name in one:
                patch[name] = _merged(books, old.get(name) or [], one[name] or [])
        rows[one["id"]] = {**old, **patch}
    return list(rows.values())
