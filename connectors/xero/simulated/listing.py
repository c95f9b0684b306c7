"""Lists: named parameters, filters, `If-Modified-Since`, order, pages.

Pages are cut from what is there when they are asked for: a record that changes between two pages
moves to the end, and the one behind the border is skipped.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from connectors.faults import Refusal, Request
from connectors.xero.simulated import answers, filters
from connectors.xero.simulated.shapes import Detail
from connectors.xero.simulated.store import ID_FIELDS, Books
from connectors.xero.simulated.values import Malformed, Row, guid_of

_COMMON = frozenset({"where", "order"})
_PAGES = frozenset({"page", "pageSize"})
PARAMETERS: dict[str, frozenset[str]] = {
    "Invoices": _COMMON
    | _PAGES
    | {"IDs", "InvoiceNumbers", "ContactIDs", "Statuses", "includeArchived", "summaryOnly"}
    | {"unitdp"},
    "CreditNotes": _COMMON | _PAGES | {"unitdp"},
    "Payments": _COMMON | _PAGES,
    "Overpayments": _COMMON | _PAGES | {"unitdp", "References"},
    "Prepayments": _COMMON | _PAGES | {"unitdp", "InvoiceNumbers"},
    "ManualJournals": _COMMON | _PAGES,
    "Contacts": _COMMON | _PAGES | {"IDs", "includeArchived", "summaryOnly", "searchTerm"},
    "Accounts": _COMMON,
    "BatchPayments": _COMMON,
    "Items": _COMMON | {"unitdp"},
    "TaxRates": _COMMON | {"TaxType"},
    "Currencies": _COMMON,
    "TrackingCategories": _COMMON | {"includeArchived"},
}
_WITHOUT_DATE = frozenset({"TaxRates", "Currencies", "TrackingCategories"})
_SEARCHED = ("Name", "FirstName", "LastName", "ContactNumber", "EmailAddress")
_CAPPED = frozenset({"Invoices", "Contacts", "Payments", "CreditNotes", "ManualJournals"})


@dataclass(frozen=True)
class Found:
    """What a list gives."""

    rows: list[Row]
    detail: Detail
    pagination: Row | None = None


def listed(books: Books, endpoint: str, request: Request) -> Found:
    """The rows that a request asks for.

    Raises:
        Refusal: It cannot be understood, or is too large.
    """
    query = request.query
    if unknown := query.keys() - PARAMETERS[endpoint]:
        raise answers.unparsable(f"{', '.join(sorted(unknown))} of {endpoint} is not modelled")
    rows = _named(books, endpoint, query)
    rows = _since(books, endpoint, request, rows)
    if text := query.get("where"):
        test = filters.where(books, endpoint, text)
        rows = [row for row in rows if test(row)]
    rows = sorted(rows, key=lambda row: (row["UpdatedDateUTC"], row[ID_FIELDS[endpoint]]))
    rows = filters.ordered(endpoint, rows, query.get("order", ""))
    if endpoint in _CAPPED and len(rows) > books.rules().largest_result:
        raise answers.exception(
            "ValidationException", f"The request would return more than {len(rows) - 1} records"
        )
    return _page(books, endpoint, query, rows)


def _named(books: Books, endpoint: str, query: Any) -> list[Row]:
    rows = books.rows(endpoint)
    for name, field in (
        ("IDs", ID_FIELDS[endpoint]),
        ("ContactIDs", "_contact"),
        ("InvoiceNumbers", "InvoiceNumber"),
        ("Statuses", "Status"),
        ("References", "Reference"),
        ("TaxType", "TaxType"),
    ):
        if name not in query:
            continue
        wanted = {part.strip() for part in query[name].split(",")}
        if name in {"IDs", "ContactIDs"}:
            try:
                wanted = {guid_of(part, name) for part in wanted}
            except Malformed as error:
                raise answers.unparsable(str(error)) from None
        rows = [row for row in rows if row.get(field) in wanted]
    if endpoint == "Contacts" and query.get("includeArchived", "").lower() != "true":
        rows = [row for row in rows if row["ContactStatus"] != "ARCHIVED"]
    if term := query.get("searchTerm", "").casefold():
        rows = [
            row
            for row in rows
            if any(term in str(row.get(name) or "").casefold() for name in _SEARCHED)
        ]
    return rows


def _since(books: Books, endpoint: str, request: Request, rows: list[Row]) -> list[Row]:
    """What changed since a second; what posted nothing has not moved its date."""
    text = request.headers.get("if-modified-since")
    if text is None or endpoint in _WITHOUT_DATE:
        return rows
    try:
        since = dt.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=dt.UTC)
    except ValueError:
        raise Refusal(412, b"", {"content-type": "text/plain"}) from None
    if not books.rules().since_includes_its_second:
        since += dt.timedelta(seconds=1)
    return [row for row in rows if row["UpdatedDateUTC"] >= since]


def _page(books: Books, endpoint: str, query: Any, rows: list[Row]) -> Found:
    summary = query.get("summaryOnly", "").lower() == "true"
    paged = "page" in query or summary or "Statuses" in query
    if endpoint == "ManualJournals" and "order" in query:
        paged = False
    detail = Detail.SUMMARY if summary else Detail.FULL
    if not paged or not PARAMETERS[endpoint] >= _PAGES:
        whole = PARAMETERS[endpoint] >= _PAGES
        return Found(rows, Detail.UNPAGED if whole else Detail.FULL)
    rules = books.rules()
    page = max(1, _whole(query.get("page", "1"), "page"))
    size = _whole(query.get("pageSize", str(rules.default_page)), "pageSize")
    size = min(max(1, size), rules.largest_page)
    start = (page - 1) * size
    pagination = {
        "page": page,
        "pageSize": size,
        "pageCount": -(-len(rows) // size),
        "itemCount": len(rows),
    }
    return Found(rows[start : start + size], detail, pagination)


def _whole(text: str, name: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise answers.unparsable(f"{name} is not a number: {text!r}") from None
