"""`/accounting_synced_records`: the sync log, one record for each object and connection."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

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
from api.pagination import LARGEST_LIMIT, Order, Paged
from api.words import ChangedBetween, MadeBetween
from models.repositories.record_pages import RECORD_FILTERS
from sync import accounting

router = APIRouter(prefix=SYNCED_RECORDS, tags=["accounting synced records"])


class RecordSort(StrEnum):
    """What records can be sorted by."""

    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"


class RecordQuery(Paged, MadeBetween, ChangedBetween):
    """The parameters of the list."""

    object_type: ContractType | None = Field(
        default=None,
        description="Without it, records of all types are given, journal entries among them.",
    )
    order: Order = Order.ASC
    sort: RecordSort = RecordSort.CREATED_AT
    object_id: UUID | None = None
    object_id__in: list[UUID] | None = Field(default=None, min_length=1, max_length=LARGEST_LIMIT)
    sync_status: WireStatus | None = Field(default=None, description="Ours.")


@router.get("")
def list_records(
    runtime: RuntimeOf, scope: ScopeOf, _: VersionOf, asked: Annotated[RecordQuery, Query()]
) -> SyncedRecordList:
    """Records of one type of object, page by page."""
    first, pager = asked.begun(
        runtime.keys, scope.entity_id, SYNCED_RECORDS, asked.sort.value, asked.order
    )
    with runtime.begin() as work:
        rows = work.contract.records(
            scope.entity_id,
            KINDS[first.object_type] if first.object_type else ALL_KINDS,
            filters=first.model_dump(mode="json", exclude_none=True, include=set(RECORD_FILTERS)),
            sync_status=first.sync_status,
            sort=pager.listing.sort,
            descending=pager.descending,
            place=pager.place,
            limit=asked.limit + 1,
        )
    page = pager.page(rows, asked.limit)
    return SyncedRecordList(data=[SyncedRecord.of(row) for row in page.rows], **page.tokens)


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
