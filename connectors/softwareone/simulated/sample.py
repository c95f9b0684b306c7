"""Some months of documents, for a sandbox to look at."""

import datetime as dt
from decimal import Decimal

from connectors.softwareone.simulated.people import People

_RATES = ("21", "21", "9", "0")
_TEXTS = ("Compute, pay as you go", "Object storage", "Support plan", "Seats, yearly")


def fill(marketplace: People, documents: int) -> None:
    """Add about so many invoices, with a credit memo and a statement for some."""
    chance, today = marketplace.books.chance, marketplace.now().date()
    buyers = list(marketplace.parties.buyers)
    for number in range(documents):
        day = today - dt.timedelta(days=chance.randrange(5, 120))
        lines = [
            {
                "net": Decimal(chance.randrange(500, 90_000)) / 100,
                "vat": chance.choice(_RATES),
                "description": chance.choice(_TEXTS),
                "quantity": chance.randrange(1, 9),
            }
            for _ in range(chance.randrange(1, 5))
        ]
        due = day + dt.timedelta(days=30)
        invoice = marketplace.add_invoice(
            buyer=buyers[number % len(buyers)],
            lines=lines,
            date=day,
            due_date=due,
            status="Overdue" if due < today else "Issued",
        )
        marketplace.attach(invoice, f"invoice-{number + 1}.pdf")
        if chance.random() < 0.5:  # noqa: PLR2004  # every other one
            marketplace.pay(invoice)
        if number % 5 == 0:
            marketplace.add_credit_memo(applies_to=invoice, net="10.00", date=day)
            marketplace.add_statement(
                buyer=buyers[number % len(buyers)], charges=25, net="250.00", status="Issued"
            )
