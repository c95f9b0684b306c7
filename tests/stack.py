"""Real processes for tests: a Celery worker and a beat, on the run's own PostgreSQL and Redis."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import redis
from cryptography.fernet import Fernet

from worker.embedded import redis_client
from worker.runtime import Runtime, build

QUICK = {
    "LEDGERBRIDGE_HTTP_TIMEOUT_SECONDS": "2.5",
    "LEDGERBRIDGE_TASK_SOFT_LIMIT_SECONDS": "3",
    "LEDGERBRIDGE_TASK_HARD_LIMIT_SECONDS": "4",
    "LEDGERBRIDGE_LEASE_SECONDS": "5",
    "LEDGERBRIDGE_VISIBILITY_TIMEOUT_SECONDS": "8",
    "LEDGERBRIDGE_CHUNK_SECONDS": "2",
    "LEDGERBRIDGE_SOFT_SHUTDOWN_SECONDS": "2",
    "LEDGERBRIDGE_SWEEP_SECONDS": "1",
    "LEDGERBRIDGE_SCHEDULE_SECONDS": "1",
    "LEDGERBRIDGE_FIRST_CHECK_SECONDS": "0.5",
    "LEDGERBRIDGE_RETRY_BASE_SECONDS": "1",
}
"""Seconds instead of minutes, in the order that the settings insist on."""


@dataclass
class Stack:
    """Where processes run, and which ones do."""

    database_url: str
    redis_url: str
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.environment = QUICK | {
            "LEDGERBRIDGE_DATABASE_URL": self.database_url,
            "LEDGERBRIDGE_REDIS_URL": self.redis_url,
            "LEDGERBRIDGE_CREDENTIALS_KEYS": Fernet.generate_key().decode(),
            "LEDGERBRIDGE_HEARTBEAT_FILE": str(self.folder / "heartbeat"),
            "LEDGERBRIDGE_HOME": str(self.folder / "home"),
        }

    def allow(self, *base_urls: str) -> None:
        """Let connections use these addresses."""
        self.environment["LEDGERBRIDGE_ALLOWED_BASE_URLS"] = ",".join(base_urls)

    def start_worker(self, *, concurrency: int = 1) -> subprocess.Popen[bytes]:
        """A worker on all queues, ready to take messages."""
        log = self.folder / f"worker-{len(self.processes)}.log"
        process = self._start(
            log,
            *("worker", "--queues", "push,pull,backfill,maintenance"),
            *("--concurrency", str(concurrency), "--without-gossip", "--without-mingle"),
            *("--hostname", f"w{len(self.processes)}@test", "--loglevel", "INFO"),
        )
        assert wait_until(lambda: "ready." in log.read_text(), seconds=30), log.read_text()
        return process

    def start_beat(self) -> subprocess.Popen[bytes]:
        """A beat."""
        return self._start(self.folder / f"beat-{len(self.processes)}.log", "beat")

    def _start(self, log: Path, *arguments: str) -> subprocess.Popen[bytes]:
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "worker.app", *arguments],
                env={**os.environ, **self.environment, "REMAP_SIGTERM": "SIGQUIT"},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """SIGKILL for a process and its children."""
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        """End everything."""
        for process in self.processes:
            if process.poll() is None:
                self.kill(process)

    def runtime(self) -> Runtime:
        """The parts of a process like the ones that run, with real hints."""
        from sync.settings import Settings  # noqa: PLC0415  # reads the environment
        from worker.app import app  # noqa: PLC0415
        from worker.dispatch import CeleryHints  # noqa: PLC0415

        return build(Settings(), role="test", hints=CeleryHints(app))

    def redis(self) -> redis.Redis:
        """The broker itself."""
        return redis_client(self.redis_url)

    @contextmanager
    def locked(self, statement: str) -> Iterator[None]:
        """Hold a lock in a transaction of its own: whoever needs the rows waits at that point."""
        url = self.database_url.replace("postgresql+psycopg://", "postgresql://")
        with psycopg.connect(url) as connection:
            connection.execute(statement)
            yield
            connection.rollback()

    def somebody_waits(self) -> bool:
        """Whether a worker waits for a lock in the database."""
        url = self.database_url.replace("postgresql+psycopg://", "postgresql://")
        with psycopg.connect(url, autocommit=True) as connection:
            found = connection.execute(
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE wait_event_type = 'Lock' AND application_name LIKE 'ledgerbridge-worker%'"
            ).fetchone()
        return bool(found and found[0])


def wait_until(condition: Callable[[], bool], *, seconds: float = 20) -> bool:
    """Poll until something holds; whether it did in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return condition()
