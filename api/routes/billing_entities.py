"""`/billing-entities`: the legal entities of the caller's organisation, and whose a document is."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, status
from pydantic import BaseModel, ConfigDict

from api.deps import CallerOf, RuntimeOf
from sync import moving

router = APIRouter(prefix="/billing-entities", tags=["billing entities"])


class ErrorWords(BaseModel):
    """What went wrong, for machines and for people."""

    type: str
    message: str


class ErrorBody(BaseModel):
    """The body of a refusal."""

    error: ErrorWords


class BillingEntity(BaseModel):
    """A legal entity with books of its own."""

    id: UUID
    code: str
    legal_name: str
    vat_number: str | None
    is_default: bool
    archived: bool
    """Nothing is posted for it any more; everything can be read."""


class BillingEntities(BaseModel):
    """All of an organisation."""

    data: list[BillingEntity]


class Move(BaseModel):
    """Which document."""

    model_config = ConfigDict(extra="forbid")

    document_id: UUID


_REFUSED: dict[int | str, dict[str, Any]] = {
    401: {"model": ErrorBody, "description": "The token is no good."},
    403: {"model": ErrorBody, "description": "`integration_disabled`."},
}
_MOVE: dict[int | str, dict[str, Any]] = _REFUSED | {
    403: {"model": ErrorBody, "description": "`credential_may_not_move`, `integration_disabled`."},
    404: {"model": ErrorBody, "description": "There is no such entity or document."},
    409: {
        "model": ErrorBody,
        "description": "`push_in_progress`, `already_posted`, `already_there`, `not_ours` or "
        "`billing_entity_archived`.",
    },
}


@router.get("", responses=_REFUSED)
def list_billing_entities(runtime: RuntimeOf, caller: CallerOf) -> BillingEntities:
    """List the billing entities of the organisation, by code."""
    with runtime.begin() as work:
        found = work.tenants.entities_of(caller.organisation_id)
    return BillingEntities(
        data=[
            BillingEntity(
                id=row.id,
                code=row.code,
                legal_name=row.legal_name,
                vat_number=row.vat_number,
                is_default=row.is_default,
                archived=row.archived_at is not None,
            )
            for row in found
        ]
    )


@router.post("/{entity_id}/move-document", status_code=status.HTTP_204_NO_CONTENT, responses=_MOVE)
def move_document(
    runtime: RuntimeOf,
    caller: CallerOf,
    entity_id: Annotated[UUID, Path(description="The billing entity that is to have it.")],
    moved: Move,
) -> None:
    """Give a document that is not posted yet to this billing entity."""
    moving.move(runtime.engine, caller, moved.document_id, entity_id)
