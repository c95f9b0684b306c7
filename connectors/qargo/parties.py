"""Customers and suppliers as they come with documents: pure."""

import re

from connectors.qargo import wire
from connectors.qargo.texts import short
from models.canonical import Address, Contact, ContactRole, Side
from models.canonical.money import CURRENCY_DIGITS


def contact(company: wire.Company, side: Side, entity: wire.BillingEntity) -> Contact:
    """A customer or supplier; texts that are too long are cut, a strange currency is left out."""
    roles = {ContactRole.CUSTOMER if side is Side.CUSTOMER else ContactRole.SUPPLIER}
    roles |= {ContactRole.CUSTOMER} if company.is_customer else set()
    roles |= {ContactRole.SUPPLIER} if company.is_subcontractor else set()
    number = short(_accounting_code(company, entity) or company.code)
    return Contact(
        id=company.id,
        name=short(company.name) or short(company.legal_name) or number or company.id,
        number=number or None,
        roles=tuple(roles),
        legal_name=short(company.legal_name) or None,
        tax_number=short(company.vat_number) or None,
        address=_address(company.billing_location),
        currency=company.currency if company.currency in CURRENCY_DIGITS else None,
        payment_terms_days=_days(company.payment_term),
    )


def _accounting_code(company: wire.Company, entity: wire.BillingEntity) -> str | None:
    """The company's code at one billing entity, else its default.

    Always looked for in the same order: a company that is both customer and supplier is one
    contact, which must not change with every document.
    """
    sides = [side.billing_entities for side in (company.sales, company.purchase) if side]
    for one in [*company.billing_entities, *(one for side in sides for one in side)]:
        same = one.id == entity.id if one.id and entity.id else one.code == entity.code
        if same and one.accounting_code:
            return one.accounting_code
    return company.accounting_code


def _address(location: wire.Location | None) -> Address | None:
    if location is None:
        return None
    country = (location.country or "").strip().upper()
    address = Address(
        line1=short(location.address),
        line2=short(location.address_second_line),
        city=short(location.city),
        postal_code=short(location.postal_code),
        region=short(location.state),
        country=country if re.fullmatch("[A-Z]{2}", country) else None,
    )
    return address if address != Address() else None


def _days(term: wire.PaymentTerm | None) -> int | None:
    """Days net; terms that count from the end of a month cannot be said in days."""
    code = (term.code if term else None) or ""
    if code == "UPON_RECEIPT":
        return 0
    found = re.fullmatch(r"NET_([0-9]{1,3})", code)
    return int(found[1]) if found else None
