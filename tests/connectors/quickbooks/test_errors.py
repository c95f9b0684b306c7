"""What each fault means: by code and words, in all three shapes, whatever the HTTP status."""

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from connectors.base import Failed
from connectors.errors import (
    AuthorizationLost,
    Conflict,
    ConnectorError,
    MappingMissing,
    OutcomeUnknown,
    PermissionDenied,
    RateLimited,
    Rejected,
    TokenRefused,
    Unavailable,
)
from connectors.quickbooks import errors
from connectors.quickbooks.throttling import AFTER_SECONDS, AFTER_TIMES, PAUSE, Streaks
from models.canonical import ObjectType
from tests.connectors.quickbooks.bench import QuickBooksBench

XML = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<IntuitResponse xmlns="http://schema.intuit.com/finance/v3" time="2026-09-14T01:02:03-08:00">
<Fault type="{kind}"><Error code="{code}"><Message>{message}</Message><Detail>{detail}</Detail>
</Error></Fault></IntuitResponse>"""


def upper(code: str, message: str, detail: str = "", kind: str = "ValidationFault") -> bytes:
    """As the API writes it."""
    error = {"Message": message, "Detail": detail, "code": code, "element": ""}
    return json.dumps({"Fault": {"Error": [error], "type": kind}, "time": "2026-09-14"}).encode()


def lower(code: str, message: str, detail: str = "", kind: str = "ValidationFault") -> bytes:
    """As the gateway writes it."""
    error = {"message": message, "detail": detail, "code": code}
    return json.dumps({"fault": {"error": [error], "type": kind}}).encode()


def xml(code: str, message: str, detail: str = "", kind: str = "ValidationFault") -> bytes:
    """As some errors come although JSON was asked for."""
    return XML.format(code=code, message=message, detail=detail, kind=kind).encode()


def error_in(content: bytes, status: int = 400, *, wrote: bool = True, **headers: Any) -> Any:
    """What an answer means."""
    request = httpx.Request("POST", "https://quickbooks.api.intuit.com/v3/company/1/invoice")
    answer = httpx.Response(status, content=content, headers=headers, request=request)
    return errors.error_in(answer, wrote)


STALE = "Stale Object Error"
CASES: list[tuple[str, str, str, type[ConnectorError], str]] = [
    # code, message, type of fault, our error, our code
    ("5010", STALE, "ValidationFault", Conflict, errors.STALE),
    ("5010", "Account Period Closed", "ValidationFault", Rejected, errors.CLOSED),
    ("6200", "Account Period Closed", "ValidationFault", Rejected, errors.CLOSED),
    ("6210", "Account Period Closed", "ValidationFault", Rejected, errors.CLOSED),
    ("6140", "Duplicate Document Number Error", "ValidationFault", Rejected, "duplicate_number"),
    ("6210", "Duplicate Document Number Error", "ValidationFault", Rejected, "duplicate_number"),
    ("6240", "Duplicate Name Exists Error", "ValidationFault", Rejected, errors.DUPLICATE_NAME),
    ("610", "Object Not Found", "ValidationFault", MappingMissing, "610"),
    ("2500", "Invalid Reference Id", "ValidationFault", MappingMissing, "2500"),
    ("6000", "A business validation error has occurred", "ValidationFault", Rejected, "6000"),
    ("2050", "Request has invalid or unsupported property", "ValidationFault", Rejected, "2050"),
    ("3200", "message=AuthenticationFailed", "AUTHENTICATION", TokenRefused, "3200"),
    ("3100", "message=ApplicationAuthorizationFailed", "SERVICE", AuthorizationLost, "3100"),
    ("120", "Authorization Failure", "AuthorizationFault", AuthorizationLost, "120"),
    ("6190", "Subscription period has ended", "ValidationFault", AuthorizationLost, "6190"),
    ("5020", "Permission Denied Error", "AuthorizationFault", PermissionDenied, "5020"),
    ("003001", "message=ThrottleExceeded; errorCode=003001", "SERVICE", RateLimited, "3001"),
    ("10000", "An application error has occurred", "SystemFault", OutcomeUnknown, "10000"),
]


class TestMeaning:
    @pytest.mark.parametrize("shape", [upper, lower, xml], ids=["upper", "lower", "xml"])
    @pytest.mark.parametrize("status", [200, 400], ids=str)
    @pytest.mark.parametrize(
        ("code", "message", "kind", "meant", "ours"), CASES, ids=[f"{c[0]} {c[1]}" for c in CASES]
    )
    def test_a_fault_means_the_same_in_every_shape(
        self,
        code: str,
        message: str,
        kind: str,
        meant: type[ConnectorError],
        ours: str,
        status: int,
        shape: Any,
    ) -> None:
        error = error_in(shape(code, message, kind=kind), status)

        assert (type(error), error.code) == (meant, ours)

    @pytest.mark.parametrize("status", [401, 403, 429, 500, 503], ids=str)
    def test_without_a_fault_the_status_decides(self, status: int) -> None:
        meant = {
            401: TokenRefused,
            403: PermissionDenied,
            429: RateLimited,
            500: OutcomeUnknown,
            503: OutcomeUnknown,
        }
        assert type(error_in(b"<html>", status)) is meant[status]

    def test_a_read_that_met_a_crash_may_be_repeated(self) -> None:
        error = error_in(upper("10000", "Oops", kind="SystemFault"), 500, wrote=False)

        assert isinstance(error, Unavailable)

    def test_a_good_answer_is_no_error(self) -> None:
        assert error_in(b'{"Invoice": {"PrivateNote": "not my Fault"}}', 200) is None

    def test_intuits_id_of_the_request_is_kept(self) -> None:
        error = error_in(upper("6000", "No"), intuit_tid="1-65f")

        assert error.request_id == "1-65f"

    def test_what_is_missing_is_named(self) -> None:
        words = "Invalid Reference Id : Accounts element id 99 not found"

        error = error_in(upper("2500", "Invalid Reference Id", words))

        assert error.message.startswith("account 99 is deleted or inactive in QuickBooks")
        assert (error.cause.code, error.cause.subject) == ("account_archived", "99")

    def test_what_may_be_missing_is_named_where_quickbooks_does_not_say(
        self, uk: QuickBooksBench
    ) -> None:
        bill = uk.bill()
        uk.company.deactivate("Account", uk.known.purchases)

        (_, result) = uk.push(bill)

        assert isinstance(result, Failed)
        assert f"account {uk.known.purchases}" in result.error.message


class TestThrottling:
    def test_it_waits_a_minute(self) -> None:
        assert error_in(xml("003001", "ThrottleExceeded"), 429).retry_after == timedelta(minutes=1)
        assert error_in(b"", 429).retry_after == timedelta(minutes=1)

    def test_it_waits_as_long_as_it_is_told(self) -> None:
        headers: dict[str, Any] = {"retry-after": "7"}

        assert error_in(b"", 429, **headers).retry_after == timedelta(seconds=7)

    def test_what_does_not_go_away_is_the_months_quota(self) -> None:
        now = [0.0]
        streaks = Streaks(lambda: now[0])
        error = RateLimited("too many", code="3001", http_status=429)

        seen = []
        for _ in range(AFTER_TIMES + 1):
            seen.append(streaks.refused("company", error))
            now[0] += AFTER_SECONDS / (AFTER_TIMES - 1) + 1

        assert seen[: AFTER_TIMES - 1] == [error] * (AFTER_TIMES - 1)
        assert seen[-1].retry_after == PAUSE
        assert seen[-1].cause is not None
        assert seen[-1].cause.code == "plan_quota_used_up"
        assert "in a month" in seen[-1].message

    def test_a_call_that_is_let_through_ends_the_streak(self) -> None:
        now = [0.0]
        streaks = Streaks(lambda: now[0])
        error = RateLimited("too many", http_status=429)
        for _ in range(AFTER_TIMES + 3):
            now[0] += AFTER_SECONDS
            assert streaks.refused("company", error) is error
            streaks.over("company")

    def test_many_at_once_are_no_streak(self) -> None:
        streaks = Streaks(lambda: 0.0)
        error = RateLimited("too many", http_status=429)

        assert all(streaks.refused("company", error) is error for _ in range(50))


class TestCompanies:
    """What a whole company may be refused for, on its way through the connector."""

    @pytest.mark.parametrize(
        ("close", "words"),
        [("end_subscription", "organisation_locked"), ("lock_user_out", "organisation_locked")],
    )
    @pytest.mark.parametrize("with_200", [False, True], ids=["400", "200"])
    def test_closed_doors_are_authorization_lost(
        self, uk: QuickBooksBench, close: str, words: str, *, with_200: bool
    ) -> None:
        uk.quickbooks.change(faults_with_200=with_200)
        getattr(uk.company, close)()

        with pytest.raises(AuthorizationLost) as lost:
            uk.connector().check()

        assert lost.value.cause is not None
        assert lost.value.cause.code == words

    @pytest.mark.parametrize("in_xml", [False, True], ids=["json", "xml"])
    @pytest.mark.parametrize("status", [429, 403])
    def test_a_used_up_minute_is_said_in_either_form(self, *, in_xml: bool, status: int) -> None:
        rules = {"minute_limit": 1, "throttles_in_xml": in_xml, "throttles_with": status}
        bench = QuickBooksBench("uk", rules=rules)
        connector = bench.connector()
        list(connector.pull(ObjectType.INVOICE, None))

        with pytest.raises(RateLimited) as refused:
            list(connector.pull(ObjectType.BILL, None))

        assert refused.value.retry_after is not None

    def test_a_used_up_month_looks_the_same_at_first(self) -> None:
        bench = QuickBooksBench("uk", rules={"monthly_reads": 1})
        connector = bench.connector()
        connector.check()

        with pytest.raises(RateLimited):
            list(connector.pull(ObjectType.INVOICE, None))
