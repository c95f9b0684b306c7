"""Every refusal that the documents name, and who must do what about it."""

import time
from datetime import timedelta
from typing import Any

import httpx
import pytest

from connectors.apideck.errors import (
    GONE,
    KEY_NOT_TAKEN,
    BadCursor,
    CannotFilter,
    CannotPage,
    CannotSort,
    error_in,
)
from connectors.errors import (
    AuthorizationLost,
    Conflict,
    ConnectorError,
    OutcomeUnknown,
    PermissionDenied,
    RateLimited,
    Rejected,
    Transient,
    Unavailable,
    Unsupported,
)
from sync.catalogue import CATALOGUE

EXECUTION = "ConnectorExecutionError"


def answer(
    status: int, type_name: str | None = None, *, keyed: bool = False, **body: Any
) -> httpx.Response:
    """An error as Apideck words it."""
    headers = {"x-apideck-request-id": "req-1", **body.pop("headers", {})}
    sent = {"Idempotency-Key": "k"} if keyed else {}
    request = httpx.Request("POST", "http://apideck.test/accounting/invoices", headers=sent)
    said = {"status_code": status, "error": "-", "message": "Said Apideck", **body}
    if type_name:
        said["type_name"] = type_name
    return httpx.Response(status, json=said, headers=headers, request=request)


def error(
    status: int, type_name: str | None = None, *, wrote: bool = True, **body: Any
) -> ConnectorError:
    """What it means."""
    found = error_in(answer(status, type_name, **body), wrote)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("status", "type_name", "kind", "cause"),
    [
        (400, "RequestValidationError", Rejected, "request_invalid"),
        (400, "RequestHeadersValidationError", Rejected, "request_invalid"),
        (400, EXECUTION, Rejected, "refused_downstream"),
        (422, EXECUTION, Rejected, "refused_downstream"),
        (401, "UnauthorizedError", AuthorizationLost, None),
        (401, EXECUTION, AuthorizationLost, "ledger_not_linked"),
        (401, "ConnectorCredentialsError", AuthorizationLost, "ledger_not_linked"),
        (404, "ConnectionNotFoundError", AuthorizationLost, "ledger_not_linked"),
        (400, "ConnectionSettingsError", AuthorizationLost, "ledger_not_linked"),
        (403, "ConnectorDisabledError", AuthorizationLost, "ledger_not_linked"),
        (404, "IntegrationNotFoundError", AuthorizationLost, "ledger_not_linked"),
        (403, EXECUTION, PermissionDenied, "permission_denied"),
        (402, "RequestLimitError", RateLimited, "plan_quota_used_up"),
        (404, "EntityNotFoundError", Conflict, "deleted_in_ledger"),
        (404, EXECUTION, Conflict, "deleted_in_ledger"),
        (409, EXECUTION, Conflict, None),
        (422, "InvalidStateError", Rejected, "wrong_state"),
        (429, "ConnectorRateLimitError", RateLimited, None),
        (429, EXECUTION, RateLimited, None),
        (501, "ConnectorOperationUnsupportedError", Unsupported, "not_on_this_ledger"),
        (501, "ConnectorMappingNotFoundError", Unsupported, "not_on_this_ledger"),
        (501, None, Unsupported, "not_on_this_ledger"),
        (504, "ProxyTimedOutError", OutcomeUnknown, None),
        (500, None, OutcomeUnknown, None),
        (503, EXECUTION, OutcomeUnknown, None),
        (408, EXECUTION, OutcomeUnknown, None),
        (400, None, Rejected, "refused"),
        (403, None, PermissionDenied, None),
    ],
)
def test_each_error_says_what_must_be_done_and_why(
    status: int, type_name: str | None, kind: type[ConnectorError], cause: str | None
) -> None:
    found = error(status, type_name)

    assert isinstance(found, kind)
    assert (found.cause and found.cause.code) == cause
    assert cause is None or cause in CATALOGUE
    assert found.request_id == "req-1"
    assert found.http_status == status


@pytest.mark.parametrize(
    ("type_name", "kind"),
    [
        ("UnsupportedFiltersError", CannotFilter),
        ("UnsupportedSortFieldError", CannotSort),
        ("PaginationNotSupportedError", CannotPage),
        ("InvalidCursorError", BadCursor),
    ],
)
def test_what_a_ledger_cannot_do_is_told_apart(type_name: str, kind: type[ConnectorError]) -> None:
    assert type(error(400, type_name, wrote=False)) is kind


@pytest.mark.parametrize(("status", "kind"), [(504, Transient), (502, Unavailable)])
def test_a_read_that_was_too_slow_may_be_repeated(status: int, kind: type[ConnectorError]) -> None:
    type_name = "ProxyTimedOutError" if status == 504 else EXECUTION

    assert isinstance(error(status, type_name, wrote=False), kind)


@pytest.mark.parametrize("status", [400, 409, 429, 502])
def test_an_uncertain_write_is_unknown_whatever_the_status_is(status: int) -> None:
    detail = {"outcome": "uncertain", "retriable": False}

    assert isinstance(error(status, EXECUTION, detail=detail), OutcomeUnknown)


def test_the_ledgers_own_words_come_before_apidecks() -> None:
    downstream = [
        {"message": "The period is locked", "code": "6200"},
        {"message": None, "detail": "See settings"},
    ]
    found = error(400, EXECUTION, downstream_errors=downstream)

    assert found.message == "The period is locked (6200); See settings"


@pytest.mark.parametrize(
    ("detail", "said"),
    [
        ("total_amount is required", "Said Apideck: total_amount is required"),
        ({"error": "too many", "context": "x"}, "Said Apideck: too many"),
        (None, "Said Apideck"),
        ([1], "Said Apideck"),
    ],
)
def test_the_detail_may_be_text_or_an_object(detail: Any, said: str) -> None:
    assert error(400, "RequestValidationError", detail=detail).message == said


def test_a_key_that_is_still_running_may_have_written() -> None:
    assert isinstance(error(409, None, keyed=True), OutcomeUnknown)
    assert isinstance(error(409, None), Conflict)


def test_a_ledger_that_takes_no_keys_has_written_nothing() -> None:
    found = error(400, EXECUTION, keyed=True, message="Idempotency-Key is not supported")

    assert found.code == KEY_NOT_TAKEN


def test_a_key_that_was_used_with_another_body_may_have_written() -> None:
    words = "The idempotency key was used with another body"

    assert isinstance(error(422, "InvalidStateError", keyed=True, message=words), OutcomeUnknown)


@pytest.mark.parametrize("field", ["cooldown_remaining_ms", "retry_after_ms"])
def test_a_ledger_that_gives_no_new_token_is_left_alone_until_it_has_cooled_down(
    field: str,
) -> None:
    debug = {field: (60 if field == "cooldown_remaining_ms" else time.time() + 60) * 1000}
    detail = {"type": "refresh_token_connector_error", "message": "refused", "debug": debug}
    found = error(401, "UnauthorizedError", detail=detail)

    assert isinstance(found, RateLimited)
    assert found.cause is not None
    assert found.cause.code == "ledger_sign_in_fails"
    assert found.retry_after is not None
    assert timedelta(seconds=55) < found.retry_after <= timedelta(seconds=60)


@pytest.mark.parametrize("unit", [1, 1000])
def test_the_later_of_two_waits_counts_and_milliseconds_are_known(unit: int) -> None:
    reset = str(int((time.time() + 90) * unit))
    headers = {"x-downstream-ratelimit-reset": reset, "retry-after": "7"}
    found = error(429, "ConnectorRateLimitError", headers=headers)

    assert found.retry_after is not None
    assert timedelta(seconds=80) < found.retry_after <= timedelta(seconds=91)


def test_without_headers_our_own_pauses_decide() -> None:
    assert error(429, "ConnectorRateLimitError").retry_after is None


@pytest.mark.parametrize("content", [b"<html>", b"[1]", b"null", b"[" * 100_000])
def test_a_body_that_is_no_json_leaves_the_status(content: bytes) -> None:
    request = httpx.Request("POST", "http://apideck.test/")
    response = httpx.Response(502, content=content, request=request)

    assert isinstance(error_in(response, True), OutcomeUnknown)
    assert isinstance(error_in(response, False), Unavailable)


def test_only_a_404_that_says_so_means_gone() -> None:
    request = httpx.Request("GET", "http://apideck.test/")
    found = error_in(httpx.Response(404, content=b"<html>", request=request), False)

    assert found is not None
    assert found.code != GONE
