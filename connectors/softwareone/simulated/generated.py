"""Charges that are made while they are read: a statement may have a million of them."""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any, overload

Json = dict[str, Any]

_PLACE = "@@@@@@@"
"""Stands for a row's number in the one row that all others are written from."""
_PER_PIECE = 500


class Generated(Sequence[Json]):
    """Rows that differ in their number, and the first one in its amount as well."""

    def __init__(
        self, make: Callable[[Json, str, Decimal], Json], shared: Json, count: int, total: Decimal
    ) -> None:
        """`make` makes a row from what all have in common, its number as text, and its amount."""
        if not 0 <= count < 10 ** len(_PLACE):
            raise ValueError("too many rows")
        self._made = make
        self.shared = shared
        self.total = total
        self._count = count
        self._each = (total / count).quantize(Decimal("1e-8")) if count else Decimal(0)
        self._first = total - self._each * (count - 1)

    def _make(self, number: str, amount: Decimal) -> Json:
        return self._made(self.shared, number, amount)

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, place: int) -> Json: ...
    @overload
    def __getitem__(self, place: slice) -> list[Json]: ...
    def __getitem__(self, place: int | slice) -> Json | list[Json]:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(self._count))]
        if not 0 <= place < self._count:
            raise IndexError(place)
        return self._make(f"{place + 1:0{len(_PLACE)}d}", self._first if not place else self._each)

    def __iter__(self) -> Iterator[Json]:
        return (self[place] for place in range(self._count))

    def numbered(self, number: str) -> Json | None:
        """The row of a number; None when there is none."""
        if len(number) != len(_PLACE) or not number.isdigit():
            return None
        place = int(number) - 1
        return self[place] if 0 <= place < self._count else None

    @property
    def pieces(self) -> int:
        """How many pieces `written` gives."""
        return -(-self._count // _PER_PIECE)

    def written(self, write: Callable[[Json], bytes]) -> Iterator[bytes]:
        """All rows as bytes, some hundred at a time; `write` is called for two of them only."""
        if not self._count:
            return
        first = write(self[0])
        other = write(self._make(_PLACE, self._each)).decode()
        for start in range(0, self._count, _PER_PIECE):
            numbers = range(max(start, 1) + 1, min(start + _PER_PIECE, self._count) + 1)
            rows = "".join(other.replace(_PLACE, f"{number:0{len(_PLACE)}d}") for number in numbers)
            yield (b"" if start else first) + rows.encode()
