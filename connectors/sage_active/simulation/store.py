"""Where a company's books are kept: tables of rows, links between them, and what undoes a write.

Rows are dictionaries under the API's field names. A link is a field `xxxId` beside a field `xxx`
of the row's type ("data loader"), or a list of children that point back; `value` follows both, for
answers as well as for filters.
"""

import contextlib
import datetime as dt
import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from connectors.sage_active.simulation.refusals import BusinessError, Row
from connectors.sage_active.simulation.rules import ServerRules

CHILDREN = {
    ("SalesInvoice", "lines"): ("salesInvoiceLines", "salesInvoiceId"),
    ("SalesInvoice", "openItems"): ("openItems", "salesInvoiceId"),
    ("PurchaseInvoice", "vatLines"): ("purchaseInvoiceVatLines", "purchaseInvoiceId"),
    ("PurchaseInvoice", "openItems"): ("openItems", "purchaseInvoiceId"),
    ("AccountingEntry", "accountingEntryLines"): ("accountingEntryLines", "accountingEntryId"),
    ("AccountingEntryLine", "accountingEntryDimensionTags"): (
        "accountingEntryDimensionTags",
        "accountingEntryLineId",
    ),
    ("AccountingEntryInvoice", "openItems"): ("openItems", "accountingEntryInvoiceId"),
    ("AccountingEntryInvoice", "accountingEntryTaxes"): (
        "accountingEntryTaxes",
        "accountingEntryInvoiceId",
    ),
    ("AccountingExercise", "periods"): ("accountingPeriods", "accountingExerciseId"),
    ("Product", "taxes"): ("taxes", "groupId"),
}
"""(Type, field) → table of the children, and their field that points to the parent."""
TABLES = {
    "Country": "countries",
    "Currency": "currencies",
    "DocumentType": "documentTypes",
    "Tax": "taxes",
    "TaxGroup": "taxGroups",
    "TaxTreatment": "taxTreatments",
    "AccountingAccount": "accountingAccounts",
    "JournalType": "journalTypes",
    "AccountingExercise": "accountingExercises",
    "AccountingPeriod": "accountingPeriods",
    "AccountingEntrySession": "accountingEntrySessions",
    "PaymentMean": "paymentMeans",
    "PaymentMethod": "paymentMethods",
    "Customer": "customers",
    "Supplier": "suppliers",
    "Product": "products",
    "SalesInvoice": "salesInvoices",
    "PurchaseInvoice": "purchaseInvoices",
    "AccountingEntry": "accountingEntries",
    "AccountingEntryLine": "accountingEntryLines",
    "AccountingEntryPayment": "accountingEntryPayments",
    "AccountingEntryInvoice": "accountingEntryInvoices",
}
"""Type → table, for fields that lead to a row of it."""
_INDEXED: dict[str, set[str]] = {"accountingEntryPayments": {"matchId"}}
for _table, _key in CHILDREN.values():
    _INDEXED.setdefault(_table, set()).add(_key)


@dataclass
class Clock:
    """The ledger's time, which tests may move."""

    passed: timedelta = timedelta(0)

    def now(self) -> dt.datetime:
        """Now, to the millisecond, which is what the API shows."""
        moment = dt.datetime.now(dt.UTC) + self.passed
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


@dataclass
class Books:
    """All tables of one company; to be used under the server's lock."""

    legislation: str
    clock: Clock
    chance: random.Random
    rules_now: Callable[[], ServerRules]
    organisation: Row = field(default_factory=dict)
    setup: Row = field(default_factory=dict)
    sales_setup: Row = field(default_factory=dict)
    source: str = "PUBLIC_API"
    """Who writes at the moment: the API, or people (`SALES`, `ACCOUNTING` ...)."""
    created_at: dt.datetime | None = None
    """What `creationDate` is given while the books are seeded; None: now."""
    counters: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tables: dict[str, dict[str, Row]] = {}
        self._children: dict[tuple[str, str], dict[str, dict[str, None]]] = {}
        self._undo: list[Callable[[], object]] | None = None

    @property
    def rules(self) -> ServerRules:
        """How the server behaves at present."""
        return self.rules_now()

    @property
    def id(self) -> str:
        """The organisation's id."""
        return str(self.organisation["id"])

    def new_id(self) -> str:
        """A GUID; the same for equal seeds."""
        return str(uuid.UUID(int=self.chance.getrandbits(128), version=4))

    def count(self, sequence: str) -> int:
        """The next number of a sequence; given back when the write fails."""
        before = self.counters.get(sequence, 0)
        self._note(lambda: self.counters.__setitem__(sequence, before))
        self.counters[sequence] = before + 1
        return before + 1

    def table(self, name: str) -> dict[str, Row]:
        """A table's rows by id."""
        return self.tables.setdefault(name, {})

    def rows(self, name: str) -> list[Row]:
        """A table's rows in the order they were made."""
        return list(self.table(name).values())

    def insert(self, table: str, **fields: Any) -> Row:
        """Add a row with the three system fields; `modificationDate` stays null until a change."""
        row: Row = {
            "id": self.new_id(),
            "creationDate": self.created_at or self.clock.now(),
            "modificationDate": None,
            **fields,
        }
        self._put(table, row)
        self._note(lambda: self._take(table, row))
        return row

    def change(self, table: str, row: Row, *, touch: bool = True, **fields: Any) -> Row:
        """Change a row in place; `touch` moves its `modificationDate`."""
        before = dict(row)

        def back() -> None:
            with self._relinked(table, row, before):
                row.clear()
                row.update(before)

        self._note(back)
        with self._relinked(table, row, fields):
            row.update(fields)
        if touch:
            row["modificationDate"] = self.clock.now()
        return row

    def remove(self, table: str, row: Row) -> None:
        """Delete a row; nothing is left of it."""
        position = list(self.table(table))
        self._note(lambda: self._reorder(table, position))
        self._note(lambda: self._put(table, row))
        self._take(table, row)

    def find(self, table: str, row_id: str | None) -> Row | None:
        """One row, if it is there."""
        return self.table(table).get(row_id) if row_id is not None else None

    def get(self, table: str, row_id: str | None, missing: str = "global.recordNotFound") -> Row:
        """One row.

        Raises:
            BusinessError: There is none; `missing` names the error.
        """
        row = self.find(table, row_id)
        if row is None:
            raise BusinessError(missing, id=row_id)
        return row

    def where(self, table: str, **fields: Any) -> list[Row]:
        """The rows whose fields have these values."""
        return [
            row
            for row in self.table(table).values()
            if all(row.get(name) == value for name, value in fields.items())
        ]

    def one(self, table: str, **fields: Any) -> Row:
        """The first row with these values."""
        return self.where(table, **fields)[0]

    def children(self, table: str, key: str, parent_id: str | None) -> list[Row]:
        """The rows that point to a parent, in the order they were made."""
        ids = self._children.get((table, key), {}).get(parent_id or "", ())
        return [self.table(table)[one] for one in ids]

    def value(self, type_name: str, row: Row, name: str, target: str | None = None) -> Any:
        """A field of a row; `target` is the type it has, where it leads to other rows."""
        if (type_name, name) in CHILDREN:
            table, key = CHILDREN[type_name, name]
            parent = row["taxGroupId"] if type_name == "Product" else row["id"]
            return self.children(table, key, parent)
        if name in row:
            return row[name]
        if target in TABLES:
            return self.find(TABLES[target], row.get(f"{name}Id"))
        return None

    @contextlib.contextmanager
    def atomic(self) -> Iterator[None]:
        """All writes of the block happen, or none."""
        if self._undo is not None:
            yield
            return
        self._undo = []
        try:
            yield
        except BaseException:
            steps, self._undo = self._undo, None
            for step in reversed(steps):
                step()
            raise
        finally:
            self._undo = None

    def _note(self, step: Callable[[], object]) -> None:
        if self._undo is not None:
            self._undo.append(step)

    def _put(self, table: str, row: Row) -> None:
        self.table(table)[row["id"]] = row
        self._link(table, row)

    def _take(self, table: str, row: Row) -> None:
        self.table(table).pop(row["id"], None)
        self._unlink(table, row)

    def _link(self, table: str, row: Row) -> None:
        for key in _INDEXED.get(table, ()):
            if parent := row.get(key):
                index = self._children.setdefault((table, key), {})
                index.setdefault(parent, {})[row["id"]] = None

    def _unlink(self, table: str, row: Row) -> None:
        for key in _INDEXED.get(table, ()):
            self._children.get((table, key), {}).get(row.get(key) or "", {}).pop(row["id"], None)

    @contextlib.contextmanager
    def _relinked(self, table: str, row: Row, fields: Row) -> Iterator[None]:
        """Keep the links right while fields change; children keep their order otherwise."""
        moves = any(
            name in fields and fields[name] != row.get(name) for name in _INDEXED.get(table, ())
        )
        if moves:
            self._unlink(table, row)
        yield
        if moves:
            self._link(table, row)

    def _reorder(self, table: str, position: list[str]) -> None:
        rows = self.table(table)
        self.tables[table] = {one: rows[one] for one in position if one in rows}
