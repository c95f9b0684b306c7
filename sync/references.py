"""Translating a record from its owner's ids into the ledger's: pure, given what is known.

Stops at the first reference that cannot be translated: either its object is not in the ledger
*yet* (a parent to wait for), or it has no counterpart there (a cause that a person removes).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from connectors.errors import Cause
from models.canonical import (
    Allocation,
    AllowanceCharge,
    AnyRecord,
    Bill,
    BillingDocument,
    CreditNote,
    Item,
    JournalEntry,
    JournalLine,
    LedgerAccount,
    Line,
    ObjectType,
    Payment,
    Side,
    TaxRate,
    TaxSubtotal,
    TaxUse,
)
from models.repositories import References
from models.status import SyncStatus
from models.tables import MappingKind
from sync.tax_rates import UnmatchedError, match_rate


class WaitsForParentError(Exception):
    """An object that the record names must be in the ledger first."""

    def __init__(self, kind: ObjectType, parent: References) -> None:
        super().__init__(f"waits for {kind.words} {parent.external_id}")
        self.kind = kind
        self.parent = parent


@dataclass(frozen=True)
class Books:
    """What is known of a ledger's reference data and of what people mapped to it."""

    mappings: Mapping[tuple[MappingKind, str], str] = field(default_factory=dict)
    rates: Sequence[TaxRate] = ()
    accounts: Sequence[LedgerAccount] = ()
    defaults: Mapping[str, str] = field(default_factory=dict)
    """Account codes for lines that name none, by purpose: `sales`, `purchases`, `payments`."""
    takes_items: bool = False
    deduction_rate: str | None = None
    """The ledger's rate for all allowances on whole documents, where a person named one."""

    def __post_init__(self) -> None:
        by_code = {account.code: account.id for account in self.accounts if account.code}
        by_id = {account.id: account.id for account in self.accounts}
        object.__setattr__(self, "_accounts", by_id | by_code)
        rates = {ours: to for (kind, ours), to in self.mappings.items() if kind == "tax_rate"}
        object.__setattr__(self, "_rates_mapped", rates)

    def account(self, code: str | None, purpose: str) -> str:
        """The ledger's account for a code of ours, or for a purpose when none is named."""
        accounts: dict[str, str] = self._accounts  # type: ignore[attr-defined]  # post_init
        ours = code or self.defaults.get(purpose) or purpose
        mapped = self.mappings.get((MappingKind.ACCOUNT, ours))
        if mapped is not None:
            return mapped
        if ours in accounts:
            return accounts[ours]
        if ours == purpose:
            words = {"purpose": purpose, "ours": purpose}
            raise UnmatchedError(Cause("account_not_named", purpose, words))
        raise UnmatchedError(Cause("account_unmapped", ours, {"account": ours}))

    def rate(self, rate_id: str | None, percent: Decimal | None, use: TaxUse) -> str | None:
        """The ledger's tax rate for a line; None for a line without tax."""
        if rate_id is None and percent is None:
            return None
        mapped: dict[str, str] = self._rates_mapped  # type: ignore[attr-defined]  # post_init
        return match_rate(
            rate_id=rate_id, percent=percent, use=use, mapped=mapped, rates=self.rates
        )


Known = Mapping[tuple[ObjectType, str], References]
"""Where the objects that a batch names stand in the ledger: (type, owner's id) → standing."""


def named_by(record: AnyRecord) -> set[tuple[ObjectType, str]]:
    """The objects that a record refers to and that must be in the ledger before it."""
    names: set[tuple[ObjectType, str]] = set()
    match record:
        case BillingDocument():
            names.add((ObjectType.CONTACT, record.contact_id))
            names |= {(ObjectType.ITEM, line.item_id) for line in record.lines if line.item_id}
        case Payment():
            if record.contact_id:
                names.add((ObjectType.CONTACT, record.contact_id))
            names |= {
                (ObjectType(part.document_type), part.document_id) for part in record.allocations
            }
        case JournalEntry():
            names |= {
                (ObjectType.CONTACT, line.contact_id) for line in record.lines if line.contact_id
            }
    return names


def translated(record: AnyRecord, books: Books, known: Known) -> AnyRecord:
    """The record in the ledger's ids.

    Raises:
        WaitsForParentError: A named object is not in the ledger yet.
        UnmatchedError: Something named has no counterpart.
    """
    match record:
        case BillingDocument():
            return _document(record, books, known)
        case Payment():
            return record.model_copy(
                update={
                    "contact_id": _contact(record.contact_id, books, known),
                    "account_id": books.account(record.account_id, "payments"),
                    "allocations": tuple(_allocation(part, known) for part in record.allocations),
                }
            )
        case JournalEntry():
            return record.model_copy(
                update={"lines": tuple(_entry_line(line, books, known) for line in record.lines)}
            )
        case Item():
            sales, purchases = record.sales_account_id, record.purchase_account_id
            return record.model_copy(
                update={
                    "sales_account_id": books.account(sales, "sales") if sales else None,
                    "purchase_account_id": (
                        books.account(purchases, "purchases") if purchases else None
                    ),
                }
            )
        case _:
            return record


def _document(record: BillingDocument, books: Books, known: Known) -> AnyRecord:
    bought = isinstance(record, Bill) or (
        isinstance(record, CreditNote) and record.side is Side.SUPPLIER
    )
    use, purpose = (TaxUse.PURCHASES, "purchases") if bought else (TaxUse.SALES, "sales")

    def line(part: Line) -> Line:
        return part.model_copy(
            update={
                "account_id": books.account(part.account_id, purpose),
                "tax_rate_id": books.rate(part.tax_rate_id, part.tax_rate, use),
                "item_id": (
                    _named(ObjectType.ITEM, part.item_id, known)
                    if part.item_id and books.takes_items
                    else None
                ),
            }
        )

    def allowance_charge(part: AllowanceCharge) -> AllowanceCharge:
        named = books.deduction_rate if part.kind == "allowance" else None
        return part.model_copy(
            update={
                "account_id": books.account(part.account_id, purpose),
                "tax_rate_id": named or books.rate(part.tax_rate_id, part.tax_rate, use),
            }
        )

    lines = tuple(line(part) for part in record.lines)
    # A breakdown names percentages; the lines of that percentage say which rate is meant.
    by_percent = {part.tax_rate: part.tax_rate_id for part in lines if part.tax_rate is not None}

    def subtotal(part: TaxSubtotal) -> TaxSubtotal:
        rate_id = None if part.tax_rate_id else by_percent.get(part.rate)
        return part.model_copy(
            update={"tax_rate_id": rate_id or books.rate(part.tax_rate_id, part.rate, use)}
        )

    return record.model_copy(  # type: ignore[return-value]  # a copy is of the same class
        update={
            "contact_id": _contact(record.contact_id, books, known),
            "lines": lines,
            "allowances_charges": tuple(map(allowance_charge, record.allowances_charges)),
            "tax_breakdown": tuple(subtotal(part) for part in record.tax_breakdown),
        }
    )


def _entry_line(line: JournalLine, books: Books, known: Known) -> JournalLine:
    return line.model_copy(
        update={
            "account_id": books.account(line.account_id, "entries"),
            "contact_id": _contact(line.contact_id, books, known),
            "tax_rate_id": (
                books.rate(line.tax_rate_id, line.tax_rate, TaxUse.BOTH)
                if line.tax_rate_id
                else None
            ),
        }
    )


def _allocation(part: Allocation, known: Known) -> Allocation:
    document_id = _named(ObjectType(part.document_type), part.document_id, known)
    return part.model_copy(update={"document_id": document_id})


def _contact(contact_id: str | None, books: Books, known: Known) -> str | None:
    if contact_id is None:
        return None
    mapped = books.mappings.get((MappingKind.CONTACT, contact_id))
    return mapped or _named(ObjectType.CONTACT, contact_id, known)


def _named(kind: ObjectType, external_id: str, known: Known) -> str:
    standing = known.get((kind, external_id))
    words = {"contact": external_id, "document": f"{kind.words} {external_id}"}
    subject = f"{kind.value} {external_id}"
    if standing is None or standing.record_id is None:
        code = "contact_unknown" if kind is ObjectType.CONTACT else "document_unknown"
        raise UnmatchedError(Cause(code, subject, words))
    if standing.platform_id is not None and standing.complete:
        return standing.platform_id
    if standing.status is SyncStatus.SKIPPED:
        raise UnmatchedError(Cause("parent_skipped", subject, words))
    raise WaitsForParentError(kind, standing)


def parent_of(error: WaitsForParentError) -> UUID:
    """The synced record that must be done first."""
    assert error.parent.record_id is not None  # noqa: S101  # checked where it is raised
    return error.parent.record_id
