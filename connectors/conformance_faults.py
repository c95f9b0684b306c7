# ruff: noqa: D102, S101  # a test's name is its sentence, and assertions are its point
"""The part of the suite about faults: lost answers, look-ups, and what every error must be."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial

import httpx
import pytest

from connectors.base import (
    Absent,
    Accepted,
    CallScope,
    Connector,
    Deadline,
    Failed,
    Found,
    Page,
    Progressed,
    Unclear,
)
from connectors.conformance_kit import (
    RETRY_AFTER_SECONDS,
    Ability,
    Trial,
    assert_unknown,
    pulled,
    pushed,
    wants,
)
from connectors.conformance_writes import in_batches
from connectors.errors import (
    AuthorizationLost,
    ConnectorError,
    OutcomeUnknown,
    RateLimited,
    Transient,
    Unavailable,
)
from connectors.faults import Fault
from models.canonical import ObjectType

ODD_ANSWERS = {
    "nothing": (200, b""),
    "object": (200, b"{}"),
    "list": (200, b"[]"),
    "null": (200, b"null"),
    "text": (200, b'"text"'),
    "number": (200, b"17"),
    "half": (200, b'{"items": [{"id": '),
    "odd items": (200, b'{"items": [{"id": [], "changed_at": {}}], "results": [{}, 7]}'),
    "numbers as items": (200, b'{"items": [7], "results": [7]}'),
    "binary": (200, b"\xff\xfe\x00"),
    "deep": (200, b"[" * 100_000),
    "infinite": (200, b'{"id": Infinity, "items": NaN}'),
    "no content": (204, b""),
    "redirect": (302, b""),
    "bad request": (400, b"{}"),
    "forbidden": (403, b"[1, 2]"),
    "not found": (404, b""),
    "conflict": (409, b"null"),
    "teapot": (418, b"teapot"),
    "unprocessable": (422, b'{"errors": 7, "results": {}, "code": [], "message": 0}'),
    "batch": (422, b'{"code": "batch_refused", "results": []}'),
    "crash": (500, b"{}"),
    "gateway": (502, b"<html>"),
}
"""Name → status and body."""
SOON = 0.02
"""Seconds: enough for a call in this process, too little to wait for its repetition."""


class AboutLostAnswers:
    """What is in the ledger after a write that broke off, and how it is found out."""

    @wants(pushed())
    def test_what_was_committed_before_the_answer_was_lost_is_found_once(
        self, trial: Trial, kind: ObjectType
    ) -> None:
        for _, item in trial.broken_off(kind, Fault.DROP_AFTER):
            found = trial.found(kind, item)
            finished = trial.finish(kind, item, found)

            assert finished.platform_id == found.accepted.platform_id
            assert trial.count(kind, item) == 1
            assert trial.found(kind, item).progress is None

    @wants(pushed())
    def test_what_was_lost_before_commit_is_absent_and_may_be_sent_again(
        self, trial: Trial, kind: ObjectType
    ) -> None:
        for write, item in trial.broken_off(kind, Fault.DROP_BEFORE):
            there = trial.count(kind, item)
            assert there == 0 or write > 0

            if there:
                trial.finish(kind, item, trial.found(kind, item))
            else:
                assert trial.find(kind, [item]) == [Absent()]
                trial.create(kind, replace(item, progress=None, platform_id=None))

            assert trial.count(kind, item) == 1

    @wants(in_batches)
    def test_a_lost_batch_is_found_item_by_item_in_order(
        self, trial: Trial, kind: ObjectType
    ) -> None:
        items = [trial.item(kind) for _ in range(2)]
        trial.bench.arm(Fault.DROP_AFTER, writes=True)
        for result in trial.push(kind, items):
            assert_unknown(result)
        never_sent = trial.item(kind)
        trial.bench.wait(trial.spec.consistency_delay)

        first, absent, second = trial.find(kind, [items[0], never_sent, items[1]])

        assert isinstance(first, Found)
        assert isinstance(absent, Absent)
        assert isinstance(second, Found)
        assert first.accepted.platform_id != second.accepted.platform_id
        for item, found in ((items[0], first), (items[1], second)):
            trial.finish(kind, item, found)
            assert trial.count(kind, item) == 1

    @wants(pushed())
    def test_an_unknown_marker_is_absent(self, trial: Trial, kind: ObjectType) -> None:
        assert trial.find(kind, [trial.item(kind)]) == [Absent()]

    @wants(pushed(), ability=Ability.DUPLICATE)
    def test_two_objects_with_one_marker_are_a_question_for_a_person(
        self, trial: Trial, kind: ObjectType
    ) -> None:
        item, created = trial.create(kind)
        trial.bench.duplicate(kind, created.platform_id)
        trial.bench.wait(trial.spec.consistency_delay)

        (result,) = trial.find(kind, [replace(item, progress=None, platform_id=None)])

        assert isinstance(result, Unclear)
        assert result.reason

    @wants(pushed())
    @pytest.mark.parametrize("fault", [Fault.ERROR_AFTER, Fault.GARBAGE, Fault.TRUNCATED], ids=str)
    def test_an_answer_that_says_nothing_leaves_the_outcome_unknown(
        self, trial: Trial, kind: ObjectType, fault: Fault
    ) -> None:
        item = trial.item(kind)
        trial.bench.arm(fault, writes=True)

        (result,) = trial.push(kind, [item])

        assert_unknown(result)
        trial.finish(kind, item, trial.found(kind, item))
        assert trial.count(kind, item) == 1


class AboutErrors:
    """Which error stands for what, and that no other ever leaves a connector."""

    @wants(pushed())
    def test_a_throttled_write_says_when_to_come_back(self, trial: Trial, kind: ObjectType) -> None:
        item = trial.item(kind)
        trial.bench.arm(Fault.THROTTLE, writes=True)

        (result,) = trial.push(kind, [item])

        assert isinstance(result, Failed)
        assert isinstance(result.error, RateLimited)
        assert result.error.retry_after == timedelta(seconds=RETRY_AFTER_SECONDS)
        assert trial.count(kind, item) == 0

    @wants(pulled)
    def test_a_throttled_read_says_when_to_come_back(self, trial: Trial, kind: ObjectType) -> None:
        trial.bench.arm(Fault.THROTTLE, writes=False)

        error = trial.error_of(lambda: trial.pages(kind))

        assert isinstance(error, RateLimited)
        assert error.retry_after == timedelta(seconds=RETRY_AFTER_SECONDS)

    @pytest.mark.parametrize("fault", [Fault.AWAY, Fault.GARBAGE], ids=str)
    def test_a_provider_that_is_away_is_unavailable(self, trial: Trial, fault: Fault) -> None:
        trial.bench.arm(fault, writes=False, times=99)

        assert isinstance(trial.error_of(trial.connector().check), Unavailable)

    @wants(pushed())
    def test_a_write_to_a_provider_that_is_away_makes_nothing(
        self, trial: Trial, kind: ObjectType
    ) -> None:
        item = trial.item(kind)
        trial.bench.arm(Fault.AWAY, writes=True, times=99)

        (result,) = trial.push(kind, [item])

        # Not every provider promises that 503 means "not processed".
        assert isinstance(result, Failed)
        assert isinstance(result.error, Unavailable | OutcomeUnknown)
        assert trial.count(kind, item) == 0

    def test_a_provider_that_cannot_be_reached_is_unavailable(self, trial: Trial) -> None:
        def unreachable(request: httpx.Request) -> httpx.Response:
            raise httpx.ConnectError("connection refused", request=request)

        for name, call in _calls(trial, unreachable):
            if name.startswith(("check", "push")):
                assert isinstance(trial.error_of(call), Unavailable), name

    def test_nothing_leaves_after_the_deadline(self, trial: Trial) -> None:
        left: list[httpx.Request] = []

        def counted(request: httpx.Request) -> httpx.Response:
            left.append(request)
            return httpx.Response(503)

        for name, call in _calls(trial, counted, seconds=-1):
            assert isinstance(trial.error_of(call), Transient), name

        assert not left

    def test_no_answer_is_waited_for_longer_than_the_connection_says(self, trial: Trial) -> None:
        waits: list[float] = []

        def noted(request: httpx.Request) -> httpx.Response:
            waits.append(request.extensions["timeout"]["read"])
            return httpx.Response(400, request=request)

        for _, call in _calls(trial, noted, timeout_seconds=3):
            trial.error_of(call)

        assert waits
        assert max(waits) <= 3  # noqa: PLR2004  # what the call above allows

    @wants(pushed())
    def test_a_session_that_ends_is_renewed_or_reported(
        self, trial: Trial, kind: ObjectType
    ) -> None:
        item = trial.item(kind)
        connector = trial.connector()
        connector.check()
        trial.bench.arm(Fault.EXPIRED, writes=True)

        (result,) = trial.push(kind, [item], connector)

        if isinstance(result, Failed):
            assert isinstance(result.error, AuthorizationLost)
        assert trial.count(kind, item) == (0 if isinstance(result, Failed) else 1)

    @wants(pulled)
    def test_a_session_that_ends_before_a_page_is_renewed_or_reported(
        self, trial: Trial, kind: ObjectType
    ) -> None:
        connector = trial.connector()
        connector.check()
        whole = _ids(connector.pull(kind, None))
        trial.bench.arm(Fault.EXPIRED, writes=False)

        try:
            again = _ids(connector.pull(kind, None))
        except ConnectorError as error:
            trial.examine(error)
            again = whole if isinstance(error, AuthorizationLost) else []

        assert again == whole

    def test_credentials_that_stay_refused_are_authorization_lost(self, trial: Trial) -> None:
        connector = trial.connector()
        connector.check()
        trial.bench.arm(Fault.EXPIRED, writes=False, times=99)

        assert isinstance(trial.error_of(connector.check), AuthorizationLost)

    @pytest.mark.parametrize("name", sorted(ODD_ANSWERS))
    def test_only_connector_errors_leave_whatever_a_provider_answers(
        self, trial: Trial, name: str
    ) -> None:
        status, body = ODD_ANSWERS[name]

        def answer(request: httpx.Request) -> httpx.Response:
            headers = {"content-type": "application/json", "location": "/elsewhere"}
            return httpx.Response(status, headers=headers, content=body, request=request)

        for _, call in _calls(trial, answer, seconds=SOON):
            with contextlib.suppress(ConnectorError):
                assert not isinstance(call(), Accepted | Progressed)

    @pytest.mark.parametrize("status", [200, 302, 401, 403, 429, 500, 503])
    def test_a_look_up_that_fails_proves_nothing(self, trial: Trial, status: int) -> None:
        def answer(request: httpx.Request) -> httpx.Response:
            return httpx.Response(status, content=b"<html>Bad gateway</html>", request=request)

        for name, call in _calls(trial, answer, seconds=SOON):
            if name.startswith("find"):
                trial.error_of(call)

    @pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 409, 422, 429, 500, 503])
    def test_a_provider_that_repeats_our_request_betrays_no_secret(
        self, trial: Trial, status: int
    ) -> None:
        tokens: set[str] = set()

        def echo(request: httpx.Request) -> httpx.Response:
            named = request.headers.get("authorization", "").split()[1:]
            tokens.update(named)
            said = "\n".join(f"{name}: {value}" for name, value in request.headers.items())
            body = f"{named} may not: {request.read().decode()}\n{said}\n{request.url}"
            answer = {"message": body, "error": body, "code": body}
            return httpx.Response(status, json=answer, request=request)

        for name, call in _calls(trial, echo, seconds=SOON):
            error = _error_or_none(call)
            if error is not None:
                trial.examine(error)
                shown = f"{error} {vars(error)}"
                assert not [token for token in tokens if token in shown], f"{name} shows a token"


def _ids(pages: Iterable[Page]) -> list[str]:
    return [one.platform_id for page in pages for one in page.records]


def _error_or_none(call: Callable[[], object]) -> ConnectorError | None:
    try:
        call()
    except ConnectorError as error:
        return error
    return None


def _calls(
    trial: Trial,
    answer: Callable[[httpx.Request], httpx.Response],
    *,
    seconds: float | None = None,
    timeout_seconds: float = 60,
) -> Iterator[tuple[str, Callable[[], object]]]:
    """Every sort of call, each by a new connector, to a provider that answers in one way only.

    `seconds` is how long requests may leave: few, so that nobody waits to repeat a read.
    """
    spec = trial.spec
    samples = {kind: trial.item(kind) for kind in pushed()(spec)}

    def connector() -> Connector:
        deadline = None if seconds is None else Deadline(seconds)
        client = httpx.Client(transport=httpx.MockTransport(answer))
        return trial.connector(
            http=client,
            scope=CallScope("conformance", deadline),
            timeout_seconds=timeout_seconds,
        )

    def pull(kind: ObjectType) -> object:
        return list(connector().pull(kind, None))

    def find(kind: ObjectType) -> object:
        return connector().find(kind, [samples[kind]])

    def push(kind: ObjectType) -> object:
        (result,) = connector().push(kind, [samples[kind]])
        if isinstance(result, Failed):
            raise result.error
        return result

    yield "check", lambda: connector().check()
    for kind in pulled(spec):
        yield f"pull {kind}", partial(pull, kind)
    for kind in samples:
        yield f"find {kind}", partial(find, kind)
        yield f"push {kind}", partial(push, kind)
