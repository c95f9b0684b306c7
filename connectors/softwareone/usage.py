"""Handing in a vendor's usage: a journal with its charges, in small steps that can be resumed.

    usage = Usage(Client(config))
    progress = usage.begin(path, key="2026-10", authorization_id="AUT-…", name="October 2026")
    while not progress.finished:
        commit(progress)                            # always, before the next step
        progress = usage.advance(progress, path)    # come back after `wait_seconds`

The marketplace knows no idempotency keys, and an external id may be on many journals. So every step
looks first at what is there. A create or an upload is announced in one step and sent in the next, so
that what was kept always says since when one may be under way. Only the object that announced it
sends it at once; anybody else (a process after a crash) waits for the consistency delay, looks again,
and announces it anew: use one object for as long as there is nothing to wait for.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from connectors.errors import (
    ConnectorError,
    OutcomeUnknown,
    PermissionDenied,
    Rejected,
    Transient,
)
from connectors.softwareone import progress as progress_of
from connectors.softwareone import rql
from connectors.softwareone.charges import ChargeProblemError, checked, digest_of, lines_of
from connectors.softwareone.client import JSON_LINES, Client
from connectors.softwareone.collections import Journals
from connectors.softwareone.errors import is_gone
from connectors.softwareone.journal import (
    HANDED_IN,
    TAKES_CHARGES,
    Journal,
    JournalStatus,
    charge_errors,
)
from connectors.softwareone.progress import FIRST_WAIT, ChargeProblem, Progress, Step

CONSISTENCY_DELAY = timedelta(seconds=60)
"""After this long, what a look-up does not find was not written."""
_MOST_PROBLEMS = 100


def _now() -> datetime:
    return datetime.now(UTC)


class Usage:
    """Hands usage in for one vendor account."""

    def __init__(
        self,
        client: Client,
        *,
        clock: Callable[[], datetime] = _now,
        consistency_delay: timedelta = CONSISTENCY_DELAY,
    ) -> None:
        """Take the vendor's client.

        Args:
            client: Of a vendor account.
            clock: The time.
            consistency_delay: After this long, what a look-up does not find was not written.

        Raises:
            Unsupported: The connection is not that of a vendor.
        """
        client.allow("journals", "create")
        self._journals = Journals(client)
        self._clock = clock
        self._delay = consistency_delay
        self._may_send: set[tuple[str, Step, datetime]] = set()
        """Writes that this object announced and nobody has sent."""

    def begin(
        self,
        path: Path,
        *,
        key: str,
        authorization_id: str,
        name: str = "",
        due_date: date | None = None,
    ) -> Progress:
        """Look a file of charges through; nothing is sent.

        After a failure that was mended, begin again with the same key: the journal is found.

        Raises:
            ChargeProblemError: A line cannot be sent: its number and what is wrong with it.
            NotExpressibleError: The key cannot be searched for.
        """
        rql.value(key)
        rql.value(authorization_id)
        file = checked(path)
        return Progress(
            key=key,
            authorization_id=authorization_id,
            name=name or key,
            due_date=due_date,
            lines=file.lines,
            size=file.size,
            sha256=file.sha256,
        )

    def advance(self, progress: Progress, path: Path) -> Progress:
        """Take the next step: some looking, and one write at most.

        Raises:
            ConnectorError: Nothing was done, and the progress is what it was: try again later
                (`Transient`), or a person must act first. A write whose outcome is unknown is
                no error: the progress says so.
        """
        match progress.step:
            case Step.LOOK | Step.CREATE:
                return self._created(progress)
            case Step.UPLOAD:
                return self._with_journal(progress, lambda at: self._uploaded(progress, at, path))
            case Step.WAIT:
                return self._with_journal(progress, lambda at: self._validated(progress, at, path))
            case Step.SUBMIT:
                return self._with_journal(progress, lambda at: self._submitted(progress, at, path))
            case Step.DONE:
                return self._with_journal(progress, lambda at: progress_of.followed(progress, at))
        return progress

    # Creating.

    def _created(self, progress: Progress) -> Progress:
        found = self._found(progress)
        if len(found) > 1:
            ids = " and ".join(one.id for one in found)
            return progress.failed(
                "duplicate_at_provider",
                f"The marketplace has more than one journal with the id {progress.key}: {ids}. "
                "Delete those that are not meant, then begin again.",
            )
        if found:
            return progress_of.adopted(progress, found[0])
        if not self._is_ours_to_send(progress):
            return self._announced(progress.model_copy(update={"step": Step.CREATE}))
        content: dict[str, Any] = {
            "name": progress.name,
            "authorization": {"id": progress.authorization_id},
            "externalIds": {"vendor": progress.key},
        }
        if progress.due_date is not None:
            content["dueDate"] = f"{progress.due_date.isoformat()}T00:00:00.000Z"
        try:
            made = self._sent(progress, lambda: self._journals.create(content))
            return progress_of.adopted(progress, Journal.model_validate(made))
        except (OutcomeUnknown, ValueError):
            return self._unclear(progress)
        except Rejected as error:
            return progress.failed(
                "refused", f"The marketplace does not open the journal: {error.message}"
            )

    def _found(self, progress: Progress) -> list[Journal]:
        """Journals with our key, two at most: more make no difference."""
        where = rql.both(
            [
                rql.eq("authorization.id", progress.authorization_id),
                rql.eq("externalIds.vendor", progress.key),
                rql.ne("status", JournalStatus.DELETED),
            ]
        )
        order = ("audit.created.at", "id")
        page, _ = self._journals.page(where, select=("audit",), order=order, limit=2)
        journals = [Journal.model_validate(thing) for thing in page.data]
        return [one for one in journals if one.is_called(progress.key)]

    # Uploading.

    def _uploaded(self, progress: Progress, journal: Journal, path: Path) -> Progress:
        if journal.status in HANDED_IN:
            return progress_of.already_handed_in(progress, journal)
        if progress.announced_at is not None and self._has_arrived(progress, journal):
            return progress.to(Step.WAIT, status=journal.status)
        if journal.status not in TAKES_CHARGES:
            return progress_of.later(progress, journal)
        if not self._is_ours_to_send(progress):
            before = progress.revision if progress.announced_at else journal.revision
            return self._announced(progress.model_copy(update={"revision": before}))
        if digest_of(path) != progress.sha256:
            return progress.failed(
                "file_changed", f"{path.name} was changed since it was looked through: begin again."
            )
        try:
            with path.open("rb") as file:
                part = ("charges.jsonl", file, JSON_LINES)
                self._sent(progress, lambda: self._journals.upload(journal.id, part))
        except OutcomeUnknown:
            return self._unclear(progress)
        except (Rejected, PermissionDenied) as error:
            return self._refused(progress, error, "does not take the charges")
        return progress.to(Step.WAIT, status=JournalStatus.VALIDATING, wait_seconds=FIRST_WAIT)

    @staticmethod
    def _has_arrived(progress: Progress, journal: Journal) -> bool:
        """Whether an upload that was announced is there."""
        if journal.status == JournalStatus.VALIDATING:
            return True
        if journal.revision is None or progress.revision is None:
            return False  # sending it again replaces the charges by the same
        return journal.revision > progress.revision and journal.upload.total == progress.lines

    # Validating and submitting.

    def _validated(self, progress: Progress, journal: Journal, path: Path) -> Progress:
        if journal.status in HANDED_IN:
            return progress.to(Step.DONE, status=journal.status)
        if progress_of.is_stale(progress, journal):
            return progress_of.later(progress, journal)
        validated = journal.status == JournalStatus.VALIDATED
        if journal.status == JournalStatus.ERROR or (validated and journal.upload.error):
            return self._invalid(progress, journal, path)
        total = journal.upload.total
        whole = total is None or total >= progress.lines
        newly = journal.status == JournalStatus.ENQUIRING and self._has_arrived(progress, journal)
        if not validated and not newly:
            return progress_of.later(progress, journal)
        if not whole:
            return progress.failed(
                "incomplete",
                f"The marketplace has {total} of {progress.lines} charges in {journal.id}, and no "
                "error: it is not handed in. Begin again.",
                status=journal.status,
            )
        return progress.to(Step.SUBMIT, status=journal.status)

    def _invalid(self, progress: Progress, journal: Journal, path: Path) -> Progress:
        """Say which charges are wrong, by their lines."""
        page, _ = self._journals.charges(journal.id).page(
            rql.eq("upload.status", "Error"), limit=_MOST_PROBLEMS
        )
        wrong = [(entry, text) for one in page.data for entry, text in charge_errors(one)]
        try:
            lines = lines_of(path, frozenset(entry for entry, _ in wrong))
        except (OSError, ChargeProblemError):
            lines = {}
        problems = tuple(
            ChargeProblem(line=lines.get(entry), entry=entry, message=text)
            for entry, text in wrong[:_MOST_PROBLEMS]
        )
        count = journal.upload.error or page.total or len(wrong)
        said = journal.error_message or (problems[0].message if problems else "")
        first = f" (first: line {problems[0].line})" if problems and problems[0].line else ""
        charges = f"{count} of {progress.lines} charges{first}" if count else "the charges"
        return progress.failed(
            "charges_refused",
            f"The marketplace refuses {charges}: {said or 'it does not say why'}. Correct the "
            "file and begin again with the same key.",
            status=journal.status,
            problems=problems,
        )

    def _submitted(self, progress: Progress, journal: Journal, path: Path) -> Progress:
        if journal.status in HANDED_IN:
            return progress.to(Step.DONE, status=journal.status)
        if journal.status == JournalStatus.ENQUIRING and progress.announced_at is not None:
            return progress_of.returned(progress, journal)
        if journal.status not in {JournalStatus.VALIDATED, JournalStatus.ENQUIRING}:
            return self._validated(progress.to(Step.WAIT), journal, path)
        # Said twice, it is refused the second time: the state says what became of it.
        try:
            self._journals.submit(journal.id)
        except OutcomeUnknown:
            return self._unclear(progress)
        except (Rejected, PermissionDenied) as error:
            return self._refused(progress, error, "does not take the journal for review")
        return progress.to(Step.DONE, status=JournalStatus.REVIEW)

    # What all steps have in common.

    def _with_journal(self, progress: Progress, then: Callable[[Journal], Progress]) -> Progress:
        """Read the journal and go on with it, if it is still there."""
        assert progress.journal_id is not None  # noqa: S101  # adopted before these steps
        try:
            thing = self._journals.get(progress.journal_id, select=("audit",))
        except Rejected as error:
            if not is_gone(error):
                raise
            return progress_of.removed(progress)
        journal = Journal.model_validate(thing)
        return (
            progress_of.removed(progress)
            if journal.status == JournalStatus.DELETED
            else then(journal)
        )

    def _refused(self, progress: Progress, error: ConnectorError, what: str) -> Progress:
        """A definite no: the state decides, since the status of such answers is not described."""

        def decide(journal: Journal) -> Progress:
            if journal.status in HANDED_IN:
                return progress.to(Step.DONE, status=journal.status)
            if journal.status == JournalStatus.VALIDATING:
                return progress.to(Step.WAIT, status=journal.status, wait_seconds=FIRST_WAIT)
            return progress.failed(
                "refused",
                f"The marketplace {what} ({journal.id} is {journal.status}): {error.message}",
                status=journal.status,
            )

        return self._with_journal(progress, decide)

    def _is_ours_to_send(self, progress: Progress) -> bool:
        """Whether this object announced the step's write, and it has not left yet."""
        at = progress.announced_at
        return at is not None and (progress.key, progress.step, at) in self._may_send

    def _announced(self, progress: Progress) -> Progress:
        """Announce the step's write, once none that was announced before can still arrive."""
        now = self._clock()
        if progress.announced_at is not None:
            left = (progress.announced_at + self._delay - now).total_seconds()
            if left > 0:
                return progress.model_copy(update={"wait_seconds": left})
        self._may_send.add((progress.key, progress.step, now))
        return progress.model_copy(update={"announced_at": now, "wait_seconds": 0.0})

    def _sent(self, progress: Progress, send: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Send an announced write; what was certainly not done may be sent at once again."""
        assert progress.announced_at is not None  # noqa: S101  # see `_is_ours_to_send`
        ticket = (progress.key, progress.step, progress.announced_at)
        self._may_send.discard(ticket)
        try:
            return send()
        except Transient:
            self._may_send.add(ticket)
            raise

    def _unclear(self, progress: Progress) -> Progress:
        """The answer was lost: the delay counts from now."""
        return progress.model_copy(
            update={"announced_at": self._clock(), "wait_seconds": FIRST_WAIT}
        )
