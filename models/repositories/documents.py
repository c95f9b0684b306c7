"""Documents: storing the present state of objects, in bulk, and finding them again."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select

from models.canonical import (
    AnyRecord,
    BillingDocument,
    Contact,
    Item,
    JournalEntry,
    LedgerAccount,
    ObjectType,
    Payment,
    TaxRate,
    record_adapter,
)
from models.canonical.written import Written
from models.ids import new_ids
from models.repositories.copied import SIDE, SIDED
from models.repositories.statement import Repository, many
from models.tables import DocumentRow

# Columns of `documents` that repeat parts of the record, with their SQL types.
HEADER = {
    "number": "text",
    "name": "text",
    "document_date": "date",
    "due_date": "date",
    "contact_ref": "text",
    "currency": "text",
    "net_total": "numeric",
    "tax_total": "numeric",
    "total": "numeric",
    "balance": "numeric",
    "rate": "numeric",
    "status": "text",
}
_HEADER_TYPES = ", ".join(f"{name} {kind}" for name, kind in HEADER.items())
_HEADER_NAMES = ", ".join(HEADER)
_HEADER_VALUES = ", ".join(f"v.{name}" for name in HEADER)
# What an edit must not undo: the ledger's word about what is paid.
_KEPT = {
    "balance": "coalesce(excluded.balance, documents.balance)",
    "status": "CASE WHEN excluded.status = 'open' AND documents.source_id IS NULL "
    "AND documents.status IN ('paid', 'partially_paid') "
    "THEN documents.status ELSE excluded.status END",
}
_HEADER_SET = ", ".join(f"{name} = {_KEPT.get(name, f'excluded.{name}')}" for name in HEADER)

_SIDED = ", ".join(f"'{kind.value}'" for kind in sorted(SIDED))
_SIDES = f""",
            sides AS (
                UPDATE synced_records r SET side = {SIDE} FROM stored d
                 WHERE r.object_id = d.id AND d.version > 1 AND d.type IN ({_SIDED})
                   AND r.side <> {SIDE})"""  # names of our own columns


def header_of(record: AnyRecord) -> dict[str, Any]:
    """What people filter and sum a record by; keys are columns, missing ones are empty."""
    match record:
        case BillingDocument():
            return {
                "number": record.number,
                "document_date": record.issue_date,
                "due_date": record.due_date,
                "contact_ref": record.contact_id,
                "currency": record.currency,
                "net_total": record.net_total,
                "tax_total": record.tax_total,
                "total": record.total,
                "balance": record.balance,
                "status": record.status,
            }
        case Payment():
            return {
                "number": record.number or record.reference,
                "document_date": record.date,
                "contact_ref": record.contact_id,
                "currency": record.currency,
                "total": record.amount,
                "balance": record.unallocated,
                "status": record.status,
            }
        case JournalEntry():
            return {
                "number": record.number,
                "name": record.description,
                "document_date": record.date,
                "currency": record.currency,
                "total": record.total,
                "status": record.status,
            }
        case Contact():
            return {
                "number": record.number,
                "name": record.name,
                "status": _active(record.active),
            }
        case Item():
            return {"number": record.code, "name": record.name, "status": _active(record.active)}
        case TaxRate():
            return {
                "number": record.code,
                "name": record.name,
                "rate": record.rate,
                "status": _active(record.active),
            }
        case LedgerAccount():
            return {
                "number": record.code,
                "name": record.name,
                "currency": record.currency,
                "balance": record.balance,
                "status": _active(record.active),
            }


def body_of(record: AnyRecord) -> dict[str, Any]:
    """The record as JSON, without what the ledger computes (that is in columns of its own)."""
    return Written(record).body


def _written(record: AnyRecord | Written) -> Written:
    return record if isinstance(record, Written) else Written(record)


def _active(active: bool) -> str:
    return "active" if active else "archived"


@dataclass(frozen=True)
class Stored:
    """What became of one record of an upsert."""

    type: ObjectType
    external_id: str
    document_id: UUID
    created: bool


@dataclass(frozen=True)
class Party:
    """A contact of ours or of a ledger, with what it can be recognised by."""

    document_id: UUID
    contact: Contact


class Documents(Repository):
    """The present state of every business object, ours or pulled."""

    def upsert(
        self,
        billing_entity_id: UUID,
        source_id: UUID | None,
        records: Sequence[AnyRecord | Written],
    ) -> list[Stored]:
        """Store records of one owner; only new and changed ones are written and returned."""
        rows = [
            {
                "id": document_id,
                "type": one.record.type.value,
                "external_id": one.record.id,
                "body": one.body,
                "content_hash": one.content_hash,
                **header_of(one.record),
            }
            for document_id, one in zip(new_ids(len(records)), map(_written, records), strict=True)
        ]
        if not rows:
            return []
        sided = any(row["type"] in SIDED for row in rows)
        body, sides = (", body", _SIDES) if sided else ("", "")
        found = self._execute(
            f"""
            WITH stored AS (
            INSERT INTO documents (
                id, billing_entity_id, source_id, type, external_id, body, content_hash, version,
                {_HEADER_NAMES})
            SELECT v.id, :entity, CAST(:source AS uuid), v.type, v.external_id,
                   v.body, v.content_hash, 1,
                   {_HEADER_VALUES}
              FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS v(
                   id uuid, type text, external_id text, body jsonb, content_hash text,
                   {_HEADER_TYPES})
            ON CONFLICT (billing_entity_id, source_id, type, external_id) DO UPDATE
               SET body = excluded.body, content_hash = excluded.content_hash,
                   version = documents.version + 1, deleted_at = NULL, updated_at = now(),
                   {_HEADER_SET}
             WHERE documents.content_hash <> excluded.content_hash
                OR documents.deleted_at IS NOT NULL
            RETURNING id, type, external_id, version{body}){sides}
            SELECT id, type, external_id, version FROM stored
            """,  # names of our own columns
            entity=billing_entity_id,
            source=source_id,
            rows=many(rows),
        )
        return [
            Stored(ObjectType(row.type), row.external_id, row.id, row.version == 1) for row in found
        ]

    def refresh_derived(self, rows: Sequence[dict[str, Any]]) -> None:
        """Write what the ledger computed (`id`, `balance`, `status`) onto documents."""
        if rows:
            self._execute(
                """
                UPDATE documents d
                   SET balance = v.balance, status = coalesce(v.status, d.status),
                       updated_at = now()
                  FROM jsonb_to_recordset(CAST(:rows AS jsonb))
                       AS v(id uuid, balance numeric, status text)
                 WHERE d.id = v.id
                   AND (d.balance IS DISTINCT FROM v.balance OR d.status IS DISTINCT FROM v.status)
                """,
                rows=many(rows),
            )

    def get(self, document_id: UUID) -> DocumentRow | None:
        """One document."""
        return self._session.get(DocumentRow, document_id)

    def by_number(self, reference: str) -> list[DocumentRow]:
        """Documents that people may mean by a number or an external id."""
        found = self._session.execute(
            select(DocumentRow)
            .where((DocumentRow.external_id == reference) | (DocumentRow.number == reference))
            .limit(20)
        )
        return list(found.scalars())

    def listing(
        self,
        *,
        billing_entity_id: UUID | None = None,
        kind: ObjectType | None = None,
        status: str | None = None,
        limit: int = 100,
    ) -> list[DocumentRow]:
        """Documents, newest date first."""
        query = select(DocumentRow).where(DocumentRow.deleted_at.is_(None))
        if billing_entity_id:
            query = query.where(DocumentRow.billing_entity_id == billing_entity_id)
        if kind:
            query = query.where(DocumentRow.type == kind)
        if status:
            query = query.where(DocumentRow.status == status)
        query = query.order_by(DocumentRow.document_date.desc().nulls_last(), DocumentRow.id)
        return list(self._session.execute(query.limit(limit)).scalars())

    def mark_deleted(self, document_ids: Iterable[UUID]) -> None:
        """Note that objects are gone at their owner."""
        self._execute(
            "UPDATE documents SET deleted_at = now(), updated_at = now() "
            "WHERE id = ANY(:ids) AND deleted_at IS NULL",
            ids=list(document_ids),
        )

    def reference_data(self, source_id: UUID, kind: ObjectType) -> list[AnyRecord]:
        """All live records of one type that were pulled from a connection: rates, accounts."""
        found = self._execute(
            "SELECT body FROM documents "
            "WHERE source_id = :source AND type = :type AND deleted_at IS NULL",
            source=source_id,
            type=kind.value,
        )
        return [record_adapter.validate_python(row.body) for row in found]

    def contacts_like(self, source_id: UUID, contacts: Sequence[Contact]) -> list[Party]:
        """Contacts pulled from a ledger that share a tax number, e-mail address or name."""
        found = self._execute(
            """
            SELECT id, body FROM documents
             WHERE source_id = :source AND type = 'contact' AND deleted_at IS NULL
               AND (lower(name) = ANY(:names) OR lower(body ->> 'email') = ANY(:emails)
                    OR regexp_replace(upper(body ->> 'tax_number'), '[^A-Z0-9]', '', 'g')
                       = ANY(:tax_numbers))
            """,
            source=source_id,
            names=[contact.name.lower() for contact in contacts],
            tax_numbers=[
                re.sub("[^A-Z0-9]", "", contact.tax_number.upper())
                for contact in contacts
                if contact.tax_number
            ],
            emails=[contact.email.lower() for contact in contacts if contact.email],
        )
        return [Party(row.id, Contact.model_validate(row.body)) for row in found]

    def same_numbers(
        self, source_id: UUID, kind: ObjectType, numbers: Sequence[str]
    ) -> list[tuple[UUID, AnyRecord]]:
        """Documents pulled from a ledger that carry one of these numbers."""
        found = self._execute(
            """
            SELECT d.id, d.body FROM documents d
             WHERE d.source_id = :source AND d.type = :type AND d.deleted_at IS NULL
               AND d.number = ANY(:numbers)
            """,
            source=source_id,
            type=kind.value,
            numbers=list(numbers),
        )
        return [(row.id, record_adapter.validate_python(row.body)) for row in found]
