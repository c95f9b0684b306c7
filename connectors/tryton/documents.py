"""Pushing and looking up invoices, bills and credit notes.

A batch takes two pushes: the first makes drafts (`drafts`), the second compares Tryton's sums
with the stated ones, posts and reads back (`posting`). Every call is for the whole batch, and
each push begins by reading where the documents stand, so that a step whose answer was lost is not
done a second time.

`number` cannot be given over RPC: Tryton 8.2 refuses fields that are read-only on the screen. So
Tryton numbers, the document's own number is in `reference`, and our marker in `description`,
which Tryton copies to the movement's lines.
"""

from collections import defaultdict
from collections.abc import Sequence

from connectors.base import (
    Absent,
    Accepted,
    FindResult,
    Found,
    Operation,
    PushItem,
    PushResult,
    Totals,
    Unclear,
)
from connectors.tryton import mapping
from connectors.tryton.batch import together, unsettled
from connectors.tryton.books import Books
from connectors.tryton.client import Client
from connectors.tryton.drafts import MODEL, Drafts
from connectors.tryton.posting import Link, Posting, wrong_due_date
from connectors.tryton.values import known_ids, sign_of
from connectors.tryton.wire import Domain, Invoice
from connectors.tryton.work import IN_THE_BOOKS, DocumentWork, deleted, outside_number, several


class Documents:
    """Batches of invoices, bills and credit notes for one connection."""

    def __init__(self, client: Client, books: Books, link: Link) -> None:
        self._drafts = Drafts(client, books)
        self._posting = Posting(client, books, self._drafts, link)
        self._link = link

    def push(self, items: Sequence[PushItem]) -> list[PushResult]:
        """Take each record one step further."""
        batch = [DocumentWork(item) for item in items]
        known = [work for work in batch if work.item.platform_id]
        together(known, self._drafts.read)
        to_void = [work for work in unsettled(known) if work.item.operation is Operation.VOID]
        together(to_void, self._posting.void)
        for work in unsettled(known):
            if work.row is None and work.item.progress is None:
                work.fail(deleted(work))
        together([work for work in unsettled(known) if work.row], self._posting.go_on)
        # Also those whose draft somebody deleted between two steps.
        together([work for work in unsettled(batch) if work.row is None], self._drafts.create)
        return [work.settled() for work in batch]

    def find(self, items: Sequence[PushItem]) -> list[FindResult]:
        """Look documents up by their ids and by the marker in `description`, in one call.

        The records are as they were handed in: only what is no reference may be used of them.
        """
        ids = known_ids(items)
        domain: Domain = ["OR", ["id", "in", ids]]
        domain += [["description", "like", f"%{item.marker}%"] for item in items]
        rows = self._drafts.rows(domain)
        by_marker: defaultdict[str | None, list[Invoice]] = defaultdict(list)
        for row in rows:
            by_marker[mapping.marker_in(row.description)].append(row)
        by_id = {str(row.id): row for row in rows}
        found: list[FindResult] = []
        for item in items:
            named = by_id.get(item.platform_id or "")
            work = DocumentWork(item)
            marked = [row for row in by_marker[item.marker] if work.may_be(row)]
            candidates = {row.id: row for row in [*marked, *([named] if named else [])]}
            found.append(self._judged(work, list(candidates.values())))
        return found

    def _judged(self, work: DocumentWork, rows: Sequence[Invoice]) -> FindResult:
        # A draft that somebody cancelled never was in the books; it does not stand for ours.
        rows = [row for row in rows if row.state != "cancelled" or row.number]
        if not rows:
            return Absent()
        if len(rows) > 1:
            return Unclear(several(work, rows), self._link(MODEL, rows[0].id))
        (row,) = rows
        work.row = row
        sign = sign_of(work.record)
        accepted = Accepted(
            platform_id=str(row.id),
            number=outside_number(row),
            totals=Totals(
                net=sign * row.untaxed_amount,
                tax=sign * row.tax_amount,
                total=sign * row.total_amount,
            ),
            version=row.version,
            url=self._link(MODEL, row.id),
        )
        if row.state == "cancelled" or (row.state in IN_THE_BOOKS and wrong_due_date(work) is None):
            return Found(accepted)
        step = "posted" if row.state in IN_THE_BOOKS else "created"
        return Found(accepted, progress={"step": step})
