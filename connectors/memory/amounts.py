"""What a plain ledger computes: tax, totals, and the sums that it insists on. Pure."""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal

from connectors.memory.rules import Refused, TaxRounding
from models.canonical import (
    AllowanceCharge,
    AnyRecord,
    BillingDocument,
    JournalEntry,
    Line,
    Payment,
    TaxSubtotal,
)
from models.canonical.money import ZERO, rounded, shown, total_of

RateOf = Callable[[str | None, Decimal | None], tuple[str | None, Decimal]]
"""(id of a rate, its percentage), as far as a line names them → both."""


def computed(document: BillingDocument, rounding: TaxRounding, rate_of: RateOf) -> AnyRecord:
    """The document with the ledger's own tax and totals; the lines' net amounts are believed.

    Raises:
        Refused: It comes to less than nothing.
    """
    groups: defaultdict[tuple[str | None, Decimal], list[Decimal]] = defaultdict(list)
    for part, amount in _taxed(document):
        groups[rate_of(part.tax_rate_id, part.tax_rate)].append(amount)
    breakdown = tuple(
        TaxSubtotal(
            taxable_amount=total_of(amounts),
            tax_amount=_tax(amounts, percent, rounding, document.currency),
            rate=percent,
            tax_rate_id=rate_id,
        )
        for (rate_id, percent), amounts in groups.items()
    )
    net = total_of(part.taxable_amount for part in breakdown)
    tax = total_of(part.tax_amount for part in breakdown)
    payable = net + tax - document.prepaid_amount + document.rounding_amount
    if payable < ZERO:
        raise Refused(
            "negative_total",
            f"it comes to {shown(payable, document.currency)}: enter a credit note instead",
        )
    return document.model_copy(  # type: ignore[return-value]  # a copy is of the same class
        update={
            "tax_breakdown": breakdown,
            "line_total": total_of(line.net_amount for line in document.lines),
            "allowance_total": _sum_of(document, "allowance"),
            "charge_total": _sum_of(document, "charge"),
            "net_total": net,
            "tax_total": tax,
            "total": net + tax,
            "payable_amount": payable,
            "balance": payable,
        }
    )


def _taxed(document: BillingDocument) -> Iterator[tuple[Line | AllowanceCharge, Decimal]]:
    """What is taxed, with its amount: lines, and what is granted or charged on the document."""
    for line in document.lines:
        yield line, line.net_amount
    for part in document.allowances_charges:
        yield part, -part.amount if part.kind == "allowance" else part.amount


def _tax(amounts: list[Decimal], percent: Decimal, rounding: TaxRounding, currency: str) -> Decimal:
    if rounding is TaxRounding.PER_RATE:
        return rounded(total_of(amounts) * percent / 100, currency)
    return total_of(rounded(amount * percent / 100, currency) for amount in amounts)


def _sum_of(document: BillingDocument, kind: str) -> Decimal:
    return total_of(part.amount for part in document.allowances_charges if part.kind == kind)


def exact(line: Line, currency: str) -> bool:
    """Whether a line's price x quantity is its net amount."""
    gross = line.unit_price * line.quantity / (line.price_base_quantity or 1)
    extra = total_of(
        part.amount if part.kind == "charge" else -part.amount for part in line.allowances_charges
    )
    return rounded(gross + extra, currency) == line.net_amount


def insist_on_exact_lines(document: BillingDocument) -> None:
    """Refuse a line whose price x quantity is not its net amount."""
    for position, line in enumerate(document.lines, start=1):
        if not exact(line, document.currency):
            raise Refused(
                "line_differs",
                f"line {position}: price x quantity is not {shown(line.net_amount, document.currency)}",
                line=str(position),
            )


def insist_on_balance(entry: JournalEntry) -> None:
    """Refuse an entry whose sides differ."""
    credit = total_of(line.credit for line in entry.lines)
    if entry.total != credit or not entry.total:
        raise Refused(
            "unbalanced",
            f"debits are {shown(entry.total, entry.currency)}, "
            f"credits {shown(credit, entry.currency)}",
        )


def day_of(record: AnyRecord) -> dt.date | None:
    """The day that a document belongs to; None for what has none."""
    match record:
        case BillingDocument():
            return record.issue_date
        case Payment() | JournalEntry():
            return record.date
    return None
