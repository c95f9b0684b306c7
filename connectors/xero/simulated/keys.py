"""Idempotency keys: the first answer again, for about six minutes.

Source: Xero's guide "Idempotent requests" as others restate it, read 2026-11-20: keys belong to
the app and not to a tenant, errors are repeated as well, another request with the same key is
refused. Not kept is what the gateway answered before the API saw the request (401, 403, 429).
"""

import datetime as dt
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from connectors.faults import Answer, Request
from connectors.xero.simulated import answers

LONGEST_KEY = 128


@dataclass(frozen=True)
class _Kept:
    asked: tuple[str, str, bytes]
    answer: Answer
    until: dt.datetime


class KeyRing:
    """What was answered to each key."""

    def __init__(self, clock: Callable[[], dt.datetime], life: Callable[[], dt.timedelta]) -> None:
        self._clock = clock
        self._life = life
        self._kept: dict[str, _Kept] = {}
        self.seen: Counter[str] = Counter()

    def repeated(self, request: Request) -> Answer | None:
        """The answer that a request had before, if it comes again.

        Raises:
            Refusal: The key is too long, or was used for something else.
        """
        key = request.headers.get("idempotency-key", "")
        if not key or request.method == "GET":
            return None
        self.seen[key] += 1
        if len(key) > LONGEST_KEY:
            text = f"Idempotency Key must not exceed {LONGEST_KEY} characters"
            raise answers.exception("ValidationException", text)
        kept = self._kept.get(key)
        if kept is None or self._clock() >= kept.until:
            return None
        if kept.asked != _asked(request):
            text = f"Idempotency Key {key} is used with a different request"
            raise answers.exception("ValidationException", text)
        return kept.answer

    def keep(self, request: Request, answer: Answer) -> None:
        """Remember what was answered, whatever it is."""
        key = request.headers.get("idempotency-key", "")
        if key and request.method != "GET":
            self._kept[key] = _Kept(_asked(request), answer, self._clock() + self._life())


def _asked(request: Request) -> tuple[str, str, bytes]:
    return (request.method, request.target or request.path, request.body)
