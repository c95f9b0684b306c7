"""`/mappings`: which thing of the ledger one of ours is, said by a person."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from api.deps import RuntimeOf, ScopeOf, VersionOf
from api.pagination import Tokens
from api.words import PageQuery, Text, acting
from models.repositories import Thing
from models.tables import MappingKind, MappingRow
from sync import control, owned

router = APIRouter(prefix="/mappings", tags=["mappings"])


class Mapping(BaseModel):
    """One of ours and its counterpart."""

    id: UUID
    connection_id: UUID
    kind: MappingKind
    ours: str
    theirs: str
    created_by: str
    created_at: datetime

    @classmethod
    def of(cls, row: MappingRow) -> "Mapping":
        """From the row."""
        return cls.model_validate({name: getattr(row, name) for name in cls.model_fields})


class MappingPage(Tokens):
    """Mappings, newest first."""

    data: list[Mapping]


class MappingQuery(PageQuery):
    """Which mappings are meant."""

    connection_id: UUID | None = None
    kind: MappingKind | None = None


class MappingRequest(BaseModel):
    """What is the same thing."""

    model_config = ConfigDict(extra="forbid")

    connection_id: UUID
    kind: MappingKind
    ours: Text
    """Our id, code or percentage; of accounts also sales, purchases, payments."""
    theirs: Text
    """The ledger's id, code or name."""


class Released(BaseModel):
    """What a mapping has set in motion."""

    records: int
    """How many records waited for it and go on."""


@router.get("", response_model=MappingPage)
def list_mappings(
    query: Annotated[MappingQuery, Query()], runtime: RuntimeOf, scope: ScopeOf, _: VersionOf
) -> Any:
    """List what was mapped by hand, newest first."""
    first, pager = query.begun(runtime.keys, scope.entity_id, "mappings", "created_at")
    with runtime.begin() as work:
        if first.connection_id is not None:
            owned.require(work, scope.entity_id, Thing.CONNECTION, first.connection_id)
        rows = work.operations.mappings(
            scope.entity_id,
            pager.place,
            query.limit + 1,
            connection_id=first.connection_id,
            kind=first.kind,
        )
    page = pager.page(rows, query.limit)
    return {"data": [Mapping.of(row) for row in page.rows], **page.tokens}


@router.put("", response_model=Released)
def put(asked: MappingRequest, runtime: RuntimeOf, scope: ScopeOf, _: VersionOf) -> Any:
    """Map one of ours; what waited for it goes on.

    When nothing of that name was read from the ledger so far, its list is read first: that takes
    as long as the ledger does.
    """
    owned.required(runtime.begin, scope.entity_id, Thing.CONNECTION, asked.connection_id)
    actor = acting(scope)
    records = control.map_to(
        runtime.engine, asked.connection_id, asked.kind, asked.ours, asked.theirs, actor=actor
    )
    return Released(records=records)
