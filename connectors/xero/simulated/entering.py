"""What people enter in an organisation: contacts, documents, items, accounts, rates, journals."""

import contextlib
import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from connectors.xero.simulated import catalogue, contacts, journals
from connectors.xero.simulated.documents import Kind
from connectors.xero.simulated.documents import write as write_document
from connectors.xero.simulated.inspection import Inspection
from connectors.xero.simulated.lines import Writing
from connectors.xero.simulated.store import ID_FIELDS, Row

Amount = Decimal | str | int
Lines = Iterable[tuple[Amount, str | None]]
"""Net price and TaxType; None is the standard rate of the side."""
_HUNDRED: Lines = (("100.00", None),)


class Entering(Inspection):
    """Somebody enters something; every method is all or nothing."""

    def add_contact(self, name: str, **fields: Any) -> str:
        """Somebody enters a contact. Returns the ContactID."""
        with self._people():
            row = contacts.write(self.books, {"Name": name, **fields}, None, _WRITING)
            return str(row["ContactID"])

    def add_invoice(self, lines: Lines = _HUNDRED, *, contact_id: str = "", **fields: Any) -> str:
        """Somebody enters a sales invoice, approved unless `Status` says otherwise.

        Args:
            lines: Net price and TaxType (None: the standard rate) of each.
            contact_id: By default the known customer.
            fields: As in the API: `Date`, `DueDate`, `InvoiceNumber`, `LineItems` ...

        Returns:
            The InvoiceID.
        """
        return self._add("Invoices", "ACCREC", lines, contact_id or self.known.customer, fields)

    def add_bill(self, lines: Lines = _HUNDRED, *, contact_id: str = "", **fields: Any) -> str:
        """The same of a bill, by default of the known supplier. Returns the InvoiceID."""
        return self._add("Invoices", "ACCPAY", lines, contact_id or self.known.supplier, fields)

    def add_credit_note(
        self,
        lines: Lines = _HUNDRED,
        *,
        kind: str = "ACCRECCREDIT",
        contact_id: str = "",
        **fields: Any,
    ) -> str:
        """The same of a credit note (`ACCPAYCREDIT`: from the supplier). Returns its id."""
        known = self.known
        whose = known.customer if kind == "ACCRECCREDIT" else known.supplier
        return self._add("CreditNotes", kind, lines, contact_id or whose, fields)

    def _add(self, endpoint: str, kind: str, lines: Lines, contact_id: str, fields: Row) -> str:
        known = self.known
        bought = "PAY" in kind
        body: Row = {
            "Type": kind,
            "Status": "AUTHORISED",
            "Date": self.books.today().isoformat(),
            "Contact": {"ContactID": contact_id},
            "LineItems": [
                {
                    "Description": "Freight",
                    "Quantity": 1,
                    "UnitAmount": decimal(price),
                    "AccountCode": known.purchases if bought else known.sales,
                    "TaxType": tax or (known.tax_purchases if bought else known.tax_sales),
                }
                for price, tax in lines
            ],
        }
        if endpoint == "Invoices":
            body["DueDate"] = (self.books.today() + dt.timedelta(days=14)).isoformat()
        sent = {**body, **{name: _as_sent(value) for name, value in fields.items()}}
        with self._people():
            row = write_document(self.books, Kind(endpoint), sent, None, Writing(digits=4))
            return str(row[ID_FIELDS[endpoint]])

    def add_item(self, code: str, **fields: Any) -> str:
        """Somebody enters an item. Returns the ItemID."""
        body = {"Code": code, "Name": code, **fields}
        with self._people():
            return str(catalogue.write_item(self.books, body, None, _WRITING)["ItemID"])

    def add_account(self, code: str, name: str, kind: str = "EXPENSE", **fields: Any) -> str:
        """Somebody enters an account; `kind` is its `Type`. Returns the AccountID."""
        body = {"Code": code, "Name": name, "Type": kind, **fields}
        with self._people():
            return str(catalogue.write_account(self.books, body, None, _WRITING)["AccountID"])

    def add_tax_rate(self, name: str, percent: Amount, *, applies_to: Sequence[str] = ()) -> str:
        """Somebody enters a tax rate. Returns the TaxType.

        Args:
            name: Of the rate.
            percent: 20 is 20 %.
            applies_to: Of `Assets`, `Equity`, `Expenses`, `Liabilities`, `Revenue`; empty: all.
        """
        body = {"Name": name, "TaxComponents": [{"Name": name, "Rate": decimal(percent)}]}
        with self._people():
            row = catalogue.write_rate(self.books, body, None, _WRITING)
            if applies_to:
                known = {f"CanApplyTo{one}": one in applies_to for one in catalogue.APPLIES_TO}
                self.books.put("TaxRates", row, **known)
            return str(row["TaxType"])

    def add_currency(self, code: str) -> None:
        """Somebody enables a currency."""
        with self._people():
            catalogue.write_currency(self.books, {"Code": code}, None, _WRITING)

    def add_journal(
        self, lines: Iterable[tuple[str, Amount]], *, narration: str = "By hand", **fields: Any
    ) -> str:
        """Somebody posts a journal of (account code, amount) lines. Returns its id."""
        body = {
            "Narration": narration,
            "Status": "POSTED",
            "JournalLines": [
                {"AccountCode": code, "LineAmount": decimal(amount)} for code, amount in lines
            ],
            **{name: _as_sent(value) for name, value in fields.items()},
        }
        with self._people():
            return str(journals.write(self.books, body, None, _WRITING)["ManualJournalID"])

    @contextlib.contextmanager
    def _people(self) -> Iterator[None]:
        with self._lock, self.books.atomic():
            yield


_WRITING = Writing()


def decimal(amount: Amount) -> Decimal:
    """An amount as books have it."""
    return Decimal(str(amount))


def _as_sent(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.date) else value
