"""What commands print: tables for people, JSON Lines for programs, messages on standard error."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import typer
from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segment, Segments
from rich.table import Table
from rich.text import Text

from models.canonical import ObjectType
from models.canonical.money import plain, shown
from models.ids import short
from models.status import SyncStatus

out = Console(highlight=False, soft_wrap=False)
err = Console(stderr=True, highlight=False)

JSON_OPTION = typer.Option("--json", help="JSON Lines on standard output, nothing else there.")

STATUS_STYLES = {
    "done": "green",
    "connected": "green",
    "done_manually": "green",
    "rejected": "red",
    "failed": "red",
    "deauthorized": "red",
    "uncertain": "yellow",
    "blocked": "yellow",
    "held": "yellow",
    "partial": "yellow",
    "parked": "yellow",
    "paused": "yellow",
}


def emit(rows: Iterable[dict[str, Any]]) -> None:
    """Write rows as JSON Lines."""
    for row in rows:
        sys.stdout.write(json.dumps(row, default=_plain, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, Enum):
        return value.value
    return str(value)


LEAST_WIDTH = 12


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    empty: str,
    notes: Sequence[str | None] = (),
) -> None:
    """Print a table that fits the terminal, or one sentence when it has no rows.

    Columns whose name ends in `>` are aligned right; cells of a column `status` are coloured.
    With `notes`, each row stays on one line and its note follows on lines of its own.
    """
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for name in columns:
        right = name.endswith(">")
        identifier = name.rstrip(">") in {"id", "record", "connection"}
        one_line = right or identifier or name == "status" or bool(notes)
        grid.add_column(
            name.rstrip(">"),
            justify="right" if right else "left",
            no_wrap=one_line,
            overflow="ellipsis" if notes and not identifier else "fold",
        )
    number = 0
    for row in rows:
        number += 1
        grid.add_row(*(_cell(name, value) for name, value in zip(columns, row, strict=True)))
    if not number:
        err.print(empty)
    elif not notes:
        out.print(grid)
    else:
        _shorten_the_longest(grid)
        _print_with_notes(grid, notes)


def _shorten_the_longest(grid: Table) -> None:
    """Let the widest column give way, so that none of the others is cut."""
    widths = [
        max(cell_len(str(cell)) for cell in (column.header, *column.cells))
        for column in grid.columns
    ]
    excess = sum(width + 2 for width in widths) - out.width
    if excess > 0:
        longest = max(range(len(widths)), key=widths.__getitem__)
        grid.columns[longest].width = max(widths[longest] - excess, LEAST_WIDTH)


def _print_with_notes(grid: Table, notes: Sequence[str | None]) -> None:
    """Print each line of a table, and under it the note that belongs to it."""
    lines = out.render_lines(grid, pad=False)
    head = len(lines) - len(notes)
    for number, line in enumerate(lines):
        out.print(Segments([*line, Segment.line()]), end="")
        note = notes[number - head] if number >= head else None
        if note:
            out.print(Text(f"  {note}"), soft_wrap=True)


def figures_table(figures: Mapping[tuple[ObjectType, SyncStatus], int], *, empty: str) -> None:
    """Print how many records stand where: a row a type, a column a status."""
    kinds = [kind for kind in ObjectType if any(kind == one for one, _ in figures)]
    statuses = [status for status in SyncStatus if any(status == one for _, one in figures)]
    table(
        ["type", *(f"{status.value.replace('_', ' ')}>" for status in statuses)],
        [
            (
                kind.plural_words,
                *(
                    f"{number:,}" if (number := figures.get((kind, status))) else ""
                    for status in statuses
                ),
            )
            for kind in kinds
        ],
        empty=empty,
    )


def _cell(column: str, value: Any) -> Text:
    text = "" if value is None else _words(value)
    style = STATUS_STYLES.get(text, "") if column == "status" else ""
    return Text(text.replace("_", " ") if column == "status" else text, style=style)


def _words(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone():%Y-%m-%d %H:%M}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID):
        return short(value)
    if isinstance(value, Enum):
        return str(value.value)
    return str(value)


def money(amount: Decimal | None, currency: str | None) -> str:
    """An amount with its currency, or nothing."""
    return "" if amount is None or currency is None else shown(amount, currency)


def details(pairs: Iterable[tuple[str, Any]]) -> None:
    """Print a list of names and values; empty values are left out."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in pairs:
        if value not in {None, ""}:
            grid.add_row(name, Text(_words(value)))
    out.print(grid)


def say(message: str) -> None:
    """A message to the person, on standard error; the terminal breaks it, so it can be copied."""
    err.print(Text(message), soft_wrap=True)


def in_bytes(number: int) -> str:
    """`812 bytes`, `4.6 MB`: with thousands, as plans of providers count."""
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if number >= size:
            return f"{number / size:,.1f} {unit}"
    return count(number, "byte")


def count(number: int, noun: str) -> str:
    """`1 record`, `3 records`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
