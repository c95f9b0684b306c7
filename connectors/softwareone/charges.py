"""A vendor's file of charges, one JSON object a line: looked through before anything is sent.

Only what makes a line unusable for anybody is refused here (no JSON, no id, an id that comes twice,
no amounts); whether a subscription or an item exists, the marketplace says. However many lines
there are, one is in memory, and eight bytes for each to notice ids that come twice.

Source: the journal file format of the Billing API and extensions that send it, read 2026-11-20.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

LONGEST_LINE = 256 * 1024
_BUCKETS = 256
_DIGEST = 8


class ChargeProblemError(Exception):
    """A file of charges that cannot be sent: which line, and what is wrong with it."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}" if line else reason)
        self.line = line
        """Counted from 1; 0 where the file as a whole is meant."""
        self.reason = reason


@dataclass(frozen=True)
class ChargeFile:
    """What a file holds: enough to notice that it was changed."""

    lines: int
    size: int
    sha256: str


def checked(path: Path) -> ChargeFile:
    """Look a whole file through.

    Raises:
        ChargeProblemError: It cannot be sent; the first line that is wrong.
    """
    whole = hashlib.sha256()
    ids = _Ids()
    count = size = 0
    for number, line in _lines(path):
        whole.update(line)
        size += len(line)
        ids.add(_entry_of(number, line))
        count = number
    if not count:
        raise ChargeProblemError(0, "the file has no charges")
    for digest in ids.repeated():
        _assert_once(path, digest)
    return ChargeFile(count, size, whole.hexdigest())


def digest_of(path: Path) -> str:
    """The digest of a file as it is now."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def lines_of(path: Path, entries: frozenset[str]) -> dict[str, int]:
    """In which lines some entries stand."""
    found: dict[str, int] = {}
    for number, line in _lines(path):
        if len(found) == len(entries):
            break
        entry = _entry_of(number, line)
        if entry in entries:
            found[entry] = number
    return found


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as file:
        number = 0
        while line := file.readline(LONGEST_LINE + 1):
            number += 1
            if len(line) > LONGEST_LINE:
                raise ChargeProblemError(number, f"it is longer than {LONGEST_LINE} bytes")
            yield number, line


def _entry_of(number: int, line: bytes) -> str:
    """The vendor's id of a line, once the line is seen to be whole."""
    charge = _object(number, line)
    entry = _inner(charge, "externalIds").get("vendor")
    if not isinstance(entry, str) or not entry.strip():
        raise ChargeProblemError(number, "externalIds.vendor: the entry's own id is missing")
    _assert_search(number, charge)
    _assert_period(number, _inner(charge, "period"))
    _number(number, charge.get("quantity"), "quantity")
    prices = {str(name).lower(): value for name, value in _inner(charge, "price").items()}
    for name in ("unitPP", "PPx1"):  # the platform takes them in any case of letters
        _number(number, prices.get(name.lower()), f"price.{name}")
    return entry


def _object(number: int, line: bytes) -> Mapping[str, Any]:
    if not line.strip():
        raise ChargeProblemError(number, "it is empty")
    try:
        charge = json.loads(line.decode(), parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ChargeProblemError(number, f"it is not JSON: {error}") from None
    if not isinstance(charge, dict):
        raise ChargeProblemError(number, "it is not a JSON object")
    return charge


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _inner(charge: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    inner = charge.get(name)
    return inner if isinstance(inner, dict) else {}


def _assert_search(number: int, charge: Mapping[str, Any]) -> None:
    """What the charge is for: an item, and whose it is."""
    search = _inner(charge, "search")
    item = _inner(search, "item")
    if not item.get("criteria") or not item.get("value"):
        raise ChargeProblemError(number, "search.item: criteria or value is missing")
    owners = [_inner(search, name) for name in ("source", "subscription", "order")]
    if not any(owner.get("criteria") and owner.get("value") for owner in owners):
        raise ChargeProblemError(
            number, "search.source (or search.subscription): criteria or value is missing"
        )


def _assert_period(number: int, period: Mapping[str, Any]) -> None:
    moments = []
    for name in ("start", "end"):
        try:
            moments.append(datetime.fromisoformat(str(period.get(name))))
        except ValueError:
            raise ChargeProblemError(
                number, f"period.{name}: {period.get(name)!r} is no date or time"
            ) from None
    start, end = (moment.replace(tzinfo=None) for moment in moments)
    if start > end:
        raise ChargeProblemError(number, "period: it ends before it starts")


def _number(number: int, value: object, name: str) -> None:
    if value is None:
        raise ChargeProblemError(number, f"{name} is missing")
    try:
        amount = Decimal(value) if isinstance(value, int | str | Decimal) else None
    except InvalidOperation:
        amount = None
    if amount is None or isinstance(value, bool) or not amount.is_finite():
        raise ChargeProblemError(number, f"{name}: {value!r} is no number")


class _Ids:
    """Digests of all ids, eight bytes each; a set of them would take ten times the room."""

    def __init__(self) -> None:
        self._buckets = [bytearray() for _ in range(_BUCKETS)]

    def add(self, entry: str) -> None:
        digest = _digest(entry)
        self._buckets[digest[0]] += digest

    def repeated(self) -> Iterator[bytes]:
        """Digests that come twice; whether the ids do, is for the caller to see."""
        for bucket in self._buckets:
            seen: set[bytes] = set()
            for start in range(0, len(bucket), _DIGEST):
                digest = bytes(bucket[start : start + _DIGEST])
                if digest in seen:
                    yield digest
                seen.add(digest)


def _digest(entry: str) -> bytes:
    return hashlib.blake2b(entry.encode(), digest_size=_DIGEST).digest()


def _assert_once(path: Path, digest: bytes) -> None:
    first: dict[str, int] = {}
    for number, line in _lines(path):
        entry = _entry_of(number, line)
        if _digest(entry) != digest:
            continue
        if entry in first:
            reason = f"entry {entry!r} (externalIds.vendor) stands in line {first[entry]} already"
            raise ChargeProblemError(number, reason)
        first[entry] = number
