"""Contacts, items, accounts, tax rates and manual journals: Xero's rows and ours; pure."""

import re
from collections.abc import Mapping
from typing import Any

from connectors.base import PushItem
from connectors.xero import errors
from connectors.xero.bodies import NO_TAX
from connectors.xero.books import Books
from connectors.xero.mapping_documents import status_of
from connectors.xero.settings import XeroSettings
from connectors.xero.values import amount, day_of, label, present, price, rate
from connectors.xero.wire import (
    AccountRow,
    ContactRow,
    ItemRow,
    JournalLineRow,
    JournalRow,
    TaxRow,
    TermRow,
)
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
from models.canonical.money import CURRENCY_DIGITS, ZERO

_COUNTRY = re.compile(r"[A-Z]{2}")
_SHORT, _TEXT = 255, 10_000
_DAYS_AFTER = "DAYSAFTERBILLDATE"
_CLASSES = {"ASSET": "asset", "EQUITY": "equity", "EXPENSE": "expense", "LIABILITY": "liability"}
_CLASSES |= {"REVENUE": "income"}
POSTED = "POSTED"


# Contacts.


def contact(row: ContactRow) -> Contact:
    """A contact as Xero has it."""
    roles = [ContactRole.CUSTOMER] * row.is_customer + [ContactRole.SUPPLIER] * row.is_supplier
    return Contact(
        id=row.contact_id,
        name=row.name,
        number=row.account_number,
        roles=tuple(roles),
        tax_number=row.tax_number,
        company_number=row.company_number,
        email=row.email_address,
        phone=_phone(row),
        address=_address(row),
        currency=row.default_currency if row.default_currency in CURRENCY_DIGITS else None,
        payment_terms_days=_days(row),
        active=row.contact_status == "ACTIVE",
    )


def _phone(row: ContactRow) -> str | None:
    for one in sorted(row.phones, key=lambda phone: phone.phone_type != "DEFAULT"):
        parts = (one.phone_country_code, one.phone_area_code, one.phone_number)
        if one.phone_number:
            return " ".join(part for part in parts if part)[:_SHORT]
    return None


def _address(row: ContactRow) -> Address | None:
    """The postal address, else the other one."""
    for one in sorted(row.addresses, key=lambda address: address.address_type != "POBOX"):
        found = Address(
            line1=one.address_line1,
            line2=one.address_line2,
            city=one.city,
            postal_code=one.postal_code,
            region=one.region,
            country=one.country if _COUNTRY.fullmatch(one.country) else None,
        )
        if found != Address():
            return found
    return None


def _days(row: ContactRow) -> int | None:
    terms: list[TermRow | None] = []
    if row.payment_terms:
        terms = [row.payment_terms.sales, row.payment_terms.bills]
    days = [one.day for one in terms if one and one.type == _DAYS_AFTER and one.day is not None]
    return days[0] if days and days[0] >= 0 else None


def contact_body(record: Contact, there: Mapping[str, Any] | None) -> dict[str, Any]:
    """A contact; persons and other addresses that are there are said again, so that they stay."""
    terms = None
    if record.payment_terms_days is not None:
        term = {"Day": record.payment_terms_days, "Type": _DAYS_AFTER}
        terms = {"Sales": term, "Bills": term}
    return present(
        {
            "Name": record.name,
            "AccountNumber": record.number,
            "EmailAddress": record.email,
            "TaxNumber": record.tax_number,
            "CompanyNumber": record.company_number,
            "DefaultCurrency": record.currency,
            "PaymentTerms": terms,
            "Phones": _kept(
                there,
                "Phones",
                record.phone and {"PhoneType": "DEFAULT", "PhoneNumber": record.phone},
            ),
            "Addresses": _kept(
                there, "Addresses", record.address and _address_body(record.address)
            ),
            "ContactPersons": (there or {}).get("ContactPersons") or None,
            # Whom people have archived in Xero stays so: we do not know that they are active.
            "ContactStatus": None if record.active else "ARCHIVED",
        }
    )


def _kept(there: Mapping[str, Any] | None, name: str, ours: Any) -> list[Any] | None:
    """Ours, with what else is there."""
    if not ours:
        return None
    kind = "PhoneType" if name == "Phones" else "AddressType"
    others = (there or {}).get(name) or []
    return [ours, *(one for one in others if one.get(kind) != ours[kind])]


def _address_body(address: Address) -> dict[str, str]:
    row = {
        "AddressType": "POBOX",
        "AddressLine1": address.line1,
        "AddressLine2": address.line2,
        "City": address.city,
        "Region": address.region,
        "PostalCode": address.postal_code,
        "Country": address.country or "",
    }
    return {name: value for name, value in row.items() if value}


# Items, accounts, tax rates.


def item(row: ItemRow, books: Books) -> Item:
    """An item as Xero has it."""
    sold, bought = row.sales_details, row.purchase_details
    return Item(
        id=row.item_id,
        name=row.name or row.code or "",
        code=row.code,
        description=row.description,
        unit_price=None if sold.unit_price is None else price(sold.unit_price),
        sales_account_id=books.account_id(None, sold.account_code),
        purchase_account_id=books.account_id(None, bought.account_code),
    )


def item_body(pushed: PushItem, record: Item, books: Books) -> dict[str, Any]:
    """An item; without a code of its own it gets our marker as one."""
    sold = {**books.account_on_line(record.sales_account_id)}
    bought = {**books.account_on_line(record.purchase_account_id)}
    if record.unit_price is not None:
        sold["UnitPrice"] = record.unit_price  # type: ignore[assignment]  # a number beside texts
    return present(
        {
            "Code": record.code or pushed.marker,
            "Name": record.name,
            "Description": record.description,
            "SalesDetails": sold or None,
            "PurchaseDetails": bought or None,
        }
    )


def account(row: AccountRow) -> LedgerAccount:
    """A ledger account as Xero has it."""
    return LedgerAccount(
        id=row.account_id,
        name=row.name,
        code=row.code,
        classification=_CLASSES.get(row.classification or "", row.classification or "unknown"),
        subtype=row.type,
        is_bank_account=row.type == "BANK",
        currency=row.currency_code if row.currency_code in CURRENCY_DIGITS else None,
        tax_rate_id=row.tax_type,
        active=row.status in {None, "ACTIVE"},
    )


def tax_rate(row: TaxRow) -> TaxRate:
    """A tax rate as Xero has it: its tax type is its id, because lines name it."""
    found = row.effective_rate if row.effective_rate is not None else row.display_tax_rate
    if found is None:
        raise ValueError("it has no rate")
    sold, bought = row.can_apply_to_revenue, row.can_apply_to_expenses
    use = TaxUse.BOTH if sold == bought else TaxUse.SALES if sold else TaxUse.PURCHASES
    return TaxRate(
        id=row.tax_type,
        name=row.name,
        code=row.tax_type,
        rate=rate(found),
        components=tuple(
            TaxComponent(
                name=one.name[:_SHORT], rate=rate(one.rate or ZERO), compound=one.is_compound
            )
            for one in row.tax_components
        ),
        use=use,
        active=row.status in {None, "ACTIVE"} and (sold or bought),
    )


# Manual journals.


def journal(row: JournalRow, books: Books) -> JournalEntry:
    """A manual journal as Xero has it; it is in the base currency always."""
    lines = [_entry_line(one, books) for one in row.journal_lines if one.line_amount]
    if not lines:
        raise ValueError("it has no lines")
    known = {POSTED: "open", "DELETED": "void"}
    return JournalEntry(
        id=row.manual_journal_id,
        date=day_of(row.date, "date"),
        description=(row.narration or "")[:_TEXT] or None,
        currency=books.base_currency(),
        status=known.get(row.status or "") or status_of(row.status, touched=False),
        source="ManualJournal",
        lines=tuple(lines),
    )


def _entry_line(row: JournalLineRow, books: Books) -> JournalLine:
    account_id = books.account_id(row.account_id, row.account_code)
    if account_id is None:
        raise ValueError(f"the account {row.account_code} of a line is not known")
    amounts = amount(row.line_amount) or ZERO
    return JournalLine(
        account_id=account_id,
        debit=max(amounts, ZERO),
        credit=max(-amounts, ZERO),
        description=row.description and row.description[:_SHORT],
        tax_rate_id=None if row.tax_type == NO_TAX else row.tax_type,
    )


def journal_body(
    pushed: PushItem, record: JournalEntry, books: Books, settings: XeroSettings
) -> dict[str, Any]:
    """A manual journal. Its lines state tax themselves, so that Xero must add none."""
    if record.currency != books.base_currency():
        raise errors.unsupported(
            f"manual journals are in {books.base_currency()} in Xero, and {label(record)} is in "
            f"{record.currency}: hand it in in the currency of the books"
        )
    return {
        "Narration": ": ".join(filter(None, (record.number, record.description))) or label(record),
        "Date": record.date.isoformat(),
        "LineAmountTypes": "NoTax",
        "Status": POSTED,
        "Url": settings.source_url.replace("{marker}", pushed.marker),
        "JournalLines": [
            present(
                {
                    "LineAmount": line.debit - line.credit,
                    "Description": line.description,
                    "TaxType": NO_TAX,
                    **books.account_on_line(line.account_id),
                }
            )
            for line in record.lines
        ],
    }


def journal_notes(record: JournalEntry) -> tuple[str, ...]:
    """What a person should know about how an entry went out."""
    if any(line.contact_id or line.tax_rate_id for line in record.lines):
        return ("contacts and tax rates of its lines are not written: journals in Xero have none",)
    return ()
