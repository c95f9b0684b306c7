"""What Apideck's errors mean: decided by `type_name` first, then by the HTTP status; pure.

The accounting document (10.34.0) ties only some status codes to types; the guide on idempotency
keys (November 2026) adds `detail.outcome: "uncertain"`. A ledger's own refusal comes as
`ConnectorExecutionError` with the ledger's status and `downstream_errors`.
"""

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx

from connectors import http
from connectors.errors import (
    AuthorizationLost,
    Cause,
    Conflict,
    ConnectorError,
    OutcomeUnknown,
    PermissionDenied,
    ProtocolError,
    RateLimited,
    Rejected,
    Transient,
    Unavailable,
    Unsupported,
)

GONE = "EntityNotFoundError"
"""Our code for what is not there, whoever says so."""
UNAUTHORIZED = "UnauthorizedError"
REFRESH_FAILS = "refresh_token_connector_error"
KEY_NOT_TAKEN = "idempotency_key_not_taken"
STILL_RUNNING = "still_running"

_INVALID = frozenset({"RequestValidationError", "RequestHeadersValidationError"})
_NOT_CALLABLE = frozenset(
    {
        "ConnectorCredentialsError",
        "ConnectionNotFoundError",
        "ConnectionSettingsError",
        "ConnectorDisabledError",
        "IntegrationNotFoundError",
    }
)
_QUOTA_PAUSE = timedelta(minutes=15)
_COOL_DOWN = timedelta(minutes=5)
_LONGEST = timedelta(days=1)
_IN_MILLISECONDS = 100_000_000_000
"""A moment above this is counted in milliseconds: the header's unit is not documented."""


class CannotFilter(Unsupported):  # what the caller must do: ask without it
    """A ledger's list that cannot be asked in this way."""


class CannotSort(Unsupported):
    """A ledger's list that has no such order."""


class CannotPage(Unsupported):
    """A ledger's list that comes whole."""


class BadCursor(ProtocolError):  # noqa: N818  # what the caller must do: begin again
    """A cursor has expired or is not valid here: the list is to be read from its beginning."""


_ADAPT: Mapping[str, type[ConnectorError]] = {
    "UnsupportedFiltersError": CannotFilter,
    "UnsupportedSortFieldError": CannotSort,
    "PaginationNotSupportedError": CannotPage,
    "InvalidCursorError": BadCursor,
}


def request_id_of(headers: Mapping[str, str]) -> str | None:
    """What Apideck's support asks for; the documents name it in two ways."""
    return headers.get("x-apideck-request-id") or headers.get("request-id")


def error_in(response: httpx.Response, wrote: bool) -> ConnectorError | None:
    """The error in an answer; None when it is a good one."""
    status = response.status_code
    if status < 300:  # noqa: PLR2004  # HTTP's own numbers
        return None
    body = _body(response)
    type_name = str(body.get("type_name") or "")
    common: dict[str, Any] = {
        "http_status": status,
        "code": type_name or str(status),
        "request_id": request_id_of(response.headers),
    }
    words = _words(body, status)
    keyed = "idempotency-key" in response.request.headers
    if wrote and _is_uncertain(body):
        return OutcomeUnknown(words, **common)
    if type_name in _ADAPT:
        return _ADAPT[type_name](words, **common)
    if keyed and (found := _about_the_key(status, words, common)):
        return found
    return (
        _about_us(type_name, words, body, common)
        or _limited(status, type_name, words, response, common)
        or _by_status(status, type_name, words, wrote=wrote, common=common)
        or _unnamed(response, words, wrote=wrote, common=common)
    )


def _unnamed(
    response: httpx.Response, words: str, *, wrote: bool, common: dict[str, Any]
) -> ConnectorError | None:
    """What the status alone says, in Apideck's words."""
    found = http.error_in(response, wrote)
    if found is None:
        return None
    return type(found)(words, cause=_cause_of_refusal(found, words), **common)


def _cause_of_refusal(error: ConnectorError, words: str) -> Cause | None:
    if type(error) is Rejected:
        return Cause("refused", words, {"message": words})
    return None


def _body(response: httpx.Response) -> Mapping[str, Any]:
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _words(body: Mapping[str, Any], status: int) -> str:
    """The ledger's own sentences before Apideck's: they say what is to be done."""
    downstream = body.get("downstream_errors")
    said: list[str] = []
    for one in downstream if isinstance(downstream, list) else []:
        if isinstance(one, dict) and (text := one.get("message") or one.get("detail")):
            code = one.get("code")
            said.append(f"{text} ({code})" if code else str(text))
    if said:
        return "; ".join(said)
    detail = body.get("detail")
    parts = [body.get("message"), detail if isinstance(detail, str) else _inner(detail)]
    found = dict.fromkeys(str(part) for part in parts if part)
    return ": ".join(found) or f"HTTP {status}"


def _inner(detail: Any) -> str | None:
    if not isinstance(detail, dict):
        return None
    for name in ("message", "error", "context"):
        if isinstance(detail.get(name), str):
            return str(detail[name])
    return None


def _is_uncertain(body: Mapping[str, Any]) -> bool:
    detail = body.get("detail")
    return isinstance(detail, dict) and detail.get("outcome") == "uncertain"


def _about_the_key(status: int, words: str, common: dict[str, Any]) -> ConnectorError | None:
    """What is said of an `Idempotency-Key` that was sent (types of these errors: not verified)."""
    if status == 409:  # noqa: PLR2004
        return OutcomeUnknown(words, **{**common, "code": STILL_RUNNING})
    if "idempotency" not in words.lower():
        return None
    if status == 400:  # noqa: PLR2004
        # Nothing was written: this ledger cannot honour keys.
        return Unsupported(words, **{**common, "code": KEY_NOT_TAKEN})
    # The key has been used with another body: something may have been written with it.
    return OutcomeUnknown(words, **common)


def _about_us(
    type_name: str, words: str, body: Mapping[str, Any], common: dict[str, Any]
) -> ConnectorError | None:
    """Errors about whether we, or the ledger's owner, may come in; and about our requests."""
    if type_name in _INVALID:
        cause = Cause("request_invalid", words, {"message": words})
        return Rejected(words, cause=cause, **common)
    if type_name in _NOT_CALLABLE:
        cause = Cause("ledger_not_linked", type_name, {"message": words})
        return AuthorizationLost(words, cause=cause, **common)
    if type_name == UNAUTHORIZED:
        detail = body.get("detail")
        if isinstance(detail, dict) and detail.get("type") == REFRESH_FAILS:
            common = {**common, "code": REFRESH_FAILS}
            cause = Cause("ledger_sign_in_fails", "sign-in", {"message": words})
            return RateLimited(words, cause=cause, retry_after=_cool_down(detail), **common)
        return AuthorizationLost(words, **common)
    return None


def _cool_down(detail: Mapping[str, Any]) -> timedelta:
    debug = detail.get("debug")
    if isinstance(debug, dict):
        left = debug.get("cooldown_remaining_ms")
        if isinstance(left, int | float) and left > 0:
            return min(timedelta(milliseconds=float(left)), _LONGEST)
        at = debug.get("retry_after_ms")
        if isinstance(at, int | float) and at / 1000 > time.time():
            return min(timedelta(seconds=at / 1000 - time.time()), _LONGEST)
    return _COOL_DOWN


def _limited(
    status: int, type_name: str, words: str, response: httpx.Response, common: dict[str, Any]
) -> ConnectorError | None:
    if type_name == "RequestLimitError" or status == 402:  # noqa: PLR2004
        cause = Cause("plan_quota_used_up", "plan", {"message": words})
        return RateLimited(words, cause=cause, retry_after=_QUOTA_PAUSE, **common)
    if type_name == "ConnectorRateLimitError" or status == 429:  # noqa: PLR2004
        return RateLimited(words, retry_after=_wait(response.headers), **common)
    return None


def _wait(headers: Mapping[str, str]) -> timedelta | None:
    """Until the ledger's window opens, or what `Retry-After` says: the later of the two."""
    waits = [wait for wait in (http.retry_after(headers), _reset(headers)) if wait is not None]
    return max(waits) if waits else None


def _reset(headers: Mapping[str, str]) -> timedelta | None:
    try:
        moment = float(headers.get("x-downstream-ratelimit-reset", ""))
    except ValueError:
        return None
    if moment > _IN_MILLISECONDS:
        moment /= 1000
    server = http.server_time(headers)
    left = moment - (server.timestamp() if server else time.time())
    return min(timedelta(seconds=left), _LONGEST) if left > 0 else None


def _by_status(  # a table of what is said
    status: int, type_name: str, words: str, *, wrote: bool, common: dict[str, Any]
) -> ConnectorError | None:
    from_ledger = type_name == "ConnectorExecutionError"
    if type_name == GONE or (from_ledger and status in {404, 410}):
        return gone("the object", words, **{**common, "code": GONE})
    if status == 504 or type_name == "ProxyTimedOutError":  # noqa: PLR2004
        return (OutcomeUnknown if wrote else Transient)(words, **common)
    if "Unsupported" in type_name or type_name.endswith("MappingNotFoundError") or status == 501:  # noqa: PLR2004
        cause = Cause("not_on_this_ledger", words, {"message": words})
        return Unsupported(words, cause=cause, **common)
    if type_name == "InvalidStateError":
        cause = Cause("wrong_state", words, {"message": words})
        return Rejected(words, cause=cause, **common)
    if not from_ledger:
        return None
    if status == 401:  # noqa: PLR2004
        cause = Cause("ledger_not_linked", "sign-in", {"message": words})
        return AuthorizationLost(words, cause=cause, **common)
    if status == 403:  # noqa: PLR2004
        cause = Cause("permission_denied", words, {"message": words})
        return PermissionDenied(words, cause=cause, **common)
    if status in {409, 412}:
        return Conflict(words, **common)
    if status == 408 or status >= 500:  # noqa: PLR2004
        return (OutcomeUnknown if wrote else Unavailable)(words, **common)
    if status >= 400:  # noqa: PLR2004
        cause = Cause("refused_downstream", words, {"message": words})
        return Rejected(words, cause=cause, **common)
    return None


def gone(what: str, words: str = "", **common: Any) -> Conflict:
    """What was to be changed is not in the ledger any more."""
    given = {"code": GONE, **common}
    cause = Cause("deleted_in_ledger", what, {"document": what[:1].upper() + what[1:]})
    return Conflict(words or f"{what} is not in the ledger any more", cause=cause, **given)


def is_gone(error: ConnectorError) -> bool:
    """Whether an error says that something is not there."""
    return error.code == GONE


def changed_there(what: str) -> Conflict:
    """Somebody has changed in the ledger what we want to change."""
    return Conflict(f"{what} was changed in the ledger since it was last read", code="changed")


def not_payable(document: str, why: str) -> Rejected:
    """A document that no payment can be for now."""
    cause = Cause("not_payable", document, {"document": document, "why": why})
    return Rejected(f"{document} cannot be paid: it is {why}", code="not_payable", cause=cause)


def over_allocated(document: str, wanted: str, there: str) -> Rejected:
    """A payment that is more than what is open."""
    return Rejected(
        f"{wanted} would be paid of {document}, of which only {there} is open",
        code="over_allocated",
        cause=Cause("over_allocated", document, {"document": document}),
    )


def no_method(which: str) -> Rejected:
    """A payment without the method that its ledger demands."""
    return Rejected(
        f"the ledger wants a method of payment {which}",
        code="no_payment_method",
        cause=Cause("payment_method_missing", which, {"which": which}),
    )


def incomplete(resource: str, words: str) -> Transient:
    """A list of which the ledger gave only a part."""
    return Transient(f"the list of {resource} came incomplete: {words}", code="degraded")


def loops(resource: str) -> ProtocolError:
    """A list whose pages lead back to themselves."""
    return ProtocolError(f"the pages of {resource} do not end", code="cursor_loop")
