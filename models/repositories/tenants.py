"""Organisations and billing entities."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from models.ids import new_id
from models.repositories.statement import Repository
from models.tables import BillingEntityRow, OrganisationRow


class Tenants(Repository):
    """Whose books there are."""

    def organisation(self, name: str) -> UUID:
        """The organisation of a name, made if it is new."""
        self._session.execute(
            insert(OrganisationRow).values(id=new_id(), name=name).on_conflict_do_nothing()
        )
        return self._session.execute(
            select(OrganisationRow.id).where(OrganisationRow.name == name)
        ).scalar_one()

    def organisation_named(self, name: str) -> UUID | None:
        """The organisation of a name, if there is one."""
        return self._session.execute(
            select(OrganisationRow.id).where(OrganisationRow.name == name)
        ).scalar_one_or_none()

    def add_entity(
        self,
        organisation_id: UUID,
        *,
        code: str,
        legal_name: str,
        vat_number: str | None = None,
        is_default: bool = False,
    ) -> BillingEntityRow | None:
        """Add a billing entity; None when the organisation has one with that code."""
        if self._session.execute(
            select(BillingEntityRow.id).where(
                BillingEntityRow.organisation_id == organisation_id, BillingEntityRow.code == code
            )
        ).first():
            return None
        if is_default:
            self._execute(
                "UPDATE billing_entities SET is_default = false WHERE organisation_id = :id",
                id=organisation_id,
            )
        row = BillingEntityRow(
            organisation_id=organisation_id,
            code=code,
            legal_name=legal_name,
            vat_number=vat_number,
            is_default=is_default,
        )
        self._session.add(row)
        self._session.flush()
        return row

    def entities(self) -> list[tuple[BillingEntityRow, str]]:
        """All billing entities with the names of their organisations."""
        found = self._session.execute(
            select(BillingEntityRow, OrganisationRow.name)
            .join(OrganisationRow, OrganisationRow.id == BillingEntityRow.organisation_id)
            .order_by(OrganisationRow.name, BillingEntityRow.code)
        )
        return [(row, name) for row, name in found]

    def entities_of(self, organisation_id: UUID) -> list[BillingEntityRow]:
        """The billing entities of an organisation, by code."""
        found = self._session.execute(
            select(BillingEntityRow)
            .where(BillingEntityRow.organisation_id == organisation_id)
            .order_by(BillingEntityRow.code)
        )
        return list(found.scalars())

    def entity_coded(self, organisation_id: UUID, code: str) -> BillingEntityRow | None:
        """The billing entity of a code."""
        return self._session.execute(
            select(BillingEntityRow).where(
                BillingEntityRow.organisation_id == organisation_id, BillingEntityRow.code == code
            )
        ).scalar_one_or_none()

    def codes(self, entity_ids: Sequence[UUID]) -> list[str]:
        """The codes of billing entities, in order."""
        found = self._execute(
            "SELECT code FROM billing_entities WHERE id = ANY(:ids) ORDER BY code",
            ids=list(entity_ids),
        )
        return list(found.scalars())

    def set_archived(self, entity_id: UUID, *, archived: bool) -> bool:
        """Post nothing more for an entity, or go on; False when it was so before.

        What waits is held, and released again.
        """
        changed = self._execute(
            "UPDATE billing_entities SET archived_at = CASE WHEN :archived THEN now() END "
            "WHERE id = :id AND (archived_at IS NOT NULL) <> :archived",
            id=entity_id,
            archived=archived,
        ).rowcount
        self._execute(
            """
            UPDATE synced_records r
               SET status = CASE WHEN :archived THEN 'held' ELSE 'pending' END,
                   reason_code = CASE WHEN :archived THEN 'archived' END,
                   reason = CASE WHEN :archived THEN 'The billing entity is archived.' END,
                   next_attempt_at = now(), updated_at = now()
              FROM documents d
             WHERE d.id = r.object_id AND d.billing_entity_id = :id
               AND CASE WHEN :archived THEN r.status IN ('pending', 'retry_wait')
                        ELSE r.status = 'held' AND r.reason_code = 'archived' END
            """,
            id=entity_id,
            archived=archived,
        )
        return bool(changed)

    def entity(self, entity_id: UUID) -> BillingEntityRow | None:
        """One billing entity."""
        return self._session.get(BillingEntityRow, entity_id)
