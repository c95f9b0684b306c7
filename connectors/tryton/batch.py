"""Writing many records in one transaction, although one of them may be bad.

Tryton's calls take lists and are all or nothing. When a call is refused, its records are tried
again in two halves until the bad ones stand alone; a refusal proves that nothing was written, so
nothing can arrive twice. Every other error ends the batch: what was under way is unclear, what
was not begun is not sent.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from connectors.base import Failed, Operation, Progressed, PushItem, PushResult
from connectors.errors import (
    ConnectorError,
    MappingMissing,
    OutcomeUnknown,
    Rejected,
    Transient,
    Unsupported,
)
from connectors.tryton.errors import ServerFailed

_Row = TypeVar("_Row")
_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")


UNKNOWN = "unknown"
"""In place of a content's digest: what is there has to be compared, or written again."""


@dataclass(eq=False)
class Work(Generic[_Row]):
    """One record of a batch, where it stands in Tryton, and what has become of it so far."""

    item: PushItem
    row: _Row | None = None
    notes: list[str] = field(default_factory=list)
    result: PushResult | None = None

    @property
    def there(self) -> _Row:
        """What Tryton has, once it was read."""
        assert self.row is not None  # noqa: S101  # only asked for after a look
        return self.row

    @property
    def changed_since_draft(self) -> bool:
        """Whether what is in Tryton is about an earlier content, or nobody knows."""
        content = (self.item.progress or {}).get("content")
        if content is None:
            return self.item.operation is Operation.UPDATE
        return bool(content != self.item.record.content_hash())

    def stepped(self, step: str, platform_id: int, *, as_sent: bool = True) -> None:
        """Settle this step; what is there was made of what was sent now, or of nobody knows."""
        content = self.item.record.content_hash() if as_sent else UNKNOWN
        self.result = Progressed({"step": step, "content": content}, str(platform_id))

    def fail(self, error: ConnectorError) -> None:
        """Settle it with an error."""
        self.result = Failed(error)

    def stays(self, what: str) -> None:
        """Add to the error of a failed record that something of it is still in Tryton."""
        error = self.error
        error.message = f"{error.message} ({what})"
        error.args = (error.message,)

    @property
    def error(self) -> ConnectorError:
        """Why it failed."""
        assert isinstance(self.result, Failed)  # noqa: S101  # only asked for after it failed
        return self.result.error

    def settled(self) -> PushResult:
        """What became of it."""
        return self.result or Failed(OutcomeUnknown("the push came to no end", code="bug"))


_Pending = TypeVar("_Pending", bound=Work[Any])


def unsettled(batch: Iterable[_Pending]) -> list[_Pending]:
    """Those of which nothing is known yet."""
    return [work for work in batch if work.result is None]


def together(batch: Sequence[_Pending], step: Callable[[Sequence[_Pending]], None]) -> None:
    """Do a step for a batch; an error of the whole step is that of all it has not settled."""
    if not batch:
        return
    try:
        step(batch)
    except ConnectorError as error:
        for work in unsettled(batch):
            work.fail(error)


def made_for(
    batch: Iterable[_Pending], make: Callable[[_Pending], _Answer]
) -> dict[_Pending, _Answer]:
    """Make something for each record; what is wrong with one does not stop the others.

    What is wrong with Tryton does: there is no sense in asking it once for every record.
    """
    made: dict[_Pending, _Answer] = {}
    for work in unsettled(batch):
        try:
            made[work] = make(work)
        except (Rejected, MappingMissing, Unsupported) as error:
            work.fail(error)
    return made


@dataclass(frozen=True)
class Part(Generic[_Item, _Answer]):
    """Some records of a batch that met the same fate."""

    items: Sequence[_Item]
    answer: _Answer | None = None
    error: ConnectorError | None = None


def in_one_call(
    items: Sequence[_Item],
    call: Callable[[Sequence[_Item]], _Answer],
    *,
    left_traces: Callable[[Sequence[_Item]], bool],
) -> list[Part[_Item, _Answer]]:
    """Make a call for many records, and for ever fewer where it is refused.

    Args:
        items: What to write.
        call: Writes some of them, all or none.
        left_traces: Looks whether a call for some of them, in which Tryton failed, did anything.
            Tryton's transaction has ended when it says that it failed, so looking is conclusive.

    Returns:
        Every record once: with the call's answer, or with an error. An `OutcomeUnknown` is the
        only one after which something may have been written.
    """
    waiting = [list(items)] if items else []
    parts: list[Part[_Item, _Answer]] = []
    stopped: ConnectorError | None = None
    while waiting:
        some = waiting.pop(0)
        if stopped is not None:
            parts.append(Part(some, error=_not_sent(stopped)))
            continue
        try:
            parts.append(Part(some, answer=call(some)))
        except ConnectorError as error:
            refused = _as_refusal(error, some, left_traces)
            if refused is None:
                stopped = error
                parts.append(Part(some, error=error))
            elif len(some) == 1:
                parts.append(Part(some, error=refused))
            else:
                middle = len(some) // 2
                waiting = [some[:middle], some[middle:], *waiting]
    return parts


def _as_refusal(
    error: ConnectorError,
    items: Sequence[_Item],
    left_traces: Callable[[Sequence[_Item]], bool],
) -> Rejected | None:
    """The error as a definite refusal, or None when it is none."""
    if isinstance(error, Rejected):
        return error
    if not isinstance(error, ServerFailed):
        return None
    try:
        unclear = left_traces(items)
    except ConnectorError:
        return None
    return None if unclear else Rejected(error.message, code=error.code)


def _not_sent(why: ConnectorError) -> ConnectorError:
    """Nothing of these left: whatever else is wrong, they may simply be sent later."""
    if isinstance(why, OutcomeUnknown):
        # `late` is what the engine knows as "not sent, for no fault of its own".
        return Transient(f"not sent, after an earlier call failed: {why.message}", code="late")
    return why
