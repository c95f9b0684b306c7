"""The moves between statuses."""

import pytest

from models.status import CLAIMABLE, FINAL, SyncStatus, may_move, public_status, sources_of

S = SyncStatus


@pytest.mark.parametrize("status", SyncStatus)
def test_every_status_has_a_way_on_or_is_an_end(status: SyncStatus) -> None:
    onward = {new for new in SyncStatus if new != status and may_move(status, new)}

    assert onward
    assert onward == {S.PENDING} if status is S.DONE else onward


def test_only_what_is_due_can_become_sending() -> None:
    assert sources_of(S.SENDING) - {S.SENDING} == CLAIMABLE


def test_an_unclear_record_is_never_sent_directly() -> None:
    assert not may_move(S.UNCERTAIN, S.SENDING)


def test_sending_never_ends_with_a_person_saying_so() -> None:
    assert not may_move(S.SENDING, S.DONE_MANUALLY)
    assert not may_move(S.SENDING, S.SKIPPED)


def test_the_public_contract_knows_three_words() -> None:
    words = {status: public_status(status, blocked_by=None, issue_id=None) for status in S}

    assert set(words.values()) == {"pending", "done", "error"}
    assert {words[status] for status in FINAL} == {"done"}
    assert words[S.RETRY_WAIT] == "pending"


@pytest.mark.parametrize(
    ("parent", "issue", "word"),
    [(None, 1, "error"), (1, None, "pending"), (1, 1, "pending"), (None, None, "pending")],
)
def test_what_is_blocked_is_an_error_where_a_person_must_act(
    parent: int | None, issue: int | None, word: str
) -> None:
    assert public_status(S.BLOCKED, blocked_by=parent, issue_id=issue) == word
