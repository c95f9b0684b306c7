"""The JSON that comes in: known members only, everything else is refused with 400.

Which members a create or update takes is from the platform's OpenAPI document ("4.0.2162") and
its official client's examples, read 2026-11-20. That unknown members are refused is ours, as is
that an update leaves alone what it does not name.
"""

import datetime as dt
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from connectors.faults import Request
from connectors.softwareone.simulated.answers import Problem, invalid, told
from connectors.softwareone.simulated.parties import Account
from connectors.softwareone.simulated.store import Json

Model = TypeVar("Model", bound=BaseModel)


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)


class Nothing(_Body):
    """`{}`, or no body at all."""


class Named(_Body):
    """A reference; a name beside the id is not looked at."""

    id: str
    name: str | None = None


class ExternalIds(_Body):
    """A slot for each role; each sets its own only."""

    client: str | None = None
    vendor: str | None = None
    operations: str | None = None


class JournalInput(_Body):
    """A journal to be made."""

    name: str = Field(min_length=1)
    authorization: Named
    external_ids: ExternalIds | None = None
    due_date: dt.datetime | None = None
    description: str | None = None
    notes: str | None = None


class Update(_Body):
    """What may change; the record's own id may stand beside it."""

    id: str | None = None


class JournalUpdate(Update):
    """What may change of a journal."""

    name: str | None = Field(default=None, min_length=1)
    authorization: Named | None = None
    external_ids: ExternalIds | None = None
    due_date: dt.datetime | None = None
    description: str | None = None
    notes: str | None = None
    assignee: Named | None = None


class LedgerUpdate(Update):
    """What may change of a ledger."""

    assignee: Named


class _Currency(_Body):
    purchase: str
    sale: str


class _Price(_Body):
    currency: _Currency


class CustomLedgerInput(_Body):
    """A custom ledger to be made."""

    name: str = Field(min_length=1)
    seller: Named
    vendor: Named
    billing_start_date: dt.datetime | None = None
    billing_end_date: dt.datetime | None = None
    notes: str | None = None
    external_ids: ExternalIds | None = None
    price: _Price | None = None
    assignee: Named | None = None


class CustomLedgerUpdate(Update):
    """What may change of a custom ledger."""

    name: str | None = Field(default=None, min_length=1)
    billing_start_date: dt.datetime | None = None
    billing_end_date: dt.datetime | None = None
    notes: str | None = None
    external_ids: ExternalIds | None = None
    assignee: Named | None = None


class OverrideInput(_Body):
    """An override to be made."""

    client: Named
    vendor: Named
    external_id: str | None = None
    notes: str | None = None


class OverrideUpdate(Update):
    """What may change of an override."""

    external_id: str | None = None
    notes: str | None = None


class InvoiceUpdate(Update):
    """What may change of an invoice, where that is possible at all."""

    external_ids: ExternalIds


def read(model: type[Model], request: Request) -> Model:
    """The body of a request.

    Raises:
        Problem: 400: it is another one; 415: it is no JSON.
    """
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip()
    if request.body and kind != "application/json":
        raise Problem(415, f"Unsupported media type {kind}")
    try:
        return model.model_validate_json(request.body or b"{}")
    except ValidationError as error:
        problems: dict[str, list[str]] = {}
        for one in error.errors():
            problems.setdefault(".".join(map(str, one["loc"])), []).append(one["msg"])
        raise Problem(400, "One or more validation errors occurred.", errors=problems) from None


def members(body: BaseModel, account: Account, before: Json | None = None) -> Json:
    """The members that a body names, as they are kept; external ids join those of other roles.

    Raises:
        Problem: 400: an external id of another role.
    """
    named: Json = {}
    for field in body.model_fields_set - {"id"}:
        value: Any = getattr(body, field)
        name = to_camel(field)
        if isinstance(value, ExternalIds):
            slots = value.model_dump(exclude_none=True)
            if others := slots.keys() - {account.role}:
                other = min(others)
                raise invalid(f"externalIds.{other}", "The slot belongs to another role.")
            value = {**((before or {}).get("externalIds") or {}), **slots}
        elif isinstance(value, dt.datetime):
            value = told(value if value.tzinfo else value.replace(tzinfo=dt.UTC))
        elif isinstance(value, BaseModel):
            value = value.model_dump(exclude_none=True)
        named[name] = value
    return named
