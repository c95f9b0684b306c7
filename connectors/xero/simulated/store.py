"""The tables of one organisation, by endpoint; rows are replaced, never changed in place.

A row is a dictionary under the API's field names; what begins with `_` stays inside. Whatever
posts moves a row's `UpdatedDateUTC` (`put`); what posts nothing does not (`put_quietly`), which is
why `If-Modified-Since` is no complete feed.
"""

import contextlib
import datetime as dt
import itertools
import random
from collections.abc import Callable, Iterator
from typing import Any

from connectors.xero.simulated.identity import new_guid
from connectors.xero.simulated.rules import XeroRules
from connectors.xero.simulated.values import Row
from connectors.xero.simulated.webhooks import CATEGORIES, Event

__all__ = ["ID_FIELDS", "Books", "BusinessError", "Clock", "Row"]

ID_FIELDS = {
    "Accounts": "AccountID",
    "Allocations": "AllocationID",
    "BatchPayments": "BatchPaymentID",
    "Contacts": "ContactID",
    "CreditNotes": "CreditNoteID",
    "Currencies": "Code",
    "Invoices": "InvoiceID",
    "Items": "ItemID",
    "ManualJournals": "ManualJournalID",
    "Overpayments": "OverpaymentID",
    "Payments": "PaymentID",
    "Prepayments": "PrepaymentID",
    "TaxRates": "TaxType",
    "TrackingCategories": "TrackingCategoryID",
}


class BusinessError(Exception):
    """The books say no: `ValidationErrors` of an element."""

    def __init__(self, *messages: str) -> None:
        super().__init__("; ".join(messages))
        self.messages = messages


class Clock:
    """Xero's clock, to the millisecond."""

    def __init__(self) -> None:
        self.passed = dt.timedelta(0)

    def now(self) -> dt.datetime:
        """What time it is there."""
        now = dt.datetime.now(dt.UTC) + self.passed
        return now.replace(microsecond=now.microsecond // 1000 * 1000)


class Books:
    """What one organisation has; use it under the server's lock."""

    def __init__(
        self,
        organisation: Row,
        *,
        clock: Clock,
        chance: random.Random,
        rules: Callable[[], XeroRules],
        sequence: Iterator[int],
    ) -> None:
        self.organisation = organisation
        self.clock = clock
        self.rules = rules
        self.tables: dict[str, dict[str, Row]] = {name: {} for name in ID_FIELDS}
        self.events: list[Event] = []
        self.overlays: dict[str, Row] = {}
        """By id, raw members that go out instead of a row's own."""
        self.page_actions: dict[str, list[Callable[[], object]]] = {}
        self.denied: set[str] = {"ApproveTransactionsBeforePeriodLockDate"}
        self.approvals_left: int | None = None
        """How many documents may still be approved this month; None: the plan does not count."""
        self.offline = False
        self.utc_offset = dt.timedelta(0)
        self.day_rates: dict[str, Any] = {}
        """Currency → foreign units per base unit."""
        self._chance = chance
        self._sequence = sequence
        self._numbers: dict[str, Iterator[int]] = {}
        self._numbered: dict[tuple[str, str], set[str]] = {}
        """Endpoint and number → ids of rows that have or had it."""
        self._undo: list[tuple[str, str, Row | None]] = []
        self._depth = 0

    @property
    def currency(self) -> str:
        """The base currency."""
        return str(self.organisation["BaseCurrency"])

    @property
    def no_tax(self) -> str:
        """The TaxType of lines without tax."""
        return "BASEXCLUDED" if self.organisation["CountryCode"] == "AU" else "NONE"

    def today(self) -> dt.date:
        """The day in the organisation's time zone."""
        return (self.clock.now() + self.utc_offset).date()

    def new_id(self) -> str:
        """An id that nothing has."""
        return new_guid(self._chance)

    def next_number(self, prefix: str) -> str:
        """The next number of a series."""
        counter = self._numbers.setdefault(prefix, itertools.count(1))
        return f"{prefix}-{next(counter):04d}"

    @contextlib.contextmanager
    def atomic(self) -> Iterator[None]:
        """All or nothing."""
        mark, told, approvals = len(self._undo), len(self.events), self.approvals_left
        self._depth += 1
        try:
            yield
        except BaseException:
            while len(self._undo) > mark:
                endpoint, row_id, before = self._undo.pop()
                if before is None:
                    del self.tables[endpoint][row_id]
                else:
                    self.tables[endpoint][row_id] = before
            del self.events[told:]
            self.approvals_left = approvals
            raise
        finally:
            self._depth -= 1
            if not self._depth:
                self._undo.clear()

    def rows(self, endpoint: str) -> list[Row]:
        """All rows, in the order in which they came."""
        return list(self.tables[endpoint].values())

    def get(self, endpoint: str, row_id: str) -> Row:
        """One row; a `KeyError` when it is not there."""
        return self.tables[endpoint][row_id]

    def find(self, endpoint: str, **fields: Any) -> Row | None:
        """The first row with these values."""
        for row in self.tables[endpoint].values():
            if all(row.get(name) == value for name, value in fields.items()):
                return row
        return None

    def numbered(self, endpoint: str, number: str, kind: str) -> Row | None:
        """The row of a `Type` with a number, found without looking at all."""
        field = f"{endpoint.removesuffix('s')}Number"
        for row_id in self._numbered.get((endpoint, number), ()):
            row = self.tables[endpoint].get(row_id)
            if row is not None and row.get(field) == number and row["Type"] == kind:
                return row
        return None

    def insert(self, endpoint: str, row: Row) -> Row:
        """Put a new row in."""
        key = ID_FIELDS[endpoint]
        made = {key: row.get(key) or self.new_id(), **row, "UpdatedDateUTC": self.clock.now()}
        return self._set(endpoint, made, tells=True)

    def put(self, endpoint: str, row: Row, **changes: Any) -> Row:
        """Replace a row: something was posted, so its date moves."""
        changed = {**row, **changes, "UpdatedDateUTC": self.clock.now()}
        return self._set(endpoint, changed, tells=True)

    def put_quietly(self, endpoint: str, row: Row, **changes: Any) -> Row:
        """Replace a row without a trace in its date."""
        return self._set(endpoint, {**row, **changes}, tells=False)

    def _set(self, endpoint: str, row: Row, *, tells: bool) -> Row:
        row_id = str(row[ID_FIELDS[endpoint]])
        before = self.tables[endpoint].get(row_id)
        if self._depth:
            self._undo.append((endpoint, row_id, before))
        self.tables[endpoint][row_id] = row
        if number := row.get(f"{endpoint.removesuffix('s')}Number"):
            self._numbered.setdefault((endpoint, number), set()).add(row_id)
        if tells and endpoint in CATEGORIES:
            event = Event(
                next(self._sequence),
                str(self.organisation["OrganisationID"]),
                endpoint,
                row_id,
                before is None,
                self.clock.now(),
                kind=str(row.get("Type", "")),
                status=str(row.get("Status", "")),
            )
            self.events.append(event)
        return row

    def must_be_open(self, day: dt.date, what: str = "document") -> None:
        """Refuse what is dated on or before a lock."""
        year_end = self.organisation.get("EndOfYearLockDate")
        period = self.organisation.get("PeriodLockDate")
        if year_end is not None and day <= year_end:
            raise BusinessError(
                f"The {what} date cannot be before the end of year lock date,"
                f" currently set at {year_end:%d/%m/%Y}"
            )
        if period is not None and day <= period:
            raise BusinessError(
                f"The {what} date cannot be before the period lock date,"
                f" currently set at {period:%d/%m/%Y}"
            )
