"""From the plan to documents as the product hands them in, and to what must be there for them."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from chaos.ledgers import Ledger
from chaos.plan import Paper, Version
from models.canonical import (
    Allocation,
    AnyRecord,
    Bill,
    Contact,
    ContactRole,
    CreditNote,
    Invoice,
    JournalEntry,
    JournalLine,
    Line,
    ObjectType,
    Payment,
    Side,
    TaxSubtotal,
)

DAY = dt.date(2026, 9, 14)
UNKNOWN_RATE = Decimal("33.7")


@dataclass(frozen=True)
class House:
    """What the product knows of a ledger's accounts."""

    ledger: Ledger
    sales: str
    purchases: str


def gross(paper: Paper, version: Version, house: House) -> Decimal:
    """What the ledger must show as the amount."""
    if paper.kind is ObjectType.JOURNAL_ENTRY:
        return Decimal(version.amount)
    return version.amount * (1 + house.ledger.rate / 100)


def record(paper: Paper, version: Version, house: House, papers: Mapping[str, Paper]) -> AnyRecord:
    """A document as the product has it from a moment on."""
    match paper.kind:
        case ObjectType.CONTACT:
            role = ContactRole.SUPPLIER if paper.supplier else ContactRole.CUSTOMER
            return Contact(id=paper.name, name=f"Partner {paper.name} Ltd", roles=(role,))
        case ObjectType.PAYMENT:
            return _payment(paper, version, house, papers)
        case ObjectType.JOURNAL_ENTRY:
            amount = Decimal(version.amount)
            return JournalEntry(
                id=paper.name,
                number=paper.name,
                date=DAY,
                currency=house.ledger.currency,
                description=f"Accrual {paper.name}",
                status="void" if version.void else "open",
                lines=(
                    JournalLine(account_id=house.purchases, debit=amount),
                    JournalLine(account_id=house.sales, credit=amount),
                ),
            )
    return _document(paper, version, house)


def _document(paper: Paper, version: Version, house: House) -> AnyRecord:
    rate = UNKNOWN_RATE if paper.untaxable else house.ledger.rate
    net = Decimal(version.amount)
    tax = (net * rate / 100).quantize(Decimal("0.01"))
    line = Line(description="Work", unit_price=net, net_amount=net, tax_rate=rate)
    part = TaxSubtotal(rate=rate, taxable_amount=net, tax_amount=tax)
    kinds: Mapping[ObjectType, type[Invoice | Bill | CreditNote]] = {
        ObjectType.INVOICE: Invoice,
        ObjectType.BILL: Bill,
        ObjectType.CREDIT_NOTE: CreditNote,
    }
    return kinds[paper.kind].model_validate(
        {
            "id": paper.name,
            "number": paper.name,
            "issue_date": DAY,
            "due_date": DAY + dt.timedelta(days=30),
            "currency": house.ledger.currency,
            "contact_id": paper.contact,
            "status": "void" if version.void else "open",
            "lines": (line,),
            "tax_breakdown": (part,),
            "net_total": net,
            "tax_total": tax,
            "total": net + tax,
        }
    )


def _payment(
    paper: Paper, version: Version, house: House, papers: Mapping[str, Paper]
) -> AnyRecord:
    paid = papers[paper.pays or ""]
    amount = gross(paper, version, house)
    part = Allocation.model_validate(
        {"document_type": paid.kind, "document_id": paid.name, "amount": amount}
    )
    return Payment(
        id=paper.name,
        side=Side.SUPPLIER if paper.supplier else Side.CUSTOMER,
        date=DAY,
        amount=amount,
        currency=house.ledger.currency,
        contact_id=paper.contact,
        reference=f"Paid {paper.name}",
        status="void" if version.void else "open",
        allocations=(part,),
    )
