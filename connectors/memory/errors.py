"""What the plain ledger's refusals mean to us: pure."""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from connectors.errors import (
    AuthorizationLost,
    Cause,
    Conflict,
    ConnectorError,
    MappingMissing,
    PermissionDenied,
    Rejected,
    TokenRefused,
    Unavailable,
)
from connectors.http import error_in, retry_after
from connectors.memory.wire import Problem, Refused

_KINDS: Mapping[str, type[ConnectorError]] = {
    "unknown_ledger_account": MappingMissing,
    "unknown_tax_rate": MappingMissing,
    "unknown_item": MappingMissing,
    "stale_version": Conflict,
    "unauthorized": TokenRefused,
    "wrong_organisation": AuthorizationLost,
    "read_only": PermissionDenied,
}

_CAUSES: Mapping[str, tuple[str, str]] = {
    "period_closed": ("period_closed", "period"),
    "frozen": ("frozen_in_ledger", "type"),
    "over_allocated": ("over_allocated", "document"),
    "wrong_organisation": ("wrong_organisation", "theirs"),
    "unknown_ledger_account": ("account_unmapped", "id"),
    "unknown_tax_rate": ("tax_rate_unmapped", "id"),
}
"""The ledger's code → the neutral code, and the word that is its subject."""


class BatchRefused(Rejected):
    """Nothing of a batch was written, because of some of its items."""

    problems: Sequence[Problem | None] = ()
    """For each item why it was refused; None for those that only shared the batch."""


def error_for(problem: Problem, **common: Any) -> ConnectorError:
    """The error that a refusal stands for, grouped with others of the same cause."""
    kind = _KINDS.get(problem.code, Rejected)
    cause: Cause | None = None
    if problem.code in _CAUSES:
        code, subject = _CAUSES[problem.code]
        named = problem.words.get(subject, "")
        if code == "account_unmapped":
            cause = Cause(code, named, {**problem.words, "account": named})
        elif code == "tax_rate_unmapped":
            rate = problem.words.get("rate", named)
            cause = Cause(code, rate, {**problem.words, "rate": rate, "ours": rate})
        elif code == "wrong_organisation":
            cause = Cause(code, "organisation", dict(problem.words))
        else:
            cause = Cause(code, named, dict(problem.words))
    return kind(problem.message, code=problem.code, cause=cause, **common)


def classify(response: httpx.Response, wrote: bool) -> ConnectorError | None:
    """The error in an answer, from the ledger's own code where it gives one."""
    if response.status_code < 400:  # noqa: PLR2004  # HTTP's own numbers
        return error_in(response, wrote)
    problem = Problem.in_answer(response.content)
    if problem is None:
        return error_in(response, wrote)
    common: dict[str, Any] = {
        "http_status": response.status_code,
        "request_id": response.headers.get("x-request-id"),
        "retry_after": retry_after(response.headers),
    }
    if problem.code == "away":
        # README.md, "Errors": 503 with this code promises that nothing was processed.
        return Unavailable(problem.message, code=problem.code, **common)
    if problem.code == "batch_refused":
        refused = BatchRefused(problem.message, code=problem.code, **common)
        refused.problems = Refused.model_validate_json(response.content).results
        return refused
    if problem.code in _KINDS or response.status_code in {413, 422}:
        return error_for(problem, **common)
    error = error_in(response, wrote)
    if error is not None and problem.message:
        error.message, error.code = problem.message, problem.code
        error.args = (problem.message,)
    return error
