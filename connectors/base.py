"""The interface between the engine and a provider, and what a connector declares about itself.

A connector is plain code over HTTP: no database, no Celery, no session. The engine hands it
canonical records whose references are already the provider's ids, and gets one result per
record. What differs between providers is data in `ConnectorSpec` before it is code.
"""

import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import httpx
from pydantic import BaseModel, SecretStr, ValidationError

from connectors.errors import ConnectorError
from models.canonical import AnyRecord, ObjectType
from models.canonical.written import Written


class Role(StrEnum):
    """Whether documents come from a connection (source) or go to it (ledger)."""

    LEDGER = "ledger"
    SOURCE = "source"


class AuthKind(StrEnum):
    """How the owner of the books lets us in."""

    API_KEY = "api_key"  # by giving us credentials
    OAUTH2 = "oauth2"  # by consenting at the provider


@dataclass(frozen=True)
class OAuthSpec:
    """How consent is asked for and tokens are fetched: OAuth2's authorization-code flow.

    A connector with it has `connectors.auth.OAuthTokens` as its credentials; `check` then tells
    whose books the consent opens.
    """

    authorize_url: str
    """Absolute; or a path under the connection's base URL, where people host the provider.

    At a base URL that is none of the provider's hosts (a simulator's), absolute ones too are paths.
    """
    token_url: str
    scopes: tuple[str, ...] = ()
    secret_in_body: bool = False
    """The token endpoint wants our client id and secret in the form, not as HTTP Basic."""
    unused_life: timedelta | None = None
    """A refresh token that is not used for so long has ended: a paused connection must use it."""
    callback_keeps: tuple[str, ...] = ()
    """Parameters that come with the consent's code and tell whose books it opens (QuickBooks'
    `realmId`): kept with the tokens, in `OAuthTokens.callback`."""


@dataclass(frozen=True)
class SignedIn:
    """A short-lived token that credentials bought."""

    access_token: SecretStr
    expires_at: datetime | None
    """None where the provider does not say: it is used until it is refused, or half an hour."""


class Operation(StrEnum):
    """What a push does to the object at the provider; a source is only told what became of it."""

    CREATE = "create"
    UPDATE = "update"
    VOID = "void"
    COMPLETE = "complete"  # to a source: the ledger has the document
    FAIL = "fail"  # to a source: somebody must correct the document there
    PAID = "paid"  # to a source: nothing is open on the document any more
    UNPAID = "unpaid"  # to a source: it is open again


REPORTS = frozenset({Operation.COMPLETE, Operation.FAIL, Operation.PAID, Operation.UNPAID})
"""What is said to a source, about a document of its own."""


class Changes(StrEnum):
    """How a pull finds what changed."""

    MODIFIED_SINCE = "modified_since"
    CURSOR = "cursor"
    NONE = "none"  # the whole list, every time
    WAITING = "waiting"  # a source's list of what it waits for us to report: gone is dealt with


@dataclass(frozen=True)
class PullSpec:
    """How one type of object is read."""

    page_size: int
    changes: Changes


@dataclass(frozen=True)
class PushSpec:
    """How one type of object is written."""

    operations: frozenset[Operation]
    batch_size: int
    """Records per `push` call; 1 where the provider has no batch call."""
    steps: int = 1
    """Most `push` calls that one record takes from nothing to done."""
    marker: str = ""
    """Which field carries our marker: what `find` searches by."""
    credits: bool = False
    """Payments may use up credit notes."""
    refunds: bool = False
    """Payments may be refunds."""


@dataclass(frozen=True)
class TypeSpec:
    """What a connector can do with one type of object."""

    pull: PullSpec | None = None
    push: PushSpec | None = None


class LimitScope(StrEnum):
    """Whom a provider counts together."""

    APP = "app"  # everybody who uses our registration there
    TENANT = "tenant"  # one organisation, across connections and credentials
    CONSENT = "consent"  # one set of credentials


READS = "reads"
"""What a window counts that writes do not use up: metered reads."""


@dataclass(frozen=True)
class Window:
    """At most so many requests in any so many seconds."""

    seconds: int
    amount: int
    for_reads: int
    """Reads stop when so many were made, by whomever: the rest is kept for writes."""
    left_header: str = ""
    """Header in which the provider states what is left of it."""
    counts: str = ""
    """What it counts: everything, `READS`, or what says so with `counts_as` at `Http`."""
    scope: LimitScope | None = None
    """Whom it counts together; None: as `Limits.scope` says."""

    @property
    def name(self) -> str:
        """The window in a word."""
        known = {1: "second", 60: "minute", 86_400: "day", 30 * 86_400: "month"}
        period = known.get(self.seconds, f"{self.seconds} seconds")
        return f"{period} ({self.counts})" if self.counts else period

    def holds(self, kinds: Collection[str]) -> bool:
        """Whether a request of these kinds uses it up."""
        return not self.counts or self.counts in kinds


@dataclass(frozen=True)
class Limits:
    """What the provider allows; None where it states nothing.

    They are kept before a request leaves, by all our processes together (`connectors.turns`).
    """

    per_second: int | None = None
    burst: int | None = None
    """Most in any one second where that is more than what may be sustained."""
    per_minute: int | None = None
    per_day: int | None = None
    concurrent: int = 1
    """Batches of one connection that are sent in parallel."""
    in_flight: int | None = None
    """Requests at once, of all workers."""
    scope: LimitScope = LimitScope.TENANT
    kept_for_pushes: float = 0.2
    """The share of a minute and of a day that reads leave alone."""
    minute_left_header: str = ""
    """Header in which the provider states how many requests are left in this minute."""
    day_left_header: str = ""
    """The same for the day."""
    more: tuple[Window, ...] = ()
    """What is counted besides: batch calls, metered reads, everybody of our app."""

    @property
    def stated(self) -> bool:
        """Whether there is anything to keep."""
        return bool(self.windows) or self.in_flight is not None

    @property
    def windows(self) -> tuple[Window, ...]:
        """What is counted. A burst is two windows, which together are a bucket that refills."""
        windows = []
        if self.per_second is not None:
            most = max(self.burst or 0, self.per_second)
            windows.append(Window(1, most, most))
            if most > self.per_second:
                seconds = -(-most // self.per_second)
                sustained = seconds * self.per_second
                windows.append(Window(seconds, sustained, sustained))
        for seconds, amount, header in (
            (60, self.per_minute, self.minute_left_header),
            (86_400, self.per_day, self.day_left_header),
        ):
            if amount is not None:
                for_reads = max(1, amount - int(amount * self.kept_for_pushes))
                windows.append(Window(seconds, amount, for_reads, header))
        return (*windows, *self.more)


@dataclass(frozen=True)
class Turn:
    """What is said to a request that wants to leave."""

    wait_seconds: float = 0
    """0: go. Otherwise it does not go, and may ask again after this time."""
    reason: str = ""
    """What is used up: `minute`, `day` ... or why else it must wait."""
    token: str = ""
    """Names the request when its answer is told."""
    kinds: frozenset[str] = frozenset()
    """What it was asked for as."""


class Allowance(Protocol):
    """What may be asked of a provider, shared by everybody whom it counts together."""

    def take(self, *, write: bool, seconds: float, kinds: Collection[str] = ()) -> Turn:
        """Ask for a turn now.

        Args:
            write: Whether it may use what is kept for writes.
            seconds: A request that gets its turn lasts at most so long.
            kinds: What it is, for windows that do not count everything.
        """
        ...

    def answered(
        self, turn: Turn, *, left: Mapping[Window, int], closed_for: float | None = None
    ) -> None:
        """Tell that a request has been answered, or has broken off.

        Args:
            turn: What it left with.
            left: What the provider says is left, of the windows that it states.
            closed_for: It wants nobody to come back sooner, seconds.
        """
        ...

    @property
    def limits(self) -> Limits:
        """What is kept."""
        ...


@dataclass(frozen=True)
class Idempotency:
    """How the provider treats a repeated key."""

    remembered_for: timedelta
    replays_errors: bool


@dataclass(frozen=True)
class UploadStep:
    """How far the hand-in of a file is."""

    progress: Mapping[str, Any]
    """All that is needed to go on, as plain JSON."""
    status: str = ""
    """The platform's word for it."""
    finished: bool = False
    failed: bool = False
    """A person must act; `sentence` says what to do."""
    sentence: str = ""
    problems: tuple[str, ...] = ()
    """What is wrong with single lines of the file."""
    wait_seconds: float = 0
    """Nothing will have changed sooner."""


class Uploads(Protocol):
    """Hands files in at a platform, in small steps that anybody may go on with."""

    def begin(self, path: Path, *, key: str, options: BaseModel) -> UploadStep:
        """Look a file through; nothing is sent.

        Raises:
            Rejected: It cannot be sent: which line, and what is wrong with it.
        """
        ...

    def advance(self, progress: Mapping[str, Any], path: Path) -> UploadStep:
        """Take the next step: some looking, and one write at most.

        Raises:
            ConnectorError: Nothing was done, and the progress is what it was.
        """
        ...


@dataclass(frozen=True)
class UploadSpec:
    """A kind of file that a platform takes: a vendor's usage."""

    open: Callable[["ConnectorConfig"], Uploads]
    options: type[BaseModel]
    """What must be said beside the file, with the words that people read about each."""


@dataclass(frozen=True)
class ConnectorSpec:
    """Everything that the engine needs to know about a provider, as data."""

    key: str
    name: str
    types: Mapping[ObjectType, TypeSpec]
    build: Callable[["ConnectorConfig"], "Connector"]
    credentials: type[BaseModel]
    settings: type["ConnectorSettings"]
    roles: frozenset[Role] = frozenset({Role.LEDGER})
    oauth: OAuthSpec | None = None
    """None where the owner gives us credentials instead of a consent."""
    sign_in: Callable[["ConnectorConfig"], SignedIn] | None = None
    """Where credentials buy a token: one request for it, a `write`, which is never repeated by
    itself. The engine calls it once for all workers and gives the token as `access_token`."""
    hosts: frozenset[str] = frozenset()
    """Host names that a base URL may have; empty for software that people host themselves."""
    default_base_url: str | None = None
    limits: Limits = Limits()
    idempotency: Idempotency | None = None
    """None where the provider knows no idempotency key."""
    consistency_delay: timedelta = timedelta(seconds=60)
    """After this long, what a look-up does not find was not written."""
    rounding_tolerance: Decimal = Decimal("0.02")
    """How far the provider's total may be from ours because it rounds tax differently."""
    by_others: bool = False
    """Somebody else's program posts there and reports back: no worker of ours calls it, ever."""
    for_settings: Callable[["ConnectorSettings"], "ConnectorSpec"] | None = None
    """What a connection with these settings can do, where that is less than what is claimed here:
    an aggregator speaks for many ledgers."""
    read_webhook: Callable[["ConnectorConfig", Mapping[str, str], bytes], "Notice"] | None = None
    """(config, headers by lower-case name, raw body) → what a webhook says; raises
    `WebhookRefused` when its signature does not hold. None: connections have no webhooks."""
    read_app_webhook: Callable[[SecretStr, Mapping[str, str], bytes], Sequence["Notice"]] | None = (
        None
    )
    """(our app's webhook key, headers by lower-case name, raw body) → what a webhook says of which
    organisations, where a provider sends those of all customers to one address."""
    uploads: UploadSpec | None = None
    """Files that are handed in there."""
    leave: Callable[["ConnectorConfig"], None] | None = None
    """Tells the provider that a connection has ended, where it counts those that are open."""

    def of(self, settings: Mapping[str, Any]) -> "ConnectorSpec":
        """What a connection with these settings can do."""
        if self.for_settings is None:
            return self
        try:
            fitting = self.settings.model_validate(settings)
        except ValidationError:  # of another version: whoever opens the connection says so
            return self
        return self.for_settings(fitting)

    @property
    def auth(self) -> AuthKind:
        """How the owner of the books lets us in."""
        return AuthKind.OAUTH2 if self.oauth else AuthKind.API_KEY

    def pulls(self, kind: ObjectType) -> PullSpec | None:
        """How a type is pulled, or None when it is not."""
        return self.types[kind].pull if kind in self.types else None

    def pushes(self, kind: ObjectType, operation: Operation | None = None) -> PushSpec | None:
        """How a type is pushed, or None when it (or the operation on it) is not claimed."""
        push = self.types[kind].push if kind in self.types else None
        if push is None or (operation is not None and operation not in push.operations):
            return None
        return push

    @property
    def capabilities(self) -> frozenset[str]:
        """All claims as words: `pull:invoices`, `push:payments`, `update:contacts` ..."""
        claims: set[str] = set()
        for kind, spec in self.types.items():
            if spec.pull:
                claims.add(f"pull:{kind.plural}")
            if spec.push:
                claims |= {
                    f"{'push' if op is Operation.CREATE else op.value}:{kind.plural}"
                    for op in spec.push.operations
                }
        return frozenset(claims)


class ConflictPolicy(StrEnum):
    """Who wins when a document was changed on both sides."""

    ASK = "ask"
    OURS = "ours"
    THEIRS = "theirs"


class ConnectorSettings(BaseModel):
    """Settings that every connection has; connectors add their own by inheriting."""

    model_config = {"extra": "forbid", "frozen": True}

    default_sales_account: str | None = None
    """Code of the ledger account for invoice lines that name none."""
    default_purchase_account: str | None = None
    """The same for bill lines."""
    payment_account: str | None = None
    """Code of the bank or cash account for payments that name none."""
    deduction_tax_rate: str | None = None
    """The ledger's id of the tax rate for all allowances on whole documents."""
    conflict_policy: ConflictPolicy = ConflictPolicy.ASK
    """Who wins when both sides changed: ask, ours, theirs."""
    consistency_delay_seconds: int | None = None
    """Overrides how long to wait before an unclear write counts as not written."""


Clock = Callable[[], float]
"""Seconds since whenever."""


class Deadline:
    """A moment after which no request may leave: the end of a lease, less a margin.

    Several clocks count, whichever says most: the monotonic one misses a suspended machine, the
    wall clock misses being set back. Make it *before* the statement that takes the lease.
    """

    def __init__(
        self, seconds: float, clocks: Sequence[Clock] = (time.monotonic, time.time)
    ) -> None:
        self._seconds = seconds
        self._clocks = [(clock, clock()) for clock in clocks]

    def left(self) -> float:
        """Seconds that remain; negative when it has passed."""
        return self._seconds - max(clock() - start for clock, start in self._clocks)


class Memo:
    """What is read once for a piece of work, however many connectors do it side by side."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._known: dict[str, Any] = {}

    def once(self, key: str, read: Callable[[], Any], *, anew: bool = False) -> Any:
        """What `read` gave the first time; others wait for it, and an error is not kept."""
        with self._lock:
            if anew or key not in self._known:
                self._known[key] = read()
            return self._known[key]


@dataclass
class CallScope:
    """What surrounds provider calls: for whose sake, until when, and how many there were.

    The HTTP plumbing lets no request out after the deadline, so that a worker that was frozen
    for longer than its lease cannot write late.
    """

    correlation_id: str
    deadline: Deadline | None = None
    calls: int = 0
    bytes_received: int = 0
    allowance: Allowance | None = None
    """Whom every request asks for its turn; None: nobody counts them."""
    for_pushes: bool = False
    """Its reads serve writes, and need not leave anything to them."""
    memo: Memo = field(default_factory=Memo, repr=False)
    """Shared by the connectors of one piece of work."""
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def count(self, *, calls: int = 0, received: int = 0) -> None:
        """Add to the figures; batches may be sent from several threads."""
        with self._lock:
            self.calls += calls
            self.bytes_received += received


@dataclass(frozen=True)
class ConnectorConfig:
    """What a connector is built from."""

    base_url: str
    credentials: BaseModel
    settings: ConnectorSettings
    http: httpx.Client
    """Shared by the process; the connector wraps it with its own headers."""
    scope: CallScope
    organisation_id: str | None = None
    """The provider's id of the organisation that the connection was made with."""
    timeout_seconds: float = 60
    """Longest wait for one answer."""
    app_key: SecretStr | None = None
    """A key of our own registration that some providers want with every call."""
    access_token: SecretStr | None = None
    """The token to use now: of the consent (OAuth2), or bought by `ConnectorSpec.sign_in`."""
    renew: Callable[[SecretStr], SecretStr] | None = None
    """(a token that the provider refused) → the next one; give it to `connectors.http.Http`."""


@dataclass(frozen=True)
class Identity:
    """Who we are at the provider, and whose books these are."""

    organisation_id: str
    organisation_name: str
    base_currency: str | None = None


@dataclass(frozen=True)
class Totals:
    """The sums that the provider computed for a document; None where it has none."""

    net: Decimal | None = None
    tax: Decimal | None = None
    total: Decimal | None = None


@dataclass(frozen=True)
class PulledRecord:
    """One object as the provider has it."""

    platform_id: str
    record: AnyRecord
    marker: str | None = None
    """Our marker, when the object carries one."""
    version: str | None = None
    url: str | None = None
    deleted: bool = False
    extra: BaseModel | None = None
    """What the provider says beyond the canonical record, in its own words, for people to see."""
    handle: Mapping[str, Any] | None = None
    """What a report to a source needs besides the object's id; comes back as `progress`."""

    @cached_property
    def written(self) -> Written:
        """The record as JSON, once for all that is made of it."""
        return Written(self.record)


@dataclass(frozen=True)
class Elsewhere:
    """One object that a source gave us although it is none of our billing entities'."""

    platform_id: str
    owner: str
    """Whose it is, in the words of the source: a billing entity's code."""


@dataclass(frozen=True)
class BadRecord:
    """One object of a page that could not be read; the page goes on without it."""

    platform_id: str
    problem: str


@dataclass(frozen=True)
class Page:
    """A piece of a pull that is stored, with its cursor, in one transaction."""

    records: Sequence[PulledRecord]
    bad: Sequence[BadRecord] = ()
    along: Sequence[PulledRecord] = ()
    """Objects of other types that came in the same answers: the contacts of documents."""
    elsewhere: Sequence[Elsewhere] = ()
    cursor: str | None = None
    """Where the next pull resumes once this page is stored; None: not yet."""


@dataclass(frozen=True)
class Period:
    """Days from `start` to `end`, both included; None is open."""

    start: date | None = None
    end: date | None = None

    def holds(self, day: date | None) -> bool:
        """Whether a day lies in it; a missing day never does, unless both ends are open."""
        if day is None:
            return self.start is None and self.end is None
        return (self.start is None or day >= self.start) and (self.end is None or day <= self.end)


@dataclass(frozen=True)
class Report:
    """What a source is told about a document of its own."""

    ledger_id: str | None = None
    """With COMPLETE: the ledger's id of it."""
    message: str | None = None
    """With FAIL: one sentence that a person in the source can act on."""


@dataclass(frozen=True)
class Notice:
    """What a provider's webhook says: where to look. What happened is read, never believed."""

    kinds: frozenset[ObjectType] = frozenset()
    """Types of objects that changed; empty: nothing that is pulled."""
    authorization: bool = False
    """Whether we may still come in has changed: ask who we are."""
    organisation_id: str = ""
    """Whose books, where the webhooks of all customers come to one address."""


@dataclass(frozen=True)
class PushItem:
    """One record to write."""

    key: str
    """Idempotency key: 32 hex digits, the same for every try of the same content."""
    marker: str
    """Our mark, at most 20 characters, to be written into the document and searched by."""
    operation: Operation
    record: AnyRecord
    """References in it are the provider's ids."""
    platform_id: str | None = None
    version: str | None = None
    progress: Mapping[str, Any] | None = None
    """What an earlier step left. With UPDATE: the content changed since that step."""
    report: Report | None = None
    """With COMPLETE and FAIL, whose `record` is in the source's own ids."""


@dataclass(frozen=True)
class Accepted:
    """The provider has the record, complete."""

    platform_id: str
    number: str | None = None
    totals: Totals = Totals()
    version: str | None = None
    url: str | None = None
    notes: tuple[str, ...] = ()
    """What a person should know: `line 2 is booked as 1 x 99.99` ..."""
    request_id: str | None = None


@dataclass(frozen=True)
class Progressed:
    """One step of several is done; the engine keeps `progress` and calls again."""

    progress: Mapping[str, Any]
    platform_id: str | None = None
    request_id: str | None = None


@dataclass(frozen=True)
class Failed:
    """One record failed; the error says what to do about it."""

    error: ConnectorError


@dataclass(frozen=True)
class Stale:
    """An update was refused, nothing written: the ledger's object is newer than the one we knew.

    The connector has read it again; the engine compares, and sends our version on top of it or
    lets a person decide.
    """

    current: PulledRecord
    request_id: str | None = None


PushResult = Accepted | Progressed | Failed | Stale


@dataclass(frozen=True)
class Found:
    """The provider has exactly one object with our marker."""

    accepted: Accepted
    progress: Mapping[str, Any] | None = None
    """Set when steps are missing: the engine goes on from there."""


@dataclass(frozen=True)
class Absent:
    """The provider has no such object, as far as it can tell now."""


@dataclass(frozen=True)
class Unclear:
    """It cannot be told: several match, or the provider cannot be searched for this."""

    reason: str
    url: str | None = None


FindResult = Found | Absent | Unclear


class Connector(Protocol):
    """What the engine asks of a provider. Only `ConnectorError` may leave any method."""

    def check(self) -> Identity:
        """Who am I, and whose books are these: one cheap call."""
        ...

    def pull(
        self,
        kind: ObjectType,
        cursor: str | None,
        *,
        period: Period | None = None,
    ) -> Iterator[Page]:
        """Read what changed since `cursor` (None: everything), page by page.

        Reads are lenient: unknown fields and enum values pass; an unreadable object becomes a
        `BadRecord`. With `period` only documents dated in it are wanted and cursors are ignored.
        A pull that brings nothing still gives a cursor: what is made and deleted after it could
        otherwise never be known as deleted.
        """
        ...

    def push(self, kind: ObjectType, items: Sequence[PushItem]) -> Sequence[PushResult]:
        """Write at most a batch of records: one result per item, in order.

        May raise instead when the error concerns the whole call and nothing is known of any
        item. Never repeats a write by itself. An update or a void may be said twice: when the
        content is there already, it is accepted, also with the version of before.
        """
        ...

    def find(self, kind: ObjectType, items: Sequence[PushItem]) -> Sequence[FindResult]:
        """Look up, by marker or platform id, what an unclear write left: one result per item."""
        ...
