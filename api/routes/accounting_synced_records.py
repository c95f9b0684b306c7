"""`/accounting_synced_records`: the sync log, one record for each object and connection."""

from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from api.contract import (
    ALL_KINDS,
    KINDS,
    SYNCED_RECORDS,
    ContractType,
    SyncedRecord,
    SyncedRecordList,
    WireStatus,
)
from api.deps import RuntimeOf, ScopeOf, VersionOf
from api.pagination import (
    DEFAULT_LIMIT,
    LARGEST_LIMIT,
    LONGEST_TOKEN,
    TOKEN_LETTERS,
    Listing,
    Order,
    Pager,
)
from api.words import Moment
from models.repositories.contract import RECORD_FILTERS
from sync import accounting

router = APIRouter(prefix=SYNCED_RECORDS, tags=["accounting synced records"])


class RecordSort(StrEnum):
    """What records can be sorted by."""

    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"


class RecordQuery(BaseModel):
    """The parameters of the list."""

    object_type: ContractType | None = Field(
        default=None,
        description="Without it, records of all types are given, journal entries among them.",
    )
    order: Order = Order.ASC
    sort: RecordSort = RecordSort.CREATED_AT
    limit: int = Field(
        default=DEFAULT_LIMIT,
        ge=1,
        le=LARGEST_LIMIT,
        description="Items on a page; send it with a token too.",
    )
    pagination_token: str | None = Field(
        default=None,
        max_length=LONGEST_TOKEN,
        json_schema_extra=TOKEN_LETTERS,
        description="From an earlier page. It carries the whole first query: other parameters "
        "are ignored, except `limit`.",
    )
    object_id: UUID | None = None
    object_id__in: list[UUID] | None = Field(default=None, min_length=1, max_length=LARGEST_LIMIT)
    created_at__gt: Moment | None = None
    created_at__lt: Moment | None = None
    created_at__gte: Moment | None = None
    created_at__lte: Moment | None = None
    updated_at__gt: Moment | None = None
    updated_at__lt: Moment | None = None
    updated_at__gte: Moment | None = None
    updated_at__lte: Moment | None = None
    sync_status: WireStatus | None = Field(default=None, description="Ours.")


@router.get("")
def list_records(
    runtime: RuntimeOf, scope: ScopeOf, _: VersionOf, asked: Annotated[RecordQuery, Query()]
) -> SyncedRecordList:
    """Records of one type of object, page by page."""
    filters = asked.model_dump(
        mode="json",
        exclude_none=True,
        include={"object_type", "sync_status", *RECORD_FILTERS},
    )
    listing = Listing(SYNCED_RECORDS, scope.entity_id, asked.order, asked.sort.value, filters)
    pager = Pager.of(runtime.keys, listing, asked.pagination_token)
    said: dict[str, Any] = dict(pager.listing.filters)
    object_type = said.pop("object_type", None)
    sync_status = said.pop("sync_status", None)
    with runtime.begin() as work:
        rows = work.contract.records(
            scope.entity_id,
            KINDS[ContractType(object_type)] if object_type else ALL_KINDS,
            filters=said,
            sync_status=sync_status,
            sort=pager.listing.sort,
            descending=pager.descending,
            place=pager.place,
            limit=asked.limit + 1,
        )
    page = pager.page(rows, asked.limit)
    return SyncedRecordList(
        data=[SyncedRecord.of(row) for row in page.rows],
        next_pagination_token=page.next_token,
        prev_pagination_token=page.prev_token,
    )


@router.get("/{synced_record_id}")
def read_record(
    synced_record_id: UUID, runtime: RuntimeOf, scope: ScopeOf, _: VersionOf
) -> SyncedRecord:
    """One record."""
    with runtime.begin() as work:
        return SyncedRecord.of(accounting.record_of(work, scope.entity_id, synced_record_id))


@router.post("/{synced_record_id}/push")
def push_record(
    synced_record_id: UUID, runtime: RuntimeOf, scope: ScopeOf, _: VersionOf
) -> SyncedRecord:
    """Queue a record again.

    One that is done is sent only if its object was edited since, and then as an update.
    """
    scope.require_acting()
    return SyncedRecord.of(
        accounting.push_again(runtime.engine, scope.caller, scope.entity_id, synced_record_id)
    )
