"""A journal as far as handing it in goes: its states, and what it says is wrong.

States are those of the platform's canon of billing objects and older pages (read 2026-11-20); the
list has grown before, so one that is not here is nobody's: one looks again later.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from connectors.softwareone.texts import clean
from connectors.softwareone.wire import Text, Thing, Wire


class JournalStatus(StrEnum):
    """States that we know."""

    DRAFT = "Draft"
    VALIDATING = "Validating"
    VALIDATED = "Validated"
    ERROR = "Error"
    ENQUIRING = "Enquiring"
    REVIEW = "Review"
    RECONCILING = "Reconciling"
    GENERATING = "Generating"
    GENERATED = "Generated"
    ACCEPTED = "Accepted"
    QUEUED = "Queued"
    RESETTING = "Resetting"
    COMPLETED = "Completed"
    DELETED = "Deleted"


TAKES_CHARGES = frozenset(
    {
        JournalStatus.DRAFT,
        JournalStatus.VALIDATED,
        JournalStatus.ERROR,
        JournalStatus.ENQUIRING,
    }
)
"""In these, an upload replaces the charges."""
HANDED_IN = frozenset(
    {
        JournalStatus.REVIEW,
        JournalStatus.RECONCILING,
        JournalStatus.GENERATING,
        JournalStatus.GENERATED,
        JournalStatus.ACCEPTED,
        JournalStatus.QUEUED,
        JournalStatus.RESETTING,
        JournalStatus.COMPLETED,
    }
)
"""In these, it is the marketplace's."""


def _object(value: Any) -> Any:
    return value if isinstance(value, dict) else {}


class Counts(Wire):
    """How many charges an upload brought, and how many of them are wrong."""

    total: int | None = None
    error: int | None = None


class ExternalIds(Wire):
    """Each role sees its own slot."""

    vendor: Text = None


class Journal(Wire):
    """A vendor's journal."""

    id: str = Field(min_length=1)
    status: str = ""
    revision: int | None = None
    external_ids: Annotated[ExternalIds, BeforeValidator(_object)] = ExternalIds()
    upload: Annotated[Counts, BeforeValidator(_object)] = Counts()
    error: Annotated[Thing, BeforeValidator(_object)] = Field(default_factory=dict)
    notes: Text = None

    def is_called(self, key: str) -> bool:
        """Whether it has our external id; a list may leave ids out, and the filter is trusted."""
        return self.external_ids.vendor in {None, key}

    @property
    def error_message(self) -> str:
        """What it says is wrong: three shapes have been seen."""
        return next(
            (
                clean(self.error[name])
                for name in ("message", "errorMessage")
                if isinstance(self.error.get(name), str)
            ),
            "",
        )

    @property
    def question(self) -> str:
        """What operations want to have corrected."""
        return self.error_message or clean(self.notes)


def charge_errors(charge: Thing) -> Iterator[tuple[str, str]]:
    """What is wrong with a charge: (the vendor's id of the entry, sentence)."""
    entry = str(_object(charge.get("externalIds")).get("vendor") or charge.get("id") or "?")
    found = _object(charge.get("upload")).get("errors")
    texts = [_sentence(one) for one in found] if isinstance(found, list) else []
    yield entry, "; ".join(text for text in texts if text) or "it does not say why"


def _sentence(error: Any) -> str:
    if isinstance(error, str):
        return clean(error)
    named = _object(error)
    for name in ("message", "errorMessage", "detail"):
        if isinstance(named.get(name), str):
            return clean(named[name])
    return ""
