"""Documents as the ERP mirrors them: invoices and credit memos with their lines.

Members are the platform's (object descriptions of July 2026, read 2026-11-20): line amounts of
credit memos stand under `price`, amounts of credits are positive, 42 and more charges give a
compact invoice. Ours: numbers, texts, addresses, and 21 % VAT.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from connectors.softwareone.simulated.charging import grouped, total_of
from connectors.softwareone.simulated.parties import Agreement
from connectors.softwareone.simulated.store import Books, Json

COMPACT_FROM = 42
TERM = dt.timedelta(days=30)
VAT = Decimal(21)
_CENT = Decimal("0.01")
_NO_DATE = "1753-01-01"
_NESTED = (
    "unitPrice",
    "discountAmount",
    "lineAmount",
    "amount",
    "amountIncludingVat",
    "vatBaseAmount",
    "vatPercent",
    "vatCalculationType",
)


@dataclass(frozen=True)
class Line:
    """A line of a document; `net` is what remains after the discount."""

    net: Decimal
    vat: Decimal = VAT
    quantity: Decimal = Decimal(1)
    description: str = "Cloud services"
    discount: Decimal = Decimal(0)
    item: str = "SW-0001"
    vat_type: str = "Normal VAT"

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Line":
        """A line from members of this class's names."""
        numbers = {"net", "vat", "quantity", "discount"}
        values: dict[str, Any] = {
            name: Decimal(str(value)) if name in numbers else value for name, value in given.items()
        }
        return cls(**values)

    @property
    def tax(self) -> Decimal:
        """Its VAT, to the cent."""
        return (self.net * self.vat / 100).quantize(_CENT)


@dataclass(frozen=True)
class Document:
    """What the ERP knows of a document that it mirrors."""

    kind: str
    agreement: Agreement
    lines: tuple[Line, ...]
    number: str
    status: str
    date: dt.date
    due: dt.date
    currency: str
    statement: Json | None = None
    applies_to: str | None = None
    """The number of the invoice that a credit memo corrects."""


def lines_of(charges: Sequence[Json]) -> tuple[Line, ...]:
    """The lines that bill charges: each of them, or summed per item when there are many."""
    billed = charges if len(charges) >= COMPACT_FROM else [*_ready(charges)]
    if len(billed) < COMPACT_FROM:
        return tuple(
            Line(
                net=abs(one["price"]["SPx1"].quantize(_CENT)),
                quantity=one["quantity"],
                description=one["item"]["name"],
                item=one["item"]["id"],
            )
            for one in billed
        )
    items = grouped(charges, lambda one: str((one.get("item") or {}).get("id")))
    return tuple(
        Line(net=abs(_sold(rows)), description=rows[0]["item"]["name"], item=item)
        for item, rows in items.items()
    )


def _ready(charges: Sequence[Json]) -> Iterator[Json]:
    return (one for one in charges if one["processing"]["status"] == "Ready")


def _sold(charges: Sequence[Json]) -> Decimal:
    return total_of(charges, "SPx1").quantize(_CENT)


def body_of(books: Books, document: Document, erp_data: Mapping[str, Any]) -> Json:
    """The body of a new document."""
    agreement, credit = document.agreement, document.kind == "credit-memos"
    number = books.next_number("erp")
    erp: Json = {
        "erpId": f"ERP-{number:07d}",
        "documentNo": document.number,
        **_dates(document),
        "externalDocumentNo": agreement.id,
        "yourReference": document.statement["id"] if document.statement else f"PO {number:05d}",
        "addresses": {"billTo": _address(agreement), "sellTo": _address(agreement)},
        "referenceNumber": {"orderNo": f"SO{number:06d}"},
        "payment": {"methodCode": "BANK", "termsCode": "30D"},
        "revision": 1,
    }
    if credit:
        erp |= {
            "appliesToDocNo": document.applies_to,
            "currencyCode": document.currency,
            "vatRegistrationNo": "NL001234567B01",
            "rowVersion": f"{number:08x}",
        }
    body: Json = {
        "documentNo": document.number,
        "countryCode": agreement.buyer.country,
        "status": document.status,
        "billingType": "Automated" if document.statement else "Manual",
        "statement": document.statement,
        **agreement.parties,
        "erpData": erp,
    }
    if document.statement is None:
        body |= dict.fromkeys(("vendor", "product", "licensee") if credit else ())
    if not credit:
        body |= {"type": "Debit", "attributes": {**_dates(document)}}
        body["attributes"]["orderNo"] = erp["referenceNumber"]["orderNo"]
    priced(books, body, document)
    erp |= erp_data
    return body


def priced(books: Books, body: Json, document: Document) -> None:
    """Give a document its lines, its totals and what is open of it."""
    net = sum((line.net for line in document.lines), Decimal(0))
    tax = sum((line.tax for line in document.lines), Decimal(0))
    cost = (net / Decimal("1.2")).quantize(Decimal("1e-14"))
    body["price"] = {
        "currency": document.currency,
        "totalSP": net,
        "totalST": tax,
        "totalGT": net + tax,
        "totalPP": cost,
        "markup": Decimal(20),
        "margin": net - cost,
    }
    prefix = "CRL" if document.kind == "credit-memos" else "INL"
    stem = books.new_id(prefix)
    body["lines"] = [
        _line(f"{stem}-{number:04d}", number, line, document)
        for number, line in enumerate(document.lines, 1)
    ]
    if document.kind == "invoices":
        paid = document.status == "Paid"
        body["erpData"] |= {
            "balanceDue": Decimal(0) if paid else net + tax,
            "invoiceTotal": net + tax,
        }


def _line(line_id: str, number: int, line: Line, document: Document) -> Json:
    unit = (line.net + line.discount) / line.quantity if line.quantity else line.net
    body: Json = {
        "id": line_id,
        "lineNo": number * 10000,
        "itemNo": line.item,
        "description": line.description,
        "quantity": line.quantity,
        "unitPrice": _digits(unit),
        "unitOfMeasure": "PCS",
        "discountAmount": line.discount,
        "lineAmount": line.net,
        "amount": line.net,
        "amountIncludingVat": line.net + line.tax,
        "vatBaseAmount": line.net,
        "vatPercent": line.vat,
        "vatCalculationType": line.vat_type,
        "period": {"start": "2026-10-01", "end": "2026-10-31"},
        "externalDocumentNo": document.agreement.id,
    }
    if document.kind != "credit-memos":
        return body
    nested = {name: body.pop(name) for name in _NESTED}
    return {**body, "price": nested, "period": {"start": _NO_DATE, "end": _NO_DATE}}


def relined(books: Books, body: Json, document: Document, lines: Sequence[Line]) -> None:
    """The ERP replaces all lines of a document; what was paid of an invoice stays paid."""
    before = body["erpData"]
    paid = before.get("invoiceTotal", Decimal(0)) - before.get("balanceDue", Decimal(0))
    priced(books, body, replace(document, lines=tuple(lines)))
    if document.kind == "invoices":
        body["erpData"]["balanceDue"] = body["erpData"]["invoiceTotal"] - paid


def _digits(value: Decimal) -> Decimal:
    """With 14 fraction digits at most, none of them an idle zero."""
    short = value.quantize(Decimal("1e-14")).normalize()
    return short if short.as_tuple().exponent <= 0 else short.quantize(Decimal(1))  # type: ignore[operator]  # finite


def _dates(document: Document) -> Json:
    """Times in invoices, plain days in credit memos: both are seen."""
    clock = "" if document.kind == "credit-memos" else "T00:00:00.000Z"
    return {
        "documentDate": f"{document.date.isoformat()}{clock}",
        "postingDate": f"{document.date.isoformat()}{clock}",
        "dueDate": f"{document.due.isoformat()}{clock}",
    }


def _address(agreement: Agreement) -> Json:
    buyer = agreement.buyer
    return {
        "name": buyer.name,
        "addressLine1": "Kade 1",
        "postCode": "3011 AA",
        "city": "Rotterdam",
        "country": buyer.country,
    }
