"""Ways into a simulator, with faults: a real server on loopback, or a transport without sockets.

Both behave the same for a client built on httpx; a test of one is a test of the other.
`FaultProxy` puts the same faults in front of any real server.
"""

import contextlib
import itertools
import socket
import socketserver
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from connectors.faults import Answer, BrokenOff, Faults, Handler, Request, Streamed, Traffic

_HOP_BY_HOP = frozenset(
    {
        "connection",
        "content-length",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


def _headers_of(answer: Answer) -> dict[str, str]:
    given = {name.lower(): value for name, value in answer.headers.items()}
    return {"content-type": "application/json", "date": formatdate(usegmt=True), **given}


class _Exchange(BaseHTTPRequestHandler):
    """One connection of a client: HTTP/1.1, kept alive."""

    server: "_Server"
    protocol_version = "HTTP/1.1"
    # Head and body leave in one packet; in two, the second waits 40 ms for an acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True

    def _exchange(self) -> None:
        if self.headers.get("transfer-encoding"):
            self.close_connection = True
            self._send(Answer(411, {"message": "a Content-Length is required"}))
            return
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:
            # The client died while it was speaking: half a request has no effect.
            self.close_connection = True
            return
        request = Request.received(self.command, self.path, dict(self.headers.items()), body)
        try:
            answer = self.server.outer.exchange(request)
        except BrokenOff as broken:
            if broken.answer is not None:
                self._send(broken.answer, half=True)
            self.close_connection = True
            return
        if answer.seconds:
            self.server.stopping.wait(answer.seconds)
        self._send(answer)

    def _send(self, answer: Answer, *, half: bool = False) -> None:
        if isinstance(answer.body, Streamed):
            self._stream(answer, answer.body, half=half)
            return
        content = answer.content()
        self.send_response_only(answer.status)
        for name, value in _headers_of(answer).items():
            self.send_header(name, value)
        if answer.status >= 200 and answer.status not in {204, 304}:  # noqa: PLR2004  # bodiless
            self.send_header("content-length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[: len(content) // 2] if half else content)

    def _stream(self, answer: Answer, body: Streamed, *, half: bool) -> None:
        self.send_response_only(answer.status)
        for name, value in {**_headers_of(answer), "transfer-encoding": "chunked"}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        for piece in itertools.islice(body.make(), body.pieces // 2 if half else None):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        if not half:
            self.wfile.write(b"0\r\n\r\n")

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _exchange  # noqa: N815

    def log_message(self, *_args: object) -> None:
        """Stay quiet: `requests` has the figures."""


class _Server(ThreadingHTTPServer):
    """Threads and sockets that are all gone once it is closed."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], outer: "LoopbackServer") -> None:
        self.outer = outer
        self.stopping = threading.Event()
        self._open: dict[socket.socket, threading.Thread] = {}
        self._lock = threading.Lock()
        super().__init__(address, _Exchange)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread of its own."""
        thread = threading.Thread(
            target=self.process_request_thread, args=(request, client_address), daemon=True
        )
        with self._lock:
            self._open[request] = thread
        thread.start()

    def shutdown_request(self, request: Any) -> None:
        """Close a connection."""
        super().shutdown_request(request)
        with self._lock:
            self._open.pop(request, None)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news: workers are killed on purpose."""

    def server_close(self) -> None:
        """Stop listening, break all connections off, and wait for their threads."""
        self.stopping.set()
        socketserver.TCPServer.server_close(self)
        with self._lock:
            connections = list(self._open.items())
        for connection, thread in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join(5)


class LoopbackServer:
    """A real HTTP server on 127.0.0.1 around a handler, with faults."""

    def __init__(
        self, handle: Handler, *, faults: Faults | None = None, traffic: Traffic | None = None
    ) -> None:
        self.handle = handle
        self.faults = faults or Faults()
        self.traffic = traffic or Traffic()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def requests(self) -> Counter[str]:
        """How often each method and path was asked for."""
        return self.traffic.requests

    def exchange(self, request: Request) -> Answer:
        """Count a request, and answer it or let it go wrong."""
        self.traffic.count(request)
        return self.faults.exchange(self.handle, request)

    def start(self, port: int = 0) -> str:
        """Serve in a thread; returns the base URL. Port 0 takes any that is free."""
        if self._server is not None:
            raise RuntimeError("it is running already")
        self._server = _Server(("127.0.0.1", port), self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        """Stop serving: every connection is broken off and every thread has ended."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join(5)
            self._server.server_close()
            self._server = self._thread = None
            self.faults.settle()

    @contextlib.contextmanager
    def running(self, port: int = 0) -> Iterator[str]:
        """Serve for the length of a `with` block; gives the base URL."""
        url = self.start(port)
        try:
            yield url
        finally:
            self.stop()


class _HalfStream(httpx.SyncByteStream):
    """A body that breaks off in the middle."""

    def __init__(self, content: bytes) -> None:
        self._half = content[: len(content) // 2]

    def __iter__(self) -> Iterator[bytes]:
        yield self._half
        raise httpx.RemoteProtocolError("peer closed connection without sending the whole body")


class _PieceStream(httpx.SyncByteStream):
    """A body in pieces, which may break off."""

    def __init__(self, body: Streamed, *, half: bool) -> None:
        self._body = body
        self._half = half

    def __iter__(self) -> Iterator[bytes]:
        yield from itertools.islice(
            self._body.make(), self._body.pieces // 2 if self._half else None
        )
        if self._half:
            raise httpx.RemoteProtocolError("peer closed connection inside a chunked body")


class FaultTransport(httpx.BaseTransport):
    """The same without sockets: an `httpx` transport into a handler, with faults."""

    def __init__(self, handle: Handler, faults: Faults, traffic: Traffic | None = None) -> None:
        self._handle = handle
        self._faults = faults
        self.traffic = traffic or Traffic()
        self._stopping = threading.Event()

    @property
    def requests(self) -> Counter[str]:
        """How often each method and path was asked for."""
        return self.traffic.requests

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer an httpx request in this process."""
        seen = Request.received(
            request.method,
            request.url.raw_path.decode("ascii"),
            dict(request.headers.items()),
            request.read(),
        )
        self.traffic.count(seen)
        try:
            answer = self._faults.exchange(self._handle, seen)
        except BrokenOff as broken:
            if broken.answer is None:
                raise httpx.RemoteProtocolError(
                    "server disconnected without sending a response", request=request
                ) from None
            return self._response(request, broken.answer, half=True)
        if answer.seconds:
            patience = request.extensions.get("timeout", {}).get("read")
            if patience is not None and patience < answer.seconds:
                self._stopping.wait(patience)
                raise httpx.ReadTimeout("timed out", request=request)
            self._stopping.wait(answer.seconds)
        return self._response(request, answer)

    def _response(
        self, request: httpx.Request, answer: Answer, *, half: bool = False
    ) -> httpx.Response:
        if isinstance(answer.body, Streamed):
            pieces = _PieceStream(answer.body, half=half)
            return httpx.Response(
                answer.status, headers=_headers_of(answer), stream=pieces, request=request
            )
        content = answer.content()
        stream = _HalfStream(content) if half else httpx.ByteStream(content)
        headers = {**_headers_of(answer), "content-length": str(len(content))}
        return httpx.Response(answer.status, headers=headers, stream=stream, request=request)

    def close(self) -> None:
        """Let nobody wait any longer."""
        self._stopping.set()


class FaultProxy(LoopbackServer):
    """Stands in front of a real server and lets things go wrong on the way.

    `hold` is called with every request (and None) before it is forwarded, and again with its
    answer: a test that kills a worker at an exact moment blocks in it.
    """

    def __init__(
        self,
        target: str,
        *,
        faults: Faults | None = None,
        hold: Callable[[Request, Answer | None], None] | None = None,
    ) -> None:
        super().__init__(self._forward, faults=faults)
        self._target = target.rstrip("/")
        self.hold = hold

    def start(self, port: int = 0) -> str:
        """Serve in a thread; returns the base URL. Port 0 takes any that is free."""
        self._transport = httpx.HTTPTransport()
        return super().start(port)

    def _forward(self, request: Request) -> Answer:
        """Pass a request on, byte for byte: no cookies kept, no redirects followed."""
        if self.hold:
            self.hold(request, None)
        forwarded = httpx.Request(
            request.method,
            self._target + (request.target or request.path),
            headers={
                name: value for name, value in request.headers.items() if name not in _HOP_BY_HOP
            },
            content=request.body,
            extensions={"timeout": {"connect": 5.0, "read": 120.0, "write": 120.0, "pool": 120.0}},
        )
        try:
            response = self._transport.handle_request(forwarded)
            try:
                body = b"".join(response.iter_raw())  # compressed, if that is how it came
            finally:
                response.close()
        except httpx.TransportError:
            raise BrokenOff from None
        answer = Answer(
            response.status_code,
            body,
            {name: value for name, value in response.headers.items() if name not in _HOP_BY_HOP},
        )
        if self.hold:
            self.hold(request, answer)
        return answer

    def stop(self) -> None:
        """Stop serving and forwarding."""
        super().stop()
        self._transport.close()
