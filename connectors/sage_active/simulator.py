"""A simulated Sage Active on loopback: `ledgerbridge sandbox sage_active`, and for tests.

One server stands for all regional hosts and for the authorization server; put its base URL where
theirs would be. It has a French, a Spanish and a German company behind one sign-in, and a fourth
one that has not finished its onboarding.

Example::

    ledger = SageActiveLedger()
    with ledger.running() as url:
        ledger.arm(Fault.DROP_AFTER, "createSalesInvoice")
        ...                                     # the code under test
        assert len(ledger.fr.documents_with("salesInvoices", "INV-7")) == 1
        assert ledger.twice() == []
        assert ledger.calls["createSalesInvoice"] == 1
"""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from connectors.sage_active.simulation.company import Company
from connectors.sage_active.simulation.rules import ServerRules
from connectors.sage_active.simulation.service import SageActiveService, with_errors
from connectors.simulator import Fault, Sandbox

__all__ = ["Company", "SageActiveLedger", "ServerRules", "sandbox", "with_errors"]


class SageActiveLedger(SageActiveService):
    """A served Sage Active: companies (`fr`, `es`, `de`), access to them, faults, figures.

    `start`, `stop`, `running`, `transport`, `faults`, `requests` and `crashes` are those of every
    simulator. What people do inside a company is in `Company`.

    Attributes:
        rules: How it behaves; `change` replaces some of them.
        fr, es, de: The companies.
        calls: How often each query and mutation was executed, whatever came of it; a request that
            met a fault before commit is not in it, one after commit is.
        peak_mutations: The most mutations that were under way at the same time.
        costs: The cost of the latest execution of every operation.
    """

    def __init__(self, rules: ServerRules | None = None, *, seed: int = 0) -> None:
        """Equal seeds make equal books: ids, names, amounts."""
        super().__init__(rules or ServerRules(), seed=seed)
        self.base_url = "http://localhost"
        """Where it is; until it is started only `transport` leads there."""
        self.fr: Company = self.companies["FR"]
        self.es: Company = self.companies["ES"]
        self.de: Company = self.companies["DE"]

    def start(self, port: int = 0) -> str:
        """Serve on loopback; returns the base URL (GraphQL is at `/graphql` below it)."""
        self.base_url = super().start(port)
        return self.base_url

    def change(self, **rules: Any) -> None:
        """Behave differently from now on: `ledger.change(cost_limit=100_000)`."""
        with self.lock:
            self.rules = replace(self.rules, **rules)

    def pass_time(self, time: timedelta) -> None:
        """Move the clock forward: codes and tokens end, rate windows open again."""
        with self.lock:
            self.clock.passed += time

    def credentials(self, scope: str = "RDSA WDSA offline_access") -> dict[str, Any]:
        """Tokens as after a sign-in: `access_token`, `refresh_token`, `expires_at` (ISO)."""
        with self.lock:
            given = self.tokens.sign_in(scope)
            ends = self.now() + self.rules.access_life
            return {
                "access_token": given["access_token"],
                "refresh_token": given.get("refresh_token"),
                "expires_at": ends.isoformat(),
            }

    def headers(
        self, company: Company | None = None, *, token: str | None = None
    ) -> dict[str, str]:
        """What a request by plain HTTP needs; signs in anew where no token is given."""
        headers = {
            "Authorization": f"Bearer {token or self.credentials()['access_token']}",
            "x-api-key": self.rules.primary_key,
        }
        return headers if company is None else {**headers, "X-OrganizationId": company.id}

    def revoke_consent(self) -> None:
        """The user withdraws consent in Sage Active: tokens and refreshes stop at once."""
        with self.lock:
            self.tokens.withdraw()

    def expire_access_tokens(self) -> None:
        """All access tokens end now; refresh tokens go on."""
        with self.lock:
            self.tokens.expire()

    def revoke_subscription_key(self, which: str = "primary") -> None:
        """A subscription key (`primary`, `secondary`) is revoked at Sage's developer portal."""
        with self.lock:
            self.revoked_keys.add(which)

    def restore_subscription_keys(self) -> None:
        """All subscription keys work again."""
        with self.lock:
            self.revoked_keys.clear()

    def lock_user_out(self, *, out: bool = True) -> None:
        """The signed-in user has no access to Sage Active at all (HTTP 403), or has it again."""
        with self.lock:
            self.user_locked_out = out

    def arm(self, fault: Fault, operation: str, **how: Any) -> None:
        """Let requests for a query or mutation fail (`"createSalesInvoice"`); see `Faults.arm`.

        It is the field's name that counts, not the operation name that the client chose.
        `ledger.arm(Fault.CHANGED, "salesInvoices", change=with_errors())` gives data and errors.
        `faults.arm(..., path="/connect/token")` is for the authorization server.
        """
        field = rf"(?:\\[nrt]|[^\w]){re.escape(operation)}(?:\\[nrt]|\s)*[({{]"
        self.faults.arm(fault, method="POST", path="/graphql", body=field, **how)

    def between_pages(self, query: str, action: Callable[[], object], *, times: int = 1) -> None:
        """Somebody does something right after the next page of a query has been answered.

        Cursors are positions, so that rows move while a client pages:
        `ledger.between_pages("customers", lambda: ledger.fr.delete("customers", first))`.
        """
        with self.lock:
            self.page_actions.setdefault(query, []).extend([action] * times)

    def twice(self) -> list[tuple[str, str, str]]:
        """Everything that is there more than once, as (company, table, key): must be empty.

        Keys: number or external reference of a sales invoice per customer, number of a bill per
        supplier, journal with document number of an entry, code of a party or product.
        """
        with self.lock:
            return [
                (company.legislation, table, key)
                for company in (self.fr, self.es, self.de)
                for table, key in company.twice()
            ]


def sandbox(*, port: int = 0, seed: int = 0) -> Sandbox:
    """Serve a Sage Active with three companies; equal seeds make equal books.

    The settings lead to the French company; the other ids are what `organizations` lists. To sign
    in through a browser, or to renew tokens, a connection also needs the app that a real
    installation registers at Sage: its client id and client secret are in `ServerRules`.
    """
    ledger = SageActiveLedger(seed=seed)
    company = ledger.fr
    bank = company.row("paymentMethods", company.bank())
    return Sandbox(
        base_url=ledger.start(port),
        credentials={**ledger.credentials(), "subscription_key": ledger.rules.primary_key},
        settings={
            "organization_id": company.id,
            "default_sales_account": company.account_of("REVENUE"),
            "default_purchase_account": company.account_of("CHARGE"),
            "payment_account": company.row("accountingAccounts", bank["subAccountId"])["code"],
        },
        simulator=ledger,
    )
