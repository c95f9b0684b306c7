"""`/accounting/payables` and `/accounting/receivables`: what the accounting system has.

Bills and invoices as of the last sync, ours and those that were entered there. Credit notes are
neither: their amounts are positive and would be read as debts.
"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query

from api.contract import ACCOUNTING, Payable, PayableList, PlatformId, Receivable, ReceivableList
from api.deps import RuntimeOf, ScopeOf, VersionOf
from models.canonical import ObjectType
from sync import ledger_view
from sync.errors import NotFoundError
from sync.ledger_view import Shown
from worker.runtime import Runtime

router = APIRouter(prefix=ACCOUNTING, tags=["accounting data"])

LimitOf = Annotated[int, Query(ge=1, le=500)]
OffsetOf = Annotated[int, Query(ge=0, le=2**31 - 1)]


def _page(
    runtime: Runtime, entity_id: UUID, kind: ObjectType, limit: int, offset: int
) -> list[Shown]:
    return ledger_view.documents(runtime.engine, entity_id, kind, limit=limit, offset=offset)


def _one(runtime: Runtime, entity_id: UUID, kind: ObjectType, platform_id: str) -> Shown:
    found = ledger_view.documents(runtime.engine, entity_id, kind, platform_id=platform_id)
    if not found:
        raise NotFoundError(f"the accounting system has no {kind.words} {platform_id}")
    return found[0]


@router.get("/payables")
def list_payables(
    runtime: RuntimeOf,
    scope: ScopeOf,
    _: VersionOf,
    limit: LimitOf = 100,
    offset: OffsetOf = 0,
) -> PayableList:
    """Bills, in the order in which we met them."""
    found = _page(runtime, scope.entity_id, ObjectType.BILL, limit, offset)
    return PayableList(data=[Payable.of(one) for one in found])


@router.get("/payables/{payable_id}")
def read_payable(
    payable_id: Annotated[PlatformId, Path()], runtime: RuntimeOf, scope: ScopeOf, _: VersionOf
) -> Payable:
    """One bill, by its id in the accounting system."""
    return Payable.of(_one(runtime, scope.entity_id, ObjectType.BILL, payable_id))


@router.get("/receivables")
def list_receivables(
    runtime: RuntimeOf,
    scope: ScopeOf,
    _: VersionOf,
    limit: LimitOf = 100,
    offset: OffsetOf = 0,
) -> ReceivableList:
    """Invoices, in the order in which we met them."""
    found = _page(runtime, scope.entity_id, ObjectType.INVOICE, limit, offset)
    return ReceivableList(data=[Receivable.of(one) for one in found])


@router.get("/receivables/{invoice_id}")
def read_receivable(
    invoice_id: Annotated[PlatformId, Path()], runtime: RuntimeOf, scope: ScopeOf, _: VersionOf
) -> Receivable:
    """One invoice, by its id in the accounting system."""
    return Receivable.of(_one(runtime, scope.entity_id, ObjectType.INVOICE, invoice_id))
