"""The amounts of a marketplace document as our records hold them: pure.

Totals and lines are taken as they are stated. What is not stated is worked out: which of a line's
two net amounts make up the total, and how the tax is spread over the rates.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from connectors.softwareone.wire import Document, DocumentLine
from models.canonical import TaxSubtotal
from models.canonical.money import (
    CURRENCY_DIGITS,
    ZERO,
    cent,
    equal_to_the_cent,
    rounded,
    shown,
    total_of,
)

_AMOUNT = Decimal("0.0001")
_PRICE = Decimal("0.000000000001")
_HUNDRED = Decimal(100)
_REVERSE_CHARGE = "reverse charge"
_MOST_ROUNDING = Decimal("0.01")
"""How far the stated gross may be from net and tax together."""


def amount(value: Decimal) -> Decimal:
    """An amount with the four decimals that we keep; the platform may state 14."""
    return _at_most(value, _AMOUNT)


def price(value: Decimal) -> Decimal:
    """A unit price or quantity, with twelve."""
    return _at_most(value, _PRICE)


def _at_most(value: Decimal, smallest: Decimal) -> Decimal:
    exponent = value.as_tuple().exponent
    if isinstance(exponent, str):
        raise ValueError(f"{value} is no number")  # noqa: TRY004  # a bad value, not a bad type
    least = smallest.as_tuple().exponent
    assert isinstance(least, int)  # noqa: S101  # one of the two above
    return value.quantize(smallest, rounding=ROUND_HALF_UP) if exponent < least else value


@dataclass(frozen=True)
class Totals:
    """Net, tax and gross; the gross may differ by a cent, which is rounding then."""

    net: Decimal
    tax: Decimal
    gross: Decimal

    @property
    def rounding(self) -> Decimal:
        """What is paid besides net and tax."""
        return self.gross - self.net - self.tax


def currency_of(document: Document) -> str:
    """The document's currency.

    Raises:
        ValueError: There is none, or nobody knows it.
    """
    currency = document.price.currency or document.erp_data.currency_code or ""
    if currency not in CURRENCY_DIGITS:
        raise ValueError(f"price.currency: {currency!r} is not a currency of ISO 4217")
    return currency


def totals_of(document: Document, currency: str) -> Totals:
    """The stated totals; one of the three may be missing.

    Raises:
        ValueError: Too little is stated, or it contradicts itself by more than a cent.
    """
    stated = document.price
    net, tax, gross = stated.total_sp, stated.total_st, stated.total_gt
    if net is None and gross is not None:
        net = gross - (tax or ZERO)
    if net is None:
        raise ValueError("price: neither totalSP nor totalGT is stated")
    if tax is None:
        tax = gross - net if gross is not None else ZERO
    if gross is None:
        gross = net + tax
    found = Totals(*(rounded(one, currency) for one in (net, tax, gross)))
    if abs(found.rounding) > max(_MOST_ROUNDING, cent(currency)):
        raise ValueError(
            f"price: the gross total is {shown(found.gross, currency)}, but net and tax are "
            f"{shown(found.net + found.tax, currency)}"
        )
    return found


def billed(document: Document) -> list[DocumentLine]:
    """The lines that say an amount; others are texts between them."""
    return [line for line in document.lines or [] if not _is_text(line)]


def _is_text(line: DocumentLine) -> bool:
    names = ("line_amount", "amount", "amount_including_vat", "unit_price")
    return not line.quantity and not any(line.stated(name) for name in names)


def net_amounts(lines: Sequence[DocumentLine], net: Decimal, currency: str) -> list[Decimal]:
    """The lines' net amounts: whichever of the two stated ones adds up to the stated total.

    `lineAmount` is after the line's own discount; `amount` has its part of a discount on the whole
    document taken off, too.

    Raises:
        ValueError: A line states neither.
    """
    ways: list[list[Decimal]] = []
    for first, second in (("line_amount", "amount"), ("amount", "line_amount")):
        ways.append([_net(line, first, second) for line in lines])
    fitting = (way for way in ways if equal_to_the_cent(total_of(way), net, currency))
    return next(fitting, ways[0])


def _net(line: DocumentLine, first: str, second: str) -> Decimal:
    for name in (first, second):
        stated = line.stated(name)
        if stated is not None:
            return amount(stated)
    raise ValueError(f"line {line.line_no or line.id or '?'}: neither lineAmount nor amount")


def category(line: DocumentLine) -> str | None:
    """The category of EN 16931 (BT-151), where the ERP's kind of calculation tells it."""
    if _REVERSE_CHARGE in (line.stated("vat_calculation_type") or "").lower():
        return "AE"
    return "S" if line.stated("vat_percent") else None


def percent(line: DocumentLine) -> Decimal | None:
    """The line's tax rate."""
    stated: Decimal | None = line.stated("vat_percent")
    return stated


@dataclass
class _Group:
    rate: Decimal
    category: str | None
    taxable: Decimal = ZERO
    tax: Decimal = ZERO


def breakdown(
    lines: Sequence[DocumentLine], nets: Sequence[Decimal], tax: Decimal, currency: str
) -> tuple[TaxSubtotal, ...]:
    """Spread the stated tax over the rates; what rounding leaves goes to the largest part.

    Raises:
        ValueError: The rates and the stated tax do not belong together.
    """
    groups: dict[object, _Group] = {}
    for line, net in zip(lines, nets, strict=True):
        rate = percent(line)
        if rate is None:
            continue
        kind = category(line)
        group = groups.setdefault((rate, kind), _Group(rate, kind))
        group.taxable += net
    _spread(
        [one for one in groups.values() if one.rate and one.category != "AE"], tax, lines, currency
    )
    return tuple(
        TaxSubtotal(
            taxable_amount=group.taxable,
            tax_amount=group.tax,
            rate=group.rate,
            category=group.category,
        )
        for group in groups.values()
    )


def _spread(
    taxed: Sequence[_Group], tax: Decimal, lines: Sequence[DocumentLine], currency: str
) -> None:
    if tax == ZERO:
        return  # the tax is the buyer's, or there is none: rates explain, amounts count
    if not taxed:
        raise ValueError(f"{shown(tax, currency)} of tax is stated, but no line has a tax rate")
    for group in taxed:
        group.tax = rounded(group.taxable * group.rate / _HUNDRED, currency)
    computed = total_of(group.tax for group in taxed)
    if abs(tax - computed) > cent(currency) * max(len(lines), 1):
        raise ValueError(
            f"{shown(tax, currency)} of tax is stated, "
            f"but the lines' rates come to {shown(computed, currency)}"
        )
    max(taxed, key=lambda group: abs(group.tax)).tax += tax - computed
