"""A plain HTTP client of the simulated Marketplace, for its own tests: no connector in between."""

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape

import httpx

from connectors.softwareone.simulator import Marketplace

API = "/public/v1/billing"
JSON_LINES = "application/jsonl"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_SPACE = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


class Visitor:
    """Somebody with the token of one account."""

    def __init__(self, marketplace: Marketplace, role: str) -> None:
        self.marketplace = marketplace
        self.http = httpx.Client(
            base_url=marketplace.base_url,
            transport=marketplace.transport(),
            headers=marketplace.headers(role),
        )

    def get(self, path: str, query: str = "", **headers: str) -> httpx.Response:
        """Read something; the query goes out as it is."""
        return self.http.get(f"{API}/{path}" + (f"?{query}" if query else ""), headers=headers)

    def read(self, path: str, query: str = "", **headers: str) -> Any:
        """Read something that is there, with exact numbers."""
        answer = self.get(path, query, **headers)
        assert answer.status_code == 200, answer.text
        return json.loads(answer.text, parse_float=Decimal)

    def ids(self, path: str, query: str = "limit=100") -> list[str]:
        """Ids of the rows on a page, in order."""
        return [row["id"] for row in self.read(path, query)["data"]]

    def post(self, path: str, body: Any = None) -> httpx.Response:
        """Create something, or let something happen."""
        return self.http.post(f"{API}/{path}", json=body if body is not None else {})

    def put(self, path: str, body: Any) -> httpx.Response:
        """Change something."""
        return self.http.put(f"{API}/{path}", json=body)

    def delete(self, path: str) -> httpx.Response:
        """Delete something."""
        return self.http.delete(f"{API}/{path}")

    def journal(self, key: str = "JE-1", **more: Any) -> str:
        """Make a journal; returns its id."""
        body = {
            "name": f"Journal {key}",
            "authorization": {"id": self.marketplace.known.authorization},
            "externalIds": {"vendor": key},
            **more,
        }
        answer = self.post("journals", body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def upload(
        self, path: str, content: bytes, kind: str = JSON_LINES, name: str = "charges.jsonl"
    ) -> httpx.Response:
        """Upload a charge file."""
        return self.http.post(f"{API}/{path}/upload", files={"file": (name, content, kind)})

    def charge(self, journal: str, *lines: Mapping[str, Any]) -> None:
        """Upload lines (one, if none are given), and let the platform look at them."""
        given = lines or (line(self.marketplace),)
        answer = self.upload(f"journals/{journal}", lines_of(given))
        assert answer.status_code == 200, answer.text
        self.marketplace.settle()

    def handed_in(self, key: str = "JE-1", *lines: Mapping[str, Any]) -> str:
        """A journal with charges in review; returns its id."""
        journal = self.journal(key)
        self.charge(journal, *lines)
        assert self.post(f"journals/{journal}/submit").status_code == 200
        return journal


def line(marketplace: Marketplace, entry: str = "E-1", **more: Any) -> dict[str, Any]:
    """A line of a charge file that is right."""
    known = marketplace.known
    return {
        "externalIds": {"vendor": entry, "invoice": "VI-1"},
        "search": {
            "source": {
                "type": "Subscription",
                "criteria": "externalIds.vendor",
                "value": known.subscription_vendor_id,
            },
            "item": {"criteria": "item.externalIds.vendor", "value": known.item_vendor_id},
        },
        "period": {"start": "2026-10-01T00:00:00.000Z", "end": "2026-10-31T23:59:59.000Z"},
        "quantity": 2,
        "price": {"unitPP": 5.25, "PPx1": 10.50},
        "segment": "COM",
        **more,
    }


def lines_of(lines: Sequence[Mapping[str, Any]]) -> bytes:
    """A charge file."""
    return b"".join(json.dumps(one).encode() + b"\n" for one in lines)


def workbook(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """A workbook with one sheet; texts shared, as office programs write them."""
    names = list(rows[0])
    table = [names, *[[str(row.get(name, "")) for name in names] for row in rows]]
    texts: list[str] = []
    sheet = ""
    for number, row in enumerate(table, 1):
        cells = ""
        for place, text in enumerate(row):
            cells += f'<c r="{chr(65 + place)}{number}" t="s"><v>{len(texts)}</v></c>'
            texts.append(text)
        sheet += f"<row>{cells}</row>"
    shared = "".join(f"<si><t>{escape(text)}</t></si>" for text in texts)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("xl/sharedStrings.xml", f"<sst {_SPACE}>{shared}</sst>")
        archive.writestr(
            "xl/worksheets/sheet1.xml",
            f"<worksheet {_SPACE}><sheetData>{sheet}</sheetData></worksheet>",
        )
    return file.getvalue()


def said(answer: httpx.Response) -> tuple[int, str]:
    """Status and detail of a refusal."""
    return answer.status_code, answer.json()["detail"]
