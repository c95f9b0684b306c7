"""GraphQL over HTTP: one POST for everything, and errors that come with HTTP 200.

Shared plumbing without any provider's words. A mutation is a write: it is sent once, and an answer
that leaves open whether it was executed is `OutcomeUnknown`. What the `errors` of an answer mean,
the connector's own function says.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import httpx

from connectors.errors import ConnectorError, OutcomeUnknown, Rejected, Unavailable
from connectors.http import Http, error_in, json_of, server_time

_WORDS = 300


@dataclass(frozen=True)
class Document:
    """A GraphQL document with one operation."""

    name: str
    """The operation's name."""
    text: str

    @property
    def writes(self) -> bool:
        """Whether it changes something: a mutation."""
        return self.text.lstrip().startswith("mutation")


@dataclass(frozen=True)
class Problem:
    """One entry of an answer's `errors`."""

    message: str
    code: str = ""
    """`extensions.code`."""
    details: str = ""
    """`extensions.details`, as text."""


@dataclass(frozen=True)
class Answer:
    """What an operation brought."""

    data: Mapping[str, Any]
    moment: datetime | None = None
    """The provider's clock."""
    request_id: str | None = field(default=None)


ErrorOf = Callable[[Sequence[Problem], httpx.Response, bool], ConnectorError]
"""(the answer's `errors`, the answer, is it an answer to a mutation) → what they mean."""
StatusOf = Callable[[httpx.Response, bool], ConnectorError | None]
"""(an answer without `errors`, is it an answer to a mutation) → the error in its status."""


def classify(error_of: ErrorOf, status_of: StatusOf = error_in) -> StatusOf:
    """What `connectors.http.Http` finds errors with, from the provider's own words for them."""

    def error(response: httpx.Response, wrote: bool) -> ConnectorError | None:
        problems = problems_in(response.content)
        if not problems:
            return status_of(response, wrote)
        if wrote and _something_was_done(response.content):
            return OutcomeUnknown(
                f"the ledger answered with a result and an error: {problems[0].message}",
                code=problems[0].code or problems[0].message[:_WORDS],
                http_status=response.status_code,
            )
        return error_of(problems, response, wrote)

    return error


def problems_in(content: bytes) -> list[Problem]:
    """The `errors` of an answer; empty when it has none, or is no GraphQL answer at all."""
    body = _body(content)
    errors = body.get("errors")
    if not isinstance(errors, list):
        return []
    return [_problem(one) for one in errors] or []


def _problem(error: Any) -> Problem:
    given = error if isinstance(error, dict) else {"message": error}
    extensions = given.get("extensions")
    more = extensions if isinstance(extensions, dict) else {}
    details = more.get("details")
    return Problem(
        message=str(given.get("message") or "no reason given"),
        code=str(more.get("code") or ""),
        details="" if details is None else str(details)[:_WORDS],
    )


def _something_was_done(content: bytes) -> bool:
    data = _body(content).get("data")
    return isinstance(data, dict) and any(value is not None for value in data.values())


def _body(content: bytes) -> Mapping[str, Any]:
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


class GraphQL:
    """One connector's way to a GraphQL endpoint; `http` must `classify` answers."""

    def __init__(self, http: Http, path: str = "/graphql") -> None:
        self._http = http
        self._path = path

    def run(
        self,
        document: Document,
        variables: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Execute an operation; a query may be repeated within seconds, a mutation never is.

        Raises:
            ConnectorError: What the answer's errors mean.
        """
        body = {
            "operationName": document.name,
            "query": document.text,
            "variables": sendable(dict(variables or {})),
        }
        send = self._http.write if document.writes else self._http.read
        response = send("POST", self._path, headers=dict(headers or {}), json=body)
        return Answer(
            _data_in(response, wrote=document.writes),
            server_time(response.headers),
            response.headers.get("x-request-id"),
        )


def _data_in(response: httpx.Response, *, wrote: bool) -> Mapping[str, Any]:
    body = json_of(response, wrote=wrote)
    data = body.get("data") if isinstance(body, dict) else None
    if isinstance(data, dict):
        return data
    kind = OutcomeUnknown if wrote else Unavailable
    raise kind(
        f"the answer from {response.url.host} is no GraphQL answer (HTTP {response.status_code})",
        code="unreadable_answer",
        http_status=response.status_code,
    )


def sendable(value: Any) -> Any:
    """Variables as JSON has them: decimals become numbers, and exactly the same numbers.

    Raises:
        Rejected: A number has more digits than a JSON number carries everywhere.
    """
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, Mapping):
        return {name: sendable(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [sendable(one) for one in value]
    return value


def _number(value: Decimal) -> int | float:
    if value == value.to_integral_value() and abs(value) < Decimal(10) ** 15:
        return int(value)
    number = float(value)
    if Decimal(repr(number)) != value:
        raise Rejected(f"{value} has more digits than the ledger takes", code="too_many_digits")
    return number
