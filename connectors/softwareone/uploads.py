"""Usage as the engine hands it in: the steps of `usage`, in the engine's words."""

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from connectors.base import ConnectorConfig, UploadSpec, UploadStep
from connectors.errors import ProtocolError, Rejected
from connectors.softwareone.charges import ChargeProblemError
from connectors.softwareone.client import Client
from connectors.softwareone.progress import Progress, Step
from connectors.softwareone.rql import NotExpressibleError
from connectors.softwareone.usage import CONSISTENCY_DELAY, Usage

if TYPE_CHECKING:
    from connectors.base import Uploads


class UsageOptions(BaseModel):
    """What must be said beside a file of charges."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    authorization_id: str = Field(min_length=1, max_length=255)
    """The authorization (`AUT-…`) that the usage was sold under: it fixes product and currency."""
    name: str = Field("", max_length=255)
    """What people call the journal; by default the key."""
    due_date: date | None = None
    """When it is due."""


class UsageUploads:
    """Hands usage in, for the engine."""

    def __init__(self, usage: Usage) -> None:
        self._usage = usage

    def begin(self, path: Path, *, key: str, options: BaseModel) -> UploadStep:
        """Look a file through; nothing is sent."""
        if not isinstance(options, UsageOptions):
            raise TypeError("the options are not those of usage")
        try:
            progress = self._usage.begin(
                path,
                key=key,
                authorization_id=options.authorization_id,
                name=options.name,
                due_date=options.due_date,
            )
        except ChargeProblemError as problem:
            raise Rejected(str(problem), code="bad_line") from None
        except NotExpressibleError as problem:
            raise Rejected(f"key or authorization_id: {problem}", code="bad_key") from None
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise Rejected(f"{where}: {first['msg']}", code="bad_key") from None
        return _step(progress)

    def advance(self, progress: Mapping[str, Any], path: Path) -> UploadStep:
        """Take the next step."""
        try:
            kept = Progress.model_validate(dict(progress))
        except ValidationError:
            raise ProtocolError("what was kept of the hand-in cannot be read") from None
        return _step(self._usage.advance(kept, path))


def _step(progress: Progress) -> UploadStep:
    return UploadStep(
        progress=progress.model_dump(mode="json"),
        status=progress.status,
        finished=progress.finished,
        failed=progress.step is Step.FAILED,
        sentence=progress.problem,
        problems=tuple(
            f"{f'line {one.line}' if one.line else 'entry'} ({one.entry}): {one.message}"
            for one in progress.problems
        ),
        wait_seconds=progress.wait_seconds,
    )


def open_uploads(config: ConnectorConfig) -> UsageUploads:
    """Hand-ins with the token of a connection.

    Raises:
        Unsupported: It is not a vendor's.
    """
    given = config.settings.consistency_delay_seconds
    delay = CONSISTENCY_DELAY if given is None else timedelta(seconds=given)
    return UsageUploads(Usage(Client(config), consistency_delay=delay))


UPLOADS = UploadSpec(open=open_uploads, options=UsageOptions)

if TYPE_CHECKING:
    _: type[Uploads] = UsageUploads
