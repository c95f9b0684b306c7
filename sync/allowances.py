"""Whose allowance a connection's requests are counted against."""

from collections.abc import Mapping
from typing import Protocol
from urllib.parse import urlsplit

from connectors.base import Allowance, ConnectorSpec, Limits, LimitScope
from models.tables import ConnectionRow


class Allowances(Protocol):
    """All allowances that a process knows; where they are counted is the entry points' affair."""

    def of(
        self, limits: Limits, whose: str, beside: Mapping[LimitScope, str] | None = None
    ) -> Allowance:
        """The allowance of whoever a provider counts together; see `whose`, `beside`."""
        ...


def whose(spec: ConnectorSpec, base_url: str, connection: ConnectionRow) -> str:
    """The name of those whom the provider counts together with a connection."""
    return _name(spec, base_url, connection, spec.limits.scope)


def beside(spec: ConnectorSpec, base_url: str, connection: ConnectionRow) -> dict[LimitScope, str]:
    """The names of those whom single windows count together."""
    scopes = {window.scope for window in spec.limits.windows if window.scope is not None}
    return {scope: _name(spec, base_url, connection, scope) for scope in scopes}


def _name(spec: ConnectorSpec, base_url: str, connection: ConnectionRow, scope: LimitScope) -> str:
    """Other addresses than the provider's own (a sandbox, somebody's server) are other providers."""
    address = urlsplit(base_url)
    place = "" if address.hostname in spec.hosts else address.netloc
    match scope:
        case LimitScope.APP:
            who = ""
        case LimitScope.TENANT:
            who = connection.platform_organisation_id or f"connection {connection.id}"
        case LimitScope.CONSENT:
            who = str(connection.consent_id or connection.id)
    return f"{spec.key}|{place}|{scope}|{who}"
