"""How long requests take on the server, out of a million synced records; ends with 1 when too long.

Run with `make bench`, or `python -m benchmarks.http_api --records 100000`. It fills a database of
its own, serves the API on loopback, and measures the time that the server states in
`x-process-time`: from the first byte of the request to the first of the answer, authentication,
statements and validation included. Figures go to `var/bench.json` as well.
"""

import argparse
import contextlib
import json
import os
import platform
import resource
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import sqlalchemy
import uvicorn
from sqlalchemy.orm import sessionmaker

from api.app import create_app
from benchmarks.cases import Case, Known, cases
from benchmarks.data import EVERY, START, Filled, fill, settle_for_less
from models.unit_of_work import begin_with
from sync import access
from worker import embedded, runtime
from worker.runtime import Runtime

LIMIT_MS = 30.0
REPEATED = 11
MOST_STATEMENTS = {
    "upsert, new": 6,
    "upsert, unchanged": 3,
    "upsert, changed": 5,
    "sync trigger": 4,
}
"""Round trips, the one for rights and entity included."""


@dataclass
class Measured:
    """What came of one request."""

    name: str
    rows: int
    least_ms: float
    median_ms: float
    p95_ms: float
    statements: int
    plan: str
    problems: list[str] = field(default_factory=list)


class Bench:
    """The API over a filled database."""

    def __init__(self, client: httpx.Client, parts: Runtime, known: Known) -> None:
        self.client = client
        self.parts = parts
        self.known = known

    def measure(self, case: Case) -> Measured:
        """One request, several times."""
        query: dict[str, Any] = {**case.query}
        if case.path != "accounting_connections":
            query["limit"] = 100
        if case.deep and (token := self._deep_token(case, query)):
            query = {"limit": 100, "pagination_token": token}
        times, answer = [], None
        with noted(self.parts.database) as seen:
            for _ in range(REPEATED):
                seen.clear()
                answer = self.client.get(case.path, params=query)
                if answer.status_code != httpx.codes.OK:
                    return Measured(
                        case.name, 0, 0, 0, 0, 0, "", [f"{answer.status_code} {answer.text[:90]}"]
                    )
                times.append(float(answer.headers["x-process-time"]) * 1000)
            statements = list(seen)
        assert answer is not None  # noqa: S101  # it was repeated at least once
        done = Measured(
            case.name,
            rows=len(answer.json()["data"]),
            least_ms=min(times),
            median_ms=statistics.median(times),
            p95_ms=sorted(times)[round(0.95 * (len(times) - 1))],
            statements=len(statements),
            plan=self._plan(statements),
        )
        if done.median_ms > LIMIT_MS:
            done.problems.append("slow")
        return done

    def upserts(self) -> Iterator[Measured]:
        """Documents that are new, unchanged and changed; and a sync that is set off."""
        invoice = {
            "type": "invoice", "contact_id": "X-20", "issue_date": "2026-01-01",
            "currency": "EUR", "net_total": "100.00", "tax_total": "20.00", "total": "120.00",
            "tax_breakdown": [{"rate": "20", "taxable_amount": "100.00", "tax_amount": "20.00"}],
            "lines": [{"description": "Work", "unit_price": "100.00", "net_amount": "100.00",
                       "tax_rate": "20", "tax_amount": "20.00"}],
        }  # fmt: skip
        ids = [f"made-{number}" for number in range(REPEATED)]
        for name, more in (("new", {}), ("unchanged", {}), ("changed", {"number": "N"})):
            bodies = [invoice | {"id": one} | more for one in ids]
            yield self._act(
                f"upsert, {name}",
                [("PUT", f"documents/invoice/{body['id']}", body) for body in bodies],
            )
        path = f"accounting_connections/{self.known.filled.connection_id}/sync"
        yield self._act("sync trigger", [("POST", path, None)] * REPEATED)

    def _act(self, name: str, requests: Sequence[tuple[str, str, Any]]) -> Measured:
        times, most = [], 0
        with noted(self.parts.database) as seen:
            for method, path, body in requests:
                seen.clear()
                answer = self.client.request(method, path, json=body)
                if answer.is_error:
                    return Measured(name, 0, 0, 0, 0, 0, "", [answer.text[:300]])
                times.append(float(answer.headers["x-process-time"]) * 1000)
                most = max(most, len(seen))
        done = Measured(name, 1, min(times), statistics.median(times), max(times), most, "", [])
        if done.median_ms > LIMIT_MS:
            done.problems.append("slow")
        if most > MOST_STATEMENTS[name]:
            done.problems.append(f"{most} statements instead of {MOST_STATEMENTS[name]}")
        return done

    def _deep_token(self, case: Case, query: dict[str, Any]) -> str | None:
        """A token as a client has it after paging through half of the list, if it is that long."""
        first = self.client.get(case.path, params={**query, "limit": 1}).json()
        token = first["next_pagination_token"]
        if token is None:
            return None
        held = self.parts.keys.open(token.encode())
        middle = START + EVERY * (self.known.records // 2)
        held["value"] = middle.isoformat()
        held["id"] = str(UUID(int=int(middle.timestamp() * 1000) << 80))
        return self.parts.keys.seal(held).decode()

    def _plan(self, statements: Sequence[tuple[str, Any]]) -> str:
        """Of all statements: indexes, and rows read from them and from tables."""
        used: dict[str, int] = {}
        with self.parts.database.connect() as session:
            for statement, parameters in statements:
                if not statement.lstrip().startswith(("SELECT", "WITH")):
                    continue
                explained = session.exec_driver_sql(
                    f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}", parameters
                ).scalar_one()
                for name, rows in _scans(explained[0]["Plan"]):
                    used[name] = used.get(name, 0) + rows
            session.rollback()
        most = sorted(used.items(), key=lambda item: -item[1])
        return ", ".join(f"{name} {rows:,}" for name, rows in most if rows)[:200]


def _scans(node: dict[str, Any]) -> Iterator[tuple[str, int]]:
    if "Scan" in node["Node Type"] and ("Index Name" in node or "Relation Name" in node):
        removed = node.get("Rows Removed by Filter", 0) + node.get(
            "Rows Removed by Index Recheck", 0
        )
        where = node.get("Index Name") or f"TABLE {node['Relation Name']}"
        yield where, round((node["Actual Rows"] + removed) * node["Actual Loops"])
    for part in node.get("Plans", ()):
        yield from _scans(part)


@contextlib.contextmanager
def noted(database: sqlalchemy.Engine) -> Iterator[list[tuple[str, Any]]]:
    """The statements that run within the block, with their parameters."""
    seen: list[tuple[str, Any]] = []

    def note(_1: object, _2: object, statement: str, parameters: Any, *_: object) -> None:
        seen.append((statement, parameters))

    sqlalchemy.event.listen(database, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sqlalchemy.event.remove(database, "before_cursor_execute", note)


@contextlib.contextmanager
def serving(home: Path) -> Iterator[tuple[str, Any]]:
    """The application on loopback."""
    os.environ["LEDGERBRIDGE_HOME"] = str(home)
    os.environ["LEDGERBRIDGE_API_REQUESTS_PER_SECOND"] = "100000"
    os.environ["LEDGERBRIDGE_LOG_LEVEL"] = "ERROR"
    app = create_app()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", app
    finally:
        server.should_exit = True
        thread.join(10)


def known_of(database: sqlalchemy.Engine, filled: Filled, records: int) -> Known:
    """Ids to filter by."""
    with database.connect() as session:

        def one(statement: str) -> str:
            return str(session.exec_driver_sql(statement).scalar_one())

        objects = session.exec_driver_sql(
            f"SELECT object_id FROM synced_records WHERE billing_entity_id = '{filled.entity_id}' "  # noqa: S608  # our own id
            "ORDER BY created_at DESC LIMIT 100"
        )
        return Known(
            filled,
            records,
            [str(found) for found in objects.scalars()],
            one(f"SELECT id FROM issues WHERE connection_id = '{filled.connection_id}' "  # noqa: S608  # our own id
                "AND closed_at IS NULL LIMIT 1"),
            one("SELECT id FROM webhook_endpoints WHERE object_type = 'synced_record' LIMIT 1"),
            one("SELECT id FROM events LIMIT 1"),
        )  # fmt: skip


def main() -> int:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--home", type=Path, help="keep the database there, and use it again")
    parser.add_argument("--only", default="", help="requests whose name contains this")
    options = parser.parse_args()
    home = options.home or Path(tempfile.mkdtemp(prefix="lb-bench-"))
    home.mkdir(exist_ok=True)
    home.chmod(0o755)  # PostgreSQL runs as a user of its own when we are root
    try:
        return _bench(home, options)
    finally:
        embedded.leave(home)
        if options.home is None:
            shutil.rmtree(home, ignore_errors=True)


def _bench(home: Path, options: argparse.Namespace) -> int:
    database = sqlalchemy.create_engine(embedded.database_url(home))
    settle_for_less(database)
    filled = _filled(home, database, options.records)
    known = known_of(database, filled, options.records)
    database.dispose()
    results: list[Measured] = []
    with serving(home) as (url, app):
        parts: Runtime = app.state.runtime
        with httpx.Client(
            base_url=f"{url}/v1/", timeout=60, headers=_headers(parts, filled)
        ) as client:
            bench = Bench(client, parts, known)
            print(
                f"{'request':58} {'rows':>4} {'least':>5} {'median':>6} {'p95':>6}  ms; statements, rows read"
            )
            for case in cases(known):
                if options.only in case.name:
                    results.append(bench.measure(case))
                    _show(results[-1])
            if options.only in "upsert":
                for done in bench.upserts():
                    results.append(done)
                    _show(done)
    return _conclude(results, options.records)


def _filled(home: Path, database: sqlalchemy.Engine, records: int) -> Filled:
    note = home / "filled.json"
    if note.exists():
        return Filled(*map(UUID, json.loads(note.read_text())))
    runtime.migrate(database)
    began = time.perf_counter()
    print(f"filling a database with {records:,} records ...", flush=True)
    filled = fill(begin_with(sessionmaker(database, expire_on_commit=False)), database, records)
    note.write_text(json.dumps([str(one) for one in vars(filled).values()]))
    print(f"filled in {time.perf_counter() - began:.0f} s", flush=True)
    return filled


def _headers(parts: Runtime, filled: Filled) -> dict[str, str]:
    with parts.begin() as work:
        made = access.add_client(work, connection_id=filled.connection_id, actor="bench")
    token = access.issue_token(parts.begin, parts.keys, str(made.row.id), made.secret)
    return {
        "Authorization": f"Bearer {token}",
        "x-monite-version": "2024-05-25",
        "x-monite-entity-id": str(filled.entity_id),
    }


def _show(one: Measured) -> None:
    if one.problems:
        print(f"  {', '.join(one.problems).upper()}:")
    print(
        f"{one.name[:58]:58} {one.rows:4} {one.least_ms:5.1f} {one.median_ms:6.1f} {one.p95_ms:6.1f}  "
        f"{one.statements}: {one.plan}",
        flush=True,
    )


def _compare_depths(results: Sequence[Measured]) -> None:
    """The same list at its beginning and at half its depth."""
    by_name = {one.name: one for one in results}
    for one in results:
        if one.name.endswith(", deep") and (first := by_name.get(one.name.removesuffix(", deep"))):
            print(
                f"first page and page in the middle of {first.name[:58]:58} "
                f"{first.median_ms:5.1f} and {one.median_ms:5.1f} ms"
            )


def _conclude(results: Sequence[Measured], records: int) -> int:
    _compare_depths(results)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of the server and the client together: {peak:.0f} MB")
    figures = {
        "records": records,
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "load": os.getloadavg()[0],
        "peak_memory_mb": round(peak),
        "requests": [asdict(one) for one in results],
    }
    Path("var").mkdir(exist_ok=True)
    Path("var/bench.json").write_text(json.dumps(figures, indent=1))
    wrong = [one.name for one in results if one.problems]
    if os.getloadavg()[0] > (os.cpu_count() or 1):
        print("This machine had other work, too: the shortest times tell more than the others.")
    if wrong:
        print(f"Too slow (over {LIMIT_MS:.0f} ms) or failed: {'; '.join(wrong)}.")
        return 1
    print(f"Every page took less than {LIMIT_MS:.0f} ms.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
