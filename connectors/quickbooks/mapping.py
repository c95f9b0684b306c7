"""Contacts, items, accounts, payments and journal entries as we keep them; pure."""

from decimal import Decimal
from typing import Any

from connectors.quickbooks.entities import ROLES, Entity, platform_id
from connectors.quickbooks.values import (
    SHORT,
    HomeCurrency,
    amount,
    currency,
    day,
    is_void,
    known_currency,
    marker_in,
    note_of,
    price,
    rate,
    without_marker,
)
from connectors.quickbooks.wire import (
    AccountRow,
    AddressRow,
    EntryRow,
    ItemRow,
    LineRow,
    PartyRow,
    PaymentRow,
    Row,
    id_of,
)
from models.canonical import (
    Address,
    Allocation,
    Contact,
    Item,
    JournalEntry,
    JournalLine,
    LedgerAccount,
    ObjectType,
    Payment,
    Side,
)
from models.canonical.money import ZERO

_ROLE_OF = {entity: role for role, entity in ROLES.items()}
_COUNTRY = 2
_TEXT = 10_000


def named(text: str | None) -> str:
    """A name.

    Raises:
        ValueError: There is none.
    """
    if not text:
        raise ValueError("it has no name")
    return text[:SHORT]


def contact(entity: Entity, row: PartyRow, _home: HomeCurrency) -> Contact:
    """A customer or a vendor; one that is both is two objects."""
    person = " ".join(part for part in (row.given_name, row.family_name) if part)
    name = named(row.display_name or row.company_name or person)
    return Contact(
        id=platform_id(entity, row.id or ""),
        name=name,
        number=row.acct_num or None,
        roles=(_ROLE_OF[entity],),
        legal_name=row.company_name if row.company_name != name else None,
        tax_number=row.primary_tax_identifier or row.tax_identifier or None,
        email=(row.primary_email_addr.address if row.primary_email_addr else None) or None,
        phone=(row.primary_phone.free_form_number if row.primary_phone else None) or None,
        address=_address(row.bill_addr),
        currency=known_currency(row.currency_ref),
        note=without_marker(row.notes),
        active=row.active is not False,
    )


def _address(row: AddressRow | None) -> Address | None:
    if row is None:
        return None
    country = (row.country or "").upper()
    known = len(country) == _COUNTRY and country.isascii() and country.isalpha()
    found = Address(
        line1=row.line1 or "",
        line2=row.line2 or "",
        city=row.city or "",
        postal_code=row.postal_code or "",
        region=row.country_sub_division_code or "",
        country=country if known else None,
    )
    return found if found != Address() else None


def item(_entity: Entity, row: ItemRow, _home: HomeCurrency) -> Item:
    """A product or service."""
    return Item(
        id=row.id or "",
        name=named(row.name),
        code=without_marker(row.sku),
        description=(row.description or "")[:_TEXT] or None,
        unit_price=None if row.unit_price is None else price(row.unit_price),
        sales_account_id=id_of(row.income_account_ref),
        purchase_account_id=id_of(row.expense_account_ref),
        active=row.active is not False,
    )


_CLASSES = {"Revenue": "income"}


def account(_entity: Entity, row: AccountRow, _home: HomeCurrency) -> LedgerAccount:
    """An account; many companies have no codes."""
    known = row.classification or "unknown"
    return LedgerAccount(
        id=row.id or "",
        name=named(row.fully_qualified_name or row.name),
        code=row.acct_num or None,
        classification=_CLASSES.get(known, known.lower()),
        subtype=row.account_sub_type or row.account_type,
        is_bank_account=row.account_type == "Bank",
        currency=known_currency(row.currency_ref),
        tax_rate_id=id_of(row.tax_code_ref),
        balance=amount(row.current_balance),
        active=row.active is not False,
    )


# Payments.

LINKED_TYPES = {
    "Invoice": (ObjectType.INVOICE, Entity.INVOICE),
    "Bill": (ObjectType.BILL, Entity.BILL),
    "CreditMemo": (ObjectType.CREDIT_NOTE, Entity.CREDIT_MEMO),
    "VendorCredit": (ObjectType.CREDIT_NOTE, Entity.VENDOR_CREDIT),
}
"""Journal entries, deposits and the like may be linked too; they are no documents of ours."""


def payment(entity: Entity, row: PaymentRow, home: HomeCurrency) -> Payment:
    """A payment as the company has it: what it settles, and whose credit it uses up."""
    total = amount(row.total_amt)
    if total is None:
        raise ValueError("it has no amount")
    bought = entity is Entity.BILL_PAYMENT
    party = id_of(row.vendor_ref if bought else row.customer_ref)
    reference = row.doc_number if bought else row.payment_ref_num
    return Payment(
        id=platform_id(entity, row.id or ""),
        side=Side.SUPPLIER if bought else Side.CUSTOMER,
        date=day(row.txn_date),
        amount=total,
        currency=currency(row.currency_ref, home),
        currency_rate=rate(row.exchange_rate),
        contact_id=platform_id(Entity.VENDOR if bought else Entity.CUSTOMER, party)
        if party
        else None,
        account_id=_account(row),
        method=(row.pay_type if bought else id_of(row.payment_method_ref)) or None,
        reference=without_marker(reference),
        note=note_of(row),
        status="void" if is_void(row) else "open",
        allocations=_allocations(row),
    )


def _account(row: PaymentRow) -> str | None:
    """The account that the money moved on."""
    if row.deposit_to_account_ref:
        return id_of(row.deposit_to_account_ref)
    for detail, name in (
        (row.check_payment, "BankAccountRef"),
        (row.credit_card_payment, "CCAccountRef"),
    ):
        ref = detail.get(name) if detail else None
        if isinstance(ref, dict) and ref.get("value"):
            return str(ref["value"])
    return None


def _allocations(row: PaymentRow) -> tuple[Allocation, ...]:
    """One part for each document that it settles or whose credit it uses up."""
    found: dict[tuple[ObjectType, str], Decimal] = {}
    for line in row.line:
        share = amount(line.amount) or ZERO
        links = [link for link in line.linked_txn if link.txn_type in LINKED_TYPES and link.txn_id]
        if len(links) != 1 or share <= ZERO:
            continue
        kind, entity = LINKED_TYPES[links[0].txn_type or ""]
        document = platform_id(entity, links[0].txn_id or "")
        found[kind, document] = found.get((kind, document), ZERO) + share
    return tuple(
        Allocation.model_validate({"document_type": kind, "document_id": one, "amount": share})
        for (kind, one), share in found.items()
    )


# Journal entries.


def entry(_entity: Entity, row: EntryRow, home: HomeCurrency) -> JournalEntry:
    """A journal entry."""
    return JournalEntry(
        id=row.id or "",
        number=without_marker(row.doc_number),
        date=day(row.txn_date),
        description=note_of(row),
        currency=currency(row.currency_ref, home),
        status="void" if row.total_amt is not None and is_void(row) else "open",
        lines=tuple(
            _entry_line(line) for line in row.line if line.journal_entry_line_detail is not None
        ),
    )


def _entry_line(line: LineRow) -> JournalLine:
    detail = line.journal_entry_line_detail
    given = amount(line.amount)
    if detail is None or given is None:
        raise ValueError("a line has no amount")
    account_id = id_of(detail.account_ref)
    if account_id is None:
        raise ValueError("a line has no account")
    if detail.posting_type not in {"Debit", "Credit"}:
        raise ValueError(f"a line is neither debit nor credit: {detail.posting_type}")
    signed = given if detail.posting_type == "Debit" else -given
    return JournalLine(
        account_id=account_id,
        debit=max(signed, ZERO),
        credit=max(-signed, ZERO),
        description=(line.description or "")[:SHORT] or None,
        contact_id=_third_party(detail.entity),
        tax_rate_id=id_of(detail.tax_code_ref),
    )


def _third_party(named_party: Any) -> str | None:
    if named_party is None or named_party.type not in {"Customer", "Vendor"}:
        return None
    found = id_of(named_party.entity_ref)
    return platform_id(Entity(named_party.type), found) if found else None


def marker_of(row: Row) -> str | None:
    """Our marker, in whatever field an entity has for it."""
    match row:
        case PartyRow():
            return marker_in(row.notes)
        case ItemRow():
            return marker_in(row.sku)
        case PaymentRow():
            return marker_in(row.private_note, row.payment_ref_num, row.doc_number)
    return marker_in(getattr(row, "private_note", None), getattr(row, "doc_number", None))
