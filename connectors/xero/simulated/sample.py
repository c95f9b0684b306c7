"""Three organisations: a British, an Australian and an American one, and documents for a sandbox."""

import datetime as dt
import random
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from connectors.xero.simulated import catalogue
from connectors.xero.simulated.identity import new_guid
from connectors.xero.simulated.lines import Writing
from connectors.xero.simulated.organisation import Organisation
from connectors.xero.simulated.rules import XeroRules
from connectors.xero.simulated.store import Books, Clock

COUNTRIES = ("GB", "AU", "US")
_NAMES = {
    "GB": "Harbour Freight Ltd",
    "AU": "Southern Cross Haulage Pty",
    "US": "Lakeside Logistics Inc",
}
_CURRENCIES = {"GB": ("GBP", "EUR", "USD"), "AU": ("AUD", "NZD"), "US": ("USD", "CAD")}
_HOURS = {"GB": 0, "AU": 10, "US": -5}
_ZONES = {
    "GB": "GMTSTANDARDTIME",
    "AU": "AUSEASTERNSTANDARDTIME",
    "US": "EASTERNSTANDARDTIME",
}
_PER_EURO = {
    "AUD": "1.65",
    "CAD": "1.48",
    "EUR": "1",
    "GBP": "0.86",
    "NZD": "1.79",
    "USD": "1.08",
}
_SALES_TAX, _BOUGHT_TAX = ("Revenue", "Liabilities", "Equity"), ("Expenses", "Assets")
_RATES: dict[str, tuple[tuple[str, str, tuple[tuple[str, str], ...], tuple[str, ...]], ...]] = {
    "GB": (
        ("OUTPUT2", "20% (VAT on Income)", (("VAT", "20"),), _SALES_TAX),
        ("INPUT2", "20% (VAT on Expenses)", (("VAT", "20"),), _BOUGHT_TAX),
        ("RROUTPUT", "5% (VAT on Income)", (("VAT", "5"),), _SALES_TAX),
        ("RRINPUT", "5% (VAT on Expenses)", (("VAT", "5"),), _BOUGHT_TAX),
        ("ZERORATEDOUTPUT", "Zero Rated Income", (("VAT", "0"),), _SALES_TAX),
        ("ZERORATEDINPUT", "Zero Rated Expenses", (("VAT", "0"),), _BOUGHT_TAX),
        ("EXEMPTOUTPUT", "Exempt Income", (("Exempt", "0"),), _SALES_TAX),
        ("NONE", "No VAT", (("No VAT", "0"),), catalogue.APPLIES_TO),
    ),
    "AU": (
        ("OUTPUT", "GST on Income", (("GST", "10"),), _SALES_TAX),
        ("INPUT", "GST on Expenses", (("GST", "10"),), _BOUGHT_TAX),
        ("EXEMPTOUTPUT", "GST Free Income", (("GST", "0"),), _SALES_TAX),
        ("EXEMPTEXPENSES", "GST Free Expenses", (("GST", "0"),), _BOUGHT_TAX),
        ("BASEXCLUDED", "BAS Excluded", (("None", "0"),), catalogue.APPLIES_TO),
    ),
    "US": (
        (
            "TAX001",
            "Sales Tax",
            (("State", "6.25"), ("City", "2.125")),
            catalogue.APPLIES_TO,
        ),
        ("NONE", "Tax Exempt", (("No tax", "0"),), catalogue.APPLIES_TO),
    ),
}
_SOLD, _BOUGHT = "sold", "bought"
_ACCOUNTS: tuple[tuple[str, str, str, str, dict[str, Any]], ...] = (
    ("090", "Business Bank Account", "BANK", "", {"BankAccountNumber": "20-00-00 70000001"}),
    ("200", "Sales", "REVENUE", _SOLD, {}),
    ("260", "Other Revenue", "REVENUE", _SOLD, {}),
    ("310", "Cost of Goods Sold", "DIRECTCOSTS", _BOUGHT, {}),
    ("400", "Freight and Courier", "EXPENSE", _BOUGHT, {}),
    ("429", "General Expenses", "EXPENSE", _BOUGHT, {}),
    ("477", "Wages", "OVERHEADS", "", {}),
    ("499", "Fuel (old)", "EXPENSE", _BOUGHT, {"Status": "ARCHIVED"}),
    ("610", "Accounts Receivable", "CURRENT", "", {"SystemAccount": "DEBTORS"}),
    ("620", "Prepayments", "CURRENT", "", {}),
    ("710", "Office Equipment", "FIXED", _BOUGHT, {}),
    ("800", "Accounts Payable", "CURRLIAB", "", {"SystemAccount": "CREDITORS"}),
    ("820", "Sales Tax", "CURRLIAB", "", {"SystemAccount": "GST"}),
    ("880", "Owner's Account", "EQUITY", "", {"EnablePaymentsToAccount": True}),
    ("960", "Retained Earnings", "EQUITY", "", {"SystemAccount": "RETAINEDEARNINGS"}),
)


def books(
    country: str,
    clock: Clock,
    chance: random.Random,
    rules: Callable[[], XeroRules],
    sequence: Iterator[int],
) -> Books:
    """The books of a new organisation: chart of accounts, rates, a few contacts and an item."""
    base, *others = _CURRENCIES[country]
    organisation = {
        "OrganisationID": new_guid(chance),
        "Name": _NAMES[country],
        "LegalName": _NAMES[country],
        "Version": country,
        "OrganisationType": "COMPANY",
        "BaseCurrency": base,
        "CountryCode": country,
        "IsDemoCompany": False,
        "OrganisationStatus": "ACTIVE",
        "FinancialYearEndDay": 31,
        "FinancialYearEndMonth": 12,
        "Timezone": _ZONES[country],
        "ShortCode": f"!{chance.getrandbits(24):06X}",
        "Edition": "BUSINESS",
        "Class": "PREMIUM",
    }
    made = Books(organisation, clock=clock, chance=chance, rules=rules, sequence=sequence)
    made.utc_offset = dt.timedelta(hours=_HOURS[country])
    made.day_rates = {
        code: (Decimal(rate) / Decimal(_PER_EURO[base])).quantize(Decimal("0.000001"))
        for code, rate in _PER_EURO.items()
    }
    for code in (base, *others):
        made.insert("Currencies", {"Code": code, "Description": code})
    _fill_rates(made, country)
    _fill_accounts(made, country, others[0])
    for number, name in enumerate(("Bayside Books", "Ridgeway Tyres", "Marine Systems"), 1):
        contact = {
            "Name": f"{name} {country}",
            "ContactNumber": f"C-{number}",
            "ContactStatus": "ACTIVE",
            "Addresses": [],
            "Phones": [],
            "ContactPersons": [],
        }
        made.insert("Contacts", contact)
    sold, bought = _RATES[country][0][0], _RATES[country][1 if country != "US" else 0][0]
    item = {
        "Code": "FREIGHT",
        "Name": "Freight",
        "Description": "Freight",
        "SalesDetails": {"UnitPrice": Decimal(95), "AccountCode": "200", "TaxType": sold},
        "PurchaseDetails": {"UnitPrice": Decimal(60), "AccountCode": "400", "TaxType": bought},
    }
    catalogue.write_item(made, item, None, Writing())
    options = [
        {"TrackingOptionID": new_guid(chance), "Name": name, "Status": "ACTIVE"}
        for name in ("North", "South")
    ]
    region = {"Name": "Region", "Status": "ACTIVE", "Options": options}
    made.insert("TrackingCategories", region)
    made.events.clear()
    return made


def _fill_rates(made: Books, country: str) -> None:
    for kind, name, parts, applies_to in _RATES[country]:
        components = [
            {"Name": part, "Rate": Decimal(rate), "IsCompound": False, "IsNonRecoverable": False}
            for part, rate in parts
        ]
        made.insert("TaxRates", catalogue.rate_row(kind, name, components, applies_to))


def _fill_accounts(made: Books, country: str, foreign: str) -> None:
    sold, bought = _RATES[country][0][0], _RATES[country][1 if country != "US" else 0][0]
    taxes = {_SOLD: sold, _BOUGHT: bought, "": made.no_tax}
    for code, name, kind, tax, more in _ACCOUNTS:
        row = {
            "Code": code,
            "Name": name,
            "Type": kind,
            "Class": catalogue.CLASSES[kind],
            "TaxType": taxes[tax],
            "Status": "ACTIVE",
            "EnablePaymentsToAccount": False,
            **({"CurrencyCode": made.currency} if kind == "BANK" else {}),
            **more,
        }
        made.insert("Accounts", row)
    # A bank account may lack a code.
    account = {
        "Name": f"{foreign} Account",
        "Type": "BANK",
        "Class": "ASSET",
        "TaxType": made.no_tax,
        "Status": "ACTIVE",
        "EnablePaymentsToAccount": False,
        "CurrencyCode": foreign,
        "BankAccountNumber": "20-00-00 70000002",
    }
    made.insert("Accounts", account)


def fill(one: Organisation, *, seed: int, documents: int = 30) -> None:
    """Some documents, some of them paid; equal seeds make equal ones."""
    chance = random.Random(seed)  # noqa: S311  # sample data, not secrets
    today = one.books.today()
    for number in range(documents):
        day = today - dt.timedelta(days=chance.randrange(5, 90))
        price = Decimal(chance.randrange(1_000, 200_000)) / 100
        add = one.add_bill if number % 3 == 2 else one.add_invoice  # noqa: PLR2004  # every third
        fields = {"InvoiceNumber": f"B-{number:04d}"} if number % 3 == 2 else {}  # noqa: PLR2004
        document = add(((price, None),), Date=day, DueDate=day + dt.timedelta(days=30), **fields)
        if number % 4 == 1:
            one.pay(document, on=day + dt.timedelta(days=4))
        elif number % 4 == 3:  # noqa: PLR2004  # every fourth in part
            one.pay(document, (price / 2).quantize(Decimal("0.01")), on=today)
