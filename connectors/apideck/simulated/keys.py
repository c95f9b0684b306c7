"""Idempotency keys: what was sent with them, and what they repeat.

Source: the descriptions of the header in the Python SDK 0.52.0 and the guide "Idempotency keys",
read 2026-11-21. Which HTTP answers carry which `type_name` is ours.
"""

import datetime as dt
import hashlib
import re
from dataclasses import dataclass

from connectors.apideck.simulated import answers
from connectors.apideck.simulated.profiles import Keys, Profile
from connectors.faults import Answer, Request

_DOCUMENTED = {
    ("POST", "invoices"),
    ("POST", "bills"),
    ("POST", "credit-notes"),
    ("POST", "journal-entries"),
    ("PATCH", "invoices"),
}
_KEY = re.compile(r"[\x20-\x7e]{1,255}")
_GOOD = 400


@dataclass
class _Kept:
    fingerprint: str
    until: dt.datetime
    answer: Answer | None = None
    """None while the first request is still running."""


class KeyRing:
    """Keys of one connection."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}

    def repeated(
        self, request: Request, resource: str, profile: Profile, now: dt.datetime
    ) -> Answer | None:
        """The answer that a key has already, or None: then the request is to be carried out.

        Raises:
            Refusal: The header is not supported, malformed, in use, or was sent with another body.
        """
        key = self._key(request, resource, profile)
        if key is None:
            return None
        fingerprint = _fingerprint(request)
        kept = self._kept.get(key)
        if kept is not None and kept.until > now:
            if kept.fingerprint != fingerprint:
                raise answers.impossible("The Idempotency-Key was used with another request")
            if kept.answer is None:
                text = "A request with this Idempotency-Key is still running"
                raise answers.refusal(409, "ConflictError", "Conflict", text)
            if kept.answer.status < _GOOD or profile.replays_errors:
                return kept.answer
        self._kept[key] = _Kept(fingerprint, now + profile.key_life)
        return None

    def keep(self, request: Request, resource: str, profile: Profile, answer: Answer) -> None:
        """Remember what a request came to."""
        key = self._key(request, resource, profile)
        if key is not None and (kept := self._kept.get(key)) is not None:
            kept.answer = answer

    @staticmethod
    def _key(request: Request, resource: str, profile: Profile) -> str | None:
        given = request.headers.get("idempotency-key")
        if given is None:
            return None
        documented = (request.method, resource) in _DOCUMENTED
        way = profile.keys if documented else profile.keys_elsewhere
        if way is Keys.IGNORED:
            return None
        if way is Keys.REFUSED:
            raise answers.bad_headers(f"Idempotency-Key is not supported by {profile.name} here")
        key = given[1:-1] if len(given) > 1 and given[0] == given[-1] == '"' else given
        if not _KEY.fullmatch(key):
            raise answers.bad_headers("Idempotency-Key must be 1 to 255 printable ASCII characters")
        return key


def _fingerprint(request: Request) -> str:
    said = f"{request.method} {request.path} ".encode() + request.body
    return hashlib.sha256(said).hexdigest()
