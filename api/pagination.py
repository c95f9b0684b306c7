"""Opaque tokens ↔ a place in a list.

A token carries the whole first query: order, sort and filters, whose list it was, and the row
from which to go on. It is sealed with the key ring, so that what comes back is what was given
out: a token that was altered, or that belongs to another list or entity, is refused.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, Field, JsonValue

from api.deps import Scope
from api.errors import ApiError
from models.canonical import ObjectType
from models.crypto import KeyRing, UnreadableSecretError
from models.repositories import Place
from worker.runtime import Runtime

DEFAULT_LIMIT = 100
LARGEST_LIMIT = 250
LONGEST_TOKEN = 20_000
TOKEN_LETTERS: dict[str, JsonValue] = {"pattern": "^[A-Za-z0-9_=-]+$"}
"""Only described: whatever else a token holds, it is answered like any damaged one."""


class Order(StrEnum):
    """Which way a list goes."""

    ASC = "asc"
    DESC = "desc"


class NameSort(StrEnum):
    """What reference data can be sorted by."""

    NAME = "name"


class Paged(BaseModel):
    """The parameters that go on with a list."""

    limit: int = Field(
        DEFAULT_LIMIT,
        ge=1,
        le=LARGEST_LIMIT,
        description="Items on a page; send it with a token too.",
    )
    pagination_token: str | None = Field(
        None,
        max_length=LONGEST_TOKEN,
        json_schema_extra=TOKEN_LETTERS,
        description="From an earlier page. It carries the whole first query: other parameters "
        "are ignored, except `limit`.",
    )

    def begun(
        self, keys: KeyRing, whose: UUID, name: str, sort: str, order: Order = Order.DESC
    ) -> tuple[Self, "Pager"]:
        """The first query of a list, with the place to go on from.

        Raises:
            ApiError: The token is damaged, or not of this list (400).
        """
        filters = self.model_dump(
            mode="json",
            exclude={"limit", "pagination_token", "order", "sort"},
            exclude_none=True,
        )
        pager = Pager.of(keys, Listing(name, whose, order, sort, filters), self.pagination_token)
        return self.model_validate({**pager.listing.filters, "limit": self.limit}), pager


class NamedQuery(Paged):
    """The parameters of a list of reference data."""

    order: Order = Order.ASC
    sort: NameSort | None = None


class Tokens(BaseModel):
    """The pages next to this one; null where there is none."""

    next_pagination_token: str | None
    prev_pagination_token: str | None


@dataclass(frozen=True)
class Listing:
    """One list: which, whose, in which order, and what of it."""

    name: str
    entity_id: UUID
    order: Order
    sort: str
    filters: Mapping[str, Any] = field(default_factory=dict)
    """As JSON: what the first query asked for."""


@dataclass(frozen=True)
class Page:
    """Rows of a list with the tokens for the pages next to them."""

    rows: Sequence[Any]
    next_token: str | None
    prev_token: str | None

    @property
    def tokens(self) -> dict[str, str | None]:
        """The tokens as an answer has them."""
        return {
            "next_pagination_token": self.next_token,
            "prev_pagination_token": self.prev_token,
        }


@dataclass(frozen=True)
class Pager:
    """Reads pages of one list."""

    keys: KeyRing
    listing: Listing
    place: Place | None

    @classmethod
    def of(cls, keys: KeyRing, listing: Listing, token: str | None) -> "Pager":
        """For the first page of a list, or for what a token says instead.

        Raises:
            ApiError: The token is damaged, or not of this list (400).
        """
        if token is None:
            return cls(keys, listing, None)
        refused = ApiError(
            400, "invalid_pagination_token", "the pagination token is not one of this list"
        )
        try:
            if urlsafe_b64encode(urlsafe_b64decode(token)).decode() != token:
                raise refused  # readers of base64 pass over what follows its end
            held = keys.open(token.encode())
            if (held["list"], held["entity"]) != (listing.name, str(listing.entity_id)):
                raise refused
            place = Place(
                value=_read(held["sort"], held["value"]),
                id=UUID(held["id"]),
                back=bool(held["back"]),
                inclusive=bool(held["inclusive"]),
            )
            listing = replace(
                listing, order=Order(held["order"]), sort=held["sort"], filters=held["filters"]
            )
        except (UnreadableSecretError, UnicodeError, KeyError, TypeError, ValueError):
            raise refused from None
        return cls(keys, listing, place)

    @property
    def descending(self) -> bool:
        """Which way the list goes."""
        return self.listing.order is Order.DESC

    def page(self, rows: Sequence[Any], limit: int) -> Page:
        """Make a page of the rows that were read from the place on, at most one too many."""
        back = self.place is not None and self.place.back
        more = len(rows) > limit
        shown = list(rows[:limit])
        if back:
            shown.reverse()
        if not shown:
            return self._empty(back=back)
        # We came from the other side: there is at least the row that we came from.
        before = more if back else self.place is not None
        after = True if back else more
        return Page(
            shown,
            next_token=self._token(self._at(shown[-1], back=False)) if after else None,
            prev_token=self._token(self._at(shown[0], back=True)) if before else None,
        )

    def _empty(self, *, back: bool) -> Page:
        """Nothing is left on this side of the place; the way back includes the place itself."""
        if self.place is None:
            return Page((), None, None)
        token = self._token(replace(self.place, back=not back, inclusive=True))
        return Page((), token if back else None, None if back else token)

    def _at(self, row: Any, *, back: bool) -> Place:
        return Place(value=getattr(row, self.listing.sort), id=row.id, back=back)

    def _token(self, place: Place) -> str:
        listing = self.listing
        value = place.value
        return self.keys.seal(
            {
                "list": listing.name,
                "entity": str(listing.entity_id),
                "order": listing.order.value,
                "sort": listing.sort,
                "filters": dict(listing.filters),
                "value": value.isoformat() if isinstance(value, datetime) else value,
                "id": str(place.id),
                "back": place.back,
                "inclusive": place.inclusive,
            }
        ).decode()


def named_page(
    runtime: Runtime, scope: Scope, name: str, kind: ObjectType, asked: NamedQuery
) -> Page:
    """A page of what was pulled from the entity's ledger."""
    column = asked.sort.value if asked.sort else "created_at"
    _, pager = asked.begun(runtime.keys, scope.entity_id, name, column, asked.order)
    with runtime.begin() as work:
        rows = work.contract.pulled(
            scope.entity_id,
            kind,
            sort=pager.listing.sort,
            descending=pager.descending,
            place=pager.place,
            limit=asked.limit + 1,
        )
    return pager.page(rows, asked.limit)


def _read(sort: str, value: str) -> datetime | str:
    return datetime.fromisoformat(value) if sort.endswith("_at") else value
