"""Who may do what: checks in the order in which they answer.

Authentication (401), then whether the object is there (404), are in `service.py`. Then, each only
for what it concerns: the kind of the API client, whether its integration is enabled, whether the
document has a billing entity, whether the integration is linked to it, whether it is archived.

That an INT client posts for its own entities alone, and that an ORG client neither posts nor sees
the waiting list, is Qargo's (help centre, "FAQ - What is the Billing Entity support in the
Accounting API", read 2026-11-20). Which status and code say so is not documented: those are ours.
"""

from dataclasses import dataclass
from typing import Any

from connectors.faults import Refusal
from connectors.qargo.simulated.bodies import invalid
from connectors.qargo.simulated.store import (
    BillingEntity,
    Client,
    ClientKind,
    Document,
    Integration,
    Tenant,
)

_NOT_FOUND = 404


@dataclass(frozen=True)
class Caller:
    """An API client that has signed in."""

    tenant: Tenant
    client: Client
    integration: Integration | None

    def linked_to(self, entity: BillingEntity | None) -> bool:
        """Whether its integration is linked to an entity now, whenever its token was made."""
        return (
            entity is not None
            and self.integration is not None
            and entity.id in self.integration.entities
        )

    def described(self) -> dict[str, Any]:
        """Who it is, for error bodies; never its secret."""
        return {
            "client_id": self.client.client_id,
            "kind": self.client.kind,
            "integration_id": self.integration and self.integration.id,
            "billing_entities": list(self.tenant.codes(self.integration)),
        }


def missing(what: str) -> Refusal:
    """It is not there, or in another organisation."""
    return Refusal(_NOT_FOUND, {"code": "not_found", "message": f"there is no such {what}"})


def must_be_enabled(caller: Caller) -> None:
    """Refuse a client of a paused integration: its reads stop as well."""
    if caller.integration is not None and not caller.integration.enabled:
        message = f"integration {caller.integration.id} is disabled"
        raise _refusal(403, "integration_disabled", message, caller)


def must_be_linked(caller: Caller) -> None:
    """Refuse a client that was not made in an integration: the queue is not for it."""
    if caller.client.kind is ClientKind.ORG:
        message = "this API client was made in the organisation's settings, not in an integration"
        hint = "create the API client on the settings page of an Accounting API integration"
        raise _refusal(403, "credential_not_linked", message, caller, hint=hint)
    must_be_enabled(caller)


def must_own(caller: Caller, document: Document, *, without_entity: int = 409) -> BillingEntity:
    """Refuse what is about a document of an entity that the caller is not linked to.

    `without_entity` is the status for a document that belongs to no entity.
    """
    entity = caller.tenant.entity_of(document)
    said: dict[str, Any] = {"invoice": _described(caller.tenant, document)}
    if entity is None:
        message = f"{document.number} has no billing entity; somebody must assign it to one"
        raise _refusal(without_entity, "billing_entity_missing", message, caller, **said)
    if not caller.linked_to(entity):
        own = ", ".join(caller.tenant.codes(caller.integration))
        message = f"{document.number} belongs to {entity.code}; this API client acts for {own}"
        said["hint"] = (
            f"create the API client on the settings page of the integration linked to {entity.code}"
        )
        raise _refusal(403, "billing_entity_mismatch", message, caller, **said)
    return entity


def must_be_active(caller: Caller, entity: BillingEntity) -> None:
    """Refuse to post anything for an archived entity."""
    if entity.archived:
        message = f"{entity.code} is archived"
        raise _refusal(409, "billing_entity_archived", message, caller)


def conflict(code: str, message: str, caller: Caller, document: Document, state: str) -> Refusal:
    """What the caller may do, but not to a document or task in its present state."""
    said = {"invoice": _described(caller.tenant, document), "state": state}
    return _refusal(409, code, message, caller, **said)


def named(caller: Caller, code: str, path: str) -> BillingEntity:
    """The entity that a request names.

    Raises:
        Refusal: 400: there is none.
    """
    entity = caller.tenant.entity(code)
    if entity is None:
        message = f"there is no billing entity {code}"
        raise invalid("unknown_billing_entity", message, field="billing_entity_code", path=path)
    return entity


def own(caller: Caller, code: str, path: str) -> BillingEntity:
    """The same, which the caller must be linked to: an empty list would hide a wrong set-up."""
    entity = named(caller, code, path)
    if not caller.linked_to(entity):
        message = f"this API client does not act for {code}"
        raise _refusal(403, "billing_entity_not_linked", message, caller)
    return entity


def _described(tenant: Tenant, document: Document) -> dict[str, Any]:
    entity = tenant.entity_of(document)
    return {
        "id": document.id,
        "name": document.number,
        "billing_entity": entity and entity.code,
    }


def _refusal(status: int, code: str, message: str, caller: Caller, **said: Any) -> Refusal:
    return Refusal(
        status, {"code": code, "message": message, "credential": caller.described(), **said}
    )
