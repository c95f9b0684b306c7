"""Items as Tryton's products, with our marker as an identifier without a type.

Lines of documents never name a product: to post one that does, Tryton wants the product's
accounting category, and asks a question when the line's taxes are not that category's (module
account_invoice, `_check_taxes`).
"""

from collections.abc import Sequence
from functools import cached_property

from connectors.errors import ConnectorError, OutcomeUnknown, Rejected
from connectors.tryton.batch import Work
from connectors.tryton.books import Books
from connectors.tryton.client import Client
from connectors.tryton.posting import Link
from connectors.tryton.simple import Simple
from connectors.tryton.wire import Product, Values
from models.canonical import Item
from models.canonical.money import plain

TEMPLATE = "product.template"


class Products(Simple[Product]):
    """Batches of items for one connection."""

    model = "product.product"
    row_class = Product
    words = "product"

    def __init__(self, client: Client, books: Books, link: Link) -> None:
        super().__init__(client, link)
        self._books = books

    @cached_property
    def _unit(self) -> int:
        """The unit of measure that counts pieces (module product: symbol `u`)."""
        rows = self.client.rows("product.uom", [["symbol", "=", "u"]], ["id"], limit=1).values
        if not rows:
            raise Rejected("Tryton has no unit of measure `u` for products", code="no_unit")
        unit: int = rows[0]["id"]
        return unit

    def new(self, work: Work[Product]) -> Values:
        """A template with one product, the only one that carries identifiers."""
        record = _item(work)
        values = {**self._values(record, work), "active": True}
        product = {
            "description": record.description,
            "identifiers": [["create", [{"code": work.item.marker}]]],
        }
        return {
            **values,
            "type": "service",
            "default_uom": self._unit,
            "products": [["create", [product]]],
        }

    def changed(self, work: Work[Product], row: Product) -> Values:
        """What differs; what we know nothing of stays as it is in Tryton."""
        record = _item(work)
        wanted = self._values(record, work)
        if record.description is not None:
            wanted["description"] = record.description
        has = {
            "name": row.name,
            "code": row.code or None,
            "active": row.in_use,
            "list_price": row.list_price_used,
            "description": row.description or None,
        }
        return {name: value for name, value in wanted.items() if has[name] != value}

    def create(self, values: Sequence[Values]) -> list[int]:
        """Make templates with one product each; the products' ids in the same order."""
        templates = self.client.create(TEMPLATE, values)
        domain = [["template", "in", templates]]
        try:
            rows = self.client.rows(self.model, domain, ["template"], active_test=False).values
        except ConnectorError as error:
            raise OutcomeUnknown(f"it could not be read back: {error.message}") from None
        made = {row.get("template"): row["id"] for row in rows}
        return [made.get(template, 0) for template in templates]

    def update(self, changes: Sequence[tuple[Product, Values]], versions: dict[str, str]) -> None:
        """Write templates and, through them, products: one transaction."""
        pairs: list[tuple[int, Values]] = []
        for row, values in changes:
            own = {name: value for name, value in values.items() if name == "description"}
            common = {name: value for name, value in values.items() if name not in own}
            pairs.append((row.template.id, {**common, "products": [["write", [row.id], own]]}))
        self.client.update(TEMPLATE, pairs, _timestamp=versions)

    def archive(self, ids: Sequence[int], *, active: bool) -> None:
        """Archive the templates of products, or take them back."""
        rows = self.client.rows(
            self.model, [["id", "in", list(ids)]], ["template"], active_test=False
        ).values
        values: Values = {"active": active}
        self.client.update(
            TEMPLATE, [(row["template"], values) for row in rows if "template" in row]
        )

    def version_key(self, row: Product) -> str:
        """What people edit is on the template."""
        return f"{TEMPLATE},{row.template.id}"

    def _values(self, record: Item, work: Work[Product]) -> Values:
        values: Values = {"name": record.name, "active": record.active}
        if record.code is not None:
            values["code"] = record.code
        price = record.unit_price
        if price is None:
            return values
        base = self._books.company.currency.code
        if record.currency not in {None, base}:
            work.notes.append(f"the price in {record.currency} was left out: Tryton keeps {base}")
            return values
        kept = round(price, self._books.price_digits)
        if kept != price:
            work.notes.append(f"the price {plain(price)} is kept as {plain(kept)}")
        values["list_price"] = kept
        return values


def _item(work: Work[Product]) -> Item:
    assert isinstance(work.item.record, Item)  # noqa: S101  # by the type that is pushed
    return work.item.record
