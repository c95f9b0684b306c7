"""Canonical documents as Tryton's values: pure, apart from the reference data that they ask for.

Stated amounts are kept. Tryton computes a line as quantity x price, rounded half to even, and the
tax per rate from the lines. So a line whose stated amount does not come out is booked as 1 x that
amount, with a note, and the tax rows are written beside the lines: Tryton leaves a row alone that
has the account, the tax and the base that it would compute (account_invoice, `update_taxes`).
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from connectors.base import PushItem
from connectors.errors import Cause, MappingMissing, Rejected
from connectors.tryton.books import Books
from connectors.tryton.wire import Party, Tax, Values
from models.canonical import AllowanceCharge, Bill, BillingDocument, CreditNote, Line, Side
from models.canonical.money import ZERO, plain, shown, total_of

_ONE = Decimal(1)


@dataclass(frozen=True)
class BookedLine:
    """One line as it goes into Tryton, before the sign of a credit note."""

    description: str
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal
    account: int
    tax: int | None


@dataclass(frozen=True)
class Booked:
    """A document's lines as Tryton gets them, and what a person should know about them."""

    lines: tuple[BookedLine, ...]
    notes: tuple[str, ...]


def tryton_id(text: str, what: str) -> int:
    """An id of Tryton's in a record.

    Raises:
        Rejected: It is none.
    """
    if not text.isdecimal():
        raise Rejected(f"{text!r} is no {what} of Tryton", code="unknown_id")
    return int(text)


def known_ids(items: Iterable[PushItem]) -> list[int]:
    """The ids of Tryton's that items carry."""
    named = {item.platform_id or "" for item in items}
    return sorted(int(one) for one in named if one.isdecimal())


def is_supplier(record: BillingDocument) -> bool:
    """Whether a document is Tryton's `in`."""
    if isinstance(record, CreditNote):
        return record.side is Side.SUPPLIER
    return isinstance(record, Bill)


def sign_of(record: BillingDocument) -> int:
    """Tryton's credit notes are invoices below zero."""
    return -1 if isinstance(record, CreditNote) else 1


def header(record: BillingDocument, marker: str, party: Party, books: Books) -> Values:
    """The fields of an invoice, bill or credit note beside its lines and taxes.

    Raises:
        Rejected: Tryton lacks something that every document needs.
    """
    supplier = is_supplier(record)
    return {
        "type": "in" if supplier else "out",
        "company": books.company.id,
        "party": party.id,
        "invoice_address": address_of(party),
        "account": books.third_party_account(party, receivable=not supplier),
        "journal": books.journal("expense" if supplier else "revenue"),
        "currency": books.currency(record.currency).id,
        "invoice_date": record.issue_date,
        "accounting_date": None,
        # A supplier's due date may be past. For a customer's Tryton asks: see `documents`.
        "payment_term_date": record.due_date if supplier else None,
        "reference": one_line(record.number),
        "description": marker,
        "comment": _comment(record),
    }


def line_values(record: BillingDocument, booked: Booked, books: Books) -> list[Values]:
    """The values of the lines, below zero for credit notes."""
    sign = sign_of(record)
    return [
        {
            "type": "line",
            "company": books.company.id,
            "currency": books.currency(record.currency).id,
            "sequence": position,
            "description": _printable(line.description),
            "quantity": float(sign * line.quantity),
            "unit_price": line.unit_price,
            "account": line.account,
            "taxes": [["add", [line.tax]]] if line.tax is not None else [],
        }
        for position, line in enumerate(booked.lines, start=1)
    ]


def address_of(party: Party) -> int | None:
    """The address for invoices, else the first; Tryton does not take an invoice without one."""
    for address in party.addresses:
        if address.invoice:
            return address.id
    return party.addresses[0].id if party.addresses else None


def _comment(record: BillingDocument) -> str | None:
    return _printable("\n".join(filter(None, [record.note, record.reference, record.order_number])))


def _printable(text: str) -> str:
    """PostgreSQL, below most Trytons, stores no NUL."""
    return text.replace("\x00", "")


def one_line(text: str | None) -> str | None:
    """Tryton refuses line breaks and other control characters in texts of one line."""
    return " ".join(_CONTROL.sub(" ", text).split()) or None if text else None


_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def booked(record: BillingDocument, books: Books) -> Booked:
    """A document's lines, allowances and charges as Tryton gets them.

    Raises:
        ConnectorError: Something that a line names does not exist in Tryton.
    """
    notes: list[str] = []
    lines = [*_document_lines(record, books, notes), *_document_parts(record, books)]
    lines = list(_with_rounding(record, lines, books, notes))
    if record.prepaid_amount or record.rounding_amount:
        notes.append(
            f"Tryton keeps the total of {shown(record.total, record.currency)}, not the payable "
            f"amount of {shown(record.payable, record.currency)}"
        )
    return Booked(tuple(lines), tuple(notes))


def _document_lines(
    record: BillingDocument, books: Books, notes: list[str]
) -> Iterator[BookedLine]:
    for position, line in enumerate(record.lines, start=1):
        amount = books.rounded(line.net_amount, record.currency)
        quantity, price, why = _factors(line, amount, record.currency, books)
        if why is not None:
            notes.append(
                f"line {position} is booked as {plain(quantity)} × "
                f"{shown(price, record.currency)}: {why}"
            )
        yield BookedLine(
            description=line.description,
            quantity=quantity,
            unit_price=price,
            amount=amount,
            account=_account(line.account_id, f"line {position}"),
            tax=_tax(line.tax_rate_id, line.tax_rate),
        )


def _factors(
    line: Line, amount: Decimal, currency: str, books: Books
) -> tuple[Decimal, Decimal, str | None]:
    """Quantity and price that give the stated amount, and why they are not the document's."""
    price = line.unit_price / line.price_base_quantity if line.price_base_quantity else ZERO
    one = (_ONE if amount >= ZERO else -_ONE, abs(amount))
    said = f"{plain(line.quantity)} × {plain(line.unit_price)}"
    if line.price_base_quantity != 1:
        said += f" per {plain(line.price_base_quantity)}"
    if price != round(price, books.price_digits):
        return *one, f"{said} has more decimals than Tryton keeps"
    # Tryton stores quantities as binary fractions and computes with their shortest decimals.
    kept = Decimal(str(float(line.quantity)))
    if kept != line.quantity or books.rounded(kept * price, currency) != amount:
        return *one, f"{said} does not give the stated amount"
    return line.quantity, price, None


def _document_parts(record: BillingDocument, books: Books) -> Iterator[BookedLine]:
    """Allowances and charges on the document, which are lines in Tryton."""
    for part in record.allowances_charges:
        amount = books.rounded(part.amount, record.currency)
        quantity = -_ONE if part.kind == "allowance" else _ONE
        yield BookedLine(
            description=part.reason or part.kind.capitalize(),
            quantity=quantity,
            unit_price=amount,
            amount=quantity * amount,
            account=_part_account(part, record),
            tax=_tax(part.tax_rate_id, part.tax_rate),
        )


def _part_account(part: AllowanceCharge, record: BillingDocument) -> int:
    alike = next(
        (line.account_id for line in record.lines if line.tax_rate_id == part.tax_rate_id), None
    )
    return _account(part.account_id or alike, f"the {part.kind}")


def _account(account_id: str | None, what: str) -> int:
    if account_id is None:
        raise Rejected(
            f"{what} names no account",
            code="account_not_named",
            cause=Cause("account_not_named", what, {"purpose": what, "ours": what}),
        )
    return tryton_id(account_id, "account")


def _tax(rate_id: str | None, percent: Decimal | None) -> int | None:
    if rate_id is not None:
        return tryton_id(rate_id, "tax")
    if percent:
        rate = plain(percent)
        raise MappingMissing(
            f"tax rate {rate} % has no counterpart in Tryton",
            code="tax_rate_unmapped",
            cause=Cause("tax_rate_unmapped", rate, {"rate": rate, "ours": rate}),
        )
    return None


def _with_rounding(
    record: BillingDocument, lines: Sequence[BookedLine], books: Books, notes: list[str]
) -> Iterator[BookedLine]:
    """Put what rounding each line to the cent leaves of the stated sum on the largest one."""
    left = books.rounded(record.net_total, record.currency) - total_of(
        line.amount for line in lines
    )
    step = books.currency(record.currency).rounding
    if not lines or left == ZERO or abs(left) > step * len(lines):
        yield from lines
        return
    largest = max(range(len(lines)), key=lambda position: abs(lines[position].amount))
    for position, line in enumerate(lines):
        if position != largest:
            yield line
            continue
        amount = line.amount + left
        notes.append(
            f"line {position + 1} is booked as 1 × {shown(amount, record.currency)}: "
            f"it carries {shown(left, record.currency)} that rounding the lines leaves"
        )
        yield BookedLine(
            description=line.description,
            quantity=_ONE if amount > ZERO else -_ONE,
            unit_price=abs(amount),
            amount=amount,
            account=line.account,
            tax=line.tax,
        )


def tax_rows(record: BillingDocument, lines: Sequence[BookedLine], books: Books) -> list[Values]:
    """The tax of each rate as it is stated; none where Tryton has to compute it.

    Tryton keeps what is above zero and what is below it apart, on two accounts. What is stated is
    the sum: the smaller row gets the computed tax, the other one the rest.
    """
    bases: defaultdict[tuple[int, bool], Decimal] = defaultdict(lambda: ZERO)
    sign = sign_of(record)
    for line in lines:
        if line.tax is not None:
            bases[line.tax, sign * line.amount >= ZERO] += line.amount
    stated = _stated(record, {tax for tax, _ in bases}, books)
    if stated is None:
        return []
    rows: list[Values] = []
    for (tax_id, positive), base in bases.items():
        tax = books.taxes[tax_id]
        other = bases.get((tax_id, not positive))
        amount = stated[tax_id]
        if other is not None:
            minor = abs(base) < abs(other) or (abs(base) == abs(other) and not positive)
            part = base if minor else other
            computed = books.rounded(part * (tax.rate or ZERO), record.currency)
            amount = computed if minor else amount - computed
        rows.append(
            {
                "tax": tax_id,
                "description": tax.description or tax.name,
                "legal_notice": tax.legal_notice,
                "sequence": tax.sequence,
                "account": tax.invoice_account if positive else tax.credit_note_account,
                "base": sign * base,
                "amount": sign * amount,
                "manual": False,
            }
        )
    return rows


def _stated(record: BillingDocument, used: set[int], books: Books) -> dict[int, Decimal] | None:
    """What the document states for each tax; None when it does not say it for every one.

    Taxes with components are left to Tryton: it has a row for each component.
    """
    if any(tax_id not in books.taxes or not _is_plain(books.taxes[tax_id]) for tax_id in used):
        return None
    stated: defaultdict[int, Decimal] = defaultdict(lambda: ZERO)
    for subtotal in record.tax_breakdown:
        tax_id = _meant(subtotal.tax_rate_id, subtotal.rate, used, books)
        if tax_id is None:
            continue
        stated[tax_id] += books.rounded(subtotal.tax_amount, record.currency)
    if not record.tax_breakdown and len(used) == 1:
        stated[next(iter(used))] = books.rounded(record.tax_total, record.currency)
    return stated if stated.keys() == used else None


def _is_plain(tax: Tax) -> bool:
    return tax.type == "percentage" and not tax.childs and not tax.update_unit_price


def _meant(rate_id: str | None, percent: Decimal, used: set[int], books: Books) -> int | None:
    """Which of the taxes of the lines a subtotal is about."""
    if rate_id is not None and rate_id.isdecimal() and int(rate_id) in used:
        return int(rate_id)
    fitting = [tax_id for tax_id in used if (books.taxes[tax_id].rate or ZERO) * 100 == percent]
    return fitting[0] if len(fitting) == 1 else None
