"""Documents in and out: handed in, changed, deleted, paid; one by one and a thousand at once."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest
import sqlalchemy

from models.canonical import AnyRecord, DocumentStatus, ObjectType
from models.status import SyncStatus
from tests.api.world import World
from tests.factories import a_bill, a_contact, a_payment, a_supplier, an_entry, an_invoice

DAY = "2026-03-20"


def as_json(record: AnyRecord, **changes: Any) -> dict[str, Any]:
    """A document as a product sends it."""
    values: dict[str, Any] = json.loads(record.model_dump_json(exclude_none=True))
    return values | changes


def rows(world: World, table: str = "documents") -> list[Any]:
    """Everything in a table."""
    with world.runtime.database.connect() as connection:
        return list(connection.execute(sqlalchemy.text(f"SELECT * FROM {table}")))


def own_rows(world: World) -> list[Any]:
    """The product's own documents."""
    return [row for row in rows(world) if row.source_id is None]


@contextmanager
def statements(world: World) -> Iterator[list[str]]:
    """The statements that run meanwhile."""
    seen: list[str] = []

    def note(*arguments: Any) -> None:
        seen.append(arguments[2])

    sqlalchemy.event.listen(world.runtime.database, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sqlalchemy.event.remove(world.runtime.database, "before_cursor_execute", note)


class TestHandingIn:
    def test_a_new_document_is_created_and_goes_out(self, world: World) -> None:
        with world.client() as client:
            contact = client.post("/documents", json=as_json(a_contact()))
            invoice = client.post("/documents", json=as_json(an_invoice()))
            waiting = client.get("/documents/invoice/I-1").json()
            world.push()
            done = client.get("/documents/invoice/I-1").json()

        assert (contact.status_code, invoice.status_code) == (201, 201)
        body = invoice.json()
        assert body["outcome"] == "created"
        assert invoice.headers["etag"] == f'"{body["etag"]}"'
        assert body["content"]["total"] == "120"
        assert (body["total"], body["number"]) == ("120", "INV-I-1")
        assert waiting["sync_status"] == "pending"
        assert done["sync_status"] == "done"
        assert done["records"][0]["platform_object_id"]

    def test_it_says_whose_books_it_belongs_to(self, world: World) -> None:
        with world.client() as client:
            body = client.post("/documents", json=as_json(an_invoice())).json()

        assert body["billing_entity"] == {
            "id": str(world.entity_id),
            "code": "FR",
            "legal_name": "Acme SARL",
            "vat_number": None,
            "is_default": True,
        }

    def test_the_same_again_is_known(self, world: World) -> None:
        with world.client() as client:
            first = client.post("/documents", json=as_json(an_invoice()))
            again = client.post("/documents", json=as_json(an_invoice()))

        assert (again.status_code, again.json()["outcome"]) == (200, "unchanged")
        assert again.json()["id"] == first.json()["id"]

    def test_numbers_are_exact(self, world: World) -> None:
        text = json.dumps(as_json(an_invoice())).replace('"120"', "120.00")
        price = text.replace('"unit_price": "100"', '"unit_price": 1234567890123.123456789012')
        assert price != text
        with world.client() as client:
            answer = client.post(
                "/documents", content=price, headers={"content-type": "application/json"}
            )

        assert answer.status_code == 201
        assert answer.json()["content"]["lines"][0]["unit_price"] == "1234567890123.123456789012"

    def test_a_payment_is_handed_in_like_anything_else(self, world: World) -> None:
        with world.client() as client:
            for record in (a_contact(), an_invoice()):
                client.post("/documents", json=as_json(record))
            values = as_json(a_payment(amount="50.00"))
            del values["type"]
            answer = client.post("/documents/payments", json=values)

        assert answer.status_code == 201
        assert (answer.json()["type"], answer.json()["total"]) == ("payment", "50")

    def test_a_draft_stays_here_until_it_is_issued(self, world: World) -> None:
        with world.client() as client:
            client.post("/documents", json=as_json(a_contact()))
            client.post("/documents", json=as_json(an_invoice(status=DocumentStatus.DRAFT)))
            world.push()
            draft = client.get("/documents/invoice/I-1").json()
            client.put("/documents/invoice/I-1", json=as_json(an_invoice()))
            world.push()
            issued = client.get("/documents/invoice/I-1").json()

        assert (draft["sync_status"], draft["records"]) == (None, [])
        assert issued["sync_status"] == "done"

    def test_a_draft_tells_no_ledger_and_an_issued_document_does_at_once(
        self, world: World
    ) -> None:
        with world.client() as client:
            client.post("/documents", json=as_json(an_invoice()))

        assert [line.status for line in world.lines() if line.ours] == [SyncStatus.PENDING]

    def test_without_a_ledger_it_is_kept(self, world: World) -> None:
        other = world.entity("DE")
        manager = world.credential(manage=True)
        with world.client(manager, entity_id=other) as client:
            answer = client.post("/documents", json=as_json(an_invoice()))

        assert (answer.status_code, answer.json()["sync_status"]) == (201, None)


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("changes", "loc"),
        [
            ({"total": "121"}, ["body", "total"]),
            ({"status": "paid"}, ["body", "status"]),
            ({"currency": "EURO"}, ["body", "invoice", "currency"]),
            ({"total": "NaN"}, ["body", "invoice", "total"]),
            ({"total": 1e300}, ["body", "invoice", "total"]),
            ({"surprise": 1}, ["body", "invoice", "surprise"]),
            ({"number": "a\0b"}, ["body", "invoice", "number"]),
            ({"type": "letter"}, ["body"]),
        ],
    )
    def test_a_document_that_is_wrong_is_refused_with_the_place(
        self, world: World, changes: dict[str, Any], loc: list[str]
    ) -> None:
        with world.client() as client:
            answer = client.post("/documents", json=as_json(an_invoice(), **changes))

        assert answer.status_code == 422
        assert [problem["loc"] for problem in answer.json()["detail"]] == [loc]
        assert answer.json()["detail"][0]["msg"]
        assert own_rows(world) == []

    @pytest.mark.parametrize(
        ("content", "kind"),
        [
            (b"", "application/json"),
            (b"{", "application/json"),
            (b"[]", "application/json"),
            (b"null", "application/json"),
            (b"[" * 100_000, "application/json"),
            (b'{"a":' * 100_000, "application/json"),
            (b'{"type":"invoice","total":NaN}', "application/json"),
            (b'{"type":"invoice","total":Infinity}', "application/json"),
            (b'{"type":"invoice","total":' + b"9" * 10_000 + b"}", "application/json"),
            (b'{"type":"invoice","total":1e999999999}', "application/json"),
            (b"\xff\xfe", "application/json"),
            (b'{"type":"contact","id":"x","name":"\\ud800"}', "application/json"),
            (b'{"type":"contact","id":"x","name":"x"}', "text/plain"),
            (b"type=contact", "application/x-www-form-urlencoded"),
        ],
    )
    @pytest.mark.parametrize("path", ["/documents", "/documents/bulk"])
    def test_what_is_no_document_changes_nothing(
        self, world: World, path: str, content: bytes, kind: str
    ) -> None:
        with world.client() as client:
            answer = client.post(path, content=content, headers={"content-type": kind})

        assert answer.status_code == 422
        assert answer.json()["detail"]
        assert own_rows(world) == []

    def test_a_zero_with_an_endless_exponent_stays_small(self, world: World) -> None:
        text = json.dumps(as_json(a_payment())).replace(
            '"currency": ', '"currency_rate": 0E-99999999, "currency": '
        )
        with world.client() as client:
            answer = client.post(
                "/documents", content=text, headers={"content-type": "application/json"}
            )

        assert answer.status_code == 201
        assert len(answer.content) < 5000

    @pytest.mark.parametrize(
        "path",
        [
            "/documents/not-a-uuid",
            "/documents/letter/x",
            "/documents/invoice/%00",
            f"/documents/invoice/{'x' * 300}",
            "/documents?limit=0",
            "/documents?limit=100000000000000000000000",
            "/documents?surprise=1",
            "/documents?number=%00",
            "/documents?date_from=yesterday",
            "/documents?updated_since=0.5",
        ],
    )
    def test_a_malformed_id_or_filter_is_refused(self, world: World, path: str) -> None:
        with world.client() as client:
            answer = client.get(path)

        assert answer.status_code == 422
        assert answer.json()["detail"]

    @pytest.mark.parametrize("token", ["x", "", "gAAAAA", "é"])
    def test_a_damaged_token_is_refused(self, world: World, token: str) -> None:
        with world.client() as client:
            answer = client.get("/documents", params={"pagination_token": token})

        assert answer.status_code == 400
        assert answer.json()["error"]["type"] == "invalid_pagination_token"


class TestPreconditions:
    def test_the_etag_that_was_read_lets_a_change_in(self, world: World) -> None:
        with world.client() as client:
            etag = client.post("/documents", json=as_json(an_invoice())).headers["etag"]
            changed = client.put(
                "/documents/invoice/I-1",
                json=as_json(an_invoice(note="new")),
                headers={"If-Match": etag},
            )

        assert (changed.status_code, changed.json()["outcome"]) == (200, "changed")
        assert changed.headers["etag"] != etag

    def test_a_stale_etag_changes_nothing(self, world: World) -> None:
        with world.client() as client:
            etag = client.post("/documents", json=as_json(an_invoice())).headers["etag"]
            client.put("/documents/invoice/I-1", json=as_json(an_invoice(note="new")))
            before = own_rows(world)
            for headers in (
                {"If-Match": etag},
                {"If-Match": f"W/{client.get('/documents/invoice/I-1').headers['etag']}"},
                {"If-None-Match": "*"},
            ):
                stale = client.put(
                    "/documents/invoice/I-1", json=as_json(an_invoice(note="x")), headers=headers
                )
                assert stale.status_code == 412
                assert stale.json()["error"]["type"] == "precondition_failed"
            gone = client.delete("/documents/invoice/I-1", headers={"If-Match": etag})

        assert gone.status_code == 412
        assert own_rows(world) == before

    def test_what_must_not_exist_yet_is_made_once(self, world: World) -> None:
        with world.client() as client:
            first, again = (
                client.put(
                    "/documents/invoice/I-1",
                    json=as_json(an_invoice()),
                    headers={"If-None-Match": "*"},
                )
                for _ in range(2)
            )

        assert (first.status_code, again.status_code) == (201, 412)

    def test_what_must_exist_and_does_not_is_refused(self, world: World) -> None:
        with world.client() as client:
            answer = client.put(
                "/documents/invoice/I-1", json=as_json(an_invoice()), headers={"If-Match": "*"}
            )

        assert answer.status_code == 412
        assert own_rows(world) == []

    @pytest.mark.parametrize(
        "headers", [{"If-Match": "abc"}, {"If-Match": '"a'}, {"If-None-Match": '"a"'}]
    )
    def test_a_header_that_is_no_etag_is_refused(
        self, world: World, headers: dict[str, str]
    ) -> None:
        with world.client() as client:
            answer = client.put(
                "/documents/invoice/I-1", json=as_json(an_invoice()), headers=headers
            )

        assert answer.status_code == 422
        assert own_rows(world) == []

    @pytest.mark.parametrize("path", ["/documents/invoice/I-2", "/documents/bill/I-1"])
    def test_the_path_and_the_body_must_agree(self, world: World, path: str) -> None:
        with world.client() as client:
            answer = client.put(path, json=as_json(an_invoice()))

        assert answer.status_code == 422
        assert own_rows(world) == []

    def test_paying_is_no_part_of_an_id(self, world: World) -> None:
        with world.client() as client:
            answer = client.get("/documents/invoice/I-1/mark-as-paid")

        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")

    def test_an_id_may_hold_a_slash(self, world: World) -> None:
        path = "/documents/invoice/2026%2F1/mark"
        with world.client() as client:
            made = client.put(path, json=as_json(an_invoice("2026/1/mark")))
            read = client.get(path)

        assert (made.status_code, read.json()["external_id"]) == (201, "2026/1/mark")


class TestDeleting:
    def test_what_the_ledger_has_is_voided_there(self, world: World) -> None:
        world.hand_in(a_contact(), an_invoice())
        world.push()
        with world.client() as client:
            answer = client.delete("/documents/invoice/I-1")
            world.push()
            gone = client.get("/documents/invoice/I-1")
            world.sync()

        (line,) = [line for line in world.lines() if line.external_id == "I-1"]
        assert (answer.status_code, gone.status_code) == (204, 404)
        assert line.status is SyncStatus.DONE
        (there,) = world.ledger.documents(ObjectType.INVOICE)
        assert there.status == "void"
        with world.runtime.begin() as work:
            assert work.issues.listing(world.connection_id) == []

    def test_what_was_never_sent_never_goes_out(self, world: World) -> None:
        world.hand_in(a_contact(), an_invoice())
        with world.client() as client:
            client.delete("/documents/invoice/I-1")
        world.push()

        (line,) = [line for line in world.lines() if line.external_id == "I-1"]
        assert (line.status, line.reason_code) == (SyncStatus.SKIPPED, "deleted")

    def test_its_owner_may_think_again(self, world: World) -> None:
        world.hand_in(a_contact(), an_invoice())
        with world.client() as client:
            client.delete("/documents/invoice/I-1")
            world.push()
            again = client.put(
                "/documents/invoice/I-1",
                json=as_json(an_invoice()),
                headers={"If-None-Match": "*"},
            )
            world.push()
            read = client.get("/documents/invoice/I-1").json()

        assert again.status_code == 200
        assert [one["status"] for one in read["records"]] == ["done"]

    def test_deleting_again_changes_nothing(self, world: World) -> None:
        world.hand_in(an_invoice())
        with world.client() as client:
            client.delete("/documents/invoice/I-1")
            before = own_rows(world)
            again = client.delete("/documents/invoice/I-1")
            unknown = client.delete("/documents/invoice/I-2")

        assert (again.status_code, unknown.status_code) == (204, 404)
        assert own_rows(world) == before


class TestBulk:
    def test_each_document_has_its_own_result(self, world: World) -> None:
        world.hand_in(an_invoice("I-1"), an_invoice("I-2"))
        sent = [
            as_json(an_invoice("I-1")),
            as_json(an_invoice("I-2", note="edited")),
            as_json(an_invoice("I-3")),
            as_json(an_invoice("I-4"), total="1"),
            as_json(an_invoice("I-3")),
            as_json(an_invoice("I-3", note="other")),
            "nonsense",
        ]
        with world.client() as client:
            answer = client.post("/documents/bulk", json={"documents": sent})

        body = answer.json()
        assert answer.status_code == 200
        assert [one["outcome"] for one in body["data"]] == [
            "unchanged",
            "changed",
            "created",
            "refused",
            "unchanged",
            "refused",
            "refused",
        ]
        assert body["data"][3]["reason"].startswith("total: 1.00 EUR is stated")
        assert [body[name] for name in ("created", "changed", "unchanged", "refused")] == [
            1, 1, 2, 3,
        ]  # fmt: skip
        assert body["data"][2]["sync_status"] == "pending"
        assert body["billing_entity"]["code"] == "FR"

    def test_a_thousand_take_as_many_statements_as_ten(self, world: World) -> None:
        counted = []
        with world.client() as client:
            for number in (10, 1000):
                sent = [as_json(an_invoice(f"I-{number}-{index}")) for index in range(number)]
                with statements(world) as seen:
                    answer = client.post("/documents/bulk", json={"documents": sent})
                assert answer.json()["created"] == number
                counted.append(len(seen))

        assert counted[0] == counted[1]

    @pytest.mark.parametrize("number", [0, 1001])
    def test_none_and_too_many_are_refused(self, world: World, number: int) -> None:
        sent = [as_json(a_contact(f"C-{index}")) for index in range(number)]
        with world.client() as client:
            answer = client.post("/documents/bulk", json={"documents": sent})

        assert answer.status_code == 422
        assert own_rows(world) == []


class TestListing:
    def test_pages_join_without_gap_or_overlap_in_both_directions(self, world: World) -> None:
        for index in range(7):
            world.hand_in(an_invoice(f"I-{index}"))
        with world.client() as client:
            whole = client.get("/documents?own=true").json()["data"]
            page = client.get("/documents?own=true&limit=3").json()
            seen = list(page["data"])
            backwards: list[Any] = []
            while token := page["next_pagination_token"]:
                page = client.get(
                    "/documents", params={"limit": 3, "pagination_token": token}
                ).json()
                seen += page["data"]
            while token := page["prev_pagination_token"]:
                page = client.get(
                    "/documents", params={"limit": 3, "pagination_token": token}
                ).json()
                backwards = page["data"] + backwards

        assert [one["external_id"] for one in whole] == [f"I-{index}" for index in range(6, -1, -1)]
        assert seen == whole
        assert backwards == whole[: len(backwards)]
        assert len(backwards) >= 6

    @pytest.mark.parametrize(
        ("filters", "expected"),
        [
            ({"type": "invoice"}, {"I-1", "I-2"}),
            ({"type": "bill"}, {"B-1"}),
            ({"status": "draft"}, {"I-2"}),
            ({"number": "INV-I-1"}, {"I-1"}),
            ({"external_id": "B-1"}, {"B-1"}),
            ({"contact_id": "S-1"}, {"B-1"}),
            ({"date_from": "2026-04-01"}, {"B-1"}),
            ({"date_to": "2026-03-31"}, {"I-1", "I-2"}),
            ({"updated_since": "2999-01-01T00:00:00Z"}, set()),
            ({"updated_since": "2026-01-01", "type": "bill"}, {"B-1"}),
            ({"billing_entity": "FR"}, {"I-1", "I-2", "B-1"}),
            ({"billing_entity": "DE"}, {"I-9"}),
        ],
    )
    def test_filters(self, world: World, filters: dict[str, str], expected: set[str]) -> None:
        world.hand_in(an_invoice(), an_invoice("I-2", status="draft"))
        world.hand_in(a_bill(issue_date="2026-04-01"))
        world.hand_in(an_invoice("I-9"), entity_id=world.entity("DE"))
        with world.client() as client:
            found = client.get("/documents", params={"own": "true", **filters}).json()["data"]

        assert {one["external_id"] for one in found} == expected
        assert {one["billing_entity"]["code"] for one in found} <= {
            filters.get("billing_entity", "FR")
        }

    def test_what_was_pulled_is_listed_and_read_by_our_id(self, world: World) -> None:
        with world.client() as client:
            found = client.get("/documents?own=false&type=tax_rate").json()["data"]
            read = client.get(f"/documents/{found[0]['id']}").json()

        assert read["source_id"] == str(world.connection_id)
        assert read["content"]["type"] == "tax_rate"

    def test_an_unknown_billing_entity_is_told(self, world: World) -> None:
        world.entity("GB", organisation="Globex")
        with world.client() as client:
            for code in ("XX", "GB"):
                answer = client.get("/documents", params={"billing_entity": code})
                assert answer.status_code == 400
                assert answer.json()["error"]["type"] == "unknown_billing_entity"


class TestMarkAsPaid:
    def paid(
        self, client: httpx.Client, path: str = "invoice/I-1", **fields: Any
    ) -> httpx.Response:
        """Mark as paid with an id of the product's own."""
        body = {"id": "Z-1", "date": DAY} | fields
        return client.post(f"/documents/{path}/mark-as-paid", json=body)

    def test_the_paid_state_comes_back_from_the_ledger(self, world: World) -> None:
        world.hand_in(a_contact(), an_invoice())
        with world.client() as client:
            answer = self.paid(client, method="card", reference="R-1")
            at_once = client.get("/documents/invoice/I-1").json()
            world.sync()
            world.sync()
            then = client.get("/documents/invoice/I-1").json()

        assert answer.status_code == 201
        payment = answer.json()["content"]
        assert (payment["amount"], payment["side"], payment["method"]) == (
            "120",
            "customer",
            "card",
        )
        assert payment["allocations"] == [
            {"document_type": "invoice", "document_id": "I-1", "amount": "120"}
        ]
        assert (at_once["status"], at_once["balance"]) == ("open", None)
        assert (then["status"], then["balance"]) == ("paid", "0")

    def test_a_part_leaves_the_rest_open(self, world: World) -> None:
        world.hand_in(a_contact(), an_invoice())
        with world.client() as client:
            part = self.paid(client, amount="20.00")
            too_much = self.paid(client, id="Z-2", amount="100.01")
            world.sync()
            world.sync()
            still_too_much = self.paid(client, id="Z-2", amount="100.01")
            rest = self.paid(client, id="Z-3")
            nothing = self.paid(client, id="Z-4")

        assert part.status_code == 201
        assert [too_much.status_code, still_too_much.status_code] == [409, 409]
        assert "only 100.00 EUR" in too_much.json()["error"]["message"]
        assert (rest.status_code, rest.json()["total"]) == (201, "100")
        assert nothing.status_code == 409

    def test_a_bill_is_paid_to_its_supplier(self, world: World) -> None:
        world.hand_in(a_supplier(), a_bill())
        with world.client() as client:
            answer = self.paid(client, "bill/B-1", account="512000")

        assert answer.json()["content"]["side"] == "supplier"
        assert answer.json()["content"]["account_id"] == "512000"

    def test_repeating_it_makes_no_second_payment(self, world: World) -> None:
        world.hand_in(an_invoice())
        with world.client() as client:
            self.paid(client)
            again = self.paid(client)
            other = self.paid(client, amount="5")
            by_key = [
                client.post(
                    "/documents/invoice/I-1/mark-as-paid",
                    json={"date": DAY},
                    headers={"Idempotency-Key": "k"},
                )
                for _ in range(2)
            ]

        assert (again.status_code, again.json()["outcome"]) == (200, "unchanged")
        assert other.status_code == 409
        assert [one.status_code for one in by_key] == [409, 409]
        assert len([row for row in own_rows(world) if row.type == "payment"]) == 1

    def test_the_key_makes_the_id(self, world: World) -> None:
        world.hand_in(an_invoice())
        with world.client() as client:
            first, again = (
                client.post(
                    "/documents/invoice/I-1/mark-as-paid",
                    json={"date": DAY, "amount": "1"},
                    headers={"Idempotency-Key": "k"},
                )
                for _ in range(2)
            )

        assert (first.status_code, again.status_code) == (201, 201)
        assert again.headers["idempotency-replayed"] == "true"
        assert first.json() == again.json()

    @pytest.mark.parametrize(
        ("fields", "status"),
        [
            ({"id": None}, 422),
            ({"amount": "0"}, 422),
            ({"amount": "-1"}, 422),
            ({"amount": "NaN"}, 422),
            ({"amount": 1e400}, 422),
            ({"date": "soon"}, 422),
            ({"paid": True}, 422),
            ({"amount": "121"}, 409),
        ],
    )
    def test_bad_input_makes_no_payment(
        self, world: World, fields: dict[str, Any], status: int
    ) -> None:
        world.hand_in(an_invoice())
        with world.client() as client:
            text = json.dumps({"id": "Z-1", "date": DAY} | fields)
            answer = client.post(
                "/documents/invoice/I-1/mark-as-paid",
                content=text,
                headers={"content-type": "application/json"},
            )

        assert answer.status_code == status
        assert [row.type for row in own_rows(world)] == ["invoice"]

    @pytest.mark.parametrize("state", ["draft", "void"])
    def test_what_is_not_issued_cannot_be_paid(self, world: World, state: str) -> None:
        world.hand_in(an_invoice(status=state))
        with world.client() as client:
            assert self.paid(client).status_code == 409
            assert self.paid(client, "invoice/I-2").status_code == 404


class TestWhoMay:
    def test_an_organisation_reads_and_does_not_write(self, world: World) -> None:
        world.hand_in(an_invoice(), an_entry())
        before = own_rows(world)
        with world.client(world.credential()) as client:
            read = client.get("/documents/invoice/I-1")
            refused = [
                client.post("/documents", json=as_json(an_invoice("I-2"))),
                client.post("/documents/payments", json=as_json(a_payment())),
                client.post("/documents/bulk", json={"documents": [as_json(an_invoice("I-2"))]}),
                client.put("/documents/invoice/I-1", json=as_json(an_invoice(note="x"))),
                client.delete("/documents/invoice/I-1"),
                client.post("/documents/invoice/I-1/mark-as-paid", json={"id": "Z-1", "date": DAY}),
            ]

        assert read.status_code == 200
        assert [one.status_code for one in refused] == [403] * 6
        assert {one.json()["error"]["type"] for one in refused} == {"credential_not_linked"}
        assert own_rows(world) == before

    def test_another_entitys_documents_are_not_to_be_found(self, world: World) -> None:
        other = world.entity("DE")
        world.hand_in(an_invoice())
        (document,) = own_rows(world)
        with world.client(world.credential(manage=True), entity_id=other) as client:
            answers = [
                client.get(f"/documents/{document.id}"),
                client.get("/documents/invoice/I-1"),
                client.delete("/documents/invoice/I-1"),
                client.get(f"/documents/{uuid4()}"),
                client.post("/documents/invoice/I-1/mark-as-paid", json={"id": "Z-1", "date": DAY}),
            ]
            listed = client.get("/documents").json()["data"]

        assert [one.status_code for one in answers] == [404] * 5
        assert listed == []
        assert own_rows(world) == [document]

    def test_an_integration_does_not_write_for_an_entity_that_is_not_its_own(
        self, world: World
    ) -> None:
        other = world.entity("DE")
        with world.client(entity_id=other) as client:
            answer = client.post("/documents", json=as_json(an_invoice()))

        assert answer.status_code == 403
        assert answer.json()["error"]["type"] == "billing_entity_mismatch"
        assert own_rows(world) == []

    def test_a_token_of_one_entity_is_no_token_of_another(self, world: World) -> None:
        for index in range(3):
            world.hand_in(an_invoice(f"I-{index}"))
        other = world.entity("DE")
        organisation = world.credential()
        with world.client(organisation) as client:
            token = client.get("/documents?limit=1").json()["next_pagination_token"]
        with world.client(organisation, entity_id=other) as client:
            answer = client.get("/documents", params={"pagination_token": token})

        assert answer.status_code == 400
