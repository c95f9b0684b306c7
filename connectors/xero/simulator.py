"""A simulated Xero on loopback: `ledgerbridge sandbox xero`, and for tests.

One server stands for `api.xero.com` (`/api.xro/2.0/...`, `/connections`), `identity.xero.com`
(`/connect/token`, `/connect/revocation`) and `login.xero.com` (`/identity/connect/authorize`); put
its base URL where theirs would be. It has a British and an Australian organisation that Alice
connected with one consent, and an American one of Bob.

Example::

    xero = Xero()
    with xero.running() as url:
        xero.arm(Fault.DROP_AFTER, path="/Invoices", method="PUT")
        ...                                     # the code under test
        assert len(xero.uk.documents_with("Invoices", "INV-7")) == 1
        assert xero.twice() == []
        assert xero.calls["PUT Invoices"] == 1
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from connectors.simulator import Fault, Sandbox
from connectors.xero.simulated import judging, sample, webhooks
from connectors.xero.simulated.organisation import Known, Organisation
from connectors.xero.simulated.rules import XeroRules
from connectors.xero.simulated.service import XeroService
from connectors.xero.simulated.store import BusinessError
from connectors.xero.simulated.webhooks import Event

__all__ = ["BusinessError", "Event", "Known", "Organisation", "Xero", "XeroRules", "sandbox"]

API = "/api.xro/2.0"


class Xero(XeroService):
    """A served Xero: organisations, who may come in to them, faults, figures.

    `start`, `stop`, `running`, `transport`, `faults`, `requests`, `traffic` and `crashes` (should
    stay empty) are those of every simulator. What people do inside an organisation is in
    `Organisation`.

    Attributes:
        rules: How it behaves; `change` replaces some of them.
        base_url: Where it is; until it is started only `transport` leads there.
        uk, au: Organisations that Alice connected with one consent (GBP, AUD).
        us: An organisation that Bob connected (USD).
        organisations: All of them, in this order.
        calls: How often each kind of call came to the accounting API and passed token, tenant and
            limits: method and endpoint, ids left out: `GET Invoices`, `PUT Payments`,
            `POST Invoices` (also of one), `PUT CreditNotes/Allocations`,
            `GET Organisation/Actions`. Also `GET connections`, `DELETE connections`. One that met
            a fault before commit is not in it, one after commit is.
        keys_seen: Every Idempotency-Key that came in, and how often.
        token_calls: Grants at `/connect/token`: `refresh_token`, `authorization_code`, and
            `invalid_grant` for refused ones.
        peak_in_flight: By tenant id, the most calls that were under way at the same time.
        limit_breaches: How often a client came too early or with too many, by `minute`, `day`,
            `concurrent`, `appminute`: each was answered 429.
    """

    def __init__(self, rules: XeroRules | None = None, *, seed: int = 0) -> None:
        """Equal seeds make equal books: ids, names, amounts."""
        super().__init__(rules or XeroRules(), seed=seed)
        self.base_url = "http://localhost"
        self.uk: Organisation = self.organisations[0]
        self.au: Organisation = self.organisations[1]
        self.us: Organisation = self.organisations[2]

    def start(self, port: int = 0) -> str:
        """Serve on loopback; returns the base URL."""
        self.base_url = super().start(port)
        return self.base_url

    def change(self, **rules: Any) -> None:
        """Behave differently from now on: `xero.change(minute_limit=5)`."""
        with self.lock:
            self.rules = replace(self.rules, **rules)

    def pass_time(self, time: timedelta) -> None:
        """Move the clock forward: tokens and keys end, rate windows open again."""
        with self.lock:
            self.clock.passed += time

    def credentials(self, *, scopes: str | None = None) -> dict[str, Any]:
        """Alice's tokens as after a sign-in: `access_token`, `refresh_token`, `expires_at` (ISO).

        They open `uk` and `au`. Every call is another sign-in with another
        `authentication_event_id`.
        """
        return self.credentials_for(self.uk, scopes=scopes)

    def credentials_for(
        self, organisation: Organisation, *, scopes: str | None = None
    ) -> dict[str, Any]:
        """The same of whoever belongs to an organisation: Bob's for `us`; connects it anew."""
        with self.lock:
            given = self.identity.sign_in(self.user_of(organisation), scopes or self.rules.scopes)
            ends = self.now() + self.rules.access_life
            return {
                "access_token": given["access_token"],
                "refresh_token": given.get("refresh_token"),
                "expires_at": ends.isoformat(),
            }

    def headers(
        self, organisation: Organisation | None = None, *, token: str | None = None, **others: str
    ) -> dict[str, str]:
        """What a request by plain HTTP needs; signs in anew where no token is given.

        Others go on top, `_` stands for `-`: `headers(xero.uk, idempotency_key="k1")`.
        """
        owner = organisation or self.uk
        mine = {
            "authorization": f"Bearer {token or self.credentials_for(owner)['access_token']}",
            "accept": "application/json",
        }
        if organisation is not None:
            mine["xero-tenant-id"] = organisation.id
        return {**mine, **{name.replace("_", "-"): value for name, value in others.items()}}

    def revoke_consent(self, organisation: Organisation | None = None) -> None:
        """A user withdraws consent in Xero: all their connections end, and no refresh works.

        Access tokens that are out stay tokens, but open no organisation: 403. By default Alice
        does it; for `us`, Bob.
        """
        with self.lock:
            self.identity.withdraw(self.user_of(organisation or self.uk))

    def expire_access_tokens(self) -> None:
        """All access tokens end now (`TokenExpired`); refresh tokens go on."""
        with self.lock:
            self.identity.expire()

    def disconnect(self, organisation: Organisation) -> None:
        """Somebody disconnects one organisation from the app; the tokens go on for the others."""
        with self.lock:
            self.identity.disconnect(organisation.id)

    def arm(self, fault: Fault, *, path: str = "/.*", method: str = "*", **how: Any) -> None:
        """Let requests to the accounting API fail; see `Faults.arm`.

        Args:
            fault: What happens.
            path: A regular expression for all that follows `/api.xro/2.0`: `/Invoices`,
                `/Payments(/.*)?`. `faults.arm(..., path="/connect/token")` is for other addresses.
            method: `PUT`, `POST` ...; `*` is any.
            how: `times`, `skip`, `body`, `answer`, `change`, `retry_after` ...
        """
        self.faults.arm(fault, method=method, path=f"{API}{path}", **how)

    def fail_inside(
        self, *, path: str = "/.*", method: str = "*", committed: bool = False, times: int = 1
    ) -> None:
        """Let Xero itself run into an error: 500, which its Idempotency-Key then repeats.

        `arm(Fault.ERROR_BEFORE)` and `arm(Fault.ERROR_AFTER)` are errors on the way, of which Xero
        knows nothing.

        Args:
            path: As of `arm`.
            method: As of `arm`.
            committed: Whether what was asked for has been written nevertheless.
            times: How many calls.
        """
        with self.lock:
            self.fail_next(method, f"{API}{path}", committed=committed, times=times)

    def use_up(self, problem: str = "minute", *, organisation: Organisation | None = None) -> None:
        """Another program uses up the rest of a limit: `minute`, `day` or `appminute`."""
        with self.lock:
            self.limiter.use_up((organisation or self.uk).id, problem)

    def between_pages(
        self,
        endpoint: str,
        action: Callable[[], object],
        *,
        times: int = 1,
        organisation: Organisation | None = None,
    ) -> None:
        """Somebody does something right after the next list of an endpoint has been answered.

        Pages are no snapshot, so that rows move while a client pages:
        `xero.between_pages("Invoices", lambda: xero.uk.edit("Invoices", first, Reference="x"))`.
        """
        (organisation or self.uk).between_pages(endpoint, action, times=times)

    def webhook(
        self, events: Iterable[Event], *, key: str | None = None
    ) -> tuple[dict[str, str], bytes]:
        """A delivery as Xero would send it: headers and raw body, signed with the app's key.

        Args:
            events: Of `events`, or your own.
            key: Another key makes a delivery that is to be refused with 401.
        """
        with self.lock:
            return webhooks.delivery(list(events), key or self.rules.webhook_key)

    def intent_to_receive(self, *, key: str | None = None) -> tuple[dict[str, str], bytes]:
        """The delivery without events that Xero tries a subscriber with, signed."""
        return self.webhook((), key=key)

    @property
    def events(self) -> list[Event]:
        """What a subscriber would be told so far, of all organisations, oldest first."""
        with self.lock:
            found = [event for one in self.organisations for event in one.events]
            return sorted(found, key=lambda event: event.at)

    def twice(self) -> list[tuple[str, str, str]]:
        """Everything that is there more than once, as (organisation, endpoint, key): must be empty.

        What is deleted, voided or archived does not count. Keys: number of a sales document; of
        all documents number, `Url` and `Reference` per type and contact; reference of payments per
        document, of batch payments per day; `Url`, or else narration and day, of journals; names
        and `ContactNumber` of contacts; codes of items and accounts.
        """
        with self.lock:
            return [
                (one.name, endpoint, key)
                for one in self.organisations
                for endpoint, key in judging.twice(one.books)
            ]


def sandbox(*, port: int = 0, seed: int = 0) -> Sandbox:
    """Serve a Xero with three organisations; equal seeds make equal books.

    The settings lead to the British one; `GET /connections` lists the Australian one as well. To
    sign in through a browser, or to renew tokens, a connection also needs the app that a real
    installation registers at Xero: its client id and client secret are in `XeroRules`.
    """
    xero = Xero(seed=seed)
    sample.fill(xero.uk, seed=seed)
    known = xero.uk.known
    return Sandbox(
        base_url=xero.start(port),
        credentials=xero.credentials(),
        settings={
            "organisation": xero.uk.id,
            "default_sales_account": known.sales,
            "default_purchase_account": known.purchases,
            "payment_account": known.bank,
        },
        simulator=xero,
    )
