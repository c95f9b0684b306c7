"""A Xero that costs next to nothing: canned invoices by the page, and a yes to whatever is written.

It runs in a process of its own, so that only what talks to it is measured. It knows as much of
Xero as one program that reads and writes invoices makes use of; the simulator knows the rest.
"""

import bisect
import contextlib
import json
import multiprocessing
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

TENANT = "7b3e1f30-0000-4000-8000-000000000001"
ACCOUNT = "7b3e1f30-0000-4000-8000-000000000200"
CONTACT = "7b3e1f30-0000-4000-8000-00000000c001"
TOKEN = "canned"  # noqa: S105  # opens nothing
FIRST_CHANGE = 1_767_225_600
"""2026-01-01; invoice 0 was changed then, each further one two seconds later."""
DAY_MS = 86_400_000
_NAMES = {"Organisation": "Organisations"}
_LISTS: dict[str, Any] = {
    "Organisation": [{"OrganisationID": TENANT, "Name": "Bench Ltd", "BaseCurrency": "GBP"}],
    "Accounts": [
        {
            "AccountID": ACCOUNT,
            "Code": "200",
            "Name": "Sales",
            "Type": "REVENUE",
            "Class": "REVENUE",
            "Status": "ACTIVE",
        }
    ],
    "TaxRates": [
        {
            "Name": "20% (VAT on Income)",
            "TaxType": "OUTPUT2",
            "Status": "ACTIVE",
            "EffectiveRate": 20.0,
            "CanApplyToRevenue": True,
        }
    ],
    "Contacts": [{"ContactID": CONTACT, "Name": "Customer", "ContactStatus": "ACTIVE"}],
}
_LINE = (
    '{"ItemCode":"P-%(product)d","Description":"Consulting in week %(week)d","UnitAmount":%(price)d.5000,"TaxType":"OUTPUT2","TaxAmount":%(tax)d.10,'
    '"LineAmount":%(price)d.50,"AccountCode":"200","Item":{"ItemID":"7b3e1f30-0000-4000-8000-'
    '%(product)012d","Code":"P-%(product)d"},"Tracking":[],"Quantity":1.0000,'
    '"LineItemID":"7b3e1f31-0000-4000-%(week)04d-%(number)012d","AccountID":"' + ACCOUNT + '"}'
)
_INVOICE = (
    '{"Type":"ACCREC","InvoiceID":"%(id)s","InvoiceNumber":"INV-%(number)07d","Reference":'
    '"PO %(number)d","Payments":[],"CreditNotes":[],"Prepayments":[],"Overpayments":[],'
    '"AmountDue":%(total)d.%(cents)s,"AmountPaid":0.00,"AmountCredited":0.00,"CurrencyRate":'
    '1.0000000000,"IsDiscounted":false,"HasAttachments":false,"HasErrors":false,'
    '"InvoicePaymentServices":[],"Contact":{"ContactID":"7b3e1f30-0000-4000-8000-0000%(contact)08d"'
    ',"Name":"Customer %(contact)d","Addresses":[],"Phones":[],"ContactGroups":[],'
    '"ContactPersons":[],"HasValidationErrors":false},"DateString":"2026-01-01T00:00:00","Date":'
    '"/Date(%(date)d+0000)/","DueDateString":"2026-01-31T00:00:00","DueDate":'
    '"/Date(%(due)d+0000)/","BrandingThemeID":"7b3e1f30-0000-4000-8000-0000000b0001","Status":'
    '"AUTHORISED","LineAmountTypes":"Exclusive","LineItems":[%(lines)s],"SubTotal":'
    '%(net)d.%(net_cents)s,"TotalTax":%(tax)d.%(tax_cents)s,"Total":%(total)d.%(cents)s,'
    '"UpdatedDateUTC":"/Date(%(changed)d000+0000)/","CurrencyCode":"GBP"}'
)


def invoice(number: int, changed: int, version: int) -> str:
    """One invoice of about 2 KB with 3 to 5 lines."""
    count = 3 + number % 3
    price = 100 + number % 400 + version
    line = {"price": price, "tax": price // 5, "number": number}
    lines = ",".join(
        _LINE % {**line, "product": 1 + (number + week) % 50, "week": week} for week in range(count)
    )
    net, tax = count * (10 * price + 5), count * (10 * (price // 5) + 1)  # in tenths
    date = (FIRST_CHANGE - number % 300 * 86_400) * 1000
    return _INVOICE % {
        "id": f"7b3e1f32-0000-4000-8000-{number:012d}",
        "number": number,
        "contact": number % 500,
        "date": date,
        "due": date + 30 * DAY_MS,
        "lines": lines,
        "net": net // 10,
        "net_cents": f"{net % 10}0",
        "tax": tax // 10,
        "tax_cents": f"{tax % 10}0",
        "total": (net + tax) // 10,
        "cents": f"{(net + tax) % 10}0",
        "changed": changed,
    }


@dataclass
class Books:
    """The invoices of one organisation, in the order in which they were last changed."""

    size: int
    latency_seconds: float = 0
    requests: int = 0
    written: int = 0
    changed: list[tuple[int, int, int]] = field(default_factory=list)
    """When, which, in which version."""

    def __post_init__(self) -> None:
        self.changed = [(FIRST_CHANGE + 2 * one, one, 0) for one in range(self.size)]

    def change(self, every: int) -> None:
        """Somebody changes every so many-th invoice."""
        kept = [one for one in self.changed if one[1] % every]
        moved = [one for one in self.changed if not one[1] % every]
        last = self.changed[-1][0]
        self.changed = kept + [
            (last + 2 * place, number, version + 1)
            for place, (_, number, version) in enumerate(moved, 1)
        ]

    def page(self, since: int, number: int, size: int) -> bytes:
        """A page of what changed from a second on."""
        first = bisect.bisect_left(self.changed, (since,))
        start = first + (number - 1) * size
        rows = [
            invoice(one, when, version) for when, one, version in self.changed[start : start + size]
        ]
        count = len(self.changed) - first
        pages = {"page": number, "pageSize": size, "pageCount": -(-count // size)}
        return (
            f'{{"Id":"{TENANT}","Status":"OK","DateTimeUTC":"/Date({int(time.time() * 1000)})/",'
            f'"pagination":{json.dumps({**pages, "itemCount": count})},'
            f'"Invoices":[{",".join(rows)}]}}'
        ).encode()

    def write(self, body: dict[str, Any]) -> bytes:
        """Say yes to a batch."""
        if "Contacts" in body:
            return json.dumps(
                {"Contacts": [{**_LISTS["Contacts"][0], **body["Contacts"][0]}]}
            ).encode()
        answers = []
        for one in body["Invoices"]:
            self.written += 1
            lines = one["LineItems"]
            net = sum(line["LineAmount"] for line in lines)
            tax = round(0.2 * net, 2)
            answers.append(
                {
                    **one,
                    "InvoiceID": f"7b3e1f33-0000-4000-8000-{self.written:012d}",
                    "Date": f"{one['Date']}T00:00:00",
                    "DueDate": f"{one['DueDate']}T00:00:00",
                    "SubTotal": round(net, 2),
                    "TotalTax": tax,
                    "Total": round(net + tax, 2),
                    "AmountDue": round(net + tax, 2),
                    "UpdatedDateUTC": f"/Date({int(time.time() * 1000)}+0000)/",
                    "StatusAttributeString": "OK",
                }
            )
        return json.dumps({"Invoices": answers}).encode()


class _Desk(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    books: Books

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        place = parts.path.removeprefix("/api.xro/2.0/")
        if place == "/bench":
            counts = {"requests": self.books.requests, "written": self.books.written}
            return self._say(json.dumps(counts).encode(), counts=False)
        if place == "/connections":
            tenant = {"id": TENANT, "tenantId": TENANT, "tenantType": "ORGANISATION"}
            return self._say(json.dumps([{**tenant, "tenantName": "Bench Ltd"}]).encode())
        if place == "Invoices":
            since = self.headers.get("If-Modified-Since")
            page = int(query.get("page", 1)), int(query.get("pageSize", 100))
            return self._say(self.books.page(_seconds(since) if since else 0, *page))
        rows = {_NAMES.get(place, place): _LISTS.get(place, []), "pagination": {"pageCount": 1}}
        return self._say(json.dumps(rows).encode())

    def do_PUT(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/bench":
            if "every" in body:
                self.books.change(body["every"])
            self.books.latency_seconds = body.get("latency", self.books.latency_seconds)
            return self._say(b"{}", counts=False)
        return self._say(self.books.write(body))

    def _say(self, body: bytes, *, counts: bool = True) -> None:
        if counts:
            self.books.requests += 1
            time.sleep(self.books.latency_seconds)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _seconds(since: str) -> int:
    return int(time.mktime(time.strptime(since, "%Y-%m-%dT%H:%M:%S"))) - time.timezone


def _serve(size: int, told: Any) -> None:
    desk = type("Desk", (_Desk,), {"books": Books(size)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), desk)
    server.daemon_threads = True
    told.send(server.server_address[1])
    server.serve_forever()


@dataclass(frozen=True)
class Canned:
    """The server, as its bench sees it."""

    url: str

    def change(self, *, every: int) -> None:
        """Somebody changes every so many-th invoice."""
        self._put({"every": every})

    def delay(self, seconds: float) -> None:
        """Each answer takes so long from now on."""
        self._put({"latency": seconds})

    def counts(self) -> dict[str, int]:
        """How many `requests` there were, and how many invoices were `written`."""
        counts: dict[str, int] = httpx.get(f"{self.url}/bench").json()
        return counts

    def _put(self, body: dict[str, Any]) -> None:
        httpx.put(f"{self.url}/bench", json=body).raise_for_status()


@contextlib.contextmanager
def serving(size: int) -> Iterator[Canned]:
    """A server with so many invoices, in a process of its own."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(size, theirs), daemon=True)
    process.start()
    try:
        yield Canned(f"http://127.0.0.1:{ours.recv()}")
    finally:
        process.terminate()
        process.join()
