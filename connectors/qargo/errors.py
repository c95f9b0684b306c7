"""What Qargo's refusals mean to us: pure.

The description lists 400, 401, 403, 422, 429, 500 and 503 for every operation (OpenAPI of the TMS
API 1.2.0, read 2026-11-21) and says what the bodies of 400, 422 and 429 look like; what a 403 or
a 409 carries is not described. So bodies are read for words only, and decisions rest on the
status, or on a second look at the task.
"""

from collections.abc import Iterator
from typing import Any

import httpx

from connectors.errors import (
    ActionRequired,
    AuthorizationLost,
    Cause,
    Conflict,
    ConnectorError,
    PermissionDenied,
    Rejected,
    TokenRefused,
)
from connectors.http import MAX_WORDS, error_in

TOKEN_REFUSED = "token_refused"  # noqa: S105  # a code, not a password
CREDENTIALS_REFUSED = "credentials_refused"
_CODE_LENGTH = 64


def classify(response: httpx.Response, wrote: bool) -> ConnectorError | None:
    """Find the error in an answer of the API: its kind from the status, its words from the body."""
    error = error_in(response, wrote)
    if error is None:
        return None
    body = _body(response)
    said = "; ".join(_words(body))[:MAX_WORDS]
    error.message = said or f"Qargo answered HTTP {response.status_code} without words"
    error.code = _code(body) or error.code
    if isinstance(error, TokenRefused):
        error.code = TOKEN_REFUSED
        error.message = said or "Qargo does not accept the access token"
    error.args = (error.message,)
    return error


def classify_sign_in(response: httpx.Response, wrote: bool) -> ConnectorError | None:
    """The same for the token endpoint, where a refusal is about the credentials themselves."""
    error = classify(response, wrote)
    if not isinstance(error, TokenRefused | PermissionDenied | Rejected):
        return error
    message = f"Qargo does not accept this client id and secret: {error.message}"
    return AuthorizationLost(
        message,
        code=CREDENTIALS_REFUSED,
        http_status=error.http_status,
        request_id=error.request_id,
        cause=Cause("authorization_lost", "credentials", {"message": message}),
    )


def no_waiting_list(error: PermissionDenied, code: str) -> PermissionDenied:
    """The waiting list is refused: the credential is not the integration's own."""
    message = (
        f"Qargo does not show what waits for billing entity {code}: {error.message}. The API "
        "client was made in the organisation's settings, belongs to another integration, or lacks "
        "the role API_ACCOUNTING. Create one on the settings page of the accounting integration "
        f"that is linked to {code}; or, to read tax rates and accounts only, set "
        "`read_only` to true"
    )
    return PermissionDenied(
        message,
        code=error.code,
        http_status=error.http_status,
        request_id=error.request_id,
        cause=Cause(
            "credential_not_linked",
            code,
            {"billing_entity": code, "message": error.message},
        ),
    )


def unknown_entity(error: ConnectorError, code: str) -> ActionRequired:
    """The filter is refused: no (open) billing entity has that code."""
    return ActionRequired(
        f"Qargo refuses the billing entity {code}: {error.message}. Check "
        "`billing_entity_codes`: the code may be misspelt, renamed, or the entity archived",
        code=error.code,
        http_status=error.http_status,
        request_id=error.request_id,
    )


def report_refused(error: ConnectorError, document: str, *, posted: bool) -> ConnectorError:
    """A report is refused and nothing was changed.

    A 403 is about the credential, whatever the document: all of them are one cause. Anything else
    concerns this document. `posted`: the ledger has it, which is what the report said.
    """
    denied = isinstance(error, PermissionDenied)
    words = {"document": document, "message": error.message}
    code = "ack_refused" if posted else "permission_denied" if denied else "refused"
    return (PermissionDenied if denied else Rejected)(
        error.message,
        code=error.code,
        http_status=error.http_status,
        request_id=error.request_id,
        cause=Cause(code, error.code if denied else document, words),
    )


def paid_state_refused(
    error: PermissionDenied | Rejected, document: str, *, paid: bool
) -> ConnectorError:
    """Qargo does not want to know whether a document is paid; in the ledger nothing is wrong."""
    denied = isinstance(error, PermissionDenied)
    state = "paid" if paid else "open again"
    return type(error)(
        error.message,
        code=error.code,
        http_status=error.http_status,
        request_id=error.request_id,
        cause=Cause(
            "paid_state_refused",
            error.code if denied else document,
            {"document": document, "state": state, "message": error.message},
        ),
    )


def report_conflict(
    error: ConnectorError, document: str, *, ours: str, theirs: str, posted: bool
) -> Conflict:
    """Qargo has the document otherwise than we do: a person must look.

    Args:
        error: The refusal.
        document: In words.
        ours: Code of the billing entity that we have it for.
        theirs: What Qargo says instead: another billing entity, another state of the task.
        posted: The ledger has it, which is what the report said.
    """
    said = "is posted" if posted else "cannot be posted"
    message = f"{document} {said} for billing entity {ours}, but in Qargo {theirs}"
    message = f"{message}: {error.message}"
    words = {"document": document, "ours": ours, "theirs": theirs, "message": message}
    return Conflict(
        message,
        code=error.code,
        http_status=error.http_status,
        request_id=error.request_id,
        cause=Cause("ack_conflict" if posted else "refused", document, words),
    )


def _body(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return {}  # a page of some gateway, which is nobody's business
    return body if isinstance(body, dict) else {}


def _words(body: dict[str, Any]) -> Iterator[str]:
    """The sentence, then what it says of single fields; 422 has only the latter, as `detail`."""
    for name in ("message", "error", "detail"):
        if isinstance(body.get(name), str):
            yield body[name]
            break
    for one in [*_objects(body.get("errors")), *_objects(body.get("detail"))]:
        message = one.get("message") or one.get("msg")
        place = one.get("path") or one.get("field") or _place(one.get("loc"))
        if isinstance(message, str) and message != body.get("message"):
            yield f"{place}: {message}" if isinstance(place, str) and place else message


def _objects(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _place(location: Any) -> str:
    return ".".join(map(str, location)) if isinstance(location, list) else ""


def _code(body: dict[str, Any]) -> str:
    """A code for machines, where there is one: none is described."""
    for one in (body, *_objects(body.get("errors"))):
        code = one.get("code")
        if isinstance(code, str) and code:
            return code[:_CODE_LENGTH]
    return ""
