"""What invoices, bills, credit memos and vendor credits are written with; pure."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from connectors.base import Operation, PushItem
from connectors.quickbooks import errors
from connectors.quickbooks.entities import Entity
from connectors.quickbooks.settings import QuickBooksSettings
from connectors.quickbooks.taxes import NON, TAX, Taxes, code_of
from connectors.quickbooks.values import (
    MEMO,
    NOTE,
    NUMBER,
    TEXT,
    fits,
    label,
    linked,
    present,
    with_marker,
)
from models.canonical import AllowanceCharge, AnyDocument, Bill, CreditNote, Line, Side
from models.canonical.money import ZERO, rounded

_PRICE = Decimal("1e-7")
BOUGHT = frozenset({Entity.BILL, Entity.VENDOR_CREDIT})


@dataclass(frozen=True)
class Facts:
    """What a document's body takes from the company."""

    settings: QuickBooksSettings
    home: str | None
    several_currencies: bool
    american: bool
    computes_tax: bool
    taxes: Callable[[], Taxes]
    """Asked for only where a document is taxed."""
    item_of: Callable[[str], str]
    """Income account → the item that stands for it."""


def entity_of(record: AnyDocument) -> Entity:
    """What a document is in QuickBooks."""
    if isinstance(record, CreditNote):
        return Entity.VENDOR_CREDIT if record.side is Side.SUPPLIER else Entity.CREDIT_MEMO
    return Entity.BILL if isinstance(record, Bill) else Entity.INVOICE


def document_body(item: PushItem, record: AnyDocument, party: str, facts: Facts) -> dict[str, Any]:
    """A document's body; `party` is the customer's or vendor's own id.

    Raises:
        Rejected: These books cannot say it.
    """
    entity = entity_of(record)
    bought = entity in BOUGHT
    note, memo = fits(record.note, NOTE - 300, "note", record), None
    if not bought and note and len(note) <= MEMO:
        note, memo = None, note
    body = {
        "VendorRef" if bought else "CustomerRef": linked(party),
        "DocNumber": fits(record.number, NUMBER, "number", record) or item.marker,
        "TxnDate": record.issue_date.isoformat(),
        "DueDate": _due(record, entity),
        "CustomerMemo": {"value": memo} if memo else None,
        "PrivateNote": with_marker(_private(record, note), item.marker),
        "Line": lines_of(record, facts, bought=bought),
        "APAccountRef": linked(facts.settings.payable_account) if bought else None,
        **money(record.currency, record.currency_rate, label(record), facts),
        **_tax(item, record, facts, bought=bought),
    }
    return present(body)


def _due(record: AnyDocument, entity: Entity) -> str | None:
    dated = entity in {Entity.INVOICE, Entity.BILL} and record.due_date is not None
    return record.due_date.isoformat() if dated and record.due_date else None


def _private(record: AnyDocument, note: str | None) -> str | None:
    """What only the books show: the buyer's reference and order have no field of their own."""
    said = [
        note,
        f"Reference: {record.reference}" if record.reference else None,
        f"Order: {record.order_number}" if record.order_number else None,
    ]
    return "\n".join(part for part in said if part) or None


def money(currency: str, rate: Decimal | None, what: str, facts: Facts) -> dict[str, Any]:
    """Currency and exchange rate, where the company has several.

    Raises:
        Rejected: It has one, and another is asked for.
    """
    if facts.several_currencies:
        foreign = currency != facts.home
        return {"CurrencyRef": linked(currency), "ExchangeRate": rate if foreign else None}
    if facts.home is not None and currency != facts.home:
        raise errors.inexpressible(
            f"{what} is in {currency}, and the company keeps its books in {facts.home} alone: "
            "several currencies are switched on in QuickBooks, for good",
            "one_currency",
        )
    return {}


# Lines.


def lines_of(record: AnyDocument, facts: Facts, *, bought: bool) -> list[dict[str, Any]]:
    """The lines; allowances and charges of the whole document are lines of their own."""
    lines = [_line(record, line, facts, bought=bought) for line in record.lines]
    return lines + [_part(record, part, facts, bought=bought) for part in record.allowances_charges]


def _line(record: AnyDocument, line: Line, facts: Facts, *, bought: bool) -> dict[str, Any]:
    code = _line_code(line.tax_rate_id, facts, bought=bought)
    quantity, each = quantity_and_price(line, record.currency)
    shared = {
        "Amount": line.net_amount,
        "Description": fits(line.description, TEXT, "description of a line", record),
    }
    if not bought:
        named = line.item_id or facts.item_of(_account(line.account_id, record))
        return _sales(shared, named, quantity, each, code)
    if line.item_id is None:
        return _expense(shared, _account(line.account_id, record), code)
    detail = {
        "ItemRef": linked(line.item_id),
        "Qty": quantity,
        "UnitPrice": each,
        "TaxCodeRef": code,
    }
    return present(
        {
            **shared,
            "DetailType": "ItemBasedExpenseLineDetail",
            "ItemBasedExpenseLineDetail": present(detail),
        }
    )


def _part(
    record: AnyDocument, part: AllowanceCharge, facts: Facts, *, bought: bool
) -> dict[str, Any]:
    signed = part.amount if part.kind == "charge" else -part.amount
    shared = {"Amount": signed, "Description": part.reason or part.kind.capitalize()}
    code = _line_code(part.tax_rate_id, facts, bought=bought)
    account = _account(part.account_id, record)
    if bought:
        return _expense(shared, account, code)
    return _sales(shared, facts.item_of(account), Decimal(1), signed, code)


def _account(account_id: str | None, record: AnyDocument) -> str:
    if account_id is None:
        raise errors.inexpressible(f"a line of {label(record)} names no account", "no_account")
    return account_id


def _sales(
    shared: dict[str, Any], item: str, quantity: Decimal, each: Decimal, code: Any
) -> dict[str, Any]:
    """A sales line: without an item QuickBooks takes it for a text and ignores its amount."""
    detail = {"ItemRef": linked(item), "Qty": quantity, "UnitPrice": each, "TaxCodeRef": code}
    return present(
        {**shared, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": present(detail)}
    )


def _expense(shared: dict[str, Any], account: str, code: Any) -> dict[str, Any]:
    detail = present({"AccountRef": linked(account), "TaxCodeRef": code})
    return present(
        {
            **shared,
            "DetailType": "AccountBasedExpenseLineDetail",
            "AccountBasedExpenseLineDetail": detail,
        }
    )


def quantity_and_price(line: Line, currency: str) -> tuple[Decimal, Decimal]:
    """Quantity and price whose product is the line's net amount; else 1 × net."""
    each = (line.unit_price / line.price_base_quantity).quantize(_PRICE)
    if rounded(line.quantity * each, currency) == line.net_amount:
        return line.quantity, each
    return Decimal(1), line.net_amount


def notes_on(record: AnyDocument) -> tuple[str, ...]:
    """What a person should know about how a document was written."""
    bought = entity_of(record) in BOUGHT

    def is_priced(line: Line) -> bool:
        quantity, each = quantity_and_price(line, record.currency)
        same = each == (line.unit_price / line.price_base_quantity).quantize(_PRICE)
        return same and quantity == line.quantity

    return tuple(
        f"line {place} is booked as 1 x {line.net_amount}"
        for place, line in enumerate(record.lines, 1)
        if (not bought or line.item_id) and not is_priced(line)
    )


# Tax.


def _line_code(tax_rate_id: str | None, facts: Facts, *, bought: bool) -> dict[str, str] | None:
    code = code_of(tax_rate_id) if tax_rate_id else None
    if not facts.american:
        return linked(code or facts.settings.tax_code_for_untaxed)
    if bought:
        return None
    return linked(NON if code in {None, NON} else TAX)


def _tax(item: PushItem, record: AnyDocument, facts: Facts, *, bought: bool) -> dict[str, Any]:
    named = [line.tax_rate_id for line in record.lines]
    named += [part.tax_rate_id for part in record.allowances_charges]
    codes = {code_of(one) for one in named if one}
    if facts.american:
        return _american_tax(record, codes, facts, bought=bought)
    if not codes and facts.settings.tax_code_for_untaxed is None:
        return {"GlobalTaxCalculation": "NotApplicable"}
    again = item.operation is Operation.UPDATE
    override = facts.taxes().override(record, bought=bought, always=again) if codes else None
    return {"GlobalTaxCalculation": "TaxExcluded", "TxnTaxDetail": override}


def _american_tax(
    record: AnyDocument, codes: set[str], facts: Facts, *, bought: bool
) -> dict[str, Any]:
    """One decision for the whole document, and our tax as the sum of it."""
    if bought:
        if record.tax_total != ZERO:
            raise errors.inexpressible(
                f"{label(record)} states tax, and companies in the US keep none on purchases: hand "
                "it in as a part of the lines",
                "tax_on_purchases",
            )
        return {}
    real = sorted(codes - {TAX, NON})
    if len(real) > 1:
        raise errors.inexpressible(
            f"{label(record)} names the tax codes {' and '.join(real)}: companies in the US take "
            "one for a whole document",
            "one_tax_code",
        )
    if not codes - {NON}:
        return {}
    named = linked(real[0]) if real and not facts.computes_tax else None
    return {"TxnTaxDetail": present({"TxnTaxCodeRef": named, "TotalTax": record.tax_total})}
