"""Refresh tokens that would end for want of use, because their connection is paused.

A connection that syncs uses its own; one that rests for months would have to be authorized anew.
"""

from collections.abc import Callable

from connectors.base import CallScope
from connectors.errors import ConnectorError
from sync import connections
from sync.engine import Engine, log

MOST_CONSENTS = 500
"""How many unused ones are renewed at once; the others an hour later."""


def keep_tokens(engine: Engine, *, over: Callable[[], bool] = lambda: False) -> int:
    """Renew tokens that would end for want of use: a paused connection asks for nothing itself.

    Returns:
        How many consents were used.
    """
    with engine.begin() as work:
        providers = work.consents.providers()
    kept = 0
    for provider in providers:
        oauth = engine.spec(provider).oauth
        if oauth is None or oauth.unused_life is None:
            continue
        with engine.begin() as work:
            unused = work.consents.unused(provider, oauth.unused_life / 2, MOST_CONSENTS)
        for connection in unused:
            if over():
                return kept
            scope = CallScope(f"keep-{connection.id}")
            try:
                connections.open_for(engine, connection, scope)
                kept += 1
            except ConnectorError as error:
                log.warning(
                    "connection.not_kept", connection=str(connection.id), error=error.message
                )
            except Exception:  # noqa: BLE001  # secrets that nobody can decrypt: the others go on
                log.exception("connection.not_kept", connection=str(connection.id))
    return kept
