"""Tax registers of an entry that was not made from a document.

They are made only if an account has a tax code, that code's VAT account is among the lines, and
VAT = base x rate; otherwise the entry is stored without them and without complaint.
"""

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from connectors.sage_active.simulation import taxes, terms
from connectors.sage_active.simulation.refusals import Row
from connectors.sage_active.simulation.store import Books

if TYPE_CHECKING:
    from connectors.sage_active.simulation.entries import Line

_HUNDRED = 100


def register(
    treatment: Row, tax: Row, base: Decimal, amount: Decimal, *, surcharge: Decimal | None = None
) -> Row:
    """One row of a register; the surcharge is a fixed amount."""
    return {
        "taxTreatmentId": treatment["id"],
        "taxGroupId": treatment["taxGroupId"],
        "taxType": treatment["taxType"],
        "taxId": tax["id"],
        "taxPercentage": tax["percentage"],
        "taxBase": base,
        "taxAmount": amount,
        "deductible": treatment["registerType"] != "ISSUED",
        "regimeType": "GENERAL",
        "hasEquivalenceSurcharge": surcharge is not None,
        "equivalenceSurchargePercentage": (
            None if surcharge is None else tax["equivalenceSurchargePercentage"]
        ),
        "equivalenceSurchargeQuota": surcharge,
    }


def from_lines(books: Books, lines: Sequence["Line"], *, issued: bool) -> list[Row]:
    """The registers that follow from accounts and amounts."""
    sign = -1 if issued else 1
    bases: dict[str, Decimal] = defaultdict(Decimal)
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        amount = sign * (line.debit - line.credit)
        totals[line.account["id"]] += amount
        if treatment_id := line.account.get("taxTreatmentId"):
            bases[treatment_id] += amount
    found = []
    for treatment_id, base in bases.items():
        treatment = books.get("taxTreatments", treatment_id)
        if treatment["registerType"] != ("ISSUED" if issued else "RECEIVED"):
            continue
        tax = taxes.active_tax(books, treatment["taxGroupId"])
        account = taxes.vat_account(treatment)
        vat = terms.cents(base * tax["percentage"] / _HUNDRED)
        if account is not None and totals.get(account["id"]) == vat:
            found.append(register(treatment, tax, base, vat))
    return found
