"""What every answer carries, and what no request may exceed."""

import time
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import errors, versions
from api.deps import ENTITY_HEADER

MAX_BODY_BYTES = 16 * 1024 * 1024
MAX_FILE_BYTES = 1024 * 1024 * 1024
"""Of what is streamed to a file: a vendor's usage."""
STREAMED = frozenset({"/v1/usage"})


class BodyTooLargeError(Exception):
    """A request body without a stated length turned out too large."""


class Frame:
    """Adds the response headers of the contract, and refuses bodies that are too large."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = uuid4().hex
        headers = Headers(scope=scope)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(role="api", correlation_id=request_id[:16])
        scope.setdefault("state", {})["request_id"] = request_id
        received = 0
        most = MAX_FILE_BYTES if scope["path"] in STREAMED else MAX_BODY_BYTES

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > most:
                raise BodyTooLargeError
            return message

        async def framed(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                answer["x-request-id"] = request_id
                answer["x-process-time"] = f"{time.perf_counter() - started:.6f}"
                version = scope["state"].get("version")
                if version or versions.HEADER in headers:
                    answer[versions.HEADER] = str(version or headers[versions.HEADER])
                for name, value in scope["state"].get("limit_headers", {}).items():
                    answer[name] = value
                if ENTITY_HEADER in headers:
                    answer[ENTITY_HEADER] = headers[ENTITY_HEADER]
            await send(message)

        too_large = JSONResponse(
            errors.body("too_large", f"a body may have at most {most:,} bytes"), 413
        )
        stated = headers.get("content-length", "0")
        if not stated.isdecimal() or int(stated) > most:
            await too_large(scope, receive, framed)
            return
        try:
            await self._app(scope, counted, framed)
        except BodyTooLargeError:
            await too_large(scope, receive, framed)
