"""What contacts, items, payments and journal entries are written with; pure."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from connectors.base import PushItem
from connectors.quickbooks import errors
from connectors.quickbooks.bodies_documents import Facts, money
from connectors.quickbooks.entities import ROLES, Entity, place_of
from connectors.quickbooks.values import (
    NAME,
    NOTE,
    NUMBER,
    TEXT,
    fits,
    label,
    linked,
    one_line,
    present,
    with_marker,
)
from models.canonical import (
    Address,
    Contact,
    ContactRole,
    Item,
    JournalEntry,
    JournalLine,
    ObjectType,
    Payment,
    Side,
)
from models.canonical.money import ZERO

_NOTES = 2000


# Contacts.


def entities_of(record: Contact) -> list[Entity]:
    """The lists that a contact is in, customers first; one that is neither is a customer."""
    return [ROLES[role] for role in ContactRole if role in record.roles] or [Entity.CUSTOMER]


def display_name(record: Contact, entity: Entity, suffix: str) -> str:
    """What a contact is called in a list: a supplier that is a customer too needs another name."""
    both = len(entities_of(record)) > 1
    return one_line(record.name, record) + (suffix if both and entity is Entity.VENDOR else "")


def contact_body(
    item: PushItem, record: Contact, entity: Entity, facts: Facts, *, new: bool
) -> dict[str, Any]:
    """What a customer or vendor is written with."""
    bought = entity is Entity.VENDOR
    fixed = new and facts.several_currencies and record.currency is not None
    return present(
        {
            "DisplayName": display_name(record, entity, facts.settings.vendor_suffix),
            "CompanyName": (record.legal_name or record.name)[:NAME],
            "PrimaryEmailAddr": {"Address": record.email} if record.email else None,
            "PrimaryPhone": {"FreeFormNumber": record.phone} if record.phone else None,
            "BillAddr": _address(record.address) if record.address else None,
            # A contact's currency is chosen once and for all.
            "CurrencyRef": linked(record.currency) if fixed else None,
            "TaxIdentifier" if bought else "PrimaryTaxIdentifier": record.tax_number,
            "AcctNum": record.number if bought else None,
            "Notes": with_marker(
                fits(record.note, _NOTES - len(item.marker) - 1, "note", record), item.marker
            ),
            "Active": record.active,
        }
    )


def _address(address: Address) -> dict[str, Any]:
    return present(
        {
            "Line1": address.line1 or None,
            "Line2": address.line2 or None,
            "City": address.city or None,
            "CountrySubDivisionCode": address.region or None,
            "PostalCode": address.postal_code or None,
            "Country": address.country,
        }
    )


# Items.


def item_body(item: PushItem, record: Item) -> dict[str, Any]:
    """What an item is written with; our marker is its SKU where it has no code."""
    return present(
        {
            "Name": fits(one_line(record.name, record), NAME, "name", record),
            "Sku": record.code or item.marker,
            "Description": fits(record.description, TEXT, "description", record),
            "Type": "Service",
            "UnitPrice": record.unit_price,
            "IncomeAccountRef": linked(record.sales_account_id),
            "ExpenseAccountRef": linked(record.purchase_account_id),
            "Active": record.active,
        }
    )


# Payments.

_TYPES = {ObjectType.INVOICE: Entity.INVOICE, ObjectType.BILL: Entity.BILL}
_SETTLED = {Side.CUSTOMER: ObjectType.INVOICE, Side.SUPPLIER: ObjectType.BILL}
_CREDITS = {Side.CUSTOMER: Entity.CREDIT_MEMO, Side.SUPPLIER: Entity.VENDOR_CREDIT}


def payment_entity(record: Payment) -> Entity:
    """What a payment is in QuickBooks."""
    return Entity.BILL_PAYMENT if record.side is Side.SUPPLIER else Entity.PAYMENT


def reference_of(record: Payment, marker: str) -> str:
    """What stands in the field for references: ours where there is room for it, else the marker."""
    given = (record.reference or record.number or "").strip()
    return given if given and len(given) <= NUMBER else marker


def payment_body(
    item: PushItem,
    record: Payment,
    party: str,
    facts: Facts,
    *,
    card: bool = False,
) -> dict[str, Any]:
    """What a payment is written with; `card` says that it was made with a company's credit card.

    Raises:
        Rejected: It settles what a payment there cannot settle.
    """
    entity = payment_entity(record)
    reference = reference_of(record, item.marker)
    said = [fits(record.note, NOTE - 300, "note", record)]
    if record.reference and reference != record.reference.strip():
        said.append(f"Reference: {record.reference}")
    note = "\n".join(part for part in said if part)
    body = {
        "TotalAmt": record.amount,
        "TxnDate": record.date.isoformat(),
        "PrivateNote": with_marker(note or None, item.marker),
        "Line": [
            _link(record, part.document_type, part.document_id, part.amount)
            for part in record.allocations
        ],
        **money(record.currency, record.currency_rate, label(record), facts),
    }
    if entity is Entity.PAYMENT:
        body |= {
            "CustomerRef": linked(party),
            "PaymentRefNum": reference,
            "PaymentMethodRef": linked(facts.settings.payment_methods.get(record.method or "")),
            "DepositToAccountRef": linked(record.account_id) if record.amount else None,
            "ARAccountRef": linked(facts.settings.receivable_account),
        }
        return present(body)
    return present(
        body
        | {
            "VendorRef": linked(party),
            "DocNumber": reference,
            "APAccountRef": linked(facts.settings.payable_account),
            **_paid_from(record.account_id, card=card),
        }
    )


def _paid_from(account_id: str | None, *, card: bool) -> Mapping[str, Any]:
    if card:
        detail = present({"CCAccountRef": linked(account_id)})
        return {"PayType": "CreditCard", "CreditCardPayment": detail}
    return {"PayType": "Check", "CheckPayment": present({"BankAccountRef": linked(account_id)})}


def _link(record: Payment, kind: ObjectType, document_id: str, amount: Decimal) -> dict[str, Any]:
    if kind is ObjectType.CREDIT_NOTE:
        entity, row_id = place_of(document_id, _CREDITS[record.side])
        fits_here = entity is _CREDITS[record.side]
    else:
        entity, row_id = _TYPES[kind], document_id
        fits_here = kind is _SETTLED[record.side]
    if not fits_here:
        raise errors.inexpressible(
            f"{label(record)} is a {record.side}'s and names a {entity.words}", "wrong_side"
        )
    return {"Amount": amount, "LinkedTxn": [{"TxnId": row_id, "TxnType": entity.value}]}


# Journal entries.


def entry_body(item: PushItem, record: JournalEntry, facts: Facts) -> dict[str, Any]:
    """What a journal entry is written with.

    Raises:
        Rejected: A line is taxed: what QuickBooks wants besides is not known here.
    """
    return present(
        {
            "DocNumber": fits(record.number, NUMBER, "number", record) or item.marker,
            "TxnDate": record.date.isoformat(),
            "PrivateNote": with_marker(
                fits(record.description, NOTE - 100, "description", record), item.marker
            ),
            "Line": [_entry_line(record, line) for line in record.lines],
            **money(record.currency, None, label(record), facts),
        }
    )


def _entry_line(record: JournalEntry, line: JournalLine) -> dict[str, Any]:
    if line.tax_rate_id:
        raise errors.inexpressible(
            f"{label(record)} names a tax rate on a line: enter the tax as a line of its own",
            "taxed_entry",
        )
    debit = line.debit > ZERO
    detail: dict[str, Any] = {
        "PostingType": "Debit" if debit else "Credit",
        "AccountRef": linked(line.account_id),
    }
    if line.contact_id:
        entity, row_id = place_of(line.contact_id, Entity.CUSTOMER)
        detail["Entity"] = {"Type": entity.value, "EntityRef": linked(row_id)}
    return present(
        {
            "DetailType": "JournalEntryLineDetail",
            "Amount": line.debit if debit else line.credit,
            "Description": line.description,
            "JournalEntryLineDetail": detail,
        }
    )
