"""What a new billing entity and a new company come with in the simulated Qargo."""

from decimal import Decimal

from connectors.qargo.simulated.store import (
    Account,
    BillingEntity,
    Company,
    SubjectType,
    TaxRate,
    Tenant,
)

_PERCENT = {
    "NL": ("21", "9"),
    "BE": ("21", "6"),
    "DE": ("19", "7"),
    "FR": ("20", "5.5"),
    "GB": ("20", "5"),
}
"""Country → standard and reduced VAT, in percent."""
_PLACES = {
    "NL": ("5928 RC", "Venlo", "NL{:09d}B01"),
    "BE": ("9000", "Ghent", "BE0{:09d}"),
    "DE": ("47119", "Duisburg", "DE{:09d}"),
    "FR": ("59000", "Lille", "FR42{:09d}"),
    "GB": ("IP11 3SY", "Felixstowe", "GB{:09d}"),
}
"""Country → postal code, city, and how a VAT number is written there."""
_ACCOUNTS = {
    "400000": "Customers",
    "440000": "Suppliers",
    "600000": "Subcontracted transport",
    "610000": "Fuel and tolls",
    "700000": "Transport",
    "701000": "Surcharges",
}
_PREFIX = {
    "SALES": "V",
    "SALES_CREDIT_NOTE": "VC",
    "PURCHASE": "I",
    "PURCHASE_CREDIT_NOTE": "IC",
}
"""Invoice type → how the codes of its tax rates begin."""

PRICE_LIST = {
    "TRANSPORT": ("Transport", "700000", "standard"),
    "FUEL": ("Fuel surcharge", "701000", "standard"),
    "WAITING": ("Waiting time", "701000", "standard"),
    "CUSTOMS": ("Customs clearance", "701000", "zero"),
}
"""What documents that are made over the API can charge: code → name, account, tax."""


def entity(
    tenant: Tenant, code: str, *, default: bool | None = None, country: str | None = None
) -> BillingEntity:
    """Make a billing entity with the tax rates of a country and a small chart of accounts."""
    country = country or (code if code in _PERCENT else "NL")
    number = len(tenant.entities) + 1
    made = BillingEntity(
        id=tenant.new_id(),
        code=code,
        legal_name=f"Brightwater Haulage {code}",
        vat_number=_PLACES[country][2].format(100_200_300 * number),
        company_registration_number=f"{40_100_200 + number}",
        is_default=not tenant.entities if default is None else default,
        currency="GBP" if country == "GB" else "EUR",
    )
    tenant.entities[made.id] = made
    standard, reduced = _PERCENT[country]
    for kind in SubjectType:
        for slot, percent, tax_type in (
            ("standard", standard, "VAT"),
            ("reduced", reduced, "VAT"),
            ("zero", "0", "NO_VAT"),
            ("reverse", "0", "REVERSE_CHARGE"),
        ):
            label = "RC" if slot == "reverse" else percent
            name = "Reverse charge" if slot == "reverse" else f"VAT {percent} %"
            rate = TaxRate(
                id=tenant.new_id(),
                entity_id=made.id,
                slot=slot,
                invoice_type=kind.rates,
                name=name,
                percentage=Decimal(percent),
                code=f"{_PREFIX[kind.rates]}{label}",
                tax_type=tax_type,
            )
            tenant.tax_rates[rate.id] = rate
    for account_code, name in _ACCOUNTS.items():
        account = Account(tenant.new_id(), made.id, account_code, name)
        tenant.accounts[account.id] = account
    return made


def company(tenant: Tenant, name: str, *, supplier: bool = False, country: str = "NL") -> Company:
    """Make a customer, or a supplier."""
    number = len(tenant.companies) + 1
    postal_code, city, vat_number = _PLACES[country]
    made = Company(
        id=tenant.new_id(),
        code=f"{'SUP' if supplier else 'CUST'}-{number:03d}",
        name=name,
        vat_number=vat_number.format(800_400_000 + 37 * number),
        accounting_code=f"{440_000 if supplier else 400_000}{number:03d}",
        postal_code=postal_code,
        city=city,
        country=country,
        is_subcontractor=supplier,
    )
    tenant.companies[made.id] = made
    return made


def usual_company(tenant: Tenant, *, supplier: bool) -> Company:
    """The first customer or supplier; makes one if there is none."""
    for one in tenant.companies.values():
        if one.is_subcontractor == supplier:
            return one
    return company(tenant, "Kade Transport" if supplier else "Orchard Foods", supplier=supplier)
