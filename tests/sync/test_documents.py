"""Handing documents in: what is refused, and with which words."""

import json
from typing import Any

import pytest

from sync.documents import DocumentProblemError, Imported, import_lines, parse
from tests.factories import Bench, a_contact, a_payment, an_entry, an_invoice


def as_json(record: Any, **changes: Any) -> str:
    """A document as a product hands it in."""
    values = json.loads(record.model_dump_json()) | changes
    return json.dumps({name: value for name, value in values.items() if value is not None})


_ONE = {"document_type": "invoice", "document_id": "I-1", "amount": "1"}
_DEBIT = {"account_id": "1", "debit": "5"}
_BOTH = {"account_id": "1", "debit": "5", "credit": "5"}


class TestParse:
    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            ("{", "it is not JSON"),
            ("[1]", "it is not a JSON object"),
            ("[" * 100_000, "it is not JSON"),
            ('{"id": "1"}', "type: it is missing; known are contact"),
            ('{"type": "car", "id": "1"}', "type: 'car' is not known; known are contact"),
            ('{"type": "contact", "id": "1"}', "name: Field required"),
            ('{"type": "contact", "id": "1", "nme": "x"}', "nme: Extra inputs"),
            (as_json(an_invoice(), total="119.00"), "total: 119.00 EUR is stated, but net total"),
            (as_json(an_invoice(), net_total="99.00"), "net_total: 99.00 EUR is stated, but lines"),
            (as_json(an_invoice(), tax_total="19.00"), "tax_total: 19.00 EUR is stated, but the"),
            (as_json(an_invoice(), payable_amount="1"), "payable_amount: 1.00 EUR is stated"),
            (as_json(an_invoice(), line_total="1"), "line_total: 1.00 EUR is stated"),
            (as_json(an_invoice(), currency="EUX"), "currency: 'EUX' is not a currency"),
            (as_json(an_invoice(), total="NaN"), "total: "),
            ('{"type": "payment", "id": "1", "amount": NaN}', "NaN is no number"),
            (as_json(an_invoice(), total="1" * 30), "total: "),
            (as_json(an_invoice(), status="paid"), "status: 'paid' cannot be stated"),
            (as_json(an_invoice(), status="odd"), "status: 'odd' is not one of draft, open, void"),
            (as_json(an_invoice(), lines=[]), "lines: a document needs at least one line"),
            (as_json(an_invoice(), issue_date="soon"), "issue_date: "),
            (as_json(a_payment(), amount="100.00"), "allocations: 120.00 EUR is allocated"),
            (as_json(a_payment(), amount="0"), "amount: "),
            (
                as_json(a_payment(pays={"I-1": "1"}), allocations=2 * [_ONE]),
                "allocations: invoice I-1 is named more than once",
            ),
            (as_json(an_entry(), lines=[_DEBIT, _DEBIT]), "lines: debits are 10.00 EUR, credits"),
            (as_json(an_entry(), lines=[_BOTH, _BOTH]), "lines[0]: exactly one of debit and"),
            (as_json(an_entry(), lines=[_DEBIT]), "lines: an entry needs at least two lines"),
        ],
    )
    def test_a_refusal_names_the_field_and_the_reason(self, line: str, reason: str) -> None:
        with pytest.raises(DocumentProblemError) as refused:
            parse(line)

        assert reason in str(refused.value)

    def test_amounts_keep_every_digit(self) -> None:
        amount = "123456789012345.6789"
        lines = [{"account_id": "1", "debit": 0}, {"account_id": "2", "credit": 0}]
        text = as_json(an_entry(), lines=lines).replace(": 0", f": {amount}")

        assert str(parse(text).lines[0].debit) == amount  # type: ignore[union-attr]

    def test_price_times_quantity_need_not_be_the_lines_amount(self) -> None:
        values = json.loads(as_json(an_invoice()))
        values["lines"][0] |= {"quantity": "3", "unit_price": "33.33333333"}

        assert parse(json.dumps(values)).lines[0].net_amount == 100  # type: ignore[union-attr]


class TestImport:
    def test_bad_lines_are_reported_and_the_others_go_in(self, bench: Bench) -> None:
        lines = [
            as_json(a_contact()),
            "{",
            "",
            as_json(an_invoice(), total="1"),
            as_json(an_invoice()),
        ]

        result = imported(bench, lines)

        assert (result.created, [one.line for one in result.refused]) == (2, [2, 4])
        assert result.refused[1].what == "invoice I-1"

    def test_the_same_file_again_changes_nothing(self, bench: Bench) -> None:
        lines = [as_json(a_contact()), as_json(an_invoice())]
        imported(bench, lines)

        again = imported(bench, lines)

        assert (again.created, again.changed, again.unchanged) == (0, 0, 2)

    def test_a_line_given_twice_counts_once(self, bench: Bench) -> None:
        result = imported(bench, [as_json(a_contact()), as_json(a_contact())])

        assert (result.created, result.repeated) == (1, [(2, 1, "contact C-1")])

    def test_the_same_id_with_other_content_is_refused(self, bench: Bench) -> None:
        result = imported(bench, [as_json(a_contact()), as_json(a_contact(name="Other"))])

        assert [(one.line, one.reason) for one in result.refused] == [
            (2, "line 1 has the same id with other content")
        ]

    def test_numbers_written_differently_are_the_same_content(self, bench: Bench) -> None:
        imported(bench, [as_json(an_invoice())])
        values = json.loads(as_json(an_invoice()))
        values["total"] = "120.0000"

        again = imported(bench, [json.dumps(values)])

        assert again.unchanged == 1


def imported(bench: Bench, lines: list[str]) -> Imported:
    """The result of an import."""
    *_, result = import_lines(bench.engine, bench.entity_id, lines)
    return result
