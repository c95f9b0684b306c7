"""Whether somebody changed in the ledger what we posted, and who wins when both sides did.

Whether *they* changed it is told by what the ledger showed before, not by our document: ours may
have been edited since, and that is no change of theirs.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any

from connectors.base import ConflictPolicy
from models.canonical import (
    AllowanceCharge,
    AnyRecord,
    BillingDocument,
    Contact,
    Item,
    LedgerAccount,
    Line,
    Payment,
    TaxSubtotal,
)
from models.canonical.written import Written
from models.repositories import Known
from models.status import SyncStatus
from sync.compare import Difference, differences

CONTENT = "content"
"""Where the digest is among what the ledger shows."""

_SUMS = ("net_total", "tax_total", "total")
_TEXTS = ("document_date", "currency", "name")
_STATED = (
    "issue_date", "due_date", "currency", "net_total", "tax_total", "total", "line_total",
    "allowance_total", "charge_total", "prepaid_amount", "rounding_amount", "payable_amount",
)  # fmt: skip


class Change(StrEnum):
    """What a new version in the ledger means."""

    NONE = "none"  # nothing that both sides must agree on
    AGREED = "agreed"  # it is what we have
    DRIFT = "drift"  # changed there, not here
    CONFLICT = "conflict"  # changed on both sides
    OURS = "ours"  # changed on both sides; our version will be pushed
    THEIRS = "theirs"  # changed on both sides; their version is taken


# While we are writing it, or before we ever did, nobody else can have changed it.
_COMPARABLE = frozenset(
    {SyncStatus.DONE, SyncStatus.PENDING, SyncStatus.RETRY_WAIT, SyncStatus.BLOCKED}
)


def content_digest(written: Written) -> str:
    """A digest of what people can edit in the ledger, down to the lines; not of what it computes."""
    return written.digest_without({"balance", "status", "reconciled"})[:16]


def changed_there(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether what the ledger shows of an object differs from what it showed before."""
    for name in _TEXTS:
        if name in before and str(before[name]) != str(now.get(name)):
            return True
    for name in _SUMS:
        if name in before and Decimal(str(before[name])) != Decimal(str(now.get(name, 0))):
            return True
    return (before.get("status") == "void") != (now.get("status") == "void")


def judge(
    pair: Known,
    ours: AnyRecord,
    theirs: AnyRecord,
    *,
    shown: Mapping[str, Any],
    policy: ConflictPolicy,
    tolerance: Decimal,
) -> tuple[Change, list[Difference]]:
    """Decide what a new version in the ledger means.

    Args:
        pair: The two sides, with what the ledger showed before.
        ours: Our document.
        theirs: The ledger's.
        shown: What the ledger shows now.
        policy: Who wins when both sides changed.
        tolerance: How far sums may differ because of rounding.
    """
    if pair.status not in _COMPARABLE:
        return Change.NONE, []
    if pair.pushed_hash is None and (pair.status is SyncStatus.DONE or pair.platform_id is None):
        return (
            Change.NONE,
            [],
        )  # otherwise an edit of ours had an unclear end: anybody's may be there
    found = differences(ours, theirs, tolerance=tolerance)
    changed = changed_there(pair.ledger, shown)
    edited = pair.content_hash != pair.pushed_hash
    # Ours is about to go out: it must not bury an account or a text that somebody corrected.
    reworded = edited and pair.ledger.get(CONTENT, shown[CONTENT]) != shown[CONTENT]
    if not found and (changed or not reworded or pair.pushed_hash is None):
        return Change.AGREED, []
    if not edited:
        return (Change.DRIFT, found) if changed else (Change.NONE, [])
    if not changed and not reworded:
        return Change.NONE, []
    wins = {
        ConflictPolicy.ASK: Change.CONFLICT,
        ConflictPolicy.OURS: Change.OURS,
        ConflictPolicy.THEIRS: Change.THEIRS,
    }
    return wins[policy], found


def theirs_in_our_words(
    ours: AnyRecord, theirs: AnyRecord, accounts: Sequence[LedgerAccount]
) -> AnyRecord:
    """Our document with the ledger's content: our id and references, their dates and amounts.

    Accounts are named by their code; tax rates by their percentage.
    """
    codes = {account.id: account.code or account.id for account in accounts}

    def line(part: Line) -> Line:
        account = codes.get(part.account_id or "", part.account_id)
        return part.model_copy(update={"account_id": account, "tax_rate_id": None, "item_id": None})

    def allowance_charge(part: AllowanceCharge) -> AllowanceCharge:
        account = codes.get(part.account_id or "", part.account_id)
        return part.model_copy(update={"account_id": account, "tax_rate_id": None})

    def subtotal(part: TaxSubtotal) -> TaxSubtotal:
        return part.model_copy(update={"tax_rate_id": None})

    if isinstance(ours, BillingDocument) and isinstance(theirs, BillingDocument):
        update: dict[str, Any] = {name: getattr(theirs, name) for name in _STATED}
        update["lines"] = tuple(map(line, theirs.lines))
        update["allowances_charges"] = tuple(map(allowance_charge, theirs.allowances_charges))
        update["tax_breakdown"] = tuple(map(subtotal, theirs.tax_breakdown))
        update["status"] = "void" if theirs.status == "void" else ours.status
        return ours.model_copy(update=update)
    if isinstance(ours, Payment) and isinstance(theirs, Payment):
        return ours.model_copy(
            update={"date": theirs.date, "amount": theirs.amount, "currency": theirs.currency}
        )
    if isinstance(ours, Contact | Item) and isinstance(theirs, Contact | Item):
        return ours.model_copy(update={"name": theirs.name})
    return ours
