"""The plain ledger as a ledger: what it computes, refuses, freezes and remembers."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from connectors.memory.bench import DAY, a_line
from connectors.memory.rules import Refused
from connectors.memory.simulator import LedgerRules, Numbers, PlainLedger, TaxRounding
from models.canonical import (
    AllowanceCharge,
    CreditNote,
    Invoice,
    JournalEntry,
    ObjectType,
    Payment,
    Side,
)

if TYPE_CHECKING:
    from tests.connectors.memory.conftest import Workshops

INVOICE, BILL, CREDIT_NOTE = ObjectType.INVOICE, ObjectType.BILL, ObjectType.CREDIT_NOTE
CONTACT, PAYMENT, ENTRY = ObjectType.CONTACT, ObjectType.PAYMENT, ObjectType.JOURNAL_ENTRY


def refused_code(call: Callable[[], object]) -> str:
    with pytest.raises(Refused) as caught:
        call()
    return caught.value.code


class TestTotals:
    @pytest.mark.parametrize(
        ("rounding", "tax"),
        [(TaxRounding.PER_RATE, "5.54"), (TaxRounding.PER_LINE, "5.55")],
    )
    def test_tax_is_rounded_by_the_ledgers_own_rule(
        self, workshop: "Workshops", rounding: TaxRounding, tax: str
    ) -> None:
        shop = workshop(tax_rounding=rounding)

        invoice = shop.document(INVOICE, shop.entered(INVOICE))

        assert invoice.tax_total == Decimal(tax)
        assert invoice.total == invoice.balance == Decimal("100.05") + Decimal(tax)

    def test_allowances_and_charges_of_the_document_are_taxed(self, workshop: "Workshops") -> None:
        shop = workshop()
        parts = [("allowance", "10", "20"), ("charge", "4", "5.5")]
        extra = tuple(
            AllowanceCharge.model_validate({"kind": kind, "amount": net, "tax_rate": rate})
            for kind, net, rate in parts
        )

        changes = {"lines": (a_line("100", "20"),), "allowances_charges": extra}
        record = shop.document(INVOICE, shop.entered(INVOICE, **changes))

        assert (record.net_total, record.tax_total) == (Decimal(94), Decimal("18.22"))
        assert (record.allowance_total, record.charge_total) == (Decimal(10), Decimal(4))

    def test_what_was_prepaid_is_no_longer_open(self, workshop: "Workshops") -> None:
        shop = workshop()

        invoice = shop.entered(INVOICE, prepaid_amount=Decimal("5.59"))

        assert shop.ledger.get(INVOICE, invoice).balance == Decimal(100)

    def test_less_than_nothing_is_refused(self, workshop: "Workshops") -> None:
        shop = workshop()

        lines = (a_line("-5", "20"),)

        assert refused_code(lambda: shop.entered(INVOICE, lines=lines)) == "negative_total"

    def test_lines_must_be_exact_where_the_ledger_insists(self, workshop: "Workshops") -> None:
        shop = workshop(exact_lines=True)

        lines = (a_line("99.99", "20").model_copy(update={"quantity": Decimal(3)}),)

        assert refused_code(lambda: shop.entered(INVOICE, lines=lines)) == "line_differs"


class TestReferences:
    @pytest.mark.parametrize(
        ("kind", "changes", "code"),
        [
            (INVOICE, {"contact_id": "nobody"}, "unknown_contact"),
            (INVOICE, {"lines": [{"account_id": "1"}]}, "unknown_ledger_account"),
            (INVOICE, {"lines": [{"tax_rate_id": "vat-99"}]}, "unknown_tax_rate"),
            (INVOICE, {"lines": [{"tax_rate": "19", "tax_rate_id": None}]}, "unknown_tax_rate"),
            (INVOICE, {"lines": [{"item_id": "nothing"}]}, "unknown_item"),
            (CREDIT_NOTE, {"corrects": ("nothing",)}, "unknown_bill"),
            (PAYMENT, {"account_id": "1"}, "unknown_ledger_account"),
        ],
    )
    def test_what_the_ledger_does_not_know_is_refused(
        self, workshop: "Workshops", kind: ObjectType, changes: dict[str, Any], code: str
    ) -> None:
        shop = workshop()
        if "lines" in changes:
            plain = a_line("10", "20").model_dump()
            lines = [type(a_line("1", "20")).model_validate(plain | changes["lines"][0])]
            changes = {"lines": tuple(lines)}

        assert refused_code(lambda: shop.entered(kind, **changes)) == code

    def test_what_somebody_deleted_is_no_longer_known(self, workshop: "Workshops") -> None:
        shop = workshop()
        contact = shop.entered(CONTACT)
        shop.ledger.delete(CONTACT, contact)

        assert refused_code(lambda: shop.entered(INVOICE, contact_id=contact)) == "unknown_contact"


class TestPayments:
    def test_a_payment_lowers_the_balance_until_all_is_paid(self, workshop: "Workshops") -> None:
        shop = workshop()
        invoice = shop.entered(INVOICE)

        seen = []
        for amount in ("40.00", "65.59"):
            shop.ledger.enter(shop.payment_of(INVOICE, invoice, amount))
            entry = shop.ledger.get(INVOICE, invoice)
            seen.append((entry.status, entry.balance))

        assert seen == [("partially_paid", Decimal("65.59")), ("paid", Decimal(0))]

    def test_more_than_is_open_cannot_be_paid(self, workshop: "Workshops") -> None:
        shop = workshop()
        invoice = shop.entered(INVOICE)

        payment = shop.payment_of(INVOICE, invoice, "105.60")

        with pytest.raises(Refused, match=r"has 105\.59 EUR open, not 105\.60 EUR") as caught:
            shop.ledger.enter(payment)

        assert caught.value.code == "over_allocated"
        assert shop.ledger.get(INVOICE, invoice).status == "open"

    def test_more_than_the_payment_cannot_be_allocated(self, workshop: "Workshops") -> None:
        shop = workshop()
        payment = shop.payment_of(INVOICE, shop.entered(INVOICE), "50")

        smaller = payment.model_copy(update={"amount": Decimal(49)})

        assert refused_code(lambda: shop.ledger.enter(smaller)) == "over_allocated"

    def test_two_allocations_of_one_document_count_together(self, workshop: "Workshops") -> None:
        shop = workshop()
        payment = shop.payment_of(INVOICE, shop.entered(INVOICE), "60")
        twice = {"amount": Decimal(120), "allocations": payment.allocations * 2}

        assert (
            refused_code(lambda: shop.ledger.enter(payment.model_copy(update=twice)))
            == "over_allocated"
        )

    @pytest.mark.parametrize("undo", ["void", "delete"])
    def test_a_payment_that_is_undone_gives_the_balance_back(
        self, workshop: "Workshops", undo: str
    ) -> None:
        shop = workshop()
        invoice = shop.entered(INVOICE)
        payment = shop.ledger.pay(INVOICE, invoice)

        getattr(shop.ledger, undo)(PAYMENT, payment)

        entry = shop.ledger.get(INVOICE, invoice)
        assert (entry.status, entry.balance) == ("open", entry.total)

    def test_a_payment_is_undone_only_once(self, workshop: "Workshops") -> None:
        shop = workshop()
        invoice = shop.entered(INVOICE)
        payment = shop.ledger.pay(INVOICE, invoice)

        shop.ledger.void(PAYMENT, payment)
        shop.ledger.void(PAYMENT, payment)
        shop.ledger.delete(PAYMENT, payment)

        assert shop.ledger.get(INVOICE, invoice).paid == 0

    def test_a_document_with_payments_cannot_be_voided(self, workshop: "Workshops") -> None:
        shop = workshop()
        invoice = shop.entered(INVOICE)
        payment = shop.ledger.pay(INVOICE, invoice, Decimal(1))

        assert refused_code(lambda: shop.ledger.void(INVOICE, invoice)) == "has_payments"

        shop.ledger.void(PAYMENT, payment)
        shop.ledger.void(INVOICE, invoice)
        assert shop.ledger.get(INVOICE, invoice).balance == 0

    def test_void_documents_and_drafts_cannot_be_paid(self, workshop: "Workshops") -> None:
        shop = workshop()
        void, draft = shop.entered(INVOICE), shop.entered(INVOICE, status="draft")
        shop.ledger.void(INVOICE, void)

        for invoice in (void, draft):
            payment = shop.payment_of(INVOICE, invoice, "1")
            assert refused_code(partial(shop.ledger.enter, payment)) == "not_payable"

    def test_a_payment_is_in_the_currency_of_what_it_pays(self, workshop: "Workshops") -> None:
        shop = workshop()
        payment = shop.payment_of(INVOICE, shop.entered(INVOICE, currency="USD"), "1")

        assert refused_code(lambda: shop.ledger.enter(payment)) == "currency_differs"

    @pytest.mark.parametrize(
        ("kind", "side", "expected"),
        [
            (INVOICE, None, Side.CUSTOMER),
            (BILL, None, Side.SUPPLIER),
            (CREDIT_NOTE, Side.CUSTOMER, Side.CUSTOMER),
            (CREDIT_NOTE, Side.SUPPLIER, Side.SUPPLIER),
        ],
    )
    def test_somebody_can_pay_any_document(
        self, workshop: "Workshops", kind: ObjectType, side: Side | None, expected: Side
    ) -> None:
        shop = workshop()
        document = shop.entered(kind, **({"side": side} if side else {}))

        payment = shop.ledger.get(PAYMENT, shop.ledger.pay(kind, document)).record

        assert shop.ledger.get(kind, document).status == "paid"
        assert isinstance(payment, Payment)
        assert payment.side is expected


class TestPeriods:
    def test_nothing_changes_up_to_the_day_that_the_books_are_closed(
        self, workshop: "Workshops"
    ) -> None:
        shop = workshop()
        ids = {kind: shop.entered(kind) for kind in (INVOICE, BILL, CREDIT_NOTE, PAYMENT, ENTRY)}

        shop.ledger.change(closed_until=DAY)

        for kind, entry_id in ids.items():
            assert refused_code(partial(shop.ledger.void, kind, entry_id)) == "period_closed"
            if kind is not PAYMENT:
                assert refused_code(partial(shop.entered, kind)) == "period_closed"

    def test_the_refusal_names_the_dates(self, workshop: "Workshops") -> None:
        shop = workshop()

        with pytest.raises(Refused) as caught:
            shop.entered(INVOICE, issue_date=date(2026, 3, 31))

        assert "2026-03-31" in caught.value.message
        assert caught.value.words["period"] == "2026-03"

    def test_the_day_after_is_open(self, workshop: "Workshops") -> None:
        assert workshop().entered(INVOICE, issue_date=date(2026, 4, 1))


class TestNumbers:
    def test_the_ledger_counts_and_keeps_our_number_as_reference(
        self, workshop: "Workshops"
    ) -> None:
        shop = workshop()

        invoices = [shop.document(INVOICE, shop.entered(INVOICE, number="F1")) for _ in range(2)]

        assert [one.number for one in invoices] == ["INV-00001", "INV-00002"]
        assert invoices[0].reference == "F1"

    def test_our_numbers_are_taken_over_where_the_ledger_does_so(
        self, workshop: "Workshops"
    ) -> None:
        shop = workshop(numbers=Numbers.DOCUMENT)

        invoice = shop.document(INVOICE, shop.entered(INVOICE, number="F1"))

        assert (invoice.number, invoice.reference) == ("F1", None)
        assert refused_code(lambda: shop.entered(INVOICE, number="F1")) == "duplicate_number"

    def test_a_number_is_free_again_once_its_document_is_gone(self, workshop: "Workshops") -> None:
        shop = workshop(numbers=Numbers.DOCUMENT)
        shop.ledger.delete(INVOICE, shop.entered(INVOICE, number="F1"))

        assert shop.entered(INVOICE, number="F1")

    def test_a_number_is_free_again_once_its_document_has_another(
        self, workshop: "Workshops"
    ) -> None:
        shop = workshop(numbers=Numbers.DOCUMENT)
        invoice = shop.entered(INVOICE, number="F1")

        shop.ledger.edit(INVOICE, invoice, number="F2")

        assert shop.entered(INVOICE, number="F1")
        assert refused_code(lambda: shop.entered(INVOICE, number="F2")) == "duplicate_number"

    def test_two_suppliers_may_use_the_same_number(self, workshop: "Workshops") -> None:
        shop = workshop(numbers=Numbers.DOCUMENT)
        other = shop.entered(CONTACT)

        bills = [shop.entered(BILL, number="7"), shop.entered(BILL, number="7", contact_id=other)]

        assert {shop.ledger.get(BILL, bill).number for bill in bills} == {"7"}
        assert refused_code(lambda: shop.entered(BILL, number="7")) == "duplicate_number"


class TestPeople:
    def test_an_edit_changes_what_is_posted_and_its_version(self, workshop: "Workshops") -> None:
        shop = workshop(frozen_when_posted=True)
        invoice = shop.entered(INVOICE)

        entry = shop.ledger.edit(INVOICE, invoice, lines=(a_line("10", "20"),))

        assert (entry.total, entry.balance, entry.version) == (Decimal(12), Decimal(12), 2)
        assert entry.number == "INV-00001"

    def test_a_total_can_be_made_wrong_on_purpose(self, workshop: "Workshops") -> None:
        shop = workshop()

        entry = shop.ledger.edit(INVOICE, shop.entered(INVOICE), total=Decimal("99.99"))

        assert entry.total == Decimal("99.99")

    def test_a_journal_entry_must_balance(self, workshop: "Workshops") -> None:
        shop = workshop()
        sample = shop.bench.sample(ENTRY)
        assert isinstance(sample, JournalEntry)

        lines = sample.lines[:1]

        assert refused_code(lambda: shop.entered(ENTRY, lines=lines)) == "unbalanced"

    def test_the_judge_counts_markers_of_what_is_there(self, workshop: "Workshops") -> None:
        shop = workshop()
        kept = shop.ledger.enter(shop.bench.sample(INVOICE), marker="LB-1")
        gone = shop.ledger.enter(shop.bench.sample(INVOICE), marker="LB-2")
        shop.ledger.delete(INVOICE, gone)

        assert shop.ledger.counts(INVOICE) == {"LB-1": 1}
        assert shop.ledger.twice() == []

        shop.ledger.copy(INVOICE, kept)

        assert shop.ledger.twice() == [(INVOICE, "LB-1")]
        assert len(shop.ledger.documents(INVOICE, marker="LB-1")) == 2


class TestService:
    """What only shows on the wire."""

    def client(self, ledger: PlainLedger, key: str = "plain-ledger-key") -> httpx.Client:
        return httpx.Client(
            base_url="http://ledger",
            headers={"Authorization": f"Bearer {key}"},
            transport=ledger.transport(),
        )

    @pytest.mark.parametrize(
        ("path", "code"),
        [
            ("/organisation?x=1", "bad_query"),
            ("/invoices?since=2026", "bad_query"),
            ("/invoices?changed_after=yesterday", "bad_query"),
            ("/contacts?from=2026-01-01", "bad_query"),
            ("/invoices/nothing", "unknown_invoice"),
        ],
    )
    def test_what_is_not_described_is_refused(self, path: str, code: str) -> None:
        answer = self.client(PlainLedger()).get(path)

        assert answer.status_code in {400, 404}
        assert answer.json()["code"] == code

    @pytest.mark.parametrize(
        "path", ["/tax_rates", "/payments/update", "/contacts/void", "/payments/post"]
    )
    def test_what_is_not_modelled_cannot_be_written(self, path: str) -> None:
        assert self.client(PlainLedger()).post(path, json={"items": []}).status_code == 404

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            ({}, 400),
            ({"items": []}, 413),
            ({"items": [{"key": str(n)} for n in range(26)]}, 413),
            ({"items": [{"key": "1"}, {"record": {}}]}, 400),
        ],
    )
    def test_a_batch_is_as_it_should_be_or_refused_whole(
        self, body: dict[str, Any], status: int
    ) -> None:
        answer = self.client(PlainLedger()).post("/contacts", json=body)

        assert answer.status_code == status

    @pytest.mark.parametrize(
        ("item", "code"),
        [
            ({"key": "1"}, "bad_item"),
            ({"key": "1", "record": {}, "colour": "blue"}, "bad_item"),
            ({"key": "1", "record": {"type": "contact", "id": "1"}}, "invalid"),
            ({"key": "1", "record": {"type": "item", "id": "1", "name": "x"}}, "invalid"),
        ],
    )
    def test_a_bad_item_is_refused_alone(self, item: dict[str, Any], code: str) -> None:
        ledger = PlainLedger()
        good = {"key": "2", "record": {"type": "contact", "id": "1", "name": "Ann"}}

        answer = self.client(ledger).post("/contacts", json={"items": [item, good]}).json()

        assert answer["results"][0]["code"] == code
        assert [entry.label for entry in ledger.documents(CONTACT)] == ["contact Ann"]

    def test_a_mark_of_what_was_undone_leads_to_nothing_else(self) -> None:
        ledger = PlainLedger(LedgerRules(atomic_batches=True))
        client = self.client(ledger)
        ann = {"type": "contact", "id": "1", "name": "Ann"}
        undone = [{"key": "1", "marker": "LB-1", "record": ann}, {"key": "2", "record": {}}]

        client.post("/contacts", json={"items": undone})
        client.post("/contacts", json={"items": [{"key": "3", "marker": "LB-2", "record": ann}]})

        assert client.get("/contacts", params={"markers": "LB-1"}).json()["items"] == []
        assert len(client.get("/contacts", params={"markers": "LB-2"}).json()["items"]) == 1

    def test_a_link_leads_to_the_object(self) -> None:
        ledger = PlainLedger()

        answer = self.client(ledger).get("/tax_rates/vat-20").json()

        assert (answer["id"], answer["record"]["rate"]) == ("vat-20", "20")

    def test_too_many_calls_are_told_to_come_back_within_the_minute(self) -> None:
        ledger = PlainLedger(LedgerRules(calls_per_minute=2))
        client = self.client(ledger)

        statuses = [client.get("/organisation").status_code for _ in range(3)]
        answer = client.get("/organisation")
        ledger.pass_time(timedelta(seconds=int(answer.headers["retry-after"])))

        assert statuses == [200, 200, 429]
        assert 0 < int(answer.headers["retry-after"]) <= 60
        assert client.get("/organisation").status_code == 200

    def test_its_clock_may_differ_from_ours(self) -> None:
        ledger = PlainLedger(LedgerRules(clock_skew=timedelta(days=-400)))

        answer = self.client(ledger).get("/contacts")

        assert str(ledger.now().year) in answer.headers["date"]

    def test_credit_notes_may_correct_invoices(self, workshop: "Workshops") -> None:
        shop = workshop()
        invoice = shop.entered(INVOICE)

        note = shop.ledger.get(CREDIT_NOTE, shop.entered(CREDIT_NOTE, corrects=(invoice,)))

        assert isinstance(note.record, CreditNote)
        assert note.record.corrects == (invoice,)
        assert isinstance(shop.ledger.get(INVOICE, invoice).record, Invoice)
