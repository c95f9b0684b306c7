"""Request bodies against the models of Apideck's own SDK: nothing in them is unknown to it."""

from collections.abc import Mapping
from typing import Any

import apideck_unify.models as sdk
from pydantic import BaseModel

_MODELS: Mapping[str, str] = {
    "invoices": "InvoiceInput",
    "bills": "BillInput",
    "credit-notes": "CreditNoteInput",
    "payments": "PaymentInput",
    "bill-payments": "BillPaymentInput",
    "customers": "CustomerInput",
    "suppliers": "SupplierInput",
    "invoice-items": "InvoiceItemInput",
    "journal-entries": "JournalEntryInput",
}
READ_ONLY = frozenset({"downstream_id", "created_at", "updated_at", "created_by", "updated_by"})
_NEEDED: Mapping[str, Mapping[str, Any]] = {
    "payments": {"total_amount": 1, "transaction_date": "2026-09-14T12:00:00.000Z"},
    "bill-payments": {"total_amount": 1, "transaction_date": "2026-09-14T12:00:00.000Z"},
    "credit-notes": {"total_amount": 1},
}


def check(resource: str, body: Mapping[str, Any], *, update: bool = False) -> BaseModel:
    """The SDK's model of a body; a part of one, where it is an update's.

    Raises:
        AssertionError: A field is unknown to the SDK, or only the ledger writes it.
    """
    whole = {**(_NEEDED.get(resource, {}) if update else {}), **body}
    model: BaseModel = getattr(sdk, _MODELS[resource]).model_validate(whole)
    dumped = model.model_dump(by_alias=True, exclude_unset=True, mode="json")
    unknown = list(_lost(whole, dumped, resource))
    assert not unknown, f"Apideck does not know {unknown}"
    assert not READ_ONLY & set(body)
    return model


def _lost(sent: Any, known: Any, where: str) -> Any:
    """What the model dropped: the schemas are closed, so that Apideck would refuse it."""
    if isinstance(sent, Mapping):
        for name, part in sent.items():
            if not isinstance(known, Mapping) or name not in known:
                yield f"{where}.{name}"
            else:
                yield from _lost(part, known[name], f"{where}.{name}")
    elif isinstance(sent, list | tuple):
        for place, part in enumerate(sent):
            yield from _lost(part, known[place], f"{where}[{place}]")
