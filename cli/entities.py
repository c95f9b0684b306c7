"""`ledgerbridge entities`: whose books there are."""

from typing import Annotated

import typer

from cli.context import actor, entity_called, running
from cli.output import JSON_OPTION, emit, out, say, table
from sync import moving
from sync.errors import NotAllowedError

app = typer.Typer(no_args_is_help=True, help="Billing entities: whose books there are.")


@app.command()
def add(
    organisation: Annotated[str, typer.Option(help="Name of the organisation (made if new).")],
    code: Annotated[str, typer.Option(help="Short name, unique in the organisation.")],
    legal_name: Annotated[str, typer.Option(help="Name of the legal entity.")],
    vat_number: Annotated[str | None, typer.Option(help="Its VAT number.")] = None,
    *,
    default: Annotated[bool, typer.Option("--default", help="The organisation's default.")] = False,
) -> None:
    """Add a billing entity; prints its id.

    Example: ledgerbridge entities add --organisation Acme --code FR --legal-name "Acme SARL"
    """
    with running() as runtime, runtime.begin() as work:
        organisation_id = work.tenants.organisation(organisation)
        row = work.tenants.add_entity(
            organisation_id,
            code=code,
            legal_name=legal_name,
            vat_number=vat_number,
            is_default=default,
        )
        if row is None:
            raise NotAllowedError(f"{organisation} has an entity {code!r} already")
        work.audit.add(actor(), "entity.add", str(row.id), code=code)
        out.print(str(row.id))
    say(f"{legal_name} is ready: connect its ledger with `ledgerbridge connections add`.")


@app.command()
def archive(
    entity: Annotated[str, typer.Argument(metavar="CODE", help="Its code.")],
    *,
    undo: Annotated[bool, typer.Option("--undo", help="Go on with it.")] = False,
) -> None:
    """Post nothing more for a billing entity; everything can still be read.

    Example: ledgerbridge entities archive UK
    """
    with running() as runtime, runtime.begin() as work:
        row = entity_called(work, entity)
        moving.archive(work, row.id, archived=not undo, actor=actor())
    say(f"{row.legal_name}: {'what was held goes out again' if undo else 'archived'}.")


@app.command("list")
def list_(*, as_json: Annotated[bool, JSON_OPTION] = False) -> None:
    """List billing entities.

    Example: ledgerbridge entities list --json
    """
    with running() as runtime, runtime.begin() as work:
        rows = [
            {
                "id": row.id,
                "organisation": name,
                "code": row.code,
                "legal_name": row.legal_name,
                "vat_number": row.vat_number,
                "default": row.is_default,
                "archived": row.archived_at is not None,
            }
            for row, name in work.tenants.entities()
        ]
    if as_json:
        emit(rows)
        return
    table(
        ["organisation", "code", "legal name", "VAT number", "default"],
        [
            (
                row["organisation"],
                row["code"],
                row["legal_name"],
                row["vat_number"],
                "yes" if row["default"] else "",
            )
            for row in rows
        ],
        empty="There are no billing entities yet: `ledgerbridge entities add`.",
    )
