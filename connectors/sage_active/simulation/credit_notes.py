"""Credit notes: drafts made of invoices, limited to what is still creditable."""

from collections.abc import Sequence
from decimal import Decimal

from connectors.sage_active.simulation import sales, terms
from connectors.sage_active.simulation.refusals import Row, refuse_if
from connectors.sage_active.simulation.sales import INVOICES, LINES
from connectors.sage_active.simulation.store import Books


def create(books: Books, given: Row) -> Row:
    """Make a draft credit note of a closed or posted invoice, of all or some of its lines."""
    source = books.get(INVOICES, given["id"])
    creditable = source["status"] in {"Closed", "Posted"} and source["type"] == "NORMAL"
    refuse_if(not creditable, "sales.salesInvoiceNotCreditable")
    issued = terms.day(given.get("outputDocumentDate") or books.clock.now())
    kept = {
        name: value
        for name, value in source.items()
        if name not in {"id", "creationDate", "modificationDate"}
    }
    note = books.insert(
        INVOICES,
        **{
            **kept,
            "type": "CREDIT_NOTE",
            "status": "Pending",
            "sourceType": books.source if books.source == "PUBLIC_API" else "SALES",
            "operationalNumber": None,
            "operationalNumberPresetTextId": given.get("operationalNumberPresetTextId"),
            "documentDate": issued,
            "operationDate": issued,
            "externalReference": None,
            "remarks": None,
            "sourceSalesInvoiceId": source["id"],
            "hasCreditNote": False,
        },
    )
    for line, quantity, price in _credited(books, source, given.get("lines")):
        left = line["availableForCreditNoteQuantity"] - quantity
        refuse_if(left < 0 or quantity <= 0, "sales.creditNoteQuantityExceeded")
        books.change(LINES, line, touch=False, availableForCreditNoteQuantity=left)
        sign = -1 if books.rules.negative_credit_notes else 1
        sales.add_line(
            books,
            note,
            {
                "productId": line["productId"],
                "productName": line["productName"],
                "totalQuantity": sign * quantity,
                "unitPrice": line["unitPrice"] if price is None else price,
                "firstDiscount": line["firstDiscount"],
            },
            source_line_id=line["id"],
        )
    books.change(INVOICES, source, hasCreditNote=True)
    sales.total_up(books, note)
    return note


def _credited(
    books: Books, source: Row, wanted: Sequence[Row] | None
) -> list[tuple[Row, Decimal, Decimal | None]]:
    lines = sales.lines_of(books, source)
    if wanted is None:
        found = [(line, line["availableForCreditNoteQuantity"], None) for line in lines]
        return [one for one in found if one[1]]
    chosen: list[tuple[Row, Decimal, Decimal | None]] = []
    for one in wanted:
        price = one.get("unitPrice")
        fitting = [line for line in lines if line["productId"] == one["productId"]]
        exact = [line for line in fitting if line["unitPrice"] == price]
        refuse_if(not fitting, "global.recordNotFound", id=one["productId"])
        chosen.append(((exact or fitting)[0], one["quantity"], price))
    return chosen
