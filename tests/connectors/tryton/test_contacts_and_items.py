"""Contacts and items, pushed into a real Tryton and judged by another session."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from connectors.base import Absent, Accepted, Failed, Found, Operation, PushItem, Unclear
from connectors.errors import Conflict
from models.canonical import Address, Contact, Item, ObjectType
from tests.connectors.tryton.bench import Bench


def a_contact(**fields: Any) -> Contact:
    defaults: dict[str, Any] = {
        "id": "C-1",
        "name": "Rossi SpA",
        "tax_number": "IT00743110157",
        "email": "billing@rossi.example",
        "phone": "+39 02 1234567",
        "address": Address(
            line1="Via Roma 1", line2="Scala B", city="Milano", postal_code="20121", country="IT"
        ),
    }
    return Contact(**(defaults | fields))


def party(bench: Bench, marker: str) -> dict[str, Any]:
    """The one party with a marker, as the ledger has it."""
    (row,) = bench.ledger.find(
        "party.party",
        [["identifiers.code", "=", marker]],
        "name",
        "active",
        "identifiers.code",
        "identifiers.type",
        "addresses.street",
        "addresses.postal_code",
        "addresses.city",
        "addresses.country.code",
        "contact_mechanisms.type",
        "contact_mechanisms.value",
    )
    return row


def as_update(item: PushItem, accepted: Accepted, record: Any) -> PushItem:
    """The item that says what has changed."""
    return replace(
        item,
        operation=Operation.UPDATE,
        platform_id=accepted.platform_id,
        version=accepted.version,
        record=record,
    )


class TestContact:
    def test_new_contact_is_a_party_with_all_that_tryton_keeps(self, bench: Bench) -> None:
        item = bench.item(a_contact())

        accepted = bench.accepted(item)

        row = party(bench, item.marker)
        (address,) = row["addresses."]
        assert str(row["id"]) == accepted.platform_id
        assert row["name"] == "Rossi SpA"
        assert {one["code"] for one in row["identifiers."]} == {"IT00743110157", item.marker}
        assert {one["type"] for one in row["identifiers."]} == {None}
        assert (address["street"], address["country."]["code"]) == ("Via Roma 1\nScala B", "IT")
        assert {one["value"] for one in row["contact_mechanisms."]} == {
            "billing@rossi.example",
            "+39 02 1234567",
        }

    def test_what_tryton_does_not_keep_is_said(self, bench: Bench) -> None:
        record = a_contact(
            legal_name="Rossi S.p.A.",
            payment_terms_days=30,
            address=Address(city="Reykjavík", country="IS"),
        )

        accepted = bench.accepted(record)

        assert accepted.notes == (
            "not kept in Tryton: legal name, payment terms",
            "Tryton has no country IS: it was left out",
        )

    def test_same_item_twice_makes_one_party(self, bench: Bench) -> None:
        item = bench.item(a_contact())

        first = bench.accepted(item)
        again = bench.accepted(item)

        assert first.platform_id == again.platform_id
        assert party(bench, item.marker)["id"] == int(first.platform_id)

    def test_update_changes_what_differs_and_leaves_the_rest(self, bench: Bench) -> None:
        item = bench.item(a_contact())
        accepted = bench.accepted(item)
        changed = a_contact(
            name="Rossi & Figli SpA",
            email="invoices@rossi.example",
            phone=None,
            address=Address(line1="Via Verdi 2", city="Milano", postal_code="20121", country="IT"),
        )

        bench.accepted(as_update(item, accepted, changed))

        row = party(bench, item.marker)
        (address,) = row["addresses."]
        values = {one["value"] for one in row["contact_mechanisms."]}
        assert row["name"] == "Rossi & Figli SpA"
        assert (address["street"], address["city"]) == ("Via Verdi 2", "Milano")
        assert values == {"invoices@rossi.example", "+39 02 1234567"}

    def test_update_of_an_archived_contact_brings_it_back(self, bench: Bench) -> None:
        item = bench.item(a_contact(active=False))
        accepted = bench.accepted(item)

        bench.accepted(as_update(item, accepted, a_contact(active=True)))

        assert party(bench, item.marker)["active"]

    def test_update_of_a_version_that_is_not_current_is_a_conflict(self, bench: Bench) -> None:
        item = bench.item(a_contact())
        accepted = bench.accepted(item)
        party_id = int(accepted.platform_id)
        bench.ledger.rpc("model.party.party.write", [party_id], {"name": "Rossi, by hand"})

        error = bench.refused(as_update(item, accepted, a_contact(name="Rossi, by us")))

        assert isinstance(error, Conflict)
        assert party(bench, item.marker)["name"] == "Rossi, by hand"

    def test_update_that_was_written_already_is_no_conflict(self, bench: Bench) -> None:
        item = bench.item(a_contact())
        accepted = bench.accepted(item)
        update = as_update(item, accepted, a_contact(name="Rossi Nuova SpA"))

        bench.accepted(update)
        again = bench.accepted(update)

        assert again.platform_id == accepted.platform_id

    def test_one_conflict_of_a_batch_stops_no_other(self, bench: Bench) -> None:
        items = [bench.item(a_contact(id=f"C-{number}")) for number in range(4)]
        accepted = [one for one in bench.push(*items) if isinstance(one, Accepted)]
        party_id = int(accepted[2].platform_id)
        bench.ledger.rpc("model.party.party.write", [party_id], {"name": "By hand"})

        results = bench.push(
            *[
                as_update(item, one, a_contact(id=item.record.id, name="By us"))
                for item, one in zip(items, accepted, strict=True)
            ]
        )

        assert [type(result) for result in results] == [Accepted, Accepted, Failed, Accepted]

    def test_matched_party_is_written_by_its_id_although_it_has_no_marker(
        self, bench: Bench
    ) -> None:
        theirs = bench.party("Rossi")
        item = bench.item(
            a_contact(name="Rossi matched"), operation=Operation.UPDATE, platform_id=theirs
        )

        accepted = bench.accepted(item)

        (row,) = bench.ledger.find("party.party", [["id", "=", int(theirs)]], "name")
        assert (accepted.platform_id, row["name"]) == (theirs, "Rossi matched")

    def test_look_up_tells_one_none_and_several_apart(self, bench: Bench) -> None:
        there, missing, twice = (bench.item(a_contact()) for _ in range(3))
        accepted = bench.accepted(there)
        for _ in range(2):
            identifiers = [["create", [{"code": twice.marker}]]]
            bench.ledger.rpc(
                "model.party.party.create", [{"name": "Copy", "identifiers": identifiers}]
            )
        before = bench.scope.calls

        connector = bench.connector()
        found = connector.find(ObjectType.CONTACT, [there, missing, twice])

        assert isinstance(found[0], Found)
        assert found[0].accepted.platform_id == accepted.platform_id
        assert isinstance(found[1], Absent)
        assert isinstance(found[2], Unclear)
        assert bench.scope.calls - before == 1


class TestItem:
    def test_new_item_is_a_product(self, bench: Bench) -> None:
        item = bench.item(
            Item(id="P-1", name="Freight", code="FRT", unit_price=Decimal("12.5"), currency="EUR")
        )

        accepted = bench.accepted(item)

        (row,) = self._rows(bench, item.marker)
        assert str(row["id"]) == accepted.platform_id
        assert (row["name"], row["code"]) == ("Freight", "FRT")
        assert row["list_price_used"] == Decimal("12.5")

    def test_update_changes_template_and_product(self, bench: Bench) -> None:
        item = bench.item(Item(id="P-1", name="Freight"))
        accepted = bench.accepted(item)
        changed = Item(id="P-1", name="Freight, express", description="By air", active=False)

        bench.accepted(as_update(item, accepted, changed))
        bench.accepted(as_update(item, accepted, changed))

        (row,) = self._rows(bench, item.marker)
        assert (row["name"], row["description"]) == ("Freight, express", "By air")
        assert not row["template."]["active"]

    def test_item_that_somebody_changed_is_a_conflict(self, bench: Bench) -> None:
        item = bench.item(Item(id="P-1", name="Freight"))
        accepted = bench.accepted(item)
        (row,) = self._rows(bench, item.marker)
        bench.ledger.rpc(
            "model.product.template.write", [row["template."]["id"]], {"name": "By hand"}
        )

        error = bench.refused(as_update(item, accepted, Item(id="P-1", name="By us")))

        assert isinstance(error, Conflict)

    def test_price_is_kept_with_the_decimals_that_tryton_has(self, bench: Bench) -> None:
        accepted = bench.accepted(Item(id="P-1", name="Kilobyte", unit_price=Decimal("0.123456")))

        assert accepted.notes == ("the price 0.123456 is kept as 0.1235",)

    @staticmethod
    def _rows(bench: Bench, marker: str) -> list[dict[str, Any]]:
        fields = ["name", "code", "list_price_used", "description", "template.active"]
        rows: list[dict[str, Any]] = bench.ledger.rpc(
            "model.product.product.search_read",
            [["identifiers.code", "=", marker]],
            0,
            None,
            None,
            fields,
            {"active_test": False},
        )
        return rows
