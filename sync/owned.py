"""Whose a connection, record, issue or run is: asked before anything is done with its id."""

from uuid import UUID

from models.repositories import Thing
from models.unit_of_work import Begin, UnitOfWork
from sync.errors import NotFoundError


def require(work: UnitOfWork, billing_entity_id: UUID, what: Thing, thing_id: UUID) -> UUID:
    """The id, when the thing belongs to the billing entity.

    Raises:
        NotFoundError: It does not exist, or belongs to somebody else.
    """
    if not work.operations.owns(billing_entity_id, what, thing_id):
        raise NotFoundError(f"there is no {what.value} {thing_id}")
    return thing_id


def required(begin: Begin, billing_entity_id: UUID, what: Thing, thing_id: UUID) -> UUID:
    """The same in a transaction of its own, before functions that open theirs."""
    with begin() as work:
        return require(work, billing_entity_id, what, thing_id)
