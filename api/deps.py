"""What a request brings: the process's runtime, who asks, in which version, for which entity."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api import versions
from api.errors import invalid
from models.tables import BillingEntityRow
from sync import access
from sync.access import Caller
from sync.errors import AccessDeniedError, NotFoundError, UnauthenticatedError
from worker.runtime import Runtime

ENTITY_HEADER = "x-monite-entity-id"


def _runtime(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime


RuntimeOf = Annotated[Runtime, Depends(_runtime)]


_bearer = HTTPBearer(auto_error=False, description="From `POST /v1/auth/token`.")


def _caller(
    request: Request,
    runtime: RuntimeOf,
    held: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Caller:
    """Who asks; rights are read anew each time.

    Raises:
        UnauthenticatedError: Nobody knows.
        AccessDeniedError: The integration behind the credential is paused or disconnected.
        ApiError: It asks too often.
    """
    if held is None or not held.credentials.strip():
        raise UnauthenticatedError("a bearer token is needed: POST /v1/auth/token gives one")
    # The entity is read with the rights; whether it may be missing or wrong, `_scope` knows.
    entity_id = _uuid(request.headers.get(ENTITY_HEADER, ""))
    token = held.credentials.strip()
    caller = access.authenticate(runtime.begin, runtime.keys, token, entity_id)
    if not caller.enabled:
        raise AccessDeniedError(
            "integration_disabled",
            "the connection of this API client is paused or disconnected",
        )
    request.state.caller = caller
    request.state.limit_headers = request.app.state.throttle.count(str(caller.client_id))
    return caller


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


CallerOf = Annotated[Caller, Depends(_caller)]


def _version(
    request: Request,
    asked: Annotated[
        str | None, Header(alias=versions.HEADER, description="The contract's version: a date.")
    ] = None,
) -> date:
    version = versions.resolve(asked)
    request.state.version = version
    return version


VersionOf = Annotated[date, Depends(_version)]


@dataclass(frozen=True)
class Scope:
    """The billing entity that a request is about, and who asks."""

    caller: Caller
    entity: BillingEntityRow

    @property
    def entity_id(self) -> UUID:
        """Whose rows may be seen."""
        return self.entity.id

    def require_acting(self) -> None:
        """Refuse a caller that may not act for this entity.

        Raises:
            AccessDeniedError: The code says why.
        """
        self.caller.require_acting(self.entity_id)


def entity_of(runtime: Runtime, caller: Caller, entity_id: UUID) -> BillingEntityRow:
    """A billing entity of the caller's organisation.

    Raises:
        NotFoundError: There is none with that id, or it is somebody else's.
    """
    with runtime.begin() as work:
        entity = work.tenants.entity(entity_id)
    if entity is None or entity.organisation_id != caller.organisation_id:
        raise NotFoundError(f"there is no entity {entity_id}")
    return entity


def _scope(
    caller: CallerOf,
    given: Annotated[
        str | None, Header(alias=ENTITY_HEADER, description="Whose rows: a billing entity's id.")
    ] = None,
) -> Scope:
    if given is None:
        raise invalid(["header", ENTITY_HEADER], "Field required", "missing")
    entity_id = _uuid(given)
    if entity_id is None:
        raise invalid(["header", ENTITY_HEADER], "a UUID is needed", "uuid_parsing")
    if caller.entity is None:
        raise NotFoundError(f"there is no entity {entity_id}")
    return Scope(caller, caller.entity)


ScopeOf = Annotated[Scope, Depends(_scope)]
"""Limits every answer to the billing entity in the header."""
