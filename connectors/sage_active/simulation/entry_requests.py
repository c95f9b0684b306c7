"""Entries as the API takes them: by codes or by ids; booking is in `entries.py`."""

from connectors.sage_active.simulation import terms
from connectors.sage_active.simulation.entries import PARTIES, Draft, Line, book
from connectors.sage_active.simulation.refusals import BusinessError, Row, collect, refuse_if
from connectors.sage_active.simulation.store import Books


def create_using_codes(books: Books, given: Row) -> Row:
    """An entry that names accounts, journal and parties by code."""
    journal = _by_code(books, "journalTypes", given["journalTypeCode"], "journalTypeNotFound")
    lines = []
    for one in given["accountingEntryLines"]:
        code = one["subAccountCode"]
        account = _by_code(books, "accountingAccounts", code, "accountingAccountNotFound")
        party = _party(books, account, code=one.get("thirdCode"))
        lines.append(_line(one, account, party))
    return _created(books, given, journal, lines)


def create_using_ids(books: Books, given: Row) -> Row:
    """An entry that names accounts, journal and parties by id."""
    journal = books.get("journalTypes", given["journalTypeId"], "accounting.journalTypeNotFound")
    lines = []
    for one in given["accountingEntryLines"]:
        missing = "accounting.accountingAccountNotFound"
        account = books.get("accountingAccounts", one["subAccountId"], missing)
        party = _party(books, account, id=one.get("thirdId"))
        lines.append(_line(one, account, party))
    return _created(books, given, journal, lines)


def _line(given: Row, account: Row, party: Row | None) -> Line:
    return Line(
        account, given["debitAmount"], given["creditAmount"], party, given.get("description")
    )


def _created(books: Books, given: Row, journal: Row, lines: list[Line]) -> Row:
    if books.legislation == "DE":
        collect(
            [
                (not given.get("documentNumber"), "accounting.documentNumberRequired"),
                (not given.get("description"), "accounting.descriptionRequired"),
            ]
        )
    source = books.source if books.source == "PUBLIC_API" else "ACCOUNTING"
    grouping = ("isGroupingInvoices", "startInvoiceNumber", "finishInvoiceNumber")
    return book(
        books,
        Draft(
            journal=journal,
            date=terms.day(given["date"]),
            document_date=terms.day(given.get("documentDate") or given["date"]),
            document_number=given.get("documentNumber"),
            description=given.get("description"),
            lines=lines,
            header={"sourceType": source},
            invoice={name: given.get(name) for name in grouping},
        ),
    )


def _by_code(books: Books, table: str, code: str, missing: str) -> Row:
    found = books.where(table, code=code)
    refuse_if(not found, f"accounting.{missing}", code=code)
    return found[0]


def _party(books: Books, account: Row, **wanted: str | None) -> Row | None:
    """The party of a line; its kind follows from the account."""
    ((name, value),) = wanted.items()
    if value is None:
        return None
    table = PARTIES.get(account["subAccountType"])
    if table is None:
        raise BusinessError("accounting.thirdPartyNotAllowed", account=account["code"])
    found = books.where(table, **{name: value})
    refuse_if(not found, "accounting.thirdPartyNotFound", third=value)
    return found[0]
