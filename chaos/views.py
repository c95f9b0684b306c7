"""The judge's view of each sort of simulator: what its books hold, not through any connector.

A document is known by the product's own name for it (`XI00012`) in one of its text fields, or,
where a ledger keeps no such field, by the mark that we write into it.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from models.canonical import ObjectType

LETTERS = {
    ObjectType.CONTACT: "C",
    ObjectType.INVOICE: "I",
    ObjectType.BILL: "B",
    ObjectType.CREDIT_NOTE: "N",
    ObjectType.PAYMENT: "P",
    ObjectType.JOURNAL_ENTRY: "J",
}
NAME = re.compile(r"\bX([CIBNPJ])\d{5}\b")
MARK = re.compile(r"\bLB-[0-9A-F]{16}\b")
GONE = frozenset({"void", "voided", "deleted", "reversed", "cancelled"})


@dataclass(frozen=True)
class Row:
    """One document that a ledger has."""

    kind: str
    """A type of ours."""
    name: str | None
    mark: str | None
    amount: str | None
    """With tax, in major units; None where a document has none."""
    state: str
    """open, void or draft."""


def _named(texts: Iterator[str], kinds: Mapping[ObjectType, str]) -> tuple[str | None, str | None]:
    """Our name and our mark among the texts of a row."""
    letters = set(kinds.values())
    name = mark = None
    for text in texts:
        for found in NAME.finditer(text):
            if found[1] in letters:
                name = name or found[0]
        if found_mark := MARK.search(text):
            mark = mark or found_mark[0]
    return name, mark


def _texts(row: Mapping[str, Any]) -> Iterator[str]:
    """The text fields of a row itself, not of what it refers to."""
    return (value for key, value in row.items() if isinstance(value, str) and key[:1] != "_")


def _row(
    row: Mapping[str, Any],
    kinds: tuple[ObjectType, ...],
    amount: Callable[[Mapping[str, Any]], Any],
    state: str,
) -> Row | None:
    letters = {kind: LETTERS[kind] for kind in kinds}
    name, mark = _named(_texts(row), letters)
    if name is None and mark is None:
        return None
    kind = next((one for one, letter in letters.items() if name and name[1] == letter), kinds[0])
    found = None if kind is ObjectType.CONTACT else amount(row)
    there = None if found is None else f"{abs(Decimal(str(found))):.2f}"
    return Row(kind.value, name, mark, there, state)


def plain(ledger: Any) -> list[Row]:
    """A plain ledger."""
    found = []
    for kind, letter in LETTERS.items():
        for entry in ledger.documents(kind):
            record = entry.record.model_dump(include={"number", "reference", "name", "description"})
            name, _ = _named(_texts(record), {kind: letter})
            if name is None and entry.marker is None:
                continue
            state = "draft" if entry.draft else "void" if entry.status == "void" else "open"
            total = None if entry.total is None else f"{entry.total:.2f}"
            found.append(Row(kind.value, name, entry.marker, total, state))
    return found


_APIDECK: Mapping[str, tuple[ObjectType, str]] = {
    "customers": (ObjectType.CONTACT, ""),
    "suppliers": (ObjectType.CONTACT, ""),
    "invoices": (ObjectType.INVOICE, "total"),
    "bills": (ObjectType.BILL, "total"),
    "credit-notes": (ObjectType.CREDIT_NOTE, "total_amount"),
    "payments": (ObjectType.PAYMENT, "total_amount"),
    "bill-payments": (ObjectType.PAYMENT, "total_amount"),
    "journal-entries": (ObjectType.JOURNAL_ENTRY, ""),
}


def apideck(ledger: Any) -> list[Row]:
    """A ledger behind Apideck."""

    def amount(row: Mapping[str, Any]) -> Any:
        if "line_items" in row and "total" not in row and "total_amount" not in row:
            lines = row["line_items"]
            return sum(Decimal(one["total_amount"]) for one in lines if one["type"] == "debit")
        return row.get("total", row.get("total_amount"))

    found = []
    for resource, (kind, _) in _APIDECK.items():
        for row in ledger.documents(resource):
            state = "void" if str(row.get("status")) in GONE else "open"
            if state == "void" and kind is ObjectType.CONTACT:
                continue
            found.append(_row(row, (kind,), amount, state))
    return [row for row in found if row is not None]


def sage_active(ledger: Any) -> list[Row]:
    """The French company of a Sage Active."""
    company = ledger.fr
    debits: defaultdict[str, Decimal] = defaultdict(Decimal)
    for line in company.rows("accountingEntryLines"):
        debits[line["accountingEntryId"]] += line.get("debitAmount") or Decimal(0)

    def liquid(row: Mapping[str, Any]) -> Any:
        return row["totalLiquid"]

    found = [
        _row(row, (ObjectType.CONTACT,), liquid, "open")
        for table in ("customers", "suppliers")
        for row in company.rows(table)
    ]
    for row in company.rows("salesInvoices"):
        state = "open" if row["operationalNumber"] else "draft"
        found.append(_row(row, (ObjectType.INVOICE,), liquid, state))
    found += [
        _row(row, (ObjectType.BILL,), liquid, "open") for row in company.rows("purchaseInvoices")
    ]
    entries = (ObjectType.JOURNAL_ENTRY, ObjectType.PAYMENT, ObjectType.CREDIT_NOTE)
    for row in company.rows("accountingEntries"):
        # What posting makes of a document carries the document's words, and is no second one.
        if row["sourceEntityId"] and row["sourceType"] != "BANKING":
            continue
        found.append(_row(row, entries, lambda one: debits[one["id"]], "open"))
    return [row for row in found if row is not None]


def xero(ledger: Any) -> list[Row]:
    """The British organisation of a Xero."""
    found = []
    for endpoint, kinds, field in (
        ("Contacts", (ObjectType.CONTACT,), ""),
        ("Invoices", (ObjectType.INVOICE, ObjectType.BILL), "Total"),
        ("CreditNotes", (ObjectType.CREDIT_NOTE,), "Total"),
        ("Payments", (ObjectType.PAYMENT,), "Amount"),
        ("ManualJournals", (ObjectType.JOURNAL_ENTRY,), ""),
    ):
        for row in ledger.uk.rows(endpoint):
            status = str(row.get("Status", "")).lower()
            state = "void" if status in GONE else "draft" if status == "draft" else "open"

            def amount(row: Mapping[str, Any], field: str = field) -> Any:
                if field:
                    return row[field]
                lines = (Decimal(one["LineAmount"]) for one in row["JournalLines"])
                return sum((one for one in lines if one > 0), Decimal(0))

            found.append(_row(row, kinds, amount, state))
    return [row for row in found if row is not None]


_QUICKBOOKS: Mapping[str, ObjectType] = {
    "Customer": ObjectType.CONTACT,
    "Vendor": ObjectType.CONTACT,
    "Invoice": ObjectType.INVOICE,
    "Bill": ObjectType.BILL,
    "CreditMemo": ObjectType.CREDIT_NOTE,
    "VendorCredit": ObjectType.CREDIT_NOTE,
    "Payment": ObjectType.PAYMENT,
    "BillPayment": ObjectType.PAYMENT,
    "JournalEntry": ObjectType.JOURNAL_ENTRY,
}


def quickbooks(ledger: Any) -> list[Row]:
    """The British company of a QuickBooks; what is void there stays, with nothing on it."""
    found = []
    for entity, kind in _QUICKBOOKS.items():
        for row in ledger.uk.rows(entity):
            void = kind is not ObjectType.CONTACT and not _on_it(row)
            found.append(_row(row, (kind,), _on_it, "void" if void else "open"))
    return [row for row in found if row is not None]


def _on_it(row: Mapping[str, Any]) -> Decimal:
    """The total; of a journal entry, whose total is nothing, the debit side."""
    debits = Decimal(0)
    for line in row.get("Line", ()):
        if line.get("JournalEntryLineDetail", {}).get("PostingType") == "Debit":
            debits += Decimal(str(line["Amount"]))
    return debits or Decimal(str(row.get("TotalAmt", 0)))
