"""Which tax applies: the newest active one of a group; abroad, that of another group."""

from decimal import Decimal

from connectors.sage_active.simulation.refusals import BusinessError, Row
from connectors.sage_active.simulation.store import Books

INTRACOMMUNITY, EXPORT = "INTRA", "EXPORT"
WITHHOLDING = "IRPF"


def active_tax(books: Books, group_id: str | None) -> Row:
    """The tax that a group stands for today.

    Raises:
        BusinessError: The group has no active tax.
    """
    found = [tax for tax in books.where("taxes", groupId=group_id) if not tax["inactive"]]
    if not found:
        raise BusinessError("sales.taxNotFound", taxGroupId=group_id)
    return max(found, key=lambda tax: tax["effectiveDate"])


def tax_of_rate(books: Books, percent: Decimal) -> Row:
    """The national tax of a rate.

    Raises:
        BusinessError: The ledger lacks the rate.
    """
    for group in books.rows("taxGroups"):
        if group["taxGroupCode"] in {INTRACOMMUNITY, EXPORT, WITHHOLDING}:
            continue
        for tax in books.where("taxes", groupId=group["id"], inactive=False):
            if tax["percentage"] == percent:
                return tax
    raise BusinessError("sales.taxNotFound", vatPercentage=str(percent))


def group_for(books: Books, group_id: str, country: str | None) -> str:
    """The tax group that counts for a customer's country."""
    if country in {None, books.legislation}:
        return group_id
    european = books.one("countries", isoCodeAlpha2=country)["isEuropeanUnion"]
    code = INTRACOMMUNITY if european else EXPORT
    return str(books.one("taxGroups", taxGroupCode=code)["id"])


def treatment_of(books: Books, group_id: str, register: str) -> Row | None:
    """A group's tax code for sales (`ISSUED`) or purchases (`RECEIVED`)."""
    found = books.where("taxTreatments", taxGroupId=group_id, registerType=register)
    return found[0] if found else None


def vat_account(treatment: Row) -> Row | None:
    """The account that a tax code's VAT goes to."""
    side = "output" if treatment["registerType"] == "ISSUED" else "input"
    accounts: list[Row] = treatment[f"{side}AccountingAccount"]
    return accounts[0] if accounts else None
