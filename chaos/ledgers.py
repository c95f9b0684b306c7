"""The ledgers of a chaos run, as data: to add one is one entry in `LEDGERS`.

The plain ones differ in what a provider promises: forgotten keys, replayed errors, two steps,
late look-ups, batches that are all or nothing, few calls a minute, tokens that end. Their specs
are registered as connectors from outside are, through the entry points in `ENTRY_POINTS`.
"""

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from chaos import views
from chaos.views import Row
from connectors import registry
from connectors.base import ConnectorSpec
from connectors.faults import Fault, Request
from connectors.memory.simulator import (
    BANK,
    PURCHASES,
    SALES,
    LedgerRules,
    PlainLedger,
    spec_for,
)
from connectors.simulator import Sandbox

HIDDEN = timedelta(seconds=2)
CONSISTENCY_SECONDS = 4
"""Said to every connection: longer than `HIDDEN` and than a slow commit."""


@dataclass(frozen=True)
class Ledger:
    """One simulated ledger and how its books are read by the judge."""

    name: str
    provider: str
    """The connector's key."""
    weight: int
    """Its share of the documents."""
    serve: Callable[[], Sandbox]
    rows: Callable[[Any], list[Row]]
    """All documents that the simulator holds, drafts and void ones included."""
    credentials: Callable[[Any], dict[str, Any]] | None = None
    """New credentials of a simulator; None: those of the sandbox stay good."""
    currency: str = "EUR"
    rate: Decimal = Decimal(20)
    method: str = "POST|PUT|PATCH|DELETE"
    """Methods that write (a regular expression) ..."""
    path: str = ".*"
    body: str | None = None
    """... with this in the body, where one address serves all calls."""
    reads: tuple[str, str, str | None] = ("GET", ".*", None)
    tokens: str | None = None
    """The path at which tokens are given."""
    expires: bool = True
    """Whether 401 in the middle is an honest answer of this provider."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    frozen: bool = False
    """What is posted there refuses every change: the plan edits nothing."""
    spec: ConnectorSpec | None = None
    """Of a ledger that is registered from outside; None: it is built in."""
    plain: bool = False

    def writes(self, request: Request) -> bool:
        """Whether a request would change the books."""
        return (
            request.method in self.method.split("|")
            and request.path != self.tokens
            and (self.body is None or self.body.encode() in request.body)
        )


def _plain(name: str, weight: int, rules: LedgerRules, **given: Any) -> Ledger:
    provider = f"plain_{name}"
    ledger = PlainLedger(rules)
    spec = replace(spec_for(ledger, concurrent=2), key=provider, name=f"Plain ledger ({name})")

    def serve() -> Sandbox:
        served = PlainLedger(rules)
        bought = {"client_id": rules.client_id, "client_secret": rules.client_secret}
        return Sandbox(
            base_url=served.start(),
            credentials=bought if rules.sign_in else {"api_key": rules.api_key},
            settings={
                "default_sales_account": SALES,
                "default_purchase_account": PURCHASES,
                "payment_account": BANK,
            },
            simulator=served,
        )

    # Somebody may only write by POST here, and every path but the sign-in writes.
    tokens = "/sign-in" if rules.sign_in else None
    return Ledger(
        name,
        provider,
        weight,
        serve,
        views.plain,
        method="POST",
        path="/(?!sign-in).*",
        tokens=tokens,
        spec=spec,
        plain=True,
        **given,
    )


def _sandbox(provider: str) -> Callable[[], Sandbox]:
    def serve() -> Sandbox:
        module = import_module(f"connectors.{provider}.simulator")
        served: Sandbox = module.sandbox()
        return served

    return serve


def _again(simulator: Any, **more: str) -> dict[str, Any]:
    """What somebody who consents once more gives us."""
    named = {name: getattr(simulator.rules, rule) for name, rule in more.items()}
    return {**simulator.credentials(), **named}


_ALL: Sequence[Ledger] = (
    _plain("forgetful", 14, LedgerRules()),
    _plain("two_steps", 14, LedgerRules(two_steps=True, batch_size=20)),
    _plain("remembering", 12, LedgerRules(remembers_keys=timedelta(hours=1), replays_errors=True)),
    _plain("hidden", 10, LedgerRules(hidden_for=HIDDEN)),
    _plain("small", 6, LedgerRules(batch_size=3)),
    _plain("atomic", 12, LedgerRules(atomic_batches=True, two_steps=True, batch_size=10)),
    _plain("limited", 8, LedgerRules(calls_per_minute=150)),
    _plain("tokens", 10, LedgerRules(sign_in=True, access_life=timedelta(seconds=15))),
    Ledger(
        "apideck",
        "apideck",
        6,
        _sandbox("apideck"),
        views.apideck,
        currency="GBP",
        path="/accounting/.*",
        reads=("GET", "/accounting/.*", None),
    ),
    Ledger(
        "sage_active",
        "sage_active",
        6,
        _sandbox("sage_active"),
        views.sage_active,
        credentials=partial(_again, subscription_key="primary_key"),
        method="POST",
        path="/graphql",
        body='"query":"mutation',
        reads=("POST", "/graphql", r'"query":\s*"query'),
        expires=False,
        frozen=True,
    ),
    Ledger(
        "xero",
        "xero",
        3,
        _sandbox("xero"),
        views.xero,
        credentials=_again,
        currency="GBP",
        path="/api.xro/.*",
        reads=("GET", "/api.xro/.*", None),
        expires=False,
    ),
    Ledger(
        "quickbooks",
        "quickbooks",
        3,
        _sandbox("quickbooks"),
        views.quickbooks,
        credentials=_again,
        currency="GBP",
        method="POST",
        path="/v3/company/.*",
        reads=("GET", "/v3/company/.*", None),
        expires=False,
    ),
)


def _there(ledger: Ledger) -> bool:
    """Whether its connector is registered and has a simulator."""
    if ledger.plain:
        return True
    found = ledger.provider in registry.BUILT_IN
    return found and importlib.util.find_spec(f"connectors.{ledger.provider}.simulator") is not None


LEDGERS: Mapping[str, Ledger] = {one.name: one for one in _ALL if _there(one)}
SPECS = SimpleNamespace(**{one.name: one.spec for one in _ALL if one.spec is not None})
ENTRY_POINTS = "\n".join(
    [
        f"[{registry.GROUP}]",
        *(f"plain_{name} = chaos.ledgers:SPECS.{name}" for name in vars(SPECS)),
        "",
    ]
)
"""What a package of somebody else would say in its metadata."""


def spec_of(ledger: Ledger) -> ConnectorSpec:
    """What can be done with it, with the settings of its connection."""
    return (ledger.spec or registry.spec(ledger.provider)).of(dict(ledger.settings))


READ_FAULTS = frozenset(
    {Fault.DROP_BEFORE, Fault.ERROR_BEFORE, Fault.TRUNCATED, Fault.THROTTLE, Fault.AWAY}
)
"""What reads (look-ups among them) meet, too."""
