"""One transaction, its repositories, and what runs once others can see its rows.

Nobody outside `begin` commits. No transaction may be open while a provider is called.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from sqlalchemy.orm import Session, sessionmaker

from models.repositories import (
    Access,
    Attempts,
    AuditLog,
    Authorizations,
    Connections,
    Consents,
    Console,
    Contract,
    Cursors,
    Documents,
    HandedIn,
    Idempotency,
    Issues,
    Lookup,
    Mappings,
    Metrics,
    Operations,
    Pairing,
    People,
    Preflight,
    Pulled,
    Reconciling,
    RecordQueue,
    Retention,
    Runs,
    Sources,
    SyncedRecords,
    SyncLog,
    Tenants,
    Uploads,
    Waiting,
    Webhooks,
)


class UnitOfWork:
    """One transaction."""

    def __init__(self, session: Session) -> None:
        self.access = Access(session)
        self.attempts = Attempts(session)
        self.audit = AuditLog(session)
        self.authorizations = Authorizations(session)
        self.connections = Connections(session)
        self.contract = Contract(session)
        self.consents = Consents(session)
        self.console = Console(session)
        self.cursors = Cursors(session)
        self.documents = Documents(session)
        self.handed_in = HandedIn(session)
        self.idempotency = Idempotency(session)
        self.issues = Issues(session)
        self.log = SyncLog(session)
        self.lookup = Lookup(session)
        self.mappings = Mappings(session)
        self.metrics = Metrics(session)
        self.operations = Operations(session)
        self.pairing = Pairing(session)
        self.people = People(session)
        self.preflight = Preflight(session)
        self.pulled = Pulled(session)
        self.queue = RecordQueue(session)
        self.reconciling = Reconciling(session)
        self.records = SyncedRecords(session)
        self.retention = Retention(session)
        self.runs = Runs(session)
        self.sources = Sources(session)
        self.tenants = Tenants(session)
        self.uploads = Uploads(session)
        self.waiting = Waiting(session)
        self.webhooks = Webhooks(session)
        self._after_commit: list[Callable[[], object]] = []

    def after_commit(self, action: Callable[[], object]) -> None:
        """Run `action` once the rows are visible to others, e.g. to publish a hint."""
        self._after_commit.append(action)


Begin = Callable[[], AbstractContextManager[UnitOfWork]]
"""Opens a transaction that commits at the end of its `with` block, or rolls back on an error."""


def begin_with(sessions: sessionmaker[Session]) -> Begin:
    """Make the opener of transactions for a session factory."""

    @contextmanager
    def begin() -> Iterator[UnitOfWork]:
        with sessions.begin() as session:
            work = UnitOfWork(session)
            yield work
        for action in work._after_commit:  # noqa: SLF001  # this is the unit of work's own opener
            action()

    return begin
