"""Contacts, items, accounts, tax rates and journal entries, both ways; pure."""

from decimal import Decimal
from typing import Any

from connectors.apideck.mapping import (
    CODE,
    BaseCurrency,
    amount,
    currency,
    day,
    known_currency,
    linked,
    moment,
    party_id,
    place_of,
    platform_id,
    present,
    price,
    rate,
    simple_status,
    tax_id,
    with_marker,
    without_marker,
)
from connectors.apideck.mapping_documents import TaxOf
from connectors.apideck.services import Resource
from connectors.apideck.settings import ApideckSettings
from connectors.apideck.wire import (
    AccountRow,
    EntryLineRow,
    EntryRow,
    ItemRow,
    PartyRow,
    TaxRow,
)
from connectors.base import PushItem
from models.canonical import (
    Address,
    Contact,
    ContactRole,
    Item,
    JournalEntry,
    JournalLine,
    LedgerAccount,
    TaxComponent,
    TaxRate,
    TaxUse,
)
from models.canonical.money import ZERO, total_of

ROLES = {ContactRole.CUSTOMER: Resource.CUSTOMERS, ContactRole.SUPPLIER: Resource.SUPPLIERS}
_ROLE_OF = {resource: role for role, resource in ROLES.items()}
_COUNTRY = 2


def contact(resource: Resource, row: PartyRow) -> Contact:
    """A customer or a supplier; one that is both is two objects."""
    person = " ".join(part for part in (row.first_name, row.last_name) if part)
    name = row.display_name or row.company_name or person
    if not name:
        raise ValueError("it has no name")
    emails = [one.email for one in row.emails if one.email]
    phones = [one.number for one in row.phone_numbers if one.number]
    return Contact(
        id=platform_id(resource, row.id or ""),
        name=name,
        number=row.display_id,
        roles=(_ROLE_OF[resource],),
        legal_name=row.company_name if row.company_name != name else None,
        tax_number=row.tax_number or None,
        email=emails[0] if emails else None,
        phone=phones[0] if phones else None,
        address=_address(row),
        currency=known_currency(row.currency),
        note=without_marker(row.notes),
        active=row.status in {None, "active", "unknown"},
    )


def _address(row: PartyRow) -> Address | None:
    if not row.addresses:
        return None
    there = row.addresses[0]
    country = (there.country or "").upper()
    known = len(country) == _COUNTRY and country.isascii() and country.isalpha()
    return Address(
        line1=there.line1 or "",
        line2=there.line2 or "",
        city=there.city or "",
        postal_code=there.postal_code or "",
        region=there.state or "",
        country=country if known else None,
    )


def contact_body(item: PushItem, record: Contact, settings: ApideckSettings) -> dict[str, Any]:
    """What a customer or supplier is written with."""
    address = record.address
    return present(
        {
            "display_name": record.name,
            "company_name": record.legal_name or record.name,
            "display_id": record.number,
            "tax_number": record.tax_number,
            "emails": [{"email": record.email, "type": "primary"}] if record.email else None,
            "phone_numbers": [{"number": record.phone, "type": "primary"}]
            if record.phone
            else None,
            "addresses": [
                present(
                    {
                        "type": "primary",
                        "line1": address.line1 or None,
                        "line2": address.line2 or None,
                        "city": address.city or None,
                        "state": address.region or None,
                        "postal_code": address.postal_code or None,
                        "country": address.country,
                    }
                )
            ]
            if address
            else None,
            "currency": record.currency,
            "notes": with_marker(record.note, item.marker),
            "status": "active" if record.active else "inactive",
            "company_id": settings.company_id,
        }
    )


def product(row: ItemRow) -> Item:
    """A product or service."""
    if not row.name:
        raise ValueError("it has no name")
    sold = row.sales_details
    each = row.unit_price
    if each is None and sold is not None:
        each = sold.unit_price
    return Item(
        id=row.id or "",
        name=row.name,
        code=row.code or None,
        description=row.description or None,
        unit_price=None if each is None else price(each),
        currency=known_currency(row.currency),
        tax_rate=rate(sold.tax_rate.rate) if sold and sold.tax_rate else None,
        sales_account_id=row.income_account.id if row.income_account else None,
        purchase_account_id=row.expense_account.id if row.expense_account else None,
        active=row.active is not False,
    )


def product_body(item: PushItem, record: Item) -> dict[str, Any]:
    """What an item is written with; our marker is its code where it has none."""
    return present(
        {
            "name": record.name,
            "code": record.code or item.marker,
            "description": record.description,
            "type": "service",
            "sold": True,
            "purchased": record.purchase_account_id is not None,
            "unit_price": record.unit_price,
            "currency": record.currency,
            "income_account": linked(record.sales_account_id),
            "expense_account": linked(record.purchase_account_id),
            "active": record.active,
        }
    )


_CLASSES = {
    "costs_of_sales": "expense",
    "other_expense": "expense",
    "other_income": "income",
    "revenue": "income",
}


def account(row: AccountRow) -> LedgerAccount:
    """An account of the chart of accounts."""
    code = row.code or row.nominal_code or row.display_id
    name = row.name or code
    if not name:
        raise ValueError("it has no name")
    known = row.classification or "unknown"
    usable = row.status in {None, "active"} if row.active is None else row.active
    return LedgerAccount(
        id=row.id or "",
        name=name,
        code=code,
        classification=_CLASSES.get(known, known),
        subtype=row.type,
        is_bank_account=row.type == "bank",
        currency=known_currency(row.currency),
        tax_rate_id=tax_id(row.tax_rate),
        balance=amount(row.current_balance),
        active=usable,
    )


def tax_rate_id(row: TaxRow) -> str:
    """The id of a rate; some ledgers have only codes.

    Raises:
        ValueError: It has neither.
    """
    if row.id:
        return row.id
    if row.code:
        return f"{CODE}{row.code}"
    raise ValueError("it has neither an id nor a code")


_USES = {"INPUT": TaxUse.PURCHASES, "OUTPUT": TaxUse.SALES}


def tax_rate(row: TaxRow) -> TaxRate:
    """A rate; one without a percentage can be named by id, and is never chosen by percentage."""
    percent = row.effective_tax_rate
    if percent is None:
        percent = row.total_tax_rate
    if percent is None and row.components:
        percent = total_of(one.rate or ZERO for one in row.components)
    parts = row.components if len(row.components) > 1 else ()
    return TaxRate(
        id=tax_rate_id(row),
        name=row.name or row.code or row.display_id or tax_rate_id(row),
        code=row.code,
        rate=rate(percent) or ZERO,
        components=tuple(
            TaxComponent(
                name=one.name or "", rate=rate(one.rate) or ZERO, compound=bool(one.compound)
            )
            for one in parts
        ),
        use=_USES.get((row.type or "").upper(), TaxUse.BOTH),
        category=row.type,
        account_id=row.tax_payable_account_id,
        active=percent is not None and row.status in {None, "active"},
    )


def entry(row: EntryRow, base: BaseCurrency) -> JournalEntry:
    """A journal entry."""
    return JournalEntry(
        id=row.id or "",
        number=row.number,
        date=day(row.posted_at, "date"),
        description=without_marker(row.memo) or row.title,
        currency=currency(row.currency, base),
        status=simple_status(row.status),
        source=row.source_type,
        lines=tuple(_entry_line(line) for line in row.line_items),
    )


def _entry_line(line: EntryLineRow) -> JournalLine:
    stated = line.total_amount if line.total_amount is not None else line.sub_total
    if stated is None:
        raise ValueError("a line has no amount")
    if not line.ledger_account or not line.ledger_account.id:
        raise ValueError("a line has no account")
    if line.type not in {"debit", "credit"}:
        raise ValueError(f"a line is neither debit nor credit: {line.type}")
    # Credits come with a minus or without, as the ledger has it; a debit below zero is a credit.
    given = amount(stated) or ZERO
    signed = given if line.type == "debit" else -abs(given)
    return JournalLine(
        account_id=line.ledger_account.id,
        debit=max(signed, ZERO),
        credit=max(-signed, ZERO),
        description=line.description,
        contact_id=party_id(Resource.CUSTOMERS, line.customer)
        or party_id(Resource.SUPPLIERS, line.supplier),
        tax_rate_id=tax_id(line.tax_rate),
        tax_rate=rate(line.tax_rate.rate) if line.tax_rate else None,
    )


def entry_body(
    item: PushItem, record: JournalEntry, settings: ApideckSettings, tax: TaxOf
) -> dict[str, Any]:
    """What a journal entry is written with."""
    return present(
        {
            "title": record.number or record.document_number,
            "number": record.number,
            "currency": record.currency,
            "posted_at": moment(record.date),
            "memo": with_marker(record.description, item.marker),
            "status": "draft" if record.status == "draft" else "posted",
            "company_id": settings.company_id,
            "line_items": [_entry_line_body(line, tax) for line in record.lines],
        }
    )


def _entry_line_body(line: JournalLine, tax: TaxOf) -> dict[str, Any]:
    debit = line.debit > ZERO
    party: dict[str, Any] = {}
    if line.contact_id:
        resource, party_row = place_of(line.contact_id, Resource.CUSTOMERS, Resource.SUPPLIERS)
        party = {"customer" if resource is Resource.CUSTOMERS else "supplier": linked(party_row)}
    shown: Decimal = line.debit if debit else line.credit
    return present(
        {
            "type": "debit" if debit else "credit",
            "total_amount": shown,
            "ledger_account": linked(line.account_id),
            "description": line.description,
            "tax_rate": tax(line.tax_rate_id) if line.tax_rate_id else None,
            **party,
        }
    )
