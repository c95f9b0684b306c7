"""Purchase invoices (bills): one line per VAT rate, posted without a closing step."""

from decimal import Decimal

from connectors.sage_active.simulation import taxes, terms
from connectors.sage_active.simulation.posting import BILLS, VAT_LINES
from connectors.sage_active.simulation.refusals import BusinessError, Row, refuse_if
from connectors.sage_active.simulation.store import Books

_ZERO = Decimal(0)


def create(books: Books, given: Row) -> Row:
    """Make a bill; its due date follows from the supplier's terms and cannot be sent."""
    supplier = books.get("suppliers", given["supplierId"])
    refuse_if(supplier["status"] != "ENABLED", "sales.supplierBlocked")
    refuse_if(not given.get("invoiceNumber"), "sales.purchaseInvoiceNumberRequired")
    taken = books.where(BILLS, supplierId=supplier["id"], invoiceNumber=given["invoiceNumber"])
    refused = taken and books.rules.refuses_repeated_numbers
    refuse_if(refused, "sales.operationalNumberAlreadyExist")
    issued = terms.day(given["invoiceDate"])
    bill = books.insert(
        BILLS,
        sourceType="PUBLIC_API" if books.source == "PUBLIC_API" else None,
        supplierId=supplier["id"],
        invoiceDate=issued,
        invoiceNumber=given["invoiceNumber"],
        operationDate=terms.day(given.get("operationDate") or issued),
        hasCashVat=bool(given.get("hasCashVat")),
        status="Pending",
        description=None,
        fileId=None,
        fileName=None,
        totalLiquid=given.get("totalLiquid"),
    )
    _add_lines(books, bill, supplier, given["vatLines"])
    _finish(books, bill, given.get("totalLiquid"))
    return bill


def update(books: Books, given: Row) -> Row:
    """Change a pending bill; VAT lines with an id are replaced, others are added."""
    bill = _pending(books, given["id"])
    names = ("invoiceDate", "operationDate")
    changes: Row = {
        name: terms.day(value) if name in names and value is not None else value
        for name, value in given.items()
        if name not in {"id", "vatLines", "totalLiquid"}
    }
    books.change(BILLS, bill, **changes)
    supplier = books.get("suppliers", bill["supplierId"])
    for one in given.get("vatLines") or ():
        if one.get("id") is not None:
            books.remove(VAT_LINES, books.get(VAT_LINES, one["id"]))
        if one.get("requestedAction") != "DELETE":
            _add_lines(books, bill, supplier, [one])
    _finish(books, bill, given.get("totalLiquid"))
    return bill


def delete(books: Books, given: Row) -> Row:
    """Delete a pending bill."""
    bill = _pending(books, given["id"])
    erase(books, bill)
    return bill


def erase(books: Books, bill: Row) -> None:
    """Remove a bill with its lines."""
    for line in books.children(VAT_LINES, "purchaseInvoiceId", bill["id"]):
        books.remove(VAT_LINES, line)
    books.remove(BILLS, bill)


def _pending(books: Books, bill_id: str) -> Row:
    bill = books.get(BILLS, bill_id)
    refuse_if(bill["status"] != "Pending", "sales.purchaseInvoiceNotPending")
    return bill


def _add_lines(books: Books, bill: Row, supplier: Row, given: list[Row]) -> None:
    for one in given:
        tax = _tax(books, one)
        treatment = books.find("taxTreatments", one.get("taxTreatmentId"))
        treatment = treatment or taxes.treatment_of(books, tax["groupId"], "RECEIVED")
        if treatment is None:
            raise BusinessError("sales.taxNotFound", taxId=tax["id"])
        account_id = (
            one.get("purchaseAccountingAccountId")
            or supplier.get("defaultPurchaseAccountId")
            or books.setup["defaultPurchaseProductsAccountId"]
        )
        books.get("accountingAccounts", account_id, "accounting.accountingAccountNotFound")
        books.insert(
            VAT_LINES,
            purchaseInvoiceId=bill["id"],
            invoiceDate=one.get("invoiceDate") or bill["invoiceDate"],
            totalVatBase=one["totalVatBase"],
            totalVat=one["totalVat"],
            taxId=tax["id"],
            taxTreatmentId=treatment["id"],
            purchaseAccountingAccountId=account_id,
        )


def _tax(books: Books, given: Row) -> Row:
    """The tax of a line: named by id, or found by its rate."""
    if given.get("taxId"):
        return books.get("taxes", given["taxId"], "sales.taxNotFound")
    if given.get("vatPercentage") is None:
        raise BusinessError("sales.taxNotFound")
    return taxes.tax_of_rate(books, given["vatPercentage"])


def _finish(books: Books, bill: Row, stated: Decimal | None) -> None:
    late = bill["operationDate"] and bill["operationDate"] > bill["invoiceDate"]
    refuse_if(late, "sales.operationDateAfterDocumentDate")
    lines = books.children(VAT_LINES, "purchaseInvoiceId", bill["id"])
    refuse_if(not lines, "sales.documentWithoutLines")
    total = sum((line["totalVatBase"] + line["totalVat"] for line in lines), _ZERO)
    differs = stated is not None and stated != total
    refuse_if(differs, "sales.purchaseInvoiceTotalsMismatch", stated=str(stated), sum=str(total))
    supplier = books.get("suppliers", bill["supplierId"])
    parts = terms.instalments(supplier["paymentTermLines"], total, bill["invoiceDate"])
    due = min(part.due for part in parts)
    books.change(BILLS, bill, touch=False, totalLiquid=total, pendingAmount=total, firstDueDate=due)
