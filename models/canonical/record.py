"""What all canonical records have in common, and the types of objects we know.

A record speaks its owner's language: `id` and every reference in it are the owner's ids. The
host product's records refer to each other by the product's ids, a ledger's by the ledger's.
`sync.references` translates between them.
"""

import hashlib
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, StringConstraints


class ObjectType(StrEnum):
    """The business objects that are kept in step; the value names them everywhere."""

    CONTACT = "contact"
    ITEM = "item"
    TAX_RATE = "tax_rate"
    LEDGER_ACCOUNT = "ledger_account"
    INVOICE = "invoice"
    BILL = "bill"
    CREDIT_NOTE = "credit_note"
    PAYMENT = "payment"
    JOURNAL_ENTRY = "journal_entry"

    @property
    def plural_words(self) -> str:
        """As people read several: `credit notes`."""
        return self.plural.replace("_", " ")

    @property
    def plural(self) -> str:
        """The name of many: `journal_entries`, `tax_rates`."""
        return f"{self.value[:-1]}ies" if self.value.endswith("y") else f"{self.value}s"

    @property
    def words(self) -> str:
        """The name as people read it: `journal entry`."""
        return self.value.replace("_", " ")

    @classmethod
    def named(cls, name: str) -> "ObjectType":
        """Find a type by its singular or plural name, with `-` or `_`.

        Raises:
            ValueError: No type has that name; the message lists those that exist.
        """
        wanted = name.strip().lower().replace("-", "_")
        for kind in cls:
            if wanted in {kind.value, kind.plural}:
                return kind
        known = ", ".join(kind.plural for kind in cls)
        raise ValueError(f"{name!r} is no type of object; known are {known}")


# PostgreSQL stores every character but NUL.
STORABLE = r"^[^\x00]*$"
RecordId = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=STORABLE)]
ShortText = Annotated[str, StringConstraints(max_length=255, pattern=STORABLE)]
LongText = Annotated[str, StringConstraints(max_length=10_000, pattern=STORABLE)]


class Value(BaseModel):
    """A frozen value without identity, part of a record."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CanonicalRecord(Value):
    """One business object, independent of any provider."""

    # What the ledger computes (balances, paid states) is no content: a payment must not look
    # like an edit of the invoice it pays.
    derived: ClassVar[frozenset[str]] = frozenset()

    id: RecordId
    """The owner's id of the object; opaque."""

    def content_hash(self) -> str:
        """A digest of what the owner states, equal for equal content however it was written.

        Absent and empty fields count the same, so that a new optional field changes no digest.
        """
        content = self.model_dump_json(
            exclude=set(self.derived), exclude_defaults=True, exclude_none=True
        )
        return hashlib.sha256(content.encode()).hexdigest()
