"""What the marketplace's refusals mean."""

from typing import Any

import httpx
import pytest

from connectors.errors import (
    AuthorizationLost,
    Conflict,
    ConnectorError,
    OutcomeUnknown,
    PermissionDenied,
    ProtocolError,
    RateLimited,
    Rejected,
    TokenRefused,
    Unavailable,
    Unsupported,
)
from connectors.softwareone.errors import classify

BY_NAME = {
    "type": "about:blank",
    "title": "One or more validation errors occurred.",
    "status": 400,
    "errors": {"name": ["is required", "is too short"]},
    "traceId": "00-abc-01",
}
BY_LIST = {
    "title": "Bad request",
    "detail": "The journal is wrong",
    "errors": [{"message": "unknown", "properties": ["authorization.id"]}, {"message": "odd"}],
}


@pytest.mark.parametrize(
    ("status", "wrote", "kind"),
    [
        (400, True, Rejected),
        (400, False, ProtocolError),
        (401, True, AuthorizationLost),
        (403, False, PermissionDenied),
        (404, False, Rejected),
        (405, True, Unsupported),
        (406, False, ProtocolError),
        (409, True, Conflict),
        (413, False, Rejected),
        (415, True, ProtocolError),
        (429, True, RateLimited),
        (500, True, OutcomeUnknown),
        (501, False, Unsupported),
        (502, False, Unavailable),
        (504, True, OutcomeUnknown),
    ],
)
def test_status_decides(status: int, wrote: bool, kind: type[ConnectorError]) -> None:
    found = classify(httpx.Response(status), wrote)

    assert type(found) is kind
    assert found.http_status == status


def test_a_refused_token_cannot_be_renewed() -> None:
    found = classify(httpx.Response(401), False)

    assert not isinstance(found, TokenRefused)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            BY_NAME,
            "One or more validation errors occurred.; name: is required; name: is too short",
        ),
        (BY_LIST, "The journal is wrong; authorization.id: unknown; odd"),
        ({"errors": "odd"}, "SoftwareOne answered HTTP 400 without words"),
        (["odd"], "SoftwareOne answered HTTP 400 without words"),
    ],
)
def test_both_shapes_of_errors_are_read(body: Any, message: str) -> None:
    found = classify(httpx.Response(400, json=body), True)

    assert found is not None
    assert found.message == message


def test_the_trace_id_is_kept_for_support() -> None:
    found = classify(httpx.Response(400, json=BY_NAME), True)

    assert found is not None
    assert found.request_id == "00-abc-01"


def test_pages_of_a_gateway_are_not_passed_on() -> None:
    found = classify(httpx.Response(502, text="<html>nginx 10.0.0.7</html>"), False)

    assert found is not None
    assert found.message == "SoftwareOne answered HTTP 502 without words"


def test_a_good_answer_is_none() -> None:
    assert classify(httpx.Response(201), True) is None
