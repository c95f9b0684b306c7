"""One run from the product's and the administrator's side: documents in, connections kept alive."""

import contextlib
import os
import threading
import time
import traceback
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import redis
import sqlalchemy.exc
from kombu.exceptions import OperationalError as BrokerError

from chaos import papers
from chaos.books import Books
from chaos.ledgers import CONSISTENCY_SECONDS, LEDGERS
from chaos.papers import House
from chaos.plan import Paper, Plan, Version
from chaos.stack import Stack
from connectors.base import Role
from connectors.errors import ConnectorError
from models.canonical import ObjectType
from models.status import SyncStatus
from sync import connections, control, documents, runs
from sync.engine import Engine, NoHints
from sync.errors import SyncError
from sync.settings import Settings
from worker.allowances import PREFIX as ALLOWANCES
from worker.runtime import Runtime, build, migrate

OUTAGES = (
    sqlalchemy.exc.DBAPIError,
    psycopg.Error,
    ConnectorError,
    SyncError,
    BrokerError,
    redis.RedisError,
    OSError,
)
"""What the product and the administrator meet while something is down: they try again."""
PEOPLE_ANSWER = 4
"""How often somebody asks for one record again before they let it be."""


@dataclass
class Place:
    """One ledger of the run: its billing entity and connection."""

    house: House
    entity_id: UUID
    connection_id: UUID
    papers: Mapping[str, Paper]
    waiting: deque[tuple[Paper, Version]]
    """What the product still hands in, in order."""


@dataclass
class Run:
    """What the parts of a run share."""

    plan: Plan
    stack: Stack
    books: Books
    runtime: Runtime
    places: dict[str, Place] = field(default_factory=dict)
    handed_in: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    """Records that a person had to decide about, by reason."""
    began: float = 0.0
    refusals: list[str] = field(default_factory=list)
    """Bugs of the run itself."""
    _tries: Counter[UUID] = field(default_factory=Counter)

    @classmethod
    def begin(cls, plan: Plan, stack: Stack, say: Callable[[str], None]) -> "Run":
        """Migrate, and connect a billing entity to every ledger."""
        from worker.app import app  # noqa: PLC0415  # reads the environment
        from worker.dispatch import CeleryHints  # noqa: PLC0415

        engine = sqlalchemy.create_engine(os.environ["LEDGERBRIDGE_DATABASE_URL"])
        migrate(engine)
        engine.dispose()
        runtime = build(Settings(), role="chaos", hints=CeleryHints(app))
        run = cls(plan, stack, Books(stack.home), runtime)
        given: defaultdict[str, dict[str, Paper]] = defaultdict(dict)
        for paper in plan.papers:
            given[paper.ledger][paper.name] = paper
        for name in LEDGERS:
            say(f"connecting {name}")
            run.places[name] = run._connect(name, given[name])
        return run

    @property
    def engine(self) -> Engine:
        """The use cases' engine in this process, with real hints."""
        return self.runtime.engine

    def _connect(self, name: str, given: dict[str, Paper]) -> Place:
        ledger, there = LEDGERS[name], self.books.addresses[name]
        quiet = replace(self.engine, hints=NoHints())
        with self.runtime.begin() as work:
            organisation = work.tenants.organisation("Chaos")
            entity = work.tenants.add_entity(organisation, code=name, legal_name=f"{name} SARL")
        assert entity is not None  # the database is new
        settings = {
            **there["settings"],
            **ledger.settings,
            "consistency_delay_seconds": CONSISTENCY_SECONDS,
        }
        row = connections.add(
            quiet,
            self.runtime.opener,
            connections.NewConnection(
                billing_entity_id=entity.id,
                provider=ledger.provider,
                role=Role.LEDGER,
                credentials=there["credentials"],
                settings=settings,
                base_url=there["base_url"],
                schedule="24h",
                start_date=date(2026, 1, 1),
            ),
            actor="chaos",
        )
        runs.trigger_run(quiet, row.id, only="pull")
        while not runs.advance(quiet, row.id).finished:
            pass
        house = House(
            ledger, settings["default_sales_account"], settings["default_purchase_account"]
        )
        return Place(house, entity.id, row.id, given, _in_order(given.values()))

    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self.began

    @property
    def left_to_hand_in(self) -> int:
        """How many versions of documents the product still has."""
        return sum(len(place.waiting) for place in self.places.values())

    def feed(self, stop: threading.Event) -> None:
        """Hand in what the plan says, when it says so; what fails is handed in again."""
        while not stop.wait(0.1) and self.left_to_hand_in:
            for place in self.places.values():
                with self._noted("feed"):
                    self._feed(place)

    def _feed(self, place: Place) -> None:
        now = self.elapsed()
        due: dict[str, tuple[Paper, Version]] = {}
        for paper, version in place.waiting:
            if version.at > now or paper.name in due or len(due) == documents.CHUNK:
                break
            due[paper.name] = (paper, version)
        if not due:
            return
        told = any(version.told for _, version in due.values())
        engine = self.engine if told else replace(self.engine, hints=NoHints())
        records = [
            papers.record(paper, version, place.house, place.papers)
            for paper, version in due.values()
        ]
        with self.runtime.begin() as work:
            documents.store(work, engine, place.entity_id, records)
        for _ in due:
            place.waiting.popleft()
        self.handed_in += len(due)

    @contextlib.contextmanager
    def _noted(self, what: str) -> Any:
        """Outages are what this is about; anything else is a bug of ours, and is reported."""
        try:
            yield
        except OUTAGES:
            pass
        except Exception as error:  # noqa: BLE001  # a thread of the run must not die in silence
            self.refusals.append(in_words(what, error))

    def administer(self, stop: threading.Event) -> None:
        """Let ledgers in again that took our credentials for ended, as an administrator does."""
        while not stop.wait(1):
            self.let_in_again()

    def let_in_again(self) -> None:
        """Give every connection that is deauthorized new credentials."""
        for name, place in self.places.items():
            with self._noted("administer"):
                with self.runtime.begin() as work:
                    row = connections.get(work, place.connection_id)
                if row.status.value == "deauthorized":
                    self.asked["credentials"] += 1
                    given = self.books.ask("credentials", name)
                    connections.reauthorize(
                        self.engine, self.runtime.opener, row.id, given, actor="chaos"
                    )

    def pass_time(self, *, minutes: int, everywhere: bool = False) -> None:
        """Let what is due within some minutes be due now.

        Leases and the time that an outcome has been unclear stay: they hold for real workers and
        for requests that are under way. `everywhere` is on the ledgers' clocks and at the closed gates of
        providers, too.
        """
        with self.stack.database() as connection:
            for table, column in (
                ("synced_records", "next_attempt_at"),
                ("connections", "parked_until"),
                ("sync_runs", "next_step_at"),
                ("consents", "refresh_not_before"),
            ):
                connection.execute(
                    f"UPDATE {table} SET {column} = now() "  # names of our own
                    f"WHERE {column} > now() AND {column} < now() + make_interval(mins => %s)",
                    (minutes,),
                )
        if everywhere:
            for name in LEDGERS:
                self.books.ask("pass_time", name, minutes=minutes)
            with self.stack.redis() as client:
                for key in client.scan_iter(f"{ALLOWANCES}*"):
                    client.delete(key)

    def standing(self) -> Counter[str]:
        """Records by status."""
        with self.stack.database() as connection:
            rows = connection.execute(
                "SELECT status, count(*) FROM synced_records WHERE own GROUP BY status"
            ).fetchall()
        return Counter({str(status): int(number) for status, number in rows})

    def moving(self) -> int:
        """Records, runs and attempts that are under way, or will go on by themselves."""
        with self.stack.database() as connection:
            row = connection.execute(
                """
                SELECT (SELECT count(*) FROM synced_records r
                         WHERE status IN ('pending', 'sending', 'retry_wait', 'uncertain', 'held')
                            OR lease_until > now()
                            OR status = 'blocked' AND issue_id IS NULL)
                     + (SELECT count(*) FROM sync_runs WHERE status IN ('queued', 'running'))
                     + (SELECT count(*) FROM attempts WHERE outcome IS NULL)
                """
            ).fetchone()
        return int(row[0]) if row else -1

    def answer_people(self) -> None:
        """Decide, as a bookkeeper would, what only waits for somebody to look."""
        expected = {
            (place.connection_id, paper.name)
            for place in self.places.values()
            for paper in place.papers.values()
            if paper.untaxable
        }
        for name, place in self.places.items():
            with self.runtime.begin() as work:
                lines = work.log.lines(
                    connection_id=place.connection_id, status=SyncStatus.REJECTED, limit=10_000
                )
            unclear = [line for line in lines if line.reason_code == "outcome_unclear"]
            there = {row["name"] for row in self.books.ask("rows", name)} if unclear else set()
            for line in lines:
                if (place.connection_id, line.external_id) in expected:
                    continue
                if line in unclear and line.external_id in there:
                    continue  # whoever looks sees that it is there, and would settle it
                if self._tries[line.id] < PEOPLE_ANSWER:
                    self._tries[line.id] += 1
                    self.asked[line.reason_code or "rejected"] += 1
                    with self._noted("answer"):
                        control.retry(self.engine, actor="chaos", record_id=line.id)

    def close(self) -> None:
        """Give everything back."""
        self.books.close()
        self.runtime.close()


def in_words(what: str, error: Exception) -> str:
    """A bug, and where it came from."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    way = " < ".join(f"{Path(one.filename).name}:{one.lineno}" for one in reversed(frames))
    return f"{what}: {type(error).__name__}: {error} ({way})"


def _in_order(given: Any) -> deque[tuple[Paper, Version]]:
    """What the product hands in; of one moment, contacts first."""
    events = [(paper, version) for paper in given for version in paper.versions]
    events.sort(key=lambda one: (one[1].at, one[0].kind is not ObjectType.CONTACT, one[0].name))
    return deque(events)
