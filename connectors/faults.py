"""What goes wrong on the way to a ledger, planned in advance.

Faults come in two kinds that matter most: *before* commit (nothing happened) and *after* commit
(it happened, but the answer is lost). Which one hit is not visible from outside: that is what
makes an outcome unknown. `connectors.loopback` lets them happen, over real sockets or without.
"""

import contextlib
import gzip
import json
import re
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit


@dataclass(frozen=True)
class Request:
    """What a client sent."""

    method: str
    path: str
    """Decoded, without the query."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes
    target: str = ""
    """Path and query exactly as they were sent."""

    @classmethod
    def received(
        cls, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> "Request":
        """Read a request line, the same for sockets and for calls in this process."""
        parts = urlsplit(target)
        return cls(
            method,
            unquote(parts.path),
            dict(parse_qsl(parts.query, keep_blank_values=True)),
            {name.lower(): value for name, value in headers.items()},
            body,
            target,
        )

    def json(self) -> Any:
        """The body, with exact numbers.

        Raises:
            Refusal: It is not JSON.
        """
        try:
            return json.loads(self.body, parse_float=Decimal)
        except ValueError:
            raise Refusal(400, {"message": "the body is not JSON"}) from None


@dataclass(frozen=True)
class Streamed:
    """A body that is made while it goes out (chunked): nobody holds it whole."""

    make: Callable[[], Iterator[bytes]]
    pieces: int
    """How many there are; half of them leave when the answer is to break off."""


@dataclass(frozen=True)
class Answer:
    """What the ledger answers."""

    status: int = 200
    body: Any = None
    """Bytes and `Streamed` go out as they are, everything else as JSON."""
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    """How long the client waits for it."""

    def content(self) -> bytes:
        """The body as it goes over the wire."""
        if isinstance(self.body, bytes):
            return self.body
        if isinstance(self.body, Streamed):
            return b"".join(self.body.make())
        return b"" if self.status == NO_CONTENT else json.dumps(self.body, default=str).encode()


NO_CONTENT = 204


class Refusal(Exception):  # noqa: N818  # an answer, not a crash
    """Raised inside a handler to answer with an error."""

    def __init__(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(body)
        self.answer = Answer(status, body, headers or {})


class BrokenOff(Exception):  # noqa: N818  # what the client sees
    """The connection is to be cut without (the rest of) an answer."""

    def __init__(self, answer: Answer | None = None) -> None:
        super().__init__("broken off")
        self.answer = answer
        """The client gets the first half of its body."""


class Fault(StrEnum):
    """What can go wrong on the way."""

    DROP_BEFORE = "drop_before"  # the connection breaks, nothing is committed
    DROP_AFTER = "drop_after"  # it is committed, the answer is lost
    ERROR_BEFORE = "error_before"  # HTTP 500, nothing is committed
    ERROR_AFTER = "error_after"  # HTTP 500, although it is committed
    SLOW_COMMIT = "slow_commit"  # the connection breaks; it is committed a little later
    SLOW_ANSWER = "slow_answer"  # it is committed; the answer takes longer than clients wait
    THROTTLE = "throttle"  # HTTP 429 with Retry-After
    AWAY = "away"  # HTTP 503
    EXPIRED = "expired"  # HTTP 401
    STALE = "stale"  # HTTP 409: the version is not the current one
    GARBAGE = "garbage"  # HTTP 200 with HTML, after commit
    TRUNCATED = "truncated"  # half of the answer, after commit
    REPEATED_ITEM = "repeated_item"  # a list in the answer has its last item twice
    CHANGED = "changed"  # the answer is what `change` makes of it


AFTER_COMMIT = frozenset(
    {
        Fault.DROP_AFTER,
        Fault.ERROR_AFTER,
        Fault.SLOW_ANSWER,
        Fault.GARBAGE,
        Fault.TRUNCATED,
        Fault.REPEATED_ITEM,
        Fault.CHANGED,
    }
)

Handler = Callable[[Request], Answer]

_ANSWERS: Mapping[Fault, Answer] = {
    Fault.ERROR_BEFORE: Answer(500, {"message": "internal error"}),
    Fault.ERROR_AFTER: Answer(500, {"message": "internal error"}),
    Fault.THROTTLE: Answer(429, {"message": "too many requests"}),
    Fault.AWAY: Answer(503, {"message": "down for maintenance"}),
    Fault.EXPIRED: Answer(401, {"message": "expired"}),
    Fault.STALE: Answer(409, {"message": "the version is not the current one"}),
    Fault.GARBAGE: Answer(200, b"<html>Bad gateway</html>", {"content-type": "text/html"}),
}


def repeated_item(answer: Answer) -> Answer:
    """The same answer with the last item of its (first) list twice, as careless paging has it."""

    def repeated(value: Any) -> Any:
        if isinstance(value, list) and value:
            return [*value, value[-1]]
        if isinstance(value, dict):
            for name, part in value.items():
                if (more := repeated(part)) is not part:
                    return {**value, name: more}
        return value

    content, headers = answer.content(), {name.lower(): v for name, v in answer.headers.items()}
    if headers.pop("content-encoding", "") == "gzip":
        content = gzip.decompress(content)
    body = json.loads(content, parse_float=Decimal) if content else None
    return replace(answer, body=repeated(body), headers=headers)


@dataclass
class Armed:
    """A fault that waits for its request."""

    fault: Fault
    method: str
    path: re.Pattern[str]
    body: re.Pattern[str] | None
    skip: int
    times: int
    answer: Answer
    seconds: float
    change: Callable[[Answer], Answer]

    def matches(self, request: Request) -> bool:
        """Whether a request is of the kind that it waits for."""
        return (
            self.method in {"*", request.method}
            and self.path.fullmatch(request.path) is not None
            and (
                self.body is None
                or self.body.search(request.body.decode(errors="replace")) is not None
            )
        )


class Faults:
    """The plan of what goes wrong; empty by default, and safe to use from several threads."""

    def __init__(self, answers: Mapping[Fault, Answer] | None = None) -> None:
        """`answers` are a provider's own words for THROTTLE, AWAY, EXPIRED and the like."""
        self.injected: Counter[Fault] = Counter()
        self._answers = {**_ANSWERS, **(answers or {})}
        self._armed: list[Armed] = []
        self._late: list[threading.Thread] = []
        self._lock = threading.Lock()

    def arm(
        self,
        fault: Fault,
        *,
        method: str = "*",
        path: str = ".*",
        body: str | None = None,
        skip: int = 0,
        times: int = 1,
        retry_after: int = 1,
        seconds: float = 0.5,
        answer: Answer | None = None,
        change: Callable[[Answer], Answer] = repeated_item,
    ) -> None:
        """Let matching requests fail: the next `times` of them, after `skip` others.

        Every armed fault counts every request that matches it. When several would hit the same
        request, the one that was armed first does, and the others wait for the next.

        Args:
            fault: What happens.
            method: HTTP method; `*` is any.
            path: Regular expression for the whole path, without the query.
            body: Regular expression that occurs in the body, where one path serves all calls.
            skip: How many matching requests pass first.
            times: How many fail.
            retry_after: Seconds, for THROTTLE.
            seconds: How late a SLOW_COMMIT is committed or a SLOW_ANSWER comes.
            answer: Instead of the usual answer of ERROR_*, THROTTLE, AWAY, EXPIRED, STALE, GARBAGE.
            change: What CHANGED does to the answer.
        """
        said = answer or self._answers.get(fault, Answer())
        if fault is Fault.THROTTLE:
            said = replace(said, headers={"Retry-After": str(retry_after), **said.headers})
        armed = Armed(
            fault,
            method,
            re.compile(path),
            re.compile(body) if body is not None else None,
            skip,
            times,
            said,
            seconds,
            repeated_item if fault is Fault.REPEATED_ITEM else change,
        )
        with self._lock:
            self._armed.append(armed)

    def clear(self) -> None:
        """Disarm everything; what is under way already goes on."""
        with self._lock:
            self._armed.clear()

    @property
    def armed(self) -> int:
        """How many faults still wait for their request."""
        with self._lock:
            return len(self._armed)

    def settle(self, timeout: float = 10.0) -> None:
        """Wait until everything that is committed late has been."""
        with self._lock:
            late, self._late = self._late, []
        for thread in late:
            thread.join(timeout)

    def next_for(self, request: Request) -> Armed | None:
        """Take the fault that hits a request, if any."""
        hit: Armed | None = None
        with self._lock:
            for armed in self._armed:
                if not armed.matches(request):
                    continue
                if armed.skip:
                    armed.skip -= 1
                elif hit is None:
                    hit = armed
            if hit is not None:
                hit.times -= 1
                if hit.times <= 0:
                    self._armed.remove(hit)
                self.injected[hit.fault] += 1
        return hit

    def exchange(self, handle: Handler, request: Request) -> Answer:
        """Answer a request, or let it go wrong as planned.

        Raises:
            BrokenOff: The client must see a broken connection.
        """
        armed = self.next_for(request)
        if armed is None:
            return handle(request)
        if armed.fault in AFTER_COMMIT:
            return _spoilt(armed, handle(request))
        if armed.fault is Fault.SLOW_COMMIT:
            self._commit_late(handle, request, armed.seconds)
        if armed.fault in {Fault.SLOW_COMMIT, Fault.DROP_BEFORE}:
            raise BrokenOff
        return armed.answer

    def _commit_late(self, handle: Handler, request: Request, seconds: float) -> None:
        def commit() -> None:
            with contextlib.suppress(BrokenOff):
                handle(request)

        thread = threading.Timer(seconds, commit)
        thread.daemon = True
        with self._lock:
            self._late.append(thread)
        thread.start()


def _spoilt(armed: Armed, answer: Answer) -> Answer:
    match armed.fault:
        case Fault.DROP_AFTER:
            raise BrokenOff
        case Fault.TRUNCATED:
            raise BrokenOff(answer)
        case Fault.SLOW_ANSWER:
            return replace(answer, seconds=armed.seconds)
        case Fault.REPEATED_ITEM | Fault.CHANGED:
            return armed.change(answer)
    return armed.answer


class Traffic:
    """Figures about what was asked of a server."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        """By method and path: `POST /invoices`."""
        self.log: deque[Request] = deque(maxlen=1000)
        """The latest requests, oldest first."""
        self._lock = threading.Lock()

    def count(self, request: Request) -> None:
        """Note that a request came in."""
        with self._lock:
            self.requests[f"{request.method} {request.path}"] += 1
            self.log.append(request)
