"""Bodies of answers, unpacked a piece at a time: a small answer cannot become an endless one.

httpx unpacks whatever it is given at once, also what is packed several times over: a few
kilobytes could then fill any memory before anybody has counted them.

Characters that JSON can spell and no database can hold are replaced here too: one of them in one
name would otherwise keep a whole page from being read, for ever.
"""

import re
import zlib
from collections.abc import Callable, Iterator

import httpx

ACCEPTED = "gzip, deflate"
"""What we ask for, whatever else is installed beside httpx."""
MOST_AT_ONCE = 256 * 1024
"""Bytes of an unpacked piece."""

_REPLACEMENT = rb"\ufffd"
# An escaped backslash, NUL, a pair of surrogates, half of a pair: in this order.
_ESCAPES = re.compile(
    rb"\\\\|\\u0000|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)
_SUSPICIOUS = re.compile(rb"\\u(0000|[dD][89a-fA-F])")
_WHOLE_PAIR = 12

_GZIP, _ZLIB, _RAW = zlib.MAX_WBITS | 16, zlib.MAX_WBITS, -zlib.MAX_WBITS


def pieces_of(response: httpx.Response) -> Iterator[bytes]:
    """The body as it comes, unpacked.

    Raises:
        httpx.DecodingError: It is packed in another way than we asked for, or damaged.
    """
    if response.is_stream_consumed:  # made in this process: there is nothing left to unpack
        yield from response.iter_bytes()
        return
    packing = response.headers.get("content-encoding", "").strip().lower()
    match packing:
        case "" | "identity":
            yield from response.iter_raw()
        case "gzip" | "x-gzip":
            yield from _unpacked(response.iter_raw(), _gzip)
        case "deflate":
            yield from _unpacked(response.iter_raw(), _deflate)
        case _:
            raise httpx.DecodingError(f"the answer is packed as {packing[:60]!r}")


def storable(json: bytes) -> bytes:
    """JSON without NUL and without half characters: U+FFFD stands where they were."""
    if _SUSPICIOUS.search(json) is None:
        return json
    return _ESCAPES.sub(lambda found: _kept(found[0]), json)


def _kept(escape: bytes) -> bytes:
    whole = escape == rb"\\" or len(escape) == _WHOLE_PAIR
    return escape if whole else _REPLACEMENT


def _gzip(_first: bytes) -> "zlib._Decompress":
    return zlib.decompressobj(_GZIP)


def _deflate(first: bytes) -> "zlib._Decompress":
    """RFC 9110 means zlib's format; some servers send the bare one (8.4.1.2)."""
    bare = zlib.decompressobj(_RAW)
    try:
        zlib.decompressobj(_ZLIB).decompress(first, 1)
    except zlib.error:
        return bare
    return zlib.decompressobj(_ZLIB)


def _unpacked(
    raw: Iterator[bytes], opened_with: Callable[[bytes], "zlib._Decompress"]
) -> Iterator[bytes]:
    opened: zlib._Decompress | None = None
    for packed in raw:
        rest = packed
        while rest:
            if opened is None or opened.eof:  # gzip may be several, one after the other
                opened = opened_with(rest)
            yield from _all_of(opened, rest)
            rest = opened.unused_data
    if opened is not None and not opened.eof:
        raise httpx.DecodingError("the packed answer ends in the middle")


def _all_of(opened: "zlib._Decompress", packed: bytes) -> Iterator[bytes]:
    rest = packed
    while True:
        try:
            piece = opened.decompress(rest, MOST_AT_ONCE)
        except zlib.error as error:
            raise httpx.DecodingError(f"the packed answer is damaged: {error}") from None
        rest = opened.unconsumed_tail
        if piece:
            yield piece
        if opened.eof or (not rest and len(piece) < MOST_AT_ONCE):
            return
