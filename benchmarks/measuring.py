"""What work costs: CPU of our process and of PostgreSQL, wall time, peak memory.

Each piece of work runs in a fresh process, so that its memory is its own, and programs that are
compared take turns. PostgreSQL is counted with all its processes. Linux only: it is read in /proc.
"""

import contextlib
import json
import multiprocessing
import os
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import sqlalchemy

from models.tables import Base
from worker import embedded, runtime

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cost:
    """What one piece of work took."""

    ours_seconds: float
    """CPU of the process that did it."""
    database_seconds: float
    wall_seconds: float
    calls: int
    peak_mb: float
    """Most memory that the process ever held, Python and libraries included."""

    @property
    def cpu_seconds(self) -> float:
        """CPU of both."""
        return self.ours_seconds + self.database_seconds


@dataclass(frozen=True)
class Place:
    """Where work is done: the folder of an embedded PostgreSQL, and a provider."""

    home: Path
    provider: str

    @property
    def postmaster(self) -> int:
        """PostgreSQL's first process."""
        return int((self.home / "postgres" / "postmaster.pid").read_text().split()[0])

    def database_seconds(self) -> float:
        """CPU that PostgreSQL has used so far, in all its processes, the ended ones included."""
        first = self.postmaster
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        ticks = sum(_stat(first)[:4])
        for child in children:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                ticks += sum(_stat(int(child))[:2])
        return ticks / _TICKS


def _stat(pid: int) -> list[int]:
    """utime, stime, cutime and cstime of a process; see proc(5)."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return [int(word) for word in words[11:15]]


@contextlib.contextmanager
def database() -> Iterator[Path]:
    """A folder with a migrated PostgreSQL that vacuums only when it is told to."""
    home = Path(tempfile.mkdtemp(prefix="lb-cost-"))
    home.chmod(0o755)  # PostgreSQL runs as a user of its own when we are root
    try:
        engine = engine_of(home)
        runtime.migrate(engine)
        with engine.connect() as connection:
            for setting in ("autovacuum = off", "max_wal_size = '8GB'"):
                connection.exec_driver_sql(f"ALTER SYSTEM SET {setting}")
            connection.exec_driver_sql("SELECT pg_reload_conf()")
        engine.dispose()
        yield home
    finally:
        embedded.leave(home)
        shutil.rmtree(home, ignore_errors=True)


def engine_of(home: Path) -> sqlalchemy.Engine:
    """Connections without a transaction around statements."""
    return sqlalchemy.create_engine(embedded.database_url(home), isolation_level="AUTOCOMMIT")


def emptied(home: Path) -> None:
    """Take everything out of our tables."""
    names = ", ".join(table.name for table in Base.metadata.sorted_tables)
    engine = engine_of(home)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"TRUNCATE {names}")
    engine.dispose()


def settled(home: Path) -> None:
    """Let PostgreSQL write down what it has, so that nobody pays for work done before."""
    engine = engine_of(home)
    with engine.connect() as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")
        connection.exec_driver_sql("CHECKPOINT")
    engine.dispose()


def measured(place: Place, work: Callable[[], int]) -> Cost:
    """Do work here and say what it took; `work` gives how many provider calls it made."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    before, began = place.database_seconds(), time.perf_counter()
    calls = work()
    wall = time.perf_counter() - began
    now = resource.getrusage(resource.RUSAGE_SELF)
    return Cost(
        ours_seconds=now.ru_utime + now.ru_stime - usage.ru_utime - usage.ru_stime,
        database_seconds=place.database_seconds() - before,
        wall_seconds=wall,
        calls=calls,
        peak_mb=_peak_mb(),
    )


def _peak_mb() -> float:
    """What this process itself has held at most; `ru_maxrss` starts with that of its parent."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def apart(function: Callable[..., Any], *given: Any) -> Any:
    """Call a function in a process of its own."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(function, *given).result()


def median(costs: Sequence[Cost]) -> Cost:
    """Of each figure by itself."""
    return Cost(
        *(statistics.median(getattr(one, name) for one in costs) for name in asdict(costs[0]))
    )


def written(name: str, figures: Any) -> None:
    """Keep figures under `var/`."""
    path = Path("var") / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(figures, indent=1, default=str))
