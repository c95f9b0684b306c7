"""Our side of a reconciliation: documents with what a ledger is known to have of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from models.canonical import ObjectType
from models.repositories.statement import Repository
from models.status import SyncStatus


@dataclass(frozen=True)
class OurSide:
    """One document of ours (or of the ledger, as we know it), as far as sums go."""

    type: ObjectType
    label: str
    day: date
    currency: str
    total: Decimal
    side: str | None
    refund: bool
    void: bool
    deleted: bool
    record_id: UUID | None
    platform_id: str | None
    status: SyncStatus | None
    reason: str | None
    ledger_day: date | None
    ledger_total: Decimal | None
    changed_there: bool


_SELECT = """
    SELECT d.type, coalesce(d.number, d.external_id) AS name, d.document_date, d.currency, d.total,
           d.body ->> 'side' AS side,
           coalesce((d.body ->> 'refund')::boolean, false) AS refund,
           d.deleted_at IS NOT NULL AS deleted, d.body ->> 'status' = 'void' AS void, r.id AS record_id, r.platform_object_id, r.status,
           r.reason, (r.ledger ->> 'document_date')::date AS ledger_day,
           (r.ledger ->> 'total')::numeric AS ledger_total, i.code = 'changed_in_ledger' AS drift
      FROM connections c
      JOIN documents d ON d.billing_entity_id = c.billing_entity_id
      LEFT JOIN synced_records r ON r.connection_id = c.id AND r.type = d.type
                                AND r.object_id = d.id
      LEFT JOIN issues i ON i.id = r.issue_id
     WHERE c.id = :connection AND d.type = :type AND d.currency IS NOT NULL
       AND coalesce(d.body ->> 'status', 'open') <> 'draft'
"""


class Reconciling(Repository):
    """Reading both sides' pairs."""

    def ours(
        self, connection_id: UUID, kind: ObjectType, start: date | None, end: date | None
    ) -> list[OurSide]:
        """Documents of one type that are dated in a period and not deleted."""
        found = self._execute(
            f"""
            {_SELECT}
               AND d.deleted_at IS NULL
               AND (d.source_id IS NULL OR d.source_id = c.id OR d.source_id IN (
                    SELECT s.id FROM connections s
                     WHERE s.billing_entity_id = c.billing_entity_id AND s.role = 'source'))
               AND (CAST(:start AS date) IS NULL OR d.document_date >= :start)
               AND (CAST(:end AS date) IS NULL OR d.document_date <= :end)
             ORDER BY d.document_date, d.id
            """,
            connection=connection_id,
            type=kind.value,
            start=start,
            end=end,
        )
        return [_our_side(row) for row in found]

    def by_platform_id(
        self, connection_id: UUID, kind: ObjectType, platform_ids: Sequence[str]
    ) -> dict[str, OurSide]:
        """The documents paired with these objects of a ledger, whatever their date."""
        found = self._execute(
            f"{_SELECT} AND r.platform_object_id = ANY(:ids)",
            connection=connection_id,
            type=kind.value,
            ids=list(platform_ids),
        )
        return {row.platform_object_id: _our_side(row) for row in found}


def _our_side(row: Row[Any]) -> OurSide:
    kind = ObjectType(row.type)
    words = kind.words
    return OurSide(
        type=kind,
        label=f"{words[0].upper()}{words[1:]} {row.name}",
        day=row.document_date,
        currency=row.currency,
        total=row.total,
        side=row.side,
        refund=row.refund,
        void=bool(row.void),
        deleted=row.deleted,
        record_id=row.record_id,
        platform_id=row.platform_object_id,
        status=SyncStatus(row.status) if row.status else None,
        reason=row.reason,
        ledger_day=row.ledger_day,
        ledger_total=row.ledger_total,
        changed_there=bool(row.drift),
    )
