"""One organisation of a simulated Xero: what people do in it, and what is really there.

People use the product, not the API: nothing here is counted as a call. What they enter goes
through the same rules, so that a `BusinessError` tells that the product would not do it either.

Endpoints go by their name in paths (`Invoices`, `CreditNotes`, `Payments`, `Contacts` ...); rows
are dictionaries under the API's field names, with `Decimal` amounts, `date`s and aware
`datetime`s. Bills are rows of `Invoices` with `Type` ACCPAY.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

from connectors.xero.simulated import journals, payments, settling
from connectors.xero.simulated.documents import Kind
from connectors.xero.simulated.documents import write as write_document
from connectors.xero.simulated.entering import Amount, Entering, Lines, decimal
from connectors.xero.simulated.inspection import Known
from connectors.xero.simulated.lines import Side, Writing, computed
from connectors.xero.simulated.store import ID_FIELDS, Row

__all__ = ["Amount", "Known", "Lines", "Organisation", "Row"]

_DRAFTS = frozenset({"DRAFT", "SUBMITTED"})


class Organisation(Entering):
    """The books of one tenant, and the people who work in them; every method is all or nothing.

    What they enter is in `Entering`, what is there in `Inspection`.
    """

    def pay(
        self,
        document_id: str,
        amount: Amount | None = None,
        *,
        account: str = "",
        on: dt.date | None = None,
        reference: str | None = None,
        reconciled: bool = False,
    ) -> str:
        """Somebody pays an invoice or a bill, or pays a credit note or overpayment back.

        Args:
            document_id: Which.
            amount: By default all that is open.
            account: Code; by default the known bank.
            on: By default today.
            reference: What they write on it.
            reconciled: Whether it is matched with a bank line.

        Returns:
            The PaymentID.
        """
        bank = account or self.known.bank
        with self._people():
            endpoint, row = self._document(document_id)
            made = payments.record(
                self.books,
                endpoint,
                row,
                amount=settling.open_of(row) if amount is None else decimal(amount),
                day=on or self.books.today(),
                account=payments.account_of(self.books, {"Code": bank}),
                Reference=reference,
                IsReconciled=reconciled,
            )
            return str(made["PaymentID"])

    def pay_batch(
        self,
        amounts: Mapping[str, Amount | None],
        *,
        on: dt.date | None = None,
        reference: str | None = None,
    ) -> str:
        """Somebody pays several invoices, or bills, at once. Returns the BatchPaymentID."""
        body: Row = {"Account": {"Code": self.known.bank}, "Reference": reference}
        with self._people():
            body["Date"] = (on or self.books.today()).isoformat()
            body["Payments"] = [
                {
                    "Invoice": {"InvoiceID": one},
                    "Amount": settling.open_of(self.books.get("Invoices", one))
                    if amount is None
                    else decimal(amount),
                }
                for one, amount in amounts.items()
            ]
            return str(payments.write_batch(self.books, body, None)["BatchPaymentID"])

    def overpay(self, amount: Amount, *, sold: bool = True, contact_id: str = "") -> str:
        """A customer pays too much (or we pay a supplier too much). Returns the OverpaymentID."""
        return self._credit("Overpayments", amount, sold=sold, contact_id=contact_id)

    def prepay(self, amount: Amount, *, sold: bool = True, contact_id: str = "") -> str:
        """A customer pays in advance (or we pay a supplier so). Returns the PrepaymentID."""
        return self._credit("Prepayments", amount, sold=sold, contact_id=contact_id)

    def _credit(self, endpoint: str, amount: Amount, *, sold: bool, contact_id: str) -> str:
        known, total = self.known, decimal(amount)
        word = endpoint.removesuffix("s").upper()
        with self._people():
            row = self.books.insert(
                endpoint,
                {
                    "Type": f"{'RECEIVE' if sold else 'SPEND'}-{word}",
                    "Status": "AUTHORISED",
                    "Date": self.books.today(),
                    "LineAmountTypes": "NoTax",
                    "LineItems": [{"Description": word.title(), "LineAmount": total}],
                    "SubTotal": total,
                    "TotalTax": decimal(0),
                    "Total": total,
                    "RemainingCredit": total,
                    "CurrencyCode": self.currency,
                    "CurrencyRate": decimal(1),
                    "HasAttachments": False,
                    "_contact": contact_id or (known.customer if sold else known.supplier),
                    "_payments": (),
                    "_allocations": (),
                },
            )
            return str(row[ID_FIELDS[endpoint]])

    def allocate(
        self, credit_id: str, document_id: str, amount: Amount | None = None, *, on: Any = None
    ) -> str:
        """Somebody spends a credit note, an over- or a prepayment on a document.

        By default as much as fits. Returns the AllocationID.
        """
        with self._people():
            endpoint, credit = self._document(credit_id)
            document = self.books.get("Invoices", document_id)
            most = min(settling.open_of(credit), settling.open_of(document))
            spent = most if amount is None else decimal(amount)
            day = on or self.books.today()
            made = settling.allocate(self.books, endpoint, credit, document, amount=spent, day=day)
            return str(made["AllocationID"])

    def remove_allocation(self, allocation_id: str) -> None:
        """Somebody takes an allocation back."""
        with self._people():
            settling.take_back(self.books, self.books.get("Allocations", allocation_id))

    def remove_payment(self, payment_id: str) -> None:
        """Somebody deletes a payment; one of a batch goes only with its batch."""
        with self._people():
            payments.delete(self.books, self.books.get("Payments", payment_id))

    def remove_batch(self, batch_id: str) -> None:
        """Somebody deletes a batch payment."""
        with self._people():
            payments.delete_batch(self.books, self.books.get("BatchPayments", batch_id))

    def reconcile(self, payment_id: str) -> None:
        """Somebody matches a payment with a bank line: it cannot be deleted any more."""
        with self._people():
            row = self.books.get("Payments", payment_id)
            self.books.put("Payments", row, IsReconciled=True)

    def approve(self, document_id: str) -> None:
        """Somebody approves a draft."""
        self._status(document_id, "AUTHORISED")

    def submit(self, document_id: str) -> None:
        """Somebody hands a draft in for approval."""
        self._status(document_id, "SUBMITTED")

    def _status(self, document_id: str, status: str) -> None:
        with self._people():
            endpoint, row = self._document(document_id)
            write_document(self.books, Kind(endpoint), {"Status": status}, row, Writing(digits=4))

    def edit(self, endpoint: str, row_id: str, **changes: Any) -> Row:
        """Somebody changes fields of a row, whatever its state; totals and status follow.

        `LineItems` are as in the API. The date moves.
        """
        return self._edit(endpoint, row_id, changes, quietly=False)

    def edit_quietly(self, endpoint: str, row_id: str, **changes: Any) -> Row:
        """The same, but it posts nothing: `UpdatedDateUTC` stays."""
        return self._edit(endpoint, row_id, changes, quietly=True)

    def edit_invoice(self, invoice_id: str, **changes: Any) -> Row:
        """Somebody changes fields of an invoice or a bill, whatever its state."""
        return self.edit("Invoices", invoice_id, **changes)

    def _edit(self, endpoint: str, row_id: str, changes: Row, *, quietly: bool) -> Row:
        with self._people():
            before = self.books.get(endpoint, row_id)
            row = {**before, **changes}
            if "LineItems" in changes:
                draft = row["Status"] in _DRAFTS
                side = Side(settling.sold(row), row["Type"] == "ACCREC", draft, _mode(row))
                sums = computed(
                    self.books, changes["LineItems"], before["LineItems"], side, Writing(digits=4)
                )
                row |= {"LineItems": sums.lines, "SubTotal": sums.net, "TotalTax": sums.tax}
                row["Total"] = sums.total
            if "_allocations" in row:
                row = settling.settled(self.books, row)
            keep = self.books.put_quietly if quietly else self.books.put
            return dict(keep(endpoint, row))

    def send_to_contact(self, invoice_id: str) -> None:
        """Somebody marks an invoice as sent, which posts nothing."""
        self.edit_quietly("Invoices", invoice_id, SentToContact=True)

    def void(self, endpoint: str, row_id: str) -> None:
        """Somebody voids a document or a journal to which nothing is applied."""
        with self._people():
            row = self.books.get(endpoint, row_id)
            if endpoint == "ManualJournals":
                journals.write(self.books, {"Status": "VOIDED"}, row, _WRITING)
            else:
                write_document(self.books, Kind(endpoint), {"Status": "VOIDED"}, row, _WRITING)

    def delete(self, endpoint: str, row_id: str) -> None:
        """Somebody deletes a draft (documents, journals), a payment or a batch payment."""
        if endpoint == "Payments":
            self.remove_payment(row_id)
        elif endpoint == "BatchPayments":
            self.remove_batch(row_id)
        else:
            with self._people():
                row, gone = self.books.get(endpoint, row_id), {"Status": "DELETED"}
                if endpoint == "ManualJournals":
                    journals.write(self.books, gone, row, _WRITING)
                else:
                    write_document(self.books, Kind(endpoint), gone, row, _WRITING)

    def lock(self, until: dt.date, *, end_of_year: bool = False) -> None:
        """Nothing dated on or before this day may be written, changed or undone any more."""
        with self._lock:
            name = "EndOfYearLockDate" if end_of_year else "PeriodLockDate"
            self.books.organisation[name] = until

    def unlock(self) -> None:
        """Both locks are lifted."""
        with self._lock:
            for name in ("EndOfYearLockDate", "PeriodLockDate"):
                self.books.organisation.pop(name, None)

    def archive_contact(self, contact_id: str) -> None:
        """Somebody archives a contact: lists leave it out."""
        with self._people():
            row = self.books.get("Contacts", contact_id)
            self.books.put("Contacts", row, ContactStatus="ARCHIVED")

    def merge_contacts(self, from_id: str, into_id: str) -> None:
        """Somebody merges a contact into another: it is archived, its documents move quietly."""
        with self._people():
            row = self.books.get("Contacts", from_id)
            gone = {"ContactStatus": "ARCHIVED", "MergedToContactID": into_id}
            self.books.put("Contacts", row, **gone)
            for endpoint in ("Invoices", *settling.CREDITS):
                for document in self.books.rows(endpoint):
                    if document["_contact"] == from_id:
                        self.books.put_quietly(endpoint, document, _contact=into_id)

    def archive_account(self, code: str) -> None:
        """Somebody archives an account: nothing new may name it."""
        with self._people():
            row = next(one for one in self.books.rows("Accounts") if one.get("Code") == code)
            self.books.put("Accounts", row, Status="ARCHIVED")

    def archive_tax_rate(self, tax_type: str) -> None:
        """Somebody archives a tax rate."""
        with self._people():
            row = self.books.get("TaxRates", tax_type)
            self.books.put("TaxRates", row, Status="ARCHIVED")

    def copy(self, endpoint: str, row_id: str) -> str:
        """Somebody duplicates a row, our references included. Returns the copy's id.

        Numbers too, although Xero would give another where they are unique. Nothing is applied to
        the copy of a document.
        """
        with self._people():
            key = ID_FIELDS[endpoint]
            row = {**self.books.get(endpoint, row_id)}
            del row[key]
            if "_allocations" in row:
                row |= {"_payments": (), "_allocations": ()}
                row = settling.settled(self.books, row)
            made = self.books.insert(endpoint, row)
            if endpoint == "Payments":
                document = self.books.get(row["_endpoint"], row["_document"])
                one = made["PaymentID"]
                settling.link(self.books, row["_endpoint"], document, "_payments", one)
            return str(made[key])

    def deny(self, *actions: str) -> None:
        """The plan, or the rights of whoever connected, do not include these actions any more.

        Names as in `Organisation/Actions`; CreateApprovedInvoice, CreateApprovedBill and
        UseMulticurrency are enforced as well.
        """
        with self._lock:
            self.books.denied |= set(actions)

    def allow(self, *actions: str) -> None:
        """They do again."""
        with self._lock:
            self.books.denied -= set(actions)

    def limit_approvals(self, left: int | None) -> None:
        """So many documents may still be approved this month; None: no end."""
        with self._lock:
            self.books.approvals_left = left

    def go_offline(self, *, offline: bool = True) -> None:
        """Xero takes this organisation down for a while: 503 The Organisation is offline."""
        with self._lock:
            self.books.offline = offline

    def distort(self, row_id: str, **members: Any) -> None:
        """Let a row go out with other raw JSON members than its own, in every answer.

        Unknown ones, or unreadable ones: `distort(invoice, Status="IN_DUNNING", Date="someday")`.
        """
        with self._lock:
            self.books.overlays.setdefault(row_id, {}).update(members)

    def between_pages(self, endpoint: str, action: Callable[[], object], *, times: int = 1) -> None:
        """Somebody does something right after the next list of an endpoint has been answered."""
        with self._lock:
            self.books.page_actions.setdefault(endpoint, []).extend([action] * times)

    def after_page(self, endpoint: str) -> None:
        """A list has been answered."""
        if actions := self.books.page_actions.get(endpoint):
            actions.pop(0)()

    def _document(self, row_id: str) -> tuple[str, Row]:
        for endpoint in ("Invoices", *settling.CREDITS):
            if row := self.books.tables[endpoint].get(row_id):
                return endpoint, row
        raise KeyError(row_id)


_WRITING = Writing()


def _mode(row: Row) -> str:
    return str(row["LineAmountTypes"])
