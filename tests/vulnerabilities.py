"""Whether anything that constraints.txt pins is known to be vulnerable; part of `make check`.

One request to OSV, which knows PyPI's advisories (google.github.io/osv.dev, "POST /v1/querybatch",
read 2026-11-21). Without a network nothing can be known: that is said in one line, and passes.
"""

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

ADDRESS = "https://api.osv.dev/v1/querybatch"
PINNED = Path(__file__).parent.parent / "constraints.txt"
SECONDS = 10
MOST_PAGES = 20
ACCEPTED: Mapping[str, str] = {}
"""Advisories that do not concern us, and why."""


def pins(text: str) -> dict[str, str]:
    """Versions by the names of packages."""
    return dict(re.findall(r"(?m)^([A-Za-z0-9._-]+)==([^\s;#]+)", text))


def known(pinned: Mapping[str, str], address: str = ADDRESS) -> dict[str, list[str]]:
    """Advisories by package, as `name==version`.

    Raises:
        httpx.HTTPError: Nobody answers.
        ValueError: What answers is not OSV.
    """
    asked = [
        {"package": {"name": name, "ecosystem": "PyPI"}, "version": version}
        for name, version in pinned.items()
    ]
    found: dict[str, list[str]] = {}
    for _ in range(MOST_PAGES):
        response = httpx.post(address, json={"queries": asked}, timeout=SECONDS)
        response.raise_for_status()
        more: list[dict[str, Any]] = []
        try:
            for query, result in zip(asked, response.json()["results"], strict=True):
                name = f"{query['package']['name']}=={query['version']}"  # type: ignore[index]  # ours
                ids = [str(one["id"]) for one in result.get("vulns", [])]
                found.setdefault(name, []).extend(one for one in ids if one not in ACCEPTED)
                if token := result.get("next_page_token"):
                    more.append({**query, "page_token": token})
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError("the answer is not OSV's") from error
        if not more:
            break
        asked = more
    return {name: ids for name, ids in found.items() if ids}


def main(address: str = ADDRESS) -> int:
    """Ask, tell, and judge: 1 when something is known."""
    pinned = pins(PINNED.read_text(encoding="utf-8"))
    try:
        found = known(pinned, address)
    except (httpx.HTTPError, ValueError) as error:
        sys.stdout.write(
            f"Vulnerabilities: not looked up, {ADDRESS} does not answer ({type(error).__name__}).\n"
        )
        return 0
    for name, ids in sorted(found.items()):
        sys.stdout.write(f"Vulnerabilities: {name} has {', '.join(sorted(ids))}\n")
    if not found:
        sys.stdout.write(f"Vulnerabilities: none is known of {len(pinned)} packages.\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
