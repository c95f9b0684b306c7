"""Apideck on loopback: one API, the ledgers behind it, the people who work in them, a judge.

Tests change the books as somebody in the ledger would (`enter`, `edit`, `pay`, `void`, `delete`
...) and ask what is really there (`documents`, `payments_of`, `twice`, `calls`): those answers
come from the books and not through the API. How a ledger behaves is its profile (`profiles` in
`simulated`): `xero`, `quickbooks`, `workday`, `netsuite`, or one of your own::

    apideck = Apideck("quickbooks")
    invoice = apideck.enter_invoice(net="100.00", rate="standard")
    apideck.lose_answer("payments")                  # committed, the client sees a 504
    ...                                              # the code under test pays it
    assert len(apideck.payments_of("invoices", invoice)) == 1
    assert apideck.twice() == []

Resources are named as in paths (`invoices`, `bills`, `payments`, `bill-payments`, `credit-notes`,
`tax-rates`, `customers`, `suppliers`, `ledger-accounts`, `invoice-items`, `journal-entries`) and
records by id. What is handed out is a snapshot in the API's own words, amounts as `Decimal`.
"""

import datetime as dt
from collections import Counter
from decimal import Decimal
from typing import Any

from connectors.apideck.simulated import coverage, judging, sample, webhooks
from connectors.apideck.simulated.people import People
from connectors.apideck.simulated.profiles import (
    NETSUITE,
    PROFILES,
    QUICKBOOKS,
    WORKDAY,
    XERO,
    Deleted,
    Keys,
    Profile,
    Written,
)
from connectors.apideck.simulated.sample import Known
from connectors.apideck.simulated.vault import Connection
from connectors.apideck.simulated.webhooks import Delivery, Event
from connectors.simulator import Sandbox

__all__ = [
    "NETSUITE",
    "PROFILES",
    "QUICKBOOKS",
    "WORKDAY",
    "XERO",
    "Apideck",
    "Connection",
    "Deleted",
    "Delivery",
    "Event",
    "Keys",
    "Known",
    "Profile",
    "Written",
    "sandbox",
]

Json = dict[str, Any]


class Apideck(People):
    """An Apideck application with one consumer and, at first, one accounting connection.

    What people do in the ledger (`enter`, `pay`, `void`, `close_period` ...) and what goes wrong on
    the way (`lose_answer`, `leave_uncertain`, `stall` ...) is in `People`.

    `start`, `stop`, `running`, `transport`, `faults`, `requests`, `traffic` and `crashes` (should
    stay empty) are those of every simulator.

    Attributes:
        base_url: Where it is; until it is started only `transport` leads there.
        api_key, app_id, consumer_id: What a client must send.
        connection: The first connection; its `profile`, `state`, `health`, `company_id`.
        known: Ids for bodies of tests: the tax rates `standard`, `reduced`, `zero`, the accounts
            `sales`, `purchases`, `bank`, a `customer`, a `supplier`, an `item`.
        calls: How often each kind of call came in, refused ones and those that met a fault
            included: `list invoices`, `get payments`, `create bill-payments`, `update invoices`,
            `delete payments`, `list connections`, `get coverage`, `other` ...
        written: How often something was really written: `create payments` ...
        events: What happened in the ledgers, for webhooks, oldest first.
    """

    def __init__(
        self, profile: str | Profile = "xero", *, seed: int = 0, documents: int = 0
    ) -> None:
        """Equal seeds make equal books.

        Args:
            profile: The ledger that the consumer connected.
            seed: Where ids, names, amounts and keys come from.
            documents: About how many invoices and bills there are already, some of them paid.
                Chart of accounts, rates and a few contacts are always there.
        """
        super().__init__(seed=seed)
        self.base_url = "http://localhost"
        self.connection = self.connect(profile)
        if documents:
            sample.fill(self.connection.books, documents)
        self.reset_figures()

    def start(self, port: int = 0) -> str:
        """Serve on loopback; returns the base URL."""
        self.base_url = super().start(port)
        return self.base_url

    @property
    def profile(self) -> Profile:
        """The first connection's profile as it is now."""
        return self.connection.profile

    def change(self, **traits: Any) -> None:
        """Let the ledger behave differently from now on: `change(needs_row_version=True)`."""
        with self.lock:
            self.connection.books.profile = self.profile.with_(**traits)

    def pass_time(self, time: dt.timedelta) -> None:
        """Move the clock forward: keys are forgotten, cursors die, allocations count, limits end."""
        with self.lock:
            self.passed += time

    @property
    def credentials(self) -> dict[str, str]:
        """`api_key`, `app_id`, `consumer_id`."""
        return {"api_key": self.api_key, "app_id": self.app_id, "consumer_id": self.consumer_id}

    @property
    def known(self) -> Known:
        """Ids of what is in all books: rates, accounts, contacts, an item."""
        with self.lock:
            return sample.known(self.connection.books)

    def headers(self, **others: str) -> dict[str, str]:
        """What a request by plain HTTP needs; others go on top, `_` stands for `-`."""
        mine = {
            "authorization": f"Bearer {self.api_key}",
            "x-apideck-app-id": self.app_id,
            "x-apideck-consumer-id": self.consumer_id,
            "x-apideck-service-id": self.connection.service_id,
        }
        return {**mine, **{name.replace("_", "-"): value for name, value in others.items()}}

    def connect(self, profile: str | Profile, *, consumer_id: str | None = None) -> Connection:
        """A consumer connects a ledger (by default the first consumer, then with a second one).

        Requests without `x-apideck-service-id` are refused as soon as a consumer has two.
        """
        with self.lock:
            known = PROFILES[profile] if isinstance(profile, str) else profile
            return self.add_connection(known, consumer_id or self.consumer_id)

    def set_state(
        self, state: str | None = None, *, health: str | None = None, enabled: bool | None = None
    ) -> None:
        """The first connection's state changes; anything but callable and enabled is refused.

        Args:
            state: available, added, authorized, callable, invalid.
            health: ok, degraded, pending_refresh, needs_auth, pending_confirmation,
                needs_consent, revoked, missing_settings.
            enabled: Whether somebody switched it on.
        """
        with self.lock:
            self.move(self.connection, state=state, health=health, enabled=enabled)

    def revoke_consent(self) -> None:
        """The customer withdraws consent in the ledger: 401 until `authorize_again`."""
        self.set_state("invalid", health="revoked")

    def authorize_again(self) -> None:
        """The customer signs in to the ledger again, to the same books."""
        with self.lock:
            self.connection.refresh_fails_until = None
        self.set_state("callable", health="ok", enabled=True)

    def fail_refresh(self, cooldown: dt.timedelta = dt.timedelta(minutes=1)) -> None:
        """The ledger gives no new token: 401 with `refresh_token_connector_error` that long."""
        with self.lock:
            self.connection.refresh_fails_until = self.now() + cooldown
            self.move(self.connection, health="pending_refresh")

    def swap_company(self) -> str:
        """The customer connects other books: another `metadata.company_id`, which is returned."""
        with self.lock:
            return self.other_company(self.connection)

    def migrate(self, profile: str | Profile) -> Connection:
        """The connection becomes one of another service: its old id is not connected any more."""
        with self.lock:
            known = PROFILES[profile] if isinstance(profile, str) else profile
            self.connection = self.migrated(self.connection, known)
            return self.connection

    def rotate_key(self) -> str:
        """The application gets another API key, which is the new webhook secret as well."""
        with self.lock:
            self.api_key = self.new_key()
            return self.api_key

    def use_quota_up(self, *, used: bool = True) -> None:
        """The plan's requests are used up: 402 RequestLimitError for everything."""
        with self.lock:
            self.quota_used = used

    def delivery(self, event: Event, *, attempt: int = 1, key: str | None = None) -> Delivery:
        """A delivery of an event as Apideck would send it: headers and body, signed.

        Args:
            event: One of `events`.
            attempt: Which attempt it is; the event's id stays.
            key: The secret, by default the present API key.
        """
        with self.lock:
            return webhooks.delivery(event, key or self.api_key, self.base_url, attempt)

    def deliveries(self, *, since: int = 0) -> list[Delivery]:
        """Deliveries of all events after the first `since`."""
        with self.lock:
            return [self.delivery(event) for event in self.events[since:]]

    def get(self, resource: str, record_id: str) -> Json:
        """A record as it stands, with all its members; a `LookupError` when it is gone."""
        with self.lock:
            return judging.seen(self.connection.books, resource, record_id)

    def documents(self, resource: str, *, reference: str | None = None) -> list[Json]:
        """What is there, void and deleted records that are kept included, oldest first."""
        with self.lock:
            return judging.documents(self.connection.books, resource, reference)

    def payments_of(self, resource: str, record_id: str) -> list[Json]:
        """The payments that allocate something to a document and stand, applied yet or not."""
        with self.lock:
            return judging.payments_of(self.connection.books, resource, record_id)

    def balance(self, resource: str, record_id: str) -> Decimal:
        """What is open of a document when every payment that stands has been applied."""
        with self.lock:
            return self.connection.books.open_amount(resource, record_id)

    def counts(self, resource: str) -> Counter[str]:
        """How many records that stand carry each reference (bills, payments ... or number)."""
        with self.lock:
            return judging.counts(self.connection.books, resource)

    def twice(self) -> list[tuple[str, str]]:
        """Resource and reference of what is there more than once, and of what is paid too much.

        Contacts count by display name, accounts and items by code. Must be empty.
        """
        with self.lock:
            return judging.twice(self.connection.books)

    @property
    def pages(self) -> int:
        """How many lists were asked for."""
        return sum(times for name, times in self.calls.items() if name.startswith("list "))

    def coverage(self, resource: str) -> Json:
        """What the connector resource endpoint says about a resource."""
        with self.lock:
            return coverage.of(self.profile, resource)


def sandbox(*, port: int = 0, seed: int = 0, profile: str = "xero") -> Sandbox:
    """Serve an Apideck with one connected ledger and some documents in it."""
    apideck = Apideck(profile, seed=seed, documents=40)
    codes = {row["id"]: row["code"] for row in apideck.documents("ledger-accounts")}
    return Sandbox(
        base_url=apideck.start(port),
        credentials=apideck.credentials,
        settings={
            "service_id": profile,
            "default_sales_account": codes[apideck.known.sales],
            "default_purchase_account": codes[apideck.known.purchases],
            "payment_account": codes[apideck.known.bank],
        },
        simulator=apideck,
    )
