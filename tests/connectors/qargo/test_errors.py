"""What Qargo's refusals mean."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from connectors.errors import (
    AuthorizationLost,
    Conflict,
    ConnectorError,
    OutcomeUnknown,
    PermissionDenied,
    RateLimited,
    Rejected,
    TokenRefused,
    Unavailable,
)
from connectors.qargo import errors

VALIDATION: dict[str, Any] = {
    "message": "The request is invalid",
    "errors": [
        {"message": "Unknown code", "field": "billing_entity_code", "path": None, "detail": None},
        {"message": "The request is invalid"},
    ],
}
UNPROCESSABLE = {
    "detail": [{"loc": ["body", "status"], "msg": "Input should be …", "type": "enum"}]
}


class TestClassify:
    @pytest.mark.parametrize(
        ("status", "wrote", "kind"),
        [
            (400, True, Rejected),
            (401, True, TokenRefused),
            (403, True, PermissionDenied),
            (404, False, Rejected),
            (409, True, Conflict),
            (422, True, Rejected),
            (429, True, RateLimited),
            (500, True, OutcomeUnknown),
            (503, True, OutcomeUnknown),
            (500, False, Unavailable),
            (503, False, Unavailable),
        ],
    )
    def test_status_decides(self, status: int, wrote: bool, kind: type[ConnectorError]) -> None:
        found = errors.classify(httpx.Response(status), wrote)

        assert type(found) is kind

    @pytest.mark.parametrize(
        ("status", "body", "message"),
        [
            (400, VALIDATION, "The request is invalid; billing_entity_code: Unknown code"),
            (422, UNPROCESSABLE, "body.status: Input should be …"),
            (429, {"error": "Rate limit exceeded"}, "Rate limit exceeded"),
            (403, {"detail": "Not for this client"}, "Not for this client"),
            (403, ["odd"], "Qargo answered HTTP 403 without words"),
        ],
    )
    def test_words_come_from_the_body(self, status: int, body: Any, message: str) -> None:
        found = errors.classify(httpx.Response(status, json=body), True)

        assert found is not None
        assert found.message == message

    def test_pages_of_a_gateway_are_not_passed_on(self) -> None:
        found = errors.classify(httpx.Response(502, text="<html>nginx 10.0.0.7</html>"), False)

        assert found is not None
        assert found.message == "Qargo answered HTTP 502 without words"

    def test_good_answer_is_none(self) -> None:
        assert errors.classify(httpx.Response(200), True) is None

    def test_refused_token_has_its_code_and_may_be_renewed(self) -> None:
        found = errors.classify(httpx.Response(401, json={"message": "expired"}), False)

        assert isinstance(found, AuthorizationLost)
        assert (found.code, found.message) == ("token_refused", "expired")

    def test_limit_carries_its_wait(self) -> None:
        response = httpx.Response(429, headers={"Retry-After": "58"})

        found = errors.classify(response, True)

        assert found is not None
        assert found.retry_after == timedelta(seconds=58)

    def test_code_for_machines_is_taken_where_there_is_one(self) -> None:
        body = {"code": "billing_entity_mismatch", "message": "no"}

        found = errors.classify(httpx.Response(403, json=body), True)

        assert found is not None
        assert found.code == "billing_entity_mismatch"


class TestSignIn:
    @pytest.mark.parametrize("status", [400, 401, 403])
    def test_refused_credentials_are_not_renewed_in_a_loop(self, status: int) -> None:
        found = errors.classify_sign_in(httpx.Response(status, json={"message": "no"}), True)

        assert type(found) is AuthorizationLost
        assert found.code == "credentials_refused"
        assert found.cause is not None
        assert found.cause.code == "authorization_lost"

    @pytest.mark.parametrize(("status", "kind"), [(429, RateLimited), (503, OutcomeUnknown)])
    def test_anything_else_is_not_about_the_credentials(
        self, status: int, kind: type[ConnectorError]
    ) -> None:
        assert type(errors.classify_sign_in(httpx.Response(status), True)) is kind


class TestCauses:
    def test_refused_list_says_where_to_make_the_right_client(self) -> None:
        found = errors.no_waiting_list(PermissionDenied("not linked", http_status=403), "NL")

        assert "settings page of the accounting integration that is linked to NL" in found.message
        assert "API_ACCOUNTING" in found.message
        assert "read_only" in found.message
        assert found.cause is not None
        assert (found.cause.code, found.cause.subject) == ("credential_not_linked", "NL")
        assert found.cause.words == {"billing_entity": "NL", "message": "not linked"}

    def test_all_reports_refused_to_a_credential_are_one_cause(self) -> None:
        error = PermissionDenied("no", code="403")
        names = ("invoice 1", "invoice 2")

        one, other = (errors.report_refused(error, name, posted=True) for name in names)

        assert one.cause is not None
        assert (one.cause, one.cause.code) == (other.cause, "ack_refused")
        assert one.cause.words == {"document": "invoice 1", "message": "no"}

    def test_other_refusals_concern_one_document_each(self) -> None:
        error = Rejected("no", code="400")
        names = ("invoice 1", "invoice 2")

        one, other = (errors.report_refused(error, name, posted=True) for name in names)

        assert one.cause != other.cause

    def test_conflict_says_both_sides(self) -> None:
        found = errors.report_conflict(
            PermissionDenied("no"),
            "invoice 1",
            ours="NL",
            theirs="it belongs to billing entity BE",
            posted=True,
        )

        message = (
            "invoice 1 is posted for billing entity NL, "
            "but in Qargo it belongs to billing entity BE: no"
        )
        assert found.message == message
        assert found.cause is not None
        assert found.cause.code == "ack_conflict"
        assert found.cause.words == {
            "document": "invoice 1",
            "ours": "NL",
            "theirs": "it belongs to billing entity BE",
            "message": message,
        }

    @pytest.mark.parametrize(
        ("error", "code"),
        [(PermissionDenied("no"), "permission_denied"), (Rejected("no"), "refused")],
    )
    def test_nothing_is_called_posted_that_is_not(self, error: ConnectorError, code: str) -> None:
        found = errors.report_refused(error, "invoice 1", posted=False)

        assert found.cause is not None
        assert found.cause.code == code
