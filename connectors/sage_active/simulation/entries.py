"""Accounting entries: balanced or refused, in an open period, with what Sage adds by itself.

What it adds ("createaccountingentryusingcodes" page): lines of the same third party are merged in
journals of invoices, open items follow from the third party's terms, tax registers are made when
account, VAT account and amounts agree, and Germany gets a session and a running number.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from connectors.sage_active.simulation import registers, terms
from connectors.sage_active.simulation.refusals import BusinessError, Row, refuse_if
from connectors.sage_active.simulation.store import Books

INVOICE_JOURNALS = {"SALES_INVOICE", "PURCHASE_INVOICE"}
PARTIES = {"CUSTOMER": "customers", "PROVIDER": "suppliers"}
_ORIGINS = {"customers": "CUSTOMER", "suppliers": "SUPPLIER"}
_ZERO = Decimal(0)


@dataclass
class Line:
    """One line before it is booked."""

    account: Row
    debit: Decimal
    credit: Decimal
    party: Row | None = None
    description: str | None = None


@dataclass
class Draft:
    """An entry before it is booked."""

    journal: Row
    date: dt.datetime
    lines: list[Line]
    document_date: dt.datetime | None = None
    document_number: str | None = None
    description: str | None = None
    header: dict[str, Any] = field(default_factory=dict)
    """More header fields: source, sales invoice."""
    invoice: dict[str, Any] = field(default_factory=dict)
    """Fields of the third-party line's invoice, from a document."""
    instalments: list[terms.Instalment] | None = None
    taxes: list[Row] | None = None
    """Tax registers from a document; None: from the lines, where the conditions hold."""


def signed(debit: Decimal) -> tuple[Decimal, Decimal]:
    """Debit and credit of an amount that may be below zero."""
    return (debit, _ZERO) if debit >= 0 else (_ZERO, -debit)


def book(books: Books, draft: Draft) -> Row:
    """Put an entry into the ledger; returns its row.

    Raises:
        BusinessError: It cannot be booked as it is.
    """
    period = open_period(books, draft.date)
    _check(draft)
    lines = _merged(draft) if draft.journal["type"] in INVOICE_JOURNALS else draft.lines
    german = books.legislation == "DE"
    session = books.where("accountingEntrySessions", isDefault=True) if german else []
    entry = books.insert(
        "accountingEntries",
        date=draft.date,
        documentDate=draft.document_date or draft.date,
        documentNumber=draft.document_number,
        description=draft.description,
        accountingExerciseId=period["accountingExerciseId"],
        accountingPeriodId=period["id"],
        journalTypeId=draft.journal["id"],
        sessionId=session[0]["id"] if session else None,
        currencyId=books.organisation["currencyId"],
        entryType="GENERAL",
        number=books.count(f"entries of {period['accountingExerciseId']}"),
        tanNumber=books.count("tan") if german else None,
        isClosed=False,
        closeDate=None,
        **{"sourceEntityId": None, "salesInvoiceId": None, **draft.header},
    )
    rows = [_insert_line(books, entry, place, line) for place, line in enumerate(lines)]
    if german:
        for row in rows:
            other = next(one for one in rows if one is not row)
            account = books.get("accountingAccounts", other["subAccountId"])
            row["contraAccount"] = f"{account['code']} {account['name']}"[:113]
    if draft.journal["type"] in INVOICE_JOURNALS:
        _add_invoices(books, draft, rows, lines)
    return entry


def open_period(books: Books, date: dt.datetime) -> Row:
    """The period of a date.

    Raises:
        BusinessError: It is closed, or no open exercise has it.
    """
    for exercise in books.where("accountingExercises", status="OPEN"):
        if not exercise["startDate"] <= date <= exercise["endDate"]:
            continue
        periods = books.children("accountingPeriods", "accountingExerciseId", exercise["id"])
        for period in periods:
            if period["startDate"] <= date <= period["endDate"]:
                refuse_if(period["isClosed"], "accounting.accountingPeriodClosed")
                return period
    raise BusinessError("accounting.accountingExerciseNotOpen")


def _check(draft: Draft) -> None:
    refuse_if(draft.journal["deactivated"], "accounting.journalTypeDeactivated")
    refuse_if(len(draft.lines) < 2, "accounting.accountingEntryWithoutLines")  # noqa: PLR2004  # double entry
    for line in draft.lines:
        both = bool(line.debit) == bool(line.credit)
        wrong = both or min(line.debit, line.credit) < 0
        wrong = wrong or any(terms.cents(one) != one for one in (line.debit, line.credit))
        refuse_if(wrong, "accounting.invalidAccountingEntryLineAmount")
        code = line.account["code"]
        level = line.account["accountLevel"] != "SUB_ACCOUNT"
        refuse_if(level, "accounting.accountingAccountNotSubAccount", code=code)
        gone = line.account["deactivated"]
        refuse_if(gone, "accounting.accountingAccountDeactivated", code=code)
    balance = sum(line.debit - line.credit for line in draft.lines)
    refuse_if(balance, "accounting.accountingEntryNotBalanced", difference=str(balance))


def _merged(draft: Draft) -> list[Line]:
    """Lines of the same third party and account become one."""
    found: list[Line] = []
    by_party: dict[tuple[str, str], Line] = {}
    for line in draft.lines:
        if line.party is None:
            found.append(line)
            continue
        key = (line.party["id"], line.account["id"])
        if key in by_party:
            first = by_party[key]
            net = first.debit - first.credit + line.debit - line.credit
            first.debit, first.credit = signed(net)
        else:
            by_party[key] = line
            found.append(line)
    return found


def _insert_line(books: Books, entry: Row, place: int, line: Line) -> Row:
    return books.insert(
        "accountingEntryLines",
        accountingEntryId=entry["id"],
        subAccountId=line.account["id"],
        order=place,
        documentNumber=entry["documentNumber"],
        description=line.description or entry["description"],
        contraAccount=None,
        debitAmount=line.debit,
        creditAmount=line.credit,
        accountingEntryThirdParty=_third_party(books, line),
        accountingEntryPaymentId=None,
        accountingEntryInvoiceId=None,
    )


def _third_party(books: Books, line: Line) -> Row | None:
    party = line.party
    if party is None:
        return None
    return {
        "id": books.new_id(),
        "creationDate": books.created_at or books.clock.now(),
        "modificationDate": None,
        "thirdPartyId": party["id"],
        "socialName": party["socialName"],
        "code": party["code"],
        "origin": _ORIGINS[PARTIES[line.account["subAccountType"]]],
        "identificationTypeId": party["documentTypeId"],
        "documentId": party.get("documentId"),
        "vatNumber": party.get("vatNumber"),
        "countryAcronym": party["countryAcronym"],
        "viesCode": (party.get("vatNumber") or "")[:2] or None,
    }


def _add_invoices(books: Books, draft: Draft, rows: list[Row], lines: list[Line]) -> None:
    """Invoice, open items and tax registers of the lines on third parties."""
    sales = draft.journal["type"] == "SALES_INVOICE"
    first = True
    for row, line in zip(rows, lines, strict=True):
        if line.party is None:
            continue
        owed = line.debit - line.credit if sales else line.credit - line.debit
        credit = owed < 0
        corrective = books.legislation == "ES" and (credit or draft.journal["isCreditNote"])
        fields = {
            "isCashVat": False,
            "creditNoteType": "UNDEFINED" if corrective else None,
            "creditNoteReason": draft.journal["creditNoteReason"] if corrective else None,
            **draft.invoice,
        }
        shown = owed if books.rules.negative_credit_notes else abs(owed)
        invoice = books.insert(
            "accountingEntryInvoices",
            documentDate=draft.document_date or draft.date,
            operationDate=fields.pop("operationDate", None) or draft.document_date or draft.date,
            externalInvoiceNumber=draft.document_number,
            amount=shown,
            lineId=row["id"],
            **fields,
        )
        row["accountingEntryInvoiceId"] = invoice["id"]
        parts = draft.instalments or terms.instalments(
            line.party["paymentTermLines"], shown, draft.document_date or draft.date
        )
        add_open_items(books, invoice, line.party, parts, credit=credit, draft=draft)
        if first:
            found = draft.taxes
            if found is None:
                found = registers.from_lines(books, lines, issued=sales)
            for tax in found:
                books.insert("accountingEntryTaxes", accountingEntryInvoiceId=invoice["id"], **tax)
        first = False


def add_open_items(
    books: Books,
    invoice: Row,
    party: Row,
    parts: Sequence[terms.Instalment],
    *,
    credit: bool,
    draft: Draft,
) -> None:
    """One open item per instalment; a credit note's ones count against the others."""
    source = draft.header.get("sourceEntityId")
    sales = draft.journal["type"] == "SALES_INVOICE"
    for part in parts:
        books.insert(
            "openItems",
            amount=part.amount,
            paidAmountAccumulated=_ZERO,
            dueDate=part.due,
            status="NOT_SPECIFIED",
            paymentMeanId=part.payment_mean_id,
            salesInvoiceId=source if sales else None,
            purchaseInvoiceId=None if sales else source,
            accountingEntryInvoiceId=invoice["id"],
            isAdvanceInvoicePayment=False,
            side="sales" if sales else "purchase",
            partyId=party["id"],
            sign=-1 if credit else 1,
        )


def delete(books: Books, given: Row) -> Row:
    """Delete an entry through the API; only what nothing depends on.

    Refused are closed entries, closed periods, matched lines, entries from documents: expected,
    not documented.
    """
    entry = books.get("accountingEntries", given["id"])
    refuse_if(entry["isClosed"], "accounting.accountingEntryClosed")
    open_period(books, entry["date"])
    lines = lines_of(books, entry)
    matched = any(line["accountingEntryPaymentId"] for line in lines)
    refuse_if(matched, "accounting.accountingEntryMatched")
    refuse_if(entry["sourceEntityId"], "accounting.accountingEntryFromDocument")
    erase(books, entry)
    return entry


def erase(books: Books, entry: Row) -> None:
    """Remove an entry with all that hangs on it."""
    for line in lines_of(books, entry):
        for tag in books.children(
            "accountingEntryDimensionTags", "accountingEntryLineId", line["id"]
        ):
            books.remove("accountingEntryDimensionTags", tag)
        if payment := books.find("accountingEntryPayments", line["accountingEntryPaymentId"]):
            books.remove("accountingEntryPayments", payment)
        if invoice := books.find("accountingEntryInvoices", line["accountingEntryInvoiceId"]):
            for table in ("openItems", "accountingEntryTaxes"):
                for row in books.children(table, "accountingEntryInvoiceId", invoice["id"]):
                    books.remove(table, row)
            books.remove("accountingEntryInvoices", invoice)
        books.remove("accountingEntryLines", line)
    books.remove("accountingEntries", entry)


def lines_of(books: Books, entry: Row) -> list[Row]:
    """An entry's lines."""
    return books.children("accountingEntryLines", "accountingEntryId", entry["id"])
