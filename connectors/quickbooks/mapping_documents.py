"""Invoices, bills, credit memos and vendor credits as we keep them; pure."""

from decimal import Decimal
from typing import Any

from connectors.quickbooks.entities import Entity, platform_id
from connectors.quickbooks.values import (
    SHORT,
    HomeCurrency,
    amount,
    currency,
    day,
    day_or_none,
    document_status,
    note_of,
    price,
    rate,
    without_marker,
)
from connectors.quickbooks.wire import (
    DocumentRow,
    ExpenseDetail,
    LineRow,
    SalesDetail,
    TxnTax,
    id_of,
)
from models.canonical import (
    AllowanceCharge,
    AnyDocument,
    Bill,
    CreditNote,
    Invoice,
    Line,
    Side,
    TaxSubtotal,
)
from models.canonical.money import ZERO, total_of

_TEXT = 10_000
_NO_LINES = frozenset(
    {"SubTotalLineDetail", "DescriptionOnly", "TaxLineDetail", "DiscountLineDetail"}
)
_BOUGHT = frozenset({Entity.BILL, Entity.VENDOR_CREDIT})


def document(entity: Entity, row: DocumentRow, home: HomeCurrency) -> AnyDocument:
    """A document as the company has it."""
    shared = _shared(entity, row, home)
    match entity:
        case Entity.INVOICE:
            return Invoice(due_date=day_or_none(row.due_date), **shared)
        case Entity.BILL:
            return Bill(due_date=day_or_none(row.due_date), **shared)
    side = Side.SUPPLIER if entity is Entity.VENDOR_CREDIT else Side.CUSTOMER
    return CreditNote(side=side, **shared)


def _shared(entity: Entity, row: DocumentRow, home: HomeCurrency) -> dict[str, Any]:
    total = amount(row.total_amt)
    if total is None:
        raise ValueError("it has no total")
    tax = (amount(row.txn_tax_detail.total_tax) if row.txn_tax_detail else None) or ZERO
    balance = amount(row.balance)
    if entity is Entity.CREDIT_MEMO and row.remaining_credit is not None:
        balance = amount(row.remaining_credit)
    lines = tuple(_line(line) for line in row.line if line.detail_type not in _NO_LINES)
    return {
        "id": platform_id(entity, row.id or ""),
        "number": without_marker(row.doc_number),
        "issue_date": day(row.txn_date),
        "currency": currency(row.currency_ref, home),
        "currency_rate": rate(row.exchange_rate),
        "contact_id": _party(entity, row),
        "status": document_status(row, total, balance),
        "note": _note(entity, row),
        "lines": _with_percent(lines, row.txn_tax_detail),
        "allowances_charges": tuple(
            _discount(line)
            for line in row.line
            if line.detail_type == "DiscountLineDetail" and line.amount
        ),
        "tax_breakdown": _breakdown(row.txn_tax_detail),
        "net_total": total - tax,
        "tax_total": tax,
        "total": total,
        "balance": balance,
    }


def _party(entity: Entity, row: DocumentRow) -> str:
    bought = entity in _BOUGHT
    found = id_of(row.vendor_ref if bought else row.customer_ref)
    if found is None:
        raise ValueError(f"it names no {'vendor' if bought else 'customer'}")
    return platform_id(Entity.VENDOR if bought else Entity.CUSTOMER, found)


def _note(entity: Entity, row: DocumentRow) -> str | None:
    """What the customer reads; what a bill says stands in the private note."""
    if entity in _BOUGHT:
        return note_of(row)
    memo = row.customer_memo.value if row.customer_memo else None
    return (memo or "")[:_TEXT] or None


def _line(line: LineRow) -> Line:
    detail: SalesDetail | ExpenseDetail = (
        line.sales_item_line_detail
        or line.account_based_expense_line_detail
        or line.item_based_expense_line_detail
        or ExpenseDetail()
    )
    account = detail.item_account_ref if isinstance(detail, SalesDetail) else detail.account_ref
    quantity = Decimal(1) if detail.qty is None else price(detail.qty)
    net = amount(line.amount)
    if net is None:
        net = amount(quantity * (detail.unit_price or ZERO)) or ZERO
    each = detail.unit_price
    if each is None:
        each = net / quantity if quantity else net
    named = detail.item_ref.name if detail.item_ref else None
    return Line(
        id=line.id,
        description=(line.description or named or "")[:_TEXT],
        quantity=quantity,
        unit_price=price(each),
        net_amount=net,
        tax_rate_id=id_of(detail.tax_code_ref),
        account_id=id_of(account),
        item_id=id_of(detail.item_ref),
    )


def _discount(line: LineRow) -> AllowanceCharge:
    detail = line.discount_line_detail
    given = amount(line.amount) or ZERO
    return AllowanceCharge(
        kind="allowance" if given > ZERO else "charge",
        amount=abs(given),
        reason=(line.description or "")[:SHORT] or None,
        percent=rate(detail.discount_percent) if detail else None,
        tax_rate_id=id_of(detail.tax_code_ref) if detail else None,
        account_id=id_of(detail.discount_account_ref) if detail else None,
    )


def _with_percent(lines: tuple[Line, ...], tax: TxnTax | None) -> tuple[Line, ...]:
    """The lines with their percentage, where one code is for all of them."""
    codes = {line.tax_rate_id for line in lines}
    details = [one.tax_line_detail for one in tax.tax_line] if tax else []
    percents = [one.tax_percent for one in details if one and one.percent_based is not False]
    if len(codes) != 1 or not percents or None in percents:
        return lines
    percent = rate(total_of(one for one in percents if one is not None))
    return tuple(line.model_copy(update={"tax_rate": percent}) for line in lines)


def _breakdown(tax: TxnTax | None) -> tuple[TaxSubtotal, ...]:
    found = []
    for line in tax.tax_line if tax else ():
        detail = line.tax_line_detail
        if detail is None or line.amount is None:
            continue
        found.append(
            TaxSubtotal(
                taxable_amount=amount(detail.net_amount_taxable) or ZERO,
                tax_amount=amount(line.amount) or ZERO,
                rate=rate(detail.tax_percent) or ZERO,
            )
        )
    return tuple(found)
