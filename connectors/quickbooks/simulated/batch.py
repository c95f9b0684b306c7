"""Batches: independent items in any order, each with its own result."""

from collections.abc import Callable

from connectors.quickbooks.simulated import answers
from connectors.quickbooks.simulated.answers import Json, Refused
from connectors.quickbooks.simulated.entities import ENTITIES
from connectors.quickbooks.simulated.values import objects

_LONGEST_ID = 10
"""Beside a request id, so that both together stay below 50 characters."""
Do = Callable[[Json], Json]
"""One item → its result, without `bId`."""


def read(body: object, most: int) -> list[Json]:
    """The items of a batch.

    Raises:
        Refused: It is none, has too many items, or ids that are missing or not unique.
    """
    if not isinstance(body, dict):
        raise answers.missing("BatchItemRequest")
    items = objects(body, "BatchItemRequest")
    if not items:
        raise answers.missing("BatchItemRequest")
    if len(items) > most:
        raise Refused(
            "1040",
            "Maximum number of batch items exceeded",
            f"The batch has {len(items)} items, {most} are allowed",
        )
    ids = [item.get("bId") for item in items]
    if not all(isinstance(one, str) and one for one in ids):
        raise answers.invalid("bId", ids)
    if len(set(ids)) < len(ids):
        raise answers.invalid("bId", "the same twice")
    return items


def run(items: list[Json], request_id: str, do: Do) -> list[Json]:
    """Do all items, last first: nobody may count on their order."""
    found = []
    for item in reversed(items):
        try:
            # Seen with a request id of 32 and item ids of 36 characters.
            if request_id and len(item["bId"]) > _LONGEST_ID:
                raise answers.business("Unexpected Internal Error. (-30000)")
            said = do(item)
        except Refused as refused:
            said = {"Fault": refused.fault()}
        found.append({**said, "bId": item["bId"]})
    return found


def object_in(item: Json) -> tuple[str, Json]:
    """The entity and the body of an item that writes.

    Raises:
        Refused: There is none, or several.
    """
    named = item.keys() - {"bId", "operation", "optionsData"}
    if len(named) != 1:
        raise answers.missing("BatchItemRequest entity")
    name = named.pop()
    if name not in ENTITIES:
        raise answers.not_modelled(f"{name} in a batch")
    body = item[name]
    if not isinstance(body, dict):
        raise answers.invalid(name, body)
    return name, body
