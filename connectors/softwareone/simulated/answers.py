"""The platform's words: JSON with exact decimals, error bodies, times.

Errors look like RFC 7807, with `errors` in one of two shapes; numbers carry up to 14 and more
fraction digits; members without a value are left out; times are UTC with three decimals, or with
seven and an offset (the platform's developer documentation, read 2026-11-20).
"""

import datetime as dt
import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from connectors.faults import Answer, Refusal

JSON = "application/json"
JSON_LINES = "application/jsonl"
CSV = "text/csv"
PROBLEM = "application/problem+json"

_TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    409: "Conflict",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    429: "Too Many Requests",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
}
_NUMBER = re.compile(r'"\\u0000(-?[0-9.]+)"')


def encoded(value: Any) -> bytes:
    """JSON, where a `Decimal` is a number with all its digits."""
    return _NUMBER.sub(r"\1", json.dumps(value, default=_marked)).encode()


def _marked(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"\0{value:f}"
    raise TypeError(f"{type(value).__name__} is not JSON")


def answer(
    body: Any, status: int = 200, *, headers: Mapping[str, str] | None = None, kind: str = JSON
) -> Answer:
    """An answer with a body."""
    return Answer(status, encoded(body), {"content-type": kind, **(headers or {})})


def problem(
    status: int,
    detail: str,
    *,
    errors: Mapping[str, Sequence[str]] | None = None,
    listed: bool = False,
    trace: str = "00-simulated-00",
) -> Answer:
    """An error as it goes out; `errors` by property, as an object or as a list."""
    body: dict[str, Any] = {
        "type": f"https://tools.ietf.org/html/rfc9110#status-{status}",
        "title": _TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
        "traceId": trace,
    }
    if errors and listed:
        body["errors"] = [
            {"message": text, "properties": [name]}
            for name, texts in errors.items()
            for text in texts
        ]
    elif errors:
        body["errors"] = {name: list(texts) for name, texts in errors.items()}
    return answer(body, status, kind=PROBLEM)


class Problem(Refusal):
    """A refusal whose body is worded where it goes out."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: Mapping[str, Sequence[str]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, None, headers)
        self.status = status
        self.detail = detail
        self.errors = errors


def invalid(name: str, text: str) -> Problem:
    """400: a property is not what it is to be."""
    return Problem(400, "One or more validation errors occurred.", errors={name: [text]})


def missing(what: str) -> Problem:
    """404: it is not there, or belongs to somebody else."""
    return Problem(404, f"{what} was not found")


def told(moment: dt.datetime) -> str:
    """A time as it goes out: UTC, three decimals."""
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.") + (
        f"{moment.microsecond // 1000:03d}Z"
    )


_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def lengthened(value: Any) -> Any:
    """The same with times in their other form: seven decimals and an offset."""
    if isinstance(value, dict):
        return {name: lengthened(part) for name, part in value.items()}
    if isinstance(value, list):
        return [lengthened(part) for part in value]
    if isinstance(value, str) and _TIME.fullmatch(value):
        return f"{value[:-1]}0000+00:00"
    return value
