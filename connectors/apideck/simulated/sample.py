"""What is in the books before anybody writes: a chart, rates, contacts, and documents on demand."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from connectors.apideck.simulated.books import Books
from connectors.apideck.simulated.shapes import moment
from connectors.apideck.simulated.store import Json

_CHART = (
    ("090", "Business bank account", "bank", "asset"),
    ("091", "Savings account", "bank", "asset"),
    ("610", "Trade receivables", "accounts_receivable", "asset"),
    ("800", "Trade payables", "accounts_payable", "liability"),
    ("820", "Sales tax", "current_liability", "liability"),
    ("200", "Sales", "sales", "revenue"),
    ("260", "Other revenue", "revenue", "revenue"),
    ("310", "Cost of goods sold", "costs_of_sales", "costs_of_sales"),
    ("400", "Advertising", "expense", "expense"),
    ("429", "General expenses", "expense", "expense"),
    ("960", "Retained earnings", "equity", "equity"),
)
_BANK, _SALES, _PURCHASES = "090", "200", "429"
_RATES = {
    "GB": (("20", "OUTPUT2"), ("5", "RRINPUT"), ("0", "ZERORATEDOUTPUT")),
    "US": (("8.25", "TAX-CA"), ("4", "TAX-NY"), ("0", "NON")),
    "FR": (("20", "FR-20"), ("5.5", "FR-5.5"), ("0", "FR-0")),
    "BE": (("21", "BE-21"), ("6", "BE-6"), ("0", "BE-0")),
}
_WORDS = ("standard", "reduced", "zero")
_CUSTOMERS = ("Harbour Freight Lines", "Old Mill Bakery", "Castle Optics", "Ridgeway Timber")
_SUPPLIERS = ("Paper & Print", "Northern Power", "Bright Cleaning", "City Couriers")
_MANY_DAYS = 90


@dataclass(frozen=True)
class Known:
    """Ids that bodies of tests need; of rates the code where the ledger gives them no id."""

    standard: str
    reduced: str
    zero: str
    sales: str
    purchases: str
    bank: str
    customer: str
    supplier: str
    item: str


def furnish(books: Books) -> None:
    """Set books up: accounts, tax rates, a few contacts, an item."""
    for code, name, kind, classification in _CHART:
        body = {"code": code, "name": name, "type": kind, "classification": classification}
        if kind == "bank":
            body["currency"] = books.profile.base_currency
        books.enter("ledger-accounts", {**body, "display_id": code})
    country = books.profile.country
    for word, (percent, code) in zip(_WORDS, _RATES.get(country, _RATES["FR"]), strict=True):
        books.enter("tax-rates", _rate(books, word, Decimal(percent), code))
    if books.profile.nameless_percentages:
        body = {"name": "Automated sales tax", "code": "TAX", "status": "active"}
        books.enter("tax-rates", {**body, "effective_tax_rate": None, "total_tax_rate": None})
    for resource, names in (("customers", _CUSTOMERS), ("suppliers", _SUPPLIERS)):
        for place, name in enumerate(names, start=1):
            books.enter(resource, _contact(books, name, f"{resource[0].upper()}{place:03d}"))
    item = {
        "code": "CONSULT",
        "name": "Consulting",
        "type": "service",
        "sold": True,
        "purchased": False,
        "unit_price": Decimal(95),
        "income_account": {"code": _SALES},
        "active": True,
    }
    books.enter("invoice-items", item)


def _rate(books: Books, word: str, percent: Decimal, code: str) -> Json:
    return {
        "name": f"{word.capitalize()} {percent} %",
        "code": code,
        "effective_tax_rate": percent,
        "total_tax_rate": percent,
        "country": books.profile.country,
        "type": None if percent else "NONE",  # for sales and purchases alike
        "components": [{"name": word.capitalize(), "rate": percent, "compound": False}],
        "status": "active",
    }


def _contact(books: Books, name: str, number: str) -> Json:
    mail = f"accounts@{name.split(maxsplit=1)[0].lower()}.example"
    return {
        "display_id": number,
        "display_name": name,
        "company_name": f"{name} Ltd",
        "currency": books.profile.base_currency,
        "emails": [{"email": mail, "type": "primary"}],
        "addresses": [
            {
                "type": "billing",
                "line1": f"{books.chance.randint(1, 99)} Quay Street",
                "city": books.chance.choice(("Leeds", "Lyon", "Ghent", "Boston")),
                "postal_code": f"{books.chance.randint(10000, 99999)}",
                "country": books.profile.country,
            }
        ],
    }


def known(books: Books) -> Known:
    """Ids of what `furnish` made."""
    accounts = {row.body["code"]: row.id for row in books.tables["ledger-accounts"].values()}
    rates = list(books.tables["tax-rates"].values())[:3]
    by_code = books.profile.rates_without_id
    standard, reduced, zero = (row.body["code"] if by_code else row.id for row in rates)
    return Known(
        standard=standard,
        reduced=reduced,
        zero=zero,
        sales=accounts[_SALES],
        purchases=accounts[_PURCHASES],
        bank=accounts[_BANK],
        customer=next(iter(books.tables["customers"])),
        supplier=next(iter(books.tables["suppliers"])),
        item=next(iter(books.tables["invoice-items"])),
    )


def invoice(books: Books, *, net: str, rate: str, reference: str | None = None) -> Json:
    """An approved invoice of one line to the first customer, of today."""
    ids = known(books)
    day = books.now().date()
    return {
        "customer": {"id": ids.customer},
        "invoice_date": day.isoformat(),
        "due_date": (day + dt.timedelta(days=30)).isoformat(),
        "status": "authorised",
        "reference": reference,
        "tax_inclusive": False,
        "line_items": [_line(books, "Consulting", net, rate, ids.sales)],
    }


def bill(books: Books, *, net: str, rate: str, reference: str | None = None) -> Json:
    """An approved bill of one line from the first supplier, of today."""
    ids = known(books)
    day = books.now().date()
    return {
        "supplier": {"id": ids.supplier},
        "bill_number": f"S-{books.chance.randint(100_000, 999_999)}",
        "bill_date": day.isoformat(),
        "due_date": (day + dt.timedelta(days=30)).isoformat(),
        "status": "authorised",
        "reference": reference,
        "tax_inclusive": False,
        "line_items": [_line(books, "Office supplies", net, rate, ids.purchases)],
    }


def _line(books: Books, text: str, net: str, rate: str, account: str) -> Json:
    name = "code" if books.profile.rates_without_id else "id"
    return {
        "description": text,
        "quantity": Decimal(1),
        "unit_price": Decimal(net),
        "tax_rate": {name: getattr(known(books), rate)},
        "ledger_account": {"id": account},
    }


def payment(
    books: Books,
    resource: str,
    record_id: str,
    amount: str | Decimal | None,
    *,
    reference: str | None,
    on: dt.date | None,
) -> Json:
    """A payment of a document as a bookkeeper enters it."""
    kind, party = {"invoices": ("invoice", "customer"), "bills": ("bill", "supplier")}[resource]
    document = books.record(resource, record_id)
    paid = Decimal(amount) if amount is not None else books.open_amount(resource, record_id)
    at = books.now() if on is None else dt.datetime.combine(on, dt.time(12), dt.UTC)
    methods = books.profile.bill_payment_methods
    body: dict[str, Any] = {
        "total_amount": paid,
        "currency": document.body["currency"],
        "transaction_date": moment(at),
        "account": {"id": known(books).bank},
        party: {"id": document.body[party]["id"]},
        "payment_method": methods[0] if methods else "Bank transfer",
        "reference": reference,
        "status": "authorised",
        "allocations": [{"id": record_id, "type": kind, "amount": paid}],
    }
    return body


def fill(books: Books, documents: int) -> None:
    """Some months of business: invoices and bills in turn, about half of them paid somehow."""
    chance = books.chance
    for place in range(documents):
        resource, make = ("invoices", invoice) if place % 2 == 0 else ("bills", bill)
        net = f"{chance.randint(1_000, 200_000) / 100:.2f}"
        body = make(books, net=net, rate=chance.choice(_WORDS), reference=f"PO-{place + 1:04d}")
        party = "customer" if resource == "invoices" else "supplier"
        body[party] = {"id": chance.choice(list(books.tables[f"{party}s"]))}
        day = books.now().date() - dt.timedelta(days=chance.randint(1, _MANY_DAYS))
        body[f"{resource[:-1]}_date"] = day.isoformat()
        made = books.enter(resource, body)
        paid: Decimal | None = books.open_amount(resource, made)
        if place % 5 == 4:  # noqa: PLR2004  # every fifth is not paid
            continue
        if place % 3 == 0:
            paid = (books.open_amount(resource, made) / 2).quantize(Decimal("0.01"))
        if paid:
            wish = payment(books, resource, made, paid, reference=None, on=None)
            books.apply(
                where := "payments" if resource == "invoices" else "bill-payments",
                books.enter(where, wish),
            )
