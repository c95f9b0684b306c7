"""Entries of lists, whose names are unique: found by them, and taken for ours where nobody else's."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from connectors.base import (
    Absent,
    Accepted,
    FindResult,
    Found,
    Operation,
    PulledRecord,
    PushItem,
    Unclear,
)
from connectors.quickbooks.answers import Values, query_of
from connectors.quickbooks.bodies import item_body
from connectors.quickbooks.changes import by_id
from connectors.quickbooks.company import ANY_STATE
from connectors.quickbooks.entities import Entity, number_field, place_of
from connectors.quickbooks.values import any_of
from connectors.quickbooks.writing import Writer
from models.canonical import AnyRecord, Item

_LATIN = "latin-1"


def spellings(name: str) -> list[str]:
    """A name, and what a company file of the US may have made of it."""
    return list(dict.fromkeys([name, name.encode(_LATIN, "replace").decode(_LATIN)]))


class Names(Writer):
    """Entries of lists: found by a name that nothing else may have."""

    def wanted(self, item: PushItem) -> list[tuple[Entity, str]]:
        """In which lists an item is looked for, and under which name."""
        raise NotImplementedError

    def find(self, items: Sequence[PushItem]) -> list[FindResult]:
        """Look entries up, by name or id: one call for all."""
        there = self.rows(items)
        return [self._found(item, there) for item in items]

    def rows(self, items: Sequence[PushItem]) -> dict[Entity, list[PulledRecord]]:
        """Whatever is there under the names, and the ids, of items."""
        names: dict[Entity, set[str]] = {}
        ids: dict[Entity, set[str]] = {}
        for item in items:
            for entity, name in self.wanted(item):
                names.setdefault(entity, set()).update(spellings(name))
            if item.platform_id is not None:
                entity, row_id = place_of(item.platform_id, self.entity(item.record))
                ids.setdefault(entity, set()).add(row_id)
        asked = [
            (one, query_of(one, f"{any_of(number_field(one), sorted(found))} and {ANY_STATE}"))
            for one, found in names.items()
        ] + [(one, query_of(one, by_id(one, sorted(found)))) for one, found in ids.items()]
        found: dict[Entity, dict[str, PulledRecord]] = {}
        for (entity, _), rows in zip(asked, self.client.queries(asked), strict=True):
            for values in rows.values:
                one = self.readable(entity, values)
                if one is not None:
                    found.setdefault(entity, {})[one.platform_id] = one
        return {entity: list(ones.values()) for entity, ones in found.items()}

    def readable(self, entity: Entity, values: Values) -> PulledRecord | None:
        """An entry, if it can be read."""
        try:
            return self.read(entity, values)
        except (ValueError, ArithmeticError):
            return None

    def _found(self, item: PushItem, there: Mapping[Entity, Sequence[PulledRecord]]) -> FindResult:
        first: PulledRecord | None = None
        missing = False
        for entity, name in self.wanted(item):
            mine = self.mine(item, entity, name, there.get(entity, ()))
            if isinstance(mine, Unclear):
                return mine
            first = first or mine
            missing = missing or mine is None
        if first is None:
            return Absent()
        progress = {"version": first.version} if missing else None
        return Found(self.accepted(item, first), progress=progress)

    def mine(
        self, item: PushItem, entity: Entity, name: str, there: Sequence[PulledRecord]
    ) -> PulledRecord | Unclear | None:
        """The entry of one list that an item is.

        A name is unique: what has it without anybody's mark is what ours would be refused for.
        """
        exact = [one for one in there if one.platform_id == item.platform_id]
        marked = exact or [one for one in there if one.marker == item.marker]
        folded = {one.casefold() for one in spellings(name)}
        if not marked:
            # With another mark of ours it is another contact of ours: this one cannot be there.
            marked = [
                one for one in there if one.marker is None and name_in(one).casefold() in folded
            ]
        if len(marked) > 1:
            names = ", ".join(name_in(one) for one in marked)
            return Unclear(
                f"QuickBooks has {len(marked)} {entity.words}s with our mark {item.marker}: {names}"
            )
        return marked[0] if marked else None

    def accepted(self, item: PushItem, there: PulledRecord) -> Accepted:
        """An entry as the result of a push; one without our mark was there before."""
        done = super().accepted(item, there)
        if there.marker is None and item.operation is Operation.CREATE and self.marks(item):
            return replace(done, notes=(*done.notes, f"QuickBooks had {name_in(there)!r} already"))
        return done

    def marks(self, item: PushItem) -> bool:
        """Whether what we write carries our mark."""
        del item
        return True


def name_in(there: PulledRecord) -> str:
    """What an entry is called."""
    return str(getattr(there.record, "name", ""))


class Items(Names):
    """Products and services."""

    def entity(self, record: AnyRecord) -> Entity:
        """There is one list."""
        del record
        return Entity.ITEM

    def body(self, item: PushItem) -> dict[str, Any]:
        """An item."""
        assert isinstance(item.record, Item)  # noqa: S101  # by its type
        return item_body(item, item.record)

    def wanted(self, item: PushItem) -> list[tuple[Entity, str]]:
        """By its name."""
        assert isinstance(item.record, Item)  # noqa: S101  # by its type
        return [(Entity.ITEM, " ".join(item.record.name.split()))]

    def marks(self, item: PushItem) -> bool:
        """The mark stands in the place of a code."""
        return isinstance(item.record, Item) and item.record.code is None
