"""`ledgerbridge users`: people who sign in to the console."""

from typing import Annotated
from uuid import UUID

import typer

from cli.context import actor, running
from cli.output import JSON_OPTION, emit, say, table
from models.tables import UserRole
from models.unit_of_work import UnitOfWork
from sync import people
from sync.errors import InvalidInputError, NotFoundError
from worker.runtime import Runtime

app = typer.Typer(no_args_is_help=True, help="People who sign in to the console.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The person's name.")]
Role = Annotated[
    UserRole,
    typer.Option(help="viewer looks; bookkeeper also mends; administrator also pauses."),
]


@app.command()
def add(
    name: Name,
    *,
    role: Role,
    organisation: Annotated[
        str | None, typer.Option(metavar="NAME", help="Whose; needed where there are several.")
    ] = None,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Let a person sign in; prints a one-time password.

    Example: ledgerbridge users add ana --role bookkeeper
    """
    with running() as runtime, runtime.begin() as work:
        made = people.add(
            work,
            organisation_id=_organisation(work, organisation),
            name=name,
            role=role,
            actor=actor(),
        )
        url = _console(runtime)
    if as_json:
        emit(
            [
                {
                    "id": made.row.id,
                    "name": made.row.name,
                    "role": made.row.role,
                    "one_time_password": made.password,
                    "console": url,
                }
            ]
        )
        return
    _print_password(made.password)
    say(f"A one-time password, not shown again: good for a week, to choose another at {url}")


@app.command("list")
def list_(*, as_json: Annotated[bool, JSON_OPTION] = False) -> None:
    """List people who may sign in.

    Example: ledgerbridge users list
    """
    with running() as runtime, runtime.begin() as work:
        found = work.people.listing()
    if as_json:
        emit(
            {
                "id": row.id,
                "name": row.name,
                "role": row.role,
                "organisation": organisation,
                "signed_in_at": row.signed_in_at,
                "created_by": row.created_by,
            }
            for row, organisation in found
        )
        return
    table(
        ["name", "role", "organisation", "last signed in"],
        [(row.name, row.role, organisation, row.signed_in_at) for row, organisation in found],
        empty="Nobody may sign in yet: `ledgerbridge users add`.",
    )


@app.command("role")
def change_role(name: Name, role: Annotated[UserRole, typer.Argument(metavar="ROLE")]) -> None:
    """Give a person another role, from the next click on.

    Example: ledgerbridge users role ana administrator
    """
    with running() as runtime, runtime.begin() as work:
        people.set_role(work, name, role, actor=actor())
    say(f"{name} is {role.value} now.")


@app.command()
def reset(name: Name) -> None:
    """Print a new one-time password for a person, who is signed out everywhere.

    Example: ledgerbridge users reset ana
    """
    with running() as runtime:
        with runtime.begin() as work:
            password = people.reset(work, name, actor=actor())
        url = _console(runtime)
    _print_password(password)
    say(f"A one-time password, not shown again: good for a week, to choose another at {url}")


@app.command()
def remove(name: Name) -> None:
    """Let a person in no more; what they did stays in the audit log.

    Example: ledgerbridge users remove ana
    """
    with running() as runtime, runtime.begin() as work:
        people.remove(work, name, actor=actor())
    say(f"{name} is signed out and cannot sign in any more.")


def _print_password(password: str) -> None:
    typer.echo(password)


def _console(runtime: Runtime) -> str:
    return f"{runtime.opener.public_url}/console"


def _organisation(work: UnitOfWork, name: str | None) -> UUID:
    if name is not None:
        found = work.tenants.organisation_named(name)
        if found is None:
            raise NotFoundError(
                f"there is no organisation {name!r}: see `ledgerbridge entities list`"
            )
        return found
    there = {organisation: row.organisation_id for row, organisation in work.tenants.entities()}
    if not there:
        raise NotFoundError("there is no organisation yet: `ledgerbridge entities add` makes one")
    if len(there) > 1:
        known = ", ".join(sorted(there)[:8])
        raise InvalidInputError(f"there are several organisations: say --organisation ({known})")
    return next(iter(there.values()))
