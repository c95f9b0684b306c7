"""What may become of statements: the ERP bills them, or refuses.

States and moves are the platform's (object descriptions of July 2026, read 2026-11-20). Ours: that
a statement that was sent is taken and billed without anybody's further doing, and its VAT.
"""

from collections.abc import Sequence
from decimal import Decimal

from connectors.softwareone.simulated import charging, erp
from connectors.softwareone.simulated.parties import Account, Agreement
from connectors.softwareone.simulated.steps import PLATFORM, Steps
from connectors.softwareone.simulated.store import Json, Record, Ref, ref


class Statements(Steps):
    """The state machine of statements."""

    def new_statement(
        self,
        agreement: Agreement,
        charges: Sequence[Json],
        *,
        status: str,
        of: Json,
        billing: str = "Automated",
    ) -> Record:
        """A ledger yields a statement, of type Credit when its total is less than 0."""
        totals = self._totals(charges)
        sold, _ = totals["totalSP"], totals.pop("totalBSP", None)
        tax = (sold * erp.VAT / 100).quantize(Decimal("0.01"))
        body: Json = {
            **of,
            "type": "Credit" if sold < 0 else "Debit",
            "billingType": billing,
            "status": status,
            **agreement.parties,
            "price": {**totals, "totalST": tax, "totalGT": sold + tax},
            "processing": charging.counts(charges, "processing"),
            "statistics": {"charges": len(charges)},
        }
        groups = 3 + self.books.next_number("statement") % 2
        statement = self.books.add("statements", body, PLATFORM, groups=groups)
        statement.charges = charges
        charging.mark(charges, statement=ref(body))
        return statement

    # Statements, and the ERP.

    def queue_statement(self, statement: Record, by: Ref = PLATFORM) -> None:
        """Send a statement to the ERP, which takes it and bills it."""
        self._must_be(statement, "Generated", "Error", "Generating")
        self._move(statement, "Queued", by, error=None, statusNotes=None)
        self._later(statement, "Queued", lambda: self._pend(statement))

    def _pend(self, statement: Record) -> None:
        self._move(statement, "Pending")
        self._later(statement, "Pending", lambda: self.issue(statement))

    def issue(self, statement: Record) -> None:
        """The ERP has billed a statement."""
        credit = statement.body["type"] == "Credit"
        document = self.bill(statement)
        self._move(
            statement, "Issued", **{"creditMemo" if credit else "invoice": ref(document.body)}
        )
        self._completed_by(statement)

    def bill(self, statement: Record) -> Record:
        """The ERP's document for a statement."""
        kind = "credit-memos" if statement.body["type"] == "Credit" else "invoices"
        agreement = self.parties.agreements[statement.body["agreement"]["id"]]
        today = self.books.now().date()
        document = erp.Document(
            kind=kind,
            agreement=agreement,
            lines=erp.lines_of(statement.charges),
            number=self.next_document(kind, agreement),
            status="Issued",
            date=today,
            due=today + erp.TERM,
            currency=statement.body["price"]["currency"]["sale"],
            statement=ref(statement.body),
        )
        return self.books.add(kind, erp.body_of(self.books, document, {}), PLATFORM)

    def next_document(self, kind: str, agreement: Agreement) -> str:
        """The next number of a country's documents of a kind."""
        letters = "CM" if kind == "credit-memos" else "SI"
        country = agreement.buyer.country
        return f"{country}{letters}-{self.books.next_number(letters + country):06d}"

    def fail_statement(self, statement: Record, message: str) -> None:
        """The ERP refuses a statement."""
        self._must_be(statement, "Queued", "Pending")
        notes = {"message": message}
        said = {"id": "ERP001", "message": message}
        self._move(statement, "Error", statusNotes=notes, error=said)

    def retry(self, statement: Record, by: Account) -> None:
        """Operations sends a statement to the ERP once more."""
        self._must_be(statement, "Error")
        if self._traits().retry_leads_to == "Generated":
            self._move(statement, "Generated", by.ref, error=None, statusNotes=None)
        else:
            self.queue_statement(statement, by.ref)

    def recalculate_statement(self, statement: Record, by: Account) -> None:
        """Operations has a statement made once more; a manual one goes to the ERP at once."""
        self._must_be(statement, "Error")
        if statement.body["billingType"] == "Manual":
            self.queue_statement(statement, by.ref)
            return
        self._move(statement, "Generating", by.ref)
        self._later(statement, "Generating", lambda: self.queue_statement(statement))

    def cancel(self, statement: Record, by: Account) -> None:
        """Operations gives a statement up."""
        self._must_be(statement, "Queued", "Pending", "Error", "Generated")
        self._move(statement, "Cancelled", by.ref)
        self._completed_by(statement)

    def _completed_by(self, statement: Record) -> None:
        of = statement.body.get("ledger") or statement.body.get("customLedger") or {}
        ledger = self.books.records.get(str(of.get("id")))
        if ledger is not None:
            self._complete(ledger)
