"""Charge files: what their lines hold, and what is wrong with that by itself.

Members and columns are those of the platform's charge file descriptions and of its official
client's examples (read 2026-11-20): names are compared without regard to case. Ours, because no
source decides: which members are needed (all that are not called optional), that others are a
mistake of the line, the wording of mistakes, and that a line that is no JSON object spoils the
file.
"""

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from connectors.softwareone.simulated.store import Json

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "Entry ID": ("externalIds", "vendor"),
    "Vendor Invoice Reference": ("externalIds", "invoice"),
    "External Reference": ("externalIds", "reference"),
    "Source": ("search", "source", "type"),
    "Source Criteria": ("search", "source", "criteria"),
    "Source Value": ("search", "source", "value"),
    "Subscription Search Criteria": ("search", "subscription", "criteria"),
    "Subscription Search Value": ("search", "subscription", "value"),
    "Order Search Criteria": ("search", "order", "criteria"),
    "Order Search Value": ("search", "order", "value"),
    "Item Search Criteria": ("search", "item", "criteria"),
    "Item Search Value": ("search", "item", "value"),
    "Usage Start Time": ("period", "start"),
    "Usage End Time": ("period", "end"),
    "Quantity": ("quantity",),
    "Purchase Price": ("price", "unitPP"),
    "Total Purchase Price": ("price", "PPx1"),
    "Market Segment": ("segment",),
    "Description1": ("description", "value1"),
    "Description2": ("description", "value2"),
    "Optional Agreement Vendor ID": ("attributes", "agreementVendorId"),
}
_NUMBERS: frozenset[tuple[str, ...]] = frozenset(
    {("quantity",), ("price", "unitPP"), ("price", "PPx1")}
)
_NEEDED: tuple[tuple[str, ...], ...] = (
    ("externalIds", "vendor"),
    ("externalIds", "invoice"),
    ("search", "item", "criteria"),
    ("search", "item", "value"),
    ("period", "start"),
    ("period", "end"),
    ("quantity",),
    ("price", "unitPP"),
    ("price", "PPx1"),
)
_PATHS: Mapping[tuple[str, ...], tuple[str, ...]] = {
    tuple(name.lower() for name in path): path
    for path in (*COLUMNS.values(), ("attributes", "segment"))
}
_SEGMENTS = frozenset({"COM", "GOV", "EDU"})
_DIGITS = 30
"""Numbers with more digits than that are none."""


class FileProblem(Exception):  # noqa: N818  # what the vendor is told
    """The file as a whole is no good."""


@dataclass
class Entry:
    """One line of a charge file: values by path, and what is wrong with it."""

    values: dict[tuple[str, ...], Any] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    def __getitem__(self, path: str) -> Any:
        return self.values.get(tuple(path.split(".")))

    def nested(self) -> Json:
        """The values as members of members."""
        body: Json = {}
        for (*outer, last), value in self.values.items():
            here = body
            for name in outer:
                here = here.setdefault(name, {})
            here[last] = value
        return body


def entries_of_lines(content: bytes) -> Iterator[Entry]:
    """The lines of a JSON Lines file.

    Raises:
        FileProblem: A line is no JSON object.
    """
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            body = json.loads(line, parse_float=Decimal, parse_int=Decimal, parse_constant=_refused)
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            raise FileProblem(f"Line {number} is not a JSON object")
        entry = Entry()
        for path, value in _leaves(body):
            known = _PATHS.get(tuple(name.lower() for name in path))
            if known is None:
                entry.errors.append(f"{'.'.join(path)} is not a member of a charge")
            elif value is not None:
                entry.values[known] = value
        yield entry


def _refused(constant: str) -> None:
    raise ValueError(constant)


def _leaves(body: Mapping[str, Any], outer: tuple[str, ...] = ()) -> Iterator[tuple[Any, Any]]:
    for name, value in body.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*outer, name))
        else:
            yield (*outer, name), value


def entries_of_table(rows: Iterable[Mapping[str, str]]) -> Iterator[Entry]:
    """The rows of a workbook, by the names of its columns."""
    for row in rows:
        entry = Entry()
        for column, text in row.items():
            path: tuple[str, ...] | None = COLUMNS.get(column)
            if path is None:
                entry.errors.append(f"There is no column {column!r}")
            elif path in _NUMBERS:
                try:
                    entry.values[path] = Decimal(text)
                except InvalidOperation:
                    entry.values[path] = text
            else:
                entry.values[path] = text
        yield entry


def check(entry: Entry) -> None:
    """Note what is wrong with the values of a line by itself; those of a wrong kind are dropped."""
    for path in _NEEDED:
        if entry.values.get(path) in (None, ""):
            entry.errors.append(f"{'.'.join(path)} is required")
    if not (entry["segment"] or entry["attributes.segment"]):
        entry.errors.append("segment is required")
    for path, value in list(entry.values.items()):
        if path in _NUMBERS and not _sane(value):
            entry.errors.append(f"{'.'.join(path)} is not a number")
            del entry.values[path]
        elif path not in _NUMBERS and not isinstance(value, str):
            entry.errors.append(f"{'.'.join(path)} is not a text")
            del entry.values[path]
    segment = entry["segment"] or entry["attributes.segment"]
    if segment and segment not in _SEGMENTS:
        entry.errors.append(f"{segment} is not a market segment")
    start, end = _moment(entry, "period.start"), _moment(entry, "period.end")
    if start and end and end < start:
        entry.errors.append("period.end is before period.start")


def _sane(value: Any) -> bool:
    return isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) < _DIGITS


def _moment(entry: Entry, path: str) -> dt.datetime | None:
    text = entry[path]
    if not isinstance(text, str):
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        entry.errors.append(f"{path} is not a time")
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
