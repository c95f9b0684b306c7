"""`up` and `sandbox`: processes that run until they are told to stop."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from cryptography.fernet import Fernet

from tests.cli.conftest import Run
from tests.stack import wait_until


def a_port() -> int:
    """One that is free."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


@dataclass
class Running:
    """A command in a process of its own."""

    process: subprocess.Popen[bytes]
    output: Path

    @property
    def said(self) -> str:
        """What it and its children have printed so far."""
        return self.output.read_text()

    @property
    def children(self) -> list[int]:
        """The processes that it has started."""
        listed = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self.process.pid)],
            capture_output=True,
            text=True,
            check=False,
        )
        return [int(word) for word in listed.stdout.split()]

    def ends(self, told: signal.Signals | None = None) -> int:
        """Its exit code, after it was told to stop where it has to be."""
        if told is not None:
            self.process.send_signal(told)
        return self.process.wait(20)


@contextmanager
def running(folder: Path, *arguments: str, **environment: str) -> Iterator[Running]:
    """Run a command; what is left of it is killed at the end."""
    output = folder / "output"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "cli.main", *arguments],
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    command = Running(process, output)
    try:
        yield command
    finally:
        for pid in [*command.children, process.pid]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()


def alive(pid: int) -> bool:
    """Whether a process exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def servers(database_url: str, redis_url: str) -> dict[str, str]:
    """The environment of a process that uses the run's own servers."""
    return {
        "LEDGERBRIDGE_DATABASE_URL": database_url,
        "LEDGERBRIDGE_REDIS_URL": redis_url,
        "LEDGERBRIDGE_CREDENTIALS_KEYS": Fernet.generate_key().decode(),
        "LEDGERBRIDGE_WORKER_CONCURRENCY": "1",
        "LEDGERBRIDGE_SOFT_SHUTDOWN_SECONDS": "2",
        "LEDGERBRIDGE_STOP_GRACE_SECONDS": "10",
    }


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
def test_up_runs_everything_until_it_is_told_to_stop(
    servers: dict[str, str], tmp_path: Path, told: signal.Signals
) -> None:
    port = a_port()

    def answers() -> bool:
        try:
            return bool(httpx.get(f"http://127.0.0.1:{port}/readyz").json() == {"status": "ok"})
        except httpx.HTTPError:
            return False

    with running(tmp_path, "up", "--port", str(port), **servers) as up:
        assert wait_until(answers, seconds=20), up.said
        assert wait_until(lambda: "ready." in up.said, seconds=20), up.said
        children = up.children
        code = up.ends(told)

    assert code == 0
    assert len(children) == 3
    assert not [child for child in children if alive(child)]
    assert f"Up: http://127.0.0.1:{port} (api), worker and beat." in up.said
    assert "Traceback" not in up.said


def test_up_ends_when_one_of_its_processes_does(servers: dict[str, str], tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with running(tmp_path, "up", "--port", str(port), **servers) as up:
            code = up.ends()

    assert code == 1
    assert "api ended: stopping the rest." in up.said


def test_a_sandbox_serves_and_says_how_to_get_in(tmp_path: Path) -> None:
    files = tmp_path / "files"
    with running(tmp_path, "sandbox", "memory", "--to", str(files)) as sandbox:
        assert wait_until(lambda: "until Ctrl-C" in sandbox.said, seconds=10)
        told = json.loads(sandbox.said.splitlines()[0])
        refused = httpx.get(f"{told['base_url']}/organisation").status_code
        code = sandbox.ends(signal.SIGINT)

    assert code == 0
    assert set(told) == {"base_url", "credentials", "settings"}
    assert refused == 401
    assert json.loads((files / "credentials.json").read_text()) == told["credentials"]
    assert json.loads((files / "settings.json").read_text()) == told["settings"]
    assert stat.S_IMODE((files / "credentials.json").stat().st_mode) == 0o600


def test_a_real_server_has_no_sandbox(ledgerbridge: Run) -> None:
    result = ledgerbridge("sandbox", "tryton")

    assert result.code == 2
    assert "Tryton has no simulator" in result.err
