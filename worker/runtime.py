"""What a process of ours is made of: engine, HTTP client, key ring. Built once, passed on.

A worker builds it after the fork (`worker_process_init`), never before: database connections and
HTTP clients must not be shared with the parent.
"""

import gc
import os
import socket
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import httpx
import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import sessionmaker

from connectors import registry
from models.crypto import KeyRing
from models.tables import ConnectionRow
from models.unit_of_work import Begin, begin_with
from sync.allowances import beside, whose
from sync.engine import Engine, Hints, NoHints, Timing
from sync.errors import InvalidInputError, SyncError
from sync.opener import Opener
from sync.settings import Settings
from sync.webhooks import Addresses
from worker import embedded
from worker.allowances import SharedAllowances

NEW_OBJECTS = 50_000
"""After how many new objects cycles are looked for. A page of a pull is tens of thousands of
objects without any cycle; Python's 700 made a third of what reading it costs."""
MIGRATIONS = Path(__file__).parent.parent / "migrations" / "alembic.ini"


class DatabaseProblemError(SyncError):
    """The database cannot be used as it is."""


class NewerSchemaError(DatabaseProblemError):
    """A newer version of the program has migrated the database."""


def connect(settings: Settings, *, role: str) -> sqlalchemy.Engine:
    """An engine for the configured database; starts the embedded one if need be."""
    url = settings.database_url or embedded.database_url(settings.home)
    try:
        parsed = sqlalchemy.make_url(url)
    except sqlalchemy.exc.ArgumentError:
        raise DatabaseProblemError(
            "LEDGERBRIDGE_DATABASE_URL is not a URL: it looks like "
            "postgresql+psycopg://user:password@host:5432/database"
        ) from None
    if parsed.get_backend_name() != "postgresql":
        raise DatabaseProblemError(
            f"the database must be PostgreSQL, not {parsed.get_backend_name()}"
        )
    return sqlalchemy.create_engine(
        parsed.set(drivername="postgresql+psycopg"),
        pool_size=2,
        max_overflow=6,  # parallel batches settle at the same time
        pool_pre_ping=True,
        pool_recycle=1800,
        connect_args={
            "connect_timeout": 10,
            "application_name": f"ledgerbridge-{role}-{os.getpid()}",
            "options": "-c statement_timeout=30s -c lock_timeout=5s "
            "-c idle_in_transaction_session_timeout=30s -c timezone=UTC "
            # A plan that was made while a table was empty must not outlive that.
            "-c plan_cache_mode=force_custom_plan",
        },
    )


def migrate(database: sqlalchemy.Engine) -> tuple[str | None, str]:
    """Bring the database to the current schema; the revisions before and after."""
    config = Config(MIGRATIONS)
    with reached(database) as connection:
        # Long migrations are no statement time-out's business; two at once are.
        connection.exec_driver_sql("SET statement_timeout = 0")
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7320195)")
        before = MigrationContext.configure(connection).get_current_revision()
        if _is_newer(before):
            raise _newer(before)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        after = MigrationContext.configure(connection).get_current_revision()
        connection.commit()
    return before, after or ""


def require_current_schema(database: sqlalchemy.Engine) -> None:
    """Refuse to work on a database that is not migrated.

    Raises:
        NewerSchemaError: A newer version has migrated it.
        DatabaseProblemError: It cannot be reached, or it is not migrated.
    """
    head = ScriptDirectory.from_config(Config(MIGRATIONS)).get_current_head()
    with reached(database) as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    if current == head:
        return
    if _is_newer(current):
        raise _newer(current)
    state = f"at revision {current}" if current else "empty"
    raise DatabaseProblemError(
        f"the database is {state}, but this program needs revision {head}: run "
        "`ledgerbridge migrate`"
    )


def _is_newer(revision: str | None) -> bool:
    """Whether a schema was made by a version that came after this one."""
    scripts = ScriptDirectory.from_config(Config(MIGRATIONS)).walk_revisions()
    return revision is not None and revision not in {script.revision for script in scripts}


def _newer(revision: str | None) -> "NewerSchemaError":
    return NewerSchemaError(
        f"the database is at revision {revision}, which this program does not know: a newer "
        "version has migrated it, so start that version"
    )


def migrate_if_empty(database: sqlalchemy.Engine) -> None:
    """The embedded default sets itself up on first use; it never upgrades by itself."""
    with reached(database) as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    if current is None:
        migrate(database)


def reached(database: sqlalchemy.Engine) -> sqlalchemy.Connection:
    """A connection, or one sentence about why there is none."""
    try:
        return database.connect()
    except OperationalError as error:
        reason = str(error.orig).strip().splitlines()[0] if error.orig else "no answer"
        url = database.url.render_as_string(hide_password=True)
        raise DatabaseProblemError(
            f"the database {url} cannot be reached ({reason}): check LEDGERBRIDGE_DATABASE_URL "
            "and that PostgreSQL runs"
        ) from None


@dataclass(frozen=True)
class Runtime:
    """One process's parts."""

    settings: Settings
    database: sqlalchemy.Engine
    begin: Begin
    keys: KeyRing
    opener: Opener
    engine: Engine
    allowances: SharedAllowances

    @property
    def addresses(self) -> Addresses:
        """Which URLs webhooks may go to."""
        return Addresses(self.opener.allowed_base_urls, self.opener.allow_loopback)

    def allowance_left(self, connection: ConnectionRow) -> dict[str, int]:
        """Requests that its provider still allows, by window; empty where nobody counts them."""
        spec = self.opener.spec(connection.provider).of(connection.settings or {})
        if not spec.limits.stated:
            return {}
        try:
            url = self.opener.checked_url(spec, connection.base_url)
        except InvalidInputError:
            return {}
        at = (spec, url, connection)
        return self.allowances.of(spec.limits, whose(*at), beside(*at)).left() or {}

    def close(self) -> None:
        """Give everything back."""
        self.opener.http.close()
        self.allowances.close()
        self.database.dispose()


def key_ring(settings: Settings) -> KeyRing:
    """The keys that credentials are encrypted with.

    Raises:
        SyncError: There is none, or one is malformed.
    """
    if settings.credentials_keys is not None:
        keys = [key.strip() for key in settings.credentials_keys.get_secret_value().split(",")]
    elif settings.embedded_database:
        keys = [embedded.credentials_key(settings.home)]
    else:
        raise SyncError(
            "LEDGERBRIDGE_CREDENTIALS_KEYS is not set: with a database of your own, the key that "
            "encrypts credentials must be yours too"
        )
    try:
        return KeyRing([key for key in keys if key])
    except ValueError as error:
        raise SyncError(f"LEDGERBRIDGE_CREDENTIALS_KEYS: {error}") from None


def build(settings: Settings, *, role: str, hints: Hints, checked: bool = True) -> Runtime:
    """Put a process's parts together.

    `checked=False` is for a process that must start without its database: it says itself that
    it is not ready.

    Raises:
        SyncError: Something is missing; one sentence says what to do.
    """
    gc.set_threshold(NEW_OBJECTS, 10, 10)
    keys = key_ring(settings)
    database = connect(settings, role=role)
    try:
        if settings.embedded_database:
            migrate_if_empty(database)
        if checked:
            require_current_schema(database)
    except BaseException:
        database.dispose()
        raise
    begin = begin_with(sessionmaker(database, expire_on_commit=False))
    urls = [url.strip().rstrip("/") for url in settings.allowed_base_urls.split(",")]
    tells = not isinstance(hints, NoHints)
    allowances = SharedAllowances(partial(_redis_url, settings, told=tells))
    opener = Opener(
        spec=registry.spec,
        keys=keys,
        http=httpx.Client(limits=httpx.Limits(max_connections=20, keepalive_expiry=15)),
        timeout_seconds=settings.http_timeout_seconds,
        allowed_base_urls=tuple(url for url in urls if url),
        allow_loopback=settings.embedded_database,
        oauth_apps=settings.oauth_apps,
        public_url=settings.public_url.rstrip("/"),
        allowances=allowances,
    )
    engine = Engine(
        begin=begin,
        spec=registry.spec,
        open_connector=opener.open,
        leave=opener.leave,
        open_uploads=opener.uploads,
        renew=opener.renew,
        hints=hints,
        timing=timing(settings),
        worker=f"{role}@{socket.gethostname()}:{os.getpid()}",
    )
    return Runtime(settings, database, begin, keys, opener, engine, allowances)


def _redis_url(settings: Settings, *, told: bool) -> str | None:
    """Where requests are counted; None when a process that tells nobody has the place to itself."""
    if settings.redis_url is not None:
        return settings.redis_url
    return embedded.redis_url(settings.home) if told else embedded.running_redis_url(settings.home)


def timing(settings: Settings) -> Timing:
    """The engine's pauses and limits from the settings."""
    return Timing(
        lease=settings.lease,
        chunk=timedelta(seconds=settings.chunk_seconds),
        push_attempts=settings.push_attempts,
        retry_base=timedelta(seconds=settings.retry_base_seconds),
        first_check=timedelta(seconds=settings.first_check_seconds),
        keep_events=timedelta(days=settings.keep_events_days),
        keep_log=timedelta(days=settings.keep_log_days),
    )
