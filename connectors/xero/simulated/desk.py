"""What the accounting API does with a request that has come in: read, write, allocate.

Batches: with `summarizeErrors=false` every element has its own outcome and the answer is 200;
without it one bad element makes the call a 400 with `Elements`. What of the others is saved then
is not documented: a rule says it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from connectors.faults import Answer, Request
from connectors.xero.simulated import (
    answers,
    catalogue,
    contacts,
    documents,
    journals,
    listing,
    payments,
    settling,
    shapes,
)
from connectors.xero.simulated.documents import Kind
from connectors.xero.simulated.lines import Writing
from connectors.xero.simulated.shapes import Detail
from connectors.xero.simulated.store import ID_FIELDS, Books, BusinessError
from connectors.xero.simulated.values import (
    NIL,
    Malformed,
    Row,
    cents,
    day_of,
    guid_of,
    list_of,
    number_of,
    object_of,
    shown,
)

_Match = Callable[[Books, Row, Writing], Row | None]
_Write = Callable[[Books, Row, Row | None, Writing], Row]
_INVOICES, _NOTES = Kind("Invoices"), Kind("CreditNotes")


@dataclass(frozen=True)
class _Writer:
    match: _Match
    write: _Write
    one_only: bool = False
    """One element per request."""


def _by_id(endpoint: str, books: Books, body: Row, writing: Writing) -> Row | None:
    key = ID_FIELDS[endpoint]
    if not body.get(key) or writing.creates:
        return None
    row = books.tables[endpoint].get(guid_of(body[key], key))
    if row is None:
        raise BusinessError(f"{endpoint.removesuffix('s')} could not be found")
    return row


_WRITERS = {
    "Invoices": _Writer(
        lambda b, body, w: documents.match(b, _INVOICES, body, w),
        lambda b, body, row, w: documents.write(b, _INVOICES, body, row, w),
    ),
    "CreditNotes": _Writer(
        lambda b, body, w: documents.match(b, _NOTES, body, w),
        lambda b, body, row, w: documents.write(b, _NOTES, body, row, w),
    ),
    "Payments": _Writer(
        partial(_by_id, "Payments"), lambda b, body, row, _w: payments.write(b, body, row)
    ),
    "BatchPayments": _Writer(
        partial(_by_id, "BatchPayments"),
        lambda b, body, row, _w: payments.write_batch(b, body, row),
    ),
    "Contacts": _Writer(contacts.match, contacts.write),
    "ManualJournals": _Writer(journals.match, journals.write),
    "Items": _Writer(catalogue.match_item, catalogue.write_item),
    "Accounts": _Writer(catalogue.match_account, catalogue.write_account, one_only=True),
    "TaxRates": _Writer(catalogue.match_rate, catalogue.write_rate, one_only=True),
    "Currencies": _Writer(lambda _b, _body, _w: None, catalogue.write_currency, one_only=True),
}
_CREATE_ONLY = frozenset({"Currencies"})
_OTHER_KEYS = {
    "Invoices": "InvoiceNumber",
    "CreditNotes": "CreditNoteNumber",
    "Contacts": "ContactNumber",
    "Items": "Code",
}
_BATCH_ID = "BatchPaymentID"
_PARAMETERS = frozenset({"summarizeErrors", "unitdp"})
ACTIONS = (
    "AddBankAccount",
    "CreateApprovedBill",
    "CreateApprovedInvoice",
    "CreateDraftBill",
    "CreateDraftInvoice",
    "UseMulticurrency",
    "ApproveTransactionsBeforePeriodLockDate",
)


def many(books: Books, endpoint: str, request: Request) -> Answer:
    """`GET /Invoices`."""
    found = listing.listed(books, endpoint, request)
    digits = _digits(request)
    rows = [shapes.out(books, endpoint, row, found.detail, digits=digits) for row in found.rows]
    pages = {} if found.pagination is None else {"pagination": found.pagination}
    return Answer(200, answers.envelope(books.clock.now(), **pages, **{endpoint: rows}))


def one(books: Books, endpoint: str, name: str, request: Request) -> Answer:
    """`GET /Invoices/{id}`."""
    if unknown := request.query.keys() - {"unitdp"}:
        raise answers.unparsable(f"{', '.join(sorted(unknown))} is not modelled")
    row = _named(books, endpoint, name)
    shown_row = shapes.out(books, endpoint, row, Detail.FULL, digits=_digits(request))
    return Answer(200, answers.envelope(books.clock.now(), **{endpoint: [shown_row]}))


def _named(books: Books, endpoint: str, name: str) -> Row:
    row = books.tables[endpoint].get(name.lower()) or books.tables[endpoint].get(name)
    if row is None and (other := _OTHER_KEYS.get(endpoint)):
        row = books.find(endpoint, **{other: name})
    if row is None:
        raise answers.not_found()
    return row


def organisation(books: Books) -> Answer:
    """`GET /Organisation`."""
    return Answer(
        200, answers.envelope(books.clock.now(), Organisations=[shown(books.organisation)])
    )


def actions(books: Books) -> Answer:
    """`GET /Organisation/Actions`."""
    rows = [
        {"Name": name, "Status": "NOT-ALLOWED" if name in books.denied else "ALLOWED"}
        for name in ACTIONS
    ]
    return Answer(200, answers.envelope(books.clock.now(), Actions=rows))


def write(books: Books, endpoint: str, name: str | None, request: Request) -> Answer:
    """`PUT /Invoices`, `POST /Invoices`, `POST /Invoices/{id}`."""
    writer = _WRITERS.get(endpoint)
    creates = request.method == "PUT"
    if writer is None or (endpoint in _CREATE_ONLY and not creates):
        raise answers.words(501, f"{request.method} {endpoint} is not offered")
    if unknown := request.query.keys() - _PARAMETERS:
        raise answers.unparsable(f"{', '.join(sorted(unknown))} is not modelled")
    elements = _elements(endpoint, request)
    if endpoint == "BatchPayments" and not creates and not (name or elements[0].get(_BATCH_ID)):
        raise answers.words(501, "POST BatchPayments only deletes")
    alone = writer.one_only or name is not None or (endpoint == "Payments" and not creates)
    if alone and len(elements) > 1:
        raise answers.malformed(f"{endpoint} takes one element per request")
    if name is not None:
        row = _named(books, endpoint, name)
        elements = [{**elements[0], ID_FIELDS[endpoint]: row[ID_FIELDS[endpoint]]}]
    lenient = request.query.get("summarizeErrors", "true").lower() == "false"
    writing = Writing(digits=_digits(request), creates=creates)
    try:
        return _batch(books, endpoint, elements, writing, lenient=lenient)
    except Malformed as error:
        raise answers.malformed(str(error)) from None


def _elements(endpoint: str, request: Request) -> list[Row]:
    body = _body(request)
    wrapped = body.get(endpoint) if isinstance(body, dict) and endpoint in body else body
    if isinstance(body, dict) and endpoint in body and len(body) > 1:
        raise answers.malformed(f"Only {endpoint} is expected")
    try:
        elements = list_of(wrapped, endpoint)
    except Malformed as error:
        raise answers.malformed(str(error)) from None
    if not elements:
        raise answers.exception("NoDataProcessedException", "No data has been processed")
    return elements


def _body(request: Request) -> Any:
    if "json" not in request.headers.get("content-type", ""):
        raise answers.malformed("Only JSON bodies are modelled: set Content-Type")
    try:
        return request.json()
    except Exception:  # noqa: BLE001  # `Refusal` of the base, or a decoding error
        raise answers.malformed("The body is not JSON") from None


def _batch(
    books: Books, endpoint: str, elements: list[Row], writing: Writing, *, lenient: bool
) -> Answer:
    """Write element by element, in order: each alone is all or nothing."""
    results: list[Row] = []
    bad = 0
    with books.atomic():
        for element in elements:
            try:
                results.append(_element(books, endpoint, element, writing, lenient=lenient))
            except BusinessError as error:
                bad += 1
                results.append(_failed(endpoint, element, error))
        if bad and not lenient and not books.rules().saves_good_ones_on_400:
            raise _refused(results)
    if bad and not lenient:
        raise _refused(results)
    return Answer(200, answers.envelope(books.clock.now(), **{endpoint: results}))


def _refused(results: list[Row]) -> Exception:
    failed = [row for row in results if row.get("ValidationErrors")]
    text = "A validation exception occurred"
    return answers.exception("ValidationException", text, failed)


def _element(books: Books, endpoint: str, element: Row, writing: Writing, *, lenient: bool) -> Row:
    writer = _WRITERS[endpoint]
    writing = Writing(writing.digits, writing.creates)
    with books.atomic():
        row = writer.write(books, element, writer.match(books, element, writing), writing)
    found = shapes.out(books, endpoint, row, Detail.FULL, digits=writing.digits)
    if lenient:
        found["StatusAttributeString"] = "WARNING" if writing.warnings else "OK"
    if writing.warnings:
        found["Warnings"] = [{"Message": text} for text in writing.warnings]
    return found


def _failed(endpoint: str, element: Row, error: BusinessError) -> Row:
    return {
        **shown(element),
        ID_FIELDS[endpoint]: NIL,
        "StatusAttributeString": "ERROR",
        "HasErrors": True,
        "ValidationErrors": [{"Message": text} for text in error.messages],
    }


def allocate(books: Books, endpoint: str, name: str, request: Request) -> Answer:
    """`PUT /CreditNotes/{id}/Allocations`."""
    credit = _named(books, endpoint, name)
    if unknown := request.query.keys() - {"summarizeErrors"}:
        raise answers.unparsable(f"{', '.join(sorted(unknown))} is not modelled")
    lenient = request.query.get("summarizeErrors", "true").lower() == "false"
    made: list[Row] = []
    failed: list[Row] = []
    try:
        with books.atomic():
            for element in _elements("Allocations", request):
                try:
                    row = _allocated(books, endpoint, credit, element)
                    fine = {"StatusAttributeString": "OK"} if lenient else {}
                    made.append({**shown(shapes.allocation(books, row)), **fine})
                except BusinessError as error:
                    failed.append(_failed("Allocations", element, error))
                    made.append(failed[-1])
            if failed and not lenient:
                raise _refused(failed)
    except Malformed as error:
        raise answers.malformed(str(error)) from None
    return Answer(200, answers.envelope(books.clock.now(), Allocations=made))


def _allocated(books: Books, endpoint: str, credit: Row, element: Row) -> Row:
    credit = books.get(endpoint, credit[ID_FIELDS[endpoint]])
    link = object_of(element.get("Invoice") or {}, "Invoice")
    row = books.tables["Invoices"].get(guid_of(link.get("InvoiceID"), "InvoiceID"))
    if row is None:
        raise BusinessError("Invoice could not be found")
    if unknown := element.keys() - {"Amount", "Date", "Invoice"}:
        raise Malformed(f"Allocations: {', '.join(sorted(unknown))} is not modelled")
    day = day_of(element["Date"], "Date") if element.get("Date") else books.today()
    amount = cents(number_of(element.get("Amount"), "Amount"))
    return settling.allocate(books, endpoint, credit, row, amount=amount, day=day)


def take_back(books: Books, endpoint: str, name: str, allocation_id: str) -> Answer:
    """`DELETE /CreditNotes/{id}/Allocations/{allocationId}`."""
    credit = _named(books, endpoint, name)
    if allocation_id.lower() not in credit["_allocations"]:
        raise answers.not_found()
    row = books.get("Allocations", allocation_id.lower())
    try:
        with books.atomic():
            settling.take_back(books, row)
    except BusinessError as error:
        raise _refused([_failed("Allocations", {}, error)]) from None
    return Answer(200, {**shown(shapes.allocation(books, row)), "IsDeleted": True})


def _digits(request: Request) -> int:
    return 4 if request.query.get("unitdp") == "4" else 2
