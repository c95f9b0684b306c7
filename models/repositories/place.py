"""Where a page of a list begins, and which records are meant."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from models.canonical import ObjectType


@dataclass(frozen=True)
class Place:
    """A row of a list, from which to go on or back."""

    value: datetime | str
    """Of the column that the list is sorted by."""
    id: UUID
    back: bool = False
    inclusive: bool = False


@dataclass(frozen=True)
class RecordKind:
    """Records of one type, and of one role or side where the type has several."""

    type: ObjectType
    of: str | None = None
    """customer or supplier."""
