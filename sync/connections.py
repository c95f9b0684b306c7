"""The life of a connection: added, checked, opened for work, stopped, authorized anew, ended.

How a connector is built for it is `sync.opener`'s affair. A connector is opened for one piece of work; before the first write of each, the organisation
behind the credentials is compared with the one that was connected.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pydantic

from connectors.auth import OAuthTokens
from connectors.base import (
    AuthKind,
    CallScope,
    Connector,
    ConnectorSpec,
    Identity,
    Role,
    Uploads,
)
from connectors.errors import (
    AuthorizationLost,
    Cause,
    ConnectorError,
    RateLimited,
    Transient,
    Unavailable,
)
from models.crypto import UnreadableSecretError
from models.repositories import Held
from models.tables import ConnectionRole, ConnectionRow, ConnectionStatus
from models.unit_of_work import UnitOfWork
from sync import tokens
from sync.catalogue import ANSWERED_CODES, AUTHORIZATION_CODES, in_words
from sync.engine import Another, Engine, log
from sync.errors import InvalidInputError, NotAllowedError, NotFoundError
from sync.opener import Opener
from sync.outcome import Stop, park_time
from sync.schedule import Schedule


@dataclass(frozen=True)
class NewConnection:
    """What a person gives to connect a billing entity."""

    billing_entity_id: UUID
    provider: str
    role: Role
    credentials: dict[str, Any]
    settings: dict[str, Any]
    base_url: str | None
    schedule: str
    start_date: date | None
    same_consent: UUID | None = None
    """A connection whose consent opens these books too; then there are no credentials."""


def add(engine: Engine, opener: Opener, new: NewConnection, *, actor: str) -> ConnectionRow:
    """Check credentials at the provider and store the connection; nothing is stored otherwise.

    Raises:
        InvalidInputError: Something given is not usable; says which field and why.
        NotAllowedError: The billing entity has a ledger already.
        ConnectorError: The provider refused or cannot be reached.
    """
    spec = engine.spec(new.provider)
    if new.role not in spec.roles:
        raise InvalidInputError(f"{spec.name} cannot be a {new.role.value}")
    schedule = Schedule.parse(new.schedule)
    url = opener.checked_url(spec, new.base_url)
    if new.same_consent is None:
        validated(spec.credentials, new.credentials, "credentials")
    validated(spec.settings, new.settings, "settings")
    with engine.begin() as work:
        refuse_second_ledger(work, new.billing_entity_id, new.role)
    scope = CallScope(correlation_id=f"connect-{new.provider}")
    unstored = ConnectionRow(provider=spec.key, base_url=new.base_url, settings=new.settings)
    if new.same_consent is not None:
        kept, identity = _shared(engine, unstored, new.same_consent, scope)
    else:
        kept, identity = tried(engine, opener, unstored, new.credentials, scope)
    with engine.begin() as work:
        refuse_second_ledger(work, new.billing_entity_id, new.role)
        row = work.connections.add(
            billing_entity_id=new.billing_entity_id,
            provider=spec.key,
            role=ConnectionRole(new.role.value),
            sealed=kept.held.sealed,
            base_url=new.base_url,
            organisation=(identity.organisation_id, identity.organisation_name),
            settings=new.settings,
            posting_from=new.start_date,
            schedule=new.schedule,
            next_sync_at=work.connections.now(),
            by_others=spec.by_others,
            expires_at=kept.held.expires_at,
            access=kept.held.access,
            consent_id=kept.consent_id,
        )
        work.audit.add(actor, "connection.add", str(row.id), provider=spec.key, url=url)
        work.waiting.adopt(row.id)
        work.queue.enqueue(row.id, pushed_types(engine.spec_of(row)))
    log.info("connection.added", connection=str(row.id), schedule=str(schedule))
    return row


def validated(
    model: type[pydantic.BaseModel], values: dict[str, Any], what: str
) -> pydantic.BaseModel:
    """Values that people gave, as their model.

    Raises:
        InvalidInputError: They do not fit; says which field and why, and never the value.
    """
    try:
        return model.model_validate(values)
    except pydantic.ValidationError as error:
        known = ", ".join(sorted(model.model_fields))
        raise InvalidInputError(
            f"the {what} do not fit ({_problems_of(error, what)}); known are {known}"
        ) from None


def _problems_of(error: pydantic.ValidationError, whole: str = "it") -> str:
    """Which fields do not fit and why, without their values."""
    return "; ".join(
        f"{'.'.join(map(str, problem['loc'])) or whole}: {problem['msg'].lower()}"
        for problem in error.errors(include_url=False, include_input=False)
    )


def expiry_of(credentials: pydantic.BaseModel) -> datetime | None:
    """When credentials end by themselves; None where they do not."""
    return credentials.expires_at if isinstance(credentials, OAuthTokens) else None


@dataclass(frozen=True)
class Kept:
    """Credentials that the provider accepted, as they are stored."""

    held: Held
    consent_id: UUID | None = None
    """Of equal ones that are stored already."""


def tried(
    engine: Engine,
    opener: Opener,
    connection: ConnectionRow,
    credentials: dict[str, Any],
    scope: CallScope,
) -> tuple[Kept, Identity]:
    """Find out at the provider whose books credentials open; the connection may be unstored.

    Those that buy a token buy one here, unless another connection to the same address has equal
    ones: the two share them from then on, and the token.

    Raises:
        InvalidInputError: They do not fit.
        ConnectorError: The provider refuses them, or is away.
    """
    spec = engine.spec_of(connection)
    known = validated(spec.credentials, credentials, "credentials")
    sealed = opener.keys.seal(credentials)
    another: Another | None = None
    if spec.sign_in is None:
        kept = Kept(Held(sealed, expires_at=expiry_of(known)))
    elif shared := _equal_consent(engine, opener, connection, credentials):
        kept = Kept(tokens.fresh(engine, connection, shared, scope), shared)
        another = _another(engine, connection, shared, scope)
    else:
        new = engine.renew(connection, sealed, scope)
        kept = Kept(Held(sealed, new.access, new.expires_at))
    return kept, engine.open_connector(connection, kept.held, scope, another).check()


def _shared(
    engine: Engine, unstored: ConnectionRow, other_id: UUID, scope: CallScope
) -> tuple[Kept, Identity]:
    """Whose books another connection's consent opens with the settings of a new one.

    Raises:
        InvalidInputError: The two cannot share one.
        ConnectorError: The provider refuses it, or is away.
    """
    with engine.begin() as work:
        other = get(work, other_id)
    same = (other.provider, other.base_url) == (unstored.provider, unstored.base_url)
    if not same or other.consent_id is None or other.status is ConnectionStatus.DISCONNECTED:
        raise InvalidInputError(
            f"the consent of connection {other_id} cannot be shared: it must be an authorized one "
            "with the same provider and address"
        )
    unstored.consent_id = other.consent_id
    held = tokens.fresh(engine, unstored, other.consent_id, scope)
    another = _another(engine, unstored, other.consent_id, scope)
    identity = engine.open_connector(unstored, held, scope, another).check()
    if identity.organisation_id == other.platform_organisation_id:
        raise InvalidInputError(
            f"{identity.organisation_name} is what connection {other_id} leads to: say in the "
            "settings which other organisation of the same consent this one is for"
        )
    return Kept(held, other.consent_id), identity


def _equal_consent(
    engine: Engine, opener: Opener, connection: ConnectionRow, credentials: dict[str, Any]
) -> UUID | None:
    with engine.begin() as work:
        there = work.consents.at(connection.provider, connection.base_url)
    for consent_id, sealed in there:
        # What another key ring encrypted is another's.
        with contextlib.suppress(UnreadableSecretError):
            if opener.keys.open(sealed) == credentials:
                return consent_id
    return None


def store_anew(work: UnitOfWork, connection: ConnectionRow, kept: Kept) -> None:
    """Give a connection other credentials; those that shared its old ones keep them."""
    assert connection.consent_id is not None  # noqa: S101  # it was authorized before
    old = connection.consent_id
    if kept.consent_id is not None:
        work.connections.live_from(connection.id, kept.consent_id)
    elif work.consents.serves_others(old, connection.id):
        new = work.consents.add(connection.provider, kept.held)
        work.connections.live_from(connection.id, new)
    else:
        work.consents.replace(old, kept.held)


def refuse_second_ledger(work: UnitOfWork, billing_entity_id: UUID, role: Role) -> None:
    """Make sure that a billing entity has no ledger, until this transaction ends.

    Raises:
        NotAllowedError: It has one.
    """
    if role is not Role.LEDGER:
        return
    work.connections.lock_entity(billing_entity_id)
    present = work.connections.ledger_of(billing_entity_id)
    if present is not None:
        raise NotAllowedError(
            f"the billing entity has a ledger already (connection {present.id}, "
            f"{present.provider}): disconnect it first"
        )


def pushed_types(spec: ConnectorSpec) -> Sequence[Any]:
    """The types of object that a connector can write."""
    return [kind for kind, types in spec.types.items() if types.push]


def get(work: UnitOfWork, connection_id: UUID) -> ConnectionRow:
    """A connection.

    Raises:
        NotFoundError: There is none with that id.
    """
    row = work.connections.get(connection_id)
    if row is None:
        raise NotFoundError(
            f"there is no connection {connection_id}: see `ledgerbridge connections list`"
        )
    return row


def open_for(engine: Engine, connection: ConnectionRow, scope: CallScope) -> Connector:
    """A connector for a piece of work; a token that is about to end is renewed before.

    Raises:
        NotAllowedError: The connection was never authorized.
        AuthorizationLost: Its consent has ended; whatever lives from it is stopped by then.
        ConnectorError: The token could not be renewed now.
    """
    if connection.consent_id is None:
        raise NotAllowedError(
            "the connection waits for its authorization: somebody must open its connection URL"
        )
    consent_id = connection.consent_id
    with _ending_all(engine, consent_id):
        held = tokens.fresh(engine, connection, consent_id, scope)
    another = _another(engine, connection, consent_id, scope)
    with in_use():
        return engine.open_connector(connection, held, scope, another)


def uploads_for(engine: Engine, connection: ConnectionRow, scope: CallScope) -> Uploads:
    """What hands files in for a connection; raises as `open_for` does."""
    if connection.consent_id is None:
        raise NotAllowedError("the connection waits for its authorization")
    consent_id = connection.consent_id
    with _ending_all(engine, consent_id):
        held = tokens.fresh(engine, connection, consent_id, scope)
    another = _another(engine, connection, consent_id, scope)
    with in_use():
        return engine.open_uploads(connection, held, scope, another)


@contextlib.contextmanager
def in_use() -> Iterator[None]:
    """What was fit to use when it was connected may not be today: a person must see to it.

    An operator has taken its address off the list, or a version knows other settings.

    Raises:
        Unavailable: It is not; the cause is for an administrator.
    """
    try:
        yield
    except InvalidInputError as error:
        said = str(error)
    except pydantic.ValidationError as error:
        said = f"what is stored of it does not fit this version ({_problems_of(error)})"
    else:
        return
    cause = Cause("connection_not_usable", "connection", {"message": said})
    raise Unavailable(said, code="not_usable", cause=cause)


def _another(
    engine: Engine, connection: ConnectionRow, consent_id: UUID, scope: CallScope
) -> Another:
    """What a connector calls, in the middle of its work, when its token is refused."""

    def renewed(refused: Callable[[Held], bool]) -> Held:
        try:
            with _ending_all(engine, consent_id):
                return tokens.another(engine, connection, consent_id, scope, refused=refused)
        except (AuthorizationLost, Transient):
            raise
        except ConnectorError as error:
            # An operator's matter, not any record's: the work at hand waits for it.
            raise Unavailable(error.message, code=error.code) from None

    return renewed


@contextlib.contextmanager
def _ending_all(engine: Engine, consent_id: UUID) -> Iterator[None]:
    """When a consent has ended, stop whatever lives from it."""
    try:
        yield
    except AuthorizationLost as error:
        with engine.begin() as work:
            for sharing in work.consents.connections_of(consent_id):
                stop(work, engine, sharing, Stop.DEAUTHORIZE, error)
        raise


def assert_identity(connection: ConnectionRow, identity: Identity) -> None:
    """Refuse to go on when the credentials open other books than those that were connected.

    Raises:
        AuthorizationLost: They do; its cause names both.
    """
    if identity.organisation_id != connection.platform_organisation_id:
        theirs = f"{identity.organisation_name} ({identity.organisation_id})"
        ours = f"{connection.platform_organisation_name} ({connection.platform_organisation_id})"
        raise AuthorizationLost(
            f"the credentials open {theirs}, not {ours}",
            cause=Cause("wrong_organisation", "organisation", {"theirs": theirs, "ours": ours}),
        )


def check(engine: Engine, connection_id: UUID) -> Identity:
    """Ask the provider who we are; compares with what was connected.

    Raises:
        ConnectorError: It does not answer, refuses, or is somebody else.
    """
    with engine.begin() as work:
        connection = get(work, connection_id)
    identity = open_for(engine, connection, CallScope(f"check-{connection_id}")).check()
    assert_identity(connection, identity)
    with engine.begin() as work:
        provider_answers(work, connection)
    return identity


def provider_answers(work: UnitOfWork, connection: ConnectionRow) -> None:
    """Forget what was held against a provider that answers again."""
    work.connections.unpark(connection.id)
    closed = [issue for code in ANSWERED_CODES for issue in work.issues.find(connection.id, code)]
    work.issues.close(closed, by="it answers again")


def stop_for(error: ConnectorError) -> Stop | None:
    """What an error outside of any record means for the connection."""
    match error:
        case AuthorizationLost():
            return Stop.DEAUTHORIZE
        case RateLimited():
            return Stop.PARK
        case Unavailable():
            return Stop.AWAY
    return None


def stop(
    work: UnitOfWork,
    engine: Engine,
    connection: ConnectionRow,
    how: Stop,
    error: ConnectorError,
) -> None:
    """Let nothing more out through a connection: until a person acts, or for a while."""
    spec = engine.spec_of(connection)
    words = {"message": error.message}
    if how is Stop.DEAUTHORIZE:
        cause = error.cause or Cause("authorization_lost", "credentials", words)
        if spec.auth is AuthKind.OAUTH2:
            cause = replace(cause, words={**cause.words, "or_file": ""})
        work.connections.set_status(connection.id, ConnectionStatus.DEAUTHORIZED)
        work.queue.hold(connection.id, f"{spec.name} no longer accepts our credentials.")
    elif how is Stop.PARK:
        delay = error.retry_after or engine.timing.retry_base
        work.connections.park(connection.id, delay, failure=False)
        until = f"{work.connections.now() + delay:%Y-%m-%d %H:%M:%S} UTC"
        if delay < timedelta(minutes=5):
            return  # a pause within the minute is everyday business, no news for people
        named = error.cause or Cause("quota_used_up", "quota", {})
        cause = replace(named, words=words | named.words | {"until": until})
    else:
        delay = park_time(connection.failures, engine.timing)
        work.connections.park(connection.id, delay, failure=True)
        cause = error.cause or Cause("ledger_unreachable", "address", words)
    say(work, connection, spec, cause, error.message)
    log.warning("connection.stopped", connection=str(connection.id), how=how.value)


def say(
    work: UnitOfWork, connection: ConnectionRow, spec: ConnectorSpec, cause: Cause, message: str
) -> None:
    """Tell people what stands in the way of a connection as a whole."""
    draft = in_words(cause, ledger=spec.name, connection=connection.id, provider_message=message)
    work.issues.open(connection.id, [draft])


def pause(engine: Engine, connection_id: UUID, *, actor: str) -> None:
    """Stop all work of a connection until it is resumed; nothing is lost."""
    with engine.begin() as work:
        connection = get(work, connection_id)
        if connection.status is not ConnectionStatus.CONNECTED:
            raise NotAllowedError(
                f"the connection is {connection.status.value}; only a connected one can be paused"
            )
        work.connections.set_status(connection_id, ConnectionStatus.PAUSED)
        work.queue.hold(connection_id, "The connection is paused.")
        work.audit.add(actor, "connection.pause", str(connection_id))


def resume(engine: Engine, connection_id: UUID, *, actor: str) -> None:
    """Go on after a pause."""
    with engine.begin() as work:
        get(work, connection_id)
        connection = work.connections.locked(connection_id)
        if connection.status is not ConnectionStatus.PAUSED:
            raise NotAllowedError(
                f"the connection is {connection.status.value}; only a paused one can be resumed"
            )
        work.connections.set_status(connection_id, ConnectionStatus.CONNECTED)
        work.queue.release_held(connection_id)
        work.audit.add(actor, "connection.resume", str(connection_id))
        _hint(work, engine, connection)


def start(engine: Engine, connection_id: UUID, posting_from: date, *, actor: str) -> None:
    """Allow posting of documents dated on or after a day."""
    with engine.begin() as work:
        connection = get(work, connection_id)
        work.connections.start_posting(connection_id, posting_from)
        work.queue.apply_start(connection_id, posting_from)
        work.audit.add(
            actor, "connection.start", str(connection_id), posting_from=str(posting_from)
        )
        _hint(work, engine, connection)


def _hint(work: UnitOfWork, engine: Engine, connection: ConnectionRow) -> None:
    """Tell workers to look at a connection, unless it is none of theirs."""
    if not connection.by_others:
        work.after_commit(lambda: engine.hints.push(connection.id))


def disconnect(engine: Engine, connection_id: UUID, *, actor: str) -> None:
    """End a connection for good; its log stays."""
    with engine.begin() as work:
        before = get(work, connection_id)
        work.connections.set_status(connection_id, ConnectionStatus.DISCONNECTED)
        work.access.set_active(connection_id, active=False)
        work.queue.hold(connection_id, "The connection was disconnected.")
        work.uploads.end_all(connection_id, "The connection was disconnected.")
        work.audit.add(actor, "connection.disconnect", str(connection_id))
        organisation = before.platform_organisation_id
        others = work.connections.of_organisations(before.provider, [organisation or ""])
    if not others:
        _take_leave(engine, before)


def _take_leave(engine: Engine, connection: ConnectionRow) -> None:
    """Tell the provider, where it counts who is connected; ours has ended, whatever it answers.

    Not while another connection leads to the same organisation: it would end with this one.
    """
    usable = {ConnectionStatus.CONNECTED, ConnectionStatus.PAUSED}
    if (
        connection.consent_id is None
        or connection.status not in usable
        or engine.spec_of(connection).leave is None
    ):
        return
    scope = CallScope(f"disconnect-{connection.id}")
    try:
        held = tokens.fresh(engine, connection, connection.consent_id, scope)
        engine.leave(connection, held, scope)
    except ConnectorError as error:
        log.warning("connection.not_left", connection=str(connection.id), error=error.message)
    except Exception:  # noqa: BLE001  # an address or secrets that are of no use any more
        log.exception("connection.not_left", connection=str(connection.id))


def reauthorize(
    engine: Engine,
    opener: Opener,
    connection_id: UUID,
    credentials: dict[str, Any],
    *,
    actor: str,
) -> Identity:
    """Give a connection new credentials, for the same books as before.

    Raises:
        ConnectorError: The provider refuses them, or they open other books.
    """
    with engine.begin() as work:
        connection = get(work, connection_id)
    _require_not_ended(connection)
    if connection.consent_id is None:
        raise NotAllowedError("the connection was never authorized: open its connection URL")
    scope = CallScope(f"reauthorize-{connection_id}")
    kept, identity = tried(engine, opener, connection, credentials, scope)
    assert_identity(connection, identity)
    with engine.begin() as work:
        connection = work.connections.locked(connection_id)
        _require_not_ended(connection)
        store_anew(work, connection, kept)
        authorization_is_back(work, engine, connection, actor=actor)
        work.audit.add(actor, "connection.reauthorize", str(connection_id))
    return identity


def _require_not_ended(connection: ConnectionRow) -> None:
    if connection.status is ConnectionStatus.DISCONNECTED:
        raise NotAllowedError("the connection was disconnected: add a new one")


def authorization_is_back(
    work: UnitOfWork, engine: Engine, connection: ConnectionRow, *, actor: str
) -> None:
    """Let go on what waited for new credentials."""
    connection = work.connections.locked(connection.id)  # the old ones may be refused by now
    if connection.status is ConnectionStatus.DEAUTHORIZED:
        work.connections.set_status(connection.id, ConnectionStatus.CONNECTED)
        work.queue.release_held(connection.id)
    for code in AUTHORIZATION_CODES:
        work.issues.close(work.issues.find(connection.id, code), by=actor)
    _hint(work, engine, connection)
