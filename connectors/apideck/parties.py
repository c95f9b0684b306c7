"""Contacts: a customer, a supplier, or one of each with the same marker.

The marker stands at the end of the notes. A ledger that keeps no notes is asked by name: another
contact of that name without a mark is a question for a person.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from connectors.apideck.client import Client, Filters, Values
from connectors.apideck.mapping import label, marker_in, place_of, platform_id
from connectors.apideck.mapping_parties import ROLES, contact_body
from connectors.apideck.reading import Books
from connectors.apideck.services import Resource
from connectors.apideck.writing import Writer
from connectors.base import (
    Absent,
    Accepted,
    FindResult,
    Found,
    Operation,
    Progressed,
    PulledRecord,
    PushItem,
    PushResult,
    Unclear,
)
from connectors.errors import Cause, MappingMissing, Unsupported
from models.canonical import Contact, ContactRole


class Party(Writer):
    """Customers, or suppliers."""

    def body(self, item: PushItem, there: Values | None) -> dict[str, Any]:
        """A customer or supplier."""
        del there
        assert isinstance(item.record, Contact)  # noqa: S101  # by its type
        return contact_body(item, item.record, self.client.settings)

    def places(self, item: PushItem) -> list[Filters]:
        """Those of its name."""
        assert isinstance(item.record, Contact)  # noqa: S101  # by its type
        return [{"display_name": item.record.name}]

    def is_it(self, item: PushItem, one: PulledRecord) -> bool:
        """By our marker; without any, by its name, which `judged` does not take for proof."""
        assert isinstance(item.record, Contact)  # noqa: S101  # by its type
        assert isinstance(one.record, Contact)  # noqa: S101  # by its list
        return one.marker == item.marker or (
            one.marker is None and one.record.name == item.record.name
        )

    def judged(self, item: PushItem, mine: Sequence[PulledRecord]) -> FindResult:
        """Only our marker proves that it is ours."""
        marked = [one for one in mine if one.marker == item.marker]
        if mine and not marked:
            return Unclear(
                f"the ledger has {label(item.record)} without our mark {item.marker}: it cannot be "
                "told whether it is ours"
            )
        return super().judged(item, marked)

    def anywhere(self, item: PushItem) -> FindResult:
        """Look one up in the whole list, whatever it is called."""
        marked = [one for one in self.matching(item, {}) if one.marker == item.marker]
        return self.judged(item, marked)


class Parties:
    """Both, and which is which."""

    def __init__(self, client: Client, books: Books) -> None:
        self._client = client
        self._books = books
        self._lists = {
            resource: Party(client, books, resource)
            for resource in (Resource.CUSTOMERS, Resource.SUPPLIERS)
        }
        self._twins: dict[tuple[str, Resource], str] = {}

    def push(self, item: PushItem) -> PushResult:
        """Write a contact, one role a step."""
        if item.operation is Operation.VOID:
            raise Unsupported("contacts are archived in the ledger by hand", code="void")
        first, *others = _roles(item)
        if item.operation is Operation.CREATE and item.platform_id is None:
            done = self._lists[first].create(item)
            if not others or not isinstance(done, Accepted):
                return done
            return Progressed({"step": first.value}, done.platform_id, done.request_id)
        assert item.platform_id is not None  # noqa: S101  # there is something to change
        if item.progress or item.operation is Operation.CREATE:
            return self._finished(item, others)
        mine = place_of(item.platform_id, *ROLES.values())[0]
        done = self._lists[mine].update(item)
        for other in self._others(item, others, mine):
            self._lists[other[0]].update(_at(item, platform_id(*other)))
        return done

    def _finished(self, item: PushItem, others: Sequence[Resource]) -> PushResult:
        """Make the second one of a contact that is both; the first one is there."""
        assert item.platform_id is not None  # noqa: S101  # asked before
        mine, row_id = place_of(item.platform_id, *ROLES.values())
        for other in others:
            if other is not mine and isinstance(self._lists[other].look_up(_new(item)), Absent):
                self._lists[other].create(_new(item))
        if item.operation is Operation.UPDATE:
            return self._lists[mine].update(item)
        return self._lists[mine].written(item, row_id)

    def _others(
        self, item: PushItem, others: Sequence[Resource], mine: Resource
    ) -> list[tuple[Resource, str]]:
        found = []
        for other in others:
            if other is mine:
                continue
            twin = self._lists[other].look_up(_new(item))
            if isinstance(twin, Absent):
                # It may have another name than the contact has now.
                twin = self._lists[other].anywhere(_new(item))
            if isinstance(twin, Found):
                found.append(place_of(twin.accepted.platform_id, other))
            elif isinstance(twin, Absent):
                self._lists[other].create(_new(item))
        return found

    def find(self, items: Sequence[PushItem]) -> list[FindResult]:
        """Look contacts up in the lists of their roles."""
        return [self._look_up(item) for item in items]

    def _look_up(self, item: PushItem) -> FindResult:
        first, *others = _roles(item)
        if item.platform_id is not None:
            first = place_of(item.platform_id, *ROLES.values())[0]
            others = [one for one in _roles(item) if one is not first]
        found = self._lists[first].look_up(item)
        if not isinstance(found, Found):
            return found
        for other in others:
            twin = self._lists[other].look_up(_new(item))
            if isinstance(twin, Unclear):
                return twin
            if isinstance(twin, Absent):
                return Found(found.accepted, progress={"step": first.value})
        return found

    def id_for(self, contact_id: str, resource: Resource) -> str:
        """The customer (or supplier) that a contact is, also where its id is that of the other.

        Raises:
            MappingMissing: It is none.
        """
        there, row_id = place_of(contact_id, *ROLES.values())
        if there is resource:
            return row_id
        key = (contact_id, resource)
        if key not in self._twins:
            self._twins[key] = self._twin(there, row_id, resource)
        return self._twins[key]

    def _twin(self, there: Resource, row_id: str, resource: Resource) -> str:
        values = self._client.one(there, row_id)
        name, marker = str(values.get("display_name") or row_id), marker_in(values.get("notes"))
        found = {
            str(one["id"])
            for page in self._client.pages(resource, {"display_name": name})
            for one in page.values
            if one.get("id")
            and one.get("display_name") == name
            and marker in {None, marker_in(one.get("notes"))}
        }
        if len(found) == 1:
            return found.pop()
        role = _role_of(resource).value
        raise MappingMissing(
            f"{name} is no {role} in the ledger: make it one there, or hand it in with that role",
            code="no_party",
            cause=Cause("contact_without_role", f"{role} {name}", {"contact": name, "role": role}),
        )


def _role_of(resource: Resource) -> ContactRole:
    return next(role for role, one in ROLES.items() if one is resource)


def _roles(item: PushItem) -> list[Resource]:
    record = item.record
    assert isinstance(record, Contact)  # noqa: S101  # by its type
    return [ROLES[role] for role in record.roles] or [Resource.CUSTOMERS]


def _new(item: PushItem) -> PushItem:
    """The item for the list in which it has no id yet."""
    return replace(item, platform_id=None, progress=None, version=None)


def _at(item: PushItem, kept: str) -> PushItem:
    return replace(item, platform_id=kept, version=None)
