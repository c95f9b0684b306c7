"""The platform's books: records by id, their rows and files, accounts, and what is under way.

A record's body is the JSON that somebody who may see everything would get; `shapes` cuts it down
to what a role sees. Who owns a record stands in the body itself (`client.id`, `vendor.id`).
"""

import copy
import datetime as dt
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.softwareone.simulated.answers import told

Json = dict[str, Any]
Ref = dict[str, Any]

PREFIXES = {
    "invoices": "INV",
    "credit-memos": "CRD",
    "journals": "BJO",
    "ledgers": "BLE",
    "custom-ledgers": "CLE",
    "statements": "SOM",
    "manual-overrides": "BOV",
}
ATTACHMENT_PREFIXES = {
    "invoices": "INA",
    "credit-memos": "CRA",
    "journals": "JOA",
    "ledgers": "LEA",
    "custom-ledgers": "CLA",
    "statements": "STA",
}


@dataclass
class File:
    """A file kept with a record; its content goes when it is deleted."""

    body: Json
    content: bytes


@dataclass
class Record:
    """A record with the rows and files that belong to it."""

    kind: str
    body: Json
    charges: Sequence[Json] = ()
    files: dict[str, File] = field(default_factory=dict)
    uploaded: tuple[str, bytes] | None = None
    """The charge file that waits to be read: content type and content."""

    @property
    def id(self) -> str:
        """Its id."""
        return str(self.body["id"])

    @property
    def status(self) -> str:
        """Its status."""
        return str(self.body["status"])

    @property
    def deleted(self) -> bool:
        """Whether it is gone for the API."""
        return self.body.get("status") == "Deleted"

    def owned_by(self, role: str, account: str) -> bool:
        """Whether an account of a role sees it."""
        if role == "operations":
            return True
        return bool((self.body.get(role) or {}).get("id") == account)


@dataclass(frozen=True)
class Step:
    """Something that the platform does by itself a while later."""

    due: dt.datetime
    take: Callable[[], None]


class Books:
    """Everything on the platform."""

    def __init__(self, seed: int, clock: Callable[[], dt.datetime]) -> None:
        # Only ids and tokens of make-believe come from it; equal seeds make equal ones.
        self.chance = random.Random(f"softwareone/{seed}")  # noqa: S311  # nothing to protect
        self.now = clock
        self.records: dict[str, Record] = {}
        self.steps: list[Step] = []
        self.used: set[str] = set()
        self.numbers: dict[str, int] = {}

    def new_id(self, prefix: str, groups: int = 2) -> str:
        """An id that nothing else has: `INV-1234-5678`."""
        while True:
            digits = "-".join(f"{self.chance.randrange(10_000):04d}" for _ in range(groups))
            if (found := f"{prefix}-{digits}") not in self.used:
                self.used.add(found)
                return found

    def next_number(self, what: str) -> int:
        """1, 2, 3 ..."""
        self.numbers[what] = self.numbers.get(what, 0) + 1
        return self.numbers[what]

    def stamp(self, by: Ref) -> Json:
        """Who did something now."""
        return {"at": told(self.now()), "by": {"id": by["id"], "name": by["name"]}}

    def add(self, kind: str, body: Json, by: Ref, *, groups: int = 2) -> Record:
        """Keep a new record; gives it an id, unless it has one, a revision and its audit."""
        body.setdefault("id", self.new_id(PREFIXES[kind], groups))
        stamp = self.stamp(by)
        body |= {"revision": 1, "audit": {"created": stamp, "updated": stamp}}
        if "status" in body:
            body["audit"][str(body["status"]).lower()] = stamp
        record = Record(kind, body)
        self.records[record.id] = record
        return record

    def touch(self, record: Record, by: Ref, **changes: Any) -> None:
        """Change members of a record; its revision grows."""
        self.touch_body(record.body, by, **changes)

    def touch_body(self, body: Json, by: Ref, **changes: Any) -> None:
        """The same for anything with an audit."""
        stamp = self.stamp(by)
        body |= changes
        body["revision"] += 1
        body["audit"] = {**body["audit"], "updated": stamp}
        if "status" in changes:
            body["audit"][str(changes["status"]).lower()] = stamp

    def of_kind(self, kind: str) -> Iterator[Record]:
        """All records of a kind, oldest first."""
        return (record for record in list(self.records.values()) if record.kind == kind)

    def later(self, time: dt.timedelta, take: Callable[[], None]) -> None:
        """Let something happen after a while."""
        self.steps.append(Step(self.now() + time, take))

    def take_due(self) -> None:
        """Let happen what is due, and what follows from it if that is due as well."""
        while due := [step for step in self.steps if step.due <= self.now()]:
            self._take(due)

    def take_all(self) -> None:
        """Let everything happen that is under way, whenever it is due."""
        while self.steps:
            self._take(list(self.steps))

    def _take(self, steps: list[Step]) -> None:
        for step in sorted(steps, key=lambda one: one.due):
            self.steps.remove(step)
            step.take()


def ref(body: Json) -> Ref:
    """`{id, name}` of a record."""
    name = body.get("name") or body.get("documentNo") or body["id"]
    return {"id": body["id"], "name": name}


def snapshot(body: Json) -> Json:
    """A copy that does not change any more."""
    return copy.deepcopy(body)
