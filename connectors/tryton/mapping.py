"""Tryton's records to canonical ones: pure functions, no I/O.

Tryton writes credit notes as invoices with negative sums, ours have positive ones. It keeps no
payments: a payment is a movement in a cash journal that takes something off what a customer owes
or what is owed to a supplier. `values` has the way back.
"""

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from connectors.tryton.wire import (
    Account,
    AccountType,
    Invoice,
    InvoiceLine,
    InvoiceMoves,
    MatchedLine,
    Move,
    MoveLine,
    Party,
    Product,
    Tax,
)
from models.canonical import (
    Address,
    Allocation,
    Bill,
    Contact,
    ContactRole,
    CreditNote,
    DocumentStatus,
    Item,
    JournalEntry,
    JournalLine,
    LedgerAccount,
    Line,
    Matching,
    ObjectType,
    OpenItem,
    Payment,
    Side,
    TaxComponent,
    TaxRate,
    TaxSubtotal,
    TaxUse,
)
from models.canonical import Invoice as CanonicalInvoice
from models.canonical.money import ZERO, total_of
from models.canonical.payment import PayableType

MARKER = re.compile(r"LB-[0-9A-F]{16}")
_SHORT = 255
_LONG = 10_000


def marker_in(*texts: str) -> str | None:
    """Our marker, when one of the texts carries it."""
    for text in texts:
        if found := MARKER.search(text):
            return found[0]
    return None


def _short(text: str) -> str | None:
    return text[:_SHORT] or None


def _long(text: str) -> str | None:
    return text[:_LONG] or None


# Invoices, bills, credit notes.


def kind_of(kind: str, total: Decimal) -> ObjectType:
    """What an `account.invoice` of a type and with a total is."""
    if total < ZERO:
        return ObjectType.CREDIT_NOTE
    return ObjectType.INVOICE if kind == "out" else ObjectType.BILL


def document(row: Invoice) -> CanonicalInvoice | Bill | CreditNote:
    """An invoice, bill or credit note, with the amounts that Tryton states."""
    sign = -1 if row.total_amount < ZERO else 1
    supplier = row.type == "in"
    fields = {
        "id": str(row.id),
        # Tryton numbers supplier invoices too; what is known outside is the supplier's number.
        "number": _short(row.reference if supplier else row.number),
        "reference": _short(row.number if supplier else row.reference),
        "issue_date": _issued(row),
        "due_date": _due(row),
        "tax_point_date": None if _booked_late(row) else row.accounting_date,
        "currency": row.currency.code,
        "contact_id": str(row.party),
        "status": _status(row, sign),
        "note": _long(row.comment),
        "lines": tuple(_line(line, sign) for line in row.lines if line.type == "line"),
        "tax_breakdown": _breakdown(row, sign),
        "net_total": sign * row.untaxed_amount,
        "tax_total": sign * row.tax_amount,
        "total": sign * row.total_amount,
        "balance": _balance(row, sign),
    }
    if sign < 0:
        return CreditNote(**fields, side=Side.SUPPLIER if supplier else Side.CUSTOMER)
    return Bill(**fields) if supplier else CanonicalInvoice(**fields)


def _booked_late(row: Invoice) -> bool:
    """Whether we dated it later than it is, for the sake of Tryton's numbering (`documents`)."""
    return (
        row.type == "out"
        and marker_in(row.description) is not None
        and row.accounting_date is not None
        and row.invoice_date is not None
        and row.accounting_date < row.invoice_date
    )


def _issued(row: Invoice) -> dt.date:
    """The date on the document; Tryton asks for it only when it is posted.

    Raises:
        ValueError: It has none at all.
    """
    if _booked_late(row) and row.accounting_date is not None:
        return row.accounting_date
    if row.invoice_date is not None:
        return row.invoice_date
    if row.create_date is not None:
        return row.create_date.date()
    raise ValueError("it has no date")


def _due(row: Invoice) -> dt.date | None:
    """When the last instalment is due."""
    dates = [line.maturity_date for line in row.lines_to_pay if line.maturity_date]
    return max(dates, default=row.payment_term_date)


def _balance(row: Invoice, sign: int) -> Decimal | None:
    if row.state in {"paid", "cancelled"}:
        return ZERO
    return sign * row.amount_to_pay if row.state == "posted" else None


_STATES = {
    "draft": DocumentStatus.DRAFT,
    "validated": DocumentStatus.DRAFT,  # a supplier's, numbered, but not in the books yet
    "paid": DocumentStatus.PAID,
    "cancelled": DocumentStatus.VOID,
}


def _status(row: Invoice, sign: int) -> str:
    """Posted invoices are told apart by what is open: lines may be assigned but not reconciled."""
    if row.state != "posted":
        return _STATES.get(row.state, row.state)
    left, total = sign * row.amount_to_pay, sign * row.total_amount
    if left == ZERO and total != ZERO:
        return DocumentStatus.PAID
    return DocumentStatus.PARTIALLY_PAID if left < total else DocumentStatus.OPEN


def _line(line: InvoiceLine, sign: int) -> Line:
    percents = [tax.percent for tax in line.taxes if tax.percent is not None]
    return Line(
        id=str(line.id),
        description=line.description[:_LONG],
        quantity=sign * (line.quantity if line.quantity is not None else Decimal(1)),
        unit=_short(line.unit.symbol) if line.unit else None,
        unit_price=line.unit_price if line.unit_price is not None else ZERO,
        net_amount=sign * line.amount,
        tax_rate=total_of(percents) if percents else None,
        tax_rate_id=str(line.taxes[0].id) if len(line.taxes) == 1 else None,
        account_id=str(line.account) if line.account else None,
        item_id=str(line.product) if line.product else None,
    )


def _breakdown(row: Invoice, sign: int) -> tuple[TaxSubtotal, ...]:
    """One subtotal per tax; Tryton has a second row where lines are below zero."""
    rates: dict[int | None, Decimal] = {}
    sums: defaultdict[int | None, list[Decimal]] = defaultdict(lambda: [ZERO, ZERO])
    for tax in row.taxes:
        key = tax.tax.id if tax.tax else None
        rates[key] = (tax.tax.percent if tax.tax else None) or ZERO
        sums[key][0] += sign * tax.base
        sums[key][1] += sign * tax.amount
    return tuple(
        TaxSubtotal(
            taxable_amount=base,
            tax_amount=amount,
            rate=rates[key],
            tax_rate_id=str(key) if key is not None else None,
        )
        for key, (base, amount) in sums.items()
    )


# Payments and journal entries.


def third_party_side(line: MoveLine) -> Side | None:
    """Whether a line is about what customers owe or about what is owed to suppliers."""
    if line.account.type is None:
        return None
    if line.account.type.receivable:
        return Side.CUSTOMER
    return Side.SUPPLIER if line.account.type.payable else None


def payment_side(move: Move) -> Side | None:
    """Whose debts a movement takes off; None when it is no payment.

    Only what cannot change once a movement is posted decides, so that a payment never turns into
    a journal entry: it is in a cash journal, and all its third-party lines are on one side and
    make the debt smaller. A refund goes the other way and stays an entry.
    """
    third = [line for line in move.lines if third_party_side(line)]
    sides = {third_party_side(line) for line in third}
    if move.journal.type != "cash" or len(sides) != 1 or len(third) == len(move.lines):
        return None
    side = sides.pop()
    smaller = all((line.credit if side is Side.CUSTOMER else line.debit) > ZERO for line in third)
    return side if smaller else None


Settled = Mapping[int, Sequence[tuple[InvoiceMoves, Decimal]]]
"""Movement line → what it paid by reconciliation alone: (invoice, amount)."""


def payment(move: Move, side: Side, base_currency: str, settled: Settled) -> Payment:
    """A payment with its allocations: assigned lines, and lines that are only reconciled."""
    third = [line for line in move.lines if third_party_side(line)]
    others = [line for line in move.lines if not third_party_side(line)]
    parties = {line.party for line in third}
    codes = {line.second_currency.code if line.second_currency else None for line in third}
    code = codes.pop() if len(codes) == 1 else None
    money = max(others, key=lambda line: abs(line.debit - line.credit))
    sums: defaultdict[tuple[PayableType, str], Decimal] = defaultdict(lambda: ZERO)
    for line in third:
        for invoice in line.invoice_payments:
            key = _payable(kind_of(invoice.type, invoice.total_amount))
            sums[key, str(invoice.id)] += _amount(line, code)
        for found, amount in () if line.invoice_payments else settled.get(line.id, ()):
            key = _payable(kind_of(found.type, found.total_amount))
            sums[key, str(found.id)] += amount
    return Payment(
        id=str(move.id),
        side=side,
        number=_short(move.number),
        date=move.date,
        amount=total_of(_amount(line, code) for line in third),
        currency=code or base_currency,
        contact_id=str(parties.pop()) if len(parties) == 1 and None not in parties else None,
        account_id=str(money.account.id),
        reference=_short(MARKER.sub("", move.description).strip()),
        status=DocumentStatus.OPEN if move.state == "posted" else DocumentStatus.DRAFT,
        allocations=tuple(
            Allocation(document_type=kind, document_id=document_id, amount=amount)
            for (kind, document_id), amount in sums.items()
            if amount > ZERO
        ),
    )


def _payable(kind: ObjectType) -> PayableType:
    if kind is ObjectType.INVOICE:
        return ObjectType.INVOICE
    return ObjectType.BILL if kind is ObjectType.BILL else ObjectType.CREDIT_NOTE


def _amount(line: MoveLine, currency: str | None) -> Decimal:
    if currency is not None and line.amount_second_currency is not None:
        return abs(line.amount_second_currency)
    return abs(line.debit - line.credit)


def settled_by_reconciliation(
    lines: Iterable[MatchedLine], invoices: Iterable[InvoiceMoves]
) -> Settled:
    """What lines paid that were reconciled with an invoice but never assigned to it.

    A bookkeeper who reconciles by hand leaves no other trace. Within a reconciliation, what the
    assigned lines leave of the invoices goes to the other lines in the order of their ids.
    """
    owner = {
        move: invoice
        for invoice in invoices
        for move in (invoice.move, *invoice.additional_moves)
        if move is not None
    }
    groups: defaultdict[int, list[MatchedLine]] = defaultdict(list)
    for line in sorted(lines, key=lambda line: line.id):
        groups[line.reconciliation].append(line)
    settled: defaultdict[int, list[tuple[InvoiceMoves, Decimal]]] = defaultdict(list)
    for group in groups.values():
        left: defaultdict[int, Decimal] = defaultdict(lambda: ZERO)
        names: dict[int, InvoiceMoves] = {}
        for line in group:
            if (invoice := owner.get(line.move)) is not None:
                left[invoice.id] += _matched_amount(line)
                names[invoice.id] = invoice
            for assigned in line.invoice_payments:
                left[assigned] -= _matched_amount(line)
        for line in group:
            if line.move in owner or line.invoice_payments:
                continue
            amount = _matched_amount(line)
            for invoice_id, invoice in names.items():
                taken = min(amount, left[invoice_id])
                if taken > ZERO:
                    settled[line.id].append((invoice, taken))
                    left[invoice_id] -= taken
                    amount -= taken
    return settled


def _matched_amount(line: MatchedLine) -> Decimal:
    if line.amount_second_currency is not None:
        return abs(line.amount_second_currency)
    return abs(line.debit - line.credit)


def journal_entry(move: Move, base_currency: str) -> JournalEntry:
    """A movement that neither an invoice nor a payment made."""
    return JournalEntry(
        id=str(move.id),
        number=_short(move.number),
        date=move.date,
        journal=_short(move.journal.code),
        description=_long(MARKER.sub("", move.description).strip()),
        currency=base_currency,
        status=DocumentStatus.OPEN if move.state == "posted" else DocumentStatus.DRAFT,
        source=_short(move.origin or ""),
        lines=tuple(_entry_line(line) for line in sorted(move.lines, key=lambda line: line.id)),
    )


def _entry_line(line: MoveLine) -> JournalLine:
    # A cancelling movement has the original's sides with negative amounts.
    debit = line.debit - line.credit
    matched = line.reconciliation
    open_items: tuple[OpenItem, ...] = ()
    if third_party_side(line):
        open_items = (
            OpenItem(
                id=str(line.id),
                amount=abs(debit),
                paid=abs(debit) if matched else ZERO,
                due_date=line.maturity_date,
                status="reconciled" if matched else "open",
            ),
        )
    return JournalLine(
        account_id=str(line.account.id),
        debit=max(debit, ZERO),
        credit=max(-debit, ZERO),
        description=_short(line.description),
        contact_id=str(line.party) if line.party else None,
        tax_rate_id=str(line.tax_lines[0].tax) if line.tax_lines else None,
        matching=(
            Matching(match_id=str(matched.id), full=True, letters=_short(matched.number))
            if matched
            else None
        ),
        open_items=open_items,
    )


# Reference data.


def tax_rate(tax: Tax) -> TaxRate:
    """A tax that lines can name.

    Raises:
        ValueError: It is an amount per unit, no percentage.
    """
    components = tuple(
        TaxComponent(
            name=child.name[:_SHORT], rate=_percent(child), compound=child.update_unit_price
        )
        for child in tax.childs
    )
    own = ZERO if tax.type == "none" else _percent(tax)
    kind = (tax.group or {}).get("kind")
    return TaxRate(
        id=str(tax.id),
        name=tax.name[:_SHORT],
        rate=own + total_of(component.rate for component in components),
        components=components,
        use={"sale": TaxUse.SALES, "purchase": TaxUse.PURCHASES}.get(kind or "", TaxUse.BOTH),
        account_id=str(tax.invoice_account) if tax.invoice_account else None,
        active=tax.active,
    )


def _percent(tax: Tax) -> Decimal:
    if tax.type != "percentage" or tax.rate is None:
        raise ValueError(f"the tax {tax.name} is no percentage")
    return tax.rate * 100


def ledger_account(account: Account, banks: set[int]) -> LedgerAccount:
    """An account that can be booked on; `banks` are those that payment methods use."""
    kind = account.type or AccountType(id=0)
    return LedgerAccount(
        id=str(account.id),
        name=account.name[:_SHORT],
        code=_short(account.code),
        classification=_classification(kind, is_bank=account.id in banks),
        subtype=next(
            (name for name in ("receivable", "payable", "debt") if getattr(kind, name)), None
        ),
        is_bank_account=account.id in banks,
        currency=account.second_currency.code if account.second_currency else None,
        tax_rate_id=str(account.taxes[0]) if len(account.taxes) == 1 else None,
        active=not account.closed,
    )


def _classification(kind: AccountType, *, is_bank: bool) -> str:
    """What the type says; Tryton's own charts flag few of their types, and equity none."""
    if kind.assets or kind.receivable or is_bank:
        return "asset"
    if kind.payable or kind.debt:
        return "liability"
    if kind.revenue or kind.expense:
        return "income" if kind.revenue else "expense"
    return {"balance": "balance_sheet", "income": "profit_or_loss"}.get(
        kind.statement or "", kind.statement or "unknown"
    )


def contact(party: Party) -> Contact:
    """A party; Tryton does not say whether it is a customer or a supplier: it may be both."""
    mechanisms = {entry.type: entry.value for entry in reversed(party.contact_mechanisms)}
    address = party.addresses[0] if party.addresses else None
    return Contact(
        id=str(party.id),
        name=(party.name or party.code)[:_SHORT],
        number=_short(party.code),
        roles=(ContactRole.CUSTOMER, ContactRole.SUPPLIER),
        tax_number=_tax_number(party),
        email=_short(mechanisms.get("email", "")),
        phone=_short(mechanisms.get("phone") or mechanisms.get("mobile") or ""),
        address=(
            Address(
                line1=address.street.partition("\n")[0][:_SHORT],
                line2=address.street.partition("\n")[2].replace("\n", ", ")[:_SHORT],
                city=address.city[:_SHORT],
                postal_code=address.postal_code[:_SHORT],
                region=str((address.subdivision or {}).get("name") or "")[:_SHORT],
                country=address.country.code or None if address.country else None,
            )
            if address
            else None
        ),
        active=party.active,
    )


def _tax_number(party: Party) -> str | None:
    """A typed identifier that says VAT, else one of no type that is not our marker."""
    typed = [one.code for one in party.identifiers if one.type and one.type.endswith("vat")]
    plain = [one.code for one in party.identifiers if not one.type and not marker_in(one.code)]
    return next((code[:_SHORT] for code in [*typed, *plain]), None)


def item(product: Product, base_currency: str) -> Item:
    """A product; prices are in the company's currency."""
    return Item(
        id=str(product.id),
        name=product.name[:_SHORT],
        code=_short(product.code),
        description=_long(product.description),
        unit=_short(product.default_uom.symbol) if product.default_uom else None,
        unit_price=product.list_price_used,
        currency=base_currency if product.list_price_used is not None else None,
        active=product.in_use,
    )
