"""What Sage Active's answers mean: one table of bodies and statuses."""

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors import sage_active
from connectors.errors import (
    AuthorizationLost,
    ConnectorError,
    OutcomeUnknown,
    PermissionDenied,
    ProtocolError,
    RateLimited,
    Rejected,
    TokenRefused,
    Unavailable,
)
from connectors.graphql import classify
from connectors.sage_active.errors import TooComplex, error_of, status_of
from sync.catalogue import CATALOGUE

RULE = "sales.businessErrors.codeCannotContainBlankSpaces"


def errors(*messages: str, code: str | None = None, **extensions: Any) -> dict[str, Any]:
    """A body with errors, and no result."""
    more = {**({"code": code} if code else {}), **extensions}
    listed = [{"message": one, "extensions": more} for one in messages]
    return {"errors": listed, "data": {"createSalesInvoice": None}}


def meaning(
    status: int, body: Any, *, wrote: bool = True, headers: dict[str, str] | None = None
) -> ConnectorError | None:
    """What a connector makes of an answer."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = httpx.Request("POST", "https://api.fr.active.sage.com/graphql")
    response = httpx.Response(status, content=content, headers=headers, request=request)
    return classify(error_of, status_of)(response, wrote)


# status, body, of a write → error, cause
TABLE: list[tuple[int, Any, bool, type[ConnectorError], str | None]] = [
    (200, errors(RULE), True, Rejected, None),
    (200, errors(RULE), False, Rejected, None),
    (
        200,
        errors("global.businessErrors.authorizationPolicy", details="add-product"),
        True,
        PermissionDenied,
        "permission_denied",
    ),
    (
        200,
        errors("global.businessErrors.authorizationFeature"),
        False,
        PermissionDenied,
        "plan_lacks_feature",
    ),
    (
        200,
        errors("You are not authorized to access this resource.", code="AUTH_NOT_AUTHORIZED"),
        False,
        AuthorizationLost,
        "organisation_locked",
    ),
    (200, errors("no token", code="AUTH_NOT_AUTHENTICATED"), True, TokenRefused, None),
    (200, errors("too much", code="HC0047", complexity=700_000), False, TooComplex, None),
    (200, errors("too much", code="HC0047", fieldCost=700_000), False, TooComplex, None),
    (200, errors("X-OrganizationId header is mandatory"), True, Rejected, "bug"),
    (200, errors("X-OrganizationId header is mandatory"), False, ProtocolError, None),
    (200, errors("bad aggregation", code="INVALID_INPUT"), False, ProtocolError, None),
    (200, errors("Unexpected Execution Error"), True, OutcomeUnknown, None),
    (400, errors("The field `x` does not exist on the type `Customer`."), True, Rejected, "bug"),
    (400, errors("The field `x` does not exist."), False, ProtocolError, None),
    (400, {"Message": "Bad Request", "Code": None, "Path": None}, True, Rejected, "bug"),
    (
        401,
        {
            "statusCode": 401,
            "message": "Access denied due to invalid subscription key. Make sure to provide one.",
        },
        True,
        AuthorizationLost,
        "subscription_key_refused",
    ),
    (401, {"statusCode": 401, "message": "JWT not present."}, True, TokenRefused, None),
    (403, b"", False, AuthorizationLost, "organisation_locked"),
    (429, {"statusCode": 429, "message": "Rate limit is exceeded."}, True, RateLimited, None),
    (500, errors("internal"), True, OutcomeUnknown, None),
    (500, errors("internal"), False, Unavailable, None),
    (502, b"<html>", True, OutcomeUnknown, None),
    (503, b"", False, Unavailable, None),
]


class TestMeaning:
    @pytest.mark.parametrize(("status", "body", "wrote", "kind", "cause"), TABLE)
    def test_a_body_decides_before_the_status(
        self,
        status: int,
        body: Any,
        wrote: bool,
        kind: type[ConnectorError],
        cause: str | None,
    ) -> None:
        error = meaning(status, body, wrote=wrote)

        assert type(error) is kind
        assert (error.cause.code if error.cause else None) == cause
        assert cause is None or cause in CATALOGUE

    def test_a_refused_key_is_not_a_refused_token(self) -> None:
        # A refused token is renewed and the request sent again; a key is nothing to renew.
        error = meaning(401, {"message": "Access denied due to invalid subscription key"})

        assert not isinstance(error, TokenRefused)

    def test_an_unknown_rule_stays_a_refusal_under_its_own_code(self) -> None:
        error = meaning(200, errors("banking.businessErrors.neverHeardOf"))

        assert isinstance(error, Rejected)
        assert error.code == "banking.businessErrors.neverHeardOf"

    def test_all_rules_that_were_broken_are_named(self) -> None:
        error = meaning(200, errors(RULE, "global.businessErrors.other"))

        assert error is not None
        assert RULE in error.message
        assert "global.businessErrors.other" in error.message

    def test_the_most_telling_of_several_decides(self) -> None:
        body = errors("odd", RULE, "global.businessErrors.authorizationPolicy")

        assert isinstance(meaning(200, body), PermissionDenied)

    def test_a_result_beside_an_error_is_an_unknown_outcome(self) -> None:
        body = {**errors(RULE), "data": {"createSalesInvoice": {"id": "1"}}}

        assert isinstance(meaning(200, body), OutcomeUnknown)

    def test_data_beside_an_error_is_a_failed_page(self) -> None:
        body = {**errors("odd"), "data": {"salesInvoices": {"nodes": []}}}

        assert isinstance(meaning(200, body, wrote=False), ProtocolError)

    def test_a_good_answer_is_no_error(self) -> None:
        assert meaning(200, {"data": {"createSalesInvoice": {"id": "1"}}}) is None

    def test_too_many_requests_say_when_to_come_back(self) -> None:
        error = meaning(429, b"", headers={"Retry-After": "17"})

        assert error is not None
        assert error.retry_after is not None
        assert error.retry_after.total_seconds() == 17


class TestCatalogue:
    def test_every_cause_that_is_named_has_a_sentence(self) -> None:
        folder = Path(sage_active.__file__).parent
        named = {
            code
            for module in folder.glob("*.py")
            for code in re.findall(r"Cause\(\s*\"(\w+)\"", module.read_text())
        }

        assert len(named) > 15
        assert named <= set(CATALOGUE)
