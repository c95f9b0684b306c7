"""`/ledger_accounts`: the chart of accounts of the entity's accounting system."""

from uuid import UUID

from fastapi import APIRouter

from api.contract import LEDGER_ACCOUNTS, LedgerAccount, LedgerAccountList
from api.deps import RuntimeOf, ScopeOf, VersionOf
from api.pagination import DEFAULT_LIMIT, LimitOf, NameSort, Order, TokenOf, named_page
from models.canonical import ObjectType
from sync.errors import NotFoundError

router = APIRouter(prefix=LEDGER_ACCOUNTS, tags=["ledger accounts"])


@router.get("")
def list_ledger_accounts(
    runtime: RuntimeOf,
    scope: ScopeOf,
    _: VersionOf,
    *,
    order: Order = Order.ASC,
    sort: NameSort | None = None,
    limit: LimitOf = DEFAULT_LIMIT,
    pagination_token: TokenOf = None,
) -> LedgerAccountList:
    """Accounts, page by page; in the order in which we met them unless sorted by name."""
    page = named_page(
        runtime,
        scope,
        (LEDGER_ACCOUNTS, ObjectType.LEDGER_ACCOUNT),
        order=order,
        sort=sort,
        limit=limit,
        token=pagination_token,
    )
    return LedgerAccountList(
        data=[LedgerAccount.of(row) for row in page.rows],
        next_pagination_token=page.next_token,
        prev_pagination_token=page.prev_token,
    )


@router.get("/{ledger_account_id}")
def read_ledger_account(
    ledger_account_id: UUID, runtime: RuntimeOf, scope: ScopeOf, _: VersionOf
) -> LedgerAccount:
    """One account."""
    with runtime.begin() as work:
        row = work.contract.pulled_one(
            scope.entity_id, ObjectType.LEDGER_ACCOUNT, ledger_account_id
        )
    if row is None:
        raise NotFoundError(f"there is no ledger account {ledger_account_id}")
    return LedgerAccount.of(row)
