"""Pairing documents of ours with what a ledger has already, before anything is posted.

Every run does this after its pulls, also for documents dated before posting starts: they are
never posted, but payments of them can be, and their paid state is known.
"""

from decimal import Decimal
from uuid import UUID

from connectors.base import ConnectorSpec
from connectors.errors import Cause
from models.canonical import ObjectType, TaxUse
from models.repositories import Claimed
from models.tables import ConnectionRow
from models.unit_of_work import UnitOfWork
from sync.engine import Engine, log
from sync.poison import BUGS
from sync.prepare import books_of, matches, paired, standing_of
from sync.references import Books, WaitsForParentError, translated
from sync.settling import write_down
from sync.tax_rates import UnmatchedError

MATCHED_TYPES = (
    ObjectType.CONTACT,
    ObjectType.INVOICE,
    ObjectType.BILL,
    ObjectType.CREDIT_NOTE,
)
CHUNK = 500


def close_what_is_resolved(work: UnitOfWork, connection: ConnectionRow, books: Books) -> int:
    """Release what waited for a tax rate or account that the ledger has by now; how much."""

    def resolved(code: str, subject: str) -> bool:
        for use in (TaxUse.SALES, TaxUse.PURCHASES):
            try:
                if code == "account_unmapped":
                    books.account(subject, "")
                else:
                    books.rate(None, Decimal(subject), use)
            except (UnmatchedError, ArithmeticError):
                continue
            return True
        return False

    released = 0
    for issue, _ in work.issues.listing(connection.id):
        if issue.code in _RESOLVABLE and resolved(issue.code, issue.subject):
            released += work.queue.release_issue(issue.id)
            work.issues.close([issue.id], by="the ledger has it now")
    return released


_RESOLVABLE = frozenset({"tax_rate_unmapped", "tax_rate_ambiguous", "account_unmapped"})


def match_existing(
    engine: Engine, connection: ConnectionRow, spec: ConnectorSpec
) -> dict[ObjectType, int]:
    """Pair what is certain; how many of each type were paired."""
    found: dict[ObjectType, int] = {}
    for kind in MATCHED_TYPES:
        if spec.pushes(kind) is None:
            continue
        after: UUID | None = None
        while True:
            with engine.begin() as work:
                chunk = work.records.unpaired(connection.id, kind, after=after, limit=CHUNK)
                if not chunk:
                    break
                books = books_of(work, connection, spec)
                known = standing_of(
                    work, connection, [(one.source_id, one.document) for one in chunk]
                )
                records = []
                for one in chunk:
                    try:
                        translation = translated(one.document, books, known.get(one.source_id, {}))
                    except (WaitsForParentError, UnmatchedError):
                        continue
                    except BUGS:
                        log.exception("record.bug", record=str(one.id))
                        continue  # whoever pushes it finds out and tells a person
                    records.append((one, translation))
                by_id: dict[UUID, Claimed] = {one.id: one for one in chunk}
                decided = [
                    paired(by_id[record_id], match)
                    for record_id, match in matches(work, connection, books, records).items()
                    if not isinstance(match, Cause)
                ]
                write_down(work, engine, connection, decided, attempts={})
            after = chunk[-1].id
            found[kind] = found.get(kind, 0) + len(decided)
    return {kind: number for kind, number in found.items() if number}
