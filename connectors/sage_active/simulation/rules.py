"""How a simulated Sage Active behaves where it can be chosen, or where nobody has said it.

The defaults are the documented value or, where nothing is documented, the one that is hardest for
a client.
"""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class ServerRules:
    """Limits, lives, and readings of what is not documented."""

    client_id: str = "sandbox-client"
    client_secret: str = "sandbox-secret"  # noqa: S105  # a sample: nothing is behind it
    primary_key: str = "sandbox-key-1"
    """Subscription key; the secondary one works as well."""
    secondary_key: str = "sandbox-key-2"
    code_life: timedelta = timedelta(seconds=60)
    access_life: timedelta = timedelta(hours=8)
    rotates_tokens: bool = True
    replay_ends_consent: bool = True
    """Whether a refresh token that is used twice ends the consent; not documented."""
    consents: bool = True
    """Whether whoever is asked at /connect/authorize agrees."""

    requests_per_minute: int | None = 3000
    """Per subscription app, both keys together; None: no limit."""
    parallel_mutations: int = 10
    """More at once are answered 429, which is our reading: the limit is documented, not that."""
    cost_limit: int = 650_000
    default_page: int = 20
    largest_page: int = 500
    old_cost_words: bool = False
    """`fieldCost` and `maxFieldCost` instead of `complexity` and `allowedComplexity`."""

    mandatory_fields_must_be_sent: bool = True
    """FR `socialName`, FR `vatNumber` (EU customers), ES `documentId` of an invoice: refuse it
    without, although the customer has them. False: they are copied."""
    children_touch_parents: bool = False
    """Whether a settlement moves the `modificationDate` of invoice and entry; not documented."""
    negative_credit_notes: bool = False
    """Whether a credit note's amounts carry a minus; not documented."""
    refuses_repeated_numbers: bool = False
    """Whether an `operationalNumber` or a supplier's `invoiceNumber` may come once only."""
    rounds_by_rate: bool = False
    """Tax per rate of a document instead of per line."""
