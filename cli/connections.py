"""`ledgerbridge connections`: the links between billing entities and their ledgers."""

from datetime import datetime
from typing import Annotated, Any

import typer

from cli.context import actor, entity_called, json_file, resolve, running
from cli.output import JSON_OPTION, count, details, emit, figures_table, out, say, table
from connectors import registry
from connectors.base import Role
from models.tables import ConnectionRow
from sync import connections, moving
from sync.errors import InvalidInputError

app = typer.Typer(no_args_is_help=True, help="Connections: billing entities and their ledgers.")

Id = Annotated[str, typer.Argument(metavar="ID", help="The connection's id, or the end of it.")]


def parsed_date(text: str, name: str) -> datetime:
    """A day as people write it.

    Raises:
        InvalidInputError: It is not YYYY-MM-DD.
    """
    try:
        return datetime.strptime(text, "%Y-%m-%d")  # noqa: DTZ007  # a calendar day
    except ValueError:
        raise InvalidInputError(f"{name}: {text!r} is not a day like 2026-01-31") from None


@app.command()
def add(
    provider: Annotated[str, typer.Argument(help="The connector: tryton, memory ...")],
    *,
    entity: Annotated[str, typer.Option(help="Code of the billing entity.")],
    credentials: Annotated[str, typer.Option(metavar="FILE", help="JSON; - for standard input.")],
    role: Annotated[Role, typer.Option(help="Where documents go, or come from.")] = Role.LEDGER,
    base_url: Annotated[str | None, typer.Option(help="Where the ledger is.")] = None,
    settings: Annotated[str | None, typer.Option(metavar="FILE", help="JSON.")] = None,
    interval: Annotated[str, typer.Option(help="24h, 90m, 7d, or five cron fields.")] = "24h",
    start_date: Annotated[
        str | None,
        typer.Option(help="First day whose documents are posted; nothing is without it."),
    ] = None,
) -> None:
    """Check credentials at the ledger and store a connection; prints its id.

    Example: ledgerbridge connections add tryton --entity FR --base-url https://books.example.com
    --credentials tryton.json --settings tryton-settings.json --start-date 2026-01-01
    """
    name = registry.spec(provider).name
    given = json_file(credentials, "credentials")
    chosen = json_file(settings, "settings") if settings else {}
    start = parsed_date(start_date, "--start-date").date() if start_date else None
    with running(hints=True) as runtime:
        with runtime.begin() as work:
            entity_id = entity_called(work, entity).id
        new = connections.NewConnection(
            billing_entity_id=entity_id,
            provider=provider,
            role=role,
            credentials=given,
            settings=chosen,
            base_url=base_url,
            schedule=interval,
            start_date=start,
        )
        row = connections.add(runtime.engine, runtime.opener, new, actor=actor())
    out.print(str(row.id))
    say(f"Connected to {name}: {row.platform_organisation_name}.")
    if start is None:
        say(
            "Nothing will be posted until you say from which day on: "
            f"ledgerbridge connections start {row.id} --from YYYY-MM-DD"
        )
    elif row.by_others:
        say(
            f"Documents dated {start} or later wait for the integrator's program. Its credential: "
            f"ledgerbridge clients add --connection {row.id}"
        )
    else:
        say(f"Documents dated {start} or later are posted: ledgerbridge sync {row.id} --wait")


@app.command("list")
def list_(*, as_json: Annotated[bool, JSON_OPTION] = False) -> None:
    """List connections.

    Example: ledgerbridge connections list
    """
    with running() as runtime:
        with runtime.begin() as work:
            found = work.connections.listing()
        rows = [_as_dict(row, code) for row, code in found]
    if as_json:
        emit(rows)
        return
    table(
        ["id", "entity", "provider", "organisation", "status", "last pull", "next sync"],
        [
            (
                row.id,
                code,
                row.provider,
                row.platform_organisation_name,
                row.status,
                row.last_pull_at,
                row.next_sync_at,
            )
            for row, code in found
        ],
        empty="There are no connections yet: `ledgerbridge connections add`.",
    )


def _as_dict(row: ConnectionRow, entity: str) -> dict[str, Any]:
    return {
        "id": row.id,
        "entity": entity,
        "provider": row.provider,
        "role": row.role,
        "status": row.status,
        "base_url": row.base_url,
        "organisation_id": row.platform_organisation_id,
        "organisation_name": row.platform_organisation_name,
        "posting_from": row.posting_from,
        "interval": row.schedule,
        "settings": row.settings,
        "last_pull_at": row.last_pull_at,
        "next_sync_at": row.next_sync_at,
        "parked_until": row.parked_until,
    }


@app.command()
def show(connection: Id, *, as_json: Annotated[bool, JSON_OPTION] = False) -> None:
    """Show one connection: state, figures per type, open issues.

    Example: ledgerbridge connections show 4f1d2c3b
    """
    with running() as runtime:
        with runtime.begin() as work:
            row = connections.get(work, resolve(work, "connection", connection))
            entity = work.tenants.entity(row.billing_entity_id)
            figures = work.log.figures(row.id)
            issues = work.issues.listing(row.id)
        spec = runtime.engine.spec(row.provider)
    values = _as_dict(row, entity.code if entity else "")
    if as_json:
        values["records"] = [
            {"type": kind, "status": status, "count": number}
            for (kind, status), number in sorted(figures.items())
        ]
        values["open_issues"] = len(issues)
        values["capabilities"] = sorted(spec.capabilities)
        emit([values])
        return
    details(
        [
            ("connection", str(row.id)),
            ("entity", values["entity"]),
            ("ledger", f"{spec.name}: {row.platform_organisation_name}"),
            ("address", row.base_url),
            ("status", row.status.value),
            ("posts from", row.posting_from or "not started (connections start)"),
            ("schedule", row.schedule),
            ("last pull", row.last_pull_at),
            ("next sync", row.next_sync_at),
            ("no calls until", row.parked_until),
            ("open issues", str(len(issues)) if issues else ""),
        ]
    )
    figures_table(figures, empty="No document of ours is in step with it yet.")


@app.command()
def check(connection: Id) -> None:
    """Ask the ledger who we are and whether the books are still the same.

    Example: ledgerbridge connections check 4f1d2c3b
    """
    with running() as runtime:
        with runtime.begin() as work:
            connection_id = resolve(work, "connection", connection)
        identity = connections.check(runtime.engine, connection_id)
    say(f"It answers: {identity.organisation_name} ({identity.organisation_id}).")


@app.command()
def start(
    connection: Id,
    posting_from: Annotated[str, typer.Option("--from", help="First day, YYYY-MM-DD.")],
) -> None:
    """Allow posting of documents dated on or after a day.

    Example: ledgerbridge connections start 4f1d2c3b --from 2026-01-01
    """
    day = parsed_date(posting_from, "--from").date()
    with running(hints=True) as runtime:
        with runtime.begin() as work:
            connection_id = resolve(work, "connection", connection)
        connections.start(runtime.engine, connection_id, day, actor=actor())
        with runtime.begin() as work:
            figures = work.log.figures(connection_id)
    pending = sum(number for (_, status), number in figures.items() if status == "pending")
    say(f"Documents dated {day} or later are posted now; {count(pending, 'record')} will go out.")


@app.command()
def link(
    connection: Id,
    entity: Annotated[list[str], typer.Option(help="Code of a billing entity; repeat for more.")],
) -> None:
    """Let an integrator's connection act for exactly these billing entities from now on.

    Example: ledgerbridge connections link 4f1d2c3b --entity NL --entity DE
    """
    with running() as runtime:
        with runtime.begin() as work:
            connection_id = resolve(work, "connection", connection)
            entities = [entity_called(work, code).id for code in entity]
        codes = moving.link(runtime.engine, connection_id, entities, actor=actor())
    say(f"It acts for {', '.join(codes)} now, also with tokens that were given before.")


@app.command()
def pause(connection: Id) -> None:
    """Stop all work of a connection until it is resumed; nothing is lost.

    Example: ledgerbridge connections pause 4f1d2c3b
    """
    with running() as runtime:
        with runtime.begin() as work:
            connection_id = resolve(work, "connection", connection)
        connections.pause(runtime.engine, connection_id, actor=actor())
    say("Paused. Go on with `ledgerbridge connections resume`.")


@app.command()
def resume(connection: Id) -> None:
    """Go on after a pause.

    Example: ledgerbridge connections resume 4f1d2c3b
    """
    with running(hints=True) as runtime:
        with runtime.begin() as work:
            connection_id = resolve(work, "connection", connection)
        connections.resume(runtime.engine, connection_id, actor=actor())
    say("Resumed; what waited goes out now.")


@app.command()
def disconnect(connection: Id) -> None:
    """End a connection for good; its log stays, and the entity may connect another ledger.

    Example: ledgerbridge connections disconnect 4f1d2c3b
    """
    with running() as runtime:
        with runtime.begin() as work:
            connection_id = resolve(work, "connection", connection)
        connections.disconnect(runtime.engine, connection_id, actor=actor())
    say("Disconnected.")


@app.command()
def reauthorize(
    connection: Id,
    credentials: Annotated[str, typer.Option(metavar="FILE", help="JSON; - for standard input.")],
) -> None:
    """Give a connection new credentials for the same books.

    Example: ledgerbridge connections reauthorize 4f1d2c3b --credentials new.json
    """
    given = json_file(credentials, "credentials")
    with running(hints=True) as runtime:
        with runtime.begin() as work:
            connection_id = resolve(work, "connection", connection)
        identity = connections.reauthorize(
            runtime.engine, runtime.opener, connection_id, given, actor=actor()
        )
    say(f"{identity.organisation_name} accepts them; what was held goes out now.")
