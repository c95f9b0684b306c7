"""`ledgerbridge issues` and `map`: open causes, and fixing them once."""

from typing import Annotated, Any

import typer
from rich.text import Text

from cli.context import actor, resolve, running
from cli.output import JSON_OPTION, count, details, emit, money, out, say, table
from models.ids import short
from models.tables import IssueRow, MappingKind
from sync import control
from sync.catalogue import Actor
from sync.errors import NotFoundError

issues_app = typer.Typer(invoke_without_command=True, help="Open causes, heaviest first.")
map_app = typer.Typer(no_args_is_help=True, help="Say which thing of the ledger one of ours is.")


ACTORS = {
    Actor.BOOKKEEPER: "for a bookkeeper",
    Actor.ADMINISTRATOR: "for an administrator",
    Actor.US: "for the makers of Ledgerbridge",
    Actor.NOBODY: "nobody needs to act",
}


@issues_app.callback()
def list_issues(
    context: typer.Context,
    connection: Annotated[str | None, typer.Option(metavar="ID")] = None,
    *,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """List open causes with how many records each concerns.

    Example: ledgerbridge issues --connection 4f1d2c3b
    """
    if context.invoked_subcommand:
        return
    with running() as runtime, runtime.begin() as work:
        connection_id = resolve(work, "connection", connection) if connection else None
        found = work.issues.listing(connection_id)
    if as_json:
        emit([_as_dict(issue, records) for issue, records in found])
        return
    if not found:
        say("There are no open issues.")
    for number, (issue, records) in enumerate(found):
        if number:
            out.print()
        waiting = [f"{count(records, 'record')} {'waits' if records == 1 else 'wait'}"]
        about = [
            *(waiting if records else []),
            ACTORS[Actor(issue.actor)],
            f"issue {short(issue.id)}",
        ]
        out.print(Text(issue.sentence, "bold"), soft_wrap=True)
        out.print(Text(f"  {' · '.join(about)}", "dim"), soft_wrap=True)
        out.print(Text(f"  {issue.next_step}"), soft_wrap=True)


def _as_dict(issue: IssueRow, records: int) -> dict[str, Any]:
    return {
        "id": issue.id,
        "connection": issue.connection_id,
        "code": issue.code,
        "subject": issue.subject,
        "sentence": issue.sentence,
        "actor": issue.actor,
        "next_step": issue.next_step,
        "provider_message": issue.provider_message,
        "records": records,
        "first_seen_at": issue.first_seen_at,
        "last_seen_at": issue.last_seen_at,
        "closed_at": issue.closed_at,
    }


@issues_app.command()
def show(
    issue_id: Annotated[str, typer.Argument(metavar="ID", help="Its id, or the end of it.")],
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 50,
    *,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Show one cause and the records that wait for it.

    Example: ledgerbridge issues show 77ab0c12
    """
    with running() as runtime, runtime.begin() as work:
        issue = work.issues.get(resolve(work, "issue", issue_id))
        if issue is None:
            raise NotFoundError(f"there is no issue {issue_id}")
        lines = work.log.lines(issue_id=issue.id, limit=limit)
    if as_json:
        emit([_as_dict(issue, len(lines)) | {"record_ids": [str(line.id) for line in lines]}])
        return
    details(
        [
            ("issue", str(issue.id)),
            ("what", issue.sentence),
            ("who", issue.actor),
            ("next step", issue.next_step),
            ("ledger's words", issue.provider_message),
            ("since", issue.first_seen_at),
            ("closed", issue.closed_at),
        ]
    )
    table(
        ["record", "document", "date", "total>", "status"],
        [
            (
                line.id,
                f"{line.type.words} {line.number or line.name or line.external_id}",
                line.document_date,
                money(line.total, line.currency),
                line.status,
            )
            for line in lines
        ],
        empty="No record waits for it.",
    )


Connection = Annotated[str, typer.Option(metavar="ID", help="Whose ledger.")]
Theirs = Annotated[str, typer.Argument(metavar="THEIRS", help="The ledger's id, code or name.")]


def _map(kind: MappingKind, connection: str, ours: str, theirs: str) -> None:
    with running(hints=True) as runtime:
        with runtime.begin() as work:
            connection_id = resolve(work, "connection", connection)
        released = control.map_to(runtime.engine, connection_id, kind, ours, theirs, actor=actor())
    words = kind.value.replace("_", " ")
    goes_on = f"; {count(released, 'record')} {'goes' if released == 1 else 'go'} on"
    say(f"Mapped {words} {ours} to {theirs}{goes_on if released else ''}.")


@map_app.command("tax-rate")
def map_tax_rate(
    connection: Connection,
    ours: Annotated[str, typer.Argument(metavar="OURS", help="Percentage or id of our rate.")],
    theirs: Theirs,
) -> None:
    """Map a tax rate; releases everything that waited for it.

    Example: ledgerbridge map tax-rate --connection 4f1d2c3b 8.5 "VAT 8.5 %"
    """
    _map(MappingKind.TAX_RATE, connection, ours, theirs)


@map_app.command("account")
def map_account(
    connection: Connection,
    ours: Annotated[str, typer.Argument(metavar="OURS", help="Our account code, or a purpose.")],
    theirs: Theirs,
) -> None:
    """Map an account; `sales`, `purchases` and `payments` stand for lines that name none.

    Example: ledgerbridge map account --connection 4f1d2c3b payments 1.1.1
    """
    _map(MappingKind.ACCOUNT, connection, ours, theirs)


@map_app.command("contact")
def map_contact(
    connection: Connection,
    ours: Annotated[str, typer.Argument(metavar="OURS", help="Our id of the contact.")],
    theirs: Theirs,
) -> None:
    """Map a contact.

    Example: ledgerbridge map contact --connection 4f1d2c3b C-0042 "Rossi SpA"
    """
    _map(MappingKind.CONTACT, connection, ours, theirs)


@map_app.command("list")
def list_mappings(
    connection: Annotated[str | None, typer.Option(metavar="ID")] = None,
    *,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """List what was mapped by hand.

    Example: ledgerbridge map list
    """
    with running() as runtime, runtime.begin() as work:
        connection_id = resolve(work, "connection", connection) if connection else None
        found = work.mappings.listing(connection_id)
    if as_json:
        emit(
            [
                {
                    "connection": row.connection_id,
                    "kind": row.kind,
                    "ours": row.ours,
                    "theirs": row.theirs,
                    "created_by": row.created_by,
                    "created_at": row.created_at,
                }
                for row in found
            ]
        )
        return
    table(
        ["connection", "kind", "ours", "theirs", "by"],
        [
            (
                short(row.connection_id),
                row.kind.value.replace("_", " "),
                row.ours,
                row.theirs,
                row.created_by,
            )
            for row in found
        ],
        empty="Nothing was mapped by hand.",
    )
