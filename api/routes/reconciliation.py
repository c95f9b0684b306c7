"""`/reconciliation`: both sides compared, every difference explained."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel

from api.deps import RuntimeOf, ScopeOf, VersionOf
from connectors.base import Period
from models.canonical.money import Amount
from models.repositories import Thing
from sync import owned
from sync.reconcile import Explained, Reason, reconcile
from sync.reconcile import Row as Compared

router = APIRouter(prefix="/reconciliation", tags=["reconciliation"])


class Difference(BaseModel):
    """One document that counts differently."""

    document: str
    reason: Reason
    detail: str
    ours: Amount | None
    theirs: Amount | None
    record_id: UUID | None
    platform_id: str | None

    @classmethod
    def of(cls, one: Explained) -> "Difference":
        """From what was compared."""
        values = {name: getattr(one, name) for name in cls.model_fields if name != "document"}
        return cls.model_validate({**values, "document": one.what})


class Sums(BaseModel):
    """Both sides of one month, type and currency."""

    month: str
    type: str
    currency: str
    our_count: int
    our_sum: str
    their_count: int
    their_sum: str
    difference: str
    unexplained: bool
    differences: list[Difference]

    @classmethod
    def of(cls, row: Compared) -> "Sums":
        """From what was compared."""
        return cls(
            month=row.group.month,
            type=row.group.kind,
            currency=row.group.currency,
            our_count=row.our_count,
            our_sum=str(row.our_sum),
            their_count=row.their_count,
            their_sum=str(row.their_sum),
            difference=str(row.difference),
            unexplained=row.unexplained,
            differences=[Difference.of(one) for one in row.differences],
        )


class Comparison(BaseModel):
    """Both sides compared."""

    clean: bool
    """Whether every difference is explained."""
    provider_calls: int
    data: list[Sums]


@router.get("", response_model=Comparison)
def compare(
    connection_id: UUID,
    runtime: RuntimeOf,
    scope: ScopeOf,
    _: VersionOf,
    start: Annotated[date | None, Query(alias="from", description="First day.")] = None,
    end: Annotated[date | None, Query(alias="to", description="Last day.")] = None,
) -> Any:
    """Compare both sides per month, type and currency.

    The ledger is asked directly, not our copy of it: this can take minutes for a long period.
    """
    owned.required(runtime.begin, scope.entity_id, Thing.CONNECTION, connection_id)
    result = reconcile(runtime.engine, connection_id, Period(start, end))
    return Comparison(
        clean=result.clean,
        provider_calls=result.calls,
        data=[Sums.of(row) for row in result.rows],
    )
