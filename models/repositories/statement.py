"""How statements over many rows get their rows: as one JSON parameter."""

import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, TypeVar

from sqlalchemy import CursorResult, Row, text
from sqlalchemy.orm import Session

from models.canonical.money import plain


def many(rows: Sequence[dict[str, Any]]) -> str:
    """Encode rows for `jsonb_to_recordset(CAST(:rows AS jsonb))`."""
    return json.dumps(rows, default=_plain)


def _plain(value: object) -> object:
    if isinstance(value, timedelta):
        return value.total_seconds()
    return plain(value) if isinstance(value, Decimal) else str(value)


Value = TypeVar("Value")


def built(kind: Callable[..., Value], row: Row[Any], **otherwise: Any) -> Value:
    """A value of a dataclass from the columns named like its fields, but for what is given."""
    names = kind.__dataclass_fields__.keys() - otherwise  # type: ignore[attr-defined]  # a dataclass
    return kind(**{name: getattr(row, name) for name in names}, **otherwise)


class Repository:
    """Statements about one part of the data, inside one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def _execute(self, statement: str, **parameters: Any) -> CursorResult[Any]:
        result = self._session.execute(text(statement), parameters)
        assert isinstance(result, CursorResult)  # noqa: S101  # text() always gives one
        return result
