"""What is really in the books, for tests: not through the API."""

from collections import Counter

from connectors.apideck.simulated import shapes
from connectors.apideck.simulated.books import Books
from connectors.apideck.simulated.store import (
    DOCUMENTS,
    PAYMENTS,
    RESOURCES,
    ZERO,
    Json,
    Life,
    Record,
)

_KEYS = {
    "customers": "display_name",
    "suppliers": "display_name",
    "ledger-accounts": "code",
    "invoice-items": "code",
    "tax-rates": "code",
    "journal-entries": "source_id",
}


def seen(books: Books, resource: str, record_id: str) -> Json:
    """A record with all its members and decimals."""
    return shapes.exact(books, books.record(resource, record_id))


def documents(books: Books, resource: str, reference: str | None) -> list[Json]:
    """All records of a resource, or those with a reference."""
    return [
        shapes.exact(books, row)
        for row in books.tables[resource].values()
        if not books.vanished(row) and (reference is None or row.body.get("reference") == reference)
    ]


def payments_of(books: Books, resource: str, record_id: str) -> list[Json]:
    """Payments that stand, with all their allocations, whether they count yet or not."""
    document = books.record(resource, record_id)
    return [
        {**shapes.exact(books, by), "allocations": by.body["allocations"]}
        for by, _ in books.spent_on(document)
        if by.resource != "credit-notes"
    ]


def counts(books: Books, resource: str) -> Counter[str]:
    """How many records that stand carry each reference, or what else they are told apart by."""
    found = (_marker(row) for row in books.tables[resource].values() if _there(row))
    return Counter(marker for marker in found if marker)


def twice(books: Books) -> list[tuple[str, str]]:
    """What is there more than once, or paid more than it comes to.

    Documents of two contacts may share a reference, and so may the parts of a payment that the
    ledger has split by type of allocation.
    """
    seen_at: Counter[tuple[str, str, str]] = Counter()
    for resource in RESOURCES:
        for row in books.tables[resource].values():
            if _there(row) and (marker := _marker(row)):
                seen_at[resource, marker, _apart(row)] += 1
    doubled = [(at, marker) for (at, marker, _), count in seen_at.items() if count > 1]
    overpaid = [
        (resource, row.id)
        for resource in DOCUMENTS
        for row in books.tables[resource].values()
        if row.stands and books.open_of(row, pending=True) < ZERO
    ]
    return doubled + overpaid


def _there(row: Record) -> bool:
    return row.life not in {Life.VOID, Life.DELETED}


def _marker(row: Record) -> str | None:
    body = row.body
    marker: str | None = body.get(_KEYS.get(row.resource, "reference"))
    if marker is None and row.resource in PAYMENTS:
        marker = body.get("number") or body.get("note")
    if marker is None and row.resource == "journal-entries":
        marker = body.get("memo") or body.get("title")
    return marker


def _apart(row: Record) -> str:
    if row.resource in DOCUMENTS:
        party = row.body.get("customer") or row.body.get("supplier") or {}
        return str(party.get("id"))
    kinds = {one["type"] for one in row.body.get("allocations") or ()}
    return ",".join(sorted(kinds))
