"""What the ERP mirrors on the platform, and what changes there by nobody's call."""

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from connectors.softwareone.simulated import charging, erp
from connectors.softwareone.simulated.making import Writes
from connectors.softwareone.simulated.parties import Account, Agreement
from connectors.softwareone.simulated.schemas import CLIENT, OPERATIONS, VENDOR
from connectors.softwareone.simulated.steps import PLATFORM
from connectors.softwareone.simulated.store import Json, Record, ref, snapshot

Amount = Decimal | str | int


class Mirror(Writes):
    """The ERP's documents, and changes of any record."""

    def account(self, who: str) -> Account:
        """The account of a role (the first of its kind), or the one with an id."""
        named = {
            CLIENT: self.known.client,
            VENDOR: self.known.vendor,
            OPERATIONS: self.known.operations,
        }
        return self.parties.accounts[named.get(who, who)]

    def record(self, record_id: str) -> Record:
        """A record that is there, after what is due has happened; a `LookupError` if it is not."""
        self.books.take_due()
        found = self.books.records.get(record_id)
        if found is None:
            raise LookupError(f"there is no {record_id}")
        return found

    def add_invoice(
        self,
        *,
        net: Amount = "100.00",
        vat: Amount = "21",
        lines: Sequence[Mapping[str, Any]] | None = None,
        buyer: str | None = None,
        agreement: str | None = None,
        statement: str | None = None,
        number: str | None = None,
        status: str = "Issued",
        date: dt.date | None = None,
        due_date: dt.date | None = None,
        currency: str = "EUR",
        **erp_data: Any,
    ) -> str:
        """The ERP issues an invoice; returns its id.

        Args:
            net: Net amount of its only line, unless `lines` are given.
            vat: Percentage.
            lines: Of each, some of `net`, `vat`, `quantity`, `description`, `discount`, `item`,
                `vat_type`.
            buyer: Whose it is, by id; by default `known.buyer`.
            agreement: By default the buyer's first.
            statement: Id of the statement that it bills.
            number: `documentNo`; by default the next one.
            status: `Issued`, `Generated`, `Paid`, `Overdue` or any other.
            date: Document and posting date.
            due_date: By default 30 days later.
            currency: Of all amounts.
            erp_data: Further members of `erpData`, over the usual ones; None removes one.
        """
        with self.lock:
            found = self._agreement(buyer, agreement)
            document = erp.Document(
                kind="invoices",
                agreement=found,
                lines=_lines(lines, net, vat),
                number=number or self.platform.next_document("invoices", found),
                status=status,
                date=date or self.now().date(),
                due=due_date or (date or self.now().date()) + erp.TERM,
                currency=currency,
                statement=ref(self.record(statement).body) if statement else None,
            )
            return self._mirrored(document, erp_data)

    def add_credit_memo(
        self,
        *,
        applies_to: str | None = None,
        net: Amount = "100.00",
        vat: Amount = "21",
        lines: Sequence[Mapping[str, Any]] | None = None,
        buyer: str | None = None,
        statement: str | None = None,
        number: str | None = None,
        status: str = "Issued",
        date: dt.date | None = None,
        currency: str = "EUR",
        **erp_data: Any,
    ) -> str:
        """The ERP issues a credit memo, for an invoice (by id) or on its own; returns its id."""
        with self.lock:
            corrected = self.record(applies_to).body if applies_to else None
            agreement = corrected["agreement"]["id"] if corrected else None
            found = self._agreement(buyer, agreement)
            day = date or self.now().date()
            document = erp.Document(
                kind="credit-memos",
                agreement=found,
                lines=_lines(lines, net, vat),
                number=number or self.platform.next_document("credit-memos", found),
                status=status,
                date=day,
                due=day,
                currency=currency,
                statement=ref(self.record(statement).body) if statement else None,
                applies_to=corrected["documentNo"] if corrected else None,
            )
            return self._mirrored(document, erp_data)

    def _mirrored(self, document: erp.Document, erp_data: Mapping[str, Any]) -> str:
        body = erp.body_of(self.books, document, erp_data)
        return self.books.add(document.kind, body, PLATFORM).id

    def _agreement(self, buyer: str | None, agreement: str | None = None) -> Agreement:
        if agreement is not None:
            return self.parties.agreements[agreement]
        return self.parties.agreement_for(self.parties.buyers[buyer or self.known.buyer])

    def add_statement(
        self,
        *,
        charges: int = 1,
        net: Amount = "100.00",
        buyer: str | None = None,
        status: str = "Generated",
        currency: str = "EUR",
    ) -> str:
        """A ledger yields a statement; returns its id.

        Its charges are made while they are read, so there may be a million of them; `net` is
        what they sell for together, and less than 0 makes the statement one of type Credit.
        """
        with self.lock:
            agreement = self._agreement(buyer)
            item = next(iter(self.parties.items.values()))
            stamp = self.books.stamp(PLATFORM)
            rows = charging.made_up(
                agreement,
                item,
                count=charges,
                total=Decimal(str(net)) / (1 + charging.MARKUP),
                digits=self.books.new_id("X")[2:],
                audit={"created": stamp, "updated": stamp},
                currency=currency,
            )
            number = self.books.next_number("ledger")
            of = {"ledger": {"id": self.books.new_id("BLE", 3), "name": f"Ledger {number}"}}
            return self.platform.new_statement(agreement, rows, status=status, of=of).id

    def edit(self, record_id: str, **changes: Any) -> Json:
        """Somebody changes a record; `revision` and `audit.updated` follow.

        Members by their names, those inside of others with `__`: `edit(i, erpData__dueDate=...)`.
        Of an invoice or credit memo also `net`, `vat` or `lines`: the ERP replaces all lines, and
        totals follow.
        """
        with self.lock:
            record = self.record(record_id)
            priced = {name: changes.pop(name, None) for name in ("net", "vat", "lines")}
            if any(value is not None for value in priced.values()):
                lines = _lines(priced["lines"], priced["net"] or "100.00", priced["vat"] or "21")
                self._reline(record, lines)
            for path, value in changes.items():
                *outer, last = path.split("__")
                here = record.body
                for name in outer:
                    here = here.setdefault(name, {})
                here[last] = value
            status = {"status": changes["status"]} if "status" in changes else {}
            self.books.touch(record, PLATFORM, **status)
            return snapshot(record.body)

    def _reline(self, record: Record, lines: Sequence[erp.Line]) -> None:
        body = record.body
        document = erp.Document(
            kind=record.kind,
            agreement=self.parties.agreements[body["agreement"]["id"]],
            lines=tuple(lines),
            number=body["documentNo"],
            status=record.status,
            date=self.now().date(),
            due=self.now().date(),
            currency=body["price"]["currency"],
        )
        erp.relined(self.books, body, document, lines)

    def pay(self, invoice_id: str, amount: Amount | None = None) -> Json:
        """A client pays an invoice, by default all that is open."""
        with self.lock:
            open_now = self.record(invoice_id).body["erpData"]["balanceDue"]
            left = open_now - (open_now if amount is None else Decimal(str(amount)))
            status = {"status": "Paid"} if left <= 0 else {}
            return self.edit(invoice_id, erpData__balanceDue=left, **status)

    def vanish(self, record_id: str) -> None:
        """A record is not there any more: 404."""
        with self.lock:
            del self.books.records[self.record(record_id).id]

    def attach(
        self,
        record_id: str,
        name: str = "document.pdf",
        content: bytes = b"%PDF-1.7 simulated",
        *,
        kind: str = "Output",
        content_type: str = "application/pdf",
    ) -> str:
        """A file is kept with a record; returns the attachment's id.

        The `Output` of an invoice or credit memo is fetched from the ERP and answered at once,
        all others by redirect.
        """
        with self.lock:
            record = self.record(record_id)
            body = {
                "type": kind,
                "name": name,
                "filename": name,
                "contentType": content_type,
                "size": len(content),
                "isDeleted": False,
            }
            if kind == "Output" and record.kind in {"invoices", "credit-memos"}:
                body["isExternal"] = True
            made = self.keep_file(record, body, content, self.account(OPERATIONS))
            return str(made["id"])


def _lines(
    lines: Sequence[Mapping[str, Any]] | None, net: Amount, vat: Amount
) -> tuple[erp.Line, ...]:
    if lines is None:
        return (erp.Line.of({"net": net, "vat": vat}),)
    return tuple(erp.Line.of(line) for line in lines)
