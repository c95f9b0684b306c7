"""What a client gets that does not ask for JSON."""

from typing import Any
from xml.sax.saxutils import escape

_SINGULAR = {"Addresses": "Address", "Currencies": "Currency", "Phones": "Phone"}


def written(body: Any) -> bytes:
    """An answer of the accounting API as XML."""
    root = "ApiException" if isinstance(body, dict) and "ErrorNumber" in body else "Response"
    return f'<?xml version="1.0" encoding="utf-8"?>{_element(root, body)}'.encode()


def _element(name: str, value: Any) -> str:
    return f"<{name}>{_content(name, value)}</{name}>"


def _content(name: str, value: Any) -> str:
    match value:
        case dict():
            return "".join(_element(part, one) for part, one in value.items())
        case list():
            each = _SINGULAR.get(name, name.removesuffix("s"))
            return "".join(_element(each, one) for one in value)
        case bool():
            return "true" if value else "false"
        case None:
            return ""
    return escape(str(value))
