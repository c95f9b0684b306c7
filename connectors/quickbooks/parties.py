"""Contacts: customers, vendors, or one of each.

Customers and vendors are two lists that share one space of names: a contact that is both is two
objects, the second under a name of its own. Our marker stands in their notes, which cannot be
searched; names can. The two objects of one contact are written one a step.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from connectors.base import (
    Accepted,
    Failed,
    Found,
    Operation,
    Progressed,
    PulledRecord,
    PushItem,
    PushResult,
    Stale,
)
from connectors.errors import Cause, MappingMissing, Transient
from connectors.quickbooks.answers import query_of
from connectors.quickbooks.bodies import (
    contact_body,
    display_name,
    entities_of,
)
from connectors.quickbooks.bodies_documents import Facts
from connectors.quickbooks.changes import Change
from connectors.quickbooks.client import Client
from connectors.quickbooks.company import ANY_STATE, Books
from connectors.quickbooks.entities import ROLES, Entity, place_of
from connectors.quickbooks.names import Names, name_in, spellings
from connectors.quickbooks.values import any_of
from models.canonical import AnyRecord, Contact


@dataclass(frozen=True)
class _Twin:
    """The other object of a contact that is both."""

    row_id: str
    version: str | None


class Parties(Names):
    """Contacts: customers, vendors, or one of each."""

    def __init__(self, client: Client, books: Books) -> None:
        super().__init__(client, books)
        self._suffix = client.settings.vendor_suffix
        self._ids: dict[tuple[str, Entity], str] = {}
        """(contact, list) → the id of the contact's object in that other list."""
        self._unknown: dict[tuple[str, Entity], str] = {}
        """The same for those that have none: their name."""
        self._twins: dict[str, _Twin] = {}
        self._were: dict[str, str] = {}
        """Marker → what the other object of a contact was called before an edit."""

    def entity(self, record: AnyRecord) -> Entity:
        """The list of its first role."""
        return entities_of(_contact(record))[0]

    def wanted(self, item: PushItem) -> list[tuple[Entity, str]]:
        """In the list of each role, the one that has an id first."""
        record = _contact(item.record)
        entities = entities_of(record)
        if item.platform_id is not None:
            main = place_of(item.platform_id, entities[0])[0]
            entities = [main, *(one for one in entities if one is not main)]
        return [(one, self._called(record, one)) for one in entities]

    def _called(self, record: Contact, entity: Entity) -> str:
        return display_name(record, entity, self._suffix)

    def known_as(self, ours: AnyRecord, theirs: AnyRecord) -> str:
        """What a contact should be called, which differs between the lists."""
        return self._called(_contact(ours), place_of(theirs.id, self.entity(ours))[0])

    # Writing.

    def push(self, items: Sequence[PushItem]) -> list[PushResult]:
        """Write contacts, one object of each a step."""
        results = super().push(items)
        return [_about_the_first(item, one) for item, one in zip(items, results, strict=True)]

    def prepare(self, items: Sequence[PushItem]) -> None:
        """Ask, for contacts that are both, for the other object of those that are changed."""
        changed = [item for item in items if item.operation is Operation.UPDATE and _other(item)]
        self._twins, self._were = {}, {}
        first = [item for item in changed if not _has_first(item)]
        there = self.current([_place(item) for item in first])
        for item in first:
            row = self.readable(_place(item)[0], there.get(_place(item), {}))
            if row is not None:
                self._were[item.marker] = self._twin_name(_place(item)[0], name_in(row))
        second = [item for item in changed if _has_first(item)]
        if second:
            self._find_twins(second)

    def _twin_name(self, entity: Entity, name: str) -> str:
        """What the other object of a contact is called."""
        if entity is Entity.CUSTOMER:
            return f"{name}{self._suffix}"
        return name.removesuffix(self._suffix)

    def _find_twins(self, items: Sequence[PushItem]) -> None:
        names: dict[Entity, set[str]] = {}
        for item in items:
            names.setdefault(_other_of(item), set()).update(self._twin_names(item))
        asked = [
            (one, query_of(one, f"{any_of('DisplayName', sorted(found))} and {ANY_STATE}"))
            for one, found in names.items()
        ]
        rows = dict(zip((one for one, _ in asked), self.client.queries(asked), strict=True))
        for item in items:
            entity = _other_of(item)
            read = [self.readable(entity, values) for values in rows[entity].values]
            folded = {one.casefold() for one in self._twin_names(item)}
            for one in read:
                if one is None or one.marker not in {None, item.marker}:
                    continue
                if one.marker == item.marker or name_in(one).casefold() in folded:
                    self._twins[item.marker] = _Twin(
                        place_of(one.platform_id, entity)[1], one.version
                    )

    def _twin_names(self, item: PushItem) -> list[str]:
        was = (item.progress or {}).get("was")
        names = [self._called(_contact(item.record), _other_of(item)), *([was] if was else [])]
        return [spelt for name in names for spelt in spellings(name)]

    def change(self, item: PushItem) -> Change:
        """The first object, or the second one when that is done."""
        record = _contact(item.record)
        if not _has_first(item):
            entity = _place(item)[0] if item.platform_id else self.entity(record)
            version = item.version or (item.progress or {}).get("version")
            row_id = _place(item)[1] if item.platform_id else None
            return self._change(item, entity, row_id, version)
        twin = self._twins.get(item.marker)
        row_id, version = (twin.row_id, twin.version) if twin else (None, None)
        return self._change(item, _other_of(item), row_id, version)

    def _change(
        self, item: PushItem, entity: Entity, row_id: str | None, version: str | None
    ) -> Change:
        facts = self._facts()
        body = contact_body(item, _contact(item.record), entity, facts, new=row_id is None)
        operation = Operation.CREATE if row_id is None else Operation.UPDATE
        # One record, two objects: each write needs a key of its own.
        parts = f"{item.key}/{entity}/{operation}"
        key = hashlib.sha256(parts.encode()).hexdigest()[:32]
        return Change(entity, operation, body, row_id, version, key)

    def _facts(self) -> Facts:
        return Facts(
            settings=self.client.settings,
            home=self.books.home_currency(),
            several_currencies=self.books.several_currencies,
            american=False,
            computes_tax=False,
            taxes=lambda: self.books.taxes,
            item_of=str,
        )

    def done(self, item: PushItem, change: Change, there: PulledRecord) -> PushResult:
        """Done, or half done: a contact that is both goes on with its other object."""
        del change
        progress = item.progress or {}
        if _has_first(item):
            assert item.platform_id is not None  # noqa: S101  # the first object has it
            return Accepted(
                item.platform_id,
                version=progress.get("version"),
                notes=self.notes(item.record, there.record),
            )
        if not _other(item):
            return self.accepted(item, there)
        was = self._were.get(item.marker)
        left = {"said": _said(item), "version": there.version, "was": was}
        return Progressed(
            {name: value for name, value in left.items() if value is not None}, there.platform_id
        )

    def adopted(self, item: PushItem, change: Change, found: Found) -> PushResult | None:
        """What has the name already: the first object, the second one, or both."""
        if found.progress is None:
            if _has_first(item) and item.platform_id is not None:
                version = (item.progress or {}).get("version")
                return Accepted(item.platform_id, version=version, notes=found.accepted.notes)
            return found.accepted
        is_first = found.accepted.platform_id.startswith(f"{change.entity.value.lower()}:")
        if _has_first(item) or not is_first:
            return None
        return Progressed({**found.progress, "said": _said(item)}, found.accepted.platform_id)

    # Who is who in the other list.

    def need(self, wanted: Iterable[tuple[str, Entity]]) -> None:
        """Find the vendors that customers are, or the other way round: two calls for all."""
        asked = {
            (contact_id, entity)
            for contact_id, entity in wanted
            if place_of(contact_id, entity)[0] is not entity
            and (contact_id, entity) not in self._ids
        }
        if not asked:
            return
        places = {contact_id: place_of(contact_id, entity) for contact_id, entity in asked}
        rows = self.current(list(places.values()))
        there = {
            contact_id: self.readable(place[0], rows.get(place, {}))
            for contact_id, place in places.items()
        }
        names: dict[Entity, set[str]] = {}
        for contact_id, entity in asked:
            one = there[contact_id]
            self._unknown[contact_id, entity] = name_in(one) if one else contact_id
            if one is not None:
                twin = self._twin_name(places[contact_id][0], name_in(one))
                names.setdefault(entity, set()).add(twin)
        queries = [
            (one, query_of(one, f"{any_of('DisplayName', sorted(found))} and {ANY_STATE}"))
            for one, found in names.items()
        ]
        answers = self.client.queries(queries) if queries else []
        for (entity, _), rows_there in zip(queries, answers, strict=True):
            found = [self.readable(entity, values) for values in rows_there.values]
            for contact_id, other in asked:
                one = there[contact_id]
                if other is entity and one is not None:
                    self._remember(contact_id, entity, one, [row for row in found if row])

    def _remember(
        self, contact_id: str, entity: Entity, one: PulledRecord, found: Sequence[PulledRecord]
    ) -> None:
        main = place_of(contact_id, entity)[0]
        name = self._twin_name(main, name_in(one)).casefold()
        for twin in found:
            alike = {one.marker, twin.marker}
            same = len(alike) == 1 or None in alike
            if same and name_in(twin).casefold() == name:
                self._ids[contact_id, entity] = place_of(twin.platform_id, entity)[1]

    def id_for(self, contact_id: str, entity: Entity) -> str:
        """The customer (or vendor) that a contact is, also where its id is that of the other.

        Raises:
            MappingMissing: It is none.
        """
        there, row_id = place_of(contact_id, entity)
        if there is entity:
            return row_id
        if (contact_id, entity) in self._ids:
            return self._ids[contact_id, entity]
        name = self._unknown.get((contact_id, entity), contact_id)
        role = next(role for role, one in ROLES.items() if one is entity).value
        raise MappingMissing(
            f"{name} is no {role} in QuickBooks: make it one there, or hand it in with that role",
            code="no_party",
            cause=Cause("contact_without_role", f"{role} {name}", {"contact": name, "role": role}),
        )


def _contact(record: AnyRecord) -> Contact:
    assert isinstance(record, Contact)  # noqa: S101  # by its type
    return record


def _place(item: PushItem) -> tuple[Entity, str]:
    """The first object of a contact that has one."""
    assert item.platform_id is not None  # noqa: S101  # asked by the callers
    return place_of(item.platform_id, Entity.CUSTOMER)


def _other(item: PushItem) -> bool:
    """Whether a contact is both."""
    return len(entities_of(_contact(item.record))) > 1


def _other_of(item: PushItem) -> Entity:
    """The list of the second object."""
    return Entity.VENDOR if _place(item)[0] is Entity.CUSTOMER else Entity.CUSTOMER


def _has_first(item: PushItem) -> bool:
    """Whether the first object is written, with the content that the contact has now."""
    if item.platform_id is None or item.progress is None or not _other(item):
        return False
    return item.operation is Operation.CREATE or item.progress.get("said") == _said(item)


def _said(item: PushItem) -> str:
    """The content that an object was written with."""
    return item.record.content_hash()[:16]


def _about_the_first(item: PushItem, result: PushResult) -> PushResult:
    """The engine knows the first object: that the second one is newer is not its business."""
    if isinstance(result, Stale) and result.current.platform_id != item.platform_id:
        error = Transient("the contact's other object was changed meanwhile", code="stale")
        return Failed(error)
    return result
