"""Pushing items: products, found by our marker in their comments."""

from collections.abc import Sequence
from typing import Any

from connectors.base import (
    Absent,
    Accepted,
    FindResult,
    Found,
    Operation,
    PushItem,
    PushResult,
    Unclear,
)
from connectors.errors import Unsupported
from connectors.sage_active import errors, queries
from connectors.sage_active.books import Books
from connectors.sage_active.client import Client
from connectors.sage_active.ledger import known_ids
from connectors.sage_active.mapping import tax_rates
from connectors.sage_active.values import fits, label, marker_in, present
from connectors.sage_active.wire import Product
from models.canonical import Item, TaxRate, TaxUse

_CODE = 15


class Products:
    """Products of one organisation."""

    def __init__(self, client: Client, books: Books) -> None:
        self._client = client
        self._books = books

    def push(self, item: PushItem) -> PushResult:
        """Write one product."""
        record = item.record
        assert isinstance(record, Item)  # noqa: S101  # by its type
        if item.operation is Operation.VOID:
            raise Unsupported("products are archived in Sage Active by hand", code="void")
        if item.platform_id is not None:
            return self._update(item, record)
        values, notes = self._values(item, record)
        made = self._client.create_product(values)
        return Accepted(made.id(), number=values["code"], notes=notes, request_id=made.request_id)

    def _values(self, item: PushItem, record: Item) -> tuple[dict[str, Any], tuple[str, ...]]:
        name = label(record)
        group, notes = self._tax_group(record)
        code = "".join(record.code.split()) if record.code else None
        values = {
            "code": fits(code, _CODE, "code", name) or item.marker[-_CODE:],
            "name": fits(record.name, 50, "name", name),
            "lineDescription": fits(record.description, 2500, "description", name),
            "comments": item.marker,
            "taxGroupId": group,
            "salesAccountingAccountId": record.sales_account_id,
            "salesUnitPrice": record.unit_price,
        }
        return present(values), notes

    def _tax_group(self, record: Item) -> tuple[str | None, tuple[str, ...]]:
        """The group that gives the item's rate; None, with a note, where several or none do."""
        if record.tax_rate is None:
            return None, ()
        rates = [rate for _, rate in tax_rates(self._books.taxes, self._books.treatments)]
        fitting = {
            rate.code
            for rate in rates
            if isinstance(rate, TaxRate)
            and rate.active
            and rate.rate == record.tax_rate
            and rate.use is not TaxUse.PURCHASES
        }
        if len(fitting) == 1:
            return fitting.pop(), ()
        number = len(fitting) or "no"
        note = f"{number} tax groups have {record.tax_rate} %: Sage Active's default was used"
        return None, (note,)

    def _update(self, item: PushItem, record: Item) -> PushResult:
        assert item.platform_id is not None  # noqa: S101  # asked before
        rows = self._client.by_ids(Product, queries.PRODUCTS, [item.platform_id])
        if not rows:
            raise errors.deleted(label(record))
        (row,) = rows
        wanted, notes = self._values(item, record)
        changes: dict[str, Any] = {"id": row.id}
        for name, theirs in (
            ("name", row.name),
            ("lineDescription", row.line_description),
            ("taxGroupId", row.tax_group_id),
            ("salesAccountingAccountId", row.sales_accounting_account_id),
            ("salesUnitPrice", row.sales_unit_price),
        ):
            if name in wanted and wanted[name] != theirs:
                changes[name] = wanted[name]
        if marker_in(row.comments) is None:
            changes["comments"] = wanted["comments"]
        if record.active == bool(row.obsolete):
            changes["obsolete"] = not record.active
        if len(changes) > 1:
            self._client.update_product(changes)
        return Accepted(row.id, number=row.code or None, notes=notes)

    def find(self, items: Sequence[PushItem]) -> list[FindResult]:
        """Look products up by the marker in their comments: one query for all."""
        clause = queries.says_one_of("comments", [item.marker for item in items])
        if ids := known_ids(items):
            clause = queries.either(clause, queries.is_one_of("id", ids))
        rows = self._client.all(Product, queries.PRODUCTS, [clause])
        return [_found(item, rows) for item in items]


def _found(item: PushItem, rows: Sequence[Product]) -> FindResult:
    mine = [
        row for row in rows if row.id == item.platform_id or marker_in(row.comments) == item.marker
    ]
    if not mine:
        return Absent()
    if len(mine) > 1:
        names = ", ".join(f"{row.name} ({row.code})" for row in mine)
        return Unclear(f"Sage Active has {len(mine)} products with our mark {item.marker}: {names}")
    return Found(Accepted(mine[0].id, number=mine[0].code or None))
