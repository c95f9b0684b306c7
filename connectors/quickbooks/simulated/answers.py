"""How QuickBooks words its faults: three shapes, and which signal comes in which.

Rules raise a `Refused`; the service and a batch make a `Fault` of it. Messages are those of
Intuit's lists of errors ("Handling common errors" and a blog post of June 2017, read 2026-11-21),
by which clients tell faults apart where numbers disagree.
"""

import datetime as dt
from decimal import Decimal
from typing import Any

from connectors.faults import Answer, Refusal

Json = dict[str, Any]


class Refused(Exception):  # noqa: N818  # an answer, not a crash
    """QuickBooks does not do it."""

    def __init__(
        self,
        code: str,
        message: str,
        detail: str = "",
        *,
        element: str = "",
        kind: str = "ValidationFault",
        status: int = 400,
    ) -> None:
        super().__init__(f"{code} {message}: {detail}")
        self.code = code
        self.message = message
        self.detail = detail or message
        self.element = element
        self.kind = kind
        self.status = status

    def fault(self) -> Json:
        """The `Fault` of it."""
        error = {
            "Message": self.message,
            "Detail": self.detail,
            "code": self.code,
            "element": self.element,
        }
        return {"Error": [error], "type": self.kind}


def missing(name: str) -> Refused:
    """A required member is not there."""
    return Refused(
        "2020",
        "Required param missing, need to supply the required value for the API",
        f"Required parameter {name} is missing in the request",
        element=name,
    )


def unsupported(name: str) -> Refused:
    """A member that the entity does not have, or that is not modelled."""
    return Refused(
        "2010",
        "Request has invalid or unsupported property",
        f"Property Name:{name} specified is unsupported or invalid",
        element=name,
    )


def invalid(name: str, value: Any) -> Refused:
    """A value that cannot be read as what it should be."""
    text = f"{name} has the value {value!r}, which cannot be used"
    return Refused("2030", "Invalid ID" if name == "Id" else "Invalid Value", text, element=name)


def too_long(name: str, length: int, most: int) -> Refused:
    """A text that does not fit."""
    return Refused(
        "2050",
        "String length is either shorter or longer than supported by specification",
        f"String length specified does not match the supported length. Min:0 Max:{most} supported."
        f" Supplied length:{length}",
        element=name,
    )


def business(detail: str) -> Refused:
    """Any rule of business that has no number of its own."""
    return Refused(
        "6000",
        "A business validation error has occurred while processing your request",
        f"Business Validation Error: {detail}",
    )


def unknown_reference(what: str, given: Any) -> Refused:
    """A reference to what is not there."""
    return Refused(
        "2500",
        "Invalid Reference Id",
        f"Invalid Reference Id : {what} element id {given} not found",
    )


def inactive_reference(what: str) -> Refused:
    """A reference to what was made inactive."""
    return Refused(
        "610",
        "Object Not Found",
        "Object Not Found : Something you're trying to use has been made inactive. Check the "
        f"fields with {what}.",
    )


def gone() -> Refused:
    """The object itself is not there (any more)."""
    return Refused(
        "610", "Object Not Found", "Object Not Found : Another user has deleted this transaction."
    )


def not_modelled(what: str) -> Refused:
    """Ours alone: QuickBooks may do it, this simulator does not."""
    return Refused("500", "Unsupported Operation", f"Operation {what} is not modelled")


def outgoing(value: Any) -> Any:
    """A body as JSON has it: amounts are numbers."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {name: outgoing(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [outgoing(part) for part in value]
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    return value


def gateway(status: int, code: str, message: str, detail: str, kind: str) -> Answer:
    """A fault of the gateway: the same words in lower case, next to members that are null."""
    said = f"message={message}; errorCode={int(code):06d}; statusCode={status}"
    error = {"message": said, "detail": detail, "code": code, "element": None}
    return Answer(
        status,
        {
            "warnings": None,
            "intuitObject": None,
            "fault": {"error": [error], "type": kind},
            "report": None,
            "queryResponse": None,
            "batchItemResponse": [],
            "attachableResponse": [],
            "syncErrorResponse": None,
            "requestId": None,
            "time": 0,
            "status": None,
            "cdcresponse": [],
        },
    )


def unauthenticated(detail: str = "Token expired") -> Answer:
    """No token, or one that is not good any more."""
    return gateway(401, "3200", "AuthenticationFailed", detail, "AUTHENTICATION")


def forbidden() -> Answer:
    """A token of another company, or of a disconnected one."""
    return gateway(403, "3100", "ApplicationAuthorizationFailed", "", "AUTHORIZATION")


_XML = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\
<IntuitResponse time="2026-11-21T00:00:00.000-08:00" xmlns="http://schema.intuit.com/finance/v3">\
<Fault type="SERVICE"><Error code="3001">\
<Message>message=ThrottleExceeded; errorCode=003001; statusCode={status}</Message>\
<Detail>The request limit was reached for the {what}.</Detail></Error></Fault></IntuitResponse>"""


def throttled(status: int = 429, *, xml: bool = True, what: str = "minute") -> Answer:
    """Too many; XML although JSON was asked for, and no Retry-After."""
    if xml:
        text = _XML.format(status=status, what=what)
        return Answer(status, text.encode(), {"content-type": "application/xml"})
    detail = f"The request limit was reached for the {what}."
    return gateway(status, "3001", "ThrottleExceeded", detail, "SERVICE")


def internal(status: int = 500) -> Answer:
    """Something broke at Intuit."""
    refused = Refused(
        "10000",
        "An application error has occurred while processing your request",
        "System Failure Error: Could not complete the request",
        kind="SystemFault",
    )
    return Answer(status, {"Fault": refused.fault(), "time": "2026-11-21T00:00:00.000-08:00"})


def away() -> Answer:
    """Unavailable; comes from a proxy that knows no JSON."""
    body = b"<html><head><title>503 Service Temporarily Unavailable</title></head></html>"
    return Answer(503, body, {"content-type": "text/html"})


def stale() -> Refused:
    """The sync token is not the current one."""
    return Refused(
        "5010",
        "Stale Object Error",
        "Stale Object Error : You and Alex Example were working on this at the same time. Alex "
        "Example finished before you did, so your work was not saved.",
    )


def stop(answer: Answer) -> Refusal:
    """An answer, to be raised."""
    return Refusal(answer.status, answer.body, answer.headers)
