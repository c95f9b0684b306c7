"""`ledgerbridge log`, `record`, `retry`, `settle`, `skip`: the sync log and what people do in it."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from cli.context import actor, resolve, running
from cli.documents import object_type
from cli.output import JSON_OPTION, count, details, emit, figures_table, money, say, table
from models.repositories import LogLine
from models.status import SyncStatus, public_status
from models.tables import AttemptRow
from sync import control
from sync.errors import InvalidInputError
from sync.schedule import Schedule

Record = Annotated[str, typer.Argument(metavar="RECORD", help="The record's id, or the end of it.")]


def _since(text: str | None) -> datetime | None:
    """A moment as people write it: a day, a time, or how long ago (`24h`)."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        try:
            interval = Schedule.parse(text).interval or timedelta(0)
        except InvalidInputError:
            raise InvalidInputError(
                f"--since: {text!r} is neither a moment (2026-01-31T08:00) nor an age (24h)"
            ) from None
        return datetime.now(UTC) - interval
    return moment if moment.tzinfo else moment.astimezone()


def log(
    *,
    connection: Annotated[str | None, typer.Option(metavar="ID")] = None,
    kind: Annotated[str | None, typer.Option("--type", help="invoices, bills ...")] = None,
    status: Annotated[SyncStatus | None, typer.Option(help="Only records that stand here.")] = None,
    object_id: Annotated[
        str | None, typer.Option("--object", metavar="ID", help="Only this document's.")
    ] = None,
    since: Annotated[str | None, typer.Option(help="2026-01-31, 2026-01-31T08:00, or 24h.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 50,
    summary: Annotated[
        bool, typer.Option("--summary", help="How many of our documents stand where; --connection.")
    ] = False,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """The sync log: where every record stands, last changed first.

    Example: ledgerbridge log --status rejected --since 24h
    """
    if summary:
        if connection is None:
            raise InvalidInputError("--summary needs --connection: whose log is meant")
        _summarise(connection, as_json=as_json)
        return
    with running() as runtime, runtime.begin() as work:
        found = work.log.lines(
            connection_id=resolve(work, "connection", connection) if connection else None,
            kind=object_type(kind) if kind else None,
            status=status,
            object_id=resolve(work, "document", object_id) if object_id else None,
            since=_since(since),
            limit=limit,
        )
    if as_json:
        emit([_as_dict(line) for line in found])
        return
    table(
        ["record", "changed", "document", "total>", "status"],
        [
            (
                line.id,
                line.updated_at,
                f"{line.type.words} {line.number or line.name or line.external_id}",
                money(line.total, line.currency),
                line.status,
            )
            for line in found
        ],
        notes=[_why(line) for line in found],
        empty="No record matches.",
    )


def _summarise(connection: str, *, as_json: bool) -> None:
    with running() as runtime, runtime.begin() as work:
        figures = work.log.figures(resolve(work, "connection", connection))
    if as_json:
        emit(
            {"type": kind, "status": status, "count": number}
            for (kind, status), number in sorted(figures.items())
        )
        return
    figures_table(figures, empty="No document of ours is in step with it yet.")


def _why(line: LogLine) -> str:
    return " ".join(part for part in (line.sentence or line.reason, line.next_step) if part)


def _as_dict(line: LogLine) -> dict[str, Any]:
    return {
        "id": line.id,
        "connection": line.connection_id,
        "type": line.type,
        "object_id": line.object_id,
        "external_id": line.external_id,
        "number": line.number,
        "date": line.document_date,
        "currency": line.currency,
        "total": line.total,
        "status": line.status,
        "sync_status": public_status(
            line.status, blocked_by=line.blocked_by, issue_id=line.issue_id
        ),
        "reason_code": line.reason_code,
        "reason": line.sentence or line.reason,
        "next_step": line.next_step,
        "actor": line.actor,
        "issue": line.issue_id,
        "blocked_by": line.blocked_by,
        "platform_object_id": line.platform_object_id,
        "ours": line.ours,
        "attempts": line.attempts,
        "variance": line.variance,
        "next_attempt_at": line.next_attempt_at,
        "updated_at": line.updated_at,
    }


def record(record_id: Record, *, as_json: Annotated[bool, JSON_OPTION] = False) -> None:
    """One record with all its attempts and the ledger's own words.

    Example: ledgerbridge record 9ac01f77
    """
    with running() as runtime, runtime.begin() as work:
        line = control.record_line(work, resolve(work, "record", record_id))
        attempts = work.attempts.of_record(line.id)
    if as_json:
        tries = [_attempt(one) for one in attempts]
        emit([_as_dict(line) | {"ledger": line.ledger, "tries": tries}])
        return
    details(
        [
            ("record", str(line.id)),
            ("document", f"{line.type.words} {line.number or line.name or line.external_id}"),
            ("date", line.document_date),
            ("total", money(line.total, line.currency)),
            ("status", line.status.value.replace("_", " ")),
            ("why", line.sentence or line.reason),
            ("next step", line.next_step),
            ("who", line.actor),
            ("in the ledger", line.platform_object_id),
            ("number there", line.ledger.get("number")),
            ("link", line.ledger.get("url")),
            ("notes", " ".join(line.ledger.get("notes") or [])),
            ("variance", money(line.variance, line.currency)),
        ]
    )
    table(
        ["when", "what", "outcome", "took>", "ledger's request"],
        [
            (
                f"{one.started_at.astimezone():%Y-%m-%d %H:%M:%S}",
                one.operation.replace("_", " "),
                f"{one.outcome or 'under way'}{' (late)' if one.late else ''}".replace("_", " "),
                f"{(one.finished_at - one.started_at).total_seconds():.1f} s"
                if one.finished_at
                else "",
                one.request_id,
            )
            for one in attempts
        ],
        notes=[one.provider_message or one.sentence for one in attempts],
        empty="It was never sent, or so long ago that its attempts are not kept any more."
        if line.platform_object_id
        else "It was never sent.",
    )


def _attempt(one: AttemptRow) -> dict[str, Any]:
    return {
        "id": one.id,
        "operation": one.operation,
        "trigger": one.trigger,
        "run": one.run_id,
        "idempotency_key": one.idempotency_key,
        "started_at": one.started_at,
        "finished_at": one.finished_at,
        "outcome": one.outcome,
        "late": one.late,
        "http_status": one.http_status,
        "request_id": one.request_id,
        "error_code": one.error_code,
        "sentence": one.sentence,
        "provider_message": one.provider_message,
        "correlation_id": one.correlation_id,
    }


def retry(
    record_id: Annotated[str | None, typer.Argument(metavar="RECORD", help="One record.")] = None,
    issue: Annotated[str | None, typer.Option(metavar="ID", help="All of a cause.")] = None,
    connection: Annotated[str | None, typer.Option(metavar="ID", help="All of a filter.")] = None,
    status: Annotated[SyncStatus | None, typer.Option(help="With --connection.")] = None,
    kind: Annotated[str | None, typer.Option("--type", help="With --connection.")] = None,
    *,
    again: Annotated[
        bool, typer.Option("--again", help="Make a new document for one deleted in the ledger.")
    ] = False,
) -> None:
    """Push again: one record, all of a cause, or all of a filter.

    Example: ledgerbridge retry --connection 4f1d2c3b --status rejected --type invoices
    """
    if sum(one is not None for one in (record_id, issue, connection)) != 1:
        raise InvalidInputError("give one of RECORD, --issue and --connection")
    if connection is not None and status is None:
        raise InvalidInputError("--connection needs --status: say which records are meant")
    with running(hints=True) as runtime:
        with runtime.begin() as work:
            record_uuid = resolve(work, "record", record_id) if record_id else None
            issue_uuid = resolve(work, "issue", issue) if issue else None
            connection_uuid = resolve(work, "connection", connection) if connection else None
        if again:
            if record_uuid is None:
                raise InvalidInputError("--again needs one RECORD")
            control.create_again(runtime.engine, record_uuid, actor=actor())
            queued = 1
        else:
            queued = control.retry(
                runtime.engine,
                actor=actor(),
                record_id=record_uuid,
                issue_id=issue_uuid,
                connection_id=connection_uuid,
                status=status,
                kind=object_type(kind) if kind else None,
            )
    say(f"{count(queued, 'record')} will be pushed again.")


def settle(
    record_id: Record,
    platform_id: Annotated[str, typer.Option(help="The ledger's id of the object.")],
    reason: Annotated[str, typer.Option(help="Why; it stays in the log.")],
) -> None:
    """Note that a record was entered in the ledger by hand; verified there.

    Example: ledgerbridge settle 9ac01f77 --platform-id 812 --reason "entered by Anna"
    """
    with running(hints=True) as runtime:
        with runtime.begin() as work:
            record_uuid = resolve(work, "record", record_id)
        control.settle(
            runtime.engine, record_uuid, platform_id=platform_id, reason=reason, actor=actor()
        )
    say("Settled: the ledger has it, and what waited for it goes on.")


def skip(
    record_id: Record,
    reason: Annotated[str, typer.Option(help="Why; it stays in the log.")],
) -> None:
    """Never push a record.

    Example: ledgerbridge skip 9ac01f77 --reason "test invoice"
    """
    with running() as runtime:
        with runtime.begin() as work:
            record_uuid = resolve(work, "record", record_id)
        control.skip(runtime.engine, record_uuid, reason=reason, actor=actor())
    say("Skipped: it will not be pushed.")
