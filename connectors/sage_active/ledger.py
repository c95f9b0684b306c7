"""Accounting entries as they are written: checked, created, looked up, deleted.

Sage's look-up field for an entry is its document number; that belongs to the document, so our
marker stands at the end of the description, except in payments. An entry is always handled as a
whole: a change is a deletion and a new entry.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from connectors.base import PushItem
from connectors.errors import Rejected
from connectors.sage_active import errors, mapping_entries, queries
from connectors.sage_active.books import Books
from connectors.sage_active.client import Client, Made
from connectors.sage_active.queries import Clause
from connectors.sage_active.values import EUR, present
from connectors.sage_active.wire import Entry
from models.canonical.money import ZERO, shown

NUMBER_LENGTH = 50
DESCRIPTION_LENGTH = 200
_FEWEST = 2


@dataclass(frozen=True)
class EntryLineOut:
    """One side of an entry to be."""

    account_id: str
    debit: Decimal = ZERO
    credit: Decimal = ZERO
    third_id: str | None = None
    description: str | None = None

    @classmethod
    def of(
        cls,
        account_id: str,
        amount: Decimal,
        *,
        third_id: str | None = None,
        description: str | None = None,
    ) -> "EntryLineOut":
        """A debit of an amount; a credit where it is below zero."""
        return cls(
            account_id,
            debit=max(amount, ZERO),
            credit=max(-amount, ZERO),
            third_id=third_id,
            description=description,
        )


@dataclass(frozen=True)
class EntryOut:
    """An entry to be."""

    label: str
    date: dt.date
    journal_id: str
    document_number: str
    description: str
    lines: Sequence[EntryLineOut]
    document_date: dt.date | None = None


class Ledger:
    """The entries of one organisation."""

    def __init__(self, client: Client, books: Books) -> None:
        self._client = client
        self._books = books

    def create(self, entry: EntryOut) -> Made:
        """Write an entry, after everything that Sage would refuse it for has been checked.

        Raises:
            Rejected: It does not balance, is too long, or its period is closed.
            MappingMissing: An account is not there, or archived.
        """
        self._check(entry)
        self._books.require_open(entry.date)
        self._books.require_active(line.account_id for line in entry.lines)
        lines = [
            present(
                {
                    "subAccountId": line.account_id,
                    "debitAmount": line.debit,
                    "creditAmount": line.credit,
                    "thirdId": line.third_id,
                    "description": line.description or None,
                }
            )
            for line in entry.lines
        ]
        return self._client.create_entry(
            present(
                {
                    "date": entry.date.isoformat(),
                    "documentDate": entry.document_date.isoformat()
                    if entry.document_date
                    else None,
                    "journalTypeId": entry.journal_id,
                    "documentNumber": entry.document_number,
                    "description": entry.description,
                    "accountingEntryLines": lines,
                }
            )
        )

    def _check(self, entry: EntryOut) -> None:
        for text, limit, name in (
            (entry.document_number, NUMBER_LENGTH, "document number"),
            (entry.description, DESCRIPTION_LENGTH, "description"),
            *((line.description or "", DESCRIPTION_LENGTH, "line text") for line in entry.lines),
        ):
            if len(text) > limit:
                raise errors.too_long(name, limit, len(text), entry.label)
        if len(entry.lines) < _FEWEST:
            raise Rejected(f"{entry.label} needs at least two lines", code="lines")
        for place, line in enumerate(entry.lines):
            if (line.debit == ZERO) == (line.credit == ZERO):
                raise Rejected(
                    f"{entry.label}: exactly one of debit and credit must be above 0 in line "
                    f"{place + 1}",
                    code="line_amount",
                )
        debit = sum((line.debit for line in entry.lines), ZERO)
        credit = sum((line.credit for line in entry.lines), ZERO)
        if debit != credit:
            raise errors.unbalanced(entry.label, shown(debit, EUR), shown(credit, EUR))

    def row(self, entry_id: str) -> Entry | None:
        """An entry by its id."""
        found = self._client.by_ids(Entry, queries.ENTRIES, [entry_id])
        return found[0] if found else None

    def rows(self, items: Sequence[PushItem], *, by: str = "description") -> list[Entry]:
        """Entries that carry the markers or have the ids of items: one query for all."""
        return rows_for(self._client, items, by=by)

    def delete(self, entry: Entry, label: str) -> None:
        """Take an entry out of the books.

        Raises:
            Rejected: It is closed, or matched with others.
        """
        if mapping_entries.is_matched(entry):
            raise errors.matched(label)
        if entry.is_closed:
            raise errors.frozen("journal entry", label)
        if entry.date is not None:
            self._books.require_open(entry.date)
        self._client.delete_entry(entry.id)


def rows_for(client: Client, items: Sequence[PushItem], *, by: str) -> list[Entry]:
    """Entries by the markers of items in a text field, and by their ids."""
    ids = known_ids(items)
    markers = [item.marker for item in items]
    text: Clause
    if by == "documentNumber":
        text = queries.is_one_of(by, markers, "String")
    else:
        text = queries.says_one_of(by, markers)
    clause = queries.either(text, queries.is_one_of("id", ids)) if ids else text
    return client.all(Entry, queries.ENTRIES, [clause])


def known_ids(items: Iterable[PushItem]) -> list[str]:
    """The ids in Sage Active that items have."""
    return sorted({item.platform_id for item in items if item.platform_id})


def sides_of(entry: Entry) -> dict[tuple[str, str | None], Decimal]:
    """What an entry does to each account and third party; Sage merges lines of the same one."""
    found: dict[tuple[str, str | None], Decimal] = {}
    for line in entry.accounting_entry_lines:
        party = line.accounting_entry_third_party
        key = (
            (line.sub_account.id if line.sub_account else None) or "",
            party.third_party_id if party else None,
        )
        found[key] = found.get(key, ZERO) + line.debit_amount - line.credit_amount
    return {key: amount for key, amount in found.items() if amount}


def sides_to_be(lines: Iterable[EntryLineOut]) -> dict[tuple[str, str | None], Decimal]:
    """The same of an entry that is not written yet."""
    found: dict[tuple[str, str | None], Decimal] = {}
    for line in lines:
        key = (line.account_id, line.third_id)
        found[key] = found.get(key, ZERO) + line.debit - line.credit
    return {key: amount for key, amount in found.items() if amount}
