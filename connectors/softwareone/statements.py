"""Statements as journal entries: pure, but for the charges, which are taken as they arrive.

Only issued statements are posted: the state is final, so an entry never changes afterwards. What
is consolidated or cancelled never becomes one.
"""

from collections.abc import Iterable
from decimal import Decimal

from connectors.base import BadRecord, Elsewhere, PulledRecord
from connectors.softwareone import amounts
from connectors.softwareone.mapping import Mapped, Read, Shown, owner_elsewhere
from connectors.softwareone.settings import SoftwareOneSettings, StatementLines
from connectors.softwareone.texts import in_words, short
from connectors.softwareone.wire import Charge, Owned, Reference, Statement, Thing
from models.canonical import JournalEntry, JournalLine, contradictions
from models.canonical.money import CURRENCY_DIGITS, ZERO, rounded, total_of

ISSUED = "Issued"
MOST_LINES = 500
"""An entry with more items than this has one line for all of them."""
_CREDIT = "Credit"


def entry(
    thing: Thing,
    settings: SoftwareOneSettings,
    charges: Iterable[Thing],
    *,
    portal: str | None = None,
) -> Read | None:
    """Read a statement; None for one that is not (or not yet) posted.

    `charges` are asked for only where the settings want them.
    """
    platform_id = str(thing.get("id") or "?")
    try:
        owned = Owned.model_validate(thing)
        owner = owner_elsewhere(owned, settings)
        if owner is not None:
            return Elsewhere(platform_id, owner)
        if owned.status != ISSUED:
            return None
        record = _entry(Statement.model_validate(thing), settings, charges)
    except (ValueError, ArithmeticError) as error:
        return BadRecord(platform_id, in_words(error))
    if record is None:
        return None
    if problems := contradictions(record):
        return BadRecord(platform_id, "; ".join(map(str, problems)))
    return Mapped(
        PulledRecord(
            platform_id,
            record,
            version=str(owned.revision) if owned.revision is not None else None,
            url=f"{portal}/statements/{platform_id}" if portal else None,
            extra=Shown(status=ISSUED),
        )
    )


def _entry(
    read: Statement, settings: SoftwareOneSettings, charges: Iterable[Thing]
) -> JournalEntry | None:
    currency = (read.price.currency.sale if read.price.currency else None) or ""
    if currency not in CURRENCY_DIGITS:
        raise ValueError(f"price.currency.sale: {currency!r} is not a currency of ISO 4217")
    if read.price.total_sp is None:
        raise ValueError("price.totalSP is missing")
    if read.issued_at is None:
        raise ValueError("audit: nothing says when it was issued")
    total = rounded(read.price.total_sp, currency)
    if read.type == _CREDIT:
        total = -abs(total)
    label = _label(read)
    parts = [(label, total)]
    if settings.statement_lines is StatementLines.CHARGES:
        parts = _by_item(charges, total, currency) or parts
    debit, credit = settings.statement_debit_account, settings.statement_credit_account
    if not debit or not credit:  # the settings insist on them
        raise ValueError("no accounts are named for entries of statements")
    lines = [_line(debit, text, part) for text, part in parts if part]
    if total:
        lines.append(_line(credit, label, -total))
    if not lines:
        return None
    return JournalEntry(
        id=read.id,
        number=short(read.id),
        date=read.issued_at.date(),
        document_number=short(read.invoice.id if read.invoice else None),
        description=label,
        currency=currency,
        lines=tuple(lines),
    )


def _line(account: str, text: str, signed: Decimal) -> JournalLine:
    """Debit above zero, credit below it."""
    debit, credit = (signed, ZERO) if signed > ZERO else (ZERO, -signed)
    return JournalLine(account_id=account, debit=debit, credit=credit, description=short(text))


def _by_item(charges: Iterable[Thing], total: Decimal, currency: str) -> list[tuple[str, Decimal]]:
    """The charges' amounts by item, together the statement's total; empty where that fails.

    Raises:
        ValueError: They do not come to the total, give or take their rounding.
    """
    sums: dict[str, Decimal] = {}
    names: dict[str, str] = {}
    for thing in charges:
        charge = Charge.model_validate(thing)
        if not charge.counts or charge.price.sp is None:
            continue
        item = charge.item.id if charge.item else ""
        sums[item] = sums.get(item, ZERO) + charge.price.sp
        names.setdefault(item, (charge.item.name if charge.item else None) or item or "Charges")
        if len(sums) > MOST_LINES:
            return []
    if not sums:
        return []
    sign = -1 if total < ZERO < total_of(sums.values()) else 1
    parts = {item: rounded(sign * amount, currency) for item, amount in sums.items()}
    left = total - total_of(parts.values())
    if abs(left) > max(Decimal("0.01") * len(parts), abs(total) * Decimal("0.0001")):
        raise ValueError(
            f"the statement says {amounts.amount(total)} {currency}, its charges "
            f"{total_of(parts.values())}"
        )
    parts[max(parts, key=lambda item: abs(parts[item]))] += left
    return [(names[item], amount) for item, amount in parts.items()]


def _label(read: Statement) -> str:
    named: list[Reference | None] = [read.product or read.vendor, read.agreement]
    words = [one.name or one.id for one in named if one is not None]
    return f"Statement {read.id}" + (f": {', '.join(words)}" if words else "")
