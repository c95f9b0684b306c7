"""How the ledgers behind Apideck differ, as data: one profile per service.

The traits are those that Apideck documents about its connectors (public OpenAPI document of the
Accounting API and guides "Idempotency keys", "Unified rate limits", "Mark invoices and bills as
paid", read 2026-11-20); which of our ledgers has which of them together, where the sources say
nothing, is ours and is chosen to be hard on a client.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum


class Keys(StrEnum):
    """What an `Idempotency-Key` does where the API documents it, or anywhere else."""

    HONOURED = "honoured"
    IGNORED = "ignored"  # it writes again
    REFUSED = "refused"  # 400


class Written(StrEnum):
    """What a written `paid` or `partially_paid` does."""

    IGNORED = "ignored"
    REFUSED = "refused"


class Ids(StrEnum):
    """What ids look like."""

    UUID = "uuid"
    PER_RESOURCE = "per_resource"  # 1, 2, 3 ... anew in every resource


class Deleted(StrEnum):
    """What is left of a deleted record."""

    KEPT = "kept"  # listed, with the status deleted or void
    GONE = "gone"  # 404, and in no list
    UNLISTED = "unlisted"  # in no list, but it still answers by id


@dataclass(frozen=True)
class Profile:
    """One ledger's ways; `Apideck.change` replaces some of them while it runs."""

    service_id: str
    name: str
    base_currency: str = "EUR"
    country: str = "IE"
    ids: Ids = Ids.UUID
    open_status: Mapping[str, str] = field(
        default_factory=lambda: {
            "invoices": "authorised",
            "bills": "authorised",
            "credit-notes": "authorised",
        }
    )
    """How a document that is open is called."""
    tells_status: bool = True
    """False: `status` of invoices and bills is null unless draft or void; the balance tells."""
    stamps: bool = True
    """Whether records have `created_at` and `updated_at`."""
    assigns_numbers: bool = False
    """Documents get the ledger's own number, whatever number is sent."""
    keeps_reference: bool = True
    """False: `reference` of payments is dropped; `number` is kept."""
    deleted: Deleted = Deleted.KEPT
    missing_operations: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Resource → operations (`list`, `get`, `create`, `update`, `delete`) answered with 501."""

    keys: Keys = Keys.HONOURED
    """Where the API documents the header: POST invoices, bills, credit-notes, journal-entries and
    PATCH invoices."""
    keys_elsewhere: Keys = Keys.IGNORED
    """Everywhere else, payments above all."""
    key_life: timedelta = timedelta(hours=24)
    replays_errors: bool = True
    """Whether a refusal is repeated to the same key and body; otherwise it is tried again."""

    applies_after_reads: int = 0
    """After how many reads of documents or payments a payment's allocations count; 0: at once."""
    applies_after: timedelta = timedelta(0)
    """Or after this long on the ledger's clock, whichever comes first; 0: reads alone decide."""
    hides_pending: bool = True
    """Until then the payment shows no allocations and no look-up by document finds it."""
    payments_touch_documents: bool = True
    """A payment gives its documents a new `updated_at` and version."""
    splits_payments: bool = False
    """Several types of allocation in one request make one payment per type; the first's id is
    answered, the others are in `_raw`."""
    refuses_unapplied: bool = False
    needs_account: bool = False
    """Payments must name an account."""
    bill_payment_methods: tuple[str, ...] = ()
    """If any: `payment_method` of bill payments must be one of them, exactly."""
    written_paid: Written = Written.IGNORED
    void_alone: bool = False
    """`status: void` goes alone (with `row_version`)."""

    row_versions: bool = False
    """Whether records have a `row_version`."""
    needs_row_version: bool = False
    """Updates must carry the present one."""
    stale_status: int = 400
    """HTTP status of an outdated version; its `type_name` is ConnectorExecutionError."""

    checks_totals: bool = False
    """A `total` that is not what the lines give is refused, and line totals likewise."""
    takes_tax_amounts: bool = False
    """A line's `tax_amount` is kept as sent; otherwise it follows from the rate."""
    null_means_untaxed: bool = False
    """`tax_inclusive: null` makes a document without tax."""
    unique_numbers: bool = False
    """Numbers of documents differ, of bills per supplier."""
    unique_names: bool = False
    """Display names of customers (or suppliers) differ."""
    rates_without_id: bool = False
    """Tax rates have an `id` of null and are named by their `code`."""
    nameless_percentages: bool = False
    """Some tax rates state no percentage."""

    missing_filters: frozenset[str] = frozenset()
    """Filters that are refused with UnsupportedFiltersError, in all resources."""
    sorts: bool = True
    """False: any sort is refused with UnsupportedSortFieldError."""
    smallest_limit: int = 1
    unpaged: frozenset[str] = frozenset()
    """Resources that come in one piece; a cursor is refused with PaginationNotSupportedError."""
    repeats_rows: bool = False
    """Every page begins with the last row of the one before."""
    short_pages: bool = False
    """Pages may hold fewer rows than the limit, or none, before the end."""
    cursor_life: timedelta | None = None
    total_count: bool = False
    single_reads_only: frozenset[str] = frozenset()
    """Members that lists leave out."""
    several_companies: bool = False
    """Whether `x-apideck-company-id` selects a legal entity; ignored otherwise."""

    ledger_calls_per_minute: int | None = None
    """The ledger's own limit."""
    tells_reset: bool = True
    """Whether `x-downstream-ratelimit-reset` comes with the limit's headers."""

    def with_(self, **traits: object) -> "Profile":
        """The same ledger with some other traits."""
        return replace(self, **traits)  # type: ignore[arg-type]  # checked when the test runs


XERO = Profile(
    service_id="xero",
    name="Xero",
    country="GB",
    base_currency="GBP",
    key_life=timedelta(minutes=6),
    splits_payments=True,
    needs_account=True,
    checks_totals=True,
    takes_tax_amounts=True,
    null_means_untaxed=True,
    unique_numbers=True,
    unique_names=True,
    ledger_calls_per_minute=600,
    missing_operations={
        "payments": frozenset({"update"}),
        "bill-payments": frozenset({"update"}),
        "customers": frozenset({"delete"}),
        "suppliers": frozenset({"delete"}),
    },
)
"""Allocations count at once; a payment is deleted, never changed; keys live for six minutes."""

QUICKBOOKS = Profile(
    service_id="quickbooks",
    name="QuickBooks",
    country="US",
    base_currency="USD",
    ids=Ids.PER_RESOURCE,
    open_status={"invoices": "unpaid", "bills": "posted", "credit-notes": "posted"},
    deleted=Deleted.GONE,
    applies_after_reads=3,
    applies_after=timedelta(seconds=20),
    row_versions=True,
    needs_row_version=True,
    bill_payment_methods=("Check", "CreditCard"),
    void_alone=True,
    written_paid=Written.REFUSED,
    unique_names=True,
    nameless_percentages=True,
    replays_errors=False,
    unpaged=frozenset({"tax-rates"}),
    tells_reset=False,
    ledger_calls_per_minute=500,
    missing_filters=frozenset({"ids", "reference"}),
    missing_operations={"tax-rates": frozenset({"create", "update", "delete"})},
)
"""Allocations count a little later; every update needs the version, which payments move."""

WORKDAY = Profile(
    service_id="workday",
    name="Workday",
    country="FR",
    open_status={"invoices": "submitted", "bills": "submitted", "credit-notes": "posted"},
    tells_status=False,
    stamps=False,
    assigns_numbers=True,
    deleted=Deleted.UNLISTED,
    keys=Keys.REFUSED,
    keys_elsewhere=Keys.REFUSED,
    payments_touch_documents=False,
    rates_without_id=True,
    missing_filters=frozenset({"updated_since", "created_since", "id_since", "ids", "status"}),
    sorts=False,
    total_count=True,
    missing_operations={"invoice-items": frozenset({"create", "update", "delete"})},
)
"""No keys, no way to ask for changes, no order, its own numbers."""

NETSUITE = Profile(
    service_id="netsuite",
    name="NetSuite",
    country="BE",
    ids=Ids.PER_RESOURCE,
    open_status={"invoices": "posted", "bills": "authorised", "credit-notes": "posted"},
    deleted=Deleted.GONE,
    row_versions=True,
    repeats_rows=True,
    short_pages=True,
    smallest_limit=5,
    cursor_life=timedelta(minutes=15),
    single_reads_only=frozenset({"payment_allocations"}),
    several_companies=True,
    missing_filters=frozenset({"ids", "reference", "bill_number"}),
    keys_elsewhere=Keys.REFUSED,
)
"""Cursors that repeat rows, pages that are short or empty, several legal entities."""

PROFILES: Mapping[str, Profile] = {
    profile.service_id: profile for profile in (XERO, QUICKBOOKS, WORKDAY, NETSUITE)
}
