"""Credit notes, settlements and bills of the simulated Sage Active."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from connectors.sage_active.simulator import SageActiveLedger
from tests.connectors.sage_active.asking import DAY, Asker

TOTALS = "totalNet totalVat totalFeeSurcharge totalWithholding totalLiquid"
Input = dict[str, Any]


@pytest.fixture
def ledger() -> SageActiveLedger:
    return SageActiveLedger()


@pytest.fixture
def fr(ledger: SageActiveLedger) -> Asker:
    return Asker(ledger, ledger.fr)


@pytest.fixture
def es(ledger: SageActiveLedger) -> Asker:
    return Asker(ledger, ledger.es)


def status(asker: Asker, invoice_id: str) -> str:
    return str(asker.one("salesInvoices", invoice_id, "status")["status"])


class TestCreditNotes:
    def test_whole_invoice_is_credited(self, fr: Asker) -> None:
        source = fr.posted()

        note = fr.do("generateCreditNote", {"id": source, "outputDocumentDate": DAY})["id"]

        fields = "type status totalLiquid sourceSalesInvoice { id hasCreditNote }"
        assert fr.one("salesInvoices", note, fields) == {
            "type": "CREDIT_NOTE",
            "status": "Pending",
            "totalLiquid": 120,
            "sourceSalesInvoice": {"id": source, "hasCreditNote": True},
        }

    def test_no_more_is_credited_than_was_invoiced(
        self, ledger: SageActiveLedger, fr: Asker
    ) -> None:
        source = fr.posted()
        line = {"productId": ledger.fr.product(20), "quantity": 1.5}
        given = {"id": source, "lines": [line]}
        note = fr.do("generateCreditNote", given)["id"]

        assert fr.refusal("generateCreditNote", given) == "creditNoteQuantityExceeded"
        fr.do("deleteSalesInvoice", {"id": note})
        assert fr.do("generateCreditNote", given)["id"]

    def test_draft_and_collected_invoices_cannot_be_credited(self, fr: Asker) -> None:
        draft = fr.do("createSalesInvoice", fr.invoice())["id"]
        collected = fr.posted()
        fr.do("salesOpenItemSettlement", fr.settlement(collected), "accountingEntryId")

        for invoice_id in (draft, collected):
            refused = fr.refusal("generateCreditNote", {"id": invoice_id})
            assert refused == "salesInvoiceNotCreditable"

    @pytest.mark.parametrize("negative", [False, True])
    def test_it_takes_back_what_the_invoice_put_into_the_ledger(
        self, ledger: SageActiveLedger, fr: Asker, negative: bool
    ) -> None:
        ledger.change(negative_credit_notes=negative)
        before = ledger.fr.balance("41110000")
        source = fr.posted()
        note = fr.do("generateCreditNote", {"id": source, "outputDocumentDate": DAY})["id"]
        fr.do("closeSalesInvoice", {"salesInvoiceId": note})
        given = {
            **fr.posting(note),
            "journalTypeId": ledger.fr.journal("SALES_INVOICE", credit_note=True),
        }

        fr.do("postSalesInvoice", given, "accountingEntryId")

        assert ledger.fr.balance("41110000") == before
        total = fr.one("salesInvoices", note, "totalLiquid")["totalLiquid"]
        assert total == (-120 if negative else 120)
        assert ledger.fr.offset(source, note) == 120
        assert status(fr, source) == status(fr, note) == "Collected"

    def test_credit_note_journal_is_not_for_invoices(
        self, ledger: SageActiveLedger, fr: Asker
    ) -> None:
        invoice_id = fr.do("createSalesInvoice", fr.invoice(operationalNumber="A"))["id"]
        journal = ledger.fr.journal("SALES_INVOICE", credit_note=True)

        given = {**fr.posting(invoice_id), "journalTypeId": journal}

        assert fr.refusal("postSalesInvoice", given, "accountingEntryId") == "journalTypeNotAllowed"

    def test_spanish_one_says_why_it_corrects_and_what(self, es: Asker) -> None:
        source = es.posted()
        note = es.do("generateCreditNote", {"id": source, "outputDocumentDate": DAY})["id"]
        es.do("closeSalesInvoice", {"salesInvoiceId": note})
        (journal,) = es.company.rows("journalTypes", creditNoteReason="R4")

        es.do(
            "postSalesInvoice",
            {**es.posting(note), "journalTypeId": journal["id"]},
            "accountingEntryId",
        )

        fields = (
            "accountingEntryLines { accountingEntryInvoice { creditNoteType creditNoteReason"
            " originalEntryInvoiceTaxesBaseSum originalEntryInvoiceTaxesTaxAmountSum"
            " originalAccountingEntryInvoice { amount } } }"
        )
        where = f'where: {{salesInvoiceId: {{eq: "{note}"}}}}'
        (entry,) = es.nodes("accountingEntries", fields, where)
        assert entry["accountingEntryLines"][0]["accountingEntryInvoice"] == {
            "creditNoteType": "BY_DIFFERENCES",
            "creditNoteReason": "R4",
            "originalEntryInvoiceTaxesBaseSum": 100,
            "originalEntryInvoiceTaxesTaxAmountSum": 21,
            "originalAccountingEntryInvoice": {"amount": 121},
        }


class TestSettlement:
    def test_document_number_is_needed(self, fr: Asker) -> None:
        given = {**fr.settlement(fr.posted()), "documentNumber": None}

        refused = fr.refusal("salesOpenItemSettlement", given, "accountingEntryId")

        assert refused == "documentNumberRequired"

    def test_no_more_can_be_paid_than_is_open(self, ledger: SageActiveLedger, fr: Asker) -> None:
        invoice_id = fr.posted()

        over = fr.refusal(
            "salesOpenItemSettlement", fr.settlement(invoice_id, 120.01), "accountingEntryId"
        )

        assert over == "openItemOverpaid"
        assert ledger.fr.payments_with("PAY-1") == []

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            (
                lambda asker: {"thirdPartyId": asker.company.customer("DE")},
                "openItemOfAnotherThirdParty",
            ),
            (lambda _: {"salesOpenItemLinkagePaidAmounts": []}, "settlementWithoutOpenItems"),
            (lambda _: {"entryDate": "2024-05-05"}, "accountingExerciseNotOpen"),
        ],
    )
    def test_wrong_settlements_are_refused(
        self, fr: Asker, change: Callable[[Asker], Input], reason: str
    ) -> None:
        given = {**fr.settlement(fr.posted()), **change(fr)}

        assert fr.refusal("salesOpenItemSettlement", given, "accountingEntryId") == reason

    def test_it_makes_one_bank_entry_and_matches_the_lines(
        self, ledger: SageActiveLedger, fr: Asker
    ) -> None:
        first, second = fr.posted(), fr.posted()
        given = fr.settlement(first)
        given["salesOpenItemLinkagePaidAmounts"] += fr.settlement(second, 20)[
            "salesOpenItemLinkagePaidAmounts"
        ]

        made = fr.do("salesOpenItemSettlement", given, "accountingEntryId")

        (entry,) = ledger.fr.payments_with("PAY-1")
        assert entry["id"] == made["accountingEntryId"]
        bank, party = ledger.fr.lines("accountingEntries", entry["id"])
        assert (bank["debitAmount"], party["creditAmount"]) == (140, 140)
        where = f'where: {{accountingEntryLineId: {{eq: "{party["id"]}"}}}}'
        (match,) = fr.nodes("accountingEntryPayments", "matchId matching matchingLetter", where)
        assert match["matching"] == "PARTIAL_MATCH"
        assert match["matchingLetter"].islower()
        where = f'where: {{matchId: {{eq: "{match["matchId"]}"}}}}'
        assert len(fr.nodes("accountingEntryPayments", "id", where)) == 3

    def test_last_payment_makes_the_match_full_with_a_capital_letter(self, fr: Asker) -> None:
        invoice_id = fr.posted()
        fr.do("salesOpenItemSettlement", fr.settlement(invoice_id, 20), "accountingEntryId")
        (before, _) = fr.nodes("accountingEntryPayments", "matchId", "last: 2")
        fr.do("salesOpenItemSettlement", fr.settlement(invoice_id, 100), "accountingEntryId")

        matches = fr.nodes("accountingEntryPayments", "matchId matching matchingLetter", "last: 3")

        assert {one["matching"] for one in matches} == {"FULL_MATCH"}
        assert {one["matchId"] for one in matches} == {before["matchId"]}
        assert matches[0]["matchingLetter"].isupper()

    def test_open_item_says_what_is_paid_and_moves_while_its_invoice_may_not(
        self, fr: Asker
    ) -> None:
        invoice_id = fr.posted()
        before = fr.one("salesInvoices", invoice_id, "modificationDate")

        fr.do("salesOpenItemSettlement", fr.settlement(invoice_id, 20), "accountingEntryId")

        fields = "status paidAmountAccumulated modificationDate salesInvoice { id }"
        where = f'where: {{salesInvoiceId: {{eq: "{invoice_id}"}}}}'
        (item,) = fr.nodes("salesInvoiceOpenItems", fields, where)
        assert (item["status"], item["paidAmountAccumulated"]) == ("PARTIAL", 20)
        assert item["modificationDate"]
        assert fr.one("salesInvoices", invoice_id, "modificationDate") == before

    def test_invoice_and_entry_move_where_the_rules_say_so(
        self, ledger: SageActiveLedger, fr: Asker
    ) -> None:
        ledger.change(children_touch_parents=True)
        invoice_id = fr.posted()
        (entry,) = ledger.fr.rows("accountingEntries", salesInvoiceId=invoice_id)
        before = ledger.fr.row("salesInvoices", invoice_id)["modificationDate"]
        ledger.pass_time(timedelta(minutes=1))

        fr.do("salesOpenItemSettlement", fr.settlement(invoice_id, 20), "accountingEntryId")

        assert ledger.fr.row("salesInvoices", invoice_id)["modificationDate"] > before
        assert entry["modificationDate"] is None
        assert ledger.fr.row("accountingEntries", entry["id"])["modificationDate"]

    def test_deleting_the_bank_entry_opens_the_invoice_again(
        self, ledger: SageActiveLedger, fr: Asker
    ) -> None:
        invoice_id = fr.posted()
        made = fr.do("salesOpenItemSettlement", fr.settlement(invoice_id), "accountingEntryId")

        ledger.fr.delete("accountingEntries", made["accountingEntryId"])

        assert status(fr, invoice_id) == "Posted"
        (item,) = ledger.fr.open_items("salesInvoices", invoice_id)
        assert (item["status"], item["paidAmountAccumulated"]) == ("NOT_SPECIFIED", 0)


class TestBills:
    def bill(self, fr: Asker, **more: Any) -> Input:
        line = {"totalVatBase": 100, "totalVat": 20, "vatPercentage": 20}
        return {
            "supplierId": fr.company.supplier(),
            "invoiceDate": DAY,
            "invoiceNumber": "S-1",
            "totalLiquid": 120,
            "vatLines": [line],
            **more,
        }

    def posting(self, fr: Asker, bill_id: str) -> Input:
        return {
            "purchaseInvoiceId": bill_id,
            "accountingEntryDescription": "Paper",
            "journalTypeId": fr.company.journal("PURCHASE_INVOICE"),
        }

    def test_it_is_posted_and_paid(self, ledger: SageActiveLedger, fr: Asker) -> None:
        bill_id = fr.do("createPurchaseInvoice", self.bill(fr))["id"]
        fields = "status pendingAmount firstDueDate vatLines { tax { percentage } }"
        pending = fr.one("purchaseInvoices", bill_id, fields)
        fr.do("postPurchaseInvoice", self.posting(fr, bill_id), "accountingEntryId")
        (item,) = ledger.fr.open_items("purchaseInvoices", bill_id)
        given = {
            "entryDate": "2026-04-10",
            "paymentMethodId": ledger.fr.bank(),
            "thirdPartyId": ledger.fr.supplier(),
            "documentNumber": "OUT-1",
            "purchaseOpenItemLinkagePaidAmounts": [{"openItemId": item["id"], "paidAmount": 50}],
        }
        fr.do("purchaseOpenItemSettlement", given, "accountingEntryId")

        assert pending == {
            "status": "Pending",
            "pendingAmount": 120,
            "firstDueDate": "2026-04-15T00:00:00.000Z",
            "vatLines": [{"tax": {"percentage": 20}}],
        }
        found = fr.one("purchaseInvoices", bill_id, "status pendingAmount openItems { status }")
        assert found == {
            "status": "PartiallyPaid",
            "pendingAmount": 70,
            "openItems": [{"status": "PARTIAL"}],
        }
        ledger.fr.pay("purchaseInvoices", bill_id)
        assert fr.one("purchaseInvoices", bill_id, "status") == {"status": "Paid"}

    def test_rate_that_the_ledger_lacks_is_refused(self, fr: Asker) -> None:
        line = {"totalVatBase": 100, "totalVat": 17, "vatPercentage": 17}

        refused = fr.refusal(
            "createPurchaseInvoice", self.bill(fr, vatLines=[line], totalLiquid=117)
        )

        assert refused == "taxNotFound"

    def test_total_is_the_sum_of_the_lines(self, fr: Asker) -> None:
        refused = fr.refusal("createPurchaseInvoice", self.bill(fr, totalLiquid=121))

        assert refused == "purchaseInvoiceTotalsMismatch"

    def test_posted_bill_is_neither_changed_nor_deleted(self, fr: Asker) -> None:
        bill_id = fr.do("createPurchaseInvoice", self.bill(fr))["id"]
        fr.do("postPurchaseInvoice", self.posting(fr, bill_id), "accountingEntryId")

        for operation in ("updatePurchaseInvoice", "deletePurchaseInvoice"):
            assert fr.refusal(operation, {"id": bill_id}) == "purchaseInvoiceNotPending"

    def test_same_number_of_a_supplier_can_come_twice(
        self, ledger: SageActiveLedger, fr: Asker
    ) -> None:
        fr.do("createPurchaseInvoice", self.bill(fr))
        fr.do("createPurchaseInvoice", self.bill(fr))

        assert len(ledger.fr.documents_with("purchaseInvoices", "S-1")) == 2
        assert [one[1] for one in ledger.twice()] == ["purchaseInvoices"]

    def test_account_of_a_line_is_taken(self, ledger: SageActiveLedger, fr: Asker) -> None:
        before = ledger.fr.balance("62260000")
        line = {
            "totalVatBase": 80,
            "totalVat": 0,
            "vatPercentage": 0,
            "purchaseAccountingAccountId": ledger.fr.account("62260000"),
        }
        given = self.bill(fr, vatLines=[line], totalLiquid=80)
        bill_id = fr.do("createPurchaseInvoice", given)["id"]

        fr.do("postPurchaseInvoice", self.posting(fr, bill_id), "accountingEntryId")

        assert ledger.fr.balance("62260000") - before == Decimal(80)
