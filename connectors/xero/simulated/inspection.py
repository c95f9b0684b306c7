"""What an organisation has, for tests: read from the books, not through the API."""

import threading
from copy import deepcopy
from dataclasses import dataclass
from decimal import Decimal

from connectors.xero.simulated import judging
from connectors.xero.simulated.store import Books, Row
from connectors.xero.simulated.webhooks import Event


@dataclass(frozen=True)
class Known:
    """What is in all books: account codes, tax types, contact ids, an item's code."""

    sales: str
    """Code of a revenue account."""
    purchases: str
    """Code of an expense account."""
    bank: str
    """Code of a bank account in the base currency."""
    clearing: str
    """Code of an account that takes payments without being a bank."""
    tax_sales: str
    """TaxType of the standard rate on sales."""
    tax_purchases: str
    """TaxType of the standard rate on purchases."""
    no_tax: str
    """TaxType of 0 % that applies to everything."""
    customer: str
    """ContactID."""
    supplier: str
    """ContactID."""
    item: str
    """Code of an item."""
    foreign: str
    """A currency that is enabled and is not the base currency."""


class Inspection:
    """The books of one tenant, to be looked at; rows are copies.

    Attributes:
        id: What goes into the `xero-tenant-id` header.
        name, country, currency: Its name; `GB`, `AU` or `US`; its base currency.
        books: The tables themselves, for what no method does.
    """

    def __init__(self, books: Books, lock: threading.RLock) -> None:
        self.books = books
        self._lock = lock
        self.id = str(books.organisation["OrganisationID"])
        self.name = str(books.organisation["Name"])
        self.country = str(books.organisation["CountryCode"])
        self.currency = books.currency

    @property
    def known(self) -> Known:
        """Codes and ids for bodies of tests."""
        with self._lock:
            books, country = self.books, self.country
            sales, bought = _TAXES[country]
            other = next(code for code in books.tables["Currencies"] if code != books.currency)
            return Known(
                sales="200",
                purchases="400",
                bank="090",
                clearing="880",
                tax_sales=sales,
                tax_purchases=bought,
                no_tax=books.no_tax,
                customer=str(_one(books, "Contacts", ContactNumber="C-1")["ContactID"]),
                supplier=str(_one(books, "Contacts", ContactNumber="C-2")["ContactID"]),
                item="FREIGHT",
                foreign=other,
            )

    @property
    def events(self) -> list[Event]:
        """What its subscribers would be told, oldest first."""
        with self._lock:
            return list(self.books.events)

    def rows(self, endpoint: str) -> list[Row]:
        """All rows, in the order in which they came, deleted and voided ones included."""
        with self._lock:
            return deepcopy(self.books.rows(endpoint))

    def row(self, endpoint: str, row_id: str) -> Row:
        """One row by id; a `KeyError` when it is not there."""
        with self._lock:
            return deepcopy(self.books.get(endpoint, row_id))

    def documents_with(self, endpoint: str, text: str, *, standing: bool = True) -> list[Row]:
        """Rows whose number, `Reference`, `Url`, `Narration`, `Name` or `Code` is a text.

        Args:
            endpoint: Which table.
            text: Compared exactly.
            standing: Leave out what is deleted, voided or archived.
        """
        with self._lock:
            return deepcopy(judging.with_text(self.books, endpoint, text, standing=standing))

    def payments_of(self, document_id: str) -> list[Row]:
        """The payments of a document (or refunds of a credit) that stand."""
        with self._lock:
            return [
                deepcopy(row)
                for row in self.books.rows("Payments")
                if row["_document"] == document_id and judging.stands(row)
            ]

    def tax_rate(self, tax_type: str) -> Decimal:
        """Percent of a tax type."""
        with self._lock:
            return Decimal(self.books.get("TaxRates", tax_type)["EffectiveRate"])

    def twice(self) -> list[tuple[str, str]]:
        """Endpoint and key of everything that stands more than once: must be empty."""
        with self._lock:
            return judging.twice(self.books)

    @property
    def invoices(self) -> list[Row]:
        """Sales invoices."""
        return [row for row in self.rows("Invoices") if row["Type"] == "ACCREC"]

    @property
    def bills(self) -> list[Row]:
        """Bills."""
        return [row for row in self.rows("Invoices") if row["Type"] == "ACCPAY"]

    @property
    def credit_notes(self) -> list[Row]:
        """Credit notes of both sides."""
        return self.rows("CreditNotes")

    @property
    def payments(self) -> list[Row]:
        """Payments, deleted ones included."""
        return self.rows("Payments")

    @property
    def batch_payments(self) -> list[Row]:
        """Batch payments, deleted ones included."""
        return self.rows("BatchPayments")

    @property
    def contacts(self) -> list[Row]:
        """Contacts, archived ones included."""
        return self.rows("Contacts")

    @property
    def manual_journals(self) -> list[Row]:
        """Manual journals."""
        return self.rows("ManualJournals")

    @property
    def items(self) -> list[Row]:
        """Items."""
        return self.rows("Items")

    @property
    def accounts(self) -> list[Row]:
        """Accounts."""
        return self.rows("Accounts")


_TAXES = {"GB": ("OUTPUT2", "INPUT2"), "AU": ("OUTPUT", "INPUT"), "US": ("TAX001", "TAX001")}


def _one(books: Books, endpoint: str, **fields: str) -> Row:
    found = books.find(endpoint, **fields)
    if found is None:
        raise LookupError(f"{endpoint} has no {fields}")
    return found
