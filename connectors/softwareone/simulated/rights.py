"""The calls there are, by name, and which kinds of account may make them.

The matrix is the platform's ("Billing API" page of its developer documentation, versions of
2026-03-30 and 2026-05-07, read 2026-11-20), as are the paths (its OpenAPI document "4.0.2162").
Operations that are known from elsewhere only, such as a statement's `queue`, are people's here:
the simulator's own methods.
"""

import re

from connectors.softwareone.simulated.schemas import CLIENT, OPERATIONS, VENDOR

_PATH = re.compile(
    r"(?:/public)?/v1/billing/(?P<kind>[a-z-]+)"
    r"(?:/(?P<one>[^/]+)(?:/(?P<sub>[a-z-]+)(?:/(?P<child>[^/]+))?)?)?"
)
FILES = re.compile(r"/files/(?P<key>[^/]+)")
_CO = frozenset({CLIENT, OPERATIONS})
_VO = frozenset({VENDOR, OPERATIONS})
_V = frozenset({VENDOR})
_O = frozenset({OPERATIONS})


def _reads(kind: str, roles: frozenset[str]) -> dict[str, frozenset[str]]:
    return {f"list {kind}": roles, f"get {kind}": roles}


RIGHTS: dict[str, frozenset[str]] = {
    **_reads("credit-memos", _CO),
    **_reads("credit-memos/lines", _CO),
    **_reads("credit-memos/attachments", _CO),
    **_reads("custom-ledgers", _O),
    **_reads("custom-ledgers/charges", _O),
    **_reads("custom-ledgers/attachments", _O),
    **{f"{verb} custom-ledgers": _O for verb in ("create", "update", "delete", "upload", "accept")},
    **{f"{verb} custom-ledgers/attachments": _O for verb in ("create", "delete")},
    **_reads("invoices", _CO),
    **_reads("invoices/lines", _CO),
    **_reads("invoices/attachments", _CO),
    "update invoices": _CO,
    **_reads("journals", _VO),
    **_reads("journals/charges", _VO),
    **_reads("journals/attachments", _VO),
    "list journals/sellers": _VO,
    "update journals": _VO,
    **{f"{verb} journals": _V for verb in ("create", "delete", "upload", "submit")},
    **{f"{verb} journals": _O for verb in ("regenerate", "enquiry", "accept")},
    **{f"{verb} journals/attachments": _V for verb in ("create", "delete")},
    **_reads("ledgers", _O),
    **_reads("ledgers/charges", _O),
    **_reads("ledgers/attachments", _O),
    **{f"{verb} ledgers": _O for verb in ("update", "recalculate", "accept")},
    **_reads("manual-overrides", _O),
    **{f"{verb} manual-overrides": _O for verb in ("create", "update", "disable", "enable")},
    **_reads("statements", _CO),
    **_reads("statements/charges", _CO),
    **{f"{verb} statements": _O for verb in ("retry", "recalculate", "cancel")},
}
_OVERRIDES = frozenset({"manual-overrides", "overrides"})


def name_of(method: str, path: str) -> str:
    """What a call is: `list invoices`, `submit journals`, `download`; `other` if there is none."""
    if FILES.fullmatch(path):
        return "download" if method == "GET" else "other"
    match = _PATH.fullmatch(path)
    if match is None:
        return "other"
    kind, one, sub, child = match.group("kind", "one", "sub", "child")
    kind = "manual-overrides" if kind in _OVERRIDES else kind
    name = _named(method, kind, one=one, sub=sub, child=child)
    return name if name in RIGHTS else "other"


def _named(method: str, kind: str, *, one: str | None, sub: str | None, child: str | None) -> str:
    place = f"{kind}/{sub}" if sub else kind
    match method:
        case "GET":
            single = child is not None or (one is not None and sub is None)
            return f"{'get' if single else 'list'} {place}"
        case "POST" if one is None or sub == "attachments":
            return f"create {place}" if child is None else ""
        case "POST":
            return f"{sub} {kind}" if child is None else ""
        case "PUT" if one is not None and sub is None:
            return f"update {kind}"
        case "DELETE" if one is not None and (sub is None) == (child is None):
            return f"delete {place}"
    return ""


def other_methods(path: str) -> list[str]:
    """Methods that the path knows."""
    return [one for one in ("GET", "POST", "PUT", "DELETE") if name_of(one, path) != "other"]
