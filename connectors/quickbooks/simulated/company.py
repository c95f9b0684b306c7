"""One company of a simulated QuickBooks Online: what people do in it, and what is really there.

People use the product, not the API: nothing here is counted as a call. What they enter goes
through the same rules, so that a `BusinessError` tells that the product would not do it either.

Entities go by their name in answers (`Invoice`, `CreditMemo`, `BillPayment`, `Customer` ...); rows
are dictionaries under the API's field names as the API would show them, amounts as `Decimal`.
"""

import datetime as dt
from typing import Any

from connectors.quickbooks.simulated import writing
from connectors.quickbooks.simulated.answers import Refused as BusinessError
from connectors.quickbooks.simulated.answers import missing
from connectors.quickbooks.simulated.entering import Entering, Known, Lines, Row
from connectors.quickbooks.simulated.entities import ENTITIES

__all__ = ["BusinessError", "Company", "Known"]


class Company(Entering):
    """The books of one realm.

    Attributes:
        realm: Its id, in paths and in the redirect of a sign-in.
        name, country, currency: `GB` or `US`; the home currency.
        known: Ids for bodies of tests.
        events: What subscribers to webhooks would be told, oldest first.
        preferences: `book_close_date`, `custom_numbers`, `unique_numbers`, `automatic_tax`,
            `multi_currency`: may be set by attribute.
    """

    def edit(self, entity: str, row_id: str, **changes: Any) -> Row:
        """Somebody changes members of an object, which gets another SyncToken."""
        with self.lock:
            row = self.books.row(entity, row_id)
            writing.update(self.books, row, {**changes, "sparse": True})
            return self.row(entity, row_id)

    def edit_lines(self, entity: str, row_id: str, lines: Lines) -> Row:
        """Somebody enters other lines into a document; its sums follow."""
        sales = ENTITIES[entity].party == "CustomerRef"
        return self.edit(entity, row_id, Line=self.lines_of(lines, sales=sales))

    def void(self, entity: str, row_id: str) -> None:
        """Somebody voids a document; payments of it stay, and are unapplied."""
        with self.lock:
            if "void" not in ENTITIES[entity].verbs:
                raise missing(f"a way to void a {entity}")
            writing.void(self.books, self.books.row(entity, row_id))

    def delete(self, entity: str, row_id: str) -> None:
        """Somebody deletes a transaction; links to it are taken off first."""
        with self.lock:
            if "delete" not in ENTITIES[entity].verbs:
                raise missing(f"a way to delete a {entity}")
            self.unlink(entity, row_id)
            writing.delete(self.books, self.books.row(entity, row_id))

    def unlink(self, entity: str, row_id: str) -> None:
        """Somebody takes a document out of all payments that it is in."""
        with self.lock:
            paid = self.books.row(entity, row_id)
            for key in self.books.links(paid.key):
                writing.unlink(self.books, self.books.row(*key), paid)

    def deactivate(self, entity: str, row_id: str) -> None:
        """Somebody makes an entry of a list inactive."""
        self._set_active(entity, row_id, active=False)

    def activate(self, entity: str, row_id: str) -> None:
        """Somebody brings it back."""
        self._set_active(entity, row_id, active=True)

    def _set_active(self, entity: str, row_id: str, *, active: bool) -> None:
        with self.lock:
            row = self.books.row(entity, row_id)
            if ENTITIES[entity].verbs:
                writing.update(self.books, row, {"Active": active, "sparse": True})
            else:
                row.body["Active"] = active
                self.books.touch(row)

    def close_books(self, until: dt.date) -> None:
        """Somebody closes the books up to and with a day."""
        self.preferences.book_close_date = until

    def open_books(self) -> None:
        """Somebody opens them again."""
        self.preferences.book_close_date = None

    def copy(self, entity: str, row_id: str) -> str:
        """Something makes the same once more, number and note and all, past all rules."""
        with self.lock:
            return self.books.copy(self.books.row(entity, row_id)).id

    def distort(self, entity: str, row_id: str, **fields: Any) -> None:
        """From now on an object goes out with these raw members; MetaData and SyncToken move."""
        with self.lock:
            row = self.books.row(entity, row_id)
            row.overlay |= fields
            self.books.touch(row)

    def end_subscription(self, *, ended: bool = True) -> None:
        """The company does not pay Intuit any more (6190), or does again."""
        self.subscription_ended = ended

    def lock_user_out(self, *, out: bool = True) -> None:
        """Whoever connected the app loses access to the company (120), or has it again."""
        self.user_locked_out = out

    def go_offline(self, *, offline: bool = True) -> None:
        """The company cannot be reached (503), or can be again."""
        self.offline = offline
