"""Parties, products and accounts of the simulated Sage Active, and people at work in it."""

from decimal import Decimal

import pytest

from connectors.sage_active.simulation.refusals import DOCUMENTED, INVENTED, BusinessError
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


class TestParties:
    def test_code_is_automatic_or_forced(self, fr: Asker) -> None:
        given = {"socialName": "Fleurs Roy"}

        automatic = fr.do("createCustomer", given, "id code")
        forced = fr.do("createCustomer", {**given, "code": "ROY-1"}, "id code")

        assert automatic["code"].startswith("C")
        assert forced["code"] == "ROY-1"
        found = fr.one(
            "customers", forced["id"], "countryAcronym status sourceType documentType { code }"
        )
        assert list(found.values()) == ["FR", "ENABLED", "PUBLIC_API", {"code": "01"}]

    @pytest.mark.parametrize(
        ("given", "reason"),
        [
            ({"code": "A B"}, "codeCannotContainBlankSpaces"),
            ({"code": "C00001"}, "codeAlreadyExistInOrganization"),
            ({"documentId": "52345678900012"}, "documentIdAlreadyExistInOrganization"),
            ({"vatNumber": "FR29523456789"}, "vatNumberAlreadyExistInOrganization"),
            ({"tradeName": "x" * 71}, "maxLengthExceeded"),
        ],
    )
    def test_wrong_customers_are_refused(
        self, fr: Asker, given: dict[str, str], reason: str
    ) -> None:
        assert fr.refusal("createCustomer", {"socialName": "A", **given}) == reason

    def test_german_codes_have_ranges(self, de: Asker) -> None:
        customer = {"socialName": "A", "code": "71234"}

        assert de.refusal("createCustomer", customer) == "invalidCode"
        assert de.do("createSupplier", customer, "id code")["code"] == "71234"

    def test_spain_does_not_take_an_empty_vat_number(self, ledger: SageActiveLedger) -> None:
        es = Asker(ledger, ledger.es)

        refused = es.refusal("createCustomer", {"socialName": "A", "vatNumber": ""})

        assert refused == "invalidESVatNumber"

    def test_update_is_a_patch(self, fr: Asker) -> None:
        contacts = [{"name": "Ann", "emails": [{"emailAddress": "ann@example.com"}]}]
        given = {"socialName": "A", "comments": "old", "contacts": contacts}
        customer_id = fr.do("createCustomer", given)["id"]
        (contact,) = fr.one("customers", customer_id, "contacts { id }")["contacts"]

        patch = [{"id": contact["id"], "jobName": "Buyer"}, {"name": "Bob"}]
        fr.do("updateCustomer", {"id": customer_id, "comments": "new", "contacts": patch})

        fields = "socialName comments contacts { name jobName emails { emailAddress } }"
        found = fr.one("customers", customer_id, fields)
        assert (found["socialName"], found["comments"]) == ("A", "new")
        assert found["contacts"] == [
            {"name": "Ann", "jobName": "Buyer", "emails": [{"emailAddress": "ann@example.com"}]},
            {"name": "Bob", "jobName": None, "emails": None},
        ]

    def test_lists_can_be_shortened_or_replaced(self, fr: Asker) -> None:
        given = {"socialName": "A", "contacts": [{"name": "Ann"}, {"name": "Bob"}]}
        customer_id = fr.do("createCustomer", given)["id"]
        first = fr.one("customers", customer_id, "contacts { id }")["contacts"][0]

        gone = [{"id": first["id"], "requestedAction": "DELETE"}]
        fr.do("updateCustomer", {"id": customer_id, "contacts": gone})
        left = fr.one("customers", customer_id, "contacts { name }")
        whole = {"replaceAll": ["CONTACTS"], "contacts": [{"name": "Cid"}]}
        fr.do("updateCustomer", {"id": customer_id, **whole})

        assert left == {"contacts": [{"name": "Bob"}]}
        assert fr.one("customers", customer_id, "contacts { name }") == {
            "contacts": [{"name": "Cid"}]
        }

    def test_party_that_is_used_cannot_be_deleted(self, fr: Asker) -> None:
        unused = fr.do("createCustomer", {"socialName": "A"})["id"]

        assert fr.refusal("deleteCustomer", {"id": fr.company.customer()}) == "recordInUse"
        assert fr.do("deleteCustomer", {"id": unused}) == {"id": unused}

    def test_products_rate_is_that_of_its_group(self, ledger: SageActiveLedger, fr: Asker) -> None:
        given = {"code": "BOOK", "name": "Book", "taxGroupId": ledger.fr.tax_group("5.5")}

        product_id = fr.do("createProduct", given)["id"]

        fields = "salesVatPercentage category taxGroup { taxGroupCode } taxes { percentage }"
        found = fr.one("products", product_id, fields)
        assert (found["salesVatPercentage"], found["category"]) == (5.5, "PRODUCT")
        assert found["taxes"] == [{"percentage": 5.5}]
        assert fr.refusal("createProduct", given) == "codeAlreadyExistInOrganization"

    @pytest.mark.parametrize(
        ("legislation", "code", "fits"),
        [
            ("FR", "61350000", True),
            ("FR", "6135", False),
            ("ES", "62200000", True),
            ("DE", "42100", False),
        ],
    )
    def test_account_codes_have_the_length_of_the_organisation(
        self, ledger: SageActiveLedger, legislation: str, code: str, fits: bool
    ) -> None:
        asker = Asker(ledger, ledger.companies[legislation])
        body = asker.send("createAccountingAccount", {"code": code, "name": "New"}).json()

        assert ("errors" not in body) is fits


class TestPeople:
    def test_copy_of_a_draft_carries_our_reference(self, ledger: SageActiveLedger) -> None:
        invoice_id = ledger.fr.add_invoice(externalReference="OUR-9")

        copy = ledger.fr.copy("salesInvoices", invoice_id)

        found = ledger.fr.documents_with("salesInvoices", "OUR-9")
        assert [row["id"] for row in found] == [invoice_id, copy]
        assert len(ledger.fr.lines("salesInvoices", copy)) == 1

    def test_marker_is_found_as_a_whole_word(self, ledger: SageActiveLedger) -> None:
        ledger.fr.add_invoice(remarks="sent by us [OUR-9]")

        assert len(ledger.fr.documents_with("salesInvoices", "OUR-9")) == 1
        assert ledger.fr.documents_with("salesInvoices", "OUR") != []
        assert ledger.fr.documents_with("salesInvoices", "UR-9") == []

    def test_entries_of_documents_are_not_counted_as_documents(
        self, ledger: SageActiveLedger
    ) -> None:
        invoice_id = ledger.fr.add_invoice(operationalNumber="OUR-9")

        ledger.fr.post_invoice(invoice_id)

        assert len(ledger.fr.documents_with("salesInvoices", "OUR-9")) == 1
        assert ledger.fr.documents_with("accountingEntries", "OUR-9") == []

    def test_totals_follow_when_somebody_changes_a_draft(self, ledger: SageActiveLedger) -> None:
        invoice_id = ledger.fr.add_invoice([(20, 100)])
        (line,) = ledger.fr.lines("salesInvoices", invoice_id)

        patch = {"id": line["id"], "unitPrice": Decimal(50)}
        changed = ledger.fr.edit_draft(invoice_id, lines=[patch])

        assert changed["totalLiquid"] == 60
        assert ledger.fr.edit("salesInvoices", invoice_id, totalNet=Decimal(7))["totalLiquid"] == 60

    def test_people_are_not_calls(self, ledger: SageActiveLedger) -> None:
        invoice_id = ledger.de.add_invoice([(19, 100), (7, "50.50")])
        ledger.de.close_invoice(invoice_id)
        ledger.de.post_invoice(invoice_id)
        ledger.de.pay("salesInvoices", invoice_id)
        ledger.de.post_bill(ledger.de.add_bill("B-1", [(19, 10)]))

        assert ledger.de.row("salesInvoices", invoice_id)["status"] == "Collected"
        assert ledger.de.row("salesInvoices", invoice_id)["sourceType"] == "SALES"
        assert not ledger.calls
        assert ledger.twice() == []

    def test_people_are_bound_by_the_books_rules(self, ledger: SageActiveLedger) -> None:
        with pytest.raises(BusinessError, match="accountingEntryNotBalanced"):
            ledger.fr.add_entry([(RENT, 10), (BANK, -9)])

    @pytest.mark.parametrize("legislation", ["FR", "ES", "DE"])
    def test_seeded_books_balance(self, ledger: SageActiveLedger, legislation: str) -> None:
        company = ledger.companies[legislation]

        codes = [row["code"] for row in company.rows("accountingAccounts")]

        assert sum(company.balance(code) for code in codes) == 0
        assert company.balance(company.account_of("BANK")) > 0


def test_invented_errors_are_kept_apart_from_documented_ones() -> None:
    assert not DOCUMENTED.keys() & INVENTED.keys()


def test_error_codes_have_sentences(fr: Asker) -> None:
    code = "global.businessErrors.authorizationPolicy"
    document = f'{{ localizedErrorMessage(errorCode: "{code}", language: "en") {{ message }} }}'

    assert fr.data(document) == {"message": DOCUMENTED[code]}
