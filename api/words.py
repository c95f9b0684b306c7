"""What parameters and answers of several routes have in common."""

from datetime import UTC, date, datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

from api.deps import Scope
from api.pagination import (
    DEFAULT_LIMIT,
    LARGEST_LIMIT,
    LONGEST_TOKEN,
    TOKEN_LETTERS,
    Listing,
    Order,
    Page,
    Pager,
)
from models.canonical.record import STORABLE
from models.crypto import KeyRing
from models.tables import BillingEntityRow
from sync.idempotency import Answer

Text = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=STORABLE)]
"""A word to search for; whatever it is, the database can store it."""


def _written_out(given: object) -> object:
    """Numbers are no moments and no days, though they could be read as seconds since 1970."""
    if isinstance(given, str) and not given.lstrip()[4:5] == "-":
        raise ValueError("a date like 2026-01-31 is needed, or a moment like 2026-01-31T08:00:00Z")
    return given


Day = Annotated[date, BeforeValidator(_written_out)]
"""A calendar day."""


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("it is outside of all calendars") from None


Moment = Annotated[datetime, BeforeValidator(_written_out), AfterValidator(_aware)]
"""A moment; without an offset it is UTC."""


class PageQuery(BaseModel):
    """The parameters of a list: subclasses add its filters."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(DEFAULT_LIMIT, ge=1, le=LARGEST_LIMIT)
    pagination_token: str | None = Field(
        None,
        max_length=LONGEST_TOKEN,
        json_schema_extra=TOKEN_LETTERS,
        description="From an earlier page. It carries the whole first query: other parameters "
        "are ignored, except `limit`.",
    )

    def begun(self, keys: KeyRing, scope: Scope, name: str, sort: str) -> tuple[Self, Pager]:
        """The first query of a list, with the place to go on from.

        Raises:
            ApiError: The token is damaged, or not of this list (400).
        """
        filters = self.model_dump(
            mode="json", exclude={"limit", "pagination_token"}, exclude_none=True
        )
        listing = Listing(name, scope.entity_id, Order.DESC, sort, filters)
        pager = Pager.of(keys, listing, self.pagination_token)
        return self.model_validate({**pager.listing.filters, "limit": self.limit}), pager


class PageAnswer(BaseModel):
    """The tokens of a list."""

    next_pagination_token: str | None
    prev_pagination_token: str | None


def tokens(page: Page) -> dict[str, Any]:
    """The tokens of a page as its answer has them."""
    return {
        "next_pagination_token": page.next_token,
        "prev_pagination_token": page.prev_token,
    }


class BillingEntityPart(BaseModel):
    """Whose books something belongs to."""

    id: UUID
    code: str
    legal_name: str
    vat_number: str | None
    is_default: bool

    @classmethod
    def of(cls, row: BillingEntityRow) -> "BillingEntityPart":
        """From the row."""
        return cls(
            id=row.id,
            code=row.code,
            legal_name=row.legal_name,
            vat_number=row.vat_number,
            is_default=row.is_default,
        )


def acting(scope: Scope) -> str:
    """Who acts, for the audit log; refuses who may not.

    Raises:
        AccessDeniedError: The code says why.
    """
    scope.require_acting()
    return scope.caller.actor


def answer(status: int, body: BaseModel, headers: dict[str, str] | None = None) -> Answer:
    """An answer that can be kept for a repeated request."""
    return Answer(status, body.model_dump(mode="json"), headers or {})
