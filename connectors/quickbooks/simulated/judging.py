"""What exists twice, by any meaning that a marker or a number can have."""

from collections import Counter
from collections.abc import Iterator

from connectors.quickbooks.simulated.books import Books, Row
from connectors.quickbooks.simulated.entities import NAMES, POSTING
from connectors.quickbooks.simulated.render import party_of

_NAMED = {"Item": "Name", "Account": "FullyQualifiedName"}


def twice(books: Books) -> list[tuple[str, str]]:
    """(entity, key) of everything that stands and is there more than once."""
    found: Counter[tuple[str, str]] = Counter()
    for entity in POSTING:
        for row in books.rows(entity):
            if not row.voided and not row.surplus_of:
                found.update((entity, key) for key in _keys(row))
    for entity in NAMES:
        found.update(("names", row.body["DisplayName"].casefold()) for row in books.rows(entity))
    for entity, member in _NAMED.items():
        found.update((entity, row.body[member].casefold()) for row in books.rows(entity))
    return [key for key, times in found.items() if times > 1]


def _keys(row: Row) -> Iterator[str]:
    body, party = row.body, party_of(row) or ""
    number = body.get("DocNumber") or body.get("PaymentRefNum")
    if number:
        within = "" if row.entity in {"Invoice", "CreditMemo", "JournalEntry"} else f"{party}/"
        yield f"number {within}{number}".casefold()
    if note := body.get("PrivateNote"):
        yield f"note {note}"
