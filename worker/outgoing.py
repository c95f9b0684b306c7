"""The way out to webhook receivers: nothing private is called, nobody is waited for long.

Names are looked up here, and the connection goes to the very address that was checked: a name
that points somewhere else a moment later gains nothing. Redirects are not followed, the answer's
body is not read, and ten seconds are all there is for everything together.
"""

import functools
import socket
import ssl
import time
from collections.abc import Iterable
from typing import Any

import httpcore

from sync.deliveries import Reply
from sync.webhooks import Addresses, public

SECONDS = 10.0


class RefusedAddressError(Exception):
    """The address is none that may be called."""


class _TimedStream(httpcore.NetworkStream):
    """A connection whose time ends, however slowly the other side drips."""

    def __init__(self, stream: httpcore.NetworkStream, end: float) -> None:
        self._stream = stream
        self._end = end

    def _left(self) -> float:
        left = self._end - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout
        return left

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        """Read within the time that is left."""
        return self._stream.read(max_bytes, timeout=self._left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        """Write within the time that is left."""
        self._stream.write(buffer, timeout=self._left())

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        """Encrypt, within the time that is left; the certificate is checked against the name."""
        stream = self._stream.start_tls(ssl_context, server_hostname, self._left())
        return _TimedStream(stream, self._end)

    def get_extra_info(self, info: str) -> Any:
        """What is known of the connection."""
        return self._stream.get_extra_info(info)


class _CheckedBackend(httpcore.SyncBackend):
    """Connects to addresses that were checked, for one request."""

    def __init__(self, end: float, *, anywhere: bool) -> None:
        self._end = end
        self._anywhere = anywhere

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of a name, when all of them may be called."""
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(where[4][0]) for where in found))
        if not self._anywhere and not all(map(public, addresses)):
            raise RefusedAddressError
        left = self._end - time.monotonic()
        if left <= 0:
            raise httpcore.ConnectTimeout
        stream = super().connect_tcp(addresses[0], port, left, local_address, socket_options)
        return _TimedStream(stream, self._end)


class Sender:
    """Posts signed messages; what a receiver does never raises."""

    def __init__(self, addresses: Addresses, *, seconds: float = SECONDS) -> None:
        self._addresses = addresses
        self._seconds = seconds

    @functools.cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context()  # reads all known authorities: once is enough

    def __call__(self, url: str, headers: dict[str, str], body: bytes) -> Reply:
        """Post a message; a reply is a status, or the reason why there is none."""
        named = self._addresses.named(url)
        if not named and not url.startswith("https://"):
            return Reply(problem="the URL is not allowed any more")
        backend = _CheckedBackend(time.monotonic() + self._seconds, anywhere=named)
        try:
            with (
                httpcore.ConnectionPool(
                    ssl_context=self._tls, max_connections=1, network_backend=backend
                ) as pool,
                pool.stream("POST", url, headers=[*headers.items()], content=body) as response,
            ):
                return Reply(status=response.status)
        except RefusedAddressError:
            return Reply(problem="its address is in a private network")
        except (httpcore.TimeoutException, TimeoutError):
            return Reply(problem=f"no answer within {self._seconds:g} seconds")
        except (socket.gaierror, UnicodeError):
            return Reply(problem="its name cannot be resolved")
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            return Reply(problem=f"the connection failed ({type(error).__name__})")
