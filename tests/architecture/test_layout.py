"""The project stands alone, and every provider folder is known where it must be."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from connectors import registry
from connectors.base import ConnectorSpec
from docs.generate import ROOT

PROVIDERS = sorted(
    path.name for path in (ROOT / "connectors").iterdir() if (path / "__init__.py").exists()
)


def test_every_provider_folder_is_registered() -> None:
    assert list(registry.BUILT_IN) == PROVIDERS


def test_every_provider_folder_is_in_the_import_contracts() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    by_name = {contract["name"]: contract for contract in contracts["contracts"]}
    modules = [f"connectors.{name}" for name in PROVIDERS]

    assert by_name["Providers do not know each other"]["modules"] == modules
    forbidden = by_name["The engine knows no provider, no Celery and no web framework"]
    assert set(modules) <= set(forbidden["forbidden_modules"])


@pytest.mark.parametrize("key", PROVIDERS)
def test_every_connector_has_a_spec_and_says_what_was_verified(key: str) -> None:
    spec = registry.spec(key)
    text = (ROOT / "connectors" / key / "README.md").read_text().lower()

    assert isinstance(spec, ConnectorSpec)
    assert spec.key == key
    assert "verified" in text
    assert "marker" in text


def test_nothing_refers_to_what_is_outside_of_the_project() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    outside = re.compile(r"\.\./shared|/work/")

    found = [
        name
        for name in listed.stdout.split()
        if Path(name).suffix in {".py", ".md", ".toml", ".yml", ""}
        and name != "tests/architecture/test_layout.py"
        and (ROOT / name).is_file()
        and outside.search((ROOT / name).read_text())
    ]
    assert found == []
