"""Qargo's documents and reference data to canonical records: pure functions, no I/O.

Amounts are taken as they are stated, line items of a split line stay apart (they differ in account
or dimension), dates are not moved. Two things Qargo does not state are worked out: how a
document's tax is spread over its rates (`_breakdown`), and which sign its amounts have
(`_signed`); what does not add up even so is refused with the reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from connectors.base import BadRecord, Elsewhere, PulledRecord
from connectors.qargo import wire
from connectors.qargo.parties import contact
from connectors.qargo.settings import QargoSettings
from connectors.qargo.taxes import breakdown, category
from connectors.qargo.texts import LONG, clean, in_words, joined, short
from models.canonical import (
    AnyDocument,
    Bill,
    BillingDocument,
    CreditNote,
    DimensionTag,
    Invoice,
    LedgerAccount,
    Line,
    ObjectType,
    Side,
    TaxRate,
    TaxUse,
    contradictions,
)
from models.canonical.money import CURRENCY_DIGITS, ZERO, equal_to_the_cent
from models.canonical.money import total_of as sum_of

KINDS: Mapping[str, tuple[ObjectType, Side]] = {
    wire.POST_INVOICE: (ObjectType.INVOICE, Side.CUSTOMER),
    wire.POST_INVOICE_PURCHASE: (ObjectType.BILL, Side.SUPPLIER),
    wire.POST_CREDIT_NOTE: (ObjectType.CREDIT_NOTE, Side.CUSTOMER),
    wire.POST_CREDIT_NOTE_PURCHASE: (ObjectType.CREDIT_NOTE, Side.SUPPLIER),
}
"""Task types that a ledger should get. Others are left alone."""

_USES = {
    "SALES": TaxUse.SALES,
    "SALES_CREDIT_NOTE": TaxUse.SALES,
    "PURCHASE": TaxUse.PURCHASES,
    "PURCHASE_CREDIT_NOTE": TaxUse.PURCHASES,
}


@dataclass(frozen=True)
class Document:
    """A document of ours, with whom it is made out to."""

    record: PulledRecord
    contact: PulledRecord


def path_of(record: BillingDocument) -> str:
    """What Qargo calls a kind of document in addresses."""
    if isinstance(record, CreditNote):
        sold = record.side is Side.CUSTOMER
        return "sales-credit-note" if sold else "purchase-credit-note"
    return "purchase-invoice" if isinstance(record, Bill) else "sales-invoice"


def is_ours(entity: wire.BillingEntity, settings: QargoSettings) -> bool:
    """Whether a billing entity is one of the connection's: by id where we know ids."""
    if settings.billing_entity_ids and entity.id:
        return entity.id in settings.billing_entity_ids
    return entity.code in settings.billing_entity_codes


def document(task: wire.Task, settings: QargoSettings) -> Document | Elsewhere | BadRecord:
    """Read a task's document, once it is known whose it is."""
    platform_id = task.id
    try:
        platform_id = task.document_id or task.id
        entity = task.billing_entity
        if entity is None:
            return BadRecord(
                platform_id, "Qargo does not say whose it is: it has no billing_entity"
            )
        if not is_ours(entity, settings):
            return Elsewhere(platform_id, entity.code)
        return _document(task, entity, platform_id)
    except (ValueError, ArithmeticError) as error:
        return BadRecord(platform_id, in_words(error))


def _document(
    task: wire.Task, entity: wire.BillingEntity, platform_id: str
) -> Document | BadRecord:
    kind, side = KINDS[task.task_type]
    content = task.payload.instance if task.payload else None
    instance = wire.Instance.model_validate(content or {})
    party = instance.customer if side is Side.CUSTOMER else instance.supplier
    if party is None:
        raise ValueError(f"the {side.value} is missing")
    record = _record(kind, side, instance, platform_id=platform_id, contact_id=party.id)
    if problems := contradictions(record):
        return BadRecord(platform_id, "; ".join(map(str, problems)))
    return Document(
        PulledRecord(platform_id, record, handle={"task": task.id, "billing_entity": entity.code}),
        PulledRecord(party.id, contact(party, side, entity)),
    )


def _record(
    kind: ObjectType, side: Side, instance: wire.Instance, *, platform_id: str, contact_id: str
) -> AnyDocument:
    if instance.currency not in CURRENCY_DIGITS:
        raise ValueError(f"currency: {instance.currency!r} is not a currency of ISO 4217")
    sold = side is Side.CUSTOMER
    number = short(instance.name) if sold else short(instance.external_name or instance.name)
    factor = -1 if kind is ObjectType.CREDIT_NOTE and instance.total_incl_tax < ZERO else 1
    net, tax = factor * instance.total_excl_tax, factor * instance.total_tax
    amounts = _signed(instance, net, credit=kind is ObjectType.CREDIT_NOTE)
    content: dict[str, Any] = {
        "id": platform_id,
        "number": number or None,
        "reference": None if sold else (short(instance.name) or None),
        "order_number": joined(instance.customer_reference_numbers) or None,
        "issue_date": instance.date,
        "due_date": instance.due_date,
        "currency": instance.currency,
        "contact_id": contact_id,
        "note": _note(kind, instance) or None,
        "lines": tuple(map(_line, instance.line_items, amounts)),
        "tax_breakdown": breakdown(instance, amounts, tax),
        "net_total": net,
        "tax_total": tax,
        "total": factor * instance.total_incl_tax,
    }
    if kind is ObjectType.CREDIT_NOTE:
        return CreditNote.model_validate({**content, "side": side})
    return (Invoice if kind is ObjectType.INVOICE else Bill).model_validate(content)


def _signed(instance: wire.Instance, net: Decimal, *, credit: bool) -> list[Decimal]:
    """The lines' amounts with the signs that make them add up to the stated total.

    How Qargo signs credits is not described: below zero, or marked `is_credit_charge`. Whatever
    adds up is meant; when nothing does, they stay as they are and the document is refused.
    """
    stated = [item.amount for item in instance.line_items]
    ways = [
        stated,
        [-item.amount if item.is_credit_charge else item.amount for item in instance.line_items],
    ]
    if credit:
        ways.append([-amount for amount in stated])
    fitting = (way for way in ways if equal_to_the_cent(sum_of(way), net, instance.currency))
    return next(fitting, stated)


def _line(item: wire.LineItem, amount: Decimal) -> Line:
    rate = item.tax_rate or wire.LineTaxRate()
    return Line(
        id=item.id or None,
        description=_description(item),
        unit_price=amount,
        net_amount=amount,
        tax_rate=rate.percentage,
        tax_category=category(rate.tax_type, rate.percentage),
        tax_rate_id=rate.id or None,
        account_id=(item.account.code if item.account else None) or None,
        dimensions=_dimensions(item),
    )


def _description(item: wire.LineItem) -> str:
    name, words = (item.name or "").strip(), (item.description or "").strip()
    text = f"{name}: {words}" if name and words and words != name else name or words
    order = (item.order_name or "").strip()
    if order and order not in text:
        text = f"{text} ({order})" if text else order
    return clean(text)[:LONG]


def _dimensions(item: wire.LineItem) -> tuple[DimensionTag, ...]:
    values = (
        (f"dimension_{place}", short(getattr(item, f"dimension_{place}"))) for place in range(1, 7)
    )
    return tuple(DimensionTag(dimension=name, value=value) for name, value in values if value)


def _note(kind: ObjectType, instance: wire.Instance) -> str:
    """What has no field of its own: a corrected invoice is named by number, not by id."""
    sentences = []
    if kind is ObjectType.CREDIT_NOTE:
        corrected = dict.fromkeys(short(item.invoice_name) for item in instance.line_items)
        names = ", ".join(name for name in corrected if name)
        sentences += [f"Corrects {names}."] if names else []
    if instance.booking_date and instance.booking_date != instance.date:
        sentences.append(f"Booking date {instance.booking_date}.")
    return " ".join(sentences)[:LONG]


def tax_rate(item: Mapping[str, Any]) -> TaxRate:
    """A tax rate of a billing entity; there is one for each kind of document."""
    rate = wire.TaxRate.model_validate(item)
    return TaxRate(
        id=rate.id,
        name=short(rate.name) or short(rate.code) or rate.id,
        code=short(rate.code) or None,
        rate=rate.percentage,
        use=_USES.get(rate.invoice_type or "", TaxUse.BOTH),
        category=category(rate.tax_type, rate.percentage),
        active=not rate.archived,
    )


def ledger_account(item: Mapping[str, Any]) -> LedgerAccount:
    """An account of a billing entity; documents name it by its code."""
    account = wire.Account.model_validate(item)
    return LedgerAccount(
        id=account.id,
        name=short(account.name) or short(account.code) or account.id,
        code=short(account.code) or None,
        active=not account.archived,
    )


def listed(
    kind: ObjectType, item: Mapping[str, Any], settings: QargoSettings
) -> PulledRecord | Elsewhere | BadRecord:
    """One item of a list of tax rates or accounts."""
    platform_id = str(item.get("id") or "?")
    try:
        entity = wire.Owned.model_validate(item).billing_entity
        if entity is not None and not is_ours(entity, settings):
            return Elsewhere(platform_id, entity.code)
        read = tax_rate if kind is ObjectType.TAX_RATE else ledger_account
        return PulledRecord(platform_id, read(item))
    except (ValueError, ArithmeticError) as error:
        return BadRecord(platform_id, in_words(error))
