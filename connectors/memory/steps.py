"""Which call brings a record one step further, and what it says: pure.

A two-step ledger answers a create with a draft. What the draft holds is part of the progress,
so that a draft whose document was edited meanwhile is changed before it is posted.
"""

from enum import StrEnum
from typing import Any

from connectors.base import Operation, PushItem
from connectors.errors import ProtocolError
from connectors.memory.mapping import same_content
from connectors.memory.wire import Stored, Summary

Wire = dict[str, Any]


class Step(StrEnum):
    """The steps that write."""

    CREATE = "create"
    POST = "post"  # the draft is what is to be posted
    REVISE = "revise"  # it is not: it is changed first
    UPDATE = "update"
    VOID = "void"
    WITHDRAW = "withdraw"  # a draft that cannot be posted is taken back


def step_of(item: PushItem) -> Step:
    """What is to be done next for a record."""
    if item.operation is Operation.VOID:
        return Step.VOID
    if item.progress is not None:
        drafted = item.progress.get("drafted")
        return Step.POST if drafted == item.record.content_hash() else Step.REVISE
    return Step.CREATE if item.operation is Operation.CREATE else Step.UPDATE


def wire_of(step: Step, item: PushItem) -> Wire:
    """The item of a batch that asks for a step."""
    record = item.record.model_dump(mode="json", exclude_none=True)
    if step is Step.CREATE:
        return {"key": item.key, "marker": item.marker, "record": record}
    wire: Wire = {"key": item.key, "id": id_of(item)}
    if step in {Step.UPDATE, Step.VOID} and item.version is not None:
        wire["version"] = item.version
    if step in {Step.UPDATE, Step.REVISE}:
        wire["record"] = record
    return wire


def id_of(item: PushItem) -> str:
    """The ledger's id of what an item is about.

    Raises:
        ProtocolError: It has none; only a create can do without.
    """
    known = item.platform_id or (item.progress or {}).get("id")
    if not known:
        raise ProtocolError(f"nothing can {item.operation} an object without its id", code="no_id")
    return str(known)


def unfinished(summary: Summary, item: PushItem) -> bool:
    """Whether the ledger has only a draft of what is no draft."""
    return summary.draft and getattr(item.record, "status", "open") != "draft"


def progress_after(summary: Summary, item: PushItem) -> dict[str, Any]:
    """What to remember of a draft that was just written with an item's record."""
    return {"id": summary.id, "drafted": item.record.content_hash()}


def progress_found(stored: Stored, item: PushItem) -> dict[str, Any]:
    """What to remember of a draft that was found: whether it is what is to be posted."""
    number = getattr(item.record, "number", None)
    same = same_content(item.record, stored.record) and stored.record.get("number") == number
    return {"id": stored.id, "drafted": item.record.content_hash() if same else ""}
