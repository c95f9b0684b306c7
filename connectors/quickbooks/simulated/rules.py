"""How a simulated QuickBooks Online behaves where it can be chosen, or where sources disagree.

The defaults are the documented value or, where nothing is documented, the one that is hardest for
a client. Pages are those of developer.intuit.com, in copies of February 2026, read 2026-11-20.
"""

from dataclasses import dataclass
from datetime import timedelta

SCOPE = "com.intuit.quickbooks.accounting"


@dataclass(frozen=True)
class QuickBooksRules:
    """Limits, lives, and readings of what is not documented."""

    client_id: str = "sandbox-client"
    client_secret: str = "sandbox-secret"  # noqa: S105  # a sample: nothing is behind it
    verifier_token: str = "sandbox-verifier"  # noqa: S105  # the same
    """What webhooks are signed with."""
    consents: bool = True
    """Whether whoever is asked at /connect/oauth2 agrees."""
    consents_to: str = "uk"
    """Which company they choose there: `uk` or `us`."""
    code_life: timedelta = timedelta(minutes=5)
    access_life: timedelta = timedelta(hours=1)
    refresh_life: timedelta = timedelta(days=100)
    """Since its last use."""
    refresh_hard_life: timedelta = timedelta(days=5 * 365)
    rotates_after: timedelta = timedelta(hours=24)
    """A refresh gives another refresh token once the present one is so old."""
    refresh_grace: timedelta = timedelta(hours=24)
    """So long the previous one goes on after that."""

    minute_limit: int = 500
    """Requests of a realm, batch calls not counted."""
    second_limit: int = 10
    batch_minute_limit: int = 40
    all_minute_limit: int = 800
    monthly_reads: int | None = 500_000
    """Metered reads of the free plan; None: a plan without that limit."""
    time_scale: float = 1.0
    """How much faster the windows of the limits run than the clock: with 30, a minute's window
    lasts two real seconds."""
    answer_takes: float = 0.0
    """Real seconds that every answer of the accounting API takes: so that calls overlap."""
    throttles_with: int = 429
    """403 was seen in old times."""
    throttles_in_xml: bool = True

    minor_version: int = 75
    """Lower ones are no longer supported."""
    refuses_old_minor_versions: bool = True
    """Otherwise they are ignored, and `minor_version` is spoken."""
    faults_with_200: bool = False
    """Validation faults come with HTTP 200."""
    remembers_request_ids: bool = True
    request_id_life: timedelta = timedelta(hours=24)
    """How long a `requestid` is remembered is not documented."""
    remembers_refusals: bool = False
    """Whether a repeat of what was refused is answered the same without a new try; not documented."""
    repeats_batches: bool = True
    """Otherwise a repeated batch is answered with a vague 6000 in each item, as was once seen."""
    stale_code: str = "5010"
    closed_period_code: str = "6210"
    """5010 and 6200 were reported too: the message is what tells."""
    duplicate_number_code: str = "6140"
    """6210 is told by others."""
    applying_moves_document: bool = True
    """Whether a payment moves the `SyncToken` of what it pays; one report says so."""
    over_applying: str = "refused"
    """What happens to a payment line above the open amount: `refused`, or `capped` (the rest stays
    unapplied); not documented."""
    items_need_both_accounts: bool = False
    """Whether an item needs accounts for selling and for buying in the UK; the reference says so,
    others make items without."""
    cdc_days: int = 30
    largest_answer: int = 1000
    """Objects of a query page, of a CDC answer and of a batch."""
    default_page: int = 100
    batch_size: int = 30
    company_utc_offset_hours: int = -8
    """The zone of stamps, and of times that come without an offset."""
    us_latin1: bool = True
    """Company files of the US keep characters outside Latin-1 as `?`."""
