"""The OpenAPI description is true: whatever is generated from it meets no surprise."""

import os
import subprocess
import sys
from pathlib import Path

from tests.api.world import VERSION, World
from tests.factories import a_contact, an_invoice

EXAMPLES = int(os.environ.get("EXAMPLES", "8"))


def test_generated_requests_meet_only_what_is_described(world: World, tmp_path: Path) -> None:
    world.hand_in(a_contact(), an_invoice())
    world.push()
    token = world.token(world.credential(connection_id=world.connection_id))

    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{world.url}/openapi.json"),
            *("--checks", "all", "--max-examples", str(EXAMPLES), "--seed", "1"),
            *("-H", f"Authorization: Bearer {token}", "-H", f"x-monite-version: {VERSION}"),
            *("-H", f"x-monite-entity-id: {world.entity_id}", "--no-color"),
            *("--generation-database", "none", "--warnings", "off"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
