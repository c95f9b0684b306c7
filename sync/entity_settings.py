"""Which accounts and rate a billing entity's documents go to when they name none.

Clients name ledger accounts and tax rates by our ids; what is kept are the settings of the
entity's connection, in the ledger's words, the same that people give when they connect. A change
concerns what is pushed from then on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from models.canonical import LedgerAccount, ObjectType
from models.tables import ConnectionRow
from models.unit_of_work import UnitOfWork
from sync import accounting
from sync.access import Caller
from sync.engine import Engine
from sync.errors import NotAllowedError, NotFoundError


@dataclass(frozen=True)
class EntitySettings:
    """Our ids; None where nothing is set, or where the ledger has it no more."""

    payments: UUID | None = None
    """The account of payments."""
    products: UUID | None = None
    """The account of what is sold, where neither line nor item names one."""
    deductions: UUID | None = None
    """The tax rate of allowances on whole documents."""


_KEYS = {
    "payments": "payment_account",
    "products": "default_sales_account",
    "deductions": "deduction_tax_rate",
}
_PURPOSES = {"payments": "payments", "products": "sales"}


def read(engine: Engine, billing_entity_id: UUID) -> EntitySettings:
    """What is set for an entity's ledger; nothing where it has none."""
    with engine.begin() as work:
        connection = work.contract.ledger(billing_entity_id)
        if connection is None:
            return EntitySettings()
        return _shown(work, billing_entity_id, connection)


def change(
    engine: Engine, caller: Caller, billing_entity_id: UUID, given: Mapping[str, UUID | None]
) -> EntitySettings:
    """Set what is given, by the names of `EntitySettings`; None takes a setting away.

    Raises:
        NotAllowedError: The entity has no ledger whose accounts could be meant.
        NotFoundError: Its ledger has no such account or rate.
    """
    with engine.begin() as work:
        connection = work.contract.ledger(billing_entity_id)
        if connection is None:
            if any(given.values()):
                raise NotAllowedError("the entity has no accounting connection: make one first")
            return EntitySettings()
        accounting.require_own(caller, connection.id)
        changed = _in_the_ledgers_words(work, billing_entity_id, connection, given)
        if changed:
            work.contract.set_settings(connection.id, changed)
            work.audit.add(caller.actor, "connection.settings", str(connection.id), **changed)
            _release(work, connection.id, changed, caller.actor)
            work.after_commit(lambda: engine.hints.push(connection.id))
    return read(engine, billing_entity_id)


def _in_the_ledgers_words(
    work: UnitOfWork,
    billing_entity_id: UUID,
    connection: ConnectionRow,
    given: Mapping[str, UUID | None],
) -> dict[str, str | None]:
    accounts = _accounts(work, connection.id)
    changed: dict[str, str | None] = {}
    for name, wanted in given.items():
        if wanted is None:
            changed[_KEYS[name]] = None
            continue
        rate = name == "deductions"
        kind = ObjectType.TAX_RATE if rate else ObjectType.LEDGER_ACCOUNT
        row = work.contract.pulled_one(billing_entity_id, kind, wanted)
        if row is None:
            raise NotFoundError(f"there is no {kind.words} {wanted}")
        changed[_KEYS[name]] = (
            _name_of(row.record, accounts)
            if isinstance(row.record, LedgerAccount)
            else row.record.id
        )
    return changed


def _accounts(work: UnitOfWork, connection_id: UUID) -> list[LedgerAccount]:
    found = work.documents.reference_data(connection_id, ObjectType.LEDGER_ACCOUNT)
    return [account for account in found if isinstance(account, LedgerAccount)]


def _name_of(account: LedgerAccount, accounts: Sequence[LedgerAccount]) -> str:
    """What settings call an account: its code, where no other account has that too."""
    named = [one.id for one in accounts if one.code and one.code == account.code]
    return account.code if account.code and named == [account.id] else account.id


def _shown(work: UnitOfWork, billing_entity_id: UUID, connection: ConnectionRow) -> EntitySettings:
    settings: Mapping[str, Any] = connection.settings
    accounts = _accounts(work, connection.id)
    # A code goes before an id, as it does when documents are pushed.
    by_name = {one.id: one.id for one in accounts} | {
        one.code: one.id for one in accounts if one.code
    }
    named = {
        name: by_name.get(settings.get(_KEYS[name]) or "") for name in ("payments", "products")
    }
    wanted = [platform_id for platform_id in named.values() if platform_id]
    ids = work.contract.ids_of(billing_entity_id, ObjectType.LEDGER_ACCOUNT, wanted)
    rate = settings.get(_KEYS["deductions"])
    rates = work.contract.ids_of(billing_entity_id, ObjectType.TAX_RATE, [rate] if rate else [])
    return EntitySettings(
        payments=ids.get(named["payments"] or ""),
        products=ids.get(named["products"] or ""),
        deductions=rates.get(rate or ""),
    )


def _release(
    work: UnitOfWork, connection_id: UUID, changed: Mapping[str, str | None], actor: str
) -> None:
    """What waited for an account to be named goes on."""
    subjects = [purpose for name, purpose in _PURPOSES.items() if changed.get(_KEYS[name])]
    if not subjects:
        return
    issues = work.issues.find(connection_id, "account_not_named", subjects)
    for issue_id in issues:
        work.queue.release_issue(issue_id)
    work.issues.close(issues, by=actor)
