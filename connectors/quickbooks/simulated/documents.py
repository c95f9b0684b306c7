"""Invoices, credit memos, bills and vendor credits: from what is sent to what is kept."""

import datetime as dt
from decimal import Decimal

from connectors.quickbooks.simulated import answers, taxes
from connectors.quickbooks.simulated.answers import Json, Refused
from connectors.quickbooks.simulated.books import Books, Row
from connectors.quickbooks.simulated.entities import ENTITIES, SALES
from connectors.quickbooks.simulated.lines import LineReader, Read
from connectors.quickbooks.simulated.values import ZERO, day, id_in, mapping, number, text

RATES = {
    "EUR": Decimal("0.86"),
    "USD": Decimal("0.79"),
    "GBP": Decimal(1),
    "CHF": Decimal("0.88"),
}
"""Home units per foreign one, for who sends no `ExchangeRate`."""
_NUMBER, _NOTE = 21, 4000
_SELF_NUMBERED = frozenset({"Invoice", "CreditMemo", "JournalEntry"})
AUTO = "AUTO_GENERATE"


def header(books: Books, entity: str, body: Json, old: Row | None) -> Json:
    """What all transactions have: party, day, number, note, currency."""
    kept = dict(body)
    on = day(body, "TxnDate") or books.now().date()
    kept["TxnDate"] = on.isoformat()
    kept["PrivateNote"] = text(body, "PrivateNote", _NOTE)
    party = None
    if member := ENTITIES[entity].party:
        kind = member.removesuffix("Ref")
        kept[member] = books.refer(kind, body, member, required=True)
        party = books.row(kind, kept[member]["value"])
        if old is not None and books.links(old.key) and old.body[member] != kept[member]:
            raise answers.business("The name cannot be changed: other transactions are linked.")
    return kept | currency(books, body, party)


def currency(books: Books, body: Json, party: Row | None) -> Json:
    """Currency and rate: those of the party, which has one for good."""
    given = id_in(body, "CurrencyRef")
    own = party.body["CurrencyRef"]["value"] if party else given or books.currency
    if given is not None and given != own:
        raise answers.business(f"The transaction currency {given} is not {own}, that of the name.")
    if own != books.currency and not books.preferences.multi_currency:
        raise answers.business("Multicurrency is not enabled for this company.")
    kept: Json = {"CurrencyRef": {"value": own, "name": own}, "ExchangeRate": None}
    if books.preferences.multi_currency:
        rate = number(body, "ExchangeRate")
        if own == books.currency:
            rate = Decimal(1)
        elif rate is not None and rate <= 0:
            raise answers.invalid("ExchangeRate", rate)
        kept["ExchangeRate"] = rate or RATES.get(own, Decimal(1))
    return kept


def number_of(
    books: Books, entity: str, body: Json, old: Row | None, *, duplicates: bool
) -> str | None:
    """The document's number: as sent, or counted up where the company leaves that to QuickBooks."""
    given = text(body, "DocNumber", _NUMBER)
    if (given == AUTO and entity == "Invoice") or (
        not given
        and old is None
        and entity in _SELF_NUMBERED
        and not books.preferences.custom_numbers
    ):
        taken = (row.body.get("DocNumber") or "" for row in books.rows(entity))
        return str(max((int(one) for one in taken if one.isdecimal()), default=1000) + 1)
    if given and books.preferences.unique_numbers and not duplicates:
        _must_be_new(books, entity, body, given, old)
    return given or None


def _must_be_new(books: Books, entity: str, body: Json, given: str, old: Row | None) -> None:
    within = ENTITIES[entity].numbered
    for row in books.rows(entity):
        same_scope = within == "all" or row.body[within]["value"] == id_in(body, within)
        same = (row.body.get("DocNumber") or "").casefold() == given.casefold()
        if same and same_scope and row is not old and not row.voided:
            raise Refused(
                books.rules.duplicate_number_code,
                "Duplicate Document Number Error",
                "Duplicate Document Number Error : You must specify a different number. This number "
                f"has already been used. DocNumber={given} is assigned to TxnType={entity} with "
                f"TxnId={row.id}",
            )


def document(books: Books, entity: str, body: Json, old: Row | None, *, duplicates: bool) -> Json:
    """A whole document, checked, with totals."""
    sales = entity in SALES
    kept = header(books, entity, body, old)
    kept["DocNumber"] = number_of(books, entity, body, old, duplicates=duplicates)
    on = dt.date.fromisoformat(kept["TxnDate"])
    if entity in {"Invoice", "Bill"}:
        kept["DueDate"] = (day(body, "DueDate") or on).isoformat()
    side, account = ("ARAccountRef", "Receivable") if sales else ("APAccountRef", "Payable")
    kept[side] = control_account(books, body, side, account, kept["CurrencyRef"]["value"])
    mode = kept["GlobalTaxCalculation"] = _mode(books, body)
    reader = LineReader(books, sales=sales, mode=mode or taxes.EXCLUDED, on=on)
    read = reader.read(body, old.body["Line"] if old else [])
    kept["Line"] = read.kept
    kept["TxnTaxDetail"] = detail = _tax(books, kept, read, sales=sales, on=on)
    kept["TotalAmt"] = read.net + (detail["TotalTax"] if detail else ZERO)
    if kept["TotalAmt"] < 0:
        raise answers.business("Transaction amount must be 0 or greater.")
    if old is not None and kept["TotalAmt"] < old.body["TotalAmt"] - books.open_of(old):
        raise answers.not_modelled("an amount below what is paid already")
    return kept


def control_account(books: Books, body: Json, member: str, kind: str, code: str) -> Json | None:
    """The receivable or payable account; it must be named where there are several."""
    named = books.refer("Account", body, member)
    accounts = [
        row
        for row in books.rows("Account")
        if row.body["AccountType"] == f"Accounts {kind}" and row.body["Active"]
    ]
    if named is not None:
        if all(row.id != named["value"] for row in accounts):
            raise answers.business(f"{member} must be an account of type Accounts {kind}.")
        return named
    mine = [row for row in accounts if row.body["CurrencyRef"]["value"] == code] or accounts
    if len(mine) != 1:
        raise answers.missing(member)
    return {"value": mine[0].id, "name": mine[0].body["Name"]}


def _mode(books: Books, body: Json) -> str | None:
    given = text(body, "GlobalTaxCalculation", 20)
    if books.american:
        # Not applicable to companies of the US: ignored like whatever is only read.
        return None
    if given is None:
        return taxes.EXCLUDED
    if given not in {taxes.EXCLUDED, taxes.INCLUSIVE, taxes.NONE}:
        raise answers.invalid("GlobalTaxCalculation", given)
    return given


def _tax(books: Books, kept: Json, read: Read, *, sales: bool, on: dt.date) -> Json | None:
    given = mapping(kept, "TxnTaxDetail")
    if not books.american:
        return taxes.computed(books, read.shares, sales=sales, on=on, given=given)
    if not sales:
        return None
    customer = books.row("Customer", kept["CustomerRef"]["value"])
    exempt = customer.body.get("Taxable") is False
    return taxes.american(books, read.taxable, on=on, given=given, exempt=exempt)
