"""What the documentation says is tested has a test of that name."""

import re
from pathlib import Path

import pytest

from connectors import registry

ROOT = Path(__file__).parent.parent.parent
PAGES = ("docs/promise.md", "docs/security.md")


def named(text: str) -> list[str]:
    return re.findall(r"`((?:tests/)?[\w/]*test_\w+\.py(?:::\w+)*)`", text)


@pytest.mark.parametrize("page", PAGES)
def test_every_test_that_is_named_exists(page: str) -> None:
    names = named((ROOT / page).read_text())
    missing = []
    for name in names:
        path, *parts = name.split("::")
        if path == "test_conformance.py":
            continue
        file = ROOT / path if path.startswith("tests/") else ROOT / "tests/security" / path
        words = file.read_text() if file.exists() else ""
        if not words or any(f"{part}" not in words for part in parts):
            missing.append(name)

    assert missing == []
    assert len(names) > 5


def test_every_connector_has_its_line_of_the_promise() -> None:
    text = (ROOT / "docs/promise.md").read_text()

    assert [key for key in registry.known() if f"(`{key}`)" not in text] == []


@pytest.mark.parametrize("provider", registry.known())
def test_the_delay_that_is_promised_is_the_connectors(provider: str) -> None:
    spec = registry.spec(provider)
    line = next(
        line
        for line in (ROOT / "docs/promise.md").read_text().splitlines()
        if f"(`{provider}`)" in line
    )
    seconds = int(spec.consistency_delay.total_seconds())
    words = f"{seconds // 60} minute" if seconds % 60 == 0 else f"{seconds} second"

    assert spec.by_others or f"| {words}" in line
