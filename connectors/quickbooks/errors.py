"""What QuickBooks' faults mean: decided by code and words together, whatever the HTTP status; pure.

A fault comes as `{"Fault": {"Error": [...]}}`, from the gateway in lower case, and sometimes as XML
although JSON was asked for; also with HTTP 200 (page "error codes" and reports of integrators, read
2026-11-20). Sources disagree on the numbers of closed periods and duplicates: words decide there.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx

from connectors import http
from connectors.errors import (
    AuthorizationLost,
    Cause,
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

STALE, DUPLICATE_NAME, DUPLICATE_NUMBER = "stale", "duplicate_name", "duplicate_number"
NOT_FOUND, CLOSED, GONE, VAGUE = "610", "period_closed", "gone", "6000"
_THROTTLE_SECONDS = 60
_HTTP_CRASH = 500


@dataclass(frozen=True)
class Fault:
    """One fault, however it was written."""

    type: str = ""
    code: str = ""
    message: str = ""
    detail: str = ""
    element: str = ""

    @property
    def words(self) -> str:
        """What it says, once."""
        said = [part for part in (self.message, self.detail) if part]
        if len(said) > 1 and (said[0] in said[1] or said[0] == said[1]):
            said = said[1:]
        return ": ".join(said) or (f"error {self.code}" if self.code else "an error without words")

    @property
    def folded(self) -> str:
        """All words in lower case, to be searched."""
        return f"{self.type} {self.message} {self.detail}".lower()


def fault_in(value: Any) -> Fault | None:
    """The fault in an answer or in an item of a batch; None when there is none."""
    if not isinstance(value, Mapping):
        return None
    for name in ("Fault", "fault"):
        fault = value.get(name)
        if not isinstance(fault, Mapping):
            continue
        errors = fault.get("Error") or fault.get("error")
        first = errors[0] if isinstance(errors, list) and errors else errors
        given = first if isinstance(first, Mapping) else {}
        folded = {str(key).lower(): part for key, part in given.items()}

        def text(key: str, values: Mapping[str, Any] = folded) -> str:
            part = values.get(key)
            return part if isinstance(part, str) else "" if part is None else str(part)

        return Fault(
            str(fault.get("type") or ""),
            _code(text("code"), text("message") + text("detail")),
            text("message"),
            text("detail"),
            text("element"),
        )
    return None


_XML_TEXTS = {
    name: re.compile(rf"<{name}>(.*?)</{name}>", re.DOTALL) for name in ("Message", "Detail")
}
_XML_ERROR = re.compile(r"<(?:\w+:)?Error\b[^>]*>")
_XML_TYPE = re.compile(r"<(?:\w+:)?Fault\b[^>]*\btype=\"([^\"]{0,100})\"")
_XML_CODE = re.compile(r"\bcode=\"([^\"]{0,100})\"")
_INNER_CODE = re.compile(r"errorCode=(\d{1,9})")


def _code(code: str, words: str) -> str:
    """A code without the zeros that some have in front; in throttling it stands in the words."""
    inner = _INNER_CODE.search(words)
    if (not code or not code.isdigit()) and inner:
        code = inner[1]
    return code.lstrip("0") or code if code.isdigit() else code


def fault_of(response: httpx.Response) -> Fault | None:
    """The fault in a whole answer: JSON of either case, or XML."""
    content = response.content
    if content.lstrip()[:1] == b"<":
        text = content[:20_000].decode(errors="replace")
        error = _XML_ERROR.search(text)
        if error is None:
            return None
        said = {
            name: (found[1] if (found := one.search(text)) else "")
            for name, one in _XML_TEXTS.items()
        }
        code, kind = _XML_CODE.search(error[0]), _XML_TYPE.search(text)
        words = said["Message"] + said["Detail"]
        return Fault(
            kind[1] if kind else "",
            _code(code[1] if code else "", words),
            said["Message"],
            said["Detail"],
        )
    if b"ault" not in content:
        return None
    try:
        return fault_in(json.loads(content))
    except (ValueError, RecursionError):
        return None


def request_id_of(headers: Mapping[str, str]) -> str | None:
    """What Intuit's support asks for."""
    return headers.get("intuit_tid")


def error_in(response: httpx.Response, wrote: bool) -> ConnectorError | None:
    """The error in an answer; None when it is a good one."""
    fault = fault_of(response)
    common: dict[str, Any] = {
        "http_status": response.status_code,
        "request_id": request_id_of(response.headers),
    }
    if fault is not None:
        wait = http.retry_after(response.headers)
        return error_of(fault, response.status_code, wrote=wrote, wait=wait, **common)
    if response.status_code == 429:  # noqa: PLR2004  # HTTP's own number
        wait = http.retry_after(response.headers) or timedelta(seconds=_THROTTLE_SECONDS)
        return RateLimited("too many calls", code="429", retry_after=wait, **common)
    found = http.error_in(response, wrote)
    if found is not None:
        found.request_id = request_id_of(response.headers)
    return found


def error_of(
    fault: Fault,
    status: int,
    *,
    wrote: bool,
    wait: timedelta | None = None,
    **common: Any,
) -> ConnectorError:
    """What a fault means; `status` is the HTTP status of the whole answer."""
    common = {"code": fault.code or str(status), **common}
    if fault.code == "3001" or "throttleexceeded" in fault.folded or status == 429:  # noqa: PLR2004
        # "Wait 60 seconds" (page "limits and throttles"); no Retry-After is promised.
        wait = wait or timedelta(seconds=_THROTTLE_SECONDS)
        return RateLimited(fault.words, retry_after=wait, **common)
    return (
        _about_access(fault, status, common)
        or _about_the_state(fault, common)
        or _about_references(fault, common)
        or _crashed(fault, status, wrote=wrote, common=common)
        or _refused(fault, common)
    )


def _refused(fault: Fault, common: Mapping[str, Any]) -> Rejected:
    cause = Cause("refused", fault.words, {"message": fault.words})
    return Rejected(fault.words, cause=cause, **common)


def _about_access(fault: Fault, status: int, common: Mapping[str, Any]) -> ConnectorError | None:
    """Whether we may come in."""
    words, kind = fault.words, fault.type.lower()
    if fault.code == "3100" or "applicationauthorizationfailed" in fault.folded:
        return AuthorizationLost(words, **common)
    if fault.code in {"120", "6190"}:
        # The person who connected lost their rights; the company's subscription ended.
        cause = Cause("organisation_locked", fault.code, {"message": words})
        return AuthorizationLost(words, cause=cause, **common)
    if fault.code == "3200" or kind.startswith("authentication") or status == 401:  # noqa: PLR2004
        return TokenRefused(words, **common)
    if kind.startswith("authorization") or status == 403:  # noqa: PLR2004
        cause = Cause("permission_denied", words, {"message": words})
        return PermissionDenied(words, cause=cause, **common)
    return None


def _about_the_state(fault: Fault, common: Mapping[str, Any]) -> ConnectorError | None:
    """Closed periods, newer versions and duplicates: words before numbers."""
    folded, words = fault.folded, fault.words
    if "period closed" in folded or "closing date" in folded or "books are closed" in folded:
        cause = Cause(CLOSED, "books", {"period": "that the document is dated in"})
        return Rejected(words, cause=cause, **{**common, "code": CLOSED})
    if "duplicate document number" in folded:
        cause = Cause("refused", words, {"message": words})
        return Rejected(words, cause=cause, **{**common, "code": DUPLICATE_NUMBER})
    if fault.code == "6240" or "duplicate name" in folded:
        cause = Cause("refused", words, {"message": words})
        return Rejected(words, cause=cause, **{**common, "code": DUPLICATE_NAME})
    if fault.code == "5010" or "stale object" in folded:
        return Conflict(words, **{**common, "code": STALE})
    return None


_REFERENCE = re.compile(
    r"invalid reference id\s*:?\s*(?P<list>[a-z ]{1,40}?) element id (?P<id>\S{1,30}?) not found",
    re.IGNORECASE,
)
_SINGULAR = {"accounts": "account", "names": "contact", "items": "item", "taxcodes": "tax code"}


def _about_references(fault: Fault, common: Mapping[str, Any]) -> ConnectorError | None:
    """What a document names is not there, or is inactive."""
    named = _REFERENCE.search(f"{fault.message} {fault.detail}")
    if named:
        listed = named["list"].strip().lower()
        what = f"{_SINGULAR.get(listed, listed.removesuffix('s'))} {named['id']}"
        return missing(what, fault.words, common)
    if fault.code == "2500" or "invalid reference id" in fault.folded:
        return missing("", fault.words, common)
    if fault.code == NOT_FOUND or "object not found" in fault.folded:
        return missing("", fault.words, {**common, "code": NOT_FOUND})
    return None


def missing(what: str, words: str, common: Mapping[str, Any]) -> MappingMissing:
    """Something that is named is not there or inactive; `what` says which thing, where known."""
    kind, _, row_id = what.partition(" ")
    if kind == "account" and row_id and " " not in row_id:
        cause = Cause("account_archived", row_id, {"account": row_id})
    else:
        said = f"{what} is deleted or inactive: {words}" if what else words
        cause = Cause("refused", what or words, {"message": said})
    message = f"{what} is deleted or inactive in QuickBooks: {words}" if what else words
    return MappingMissing(message, cause=cause, **common)


def _crashed(
    fault: Fault, status: int, *, wrote: bool, common: Mapping[str, Any]
) -> ConnectorError | None:
    """QuickBooks itself failed: whether it wrote is not known."""
    system = fault.type.lower() in {"systemfault", "service", "system"}
    severe = fault.code.isdigit() and int(fault.code) >= 10_000  # noqa: PLR2004
    if status == 503 and not wrote:  # noqa: PLR2004
        return Unavailable(fault.words, **common)
    if system or severe or status >= _HTTP_CRASH:
        return (OutcomeUnknown if wrote else Unavailable)(fault.words, **common)
    return None


# Refusals of our own.


def deleted(document: str) -> Conflict:
    """What was to be changed is not in QuickBooks any more."""
    cause = Cause("deleted_in_ledger", document, {"document": document[:1].upper() + document[1:]})
    return Conflict(f"{document} is not in QuickBooks any more", code=GONE, cause=cause)


def period_closed(document: str, until: str) -> Rejected:
    """The books are closed on the document's date."""
    return Rejected(
        f"the books are closed up to {until}, and {document} is dated on or before it",
        code=CLOSED,
        cause=Cause(CLOSED, until, {"period": f"up to {until}"}),
    )


def too_long(document: str, field: str, length: int, limit: int) -> Rejected:
    """A text that QuickBooks has no room for."""
    words = {"document": document, "field": field, "length": str(length), "limit": str(limit)}
    return Rejected(
        f"{document}: {field} has {length} characters, QuickBooks takes {limit}",
        code="field_too_long",
        cause=Cause("field_too_long", f"{document} {field}", words),
    )


def inexpressible(message: str, code: str = "inexpressible") -> Rejected:
    """Something that these books have no way to say."""
    return Rejected(message, code=code, cause=Cause("refused", message, {"message": message}))
