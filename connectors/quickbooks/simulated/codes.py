"""Setting up tax codes, with rates of their own."""

from collections.abc import Mapping
from decimal import Decimal

from connectors.quickbooks.simulated.answers import Json
from connectors.quickbooks.simulated.books import Books, Row


def add_code(books: Books, name: str, lists: Mapping[str, list[Decimal]]) -> str:
    """A tax code with a rate of its own for each percentage of each side."""
    body: Json = {
        "Name": name,
        "Description": name,
        "Active": True,
        "Hidden": False,
        "Taxable": True,
        "TaxGroup": True,
        "TaxCodeConfigType": "USER_DEFINED",
    }
    for side, percents in lists.items():
        details = []
        for place, percent in enumerate(percents):
            kind = "Sales" if side.startswith("Sales") else "Purchases"
            title = f"{percent:f}% {name} ({kind})" + (f" {place + 1}" if place else "")
            rate = _rate(books, title, percent)
            details.append(
                {
                    "TaxRateRef": {"value": rate.id, "name": rate.body["Name"]},
                    "TaxTypeApplicable": "TaxOnAmount",
                    "TaxOrder": place,
                }
            )
        body[side] = {"TaxRateDetail": details}
    return books.add("TaxCode", body).id


def _rate(books: Books, name: str, percent: Decimal) -> Row:
    return books.add(
        "TaxRate",
        {
            "Name": name,
            "Description": name,
            "Active": True,
            "RateValue": percent,
            "AgencyRef": {"value": "1"},
            "SpecialTaxType": "NONE",
            "DisplayType": "ReadOnly",
            "EffectiveTaxRate": [
                {"RateValue": percent, "EffectiveDate": "2011-01-04T00:00:00-08:00"}
            ],
        },
    )
