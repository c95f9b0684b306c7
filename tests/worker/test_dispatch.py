"""Hints may be lost: whoever publishes one goes on."""

import pytest
from kombu.exceptions import OperationalError

from models.ids import new_id
from worker.dispatch import CeleryHints


class Broken:
    """A broker that goes away while somebody publishes."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def send_task(self, *_: object, **__: object) -> None:
        raise self.error


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("refused"),
        ConnectionResetError(),
        AttributeError("'NoneType' object has no attribute 'client'"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_hint_that_cannot_be_published_is_counted_and_stops_nobody(error: Exception) -> None:
    hints = CeleryHints(Broken(error))

    hints.push(new_id())
    hints.run(new_id())

    assert hints.failures == 2
