"""Pushing payments: a movement on the bank account, assigned to invoices and reconciled.

Tryton's payment wizard makes one movement per invoice and has no field for our marker. So a
payment is one movement in a cash journal, as a bookkeeper would enter a bank transfer:

1. the draft, with one third-party line per allocation that is assigned to its invoice in the same
   transaction (`invoice_payment`): Tryton itself refuses to assign more than is open;
2. posting;
3. for invoices that are fully assigned, reconciling, which makes them paid. Reconciliations
   cannot be created over RPC (`account.move.line.reconciliation` is read-only); Tryton's wizard
   does it, one call per invoice, and needs one session for all of them.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from connectors.base import Accepted, Found, PushItem, Totals
from connectors.errors import (
    Cause,
    ConnectorError,
    Rejected,
    Unavailable,
    Unsupported,
)
from connectors.tryton import mapping
from connectors.tryton.batch import in_one_call, made_for, unsettled
from connectors.tryton.moves import Moves, MoveWork, described
from connectors.tryton.values import one_line, tryton_id
from connectors.tryton.wire import Move, OpenInvoice, Party, Values
from models.canonical import Allocation, ObjectType, Payment, Side
from models.canonical.money import ZERO, shown, total_of

INVOICE = "account.invoice"
LINE = "account.move.line"
RECONCILE = "wizard.account.move.reconcile_lines"


@dataclass(frozen=True)
class _Share:
    """A part of a payment, and what it is for."""

    account: int
    party: int
    amount: Decimal
    invoice: int | None


class Payments(Moves):
    """Batches of payments for one connection."""

    def values_of(self, batch: Sequence[MoveWork]) -> dict[MoveWork, Values]:
        """One movement per payment; what is over-allocated or not expressible fails."""
        self.check(batch)
        ready = unsettled(batch)
        invoices = self._invoices(ready)
        parties = self._parties(ready)
        return made_for(ready, lambda work: self._values_of(work, invoices, parties))

    def check(self, batch: Sequence[MoveWork]) -> None:
        """Closed periods, and allocations of more than is open."""
        invoices = self._invoices(batch)
        left = {invoice.id: invoice.amount_to_pay for invoice in invoices.values()}
        for work in batch:
            try:
                self.books.period(_payment(work).date)
                for part in _payment(work).allocations:
                    _check_allocation(part, _payment(work), invoices, left)
            except (Rejected, Unsupported) as error:
                work.fail(error)
                continue
            for part in _payment(work).allocations:
                left[int(part.document_id)] -= part.amount

    def is_same(self, work: MoveWork) -> bool:
        """Whether date, side, amount and account are those of the record."""
        ours, side = _payment(work), mapping.payment_side(work.there)
        if side is None:
            return False
        theirs = mapping.payment(work.there, side, self.books.company.currency.code, {})
        return (
            (theirs.side, theirs.date, theirs.amount, theirs.currency, theirs.account_id)
            == (ours.side, ours.date, ours.amount, ours.currency, ours.account_id)
        )  # fmt: skip

    def posted(self, batch: Sequence[MoveWork]) -> None:
        """Reconciling is a step of its own."""
        for work in batch:
            work.stepped("posted", work.there.id)

    def finish(self, batch: Sequence[MoveWork]) -> None:
        """Reconcile what is fully paid now, and say what Tryton has."""
        named = {work: _assigned(work.there) for work in batch}
        rows = self._open(sorted(set().union(*named.values())))
        self._reconcile(
            {
                row: [work for work in batch if row.id in named[work]]
                for row in rows
                if row.to_reconcile
            }
        )
        for work in unsettled(batch):
            work.result = self._accepted(work.there, tuple(work.notes))

    def judged(self, items: Sequence[tuple[PushItem, Move]]) -> list[Found]:
        """A payment is complete once what it pays in full is reconciled."""
        named = [_assigned(move) for _, move in items]
        waiting = {row.id for row in self._open(sorted(set().union(*named))) if row.to_reconcile}
        return [
            Found(self._accepted(move), progress={"step": "posted"} if ids & waiting else None)
            for (_, move), ids in zip(items, named, strict=True)
        ]

    def unlink(self, batch: Sequence[MoveWork]) -> None:
        """Take drafts off their invoices: it is an invoice's own change that a pull notices."""
        lines = {
            work: [line.id for line in work.there.lines if line.invoice_payments] for work in batch
        }
        parts = in_one_call(
            [work for work in batch if lines[work]],
            lambda some: self.client.update(
                LINE, [(line, {"invoice_payment": None}) for work in some for line in lines[work]]
            ),
            left_traces=lambda _: False,
        )
        for part in parts:
            for work in part.items:
                if part.error is not None:
                    work.fail(part.error)

    # Reading.

    def _invoices(self, batch: Sequence[MoveWork]) -> dict[int, OpenInvoice]:
        named = {
            int(part.document_id)
            for work in batch
            for part in _payment(work).allocations
            if part.document_id.isdecimal()
        }
        return {row.id: row for row in self._open(sorted(named))}

    def _open(self, ids: Sequence[int]) -> list[OpenInvoice]:
        if not ids:
            return []
        ours = ["company", "=", self.client.company]
        return self.client.all(OpenInvoice, INVOICE, [ours, ["id", "in", list(ids)]])

    def _parties(self, batch: Sequence[MoveWork]) -> dict[str, Party]:
        """The parties whose money is not all allocated."""
        named = {_payment(work).contact_id or "" for work in batch if _payment(work).unallocated}
        ids = sorted(int(contact) for contact in named if contact.isdecimal())
        parties = self.client.all(Party, "party.party", [["id", "in", ids]]) if ids else []
        return {str(party.id): party for party in parties}

    # The movement.

    def _values_of(
        self, work: MoveWork, invoices: dict[int, OpenInvoice], parties: dict[str, Party]
    ) -> Values:
        payment = _payment(work)
        period = self.books.period(payment.date)
        if payment.account_id is None:
            raise Rejected(
                "the payment names no bank or cash account",
                code="account_not_named",
                cause=Cause(
                    "account_not_named", "payments", {"purpose": "payments", "ours": "payments"}
                ),
            )
        shares = [
            _Share(invoice.account, invoice.party, part.amount, invoice.id)
            for part in payment.allocations
            for invoice in [invoices[int(part.document_id)]]
        ]
        if payment.unallocated > ZERO:
            shares.append(self._on_account(payment, parties))
        sides = self._money(payment, [share.amount for share in shares])
        accounts = self.books.accounts(share.account for share in shares)
        third: list[Values] = [
            {
                "account": share.account,
                "party": share.party if accounts[share.account].party_required else None,
                "invoice_payment": share.invoice,
                **money,
            }
            for share, money in zip(shares, sides, strict=True)
        ]
        text = one_line(payment.reference or payment.number or payment.note)
        bank = {
            "account": tryton_id(payment.account_id, "account"),
            "description": text,
            **_opposite(sides),
        }
        return {
            "company": self.client.company,
            "journal": self.books.payment_journal,
            "period": period.id,
            "date": payment.date,
            "description": described(work.item.marker, text),
            "lines": [["create", [bank, *third]]],
        }

    def _on_account(self, payment: Payment, parties: dict[str, Party]) -> "_Share":
        """The part that pays no document: the party has it to its credit."""
        party = parties.get(payment.contact_id or "")
        if party is None:
            raise Rejected(
                f"{shown(payment.unallocated, payment.currency)} of the payment is for no "
                "document, and Tryton has no party to book it on",
                code="unknown_party",
            )
        receivable = payment.side is Side.CUSTOMER
        account = self.books.third_party_account(party, receivable=receivable)
        return _Share(account, party.id, payment.unallocated, None)

    def _money(self, payment: Payment, amounts: Sequence[Decimal]) -> list[Values]:
        """Debit or credit of each third-party line, in the company's currency."""
        base = self.books.company.currency.code
        side, other = ("credit", "debit") if payment.side is Side.CUSTOMER else ("debit", "credit")
        if payment.currency == base:
            return [{side: self.books.rounded(amount, base), other: ZERO} for amount in amounts]
        if payment.currency_rate is None:
            raise Rejected(
                f"a payment in {payment.currency} needs its rate to {base}", code="no_rate"
            )
        foreign = self.books.currency(payment.currency).id
        sign = -1 if side == "credit" else 1
        return [
            {
                side: self.books.rounded(amount * payment.currency_rate, base),
                other: ZERO,
                "second_currency": foreign,
                "amount_second_currency": sign * amount,
            }
            for amount in amounts
        ]

    # Reconciling.

    def _reconcile(self, waiting: dict[OpenInvoice, list[MoveWork]]) -> None:
        if not waiting:
            return
        session: int | None = None
        for invoice, works in waiting.items():
            if all(work.result is not None for work in works):
                continue  # its payment failed already; it is reconciled when that is pushed again
            lines = invoice.to_reconcile
            context = {"active_model": LINE, "active_ids": lines, "active_id": lines[0]}
            try:
                if session is None:
                    # A session is a scratch pad: one that is left over does no harm.
                    session = _session(self.client.read(f"{RECONCILE}.create", **context))
                self.client.write(f"{RECONCILE}.execute", session, {}, "start", **context)
            except Rejected as error:
                name = invoice.number or str(invoice.id)
                for work in works:
                    work.notes.append(
                        f"it is assigned to {name}, but Tryton did not reconcile it: "
                        f"{error.message}"
                    )
            except ConnectorError as error:
                for work in works:
                    work.fail(error)
        if session is not None:
            self._close(session)

    def _close(self, session: int) -> None:
        try:
            self.client.read(f"{RECONCILE}.delete", session)
        except ConnectorError:
            return  # Tryton clears old ones itself

    def _accepted(self, move: Move, notes: tuple[str, ...] = ()) -> Accepted:
        side = mapping.payment_side(move)
        payment = (
            mapping.payment(move, side, self.books.company.currency.code, {}) if side else None
        )
        return Accepted(
            platform_id=str(move.id),
            number=move.number or None,
            totals=Totals(total=payment.amount if payment else None),
            version=move.version,
            url=self.link("account.move", move.id),
            notes=notes,
        )


def _payment(work: MoveWork) -> Payment:
    assert isinstance(work.item.record, Payment)  # noqa: S101  # by the type that is pushed
    return work.item.record


def _session(answer: object) -> int:
    """The session that a wizard opened: `[id, first state, last state]`."""
    match answer:
        case [int() as session, *_]:
            return session
    raise Unavailable("the answer is not Tryton's", code="unreadable_answer")


def _assigned(move: Move) -> set[int]:
    return {invoice.id for line in move.lines for invoice in line.invoice_payments}


def _check_allocation(
    part: Allocation,
    payment: Payment,
    invoices: dict[int, OpenInvoice],
    left: dict[int, Decimal],
) -> None:
    """Refuse what Tryton would refuse, with a cause.

    Raises:
        ConnectorError: The document cannot take the allocation.
    """
    if part.document_type is ObjectType.CREDIT_NOTE:
        raise Unsupported(
            "a payment cannot be allocated to a credit note in Tryton: what is paid back is "
            "no payment there, but an entry of its own",
            code="refund",
        )
    invoice = invoices.get(tryton_id(part.document_id, "invoice"))
    if invoice is None:
        raise Rejected(f"Tryton has no document {part.document_id}", code="unknown_document")
    name = f"{part.document_type.words} {invoice.number or invoice.id}"
    if (invoice.type == "out") != (payment.side is Side.CUSTOMER):
        raise Rejected(f"the {name} is on the other side than the payment", code="wrong_side")
    if invoice.currency.code != payment.currency:
        raise Rejected(
            f"the {name} is in {invoice.currency.code}, the payment in {payment.currency}",
            code="other_currency",
        )
    if invoice.state not in {"posted", "paid"}:
        raise Rejected(f"the {name} is not posted in Tryton", code="not_posted")
    if part.amount > left[invoice.id]:
        raise Rejected(
            f"{shown(part.amount, payment.currency)} is allocated to the {name}, of which "
            f"{shown(left[invoice.id], payment.currency)} is open",
            code="over_allocated",
            cause=Cause("over_allocated", name, {"document": name}),
        )


def _opposite(sides: Sequence[Values]) -> Values:
    """The bank's line: what all the others come to, on the other side."""
    sums: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
    for money in sides:
        for name in ("debit", "credit"):
            sums[name] += money[name]
    line: Values = {"debit": sums["credit"], "credit": sums["debit"]}
    if sides and "second_currency" in sides[0]:
        line["second_currency"] = sides[0]["second_currency"]
        line["amount_second_currency"] = -total_of(
            money["amount_second_currency"] for money in sides
        )
    return line
