"""`/accounting_tax_rates`: the rates of the entity's accounting system."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from api.contract import TAX_RATES, TaxRate, TaxRateList
from api.deps import RuntimeOf, ScopeOf, VersionOf
from api.pagination import NamedQuery, named_page
from models.canonical import ObjectType
from sync import accounting

router = APIRouter(prefix=TAX_RATES, tags=["accounting tax rates"])


@router.get("")
def list_tax_rates(
    runtime: RuntimeOf, scope: ScopeOf, _: VersionOf, asked: Annotated[NamedQuery, Query()]
) -> TaxRateList:
    """Tax rates, page by page; in the order in which we met them unless sorted by name."""
    page = named_page(runtime, scope, TAX_RATES, ObjectType.TAX_RATE, asked)
    return TaxRateList(data=[TaxRate.of(row) for row in page.rows], **page.tokens)


@router.get("/{tax_rate_id}")
def read_tax_rate(tax_rate_id: UUID, runtime: RuntimeOf, scope: ScopeOf, _: VersionOf) -> TaxRate:
    """One tax rate."""
    with runtime.begin() as work:
        return TaxRate.of(
            accounting.reference_of(work, scope.entity_id, ObjectType.TAX_RATE, tax_rate_id)
        )
