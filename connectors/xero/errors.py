"""What Xero's refusals mean: decided by status and body; pure.

A refusal may be of a whole call (an HTTP status) or of one element of a batch (a 200 whose element
has `ValidationErrors`). Texts are matched loosely: Xero has no codes for them. From the Accounting
API's "response codes" page and issues of Xero's SDKs (2026); README.md says what nobody could try.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import httpx

from connectors.errors import (
    AuthorizationLost,
    Cause,
    Conflict,
    ConnectorError,
    MappingMissing,
    OutcomeUnknown,
    PermissionDenied,
    ProtocolError,
    RateLimited,
    Rejected,
    TokenRefused,
    Unavailable,
    Unsupported,
)
from connectors.http import error_in as error_in_status
from connectors.http import retry_after
from models.canonical import AnyRecord
from models.canonical.record import ObjectType

GONE = "404"
NOT_CONNECTED = "not_connected"
KEY_REUSED = "idempotency_key_reused"
_CONCURRENT = timedelta(seconds=1)
_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)
_ORGANISATION_OFFLINE = timedelta(minutes=5)
_ACCOUNT = re.compile(
    r"account code '?\"?([^'\"]{1,10}?)'?\"? (?:is not|has been|does not)", re.IGNORECASE
)
_TAX = re.compile(
    r"tax ?type(?: code)? '?\"?([^'\"]{1,50}?)'?\"? (?:is not|does not|cannot)", re.IGNORECASE
)


class ElementsRefused(Rejected):
    """A call was refused as a whole, and says why for each of its elements."""

    def __init__(self, message: str, elements: Sequence[Mapping[str, Any]], **known: Any) -> None:
        super().__init__(message, **known)
        self.elements = elements


def error_in(response: httpx.Response, wrote: bool) -> ConnectorError | None:
    """Find the error in an answer."""
    status = response.status_code
    if status < httpx.codes.MULTIPLE_CHOICES:
        return None
    body = _body(response)
    said = _said(body) or response.text[:300].strip()
    common: dict[str, Any] = {
        "http_status": status,
        "code": str(body.get("type") or status),
        "request_id": response.headers.get("xero-correlation-id"),
    }
    match status:
        case 400:
            return _bad_request(body, said, common, wrote=wrote)
        case 401 | 403:
            return _not_let_in(str(body.get("detail") or ""), said, common)
        case 404:
            return Rejected(f"Xero does not have this: {said}", **(common | {"code": GONE}))
        case 412:
            return ProtocolError(f"Xero does not understand a header of ours: {said}", **common)
        case 429:
            return _too_many(response.headers, common)
        case 501:
            return Unsupported(f"Xero does not offer this: {said}", **common)
        case 503:
            return _away(said, response.headers, common, wrote=wrote)
    found = error_in_status(response, wrote)
    if found is not None:
        found.request_id = found.request_id or common["request_id"]
    return found


def _body(response: httpx.Response) -> dict[str, Any]:
    """An error's body, by names in small letters: gateways differ in how they write them."""
    try:
        found = json.loads(response.content)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {str(name).lower(): value for name, value in found.items()}


def _said(body: Mapping[str, Any]) -> str:
    parts = (body.get(name) for name in ("title", "message", "detail"))
    return ": ".join(str(part) for part in parts if part)


def _bad_request(
    body: Mapping[str, Any], said: str, common: Mapping[str, Any], *, wrote: bool
) -> ConnectorError:
    if "idempotency key" in said.lower() and "different" in said.lower():
        # An earlier request of ours went out with it: nobody knows what became of that one.
        kind = OutcomeUnknown if wrote else ProtocolError
        return kind(said, **{**common, "code": KEY_REUSED})
    elements = body.get("elements")
    if isinstance(elements, list) and any(isinstance(one, dict) for one in elements):
        rows = [one if isinstance(one, dict) else {} for one in elements]
        whole = "; ".join(text for row in rows for text in messages_of(row)) or said
        return ElementsRefused(f"Xero refuses: {whole}", rows, **common)
    if not wrote:
        return Rejected(f"Xero does not take the query: {said}", **common)
    if common["code"] == "ValidationException":
        return refusal(said, "", **common)
    message = f"Xero does not understand the request: {said}"
    cause = Cause("request_invalid", said[:200], {"message": message})
    return Rejected(message, cause=cause, **common)


def _not_let_in(detail: str, said: str, common: Mapping[str, Any]) -> ConnectorError:
    """Which door stays shut: the token's, the organisation's, or one of its rooms'."""
    if detail.startswith("TokenExpired"):
        return TokenRefused("the access token has expired", **{**common, "code": "TokenExpired"})
    if detail.startswith("AuthorizationUnsuccessful"):
        message = (
            "Xero does not let us do this: the consent lacks a scope, or the person who gave it a "
            "right. If the right is there, let it be authorized again"
        )
        cause = Cause("permission_denied", "AuthorizationUnsuccessful", {"message": message})
        known = {**common, "code": "AuthorizationUnsuccessful"}
        return PermissionDenied(message, cause=cause, **known)
    if detail.startswith("AuthenticationUnsuccessful"):
        return not_connected("the organisation is not connected to this app any more", **common)
    return AuthorizationLost(f"Xero does not let us in: {said}"[:300], **common)


def not_connected(message: str, **known: Any) -> AuthorizationLost:
    """The organisation is no longer among those that the consent opens."""
    cause = Cause("organisation_locked", "organisation", {"message": message})
    return AuthorizationLost(message, **{**known, "cause": cause, "code": NOT_CONNECTED})


def _too_many(headers: Mapping[str, str], common: Mapping[str, Any]) -> RateLimited:
    """Which limit it was is in a header; its words differ, and may be new ones."""
    problem = headers.get("x-rate-limit-problem", "").strip()
    word = problem.lower().replace(" ", "")
    after = retry_after(headers)
    if after is None:
        usual = {"concurrent": _CONCURRENT, "min": _MINUTE, "appmin": _MINUTE}
        usual |= {"day": _HOUR, "daily": _HOUR}
        fitting = (time for start, time in usual.items() if word.startswith(start))
        after = next(fitting, None)
    said = f"Xero has counted enough calls ({problem or 'which limit is not said'})"
    known = {**common, "code": f"429 {problem}".strip()}
    return RateLimited(said, retry_after=after, **known)


def _away(
    said: str, headers: Mapping[str, str], common: Mapping[str, Any], *, wrote: bool
) -> ConnectorError:
    """503: two of its texts say that nobody was there to do anything."""
    words, after = said.lower(), retry_after(headers)
    if "organisation is offline" in words:
        return Unavailable(said, retry_after=after or _ORGANISATION_OFFLINE, **common)
    if wrote and "offline for maintenance" not in words:
        return OutcomeUnknown(f"Xero is away: {said}", **common)
    return Unavailable(f"Xero is away: {said}", retry_after=after, **common)


# Elements.


def messages_of(element: Mapping[str, Any]) -> list[str]:
    """All that is said against an element; a text is in `Message` or in `Description`."""
    return _texts(element.get("ValidationErrors"))


def warnings_of(element: Mapping[str, Any]) -> list[str]:
    """What Xero remarks on an element that it took."""
    return _texts(element.get("Warnings"))


def _texts(values: Any) -> list[str]:
    if not isinstance(values, list):
        return []
    found = [
        str(one.get("Message") or one.get("Description") or "")
        for one in values
        if isinstance(one, Mapping)
    ]
    return list(dict.fromkeys(text for text in found if text))


def refusal(said: str, name: str, **known: Any) -> ConnectorError:
    """What validation texts mean for a record; all of them are in its sentence.

    Args:
        said: The texts, joined.
        name: The record as people call it.
        known: `http_status`, `code`, `request_id`.
    """
    message = f"Xero refuses: {said}"
    words = said.lower()
    document = name or "the document"
    if "lock date" in words or "period is locked" in words:
        cause = Cause("period_closed", "lock date", {"period": "before the lock date"})
        return Rejected(message, cause=cause, **known)
    if "reached the limit" in words and "approve" in words:
        cause = Cause("plan_lacks_feature", "approvals", {"message": said})
        return PermissionDenied(message, cause=cause, **known)
    if "exceeds the amount outstanding" in words:
        cause = Cause("over_allocated", document, {"document": document})
        return Rejected(message, cause=cause, **known)
    if "not of valid status for modification" in words:
        return wrong_state(f"{document}: {said}", **known)
    if match := _ACCOUNT.search(said):
        account = match[1].strip()
        cause = Cause("account_unmapped", account, {"account": account})
        return MappingMissing(message, cause=cause, **known)
    if match := _TAX.search(said):
        tax = match[1].strip()
        cause = Cause("tax_rate_unmapped", tax, {"rate": tax, "ours": tax})
        return MappingMissing(message, cause=cause, **known)
    return Rejected(message, **known)


# What we find out before a call.


def period_closed(until: date, what: str) -> Rejected:
    """A document or payment is dated in a period that is locked."""
    period = f"up to {until:%Y-%m-%d}"
    return Rejected(
        f"{what}: the period {period} is locked in Xero",
        code="period_closed",
        cause=Cause("period_closed", period, {"period": period}),
    )


def frozen(record: AnyRecord, document: str) -> Rejected:
    """Something is paid or credited on it: its amounts and its date stay."""
    kind = ObjectType(record.type).words
    return Rejected(
        f"Xero does not allow this change to {document}: something is paid or credited on it",
        code="frozen",
        cause=Cause("frozen_in_ledger", kind, {"type": kind}),
    )


def wrong_state(message: str, **known: Any) -> Rejected:
    """It is there, in a state in which this cannot be done."""
    cause = Cause("wrong_state", message, {"message": message})
    return Rejected(message, **{"code": "wrong_state", **known, "cause": cause})


def deleted(document: str) -> Conflict:
    """It was there once, and is not any more."""
    cause = Cause("deleted_in_ledger", document, {"document": document})
    return Conflict(f"{document} was deleted or voided in Xero", code="deleted", cause=cause)


def not_payable(document: str, why: str) -> Rejected:
    """It cannot be paid this way."""
    cause = Cause("not_payable", document, {"document": document, "why": why})
    return Rejected(f"{document} cannot be paid in Xero: it is {why}", cause=cause)


def unsupported(message: str) -> Unsupported:
    """It cannot be said to Xero; the message says what to do."""
    return Unsupported(message, cause=Cause("unsupported", message, {"message": message}))
