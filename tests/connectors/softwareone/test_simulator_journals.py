"""The simulated Marketplace: journals from draft to review, and the files that fill them."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from connectors.faults import Fault
from connectors.softwareone.simulator import Marketplace, WrongState
from tests.connectors.softwareone.visitor import (
    API,
    XLSX,
    Visitor,
    line,
    lines_of,
    said,
    workbook,
)


@pytest.fixture
def marketplace() -> Iterator[Marketplace]:
    marketplace = Marketplace()
    yield marketplace
    assert marketplace.crashes == []


@pytest.fixture
def vendor(marketplace: Marketplace) -> Visitor:
    return Visitor(marketplace, "vendor")


@pytest.fixture
def operations(marketplace: Marketplace) -> Visitor:
    return Visitor(marketplace, "operations")


def status(marketplace: Marketplace, record_id: str) -> str:
    return str(marketplace.get(record_id)["status"])


def errors_of(marketplace: Marketplace, journal: str) -> list[list[str]]:
    """What is wrong with each charge."""
    return [
        [error["message"] for error in charge["upload"]["errors"]]
        for charge in marketplace.charges(journal)
    ]


class TestCreate:
    def test_a_journal_is_a_draft_of_its_authorization(
        self, marketplace: Marketplace, vendor: Visitor
    ) -> None:
        known = marketplace.known

        journal = marketplace.get(vendor.journal("JE-1", dueDate="2026-11-01T00:00:00.000Z"))

        assert journal["status"] == "Draft"
        assert journal["authorization"]["id"] == known.authorization
        assert journal["vendor"]["id"] == known.vendor
        assert journal["owner"]["id"] == known.seller
        assert journal["price"]["currency"] == "EUR"
        assert journal["dueDate"] == "2026-11-01T00:00:00.000Z"

    def test_external_ids_are_not_unique(self, marketplace: Marketplace, vendor: Visitor) -> None:
        first, second = vendor.journal("JE-1"), vendor.journal("JE-1")

        assert first != second
        assert marketplace.twice() == [("journals", f"{marketplace.known.authorization} JE-1")]

    def test_an_authorization_of_another_vendor_is_refused(
        self, marketplace: Marketplace, vendor: Visitor
    ) -> None:
        foreign = {"id": marketplace.known.foreign_authorization}

        answer = vendor.post("journals", {"name": "x", "authorization": foreign})

        assert answer.status_code == 400
        assert answer.json()["errors"].keys() == {"authorization.id"}

    def test_its_authorization_cannot_be_changed_later(
        self, marketplace: Marketplace, vendor: Visitor
    ) -> None:
        journal = vendor.journal()
        other = {"id": marketplace.known.other_authorization}

        assert vendor.put(f"journals/{journal}", {"authorization": other}).status_code == 400
        assert vendor.put(f"journals/{journal}", {"name": "New"}).json()["name"] == "New"
        assert marketplace.get(journal)["externalIds"] == {"vendor": "JE-1"}

    def test_only_operations_assigns_somebody(self, vendor: Visitor, operations: Visitor) -> None:
        journal, somebody = vendor.journal(), {"assignee": {"id": "USR-1", "name": "Ada"}}

        assert vendor.put(f"journals/{journal}", somebody).status_code == 400
        assert operations.put(f"journals/{journal}", somebody).json()["assignee"]["id"] == "USR-1"

    @pytest.mark.parametrize("fault", [Fault.DROP_BEFORE, Fault.ERROR_BEFORE])
    def test_what_fails_before_leaves_nothing(
        self, marketplace: Marketplace, vendor: Visitor, fault: Fault
    ) -> None:
        marketplace.faults.arm(fault, method="POST")

        assert _failed(vendor)

        assert marketplace.journals() == []

    @pytest.mark.parametrize(
        "fault", [Fault.DROP_AFTER, Fault.ERROR_AFTER, Fault.GARBAGE, Fault.TRUNCATED]
    )
    def test_what_fails_afterwards_is_there_and_can_be_found(
        self, marketplace: Marketplace, vendor: Visitor, fault: Fault
    ) -> None:
        marketplace.faults.arm(fault, method="POST")

        assert _failed(vendor)

        query = (
            f'and(eq(authorization.id,"{marketplace.known.authorization}"),'
            'eq(externalIds.vendor,"JE-1"),ne(status,"Deleted"))'
            "&order=audit.created.at&select=audit&limit=2"
        )
        assert vendor.ids("journals", query) == [
            one["id"] for one in marketplace.journals(external_id="JE-1")
        ]
        assert marketplace.written["create journals"] == 1


def _failed(vendor: Visitor) -> bool:
    try:
        vendor.journal()
    except (httpx.TransportError, AssertionError, ValueError):
        return True
    return False


class TestUpload:
    @pytest.mark.parametrize("kind", ["application/jsonl", "application/x-ndjson"])
    def test_lines_become_charges_once_the_platform_has_looked_at_them(
        self, marketplace: Marketplace, vendor: Visitor, kind: str
    ) -> None:
        marketplace.change(steps_take=timedelta(minutes=5))
        journal = vendor.journal()
        content = lines_of([line(marketplace, "E-1"), line(marketplace, "E-2")])

        answer = vendor.upload(f"journals/{journal}", content, kind)

        assert answer.json()["status"] == "Validating"
        assert vendor.read(f"journals/{journal}")["status"] == "Validating"
        assert marketplace.charges(journal) == []
        marketplace.pass_time(timedelta(minutes=5))
        row = vendor.read(f"journals/{journal}")
        assert row["status"] == "Validated"
        assert row["upload"] == {"total": 2, "ready": 2, "error": 0, "split": 0}
        assert row["price"] == {"currency": "EUR", "totalPP": Decimal("21.00")}

    def test_charges_name_everybody(self, marketplace: Marketplace, vendor: Visitor) -> None:
        known, journal = marketplace.known, vendor.journal()
        vendor.charge(journal)

        (charge,) = vendor.read(f"journals/{journal}/charges", "limit=10")["data"]

        assert charge["externalIds"] == {"vendor": "E-1", "invoice": "VI-1"}
        assert charge["buyer"]["id"] == known.buyer
        assert charge["agreement"]["id"] == known.agreement
        assert charge["subscription"]["id"] == known.subscription
        assert charge["item"]["id"] == known.item
        assert charge["statementType"] == "Debit"
        assert vendor.read(f"journals/{journal}/charges/{charge['id']}") == charge

    def test_the_older_form_of_a_source_will_do(
        self, marketplace: Marketplace, vendor: Visitor
    ) -> None:
        known, journal = marketplace.known, vendor.journal()
        search = {
            "subscription": {
                "criteria": "subscription.externalIds.vendor",
                "value": known.subscription_vendor_id,
            },
            "item": {"criteria": "item.id", "value": known.item},
        }
        agreement = {
            "source": {"type": "Agreement", "criteria": "id", "value": known.agreement},
            "item": {"criteria": "id", "value": known.item},
        }

        vendor.charge(
            journal,
            line(marketplace, "E-1", search=search),
            line(marketplace, "E-2", search=agreement),
        )

        assert errors_of(marketplace, journal) == [[], []]

    def test_names_of_members_are_matched_without_regard_to_case(
        self, marketplace: Marketplace, vendor: Visitor
    ) -> None:
        journal = vendor.journal()

        vendor.charge(journal, line(marketplace, price={"UnitPP": 1, "ppX1": 1.5}))

        assert marketplace.charges(journal)[0]["price"]["PPx1"] == Decimal("1.5")

    def test_a_workbook_will_do_as_well(self, marketplace: Marketplace, vendor: Visitor) -> None:
        known, journal = marketplace.known, vendor.journal()
        row = {
            "Entry ID": "E-1",
            "Vendor Invoice Reference": "VI & Co",
            "Source": "Subscription",
            "Source Criteria": "id",
            "Source Value": known.subscription,
            "Item Search Criteria": "item.id",
            "Item Search Value": known.item,
            "Usage Start Time": "2026-10-01",
            "Usage End Time": "2026-10-31",
            "Quantity": "3",
            "Purchase Price": "2.5",
            "Total Purchase Price": "7.5",
            "Market Segment": "COM",
        }

        answer = vendor.upload(
            f"journals/{journal}",
            workbook([row, {**row, "Quantity": "many"}]),
            XLSX,
            "charges.xlsx",
        )

        assert answer.status_code == 200
        assert errors_of(marketplace, journal) == [[], ["quantity is not a number"]]
        assert marketplace.charges(journal)[0]["externalIds"]["invoice"] == "VI & Co"

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"externalIds": {"invoice": "VI-1"}}, "externalIds.vendor is required"),
            ({"quantity": "2"}, "quantity is not a number"),
            ({"quantity": None}, "quantity is required"),
            ({"segment": None}, "segment is required"),
            ({"segment": "HOME"}, "HOME is not a market segment"),
            ({"colour": "red"}, "colour is not a member of a charge"),
            ({"description": {"value1": 7}}, "description.value1 is not a text"),
            ({"period": {"start": "soon", "end": "2026-10-31"}}, "period.start is not a time"),
            (
                {"period": {"start": "2026-10-31", "end": "2026-10-01"}},
                "period.end is before period.start",
            ),
            ({"attributes": {"agreementVendorId": "VA-9"}}, "does not belong to agreement VA-9"),
        ],
        ids=str,
    )
    def test_one_bad_line_rejects_the_journal_and_says_which(
        self, marketplace: Marketplace, vendor: Visitor, change: dict[str, Any], said: str
    ) -> None:
        journal = vendor.journal()

        vendor.charge(journal, line(marketplace, "E-1"), line(marketplace, "E-2", **change))

        row = vendor.read(f"journals/{journal}")
        assert row["status"] == "Error"
        assert row["error"] == {"id": "BIL001", "message": "1 charges have errors"}
        assert row["upload"] == {"total": 2, "ready": 1, "error": 1, "split": 0}
        query = 'eq(upload.status,"Error")&limit=100'
        (bad,) = vendor.read(f"journals/{journal}/charges", query)["data"]
        assert said in bad["upload"]["errors"][0]["message"]
        assert vendor.post(f"journals/{journal}/submit").status_code == 400

    @pytest.mark.parametrize("number", [b'"many"', b"[]", b"1e999999999", b"true"])
    def test_charges_with_strange_numbers_can_still_be_looked_for(
        self, marketplace: Marketplace, vendor: Visitor, number: bytes
    ) -> None:
        journal = vendor.journal()
        good = lines_of([line(marketplace, "E-1")])
        bad = lines_of([line(marketplace, "E-2", quantity=99)]).replace(b"99", number)

        vendor.upload(f"journals/{journal}", good + bad)

        path = f"journals/{journal}/charges"
        assert len(vendor.ids(path, "order=quantity,price.unitPP,id&limit=10")) == 2
        assert len(vendor.ids(path, "gt(quantity,1.5)&limit=10")) == 1
        assert status(marketplace, journal) == "Error"

    @pytest.mark.parametrize(
        ("where", "value", "said"),
        [
            ("source", {"type": "Asset", "criteria": "id", "value": "x"}, "Asset is not a source"),
            ("source", {"type": "Subscription", "criteria": "id", "value": "x"}, "was not found"),
            ("source", {"type": "Subscription", "criteria": "name", "value": "x"}, "name is not a"),
            ("item", {"criteria": "item.id", "value": "x"}, "Item x was not found"),
            ("item", {"criteria": "sku", "value": "x"}, "sku is not a search criterion"),
        ],
    )
    def test_what_a_line_names_must_be_there(
        self, marketplace: Marketplace, vendor: Visitor, where: str, value: Any, said: str
    ) -> None:
        journal, given = vendor.journal(), line(marketplace)
        given["search"] = {**given["search"], where: value}

        vendor.charge(journal, given)

        assert said in errors_of(marketplace, journal)[0][0]

    def test_a_line_names_only_what_belongs_to_the_journal(
        self, marketplace: Marketplace, vendor: Visitor
    ) -> None:
        known = marketplace.known
        elsewhere = marketplace.add_subscription(authorization=known.other_authorization)
        theirs = marketplace.add_item(vendor=known.other_vendor)
        journal, given = vendor.journal(), line(marketplace)
        given["search"] = {
            "source": {"type": "Subscription", "criteria": "id", "value": elsewhere},
            "item": {"criteria": "id", "value": theirs},
        }

        vendor.charge(journal, given)

        assert errors_of(marketplace, journal) == [
            [f"Subscription {elsewhere} was not found", f"Item {theirs} was not found"]
        ]

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"", "The file has no charges"),
            (b"\n\n", "The file has no charges"),
            (b"{}\nnonsense\n", "Line 2 is not a JSON object"),
            (b"[1]\n", "Line 1 is not a JSON object"),
            (b'{"quantity": NaN}', "Line 1 is not a JSON object"),
        ],
    )
    def test_a_file_that_is_none_is_an_error_of_the_journal(
        self, marketplace: Marketplace, vendor: Visitor, content: bytes, said: str
    ) -> None:
        journal = vendor.journal()

        vendor.upload(f"journals/{journal}", content)

        assert vendor.read(f"journals/{journal}")["error"]["message"] == said
        assert marketplace.charges(journal) == []

    @pytest.mark.parametrize(
        ("shape", "names"),
        [("id", {"id", "message"}), ("code", {"code", "message"}), ("errorCode", None)],
    )
    def test_the_error_comes_in_three_shapes(
        self, marketplace: Marketplace, vendor: Visitor, shape: str, names: set[str] | None
    ) -> None:
        marketplace.change(journal_error=shape)
        journal = vendor.journal()

        vendor.upload(f"journals/{journal}", b"nonsense")

        error = vendor.read(f"journals/{journal}")["error"]
        assert error.keys() == (names or {"errorCode", "errorMessage"})

    @pytest.mark.parametrize("kind", ["application/octet-stream", "application/json", "text/csv"])
    def test_other_content_types_of_the_part_are_refused(
        self, marketplace: Marketplace, vendor: Visitor, kind: str
    ) -> None:
        journal = vendor.journal()

        answer = vendor.upload(f"journals/{journal}", lines_of([line(marketplace)]), kind)

        assert answer.status_code == 415
        assert status(marketplace, journal) == "Draft"

    def test_a_body_that_is_no_upload_is_refused(
        self, marketplace: Marketplace, vendor: Visitor
    ) -> None:
        path = f"{API}/journals/{vendor.journal()}/upload"
        broken = {"content-type": "multipart/form-data; boundary=x"}

        assert vendor.http.post(path, json={}).status_code == 415
        assert vendor.http.post(path, content=b"--x\r\n", headers=broken).status_code == 400
        assert vendor.http.post(path, files={"data": b"x"}).status_code == 400
        marketplace.change(largest_upload=10)
        assert (
            vendor.http.post(
                path, files={"file": ("a", b"x" * 11, "application/jsonl")}
            ).status_code
            == 413
        )

    def test_parts_that_nobody_asked_for_are_tolerated(
        self, marketplace: Marketplace, vendor: Visitor
    ) -> None:
        journal = vendor.journal()
        file = ("a.jsonl", lines_of([line(marketplace)]), "application/jsonl")

        answer = vendor.http.post(
            f"{API}/journals/{journal}/upload", files={"file": file}, data={"journal": "{}"}
        )

        assert answer.status_code == 200
        assert len(marketplace.charges(journal)) == 1

    def test_it_replaces_earlier_charges(self, marketplace: Marketplace, vendor: Visitor) -> None:
        journal = vendor.journal()
        vendor.charge(journal, line(marketplace, "E-1", quantity=None))
        vendor.charge(journal, line(marketplace, "E-2"), line(marketplace, "E-3"))

        found = [one["externalIds"]["vendor"] for one in marketplace.charges(journal)]

        assert found == ["E-2", "E-3"]
        assert vendor.read(f"journals/{journal}")["status"] == "Validated"
        assert "error" not in vendor.read(f"journals/{journal}")

    def test_one_whose_answer_is_lost_has_happened(
        self, marketplace: Marketplace, vendor: Visitor
    ) -> None:
        journal = vendor.journal()
        marketplace.faults.arm(Fault.DROP_AFTER, path=".*/upload")

        with pytest.raises(httpx.RemoteProtocolError):
            vendor.upload(f"journals/{journal}", lines_of([line(marketplace)]))

        assert status(marketplace, journal) == "Validated"

    def test_operations_may_upload_where_the_platform_lets_them(
        self, marketplace: Marketplace, vendor: Visitor, operations: Visitor
    ) -> None:
        journal, content = vendor.journal(), lines_of([line(marketplace)])

        assert operations.upload(f"journals/{journal}", content).status_code == 403
        marketplace.change(operations_upload=True)
        assert operations.upload(f"journals/{journal}", content).status_code == 200

    def test_a_shared_subscription_splits_its_charge(
        self, marketplace: Marketplace, vendor: Visitor
    ) -> None:
        known = marketplace.known
        shared = marketplace.add_subscription(split={known.buyer: 60, known.second_buyer: 40})
        given = line(marketplace)
        given["search"]["source"] |= {"criteria": "id", "value": shared}
        journal = vendor.journal()

        vendor.charge(journal, given)

        parent, *children = marketplace.charges(journal)
        assert parent["upload"]["status"] == "Split"
        assert parent["price"] is None
        assert [one["parent"]["id"] for one in children] == [parent["id"]] * 2
        assert [one["price"]["PPx1"] for one in children] == [Decimal("6.30"), Decimal("4.20")]
        assert [one["buyer"]["id"] for one in children] == [known.buyer, known.second_buyer]
        row = vendor.read(f"journals/{journal}")
        assert row["price"]["totalPP"] == Decimal("10.5")
        assert row["upload"] == {"total": 1, "ready": 0, "error": 0, "split": 1}
        sellers = vendor.read(f"journals/{journal}/sellers", "limit=10")["data"]
        assert {one["id"] for one in sellers} == {known.seller, known.other_seller}


class TestStates:
    def test_it_goes_to_review_and_back_for_correction(
        self, marketplace: Marketplace, vendor: Visitor, operations: Visitor
    ) -> None:
        journal = vendor.handed_in()
        assert status(marketplace, journal) == "Review"

        assert operations.post(f"journals/{journal}/enquiry").json()["status"] == "Enquiring"

        vendor.charge(journal, line(marketplace, "E-2"))
        assert status(marketplace, journal) == "Validated"
        assert vendor.post(f"journals/{journal}/submit").json()["status"] == "Review"

    def test_people_say_why_they_send_it_back(
        self, marketplace: Marketplace, vendor: Visitor
    ) -> None:
        journal = vendor.handed_in()

        marketplace.enquire(journal, "The period is wrong")

        assert vendor.read(f"journals/{journal}")["error"]["message"] == "The period is wrong"
        assert vendor.post(f"journals/{journal}/submit").status_code == 200

    @pytest.mark.parametrize("refused_with", [400, 403, 409])
    def test_what_the_state_does_not_allow_is_refused(
        self, marketplace: Marketplace, vendor: Visitor, operations: Visitor, refused_with: int
    ) -> None:
        marketplace.change(wrong_state=refused_with)
        journal = vendor.journal()

        answer = vendor.post(f"journals/{journal}/submit")

        assert said(answer) == (refused_with, f"{journal} is Draft, not Validated or Enquiring")
        for action in ("accept", "enquiry", "regenerate"):
            assert operations.post(f"journals/{journal}/{action}").status_code == refused_with
        handed_in = vendor.handed_in("JE-2")
        content = lines_of([line(marketplace)])
        assert vendor.upload(f"journals/{handed_in}", content).status_code == refused_with
        assert vendor.delete(f"journals/{handed_in}").status_code == refused_with
        with pytest.raises(WrongState):
            marketplace.accept(journal)

    def test_nothing_can_be_done_while_it_is_looked_at(
        self, marketplace: Marketplace, vendor: Visitor
    ) -> None:
        marketplace.change(steps_take=timedelta(minutes=5))
        journal, content = vendor.journal(), lines_of([line(marketplace)])
        vendor.upload(f"journals/{journal}", content)

        assert vendor.upload(f"journals/{journal}", content).status_code == 400
        assert vendor.post(f"journals/{journal}/submit").status_code == 400
        assert vendor.delete(f"journals/{journal}").status_code == 400

    def test_operations_has_it_looked_at_again(
        self, marketplace: Marketplace, vendor: Visitor, operations: Visitor
    ) -> None:
        journal = vendor.handed_in()

        answer = operations.post(f"journals/{journal}/regenerate")

        assert answer.json()["status"] == "Validating"
        assert status(marketplace, journal) == "Review"

    def test_a_deleted_one_is_not_there_any_more(
        self, marketplace: Marketplace, vendor: Visitor
    ) -> None:
        journal = vendor.journal()
        vendor.charge(journal)

        assert vendor.delete(f"journals/{journal}").status_code == 204

        assert vendor.get(f"journals/{journal}").status_code == 404
        assert vendor.ids("journals") == []
        assert marketplace.journals() == []
        assert [one["status"] for one in marketplace.journals(deleted=True)] == ["Deleted"]
        assert marketplace.charges(journal) == []

    def test_the_same_entry_in_two_live_journals_is_noticed(
        self, marketplace: Marketplace, vendor: Visitor
    ) -> None:
        first = vendor.handed_in("JE-1")
        second = vendor.journal("JE-2")
        vendor.charge(second)

        assert marketplace.twice() == [("charges", f"{marketplace.known.authorization} E-1")]
        vendor.delete(f"journals/{second}")
        assert marketplace.twice() == []
        assert status(marketplace, first) == "Review"
