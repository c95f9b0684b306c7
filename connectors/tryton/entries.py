"""Pushing journal entries: movements with the lines as they are handed in."""

from collections.abc import Sequence

from connectors.base import Accepted, Found, PushItem, Totals
from connectors.errors import Cause, ConnectorError, OutcomeUnknown, Rejected, Unsupported
from connectors.tryton.batch import made_for
from connectors.tryton.moves import MODEL, Moves, MoveWork, described
from connectors.tryton.values import one_line, tryton_id
from connectors.tryton.wire import Account, Move, Values
from models.canonical import JournalEntry, JournalLine
from models.canonical.money import ZERO, shown, total_of


class Entries(Moves):
    """Batches of journal entries for one connection."""

    def values_of(self, batch: Sequence[MoveWork]) -> dict[MoveWork, Values]:
        """One movement per entry; what is not expressible fails."""
        named = {
            int(line.account_id)
            for work in batch
            for line in _entry(work).lines
            if line.account_id.isdecimal()
        }
        accounts = self.books.accounts(named)
        return made_for(batch, lambda work: self._values_of(work, accounts))

    def check(self, batch: Sequence[MoveWork]) -> None:
        """Closed periods."""
        for work in batch:
            try:
                self.books.period(_entry(work).date)
            except Rejected as error:
                work.fail(error)

    def is_same(self, work: MoveWork) -> bool:
        """Whether date and lines are those of the record."""
        ours = sorted(
            (int(line.account_id), line.debit - line.credit) for line in _entry(work).lines
        )
        theirs = sorted((line.account.id, line.debit - line.credit) for line in work.there.lines)
        return work.there.date == _entry(work).date and ours == theirs

    def posted(self, batch: Sequence[MoveWork]) -> None:
        """Read the number back; nothing else is left to do."""
        if not batch:
            return
        try:
            self.read(batch)
        except ConnectorError as error:
            for work in batch:
                work.fail(OutcomeUnknown(f"it could not be read back: {error.message}"))
            return
        self.finish([work for work in batch if work.row is not None])

    def finish(self, batch: Sequence[MoveWork]) -> None:
        """Say what Tryton has."""
        for work in batch:
            work.result = self._accepted(work.there, tuple(_notes(_entry(work))))

    def judged(self, items: Sequence[tuple[PushItem, Move]]) -> list[Found]:
        """A posted entry is complete."""
        return [Found(self._accepted(move)) for _, move in items]

    def unlink(self, batch: Sequence[MoveWork]) -> None:
        """Nothing hangs on the draft of an entry."""

    def _values_of(self, work: MoveWork, accounts: dict[int, Account]) -> Values:
        entry = _entry(work)
        base = self.books.company.currency.code
        if entry.currency != base:
            raise Unsupported(
                f"entries in {entry.currency} are not taken: these books are in {base}",
                code="other_currency",
            )
        if (left := total_of(line.debit - line.credit for line in entry.lines)) != ZERO:
            # Tryton on SQLite posts it all the same: it compares the sum with a text there.
            raise Rejected(f"debits and credits differ by {shown(left, base)}", code="unbalanced")
        period = self.books.period(entry.date)
        lines = [
            _line(line, position, accounts) for position, line in enumerate(entry.lines, start=1)
        ]
        return {
            "company": self.client.company,
            "journal": (
                self.books.journal_named(entry.journal)
                if entry.journal
                else self.books.entry_journal
            ),
            "period": period.id,
            "date": entry.date,
            "description": described(
                work.item.marker, entry.description or entry.number, entry.document_number
            ),
            "lines": [["create", lines]],
        }

    def _accepted(self, move: Move, notes: tuple[str, ...] = ()) -> Accepted:
        return Accepted(
            platform_id=str(move.id),
            number=move.number or None,
            totals=Totals(total=total_of(line.debit for line in move.lines)),
            version=move.version,
            url=self.link(MODEL, move.id),
            notes=notes,
        )


def _entry(work: MoveWork) -> JournalEntry:
    assert isinstance(work.item.record, JournalEntry)  # noqa: S101  # by the type that is pushed
    return work.item.record


def _line(line: JournalLine, position: int, accounts: dict[int, Account]) -> Values:
    account = accounts.get(tryton_id(line.account_id, "account"))
    if account is None:
        raise Rejected(
            f"line {position} names the account {line.account_id}, which Tryton does not have",
            code="account_unmapped",
            cause=Cause("account_unmapped", line.account_id, {"account": line.account_id}),
        )
    values: Values = {
        "account": account.id,
        "debit": line.debit,
        "credit": line.credit,
        "description": one_line(line.description),
    }
    if account.party_required:
        if line.contact_id is None:
            raise Rejected(
                f"line {position}: Tryton's account {account.code or account.name} needs a "
                "third party",
                code="third_party_missing",
            )
        values["party"] = tryton_id(line.contact_id, "party")
    if account.type is not None and (account.type.receivable or account.type.payable):
        dates = [item.due_date for item in line.open_items if item.due_date]
        values["maturity_date"] = max(dates, default=None)
    return values


def _notes(entry: JournalEntry) -> list[str]:
    notes = []
    if any(line.tax_rate_id for line in entry.lines):
        notes.append("the tax codes of the lines are not booked")
    if any(line.dimensions for line in entry.lines):
        notes.append("the dimensions of the lines are not booked")
    if any(len(line.open_items) > 1 for line in entry.lines):
        notes.append("of several instalments the last due date is kept")
    return notes
