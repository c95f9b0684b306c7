"""`/ledger_accounts`: the chart of accounts of the entity's accounting system."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from api.contract import LEDGER_ACCOUNTS, LedgerAccount, LedgerAccountList
from api.deps import RuntimeOf, ScopeOf, VersionOf
from api.pagination import NamedQuery, named_page
from models.canonical import ObjectType
from sync import accounting

router = APIRouter(prefix=LEDGER_ACCOUNTS, tags=["ledger accounts"])


@router.get("")
def list_ledger_accounts(
    runtime: RuntimeOf, scope: ScopeOf, _: VersionOf, asked: Annotated[NamedQuery, Query()]
) -> LedgerAccountList:
    """Accounts, page by page; in the order in which we met them unless sorted by name."""
    page = named_page(runtime, scope, LEDGER_ACCOUNTS, ObjectType.LEDGER_ACCOUNT, asked)
    return LedgerAccountList(data=[LedgerAccount.of(row) for row in page.rows], **page.tokens)


@router.get("/{ledger_account_id}")
def read_ledger_account(
    ledger_account_id: UUID, runtime: RuntimeOf, scope: ScopeOf, _: VersionOf
) -> LedgerAccount:
    """One account."""
    with runtime.begin() as work:
        kind = ObjectType.LEDGER_ACCOUNT
        return LedgerAccount.of(
            accounting.reference_of(work, scope.entity_id, kind, ledger_account_id)
        )
