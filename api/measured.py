"""What this process of the API answered, by route template: never by path, which holds ids."""

import time

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

PREFIXES = frozenset({"", "/console", "/v1"})


def template(scope: Scope) -> str:
    """The route that a request met, as it is written down.

    A route of an included router knows its path without the outer prefix, depending on FastAPI's
    version; what is missing is the beginning of the request's own path. Unknown paths share one
    name: anybody can make up as many as they like.
    """
    path: str | None = getattr(scope.get("route"), "path", None)
    if path is None:
        return "unknown"
    asked: list[str] = scope["path"].split("/")
    prefix = "/".join(asked[: max(0, len(asked) - path.count("/"))])
    return prefix + path if prefix in PREFIXES else "unknown"


class Requests:
    """The counters of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.answered = Counter(
            "ledgerbridge_http_requests",
            "Requests that this process answered.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "ledgerbridge_http_request_duration_seconds",
            "How long this process took to answer.",
            ["method", "route"],
            registry=self.registry,
        )


class Measured:
    """Counts requests and how long they took."""

    def __init__(self, app: ASGIApp, requests: Requests) -> None:
        self._app = app
        self._requests = requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            method = scope["method"] if scope["method"] in METHODS else "other"
            route = template(scope)
            self._requests.answered.labels(method, route, str(status)).inc()
            self._requests.seconds.labels(method, route).observe(time.perf_counter() - started)
