"""Identifiers of our own: UUIDv7, so that rows sort by the time they were made."""

import os
import time
from datetime import timedelta
from uuid import UUID

_RANDOM = 10
"""Bytes of an id."""


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562): 48 bits of Unix milliseconds, the rest random.

    Python has `uuid.uuid7` from 3.14 on; until that is our minimum these lines stand in for it.
    """
    return new_ids(1)[0]


def new_ids(count: int) -> list[UUID]:
    """So many of them, with one call for what is random: each lets other threads go first."""
    milliseconds = time.time_ns() // 1_000_000
    start = milliseconds.to_bytes(6)
    random = os.urandom(_RANDOM * count)
    return [
        _version_7(start + random[place : place + _RANDOM])
        for place in range(0, len(random), _RANDOM)
    ]


def _version_7(given: bytes) -> UUID:
    value = int.from_bytes(given)
    value = value & ~(0xF << 76) | (0x7 << 76)  # version 7
    value = value & ~(0x3 << 62) | (0x2 << 62)  # variant of RFC 9562
    return UUID(int=value)


def before(age: timedelta) -> UUID:
    """What ids that were made longer ago than this are smaller than."""
    milliseconds = time.time_ns() // 1_000_000 - int(age / timedelta(milliseconds=1))
    return UUID(int=max(milliseconds, 0) << 80)


SHORT = 8


def short(identifier: UUID) -> str:
    """The end of an id: enough for people to read and type, accepted by every command."""
    return identifier.hex[-SHORT:]
