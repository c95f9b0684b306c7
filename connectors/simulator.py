"""The base of all simulators: small ledgers on loopback, and faults on the way to them.

A simulator keeps state, speaks the provider's wire format and refuses what it does not model.
Faults are armed beside it (`simulator.faults.arm`), for requests that match; see
`connectors.faults` for what can go wrong and `connectors.loopback` for the ways in.

Each connector's folder has a `simulator.py` with a function that `ledgerbridge sandbox` calls::

    def sandbox(*, port: int = 0, seed: int = 0) -> Sandbox: ...
"""

import contextlib
import re
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, ClassVar, TypeVar

from connectors.faults import Answer, Fault, Faults, Handler, Refusal, Request, Traffic
from connectors.loopback import FaultProxy, FaultTransport, LoopbackServer

__all__ = [
    "Answer",
    "Fault",
    "FaultProxy",
    "FaultTransport",
    "Faults",
    "Handler",
    "LoopbackServer",
    "Refusal",
    "Request",
    "Sandbox",
    "Simulator",
    "Traffic",
    "route",
]

_Handler = TypeVar("_Handler", bound=Callable[..., Answer])


class Simulator:
    """A small ledger: routes, state under one lock, and figures about what was asked of it."""

    routes: ClassVar[list[tuple[str, re.Pattern[str], str]]] = []
    fault_answers: ClassVar[Mapping[Fault, Answer]] = {}
    """How this provider words 429, 503, 401 and the like."""

    def __init__(self) -> None:
        self.faults = Faults(self.fault_answers)
        self.traffic = Traffic()
        self.lock = threading.RLock()
        self.crashes: list[str] = []
        """Stack traces of bugs in the simulator itself; a test may insist on none."""
        self._server: LoopbackServer | None = None

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        marked = {
            name: member._route  # noqa: SLF001  # set by `route` below
            for base in reversed(cls.__mro__)
            for name, member in vars(base).items()
            if hasattr(member, "_route")
        }
        cls.routes = [(method, path, name) for name, (method, path) in marked.items()]

    @property
    def requests(self) -> Counter[str]:
        """How often each method and path was asked for, requests that met a fault included."""
        return self.traffic.requests

    def now(self) -> datetime:
        """The ledger's clock, which its `Date` header follows."""
        return datetime.now(UTC)

    def admit(self, request: Request) -> None:
        """Raise a `Refusal` for whoever may not come in; called before any route."""

    def handle(self, request: Request) -> Answer:
        """Answer one request; what no route models is refused with 404."""
        with self.lock:
            try:
                answer = self._routed(request)
            except Refusal as refusal:
                answer = refusal.answer
            except Exception:  # noqa: BLE001  # like any server: a bug is a 500, noted
                self.crashes.append(traceback.format_exc())
                answer = Answer(500, {"message": "the simulator has a bug, see its `crashes`"})
            headers = {"date": format_datetime(self.now(), usegmt=True), **answer.headers}
            return Answer(answer.status, answer.body, headers, answer.seconds)

    def _routed(self, request: Request) -> Answer:
        self.admit(request)
        for method, path, name in self.routes:
            if method == request.method and (match := path.fullmatch(request.path)):
                answer: Answer = getattr(self, name)(request, **match.groupdict())
                return answer
        return Answer(404, {"message": f"{request.method} {request.path} is not modelled"})

    def start(self, port: int = 0) -> str:
        """Serve on loopback; returns the base URL."""
        self._server = LoopbackServer(self.handle, faults=self.faults, traffic=self.traffic)
        return self._server.start(port)

    def stop(self) -> None:
        """Stop serving: connections are broken off, as when a server goes down."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    @contextlib.contextmanager
    def running(self, port: int = 0) -> Iterator[str]:
        """Serve for the length of a `with` block; gives the base URL."""
        url = self.start(port)
        try:
            yield url
        finally:
            self.stop()

    def transport(self) -> FaultTransport:
        """A way in without sockets, with the same faults and figures."""
        return FaultTransport(self.handle, self.faults, self.traffic)


def route(method: str, path: str) -> Callable[[_Handler], _Handler]:
    """Mark a method of a simulator as the handler of a method and path (a regular expression).

    Named groups of the path become keyword arguments. A subclass that overrides the method
    keeps its route.
    """

    def mark(handler: _Handler) -> _Handler:
        handler._route = (method, re.compile(path))  # type: ignore[attr-defined]  # noqa: SLF001  # read once
        return handler

    return mark


@dataclass(frozen=True)
class Sandbox:
    """A served simulator, and what a connection to it needs."""

    base_url: str
    credentials: dict[str, Any]
    settings: dict[str, Any]
    simulator: Simulator
