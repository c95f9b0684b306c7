"""The tax rate that a person names for all deductions reaches what is sent."""

from decimal import Decimal

from models.canonical import AllowanceCharge, Invoice, LedgerAccount, ObjectType, TaxRate
from models.ids import new_id
from models.repositories import References
from models.status import SyncStatus
from sync.references import Books, translated
from tests.factories import an_invoice

BOOKS = Books(
    rates=[TaxRate(id="vat-20", name="VAT 20 %", rate=Decimal(20))],
    accounts=[LedgerAccount(id="706000", code="706000", name="Sales")],
    defaults={"sales": "706000"},
)


def sent(books: Books) -> Invoice:
    """An invoice with a discount and a surcharge on the whole, in the ledger's ids."""
    parts = tuple(
        AllowanceCharge.model_validate({"kind": kind, "amount": 5, "tax_rate": 20})
        for kind in ("allowance", "charge")
    )
    customer = References(
        external_id="C-1",
        document_id=new_id(),
        record_id=new_id(),
        platform_id="c",
        status=SyncStatus.DONE,
        issue_id=None,
        complete=True,
    )
    known = {(ObjectType.CONTACT, "C-1"): customer}
    record = translated(an_invoice(allowances_charges=parts), books, known)
    assert isinstance(record, Invoice)
    return record


def test_without_a_word_of_anybody_the_percentage_decides() -> None:
    assert [part.tax_rate_id for part in sent(BOOKS).allowances_charges] == ["vat-20", "vat-20"]


def test_the_named_rate_goes_on_deductions_and_on_nothing_else() -> None:
    books = Books(
        rates=BOOKS.rates,
        accounts=BOOKS.accounts,
        defaults=BOOKS.defaults,
        deduction_rate="vat-discounts",
    )

    invoice = sent(books)

    assert [part.tax_rate_id for part in invoice.allowances_charges] == ["vat-discounts", "vat-20"]
    assert invoice.lines[0].tax_rate_id == "vat-20"
