"""What parameters and answers of several routes have in common."""

from datetime import UTC, date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
)

from api.deps import Scope
from api.pagination import Paged
from models.canonical.record import STORABLE
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


class PageQuery(Paged):
    """The parameters of a list of ours: subclasses add its filters."""

    model_config = ConfigDict(extra="forbid")


class MadeBetween(BaseModel):
    """Only what was made in a stretch of time."""

    created_at__gt: Moment | None = None
    created_at__lt: Moment | None = None
    created_at__gte: Moment | None = None
    created_at__lte: Moment | None = None


class ChangedBetween(BaseModel):
    """Only what was last changed in a stretch of time."""

    updated_at__gt: Moment | None = None
    updated_at__lt: Moment | None = None
    updated_at__gte: Moment | None = None
    updated_at__lte: Moment | None = None


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
