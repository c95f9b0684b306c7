"""Connections of consumers: their state, their books, and what the Vault says about them."""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from connectors.apideck.simulated import answers
from connectors.apideck.simulated.books import Books
from connectors.apideck.simulated.keys import KeyRing
from connectors.apideck.simulated.profiles import Profile
from connectors.faults import Refusal


@dataclass
class Connection:
    """A consumer's connection to one service."""

    id: str
    consumer_id: str
    books: Books
    created_at: dt.datetime
    state: str = "callable"
    health: str = "ok"
    enabled: bool = True
    refresh_fails_until: dt.datetime | None = None
    """The ledger gives no new token until then."""
    last_refresh_failed_at: dt.datetime | None = None
    keys: KeyRing = field(default_factory=KeyRing)
    ledger_calls: list[float] = field(default_factory=list)
    """When the ledger was called in the last minute, in seconds."""

    @property
    def profile(self) -> Profile:
        """How its ledger behaves."""
        return self.books.profile

    @property
    def service_id(self) -> str:
        """Which service it is to."""
        return self.profile.service_id

    @property
    def company_id(self) -> str:
        """Which books are connected."""
        return self.books.company_ids[0]


def described(one: Connection) -> dict[str, Any]:
    """A connection as the Vault shows it."""
    profile = one.profile
    return {
        "id": one.id,
        "service_id": profile.service_id,
        "name": profile.name,
        "unified_api": "accounting",
        "state": one.state,
        "health": one.health,
        "integration_state": "configured",
        "auth_type": "oauth2",
        "oauth_grant_type": "authorization_code",
        "status": "live",
        "enabled": one.enabled,
        "settings": {},
        "metadata": {"company_id": one.company_id},
        "credentials_expire_at": 0,
        "last_refresh_failed_at": _millis(one.last_refresh_failed_at),
        "last_downstream_error_at": 0,
        "created_at": _millis(one.created_at),
        "updated_at": None,
    }


def refused(one: Connection, now: dt.datetime) -> Refusal | None:
    """Why the ledger cannot be called through a connection, or None when it can."""
    if not one.enabled:
        text = f"The connection to {one.service_id} is disabled"
        return answers.refusal(401, "ConnectorDisabledError", "Connection disabled", text)
    if one.refresh_fails_until is not None and now < one.refresh_fails_until:
        one.last_refresh_failed_at = now
        left = one.refresh_fails_until - now
        detail = {
            "type": "refresh_token_connector_error",
            "message": "The ledger refused to refresh the access token",
            "debug": {
                "retry_after_ms": _millis(one.refresh_fails_until),
                "cooldown_remaining_ms": int(left.total_seconds() * 1000),
                "credentials_expire_at_ms": _millis(now),
                "code": "invalid_grant",
            },
        }
        return answers.refusal(401, "UnauthorizedError", "Failed to refresh token", detail)
    if one.health == "missing_settings":
        text = f"The connection to {one.service_id} lacks settings"
        return answers.refusal(401, "ConnectionSettingsError", "Missing settings", text)
    if one.state != "callable" or one.health in {"needs_auth", "revoked", "needs_consent"}:
        text = f"The connection to {one.service_id} is {one.state} ({one.health})"
        return answers.refusal(401, "ConnectorCredentialsError", "Not authorized", text)
    return None


def _millis(at: dt.datetime | None) -> int:
    return 0 if at is None else int(at.timestamp() * 1000)
