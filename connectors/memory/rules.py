"""How a plain ledger behaves: the settings that make it resemble any accounting system."""

import datetime as dt
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Numbers(StrEnum):
    """Where the numbers of documents come from."""

    LEDGER = "ledger"  # its own sequence; the number we send is kept as the reference
    DOCUMENT = "document"  # ours; one that exists already is refused


class TaxRounding(StrEnum):
    """How the ledger computes tax; each differs from the other by cents."""

    PER_LINE = "per_line"
    PER_RATE = "per_rate"


@dataclass(frozen=True)
class LedgerRules:
    """What a ledger does and refuses; the defaults are an easy-going one.

    Change them on a running ledger with `ledger.change(closed_until=...)`.
    """

    api_key: str = "plain-ledger-key"
    organisation_id: str = "plain-1"
    organisation_name: str = "Plain Ledger SARL"
    base_currency: str = "EUR"
    may_write: bool = True
    """False: the key may only read (403)."""
    oauth: bool = False
    """People let us in by consenting: `/oauth/authorize`, `/oauth/token`; keys are refused."""
    client_id: str = "plain-client"
    client_secret: str = "plain-client-secret"  # noqa: S105  # a simulator's
    sign_in: bool = False
    """The same id and secret buy a token at `/sign-in`; keys are refused."""
    sign_ins_per_hour: int | None = None
    """More are answered with 429 and Retry-After."""
    says_life: bool = True
    """False: nothing is said about how long a bought token works."""
    consents: bool = True
    """False: whoever is asked for consent refuses it."""
    access_life: timedelta = timedelta(minutes=30)
    """How long an access token works."""
    names_books: bool = False
    """Whose books a consent opens comes beside its code as `books`, and must come with every call
    as `X-Organisation`."""
    rotates_tokens: bool = True
    """A refresh token works once; one that comes again costs the whole consent."""
    calls_per_minute: int | None = None
    """More are answered with 429 and Retry-After."""

    numbers: Numbers = Numbers.LEDGER
    tax_rounding: TaxRounding = TaxRounding.PER_RATE
    exact_lines: bool = False
    """Lines whose price x quantity is not their net amount are refused."""
    two_steps: bool = False
    """Documents and entries are created as drafts and posted by a second call."""
    frozen_when_posted: bool = False
    """Posted documents refuse every change; otherwise only those that something is paid on."""
    closed_until: dt.date | None = None
    """Nothing may be posted, changed or voided up to this day."""

    batch_size: int = 25
    atomic_batches: bool = False
    """One bad item refuses the whole call; otherwise each item has its own result."""
    remembers_keys: timedelta | None = None
    """How long a repeated key gets the first answer; None: keys mean nothing, and a repeated
    create makes a second document."""
    replays_errors: bool = False
    """Whether a refusal is remembered for its key, too."""

    searchable: bool = True
    """Whether documents can be looked up by marker."""
    hidden_for: timedelta = timedelta(0)
    """How long a new document cannot be found by its marker."""
    hidden_look_ups: int = 0
    """How many look-ups do not find it, however long ago it was written."""
    page_size: int = 100
    """Most objects per page."""
    repeats_across_pages: bool = False
    """Every page begins with the last object of the one before."""
    clock_skew: timedelta = timedelta(0)
    """How far the ledger's clock is ahead of ours."""


class Refused(Exception):  # noqa: N818  # an answer, not a crash
    """The ledger refuses: a code, a sentence for a bookkeeper, and the words it is about."""

    def __init__(self, code: str, message: str, *, status: int = 422, **words: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.words = words
