"""`ledgerbridge usage`: files of charges that a vendor hands in at a marketplace."""

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.context import actor, resolve, running
from cli.output import JSON_OPTION, count, details, emit, in_bytes, say, table
from cli.progress import Status
from connectors.base import UploadStep
from models.tables import ConnectionStatus, UploadRow, UploadStatus
from sync import connections, uploads
from sync.engine import Engine
from sync.errors import InvalidInputError

app = typer.Typer(no_args_is_help=True, help="A vendor's usage, handed in as files of charges.")

Id = Annotated[str, typer.Argument(metavar="ID", help="The hand-in's id, or the end of it.")]


@app.command()
def send(
    connection: Annotated[str, typer.Argument(metavar="CONNECTION", help="Its id, or the end.")],
    file: Annotated[Path, typer.Argument(help="Charges, one JSON object a line.")],
    *,
    key: Annotated[
        str, typer.Option(help="Your id of this usage (`2026-10`); the same for every try.")
    ],
    option: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="What the platform wants beside it."),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Work on it in this process until it is handed in.")
    ] = False,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Hand a file in; with --wait, follow it to its end. Exit code 1 when it is refused.

    A bad line is found before anything is sent. If this is interrupted, a worker goes on, and so
    does the same command with a corrected file after a refusal.

    Example: ledgerbridge usage send 4f1d2c3b october.jsonl --key 2026-10
    --option authorization_id=AUT-1234-5678 --wait
    """
    if not file.is_file():
        raise InvalidInputError(f"there is no file {file}")
    options = dict(_pair(one) for one in option or [])
    with running(hints=True) as runtime:
        with runtime.begin() as work:
            connection_id = resolve(work, "connection", connection)
        row = uploads.begin(
            runtime.engine, connection_id, file, key=key, options=options, actor=actor()
        )
        if wait:
            row = _followed(runtime.engine, row)
    _show(row, as_json=as_json)
    if row.status is UploadStatus.FAILED:
        raise typer.Exit(1)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise InvalidInputError(f"--option {text!r} is not NAME=VALUE")
    return name, value


def _followed(engine: Engine, row: UploadRow) -> UploadRow:
    """Work on a file, and look again until it has ended, whoever works on it.

    Until then, or until its connection is one that nobody may use: somebody must act first.
    """
    with Status("handing it in …") as status:

        def told(step: UploadStep) -> None:
            status.say(f"handing it in … {step.status}")

        while row.status is UploadStatus.OPEN:
            worked = uploads.advance_due(engine, upload_id=row.id, told=told)
            row = uploads.get(engine, row.id)
            if not worked:
                with engine.begin() as work:
                    connection = connections.get(work, row.connection_id)
                if connection.status is not ConnectionStatus.CONNECTED:
                    break
                time.sleep(0.5)
    return row


@app.command("list")
def list_(
    connection: Annotated[
        str | None, typer.Argument(metavar="CONNECTION", help="Only this one's.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    *,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """List what was handed in, newest first.

    Example: ledgerbridge usage list
    """
    with running() as runtime, runtime.begin() as work:
        connection_id = resolve(work, "connection", connection) if connection else None
        found = work.uploads.listing(connection_id, limit)
    if as_json:
        emit([_as_dict(row) for row in found])
        return
    table(
        ["id", "key", "file", "size>", "status", "there"],
        [
            (row.id, row.key, row.name, in_bytes(row.size), row.status, row.platform_status)
            for row in found
        ],
        notes=[row.sentence for row in found],
        empty="Nothing was handed in yet: `ledgerbridge usage send`.",
    )


@app.command()
def show(upload: Id, *, as_json: Annotated[bool, JSON_OPTION] = False) -> None:
    """Show how far a hand-in is, and which lines were refused.

    Example: ledgerbridge usage show 9a3b4c5d
    """
    with running() as runtime:
        with runtime.begin() as work:
            upload_id = resolve(work, "upload", upload)
        row = uploads.get(runtime.engine, upload_id)
    _show(row, as_json=as_json)


def _as_dict(row: UploadRow) -> dict[str, Any]:
    names = (
        "id", "key", "name", "size", "status", "platform_status", "sentence", "problems",
        "created_at", "finished_at",
    )  # fmt: skip
    return {"connection": row.connection_id} | {name: getattr(row, name) for name in names}


def _show(row: UploadRow, *, as_json: bool) -> None:
    if as_json:
        emit([_as_dict(row)])
        return
    details(
        [
            ("hand-in", str(row.id)),
            ("key", row.key),
            ("file", f"{row.name}, {in_bytes(row.size)}"),
            ("status", row.status.value),
            ("there", row.platform_status),
            ("handed in", row.finished_at if row.status is UploadStatus.DONE else None),
            ("refused", count(len(row.problems), "line") if row.problems else ""),
        ]
    )
    for problem in row.problems[:20]:
        say(f"  {problem}")
    if row.sentence:
        say(row.sentence)
    elif row.status is UploadStatus.OPEN:
        say("A worker goes on with it.")
