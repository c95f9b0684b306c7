"""Writes the example books of a small lighting workshop: the same files every time.

They hold what real books hold: rounded prices, two tax rates on one invoice, a discount on a whole
document, a prepayment, tax that was rounded by line, partial payments, and a few mistakes (see
README.md). Run `python examples/make_examples.py` after changing anything here.
"""

import itertools
import json
import random
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "atelier"
CENT = Decimal("0.01")
FIRST, LAST = date(2026, 2, 1), date(2026, 10, 31)

TOWNS = [
    ("Lyon", "69002", "FR"), ("Paris", "75011", "FR"), ("Lille", "59000", "FR"),
    ("Nantes", "44000", "FR"), ("Bordeaux", "33000", "FR"), ("Gent", "9000", "BE"),
    ("Torino", "10121", "IT"), ("Köln", "50667", "DE"), ("Porto", "4000", "PT"),
    ("Graz", "8010", "AT"),
]  # fmt: skip
FIRST_WORDS = [
    "Hôtel", "Café", "Galerie", "Librairie", "Studio", "Théâtre", "Brasserie", "Clinique",
    "Musée", "Maison",
]  # fmt: skip
SECOND_WORDS = ["Aurore", "Belvédère", "Cassiopée", "Dorval"]
SUPPLIERS = [
    "Cuivre & Fils", "Verrerie du Rhône", "Ampoules Perrin", "Transports Morel", "Papeterie Blanc",
    "Électricité Vidal", "Bois Lambert", "Atelier Kern", "Emballages Roy", "Loyer SCI des Arts",
    "Telecom Nord", "Assurances Gard", "Menuiserie Faure", "Peinture Azur",
]  # fmt: skip
GOODS = [
    ("Suspension en laiton", "128.00"), ("Applique murale", "74.50"), ("Lampe à poser", "59.90"),
    ("Lampadaire courbe", "245.00"), ("Plafonnier opaline", "98.40"), ("Guirlande 10 m", "37.25"),
]  # fmt: skip
SERVICES = [("Pose sur site", "65.00"), ("Étude d'éclairage", "420.00"), ("Restauration", "88.00")]
BOOKS = [("Catalogue illustré", "18.00"), ("Guide de la lumière", "24.50")]


def rounded(amount: Decimal) -> Decimal:
    """To the cent, half up."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


class Examples:
    """The books, grown from one seed."""

    def __init__(self) -> None:
        self.chance = random.Random(2026)
        self.contacts: list[dict[str, Any]] = []
        self.invoices: list[dict[str, Any]] = []
        self.bills: list[dict[str, Any]] = []
        self.credit_notes: list[dict[str, Any]] = []
        self.payments: list[dict[str, Any]] = []
        self.entries: list[dict[str, Any]] = []

    def make(self) -> None:
        """Everything, in an order in which each refers only to what is there."""
        self._contacts()
        self._invoices()
        self._bills()
        self._credit_notes()
        self._payments()
        self._entries()

    def _contacts(self) -> None:
        names = [f"{first} {second}" for first in FIRST_WORDS for second in SECOND_WORDS][:36]
        for number, name in enumerate([*names, *SUPPLIERS], start=1):
            town, postal_code, country = TOWNS[number % len(TOWNS)]
            supplier = name in SUPPLIERS
            self.contacts.append(
                {
                    "type": "contact",
                    "id": f"C-{number:03}",
                    "name": name,
                    "number": f"{'F' if supplier else 'K'}{number:04}",
                    "roles": ["supplier" if supplier else "customer"],
                    "email": f"compta{number}@example.com",
                    "address": {
                        "line1": f"{self.chance.randint(1, 99)} rue des Lampes",
                        "city": town,
                        "postal_code": postal_code,
                        "country": country,
                    },
                    "payment_terms_days": 30,
                }
            )

    def _day(self) -> date:
        return FIRST + timedelta(days=self.chance.randint(0, (LAST - FIRST).days))

    def _line(self, rate: str, goods: list[tuple[str, str]]) -> dict[str, Any]:
        name, price = self.chance.choice(goods)
        quantity = self.chance.randint(1, 6)
        net = rounded(Decimal(price) * quantity)
        return {
            "description": name,
            "quantity": str(quantity),
            "unit_price": price,
            "net_amount": str(net),
            "tax_rate": rate,
        }

    def _document(
        self, kind: str, lines: list[dict[str, Any]], day: date, **fields: Any
    ) -> dict[str, Any]:
        """A document whose sums hold."""
        discounts = fields.get("allowances_charges", [])
        bases: dict[str, Decimal] = {}
        for line in lines:
            rate = line["tax_rate"]
            bases[rate] = bases.get(rate, Decimal(0)) + Decimal(line["net_amount"])
        for discount in discounts:
            bases[discount["tax_rate"]] -= Decimal(discount["amount"])
        breakdown = [
            {
                "rate": rate,
                "taxable_amount": str(base),
                "tax_amount": str(rounded(base * Decimal(rate) / 100)),
            }
            for rate, base in bases.items()
        ]
        net = sum(bases.values(), Decimal(0))
        tax = sum((Decimal(part["tax_amount"]) for part in breakdown), Decimal(0))
        named = {name: fields[name] for name in ("id", "number", "contact_id")}
        return {
            "type": kind,
            **named,
            "issue_date": day.isoformat(),
            "due_date": (day + timedelta(days=30)).isoformat(),
            "currency": "EUR",
            "lines": lines,
            "tax_breakdown": breakdown,
            "net_total": str(net),
            "tax_total": str(tax),
            "total": str(net + tax),
        } | fields

    def _invoices(self) -> None:
        days = sorted(self._day() for _ in range(300))
        customers = [one["id"] for one in self.contacts if one["roles"] == ["customer"]]
        for number, day in enumerate(days, start=1):
            fields: dict[str, Any] = {
                "id": f"INV-{number:04}",
                "number": f"FA-2026-{number:04}",
                "contact_id": self.chance.choice(customers),
            }
            lines = [self._line("20", GOODS) for _ in range(self.chance.randint(1, 4))]
            if number % 7 == 0:  # two rates on one invoice
                lines.append(self._line("5.5", BOOKS))
            if number % 11 == 0:
                lines.append(self._line("20", SERVICES))
            if number % 29 == 0:  # exported: no tax
                lines = [self._line("0", GOODS)]
            if number % 40 == 5:  # a discount on the whole document
                fields["allowances_charges"] = [
                    {"kind": "allowance", "amount": "15.00", "reason": "Remise", "tax_rate": "20"}
                ]
            if number in {60, 120, 180, 240}:  # overseas, at a rate that most ledgers lack
                lines = [self._line("8.5", GOODS), self._line("8.5", SERVICES)]
            if number == 100:  # price x quantity is not the amount: the price was rounded
                lines.append(
                    {
                        "description": "Lot de douilles, les trois",
                        "quantity": "3",
                        "unit_price": "33.33",
                        "net_amount": "100.00",
                        "tax_rate": "20",
                    }
                )
            invoice = self._document("invoice", lines, day, **fields)
            if number == 150:  # paid in part before it was issued
                invoice["prepaid_amount"] = "50.00"
                invoice["payable_amount"] = str(Decimal(invoice["total"]) - 50)
            if number == 200:  # tax was rounded line by line: a cent more than by rate
                self._one_cent_more(invoice)
            self.invoices.append(invoice)
        # Forgotten in a drawer: its month is closed by now.
        late = {"id": "INV-0301", "number": "FA-2026-0301", "contact_id": customers[0]}
        line = self._line("20", GOODS)
        self.invoices.append(self._document("invoice", [line], date(2026, 1, 15), **late))
        # The export ran twice over one line.
        self.invoices.append(dict(self.invoices[39]))

    def _one_cent_more(self, invoice: dict[str, Any]) -> None:
        part = invoice["tax_breakdown"][0]
        part["tax_amount"] = str(Decimal(part["tax_amount"]) + CENT)
        invoice["tax_total"] = str(Decimal(invoice["tax_total"]) + CENT)
        invoice["total"] = str(Decimal(invoice["total"]) + CENT)

    def _bills(self) -> None:
        suppliers = [one["id"] for one in self.contacts if one["roles"] == ["supplier"]]
        for number, day in enumerate(sorted(self._day() for _ in range(150)), start=1):
            amount = rounded(Decimal(self.chance.randint(2_000, 90_000)) / 100)
            line = {
                "description": self.chance.choice(["Fournitures", "Prestation", "Loyer", "Port"]),
                "unit_price": str(amount),
                "net_amount": str(amount),
                "tax_rate": self.chance.choice(["20", "20", "20", "5.5", "0"]),
            }
            self.bills.append(
                self._document(
                    "bill",
                    [line],
                    day,
                    id=f"BILL-{number:04}",
                    number=f"{self.chance.randint(10_000, 99_999)}/{number}",
                    contact_id=self.chance.choice(suppliers),
                )
            )

    def _credit_notes(self) -> None:
        for number in range(1, 13):
            invoice = self.invoices[number * 23]
            line = dict(invoice["lines"][0])
            day = date.fromisoformat(invoice["issue_date"]) + timedelta(days=9)
            self.credit_notes.append(
                self._document(
                    "credit_note",
                    [line],
                    min(day, LAST),
                    id=f"CN-{number:03}",
                    number=f"AV-2026-{number:03}",
                    contact_id=invoice["contact_id"],
                    side="customer",
                    corrects=[invoice["id"]],
                )
            )

    def _payments(self) -> None:
        credited = {one["corrects"][0] for one in self.credit_notes}
        # What is paid in the examples must be open in the ledger: not the prepaid, not the closed.
        skipped = credited | {"INV-0150", "INV-0301"}
        invoices = [one for one in self.invoices[:300] if one["id"] not in skipped]
        self.chance.shuffle(invoices)
        for number, invoice in enumerate(invoices[:110]):
            total = Decimal(invoice["total"])
            part = rounded(total / 2) if number % 10 == 3 else total  # some pay half
            self._payment("customer", [(invoice, part)])
        # The overseas invoices are paid, too: these payments wait with them.
        for invoice in self.invoices:
            if invoice["tax_breakdown"][0]["rate"] == "8.5" and invoice not in invoices[:110]:
                self._payment("customer", [(invoice, Decimal(invoice["total"]))])
                break
        rest = sorted(invoices[110:], key=lambda one: one["contact_id"])
        for first, second in itertools.pairwise(rest):
            # One transfer for two invoices of the same customer.
            same = first["contact_id"] == second["contact_id"]
            used = {part["document_id"] for one in self.payments for part in one["allocations"]}
            if same and not {first["id"], second["id"]} & used and len(self.payments) < 125:
                both = [(one, Decimal(one["total"])) for one in (first, second)]
                self._payment("customer", both)
        for number, bill in enumerate(self.bills[:95]):
            total = Decimal(bill["total"])
            part = rounded(total / 4) if number % 17 == 5 else total
            self._payment("supplier", [(bill, part)])

    def _payment(self, side: str, parts: list[tuple[dict[str, Any], Decimal]]) -> None:
        number = len(self.payments) + 1
        last = max(date.fromisoformat(document["issue_date"]) for document, _ in parts)
        day = last + timedelta(days=self.chance.randint(1, 18))
        self.payments.append(
            {
                "type": "payment",
                "id": f"PAY-{number:04}",
                "side": side,
                "date": day.isoformat(),
                "amount": str(sum((amount for _, amount in parts), Decimal(0))),
                "currency": "EUR",
                "contact_id": parts[0][0]["contact_id"],
                "method": "transfer",
                "reference": f"VIR-{number:04}",
                "allocations": [
                    {
                        "document_type": document["type"],
                        "document_id": document["id"],
                        "amount": str(amount),
                    }
                    for document, amount in parts
                ],
            }
        )

    def _entries(self) -> None:
        for month in range(2, 11):
            fee = str(rounded(Decimal(self.chance.randint(900, 2_500)) / 100))
            self.entries.append(
                {
                    "type": "journal_entry",
                    "id": f"FEE-{month:02}",
                    "date": date(2026, month, 28).isoformat(),
                    "currency": "EUR",
                    "description": f"Frais bancaires {month:02}/2026",
                    "document_number": f"FRAIS-{month:02}",
                    "lines": [
                        {"account_id": "bank-fees", "debit": fee},
                        {"account_id": "bank", "credit": fee},
                    ],
                }
            )

    def write(self) -> dict[str, int]:
        """Write one file a type; how many lines each has."""
        FOLDER.mkdir(exist_ok=True)
        files = {
            "contacts": self.contacts,
            "invoices": self.invoices,
            "bills": self.bills,
            "credit_notes": self.credit_notes,
            "payments": self.payments,
            "journal_entries": self.entries,
        }
        for name, records in files.items():
            text = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in records)
            (FOLDER / f"{name}.jsonl").write_text(text, encoding="utf-8")
        return {name: len(records) for name, records in files.items()}


if __name__ == "__main__":
    examples = Examples()
    examples.make()
    for name, lines in examples.write().items():
        print(f"{name}.jsonl: {lines} lines")
