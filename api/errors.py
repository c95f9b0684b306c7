"""Our errors as HTTP status and body: one table. Bodies are those of the Monite contract.

`{"error": {"message", "type"}}`, and for what does not validate
`{"detail": [{"loc", "msg", "type"}]}`.
"""

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from connectors.errors import ConnectorError
from connectors.registry import UnknownConnectorError
from sync.errors import (
    AccessDeniedError,
    ConflictError,
    InvalidInputError,
    NotAllowedError,
    NotFoundError,
    StaleError,
    SyncError,
    UnauthenticatedError,
    UnknownEntityError,
)

log: structlog.stdlib.BoundLogger = structlog.get_logger("ledgerbridge")

STATUS: Mapping[type[Exception], tuple[int, str]] = {
    UnauthenticatedError: (401, "unauthenticated"),
    AccessDeniedError: (403, "access_denied"),
    NotFoundError: (404, "not_found"),
    NotAllowedError: (409, "conflict"),
    StaleError: (412, "precondition_failed"),
    UnknownEntityError: (400, "unknown_billing_entity"),
    InvalidInputError: (400, "invalid_input"),
    UnknownConnectorError: (400, "unknown_connector"),
    ConnectorError: (400, "ledger_refused"),
    SyncError: (409, "conflict"),
}
"""The first class that fits, in the order of the error's own bases."""


MOST_PROBLEMS = 100
"""That are named of one request: a body full of mistakes gets no answer that is larger still."""


class ApiError(Exception):
    """An answer that is an error, raised where HTTP itself is the subject."""

    def __init__(
        self, status: int, kind: str, message: str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message
        self.headers = dict(headers or {})


class ErrorWords(BaseModel):
    """What went wrong: a word for programs and a sentence for people."""

    type: str
    message: str


class ErrorBody(BaseModel):
    """The body of every error but those of validation."""

    error: ErrorWords


RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorBody, "description": words}
    for status, words in {
        400: "The request cannot be used as it is.",
        401: "No token, or one that is not valid any more.",
        403: "The caller may not do this; the type says why.",
        404: "There is no such thing, or it is somebody else's.",
        409: "Its state does not allow this.",
        413: "The body is too large.",
        429: "Too many requests: wait for `Retry-After` seconds.",
        503: "The database does not answer; nothing was changed.",
    }.items()
}
"""What any operation under `/v1` may answer beside its own answers."""


def body(kind: str, message: str) -> dict[str, Any]:
    """The contract's error body."""
    return {"error": {"type": kind, "message": message}}


def invalid(
    loc: list[str | int], message: str, kind: str = "value_error"
) -> RequestValidationError:
    """A 422 about one place in the request."""
    return RequestValidationError([{"loc": loc, "msg": message, "type": kind}])


def _known(_: Request, error: Exception) -> JSONResponse:
    status, kind = next(STATUS[base] for base in type(error).__mro__ if base in STATUS)
    if isinstance(error, AccessDeniedError | ConflictError):
        kind = error.code
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None  # noqa: PLR2004  # HTTP's
    return JSONResponse(body(kind, str(error)), status, headers)


def _api_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ApiError)  # noqa: S101  # registered for this class alone
    return JSONResponse(body(error.kind, error.message), error.status, error.headers)


def _validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    methods = _methods_of(request)
    if request.method not in methods:
        # `GET /documents/bulk` was taken for a document with the id `bulk`.
        message = "Method Not Allowed"
        return JSONResponse(body("method_not_allowed", message), 405, {"Allow": ", ".join(methods)})
    problems = [
        {
            "loc": [part if isinstance(part, int) else str(part) for part in one.get("loc", ())],
            "msg": str(one.get("msg", "")),
            "type": str(one.get("type", "value_error")),
        }
        for one in itertools.islice(error.errors(), MOST_PROBLEMS)
    ]
    return JSONResponse({"detail": problems}, 422)


def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    words = {404: "not_found", 405: "method_not_allowed"}
    kind = words.get(error.status_code, "http_error")
    headers = dict(error.headers or {})
    if "Allow" in headers:
        headers["Allow"] = ", ".join(_methods_of(request))
    return JSONResponse(body(kind, str(error.detail)), error.status_code, headers)


def _methods_of(request: Request) -> list[str]:
    """Every method that a path has; a route by itself knows only its own."""
    path = request.url.path
    described: dict[str, dict[str, Any]] = request.app.openapi()["paths"]
    templates = [path] if path in described else filter(_pattern_of(path), described)
    return sorted({method.upper() for template in templates for method in described[template]})


def _pattern_of(path: str) -> Callable[[str], bool]:
    return lambda template: bool(compile_path(template)[0].match(path))


def _unforeseen(request: Request, error: Exception) -> JSONResponse:
    log.error("api.bug", path=request.url.path, exc_info=error)
    message = "something unforeseen happened; quote x-request-id when you report it"
    return JSONResponse(body("internal_error", message), 500)


def _database_away(request: Request, error: Exception) -> JSONResponse:
    log.warning("api.database", path=request.url.path, error=type(error).__name__)
    message = "the database does not answer; nothing was changed"
    return JSONResponse(body("unavailable", message), 503, {"Retry-After": "5"})


def install(app: FastAPI) -> None:
    """Let the application answer errors as the contract says."""
    for kind in (*STATUS,):
        app.add_exception_handler(kind, _known)
    app.add_exception_handler(ApiError, _api_error)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(DBAPIError, _database_away)
    app.add_exception_handler(Exception, _unforeseen)
