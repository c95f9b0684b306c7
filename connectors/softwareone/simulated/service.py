"""The reading side of the simulated billing API: lists, records, rows, files.

Paths are in `rights`, what goes out of a list in `query`. Charges of a statement come as JSON
Lines, those of a journal or ledger as CSV, when a client asks for that (the platform's official
client and production code of its extensions, read 2026-11-20): rows are written while they leave.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from connectors.faults import Answer, Request, Streamed
from connectors.simulator import route
from connectors.softwareone.simulated import answers, files
from connectors.softwareone.simulated.answers import CSV, JSON, JSON_LINES, Problem
from connectors.softwareone.simulated.generated import Generated
from connectors.softwareone.simulated.parties import Account
from connectors.softwareone.simulated.query import Listing, Query
from connectors.softwareone.simulated.reception import Reception
from connectors.softwareone.simulated.shapes import Json, View, view
from connectors.softwareone.simulated.store import File, Record

_API = "(?:/public)?/v1/billing"
_KIND = (
    f"{_API}/(?P<kind>credit-memos|custom-ledgers|invoices|journals|ledgers|manual-overrides"
    "|overrides|statements)"
)
_ONE = f"{_KIND}/(?P<one>[^/]+)"
_SUB = f"{_ONE}/(?P<sub>attachments|charges|lines|sellers)"
_WHOLE = 100
"""More rows than that are streamed."""


class Reads(Reception):
    """Routes that change nothing."""

    def listing(self, account: Account, kind: str, request: Request) -> Listing:
        """A list of a kind, as a caller asked for it."""
        query = Query.read(request)
        return Listing(kind, view(kind, account.role), query, self.traits, self.turn)

    def told(self, body: Any, status: int = 200) -> Answer:
        """An answer, with times in the form of the moment."""
        said = answers.lengthened(body) if self.traits.long_times else body
        return answers.answer(said, status)

    def one(self, account: Account, kind: str, body: Json, request: Request) -> Answer:
        """A single record or row."""
        listing = self.listing(account, kind, request)
        listing.query.only_select()
        if not files.takes(request, JSON):
            raise Problem(406, "Only application/json is available")
        return self.told(self.shown(listing, body))

    @staticmethod
    def shown(listing: Listing, body: Json) -> Json:
        """A record as its caller sees it, lines included."""
        selection = listing.selection()
        kept = tuple(one for one in selection.omitted if one != "lines")
        return type(selection)(selection.schema, kept, selection.wanted).of(listing.view.see(body))

    @route("GET", _KIND)
    def list_records(self, request: Request, kind: str) -> Answer:
        """A page of records."""
        account, kind = self.account_of(request), _kind(kind)
        rows = [one.body for one in self.books.of_kind(kind) if self.sees(account, one)]
        return self._list(self.listing(account, kind, request), rows, request)

    @route("GET", _ONE)
    def get_record(self, request: Request, kind: str, one: str) -> Answer:
        """A record."""
        account, kind = self.account_of(request), _kind(kind)
        return self.one(account, kind, self.found(account, kind, one).body, request)

    @route("GET", _SUB)
    def list_rows(self, request: Request, kind: str, one: str, sub: str) -> Answer:
        """A page of rows of a record, or a file with all of its charges."""
        account = self.account_of(request)
        record = self.found(account, kind, one)
        listing = self.listing(account, f"{kind}/{sub}", request)
        rows = self._rows(record, sub)
        if sub == "charges" and (file := self._file_of(listing, rows, request)):
            return file
        return self._list(listing, rows, request)

    def _rows(self, record: Record, sub: str) -> Sequence[Json]:
        match sub:
            case "charges":
                return record.charges
            case "attachments":
                return [file.body for file in record.files.values()]
            case "lines":
                return list(record.body["lines"])
        ids = {one["seller"]["id"] for one in _first(record.charges) if one.get("seller")}
        currency = record.body["price"]["currency"]
        return [{**self.parties.sellers[one], "currency": currency} for one in sorted(ids)]

    @route("GET", f"{_SUB}/(?P<child>[^/]+)")
    def get_row(self, request: Request, kind: str, one: str, sub: str, child: str) -> Answer:
        """A row of a record; of an attachment its members or its content."""
        account = self.account_of(request)
        record = self.found(account, kind, one)
        if sub == "attachments":
            return self._attachment(request, account, record, child)
        found: Json | None
        if sub == "charges" and isinstance(record.charges, Generated):
            found = record.charges.numbered(child.rpartition("-")[2])
            found = found if found and found["id"] == child else None
        else:
            found = next((row for row in self._rows(record, sub) if row["id"] == child), None)
        if found is None:
            raise answers.missing(child)
        return self.one(account, f"{kind}/{sub}", found, request)

    def _list(self, listing: Listing, rows: Sequence[Json], request: Request) -> Answer:
        if self.traits.streams and request.headers.get("mpt-streaming") == "true":
            return self._streamed(listing, rows, request)
        if not files.takes(request, JSON):
            raise Problem(406, "Only application/json is available")
        return self.told(listing.envelope(rows))

    def _streamed(self, listing: Listing, rows: Sequence[Json], request: Request) -> Answer:
        """A list as a stream: its count in a header, blank lines in between to stay awake."""
        if listing.kind.endswith(("/lines", "/sellers")):
            raise Problem(501, "This resource cannot be streamed")
        found = listing.all_rows(rows)
        most = self.traits.largest_stream
        if most is not None and len(found) > most:
            raise Problem(413, f"The result has more than {most} records")
        headers = {"mpt-streaming": "true", "mpt-item-count": str(len(found))}
        said = files.accepted(request)
        if JSON_LINES in said:
            return self._lines(listing, found, headers, head=b"\n")
        if JSON not in said:
            raise Problem(406, "Only application/jsonl and application/json are available")
        limit = listing.query.limit if listing.query.limit is not None else len(found)
        page = {"offset": listing.query.offset, "limit": limit, "total": len(found)}
        seen = (listing.selection().of(row) for row in _seen(found, listing.view))
        body = {"$meta": {"pagination": page}, "data": list(seen)}
        said_long = answers.lengthened(body) if self.traits.long_times else body
        return answers.answer(said_long, headers=headers)

    def _file_of(self, listing: Listing, rows: Sequence[Json], request: Request) -> Answer | None:
        """A file with all charges, when the client asks for the one there is."""
        said = files.accepted(request)
        if self.traits.streams and "mpt-streaming" in request.headers:
            return None
        if listing.kind == "statements/charges":
            if JSON_LINES not in said or not self.traits.json_lines:
                return None
            return self._lines(listing, listing.all_rows(rows), {})
        if CSV not in said:
            return None
        write = files.csv_row
        found = listing.all_rows(rows)
        return self._written(listing, found, write, kind=CSV, head=files.csv_head())

    def _lines(
        self,
        listing: Listing,
        found: Generated | list[Json],
        headers: dict[str, str],
        head: bytes = b"",
    ) -> Answer:
        long = self.traits.long_times

        def write(row: Json) -> bytes:
            return answers.encoded(answers.lengthened(row) if long else row) + b"\n"

        return self._written(listing, found, write, kind=JSON_LINES, head=head, headers=headers)

    def _written(
        self,
        listing: Listing,
        found: Generated | list[Json],
        write: Callable[[Json], bytes],
        *,
        kind: str,
        head: bytes,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Rows as a file; many of them are made while they leave."""
        said = {"content-type": kind, **(headers or {})}
        if isinstance(found, Generated):
            selection = listing.selection()
            pieces = partial(found.written, lambda row: write(selection.of(listing.view.see(row))))
            return Answer(
                200, Streamed(partial(self._watched, head, pieces), found.pieces + 1), said
            )
        if len(found) <= _WHOLE:
            return Answer(200, head + b"".join(map(write, found)), said)
        rows = list(found)

        def parts() -> Iterator[bytes]:
            for start in range(0, len(rows), _WHOLE):
                yield b"".join(map(write, rows[start : start + _WHOLE]))

        return Answer(
            200, Streamed(partial(self._watched, head, parts), -(-len(rows) // _WHOLE) + 1), said
        )

    def _watched(self, head: bytes, pieces: Callable[[], Iterator[bytes]]) -> Iterator[bytes]:
        """Pieces of a body; a bug of ours in one of them is noted."""
        if head:
            yield head
        try:
            yield from pieces()
        except Exception as bug:
            self.crashes.append(repr(bug))
            raise

    def _attachment(self, request: Request, account: Account, record: Record, child: str) -> Answer:
        file = record.files.get(child)
        if file is None:
            raise answers.missing(child)
        kind = str(file.body["contentType"])
        if not files.accepted(request) or JSON in files.accepted(request):
            return self.one(account, f"{record.kind}/attachments", file.body, request)
        if not files.takes(request, kind):
            raise Problem(406, f"Only application/json and {kind} are available")
        if file.body["isDeleted"]:
            raise answers.missing(child)
        if file.body.get("isExternal"):
            return _content(file)
        key = f"{self.books.chance.getrandbits(128):032x}"
        self.links[key] = files.Link(file, self.now() + files.LINK_LIFE)
        host, _, port = request.headers.get("host", "localhost").partition(":")
        other = "127.0.0.1" if host == "localhost" else "localhost"
        address = f"http://{other}{f':{port}' if port else ''}/files/{key}"
        return Answer(301, b"", {"location": address, "content-type": "text/plain"})

    @route("GET", "/files/(?P<key>[^/]+)")
    def download(self, request: Request, key: str) -> Answer:
        """The content of an attachment, at another host, by a link that ends."""
        if "authorization" in request.headers:
            self.leaked.append(request.path)
            raise Problem(400, "This host takes no token")
        link = self.links.get(key)
        if link is None or link.ends_at <= self.now():
            raise Problem(403, "The link has ended")
        return _content(link.file)


def _content(file: File) -> Answer:
    return Answer(200, file.content, {"content-type": file.body["contentType"]})


def _kind(kind: str) -> str:
    return "manual-overrides" if kind == "overrides" else kind


def _first(charges: Sequence[Json]) -> Sequence[Json]:
    """Charges, of generated ones the first: they are all alike."""
    return charges[:1] if isinstance(charges, Generated) else charges


def _seen(found: Generated | list[Json], of: View) -> Iterator[Json]:
    return map(of.see, found) if isinstance(found, Generated) else iter(found)
