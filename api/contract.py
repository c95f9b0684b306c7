"""The accounting contract's names, enumerations and shapes, and what of ours they stand for.

The shapes are Monite's, API version 2024-05-25; fields beyond them are marked as ours. Its SDKs
keep unknown fields and do not check words of enumerations, but they insist on some that must be
there and must not be null: those have no `None` here. Amounts of payables, receivables and their
lines are JSON numbers there, so they leave as floats, made last of all from decimals; nothing is
computed with them, and `/v1/documents` has them exactly.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field, field_serializer

from api.pagination import Tokens
from models.canonical import BillingDocument, Line, ObjectType
from models.canonical import LedgerAccount as CanonicalAccount
from models.canonical import TaxRate as CanonicalRate
from models.canonical.money import CURRENCY_DIGITS, plain
from models.repositories import PulledRow, RecordKind, RecordLine
from models.status import SyncStatus, public_status
from models.tables import ConnectionRow, ConnectionStatus, IssueRow
from sync.ledger_view import Shown

CONNECTIONS = "/accounting_connections"
SYNCED_RECORDS = "/accounting_synced_records"
TAX_RATES = "/accounting_tax_rates"
LEDGER_ACCOUNTS = "/ledger_accounts"
ACCOUNTING = "/accounting"

PLATFORMS: Mapping[str, str] = {
    "quickbooks_online": "quickbooks",
    "quickbooks_online_sandbox": "quickbooks",
}
"""The contract's names of platforms, where our connector has another."""


class ContractType(StrEnum):
    """Types of objects in the contract."""

    PRODUCT = "product"
    CUSTOMER = "customer"
    VENDOR = "vendor"
    RECEIVABLE = "receivable"
    BILL = "bill"
    PAYMENT_RECORD = "payment_record"


_CUSTOMER, _SUPPLIER = "customer", "supplier"

KINDS: Mapping[ContractType, Sequence[RecordKind]] = {
    ContractType.PRODUCT: [RecordKind(ObjectType.ITEM)],
    ContractType.CUSTOMER: [RecordKind(ObjectType.CONTACT, _CUSTOMER)],
    ContractType.VENDOR: [RecordKind(ObjectType.CONTACT, _SUPPLIER)],
    ContractType.RECEIVABLE: [
        RecordKind(ObjectType.INVOICE),
        RecordKind(ObjectType.CREDIT_NOTE, _CUSTOMER),
    ],
    ContractType.BILL: [
        RecordKind(ObjectType.BILL),
        RecordKind(ObjectType.CREDIT_NOTE, _SUPPLIER),
    ],
    ContractType.PAYMENT_RECORD: [RecordKind(ObjectType.PAYMENT)],
}
"""What each type stands for. A contact that is customer and supplier is shown once, by its first
role: as a customer."""

JOURNAL_ENTRY = "journal_entry"
"""Ours: a type that the contract does not have; shown where no type is asked for."""

ALL_KINDS: Sequence[RecordKind] = [
    RecordKind(kind)
    for kind in (
        ObjectType.ITEM,
        ObjectType.CONTACT,
        ObjectType.INVOICE,
        ObjectType.BILL,
        ObjectType.CREDIT_NOTE,
        ObjectType.PAYMENT,
        ObjectType.JOURNAL_ENTRY,
    )
]


def object_type_of(kind: ObjectType, of: str | None) -> str:
    """The contract's type for one of ours, and for its first role or its side."""
    for name, kinds in KINDS.items():
        if RecordKind(kind, of) in kinds:
            return name.value
    return JOURNAL_ENTRY


class WireStatus(StrEnum):
    """The three states of a synced record in the contract."""

    PENDING = "pending"
    ERROR = "error"
    DONE = "done"


class WireConnectionStatus(StrEnum):
    """The states of a connection in the contract."""

    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    DEAUTHORIZED = "deauthorized"
    PENDING_AUTH = "pending_auth"


_CONNECTION_STATUS = {
    ConnectionStatus.PENDING_AUTH: WireConnectionStatus.PENDING_AUTH,
    ConnectionStatus.CONNECTED: WireConnectionStatus.CONNECTED,
    ConnectionStatus.DEAUTHORIZED: WireConnectionStatus.DEAUTHORIZED,
    # Access is still granted; `state` says the rest.
    ConnectionStatus.PAUSED: WireConnectionStatus.CONNECTED,
    ConnectionStatus.DISCONNECTED: WireConnectionStatus.DISCONNECTED,
}


class BusinessInfo(BaseModel):
    """Whose books they are, as the platform says."""

    name: str | None = None
    legal_name: str | None = None
    email: str | None = None
    type: str | None = None
    base_currency: str | None = None


class ConnectionProblem(BaseModel):
    """Something that is wrong with a connection."""

    message: str
    code: str = Field(description="Ours.")
    next_step: str = Field(description="Ours.")
    issue_id: UUID = Field(description="Ours.")


class Connection(BaseModel):
    """An entity's link to an accounting system."""

    id: UUID
    created_at: datetime
    updated_at: datetime
    connection_url: str = Field(
        description="Where an entity user grants access; empty where there is nothing to grant."
    )
    business_info: BusinessInfo | None
    errors: list[ConnectionProblem]
    last_pull: datetime | None
    platform: str
    status: WireConnectionStatus
    state: ConnectionStatus = Field(description="Ours: tells a paused connection apart.")
    posting_from: date | None = Field(description="Ours: nothing dated before it is posted.")
    next_sync_at: datetime = Field(description="Ours.")

    @classmethod
    def of(cls, row: ConnectionRow, url: str, issues: Sequence[IssueRow]) -> "Connection":
        """From our row."""
        name = row.platform_organisation_name
        return cls(
            id=row.id,
            created_at=row.created_at,
            updated_at=row.updated_at,
            connection_url=url,
            business_info=BusinessInfo(name=name, legal_name=name) if name else None,
            errors=[
                ConnectionProblem(
                    message=issue.sentence,
                    code=issue.code,
                    next_step=issue.next_step,
                    issue_id=issue.id,
                )
                for issue in issues
            ],
            last_pull=row.last_pull_at,
            platform=row.provider,
            status=_CONNECTION_STATUS[row.status],
            state=row.status,
            posting_from=row.posting_from,
            next_sync_at=row.next_sync_at,
        )


class ConnectionList(BaseModel):
    """All connections that are not disconnected."""

    data: list[Connection]


class NewConnection(BaseModel):
    """What a client may say when it makes a connection; it may say nothing."""

    model_config = {"extra": "forbid"}

    platform: str | None = Field(default=None, min_length=1, max_length=100)


class SyncStarted(BaseModel):
    """A sync goes on in the background."""

    message: str
    run_id: UUID = Field(description="Ours: the run that was queued, or that goes on already.")


class RecordErrors(BaseModel):
    """Why a record stands still; all fields are missing where it does not."""

    message: str | None = None
    code: str | None = None
    next_step: str | None = None
    actor: str | None = Field(default=None, description="Who acts.")
    provider_message: str | None = None
    issue_id: UUID | None = None


class SyncedRecord(BaseModel):
    """Where one object stands between us and the accounting system."""

    id: UUID
    created_at: datetime
    updated_at: datetime
    object_type: str
    object_id: UUID
    object_updated_at: datetime
    platform: str
    platform_object_id: str | None
    platform_updated_at: datetime | None = None
    provider: str | None = None
    provider_object_id: str | None = None
    provider_updated_at: datetime | None = None
    last_pulled_at: datetime = Field(
        description="When the ledger's side was last known; of a record that was only pushed so "
        "far, when it was pushed, else made."
    )
    errors: RecordErrors = Field(description="`{}` unless the status is `error`.")
    sync_status: WireStatus
    status: SyncStatus = Field(description="Ours: the fine status.")
    attempts: int = Field(description="Ours: sends since the content last changed.")
    next_attempt_at: datetime = Field(description="Ours.")
    error_code: str | None = Field(description="Ours: why it stands where it stands.")
    sentence: str | None = Field(description="Ours: the same in words.")
    next_step: str | None = Field(description="Ours: what removes the cause.")
    issue_id: UUID | None = Field(description="Ours: the cause, with all that wait for it.")
    connection_id: UUID = Field(description="Ours.")
    external_id: str = Field(description="Ours: the id that the object's owner gave it.")
    number: str | None = Field(description="Ours.")
    last_pushed_at: datetime | None = Field(description="Ours.")
    url: str | None = Field(description="Ours: where a person finds it in the ledger.")

    @field_serializer("errors")
    def _only_what_is_known(self, errors: RecordErrors) -> dict[str, str]:
        held: dict[str, str] = errors.model_dump(mode="json", exclude_none=True)
        return held

    @classmethod
    def of(cls, line: RecordLine) -> "SyncedRecord":
        """From our row."""
        status = WireStatus(
            public_status(line.status, blocked_by=line.blocked_by, issue_id=line.issue_id)
        )
        sentence = line.sentence or line.reason
        errors = RecordErrors()
        if status is WireStatus.ERROR:
            errors = RecordErrors(
                message=sentence or "The accounting system refused it.",
                code=line.reason_code,
                next_step=line.next_step,
                actor=line.actor,
                provider_message=line.provider_message,
                issue_id=line.issue_id,
            )
        return cls(
            id=line.id,
            created_at=line.created_at,
            updated_at=line.updated_at,
            object_type=object_type_of(line.type, line.of),
            object_id=line.object_id,
            object_updated_at=line.object_updated_at,
            platform=line.provider,
            platform_object_id=line.platform_object_id,
            last_pulled_at=line.last_pulled_at or line.last_pushed_at or line.created_at,
            errors=errors,
            sync_status=status,
            status=line.status,
            attempts=line.attempts,
            next_attempt_at=line.next_attempt_at,
            error_code=line.reason_code,
            sentence=sentence,
            next_step=line.next_step,
            issue_id=line.issue_id,
            connection_id=line.connection_id,
            external_id=line.external_id,
            number=line.number,
            last_pushed_at=line.last_pushed_at,
            url=line.url,
        )


class SyncedRecordList(Tokens):
    """A page of synced records."""

    data: list[SyncedRecord]


def hundredths(percent: Decimal) -> int:
    """A percentage in hundredths of a percent, rounded half up: all that the contract can say."""
    return int((percent * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))


class TaxComponent(BaseModel):
    """A part of a tax rate."""

    name: str
    rate: int = Field(description="Hundredths of a percent.")
    is_compound: bool
    exact_rate: str = Field(description="Ours: percent, as a decimal.")


class TaxRate(BaseModel):
    """A tax rate of the accounting system."""

    id: UUID
    code: str | None
    name: str
    status: str
    effective_tax_rate: int = Field(description="Hundredths of a percent, rounded half up.")
    total_tax_rate: int = Field(description="The components added up, in the same unit.")
    components: list[TaxComponent]
    exact_rate: str = Field(description="Ours: percent in effect, as a decimal.")
    platform_object_id: str = Field(description="Ours.")

    @classmethod
    def of(cls, row: PulledRow) -> "TaxRate":
        """From what was pulled."""
        rate = row.record
        assert isinstance(rate, CanonicalRate)  # noqa: S101  # read by its type
        total = sum((part.rate for part in rate.components), Decimal(0))
        return cls(
            id=row.id,
            code=rate.code,
            name=rate.name,
            status=_archived(active=rate.active),
            effective_tax_rate=hundredths(rate.rate),
            total_tax_rate=hundredths(total if rate.components else rate.rate),
            components=[
                TaxComponent(
                    name=part.name,
                    rate=hundredths(part.rate),
                    is_compound=part.compound,
                    exact_rate=plain(part.rate),
                )
                for part in rate.components
            ],
            exact_rate=plain(rate.rate),
            platform_object_id=rate.id,
        )


class TaxRateList(Tokens):
    """A page of tax rates."""

    data: list[TaxRate]


def _archived(*, active: bool) -> str:
    return "Active" if active else "Archived"


class AccountType(StrEnum):
    """Classes of ledger accounts in the contract."""

    ASSET = "Asset"
    EQUITY = "Equity"
    EXPENSE = "Expense"
    INCOME = "Income"
    LIABILITY = "Liability"
    UNKNOWN = "Unknown"


_ACCOUNT_TYPES = {
    **{kind.value.lower(): kind for kind in AccountType},
    "revenue": AccountType.INCOME,
}


class LedgerAccount(BaseModel):
    """An account of the chart of accounts."""

    id: UUID
    name: str
    type: AccountType
    status: str
    is_bank_account: bool
    subtype: str | None
    nominal_code: str | None
    description: str | None = None
    currency: str | None
    current_balance: int | None = Field(description="In the currency's smallest unit.")
    exact_balance: str | None = Field(description="Ours: in major units, as a decimal.")
    platform_object_id: str = Field(description="Ours.")

    @classmethod
    def of(cls, row: PulledRow) -> "LedgerAccount":
        """From what was pulled."""
        account = row.record
        assert isinstance(account, CanonicalAccount)  # noqa: S101  # read by its type
        digits = CURRENCY_DIGITS.get(account.currency or "", 2)
        minor = None
        if row.balance is not None:
            minor = int(row.balance.scaleb(digits).quantize(Decimal(1), rounding=ROUND_HALF_UP))
        return cls(
            id=row.id,
            name=account.name,
            type=_ACCOUNT_TYPES.get(account.classification.lower(), AccountType.UNKNOWN),
            status=_archived(active=account.active),
            is_bank_account=account.is_bank_account,
            subtype=account.subtype,
            nominal_code=account.code,
            currency=account.currency,
            current_balance=minor,
            exact_balance=None if row.balance is None else plain(row.balance),
            platform_object_id=account.id,
        )


class LedgerAccountList(Tokens):
    """A page of ledger accounts."""

    data: list[LedgerAccount]


class DocumentState(StrEnum):
    """States of a bill in the contract."""

    OPEN = "open"
    DRAFT = "draft"
    PARTIALLY_PAID = "partially_paid"
    PAID = "paid"
    VOID = "void"
    UNKNOWN = "unknown"


class Ref(BaseModel):
    """Something of the accounting system, by its id there."""

    id: str


class VendorRef(Ref):
    """A supplier."""

    name: str | None


class CustomerRef(Ref):
    """A customer."""

    company_name: str | None


class LineItem(BaseModel):
    """A line of a document."""

    description: str | None
    quantity: float | None
    unit_amount: float | None
    discount_amount: float | None
    discount_percentage: float | None
    ledger_account_id: str | None
    tax_rate_ref: Ref | None


class LedgerDocument(BaseModel):
    """What bills and invoices share. Amounts are in major units."""

    id: str
    status: DocumentState
    total_amount: float
    subtotal: float | None
    tax_amount: float | None
    amount_due: float | None
    currency: str | None
    currency_rate: float | None
    invoice_number: str | None
    memo: str | None
    due_date: date | None
    posted_date: date | None
    lines: list[LineItem]
    object_id: UUID = Field(description="Ours: the document on our side.")


class Payable(LedgerDocument):
    """A bill of the accounting system."""

    vendor_ref: VendorRef | None
    purchase_order_refs: list[VendorRef] | None = None

    @classmethod
    def of(cls, shown: Shown) -> "Payable":
        """From what was pulled."""
        contact = shown.contact
        ref = None
        if contact is not None and contact.platform_id is not None:
            ref = VendorRef(id=contact.platform_id, name=contact.name or None)
        return cls(vendor_ref=ref, **_common(shown))


class PayableList(BaseModel):
    """Some bills."""

    data: list[Payable]


class Receivable(LedgerDocument):
    """An invoice of the accounting system; what it shares with bills is ours."""

    customer_ref: CustomerRef | None
    pass_through: dict[str, str] | None = None

    @classmethod
    def of(cls, shown: Shown) -> "Receivable":
        """From what was pulled."""
        contact = shown.contact
        ref = None
        if contact is not None and contact.platform_id is not None:
            ref = CustomerRef(id=contact.platform_id, company_name=contact.name or None)
        return cls(customer_ref=ref, **_common(shown))


class ReceivableList(BaseModel):
    """Some invoices."""

    data: list[Receivable]


_STATES = {state.value: state for state in DocumentState}


def _common(shown: Shown) -> dict[str, object]:
    document: BillingDocument = shown.document
    found = shown.found
    return {
        "id": found.platform_id,
        "status": _STATES.get(found.status or "", DocumentState.UNKNOWN),
        "total_amount": float(document.total),
        "subtotal": float(document.net_total),
        "tax_amount": float(document.tax_total),
        "amount_due": None if found.balance is None else float(found.balance),
        "currency": document.currency,
        "currency_rate": _number(document.currency_rate),
        "invoice_number": found.ledger.get("number") or document.number,
        "memo": document.note,
        "due_date": document.due_date,
        "posted_date": document.issue_date,
        "lines": [_line(one.line, one.account_id, one.rate_id) for one in shown.lines],
        "object_id": found.object_id,
    }


def _line(line: Line, account_id: UUID | None, rate_id: str | None) -> LineItem:
    discounts = [part for part in line.allowances_charges if part.kind == "allowance"]
    percents = {part.percent for part in discounts if part.percent is not None}
    price = line.unit_price / (line.price_base_quantity or Decimal(1))
    return LineItem(
        description=line.description,
        quantity=float(line.quantity),
        unit_amount=float(price),
        discount_amount=float(sum(part.amount for part in discounts)) if discounts else None,
        discount_percentage=_number(percents.pop()) if len(percents) == 1 else None,
        ledger_account_id=str(account_id) if account_id else None,
        tax_rate_ref=Ref(id=rate_id) if rate_id else None,
    )


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


class Strict(BaseModel):
    """Refuses what it does not know."""

    model_config = {"extra": "forbid"}


class LedgerAccountIds(Strict):
    """Accounts for what names none."""

    payments: UUID | None = None
    products: UUID | None = None


class TaxIds(Strict):
    """Rates for what names none."""

    deductions: UUID | None = None


class AccountingSettings(Strict):
    """What steers pushes of an entity."""

    ledger_account_ids: LedgerAccountIds | None = None
    tax_ids: TaxIds | None = None


class SettingsChange(Strict):
    """The settings to change; those that are not named stay."""

    accounting: AccountingSettings | None = None


class Settings(BaseModel):
    """An entity's settings: the part about accounting."""

    accounting: AccountingSettings


PlatformId = Annotated[str, Field(min_length=1, max_length=255, pattern="^[^\\x00]+$")]
"""An id in the accounting system: a free string."""
