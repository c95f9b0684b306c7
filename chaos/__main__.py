"""`make chaos SEED=n`: real workers, real servers, simulated ledgers, and everything dies.

`python -m chaos --seed n [--documents 5000] [--faults 500] [--short] [--plan]`. It ends with one
line of figures; 0 when every document is in its ledger once and as it should be, 1 when not.
"""

import argparse
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from types import FrameType

from chaos import plan as planning
from chaos.faults import Injector, calm
from chaos.judge import judge
from chaos.plan import Plan
from chaos.report import Progress, conclude, out
from chaos.run import OUTAGES, Run
from chaos.stack import Stack, StackError
from connectors.errors import ConnectorError
from sync.errors import SyncError
from worker import logs

LONG_SECONDS, SHORT_SECONDS = 120.0, 22.0
SETTLING_SECONDS = 150.0
PASSING_SECONDS = 5.0
"""How often the ledgers' clocks move on while everything settles."""
DAYS = 3 * 24 * 60
"""What is due within so many minutes is due at once then."""
QUIET_LOOKS = 3
"""How often in a row nothing may move until it counts as settled."""


def wanted(arguments: list[str]) -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="equal seeds make equal plans")
    parser.add_argument("--documents", type=int, help="5000; 400 with --short")
    parser.add_argument("--faults", type=int, help="500; 40 with --short")
    parser.add_argument("--seconds", type=float, help="how long faults come; 120, or 22")
    parser.add_argument("--short", action="store_true", help="the small form that tests run")
    parser.add_argument("--plan", action="store_true", help="print the plan and end")
    parser.add_argument("--home", type=Path, help="where it works; kept afterwards")
    return parser.parse_args(arguments)


def play(plan: Plan, home: Path) -> bool:
    """Play a plan; whether everything held."""
    began = time.monotonic()
    with Progress() as progress, Stack.up(home) as stack:
        progress.say("starting PostgreSQL, Redis and the ledgers …")
        run = Run.begin(plan, stack, progress.say)
        stop = threading.Event()
        injector = Injector(run)
        try:
            settled = _through(run, injector, stop, progress)
            progress.say("judging …")
            verdict = judge(run)
            faults = injector.done + _met(run)
            lasted = time.monotonic() - began
            line = conclude(run, verdict, faults, injector.missed, seconds=lasted, settled=settled)
        finally:
            stop.set()
            injector.join()
            run.close()
    held = not verdict.complaints and settled is not None
    out.print(line, style="green" if held else "red", markup=False)
    return held


def _met(run: Run) -> Counter[str]:
    """The faults that requests really met."""
    met: Counter[str] = Counter()
    for name in run.places:
        met.update(run.books.ask("faults", name))
    return met


def _through(
    run: Run, injector: Injector, stop: threading.Event, progress: Progress
) -> float | None:
    """Everything goes wrong, and then nothing any more; seconds until all was at rest."""
    stack = run.stack
    stack.beats_wanted = 1
    run.began = time.monotonic()
    threads = [
        threading.Thread(target=work, args=(stop,), daemon=True)
        for work in (run.feed, run.administer)
    ]
    for thread in threads:
        thread.start()
    injector.start(stop)
    end = run.plan.seconds * 2 + 60
    while (injector.pending or run.left_to_hand_in) and run.elapsed() < end:
        stack.tend()
        _tell(run, injector, progress, "chaos")
        time.sleep(0.3)
    calm(run)
    since = passed = time.monotonic()
    quiet = 0
    while time.monotonic() - since < SETTLING_SECONDS:
        stack.tend()
        everywhere = time.monotonic() - passed > PASSING_SECONDS
        passed = time.monotonic() if everywhere else passed
        moving = _look(run, everywhere=everywhere)
        _tell(run, injector, progress, "settling")
        quiet = quiet + 1 if moving == 0 and not run.left_to_hand_in else 0
        if quiet == QUIET_LOOKS:
            return time.monotonic() - since
        time.sleep(0.5)
    return None


def _look(run: Run, *, everywhere: bool) -> int:
    """Let time pass and people answer; how much still moves."""
    try:
        run.pass_time(minutes=DAYS)
        if everywhere:
            run.pass_time(minutes=2, everywhere=True)
        run.answer_people()
        return run.moving()
    except OUTAGES:
        return -1


def _tell(run: Run, injector: Injector, progress: Progress, phase: str) -> None:
    try:
        standing = run.standing()
    except OUTAGES:
        standing = Counter()
    progress.figures(run, standing, injector.pending, phase)


def _again(given: argparse.Namespace) -> list[str]:
    """The command that plays the same plan."""
    said = ["python -m chaos", f"--seed {given.seed}"]
    said += [
        f"--{name} {value}"
        for name in ("documents", "faults", "seconds")
        if (value := getattr(given, name)) is not None
    ]
    return [*said, "--short"] if given.short else said


def main(arguments: list[str] | None = None) -> int:
    """Play a seed."""
    given = wanted(sys.argv[1:] if arguments is None else arguments)
    documents = given.documents or (400 if given.short else 5000)
    faults = given.faults if given.faults is not None else (40 if given.short else 500)
    seconds = given.seconds or (SHORT_SECONDS if given.short else LONG_SECONDS)
    plan = planning.make(given.seed, documents=documents, faults=faults, seconds=seconds)
    if given.plan:
        for line in plan.lines():
            print(line)  # what was asked for
        return 0

    def ended(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, ended)
    logs.configure("ERROR", role="chaos")
    folder = Path(tempfile.mkdtemp(prefix="lb-chaos-"))
    folder.chmod(0o755)
    home = given.home or folder / "run"
    try:
        held = play(plan, home)
    except (StackError, SyncError, ConnectorError) as problem:
        out.print(f"The run could not be played: {problem}", style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        out.print("Stopped.")
        return 1
    if held and given.home is None:
        shutil.rmtree(folder, ignore_errors=True)
    if not held:
        out.print(f"Logs are in {home}; the same again: {' '.join(_again(given))}", markup=False)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
