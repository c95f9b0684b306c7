"""One company of a simulated Sage Active: what people do in it, and what is really there.

People use the product, not the API: nothing here is counted as a call, and `edit` and `delete`
work in any state. What they enter goes through the same rules, so that a `BusinessError` tells
that the product would not do it either.

Tables go by the name of their query (`salesInvoices`, `accountingEntries`, `customers` ...);
rows are dictionaries under the API's field names, with `Decimal` amounts and aware `datetime`s.
"""

import contextlib
import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from connectors.sage_active.simulation import (
    credit_notes,
    entries,
    entry_requests,
    matching,
    parties,
    posting,
    purchases,
    sales,
    settlements,
)
from connectors.sage_active.simulation.inspection import CHILD_TABLES, Inspection
from connectors.sage_active.simulation.refusals import BusinessError, Row

__all__ = ["BusinessError", "Company", "Row"]


class Company(Inspection):
    """The books of one organisation.

    Attributes:
        id: What goes into the `X-OrganizationId` header.
        legislation: `FR`, `ES` or `DE`.
        name: Its social name.
        books: The tables themselves, for what no method below does.
    """

    def add_customer(self, name: str, **fields: Any) -> str:
        """Somebody enters a customer; fields as in `CustomerCreateGLDtoInput`. Returns the id."""
        with self._people():
            given = {"socialName": name, **fields}
            return str(parties.create_party(self.books, "customers", given)["id"])

    def add_supplier(self, name: str, **fields: Any) -> str:
        """Somebody enters a supplier. Returns the id."""
        with self._people():
            given = {"socialName": name, **fields}
            return str(parties.create_party(self.books, "suppliers", given)["id"])

    def add_product(self, code: str, percent: Decimal | str | int, **fields: Any) -> str:
        """Somebody enters a product of a national rate. Returns the id."""
        with self._people():
            given = {"code": code, "name": code, "taxGroupId": self.tax_group(percent), **fields}
            return str(parties.create_product(self.books, given)["id"])

    def add_invoice(
        self,
        lines: Iterable[tuple[Decimal | str | int, Decimal | str | int]] = ((20, 100),),
        *,
        customer_id: str | None = None,
        **fields: Any,
    ) -> str:
        """Somebody enters a draft of (rate, net price) lines. Returns the id.

        More fields as in `SalesInvoiceCreateGLDtoInput`; dates as aware `datetime`s.
        """
        with self._people():
            customer = self.books.get("customers", customer_id or self.customer())
            given = {
                "customerId": customer["id"],
                "documentDate": dt.datetime(2026, 3, 16, tzinfo=dt.UTC),
                "socialName": customer["socialName"][:50],
                "documentId": customer.get("documentId"),
                "vatNumber": customer.get("vatNumber"),
                "lines": [
                    {
                        "productId": self.product(percent),
                        "totalQuantity": Decimal(1),
                        "unitPrice": Decimal(str(price)),
                    }
                    for percent, price in lines
                ],
                **fields,
            }
            return str(sales.create(self.books, given)["id"])

    def close_invoice(self, invoice_id: str) -> str:
        """Somebody approves a draft: it is locked and gets its number, which is returned."""
        with self._people():
            return str(sales.close(self.books, {"salesInvoiceId": invoice_id})["operationalNumber"])

    def post_invoice(self, invoice_id: str, *, journal_id: str | None = None) -> str:
        """Somebody puts a closed invoice or credit note into the ledger. Returns the entry's id."""
        with self._people():
            number = self.books.get(sales.INVOICES, invoice_id)["operationalNumber"]
            given = {
                "salesInvoiceId": invoice_id,
                "accountingEntryDescription": f"{number}",
                "journalTypeId": journal_id or self.journal("SALES_INVOICE"),
            }
            return str(posting.post_sales_invoice(self.books, given)["id"])

    def credit_invoice(self, invoice_id: str) -> str:
        """Somebody makes a draft credit note of all that is left of an invoice. Returns its id."""
        with self._people():
            day = self.books.get(sales.INVOICES, invoice_id)["documentDate"]
            note = credit_notes.create(self.books, {"id": invoice_id, "outputDocumentDate": day})
            return str(note["id"])

    def add_bill(
        self,
        number: str,
        lines: Iterable[tuple[Decimal | str | int, Decimal | str | int]] = ((20, 100),),
        *,
        supplier_id: str | None = None,
        **fields: Any,
    ) -> str:
        """Somebody enters a bill of (rate, net amount) lines. Returns the id."""
        with self._people():
            found = []
            for percent, base in lines:
                rate, net = Decimal(str(percent)), Decimal(str(base))
                vat = (net * rate / 100).quantize(Decimal("0.01"))
                found.append({"totalVatBase": net, "totalVat": vat, "vatPercentage": rate})
            given = {
                "supplierId": supplier_id or self.supplier(),
                "invoiceNumber": number,
                "invoiceDate": dt.datetime(2026, 3, 12, tzinfo=dt.UTC),
                "vatLines": found,
                **fields,
            }
            return str(purchases.create(self.books, given)["id"])

    def post_bill(self, bill_id: str) -> str:
        """Somebody puts a bill into the ledger. Returns the entry's id."""
        with self._people():
            bill = self.books.get(posting.BILLS, bill_id)
            given = {
                "purchaseInvoiceId": bill_id,
                "accountingEntryDescription": f"{bill['invoiceNumber']}",
                "journalTypeId": self.journal("PURCHASE_INVOICE"),
            }
            return str(posting.post_bill(self.books, given)["id"])

    def pay(
        self,
        table: str,
        row_id: str,
        amount: Decimal | str | int | None = None,
        *,
        number: str | None = None,
        day: dt.datetime | None = None,
    ) -> str:
        """Somebody pays an invoice, a bill or an invoice's entry, by default all that is open.

        The oldest instalment comes first. Returns the bank entry's id.
        """
        with self._people():
            items = sorted(self._items(table, row_id), key=lambda item: item["dueDate"])
            left = None if amount is None else abs(Decimal(str(amount)))
            paid = []
            for item in items:
                due = abs(item["amount"]) - abs(item["paidAmountAccumulated"])
                part = due if left is None else min(due, left)
                left = None if left is None else left - part
                if part:
                    signed = part.copy_sign(item["amount"])
                    paid.append({"openItemId": item["id"], "paidAmount": signed})
            side = items[0]["side"]
            given = {
                "entryDate": day or dt.datetime(2026, 4, 15, tzinfo=dt.UTC),
                "paymentMethodId": self.bank(),
                "thirdPartyId": items[0]["partyId"],
                "documentNumber": number or f"BANK-{self.books.count('bank'):04d}",
                f"{side}OpenItemLinkagePaidAmounts": paid,
            }
            return str(settlements.settle(self.books, side, given)["id"])

    def offset(self, invoice_id: str, credit_note_id: str) -> Decimal:
        """Somebody matches a posted invoice with a posted credit note. Returns the amount."""
        with self._people():
            one, other = (
                self._items("salesInvoices", one)[0] for one in (invoice_id, credit_note_id)
            )
            return settlements.offset(self.books, one, other)

    def add_entry(
        self,
        lines: Sequence[tuple[str, Decimal | str | int]],
        *,
        journal: str = "GENERAL",
        party: str | None = None,
        **fields: Any,
    ) -> str:
        """Somebody enters an entry of (account code, debit or -credit) lines. Returns the id.

        `journal` is a type; `party` is the code of the third party of lines on its account.
        """
        with self._people():
            found = []
            for code, amount in lines:
                account = self.books.one("accountingAccounts", code=code)
                debit, credit = entries.signed(Decimal(str(amount)))
                line = {"subAccountCode": code, "debitAmount": debit, "creditAmount": credit}
                if account["subAccountType"] in {"CUSTOMER", "PROVIDER"}:
                    line["thirdCode"] = party
                found.append(line)
            kind = self.books.get("journalTypes", self.journal(journal))
            given = {
                "date": dt.datetime(2026, 3, 31, tzinfo=dt.UTC),
                "journalTypeCode": kind["code"],
                "documentNumber": "MANUAL",
                "description": "By hand",
                "accountingEntryLines": found,
                **fields,
            }
            return str(entry_requests.create_using_codes(self.books, given)["id"])

    def tag_line(self, line_id: str, dimension: str, tag: str, amount: Decimal) -> str:
        """Somebody puts an analytical tag on an entry line, by names. Returns the row's id."""
        with self._people():
            axis = self.books.one("dimensions", name=dimension)
            value = next(one for one in axis["tags"] if one["name"] == tag)
            row = self.books.insert(
                "accountingEntryDimensionTags",
                accountingEntryLineId=line_id,
                dimensionId=axis["id"],
                dimensionTagId=value["id"],
                amount=amount,
            )
            return str(row["id"])

    def match(self, *line_ids: str) -> str:
        """Somebody matches entry lines with each other. Returns the `matchId`."""
        with self._people():
            lines = [self.books.get("accountingEntryLines", one) for one in line_ids]
            return matching.match(self.books, lines)

    def edit(self, table: str, row_id: str, **changes: Any) -> Row:
        """Somebody changes fields of a row, whatever its state; nothing else follows from it."""
        with self._people():
            row = self.books.get(table, row_id)
            return dict(self.books.change(table, row, **changes))

    def edit_draft(self, invoice_id: str, **changes: Any) -> Row:
        """Somebody changes a draft invoice, its totals follow; as in `SalesInvoiceUpdate...`."""
        with self._people():
            return dict(sales.update(self.books, {"id": invoice_id, **changes}))

    def delete(self, table: str, row_id: str) -> None:
        """Somebody deletes a row, whatever its state.

        A posted document goes with its entry; a bank entry gives the open items back.
        """
        with self._people():
            row = self.books.get(table, row_id)
            if table in {"salesInvoices", "purchaseInvoices"}:
                for entry in self.books.where("accountingEntries", sourceEntityId=row_id):
                    settlements.undo(self.books, entry)
                erase = sales.erase if table == "salesInvoices" else purchases.erase
                erase(self.books, row)
            elif table == "accountingEntries":
                settlements.undo(self.books, row)
            else:
                self.books.remove(table, row)

    def copy(self, table: str, row_id: str) -> str:
        """Somebody duplicates a draft, a bill, an entry or a party, our references included."""
        with self._people():
            row = self.books.get(table, row_id)
            kept = {name: value for name, value in row.items() if name not in _SYSTEM}
            copy = self.books.insert(table, **kept)
            if child := CHILD_TABLES.get(table):
                for line in self.books.children(*child, row_id):
                    more = {name: line[name] for name in line if name not in _SYSTEM}
                    self.books.insert(child[0], **{**more, child[1]: copy["id"]})
            return str(copy["id"])

    def close_period(self, day: dt.date, *, closed: bool = True) -> None:
        """Somebody closes (or opens) the period of a day."""
        with self._people():
            moment = dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC)
            for period in self.books.rows("accountingPeriods"):
                if period["startDate"] <= moment <= period["endDate"]:
                    self.books.change("accountingPeriods", period, isClosed=closed)

    def close_exercise(self, year: int, *, closed: bool = True) -> None:
        """Somebody closes (or opens) a fiscal year: its entries are final."""
        with self._people():
            exercise = self.books.one("accountingExercises", exercise=year)
            status = "CLOSED" if closed else "OPEN"
            self.books.change("accountingExercises", exercise, status=status)
            for entry in self.books.where("accountingEntries", accountingExerciseId=exercise["id"]):
                moment = self.books.clock.now() if closed else None
                self.books.change("accountingEntries", entry, isClosed=closed, closeDate=moment)

    def archive_account(self, code: str, *, archived: bool = True) -> None:
        """Somebody deactivates (or activates) an account."""
        with self._people():
            account = self.books.one("accountingAccounts", code=code)
            self.books.change("accountingAccounts", account, deactivated=archived)

    def archive_journal(self, code: str, *, archived: bool = True) -> None:
        """Somebody deactivates (or activates) a journal."""
        with self._people():
            journal = self.books.one("journalTypes", code=code)
            self.books.change("journalTypes", journal, deactivated=archived)

    def deny(self, *operations: str) -> None:
        """The user's role loses the right to these operations (`authorizationPolicy`)."""
        with self._lock:
            self.access.denied |= set(operations)

    def drop_feature(self, *operations: str) -> None:
        """The company's plan does not include these operations (`authorizationFeature`)."""
        with self._lock:
            self.access.missing |= set(operations)

    def lock_out(self) -> None:
        """The user may not use this company any more (`AUTH_NOT_AUTHORIZED`)."""
        with self._lock:
            self.access.allowed = False

    def let_in(self) -> None:
        """The user may do everything again."""
        with self._lock:
            self.access.allowed = True
            self.access.denied.clear()
            self.access.missing.clear()

    @contextlib.contextmanager
    def _people(self) -> Iterator[None]:
        """Write as people do: all or nothing, and not in the API's name."""
        with self._lock:
            before = self.books.source
            self.books.source = "ACCOUNTING"
            try:
                with self.books.atomic():
                    yield
            finally:
                self.books.source = before


_SYSTEM = {"id", "creationDate", "modificationDate"}
