"""Where a plain ledger keeps its objects: entries, the feed of changes, and marks to search by.

An entry is replaced, never changed, so that a batch can be undone by going back to the entries
that were there before. Every change gets a moment of the ledger's clock that no other has; the
feed is ordered by it.
"""

import bisect
import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

from connectors.memory.entry import Entry
from connectors.memory.rules import Refused
from models.canonical import AnyRecord, ObjectType


@dataclass
class State:
    """Everything that a batch may change."""

    entries: dict[ObjectType, dict[str, Entry]] = field(
        default_factory=lambda: {kind: {} for kind in ObjectType}
    )
    numbers: dict[tuple[ObjectType, str, str], str] = field(default_factory=dict)
    """Who has a number: (type, number, supplier) → id."""
    sequences: dict[str, int] = field(default_factory=dict)

    def copy(self) -> "State":
        """The same, not affected by what comes."""
        entries = {kind: dict(some) for kind, some in self.entries.items()}
        return State(entries, dict(self.numbers), dict(self.sequences))


class Store:
    """All objects of a ledger, by id, by marker and by the time they changed."""

    def __init__(self, clock: Callable[[], dt.datetime]) -> None:
        self.state = State()
        self._clock = clock
        self._feed: dict[ObjectType, list[tuple[dt.datetime, str]]] = {
            kind: [] for kind in ObjectType
        }
        self._by_marker: dict[tuple[ObjectType, str], dict[str, None]] = {}
        self._last = dt.datetime.min.replace(tzinfo=dt.UTC)

    def all(self, kind: ObjectType) -> Iterator[Entry]:
        """Every object of a type that is not deleted, in the order they were made."""
        return (entry for entry in self.state.entries[kind].values() if not entry.deleted)

    def find(self, kind: ObjectType, entry_id: str) -> Entry | None:
        """One object, unless it is deleted."""
        entry = self.state.entries[kind].get(entry_id)
        return None if entry is None or entry.deleted else entry

    def get(self, kind: ObjectType, entry_id: str) -> Entry:
        """One object.

        Raises:
            Refused: There is none.
        """
        entry = self.find(kind, entry_id)
        if entry is None:
            message = f"there is no {kind.words} {entry_id}"
            raise Refused(f"unknown_{kind.value}", message, status=404, id=entry_id)
        return entry

    def marked(self, kind: ObjectType, marker: str) -> list[Entry]:
        """The objects of a type that carry a marker."""
        found = (self.find(kind, one) for one in self._by_marker.get((kind, marker), ()))
        return [entry for entry in found if entry is not None and entry.marker == marker]

    def changes(self, kind: ObjectType, after: dt.datetime | None) -> Iterator[Entry]:
        """What changed after a moment, oldest change first; deleted objects among it."""
        feed = self._feed[kind]
        start = 0 if after is None else bisect.bisect_right(feed, after, key=lambda at: at[0])
        for position in range(start, len(feed)):
            moment, entry_id = feed[position]
            entry = self.state.entries[kind].get(entry_id)
            # What was changed again since stands further down.
            if entry is not None and entry.changed_at == moment:
                yield entry

    @property
    def position(self) -> dt.datetime:
        """Where the feed is now: everything that comes later changes after it."""
        return self._last

    def put(self, entry: Entry) -> Entry:
        """Keep an entry, as of now."""
        now = self._tick()
        entry = replace(entry, changed_at=now, created_at=entry.created_at or now)
        self.state.entries[entry.kind][entry.id] = entry
        self._feed[entry.kind].append((now, entry.id))
        if entry.marker is not None:
            self._by_marker.setdefault((entry.kind, entry.marker), {})[entry.id] = None
        return entry

    def next_id(self, record: AnyRecord) -> str:
        """An id of the ledger's own; accounts and tax rates go by their code."""
        kind = ObjectType(record.type)
        code = getattr(record, "code", None)
        if kind in {ObjectType.LEDGER_ACCOUNT, ObjectType.TAX_RATE} and code:
            return str(code)
        return f"{kind.value.replace('_', '-')}-{self.count(f'id of {kind}'):06d}"

    def count(self, sequence: str) -> int:
        """The next number of a sequence."""
        self.state.sequences[sequence] = self.state.sequences.get(sequence, 0) + 1
        return self.state.sequences[sequence]

    def _tick(self) -> dt.datetime:
        self._last = max(self._clock(), self._last + timedelta(microseconds=1))
        return self._last
