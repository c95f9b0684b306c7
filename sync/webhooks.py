"""Who is told what happens, and how: webhook endpoints and the replay of deliveries.

An integration's endpoint hears of the billing entities of its connection; an organisation's, of
all. The signing secret is shown when it is made, and never again.
"""

import base64
import ipaddress
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

from models.crypto import KeyRing
from models.repositories import Audience
from models.repositories.webhooks import DeliveryLine
from models.tables import EndpointStatus, WebhookDeliveryRow, WebhookEndpointRow
from models.unit_of_work import Begin, UnitOfWork
from sync.access import Caller
from sync.errors import AccessDeniedError, NotAllowedError, NotFoundError

EVENTS: Mapping[str, tuple[str, ...]] = {
    "accounting_connection": ("connected", "deauthorized", "disconnected", "pending_auth"),
    "issue": ("closed", "opened"),
    "sync_run": ("finished",),
    "synced_record": ("done", "failed"),
}
"""What happens to which type of object."""

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class Addresses:
    """Which URLs may be called: public ones over TLS, and those that the operator named."""

    listed: tuple[str, ...] = ()
    allow_loopback: bool = False

    def named(self, url: str) -> bool:
        """Whether the operator vouches for a URL: its addresses may be private."""
        parts = urlsplit(url)
        listed = any(url == base or url.startswith(f"{base}/") for base in self.listed)
        return listed or (self.allow_loopback and parts.hostname in LOOPBACK)

    def check(self, url: str) -> None:
        """Refuse what could never be called; names are looked up when something is sent.

        Raises:
            AccessDeniedError: It is neither public nor named by the operator, or holds credentials.
        """
        parts = urlsplit(url)
        if parts.username is not None or parts.password is not None:
            raise AccessDeniedError(
                "url_not_allowed",
                "a webhook URL must not hold credentials: its messages are signed",
            )
        if self.named(url):
            return
        if parts.scheme != "https":
            raise AccessDeniedError("url_not_allowed", "a webhook URL must start with https://")
        host = parts.hostname or ""
        if host in LOOPBACK or not (_is_name(host) or public(host)):
            raise AccessDeniedError(
                "url_not_allowed",
                "a webhook URL must not lead into a private network: an operator can add it to "
                "LEDGERBRIDGE_ALLOWED_BASE_URLS",
            )


def _is_name(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return True
    return False


_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")  # IPv4 behind NAT64 (RFC 6052)


def public(address: str) -> bool:
    """Whether an IP address belongs to the open internet, whatever it is wrapped in."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        if found in _TRANSLATED:
            return public(str(ipaddress.IPv4Address(int(found) & 0xFFFF_FFFF)))
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo and found.teredo[1])
        if inner:
            return public(str(inner))
    return found.is_global and not found.is_multicast


@dataclass(frozen=True)
class NewEndpoint:
    """An endpoint and its secret, shown once."""

    row: WebhookEndpointRow
    secret: str


def audience_of(caller: Caller) -> Audience:
    """What a caller may see of endpoints, deliveries and events."""
    return Audience(caller.organisation_id, caller.connection_id, caller.entities)


def subscribe(
    begin: Begin,
    keys: KeyRing,
    addresses: Addresses,
    caller: Caller,
    *,
    object_type: str,
    event_types: Sequence[str],
    url: str,
    api_version: str,
) -> NewEndpoint:
    """Tell a URL from now on.

    Raises:
        AccessDeniedError: The caller may only read, or the URL is not allowed.
    """
    caller.require_acting()
    addresses.check(url)
    secret = _new_secret()
    with begin() as work:
        row = WebhookEndpointRow(
            organisation_id=caller.organisation_id,
            connection_id=caller.connection_id,
            object_type=object_type,
            event_types=sorted(set(event_types)),
            url=url,
            sealed=keys.seal({"secret": secret}),
            api_version=api_version,
            status=EndpointStatus.ENABLED,
            created_by=caller.actor,
        )
        work.webhooks.add(row)
        work.audit.add(caller.actor, "webhook.add", str(row.id), url=url, object_type=object_type)
    return NewEndpoint(row, secret)


def endpoint_of(
    work: UnitOfWork, caller: Caller, endpoint_id: UUID, *, lock: bool = False
) -> WebhookEndpointRow:
    """An endpoint that a caller may see.

    Raises:
        NotFoundError: There is none with that id, or it is somebody else's.
    """
    row = work.webhooks.get(audience_of(caller), endpoint_id, lock=lock)
    if row is None:
        raise NotFoundError(f"there is no webhook subscription {endpoint_id}")
    return row


def _changed(
    begin: Begin,
    caller: Caller,
    endpoint_id: UUID,
    action: str,
    change: Callable[[UnitOfWork, WebhookEndpointRow], None],
) -> WebhookEndpointRow:
    caller.require_acting()
    with begin() as work:
        row = endpoint_of(work, caller, endpoint_id, lock=True)
        change(work, row)
        row.updated_at = work.connections.now()
        work.audit.add(caller.actor, action, str(endpoint_id), url=row.url)
    return row


def change(
    begin: Begin,
    addresses: Addresses,
    caller: Caller,
    endpoint_id: UUID,
    *,
    url: str | None,
    event_types: Sequence[str] | None,
) -> WebhookEndpointRow:
    """Change where or of what an endpoint is told; what is None stays.

    Raises:
        NotFoundError: There is none with that id.
        NotAllowedError: Its object type has no such event.
        AccessDeniedError: The caller may only read, or the URL is not allowed.
    """
    caller.require_acting()
    if url is not None:
        addresses.check(url)

    def apply(_: UnitOfWork, row: WebhookEndpointRow) -> None:
        if event_types is not None:
            known = EVENTS[row.object_type]
            if unknown := set(event_types) - set(known):
                raise NotAllowedError(
                    f"{row.object_type} has no event {min(unknown)!r}; known are {', '.join(known)}"
                )
            row.event_types = sorted(set(event_types))
        row.url = url or row.url

    return _changed(begin, caller, endpoint_id, "webhook.change", apply)


def set_enabled(
    begin: Begin, caller: Caller, endpoint_id: UUID, *, enabled: bool
) -> WebhookEndpointRow:
    """Tell an endpoint, or no more; what waits for it goes out when it is enabled again.

    Raises:
        NotFoundError: There is none with that id.
        AccessDeniedError: The caller may only read.
    """

    def apply(_: UnitOfWork, row: WebhookEndpointRow) -> None:
        row.status = EndpointStatus.ENABLED if enabled else EndpointStatus.DISABLED
        if enabled:
            row.failures, row.failing_since, row.paused_until = 0, None, None

    action = "webhook.enable" if enabled else "webhook.disable"
    return _changed(begin, caller, endpoint_id, action, apply)


def regenerate_secret(
    begin: Begin, keys: KeyRing, caller: Caller, endpoint_id: UUID
) -> NewEndpoint:
    """Sign with another secret from now on; the old one is no good any more.

    Raises:
        NotFoundError: There is none with that id.
        AccessDeniedError: The caller may only read.
    """
    secret = _new_secret()

    def apply(_: UnitOfWork, row: WebhookEndpointRow) -> None:
        row.sealed = keys.seal({"secret": secret})

    return NewEndpoint(_changed(begin, caller, endpoint_id, "webhook.secret", apply), secret)


def unsubscribe(begin: Begin, caller: Caller, endpoint_id: UUID) -> None:
    """Tell an endpoint nothing any more; its delivery log stays.

    Raises:
        NotFoundError: There is none with that id.
        AccessDeniedError: The caller may only read.
    """

    def apply(work: UnitOfWork, row: WebhookEndpointRow) -> None:
        row.status = EndpointStatus.DISABLED
        row.deleted_at = work.connections.now()
        work.webhooks.give_up(row.id)

    _changed(begin, caller, endpoint_id, "webhook.delete", apply)


def delivery_of(work: UnitOfWork, caller: Caller, delivery_id: UUID) -> DeliveryLine:
    """A line of the delivery log that a caller may see.

    Raises:
        NotFoundError: There is none with that id, or it is somebody else's.
    """
    found = work.webhooks.delivery(audience_of(caller), delivery_id)
    if found is None:
        raise NotFoundError(f"there is no webhook delivery {delivery_id}")
    return found


def replay(begin: Begin, caller: Caller, delivery_id: UUID) -> DeliveryLine:
    """Send a delivery's event again, under the same message id, beside the earlier delivery.

    Raises:
        NotFoundError: There is none with that id.
        NotAllowedError: It is still being tried, or its endpoint is disabled or deleted.
        AccessDeniedError: The caller may only read.
    """
    caller.require_acting()
    with begin() as work:
        line = delivery_of(work, caller, delivery_id)
        endpoint = work.webhooks.get(audience_of(caller), line.delivery.endpoint_id, lock=True)
        if endpoint is None or endpoint.status is EndpointStatus.DISABLED:
            raise NotAllowedError("the webhook subscription is disabled or deleted")
        again: WebhookDeliveryRow = work.webhooks.replay(line.delivery)
        work.audit.add(caller.actor, "webhook.replay", str(delivery_id), delivery=str(again.id))
    return DeliveryLine(again.id, again.created_at, again, line.event, line.url)


def _new_secret() -> str:
    """A secret as the Standard Webhooks specification wants it: 24 to 64 random bytes."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
