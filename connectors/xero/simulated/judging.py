"""What is really in the books, for tests: not through the API."""

from collections import Counter
from collections.abc import Iterator

from connectors.xero.simulated.store import Books, Row

GONE = frozenset({"DELETED", "VOIDED", "ARCHIVED"})
_TEXTS = (
    "InvoiceNumber",
    "CreditNoteNumber",
    "Reference",
    "Url",
    "Narration",
    "ContactNumber",
    "Name",
    "Code",
)


def stands(row: Row) -> bool:
    """Whether a row is neither deleted nor voided nor archived."""
    return row.get("Status", row.get("ContactStatus")) not in GONE


def with_text(books: Books, endpoint: str, text: str, *, standing: bool) -> list[Row]:
    """Rows that carry a text in one of the fields that hold numbers, references and markers."""
    return [
        row
        for row in books.rows(endpoint)
        if any(row.get(name) == text for name in _TEXTS) and (stands(row) or not standing)
    ]


def twice(books: Books) -> list[tuple[str, str]]:
    """Endpoint and key of everything that stands more than once."""
    seen: Counter[tuple[str, str]] = Counter()
    for endpoint in books.tables:
        for row in books.rows(endpoint):
            if stands(row):
                seen.update((endpoint, key) for key in _keys(endpoint, row))
    return [at for at, times in seen.items() if times > 1]


def _keys(endpoint: str, row: Row) -> Iterator[str]:
    """What no two rows that stand should share."""
    match endpoint:
        case "Invoices" | "CreditNotes":
            yield from _document_keys(row)
        case "Payments" if row.get("Reference"):
            yield f"{row['Reference']} of {row['_document']}"
        case "BatchPayments" if row.get("Reference"):
            yield f"{row['Reference']} on {row['Date']}"
        case "ManualJournals":
            yield row.get("Url") or f"{row['Narration']} on {row['Date']}"
        case "Contacts":
            yield f"name {str(row['Name']).casefold()}"
            if row.get("ContactNumber"):
                yield f"number {row['ContactNumber']}"
        case "Items" | "Accounts" if row.get("Code"):
            yield str(row["Code"])


def _document_keys(row: Row) -> Iterator[str]:
    kind = row["Type"]
    number = row.get("InvoiceNumber") or row.get("CreditNoteNumber")
    whose = "" if kind in {"ACCREC", "ACCRECCREDIT"} else f" of {row['_contact']}"
    if number:
        yield f"{kind} number {number}{whose}"
    for name in ("Url", "Reference"):
        if row.get(name):
            yield f"{kind} {name} {row[name]} of {row['_contact']}"
