"""`/accounting/payables` and `/accounting/receivables`: what the accounting system has.

Bills and invoices as of the last sync, ours and those that were entered there. Credit notes are
neither: their amounts are positive and would be read as debts.
"""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from api.contract import ACCOUNTING, Payable, PayableList, PlatformId, Receivable, ReceivableList
from api.deps import RuntimeOf, Scope, ScopeOf, VersionOf
from models.canonical import ObjectType
from sync import ledger_view
from sync.errors import NotFoundError
from sync.ledger_view import Shown
from worker.runtime import Runtime

router = APIRouter(prefix=ACCOUNTING, tags=["accounting data"])

IdOf = Annotated[PlatformId, Path()]


class PartQuery(BaseModel):
    """Which part of a list is wanted; the contract has no tokens here."""

    limit: int = Field(100, ge=1, le=500)
    offset: int = Field(0, ge=0, le=2**31 - 1)


PartOf = Annotated[PartQuery, Query()]


def _part(runtime: Runtime, scope: Scope, kind: ObjectType, part: PartQuery) -> list[Shown]:
    return ledger_view.documents(
        runtime.engine, scope.entity_id, kind, limit=part.limit, offset=part.offset
    )


def _one(runtime: Runtime, scope: Scope, kind: ObjectType, platform_id: str) -> Shown:
    found = ledger_view.documents(runtime.engine, scope.entity_id, kind, platform_id=platform_id)
    if not found:
        raise NotFoundError(f"the accounting system has no {kind.words} {platform_id}")
    return found[0]


@router.get("/payables")
def list_payables(runtime: RuntimeOf, scope: ScopeOf, _: VersionOf, part: PartOf) -> PayableList:
    """Bills, in the order in which we met them."""
    found = _part(runtime, scope, ObjectType.BILL, part)
    return PayableList(data=[Payable.of(one) for one in found])


@router.get("/payables/{payable_id}")
def read_payable(payable_id: IdOf, runtime: RuntimeOf, scope: ScopeOf, _: VersionOf) -> Payable:
    """One bill, by its id in the accounting system."""
    return Payable.of(_one(runtime, scope, ObjectType.BILL, payable_id))


@router.get("/receivables")
def list_receivables(
    runtime: RuntimeOf, scope: ScopeOf, _: VersionOf, part: PartOf
) -> ReceivableList:
    """Invoices, in the order in which we met them."""
    found = _part(runtime, scope, ObjectType.INVOICE, part)
    return ReceivableList(data=[Receivable.of(one) for one in found])


@router.get("/receivables/{invoice_id}")
def read_receivable(
    invoice_id: IdOf, runtime: RuntimeOf, scope: ScopeOf, _: VersionOf
) -> Receivable:
    """One invoice, by its id in the accounting system."""
    return Receivable.of(_one(runtime, scope, ObjectType.INVOICE, invoice_id))
