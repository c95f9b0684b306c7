"""Looking into the books of a company, past the API."""

import datetime as dt
import random
import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from connectors.quickbooks.simulated import taxes
from connectors.quickbooks.simulated.answers import Refused
from connectors.quickbooks.simulated.books import Books, Preferences, Row
from connectors.quickbooks.simulated.render import shown, unapplied
from connectors.quickbooks.simulated.rules import QuickBooksRules
from connectors.quickbooks.simulated.webhooks import Event

Json = dict[str, Any]
_EXACT = ("DocNumber", "PaymentRefNum", "DisplayName", "Name", "Sku", "AcctNum")
_WITHIN = ("PrivateNote", "Notes", "Description")


class Inspection:
    """One company: its state, and what is really in its books."""

    def __init__(
        self,
        *,
        realm: str,
        name: str,
        country: str,
        currency: str,
        rules: Callable[[], QuickBooksRules],
        now: Callable[[], dt.datetime],
        chance: random.Random,
        lock: "threading.RLock",
    ) -> None:
        self.realm = realm
        self.name = name
        self.country = country
        self.currency = currency
        self.lock = lock
        self.events: list[Event] = []
        self.page_actions: dict[str, list[Callable[[], object]]] = {}
        self.offline = False
        self.subscription_ended = False
        self.user_locked_out = False

        def note(entity: str, row_id: str, operation: str) -> None:
            self.events.append(Event(realm, entity, row_id, operation, now()))

        self.books = Books(
            country=country, currency=currency, rules=rules, now=now, chance=chance, note=note
        )

    @property
    def preferences(self) -> Preferences:
        """What the owner of the books has chosen; may be set by attribute."""
        return self.books.preferences

    def must_be_well(self) -> None:
        """Refuse everything where the subscription has ended or the user lost rights."""
        if self.user_locked_out:
            raise Refused(
                "120",
                "Authorization Failure",
                "AuthorizationFailure: -11014-You do not have access to use QuickBooks Online Plus.",
                kind="AuthorizationFault",
                status=401,
            )
        if self.subscription_ended:
            raise Refused(
                "6190",
                "Invalid Company Status",
                "Subscription period has ended or been canceled, or there was a billing problem : "
                "You can't add data to QuickBooks Online Plus because your trial or subscription "
                "period ended",
            )

    def tell_preferences(self) -> None:
        """Bring the row that the API shows in line with what was chosen."""
        chosen, row = self.preferences, self.books.row("Preferences", "1")
        closed = chosen.book_close_date
        row.body = {
            "AccountingInfoPrefs": {
                "UseAccountNumbers": True,
                "BookCloseDate": closed.isoformat() if closed else None,
            },
            "SalesFormsPrefs": {"CustomTxnNumbers": chosen.custom_numbers, "AllowDiscount": True},
            "TaxPrefs": {"UsingSalesTax": True},
            "CurrencyPrefs": {
                "HomeCurrency": {"value": self.currency},
                "MultiCurrencyEnabled": chosen.multi_currency,
            },
        }
        if closed is None:
            del row.body["AccountingInfoPrefs"]["BookCloseDate"]
        if self.books.american:
            row.body["TaxPrefs"]["PartnerTaxEnabled"] = chosen.automatic_tax

    def rows(self, entity: str) -> list[Json]:
        """All rows of an entity as the API shows them, oldest first; deleted ones are gone."""
        with self.lock:
            return [shown(self.books, row) for row in self.books.rows(entity)]

    def row(self, entity: str, row_id: str) -> Json:
        """One row.

        Raises:
            KeyError: It is not there (any more).
        """
        with self.lock:
            return shown(self.books, self.books.row(entity, row_id))

    def documents_with(self, entity: str, text: str, *, standing: bool = True) -> list[Json]:
        """Rows whose number or name is a text, or whose note has it in it.

        `standing`: neither voided nor inactive.
        """
        with self.lock:
            return [
                shown(self.books, row)
                for row in self.books.rows(entity)
                if _carries(row, text) and not (standing and _is_out(row))
            ]

    def payments_of(self, entity: str, row_id: str) -> list[Json]:
        """Payments (bill payments) that link to a document or a credit."""
        with self.lock:
            links = self.books.links((entity, row_id))
            return [shown(self.books, self.books.row(*key)) for key in links]

    def total(self, entity: str, row_id: str) -> Decimal:
        """What a document is about."""
        with self.lock:
            found: Decimal = self.books.row(entity, row_id).body["TotalAmt"]
            return found

    def balance(self, entity: str, row_id: str) -> Decimal:
        """What is open of a document, left of a credit, unapplied of a payment."""
        with self.lock:
            row = self.books.row(entity, row_id)
            return unapplied(row) if entity == "Payment" else self.books.open_of(row)

    def is_void(self, entity: str, row_id: str) -> bool:
        """Whether a document was voided."""
        with self.lock:
            return self.books.row(entity, row_id).voided

    def percent(self, tax_code_id: str, *, sales: bool = True) -> Decimal | None:
        """What a tax code comes to today; None where it has no rates."""
        with self.lock:
            today = self.books.now().date()
            return taxes.percent(self.books, tax_code_id, sales=sales, on=today)


def _is_out(row: Row) -> bool:
    return row.voided or row.body.get("Active") is False


def _carries(row: Row, text: str) -> bool:
    body = row.body
    memo = (body.get("CustomerMemo") or {}).get("value") or ""
    return (
        any(body.get(name) == text for name in _EXACT)
        or any(text in (body.get(name) or "") for name in _WITHIN)
        or text in memo
    )
