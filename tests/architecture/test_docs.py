"""Documentation that is generated is up to date, and links lead somewhere."""

import re
from pathlib import Path

import pytest

from docs.generate import ROOT, generated
from models.tables import Base

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("*/*/README.md")])


@pytest.mark.parametrize("path", generated(), ids=lambda path: path.name)
def test_generated_tables_are_up_to_date(path: Path) -> None:
    assert path.read_text() == generated()[path], "run `make docs`"


def test_every_table_is_explained() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()

    assert [name for name in Base.metadata.tables if f"`{name}`" not in text] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())

    assert [link for link in links if not (page.parent / link).exists()] == []
