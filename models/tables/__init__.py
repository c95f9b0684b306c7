"""The database tables; `models.repositories` is the only reader and writer."""

from models.tables.access import (
    ApiClientRow,
    ClientKind,
    ConnectionEntityRow,
    IdempotencyKeyRow,
)
from models.tables.base import Base
from models.tables.connection import (
    AuditRow,
    AuthorizationRow,
    ConnectionRole,
    ConnectionRow,
    ConnectionStatus,
    ConsentRow,
    CursorRow,
    IssueRow,
    MappingKind,
    MappingRow,
    ProviderUseRow,
)
from models.tables.document import DocumentRow, MovedDocumentRow
from models.tables.person import SessionRow, UserRole, UserRow
from models.tables.sync_run import MetObjectsRow, RunStatus, SyncRunRow, Trigger
from models.tables.synced_record import AttemptRow, SyncedRecordRow
from models.tables.tenant import BillingEntityRow, OrganisationRow
from models.tables.upload import UploadPartRow, UploadRow, UploadStatus
from models.tables.webhook import (
    DeliveryStatus,
    EndpointStatus,
    EventRow,
    WebhookDeliveryRow,
    WebhookEndpointRow,
)

__all__ = [
    "ApiClientRow",
    "AttemptRow",
    "AuditRow",
    "AuthorizationRow",
    "Base",
    "BillingEntityRow",
    "ClientKind",
    "ConnectionEntityRow",
    "ConnectionRole",
    "ConnectionRow",
    "ConnectionStatus",
    "ConsentRow",
    "CursorRow",
    "DeliveryStatus",
    "DocumentRow",
    "EndpointStatus",
    "EventRow",
    "IdempotencyKeyRow",
    "IssueRow",
    "MappingKind",
    "MappingRow",
    "MetObjectsRow",
    "MovedDocumentRow",
    "OrganisationRow",
    "ProviderUseRow",
    "RunStatus",
    "SessionRow",
    "SyncRunRow",
    "SyncedRecordRow",
    "Trigger",
    "UploadPartRow",
    "UploadRow",
    "UploadStatus",
    "UserRole",
    "UserRow",
    "WebhookDeliveryRow",
    "WebhookEndpointRow",
]
