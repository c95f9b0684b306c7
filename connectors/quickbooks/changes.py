"""What is to be written of an item, and what its body names: pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.base import Operation
from connectors.quickbooks.answers import Values
from connectors.quickbooks.client import Write
from connectors.quickbooks.company import ANY_STATE
from connectors.quickbooks.entities import LISTS, Entity
from connectors.quickbooks.values import any_of

VOIDS: Mapping[Entity, str] = {
    Entity.INVOICE: "void",
    Entity.PAYMENT: "void",
    Entity.BILL_PAYMENT: "void",
}
"""Only these can be void; all other transactions are deleted (pages of the entities, read
2026-11-20)."""


@dataclass(frozen=True)
class Change:
    """What is to be written of an item."""

    entity: Entity
    operation: Operation
    body: Values
    row_id: str | None = None
    version: str | None = None
    key: str = ""

    @property
    def verb(self) -> str:
        """What is asked of QuickBooks."""
        if self.operation is Operation.VOID:
            return VOIDS.get(self.entity, "delete")
        return self.operation.value

    def write(self) -> Write:
        """The write as it goes out."""
        if self.row_id is None:
            return Write(self.entity, "create", self.body, self.key)
        known = {"Id": self.row_id, "SyncToken": self.version or "0"}
        if self.operation is Operation.UPDATE:
            known["sparse"] = True  # type: ignore[assignment]  # a flag among texts
        return Write(self.entity, self.verb, {**known, **self.body}, self.key)


def by_id(entity: Entity, ids: Sequence[str]) -> str:
    """The condition that finds objects by their ids, inactive ones too."""
    where = any_of("Id", list(ids))
    return f"{where} and {ANY_STATE}" if entity in LISTS else where


def nameless(value: Any) -> Any:
    """References as we write them: without the names that QuickBooks adds."""
    if isinstance(value, list):
        return [nameless(one) for one in value]
    if isinstance(value, Mapping):
        named = "value" in value
        return {
            name: nameless(part) for name, part in value.items() if not (named and name == "name")
        }
    return value


_NAMED = {
    "CustomerRef": "customer",
    "VendorRef": "vendor",
    "ItemRef": "item",
    "AccountRef": "account",
    "TaxCodeRef": "tax code",
    "DepositToAccountRef": "account",
    "BankAccountRef": "account",
    "CCAccountRef": "account",
    "IncomeAccountRef": "account",
    "ExpenseAccountRef": "account",
    "EntityRef": "contact",
}


def references(value: Any) -> list[str]:
    """Everything that a body names, in words."""
    if isinstance(value, list | tuple):
        return [word for one in value for word in references(one)]
    if not isinstance(value, Mapping):
        return []
    found = []
    for name, part in value.items():
        if name in _NAMED and isinstance(part, Mapping):
            found.append(f"{_NAMED[name]} {part.get('value')}")
        elif name == "LinkedTxn":
            found += [f"{one['TxnType']} {one['TxnId']}" for one in part]
        else:
            found += references(part)
    return found
