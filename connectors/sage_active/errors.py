"""What Sage Active's refusals mean: decided by the body first, then by the HTTP status; pure.

Business rules come with HTTP 200 and a code like `sales.businessErrors.name` as message; hundreds
exist, and what is not known here stays a refusal with that code. From Sage's pages "Errors" and
"Terms", as of the releases of June 2026; see README.md.
"""

import re
from collections.abc import Sequence
from typing import Any

import httpx

from connectors.errors import (
    AuthorizationLost,
    Cause,
    Conflict,
    ConnectorError,
    MappingMissing,
    OutcomeUnknown,
    PermissionDenied,
    ProtocolError,
    Rejected,
    TokenRefused,
)
from connectors.graphql import Problem
from connectors.http import error_in as error_in_status

PLAN_LACKS_FEATURE = "plan_lacks_feature"
GONE = "deleted"
"""Our code for what was there once."""
BUSINESS = re.compile(r"[A-Za-z]+\.businessErrors\.\w+")
ALREADY_THERE = frozenset(
    {
        "global.businessErrors.documentIdAlreadyExistInOrganization",
        "global.businessErrors.vatNumberAlreadyExistInOrganization",
    }
)
"""Another third party has this number: the one that we wrote, or somebody else's."""
_NO_RIGHT = "global.businessErrors.authorizationPolicy"
_NOT_IN_PLAN = "global.businessErrors.authorizationFeature"
_NOT_HERE = "AUTH_NOT_AUTHORIZED"
_NOBODY = "AUTH_NOT_AUTHENTICATED"
"""Not in Sage's documentation: what its GraphQL server says by itself without a good token."""
_TOO_COMPLEX = "HC0047"
_NO_ORGANISATION = "X-OrganizationId header is mandatory"


class TooComplex(ProtocolError):  # noqa: N818  # what the caller must do: ask for less
    """A page of this size costs more than Sage Active allows: ask for a smaller one."""


def error_of(problems: Sequence[Problem], response: httpx.Response, wrote: bool) -> ConnectorError:
    """Read the `errors` of an answer; several become one, the most telling first."""
    telling = min(problems, key=_rank)
    if _rank(telling) < _UNNAMED:
        return _named(telling, problems, response, wrote=wrote)
    return _unnamed(problems, response, wrote=wrote)


_UNNAMED = 4


def _rank(problem: Problem) -> int:
    """How much an error tells: less is more."""
    if problem.code == _TOO_COMPLEX:
        return 0
    if (
        problem.code in {_NOT_HERE, _NOBODY}
        or "not authorized to access this resource" in problem.message
    ):
        return 1
    if problem.message in {_NO_RIGHT, _NOT_IN_PLAN}:
        return 2
    return 3 if BUSINESS.fullmatch(problem.message) else _UNNAMED


def _named(
    one: Problem, problems: Sequence[Problem], response: httpx.Response, *, wrote: bool
) -> ConnectorError:
    common: dict[str, Any] = {"http_status": response.status_code, "code": one.code or one.message}
    if one.code == _TOO_COMPLEX:
        if wrote:
            return Rejected("Sage Active finds the request too complex", **common)
        return TooComplex("Sage Active finds the page too complex", **common)
    if one.code == _NOBODY:
        return TokenRefused("Sage Active refuses the access token", **common)
    if one.message == _NO_RIGHT:
        message = f"the role of the person who consented lacks the right {one.details or '?'}"
        words = {"message": message}
        cause = Cause("permission_denied", one.details or one.message, words)
        return PermissionDenied(message, cause=cause, **common)
    if one.message == _NOT_IN_PLAN:
        message = f"the organisation's plan does not include this {one.details}".rstrip()
        cause = Cause(PLAN_LACKS_FEATURE, one.details or "feature", {"message": message})
        return PermissionDenied(message, cause=cause, **common)
    if BUSINESS.fullmatch(one.message):
        said = "; ".join(_said(each) for each in problems)
        return Rejected(f"Sage Active refuses: {said}", **common)
    return _locked_out("the person who consented may not work in this organisation", **common)


def _said(problem: Problem) -> str:
    return f"{problem.message} ({problem.details})" if problem.details else problem.message


def _unnamed(
    problems: Sequence[Problem], response: httpx.Response, *, wrote: bool
) -> ConnectorError:
    """Not a business rule: of our making where it was not executed, otherwise a failure there."""
    status = response.status_code
    said = "; ".join(_said(one) for one in problems)
    common: dict[str, Any] = {"http_status": status, "code": problems[0].code or "graphql"}
    if status >= httpx.codes.INTERNAL_SERVER_ERROR:
        if wrote:
            return OutcomeUnknown(f"Sage Active failed: {said}", **common)
        return error_in_status(response, wrote) or ProtocolError(said, **common)
    if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN, httpx.codes.TOO_MANY_REQUESTS}:
        return status_of(response, wrote) or ProtocolError(said, **common)
    if not wrote:
        return ProtocolError(f"Sage Active does not understand the query: {said}", **common)
    if status == httpx.codes.BAD_REQUEST or _NO_ORGANISATION in said:
        # It was not executed: the document does not fit the schema, or lacks a header.
        return _not_understood(said, **common)
    return OutcomeUnknown(f"Sage Active failed: {said}", **common)


def _not_understood(said: str, **common: Any) -> Rejected:
    message = f"Sage Active does not understand the request: {said}"
    return Rejected(message, cause=Cause("bug", "request", {"message": message}), **common)


def _locked_out(message: str, **common: Any) -> AuthorizationLost:
    cause = Cause("organisation_locked", "organisation", {"message": message})
    return AuthorizationLost(message, cause=cause, **common)


def status_of(response: httpx.Response, wrote: bool) -> ConnectorError | None:
    """Read an answer that has no GraphQL errors, from its status and the gateway's words."""
    status = response.status_code
    common: dict[str, Any] = {"http_status": status, "code": str(status)}
    match status:
        case httpx.codes.UNAUTHORIZED if "subscription key" in response.text.lower():
            common["code"] = "subscription_key"
            message = "Sage Active refuses our subscription key"
            cause = Cause("subscription_key_refused", "subscription key", {"message": message})
            return AuthorizationLost(message, cause=cause, **common)
        case httpx.codes.UNAUTHORIZED:
            return TokenRefused("Sage Active refuses the access token", **common)
        case httpx.codes.FORBIDDEN:
            return _locked_out(
                "the person who consented has no access to Sage Active, or never signed in there",
                **common,
            )
        case httpx.codes.BAD_REQUEST:
            said = response.text[:300]
            if wrote:
                return _not_understood(said, **common)
            return ProtocolError(f"Sage Active does not understand the query: {said}", **common)
    return error_in_status(response, wrote)


# What we find out before a call.


def too_long(field: str, limit: int, length: int, document: str) -> Rejected:
    """A text is longer than Sage Active's field."""
    words = {"field": field, "limit": str(limit), "length": str(length), "document": document}
    return Rejected(
        f"{document}: {field} has {length} characters, Sage Active takes {limit}",
        code="too_long",
        cause=Cause("field_too_long", f"{field} of {document}", words),
    )


def no_product(rate: str, account: str) -> MappingMissing:
    """There is no product with which a line would be taxed and booked as it says."""
    return MappingMissing(
        f"Sage Active has no single product with {rate} % tax on account {account}",
        code="no_product",
        cause=Cause("product_missing", f"{rate} {account}", {"rate": rate, "account": account}),
    )


def closed_period(period: str) -> Rejected:
    """The period of a date is closed."""
    return Rejected(
        f"the period {period} is closed in Sage Active",
        code="period_closed",
        cause=Cause("period_closed", period, {"period": period}),
    )


def no_exercise(day: str, *, closed: str | None) -> Rejected:
    """No open fiscal year holds a date."""
    which = f"the fiscal year {closed} is closed" if closed else "there is no fiscal year"
    words = {"day": day, "what": which}
    return Rejected(
        f"{which} for {day} in Sage Active",
        code="exercise_closed",
        cause=Cause("exercise_closed", closed or day, words),
    )


def archived_account(account: str) -> MappingMissing:
    """An account may not be used any more."""
    return MappingMissing(
        f"the account {account} is archived in Sage Active",
        code="account_archived",
        cause=Cause("account_archived", account, {"account": account}),
    )


def unbalanced(document: str, debit: str, credit: str) -> Rejected:
    """Debits and credits of an entry differ."""
    words = {"document": document, "debit": debit, "credit": credit}
    return Rejected(
        f"{document} does not balance: debits are {debit}, credits {credit}",
        code="unbalanced",
        cause=Cause("entry_unbalanced", document, words),
    )


def matched(document: str) -> Rejected:
    """Lines of an entry are matched with others: it cannot be taken out of the books."""
    return Rejected(
        f"{document} is matched with other entries in Sage Active",
        code="matched",
        cause=Cause("entry_matched", document, {"document": document}),
    )


def not_posted(document: str) -> Rejected:
    """Nothing can be settled on what is not in the ledger."""
    return Rejected(
        f"{document} is not posted in Sage Active yet: nothing can be settled on it",
        code="not_posted",
        cause=Cause("not_posted_yet", document, {"document": document}),
    )


def frozen(kind: str, document: str) -> Rejected:
    """It is numbered or posted with other content."""
    return Rejected(
        f"Sage Active does not allow changes to {document}: it is no draft any more",
        code="frozen",
        cause=Cause("frozen_in_ledger", kind, {"type": kind}),
    )


def deleted(document: str) -> Rejected:
    """It was complete once, and is not there any more."""
    return Conflict(
        f"{document} is not in Sage Active any more",
        code=GONE,
        cause=Cause("deleted_in_ledger", document, {"document": document}),
    )


def totals_differ(document: str, difference: str) -> Rejected:
    """Sage Active makes other sums of it than those that are stated."""
    return Rejected(
        f"Sage Active computes other sums for {document}: {difference}",
        code="totals_differ",
        cause=Cause("totals_differ", document, {"document": document, "difference": difference}),
    )


def unknown_legislation(code: str) -> PermissionDenied:
    """Rules that nobody has told us."""
    return PermissionDenied(
        f"the organisation's legislation {code!r} is not known here: FR, ES and DE are",
        code="unknown_legislation",
        cause=Cause("unknown_legislation", code, {"legislation": code}),
    )


def no_tax_account(rate: str) -> MappingMissing:
    """Tax has nowhere to go."""
    return MappingMissing(
        f"Sage Active names no account for tax of {rate} %: set the default VAT accounts there",
        code="no_tax_account",
        cause=Cause(
            "account_not_named", f"tax {rate}", {"purpose": f"{rate} % tax", "ours": "tax"}
        ),
    )
