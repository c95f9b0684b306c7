"""`ledgerbridge reconcile`: both sides compared, every difference explained."""

from typing import Annotated, Any

import typer

from cli.connections import parsed_date
from cli.context import resolve, running
from cli.output import JSON_OPTION, count, emit, err, out, say, table
from cli.progress import Status
from connectors.base import Period
from models.canonical.money import figure
from sync.reconcile import Row, by_reason
from sync.reconcile import reconcile as compare

MOST_SHOWN = 15


def reconcile(
    connection: Annotated[str, typer.Argument(metavar="CONNECTION", help="Its id, or the end.")],
    start: Annotated[str | None, typer.Option("--from", help="First day, YYYY-MM-DD.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Last day, YYYY-MM-DD.")] = None,
    *,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Compare both sides per month, type and currency; exit code 1 when something is unexplained.

    The ledger is asked directly; its figures are not copied from us.

    Example: ledgerbridge reconcile 4f1d2c3b --from 2026-01-01 --to 2026-03-31
    """
    period = Period(
        parsed_date(start, "--from").date() if start else None,
        parsed_date(end, "--to").date() if end else None,
    )
    with running() as runtime:
        with runtime.begin() as work:
            connection_id = resolve(work, "connection", connection)
        with Status("asking the ledger …") as status:
            result = compare(
                runtime.engine,
                connection_id,
                period,
                progress=lambda kind, seen: status.say(f"reading {kind.plural} … {seen:,}"),
            )
    if as_json:
        emit(_as_dict(row) for row in result.rows)
    else:
        show(result.rows)
    if not result.clean:
        say("Something is unexplained: see the lines with `?`, and the reason `unknown`.")
        raise typer.Exit(1)
    if not as_json:
        say("Every difference is explained." if by_reason(result.rows) else "Both sides agree.")


def _as_dict(row: Row) -> dict[str, Any]:
    return {
        "month": row.group.month,
        "type": row.group.kind,
        "currency": row.group.currency,
        "our_count": row.our_count,
        "our_sum": row.our_sum,
        "their_count": row.their_count,
        "their_sum": row.their_sum,
        "difference": row.difference,
        "unexplained": row.unexplained,
        "differences": [
            {
                "document": one.what,
                "reason": one.reason.value,
                "detail": one.detail,
                "ours": None if one.ours is None else str(one.ours),
                "theirs": None if one.theirs is None else str(one.theirs),
                "record": str(one.record_id) if one.record_id else None,
                "platform_id": one.platform_id,
            }
            for one in row.differences
        ],
    }


def show(rows: list[Row]) -> None:
    """Print both sides and what explains the gaps between them."""
    currencies = {row.group.currency for row in rows}
    table(
        ["month", "type", "ours>", "sum ours>", "ledger>", "sum ledger>", "difference>"],
        [
            (
                row.group.month,
                row.group.kind
                if len(currencies) == 1
                else f"{row.group.kind} {row.group.currency}",
                f"{row.our_count:,}",
                figure(row.our_sum, row.group.currency),
                f"{row.their_count:,}",
                figure(row.their_sum, row.group.currency),
                _difference(row),
            )
            for row in rows
        ],
        empty="Neither side has a document in this period.",
    )
    if len(currencies) == 1:
        out.print(f"All amounts are in {currencies.pop()}.")
    shown = [(row, one) for row in rows for one in row.differences]
    if not shown:
        return
    out.print("Why they differ:")
    table(
        ["month", "document", "reason", "detail"],
        [
            (row.group.month, one.what, one.reason.value, one.detail)
            for row, one in shown[:MOST_SHOWN]
        ],
        empty="",
    )
    if len(shown) > MOST_SHOWN:
        err.print(f"… and {count(len(shown) - MOST_SHOWN, 'more document')}: see --json")


def _difference(row: Row) -> str:
    if not row.differences and not row.unexplained:
        return "equal"
    amount = figure(row.difference, row.group.currency)
    return f"{amount} ?" if row.unexplained else amount
