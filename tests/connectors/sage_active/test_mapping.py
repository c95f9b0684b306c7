"""Sage Active's rows to canonical records and back: pure, on JSON as its reference shows it."""

from decimal import Decimal
from typing import Any

import pytest

from connectors.errors import Rejected
from connectors.sage_active import mapping, mapping_documents, mapping_entries
from connectors.sage_active.mapping_entries import NotReadable, shares
from connectors.sage_active.values import (
    Notes,
    by_account_and_rate,
    composed,
    fits,
    marker_in,
    priced,
    without_marker,
)
from connectors.sage_active.wire import (
    Account,
    Entry,
    MatchedLine,
    PurchaseInvoice,
    SalesInvoice,
    Tax,
    TaxTreatment,
    ThirdParty,
)
from models.canonical import (
    ContactRole,
    CreditNote,
    Invoice,
    Line,
    ObjectType,
    Side,
    TaxRate,
    TaxSubtotal,
    TaxUse,
)

MARKER = "LB-0123456789ABCDEF"
STAMPS = {"creationDate": "2026-03-30T08:00:00.000Z", "modificationDate": None}


def party_line(**fields: Any) -> dict[str, Any]:
    """A customer's line of an entry, as the reference shows it."""
    return {
        "id": "L1",
        "order": 0,
        "description": "Invoice 7",
        "debitAmount": 120.0,
        "creditAmount": 0,
        "subAccount": {"id": "A411", "code": "41110000", "subAccountType": "CUSTOMER"},
        "accountingEntryThirdParty": {
            "thirdPartyId": "C1",
            "socialName": "Rossi SpA",
            "code": "C00001",
            "origin": "CUSTOMER",
        },
        **fields,
    }


def entry(**fields: Any) -> Entry:
    """A sales entry with one revenue and one tax line."""
    lines = [
        party_line(),
        {
            "id": "L2",
            "order": 1,
            "debitAmount": 0,
            "creditAmount": 100,
            "subAccount": {"id": "A706", "code": "70600000", "subAccountType": "REVENUE"},
        },
        {
            "id": "L3",
            "order": 2,
            "debitAmount": 0,
            "creditAmount": 20,
            "subAccount": {"id": "A445", "code": "44570000", "subAccountType": "OUTPUT_TAX"},
        },
    ]
    body = {
        "id": "E1",
        **STAMPS,
        "number": 7,
        "date": "2026-03-30T00:00:00.000Z",
        "documentDate": "2026-03-28T00:00:00.000Z",
        "documentNumber": "INV-7",
        "description": f"Freight {MARKER}",
        "sourceType": "PUBLIC_API",
        "sourceEntityId": None,
        "journalType": {"id": "J1", "code": "VE", "type": "SALES_INVOICE"},
        "currency": {"code": "EUR"},
        "accountingEntryLines": lines,
        **fields,
    }
    return Entry.model_validate(body)


class TestEntries:
    def test_a_ledger_entry_keeps_its_header_and_lines(self) -> None:
        record = mapping_entries.journal_entry(entry())

        assert (record.number, record.journal, record.source) == ("7", "VE", "PUBLIC_API")
        assert (record.date.isoformat(), str(record.document_date)) == ("2026-03-30", "2026-03-28")
        assert record.description == "Freight"
        assert [line.debit - line.credit for line in record.lines] == [120, -100, -20]

    def test_a_date_is_never_moved_by_a_time_zone(self) -> None:
        record = mapping_entries.journal_entry(entry(date="2026-03-30T23:30:00.000Z"))

        assert record.date.isoformat() == "2026-03-30"

    def test_a_negative_debit_is_a_credit(self) -> None:
        (line, *_) = mapping_entries.journal_entry(
            entry(accountingEntryLines=[party_line(debitAmount=-5, creditAmount=0)])
        ).lines

        assert (line.debit, line.credit) == (Decimal(0), Decimal(5))

    def test_everything_of_a_line_is_kept(self) -> None:
        full = party_line(
            accountingEntryPayment={
                "matching": "PARTIAL_MATCH",
                "matchingLetter": "a",
                "matchId": "M1",
            },
            accountingEntryDimensionTags=[
                {"dimensionId": "D1", "dimensionTagId": "T1", "amount": 120}
            ],
            accountingEntryInvoice={
                "openItems": [
                    {
                        "id": "O1",
                        "amount": 120,
                        "paidAmountAccumulated": 20,
                        "dueDate": "2026-04-30",
                        "status": "PARTIAL",
                    }
                ],
                "accountingEntryTaxes": [{"taxId": "T20", "taxPercentage": 20}],
            },
        )

        (line, *_) = mapping_entries.journal_entry(entry(accountingEntryLines=[full])).lines

        assert line.matching is not None
        assert (line.matching.match_id, line.matching.full, line.matching.letters) == (
            "M1",
            False,
            "a",
        )
        assert (line.dimensions[0].dimension, line.dimensions[0].value) == ("D1", "T1")
        assert (line.open_items[0].amount, line.open_items[0].paid) == (Decimal(120), Decimal(20))
        assert (line.tax_rate_id, line.tax_rate) == ("T20", Decimal(20))

    def test_an_entry_without_a_date_is_unreadable(self) -> None:
        with pytest.raises(NotReadable):
            mapping_entries.journal_entry(entry(date=None))


class TestEntriesAsDocuments:
    def test_a_debit_of_a_customer_is_an_invoice(self) -> None:
        record = mapping_entries.document(entry())

        assert isinstance(record, Invoice)
        assert (record.net_total, record.tax_total, record.total) == (
            Decimal(100),
            Decimal(20),
            Decimal(120),
        )
        assert (record.number, record.contact_id, record.note) == ("INV-7", "C1", "Freight")
        assert [line.account_id for line in record.lines] == ["A706"]

    def test_a_credit_of_a_customer_is_a_credit_note_with_its_reason(self) -> None:
        line = party_line(
            debitAmount=0,
            creditAmount=120,
            accountingEntryInvoice={
                "creditNoteType": "BY_DIFFERENCES",
                "creditNoteReason": "R4",
                "originalAccountingEntryInvoiceId": "E0",
            },
        )

        record = mapping_entries.document(entry(accountingEntryLines=[line]))

        assert isinstance(record, CreditNote)
        assert (record.side, record.corrects) == (Side.CUSTOMER, ("E0",))
        assert (record.correction_type, record.correction_reason) == ("BY_DIFFERENCES", "R4")

    @pytest.mark.parametrize(
        ("journal", "debit", "credit", "kind"),
        [
            ("SALES_INVOICE", 10, 0, ObjectType.INVOICE),
            ("SALES_INVOICE", 0, 10, ObjectType.CREDIT_NOTE),
            ("PURCHASE_INVOICE", 0, 10, ObjectType.BILL),
            ("PURCHASE_INVOICE", 10, 0, ObjectType.CREDIT_NOTE),
            ("FINANCIAL", 0, 10, None),
            ("GENERAL", 10, 0, None),
        ],
    )
    def test_journal_and_side_say_what_it_is(
        self, journal: str, debit: int, credit: int, kind: ObjectType | None
    ) -> None:
        found = entry(
            journalType={"code": "X", "type": journal},
            accountingEntryLines=[party_line(debitAmount=debit, creditAmount=credit)],
        )

        assert mapping_entries.kind_of(found) is kind

    def test_what_a_module_of_sages_made_is_no_document_of_its_own(self) -> None:
        assert mapping_entries.kind_of(entry(sourceEntityId="I1")) is None


class TestShares:
    def lines(self, *given: tuple[str, str, int, int]) -> list[MatchedLine]:
        """(id, journal type, debit - credit, paid) lines of a match, a day apart."""
        return [
            MatchedLine.model_validate(
                {
                    "id": name,
                    "debitAmount": max(amount, 0),
                    "creditAmount": max(-amount, 0),
                    "accountingEntry": {
                        "id": f"E-{name}",
                        "date": f"2026-03-{place + 1:02d}",
                        "sourceEntityId": name if journal != "FINANCIAL" else "BANK",
                        "journalType": {"type": journal},
                    },
                    "accountingEntryThirdParty": {"origin": "CUSTOMER", "thirdPartyId": "C1"},
                    "accountingEntryInvoice": {
                        "openItems": [
                            {
                                "id": f"O-{name}",
                                "amount": amount,
                                "paidAmountAccumulated": paid,
                            }
                        ]
                    }
                    if journal != "FINANCIAL"
                    else None,
                }
            )
            for place, (name, journal, amount, paid) in enumerate(given)
        ]

    def test_one_payment_pays_what_its_documents_say_was_paid(self) -> None:
        group = self.lines(
            ("I1", "SALES_INVOICE", 100, 60),
            ("I2", "SALES_INVOICE", 100, 40),
            ("P1", "FINANCIAL", -100, 0),
        )

        assert shares(group) == {"P1": {"I1": Decimal(60), "I2": Decimal(40)}}

    def test_several_payments_share_one_document(self) -> None:
        group = self.lines(
            ("I1", "SALES_INVOICE", 100, 100),
            ("P1", "FINANCIAL", -30, 0),
            ("P2", "FINANCIAL", -70, 0),
        )

        assert shares(group) == {"P1": {"I1": Decimal(30)}, "P2": {"I1": Decimal(70)}}

    def test_otherwise_the_oldest_pays_the_oldest(self) -> None:
        group = self.lines(
            ("I1", "SALES_INVOICE", 50, 50),
            ("I2", "SALES_INVOICE", 50, 50),
            ("P1", "FINANCIAL", -70, 0),
            ("P2", "FINANCIAL", -30, 0),
        )

        assert shares(group) == {
            "P1": {"I1": Decimal(50), "I2": Decimal(20)},
            "P2": {"I2": Decimal(30)},
        }


class TestDocuments:
    def sales(self, **fields: Any) -> SalesInvoice:
        body = {
            "id": "I1",
            **STAMPS,
            "operationalNumber": "FA-7",
            "status": "Posted",
            "type": "NORMAL",
            "documentDate": "2026-03-30T00:00:00.000Z",
            "customerId": "C1",
            "totalNet": 100,
            "totalVat": 21,
            "totalFeeSurcharge": 5.2,
            "totalWithholding": 15,
            "totalLiquid": 111.2,
            "lines": [
                {
                    "id": "L1",
                    "order": 1,
                    "productName": "Freight",
                    "totalQuantity": 2,
                    "unitPrice": 55.56,
                    "firstDiscount": 10,
                    "totalNet": 100,
                    "totalVat": 21,
                    "vatPercentage": 21,
                }
            ],
            "openItems": [{"id": "O1", "amount": 111.2, "paidAmountAccumulated": 11.2}],
            **fields,
        }
        return SalesInvoice.model_validate(body)

    def test_surcharges_are_tax_and_what_is_withheld_is_only_not_paid(self) -> None:
        record = mapping_documents.sales_document(self.sales())

        assert (record.net_total, record.tax_total, record.total) == (
            Decimal(100),
            Decimal("26.2"),
            Decimal("126.2"),
        )
        assert record.payable == Decimal("111.2")
        assert record.balance == Decimal("100.0")

    def test_a_discount_is_an_allowance_of_the_line(self) -> None:
        (line,) = mapping_documents.sales_document(self.sales()).lines

        assert line.allowances_charges[0].percent == 10
        assert line.allowances_charges[0].amount == Decimal("11.12")

    @pytest.mark.parametrize(
        ("status", "ours"),
        [
            ("Pending", "draft"),
            ("Closed", "open"),
            ("Posted", "open"),
            ("PartiallyCollected", "partially_paid"),
            ("Collected", "paid"),
            ("InDunning", "InDunning"),
        ],
    )
    def test_a_status_is_our_word_or_its_own(self, status: str, ours: str) -> None:
        assert mapping_documents.sales_document(self.sales(status=status)).status == ours

    @pytest.mark.parametrize("sign", [1, -1])
    def test_a_credit_note_is_positive(self, sign: int) -> None:
        row = self.sales(
            type="CREDIT_NOTE",
            sourceSalesInvoiceId="I0",
            totalNet=sign * 100,
            totalVat=sign * 21,
            totalFeeSurcharge=0,
            totalWithholding=0,
        )

        record = mapping_documents.sales_document(row)

        assert isinstance(record, CreditNote)
        assert (record.total, record.corrects) == (Decimal(121), ("I0",))

    def test_a_bill_has_a_line_for_each_rate(self) -> None:
        body = {
            "id": "B1",
            **STAMPS,
            "invoiceNumber": "F-7",
            "invoiceDate": "2026-03-30",
            "status": "PartiallyPaid",
            "supplierId": "S1",
            "totalLiquid": 132,
            "pendingAmount": 32,
            "vatLines": [
                {
                    "id": "V1",
                    "totalVatBase": 100,
                    "totalVat": 20,
                    "tax": {"id": "T20", "percentage": 20},
                    "purchaseAccountingAccountId": "A6",
                },
                {"id": "V2", "totalVatBase": 12, "totalVat": 0, "tax": None},
            ],
        }

        record = mapping_documents.bill(PurchaseInvoice.model_validate(body))

        assert (record.net_total, record.tax_total, record.total) == (
            Decimal(112),
            Decimal(20),
            Decimal(132),
        )
        assert (record.balance, record.status) == (Decimal(32), "partially_paid")
        assert [line.tax_rate_id for line in record.lines] == ["T20", None]


class TestReferenceData:
    def test_a_contact_has_the_default_address_among_several(self) -> None:
        body = {
            "id": "C1",
            "socialName": "Rossi SpA",
            "code": "C00001",
            "vatNumber": "IT01234567890",
            "comments": f"Rings twice\n{MARKER}",
            "status": "GDPR_APPLIED",
            "contacts": [
                {
                    "id": "P1",
                    "emails": [
                        {"id": "M1", "emailAddress": "old@rossi.example", "isDefault": False},
                        {"id": "M2", "emailAddress": "new@rossi.example", "isDefault": True},
                    ],
                    "phones": None,
                }
            ],
            "paymentTermLines": [
                {"type": "REMAINING_AMOUNT", "condition": "DAY_OF_PAYMENT", "day": 30}
            ],
        }

        record = mapping.contact(ThirdParty.model_validate(body), ContactRole.SUPPLIER)

        assert (record.email, record.phone) == ("new@rossi.example", None)
        assert (record.note, record.payment_terms_days) == ("Rings twice", 30)
        assert (record.active, record.roles) == (False, (ContactRole.SUPPLIER,))

    def test_instalments_are_no_number_of_days(self) -> None:
        lines = [{"type": "PERCENTAGE", "day": 30}, {"type": "REMAINING_AMOUNT", "day": 60}]
        row = ThirdParty.model_validate({"id": "C1", "socialName": "X", "paymentTermLines": lines})

        assert mapping.contact(row, ContactRole.CUSTOMER).payment_terms_days is None

    @pytest.mark.parametrize(
        ("nature", "kind", "ours"),
        [
            ("REVENUE", "INCOME_STATEMENT", "income"),
            ("CHARGE", "INCOME_STATEMENT", "expense"),
            ("BANK", "BALANCE_SHEET", "asset"),
            ("CURRENT_ASSETS_INPUT_TAX", "BALANCE_SHEET", "asset"),
            ("BORROWED_CAPITAL_OUTPUT_TAX", "BALANCE_SHEET", "liability"),
            ("EMPLOYEE", "BALANCE_SHEET", "balance_sheet"),
            (None, None, "unknown"),
        ],
    )
    def test_an_accounts_nature_says_its_class(
        self, nature: str | None, kind: str | None, ours: str
    ) -> None:
        row = Account.model_validate(
            {"id": "A", "code": "1", "name": "X", "subAccountType": nature, "accountType": kind}
        )

        assert mapping.ledger_account(row).classification == ours

    def test_of_two_rates_in_use_the_later_one_counts(self) -> None:
        taxes = [
            Tax.model_validate(
                {"id": year, "percentage": 20, "groupId": "G", "effectiveDate": f"{year}-01-01"}
            )
            for year in ("2014", "2026", "2020")
        ]

        found = {tax.id: rate for tax, rate in mapping.tax_rates(taxes, [])}

        active = [name for name, rate in found.items() if isinstance(rate, TaxRate) and rate.active]
        assert active == ["2026"]

    def test_treatments_say_on_which_side_a_rate_is_used(self) -> None:
        taxes = [
            Tax.model_validate({"id": one, "name": one, "percentage": 20, "groupId": one})
            for one in ("sold", "bought", "both", "unknown")
        ]
        treatments = [
            TaxTreatment.model_validate(
                {"id": f"{group}{register}", "taxGroupId": group, "registerType": register}
            )
            for group, register in (
                ("sold", "ISSUED"),
                ("bought", "RECEIVED"),
                ("both", "ISSUED"),
                ("both", "RECEIVED"),
            )
        ]

        found = {
            rate.id: rate.use
            for _, rate in mapping.tax_rates(taxes, treatments)
            if isinstance(rate, TaxRate)
        }

        assert found == {
            "sold": TaxUse.SALES,
            "bought": TaxUse.PURCHASES,
            "both": TaxUse.BOTH,
            "unknown": TaxUse.BOTH,
        }


class TestTexts:
    def test_a_marker_is_found_and_taken_out(self) -> None:
        assert marker_in(None, f"Freight {MARKER}") == MARKER
        assert marker_in("LB-12") is None
        assert without_marker(f"Freight {MARKER}") == "Freight"
        assert without_marker(MARKER) is None

    def test_a_text_of_ours_is_cut_before_its_marker(self) -> None:
        text = composed(MARKER, 40, "a very long description of many words")

        assert text.endswith(f" {MARKER}")
        assert len(text) <= 40
        assert composed(MARKER, 40) == MARKER

    def test_a_text_that_must_arrive_whole_is_refused_when_too_long(self) -> None:
        assert fits(" x ", 1, "name", "it") == "x"
        assert fits("  ", 1, "name", "it") is None
        with pytest.raises(Rejected) as caught:
            fits("xy", 1, "name", "contact Y")
        assert caught.value.cause is not None
        assert caught.value.cause.words["length"] == "2"


class TestAmounts:
    def document(self, *lines: Line, tax: str, breakdown: tuple[TaxSubtotal, ...] = ()) -> Invoice:
        net = sum((line.net_amount for line in lines), Decimal(0))
        return Invoice(
            id="1",
            issue_date="2026-03-30",
            currency="EUR",
            contact_id="C1",
            lines=lines,
            net_total=net,
            tax_total=Decimal(tax),
            total=net + Decimal(tax),
            tax_breakdown=breakdown,
        )

    def line(self, net: str, account: str, rate: str, percent: str) -> Line:
        return Line(
            description="x",
            unit_price=Decimal(net),
            net_amount=Decimal(net),
            account_id=account,
            tax_rate_id=rate,
            tax_rate=Decimal(percent),
        )

    def test_the_stated_tax_of_a_rate_is_spread_over_its_accounts_to_the_cent(self) -> None:
        lines = [
            self.line("10.00", "A", "T20", "20"),
            self.line("10.00", "B", "T20", "20"),
            self.line("10.00", "C", "T20", "20"),
        ]
        subtotal = TaxSubtotal(
            taxable_amount=Decimal(30), tax_amount=Decimal("6.01"), tax_rate_id="T20"
        )

        parts = by_account_and_rate(self.document(*lines, tax="6.01", breakdown=(subtotal,)))

        assert [part.tax for part in parts] == [Decimal("2.00"), Decimal("2.00"), Decimal("2.01")]

    def test_without_a_breakdown_the_last_rate_takes_what_is_left(self) -> None:
        lines = [self.line("10.00", "A", "T10", "10"), self.line("10.00", "A", "T20", "20")]

        parts = by_account_and_rate(self.document(*lines, tax="3.01"))

        assert {part.tax_rate_id: part.tax for part in parts} == {
            "T10": Decimal("1.00"),
            "T20": Decimal("2.01"),
        }

    @pytest.mark.parametrize(
        ("quantity", "price", "net", "written"),
        [
            ("3", "3.33", "9.99", ("3", "3.33")),
            ("3", "3.33", "10.00", ("1", "10.00")),
            ("3", "3.33333", "10.00", ("1", "10.00")),
            ("-2", "5", "-10.00", ("-2", "5")),
        ],
    )
    def test_a_price_that_does_not_come_out_is_booked_as_one(
        self, quantity: str, price: str, net: str, written: tuple[str, str]
    ) -> None:
        line = Line(
            description="x",
            quantity=Decimal(quantity),
            unit_price=Decimal(price),
            net_amount=Decimal(net),
        )
        notes = Notes()

        found = priced(self.document(line, tax="0"), 0, notes)

        assert (found.quantity, found.price) == tuple(map(Decimal, written))
        assert bool(notes.said) == (Decimal(quantity) != found.quantity)
