"""What the engine may ask of a ledger that it never speaks to: who it is, and nothing else."""

from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import BaseModel, StringConstraints

from connectors.base import (
    ConnectorConfig,
    ConnectorSettings,
    Failed,
    FindResult,
    Identity,
    Page,
    Period,
    PushItem,
    PushResult,
    Unclear,
)
from connectors.errors import Unsupported
from models.canonical import ObjectType

_Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]
_WHY = "an integrator's own program posts to this ledger and reports back"


class ExternalCredentials(BaseModel):
    """None: the integrator's program has a credential of ours, we have none of theirs."""

    model_config = {"extra": "forbid", "frozen": True}


class ExternalSettings(ConnectorSettings):
    """What the ledger is called; nobody here can ask it."""

    organisation_id: _Name
    """The ledger's own id of the books, as the integrator knows it."""
    organisation_name: _Name | None = None
    """What people call these books; None: the id."""


class External:
    """Answers for itself from its settings; every other question is refused without a call."""

    def __init__(self, config: ConnectorConfig) -> None:
        assert isinstance(config.settings, ExternalSettings)  # noqa: S101  # the spec names the class
        self._settings = config.settings

    def check(self) -> Identity:
        """Whose books these are, as the person said who connected them."""
        settings = self._settings
        return Identity(
            settings.organisation_id, settings.organisation_name or settings.organisation_id
        )

    def pull(
        self,
        kind: ObjectType,
        cursor: str | None,  # noqa: ARG002  # the protocol's
        *,
        period: Period | None = None,  # noqa: ARG002  # the protocol's
    ) -> Iterator[Page]:
        """Nothing can be read."""
        raise Unsupported(f"{_WHY}: {kind.plural_words} cannot be read from it")

    def push(self, kind: ObjectType, items: Sequence[PushItem]) -> Sequence[PushResult]:
        """Nothing is written from here."""
        why = f"{_WHY}: {kind.plural_words} are not written from here"
        return [Failed(Unsupported(why)) for _ in items]

    def find(self, kind: ObjectType, items: Sequence[PushItem]) -> Sequence[FindResult]:
        """Nobody here can look."""
        why = f"{_WHY}: {kind.plural_words} cannot be looked up from here"
        return [Unclear(why) for _ in items]
