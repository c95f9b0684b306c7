"""Accounting entries of the simulated Sage Active, and what hangs on them."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from connectors.sage_active.simulator import SageActiveLedger
from tests.connectors.sage_active.asking import Asker

RENT, BANK = "61320000", "51210000"
CUSTOMER, SALES, VAT = "41110000", "70610000", "44571200"
USING_CODES = "createAccountingEntryUsingCodes"


@pytest.fixture
def ledger() -> SageActiveLedger:
    return SageActiveLedger()


@pytest.fixture
def fr(ledger: SageActiveLedger) -> Asker:
    return Asker(ledger, ledger.fr)


@pytest.fixture
def de(ledger: SageActiveLedger) -> Asker:
    return Asker(ledger, ledger.de)


def sold(fr: Asker, *lines: tuple[str, float], **more: Any) -> dict[str, Any]:
    """An entry in the sales journal whose customer lines name a third party."""
    code = fr.company.row("customers", fr.company.customer())["code"]
    given = fr.entry(*lines, journalTypeCode="VE", documentNumber="S-1", **more)
    for line in given["accountingEntryLines"]:
        if line["subAccountCode"] == CUSTOMER:
            line["thirdCode"] = code
    return given


class TestEntries:
    def test_balanced_entry_is_stored_as_it_came(self, fr: Asker) -> None:
        made = fr.do(USING_CODES, fr.entry((RENT, 850.5), (BANK, -850.5)), "id number")

        fields = (
            "number sourceType isClosed currency { code } journalType { type }"
            " accountingPeriod { month } accountingExercise { exercise }"
            " accountingEntryLines { order debitAmount creditAmount description subAccount { code } }"
        )
        entry = fr.one("accountingEntries", made["id"], fields)
        assert entry["number"] == made["number"]
        assert (entry["sourceType"], entry["isClosed"]) == ("PUBLIC_API", False)
        assert entry["currency"] == {"code": "EUR"}
        assert entry["accountingPeriod"] == {"month": 3}
        assert [
            (one["order"], one["subAccount"]["code"], one["debitAmount"], one["creditAmount"])
            for one in entry["accountingEntryLines"]
        ] == [(0, RENT, 850.5, 0), (1, BANK, 0, 850.5)]

    def test_entry_by_ids_is_the_same(self, ledger: SageActiveLedger, fr: Asker) -> None:
        lines = [
            {"subAccountId": ledger.fr.account(code), "debitAmount": debit, "creditAmount": credit}
            for code, debit, credit in ((RENT, 5, 0), (BANK, 0, 5))
        ]
        given = {
            "date": "2026-03-31",
            "journalTypeId": ledger.fr.journal("GENERAL"),
            "accountingEntryLines": lines,
        }

        made = fr.do("createAccountingEntryUsingIds", given, "id number")

        assert len(ledger.fr.lines("accountingEntries", made["id"])) == 2

    @pytest.mark.parametrize(
        ("lines", "more", "reason"),
        [
            (((RENT, 10), (BANK, -9.99)), {}, "accountingEntryNotBalanced"),
            (((RENT, 10),), {}, "accountingEntryWithoutLines"),
            (((RENT, 10), (BANK, -10), (BANK, 0)), {}, "invalidAccountingEntryLineAmount"),
            (((RENT, 10.001), (BANK, -10.001)), {}, "invalidAccountingEntryLineAmount"),
            ((("99999999", 10), (BANK, -10)), {}, "accountingAccountNotFound"),
            ((("60400000", 10), (BANK, -10)), {}, "accountingAccountDeactivated"),
            ((("41", 10), (BANK, -10)), {}, "accountingAccountNotSubAccount"),
            (((RENT, 10), (BANK, -10)), {"journalTypeCode": "X"}, "journalTypeNotFound"),
            (((RENT, 10), (BANK, -10)), {"date": "2024-06-30"}, "accountingExerciseNotOpen"),
        ],
    )
    def test_entry_that_cannot_stand_is_refused(
        self,
        ledger: SageActiveLedger,
        fr: Asker,
        lines: tuple[tuple[str, float], ...],
        more: dict[str, Any],
        reason: str,
    ) -> None:
        before = len(ledger.fr.rows("accountingEntries"))

        assert fr.refusal(USING_CODES, fr.entry(*lines, **more)) == reason
        assert len(ledger.fr.rows("accountingEntries")) == before

    def test_both_sides_of_a_line_cannot_be_filled(self, fr: Asker) -> None:
        given = fr.entry((RENT, 10), (BANK, -10))
        given["accountingEntryLines"][0]["creditAmount"] = 10

        assert fr.refusal(USING_CODES, given) == "invalidAccountingEntryLineAmount"

    def test_closed_period_refuses(self, ledger: SageActiveLedger, fr: Asker) -> None:
        ledger.fr.close_period(dt.date(2026, 3, 2))
        given = fr.entry((RENT, 10), (BANK, -10))

        assert fr.refusal(USING_CODES, given) == "accountingPeriodClosed"
        assert fr.do(USING_CODES, {**given, "date": "2026-04-01"})["id"]

    def test_archived_journal_refuses(self, ledger: SageActiveLedger, fr: Asker) -> None:
        given = fr.entry((RENT, 10), (BANK, -10))

        ledger.fr.archive_journal("OD")

        assert fr.refusal(USING_CODES, given) == "journalTypeDeactivated"

    @pytest.mark.parametrize(
        ("field", "reason"),
        [("documentNumber", "documentNumberRequired"), ("description", "descriptionRequired")],
    )
    def test_germany_wants_number_and_description(self, de: Asker, field: str, reason: str) -> None:
        given = de.entry(("4210", 10), ("1200", -10))
        assert de.do(USING_CODES, given)["id"]

        del given[field]

        assert de.refusal(USING_CODES, given) == reason

    def test_several_reasons_come_at_once(self, de: Asker) -> None:
        given = de.entry(("4210", 10), ("1200", -10))
        del given["documentNumber"], given["description"]

        body = de.send(USING_CODES, given).json()

        assert len(body["errors"]) == 2

    def test_third_party_needs_an_account_of_its_kind(self, fr: Asker) -> None:
        given = fr.entry((RENT, 10), (BANK, -10))
        given["accountingEntryLines"][0]["thirdCode"] = "C00001"

        assert fr.refusal(USING_CODES, given) == "thirdPartyNotAllowed"


class TestInvoiceJournals:
    def test_lines_of_the_same_party_are_merged(self, ledger: SageActiveLedger, fr: Asker) -> None:
        given = sold(fr, (CUSTOMER, 70), (CUSTOMER, 50), (SALES, -100), (VAT, -20))

        made = fr.do(USING_CODES, given)

        lines = ledger.fr.lines("accountingEntries", made["id"])
        assert [line["debitAmount"] for line in lines] == [120, 0, 0]

    def test_open_items_follow_from_the_partys_terms_and_can_be_settled(
        self, ledger: SageActiveLedger, fr: Asker
    ) -> None:
        made = fr.do(USING_CODES, sold(fr, (CUSTOMER, 120), (SALES, -100), (VAT, -20)))

        (item,) = ledger.fr.open_items("accountingEntries", made["id"])
        assert (item["amount"], f"{item['dueDate']:%F}") == (120, "2026-04-30")
        given = {
            "entryDate": "2026-04-10",
            "paymentMethodId": ledger.fr.bank(),
            "thirdPartyId": ledger.fr.customer(),
            "documentNumber": "PAY-2",
            "salesOpenItemLinkagePaidAmounts": [{"openItemId": item["id"], "paidAmount": 120}],
        }
        fr.do("salesOpenItemSettlement", given, "accountingEntryId")
        (item,) = ledger.fr.open_items("accountingEntries", made["id"])
        assert item["status"] == "COLLECTED"

    @pytest.mark.parametrize(
        ("lines", "registers"),
        [
            (((CUSTOMER, 120), (SALES, -100), (VAT, -20)), [(100, 20, False)]),
            (((CUSTOMER, 120.01), (SALES, -100), (VAT, -20.01)), []),
            (((CUSTOMER, 120), (SALES, -100), ("44571100", -20)), []),
            (((CUSTOMER, 120), ("70792000", -100), (VAT, -20)), []),
        ],
        ids=["fits", "VAT is not base by rate", "another VAT account", "account without tax code"],
    )
    def test_tax_registers_are_made_only_when_everything_fits(
        self,
        fr: Asker,
        lines: tuple[tuple[str, float], ...],
        registers: list[tuple[float, float, bool]],
    ) -> None:
        made = fr.do(USING_CODES, sold(fr, *lines))

        fields = (
            "accountingEntryLines { accountingEntryInvoice {"
            " accountingEntryTaxes { taxBase taxAmount deductible } } }"
        )
        entry = fr.one("accountingEntries", made["id"], fields)
        taxes = entry["accountingEntryLines"][0]["accountingEntryInvoice"]["accountingEntryTaxes"]
        assert [tuple(one.values()) for one in taxes] == registers


class TestDelete:
    def delete(self, fr: Asker, entry_id: str) -> str | None:
        body = fr.send("deleteAccountingEntry", {"id": entry_id}).json()
        return str(body["errors"][0]["message"]).rpartition(".")[2] if "errors" in body else None

    def test_entry_goes_with_its_lines(self, ledger: SageActiveLedger, fr: Asker) -> None:
        made = fr.do(USING_CODES, sold(fr, (CUSTOMER, 120), (SALES, -100), (VAT, -20)))

        assert self.delete(fr, made["id"]) is None
        assert ledger.fr.lines("accountingEntries", made["id"]) == []
        assert ledger.fr.documents_with("accountingEntries", "S-1") == []
        assert self.delete(fr, made["id"]) == "recordNotFound"

    def test_entry_of_a_closed_period_stays(self, ledger: SageActiveLedger, fr: Asker) -> None:
        made = fr.do(USING_CODES, fr.entry((RENT, 10), (BANK, -10)))
        ledger.fr.close_period(dt.date(2026, 3, 31))

        assert self.delete(fr, made["id"]) == "accountingPeriodClosed"

    def test_entry_of_a_closed_year_stays(self, ledger: SageActiveLedger, fr: Asker) -> None:
        made = fr.do(USING_CODES, fr.entry((RENT, 10), (BANK, -10)))
        ledger.fr.close_exercise(2026)

        assert self.delete(fr, made["id"]) == "accountingEntryClosed"

    def test_matched_entry_stays(self, ledger: SageActiveLedger, fr: Asker) -> None:
        made = fr.do(USING_CODES, sold(fr, (CUSTOMER, 120), (SALES, -100), (VAT, -20)))
        ledger.fr.pay("accountingEntries", made["id"], 20)

        assert self.delete(fr, made["id"]) == "accountingEntryMatched"

    def test_entry_of_a_document_stays(self, ledger: SageActiveLedger, fr: Asker) -> None:
        invoice_id = fr.posted()
        (entry,) = ledger.fr.rows("accountingEntries", salesInvoiceId=invoice_id)

        assert self.delete(fr, entry["id"]) == "accountingEntryFromDocument"

    def test_people_can_delete_what_the_api_cannot(
        self, ledger: SageActiveLedger, fr: Asker
    ) -> None:
        invoice_id = fr.posted()
        ledger.fr.pay("salesInvoices", invoice_id)

        ledger.fr.delete("salesInvoices", invoice_id)

        assert fr.nodes("salesInvoices", "id", f'where: {{id: {{eq: "{invoice_id}"}}}}') == []
        assert ledger.fr.rows("accountingEntries", salesInvoiceId=invoice_id) == []


class TestDimensions:
    def test_tags_of_a_line_are_read_with_amounts(
        self, ledger: SageActiveLedger, fr: Asker
    ) -> None:
        made = fr.do(USING_CODES, fr.entry((RENT, 10), (BANK, -10)))
        line = ledger.fr.lines("accountingEntries", made["id"])[0]
        ledger.fr.tag_line(line["id"], "Department", "Workshop", Decimal(10))

        fields = "dimensionId dimensionTagId amount accountingEntryLine { id }"
        (tag,) = fr.nodes("accountingEntryDimensionTags", fields)
        names = {one["id"]: one for one in fr.nodes("dimensions", "id name tags { id name }")}
        assert (tag["amount"], tag["accountingEntryLine"]) == (10, {"id": line["id"]})
        assert names[tag["dimensionId"]]["name"] == "Department"
