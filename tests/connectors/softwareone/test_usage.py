"""Handing usage in: step by step, whatever is lost on the way, and never twice."""

import datetime as dt
import json
import re
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from connectors.errors import RateLimited, Unavailable, Unsupported
from connectors.softwareone.charges import ChargeProblemError
from connectors.softwareone.collections import Journals
from connectors.softwareone.progress import Progress, Step
from connectors.softwareone.rql import NotExpressibleError
from connectors.softwareone.usage import Usage
from tests.connectors.softwareone.given import CLIENT, VENDOR, Stub, listing
from tests.connectors.softwareone.test_charges import a_charge

KEY, AUTHORIZATION = "2026-10", "AUT-1"
MOST_STEPS = 30


class Platform:
    """Journals as the platform keeps them; answers can be lost after they had their effect."""

    def __init__(self) -> None:
        self.journals: dict[str, dict[str, Any]] = {}
        self.content: dict[str, list[dict[str, Any]]] = {}
        self.lost: list[str] = []
        """Ends of addresses whose next answer is lost."""
        self.refusing: dict[str, httpx.Response] = {}
        self.bad_entries: set[str] = set()
        self.now = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)
        self.written: list[str] = []
        self.stub = Stub(self._answer)

    def usage(self) -> Usage:
        """What a new process would build."""
        client = self.stub.client(buyers=(), **VENDOR)
        return Usage(client, clock=lambda: self.now)

    def add(self, status: str = "Draft", key: str = KEY) -> dict[str, Any]:
        name = f"BJO-{len(self.journals) + 1:04d}"
        self.journals[name] = {
            "id": name,
            "status": status,
            "revision": 1,
            "externalIds": {"vendor": key},
            "authorization": {"id": AUTHORIZATION},
        }
        return self.journals[name]

    def go(self, journal: dict[str, Any], status: str, **changes: Any) -> None:
        journal.update({"status": status, "revision": journal["revision"] + 1} | changes)

    def validate(self) -> None:
        """The platform does its part."""
        for name, journal in self.journals.items():
            if journal["status"] != "Validating":
                continue
            rows = self.content[name]
            wrong = [row for row in rows if row["externalIds"]["vendor"] in self.bad_entries]
            counts = {"total": len(rows), "error": len(wrong), "ready": len(rows) - len(wrong)}
            self.go(journal, "Error" if wrong else "Validated", upload=counts)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/public/v1/billing/journals")
        end = f"{request.method} {path.rsplit('/', 1)[-1] if path.count('/') > 1 else ''}".strip()
        if end in self.refusing:
            return self.refusing.pop(end)
        answer = self._done(request, path)
        if request.method == "POST" and answer.status_code < 300:
            self.written.append(end)
        if end in self.lost:
            self.lost.remove(end)
            raise httpx.ReadError("the answer is lost", request=request)
        return answer

    def _done(self, request: httpx.Request, path: str) -> httpx.Response:
        _, name, action, *_ = [*path.split("/"), "", "", ""]
        if not name and request.method == "GET":
            return self._list(unquote(request.url.raw_path.decode()))
        if not name:
            sent = json.loads(request.read())
            made = self.add(key=sent["externalIds"]["vendor"]) | {"name": sent["name"]}
            return httpx.Response(201, json=made)
        journal = self.journals.get(name)
        if journal is None:
            return httpx.Response(404)
        if action == "charges":
            return listing([_wrong(entry) for entry in sorted(self.bad_entries)])
        if action == "upload":
            return self._upload(journal, request.read())
        if action == "submit":
            if journal["status"] not in {"Validated", "Enquiring"}:
                return httpx.Response(400, json={"title": "Wrong state"})
            self.go(journal, "Review")
        return httpx.Response(200, json=journal)

    def _list(self, asked: str) -> httpx.Response:
        found = re.search(r'eq\(externalIds.vendor,"([^"]*)"\)', asked)
        assert found
        assert f'eq(authorization.id,"{AUTHORIZATION}")' in asked
        named = [
            one
            for one in self.journals.values()
            if one["externalIds"]["vendor"] == found[1] and one["status"] != "Deleted"
        ]
        return listing(named[:2], total=len(named))

    def _upload(self, journal: dict[str, Any], body: bytes) -> httpx.Response:
        if journal["status"] not in {"Draft", "Validated", "Error", "Enquiring"}:
            return httpx.Response(400, json={"title": "Wrong state"})
        content = body.split(b"\r\n\r\n", 1)[1].rsplit(b"\r\n--", 1)[0]
        rows = [json.loads(line) for line in content.splitlines()]
        self.content[journal["id"]] = rows
        self.go(journal, "Validating")
        return httpx.Response(200, json=journal)


def _wrong(entry: str) -> dict[str, Any]:
    errors = [{"message": "unknown subscription"}]
    return {"externalIds": {"vendor": entry}, "upload": {"status": "Error", "errors": errors}}


@pytest.fixture
def platform() -> Platform:
    return Platform()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return charges_in(tmp_path)


def charges_in(folder: Path, *numbers: int) -> Path:
    path = folder / "charges.jsonl"
    rows = [json.dumps(a_charge(number)) for number in numbers or (1, 2, 3)]
    path.write_text("\n".join(rows) + "\n")
    return path


def begun(platform: Platform, path: Path) -> Progress:
    return platform.usage().begin(path, key=KEY, authorization_id=AUTHORIZATION, name="October")


def through(
    platform: Platform, path: Path, progress: Progress | None = None, *, dies: bool = False
) -> Progress:
    """To the end as a worker does it: what is kept is JSON, and pauses are for other processes.

    `dies`: a process whose answer is lost is gone, and the next one has what was kept before.
    """
    progress, usage = progress or begun(platform, path), platform.usage()
    for _ in range(MOST_STEPS):
        if progress.finished:
            return progress
        kept, lost = progress, len(platform.lost)
        progress = usage.advance(progress, path)
        if dies and len(platform.lost) < lost:
            progress, usage = kept, platform.usage()
        progress = Progress.model_validate_json(json.dumps(progress.model_dump(mode="json")))
        platform.now += dt.timedelta(seconds=progress.wait_seconds)
        platform.validate()
        usage = platform.usage() if progress.wait_seconds else usage
    raise AssertionError(f"it comes to no end: {progress}")


class TestTheWholeWay:
    def test_usage_gets_into_review(self, platform: Platform, path: Path) -> None:
        end = through(platform, path)

        assert (end.step, end.status, end.journal_id) == (Step.DONE, "Review", "BJO-0001")
        assert platform.written == ["POST", "POST upload", "POST submit"]
        assert len(platform.content["BJO-0001"]) == 3

    def test_every_write_is_announced_before_it_is_sent(
        self, platform: Platform, path: Path
    ) -> None:
        usage, progress = platform.usage(), begun(platform, path)
        seen = []

        while progress.step is not Step.WAIT:
            progress = usage.advance(progress, path)
            seen.append((progress.step, progress.announced_at is not None, len(platform.written)))

        assert seen == [
            (Step.CREATE, True, 0),
            (Step.UPLOAD, False, 1),
            (Step.UPLOAD, True, 1),
            (Step.WAIT, False, 2),
        ]

    def test_a_charge_that_is_wrong_is_found_before_anything_is_sent(
        self, platform: Platform, tmp_path: Path
    ) -> None:
        path = tmp_path / "x.jsonl"
        path.write_text(json.dumps(a_charge(1)) + "\n{odd\n")

        with pytest.raises(ChargeProblemError, match="line 2: it is not JSON"):
            begun(platform, path)
        assert platform.stub.asked == []

    def test_a_key_that_cannot_be_searched_for_is_refused(
        self, platform: Platform, path: Path
    ) -> None:
        with pytest.raises(NotExpressibleError):
            platform.usage().begin(path, key="a'b\"c", authorization_id=AUTHORIZATION)

    def test_only_a_vendor_hands_usage_in(self, platform: Platform) -> None:
        with pytest.raises(Unsupported, match="account role client"):
            Usage(platform.stub.client(**CLIENT))

    def test_the_due_date_goes_along(self, platform: Platform, path: Path) -> None:
        progress = begun(platform, path).model_copy(update={"due_date": dt.date(2026, 12, 1)})

        through(platform, path, progress)

        created = next(one for one in platform.stub.asked if one.method == "POST")
        assert json.loads(created.read()) == {
            "name": "October",
            "authorization": {"id": AUTHORIZATION},
            "externalIds": {"vendor": KEY},
            "dueDate": "2026-12-01T00:00:00.000Z",
        }


class TestLostAnswers:
    @pytest.mark.parametrize("end", ["POST", "POST upload", "POST submit"])
    @pytest.mark.parametrize("dies", [False, True])
    def test_what_was_done_is_not_done_again(
        self, platform: Platform, path: Path, end: str, dies: bool
    ) -> None:
        platform.lost.append(end)

        progress = through(platform, path, dies=dies)

        assert progress.step is Step.DONE
        assert platform.written == ["POST", "POST upload", "POST submit"]
        assert len(platform.journals) == 1

    @pytest.mark.parametrize("end", ["POST", "POST upload"])
    def test_what_was_not_done_is_done_after_the_delay(
        self, platform: Platform, path: Path, end: str
    ) -> None:
        platform.refusing[end] = httpx.Response(504)
        started = platform.now

        progress = through(platform, path)

        assert progress.step is Step.DONE
        assert platform.written == ["POST", "POST upload", "POST submit"]
        assert platform.now - started >= dt.timedelta(seconds=60)

    def test_a_process_that_finds_an_announced_write_waits_before_it_sends(
        self, platform: Platform, path: Path
    ) -> None:
        announced = begun(platform, path).to(Step.CREATE, announced_at=platform.now)

        waits = platform.usage().advance(announced, path)

        assert (waits.wait_seconds, platform.written) == (60, [])
        platform.now += dt.timedelta(seconds=60)
        other = platform.usage()
        assert other.advance(other.advance(waits, path), path).step is Step.UPLOAD

    def test_a_late_commit_is_found_and_not_repeated(self, platform: Platform, path: Path) -> None:
        platform.refusing["POST"] = httpx.Response(504)
        usage = platform.usage()
        progress = usage.advance(begun(platform, path), path)
        progress = usage.advance(progress, path)
        progress = usage.advance(progress, path)
        assert progress.wait_seconds > 0

        platform.add()  # now it is there
        progress = through(platform, path, progress)

        assert progress.step is Step.DONE
        assert len(platform.journals) == 1

    def test_what_certainly_did_not_leave_may_be_sent_at_once(
        self, platform: Platform, path: Path
    ) -> None:
        platform.refusing["POST"] = httpx.Response(429, headers={"Retry-After": "3"})
        usage = platform.usage()
        progress = usage.advance(begun(platform, path), path)

        with pytest.raises(RateLimited):
            usage.advance(progress, path)

        assert usage.advance(progress, path).step is Step.UPLOAD

    def test_an_answer_that_cannot_be_read_is_a_lost_one(
        self, platform: Platform, path: Path
    ) -> None:
        platform.refusing["POST"] = httpx.Response(201, text="<html>")

        assert through(platform, path).step is Step.DONE

    def test_an_outage_raises_and_leaves_the_progress_as_it_is(
        self, platform: Platform, path: Path
    ) -> None:
        platform.stub.respond = lambda _: httpx.Response(503)

        with pytest.raises(Unavailable):
            platform.usage().advance(begun(platform, path), path)


class TestWhatIsThere:
    @pytest.mark.parametrize("status", ["Draft", "Error", "Validated", "Enquiring"])
    def test_a_journal_with_our_key_is_taken_over(
        self, platform: Platform, path: Path, status: str
    ) -> None:
        platform.add(status)

        end = through(platform, path)

        assert end.step is Step.DONE
        assert platform.written == ["POST upload", "POST submit"]

    @pytest.mark.parametrize("status", ["Review", "Accepted", "Completed"])
    def test_what_was_handed_in_is_not_handed_in_again(
        self, platform: Platform, path: Path, status: str
    ) -> None:
        platform.add(status)

        end = through(platform, path)

        assert (end.step, end.code) == (Step.DONE, "handed_in_before")
        assert "BJO-0001 was handed in before" in end.problem
        assert platform.written == []

    def test_two_journals_with_our_key_are_for_a_person(
        self, platform: Platform, path: Path
    ) -> None:
        platform.add()
        platform.add()

        end = through(platform, path)

        assert (end.step, end.code) == (Step.FAILED, "duplicate_at_provider")
        assert "BJO-0001 and BJO-0002" in end.problem
        assert platform.written == []

    def test_a_state_that_nobody_described_is_waited_for(
        self, platform: Platform, path: Path
    ) -> None:
        journal = platform.add("Ready")
        usage, progress = platform.usage(), begun(platform, path)

        waits = [progress := usage.advance(progress, path) for _ in range(9)]

        assert [one.wait_seconds for one in waits][1:] == [2, 4, 8, 16, 32, 60, 60, 60]
        platform.go(journal, "Draft")
        assert through(platform, path, progress).step is Step.DONE

    @pytest.mark.parametrize("deleted", [True, False])
    def test_a_journal_that_vanishes_is_said(
        self, platform: Platform, path: Path, deleted: bool
    ) -> None:
        usage, progress = platform.usage(), begun(platform, path)
        while progress.step is not Step.UPLOAD:
            progress = usage.advance(progress, path)
        if deleted:
            platform.go(platform.journals["BJO-0001"], "Deleted")
        else:
            platform.journals.clear()

        end = usage.advance(progress, path)

        assert (end.step, end.code) == (Step.FAILED, "removed_at_provider")

    def test_a_file_that_was_changed_meanwhile_is_not_sent(
        self, platform: Platform, path: Path, tmp_path: Path
    ) -> None:
        progress = begun(platform, path)
        charges_in(tmp_path, 1, 2, 4)

        end = through(platform, path, progress)

        assert (end.step, end.code) == (Step.FAILED, "file_changed")
        assert platform.written == ["POST"]


class TestRefusals:
    def test_refused_charges_are_named_by_their_lines(self, platform: Platform, path: Path) -> None:
        platform.bad_entries = {"E-2", "E-3"}

        end = through(platform, path)

        assert (end.step, end.code) == (Step.FAILED, "charges_refused")
        assert [(one.line, one.entry) for one in end.problems] == [(2, "E-2"), (3, "E-3")]
        assert "refuses 2 of 3 charges (first: line 2): unknown subscription" in end.problem
        assert "POST submit" not in platform.written

    def test_a_corrected_file_goes_into_the_same_journal(
        self, platform: Platform, path: Path, tmp_path: Path
    ) -> None:
        platform.bad_entries = {"E-2"}
        through(platform, path)
        corrected = charges_in(tmp_path, 1, 3, 4)

        end = through(platform, corrected)

        assert end.step is Step.DONE
        assert len(platform.journals) == 1
        assert len(platform.content["BJO-0001"]) == 3

    def test_fewer_charges_than_were_sent_are_not_handed_in(
        self, platform: Platform, path: Path
    ) -> None:
        usage, progress = platform.usage(), begun(platform, path)
        while progress.step is not Step.WAIT:
            progress = usage.advance(progress, path)
        platform.go(platform.journals["BJO-0001"], "Validated", upload={"total": 2})

        end = usage.advance(progress, path)

        assert (end.step, end.code) == (Step.FAILED, "incomplete")
        assert "POST submit" not in platform.written

    def test_a_journal_that_is_not_opened_says_why(self, platform: Platform, path: Path) -> None:
        platform.refusing["POST"] = httpx.Response(400, json={"detail": "Unknown authorization"})

        end = through(platform, path)

        assert end.problem == "The marketplace does not open the journal: Unknown authorization"

    @pytest.mark.parametrize("status", [400, 403, 409])
    def test_a_submit_that_is_refused_is_decided_by_the_state(
        self, platform: Platform, path: Path, status: int
    ) -> None:
        platform.refusing["POST submit"] = httpx.Response(status)

        end = through(platform, path)

        assert (end.step, end.code, end.status) == (Step.FAILED, "refused", "Validated")
        assert "BJO-0001 is Validated" in end.problem

    def test_a_returned_journal_is_seen_when_it_is_followed(
        self, platform: Platform, path: Path
    ) -> None:
        end = through(platform, path)
        journal = platform.journals["BJO-0001"]
        platform.go(journal, "Accepted")
        assert platform.usage().advance(end, path).status == "Accepted"

        platform.go(journal, "Enquiring", error={"message": "The period is wrong"})
        returned = platform.usage().advance(end, path)

        assert (returned.step, returned.code) == (Step.FAILED, "returned")
        assert "returned BJO-0001 for correction: The period is wrong." in returned.problem


LINES = 200_000


def many_in(folder: Path, lines: int) -> Path:
    path = folder / f"{lines}.jsonl"
    head, tail = json.dumps(a_charge(0)).split("E-0")
    with path.open("w") as file:
        file.writelines(f"{head}E-{number}{tail}\n" for number in range(lines))
    return path


class TestMemory:
    """A million charges must not need more room than a few: measured, not hoped."""

    def test_a_file_is_looked_through_in_a_few_bytes_a_line(
        self, platform: Platform, tmp_path: Path
    ) -> None:
        few, _ = _peak(lambda: begun(platform, many_in(tmp_path, 1_000)))
        many, progress = _peak(lambda: begun(platform, many_in(tmp_path, 15_000)))

        assert progress.lines == 15_000
        assert many - few < 14_000 * 40  # a line has 330

    def test_a_large_file_is_sent_while_it_is_read(self, tmp_path: Path) -> None:
        large = many_in(tmp_path, LINES)
        sent = 0

        class Sink(httpx.BaseTransport):
            def handle_request(self, request: httpx.Request) -> httpx.Response:
                nonlocal sent
                assert isinstance(request.stream, httpx.SyncByteStream)
                sent = sum(len(piece) for piece in request.stream)
                return httpx.Response(200, json={"id": "BJO-1"})

        stub = Stub()
        stub.http = httpx.Client(transport=Sink())
        journals = Journals(stub.client(buyers=(), **VENDOR))

        def upload() -> None:
            with large.open("rb") as file:
                journals.upload("BJO-1", ("charges.jsonl", file, "application/jsonl"))

        peak, _ = _peak(upload)

        assert sent > large.stat().st_size
        assert peak < 1_000_000

    def test_lines_of_an_iterator_are_sent_without_being_kept(self) -> None:
        stub = Stub()

        class Sink(httpx.BaseTransport):
            def handle_request(self, request: httpx.Request) -> httpx.Response:
                assert isinstance(request.stream, httpx.SyncByteStream)
                for _ in request.stream:
                    pass
                return httpx.Response(200, json={})

        stub.http = httpx.Client(transport=Sink())
        journals = Journals(stub.client(buyers=(), **VENDOR))
        line = json.dumps(a_charge()).encode()

        peak, _ = _peak(lambda: journals.upload_lines("B", (line for _ in range(LINES))))

        assert peak < 1_000_000

    def test_charges_are_read_while_they_arrive(self) -> None:
        class Many(httpx.SyncByteStream):
            def __iter__(self) -> Any:
                for _ in range(50):
                    yield b'{"id": "CHG-1", "price": {"SPx1": 1.25}}\n' * 1000

        stub = Stub(lambda _: httpx.Response(200, stream=Many()))
        records = stub.connector().billing.statements.charges("S").records()

        peak, count = _peak(lambda: sum(1 for _ in records))

        assert count == 50_000
        assert peak < 1_000_000


def _peak(call: Callable[[], Any]) -> tuple[int, Any]:
    """The most memory that a call took at any moment, bytes."""
    tracemalloc.start()
    try:
        result = call()
        return tracemalloc.get_traced_memory()[1], result
    finally:
        tracemalloc.stop()
