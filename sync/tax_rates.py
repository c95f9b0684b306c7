"""Which of a ledger's tax rates a line means: pure.

In this order: what a person mapped, the owner's rate id, the exact percentage. A percentage
that fits several rates is a question for a person; several may be 0 % and mean different things.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from connectors.errors import Cause
from models.canonical import TaxRate, TaxUse
from models.canonical.money import plain


class UnmatchedError(Exception):
    """There is no single counterpart; `cause` says why."""

    def __init__(self, cause: Cause) -> None:
        super().__init__(cause.code)
        self.cause = cause


def match_rate(
    *,
    rate_id: str | None,
    percent: Decimal | None,
    use: TaxUse,
    mapped: Mapping[str, str],
    rates: Sequence[TaxRate],
) -> str:
    """Find the ledger's rate for a line.

    Args:
        rate_id: The owner's id of the rate, if the line names one.
        percent: The line's percentage (20 means 20 %).
        use: Whether the line is sold or bought.
        mapped: What people mapped: our rate id or percentage → the ledger's rate id.
        rates: The ledger's rates.

    Returns:
        The ledger's id of the rate.

    Raises:
        UnmatchedError: None fits, or several do.
    """
    percentage = plain(percent) if percent is not None else None
    for ours in (rate_id, percentage):
        if ours is not None and ours in mapped:
            return mapped[ours]
    if rate_id is not None and any(rate.id == rate_id for rate in rates):
        return rate_id
    fitting = [
        rate
        for rate in rates
        if rate.active and rate.rate == percent and rate.use in {use, TaxUse.BOTH}
    ]
    if len(fitting) == 1:
        return fitting[0].id
    ours = percentage if percentage is not None else str(rate_id)
    words = {"rate": ours, "ours": ours, "candidates": ", ".join(rate.name for rate in fitting)}
    code = "tax_rate_ambiguous" if fitting else "tax_rate_unmapped"
    raise UnmatchedError(Cause(code, ours, words))
