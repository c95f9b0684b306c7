"""Doing what the plan says: one function for each kind of trouble."""

import contextlib
import json
import re
import signal
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from typing import Any

from chaos.plan import SLOW, Planned
from chaos.run import OUTAGES, Place, Run, in_words
from chaos.stack import GROUPS, LEASE, Group, Stack
from connectors.faults import Fault
from models.tables import Trigger
from sync import runs
from worker.dispatch import PUSH, SWEEP

HELD_SECONDS = 1.5
LOOK_SECONDS = 4.0
"""How long to wait for a moment to kill at; without traffic there is none."""
_OWNER = re.compile(r":(\d+)$")
_APPLICATION = re.compile(r"ledgerbridge-worker-(\d+)")
_PHASES = (
    ("WITH due AS", "claim"),
    ("INSERT INTO attempts", "attempt_row"),
    ("WITH lost AS", "sweep"),
    ("SET progress", "step"),
    ("SET status = CASE", "settle"),
)


class Injector:
    """Works through the faults of a plan while the run goes on."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.stack: Stack = run.stack
        self.done: Counter[str] = Counter()
        """What really went wrong, by name."""
        self.missed: Counter[str] = Counter()
        """What found nothing to hit."""
        self._queues: dict[str, SimpleQueue[Planned]] = {"quick": SimpleQueue()}
        self._threads: list[threading.Thread] = []
        self._pending = 0
        self._count = threading.Lock()

    def start(self, stop: threading.Event) -> None:
        """Let the plan's clock run; slow troubles overlap, at most three at a time."""
        self._pending = len(self.run.plan.faults)
        self._queues["slow"] = SimpleQueue()
        targets = [("quick", 1), ("slow", 3)]
        clock = threading.Thread(target=self._clock, args=(stop,), daemon=True)
        self._threads = [clock] + [
            threading.Thread(target=self._work, args=(self._queues[name], stop), daemon=True)
            for name, number in targets
            for _ in range(number)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def pending(self) -> int:
        """How many are still to come."""
        return self._pending

    def join(self) -> None:
        """Wait for what is under way."""
        for thread in self._threads:
            thread.join(60)

    def _clock(self, stop: threading.Event) -> None:
        for planned in self.run.plan.faults:
            while self.run.elapsed() < planned.at:
                if stop.wait(0.05):
                    return
            self._queues["slow" if planned.trouble in SLOW else "quick"].put(planned)

    def _work(self, queue: "SimpleQueue[Planned]", stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                planned = queue.get(timeout=0.1)
            except Empty:
                continue
            label: str | bool = False
            try:
                label = self._inject(planned)
            except OUTAGES:
                label = False  # another fault has taken away what this one is made of
            except Exception as error:  # noqa: BLE001  # reported at the end
                self.run.refusals.append(in_words(planned.label, error))
            finally:
                with self._count:
                    self._pending -= 1
                    if label is False:
                        self.missed[planned.label] += 1
                    elif planned.fault is None:
                        self.done[planned.label if label is True else str(label)] += 1

    def _inject(self, planned: Planned) -> str | bool:
        act: Callable[[Planned], str | bool | None] = getattr(self, f"_{planned.trouble.value}")
        found = act(planned)
        return True if found is None else found

    def place(self, planned: Planned) -> Place:
        """Where it happens."""
        return self.run.places[planned.ledger]

    def ask(self, what: str, planned: Planned, **given: Any) -> Any:
        """Ask the ledgers' process."""
        return self.run.books.ask(what, planned.ledger, **given)

    # At a ledger. How many requests really met these is asked in the end.

    def _provider(self, planned: Planned) -> None:
        how: dict[str, Any] = {}
        ledger = self.place(planned).house.ledger
        if planned.fault is Fault.SLOW_ANSWER:
            how["seconds"] = 3.5
        if planned.fault is Fault.THROTTLE:
            how["retry_after"] = 1 + planned.number % 5
        if planned.fault is Fault.STALE:
            how["path"] = "/[a-z_]+/update"
        how["skip"] = planned.number % 2 if ledger.plain else planned.number % 4
        self.ask("arm", planned, fault=planned.fault, reads=planned.reads, **how)

    def _resaved(self, planned: Planned) -> bool:
        return bool(self.ask("resave", planned, number=planned.number))

    def _poison_document(self, planned: Planned) -> None:
        invoices = [one for one in self.place(planned).papers.values() if one.name[1] == "I"]
        name = invoices[planned.number % len(invoices)].name
        fault = (Fault.ERROR_BEFORE, Fault.ERROR_AFTER)[planned.number % 2]
        self.ask("arm", planned, fault=fault, body=name, times=12)

    def _long_throttle(self, planned: Planned) -> None:
        self.ask("arm", planned, fault=Fault.THROTTLE, retry_after=3600)

    def _token_lost(self, planned: Planned) -> None:
        ledger = self.place(planned).house.ledger
        fault = (Fault.DROP_AFTER, Fault.SLOW_ANSWER, Fault.ERROR_BEFORE)[planned.number % 3]
        self.ask(
            "arm", planned, fault=fault, path=ledger.tokens, body=None, method="POST", seconds=3.5
        )
        with self.stack.database() as connection:
            connection.execute(
                "UPDATE consents SET expires_at = now() FROM connections c "
                "WHERE c.consent_id = consents.id AND c.id = %s",
                (self.place(planned).connection_id,),
            )

    # At workers.

    def _group(self, planned: Planned) -> Group:
        return self.stack.groups[list(GROUPS)[planned.number % len(GROUPS)]]

    def _kill_worker(self, planned: Planned) -> bool:
        group = self._group(planned)
        alive = group.alive
        self.stack.kill(group, rest=planned.number % 3)
        return alive

    def _kill_child(self, planned: Planned) -> bool:
        children = self.stack.children(self._group(planned))
        return bool(children) and self.stack.kill_pid(children[planned.number % len(children)])

    def _kill_before_commit(self, planned: Planned) -> bool:
        return self._in_call(planned, after=False, act=self.stack.kill_pid)

    def _kill_after_commit(self, planned: Planned) -> bool:
        return self._in_call(planned, after=True, act=self.stack.kill_pid)

    def _in_call(self, planned: Planned, *, after: bool, act: Callable[[int], bool]) -> bool:
        """Do something to the process whose request is at the ledger right now."""
        self.ask("hold", planned, after=after, seconds=HELD_SECONDS)
        try:
            if not self.ask("held", planned, seconds=LOOK_SECONDS):
                return False
            with self.stack.database() as connection:
                owners = connection.execute(
                    "SELECT lease_owner FROM synced_records WHERE connection_id = %s "
                    "AND status = 'sending' AND lease_until > now() ORDER BY lease_until DESC",
                    (self.place(planned).connection_id,),
                ).fetchall()
            pids = [int(found[1]) for (owner,) in owners if (found := _OWNER.search(owner or ""))]
            return bool(pids) and act(pids[0])
        finally:
            self.ask("release", planned)

    def _kill_in_database(self, planned: Planned) -> str | bool:
        """Kill whoever comes to a locked table, at whatever statement that is."""
        table = ("synced_records", "attempts")[planned.number % 2]
        with self._locked(table):
            end = time.monotonic() + 2
            while time.monotonic() < end:
                with self.stack.database() as connection:
                    waiting = connection.execute(
                        "SELECT application_name, query FROM pg_stat_activity WHERE "
                        "wait_event_type = 'Lock' AND application_name LIKE 'ledgerbridge-worker%' "
                        "ORDER BY query_start LIMIT 1"
                    ).fetchone()
                if waiting is not None and (found := _APPLICATION.match(waiting[0])):
                    if not self.stack.kill_pid(int(found[1])):
                        return False
                    phases = [phase for part, phase in _PHASES if part in waiting[1]]
                    return f"kill_at_{phases[0] if phases else 'other'}"
                time.sleep(0.02)
        return False

    @contextlib.contextmanager
    def _locked(self, table: str) -> Iterator[None]:
        with self.stack.database() as connection, connection.transaction():
            connection.execute("SET LOCAL lock_timeout = '3s'")
            connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            yield

    def _term(self, planned: Planned) -> bool:
        group = self._group(planned)
        if group.process is None or not group.alive:
            return False
        group.process.send_signal(signal.SIGTERM)
        return True

    def _term_kill(self, planned: Planned) -> bool:
        if not self._term(planned):
            return False
        time.sleep(0.2 + planned.number % 10 / 5)
        self.stack.kill(self._group(planned))
        return True

    def _freeze_worker(self, planned: Planned) -> bool:
        return self._freeze(self._group(planned))

    def _freeze(self, group: Group) -> bool:
        if group.frozen or not self.stack.signal(group, signal.SIGSTOP):
            return False
        time.sleep(LEASE + 2)
        self.stack.signal(group, signal.SIGCONT)
        return True

    def _freeze_in_call(self, planned: Planned) -> bool:
        """The worker stops while its request is at the ledger, and reads the answer much later."""
        found: list[Group] = []

        def stop(pid: int) -> bool:
            group = self.stack.group_of(pid)
            if group is None or group.frozen:
                return False
            found.append(group)
            return self.stack.signal(group, signal.SIGSTOP)

        if not self._in_call(planned, after=planned.number % 2 == 0, act=stop):
            return False
        time.sleep(LEASE + 2)
        self.stack.signal(found[0], signal.SIGCONT)
        return True

    def _skew(self, planned: Planned) -> None:
        seconds = (-3600, -300, -5, 5, 300, 3600)[planned.number % 6]
        (self.stack.home / f"skew-{self._group(planned).name}").write_text(str(seconds))

    # At the servers.

    def _redis_emptied(self, _: Planned) -> None:
        with self.stack.redis() as client:
            client.flushall()

    def _redis_restarted(self, _: Planned) -> None:
        with self.stack.redis_turn:
            self.stack.signal_redis(signal.SIGTERM, wait=True)
            self.stack.start_redis()

    def _redis_killed(self, planned: Planned) -> None:
        with self.stack.redis_turn:
            self.stack.signal_redis(signal.SIGKILL, wait=True)
            time.sleep(1 + planned.number % 4)
            self.stack.start_redis()

    def _redis_frozen(self, planned: Planned) -> None:
        with self.stack.redis_turn:
            self.stack.signal_redis(signal.SIGSTOP)
            time.sleep(2 + planned.number % 7)
            self.stack.signal_redis(signal.SIGCONT)

    def _redis_cut(self, _: Planned) -> None:
        with self.stack.redis() as client:
            client.execute_command("CLIENT KILL", "TYPE", "normal", "SKIPME", "yes")

    def _postgres_restarted(self, _: Planned) -> None:
        self.stack.restart_postgres(crash=False)

    def _postgres_crashed(self, _: Planned) -> None:
        self.stack.restart_postgres(crash=True)

    def _postgres_cut(self, _: Planned) -> None:
        with self.stack.database() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name LIKE 'ledgerbridge-%'"
            )

    def _postgres_locked(self, planned: Planned) -> None:
        table = ("synced_records", "attempts", "connections")[planned.number % 3]
        with self._locked(table):
            time.sleep(5.5)

    # At hints, beats and the clock.

    def _hints_lost(self, _: Planned) -> None:
        with self.stack.redis() as client:
            client.delete(*(f"ledgerbridge:{queue}" for queue in ("push", "pull", "maintenance")))

    def _hints_doubled(self, planned: Planned) -> None:
        for _ in range(3):
            self.run.engine.hints.push(self.place(planned).connection_id)

    def _hints_stale(self, planned: Planned) -> None:
        for connection_id in (uuid.uuid4(), self.place(planned).connection_id):
            self.run.engine.hints.push(connection_id)
            self.run.engine.hints.run(connection_id)

    def _hints_poisoned(self, planned: Planned) -> None:
        from worker.app import app  # noqa: PLC0415  # reads the environment

        match planned.number % 4:
            case 0:
                app.send_task("ledgerbridge.of_nobody", queue="push")
            case 1:
                app.send_task(PUSH, kwargs={"connection_id": "no-id"}, queue="push")
            case 2:
                app.send_task(PUSH, args=[1, 2, 3, {"x": [None]}], queue="push")
            case 3:
                body = {"body": "bm90IGpzb24=", "content-type": "application/x-strange"}
                message = {
                    **body,
                    "content-encoding": "binary",
                    "headers": {},
                    "properties": {
                        "body_encoding": "base64",
                        "delivery_info": {"exchange": "", "routing_key": "push"},
                        "delivery_tag": str(uuid.uuid4()),
                    },
                }
                with self.stack.redis() as client:
                    client.lpush("ledgerbridge:push", json.dumps(message))

    def _hints_old(self, planned: Planned) -> None:
        from worker.app import app  # noqa: PLC0415  # reads the environment

        known = {"connection_id": str(self.place(planned).connection_id)}
        app.send_task(PUSH, kwargs=known, queue="push")
        newer = known | {"correlation_id": "later", "colour": "blue", "tries": 3}
        app.send_task(PUSH, kwargs=newer, queue="push")

    def _second_beat(self, _: Planned) -> None:
        self.stack.beats_wanted = 2

    def _no_beat(self, _: Planned) -> bool:
        self.stack.beats_wanted = 1
        for beat in self.stack.beats:
            beat.kill()  # `tend` starts another one
        return bool(self.stack.beats)

    def _two_sweeps(self, _: Planned) -> None:
        from worker.app import app  # noqa: PLC0415  # reads the environment

        for _again in range(2):
            app.send_task(SWEEP, queue="maintenance")

    def _two_runs(self, planned: Planned) -> None:
        connection_id = self.place(planned).connection_id
        with self.stack.database() as connection:
            connection.execute(
                "UPDATE connections SET next_sync_at = now() WHERE id = %s", (connection_id,)
            )
        runs.trigger_run(self.run.engine, connection_id, trigger=Trigger.MANUAL)

    def _clock_jump(self, planned: Planned) -> None:
        self.run.pass_time(minutes=5 + planned.number % 60, everywhere=True)


def calm(run: Run) -> None:
    """Nothing goes wrong any more: every ledger, server and process is well."""
    for group in run.stack.groups.values():
        run.stack.signal(group, signal.SIGCONT)
        (run.stack.home / f"skew-{group.name}").unlink(missing_ok=True)
    run.stack.signal_redis(signal.SIGCONT)
    run.stack.beats_wanted = 1
    for name in run.places:
        run.books.ask("release", name)
        run.books.ask("calm", name)
