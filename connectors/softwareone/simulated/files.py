"""Files on the wire: parts of multipart bodies, attachments, links to what they hold, CSV.

A charge file is refused with 415 unless its part says one of the known types; an attachment's
content is fetched through a redirect to another host, whose link ends after a while (the
platform's API descriptions and its official client, read 2026-11-20). Ours: five minutes, that
the file's host refuses requests that carry a bearer token, and the columns of CSV files, which
are those of the charge workbook after `ID`.
"""

import csv
import datetime as dt
import io
import json
import re
from dataclasses import dataclass
from typing import Any

from connectors.faults import Request
from connectors.softwareone.simulated.answers import Problem, invalid
from connectors.softwareone.simulated.entries import COLUMNS
from connectors.softwareone.simulated.filtering import at
from connectors.softwareone.simulated.store import File, Json
from connectors.softwareone.simulated.workbook import XLSX

CHARGE_TYPES = frozenset({"application/jsonl", "application/x-ndjson", XLSX})
WORKBOOK_TYPES = frozenset({XLSX})
LINK_LIFE = dt.timedelta(minutes=5)
_ATTACHMENT_TYPES = frozenset(
    {
        "application/pdf",
        "application/msword",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/vnd.ms-excel",
        XLSX,
        "text/csv",
        "application/rtf",
        "text/rtf",
        "text/plain",
        "image/jpeg",
        "image/png",
        "image/tiff",
        "application/json",
        "application/jsonl",
        "text/html",
        "application/xml",
        "text/xml",
        "application/zip",
        "application/x-7z-compressed",
        "application/gzip",
    }
)


@dataclass(frozen=True)
class Part:
    """One part of a multipart body."""

    name: str
    filename: str | None
    kind: str
    content: bytes


@dataclass(frozen=True)
class Link:
    """A private link to a file's content."""

    file: File
    ends_at: dt.datetime


def parts_of(request: Request) -> dict[str, Part]:
    """The parts of a multipart body, by name.

    Raises:
        Problem: 415: it is no such body; 400: it is broken.
    """
    kind, _, more = request.headers.get("content-type", "").partition(";")
    if kind.strip().lower() != "multipart/form-data":
        raise Problem(415, f"Unsupported media type {kind or '(none)'}: send multipart/form-data")
    boundary = re.search(r'boundary="?([^";]+)"?', more)
    if boundary is None:
        raise Problem(400, "The multipart body has no boundary")
    line = b"--" + boundary.group(1).encode()
    found: dict[str, Part] = {}
    _, *pieces = (b"\r\n" + request.body).split(b"\r\n" + line)
    if not pieces or not pieces[-1].startswith(b"--"):
        raise Problem(400, "The multipart body does not end")
    for piece in pieces[:-1]:
        head, gap, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        if not gap:
            raise Problem(400, "A part of the multipart body has no content")
        part = _part(head.decode("utf-8", "replace"), content)
        found[part.name] = part
    return found


def _part(head: str, content: bytes) -> Part:
    headers = {}
    for line in head.split("\r\n"):
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    said = headers.get("content-disposition", "")
    named = dict(re.findall(r';\s*([\w*]+)="([^"]*)"', said))
    kind = headers.get("content-type", "text/plain").partition(";")[0].strip().lower()
    return Part(named.get("name", ""), named.get("filename"), kind, content)


def charge_file(request: Request, kinds: frozenset[str], largest: int) -> Part:
    """The charge file of an upload; other parts are tolerated.

    Raises:
        Problem: 400, 413, 415.
    """
    part = parts_of(request).get("file")
    if part is None:
        raise invalid("file", "The part 'file' is required.")
    if part.kind not in kinds:
        raise Problem(415, f"Unsupported content type {part.kind} of the part 'file'")
    if len(part.content) > largest:
        raise Problem(413, "The file is too large")
    return part


def new_file(request: Request, largest: int) -> tuple[Json, bytes]:
    """An attachment to be made: its members, and the content.

    Raises:
        Problem: 400, 413, 415.
    """
    parts = parts_of(request)
    said, file = parts.get("attachment"), parts.get("file")
    if said is None or file is None:
        raise invalid("attachment", "The parts 'attachment' and 'file' are required.")
    if file.kind not in _ATTACHMENT_TYPES:
        raise Problem(415, f"Unsupported content type {file.kind} of the part 'file'")
    if len(file.content) > largest:
        raise Problem(413, "The file is too large")
    try:
        body: Any = json.loads(said.content)
    except ValueError:
        body = None
    if not isinstance(body, dict) or body.keys() - {"name", "description"}:
        raise invalid("attachment", "An object with name and description is expected.")
    if not isinstance(body.get("name"), str) or not body["name"]:
        raise invalid("attachment.name", "A name is required.")
    return {
        **body,
        "type": "Attachment",
        "filename": file.filename or body["name"],
        "contentType": file.kind,
        "size": len(file.content),
        "isDeleted": False,
    }, file.content


def accepted(request: Request) -> list[str]:
    """The media types that a client takes, in its order; empty: it did not say."""
    said = request.headers.get("accept", "")
    return [one.partition(";")[0].strip().lower() for one in said.split(",") if one.strip()]


def takes(request: Request, kind: str) -> bool:
    """Whether a client takes a media type, by name or by a star."""
    said = accepted(request)
    return not said or bool({kind, f"{kind.partition('/')[0]}/*", "*/*"} & {*said})


def csv_head() -> bytes:
    """The first line of a charge file as CSV."""
    return _csv(["ID", *COLUMNS])


def csv_row(row: Json) -> bytes:
    """A charge as a line of CSV."""
    values = (at(row, path) for path in COLUMNS.values())
    return _csv([row["id"], *("" if value is None else str(value) for value in values)])


def _csv(values: list[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(values)
    return text.getvalue().encode()
