"""How a document's tax is spread over its rates, which Qargo does not state: pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from connectors.qargo import wire
from connectors.qargo.texts import short
from models.canonical import TaxSubtotal
from models.canonical.money import ZERO, cent, rounded, shown
from models.canonical.money import total_of as sum_of

# Both leave the tax to the buyer (EN 16931, BT-151). The others say less than a category does,
# and pass as they are.
_CATEGORIES = {"REVERSE_CHARGE": "AE", "CO_CONTRACTING": "AE"}
_HUNDRED = Decimal(100)


def category(tax_type: str | None, percentage: Decimal | None) -> str | None:
    """The category of EN 16931 (BT-151), or Qargo's own word."""
    if tax_type in {None, "VAT"}:
        return "S" if percentage else None
    return _CATEGORIES.get(tax_type or "", short(tax_type))


@dataclass
class _Group:
    """The lines of one rate."""

    rate: Decimal
    rate_id: str | None
    category: str | None
    taxable: Decimal = ZERO
    tax: Decimal = ZERO


def breakdown(
    instance: wire.Instance, amounts: Sequence[Decimal], tax: Decimal
) -> tuple[TaxSubtotal, ...]:
    """Spread the stated tax over the rates; what rounding leaves goes to the largest part.

    Raises:
        ValueError: The rates and the stated tax do not belong together.
    """
    currency = instance.currency
    groups: dict[object, _Group] = {}
    for item, amount in zip(instance.line_items, amounts, strict=True):
        if item.currency and item.currency != currency:
            raise ValueError(f"a line is in {item.currency}, the document in {currency}")
        rate = item.tax_rate
        if rate is None or rate.percentage is None:
            continue
        kind = category(rate.tax_type, rate.percentage)
        fresh = _Group(rate.percentage, rate.id or None, kind)
        group = groups.setdefault((rate.percentage, rate.id, kind), fresh)
        group.taxable += amount
    stated = all(
        item.tax_rate and item.tax_rate.percentage is not None for item in instance.line_items
    )
    _spread([group for group in groups.values() if group.rate], tax, instance, certain=stated)
    return tuple(
        TaxSubtotal(
            taxable_amount=group.taxable,
            tax_amount=group.tax,
            rate=group.rate,
            category=group.category,
            tax_rate_id=group.rate_id,
        )
        for group in groups.values()
    )


def _spread(
    taxed: Sequence[_Group], tax: Decimal, instance: wire.Instance, *, certain: bool
) -> None:
    """`certain`: every line says its rate, so that a single one must have all the tax."""
    currency = instance.currency
    if tax == ZERO:
        return  # the tax is the buyer's, or there is none: rates explain, amounts count
    if not taxed:
        raise ValueError(f"{shown(tax, currency)} of tax is stated, but no line has a tax rate")
    if len(taxed) == 1 and certain:
        taxed[0].tax = tax
        return
    for group in taxed:
        group.tax = rounded(group.taxable * group.rate / _HUNDRED, currency)
    computed = sum_of(group.tax for group in taxed)
    if abs(tax - computed) > cent(currency) * len(instance.line_items):
        raise ValueError(
            f"{shown(tax, currency)} of tax is stated, "
            f"but the lines' rates come to {shown(computed, currency)}"
        )
    max(taxed, key=lambda group: abs(group.tax)).tax += tax - computed
