"""Taking drafts into the books, comparing before and reading back after; and voiding.

Facts about Tryton 8.2 that shape this, seen on trytond 8.2.1 (module account_invoice):

* Customer invoices are numbered in the order of their dates (`set_number`). One that is dated
  before the last one of its sequence gets that one's invoice date, and its own as accounting date.
* A customer's due date in the past is a question (`get_move`). It is written to the movement
  after posting, where Tryton lets people change it too.
* A call that names one document that is posted already is refused for all of them.
"""

import contextlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import date

from connectors.base import Accepted, Totals
from connectors.errors import (
    Cause,
    Conflict,
    ConnectorError,
    OutcomeUnknown,
    Rejected,
    Transient,
)
from connectors.tryton.batch import in_one_call, together, unsettled
from connectors.tryton.books import Books
from connectors.tryton.client import Client
from connectors.tryton.drafts import MODEL, Drafts
from connectors.tryton.settings import LateInvoices
from connectors.tryton.values import booked, is_supplier, sign_of
from connectors.tryton.wire import Values
from connectors.tryton.work import (
    IN_THE_BOOKS,
    NOT_POSTED,
    DocumentWork,
    differing_sums,
    frozen,
    outside_number,
    same_content,
)
from models.canonical import CreditNote

Link = Callable[[str, int], str | None]


class Posting:
    """The documents of one connection that are in Tryton, on their way into the books."""

    def __init__(self, client: Client, books: Books, drafts: Drafts, link: Link) -> None:
        self._client = client
        self._books = books
        self._drafts = drafts
        self._link = link

    def go_on(self, batch: Sequence[DocumentWork]) -> None:
        """Do the next step for documents of which it was just read where they stand."""
        for work in batch:
            state = work.there.state
            if state == "cancelled":
                work.fail(_cancelled(work))
            elif state not in NOT_POSTED | IN_THE_BOOKS:
                work.fail(OutcomeUnknown(f"Tryton has it in the state {state!r}", code=state))
        drafts = [work for work in unsettled(batch) if work.there.state in NOT_POSTED]
        self._drafts.rewrite([work for work in drafts if work.changed_since_draft])
        ready = [work for work in unsettled(drafts) if self._is_as_stated(work)]
        self._withdraw([work for work in unsettled(drafts) if work not in ready])
        self._post(ready)
        posted = [work for work in unsettled(batch) if work.there.state in IN_THE_BOOKS]
        self._finish([work for work in posted if self._is_ours(work)])

    # Posting.

    def _is_as_stated(self, work: DocumentWork) -> bool:
        return differing_sums(work) is None

    def _is_ours(self, work: DocumentWork) -> bool:
        """Whether what is posted is what we were asked to post."""
        if not work.changed_since_draft:
            return True
        with contextlib.suppress(ConnectorError, ValueError):
            if same_content(work, booked(work.record, self._books)):
                return True
        work.fail(frozen(work))
        return False

    def _post(self, batch: Sequence[DocumentWork]) -> None:
        if not batch:
            return
        numbered_on = self._date_late_ones(batch)
        # In the order of their dates, also when a refusal leaves only halves of the batch.
        in_order = sorted(unsettled(batch), key=lambda work: numbered_on[work])
        parts = in_one_call(
            in_order,
            lambda some: self._client.press(MODEL, "post", [work.there.id for work in some]),
            left_traces=self._any_posted,
        )
        refused: dict[DocumentWork, ConnectorError] = {}
        for part in parts:
            for work in part.items:
                if isinstance(part.error, Rejected):
                    refused[work] = part.error
                elif part.error is not None:
                    work.fail(part.error)
        self._read_back(unsettled(batch))
        self._take_back({work: why for work, why in refused.items() if work.result is None})

    def _read_back(self, batch: Sequence[DocumentWork]) -> None:
        if not batch:
            return
        try:
            self._drafts.read(batch)
        except ConnectorError as error:
            for work in batch:
                work.fail(OutcomeUnknown(f"it could not be read back: {error.message}"))
            return
        for work in batch:
            if work.row is None:
                work.fail(_vanished(work))

    def _any_posted(self, batch: Sequence[DocumentWork]) -> bool:
        rows = self._drafts.rows(["id", "in", [work.there.id for work in batch]])
        return any(row.state in IN_THE_BOOKS for row in rows)

    def _take_back(self, refused: dict[DocumentWork, ConnectorError]) -> None:
        """Withdraw drafts that Tryton does not post, and say why it does not."""
        # Somebody else may have posted it in the meantime: then it is not refused at all.
        still = {work: why for work, why in refused.items() if work.there.state in NOT_POSTED}
        if not still:
            return
        self._books.forget_periods()
        for work, why in still.items():
            try:
                self._books.period(work.record.issue_date)
                late = not is_supplier(work.record) and self._is_late_by_now(work)
            except Rejected as closed:
                work.fail(closed)
            except ConnectorError:
                work.fail(why)  # nothing more can be found out now
            else:
                later = Transient("a later one was numbered in the meantime", code="overtaken")
                work.fail(later if late else why)
        self._remove([work for work in still if not isinstance(work.error, Transient)])

    def _withdraw(self, batch: Sequence[DocumentWork]) -> None:
        """Take back drafts of which Tryton makes other sums than those that are stated."""
        for work in batch:
            difference = differing_sums(work) or ""
            words = {"document": work.label, "difference": difference}
            work.fail(
                Rejected(
                    f"Tryton computes other sums for the {work.label}: {difference}",
                    code="totals_differ",
                    cause=Cause("totals_differ", work.label, words),
                )
            )
        self._remove(batch)

    def _remove(self, batch: Sequence[DocumentWork]) -> None:
        """Delete the drafts of failed records; their errors then say that nothing is left."""
        gone = self._drafts.withdraw(batch)
        for work in batch:
            work.error.withdrawn = work in gone
            if work not in gone:
                work.stays(f"its draft stays in Tryton: {work.there.id}")

    # Customer invoices that come late.

    def _date_late_ones(self, batch: Sequence[DocumentWork]) -> dict[DocumentWork, date]:
        """Let Tryton number invoices that are dated before the last one it has numbered.

        Returns:
            The date under which each document will be numbered.
        """
        numbered_on = {work: work.record.issue_date for work in batch}
        if self._books.settings.late_invoices is LateInvoices.REFUSE:
            return numbered_on
        late = {
            work: limit
            for work, limit in self._last_dates(batch).items()
            if work.record.issue_date < limit
        }
        changes: list[tuple[int, Values]] = [
            (
                work.there.id,
                {"invoice_date": limit, "accounting_date": work.record.issue_date},
            )
            for work, limit in late.items()
        ]
        if changes:
            together(list(late), lambda _: self._client.update(MODEL, changes))
        return numbered_on | late

    def _last_dates(self, batch: Sequence[DocumentWork]) -> dict[DocumentWork, date]:
        """The date of the last number in each document's sequence: one call per sequence."""
        using: defaultdict[int, list[DocumentWork]] = defaultdict(list)
        for work in batch:
            if is_supplier(work.record):
                continue
            try:
                period = self._books.period(work.record.issue_date)
            except ConnectorError:
                continue  # Tryton will say so
            credit = isinstance(work.record, CreditNote)
            if (sequence := self._books.sequence(period, credit=credit)) is not None:
                using[sequence].append(work)
        found: dict[DocumentWork, date] = {}
        for sequence, works in using.items():
            rows = self._client.rows(
                MODEL,
                [["sequence", "=", sequence], ["invoice_date", "!=", None]],
                ["invoice_date"],
                limit=1,
                order=[["invoice_date", "DESC"]],
            ).values
            for row in rows:
                if isinstance(last := row.get("invoice_date"), date):
                    found |= dict.fromkeys(works, last)
        return found

    def _is_late_by_now(self, work: DocumentWork) -> bool:
        if self._books.settings.late_invoices is LateInvoices.REFUSE:
            return False
        limit = self._last_dates([work]).get(work)
        return limit is not None and (work.there.invoice_date or work.record.issue_date) < limit

    # What is in the books.

    def _finish(self, batch: Sequence[DocumentWork]) -> None:
        """Set due dates and say what Tryton has made of the documents."""
        self._set_due_dates(batch)
        for work in unsettled(batch):
            row, sign = work.there, sign_of(work.record)
            # Reference data may have changed since; the document is posted all the same.
            with contextlib.suppress(ConnectorError):
                work.notes += booked(work.record, self._books).notes
            if row.accounting_date is not None and row.invoice_date is not None:
                work.notes.append(
                    f"booked on {row.accounting_date}, with the invoice date {row.invoice_date}: "
                    "Tryton numbers in the order of dates"
                )
            work.result = Accepted(
                platform_id=str(row.id),
                number=outside_number(row),
                totals=Totals(
                    net=sign * row.untaxed_amount,
                    tax=sign * row.tax_amount,
                    total=sign * row.total_amount,
                ),
                version=row.version,
                url=self._link(MODEL, row.id),
                notes=tuple(work.notes),
            )

    def _set_due_dates(self, batch: Sequence[DocumentWork]) -> None:
        wrong = {work: line for work in batch if (line := wrong_due_date(work)) is not None}
        if not wrong:
            return
        parts = in_one_call(
            list(wrong),
            lambda some: self._client.update(
                "account.move.line",
                [(wrong[work], {"maturity_date": work.record.due_date}) for work in some],
            ),
            left_traces=lambda _: False,
        )
        for part in parts:
            for work in part.items:
                if isinstance(part.error, Rejected):
                    work.notes.append(f"Tryton does not take the due date: {part.error.message}")
                elif part.error is not None:
                    work.fail(part.error)

    # Voiding.

    def void(self, batch: Sequence[DocumentWork]) -> None:
        """Cancel documents; what is cancelled already, or gone, is void."""
        for work in batch:
            if work.row is None:
                work.result = Accepted(
                    work.item.platform_id or "", notes=("it was deleted in Tryton",)
                )
            elif work.row.state == "paid":
                work.fail(
                    Rejected(
                        "Tryton does not cancel what is paid: undo the payment's reconciliation "
                        "there first",
                        code="paid",
                    )
                )
            elif work.row.state == "posted" and not work.row.allow_cancel:
                work.fail(
                    Rejected(
                        "Tryton does not cancel posted customer invoices: write a credit note, or "
                        "allow it in the company's settings there",
                        code="not_cancellable",
                    )
                )
        open_ones = [work for work in unsettled(batch) if work.there.state != "cancelled"]
        parts = in_one_call(
            open_ones,
            lambda some: self._client.press(MODEL, "cancel", [work.there.id for work in some]),
            # Cancelling may be asked for again.
            left_traces=lambda _: False,
        )
        for part in parts:
            for work in part.items:
                if part.error is not None:
                    work.fail(part.error)
        self._read_back(unsettled(batch))
        for work in unsettled(batch):
            row = work.there
            if row.state != "cancelled":
                work.fail(OutcomeUnknown("Tryton did not cancel it", code=row.state))
                continue
            work.result = Accepted(
                platform_id=str(row.id),
                number=outside_number(row),
                version=row.version,
                url=self._link(MODEL, row.id),
            )


def wrong_due_date(work: DocumentWork) -> int | None:
    """The movement line whose date of maturity is not the document's due date, if any."""
    row, due = work.there, work.record.due_date
    if is_supplier(work.record) or due is None or len(row.lines_to_pay) != 1:
        return None
    (line,) = row.lines_to_pay
    if line.reconciliation is not None or line.maturity_date == due:
        return None
    return line.id


def _cancelled(work: DocumentWork) -> Rejected:
    """Somebody has cancelled it in Tryton; what never was in the books may be made again."""
    never_booked = not work.there.number
    return Conflict(
        f"the {work.label} was cancelled in Tryton", code="cancelled", withdrawn=never_booked
    )


def _vanished(work: DocumentWork) -> Rejected:
    return Conflict(f"the draft of the {work.label} was deleted in Tryton", withdrawn=True)
