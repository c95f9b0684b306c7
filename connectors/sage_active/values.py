"""What is written, put into Sage Active's words and checked before it leaves: pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from connectors.errors import Unsupported
from connectors.sage_active import errors
from connectors.sage_active.settings import ROUNDING_TOLERANCE
from models.canonical import (
    AnyDocument,
    AnyRecord,
    BillingDocument,
    Contact,
    Item,
    JournalEntry,
    ObjectType,
    Payment,
)
from models.canonical.money import ZERO, rounded, shown

EUR = "EUR"
_MARKER = re.compile(r"\bLB-[0-9A-F]{16}\b")
_PRICE = Decimal("0.0001")


def marker_in(*texts: str | None) -> str | None:
    """Our marker, where one of the texts carries it."""
    for text in texts:
        if text and (found := _MARKER.search(text)):
            return found.group()
    return None


def without_marker(text: str | None) -> str | None:
    """A text as people wrote it."""
    return _MARKER.sub("", text).strip() or None if text else None


def label(record: AnyRecord) -> str:
    """A record as people call it."""
    kind = ObjectType(record.type).words
    match record:
        case Contact() | Item():
            return f"{kind} {record.name}"
        case BillingDocument() | JournalEntry():
            return f"{kind} {record.number or record.id}"
        case Payment():
            return f"{kind} {record.reference or record.number or record.id}"
    return f"{kind} {record.id}"


def fits(text: str | None, limit: int, field_name: str, document: str) -> str | None:
    """A text that must arrive whole; empty ones are left out.

    Raises:
        Rejected: It is longer than the field.
    """
    if text is None or not text.strip():
        return None
    text = text.strip()
    if len(text) > limit:
        raise errors.too_long(field_name, limit, len(text), document)
    return text


def composed(marker: str, limit: int, *texts: str | None) -> str:
    """A text of ours with the marker at its end; what does not fit in front of it is cut."""
    words = " ".join(" ".join(text.split()) for text in texts if text)
    room = limit - len(marker) - 1
    return f"{words[:room].rstrip()} {marker}".strip()


def present(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is not given: Sage Active takes empty texts for wrong ones."""
    return {name: value for name, value in values.items() if value is not None}


def require_euro(record: BillingDocument | Payment | JournalEntry) -> None:
    """Refuse other currencies, which Sage Active does not keep.

    Raises:
        Unsupported: It is in another one.
    """
    if record.currency != EUR:
        raise Unsupported(
            f"Sage Active keeps books in EUR only, and this is in {record.currency}",
            code="currency",
        )


@dataclass(frozen=True)
class Priced:
    """A line as quantity × price."""

    quantity: Decimal
    price: Decimal


@dataclass
class Notes:
    """What a person should know about how a record was written."""

    said: list[str] = field(default_factory=list)

    def add(self, note: str) -> None:
        """Say something once."""
        if note not in self.said:
            self.said.append(note)


def priced(document: AnyDocument, place: int, notes: Notes) -> Priced:
    """A line's quantity and price; 1 × net where the stated amount does not come out."""
    line = document.lines[place]
    price = line.unit_price / line.price_base_quantity
    product = (line.quantity * price).quantize(Decimal("0.01"), ROUND_HALF_UP)
    if product == rounded(line.net_amount, EUR) and price == price.quantize(_PRICE):
        return Priced(line.quantity, price.quantize(_PRICE).normalize())
    notes.add(f"line {place + 1} is booked as 1 x {line.net_amount}")
    return Priced(Decimal(1), line.net_amount)


def differing_sums(
    document: AnyDocument, *, net: Decimal | None, tax: Decimal | None, total: Decimal
) -> str | None:
    """What the ledger's sums say that the document does not, in words."""
    pairs = [("net total", document.net_total, net), ("tax", document.tax_total, tax)]
    found = [
        f"{what} is {shown(ours, EUR)} here and {shown(theirs, EUR)} there"
        for what, ours, theirs in (*pairs, ("total", document.total, total))
        if theirs is not None and abs(ours - theirs) > ROUNDING_TOLERANCE
    ]
    return "; ".join(found) or None


@dataclass(frozen=True)
class TaxedPart:
    """What one account and one rate of a document come to."""

    account_id: str
    tax_rate_id: str | None
    net: Decimal
    tax: Decimal


def by_account_and_rate(document: AnyDocument) -> list[TaxedPart]:
    """Lines, charges and allowances together, with the stated tax of each rate spread over them.

    The tax of a rate goes to its accounts in proportion; cents that are left over to the last.
    """
    nets: dict[tuple[str, str | None], Decimal] = {}
    for line in document.lines:
        key = (line.account_id or "", line.tax_rate_id)
        nets[key] = nets.get(key, ZERO) + line.net_amount
    for part in document.allowances_charges:
        key = (part.account_id or "", part.tax_rate_id)
        signed = part.amount if part.kind == "charge" else -part.amount
        nets[key] = nets.get(key, ZERO) + signed
    taxes = _tax_by_rate(document, nets)
    parts: list[TaxedPart] = []
    for rate, tax in taxes.items():
        accounts = [account for account, of in nets if of == rate]
        whole = sum((nets[account, rate] for account in accounts), ZERO)
        left = tax
        for account in accounts[:-1]:
            share = rounded(tax * nets[account, rate] / whole, EUR) if whole else ZERO
            parts.append(TaxedPart(account, rate, nets[account, rate], share))
            left -= share
        parts.append(TaxedPart(accounts[-1], rate, nets[accounts[-1], rate], left))
    return parts


def _tax_by_rate(
    document: AnyDocument, nets: Mapping[tuple[str, str | None], Decimal]
) -> dict[str | None, Decimal]:
    rates = list(dict.fromkeys(rate for _, rate in nets))
    stated: dict[str | None, Decimal] = dict.fromkeys(rates, ZERO)
    for subtotal in document.tax_breakdown:
        if subtotal.tax_rate_id in stated:
            stated[subtotal.tax_rate_id] += subtotal.tax_amount
    known = sum(stated.values(), ZERO)
    if known != document.tax_total:
        _spread(document, stated, nets)
    return stated


def _spread(
    document: AnyDocument,
    stated: dict[str | None, Decimal],
    nets: Mapping[tuple[str, str | None], Decimal],
) -> None:
    """Compute the tax by rate where no breakdown is stated; the rest goes to the last rate."""
    percent = {line.tax_rate_id: line.tax_rate or ZERO for line in document.lines}
    left = document.tax_total
    rates: Sequence[str | None] = [rate for rate in stated if rate is not None] or list(stated)
    for rate in rates[:-1]:
        net = sum((amount for (_, of), amount in nets.items() if of == rate), ZERO)
        stated[rate] = rounded(net * percent.get(rate, ZERO) / 100, EUR)
        left -= stated[rate]
    stated[rates[-1]] = left
