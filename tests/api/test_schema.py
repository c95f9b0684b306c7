"""The OpenAPI description is true: whatever is generated from it meets no surprise."""

import os
import subprocess
import sys
from pathlib import Path

from tests.api.world import VERSION, World
from tests.factories import a_contact, an_invoice

# What a schema cannot say: sums that must hold, keys that were used, tokens that we have sealed.
CONFIG = """
[checks]
positive_data_acceptance.expected-statuses = [
  "2xx", "303", "400", "401", "403", "404", "409", "412", "422"
]
"""
EXAMPLES = int(os.environ.get("EXAMPLES", "8"))


def test_generated_requests_meet_only_what_is_described(world: World, tmp_path: Path) -> None:
    world.hand_in(a_contact(), an_invoice())
    world.push()
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    token = world.token(world.credential(connection_id=world.connection_id))

    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{world.url}/openapi.json"),
            *("--checks", "all", "--max-examples", str(EXAMPLES), "--seed", "1"),
            *("-H", f"Authorization: Bearer {token}", "-H", f"x-monite-version: {VERSION}"),
            *("-H", f"x-monite-entity-id: {world.entity_id}", "--no-color"),
            *("--generation-database", "none", "--warnings", "off", "--output-sanitize", "false"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
