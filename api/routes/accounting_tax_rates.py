"""`/accounting_tax_rates`: the rates of the entity's accounting system."""

from uuid import UUID

from fastapi import APIRouter

from api.contract import TAX_RATES, TaxRate, TaxRateList
from api.deps import RuntimeOf, ScopeOf, VersionOf
from api.pagination import DEFAULT_LIMIT, LimitOf, NameSort, Order, TokenOf, named_page
from models.canonical import ObjectType
from sync.errors import NotFoundError

router = APIRouter(prefix=TAX_RATES, tags=["accounting tax rates"])


@router.get("")
def list_tax_rates(
    runtime: RuntimeOf,
    scope: ScopeOf,
    _: VersionOf,
    *,
    order: Order = Order.ASC,
    sort: NameSort | None = None,
    limit: LimitOf = DEFAULT_LIMIT,
    pagination_token: TokenOf = None,
) -> TaxRateList:
    """Tax rates, page by page; in the order in which we met them unless sorted by name."""
    page = named_page(
        runtime,
        scope,
        (TAX_RATES, ObjectType.TAX_RATE),
        order=order,
        sort=sort,
        limit=limit,
        token=pagination_token,
    )
    return TaxRateList(
        data=[TaxRate.of(row) for row in page.rows],
        next_pagination_token=page.next_token,
        prev_pagination_token=page.prev_token,
    )


@router.get("/{tax_rate_id}")
def read_tax_rate(tax_rate_id: UUID, runtime: RuntimeOf, scope: ScopeOf, _: VersionOf) -> TaxRate:
    """One tax rate."""
    with runtime.begin() as work:
        row = work.contract.pulled_one(scope.entity_id, ObjectType.TAX_RATE, tax_rate_id)
    if row is None:
        raise NotFoundError(f"there is no tax rate {tax_rate_id}")
    return TaxRate.of(row)
