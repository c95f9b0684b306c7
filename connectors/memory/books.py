"""The books of a plain ledger: what may be entered, changed, paid and voided. Knows no HTTP.

Each method checks everything before it keeps anything, so that what is refused leaves no trace.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from connectors.memory import amounts
from connectors.memory.entry import DOCUMENTS, POSTED, Entry
from connectors.memory.rules import LedgerRules, Numbers, Refused
from connectors.memory.store import Store
from models.canonical import (
    AnyRecord,
    BillingDocument,
    CreditNote,
    JournalEntry,
    ObjectType,
    Payment,
    TaxRate,
)
from models.canonical.money import ZERO, plain, shown
from models.canonical.record import Value

_REFERENCES = {
    "contact_id": ObjectType.CONTACT,
    "account_id": ObjectType.LEDGER_ACCOUNT,
    "sales_account_id": ObjectType.LEDGER_ACCOUNT,
    "purchase_account_id": ObjectType.LEDGER_ACCOUNT,
    "item_id": ObjectType.ITEM,
    "tax_rate_id": ObjectType.TAX_RATE,
}

_PREFIXES = {
    ObjectType.INVOICE: "INV",
    ObjectType.BILL: "BILL",
    ObjectType.CREDIT_NOTE: "CN",
    ObjectType.PAYMENT: "PAY",
    ObjectType.JOURNAL_ENTRY: "JE",
}


class Books:
    """The rules, applied to what the store holds."""

    def __init__(self, rules: LedgerRules, clock: Callable[[], dt.datetime]) -> None:
        self.rules = rules
        self.store = Store(clock)

    def create(self, record: AnyRecord, *, marker: str | None = None, draft: bool = False) -> Entry:
        """Enter a new object; a draft is checked, but not yet in the books."""
        kind = ObjectType(record.type)
        completed = self._completed(record)
        draft = kind in POSTED and (draft or getattr(record, "status", "open") == "draft")
        entry = Entry(self.store.next_id(completed), kind, completed, marker=marker, draft=draft)
        update = {"id": entry.id} | ({"status": "draft"} if draft else {})
        entry = replace(entry, record=completed.model_copy(update=update))
        return self.store.put(entry if draft else self._posted(entry))

    def post(self, kind: ObjectType, entry_id: str) -> Entry:
        """Put a draft into the books; one that is there already stays as it is."""
        entry = self.store.get(kind, entry_id)
        if not entry.draft:
            return entry
        return self.store.put(self._posted(replace(entry, draft=False, version=entry.version + 1)))

    def update(
        self, record: AnyRecord, entry_id: str, *, version: str | None = None, force: bool = False
    ) -> Entry:
        """Replace the content of an object; `force` is somebody who may change anything."""
        entry = self.store.get(ObjectType(record.type), entry_id)
        if not force:
            self._insist_on_changeable(entry, version)
            if not entry.draft:
                self._insist_on_open_period(entry.record)
                self._insist_on_open_period(record)
        completed = self._completed(record.model_copy(update={"id": entry.id}))
        changed = replace(entry, record=completed, version=entry.version + 1)
        if entry.draft:
            draft = completed.model_copy(update={"status": "draft"})
            return self.store.put(replace(changed, record=draft))
        changed = self._numbered(changed, keep=entry.number)
        if isinstance(completed, BillingDocument):
            changed = self._settled(changed)
        return self.store.put(changed)

    def void(self, kind: ObjectType, entry_id: str, *, version: str | None = None) -> Entry:
        """Void a document or payment; one that is void stays so."""
        entry = self.store.get(kind, entry_id)
        if entry.status == "void":
            return entry
        _insist_on_version(entry, version)
        if not entry.draft:
            self._insist_on_open_period(entry.record)
        if entry.paid:
            raise Refused(
                "has_payments",
                f"{entry.label} has payments of {entry.money(entry.paid)}: void them first",
                document=entry.label,
            )
        if isinstance(entry.record, Payment):
            self._take_back(entry.record)
        update: dict[str, Any] = {"status": "void"}
        if kind in DOCUMENTS:
            update["balance"] = ZERO
        record = entry.record.model_copy(update=update)
        return self.store.put(replace(entry, record=record, draft=False, version=entry.version + 1))

    def delete(self, kind: ObjectType, entry_id: str, *, draft_only: bool = False) -> Entry:
        """Remove an object for good; the feed tells that it is gone."""
        entry = self.store.get(kind, entry_id)
        if draft_only and not entry.draft:
            raise Refused("frozen", f"{entry.label} is posted and stays", type=kind.words)
        if isinstance(entry.record, Payment) and entry.status != "void":
            self._take_back(entry.record)
        self._free_number(entry)
        return self.store.put(replace(entry, deleted=True, version=entry.version + 1))

    def copy(self, kind: ObjectType, entry_id: str) -> Entry:
        """The same once more, its marker included."""
        entry = self.store.get(kind, entry_id)
        again = self.store.next_id(entry.record)
        record = entry.record.model_copy(update={"id": again})
        return self.store.put(replace(entry, id=again, record=record, created_at=None, paid=ZERO))

    def _completed(self, record: AnyRecord) -> AnyRecord:
        """The record with what the ledger computes, after its references were checked."""
        self._insist_on_references(record)
        if isinstance(record, BillingDocument):
            if self.rules.exact_lines:
                amounts.insist_on_exact_lines(record)
            return amounts.computed(record, self.rules.tax_rounding, self._rate)
        if isinstance(record, JournalEntry):
            amounts.insist_on_balance(record)
        return record

    def _insist_on_references(self, value: Value) -> None:
        for name, part in value:
            if name in _REFERENCES and part is not None:
                self._insist_on(_REFERENCES[name], str(part), value)
            for one in part if isinstance(part, tuple) else (part,):
                if isinstance(one, Value):
                    self._insist_on_references(one)
        if isinstance(value, CreditNote):
            for corrected in value.corrects:
                if self.store.find(ObjectType.INVOICE, corrected) is None:
                    self._insist_on(ObjectType.BILL, corrected, value)

    def _insist_on(self, kind: ObjectType, entry_id: str, named_in: Value) -> None:
        if self.store.find(kind, entry_id) is not None:
            return
        words = {"id": entry_id}
        percent = getattr(named_in, "tax_rate", None)
        if kind is ObjectType.TAX_RATE and percent is not None:
            words["rate"] = plain(percent)
        error = Refused(f"unknown_{kind.value}", f"there is no {kind.words} {entry_id}")
        error.words = words
        raise error

    def _rate(self, rate_id: str | None, percent: Decimal | None) -> tuple[str | None, Decimal]:
        """The tax rate that a line means, and its percentage."""
        if rate_id is not None:
            record = self.store.get(ObjectType.TAX_RATE, rate_id).record
            assert isinstance(record, TaxRate)  # noqa: S101  # nothing else has this type
            return rate_id, record.rate
        if percent is None:
            return None, ZERO
        for entry in self.store.all(ObjectType.TAX_RATE):
            if isinstance(entry.record, TaxRate) and entry.record.rate == percent:
                return entry.id, percent
        rate = plain(percent)
        raise Refused("unknown_tax_rate", f"there is no tax rate of {rate} %", id=rate, rate=rate)

    def _posted(self, entry: Entry) -> Entry:
        """The entry as it is once it is in the books."""
        self._insist_on_open_period(entry.record)
        paid = self._payables(entry.record) if isinstance(entry.record, Payment) else []
        entry = self._numbered(entry)
        for document, amount in paid:
            self.store.put(self._settled(replace(document, paid=document.paid + amount)))
        return self._settled(entry) if entry.kind in DOCUMENTS else entry

    def _insist_on_open_period(self, record: AnyRecord) -> None:
        day = amounts.day_of(record)
        until = self.rules.closed_until
        if day is not None and until is not None and day <= until:
            raise Refused(
                "period_closed",
                f"the books are closed until {until}: {day} lies before",
                date=str(day),
                closed_until=str(until),
                period=f"{day:%Y-%m}",
            )

    def _insist_on_changeable(self, entry: Entry, version: str | None) -> None:
        _insist_on_version(entry, version)
        if entry.kind not in POSTED or entry.draft:
            return
        if self.rules.frozen_when_posted or entry.paid or entry.status == "void":
            state = "void" if entry.status == "void" else "paid" if entry.paid else "posted"
            raise Refused(
                "frozen",
                f"{entry.label} is {state} and cannot be changed",
                type=entry.kind.words,
                document=entry.label,
            )

    def _numbered(self, entry: Entry, *, keep: str | None = None) -> Entry:
        """The entry under its number; `keep` is the one that it had before a change."""
        if entry.kind not in _PREFIXES:
            return entry
        record, own = entry.record, entry.number
        number = self._number(entry, keep)
        update: dict[str, Any] = {"number": number, "status": "open"}
        if isinstance(record, BillingDocument):
            update["reference"] = record.reference or (own if own != number else None)
        return replace(entry, record=record.model_copy(update=update))

    def _number(self, entry: Entry, keep: str | None) -> str:
        """The number that a document gets; a supplier's number is always the supplier's."""
        suppliers = entry.kind is ObjectType.BILL
        own = entry.number if suppliers or self.rules.numbers is Numbers.DOCUMENT else None
        if own is None:
            count = f"number of {entry.kind}"
            return keep or f"{_PREFIXES[entry.kind]}-{self.store.count(count):05d}"
        if self.rules.numbers is Numbers.DOCUMENT:
            supplier = getattr(entry.record, "contact_id", "") if suppliers else ""
            index = (entry.kind, own, supplier)
            if self.store.state.numbers.get(index, entry.id) != entry.id:
                raise Refused(
                    "duplicate_number",
                    f"the number {own} is taken by another {entry.kind.words}",
                    number=own,
                    type=entry.kind.words,
                )
            if keep != own:
                self._free_number(entry)
            self.store.state.numbers[index] = entry.id
        return own

    def _free_number(self, entry: Entry) -> None:
        numbers = self.store.state.numbers
        for index in [index for index, owner in numbers.items() if owner == entry.id]:
            del numbers[index]

    def _payables(self, payment: Payment) -> list[tuple[Entry, Decimal]]:
        """What a payment pays, and how much of each: all of it can be paid."""
        if payment.unallocated < ZERO:
            raise Refused(
                "over_allocated",
                f"more is allocated than the {shown(payment.amount, payment.currency)} paid",
                document=f"payment {payment.reference or payment.number or payment.id}",
            )
        paid: defaultdict[tuple[ObjectType, str], Decimal] = defaultdict(lambda: ZERO)
        for part in payment.allocations:
            paid[ObjectType(part.document_type), part.document_id] += part.amount
        return [(self._payable(*one, amount, payment), amount) for one, amount in paid.items()]

    def _take_back(self, payment: Payment) -> None:
        """Raise the balances again that a payment lowered."""
        for part in payment.allocations:
            entry = self.store.find(ObjectType(part.document_type), part.document_id)
            if entry is not None:
                self.store.put(self._settled(replace(entry, paid=entry.paid - part.amount)))

    def _payable(self, kind: ObjectType, entry_id: str, amount: Decimal, payment: Payment) -> Entry:
        entry = self.store.get(kind, entry_id)
        record = entry.record
        assert isinstance(record, BillingDocument)  # noqa: S101  # allocations name no others
        if entry.draft or entry.status == "void":
            raise Refused("not_payable", f"{entry.label} is {entry.status}", document=entry.label)
        if record.currency != payment.currency:
            raise Refused(
                "currency_differs",
                f"{entry.label} is in {record.currency}, the payment in {payment.currency}",
                document=entry.label,
            )
        balance = record.balance or ZERO
        if amount > balance:
            raise Refused(
                "over_allocated",
                f"{entry.label} has {entry.money(balance)} open, not {entry.money(amount)}",
                document=entry.label,
                balance=plain(balance),
                amount=plain(amount),
            )
        return entry

    def _settled(self, entry: Entry) -> Entry:
        """The document with the balance and status that follow from what was paid."""
        record = entry.record
        if not isinstance(record, BillingDocument) or entry.status == "void":
            return entry
        balance = record.payable - entry.paid
        if balance < ZERO:
            raise Refused(
                "over_allocated",
                f"{entry.label} would have more paid than it comes to",
                document=entry.label,
            )
        status = "open" if not entry.paid else "partially_paid" if balance else "paid"
        return replace(
            entry, record=record.model_copy(update={"balance": balance, "status": status})
        )


def _insist_on_version(entry: Entry, version: str | None) -> None:
    if version is not None and version != str(entry.version):
        raise Refused(
            "stale_version",
            f"{entry.label} is at version {entry.version}, not {version}",
            status=409,
            document=entry.label,
        )
