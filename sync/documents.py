"""Documents handed in by the host product: checked, stored, and queued for the ledger.

A document that contradicts itself is refused with the field and the reason; the others go in.
Handing in the same again changes nothing.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

import pydantic

from models.canonical import AnyRecord, ObjectType, contradictions, record_adapter
from models.repositories import Stored
from models.unit_of_work import UnitOfWork
from sync import connections
from sync.catalogue import CONNECTION_CODES
from sync.engine import Engine
from sync.errors import ConflictError
from sync.waiting import corrections_elsewhere

CHUNK = 500
LONGEST_LINE = 4 * 1024 * 1024


@dataclass(frozen=True)
class Refused:
    """One document that was not taken."""

    line: int
    what: str
    reason: str


@dataclass(frozen=True)
class Refusal:
    """Why a document is not taken for a billing entity."""

    code: str
    reason: str


Named = tuple[ObjectType, str]
"""A type and the product's id."""


@dataclass
class Imported:
    """What became of documents handed in together."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    repeated: list[tuple[int, int, str]] = field(default_factory=list)
    """Lines that say the same as an earlier one: (line, earlier line, what)."""
    refused: list[Refused] = field(default_factory=list)


class DocumentProblemError(Exception):
    """A document cannot be taken; the message names the field and the reason."""


def parse(text: str | bytes) -> AnyRecord:
    """Read one canonical document from JSON, with exact numbers.

    Raises:
        DocumentProblemError: It is no JSON, no document, or contradicts itself.
    """
    if len(text) > LONGEST_LINE:
        raise DocumentProblemError(f"it is longer than {LONGEST_LINE} characters")
    try:
        values = json.loads(text, parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise DocumentProblemError(f"it is not JSON: {error}") from None
    return read(values)


def read(values: object) -> AnyRecord:
    """Read one canonical document from JSON values whose fractions are decimals.

    Raises:
        DocumentProblemError: It is no document, or contradicts itself.
    """
    if not isinstance(values, dict):
        raise DocumentProblemError("it is not a JSON object")
    try:
        record = record_adapter.validate_python(values)
    except pydantic.ValidationError as error:
        raise DocumentProblemError(_in_words(values, error)) from None
    problems = contradictions(record)
    if problems:
        raise DocumentProblemError("; ".join(map(str, problems)))
    return record


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _in_words(values: dict[str, Any], error: pydantic.ValidationError) -> str:
    if "type" not in values:
        return f"type: it is missing; known are {', '.join(ObjectType)}"
    if values["type"] not in list(ObjectType):
        return f"type: {values['type']!r} is not known; known are {', '.join(ObjectType)}"
    problems = []
    for problem in error.errors(include_url=False, include_input=False)[:5]:
        path = [str(part) for part in problem["loc"] if part != values["type"]]
        message = problem["msg"].removeprefix("Value error, ")
        problems.append(f"{'.'.join(path) or 'document'}: {message}")
    return "; ".join(problems)


def import_lines(
    engine: Engine, billing_entity_id: UUID, lines: Iterable[str | bytes]
) -> Iterator[Imported]:
    """Take documents, one JSON object a line; yields the figures so far after each chunk.

    A bad line is reported with its number and reason; the others go in. Blank lines are ignored.
    """
    result = Imported()
    first_seen: dict[tuple[str, str], tuple[int, str]] = {}
    chunk: list[tuple[int, AnyRecord]] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = parse(line)
        except DocumentProblemError as problem:
            result.refused.append(Refused(number, _guess(line), str(problem)))
            continue
        key = (record.type.value, record.id)
        content = record.content_hash()
        earlier, earlier_content = first_seen.setdefault(key, (number, content))
        if earlier != number:
            what = f"{record.type.words} {record.id}"
            if content == earlier_content:
                result.repeated.append((number, earlier, what))
            else:
                reason = f"line {earlier} has the same id with other content"
                result.refused.append(Refused(number, what, reason))
            continue
        chunk.append((number, record))
        if len(chunk) == CHUNK:
            _store(engine, billing_entity_id, chunk, result)
            chunk = []
            yield result
    if chunk:
        _store(engine, billing_entity_id, chunk, result)
    yield result


def _guess(line: str | bytes) -> str:
    """The type and id of a line that was refused, where they can be read."""
    try:
        values = json.loads(line)
        return f"{values['type']} {values['id']}"
    except (ValueError, KeyError, TypeError, RecursionError):
        return "document"


def _store(
    engine: Engine,
    billing_entity_id: UUID,
    chunk: Sequence[tuple[int, AnyRecord]],
    result: Imported,
) -> None:
    with engine.begin() as work:
        records = [record for _, record in chunk]
        stored, refusals = store_allowed(work, engine, billing_entity_id, records)
    for number, record in chunk:
        refusal = refusals.get((record.type, record.id))
        if refusal is not None:
            what = f"{record.type.words} {record.id}"
            result.refused.append(Refused(number, what, refusal.reason))
    created = sum(one.created for one in stored)
    result.created += created
    result.changed += len(stored) - created
    result.unchanged += len(records) - len(refusals) - len(stored)


def store(
    work: UnitOfWork, engine: Engine, billing_entity_id: UUID, records: Sequence[AnyRecord]
) -> tuple[int, int]:
    """Store the host product's records and queue what is new or changed; (created, changed)."""
    stored = store_each(work, engine, billing_entity_id, records)
    created = sum(one.created for one in stored)
    return created, len(stored) - created


def store_each(
    work: UnitOfWork, engine: Engine, billing_entity_id: UUID, records: Sequence[AnyRecord]
) -> list[Stored]:
    """Like `store`; gives those that are new or changed.

    Raises:
        ConflictError: One of them belongs to another billing entity; the transaction must end.
    """
    stored, refusals = store_allowed(work, engine, billing_entity_id, records)
    for (kind, name), refusal in refusals.items():
        raise ConflictError(refusal.code, f"{kind.words} {name}: {refusal.reason}")
    return stored


def store_allowed(
    work: UnitOfWork, engine: Engine, billing_entity_id: UUID, records: Sequence[AnyRecord]
) -> tuple[list[Stored], dict[Named, Refusal]]:
    """Like `store_each`, but what belongs to another billing entity is left out, with the reason.

    A document that was moved is known by its type and the product's id; the same id that another
    entity has always had is none of our business, since numbers repeat across entities.
    """
    refusals = {
        (ObjectType.CREDIT_NOTE, note): Refusal("credit_note_entity_mismatch", reason)
        for note, reason in corrections_elsewhere(work, billing_entity_id, records).items()
    }
    allowed = [record for record in records if (record.type, record.id) not in refusals]
    stored = work.documents.upsert(billing_entity_id, None, allowed)
    # Asked afterwards: who moved it at the same moment has been waited for by now.
    moved = work.waiting.withdraw_moved([one.document_id for one in stored if one.created])
    for named, code in moved.items():
        reason = f"it was moved to billing entity {code}: hand it in there"
        refusals[named] = Refusal("moved_to_other_entity", reason)
    stored = [one for one in stored if (one.type, one.external_id) not in moved]
    queue_for_ledger(work, engine, billing_entity_id, stored)
    return stored, refusals


def queue_for_ledger(
    work: UnitOfWork, engine: Engine, billing_entity_id: UUID, stored: Sequence[Stored]
) -> None:
    """Queue documents that are new or have changed for their entity's ledger, if it has one."""
    ledger = work.connections.ledger_of(billing_entity_id) if stored else None
    if ledger is not None:
        work.queue.take(
            ledger.id,
            connections.pushed_types(engine.spec_of(ledger)),
            new=[one.document_id for one in stored if one.created],
            edited=[one.document_id for one in stored if not one.created],
            names=[f"{one.type.value} {one.external_id}" for one in stored],
            kept_open=sorted(CONNECTION_CODES),
        )
        if not ledger.by_others:
            work.after_commit(lambda: engine.hints.push(ledger.id))
