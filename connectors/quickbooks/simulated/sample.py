"""What is in the books from the beginning, and some documents to look at."""

import datetime as dt
import random
from decimal import Decimal

from connectors.quickbooks.simulated.codes import add_code
from connectors.quickbooks.simulated.company import Company, Known

_CHART = {
    "sales": ("Sales", "Income", "4000", "SalesOfProductIncome"),
    "purchases": ("Freight and carriage", "Expense", "5000", "OtherBusinessExpenses"),
    "bank": ("Business current account", "Bank", "1200", "Checking"),
    "card": ("Company card", "Credit Card", "2300", "CreditCard"),
    "receivable": ("Debtors", "Accounts Receivable", "1100", "AccountsReceivable"),
    "payable": ("Creditors", "Accounts Payable", "2100", "AccountsPayable"),
    "undeposited": ("Undeposited Funds", "Other Current Asset", None, "UndepositedFunds"),
    "interest": ("Interest earned", "Other Income", None, "InterestEarned"),
    "equity": ("Retained Earnings", "Equity", None, "RetainedEarnings"),
}
_METHODS = ("Cash", "Cheque", "Credit Card", "Bank transfer")


def furnish(company: Company) -> None:
    """The chart of accounts, taxes, a customer, a vendor and an item."""
    books = company.books
    chosen = company.preferences
    chosen.multi_currency = not books.american
    chosen.automatic_tax = books.american
    chosen.custom_numbers = not books.american
    info = {
        "CompanyName": company.name,
        "LegalName": company.name,
        "Country": company.country,
        "Email": {"Address": "office@example.com"},
        "NameValue": [{"Name": "OfferingSku", "Value": "QuickBooks Online Plus"}],
    }
    books.add("CompanyInfo", info, "1")
    books.add("Preferences", {}, "1")
    company.tell_preferences()
    accounts = {
        key: company.add_account(name, kind, AcctNum=code, AccountSubType=below)
        for key, (name, kind, code, below) in _CHART.items()
    }
    for method in _METHODS:
        books.add("PaymentMethod", {"Name": method, "Active": True, "Type": "NON_CREDIT_CARD"})
    codes = _american_taxes(company) if books.american else _british_taxes(company)
    foreign = {"CurrencyRef": {"value": "EUR"}} if chosen.multi_currency else None
    item = company.add(
        "Item",
        Name="Haulage",
        Type="Service",
        Taxable=True,
        IncomeAccountRef={"value": accounts["sales"]},
        ExpenseAccountRef={"value": accounts["purchases"]},
    )
    customer = company.add_customer(
        "Northwind Traders",
        CompanyName="Northwind Traders",
        PrimaryEmailAddr={"Address": "accounts@northwind.example"},
        Taxable=True,
    )
    vendor = company.add_vendor("Fleet Fuel Cards", AcctNum="FF-77")
    company.known = Known(
        sales=accounts["sales"],
        sales_code="4000",
        purchases=accounts["purchases"],
        purchases_code="5000",
        bank=accounts["bank"],
        bank_code="1200",
        card=accounts["card"],
        receivable=accounts["receivable"],
        payable=accounts["payable"],
        undeposited=accounts["undeposited"],
        tax_standard=codes[0],
        tax_reduced=codes[1],
        tax_none=codes[2],
        customer=customer,
        vendor=vendor,
        foreign_customer=company.add_customer("Spedition Müller", **foreign) if foreign else "",
        foreign_vendor=company.add_vendor("Autohof Süd", **foreign) if foreign else "",
        item=item,
    )
    company.events.clear()


def _british_taxes(company: Company) -> tuple[str, str, str]:
    def code(name: str, sold: list[str], bought: list[str]) -> str:
        lists = {"SalesTaxRateList": sold, "PurchaseTaxRateList": bought}
        percents = {side: [Decimal(one) for one in ones] for side, ones in lists.items() if ones}
        return add_code(company.books, name, percents)

    # The ids of codes and rates run apart, so that one taken for the other is found out.
    standard = code("20.0% S", ["20"], ["20"])
    reduced = code("5.0% R", ["5"], ["5"])
    zero = code("0.0% Z", ["0"], ["0"])
    code("No VAT", ["0"], ["0"])
    code("20.0% RC", [], ["20", "-20"])
    old = code("17.5% S", ["17.5"], ["17.5"])
    company.books.row("TaxCode", old).body["Active"] = False
    # The standard rate was another one before 4 January 2011.
    first = company.books.row("TaxCode", standard).body["SalesTaxRateList"]["TaxRateDetail"][0]
    rate = company.books.row("TaxRate", first["TaxRateRef"]["value"])
    rate.body["EffectiveTaxRate"].insert(
        0,
        {
            "RateValue": Decimal("17.5"),
            "EffectiveDate": "2010-01-01T00:00:00-08:00",
            "EndDate": "2011-01-03T00:00:00-08:00",
        },
    )
    return standard, reduced, zero


def _american_taxes(company: Company) -> tuple[str, str, str]:
    for name, taxable in (("TAX", True), ("NON", False)):
        body = {
            "Name": name,
            "Description": name,
            "Active": True,
            "Hidden": False,
            "Taxable": taxable,
            "TaxGroup": False,
            "TaxCodeConfigType": "SYSTEM_GENERATED",
        }
        company.books.add("TaxCode", body, name)
    add_code(company.books, "California", {"SalesTaxRateList": [Decimal("7.25"), Decimal(1)]})
    return "TAX", "TAX", "NON"


def fill(company: Company, *, seed: int, documents: int = 12) -> None:
    """Some invoices and bills of the last weeks, a few of them paid."""
    chance = random.Random(seed)  # noqa: S311  # sample amounts
    today = company.books.now().date()
    for place in range(documents):
        day = today - dt.timedelta(days=40 - 3 * place)
        net = Decimal(chance.randrange(5_000, 90_000)) / 100
        dated = {"TxnDate": day.isoformat()}
        if place % 3 == 2:  # noqa: PLR2004  # every third is bought
            made, entity = (
                company.add_bill(((net, None),), number=f"FF-{510 + place}", **dated),
                "Bill",
            )
        else:
            number = f"{1001 + place}"
            made, entity = company.add_invoice(((net, None),), number=number, **dated), "Invoice"
        if place % 4 == 1:
            company.pay(entity, made, on=day + dt.timedelta(days=9))
    company.events.clear()
