"""Terms of payment: when which part of an amount is due, and what is no such thing."""

import calendar
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from connectors.sage_active.simulation.refusals import Row, refuse_if

CENT = Decimal("0.01")
_LAST = 9999
_ALL = 100


def cents(amount: Decimal) -> Decimal:
    """An amount as the books keep it."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def day(moment: dt.datetime) -> dt.datetime:
    """A date-only field: the time is ignored, and nothing is shifted."""
    return dt.datetime(moment.year, moment.month, moment.day, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Instalment:
    """A part of an amount, and when it is due."""

    amount: Decimal
    due: dt.datetime
    payment_mean_id: str | None


def check(lines: Sequence[Row]) -> None:
    """Refuse terms that leave something over: REMAINING_AMOUNT must be last, with order 9999."""
    ordered = sorted(lines, key=lambda line: line["order"])
    rest = [line for line in lines if line["type"] == "REMAINING_AMOUNT"]
    percent = sum(line["value"] for line in lines if line["type"] == "PERCENTAGE")
    wrong = len(rest) > 1 or percent > _ALL
    wrong = wrong or bool(rest and (ordered[-1] is not rest[0] or rest[0]["order"] != _LAST))
    wrong = wrong or bool(lines and not rest and percent != _ALL)
    refuse_if(wrong, "global.invalidPaymentTermLines")


def instalments(lines: Sequence[Row], total: Decimal, issued: dt.datetime) -> list[Instalment]:
    """How an amount falls due; without terms all of it on the day of issue."""
    open_now, found = total, []
    for line in sorted(lines, key=lambda line: int(line["order"])):
        amount = {
            "PERCENTAGE": cents(total * line["value"] / _ALL),
            "FIXED_AMOUNT": cents(line["value"]).copy_sign(total),
        }.get(line["type"], open_now)
        if line is max(lines, key=lambda one: int(one["order"])):
            amount = open_now  # cents that percentages leave over
        open_now -= amount
        found.append(Instalment(amount, _due(line, issued), line.get("paymentMeanId")))
    return [one for one in found if one.amount] or [Instalment(total, issued, None)]


def _due(line: Row, issued: dt.datetime) -> dt.datetime:
    due = issued + dt.timedelta(days=line.get("day") or 0)
    if line.get("condition") == "END_OF_MONTH":
        due = due.replace(day=calendar.monthrange(due.year, due.month)[1])
    return due
