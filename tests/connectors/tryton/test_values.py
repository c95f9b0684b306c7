"""Canonical documents as Tryton's values: what is computed before anything is sent."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from connectors.errors import Rejected
from connectors.tryton.books import Books
from connectors.tryton.values import booked, tax_rows, tryton_id
from models.canonical import AllowanceCharge, TaxSubtotal
from models.canonical.money import plain
from tests.connectors.tryton.bench import Bench

Line = tuple[str, str, str]  # quantity, price, net amount


@pytest.fixture
def books(bench: Bench) -> Books:
    """The reference data of the real ledger."""
    return bench.connector()._books


class TestLines:
    @pytest.mark.parametrize(
        ("line", "quantity", "price"),
        [
            (("3", "33.33", "99.99"), "3", "33.33"),
            (("3", "33.3333", "100.00"), "3", "33.3333"),
            (("3", "33.3333", "99.99"), "1", "99.99"),  # truncated, not rounded
            (("-2", "10", "-20"), "-2", "10"),
            (("2", "-10", "-20"), "2", "-10"),
            (("2", "10", "-20"), "-1", "20"),  # a sign that does not fit
            (("0.1", "100", "10"), "0.1", "100"),
            (("1", "0.12345", "0.12"), "1", "0.12"),  # five decimals
            (("1", "0.125", "0.12"), "1", "0.125"),  # half to even, as Tryton rounds
            (("1", "0.125", "0.13"), "1", "0.13"),  # half up, as the document does
            # More digits than Tryton's binary fractions hold:
            (("12345678901.123456789", "1", "12345678901.12"), "1", "12345678901.12"),
            (("5", "0", "0"), "5", "0"),
            (("5", "10", "0"), "1", "0"),  # free of charge
        ],
    )
    def test_line_is_booked_so_that_the_stated_amount_comes_out(
        self, bench: Bench, books: Books, line: Line, quantity: str, price: str
    ) -> None:
        net = Decimal(line[2])
        document = bench.invoice(
            contact_id="1",
            lines=[bench.line(str(net), None, quantity=line[0], unit_price=line[1])],
        )

        (made,) = booked(document, books).lines

        assert (made.quantity, made.unit_price) == (Decimal(quantity), Decimal(price))
        assert books.rounded(made.quantity * made.unit_price, "EUR") == net == made.amount

    def test_price_of_a_base_quantity_is_understood(self, bench: Bench, books: Books) -> None:
        line = bench.line(
            "25.00", quantity=Decimal(500), unit_price=5, price_base_quantity=Decimal(100)
        )

        made = booked(bench.invoice(contact_id="1", lines=[line]), books)

        assert (made.lines[0].unit_price, made.notes) == (Decimal("0.05"), ())

    def test_notes_say_why_a_line_is_not_booked_as_it_is_stated(
        self, bench: Bench, books: Books
    ) -> None:
        fine = bench.line("12.35", quantity=Decimal(1000), unit_price=Decimal("0.012345"))
        odd = bench.line("10.00", quantity=Decimal(3), unit_price=7, price_base_quantity=2)

        made = booked(bench.invoice(contact_id="1", lines=[fine, odd]), books)

        first, second = made.notes
        assert first.startswith("line 1 is booked as 1 × 12.35 EUR: 1000 × 0.012345 has more")
        assert second.startswith("line 2 is booked as 1 × 10.00 EUR: 3 × 7 per 2 does not give")

    def test_what_was_prepaid_is_said_in_a_note(self, bench: Bench, books: Books) -> None:
        document = bench.invoice(contact_id="1", prepaid_amount="20.00", payable_amount="100.00")

        assert booked(document, books).notes == (
            "Tryton keeps the total of 120.00 EUR, not the payable amount of 100.00 EUR",
        )

    def test_rounding_that_no_sum_of_cents_explains_is_left_to_be_refused(
        self, bench: Bench, books: Books
    ) -> None:
        document = bench.invoice(contact_id="1", net_total="105.00", total="125.00")

        (made,) = booked(document, books).lines

        assert made.amount == Decimal(100)


class TestTaxRows:
    def rows(self, bench: Bench, books: Books, **fields: Any) -> list[tuple[str, str]]:
        build: Callable[..., Any] = fields.pop("build", bench.invoice)
        document = build(contact_id="1", **fields)
        rows = tax_rows(document, booked(document, books).lines, books)
        return [(plain(row["base"]), plain(row["amount"])) for row in rows]

    def test_row_has_the_stated_tax(self, bench: Bench, books: Books) -> None:
        part = TaxSubtotal(
            taxable_amount=Decimal(100), tax_amount=Decimal("20.02"), rate=Decimal(20)
        )

        assert self.rows(bench, books, tax_breakdown=(part,)) == [("100", "20.02")]

    def test_credit_notes_rows_are_below_zero(self, bench: Bench, books: Books) -> None:
        assert self.rows(bench, books, build=bench.credit_note) == [("-100", "-20")]

    def test_lines_on_both_sides_of_zero_have_a_row_each(self, bench: Bench, books: Books) -> None:
        part = TaxSubtotal(
            taxable_amount=Decimal(90), tax_amount=Decimal("18.03"), rate=Decimal(20)
        )
        lines = [bench.line("100.00"), bench.line("-10.00")]

        rows = self.rows(bench, books, lines=lines, tax_breakdown=(part,))

        assert rows == [("100", "20.03"), ("-10", "-2")]

    def test_document_that_states_only_the_sum_gives_it_to_its_only_rate(
        self, bench: Bench, books: Books
    ) -> None:
        rows = self.rows(bench, books, tax_breakdown=(), tax_total="20.01", total="120.01")

        assert rows == [("100", "20.01")]

    def test_rates_that_are_not_all_stated_are_left_to_tryton(
        self, bench: Bench, books: Books
    ) -> None:
        part = TaxSubtotal(taxable_amount=Decimal(100), tax_amount=Decimal(20), rate=Decimal(20))
        lines = [bench.line("100.00"), bench.line("10.00", "5.5")]

        assert self.rows(bench, books, lines=lines, tax_breakdown=(part,)) == []

    def test_tax_with_components_is_left_to_tryton(self, bench: Bench, books: Books) -> None:
        tax = books.taxes[int(bench.vat["20"])]
        split = tax.model_copy(update={"childs": (tax,)})
        books.taxes[tax.id] = split
        try:
            assert self.rows(bench, books) == []
        finally:
            books.taxes[tax.id] = tax

    def test_allowance_without_tax_touches_no_row(self, bench: Bench, books: Books) -> None:
        part = AllowanceCharge(kind="allowance", amount=Decimal(10), account_id=bench.sales)

        assert self.rows(bench, books, allowances_charges=(part,)) == [("100", "20")]


@pytest.mark.parametrize("text", ["", "abc", "-1", "1.0"])
def test_what_is_no_id_of_trytons_is_refused(text: str) -> None:
    with pytest.raises(Rejected):
        tryton_id(text, "account")
