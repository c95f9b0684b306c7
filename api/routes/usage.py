"""`/usage`: files of charges that a vendor hands in at a marketplace.

The file is the body of the request. It is looked through before anything is sent; then a worker
hands it in, step by step, and `GET /usage/{id}` says how far it is.
"""

import tempfile
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from api.deps import RuntimeOf, ScopeOf, VersionOf
from api.errors import ApiError
from api.words import acting
from connectors.errors import Rejected
from models.repositories import Thing
from models.tables import UploadRow, UploadStatus
from sync import owned, uploads
from sync.errors import InvalidInputError

router = APIRouter(prefix="/usage", tags=["usage"])

FILE = "application/octet-stream"
"""JSON Lines have no registered media type; whatever is said, the body is taken as a file."""


class Upload(BaseModel):
    """A file that is handed in."""

    id: UUID
    connection_id: UUID
    key: str
    name: str
    size: int
    """Bytes."""
    status: UploadStatus
    platform_status: str
    """How far it is, in the platform's words."""
    sentence: str | None
    """What a person should know or do."""
    problems: list[str]
    """Lines that the platform refused, and why."""
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, row: UploadRow) -> "Upload":
        """From the row."""
        return cls.model_validate({name: getattr(row, name) for name in cls.model_fields})


class Uploads(BaseModel):
    """Hand-ins, newest first."""

    data: list[Upload]


class NewUpload(BaseModel):
    """What is said beside the file."""

    connection_id: UUID
    key: Annotated[
        str,
        Field(min_length=1, max_length=255, pattern=r"^[^\x00]*$"),
    ]
    """Your id of this usage (`2026-10`): the same for every try."""
    name: Annotated[str, Field(max_length=255, pattern=r"^[^\x00]*$")] = ""
    """The file's."""
    option: list[Annotated[str, Field(max_length=1000, pattern=r"^[^\x00]*$")]] = []
    """`NAME=VALUE`: what the platform wants beside it."""


@router.post(
    "",
    response_model=Upload,
    status_code=202,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {FILE: {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def send(
    given: Annotated[NewUpload, Query()],
    request: Request,
    runtime: RuntimeOf,
    scope: ScopeOf,
    _: VersionOf,
) -> Any:
    """Hand a file of charges in, one JSON object a line."""
    await run_in_threadpool(
        owned.required, runtime.begin, scope.entity_id, Thing.CONNECTION, given.connection_id
    )
    actor = acting(scope)
    options = dict(_pair(one) for one in given.option)
    with tempfile.TemporaryDirectory(prefix="ledgerbridge-") as folder:
        path = Path(folder) / "charges.jsonl"
        with path.open("wb") as file:
            async for piece in request.stream():
                file.write(piece)
        try:
            row = await run_in_threadpool(
                uploads.begin,
                runtime.engine,
                given.connection_id,
                path,
                key=given.key,
                options=options,
                actor=actor,
                name=given.name,
            )
        except Rejected as error:
            raise ApiError(422, "bad_file", error.message) from None
    return Upload.of(row)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise InvalidInputError(f"option {text!r} is not NAME=VALUE")
    return name, value


@router.get("", response_model=Uploads)
def list_uploads(
    runtime: RuntimeOf,
    scope: ScopeOf,
    _: VersionOf,
    connection_id: UUID,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> Any:
    """List what was handed in through a connection, newest first."""
    with runtime.begin() as work:
        owned.require(work, scope.entity_id, Thing.CONNECTION, connection_id)
        rows = work.uploads.listing(connection_id, limit)
    return Uploads(data=[Upload.of(row) for row in rows])


@router.get("/{upload_id}", response_model=Upload)
def get(upload_id: UUID, runtime: RuntimeOf, scope: ScopeOf, _: VersionOf) -> Any:
    """How far a hand-in is."""
    owned.required(runtime.begin, scope.entity_id, Thing.UPLOAD, upload_id)
    return Upload.of(uploads.get(runtime.engine, upload_id))
