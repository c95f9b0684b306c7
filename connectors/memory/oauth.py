"""The plain ledger's ways in with tokens: OAuth2 with PKCE and rotation, or a sign-in.

As strict as real providers are where it hurts: a code works once and only for the address and the
verifier that it was asked with; a refresh token that is sent a second time ends the consent.
"""

import base64
import binascii
import datetime as dt
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

from connectors.auth import challenge_of
from connectors.faults import Answer, Refusal, Request
from connectors.memory.rules import LedgerRules

AUTHORIZE, TOKEN = "/oauth/authorize", "/oauth/token"
PATHS = frozenset({AUTHORIZE, TOKEN})
SIGN_IN = "/sign-in"
_CODE_LIFE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)


@dataclass
class _Consent:
    """What somebody agreed to; ends when it is withdrawn or a token is replayed."""

    ended: bool = False


@dataclass(frozen=True)
class _Code:
    consent: _Consent
    redirect_uri: str
    challenge: str
    until: dt.datetime


class Tokens:
    """Codes and tokens of a ledger; use it under the ledger's lock."""

    def __init__(self, rules: Callable[[], LedgerRules], clock: Callable[[], dt.datetime]) -> None:
        self._rules = rules
        self._clock = clock
        self._codes: dict[str, _Code] = {}
        self._access: dict[str, tuple[_Consent, dt.datetime]] = {}
        self._refresh: dict[str, _Consent] = {}
        self._spent: dict[str, _Consent] = {}
        """Codes and refresh tokens that were used: seen again, they cost the consent."""
        self.consents: list[_Consent] = []
        self._sign_ins: deque[dt.datetime] = deque()

    def withdraw(self) -> None:
        """Whoever consented changes their mind."""
        for consent in self.consents:
            consent.ended = True

    def end_access(self) -> None:
        """All access tokens end now, although they should live."""
        self._access.clear()

    def accepts(self, token: str) -> bool:
        """Whether an access token works now."""
        consent, until = self._access.get(token, (_Consent(ended=True), self._clock()))
        return not consent.ended and self._clock() < until

    def authorize(self, request: Request) -> Answer:
        """Send the browser back with a code, or with a refusal."""
        query, rules = request.query, self._rules()
        if query.get("client_id") != rules.client_id or "redirect_uri" not in query:
            raise Refusal(400, {"error": "invalid_request"})
        given: dict[str, str] = {"state": query.get("state", "")}
        if not rules.consents:
            given["error"] = "access_denied"
        elif (
            query.get("response_type") != "code"
            or query.get("code_challenge_method") != "S256"
            or not query.get("code_challenge")
        ):
            given["error"] = "invalid_request"
        else:
            given["code"] = secrets.token_urlsafe(16)
            if rules.names_books:
                given["books"] = rules.organisation_id
            self.consents.append(consent := _Consent())
            self._codes[given["code"]] = _Code(
                consent,
                query["redirect_uri"],
                query["code_challenge"],
                self._clock() + _CODE_LIFE,
            )
        return Answer(302, b"", {"location": f"{query['redirect_uri']}?{urlencode(given)}"})

    def token(self, request: Request) -> Answer:
        """Give tokens for a code or for a refresh token."""
        form = dict(parse_qsl(request.body.decode("utf-8", "replace")))
        self._require_client(request, form)
        if form.get("grant_type") == "authorization_code":
            return self._given(self._exchanged(form))
        if form.get("grant_type") == "refresh_token":
            return self._given(self._refreshed(form.get("refresh_token", "")), form)
        raise Refusal(400, {"error": "unsupported_grant_type"})

    def sign_in(self, request: Request) -> Answer:
        """Sell a token for a client's id and secret; so many an hour, refused ones included."""
        rules, now = self._rules(), self._clock()
        while self._sign_ins and self._sign_ins[0] <= now - _HOUR:
            self._sign_ins.popleft()
        if rules.sign_ins_per_hour is not None and len(self._sign_ins) >= rules.sign_ins_per_hour:
            wait = int((self._sign_ins[0] + _HOUR - now).total_seconds()) + 1
            body = {"code": "throttled", "message": "too many tokens", "words": {}}
            raise Refusal(429, body, {"Retry-After": str(wait)})
        self._sign_ins.append(now)
        try:
            self._require_client(request, {})
        except Refusal:
            body = {"code": "unauthorized", "message": "the client is not known", "words": {}}
            raise Refusal(401, body) from None
        self.consents.append(consent := _Consent())
        return Answer(200, self._access_to(consent, said=rules.says_life))

    def _require_client(self, request: Request, form: dict[str, str]) -> None:
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        try:
            pair = base64.b64decode(encoded, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            pair = ""
        name, _, secret = (unquote(part) for part in pair.partition(":"))
        if scheme.lower() != "basic":
            name, secret = form.get("client_id", ""), form.get("client_secret", "")
        rules = self._rules()
        if (name, secret) != (rules.client_id, rules.client_secret):
            raise Refusal(401, {"error": "invalid_client"})

    def _exchanged(self, form: dict[str, str]) -> _Consent:
        word = form.get("code", "")
        code = self._codes.pop(word, None)
        if code is None:
            raise self._replayed(word)
        self._spent[word] = code.consent
        fits = (
            code.redirect_uri == form.get("redirect_uri")
            and code.challenge == challenge_of(form.get("code_verifier", ""))
            and self._clock() < code.until
        )
        if not fits:
            raise _refused()
        return code.consent

    def _refreshed(self, word: str) -> _Consent:
        consent = self._refresh.get(word)
        if consent is None:
            raise self._replayed(word)
        if consent.ended:
            raise _refused()
        if self._rules().rotates_tokens:
            self._spent[word] = self._refresh.pop(word)
        return consent

    def _replayed(self, word: str) -> Refusal:
        if word in self._spent:
            self._spent[word].ended = True
        return _refused()

    def _given(self, consent: _Consent, form: dict[str, str] | None = None) -> Answer:
        """New tokens; where refresh tokens do not rotate, a refresh gives no other one."""
        body = {**self._access_to(consent), "token_type": "Bearer"}
        if form is None or self._rules().rotates_tokens:
            body["refresh_token"] = secrets.token_urlsafe(16)
            self._refresh[body["refresh_token"]] = consent
        return Answer(200, body)

    def _access_to(self, consent: _Consent, *, said: bool = True) -> dict[str, Any]:
        """A new access token; how long it works may remain unsaid."""
        access, life = secrets.token_urlsafe(16), self._rules().access_life
        self._access[access] = (consent, self._clock() + life)
        seconds = int(life.total_seconds())
        return {"access_token": access, "expires_in": seconds if said else None}


def _refused() -> Refusal:
    return Refusal(400, {"error": "invalid_grant"})
