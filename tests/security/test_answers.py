"""Answers that are made to hurt: packed a thousandfold, without end, or drop by drop."""

import gzip
import json
import socket
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from connectors.base import CallScope
from connectors.errors import OutcomeUnknown, ProtocolError, Transient
from connectors.http import MAX_ANSWER_BYTES, Http, json_of, timeout_of
from connectors.loopback import LoopbackServer
from connectors.simulator import Answer
from connectors.unpacking import MOST_AT_ONCE

MEGABYTE = 1024 * 1024


@contextmanager
def provider(body: bytes, packing: str = "", **headers: str) -> Iterator[Http]:
    """A real server that gives one answer to everything."""
    given = {"content-encoding": packing} if packing else {}
    server = LoopbackServer(lambda _: Answer(200, body, given | headers))
    with server.running() as url, httpx.Client() as client:
        yield Http(client, url, CallScope("corr-1"))


def zeros(size: int) -> Iterator[bytes]:
    yield from (bytes(MEGABYTE) for _ in range(size // MEGABYTE))


def packed(size: int, wbits: int) -> bytes:
    """So many zeros, packed a thousandfold."""
    packer = zlib.compressobj(9, wbits=wbits)
    return b"".join(map(packer.compress, zeros(size))) + packer.flush()


GZIP, ZLIB, BARE = zlib.MAX_WBITS | 16, zlib.MAX_WBITS, -zlib.MAX_WBITS


class TestUnpacking:
    @pytest.mark.parametrize(
        ("packing", "pack"),
        [
            ("gzip", gzip.compress),
            ("x-gzip", gzip.compress),
            ("GZip", gzip.compress),
            ("deflate", zlib.compress),
            ("deflate", lambda body: zlib.compress(body)[2:-4]),
            ("identity", bytes),
        ],
    )
    def test_what_we_ask_for_is_unpacked(
        self, packing: str, pack: Callable[[bytes], bytes]
    ) -> None:
        body = bytes(range(256)) * 5000

        with provider(pack(body), packing) as http:
            assert http.read("GET", "/x").content == body

    def test_several_packets_one_after_the_other_are_one_answer(self) -> None:
        with provider(gzip.compress(b"first ") + gzip.compress(b"second"), "gzip") as http:
            assert http.read("GET", "/x").content == b"first second"

    def test_an_empty_answer_may_call_itself_packed(self) -> None:
        with provider(b"", "gzip") as http:
            assert http.read("GET", "/x").content == b""

    @pytest.mark.parametrize(
        "body", [gzip.compress(b"x" * 5000)[:-12], b"no gzip at all"], ids=["half", "none"]
    )
    def test_a_damaged_answer_proves_nothing_about_a_write(self, body: bytes) -> None:
        with provider(body, "gzip") as http, pytest.raises(OutcomeUnknown):
            http.write("POST", "/x")

    @pytest.mark.parametrize("packing", ["br", "zstd", "gzip, gzip", "compress"])
    def test_what_we_did_not_ask_for_is_not_unpacked(self, packing: str) -> None:
        with provider(gzip.compress(b"{}"), packing) as http, pytest.raises(OutcomeUnknown):
            http.write("POST", "/x")

    def test_a_stream_is_unpacked_in_small_pieces(self) -> None:
        body = packed(8 * MEGABYTE, GZIP)

        with provider(body, "gzip") as http, http.stream("GET", "/x") as streamed:
            sizes = [len(piece) for piece in streamed.pieces()]

        assert sum(sizes) == 8 * MEGABYTE
        assert max(sizes) <= MOST_AT_ONCE


class TestCharacters:
    """JSON can spell what no database can hold."""

    @pytest.mark.parametrize(
        ("spelled", "read"),
        [
            (rb'"a\u0000b"', "a\ufffdb"),
            (rb'"\ud800"', "\ufffd"),
            (rb'"\uDC00 tail"', "\ufffd tail"),
            (rb'"\ud800\ud83d\ude00"', "\ufffd\U0001f600"),
            (rb'"\ud83d\ude00"', "\U0001f600"),
            (rb'"\\u0000"', "\\u0000"),
            (rb'"\\\u0000"', "\\\ufffd"),
            (rb'"\u00e9"', "\u00e9"),
        ],
    )
    def test_what_cannot_be_stored_is_replaced(self, spelled: bytes, read: str) -> None:
        with provider(spelled) as http:
            assert http.read("GET", "/x").json() == read
        with provider(spelled + b"\n" + spelled) as http, http.stream("GET", "/x") as streamed:
            assert [json.loads(line) for line in streamed.lines()] == [read, read]


class TestBombs:
    @pytest.mark.parametrize(
        ("packing", "wbits"), [("gzip", GZIP), ("deflate", ZLIB), ("deflate", BARE)]
    )
    def test_the_limit_counts_what_is_unpacked(self, packing: str, wbits: int) -> None:
        body = packed(MAX_ANSWER_BYTES + MEGABYTE, wbits)
        assert len(body) < MEGABYTE

        with provider(body, packing) as http, pytest.raises(OutcomeUnknown, match="larger than"):
            http.write("POST", "/x")

    @pytest.mark.parametrize("packing", ["gzip", "gzip, gzip", "gzip, gzip, gzip"])
    def test_no_answer_takes_more_memory_than_the_limit(
        self, packing: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("connectors.http.MAX_ANSWER_BYTES", MEGABYTE)
        body = packed(40 * MEGABYTE, GZIP)
        for _ in packing.split(", ")[1:]:
            body = gzip.compress(body)

        with provider(body, packing) as http:
            tracemalloc.start()
            with pytest.raises(OutcomeUnknown):
                http.write("POST", "/x")
            most = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()

        assert most < 4 * MEGABYTE

    @pytest.mark.parametrize("body", [b"[" * 200_000, b'{"a":' * 100_000, b"9" * 100_000])
    def test_json_without_bottom_is_an_answer_like_any_other_bad_one(self, body: bytes) -> None:
        with provider(body) as http, pytest.raises(OutcomeUnknown, match="not JSON"):
            json_of(http.read("GET", "/x"), wrote=True)

    @pytest.mark.parametrize("charset", ["zlib", "bz2", "rot13", "idna", "nonsense"])
    def test_an_error_in_an_odd_alphabet_is_still_an_error(self, charset: str) -> None:
        server = LoopbackServer(
            lambda _: Answer(500, b"no " * 500, {"content-type": f"text/plain; charset={charset}"})
        )
        with server.running() as url, httpx.Client() as client:
            http = Http(client, url, CallScope("corr-1"))
            with pytest.raises((OutcomeUnknown, ProtocolError)):
                http.write("POST", "/x")


class Dripping:
    """Sends a little, again and again, and never comes to an end."""

    def __init__(self, first: bytes, drop: bytes) -> None:
        self._first, self._drop = first, drop
        self._stopping = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @contextmanager
    def running(self) -> Iterator[str]:
        self._thread.start()
        yield f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._stopping.set()
        self._listening.close()
        self._thread.join(5)

    def _serve(self) -> None:
        try:
            while True:
                connection, _ = self._listening.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(self._first)
                    while not self._stopping.wait(0.02):
                        connection.sendall(self._drop)
        except OSError:
            pass


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


def test_a_body_that_drips_for_ever_is_given_up() -> None:
    slow = Dripping(HEAD + b"transfer-encoding: chunked\r\n\r\n", b"1\r\n \r\n")

    with slow.running() as url, httpx.Client() as client:
        http = Http(client, url, CallScope("corr-1"), timeout=timeout_of(0.1))
        with pytest.raises(OutcomeUnknown, match="does not end"):
            http.write("POST", "/x")


def test_a_stream_that_drips_for_ever_is_given_up() -> None:
    slow = Dripping(HEAD + b"transfer-encoding: chunked\r\n\r\n", b"1\r\n \r\n")

    with slow.running() as url, httpx.Client() as client:
        http = Http(client, url, CallScope("corr-1"), timeout=timeout_of(0.1))
        with (
            pytest.raises(Transient, match="does not end"),
            http.stream("GET", "/x", longest_seconds=0.1) as streamed,
        ):
            list(streamed.pieces())
