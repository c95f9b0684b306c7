"""What a provider tells by webhook: a hint where to look, never content to believe.

The signature is checked over the raw body; then the types that it names are pulled soon. The
schedule stays the truth: a webhook that is lost, doubled or replayed changes nothing but the time.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

from connectors.base import CallScope, ConnectorSpec, Notice
from connectors.errors import ConnectorError, WebhookRefused
from models.tables import ConnectionRow, ConnectionStatus, Trigger
from sync.engine import Engine, log
from sync.errors import NotFoundError
from sync.opener import Opener
from sync.order import PULL_ORDER
from sync.runs import new_correlation_id, trigger_for

Said = TypeVar("Said")

SOON = timedelta(minutes=1)
"""What changed while a run goes on is read by the next one, after this."""


def take(
    engine: Engine,
    opener: Opener,
    connection_id: UUID,
    headers: Mapping[str, str],
    body: bytes,
) -> None:
    """Take note of a webhook.

    Args:
        engine: Whose.
        opener: Knows the secrets that it is signed with.
        connection_id: Whom it says it is for; part of its address.
        headers: By lower-case name.
        body: As it came, before anything was read from it.

    Raises:
        NotFoundError: There is no such connection, or its provider has no webhooks.
        WebhookRefused: It is not signed by the provider.
    """
    unknown = NotFoundError(f"there is no connection {connection_id} that takes webhooks")
    with engine.begin() as work:
        connection = work.connections.get(connection_id)
        if (
            connection is None
            or connection.consent_id is None
            or connection.status is ConnectionStatus.DISCONNECTED
        ):
            raise unknown
        sealed = work.consents.get(connection.consent_id, timedelta(0), timedelta(0)).held.sealed
    spec = engine.spec_of(connection)
    if spec.read_webhook is None:
        raise unknown
    correlation = new_correlation_id()
    config = opener.config(connection, sealed, CallScope(correlation))
    read = spec.read_webhook
    notice = _read(spec, lambda: read(config, headers, body))
    _look(engine, connection, notice, correlation)


def take_for_app(
    engine: Engine, opener: Opener, provider: str, headers: Mapping[str, str], body: bytes
) -> None:
    """Take note of a webhook from a provider that sends those of all customers to one address.

    Raises:
        NotFoundError: There is no such provider, or it does not do that, or we have no key for it.
        WebhookRefused: It is not signed by the provider.
    """
    unknown = NotFoundError(f"there is no provider {provider!r} whose webhooks are taken")
    app = opener.oauth_apps.get(provider)
    if app is None or app.webhook_key is None:
        raise unknown
    key, spec = app.webhook_key, engine.spec(provider)
    read = spec.read_app_webhook
    if read is None:
        raise unknown
    notices = _read(spec, lambda: read(key, headers, body))
    by_organisation: defaultdict[str, list[Notice]] = defaultdict(list)
    for notice in notices:
        by_organisation[notice.organisation_id].append(notice)
    with engine.begin() as work:
        concerned = work.connections.of_organisations(spec.key, sorted(by_organisation))
    for connection in concerned:
        said = by_organisation[connection.platform_organisation_id or ""]
        together = Notice(
            kinds=frozenset().union(*(notice.kinds for notice in said)),
            authorization=any(notice.authorization for notice in said),
        )
        _look(engine, connection, together, new_correlation_id())


def _read(spec: ConnectorSpec, read: Callable[[], Said]) -> Said:
    """What a webhook says.

    Raises:
        WebhookRefused: Nobody can tell.
    """
    try:
        return read()
    except ConnectorError:
        raise
    except Exception as error:  # noqa: BLE001  # nothing may leave a connector but its errors
        log.exception("connector.bug", provider=spec.key)
        raise WebhookRefused(f"it cannot be read: {type(error).__name__}") from None


def _look(engine: Engine, connection: ConnectionRow, notice: Notice, correlation: str) -> None:
    """Read soon what a webhook named."""
    spec = engine.spec_of(connection)
    pulled = [kind for kind in PULL_ORDER if spec.pulls(kind)]
    kinds = [kind for kind in pulled if kind in notice.kinds]
    if notice.authorization and not kinds:
        kinds = pulled[:1]  # any pull asks first who we are
    log.info("webhook.taken", connection=str(connection.id), types=[kind.value for kind in kinds])
    if not kinds or connection.status is not ConnectionStatus.CONNECTED:
        return
    with engine.begin() as work:
        if work.runs.active(connection.id) is not None:
            work.connections.hasten(connection.id, SOON)
            return
        trigger_for(
            work,
            engine,
            connection,
            trigger=Trigger.WEBHOOK,
            only="pull",
            types=kinds,
            correlation_id=correlation,
        )
