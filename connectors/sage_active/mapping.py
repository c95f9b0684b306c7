"""Third parties, products, accounts and taxes: Sage Active's rows to canonical records; pure."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from connectors.sage_active.values import without_marker
from connectors.sage_active.wire import Account, Product, Tax, TaxTreatment, ThirdParty
from models.canonical import Address as CanonicalAddress
from models.canonical import (
    Contact,
    ContactRole,
    Item,
    LedgerAccount,
    TaxComponent,
    TaxRate,
    TaxUse,
)

_COUNTRY = re.compile(r"[A-Z]{2}")
_GONE = frozenset({"DISABLED", "GDPR_APPLIED"})
_BANKS = frozenset({"BANK", "CASH"})
_CLASSES = {"REVENUE": "income", "CHARGE": "expense", "CAPITAL": "equity"}
"""`subAccountType` → our word; the others' class depends on the chart of accounts."""
_ASSETS = frozenset({"CUSTOMER", "BANK", "CASH", "FIXED_ASSET", "INPUT_TAX"})
_DEBTS = frozenset({"PROVIDER", "OUTPUT_TAX"})


def contact(row: ThirdParty, role: ContactRole) -> Contact:
    """A customer or a supplier."""
    address = row.addresses[0] if row.addresses else None
    emails = [email for person in row.contacts for email in person.emails if email.email_address]
    phones = [phone for person in row.contacts for phone in person.phones if phone.number]
    emails.sort(key=lambda email: not email.is_default)
    country = (address and address.country_iso_code_alpha2) or row.country_acronym
    known_country = country if country and _COUNTRY.fullmatch(country) else None
    return Contact(
        id=row.id,
        name=row.social_name or row.trade_name or "",
        number=row.code or None,
        roles=(role,),
        tax_number=row.vat_number or None,
        company_number=row.document_id or None,
        email=emails[0].email_address if emails else None,
        phone=phones[0].number if phones else None,
        address=CanonicalAddress(
            line1=address.first_line or "",
            line2=address.second_line or "",
            city=address.city or "",
            postal_code=address.zip_code or "",
            region=address.province or "",
            country=known_country,
        )
        if address
        else None,
        payment_terms_days=_days(row),
        note=without_marker(row.comments),
        active=row.status not in _GONE,
    )


def _days(row: ThirdParty) -> int | None:
    """Terms of one instalment after a number of days; others have no word of ours."""
    if len(row.payment_term_lines) != 1:
        return None
    (term,) = row.payment_term_lines
    plain = term.type == "REMAINING_AMOUNT" and term.condition in {"DAY_OF_PAYMENT", "NONE", None}
    return term.day if plain and term.day is not None and 0 <= term.day <= 3650 else None  # noqa: PLR2004  # the canonical record's own limit


def item(row: Product) -> Item:
    """A product."""
    price = row.sales_unit_price
    return Item(
        id=row.id,
        name=row.name or row.code,
        code=row.code or None,
        description=row.line_description or None,
        unit_price=price,
        currency="EUR" if price is not None else None,
        tax_rate=row.sales_vat_percentage,
        sales_account_id=row.sales_accounting_account_id or None,
        active=not row.obsolete,
    )


def ledger_account(row: Account) -> LedgerAccount:
    """An account that entries may name."""
    nature = row.sub_account_type or ""
    return LedgerAccount(
        id=row.id,
        name=row.name or row.code,
        code=row.code or None,
        classification=_class_of(nature, row.account_type),
        subtype=row.sub_account_type,
        is_bank_account=nature in _BANKS,
        active=not row.deactivated,
    )


def _class_of(nature: str, account_type: str | None) -> str:
    if nature in _CLASSES:
        return _CLASSES[nature]
    if nature in _ASSETS or nature.startswith("CURRENT_ASSETS"):
        return "asset"
    if nature in _DEBTS or nature.startswith("BORROWED"):
        return "liability"
    return (account_type or "unknown").lower()


def tax_rates(
    taxes: Sequence[Tax], treatments: Iterable[TaxTreatment]
) -> list[tuple[Tax, TaxRate | Exception]]:
    """All rates; of a group only the latest that is in use counts as active."""
    used: dict[str, set[str]] = {}
    for treatment in treatments:
        if treatment.tax_group_id and not treatment.inactive:
            used.setdefault(treatment.tax_group_id, set()).add(treatment.register_type or "")
    latest: dict[str, Tax] = {}
    for tax in taxes:
        group = tax.group_id or tax.id
        there = latest.get(group)
        if not tax.inactive and (there is None or _since(tax) > _since(there)):
            latest[group] = tax
    found: list[tuple[Tax, TaxRate | Exception]] = []
    for tax in taxes:
        group = tax.group_id or tax.id
        current = latest.get(group)
        try:
            rate = _tax_rate(tax, used.get(group, set()), current=current)
        except ValueError as error:
            found.append((tax, error))
        else:
            found.append((tax, rate))
    return found


def _since(tax: Tax) -> Any:
    return (tax.effective_date is not None, tax.effective_date, tax.id)


def _tax_rate(tax: Tax, registers: set[str], *, current: Tax | None) -> TaxRate:
    use = TaxUse.BOTH
    if "BOTH" not in registers and ("ISSUED" in registers) != ("RECEIVED" in registers):
        use = TaxUse.SALES if "ISSUED" in registers else TaxUse.PURCHASES
    surcharge = tax.equivalence_surcharge_percentage
    name = tax.name or f"{tax.percentage} %"
    components: tuple[TaxComponent, ...] = ()
    if tax.has_equivalence_surcharge and surcharge:
        components = (
            TaxComponent(name=name, rate=tax.percentage),
            TaxComponent(name="equivalence surcharge", rate=surcharge),
        )
    return TaxRate(
        id=tax.id,
        name=name,
        code=tax.group_id,
        # The surcharge is only levied from customers who are subject to it.
        rate=tax.percentage,
        components=components,
        use=use,
        category=tax.tax_type,
        active=current is not None and current.id == tax.id,
    )
