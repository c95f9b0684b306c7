"""Tax codes and the rates inside them: what comes to how much, and overriding what is computed.

Lines name codes, codes hold rates, for sales and for purchases apart (page "manage sales tax for
non-US locales", read 2026-11-20). In the US lines are `TAX` or `NON` and one code is for all.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from connectors.quickbooks.values import day_or_none, linked, rate
from connectors.quickbooks.wire import RateList, TaxCodeRow, TaxRateRow, id_of
from models.canonical import AnyDocument, TaxComponent, TaxRate, TaxUse
from models.canonical.money import ZERO, rounded, total_of

TAX, NON = "TAX", "NON"
PURCHASES = ":purchases"
"""Behind the id of a code whose purchases are taxed with another percentage than its sales."""
_HUNDRED = Decimal(100)
_COMPOUND = {"taxontax", "taxonamountplustax"}


def code_of(tax_rate_id: str) -> str:
    """The code that a tax rate of ours is."""
    return tax_rate_id.removesuffix(PURCHASES)


@dataclass(frozen=True)
class Part:
    """A rate inside a code."""

    rate_id: str
    name: str
    percent: Decimal
    """Of the net amount, also where it is levied on other taxes."""
    compound: bool


class Taxes:
    """A company's codes and rates."""

    def __init__(self, codes: Iterable[TaxCodeRow], rates: Iterable[TaxRateRow]) -> None:
        self._codes = {row.id: row for row in codes if row.id}
        self._rates = {row.id: row for row in rates if row.id}

    def parts(self, code_id: str, *, bought: bool, on: dt.date | None = None) -> list[Part]:
        """The rates of a code for one side."""
        code = self._codes.get(code_id)
        if code is None:
            return []
        listed = code.purchase_tax_rate_list if bought else code.sales_tax_rate_list
        return self._parts(listed, on)

    def _parts(self, listed: RateList | None, on: dt.date | None) -> list[Part]:
        found: list[Part] = []
        details = listed.tax_rate_detail if listed else ()
        for detail in sorted(details, key=lambda one: one.tax_order or 0):
            rate_id = id_of(detail.tax_rate_ref)
            row = self._rates.get(rate_id or "")
            if rate_id is None or row is None:
                continue
            percent = _percent(row, on)
            kind = (detail.tax_type_applicable or "").lower()
            below = total_of(part.percent for part in found)
            if kind == "taxontax":
                percent = percent * below / _HUNDRED
            elif kind == "taxonamountplustax":
                percent = percent * (_HUNDRED + below) / _HUNDRED
            found.append(Part(rate_id, row.name or rate_id, percent, kind in _COMPOUND))
        return found

    def records(self, code: TaxCodeRow) -> list[TaxRate]:
        """The tax rates of ours that a code is: one, or two where its sides differ."""
        if code.tax_group is False and code.id in {TAX, NON}:
            return [self._pseudo(code)]
        sides = {
            use: self._parts(listed, None)
            for use, listed in (
                (TaxUse.SALES, code.sales_tax_rate_list),
                (TaxUse.PURCHASES, code.purchase_tax_rate_list),
            )
            if listed and listed.tax_rate_detail
        }
        if not sides:
            return [self._record(code, code.id or "", TaxUse.BOTH, [], known=False)]
        percents = {use: total_of(part.percent for part in parts) for use, parts in sides.items()}
        if len(sides) == 1 or len(set(percents.values())) == 1:
            use, parts = next(iter(sides.items()))
            shared = use if len(sides) == 1 else TaxUse.BOTH
            return [self._record(code, code.id or "", shared, parts)]
        return [
            self._record(code, code.id or "", TaxUse.SALES, sides[TaxUse.SALES]),
            self._record(code, f"{code.id}{PURCHASES}", TaxUse.PURCHASES, sides[TaxUse.PURCHASES]),
        ]

    @staticmethod
    def _pseudo(code: TaxCodeRow) -> TaxRate:
        """`TAX` and `NON` have no percentage: the first can be named by id, and is never chosen."""
        return TaxRate(
            id=code.id or "",
            name=code.name or code.id or "",
            rate=ZERO,
            active=code.id == NON and code.active is not False,
        )

    @staticmethod
    def _record(
        code: TaxCodeRow, record_id: str, use: TaxUse, parts: Sequence[Part], *, known: bool = True
    ) -> TaxRate:
        several = parts if len(parts) > 1 else ()
        return TaxRate(
            id=record_id,
            name=(code.name or record_id)[:255],
            code=code.name,
            rate=rate(total_of(part.percent for part in parts)) or ZERO,
            components=tuple(
                TaxComponent(
                    name=part.name[:255], rate=rate(part.percent) or ZERO, compound=part.compound
                )
                for part in several
            ),
            use=use,
            active=known and code.active is not False and not code.hidden,
        )

    # Writing.

    def override(
        self, record: AnyDocument, *, bought: bool, always: bool = False
    ) -> dict[str, Any] | None:
        """`TxnTaxDetail` with our tax, where it is not what QuickBooks may compute; None: it is.

        How QuickBooks rounds is not documented: both usual ways must come to what we state. An
        update says it `always`, for what it leaves out may stay as it was.
        """
        nets = _nets(record)
        stated = _stated(record, nets)
        if stated is None or not nets:
            return None
        money, same = record.currency, True
        lines: list[dict[str, Any]] = []
        for code_id, amounts in nets.items():
            parts = self.parts(code_id, bought=bought, on=record.issue_date)
            net, tax = total_of(amounts), stated[code_id]
            shares = [rounded(net * part.percent / _HUNDRED, money) for part in parts]
            by_line = total_of(
                rounded(one * part.percent / _HUNDRED, money) for one in amounts for part in parts
            )
            same = same and tax == total_of(shares) == by_line
            if not parts:
                if tax != ZERO:
                    return None
                continue
            shares[0] += tax - total_of(shares)
            lines += [
                _tax_line(part, net, share) for part, share in zip(parts, shares, strict=True)
            ]
        return None if same and not always else {"TotalTax": record.tax_total, "TaxLine": lines}


def _tax_line(part: Part, net: Decimal, tax: Decimal) -> dict[str, Any]:
    return {
        "Amount": tax,
        "DetailType": "TaxLineDetail",
        "TaxLineDetail": {
            "TaxRateRef": linked(part.rate_id),
            "PercentBased": True,
            "TaxPercent": rate(part.percent),
            "NetAmountTaxable": net,
        },
    }


def _nets(record: AnyDocument) -> dict[str, list[Decimal]]:
    """The net amounts that each code taxes, line by line."""
    found: dict[str, list[Decimal]] = {}
    for line in record.lines:
        if line.tax_rate_id:
            found.setdefault(code_of(line.tax_rate_id), []).append(line.net_amount)
    for part in record.allowances_charges:
        if part.tax_rate_id:
            signed = part.amount if part.kind == "charge" else -part.amount
            found.setdefault(code_of(part.tax_rate_id), []).append(signed)
    return found


def _stated(
    record: AnyDocument, nets: Mapping[str, Sequence[Decimal]]
) -> dict[str, Decimal] | None:
    """The tax that we state for each code; None where it cannot be told apart."""
    if len(nets) == 1:
        return dict.fromkeys(nets, record.tax_total)
    stated = dict.fromkeys(nets, ZERO)
    for subtotal in record.tax_breakdown:
        code = code_of(subtotal.tax_rate_id) if subtotal.tax_rate_id else ""
        if code in stated:
            stated[code] += subtotal.tax_amount
        elif subtotal.tax_amount:
            return None
    return stated if record.tax_breakdown else None


def _percent(row: TaxRateRow, on: dt.date | None) -> Decimal:
    """What a rate is, or was on a day."""
    if on is not None:
        for one in row.effective_tax_rate:
            start, end = day_or_none(one.effective_date), day_or_none(one.end_date)
            begun = start is None or start <= on
            if one.rate_value is not None and begun and (end is None or on <= end):
                return one.rate_value
    return row.rate_value or ZERO
