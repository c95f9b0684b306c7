"""What the marketplace's refusals mean to us: pure.

Errors are problem documents (RFC 7807) with `title`, `detail`, `traceId` and `errors`, which is
either an object of lists of texts or a list of objects with a `message` and `properties`
(developer pages on errors, read 2026-11-20). Gateways in front answer with HTML or nothing.
"""

from collections.abc import Iterator
from typing import Any

import httpx

from connectors.errors import (
    AuthorizationLost,
    Cause,
    ConnectorError,
    PermissionDenied,
    ProtocolError,
    Rejected,
    TokenRefused,
    Unsupported,
)
from connectors.http import MAX_WORDS, error_in

NOT_FOUND = 404
BAD_REQUEST = 400
METHOD_NOT_ALLOWED = 405
NOT_ACCEPTABLE = 406
TOO_LARGE = 413
WRONG_CONTENT_TYPE = 415
NOT_IMPLEMENTED = 501

TOKEN_REFUSED = "token_refused"  # noqa: S105  # a code, not a password


def classify(response: httpx.Response, wrote: bool) -> ConnectorError | None:
    """Find the error in an answer: its kind from the status, its words from the body."""
    error = error_in(response, wrote)
    if error is None:
        return None
    body = _body(response)
    said = "; ".join(dict.fromkeys(_words(body)))[:MAX_WORDS]
    error.message = said or f"SoftwareOne answered HTTP {response.status_code} without words"
    error.args = (error.message,)
    error.request_id = _trace(body) or error.request_id
    return _named(error, response.status_code, wrote=wrote)


def classify_file(response: httpx.Response, wrote: bool) -> ConnectorError | None:
    """The same for files, whose answer may be where they are kept."""
    if response.is_redirect:
        return None
    return classify(response, wrote)


def _named(error: ConnectorError, status: int, *, wrote: bool) -> ConnectorError:
    """The same error as what it means here."""
    if isinstance(error, TokenRefused):
        return _token_refused(error)
    if isinstance(error, PermissionDenied):
        words = {"message": error.message}
        error.cause = Cause("permission_denied", "account_role", words)
        return error
    if status in {METHOD_NOT_ALLOWED, NOT_IMPLEMENTED}:
        return _as(Unsupported, error, f"the marketplace does not do this: {error.message}")
    if status in {NOT_ACCEPTABLE, WRONG_CONTENT_TYPE}:
        return _as(ProtocolError, error, f"a file of the wrong kind: {error.message}")
    if status == BAD_REQUEST and not wrote:
        # `Invalid property path.`, `Unknown expression group.`: a query of ours is wrong.
        return _as(ProtocolError, error, f"a query was refused: {error.message}")
    return error


def _token_refused(error: TokenRefused) -> AuthorizationLost:
    """A token cannot be renewed: it is deleted and another one is made."""
    message = (
        f"SoftwareOne does not accept the API token: {error.message}. It was deleted, or was made "
        "less than a minute ago; create a new one on the marketplace's page of API tokens"
    )
    return AuthorizationLost(
        message,
        code=TOKEN_REFUSED,
        http_status=error.http_status,
        request_id=error.request_id,
        cause=Cause("authorization_lost", "credentials", {"message": message}),
    )


def _as(kind: type[ConnectorError], error: ConnectorError, message: str) -> ConnectorError:
    return kind(
        message, code=error.code, http_status=error.http_status, request_id=error.request_id
    )


def is_gone(error: ConnectorError) -> bool:
    """Whether an answer says that there is no such object: removed, or another tenant's."""
    return isinstance(error, Rejected) and error.http_status == NOT_FOUND


def wrong_role(expected: str, found: str) -> PermissionDenied:
    """The token belongs to another kind of account than the settings say."""
    message = (
        f"the API token is that of {found}, but the setting `account_role` says {expected}: the "
        "same document is a bill for one and an invoice for the other"
    )
    return PermissionDenied(
        message,
        code="wrong_role",
        cause=Cause("permission_denied", "account_role", {"message": message}),
    )


def _body(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return {}  # a page of some gateway, which is nobody's business
    return body if isinstance(body, dict) else {}


def _words(body: dict[str, Any]) -> Iterator[str]:
    for name in ("detail", "title"):
        if isinstance(body.get(name), str) and body[name]:
            yield body[name]
            break
    errors = body.get("errors")
    if isinstance(errors, dict):
        for name, texts in errors.items():
            for text in texts if isinstance(texts, list) else [texts]:
                if isinstance(text, str):
                    yield f"{name}: {text}" if name else text
    for one in errors if isinstance(errors, list) else []:
        if isinstance(one, dict) and isinstance(one.get("message"), str):
            places = one.get("properties")
            names = [name for name in places or [] if isinstance(name, str)]
            yield f"{', '.join(names)}: {one['message']}" if names else one["message"]


def _trace(body: dict[str, Any]) -> str | None:
    trace = body.get("traceId")
    return trace if isinstance(trace, str) and trace else None
