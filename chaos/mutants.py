"""Taking one safeguard out at a time, on a copy: every time, some test must notice.

A test that passes says little as long as nobody has seen it fail. `make mutants` (or
`python -m chaos.mutants [NAME ...]`) breaks the write protocol in the ways that it guards against
and runs the tests that should notice; it prints what each mutant broke, and fails when one lives.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from chaos.report import out
from chaos.stack import ROOT

FOLDERS = (
    *("api", "cli", "connectors", "demo", "docs", "migrations", "models", "sync", "tests"),
    *("chaos", "worker"),
)
LONGEST_SECONDS = 300
_FAILED = re.compile(r"^(?:FAILED|ERROR) \S*?([^/]+?\.py)::(\S+)", re.MULTILINE)
RECORDS = "models/repositories/synced_records.py"
GUARDS = "tests/models/test_repositories.py"


@dataclass(frozen=True)
class Mutant:
    """One safeguard, and the code without it."""

    name: str
    without: str
    """What is missing, in words."""
    path: str
    old: str
    new: str
    tests: Sequence[str]
    """Those that should notice."""


MUTANTS: Sequence[Mutant] = (
    Mutant(
        "settling_fence",
        "a late worker's answer counts",
        RECORDS,
        "AND r.fence = v.fence\n               AND r.status = ANY(v.sources)",
        "AND r.status = ANY(v.sources)",
        (GUARDS, "tests/sync/test_push.py", "tests/sync/test_recover.py"),
    ),
    Mutant(
        "progress_fence",
        "a late worker's step counts",
        RECORDS,
        "WHERE r.id = v.id AND r.fence = v.fence AND r.status = 'sending'",
        "WHERE r.id = v.id AND r.status = 'sending'",
        (GUARDS, "tests/sync/test_push.py", "tests/sync/test_recover.py"),
    ),
    Mutant(
        "claimed_once",
        "a record is claimed although somebody holds it",
        RECORDS,
        "AND (r.lease_until IS NULL OR r.lease_until < now())\n"
        "                   AND c.status = 'connected'",
        "AND c.status = 'connected'",
        (GUARDS, "tests/sync/test_push.py", "tests/sync/test_recover.py"),
    ),
    Mutant(
        "attempt_first",
        "nothing says that a record is being sent",
        RECORDS,
        "SET status = 'sending', sent_operation",
        "SET sent_operation",
        (GUARDS, "tests/sync/test_push.py", "tests/sync/test_recover.py"),
    ),
    Mutant(
        "look_up",
        "an unclear write is sent again at once",
        "sync/recover.py",
        "    return record.sent_operation == Operation.CREATE.value\n",
        "    return False\n",
        ("tests/sync/test_recover.py",),
    ),
    Mutant(
        "consistency_delay",
        "what is not found at once counts as absent",
        "sync/recover.py",
        "    left = wait - timedelta(seconds=record.uncertain_seconds)\n"
        "    if left > timedelta(0):\n"
        "        return Decided(\n"
        "            record,\n"
        "            SyncStatus.UNCERTAIN,\n"
        "            delay=left,\n"
        "            checked=True,",
        "    left = wait - timedelta(seconds=record.uncertain_seconds)\n"
        "    if left < -timedelta(days=9):\n"
        "        return Decided(\n"
        "            record,\n"
        "            SyncStatus.UNCERTAIN,\n"
        "            delay=left,\n"
        "            checked=True,",
        ("tests/sync/test_recover.py",),
    ),
    Mutant(
        "lost_is_unclear",
        "what breaks off is taken for not processed",
        "sync/outcome.py",
        "        SyncStatus.UNCERTAIN,\n        AttemptResult.UNKNOWN,",
        "        SyncStatus.RETRY_WAIT,\n        AttemptResult.UNKNOWN,",
        ("tests/sync/test_outcome.py", "tests/sync/test_recover.py"),
    ),
    Mutant(
        "leases_end",
        "what a dead worker held stays held",
        RECORDS,
        "WHERE status = 'sending' AND lease_until < now()",
        "WHERE status = 'sending' AND false",
        (GUARDS, "tests/sync/test_sweep.py", "tests/sync/test_recover.py"),
    ),
    Mutant(
        "leases_hold",
        "what a living worker sends is taken from it",
        RECORDS,
        "WHERE status = 'sending' AND lease_until < now()",
        "WHERE status = 'sending'",
        (GUARDS, "tests/sync/test_sweep.py", "tests/sync/test_recover.py"),
    ),
    Mutant(
        "deadline",
        "requests leave after the lease",
        "connectors/http.py",
        "        left = self._scope.deadline.left()\n        if left <= 0:",
        "        left = max(1.0, self._scope.deadline.left())\n        if left <= 0:",
        ("tests/connectors/test_http.py", "tests/sync/test_push.py"),
    ),
    Mutant(
        "cursor_with_rows",
        "the cursor moves before the page is stored",
        "sync/pull.py",
        "            counts = self._store(work, page)\n",
        "            if page.cursor is not None:\n"
        "                with self.engine.begin() as other:\n"
        "                    other.cursors.move(self.connection.id, self.kind, page.cursor)\n"
        "            counts = self._store(work, page)\n",
        ("tests/sync/test_page_lost.py", "tests/sync/test_pull.py"),
    ),
    Mutant(
        "single_flight",
        "several refresh the same tokens",
        "models/repositories/authorizing.py",
        "                   AND (refresh_lease_until IS NULL OR refresh_lease_until < now())\n"
        "                   AND (refresh_not_before",
        "                   AND (refresh_not_before",
        ("tests/sync/test_tokens.py", "tests/sync/test_refused_tokens.py"),
    ),
    Mutant(
        "edit_noticed",
        "an edit that is committed while its document is settled is forgotten",
        RECORDS,
        "(d.content_hash <> v.pushed_hash\n"
        "                                                             OR r.reason_code = 'edited')",
        "(d.content_hash <> v.pushed_hash)",
        ("tests/sync/test_edited_while_settled.py",),
    ),
    Mutant(
        "arrival_noticed",
        "what is handed in while something is found to wait for it releases nothing",
        "sync/sweep.py",
        "arrived = work.queue.release_arrived()",
        "arrived = 0",
        ("tests/sync/test_named_meanwhile.py",),
    ),
    Mutant(
        "version_in_key",
        "a newer version is written over under the key of the older one",
        "sync/prepare.py",
        "parts.append(claimed.version)",
        "pass",
        ("tests/sync/test_edited_while_settled.py",),
    ),
    Mutant(
        "whose_books",
        "nobody asks whose books these are before writing into them",
        "sync/push.py",
        "connections.assert_identity(self.connection, connector.check())",
        "connector.check()",
        ("tests/sync/test_push.py",),
    ),
)


@dataclass(frozen=True)
class Outcome:
    """What became of one mutant."""

    mutant: Mutant
    killed_by: list[str]
    seconds: float
    trouble: str = ""
    """Why it proves nothing."""


def _copied(folder: Path) -> Path:
    """A copy of the tree that a mutant may live in."""
    copy = folder / "tree"
    for name in FOLDERS:
        ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
        shutil.copytree(ROOT / name, copy / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md", ".env.example"):
        shutil.copy(ROOT / name, copy / name)
    return copy


def _tested(copy: Path, tests: Sequence[str]) -> tuple[int, str]:
    """Run tests on a copy, until the first that fails: exit code and output.

    Raises:
        subprocess.TimeoutExpired: They did not come to an end.
    """
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            said, _ = process.communicate(timeout=LONGEST_SECONDS)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)  # so that its servers are stopped
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=30)
            process.kill()
            raise
    return process.returncode, said


def _tried(copy: Path, mutant: Mutant) -> Outcome:
    """Let a mutant live in a copy, and see who notices."""
    path = copy / mutant.path
    sound = path.read_text(encoding="utf-8")
    if sound.count(mutant.old) != 1:
        why = f"the safeguard is {sound.count(mutant.old)} times in {mutant.path}: mend the mutant"
        return Outcome(mutant, [], 0, why)
    began = time.monotonic()
    path.write_text(sound.replace(mutant.old, mutant.new), encoding="utf-8")
    try:
        code, printed = _tested(copy, mutant.tests)
        said = [f"{file}: {test}" for file, test in _FAILED.findall(printed)]
        trouble = "" if code in {0, 1} else printed[-300:]
    except subprocess.TimeoutExpired:
        said, trouble = ["(they did not end)"], ""
    finally:
        path.write_text(sound, encoding="utf-8")
    return Outcome(mutant, said, time.monotonic() - began, trouble)


def _table(outcomes: Sequence[Outcome]) -> Table:
    table = Table("mutant", "without it", "noticed by", "s", title="One safeguard less")
    for one in outcomes:
        noticed = one.trouble or (one.killed_by[0] if one.killed_by else "NOBODY")
        table.add_row(one.mutant.name, one.mutant.without, noticed, f"{one.seconds:.0f}")
    return table


def main() -> int:
    """Try all mutants, or those that are named; 1 when one lives."""
    wanted = [one for one in MUTANTS if not sys.argv[1:] or one.name in sys.argv[1:]]
    with tempfile.TemporaryDirectory(prefix="lb-mutants-") as folder:
        Path(folder).chmod(0o755)
        copy = _copied(Path(folder))
        tests = sorted({test for one in wanted for test in one.tests})
        print(f"the tests on the sound code: {', '.join(tests)}", file=sys.stderr)
        code, printed = _tested(copy, tests)
        if code != 0:
            out.print(f"The tests fail without any mutant:\n{printed[-2000:]}", markup=False)
            return 1
        outcomes = []
        for mutant in wanted:
            outcomes.append(_tried(copy, mutant))
            last = outcomes[-1]
            print(f"{mutant.name}: {last.trouble or last.killed_by[:1]}", file=sys.stderr)
    out.print(_table(outcomes))
    alive = [one.mutant.name for one in outcomes if one.trouble or not one.killed_by]
    if alive:
        out.print(f"{len(alive)} of {len(outcomes)} live: {', '.join(alive)}", style="red")
        return 1
    out.print(f"All {len(outcomes)} mutants were noticed.", style="green")
    return 0


if __name__ == "__main__":
    sys.exit(main())
