"""The plain ledger's objects to canonical records and back: pure."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from connectors.base import Accepted, BadRecord, PulledRecord, Totals
from connectors.memory.amounts import exact
from connectors.memory.wire import Stored, Summary
from models.canonical import RECORD_CLASSES, AnyRecord, BillingDocument, Line, ObjectType

# What the ledger makes of a document itself: no difference between its version and ours.
_LEDGERS_OWN = frozenset(
    {
        "id",
        "number",
        "reference",
        "status",
        "balance",
        "tax_breakdown",
        "line_total",
        "allowance_total",
        "charge_total",
        "net_total",
        "tax_total",
        "total",
        "payable_amount",
    }
)


def record_of(kind: ObjectType, content: Mapping[str, Any]) -> AnyRecord:
    """Read an object leniently: unknown fields and unknown words of ours pass.

    Raises:
        ValidationError: It cannot be read even so.
    """
    model = RECORD_CLASSES[kind]
    try:
        return model.model_validate(content, extra="ignore")
    except ValidationError as error:
        strange = [found["loc"] for found in error.errors() if found["type"] == "enum"]
        if not strange:
            raise
        return model.model_validate(_without(content, strange), extra="ignore")


def _without(content: Any, places: list[tuple[int | str, ...]]) -> Any:
    """The same without the values at some places; their defaults stand in for them."""
    here = {place[0] for place in places if len(place) == 1}

    def inner(key: int | str, part: Any) -> Any:
        deeper = [place[1:] for place in places if len(place) > 1 and place[0] == key]
        return _without(part, deeper) if deeper else part

    if isinstance(content, Mapping):
        return {key: inner(key, part) for key, part in content.items() if key not in here}
    return [inner(key, part) for key, part in enumerate(content) if key not in here]


def pulled(kind: ObjectType, item: Mapping[str, Any], base_url: str) -> PulledRecord | BadRecord:
    """One object of a page, or why it cannot be read."""
    try:
        stored = Stored.model_validate(item)
        record = record_of(kind, {**stored.record, "id": stored.id})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        return BadRecord(str(item.get("id", "?")), f"{where}: {first['msg']}")
    return PulledRecord(
        platform_id=stored.id,
        record=record,
        marker=stored.marker,
        version=stored.version,
        url=url_of(kind, stored.id, base_url),
        deleted=stored.deleted,
    )


def accepted(
    kind: ObjectType,
    summary: Summary,
    base_url: str,
    *,
    notes: tuple[str, ...] = (),
    request_id: str | None = None,
) -> Accepted:
    """What the ledger says of an object that it has."""
    totals = summary.totals
    return Accepted(
        platform_id=summary.id,
        number=summary.number,
        totals=Totals(net=totals.net, tax=totals.tax, total=totals.total),
        version=summary.version,
        url=url_of(kind, summary.id, base_url),
        notes=notes,
        request_id=request_id,
    )


def url_of(kind: ObjectType, platform_id: str, base_url: str) -> str:
    """Where a person finds an object."""
    return f"{base_url.rstrip('/')}/{kind.plural}/{platform_id}"


def content_of(record: AnyRecord) -> dict[str, Any]:
    """What of a record the ledger keeps as it was sent."""
    return record.model_dump(mode="json", exclude=set(_LEDGERS_OWN), exclude_none=True)


def same_content(ours: AnyRecord, theirs: Mapping[str, Any]) -> bool:
    """Whether the ledger's object says what our record says."""
    try:
        record = record_of(ObjectType(ours.type), theirs)
    except ValidationError:
        return False
    return content_of(ours) == content_of(record)


def with_exact_lines(record: AnyRecord) -> tuple[AnyRecord, tuple[str, ...]]:
    """Replace lines whose price x quantity is not their net amount by 1 x net, and say so."""
    if not isinstance(record, BillingDocument):
        return record, ()
    lines: list[Line] = []
    notes: list[str] = []
    for position, line in enumerate(record.lines, start=1):
        if exact(line, record.currency):
            lines.append(line)
            continue
        plainly = {
            "quantity": Decimal(1),
            "unit_price": line.net_amount,
            "price_base_quantity": Decimal(1),
            "allowances_charges": (),
        }
        lines.append(line.model_copy(update=plainly))
        notes.append(f"Line {position} is booked as 1 × {line.net_amount}.")
    changed = record.model_copy(update={"lines": tuple(lines)})
    return changed, tuple(notes)
