"""A record as JSON, written once: what is stored of it, and all digests, are parts of that text.

Writing costs as much as reading a record from a provider did, so that no page of a pull does it
more than once for each record.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic_core import from_json, to_json

from models.canonical import AnyRecord


def digest(content: bytes) -> str:
    """A digest in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class Written:
    """A record and its JSON, without what is as it is by default."""

    record: AnyRecord

    @cached_property
    def text(self) -> bytes:
        """All of it."""
        return self.record.model_dump_json(exclude_defaults=True).encode()

    @cached_property
    def _values(self) -> dict[str, Any]:
        values: dict[str, Any] = from_json(self.text)
        return values

    @cached_property
    def body(self) -> dict[str, Any]:
        """What is stored: without what the ledger computes, which is in columns of its own."""
        return self._without(self.record.derived) | {"type": self.record.type.value}

    @cached_property
    def content_hash(self) -> str:
        """The same as the record's: no field that may be empty has another default."""
        return digest(to_json(self._without(self.record.derived)))

    def digest_without(self, names: Collection[str]) -> str:
        """A digest of all but some fields."""
        return digest(to_json(self._without(names)))

    def _without(self, names: Collection[str]) -> dict[str, Any]:
        return {name: value for name, value in self._values.items() if name not in names}
