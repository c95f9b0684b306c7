"""Authorizing a connection: from its URL, over the owner's consent, to `connected`.

`begin` makes a connection in `pending_auth`; whoever has its URL may authorize it, either at the
provider (OAuth2: authorization code, single-use state, PKCE) or by giving credentials on a page
of ours. The same URL authorizes a connection anew after the provider stopped accepting us, and
then only for the same books. The provider is called with no transaction open; what it answered is
stored, together with the status, in one.
"""

import hashlib
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from connectors import auth
from connectors.base import AuthKind, CallScope, ConnectorSpec, Identity, Role
from models.crypto import UnreadableSecretError
from models.tables import ConnectionRole, ConnectionRow, ConnectionStatus
from models.unit_of_work import UnitOfWork
from sync import connections, runs
from sync.connections import Kept
from sync.engine import Engine, log
from sync.errors import InvalidInputError, NotAllowedError, SyncError
from sync.opener import Opener
from sync.schedule import Schedule

LINK_SECONDS = 24 * 3600
"""How long a connection URL opens its page; asking for the connection gives a new one."""
STATE_LIFE = timedelta(minutes=10)
ACTOR = "connection-url"
"""Who authorized, for the audit log: somebody who had the URL."""

_LINK = "connect"
_STALE = (
    "This authorization is not known, was used before, or took longer than ten minutes. Nothing "
    "was changed: start again from the link to the connection."
)
_OPEN = frozenset({ConnectionStatus.PENDING_AUTH, ConnectionStatus.DEAUTHORIZED})


class LinkError(SyncError):
    """A connection URL that was never given out, or has expired."""


class StateError(SyncError):
    """An answer to a question that was not asked here, was answered before, or too long ago."""


@dataclass(frozen=True)
class Asked:
    """A connection that somebody is about to authorize."""

    connection: ConnectionRow
    spec: ConnectorSpec


@dataclass(frozen=True)
class Authorized:
    """What an authorization came to."""

    connection_id: UUID
    ledger: str
    organisation: str | None
    """None while another request is still completing the same authorization."""


def begin(
    engine: Engine,
    opener: Opener,
    *,
    billing_entity_id: UUID,
    provider: str,
    actor: str,
    settings: Mapping[str, Any] | None = None,
    base_url: str | None = None,
    role: Role = Role.LEDGER,
    schedule: str = "24h",
    start_date: date | None = None,
) -> ConnectionRow:
    """Make a connection that waits for its authorization; `connection_url` leads to it.

    Raises:
        UnknownConnectorError: There is no such provider.
        InvalidInputError: Something given is not usable, or an operator must register us first.
        NotAllowedError: The billing entity has a ledger already.
    """
    spec = engine.spec(provider)
    if role not in spec.roles:
        raise InvalidInputError(f"{spec.name} cannot be a {role.value}")
    Schedule.parse(schedule)
    if spec.by_others:
        raise InvalidInputError(f"{spec.name} needs no authorization: nobody here calls it")
    if base_url is not None or spec.auth is AuthKind.OAUTH2:
        opener.checked_url(spec, base_url)
    if spec.auth is AuthKind.OAUTH2:
        opener.endpoint(spec, base_url)
    given = dict(settings or {})
    connections.validated(spec.settings, given, "settings")
    with engine.begin() as work:
        connections.refuse_second_ledger(work, billing_entity_id, role)
        row = work.connections.add_pending(
            billing_entity_id=billing_entity_id,
            provider=spec.key,
            role=ConnectionRole(role.value),
            base_url=base_url,
            settings=given,
            posting_from=start_date,
            schedule=schedule,
        )
        work.audit.add(actor, "connection.begin", str(row.id), provider=spec.key)
    log.info("connection.begun", connection=str(row.id))
    return row


def connection_url(opener: Opener, connection_id: UUID) -> str:
    """Where a connection is authorized; the URL is a key to it for `LINK_SECONDS`."""
    held = {_LINK: str(connection_id), "expires": int(time.time()) + LINK_SECONDS}
    token = opener.keys.seal(held).decode()
    return f"{opener.public_url}/v1/connect/{connection_id}?token={token}"


def require_open(engine: Engine, connection_id: UUID) -> None:
    """Make sure that a connection waits for its owner.

    Raises:
        NotFoundError: There is no such connection.
        NotAllowedError: It is authorized, or was disconnected.
    """
    with engine.begin() as work:
        _require_open(connections.get(work, connection_id))


def asked(engine: Engine, opener: Opener, connection_id: str, token: str) -> Asked:
    """The connection that a URL leads to, if it can be authorized now.

    Raises:
        LinkError: The URL is no good.
        NotAllowedError: The connection is authorized, or was disconnected.
    """
    refused = LinkError("This link is not valid, or it has expired. Ask for a new one.")
    try:
        held = opener.keys.open(token.encode())
        meant, expires = UUID(held[_LINK]), int(held["expires"])
    except (UnreadableSecretError, KeyError, ValueError, TypeError):
        raise refused from None
    if expires <= time.time() or str(meant) != connection_id.lower():
        raise refused
    with engine.begin() as work:
        connection = work.connections.get(meant)
    if connection is None:
        raise refused
    _require_open(connection)
    return Asked(connection, engine.spec_of(connection))


def _require_open(connection: ConnectionRow) -> None:
    if connection.status not in _OPEN:
        raise NotAllowedError(
            f"The connection is {connection.status.value}: there is nothing to authorize."
        )


def consent_url(engine: Engine, opener: Opener, this: Asked, browser: str) -> str:
    """The provider's page where the owner consents.

    `browser` is a secret that only the browser has which was sent there: an answer that comes
    with another one was started by somebody else.
    """
    endpoint = opener.endpoint(this.spec, this.connection.base_url)
    state, verifier = secrets.token_urlsafe(32), auth.new_verifier()
    with engine.begin() as work:
        work.authorizations.start(
            connection_id=this.connection.id,
            state_hash=_hashed(state),
            browser_hash=_hashed(browser),
            sealed=opener.keys.seal({"verifier": verifier}),
            life=STATE_LIFE,
        )
    return auth.authorize_url(
        endpoint, redirect_uri=opener.callback_url, state=state, verifier=verifier
    )


def complete(
    engine: Engine,
    opener: Opener,
    *,
    state: str,
    browser: str,
    code: str,
    beside: Mapping[str, str] | None = None,
) -> Authorized:
    """Exchange the code that a consent gave, and connect; a repeated answer changes nothing.

    `beside` is what else the answer said; what the provider's spec names of it is kept.

    Raises:
        StateError: The answer does not belong to a question of ours.
        NotAllowedError: The connection was authorized or disconnected meanwhile.
        ConnectorError: The provider refused, is away, or the consent is for other books.
    """
    claim = {"state_hash": _hashed(state), "browser_hash": _hashed(browser)}
    with engine.begin() as work:
        claimed = work.authorizations.claim(**claim, code_hash=_hashed(code))
        if claimed is None:
            return _answered_before(work, engine, code_hash=_hashed(code), **claim)
        connection = connections.get(work, claimed.connection_id)
    outcome = "failed"
    try:
        _require_open(connection)
        spec = engine.spec_of(connection)
        said = _kept_of(spec, beside or {})
        tokens = auth.exchange(
            opener.http,
            opener.endpoint(spec, connection.base_url),
            code=code,
            redirect_uri=opener.callback_url,
            verifier=opener.keys.open(claimed.sealed)["verifier"],
            scope=CallScope(f"connect-{connection.id}"),
        )
        given = tokens.model_copy(update={"callback": said}).plain()
        done = connect(engine, opener, connection, given, actor=ACTOR)
        outcome = "connected"
    finally:
        with engine.begin() as work:
            work.authorizations.ended(claimed.id, outcome)
    return done


def _kept_of(spec: ConnectorSpec, beside: Mapping[str, str]) -> dict[str, str]:
    """What an answer must say beside its code.

    Raises:
        InvalidInputError: It does not.
    """
    names = spec.oauth.callback_keeps if spec.oauth else ()
    missing = [name for name in names if not beside.get(name)]
    if missing:
        raise InvalidInputError(
            f"{spec.name} did not say whose books these are ({', '.join(missing)}): start again "
            "from the link to the connection"
        )
    return {name: beside[name] for name in names}


def _answered_before(
    work: UnitOfWork, engine: Engine, *, state_hash: str, browser_hash: str, code_hash: str
) -> Authorized:
    """The answer to a callback that came twice: a double click, or a page that was reloaded."""
    known = work.authorizations.find(state_hash=state_hash, browser_hash=browser_hash)
    if known is None or known.code_hash != code_hash or known.outcome == "failed":
        raise StateError(_STALE)
    connection = connections.get(work, known.connection_id)
    name = connection.platform_organisation_name if known.outcome == "connected" else None
    return Authorized(connection.id, engine.spec_of(connection).name, name)


def refused(engine: Engine, *, state: str, browser: str) -> None:
    """The owner, or the provider, did not consent; the connection stays as it is.

    Raises:
        StateError: The answer does not belong to a question of ours.
    """
    with engine.begin() as work:
        claimed = work.authorizations.claim(
            state_hash=_hashed(state), browser_hash=_hashed(browser), code_hash=_hashed("")
        )
        if claimed is None:
            raise StateError(_STALE)
        work.authorizations.ended(claimed.id, "failed")


def connect(
    engine: Engine,
    opener: Opener,
    connection: ConnectionRow,
    credentials: dict[str, Any],
    *,
    base_url: str | None = None,
    actor: str = ACTOR,
) -> Authorized:
    """Check credentials at the provider and connect with them; nothing is stored otherwise.

    Raises:
        InvalidInputError: They, or the address, do not fit.
        NotAllowedError: The connection was authorized or disconnected meanwhile.
        ConnectorError: The provider refuses them, is away, or they open other books.
    """
    spec = engine.spec_of(connection)
    url = connection.base_url or base_url
    unstored = ConnectionRow(
        id=connection.id,
        provider=connection.provider,
        base_url=url,
        settings=connection.settings,
        platform_organisation_id=connection.platform_organisation_id,
    )
    kept, identity = connections.tried(
        engine, opener, unstored, credentials, CallScope(f"connect-{connection.id}")
    )
    with engine.begin() as work:
        first = _store(work, connection.id, kept=kept, identity=identity, base_url=url)
        work.audit.add(
            actor,
            "connection.authorize" if first else "connection.reauthorize",
            str(connection.id),
            organisation=identity.organisation_id,
        )
        if first:
            work.waiting.adopt(connection.id)
            work.queue.enqueue(connection.id, connections.pushed_types(spec))
        else:
            connections.authorization_is_back(work, engine, connection, actor=actor)
    if first:
        # Should this process die right here, the clock that was set above starts the run.
        runs.trigger_run(engine, connection.id)
    log.info("connection.authorized", connection=str(connection.id), first=first)
    return Authorized(connection.id, spec.name, identity.organisation_name)


def _store(
    work: UnitOfWork,
    connection_id: UUID,
    *,
    kept: Kept,
    identity: Identity,
    base_url: str | None,
) -> bool:
    """Keep the new consent, unless the connection changed meanwhile; whether it is the first."""
    row = work.connections.locked(connection_id)
    _require_open(row)
    if row.consent_id is not None:
        connections.assert_identity(row, identity)
        connections.store_anew(work, row, kept)
        return False
    work.connections.authorized(
        row,
        consent_id=kept.consent_id or work.consents.add(row.provider, kept.held),
        organisation=(identity.organisation_id, identity.organisation_name),
        base_url=base_url,
    )
    return True


def _hashed(secret: str) -> str:
    # Random secrets of 256 bits need no slow hash.
    return hashlib.sha256(secret.encode()).hexdigest()
