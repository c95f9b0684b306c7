"""Progress on standard error: moving in a terminal, a line now and then elsewhere."""

import time
from types import TracebackType
from typing import Self

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from cli.output import err

EVERY_SECONDS = 5.0


class Status:
    """One line that says what is going on."""

    def __init__(self, message: str) -> None:
        self._message = message
        self._last = time.monotonic()
        self._progress: Progress | None = None
        if err.is_terminal:
            self._progress = Progress(
                SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(),
                console=err, transient=True,
            )  # fmt: skip
            self._task = self._progress.add_task(message, total=None)

    def __enter__(self) -> Self:
        if self._progress:
            self._progress.start()
        return self

    def say(self, message: str) -> None:
        """Change the line; outside a terminal at most every few seconds."""
        if self._progress:
            self._progress.update(self._task, description=message)
        elif message != self._message and time.monotonic() - self._last > EVERY_SECONDS:
            err.print(Text(message))
            self._last = time.monotonic()
        self._message = message

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if self._progress:
            self._progress.stop()


class Counting(Status):
    """A line with a number that grows."""

    def __init__(self, doing: str, noun: str) -> None:
        super().__init__(f"{doing} …")
        self._doing = doing
        self._noun = noun

    def at(self, number: int) -> None:
        """How many there were so far."""
        self.say(f"{self._doing} … {number:,} {self._noun}s")
