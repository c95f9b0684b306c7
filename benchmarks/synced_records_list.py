"""How long a page of 100 synced records takes, out of a million, with every documented filter.

Run with `make bench`, or `python -m benchmarks.synced_records_list --records 100000`. It fills a
database of its own, shows the plans, and ends with 1 when a page took too long. Measured is what
the server does for a page: the statement and making rows of its answer.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy
from sqlalchemy.orm import sessionmaker

from api.contract import ALL_KINDS, KINDS, ContractType, WireStatus
from models.repositories.contract import Place, RecordKind, RecordLine
from models.tables import ConnectionRole
from models.unit_of_work import Begin, begin_with
from worker import embedded, runtime

PAGE = 100
LIMIT_MS = 30
REPEATED = 15
SHARES = (0.7, 0.2, 0.1)
"""How the records are spread over three connections; the first one is measured."""
START = datetime(2024, 1, 1, tzinfo=UTC)
EVERY = timedelta(minutes=1)

_DOCUMENTS = """
    INSERT INTO documents (
        id, billing_entity_id, type, external_id, number, name, document_date, currency,
        net_total, tax_total, total, status, body, content_hash, version, created_at, updated_at)
    SELECT made.id, :entity, made.type, 'X-' || n, 'N-' || n, 'Document ' || n,
           CAST(:day AS date) + n % 700, 'EUR', 100, 20, 120, 'open',
           jsonb_build_object('id', 'X-' || n, 'type', made.type, 'note', repeat('words ', 40))
               || CASE WHEN made.type = 'contact' AND n % 40 = 0
                       THEN '{"roles": ["supplier"]}'::jsonb ELSE '{}'::jsonb END,
           md5(n::text), 1, made.at, made.at
      FROM generate_series(CAST(:first AS int), CAST(:last AS int)) AS n,
           LATERAL (SELECT CASE WHEN n % 20 = 0 THEN 'contact' WHEN n % 20 < 12 THEN 'invoice'
                                WHEN n % 20 < 15 THEN 'bill' WHEN n % 20 = 15 THEN 'credit_note'
                                ELSE 'payment' END AS type,
                           CAST(:start AS timestamptz) + n * CAST(:every AS interval) AS at,
                           -- Ids rise with the time, as ours do.
                           (lpad(to_hex(1704067200000 + n::bigint * 60000), 12, '0') || '7'
                            || substr(md5(n::text), 1, 3) || '8'
                            || substr(md5(n::text), 4, 15))::uuid AS id) AS made
"""
_ISSUES = """
    INSERT INTO issues (id, connection_id, code, subject, sentence, actor, next_step)
    SELECT gen_random_uuid(), :connection, 'account_unmapped', n::text,
           'Account ' || n || ' does not exist.', 'bookkeeper', 'Create it.'
      FROM generate_series(1, 200) AS n
"""
_RECORDS = """
    INSERT INTO synced_records (
        id, connection_id, type, object_id, object_date, platform_object_id, marker, status,
        issue_id, reason, fence, attempts, refusals, checks, generation, next_attempt_at,
        pushed_hash, ledger, last_pushed_at, created_at, updated_at)
    SELECT d.id, :connection, d.type, d.id, d.document_date,
           CASE WHEN made.status = 'done' THEN d.external_id END,
           'LB-' || upper(substr(md5(d.external_id), 1, 16)), made.status,
           CASE WHEN made.status IN ('rejected', 'blocked') AND made.n % 2 = 0
                THEN issues[1 + made.n % 200] END,
           CASE WHEN made.status <> 'done' THEN 'Because.' END,
           1, 1, 0, 0, 1, d.created_at, CASE WHEN made.status = 'done' THEN d.content_hash END,
           '{"number": "1", "total": "120.00", "url": "https://ledger.example/1"}'::jsonb,
           d.created_at, d.created_at,
           d.created_at + make_interval(secs => (made.n::bigint * 7919) % 5000000)
      FROM documents d,
           LATERAL (SELECT substr(d.external_id, 3)::int AS n) AS number,
           LATERAL (SELECT number.n, CASE number.n % 199 WHEN 3 THEN 'rejected'
                    WHEN 5 THEN 'blocked' WHEN 6 THEN 'blocked' WHEN 7 THEN 'pending'
                    WHEN 8 THEN 'retry_wait' WHEN 9 THEN 'held' ELSE 'done' END AS status) AS made,
           (SELECT array_agg(id) AS issues FROM issues WHERE connection_id = :connection) AS i
     WHERE d.billing_entity_id = :entity
"""


@dataclass(frozen=True)
class Asked:
    """One request for a page."""

    name: str
    kinds: Sequence[RecordKind] = field(default_factory=lambda: ALL_KINDS)
    filters: Mapping[str, Any] = field(default_factory=dict)
    sync_status: str | None = None
    sort: str = "created_at"
    descending: bool = False
    place: Place | None = None


def fill(begin: Begin, database: sqlalchemy.Engine, records: int) -> UUID:
    """Make connections with records of documents; the entity of the biggest one."""
    entities = []
    first = 1
    for number, share in enumerate(SHARES):
        with begin() as work:
            entity = work.tenants.add_entity(
                work.tenants.organisation("Acme"), code=f"E{number}", legal_name="Acme SARL"
            )
            assert entity is not None  # noqa: S101  # the database was empty
            connection = work.connections.add(
                billing_entity_id=entity.id,
                provider="memory",
                role=ConnectionRole.LEDGER,
                sealed=b"",
                base_url=None,
                organisation=("books", "Books"),
                settings={},
                posting_from=date(2024, 1, 1),
                schedule="24h",
                next_sync_at=work.connections.now(),
            )
        last = first + int(records * share) - 1
        values = {"entity": entity.id, "connection": connection.id, "first": first, "last": last}
        values |= {"start": START, "every": EVERY, "day": START.date()}
        for statement in (_DOCUMENTS, _ISSUES, _RECORDS):
            with database.begin() as session:
                session.execute(sqlalchemy.text(statement), values)
        entities.append(entity.id)
        first = last + 1
    with database.connect().execution_options(isolation_level="AUTOCOMMIT") as session:
        session.exec_driver_sql("VACUUM ANALYZE")
    return entities[0]


def requests(records: int, objects: Sequence[UUID]) -> Iterator[Asked]:
    """Every documented filter, sorting and depth."""
    end = START + EVERY * int(records * SHARES[0])
    middle, late = START + (end - START) / 2, START + (end - START) * 0.99
    anywhere = UUID(int=0)
    yield Asked("nothing")
    yield Asked("order=desc", descending=True)
    yield Asked("sort=updated_at", sort="updated_at")
    yield Asked("at half depth", place=Place(middle, anywhere))
    yield Asked("at 99 % depth", place=Place(late, anywhere))
    yield Asked("back from 99 %", place=Place(late, anywhere, back=True))
    yield Asked("updated_at, desc, deep", sort="updated_at", descending=True,
                place=Place(middle, anywhere))  # fmt: skip
    for contract_type in ContractType:
        name = f"object_type={contract_type.value}"
        yield Asked(name, kinds=KINDS[contract_type])
        yield Asked(f"{name}, deep", kinds=KINDS[contract_type], place=Place(late, anywhere))
    for status in WireStatus:
        yield Asked(f"sync_status={status.value}", sync_status=status.value)
        yield Asked(
            f"{status.value}, receivable, deep",
            kinds=KINDS[ContractType.RECEIVABLE],
            sync_status=status.value,
            place=Place(middle, anywhere),
        )
    yield Asked("object_id", filters={"object_id": str(objects[0])})
    yield Asked("object_id__in (100)", filters={"object_id__in": list(map(str, objects))})
    for column in ("created_at", "updated_at"):
        for name in ("gt", "gte", "lt", "lte"):
            moment = late if name.startswith("g") else START + EVERY * 1000
            yield Asked(f"{column}__{name}", filters={f"{column}__{name}": moment.isoformat()})
    window = {"updated_at__gte": middle.isoformat(), "updated_at__lt": late.isoformat()}
    yield Asked("updated_at window, error", filters=window, sync_status="error")


def page(begin: Begin, entity_id: UUID, asked: Asked) -> list[RecordLine]:
    """One page, as the route reads it."""
    with begin() as work:
        return work.contract.records(
            entity_id,
            asked.kinds,
            filters=asked.filters,
            sync_status=asked.sync_status,
            sort=asked.sort,
            descending=asked.descending,
            place=asked.place,
            limit=PAGE + 1,
        )


@contextmanager
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


def plan(begin: Begin, database: sqlalchemy.Engine, entity_id: UUID, asked: Asked) -> list[str]:
    """The plan in short: what is scanned and sorted, and how long it took."""
    with noted(database) as seen:
        page(begin, entity_id, asked)
    statement, parameters = seen[-1]
    with database.connect() as session:
        lines = session.exec_driver_sql(f"EXPLAIN (ANALYZE, COSTS OFF) {statement}", parameters)
        return [
            line
            for line in lines.scalars()
            if any(word in line for word in (" Scan", "Sort  ", "Removed by", "Execution Time"))
        ]


def measure(begin: Begin, entity_id: UUID, asked: Asked) -> tuple[int, float, float]:
    """How many rows a page has; the usual and the longest time in milliseconds."""
    times = []
    rows = 0
    for _ in range(REPEATED):
        began = time.perf_counter()
        rows = len(page(begin, entity_id, asked))
        times.append((time.perf_counter() - began) * 1000)
    return rows, statistics.median(times), max(times)


def main() -> int:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--plans", action="store_true", help="print the plan of each")
    options = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="lb-bench-"))
    home.chmod(0o755)  # PostgreSQL runs as a user of its own when we are root
    try:
        database = sqlalchemy.create_engine(embedded.database_url(home))
        _settle_for_less(database)
        runtime.migrate(database)
        begin = begin_with(sessionmaker(database, expire_on_commit=False))
        began = time.perf_counter()
        print(f"filling a database with {options.records:,} records ...", flush=True)
        entity_id = fill(begin, database, options.records)
        print(f"filled in {time.perf_counter() - began:.0f} s", flush=True)
        slow = compare(begin, database, entity_id, options)
        database.dispose()
    finally:
        embedded.leave(home)
        shutil.rmtree(home, ignore_errors=True)
    if slow:
        print(f"Slower than {LIMIT_MS} ms: {', '.join(slow)}.")
        return 1
    print(f"Every page took less than {LIMIT_MS} ms.")
    return 0


def _settle_for_less(database: sqlalchemy.Engine) -> None:
    """Fill faster: what a power cut would lose is of no interest here."""
    with database.connect().execution_options(isolation_level="AUTOCOMMIT") as session:
        for setting in ("fsync = off", "synchronous_commit = off", "max_wal_size = '8GB'"):
            session.exec_driver_sql(f"ALTER SYSTEM SET {setting}")
        session.exec_driver_sql("SELECT pg_reload_conf()")


def compare(
    begin: Begin, database: sqlalchemy.Engine, entity_id: UUID, options: argparse.Namespace
) -> list[str]:
    """Measure every request; gives those that are too slow."""
    objects = [line.object_id for line in page(begin, entity_id, Asked("nothing"))][:PAGE]
    slow = []
    print(f"{'page of 100 with':38} {'rows':>5} {'median':>9} {'longest':>9}")
    for asked in requests(options.records, objects):
        rows, usual, longest = measure(begin, entity_id, asked)
        print(f"{asked.name:38} {rows:5} {usual:6.1f} ms {longest:6.1f} ms", flush=True)
        if usual > LIMIT_MS:
            slow.append(asked.name)
        if options.plans or usual > LIMIT_MS:
            for line in plan(begin, database, entity_id, asked):
                print(f"    {line}")
    return slow


if __name__ == "__main__":
    sys.exit(main())
