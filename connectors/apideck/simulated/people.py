"""What people do in the connected ledger, and what goes wrong on the way to it: methods of tests."""

import datetime as dt
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from connectors.apideck.simulated import answers, sample
from connectors.apideck.simulated.service import ApideckService
from connectors.apideck.simulated.store import Json
from connectors.apideck.simulated.vault import Connection
from connectors.faults import Answer, Fault


class People(ApideckService):
    """Somebody in the ledger of the first connection, and armed faults."""

    connection: Connection

    def enter(self, resource: str, body: Mapping[str, Any]) -> str:
        """Somebody enters a record; the body is the API's. Returns its id."""
        with self.lock:
            return self.connection.books.enter(resource, dict(body))

    def enter_invoice(
        self, *, net: str = "100.00", rate: str = "standard", reference: str | None = None
    ) -> str:
        """Somebody enters an approved invoice of one line; `rate` as in `known`."""
        return self.enter("invoices", self.invoice_body(net=net, rate=rate, reference=reference))

    def enter_bill(
        self, *, net: str = "100.00", rate: str = "standard", reference: str | None = None
    ) -> str:
        """Somebody enters an approved bill of one line; `rate` as in `known`."""
        return self.enter("bills", self.bill_body(net=net, rate=rate, reference=reference))

    def invoice_body(self, *, net: str, rate: str, reference: str | None = None) -> Json:
        """The body of an invoice of one line, with Decimals: what the ledger needs, no more."""
        return sample.invoice(self.connection.books, net=net, rate=rate, reference=reference)

    def bill_body(self, *, net: str, rate: str, reference: str | None = None) -> Json:
        """The same of a bill."""
        return sample.bill(self.connection.books, net=net, rate=rate, reference=reference)

    def pay(
        self,
        resource: str,
        record_id: str,
        amount: str | Decimal | None = None,
        *,
        reference: str | None = None,
        on: dt.date | None = None,
    ) -> str:
        """Somebody books a payment of an invoice or a bill, which counts at once.

        Args:
            resource: `invoices` or `bills`.
            record_id: Which.
            amount: By default all that is open.
            reference: What they write on it.
            on: By default today.

        Returns:
            The id of the payment (in `payments` or `bill-payments`).
        """
        with self.lock:
            body = sample.payment(
                self.connection.books, resource, record_id, amount, reference=reference, on=on
            )
            paid = "payments" if resource == "invoices" else "bill-payments"
            payment = self.connection.books.enter(paid, body)
            self.connection.books.apply(paid, payment)
            return payment

    def edit(self, resource: str, record_id: str, **changes: Any) -> None:
        """Somebody changes members of a record; totals and balance follow."""
        with self.lock:
            self.connection.books.edit(resource, record_id, changes)

    def void(self, resource: str, record_id: str) -> None:
        """Somebody voids a document or a payment; payments give the balances back."""
        with self.lock:
            self.connection.books.void(resource, record_id)

    def delete(self, resource: str, record_id: str) -> None:
        """Somebody deletes a record; what is left of it is the profile's `deleted`."""
        with self.lock:
            self.connection.books.delete(resource, record_id)

    def copy(self, resource: str, record_id: str) -> str:
        """Somebody duplicates a record, its reference included. Returns the copy's id."""
        with self.lock:
            return self.connection.books.copy(resource, record_id)

    def archive(self, resource: str, record_id: str) -> None:
        """Somebody archives an account, a rate or a contact: nothing new may name it."""
        with self.lock:
            self.connection.books.edit(resource, record_id, {"status": "archived"})

    def close_period(self, until: dt.date) -> None:
        """Nothing may be written, changed or undone up to this day any more."""
        with self.lock:
            self.connection.books.closed_until = until

    def open_period(self) -> None:
        """Everything may be changed again."""
        with self.lock:
            self.connection.books.closed_until = None

    def apply_allocations(self) -> None:
        """Let all payments count now that the ledger has not applied yet."""
        with self.lock:
            self.connection.books.apply_all()

    def distort(self, resource: str, record_id: str, **members: Any) -> None:
        """Let a record go out with other members than it has: unknown or unreadable ones."""
        with self.lock:
            self.connection.books.record(resource, record_id).overlay.update(members)

    def between_pages(self, resource: str, action: Callable[[], object], *, times: int = 1) -> None:
        """Somebody does something right after the next page of a list has been answered."""
        with self.lock:
            self.page_actions.setdefault(resource, []).extend([action] * times)

    def arm(
        self, fault: Fault, resource: str, *, method: str = "POST", one: bool = False, **how: Any
    ) -> None:
        """Let requests for a resource fail; see `Faults.arm`.

        Args:
            fault: What happens.
            resource: As in paths; `connections` for the Vault.
            method: `*` is any.
            one: Requests about one record (`/payments/7`) instead of the list or a new one.
            how: `times`, `skip`, `body`, `answer`, `change` ...
        """
        where = "/vault" if resource == "connections" else "/accounting"
        path = rf"{where}/{re.escape(resource)}{'/.+' if one else ''}"
        self.faults.arm(fault, method=method, path=path, **how)

    def lose_answer(
        self, resource: str, *, method: str = "POST", committed: bool = True, **how: Any
    ) -> None:
        """504 ProxyTimedOutError, as after 29 s, but at once; written or not."""
        fault = Fault.ERROR_AFTER if committed else Fault.ERROR_BEFORE
        self.arm(fault, resource, method=method, answer=answers.timed_out(), **how)

    def leave_uncertain(
        self, resource: str, *, method: str = "POST", committed: bool = True, **how: Any
    ) -> None:
        """502 ConnectorExecutionError with `detail.outcome: "uncertain"`; written or not."""
        fault = Fault.ERROR_AFTER if committed else Fault.ERROR_BEFORE
        self.arm(fault, resource, method=method, answer=answers.uncertain(), **how)

    def fail_ledger(
        self, resource: str, *, status: int = 503, method: str = "POST", **how: Any
    ) -> None:
        """The ledger answers with an error of its own, having written nothing."""
        self.arm(Fault.ERROR_BEFORE, resource, method=method, answer=answers.ledger(status), **how)

    def throttle(
        self, resource: str, *, method: str = "*", seconds: int | None = 1, **how: Any
    ) -> None:
        """429 ConnectorRateLimitError; `seconds` until the reset header's time, None: no header."""
        reset = None if seconds is None else int(self.now().timestamp()) + seconds
        self.arm(Fault.ERROR_BEFORE, resource, method=method, answer=answers.limited(reset), **how)

    def stall(self, resource: str, *, times: int = 1) -> None:
        """The next creates go on in the ledger until `finish`: the client gets a 504 meanwhile.

        The same Idempotency-Key is answered 409 until then.
        """
        with self.lock:
            self.stalls[resource] += times

    def finish(self) -> None:
        """What stalled is written now."""
        with self.lock:
            self.finish_stalled()

    def answers_with(self, answer: Answer, resource: str, **how: Any) -> None:
        """Let the next request be answered with exactly this, nothing written."""
        self.arm(Fault.ERROR_BEFORE, resource, answer=answer, **how)
