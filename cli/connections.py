"""`ledgerbridge connections`: the links between billing entities and their ledgers."""

import sys
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import typer

from cli.context import actor, entity_called, json_file, resolve, running
from cli.output import JSON_OPTION, count, details, emit, figures_table, in_bytes, out, say, table
from connectors import registry
from connectors.base import AuthKind, Role
from models.ids import short
from models.tables import ConnectionRole, ConnectionRow, ConnectionStatus
from sync import authorizing, connections, moving
from sync.errors import InvalidInputError
from sync.opener import Opener

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
    credentials: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="JSON; - for standard input. Without it, at OAuth2 providers, the owner consents "
            "in a browser: the address for it is printed.",
        ),
    ] = None,
    same_consent: Annotated[
        str | None,
        typer.Option(
            metavar="CONNECTION",
            help="Use the consent of another connection, where it opens several organisations; "
            "the settings say which one.",
        ),
    ] = None,
    role: Annotated[
        Role | None,
        typer.Option(help="Whether documents go there or come from there; as a rule it is plain."),
    ] = None,
    base_url: Annotated[str | None, typer.Option(help="Where it is, when people host it.")] = None,
    settings: Annotated[str | None, typer.Option(metavar="FILE", help="JSON.")] = None,
    interval: Annotated[str, typer.Option(help="24h, 90m, 7d, or five cron fields.")] = "24h",
    start_date: Annotated[
        str | None,
        typer.Option(help="First day whose documents are posted; nothing is without it."),
    ] = None,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Check credentials at the provider and store a connection; prints its id.

    At a provider with OAuth2 and without credentials, the connection waits for its owner: then
    the address of the page where they consent is printed.

    Example: ledgerbridge connections add tryton --entity FR --base-url https://books.example.com
    --credentials tryton.json --settings tryton-settings.json --start-date 2026-01-01
    """
    spec = registry.spec(provider)
    if same_consent and credentials:
        raise InvalidInputError("give either --credentials or --same-consent")
    if not credentials and not same_consent and spec.auth is not AuthKind.OAUTH2:
        raise InvalidInputError(f"{spec.name} needs credentials: give them with --credentials FILE")
    given = json_file(credentials, "credentials") if credentials is not None else None
    chosen = json_file(settings, "settings") if settings else {}
    start = parsed_date(start_date, "--start-date").date() if start_date else None
    role = role or (Role.LEDGER if Role.LEDGER in spec.roles else Role.SOURCE)
    with running(hints=True) as runtime:
        with runtime.begin() as work:
            entity_id = entity_called(work, entity).id
            sharing = resolve(work, "connection", same_consent) if same_consent else None
        if given is None and sharing is None:
            row = authorizing.begin(
                runtime.engine,
                runtime.opener,
                billing_entity_id=entity_id,
                provider=provider,
                role=role,
                settings=chosen,
                base_url=base_url,
                schedule=interval,
                start_date=start,
                actor=actor(),
            )
            _print_url(runtime.opener, row.id, as_json=as_json)
            return
        new = connections.NewConnection(
            billing_entity_id=entity_id,
            provider=provider,
            role=role,
            credentials=given or {},
            settings=chosen,
            base_url=base_url,
            schedule=interval,
            start_date=start,
            same_consent=sharing,
        )
        row = connections.add(runtime.engine, runtime.opener, new, actor=actor())
    if as_json:
        emit([_as_dict(row, entity)])
    else:
        out.print(str(row.id))
    _say_what_follows(row, spec.name, start)


def _say_what_follows(row: ConnectionRow, name: str, start: date | None) -> None:
    say(f"Connected to {name}: {row.platform_organisation_name}.")
    if row.role is ConnectionRole.SOURCE:
        say(
            "What waits there is posted in the entity's ledger, and reported back: "
            f"ledgerbridge sync {row.id} --wait"
        )
    elif start is None:
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


def _print_url(opener: Opener, connection_id: UUID, *, as_json: bool) -> None:
    """Where the connection's owner lets us in."""
    url = authorizing.connection_url(opener, connection_id)
    if as_json:
        emit([{"id": connection_id, "connection_url": url}])
    else:
        sys.stdout.write(f"{url}\n")
    say(
        f"Connection {connection_id} waits for its owner. Whoever opens this address in the next "
        "24 hours can authorize it; `ledgerbridge connections reauthorize "
        f"{short(connection_id)}` prints a new one."
    )


def _posts_from(row: ConnectionRow) -> str | date:
    if row.role is ConnectionRole.SOURCE:
        return ""
    return row.posting_from or "not started (connections start)"


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
            calls, received = work.connections.use_this_month(row.id)
        spec = runtime.engine.spec_of(row)
        left = runtime.allowance_left(row)
    values = _as_dict(row, entity.code if entity else "")
    waits = row.status in {ConnectionStatus.PENDING_AUTH, ConnectionStatus.DEAUTHORIZED}
    if as_json:
        values["records"] = [
            {"type": kind, "status": status, "count": number}
            for (kind, status), number in sorted(figures.items())
        ]
        values["open_issues"] = len(issues)
        values["requests_left"] = left
        values["this_month"] = {"provider_calls": calls, "received_bytes": received}
        values["capabilities"] = sorted(spec.capabilities)
        emit([values])
        return
    details(
        [
            ("connection", str(row.id)),
            ("entity", values["entity"]),
            (row.role.value, f"{spec.name}: {row.platform_organisation_name or 'not known yet'}"),
            ("address", row.base_url),
            ("status", row.status.value),
            ("authorize", f"ledgerbridge connections reauthorize {short(row.id)}" if waits else ""),
            ("posts from", _posts_from(row)),
            ("schedule", row.schedule),
            ("last pull", row.last_pull_at),
            ("next sync", row.next_sync_at),
            ("no calls until", row.parked_until),
            ("requests left", ", ".join(f"{left[name]} in the {name}" for name in left)),
            (
                "this month",
                f"{count(calls, 'provider call')}, {in_bytes(received)} downloaded"
                if calls
                else "",
            ),
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
    credentials: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="JSON; - for standard input. Without it the address of a page is printed.",
        ),
    ] = None,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Authorize a connection again, for the same books.

    Without credentials this prints the address of the page where its owner does it: by consenting
    at the provider, or by typing credentials in. It is also for a first authorization.

    Example: ledgerbridge connections reauthorize 4f1d2c3b
    """
    given = json_file(credentials, "credentials") if credentials is not None else None
    with running(hints=given is not None) as runtime:
        with runtime.begin() as work:
            connection_id = resolve(work, "connection", connection)
        if given is None:
            authorizing.require_open(runtime.engine, connection_id)
            _print_url(runtime.opener, connection_id, as_json=as_json)
            return
        identity = connections.reauthorize(
            runtime.engine, runtime.opener, connection_id, given, actor=actor()
        )
    if as_json:
        emit([{"id": connection_id, "organisation_name": identity.organisation_name}])
    say(f"{identity.organisation_name} accepts them; what was held goes out now.")
