"""Making drafts of invoices, bills and credit notes, and taking them back.

Nothing is in the books yet: a draft can be rewritten and deleted. What Tryton has already, by our
marker or (customer documents) under the same number for the same party, is not made again.
"""

from collections import defaultdict
from collections.abc import Sequence

from connectors.errors import Conflict, OutcomeUnknown, Rejected
from connectors.tryton import mapping
from connectors.tryton.batch import in_one_call, made_for, unsettled
from connectors.tryton.books import Books
from connectors.tryton.client import Client
from connectors.tryton.values import (
    address_of,
    booked,
    header,
    line_values,
    one_line,
    tax_rows,
    tryton_id,
)
from connectors.tryton.wire import Domain, Invoice, Party, Values
from connectors.tryton.work import DocumentWork, already_there, kind_of, several
from models.canonical import ObjectType

MODEL = "account.invoice"


class Drafts:
    """The drafts of one connection."""

    def __init__(self, client: Client, books: Books) -> None:
        self._client = client
        self._books = books

    def rows(self, domain: Domain) -> list[Invoice]:
        """Invoices of the company, as wire models."""
        ours = ["company", "=", self._client.company]
        return self._client.all(Invoice, MODEL, [ours, domain])

    def read(self, batch: Sequence[DocumentWork]) -> None:
        """Read where documents stand, in one call; those that are gone keep no row."""
        ids: dict[DocumentWork, int] = {}
        for work in batch:
            try:
                ids[work] = (
                    work.row.id if work.row else tryton_id(work.item.platform_id or "", "invoice")
                )
            except Rejected as error:
                work.fail(error)
        if ids:
            rows = {row.id: row for row in self.rows(["id", "in", sorted(set(ids.values()))])}
            for work, record_id in ids.items():
                work.row = rows.get(record_id)

    def create(self, batch: Sequence[DocumentWork]) -> None:
        """Make drafts of those that Tryton does not have."""
        self._leave_out_what_is_there(batch)
        values = self._values(unsettled(batch))
        parts = in_one_call(
            list(values),
            lambda some: self._client.create(MODEL, [values[work] for work in some]),
            left_traces=lambda some: bool(self._marked(some)),
        )
        for part in parts:
            for position, work in enumerate(part.items):
                if part.answer is not None:
                    work.stepped("created", part.answer[position])
                else:
                    work.fail(part.error or OutcomeUnknown("no answer", code="bug"))

    def rewrite(self, batch: Sequence[DocumentWork]) -> None:
        """Give drafts the content that was handed in since they were made."""
        values = self._values(batch)
        for work, changed in values.items():
            row = work.there
            changed["lines"] = [["delete", [line.id for line in row.lines]], *changed["lines"]]
            changed["taxes"] = [
                ["delete", [tax.id for tax in row.taxes]],
                *changed.get("taxes", []),
            ]
        parts = in_one_call(
            list(values),
            lambda some: self._client.update(
                MODEL, [(work.there.id, values[work]) for work in some]
            ),
            # The same content may be written again.
            left_traces=lambda _: False,
        )
        for part in parts:
            for work in part.items:
                if part.error is None:
                    work.stepped("created", work.there.id)
                else:
                    work.fail(part.error)

    def withdraw(self, batch: Sequence[DocumentWork]) -> set[DocumentWork]:
        """Delete drafts, so that nothing half-done stays; which of them are gone.

        What cannot be deleted (somebody has changed it, or the connection broke off) stays, and
        is found again when the record is pushed the next time.
        """
        parts = in_one_call(
            list(batch),
            lambda some: self._client.press(MODEL, "delete", [work.there.id for work in some]),
            left_traces=lambda _: True,
        )
        return {work for part in parts if part.error is None for work in part.items}

    def _marked(self, batch: Sequence[DocumentWork]) -> list[Invoice]:
        return self.rows(["description", "in", [work.item.marker for work in batch]])

    def _leave_out_what_is_there(self, batch: Sequence[DocumentWork]) -> None:
        """Tryton has no idempotency key, and takes a customer's invoice any number of times."""
        if not batch:
            return
        domain: Domain = ["OR", ["description", "in", [work.item.marker for work in batch]]]
        if numbers := [one_line(work.record.number) for work in batch if work.numbered_by_us]:
            domain.append([["type", "=", "out"], ["reference", "in", numbers]])
        rows = [row for row in self.rows(domain) if row.state != "cancelled"]
        by_marker: defaultdict[str | None, list[Invoice]] = defaultdict(list)
        for row in rows:
            by_marker[mapping.marker_in(row.description)].append(row)
        by_number = {
            (row.reference, str(row.party), kind_of(row)): row for row in rows if row.type == "out"
        }
        for work in batch:
            record = work.record
            marked = [row for row in by_marker[work.item.marker] if work.may_be(row)]
            if len(marked) > 1:
                work.fail(Conflict(several(work, marked), code="ambiguous"))
            elif marked:
                work.stepped("created", marked[0].id, as_sent=False)
            elif work.numbered_by_us:
                key = (one_line(record.number) or "", record.contact_id, ObjectType(record.type))
                if (theirs := by_number.get(key)) is not None:
                    work.fail(already_there(work, theirs))

    def _values(self, batch: Sequence[DocumentWork]) -> dict[DocumentWork, Values]:
        """What to write for each; those that cannot be expressed fail."""
        parties = self._parties(batch)
        return made_for(batch, lambda work: self._values_of(work, parties))

    def _values_of(self, work: DocumentWork, parties: dict[str, Party]) -> Values:
        record = work.record
        self._books.period(record.issue_date)
        party = parties.get(record.contact_id)
        if party is None:
            raise Rejected(f"Tryton has no party {record.contact_id}", code="unknown_party")
        lines = booked(record, self._books)
        values = header(record, work.item.marker, party, self._books)
        values["lines"] = [["create", line_values(record, lines, self._books)]]
        if rows := tax_rows(record, lines.lines, self._books):
            values["taxes"] = [["create", rows]]
        return values

    def _parties(self, batch: Sequence[DocumentWork]) -> dict[str, Party]:
        """The parties of a batch; one without any address gets an empty one: invoices need it."""
        named = {work.record.contact_id for work in batch}
        ids = sorted(int(contact) for contact in named if contact.isdecimal())
        if not ids:
            return {}
        domain = [["id", "in", ids]]
        parties = self._client.all(Party, "party.party", domain)
        if bare := [party.id for party in parties if address_of(party) is None]:
            new: Values = {"addresses": [["create", [{}]]]}
            self._client.update("party.party", [(party, new) for party in bare])
            parties = self._client.all(Party, "party.party", domain)
        return {str(party.id): party for party in parties}
