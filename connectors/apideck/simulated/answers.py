"""Apideck's words: the envelope of answers, and error bodies.

Source: the public OpenAPI document of the Accounting API 10.34.0 and the guide "Error handling",
read 2026-11-20. Ours, because no source decides: the `type_name` of 409 and 403, the HTTP status
of a connection that cannot be used (401) and of a missing service id (400), that a reused key
answers InvalidStateError.
"""

from collections.abc import Mapping
from typing import Any

from connectors.faults import Answer, Refusal

_PHRASES = {
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    404: "Not Found",
    409: "Conflict",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
    500: "Internal Server Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
_REF = "https://developers.apideck.com/errors#"


def error_body(status: int, type_name: str, message: str, detail: Any = "") -> dict[str, Any]:
    """An error as it goes out; `detail` is text or an object."""
    return {
        "status_code": status,
        "error": _PHRASES.get(status, "Error"),
        "type_name": type_name,
        "message": message,
        "detail": detail or message,
        "ref": f"{_REF}{type_name.lower()}",
    }


def refusal(
    status: int,
    type_name: str,
    message: str,
    detail: Any = "",
    headers: Mapping[str, str] | None = None,
) -> Refusal:
    """An error to raise."""
    return Refusal(status, error_body(status, type_name, message, detail), headers)


def invalid(problems: list[str]) -> Refusal:
    """The request does not fit the description."""
    return refusal(400, "RequestValidationError", "Invalid Params", "; ".join(problems))


def bad_headers(message: str) -> Refusal:
    """A header is missing or wrong."""
    return refusal(400, "RequestHeadersValidationError", "Invalid headers", message)


def not_found(what: str) -> Refusal:
    """There is no such record or route."""
    return refusal(404, "EntityNotFoundError", "Entity not found", f"{what} was not found")


def impossible(message: str) -> Refusal:
    """Understood, but not in the present state."""
    return refusal(422, "InvalidStateError", "Invalid state", message)


def unsupported(resource: str, operation: str, service: str) -> Refusal:
    """The connector cannot do it."""
    message = f"{service} does not support {operation} on {resource}"
    return refusal(501, "ConnectorOperationUnsupportedError", "Operation not supported", message)


def declined(message: str, *, code: str = "ValidationException", status: int = 400) -> Refusal:
    """The ledger says no, in its own words."""
    return Refusal(status, _of_ledger(status, message, code))


def _of_ledger(status: int, message: str, code: str) -> dict[str, Any]:
    body = error_body(status, "ConnectorExecutionError", "Error while executing connector", message)
    if status == 400:  # noqa: PLR2004  # the only one for which the document names them
        body["downstream_errors"] = [{"message": message, "detail": message, "code": code}]
    return body


def ledger(status: int) -> Answer:
    """The ledger itself is not well."""
    return Answer(status, _of_ledger(status, "The ledger answered with an error", str(status)))


def uncertain() -> Answer:
    """A write that may or may not have happened."""
    detail = {"outcome": "uncertain", "retriable": False, "message": "The ledger did not answer"}
    message = "Error while executing connector"
    return Answer(502, error_body(502, "ConnectorExecutionError", message, detail))


def timed_out() -> Answer:
    """The host's ceiling was reached."""
    message = "The request took longer than 29000 ms"
    return Answer(504, error_body(504, "ProxyTimedOutError", "Timed out", message))


def limited(reset: int | None, *, limit: int | None = None) -> Answer:
    """The ledger's limit was reached; `reset` is a Unix timestamp in seconds."""
    detail = {"context": "Rate limit of the ledger exceeded", "error": "Too Many Requests"}
    headers = {"x-downstream-ratelimit-remaining": "0"}
    if limit is not None:
        headers["x-downstream-ratelimit-limit"] = str(limit)
    if reset is not None:
        headers["x-downstream-ratelimit-reset"] = str(reset)
    body = error_body(429, "ConnectorRateLimitError", "Connector rate limit exceeded", detail)
    return Answer(429, body, headers)


def many(
    service: str, resource: str, data: list[Any], *, meta: Any = None, links: Any = None
) -> dict[str, Any]:
    """A list."""
    body = _envelope(service, resource, "all", data)
    if meta is not None:
        body["meta"] = meta
    if links is not None:
        body["links"] = links
    return body


def single(service: str, resource: str, operation: str, data: Any) -> dict[str, Any]:
    """One record, or the id of one that was written."""
    return _envelope(service, resource, operation, data)


def _envelope(service: str, resource: str, operation: str, data: Any) -> dict[str, Any]:
    return {
        "status_code": 200,
        "status": "OK",
        "service": service,
        "resource": resource,
        "operation": operation,
        "data": data,
    }


def refusal_of(answer: Answer) -> Refusal:
    """An answer to raise."""
    return Refusal(answer.status, answer.body, answer.headers)
