"""What a list or a read may ask for, and the pages that come of it.

Filters and orders are those of the public OpenAPI document 10.34.0 and the Python SDK 0.52.0. That
unknown parameters are refused is ours, as is that a cursor is a bare position that remembers no
filter: the document's examples decode to `<service>::page::<n>`.
"""

import base64
import binascii
import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from connectors.apideck.simulated import answers, shapes
from connectors.apideck.simulated.checks import is_day, is_moment
from connectors.apideck.simulated.store import PAYMENTS, Json, Record, Store
from connectors.faults import Request

DEFAULT_LIMIT, LARGEST_LIMIT = 20, 200
_PAYMENT_FILTERS = (
    "updated_since invoice_id bill_id customer_id supplier_id type status subsidiary_id"
)
FILTERS: Mapping[str, frozenset[str]] = {
    name: frozenset(words.split())
    for name, words in {
        "invoices": "updated_since created_since number customer_id supplier_id subsidiary_id "
        "id_since ids",
        "bills": "updated_since billed_since due_since status subsidiary_id id_since bill_number "
        "reference",
        "payments": _PAYMENT_FILTERS,
        "bill-payments": _PAYMENT_FILTERS,
        "credit-notes": "updated_since created_since number customer_id subsidiary_id id_since ids",
        "tax-rates": "status assets equity expenses liabilities revenue",
        "customers": "updated_since display_name company_name first_name last_name email status "
        "supplier_id subsidiary_id ids",
        "suppliers": "updated_since display_name company_name first_name last_name email "
        "subsidiary_id",
        "ledger-accounts": "updated_since name classification status subsidiary_id",
        "invoice-items": "updated_since ids name type transaction_type subsidiary_id",
        "journal-entries": "updated_since number source_id start_date end_date status scope "
        "subsidiary_id",
    }.items()
}
SORTS: Mapping[str, frozenset[str]] = {
    name: frozenset(words.split())
    for name, words in {
        "invoices": "updated_at created_at id",
        "bills": "updated_at created_at id",
        "credit-notes": "updated_at created_at id",
        "tax-rates": "",
        "invoice-items": "name",
    }.items()
} | {
    name: frozenset({"updated_at", "created_at"})
    for name in (*PAYMENTS, "customers", "suppliers", "ledger-accounts", "journal-entries")
}
_MOMENTS = {"updated_since": "updated_at", "created_since": "created_at"}
_DAYS = {"billed_since": "bill_date", "due_since": "due_date", "start_date": "posted_at"}
_NOT_MODELLED = frozenset({"assets", "equity", "expenses", "liabilities", "revenue"})
_DOCUMENT_LINKS = {"invoice_id": "invoice", "bill_id": "bill"}


@dataclass(frozen=True)
class Wish:
    """What a request asks for, read and checked."""

    filters: Mapping[str, str]
    sort_by: str | None = None
    descending: bool = False
    limit: int = DEFAULT_LIMIT
    cursor: str | None = None
    fields: tuple[str, ...] | None = None
    raw: bool = False


def single(request: Request) -> Wish:
    """What a request about one record may say."""
    return _read(request, frozenset({"fields", "raw"}))


def plain(request: Request) -> Wish:
    """What a write may say."""
    return _read(request, frozenset({"raw"}))


def listing(request: Request, store: Store, resource: str) -> Wish:
    """What a list may say.

    Raises:
        Refusal: The API does not know it, or the ledger does not support it.
    """
    wish = _read(request, frozenset({"fields", "raw", "limit", "cursor", "filter", "sort"}))
    profile = store.profile
    if unknown := wish.filters.keys() - FILTERS[resource]:
        raise answers.invalid([f"query.filter must NOT have {name}" for name in sorted(unknown)])
    missing = {name for name in wish.filters if name in profile.missing_filters | _NOT_MODELLED}
    if missing:
        text = f"{profile.name} does not support filter {', '.join(sorted(missing))}"
        raise answers.refusal(400, "UnsupportedFiltersError", "Unsupported filters", text)
    for name, value in wish.filters.items():
        if name in _MOMENTS and not is_moment(value):
            raise answers.invalid([f"query.filter.{name} must be date-time"])
        if name in {*_DAYS, "end_date"} and not is_day(value):
            raise answers.invalid([f"query.filter.{name} must be date"])
    if wish.sort_by is not None:
        if wish.sort_by not in SORTS[resource]:
            raise answers.invalid(["query.sort.by must be one of the allowed values"])
        if not profile.sorts:
            text = f"{profile.name} does not sort by {wish.sort_by}"
            raise answers.refusal(400, "UnsupportedSortFieldError", "Unsupported sort", text)
    if resource in profile.unpaged and wish.cursor:
        text = f"{profile.name} gives {resource} in one piece"
        raise answers.refusal(400, "PaginationNotSupportedError", "Pagination not supported", text)
    if wish.limit < profile.smallest_limit:
        text = f"limit must be {profile.smallest_limit} or more"
        raise answers.declined(text, code="InvalidLimit")
    return wish


def _read(request: Request, known: frozenset[str]) -> Wish:
    filters: dict[str, str] = {}
    said: dict[str, str] = {}
    wrong = []
    for name, value in request.query.items():
        family, bracket, rest = name.partition("[")
        if bracket and family == "filter" and "filter" in known:
            filters[rest.removesuffix("]")] = value
        elif (
            bracket and family == "sort" and "sort" in known and rest in {"by]", "direction]"}
        ) or (not bracket and name in known and name not in {"filter", "sort"}):
            said[name] = value
        elif not (bracket and family == "pass_through"):
            wrong.append(f"query must NOT have additional properties: {name}")
    if said.get("raw", "false") not in {"true", "false"}:
        wrong.append("query.raw must be boolean")
    if said.get("sort[direction]", "asc") not in {"asc", "desc"}:
        wrong.append("query.sort.direction must be one of the allowed values")
    limit = said.get("limit", str(DEFAULT_LIMIT))
    if not limit.isdecimal() or not 1 <= int(limit) <= LARGEST_LIMIT:
        wrong.append(f"query.limit must be between 1 and {LARGEST_LIMIT}")
    if wrong:
        raise answers.invalid(wrong)
    fields = said.get("fields")
    return Wish(
        filters,
        said.get("sort[by]"),
        said.get("sort[direction]") == "desc",
        int(limit),
        said.get("cursor") or None,
        tuple(fields.split(",")) if fields else None,
        said.get("raw") == "true",
    )


def rows(store: Store, resource: str, wish: Wish, company: str | None) -> list[Record]:
    """The records that a list shows, in order."""
    found = [
        record
        for record in store.listed(resource)
        if (company is None or record.company_id == company) and _fits(wish, store, record)
    ]
    match wish.sort_by:
        case "updated_at":
            found.sort(key=lambda record: record.updated_at, reverse=wish.descending)
        case "created_at":
            found.sort(key=lambda record: record.created_at, reverse=wish.descending)
        case "id":
            found.sort(key=lambda record: _by_id(record.id), reverse=wish.descending)
        case "name":
            found.sort(key=lambda record: record.body.get("name") or "", reverse=wish.descending)
    return found


_Test = Callable[[Store, Record, Json], bool]


def _fits(wish: Wish, store: Store, record: Record) -> bool:
    others = {}
    for name, value in wish.filters.items():
        if name not in _MOMENTS:
            others[name] = value
        elif getattr(record, _MOMENTS[name]) < dt.datetime.fromisoformat(value):
            return False
    if not others:
        return True
    seen = shapes.exact(store, record)
    return all(_test(name, value)(store, record, seen) for name, value in others.items())


def _test(name: str, value: str) -> _Test:
    if name in _DAYS:
        return lambda _, __, seen: (seen.get(_DAYS[name]) or "")[:10] >= value
    if name == "end_date":
        return lambda _, __, seen: (seen.get("posted_at") or "")[:10] <= value
    return _other_test(name, value)


def _other_test(name: str, value: str) -> _Test:
    match name:
        case "ids":
            return lambda _, record, __: record.id in value.split(",")
        case "id_since":
            return lambda _, record, __: _by_id(record.id) > _by_id(value)
        case "invoice_id" | "bill_id":
            kind = _DOCUMENT_LINKS[name]
            return lambda _, __, seen: any(
                (one["type"], one["id"]) == (kind, value) for one in seen["allocations"]
            )
        case "customer_id" | "supplier_id":
            party = name.removesuffix("_id")
            return lambda _, __, seen: (seen.get(party) or {}).get("id") == value
        case "subsidiary_id":
            return lambda _, record, __: record.company_id == value
        case "email":
            return lambda _, __, seen: any(
                one.get("email") == value for one in seen.get("emails") or ()
            )
        case "status":
            return _status_test(value)
        case "scope":
            return lambda _, __, ___: value == "manual"
        case "transaction_type":
            side = "sold" if value == "sale" else "purchased"
            return lambda _, __, seen: seen.get(side) is True
    return lambda _, __, seen: seen.get(name) == value


def _status_test(value: str) -> _Test:
    def fits(store: Store, record: Record, seen: Json) -> bool:
        if record.resource == "bills":
            total: Decimal = store.total(record)
            paid = total - seen["balance"]
            open_word = "paid" if not seen["balance"] else "partially_paid" if paid else "unpaid"
            return record.stands and open_word == value
        return value == "all" or seen.get("status") == value

    return fits


def _by_id(record_id: str) -> tuple[int, str]:
    return (int(record_id), "") if record_id.isdecimal() else (0, record_id)


@dataclass(frozen=True)
class Page:
    """A part of a list."""

    records: list[Record]
    current: str | None
    following: str | None
    previous: str | None


def page(store: Store, resource: str, wish: Wish, found: list[Record]) -> Page:
    """The page that a cursor names, or the first one."""
    profile = store.profile
    if resource in profile.unpaged:
        return Page(found, None, None, None)
    start, turn = _position(store, wish.cursor)
    new = _rows_of(store, turn, wish.limit)
    again = 1 if profile.repeats_rows and start and new else 0
    if again and wish.limit > 1:
        new = min(new, wish.limit - 1)
    end = start + new
    following = _cursor(store, end, turn + 1) if end < len(found) else None
    back = _cursor(store, max(0, start - wish.limit), max(0, turn - 1)) if start else None
    return Page(found[max(0, start - again) : end], wish.cursor, following, back)


def _rows_of(store: Store, turn: int, limit: int) -> int:
    """How many new rows a page holds: the third of three none, the second half of them."""
    if not store.profile.short_pages:
        return limit
    return (limit, max(1, limit // 2), 0)[turn % 3]


def _cursor(store: Store, start: int, turn: int) -> str:
    said = f"{store.profile.service_id}::page::{start}.{turn}"
    if store.profile.cursor_life is not None:
        said += f".{int(store.now().timestamp())}"
    return base64.b64encode(said.encode()).decode()


def _position(store: Store, cursor: str | None) -> tuple[int, int]:
    if cursor is None:
        return 0, 0
    try:
        service, _, place = base64.b64decode(cursor, validate=True).decode().split("::")
        start, turn, *issued = (int(part) for part in place.split("."))
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise _bad_cursor("it cannot be read") from None
    if service != store.profile.service_id or start < 0 or turn < 0:
        raise _bad_cursor(f"it is none of {store.profile.name}")
    life = store.profile.cursor_life
    if life is not None and (
        not issued or store.now().timestamp() - issued[0] >= life.total_seconds()
    ):
        raise _bad_cursor("it has expired")
    return start, turn


def _bad_cursor(why: str) -> Any:
    return answers.refusal(400, "InvalidCursorError", "Invalid cursor", f"The cursor: {why}")
