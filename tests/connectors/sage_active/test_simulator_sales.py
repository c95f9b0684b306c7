"""Sales invoices of the simulated Sage Active: from draft to collected, totals, refusals."""

from typing import Any

import pytest

from connectors.sage_active.simulator import SageActiveLedger
from tests.connectors.sage_active.asking import Asker

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


@pytest.fixture
def de(ledger: SageActiveLedger) -> Asker:
    return Asker(ledger, ledger.de)


def status(asker: Asker, invoice_id: str) -> str:
    return str(asker.one("salesInvoices", invoice_id, "status")["status"])


class TestLifeCycle:
    def test_invoice_goes_through_four_calls(self, ledger: SageActiveLedger, fr: Asker) -> None:
        invoice_id = fr.do("createSalesInvoice", fr.invoice())["id"]
        seen = [status(fr, invoice_id)]
        closed = fr.do("closeSalesInvoice", {"salesInvoiceId": invoice_id}, "id operationalNumber")
        seen.append(status(fr, invoice_id))
        posted = fr.do(
            "postSalesInvoice",
            fr.posting(invoice_id),
            "accountingEntryId accountingEntryNumber accountingEntries { accountingEntryId }",
        )
        seen.append(status(fr, invoice_id))
        fr.do("salesOpenItemSettlement", fr.settlement(invoice_id, 20), "accountingEntryId")
        seen.append(status(fr, invoice_id))
        fr.do("salesOpenItemSettlement", fr.settlement(invoice_id, 100), "accountingEntryId")
        seen.append(status(fr, invoice_id))

        assert seen == ["Pending", "Closed", "Posted", "PartiallyCollected", "Collected"]
        assert closed["operationalNumber"].startswith("FA2026-")
        assert posted["accountingEntries"] == [{"accountingEntryId": posted["accountingEntryId"]}]
        assert ledger.calls["salesOpenItemSettlement"] == 2
        assert ledger.crashes == []

    def test_number_of_ones_own_closes_the_invoice_at_once(self, fr: Asker) -> None:
        given = fr.invoice(operationalNumber="OUR-7")

        invoice_id = fr.do("createSalesInvoice", given)["id"]

        found = fr.one("salesInvoices", invoice_id, "status operationalNumber sourceType")
        assert found == {
            "status": "Closed",
            "operationalNumber": "OUR-7",
            "sourceType": "PUBLIC_API",
        }

    def test_create_gives_the_id_and_nothing_else(self, fr: Asker) -> None:
        answer = fr.send("createSalesInvoice", fr.invoice(), "id operationalNumber")

        assert answer.status_code == 400

    def test_draft_can_be_changed_and_deleted(self, ledger: SageActiveLedger, fr: Asker) -> None:
        invoice_id = fr.do("createSalesInvoice", fr.invoice())["id"]
        (line,) = ledger.fr.lines("salesInvoices", invoice_id)

        change = {"id": invoice_id, "lines": [{"id": line["id"], "unitPrice": 70}]}
        fr.do("updateSalesInvoice", change)

        changed = fr.one("salesInvoices", invoice_id, "totalNet modificationDate lines { id }")
        assert changed["totalNet"] == 140
        assert changed["modificationDate"]
        assert changed["lines"] == [{"id": line["id"]}]
        fr.do("deleteSalesInvoice", {"id": invoice_id})
        assert ledger.fr.rows("salesInvoiceLines", salesInvoiceId=invoice_id) == []

    def test_change_happens_as_a_whole_or_not_at_all(
        self, ledger: SageActiveLedger, fr: Asker
    ) -> None:
        invoice_id = fr.do("createSalesInvoice", fr.invoice(remarks="old"))["id"]
        before, lines = (
            ledger.fr.row("salesInvoices", invoice_id),
            ledger.fr.lines("salesInvoices", invoice_id),
        )
        unknown = {"id": ledger.fr.customer(), "totalQuantity": 1}
        new = {"productCode": "CONSEIL", "totalQuantity": 1, "unitPrice": 5}

        change = {"id": invoice_id, "remarks": "new", "lines": [new, unknown]}

        assert fr.refusal("updateSalesInvoice", change) == "recordNotFound"
        assert ledger.fr.row("salesInvoices", invoice_id) == before
        assert ledger.fr.lines("salesInvoices", invoice_id) == lines

    @pytest.mark.parametrize("operation", ["updateSalesInvoice", "deleteSalesInvoice"])
    def test_nothing_can_be_changed_after_close(self, fr: Asker, operation: str) -> None:
        invoice_id = fr.do("createSalesInvoice", fr.invoice(operationalNumber="A"))["id"]

        assert fr.refusal(operation, {"id": invoice_id}) == "salesInvoiceNotPending"

    def test_closed_invoice_cannot_be_closed_again(self, fr: Asker) -> None:
        invoice_id = fr.do("createSalesInvoice", fr.invoice(operationalNumber="A"))["id"]

        refused = fr.refusal("closeSalesInvoice", {"salesInvoiceId": invoice_id})

        assert refused == "salesInvoiceNotPending"

    def test_draft_and_posted_invoices_cannot_be_posted(self, fr: Asker) -> None:
        draft = fr.do("createSalesInvoice", fr.invoice())["id"]
        posted = fr.posted()

        for invoice_id in (draft, posted):
            refused = fr.refusal("postSalesInvoice", fr.posting(invoice_id), "accountingEntryId")
            assert refused == "salesInvoiceNotClosed"

    def test_journal_must_be_one_of_sales(self, ledger: SageActiveLedger, fr: Asker) -> None:
        invoice_id = fr.do("createSalesInvoice", fr.invoice(operationalNumber="A"))["id"]
        given = {**fr.posting(invoice_id), "journalTypeId": ledger.fr.journal("PURCHASE_INVOICE")}

        refused = fr.refusal("postSalesInvoice", given, "accountingEntryId")

        assert refused == "journalTypeNotAllowed"
        assert status(fr, invoice_id) == "Closed"

    def test_refused_posting_leaves_nothing_behind(
        self, ledger: SageActiveLedger, fr: Asker
    ) -> None:
        invoice_id = fr.do("createSalesInvoice", fr.invoice(operationalNumber="A"))["id"]
        ledger.fr.archive_account("70610000")
        before = len(ledger.fr.rows("accountingEntries"))

        refused = fr.refusal("postSalesInvoice", fr.posting(invoice_id), "accountingEntryId")

        assert refused == "accountingAccountDeactivated"
        assert len(ledger.fr.rows("accountingEntries")) == before
        assert ledger.fr.open_items("salesInvoices", invoice_id) == []

    def test_posting_needs_an_open_period(self, ledger: SageActiveLedger, fr: Asker) -> None:
        invoice_id = fr.do("createSalesInvoice", fr.invoice(operationalNumber="A"))["id"]
        row = ledger.fr.row("salesInvoices", invoice_id)
        ledger.fr.close_period(row["documentDate"].date())

        refused = fr.refusal("postSalesInvoice", fr.posting(invoice_id), "accountingEntryId")

        assert refused == "accountingPeriodClosed"


class TestTotals:
    def test_price_that_is_not_sent_is_zero(self, fr: Asker) -> None:
        line = {"productCode": "CONSEIL", "totalQuantity": 3}

        invoice_id = fr.do("createSalesInvoice", fr.invoice(lines=[line]))["id"]

        assert fr.one("salesInvoices", invoice_id, "totalLiquid") == {"totalLiquid": 0}

    def test_ledger_rounds_every_line(self, ledger: SageActiveLedger, fr: Asker) -> None:
        line = {"productId": ledger.fr.product("5.5"), "totalQuantity": 1, "unitPrice": 0.1}
        given = fr.invoice(lines=[line] * 3)

        by_line = fr.do("createSalesInvoice", given)["id"]
        ledger.change(rounds_by_rate=True)
        by_rate = fr.do("createSalesInvoice", given)["id"]

        assert fr.one("salesInvoices", by_line, "totalVat") == {"totalVat": 0.03}
        assert fr.one("salesInvoices", by_rate, "totalVat") == {"totalVat": 0.02}

    def test_discount_is_a_percentage(self, fr: Asker) -> None:
        given = fr.invoice()
        given["lines"][0]["firstDiscount"] = 10

        invoice_id = fr.do("createSalesInvoice", given)["id"]

        found = fr.one("salesInvoices", invoice_id, "totalGross totalDiscount totalNet totalLiquid")
        assert list(found.values()) == [100, 10, 90, 108]

    @pytest.mark.parametrize(
        ("country", "rate"), [("FR", 20), ("DE", 0), ("CH", 0)], ids=["home", "EU", "export"]
    )
    def test_tax_follows_the_customers_country(self, fr: Asker, country: str, rate: int) -> None:
        customer = fr.company.customer(country)

        invoice_id = fr.posted(customer=customer)

        found = fr.one("salesInvoices", invoice_id, "lines { vatPercentage tax { name } }")
        assert found["lines"][0]["vatPercentage"] == rate
        sold = {"FR": "70610000", "DE": "70791000", "CH": "70792000"}[country]
        assert fr.company.balance(sold) <= -100

    def test_spanish_customer_may_owe_an_equivalence_surcharge(self, es: Asker) -> None:
        (customer,) = es.company.rows("customers", hasEquivalenceSurcharge=True)

        invoice_id = es.posted(customer=customer["id"])

        found = es.one("salesInvoices", invoice_id, TOTALS)
        assert list(found.values()) == [100, 21, 5.2, 0, 126.2]
        tax = register(es, invoice_id)
        assert tax["hasEquivalenceSurcharge"]
        assert tax["equivalenceSurchargePercentage"] == 5.2
        assert tax["equivalenceSurchargeQuota"] == 5.2

    def test_spanish_withholding_comes_off_what_is_due(self, es: Asker) -> None:
        line = {"productCode": "ASESORIA", "totalQuantity": 1, "unitPrice": 100}

        invoice_id = es.posted(lines=[line])

        found = es.one("salesInvoices", invoice_id, f"{TOTALS} openItems {{ amount }}")
        assert list(found.values()) == [100, 21, 0, 15, 106, [{"amount": 106}]]
        assert es.company.balance("47300000") == 15


def register(asker: Asker, invoice_id: str) -> dict[str, Any]:
    fields = (
        "accountingEntryLines { accountingEntryInvoice { accountingEntryTaxes { taxBase taxAmount"
        " deductible hasEquivalenceSurcharge equivalenceSurchargePercentage"
        " equivalenceSurchargeQuota tax { percentage } } } }"
    )
    where = f'where: {{salesInvoiceId: {{eq: "{invoice_id}"}}}}'
    (entry,) = asker.nodes("accountingEntries", fields, where)
    invoices = [one["accountingEntryInvoice"] for one in entry["accountingEntryLines"]]
    found: dict[str, Any] = next(one for one in invoices if one)["accountingEntryTaxes"][0]
    return found


class TestLegislation:
    def test_france_wants_the_customers_name(self, fr: Asker) -> None:
        given = fr.invoice()
        del given["socialName"]

        assert fr.refusal("createSalesInvoice", given) == "socialNameRequired"

    def test_france_wants_the_vat_number_of_european_customers(self, fr: Asker) -> None:
        given = fr.invoice(customer=fr.company.customer("DE"))
        del given["vatNumber"]

        assert fr.refusal("createSalesInvoice", given) == "vatNumberRequired"

    def test_spain_wants_the_identification_number(self, es: Asker) -> None:
        given = es.invoice()
        del given["documentId"]

        assert es.refusal("createSalesInvoice", given) == "documentIdRequired"

    def test_mandatory_fields_may_also_come_from_the_customer(
        self, ledger: SageActiveLedger, es: Asker
    ) -> None:
        ledger.change(mandatory_fields_must_be_sent=False)
        given = es.invoice()
        del given["documentId"]

        invoice_id = es.do("createSalesInvoice", given)["id"]

        assert es.one("salesInvoices", invoice_id, "documentId")["documentId"]

    def test_germany_wants_neither(self, de: Asker) -> None:
        given = de.invoice()
        del given["socialName"], given["documentId"]

        assert de.do("createSalesInvoice", given)["id"]

    def test_german_entries_have_a_session_a_number_and_an_offset_account(self, de: Asker) -> None:
        invoice_id = de.posted()

        fields = "tanNumber session { name } accountingEntryLines { contraAccount }"
        where = f'where: {{salesInvoiceId: {{eq: "{invoice_id}"}}}}'
        (entry,) = de.nodes("accountingEntries", fields, where)
        assert entry["tanNumber"] > 0
        assert entry["session"] == {"name": "Automatisch erstellt"}
        assert entry["accountingEntryLines"][0]["contraAccount"].startswith("8400 ")


class TestRefusals:
    @pytest.mark.parametrize(
        ("field", "length"),
        [("externalReference", 20), ("operationalNumber", 50), ("socialName", 50)],
    )
    def test_text_over_its_length_is_a_business_error(
        self, fr: Asker, field: str, length: int
    ) -> None:
        body = fr.send("createSalesInvoice", fr.invoice(**{field: "x" * (length + 1)})).json()

        error = body["errors"][0]
        assert error["message"].startswith("global.businessErrors.")
        assert error["extensions"]["details"] == {"field": field, "max": length}

    def test_operation_is_not_after_the_invoice(self, fr: Asker) -> None:
        given = fr.invoice(operationDate="2026-03-17")

        assert fr.refusal("createSalesInvoice", given) == "operationDateAfterDocumentDate"

    def test_blocked_customer_gets_no_invoice(self, ledger: SageActiveLedger, fr: Asker) -> None:
        given = fr.invoice()
        ledger.fr.edit("customers", given["customerId"], status="DISABLED")

        assert fr.refusal("createSalesInvoice", given) == "customerBlocked"

    def test_advance_payment_product_is_not_for_normal_lines(self, fr: Asker) -> None:
        line = {"productCode": "ACOMPTE", "totalQuantity": 1, "unitPrice": 1}

        assert fr.refusal("createSalesInvoice", fr.invoice(lines=[line])) == "productBlocked"

    def test_repeated_numbers_are_refused_only_where_the_rules_say_so(
        self, ledger: SageActiveLedger, fr: Asker
    ) -> None:
        given = fr.invoice(operationalNumber="A")
        fr.do("createSalesInvoice", given)
        fr.do("createSalesInvoice", given)

        ledger.change(refuses_repeated_numbers=True)

        assert fr.refusal("createSalesInvoice", given) == "operationalNumberAlreadyExist"

    def test_terms_must_leave_nothing_over(self, fr: Asker) -> None:
        lines = [{"order": 1, "type": "REMAINING_AMOUNT", "value": 0, "day": 10}]

        refused = fr.refusal("createSalesInvoice", fr.invoice(paymentTermLines=lines))

        assert refused == "invalidPaymentTermLines"

    def test_terms_decide_when_what_is_due(self, fr: Asker) -> None:
        lines = [
            {
                "order": 1,
                "type": "PERCENTAGE",
                "value": 30,
                "condition": "DAY_OF_PAYMENT",
                "day": 9,
            },
            {
                "order": 9999,
                "type": "REMAINING_AMOUNT",
                "value": 0,
                "condition": "END_OF_MONTH",
                "day": 30,
            },
        ]

        invoice_id = fr.posted(paymentTermLines=lines)

        found = fr.one("salesInvoices", invoice_id, "firstDueDate openItems { amount dueDate }")
        assert found["firstDueDate"] == "2026-03-25T00:00:00.000Z"
        assert [(one["amount"], one["dueDate"][:10]) for one in found["openItems"]] == [
            (36, "2026-03-25"),
            (84, "2026-04-30"),
        ]
