"""Accounting entries to canonical records: as entries, as payments, as documents; pure.

Sage Active has no payment object: each third-party line of an entry in a FINANCIAL journal is one.
And an invoice, a bill or a credit note may be nothing but an entry, in a journal of sales or
purchases; one that came from Sage's own sales or purchase module is not read twice.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from connectors.sage_active.values import marker_in, without_marker
from connectors.sage_active.wire import Entry, EntryLine, MatchedLine, OpenItem
from models.canonical import (
    Allocation,
    AnyDocument,
    Bill,
    CreditNote,
    DimensionTag,
    Invoice,
    JournalEntry,
    JournalLine,
    Line,
    Matching,
    ObjectType,
    Payment,
    Side,
    TaxSubtotal,
)
from models.canonical import OpenItem as CanonicalOpenItem
from models.canonical.money import ZERO

SALES, PURCHASES, FINANCIAL = "SALES_INVOICE", "PURCHASE_INVOICE", "FINANCIAL"
CUSTOMER, SUPPLIER = "CUSTOMER", "SUPPLIER"
FULL = "FULL_MATCH"
_TAXES = frozenset(
    {
        "INPUT_TAX",
        "OUTPUT_TAX",
        "CURRENT_ASSETS_INPUT_TAX",
        "BORROWED_CAPITAL_OUTPUT_TAX",
    }
)


class NotReadable(ValueError):  # noqa: N818  # said of an object, shown to people
    """What an object says makes no record."""


def journal_of(entry: Entry) -> str:
    """The type of an entry's journal."""
    return (entry.journal_type.type if entry.journal_type else None) or ""


def marker_of(entry: Entry) -> str | None:
    """Our marker: in the description, or the document number of a settlement."""
    return marker_in(entry.description, entry.document_number)


def outside_number(entry: Entry) -> str | None:
    """The number of the document behind an entry; our marker is none."""
    return without_marker(entry.document_number)


def is_matched(entry: Entry) -> bool:
    """Whether a line is matched with one of another entry."""
    return any(_matching(line) is not None for line in entry.accounting_entry_lines)


def in_order(entry: Entry) -> list[EntryLine]:
    """The lines as they stand in the entry."""
    return sorted(entry.accounting_entry_lines, key=lambda line: (line.order or 0, line.id))


# As entries.


def journal_entry(entry: Entry) -> JournalEntry:
    """An entry with everything that a canonical one holds."""
    if entry.date is None:
        raise NotReadable("it has no date")
    return JournalEntry(
        id=entry.id,
        number=None if entry.number is None else str(entry.number),
        date=entry.date,
        document_date=entry.document_date,
        document_number=entry.document_number,
        journal=entry.journal_type.code if entry.journal_type else None,
        description=without_marker(entry.description),
        currency=(entry.currency.code if entry.currency else None) or "EUR",
        status="open",
        source=entry.source_type,
        lines=tuple(_line(line) for line in in_order(entry)),
    )


def _line(line: EntryLine) -> JournalLine:
    party, invoice = line.accounting_entry_third_party, line.accounting_entry_invoice
    taxes = invoice.accounting_entry_taxes if invoice else ()
    tax = taxes[0] if len(taxes) == 1 else None
    debit, credit = line.debit_amount, line.credit_amount
    if debit < ZERO or credit < ZERO:
        # The canonical record has no negative sides: a negative debit is a credit.
        debit, credit = max(debit, ZERO) + max(-credit, ZERO), max(credit, ZERO) + max(-debit, ZERO)
    return JournalLine(
        account_id=(line.sub_account.id if line.sub_account else None) or "unknown",
        debit=debit,
        credit=credit,
        description=without_marker(line.description),
        contact_id=party.third_party_id if party else None,
        tax_rate_id=tax.tax_id if tax else None,
        tax_rate=tax.tax_percentage if tax else None,
        dimensions=tuple(
            DimensionTag(dimension=tag.dimension_id, value=tag.dimension_tag_id, amount=tag.amount)
            for tag in line.accounting_entry_dimension_tags
            if tag.dimension_id and tag.dimension_tag_id
        ),
        matching=_matching(line),
        open_items=tuple(_open_item(one) for one in invoice.open_items) if invoice else (),
    )


def _matching(line: EntryLine | MatchedLine) -> Matching | None:
    found = line.accounting_entry_payment
    if found is None or not found.match_id:
        return None
    return Matching(
        match_id=found.match_id, full=found.matching == FULL, letters=found.matching_letter
    )


def _open_item(one: OpenItem) -> CanonicalOpenItem:
    return CanonicalOpenItem(
        id=one.id,
        amount=one.amount,
        paid=one.paid_amount_accumulated,
        due_date=one.due_date,
        status=one.status,
    )


# As payments.


def payment_lines(entry: Entry) -> list[EntryLine]:
    """The lines of a bank or cash entry that concern a customer or a supplier."""
    if journal_of(entry) != FINANCIAL:
        return []
    return [
        line
        for line in in_order(entry)
        if (party := line.accounting_entry_third_party) is not None
        and party.origin in {CUSTOMER, SUPPLIER}
        and _moved(line) > ZERO
    ]


def _moved(line: EntryLine | MatchedLine) -> Decimal:
    """How much a line pays: credit of a customer is money in, debit of a supplier money out."""
    party = line.accounting_entry_third_party
    amount = line.credit_amount - line.debit_amount
    return -amount if party is not None and party.origin == SUPPLIER else amount


def payments(entry: Entry, matched: Mapping[str, Sequence[MatchedLine]]) -> list[Payment]:
    """The payments in a bank or cash entry: one for each third party.

    `matched` has all lines of each match, of this and of other entries.
    """
    parts: dict[str, list[EntryLine]] = {}
    for line in payment_lines(entry):
        party = line.accounting_entry_third_party
        assert party is not None  # noqa: S101  # `payment_lines` sees to it
        parts.setdefault(f"{party.origin} {party.third_party_id}", []).append(line)
    alone = len(parts) == 1
    return [_payment(entry, lines, matched, alone=alone) for lines in parts.values()]


def _payment(
    entry: Entry,
    lines: Sequence[EntryLine],
    matched: Mapping[str, Sequence[MatchedLine]],
    *,
    alone: bool,
) -> Payment:
    if entry.date is None:
        raise NotReadable("it has no date")
    party = lines[0].accounting_entry_third_party
    assert party is not None  # noqa: S101  # chosen for it
    side = Side.SUPPLIER if party.origin == SUPPLIER else Side.CUSTOMER
    # The money is on the side of the entry that is opposite to the third party's.
    bank = next(
        (
            other.sub_account.id
            for other in in_order(entry)
            if other.accounting_entry_third_party is None
            and other.sub_account is not None
            and (other.debit_amount - other.credit_amount)
            * (lines[0].credit_amount - lines[0].debit_amount)
            > ZERO
        ),
        None,
    )
    return Payment(
        id=entry.id if alone else f"{entry.id}:{party.third_party_id}",
        side=side,
        number=None if entry.number is None else str(entry.number),
        date=entry.date,
        amount=sum((_moved(line) for line in lines), ZERO),
        currency=(entry.currency.code if entry.currency else None) or "EUR",
        contact_id=party.third_party_id,
        account_id=bank,
        reference=outside_number(entry),
        note=without_marker(entry.description),
        allocations=_allocations(lines, side, matched),
    )


def _allocations(
    lines: Sequence[EntryLine], side: Side, matched: Mapping[str, Sequence[MatchedLine]]
) -> tuple[Allocation, ...]:
    kind = ObjectType.INVOICE if side is Side.CUSTOMER else ObjectType.BILL
    found: dict[str, Decimal] = {}
    for line in lines:
        match = line.accounting_entry_payment
        if match is None or not match.match_id:
            continue
        for document_id, amount in shares(matched.get(match.match_id, ())).get(line.id, {}).items():
            found[document_id] = found.get(document_id, ZERO) + amount
    return tuple(
        Allocation(document_type=kind, document_id=document_id, amount=amount)
        for document_id, amount in sorted(found.items())
    )


def shares(group: Sequence[MatchedLine]) -> dict[str, dict[str, Decimal]]:
    """What each payment of a match pays of each document: line → document → amount.

    A match says which lines belong together, not how much of which goes where. Exact with one
    payment or one document in it; else the oldest payment pays the oldest document first, up to
    what the document's open items say has been paid.
    """
    ordered = sorted(group, key=lambda line: (line.accounting_entry.date or "", line.id))
    paying = [line for line in ordered if _type_of(line) == FINANCIAL and _moved(line) > ZERO]
    documents = [line for line in ordered if _type_of(line) in {SALES, PURCHASES}]
    left = {line.id: _paid_on(line) for line in documents}
    result: dict[str, dict[str, Decimal]] = {}
    for payment in paying:
        rest = _moved(payment)
        for document in documents:
            part = min(rest, left[document.id])
            if part <= ZERO:
                continue
            rest -= part
            left[document.id] -= part
            shared = result.setdefault(payment.id, {})
            document_id = document.accounting_entry.source_entity_id or document.accounting_entry.id
            shared[document_id] = shared.get(document_id, ZERO) + part
    return result


def _type_of(line: MatchedLine) -> str:
    journal = line.accounting_entry.journal_type
    return (journal.type if journal else None) or ""


def _paid_on(line: MatchedLine) -> Decimal:
    """What has been paid of a document; the whole line where it has no open items."""
    invoice = line.accounting_entry_invoice
    if invoice is not None and invoice.open_items:
        return sum((one.paid_amount_accumulated for one in invoice.open_items), ZERO)
    return abs(line.debit_amount - line.credit_amount)


# As documents.


def party_line(entry: Entry) -> EntryLine | None:
    """The line of the customer or supplier in an entry of sales or purchases."""
    for line in in_order(entry):
        party = line.accounting_entry_third_party
        if party is not None and party.origin in {CUSTOMER, SUPPLIER}:
            return line
    return None


def kind_of(entry: Entry) -> ObjectType | None:
    """What an entry is as a document; None: none, or one of Sage's own modules made it."""
    line = party_line(entry)
    if line is None or entry.source_entity_id:
        return None
    owed = line.debit_amount - line.credit_amount
    match journal_of(entry):
        case "SALES_INVOICE":
            return ObjectType.INVOICE if owed > ZERO else ObjectType.CREDIT_NOTE
        case "PURCHASE_INVOICE":
            return ObjectType.BILL if owed < ZERO else ObjectType.CREDIT_NOTE
    return None


def document(entry: Entry) -> AnyDocument:
    """An entry of sales or purchases as the document that it stands for."""
    kind, party_side = kind_of(entry), party_line(entry)
    if kind is None or party_side is None or entry.date is None:
        raise NotReadable("it has no third party or no date")
    party = party_side.accounting_entry_third_party
    assert party is not None  # noqa: S101  # chosen for it
    others = [line for line in in_order(entry) if line.id != party_side.id]
    total = abs(party_side.debit_amount - party_side.credit_amount)
    sign = 1 if party_side.debit_amount > party_side.credit_amount else -1
    booked = [line for line in others if not _is_tax(line)]
    net = sum((sign * (line.credit_amount - line.debit_amount) for line in booked), ZERO)
    invoice = party_side.accounting_entry_invoice
    taxes = invoice.accounting_entry_taxes if invoice else ()
    lines = tuple(
        Line(
            id=line.id,
            description=without_marker(line.description) or "",
            unit_price=sign * (line.credit_amount - line.debit_amount),
            net_amount=sign * (line.credit_amount - line.debit_amount),
            account_id=line.sub_account.id if line.sub_account else None,
            tax_rate_id=taxes[0].tax_id if len(taxes) == 1 else None,
            tax_rate=taxes[0].tax_percentage if len(taxes) == 1 else None,
        )
        for line in booked
    )
    open_items = invoice.open_items if invoice else ()
    balance = sum((abs(one.amount) - abs(one.paid_amount_accumulated) for one in open_items), ZERO)
    due = [one.due_date for one in open_items if one.due_date]
    common = {
        "id": entry.id,
        "number": outside_number(entry),
        "issue_date": entry.document_date or entry.date,
        "due_date": min(due) if due else None,
        "tax_point_date": invoice.operation_date if invoice else None,
        "currency": (entry.currency.code if entry.currency else None) or "EUR",
        "contact_id": party.third_party_id or "unknown",
        "status": _status(total, balance) if open_items else "open",
        "note": without_marker(entry.description),
        "lines": lines,
        "tax_breakdown": tuple(
            TaxSubtotal(
                taxable_amount=abs(tax.tax_base),
                tax_amount=abs(tax.tax_amount),
                rate=tax.tax_percentage or ZERO,
                tax_rate_id=tax.tax_id,
            )
            for tax in taxes
        ),
        "net_total": net,
        "tax_total": total - net,
        "total": total,
        "balance": balance if open_items else None,
    }
    if kind is ObjectType.INVOICE:
        return Invoice.model_validate(common)
    if kind is ObjectType.BILL:
        return Bill.model_validate(common)
    side = Side.SUPPLIER if journal_of(entry) == PURCHASES else Side.CUSTOMER
    corrected = invoice.original_accounting_entry_invoice_id if invoice else None
    return CreditNote.model_validate(
        common
        | {
            "side": side,
            "corrects": (corrected,) if corrected else (),
            "correction_type": invoice.credit_note_type if invoice else None,
            "correction_reason": invoice.credit_note_reason if invoice else None,
        }
    )


def _is_tax(line: EntryLine) -> bool:
    return line.sub_account is not None and line.sub_account.sub_account_type in _TAXES


def _status(total: Decimal, balance: Decimal) -> str:
    if balance <= ZERO:
        return "paid"
    return "partially_paid" if balance < total else "open"
