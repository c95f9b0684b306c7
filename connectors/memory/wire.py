"""The plain ledger's JSON, field by field; described in README.md."""

import datetime as dt
from decimal import Decimal
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class _Wire(BaseModel):
    """Unknown fields pass: a ledger may always say more."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Problem(_Wire):
    """A refusal: of a whole call, or of one item in it."""

    code: str
    message: str = ""
    words: dict[str, str] = {}

    @classmethod
    def in_answer(cls, content: bytes) -> Self | None:
        """Read a refusal from a body, if there is one."""
        try:
            return cls.model_validate_json(content)
        except ValidationError:
            return None


class Refused(Problem):
    """A refused batch; where batches are atomic, with the reason for each bad item."""

    results: list[Problem | None] = []


class Totals(_Wire):
    """What the ledger computed."""

    net: Decimal | None = None
    tax: Decimal | None = None
    total: Decimal | None = None


class Summary(_Wire):
    """An object without its content: the result of a write."""

    id: str
    marker: str | None = None
    version: str | None = None
    number: str | None = None
    draft: bool = False
    totals: Totals = Totals()


class Stored(Summary):
    """An object as the ledger has it."""

    changed_at: dt.datetime
    deleted: bool = False
    record: dict[str, Any]


class Found(_Wire):
    """The answer to a look-up."""

    items: list[Stored]


class Listed(_Wire):
    """A page of the feed of changes; its items are read one by one."""

    items: list[dict[str, Any]]
    more: bool = False
    position: str | None = None
    """Where the feed is: the cursor when there is nothing to read."""


class Results(_Wire):
    """The answer to a batch: for each item what was written, or why not."""

    results: list[Problem | Summary]


class Token(BaseModel):
    """What `/sign-in` sells."""

    access_token: str = Field(min_length=1)
    expires_in: int | None = Field(None, ge=0, le=10**9)


class Organisation(_Wire):
    """Whose books these are."""

    id: str
    name: str
    base_currency: str | None = None
