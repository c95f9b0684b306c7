"""What people see of a run: a line that moves, or one a second; and the figures at the end."""

import sys
import time
from collections import Counter
from typing import Self

from rich.console import Console
from rich.status import Status

from chaos.judge import MOST_SAID, Verdict
from chaos.run import Run

out = Console(highlight=False, soft_wrap=True)


class Progress:
    """Tells how far a run is, at most once a second."""

    def __init__(self) -> None:
        self._status: Status | None = None
        self._told = 0.0

    def __enter__(self) -> Self:
        if out.is_terminal:
            self._status = out.status("starting …")
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()

    def say(self, words: str) -> None:
        """Say it now."""
        self._told = time.monotonic()
        if self._status is not None:
            self._status.update(words)
        else:
            print(words, file=sys.stderr, flush=True)  # progress for a log

    def figures(self, run: Run, standing: Counter[str], faults: int, phase: str) -> None:
        """Say where everything stands."""
        if time.monotonic() - self._told < 1:
            return
        moving = ", ".join(
            f"{number:,} {status}" for status, number in sorted(standing.items()) if number
        )
        self.say(
            f"{run.elapsed():5.0f} s  {phase}: {run.handed_in:,} handed in, "
            f"{faults} faults to come; {moving}"
        )


def conclude(
    run: Run,
    verdict: Verdict,
    faults: Counter[str],
    missed: Counter[str],
    *,
    seconds: float,
    settled: float | None,
) -> str:
    """The one line of figures."""
    for complaint in verdict.complaints[:MOST_SAID]:
        out.print(f"  {complaint}", style="red", markup=False)
    more = len(verdict.complaints) - MOST_SAID
    if more > 0:
        out.print(f"  and {more} more", style="red")
    kinds = " ".join(f"{name}={number}" for name, number in sorted(faults.items()) if number)
    asked = " ".join(f"{name}={number}" for name, number in sorted(run.asked.items()))
    settling = "not settled" if settled is None else f"settled in {settled:.0f} s"
    return (
        f"seed {run.plan.seed}: {len(run.plan.papers)} documents in {run.handed_in} versions, "
        f"{sum(faults.values())} faults ({kinds}), {sum(missed.values())} found nothing to hit, "
        f"{len(verdict.twice)} duplicates, {len(verdict.lost)} losses, "
        f"{len(verdict.wrong)} wrong, {len(verdict.stuck)} stuck, {len(verdict.untold)} untold, "
        f"people asked {sum(run.asked.values())} times ({asked or '-'}), "
        f"{settling}, {seconds:.0f} s in all"
    )
