"""Manual journals: lines that balance, in the base currency.

Source: developer.xero.com "Manual journals" as others keep it, read 2026-11-20. Ours, because no
source decides: that lines are replaced as a whole on an update, and that a posted journal may be
edited as long as its period is open.
"""

from decimal import Decimal

from connectors.xero.simulated import lines
from connectors.xero.simulated.lines import Writing
from connectors.xero.simulated.store import Books, BusinessError
from connectors.xero.simulated.values import (
    ZERO,
    Malformed,
    Row,
    cents,
    day_of,
    guid_of,
    list_of,
    number_of,
    text_of,
)

_FIELDS = frozenset({"ManualJournalID", "Narration", "Date", "Status", "LineAmountTypes"}) | {
    "JournalLines",
    "Url",
    "ShowOnCashBasisReports",
}
_IGNORED = frozenset({"UpdatedDateUTC", "HasAttachments"})
_LINE = frozenset({"LineAmount", "AccountCode", "AccountID", "Description", "TaxType"}) | {
    "TaxAmount",
    "Tracking",
}
_MOVES = {
    None: {"DRAFT", "POSTED"},
    "DRAFT": {"DRAFT", "POSTED", "DELETED"},
    "POSTED": {"POSTED", "VOIDED"},
}


def match(books: Books, body: Row, writing: Writing) -> Row | None:
    """Which journal a request is about; None: a new one."""
    if not body.get("ManualJournalID") or writing.creates:
        return None
    row = books.tables["ManualJournals"].get(guid_of(body["ManualJournalID"], "ManualJournalID"))
    if row is None:
        raise BusinessError("The manual journal could not be found")
    return row


def write(books: Books, body: Row, before: Row | None, _writing: Writing) -> Row:
    """Create or change a journal.

    Raises:
        BusinessError: The books do not take it.
    """
    if unknown := body.keys() - _FIELDS - _IGNORED:
        raise Malformed(f"ManualJournals: {', '.join(sorted(unknown))} is not modelled")
    was = None if before is None else before["Status"]
    status = body.get("Status") or was or "DRAFT"
    if status not in _MOVES.get(was, set()):
        raise BusinessError("The manual journal is not of valid status for modification")
    if before is not None:
        books.must_be_open(before["Date"], "journal")
    sent = {name: value for name, value in body.items() if name in _FIELDS and value is not None}
    row: Row = {
        "Date": books.today(),
        "LineAmountTypes": "NoTax",
        "ShowOnCashBasisReports": True,
        "HasAttachments": False,
        "JournalLines": [],
        **(before or {}),
        **sent,
        "Status": status,
    }
    if "Date" in sent:
        row["Date"] = day_of(sent["Date"], "Date")
    if not text_of(row.get("Narration") or "", "Narration"):
        raise BusinessError("Narration must be specified")
    books.must_be_open(row["Date"], "journal")
    if "JournalLines" in sent or "LineAmountTypes" in sent:
        row["JournalLines"] = _lines(books, row)
    if before is None:
        return books.insert("ManualJournals", row)
    return books.put("ManualJournals", row)


def _lines(books: Books, row: Row) -> list[Row]:
    found = [_line(books, one, row["LineAmountTypes"]) for one in list_of(row["JournalLines"], "")]
    if len(found) < 2:  # noqa: PLR2004  # debit and credit
        raise BusinessError("A manual journal must have at least two lines")
    on_top = row["LineAmountTypes"] == "Exclusive"
    amounts = [one["LineAmount"] + (one["TaxAmount"] if on_top else ZERO) for one in found]
    debits = sum((amount for amount in amounts if amount > 0), ZERO)
    credited = -sum((amount for amount in amounts if amount < 0), ZERO)
    if debits != credited:
        raise BusinessError(f"The total debits ({debits}) must equal total credits ({credited})")
    return found


def _line(books: Books, sent: Row, mode: str) -> Row:
    if unknown := sent.keys() - _LINE - {"IsBlank"}:
        raise Malformed(f"JournalLines: {', '.join(sorted(unknown))} is not modelled")
    if mode not in lines.MODES:
        raise BusinessError(f"LineAmountTypes {mode} is not valid")
    code = sent.get("AccountCode")
    account = books.find("Accounts", Code=code) if code else None
    if account is None and sent.get("AccountID"):
        account = books.tables["Accounts"].get(guid_of(sent["AccountID"], "AccountID"))
    if account is None or account["Status"] != "ACTIVE" or not lines.usable(account):
        shown = code or sent.get("AccountID")
        raise BusinessError(f"Account code '{shown}' is not a valid code for this document.")
    amount = cents(number_of(sent.get("LineAmount"), "LineAmount"))
    kind = sent.get("TaxType") or (books.no_tax if mode == "NoTax" else account.get("TaxType"))
    rate = books.tables["TaxRates"].get(kind or "")
    if rate is None or rate["Status"] != "ACTIVE":
        raise BusinessError(f"The TaxType code '{kind}' does not exist")
    said = sent.get("TaxAmount")
    tax: Decimal = lines.taxed(amount, rate, mode)
    if said is not None and mode != "NoTax":
        tax = cents(number_of(said, "TaxAmount"))
    return {
        "LineAmount": amount,
        "AccountCode": account.get("Code"),
        "AccountID": account["AccountID"],
        "Description": sent.get("Description"),
        "TaxType": kind,
        "TaxAmount": tax,
        "Tracking": sent.get("Tracking") or [],
        "IsBlank": False,
    }
