"""The way in: tokens, realms, limits, parameters; and which requests a fault is armed for."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from connectors.faults import Request
from connectors.quickbooks.simulated import answers
from connectors.quickbooks.simulated.answers import Refused
from connectors.quickbooks.simulated.entities import ENTITIES
from connectors.quickbooks.simulated.identity import TOKEN
from connectors.quickbooks.simulated.rules import QuickBooksRules

_REALM = r"/v3/company/\d+"
_PARAMETERS: Mapping[str, frozenset[str]] = {
    "query": frozenset({"query"}),
    "cdc": frozenset({"entities", "changedSince"}),
    "batch": frozenset({"requestid"}),
    "read": frozenset(),
    "write": frozenset({"requestid", "operation", "include"}),
}
_LONGEST = {"write": 50, "batch": 36}


def matching(what: str) -> dict[str, Any]:
    """What `Faults.arm` is given for an entity, a kind of call or a path."""
    if what.startswith("/"):
        return {"path": f"{_REALM}{what}"}
    if what == "token":
        return {"method": "POST", "path": TOKEN}
    if what == "writes":
        # All POSTs but queries, and of batches those that write something.
        body = r'(?s)^(?!(?=.*"BatchItemRequest")(?!.*"operation")).'
        return {"method": "POST", "path": rf"{_REALM}/(?!query$)\w+", "body": body}
    if what == "reads":
        # Reads have no body; a batch that only asks names no operation.
        reads = rf"{_REALM}/(query|cdc|batch|preferences|\w+/[^/]+)"
        return {"path": reads, "body": r'(?s)^(?!.*"operation")'}
    if what in {"query", "cdc", "batch"}:
        return {"path": f"{_REALM}/{what}"}
    if what in ENTITIES:
        return {"method": "POST", "path": f"{_REALM}/{what.lower()}"}
    raise ValueError(f"there is nothing called {what} to arm")


def bearer(request: Request) -> str:
    """The token of a request."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else ""


def parameters(request: Request, kind: str, rules: QuickBooksRules) -> dict[str, str]:
    """The query string, with names that may be there and versions that are spoken.

    It is read as it was sent: a parameter in a body or a header is none.

    Raises:
        Refused: A parameter is not known, or says what is not supported.
    """
    _, _, sent = request.target.partition("?")
    found = dict(parse_qsl(sent, keep_blank_values=True))
    version = found.pop("minorversion", str(rules.minor_version))
    if not version.isdecimal():
        raise answers.invalid("minorversion", version)
    if int(version) < rules.minor_version and rules.refuses_old_minor_versions:
        raise Refused(
            "500",
            "Unsupported Operation",
            f"minorversion {version} is no longer supported: send {rules.minor_version}",
        )
    for name in found.keys() - _PARAMETERS[kind] - {"requestid"}:
        raise answers.not_modelled(f"parameter {name}")
    longest = _LONGEST.get(kind)
    if longest and len(found.get("requestid", "")) > longest:
        raise answers.too_long("requestid", len(found["requestid"]), longest)
    return found


def negotiate(request: Request) -> None:
    """JSON in and JSON out; queries may be text.

    Raises:
        Refused: XML is meant, which QuickBooks speaks as well and this simulator does not.
    """
    accepts = request.headers.get("accept", "*/*")
    if "application/json" not in accepts:
        raise answers.not_modelled("XML: send Accept: application/json, or")
    if request.method == "POST":
        kind = request.headers.get("content-type", "").partition(";")[0].strip()
        wanted = {"application/text", "text/plain"} if _asks(request) else {"application/json"}
        if kind not in wanted:
            raise answers.not_modelled(f"Content-Type {kind or 'none'} here")


def _asks(request: Request) -> bool:
    return re.fullmatch(rf"{_REALM}/query", request.path) is not None
