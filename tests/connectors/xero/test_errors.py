"""What Xero's refusals mean, one by one."""

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from connectors.base import Accepted, Failed
from connectors.errors import (
    AuthorizationLost,
    ConnectorError,
    MappingMissing,
    OutcomeUnknown,
    PermissionDenied,
    ProtocolError,
    RateLimited,
    Rejected,
    TokenRefused,
    Unavailable,
    Unsupported,
)
from connectors.faults import Answer, Fault
from connectors.xero.errors import error_in, messages_of, refusal
from tests.connectors.xero.bench import XeroBench

EXPIRED = "TokenExpired: token expired at 11/21/2026 07:00:00"
VALIDATION: dict[str, Any] = {
    "ErrorNumber": 10,
    "Type": "ValidationException",
    "Message": "A validation exception occurred",
    "Elements": [{"ValidationErrors": [{"Message": "One."}, {"Description": "Two."}]}],
}


def error(
    status: int, body: Any = None, *, wrote: bool = True, **headers: str
) -> ConnectorError | None:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    content = {"text": body} if isinstance(body, str) else {"json": body}
    answer = httpx.Response(
        status, headers=named, request=httpx.Request("PUT", "https://x"), **content
    )
    return error_in(answer, wrote)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, VALIDATION, Rejected),
        (400, {"Type": "PostDataInvalidException", "Message": "JSON"}, Rejected),
        (400, {"Type": "ValidationException", "Message": "no elements"}, Rejected),
        (400, {"Message": "Idempotency Key k is used with a different request"}, OutcomeUnknown),
        (401, {"Title": "Unauthorized", "Status": 401, "Detail": EXPIRED}, TokenRefused),
        (401, {"title": "Unauthorized", "detail": EXPIRED}, TokenRefused),
        (401, {"Detail": "AuthorizationUnsuccessful"}, PermissionDenied),
        (403, {"Detail": "AuthorizationUnsuccessful"}, PermissionDenied),
        (401, {"Detail": "AuthenticationUnsuccessful"}, AuthorizationLost),
        (403, {"Detail": "AuthenticationUnsuccessful"}, AuthorizationLost),
        (401, "who are you", AuthorizationLost),
        (404, "The resource you're looking for cannot be found", Rejected),
        (412, "", ProtocolError),
        (429, "", RateLimited),
        (500, {"Title": "An error occurred", "Status": 500}, OutcomeUnknown),
        (501, "", Unsupported),
        (503, "The Organisation is offline", Unavailable),
        (503, "The Xero API is currently offline for maintenance", Unavailable),
        (503, "The Xero API is temporarily unavailable", OutcomeUnknown),
        (302, "", ProtocolError),
    ],
)
def test_an_answer_to_a_write_means(status: int, body: Any, kind: type[ConnectorError]) -> None:
    assert type(found := error(status, body)) is kind or isinstance(found, kind)
    assert isinstance(found, TokenRefused) == (kind is TokenRefused)


@pytest.mark.parametrize("status", [500, 503])
def test_a_read_that_fails_is_no_record_s_fault(status: int) -> None:
    assert isinstance(error(status, "down", wrote=False), Unavailable)


def test_all_messages_of_all_elements_are_said() -> None:
    found = error(
        400,
        {
            **VALIDATION,
            "Elements": [*VALIDATION["Elements"], {"ValidationErrors": [{"Message": "Three."}]}],
        },
    )

    assert found is not None
    assert all(word in found.message for word in ("One.", "Two.", "Three."))


@pytest.mark.parametrize(
    ("problem", "after", "wait"),
    [
        ("minute", "31", 31),
        ("day", "66975", 66_975),
        ("concurrent", None, 1),
        ("Concurrent", None, 1),
        ("minute", None, 60),
        ("DayLimit", None, 3600),
        ("Daily limit", None, 3600),
        ("appminute", "12", 12),
        ("something new", "5", 5),
    ],
)
def test_when_to_come_back(problem: str, after: str | None, wait: int) -> None:
    headers: dict[str, Any] = {"x_rate_limit_problem": problem}
    if after:
        headers["retry_after"] = after

    found = error(429, "", **headers)

    assert isinstance(found, RateLimited)
    assert found.retry_after == timedelta(seconds=wait)


def test_a_limit_without_a_name_is_left_to_our_own_patience() -> None:
    found = error(429, "")

    assert isinstance(found, RateLimited)
    assert found.retry_after is None


def test_an_offline_organisation_is_left_alone_for_five_minutes() -> None:
    found = error(503, "The Organisation is offline")

    assert found is not None
    assert found.retry_after == timedelta(minutes=5)


def test_what_their_support_asks_for_is_kept() -> None:
    found = error(500, "", xero_correlation_id="c-17")

    assert found is not None
    assert found.request_id == "c-17"


@pytest.mark.parametrize(
    ("said", "kind", "code"),
    [
        (
            "The document date cannot be before the end of year lock date, currently set at 1",
            Rejected,
            "period_closed",
        ),
        ("Invoice not of valid status for modification", Rejected, "wrong_state"),
        (
            "Payment amount exceeds the amount outstanding on this document",
            Rejected,
            "over_allocated",
        ),
        (
            "You have reached the limit of invoices you can approve",
            PermissionDenied,
            "plan_lacks_feature",
        ),
        (
            "Account code '999' is not a valid code for this document.",
            MappingMissing,
            "account_unmapped",
        ),
        (
            "The TaxType code 'OUTPUT9' does not exist or cannot be used",
            MappingMissing,
            "tax_rate_unmapped",
        ),
        ("The contact name X is already assigned to another contact.", Rejected, None),
    ],
)
def test_texts_that_are_known(said: str, kind: type[ConnectorError], code: str | None) -> None:
    found = refusal(said, "invoice 7")

    assert isinstance(found, kind)
    assert said in found.message
    assert (found.cause and found.cause.code) == code


@pytest.mark.parametrize("odd", [None, 7, "text", {}, [7], [{"Message": None}]])
def test_what_is_no_message_is_none(odd: Any) -> None:
    assert messages_of({"ValidationErrors": odd}) == []


class TestBatchesThatAreRefusedAsAWhole:
    def test_the_good_ones_are_looked_up(self, bench: XeroBench) -> None:
        body = {**VALIDATION, "Elements": [*VALIDATION["Elements"], {"ValidationErrors": []}]}
        bench.xero.arm(Fault.ERROR_BEFORE, method="PUT", answer=Answer(400, body))

        bad, good = bench.batch(bench.item(bench.bill()), bench.item(bench.bill()))

        assert isinstance(bad, Failed)
        assert bad.error.message == "Xero refuses: One.; Two."
        assert isinstance(good, Failed)
        assert isinstance(good.error, OutcomeUnknown)

    @pytest.mark.parametrize("rows", [[], [{}], [{}, {}], [7, 7], None])
    def test_an_answer_for_other_elements_says_nothing(
        self, bench: XeroBench, rows: object
    ) -> None:
        bench.xero.arm(
            Fault.CHANGED, method="PUT", change=lambda _: Answer(200, {"Invoices": rows})
        )

        results = bench.batch(bench.item(bench.bill()), bench.item(bench.bill()))

        for one in results:
            assert isinstance(one, Failed)
            assert isinstance(one.error, OutcomeUnknown)

    def test_an_element_that_fails_without_a_word_is_refused(self, bench: XeroBench) -> None:
        row = {"StatusAttributeString": "ERROR", "InvoiceID": "0" * 8}
        bench.xero.arm(Fault.ERROR_BEFORE, method="PUT", answer=Answer(200, {"Invoices": [row]}))

        assert isinstance(bench.error(bench.bill()), Rejected)

    def test_what_is_said_against_an_element_counts_without_a_flag(self, bench: XeroBench) -> None:
        row = {"ValidationErrors": [{"Message": "No."}], "InvoiceID": "i"}
        answer = Answer(200, {"Invoices": [row]})
        bench.xero.arm(Fault.ERROR_BEFORE, method="PUT", answer=answer)

        assert bench.error(bench.bill()).message == "Xero refuses: No."

    def test_a_warning_is_a_success_that_is_told(self, bench: XeroBench) -> None:
        def warned(answer: Answer) -> Answer:
            row = json.loads(answer.content())["Invoices"][0] | {
                "StatusAttributeString": "WARNING",
                "Warnings": [{"Message": "Mind the gap."}],
            }
            return Answer(200, {"Invoices": [row]})

        bench.xero.arm(Fault.CHANGED, method="PUT", change=warned)

        (result,) = bench.batch(bench.item(bench.bill()))

        assert isinstance(result, Accepted)
        assert "Mind the gap." in result.notes
