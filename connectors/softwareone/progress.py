"""How far a hand-in of usage is, and what the marketplace's state makes of it: pure."""

from datetime import date
from enum import StrEnum
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from connectors.softwareone.journal import HANDED_IN, Journal, JournalStatus

FIRST_WAIT = 2.0
LONGEST_WAIT = 60.0
"""Seconds between two looks."""


class Step(StrEnum):
    """What comes next."""

    LOOK = "look"  # for a journal with our key
    CREATE = "create"
    UPLOAD = "upload"
    WAIT = "wait"  # until the marketplace has validated the charges
    SUBMIT = "submit"
    DONE = "done"  # it is handed in; `status` says how far it got
    FAILED = "failed"  # a person must act: `problem` says what is wrong


class ChargeProblem(BaseModel):
    """What the marketplace says is wrong with one charge."""

    model_config = ConfigDict(frozen=True)

    line: int | None
    """In the file; None where it has no such entry."""
    entry: str
    message: str


class Progress(BaseModel):
    """How far a hand-in is: all that is needed to go on, as plain JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str = Field(min_length=1, max_length=255)
    """Our id of the hand-in, the journal's `externalIds.vendor`; the same for every try."""
    authorization_id: str = Field(min_length=1)
    name: str = Field(min_length=1)
    due_date: date | None = None
    lines: int
    size: int
    sha256: str
    step: Step = Step.LOOK
    journal_id: str | None = None
    status: str = ""
    """The journal's, in the marketplace's words."""
    announced_at: AwareDatetime | None = None
    """Since when the write of this step may have been sent."""
    revision: int | None = None
    """The journal's when the upload was announced."""
    looks: int = 0
    """How often it was looked whether the marketplace has come further."""
    wait_seconds: float = 0
    """Nothing will have changed sooner."""
    code: str = ""
    problem: str = ""
    """Why it failed, or what a person should know, in a sentence."""
    problems: tuple[ChargeProblem, ...] = ()
    """Charges that were refused, a hundred at most."""

    @property
    def finished(self) -> bool:
        """Whether there is nothing more to do."""
        return self.step in {Step.DONE, Step.FAILED}

    def to(self, step: Step, **changes: Any) -> "Progress":
        """Go on to another step: nothing is announced, nothing waits."""
        fresh = {"step": step, "announced_at": None, "looks": 0, "wait_seconds": 0.0}
        return self.model_copy(update=fresh | changes)

    def failed(self, code: str, problem: str, **changes: Any) -> "Progress":
        """End it: a person must act."""
        return self.to(Step.FAILED, code=code, problem=problem, **changes)


def adopted(progress: Progress, journal: Journal) -> Progress:
    """Go on with a journal that has our key."""
    if journal.status in HANDED_IN:
        return already_handed_in(progress, journal)
    return progress.to(Step.UPLOAD, journal_id=journal.id, status=journal.status)


def already_handed_in(progress: Progress, journal: Journal) -> Progress:
    """End it without sending anything: the journal is the marketplace's already."""
    return progress.to(
        Step.DONE,
        journal_id=journal.id,
        status=journal.status,
        code="handed_in_before",
        problem=f"{journal.id} was handed in before and is {journal.status}: this file was not sent.",
    )


def is_stale(progress: Progress, journal: Journal) -> bool:
    """Whether an error is that of the charges before ours: the answer is older than the upload."""
    if journal.revision is None or progress.revision is None:
        return False
    return journal.status == JournalStatus.ERROR and journal.revision <= progress.revision


def later(progress: Progress, journal: Journal) -> Progress:
    """It is the marketplace's turn, or it is in a state that nobody described: look again."""
    wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(progress.looks, 10))
    changes = {"looks": progress.looks + 1, "wait_seconds": wait, "status": journal.status}
    return progress.model_copy(update=changes)


def followed(progress: Progress, journal: Journal) -> Progress:
    """See how far a journal that was handed in has got."""
    if journal.status == JournalStatus.ENQUIRING:
        return returned(progress, journal)
    return progress.model_copy(update={"status": journal.status})


def returned(progress: Progress, journal: Journal) -> Progress:
    """End it: operations want a correction."""
    said = journal.question
    return progress.failed(
        "returned",
        f"The marketplace has returned {journal.id} for correction"
        f"{f': {said}' if said else ''}. Correct the file and begin again with the same key.",
        status=journal.status,
    )


def removed(progress: Progress) -> Progress:
    """End it: the journal is gone."""
    return progress.failed(
        "removed_at_provider",
        f"{progress.journal_id} was deleted in the marketplace. Begin again to open a new one.",
        status=JournalStatus.DELETED,
    )
