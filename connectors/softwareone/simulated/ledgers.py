"""What may become of ledgers and custom ledgers, until their statements are billed.

States and moves are the platform's (object descriptions of July 2026, read 2026-11-20). What the
rows of a custom ledger's workbook hold is not described: they give charges of 10.00 each.
"""

from decimal import Decimal

from connectors.softwareone.simulated import charging, workbook
from connectors.softwareone.simulated.parties import Account
from connectors.softwareone.simulated.statements import Statements
from connectors.softwareone.simulated.store import Record, ref


class Ledgers(Statements):
    """The state machines of ledgers."""

    # Ledgers and custom ledgers.

    def recalculate_ledger(self, ledger: Record, by: Account) -> None:
        """Operations has a ledger rated once more."""
        self._must_be(ledger, "Review")
        self._move(ledger, "Rating", by.ref)
        self._later(ledger, "Rating", lambda: self._move(ledger, "Review"))

    def accept_ledger(self, ledger: Record, by: Account) -> None:
        """Operations accepts a ledger: a statement per agreement is made of it."""
        self._must_be(ledger, "Review" if ledger.kind == "ledgers" else "Validated")
        self._move(ledger, "Generating", by.ref)
        self._later(ledger, "Generating", lambda: self._generate_statements(ledger))

    def _generate_statements(self, ledger: Record) -> None:
        agreements = charging.grouped(ledger.charges, lambda one: str(one["agreement"]["id"]))
        for agreement_id, rows in agreements.items():
            skipped = rows[0]["processing"]["status"] == "Skipped"
            member = "ledger" if ledger.kind == "ledgers" else "customLedger"
            self.new_statement(
                self.parties.agreements[agreement_id],
                rows,
                status="Cancelled" if skipped else "Generated",
                of={member: ref(ledger.body)},
                billing="Automated" if member == "ledger" and not skipped else "Manual",
            )
        self._move(ledger, "Generated")
        journal = self._journal_of(ledger)
        if journal and all(one.status == "Generated" for one in self.ledgers_of(journal)):
            self._move(journal, "Accepted")

    def queue_ledger(self, ledger: Record, by: Account) -> None:
        """Operations sends a ledger's statements to the ERP."""
        self._must_be(ledger, "Generated")
        self._move(ledger, "Queued", by.ref)
        journal = self._journal_of(ledger)
        if journal and journal.status in {"Generated", "Accepted"}:
            self._move(journal, "Queued", by.ref)
        for statement in self.statements_of(ledger):
            if statement.status == "Generated":
                self.queue_statement(statement)
        self._complete(ledger)

    def _validate_custom(self, ledger: Record) -> None:
        _, content = ledger.uploaded or ("", b"")
        ledger.uploaded = None
        try:
            table = workbook.rows(content)
        except workbook.NoWorkbook as problem:
            self._move(ledger, "Error", error=self.failure(str(problem)))
            return
        if not table:
            self._move(ledger, "Error", error=self.failure("The file has no charges"))
            return
        agreement = next(
            one
            for one in self.parties.agreements.values()
            if one.seller["id"] == ledger.body["seller"]["id"]
        )
        item = next(iter(self.parties.items.values()))
        ledger.charges = list(
            charging.made_up(
                agreement,
                item,
                count=len(table),
                total=Decimal(10 * len(table)),
                digits=ledger.id.partition("-")[2],
                audit=dict(ledger.body["audit"]),
            )
        )
        charging.mark(ledger.charges, customLedger=ref(ledger.body), billingType="Manual")
        ledger.body["processing"] = charging.counts(ledger.charges, "processing")
        self._move(ledger, "Validated")

    def delete_ledger(self, ledger: Record, by: Account) -> None:
        """Operations deletes a custom ledger that is not accepted."""
        self._must_be(ledger, "Draft", "Validated", "Error")
        ledger.charges, ledger.files = (), {}
        self._move(ledger, "Deleted", by.ref)
