"""Line items and what they add up to: tax is rounded by line, then summed.

Source: developer.xero.com "Invoices" and "Rounding in Xero" as others keep them, read 2026-11-20.
Our words, because no source has them: refusals other than those about line totals and tax types.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from connectors.xero.simulated.store import Books, BusinessError
from connectors.xero.simulated.values import (
    ZERO,
    Malformed,
    Row,
    cents,
    guid_of,
    list_of,
    number_of,
    rounded,
    text_of,
)

FIELDS = frozenset(
    {
        "LineItemID",
        "Description",
        "Quantity",
        "UnitAmount",
        "ItemCode",
        "AccountCode",
        "AccountID",
        "TaxType",
        "TaxAmount",
        "LineAmount",
        "DiscountRate",
        "DiscountAmount",
        "Tracking",
    }
)
_AMOUNTS = frozenset({"Quantity", "UnitAmount", "LineAmount", "DiscountRate", "DiscountAmount"})
MODES = ("Exclusive", "Inclusive", "NoTax")
_LARGEST = Decimal("9999999999.99")
_LONGEST_TEXT, _LONGEST_QUANTITY, _MOST_TRACKING = 4000, 13, 2


@dataclass
class Writing:
    """How a request wants to be taken, and what there is to warn of."""

    digits: int = 2
    """Decimals of unit prices: 2, or 4 with `unitdp=4`."""
    creates: bool = False
    """PUT: never an update."""
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Side:
    """Which document the lines are of."""

    sold: bool
    discounts: bool
    """Only sales invoices have them."""
    draft: bool
    mode: str


@dataclass(frozen=True)
class Sums:
    """What lines come to."""

    lines: list[Row]
    net: Decimal
    tax: Decimal

    @property
    def total(self) -> Decimal:
        """With tax."""
        return self.net + self.tax


def computed(books: Books, sent: Any, before: list[Row], side: Side, writing: Writing) -> Sums:
    """The lines of a document, as sent over those that it has.

    Lines with a `LineItemID` are changed, lines without are new, lines not sent are gone.

    Raises:
        BusinessError: The books do not take them.
    """
    known = {line["LineItemID"]: line for line in before}
    lines, net, tax = [], ZERO, ZERO
    for one in list_of(sent, "LineItems"):
        line = _line(books, _merged(one, known), side, writing)
        line = {"LineItemID": line.pop("LineItemID", None) or books.new_id(), **line}
        lines.append(line)
        gross = side.mode == "Inclusive"
        net += line["LineAmount"] - (line["TaxAmount"] if gross else ZERO)
        tax += line["TaxAmount"]
    return Sums(lines, net, tax)


def _merged(sent: Row, known: dict[str, Row]) -> Row:
    if unknown := sent.keys() - FIELDS:
        raise Malformed(f"LineItems: {', '.join(sorted(unknown))} is not modelled")
    if not sent.get("LineItemID"):
        return sent
    line_id = guid_of(sent["LineItemID"], "LineItemID")
    if line_id not in known:
        raise BusinessError(f"Line item {line_id} does not belong to this document")
    before = known[line_id]
    kept: Row = {}
    if sent.keys() & _AMOUNTS:
        before = {**before, "LineAmount": None, "TaxAmount": None}
        if "UnitAmount" not in sent and "LineAmount" in sent:
            before["UnitAmount"] = None
    elif sent.keys() & {"TaxType", "AccountCode", "AccountID", "ItemCode"}:
        before = {**before, "TaxAmount": None}
    if not sent.keys() & _AMOUNTS:
        kept = {"_kept": {name: before.get(name) for name in _AMOUNTS}}
    if "AccountID" in sent and "AccountCode" not in sent:
        before = {**before, "AccountCode": None}
    return {**before, **sent, **kept, "LineItemID": line_id}


def _line(books: Books, sent: Row, side: Side, writing: Writing) -> Row:
    item = _item(books, sent, side)
    line: Row = {"LineItemID": sent.get("LineItemID")}
    description = sent.get("Description") or item.get("Description")
    if description is not None:
        line["Description"] = text_of(description, "Description")
        if len(line["Description"]) > _LONGEST_TEXT:
            raise BusinessError(f"Description exceeds {_LONGEST_TEXT} characters")
    amounts = sent.get("_kept") or _amounts({**item, **_given(sent)}, side, writing)
    account = _account(books, {**item, **_given(sent)}, side, writing)
    bare = amounts["LineAmount"] == ZERO and amounts["UnitAmount"] == ZERO and account is None
    if not description and not side.draft:
        raise BusinessError("Description is required")
    if account is None and not side.draft and not bare:
        raise BusinessError("Account code must be specified.")
    line |= amounts
    line["ItemCode"] = sent.get("ItemCode")
    if account is not None:
        line |= {"AccountCode": account.get("Code"), "AccountID": account["AccountID"]}
    line |= _tax(books, {**item, **_given(sent)}, account, line["LineAmount"], side)
    line["Tracking"] = _tracking(books, sent.get("Tracking") or [])
    return line


def _given(sent: Row) -> Row:
    return {name: value for name, value in sent.items() if value is not None}


def _item(books: Books, sent: Row, side: Side) -> Row:
    """What the item of a line says for what the line leaves out."""
    if not sent.get("ItemCode"):
        return {}
    item = books.find("Items", Code=sent["ItemCode"])
    if item is None:
        raise BusinessError(f"Item code '{sent['ItemCode']}' is not valid")
    details = item.get("SalesDetails" if side.sold else "PurchaseDetails") or {}
    text = item.get("Description" if side.sold else "PurchaseDescription")
    return _given(
        {
            "Description": text or item.get("Name"),
            "UnitAmount": None if sent.get("LineAmount") else details.get("UnitPrice"),
            "AccountCode": details.get("AccountCode"),
            "TaxType": details.get("TaxType"),
        }
    )


def _amounts(sent: Row, side: Side, writing: Writing) -> Row:
    quantity = number_of(sent.get("Quantity", 1), "Quantity")
    if len(format(quantity, "f")) > _LONGEST_QUANTITY:
        raise BusinessError("Quantity exceeds 13 characters")
    said = sent.get("LineAmount")
    amount = None if said is None else number_of(said, "LineAmount")
    if "UnitAmount" in sent:
        price = rounded(number_of(sent["UnitAmount"], "UnitAmount"), writing.digits)
    elif amount is not None and quantity:
        price = rounded(amount / quantity, 4)
    else:
        price = ZERO
    full = quantity * price if "UnitAmount" in sent or amount is None else amount
    rate, less = _discount(sent, full, side)
    expected = cents(full - less)
    if amount is not None and "UnitAmount" in sent and cents(amount) != expected:
        raise BusinessError(
            f"The line total {cents(amount)} does not match the expected line total {expected}"
        )
    if abs(expected) > _LARGEST:
        raise BusinessError(f"The line amount must not be greater than {_LARGEST}")
    found = {"Quantity": quantity, "UnitAmount": price, "LineAmount": expected}
    return {**found, "DiscountRate": rate, "DiscountAmount": less if less and not rate else None}


def _discount(sent: Row, full: Decimal, side: Side) -> tuple[Decimal | None, Decimal]:
    rate, amount = sent.get("DiscountRate"), sent.get("DiscountAmount")
    if not rate and not amount:
        return None, ZERO
    if not side.discounts:
        raise BusinessError("Discounts are only supported on sales invoices")
    if "UnitAmount" not in sent:
        raise BusinessError("A discount needs a unit amount")
    percent = number_of(rate, "DiscountRate") if rate else None
    less = number_of(amount, "DiscountAmount") if amount else ZERO
    if percent is not None:
        less = full * percent / 100
    if abs(less) > abs(full):
        raise BusinessError("Discount must not be greater than the line total")
    return percent, less


def _account(books: Books, sent: Row, side: Side, writing: Writing) -> Row | None:
    code, account_id = sent.get("AccountCode"), sent.get("AccountID")
    if code:
        account = books.find("Accounts", Code=text_of(code, "AccountCode"))
    elif account_id:
        account = books.tables["Accounts"].get(guid_of(account_id, "AccountID"))
    else:
        return None
    shown = code or account_id
    if account is not None and account["Status"] == "ACTIVE" and usable(account):
        return account
    if side.draft and account is None:
        writing.warnings.append(
            f"Account code '{shown}' has been removed as it does not match a recognised account"
        )
        return None
    raise BusinessError(f"Account code '{shown}' is not a valid code for this document.")


def usable(account: Row) -> bool:
    """Whether lines may name an account: no bank, none of the system's own."""
    return account["Type"] != "BANK" and not account.get("SystemAccount")


def _tax(books: Books, sent: Row, account: Row | None, amount: Decimal, side: Side) -> Row:
    if side.mode == "NoTax":
        return {"TaxType": books.no_tax, "TaxAmount": ZERO}
    kind = sent.get("TaxType") or (account or {}).get("TaxType")
    if kind is None:
        return {"TaxAmount": ZERO}
    rate = books.tables["TaxRates"].get(text_of(kind, "TaxType"))
    if rate is None or rate["Status"] != "ACTIVE" or not _applies(rate, account):
        raise BusinessError(
            f"The TaxType code '{kind}' does not exist"
            " or cannot be used for this type of transaction."
        )
    if sent.get("TaxAmount") is not None:
        return {"TaxType": kind, "TaxAmount": cents(number_of(sent["TaxAmount"], "TaxAmount"))}
    return {"TaxType": kind, "TaxAmount": taxed(amount, rate, side.mode)}


def taxed(amount: Decimal, rate: Row, mode: str) -> Decimal:
    """The tax on an amount that has it on top or within."""
    percent: Decimal = rate["EffectiveRate"]
    if mode == "Inclusive":
        return cents(amount - amount / (1 + percent / 100))
    return cents(amount * percent / 100) if mode == "Exclusive" else ZERO


def _applies(rate: Row, account: Row | None) -> bool:
    if account is None:
        return True
    classes = {
        "ASSET": "Assets",
        "EQUITY": "Equity",
        "EXPENSE": "Expenses",
        "LIABILITY": "Liabilities",
        "REVENUE": "Revenue",
    }
    return bool(rate[f"CanApplyTo{classes[account['Class']]}"])


def _tracking(books: Books, sent: list[Row]) -> list[Row]:
    if len(sent) > _MOST_TRACKING:
        raise BusinessError("A line may have at most two tracking categories")
    found = []
    for one in list_of(sent, "Tracking"):
        category = books.find("TrackingCategories", Name=one.get("Name")) or books.find(
            "TrackingCategories", TrackingCategoryID=one.get("TrackingCategoryID")
        )
        options = {} if category is None else {o["Name"]: o for o in category["Options"]}
        if category is None or one.get("Option") not in options:
            shown = f"{one.get('Name')}: {one.get('Option')}"
            raise BusinessError(f"The tracking option {shown} does not exist")
        found.append(
            {
                "TrackingCategoryID": category["TrackingCategoryID"],
                "TrackingOptionID": options[one["Option"]]["TrackingOptionID"],
                "Name": category["Name"],
                "Option": one["Option"],
            }
        )
    return found
