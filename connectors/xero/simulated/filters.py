"""`where` and `order`: a small language, of which only what Xero calls optimised is understood.

Source: developer.xero.com "Invoices", "Payments", "Contacts" (optimised filters) as others keep
them, read 2026-11-20. Everything else is refused with QueryParseException, although Xero would
take most of it, slowly and up to 100,000 records. For the endpoints without such a list, the
fields that clients need are ours.
"""

import datetime as dt
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from connectors.xero.simulated import answers
from connectors.xero.simulated.store import Books
from connectors.xero.simulated.values import Malformed, Row, guid_of

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<text>"(?:[^"\\]|\\.)*")
    | (?P<guid>guid\(\s*"(?P<id>[^"]*)"\s*\))
    | (?P<date>DateTime\(\s*(?P<parts>\d+(?:\s*,\s*\d+){2,5})\s*\))
    | (?P<number>-?\d+(?:\.\d+)?)
    | (?P<operator>==|!=|>=|<=|>|<)
    | (?P<joint>AND\b|OR\b|&&|\|\|)
    | (?P<bracket>[()])
    | (?P<name>[A-Za-z][A-Za-z.]*)
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_RANGES = frozenset({"==", ">=", "<=", ">", "<"})
_EQUAL = frozenset({"=="})


@dataclass(frozen=True)
class Field:
    """A field that filters may name."""

    kind: type
    """`str`, `Decimal`, `dt.date`; `uuid`-like ones are `bytes`, to tell them from text."""
    operators: frozenset[str] = _EQUAL
    loose: bool = False
    """Case and accents do not count."""
    may_be_or: bool = False
    path: str = ""
    """Where it is found, if not under its own name."""


GUID = bytes
_TEXT, _ID = Field(str), Field(GUID)
_DATE, _SUM = Field(dt.date, _RANGES), Field(Decimal, _RANGES)

FIELDS: dict[str, dict[str, Field]] = {
    "Invoices": {
        "Status": _TEXT,
        "Contact.ContactID": Field(GUID, path="_contact"),
        "Contact.Name": Field(str, path="_contact.Name"),
        "Contact.ContactNumber": Field(str, path="_contact.ContactNumber"),
        "Reference": _TEXT,
        "InvoiceNumber": _TEXT,
        "InvoiceID": Field(GUID, may_be_or=True),
        "Type": _TEXT,
        "AmountPaid": Field(Decimal),
        "Date": _DATE,
        "DueDate": _DATE,
        "AmountDue": _SUM,
    },
    "CreditNotes": {
        "Status": _TEXT,
        "Contact.ContactID": Field(GUID, path="_contact"),
        "Reference": _TEXT,
        "CreditNoteNumber": _TEXT,
        "CreditNoteID": Field(GUID, may_be_or=True),
        "Type": _TEXT,
        "Date": _DATE,
    },
    "Payments": {
        "PaymentType": _TEXT,
        "Status": _TEXT,
        "Invoice.InvoiceID": Field(GUID, path="_document"),
        "Reference": _TEXT,
        "Date": _DATE,
    },
    "Contacts": {
        "Name": Field(str, loose=True),
        "EmailAddress": Field(str, loose=True),
        "AccountNumber": Field(str, loose=True),
    },
    "Overpayments": {"Status": _TEXT, "Type": _TEXT, "Date": _DATE},
    "Prepayments": {"Status": _TEXT, "Type": _TEXT, "Date": _DATE},
    "BatchPayments": {"Status": _TEXT, "Type": _TEXT, "Date": _DATE, "Reference": _TEXT},
    "ManualJournals": {"Status": _TEXT, "Date": _DATE, "Narration": _TEXT},
    "Items": {"Code": _TEXT, "Name": _TEXT},
    "Accounts": {"Code": _TEXT, "Name": _TEXT, "Type": _TEXT, "Class": _TEXT, "Status": _TEXT},
    "TaxRates": {"Name": _TEXT, "TaxType": _TEXT, "Status": _TEXT},
    "Currencies": {"Code": _TEXT},
    "TrackingCategories": {"Name": _TEXT, "Status": _TEXT},
}
ORDERS: dict[str, tuple[str, ...]] = {
    "Invoices": ("InvoiceID", "UpdatedDateUTC", "Date"),
    "CreditNotes": ("CreditNoteID", "UpdatedDateUTC", "Date"),
    "Payments": ("UpdatedDateUTC", "Date", "PaymentID"),
    "Contacts": ("ContactID", "UpdatedDateUTC", "Name"),
    "Overpayments": ("OverpaymentID", "UpdatedDateUTC", "Date"),
    "Prepayments": ("PrepaymentID", "UpdatedDateUTC", "Date"),
    "BatchPayments": ("BatchPaymentID", "UpdatedDateUTC", "Date"),
    "ManualJournals": ("ManualJournalID", "UpdatedDateUTC", "Date"),
    "Items": ("ItemID", "UpdatedDateUTC", "Code"),
    "Accounts": ("AccountID", "UpdatedDateUTC", "Code"),
    "TaxRates": ("TaxType", "Name"),
    "Currencies": ("Code",),
    "TrackingCategories": ("Name",),
}

_Test = Callable[[Row], bool]


class _Parser:
    def __init__(self, books: Books, endpoint: str, text: str) -> None:
        self._books = books
        self._known = {name.lower(): (name, f) for name, f in FIELDS[endpoint].items()}
        self._text = text
        self._place = 0

    def parsed(self) -> _Test:
        test, _ = self._alternatives()
        if self._peek() is not None:
            raise self._refused()
        return test

    def _refused(self, why: str = "") -> Exception:
        where = self._text[self._place : self._place + 40]
        return answers.unparsable(why or f"Syntax error in where at '{where}'")

    def _peek(self) -> re.Match[str] | None:
        if not self._text[self._place :].strip():
            return None
        found = _TOKEN.match(self._text, self._place)
        if found is None:
            raise self._refused()
        return found

    def _next(self, *kinds: str) -> re.Match[str]:
        found = self._peek()
        if found is None or not any(found[kind] for kind in kinds):
            raise self._refused()
        self._place = found.end()
        return found

    def _takes(self, *joints: str) -> bool:
        found = self._peek()
        if found is None or (found["joint"] or found["bracket"] or "").upper() not in joints:
            return False
        self._place = found.end()
        return True

    def _alternatives(self) -> tuple[_Test, bool]:
        test, fits = self._together()
        while self._takes("OR", "||"):
            other, too = self._together()
            if not (fits and too):
                raise self._refused("OR is not optimised for these fields")
            test = _either(test, other)
        return test, fits

    def _together(self) -> tuple[_Test, bool]:
        test, fits = self._one()
        while self._takes("AND", "&&"):
            other, _ = self._one()
            test, fits = _both(test, other), False
        return test, fits

    def _one(self) -> tuple[_Test, bool]:
        if self._takes("("):
            found = self._alternatives()
            if not self._takes(")"):
                raise self._refused()
            return found
        return self._comparison()

    def _comparison(self) -> tuple[_Test, bool]:
        name = self._next("name")["name"]
        if name.lower() not in self._known:
            raise self._refused(f"No optimised field '{name}' exists (this simulator has no other)")
        shown, field = self._known[name.lower()]
        operator = self._next("operator")["operator"]
        if operator not in field.operators:
            raise self._refused(f"Operator '{operator}' on '{shown}' is not optimised")
        wanted = self._literal(field, shown, operator)
        path = field.path or shown

        def test(row: Row) -> bool:
            value = self._value(row, path)
            if value is None:
                return False
            if field.loose:
                return _loose(value) == _loose(wanted)
            return _compared(value, operator, wanted)

        return test, field.may_be_or

    def _literal(self, field: Field, name: str, operator: str) -> Any:
        token = self._next("text", "guid", "date", "number")
        kinds = {"text": str, "guid": GUID, "date": dt.date, "number": Decimal}
        kind = next(kinds[part] for part in kinds if token[part])
        if kind is not field.kind:
            raise self._refused(
                f"Operator '{operator}' incompatible with the operand type of '{name}'"
            )
        try:
            return _literal_of(token, kind, name)
        except (Malformed, ValueError):
            raise self._refused(f"'{token[0].strip()}' is no value for '{name}'") from None

    def _value(self, row: Row, path: str) -> Any:
        name, _, rest = path.partition(".")
        if rest:
            return self._books.get("Contacts", row[name]).get(rest)
        return row.get(name)


def _literal_of(token: re.Match[str], kind: type, name: str) -> Any:
    if kind is GUID:
        return guid_of(token["id"], name)
    if kind is Decimal:
        return Decimal(token["number"])
    if kind is dt.date:
        year, month, day, *_ = (int(part) for part in token["parts"].split(","))
        return dt.date(year, month, day)
    return re.sub(r"\\(.)", r"\1", token["text"][1:-1])


def _either(one: _Test, other: _Test) -> _Test:
    return lambda row: one(row) or other(row)


def _both(one: _Test, other: _Test) -> _Test:
    return lambda row: one(row) and other(row)


def _loose(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(one for one in plain if not unicodedata.combining(one))


def _compared(value: Any, operator: str, wanted: Any) -> bool:
    match operator:
        case ">=":
            return bool(value >= wanted)
        case "<=":
            return bool(value <= wanted)
        case ">":
            return bool(value > wanted)
        case "<":
            return bool(value < wanted)
    return bool(value == wanted)


def where(books: Books, endpoint: str, text: str) -> _Test:
    """What a `where` lets through.

    Raises:
        Refusal: 400 QueryParseException.
    """
    return _Parser(books, endpoint, text).parsed()


def ordered(endpoint: str, rows: list[Row], text: str) -> list[Row]:
    """Rows in the order that was asked for, by `UpdatedDateUTC` and id without one.

    Raises:
        Refusal: 400 QueryParseException.
    """
    known = {name.lower(): name for name in ORDERS[endpoint]}
    for part in reversed(text.split(",") if text else []):
        name, _, direction = part.strip().partition(" ")
        if name.lower() not in known or direction.strip().upper() not in {"", "ASC", "DESC"}:
            raise answers.unparsable(f"No optimised order '{part.strip()}' exists")
        field, down = known[name.lower()], direction.strip().upper() == "DESC"
        rows = sorted(rows, key=lambda row: row[field], reverse=down)
    return rows
