"""Pages of tax rates and ledger accounts, as the simulator cuts them."""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.faults import Answer, Request
from connectors.qargo.simulated import access, bodies
from connectors.qargo.simulated.access import Caller

_ARCHIVED = {"true": True, "false": False}


def page(
    request: Request,
    caller: Caller,
    rows: Sequence[dict[str, Any]],
    *,
    size: int,
) -> Answer:
    """A page of rows: `{items, next_cursor}`, where the last page's cursor is null.

    A cursor says by itself what it goes on with, so it is refused beside other parameters (the
    public API description says that they exclude each other; with 400 is ours).
    """
    bodies.only(request, "cursor", "archived", "billing_entity_code")
    access.must_be_enabled(caller)
    wanted, start = dict(request.query), 0
    if cursor := wanted.pop("cursor", None):
        if wanted:
            message = "a cursor cannot be used with other parameters"
            raise bodies.invalid("cursor_excludes", message, field="cursor", path="$.cursor")
        start, wanted = _position(cursor, request.path)
    found = [row for row in rows if _fits(row, caller, wanted)]
    more = start + size < len(found)
    goes_on = _cursor(request.path, start + size, wanted) if more else None
    return Answer(body={"items": found[start : start + size], "next_cursor": goes_on})


def _fits(row: dict[str, Any], caller: Caller, wanted: Mapping[str, str]) -> bool:
    if code := wanted.get("billing_entity_code"):
        entity = access.named(caller, code, "$.billing_entity_code")
        if row["billing_entity"]["id"] != entity.id:
            return False
    if (archived := wanted.get("archived")) is None:
        return True
    if archived not in _ARCHIVED:
        raise bodies.unprocessable((("query", "archived"), "true or false", "bool_parsing"))
    return bool(row["archived"] == _ARCHIVED[archived])


def _cursor(path: str, start: int, wanted: Mapping[str, str]) -> str:
    said = json.dumps({"path": path, "start": start, "wanted": dict(wanted)})
    return base64.urlsafe_b64encode(said.encode()).decode()


def _position(cursor: str, path: str) -> tuple[int, dict[str, str]]:
    try:
        said = json.loads(base64.urlsafe_b64decode(cursor))
        if said["path"] == path:
            return int(said["start"]), dict(said["wanted"])
    except (ValueError, KeyError, TypeError):
        pass
    message = "the cursor is not one of this list"
    raise bodies.invalid("bad_cursor", message, field="cursor", path="$.cursor")
