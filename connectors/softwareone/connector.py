"""The SoftwareOne Marketplace as a source: its invoices, credit memos and statements.

Whose document it is, is asked for in the query and compared again before anything else is read:
a document of another legal entity never gets into our books. The platform wants no report of what
became of its documents, so there is none.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

from connectors.base import (
    BadRecord,
    ConnectorConfig,
    Elsewhere,
    FindResult,
    Identity,
    Page,
    Period,
    PulledRecord,
    PushItem,
    PushResult,
)
from connectors.errors import (
    ActionRequired,
    Cause,
    PermissionDenied,
    ProtocolError,
    Rejected,
    Unsupported,
)
from connectors.softwareone import errors, mapping, rql, statements
from connectors.softwareone.client import Client, settings_of
from connectors.softwareone.collections import Billing, CreditMemos, Invoices
from connectors.softwareone.pull import batches
from connectors.softwareone.rows import Rows
from connectors.softwareone.settings import AccountRole, SoftwareOneSettings, StatementLines
from connectors.softwareone.wire import Owned, Thing
from models.canonical import BillingDocument, JournalEntry, ObjectType

if TYPE_CHECKING:
    from connectors.base import Connector


def read_types(settings: SoftwareOneSettings) -> frozenset[ObjectType]:
    """The types that a connection with these settings reads."""
    found: set[ObjectType] = set()
    if settings.account_role is AccountRole.VENDOR:
        return frozenset()
    if settings.documents:
        client = settings.account_role is AccountRole.CLIENT
        found |= {ObjectType.BILL if client else ObjectType.INVOICE, ObjectType.CREDIT_NOTE}
    if settings.statements_as_entries:
        found.add(ObjectType.JOURNAL_ENTRY)
    return frozenset(found)


class SoftwareOne:
    """One account, as far as it concerns one billing entity."""

    def __init__(self, config: ConnectorConfig) -> None:
        self.settings = settings_of(config)
        self.client = Client(config)
        self.billing = Billing(self.client)
        self._host = httpx.URL(config.base_url).host
        self._portal = mapping.PORTAL.get(self._host)

    def check(self) -> Identity:
        """Whether the token is that of an account of the kind that the settings name.

        Nothing tells who we are, so two lists are asked for one row each: only vendors and
        operations see journals, only clients and operations see invoices.
        """
        role, account = self.settings.account_role, self.settings.account_id
        invoices = self._probe("invoices")
        journals = self._probe("journals")
        found = _kind_of(can_invoices=invoices is not None, can_journals=journals is not None)
        if found != role:
            words = f"{_article(found)} account" if found else "an account that sees no billing"
            raise errors.wrong_role(f"{role.value}", words)
        if account is not None:
            rows = invoices if role is AccountRole.CLIENT else journals
            self._assert_account(account, rows or [])
            return Identity(account, f"SoftwareOne {account} ({role.value})")
        return Identity(f"{self._host}#{role.value}", f"SoftwareOne ({role.value} account)")

    def pull(
        self, kind: ObjectType, cursor: str | None, *, period: Period | None = None
    ) -> Iterator[Page]:
        """Read what was changed since the cursor."""
        if kind not in read_types(self.settings):
            raise Unsupported(
                f"{kind.plural_words} are not read with the token of a "
                f"{self.settings.account_role.value} account and these settings",
                code="not_read",
            )
        return self._pages(kind, cursor, period)

    def push(self, kind: ObjectType, items: Sequence[PushItem]) -> Sequence[PushResult]:
        """Nothing is pushed as a record: a vendor's charges go by `usage`."""
        raise self._nothing_pushed(kind, len(items))

    def find(self, kind: ObjectType, items: Sequence[PushItem]) -> Sequence[FindResult]:
        """Nothing is pushed, so there is nothing to look for."""
        raise self._nothing_pushed(kind, len(items))

    def _nothing_pushed(self, kind: ObjectType, count: int) -> Unsupported:
        return Unsupported(
            f"the marketplace takes no {kind.plural_words} and wants no reports about them "
            f"({count} given)",
            code="source_only",
        )

    # Who we are.

    def _probe(self, collection: str) -> list[Thing] | None:
        """A row of a list, or None when the token's account may not see the list at all."""
        member = "client" if collection == "invoices" else "vendor"
        try:
            page, _ = self.client.listing(f"/billing/{collection}", select=(member,), limit=1)
        except PermissionDenied:
            return None
        return page.data

    def _assert_account(self, account: str, rows: Sequence[Thing]) -> None:
        """Compare the account with that of a document, where there is one and it says so."""
        role = self.settings.account_role
        if role is AccountRole.OPERATIONS:
            return
        for thing in rows:
            owner = thing.get("client" if role is AccountRole.CLIENT else "vendor")
            theirs = owner.get("id") if isinstance(owner, dict) else None
            if isinstance(theirs, str) and theirs != account:
                raise ActionRequired(
                    f"the API token is that of account {theirs}, but the setting `account_id` "
                    f"says {account}",
                    code="wrong_account",
                    cause=Cause(
                        "wrong_organisation", "account", {"theirs": theirs, "ours": account}
                    ),
                )

    # Reading.

    def _pages(self, kind: ObjectType, cursor: str | None, period: Period | None) -> Iterator[Page]:
        rows, conditions, select = self._source_of(kind)
        start = cursor if period is None else None
        for batch in batches(rows, conditions, select=select, cursor=start):
            page = _Collected(period)
            for thing in batch.things:
                page.put(self._read(kind, rows, thing))
            yield page.page(batch.cursor.text() if period is None else None)

    def _source_of(self, kind: ObjectType) -> tuple[Rows, list[str], tuple[str, ...]]:
        """Where a type is listed, filtered by whose it is, and what is to be told besides."""
        settings = self.settings
        conditions = [
            rql.is_in(f"{name}.id", wanted)
            for name, wanted in (
                ("buyer", settings.buyers),
                ("seller", settings.sellers),
                ("client", settings.clients),
            )
            if wanted
        ]
        if kind is ObjectType.JOURNAL_ENTRY:
            conditions.append(rql.eq("status", statements.ISSUED))
            return self.billing.statements, conditions, ("audit",)
        if kind is ObjectType.CREDIT_NOTE:
            return self.billing.credit_memos, conditions, ("audit", "lines")
        return self.billing.invoices, conditions, ("audit", "lines")

    def _read(self, kind: ObjectType, rows: Rows, thing: Thing) -> mapping.Read | None:
        try:
            if kind is ObjectType.JOURNAL_ENTRY:
                charges = self._charges(thing)
                return statements.entry(thing, self.settings, charges, portal=self._portal)
            if isinstance(rows, Invoices | CreditMemos) and self._lacks_lines(thing):
                thing = {**thing, "lines": rows.lines(str(thing["id"])).all()}
        except (Rejected, ProtocolError) as error:
            reason = f"the marketplace lists it, but does not give all of it: {error.message}"
            return BadRecord(str(thing.get("id") or "?"), reason)
        return mapping.document(kind, thing, self.settings, portal=self._portal)

    def _charges(self, thing: Thing) -> Iterator[Thing]:
        """A statement's charges, asked for when the first one is wanted."""
        if self.settings.statement_lines is StatementLines.CHARGES:
            yield from self.billing.statements.charges(str(thing["id"])).records()

    def _lacks_lines(self, thing: Thing) -> bool:
        """Whether a list left a document of ours without its lines: then they are asked for."""
        if thing.get("lines") or not thing.get("id"):
            return False
        try:
            return mapping.owner_elsewhere(Owned.model_validate(thing), self.settings) is None
        except ValueError:
            return False


@dataclass
class _Collected:
    """What becomes of the rows of a page."""

    period: Period | None
    records: list[PulledRecord] = field(default_factory=list)
    along: dict[str, PulledRecord] = field(default_factory=dict)
    bad: list[BadRecord] = field(default_factory=list)
    elsewhere: list[Elsewhere] = field(default_factory=list)

    def put(self, read: mapping.Read | None) -> None:
        """Add one row."""
        match read:
            case mapping.Mapped(record, contact):
                if _is_within(record, self.period):
                    self.records.append(record)
                    if contact is not None:
                        self.along[contact.platform_id] = contact
            case Elsewhere():
                self.elsewhere.append(read)
            case BadRecord():
                self.bad.append(read)

    def page(self, cursor: str | None) -> Page:
        """The whole page."""
        return Page(self.records, self.bad, list(self.along.values()), self.elsewhere, cursor)


def _kind_of(*, can_invoices: bool, can_journals: bool) -> AccountRole | None:
    """The kind of account that sees these lists."""
    if can_invoices:
        return AccountRole.OPERATIONS if can_journals else AccountRole.CLIENT
    return AccountRole.VENDOR if can_journals else None


def _article(role: AccountRole) -> str:
    return f"an {role.value}" if role is AccountRole.OPERATIONS else f"a {role.value}"


def _is_within(pulled: PulledRecord, period: Period | None) -> bool:
    if period is None:
        return True
    match pulled.record:
        case BillingDocument() as document:
            return period.holds(document.issue_date)
        case JournalEntry() as entry:
            return period.holds(entry.date)
    return False


if TYPE_CHECKING:
    _: type[Connector] = SoftwareOne
