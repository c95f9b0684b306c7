"""What may become of journals, and by itself when: the top of the state machines.

States and moves are the platform's (object descriptions of July 2026, with the older diagrams
where they agree, read 2026-11-20). The steps that it takes by itself come a while after the call
that leads to them (`Traits.steps_take`), which is ours.
"""

from collections.abc import Sequence
from decimal import Decimal

from connectors.softwareone.simulated import charging, entries, workbook
from connectors.softwareone.simulated.generated import Generated
from connectors.softwareone.simulated.ledgers import Ledgers
from connectors.softwareone.simulated.parties import Account
from connectors.softwareone.simulated.steps import PLATFORM
from connectors.softwareone.simulated.store import Json, Record, ref
from connectors.softwareone.simulated.workbook import XLSX

OPEN_FOR_UPLOAD = ("Draft", "Validated", "Error", "Enquiring")


class Platform(Ledgers):
    """The state machine of journals, over all others."""

    def new_journal(self, body: Json, authorization_id: str, by: Account) -> Record:
        """A vendor makes a journal."""
        authorization = self.parties.authorizations[authorization_id]
        made: Json = {
            **body,
            "status": "Draft",
            "authorization": {**authorization.ref, "currency": authorization.currency},
            "vendor": authorization.vendor.ref,
            "product": authorization.product,
            "owner": authorization.owner,
            "price": {"currency": authorization.currency, "totalPP": Decimal(0)},
        }
        return self.books.add("journals", made, by.ref)

    def upload(self, record: Record, kind: str, content: bytes, by: Account) -> None:
        """Take a charge file, which replaces all earlier charges once it is read."""
        self._must_be(record, *OPEN_FOR_UPLOAD)
        record.uploaded = (kind, content)
        record.charges = ()
        self._move(record, "Validating", by.ref, error=None, upload=None, processing=None)
        take = self._validate if record.kind == "journals" else self._validate_custom
        self._later(record, "Validating", lambda: take(record))

    def _validate(self, journal: Record, then: str = "Validated") -> None:
        if journal.uploaded is not None:
            kind, content = journal.uploaded
            journal.uploaded = None
            try:
                read = (
                    entries.entries_of_table(workbook.rows(content))
                    if kind == XLSX
                    else entries.entries_of_lines(content)
                )
                journal.charges = charging.charges_of(read, journal, self.parties)
            except (entries.FileProblem, workbook.NoWorkbook) as problem:
                self._move(journal, "Error", error=self.failure(str(problem)))
                return
            if not journal.charges:
                self._move(journal, "Error", error=self.failure("The file has no charges"))
                return
        self.count(journal)
        wrong = journal.body["upload"]["error"]
        if wrong:
            said = self.failure(f"{wrong} charges have errors")
            self._move(journal, "Error", error=said)
        else:
            self._move(journal, then)

    def count(self, journal: Record) -> None:
        """Write down how many charges a journal has, and what they come to."""
        journal.body["upload"] = charging.counts(journal.charges, "upload")
        journal.body["processing"] = charging.counts(journal.charges, "processing")
        cost = charging.total_of(journal.charges, "PPx1")
        sold = charging.total_of(journal.charges, "SPx1")
        journal.body["price"] |= {
            "totalPP": cost,
            "totalSP": sold,
            "markup": charging.MARKUP * 100,
            "margin": sold - cost,
        }

    def submit(self, journal: Record, by: Account) -> None:
        """A vendor hands a journal in."""
        self._must_be(journal, "Validated", "Enquiring")
        self._move(journal, "Review", by.ref)

    def enquiry(self, journal: Record, by: Account, message: str = "") -> None:
        """Operations sends a journal back to the vendor."""
        self._must_be(journal, "Review")
        said = self.failure(message) if message else None
        self._move(journal, "Enquiring", by.ref, error=said)

    def regenerate(self, journal: Record, by: Account) -> None:
        """Operations has a journal's charges looked at once more."""
        self._must_be(journal, "Review", "Generated")
        self._remove_yield(journal)
        self._move(journal, "Validating", by.ref)
        self._later(journal, "Validating", lambda: self._validate(journal, "Review"))

    def delete_journal(self, journal: Record, by: Account) -> None:
        """A vendor deletes a journal, with its charges and attachments."""
        self._must_be(journal, *OPEN_FOR_UPLOAD)
        journal.charges, journal.files = (), {}
        self._move(journal, "Deleted", by.ref)

    def accept_journal(self, journal: Record, by: Account) -> None:
        """Operations accepts a journal: a ledger per seller is made of it."""
        self._must_be(journal, "Review")
        self._move(journal, "Generating", by.ref)
        self._later(journal, "Generating", lambda: self._generate_ledgers(journal))

    def _generate_ledgers(self, journal: Record) -> None:
        ready = self._billable(journal.charges)
        if not len(ready):
            said = self.failure("There is nothing to bill")
            self._move(journal, "Review", error=said)
            return
        self._skip_overridden(ready)
        digits = journal.id.partition("-")[2]
        for seller_id, rows in charging.grouped(
            ready, lambda one: str(one["seller"]["id"])
        ).items():
            seller = self.parties.sellers[seller_id]
            body: Json = {
                "id": f"BLE-{digits}-{seller_id.partition('-')[2]}",
                "name": f"{journal.body['name']}, {seller['name']}",
                "status": "Review",
                "journal": ref(journal.body),
                "seller": seller,
                **{one: journal.body[one] for one in ("vendor", "product", "owner")},
                "authorization": self.parties.authorizations[
                    journal.body["authorization"]["id"]
                ].ref,
                "price": self._totals(rows),
                "processing": charging.counts(rows, "processing"),
            }
            ledger = self.books.add("ledgers", body, PLATFORM)
            ledger.charges = rows
            charging.mark(rows, ledger=ref(body))
        self.count(journal)
        self._move(journal, "Generated", error=None)

    @staticmethod
    def _billable(charges: Sequence[Json]) -> Sequence[Json]:
        if isinstance(charges, Generated):
            return charges
        return [one for one in charges if one["processing"]["status"] in {"Ready", "Skipped"}]

    def _skip_overridden(self, charges: Sequence[Json]) -> None:
        pairs = {
            (one.body["client"]["id"], one.body["vendor"]["id"])
            for one in self.books.of_kind("manual-overrides")
            if one.status == "Active"
        }
        for pair, rows in charging.grouped(charges, _pair).items():
            if tuple(pair.split("/")) in pairs:
                charging.mark(rows, processing={"status": "Skipped"}, billingType="Manual")

    def reset(self, journal: Record, by: Account) -> None:
        """Operations takes an accepted journal back: its ledgers and statements go."""
        self._must_be(journal, "Generated", "Accepted")
        self._move(journal, "Resetting", by.ref)

        def back() -> None:
            self._remove_yield(journal)
            self._move(journal, "Review")

        self._later(journal, "Resetting", back)

    def _remove_yield(self, journal: Record) -> None:
        for ledger in self.ledgers_of(journal):
            for statement in self.statements_of(ledger):
                del self.books.records[statement.id]
            del self.books.records[ledger.id]
        charging.mark(journal.charges, ledger=None, statement=None)


def _pair(charge: Json) -> str:
    return f"{charge['client']['id']}/{charge['vendor']['id']}"
