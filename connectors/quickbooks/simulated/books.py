"""The rows of one company, who pays what, and what has changed; rules are in the neighbours."""

import datetime as dt
import random
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from connectors.quickbooks.simulated import answers
from connectors.quickbooks.simulated.answers import Json, Refused
from connectors.quickbooks.simulated.entities import ENTITIES, NAMES
from connectors.quickbooks.simulated.rules import QuickBooksRules
from connectors.quickbooks.simulated.values import ZERO, id_in

_WORDS = {
    "Customer": "Names",
    "Vendor": "Names",
    "Employee": "Names",
    "Account": "Accounts",
    "Item": "Products and Services",
    "TaxCode": "TaxCodes",
}
PAYERS = ("Payment", "BillPayment")
Key = tuple[str, str]
"""Entity and id."""


@dataclass
class Row:
    """One object."""

    entity: str
    id: str
    body: Json
    created: dt.datetime
    updated: dt.datetime
    token: int = 0
    voided: bool = False
    overlay: Json = field(default_factory=dict)
    """Raw members that go out instead of the real ones."""
    surplus_of: str = ""
    """Of a vendor credit that QuickBooks made: the bill payment that paid too much."""

    @property
    def key(self) -> Key:
        """Entity and id."""
        return self.entity, self.id


@dataclass
class Preferences:
    """What the owner of the books has chosen; set by attribute."""

    book_close_date: dt.date | None = None
    custom_numbers: bool = True
    """Without them documents that are sold get a number where none is given."""
    unique_numbers: bool = False
    """Numbers that are there already are refused. Without it whoever sends twice has it twice."""
    automatic_tax: bool = False
    """Automated sales tax, in the US."""
    multi_currency: bool = False


@dataclass(frozen=True)
class Gone:
    """What was deleted, and when."""

    entity: str
    id: str
    at: dt.datetime


class Books:
    """Tables of one company; ids are counted per entity."""

    def __init__(
        self,
        *,
        country: str,
        currency: str,
        rules: Callable[[], QuickBooksRules],
        now: Callable[[], dt.datetime],
        chance: random.Random,
        note: Callable[[str, str, str], None],
    ) -> None:
        """`note` is told entity, id and `Create`, `Update`, `Delete` or `Void`."""
        self.country = country
        self.currency = currency
        self._rules = rules
        self._now = now
        self.chance = chance
        self._note = note
        self.preferences = Preferences()
        self.tables: dict[str, dict[str, Row]] = {name: {} for name in ENTITIES}
        self.deleted: list[Gone] = []
        self.version = 0
        """Grows with every change."""
        self.balances: dict[str, tuple[int, dict[str, Decimal]]] = {}
        """What names owe by entity, and as of which version: see `render.balances`."""
        self._last: dict[str, int] = {}
        self._links: dict[Key, dict[Key, Decimal]] = {}
        self._paid: dict[Key, list[Key]] = {}

    @property
    def rules(self) -> QuickBooksRules:
        """How the simulator behaves now."""
        return self._rules()

    @property
    def zone(self) -> dt.timezone:
        """The zone of stamps."""
        return dt.timezone(dt.timedelta(hours=self.rules.company_utc_offset_hours))

    def now(self) -> dt.datetime:
        """The clock, which goes in seconds for stamps."""
        return self._now().astimezone(self.zone).replace(microsecond=0)

    @property
    def american(self) -> bool:
        """Whether there is one tax decision per document."""
        return self.country == "US"

    def find(self, entity: str, row_id: str | None) -> Row | None:
        """A row, if it is there."""
        return self.tables[entity].get(row_id or "")

    def row(self, entity: str, row_id: str) -> Row:
        """A row that must be there.

        Raises:
            KeyError: It is not.
        """
        return self.tables[entity][row_id]

    def rows(self, entity: str) -> Iterator[Row]:
        """All rows of an entity, oldest first."""
        yield from list(self.tables[entity].values())

    def add(self, entity: str, body: Json, row_id: str | None = None) -> Row:
        """Keep a new row."""
        at = self.now()
        row = Row(entity, row_id or self._next_id(entity), body, at, at)
        self.tables[entity][row.id] = row
        self._changed(row, "Create")
        return row

    def _next_id(self, entity: str) -> str:
        taken = self._last.get(entity, 0) + 1
        self._last[entity] = taken
        return str(taken)

    def touch(self, row: Row, operation: str = "Update") -> None:
        """A row has changed."""
        row.token += 1
        row.updated = self.now()
        self._changed(row, operation)

    def remove(self, row: Row) -> None:
        """A row is deleted."""
        del self.tables[row.entity][row.id]
        self.deleted.append(Gone(row.entity, row.id, self.now()))
        self._unlink(row)
        self._changed(row, "Delete")

    def _changed(self, row: Row, operation: str) -> None:
        self.version += 1
        if row.entity in PAYERS and operation != "Delete":
            self._relink(row)
        self._note(row.entity, row.id, operation)

    def _unlink(self, payer: Row) -> None:
        for key in self._paid.pop(payer.key, ()):
            self._links[key].pop(payer.key, None)

    def _relink(self, payer: Row) -> None:
        self._unlink(payer)
        applied = applied_by(payer.body)
        for key, amount in applied.items():
            self._links.setdefault(key, {})[payer.key] = amount
        self._paid[payer.key] = list(applied)

    def links(self, key: Key) -> dict[Key, Decimal]:
        """What pays a document (or uses up a credit), and how much of it."""
        return dict(self._links.get(key, {}))

    def open_of(self, row: Row, *, without: Key | None = None) -> Decimal:
        """What is open of a document or left of a credit, a payment left out on demand."""
        total: Decimal = row.body.get("TotalAmt") or ZERO
        paid = (by for payer, by in self.links(row.key).items() if payer != without)
        return total - sum(paid, ZERO)

    def reference(
        self, entity: str, body: Json, name: str, *, required: bool = False
    ) -> Row | None:
        """What a reference names; it must be there and active.

        Raises:
            Refused: It is not, or there is no reference although there must be.
        """
        given = id_in(body, name)
        if given is None:
            if required:
                raise answers.missing(name)
            return None
        row = self.find(entity, given)
        if row is None:
            raise answers.unknown_reference(_WORDS.get(entity, entity), given)
        if row.body.get("Active") is False:
            raise answers.inactive_reference(_WORDS.get(entity, entity).lower())
        return row

    def refer(self, entity: str, body: Json, name: str, *, required: bool = False) -> Json | None:
        """The same as it is kept: with the name."""
        row = self.reference(entity, body, name, required=required)
        return None if row is None else {"value": row.id, "name": name_of(row)}

    def must_be_open(self, *days: dt.date | None) -> None:
        """Refuse days in closed books."""
        closed = self.preferences.book_close_date
        if closed and any(day and day <= closed for day in days):
            raise Refused(
                self.rules.closed_period_code,
                "Account Period Closed",
                "Account Period Closed, Cannot Update Through Services : The account period has "
                "closed and the account books cannot be updated through QuickBooks Online Services",
            )

    def copy(self, row: Row) -> Row:
        """Another row with the same content, past all rules."""
        return self.add(row.entity, deepcopy(row.body))


def applied_by(body: Json) -> dict[Key, Decimal]:
    """What a payment's lines link to, and how much of each."""
    found: dict[Key, Decimal] = {}
    for line in body.get("Line") or ():
        for link in line.get("LinkedTxn") or ():
            key = (link["TxnType"], link["TxnId"])
            found[key] = found.get(key, ZERO) + line["Amount"]
    return found


def name_of(row: Row) -> str:
    """How a row is called in references to it."""
    name: Any = row.body.get("DisplayName" if row.entity in NAMES else "Name")
    return name or ""
