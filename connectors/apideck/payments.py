"""Marking documents as paid: payments with allocations, and bill payments.

The ledger computes a document's state from the payments that are for it; nobody writes it. The
steps are those of the guide "mark invoices as paid" (read 2026-11-20): read the document, create
the payment, read it back. The API takes no idempotency key here, and two equal payments are two
payments: before a document that is partly paid is paid again, its payments are looked through.
"""

from collections.abc import Sequence
from decimal import Decimal

from connectors.apideck import errors
from connectors.apideck.client import Client, Filters, Values
from connectors.apideck.mapping import label, place_of
from connectors.apideck.mapping_payments import PAYMENTS, method_of, payment_body
from connectors.apideck.parties import Parties
from connectors.apideck.reading import Books
from connectors.apideck.services import Resource
from connectors.apideck.wire import BillRow, InvoiceRow
from connectors.apideck.writing import Writer
from connectors.base import (
    FindResult,
    Found,
    Operation,
    PulledRecord,
    PushItem,
    PushResult,
    Unclear,
)
from connectors.errors import Conflict, Rejected, Unsupported
from models.canonical import Allocation, AnyRecord, BillingDocument, ObjectType, Payment, Side
from models.canonical.money import ZERO, shown

_DOCUMENTS = {
    Side.CUSTOMER: (ObjectType.INVOICE, Resource.INVOICES, "invoice_id"),
    Side.SUPPLIER: (ObjectType.BILL, Resource.BILLS, "bill_id"),
}
_PARTIES = {
    Side.CUSTOMER: (Resource.CUSTOMERS, "customer_id"),
    Side.SUPPLIER: (Resource.SUPPLIERS, "supplier_id"),
}
_UNPAYABLE = {"draft": "a draft", "void": "void"}


class Payments:
    """Payments of both sides."""

    def __init__(self, client: Client, books: Books, parties: Parties) -> None:
        self._sides = {
            side: _Side(client, books, parties, side) for side in (Side.CUSTOMER, Side.SUPPLIER)
        }

    def push(self, item: PushItem) -> PushResult:
        """Write one payment, or take it back."""
        if item.operation is Operation.UPDATE:
            raise Unsupported("a payment is taken back and made anew, not changed", code="update")
        return self._of(item).push(item)

    def find(self, items: Sequence[PushItem]) -> list[FindResult]:
        """Look payments up by what they are for."""
        return [self._of(item).look_up(item) for item in items]

    def _of(self, item: PushItem) -> "_Side":
        assert isinstance(item.record, Payment)  # noqa: S101  # by its type
        side = item.record.side
        if item.platform_id is not None:
            there = place_of(item.platform_id, *PAYMENTS.values())[0]
            side = next(one for one, resource in PAYMENTS.items() if resource is there)
        return self._sides[side]


class _Side(Writer):
    """Payments from customers, or to suppliers."""

    def __init__(self, client: Client, books: Books, parties: Parties, side: Side) -> None:
        super().__init__(client, books, PAYMENTS[side])
        self._parties = parties
        self._side = side

    def body(self, item: PushItem, there: Values | None) -> dict[str, object]:
        """A payment."""
        del there
        record = _payment(item.record)
        service, settings = self.client.service, self.client.settings
        return payment_body(item, record, service, settings, self._party(record))

    def _party(self, record: Payment) -> str | None:
        if record.contact_id is None:
            return None
        return self._parties.id_for(record.contact_id, _PARTIES[self._side][0])

    def create(self, item: PushItem) -> PushResult:
        """Create a payment of documents that can take it.

        Raises:
            Rejected: It is more than what is open, or a document is a draft, void or gone.
        """
        record = _payment(item.record)
        self._require(record)
        # What is paid already may have been by this very payment.
        touched, short = False, list[Rejected]()
        for part in record.allocations:
            document, name, paid = self._payable(part)
            if document.currency != record.currency:
                why = f"in {document.currency}, and the payment in {record.currency}"
                raise errors.not_payable(name, why)
            touched |= paid
            left = _left_of(document)
            if part.amount > left:
                amounts = shown(part.amount, record.currency), shown(left, document.currency)
                short.append(errors.over_allocated(name, *amounts))
        if touched:
            found = self.look_up(item)
            if isinstance(found, Found):
                return found.accepted
            if isinstance(found, Unclear):
                raise Conflict(found.reason, code="several")
        if short:
            raise short[0]
        return super().create(item)

    def _require(self, record: Payment) -> None:
        service, wanted = self.client.service, _DOCUMENTS[self._side][0]
        for part in record.allocations:
            if part.document_type != wanted:
                raise Unsupported(
                    f"a payment of this side is for {wanted.plural_words}, not for a "
                    f"{ObjectType(part.document_type).words}",
                    code="allocation",
                )
        if service.needs_allocations and record.unallocated:
            raise Unsupported("this ledger takes no money on account", code="unallocated")
        method = method_of(record, self.client.settings)
        if self.resource in service.needs_method and method is None:
            raise errors.no_method("for bill payments")
        if (
            service.methods
            and self.resource is Resource.BILL_PAYMENTS
            and (method not in service.methods)
        ):
            raise errors.no_method(f"{method} (only {' and '.join(sorted(service.methods))})")

    def _payable(self, part: Allocation) -> tuple[BillingDocument, str, bool]:
        """A document as it is now, its name, and whether something of it is paid already.

        Raises:
            Rejected: It is gone, a draft or void.
        """
        kind, resource, _ = _DOCUMENTS[self._side]
        name = f"{kind.words} {part.document_id}"
        try:
            values = self.client.one(resource, part.document_id)
            there = self.books.read(resource, values)
        except Rejected as error:
            if errors.is_gone(error):
                raise errors.gone(name) from None
            raise
        except ValueError as error:
            raise errors.not_payable(name, f"unreadable: {error}") from None
        document = there.record
        assert isinstance(document, BillingDocument)  # noqa: S101  # by its list
        name = f"{kind.words} {document.number or document.id}"
        if there.deleted:
            raise errors.gone(name)
        if document.status in _UNPAYABLE:
            raise errors.not_payable(name, _UNPAYABLE[document.status])
        row = (InvoiceRow if resource is Resource.INVOICES else BillRow).model_validate(values)
        paid = bool(row.payment_allocations) or _left_of(document) < document.total
        return document, name, paid

    # Afterwards.

    def notes(self, ours: AnyRecord, theirs: AnyRecord) -> tuple[str, ...]:
        """Say where the ledger does not show yet what the payment is for."""
        wanted, there = _parts(_payment(ours)), _parts(_payment(theirs))
        if all(there.get(one, ZERO) >= amount for one, amount in wanted.items()):
            return ()
        return ("the ledger does not show yet what it is for; the next pull tells",)

    # Looking up.

    def places(self, item: PushItem) -> list[Filters]:
        """The payments of what it pays; then all of its party, where a ledger applies later."""
        record = _payment(item.record)
        name = _DOCUMENTS[self._side][2]
        found: list[Filters] = [{name: part.document_id} for part in record.allocations[:1]]
        party = self._party(record)
        found.append({_PARTIES[self._side][1]: party} if party else {})
        return found

    def is_it(self, item: PushItem, one: PulledRecord) -> bool:
        """By our marker; one without any is only like it."""
        return one.marker == item.marker or (
            one.marker is None and _is_like(_payment(item.record), _payment(one.record))
        )

    def judged(self, item: PushItem, mine: Sequence[PulledRecord]) -> FindResult:
        """Only our marker proves that it is ours; one that is like it is a question."""
        standing = [one for one in mine if _payment(one.record).status != "void"]
        marked = [one for one in standing if one.marker == item.marker]
        if standing and not marked:
            names = ", ".join(one.platform_id for one in standing)
            return Unclear(
                f"the ledger has a payment like {label(item.record)}, but without our mark "
                f"{item.marker}: {names}"
            )
        return super().judged(item, marked)


def _payment(record: AnyRecord) -> Payment:
    assert isinstance(record, Payment)  # noqa: S101  # by its list
    return record


def _left_of(document: BillingDocument) -> Decimal:
    """What is open; by its state where the ledger states no balance."""
    if document.balance is not None:
        return document.balance
    return ZERO if document.status == "paid" else document.total


def _parts(record: Payment) -> dict[str, Decimal]:
    return {part.document_id: part.amount for part in record.allocations}


def _is_like(ours: Payment, theirs: Payment) -> bool:
    """Same money, same day, same document."""
    return (
        (ours.amount, ours.currency, ours.date) == (theirs.amount, theirs.currency, theirs.date)
        and bool(ours.allocations)
        and set(_parts(ours)) == set(_parts(theirs))
    )
