"""Tax of a document: by code and line outside the US, one decision per document in it.

Pages "Manage sales tax for (non-)US locales" and the XSD's `EffectiveTaxRate` (read 2026-11-20).
Tax is rounded half up per rate and document; that is our reading. Automated sales tax is computed
from addresses in reality, here it is one rate for everybody who is taxable.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from connectors.quickbooks.simulated import answers
from connectors.quickbooks.simulated.answers import Json
from connectors.quickbooks.simulated.books import Books, Row
from connectors.quickbooks.simulated.values import ZERO, amount, cents, id_in, mapping, objects

EXCLUDED, INCLUSIVE, NONE = "TaxExcluded", "TaxInclusive", "NotApplicable"
HUNDRED = Decimal(100)


@dataclass(frozen=True)
class Share:
    """A part of a document that is taxed with one code."""

    code: str
    net: Decimal


def percent_on(rate: Row, on: dt.date) -> Decimal:
    """What a rate came to on a day."""
    for period in rate.body.get("EffectiveTaxRate") or ():
        start = dt.date.fromisoformat(period["EffectiveDate"][:10])
        end = period.get("EndDate")
        if start <= on and (end is None or on <= dt.date.fromisoformat(end[:10])):
            value: Decimal = period["RateValue"]
            return value
    known: Decimal = rate.body["RateValue"]
    return known


def rates_of(books: Books, code: str, *, sales: bool, on: dt.date) -> list[tuple[Row, Decimal]]:
    """The rates of a code with their percentages, compound ones resolved to the net amount."""
    details = books.row("TaxCode", code).body.get(_side(sales), {}).get("TaxRateDetail", [])
    found: list[tuple[Row, Decimal]] = []
    before = ZERO
    for detail in sorted(details, key=lambda one: one.get("TaxOrder", 0)):
        rate = books.row("TaxRate", detail["TaxRateRef"]["value"])
        own = percent_on(rate, on)
        match detail["TaxTypeApplicable"]:
            case "TaxOnAmountPlusTax":
                own = own * (HUNDRED + before) / HUNDRED
            case "TaxOnTax":
                own = own * before / HUNDRED
        before += own
        found.append((rate, own))
    return found


def percent(books: Books, code: str, *, sales: bool, on: dt.date) -> Decimal | None:
    """What a code comes to; None where it has no rates on that side."""
    rates = rates_of(books, code, sales=sales, on=on)
    return sum((own for _, own in rates), ZERO) if rates else None


def net_of(books: Books, gross: Decimal, code: str, *, sales: bool, on: dt.date) -> Decimal:
    """The net amount in an amount that includes its tax."""
    rate = percent(books, code, sales=sales, on=on) or ZERO
    return cents(gross * HUNDRED / (HUNDRED + rate))


def line_code(books: Books, detail: Json, mode: str, *, sales: bool) -> str | None:
    """The tax code of a line, as far as it must have one.

    Raises:
        Refused: It has none although it must, or one that is not there.
    """
    given = id_in(detail, "TaxCodeRef")
    if books.american:
        if given not in {None, "TAX", "NON"}:
            raise answers.unknown_reference("TaxCode", given)
        return given
    if given is None:
        if mode == NONE:
            return None
        raise answers.business("Make sure all your transactions have a VAT rate before you save.")
    books.reference("TaxCode", detail, "TaxCodeRef")
    if not books.row("TaxCode", given).body.get(_side(sales)):
        raise answers.business("This VAT rate cannot be used for this kind of transaction.")
    return given


def _side(sales: bool) -> str:
    return "SalesTaxRateList" if sales else "PurchaseTaxRateList"


def computed(
    books: Books, shares: Sequence[Share], *, sales: bool, on: dt.date, given: Json
) -> Json:
    """`TxnTaxDetail` of a document outside the US; tax lines that were sent win."""
    nets: dict[str, Decimal] = {}
    parts: dict[str, tuple[Decimal, Decimal]] = {}
    for share in shares:
        nets[share.code] = nets.get(share.code, ZERO) + share.net
    for code, net in nets.items():
        for rate, own in rates_of(books, code, sales=sales, on=on):
            base, _ = parts.get(rate.id, (ZERO, own))
            parts[rate.id] = (base + net, own)
    sent = _overrides(given, set(parts))
    amounts = {
        rate: sent.get(rate, cents(base * own / HUNDRED)) for rate, (base, own) in parts.items()
    }
    lines = [
        {
            "Amount": amounts[rate],
            "DetailType": "TaxLineDetail",
            "TaxLineDetail": {
                "TaxRateRef": {"value": rate},
                "PercentBased": True,
                "TaxPercent": own,
                "NetAmountTaxable": cents(base),
            },
        }
        for rate, (base, own) in parts.items()
    ]
    return {"TotalTax": sum(amounts.values(), ZERO), "TaxLine": lines}


def _overrides(given: Json, rates: set[str]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for line in objects(given, "TaxLine"):
        rate = id_in(mapping(line, "TaxLineDetail"), "TaxRateRef")
        said = amount(line, "Amount")
        if rate is None or said is None:
            raise answers.missing("TaxLineDetail.TaxRateRef" if rate is None else "Amount")
        if rate not in rates:
            raise answers.unknown_reference("TaxRate", rate)
        found[rate] = said
    return found


def american(books: Books, taxable: Decimal, *, on: dt.date, given: Json, exempt: bool) -> Json:
    """`TxnTaxDetail` of a sale in the US: with automated sales tax what was sent is overridden."""
    code = id_in(given, "TxnTaxCodeRef")
    if books.preferences.automatic_tax:
        code = next(row.id for row in books.rows("TaxCode") if row.body.get("TaxGroup"))
        taxable = ZERO if exempt else taxable
    elif code is None:
        return {"TotalTax": amount(given, "TotalTax") or ZERO, "TaxLine": []}
    else:
        books.reference("TaxCode", given, "TxnTaxCodeRef")
    worked = computed(books, [Share(code, taxable)], sales=True, on=on, given={})
    return {"TxnTaxCodeRef": {"value": code}, **worked}
