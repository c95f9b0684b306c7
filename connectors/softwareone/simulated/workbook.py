"""The first sheet of a workbook (XLSX), read with nothing but the standard library.

Only what a small export holds: texts, shared or inline, and numbers.
"""

import io
import re
import zipfile
from collections.abc import Iterator
from xml.etree import ElementTree as ET

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_LARGEST = 50 * 1024 * 1024


class NoWorkbook(ValueError):  # noqa: N818  # what somebody is told
    """It cannot be read as one."""


def rows(content: bytes) -> list[dict[str, str]]:
    """The rows below the first one, by the names in the first one; empty cells are left out.

    Raises:
        NoWorkbook: It is none, or has no sheet.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(one.file_size for one in archive.infolist()) > _LARGEST:
                raise NoWorkbook("the workbook is too large")
            shared = _shared(archive)
            sheet = archive.read("xl/worksheets/sheet1.xml")
            table = list(_table(sheet, shared))
    except (zipfile.BadZipFile, KeyError, ET.ParseError, IndexError, ValueError) as error:
        raise NoWorkbook(f"the file is not a workbook: {error}") from None
    if not table:
        return []
    names, *others = table
    return [
        {names[place]: text for place, text in row.items() if place in names and text}
        for row in others
    ]


def _parsed(content: bytes) -> ET.Element:
    return ET.fromstring(content)  # noqa: S314  # a test's own file, size checked


def _shared(archive: zipfile.ZipFile) -> list[str]:
    if "xl/sharedStrings.xml" not in archive.namelist():
        return []
    root = _parsed(archive.read("xl/sharedStrings.xml"))
    return [_text(one) for one in root.iter(f"{_MAIN}si")]


def _text(element: ET.Element) -> str:
    return "".join(part.text or "" for part in element.iter(f"{_MAIN}t"))


def _table(sheet: bytes, shared: list[str]) -> Iterator[dict[str, str]]:
    for row in _parsed(sheet).iter(f"{_MAIN}row"):
        cells = {}
        for place, cell in enumerate(row.iter(f"{_MAIN}c")):
            column = re.sub(r"\d", "", cell.get("r", "")) or str(place)
            value = cell.find(f"{_MAIN}v")
            if cell.get("t") == "inlineStr":
                cells[column] = _text(cell)
            elif value is not None and value.text is not None:
                text = value.text
                cells[column] = shared[int(text)] if cell.get("t") == "s" else text
        yield cells
