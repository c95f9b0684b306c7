"""Xero's words: the envelope of answers, and error bodies.

Source: the public OpenAPI document of the Accounting API 16.1 and the "Response codes" page of
developer.xero.com as others keep it, read 2026-11-20. From memory, because no source says: the
error numbers of all but ValidationException, and the text of a 404.
"""

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any

from connectors.faults import Answer, Fault, Refusal
from connectors.xero.simulated.values import microsoft

_NUMBERS = {
    "ValidationException": 10,
    "PostDataInvalidException": 14,
    "QueryParseException": 16,
    "NoDataProcessedException": 17,
}
_TITLES = {401: "Unauthorized", 403: "Forbidden", 500: "An error occurred"}


def envelope(now: dt.datetime, **content: Any) -> dict[str, Any]:
    """What surrounds everything that the accounting API gives."""
    return {
        "Id": str(uuid.uuid4()),
        "Status": "OK",
        "ProviderName": "Ledgerbridge sandbox",
        "DateTimeUTC": microsoft(now).replace("+0000", ""),
        **content,
    }


def problem_body(status: int, detail: str, *, lower: bool = False) -> dict[str, Any]:
    """How the gateway in front of the API words things; some of them in lower case."""
    body: dict[str, Any] = {
        "Type": None,
        "Title": _TITLES[status],
        "Status": status,
        "Detail": detail,
        "Instance": str(uuid.uuid4()),
        "Extensions": {},
    }
    return {name.lower(): value for name, value in body.items()} if lower else body


def problem(status: int, detail: str, *, lower: bool = False) -> Refusal:
    """The gateway says no."""
    headers = {"Xero-Correlation-Id": str(uuid.uuid4())}
    return Refusal(status, problem_body(status, detail, lower=lower), headers)


def exception(kind: str, message: str, elements: list[Any] | None = None) -> Refusal:
    """The API says no: 400 with one of its exception types."""
    body: dict[str, Any] = {"ErrorNumber": _NUMBERS[kind], "Type": kind, "Message": message}
    if elements is not None:
        body["Elements"] = elements
    return Refusal(400, body)


def unparsable(message: str) -> Refusal:
    """A filter, an order or a parameter that the API (or this simulator) does not know."""
    return exception("QueryParseException", message)


def malformed(message: str) -> Refusal:
    """The body is not what it must be."""
    return exception("PostDataInvalidException", message)


def words(status: int, text: str, headers: Mapping[str, str] | None = None) -> Refusal:
    """An answer in plain text."""
    return Refusal(status, text.encode(), {"content-type": "text/plain", **(headers or {})})


def not_found() -> Refusal:
    """There is no such record or endpoint."""
    return words(404, "The resource you're looking for cannot be found")


def not_modelled(what: str) -> Refusal:
    """Xero has it, this simulator has not."""
    return words(501, f"{what} is not modelled")


_INTERNAL = problem_body(500, "An error occurred in Xero. Check the API Status page.")
INTERNAL = Answer(500, _INTERNAL)
FAULTS: Mapping[Fault, Answer] = {
    Fault.ERROR_BEFORE: INTERNAL,
    Fault.ERROR_AFTER: INTERNAL,
    Fault.THROTTLE: Answer(
        429, b"", {"X-Rate-Limit-Problem": "minute", "X-MinLimit-Remaining": "0"}
    ),
    Fault.AWAY: Answer(
        503, b"The Xero API is temporarily unavailable", {"content-type": "text/plain"}
    ),
    Fault.EXPIRED: Answer(
        401, problem_body(401, "TokenExpired: token expired at 01/01/2026 00:00:00")
    ),
}
