"""Writing payments: one document, several documents as one line of the bank, refunds of credits.

The ledger computes what is paid; nobody writes it. A payment of one document is an element of one
call for the whole batch. One of several is a batch payment, which takes invoices or bills in the
base currency only ("BatchPayments", 2026). Nothing is changed: a payment is deleted and made anew.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from connectors.base import (
    Absent,
    Accepted,
    Failed,
    FindResult,
    Operation,
    PulledRecord,
    PushItem,
    PushResult,
    Unclear,
)
from connectors.errors import ConnectorError, Rejected
from connectors.xero import errors, reading
from connectors.xero.client import IDS_AT_ONCE, Values
from connectors.xero.documents import Dated
from connectors.xero.mapping_payments import (
    BATCHES,
    DELETED,
    PAYMENTS,
    batch_body,
    payment_body,
    place_of,
)
from connectors.xero.values import both, chunks, dated, label, marker_in, spans
from connectors.xero.walking import walk
from connectors.xero.writing import Call, is_of_all
from models.canonical import Allocation, ObjectType, Payment, Side
from models.canonical.money import ZERO


class Payments(Dated):
    """Payments of both sides."""

    endpoint = PAYMENTS

    # Writing.

    def push(self, items: Sequence[PushItem]) -> list[PushResult]:
        """Create a batch with two calls at most; take payments back one by one."""
        results: dict[int, PushResult] = {}
        new = []
        for place, item in enumerate(items):
            match item.operation:
                case Operation.CREATE:
                    new.append((place, item))
                case Operation.VOID:
                    results[place] = self._voided(item)
                case _:
                    said = "a payment is taken back and made anew in Xero, not changed"
                    results[place] = Failed(errors.unsupported(said))
        if new:
            self._created(new, results)
        return [results[place] for place in range(len(items))]

    def _created(
        self, items: Sequence[tuple[int, PushItem]], results: dict[int, PushResult]
    ) -> None:
        sound = []
        for place, item in items:
            try:
                self.require(item, None)
                _require_sayable(_payment(item))
                sound.append((place, item))
            except ConnectorError as error:
                if is_of_all(error):
                    results |= {place: Failed(error) for place, _ in items}
                    return
                results[place] = Failed(error)
        try:
            currencies = self._currencies([_payment(item) for _, item in sound])
        except ConnectorError as error:
            results |= {place: Failed(error) for place, _ in sound}
            return
        singles, several = [], []
        for place, item in sound:
            record = _payment(item)
            try:
                self._require_currency(record, currencies)
            except ConnectorError as error:
                results[place] = Failed(error)
                continue
            if len(record.allocations) == 1:
                singles.append(Call(place, item, payment_body(item.marker, record, self.books)))
            else:
                several.append(Call(place, item, batch_body(item.marker, record)))
        self.send("PUT", PAYMENTS, singles, results)
        self.send("PUT", BATCHES, several, results)

    def endpoint_of(self, call: Call) -> str:
        """Which list an element went to."""
        if call.item.operation is Operation.VOID:
            return place_of(call.item.platform_id or "")[0]
        return PAYMENTS if len(_payment(call.item).allocations) == 1 else BATCHES

    def _currencies(self, records: Sequence[Payment]) -> Mapping[str, str]:
        """In which currency documents are: a payment's amount is in that of its document.

        Xero would take 100.00 in one currency for 100.00 in another.
        """
        ids = dict.fromkeys(
            part.document_id
            for record in records
            for part in record.allocations
            if part.document_type != ObjectType.CREDIT_NOTE
        )
        found: dict[str, str] = {}
        for some in chunks(list(ids), IDS_AT_ONCE):
            query = {"IDs": ",".join(some), "summaryOnly": "true", "includeArchived": "true"}
            for step in walk(self.client, "Invoices", query):
                found |= {
                    str(one.get("InvoiceID")): str(one.get("CurrencyCode")) for one in step.values
                }
        return found

    def _require_currency(self, record: Payment, currencies: Mapping[str, str]) -> None:
        for part in record.allocations:
            if part.document_type == ObjectType.CREDIT_NOTE:
                continue
            name = f"{ObjectType(part.document_type).words} {part.document_id}"
            there = currencies.get(part.document_id)
            if there is None:
                raise errors.deleted(name)
            if there != record.currency:
                why = f"in {there}, and {label(record)} in {record.currency}"
                raise errors.not_payable(name, why)
        if len(record.allocations) > 1 and record.currency != self.books.base_currency():
            raise errors.unsupported(
                f"Xero takes one payment of several documents only in {self.books.base_currency()}: "
                f"hand {label(record)} in as one payment for each document"
            )

    def _voided(self, item: PushItem) -> PushResult:
        endpoint, row_id = place_of(item.platform_id or "")
        if endpoint not in {PAYMENTS, BATCHES}:
            said = f"{label(item.record)} is an over- or prepayment: void it in Xero"
            return Failed(errors.unsupported(said))
        call = Call(0, item, {"Status": DELETED})
        results: dict[int, PushResult] = {}

        def write() -> Any:
            return self.client.write_one(endpoint, row_id, call.body, [item.key])

        try:
            self.books.require_open(_payment(item).date, label(item.record))
        except ConnectorError as error:
            return Failed(error)
        self.settle([call], results, write)
        result = results[0]
        # It may have been taken back before, by us or by somebody else.
        if isinstance(result, Failed) and isinstance(result.error, Rejected):
            return self._gone(item, endpoint, row_id) or result
        return result

    def _gone(self, item: PushItem, endpoint: str, row_id: str) -> PushResult | None:
        """Whether a payment is not in the books any more, although it could not be deleted."""
        try:
            values = self.client.one(endpoint, row_id)
        except ConnectorError as error:
            return Accepted(item.platform_id or "") if error.code == errors.GONE else None
        return Accepted(item.platform_id or "") if values.get("Status") == DELETED else None

    # Looking up.

    def find(self, items: Sequence[PushItem]) -> list[FindResult]:
        """Look up what unclear writes left: one call for days that are near each other."""
        results: dict[int, FindResult] = {}
        for endpoint, belongs in _LISTS:
            mine = [(place, item) for place, item in enumerate(items) if belongs(item)]
            if not mine:
                continue
            rows = list(self._on_days(endpoint, [item for _, item in mine]))
            for place, item in mine:
                results[place] = self._looked_up(endpoint, item, rows)
        return [results[place] for place in range(len(items))]

    def _on_days(self, endpoint: str, items: Sequence[PushItem]) -> Iterable[Values]:
        for start, end in spans(_payment(item).date for item in items):
            query = {"where": both(dated(start, end))}
            for step in walk(self.client, endpoint, query, paged=endpoint == PAYMENTS):
                yield from step.values

    def _looked_up(self, endpoint: str, item: PushItem, rows: Sequence[Values]) -> FindResult:
        latest = {reading.id_of(endpoint, one): one for one in rows}
        named = latest.get(item.platform_id or "")
        mine = [one for one in latest.values() if self.carries(one, item)]
        if named is not None:
            mine = [named]
        if mine:
            return self.judged(item, mine)
        same = [one for one in latest.values() if self._is_like(endpoint, item, one)]
        if same:
            return Unclear(
                "Xero has a payment of the same day, amount and documents, but without our mark"
            )
        return Absent()

    def carries(self, values: Values, item: PushItem) -> bool:
        """In the reference; in the words for the bank, where a country has no other."""
        fields = ("Reference", "Narrative", "Details")
        return marker_in(*(values.get(one) for one in fields)) == item.marker

    def _is_like(self, endpoint: str, item: PushItem, values: Values) -> bool:
        if marker_in(values.get("Reference")) or values.get("Status") == DELETED:
            return False
        try:
            there = reading.read(endpoint, values, self.books)
        except (ValueError, ArithmeticError):
            return False
        record = _payment(item)
        if there is None or not isinstance(there.record, Payment):
            return False
        names = ("date", "amount", "currency")
        same = all(getattr(there.record, name) == getattr(record, name) for name in names)
        return same and set(there.record.allocations) == set(record.allocations)

    def _readable(self, values: Values) -> PulledRecord:
        """A row of either list."""
        endpoint = (
            BATCHES if values.get("BatchPaymentID") and not values.get("PaymentID") else PAYMENTS
        )
        try:
            found = reading.read(endpoint, values, self.books)
        except (ValueError, ArithmeticError) as error:
            raise errors.wrong_state(f"what is there cannot be read: {error}") from None
        if found is None:
            raise errors.wrong_state("it has become a part of a batch payment")
        return found


def _payment(item: PushItem) -> Payment:
    assert isinstance(item.record, Payment)  # noqa: S101  # by its type
    return item.record


def _several(item: PushItem) -> bool:
    return len(_payment(item).allocations) > 1


_LISTS: Sequence[tuple[str, Callable[[PushItem], bool]]] = (
    (PAYMENTS, lambda item: not _several(item)),
    (BATCHES, _several),
)


def _require_sayable(record: Payment) -> None:
    """Whether Xero has a way to say it.

    Raises:
        Unsupported: It has none; the sentence says what to do.
    """
    name = label(record)
    parts: tuple[Allocation, ...] = record.allocations
    if not parts:
        raise errors.unsupported(
            f"{name} is for no document: enter it in Xero as an over- or prepayment, or hand it in "
            "once it is allocated"
        )
    if record.refund:
        if len(parts) > 1 or parts[0].document_type != ObjectType.CREDIT_NOTE:
            raise errors.unsupported(f"{name}: a refund in Xero gives back one credit note's money")
        return
    wanted = ObjectType.INVOICE if record.side is Side.CUSTOMER else ObjectType.BILL
    if any(part.document_type != wanted for part in parts):
        raise errors.unsupported(
            f"{name}: this side pays {wanted.plural_words}; credit notes are used up in Xero itself"
        )
    if record.unallocated != ZERO:
        raise errors.unsupported(
            f"{name}: {record.unallocated} of it is for no document. Enter the surplus in Xero as an "
            "overpayment, and hand in what is allocated"
        )
