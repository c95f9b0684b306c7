"""Every SQL statement of the program, one class per part of the data."""

from models.repositories.access import Access, Rights
from models.repositories.attempts import AttemptOutcome, Attempts
from models.repositories.connections import Connections
from models.repositories.documents import Documents, Party, Stored
from models.repositories.issues import IssueDraft, Issues
from models.repositories.lookup import Lookup
from models.repositories.pairing import Pairing
from models.repositories.pulled import Known, Pulled
from models.repositories.reconciling import OurSide, Reconciling
from models.repositories.record_queue import RecordQueue, marker_of
from models.repositories.runs import Runs
from models.repositories.small import AuditLog, Cursors, Mappings
from models.repositories.sync_log import LogLine, References, SyncLog
from models.repositories.synced_records import (
    Claimed,
    Sending,
    Settlement,
    SyncedRecords,
)
from models.repositories.tenants import Tenants

__all__ = [
    "Access",
    "AttemptOutcome",
    "Attempts",
    "AuditLog",
    "Claimed",
    "Connections",
    "Cursors",
    "Documents",
    "IssueDraft",
    "Issues",
    "Known",
    "LogLine",
    "Lookup",
    "Mappings",
    "OurSide",
    "Pairing",
    "Party",
    "Pulled",
    "Reconciling",
    "RecordQueue",
    "References",
    "Rights",
    "Runs",
    "Sending",
    "Settlement",
    "Stored",
    "SyncLog",
    "SyncedRecords",
    "Tenants",
    "marker_of",
]
