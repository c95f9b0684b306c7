"""Writing contacts and items."""

from collections.abc import Iterable, Sequence
from typing import Any

from connectors.base import Operation, PushItem, PushResult
from connectors.errors import Rejected
from connectors.xero.client import Values
from connectors.xero.mapping import contact_body, item_body
from connectors.xero.values import chunks, marker_in
from connectors.xero.walking import walk
from connectors.xero.writing import Writer
from models.canonical import Contact, Item

_AT_ONCE = 20


class Contacts(Writer):
    """Customers and suppliers: one list for both, found by `ContactNumber`."""

    endpoint = "Contacts"
    ids_as_list = True

    def body(self, item: PushItem, there: Values | None) -> dict[str, Any]:
        """A contact; the number that one has which was there before us stays."""
        assert isinstance(item.record, Contact)  # noqa: S101  # by its type
        body = contact_body(item.record, there)
        if there is None:
            body["ContactNumber"] = item.marker
            body.pop("ContactStatus", None)
        return body

    def candidates(self, items: Sequence[PushItem]) -> Iterable[Values]:
        """By our own numbers: several at once, and one by one where there are too many contacts."""
        for some in chunks([item.marker for item in items], _AT_ONCE):
            where = " OR ".join(f'ContactNumber=="{marker}"' for marker in some)
            try:
                found = list(self._asked({"where": where}))
            except Rejected:
                # This filter is not optimised: more than 100,000 would have to be looked through.
                found = [row for marker in some for row in self._asked({"searchTerm": marker})]
            yield from found

    def _asked(self, query: dict[str, str]) -> Iterable[Values]:
        for step in walk(self.client, self.endpoint, {**query, "includeArchived": "true"}):
            yield from step.values

    def carries(self, values: Values, item: PushItem) -> bool:
        """In its number."""
        return marker_in(values.get("ContactNumber")) == item.marker


class Items(Writer):
    """Products and services, found by their codes."""

    endpoint = "Items"

    def body(self, item: PushItem, there: Values | None) -> dict[str, Any]:
        """An item; one that is there keeps its code where ours has none."""
        assert isinstance(item.record, Item)  # noqa: S101  # by its type
        body = item_body(item, item.record, self.books)
        if there is not None and not item.record.code:
            body["Code"] = there.get("Code")
        return body

    def push(self, items: Sequence[PushItem]) -> list[PushResult]:
        """Write a batch; what was read of the list may be old after it."""
        if any(item.operation is not Operation.CREATE for item in items):
            self.books.forget_items()
        results = super().push(items)
        self.books.forget_items()
        return results

    def there(self, items: Sequence[PushItem]) -> dict[str, Values]:
        """From the whole list, which is one call."""
        wanted = {item.platform_id for item in items if item.platform_id}
        if not wanted:
            return {}
        rows = self.books.item_rows()
        return {str(one.get("ItemID")): one for one in rows if one.get("ItemID") in wanted}

    def candidates(self, items: Sequence[PushItem]) -> Iterable[Values]:
        """The whole list."""
        del items
        self.books.forget_items()
        return self.books.item_rows()

    def carries(self, values: Values, item: PushItem) -> bool:
        """Its code, or our marker where it has none."""
        assert isinstance(item.record, Item)  # noqa: S101  # by its type
        return bool(values.get("Code") == (item.record.code or item.marker))
