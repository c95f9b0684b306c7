"""`ledgerbridge preflight` and `preview`: would it post, and what would be sent."""

import json
from typing import Annotated, Any

import typer
from rich.text import Text

from cli.context import resolve, running
from cli.issues import ACTORS
from cli.output import JSON_OPTION, count, details, emit, out, say, table
from models.ids import short
from sync import preflight as sync_preflight
from sync.catalogue import Actor
from sync.preflight import NOT_ASKED, Fate, Preflight, Preview, Waiting


def preflight(
    connection: Annotated[str, typer.Argument(metavar="CONNECTION", help="Its id, or the end.")],
    document: Annotated[
        str | None, typer.Option(metavar="ID", help="Only this document: its id, or the end.")
    ] = None,
    *,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Say what would post and what would wait, without writing; exit code 1 when something waits.

    Example: ledgerbridge preflight 4f1d2c3b
    """
    with running() as runtime:
        with runtime.begin() as work:
            connection_id = resolve(work, "connection", connection)
            document_id = resolve(work, "document", document) if document else None
        result = sync_preflight.preflight(runtime.engine, connection_id, document_id=document_id)
    if as_json:
        emit(_rows(result))
    else:
        _show(result)
    if not result.everything_posts:
        raise typer.Exit(1)


def _rows(result: Preflight) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [
        {
            "result": Fate.POSTS,
            "records": result.counts[Fate.POSTS],
            "after_parent": result.after_parent,
            "refused_before": result.refused_before,
        },
        {"result": Fate.THERE, "records": result.counts[Fate.THERE]},
        {"result": Fate.NEVER, "records": result.counts[Fate.NEVER]},
    ]
    if result.obstacle:
        rows.append(
            {
                "result": "connection",
                "sentence": result.obstacle.sentence,
                "actor": result.obstacle.actor,
                "next_step": result.obstacle.next_step,
            }
        )
    return rows + [_waiting(group) for group in result.waiting]


def _waiting(group: Waiting) -> dict[str, Any]:
    return {
        "result": Fate.WAITS,
        "records": group.records,
        "code": group.cause.code,
        "subject": group.cause.subject,
        "sentence": group.cause.sentence,
        "actor": group.cause.actor,
        "next_step": group.next_step,
        "issue": group.issue_id,
        "documents": [
            {"record": str(one.record_id), "document": one.what} for one in group.examples
        ],
    }


def _show(result: Preflight) -> None:
    if not result.checked:
        say("Nothing waits to be posted.")
        return
    if result.obstacle:
        _block(
            result.obstacle.sentence,
            ["nothing is posted before that", ACTORS[result.obstacle.actor]],
            result.obstacle.next_step,
        )
    for line in _counts(result):
        out.print(Text(line), soft_wrap=True)
    for group in result.waiting:
        out.print()
        about = [
            f"{count(group.records, 'record')} would wait",
            ACTORS[Actor(group.cause.actor)],
            *([f"issue {short(group.issue_id)}"] if group.issue_id else []),
        ]
        _block(group.cause.sentence, about, group.next_step)
        named = ", ".join(one.what for one in group.examples)
        more = group.records - len(group.examples)
        out.print(Text(f"  {named}{f' and {more:,} more' if more else ''}", "dim"), soft_wrap=True)
    say(NOT_ASKED)


def _counts(result: Preflight) -> list[str]:
    posts, there, never = (result.counts[fate] for fate in (Fate.POSTS, Fate.THERE, Fate.NEVER))
    lines = [f"{count(posts, 'record')} would post."]
    if result.after_parent:
        lines.append(f"  {result.after_parent:,} of them after a document that they name.")
    if result.refused_before:
        were, go = ("was", "goes") if result.refused_before == 1 else ("were", "go")
        lines.append(
            f"  {result.refused_before:,} of them {were} stopped before and {go} out after a "
            "`ledgerbridge retry`."
        )
    if there:
        lines.append(f"{count(there, 'record')} would need no sending: the ledger has them.")
    if never:
        lines.append(f"{count(never, 'record')} would never be sent: void, deleted or skipped.")
    return lines


def _block(sentence: str, about: list[str], next_step: str) -> None:
    out.print(Text(sentence, "bold"), soft_wrap=True)
    out.print(Text(f"  {' · '.join(about)}", "dim"), soft_wrap=True)
    out.print(Text(f"  {next_step}"), soft_wrap=True)


def preview(
    record_id: Annotated[
        str, typer.Argument(metavar="RECORD", help="The record's id, or the end of it.")
    ],
    *,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Show what would be sent for a record, and how it differs from what the ledger has.

    Example: ledgerbridge preview 9ac01f77
    """
    with running() as runtime:
        with runtime.begin() as work:
            record = resolve(work, "record", record_id)
        shown = sync_preflight.preview(runtime.engine, record)
    if as_json:
        emit([_as_dict(shown)])
        return
    details(
        [
            ("record", str(shown.record_id)),
            ("document", shown.what),
            ("status", shown.status.value.replace("_", " ")),
            ("would be sent", shown.operation),
            ("why", shown.why),
            ("next step", shown.next_step),
            ("after", ", ".join(shown.after)),
            ("in the ledger", shown.platform_id),
            ("ledger as of", shown.seen_at),
        ]
    )
    if shown.seen_at:
        table(
            ["field", "ours", "ledger"],
            [(one.field, one.ours, one.theirs) for one in shown.differences],
            empty="Both sides agree in dates, sums and names.",
        )
    if shown.body is not None and shown.operation != sync_preflight.NOTHING:
        out.print(Text(json.dumps(shown.body, indent=2, ensure_ascii=False)), soft_wrap=True)


def _as_dict(shown: Preview) -> dict[str, Any]:
    return {
        "id": shown.record_id,
        "connection": shown.connection_id,
        "type": shown.type,
        "document": shown.what,
        "status": shown.status,
        "operation": shown.operation,
        "why": shown.why,
        "code": shown.code,
        "next_step": shown.next_step,
        "after": list(shown.after),
        "idempotency_key": shown.idempotency_key,
        "platform_object_id": shown.platform_id,
        "ledger_as_of": shown.seen_at,
        "differences": [
            {"field": one.field, "ours": one.ours, "ledger": one.theirs}
            for one in shown.differences
        ],
        "payload": shown.body,
    }
