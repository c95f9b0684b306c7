"""`ledgerbridge documents`: what the host product hands in, and what was pulled."""

import contextlib
import sys
from collections.abc import Iterable, Iterator
from typing import IO, Annotated, Any

import typer

from cli.context import entity_called, resolve, running
from cli.output import JSON_OPTION, count, details, emit, err, money, say, table
from cli.progress import Counting
from models.canonical import ObjectType
from models.tables import DocumentRow
from sync.documents import Imported, import_lines
from sync.errors import InvalidInputError, NotFoundError

app = typer.Typer(no_args_is_help=True, help="Documents: handed in, or pulled from a ledger.")

MOST_SHOWN = 20


def object_type(text: str) -> ObjectType:
    """A type as people write it.

    Raises:
        InvalidInputError: There is no such type.
    """
    try:
        return ObjectType.named(text)
    except ValueError as error:
        raise InvalidInputError(str(error)) from None


@contextlib.contextmanager
def _opened(path: str) -> Iterator[IO[bytes]]:
    if path == "-":
        yield sys.stdin.buffer
        return
    try:
        file = open(path, "rb")  # noqa: PTH123, SIM115  # closed below
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be read: {error.strerror}") from None
    with file:
        yield file


@app.command("import")
def import_(
    file: Annotated[str, typer.Argument(help="JSON Lines; - for standard input.")],
    entity: Annotated[str, typer.Option(help="Code of the billing entity.")],
    *,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Take canonical documents from JSON Lines, one a line with its `type`.

    A bad line is reported with its number and reason; the others go in. Importing the same file
    again changes nothing.

    Example: ledgerbridge documents import invoices.jsonl --entity FR
    """
    result = Imported()
    with running(hints=True) as runtime:
        with runtime.begin() as work:
            entity_id = entity_called(work, entity).id
        with _opened(file) as lines, Counting("importing", "document") as counting:
            for result in import_lines(runtime.engine, entity_id, _bounded(lines)):
                counting.at(result.created + result.changed + result.unchanged)
    if as_json:
        emit([_report(result)])
    else:
        _print_report(result)
    if result.refused:
        raise typer.Exit(1)


def _bounded(lines: IO[bytes]) -> Iterable[bytes]:
    """Lines of a file; one without an end does not fill the memory."""
    from sync.documents import LONGEST_LINE  # noqa: PLC0415

    while line := lines.readline(LONGEST_LINE + 2):
        while len(line) > LONGEST_LINE and not line.endswith(b"\n"):
            rest = lines.readline(LONGEST_LINE)
            if not rest or rest.endswith(b"\n"):
                break
        yield line


def _report(result: Imported) -> dict[str, Any]:
    return {
        "created": result.created,
        "changed": result.changed,
        "unchanged": result.unchanged,
        "repeated": [
            {"line": line, "same_as_line": earlier, "document": what}
            for line, earlier, what in result.repeated
        ],
        "refused": [vars(refused) for refused in result.refused],
    }


def _print_report(result: Imported) -> None:
    for line, earlier, what in result.repeated[:MOST_SHOWN]:
        say(f"line {line}: {what} was given in line {earlier} already; it counts once")
    for refused in result.refused[:MOST_SHOWN]:
        err.print(f"[red]line {refused.line}[/]: {refused.what} was not taken: ", end="")
        err.print(refused.reason, markup=False)
    if len(result.refused) > MOST_SHOWN:
        say(f"… and {count(len(result.refused) - MOST_SHOWN, 'more line')}: see them with --json")
    parts = [
        f"{count(result.created, 'document')} new",
        f"{result.changed:,} changed",
        f"{result.unchanged:,} as before",
    ]
    if result.refused:
        parts.append(f"{count(len(result.refused), 'line')} not taken")
    say(", ".join(parts) + ".")


@app.command("list")
def list_(
    entity: Annotated[str | None, typer.Option(help="Code of the billing entity.")] = None,
    kind: Annotated[str | None, typer.Option("--type", help="invoices, bills ...")] = None,
    status: Annotated[str | None, typer.Option(help="open, paid, void ...")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    *,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """List documents, newest first.

    Example: ledgerbridge documents list --type invoices --status open
    """
    with running() as runtime, runtime.begin() as work:
        found = work.documents.listing(
            billing_entity_id=entity_called(work, entity).id if entity else None,
            kind=object_type(kind) if kind else None,
            status=status,
            limit=limit,
        )
    if as_json:
        emit([_as_dict(row) for row in found])
        return
    table(
        ["id", "type", "number", "name", "date", "total>", "open>", "status"],
        [
            (
                row.id,
                row.type.words,
                row.number or row.external_id,
                row.name,
                row.document_date,
                money(row.total, row.currency),
                money(row.balance, row.currency),
                row.status,
            )
            for row in found
        ],
        empty="There are no documents: `ledgerbridge documents import`.",
    )


def _as_dict(row: DocumentRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "type": row.type,
        "external_id": row.external_id,
        "source": row.source_id,
        "number": row.number,
        "name": row.name,
        "date": row.document_date,
        "due_date": row.due_date,
        "currency": row.currency,
        "total": row.total,
        "balance": row.balance,
        "status": row.status,
        "version": row.version,
        "updated_at": row.updated_at,
    }


@app.command()
def show(
    document: Annotated[str, typer.Argument(metavar="ID", help="Id, its end, or the number.")],
    *,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Show one document and where it stands in the ledger.

    Example: ledgerbridge documents show INV-2026-0042
    """
    with running() as runtime, runtime.begin() as work:
        rows = work.documents.by_number(document)
        if not rows:
            row = work.documents.get(resolve(work, "document", document))
            if row is None:
                raise NotFoundError(f"there is no document {document!r}")
            rows = [row]
        lines = [work.log.lines(object_id=row.id) for row in rows]
    if as_json:
        emit(
            [
                _as_dict(row) | {"content": row.body, "records": [str(line.id) for line in of_row]}
                for row, of_row in zip(rows, lines, strict=True)
            ]
        )
        return
    for row, of_row in zip(rows, lines, strict=True):
        details(
            [
                ("document", str(row.id)),
                ("type", row.type.words),
                ("id of its owner", row.external_id),
                ("number", row.number),
                ("name", row.name),
                ("date", row.document_date),
                ("due", row.due_date),
                ("net", money(row.net_total, row.currency)),
                ("tax", money(row.tax_total, row.currency)),
                ("total", money(row.total, row.currency)),
                ("open", money(row.balance, row.currency)),
                ("status", row.status),
            ]
        )
        table(
            ["record", "status", "in the ledger", "why"],
            [(line.id, line.status, line.platform_object_id, line.reason) for line in of_row],
            empty="It is not in step with any ledger.",
        )
