"""Texts as our records hold them, and errors in words: pure."""

from collections.abc import Sequence

from pydantic import ValidationError

SHORT = 255
LONG = 10_000


def in_words(error: Exception) -> str:
    """Why something could not be read, for people."""
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        return f"{where}: {first['msg']}" if where else str(first["msg"])
    return str(error)


def clean(text: str) -> str:
    """Without what the database cannot keep, and without blanks around it."""
    return text.replace("\x00", "").strip()


def short(text: str | None) -> str:
    """A text for a short field; cut where it is too long."""
    return clean(text or "")[:SHORT]


def joined(texts: Sequence[str]) -> str:
    """As many whole texts as fit into one field."""
    result = ""
    for text in filter(None, map(short, texts)):
        longer = f"{result}, {text}" if result else text
        if len(longer) > SHORT:
            break
        result = longer
    return result
