"""Request bodies against the models of Xero's own SDK: nothing in them is unknown to it."""

import datetime as dt
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import xero_python.accounting.models as sdk

_MODELS = {
    "Invoices": "Invoice",
    "CreditNotes": "CreditNote",
    "Payments": "Payment",
    "BatchPayments": "BatchPayment",
    "Contacts": "Contact",
    "Items": "Item",
    "ManualJournals": "ManualJournal",
}
_WRITTEN_BY_XERO = frozenset(
    {"SubTotal", "TotalTax", "Total", "AmountDue", "AmountPaid", "UpdatedDateUTC", "PaymentType"}
)


def check(endpoint: str, body: Mapping[str, Any]) -> None:
    """Build the SDK's model of a body.

    Raises:
        AssertionError: A field is unknown to the SDK, or has another type there.
        ValueError: A value is none that Xero takes.
    """
    assert not _WRITTEN_BY_XERO & set(body)
    _model(_MODELS[endpoint], body, endpoint)


def _model(name: str, body: Mapping[str, Any], where: str) -> Any:
    cls = getattr(sdk, name)
    names = {theirs: ours for ours, theirs in cls.attribute_map.items()}
    unknown = set(body) - set(names)
    assert not unknown, f"{where}: Xero does not know {unknown}"
    given = {
        names[field]: _value(cls.openapi_types[names[field]], value, f"{where}.{field}")
        for field, value in body.items()
    }
    return cls(**given)


def _value(kind: str, value: Any, where: str) -> Any:
    if match := re.fullmatch(r"list\[(\w+)\]", kind):
        assert isinstance(value, list | tuple), where
        return [_value(match[1], one, where) for one in value]
    if isinstance(value, Mapping):
        return _model(kind, value, where)
    if kind == "float":
        assert isinstance(value, Decimal | int), where
    elif kind == "date[ms-format]":
        dt.date.fromisoformat(value)
    elif kind in {"str", "bool", "int"}:
        assert type(value).__name__ == kind, where
    else:
        # A word of a list: the SDK has a class with all of them.
        assert value.upper() in vars(getattr(sdk, kind)), where
    return value
