"""The few pages for people: plain HTML without a script, and the headers that keep them safe.

Their URLs are keys: they must not be kept by caches nor told to other sites.
"""

import base64
import hashlib
from collections.abc import Mapping
from html import escape
from typing import get_args

from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem;"
    "color:#1b1b1b;background:#fff}h1{font-size:1.5rem}label{display:block;margin-top:1rem}"
    "input{font:inherit;width:100%;padding:.4rem;box-sizing:border-box}"
    "button{font:inherit;margin-top:1.5rem;padding:.5rem 1.25rem}"
    "[role=alert]{border-left:4px solid #b00020;padding-left:.75rem}small{color:#555}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

ADDRESS = "base_url"
"""The form's field for the ledger's address; credentials are under `credentials.`."""
PREFIX = "credentials."


def page(title: str, *paragraphs: str, status: int = 200) -> HTMLResponse:
    """A page that only says something."""
    return _document(title, "".join(f"<p>{escape(text)}</p>" for text in paragraphs), status)


def redirect(url: str) -> RedirectResponse:
    """Send the browser elsewhere, without telling where it comes from."""
    return RedirectResponse(url, 303, HEADERS)


def credentials_form(
    ledger: str,
    model: type[BaseModel],
    *,
    token: str,
    address_wanted: bool,
    given: Mapping[str, str] | None = None,
    problem: str | None = None,
) -> HTMLResponse:
    """A form for the fields of a credentials model; secrets are never shown again."""
    given = given or {}
    parts = [f"<p>Give the credentials with which we may work in {escape(ledger)}.</p>"]
    if problem is not None:
        parts.append(f'<p role="alert">{escape(problem)}</p>')
    parts += [
        '<form method="post" autocomplete="off">',
        f'<input type="hidden" name="token" value="{escape(token)}">',
    ]
    if address_wanted:
        parts.append(_input(ADDRESS, "Address", "url", given, hint="https://…"))
    for name, field in model.model_fields.items():
        key = PREFIX + name
        label = field.title or name.replace("_", " ").capitalize()
        required, hint = field.is_required(), field.description or ""
        parts.append(_input(key, label, _kind(field), given, required=required, hint=hint))
    parts.append('<button type="submit">Connect</button></form>')
    status = 200 if problem is None else 400
    return _document(f"Connect {ledger}", "".join(parts), status)


def _kind(field: FieldInfo) -> str:
    kinds = {field.annotation, *get_args(field.annotation)}
    return "password" if SecretStr in kinds else "text"


def _input(
    name: str,
    label: str,
    kind: str,
    given: Mapping[str, str],
    *,
    required: bool = True,
    hint: str = "",
) -> str:
    value = "" if kind == "password" else escape(given.get(name, ""))
    known = escape(name)
    note = f'<small id="{known}-hint">{escape(hint)}</small>' if hint else ""
    described = f' aria-describedby="{known}-hint"' if hint else ""
    needed = " required" if required else ""
    optional = "" if required else " (optional)"
    return (
        f'<label for="{known}">{escape(label)}{optional}</label>'
        f'<input id="{known}" name="{known}" type="{kind}" value="{value}" '
        f'autocomplete="off" spellcheck="false"{needed}{described}>{note}'
    )


def _document(title: str, body: str, status: int) -> HTMLResponse:
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>"
    )
    return HTMLResponse(html, status, HEADERS)
