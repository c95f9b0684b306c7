"""Whether a worker grows: many documents through one child, its memory looked at all along.

Run with `make bench`, or `python -m benchmarks.memory --documents 20000`. A plain ledger, a
PostgreSQL, a Redis and a worker with one child run in processes of their own; invoices are handed
in by the thousand. It ends with 1 when the child grows by more than it may once it is warm, when
it was replaced meanwhile, or when it holds more database connections than the documentation says.
Figures go to `var/memory.json` as well.
"""

import argparse
import contextlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import sqlalchemy

from connectors.base import Role
from sync import connections, documents, runs
from tests.factories import SETTINGS, a_contact, an_invoice
from tests.stack import QUICK, Stack, wait_until
from worker import embedded, logs, runtime
from worker.runtime import Runtime

AT_ONCE = 1000
WARM = 0.2
"""The share of all documents after which a child should have all that it needs."""
MOST_GROWTH_MB = 10.0
MOST_CONNECTIONS = 8
PATIENT = {
    "LEDGERBRIDGE_HTTP_TIMEOUT_SECONDS": "60",
    "LEDGERBRIDGE_TASK_SOFT_LIMIT_SECONDS": "240",
    "LEDGERBRIDGE_TASK_HARD_LIMIT_SECONDS": "300",
    "LEDGERBRIDGE_LEASE_SECONDS": "360",
    "LEDGERBRIDGE_VISIBILITY_TIMEOUT_SECONDS": "900",
    "LEDGERBRIDGE_CHUNK_SECONDS": "40",
}
"""As in production; the tests' own times are much shorter."""


@dataclass
class Sample:
    """The child after so many documents."""

    documents: int
    pid: int
    resident_mb: float
    connections: int
    seconds: float


@contextlib.contextmanager
def sandbox() -> Iterator[dict[str, Any]]:
    """A plain ledger in a process of its own; how to get in."""
    process = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "sandbox", "memory"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None  # noqa: S101  # it is a pipe
        told: dict[str, Any] = json.loads(process.stdout.readline())
        yield told
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


@contextlib.contextmanager
def servers() -> Iterator[Stack]:
    """PostgreSQL and Redis in a folder that goes away."""
    home = Path(tempfile.mkdtemp(prefix="lb-memory-"))
    home.chmod(0o755)  # PostgreSQL runs as a user of its own when we are root
    stack = Stack(embedded.database_url(home), embedded.redis_url(home), home)
    stack.environment |= QUICK | PATIENT
    try:
        engine = sqlalchemy.create_engine(stack.database_url)
        runtime.migrate(engine)
        engine.dispose()
        yield stack
    finally:
        stack.stop()
        embedded.leave(home)
        shutil.rmtree(home, ignore_errors=True)


def children_of(pid: int) -> list[int]:
    """The children of a process."""
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)],  # noqa: S607  # wherever it is installed
        capture_output=True,
        text=True,
        check=False,
    )
    return [int(word) for word in listed.stdout.split()]


def resident_mb(pid: int) -> float:
    """Memory that a process has to itself and shares, as the kernel counts it."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


class Measuring:
    """One connected billing entity, and the child that works for it."""

    def __init__(self, parts: Runtime, ledger: dict[str, Any], worker: int) -> None:
        self.parts = parts
        self.worker = worker
        self.began = time.monotonic()
        with parts.begin() as work:
            entity = work.tenants.add_entity(
                work.tenants.organisation("Acme"), code="FR", legal_name="Acme SARL"
            )
            assert entity is not None  # noqa: S101  # the database is new
        self.entity_id = entity.id
        row = connections.add(
            parts.engine,
            parts.opener,
            connections.NewConnection(
                billing_entity_id=entity.id,
                provider="memory",
                role=Role.LEDGER,
                credentials=ledger["credentials"],
                settings=SETTINGS,
                base_url=ledger["base_url"],
                schedule="24h",
                start_date=an_invoice().issue_date.replace(month=1, day=1),
            ),
            actor="bench",
        )
        self.connection_id = row.id
        runs.complete(parts.engine, row.id, runs.trigger_run(parts.engine, row.id, only="pull"))

    def push(self, first: int, number: int) -> Sample:
        """Hand in so many invoices, wait until they are in the ledger, and look at the child."""
        batch = [an_invoice(f"I-{first + one}") for one in range(number)]
        with self.parts.begin() as work:
            documents.store(work, self.parts.engine, self.entity_id, [a_contact(), *batch])
        assert wait_until(lambda: self._left() == 0, seconds=600), "it does not go on"  # noqa: S101
        child = children_of(self.worker)[0]
        return Sample(
            documents=first + number,
            pid=child,
            resident_mb=round(resident_mb(child), 1),
            connections=self._connections(child),
            seconds=round(time.monotonic() - self.began, 1),
        )

    def _one(self, statement: str) -> int:
        with self.parts.database.connect() as connection:
            return int(connection.exec_driver_sql(statement).scalar_one())

    def _left(self) -> int:
        time.sleep(0.1)
        return self._one(
            "SELECT count(*) FROM synced_records WHERE status NOT IN ('done', 'skipped')"
        )

    def _connections(self, child: int) -> int:
        return self._one(
            "SELECT count(*) FROM pg_stat_activity "  # noqa: S608  # a number is put in
            f"WHERE application_name = 'ledgerbridge-worker-{child}'"
        )


def problems_of(samples: list[Sample]) -> tuple[float, list[str]]:
    """How much the child grew once it was warm, in MB, and what is wrong."""
    warm = [one for one in samples if one.documents >= WARM * samples[-1].documents]
    third = max(1, len(warm) // 3)

    def mean(some: list[Sample]) -> float:
        return sum(one.resident_mb for one in some) / len(some)

    growth = mean(warm[-third:]) - mean(warm[:third])
    problems = []
    if growth > MOST_GROWTH_MB:
        problems.append(f"it grew by {growth:.1f} MB; {MOST_GROWTH_MB:g} are allowed")
    if len({one.pid for one in samples}) > 1:
        problems.append("the child was replaced, so nothing is known")
    if (most := max(one.connections for one in samples)) > MOST_CONNECTIONS:
        problems.append(f"it held {most} database connections")
    return growth, problems


def main() -> int:
    """Measure, print, and judge."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--documents", type=int, default=100_000)
    wanted: int = parser.parse_args().documents
    if platform.system() != "Linux":
        print("memory: measured on Linux alone; skipped")
        return 0
    logs.configure("ERROR", role="bench")
    with servers() as stack, sandbox() as ledger:
        stack.allow(ledger["base_url"])
        os.environ.update(stack.environment)
        worker = stack.start_worker()
        parts = stack.runtime()
        measuring = Measuring(parts, ledger, worker.pid)
        samples = []
        for first in range(0, wanted, AT_ONCE):
            samples.append(measuring.push(first, min(AT_ONCE, wanted - first)))
            if len(samples) % 10 == 0 or samples[-1].documents == wanted:
                last = samples[-1]
                print(
                    f"{last.documents:>8,} documents  {last.resident_mb:6.1f} MB  "
                    f"{last.connections} database connections  {last.seconds:.0f} s",
                    flush=True,
                )
        parts.close()
    growth, problems = problems_of(samples)
    print(f"growth once it was warm: {growth:+.1f} MB")
    figures = Path("var/memory.json")
    figures.parent.mkdir(exist_ok=True)
    figures.write_text(json.dumps([asdict(one) for one in samples], indent=1))
    for problem in problems:
        print(f"NOT WELL: {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
