"""Keeping access tokens fresh: one refresh at a time per consent, stored before it is used.

Where a provider rotates refresh tokens, two refreshes at once can cost the whole consent, and so
can a new token that is used before it is safe. Hence: a lease on the consent's row, the call with
no transaction open, and a commit behind the fence of the token version, before anybody sees the
new token. Whoever finds the lease taken waits for the new token.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from connectors.base import CallScope, Deadline
from connectors.errors import Transient
from models.repositories import Consent
from models.tables import ConnectionRow
from sync.engine import Engine, log

MARGIN = timedelta(seconds=60)
"""A token that ends sooner is renewed before work begins."""
LEASE = timedelta(seconds=30)
MOST_SECONDS_OF_CALLING = 20
"""No request leaves later than this after the lease was taken, so none outlives it."""
PATIENCE_SECONDS = 15.0
POLL_SECONDS = 0.25


@dataclass(frozen=True)
class Waiting:
    """How long to wait for somebody else's refresh."""

    seconds: float = PATIENCE_SECONDS
    sleep: Callable[[float], object] = time.sleep


def fresh(
    engine: Engine,
    connection: ConnectionRow,
    consent_id: UUID,
    scope: CallScope,
    waiting: Waiting | None = None,
) -> bytes:
    """The sealed credentials of a consent, renewed when they are about to end.

    Raises:
        AuthorizationLost: The consent has ended.
        Transient: The provider does not answer, or somebody else's refresh takes too long.
    """
    waiting = waiting or Waiting()
    patience = Deadline(waiting.seconds, engine.clocks)
    while True:
        deadline = Deadline(MOST_SECONDS_OF_CALLING, engine.clocks)
        with engine.begin() as work:
            consent = work.consents.get(consent_id, MARGIN)
            ours = consent.ends_soon and work.consents.claim_refresh(
                consent_id, consent.token_version, LEASE
            )
        if not consent.ends_soon:
            return consent.sealed
        if ours:
            call = CallScope(scope.correlation_id, deadline)
            try:
                return _renewed(engine, connection, consent_id, consent, call)
            finally:
                scope.count(calls=call.calls, received=call.bytes_received)
        if patience.left() <= 0:
            raise Transient("somebody else is still renewing the access", code="refreshing")
        waiting.sleep(POLL_SECONDS)


def _renewed(
    engine: Engine,
    connection: ConnectionRow,
    consent_id: UUID,
    consent: Consent,
    scope: CallScope,
) -> bytes:
    """Renew tokens under the lease that was just taken."""
    kept = False
    try:
        new = engine.renew(connection, consent.sealed, scope)
        with engine.begin() as work:
            kept = work.consents.refreshed(
                consent_id, consent.token_version, new.sealed, new.expires_at
            )
    finally:
        if not kept:
            with engine.begin() as work:
                work.consents.give_up_refresh(consent_id, consent.token_version)
    log.info("consent.refreshed", consent=str(consent_id), kept=kept)
    if kept:
        return new.sealed
    # A person authorized anew meanwhile: theirs is the consent that counts.
    with engine.begin() as work:
        return work.consents.get(consent_id, MARGIN).sealed
