"""`/entities/{entity_id}/settings`, the part about accounting: where pushes go by default."""

from uuid import UUID

from fastapi import APIRouter

from api.contract import (
    AccountingSettings,
    LedgerAccountIds,
    Settings,
    SettingsChange,
    TaxIds,
)
from api.deps import CallerOf, RuntimeOf, VersionOf, entity_of
from sync import entity_settings
from sync.entity_settings import EntitySettings

router = APIRouter(prefix="/entities", tags=["entity settings"])


def _shown(held: EntitySettings) -> Settings:
    return Settings(
        accounting=AccountingSettings(
            ledger_account_ids=LedgerAccountIds(payments=held.payments, products=held.products),
            tax_ids=TaxIds(deductions=held.deductions),
        )
    )


@router.get("/{entity_id}/settings")
def read_settings(entity_id: UUID, runtime: RuntimeOf, caller: CallerOf, _: VersionOf) -> Settings:
    """What is set for the entity's accounting system."""
    entity = entity_of(runtime, caller, entity_id)
    return _shown(entity_settings.read(runtime.engine, entity.id))


@router.patch("/{entity_id}/settings")
def change_settings(
    entity_id: UUID,
    runtime: RuntimeOf,
    caller: CallerOf,
    _: VersionOf,
    asked: SettingsChange | None = None,
) -> Settings:
    """Change what is named, for what is pushed from now on; null takes a setting away."""
    entity = entity_of(runtime, caller, entity_id)
    caller.require_acting(entity.id)
    changed = _given(asked or SettingsChange())
    return _shown(entity_settings.change(runtime.engine, caller, entity.id, changed))


_NAMES = {"ledger_account_ids": ("payments", "products"), "tax_ids": ("deductions",)}


def _given(asked: SettingsChange) -> dict[str, UUID | None]:
    """The settings that the request names, whole groups by null included."""
    if "accounting" not in asked.model_fields_set:
        return {}
    given: dict[str, UUID | None] = {}
    for group, names in _NAMES.items():
        if asked.accounting is None:
            given |= dict.fromkeys(names)
        elif group in asked.accounting.model_fields_set:
            held = getattr(asked.accounting, group)
            given |= dict.fromkeys(names) if held is None else held.model_dump(exclude_unset=True)
    return given
