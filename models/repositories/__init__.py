"""Every SQL statement of the program, one class per part of the data."""

from models.repositories.access import Access, Rights
from models.repositories.attempts import AttemptOutcome, Attempts
from models.repositories.authorizing import Authorizations, Consent, Consents, Held
from models.repositories.connections import Connections
from models.repositories.console import CauseLine, ConnectionLine, Console
from models.repositories.contract import (
    ContactName,
    Contract,
    LedgerDocument,
    PulledRow,
    RecordLine,
)
from models.repositories.documents import Documents, Party, Stored
from models.repositories.events import Events
from models.repositories.handed_in import DocumentFilter, DocumentView, HandedIn
from models.repositories.idempotency import Idempotency, Remembered
from models.repositories.issues import IssueDraft, Issues
from models.repositories.lookup import Lookup
from models.repositories.metrics import Figures, Metrics
from models.repositories.operations import LogFilter, Operations, Thing
from models.repositories.pairing import Pairing
from models.repositories.people import People, SignedIn
from models.repositories.place import Place, RecordKind
from models.repositories.preflight import Preflight
from models.repositories.pulled import Known, Pulled
from models.repositories.reconciling import OurSide, Reconciling
from models.repositories.record_queue import RecordQueue, marker_of
from models.repositories.retention import Old, Retention
from models.repositories.runs import Runs
from models.repositories.small import AuditLog, Cursors, Mappings
from models.repositories.sources import InLedger, PostedElsewhere, SourceKnows, Sources
from models.repositories.sync_log import LogLine, References, SyncLog
from models.repositories.synced_records import (
    Claimed,
    Sending,
    Settlement,
    SyncedRecords,
    Unreadable,
)
from models.repositories.tenants import Tenants
from models.repositories.uploads import Uploads
from models.repositories.waiting import Task, TaskEntity, Waiting
from models.repositories.webhooks import Audience, Due, Told, Webhooks

__all__ = [
    "Access",
    "AttemptOutcome",
    "Attempts",
    "Audience",
    "AuditLog",
    "Authorizations",
    "CauseLine",
    "Claimed",
    "ConnectionLine",
    "Connections",
    "Consent",
    "Consents",
    "Console",
    "ContactName",
    "Contract",
    "Cursors",
    "DocumentFilter",
    "DocumentView",
    "Documents",
    "Due",
    "Events",
    "Figures",
    "HandedIn",
    "Held",
    "Idempotency",
    "InLedger",
    "IssueDraft",
    "Issues",
    "Known",
    "LedgerDocument",
    "LogFilter",
    "LogLine",
    "Lookup",
    "Mappings",
    "Metrics",
    "Old",
    "Operations",
    "OurSide",
    "Pairing",
    "Party",
    "People",
    "Place",
    "PostedElsewhere",
    "Preflight",
    "Pulled",
    "PulledRow",
    "Reconciling",
    "RecordKind",
    "RecordLine",
    "RecordQueue",
    "References",
    "Remembered",
    "Retention",
    "Rights",
    "Runs",
    "Sending",
    "Settlement",
    "SignedIn",
    "SourceKnows",
    "Sources",
    "Stored",
    "SyncLog",
    "SyncedRecords",
    "Task",
    "TaskEntity",
    "Tenants",
    "Thing",
    "Told",
    "Unreadable",
    "Uploads",
    "Waiting",
    "Webhooks",
    "marker_of",
]
