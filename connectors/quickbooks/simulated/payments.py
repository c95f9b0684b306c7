"""Payments and bill payments: what they pay, what credits they use up, what remains.

A payment has a line for everything that it touches: documents it pays and credits it uses. What
the credits do not cover comes out of `TotalAmt`, which may be 0; what is left of that stays
unapplied, or becomes a vendor credit where bills are paid.
"""

from dataclasses import dataclass
from decimal import Decimal

from connectors.quickbooks.simulated import answers
from connectors.quickbooks.simulated.answers import Json
from connectors.quickbooks.simulated.books import Books, Row
from connectors.quickbooks.simulated.documents import control_account, header, number_of
from connectors.quickbooks.simulated.values import ZERO, amount, id_in, mapping, objects, text

_NUMBER = 21
_LINE = frozenset({"Id", "LineNum", "Amount", "LinkedTxn", "LineEx", "Description", "DetailType"})


@dataclass(frozen=True)
class _Side:
    """What one kind of payment may link to."""

    pays: str
    uses: str
    party: str
    known: frozenset[str]
    """Types that QuickBooks has besides, and that are not modelled."""


_SIDES = {
    "Payment": _Side(
        "Invoice",
        "CreditMemo",
        "CustomerRef",
        frozenset({"JournalEntry", "Expense", "Check", "CreditCardCredit", "SalesReceipt"}),
    ),
    "BillPayment": _Side(
        "Bill", "VendorCredit", "VendorRef", frozenset({"JournalEntry", "Deposit"})
    ),
}


def payment(books: Books, body: Json, old: Row | None) -> Json:
    """A customer's payment, checked."""
    kept = header(books, "Payment", body, old)
    kept["PaymentRefNum"] = text(body, "PaymentRefNum", _NUMBER)
    code = kept["CurrencyRef"]["value"]
    kept["ARAccountRef"] = control_account(books, body, "ARAccountRef", "Receivable", code)
    kept["PaymentMethodRef"] = books.refer("PaymentMethod", body, "PaymentMethodRef")
    kept["DepositToAccountRef"] = _account(
        books, body, "DepositToAccountRef", {"Bank", "Other Current Asset"}
    ) or _undeposited(books)
    kept["TotalAmt"] = total = _total(body)
    kept["Line"], left = _lines(books, "Payment", kept, body, old)
    if total + left < 0:
        raise answers.business("The amount applied is larger than the amount of the payment.")
    return kept


def bill_payment(books: Books, body: Json, old: Row | None, *, duplicates: bool) -> Json:
    """A payment to a vendor, checked."""
    kept = header(books, "BillPayment", body, old)
    kept["DocNumber"] = number_of(books, "BillPayment", body, old, duplicates=duplicates)
    code = kept["CurrencyRef"]["value"]
    kept["APAccountRef"] = control_account(books, body, "APAccountRef", "Payable", code)
    kept |= _paid_from(books, body)
    kept["TotalAmt"] = total = _total(body)
    kept["Line"], left = _lines(books, "BillPayment", kept, body, old)
    if total + left < 0:
        raise answers.business("The amount applied is larger than the amount of the payment.")
    return kept


def surplus(body: Json) -> Decimal:
    """What a bill payment pays beyond its lines."""
    left: Decimal = body["TotalAmt"]
    for line in body["Line"]:
        for link in line["LinkedTxn"]:
            left += line["Amount"] if link["TxnType"] == "VendorCredit" else -line["Amount"]
    return left


def surplus_credits(books: Books, row: Row, wanted: Decimal) -> list[Row]:
    """The vendor credits that stand for what a bill payment paid too much, if they must change.

    Raises:
        Refused: One has been used, so that it can be neither changed nor taken away.
    """
    mine = [one for one in books.rows("VendorCredit") if one.surplus_of == row.id]
    changing = [one for one in mine if one.body["TotalAmt"] != wanted]
    if any(books.links(one.key) for one in changing):
        raise answers.business("The vendor credit of this payment has been used already.")
    return changing


def settle_surplus(books: Books, row: Row, wanted: Decimal) -> None:
    """Keep the vendor credit that stands for what a bill payment paid too much."""
    for one in surplus_credits(books, row, wanted):
        books.remove(one)
    if not wanted or any(one.surplus_of == row.id for one in books.rows("VendorCredit")):
        return
    same = ("VendorRef", "TxnDate", "CurrencyRef", "ExchangeRate", "APAccountRef")
    line = {
        "Id": "1",
        "LineNum": 1,
        "Amount": wanted,
        "DetailType": "AccountBasedExpenseLineDetail",
        "AccountBasedExpenseLineDetail": {"AccountRef": row.body["APAccountRef"]},
    }
    copied = {name: row.body[name] for name in same}
    made = books.add("VendorCredit", {**copied, "Line": [line], "TotalAmt": wanted})
    made.surplus_of = row.id


def _total(body: Json) -> Decimal:
    total = amount(body, "TotalAmt")
    if total is None:
        raise answers.missing("TotalAmt")
    if total < 0:
        raise answers.business("Transaction amount must be 0 or greater.")
    return total


def _account(books: Books, body: Json, name: str, kinds: set[str]) -> Json | None:
    row = books.reference("Account", body, name)
    if row is None:
        return None
    if row.body["AccountType"] not in kinds:
        wanted = " or ".join(sorted(kinds))
        raise answers.business(f"{name} must be an account of type {wanted}.")
    return {"value": row.id, "name": row.body["Name"]}


def _undeposited(books: Books) -> Json:
    for row in books.rows("Account"):
        if row.body.get("AccountSubType") == "UndepositedFunds":
            return {"value": row.id, "name": row.body["Name"]}
    raise answers.missing("DepositToAccountRef")


def _paid_from(books: Books, body: Json) -> Json:
    kind = text(body, "PayType", 20)
    if kind is None:
        raise answers.missing("PayType")
    if kind not in {"Check", "CreditCard"}:
        raise answers.invalid("PayType", kind)
    part, member, account = (
        ("CheckPayment", "BankAccountRef", "Bank")
        if kind == "Check"
        else ("CreditCardPayment", "CCAccountRef", "Credit Card")
    )
    given = mapping(body, part)
    for name in given.keys() - {member, "PrintStatus"}:
        raise answers.unsupported(f"{part}.{name}")
    found = _account(books, given, member, {account})
    if found is None:
        raise answers.missing(f"{part}.{member}")
    other = "CreditCardPayment" if kind == "Check" else "CheckPayment"
    return {"PayType": kind, part: {**given, member: found}, other: None}


def _lines(
    books: Books, entity: str, kept: Json, body: Json, old: Row | None
) -> tuple[list[Json], Decimal]:
    """The lines, and what the credits among them give beyond (or short of) what is paid."""
    found: list[Json] = []
    left = ZERO
    room: dict[tuple[str, str], Decimal] = {}
    for line in objects(body, "Line"):
        for name in line.keys() - _LINE:
            raise answers.unsupported(f"Line.{name}")
        row = _linked(books, entity, kept, line)
        said = amount(line, "Amount")
        if said is None:
            raise answers.missing("Line.Amount")
        if said <= 0:
            raise answers.business("The amount of a line must be greater than 0.")
        open_now = room.setdefault(row.key, books.open_of(row, without=old.key if old else None))
        if said > open_now:
            if books.rules.over_applying == "refused" or row.entity != _SIDES[entity].pays:
                raise answers.business(
                    f"You cannot apply {said} to {row.entity} {row.id}: {open_now} is open."
                )
            said = open_now
        if not said:
            continue
        room[row.key] -= said
        left += said if row.entity == _SIDES[entity].uses else -said
        found.append({"Amount": said, "LinkedTxn": [{"TxnId": row.id, "TxnType": row.entity}]})
    uses = sum(
        (one["Amount"] for one in found if one["LinkedTxn"][0]["TxnType"] == _SIDES[entity].uses),
        ZERO,
    )
    if left > 0 and uses:
        raise answers.business("The credits applied are larger than what they are applied to.")
    return found, left


def _linked(books: Books, entity: str, kept: Json, line: Json) -> Row:
    side = _SIDES[entity]
    links = objects(line, "LinkedTxn")
    if len(links) != 1:
        raise (
            answers.missing("Line.LinkedTxn")
            if not links
            else answers.not_modelled("several LinkedTxn in one line")
        )
    kind, row_id = text(links[0], "TxnType", 50), text(links[0], "TxnId", 50)
    if kind in side.known:
        raise answers.not_modelled(f"a {entity} of a {kind}")
    if kind is None or kind not in {side.pays, side.uses}:
        raise answers.invalid("LinkedTxn.TxnType", kind)
    row = books.find(kind, row_id)
    if row is None:
        raise answers.gone()
    if row.voided:
        raise answers.business(f"{kind} {row_id} is void and cannot be linked.")
    if row.body[side.party]["value"] != id_in(kept, side.party):
        raise answers.business(f"{kind} {row_id} does not belong to the name of this payment.")
    return row
