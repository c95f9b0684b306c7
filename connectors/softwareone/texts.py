"""Texts as our records hold them, and errors in words: pure."""

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


def clean(text: str | None) -> str:
    """Without what the database cannot keep, and without blanks around it."""
    return (text or "").replace("\x00", "").strip()


def short(text: str | None) -> str | None:
    """A text for a short field, cut where it is too long; None for none."""
    return clean(text)[:SHORT] or None


def sentences(*pairs: tuple[str, str | None]) -> str | None:
    """`Vendor Microsoft. Agreement AGR-1.`, as far as there is something to say."""
    said = [f"{name} {clean(text)}." for name, text in pairs if clean(text)]
    return " ".join(said)[:LONG] or None
