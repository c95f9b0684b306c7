"""The JSON that comes in: exactly the documented bodies, everything else is refused with 422.

Source: the public API description 1.2.0 (TaskUpdateInput, PaymentStatusUpdate,
RefundStatusUpdate, SalesInvoicePatchInput, SalesInvoiceInput, SalesCreditNoteInput), read
2026-11-21. That unknown members are refused is ours.
"""

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from connectors.faults import Refusal, Request

Model = TypeVar("Model", bound=BaseModel)


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Nothing(_Body):
    """`{}`."""


class Failure(_Body):
    """Why a document cannot be posted; people see the message."""

    error_type: Literal["USER_INPUT_ERROR", "INTERNAL_ERROR", "NOT_SUPPORTED"]
    error_message: str | None = None


class TaskUpdate(_Body):
    """What became of a task."""

    status: Literal["COMPLETED", "FAILED"]
    failure: Failure | None = None


class PaymentUpdate(_Body):
    """Whether an invoice is paid."""

    status: Literal["PAID", "UNPAID"]


class RefundUpdate(_Body):
    """Whether a credit note is paid back."""

    status: Literal["OPEN", "REFUNDED"]


class Patch(_Body):
    """The free fields of a document."""

    custom_fields: dict[str, Any]


class _Code(_Body):
    code: str


class _Customer(_Body):
    id: uuid.UUID | None = None
    accounting_code: str | None = None


class Charge(_Body):
    """One line of a document to be made."""

    name: str | None = None
    code: str | None = None
    description: str | None = None
    amount_excl_tax: Decimal
    tax_rate: _Code | None = None
    price_list_item: _Code


class CreditNoteInput(_Body):
    """A sales credit note to be made."""

    date: dt.date
    booking_date: dt.date | None = None
    currency: str
    custom_fields: dict[str, Any] = {}
    customer_reference_numbers: tuple[str, ...] = ()
    customer: _Customer
    charges: tuple[Charge, ...]
    billing_entity: _Code | None = None


class InvoiceInput(CreditNoteInput):
    """A sales invoice to be made."""

    due_date: dt.date | None = None


def read(model: type[Model], request: Request) -> Model:
    """The body of a request.

    Raises:
        Refusal: 422: it is another one.
    """
    try:
        return model.model_validate_json(request.body)
    except ValidationError as error:
        raise unprocessable(
            *[(("body", *one["loc"]), one["msg"], one["type"]) for one in error.errors()]
        ) from None


def identifier(value: str) -> str:
    """An id in a path.

    Raises:
        Refusal: 422: it is none.
    """
    try:
        return str(uuid.UUID(value))
    except ValueError:
        raise unprocessable((("path", "id"), "this is no UUID", "uuid_parsing")) from None


def only(request: Request, *known: str) -> None:
    """Refuse parameters that are not modelled."""
    if unknown := sorted(request.query.keys() - {*known}):
        raise unprocessable((("query", unknown[0]), "no such parameter", "extra_forbidden"))


def unprocessable(*problems: tuple[tuple[str | int, ...], str, str]) -> Refusal:
    """422, in the words of the framework that the API is built with."""
    detail = [{"loc": list(loc), "msg": msg, "type": kind} for loc, msg, kind in problems]
    return Refusal(422, {"detail": detail})


def invalid(code: str, message: str, *, field: str | None, path: str | None = None) -> Refusal:
    """400 as documented: a message, and a list of errors that is never empty.

    `detail` may be an object; that it has a code in it is ours.
    """
    error = {"message": message, "field": field, "path": path, "detail": {"code": code}}
    return Refusal(400, {"code": code, "message": message, "errors": [error]})
