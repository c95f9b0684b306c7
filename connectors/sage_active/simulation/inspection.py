"""One company of a simulated Sage Active: what is really there, without any call being counted.

Tables go by the name of their query (`salesInvoices`, `accountingEntries`, `customers` ...);
rows are dictionaries under the API's field names, with `Decimal` amounts and aware `datetime`s.
"""

import re
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from connectors.sage_active.simulation import posting, sales, taxes
from connectors.sage_active.simulation.execute import Access
from connectors.sage_active.simulation.refusals import Row
from connectors.sage_active.simulation.store import Books

_TEXTS = {
    "salesInvoices": (
        "operationalNumber",
        "externalReference",
        "remarks",
        "comments",
        "salesOrderNumber",
    ),
    "purchaseInvoices": ("invoiceNumber",),
    "accountingEntries": ("documentNumber", "description"),
    "customers": ("code", "documentId", "vatNumber", "comments", "socialName"),
    "suppliers": ("code", "documentId", "vatNumber", "comments", "socialName"),
    "products": ("code", "name"),
}
"""Where a marker may be."""
CHILD_TABLES = {
    "salesInvoices": (sales.LINES, "salesInvoiceId"),
    "purchaseInvoices": (posting.VAT_LINES, "purchaseInvoiceId"),
    "accountingEntries": ("accountingEntryLines", "accountingEntryId"),
}
"""Where the lines of a document are, and what points to it."""


class Inspection:
    """Reads of one organisation's books."""

    def __init__(self, books: Books, access: Access, lock: threading.RLock) -> None:
        self.books = books
        self.access = access
        self._lock = lock

    @property
    def id(self) -> str:
        """The organisation's id."""
        return self.books.id

    @property
    def legislation(self) -> str:
        """Whose law it keeps its books by."""
        return self.books.legislation

    @property
    def name(self) -> str:
        """The organisation's name."""
        return str(self.books.organisation["socialName"])

    def rows(self, table: str, **fields: Any) -> list[Row]:
        """Copies of a table's rows, of those with these values: `rows("taxes", inactive=False)`."""
        with self._lock:
            return [dict(row) for row in self.books.where(table, **fields)]

    def row(self, table: str, row_id: str) -> Row:
        """One row; a `BusinessError` when it is not there."""
        with self._lock:
            return dict(self.books.get(table, row_id))

    def lines(self, table: str, row_id: str) -> list[Row]:
        """The lines of a sales invoice, bill (its VAT lines) or accounting entry."""
        with self._lock:
            book, key = CHILD_TABLES[table]
            return [dict(row) for row in self.books.children(book, key, row_id)]

    def open_items(self, table: str, row_id: str) -> list[Row]:
        """The open items of a sales invoice, bill or accounting entry."""
        with self._lock:
            return [dict(row) for row in self._items(table, row_id)]

    def documents_with(self, table: str, marker: str) -> list[Row]:
        """The judge's view: rows of which a text field has the marker in it, drafts included.

        Entries that posting and settling make of documents are left out: they carry the numbers
        of their documents. `payments_with` finds settlements.
        """
        with self._lock:
            own = [
                row
                for row in self.books.rows(table)
                if not (table == "accountingEntries" and row["sourceEntityId"])
            ]
            return [dict(row) for row in own if _has(row, _TEXTS[table], marker)]

    def payments_with(self, marker: str) -> list[Row]:
        """The entries of settlements that have a marker in number or description."""
        with self._lock:
            found = self.books.where("accountingEntries", sourceType="BANKING")
            names = _TEXTS["accountingEntries"]
            return [dict(row) for row in found if _has(row, names, marker)]

    def twice(self) -> list[tuple[str, str]]:
        """Tables and keys of everything that is there more than once: must be empty."""
        with self._lock:
            counted = Counter(_keys(self.books))
        return [key for key, count in counted.items() if count > 1]

    def balance(self, account_code: str) -> Decimal:
        """Debits less credits of an account."""
        with self._lock:
            account = self.books.one("accountingAccounts", code=account_code)
            lines = self.books.where("accountingEntryLines", subAccountId=account["id"])
            return sum((row["debitAmount"] - row["creditAmount"] for row in lines), Decimal(0))

    def account(self, code: str) -> str:
        """An account's id."""
        return self._id("accountingAccounts", code=code)

    def account_of(self, kind: str) -> str:
        """The code of the usual account of a kind (`CUSTOMER`, `BANK`, `REVENUE`, `CHARGE` ...)."""
        with self._lock:
            level = {"accountLevel": "SUB_ACCOUNT", "deactivated": False}
            found = self.books.one("accountingAccounts", subAccountType=kind, **level)
            return str(found["code"])

    def journal(self, kind: str, *, credit_note: bool = False) -> str:
        """The id of the first active journal of a type (`SALES_INVOICE`, `GENERAL` ...)."""
        wanted = {"type": kind, "isCreditNote": credit_note, "deactivated": False}
        return self._id("journalTypes", **wanted)

    def tax_group(self, percent: Decimal | str | int) -> str:
        """The id of the tax group of a national rate."""
        with self._lock:
            return str(taxes.tax_of_rate(self.books, Decimal(str(percent)))["groupId"])

    def product(self, percent: Decimal | str | int) -> str:
        """The id of a seeded product of a national rate."""
        return self._id("products", taxGroupId=self.tax_group(percent), obsolete=False)

    def customer(self, country: str | None = None) -> str:
        """The id of the first enabled customer of a country, by default the company's own."""
        wanted = {"countryAcronym": country or self.legislation, "status": "ENABLED"}
        return self._id("customers", **wanted)

    def supplier(self) -> str:
        """The id of the first enabled supplier."""
        return self._id("suppliers", countryAcronym=self.legislation, status="ENABLED")

    def bank(self) -> str:
        """The id of the payment method that is a bank account."""
        return self._id("paymentMethods", type="BANK_ACCOUNT", disabled=False)

    def _id(self, table: str, **fields: Any) -> str:
        with self._lock:
            return str(self.books.one(table, **fields)["id"])

    def _items(self, table: str, row_id: str) -> list[Row]:
        keys = {"salesInvoices": "salesInvoiceId", "purchaseInvoices": "purchaseInvoiceId"}
        if table in keys:
            return self.books.children("openItems", keys[table], row_id)
        lines = self.books.children("accountingEntryLines", "accountingEntryId", row_id)
        return [
            item
            for line in lines
            if line["accountingEntryInvoiceId"]
            for item in self.books.children(
                "openItems", "accountingEntryInvoiceId", line["accountingEntryInvoiceId"]
            )
        ]


def _has(row: Row, names: Sequence[str], marker: str) -> bool:
    word = re.compile(rf"(?<!\w){re.escape(marker)}(?!\w)")
    return any(isinstance(row.get(name), str) and word.search(row[name]) for name in names)


def _keys(books: Books) -> Iterator[tuple[str, str]]:
    for row in books.rows("salesInvoices"):
        for name in ("operationalNumber", "externalReference"):
            if row[name]:
                yield "salesInvoices", f"{name} {row[name]} of {row['customerId']}"
    for row in books.rows("purchaseInvoices"):
        yield "purchaseInvoices", f"{row['invoiceNumber']} of {row['supplierId']}"
    for row in books.rows("accountingEntries"):
        if row["documentNumber"] and row["sourceType"] != "ACCOUNTING":
            key = f"{row['documentNumber']} in {row['journalTypeId']}"
            yield "accountingEntries", key
    for table in ("customers", "suppliers", "products"):
        for row in books.rows(table):
            yield table, row["code"]
