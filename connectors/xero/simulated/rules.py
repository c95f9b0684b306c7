"""How a simulated Xero behaves where it can be chosen, or where nobody has said it.

The defaults are the documented value or, where nothing is documented, the one that is hardest for
a client.
"""

from dataclasses import dataclass
from datetime import timedelta

GRANULAR_SCOPES = (
    "openid profile email offline_access accounting.invoices accounting.payments"
    " accounting.contacts accounting.settings accounting.manualjournals accounting.banktransactions"
)


@dataclass(frozen=True)
class XeroRules:
    """Limits, lives, and readings of what is not documented."""

    client_id: str = "sandbox-client"
    client_secret: str = "sandbox-secret"  # noqa: S105  # a sample: nothing is behind it
    webhook_key: str = "sandbox-webhook-key"
    scopes: str = GRANULAR_SCOPES
    """What `credentials()` is granted."""
    redirect_uris: tuple[str, ...] = ()
    """Registered addresses, compared exactly; empty: any that is https or http://localhost."""
    access_life: timedelta = timedelta(minutes=30)
    refresh_life: timedelta = timedelta(days=60)
    refresh_grace: timedelta = timedelta(minutes=30)
    """So long an old refresh token may be used again after it was rotated."""
    code_life: timedelta = timedelta(minutes=5)
    consents: bool = True
    """Whether whoever is asked at /identity/connect/authorize agrees."""
    consents_as: str = "alice"
    """Who sits there: `alice` (uk and au) or `bob` (us)."""
    consents_to: tuple[str, ...] = ()
    """Names of the organisations that they pick; empty: all of theirs."""

    minute_limit: int = 60
    day_limit: int = 5000
    """1000 on the Starter plan."""
    concurrent_limit: int = 5
    app_minute_limit: int = 10_000
    time_scale: float = 1.0
    """How much faster the windows of the limits run than the clock: with 30, a minute's window
    lasts two real seconds, and `Retry-After` is in such real seconds, rounded up."""
    answer_takes: float = 0.0
    """Real seconds that every answer of the accounting API takes: so that calls overlap."""

    key_life: timedelta = timedelta(minutes=6)
    largest_body: int = 3_500_000
    largest_result: int = 100_000
    default_page: int = 100
    largest_page: int = 1000
    since_includes_its_second: bool = False
    """Whether `If-Modified-Since` gives what changed within its very second; not documented."""
    saves_good_ones_on_400: bool = False
    """Without `summarizeErrors=false`: whether the good elements of a refused batch are saved;
    not documented."""
    status_must_be_repeated: bool = True
    """Whether an update of an authorised document without `Status` is refused: so told by users
    of an SDK."""
    lower_case_problems: bool = False
    """`title` and `detail` instead of `Title` and `Detail` in 401 and 403: gateways differ."""
    says_missing_scope_with: int = 401
    """401 was seen, 403 is told by others."""
