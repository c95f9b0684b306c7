"""Movements of the books on their way into Tryton: what payments and journal entries share.

A movement is made as a draft and then posted. Its description begins with our marker; once it is
posted, Tryton lets nobody change that.
"""

import contextlib
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Sequence

from connectors.base import (
    Absent,
    Accepted,
    Failed,
    FindResult,
    Found,
    Operation,
    PushItem,
    PushResult,
    Unclear,
)
from connectors.errors import (
    Cause,
    Conflict,
    ConnectorError,
    OutcomeUnknown,
    Rejected,
    Unsupported,
)
from connectors.tryton import mapping
from connectors.tryton.batch import Work, in_one_call, together, unsettled
from connectors.tryton.books import Books
from connectors.tryton.client import Client
from connectors.tryton.posting import Link
from connectors.tryton.values import known_ids, one_line, tryton_id
from connectors.tryton.wire import Domain, Move, Values
from models.canonical import ObjectType

MODEL = "account.move"


MoveWork = Work[Move]
"""One payment or entry of a batch."""


def described(marker: str, *texts: str | None) -> str:
    """A description with our marker in front, where a look-up finds it."""
    return " ".join([marker, *filter(None, map(one_line, texts))])


class Moves(ABC):
    """Batches of movements for one connection."""

    def __init__(self, client: Client, books: Books, link: Link) -> None:
        self.client = client
        self.books = books
        self.link = link

    @abstractmethod
    def values_of(self, batch: Sequence[MoveWork]) -> dict[MoveWork, Values]:
        """What to write for each; those that cannot be expressed fail."""

    @abstractmethod
    def check(self, batch: Sequence[MoveWork]) -> None:
        """Fail those that Tryton would refuse for a cause that we can name."""

    @abstractmethod
    def is_same(self, work: MoveWork) -> bool:
        """Whether a posted movement says what the record says."""

    @abstractmethod
    def posted(self, batch: Sequence[MoveWork]) -> None:
        """Go on after movements were posted; they were not read again."""

    @abstractmethod
    def finish(self, batch: Sequence[MoveWork]) -> None:
        """Complete posted movements, of which it was just read where they stand."""

    @abstractmethod
    def judged(self, items: Sequence[tuple[PushItem, Move]]) -> list[Found]:
        """What a look-up says of posted movements."""

    @abstractmethod
    def unlink(self, batch: Sequence[MoveWork]) -> None:
        """Undo what hangs on drafts before they are deleted."""

    def push(self, items: Sequence[PushItem]) -> list[PushResult]:
        """Take each record one step further."""
        batch = [MoveWork(item) for item in items]
        for work in batch:
            if work.item.operation is Operation.VOID:
                kind = ObjectType(work.item.record.type).words
                work.fail(Unsupported(f"Tryton does not void a {kind}: enter one against it"))
        known = [work for work in unsettled(batch) if work.item.platform_id]
        together(known, self.read)
        for work in unsettled(known):
            if work.row is None and work.item.progress is None:
                work.fail(_deleted(work))
        drafts = [work for work in unsettled(known) if work.row and work.row.state == "draft"]
        together([work for work in drafts if work.changed_since_draft], self._rewrite)
        together(unsettled(drafts), self._post)
        booked = [work for work in unsettled(known) if work.row and work.row.state != "draft"]
        for work in booked:
            if work.changed_since_draft and not self.is_same(work):
                work.fail(_frozen(work))
        together(unsettled(booked), self.finish)
        together([work for work in unsettled(batch) if work.row is None], self._create)
        return [work.settled() for work in batch]

    def find(self, items: Sequence[PushItem]) -> list[FindResult]:
        """Look movements up by their ids and by the marker in the description, in one call."""
        ids = known_ids(items)
        rows = self._rows(["OR", ["id", "in", ids], *_marked(items)])
        there = by_marker(rows)
        by_id = {str(row.id): row for row in rows}
        results: dict[int, FindResult] = {}
        complete: dict[int, tuple[PushItem, Move]] = {}
        for position, item in enumerate(items):
            named = by_id.get(item.platform_id or "")
            found = {row.id: row for row in [*there[item.marker], *([named] if named else [])]}
            if not found:
                results[position] = Absent()
            elif len(found) > 1:
                said = _several(item, list(found.values()))
                results[position] = Unclear(said, self.link(MODEL, min(found)))
            else:
                (row,) = found.values()
                if row.state == "draft":
                    draft = Accepted(str(row.id), version=row.version)
                    results[position] = Found(draft, progress={"step": "created"})
                else:
                    complete[position] = (item, row)
        judged = self.judged(list(complete.values()))
        results |= dict(zip(complete, judged, strict=True))
        return [results[position] for position in range(len(items))]

    def read(self, batch: Sequence[MoveWork]) -> None:
        """Read where movements stand, in one call; those that are gone keep no row."""
        ids: dict[MoveWork, int] = {}
        for work in batch:
            try:
                ids[work] = tryton_id(work.item.platform_id or "", "movement")
            except Rejected as error:
                work.fail(error)
        if ids:
            rows = {row.id: row for row in self._rows(["id", "in", sorted(set(ids.values()))])}
            for work, move_id in ids.items():
                work.row = rows.get(move_id)

    def _rows(self, domain: Domain) -> list[Move]:
        ours = ["company", "=", self.client.company]
        rows = self.client.all(Move, MODEL, [ours, domain])
        return [row for row in rows if not row.cancels]

    def _create(self, batch: Sequence[MoveWork]) -> None:
        if not batch:
            return
        there = by_marker(self._rows(["OR", *_marked([work.item for work in batch])]))
        for work in batch:
            rows = there[work.item.marker]
            if len(rows) > 1:
                work.fail(Conflict(_several(work.item, rows), code="ambiguous"))
            elif rows:
                work.stepped("created", rows[0].id, as_sent=False)
        values = self.values_of(unsettled(batch))
        parts = in_one_call(
            list(values),
            lambda some: self.client.create(MODEL, [values[work] for work in some]),
            left_traces=lambda some: bool(
                self._rows(["OR", *_marked([work.item for work in some])])
            ),
        )
        refused: list[MoveWork] = []
        for part in parts:
            for position, work in enumerate(part.items):
                if part.answer is not None:
                    work.stepped("created", part.answer[position])
                elif isinstance(part.error, Rejected):
                    work.fail(part.error)
                    refused.append(work)
                else:
                    work.fail(part.error or OutcomeUnknown("no answer", code="bug"))
        self._say_why(refused)

    def _rewrite(self, batch: Sequence[MoveWork]) -> None:
        """Give drafts the content that was handed in since they were made."""
        if not batch:
            return
        self.unlink(batch)
        values = self.values_of(unsettled(batch))
        for work, changed in values.items():
            old = [line.id for line in work.there.lines]
            changed["lines"] = [["delete", old], *changed["lines"]]
        parts = in_one_call(
            list(values),
            lambda some: self.client.update(
                MODEL, [(work.there.id, values[work]) for work in some]
            ),
            # The same content may be written again.
            left_traces=lambda _: False,
        )
        for part in parts:
            for work in part.items:
                if part.error is None:
                    work.stepped("created", work.there.id)
                else:
                    work.fail(part.error)

    def _post(self, batch: Sequence[MoveWork]) -> None:
        if not batch:
            return
        parts = in_one_call(
            batch,
            lambda some: self.client.press(MODEL, "post", [work.there.id for work in some]),
            left_traces=self._any_posted,
        )
        done: list[MoveWork] = []
        refused: dict[MoveWork, Rejected] = {}
        for part in parts:
            for work in part.items:
                if part.error is None:
                    done.append(work)
                elif isinstance(part.error, Rejected):
                    refused[work] = part.error
                else:
                    work.fail(part.error)
        if refused:
            # Somebody else may have posted it in the meantime: then it is not refused at all.
            self.read(list(refused))
        for work, why in refused.items():
            if work.row is not None and work.row.state != "draft":
                done.append(work)
            else:
                work.fail(why)
        self.posted(done)
        # First taken back: a draft that is still assigned would be in its own way.
        self._say_why(self._withdraw([work for work in refused if work.row and work.result]))

    def _any_posted(self, batch: Sequence[MoveWork]) -> bool:
        rows = self._rows(["id", "in", [work.there.id for work in batch]])
        return any(row.state != "draft" for row in rows)

    def _say_why(self, refused: Sequence[MoveWork]) -> None:
        """Put a cause that we can name in place of Tryton's sentence, where there is one."""
        if not refused:
            return
        self.books.forget_periods()
        said = {work: work.result for work in refused}
        for work in refused:
            work.result = None
        # When nothing more can be found out now, Tryton's sentence has to do.
        with contextlib.suppress(ConnectorError):
            self.check(refused)
        for work in refused:
            named = work.result
            work.result = said[work]
            if isinstance(named, Failed):
                named.error.withdrawn = work.error.withdrawn
                work.result = named

    def _withdraw(self, batch: Sequence[MoveWork]) -> list[MoveWork]:
        """Delete drafts that Tryton does not post, so that nothing half-done stays.

        Returns:
            Those that are gone.
        """
        if not batch:
            return []
        failed = {work: work.result for work in batch}
        for work in batch:
            work.result = None
        self.unlink(batch)
        parts = in_one_call(
            unsettled(batch),
            lambda some: self.client.press(MODEL, "delete", [work.there.id for work in some]),
            left_traces=lambda _: True,
        )
        gone = {work for part in parts if part.error is None for work in part.items}
        for work, result in failed.items():
            work.result = result
            work.error.withdrawn = work in gone
            if work not in gone:
                work.stays(f"its draft stays in Tryton: {work.there.id}")
        return list(gone)


def _marked(items: Iterable[PushItem]) -> Domain:
    return [["description", "like", f"{item.marker}%"] for item in items]


def by_marker(rows: Iterable[Move]) -> defaultdict[str | None, list[Move]]:
    """Movements by the marker in their description."""
    found: defaultdict[str | None, list[Move]] = defaultdict(list)
    for row in rows:
        found[mapping.marker_in(row.description)].append(row)
    return found


def _several(item: PushItem, rows: Sequence[Move]) -> str:
    names = ", ".join(row.number or f"draft {row.id}" for row in rows)
    return f"Tryton has {len(rows)} movements with our mark {item.marker}: {names}"


def _deleted(work: MoveWork) -> Rejected:
    name = f"{ObjectType(work.item.record.type).words} {work.item.record.id}"
    return Conflict(
        f"the {name} is not in Tryton any more",
        code="deleted",
        cause=Cause("deleted_in_ledger", name, {"document": name}),
    )


def _frozen(work: MoveWork) -> Rejected:
    kind = ObjectType(work.item.record.type)
    return Rejected(
        f"Tryton does not allow changes to a {kind.words} that is posted: {work.there.number}",
        code="frozen",
        cause=Cause("frozen_in_ledger", kind.value, {"type": kind.words}),
    )
