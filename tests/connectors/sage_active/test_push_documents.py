"""Sales invoices, bills and credit notes on their way into simulated books."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from connectors.base import Absent, Accepted, Found, Operation, Progressed, Unclear
from connectors.errors import MappingMissing, Rejected, Unsupported
from connectors.faults import Fault
from connectors.sage_active import SPEC
from models.canonical import Address, ContactRole, ObjectType, Side
from tests.connectors.sage_active.bench import CLOSED_DAY, DAY, NORMAL, SageBench

ENTRY = {"modes": {"invoices": "entry", "bills": "entry"}}
GENERATED = {"modes": {"credit_notes": "document"}}


class TestSalesInvoices:
    def test_an_invoice_is_created_compared_closed_and_posted(self, country: SageBench) -> None:
        connector = country.connector()
        connector.check()
        item = country.item(country.invoice("100.00", "12.34"))

        _, result = country.push(item, connector)

        assert isinstance(result, Accepted)
        row = country.company.row("salesInvoices", result.platform_id)
        assert row["status"] == "Posted"
        assert row["externalReference"] == item.marker
        assert result.number == row["operationalNumber"]
        writes = [name for name in country.operations() if "SalesInvoice" in name]
        assert writes == [
            "CreateSalesInvoice",
            "SalesInvoices",
            "CloseSalesInvoice",
            "PostSalesInvoice",
        ]

    def test_reference_data_is_read_once_for_all_invoices(self, bench: SageBench) -> None:
        connector = bench.connector()
        connector.check()
        bench.push(bench.invoice(), connector)
        before = bench.scope.calls

        bench.push(bench.invoice(), connector)

        assert bench.scope.calls - before == 4

    def test_its_number_and_the_order_stay_visible(self, bench: SageBench) -> None:
        done = bench.accepted(bench.invoice(number="INV-77", order_number="PO-9", note="Thank you"))

        row = bench.company.row("salesInvoices", done.platform_id)
        assert "INV-77" in row["remarks"]
        assert (row["salesOrderNumber"], row["comments"]) == ("PO-9", "Thank you")

    def test_the_due_date_is_ours(self, bench: SageBench) -> None:
        due = DAY + timedelta(days=17)

        done = bench.accepted(bench.invoice(due_date=due))

        (item,) = bench.company.open_items("salesInvoices", done.platform_id)
        assert item["dueDate"].date() == due
        assert done.notes == ()

    def test_other_sums_are_found_before_it_is_closed(self, bench: SageBench) -> None:
        invoice = bench.invoice("100.00")
        wrong = invoice.model_copy(update={"tax_total": Decimal(19), "total": Decimal(119)})
        item = bench.item(wrong)

        error = bench.error(item)

        assert error.cause is not None
        assert error.cause.code == "totals_differ"
        assert error.withdrawn
        assert bench.company.documents_with("salesInvoices", item.marker) == []
        assert "CloseSalesInvoice" not in bench.operations()

    @pytest.mark.parametrize(
        ("settings", "status"), [({"close": False}, "Pending"), ({"post": False}, "Closed")]
    )
    def test_people_may_keep_a_step_to_themselves(
        self, bench: SageBench, settings: dict[str, bool], status: str
    ) -> None:
        item, result = bench.push(bench.invoice(), **settings)

        assert isinstance(result, Accepted)
        assert bench.company.row("salesInvoices", result.platform_id)["status"] == status
        assert "waits in Sage Active" in result.notes[0]
        (found,) = bench.connector(**settings).find(ObjectType.INVOICE, [item])
        assert isinstance(found, Found)
        assert found.progress is None

    def test_a_draft_follows_its_edits_until_it_is_closed(self, bench: SageBench) -> None:
        item, created = bench.push(bench.invoice("100.00"), close=False)
        assert isinstance(created, Accepted)
        edited = replace(
            item,
            operation=Operation.UPDATE,
            record=bench.changed(item.record),
            platform_id=created.platform_id,
            progress=None,
        )

        _, result = bench.push(edited, close=False)

        assert isinstance(result, Accepted)
        (row,) = bench.company.documents_with("salesInvoices", item.marker)
        assert (row["id"], row["totalNet"]) == (result.platform_id, Decimal("70.00"))

    def test_a_number_of_our_own_closes_it_at_once(self, bench: SageBench) -> None:
        done = bench.accepted(bench.invoice(number="2026-117"), invoice_numbers="ours")

        row = bench.company.row("salesInvoices", done.platform_id)
        assert (row["operationalNumber"], row["status"]) == ("2026-117", "Posted")
        assert "CloseSalesInvoice" not in bench.operations()

    def test_other_sums_under_a_number_of_ours_are_not_posted(self, bench: SageBench) -> None:
        invoice = bench.invoice("100.00", number="2026-118")
        wrong = invoice.model_copy(update={"tax_total": Decimal(19), "total": Decimal(119)})

        error = bench.error(wrong, invoice_numbers="ours")

        assert error.cause is not None
        assert error.cause.code == "totals_differ"
        assert not error.withdrawn
        assert "PostSalesInvoice" not in bench.operations()

    def test_what_somebody_has_posted_in_the_meantime_is_accepted(self, bench: SageBench) -> None:
        item = bench.item(bench.invoice())
        connector = bench.connector()
        item, _ = bench.step(item, connector)
        item, _ = bench.step(item, connector)
        assert item.platform_id is not None
        bench.company.post_invoice(item.platform_id)

        _, result = bench.step(item, connector)

        assert isinstance(result, Accepted)

    def test_what_somebody_has_closed_in_the_meantime_is_posted(self, bench: SageBench) -> None:
        item, _ = bench.step(bench.item(bench.invoice()))
        draft = item.platform_id
        assert draft is not None
        bench.ledger.between_pages("salesInvoices", lambda: bench.company.close_invoice(draft))

        done = bench.accepted(item)

        assert done.number is not None
        assert bench.company.row("salesInvoices", draft)["status"] == "Posted"

    def test_a_closed_year_is_refused_before_anything_is_sent(self, bench: SageBench) -> None:
        error = bench.error(bench.invoice(day=CLOSED_DAY))

        assert error.cause is not None
        assert error.cause.code == "exercise_closed"
        assert "CreateSalesInvoice" not in bench.operations()

    def test_a_closed_period_is_refused_and_named(self, bench: SageBench) -> None:
        bench.company.close_period(DAY)

        error = bench.error(bench.invoice())

        assert error.cause is not None
        assert error.cause.code == "period_closed"
        assert "2026-05-01" in error.cause.words["period"]

    def test_another_currency_is_refused_before_anything_is_sent(self, bench: SageBench) -> None:
        error = bench.error(bench.invoice(currency="USD"))

        assert isinstance(error, Unsupported)
        assert bench.operations() == []

    def test_a_line_whose_price_does_not_come_out_is_booked_as_one(self, bench: SageBench) -> None:
        line = bench.line("10.00", "20", quantity=Decimal(3), unit_price=Decimal("3.33"))

        done = bench.accepted(bench.invoice(lines=[line]))

        assert done.notes == ("line 1 is booked as 1 x 10.00",)
        assert done.totals.net == Decimal("10.00")

    def test_allowances_on_the_document_are_lines(self, bench: SageBench) -> None:
        line = bench.line("100.00", "20")
        allowance = {
            "kind": "allowance",
            "amount": Decimal(10),
            "reason": "Loyalty",
            "tax_rate_id": line.tax_rate_id,
            "account_id": line.account_id,
        }
        invoice = bench.invoice(
            lines=[line],
            allowances_charges=(allowance,),
            tax_breakdown=(),
            net_total=Decimal(90),
            tax_total=Decimal(18),
            total=Decimal(108),
        )

        done = bench.accepted(invoice)

        assert done.totals.total == Decimal("108.00")


class TestProducts:
    def test_a_rate_without_a_product_is_a_question_for_a_person(self, bench: SageBench) -> None:
        line = bench.line("100.00", "20", account_id=bench.account("CHARGE"))

        error = bench.error(bench.invoice(lines=[line]))

        assert isinstance(error, MappingMissing)
        assert error.cause is not None
        assert error.cause.code == "product_missing"
        assert error.cause.words["rate"] == "20"
        assert "CreateSalesInvoice" not in bench.operations()

    def test_the_settings_may_name_a_product_for_a_rate(self, bench: SageBench) -> None:
        line = bench.line("100.00", "20", account_id=bench.account("CHARGE"))
        code = bench.company.row("products", bench.company.product("20"))["code"]

        done = bench.accepted(bench.invoice(lines=[line]), products={"20": code})

        assert done.totals.tax == Decimal("20.00")

    def test_a_product_of_another_rate_is_not_taken(self, bench: SageBench) -> None:
        other = bench.company.add_product("OTHER", "10")

        done = bench.accepted(bench.invoice(lines=[bench.line("100.00", "20", item_id=other)]))

        (line,) = bench.company.lines("salesInvoices", done.platform_id)
        assert line["productId"] != other

    def test_the_lines_own_product_is_taken_when_its_rate_fits(self, bench: SageBench) -> None:
        own = bench.company.add_product("OWN", "20")

        done = bench.accepted(bench.invoice(lines=[bench.line("100.00", "20", item_id=own)]))

        (line,) = bench.company.lines("salesInvoices", done.platform_id)
        assert line["productId"] == own


class TestLostAnswers:
    @pytest.mark.parametrize("settings", [{}, ENTRY], ids=["documents", "entries"])
    @pytest.mark.parametrize("fault", [Fault.DROP_BEFORE, Fault.DROP_AFTER, Fault.SLOW_COMMIT])
    @pytest.mark.parametrize("kind", [ObjectType.INVOICE, ObjectType.BILL])
    def test_every_step_of_a_document_may_be_lost_and_there_is_still_one(
        self,
        bench: SageBench,
        kind: ObjectType,
        fault: Fault,
        settings: dict[str, dict[str, str]],
    ) -> None:
        for skip in range(3):
            item = bench.item(bench.sample(kind))
            bench.faults.arm(fault, body='"query":\\s*"mutation', skip=skip, seconds=0.01)

            bench.settle(item, **settings)

            bench.faults.clear()
            table = "salesInvoices" if kind is ObjectType.INVOICE else "purchaseInvoices"
            found = [
                *bench.company.documents_with(table, item.marker),
                *bench.company.documents_with("accountingEntries", item.marker),
            ]
            assert len(found) == 1

    @pytest.mark.parametrize("fault", [Fault.DROP_BEFORE, Fault.DROP_AFTER])
    def test_every_step_of_a_generated_credit_note_may_be_lost(
        self, bench: SageBench, fault: Fault
    ) -> None:
        for skip in range(4):
            invoice = bench.posted_invoice()
            item = bench.item(bench.credit_note("100.00", corrects=(invoice,)))
            bench.faults.arm(fault, body='"query":\\s*"mutation', skip=skip)

            done = bench.settle(item, **GENERATED)

            bench.faults.clear()
            notes = bench.company.rows("salesInvoices", sourceSalesInvoiceId=invoice)
            assert [row["id"] for row in notes] == [done.platform_id]
            assert notes[0]["status"] == "Posted"


class TestLookingUp:
    def test_two_documents_with_one_marker_are_named(self, bench: SageBench) -> None:
        item, result = bench.push(bench.invoice())
        assert isinstance(result, Accepted)
        copy = bench.company.copy("salesInvoices", result.platform_id)

        (found,) = bench.connector().find(ObjectType.INVOICE, [replace(item, platform_id=None)])

        bench.company.delete("salesInvoices", copy)
        assert isinstance(found, Unclear)
        assert item.marker in found.reason

    def test_several_are_looked_up_with_one_query(self, bench: SageBench) -> None:
        items = [bench.push(bench.invoice())[0] for _ in range(3)]
        connector = bench.connector()
        connector.check()

        results = connector.find(ObjectType.INVOICE, items)

        assert all(isinstance(one, Found) for one in results)
        assert bench.scope.calls == 2

    def test_a_document_is_found_whatever_the_mode_was(self, bench: SageBench) -> None:
        item, _ = bench.push(bench.invoice(), **ENTRY)
        lost = replace(item, platform_id=None, progress=None)

        (found,) = bench.connector().find(ObjectType.INVOICE, [lost])

        assert isinstance(found, Found)

    def test_the_entry_that_a_bill_was_posted_with_is_not_the_bill(self, bench: SageBench) -> None:
        item, created = bench.push(bench.bill())
        assert isinstance(created, Accepted)
        lost = replace(item, platform_id=None, progress=None)

        (found,) = bench.connector(**ENTRY).find(ObjectType.BILL, [lost])

        assert isinstance(found, Found)
        assert found.accepted.platform_id == created.platform_id

    def test_a_step_goes_on_in_the_mode_that_it_began_in(self, bench: SageBench) -> None:
        item, _ = bench.step(bench.item(bench.invoice()), bench.connector(**ENTRY))

        _, result = bench.push(item)

        assert isinstance(result, Accepted)

    def test_a_change_of_a_document_of_another_mode_finds_it_there(self, bench: SageBench) -> None:
        item, created = bench.push(bench.invoice(), **ENTRY)
        assert isinstance(created, Accepted)
        same = replace(
            item, operation=Operation.UPDATE, platform_id=created.platform_id, progress=None
        )

        assert bench.accepted(same).platform_id == created.platform_id

    def test_a_bill_with_the_same_number_but_other_sums_is_not_ours(self, bench: SageBench) -> None:
        bench.company.add_bill("F-1", [(20, 500)])
        item = bench.item(bench.bill("80.00", number="F-1"))

        (found,) = bench.connector().find(ObjectType.BILL, [item])

        assert isinstance(found, Unclear)
        assert "F-1" in found.reason

    def test_a_bill_of_another_supplier_is_another_bill(self, bench: SageBench) -> None:
        other = bench.company.add_supplier("Other SARL")
        bench.company.add_bill("F-1", [(20, 80)], supplier_id=other)
        item = bench.item(bench.bill("80.00", number="F-1"))

        assert bench.connector().find(ObjectType.BILL, [item]) == [Absent()]


class TestBills:
    def test_a_bill_is_created_compared_and_posted(self, country: SageBench) -> None:
        connector = country.connector()
        rate = NORMAL[country.country]
        bill = country.bill(lines=[country.bought("80.00", rate), country.bought("20.00", rate)])

        _, result = country.push(bill, connector)

        assert isinstance(result, Accepted)
        row = country.company.row("purchaseInvoices", result.platform_id)
        assert row["status"] == "Posted"
        (line,) = country.company.lines("purchaseInvoices", result.platform_id)
        assert line["totalVatBase"] == Decimal("100.00")
        writes = [name for name in country.operations() if name.endswith("PurchaseInvoice")]
        assert writes == ["CreatePurchaseInvoice", "PostPurchaseInvoice"]

    def test_the_suppliers_number_is_the_bills(self, bench: SageBench) -> None:
        done = bench.accepted(bench.bill(number="F-2026-8"))

        row = bench.company.row("purchaseInvoices", done.platform_id)
        assert row["invoiceNumber"] == "F-2026-8"

    def test_stated_tax_is_kept_although_it_would_be_computed_otherwise(
        self, bench: SageBench
    ) -> None:
        bill = bench.bill("80.00")
        subtotal = bill.tax_breakdown[0].model_copy(update={"tax_amount": Decimal("16.01")})
        ours = bill.model_copy(
            update={
                "tax_breakdown": (subtotal,),
                "tax_total": Decimal("16.01"),
                "total": Decimal("96.01"),
            }
        )

        done = bench.accepted(ours)

        assert done.totals.total == Decimal("96.01")

    def test_a_due_date_that_sage_does_not_take_is_said(self, bench: SageBench) -> None:
        done = bench.accepted(bench.bill(due_date=DAY + timedelta(days=3)))

        assert any("due on" in note for note in done.notes)


class TestEntries:
    @pytest.mark.parametrize("kind", [ObjectType.INVOICE, ObjectType.BILL])
    def test_a_document_as_an_entry_has_its_tax_and_its_open_items(
        self, country: SageBench, kind: ObjectType
    ) -> None:
        record = country.invoice("100.00") if kind is ObjectType.INVOICE else country.bill("100.00")

        done = country.accepted(record, **ENTRY)

        assert (done.totals.net, done.totals.total) == (record.net_total, record.total)
        assert done.notes == ()
        assert country.company.open_items("accountingEntries", done.platform_id)
        (there,) = [one for one in country.records(kind) if one.platform_id == done.platform_id]
        assert there.record.total == record.total
        assert there.record.contact_id == record.contact_id

    def test_a_document_without_tax_registers_is_accepted_with_a_warning(
        self, bench: SageBench
    ) -> None:
        line = bench.line("100.00", "20", account_id=bench.account("CAPITAL"))

        done = bench.accepted(bench.invoice(lines=[line]), **ENTRY)

        assert any("tax register" in note for note in done.notes)

    @pytest.mark.parametrize("side", list(Side))
    def test_a_credit_note_turns_the_sides_around(self, country: SageBench, side: Side) -> None:
        fields: dict[str, object] = {"side": side}
        if side is Side.SUPPLIER:
            rate = NORMAL[country.country]
            fields |= {
                "contact_id": country.supplier,
                "lines": [country.bought("40.00", rate)],
            }
        note = country.credit_note(**fields)  # type: ignore[arg-type]  # fields of the record

        done = country.accepted(note)

        found = country.records(ObjectType.CREDIT_NOTE)
        (there,) = [one for one in found if one.platform_id == done.platform_id]
        assert (there.record.side, there.record.total) == (side, note.total)

    def test_a_spanish_credit_note_goes_to_the_journal_of_its_reason(self) -> None:
        bench = SageBench("ES")

        done = bench.accepted(bench.credit_note(correction_reason="R4"))

        entry = bench.company.row("accountingEntries", done.platform_id)
        journal = bench.company.row("journalTypes", entry["journalTypeId"])
        assert journal["creditNoteReason"] == "R4"

    def test_an_archived_account_is_named_before_anything_is_sent(self, bench: SageBench) -> None:
        code = bench.expense["code"]
        bill = bench.bill()
        bench.company.archive_account(code)

        error = bench.error(bill, **ENTRY)

        assert error.cause is not None
        assert (error.cause.code, error.cause.subject) == ("account_archived", code)
        assert "CreateAccountingEntryUsingIds" not in bench.operations()


class TestGeneratedCreditNotes:
    def test_sage_makes_it_from_the_invoice(self, country: SageBench) -> None:
        rate = NORMAL[country.country]
        invoice = country.posted_invoice((rate, "100.00"))
        item = country.item(country.credit_note("100.00", corrects=(invoice,)))

        item, result = country.push(item, **GENERATED)

        assert isinstance(result, Accepted)
        row = country.company.row("salesInvoices", result.platform_id)
        assert (row["type"], row["status"]) == ("CREDIT_NOTE", "Posted")
        assert row["externalReference"] == item.marker
        (found,) = country.connector(**GENERATED).find(ObjectType.CREDIT_NOTE, [item])
        assert isinstance(found, Found)
        assert found.progress is None

    def test_a_part_of_an_invoice_is_none_of_its_business(self, bench: SageBench) -> None:
        invoice = bench.posted_invoice()

        error = bench.error(bench.credit_note("40.00", corrects=(invoice,)), **GENERATED)

        assert isinstance(error, Unsupported)
        assert "GenerateCreditNote" not in bench.operations()

    def test_a_draft_that_carries_another_marker_is_not_ours(self, bench: SageBench) -> None:
        invoice = bench.posted_invoice()
        draft = bench.company.credit_invoice(invoice)
        bench.company.edit("salesInvoices", draft, externalReference="LB-0123456789ABCDEF")
        item = bench.item(bench.credit_note("100.00", corrects=(invoice,)))

        found = bench.connector(**GENERATED).find(ObjectType.CREDIT_NOTE, [item])

        assert found == [Absent()]

    def test_two_drafts_that_could_be_ours_are_a_question_for_a_person(
        self, bench: SageBench
    ) -> None:
        invoice = bench.posted_invoice()
        first = bench.company.credit_invoice(invoice)
        bench.company.copy("salesInvoices", first)
        item = bench.item(bench.credit_note("100.00", corrects=(invoice,)))

        (found,) = bench.connector(**GENERATED).find(ObjectType.CREDIT_NOTE, [item])

        assert isinstance(found, Unclear)


class TestParties:
    def test_a_contact_that_is_both_gives_each_document_the_right_one(
        self, bench: SageBench
    ) -> None:
        both = bench.accepted(bench.sample(ObjectType.CONTACT)).platform_id

        invoice = bench.accepted(bench.invoice(contact_id=both))
        bill = bench.accepted(bench.bill(contact_id=both))

        assert bench.company.row("salesInvoices", invoice.platform_id)["customerId"] == both
        supplier = bench.company.row("purchaseInvoices", bill.platform_id)["supplierId"]
        assert (
            bench.company.row("suppliers", supplier)["socialName"]
            == (bench.company.row("customers", both)["socialName"])
        )

    def test_a_customer_that_is_no_supplier_is_named(self, bench: SageBench) -> None:
        error = bench.error(bench.bill(contact_id=bench.customer))

        assert isinstance(error, MappingMissing)
        assert error.cause is not None
        assert error.cause.code == "contact_without_role"

    def test_a_tax_number_that_is_there_already_is_that_customer(self, bench: SageBench) -> None:
        there = bench.company.row("customers", bench.customer)
        contact = bench.sample(ObjectType.CONTACT).model_copy(
            update={"company_number": there["documentId"], "roles": (ContactRole.CUSTOMER,)}
        )

        done = bench.accepted(contact)

        assert done.platform_id == there["id"]
        assert "had it already" in done.notes[0]

    def test_a_name_that_is_too_long_is_said_before_anything_is_sent(
        self, bench: SageBench
    ) -> None:
        contact = bench.sample(ObjectType.CONTACT).model_copy(update={"name": "x" * 71})

        error = bench.error(contact)

        assert isinstance(error, Rejected)
        assert error.cause is not None
        assert error.cause.code == "field_too_long"
        assert error.cause.words["limit"] == "70"
        assert "CreateCustomer" not in bench.operations()

    def test_our_number_becomes_the_code_where_it_can(self, country: SageBench) -> None:
        number = {"FR": "CL-77", "ES": "CL-77", "DE": "12077"}[country.country]
        contact = country.sample(ObjectType.CONTACT).model_copy(
            update={"number": number, "roles": (ContactRole.CUSTOMER,)}
        )

        done = country.accepted(contact)

        assert done.number == number

    def test_a_number_that_german_books_cannot_take_is_left_out(self) -> None:
        bench = SageBench("DE")
        contact = bench.sample(ObjectType.CONTACT).model_copy(
            update={"number": "CL-77", "roles": (ContactRole.CUSTOMER,)}
        )

        done = bench.accepted(contact)

        assert done.number is not None
        assert done.number.isdigit()

    def test_an_update_sends_what_differs_and_nothing_else(self, bench: SageBench) -> None:
        item, created = bench.push(
            bench.sample(ObjectType.CONTACT).model_copy(update={"roles": (ContactRole.CUSTOMER,)})
        )
        assert isinstance(created, Accepted)
        same = replace(
            item,
            operation=Operation.UPDATE,
            platform_id=created.platform_id,
            progress=None,
        )

        bench.push(same)
        assert "UpdateCustomer" not in bench.operations()
        moved = same.record.model_copy(
            update={
                "email": "new@contact.example",
                "address": Address(line1="1 Rue X", country="FR"),
            }
        )
        bench.push(replace(same, record=moved))

        (there,) = [
            one
            for one in bench.records(ObjectType.CONTACT)
            if one.platform_id == created.platform_id
        ]
        assert there.record.email == "new@contact.example"
        again = there.record.model_copy(
            update={"address": Address(line1="2 Rue X", country="FR"), "id": "ours"}
        )
        bench.push(replace(same, record=again))
        row = bench.company.row("customers", created.platform_id)
        assert [one["firstLine"] for one in row["addresses"]] == ["2 Rue X"]
        assert there.record.address.line1 == "1 Rue X"

    def test_what_people_wrote_beside_our_marker_stays(self, bench: SageBench) -> None:
        item, created = bench.push(bench.sample(ObjectType.CONTACT))
        assert isinstance(created, Accepted)
        theirs = f"Pays late. Rings twice {item.marker}"
        bench.company.edit("customers", created.platform_id, comments=theirs)
        renamed = replace(
            item,
            operation=Operation.UPDATE,
            record=bench.changed(item.record),
            platform_id=created.platform_id,
            progress=None,
        )

        bench.accepted(renamed)

        row = bench.company.row("customers", created.platform_id)
        assert row["comments"] == theirs
        assert row["socialName"].endswith("renamed")

    def test_a_second_role_that_comes_late_comes_once(self, country: SageBench) -> None:
        item, step = country.step(country.item(country.sample(ObjectType.CONTACT)))
        assert isinstance(step, Progressed)
        country.ledger.arm(Fault.SLOW_COMMIT, "createSupplier", seconds=0.05)
        country.step(item)
        (found,) = country.connector().find(ObjectType.CONTACT, [item])
        assert isinstance(found, Found)
        assert found.progress is not None

        country.accepted(replace(item, progress=dict(found.progress)))

        country.faults.settle()
        assert len(country.company.documents_with("suppliers", item.marker)) == 1

    def test_the_second_role_of_a_contact_with_tax_numbers_is_made_too(
        self, country: SageBench
    ) -> None:
        number = {"FR": "81234567800011", "ES": "B87654321", "DE": "81123456789"}
        contact = country.sample(ObjectType.CONTACT).model_copy(
            update={"company_number": number[country.country]}
        )
        item = country.item(contact)

        country.accepted(item)

        assert len(country.company.documents_with("suppliers", item.marker)) == 1

    def test_one_that_is_both_and_there_already_becomes_both(self, bench: SageBench) -> None:
        there = bench.company.row("customers", bench.customer)
        contact = bench.sample(ObjectType.CONTACT).model_copy(
            update={"company_number": there["documentId"]}
        )
        item = bench.item(contact)

        _, result = bench.push(item)

        assert isinstance(result, Accepted)
        assert result.platform_id == there["id"]
        assert len(bench.company.documents_with("suppliers", item.marker)) == 1


class TestSteps:
    def test_a_refusal_of_sages_own_is_explained(self, bench: SageBench) -> None:
        taken = bench.company.row("customers", bench.customer)["code"]
        contact = bench.sample(ObjectType.CONTACT).model_copy(update={"number": taken})

        error = bench.error(contact)

        assert isinstance(error, Rejected)
        assert "businessErrors" in error.code
        assert bench.operations()[-1] == "Explain"

    def test_an_invoice_takes_as_many_steps_as_the_spec_says(self, bench: SageBench) -> None:
        push = SPEC.pushes(ObjectType.INVOICE)
        assert push is not None
        item, steps = bench.item(bench.invoice()), 1
        item, result = bench.step(item)
        while isinstance(result, Progressed):
            item, result = bench.step(item)
            steps += 1

        assert steps == push.steps


READINGS: list[dict[str, object]] = [
    {"negative_credit_notes": True},
    {"rounds_by_rate": True},
    {"children_touch_parents": True},
    {"refuses_repeated_numbers": True},
    {"mandatory_fields_must_be_sent": False},
]
"""What is not documented, read the other way."""


class TestWhatIsNotDocumented:
    @pytest.mark.parametrize("rules", READINGS, ids=lambda rules: next(iter(rules)))
    @pytest.mark.parametrize(
        "kind", [ObjectType.INVOICE, ObjectType.BILL, ObjectType.CREDIT_NOTE, ObjectType.PAYMENT]
    )
    def test_a_record_arrives_and_comes_back_however_it_is(
        self, bench: SageBench, kind: ObjectType, rules: dict[str, object]
    ) -> None:
        bench.ledger.change(**rules)
        record = bench.sample(kind)

        done = bench.accepted(record)

        (there,) = [one for one in bench.records(kind) if one.platform_id == done.platform_id]
        amount = "amount" if kind is ObjectType.PAYMENT else "total"
        assert getattr(there.record, amount) == getattr(record, amount)

    @pytest.mark.parametrize("negative", [False, True])
    def test_a_generated_credit_note_is_positive_here_whatever_its_sign_there(
        self, bench: SageBench, negative: bool
    ) -> None:
        bench.ledger.change(negative_credit_notes=negative)
        invoice = bench.posted_invoice()

        done = bench.accepted(bench.credit_note("100.00", corrects=(invoice,)), **GENERATED)

        found = bench.records(ObjectType.CREDIT_NOTE)
        (there,) = [one for one in found if one.platform_id == done.platform_id]
        assert (there.record.total, there.record.corrects) == (Decimal("120.00"), (invoice,))

    def test_who_may_not_read_fiscal_years_is_refused_by_sage_itself(
        self, bench: SageBench
    ) -> None:
        bench.company.deny("accountingExercises")

        assert bench.accepted(bench.invoice())
        error = bench.error(bench.invoice(day=CLOSED_DAY))
        assert isinstance(error, Rejected)
