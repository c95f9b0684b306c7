"""The demo's stage: embedded servers, a worker and a beat as real processes, and our commands.

Everything lives in one folder under `var/`, which goes with the demo unless something failed.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from demo.ledger import ROOT
from sync.engine import NoHints
from sync.settings import Settings
from worker import embedded
from worker.runtime import Runtime, build

TIMES = {
    "HTTP_TIMEOUT_SECONDS": 20,
    "TASK_SOFT_LIMIT_SECONDS": 22,
    "TASK_HARD_LIMIT_SECONDS": 24,
    "LEASE_SECONDS": 25,
    "VISIBILITY_TIMEOUT_SECONDS": 40,
    "SOFT_SHUTDOWN_SECONDS": 2,
    "STOP_GRACE_SECONDS": 10,
    "CHUNK_SECONDS": 10,
    "SWEEP_SECONDS": 1,
    "SCHEDULE_SECONDS": 2,
    "FIRST_CHECK_SECONDS": 1,
    "RETRY_BASE_SECONDS": 2,
}
"""Seconds where production has minutes, in the order on which the safety of leases rests."""


class Stage:
    """Where the demo plays; see `Stage.set`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environment = {
            "LEDGERBRIDGE_HOME": str(home),
            "LEDGERBRIDGE_LOG_LEVEL": "INFO",
            "LEDGERBRIDGE_WORKER_CONCURRENCY": "1",
            "LEDGERBRIDGE_HEARTBEAT_FILE": str(home / "heartbeat"),
            **{f"LEDGERBRIDGE_{name}": str(seconds) for name, seconds in TIMES.items()},
        }
        self._processes: list[subprocess.Popen[bytes]] = []
        self._logs: list[IO[bytes]] = []

    @classmethod
    @contextlib.contextmanager
    def set(cls) -> Iterator["Stage"]:
        """Have servers for the length of a `with` block; logs stay where it ended badly."""
        home = ROOT / "var" / f"demo-{os.getpid()}"
        home.mkdir(parents=True)
        stage = cls(home)
        for name in [name for name in os.environ if name.startswith("LEDGERBRIDGE_")]:
            del os.environ[name]  # what the developer works with is not the demo's business
        os.environ.update(stage.environment)
        try:
            embedded.database_url(home)
            embedded.redis_url(home)
            yield stage
        except StageError as error:
            stage.end()
            shutil.rmtree(home / "postgres", ignore_errors=True)
            raise StageError(f"{error} (logs are in {home.relative_to(ROOT)})") from None
        except BaseException:
            stage.end()
            raise
        stage.end()
        shutil.rmtree(home, ignore_errors=True)

    def end(self) -> None:
        """Stop processes and servers."""
        for process in self._processes:
            self.kill(process)
        for log in self._logs:
            log.close()
        embedded.leave(self.home)

    def runtime(self) -> Runtime:
        """The parts of a process, to look at the database from here."""
        return build(Settings(), role="demo", hints=NoHints())

    def start_worker(self) -> subprocess.Popen[bytes]:
        """A worker on all queues, when it is ready to take messages."""
        log = self.home / f"worker-{len(self._processes)}.log"
        process = self._start(
            log,
            *("worker", "--queues", "push,pull,backfill,maintenance", "--concurrency", "1"),
            *("--hostname", f"worker{len(self._processes)}@demo", "--without-gossip"),
        )
        end = time.monotonic() + 60
        while "ready." not in log.read_text(encoding="utf-8", errors="replace"):
            if process.poll() is not None or time.monotonic() > end:
                raise StageError(f"the worker did not start: see {log}")
            time.sleep(0.1)
        return process

    def start_beat(self) -> None:
        """A beat."""
        self._start(self.home / "beat.log", "beat")

    def _start(self, log: Path, *arguments: str) -> subprocess.Popen[bytes]:
        output = log.open("wb")
        self._logs.append(output)
        process = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "worker.app", *arguments],
            cwd=ROOT,
            env={**os.environ, "REMAP_SIGTERM": "SIGQUIT"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._processes.append(process)
        return process

    def logged(self, event: str, **fields: str) -> list[dict[str, Any]]:
        """What the workers have logged about an event."""
        found = []
        for path in sorted(self.home.glob("worker-*.log")):
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                if f'"{event}"' in line:
                    entry = json.loads(line)
                    if all(entry.get(name) == value for name, value in fields.items()):
                        found.append(entry)
        return found

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """SIGKILL for a process and its children; none is left when it returns."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        with contextlib.suppress(ProcessLookupError):
            for _ in range(100):  # whoever reaps orphans may take a moment
                os.killpg(process.pid, 0)
                time.sleep(0.02)

    def run(self, *arguments: str) -> None:
        """Run `ledgerbridge` as a person would; its output goes to the terminal.

        Raises:
            StageError: It ended with another code than 0 or 1 (some records wait for a person).
        """
        done = subprocess.run(
            [sys.executable, "-m", "cli.main", *arguments],
            cwd=ROOT,
            env=os.environ,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode not in {0, 1}:
            raise StageError(f"`ledgerbridge {' '.join(arguments)}` ended with {done.returncode}")


class StageError(RuntimeError):
    """The demo cannot go on; the message is the sentence to show."""
