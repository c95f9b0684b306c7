"""The process of the simulated ledgers: `python -m chaos.books FOLDER`. It outlives every kill.

Each ledger listens on a port of its own. Beside them there is a desk for the run itself: faults
are armed there, requests are held at an exact moment, and the judge reads the books.
"""

import contextlib
import json
import os
import signal
import sys
import threading
from collections import Counter
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from chaos.ledgers import LEDGERS, Ledger
from connectors.faults import Answer, Fault, Request
from connectors.loopback import LoopbackServer
from connectors.simulator import Sandbox
from models.canonical import ObjectType

ADDRESSES = "addresses.json"


class Hold:
    """Stops one write before it reaches the books, or after it is in them."""

    def __init__(self, *, after: bool, seconds: float) -> None:
        self.after = after
        self.seconds = seconds
        self.reached = threading.Event()
        self.go_on = threading.Event()
        self._lock = threading.Lock()
        self._taken = False

    def stop(self, *, after: bool) -> None:
        """Wait, if this is the moment, and nobody else has been stopped by it."""
        with self._lock:
            mine = after is self.after and not self._taken
            self._taken = self._taken or mine
        if mine:
            self.reached.set()
            self.go_on.wait(self.seconds)


class Served:
    """One ledger with a hold in front of its books."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.sandbox: Sandbox = ledger.serve()
        self.hold: Hold | None = None
        self.keys: set[str] = set()
        """Keys of all writes that came in, where they are in plain sight."""
        server = self.simulator._server  # noqa: SLF001  # the one place that a hold fits in
        assert server is not None  # `serve` has started it
        self._books = server.handle
        server.handle = self._handle

    @property
    def simulator(self) -> Any:
        """The simulator itself."""
        return self.sandbox.simulator

    @property
    def app(self) -> dict[str, str] | None:
        """How an operator is registered with the provider, where tokens are renewed by that."""
        if self.ledger.credentials is None:
            return None
        rules = self.simulator.rules
        return {"client_id": rules.client_id, "client_secret": rules.client_secret}

    def _handle(self, request: Request) -> Answer:
        hold = self.hold if self.ledger.writes(request) else None
        if hold is not None:
            hold.stop(after=False)
        if self.ledger.plain and request.method == "POST":
            self._note(request)
        answer: Answer = self._books(request)
        if hold is not None:
            hold.stop(after=True)
        return answer

    def _note(self, request: Request) -> None:
        with contextlib.suppress(ValueError, KeyError, TypeError):
            self.keys.update(item["key"] for item in json.loads(request.body)["items"])


class Desk:
    """What the run asks of the process; JSON in, JSON out."""

    def __init__(self) -> None:
        self.served = {name: Served(ledger) for name, ledger in LEDGERS.items()}

    def handle(self, request: Request) -> Answer:
        """Answer a question about a ledger: `/rows/xero`."""
        what, name = request.path.strip("/").split("/")
        given = json.loads(request.body or b"{}")
        try:
            return Answer(body=getattr(self, f"do_{what}")(self.served[name], **given))
        except Exception as error:  # noqa: BLE001  # the run says what was wrong with its question
            return Answer(500, f"{type(error).__name__}: {error}")

    def do_arm(self, one: Served, *, fault: str, reads: bool = False, **how: Any) -> Any:
        """Let the next fitting requests fail."""
        ledger = one.ledger
        methods, path, body = ledger.reads if reads else (ledger.method, ledger.path, ledger.body)
        method = "*" if "|" in methods else methods
        how = {"method": method, "path": path, "body": body, **how}
        one.simulator.faults.arm(Fault(fault), **how)
        return None

    def do_hold(self, one: Served, *, after: bool, seconds: float) -> Any:
        """Hold the next write."""
        one.hold = Hold(after=after, seconds=seconds)
        return None

    def do_held(self, one: Served, *, seconds: float) -> Any:
        """Wait until a write is held; whether one is."""
        return one.hold is not None and one.hold.reached.wait(seconds)

    def do_release(self, one: Served) -> Any:
        """Let it go on."""
        if one.hold is not None:
            one.hold.go_on.set()
        one.hold = None
        return None

    def do_resave(self, one: Served, *, number: int) -> Any:
        """Somebody saves a document of a plain ledger again, without a change."""
        kind = (ObjectType.INVOICE, ObjectType.BILL, ObjectType.CREDIT_NOTE)[number % 3]
        there = [
            entry
            for entry in one.simulator.documents(kind)
            if not entry.draft and entry.status != "void" and not entry.paid
        ]
        if not there:
            return False
        one.simulator.edit(kind, there[number % len(there)].id)
        return True

    def do_rows(self, one: Served) -> Any:
        """All that the judge wants to see."""
        return [asdict(row) for row in one.ledger.rows(one.simulator)]

    def do_keys(self, one: Served) -> Any:
        """The keys of all writes."""
        return sorted(one.keys)

    def do_credentials(self, one: Served) -> Any:
        """Credentials as somebody gets them who lets us in once more."""
        again = one.ledger.credentials
        return again(one.simulator) if again else one.sandbox.credentials

    def do_faults(self, one: Served) -> Any:
        """What met a request so far."""
        met: Counter[str] = Counter()
        for fault, number in one.simulator.faults.injected.items():
            met[fault.value] = number
        return met

    def do_pass_time(self, one: Served, *, minutes: int) -> Any:
        """The ledger's clock moves on."""
        one.simulator.pass_time(timedelta(minutes=minutes))
        return None

    def do_calm(self, one: Served) -> Any:
        """Nothing goes wrong any more; what is under way comes to its end."""
        one.simulator.faults.clear()
        one.simulator.faults.settle()
        return None

    def do_crashes(self, one: Served) -> Any:
        """Bugs of the simulator itself."""
        return one.simulator.crashes


class Books:
    """The desk, from the run's side."""

    def __init__(self, folder: Path) -> None:
        self.addresses: dict[str, Any] = json.loads((folder / ADDRESSES).read_text())
        self._http = httpx.Client(base_url=self.addresses[""], timeout=60)

    def ask(self, what: str, ledger: str, **given: Any) -> Any:
        """Ask the desk about a ledger."""
        answer = self._http.post(f"/{what}/{ledger}", json=given)
        if answer.is_error:
            raise RuntimeError(f"{what} of {ledger}: {answer.text}")
        return answer.json()

    def close(self) -> None:
        """Ask nothing any more."""
        self._http.close()


def main() -> None:
    """Serve until TERM, or until the run that started it is gone."""
    folder, parent = Path(sys.argv[1]), os.getppid()
    desk = Desk()
    control = LoopbackServer(desk.handle)
    addresses: dict[str, Any] = {
        name: {
            "base_url": one.sandbox.base_url,
            "credentials": one.sandbox.credentials,
            "settings": one.sandbox.settings,
            "app": one.app,
        }
        for name, one in desk.served.items()
    }
    addresses[""] = control.start()
    part = folder / f"{ADDRESSES}.part"
    part.write_text(json.dumps(addresses))
    part.rename(folder / ADDRESSES)
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    while not ended.wait(1) and os.getppid() == parent:
        pass
    os._exit(0)  # requests that are held must not keep it


if __name__ == "__main__":
    main()
