"""Documents as the API shows them: with where they stand in each ledger, limited to one entity."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from models.canonical import (
    RECORD_CLASSES,
    BillingDocument,
    JournalEntry,
    ObjectType,
    Payment,
)
from models.repositories import document_pages
from models.repositories.paging import newest_first
from models.repositories.place import Place
from models.repositories.statement import Repository, many

_HEADER = """
    d.id, d.type, d.external_id, d.source_id, d.number, d.name, d.document_date, d.due_date,
    d.contact_ref, d.currency, d.net_total, d.tax_total, d.total, d.balance, d.status,
    d.content_hash, d.version, d.created_at, d.updated_at"""
_RECORDS = """
    coalesce((
        SELECT jsonb_agg(jsonb_build_object(
                   'id', r.id, 'connection_id', r.connection_id, 'status', r.status,
                   'reason_code', r.reason_code, 'reason', coalesce(i.sentence, r.reason),
                   'next_step', i.next_step, 'issue_id', r.issue_id, 'blocked_by', r.blocked_by,
                   'platform_object_id', r.platform_object_id,
                   'platform_number', r.ledger ->> 'number',
                   'platform_url', r.ledger ->> 'url', 'last_pushed_at', r.last_pushed_at)
                   ORDER BY r.id)
          FROM synced_records r LEFT JOIN issues i ON i.id = r.issue_id
         WHERE r.object_id = d.id), '[]') AS records"""


@dataclass(frozen=True)
class DocumentView:
    """A document without or with its content, and its records."""

    id: UUID
    type: ObjectType
    external_id: str
    source_id: UUID | None
    number: str | None
    name: str | None
    document_date: date | None
    due_date: date | None
    contact_ref: str | None
    currency: str | None
    net_total: Decimal | None
    tax_total: Decimal | None
    total: Decimal | None
    balance: Decimal | None
    status: str | None
    content_hash: str
    version: int
    created_at: datetime
    updated_at: datetime
    records: list[dict[str, Any]]
    body: dict[str, Any] | None


@dataclass(frozen=True)
class DocumentFilter:
    """Which documents are meant; what is None does not matter."""

    type: ObjectType | None = None
    external_id: str | None = None
    number: str | None = None
    contact: str | None = None
    status: str | None = None
    date_from: date | None = None
    date_to: date | None = None
    updated_since: datetime | None = None
    source_id: UUID | None = None
    own: bool | None = None
    """Handed in by the product (True), or pulled (False)."""


@dataclass(frozen=True)
class Present:
    """What is stored of an object at this moment, locked."""

    id: UUID
    content_hash: str
    deleted: bool
    balance: Decimal | None
    body: dict[str, Any]


class HandedIn(Repository):
    """Reads and guards for the documents of one billing entity."""

    def one(self, billing_entity_id: UUID, document_id: UUID) -> DocumentView | None:
        """A document of whatever owner, with its content."""
        found = self._execute(
            f"SELECT {_HEADER}, d.body, {_RECORDS} FROM documents d "
            "WHERE d.id = :id AND d.billing_entity_id = :entity AND d.deleted_at IS NULL",
            id=document_id,
            entity=billing_entity_id,
        ).one_or_none()
        return _view(found) if found else None

    def own(
        self, billing_entity_id: UUID, named: Sequence[tuple[ObjectType, str]], *, body: bool
    ) -> dict[tuple[ObjectType, str], DocumentView]:
        """The product's own documents by type and id; one statement for all."""
        found = self._execute(
            f"""
            SELECT {_HEADER}, {"d.body" if body else "NULL AS body"}, {_RECORDS}
              FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS v(type text, external_id text)
             CROSS JOIN LATERAL (
                SELECT * FROM documents d
                 WHERE d.billing_entity_id = :entity AND d.source_id IS NULL
                   AND d.type = v.type AND d.external_id = v.external_id
                   AND d.deleted_at IS NULL
                 LIMIT 1) AS d  -- the limit: else all documents may be read for a join
            """,
            entity=billing_entity_id,
            rows=many([{"type": kind.value, "external_id": name} for kind, name in named]),
        )
        views = [_view(row) for row in found]
        return {(view.type, view.external_id): view for view in views}

    def page(
        self,
        billing_entity_id: UUID,
        wanted: DocumentFilter,
        *,
        place: Place | None,
        limit: int,
    ) -> list[DocumentView]:
        """Documents without their content, newest first, from a place on."""
        names = document_pages.CONDITIONS
        given = {name: getattr(wanted, name) for name in names}
        given = {name: value for name, value in given.items() if value is not None}
        after, order = newest_first(place, "d.id")
        conditions = [after, *(names[name] for name in given)]
        if wanted.own is not None:
            conditions.append(f"d.source_id IS {'' if wanted.own else 'NOT '}NULL")
        limits = [name for name in given if name in {"date_from", "date_to", "updated_since"}]
        given |= {
            "entity": billing_entity_id,
            "types": [wanted.type.value] if wanted.type else list(ObjectType),
        }
        if wanted.external_id is not None:
            page = document_pages.page_of_named("external_id", conditions, order)
        elif wanted.number is not None:
            page = document_pages.page_of_named("number", conditions, order)
        elif wanted.contact is not None:
            page = document_pages.page_of_contact(conditions, order)
        elif (
            limits
            and self._execute(document_pages.how_many(limits), **given).scalar_one()
            < document_pages.FEW
        ):
            page = document_pages.page_of_few(limits, conditions, order)
        else:
            page = document_pages.page(conditions, order)
        found = self._execute(
            f"""
            WITH page AS MATERIALIZED ({page})
            SELECT {_HEADER}, NULL AS body, {_RECORDS}
              FROM page CROSS JOIN LATERAL (
                   SELECT * FROM documents d WHERE d.id = page.id LIMIT 1) AS d
             ORDER BY {order}
            """,
            limit=limit,
            **given,
            **({"place": place.id} if place is not None else {}),
        )
        return [_view(row) for row in found]

    def lock(self, billing_entity_id: UUID, kind: ObjectType, external_id: str) -> Present | None:
        """The product's own object, deleted or not; nobody else changes it until the commit."""
        row = self._execute(
            """
            SELECT id, content_hash, deleted_at IS NOT NULL AS deleted, balance, body
              FROM documents
             WHERE billing_entity_id = :entity AND source_id IS NULL AND type = :type
               AND external_id = :external_id
               FOR UPDATE
            """,
            entity=billing_entity_id,
            type=kind.value,
            external_id=external_id,
        ).one_or_none()
        if row is None:
            return None
        return Present(row.id, row.content_hash, row.deleted, row.balance, row.body)

    def withdraw(self, document_id: UUID) -> None:
        """The owner has deleted it.

        That is a change of content: what the ledger has is not what we have any more. What can
        be void is void from now on, so that the ledger's void version agrees with ours.
        """
        self._execute(
            """
            UPDATE documents
               SET deleted_at = now(), updated_at = now(), version = version + 1,
                   body = CASE WHEN type = ANY(:voidable)
                               THEN body || '{"status": "void"}' ELSE body END,
                   status = CASE WHEN type = ANY(:voidable) THEN 'void' ELSE status END,
                   content_hash = encode(sha256(convert_to('deleted/' || content_hash, 'UTF8')), 'hex')
             WHERE id = :id AND deleted_at IS NULL
            """,
            id=document_id,
            voidable=[
                kind.value
                for kind, of_type in RECORD_CLASSES.items()
                if issubclass(of_type, BillingDocument | Payment | JournalEntry)
            ],
        )

    def paid_meanwhile(
        self,
        billing_entity_id: UUID,
        document_id: UUID,
        kind: ObjectType,
        external_id: str,
        *,
        shown: bool,
    ) -> Decimal:
        """What our payments assign to a document.

        With `shown`, the ledger tells the balance: payments that it had when the document was
        last read do not count.
        """
        named = [{"document_type": kind.value, "document_id": external_id}]
        amount: Decimal = self._execute(
            """
            SELECT coalesce(sum((part ->> 'amount')::numeric), 0)
              FROM documents p
             CROSS JOIN LATERAL jsonb_array_elements(p.body -> 'allocations') AS part
             WHERE p.billing_entity_id = :entity AND p.type = 'payment' AND p.source_id IS NULL
               AND p.deleted_at IS NULL AND p.status NOT IN ('draft', 'void')
               AND p.body -> 'allocations' @> CAST(:named AS jsonb)
               AND part ->> 'document_type' = :type AND part ->> 'document_id' = :external_id
               AND NOT (:shown AND EXISTS (
                   SELECT 1 FROM synced_records r
                     JOIN synced_records paid ON paid.connection_id = r.connection_id
                                             AND paid.object_id = :document
                    WHERE r.object_id = p.id AND r.status IN ('done', 'done_manually')
                      AND paid.last_pulled_at > coalesce(r.last_pushed_at, r.updated_at)))
            """,
            entity=billing_entity_id,
            document=document_id,
            shown=shown,
            named=many(named),
            type=kind.value,
            external_id=external_id,
        ).scalar_one()
        return amount


def _view(row: Row[Any]) -> DocumentView:
    return DocumentView(**{**row._mapping, "type": ObjectType(row.type)})  # noqa: SLF001  # SQLAlchemy's public name for it
