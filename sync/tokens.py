"""Keeping access tokens fresh: one request at a time per consent, stored before it is used.

Where a provider rotates refresh tokens, two refreshes at once can cost the whole consent, and so
can a new token that is used before it is safe; where credentials buy tokens, there may be five an
hour. Hence: a lease on the consent's row, the call with no transaction open, and a commit behind
the fence of the token version, before anybody sees the new token. Whoever finds the lease taken
waits for the new token.

A request that is refused for now closes the way for others until its time; work goes on with the
old token for as long as that lives.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from connectors.base import CallScope, Deadline
from connectors.errors import AuthorizationLost, ConnectorError, RateLimited, Transient
from connectors.http import LATE
from models.repositories import Consent, Held
from models.tables import ConnectionRow
from sync.engine import Engine, log

MARGIN = timedelta(seconds=60)
"""A token that ends sooner is renewed before work begins."""
ASSUMED_LIFE = timedelta(minutes=30)
"""A bought token whose end nobody said is renewed after this; sooner when it is refused."""
PAUSE = timedelta(seconds=60)
"""How long no token is asked for when the provider refused or was away and did not say."""
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


@dataclass(frozen=True)
class _Wanted:
    """Which tokens need no renewal, and which do when there is none."""

    good: Callable[[Consent], bool]
    usable: Callable[[Consent], bool]


def fresh(
    engine: Engine,
    connection: ConnectionRow,
    consent_id: UUID,
    scope: CallScope,
    waiting: Waiting | None = None,
) -> Held:
    """What a consent holds, renewed when it is about to end.

    Raises:
        AuthorizationLost: The consent has ended.
        RateLimited: The token has ended, and the provider gives no other one yet.
        Transient: The provider does not answer, or somebody else's refresh takes too long.
        ActionRequired: The provider does not know us any more: an operator must act.
    """
    buys = engine.spec_of(connection).sign_in is not None

    def there(consent: Consent) -> bool:
        return consent.held.access is not None or not buys

    wanted = _Wanted(
        good=lambda consent: there(consent) and not consent.ends_soon,
        usable=lambda consent: there(consent) and not consent.ended,
    )
    return _held(engine, connection, consent_id, scope, wanted=wanted, waiting=waiting or Waiting())


def another(
    engine: Engine,
    connection: ConnectionRow,
    consent_id: UUID,
    scope: CallScope,
    *,
    refused: Callable[[Held], bool],
    waiting: Waiting | None = None,
) -> Held:
    """What to use instead of a token that the provider refused although it should live.

    Raises:
        AuthorizationLost: The consent has ended.
        RateLimited: The provider gives no other token yet.
        Transient: It does not answer, or somebody else's refresh takes too long.
    """

    def good(consent: Consent) -> bool:
        return not refused(consent.held)

    wanted = _Wanted(good, good)
    return _held(engine, connection, consent_id, scope, wanted=wanted, waiting=waiting or Waiting())


def _held(
    engine: Engine,
    connection: ConnectionRow,
    consent_id: UUID,
    scope: CallScope,
    *,
    wanted: _Wanted,
    waiting: Waiting,
) -> Held:
    patience = Deadline(waiting.seconds, engine.clocks)
    while True:
        deadline = Deadline(MOST_SECONDS_OF_CALLING, engine.clocks)
        with engine.begin() as work:
            consent = work.consents.get(consent_id, MARGIN, ASSUMED_LIFE)
            good = wanted.good(consent)
            ours = not good and work.consents.claim_refresh(
                consent_id, consent.token_version, LEASE
            )
        if good:
            return consent.held
        if ours:
            call = CallScope(scope.correlation_id, deadline)
            try:
                return _renewed(engine, connection, consent_id, consent, call, wanted=wanted)
            finally:
                scope.count(calls=call.calls, received=call.bytes_received)
        over = patience.left() <= 0
        if (over or consent.closed_for is not None) and wanted.usable(consent):
            return consent.held
        if consent.closed_for is not None:
            raise RateLimited(
                "the provider gives no new access token yet",
                code="no_token_yet",
                retry_after=consent.closed_for,
            )
        if over:
            raise Transient("somebody else is still renewing the access", code="refreshing")
        waiting.sleep(POLL_SECONDS)


def _renewed(
    engine: Engine,
    connection: ConnectionRow,
    consent_id: UUID,
    consent: Consent,
    scope: CallScope,
    *,
    wanted: _Wanted,
) -> Held:
    """Renew tokens under the lease that was just taken."""
    kept = False
    pause: timedelta | None = None
    try:
        new = engine.renew(connection, consent.held.sealed, scope)
        with engine.begin() as work:
            kept = work.consents.refreshed(
                consent_id,
                consent.token_version,
                sealed=new.sealed,
                access=new.access,
                expires_at=new.expires_at,
            )
    except AuthorizationLost:
        raise
    except ConnectorError as error:
        if error.code == LATE:
            raise  # nothing left this machine
        pause = error.retry_after = error.retry_after or PAUSE
        if not wanted.usable(consent):
            raise
    finally:
        if not kept:
            with engine.begin() as work:
                work.consents.give_up_refresh(consent_id, consent.token_version, pause=pause)
        log.info("consent.refreshed", consent=str(consent_id), kept=kept, pause=str(pause or ""))
    if kept:
        return Held(new.sealed or consent.held.sealed, new.access, new.expires_at)
    # The old ones must do; or a person authorized anew meanwhile, and theirs are what counts.
    with engine.begin() as work:
        return work.consents.get(consent_id, MARGIN, ASSUMED_LIFE).held
