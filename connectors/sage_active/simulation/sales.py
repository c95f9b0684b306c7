"""Sales invoices: a draft, then locked with a number, then in the ledger, then collected.

Nobody can send a tax rate or a total: both are worked out here, from the product's tax group, the
customer's country and this ledger's rounding.
"""

from collections import defaultdict
from decimal import Decimal

from connectors.sage_active.simulation import taxes, terms
from connectors.sage_active.simulation.parties import child
from connectors.sage_active.simulation.refusals import BusinessError, Row, collect, refuse_if
from connectors.sage_active.simulation.store import Books

INVOICES, LINES = "salesInvoices", "salesInvoiceLines"
_ZERO, _HUNDRED = Decimal(0), 100
_SUMS = (
    "totalGross",
    "totalDiscount",
    "totalNet",
    "totalVat",
    "totalFeeSurcharge",
    "totalWithholding",
)
_COPIED = ("socialName", "countryAcronym", "documentId", "vatNumber", "documentLanguage")
_EMPTY = (
    "contactName",
    "contactEmail",
    "contactPhone",
    "comments",
    "remarks",
    "externalReference",
    "salesOrderNumber",
    "specialMention",
    "operationalNumberPresetTextId",
    "salesInvoiceTemplateId",
    "invoiceEmail",
)


def create(books: Books, given: Row) -> Row:
    """Make an invoice: a draft, or closed at once when it comes with a number."""
    customer = books.get("customers", given["customerId"])
    _check_customer(customer)
    _check_header(books, customer, given)
    number = given.get("operationalNumber") or None
    _check_number(books, number)
    refuse_if(not given["lines"], "sales.documentWithoutLines")
    issued = terms.day(given.get("documentDate") or books.clock.now())
    lines = given.get("paymentTermLines")
    terms.check(lines or [])
    copied = {name: given.get(name) or customer.get(name) for name in _COPIED}
    addresses = customer["addresses"]
    main = child(books, given["mainAddress"]) if given.get("mainAddress") else None
    delivery = child(books, given["deliveryAddress"]) if given.get("deliveryAddress") else None
    invoice = books.insert(
        INVOICES,
        **{
            **dict.fromkeys(_EMPTY),
            **{name: given[name] for name in _EMPTY if name in given},
            **copied,
        },
        customerId=customer["id"],
        sourceType=books.source if books.source == "PUBLIC_API" else "SALES",
        documentDate=issued,
        operationDate=terms.day(given.get("operationDate") or issued),
        operationalNumber=number,
        status="Closed" if number else "Pending",
        type="NORMAL",
        hasEquivalenceSurcharge=bool(customer.get("hasEquivalenceSurcharge")),
        mainAddress=main or (addresses[0] if addresses else None),
        deliveryAddress=delivery,
        paymentTermLines=(
            customer["paymentTermLines"] if lines is None else [child(books, one) for one in lines]
        ),
        hasCreditNote=False,
        sourceSalesInvoiceId=None,
        canGeneratePaymentLink=bool(given.get("canGeneratePaymentLink")),
    )
    _check_dates(invoice)
    for one in given["lines"]:
        add_line(books, invoice, one)
    total_up(books, invoice)
    return invoice


def update(books: Books, given: Row) -> Row:
    """Change a draft."""
    invoice = books.get(INVOICES, given["id"])
    refuse_if(invoice["status"] != "Pending", "sales.salesInvoiceNotPending")
    changes = {name: value for name, value in given.items() if name not in {"id", "lines"}}
    for name in ("documentDate", "operationDate"):
        if changes.get(name) is not None:
            changes[name] = terms.day(changes[name])
    for name in ("mainAddress", "deliveryAddress"):
        if changes.get(name) is not None:
            changes[name] = child(books, changes[name])
    if "paymentTermLines" in changes:
        terms.check(changes["paymentTermLines"] or [])
        changes["paymentTermLines"] = [child(books, one) for one in changes["paymentTermLines"]]
    books.change(INVOICES, invoice, **changes)
    _check_dates(invoice)
    for one in given.get("lines") or ():
        _patch_line(books, invoice, one)
    refuse_if(not lines_of(books, invoice), "sales.documentWithoutLines")
    total_up(books, invoice)
    return invoice


def delete(books: Books, given: Row) -> Row:
    """Delete a draft."""
    invoice = books.get(INVOICES, given["id"])
    refuse_if(invoice["status"] != "Pending", "sales.salesInvoiceNotPending")
    erase(books, invoice)
    return invoice


def erase(books: Books, invoice: Row) -> None:
    """Remove an invoice with its lines; a credit note gives the quantities back."""
    source = books.find(INVOICES, invoice["sourceSalesInvoiceId"])
    for line in lines_of(books, invoice):
        origin = books.find(LINES, line.get("sourceLineId"))
        if origin is not None:
            left = origin["availableForCreditNoteQuantity"] + abs(line["totalQuantity"])
            books.change(LINES, origin, touch=False, availableForCreditNoteQuantity=left)
        books.remove(LINES, line)
    books.remove(INVOICES, invoice)
    if source is not None and not books.where(INVOICES, sourceSalesInvoiceId=source["id"]):
        books.change(INVOICES, source, touch=False, hasCreditNote=False)


def close(books: Books, given: Row) -> Row:
    """Lock a draft and give it a number."""
    invoice = books.get(INVOICES, given["salesInvoiceId"])
    refuse_if(invoice["status"] != "Pending", "sales.salesInvoiceNotPending")
    text = books.find("operationalNumberPresetTexts", invoice["operationalNumberPresetTextId"])
    operation = "CREDIT_NOTE" if invoice["type"] == "CREDIT_NOTE" else "SALES_INVOICE"
    preset = text or books.one("operationalNumberPresetTexts", operation=operation, isDefault=True)
    year = invoice["documentDate"].year
    prefix = f"{preset['presetText']}{year}-"
    number = f"{prefix}{books.count(f'numbers of {prefix}'):05d}"
    return books.change(INVOICES, invoice, status="Closed", operationalNumber=number)


def lines_of(books: Books, invoice: Row) -> list[Row]:
    """An invoice's lines."""
    return books.children(LINES, "salesInvoiceId", invoice["id"])


def add_line(books: Books, invoice: Row, given: Row, *, source_line_id: str | None = None) -> Row:
    """Add a line with its tax; a price that is not sent is 0, never the product's."""
    product = _product(books, given)
    group_id = taxes.group_for(books, product["taxGroupId"], invoice["countryAcronym"])
    tax = taxes.active_tax(books, group_id)
    treatment = taxes.treatment_of(books, group_id, "ISSUED")
    surcharged = invoice["hasEquivalenceSurcharge"] and tax["hasEquivalenceSurcharge"]
    withheld = product["useWithholding"] and books.organisation.get("useWithholdingForSales")
    values = {
        "productName": given.get("productName") or product["name"],
        "totalQuantity": given["totalQuantity"],
        "unitPrice": given.get("unitPrice") or _ZERO,
        "firstDiscount": given.get("firstDiscount") or _ZERO,
        "unitOfMeasurementId": given.get("unitOfMeasurementId"),
        "vatPercentage": tax["percentage"],
        "equivalenceSurchargePercentage": (
            tax["equivalenceSurchargePercentage"] if surcharged else _ZERO
        ),
        "withholdingPercentage": books.setup["withholdingPercentage"] if withheld else _ZERO,
    }
    order = len(lines_of(books, invoice)) + 1
    return books.insert(
        LINES,
        salesInvoiceId=invoice["id"],
        order=order,
        productId=product["id"],
        productCode=product["code"],
        taxId=tax["id"],
        taxTreatmentId=treatment["id"] if treatment else None,
        availableForCreditNoteQuantity=abs(given["totalQuantity"]),
        sourceLineId=source_line_id,
        **values,
        **_amounts(values),
    )


def _amounts(line: Row) -> Row:
    gross = terms.cents(line["totalQuantity"] * line["unitPrice"])
    discount = terms.cents(gross * line["firstDiscount"] / _HUNDRED)
    net = gross - discount
    vat = terms.cents(net * line["vatPercentage"] / _HUNDRED)
    surcharge = terms.cents(net * line["equivalenceSurchargePercentage"] / _HUNDRED)
    withheld = terms.cents(net * line["withholdingPercentage"] / _HUNDRED)
    return {
        "totalGross": gross,
        "totalDiscount": discount,
        "totalNet": net,
        "totalVat": vat,
        "totalFeeSurcharge": surcharge,
        "totalWithholding": withheld,
        "totalLiquid": net + vat + surcharge - withheld,
    }


def _patch_line(books: Books, invoice: Row, given: Row) -> None:
    if given.get("id") is None:
        refuse_if(given.get("totalQuantity") is None, "global.recordNotFound")
        add_line(books, invoice, given)
        return
    line = books.get(LINES, given["id"])
    refuse_if(line["salesInvoiceId"] != invoice["id"], "global.recordNotFound")
    if given.get("requestedAction") == "DELETE":
        books.remove(LINES, line)
        return
    merged = {**line, **{name: value for name, value in given.items() if value is not None}}
    books.remove(LINES, line)
    new = add_line(books, invoice, merged)
    books.remove(LINES, new)
    books.insert(LINES, **{**new, "id": line["id"], "order": line["order"]})


def total_up(books: Books, invoice: Row) -> None:
    """Sum up the lines; the totals are the ledger's own."""
    lines = lines_of(books, invoice)
    sums = {name: sum((line[name] for line in lines), _ZERO) for name in _SUMS}
    if books.rules.rounds_by_rate:
        bases: dict[Decimal, Decimal] = defaultdict(Decimal)
        for line in lines:
            bases[line["vatPercentage"]] += line["totalNet"]
        sums["totalVat"] = sum(
            (terms.cents(base * rate / _HUNDRED) for rate, base in bases.items()), _ZERO
        )
    whole = sums["totalNet"] + sums["totalVat"] + sums["totalFeeSurcharge"]
    liquid = whole - sums["totalWithholding"]
    parts = terms.instalments(invoice["paymentTermLines"], liquid, invoice["documentDate"])
    books.change(
        INVOICES,
        invoice,
        touch=False,
        **sums,
        totalVatBase=sums["totalNet"],
        totalVatFee=sums["totalVat"] if invoice["hasEquivalenceSurcharge"] else _ZERO,
        totalCustomerDiscount=_ZERO,
        discount=_ZERO,
        totalLiquidNoWithholding=whole,
        totalLiquid=liquid,
        firstDueDate=min(part.due for part in parts),
    )


def _product(books: Books, given: Row) -> Row:
    if given.get("productId"):
        product = books.get("products", given["productId"])
    else:
        found = books.where("products", code=given.get("productCode"))
        if not found:
            raise BusinessError("global.recordNotFound", productCode=given.get("productCode"))
        product = found[0]
    blocked = product["obsolete"] or product.get("salesInvoiceBlockingEnabled")
    refuse_if(blocked or product["category"] == "CONCEPT", "sales.productBlocked")
    return product


def _check_customer(customer: Row) -> None:
    blocked = customer.get("blockInvoiceEnabled") or customer["status"] != "ENABLED"
    refuse_if(blocked, "sales.customerBlocked")


def _check_header(books: Books, customer: Row, given: Row) -> None:
    """What a legislation demands ("salesinvoices" page, field info)."""

    def missing(name: str) -> bool:
        if books.rules.mandatory_fields_must_be_sent:
            return not given.get(name)
        return not (given.get(name) or customer.get(name))

    french, spanish = books.legislation == "FR", books.legislation == "ES"
    country = books.one("countries", isoCodeAlpha2=customer["countryAcronym"])
    european = country["isEuropeanUnion"] and country["isoCodeAlpha2"] != books.legislation
    simplified = customer.get("nonIdentifiedCustomer")
    collect(
        [
            (french and missing("socialName"), "sales.socialNameRequired"),
            (french and european and missing("vatNumber"), "sales.vatNumberRequired"),
            (spanish and not simplified and missing("documentId"), "sales.documentIdRequired"),
        ]
    )


def _check_dates(invoice: Row) -> None:
    late = invoice["operationDate"] and invoice["operationDate"] > invoice["documentDate"]
    refuse_if(late, "sales.operationDateAfterDocumentDate")


def _check_number(books: Books, number: str | None) -> None:
    taken = number and books.where(INVOICES, operationalNumber=number)
    refuse_if(taken and books.rules.refuses_repeated_numbers, "sales.operationalNumberAlreadyExist")
