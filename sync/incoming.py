"""What a provider tells by webhook: a hint where to look, never content to believe.

The signature is checked over the raw body; then the types that it names are pulled soon. The
schedule stays the truth: a webhook that is lost, doubled or replayed changes nothing but the time.
"""

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from connectors.base import CallScope
from connectors.errors import ConnectorError, WebhookRefused
from models.tables import ConnectionStatus, Trigger
from sync.engine import Engine, log
from sync.errors import NotFoundError
from sync.opener import Opener
from sync.order import PULL_ORDER
from sync.runs import new_correlation_id, trigger_for

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
    try:
        notice = spec.read_webhook(config, headers, body)
    except ConnectorError:
        raise
    except Exception as error:  # noqa: BLE001  # nothing may leave a connector but its errors
        log.exception("connector.bug", connection=str(connection_id))
        raise WebhookRefused(f"it cannot be read: {type(error).__name__}") from None
    pulled = [kind for kind in PULL_ORDER if spec.pulls(kind)]
    kinds = [kind for kind in pulled if kind in notice.kinds]
    if notice.authorization and not kinds:
        kinds = pulled[:1]  # any pull asks first who we are
    log.info("webhook.taken", connection=str(connection_id), types=[kind.value for kind in kinds])
    if not kinds or connection.status is not ConnectionStatus.CONNECTED:
        return
    with engine.begin() as work:
        if work.runs.active(connection_id) is not None:
            work.connections.hasten(connection_id, SOON)
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
