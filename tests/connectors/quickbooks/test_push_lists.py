"""Contacts and items: unique names, contacts that are both, items behind accounts."""

from dataclasses import replace
from typing import Any

import pytest

from connectors.base import Accepted, Failed, Operation, Progressed, PushItem
from connectors.errors import MappingMissing, Rejected, Transient
from connectors.faults import Fault
from connectors.quickbooks.default_items import name_of
from models.canonical import Address, Bill, Contact, ContactRole, Item, ObjectType
from tests.connectors.quickbooks.bench import QuickBooksBench

BOTH = (ContactRole.CUSTOMER, ContactRole.SUPPLIER)


def contact(name: str = "Rossi SpA", **fields: Any) -> Contact:
    """A customer."""
    return Contact(**{"id": "ours", "name": name, **fields})


def names(bench: QuickBooksBench, entity: str, marker: str) -> list[str]:
    """What our objects in a list are called."""
    return [row["DisplayName"] for row in bench.company.documents_with(entity, marker)]


def change_of(item: PushItem, done: Accepted, record: Contact | Item) -> PushItem:
    """A record with other content."""
    return replace(
        item,
        key=item.key[::-1],
        operation=Operation.UPDATE,
        record=record,
        platform_id=done.platform_id,
        version=done.version,
        progress=None,
    )


class TestContacts:
    def test_one_that_is_both_is_two_objects_with_two_names(self, uk: QuickBooksBench) -> None:
        item = uk.item(contact(roles=BOTH))

        item, first = uk.step(item)
        item, second = uk.step(item)

        assert isinstance(first, Progressed)
        assert isinstance(second, Accepted)
        assert second.platform_id == first.platform_id
        assert names(uk, "Customer", item.marker) == ["Rossi SpA"]
        assert names(uk, "Vendor", item.marker) == ["Rossi SpA (supplier)"]

    def test_renaming_it_renames_both(self, uk: QuickBooksBench) -> None:
        item, done = uk.push(contact(roles=BOTH))
        assert isinstance(done, Accepted)

        uk.push(change_of(item, done, contact("Bianchi SpA", roles=BOTH)))

        assert names(uk, "Customer", item.marker) == ["Bianchi SpA"]
        assert names(uk, "Vendor", item.marker) == ["Bianchi SpA (supplier)"]

    def test_a_supplier_that_becomes_a_customer_gives_up_its_name(
        self, uk: QuickBooksBench
    ) -> None:
        item, done = uk.push(contact(roles=(ContactRole.SUPPLIER,)))
        assert isinstance(done, Accepted)
        assert names(uk, "Vendor", item.marker) == ["Rossi SpA"]

        _, again = uk.push(change_of(item, done, contact(roles=BOTH)))

        assert isinstance(again, Accepted)
        assert again.platform_id == done.platform_id
        assert names(uk, "Vendor", item.marker) == ["Rossi SpA (supplier)"]
        assert names(uk, "Customer", item.marker) == ["Rossi SpA"]

    def test_a_bill_finds_the_vendor_that_a_customer_is(self, uk: QuickBooksBench) -> None:
        _, done = uk.push(contact(roles=BOTH))
        assert isinstance(done, Accepted)
        assert done.platform_id.startswith("customer:")

        items = [uk.item(uk.bill(contact_id=done.platform_id)) for _ in range(3)]
        connector = uk.connector()
        connector.check()
        before = uk.scope.calls
        results = connector.push(ObjectType.BILL, items)

        assert all(isinstance(one, Accepted) for one in results)
        # Taxes; the customer, the vendor of its name; the batch.
        assert uk.scope.calls - before == 4

    def test_one_that_is_not_a_vendor_is_a_question_with_a_name(self, uk: QuickBooksBench) -> None:
        bill: Bill = uk.bill(contact_id=uk.customer)

        error = uk.error(bill)

        assert isinstance(error, MappingMissing)
        assert error.cause is not None
        assert error.cause.code == "contact_without_role"
        assert "Northwind Traders is no supplier" in error.message

    def test_the_same_name_without_a_mark_is_taken_for_it(self, uk: QuickBooksBench) -> None:
        there = uk.company.add_customer("Rossi SpA")

        done = uk.accepted(contact())

        assert done.platform_id == f"customer:{there}"
        assert done.notes == ("QuickBooks had 'Rossi SpA' already",)

    @pytest.mark.parametrize("taken_by", ["add_vendor", "add_employee"])
    def test_a_name_that_is_somebody_elses_is_refused(
        self, uk: QuickBooksBench, taken_by: str
    ) -> None:
        getattr(uk.company, taken_by)("Rossi SpA")

        assert isinstance(uk.error(contact()), Rejected)

    def test_two_of_ours_cannot_have_one_name(self, uk: QuickBooksBench) -> None:
        uk.accepted(contact())

        assert isinstance(uk.error(contact(id="another")), Rejected)

    def test_a_name_that_was_changed_is_said(self, us: QuickBooksBench) -> None:
        item, done = us.push(contact("Łódź Freight"))

        assert isinstance(done, Accepted)
        assert done.notes == ("QuickBooks keeps the name as '?ód? Freight'",)
        (found,) = us.connector().find(ObjectType.CONTACT, [item])
        assert getattr(found, "accepted", None) is not None

    def test_a_colon_is_refused_before_the_call(self, uk: QuickBooksBench) -> None:
        assert uk.error(contact("Rossi: Milano")).code == "name_with_colon"

    def test_its_fields_come_back(self, uk: QuickBooksBench) -> None:
        address = Address(line1="Via Roma 1", city="Milano", postal_code="20121", country="IT")
        given = contact(email="a@rossi.example", phone="+39 02 1", address=address, currency="EUR")

        done = uk.accepted(given)

        (there,) = [
            one.record
            for one in uk.records(ObjectType.CONTACT)
            if one.platform_id == done.platform_id
        ]
        assert isinstance(there, Contact)
        kept = {"email", "phone", "address", "currency", "roles", "name"}
        assert there.model_dump(include=kept) == given.model_dump(include=kept)

    def test_one_that_is_switched_off_is_inactive(self, uk: QuickBooksBench) -> None:
        item, done = uk.push(contact())
        assert isinstance(done, Accepted)

        uk.accepted(change_of(item, done, contact(active=False)))

        assert uk.company.row("Customer", done.platform_id.partition(":")[2])["Active"] is False


class TestItemsBehindAccounts:
    def test_one_is_made_for_an_account_and_found_again(self, uk: QuickBooksBench) -> None:
        first = uk.accepted(uk.invoice(), items={})
        again = uk.accepted(uk.invoice(), items={})

        named = [row for row in uk.company.rows("Item") if row["Name"] == name_of(uk.known.sales)]
        assert len(named) == 1
        for done in (first, again):
            line = uk.company.row("Invoice", done.platform_id)["Line"][0]
            assert line["SalesItemLineDetail"]["ItemRef"]["value"] == named[0]["Id"]

    def test_a_connector_looks_for_it_once(self, uk: QuickBooksBench) -> None:
        connector = uk.connector(items={})
        uk.push(uk.invoice(), connector)
        before = uk.scope.calls

        uk.push(uk.invoice(), connector)

        assert uk.scope.calls - before == 1

    def test_one_whose_making_broke_off_keeps_the_invoice_back(self, uk: QuickBooksBench) -> None:
        uk.arm(Fault.DROP_AFTER, writes=True)
        item = uk.item(uk.invoice())

        with pytest.raises(Transient):
            uk.connector(items={}).push(ObjectType.INVOICE, [item])
        done = uk.accepted(item, items={})

        assert isinstance(done, Accepted)
        assert len(uk.company.rows("Invoice")) == 1
        assert uk.quickbooks.twice() == []

    def test_one_that_is_booked_elsewhere_now_is_not_used(self, uk: QuickBooksBench) -> None:
        other = uk.company.add_account("Other sales", "Income")
        uk.company.add_item(
            name_of(uk.known.sales), IncomeAccountRef={"value": other}, Type="Service"
        )

        error = uk.error(uk.invoice(), items={})

        assert isinstance(error, MappingMissing)
        assert f"booked to account {other}" in error.message
        assert uk.company.rows("Invoice") == []

    def test_an_item_of_ours_is_written_and_used(self, uk: QuickBooksBench) -> None:
        sample = uk.sample(ObjectType.ITEM)
        done = uk.accepted(sample)
        line = uk.line("25.00", item_id=done.platform_id)

        invoice = uk.accepted(uk.invoice(lines=[line]))

        row = uk.company.row("Invoice", invoice.platform_id)
        ref = row["Line"][0]["SalesItemLineDetail"]["ItemRef"]
        assert ref["value"] == done.platform_id

    def test_an_item_that_is_there_already_is_taken_for_it(self, uk: QuickBooksBench) -> None:
        sample = uk.sample(ObjectType.ITEM)
        assert isinstance(sample, Item)
        there = uk.company.add_item(sample.name, IncomeAccountRef={"value": uk.known.sales})

        (_, result) = uk.push(sample)

        assert not isinstance(result, Failed)
        assert isinstance(result, Accepted)
        assert result.platform_id == there
