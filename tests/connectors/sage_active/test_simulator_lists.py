"""Lists of the simulated Sage Active: pages, filters, order."""

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


class TestLists:
    def test_page_is_twenty_rows_and_five_hundred_at_most(
        self, ledger: SageActiveLedger, fr: Asker
    ) -> None:
        for number in range(25):
            ledger.fr.add_customer(f"Shop {number}")

        page = fr.data("{ customers { totalCount pageInfo { hasNextPage } nodes { id } } }")

        assert (page["totalCount"], len(page["nodes"])) == (30, 20)
        assert page["pageInfo"]["hasNextPage"]
        body = fr.post("{ customers(first: 501) { nodes { id } } }").json()
        assert body["data"] == {"customers": None}

    @pytest.mark.parametrize("forward", [True, False])
    def test_pages_lead_through_everything_once(
        self, ledger: SageActiveLedger, fr: Asker, forward: bool
    ) -> None:
        ids = [row["id"] for row in ledger.fr.rows("accountingAccounts")]
        seen: list[str] = []
        cursor = ""
        while True:
            size, more, edge = (
                ("first", "hasNextPage", "endCursor")
                if forward
                else ("last", "hasPreviousPage", "startCursor")
            )
            side = "after" if forward else "before"
            arguments = f"{size}: 7" + (f', {side}: "{cursor}"' if cursor else "")
            page = fr.data(
                f"{{ accountingAccounts({arguments})"
                f" {{ edges {{ node {{ id }} }} pageInfo {{ {more} {edge} }} }} }}"
            )
            some = [one["node"]["id"] for one in page["edges"]]
            seen = seen + some if forward else some + seen
            cursor = page["pageInfo"][edge]
            if not page["pageInfo"][more]:
                break

        assert seen == ids

    def test_rows_move_while_somebody_pages(self, ledger: SageActiveLedger, fr: Asker) -> None:
        ids = [row["id"] for row in ledger.fr.rows("customers")]
        ledger.between_pages("customers", lambda: ledger.fr.delete("customers", ids[0]))
        document = "query($a: String) { customers(first: 2, after: $a) { pageInfo { endCursor } nodes { id } } }"

        first = fr.data(document)
        second = fr.data(document, a=first["pageInfo"]["endCursor"])

        seen = [one["id"] for page in (first, second) for one in page["nodes"]]
        assert ids[2] not in seen

    @pytest.mark.parametrize(
        ("where", "codes"),
        [
            ('{code: {eq: "c00001"}}', ["C00001"]),
            ('{code: {in: ["C00001", "C00003"]}}', ["C00001", "C00003"]),
            ('{code: {nin: ["C00001", "C00003"]}}', ["C00002", "C00004", "C00005"]),
            ('{socialName: {contains: "MARTIN"}}', ["C00001"]),
            ('{socialName: {nstartsWith: "b"}}', ["C00002", "C00003", "C00005"]),
            ('{countryAcronym: {neq: "FR"}, vatNumber: {neq: null}}', ["C00004"]),
            ('{or: [{code: {eq: "C00001"}}, {code: {eq: "C00005"}}]}', ["C00001", "C00005"]),
            ('{and: [{code: {endsWith: "3"}}, {code: {ncontains: "2"}}]}', ["C00003"]),
            ("{status: {eq: DISABLED}}", []),
            ('{defaultAccountingAccount: {code: {startsWith: "512"}}}', []),
            (
                '{contacts: {some: {emails: {some: {emailAddress: {contains: "durand"}}}}}}',
                ["C00002"],
            ),
            ("{addresses: {none: {country: {isEuropeanUnion: {eq: true}}}}}", ["C00005"]),
        ],
    )
    def test_filters(self, fr: Asker, where: str, codes: list[str]) -> None:
        found = fr.nodes("customers", "code", f"where: {where}, order: [{{code: ASC}}]")

        assert [one["code"] for one in found] == codes

    def test_order_by_related_rows_and_back(self, fr: Asker) -> None:
        found = fr.nodes(
            "accountingEntries",
            "number journalType { code }",
            "order: [{journalType: {code: ASC}}, {number: DESC}]",
        )

        keys = [(one["journalType"]["code"], -one["number"]) for one in found]
        assert keys == sorted(keys)

    def test_fresh_rows_have_no_modification_date(
        self, ledger: SageActiveLedger, fr: Asker
    ) -> None:
        since = "2026-01-12T08:00:01Z"
        document = (
            "query($s: DateTime!) { customers(where: {or: [{modificationDate: {gte: $s}},"
            " {creationDate: {gte: $s}}]}) { nodes { id modificationDate } } }"
        )
        assert fr.data(document, s=since) == {"nodes": []}
        new, old = ledger.fr.add_customer("New"), ledger.fr.customer()

        ledger.fr.edit("customers", old, comments="changed")

        found = {one["id"]: one["modificationDate"] for one in fr.data(document, s=since)["nodes"]}
        assert found.keys() == {new, old}
        assert found[new] is None
        assert found[old]

    def test_payments_are_found_on_third_party_lines_of_financial_journals(self, fr: Asker) -> None:
        where = (
            "where: {accountingEntry: {journalType: {type: {eq: FINANCIAL}}},"
            " accountingEntryThirdParty: {origin: {in: [CUSTOMER, SUPPLIER]}}}"
        )

        (line,) = fr.nodes(
            "accountingEntryLines", "creditAmount accountingEntry { documentNumber }", where
        )

        assert line["accountingEntry"] == {"documentNumber": "VIR-0001"}
        assert line["creditAmount"] > 0

    def test_setup_names_the_journals_to_post_in(self, ledger: SageActiveLedger, fr: Asker) -> None:
        fields = "defaultSalesPostingInvoiceJournalTypeId"
        document = f"query($id: ID!) {{ organizationSalesSetupByOrgId(id: $id) {{ {fields} }} }}"

        assert fr.data(document, id=ledger.fr.id) == {fields: ledger.fr.journal("SALES_INVOICE")}
        body = fr.post(document, id=ledger.de.id).json()
        assert body["errors"][0]["extensions"]["code"] == "AUTH_NOT_AUTHORIZED"
