"""From documents to the ledger: the entries that posting an invoice or a bill makes."""

import datetime as dt
from collections import defaultdict
from decimal import Decimal
from typing import Any

from connectors.sage_active.simulation import entries, registers, taxes, terms
from connectors.sage_active.simulation.entries import Draft, Line, signed
from connectors.sage_active.simulation.refusals import Row, refuse_if
from connectors.sage_active.simulation.sales import INVOICES, lines_of
from connectors.sage_active.simulation.store import Books

BILLS, VAT_LINES = "purchaseInvoices", "purchaseInvoiceVatLines"
_ZERO = Decimal(0)


def post_sales_invoice(books: Books, given: Row) -> Row:
    """Put a closed invoice or credit note into the ledger; returns the entry."""
    invoice = books.get(INVOICES, given["salesInvoiceId"])
    refuse_if(invoice["status"] != "Closed", "sales.salesInvoiceNotClosed")
    journal = _journal(books, given["journalTypeId"], "SALES_INVOICE")
    credit = invoice["type"] == "CREDIT_NOTE"
    refuse_if(journal["isCreditNote"] and not credit, "accounting.journalTypeNotAllowed")
    # Whether or not a credit note's amounts carry a minus, it goes to the other side here.
    sign = -1 if credit and invoice["totalLiquid"] > 0 else 1
    customer = books.get("customers", invoice["customerId"])
    account = books.get("accountingAccounts", customer["defaultAccountingAccountId"])
    amounts = _sold(books, invoice, sign)
    lines = [Line(account, *signed(sign * invoice["totalLiquid"]), party=customer)]
    lines += [
        Line(books.get("accountingAccounts", account_id), *signed(-amount))
        for account_id, amount in amounts.items()
        if amount
    ]
    corrective = _corrective(books, invoice, journal) if credit else {}
    entry = entries.book(
        books,
        Draft(
            journal=journal,
            date=invoice["documentDate"],
            document_number=invoice["operationalNumber"],
            description=given["accountingEntryDescription"],
            lines=lines,
            header={
                "sourceType": "SALES",
                "sourceEntityId": invoice["id"],
                "salesInvoiceId": invoice["id"],
            },
            invoice={"operationDate": invoice["operationDate"], **corrective},
            instalments=terms.instalments(
                invoice["paymentTermLines"], invoice["totalLiquid"], invoice["documentDate"]
            ),
            taxes=_sales_registers(books, invoice),
        ),
    )
    books.change(INVOICES, invoice, status="Posted")
    return entry


def _sold(books: Books, invoice: Row, sign: int) -> dict[str, Decimal]:
    """What goes to which account: revenue by the customer's country, VAT, withholding."""
    amounts: dict[str, Decimal] = defaultdict(Decimal)
    country = books.one("countries", isoCodeAlpha2=invoice["countryAcronym"])
    abroad = country["isoCodeAlpha2"] != books.legislation
    lines = lines_of(books, invoice)
    vat_account = books.setup["defaultOutputVATAccountId"]
    for line in lines:
        product = books.get("products", line["productId"])
        account_id = product["salesAccountingAccountId"]
        if abroad:
            name = "intracommunityAccountId" if country["isEuropeanUnion"] else "foreignAccountId"
            account_id = books.setup[name]
        amounts[account_id] += sign * line["totalNet"]
        treatment = books.find("taxTreatments", line["taxTreatmentId"])
        account = taxes.vat_account(treatment) if treatment else None
        vat_account = account["id"] if account else vat_account
        amounts[vat_account] += sign * (line["totalVat"] + line["totalFeeSurcharge"])
        if line["totalWithholding"]:
            amounts[books.setup["withholdingAccountId"]] -= sign * line["totalWithholding"]
    by_line = sum((line["totalVat"] for line in lines), _ZERO)
    amounts[vat_account] += sign * (invoice["totalVat"] - by_line)  # rounding by rate
    return amounts


def _sales_registers(books: Books, invoice: Row) -> list[Row]:
    sums: dict[tuple[str, str], list[Decimal]] = defaultdict(lambda: [_ZERO, _ZERO, _ZERO])
    for line in lines_of(books, invoice):
        if line["taxTreatmentId"] is None:
            continue
        total = sums[line["taxTreatmentId"], line["taxId"]]
        total[0] += line["totalNet"]
        total[1] += line["totalVat"]
        total[2] += line["totalFeeSurcharge"]
    return [
        registers.register(
            books.get("taxTreatments", treatment_id),
            books.get("taxes", tax_id),
            base,
            vat,
            surcharge=surcharge or None,
        )
        for (treatment_id, tax_id), (base, vat, surcharge) in sums.items()
    ]


def _corrective(books: Books, note: Row, journal: Row) -> dict[str, Any]:
    """Spain: a credit note says how and why it corrects, and the sums of the original."""
    if books.legislation != "ES":
        return {}
    source = books.get(INVOICES, note["sourceSalesInvoiceId"])
    posted = books.where("accountingEntries", salesInvoiceId=source["id"])
    lines = entries.lines_of(books, posted[0]) if posted else []
    original = next((one["accountingEntryInvoiceId"] for one in lines), None)
    return {
        "creditNoteType": "BY_DIFFERENCES",
        "creditNoteReason": journal["creditNoteReason"] or "UNDEFINED",
        "originalEntryInvoiceTaxesBaseSum": source["totalNet"],
        "originalEntryInvoiceTaxesSurchargeAmountSum": source["totalFeeSurcharge"],
        "originalEntryInvoiceTaxesTaxAmountSum": source["totalVat"],
        "originalAccountingEntryInvoiceId": original,
    }


def post_bill(books: Books, given: Row) -> Row:
    """Put a pending bill into the ledger; returns the entry."""
    bill = books.get(BILLS, given["purchaseInvoiceId"])
    refuse_if(bill["status"] not in {"Pending", "Closed"}, "sales.purchaseInvoiceNotPending")
    journal = _journal(books, given["journalTypeId"], "PURCHASE_INVOICE")
    supplier = books.get("suppliers", bill["supplierId"])
    account = books.get("accountingAccounts", supplier["defaultAccountingAccountId"])
    amounts: dict[str, Decimal] = defaultdict(Decimal)
    found = []
    for line in books.children(VAT_LINES, "purchaseInvoiceId", bill["id"]):
        amounts[line["purchaseAccountingAccountId"]] += line["totalVatBase"]
        treatment = books.get("taxTreatments", line["taxTreatmentId"])
        vat_account = taxes.vat_account(treatment)
        vat_id = vat_account["id"] if vat_account else books.setup["defaultInputVATAccountId"]
        amounts[vat_id] += line["totalVat"]
        tax = books.get("taxes", line["taxId"])
        found.append(registers.register(treatment, tax, line["totalVatBase"], line["totalVat"]))
    lines = [Line(account, *signed(-bill["totalLiquid"]), party=supplier)]
    lines += [
        Line(books.get("accountingAccounts", account_id), *signed(amount))
        for account_id, amount in amounts.items()
        if amount
    ]
    posted_at: dt.datetime = terms.day(given.get("postingDate") or bill["invoiceDate"])
    entry = entries.book(
        books,
        Draft(
            journal=journal,
            date=posted_at,
            document_date=bill["invoiceDate"],
            document_number=bill["invoiceNumber"],
            description=given["accountingEntryDescription"],
            lines=lines,
            header={"sourceType": "ACCOUNTING", "sourceEntityId": bill["id"]},
            invoice={"operationDate": bill["operationDate"], "isCashVat": bill["hasCashVat"]},
            instalments=terms.instalments(
                supplier["paymentTermLines"], bill["totalLiquid"], bill["invoiceDate"]
            ),
            taxes=found,
        ),
    )
    books.change(BILLS, bill, status="Posted")
    return entry


def _journal(books: Books, journal_id: str, kind: str) -> Row:
    journal = books.get("journalTypes", journal_id, "accounting.journalTypeNotFound")
    refuse_if(journal["type"] != kind, "accounting.journalTypeNotAllowed", code=journal["code"])
    return journal
