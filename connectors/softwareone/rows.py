"""Lists of the billing API, in collections and in their objects: pages, iterators, files.

Where the Billing API page and the platform's descriptions differ (lines of invoices, files of
charges), the docstring says what is tried. Read 2026-11-20; README.md has the list of what nobody
could verify.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import IO, Any

from connectors.errors import ProtocolError, Rejected, Unsupported
from connectors.http import MAX_LINE_BYTES, Streamed
from connectors.softwareone.client import (
    CSV,
    JSON_LINES,
    PAGE_SIZE,
    Attached,
    Client,
    below,
)
from connectors.softwareone.errors import NOT_ACCEPTABLE, NOT_IMPLEMENTED, is_gone
from connectors.softwareone.wire import Listing, Thing
from models.canonical.money import plain


class Rows:
    """A list, below a collection or in an object of it."""

    def __init__(self, client: Client, collection: str, *below_it: str, what: str = "") -> None:
        self._client = client
        self.collection = collection
        self._what = what
        """`charge`: what the rows are, where they are not the collection's own."""
        self._parts: tuple[str, ...] = (collection, *below_it)

    def _path(self, *parts: str) -> str:
        return below(*self._parts, *parts)

    def _allow(self, verb: str, *, many: bool = False) -> None:
        what = f" {self._what}{'s' if many else ''}" if self._what else ""
        self._client.allow(self.collection, f"{verb}{what}")

    def page(
        self,
        where: str = "",
        *,
        select: Sequence[str] = (),
        order: Sequence[str] = (),
        limit: int = PAGE_SIZE,
        offset: int = 0,
    ) -> tuple[Listing, Mapping[str, str]]:
        """One page and its headers."""
        self._allow("list", many=True)
        return self._client.listing(
            self._path(), where, select=select, order=order, limit=limit, offset=offset
        )

    def count(self, where: str = "") -> int:
        """How many there are."""
        page, _ = self.page(where, limit=0)
        return page.total or 0

    def every(
        self, where: str = "", *, select: Sequence[str] = (), order: Sequence[str] = ("id",)
    ) -> Iterator[Thing]:
        """All of them, page by page; one at a time is in memory, a hundred at most."""
        offset = 0
        while True:
            page, _ = self.page(where, select=select, order=order, offset=offset)
            yield from page.data
            offset += len(page.data)
            if not page.data or (page.total is not None and offset >= page.total):
                return
            if page.total is None and len(page.data) < (page.meta.pagination.limit or PAGE_SIZE):
                return

    def get(self, one: str, *, select: Sequence[str] = ()) -> Thing:
        """One of them."""
        self._allow("get")
        return self._client.thing(self._path(one), select=select)


class Charges(Rows):
    """The charges of a journal, ledger, custom ledger or statement."""

    def __init__(self, client: Client, collection: str, one: str) -> None:
        super().__init__(client, collection, one, "charges", what="charge")

    def file(self, accept: str = CSV) -> AbstractContextManager[Streamed]:
        """All charges as a file that is read as it arrives."""
        self._client.allow(self.collection, "get charge file")
        return self._client.file(self._path(), accept)

    def rows(self) -> Iterator[dict[str, str]]:
        """The lines of the CSV file, by the names in its first line.

        Seen in production code for journals; for ledgers and custom ledgers by analogy.
        """
        with self.file(CSV) as streamed:
            # Line feeds stay: a field in quotes may have some.
            texts = (f"{_utf8(line)}\n" for line in streamed.lines())
            for row in csv.DictReader(texts):
                yield {name: value or "" for name, value in row.items() if name}

    def records(self) -> Iterator[Thing]:
        """All charges of a statement, one JSON object a line; page by page where it has no file.

        Should the file break off, what came of it is to be thrown away.
        """
        try:
            with self.file(JSON_LINES) as streamed:
                if _is_lines(streamed):
                    for line in streamed.lines():
                        if line.strip():  # blank lines keep the connection alive
                            yield _object(line)
                    return
        except (ProtocolError, Unsupported) as error:
            if error.http_status not in {NOT_ACCEPTABLE, NOT_IMPLEMENTED}:
                raise
        yield from self.every()


class Attachments(Rows):
    """Files kept with an object."""

    def __init__(self, client: Client, collection: str, one: str) -> None:
        super().__init__(client, collection, one, "attachments", what="attachment")

    def file(self, one: str, content_type: str) -> AbstractContextManager[Streamed]:
        """The file itself, as it arrives; its type is the `contentType` that `get` tells.

        Another type is refused, and JSON would be answered with what is known about the file.
        """
        self._allow("get")
        return self._client.file(self._path(one), content_type)

    def create(self, file: Attached, *, name: str, description: str = "") -> Thing:
        """Add one; look for its name first: nothing keeps it from being there twice."""
        self._allow("create")
        about = json.dumps({"name": name, "description": description}).encode()
        more = {"attachment": ("attachment.json", io.BytesIO(about), "application/json")}
        return self._client.upload(self._path(), file, more=more)

    def delete(self, one: str) -> None:
        """Remove its file; the entry stays, marked."""
        self._allow("delete")
        self._client.send("DELETE", self._path(one))


class Lines(Rows):
    """The lines of an invoice or credit memo.

    The Billing API page has addresses for them, the platform's newer descriptions do not: lines
    are part of the document there. Both are tried.
    """

    def __init__(self, client: Client, collection: str, one: str) -> None:
        super().__init__(client, collection, one, "lines", what="line")
        self._document = below(collection, one)

    def all(self) -> list[Thing]:
        """All lines."""
        self._allow("list", many=True)
        try:
            return list(self.every(order=()))
        except (Rejected, Unsupported) as error:
            if isinstance(error, Rejected) and not is_gone(error):
                raise
        return self._embedded()

    def one(self, line: str) -> Thing | None:
        """One line; None when the document has none of that id."""
        self._allow("get")
        try:
            return self._client.thing(self._path(line))
        except (Rejected, Unsupported) as error:
            if isinstance(error, Rejected) and not is_gone(error):
                raise
        return next((one for one in self._embedded() if one.get("id") == line), None)

    def _embedded(self) -> list[Thing]:
        document = self._client.thing(self._document, select=("lines",))
        lines = document.get("lines")
        return [one for one in lines if isinstance(one, dict)] if isinstance(lines, list) else []


def write_lines(file: IO[bytes], lines: Iterable[bytes | Mapping[str, Any]]) -> int:
    """Write charges to a file, one JSON object a line; how many there were."""
    count = 0
    for line in lines:
        written = line if isinstance(line, bytes) else exact_json(line).encode()
        file.write(written.rstrip(b"\r\n") + b"\n")
        count += 1
    file.flush()
    file.seek(0)
    return count


def exact_json(value: Any) -> str:
    """JSON on one line, with decimals as the numbers that they are: `json` would make floats."""
    match value:
        case Decimal():
            return plain(value)
        case Mapping():
            parts = (f"{json.dumps(str(name))}: {exact_json(one)}" for name, one in value.items())
            return "{" + ", ".join(parts) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(exact_json, value)) + "]"
    return json.dumps(value, allow_nan=False)


def _is_lines(streamed: Streamed) -> bool:
    """Whether it is the file that was asked for, and not a page as always."""
    kind = streamed.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind != "application/json"


def _utf8(line: bytes) -> str:
    try:
        return line.decode("utf-8-sig").removesuffix("\r")
    except UnicodeDecodeError:
        raise ProtocolError("a file of charges is not UTF-8", code="unreadable_file") from None


def _object(line: bytes) -> Thing:
    try:
        found = json.loads(line, parse_float=Decimal) if len(line) <= MAX_LINE_BYTES else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ProtocolError("a line of a file of charges is no object", code="unreadable_file")
    return found
