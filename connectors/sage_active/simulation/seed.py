"""Books to begin with: reference data, parties and products, and a little past business."""

import datetime as dt
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from connectors.sage_active.simulation import (
    entries,
    entry_requests,
    parties,
    posting,
    purchases,
    reference,
    sales,
)
from connectors.sage_active.simulation.charts import SAMPLES, Sample
from connectors.sage_active.simulation.refusals import Row
from connectors.sage_active.simulation.rules import ServerRules
from connectors.sage_active.simulation.settlements import settle
from connectors.sage_active.simulation.store import Books, Clock

LEGISLATIONS = tuple(SAMPLES)
_ZERO = Decimal(0)


def profile(chance: random.Random) -> Row:
    """The signed-in user."""
    first, last = chance.choice(("Ana", "Jonas", "Claire")), chance.choice(("Roux", "Vega", "Lang"))
    return {
        "id": Books("", Clock(), chance, ServerRules).new_id(),
        "firstName": first,
        "lastName": last,
        "fullName": f"{first} {last}",
        "applicationLanguageCode": "en",
        "authenticationEmail": f"{first}.{last}@example.com".lower(),
    }


def books(
    legislation: str, clock: Clock, chance: random.Random, rules: Callable[[], ServerRules]
) -> Books:
    """The books of a sample company; equal chances make equal books."""
    made = Books(legislation, clock, chance, rules)
    made.created_at, made.source = reference.BEGAN, "ACCOUNTING"
    sample = SAMPLES[legislation]
    reference.organisation(made, sample)
    reference.accounts(made, sample)
    reference.journals(made, sample)
    reference.taxes(made, sample)
    reference.calendar(made)
    reference.payments(made, sample)
    _parties(made, sample)
    _products(made, sample)
    _business(made, sample)
    for table in made.tables.values():
        for row in table.values():
            row["modificationDate"] = None
    made.created_at, made.source = None, "PUBLIC_API"
    return made


def _parties(made: Books, sample: Sample) -> None:
    terms = made.rows("paymentTerms")[0]["lines"]
    for table, found in (("customers", sample.customers), ("suppliers", sample.suppliers)):
        for name, country, document_id, vat in found:
            given: Row = {
                "socialName": name,
                "countryAcronym": country,
                "documentId": document_id,
                "addresses": [{"firstLine": "2 High Street", "countryIsoCodeAlpha2": country}],
                "contacts": [_contact(name)],
                "paymentTermLines": terms,
            }
            if vat:
                given["vatNumber"] = vat
            if table == "customers":
                surcharge = name.startswith("Ultramarinos")
                given |= {"customerType": "BUSINESS", "hasEquivalenceSurcharge": surcharge}
            parties.create_party(made, table, given)


def _contact(name: str) -> Row:
    domain = "".join(one for one in name.lower() if one.isascii() and one.isalnum())
    return {
        "name": "Office",
        "emails": [{"emailAddress": f"office@{domain}.example", "usage": "INVOICES"}],
        "phones": [{"number": "+33 1 00 00 00 00", "type": "LANDLINE"}],
    }


def _products(made: Books, sample: Sample) -> None:
    groups = {row["taxGroupCode"]: row["id"] for row in made.rows("taxGroups")}
    accounts = {
        rate.group: made.one("accountingAccounts", code=code)["id"]
        for rate, code in zip(sample.rates, sample.sales_accounts, strict=True)
    }
    for code, name, group in sample.products:
        given = {
            "code": code,
            "name": name,
            "taxGroupId": groups[group],
            "salesAccountingAccountId": accounts[group],
            "salesUnitPrice": Decimal(100),
            "useWithholding": False,
        }
        parties.create_product(made, given)
    default = sample.products[0]
    if made.legislation == "ES":
        given = {"code": "ASESORIA", "name": "Asesoría con retención", "useWithholding": True}
        parties.create_product(made, {**given, "taxGroupId": groups[default[2]]})
    given = {"code": "ACOMPTE", "name": "Advance payment", "category": "CONCEPT"}
    parties.create_product(made, {**given, "taxGroupId": groups[default[2]]})


def _business(made: Books, sample: Sample) -> None:
    """Three invoices (collected, posted, draft), two bills, capital paid in, and rent."""
    customers, suppliers = made.rows("customers"), made.rows("suppliers")
    products = made.rows("products")
    collected = _invoice(made, customers[0], [(products[0], 3)], 14)
    posted = _invoice(made, customers[1], [(products[0], 1), (products[1], 2)], 19)
    _invoice(made, customers[0], [(products[1], 5)], 26)
    for invoice in (collected, posted):
        sales.close(made, {"salesInvoiceId": invoice["id"]})
        given = {
            "salesInvoiceId": invoice["id"],
            "accountingEntryDescription": f"{invoice['operationalNumber']}",
            "journalTypeId": made.sales_setup["defaultSalesPostingInvoiceJournalTypeId"],
        }
        posting.post_sales_invoice(made, given)
    item = made.children("openItems", "salesInvoiceId", collected["id"])[0]
    bank = made.rows("paymentMethods")[0]
    receipt: dict[str, Any] = {
        "entryDate": _day(2, 11),
        "paymentMethodId": bank["id"],
        "thirdPartyId": customers[0]["id"],
        "documentNumber": "VIR-0001",
        "salesOpenItemLinkagePaidAmounts": [
            {"openItemId": item["id"], "paidAmount": item["amount"]}
        ],
    }
    settle(made, "sales", receipt)
    for number, supplier in enumerate(suppliers[:2], start=1):
        bill = _bill(made, sample, supplier, f"{supplier['code']}-2026-{number:03d}", number)
        if number == 1:
            given = {
                "purchaseInvoiceId": bill["id"],
                "accountingEntryDescription": f"{bill['invoiceNumber']}",
                "journalTypeId": made.sales_setup["defaultPurchasePostingInvoiceJournalTypeId"],
            }
            posting.post_bill(made, given)
    capital = made.one("accountingAccounts", subAccountType="CAPITAL")["code"]
    rents = {"FR": "61320000", "ES": "62100000", "DE": "4210"}
    account = sample.defaults["defaultBankAccountId"]
    _entry(made, "CAP-2026", _day(1, 5), [(account, 10000), (capital, -10000)])
    _entry(made, "RENT-01", _day(1, 31), [(rents[made.legislation], 850), (account, -850)])


def _day(month: int, day: int) -> dt.datetime:
    return dt.datetime(2026, month, day, tzinfo=dt.UTC)


def _invoice(made: Books, customer: Row, lines: list[tuple[Row, int]], day: int) -> Row:
    return sales.create(
        made,
        {
            "customerId": customer["id"],
            "documentDate": _day(1, day),
            "socialName": customer["socialName"],
            "documentId": customer["documentId"],
            "vatNumber": customer.get("vatNumber"),
            "lines": [
                {
                    "productId": product["id"],
                    "totalQuantity": Decimal(quantity),
                    "unitPrice": Decimal(made.chance.randint(4000, 90000)) / 100,
                }
                for product, quantity in lines
            ],
        },
    )


def _bill(made: Books, sample: Sample, supplier: Row, number: str, day: int) -> Row:
    base = Decimal(made.chance.randint(5000, 60000)) / 100
    rate = sample.rates[0].percent
    vat = (base * rate / 100).quantize(Decimal("0.01"))
    return purchases.create(
        made,
        {
            "supplierId": supplier["id"],
            "invoiceDate": _day(1, 10 + day),
            "invoiceNumber": number,
            "vatLines": [{"totalVatBase": base, "totalVat": vat, "vatPercentage": rate}],
        },
    )


def _entry(made: Books, number: str, day: dt.datetime, lines: list[tuple[str, int]]) -> None:
    journal = made.one("journalTypes", type="GENERAL")["code"]
    found = []
    for code, amount in lines:
        debit, credit = entries.signed(Decimal(amount))
        found.append({"subAccountCode": code, "debitAmount": debit, "creditAmount": credit})
    entry_requests.create_using_codes(
        made,
        {
            "date": day,
            "journalTypeCode": journal,
            "documentNumber": number,
            "description": number,
            "accountingEntryLines": found,
        },
    )
