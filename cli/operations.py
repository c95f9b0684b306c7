"""`ledgerbridge up`, `migrate`, `keys rotate` and `sandbox`: running the thing."""

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.context import actor, running, settings
from cli.output import count, out, say
from connectors import registry
from models.repositories import Held
from sync.errors import InvalidInputError, SyncError
from worker import embedded, runtime

keys_app = typer.Typer(no_args_is_help=True, help="The keys that credentials are encrypted with.")


def migrate() -> None:
    """Bring the database to the current schema.

    Example: ledgerbridge migrate
    """
    database = runtime.connect(settings(), role="migrate")
    before, after = runtime.migrate(database)
    database.dispose()
    if before == after:
        say(f"The database is current (revision {after}).")
    else:
        say(f"The database went from {before or 'empty'} to revision {after}.")


def up(
    host: Annotated[str | None, typer.Option(help="Where the API listens.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535)] = None,
) -> None:
    """Run api, worker and beat in the foreground, until Ctrl-C.

    PostgreSQL and Redis are started too where no other ones are configured.

    Example: ledgerbridge up --port 8000
    """
    configured = settings()
    if configured.embedded_redis:
        embedded.redis_url(configured.home)
    database = runtime.connect(configured, role="up")
    runtime.migrate(database)
    runtime.key_ring(configured)
    host, port = host or configured.api_host, port if port is not None else configured.api_port
    celery = [sys.executable, "-m", "celery", "-A", "worker.app"]
    commands = {
        "api": [
            *(sys.executable, "-m", "uvicorn", "--factory", "api.app:create_app"),
            *("--host", host, "--port", str(port), "--log-level", "warning"),
        ],
        "worker": [
            *(*celery, "worker", "--queues", "push,pull,backfill,maintenance"),
            *("--concurrency", str(configured.worker_concurrency), "--without-gossip"),
        ],
        "beat": [*celery, "beat"],
    }
    environment = {**os.environ, "REMAP_SIGTERM": "SIGQUIT"}
    processes = {
        name: subprocess.Popen(command, env=environment, start_new_session=True)
        for name, command in commands.items()
    }
    say(f"Up: http://{host}:{port} (api), worker and beat. Ctrl-C stops them.")
    code = 0
    with contextlib.suppress(KeyboardInterrupt), _stoppable():
        while True:
            ended = [name for name, process in processes.items() if process.poll() is not None]
            if ended:
                say(f"{', '.join(ended)} ended: stopping the rest.")
                code = 1
                break
            time.sleep(0.5)
    _stop(processes, configured.stop_grace_seconds)
    database.dispose()
    raise typer.Exit(code)


@contextlib.contextmanager
def _stoppable() -> Iterator[None]:
    """Let INT and TERM end a wait, also where a shell has started us with INT ignored."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = {
        number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(processes: dict[str, subprocess.Popen[bytes]], grace: float) -> None:
    """Ask all to stop, wait, then insist."""
    for process in processes.values():
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
    end = time.monotonic() + grace
    for process in processes.values():
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.1, end - time.monotonic()))
    for process in processes.values():
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


@keys_app.command()
def rotate() -> None:
    """Encrypt all stored credentials again under the first key.

    Put the new key first in LEDGERBRIDGE_CREDENTIALS_KEYS, run this, then drop the old one.

    Example: ledgerbridge keys rotate
    """
    with running() as built, built.begin() as work:
        stored = work.connections.all_sealed()
        for consent_id, held in stored:
            access = held.access and built.keys.rotate(held.access)
            work.connections.rekey(consent_id, Held(built.keys.rotate(held.sealed), access))
        for endpoint_id, sealed in (secrets := work.webhooks.all_sealed()):
            work.webhooks.reseal(endpoint_id, built.keys.rotate(sealed))
        work.audit.add(
            actor(), "keys.rotate", "consents", consents=len(stored), webhooks=len(secrets)
        )
    say(f"{count(len(stored), 'set')} of credentials are encrypted under the first key.")


def sandbox(
    provider: Annotated[str, typer.Argument(help="The connector whose ledger is simulated.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same books.")] = 1,
    to: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write credentials.json and settings.json there."),
    ] = None,
) -> None:
    """Run a provider's simulator; prints its base URL and credentials as JSON.

    Example: ledgerbridge sandbox memory --port 9000 --to var/sandbox
    """
    spec = registry.spec(provider)
    try:
        simulator = importlib.import_module(f"{spec.build.__module__.rpartition('.')[0]}.simulator")
    except ModuleNotFoundError:
        raise InvalidInputError(
            f"{spec.name} has no simulator; `make demo` runs a real one"
        ) from None
    try:
        box = simulator.sandbox(port=port, seed=seed)
    except OSError as error:
        raise SyncError(f"port {port} cannot be used: {error.strerror}") from None
    if to is not None:
        _write(to / "credentials.json", box.credentials)
        _write(to / "settings.json", box.settings)
    out.print(
        json.dumps(
            {
                "base_url": box.base_url,
                "credentials": box.credentials,
                "settings": box.settings,
            }
        ),
        soft_wrap=True,
    )
    sys.stdout.flush()
    say(f"{spec.name} is at {box.base_url} until Ctrl-C.")
    with contextlib.suppress(KeyboardInterrupt), _stoppable():
        while True:
            time.sleep(3600)
    box.simulator.stop()


def _write(path: Path, values: dict[str, Any]) -> None:
    """Write JSON for nobody else's eyes."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(json.dumps(values), encoding="utf-8")
    except OSError as error:
        raise SyncError(f"{path} cannot be written: {error.strerror}") from None
