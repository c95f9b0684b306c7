"""Pushing documents as accounting entries: when tax, texts or dates matter more than the document.

The third party's line with the total, one line for each account, one for each tax. Sage makes the
open items from the third party's payment terms, and the tax registers only where the accounts'
tax codes and the amounts agree; it says nothing when it makes none, so the entry is read again.
"""

from collections.abc import Sequence
from decimal import Decimal

from connectors.base import (
    Absent,
    Accepted,
    FindResult,
    Found,
    Operation,
    Progressed,
    PushItem,
    PushResult,
    Totals,
    Unclear,
)
from connectors.errors import OutcomeUnknown, Unsupported
from connectors.sage_active import errors, mapping_entries
from connectors.sage_active.books import PURCHASES, SALES, Books
from connectors.sage_active.entries import several
from connectors.sage_active.ledger import (
    DESCRIPTION_LENGTH,
    NUMBER_LENGTH,
    EntryLineOut,
    EntryOut,
    Ledger,
    sides_of,
    sides_to_be,
)
from connectors.sage_active.values import (
    TaxedPart,
    by_account_and_rate,
    composed,
    fits,
    label,
    require_euro,
)
from connectors.sage_active.wire import Entry, JournalType, ThirdParty
from models.canonical import AnyDocument, Bill, CreditNote, Invoice, ObjectType, Side
from models.canonical.money import ZERO

CREATED, ENTRY = "created", "entry"


class DocumentEntries:
    """Documents of one organisation that become entries."""

    def __init__(self, ledger: Ledger, books: Books) -> None:
        self._ledger = ledger
        self._books = books

    def push(self, item: PushItem) -> PushResult:
        """Take one document a step further: write it, then see what Sage has made of it."""
        record = document_of(item)
        if item.platform_id is None:
            made = self._ledger.create(self._to_be(item, record))
            progress = {"step": CREATED, "as": ENTRY}
            return Progressed(progress, made.id(), request_id=made.request_id)
        there = self._ledger.row(item.platform_id)
        if there is None:
            if item.progress is None:
                raise errors.deleted(label(record))
            raise OutcomeUnknown(f"{label(record)} is not to be seen in Sage Active yet")
        if item.operation is Operation.UPDATE:
            wanted = self._to_be(item, record)
            if sides_of(there) != sides_to_be(wanted.lines) or there.date != wanted.date:
                raise errors.frozen(ObjectType(record.type).words, label(record))
        return accepted(there, record)

    def _to_be(self, item: PushItem, record: AnyDocument) -> EntryOut:
        require_euro(record)
        name = label(record)
        bought = is_bought(record)
        party = self._party(record)
        return EntryOut(
            label=name,
            date=record.issue_date,
            journal_id=self._journal(record).id,
            document_number=fits(record.number, NUMBER_LENGTH, "number", name) or item.marker,
            description=composed(item.marker, DESCRIPTION_LENGTH, record.note or name),
            lines=[
                EntryLineOut.of(
                    self._party_account(party, bought=bought),
                    sign_of(record) * record.total,
                    third_id=party.id,
                ),
                *self._booked(record),
            ],
        )

    def _party(self, record: AnyDocument) -> ThirdParty:
        if is_bought(record):
            return self._books.supplier_for(record.contact_id)
        return self._books.customer_for(record.contact_id)

    def _party_account(self, party: ThirdParty, *, bought: bool) -> str:
        setup = self._books.accounting_setup
        default = (
            setup.default_suppliers_account_id if bought else setup.default_customers_account_id
        )
        account = party.default_accounting_account_id or default
        if account is None:
            raise Unsupported(
                f"{party.social_name or party.id} has no account in Sage Active, and the "
                "organisation names none for all",
                code="no_party_account",
            )
        return account

    def _booked(self, record: AnyDocument) -> list[EntryLineOut]:
        """What is on the other side: accounts, then taxes."""
        sign, parts = sign_of(record), by_account_and_rate(record)
        nets: dict[str, Decimal] = {}
        taxes: dict[str, Decimal] = {}
        for part in parts:
            nets[part.account_id] = nets.get(part.account_id, ZERO) + part.net
            if part.tax:
                account = self._tax_account(part, bought=is_bought(record))
                taxes[account] = taxes.get(account, ZERO) + part.tax
        return [
            EntryLineOut.of(account, -sign * amount)
            for accounts in (nets, taxes)
            for account, amount in accounts.items()
            if amount
        ]

    def _tax_account(self, part: TaxedPart, *, bought: bool) -> str:
        account = self._books.tax_account(part.tax_rate_id, bought=bought)
        if account is None:
            tax = self._books.tax(part.tax_rate_id)
            raise errors.no_tax_account(str(tax.percentage if tax else "?"))
        return account

    def _journal(self, record: AnyDocument) -> JournalType:
        named, setup = self._books.settings.journals, self._books.sales_setup
        credit_note = isinstance(record, CreditNote)
        if is_bought(record):
            code = named.purchase_credit_notes if credit_note else named.purchases
            default = setup.default_purchase_posting_invoice_journal_type_id
            kind = PURCHASES
        else:
            code = named.sales_credit_notes if credit_note else named.sales
            default = setup.default_sales_posting_invoice_journal_type_id
            kind = SALES
        return self._books.journal(
            kind,
            code=code,
            credit_note=credit_note,
            reason=record.correction_reason if isinstance(record, CreditNote) else None,
            default_id=default,
        )

    def find(self, items: Sequence[PushItem]) -> list[FindResult]:
        """Look documents up by the marker in the entry's description: one query for all."""
        rows = [row for row in self._ledger.rows(items) if row.source_entity_id is None]
        return [self._found(item, rows) for item in items]

    def _found(self, item: PushItem, rows: Sequence[Entry]) -> FindResult:
        mine = [
            row
            for row in rows
            if mapping_entries.marker_of(row) == item.marker or row.id == item.platform_id
        ]
        if not mine:
            return Absent()
        if len(mine) > 1:
            return Unclear(several(item, mine))
        return Found(accepted(mine[0], document_of(item)))


def document_of(item: PushItem) -> AnyDocument:
    """The document of an item."""
    record = item.record
    assert isinstance(record, Invoice | Bill | CreditNote)  # noqa: S101  # by its type
    return record


def is_bought(record: AnyDocument) -> bool:
    """Whether it is a supplier's."""
    if isinstance(record, CreditNote):
        return record.side is Side.SUPPLIER
    return isinstance(record, Bill)


def sign_of(record: AnyDocument) -> int:
    """1 where the third party's line is a debit, -1 where it is a credit."""
    sign = -1 if is_bought(record) else 1
    return -sign if isinstance(record, CreditNote) else sign


def accepted(row: Entry, record: AnyDocument) -> Accepted:
    """What Sage has made of a document."""
    there = mapping_entries.document(row)
    notes: list[str] = []
    party = mapping_entries.party_line(row)
    invoice = party.accounting_entry_invoice if party else None
    if record.tax_total and not (invoice and invoice.accounting_entry_taxes):
        notes.append("Sage Active made no tax register for it: check the tax codes of its accounts")
    if record.due_date and there.due_date and record.due_date != there.due_date:
        notes.append(
            f"it is due on {there.due_date}: the payment terms in Sage Active say so, not the "
            "document"
        )
    return Accepted(
        row.id,
        number=there.number,
        totals=Totals(net=there.net_total, tax=there.tax_total, total=there.total),
        notes=tuple(notes),
    )
