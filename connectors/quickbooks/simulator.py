"""A simulated QuickBooks Online on loopback: `ledgerbridge sandbox quickbooks`, and for tests.

One server stands for `quickbooks.api.intuit.com` (`/v3/company/{realmId}/...`),
`oauth.platform.intuit.com` (`/oauth2/v1/tokens/bearer`), `appcenter.intuit.com`
(`/connect/oauth2`) and `developer.api.intuit.com` (`/v2/oauth2/tokens/revoke`); put its base URL
where theirs would be. It has a British company with VAT and several currencies, and an American
one with automated sales tax; each is connected with tokens of its own.

Example::

    quickbooks = QuickBooks()
    with quickbooks.running() as url:
        quickbooks.arm(Fault.DROP_AFTER, "Invoice")
        ...                                     # the code under test
        assert len(quickbooks.uk.documents_with("Invoice", "INV-7")) == 1
        assert quickbooks.twice() == []
        assert quickbooks.calls["create Invoice"] == 1
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from connectors.quickbooks.simulated import judging, reception, sample, webhooks
from connectors.quickbooks.simulated.company import Company, Known
from connectors.quickbooks.simulated.rules import QuickBooksRules
from connectors.quickbooks.simulated.service import QuickBooksService
from connectors.quickbooks.simulated.webhooks import Event
from connectors.simulator import Fault, Sandbox

__all__ = ["Company", "Event", "Known", "QuickBooks", "QuickBooksRules", "sandbox"]


class QuickBooks(QuickBooksService):
    """A served QuickBooks Online: companies, who may come in to them, faults, figures.

    `start`, `stop`, `running`, `transport`, `faults`, `requests`, `traffic` and `crashes` (should
    stay empty) are those of every simulator. What people do inside a company is in `Company`.

    Attributes:
        rules: How it behaves; `change` replaces some of them.
        base_url: Where it is; until it is started only `transport` leads there.
        uk: A British company: GBP and other currencies, a VAT code on every line.
        us: An American one: USD, lines are TAX or NON, sales tax is computed by QuickBooks.
        companies: Both, by realm id.
        calls: How often each kind of request came in and passed token, realm and limits:
            `create Invoice`, `update Payment` (sparse ones too), `delete Bill`, `void Invoice`,
            `read Invoice`, `query`, `cdc`, `batch`. One that met a fault before commit is not in
            it, one after commit is.
        operations: The same for what was asked for alone or inside a batch, `query` with its
            entity: `create Invoice`, `query Invoice` ...
        request_ids: Every `requestid` that came in, and how often.
        token_calls: Grants at the token address: `refresh_token`, `authorization_code`, and
            `invalid_grant`, `invalid_client` ... for refused ones.
        peak_in_flight: By realm id, the most calls that were under way at the same time.
        limit_breaches: How often a client came with too many, by `second`, `minute`, `batch`,
            `all`, `month`: each was answered 429.
        reads: By realm id, metered reads of this month.
    """

    def __init__(self, rules: QuickBooksRules | None = None, *, seed: int = 0) -> None:
        """Equal seeds make equal books: ids, names, amounts."""
        super().__init__(rules or QuickBooksRules(), seed=seed)
        self.base_url = "http://localhost"

    def start(self, port: int = 0) -> str:
        """Serve on loopback; returns the base URL."""
        self.base_url = super().start(port)
        return self.base_url

    def change(self, **rules: Any) -> None:
        """Behave differently from now on: `quickbooks.change(minute_limit=5)`."""
        with self.lock:
            self.rules = replace(self.rules, **rules)

    def pass_time(self, time: timedelta) -> None:
        """Move the clock forward: tokens and request ids end, rate windows open again."""
        with self.lock:
            self.clock.passed += time

    def credentials(self, company: Company | None = None) -> dict[str, Any]:
        """Tokens as after a sign-in to a company (the British one): what a connection keeps.

        `access_token`, `refresh_token`, `expires_at` (ISO) and `callback`: what came with the
        redirect, `{"realmId": ...}`.
        """
        with self.lock:
            owner = company or self.uk
            given = self.identity.sign_in(owner.realm)
            return {
                "access_token": given["access_token"],
                "refresh_token": given["refresh_token"],
                "expires_at": (self.now() + self.rules.access_life).isoformat(),
                "callback": {"realmId": owner.realm},
            }

    def headers(
        self, company: Company | None = None, *, token: str | None = None
    ) -> dict[str, str]:
        """What a request by plain HTTP needs; signs in anew where no token is given."""
        word = token or self.credentials(company)["access_token"]
        return {"authorization": f"Bearer {word}", "accept": "application/json"}

    def revoke_consent(self, company: Company | None = None) -> None:
        """Somebody disconnects the app in QuickBooks, from one company or from both."""
        with self.lock:
            self.identity.withdraw(company.realm if company else None)

    def expire_access_tokens(self) -> None:
        """All access tokens end now; refresh tokens go on."""
        with self.lock:
            self.identity.expire()

    def arm(self, fault: Fault, what: str, **how: Any) -> None:
        """Let requests fail; see `Faults.arm`.

        Args:
            fault: What happens.
            what: An entity (`Invoice`): writes of it, one by one. `writes`: all writes, batches
                that write included. `reads`: all reads, queries in batches included. `query`,
                `cdc`, `batch`; `token` for the token address. With a `/` at its beginning it is a
                regular expression for all that follows the realm: `/companyinfo/.*`.
            how: `times`, `skip`, `method`, `body`, `answer`, `change`, `retry_after` ...
        """
        self.faults.arm(fault, **{**reception.matching(what), **how})

    def between_pages(
        self,
        entity: str,
        action: Callable[[], object],
        times: int = 1,
        *,
        company: Company | None = None,
    ) -> None:
        """Somebody does something right after the next page of a query has been answered.

        Pages are no snapshot, so that rows move while a client pages:
        `quickbooks.between_pages("Invoice", lambda: quickbooks.uk.edit("Invoice", first, ...))`.
        """
        with self.lock:
            actions = (company or self.uk).page_actions
            actions.setdefault(entity, []).extend([action] * times)

    def webhook(
        self, events: Iterable[Event], *, old_format: bool = False, key: str | None = None
    ) -> tuple[dict[str, str], bytes]:
        """A delivery as Intuit would send it: headers (with `intuit-signature`) and raw body.

        Args:
            events: Of `events`, or your own; of several companies too.
            old_format: `eventNotifications` instead of an array of CloudEvents.
            key: Another verifier token makes a delivery that is to be refused.
        """
        with self.lock:
            said = (webhooks.old if old_format else webhooks.cloud)(list(events))
            return webhooks.signed(said, key or self.rules.verifier_token)

    @property
    def events(self) -> list[Event]:
        """What a subscriber would be told so far, of both companies, oldest first."""
        with self.lock:
            found = [event for one in self.companies.values() for event in one.events]
            return sorted(found, key=lambda event: event.at)

    def twice(self) -> list[tuple[str, str, str]]:
        """Everything that is there more than once, as (company, entity, key): must be empty.

        What is deleted or voided does not count. Keys: number of a sales document or a journal
        entry; number of a purchase document, bill payment or `PaymentRefNum` of a payment together
        with the party; a `PrivateNote` (without `Voided`) within an entity; names.
        """
        with self.lock:
            return [
                (one.country, entity, key)
                for one in self.companies.values()
                for entity, key in judging.twice(one.books)
            ]


def sandbox(*, port: int = 0, seed: int = 0) -> Sandbox:
    """Serve a QuickBooks Online with two companies; equal seeds make equal books.

    Credentials and settings lead to the British one. To sign in through a browser, or to renew
    tokens, a connection also needs the app that a real installation registers at Intuit: its
    client id and client secret are in `QuickBooksRules`.
    """
    quickbooks = QuickBooks(seed=seed)
    for company in quickbooks.companies.values():
        sample.fill(company, seed=seed)
    known = quickbooks.uk.known
    return Sandbox(
        base_url=quickbooks.start(port),
        credentials=quickbooks.credentials(),
        settings={
            "default_sales_account": known.sales_code,
            "default_purchase_account": known.purchases_code,
            "payment_account": known.bank_code,
        },
        simulator=quickbooks,
    )
