"""Who we are at Qargo, from an answer whose shape nobody describes."""

from collections.abc import Mapping
from typing import Any

import httpx

from connectors.base import Identity

_TENANTS = ("tenant", "organisation", "organization", "company")


def identity(me: Mapping[str, Any], *, base_url: str, client_id: str) -> Identity:
    """Read whose account this is from `GET /me`.

    The public description says only that the answer is an object (read 2026-11-21). Taken are
    `tenant_id` and the like, or an object `tenant` and the like with an `id`; where there is
    neither, the API client stands for its tenant, for want of anything better.
    """
    for name in _TENANTS:
        inner = me.get(name)
        inside = inner if isinstance(inner, Mapping) else {}
        found = _text(me.get(f"{name}_id")) or _text(inside.get("id"))
        label = _text(me.get(f"{name}_name")) or _text(inside.get("name"))
        if not found and not inside:
            found = _text(inner)
        if found:
            return Identity(found, label or found)
    host = httpx.URL(base_url).host
    return Identity(f"{base_url.rstrip('/')}#{client_id}", f"Qargo ({host}, client {client_id})")


def _text(value: object) -> str:
    return str(value).strip() if isinstance(value, str | int) and value is not True else ""
