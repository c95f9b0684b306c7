"""`ledgerbridge clients`: credentials for programs that use the HTTP API."""

from typing import Annotated, Any
from uuid import UUID

import typer

from cli.context import actor, resolve, running
from cli.output import JSON_OPTION, emit, say, table
from models.tables import ApiClientRow
from models.unit_of_work import UnitOfWork
from sync import access
from sync.errors import InvalidInputError, NotFoundError

app = typer.Typer(no_args_is_help=True, help="Credentials for programs that use the HTTP API.")


@app.command()
def add(
    *,
    organisation: Annotated[
        str | None, typer.Option(metavar="NAME", help="May read; more with --scope.")
    ] = None,
    connection: Annotated[
        str | None, typer.Option(metavar="ID", help="Acts for this connection's entities.")
    ] = None,
    name: Annotated[str, typer.Option(help="What it is for.")] = "",
    scope: Annotated[list[str] | None, typer.Option(help="manage: connect, sync, retry.")] = None,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Make a credential; its secret is shown once.

    Example: ledgerbridge clients add --connection 4f1d2c3b --name "nightly export"
    """
    if (organisation is None) == (connection is None):
        raise InvalidInputError("give either --organisation or --connection")
    with running() as runtime, runtime.begin() as work:
        made = access.add_client(
            work,
            organisation_id=_organisation(work, organisation) if organisation else None,
            connection_id=resolve(work, "connection", connection) if connection else None,
            name=name,
            scopes=frozenset(scope or ()),
            actor=actor(),
        )
    if as_json:
        emit([_as_dict(made.row) | {"secret": made.secret}])
        return
    emit([{"client_id": made.row.id, "client_secret": made.secret}])
    say("The secret is not shown again. POST /v1/auth/token gives a token for it.")


def _organisation(work: UnitOfWork, name: str) -> UUID:
    found = work.tenants.organisation_named(name)
    if found is None:
        raise NotFoundError(f"there is no organisation {name!r}: see `ledgerbridge entities list`")
    return found


@app.command("list")
def list_(*, as_json: Annotated[bool, JSON_OPTION] = False) -> None:
    """List credentials, newest first; never their secrets.

    Example: ledgerbridge clients list
    """
    with running() as runtime, runtime.begin() as work:
        found = work.access.clients()
    if as_json:
        emit(_as_dict(row) for row in found)
        return
    table(
        ["id", "kind", "name", "connection", "last used", "revoked"],
        [
            (row.id, row.kind, row.name, row.connection_id, row.last_used_at, row.revoked_at)
            for row in found
        ],
        empty="There are no API clients yet: `ledgerbridge clients add`.",
    )


@app.command()
def revoke(
    client: Annotated[str, typer.Argument(metavar="ID", help="Its id, or the end.")],
) -> None:
    """End a credential at once; its tokens stop working too.

    Example: ledgerbridge clients revoke 9ac01f77
    """
    with running() as runtime, runtime.begin() as work:
        access.revoke_client(work, resolve(work, "client", client), actor=actor())
    say("Revoked.")


def _as_dict(row: ApiClientRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "organisation": row.organisation_id,
        "kind": row.kind,
        "connection": row.connection_id,
        "name": row.name,
        "scopes": row.scopes,
        "created_by": row.created_by,
        "created_at": row.created_at,
        "last_used_at": row.last_used_at,
        "revoked_at": row.revoked_at,
    }
