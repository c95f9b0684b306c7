"""What a cause asks a person to map, and which things of the ledger are likely to be meant.

Suggestions are put in order, never chosen: whoever knows the books does that.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from uuid import UUID

from models.canonical import LedgerAccount, ObjectType, TaxRate
from models.canonical.money import plain
from models.tables import MappingKind
from models.unit_of_work import UnitOfWork

# The command that `sync.catalogue` writes into a next step; what is said on a terminal is the same
# thing that is done here.
_ASKED = re.compile(
    r"`ledgerbridge map (tax-rate|account|contact) --connection \S+ (.+?) "
    r"(?:RATE|ACCOUNT|CONTACT)_IN_LEDGER`"
)
_LIKELY = 4
"""So many suggestions stand before the rest."""
_CLASSES = {"sales": {"income", "revenue"}, "purchases": {"expense"}, "payments": {"asset"}}
"""What kind of account is meant where a document names none: by our word for its purpose."""


@dataclass(frozen=True)
class Asked:
    """What is to be mapped."""

    kind: MappingKind
    ours: str


@dataclass(frozen=True)
class Choice:
    """Something of the ledger that it can be mapped to."""

    id: str
    label: str
    likely: bool


def asked_of(next_step: str) -> Asked | None:
    """What the next step of a cause asks to map, if anything."""
    found = _ASKED.search(next_step)
    if found is None:
        return None
    return Asked(MappingKind(found[1].replace("-", "_")), found[2])


def choices(work: UnitOfWork, connection_id: UUID, asked: Asked) -> list[Choice]:
    """What the ledger has, the likely ones first; none for contacts, which may be very many."""
    if asked.kind is MappingKind.TAX_RATE:
        found = work.documents.reference_data(connection_id, ObjectType.TAX_RATE)
        return _rates(asked.ours, [rate for rate in found if isinstance(rate, TaxRate)])
    if asked.kind is MappingKind.ACCOUNT:
        found = work.documents.reference_data(connection_id, ObjectType.LEDGER_ACCOUNT)
        return _accounts(asked.ours, [one for one in found if isinstance(one, LedgerAccount)])
    return []


def _rates(ours: str, rates: Sequence[TaxRate]) -> list[Choice]:
    """Those with a percentage nearest to ours first."""
    try:
        percent = Decimal(ours)
    except InvalidOperation:
        percent = None

    def gap(rate: TaxRate) -> Decimal:
        return Decimal(0) if percent is None else abs(rate.rate - percent)

    ordered = sorted((rate for rate in rates if rate.active), key=lambda one: (gap(one), one.name))
    return [
        Choice(rate.id, f"{rate.name} ({plain(rate.rate)} %)", percent is not None and at < _LIKELY)
        for at, rate in enumerate(ordered)
    ]


def _accounts(ours: str, accounts: Sequence[LedgerAccount]) -> list[Choice]:
    """Those whose number begins like ours first, then those of the kind that is meant."""
    wanted = _CLASSES.get(ours, set())

    def shared(account: LedgerAccount) -> int:
        code = account.code or account.id
        pairs = zip(code, ours, strict=False)
        return next((at for at, (left, right) in enumerate(pairs) if left != right), len(ours))

    def rank(account: LedgerAccount) -> tuple[int, bool, str]:
        fits = account.classification in wanted or (ours == "payments" and account.is_bank_account)
        return (-shared(account), not fits, account.code or account.name)

    ordered = sorted((one for one in accounts if one.active), key=rank)
    return [
        Choice(
            one.id,
            f"{one.code} {one.name}" if one.code else one.name,
            at < _LIKELY and (shared(one) > 1 or one.classification in wanted),
        )
        for at, one in enumerate(ordered)
    ]
