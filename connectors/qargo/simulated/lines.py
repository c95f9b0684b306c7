"""Lines as a test or the sample writes them, and the line items that go out for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from connectors.qargo.simulated.store import Document, LineItem, SubjectType, Tenant

_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Line:
    """A line of a document to be added.

    With `split` the line goes out as several line items, one per part, which share its
    `invoice_line_id`. Each item's `amount` is its part already: the items of a document add up
    to its total.
    """

    amount: str
    """Without tax; goes out with exactly these digits (a split line's parts with as many)."""
    name: str = "Transport"
    tax: str | None = "standard"
    """`standard`, `reduced`, `zero`, `reverse`; None: the line has no tax rate."""
    account: str | None = "usual"
    """Code of a ledger account; `usual`: 700000 for sales and 600000 for purchases; None: none."""
    code: str = "TRANSPORT"
    description: str = ""
    split: tuple[str, ...] = ()
    """Fractions that add up to 1: `("0.6", "0.4")`."""


def items_of(
    tenant: Tenant, kind: SubjectType, lines: Sequence[Line | str]
) -> tuple[LineItem, ...]:
    """The line items of a document; a plain string is an amount."""
    given = [Line(line) if isinstance(line, str) else line for line in lines]
    return tuple(item for line in given for item in _parts(tenant, kind, line))


def totals(tenant: Tenant, document: Document) -> tuple[Decimal, Decimal]:
    """What a document comes to without tax, and its tax: rounded once per rate, half up."""
    nets: dict[str | None, Decimal] = {}
    for item in document.items:
        nets[item.tax] = nets.get(item.tax, Decimal(0)) + item.amount
    tax = sum(
        (
            (net * tenant.rate(slot, document).percentage / 100).quantize(_CENT, ROUND_HALF_UP)
            for slot, net in nets.items()
            if slot is not None
        ),
        Decimal("0.00"),
    )
    return sum(nets.values(), Decimal("0.00")), tax


def _parts(tenant: Tenant, kind: SubjectType, line: Line) -> list[LineItem]:
    line_id, left = tenant.new_id(), Decimal(line.amount)
    fractions = [Decimal(one) for one in line.split or ("1",)]
    if sum(fractions) != 1:
        raise ValueError(f"the parts of a line add up to 1, not to {sum(fractions)}")
    account = line.account
    if account == "usual":
        account = "600000" if kind.purchase else "700000"
    parts = []
    for place, fraction in enumerate(fractions, 1):
        part = left
        if place < len(fractions):
            exact = Decimal(line.amount) * fraction
            part = exact.quantize(Decimal(line.amount), ROUND_HALF_UP)
        left -= part
        parts.append(
            LineItem(
                id=tenant.new_id(),
                invoice_line_id=line_id,
                name=line.name,
                description=line.description,
                amount=part,
                code=line.code,
                account=account,
                tax=line.tax,
                fraction=fraction,
                dimension=f"DIM-{place}" if line.split else None,
            )
        )
    return parts
