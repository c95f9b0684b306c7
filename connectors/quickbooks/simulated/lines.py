"""Lines of documents: what is sent, checked and completed to what is kept.

A sales line names an item; without one it is text, and its amount is lost without a word, as
integrators have seen. Lines are replaced as a list; ids that were there stay with their lines.
"""

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from connectors.quickbooks.simulated import answers, taxes
from connectors.quickbooks.simulated.answers import Json, Refused
from connectors.quickbooks.simulated.books import Books
from connectors.quickbooks.simulated.entities import words
from connectors.quickbooks.simulated.taxes import Share
from connectors.quickbooks.simulated.values import (
    ZERO,
    amount,
    cents,
    flag,
    id_in,
    mapping,
    number,
    objects,
    text,
)

_KINDS = {
    True: {"SalesItemLineDetail", "DiscountLineDetail", "DescriptionOnly", "SubTotalLineDetail"},
    False: {"AccountBasedExpenseLineDetail", "ItemBasedExpenseLineDetail", "DescriptionOnly"},
}
_LINE = words(
    "Id LineNum Description Amount DetailType LinkedTxn CustomField DescriptionLineDetail "
    "SalesItemLineDetail DiscountLineDetail SubTotalLineDetail AccountBasedExpenseLineDetail "
    "ItemBasedExpenseLineDetail"
)
_DETAIL = words(
    "ItemRef ItemAccountRef AccountRef TaxCodeRef TaxAmount TaxInclusiveAmt Qty UnitPrice "
    "ServiceDate ClassRef CustomerRef BillableStatus DiscountRate DiscountAmt MarkupInfo "
    "PercentBased DiscountPercent DiscountAccountRef TaxClassificationRef"
)
_MOST_TAXED, _MOST = 750, 10_000
_TEXT = 4000


@dataclass
class Read:
    """The lines of one document, read."""

    kept: list[Json] = field(default_factory=list)
    shares: list[Share] = field(default_factory=list)
    net: Decimal = ZERO
    taxable: Decimal = ZERO
    """In the US: the sum of what is marked TAX."""


class LineReader:
    """Reads the lines of one document."""

    def __init__(self, books: Books, *, sales: bool, mode: str, on: dt.date) -> None:
        self._books = books
        self._sales = sales
        self._mode = mode
        self._on = on
        self._read = Read()

    def read(self, body: Json, before: list[Json]) -> Read:
        """Check and complete the lines of a body; `before` are those that it replaces."""
        given = [
            line for line in objects(body, "Line") if line.get("DetailType") != "SubTotalLineDetail"
        ]
        if not given:
            raise answers.missing("Line")
        taken = {line["Id"] for line in before}
        for line in given:
            self._one(line, taken)
        self._discount()
        if len(given) > (_MOST_TAXED if self._read.shares else _MOST):
            raise answers.business("There are too many lines in this transaction.")
        return self._numbered(taken)

    def _numbered(self, taken: set[str]) -> Read:
        used = {line["Id"] for line in self._read.kept if line["Id"]}
        following = max((int(one) for one in taken | used), default=0) + 1
        for place, line in enumerate(self._read.kept, 1):
            line["LineNum"] = place
            if not line["Id"]:
                line["Id"], following = str(following), following + 1
        if len({line["Id"] for line in self._read.kept}) < len(self._read.kept):
            raise answers.invalid("Line.Id", "the same id twice")
        return self._read

    def _one(self, line: Json, taken: set[str]) -> None:
        for name in line.keys() - _LINE:
            raise answers.unsupported(f"Line.{name}")
        kind = text(line, "DetailType", 100)
        if kind is None:
            raise answers.missing("Line.DetailType")
        if kind not in _KINDS[self._sales]:
            raise answers.invalid("Line.DetailType", kind)
        detail = mapping(line, kind) if kind != "DescriptionOnly" else {}
        for name in detail.keys() - _DETAIL:
            raise answers.unsupported(f"{kind}.{name}")
        kept: Json = {
            # An id that no line has is taken for a new line.
            "Id": line["Id"] if line.get("Id") in taken else None,
            "Description": text(line, "Description", _TEXT),
        }
        if kind == "DescriptionOnly" or (
            kind == "SalesItemLineDetail" and id_in(detail, "ItemRef") is None
        ):
            kept |= {"DetailType": "DescriptionOnly", "DescriptionLineDetail": {}}
        else:
            said = amount(line, "Amount")
            if said is None and kind != "DiscountLineDetail":
                raise answers.missing("Line.Amount")
            kept |= {"Amount": said, "DetailType": kind, kind: self._detail(kind, detail)}
            if kind != "DiscountLineDetail":
                self._count(kept, kept[kind], line)
        self._read.kept.append(_without_nothing(kept))

    def _detail(self, kind: str, detail: Json) -> Json:
        books = self._books
        kept = {
            "Qty": number(detail, "Qty"),
            "UnitPrice": number(detail, "UnitPrice"),
            "TaxInclusiveAmt": amount(detail, "TaxInclusiveAmt"),
            "CustomerRef": books.refer("Customer", detail, "CustomerRef"),
            "ServiceDate": detail.get("ServiceDate"),
            "BillableStatus": detail.get("BillableStatus"),
        }
        for name in (
            "ClassRef",
            "TaxClassificationRef",
            "MarkupInfo",
            "DiscountRate",
            "DiscountAmt",
        ):
            if detail.get(name) is not None:
                raise answers.not_modelled(f"{kind}.{name}")
        if kind == "DiscountLineDetail":
            return {
                "PercentBased": flag(detail, "PercentBased", False),
                "DiscountPercent": number(detail, "DiscountPercent"),
                "DiscountAccountRef": books.refer("Account", detail, "DiscountAccountRef"),
            }
        if kind == "AccountBasedExpenseLineDetail":
            kept["AccountRef"] = books.refer("Account", detail, "AccountRef", required=True)
        else:
            item = books.reference("Item", detail, "ItemRef", required=True)
            account = "IncomeAccountRef" if self._sales else "ExpenseAccountRef"
            if item is None or not item.body.get(account):
                raise answers.business("This item cannot be used here: it has no account for it.")
            kept["ItemRef"] = {"value": item.id, "name": item.body["Name"]}
            kept["ItemAccountRef"] = item.body[account]
        code = taxes.line_code(books, detail, self._mode, sales=self._sales)
        if code is None and books.american:
            code = "NON"
        kept["TaxCodeRef"] = {"value": code} if code else None
        return _without_nothing(kept)

    def _count(self, kept: Json, detail: Json, line: Json) -> None:
        """Add a line to the sums; what includes its tax is kept without it."""
        said: Decimal = kept["Amount"]
        code = detail.get("TaxCodeRef", {}).get("value")
        inclusive = self._mode == taxes.INCLUSIVE and code is not None
        if inclusive:
            gross = detail.get("TaxInclusiveAmt", said)
            said = taxes.net_of(self._books, gross, code, sales=self._sales, on=self._on)
            kept["Amount"], detail["TaxInclusiveAmt"] = said, gross
        else:
            detail.pop("TaxInclusiveAmt", None)
            _must_multiply(said, detail, line)
        self._read.net += said
        if self._books.american:
            self._read.taxable += said if code == "TAX" else ZERO
        elif code and self._mode != taxes.NONE:
            self._read.shares.append(Share(code, said))

    def _discount(self) -> None:
        """Take discount lines off, from every share in proportion."""
        read = self._read
        for line in read.kept:
            if line["DetailType"] != "DiscountLineDetail":
                continue
            if self._mode == taxes.INCLUSIVE:
                raise answers.not_modelled("a discount on amounts that include tax")
            detail = line["DiscountLineDetail"]
            if detail["PercentBased"]:
                off = cents(read.net * (detail.get("DiscountPercent") or ZERO) / 100)
            else:
                off = line.get("Amount") or ZERO
            line["Amount"] = off
            if read.net:
                share = off / read.net
                read.shares = [Share(one.code, one.net - one.net * share) for one in read.shares]
                read.taxable -= cents(read.taxable * share)
            read.net -= off


def _must_multiply(said: Decimal, detail: Json, line: Json) -> None:
    quantity, price = detail.get("Qty"), detail.get("UnitPrice")
    if quantity is not None and price is not None and cents(quantity * price) != said:
        text_of = f"Amount is not equal to UnitPrice * Qty. Supplied value:{line.get('Amount')}"
        raise Refused("6070", "Amount calculation incorrect in the request", text_of)


def _without_nothing(body: Json) -> dict[str, Any]:
    return {name: part for name, part in body.items() if part is not None or name == "Id"}
