"""Matching ("lettrage"): lines of a third party that offset each other share a `matchId`.

It follows from settlements and from what people do in the product; the API cannot write it.
"""

import string
from collections.abc import Sequence
from decimal import Decimal

from connectors.sage_active.simulation.refusals import Row
from connectors.sage_active.simulation.store import Books

_TABLE = "accountingEntryPayments"


def match(books: Books, lines: Sequence[Row]) -> str:
    """Match lines with each other and with all they were matched with; returns the `matchId`."""
    together = {line["id"]: line for line in lines}
    known: list[Row] = []
    for line in lines:
        if payment := books.find(_TABLE, line["accountingEntryPaymentId"]):
            known += books.children(_TABLE, "matchId", payment["matchId"])
    for payment in known:
        line_id = payment["accountingEntryLineId"]
        together[line_id] = books.get("accountingEntryLines", line_id)
    match_id = known[0]["matchId"] if known else books.new_id()
    letter = known[0]["matchingLetter"] if known else _next_letter(books)
    write(books, list(together.values()), match_id, letter)
    return str(match_id)


def write(books: Books, lines: Sequence[Row], match_id: str, letter: str) -> None:
    """Say of lines that they are matched: in full when they balance, else in part."""
    total = sum((line["debitAmount"] - line["creditAmount"] for line in lines), Decimal(0))
    fields: Row = {
        "matching": "PARTIAL_MATCH" if total else "FULL_MATCH",
        "matchingLetter": letter.lower() if total else letter.upper(),
        "matchId": match_id,
    }
    for line in lines:
        payment = books.find(_TABLE, line["accountingEntryPaymentId"])
        if payment is None:
            payment = books.insert(_TABLE, accountingEntryLineId=line["id"], **fields)
            touch = books.rules.children_touch_parents
            books.change(
                "accountingEntryLines",
                line,
                touch=touch,
                accountingEntryPaymentId=payment["id"],
            )
            if touch:
                entry = books.get("accountingEntries", line["accountingEntryId"])
                books.change("accountingEntries", entry)
        else:
            books.change(_TABLE, payment, **fields)


def unmatch(books: Books, line: Row) -> None:
    """Take a line out of its group; what is left of a group of one is nothing."""
    payment = books.find(_TABLE, line["accountingEntryPaymentId"])
    if payment is None:
        return
    rest = [
        one
        for one in books.children(_TABLE, "matchId", payment["matchId"])
        if one["id"] != payment["id"]
    ]
    for gone in [payment] if len(rest) > 1 else [payment, *rest]:
        other = books.get("accountingEntryLines", gone["accountingEntryLineId"])
        books.remove(_TABLE, gone)
        books.change("accountingEntryLines", other, touch=False, accountingEntryPaymentId=None)
    if len(rest) > 1:
        lines = [books.get("accountingEntryLines", one["accountingEntryLineId"]) for one in rest]
        write(books, lines, payment["matchId"], payment["matchingLetter"])


def _next_letter(books: Books) -> str:
    """Letters are reused: the `matchId` is what identifies a group."""
    return string.ascii_uppercase[(books.count("letter") - 1) % 26]
