"""Marketplace documents to canonical records: pure functions, no I/O.

The same invoice is a bill of its seller for a client, and an invoice to its buyer for an operations
account. Amounts are kept as stated (see `amounts`); a document's paid state is not taken over,
since it is our ledger that knows what was paid: it is shown beside the record.
"""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from connectors.base import BadRecord, Elsewhere, PulledRecord
from connectors.softwareone import amounts
from connectors.softwareone.settings import AccountRole, SoftwareOneSettings
from connectors.softwareone.texts import LONG, clean, in_words, sentences, short
from connectors.softwareone.wire import Document, DocumentLine, Owned, Reference, Thing
from models.canonical import (
    AllowanceCharge,
    AnyDocument,
    Bill,
    Contact,
    ContactRole,
    CreditNote,
    Invoice,
    Line,
    ObjectType,
    Side,
    contradictions,
)
from models.canonical.money import ZERO, plain

PORTAL = {"api.platform.softwareone.com": "https://portal.platform.softwareone.com/billing"}
"""Where people look at documents, by the API's host."""

DELETED = "Deleted"
_UNFINISHED = frozenset({"Error"})
_CREDIT = "Credit"


class Shown(BaseModel):
    """What the marketplace says beyond the canonical record."""

    status: str = ""
    balance_due: str = ""
    posting_date: str = ""
    agreement: str = ""
    product: str = ""
    vendor: str = ""
    statement: str = ""


@dataclass(frozen=True)
class Mapped:
    """A document of ours, with whom it is made out to."""

    record: PulledRecord
    contact: PulledRecord | None = None


Read = Mapped | Elsewhere | BadRecord


def owner_elsewhere(owned: Owned, settings: SoftwareOneSettings) -> str | None:
    """Whose a document is when it is none of ours; None when it is ours.

    Raises:
        ValueError: It does not say.
    """
    for name, wanted in (
        ("buyer", settings.buyers),
        ("seller", settings.sellers),
        ("client", settings.clients),
    ):
        one: Reference | None = getattr(owned, name)
        if not wanted:
            continue
        if one is None:
            raise ValueError(f"the marketplace does not say whose it is: it has no {name}")
        if one.id not in wanted:
            return one.id
    return None


def document(
    kind: ObjectType, thing: Thing, settings: SoftwareOneSettings, *, portal: str | None = None
) -> Read:
    """Read an invoice or credit memo, once it is known whose it is."""
    platform_id = str(thing.get("id") or "?")
    try:
        owned = Owned.model_validate(thing)
        owner = owner_elsewhere(owned, settings)
        if owner is not None:
            return Elsewhere(platform_id, owner)
        return _document(kind, Document.model_validate(thing), settings, portal)
    except (ValueError, ArithmeticError) as error:
        return BadRecord(platform_id, in_words(error))


def _document(
    kind: ObjectType, read: Document, settings: SoftwareOneSettings, portal: str | None
) -> Read:
    if read.status in _UNFINISHED:
        return BadRecord(read.id, f"the marketplace has it in status {read.status}")
    credit = kind is ObjectType.CREDIT_NOTE
    if not credit and read.type == _CREDIT:
        return BadRecord(read.id, "it is an invoice of type Credit: enter it by hand")
    bought = settings.account_role is AccountRole.CLIENT
    party = read.seller if bought else read.buyer
    if party is None:
        return BadRecord(read.id, f"the {'seller' if bought else 'buyer'} is missing")
    record = _record(kind, read, party, bought=bought)
    if problems := contradictions(record):
        return BadRecord(read.id, "; ".join(map(str, problems)))
    folder = "credit-memos" if credit else "invoices"
    return Mapped(
        PulledRecord(
            read.id,
            record,
            version=str(read.revision) if read.revision is not None else None,
            url=f"{portal}/{folder}/{read.id}" if portal else None,
            deleted=read.status == DELETED,
            extra=_shown(read),
        ),
        contact(party, ContactRole.SUPPLIER if bought else ContactRole.CUSTOMER),
    )


def contact(party: Reference, role: ContactRole) -> PulledRecord:
    """Who a document is made out to, or by; the marketplace tells no more than the name here."""
    record = Contact(id=party.id, name=short(party.name) or party.id, roles=(role,))
    return PulledRecord(party.id, record)


def _record(kind: ObjectType, read: Document, party: Reference, *, bought: bool) -> AnyDocument:
    erp, currency = read.erp_data, amounts.currency_of(read)
    totals = amounts.totals_of(read, currency)
    lines = amounts.billed(read)
    if not lines:
        raise ValueError("lines: it has none with an amount")
    nets = amounts.net_amounts(lines, totals.net, currency)
    issued = erp.document_date or read.attributes.document_date
    if issued is None:
        raise ValueError("erpData.documentDate is missing")
    content: dict[str, Any] = {
        "id": read.id,
        "number": short(read.document_no) or short(erp.document_no) or read.id,
        "reference": short(erp.your_reference),
        "order_number": short(erp.reference_number.order_no if erp.reference_number else None)
        or short(read.attributes.order_no),
        "issue_date": issued,
        "due_date": erp.due_date or read.attributes.due_date,
        "currency": currency,
        "contact_id": party.id,
        "note": _note(kind, read, issued),
        "lines": tuple(map(_line, lines, nets)),
        "tax_breakdown": amounts.breakdown(lines, nets, totals.tax, currency),
        "net_total": totals.net,
        "tax_total": totals.tax,
        "total": totals.net + totals.tax,
    }
    if totals.rounding:
        content |= {"rounding_amount": totals.rounding, "payable_amount": totals.gross}
    if kind is ObjectType.CREDIT_NOTE:
        side = Side.SUPPLIER if bought else Side.CUSTOMER
        return CreditNote.model_validate({**content, "side": side})
    return (Bill if bought else Invoice).model_validate(content)


def _line(line: DocumentLine, net: Decimal) -> Line:
    unit_price: Decimal | None = line.stated("unit_price")
    quantity = line.quantity or Decimal(1)
    discount: Decimal = line.stated("discount_amount") or ZERO
    return Line(
        id=line.id or None,
        description=_description(line),
        quantity=amounts.price(quantity if unit_price is not None else Decimal(1)),
        unit=short(line.unit_of_measure),
        unit_price=amounts.price(unit_price if unit_price is not None else net),
        allowances_charges=(
            (AllowanceCharge(kind="allowance", amount=amounts.amount(discount)),)
            if discount > ZERO
            else ()
        ),
        net_amount=net,
        tax_rate=amounts.percent(line),
        tax_category=amounts.category(line),
    )


def _description(line: DocumentLine) -> str:
    parts = [clean(line.description), clean(line.description2)]
    return " ".join(part for part in parts if part)[:LONG] or clean(line.item_no)


def _note(kind: ObjectType, read: Document, issued: dt.date) -> str | None:
    """What has no field of its own: a corrected invoice is named by number, not by id."""
    posted = read.erp_data.posting_date or read.attributes.posting_date
    corrected = read.erp_data.applies_to_doc_no if kind is ObjectType.CREDIT_NOTE else None
    return sentences(
        ("Corrects", corrected),
        ("Posting date", posted.isoformat() if posted and posted != issued else None),
        ("Vendor", _name(read.vendor)),
        ("Product", _name(read.product)),
        ("Agreement", read.agreement.id if read.agreement else read.erp_data.external_document_no),
    )


def _shown(read: Document) -> Shown:
    posted = read.erp_data.posting_date or read.attributes.posting_date
    due = read.erp_data.balance_due
    return Shown(
        status=clean(read.status),
        balance_due=plain(due) if due is not None else "",
        posting_date=posted.isoformat() if posted else "",
        agreement=read.agreement.id if read.agreement else "",
        product=_name(read.product) or "",
        vendor=_name(read.vendor) or "",
        statement=read.statement.id if read.statement else "",
    )


def _name(one: Reference | None) -> str | None:
    return clean(one.name) or one.id if one else None
