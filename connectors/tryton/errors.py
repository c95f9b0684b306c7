"""What Tryton's refusals mean: its error bodies and its HTTP statuses to our errors, pure.

Two facts carry this (trytond 8.2.1, `protocols/dispatcher.py` and `protocols/jsonrpc.py`):

* A `UserError`, `UserWarning` or `ConcurrencyException` in an answer left the transaction before
  its commit, which was rolled back: a definite "nothing was written". What runs after the commit
  (queued tasks) cannot raise them into the answer.
* Any other error in an answer (`[text, traceback]`) is Tryton's own failure. It rolls back too,
  unless it comes from the very last steps after the commit, so it proves nothing by itself. But
  the transaction has ended by the time we read it: looking right away is conclusive.
"""

import re
from collections.abc import Sequence
from typing import Any

import httpx

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
    Unavailable,
)
from connectors.http import retry_after

NO_DATABASE = "no_such_database"
_NO_DATABASE = re.compile(r"database.{0,300}exist", re.IGNORECASE | re.DOTALL)


class ServerFailed(OutcomeUnknown):
    """Tryton failed inside a write and said so: look, and what is not there was not written."""


def refusal(error: Any, *, wrote: bool) -> ConnectorError:
    """Read the `error` of a JSON-RPC answer.

    Args:
        error: `[type, arguments]` of a Tryton exception, or `[text, traceback]` of another one.
        wrote: Whether the call was a write.
    """
    kind, arguments = _taken_apart(error)
    match kind:
        case "UserError":
            return Rejected(_sentence(arguments), code=kind)
        case "UserWarning":
            name, *words = [*arguments, "", ""]
            question = _sentence(words)
            # `<digest>.<kind>`: the digest names the records, the kind says what is asked.
            subject = str(name).rpartition(".")[2] or "question"
            return Rejected(
                question, code=kind, cause=Cause("ledger_question", subject, {"question": question})
            )
        case "ConcurrencyException":
            return Conflict("somebody changed it in Tryton in the meantime", code=kind)
        case "LoginException":
            return AuthorizationLost(
                "Tryton asks for more than a user name and a password", code=kind
            )
    message = f"Tryton failed: {kind or 'no reason given'}"
    if wrote:
        return ServerFailed(message, code="server_error")
    return ProtocolError(message, code="server_error")


def _taken_apart(error: Any) -> tuple[str, Sequence[Any]]:
    if not isinstance(error, list) or not error:
        return str(error), ()
    arguments = error[1] if len(error) > 1 else ()
    return str(error[0]), arguments if isinstance(arguments, list) else (arguments,)


def _sentence(words: Sequence[Any]) -> str:
    """Message and description as Tryton's client shows them; what follows is for machines."""
    return " ".join(str(part).strip() for part in words[:2] if part) or "no reason given"


def error_in(response: httpx.Response, wrote: bool) -> ConnectorError | None:
    """Read an error from an answer's status.

    Bodies of these are HTML pages with file names of the server in them: they are not passed on.
    """
    status = response.status_code
    if status < httpx.codes.MULTIPLE_CHOICES:
        return None
    words = f"Tryton answered HTTP {status} ({response.reason_phrase or 'no reason'})"
    common: dict[str, Any] = {"http_status": status, "code": str(status)}
    match status:
        case httpx.codes.SERVICE_UNAVAILABLE if _NO_DATABASE.search(response.text):
            # trytond cannot connect to the database at all: nothing was done.
            return AuthorizationLost("Tryton has no such database", code=NO_DATABASE)
        case httpx.codes.UNAUTHORIZED:
            # Raised before a transaction begins, also when only the session is too old to post.
            return AuthorizationLost("Tryton does not accept the session", **common)
        case httpx.codes.FORBIDDEN:
            return PermissionDenied("Tryton does not offer this method to our user", **common)
        case httpx.codes.NOT_FOUND:
            return AuthorizationLost("Tryton has no such database", **common)
        case httpx.codes.REQUEST_ENTITY_TOO_LARGE:
            return Rejected("Tryton does not take a request of this size", **common)
        case httpx.codes.TOO_MANY_REQUESTS:
            words = "Tryton allows no more attempts for now"
            return RateLimited(words, retry_after=retry_after(response.headers), **common)
    if status < httpx.codes.INTERNAL_SERVER_ERROR:
        return ProtocolError(words, **common)
    if wrote:
        return OutcomeUnknown(words, **common)
    return Unavailable(words, retry_after=retry_after(response.headers), **common)


def login_error(error: ConnectorError, *, login: str, database: str) -> ConnectorError:
    """Say why nobody could log in: which of user, password and database is wrong."""
    if error.code in {NO_DATABASE, "404"}:
        return AuthorizationLost(
            f"there is no database {database!r} on this Tryton server",
            code=NO_DATABASE,
            http_status=error.http_status,
        )
    if error.code == "401":
        return AuthorizationLost(
            f"Tryton refuses the login of {login!r} to {database!r}: "
            "the user name or the password is wrong",
            code=error.code,
            http_status=error.http_status,
        )
    return error
