"""Journal entries: at least a debit and a credit, which balance."""

from decimal import Decimal

from connectors.quickbooks.simulated import answers
from connectors.quickbooks.simulated.answers import Json
from connectors.quickbooks.simulated.books import Books, Row
from connectors.quickbooks.simulated.documents import header, number_of
from connectors.quickbooks.simulated.entities import words
from connectors.quickbooks.simulated.values import ZERO, amount, flag, id_in, mapping, objects, text

_LINE = words(
    "Id LineNum Description Amount DetailType JournalEntryLineDetail DescriptionLineDetail"
)
_DETAIL = words("PostingType AccountRef Entity")
_NEEDS = {"Accounts Receivable": "Customer", "Accounts Payable": "Vendor"}
_KIND = "JournalEntryLineDetail"


def journal(books: Books, body: Json, old: Row | None, *, duplicates: bool) -> Json:
    """A journal entry, checked."""
    kept = header(books, "JournalEntry", body, old)
    kept["DocNumber"] = number_of(books, "JournalEntry", body, old, duplicates=duplicates)
    kept["Adjustment"] = flag(body, "Adjustment", False)
    kept["TotalAmt"] = ZERO
    if mapping(body, "TxnTaxDetail").get("TaxLine"):
        raise answers.not_modelled("tax on a JournalEntry")
    kept["TxnTaxDetail"] = {}
    kept["Line"] = []
    sums: dict[str, Decimal] = {"Debit": ZERO, "Credit": ZERO}
    for place, line in enumerate(objects(body, "Line")):
        kept["Line"].append({"Id": str(place), **_line(books, line, sums)})
    if not sums["Debit"] and not sums["Credit"]:
        raise answers.missing("Line")
    if sums["Debit"] != sums["Credit"]:
        raise answers.business("The debits and credits of this journal entry do not balance.")
    return kept


def _line(books: Books, line: Json, sums: dict[str, Decimal]) -> Json:
    for name in line.keys() - _LINE:
        raise answers.unsupported(f"Line.{name}")
    note = text(line, "Description", 4000)
    said = {} if note is None else {"Description": note}
    if line.get("DetailType") == "DescriptionOnly":
        return {**said, "DetailType": "DescriptionOnly", "DescriptionLineDetail": {}}
    if line.get("DetailType") != _KIND:
        raise answers.invalid("Line.DetailType", line.get("DetailType"))
    detail = mapping(line, _KIND)
    for name in detail.keys() - _DETAIL:
        raise answers.not_modelled(f"{_KIND}.{name}")
    posting = text(detail, "PostingType", 10)
    if posting is None or posting not in sums:
        raise answers.invalid("PostingType", posting)
    value = amount(line, "Amount")
    if value is None:
        raise answers.missing("Line.Amount")
    if value < 0:
        raise answers.business("The amount of a line must be 0 or greater.")
    sums[posting] += value
    account = books.reference("Account", detail, "AccountRef", required=True)
    kept: Json = {
        "PostingType": posting,
        "AccountRef": books.refer("Account", detail, "AccountRef"),
    }
    if entity := mapping(detail, "Entity"):
        kept["Entity"] = _entity(books, entity)
    needed = _NEEDS.get(account.body["AccountType"]) if account else None
    if needed and kept.get("Entity", {}).get("Type") != needed:
        raise answers.business(f"When you use this account, you must choose a {needed.lower()}.")
    return {**said, "Amount": value, "DetailType": _KIND, _KIND: kept}


def _entity(books: Books, given: Json) -> Json:
    kind = text(given, "Type", 20)
    if kind not in {"Customer", "Vendor"}:
        raise answers.invalid("Entity.Type", kind)
    if id_in(given, "EntityRef") is None:
        raise answers.missing("Entity.EntityRef")
    return {"Type": kind, "EntityRef": books.refer(kind, given, "EntityRef")}
