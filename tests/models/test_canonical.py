"""Canonical records: exact money, stable content, EN 16931's sums."""

import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.canonical import (
    Allocation,
    Contact,
    ContactRole,
    ObjectType,
    Payment,
    contradictions,
)
from models.canonical.money import CURRENCY_DIGITS, equal_to_the_cent, plain, rounded, shown
from models.ids import new_id
from tests.factories import a_contact, a_payment, an_invoice

AMOUNTS = st.decimals(min_value=-(10**14), max_value=10**14, places=4)


class TestMoney:
    @given(AMOUNTS)
    def test_amounts_survive_being_written_and_read(self, amount: Decimal) -> None:
        assert Decimal(plain(amount)) == amount

    @given(AMOUNTS)
    def test_one_value_has_one_text(self, amount: Decimal) -> None:
        assert plain(amount) == plain(amount.quantize(Decimal("0.000000")))

    @pytest.mark.parametrize(
        ("amount", "currency", "result"),
        [("1.005", "EUR", "1.01"), ("1.5", "JPY", "2"), ("1.0005", "KWD", "1.001")],
    )
    def test_rounding_is_half_up_to_the_currencys_own_cent(
        self, amount: str, currency: str, result: str
    ) -> None:
        assert rounded(Decimal(amount), currency) == Decimal(result)

    def test_equality_is_to_the_cent(self) -> None:
        assert equal_to_the_cent(Decimal("1.001"), Decimal("1.00"), "EUR")
        assert not equal_to_the_cent(Decimal("1.001"), Decimal("1.00"), "KWD")

    def test_people_see_the_digits_that_matter(self) -> None:
        assert shown(Decimal("1234.5"), "EUR") == "1,234.50 EUR"
        assert shown(Decimal("0.123"), "EUR") == "0.123 EUR"
        assert shown(Decimal(5000), "JPY") == "5,000 JPY"

    def test_the_currencies_are_those_of_iso_4217(self) -> None:
        assert len(CURRENCY_DIGITS) > 150
        assert "XXX" not in CURRENCY_DIGITS


class TestContentHash:
    def test_how_a_number_is_written_does_not_matter(self) -> None:
        one = an_invoice(total=Decimal("120.0"))
        other = an_invoice(total=Decimal("120.0000"))

        assert one.content_hash() == other.content_hash()

    def test_what_the_ledger_computes_does_not_matter(self) -> None:
        assert an_invoice().content_hash() == an_invoice(balance=Decimal(7)).content_hash()

    def test_every_stated_amount_matters(self) -> None:
        assert an_invoice().content_hash() != an_invoice(prepaid_amount=Decimal(1)).content_hash()

    def test_the_order_of_roles_does_not_matter(self) -> None:
        both = [ContactRole.SUPPLIER, ContactRole.CUSTOMER]

        assert a_contact(roles=both).content_hash() == a_contact(roles=both[::-1]).content_hash()

    def test_it_is_the_same_in_every_process(self) -> None:
        code = (
            "from models.canonical import Contact; "
            "print(Contact(id='1', name='x', roles=('supplier', 'customer')).content_hash())"
        )

        hashes = {
            subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
            for _ in range(2)
        }

        own = Contact(id="1", name="x", roles=tuple(ContactRole)).content_hash()
        assert hashes == {f"{own}\n".encode()}


class TestSums:
    @given(st.lists(st.decimals("0.01", "9999.99", places=2), min_size=1, max_size=8))
    def test_a_document_whose_sums_hold_has_no_problems(self, amounts: list[Decimal]) -> None:
        net = sum(amounts, Decimal(0))
        line = an_invoice().lines[0]
        lines = tuple(
            line.model_copy(update={"net_amount": one, "tax_rate": None}) for one in amounts
        )

        invoice = an_invoice(lines=lines, net_total=net, tax_total=Decimal(0), total=net)

        assert contradictions(invoice) == []

    @given(st.decimals("0.01", "5.00", places=2))
    def test_a_cent_too_much_is_noticed(self, gap: Decimal) -> None:
        problems = contradictions(an_invoice(total=Decimal("120.00") + gap))

        assert [problem.field for problem in problems] == ["total"]

    def test_less_than_a_cent_is_not(self) -> None:
        assert contradictions(an_invoice(total=Decimal("120.004"))) == []


class TestPayments:
    def payment(self, amount: str, *parts: tuple[str, str], **fields: Any) -> Payment:
        allocations = [
            Allocation.model_validate({"document_type": kind, "document_id": kind, "amount": part})
            for kind, part in parts
        ]
        return a_payment(amount=amount, pays={}, allocations=tuple(allocations), **fields)

    @pytest.mark.parametrize(
        ("amount", "credit", "left"), [("60", "40", "0"), ("0", "100", "0"), ("70", "40", "10")]
    )
    def test_the_credit_of_a_note_pays_for_documents(
        self, amount: str, credit: str, left: str
    ) -> None:
        payment = self.payment(amount, ("invoice", "100"), ("credit_note", credit))

        assert payment.unallocated == Decimal(left)
        assert not contradictions(payment)

    def test_more_than_amount_and_credit_cannot_be_allocated(self) -> None:
        (problem,) = contradictions(self.payment("50", ("invoice", "100"), ("credit_note", "40")))

        assert str(problem) == (
            "allocations: 100.00 EUR is allocated, but the payment is only 50.00 EUR and 40.00 EUR "
            "of credit"
        )

    def test_a_payment_of_nothing_uses_up_credit_or_is_refused(self) -> None:
        assert [one.field for one in contradictions(self.payment("0"))] == ["amount"]

    def test_a_refund_gives_back_a_credit_notes_money(self) -> None:
        refund = self.payment("60", ("credit_note", "40"), refund=True)

        assert refund.unallocated == Decimal(20)
        assert not contradictions(refund)

    def test_a_refund_of_anything_else_is_refused(self) -> None:
        (problem,) = contradictions(self.payment("60", ("invoice", "60"), refund=True))

        assert problem.field == "allocations"


def test_types_are_found_by_any_of_their_names() -> None:
    for name in ("tax_rate", "tax_rates", "tax-rates", "Tax_Rate"):
        assert ObjectType.named(name) is ObjectType.TAX_RATE
    with pytest.raises(ValueError, match="known are contacts"):
        ObjectType.named("cars")


def test_ids_sort_by_the_time_they_were_made() -> None:
    ids = [new_id() for _ in range(50)]

    assert {one.version for one in ids} == {7}
    assert sorted(one.int >> 80 for one in ids) == [one.int >> 80 for one in ids]
